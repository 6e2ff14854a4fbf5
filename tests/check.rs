//! A system in a plain test: what passes, what a failure says, and that the saved story comes first the next time.

mod small_shop;

use small_shop::SmallShop;
use squall::check::{Check, Failed, Reason};
use squall::harness::{Luck, Subject};
use squall::prelude::*;
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
    let again = "cargo test a_broken_shop_panics_with_the_table_the_file_and_the_line_that_repeats_it -- --exact";
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

/// The deviation on which the stories of a forgetful shop rest.
const LUCK: &str = "till-1.push.sell-1.try-1.reply";

/// Changes the first saved story of a forgetful shop and returns its path; the others go.
fn change(folder: &Path, from: &str, to: &str) -> PathBuf {
    failed(&SmallShop::forgetful("shop"), folder);
    let mut paths = stories(folder);
    paths.split_off(1).iter().for_each(|path| fs::remove_file(path).unwrap());
    let text = fs::read_to_string(&paths[0]).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&paths[0], text.replace(from, to)).unwrap();
    paths.remove(0)
}

#[test]
fn a_story_of_which_no_luck_comes_up_any_more_fails_with_its_labels_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let gone = LUCK.replace("try-1", "try-9");
    let path = change(folder.path(), LUCK, &gone);
    let failed = failed(&SmallShop::repaired("shop"), folder.path());
    let text = failed.to_string();
    assert_eq!((failed.reason, failed.report.is_none()), (Reason::NeverCameUp, true), "{text}");
    for part in [&path.display().to_string(), &gone, "delete the file", "find the story anew", "no new day was tried"] {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }

    let text = fs::read_to_string(&path).unwrap();
    let expected = "{ \"violates\": [\"one-effect-per-op\"] }";
    assert!(text.contains(expected), "{text}");
    fs::write(&path, text.replace(expected, "{ \"holds\": true, \"vacuous\": true }")).unwrap();
    assert_eq!(held(&SmallShop::repaired("shop"), folder.path()), 1, "the file says that it expects that");
}

#[test]
fn luck_that_a_repair_did_away_with_is_a_note_as_long_as_some_comes_up() {
    let folder = tempfile::tempdir().unwrap();
    let gone = LUCK.replace("try-1", "try-9");
    change(folder.path(), &format!("\"{LUCK}\""), &format!("\"{gone}\": \"drop\",\n    \"{LUCK}\""));
    let shop = SmallShop::repaired("shop").watched();
    let held = Check::new(&shop).regressions(folder.path()).run().unwrap_or_else(|failed| panic!("{failed}"));
    assert_eq!(held.regressions[0].never_came_up, [gone]);
}

#[test]
fn a_story_without_any_luck_is_never_vacuous() {
    let folder = tempfile::tempdir().unwrap();
    change(folder.path(), &format!("\"{LUCK}\": {{ \"delay\": \"5s\" }}"), "");
    assert_eq!(held(&SmallShop::repaired("shop"), folder.path()), 1);
}

#[test]
fn a_folder_of_stories_none_of_which_is_this_systems_is_a_note() {
    let folder = tempfile::tempdir().unwrap();
    failed(&SmallShop::forgetful("old-name"), folder.path());
    let noted = |name: &'static str| {
        let shop = SmallShop::repaired(name).watched();
        let held = Check::new(&shop).regressions(folder.path()).run().unwrap_or_else(|failed| panic!("{failed}"));
        (held.passed_over, held.note())
    };
    let (passed_over, note) = noted("new-name");
    let note = note.expect("nothing of this system was replayed");
    assert!(passed_over == 2 && note.contains("2 files") && note.contains("`new-name`"), "{note}");
    assert_eq!(noted("old-name"), (0, None));
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_a_link_to_nowhere_is_a_failure_and_no_empty_folder() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("stories");
    std::os::unix::fs::symlink(folder.path().join("gone"), &link).unwrap();
    let failed = failed(&SmallShop::repaired("shop"), &link);
    let text = failed.to_string();
    assert!(failed.reason == Reason::Unusable && text.contains(&link.display().to_string()), "{text}");
}

