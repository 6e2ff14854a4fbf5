//! What every store must do, held against each store that there is.
//!
//! [`facts`] are about single methods; [`agreement`] applies random sequences of operations to two stores, which must list
//! the same after each. Nothing here is about speed, nor about what a store keeps beyond the process.

#[cfg(feature = "sqlite")]
mod agreement;
mod facts;

use squall::model::{Entity, Key, Row};
use squall::store::{Answer, Cell, Copy, Item, Store};

const CELLS: [Cell; 6] = [Cell::Commit, Cell::Seq, Cell::Identity, Cell::Offset, Cell::Ready, Cell::Downloads];
/// The entities and keys of which [`contents`] looks up identities.
const ENTITIES: [Entity; 3] = [Entity(0), Entity(5), Entity(31)];
const KEYS: [u64; 6] = [0, 1, 2, i64::MAX as u64, 1 << 63, u64::MAX];
const COPIES: [Copy; 2] = [Copy::Visible, Copy::Base];

/// Everything that a store lists, some identities and its numbers.
#[derive(Clone, PartialEq, Debug)]
struct Contents {
    rows: [Vec<Row>; 2],
    changed: Vec<Row>,
    items: Vec<Item>,
    kept: Vec<Item>,
    answers: Vec<Answer>,
    identities: Vec<Option<Key>>,
    numbers: Vec<i64>,
}

fn contents(store: &impl Store) -> Contents {
    let probe = |entity: &Entity| KEYS.map(|key| store.identity(*entity, Key(key)));
    let numbers = CELLS.iter().map(|cell| store.number(*cell)).collect();
    Contents {
        rows: COPIES.map(|copy| rows(store, copy)),
        changed: changed(store, 0),
        items: items(store),
        kept: kept(store),
        answers: answers(store, 0),
        identities: ENTITIES.iter().flat_map(probe).collect(),
        numbers,
    }
}

fn rows(store: &impl Store, copy: Copy) -> Vec<Row> {
    let mut all = Vec::new();
    store.each_row(copy, &mut |row| all.push(*row));
    all
}
fn of(store: &impl Store, copy: Copy, entity: Entity) -> Vec<Row> {
    let mut all = Vec::new();
    store.each_of(copy, entity, &mut |row| all.push(*row));
    all
}
fn changed(store: &impl Store, version: u32) -> Vec<Row> {
    let mut all = Vec::new();
    store.changed_since(version, &mut |row| all.push(*row));
    all
}
fn items(store: &impl Store) -> Vec<Item> {
    let mut all = Vec::new();
    store.each_item(&mut |item| all.push(*item));
    all
}
fn kept(store: &impl Store) -> Vec<Item> {
    let mut all = Vec::new();
    store.each_kept(&mut |item| all.push(*item));
    all
}
fn answers(store: &impl Store, commit: u32) -> Vec<Answer> {
    let mut all = Vec::new();
    store.answers_since(commit, &mut |answer| all.push(*answer));
    all
}
fn keys(rows: &[Row]) -> Vec<(u8, u64)> {
    rows.iter().map(|row| (row.entity.0, row.key.0)).collect()
}

/// The facts, as tests of a store.
macro_rules! conformance {
    ($module:ident, $store:ty: $($fact:ident)*) => {
        mod $module {
            $(#[test] fn $fact() { crate::facts::$fact::<$store>(); })*

            #[test]
            #[should_panic(expected = "transactions do not nest")]
            fn transactions_do_not_nest() {
                crate::facts::begin_twice::<$store>();
            }
            #[test]
            #[should_panic(expected = "only an open transaction can be committed")]
            fn nothing_can_be_committed_outside_a_transaction() {
                squall::store::Store::commit(&mut <$store as squall::store::Store>::open());
            }
            #[test]
            #[should_panic(expected = "only an open transaction can be rolled back")]
            fn nothing_can_be_rolled_back_outside_a_transaction() {
                squall::store::Store::rollback(&mut <$store as squall::store::Store>::open());
            }
        }
    };
    ($module:ident, $store:ty) => {
        conformance! { $module, $store:
            an_open_store_is_empty
            a_store_opened_after_another_was_dropped_is_empty
            a_row_comes_back_as_it_was_put
            missing_null_zero_and_extreme_values_stay_apart
            keys_are_ordered_as_unsigned_numbers
            changed_since_lists_visible_rows_above_a_version_in_its_order
            outbox_items_are_kept_in_order_of_their_sequence
            kept_items_are_no_outbox_items_and_are_forgotten_from_the_front
            a_second_answer_under_one_key_is_refused_and_changes_nothing
            every_verdict_comes_back
            answers_are_listed_by_commit_and_forgotten_by_expiry
            identities_belong_to_their_entity
            numbers_are_separate
            a_rollback_restores_everything
            a_commit_keeps_what_was_written
            a_clone_is_independent
            a_visitor_may_read_the_store
            a_store_moves_between_threads
        }
    };
}
conformance!(memory, squall::store::Memory);
#[cfg(feature = "sqlite")]
conformance!(sqlite, squall::store::Sqlite);
