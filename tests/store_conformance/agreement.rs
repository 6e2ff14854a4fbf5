//! Random operations on two stores at once: after each of them both list the same.
//!
//! The store in memory is small enough to be believed; SQLite has to agree with it. Few keys, so that operations meet.

use crate::{COPIES, Contents, ENTITIES, KEYS, contents, of};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use squall::model::{Entity, Key, Row, RowState, Value};
use squall::sim::{NodeId, OpId};
use squall::store::{Action, Answer, Cell, Copy, Item, Memory, Sqlite, Status, Store};
use squall::system::{Rule, Verdict};

#[derive(Clone, Debug)]
enum Operation {
    Begin,
    Commit,
    Rollback,
    Clone,
    PutRow(Copy, Row),
    RemoveRow(Copy, Entity, Key),
    PutItem(Item),
    RemoveItem(u32),
    Keep(Item),
    ForgetKept(i64),
    RemoveAnswer(u64),
    InsertAnswer(Answer),
    ForgetAnswers(i64),
    PutIdentity(Entity, Key, Key),
    SetNumber(Cell, i64),
}

fn copy() -> impl Strategy<Value = Copy> {
    select(&COPIES)
}
fn entity() -> impl Strategy<Value = Entity> {
    select(&ENTITIES)
}
fn bits() -> impl Strategy<Value = u64> {
    select(&KEYS)
}
fn key() -> impl Strategy<Value = Key> {
    bits().prop_map(Key)
}
fn number() -> impl Strategy<Value = i64> {
    prop_oneof![-3..4_i64, Just(i64::MIN), Just(i64::MAX)]
}
fn op() -> impl Strategy<Value = OpId> {
    select(&[0, 1, u32::MAX]).prop_map(OpId)
}
fn count() -> impl Strategy<Value = u32> {
    prop_oneof![0..4_u32, Just(u32::MAX)]
}
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::MISSING),
        Just(Value::NULL),
        (-3..4_i64).prop_map(Value::int),
        select(&[i64::MIN + 2, i64::MAX]).prop_map(Value::int),
    ]
}

fn row() -> impl Strategy<Value = Row> {
    let state = select(&[RowState::Synced, RowState::Pending, RowState::Dead]);
    let fixed = (entity(), key(), any::<u8>(), state, any::<bool>(), any::<u16>());
    let times = (op(), count(), number(), number());
    let arrays =
        (proptest::array::uniform8(number()), proptest::array::uniform8(value()), proptest::array::uniform8(op()));
    (fixed, times, arrays).prop_map(|(fixed, times, arrays)| {
        let (entity, key, part, state, deleted, actor) = fixed;
        let (origin, version, created, stamp) = times;
        let (stamps, fields, set_by) = arrays;
        Row { entity, key, part, state, deleted, actor, origin, version, created, stamp, stamps, fields, set_by }
    })
}

