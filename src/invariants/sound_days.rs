//! Days on which nothing went wrong, or went wrong and was put right: no invariant may say a word.
//!
//! False alarms cost more than missed breaches, so every story here is one that a careless invariant would misread.

use super::fixture::*;
use crate::model::retail::*;
use crate::model::retail_workload::TODAY;
use crate::model::{Effect, Entity, Key, Row, Value};
use crate::sim::{OpId, Span};
use crate::system::{Rule, Verdict, Why, Word};

const NOBODY: [&str; 0] = [];

#[test]
fn two_tills_sell_and_pull_and_end_equal() {
    let (sale, other) = (op(1, ABDOULAYE, SELL).line(X, 2), op(2, FATOUMATA, SELL).line(X, 1).line(Y, 3));
    let mut day = Day::of(&[sale, other]);
    day.does(sale).does(other).sends(ABDOULAYE, &[sale.id]).lands(sale).sends(ABDOULAYE, &[sale.id]).acked(sale);
    day.pulls(FATOUMATA).pulls(ABDOULAYE).lands(other).acked(other).pulls(ABDOULAYE).pulls(FATOUMATA);
    assert_eq!(day.ends(), NOBODY);
    for name in ["stock-conserved", "op-all-or-nothing", "pull-misses-nothing", "own-writes-stay", "one-effect-per-op"]
    {
        assert!(day.exercised(name), "{name}");
    }
}

#[test]
fn a_sale_rejected_for_want_of_stock_leaves_both_tills_at_zero() {
    let (first, second) = (op(1, ABDOULAYE, SELL).line(X, 5), op(2, FATOUMATA, SELL).line(X, 5));
    let mut day = Day::of(&[first, second]);
    day.does(first).does(second).lands(first).acked(first).pulls(ABDOULAYE);
    let short = Verdict::Rejected { rule: Rule::Quantity, about: X, available: 0, requested: 5 };
    day.wait(Span::secs(1)).decide(second.id, short).between(SERVER);
    day.takes_back(second, Word::Rejected).pulls(FATOUMATA);
    assert_eq!(day.ends(), NOBODY);
    assert!(day.exercised("rejections-justified") && day.exercised("status-truthful"));
}

#[test]
fn the_loser_of_two_price_edits_is_told_superseded() {
    let (mine, theirs) = (price(1, ABDOULAYE, 6_000), price(2, FATOUMATA, 7_000));
    let mut day = Day::of(&[mine, theirs]);
    day.does(mine).does(theirs).lands(mine).acked(mine).pulls(ABDOULAYE);
    day.decide(theirs.id, Verdict::Superseded { by: mine.id }).between(SERVER);
    day.tell(theirs.id, Word::Superseded).pulls(FATOUMATA);
    assert_eq!(day.ends(), NOBODY);
    assert!(day.exercised("conflicts-are-real"));
}

#[test]
fn the_last_writer_wins_and_a_conflict_record_names_the_loser() {
    let (mine, theirs) = (price(1, ABDOULAYE, 6_000), price(2, FATOUMATA, 7_000));
    let mut day = Day::of(&[mine, theirs]);
    day.does(mine).does(theirs).lands(mine).acked(mine);
    let record =
        Row::new(Entity::CONFLICT, Key(77)).with(0, Value::int(1)).with(1, Value::int(2)).with(2, Value::int(1));
    day.write(SERVER, None, Some(record), theirs.id, Why::Effect).lands(theirs).acked(theirs);
    day.pulls(ABDOULAYE).pulls(FATOUMATA);
    assert_eq!(day.ends(), NOBODY);
    assert!(day.exercised("conflicts-decided"));
}

#[test]
fn two_own_edits_in_a_row_are_no_conflict_and_the_first_may_be_coalesced() {
    let (first, second) = (price(1, ABDOULAYE, 6_000), price(2, ABDOULAYE, 7_000));
    let mut day = Day::of(&[first, second]);
    day.does(first).does(second).lands(second).acked(second).tell(first.id, Word::Synced);
    day.pulls(FATOUMATA).pulls(ABDOULAYE);
    assert_eq!(day.ends(), NOBODY);
}

#[test]
fn a_wiped_till_gets_its_own_accepted_sales_back_page_by_page() {
    let (sent, unsent) = (op(1, ABDOULAYE, SELL).line(X, 2), op(2, ABDOULAYE, SELL).line(X, 1));
    let mut day = Day::of(&[sent, unsent]);
    day.does(sent).lands(sent).acked(sent).does(unsent).wait(Span::secs(1));
    day.history.wipe(ABDOULAYE, 1);
    day.history.op_mut(unsent.id).expect("the unsent sale").excused = true;
    day.wait(Span::secs(1));
    let rows: Vec<Row> = day.history.server().rows.values().copied().collect();
    for row in rows {
        day.write(ABDOULAYE, None, Some(row), OpId::NONE, Why::Copied).between(ABDOULAYE);
    }
    day.pulls(FATOUMATA);
    assert_eq!(day.ends(), NOBODY);
}

