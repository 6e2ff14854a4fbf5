//! A system in a plain test: what passes, what a failure says, and that the saved story comes first the next time.

mod small_shop;

use small_shop::SmallShop;
use squall::check::{Cause, Check, Failed};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// What this shop does not do: it reports writes only, and has neither wholes nor parts.
const NEVER: &[&str] = &[];

fn checked<'a>(shop: &'a impl squall::harness::Subject, folder: &Path) -> Check<'a> {
    Check::new(shop).regressions(folder).out_of_reach(NEVER)
}

fn failed(check: &Check<'_>) -> Failed {
    check.run().expect_err("this shop does not hold")
}

#[test]
fn a_sound_shop_passes_a_thousand_days() {
    let folder = tempfile::tempdir().unwrap();
    let shop = SmallShop::repaired("sound");
    let watched = shop.watched();
    let held = checked(&watched, folder.path()).run().unwrap_or_else(|failed| panic!("{failed}"));
    assert_eq!((held.report.runs, held.regressions.len()), (1_000, 0));
    assert!(shop.runs() >= 1_000);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was found, nothing is saved");
}
