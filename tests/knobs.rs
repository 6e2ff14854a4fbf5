//! Every knob of the sync engine can be set to each of its values on every preset: nothing panics, and what the engine
//! reports is what it holds.
//!
//! Whether promises are kept under such a policy is not asked: most knobs exist because they break one.

use squall::explore::{Profile, generate};
use squall::harness::Subject;
use squall::model::retail::RETAIL;
use squall::store::Memory;
use squall::sync::presets::PRESETS;
use squall::sync::{Engine, Policy};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Every value to try for a knob whose present value is `now`.
fn values(policy: &Policy, knob: &str, now: &str) -> Vec<String> {
    if now.parse::<u64>().is_ok() {
        return ["0", "1", "100000"].map(String::from).to_vec();
    }
    if now == "true" || now == "false" {
        return ["true", "false"].map(String::from).to_vec();
    }
    let bad = policy.with(knob, "no-such-value").expect_err("no knob takes this value");
    assert!(!bad.knob && bad.known.len() > 1, "{knob} names its values: {bad:?}");
    bad.known
}

/// What goes wrong in the first runs under a policy.
fn trouble(name: &str, policy: Policy) -> Option<String> {
    let engine: Engine<Memory> = Engine::new(name, policy, &RETAIL);
    let profile = Profile::find("default").unwrap();
    (0..3).find_map(|seed| {
        let (scenario, luck) = generate(&RETAIL, &profile, seed);
        let run = catch_unwind(AssertUnwindSafe(|| Subject::run(&engine, &scenario, luck, false)));
        match run {
            // A timer of a millisecond may use a run's events up; a panic or a loop without time passing may not be.
            Ok(outcome)
                if outcome
                    .violations
                    .iter()
                    .any(|one| one.invariant == "nodes-keep-running" && !one.text.contains("without an end")) =>
            {
                Some(format!("seed {seed}: {:?}", outcome.violations.last()))
            }
            Ok(outcome) => outcome.mistake.map(|mistake| format!("seed {seed}: {mistake}")),
            Err(_) => Some(format!("seed {seed}: panicked")),
        }
    })
}

#[test]
fn every_knob_at_every_value_on_every_preset_runs_without_a_mistake() {
    let mut troubles = Vec::new();
    let mut tried = 0;
    for (preset, _, base) in PRESETS {
        for (knob, now) in base.settings() {
            for value in values(&base, &knob, &now) {
                let policy = base.with(&knob, &value).expect("the value is one of those named");
                let name = format!("{preset}+{knob}={value}");
                tried += 1;
                troubles.extend(trouble(&name, policy).map(|trouble| format!("{name} {trouble}")));
            }
        }
    }
    assert!(tried > 100 * PRESETS.len(), "only {tried} settings were tried");
    assert!(troubles.is_empty(), "{} of {tried}:\n{}", troubles.len(), troubles.join("\n"));
}

#[test]
fn a_setting_reads_back_as_it_was_written() {
    for (preset, _, base) in PRESETS {
        for (knob, now) in base.settings() {
            for value in values(&base, &knob, &now) {
                let set = base.with(&knob, &value).unwrap();
                let back = set.settings().into_iter().find(|(name, _)| *name == knob).unwrap().1;
                assert_eq!(back, value, "{preset}+{knob}");
                assert_eq!(set.with(&knob, &now).unwrap(), base, "{preset}+{knob}={value}");
            }
        }
    }
}
