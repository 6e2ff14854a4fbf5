//! Days on which a decision, a word or a rule was wrong: each invariant rejects a history that breaks it.
//!
//! Losses and doubles are in `bad_days`.

use super::fixture::*;
use crate::model::retail::*;
use crate::model::{Entity, Key, Op, Row, Value};
use crate::sim::{Cause, Channel, Label, OpId, Point, Span};
use crate::system::{Audit, Dot, Lamp, PendingState, Rule, Verdict, Why, Word};

#[test]
fn a_stale_edit_brings_a_deleted_supplier_back() {
    let (gone, made) = (op(1, ABDOULAYE, DELETE_SUPPLIER).on(S), op(2, FATOUMATA, SPEND).line(Key::NONE, 1));
    let mut day = Day::of(&[gone, made]);
    day.does(gone).lands(gone).wait(Span::secs(1));
    let dead = day.row(SERVER, SUPPLIER, S);
    day.write(SERVER, Some(dead), Some(Row { deleted: false, ..dead }), made.id, Why::Effect).between(SERVER);
    assert_broke(&day.judge(), "deleted-stays-deleted: came-back");
}

#[test]
fn a_price_edit_replaces_another_that_its_author_had_not_seen() {
    let (mine, theirs) = (price(1, ABDOULAYE, 6_000), price(2, FATOUMATA, 7_000));
    let mut day = Day::of(&[mine, theirs]);
    day.does(mine).does(theirs).lands(mine).acked(mine).lands(theirs).acked(theirs).pulls(ABDOULAYE).pulls(FATOUMATA);
    assert_eq!(day.ends(), ["conflicts-decided: overwritten-unseen"]);
}

#[test]
fn a_stale_price_is_written_back_by_somebody_elses_sale() {
    let (mine, sold) = (price(1, ABDOULAYE, 6_000), sale(2, FATOUMATA, 1));
    let mut day = Day::of(&[mine, sold]);
    day.does(mine).does(sold).lands(mine).lands(sold);
    let before = day.row(SERVER, PRODUCT, X);
    let mut after = before;
    after.set(1, Value::int(5_000), OpId::NONE);
    day.write(SERVER, Some(before), Some(after), sold.id, Why::Effect).between(SERVER);
    assert_broke(&day.judge(), "conflicts-decided: overwritten-unseen");
}

#[test]
fn an_edit_is_dropped_and_called_synced() {
    let (mine, theirs) = (price(1, ABDOULAYE, 6_000), price(2, FATOUMATA, 7_000));
    let mut day = Day::of(&[mine, theirs]);
    day.does(mine).does(theirs).lands(mine).acked(mine).acked(theirs);
    let breaches = day.ends();
    assert_broke(&breaches, "status-truthful: synced-but-absent");
    assert_broke(&breaches, "conflicts-decided: dropped-undecided");
}

#[test]
fn an_edit_conflicts_with_its_own_authors_first_edit() {
    let (first, second) = (price(1, ABDOULAYE, 6_000), price(2, ABDOULAYE, 7_000));
    let mut day = Day::of(&[first, second]);
    day.does(first).does(second).lands(first).decide(second.id, Verdict::Superseded { by: first.id });
    assert_broke(&day.judge(), "conflicts-are-real: false-conflict");
}

#[test]
fn a_user_is_told_synced_before_the_server_has_it() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[one]);
    day.does(one).acked(one);
    assert_broke(&day.judge(), "status-truthful: synced-but-absent");
}

#[test]
fn words_at_rest_that_are_not_true() {
    let short = Verdict::Rejected { rule: Rule::Quantity, about: X, available: 5, requested: 9 };
    let broken = |prepare: &dyn Fn(&mut Day, Op)| {
        let one = sale(1, ABDOULAYE, 2);
        let mut day = Day::of(&[one]);
        day.does(one);
        prepare(&mut day, one);
        day.ends()
    };
    let unknown = broken(&|day, one| {
        day.tell(one.id, Word::Unknown);
    });
    assert_broke(&unknown, "status-truthful: unknown-for-ever");
    let untold = broken(&|day, one| {
        day.decide(one.id, short);
    });
    assert_broke(&untold, "status-truthful: rejected-untold");
    let denied = broken(&|day, one| {
        day.lands(one).tell(one.id, Word::Rejected);
    });
    assert_broke(&denied, "status-truthful: rejected-but-present");
    let claimed = broken(&|day, one| {
        day.decide(one.id, short).tell(one.id, Word::Synced);
    });
    assert_broke(&claimed, "status-truthful: synced-but-rejected");
}

#[test]
fn a_green_lamp_over_a_full_outbox() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[one]);
    day.does(one).still_wants(one, PendingState::Queued);
    day.history.nodes[1].lamp = Some(Lamp { pending: 0, dot: Dot::Green });
    let breaches = day.ends();
    assert_broke(&breaches, "status-truthful: lamp-green");
    assert_broke(&breaches, "status-truthful: count-wrong");
}

