//! How a device's outbox drains: what is sent, in which order, and what an answer or its absence does to it.
//!
//! The verdicts come from the server; this file only keeps the books.

use super::device::{Device, channel, goal};
use super::message::{Body, ItemResult, Met, Wire};
use super::policy::*;
use super::rows::{Reported, redirect, refers};
use crate::model::clinic;
use crate::model::retail::*;
use crate::model::{Entity, Key, RowState, Value};
use crate::sim::{Cause, NodeId, OpId, Span, Time};
use crate::store::{Action, Answer, Copy, Item, Status, Store};
use crate::system::{Context, Rule, Timer, Verdict, Why, Word};

/// A push that waits for its answer.
pub struct Drain {
    pub(super) ticket: u32,
    pub(super) seqs: Vec<u32>,
    pub(super) cause: Cause,
    /// What left the outbox when it was sent.
    pub(super) taken_out: Vec<Item>,
    pub(super) began: Time,
}

/// A sale whose receipt waits for a push.
pub struct Race {
    pub(super) op: OpId,
    pub(super) ticket: u32,
}

impl<St: Store> Device<St> {
    /// Sends what is pending, unless there is nothing, no network, or another drain. Returns the request's number.
    pub(super) fn drain(&mut self, store: &mut St, cx: &mut Context<Wire>) -> Option<u32> {
        let held_up = self.paused || self.stopped || self.catching_up.is_some() || self.waits_for_token();
        if !self.online || held_up {
            return None;
        }
        let busy = !self.drains.is_empty() || self.marked.is_some();
        if busy && matches!(self.policy.drains, Drains::Single | Drains::TwoReads) {
            self.again = true;
            return None;
        }
        let mut items: Vec<Item> = Vec::new();
        store.each_item(&mut |item| {
            let due = match item.status {
                Status::Pending => true,
                Status::Failed => self.picks_up(item),
                Status::Syncing => self.policy.drains == Drains::Overlapping,
                Status::Synced => false,
            };
            if due {
                items.push(*item);
            }
        });
        if self.policy.lamp == LampCounts::MissingStore && self.store_is_missing(store) {
            return None;
        }
        self.sort(&mut items);
        self.limit(&mut items);
        if items.is_empty() {
            return None;
        }
        self.tickets += 1;
        let ticket = self.tickets;
        for item in &mut items {
            if item.request == 0 || item.status == Status::Syncing {
                item.request = ticket;
            }
            item.status = Status::Syncing;
            store.put_item(item);
        }
        if self.policy.drains == Drains::TwoReads {
            self.mark_first(&items, ticket, cx);
            return None;
        }
        let seqs = items.iter().map(|item| item.seq).collect();
        Some(self.post(store, ticket, items, seqs, cx))
    }

    /// Sends these items in one request; `seqs` are those that wait for its answer.
    pub(super) fn post(
        &mut self,
        store: &mut St,
        ticket: u32,
        mut items: Vec<Item>,
        seqs: Vec<u32>,
        cx: &mut Context<Wire>,
    ) -> u32 {
        let mut taken_out = Vec::new();
        if self.policy.dequeue == Dequeue::BeforeSend {
            items.iter().for_each(|item| store.remove_item(item.seq));
            taken_out.clone_from(&items);
        }
        self.translate(&mut items);
        if let (Owner::Session, Some(user)) = (self.policy.owner, self.session) {
            items.iter_mut().for_each(|item| item.row.actor = user);
        }
        if self.policy.scope == Scope::ClientWord {
            items.iter_mut().for_each(|item| clinic::name_own_practice(&mut item.row));
        }
        let cause = Cause::Op(items[0].op);
        let mut ops: Vec<OpId> = Vec::new();
        for item in &items {
            if !ops.contains(&item.op) {
                ops.push(item.op);
            }
        }
        self.leave_out(&mut items);
        let wire = self.signed(store, Wire::new(ticket, 0, self.epoch, self.policy.integrity, Body::Push { items }));
        for race in &mut self.races {
            // A receipt that still waits goes on waiting for the retry.
            if ops.contains(&race.op) {
                race.ticket = ticket;
            }
        }
        cx.send(NodeId::SERVER, channel::PUSH, cause, ops, wire);
        let timer = Timer { channel: channel::PUSH_TIME_OUT, number: ticket };
        cx.set_timer(timer, Span::millis(self.policy.time_out), Some(cause));
        self.drains.push(Drain { ticket, seqs, cause, taken_out, began: cx.uptime() });
        ticket
    }

