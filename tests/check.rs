//! A system in a plain test: what passes, what a failure says, and that the saved story comes first the next time.

mod small_shop;

use small_shop::SmallShop;
use squall::check::{Check, Failed, Reason};
use squall::harness::{Luck, Outcome, Subject};
use squall::model::{Domain, Scenario};
use squall::system::Facts;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

fn failed(shop: &SmallShop, folder: &Path) -> Failed {
    Check::new(&shop.watched()).regressions(folder).runs(64).run().expect_err("this shop does not hold")
}

fn held(shop: &SmallShop, folder: &Path) -> usize {
    let watched = shop.watched();
    let check = Check::new(&watched).regressions(folder);
    let held = check.run().unwrap_or_else(|failed| panic!("{failed}"));
    assert_eq!(held.report.runs, 1_000);
    held.regressions.len()
}

fn stories(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn a_sound_shop_passes_a_thousand_days() {
    let folder = tempfile::tempdir().unwrap();
    let shop = SmallShop::repaired("shop");
    assert_eq!(held(&shop, folder.path()), 0);
    assert!(shop.runs() >= 1_000);
    assert_eq!(stories(folder.path()), [] as [PathBuf; 0], "nothing was found, nothing is saved");
}

#[test]
fn a_broken_shop_panics_with_the_table_the_file_and_the_line_that_repeats_it() {
    let folder = tempfile::tempdir().unwrap();
    let watched = SmallShop::forgetful("shop").watched();
    let check = Check::new(&watched).regressions(folder.path()).runs(64);
    let panic = catch_unwind(AssertUnwindSafe(|| check.assert())).expect_err("it panics");
    let text = panic.downcast_ref::<String>().expect("with a text");
    let path = &stories(folder.path())[0];
    let again = "cargo test a_broken_shop_panics_with_the_table_the_file_and_the_line_that_repeats_it";
    let parts = [
        "squall: shop broke a promise in ",
        "1  one-effect-per-op: sell-1 changed the server's stock of ",
        "2  taken-once: a sale took its product twice",
        "     time  till-1",
        "✗ taken-once",
        &format!("   saved as     {}", path.display()),
        &format!("   again        {again}   (it replays this file first)"),
    ];
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

#[test]
fn the_saved_story_fails_first_until_the_shop_is_repaired_and_then_stays() {
    let folder = tempfile::tempdir().unwrap();
    let first = failed(&SmallShop::forgetful("shop"), folder.path());
    assert_eq!(first.reason, Reason::Broken);
    let saved = stories(folder.path());
    assert_eq!(saved.len(), 2, "a promise of the catalogue and one of its own");

    let shop = SmallShop::forgetful("shop");
    let second = failed(&shop, folder.path());
    assert_eq!((second.reason, second.report.is_none()), (Reason::StillBroken, true));
    assert!(shop.runs() < 10, "{} runs: no new day was tried", shop.runs());
    let text = second.to_string();
    assert!(text.contains("in 2 saved stories; no new day was tried") && text.contains("✗ taken-once"), "{text}");
    assert_eq!(stories(folder.path()), saved, "a known finding is not saved again");

    assert_eq!(held(&SmallShop::repaired("shop"), folder.path()), 2);
    assert_eq!(stories(folder.path()), saved, "it stays as a regression");
}

#[test]
fn stories_of_other_systems_are_passed_over_and_a_broken_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    failed(&SmallShop::forgetful("other-shop"), folder.path());
    assert_eq!(held(&SmallShop::repaired("shop"), folder.path()), 0, "that story is somebody else's");

    let inner = folder.path().join("old");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("broken.json"), "{ \"squall\": 1,").unwrap();
    let failed = failed(&SmallShop::repaired("shop"), folder.path());
    let text = failed.to_string();
    assert!(failed.reason == Reason::Unusable && text.contains("broken.json:1:"), "{text}");
}