#[test]
fn an_invariant_that_panics_on_a_saved_story_is_named_with_its_file() {
    struct Touchy;
    impl Invariant for Touchy {
        fn name(&self) -> &'static str {
            "touchy"
        }
        fn promise(&self) -> &'static str {
            "nobody writes anything"
        }
        fn wants(&self) -> u8 {
            wants::WROTE
        }
        fn observe(&mut self, _: &History<'_>, _: &Moment<'_>, _: &mut Log) {
            panic!("a row was touched");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    failed(&SmallShop::forgetful("shop"), folder.path());
    let touchy = with_invariants(SmallShop::repaired("shop"), || vec![Box::new(Touchy)]);
    fs::remove_file(stories(folder.path()).pop().unwrap()).unwrap();
    let failed = Check::new(&touchy).regressions(folder.path()).run().unwrap_err();
    let text = failed.to_string();
    let path = stories(folder.path())[0].display().to_string();
    assert_eq!(failed.reason, Reason::Mistake);
    assert!(text.contains(&path) && text.contains("panicked: a row was touched"), "{text}");
}

#[test]
fn an_invariant_whose_name_could_be_a_path_is_refused() {
    struct Slash;
    impl Invariant for Slash {
        fn name(&self) -> &'static str {
            "stock/never"
        }
        fn promise(&self) -> &'static str {
            "its name is one"
        }
        fn wants(&self) -> u8 {
            0
        }
        fn observe(&mut self, _: &History<'_>, _: &Moment<'_>, _: &mut Log) {}
    }
    let shop = with_invariants(SmallShop::repaired("shop"), || vec![Box::new(Slash)]);
    let panic = catch_unwind(AssertUnwindSafe(|| shop.invariants().len())).expect_err("it panics");
    assert!(panic.downcast_ref::<String>().is_some_and(|text| text.contains("`stock/never`")));
}

#[test]
fn a_folder_that_cannot_be_written_is_named_and_the_finding_is_shown_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let text = failed(&SmallShop::forgetful("shop"), &file.join("stories")).to_string();
    assert!(text.contains("not saved: cannot make the folder") && text.contains("✗ taken-once"), "{text}");
    assert!(text.contains("again        Check::new(&system).profile(\"default\").seeds("), "{text}");
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

/// A promise whose situation never comes up.
struct Idle;

impl Invariant for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }
    fn promise(&self) -> &'static str {
        "holds"
    }
    fn wants(&self) -> u8 {
        0
    }
    fn observe(&mut self, _: &History<'_>, _: &Moment<'_>, _: &mut Log) {}
}

#[test]
fn what_never_came_up_is_named_with_what_to_do() {
    let shop = with_invariants(SmallShop::repaired("shop"), || vec![Box::new(Idle)]);
    let check = || Check::new(&shop).no_regressions().profile("polite");
    let failed = check().run().unwrap_err();
    let text = failed.to_string();
    assert_eq!(failed.reason, Reason::Vacuous);
    assert!(text.contains("invariants   idle\n") && text.contains("Check::never_happens"), "{text}");
    let excused = check().never_happens(&["idle"]).run();
    assert!(excused.is_ok(), "{}", excused.unwrap_err());
}

#[test]
fn a_polite_day_is_not_asked_for_what_only_a_bad_one_brings() {
    let held = Check::new(&SmallShop::repaired("shop")).no_regressions().profile("polite").run().unwrap();
    let skipped: Vec<&str> = held.vacuity.not_applicable.iter().map(|(name, _)| *name).collect();
    assert!(skipped.contains(&"damaged-never-applied") && skipped.contains(&"one-effect-per-op"), "{skipped:?}");
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

#[test]
fn that_nobody_was_ever_answered_cannot_be_excused() {
    let silent = SmallShop { sends: false, ..SmallShop::forgetful("silent") };
    let devices = ["till-1", "till-2", "till-3"];
    let failed = Check::new(&silent).no_regressions().runs(64).never_happens(&["sell"]).never_happens(&devices).run();
    assert_eq!(failed.unwrap_err().reason, Reason::Vacuous);
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
fn nothing_is_saved_of_a_shop_that_runs_differently_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let moody = Moody { shop: SmallShop::forgetful("shop"), runs: AtomicU64::new(0), wrong: Wrong::RunsDifferently };
    let failed = Check::new(&moody).regressions(folder.path()).runs(64).run().unwrap_err();
    let text = failed.to_string();
    assert_eq!(failed.reason, Reason::Broken);
    assert!(text.contains("not saved: the system is not deterministic"), "{text}");
    assert_eq!(stories(folder.path()), [] as [PathBuf; 0]);
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
