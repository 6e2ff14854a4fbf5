//! A device of our engine: what it does when something happens to it.
//!
//! Triggers and time-outs live here; how an op is written is in `local.rs`, how the outbox drains in `drain.rs`, how
//! downloads are merged in `download.rs`.

use super::download::Pulling;
use super::drain::{Drain, Race};
use super::epoch::CatchUp;
use super::escrow::Asking;
use super::local::Writing;
use super::message::{Body, Wire};
use super::policy::*;
use crate::model::command::{CLEAR_QUEUE, DECIDE, REFRESH, SYNC};
use crate::model::domain::Promise;
use crate::model::retail::{ADD_TO_CART, COMPLETE};
use crate::model::{Domain, Entity, Key, Op, Row, Verb};
use crate::sim::{Cause, Channel, NodeId, OpId, Span};
use crate::store::{Cell, Copy, Status, Store};
use crate::system::{Context, Dot, Input, Lamp, Metric, Node, Pending, PendingState, Timer, Word};
use std::marker::PhantomData;

/// The engine's channels and timers, in the order of [`CHANNELS`].
pub mod channel {
    #![allow(missing_docs)]
    use crate::sim::Channel;
    pub const PUSH: Channel = Channel(1);
    pub const PULL: Channel = Channel(2);
    pub const PUSH_TICK: Channel = Channel(3);
    pub const PULL_TICK: Channel = Channel(4);
    pub const PUSH_TIME_OUT: Channel = Channel(5);
    pub const PULL_TIME_OUT: Channel = Channel(6);
    pub const RETRY: Channel = Channel(7);
    pub const DEBOUNCE: Channel = Channel(8);
    pub const RACE: Channel = Channel(9);
    pub const HOLD: Channel = Channel(10);
    pub const HOLD_TIME_OUT: Channel = Channel(11);
    pub const NOTICE: Channel = Channel(12);
    pub const LOGIN: Channel = Channel(13);
    pub const LOGIN_TIME_OUT: Channel = Channel(14);
}

/// Names of the engine's channels and timers.
pub const CHANNELS: &[&str] = &[
    "push",
    "pull",
    "push-tick",
    "pull-tick",
    "push-time-out",
    "pull-time-out",
    "retry",
    "debounce",
    "race",
    "hold",
    "hold-time-out",
    "notice",
    "login",
    "login-time-out",
];

/// Goals of the engine, by number.
pub mod goal {
    #![allow(missing_docs)]
    pub const KEY_EXPIRED: u32 = 0;
    pub const KEY_HIT: u32 = 1;
    pub const LATE_ANSWER: u32 = 2;
    pub const REQUEUED: u32 = 3;
    pub const DEBOUNCED_AGAIN: u32 = 4;
    pub const PULL_OVER_PENDING: u32 = 5;
    pub const EDIT_CONFLICT: u32 = 6;
    pub const REFUSED_AT_TILL: u32 = 7;
    pub const REJECTED_AFTER_RECEIPT: u32 = 8;
    pub const SECOND_PAGE: u32 = 9;
    pub const BATCH_SPLIT: u32 = 10;
    pub const RACE_LOST: u32 = 11;
    pub const GIVEN_UP: u32 = 12;
    pub const CART_LOST: u32 = 13;
    pub const INTERLEAVED: u32 = 14;
    pub const TOKEN_EXPIRED: u32 = 15;
}

/// Names of the goals.
pub const GOALS: &[&str] = &[
    "key-expired-then-retried",
    "answered-from-a-stored-key",
    "answer-after-time-out",
    "requeued-after-restart",
    "debounce-restarted",
    "pull-over-pending-ops",
    "two-edits-met",
    "refused-at-the-till",
    "rejected-after-the-receipt",
    "second-page-pulled",
    "sale-split-over-batches",
    "race-lost",
    "given-up",
    "cart-lost-with-the-app",
    "two-pushes-interleaved",
    "token-expired-between-syncs",
];