#[test]
fn a_sale_that_was_in_the_air_when_its_till_was_wiped_may_land_later() {
    let sale = op(1, ABDOULAYE, SELL).line(X, 2);
    let mut day = Day::of(&[sale]);
    day.does(sale).wait(Span::secs(1));
    let effects = day.effects(ABDOULAYE, &sale);
    day.history.wipe(ABDOULAYE, 1);
    let rows: Vec<Row> = day.history.server().rows.values().copied().collect();
    for row in rows {
        day.write(ABDOULAYE, None, Some(row), OpId::NONE, Why::Copied);
    }
    day.between(ABDOULAYE).wait(Span::secs(1)).apply(SERVER, sale.id, &effects).decide(sale.id, Verdict::Accepted);
    day.between(SERVER).pulls(ABDOULAYE).pulls(FATOUMATA);
    assert_eq!(day.ends(), NOBODY);
}

#[test]
fn a_temporary_id_becomes_the_servers_own_and_nobody_minds() {
    let made = op(1, ABDOULAYE, ADD_SUPPLIER).line(Key::NONE, 622);
    let mut day = Day::of(&[made]);
    day.does(made).wait(Span::secs(1));
    let row = day.row(ABDOULAYE, SUPPLIER, Key::made(made.id, 0));
    let (temporary, real) = (Row { key: row.key.temporary(), ..row }, Row { key: Key(9), ..row });
    day.write(ABDOULAYE, Some(row), Some(temporary), made.id, Why::Renamed).between(ABDOULAYE);
    day.write(SERVER, None, Some(real), made.id, Why::Effect).decide(made.id, Verdict::Accepted).between(SERVER);
    day.write(ABDOULAYE, Some(temporary), Some(real), made.id, Why::Renamed).acked(made).pulls(FATOUMATA);
    assert_eq!(day.ends(), NOBODY);
}

#[test]
fn a_till_killed_before_it_could_say_rejected_shows_the_truth() {
    let (first, second) = (op(1, ABDOULAYE, SELL).line(X, 5), op(2, FATOUMATA, SELL).line(X, 5));
    let mut day = Day::of(&[first, second]);
    day.does(first).does(second).lands(first).acked(first).pulls(ABDOULAYE);
    let short = Verdict::Rejected { rule: Rule::Quantity, about: X, available: 0, requested: 5 };
    day.wait(Span::secs(1)).decide(second.id, short).between(SERVER);
    // The rows were taken back on disk, then the app died; after boot it says what it had no time to say.
    day.takes_back(second, Word::Unknown).pulls(FATOUMATA).tell(second.id, Word::Rejected).between(FATOUMATA);
    assert_eq!(day.ends(), NOBODY);
}

#[test]
fn a_supplier_deleted_and_a_link_made_again_on_purpose_are_fine() {
    let link = op(1, ABDOULAYE, LINK_SUPPLIER).on(X).line(S, 0);
    let unlink = op(2, ABDOULAYE, UNLINK_SUPPLIER).on(X).line(S, 0);
    let again = op(3, ABDOULAYE, LINK_SUPPLIER).on(X).line(S, 0);
    let mut day = Day::of(&[link, unlink, again]);
    for step in [link, unlink] {
        day.does(step).lands(step).acked(step);
    }
    // The tombstone is still there on both: the new link takes its place.
    day.wait(Span::secs(1));
    let now = day.history.now;
    day.history.op_mut(again.id).expect("the second link").at = Some(now);
    let [Effect::Create(row)] = day.effects(ABDOULAYE, &again)[..] else { panic!("a link makes one row") };
    for node in [ABDOULAYE, SERVER] {
        let tombstone = day.row(node, row.entity, row.key);
        day.write(node, Some(tombstone), Some(row), again.id, Why::Effect).between(node);
    }
    day.tell(again.id, Word::Saved).decide(again.id, Verdict::Accepted).acked(again);
    day.pulls(FATOUMATA).pulls(ABDOULAYE);
    assert_eq!(day.ends(), NOBODY);
    assert!(day.exercised("deleted-stays-deleted"));
}

