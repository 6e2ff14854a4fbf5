//! The program from outside: exit codes, which stream says what, and readers that go away.
//!
//! Needs no system, so that it says something about the program and nothing about any engine.

use std::io::Read;
use std::process::{Command, Output, Stdio};

fn squall(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.args(args).env_remove("NO_COLOR").env_remove("COLUMNS");
    command
}

fn ran(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = squall(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().expect("it was not killed"), text(stdout), text(stderr))
}

#[test]
fn help_and_version_end_with_0_and_bad_usage_with_2() {
    assert_eq!(ran(&["--version"]).0, 0);
    assert_eq!(ran(&["fuzz", "--help"]).0, 0);
    for bad in
        [&["--nonsense"][..], &[], &["fuzz", "--seeds", "5..5"], &["list", "nonsense"], &["replay", "no-such-folder"]]
    {
        let (code, out, err) = ran(bad);
        assert_eq!((code, out.as_str()), (2, ""), "{bad:?}: {err}");
        assert!(!err.is_empty());
    }
}

#[test]
fn an_unknown_system_is_an_error_on_stderr() {
    let (code, out, err) = ran(&["explain", "no-such-system", "--seed", "1"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.starts_with("error: unknown system `no-such-system`"), "{err}");
}

#[test]
fn a_mistake_in_a_file_is_shown_with_its_place_and_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.json"), "{ \"squall\": 1,\n  \"titel\": \"x\" }").unwrap();
    let (code, _, err) = ran(&["replay", folder.path().to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(err.contains("a.json:2:") && err.contains("titel"), "{err}");
}

#[test]
fn an_empty_folder_is_vacuous_also_in_json() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = ran(&["replay", folder.path().to_str().unwrap(), "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &value["runs"], err.as_str()), (4, &0.into(), ""));
}

#[test]
fn lists_and_the_schema_are_json_when_asked() {
    let (code, out, _) = ran(&["list", "faults", "--format", "json"]);
    let faults: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, faults.as_array().unwrap().len()), (0, 21));
    let (code, out, _) = ran(&["schema"]);
    assert_eq!(code, 0);
    serde_json::from_str::<serde_json::Value>(&out).unwrap();
}

#[test]
fn completions_are_made_for_every_common_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, out, _) = ran(&["completions", shell]);
        assert!(code == 0 && out.contains("squall"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = squall(&["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_says_so() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = squall(&["schema"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot write to standard output: no space left"), "{said}");
}

#[test]
fn no_color_and_no_terminal_mean_no_escape_codes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.json"), "{").unwrap();
    let path = folder.path().to_str().unwrap();
    assert!(!ran(&["replay", path]).2.contains('\u{1b}'));
    assert!(ran(&["replay", path, "--color", "always"]).2.contains('\u{1b}'));
}