/// The goals that a policy cannot reach in a business, one bit each.
pub fn out_of_reach(policy: &Policy, domain: &Domain) -> u64 {
    let mut bits = 0;
    let mut never = |goal: u32, when: bool| bits |= u64::from(when) << goal;
    never(goal::KEY_EXPIRED, policy.idempotency == Idempotency::None || policy.key_life == 0);
    never(goal::KEY_HIT, policy.idempotency == Idempotency::None);
    never(goal::REQUEUED, policy.restart == Restart::Leave);
    never(goal::DEBOUNCED_AGAIN, policy.after_edit != AfterEdit::Debounced);
    never(goal::PULL_OVER_PENDING, policy.pull == Pull::Never);
    never(goal::EDIT_CONFLICT, policy.edits != EditRule::ByField || !policy.by_op());
    never(goal::REFUSED_AT_TILL, policy.till_check == TillCheck::None);
    let told = policy.by_op() || policy.rollback_on != RollbackOn::Never;
    never(goal::REJECTED_AFTER_RECEIPT, !told || policy.validation == Validation::None);
    never(goal::SECOND_PAGE, policy.pull != Pull::SinceCommit || policy.page == 0);
    never(goal::BATCH_SPLIT, policy.allocation == Allocation::None || !policy.by_op());
    never(goal::RACE_LOST, policy.receipt == Receipt::AtOnce);
    never(goal::GIVEN_UP, policy.retries == 0);
    never(goal::BATCH_SPLIT, domain.expiry.is_none());
    never(goal::TOKEN_EXPIRED, policy.token_life == 0);
    never(goal::CART_LOST, domain.verbs.iter().all(|verb| verb.promise != Promise::Preparation));
    bits
}

/// A device.
pub struct Device<St: Store> {
    pub(super) policy: Policy,
    pub(super) domain: &'static Domain,
    pub(super) me: NodeId,
    pub(super) online: bool,
    pub(super) tickets: u32,
    pub(super) drains: Vec<Drain>,
    pub(super) again: bool,
    /// A critical error has stopped all syncing until the user acts.
    pub(super) stopped: bool,
    /// Nothing is sent until something ends the pause.
    pub(super) paused: bool,
    /// A drain's first read: its request and what it marked.
    pub(super) marked: Option<(u32, Vec<u32>)>,
    /// What temporary identities became, where the disk is not told.
    pub(super) identities: Vec<(Entity, Key, Key)>,
    /// Who is logged in.
    pub(super) session: Option<u16>,
    pub(super) failures: u32,
    pub(super) races: Vec<Race>,
    pub(super) pulling: Option<Pulling>,
    pub(super) pull_again: Option<bool>,
    pub(super) writing: Vec<Writing>,
    pub(super) carts: Vec<(OpId, Vec<i64>)>,
    pub(super) finishing: bool,
    /// Rows whose ops go first, where an op that lost a conflict jumps the queue.
    pub(super) urgent: Vec<(Entity, Key)>,
    pub(super) asking: Vec<Asking>,
    /// How often the server had been restored when everything here came from it.
    pub(super) epoch: u32,
    /// What has come of a download from a server that was restored again.
    pub(super) catching_up: Option<CatchUp>,
    /// The request for a token that waits for its answer.
    pub(super) logging_in: Option<u32>,
    /// Tokens that were not accepted for anything yet.
    pub(super) unused_tokens: u32,
    debounced: bool,
    shown: Option<Lamp>,
    store: PhantomData<St>,
}