    pub(super) fn sort(&self, items: &mut [Item]) {
        if self.policy.by_op() {
            self.sort_by_op(items);
            if self.policy.requeue == Requeue::Jumps {
                self.let_jump(items);
            }
            return;
        }
        // The lines of a sale travel inside it, wherever it stands.
        let sales: Vec<(OpId, Item)> =
            items.iter().filter(|item| item.row.entity == SALE).map(|sale| (sale.op, *sale)).collect();
        let head = |item: &Item| match sales.iter().find(|(op, _)| *op == item.op) {
            Some((_, sale)) if item.row.entity == SALE_ITEM => *sale,
            _ => *item,
        };
        let rank = |item: &Item| type_rank(self.policy.types, item.row.entity);
        let create = |item: &Item| item.action == Action::Create;
        match self.policy.order {
            OutboxOrder::Fifo => {}
            OutboxOrder::UpdatesFirst => items.sort_by_key(|item| {
                let at = head(item);
                (rank(&at), create(&at), at.seq, item.seq)
            }),
            OutboxOrder::CreatesFirst => items.sort_by_key(|item| {
                let at = head(item);
                (!create(&at), rank(&at), at.queued, at.seq, item.seq)
            }),
            OutboxOrder::CreatesFirstInType => items.sort_by_key(|item| {
                let at = head(item);
                (rank(&at), !create(&at), at.queued, at.seq, item.seq)
            }),
            OutboxOrder::ByType => items.sort_by_key(|item| {
                let at = head(item);
                (rank(&at), at.seq, item.seq)
            }),
            OutboxOrder::DeviceClock => items.sort_by_key(|item| (item.queued, item.seq)),
        }
    }

    pub(super) fn limit(&self, items: &mut Vec<Item>) {
        let most = self.policy.batch as usize;
        if most == 0 {
            return;
        }
        if self.policy.by_op() {
            let mut ops: Vec<OpId> = Vec::new();
            items.retain(|item| {
                if !ops.contains(&item.op) {
                    ops.push(item.op);
                }
                ops.iter().position(|op| *op == item.op).is_some_and(|place| place < most)
            });
        } else {
            items.truncate(most);
        }
    }

    /// An answer to a push.
    pub(super) fn pushed(
        &mut self,
        store: &mut St,
        ticket: u32,
        results: &[ItemResult],
        met: &[Met],
        failed: bool,
        cx: &mut Context<Wire>,
    ) {
        let Some(place) = self.drains.iter().position(|drain| drain.ticket == ticket) else {
            cx.reach(goal::LATE_ANSWER);
            return;
        };
        if failed && self.policy.error_answer == ErrorAnswer::Fails {
            return self.push_failed(store, ticket, true, cx);
        }
        if failed && self.policy.error_answer == ErrorAnswer::Stops {
            return self.stop(store, place, cx);
        }
        let drain = self.drains.remove(place);
        drain.taken_out.iter().for_each(|item| store.put_item(item));
        cx.cancel_timer(Timer { channel: channel::PUSH_TIME_OUT, number: ticket });
        cx.sync_ended(drain.began, !failed);
        self.unused_tokens = 0;
        let failures = self.failures;
        self.failures = if met.is_empty() { 0 } else { failures + 1 };
        let blind = failed || self.policy.marking == Marking::ByBatch;
        let types =
            if self.policy.filtered_pull == FilteredPull::Everything { 0 } else { types_of(store, &drain.seqs) };
        if self.policy.by_op() && !blind {
            for result in results.iter().filter(|result| result.key != Key::NONE) {
                if let Some(item) = store.item(result.seq) {
                    self.adopt(store, item.row.entity, item.row.key, result.key, cx);
                }
            }
            let victim = self.victim(store, &drain, results);
            for result in results {
                if !self.waits_for(store, &drain, result.op) {
                    continue;
                }
                match victim {
                    Some((op, verdict)) if op == result.op => self.settle(store, op, verdict, 0, cx),
                    _ => self.settle(store, result.op, result.verdict, result.commit, cx),
                }
            }
            for met in met {
                self.meet(store, met, cx);
            }
            self.requeue(store, &drain.seqs, Status::Pending, cx);
        } else if self.policy.by_op() {
            self.mark_blindly(store, &drain, results, cx);
        } else {
            self.mark(store, &drain, results, blind, cx);
        }
        self.end_races(store, ticket, results, cx);
        // What was refused and stays in the queue all the same is not sent again at once.
        let refused = |result: &ItemResult| result.verdict != Verdict::Accepted && holds(store, result.op);
        let stays = self.policy.by_op() && !blind && results.iter().any(refused);
        if stays {
            self.failures = failures + 1;
        }
        if stays || !met.is_empty() {
            self.retry_after(Some(self.policy.delay(self.failures)), drain.cause, cx);
        } else if std::mem::take(&mut self.again) || matches!(self.policy.drains, Drains::Single | Drains::TwoReads) {
            self.drain(store, cx);
        }
        if self.policy.pull_after_push {
            self.pull_after(store, types, cx);
        }
    }

