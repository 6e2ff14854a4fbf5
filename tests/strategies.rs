//! Properties with squall's strategies: what is found, how small it gets, what is remembered, and what proptest decides.

mod small_shop;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestError, TestRunner};
use small_shop::SmallShop;
use squall::campaign::Campaign;
use squall::explore::Profile;
use squall::harness::{Luck, Outcome, Subject};
use squall::invariants::Invariant;
use squall::model::retail::RETAIL;
use squall::model::{Domain, Scenario};
use squall::strategies::{Day, config, days, ops, schedules};
use squall::system::Facts;
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn runner(cases: u32, seed: u64) -> TestRunner {
    TestRunner::new(ProptestConfig { cases, rng_seed: RngSeed::Fixed(seed), ..config() })
}

/// The text of the failure and the smallest case.
fn failure<T: std::fmt::Debug>(result: Result<(), TestError<T>>) -> (String, T) {
    match result {
        Err(TestError::Fail(why, value)) => (why.message().to_string(), value),
        other => panic!("the property fails: {other:?}"),
    }
}

/// What a plain property says of a shop.
fn checked(shop: &SmallShop, folder: &Path, cases: u32) -> Result<(), TestError<Day>> {
    runner(cases, 1).run(&days(shop.watched()).regressions(folder), |day| day.check())
}

/// Every case holds.
fn holds<T: std::fmt::Debug>(result: Result<(), TestError<T>>) {
    if let Err(error) = result {
        panic!("the property holds: {error}");
    }
}