#[test]
fn up_to_date_is_said_over_a_missing_row() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[one]);
    day.does(one).lands(one).acked(one).pulls(ABDOULAYE).wait(Span::secs(1));
    let now = day.history.now;
    day.history.nodes[2].up_to_date = Some(now);
    assert_broke(&day.ends(), "status-truthful: not-up-to-date");
}

#[test]
fn up_to_date_is_said_after_the_first_of_two_pages() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[one]);
    let opening = day.history.now;
    day.does(one).lands(one).acked(one).wait(Span::secs(1));
    day.says_up_to_date(FATOUMATA, opening);
    assert!(day.so_far().is_empty(), "what was made after the answer need not be there");
    let now = day.history.now;
    day.says_up_to_date(FATOUMATA, now);
    assert_broke(&day.so_far(), "status-truthful: not-up-to-date");
}

#[test]
fn a_till_that_holds_every_row_is_up_to_date() {
    let (mut day, _) = settled_day();
    let now = day.wait(Span::secs(1)).history.now;
    day.says_up_to_date(FATOUMATA, now);
    assert!(day.so_far().is_empty());
}

#[test]
fn an_accepted_sale_is_rejected_by_its_own_first_copy() {
    let one = sale(1, ABDOULAYE, 5);
    let mut day = Day::of(&[one]);
    day.does(one).lands(one);
    day.wait(Span::secs(1));
    day.decide(one.id, Verdict::Rejected { rule: Rule::Quantity, about: X, available: 0, requested: 5 });
    assert_broke(&day.judge(), "verdict-stable: accepted-then-rejected");
}

#[test]
fn two_tills_print_the_same_receipt_number() {
    let (first, second) = (sale(1, ABDOULAYE, 1), sale(2, FATOUMATA, 1));
    let mut day = Day::of(&[first, second]);
    day.does(first).does(second).lands(first).lands(second);
    day.set(SERVER, (SALE, Key::made(second.id, 0), 0), Value::int(1), second.id, Why::Effect);
    assert_broke(&day.judge(), "numbers-unique: number-shared");
}

#[test]
fn a_new_row_takes_the_id_of_another() {
    let (first, second) = (op(1, ABDOULAYE, SPEND).line(Key::NONE, 1), op(2, ABDOULAYE, SPEND).line(Key::NONE, 2));
    let mut day = Day::of(&[first, second]);
    day.does(first);
    let row = day.row(ABDOULAYE, EXPENSE, Key::made(first.id, 0));
    day.write(ABDOULAYE, Some(row), Some(Row { origin: second.id, ..row }), second.id, Why::Effect);
    assert_broke(&day.judge(), "numbers-unique: key-shared");
}

#[test]
fn a_sale_runs_as_another_user() {
    let one = op(1, ABDOULAYE, SPEND).line(Key::NONE, 1);
    let mut day = Day::of(&[one]);
    let row = Row { origin: one.id, actor: 9, ..Row::new(EXPENSE, Key::made(one.id, 0)) };
    day.write(SERVER, None, Some(row), one.id, Why::Effect);
    assert_broke(&day.judge(), "scope-kept: wrong-actor");
}

#[test]
fn a_row_out_of_scope_reaches_a_till() {
    let mut day = Day::of(&[]);
    day.history.in_scope = &|_, row| row.key != Key(50);
    day.write(FATOUMATA, None, Some(product(Key(50), 1, 1)), OpId::NONE, Why::Copied);
    assert_broke(&day.judge(), "scope-kept: leaked");
}

#[test]
fn the_time_of_making_changes() {
    let mut day = Day::of(&[]);
    let row = Row { created: 7, ..product(Key(50), 1, 1) };
    day.write(SERVER, None, Some(row), OpId::NONE, Why::Effect);
    day.write(SERVER, Some(row), Some(Row { created: 8, ..row }), OpId::NONE, Why::Effect);
    assert_broke(&day.judge(), "frozen-fields-frozen: changed");
}

#[test]
fn rejections_for_reasons_that_were_not_there() {
    for (rule, available, requested, kind) in [
        (Rule::Quantity, 5, 5, "not-short"),
        (Rule::Quantity, 1, 2, "wrong-figure"),
        (Rule::Missing, 0, 0, "not-missing"),
    ] {
        let one = sale(1, ABDOULAYE, 5);
        let mut day = Day::of(&[one]);
        day.does(one).decide(one.id, Verdict::Rejected { rule, about: X, available, requested });
        assert_broke(&day.judge(), &format!("rejections-justified: {kind}"));
    }
}

#[test]
fn a_rejection_without_an_entry_in_the_audit_trail() {
    let short = Verdict::Rejected { rule: Rule::Quantity, about: X, available: 5, requested: 6 };
    for logged in [false, true] {
        let one = sale(1, ABDOULAYE, 6);
        let mut day = Day::of(&[one]);
        day.history.facts.reports.audit = true;
        day.does(one);
        if logged {
            let entry = Row { origin: one.id, ..Row::new(Entity::AUDIT, Key(5)) };
            let entry = entry.with(0, Value::int(1)).with(1, Value::int(Audit::Rejection as i64));
            day.write(SERVER, None, Some(entry), one.id, Why::Effect);
        }
        day.decide(one.id, short).between(SERVER);
        assert_eq!(day.judge().contains(&"audit-complete: unlogged".to_string()), !logged);
    }
}

