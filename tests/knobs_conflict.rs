//! Each way in which a conflict is found or decided wrongly breaks the promise that the catalogue names, and the same
//! system without the flaw keeps it on the same seed.
//!
//! One seed each, found by a search; the search itself is the business of `squall canaries`.

use squall::explore::{Profile, generate};
use squall::harness::Subject;
use squall::model::Domain;
use squall::model::clinic::CLINIC;
use squall::model::retail::RETAIL;
use squall::store::Memory;
use squall::sync::catalogue::CANARIES;
use squall::sync::presets::PRESETS;
use squall::sync::{Engine, Policy};

fn broken(policy: Policy, domain: &'static Domain, seed: u64) -> Vec<&'static str> {
    let engine: Engine<Memory> = Engine::new("canary", policy, domain);
    let (scenario, luck) = generate(domain, &Profile::find("default").unwrap(), seed);
    let outcome = Subject::run(&engine, &scenario, luck, false);
    assert_eq!(outcome.mistake, None, "seed {seed}");
    outcome.violations.iter().map(|violation| violation.invariant).collect()
}

/// Canaries with a seed that shows them.
const SHOWN: &[(&str, u64)] = &[
    ("B62-conflict-with-itself", 57),
    ("B63-version-before-key", 10),
    ("B65-coalescing", 20),
    ("B87-edit-time", 61),
    ("B88-two-clock-domains", 61),
    ("B91-tie", 30),
    ("B92-dropped-but-ok", 21),
    ("B93-version-check-apart", 45),
    ("B94-missing-is-addition", 24),
    ("B95-two-way-merge", 4),
    ("B96-old-base", 51),
    ("B98-own-strategy", 61),
    ("B99-recreates", 24),
    ("B100-tombstone-purged", 2_165),
    ("C13-check-after-write", 61),
    ("C20-conflict-unlogged", 51),
];

#[test]
fn each_flaw_breaks_its_promise_and_the_repaired_system_keeps_it() {
    for (id, seed) in SHOWN {
        let canary = CANARIES.iter().find(|canary| canary.id == *id).expect("the canary is in the catalogue");
        let base = PRESETS.iter().find(|(name, ..)| *name == canary.base).expect("its base is a preset").2;
        let repaired = canary.companions.iter().fold(base, |policy, (knob, value)| policy.with(knob, value).unwrap());
        let flawed = repaired.with(canary.flaw.0, canary.flaw.1).unwrap();
        let domain = if canary.domain == "clinic" { &CLINIC } else { &RETAIL };
        assert!(
            broken(flawed, domain, *seed).contains(&canary.invariant),
            "{id} breaks {} with seed {seed}",
            canary.invariant
        );
        assert!(!broken(repaired, domain, *seed).contains(&canary.invariant), "{id} repaired, seed {seed}");
    }
}
