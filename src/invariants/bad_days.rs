//! Days on which one promise was broken: each invariant rejects a history that breaks it.
//!
//! Some breaches break several promises by nature; a test asserts the one that it is about.

use super::fixture::*;
use crate::model::retail::*;
use crate::model::{Entity, Key, Op, Row, Value};
use crate::sim::{Cause, Channel, Label, OpId, Point, Span};
use crate::system::{Audit, Dot, Lamp, PendingState, Rule, Verdict, Why, Word};

fn price(id: u32, node: crate::sim::NodeId, value: i64) -> Op {
    op(id, node, SET_PRICE).on(X).line(Key::NONE, value)
}

fn sale(id: u32, node: crate::sim::NodeId, quantity: i64) -> Op {
    op(id, node, SELL).line(X, quantity)
}

#[track_caller]
fn assert_broke(breaches: &[String], expected: &str) {
    assert!(breaches.iter().any(|one| one == expected), "{expected} is not among {breaches:?}");
}

#[test]
fn two_tills_sell_the_same_five_units() {
    let (first, second) = (sale(1, ABDOULAYE, 5), sale(2, FATOUMATA, 5));
    let mut day = Day::of(&[first, second]);
    day.does(first).does(second).lands(first).lands(second);
    assert_eq!(day.so_far(), ["stock-never-negative: negative"]);
    assert_eq!(day.log.violations[0].text, "the server's stock of X went from 0 to -5");
}

#[test]
fn a_retry_makes_a_second_sale() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[one]);
    day.does(one).lands(one);
    let row = day.row(SERVER, SALE, Key::made(one.id, 0));
    day.write(SERVER, None, Some(Row { key: Key(99), ..row }), one.id, Why::Effect).between(SERVER);
    assert_broke(&day.judge(), "one-effect-per-op: twice");
}

#[test]
fn the_stock_is_written_without_a_movement() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[one]);
    day.does(one).lands(one).set(SERVER, (PRODUCT, X, 0), Value::int(1), one.id, Why::Effect);
    assert_eq!(day.so_far(), ["stock-conserved: ledger"]);
}

#[test]
fn batches_stay_as_they_were_while_the_product_is_sold() {
    let one = sale(1, ABDOULAYE, 2);
    let batch = Row::new(PRODUCT_BATCH, Key(10))
        .with(field::BATCH_PRODUCT, Value::key(X))
        .with(field::BATCH_EXPIRES, Value::int(30_000))
        .with(field::BATCH_QUANTITY, Value::int(5));
    let mut day = Day::with(&[one], &[("lot-1", batch)]);
    day.does(one).lands(one);
    let breaches = day.judge();
    assert_broke(&breaches, "stock-conserved: parts");
    assert_broke(&breaches, "batches-first-expired-first-out: no-batch");
}

#[test]
fn a_total_that_its_lines_do_not_make() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[one]);
    day.does(one).lands(one).set(SERVER, (SALE, Key::made(one.id, 0), 1), Value::int(1), one.id, Why::Effect);
    assert_broke(&day.judge(), "stock-conserved: total");
}

#[test]
fn a_rollback_adds_to_a_stock_that_a_pull_has_overwritten() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[one]);
    day.does(one).set(ABDOULAYE, (PRODUCT, X, 0), Value::int(5), OpId::NONE, Why::Copied);
    let short = Verdict::Rejected { rule: Rule::Quantity, about: X, available: 5, requested: 6 };
    day.decide(one.id, short).takes_back(one, Word::Rejected);
    let breaches = day.judge();
    assert_broke(&breaches, "own-writes-stay: stock-overwritten");
    assert_broke(&breaches, "stock-conserved: phantom");
}

#[test]
fn a_sale_lands_without_its_movement() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[one]);
    let effects = day.effects(ABDOULAYE, &one);
    day.does(one).apply(SERVER, one.id, &effects[..2]).between(SERVER);
    assert_eq!(day.so_far(), ["op-all-or-nothing: effect-incomplete"]);
}

#[test]
fn a_saved_sale_is_on_no_disk_any_more() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[one]);
    day.does(one);
    assert_broke(&day.ends(), "no-op-lost: vanished");
}

#[test]
fn a_sale_given_up_stuck_or_unsent_is_lost_each_in_its_own_way() {
    for (state, kind) in [
        (PendingState::GivenUp, "given-up"),
        (PendingState::InFlight, "stuck-in-flight"),
        (PendingState::Queued, "never-sent"),
    ] {
        let one = sale(1, ABDOULAYE, 2);
        let mut day = Day::of(&[one]);
        day.does(one).still_wants(one, state);
        let breaches = day.ends();
        assert_broke(&breaches, &format!("no-op-lost: {kind}"));
        let stuck = breaches.contains(&"outbox-drains: stuck".to_string());
        assert_eq!(stuck, state != PendingState::GivenUp);
    }
}

#[test]
fn a_dead_letter_that_the_server_never_refused_is_a_loss() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[one]);
    day.does(one).tell(one.id, Word::DeadLetter).still_wants(one, PendingState::DeadLetter);
    assert_eq!(day.ends(), ["no-op-lost: dropped-as-dead-letter"]);
}