    /// Item by item.
    fn mark(&mut self, store: &mut St, drain: &Drain, results: &[ItemResult], blind: bool, cx: &mut Context<Wire>) {
        let mut delay = None;
        let mut done: Vec<OpId> = Vec::new();
        for seq in &drain.seqs {
            let Some(mut item) = store.item(*seq) else { continue };
            let result = results.iter().find(|result| result.seq == *seq);
            let accepted = result.is_some_and(|result| result.verdict == Verdict::Accepted);
            if accepted && let Some(result) = result {
                self.adopt(store, item.row.entity, item.row.key, result.key, cx);
            }
            if accepted || blind {
                store.remove_item(*seq);
                self.now_synced(store, &item, result.map(|result| result.key), cx);
                if !done.contains(&item.op) {
                    done.push(item.op);
                }
                continue;
            }
            item = store.item(*seq).expect("an item that is not accepted stays in the outbox");
            if let Some(wait) = self.item_failed(store, item, cx) {
                delay = Some(delay.map_or(wait, |delay: Span| delay.max(wait)));
            }
        }
        for op in done {
            if !holds(store, op) {
                cx.tell(op, Word::Synced);
            }
        }
        self.retry_after(delay, drain.cause, cx);
    }

    pub(super) fn item_failed(&self, store: &mut St, mut item: Item, cx: &mut Context<Wire>) -> Option<Span> {
        item.tries = item.tries.saturating_add(1);
        let given_up = self.policy.retries > 0 && u32::from(item.tries) > self.policy.retries;
        item.status = if given_up { Status::Failed } else { self.failed_status() };
        let delay = (!given_up).then(|| self.policy.wait(u32::from(item.tries)));
        store.put_item(&item);
        if given_up {
            cx.reach(goal::GIVEN_UP);
        }
        self.report_given_up(store, &item, cx);
        delay
    }

    fn retry_after(&self, delay: Option<Span>, cause: Cause, cx: &mut Context<Wire>) {
        if let Some(delay) = delay.filter(|_| self.policy.liveness == Liveness::Timers) {
            cx.set_timer(Timer { channel: channel::RETRY, number: 0 }, delay, Some(cause));
        }
    }

    /// No answer came, or (`answered`) an error.
    pub(super) fn push_failed(&mut self, store: &mut St, ticket: u32, answered: bool, cx: &mut Context<Wire>) {
        let Some(place) = self.drains.iter().position(|drain| drain.ticket == ticket) else { return };
        let drain = self.drains.remove(place);
        drain.taken_out.iter().for_each(|item| store.put_item(item));
        cx.cancel_timer(Timer { channel: channel::PUSH_TIME_OUT, number: ticket });
        cx.sync_ended(drain.began, false);
        self.paused |= self.policy.liveness == Liveness::OnlineEvent;
        if self.policy.counts_as_failure == CountsAs::AnyFailure {
            let mut delay = None;
            for seq in &drain.seqs {
                if let Some(item) = store.item(*seq)
                    && let Some(wait) = self.item_failed(store, item, cx)
                {
                    delay = Some(delay.map_or(wait, |delay: Span| delay.max(wait)));
                }
            }
            self.retry_after(delay, drain.cause, cx);
        } else {
            if self.policy.key_made == KeyMade::EachAttempt
                || answered && self.policy.partial_failure == PartialFailure::TopLevel
            {
                self.make_anew(store, &drain.seqs);
            }
            self.requeue(store, &drain.seqs, self.failed_status(), cx);
            self.failures += 1;
            self.retry_after(Some(self.policy.wait(self.failures)), drain.cause, cx);
        }
    }

