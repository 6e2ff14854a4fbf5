//! What the server does with an op when it recognises, validates or joins it in one of the ways that go wrong.
//!
//! The transaction itself is in `group.rs`; here are the parts of it that a sound policy never reaches.

use super::message::Wire;
use super::policy::*;
use super::rows::Reported;
use super::server::{PushTask, Server};
use super::statements::{Statement, account};
use crate::model::domain::SPLIT;
use crate::model::retail::*;
use crate::model::{Entity, Key, Row, Value};
use crate::sim::luck::mix;
use crate::sim::{OpId, Span};
use crate::store::{Action, Cell, Copy, Item, Store};
use crate::system::{Context, Rule, Verdict, Why};

impl<St: Store> Server<St> {
    /// The idempotency key of an op, from its first item.
    pub(super) fn key_of_op(&self, first: &Item) -> u64 {
        if self.policy.idempotency == Idempotency::ByRequest {
            return 1 << 63 | mix(u64::from(first.op.0) << 32 | u64::from(first.request));
        }
        if self.policy.op_ids == OpIds::Counter {
            return 1 << 42 | u64::from(first.seq);
        }
        let anew = self.policy.key_made == KeyMade::EachAttempt
            || self.policy.partial_failure == PartialFailure::TopLevel
            || self.policy.after_restore == AfterRestore::Reimports;
        let attempt = if anew { u64::from(first.tries) << 48 } else { 0 };
        attempt | 1 << 40 | u64::from(first.op.0)
    }

    /// Takes a push into the shared clock. Whether something in it lies too far behind.
    pub(super) fn lags(&self, store: &mut St, items: &[Item]) -> bool {
        let furthest = items.iter().map(|item| item.queued).fold(store.number(Cell::Furthest), i64::max);
        store.set_number(Cell::Furthest, furthest);
        items.iter().any(|item| item.queued < furthest - Span::days(7).0 as i64)
    }

    /// Whether the server looks for the key of this op.
    pub(super) fn is_keyed_op(&self, items: &[Item]) -> bool {
        self.policy.idempotency != Idempotency::None
            && (self.policy.key_covers == KeyCovers::Everything || items.iter().any(|item| item.row.entity == SALE))
    }

    /// The verdict on an op whose effect is there while its key is still to be stored: copies wait for it.
    pub(super) fn about_to_be_stored(&self, op: OpId) -> Option<(Verdict, u32)> {
        if self.policy.idempotency != Idempotency::KeyAfter {
            return None;
        }
        self.tasks.iter().find_map(|task| match task.statement {
            Statement::Written(_, commit) if task.items.get(task.at).is_some_and(|item| item.op == op) => {
                task.results.last().map(|result| (result.verdict, commit))
            }
            _ => None,
        })
    }

    /// The key covers the sale and its lines; whatever else the op brings is done again.
    pub(super) fn uncovered(
        &mut self,
        store: &mut St,
        op: OpId,
        items: &[Item],
        task: &mut PushTask,
        cx: &mut Context<Wire>,
    ) {
        let covered = |item: &&Item| !matches!(item.row.entity, SALE | SALE_ITEM);
        let rest: Vec<Item> = items.iter().filter(covered).copied().collect();
        if !rest.is_empty() {
            let _verdict_of_the_rest_is_not_told = self.transact_quietly(store, op, &rest, &mut task.made, cx);
        }
    }

    /// The rejection of an op of which the server holds too little, before anything else is looked at.
    pub(super) fn too_little(&self, store: &St, items: &[Item]) -> Option<Verdict> {
        items.iter().filter(|item| item.action == Action::Create).find_map(|item| {
            let (entity, key, quantity, amount) = account(self.domain, &item.row)?;
            let held = store.row(Copy::Visible, entity, key)?.get(quantity).or_zero();
            (self.validates(&item.row, amount) && held + amount < 0).then_some(Verdict::Rejected {
                rule: Rule::Quantity,
                about: key,
                available: held,
                requested: -amount,
            })
        })
    }

    /// Whether an op is looked up or validated in a transaction before the one that writes.
    pub(super) fn looks_first(&self, items: &[Item]) -> bool {
        self.policy.validation == Validation::ReadThenWrite
            && items.iter().any(|item| {
                item.action == Action::Create
                    && account(self.domain, &item.row).is_some_and(|(.., amount)| self.validates(&item.row, amount))
            })
            || self.policy.natural_key == NaturalKey::LookupFirst && items.iter().any(is_natural)
    }

