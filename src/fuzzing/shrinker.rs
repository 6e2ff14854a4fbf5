//! Target `shrinker`: whatever a flawed system breaks, the shrunk story breaks the same promise in the same way (P4).
//!
//! Held besides: the story is no larger, runs the same each time and when it is read from a file, and does not grow when
//! it is shrunk again. How small stories get is not held here.

use super::file::read_back;
use super::{broke, schedule, story, systems};
use crate::explore::cost::cost;
use crate::explore::{Shrunk, shrink};
use crate::harness::{Luck, Subject};
use crate::invariants::Identity;
use crate::model::Scenario;

/// Runs spent on shrinking an input once.
const BUDGET: u32 = 60;
/// Longer inputs are cut.
const LONGEST: usize = 160;

/// What shrinks a scenario that breaks a promise, within so many runs.
pub type Shrinker = fn(&dyn Subject, &Scenario, Identity, u32) -> Option<Shrunk>;

/// The body of the target.
///
/// # Panics
/// If the shrinker breaks its promise on the day of these bytes.
pub fn shrinker(bytes: &[u8]) {
    hold_shrinker(shrink, bytes);
}

/// The same for any shrinker.
///
/// # Panics
/// If the shrinker breaks its promise on the day of these bytes.
pub fn hold_shrinker(shrink: Shrinker, bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let chooses = bytes.first().copied().unwrap_or(0);
    let subject = &**systems::flawed(chooses);
    let scenario = schedule::scenario(subject, bytes);
    let outcome = subject.run(&scenario, Luck::Replay, false);
    if outcome.was_stopped() {
        broke("a flawed system breaks promises but never stops", &story("A day that stops", &scenario, subject));
    }
    let Some(violation) = outcome.violations.get(usize::from(chooses >> 4) % outcome.violations.len().max(1)) else {
        return;
    };
    let identity = violation.identity();
    let title = format!("{} breaks {}, {}, of {}", subject.name(), identity.invariant, identity.kind, identity.entity);
    let fail = |what: &str, scenario: &Scenario| -> ! {
        broke(&format!("{title}: {what}"), &story(&title, scenario, subject))
    };
    let Some(shrunk) = shrink(subject, &scenario, identity, BUDGET) else {
        fail("the shrinker says that it does not", &scenario)
    };
    if shrunk.violation.identity() != identity || shrunk.outcome.broke(identity).is_none() {
        fail("the shrunk story breaks another promise", &shrunk.scenario);
    }
    if cost(&shrunk.scenario) > cost(&scenario) {
        fail("the shrunk story is larger", &shrunk.scenario);
    }
    for _ in 0..2 {
        let again = subject.run(&shrunk.scenario, Luck::Replay, false);
        if again.fingerprint != shrunk.outcome.fingerprint || again.broke(identity).is_none() {
            fail("the shrunk story runs otherwise when it is run again", &shrunk.scenario);
        }
    }
    let read = read_back(&story(&title, &shrunk.scenario, subject));
    if subject.run(&read.scenario, Luck::Replay, false).fingerprint != shrunk.outcome.fingerprint {
        fail("the shrunk story runs otherwise when it is read from a file", &shrunk.scenario);
    }
    match shrink(subject, &shrunk.scenario, identity, BUDGET) {
        Some(more) if cost(&more.scenario) <= cost(&shrunk.scenario) => {}
        Some(more) => fail("shrunk again, the story grows", &more.scenario),
        None => fail("shrunk again, the story does not break its promise", &shrunk.scenario),
    }
}