impl<St: Store> Device<St> {
    /// A device that has just started.
    pub fn new(policy: Policy, domain: &'static Domain, me: NodeId) -> Self {
        Device {
            policy,
            domain,
            me,
            online: true,
            tickets: 0,
            drains: Vec::new(),
            again: false,
            stopped: false,
            paused: false,
            marked: None,
            identities: Vec::new(),
            session: None,
            failures: 0,
            races: Vec::new(),
            pulling: None,
            pull_again: None,
            writing: Vec::new(),
            carts: Vec::new(),
            finishing: false,
            urgent: Vec::new(),
            asking: Vec::new(),
            epoch: 0,
            catching_up: None,
            logging_in: None,
            unused_tokens: 0,
            debounced: false,
            shown: None,
            store: PhantomData,
        }
    }

    fn boot(&mut self, store: &mut St, cx: &mut Context<Wire>) {
        // Answers to an earlier process must not be taken for answers to this one.
        let boots = store.number(Cell::Boots) + 1;
        store.set_number(Cell::Boots, boots);
        self.tickets = (boots as u32) << 12;
        self.epoch = store.number(Cell::Epoch) as u32;
        if self.policy.restart == Restart::Requeue {
            let mut stuck = Vec::new();
            store.each_item(&mut |item| {
                if item.status == Status::Syncing {
                    stuck.push(*item);
                }
            });
            for mut item in stuck {
                cx.reach(goal::REQUEUED);
                if self.policy.counts_as_failure == CountsAs::AnyFailure {
                    self.item_failed(store, item, cx);
                    continue;
                }
                item.status = Status::Pending;
                store.put_item(&item);
            }
        }
        let mut notices = Vec::new();
        store.answers_since(0, &mut |notice| notices.push(*notice));
        notices.retain(|notice| !self.is_settled_since(store, notice));
        for notice in notices {
            cx.tell(notice.op, super::drain::word_for(notice.verdict));
        }
        self.tick(channel::PUSH_TICK, self.policy.push_every, cx);
        self.tick(channel::PULL_TICK, self.policy.pull_every, cx);
        if boots & 0xff > 1 || store.number(Cell::Token) == 0 {
            self.user_logs_in(cx);
        }
        if store.number(Cell::Ready) == 0 {
            self.pull(store, true, cx);
        } else if self.policy.escrow == Escrow::Shares {
            self.drain(store, cx);
            self.pull(store, false, cx);
        } else if self.policy.sync_on_start && matches!(cx.cause(), Cause::Boot(n) if n > 1) {
            self.drain(store, cx);
            self.pull_on_trigger(store, cx);
        }
    }

    fn tick(&self, channel: Channel, every: u64, cx: &mut Context<Wire>) {
        if every > 0 {
            cx.set_timer(Timer { channel, number: 0 }, Span::millis(every), None);
        }
    }

    fn act(&mut self, store: &mut St, op: Op, cx: &mut Context<Wire>) {
        self.session = Some(op.user);
        match op.verb {
            SYNC => {
                self.stopped = false;
                if op.value(0) != 2 {
                    self.drain(store, cx);
                }
                if op.value(0) != 1 {
                    self.pull(store, false, cx);
                }
            }
            REFRESH => {
                if self.policy.refresh == Refresh::DropsOutbox && self.online {
                    let mut seqs = Vec::new();
                    store.each_item(&mut |item| seqs.push(item.seq));
                    seqs.into_iter().for_each(|seq| store.remove_item(seq));
                }
                self.pull(store, true, cx);
            }
            CLEAR_QUEUE => self.clear_queue(store, cx),
            DECIDE if self.decide(store, &op, cx) => {
                self.drain(store, cx);
            }
            DECIDE => cx.tell(op.id, Word::Refused),
            ADD_TO_CART => self.fill_cart(store, &op),
            _ => {
                if op.verb == COMPLETE && !self.carts.iter().any(|(cart, _)| *cart == op.earlier) {
                    cx.reach(goal::CART_LOST);
                }
                if self.write_op(store, op, cx) {
                    self.written(store, op.verb, op.id, cx);
                }
            }
        }
    }