    /// What the first transaction saw: quantities, and which natural keys are taken.
    pub(super) fn look(&self, store: &St, items: &[Item], made: &[(Entity, Key, Key)]) -> Vec<(Entity, Key, i64)> {
        let real = |entity, key| {
            made.iter().find(|(e, from, _)| (*e, *from) == (entity, key)).map_or(key, |(_, _, real)| *real)
        };
        let mut read: Vec<(Entity, Key, i64)> = Vec::new();
        for item in items.iter().filter(|item| item.action == Action::Create) {
            if let Some((entity, key, quantity, _)) = account(self.domain, &item.row) {
                let key = real(entity, key);
                if self.policy.validation == Validation::ReadThenWrite
                    && read.iter().all(|(e, k, _)| (*e, *k) != (entity, key))
                    && let Some(row) = store.row(Copy::Visible, entity, key)
                {
                    read.push((entity, key, row.get(quantity).or_zero()));
                }
            } else if is_natural(item) && self.policy.natural_key == NaturalKey::LookupFirst {
                let there = store.row(Copy::Visible, item.row.entity, item.row.key).is_some_and(|row| !row.deleted);
                read.push((item.row.entity, item.row.key, i64::from(there)));
            }
        }
        read
    }

    /// What an earlier transaction read of a quantity.
    pub(super) fn was_read(&self, entity: Entity, key: Key) -> Option<i64> {
        self.read.iter().find(|(e, k, _)| (*e, *k) == (entity, key)).map(|(_, _, value)| *value)
    }

    /// Whether an earlier transaction found the natural key of this row free.
    pub(super) fn was_absent(&self, row: &Row) -> bool {
        self.policy.natural_key == NaturalKey::LookupFirst && self.was_read(row.entity, row.key) == Some(0)
    }

    /// The transactions that an op falls into.
    pub(super) fn parts(&self, items: &[Item]) -> Vec<Vec<Item>> {
        let part = |item: &Item| match self.policy.atomicity {
            Atomicity::SaleThenMoves => u8::from(account(self.domain, &item.row).is_some()),
            Atomicity::Line if item.row.entity == SALE_ITEM => item.row.part - LINE,
            Atomicity::Line if item.row.entity == STOCK_MOVEMENT => (item.row.part - MOVE) % SPLIT,
            _ => 0,
        };
        let mut parts: Vec<(u8, Vec<Item>)> = Vec::new();
        for item in items {
            match parts.iter_mut().find(|(number, _)| *number == part(item)) {
                Some((_, list)) => list.push(*item),
                None => parts.push((part(item), vec![*item])),
            }
        }
        parts.into_iter().map(|(_, list)| list).collect()
    }

    /// A delivery whose lot is there already: the later quantity stays, and the delivery is gone.
    pub(super) fn merges_lot(&self, store: &mut St, items: &[Item], commit: u32, cx: &mut Context<Wire>) -> bool {
        let Some(item) = items.iter().find(|item| item.row.entity == PRODUCT_BATCH && item.action == Action::Create)
        else {
            return false;
        };
        let lot = |row: &Row| (row.get(field::BATCH_PRODUCT), row.get(field::BATCH_LOT));
        let mut same = None;
        store.each_of(Copy::Visible, PRODUCT_BATCH, &mut |row| {
            if same.is_none() && lot(row) == lot(&item.row) && !row.deleted {
                same = Some(*row);
            }
        });
        let Some(mut found) = same else { return false };
        if item.row.stamp > found.stamp {
            let quantity = item.row.get(field::BATCH_QUANTITY);
            found.set(field::BATCH_QUANTITY, quantity, item.op);
            found.stamp = item.row.stamp;
            found.version = commit;
            Reported { store, cx }.put(&found, item.op, Why::Effect);
        }
        true
    }

    /// The stock that the product row of an op carries takes the place of what is there.
    pub(super) fn take_absolute(&self, store: &mut St, item: &Item, commit: u32, cx: &mut Context<Wire>) {
        if self.policy.stock_from == StockFrom::Movements || item.row.entity != PRODUCT {
            return;
        }
        let mut rows = Reported { store, cx };
        if let Some(mut row) = rows.get(PRODUCT, item.row.key) {
            row.set(field::STOCK, Value::int(item.row.fields[ABSOLUTE].or_zero()), item.op);
            row.version = commit;
            rows.put(&row, item.op, Why::Effect);
        }
    }
}

/// Where a queued change of a stock carries the stock as the device shows it: products have no such field.
pub(super) const ABSOLUTE: usize = crate::model::row::FIELDS - 1;

/// Whether an item makes a row that is known by its content rather than by an identity made for it.
fn is_natural(item: &Item) -> bool {
    item.action == Action::Create && !item.row.key.is_made() && !item.row.key.is_temporary()
}