#[test]
fn a_damaged_payload_changes_a_price() {
    let mut day = Day::of(&[]);
    day.history.damaged = true;
    day.set(SERVER, (PRODUCT, X, 1), Value::int(1), OpId::NONE, Why::Effect);
    assert_broke(&day.judge(), "damaged-never-applied: applied");
}

#[test]
fn a_sale_takes_from_the_wrong_batch() {
    let today = crate::model::retail_workload::TODAY;
    let batch = |key: u64, product: Key, expires: i64| {
        Row::new(PRODUCT_BATCH, Key(key))
            .with(field::BATCH_PRODUCT, Value::key(product))
            .with(field::BATCH_EXPIRES, Value::int(expires))
            .with(field::BATCH_QUANTITY, Value::int(3))
    };
    let lots =
        [("lot-1", batch(10, X, today + 1)), ("lot-2", batch(11, X, today + 9)), ("lot-3", batch(12, X, today - 1))];
    for (lot, quantity, kind) in [(11, 1, Some("wrong-batch")), (12, 1, Some("expired-batch")), (10, 1, None)] {
        let one = sale(1, ABDOULAYE, quantity);
        let mut day = Day::with(&[one], &lots);
        let mut entry = Row { origin: one.id, part: MOVE, ..Row::new(STOCK_MOVEMENT, Key::made(one.id, MOVE)) };
        entry = entry.with(0, Value::key(X)).with(1, Value::int(-quantity)).with(2, Value::int(kind::SALE));
        entry = entry.with(3, Value::key(Key(lot)));
        day.write(SERVER, None, Some(entry), one.id, Why::Effect).between(SERVER);
        let found = day.judge().into_iter().find(|one| one.starts_with("batches-first"));
        assert_eq!(found, kind.map(|kind| format!("batches-first-expired-first-out: {kind}")));
    }
}

#[test]
fn an_op_that_was_given_up_is_sent_again() {
    let one = sale(1, ABDOULAYE, 1);
    for given_up in [false, true] {
        let mut day = Day::of(&[one]);
        day.sends(ABDOULAYE, &[one.id]);
        day.history.op_mut(one.id).expect("an op of the day").given_up = given_up;
        day.sends(ABDOULAYE, &[one.id]);
        assert_eq!(day.judge().contains(&"retries-bounded: sent-after-giving-up".to_string()), given_up);
    }
}

#[test]
fn an_op_is_sent_too_often_too_soon_and_in_too_big_a_batch() {
    let ops = [sale(1, ABDOULAYE, 1), sale(2, ABDOULAYE, 1), sale(3, ABDOULAYE, 1)];
    let ids: Vec<OpId> = ops.iter().map(|op| op.id).collect();
    let mut day = Day::of(&ops);
    day.sends(ABDOULAYE, &ids);
    assert_eq!(day.judge()[..1], ["retries-bounded: batch-too-big"]);

    let mut day = Day::of(&ops);
    for _ in 0..4 {
        day.sends(ABDOULAYE, &ids[..1]);
    }
    assert_eq!(day.judge()[..1], ["retries-bounded: too-often"]);

    for (millis, soon) in [(10, true), (1_000, false)] {
        let mut day = Day::of(&ops);
        let timer = |n| Label::new(ABDOULAYE, Channel(3), Cause::Tick(Channel(3), n), Point::Timer);
        day.sends(ABDOULAYE, &ids[..1]).wait(Span::millis(10)).sends_from(ABDOULAYE, &ids[..1], timer(1));
        day.wait(Span::millis(millis)).sends_from(ABDOULAYE, &ids[..1], timer(2));
        assert_eq!(day.judge().contains(&"retries-bounded: too-soon".to_string()), soon);
    }
}

#[test]
fn a_verdict_that_a_fast_clock_changes() {
    use super::clock::{Ending, twin_differs};
    let (day, one) = settled_day();
    let rows: Vec<Row> = day.history.server().rows.values().copied().collect();
    let (told, at) = (Vec::new(), day.history.now);
    let accepted = [(one.id, told.clone(), Some(Verdict::Accepted))];
    let manual = [(one.id, told, Some(Verdict::Manual))];
    let same = Ending { at, server: &rows, ops: &accepted };
    assert_eq!(twin_differs(day.history.scenario, same, same), None);
    let differs = twin_differs(day.history.scenario, Ending { ops: &manual, ..same }, same).expect("another verdict");
    assert_eq!((differs.kind, differs.entity), ("other-verdict", "sale"));
    let mut later = rows.clone();
    later[0].set(1, Value::int(1), OpId::NONE);
    let differs = twin_differs(day.history.scenario, Ending { server: &later, ..same }, same).expect("another field");
    assert_eq!((differs.kind, differs.entity), ("other-fields", "product"));
}