    /// The op is on the device: the receipt, and whatever follows.
    pub(super) fn written(&mut self, store: &mut St, verb: Verb, op: OpId, cx: &mut Context<Wire>) {
        let sale = self.domain.receipts.contains(&verb);
        if sale && self.policy.receipt != Receipt::AtOnce {
            match self.drain(store, cx) {
                Some(ticket) => {
                    self.races.push(Race { op, ticket });
                    let timer = Timer { channel: channel::RACE, number: op.0 };
                    cx.set_timer(timer, Span::millis(self.policy.race), Some(Cause::Op(op)));
                }
                None => cx.tell(op, Word::Saved),
            }
        } else {
            cx.tell(op, Word::Saved);
        }
        if sale {
            if self.policy.after_sale == AfterSale::Push {
                self.drain(store, cx);
            }
            return;
        }
        match self.policy.after_edit {
            AfterEdit::Nothing => {}
            AfterEdit::Push => {
                self.drain(store, cx);
            }
            AfterEdit::Debounced | AfterEdit::DebouncedOnly => {
                if self.debounced {
                    cx.reach(goal::DEBOUNCED_AGAIN);
                }
                self.debounced = true;
                if self.policy.after_edit == AfterEdit::DebouncedOnly {
                    self.tick(channel::PUSH_TICK, self.policy.push_every, cx);
                }
                let timer = Timer { channel: channel::DEBOUNCE, number: 0 };
                cx.set_timer(timer, Span::millis(self.policy.debounce), Some(Cause::Op(op)));
            }
        }
    }

    fn timer(&mut self, store: &mut St, timer: Timer, cx: &mut Context<Wire>) {
        match timer.channel {
            channel::PUSH_TICK => {
                self.tick(channel::PUSH_TICK, self.policy.push_every, cx);
                self.drain(store, cx);
            }
            channel::PULL_TICK => {
                self.tick(channel::PULL_TICK, self.policy.pull_every, cx);
                self.pull_on_trigger(store, cx);
            }
            channel::PUSH_TIME_OUT => {
                cx.count(Metric::TimeOuts);
                self.push_failed(store, timer.number, false, cx);
            }
            channel::PULL_TIME_OUT => {
                cx.count(Metric::TimeOuts);
                self.pull_failed(timer.number, cx);
            }
            channel::LOGIN_TIME_OUT => self.log_in_again(cx),
            channel::RETRY => {
                cx.count(Metric::Retries);
                self.drain(store, cx);
            }
            channel::DEBOUNCE => {
                self.debounced = false;
                self.drain(store, cx);
            }
            channel::HOLD_TIME_OUT => self.hold_answered(store, timer.number, &[], cx),
            channel::RACE => self.race_lost(OpId(timer.number), cx),
            _ => unreachable!("only the engine's own timers fire"),
        }
    }

    fn message(&mut self, store: &mut St, wire: Wire, cx: &mut Context<Wire>) {
        if !wire.is_intact() {
            return;
        }
        let offset = wire.server_time - cx.uptime().0 as i64;
        if offset > store.number(Cell::Offset) {
            store.set_number(Cell::Offset, offset);
        }
        // Who may ask has nothing to do with which copy of the data answers.
        let about_token = matches!(wire.body, Body::Token { .. } | Body::Unauthorised);
        if wire.epoch != self.epoch && !about_token {
            return self.other_epoch(store, wire, cx);
        }
        match wire.body {
            Body::Pushed { results, met, failed } => self.pushed(store, wire.ticket, &results, &met, failed, cx),
            Body::Pulled { .. } => self.pulled(store, wire.ticket, wire.body, cx),
            Body::Held { rows } => self.hold_answered(store, wire.ticket, &rows, cx),
            Body::Notice => self.pull(store, store.number(Cell::Ready) == 0, cx),
            Body::Token { until } => self.logged_in(store, wire.ticket, until, cx),
            Body::Unauthorised => self.unauthorised(store, wire.ticket, cx),
            Body::Push { .. } | Body::Pull { .. } | Body::Hold { .. } | Body::Login => {}
        }
    }

