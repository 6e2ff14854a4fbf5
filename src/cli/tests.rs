//! Commands from arguments to output, on a small shop that sells twice when an answer is late.

use super::args::{Cli, Command};
use super::exit::Exit;
use super::failure::Failure;
use super::output::{Format, Out};
use super::registry::Registry;
use super::{diff, explain, fuzz, list, replay};
use crate::explore::test_shop::TestShop;
use clap::Parser;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A page that is written to and read back.
#[derive(Clone, Default)]
pub struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    /// What stands on it.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn registry() -> Registry {
    Registry::empty().with(TestShop::forgetful()).with(TestShop::repaired())
}

/// What a command line prints and how it ends.
fn squall(args: &[&str]) -> (String, Result<Exit, Failure>) {
    let cli = Cli::try_parse_from([&["squall"], args].concat()).unwrap();
    let page = Page::default();
    let mut out = Out::onto(Box::new(page.clone()), cli.format);
    let registry = registry();
    let ended = match &cli.command {
        Command::Replay(args) => replay::replay(&registry, args, &mut out),
        Command::Fuzz(args) => fuzz::campaign(&registry, args, &Default::default(), &mut out),
        Command::Explain(args) => explain::explain(&registry, args, &mut out),
        Command::Diff(args) => diff::diff(&registry, args, &mut out),
        Command::List(args) => list::list(&registry, args, &mut out),
        other => panic!("no test runs {other:?}"),
    };
    assert_eq!(out.format == Format::Json, cli.format == Format::Json);
    (page.text(), ended)
}

fn fuzzed(folder: &Path, more: &[&str]) -> (String, Exit) {
    let save = folder.to_str().unwrap();
    let args = [&["fuzz", "forgetful-shop", "--seeds", "0..200", "-j", "2", "--save", save], more].concat();
    let (text, ended) = squall(&args);
    (text, ended.unwrap())
}

#[test]
fn a_finding_is_shown_as_a_story_saved_and_repeated_by_the_command_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let (text, exit) = fuzzed(folder.path(), &[]);
    assert_eq!(exit, Exit::Broken, "{text}");
    assert!(text.contains("sale") && text.contains("✗ "), "{text}");
    let again = text.lines().find_map(|line| line.trim().strip_prefix("again")).unwrap();
    let file = again.trim().strip_prefix("squall explain ").unwrap();
    assert!(Path::new(file).is_file(), "{again}");
}

#[test]
fn a_campaign_in_json_is_one_object_with_every_promised_key() {
    let folder = tempfile::tempdir().unwrap();
    let (text, _) = fuzzed(folder.path(), &["--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    for key in [
        "system",
        "profile",
        "seeds",
        "runs",
        "seconds",
        "runs_per_second",
        "events",
        "digest",
        "goals",
        "faults_fired",
        "exercised",
        "metrics",
        "findings",
    ] {
        assert!(value.get(key).is_some(), "{key}");
    }
    let finding = &value["findings"][0];
    for key in
        ["invariant", "signature", "seed", "first_run", "devices", "ops", "deviations", "faults", "steps", "scenario"]
    {
        assert!(finding.get(key).is_some(), "{key}");
    }
    assert_eq!(value["runs"], 200);
    assert!(finding["first_run"].as_u64().unwrap() >= 1);
}

#[test]
fn a_second_campaign_says_that_its_findings_are_saved_already() {
    let folder = tempfile::tempdir().unwrap();
    fuzzed(folder.path(), &[]);
    let count = || std::fs::read_dir(folder.path()).unwrap().count();
    let before = count();
    let (text, _) = fuzzed(folder.path(), &[]);
    assert!(text.contains("already saved as"), "{text}");
    assert_eq!(count(), before);
}

#[test]
fn findings_are_printed_even_if_they_cannot_be_saved() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (text, exit) = fuzzed(&file.join("findings"), &[]);
    assert_eq!(exit, Exit::Usage);
    assert!(text.contains("not saved") && text.contains("squall explain forgetful-shop --seed"), "{text}");
}

#[test]
fn the_story_of_a_seed_is_the_same_every_time() {
    let (text, ended) = squall(&["explain", "forgetful-shop", "--seed", "3"]);
    assert!(ended.is_ok());
    assert!(text.contains("what users were told") && text.contains("fingerprint"), "{text}");
    assert_eq!(squall(&["explain", "forgetful-shop", "--seed", "3"]).0, text);
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let (text, ended) = squall(&["diff", "repaired-shop@4", "repaired-shop@4"]);
    assert_eq!(ended.unwrap(), Exit::Held);
    assert!(text.starts_with("no difference"), "{text}");
}

#[test]
fn two_seeds_part_at_a_named_event() {
    let (text, ended) = squall(&["diff", "repaired-shop@4", "repaired-shop@5"]);
    assert_eq!(ended.unwrap(), Exit::Broken);
    assert!(text.contains("the first that differs, at") && text.contains("what follows from it"), "{text}");
}

#[test]
fn an_unknown_system_is_answered_with_the_nearest() {
    let message = squall(&["explain", "forgetfull-shop", "--seed", "1"]).1.unwrap_err().message(false).unwrap();
    assert!(message.contains("did you mean `forgetful-shop`?"), "{message}");
}

#[test]
fn replaying_an_empty_folder_tests_nothing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (text, ended) = squall(&["replay", folder.path().to_str().unwrap()]);
    assert_eq!(ended.unwrap(), Exit::Vacuous);
    assert!(text.contains("nothing was run"), "{text}");
}

const TWO_SALES: &str = r#"{
  "squall": 1, "title": "One till sells once", "domain": "retail", "devices": ["till"],
  "rows": { "product": { "X": { "stock": 5, "price": 1000 } } },
  "steps": [ { "at": "1s", "device": "till", "sell": { "X": 2 }, "id": "sale-1" } ],
  "expect": { "repaired-shop": { "holds": true, "server": { "product": { "X": { "stock": STOCK } } } } }
}"#;

#[test]
fn a_wrong_end_says_what_was_expected_and_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let replayed = |stock: &str| {
        std::fs::write(folder.path().join("a.json"), TWO_SALES.replace("STOCK", stock)).unwrap();
        let (text, ended) = squall(&["replay", folder.path().to_str().unwrap()]);
        (text, ended.unwrap())
    };
    let (text, exit) = replayed("3");
    assert_eq!(exit, Exit::Held, "{text}");
    assert!(text.contains("as expected   holds"), "{text}");
    let (text, exit) = replayed("4");
    assert_eq!(exit, Exit::Broken, "{text}");
    assert!(text.contains("NOT AS EXPECTED") && text.contains("happened  holds"), "{text}");
    assert!(text.contains("squall explain") && text.contains("--system repaired-shop"), "{text}");
}

#[test]
fn a_broken_file_does_not_keep_the_others_from_being_run() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.json"), "{ \"squall\": 1, ").unwrap();
    std::fs::write(folder.path().join("b.json"), TWO_SALES.replace("STOCK", "3")).unwrap();
    let (text, ended) = squall(&["replay", folder.path().to_str().unwrap(), "--format", "json"]);
    assert_eq!(ended.unwrap(), Exit::Usage);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&value["files"], &value["passed"]), (&2.into(), &1.into()));
    assert_eq!(value["failed"][0]["exit"], 2);
}

#[test]
fn lists_name_faults_and_systems() {
    assert!(squall(&["list", "faults"]).0.contains("server-kill"));
    assert_eq!(squall(&["list", "systems"]).0, "forgetful-shop  domain retail\nrepaired-shop   domain retail\n");
}