fn stories(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn size(day: &Day) -> (usize, usize, usize) {
    let scenario = day.scenario();
    (scenario.devices.len(), scenario.steps.len(), scenario.schedule.len())
}

#[test]
fn a_bug_is_found_within_the_default_cases_and_its_story_is_as_small_as_that_of_a_campaign() {
    let folder = tempfile::tempdir().unwrap();
    let shop = SmallShop::forgetful("shop");
    let (text, day) = failure(checked(&shop, folder.path(), ProptestConfig::default().cases));

    let campaign = Campaign::new(Arc::new(shop.watched()), Profile::find("default").unwrap(), 0..64);
    let report = campaign.run(&|_| {});
    let of_campaign = report.findings.iter().find(|one| one.invariant == "one-effect-per-op").expect("the same bug");
    assert_eq!(size(&day), (of_campaign.devices, of_campaign.ops, of_campaign.deviations));

    let path = &stories(folder.path())[0];
    let parts = [
        "squall: shop breaks a promise on the day of seed ",
        "1  one-effect-per-op: sell-1 changed the server's stock of ",
        "✗ taken-once",
        &format!("   saved as     {}", path.display()),
        "   again        cargo test a_bug_is_found_",
        "   the file is replayed before any new case; delete it to forget it",
    ];
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

#[test]
fn the_second_time_the_saved_story_fails_before_any_new_case_and_deleting_it_forgets_it() {
    let folder = tempfile::tempdir().unwrap();
    failure(checked(&SmallShop::forgetful("shop"), folder.path(), 256));
    let saved = stories(folder.path());
    assert_eq!(saved.len(), 1);

    let shop = SmallShop::forgetful("shop");
    let (text, day) = failure(checked(&shop, folder.path(), 256));
    assert!(text.contains("in a saved story; no new case was tried"), "{text}");
    assert!(text.contains(&saved[0].display().to_string()), "{text}");
    assert!(shop.runs() < 10, "{} runs: nothing was drawn", shop.runs());
    assert_eq!(format!("{day}"), format!("the story in {}", saved[0].display()));
    assert_eq!(stories(folder.path()), saved);

    fs::remove_file(&saved[0]).unwrap();
    let (text, _) = failure(checked(&SmallShop::forgetful("shop"), folder.path(), 256));
    assert!(text.contains("on the day of seed "), "{text}");
}

#[test]
fn a_saved_story_that_holds_is_passed_over_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    failure(checked(&SmallShop::forgetful("shop"), folder.path(), 256));
    let saved = stories(folder.path());
    let seen = Cell::new(0);
    let shop = SmallShop::repaired("shop");
    let drawn = |day: Day| {
        seen.set(seen.get() + 1);
        let origin = day.to_string();
        prop_assert!(origin.starts_with("the day of seed "));
        day.check()
    };
    holds(runner(5, 1).run(&days(shop.watched()).regressions(folder.path()), drawn));
    assert_eq!((seen.get(), stories(folder.path())), (5, saved));
}

#[test]
fn proptest_decides_how_many_days_are_drawn_and_from_which_seed() {
    let shop = SmallShop::repaired("shop");
    let drawn = |cases, seed| {
        let seen = std::cell::RefCell::new(Vec::new());
        let strategy = days(shop.watched()).profile("heavy").no_regressions();
        let result = runner(cases, seed).run(&strategy, |day| {
            seen.borrow_mut().push(format!("{day}"));
            Ok(())
        });
        holds(result);
        seen.into_inner()
    };
    assert_eq!(drawn(7, 1).len(), 7);
    assert_eq!(drawn(7, 1), drawn(7, 1));
    assert_ne!(drawn(7, 1), drawn(7, 2));
    assert!(drawn(1, 1)[0].ends_with("under profile heavy"));
}

#[test]
fn a_day_replays_to_the_same_end_as_it_was_drawn_with() {
    let shop = SmallShop::forgetful("shop");
    let strategy = days(shop.clone()).profile("heavy").no_regressions();
    let same = |day: Day| {
        let (first, second) = (day.run(&shop), day.run(&shop));
        prop_assert_eq!(first.fingerprint, second.fingerprint);
        prop_assert!(first.unused.is_empty() && first.end.is_some());
        Ok(())
    };
    holds(runner(20, 1).run(&strategy, same));
}

#[test]
fn an_assertion_of_ones_own_shrinks_to_what_it_needs() {
    let shop = SmallShop::repaired("shop");
    let strategy = days(shop.watched()).profile("heavy").no_regressions();
    let two_sales = |day: Day| {
        day.check()?;
        prop_assert!(day.scenario().steps.len() < 2, "two ops");
        Ok(())
    };
    let (text, day) = failure(runner(20, 1).run(&strategy, two_sales));
    assert!(text.starts_with("two ops"), "{text}");
    assert_eq!(size(&day), (1, 2, 0));
}

#[test]
fn a_broken_promise_that_a_test_sees_for_itself_shrinks_to_squalls_story() {
    let shop = SmallShop::forgetful("shop").watched();
    let strategy = days(SmallShop::forgetful("shop").watched()).no_regressions();
    let own = |day: Day| {
        prop_assert!(day.run(&shop).broken().is_empty(), "something broke");
        Ok(())
    };
    let (_, day) = failure(runner(256, 1).run(&strategy, own));
    let (devices, ops, deviations) = size(&day);
    assert!(devices == 1 && ops == 1 && deviations <= 1, "{day:?}");
}

#[test]
fn days_stand_beside_strategies_of_ones_own_and_both_shrink() {
    let shop = SmallShop::repaired("shop");
    let strategy = (0..1_000_u32, days(shop.watched()).no_regressions(), 0..1_000_u32);
    let result = runner(256, 1).run(&strategy, |(before, day, after)| {
        day.check()?;
        prop_assert!(before < 10 || after < 20 || day.scenario().steps.is_empty(), "all three");
        Ok(())
    });
    let (text, (before, day, after)) = failure(result);
    assert!(text.starts_with("all three"), "{text}");
    assert_eq!((before, size(&day), after), (10, (1, 1, 0), 20));
}

#[test]
fn a_finding_beside_other_strategies_is_shrunk_and_saved_once() {
    let folder = tempfile::tempdir().unwrap();
    let strategy = (days(SmallShop::forgetful("shop").watched()).regressions(folder.path()), 0..1_000_u32);
    let (text, (day, number)) = failure(runner(256, 1).run(&strategy, |(day, _)| day.check()));
    assert!(text.contains("taken-once"), "{text}");
    assert_eq!((size(&day).1, number, stories(folder.path()).len()), (1, 0, 1));
}

#[test]
fn a_day_is_checked_on_another_system_too() {
    let folder = tempfile::tempdir().unwrap();
    let repaired = days(SmallShop::repaired("shop").watched()).regressions(folder.path());
    let other = SmallShop::forgetful("other").watched();
    let (text, day) = failure(runner(256, 1).run(&repaired, |day| {
        day.check()?;
        day.check_on(&other)
    }));
    assert!(text.contains("squall: other breaks a promise on"), "{text}");
    assert_eq!((size(&day).1, stories(folder.path()).len()), (1, 1));
    assert!(fs::read_to_string(&stories(folder.path())[0]).unwrap().contains("\"other\""));
}

#[test]
fn every_system_that_a_day_is_checked_on_is_run_whatever_it_is_called_and_wherever_it_lies() {
    let strategy = days(SmallShop::repaired("shop")).profile("heavy").no_regressions();
    let (text, _) = failure(runner(64, 1).run(&strategy, |day| {
        for remembers in [true, false] {
            let shop = SmallShop { remembers, ..SmallShop::forgetful("variant") };
            day.check_on(&shop)?;
        }
        Ok(())
    }));
    assert!(text.contains("squall: variant breaks a promise on"), "{text}");
}

#[test]
fn a_day_that_breaks_another_system_in_the_same_way_again_is_shrunk_once() {
    let tries = std::cell::RefCell::new(Vec::new());
    let strategy = days(SmallShop::repaired("shop")).profile("heavy").no_regressions();
    let result = runner(64, 1).run(&strategy, |day| {
        let runs = |shop: &SmallShop| day.check_on(shop).map(|()| 0).unwrap_or_else(|_| shop.runs());
        let first = runs(&SmallShop::forgetful("variant"));
        if first > 0 {
            tries.borrow_mut().push((first, runs(&SmallShop::forgetful("variant"))));
        }
        Ok(())
    });
    holds(result);
    let tries = tries.into_inner();
    assert!(tries.iter().any(|(first, second)| *first > 10 && *second == 2), "{tries:?}");
    assert!(tries.iter().all(|(_, second)| *second == 2), "it is run, twice, and no more: {tries:?}");
}

#[test]
fn a_system_behind_a_pointer_is_a_system_like_any_other() {
    let shop: Arc<dyn Subject> = Arc::new(SmallShop::forgetful("shop").watched());
    let (text, day) = failure(runner(256, 1).run(&days(shop.clone()).no_regressions(), |day| day.check()));
    assert!(text.contains("taken-once"), "{text}");
    assert!(!day.run(&shop).violations.is_empty());
}

#[test]
fn ops_keep_to_their_ranges_and_shrink() {
    let in_range = |scenario: Scenario| {
        prop_assert!((2..=3).contains(&scenario.devices.len()));
        prop_assert!(scenario.steps.len() <= 8 && scenario.schedule.is_empty() && !scenario.rows.is_empty());
        Ok(())
    };
    holds(runner(40, 1).run(&ops(&RETAIL, 2..=3, 8..=8), in_range));
    let (_, least) = failure(runner(40, 1).run(&ops(&RETAIL, 1..=3, 5..=9), |scenario| {
        prop_assert!(scenario.steps.len() < 3);
        Ok(())
    }));
    assert_eq!((least.devices.len(), least.steps.len()), (1, 3));
}

#[test]
fn given_ops_stay_while_their_luck_is_drawn_and_shrunk() {
    let shop = SmallShop::repaired("shop");
    let given = ops(Subject::domain(&shop), 2..=2, 6..=6);
    let strategy = schedules(shop.watched(), given).profile("heavy").no_regressions();
    let seen = Cell::new(0);
    let lucky = |day: Day| {
        day.check()?;
        seen.set(seen.get().max(day.scenario().schedule.len()));
        prop_assert!(day.scenario().schedule.is_empty(), "bad luck");
        Ok(())
    };
    let (_, day) = failure(runner(40, 1).run(&strategy, lucky));
    let (devices, ops, deviations) = size(&day);
    assert!(devices == 2 && ops > 1 && deviations == 1 && seen.get() > 1, "{day:?}");
}

#[test]
fn what_stands_in_a_given_schedule_is_kept_whatever_is_drawn_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let (_, found) = failure(checked(&SmallShop::forgetful("shop"), folder.path(), 256));
    let given = found.scenario().clone();
    let fixed = given.schedule[0];
    let seen = Cell::new(0);
    let kept = |day: Day| {
        let schedule = &day.scenario().schedule;
        seen.set(seen.get().max(schedule.len()));
        prop_assert_eq!(schedule.iter().filter(|one| one.label == fixed.label).collect::<Vec<_>>(), vec![&fixed]);
        day.check()
    };
    let shop = SmallShop::repaired("shop").watched();
    let strategy = schedules(shop, Just(given)).profile("heavy").no_regressions();
    holds(runner(30, 1).run(&strategy, kept));
    assert!(seen.get() > 1, "nothing was drawn beside it");
    let (text, day) = failure(runner(1, 1).run(&strategy, |day| {
        kept(day)?;
        Err(TestCaseError::fail("in any case"))
    }));
    assert_eq!((text.as_str(), day.scenario().schedule.as_slice()), ("in any case", [fixed].as_slice()));
}

