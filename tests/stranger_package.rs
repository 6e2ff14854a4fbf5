//! A package of somebody else's that depends on the library alone: it builds, finds its planted bug, and brings no command
//! line along.
//!
//! Why a real package: features and dependencies only show from outside. Needs no network; the versions are those of this
//! repository's own lock file. The target directory is kept between runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TILL: &str = include_str!("../examples/minimal_till.rs");
/// What only the command line, the engine, its stores and proptest need.
const NOT_WANTED: [&str; 8] =
    ["clap", "clap_complete", "indicatif", "ctrlc", "rusqlite", "serde_derive", "proptest", "criterion"];

/// A fresh package in a folder that is kept, so that its dependencies are not built anew each time.
fn package() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stranger");
    let squall = env!("CARGO_MANIFEST_DIR");
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"stranger\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         squall = {{ path = {squall:?}, default-features = false }}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::copy(Path::new(squall).join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    fs::write(folder.join("src/lib.rs"), TILL).unwrap();
    folder
}

/// What cargo says, all of it.
fn cargo(folder: &Path, args: &[&str]) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(args).current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target"));
    let output = cargo.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn a_stranger_s_package_finds_its_bug_with_the_library_alone() {
    let folder = package();
    let said = cargo(&folder, &["test", "--offline", "--lib"]);
    for test in ["a_late_answer_makes_a_till_sell_the_same_thing_twice", "the_twin_that_remembers_holds"] {
        assert!(said.contains(&format!("test {test} ... ok")), "{said}");
    }
    let tree = cargo(&folder, &["tree", "--offline", "--prefix", "none"]);
    let built: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(built.contains(&"squall"), "{tree}");
    let unwanted: Vec<&&str> = NOT_WANTED.iter().filter(|name| built.contains(name)).collect();
    assert_eq!(unwanted, Vec::<&&str>::new(), "{tree}");
}

/// Lines that are neither blank nor comments.
fn lines(text: &str) -> usize {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

/// What a newcomer writes below the engine.
const TEST: &str = "#[test]
fn my_engine_keeps_its_promises() {
    squall::check(&Shop { remembers: false });
}
";

#[test]
fn the_example_is_short() {
    let engine = TILL.split("#[test]").next().unwrap_or_default();
    assert!(lines(TILL) <= 100, "{} lines", lines(TILL));
    assert!(lines(engine) > 50 && lines(engine) + lines(TEST) <= 80, "{} lines", lines(engine) + lines(TEST));
}
