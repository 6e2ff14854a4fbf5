//! What a device does with its outbox in the ways that go wrong: other orders, other marks, other pauses.
//!
//! The sound drain is in `drain.rs`; it asks here where a knob may have another value.

use super::device::Device;
use super::drain::{Drain, items_of, type_rank};
use super::message::{ItemResult, Wire};
use super::policy::*;
use crate::model::Row;
use crate::model::retail::SALE;
use crate::sim::OpId;
use crate::store::{Action, Cell, Item, Status, Store};
use crate::system::{Context, Rule, Task, Verdict, Word};

/// The task of a drain that reads the queue a second time; ops are numbered from 1, and far below.
pub const SECOND_READ: Task = Task(u32::MAX);

impl<St: Store> Device<St> {
    /// The order of a push in which the items of an op stay together: by the first of them.
    pub(super) fn sort_by_op(&self, items: &mut [Item]) {
        if self.policy.order == OutboxOrder::Fifo {
            return;
        }
        let mut heads: Vec<Item> = Vec::new();
        for item in items.iter() {
            if heads.iter().all(|head| head.op != item.op) {
                heads.push(*item);
            }
        }
        let rank = |head: &Item| type_rank(self.policy.types, head.row.entity);
        let create = |head: &Item| head.action == Action::Create;
        let place = |head: &Item| match self.policy.order {
            OutboxOrder::Fifo => (0, 0, 0, 0),
            OutboxOrder::UpdatesFirst => (rank(head), u32::from(create(head)), 0, head.seq),
            OutboxOrder::CreatesFirst => (u32::from(!create(head)), rank(head), head.queued, head.seq),
            OutboxOrder::CreatesFirstInType => (rank(head), u32::from(!create(head)), head.queued, head.seq),
            OutboxOrder::ByType => (rank(head), 0, 0, head.seq),
            OutboxOrder::DeviceClock => (0, 0, head.queued, head.seq),
        };
        items.sort_by_key(|item| {
            let head = heads.iter().find(|head| head.op == item.op).expect("every item's op has a first item");
            (place(head), item.seq)
        });
    }

    /// Whether a pass takes an item that is marked as failed.
    pub(super) fn picks_up(&self, item: &Item) -> bool {
        let used_up = self.policy.retries > 0 && u32::from(item.tries) > self.policy.retries;
        self.policy.exhausted == Exhausted::PickedUp || self.policy.failed_state == FailedState::GivenUp && !used_up
    }

    /// What an item is marked as that failed and will be tried again.
    pub(super) fn failed_status(&self) -> Status {
        match self.policy.failed_state {
            FailedState::Waiting => Status::Pending,
            FailedState::GivenUp => Status::Failed,
        }
    }

    /// Reports an op as given up once nothing of it is waiting any more.
    pub(super) fn report_given_up(&self, store: &St, item: &Item, cx: &mut Context<Wire>) {
        let over = |item: &Item| matches!(item.status, Status::Failed | Status::Synced);
        if item.status == Status::Failed && items_of(store, item.op).iter().all(over) {
            cx.give_up(item.op);
        }
    }

    /// Whether the outbox is not found any more: the app has started again.
    pub(super) fn store_is_missing(&self, store: &St) -> bool {
        store.number(Cell::Boots) & 0xff > 1
    }

    /// The first read of a drain that reads twice: what it found is marked, and sent after the second.
    pub(super) fn mark_first(&mut self, items: &[Item], ticket: u32, cx: &mut Context<Wire>) {
        self.marked = Some((ticket, items.iter().map(|item| item.seq).collect()));
        cx.resume(SECOND_READ);
    }

    /// The second read: whatever is queued by now is sent.
    pub(super) fn read_again(&mut self, store: &mut St, cx: &mut Context<Wire>) {
        let Some((ticket, seqs)) = self.marked.take() else { return };
        let mut items: Vec<Item> = Vec::new();
        store.each_item(&mut |item| {
            if matches!(item.status, Status::Pending | Status::Syncing) {
                items.push(Item { request: if item.request == 0 { ticket } else { item.request }, ..*item });
            }
        });
        self.sort(&mut items);
        self.limit(&mut items);
        if !items.is_empty() {
            self.post(store, ticket, items, seqs, cx);
        }
    }

