//! What a user gets wrong is answered with one error that says where it is and what to change, and nothing is written.
//!
//! Through the program, so that exit codes, streams and files are held to it too. What an error looks like in detail is
//! for the tests beside the code.

#![allow(clippy::disallowed_types)] // it measures how long the program takes to refuse

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A story without a mistake; every test below breaks one thing in it.
const GOOD: &str = r#"{
  "squall": 1,
  "title": "Two tills sell the same five units",
  "domain": "retail",
  "devices": ["abdoulaye", "fatoumata"],
  "rows": { "product": { "X": { "stock": 5, "price": 5000 } } },
  "steps": [
    { "at": "1s", "device": "abdoulaye", "sell": { "X": 5 }, "id": "sale-1" },
    { "at": "2s", "device": "fatoumata", "sell": { "X": 5 }, "id": "sale-2" }
  ],
  "schedule": { "fatoumata.push.sale-2.try-1.send": { "delay": "3s" } },
  "expect": { "seri-sound": { "holds": true } }
}"#;

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
    took: Duration,
}

/// Runs the program in a folder.
fn squall(folder: &Path, args: &[&str]) -> Ran {
    let began = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    let Output { status, stdout, stderr } = command.args(args).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("it writes UTF-8");
    Ran { code: status.code(), out: text(stdout), err: text(stderr), took: began.elapsed() }
}

/// Runs the program and holds it to what every mistake deserves; returns what it says on stderr.
fn refused(folder: &Path, args: &[&str]) -> String {
    let names = || -> Vec<_> { fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect() };
    let before = names().len();
    let ran = squall(folder, args);
    assert_eq!(ran.code, Some(2), "{args:?}: {}{}", ran.out, ran.err);
    assert_eq!(ran.err.matches("error: ").count(), 1, "one error for {args:?}: {}", ran.err);
    assert!(!ran.err.contains("panicked") && !ran.err.contains("os error"), "{args:?}: {}", ran.err);
    assert_eq!(names().len(), before, "{args:?} wrote something");
    assert!(ran.took < Duration::from_secs(20), "{args:?} took {:?}", ran.took);
    ran.err
}