#[test]
fn a_mistake_in_a_story_of_this_system_shows_its_place() {
    let folder = tempfile::tempdir().unwrap();
    failed(&SmallShop::forgetful("shop"), folder.path());
    let path = &stories(folder.path())[0];
    let text = fs::read_to_string(path).unwrap();
    fs::write(path, text.replace("\"devices\"", "\"devises\"")).unwrap();
    let failed = failed(&SmallShop::forgetful("shop"), folder.path()).to_string();
    assert!(failed.contains("devises") && failed.contains(&path.display().to_string()), "{failed}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named_and_the_finding_is_shown_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let text = failed(&SmallShop::forgetful("shop"), &file.join("stories")).to_string();
    assert!(text.contains("not saved: cannot make the folder") && text.contains("✗ taken-once"), "{text}");
    assert!(text.contains("again        the day of seed "), "{text}");
}

#[test]
fn a_shop_in_which_nothing_happens_is_no_sound_shop() {
    let silent = SmallShop { sends: false, ..SmallShop::forgetful("silent") };
    let failed = Check::new(&silent).no_regressions().profile("polite").runs(20).run().unwrap_err();
    let text = failed.to_string();
    assert_eq!(failed.reason, Reason::Vacuous);
    assert!(text.contains("VACUOUS: no op ever reached the server") && text.contains("cx.wrote("), "{text}");
    let nothing = Check::new(&SmallShop::repaired("shop")).no_regressions().runs(0).run().unwrap_err();
    assert_eq!(nothing.reason, Reason::Vacuous);
}

#[test]
fn what_never_came_up_is_named_with_what_to_do() {
    let shop = SmallShop::repaired("shop");
    // Nobody damages or repeats a message on a polite day.
    let check = || Check::new(&shop).no_regressions().profile("polite");
    let failed = check().run().unwrap_err();
    let text = failed.to_string();
    assert_eq!(failed.reason, Reason::Vacuous);
    let excused = check().never_happens(&["damaged-never-applied", "one-effect-per-op"]).run();
    assert!(excused.is_ok(), "{}", excused.unwrap_err());
    assert!(text.contains("damaged-never-applied") && text.contains("Check::never_happens"), "{text}");
}

#[test]
fn a_name_that_names_nothing_is_answered_with_those_that_there_are() {
    let shop = SmallShop::repaired("shop");
    let check = || Check::new(&shop).no_regressions();
    let profile = check().profile("hevy").run().unwrap_err().to_string();
    assert!(profile.contains("`hevy`") && profile.contains("polite, default, swarm, heavy"), "{profile}");
    let invariant = check().never_happens(&["taken-twice"]).run().unwrap_err().to_string();
    assert!(invariant.contains("`taken-twice`") && invariant.contains("stock-never-negative"), "{invariant}");
    assert_eq!(shop.runs(), 0, "nothing was run");
}

/// A shop with something wrong that is no broken promise.
struct Moody {
    shop: SmallShop,
    runs: AtomicU64,
    wrong: Wrong,
}

enum Wrong {
    RunsDifferently,
    HidesARow,
}

impl Subject for Moody {
    fn name(&self) -> String {
        "moody".into()
    }
    fn domain(&self) -> &'static Domain {
        Subject::domain(&self.shop)
    }
    fn facts(&self) -> Facts {
        Subject::facts(&self.shop)
    }
    fn invariants(&self) -> Vec<Box<dyn squall::invariants::Invariant>> {
        self.shop.watched().invariants()
    }
    fn run(&self, scenario: &Scenario, luck: Luck, record: bool) -> Outcome {
        let mut outcome = Subject::run(&self.shop, scenario, luck, record);
        let n = self.runs.fetch_add(1, Ordering::Relaxed);
        match self.wrong {
            Wrong::RunsDifferently => outcome.fingerprint ^= n,
            Wrong::HidesARow => outcome.mistake = Some("a row was never reported".into()),
        }
        outcome
    }
}

#[test]
fn a_shop_that_runs_differently_each_time_fails_and_is_told_why() {
    let moody = Moody { shop: SmallShop::repaired("shop"), runs: AtomicU64::new(0), wrong: Wrong::RunsDifferently };
    let failed = Check::new(&moody).no_regressions().runs(20).run().unwrap_err();
    let text = failed.to_string();
    assert_eq!(failed.reason, Reason::NotDeterministic);
    assert!(text.contains("NOT DETERMINISTIC: the day of seed 0") && text.contains("no hash order"), "{text}");
}

#[test]
fn a_mistake_in_the_model_fails_on_new_days_and_in_saved_stories() {
    let moody = || Moody { shop: SmallShop::repaired("shop"), runs: AtomicU64::new(0), wrong: Wrong::HidesARow };
    let new = Check::new(&moody()).no_regressions().runs(20).run().unwrap_err();
    assert_eq!(new.reason, Reason::Mistake);
    assert!(
        new.to_string().contains("a mistake in the model of the system, seed 0: a row was never reported"),
        "{new}"
    );

    let folder = tempfile::tempdir().unwrap();
    failed(&SmallShop::forgetful("moody"), folder.path());
    let saved = Check::new(&moody()).regressions(folder.path()).run().unwrap_err();
    let path = stories(folder.path())[0].display().to_string();
    let named = format!("in {path}: a mistake in the model of the system: a row was never reported");
    assert!(saved.reason == Reason::Mistake && saved.to_string().contains(&named), "{saved}");
}
