//! Commands on systems that misbehave: what is printed, what programs read, and the exit code.
//!
//! The systems, and what the library reports of them, are those of `tests/misbehaving`.

use super::args::{Cli, Command};
use super::exit::Exit;
use super::output::Out;
use super::registry::Registry;
use super::stranger::{Manner, Stranger};
use super::tests::Page;
use super::{explain, fuzz, replay, shrink};
use clap::Parser;
use serde_json::Value;
use std::path::PathBuf;

/// What a command line prints about a stranger of this manner, and how it ends.
fn squall(manner: Manner, args: &[&str]) -> (String, Exit) {
    let cli = Cli::try_parse_from([&["squall"], args].concat()).unwrap();
    let page = Page::default();
    let mut out = Out::onto(Box::new(page.clone()), cli.format);
    let registry = Registry::empty().with(Stranger(manner));
    let ended = match &cli.command {
        Command::Fuzz(args) => fuzz::campaign(&registry, args, &Default::default(), &mut out),
        Command::Explain(args) => explain::explain(&registry, args, &mut out),
        Command::Replay(args) => replay::replay(&registry, args, &mut out),
        Command::Shrink(args) => shrink::shrink(&registry, args, &mut out),
        other => panic!("no test runs {other:?}"),
    };
    (page.text(), ended.unwrap_or_else(|failure| panic!("{failure:?}")))
}

/// A short campaign on a stranger: its text, its JSON, its exit code, and the folder of its findings.
fn fuzzed(manner: Manner, profile: &str, seeds: &str) -> (String, Value, Exit, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let save = folder.path().to_str().unwrap();
    let args = ["fuzz", "stranger", "--seeds", seeds, "-j", "1", "--profile", profile, "--save", save];
    let (text, exit) = squall(manner, &args);
    let (value, again) = squall(manner, &[&args[..], &["--format", "json"]].concat());
    assert_eq!(exit, again);
    (text, serde_json::from_str(&value).unwrap(), exit, folder)
}

/// The saved story of how the system stopped.
fn saved(folder: &tempfile::TempDir) -> PathBuf {
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut stopped = files.filter(|path| path.to_string_lossy().contains("nodes-keep-running"));
    stopped.next().expect("the story is saved")
}

#[test]
fn a_panic_is_a_finding_that_is_saved_replayed_explained_and_shrunk() {
    let (text, value, exit, folder) = fuzzed(Manner::PanicsOnACopy, "default", "0..150");
    assert_eq!(exit, Exit::Broken, "{text}");
    assert!(text.contains("nodes-keep-running: server panicked while handling a message on push"), "{text}");
    assert_eq!((&value["runs"], value["mistakes"].as_array().unwrap().len()), (&150.into(), 0));
    let path = saved(&folder);
    let file = path.to_str().unwrap();
    let (text, exit) = squall(Manner::PanicsOnACopy, &["replay", file]);
    assert_eq!(exit, Exit::Held, "{text}");
    let (text, exit) = squall(Manner::PanicsOnACopy, &["explain", file]);
    assert_eq!(exit, Exit::Broken);
    assert!(text.contains("why nodes-keep-running broke") && text.contains("index out of bounds"), "{text}");
    let elsewhere = tempfile::tempdir().unwrap();
    let (text, exit) = squall(Manner::PanicsOnACopy, &["shrink", file, "--save", elsewhere.path().to_str().unwrap()]);
    assert!(exit == Exit::Broken && text.contains("nodes-keep-running"), "{text}");
    let (text, exit) = squall(Manner::Good, &["replay", file]);
    assert_eq!(exit, Exit::Broken, "a stranger that does not panic does not end as the story says: {text}");
}

#[test]
fn an_endless_loop_is_a_finding_whose_story_is_short() {
    let (text, value, exit, folder) = fuzzed(Manner::DoesTwoTasksInTurn, "default", "0..40");
    assert_eq!(exit, Exit::Broken, "{text}");
    assert!(text.contains("went round without time passing: task 3, task 4, again and again"), "{text}");
    assert_eq!(value["model_mistakes"].as_array().unwrap().len(), 0);
    let (text, _) = squall(Manner::DoesTwoTasksInTurn, &["explain", saved(&folder).to_str().unwrap()]);
    assert!(text.lines().count() < 60, "{text}");
}

