//! Every input that fuzzing has kept runs through its target again: the corpus, and what once broke something.
//!
//! Why here: the fuzzer needs a nightly compiler, its inputs do not. That the targets can fail at all is shown on flawed
//! systems and on broken shrinkers. It looks for nothing new.

#![cfg(feature = "cli")]

use squall::cli::Registry;
use squall::explore::{Shrunk, shrink};
use squall::fuzzing::{Shrinker, hold_schedule, hold_shrinker, scenario_file, schedule, shrinker};
use squall::harness::{Subject, Systems};
use squall::invariants::Identity;
use squall::model::Scenario;
use squall::sim::{Deviation, Fate, Label, NodeId, Point, Span, Time};
use std::fs;
use std::panic::{AssertUnwindSafe, UnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// A target: what an input is held against.
type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 3] = [("schedule", schedule), ("scenario_file", scenario_file), ("shrinker", shrinker)];

/// The inputs of a target in a folder under `fuzz/`, in order of name.
fn inputs(folder: &str, target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder).join(target);
    let Ok(entries) = fs::read_dir(&folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// What a body says of an input that breaks something.
fn complaint(body: impl FnOnce() + UnwindSafe) -> Option<String> {
    let panic = catch_unwind(body).err()?;
    Some(panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic without a message".into()))
}

fn replay(name: &str, target: Target) {
    let kept = inputs("corpus", name);
    assert!(kept.len() >= 10, "the corpus of {name} has {} inputs", kept.len());
    for (path, bytes) in kept.into_iter().chain(inputs("regressions", name)) {
        if let Some(text) = complaint(|| target(&bytes)) {
            panic!("{}: {text}", path.display());
        }
    }
}

#[test]
fn every_kept_schedule_keeps_every_promise_of_the_sound_systems() {
    replay(TARGETS[0].0, TARGETS[0].1);
}

#[test]
fn every_kept_file_is_refused_with_a_reason_or_reads_back_as_it_was() {
    replay(TARGETS[1].0, TARGETS[1].1);
}

#[test]
fn every_kept_bad_day_shrinks_to_a_story_that_keeps_what_it_breaks() {
    replay(TARGETS[2].0, TARGETS[2].1);
}

#[test]
fn the_kept_schedules_break_promises_of_a_flawed_system_and_the_complaint_is_a_file_that_replays() {
    let registry = Registry::builtin();
    let flawed = registry.find("seri-2026-01-16").unwrap();
    let complaints = inputs("corpus", "schedule")
        .into_iter()
        .filter_map(|(_, bytes)| complaint(AssertUnwindSafe(|| hold_schedule(&flawed, &bytes))));
    let text = complaints.into_iter().find(|text| text.contains("broke")).expect("a flawed system breaks a promise");
    let (what, file) = text.split_once('\n').expect("the complaint ends with a file");
    assert!(what.starts_with("seri-2026-01-16 broke "), "{what}");
    scenario_file(file.as_bytes());
    assert!(file.contains("\"seri-2026-01-16\": { \"holds\": true }"), "{file}");
}

/// The shrinkers below are right but for one thing.
fn half_done(subject: &dyn Subject, scenario: &Scenario, identity: Identity, budget: u32) -> Option<Shrunk> {
    shrink(subject, scenario, identity, budget).map(|mut shrunk| {
        shrunk.scenario.schedule.clear();
        shrunk.scenario.steps.clear();
        shrunk
    })
}

fn inflating(subject: &dyn Subject, scenario: &Scenario, identity: Identity, budget: u32) -> Option<Shrunk> {
    shrink(subject, scenario, identity, budget).map(|mut shrunk| {
        let label = Label::interference(NodeId(1), Point::Offline, 99);
        shrunk.scenario = scenario.clone();
        shrunk.scenario.schedule.push(Deviation { label, fate: Fate::During(Time::ZERO, Span::secs(1), 0) });
        shrunk
    })
}

fn giving_up(_: &dyn Subject, _: &Scenario, _: Identity, _: u32) -> Option<Shrunk> {
    None
}

#[test]
fn a_shrinker_that_loses_the_failure_makes_a_story_larger_or_gives_up_is_found_out() {
    let kept = inputs("corpus", "shrinker");
    let broken: [(Shrinker, &str); 3] = [
        (half_done, "runs otherwise"),
        (inflating, "the shrunk story is larger"),
        (giving_up, "the shrinker says that it does not"),
    ];
    for (shrinker, expected) in broken {
        let mut complaints = kept.iter().filter_map(|(_, bytes)| complaint(|| hold_shrinker(shrinker, bytes)));
        let text = complaints.next().expect("some kept day breaks a promise");
        assert!(text.contains(expected), "{text}");
    }
}
