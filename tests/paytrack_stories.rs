//! The thirteen stories of the PayTrack document, 21 to 33.
//!
//! What each story expects stands in its own file; here is only that all are there and end as they say, as written and
//! sound.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn every_story_ends_as_its_file_says() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.current_dir(ROOT).args(["replay", "scenarios/paytrack", "--format", "json"]);
    let output = command.output().expect("the program runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON value on stdout");
    assert_eq!(report["failed"], Value::Array(Vec::new()), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
    assert!(report["runs"].as_u64() >= Some(38), "{report}");
}

#[test]
fn each_of_the_thirteen_stories_ends_as_written_and_sound() {
    let mut told = [false; 13];
    for entry in std::fs::read_dir(Path::new(ROOT).join("scenarios/paytrack")).expect("the folder is there") {
        let path = entry.expect("an entry can be read").path();
        let name = path.file_name().expect("a file has a name").to_string_lossy().to_string();
        let number: usize = name[..2].parse().expect("a file begins with the number of its story");
        told[number - 21] = true;
        let story: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect("a story can be read")).unwrap();
        assert_eq!(story["domain"], "collections", "{name}");
        assert!(
            story["about"].as_str().is_some_and(|about| about.contains("paytrack")),
            "{name} says where it comes from"
        );
        assert!(story["expect"]["paytrack"].is_object(), "{name} says how it ends as written");
        assert_eq!(story["expect"]["paytrack-sound"]["holds"], true, "{name} holds on the sound system");
    }
    assert_eq!(told, [true; 13]);
}
