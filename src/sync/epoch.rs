//! What a device does once the server has been restored from a backup: everything that it was told may be undone.
//!
//! Every message names the epoch that its sender knows, and a server does nothing for a device of another epoch but say
//! so. The device then downloads everything, and enters the new epoch in one transaction: what was accepted is queued
//! again in its old order, as far as the restored server does not say that it has it. For that, accepted items are kept
//! beside the outbox for a while. The keys make sure that nothing takes effect twice.

use super::device::{Device, channel};
use super::download::Page;
use super::message::{Body, Wire};
use super::policy::*;
use crate::model::{Entity, Key, Row};
use crate::sim::{OpId, Span};
use crate::store::{Answer, Cell, Copy, Item, Status, Store};
use crate::system::{Context, Timer, Why};

/// A backup is at most so old when it is restored: what was queued before that is surely in it.
const OLDEST_BACKUP: Span = Span::days(7);

/// A download from a server that was restored: applied as a whole, once it is complete.
pub struct CatchUp {
    pub(super) epoch: u32,
    rows: Vec<Row>,
    answers: Vec<Answer>,
}

impl<St: Store> Device<St> {
    /// Keeps items that leave the outbox because the server has them.
    pub(super) fn keep(&self, store: &mut St, items: &[Item], cx: &Context<Wire>) {
        if self.policy.after_restore == AfterRestore::TrustsItsMarks || items.is_empty() {
            return;
        }
        items.iter().for_each(|item| store.keep(item));
        store.forget_kept(self.now(store, cx) - OLDEST_BACKUP.0 as i64);
    }

    /// A message from an epoch that is over, or from a server that has been restored since.
    pub(super) fn other_epoch(&mut self, store: &mut St, wire: Wire, cx: &mut Context<Wire>) {
        if wire.epoch < self.epoch {
            return;
        }
        let ahead = self.catching_up.as_ref().map_or(self.epoch, |ahead| ahead.epoch);
        match wire.body {
            Body::Pushed { .. } => self.push_failed(store, wire.ticket, true, cx),
            Body::Held { .. } => self.hold_answered(store, wire.ticket, &[], cx),
            Body::Pulled { .. } if wire.epoch == ahead => return self.collect(store, wire.ticket, wire.body, cx),
            Body::Pulled { .. } => {
                self.pull_failed(wire.ticket, cx);
                cx.cancel_timer(Timer { channel: channel::PULL_TIME_OUT, number: wire.ticket });
            }
            _ => {}
        }
        if wire.epoch > ahead {
            if let Some(pulling) = self.pulling.take() {
                cx.cancel_timer(Timer { channel: channel::PULL_TIME_OUT, number: pulling.ticket });
            }
            self.catching_up = Some(CatchUp { epoch: wire.epoch, rows: Vec::new(), answers: Vec::new() });
            self.ask(store, 0, true, 0, cx);
        }
    }

    /// One page of the download.
    fn collect(&mut self, store: &mut St, ticket: u32, body: Body, cx: &mut Context<Wire>) {
        let Body::Pulled { rows, answers, identities, since, until, more, failed, .. } = body else { return };
        let Some(asked) = self.pulling.filter(|pulling| pulling.ticket == ticket) else { return };
        self.pulling = None;
        cx.cancel_timer(Timer { channel: channel::PULL_TIME_OUT, number: ticket });
        cx.sync_ended(asked.began, !failed);
        let Some(mut ahead) = self.catching_up.take().filter(|_| !failed && asked.since == since) else { return };
        for (entity, from, to) in identities {
            self.adopt(store, entity, from, to, cx);
        }
        ahead.rows.extend(rows);
        ahead.answers.extend(answers);
        if more {
            self.catching_up = Some(ahead);
            return self.ask(store, until, true, 0, cx);
        }
        self.enter(store, &ahead, until, cx);
        self.finishing = false;
        self.drain(store, cx);
        if let Some(full) = self.pull_again.take() {
            self.pull(store, full, cx);
        }
    }

    /// Everything that came from the server is replaced; what it was sent before is queued again, unless it has it.
    fn enter(&mut self, store: &mut St, ahead: &CatchUp, until: u32, cx: &mut Context<Wire>) {
        self.epoch = ahead.epoch;
        store.set_number(Cell::Epoch, i64::from(ahead.epoch));
        for drain in std::mem::take(&mut self.drains) {
            cx.cancel_timer(Timer { channel: channel::PUSH_TIME_OUT, number: drain.ticket });
        }
        let mut sent: Vec<Item> = Vec::new();
        store.each_kept(&mut |item| sent.push(*item));
        store.each_item(&mut |item| {
            if matches!(item.status, Status::Synced | Status::Syncing) {
                sent.push(*item);
            }
        });
        store.forget_kept(i64::MAX);
        for item in &sent {
            let tries =
                if self.policy.after_restore == AfterRestore::Reimports { ahead.epoch as u8 } else { item.tries };
            store.put_item(&Item { status: Status::Pending, request: 0, commit: 0, tries, ..*item });
            // Whatever the user was told of it is decided again.
            store.remove_answer(u64::from(item.op.0));
        }
        let mut shown: Vec<(Entity, Key)> = Vec::new();
        store.each_row(Copy::Visible, &mut |row| shown.push((row.entity, row.key)));
        let mut based: Vec<(Entity, Key)> = Vec::new();
        store.each_row(Copy::Base, &mut |row| based.push((row.entity, row.key)));
        for (entity, key) in based.into_iter().filter(|(entity, key)| !super::escrow::is_own_record(*entity, *key)) {
            store.remove_row(Copy::Base, entity, key);
        }
        store.set_number(Cell::Commit, 0);
        let anew = self.policy.after_restore == AfterRestore::Reimports;
        let answers = if anew { &[][..] } else { &ahead.answers };
        self.rebase(store, Page { rows: &ahead.rows, answers, until, cursor: until, more: false }, cx);
        store.set_number(Cell::Ready, 1);
        shown.extend(sent.iter().map(|item| (item.row.entity, item.row.key)));
        shown.sort_unstable();
        shown.dedup();
        for (entity, key) in shown {
            self.derive(store, entity, key, OpId::NONE, Why::Copied, cx);
        }
    }
}