fn item() -> impl Strategy<Value = Item> {
    let action = select(&[Action::Create, Action::Update, Action::Delete, Action::Add]);
    let status = select(&[Status::Pending, Status::Syncing, Status::Synced, Status::Failed]);
    let fixed = (count(), op(), action, row(), any::<u8>());
    let rest = (number(), number(), status, any::<u8>(), count());
    (fixed, rest).prop_map(|((seq, op, action, row, mask), (base, queued, status, tries, commit))| Item {
        seq,
        op,
        action,
        row,
        mask,
        base,
        queued,
        status,
        tries,
        request: commit ^ 5,
        commit,
    })
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let rule = select(&[Rule::Quantity, Rule::Missing, Rule::Conflict, Rule::Deleted]);
    let rejected = (rule, key(), number(), number());
    prop_oneof![
        Just(Verdict::Accepted),
        Just(Verdict::Manual),
        op().prop_map(|by| Verdict::Superseded { by }),
        rejected.prop_map(|(rule, about, available, requested)| Verdict::Rejected {
            rule,
            about,
            available,
            requested
        }),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    (bits(), op(), 0..4_096_u16, count(), number(), verdict(), key()).prop_map(
        |(key, op, device, commit, expires, verdict, row)| {
            let device = NodeId(device);
            Answer { key, op, device, commit, expires, verdict, row }
        },
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        3 => Just(Begin),
        1 => Just(Commit),
        2 => Just(Rollback),
        1 => Just(Clone),
        6 => (copy(), row()).prop_map(|(copy, row)| PutRow(copy, row)),
        2 => (copy(), entity(), key()).prop_map(|(copy, entity, key)| RemoveRow(copy, entity, key)),
        3 => item().prop_map(PutItem),
        1 => count().prop_map(RemoveItem),
        2 => item().prop_map(Keep),
        1 => number().prop_map(ForgetKept),
        1 => bits().prop_map(RemoveAnswer),
        4 => answer().prop_map(InsertAnswer),
        1 => number().prop_map(ForgetAnswers),
        2 => (entity(), key(), key()).prop_map(|(entity, temporary, real)| PutIdentity(entity, temporary, real)),
        2 => (select(&crate::CELLS), number()).prop_map(|(cell, value)| SetNumber(cell, value)),
    ]
}

/// Does one operation; returns whether an answer was refused.
fn apply(store: &mut impl Store, operation: &Operation) -> bool {
    match operation {
        Operation::Begin => store.begin(),
        Operation::Commit => store.commit(),
        Operation::Rollback => store.rollback(),
        Operation::Clone => *store = store.clone(),
        Operation::PutRow(copy, row) => store.put_row(*copy, row),
        Operation::RemoveRow(copy, entity, key) => store.remove_row(*copy, *entity, *key),
        Operation::PutItem(item) => store.put_item(item),
        Operation::RemoveItem(seq) => store.remove_item(*seq),
        Operation::Keep(item) => store.keep(item),
        Operation::ForgetKept(before) => store.forget_kept(*before),
        Operation::RemoveAnswer(key) => store.remove_answer(*key),
        Operation::InsertAnswer(answer) => return store.insert_answer(answer).is_err(),
        Operation::ForgetAnswers(now) => store.forget_answers(*now),
        Operation::PutIdentity(entity, temporary, real) => store.put_identity(*entity, *temporary, *real),
        Operation::SetNumber(cell, value) => store.set_number(*cell, *value),
    }
    false
}

/// What listings do not show: what is found by the key that an operation was about.
fn found(store: &impl Store, operation: &Operation) -> (Option<Row>, Vec<Row>, Option<Answer>, Option<Key>) {
    match operation {
        Operation::PutRow(copy, Row { entity, key, .. }) | Operation::RemoveRow(copy, entity, key) => {
            (store.row(*copy, *entity, *key), of(store, *copy, *entity), None, None)
        }
        Operation::InsertAnswer(answer) => (None, Vec::new(), store.answer(answer.key), None),
        Operation::PutIdentity(entity, temporary, _) => (None, Vec::new(), None, store.identity(*entity, *temporary)),
        _ => (None, Vec::new(), None, None),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_lists_what_memory_lists_after_every_operation(operations in vec(operation(), 1..48)) {
        let (mut memory, mut sqlite) = (Memory::open(), Sqlite::open());
        // The contents that a rollback must bring back, while a transaction is open.
        let mut begun: Option<Contents> = None;
        let mut copies: Vec<(Sqlite, Contents)> = Vec::new();
        for operation in &operations {
            let possible = match operation {
                Operation::Begin | Operation::Clone => begun.is_none(),
                Operation::Commit | Operation::Rollback => begun.is_some(),
                _ => true,
            };
            if !possible {
                continue;
            }
            let before = contents(&sqlite);
            if let Operation::Clone = operation {
                copies.push((sqlite.clone(), before.clone()));
            }
            let refused = apply(&mut sqlite, operation);
            prop_assert_eq!(refused, apply(&mut memory, operation));
            let after = contents(&sqlite);
            prop_assert_eq!(&after, &contents(&memory));
            prop_assert_eq!(found(&sqlite, operation), found(&memory, operation));
            if refused {
                prop_assert_eq!(&after, &before);
            }
            match operation {
                Operation::Begin => begun = Some(after),
                Operation::Commit => begun = None,
                Operation::Rollback => prop_assert_eq!(Some(after), begun.take()),
                _ => {}
            }
        }
        for (copy, then) in &copies {
            prop_assert_eq!(&contents(copy), then, "nothing done to the original reaches a copy");
        }
    }
}
