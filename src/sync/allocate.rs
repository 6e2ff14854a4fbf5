//! Which batches a movement takes from (or puts into), decided by the server when it commits.
//!
//! A device cannot choose: it does not know what others sold. A sale takes from unexpired batches only, earliest expiry
//! first; any other loss may take from expired ones too. A gain goes to the batch that expires last.

use super::message::Wire;
use super::policy::*;
use super::rows::Reported;
use super::server::Server;
use crate::model::domain::SPLIT;
use crate::model::retail::*;
use crate::model::{Key, Row, Value};
use crate::sim::OpId;
use crate::sim::clock::MORNING;
use crate::store::{Copy, Store};
use crate::system::{Context, Why};

/// What a movement takes from where.
pub struct Taken {
    /// Batch (or none) and signed quantity.
    pub splits: Vec<(Option<Key>, i64)>,
    /// If the batches do not hold enough: what they hold.
    pub short: Option<i64>,
}

impl<St: Store> Server<St> {
    /// Splits a change of a product's stock over its batches.
    pub(super) fn allocate(&self, store: &St, row: &Row, amount: i64, cx: &Context<Wire>) -> Taken {
        let whole = |batch| Taken { splits: vec![(batch, amount)], short: None };
        if row.entity != STOCK_MOVEMENT {
            return whole(None);
        }
        let named = row.get(field::MOVED_BATCH).as_key();
        if self.policy.allocation == Allocation::None || named.is_some() {
            return whole(named);
        }
        let product = row.get(field::MOVED_PRODUCT);
        let mut batches: Vec<(i64, Key, i64)> = Vec::new();
        store.each_of(Copy::Visible, PRODUCT_BATCH, &mut |batch| {
            if batch.get(field::BATCH_PRODUCT) == product && !batch.deleted {
                let quantity = batch.get(field::BATCH_QUANTITY).or_zero();
                batches.push((batch.get(field::BATCH_EXPIRES).or_zero(), batch.key, quantity));
            }
        });
        if batches.is_empty() || amount == 0 {
            return whole(None);
        }
        batches.sort_unstable();
        if amount > 0 {
            return whole(batches.last().map(|(_, key, _)| *key));
        }
        if self.policy.allocation == Allocation::Newest {
            batches.reverse();
        }
        let today = (MORNING + cx.uptime().0 as i64) / 86_400_000_000;
        let sale = row.get(field::MOVED_KIND) == Value::int(kind::SALE);
        let usable = batches.iter().filter(|(expires, ..)| !sale || *expires >= today);
        let mut left = -amount;
        let mut splits = Vec::new();
        let mut held = 0;
        for (_, key, quantity) in usable {
            held += quantity;
            let take = left.min(*quantity);
            if take > 0 {
                splits.push((Some(*key), -take));
                left -= take;
            }
        }
        Taken { splits, short: (left > 0).then_some(held) }
    }

    /// Changes the batches that a movement takes from, unless it names one: then the op itself says what becomes of it.
    pub(super) fn change_batches(
        &self,
        store: &mut St,
        row: &Row,
        splits: &[(Option<Key>, i64)],
        commit: u32,
        cx: &mut Context<Wire>,
    ) {
        if row.entity != STOCK_MOVEMENT || row.get(field::MOVED_BATCH).as_key().is_some() {
            return;
        }
        let mut rows = Reported { store, cx };
        for (key, amount) in splits.iter().filter_map(|(batch, amount)| Some(((*batch)?, amount))) {
            if let Some(mut held) = rows.get(PRODUCT_BATCH, key) {
                let quantity = held.get(field::BATCH_QUANTITY).or_zero() + amount;
                held.set(field::BATCH_QUANTITY, Value::int(quantity), row.origin);
                held.version = commit;
                rows.put(&held, row.origin, Why::Effect);
            }
        }
    }

    /// Stores the movement of a sale, once for each batch that it takes from.
    pub(super) fn insert_splits(
        &self,
        store: &mut St,
        row: &Row,
        splits: &[(Option<Key>, i64)],
        commit: u32,
        stamp: i64,
        cx: &mut Context<Wire>,
    ) {
        for (n, (batch, amount)) in splits.iter().enumerate() {
            let mut part = *row;
            if n > 0 {
                part.part = row.part + SPLIT * n as u8;
                part.key = Key::made(row.origin, part.part);
            }
            part.set(field::MOVED_QUANTITY, Value::int(*amount), row.origin);
            part.set(field::MOVED_BATCH, batch.map_or(Value::NULL, Value::key), row.origin);
            self.insert(store, &part, commit, stamp, row.origin, cx);
        }
    }

    /// The first batch of a product that has loose stock: the loose units become a batch of their own that never expires.
    pub(super) fn box_loose_stock(&self, store: &mut St, first: &Row, commit: u32, cx: &mut Context<Wire>) {
        if self.policy.allocation == Allocation::None {
            return;
        }
        let product = first.get(field::BATCH_PRODUCT);
        let mut any = false;
        store.each_of(Copy::Visible, PRODUCT_BATCH, &mut |row| {
            any |= row.get(field::BATCH_PRODUCT) == product && !row.deleted;
        });
        let key = product.as_key().unwrap_or(Key::NONE);
        let loose = store.row(Copy::Visible, PRODUCT, key).map_or(0, |row| row.get(field::STOCK).or_zero());
        if any || loose == 0 {
            return;
        }
        let mut row = *first;
        row.part = 40;
        row.key = Key::made(first.origin, row.part);
        row.version = commit;
        row.set(field::BATCH_LOT, Value::int(0), first.origin);
        row.set(field::BATCH_ORDER, Value::MISSING, OpId::NONE);
        row.set(field::BATCH_EXPIRES, Value::int(99_999), first.origin);
        row.set(field::BATCH_QUANTITY, Value::int(loose), first.origin);
        row.set(field::BATCH_INITIAL, Value::int(loose), first.origin);
        Reported { store, cx }.put(&row, first.origin, Why::Effect);
    }
}
