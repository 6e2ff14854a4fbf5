//! Holds `README.md` against the program: its example is a checked file, its table is what `explain` shows, and every
//! test that it names exists.

use squall::cli::Registry;
use squall::harness::{Luck, Systems};
use squall::invariants;
use squall::report::{Style, table};
use squall::scenario::{Story, Vocabulary, check, parse, read};
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn story(registry: &Registry, path: &str) -> Story {
    let names: Vec<&str> = invariants::all().iter().map(|invariant| invariant.name()).collect();
    let domains = registry.domains();
    let vocabulary = Vocabulary { systems: registry, invariants: &names, domains: &domains };
    let text = read(&Path::new(ROOT).join(path)).expect("the file can be read");
    parse(path, &text, &vocabulary).unwrap_or_else(|report| panic!("{path}: {}", report.message))
}

/// The first block of code in this language.
fn block<'a>(document: &'a str, language: &str) -> &'a str {
    let (_, after) = document.split_once(&format!("```{language}\n")).expect("there is such a block");
    after.split_once("\n```").expect("the block ends").0
}

#[test]
fn the_example_of_the_reference_is_the_checked_file() {
    assert_eq!(block(&text("README.md"), "jsonc"), text("scenarios/guide/commented.jsonc").trim_end());
}

#[test]
fn the_guide_ends_as_it_says_on_every_system_it_names() {
    let registry = Registry::builtin();
    for path in ["scenarios/guide/a-late-answer.json", "scenarios/guide/commented.jsonc"] {
        let story = story(&registry, path);
        assert!(story.expect.len() > 1, "{path} compares systems");
        for expected in &story.expect {
            let subject = registry.find(&expected.system).expect("a preset of this name");
            let outcome = subject.run(&story.scenario, Luck::Replay, true);
            assert_eq!(check(expected, &story, &outcome), Vec::<String>::new(), "{path} on {}", expected.system);
        }
    }
}

/// If the table looks different on purpose, copy it from
/// `squall explain scenarios/guide/a-late-answer.json --width 100`.
#[test]
fn the_table_on_the_first_screen_is_what_explain_shows() {
    let registry = Registry::builtin();
    let story = story(&registry, "scenarios/guide/a-late-answer.json");
    let subject = registry.find("seri-2026-01-16").expect("a preset of this name");
    let outcome = subject.run(&story.scenario, Luck::Replay, true);
    let shown = table(&story.scenario, &subject.facts(), &outcome, Style { width: 100, color: false, steps: false });
    assert_eq!(block(&text("README.md"), "text"), shown.trim_end());
}

#[test]
fn every_test_that_the_guarantees_name_exists() {
    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder of the tree can be read") {
            let path = entry.expect("an entry of the tree can be read").path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut files = Vec::new();
    sources(&Path::new(ROOT).join("src"), &mut files);
    sources(&Path::new(ROOT).join("tests"), &mut files);
    let code: String = files.iter().map(|file| std::fs::read_to_string(file).expect("a source file is text")).collect();
    let readme = text("README.md");
    let promises: Vec<&str> = readme.lines().filter(|line| line.starts_with("| P")).collect();
    assert_eq!(promises.len(), 5);
    for promise in promises {
        let tests = promise.split('|').nth(3).expect("the third column names tests");
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test holds {promise}");
        for name in named {
            assert!(code.contains(&format!("fn {name}(")), "there is no test `{name}`");
        }
    }
}