    /// A critical error: what was sent goes back into the queue, and nothing more is sent until the user acts.
    fn stop(&mut self, store: &mut St, place: usize, cx: &mut Context<Wire>) {
        let drain = self.drains.remove(place);
        drain.taken_out.iter().for_each(|item| store.put_item(item));
        cx.cancel_timer(Timer { channel: channel::PUSH_TIME_OUT, number: drain.ticket });
        cx.sync_ended(drain.began, false);
        self.requeue(store, &drain.seqs, Status::Pending, cx);
        self.stopped = true;
    }

    /// The ops of a push that failed count as new ones: their keys are made anew.
    fn make_anew(&self, store: &mut St, seqs: &[u32]) {
        for mut item in seqs.iter().filter_map(|seq| store.item(*seq)).collect::<Vec<Item>>() {
            item.tries = item.tries.saturating_add(1);
            store.put_item(&item);
        }
    }

    pub(super) fn requeue(&self, store: &mut St, seqs: &[u32], status: Status, cx: &mut Context<Wire>) {
        for seq in seqs {
            if let Some(mut item) = store.item(*seq)
                && item.status == Status::Syncing
            {
                item.status = status;
                store.put_item(&item);
                self.report_given_up(store, &item, cx);
            }
        }
    }

    /// The server's identity for a row takes the place of the temporary one, here and in everything that refers to it.
    pub(super) fn adopt(&mut self, store: &mut St, entity: Entity, from: Key, to: Key, cx: &mut Context<Wire>) {
        if !from.is_temporary() || to == Key::NONE || to == from {
            return;
        }
        if self.policy.mapping == Mapping::InMemory {
            if !self.identities.contains(&(entity, from, to)) {
                self.identities.push((entity, from, to));
            }
            return;
        }
        store.put_identity(entity, from, to);
        self.redirect_writing(entity, from, to);
        let (mut rows, mut items) = (Vec::new(), Vec::new());
        store.each_row(Copy::Visible, &mut |row| {
            if refers(self.domain, row, entity, from) {
                let mut changed = *row;
                redirect(self.domain, &mut changed, entity, from, to);
                rows.push(changed);
            }
        });
        store.each_item(&mut |item| {
            let own = item.row.entity == entity && item.row.key == from;
            if own || refers(self.domain, &item.row, entity, from) {
                let mut changed = *item;
                redirect(self.domain, &mut changed.row, entity, from, to);
                if own {
                    changed.row.key = to;
                }
                items.push(changed);
            }
        });
        items.iter().for_each(|item| store.put_item(item));
        let mut reported = Reported { store, cx };
        rows.iter().for_each(|row| reported.put(row, OpId::NONE, Why::Copied));
        reported.rename(entity, from, to);
    }

    fn now_synced(&self, store: &mut St, item: &Item, key: Option<Key>, cx: &mut Context<Wire>) {
        let key = key.filter(|key| *key != Key::NONE).unwrap_or(item.row.key);
        let mut pending = false;
        store.each_item(&mut |other| pending |= (other.row.entity, other.row.key) == (item.row.entity, key));
        let mut rows = Reported { store, cx };
        if let Some(mut row) = rows.get(item.row.entity, key)
            && !pending
        {
            row.state = RowState::Synced;
            rows.put(&row, OpId::NONE, Why::Copied);
        }
    }