#[test]
fn the_story_itself_is_good() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("story.json"), GOOD).unwrap();
    let ran = squall(folder.path(), &["replay", "story.json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
}

#[test]
fn a_mistake_in_a_story_is_shown_with_its_place_and_the_nearest_valid_name() {
    // What stands there, what is written instead, the line of the mistake, and what the error says.
    let mistakes = [
        ("\"seri-sound\"", "\"seri-sond\"", 12, &["unknown system `seri-sond`", "did you mean `seri-sound`"][..]),
        ("\"price\"", "\"prise\"", 6, &["unknown field `prise`", "did you mean `price`"]),
        ("\"title\"", "\"titel\"", 3, &["unknown field `titel`", "did you mean `title`"]),
        ("\"device\": \"fatoumata\"", "\"device\": \"fatumata\"", 9, &["unknown device", "did you mean `fatoumata`"]),
        ("\"holds\": true", "\"violates\": [\"no-op-lst\"]", 12, &["unknown invariant", "did you mean `no-op-lost`"]),
        (".push.", ".pusch.", 11, &["unknown channel `pusch`", "did you mean `push`"]),
        (".push.sale-2", ".push.sale-3", 11, &["unknown cause `sale-3`", "causes here are `sale-1`, `sale-2`"]),
        (".send\"", ".sent\"", 11, &["`sent`", "did you mean `send`"]),
        ("fatoumata.push", "fatumata.push", 11, &["unknown node `fatumata`", "did you mean `fatoumata`"]),
        ("\"delay\"", "\"dely\"", 11, &["`dely`", "did you mean `delay`"]),
        ("\"retail\"", "\"retial\"", 4, &["unknown domain `retial`", "did you mean `retail`"]),
        ("\"stock\": 5", "\"stock\": \"five\"", 6, &["a text where a number"]),
        ("\"stock\": 5", "\"stock\": 99999999999999999999", 6, &["is too large"]),
        ("\"stock\": 5", "\"stock\": 1.5", 6, &["1.5"]),
        ("{ \"X\": 5 }, \"id\": \"sale-1\"", "{ \"X\": -5 }, \"id\": \"sale-1\"", 8, &["-5 is too low"]),
        ("\"1s\"", "\"-1s\"", 8, &["time does not run backwards"]),
        ("\"1s\"", "\"99999999999999999999h\"", 8, &["longer than 10,000 days"]),
        ("\"sale-2\" }", "\"sale-1\" }", 9, &["two ops are called `sale-1`"]),
        ("\"abdoulaye\", \"fatoumata\"", "\"fatoumata\", \"fatoumata\"", 5, &["two devices are called"]),
        ("\"title\":", "\"squall\": 1, \"title\":", 3, &["`squall` stands twice"]),
        ("\"squall\": 1", "\"squall\": 2", 2, &["unknown version 2"]),
        ("\"Two tills sell the same five units\"", "7", 3, &["a number where a title belongs"]),
        ("\"domain\": \"retail\",", "\"domain\": \"retail\"", 4, &["expected comma"]),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (good, bad, line, says) in mistakes {
        assert!(GOOD.contains(good), "{good} is not in the story");
        fs::write(folder.path().join("story.json"), GOOD.replacen(good, bad, 1)).unwrap();
        let said = refused(folder.path(), &["replay", "story.json"]);
        assert!(said.contains(&format!("story.json:{line}:")), "{bad} is in line {line}: {said}");
        for words in says {
            assert!(said.contains(words), "{bad} should say {words}: {said}");
        }
    }
}

#[test]
fn what_is_no_story_at_all_is_refused_quickly() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("large.json", &vec![b' '; 50_000_000]);
    write("deep.json", "[".repeat(1_000_000).as_bytes());
    write("deep-objects.json", "{\"a\":".repeat(1_000_000).as_bytes());
    write("latin-1.json", b"{\n  \"title\": \"caf\xe9\"\n}");
    write("empty.json", b"");
    write("list.json", b"[]");
    fs::create_dir(folder.path().join("folder.json")).unwrap();
    for (name, says) in [
        ("large.json", "at most 8 mib"),
        ("deep.json", "nested too deep"),
        ("deep-objects.json", "nested too deep"),
        ("latin-1.json", "latin-1.json:2:"),
        ("empty.json", "empty.json:1:1"),
        ("list.json", "list.json:1:1"),
        ("nothing.json", "no such file"),
    ] {
        for command in ["replay", "explain", "shrink"] {
            let said = refused(folder.path(), &[command, name]);
            assert!(said.contains(name) && said.to_lowercase().contains(says), "{command} {name}: {said}");
        }
    }
    for command in ["explain", "shrink"] {
        let said = refused(folder.path(), &[command, "folder.json"]);
        assert!(said.contains("folder.json") && said.contains("directory"), "{said}");
    }
}

#[test]
fn a_mistake_in_one_file_keeps_no_other_from_being_run() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), GOOD.replace("retail", "retial")).unwrap();
    fs::write(folder.path().join("b.json"), GOOD).unwrap();
    let ran = squall(folder.path(), &["replay", "."]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.out.contains("b.json") && ran.out.contains("as expected"), "{}", ran.out);
}