    /// Whether a drain goes by the verdict on this op: a drain that reads twice knows what it marked only.
    pub(super) fn waits_for(&self, store: &St, drain: &Drain, op: OpId) -> bool {
        self.policy.drains != Drains::TwoReads || items_of(store, op).iter().any(|item| drain.seqs.contains(&item.seq))
    }

    /// The last sale of a push in which something else was short, and what that was told: it is taken for the sale's.
    pub(super) fn victim(&self, store: &St, drain: &Drain, results: &[ItemResult]) -> Option<(OpId, Verdict)> {
        if self.policy.rollback_on != RollbackOn::AnyErrorInBatch {
            return None;
        }
        let short = |result: &&ItemResult| matches!(result.verdict, Verdict::Rejected { rule: Rule::Quantity, .. });
        let error = results.iter().find(short)?;
        let items = drain.seqs.iter().rev().filter_map(|seq| store.item(*seq));
        let sale = items.filter(|item| item.row.entity == SALE).map(|item| item.op).next()?;
        let accepted = |result: &ItemResult| result.op == sale && result.verdict == Verdict::Accepted;
        results.iter().any(accepted).then_some((sale, error.verdict))
    }

    /// Everything in the push counts as synced, whatever the answer says.
    pub(super) fn mark_blindly(
        &mut self,
        store: &mut St,
        drain: &Drain,
        results: &[ItemResult],
        cx: &mut Context<Wire>,
    ) {
        let mut ops: Vec<OpId> = drain.seqs.iter().filter_map(|seq| store.item(*seq)).map(|item| item.op).collect();
        ops.dedup();
        for op in ops {
            let commit = results.iter().find(|result| result.op == op).map_or(0, |result| result.commit);
            self.settle(store, op, Verdict::Accepted, commit, cx);
        }
    }

    /// Whether a rejection is kept from the user.
    pub(super) fn is_quiet(&self, verdict: Verdict) -> bool {
        self.policy.on_rejection != OnRejection::Tells && matches!(verdict, Verdict::Rejected { .. })
    }

    /// A rejected op is passed over: its rows stay as they are.
    pub(super) fn pass_over(&self, store: &mut St, items: &[Item]) {
        for item in items.iter().filter(|item| item.status != Status::Synced) {
            if self.policy.on_rejection == OnRejection::SkipsWithLog {
                store.remove_item(item.seq);
            } else {
                store.put_item(&Item { status: Status::Failed, tries: u8::MAX, ..*item });
            }
        }
    }

    /// A row was overwritten by a download: what was pending on it counts as synced.
    pub(super) fn mark_overwritten(&self, store: &mut St, row: &Row, cx: &mut Context<Wire>) {
        let mut items: Vec<Item> = Vec::new();
        store.each_item(&mut |item| {
            if (item.row.entity, item.row.key) == (row.entity, row.key) && item.status != Status::Synced {
                items.push(*item);
            }
        });
        for item in items {
            store.remove_item(item.seq);
            if items_of(store, item.op).is_empty() {
                cx.tell(item.op, Word::Synced);
            }
        }
    }

    /// The link came or went: what that means for sending.
    pub(super) fn link_changed(&mut self) {
        match self.policy.reconnect {
            Reconnect::StaysPaused => self.paused |= !self.online,
            _ => self.paused &= !self.online,
        }
    }

    /// The user throws away what still has to be sent. Only what never left the device can be taken back.
    pub(super) fn clear_queue(&mut self, store: &mut St, cx: &mut Context<Wire>) {
        let mut items: Vec<Item> = Vec::new();
        store.each_item(&mut |item| items.push(*item));
        if self.policy.clear_queue == ClearQueue::Silent {
            return items.iter().for_each(|item| store.remove_item(item.seq));
        }
        let mut ops: Vec<OpId> = items.iter().filter(|item| item.request == 0).map(|item| item.op).collect();
        ops.dedup();
        // The latest first: what builds on an op goes before it.
        for op in ops.into_iter().rev() {
            let items = items_of(store, op);
            self.roll_back(store, op, &items, cx);
            let about = items.first().map_or(crate::model::Key::NONE, |item| item.row.key);
            let verdict = Verdict::Rejected { rule: Rule::Conflict, about, available: 0, requested: 0 };
            self.notify(store, op, verdict, cx);
        }
    }
}
