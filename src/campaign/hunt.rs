//! Hunts a bug that was planted on purpose: how many random runs until its promise breaks, and how short its story is.
//!
//! A breach counts only if the planted flaw is its cause: without the flaw the same promise holds in the same scenario,
//! and the sound system keeps every promise there. It reads no clock and saves nothing.

use crate::explore::{Profile, SHRINK_BUDGET, explicit, generate, shrink, steps};
use crate::harness::{Luck, Outcome, Subject};
use crate::invariants::{Identity, Violation};
use crate::model::{Domain, Scenario};
use crate::system::Facts;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flawed system, what it is held against, and the promise that it must break.
///
/// As a [`Subject`] it breaks that promise or none, and only where the flaw is the cause; how and about which entity is
/// left out, so that the shrinker may find a shorter way to break it.
pub struct Quarry {
    /// The system with the flaw.
    pub flawed: Arc<dyn Subject>,
    /// The same without the flaw, if that is not simply the sound system.
    pub repaired: Option<Arc<dyn Subject>>,
    /// The sound system.
    pub sound: Arc<dyn Subject>,
    /// The promise.
    pub invariant: &'static str,
}

/// How far a hunt came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hunt {
    /// Runs done, the one that broke the promise included.
    pub runs: u64,
    /// The seed that broke it.
    pub seed: Option<u64>,
}

/// A planted bug's story and how large it is.
#[derive(Clone, Debug)]
pub struct Tale {
    /// The seed that was shrunk.
    pub seed: u64,
    /// The story.
    pub scenario: Scenario,
    /// How the promise broke.
    pub violation: Violation,
    /// Faults, devices and steps; compare with `<`.
    pub size: Size,
}

/// How large a story is, what counts most first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Size {
    /// Faults.
    pub faults: u32,
    /// Devices.
    pub devices: u32,
    /// Steps.
    pub steps: u32,
}

/// Runs the seeds from the range's start until the promise breaks, or until `stop` is set.
pub fn hunt(quarry: &Quarry, profile: &Profile, seeds: Range<u64>, stop: &AtomicBool) -> Hunt {
    let mut runs = 0;
    for seed in seeds {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (scenario, luck) = generate(quarry.domain(), profile, seed);
        runs += 1;
        if quarry.run(&scenario, luck, false).broke(quarry.identity()).is_some() {
            return Hunt { runs, seed: Some(seed) };
        }
    }
    Hunt { runs, seed: None }
}

/// The story of one seed, shrunk; `None` if it does not break the promise once it is written down.
pub fn tell(quarry: &Quarry, profile: &Profile, seed: u64) -> Option<Tale> {
    let (scenario, luck) = generate(quarry.domain(), profile, seed);
    let drawn = quarry.flawed.run(&scenario, luck, false);
    let shrunk = shrink(quarry, &explicit(&scenario, &drawn), quarry.identity(), SHRINK_BUDGET)?;
    let faults = shrunk.scenario.schedule.iter().filter(|deviation| deviation.fault().is_some()).count();
    let size = Size {
        faults: faults as u32,
        devices: shrunk.scenario.devices.len() as u32,
        steps: steps(&quarry.facts(), &shrunk.outcome, &shrunk.violation) as u32,
    };
    let ended = quarry.flawed.run(&shrunk.scenario, Luck::Replay, false);
    let violation = ended.violations.iter().find(|violation| violation.invariant == quarry.invariant);
    let violation = violation.expect("the story was seen to break the promise").clone();
    Some(Tale { seed, scenario: shrunk.scenario, violation, size })
}

impl Size {
    /// By how much it is larger than another: faults and devices, then steps. Fewer faults do not pay for more steps.
    pub fn beyond(self, other: Size) -> (u32, u32) {
        let more = self.faults.saturating_sub(other.faults) + self.devices.saturating_sub(other.devices);
        (more, self.steps.saturating_sub(other.steps))
    }
}

/// Of the stories of these seeds the one that is least beyond the `listed` size, then the smallest; stops at the first
/// that is not beyond it at all.
pub fn shortest(
    quarry: &Quarry,
    profile: &Profile,
    seeds: impl Iterator<Item = u64>,
    listed: Size,
    stop: &AtomicBool,
) -> Option<Tale> {
    let mut best: Option<Tale> = None;
    for seed in seeds {
        let told = tell(quarry, profile, seed);
        let size = |tale: &Tale| (tale.size.beyond(listed), tale.size, tale.scenario.steps.len(), tale.seed);
        best = best.into_iter().chain(told).min_by_key(size);
        let fits = best.as_ref().is_some_and(|tale| tale.size.beyond(listed) == (0, 0));
        if fits || stop.load(Ordering::Relaxed) {
            break;
        }
    }
    best
}

