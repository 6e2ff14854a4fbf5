//! The same system, profile and seeds give the same result: on any number of threads, in every process, on every store,
//! in debug and release builds, and when a drawn run is written down and replayed (promises P1 and P3).
//!
//! It holds results against each other and against digests written below; whether they are right is for other tests.

use squall::campaign::Campaign;
use squall::cli::Registry;
use squall::explore::{PROFILES, Profile, explicit, generate};
use squall::harness::{Luck, Subject, Systems};
use squall::sim::Fingerprint;
use std::process::Command;
use std::sync::Arc;

fn system(name: &str) -> Arc<dyn Subject> {
    Registry::builtin().find(name).unwrap_or_else(|unknown| panic!("{unknown:?}"))
}

fn presets() -> Vec<String> {
    Registry::builtin().names()
}

/// One number for the fingerprints of seeds `0..seeds` under each profile.
fn digest(subject: &dyn Subject, seeds: u64) -> u64 {
    let mut digest = Fingerprint::default();
    for profile in PROFILES {
        for seed in 0..seeds {
            let (scenario, luck) = generate(subject.domain(), &profile, seed);
            digest.add(subject.run(&scenario, luck, false).fingerprint);
        }
    }
    digest.0
}

/// Changes whenever what happens in a run changes: an op drawn otherwise, a message more, a timer at another time. If
/// that is what a change is for, put the new numbers here and say so in the commit; if not, a run has stopped being a
/// function of system, profile and seed alone.
const GOLDEN: [(&str, u64); 2] =
    [("seri-sound", 8_084_809_620_122_202_533), ("seri-2026-01-16", 17_502_923_659_415_359_984)];

#[test]
fn fixed_runs_have_the_fingerprints_written_here_in_every_build_and_on_every_machine() {
    let found = GOLDEN.map(|(name, _)| (name, digest(&*system(name), 50)));
    assert_eq!(found, GOLDEN, "see the comment above GOLDEN");
}

#[test]
fn one_thread_and_four_report_the_same() {
    for (name, seeds) in [("seri-sound", 400), ("seri-2026-01-16", 20)] {
        let profile = Profile::find("default").unwrap();
        let mut campaign = Campaign::new(system(name), profile, 0..seeds);
        let one = campaign.run(&|_| {});
        campaign.threads = 4;
        let four = campaign.run(&|_| {});
        assert_eq!(format!("{one:?}"), format!("{four:?}"), "{name}");
        assert_eq!((one.runs, one.nondeterministic, one.mistakes.len()), (seeds, None, 0), "{name}");
        assert_eq!(one.model_mistakes, [], "{name}");
    }
}

#[test]
fn two_processes_with_different_numbers_of_threads_report_the_same() {
    let report = |jobs: &str| {
        let folder = tempfile::tempdir().unwrap();
        let save = folder.path().to_str().unwrap();
        let args = ["fuzz", "seri-mvp", "--seeds", "7..17", "--format", "json", "-j", jobs, "--save", save];
        let output = Command::new(env!("CARGO_BIN_EXE_squall")).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap().replace(save, "");
        let mut report: serde_json::Value = serde_json::from_str(&text).unwrap();
        for wall_time in ["seconds", "runs_per_second"] {
            report.as_object_mut().unwrap().remove(wall_time).expect("it says how long it took");
        }
        report
    };
    let one = report("1");
    assert!(!one["findings"].as_array().unwrap().is_empty());
    assert_eq!(one, report("3"));
}

#[test]
fn every_preset_has_the_same_digest_on_both_stores() {
    for name in presets() {
        let on_sqlite = system(&format!("{name}+store=sqlite"));
        assert_eq!(digest(&*system(&name), 7), digest(&*on_sqlite, 7), "{name}");
    }
}

#[test]
fn a_drawn_run_of_every_preset_replays_to_the_same_fingerprint_once_written_down() {
    for name in presets() {
        let subject = system(&name);
        for profile in PROFILES {
            for seed in 100..112 {
                let (scenario, luck) = generate(subject.domain(), &profile, seed);
                let drawn = subject.run(&scenario, luck, false);
                let again = subject.run(&explicit(&scenario, &drawn), Luck::Replay, false);
                let run = format!("{name}, profile {}, seed {seed}", profile.name);
                assert_eq!(drawn.fingerprint, again.fingerprint, "{run}");
                assert_eq!(drawn.violations, again.violations, "{run}");
                assert_eq!(again.unused, [], "{run}");
            }
        }
    }
}

#[test]
fn another_seed_another_profile_and_another_policy_give_another_digest() {
    let sound = digest(&*system("seri-sound"), 3);
    assert_ne!(sound, digest(&*system("seri-sound"), 4));
    assert_ne!(sound, digest(&*system("seri-sound+batch=1"), 3));
}