    /// The verdict on a whole op, from a push or a pull.
    pub(super) fn settle(&mut self, store: &mut St, op: OpId, verdict: Verdict, commit: u32, cx: &mut Context<Wire>) {
        let items = items_of(store, op);
        if items.iter().all(|item| item.status == Status::Synced) {
            return;
        }
        if verdict == Verdict::Accepted {
            for mut item in items {
                if self.policy.merge == Merge::Rebase {
                    // It stays until everything up to its commit has been downloaded.
                    item.status = Status::Synced;
                    item.commit = commit;
                    store.put_item(&item);
                } else {
                    store.remove_item(item.seq);
                }
            }
            for (entity, key) in self.touched(store, op) {
                if self.policy.merge == Merge::Rebase {
                    self.derive(store, entity, key, OpId::NONE, Why::Copied, cx);
                }
            }
            self.keep_settled(store, op, verdict);
            cx.tell(op, Word::Synced);
            return;
        }
        cx.reach(goal::REJECTED_AFTER_RECEIPT);
        self.unchain_later(store, &items);
        if self.is_quiet(verdict) {
            return self.pass_over(store, &items);
        }
        if self.policy.rollback_on != RollbackOn::Never {
            self.roll_back(store, op, &items, cx);
        } else {
            items.iter().for_each(|item| store.remove_item(item.seq));
        }
        self.notify(store, op, verdict, cx);
        self.cascade(store, &items, verdict, cx);
    }

    /// Tells the user what became of an op, and keeps the notice: the app may die before it shows.
    pub(super) fn notify(&self, store: &mut St, op: OpId, verdict: Verdict, cx: &mut Context<Wire>) {
        self.keep_settled(store, op, verdict);
        let notice =
            Answer { key: u64::from(op.0), op, device: self.me, commit: 1, expires: i64::MAX, verdict, row: Key::NONE };
        // The same notice again changes nothing.
        let _already_kept = store.insert_answer(&notice);
        cx.tell(op, word_for(verdict));
    }

    fn touched(&self, store: &St, op: OpId) -> Vec<(Entity, Key)> {
        items_of(store, op).iter().map(|item| (item.row.entity, item.row.key)).collect()
    }

    /// Takes an op back.
    pub(super) fn roll_back(&mut self, store: &mut St, op: OpId, items: &[Item], cx: &mut Context<Wire>) {
        let whole = self.policy.rollback_scope == RollbackScope::WholeOp;
        if self.policy.rollback_stock == RollbackStock::Derived && self.policy.merge == Merge::Rebase && whole {
            items.iter().for_each(|item| store.remove_item(item.seq));
            let mut touched: Vec<(Entity, Key)> = items.iter().map(|item| (item.row.entity, item.row.key)).collect();
            touched.sort_unstable();
            touched.dedup();
            for (entity, key) in touched {
                self.derive(store, entity, key, op, Why::RolledBack, cx);
            }
            return;
        }
        let mut made = Vec::new();
        store.each_row(Copy::Visible, &mut |row| {
            if row.origin == op && (whole || matches!(row.entity, SALE | SALE_ITEM)) {
                made.push(*row);
            }
        });
        if whole {
            items.iter().for_each(|item| store.remove_item(item.seq));
        }
        let lines: Vec<_> = made.iter().filter(|row| row.entity == SALE_ITEM).copied().collect();
        let derived = self.policy.rollback_stock == RollbackStock::Derived;
        let pending = if derived { others_pending(store, op) } else { Vec::new() };
        let mut rows = Reported { store, cx };
        for row in &made {
            rows.remove(row.entity, row.key, op, Why::RolledBack);
        }
        for line in lines {
            let product = line.get(field::ITEM_PRODUCT).as_key().unwrap_or(Key::NONE);
            if let Some(mut row) = rows.get(PRODUCT, product) {
                let base = rows.store.row(Copy::Base, PRODUCT, product).filter(|_| derived);
                let stock = match base {
                    Some(base) => {
                        let moved = pending.iter().filter(|(key, _)| *key == product).map(|(_, amount)| amount);
                        base.get(field::STOCK).or_zero() + moved.sum::<i64>()
                    }
                    None => row.get(field::STOCK).or_zero() + line.get(field::ITEM_QUANTITY).or_zero(),
                };
                row.set(field::STOCK, Value::int(stock), op);
                rows.put(&row, op, Why::RolledBack);
            }
        }
    }

