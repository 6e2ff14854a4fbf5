//! Holds `ARCHITECTURE.md` against the tree and the code: every source file, invariant, knob and preset stands in it, and
//! it names no file that is gone.
//!
//! Whether a purpose is well put is for a reader to say.

use squall::invariants;
use squall::sync::presets::{PRESETS, SERI_2026_01_16, SERI_SOUND};
use std::collections::BTreeSet;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn document() -> String {
    std::fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md")).expect("ARCHITECTURE.md stands beside Cargo.toml")
}

fn sources(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the tree can be read") {
        let path = entry.expect("an entry of the tree can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let inside = path.strip_prefix(ROOT).expect("the walk began at the root");
            found.insert(inside.to_string_lossy().replace('\\', "/"));
        }
    }
}

/// The rows of the file map: path and purpose.
fn map(document: &str) -> Vec<(String, String)> {
    let (_, part) = document.split_once("\n## File map\n").expect("there is a section `File map`");
    part.lines()
        .filter_map(|line| {
            let (path, purpose) = line.strip_prefix("| `")?.split_once("` | ")?;
            path.ends_with(".rs").then(|| (path.to_string(), purpose.trim_end_matches(" |").to_string()))
        })
        .collect()
}

#[test]
fn every_source_file_has_one_line_in_the_map_and_every_line_a_file() {
    let map = map(&document());
    let named: BTreeSet<String> = map.iter().map(|(path, _)| path.clone()).collect();
    let mut there = BTreeSet::new();
    sources(&Path::new(ROOT).join("src"), &mut there);
    let missing: Vec<_> = there.difference(&named).collect();
    let gone: Vec<_> = named.difference(&there).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not in the map: {missing:?}; in the map but gone: {gone:?}");
    assert_eq!(named.len(), map.len(), "a file stands twice in the map");
    assert!(map.iter().all(|(_, purpose)| purpose.len() > 10), "a file has no purpose");
}

#[test]
fn every_invariant_stands_with_its_promise_as_the_code_words_it() {
    let document = document();
    for invariant in invariants::all() {
        let row = format!("| `{}` | {} | ", invariant.name(), invariant.promise());
        assert!(document.contains(&row), "ARCHITECTURE.md lacks the row `{row}`");
    }
}

#[test]
fn every_preset_is_described_and_every_knob_stands_with_its_values() {
    let document = document();
    for (name, ..) in PRESETS {
        assert!(document.contains(&format!("| `{name}` | ")), "ARCHITECTURE.md does not describe the preset {name}");
    }
    for ((knob, found), (_, sound)) in SERI_2026_01_16.settings().into_iter().zip(SERI_SOUND.settings()) {
        let row = document.lines().find(|line| line.starts_with(&format!("| `{knob}` | ")));
        let row = row.unwrap_or_else(|| panic!("ARCHITECTURE.md does not describe the knob {knob}"));
        let values = format!("| `{found}` | `{sound}` |");
        assert!(row.ends_with(&values), "the knob {knob} stands with other values than {values}");
    }
}