impl Quarry {
    fn identity(&self) -> Identity {
        Identity { invariant: self.invariant, kind: "", entity: "" }
    }

    fn breaks_it(&self, outcome: &Outcome) -> bool {
        outcome.violations.iter().any(|violation| violation.invariant == self.invariant)
    }

    /// Whether the promise breaks, and breaks because of the flaw.
    fn shows(&self, outcome: &Outcome, scenario: &Scenario, luck: Luck) -> bool {
        let without = |subject: &Arc<dyn Subject>| subject.run(scenario, luck, false);
        self.breaks_it(outcome)
            && !self.repaired.as_ref().is_some_and(|repaired| self.breaks_it(&without(repaired)))
            && without(&self.sound).violations.is_empty()
    }
}

impl Subject for Quarry {
    fn name(&self) -> String {
        self.flawed.name()
    }
    fn domain(&self) -> &'static Domain {
        self.flawed.domain()
    }
    fn facts(&self) -> Facts {
        self.flawed.facts()
    }
    fn run(&self, scenario: &Scenario, luck: Luck, record: bool) -> Outcome {
        let mut outcome = self.flawed.run(scenario, luck, record);
        if !self.shows(&outcome, scenario, luck) {
            outcome.violations.clear();
            return outcome;
        }
        // The trace refers to violations by their place, so all of them stay where they are.
        for violation in outcome.violations.iter_mut().filter(|violation| violation.invariant == self.invariant) {
            (violation.kind, violation.entity) = ("", "");
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::test_shop::TestShop;

    fn quarry(flawed: TestShop, sound: TestShop) -> Quarry {
        let invariant = "one-effect-per-op";
        Quarry { flawed: Arc::new(flawed), repaired: None, sound: Arc::new(sound), invariant }
    }

    static NEVER: AtomicBool = AtomicBool::new(false);
    const SMALL: Size = Size { faults: 0, devices: 1, steps: 6 };

    #[test]
    fn a_hunt_ends_with_the_first_run_that_breaks_the_promise() {
        let (quarry, profile) =
            (quarry(TestShop::forgetful(), TestShop::repaired()), Profile::find("default").unwrap());
        let first = hunt(&quarry, &profile, 0..1_000, &NEVER);
        let seed = first.seed.expect("the planted bug is found");
        assert_eq!(first.runs, seed + 1);
        assert_eq!(hunt(&quarry, &profile, 0..seed, &NEVER), Hunt { runs: seed, seed: None });
        assert_eq!(hunt(&quarry, &profile, 0..1_000, &AtomicBool::new(true)), Hunt { runs: 0, seed: None });
    }

    #[test]
    fn a_promise_that_the_sound_system_breaks_as_well_is_no_find() {
        let quarry = quarry(TestShop::forgetful(), TestShop::forgetful());
        let found = hunt(&quarry, &Profile::find("default").unwrap(), 0..300, &NEVER);
        assert_eq!(found, Hunt { runs: 300, seed: None });
    }

    #[test]
    fn a_promise_that_breaks_without_the_flaw_is_no_find() {
        let mut quarry = quarry(TestShop::forgetful(), TestShop::repaired());
        quarry.repaired = Some(Arc::new(TestShop::forgetful()));
        let found = hunt(&quarry, &Profile::find("default").unwrap(), 0..300, &NEVER);
        assert_eq!(found, Hunt { runs: 300, seed: None });
    }

    #[test]
    fn the_shortest_of_several_stories_is_told_with_the_breach_as_it_is() {
        let (quarry, profile) =
            (quarry(TestShop::forgetful(), TestShop::repaired()), Profile::find("default").unwrap());
        let tale = shortest(&quarry, &profile, 0..60, SMALL, &NEVER).expect("some of these seeds break the promise");
        assert_eq!(tale.size.beyond(SMALL), (0, 0), "{:?}", tale.size);
        assert_ne!(tale.violation.kind, "");
        let none = Size { faults: 0, devices: 0, steps: 0 };
        let all: Vec<Size> = (0..20).filter_map(|seed| tell(&quarry, &profile, seed)).map(|tale| tale.size).collect();
        let least = shortest(&quarry, &profile, 0..20, none, &NEVER).unwrap().size;
        assert_eq!(Some(&least), all.iter().min());
        assert!(all.len() > 1);
    }

    #[test]
    fn fewer_faults_do_not_pay_for_more_steps() {
        let size = |faults, devices, steps| Size { faults, devices, steps };
        let listed = size(1, 2, 4);
        assert_eq!(size(0, 1, 9).beyond(listed), (0, 5));
        assert_eq!(size(2, 3, 1).beyond(listed), (2, 0));
        assert_eq!(listed.beyond(listed), (0, 0));
    }
}
