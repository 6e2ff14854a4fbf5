//! The server of our engine: takes pushes as a sequence of statements or transactions, and answers pulls.
//!
//! It may also tell the other devices that there is something to pull; nothing depends on that.
//! How an item takes effect is in `statements.rs` (one by one) and `group.rs` (all of an op together).

use super::device::{channel, goal};
use super::escrow::install_of;
use super::message::{Body, ItemResult, Met, Wire, server_micros};
use super::policy::*;
use super::statements::Statement;
use crate::model::{Domain, Entity, Key, Row};
use crate::sim::{Label, NodeId, OpId, Span};
use crate::store::{Answer, Cell, Copy, Item, Store};
use crate::system::{Context, Input, Node, Task, Verdict, Why};
use std::marker::PhantomData;

/// A push that is being handled.
pub struct PushTask {
    task: Task,
    from: NodeId,
    request: Label,
    ticket: u32,
    pub(super) items: Vec<Item>,
    pub(super) at: usize,
    pub(super) statement: Statement,
    pub(super) results: Vec<ItemResult>,
    /// Conflicts that the device is to decide.
    pub(super) met: Vec<Met>,
    /// Edits that were no conflict when the push came, where that is looked at once, in a statement of its own.
    pub(super) compared: Option<Vec<OpId>>,
    pub(super) made: Vec<(Entity, Key, Key)>,
    pub(super) work: Span,
    /// What was read in a transaction of its own, to be used in the next.
    pub(super) read: Vec<(Entity, Key, i64)>,
    /// The whole push failed.
    pub(super) failed: bool,
    /// The commit number that the present op was given before it took effect, where it is given one.
    pub(super) number: Option<u32>,
}

/// The server.
pub struct Server<St: Store> {
    pub(super) policy: Policy,
    pub(super) domain: &'static Domain,
    pub(super) tasks: Vec<PushTask>,
    /// The device and the installation whose push is being handled.
    pub(super) sender: (NodeId, u32),
    /// The commit number that the present transaction was given before it began, where it is given one.
    pub(super) number: Option<u32>,
    /// What the present transaction goes by instead of looking.
    pub(super) read: Vec<(Entity, Key, i64)>,
    /// Whose connection is open, where it is kept for whoever asks next.
    connection: Option<NodeId>,
    /// Devices heard of since the start, where they are told of changes.
    heard: Vec<NodeId>,
    next: u32,
    /// How often it was restored from a backup.
    pub(super) epoch: u32,
    store: PhantomData<St>,
}

impl<St: Store> Server<St> {
    /// A server that has just started.
    pub fn new(policy: Policy, domain: &'static Domain, epoch: u32) -> Self {
        Server {
            epoch,
            policy,
            domain,
            tasks: Vec::new(),
            sender: (NodeId::SERVER, 0),
            read: Vec::new(),
            number: None,
            connection: None,
            heard: Vec::new(),
            next: 0,
            store: PhantomData,
        }
    }

    fn message(&mut self, store: &mut St, from: NodeId, wire: Wire, cx: &mut Context<Wire>) {
        if !wire.is_intact() {
            return;
        }
        if self.authenticates(from, &wire, cx) {
            return;
        }
        if wire.epoch != self.epoch {
            // What the device knows of this server is not so any more: it has to catch up first.
            return self.fail(from, wire, cx);
        }
        if self.policy.deletion == Deletion::Purged {
            purge(store, cx);
        }
        if self.policy.live == Live::Notifies && !self.heard.contains(&from) {
            self.heard.push(from);
        }
        match wire.body {
            Body::Push { items } => {
                if self.policy.clock == Clock::Shared && self.lags(store, &items) {
                    let body = Body::Push { items };
                    return self.fail(from, Wire { body, ..wire }, cx);
                }
                if self.policy.key_life > 0 {
                    store.forget_answers(cx.wall());
                }
                if !self.tasks.is_empty() {
                    cx.reach(goal::INTERLEAVED);
                }
                let made = self.known(store, &items);
                self.next += 1;
                let task = PushTask {
                    task: Task(self.next),
                    from,
                    request: cx.request(),
                    ticket: wire.ticket,
                    items,
                    at: 0,
                    statement: Statement::Start,
                    results: Vec::new(),
                    met: Vec::new(),
                    compared: None,
                    made,
                    work: Span::ZERO,
                    read: Vec::new(),
                    failed: false,
                    number: None,
                };
                self.go_on(store, task, cx);
            }
            Body::Pull { since, full, types, released, owes, temporary } => {
                if self.policy.escrow == Escrow::Shares {
                    self.rebalance(store, from, install_of(wire.ticket), &released, owes, cx);
                }
                let identities = self.identities(store, &temporary);
                let asker = self.connection.replace(from).filter(|_| self.policy.scope == Scope::CachedConnection);
                let asker = asker.unwrap_or(from);
                self.answer_pull(store, (from, asker, wire.ticket), (since, full, types), identities, cx);
            }
            Body::Hold { wants } => {
                let rows = self.hold(store, from, install_of(wire.ticket), &wants, cx);
                let body = Body::Held { rows };
                let wire = Wire::new(wire.ticket, server_micros(cx.uptime()), self.epoch, self.policy.integrity, body);
                cx.reply(from, cx.request(), [], wire);
            }
            Body::Pushed { .. } | Body::Pulled { .. } | Body::Held { .. } | Body::Notice => {}
            Body::Login | Body::Token { .. } | Body::Unauthorised => {}
        }
    }

