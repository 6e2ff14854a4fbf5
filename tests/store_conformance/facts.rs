//! What each method of a store does, for any store.
//!
//! Every fact opens a store of its own.

use crate::{CELLS, Contents, ENTITIES, KEYS, answers, changed, contents, items, kept, keys, of, rows};
use squall::model::row::FIELDS;
use squall::model::{Entity, Key, Row, RowState, Value};
use squall::sim::{NodeId, OpId};
use squall::store::{Action, Answer, Cell, Copy, Item, Status, Store, Taken};
use squall::system::{Rule, Verdict};

const PRODUCT: Entity = Entity(0);
const SALE: Entity = Entity(5);

/// A row in which no two fields hold the same, so that a column in the wrong place shows.
fn product(key: u64) -> Row {
    let mut row = Row::new(PRODUCT, Key(key));
    row.part = 255;
    row.state = RowState::Pending;
    row.actor = 65_535;
    row.origin = OpId(u32::MAX);
    row.version = 7;
    row.created = 1_700_000_000_000_000;
    row.stamp = -3;
    for n in 0..FIELDS {
        row.fields[n] = Value::int(100 + n as i64);
        row.stamps[n] = 200 + n as i64;
        row.set_by[n] = OpId(300 + n as u32);
    }
    row
}

fn versioned(entity: Entity, key: u64, version: u32) -> Row {
    Row { version, ..Row::new(entity, Key(key)) }
}

fn item(seq: u32) -> Item {
    let row = product(u64::from(seq));
    let (op, action, status) = (OpId(8), Action::Update, Status::Pending);
    Item { seq, op, action, row, mask: 0b1000_0001, base: 9, queued: 10, status, tries: 11, request: 13, commit: 12 }
}

fn answer(key: u64, commit: u32) -> Answer {
    let (op, device, verdict) = (OpId(4), NodeId(2), Verdict::Accepted);
    Answer { key, op, device, commit, expires: 1_000, verdict, row: Key(6) }
}

/// One of everything.
fn fill(store: &mut impl Store) {
    store.put_row(Copy::Visible, &product(1));
    store.put_row(Copy::Base, &product(2));
    store.put_item(&item(1));
    store.insert_answer(&answer(1, 1)).expect("the key is free");
    store.put_identity(SALE, Key(1), Key(2));
    store.set_number(Cell::Commit, 1);
}

pub fn an_open_store_is_empty<S: Store>() {
    let store = S::open();
    let empty = Contents {
        rows: [vec![], vec![]],
        changed: vec![],
        items: vec![],
        kept: vec![],
        answers: vec![],
        identities: vec![None; ENTITIES.len() * KEYS.len()],
        numbers: vec![0; CELLS.len()],
    };
    assert_eq!(contents(&store), empty);
    assert_eq!(store.row(Copy::Visible, PRODUCT, Key(1)), None);
    assert_eq!(store.answer(1), None);
    assert_eq!(store.identity(SALE, Key(1)), None);
}

pub fn a_store_opened_after_another_was_dropped_is_empty<S: Store>() {
    let mut store = S::open();
    fill(&mut store);
    store.begin();
    fill(&mut { S::open() });
    store.put_row(Copy::Visible, &product(9));
    drop(store);
    for _ in 0..3 {
        an_open_store_is_empty::<S>();
    }
}

pub fn a_row_comes_back_as_it_was_put<S: Store>() {
    let mut store = S::open();
    store.put_row(Copy::Visible, &product(1));
    assert_eq!(store.row(Copy::Visible, PRODUCT, Key(1)), Some(product(1)));
    assert_eq!(store.row(Copy::Base, PRODUCT, Key(1)), None, "the copies are separate");
    assert_eq!(store.row(Copy::Visible, SALE, Key(1)), None, "a key belongs to its entity");

    let tombstone = Row { deleted: true, state: RowState::Dead, ..product(1) };
    store.put_row(Copy::Visible, &tombstone);
    assert_eq!(rows(&store, Copy::Visible), vec![tombstone]);

    store.remove_row(Copy::Visible, PRODUCT, Key(1));
    store.remove_row(Copy::Visible, PRODUCT, Key(1));
    assert_eq!(rows(&store, Copy::Visible), vec![]);
}

