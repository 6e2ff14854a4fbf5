//! Days on which stock, rows or ops were lost or doubled: each invariant rejects a history that breaks it.
//!
//! Some breaches break several promises by nature; a test asserts the one that it is about.

use super::fixture::*;
use crate::model::retail::*;
use crate::model::{Effect, Key, Row, Value};
use crate::sim::{NodeId, OpId, Span};
use crate::system::{PendingState, Rule, Verdict, Why, Word};

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
fn a_refusal_that_nobody_tells_of_is_a_loss_and_one_that_is_told_is_not() {
    let short = Verdict::Rejected { rule: Rule::Quantity, about: X, available: 5, requested: 9 };
    let one = sale(1, ABDOULAYE, 9);
    let mut day = Day::of(&[one]);
    day.does(one).decide(one.id, short);
    assert_broke(&day.ends(), "no-op-lost: vanished");

    let mut day = Day::of(&[one]);
    day.does(one).decide(one.id, short).takes_back(one, Word::Rejected);
    assert!(day.ends().iter().all(|breach| !breach.starts_with("no-op-lost")));
}

#[test]
fn a_deletion_that_overtakes_a_later_creation_undoes_it() {
    let links = |id, verb| op(id, ABDOULAYE, verb).on(X).line(S, 0);
    let (unlinked, linked) = (links(2, UNLINK_SUPPLIER), links(3, LINK_SUPPLIER));
    let first = links(1, LINK_SUPPLIER);
    let mut day = Day::of(&[first, unlinked, linked]);
    day.does(first).lands(first).acked(first).does(unlinked).does(linked);
    let before = day.row(NodeId::SERVER, PRODUCT_SUPPLIER, link_key(X, S));
    let mut later = before;
    later.origin = linked.id;
    day.write(NodeId::SERVER, Some(before), Some(later), linked.id, Why::Effect);
    day.write(NodeId::SERVER, Some(later), None, unlinked.id, Why::Effect).between(NodeId::SERVER);
    assert_broke(&day.ends(), "no-op-lost: undone-by-an-earlier-op");
}

#[test]
fn a_deletion_that_follows_a_creation_undoes_nothing() {
    let links = |id, verb| op(id, ABDOULAYE, verb).on(X).line(S, 0);
    let (linked, unlinked) = (links(1, LINK_SUPPLIER), links(2, UNLINK_SUPPLIER));
    let mut day = Day::of(&[linked, unlinked]);
    day.does(linked).lands(linked).acked(linked).does(unlinked).lands(unlinked).acked(unlinked);
    assert!(!day.ends().iter().any(|breach| breach.contains("undone")), "nothing was undone");
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
    let now = day.history.now;
    let view = &mut day.history.nodes[FATOUMATA.index()];
    (view.asked, view.came) = (Some(now), u32::MAX);
    assert_eq!(day.ends(), ["pull-misses-nothing: missed-deletion"]);
}