#[test]
fn luck_for_fixed_ops_finds_the_bug_and_a_scenario_of_another_business_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let shop = SmallShop::forgetful("shop");
    let given = |day: Day| Just(Scenario { schedule: Vec::new(), ..day.scenario().clone() });
    let (_, found) = failure(checked(&shop, folder.path(), 256));
    let strategy = schedules(shop.watched(), given(found)).profile("swarm").no_regressions();
    let (text, _) = failure(runner(256, 1).run(&strategy, |day| day.check()));
    assert!(text.contains("taken-once") && text.contains("not saved: these days keep no regressions"), "{text}");

    let wrong = schedules(shop.watched(), ops(&RETAIL, 1..=1, 1..=3)).no_regressions();
    let Err(TestError::Abort(why)) = runner(1, 1).run(&wrong, |day| day.check()) else { panic!("it is refused") };
    assert!(why.message().contains("`corner-shop`") && why.message().contains("`retail`"), "{}", why.message());
}

/// A shop that runs differently each time, or panics on a day with many ops.
struct Moody {
    shop: SmallShop,
    panics: bool,
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
    fn run(&self, scenario: &Scenario, luck: Luck, record: bool) -> Outcome {
        assert!(!self.panics || scenario.steps.len() < 4, "four ops are too many");
        let mut outcome = Subject::run(&self.shop, scenario, luck, record);
        outcome.fingerprint ^= if self.panics { 0 } else { self.shop.runs() };
        outcome
    }
}