    /// The answer that a receipt waited for has come, or will not come.
    fn end_races(&mut self, store: &mut St, ticket: u32, results: &[ItemResult], cx: &mut Context<Wire>) {
        let waiting: Vec<OpId> = self.races.iter().filter(|race| race.ticket == ticket).map(|race| race.op).collect();
        self.races.retain(|race| race.ticket != ticket);
        for op in waiting {
            cx.cancel_timer(Timer { channel: channel::RACE, number: op.0 });
            let short = |result: &&ItemResult| matches!(result.verdict, Verdict::Rejected { rule: Rule::Quantity, .. });
            let hit = match self.policy.rollback_on {
                RollbackOn::Never => false,
                RollbackOn::AnyErrorInBatch => results.iter().any(|result| short(&result)),
                RollbackOn::OwnVerdict => results.iter().filter(|result| result.op == op).any(|r| short(&r)),
            };
            if hit && self.policy.atomicity == Atomicity::Item {
                cx.reach(goal::REJECTED_AFTER_RECEIPT);
                let items = items_of(store, op);
                self.roll_back(store, op, &items, cx);
                cx.tell(op, Word::Rejected);
            } else if holds(store, op) {
                cx.tell(op, Word::Saved);
            }
        }
    }

    /// The receipt would not wait any longer.
    pub(super) fn race_lost(&mut self, op: OpId, cx: &mut Context<Wire>) {
        let Some(place) = self.races.iter().position(|race| race.op == op) else { return };
        cx.reach(goal::RACE_LOST);
        if self.policy.receipt == Receipt::AfterSync {
            self.races.remove(place);
            cx.tell(op, Word::Synced);
        } else {
            // Its verdict is still awaited, and told when it comes.
            cx.tell(op, Word::Unknown);
        }
    }
}

/// The entities of these items, one bit each.
fn types_of<St: Store>(store: &St, seqs: &[u32]) -> u32 {
    let mut types = 0;
    store.each_item(&mut |item| types |= if seqs.contains(&item.seq) { 1 << item.row.entity.0 } else { 0 });
    types
}

/// Movements of other ops that still have to be sent: product and amount.
fn others_pending<St: Store>(store: &St, op: OpId) -> Vec<(Key, i64)> {
    let mut moved = Vec::new();
    store.each_item(&mut |item| {
        if item.row.entity == STOCK_MOVEMENT && item.op != op && item.status != Status::Synced {
            let product = item.row.get(field::MOVED_PRODUCT).as_key().unwrap_or(Key::NONE);
            moved.push((product, item.row.get(field::MOVED_QUANTITY).or_zero()));
        }
    });
    moved
}

/// What a verdict is called towards the user.
pub(super) fn word_for(verdict: Verdict) -> Word {
    match verdict {
        Verdict::Accepted => Word::Synced,
        Verdict::Superseded { .. } => Word::Superseded,
        Verdict::Manual => Word::Conflict,
        Verdict::Rejected { .. } => Word::Rejected,
    }
}

/// The items of an op.
pub(super) fn items_of<St: Store>(store: &St, op: OpId) -> Vec<Item> {
    let mut items = Vec::new();
    store.each_item(&mut |item| {
        if item.op == op {
            items.push(*item);
        }
    });
    items
}

fn holds<St: Store>(store: &St, op: OpId) -> bool {
    let mut any = false;
    store.each_item(&mut |item| any |= item.op == op && item.status != Status::Synced);
    any
}

/// Where a type stands in a push; the lines of a sale travel inside it.
pub fn type_rank(table: TypeTable, entity: Entity) -> u32 {
    let order: &[Entity] = match table {
        TypeTable::ProductsFirst => &[
            PRODUCT,
            SUPPLIER,
            SUPPLIER_ORDER,
            PRODUCT_BATCH,
            SALE,
            SALE_ITEM,
            EXPENSE,
            STOCK_MOVEMENT,
            CREDIT_PAYMENT,
        ],
        TypeTable::Dependencies => return u32::from(entity.0),
        TypeTable::Route => &[SALE, SALE_ITEM, STOCK_MOVEMENT, PRODUCT, PRODUCT_BATCH],
        TypeTable::SalesFirst => &[SALE, SALE_ITEM, STOCK_MOVEMENT, EXPENSE, PRODUCT],
        TypeTable::Twelve => &[
            PRODUCT,
            PRODUCT_BATCH,
            SUPPLIER,
            SUPPLIER_ORDER,
            PRODUCT_SUPPLIER,
            SALE,
            SALE_ITEM,
            EXPENSE,
            STOCK_MOVEMENT,
            CREDIT_PAYMENT,
            SUPPLIER_ORDER_ITEM,
            SUPPLIER_RETURN,
            USER,
        ],
    };
    order.iter().position(|other| *other == entity).unwrap_or(99) as u32
}
