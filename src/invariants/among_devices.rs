//! Days without a server: each invariant that means something among devices accepts a sound day and rejects a bad one.

use super::all;
use super::fixture::*;
use crate::model::retail::*;
use crate::model::{Key, Row, Value};
use crate::sim::{OpId, Span};
use crate::system::{Facts, PendingState, Reports, Why};

#[test]
fn a_day_of_sales_edits_and_a_deletion_that_everybody_hears_of_breaks_nothing() {
    let (one, edit) = (sale(1, ABDOULAYE, 2), price(2, FATOUMATA, 6_000));
    let deletion = op(3, ABDOULAYE, DELETE_SUPPLIER).on(S);
    let mut day = Day::among_devices(&[one, edit, deletion]);
    day.does(one).does(deletion).sends(ABDOULAYE, &[one.id, deletion.id]).copies(FATOUMATA, ABDOULAYE);
    day.acked(one).acked(deletion).does(edit).copies(ABDOULAYE, FATOUMATA).acked(edit);
    assert_eq!(day.ends(), [""; 0]);
    for name in ["replicas-converge", "no-op-lost", "op-all-or-nothing", "own-writes-stay", "deleted-stays-deleted"] {
        assert!(day.exercised(name), "{name}");
    }
    for name in ["one-effect-per-op", "outbox-drains", "status-truthful", "references-resolve", "numbers-unique"] {
        assert!(day.exercised(name), "{name}");
    }
}

#[test]
fn what_is_about_a_server_is_not_checked_and_says_why() {
    let facts =
        Facts { server: false, reports: Reports { words: true, authors: true, ..Reports::NOTHING }, ..Facts::new(&[]) };
    let unchecked: Vec<&str> = all()
        .iter()
        .filter(|one| one.not_checked(&facts, &RETAIL) == Some("there is no server"))
        .map(|one| one.name())
        .collect();
    assert_eq!(
        unchecked,
        [
            "stock-never-negative",
            "stock-conserved",
            "conflicts-decided",
            "pull-misses-nothing",
            "verdict-stable",
            "conflicts-are-real",
            "rejections-justified",
            "audit-complete",
            "clock-irrelevant",
            "batches-first-expired-first-out",
        ]
    );
}

#[test]
fn an_op_that_never_reaches_the_other_till() {
    let edit = price(1, ABDOULAYE, 6_000);
    let mut day = Day::among_devices(&[edit]);
    day.does(edit);
    assert_eq!(day.ends(), ["no-op-lost: never-arrived", "replicas-converge: differs"]);
    let texts: Vec<&str> = day.log.violations.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(texts[0], "op-1 on abdoulaye was told \"saved\" and was not on fatoumata at rest");
    assert_eq!(texts[1], "at rest the price of X was 6000 on abdoulaye but 5000 on fatoumata");
}

#[test]
fn a_new_row_and_a_deletion_that_never_reach_the_other_till() {
    let (made, deletion) = (op(1, ABDOULAYE, ADD_SUPPLIER).line(Key::NONE, 7), op(2, ABDOULAYE, DELETE_SUPPLIER).on(S));
    let mut day = Day::among_devices(&[made, deletion]);
    day.does(made).does(deletion);
    let breaches = day.ends();
    assert_broke(&breaches, "replicas-converge: missing-row");
    assert_broke(&breaches, "replicas-converge: missed-deletion");
    let texts: Vec<&str> = day.log.violations.iter().map(|one| one.text.as_str()).collect();
    assert!(texts.contains(&"fatoumata did not show the supplier row of op-1, but abdoulaye did"), "{texts:?}");
    assert!(texts.contains(&"fatoumata still showed the supplier row of S, deleted on abdoulaye"), "{texts:?}");
}

#[test]
fn an_op_whose_work_is_on_no_device_any_more() {
    let edit = price(1, ABDOULAYE, 6_000);
    let mut day = Day::among_devices(&[edit]);
    day.does(edit).copies(ABDOULAYE, FATOUMATA);
    let breaches = day.ends();
    assert_broke(&breaches, "no-op-lost: vanished");
    assert_broke(&breaches, "own-writes-stay: field-overwritten");
}

#[test]
fn of_two_edits_that_nobody_had_seen_either_may_stay() {
    let (one, other) = (price(1, ABDOULAYE, 6_000), price(2, FATOUMATA, 7_000));
    let mut day = Day::among_devices(&[one, other]);
    day.does(one).does(other).copies(ABDOULAYE, FATOUMATA);
    assert_eq!(day.ends(), [""; 0]);
    assert!(day.exercised("own-writes-stay"));
}

