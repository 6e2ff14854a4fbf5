//! The layers drawn in `src/lib.rs` hold in the code, and the core uses nothing that differs between two runs.
//!
//! Why a test: the compiler accepts any `use` inside one crate. The picture is read from `src/lib.rs` itself, so that it
//! cannot say one thing while the test holds another. It reads text, not syntax: comments are cut off, strings are not.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules in which virtual time and ordered collections are all there is.
const CORE: [&str; 7] = ["sim", "model", "system", "store", "sync", "invariants", "harness"];
/// The modules that know a system under test only by its contract (promise P5).
const HARNESS_SIDE: [&str; 9] =
    ["harness", "invariants", "explore", "campaign", "report", "scenario", "regressions", "check", "strategies"];
/// Names whose values differ between processes, machines or optimisation levels, or that reach outside.
const FORBIDDEN: [&str; 13] = [
    "HashMap",
    "HashSet",
    "RandomState",
    "Instant",
    "SystemTime",
    "f32",
    "f64",
    "rand",
    "getrandom",
    "thread_rng",
    "available_parallelism",
    "env",
    "net",
];

/// A module of the crate: its name and its files with their text, without comments.
struct Module {
    name: String,
    files: Vec<(PathBuf, String)>,
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            rust_files(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        found.push(path.to_path_buf());
    }
}

fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// Every module that `src/lib.rs` declares.
fn modules() -> Vec<Module> {
    let lib = fs::read_to_string(source().join("lib.rs")).unwrap();
    let declared = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    declared
        .map(|name| {
            let mut paths = Vec::new();
            rust_files(&source().join(name), &mut paths);
            rust_files(&source().join(format!("{name}.rs")), &mut paths);
            paths.retain(|path| path.exists());
            assert!(!paths.is_empty(), "`{name}` is declared in src/lib.rs and has no file");
            let read = |path: PathBuf| {
                let text = without_comments(&fs::read_to_string(&path).unwrap());
                (path, text)
            };
            Module { name: name.into(), files: paths.into_iter().map(read).collect() }
        })
        .collect()
}

/// The picture's two lines: the engine under test, and the harness side, which leaves the first line after `system`.
fn picture() -> (Vec<String>, Vec<String>) {
    let lib = fs::read_to_string(source().join("lib.rs")).unwrap();
    let mut lines = lib.lines().filter(|line| line.contains('→')).map(|line| {
        let names = line.trim_start_matches("//!").replace('↘', "");
        names.split('→').map(|name| name.trim().to_string()).collect::<Vec<_>>()
    });
    let (engine, harness) = (lines.next().unwrap(), lines.next().unwrap());
    assert_eq!(lines.next(), None, "the picture in src/lib.rs has two lines");
    (engine, harness)
}

/// What a module may use by the picture; `None` if it does not stand there.
fn allowed(module: &str) -> Option<Vec<String>> {
    let (engine, harness) = picture();
    let left_of = |line: &[String]| line.iter().position(|name| name == module).map(|n| line[..n].to_vec());
    let shared = engine.iter().position(|name| name == "system").expect("the lines part after `system`") + 1;
    let mut allowed = left_of(&engine).or_else(|| Some([&engine[..shared], &left_of(&harness)?].concat()))?;
    if module == "cli" {
        allowed.extend_from_slice(&engine[shared..]);
    }
    Some(allowed)
}

/// Words that follow `start` in the text: `crate::sim::Time` and `crate::{model, sim}` both name modules.
fn named_after(text: &str, start: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices(start) {
        let rest = &text[at + start.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push(word(rest));
            continue;
        };
        let mut depth = 0;
        for (at, letter) in group.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                _ => {}
            }
            let begins = at == 0 || group[..at].trim_end().ends_with(',');
            if depth == 0 && begins && letter.is_alphabetic() && !group[..at].ends_with(char::is_alphanumeric) {
                names.push(word(&group[at..]));
            }
        }
    }
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

fn has_word(text: &str, wanted: &str) -> bool {
    let part_of_a_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(wanted).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + wanted.len()..].chars().next();
        !before.is_some_and(part_of_a_word) && !after.is_some_and(part_of_a_word)
    })
}

#[test]
fn every_module_stands_in_the_picture() {
    for module in modules() {
        assert!(allowed(&module.name).is_some(), "src/lib.rs declares `{}` but does not draw it", module.name);
    }
}

#[test]
fn each_module_uses_only_modules_to_its_left() {
    let modules = modules();
    let top: Vec<&str> = modules.iter().map(|module| module.name.as_str()).collect();
    for module in &modules {
        let allowed = allowed(&module.name).unwrap_or_default();
        for (path, text) in &module.files {
            // `super::` can climb out of a module too; a name that is a file of the module itself does not.
            let climbed = named_after(text, "super::").into_iter().filter(|name| {
                let own = source().join(&module.name);
                let is_own = own.join(name).exists() || own.join(format!("{name}.rs")).exists();
                !is_own && !text.contains(&format!("mod {name}")) && top.contains(&name.as_str())
            });
            let used = named_after(text, "crate::").into_iter().filter(|name| top.contains(&name.as_str()));
            for name in used.chain(climbed).filter(|name| *name != module.name) {
                assert!(allowed.contains(&name), "{}: `{}` uses `{name}`", path.display(), module.name);
            }
        }
    }
}

#[test]
fn the_harness_side_never_mentions_the_engine_or_its_store() {
    for module in modules().iter().filter(|module| HARNESS_SIDE.contains(&module.name.as_str())) {
        for (path, text) in &module.files {
            for engine in ["sync", "store"] {
                let mentions = ["crate::", "squall::"].iter().flat_map(|start| named_after(text, start));
                assert!(mentions.into_iter().all(|name| name != engine), "{} uses `{engine}`", path.display());
            }
        }
    }
}

#[test]
fn the_core_knows_no_wall_clock_no_float_no_hash_order_and_no_luck_of_its_own() {
    for module in modules().iter().filter(|module| CORE.contains(&module.name.as_str())) {
        for (path, text) in &module.files {
            for name in FORBIDDEN {
                let import = format!("std::{name}");
                let found = match name {
                    "env" | "net" => text.contains(&import),
                    _ => has_word(text, name),
                };
                assert!(!found, "{} uses `{name}`", path.display());
            }
        }
    }
}

#[test]
fn names_are_found_behind_paths_and_in_groups() {
    let text = "use crate::{model::{Op, Row}, sim::Time};\nuse crate::sync::Policy;";
    assert_eq!(named_after(text, "crate::"), ["model", "sim", "sync"]);
    assert!(has_word("let x: f64 = 1.0;", "f64") && !has_word("rand_chacha::ChaCha8Rng", "rand"));
}
