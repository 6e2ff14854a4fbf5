//! The ten stories of the SmartDMV document: all are there, and each says how it ends as written and sound.
//!
//! What each expects stands in its own file. A failing run is explained on its own business, too.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn each_of_the_ten_stories_ends_on_the_system_as_written_and_on_the_sound_one() {
    let mut told = [false; 10];
    for entry in std::fs::read_dir(Path::new(ROOT).join("scenarios/smartdmv")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let number: usize = name[..2].parse().expect("a file begins with the number of its story");
        told[number - 34] = true;
        let story: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(story["domain"], "clinic", "{name}");
        assert!(
            story["about"].as_str().is_some_and(|about| about.contains("smartdmv")),
            "{name} says where it is from"
        );
        let systems: Vec<&String> = story["expect"].as_object().unwrap().keys().collect();
        let of = |base: &str| systems.iter().any(|system| system.split('+').next() == Some(base));
        assert!(of("smartdmv") && of("smartdmv-sound"), "{name}: {systems:?}");
    }
    assert_eq!(told, [true; 10]);
}

#[test]
fn every_story_of_the_clinic_ends_as_its_file_says() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    let output = command.current_dir(ROOT).args(["replay", "scenarios/smartdmv", "--format", "json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON value on stdout");
    assert_eq!(report["failed"], Value::Array(Vec::new()), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(report["runs"].as_u64() > Some(70), "{report}");
}

#[test]
fn a_broken_promise_of_the_clinic_is_explained_on_the_clinic() {
    let story = "scenarios/smartdmv/36-a-data-conflict.json";
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    let output = command.current_dir(ROOT).args(["explain", story, "--system", "smartdmv"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("why conflicts-decided broke") || text.contains("why replicas-converge broke"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}