#[test]
fn an_older_edit_comes_back_over_one_that_knew_it() {
    let (first, second) = (price(1, FATOUMATA, 6_000), price(2, ABDOULAYE, 7_000));
    let mut day = Day::among_devices(&[first, second]);
    day.does(first).copies(ABDOULAYE, FATOUMATA).does(second).copies(ABDOULAYE, FATOUMATA);
    assert_eq!(day.so_far(), ["own-writes-stay: field-overwritten"]);
}

#[test]
fn what_only_a_wiped_till_held_is_excused_and_what_another_held_is_not() {
    let (kept, gone) = (price(1, ABDOULAYE, 6_000), op(2, ABDOULAYE, DELETE_SUPPLIER).on(S));
    let mut day = Day::among_devices(&[kept, gone]);
    day.does(kept).copies(FATOUMATA, ABDOULAYE).does(gone);
    day.history.excuse_where_only(ABDOULAYE);
    day.history.wipe(ABDOULAYE, 1);
    let excused = |id| day.history.op(id).expect("an op of the day").excused;
    assert_eq!((excused(kept.id), excused(gone.id)), (false, true));
    assert_eq!(day.copies(ABDOULAYE, FATOUMATA).ends(), [""; 0]);
}

#[test]
fn half_a_sale_stays_on_the_other_till() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::among_devices(&[one]);
    day.does(one).copies_but(FATOUMATA, ABDOULAYE, |row| row.entity == STOCK_MOVEMENT);
    let breaches = day.ends();
    assert_broke(&breaches, "op-all-or-nothing: effect-incomplete");
    assert_broke(&breaches, "no-op-lost: never-arrived");
}

#[test]
fn a_till_takes_the_same_sale_over_twice() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::among_devices(&[one]);
    day.does(one).copies(FATOUMATA, ABDOULAYE);
    let row = day.row(FATOUMATA, SALE, Key::made(one.id, 0));
    day.write(FATOUMATA, None, Some(Row { key: Key(99), ..row }), OpId::NONE, Why::Copied);
    assert_broke(&day.so_far(), "one-effect-per-op: twice");
    assert_eq!(day.log.violations[0].text, "fatoumata held 2 sale rows of op-1, where one was due");
}

#[test]
fn a_deleted_row_comes_back_from_a_till_that_had_not_heard() {
    let deletion = op(1, ABDOULAYE, DELETE_SUPPLIER).on(S);
    let mut day = Day::among_devices(&[deletion]);
    let live = day.row(FATOUMATA, SUPPLIER, S);
    day.does(deletion);
    let dead = day.row(ABDOULAYE, SUPPLIER, S);
    day.write(ABDOULAYE, Some(dead), Some(live), OpId::NONE, Why::Copied).between(ABDOULAYE);
    assert_broke(&day.so_far(), "deleted-stays-deleted: came-back");
    let text = "the supplier S, deleted by op-1, came back on abdoulaye through what another device sent";
    assert!(day.log.violations.iter().any(|one| one.text == text), "{:?}", day.log.violations);
}

#[test]
fn a_wiped_till_that_hears_the_deletion_last_brings_nothing_back() {
    let deletion = op(1, ABDOULAYE, DELETE_SUPPLIER).on(S);
    let mut day = Day::among_devices(&[deletion]);
    let live = day.row(FATOUMATA, SUPPLIER, S);
    day.does(deletion).copies(FATOUMATA, ABDOULAYE).wait(Span::secs(1));
    day.history.wipe(ABDOULAYE, 1);
    day.write(ABDOULAYE, None, Some(live), OpId::NONE, Why::Copied).between(ABDOULAYE).copies(ABDOULAYE, FATOUMATA);
    assert_eq!(day.ends(), [""; 0]);
}

#[test]
fn synced_is_told_before_any_other_till_has_it() {
    let edit = price(1, ABDOULAYE, 6_000);
    let mut day = Day::among_devices(&[edit]);
    day.does(edit).acked(edit);
    assert_eq!(day.so_far(), ["status-truthful: synced-but-absent"]);
    assert_eq!(day.log.violations[0].text, "abdoulaye was told that op-1 is \"synced\", but no other device had it");
}