    /// The next statement or transaction of a push, and the answer after the last.
    fn go_on(&mut self, store: &mut St, mut task: PushTask, cx: &mut Context<Wire>) {
        while task.at < task.items.len() {
            let from = task.from;
            self.sender = (from, install_of(task.ticket));
            let done = match self.policy.atomicity {
                Atomicity::Item => self.next_statement(store, &mut task, from, cx),
                _ => self.next_op(store, &mut task, from, cx),
            };
            let last = task.at >= task.items.len();
            let apart = self.policy.isolation == Isolation::Statements || self.policy.cursor == Cursor::AtStart;
            if !last && (done || apart) {
                cx.resume(task.task);
                self.tasks.push(task);
                return;
            }
        }
        if self.policy.atomicity == Atomicity::Item {
            decide(&task, cx);
        }
        cx.work(task.work);
        let mut ops: Vec<OpId> = Vec::new();
        for op in task.results.iter().map(|result| result.op).chain(task.met.iter().map(|met| met.op)) {
            if !ops.contains(&op) {
                ops.push(op);
            }
        }
        if self.policy.live == Live::Notifies {
            self.notify(&task, cx);
        }
        let refused = |result: &ItemResult| matches!(result.verdict, Verdict::Rejected { .. });
        let failed =
            task.failed || self.policy.partial_failure == PartialFailure::TopLevel && task.results.iter().any(refused);
        let body = Body::Pushed { results: task.results, met: task.met, failed };
        let wire = Wire::new(task.ticket, server_micros(cx.uptime()), self.epoch, self.policy.integrity, body);
        cx.reply(task.from, task.request, ops, wire);
    }

    /// Tells every other device that something was taken. Whatever becomes of this message, the next pull brings it.
    fn notify(&self, task: &PushTask, cx: &mut Context<Wire>) {
        if task.results.iter().all(|result| result.verdict != Verdict::Accepted) {
            return;
        }
        let cause = cx.cause();
        for to in self.heard.iter().filter(|to| **to != task.from) {
            let wire = Wire::new(0, server_micros(cx.uptime()), self.epoch, self.policy.integrity, Body::Notice);
            cx.send(*to, channel::NOTICE, cause, [], wire);
        }
    }

    fn answer_pull(
        &self,
        store: &St,
        (from, asker, ticket): (NodeId, NodeId, u32),
        (since, full, types): (u32, bool, u32),
        identities: Vec<(Entity, Key, Key)>,
        cx: &mut Context<Wire>,
    ) {
        let mut rows: Vec<Row> = Vec::new();
        let mut answers: Vec<Answer> = Vec::new();
        let newest = store.number(Cell::Commit) as u32;
        let mut until = newest;
        let mut more = false;
        let unknown = self.policy.tables == Tables::AllButTheLast;
        let last = self.domain.entity_specs().last().filter(|_| unknown).map(|(entity, _)| entity);
        let wanted = |row: &Row| {
            (types == 0 || types & 1 << row.entity.0 != 0)
                && last.is_none_or(|last| last != row.entity)
                && (self.policy.scope == Scope::PullsEverything || (self.domain.scope)(asker, row))
        };
        if self.policy.pull == Pull::SinceCommit {
            let page = self.policy.page as usize;
            let mut cut = None;
            if since == 0 {
                store.each_row(Copy::Visible, &mut |row| {
                    if row.version == 0 && wanted(row) {
                        rows.push(*row);
                    }
                });
            }
            let opening = rows.len();
            store.changed_since(since, &mut |row| {
                let other = row.entity == Entity::GRANT && row.get(0).or_zero() != i64::from(from.0);
                if row.entity == Entity::AUDIT || other || cut.is_some() || !wanted(row) {
                    return;
                }
                let full = page > 0 && rows.len() - opening >= page;
                let last = rows.last().map_or(0, |last: &Row| last.version);
                let edge = match self.policy.page_edge {
                    PageEdge::WholeCommits => last != row.version,
                    PageEdge::Skips | PageEdge::Repeats => true,
                };
                if full && edge {
                    let again = self.policy.page_edge == PageEdge::Repeats;
                    cut = Some(if again { last - 1 } else { last });
                } else {
                    rows.push(*row);
                }
            });
            if let Some(version) = cut {
                until = version;
                more = true;
            }
            store.answers_since(since, &mut |answer| {
                if answer.device == from && answer.commit <= until {
                    answers.push(*answer);
                }
            });
        } else {
            store.each_row(Copy::Visible, &mut |row| {
                if !row.entity.is_bookkeeping() && wanted(row) {
                    rows.push(*row);
                }
            });
        }
        let ops: Vec<OpId> = answers.iter().map(|answer| answer.op).collect();
        let body = Body::Pulled { rows, answers, identities, since, until, newest, more, full, failed: false };
        let wire = Wire::new(ticket, server_micros(cx.uptime()), self.epoch, self.policy.integrity, body);
        cx.reply(from, cx.request(), ops, wire);
    }