#[test]
fn a_shop_that_runs_differently_each_time_fails_and_is_told_why() {
    let moody = Moody { shop: SmallShop::repaired("shop"), panics: false };
    let (text, _) = failure(runner(5, 1).run(&days(moody).no_regressions(), |day| day.check()));
    assert!(text.contains("NOT DETERMINISTIC: moody") && text.contains("no hash order"), "{text}");
    assert!(text.contains("recorded runs differed again"), "only its fingerprint differs: {text}");
}

#[test]
fn another_shop_that_runs_differently_each_time_and_one_with_fixed_luck_fail_too() {
    let moody = || Moody { shop: SmallShop::repaired("shop"), panics: false };
    let sound = days(SmallShop::repaired("shop")).no_regressions();
    let (on, _) = failure(runner(5, 1).run(&sound, |day| day.check_on(&moody())));
    assert!(on.contains("NOT DETERMINISTIC: moody"), "{on}");

    let folder = tempfile::tempdir().unwrap();
    let (_, found) = failure(checked(&SmallShop::forgetful("shop"), folder.path(), 256));
    assert!(!found.scenario().schedule.is_empty(), "some luck is fixed");
    let fixed = schedules(moody(), Just(found.scenario().clone())).profile("polite").no_regressions();
    let (text, _) = failure(runner(5, 1).run(&fixed, |day| day.check()));
    assert!(text.contains("NOT DETERMINISTIC: moody"), "{text}");
}