#[test]
fn a_day_that_never_comes_to_rest() {
    let mut day = Day::of(&[]);
    assert_eq!(day.judge(), ["outbox-drains: never-rests"]);
}

/// A day on which one sale landed and everybody pulled.
fn settled_day() -> (Day, Op) {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[one]);
    day.does(one).lands(one).acked(one).pulls(ABDOULAYE).pulls(FATOUMATA);
    (day, one)
}

#[test]
fn a_till_shows_a_price_that_was_never_set() {
    let (mut day, _) = settled_day();
    day.set(FATOUMATA, (PRODUCT, X, 1), Value::int(1), OpId::NONE, Why::Copied);
    assert_eq!(day.ends(), ["replicas-converge: differs"]);
}

#[test]
fn a_till_shows_a_row_that_only_it_has() {
    let (mut day, _) = settled_day();
    day.write(FATOUMATA, None, Some(product(Key(50), 1, 1)), OpId::NONE, Why::Copied);
    assert_eq!(day.ends(), ["replicas-converge: extra-row"]);
}

#[test]
fn a_till_misses_a_row_and_an_old_figure_stays() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[one]);
    day.does(one).lands(one).acked(one).pulls(ABDOULAYE);
    let breaches = day.ends();
    assert_broke(&breaches, "pull-misses-nothing: missing-row");
    assert_broke(&breaches, "pull-misses-nothing: older-row");
}

#[test]
fn a_till_never_learns_of_a_deletion() {
    let gone = op(1, ABDOULAYE, DELETE_SUPPLIER).on(S);
    let mut day = Day::of(&[gone]);
    day.does(gone).lands(gone).acked(gone);
    assert_eq!(day.ends(), ["pull-misses-nothing: missed-deletion"]);
}

#[test]
fn a_pull_overwrites_a_price_that_was_not_sent_yet() {
    let mine = price(1, ABDOULAYE, 6_000);
    let mut day = Day::of(&[mine]);
    day.does(mine).set(ABDOULAYE, (PRODUCT, X, 1), Value::int(5_000), OpId::NONE, Why::Copied);
    assert_broke(&day.judge(), "own-writes-stay: field-overwritten");
}

#[test]
fn a_refresh_drops_a_sale_that_was_not_sent_yet() {
    let mine = op(1, ABDOULAYE, SPEND).line(Key::NONE, 500);
    let mut day = Day::of(&[mine]);
    day.does(mine);
    let row = day.row(ABDOULAYE, EXPENSE, Key::made(mine.id, 0));
    day.write(ABDOULAYE, Some(row), None, OpId::NONE, Why::Copied).between(ABDOULAYE);
    assert_broke(&day.judge(), "own-writes-stay: row-vanished");
}

#[test]
fn a_pull_puts_sold_units_back_on_the_shelf() {
    let mine = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[mine]);
    day.does(mine).set(ABDOULAYE, (PRODUCT, X, 0), Value::int(5), OpId::NONE, Why::Copied);
    assert_broke(&day.judge(), "own-writes-stay: stock-overwritten");
}

#[test]
fn a_line_on_the_server_refers_to_a_product_that_is_not_there() {
    let one = op(1, ABDOULAYE, SELL).line(Key(40), 1);
    let mut day = Day::of(&[one]);
    let effects: Vec<_> = day.effects(SERVER, &one);
    day.apply(SERVER, one.id, &effects[..2]).between(SERVER);
    assert_broke(&day.judge(), "references-resolve: dangling");
}

#[test]
fn a_temporary_id_stays() {
    let (mut day, one) = settled_day();
    let row = day.row(ABDOULAYE, SALE, Key::made(one.id, 0));
    let temporary = Row { key: row.key.temporary(), ..row };
    day.write(ABDOULAYE, Some(row), Some(temporary), one.id, Why::Renamed).between(ABDOULAYE);
    assert_broke(&day.ends(), "references-resolve: temporary-left");
}

#[test]
fn a_sale_comes_without_its_lines() {
    let (mut day, one) = settled_day();
    let line = day.row(FATOUMATA, SALE_ITEM, Key::made(one.id, LINE));
    day.write(FATOUMATA, Some(line), None, OpId::NONE, Why::Purged).between(FATOUMATA);
    assert_broke(&day.ends(), "references-resolve: children-missing");
}

#[test]
fn an_update_that_overtakes_its_create_is_refused_as_missing() {
    let made = op(1, ABDOULAYE, CREATE_PRODUCT).line(Key::NONE, 0).line(Key::NONE, 900);
    let edit = op(2, ABDOULAYE, SET_PRICE).on(Key::made(made.id, 0)).line(Key::NONE, 950);
    let mut day = Day::of(&[made, edit]);
    day.does(made).does(edit);
    let missing = Verdict::Rejected { rule: Rule::Missing, about: Key::made(made.id, 0), available: 0, requested: 0 };
    day.decide(edit.id, missing).between(SERVER);
    assert_eq!(day.so_far(), ["references-resolve: refused-as-missing"]);
}

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
