//! How a device downloads what others did, and how it meets what is pending here.
//!
//! Whether the server sends everything or what came since a commit is the server's side of the same knob.

use super::device::{Device, channel, goal};
use super::message::{Body, Wire};
use super::policy::*;
use super::rows::Reported;
use crate::model::retail::{PRODUCT, SALE_ITEM, STOCK_MOVEMENT, field};
use crate::model::{Entity, Key, Row, RowState, Value};
use crate::sim::{Cause, NodeId, OpId, Time};
use crate::store::{Answer, Cell, Copy, Item, Status, Store};
use crate::system::{Context, Metric, Timer, Verdict, Why, Word};

/// A request that waits for its answer.
#[derive(Clone, Copy)]
pub struct Pulling {
    pub(super) ticket: u32,
    pub(super) since: u32,
    /// The last place in the outbox when it was sent.
    newest: u32,
    /// The entities asked for, one bit each; 0 for all.
    types: u32,
    pub(super) began: Time,
    pub(super) full: bool,
}

/// One page of a download.
pub(super) struct Page<'a> {
    pub(super) rows: &'a [Row],
    pub(super) answers: &'a [Answer],
    /// The commit up to which everything is here once the page is applied; 0 if it says nothing about that.
    pub(super) until: u32,
    /// Where the cursor goes.
    pub(super) cursor: u32,
    pub(super) more: bool,
}

impl<St: Store> Device<St> {
    /// Asks as a trigger does: not at all, under a policy by which an idle device has nothing to ask.
    pub(super) fn pull_on_trigger(&mut self, store: &mut St, cx: &mut Context<Wire>) {
        let newcomer = store.number(Cell::Ready) == 0;
        if self.policy.pull_when == PullWhen::WithPending && !newcomer {
            let mut pending = false;
            store.each_item(&mut |item| pending |= item.status != Status::Synced);
            if !pending {
                return;
            }
        }
        self.pull(store, newcomer, cx);
    }

    /// The pull that follows a push of these entities, one bit each.
    pub(super) fn pull_after(&mut self, store: &mut St, types: u32, cx: &mut Context<Wire>) {
        let filters = self.policy.filtered_pull != FilteredPull::Everything;
        if filters && self.online && self.policy.pull != Pull::Never && self.pulling.is_none() {
            self.ask(store, store.number(Cell::Commit) as u32, false, types, cx);
        } else {
            self.pull(store, false, cx);
        }
    }

    /// Asks the server for what is not here yet. `full`: for everything again.
    pub(super) fn pull(&mut self, store: &mut St, full: bool, cx: &mut Context<Wire>) {
        if !self.online || self.stopped || self.policy.pull == Pull::Never {
            return;
        }
        if self.pulling.is_some() || self.waits_for_token() {
            self.pull_again = Some(full || self.pull_again == Some(true));
            return;
        }
        let since = if full { 0 } else { store.number(Cell::Commit) as u32 };
        self.ask(store, since, full, 0, cx);
    }

    pub(super) fn ask(&mut self, store: &mut St, since: u32, full: bool, types: u32, cx: &mut Context<Wire>) {
        self.tickets += 1;
        let ticket = self.tickets;
        self.pulling =
            Some(Pulling { ticket, since, newest: store.number(Cell::Seq) as u32, types, began: cx.uptime(), full });
        let cause = cx.cause();
        let temporary = self.unmapped(store);
        let epoch = self.catching_up.as_ref().map_or(self.epoch, |ahead| ahead.epoch);
        let body =
            Body::Pull { since, full, types, released: self.give_back(store), owes: self.owes(store), temporary };
        let wire = self.signed(store, Wire::new(ticket, 0, epoch, self.policy.integrity, body));
        cx.send(NodeId::SERVER, channel::PULL, cause, [], wire);
        let timer = Timer { channel: channel::PULL_TIME_OUT, number: ticket };
        let named = if matches!(cause, Cause::Op(_)) { Some(cause) } else { None };
        cx.set_timer(timer, self.read_time_out(), named);
    }

    /// No answer came, or an error: the next trigger asks again.
    pub(super) fn pull_failed(&mut self, ticket: u32, cx: &mut Context<Wire>) {
        if let Some(pulling) = self.pulling.filter(|pulling| pulling.ticket == ticket) {
            cx.sync_ended(pulling.began, false);
            self.pulling = None;
            self.pull_again = None;
            self.catching_up = None;
        }
    }