#[test]
fn a_shop_that_panics_fails_with_its_message_and_its_day() {
    let moody = Moody { shop: SmallShop::repaired("shop"), panics: true };
    let (text, _) = failure(runner(256, 1).run(&days(moody).no_regressions(), |day| day.check()));
    assert!(text.contains("moody panicked: four ops are too many, on the day of seed "), "{text}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named_and_the_table_is_shown_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let (text, _) = failure(checked(&SmallShop::forgetful("shop"), &file.join("stories"), 256));
    assert!(text.contains("not saved: cannot make the folder") && text.contains("✗ taken-once"), "{text}");
}

#[test]
fn a_broken_file_in_the_folder_is_named_before_anything_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("broken.json"), "{ \"squall\": 1,").unwrap();
    let shop = SmallShop::forgetful("shop");
    let Err(TestError::Abort(why)) = checked(&shop, folder.path(), 256) else { panic!("it is no failing case") };
    assert!(why.message().contains("broken.json:1:"), "{}", why.message());
    assert_eq!(shop.runs(), 0);
}

#[test]
fn a_saved_story_of_which_no_luck_comes_up_any_more_stops_the_test() {
    let folder = tempfile::tempdir().unwrap();
    failure(checked(&SmallShop::forgetful("shop"), folder.path(), 256));
    let path = &stories(folder.path())[0];
    let text = fs::read_to_string(path).unwrap();
    fs::write(path, text.replace(".try-1.", ".try-9.")).unwrap();
    let Err(TestError::Abort(why)) = checked(&SmallShop::repaired("shop"), folder.path(), 8) else {
        panic!("a property that is never asked must not pass either")
    };
    let (why, path) = (why.message(), path.display().to_string());
    assert!(why.contains(&path) && why.contains(".try-9.") && why.contains("delete the file"), "{why}");
}

/// A shop that does not report all that it holds.
struct Secretive(SmallShop);

impl Subject for Secretive {
    fn name(&self) -> String {
        Subject::name(&self.0)
    }
    fn domain(&self) -> &'static Domain {
        Subject::domain(&self.0)
    }
    fn facts(&self) -> Facts {
        Subject::facts(&self.0)
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant>> {
        self.0.watched().invariants()
    }
    fn run(&self, scenario: &Scenario, luck: Luck, record: bool) -> Outcome {
        let mistake = Some("a row was never reported".into());
        Outcome { mistake, ..Subject::run(&self.0, scenario, luck, record) }
    }
}

#[test]
fn a_mistake_in_the_model_in_a_saved_story_stops_the_test_and_a_new_day_fails_with_it() {
    let folder = tempfile::tempdir().unwrap();
    failure(checked(&SmallShop::forgetful("shop"), folder.path(), 256));
    let secretive = || days(Secretive(SmallShop::repaired("shop")));
    let result = runner(8, 1).run(&secretive().regressions(folder.path()), |_| Ok(()));
    let Err(TestError::Abort(why)) = result else { panic!("nobody asked, and it is wrong all the same") };
    let path = stories(folder.path())[0].display().to_string();
    assert!(why.message().contains(&path) && why.message().contains("a row was never reported"), "{why}");
    let (text, _) = failure(runner(8, 1).run(&secretive().no_regressions(), |day| day.check()));
    assert!(text.contains("a row was never reported"), "{text}");
}

#[test]
fn a_shop_in_which_nothing_ever_arrives_fails_after_some_days() {
    let silent = SmallShop { sends: false, ..SmallShop::forgetful("silent") };
    let property = |cases| runner(cases, 1).run(&days(silent.clone()).no_regressions(), |day| day.check());
    holds(property(60));
    let (text, day) = failure(property(256));
    assert!(text.contains("VACUOUS: in 64 days of silent no op ever reached the server"), "{text}");
    assert!(size(&day).1 > 0, "a smaller day says nothing: {day:?}");
}

#[test]
fn a_day_shows_itself_in_a_few_lines() {
    let folder = tempfile::tempdir().unwrap();
    let (_, day) = failure(checked(&SmallShop::forgetful("shop"), folder.path(), 256));
    let text = format!("{day:?}");
    assert!(text.contains(": 1 device, 1 op, ") && text.contains("till-1 sell 1 product-a"), "{text}");
    assert!(text.lines().count() < 20, "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, ..config() })]
    #[test]
    fn the_macro_takes_days_and_others(day in days(SmallShop::repaired("shop").watched()).no_regressions(), n in 0..9) {
        prop_assert!(n < 9);
        day.check()?;
    }
}