#[test]
fn a_wrong_argument_says_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    for (args, says) in [
        (&["fuzz", "seri-sond"][..], "did you mean `seri-sound`"),
        (&["fuzz", "seri-sound+validatoin=none"], "did you mean `validation`"),
        (&["fuzz", "seri-sound+validation=nne"], "there are: none, read-then-write, conditional"),
        (&["fuzz", "seri-sound+batch"], "written knob=value"),
        (&["fuzz", "seri-sound+batch=many"], "a whole number from 0 to 86400000"),
        (&["fuzz", "seri-sound+batch=-1"], "a whole number from 0 to 86400000"),
        (&["fuzz", "seri-sound+push-every=18446744073709551615"], "a whole number from 0 to 86400000"),
        (&["fuzz", "seri-sound+push-every=99999999999999999999"], "a whole number from 0 to 86400000"),
        (&["fuzz", "seri-sound+sync-on-start=1"], "there are: true, false"),
        (&["fuzz", "seri-sound+store=disk"], "there are: memory"),
        (&["fuzz", "--seeds", "5..2"], "no seed from 5 up to, but not including, 2"),
        (&["fuzz", "--seeds", "x"], "write two numbers as in 0..2000"),
        (&["fuzz", "--seeds", "0..99999999999999999999"], "write two numbers as in 0..2000"),
        (&["fuzz", "--time", "0s"], "no time tests nothing"),
        (&["fuzz", "--time", "3"], "write a number and a unit"),
        (&["fuzz", "--time", "99999999999h"], "longer than 10,000 days"),
        (&["fuzz", "--profile", "hevy"], "did you mean `heavy`"),
        (&["fuzz", "--jobs", "0"], "1..=1024"),
        (&["fuzz", "--known", "nowhere"], "nowhere"),
        (&["replay", "nowhere"], "nowhere"),
        (&["list", "scenarios", "--folder", "nowhere"], "nowhere"),
        (&["explain", "seri-sound"], "--seed N"),
        (&["explain", "seri-sound", "--seed", "1", "--profile", "hevy"], "did you mean `heavy`"),
        (&["diff", "seri-sound@x", "seri-sound@1"], "write a number"),
        (&["diff", "seri-sond@1", "seri-sound@1"], "did you mean `seri-sound`"),
        (&["diff", "one", "other"], "write FILE, FILE@SYSTEM or SYSTEM@SEED"),
    ] {
        let said = refused(folder.path(), args);
        assert!(said.contains(says), "{args:?} should say {says}: {said}");
    }
}

#[test]
fn a_folder_without_stories_tests_nothing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let ran = squall(folder.path(), &["replay", "."]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(4), ""), "{}", ran.out);
    assert!(ran.out.contains("nothing was run"), "{}", ran.out);
}

#[test]
fn a_folder_that_cannot_be_written_is_named_once_the_findings_were_shown() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("taken"), "").unwrap();
    let ran = squall(folder.path(), &["fuzz", "seri-mvp", "--seeds", "0..2", "--save", "taken/findings"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("cannot make the folder taken/findings"), "{}", ran.err);
    assert!(ran.out.contains("broke a promise"), "{}", ran.out);
}

#[test]
fn findings_that_are_known_do_not_fail_a_campaign_and_others_do() {
    let folder = tempfile::tempdir().unwrap();
    let fuzz = |more: &[&str]| {
        let ran = squall(folder.path(), &[&["fuzz", "seri-mvp", "--seeds", "0..3", "--save", "found"], more].concat());
        (ran.code, ran.out)
    };
    assert_eq!(fuzz(&[]).0, Some(1));
    let (code, out) = fuzz(&["--known", "found"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("(known)"), "{out}");
    let one = fs::read_dir(folder.path().join("found")).unwrap().next().unwrap().unwrap().path();
    fs::create_dir(folder.path().join("some")).unwrap();
    fs::copy(one, folder.path().join("some/one.json")).unwrap();
    assert_eq!(fuzz(&["--known", "some"]).0, Some(1));
    let replayed = squall(folder.path(), &["replay", "found"]);
    assert_eq!(replayed.code, Some(0), "{}{}", replayed.out, replayed.err);
}

#[test]
fn a_reader_that_goes_away_ends_every_command_quietly() {
    let folder = tempfile::tempdir().unwrap();
    for args in [&["list", "systems"][..], &["schema"], &["explain", "seri-mvp", "--seed", "1"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        command.args(args).current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{args:?}");
        assert!(ended.status.code().is_some_and(|code| code < 2), "{args:?}: {:?}", ended.status);
    }
}