    /// An answer to a pull.
    pub(super) fn pulled(&mut self, store: &mut St, ticket: u32, body: Body, cx: &mut Context<Wire>) {
        let Body::Pulled { rows, answers, identities, since, until, newest, more, full, failed } = body else { return };
        let Some(asked) = self.pulling.filter(|pulling| pulling.ticket == ticket) else {
            cx.reach(goal::LATE_ANSWER);
            return;
        };
        self.pulling = None;
        cx.cancel_timer(Timer { channel: channel::PULL_TIME_OUT, number: ticket });
        cx.sync_ended(asked.began, !failed);
        if failed || asked.since != since {
            return;
        }
        self.unused_tokens = 0;
        for (entity, from, to) in identities {
            self.adopt(store, entity, from, to, cx);
        }
        if self.lacks_identities(store, &answers, asked.newest) {
            return self.ask(store, since, full, asked.types, cx);
        }
        let mut pending = false;
        store.each_item(&mut |item| pending |= item.status != Status::Synced);
        if pending && !rows.is_empty() {
            cx.reach(goal::PULL_OVER_PENDING);
        }
        if self.policy.merge == Merge::Rebase {
            let keeps_cursor = asked.types != 0 && self.policy.filtered_pull != FilteredPull::SharedCursor;
            let cursor = match self.policy.cursor_moves {
                _ if keeps_cursor => 0,
                CursorMoves::AfterEachPage => until,
                CursorMoves::ToTheEndAtOnce => newest,
            };
            let until = if keeps_cursor { 0 } else { until };
            self.rebase(store, Page { rows: &rows, answers: &answers, until, cursor, more }, cx);
        } else {
            let initial = full || store.number(Cell::Ready) == 0;
            for row in &rows {
                self.merge_row(store, row, initial, cx);
            }
            for answer in &answers {
                self.settle(store, answer.op, answer.verdict, answer.commit, cx);
            }
            let to_the_end = self.policy.cursor_moves == CursorMoves::ToTheEndAtOnce;
            store.set_number(Cell::Commit, i64::from(if to_the_end { newest } else { until }));
        }
        let tells = !rows.is_empty() && self.policy.pull == Pull::SinceCommit && asked.types == 0;
        if tells && (!more || self.policy.up_to_date == UpToDate::AfterAnyPage) {
            cx.tell(OpId::NONE, Word::UpToDate);
        }
        if more {
            cx.reach(goal::SECOND_PAGE);
            return self.ask(store, until, full, asked.types, cx);
        }
        store.set_number(Cell::Ready, 1);
        self.finishing = false;
        if full {
            store.set_number(Cell::Downloads, store.number(Cell::Downloads) + 1);
        }
        if let Some(full) = self.pull_again.take() {
            self.pull(store, full, cx);
        }
    }

    /// The server's rows become the base; ops that it already holds go; what is still pending is applied again.
    pub(super) fn rebase(&mut self, store: &mut St, page: Page<'_>, cx: &mut Context<Wire>) {
        let Page { rows, answers, until, cursor, more } = page;
        let mut touched: Vec<(Entity, Key, OpId)> = Vec::new();
        let newcomer = store.number(Cell::Ready) == 0;
        for row in rows {
            let known = store.row(Copy::Base, row.entity, row.key);
            if row.entity == SALE_ITEM
                && self.policy.initial_lines == InitialLines::Dropped
                && store.row(Copy::Visible, row.entity, row.key).is_none()
            {
                continue;
            }
            if known.is_none_or(|known| known.version <= row.version) {
                store.put_row(Copy::Base, row);
                touched.push((row.entity, row.key, OpId::NONE));
            }
            if row.entity == STOCK_MOVEMENT && self.policy.movements == MovementMerge::Additive && known.is_none() {
                self.add_movement(store, row, &mut touched);
            }
        }
        for answer in answers {
            let items = super::drain::items_of(store, answer.op);
            let waiting = items.iter().any(|item| item.status != Status::Synced);
            let accepted = answer.verdict == Verdict::Accepted;
            let later = |other: &Answer| other.op == answer.op && other.commit > answer.commit;
            if self.is_overtaken(&items, answer) || newcomer && answers.iter().any(later) {
                continue;
            }
            if self.is_quiet(answer.verdict) {
                self.pass_over(store, &items);
                continue;
            }
            if accepted && waiting {
                self.keep_settled(store, answer.op, answer.verdict);
                cx.tell(answer.op, Word::Synced);
            } else if !accepted && (waiting || newcomer) {
                cx.reach(goal::REJECTED_AFTER_RECEIPT);
                self.notify(store, answer.op, answer.verdict, cx);
            }
            if !accepted {
                self.unchain_later(store, &items);
                self.cascade(store, &items, answer.verdict, cx);
            }
            let owner = if accepted { OpId::NONE } else { answer.op };
            for mut item in items {
                touched.push((item.row.entity, item.row.key, owner));
                if accepted {
                    item.status = Status::Synced;
                    item.commit = answer.commit;
                    store.put_item(&item);
                } else {
                    store.remove_item(item.seq);
                }
            }
        }
        let mut settled: Vec<Item> = Vec::new();
        store.each_item(&mut |item| {
            if item.status == Status::Synced && item.commit <= until && !more {
                settled.push(*item);
            }
        });
        self.keep(store, &settled, cx);
        for item in settled {
            store.remove_item(item.seq);
            if self.policy.tie == Tie::EachKeepsOwn {
                self.keep_tied(store, &item);
            }
            touched.push((item.row.entity, item.row.key, OpId::NONE));
        }
        if i64::from(cursor) > store.number(Cell::Commit) {
            store.set_number(Cell::Commit, i64::from(cursor));
        }
        if !more {
            self.tell_lost(store, cx);
        }
        touched.sort_unstable();
        touched.dedup_by_key(|(entity, key, _)| (*entity, *key));
        for (entity, key, owner) in touched {
            let why = if owner.is_some() { Why::RolledBack } else { Why::Copied };
            self.derive(store, entity, key, owner, why, cx);
        }
    }

