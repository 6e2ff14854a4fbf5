//! Every flaw that a device can have in its outbox, its identities or its clock is caught by the promise that the
//! catalogue names, and with the flaw repaired and its companions kept that promise holds on the same day.
//!
//! Seeds are where a search found the story quickly; whether a campaign finds it by itself is for `squall canaries`.

use squall::explore::{Profile, generate};
use squall::harness::Subject;
use squall::model::retail::RETAIL;
use squall::store::Memory;
use squall::sync::catalogue::{CANARIES, Canary};
use squall::sync::presets::PRESETS;
use squall::sync::{Engine, Policy};

/// A canary by the start of its name, and the seed from which it is looked for.
const FOUND: &[(&str, u64)] = &[
    ("B07-", 1),
    ("B08-", 20),
    ("B09-", 181),
    ("B10-", 1),
    ("B12-", 7),
    ("B22-", 1),
    ("B32-", 12),
    ("B33-", 1),
    ("B34-", 1),
    ("B36-", 7),
    ("B38-", 12),
    ("B39-", 47),
    ("B40-", 1),
    ("B42-", 1),
    ("B46-", 4),
    ("B49-", 26),
    ("B50-", 12),
    ("B52-", 41),
    ("B53-", 23),
    ("B57-", 23),
    ("B58-", 6),
    ("B59-", 1),
    ("B60-", 1),
    ("B90-", 4),
    ("C04-", 51),
    ("C08-", 7),
    ("C09-", 8),
    ("C10-", 87),
    ("C11-", 1),
    ("C14-", 7),
    ("C16-", 4),
    ("C18-", 195),
    ("C22-", 1),
];

/// How many seeds are tried.
const TRIED: u64 = 20;

fn policy(canary: &Canary, flawed: bool) -> Policy {
    let base = PRESETS.iter().find(|(name, ..)| *name == canary.base).expect("a canary's base is a preset").2;
    let flaw = flawed.then_some(&canary.flaw);
    canary.companions.iter().chain(flaw).fold(base, |policy, (knob, value)| policy.with(knob, value).unwrap())
}

fn breaks(policy: Policy, seed: u64, invariant: &str) -> bool {
    let engine: Engine<Memory> = Engine::new("canary", policy, &RETAIL);
    let (scenario, luck) = generate(&RETAIL, &Profile::find("default").unwrap(), seed);
    let outcome = Subject::run(&engine, &scenario, luck, false);
    assert_eq!(outcome.mistake, None, "seed {seed}");
    outcome.violations.iter().any(|violation| violation.invariant == invariant)
}

#[test]
fn each_flaw_breaks_the_promise_that_the_catalogue_names_and_its_repair_keeps_it() {
    for (name, from) in FOUND {
        let canary = CANARIES.iter().find(|canary| canary.id.starts_with(name)).expect("a canary of this name");
        let caught = (*from..from + TRIED).find(|seed| breaks(policy(canary, true), *seed, canary.invariant));
        let Some(seed) = caught else { panic!("{} was not caught from seed {from} on", canary.id) };
        assert!(!breaks(policy(canary, false), seed, canary.invariant), "{} repaired, seed {seed}", canary.id);
    }
}
