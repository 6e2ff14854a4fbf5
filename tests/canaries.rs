//! Every bug of the catalogue has its story: what the table plants is what the file runs, it breaks the promise that the
//! table names, and it breaks nothing once it is repaired.
//!
//! How soon random search finds each is asked by `squall canaries`, not here.

use squall::cli::Registry;
use squall::harness::{Luck, Outcome, Systems};
use squall::invariants;
use squall::scenario::{Expectation, Story, Vocabulary, check, parse};
use squall::sync::catalogue::{CANARIES, Canary};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/catalogue")
}

/// Ids of the stories that there are.
fn stories() -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder()).expect("the folder of the catalogue can be read");
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| name.strip_suffix(".json").unwrap_or(&name).to_string()).collect()
}

/// The story of a row, if it has one.
fn story(registry: &Registry, canary: &Canary) -> Option<Story> {
    let path = folder().join(format!("{}.json", canary.id));
    let text = std::fs::read_to_string(&path).ok()?;
    let names: Vec<&str> = invariants::all().iter().map(|invariant| invariant.name()).collect();
    let vocabulary = Vocabulary { systems: registry, invariants: &names, domains: &registry.domains() };
    Some(parse(canary.id, &text, &vocabulary).unwrap_or_else(|report| panic!("{}: {}", canary.id, report.message)))
}

fn ending(registry: &Registry, story: &Story, system: &str) -> Outcome {
    let subject = registry.find_on(system, story.scenario.domain).expect("the table names systems that there are");
    subject.run(&story.scenario, Luck::Replay, true)
}

fn expected<'a>(story: &'a Story, canary: &Canary, system: &str) -> &'a Expectation {
    let found = story.expect.iter().find(|expected| expected.system == system);
    found.unwrap_or_else(|| panic!("{} does not say how it ends on {system}", canary.id))
}

#[test]
fn every_row_of_the_table_has_its_story_and_every_story_its_row() {
    let (rows, files): (BTreeSet<String>, _) = (CANARIES.iter().map(|one| one.id.to_string()).collect(), stories());
    let missing: Vec<&String> = rows.difference(&files).collect();
    let stray: Vec<&String> = files.difference(&rows).collect();
    let make = "squall canaries ID… --save scenarios/catalogue";
    assert!(missing.is_empty(), "{} rows have no story: {missing:?}\nmake them with `{make}`", missing.len());
    assert!(stray.is_empty(), "{} stories have no row: {stray:?}", stray.len());
}

#[test]
fn each_story_breaks_the_promise_that_its_row_names_and_holds_where_it_is_sound() {
    let registry = Registry::builtin();
    for canary in CANARIES {
        let Some(story) = story(&registry, canary) else { continue };
        assert!(story.title.ends_with(canary.mechanism), "{} is told as `{}`", canary.id, story.title);
        assert_eq!(story.scenario.domain.name, canary.domain, "{}", canary.id);
        let flawed = expected(&story, canary, &canary.system());
        assert!(flawed.violates.iter().any(|name| name == canary.invariant), "{}: {:?}", canary.id, flawed.violates);
        let repaired = expected(&story, canary, &canary.repaired());
        assert!(repaired.holds || repaired.only, "{} says all that {} breaks", canary.id, repaired.system);
        assert!(!repaired.violates.iter().any(|name| name == canary.invariant), "{} is not repaired", canary.id);
        assert!(expected(&story, canary, canary.base).holds, "{} does not hold on {}", canary.id, canary.base);
        // Promises about clocks take a second run, which `squall replay` makes; the others are held here too.
        if canary.invariant != "clock-irrelevant" {
            for expected in &story.expect {
                let outcome = ending(&registry, &story, &expected.system);
                let differences = check(expected, &story, &outcome);
                assert!(differences.is_empty(), "{} on {}: {differences:?}", canary.id, expected.system);
            }
        }
    }
}

#[test]
fn no_story_has_more_devices_or_faults_than_the_catalogue_lists_unless_the_table_says_why() {
    let registry = Registry::builtin();
    let mut larger = Vec::new();
    for canary in CANARIES {
        let (Some((devices, _, faults)), Some(story)) = (canary.size, story(&registry, canary)) else { continue };
        let told = story.scenario.schedule.iter().filter(|deviation| deviation.fault().is_some()).count();
        let larger_than_listed = story.scenario.devices.len() > devices as usize || told > faults as usize;
        if larger_than_listed && canary.longer.is_none() {
            larger.push(format!("{}: {} devices, {told} faults", canary.id, story.scenario.devices.len()));
        }
    }
    assert!(larger.is_empty(), "{larger:#?}");
}
