//! Authentication and the wire's envelope: a token with a life, what a 401 does, how long a device waits for what.
//!
//! The server looks at the token before it looks at anything else, so a request that it answers with 401 had no effect.
//! Who the user is and what they may do is not asked here.

use super::device::{Device, channel, goal};
use super::message::{Body, Wire, server_micros};
use super::policy::*;
use super::server::Server;
use crate::model::{Class, Row, Value};
use crate::sim::{Cause, Channel, NodeId, OpId, Span};
use crate::store::{Action, Cell, Item, Status, Store};
use crate::system::{Context, Metric, Timer};

impl<St: Store> Device<St> {
    /// A request as it goes out: with the token that the device has.
    pub(super) fn signed(&self, store: &St, wire: Wire) -> Wire {
        Wire { token: store.number(Cell::Token), delta: self.policy.payload != Payload::Rows, ..wire }
    }

    /// Edits leave out what they do not set.
    pub(super) fn leave_out(&self, items: &mut [Item]) {
        if self.policy.payload == Payload::Rows {
            return;
        }
        for item in items.iter_mut().filter(|item| item.action == Action::Update) {
            let fields = self.domain.fields(item.row.entity).iter().enumerate();
            for (index, _) in fields.filter(|(index, spec)| item.mask & 1 << index == 0 && spec.class == Class::Plain) {
                item.row.fields[index] = Value::MISSING;
            }
        }
    }

    /// How long the device waits for the answer to a pull.
    pub(super) fn read_time_out(&self) -> Span {
        Span::millis(if self.policy.read_time_out == 0 { self.policy.time_out } else { self.policy.read_time_out })
    }

    /// There is no connection. Whether the device goes on trying for a while: its time-out is moved to the end of that.
    pub(super) fn waits_for_connection(&self, time_out: Channel, ticket: u32, cx: &mut Context<Wire>) -> bool {
        let open = match time_out {
            channel::PUSH_TIME_OUT => self.drains.iter().any(|drain| drain.ticket == ticket),
            _ => self.pulling.is_some_and(|pulling| pulling.ticket == ticket),
        };
        let waits = self.policy.connect_time_out > 0 && open;
        if waits {
            let cause = cx.cause();
            let named = if matches!(cause, Cause::Op(_)) { Some(cause) } else { None };
            cx.set_timer(
                Timer { channel: time_out, number: ticket },
                Span::millis(self.policy.connect_time_out),
                named,
            );
        }
        waits
    }

    /// Whether nothing is sent until a token has come.
    pub(super) fn waits_for_token(&self) -> bool {
        self.logging_in.is_some() && self.policy.unauthorised == Unauthorised::Pauses
    }

    /// The user opens the app: where nothing else renews a token, this does.
    pub(super) fn user_logs_in(&mut self, cx: &mut Context<Wire>) {
        if self.policy.unauthorised == Unauthorised::CountsAsFailure {
            self.log_in(cx);
        }
    }

    fn log_in(&mut self, cx: &mut Context<Wire>) {
        if self.policy.token_life == 0 || self.logging_in.is_some() {
            return;
        }
        self.tickets += 1;
        let ticket = self.tickets;
        self.logging_in = Some(ticket);
        let wire = Wire::new(ticket, 0, self.epoch, self.policy.integrity, Body::Login);
        cx.send(NodeId::SERVER, channel::LOGIN, cx.cause(), [], wire);
        let wait = if self.policy.connect_time_out == 0 { self.policy.time_out } else { self.policy.connect_time_out };
        // An answer that never comes must not be waited for at once.
        cx.set_timer(LOGIN, Span::millis(wait.max(1_000)), None);
    }

    /// No token has come, or it is time to ask for the next: an offline device waits for its link.
    pub(super) fn log_in_again(&mut self, cx: &mut Context<Wire>) {
        self.logging_in = None;
        if self.online {
            self.log_in(cx);
        }
    }

    /// A token: whatever waited for it goes on.
    pub(super) fn logged_in(&mut self, store: &mut St, ticket: u32, until: i64, cx: &mut Context<Wire>) {
        if self.logging_in != Some(ticket) {
            return;
        }
        self.logging_in = None;
        self.unused_tokens += 1;
        cx.cancel_timer(LOGIN);
        store.set_number(Cell::Token, until);
        self.drain(store, cx);
        let full = self.pull_again.take() == Some(true) || store.number(Cell::Ready) == 0;
        self.pull(store, full, cx);
    }

    /// HTTP 401.
    pub(super) fn unauthorised(&mut self, store: &mut St, ticket: u32, cx: &mut Context<Wire>) {
        cx.count(Metric::TokensExpired);
        cx.reach(goal::TOKEN_EXPIRED);
        let pauses = self.policy.unauthorised == Unauthorised::Pauses;
        if let Some(pulling) = self.pulling.filter(|pulling| pulling.ticket == ticket) {
            let again = self.pull_again == Some(true) || pulling.full;
            cx.cancel_timer(Timer { channel: channel::PULL_TIME_OUT, number: ticket });
            self.pull_failed(ticket, cx);
            self.pull_again = pauses.then_some(again);
        } else if let Some(place) = self.drains.iter().position(|drain| drain.ticket == ticket) {
            if pauses {
                let drain = self.drains.remove(place);
                drain.taken_out.iter().for_each(|item| store.put_item(item));
                cx.cancel_timer(Timer { channel: channel::PUSH_TIME_OUT, number: ticket });
                cx.sync_ended(drain.began, false);
                self.requeue(store, &drain.seqs, Status::Pending, cx);
            } else {
                self.push_failed(store, ticket, true, cx);
            }
        } else {
            self.hold_answered(store, ticket, &[], cx);
        }
        if !pauses || self.logging_in.is_some() {
            return;
        }
        if self.unused_tokens == 0 {
            return self.log_in(cx);
        }
        // The last token had expired before it was of any use: the next is not asked for at once.
        self.logging_in = Some(0);
        cx.set_timer(LOGIN, self.policy.delay(self.unused_tokens).max(Span::secs(1)), None);
    }
}

/// The timer of a login: what it asks for has not come, or may be asked for again.
const LOGIN: Timer = Timer { channel: channel::LOGIN_TIME_OUT, number: 0 };

impl<St: Store> Server<St> {
    /// What an edit left out is emptied, where the server takes what comes for the whole row.
    pub(super) fn empty_left_out(&self, row: &mut Row, mask: u8, op: OpId) {
        if self.policy.payload != Payload::ChangedFieldsAlone {
            return;
        }
        for (index, spec) in self.domain.fields(row.entity).iter().enumerate() {
            if mask & 1 << index == 0 && spec.class == Class::Plain {
                row.set(index as u8, Value::NULL, op);
            }
        }
    }

    /// Answers what is about tokens. Whether there is nothing more to do.
    pub(super) fn authenticates(&self, from: NodeId, wire: &Wire, cx: &mut Context<Wire>) -> bool {
        let body = match wire.body {
            Body::Login => Body::Token { until: cx.wall() + Span::millis(self.policy.token_life).0 as i64 },
            _ if self.policy.token_life > 0 && wire.token < cx.wall() => Body::Unauthorised,
            _ => return false,
        };
        let answer = Wire::new(wire.ticket, server_micros(cx.uptime()), self.epoch, self.policy.integrity, body);
        cx.reply(from, cx.request(), [], answer);
        true
    }
}