#[test]
fn a_moody_system_ends_with_5_and_both_events() {
    let (text, value, exit, _) = fuzzed(Manner::IsMoody, "polite", "0..3");
    assert_eq!(exit, Exit::NotDeterministic, "{text}");
    assert!(text.contains("NOT DETERMINISTIC: seed 0") && text.contains("the first that differs, at"), "{text}");
    assert_eq!(value["nondeterministic"], 0);
    assert!(value["divergence"]["once"].is_string() && value["divergence"]["once"] != value["divergence"]["again"]);
}

#[test]
fn a_business_that_panics_is_listed_by_seed_and_its_campaign_is_reported() {
    let (text, value, exit, _folder) = fuzzed(Manner::CannotMakeUpADay, "default", "0..10");
    assert_eq!(exit, Exit::Bug, "{text}");
    assert!(text.contains(": its day could not be made up: the business panicked: a couple?"), "{text}");
    assert_eq!(value["runs"], 10);
    let (text, value, exit, _folder) = fuzzed(Manner::CannotSayWhatOpsDo, "polite", "5000..5001");
    assert_eq!(exit, Exit::Bug, "{text}");
    let said = "seed 0: what its ops bring about: the business panicked: what is Verb(";
    assert!(text.contains(said) && text.contains("never: "), "{text}");
    assert!(value["mistakes"].as_array().unwrap().iter().any(|one| one["seed"] == 0), "{value}");
}

#[test]
fn a_replay_that_ends_in_two_ways_names_the_first_event_that_differs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let story = r#"{
      "squall": 1, "title": "One sale", "domain": "retail", "devices": ["till"],
      "rows": { "product": { "X": { "stock": 5, "price": 1000 } } },
      "steps": [ { "at": "1s", "device": "till", "sell": { "X": 2 }, "id": "sale-1" } ],
      "expect": { "stranger": { "holds": true, "told": { "sale-1": "synced" } } }
    }"#;
    std::fs::write(&path, story).unwrap();
    let (text, exit) = squall(Manner::IsMoody, &["replay", path.to_str().unwrap()]);
    assert_eq!(exit, Exit::NotDeterministic, "{text}");
    assert!(text.contains("the first that differs, at") && text.contains("push-tick"), "{text}");
}

#[test]
fn silence_is_listed_and_ends_with_4_where_no_op_is_answered() {
    let (text, value, exit, _) = fuzzed(Manner::IsDeafToUsers, "polite", "0..20");
    assert_eq!(exit, Exit::Vacuous, "{text}");
    assert!(text.contains("verbs answered 0 of ") && text.contains("VACUOUS"), "{text}");
    assert!(text.contains("devices that sent something 0 of "), "{text}");
    assert!(value["ops_never_answered"].as_array().unwrap().contains(&"sell".into()), "{value}");
    let (text, value, ..) = fuzzed(Manner::IsDeafOnTheServer, "polite", "0..20");
    assert!(text.contains("channels answered 0 of 1   never: push"), "{text}");
    assert_eq!(value["messages_never_answered"], serde_json::json!(["push"]));
    let (text, ..) = fuzzed(Manner::SellsOnly, "polite", "0..20");
    let verbs = text.lines().find(|line| line.starts_with("verbs answered ")).expect("verbs are listed");
    assert!(verbs.contains("set-price") && !verbs.contains("sell,"), "{verbs}");
    let (text, ..) = fuzzed(Manner::HasAMuteTill, "polite", "0..20");
    assert!(text.contains("devices that sent something 2 of 3   never: till-1"), "{text}");
}

#[test]
fn a_mistake_in_the_model_ends_with_2_and_says_what_to_do() {
    let (text, value, exit, _) = fuzzed(Manner::HidesAWrite, "polite", "0..10");
    assert_eq!(exit, Exit::Usage, "{text}");
    assert!(text.contains("mistakes in the model of the system") && text.contains("Context::wrote"), "{text}");
    assert!(!value["model_mistakes"].as_array().unwrap().is_empty() && value["mistakes"] == serde_json::json!([]));
}