    fn show_lamp(&mut self, store: &St, cx: &mut Context<Wire>) {
        let missing = self.policy.lamp == LampCounts::MissingStore && self.store_is_missing(store);
        let (mut counted, mut failed): (Vec<OpId>, _) = (Vec::new(), false);
        store.each_item(&mut |item| {
            let counts = match self.policy.lamp {
                LampCounts::Waiting => item.status == Status::Pending,
                LampCounts::Unsynced | LampCounts::MissingStore => item.status != Status::Synced,
            };
            let counts = counts && !missing;
            if counts && counted.last() != Some(&item.op) && !counted.contains(&item.op) {
                counted.push(item.op);
            }
            failed |= item.status == Status::Failed && !missing;
        });
        let count = counted.len() as u32;
        let dot = match (failed || self.stopped, count) {
            (true, _) => Dot::Red,
            (false, 0) => Dot::Green,
            _ => Dot::Yellow,
        };
        let lamp = Lamp { pending: count, dot };
        if self.shown != Some(lamp) {
            self.shown = Some(lamp);
            cx.show(lamp);
        }
    }
}

impl<St: Store> Node for Device<St> {
    type Message = Wire;
    type Disk = St;

    fn handle(&mut self, store: &mut St, input: Input<Wire>, cx: &mut Context<Wire>) {
        match input {
            Input::Booted => self.boot(store, cx),
            Input::Op(op) => self.act(store, op, cx),
            Input::Message { message, .. } => self.message(store, message, cx),
            Input::Timer(timer) => self.timer(store, timer, cx),
            Input::Resume(super::outbox::SECOND_READ) => self.read_again(store, cx),
            Input::Resume(task) => {
                if let Some(op) = self.write_more(store, task, cx) {
                    self.written(store, op.verb, op.id, cx);
                }
            }
            Input::Unreachable { message, .. } => match message.body {
                Body::Hold { .. } => self.hold_answered(store, message.ticket, &[], cx),
                // The time-out of a login stays set, and asks again.
                Body::Login => {}
                Body::Push { .. } if self.waits_for_connection(channel::PUSH_TIME_OUT, message.ticket, cx) => {}
                Body::Push { .. } => self.push_failed(store, message.ticket, false, cx),
                _ if self.waits_for_connection(channel::PULL_TIME_OUT, message.ticket, cx) => {}
                _ => self.pull_failed(message.ticket, cx),
            },
            Input::Link { online } => {
                self.online = online;
                self.link_changed();
                if online && matches!(self.policy.reconnect, Reconnect::Push | Reconnect::PushAndPull) {
                    self.drain(store, cx);
                    if self.policy.reconnect == Reconnect::PushAndPull {
                        self.pull_on_trigger(store, cx);
                    }
                }
            }
            Input::Finish if self.policy.pull != Pull::Never => {
                self.finishing = true;
                self.pulling = None;
                self.pull(store, false, cx);
            }
            Input::Finish => {}
            Input::Foreground => {
                self.user_logs_in(cx);
                if self.policy.sync_on_start {
                    self.drain(store, cx);
                    self.pull_on_trigger(store, cx);
                }
            }
            Input::Garbled { .. } | Input::Overloaded { .. } => {}
        }
        self.show_lamp(store, cx);
    }

    fn finished(&self) -> bool {
        !self.finishing
    }

    fn rows(&self, store: &St, visit: &mut dyn FnMut(&Row)) {
        store.each_row(Copy::Visible, visit);
    }

    fn pending(&self, store: &St, visit: &mut dyn FnMut(Pending)) {
        store.each_item(&mut |item| {
            let state = match item.status {
                Status::Pending => PendingState::Queued,
                Status::Syncing => PendingState::InFlight,
                Status::Failed => PendingState::GivenUp,
                Status::Synced => return,
            };
            visit(Pending { op: item.op, state });
        });
    }
}
