//! The twenty stories of the Seri documents, as the program replays them when it is given no path.
//!
//! What each story expects stands in its own file; here is only that all are there and end as they say.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn every_story_ends_as_its_file_says() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    let output = command.current_dir(ROOT).args(["replay", "--format", "json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON value on stdout");
    assert_eq!(report["failed"], Value::Array(Vec::new()), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
    assert!(report["runs"].as_u64() > Some(100), "{report}");
}

#[test]
fn each_of_the_twenty_stories_ends_on_the_system_as_found_the_recommended_and_the_sound_one() {
    let mut told = [false; 20];
    for entry in std::fs::read_dir(Path::new(ROOT).join("scenarios/seri")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let number: usize = name[..2].parse().expect("a file begins with the number of its story");
        told[number - 1] = true;
        let story: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert!(
            story["about"].as_str().is_some_and(|about| about.contains("seri-")),
            "{name} says where it comes from"
        );
        for system in ["seri-2026-01-16", "seri-recommended", "seri-sound"] {
            assert!(story["expect"][system].is_object(), "{name} says how it ends on {system}");
        }
    }
    assert_eq!(told, [true; 20]);
}
