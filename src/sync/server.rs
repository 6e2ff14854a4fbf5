//! The server of our engine: takes pushes as a sequence of statements or transactions, and answers pulls.
//!
//! How an item takes effect is in `statements.rs` (one by one) and `group.rs` (all of an op together).

use super::device::goal;
use super::message::{Body, ItemResult, Wire, server_micros};
use super::policy::*;
use super::statements::Statement;
use crate::model::{Domain, Entity, Key, Row};
use crate::sim::{Label, NodeId, OpId, Span};
use crate::store::{Answer, Cell, Copy, Item, Store};
use crate::system::{Context, Input, Node, Task, Verdict};
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
    pub(super) made: Vec<(Entity, Key, Key)>,
    pub(super) work: Span,
}

/// The server.
pub struct Server<St: Store> {
    pub(super) policy: Policy,
    pub(super) domain: &'static Domain,
    tasks: Vec<PushTask>,
    next: u32,
    store: PhantomData<St>,
}

impl<St: Store> Server<St> {
    /// A server that has just started.
    pub fn new(policy: Policy, domain: &'static Domain) -> Self {
        Server { policy, domain, tasks: Vec::new(), next: 0, store: PhantomData }
    }

    fn message(&mut self, store: &mut St, from: NodeId, wire: Wire, cx: &mut Context<Wire>) {
        if !wire.is_intact() {
            return;
        }
        match wire.body {
            Body::Push { items } => {
                if self.policy.key_life > 0 {
                    store.forget_answers(cx.wall());
                }
                if !self.tasks.is_empty() {
                    cx.reach(goal::INTERLEAVED);
                }
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
                    made: Vec::new(),
                    work: Span::ZERO,
                };
                self.go_on(store, task, cx);
            }
            Body::Pull { since, full } => self.answer_pull(store, from, wire.ticket, since, full, cx),
            Body::Pushed { .. } | Body::Pulled { .. } => {}
        }
    }

    /// The next statement or transaction of a push, and the answer after the last.
    fn go_on(&mut self, store: &mut St, mut task: PushTask, cx: &mut Context<Wire>) {
        while task.at < task.items.len() {
            let from = task.from;
            let done = match self.policy.atomicity {
                Atomicity::Op => self.next_op(store, &mut task, from, cx),
                Atomicity::Item => self.next_statement(store, &mut task, from, cx),
            };
            let last = task.at >= task.items.len();
            if !last && (done || self.policy.isolation == Isolation::Statements) {
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
        for result in &task.results {
            if !ops.contains(&result.op) {
                ops.push(result.op);
            }
        }
        let body = Body::Pushed { results: task.results, failed: false };
        let wire = Wire::new(task.ticket, server_micros(cx.uptime()), self.policy.integrity, body);
        cx.reply(task.from, task.request, ops, wire);
    }

    fn answer_pull(&self, store: &St, from: NodeId, ticket: u32, since: u32, full: bool, cx: &mut Context<Wire>) {
        let mut rows: Vec<Row> = Vec::new();
        let mut answers: Vec<Answer> = Vec::new();
        let mut until = store.number(Cell::Commit) as u32;
        let mut more = false;
        let due = |row: &Row| (self.domain.scope)(from, row);
        if self.policy.pull == Pull::SinceCommit {
            let page = self.policy.page as usize;
            let mut cut = None;
            if since == 0 {
                store.each_row(Copy::Visible, &mut |row| {
                    if row.version == 0 && due(row) {
                        rows.push(*row);
                    }
                });
            }
            let opening = rows.len();
            store.changed_since(since, &mut |row| {
                if row.entity == Entity::AUDIT || cut.is_some() || !due(row) {
                    return;
                }
                let full = page > 0 && rows.len() - opening >= page;
                if full && rows.last().is_some_and(|last| last.version != row.version) {
                    cut = rows.last().map(|last| last.version);
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
                if !row.entity.is_bookkeeping() && due(row) {
                    rows.push(*row);
                }
            });
        }
        let ops: Vec<OpId> = answers.iter().map(|answer| answer.op).collect();
        let body = Body::Pulled { rows, answers, since, until, more, full, failed: false };
        let wire = Wire::new(ticket, server_micros(cx.uptime()), self.policy.integrity, body);
        cx.reply(from, cx.request(), ops, wire);
    }

    fn fail(&self, from: NodeId, wire: Wire, cx: &mut Context<Wire>) {
        let body = match wire.body {
            Body::Push { .. } => Body::Pushed { results: Vec::new(), failed: true },
            Body::Pull { since, full } => Body::Pulled {
                rows: Vec::new(),
                answers: Vec::new(),
                since,
                until: since,
                more: false,
                full,
                failed: true,
            },
            _ => return,
        };
        let wire = Wire::new(wire.ticket, server_micros(cx.uptime()), self.policy.integrity, body);
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