#[test]
fn a_product_with_loose_units_may_receive_a_batch() {
    let receipt = op(1, ABDOULAYE, RECEIVE).on(X).line(Key::NONE, 10).line(Key::NONE, 301).line(Key::NONE, TODAY + 5);
    let mut day = Day::of(&[receipt]);
    day.does(receipt).lands(receipt).acked(receipt).pulls(FATOUMATA).pulls(ABDOULAYE);
    assert_eq!(day.ends(), NOBODY);
}

#[test]
fn a_sale_split_over_two_batches_at_commit_reaches_every_till() {
    let sale = op(1, ABDOULAYE, SELL).line(X, 4);
    let batch = |key: u64, expires: i64, quantity: i64| {
        Row::new(PRODUCT_BATCH, Key(key))
            .with(field::BATCH_PRODUCT, Value::key(X))
            .with(field::BATCH_LOT, Value::int(key as i64))
            .with(field::BATCH_EXPIRES, Value::int(expires))
            .with(field::BATCH_QUANTITY, Value::int(quantity))
            .with(field::BATCH_INITIAL, Value::int(5))
    };
    let lots = [("lot-1", batch(10, TODAY + 1, 3)), ("lot-2", batch(11, TODAY + 9, 2))];
    let mut day = Day::with(&[sale], &lots);
    day.does(sale).wait(Span::secs(1));
    let mut effects = day.effects(SERVER, &sale);
    let at = effects.iter().position(|one| matches!(one, Effect::Create(row) if row.entity == STOCK_MOVEMENT));
    let Effect::Create(movement) = effects.remove(at.expect("a sale moves stock")) else {
        panic!("a movement is made")
    };
    let part = MOVE + crate::model::domain::SPLIT;
    let rest = Row { key: Key::made(sale.id, part), part, ..movement };
    let take = |row: Row, quantity: i64, lot: u64| {
        Effect::Create(row.with(field::MOVED_QUANTITY, Value::int(-quantity)).with(3, Value::key(Key(lot))))
    };
    effects.extend([take(movement, 3, 10), take(rest, 1, 11)]);
    for (lot, delta) in [(10, -3), (11, -1)] {
        effects.push(Effect::Add { entity: PRODUCT_BATCH, key: Key(lot), field: field::BATCH_QUANTITY, delta });
    }
    day.apply(SERVER, sale.id, &effects).decide(sale.id, Verdict::Accepted).between(SERVER);
    // The author hears of the smaller first half before it hears of the second.
    let (before, after) =
        (day.row(ABDOULAYE, STOCK_MOVEMENT, movement.key), day.row(SERVER, STOCK_MOVEMENT, movement.key));
    day.write(ABDOULAYE, Some(before), Some(after), OpId::NONE, Why::Copied).between(ABDOULAYE);
    day.acked(sale).pulls(ABDOULAYE).pulls(FATOUMATA);
    assert_eq!(day.ends(), NOBODY);
    assert!(day.exercised("batches-first-expired-first-out") && day.exercised("frozen-fields-frozen"));
}

#[test]
fn a_till_on_an_older_page_keeps_its_unsent_sales_on_top() {
    let (first, second, other) =
        (op(1, ABDOULAYE, SELL).line(X, 2), op(2, ABDOULAYE, SELL).line(X, 1), op(3, FATOUMATA, SELL).line(X, 1));
    let mut day = Day::of(&[first, second, other]);
    day.does(first).does(second).does(other).lands(first).lands(other);
    // The page was read before the other sale landed: 5 - 2 on the server, one unsent unit here.
    day.set(ABDOULAYE, (PRODUCT, X, 0), Value::int(2), first.id, Why::Copied);
    day.acked(first).acked(other).pulls(ABDOULAYE).lands(second).acked(second).pulls(ABDOULAYE).pulls(FATOUMATA);
    assert_eq!(day.ends(), NOBODY);
}

#[test]
fn a_child_of_a_refused_product_is_taken_back_with_it() {
    let made = op(1, ABDOULAYE, ADD_SUPPLIER).line(Key::NONE, 622);
    let order = op(2, ABDOULAYE, ORDER).on(Key::made(made.id, 0)).line(X, 1);
    let mut day = Day::of(&[made, order]);
    day.does(made).does(order);
    let taken = Verdict::Rejected { rule: Rule::Quantity, about: Key::NONE, available: 0, requested: 1 };
    day.decide(made.id, taken).between(SERVER);
    let missing = Verdict::Rejected { rule: Rule::Missing, about: Key::made(made.id, 0), available: 0, requested: 0 };
    day.decide(order.id, missing).between(SERVER);
    day.takes_back(order, Word::Rejected).takes_back(made, Word::Rejected);
    assert_eq!(day.ends(), NOBODY);
}