pub fn missing_null_zero_and_extreme_values_stay_apart<S: Store>() {
    let values = [
        Value::MISSING,
        Value::NULL,
        Value::int(0),
        Value::int(-1),
        Value::int(i64::MIN + 2),
        Value::int(i64::MAX),
        Value::key(Key::made(OpId(u32::MAX), 255).temporary()),
        Value::MISSING,
    ];
    let mut row = product(1);
    row.fields = values;
    row.stamps = [i64::MIN, i64::MAX, -1, 0, 1, 2, 3, i64::MIN];
    (row.created, row.stamp) = (i64::MIN, i64::MAX);
    let mut store = S::open();
    store.put_row(Copy::Base, &row);
    assert_eq!(store.row(Copy::Base, PRODUCT, Key(1)), Some(row));
}

pub fn keys_are_ordered_as_unsigned_numbers<S: Store>() {
    let order = [0, 1, 1 << 58, 1 << 61, i64::MAX as u64, 1 << 63, (1 << 63) + 1, u64::MAX];
    let mut store = S::open();
    for key in [5, 2, 7, 0, 4, 1, 6, 3].map(|n: usize| order[n]) {
        store.put_row(Copy::Base, &versioned(SALE, key, 1));
        store.put_row(Copy::Visible, &versioned(SALE, key, 1));
        store.insert_answer(&answer(key, 1)).expect("the key is free");
    }
    for entity in [0, 255] {
        store.put_row(Copy::Visible, &versioned(Entity(entity), u64::MAX, 1));
    }
    let sales: Vec<(u8, u64)> = order.iter().map(|key| (5, *key)).collect();
    let all = [vec![(0, u64::MAX)], sales.clone(), vec![(255, u64::MAX)]].concat();
    assert_eq!(keys(&rows(&store, Copy::Visible)), all);
    assert_eq!(keys(&rows(&store, Copy::Base)), sales);
    assert_eq!(keys(&of(&store, Copy::Visible, SALE)), sales);
    assert_eq!(keys(&changed(&store, 0)), all);
    let found: Vec<u64> = answers(&store, 0).iter().map(|answer| answer.key).collect();
    assert_eq!(found, order);
    for key in order {
        assert_eq!(store.answer(key), Some(answer(key, 1)));
        assert_eq!(store.row(Copy::Base, SALE, Key(key)), Some(versioned(SALE, key, 1)));
    }
}

pub fn changed_since_lists_visible_rows_above_a_version_in_its_order<S: Store>() {
    let mut store = S::open();
    for (entity, key, version) in [(SALE, 1, 3), (PRODUCT, 2, 3), (PRODUCT, 1, 3), (PRODUCT, 3, u32::MAX), (SALE, 2, 2)]
    {
        store.put_row(Copy::Visible, &versioned(entity, key, version));
    }
    store.put_row(Copy::Base, &versioned(SALE, 9, 9));
    assert_eq!(keys(&changed(&store, 2)), [(0, 1), (0, 2), (5, 1), (0, 3)]);
    assert_eq!(changed(&store, u32::MAX), []);
    store.put_row(Copy::Visible, &versioned(PRODUCT, 3, 2));
    assert_eq!(keys(&changed(&store, 1)), [(0, 3), (5, 2), (0, 1), (0, 2), (5, 1)]);
}

pub fn outbox_items_are_kept_in_order_of_their_sequence<S: Store>() {
    let mut store = S::open();
    for seq in [3, u32::MAX, 1, 2] {
        store.put_item(&item(seq));
    }
    let failed = Item { status: Status::Failed, tries: 255, base: i64::MIN, queued: -1, ..item(2) };
    store.put_item(&failed);
    store.remove_item(3);
    store.remove_item(3);
    assert_eq!(items(&store), [item(1), failed, item(u32::MAX)]);
    for (seq, action) in [(1, Action::Create), (2, Action::Update), (3, Action::Delete), (4, Action::Add)] {
        for status in [Status::Pending, Status::Syncing, Status::Synced, Status::Failed] {
            let queued = Item { action, status, ..item(seq) };
            store.put_item(&queued);
            assert_eq!(items(&store).iter().find(|item| item.seq == seq), Some(&queued));
        }
    }
}