#[test]
fn a_till_that_has_not_asked_since_or_never_gets_anything_of_a_table_is_not_a_replica() {
    for asks in [false, true] {
        let gone = op(1, ABDOULAYE, DELETE_SUPPLIER).on(S);
        let mut day = Day::of(&[gone]);
        day.does(gone).lands(gone).acked(gone);
        let now = day.history.now;
        let view = &mut day.history.nodes[FATOUMATA.index()];
        (view.asked, view.came) = if asks { (Some(now), 0) } else { (None, u32::MAX) };
        assert_eq!(day.ends(), ["replicas-converge: missed-deletion", "pull-misses-nothing: missed-deletion"]);
    }
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
fn a_sale_waits_on_a_till_that_nothing_keeps_from_sending() {
    let one = sale(1, ABDOULAYE, 2);
    let waits = |sent: u64, disturbed: bool| {
        let mut day = Day::of(&[one]);
        day.history.facts.sent_within = Some(Span::secs(60));
        day.does(one);
        if disturbed {
            day.history.disturb(ABDOULAYE);
        }
        day.wait(Span::secs(sent)).sends(ABDOULAYE, &[one.id]).judge()
    };
    assert_broke(&waits(61, false), "outbox-drains: waits-too-long");
    for fine in [waits(60, false), waits(61, true)] {
        assert!(!fine.contains(&"outbox-drains: waits-too-long".to_string()), "{fine:?}");
    }
}

/// A product made on a till, and a sale of it there.
fn sale_of_a_new_product() -> [crate::model::Op; 2] {
    let made = op(1, ABDOULAYE, CREATE_PRODUCT).line(Key::NONE, 3).line(Key::NONE, 700);
    [made, op(2, ABDOULAYE, SELL).line(Key::made(made.id, 0), 1)]
}

#[test]
fn a_line_on_the_server_refers_to_another_product_than_was_sold() {
    let [made, sold] = sale_of_a_new_product();
    let mut day = Day::of(&[made, sold]);
    day.does(made).lands(made).does(sold);
    let effects = day.effects(ABDOULAYE, &sold);
    let astray: Vec<Effect> = effects
        .into_iter()
        .map(|effect| match effect {
            Effect::Create(row) if row.entity == SALE_ITEM => {
                Effect::Create(row.with(field::ITEM_PRODUCT, Value::key(X)))
            }
            other => other,
        })
        .collect();
    day.apply(SERVER, sold.id, &astray).between(SERVER);
    assert_broke(&day.so_far(), "references-resolve: another-row");
}

#[test]
fn a_sale_is_sent_after_its_product_was_rejected() {
    let [made, sold] = sale_of_a_new_product();
    let missing = Verdict::Rejected { rule: Rule::Missing, about: Key::made(made.id, 0), available: 0, requested: 0 };
    let mut late = Day::of(&[made, sold]);
    late.does(made).does(sold).wait(Span::secs(1)).tell(made.id, Word::Rejected);
    late.wait(Span::secs(1)).sends(ABDOULAYE, &[sold.id]);
    assert_broke(&late.decide(sold.id, missing).so_far(), "references-resolve: refused-as-missing");
    let mut together = Day::of(&[made, sold]);
    together.does(made).does(sold).sends(ABDOULAYE, &[made.id, sold.id]).wait(Span::secs(1));
    let breaches = together.tell(made.id, Word::Rejected).decide(sold.id, missing).so_far();
    assert!(!breaches.contains(&"references-resolve: refused-as-missing".to_string()), "{breaches:?}");
}

#[test]
fn a_link_goes_because_of_what_its_own_user_had_done_before_it() {
    let link = |id, node, verb| op(id, node, verb).on(X).line(S, 0);
    let vanishes = |undone_by: NodeId| {
        let (first, undo) = (link(1, ABDOULAYE, LINK_SUPPLIER), link(2, undone_by, UNLINK_SUPPLIER));
        let again = link(3, ABDOULAYE, LINK_SUPPLIER);
        let mut day = Day::of(&[first, undo, again]);
        day.does(first).lands(first).pulls(FATOUMATA).does(undo);
        let effects = day.effects(SERVER, &again);
        let undoing = day.effects(SERVER, &undo);
        day.does(again).apply(SERVER, again.id, &effects).apply(SERVER, undo.id, &undoing);
        let shown = day.row(ABDOULAYE, PRODUCT_SUPPLIER, link_key(X, S));
        let deleted = Row { deleted: true, ..shown };
        day.write(ABDOULAYE, Some(shown), Some(deleted), OpId::NONE, Why::Copied).between(ABDOULAYE);
        day.so_far()
    };
    assert_broke(&vanishes(ABDOULAYE), "own-writes-stay: row-vanished");
    let excused = vanishes(FATOUMATA);
    assert!(!excused.contains(&"own-writes-stay: row-vanished".to_string()), "{excused:?}");
}

#[test]
fn a_row_is_made_where_its_device_has_no_business() {
    let one = sale(1, ABDOULAYE, 2);
    let mut day = Day::of(&[one]);
    day.history.in_scope = &|_, _| false;
    day.does(one).lands(one);
    assert_broke(&day.so_far(), "scope-kept: made-elsewhere");
}
