//! Ctrl-C ends a campaign with what it has found: a report, whole files that replay, and exit code 130.
#![cfg(unix)]
#![allow(clippy::disallowed_methods)] // the campaign needs wall time to find something

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A campaign that would run for hours, once it has begun.
fn begun(folder: &Path, more: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.args(["fuzz", "seri-mvp", "--seeds", "0..100000000", "-j", "2", "--save", "found"]).args(more);
    command.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success(), "the campaign was there to be interrupted");
}

#[test]
fn an_interrupted_campaign_reports_and_saves_what_it_has_found() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, mut out) = begun(folder.path(), &[]);
    let mut head = String::new();
    out.read_line(&mut head).unwrap();
    assert!(head.starts_with("squall "), "{head}");
    // Runs go on while the settings are printed; a moment more and there are blocks of them done.
    std::thread::sleep(std::time::Duration::from_millis(700));
    interrupt(&child);
    let (mut text, mut said) = (String::new(), String::new());
    out.read_to_string(&mut text).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{text}{said}");
    assert!(said.contains("is being reported"), "{said}");
    assert!(text.contains("ended early") && text.contains("exit 130"), "{text}");
    let files: Vec<_> = fs::read_dir(folder.path().join("found")).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty(), "{text}");
    for file in &files {
        assert!(file.extension().is_some_and(|extension| extension == "json"), "{} was left behind", file.display());
        serde_json::from_str::<serde_json::Value>(&fs::read_to_string(file).unwrap()).unwrap();
    }
    let mut replay = Command::new(env!("CARGO_BIN_EXE_squall"));
    let replayed = replay.args(["replay", "found"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(replayed.status.code(), Some(0), "{}", String::from_utf8_lossy(&replayed.stdout));
}

#[test]
fn an_interrupted_campaign_in_json_is_still_one_value() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, mut out) = begun(folder.path(), &["--format", "json"]);
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    interrupt(&child);
    let mut text = String::new();
    out.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["stopped"], true);
    assert!(report["runs"].as_u64().unwrap() < 100_000_000);
}