pub fn kept_items_are_no_outbox_items_and_are_forgotten_from_the_front<S: Store>() {
    let mut store = S::open();
    for (seq, queued) in [(1, 10), (2, 20), (4, 5), (3, 30)] {
        store.keep(&Item { queued, ..item(seq) });
    }
    assert_eq!(items(&store), vec![]);
    let seqs = |store: &S| kept(store).iter().map(|item| item.seq).collect::<Vec<u32>>();
    store.forget_kept(10);
    assert_eq!(seqs(&store), [1, 2, 3, 4], "nothing at the front is older");
    store.forget_kept(21);
    assert_eq!(seqs(&store), [3, 4]);
    store.forget_kept(i64::MAX);
    assert_eq!(seqs(&store), Vec::<u32>::new());
}

pub fn a_second_answer_under_one_key_is_refused_and_changes_nothing<S: Store>() {
    let mut store = S::open();
    store.insert_answer(&answer(1, 1)).expect("the key is free");
    let second = Answer { verdict: Verdict::Manual, ..answer(1, 2) };
    assert_eq!(store.insert_answer(&second), Err(Taken));
    assert_eq!(answers(&store, 0), [answer(1, 1)]);

    store.begin();
    store.set_number(Cell::Commit, 5);
    assert_eq!(store.insert_answer(&second), Err(Taken));
    store.insert_answer(&answer(2, 2)).expect("the key is free");
    store.commit();
    assert_eq!(answers(&store, 0), [answer(1, 1), answer(2, 2)]);
    assert_eq!(store.number(Cell::Commit), 5, "a refusal does not end the transaction");
}

pub fn every_verdict_comes_back<S: Store>() {
    let rejected = |rule| Verdict::Rejected { rule, about: Key(u64::MAX), available: -5, requested: i64::MIN };
    let verdicts = [
        Verdict::Accepted,
        rejected(Rule::Quantity),
        rejected(Rule::Missing),
        rejected(Rule::Conflict),
        rejected(Rule::Deleted),
        Verdict::Superseded { by: OpId(u32::MAX) },
        Verdict::Superseded { by: OpId::NONE },
        Verdict::Manual,
    ];
    let mut store = S::open();
    for (key, verdict) in (0..).zip(verdicts) {
        let told = Answer { verdict, row: Key(u64::MAX), device: NodeId(4_095), ..answer(key, u32::MAX) };
        store.insert_answer(&told).expect("the key is free");
        assert_eq!(store.answer(key), Some(told));
    }
    let listed: Vec<Verdict> = answers(&store, 0).iter().map(|answer| answer.verdict).collect();
    assert_eq!(listed, verdicts);
}

pub fn answers_are_listed_by_commit_and_forgotten_by_expiry<S: Store>() {
    let mut store = S::open();
    for (key, commit, expires) in [(1, 9, 10), (2, 4, 11), (4, 4, i64::MAX), (3, 4, i64::MIN), (5, 3, 12)] {
        store.insert_answer(&Answer { expires, ..answer(key, commit) }).expect("the key is free");
    }
    let found = |store: &S, commit| answers(store, commit).iter().map(|answer| answer.key).collect::<Vec<_>>();
    assert_eq!(found(&store, 3), [2, 3, 4, 1]);
    store.forget_answers(11);
    assert_eq!(found(&store, 0), [5, 2, 4], "what expires at 11 is not forgotten at 11");
    store.insert_answer(&answer(1, 1)).expect("a forgotten key is free again");
    store.forget_answers(i64::MAX);
    assert_eq!(found(&store, 0), [4], "an answer without expiry is never forgotten");
}

