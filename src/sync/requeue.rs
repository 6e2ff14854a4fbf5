//! What a device does with a conflict that the server has left to it: send the edit again, or decide by itself.
//!
//! An edit that is sent again names the value that it met as the one that its author has seen by now, and the commit of
//! that value in [`Item::commit`]: so the server knows whom it defeats. Nothing is merged here.

use super::device::Device;
use super::drain::items_of;
use super::message::{Met, Wire};
use super::policy::*;
use crate::model::{Entity, Key};
use crate::sim::OpId;
use crate::store::{Action, Copy, Item, Status, Store};
use crate::system::{Context, Verdict};

/// The commit of an op that its own device has declared to be the outcome: no download ever covers it.
const OWN_DECISION: u32 = u32::MAX;

impl<St: Store> Device<St> {
    /// An edit of this device met a value that its author had not seen.
    pub(super) fn meet(&mut self, store: &mut St, met: &Met, cx: &mut Context<Wire>) {
        let items = items_of(store, met.op);
        if items.is_empty() || items.iter().all(|item| item.status == Status::Synced) {
            return;
        }
        if self.policy.strategy == Strategy::PerDevice {
            let keeps_own = self.me.0 % 2 == 1;
            let by = items.iter().find(|item| item.row.key == met.row.key).map_or(OpId::NONE, |item| {
                met.row.set_by[(item.mask.trailing_zeros() as usize).min(met.row.set_by.len() - 1)]
            });
            let verdict = if keeps_own { Verdict::Accepted } else { Verdict::Superseded { by } };
            return self.settle(store, met.op, verdict, OWN_DECISION, cx);
        }
        if self.policy.resolution == Resolution::ClientWinsOldBase {
            return;
        }
        if self.policy.requeue == Requeue::Jumps {
            self.urgent.push((met.row.entity, met.row.key));
        }
        for mut item in items {
            let about = (item.row.entity, item.row.key, item.mask);
            if item.action != Action::Update || (about.0, about.1) != (met.row.entity, met.row.key) {
                continue;
            }
            let mut chained = false;
            store.each_item(&mut |earlier| {
                chained |= earlier.seq < item.seq
                    && earlier.status != Status::Synced
                    && (earlier.row.entity, earlier.row.key, earlier.mask) == about;
            });
            if !chained {
                let field = item.mask.trailing_zeros() as usize;
                item.base = super::resolve::witness(self.policy.detection, &met.row, field);
                item.commit = met.row.version.max(1);
                store.put_item(&item);
            }
        }
    }

    /// High priority: ops that are sent again go first, and with them whatever else is queued for the same rows.
    pub(super) fn let_jump(&self, items: &mut [Item]) {
        if self.urgent.is_empty() {
            return;
        }
        let jumps = |item: &Item| self.urgent.contains(&(item.row.entity, item.row.key));
        let ops: Vec<OpId> = items.iter().filter(|item| jumps(item)).map(|item| item.op).collect();
        items.sort_by_key(|item| (!ops.contains(&item.op), item.seq));
    }

    /// What was edited over an op that is refused stands over what that op stood over.
    pub(super) fn unchain_later(&self, store: &mut St, refused: &[Item]) {
        let mut changed = Vec::new();
        store.each_item(&mut |item| {
            let mut item = *item;
            if refused.iter().any(|refused| super::group::unchain(&mut item, refused)) {
                changed.push(item);
            }
        });
        changed.iter().for_each(|item| store.put_item(item));
    }

    /// On equal stamps a device keeps what it has, whatever the server has kept.
    pub(super) fn keep_tied(&self, store: &mut St, item: &Item) {
        let Some(mut base) = store.row(Copy::Base, item.row.entity, item.row.key) else { return };
        let field = (item.mask.trailing_zeros() as usize).min(base.fields.len() - 1);
        if item.action == Action::Update && base.stamps[field] >> 12 == item.row.stamps[field] >> 12 {
            base.set(field as u8, item.row.fields[field], item.op);
            store.put_row(Copy::Base, &base);
        }
    }

    /// Whether a row that is deleted here is still only marked so in the queue, where a later edit takes its place.
    pub(super) fn is_revivable(&self, store: &St, entity: Entity, key: Key) -> bool {
        if self.policy.coalesce == Coalesce::Nothing {
            return false;
        }
        let mut queued = false;
        store.each_item(&mut |item| {
            queued |= item.action == Action::Delete
                && item.status == Status::Pending
                && (item.row.entity, item.row.key) == (entity, key);
        });
        queued
    }

    /// A queued change of the same row, or of the same fields of it, is replaced by a later one.
    pub(super) fn replace_queued(&self, store: &mut St, later: &Item) {
        let mut replaced = Vec::new();
        store.each_item(&mut |item| {
            let same = (item.row.entity, item.row.key) == (later.row.entity, later.row.key);
            let joins = match (item.action, later.action) {
                (Action::Delete, Action::Update) | (Action::Update, Action::Delete) => true,
                (Action::Update, Action::Update) => item.mask == later.mask,
                _ => false,
            };
            if same && joins && item.op != later.op && item.status == Status::Pending {
                replaced.push(item.seq);
            }
        });
        replaced.into_iter().for_each(|seq| store.remove_item(seq));
    }
}
