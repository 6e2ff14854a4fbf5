//! Target `schedule`: no bytes make a day on which a sound system breaks a promise, and every day replays.
//!
//! Held besides: what nodes show is what they reported, a day written down says the same when it is read again, and a
//! run has the same fingerprint when its luck is written down and when what never came up is left out (promises P1, P3).

use super::bytes::{Record, split};
use super::day::day;
use super::deviations::deviate;
use super::file::read_back;
use super::interferences::interferences;
use super::{broke, story, systems};
use crate::explore::explicit;
use crate::harness::{Luck, Subject};
use crate::model::Scenario;
use crate::sim::{Key, Odds, Span};
use std::sync::Arc;

const TITLE: &str = "A day from bytes";

/// The body of the target.
///
/// # Panics
/// If the day of these bytes breaks a promise.
pub fn schedule(bytes: &[u8]) {
    hold_schedule(systems::sound(bytes.first().copied().unwrap_or(0)), bytes);
}

/// The same on any system.
///
/// # Panics
/// If the day of these bytes breaks a promise on it.
pub fn hold_schedule(system: &Arc<dyn Subject>, bytes: &[u8]) {
    let subject = &**system;
    let scenario = scenario(subject, bytes);
    let story = story(TITLE, &scenario, subject);
    read_back(&story);
    let outcome = systems::watched(system).run(&scenario, Luck::Replay, false);
    if let Some(violation) = outcome.violations.first() {
        broke(&format!("{} broke {}: {}", subject.name(), violation.invariant, violation.text), &story);
    }
    if let Some(mistake) = &outcome.mistake {
        broke(&format!("a mistake in the model of {}: {mistake}", subject.name()), &story);
    }
    let mut came_up = scenario;
    came_up.schedule.retain(|deviation| !outcome.unused.contains(deviation));
    let again = subject.run(&came_up, Luck::Replay, false);
    if again.fingerprint != outcome.fingerprint || !again.unused.is_empty() {
        broke("without the deviations that never came up, the run replays to another fingerprint", &story);
    }
}

/// The scenario of an input: what users do, what interferes, the weather, then two rounds of bad luck with what happens.
///
/// # Panics
/// If the weather, written down, replays to another fingerprint.
pub(super) fn scenario(subject: &dyn Subject, bytes: &[u8]) -> Scenario {
    let (head, records) = split(bytes);
    let of = |kinds: std::ops::RangeInclusive<u8>| -> Vec<Record> {
        records.iter().filter(|record| kinds.contains(&record[0])).copied().collect()
    };
    let mut scenario = day(subject.domain(), &head, &of(0..=127));
    scenario.schedule = interferences(&scenario, &of(128..=175));
    if head[5] >= 128 {
        scenario = under_weather(subject, &scenario, head[5], head[2]);
    }
    deviate(subject, &mut scenario, &of(176..=223));
    deviate(subject, &mut scenario, &of(224..=255));
    scenario
}

/// The same with luck drawn for every event and written down. The lower bits say which fates are drawn at all.
fn under_weather(subject: &dyn Subject, scenario: &Scenario, kinds: u8, seed: u8) -> Scenario {
    let on = |bit: u8, odds: u32| if kinds >> bit & 1 == 1 { odds } else { 0 };
    let odds = Odds {
        drop: on(0, 6_000),
        duplicate: on(1, 6_000),
        delay: on(2, 12_000),
        pause: on(3, 12_000),
        kill: on(4, 800),
        late: on(5, 12_000),
        corrupt: on(6, 2_000),
        truncate: on(6, 2_000),
        longest: Span::secs(60),
        down: Span::secs(20),
        jitter: Span::ZERO,
    };
    let luck = Luck::Drawn(Key::of_seed(u64::from(kinds) << 8 | u64::from(seed)), odds);
    let drawn = subject.run(scenario, luck, false);
    let written = explicit(scenario, &drawn);
    if subject.run(&written, Luck::Replay, false).fingerprint != drawn.fingerprint {
        broke("written down, a drawn run replays to another fingerprint", &story(TITLE, &written, subject));
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn nothing_at_all_is_a_day_on_every_system() {
        for chooses in 0..7 {
            schedule(&[chooses]);
        }
        schedule(&[]);
    }

    #[test]
    fn what_is_too_long_is_cut_and_ends() {
        schedule(&[200; 10_000]);
    }

    #[test]
    fn the_weather_draws_fates_of_the_kinds_that_its_bits_name_and_of_no_others() {
        let subject = &**systems::sound(0);
        let ops = [[0u8, 1, 165, 3, 1, 0]; 12].concat();
        let kinds = |weather: u8| -> BTreeSet<String> {
            let all = (0..20u8).flat_map(|seed| {
                let bytes = [&[0, 1, seed, 0, 180, weather][..], &ops].concat();
                scenario(subject, &bytes).schedule
            });
            all.map(|one| format!("{:?}", one.fate).split('(').next().unwrap_or_default().to_string()).collect()
        };
        assert_eq!(kinds(0x7f), BTreeSet::new());
        assert_eq!(kinds(0x81), BTreeSet::from(["Drop".to_string()]));
        assert!(kinds(0xff).len() >= 8, "{:?}", kinds(0xff));
    }
}