pub fn identities_belong_to_their_entity<S: Store>() {
    let temporary = Key::made(OpId(u32::MAX), 255).temporary();
    let mut store = S::open();
    store.put_identity(SALE, temporary, Key(1));
    store.put_identity(SALE, temporary, Key(u64::MAX));
    assert_eq!(store.identity(SALE, temporary), Some(Key(u64::MAX)));
    assert_eq!(store.identity(PRODUCT, temporary), None);
    assert_eq!(store.identity(SALE, Key(1)), None);
}

pub fn numbers_are_separate<S: Store>() {
    let mut store = S::open();
    for (n, cell) in (0..).zip(CELLS) {
        store.set_number(cell, i64::MIN + n);
    }
    store.set_number(Cell::Offset, -1);
    let numbers: Vec<i64> = CELLS.iter().map(|cell| store.number(*cell)).collect();
    let low = i64::MIN;
    assert_eq!(numbers, [low, low + 1, low + 2, -1, low + 4, low + 5]);
}

pub fn a_rollback_restores_everything<S: Store>() {
    let mut store = S::open();
    fill(&mut store);
    let before = contents(&store);
    store.begin();
    store.put_row(Copy::Visible, &versioned(PRODUCT, 1, 99));
    store.put_row(Copy::Visible, &product(3));
    store.remove_row(Copy::Base, PRODUCT, Key(2));
    store.put_item(&Item { status: Status::Synced, ..item(1) });
    store.put_item(&item(2));
    store.remove_item(1);
    store.keep(&item(2));
    store.forget_kept(i64::MAX);
    store.keep(&item(3));
    store.forget_answers(i64::MAX);
    store.insert_answer(&answer(1, 50)).expect("the key was just forgotten");
    store.insert_answer(&answer(2, 51)).expect("the key is free");
    store.put_identity(SALE, Key(1), Key(3));
    store.put_identity(SALE, Key(2), Key(3));
    CELLS.iter().for_each(|cell| store.set_number(*cell, 77));
    assert_ne!(contents(&store), before, "a transaction sees its own writes");
    store.rollback();
    assert_eq!(contents(&store), before);
    assert_eq!(store.identity(SALE, Key(1)), Some(Key(2)));
    assert_eq!(store.identity(SALE, Key(2)), None);
}

pub fn a_commit_keeps_what_was_written<S: Store>() {
    let mut store = S::open();
    store.begin();
    fill(&mut store);
    let inside = contents(&store);
    store.commit();
    assert_eq!(contents(&store), inside);
    store.begin();
    store.rollback();
    assert_eq!(contents(&store), inside, "a later rollback undoes only its own transaction");
}

pub fn a_clone_is_independent<S: Store>() {
    let mut store = S::open();
    fill(&mut store);
    let (before, mut copy) = (contents(&store), store.clone());
    assert_eq!(contents(&copy), before);
    assert_eq!(copy.identity(SALE, Key(1)), Some(Key(2)));

    copy.remove_row(Copy::Visible, PRODUCT, Key(1));
    copy.remove_item(1);
    copy.forget_answers(i64::MAX);
    copy.set_number(Cell::Commit, 2);
    copy.put_identity(SALE, Key(1), Key(9));
    assert_eq!(contents(&store), before);
    assert_eq!(store.identity(SALE, Key(1)), Some(Key(2)));

    let after = contents(&copy);
    store.begin();
    store.put_row(Copy::Visible, &product(4));
    assert_eq!(contents(&copy), after, "a transaction on one does not concern the other");
    drop(store);
    assert_eq!(contents(&copy), after);
}

pub fn a_visitor_may_read_the_store<S: Store>() {
    let mut store = S::open();
    fill(&mut store);
    let mut found = None;
    store.each_row(Copy::Visible, &mut |row| found = store.row(Copy::Visible, row.entity, row.key));
    assert_eq!(found, Some(product(1)));
}

pub fn a_store_moves_between_threads<S: Store + 'static>() {
    let mut store = S::open();
    fill(&mut store);
    let before = contents(&store);
    let moved = std::thread::spawn(move || contents(&store)).join().expect("the other thread ends well");
    assert_eq!(moved, before);
}

/// Panics in every store.
pub fn begin_twice<S: Store>() {
    let mut store = S::open();
    store.begin();
    store.begin();
}
