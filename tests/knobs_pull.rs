//! What goes wrong in downloads, knob by knob: each flaw breaks its promise on some bad day, and on the same day the
//! sound value keeps it.
//!
//! How soon a campaign finds each one is for `squall canaries`; here a day that shows it is known.

use squall::explore::{Profile, generate};
use squall::harness::{Outcome, Subject};
use squall::model::retail::RETAIL;
use squall::store::Memory;
use squall::sync::catalogue::CANARIES;
use squall::sync::presets::PRESETS;
use squall::sync::{Engine, Policy};

/// What the catalogue plants in downloads, with a seed that shows it.
const SHOWN: [(&str, u64); 10] = [
    ("B13-additive-movements", 1),
    ("B69-stamped-before-commit", 5),
    ("B70-page-edge", 20),
    ("B72-cursor-first", 16),
    ("B74-shared-cursor", 0),
    ("B79-pull-with-pending", 2),
    ("B80-one-way-table", 1),
    ("B81-lines-dropped", 1),
    ("B82-created-overwritten", 21),
    ("B85-up-to-date-too-early", 136),
];

/// A preset with knobs set.
fn policy(base: &str, knobs: &[(&str, &str)]) -> Policy {
    let (.., policy) = PRESETS.iter().find(|(name, ..)| *name == base).expect("a canary's base is a preset");
    knobs.iter().fold(*policy, |policy, (knob, value)| policy.with(knob, value).expect("a knob of the catalogue"))
}

/// The run of a seed.
fn day(policy: Policy, seed: u64) -> Outcome {
    let engine: Engine<Memory> = Engine::new("a canary", policy, &RETAIL);
    let (scenario, luck) = generate(&RETAIL, &Profile::find("default").unwrap(), seed);
    Subject::run(&engine, &scenario, luck, false)
}

/// Whether the run of a seed breaks this promise.
fn breaks(policy: Policy, seed: u64, invariant: &str) -> bool {
    day(policy, seed).violations.iter().any(|violation| violation.invariant == invariant)
}

#[test]
fn each_flaw_breaks_its_promise_on_a_day_on_which_the_sound_value_keeps_it() {
    for (id, seed) in SHOWN {
        let canary = CANARIES.iter().find(|canary| canary.id == id).expect("the catalogue has it");
        let sound = policy(canary.base, canary.companions);
        let flawed = sound.with(canary.flaw.0, canary.flaw.1).expect("the catalogue's knobs exist");
        assert!(breaks(flawed, seed, canary.invariant), "{id} does not show on seed {seed}");
        assert!(!breaks(sound, seed, canary.invariant), "{id}: the sound value breaks it, too, on seed {seed}");
    }
}

#[test]
fn a_page_that_begins_with_its_predecessor_s_last_commit_is_asked_for_without_end() {
    let sound = policy("seri-sound", &[("page", "3")]);
    let flawed = sound.with("page-edge", "repeats").unwrap();
    assert!(breaks(flawed, 2, "outbox-drains"));
    assert!(!breaks(sound, 2, "outbox-drains"));
}

#[test]
fn a_device_that_is_told_of_changes_shows_them_long_before_its_next_tick() {
    let told = policy("seri-sound", &[("live", "notifies")]);
    let mut sooner = 0;
    for seed in 0..40 {
        let outcome = day(told, seed);
        assert!(outcome.violations.is_empty(), "seed {seed}: {:?}", outcome.violations);
        sooner += i32::from(outcome.metrics.requests > day(policy("seri-sound", &[]), seed).metrics.requests);
    }
    assert!(sooner > 10, "only on {sooner} of 40 days was anything asked for because of a notice");
}
