//! Comparisons of our own presets: the same days for all, and what each recommended fix holds up.
//!
//! That a comparison adds up is tested beside its code; here are facts about the presets, as `squall compare` shows them.

use squall::campaign::{Compared, Comparison, Figure};
use squall::cli::Registry;
use squall::explore::{Profile, generate};
use squall::harness::{Subject, Systems};
use squall::sync::fixes::{FIXES, preset};
use std::collections::BTreeSet;
use std::sync::Arc;

const RUNS: u64 = 150;

fn compare(names: &[String]) -> Compared {
    let registry = Registry::builtin();
    let find = |name: &String| -> Arc<dyn Subject> { registry.find(name).expect("a preset and its knobs") };
    let profile = Profile::find("default").expect("a profile");
    let subjects = names.iter().map(find).collect();
    Comparison { threads: 2, ..Comparison::new(subjects, profile, 0..RUNS) }.run(&|_| {})
}

/// What a row breaks that the first does not.
fn broken(compared: &Compared, row: usize) -> BTreeSet<&'static str> {
    let cells = compared.standings[row].cells.iter();
    cells.filter(|cell| cell.newly_broken > 0).map(|cell| cell.invariant).collect()
}

#[test]
fn every_system_gets_the_same_ops() {
    let registry = Registry::builtin();
    let profile = Profile::find("default").expect("a profile");
    for seed in 0..40 {
        let (scenario, luck) = generate(registry.all()[0].domain(), &profile, seed);
        let counts: BTreeSet<(u64, u64)> = registry
            .all()
            .iter()
            .map(|system| {
                let metrics = system.run(&scenario, luck, false).metrics;
                (metrics.ops, metrics.sales)
            })
            .collect();
        assert_eq!(counts.len(), 1, "seed {seed}: {counts:?}");
    }
}

#[test]
fn without_a_fix_the_sound_preset_breaks_what_the_fix_is_for_and_without_the_fourth_users_wait() {
    let sound = preset("seri-sound").expect("a preset");
    let mut names = vec!["seri-sound".to_string()];
    names.extend(FIXES.iter().map(|fix| fix.without("seri-sound", sound)));
    let compared = compare(&names);
    assert_eq!(compared.standings[0].report.failed, 0);
    let expected: [&[&str]; 5] = [
        &["stock-never-negative"],
        &["status-truthful", "replicas-converge"],
        &["own-writes-stay", "verdict-stable"],
        &["outbox-drains"],
        &["references-resolve"],
    ];
    for (n, wanted) in expected.iter().enumerate() {
        let broken = broken(&compared, n + 1);
        assert!(wanted.iter().all(|name| broken.contains(name)), "without fix {}: {broken:?}", n + 1);
        assert_eq!(wanted.is_empty(), broken.is_empty(), "without fix {}: {broken:?}", n + 1);
    }
    let p50 = |row: usize| compared.standings[row].to_server[0];
    assert!(p50(4).low > p50(0).high, "{:?} {:?}", p50(4), p50(0));
}

#[test]
fn the_app_as_found_never_rejects_shows_no_conflict_and_loses_edits() {
    let compared = compare(&["seri-2026-01-16".into(), "seri-sound".into()]);
    let figure = |row: usize, figure: Figure| compared.standings[row].figures[figure as usize];
    assert_eq!(figure(0, Figure::ConflictsShown).value, 0);
    assert!(figure(0, Figure::EditsLost).low > 0);
    assert_eq!(figure(1, Figure::EditsLost).value, 0);
    assert!(figure(1, Figure::ConflictsShown).value > 0);
    assert!(figure(1, Figure::Rejected).low > 0);
    let never = compared.standings[0].to_server[1];
    assert_eq!(never.value, None, "more than a hundredth of its sales never arrives");
}