#[test]
fn an_outbox_that_never_empties_and_devices_that_never_rest() {
    let edit = price(1, ABDOULAYE, 6_000);
    let mut day = Day::among_devices(&[edit]);
    day.does(edit).copies(FATOUMATA, ABDOULAYE).still_wants(edit, PendingState::Queued);
    assert_eq!(day.ends(), ["outbox-drains: stuck"]);
    let mut day = Day::among_devices(&[]);
    assert_eq!(day.judge(), ["outbox-drains: never-rests"]);
    assert_eq!(day.log.violations[0].text, "the faults were over but the devices never came to rest");
}

#[test]
fn two_tills_give_the_same_receipt_number() {
    let (one, other) = (sale(1, ABDOULAYE, 2), sale(2, FATOUMATA, 1));
    let mut day = Day::among_devices(&[one, other]);
    let number = (SALE, Key::made(one.id, 0), field::SALE_NUMBER);
    day.does(one).set(ABDOULAYE, number, Value::int(7), one.id, Why::Effect).does(other);
    day.set(FATOUMATA, (SALE, Key::made(other.id, 0), field::SALE_NUMBER), Value::int(7), other.id, Why::Effect);
    assert_eq!(day.so_far(), [""; 0], "nobody can know yet");
    day.copies_but(FATOUMATA, ABDOULAYE, |row| row.entity == PRODUCT);
    assert_broke(&day.so_far(), "numbers-unique: number-shared");
}

#[test]
fn a_reference_that_leads_nowhere_on_a_till_at_rest() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::among_devices(&[one]);
    day.does(one).copies_but(FATOUMATA, ABDOULAYE, |row| row.entity == SALE);
    assert_broke(&day.ends(), "references-resolve: dangling");
}

#[test]
fn a_damaged_message_a_wrong_author_and_too_many_tries() {
    let edit = price(1, ABDOULAYE, 6_000);
    let mut day = Day::among_devices(&[edit]);
    day.does(edit);
    (0..4).for_each(|_| {
        day.wait(Span::secs(9)).sends(ABDOULAYE, &[edit.id]);
    });
    day.history.damaged = true;
    day.set(FATOUMATA, (PRODUCT, X, field::PRICE), Value::int(1), OpId::NONE, Why::Copied);
    day.history.damaged = false;
    let foreign = Row { origin: edit.id, actor: 9, ..Row::new(SUPPLIER, Key::made(edit.id, 0)) };
    day.write(FATOUMATA, None, Some(foreign), OpId::NONE, Why::Copied);
    let expected = ["retries-bounded: too-often", "damaged-never-applied: applied", "scope-kept: wrong-actor"];
    assert_eq!(day.so_far(), expected);
}

#[test]
fn without_tags_nobody_can_say_that_a_later_edit_or_deletion_knew_an_earlier_one() {
    let (first, second) = (price(1, ABDOULAYE, 6_000), price(2, FATOUMATA, 7_000));
    let mut day = Day::among_untold_devices(&[first, second]);
    day.does(first).copies(FATOUMATA, ABDOULAYE).acked(first).does(second).copies(ABDOULAYE, FATOUMATA).acked(second);
    assert_eq!(day.ends(), [""; 0]);
    assert!(day.exercised("no-op-lost"));
    let deletion = op(1, ABDOULAYE, DELETE_SUPPLIER).on(S);
    let mut day = Day::among_untold_devices(&[deletion]);
    let live = day.row(FATOUMATA, SUPPLIER, S);
    day.does(deletion).copies(FATOUMATA, ABDOULAYE).acked(deletion);
    for till in [ABDOULAYE, FATOUMATA] {
        let dead = day.row(till, SUPPLIER, S);
        day.write(till, Some(dead), Some(live), OpId::NONE, Why::Copied).between(till);
    }
    assert_eq!(day.ends(), [""; 0]);
}

#[test]
fn without_tags_a_row_is_known_by_its_key() {
    let made = op(1, ABDOULAYE, ADD_SUPPLIER).line(Key::NONE, 7);
    let mut day = Day::among_untold_devices(&[made]);
    day.does(made).copies(FATOUMATA, ABDOULAYE).acked(made);
    assert_eq!(day.ends(), [""; 0]);
    let mut day = Day::among_untold_devices(&[made]);
    day.does(made);
    assert_broke(&day.ends(), "no-op-lost: never-arrived");
}