    /// A movement that comes down changes the stock, although the product's own row holds it already.
    fn add_movement(&self, store: &mut St, movement: &Row, touched: &mut Vec<(Entity, Key, OpId)>) {
        let product = movement.get(field::MOVED_PRODUCT).as_key().unwrap_or(Key::NONE);
        if let Some(mut row) = store.row(Copy::Base, PRODUCT, product) {
            let stock = row.get(field::STOCK).or_zero() + movement.get(field::MOVED_QUANTITY).or_zero();
            row.set(field::STOCK, Value::int(stock), movement.origin);
            store.put_row(Copy::Base, &row);
            touched.push((PRODUCT, product, OpId::NONE));
        }
    }

    /// Tells which ops of this device lost a conflict after they had been accepted, once what took their place is here.
    fn tell_lost(&self, store: &mut St, cx: &mut Context<Wire>) {
        let mut lost = Vec::new();
        store.each_of(Copy::Base, Entity::CONFLICT, &mut |row| {
            if row.actor == self.me.0 && !super::decide::is_overruled(row) {
                let by = OpId(row.get(1).or_zero() as u32);
                let open = super::decide::is_open(row);
                let verdict = if open { Verdict::Manual } else { Verdict::Superseded { by } };
                lost.push((OpId(row.get(0).or_zero() as u32), verdict));
            }
        });
        for (loser, verdict) in lost {
            if store.answer(u64::from(loser.0)).is_none() {
                self.notify(store, loser, verdict, cx);
            }
        }
    }

    /// One row of the server meets the local one.
    fn merge_row(&self, store: &mut St, theirs: &Row, initial: bool, cx: &mut Context<Wire>) {
        let mut theirs = *theirs;
        theirs.state = RowState::Synced;
        if self.policy.rollback_stock == RollbackStock::Derived {
            store.put_row(Copy::Base, &theirs);
        }
        if theirs.entity == SALE_ITEM {
            match self.policy.initial_lines {
                InitialLines::Dropped => return,
                InitialLines::Added if !initial => {}
                InitialLines::Added => {
                    let again = store.number(Cell::Downloads);
                    if again > 0 {
                        theirs.key = Key(theirs.key.0 | (again as u64) << 48);
                    }
                }
                InitialLines::ByIdentity => {}
            }
        }
        let mut rows = Reported { store, cx };
        let Some(ours) = rows.get(theirs.entity, theirs.key) else {
            rows.put_over(None, &theirs, OpId::NONE, Why::Copied);
            if theirs.entity == STOCK_MOVEMENT && self.policy.movements == MovementMerge::Additive {
                let product = theirs.get(field::MOVED_PRODUCT).as_key().unwrap_or(Key::NONE);
                if let Some(mut row) = rows.get(PRODUCT, product) {
                    let stock = row.get(field::STOCK).or_zero() + theirs.get(field::MOVED_QUANTITY).or_zero();
                    row.set(field::STOCK, Value::int(stock), theirs.origin);
                    rows.put(&row, OpId::NONE, Why::Copied);
                }
            }
            return;
        };
        if self.policy.merge == Merge::OverwriteAndMark {
            self.mark_overwritten(rows.store, &ours, rows.cx);
        }
        let differs = ours.fields != theirs.fields;
        if self.policy.merge == Merge::LastWrite && theirs.stamp < ours.stamp {
            if differs {
                rows.cx.count(Metric::LocalWins);
                rows.cx.count(Metric::ConflictsDeviceKept);
            }
            return;
        }
        if ours.state == RowState::Pending && differs {
            rows.cx.count(Metric::ConflictsServerKept);
        }
        if self.policy.created == Created::Kept {
            theirs.created = ours.created;
        }
        rows.put_over(Some(ours), &theirs, OpId::NONE, Why::Copied);
    }
}