    fn fail(&self, from: NodeId, wire: Wire, cx: &mut Context<Wire>) {
        let body = match wire.body {
            Body::Push { .. } => Body::Pushed { results: Vec::new(), met: Vec::new(), failed: true },
            Body::Hold { .. } => Body::Held { rows: Vec::new() },
            Body::Pull { since, full, .. } => Body::Pulled {
                rows: Vec::new(),
                answers: Vec::new(),
                identities: Vec::new(),
                since,
                until: since,
                newest: since,
                more: false,
                full,
                failed: true,
            },
            _ => return,
        };
        let wire = Wire::new(wire.ticket, server_micros(cx.uptime()), self.epoch, self.policy.integrity, body);
        cx.reply(from, cx.request(), [], wire);
    }

    /// The next commit number.
    pub(super) fn commit(&self, store: &mut St) -> u32 {
        let commit = store.number(Cell::Commit) + 1;
        store.set_number(Cell::Commit, commit);
        commit as u32
    }

    /// A new identity of the server's.
    pub(super) fn identity(&self, store: &mut St) -> Key {
        let next = store.number(Cell::Identity).max(999) + 1;
        store.set_number(Cell::Identity, next);
        Key(next as u64)
    }

    /// The first reference of a row whose target is not there.
    pub(super) fn missing_parent(&self, store: &St, row: &Row) -> Option<(Entity, Key)> {
        if self.policy.references == References::Unchecked {
            return None;
        }
        super::rows::references(self.domain, row.entity).find_map(|(field, entity)| {
            let key = row.get(field).as_key()?;
            store.row(Copy::Visible, entity, key).is_none().then_some((entity, key))
        })
    }
}

/// Tombstones older than a day go, whoever has still to hear of them.
fn purge<St: Store>(store: &mut St, cx: &mut Context<Wire>) {
    let limit = cx.wall() - Span::days(1).0 as i64;
    let mut old: Vec<Row> = Vec::new();
    store.each_row(Copy::Visible, &mut |row| {
        if row.deleted && row.stamp < limit {
            old.push(*row);
        }
    });
    for row in old {
        store.remove_row(Copy::Visible, row.entity, row.key);
        cx.wrote(Some(row), None, OpId::NONE, Why::Purged);
    }
}

/// Item by item, an op is accepted if none of its items was refused; a refusal was decided when it fell.
fn decide(task: &PushTask, cx: &mut Context<Wire>) {
    let mut ops: Vec<(OpId, Verdict)> = Vec::new();
    for result in &task.results {
        match ops.iter_mut().find(|(op, _)| *op == result.op) {
            Some((_, verdict)) if *verdict == Verdict::Accepted => *verdict = result.verdict,
            Some(_) => {}
            None => ops.push((result.op, result.verdict)),
        }
    }
    for (op, verdict) in ops {
        if verdict == Verdict::Accepted {
            cx.decide(op, verdict);
        }
    }
}

impl<St: Store> Node for Server<St> {
    type Message = Wire;
    type Disk = St;

    fn handle(&mut self, store: &mut St, input: Input<Wire>, cx: &mut Context<Wire>) {
        match input {
            Input::Message { from, message } => self.message(store, from, message, cx),
            Input::Overloaded { from, message } => self.fail(from, message, cx),
            Input::Resume(task) => {
                if let Some(place) = self.tasks.iter().position(|pending| pending.task == task) {
                    let task = self.tasks.remove(place);
                    self.go_on(store, task, cx);
                }
            }
            _ => {}
        }
    }

    fn rows(&self, store: &St, visit: &mut dyn FnMut(&Row)) {
        store.each_row(Copy::Visible, visit);
    }
}
