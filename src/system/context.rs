//! What a node can do in one atomic step: read clocks, draw, send, set timers, and report.
//!
//! Why: input in, effects out. Everything asked for here happens after the step's writes are on disk; if the nemesis
//! kills the node at that boundary, it does not happen at all. Nothing here touches another node.

use super::report::{Audit, Facts, Lamp, Verdict, Why, Word, Write};
use crate::model::{Entity, Key, Row, Value};
use crate::sim::choice::PEER_STEPS;
use crate::sim::{Cause, Channel, Choices, Label, NodeId, OpId, Point, Span, Time, WallClock};
use std::collections::BTreeMap;

/// A timer: what it is for, and a number of the system's choice. Setting one that is set moves it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timer {
    /// One of the system's channels.
    pub channel: Channel,
    /// Which of several at once.
    pub number: u32,
}

/// A multi-step handler of the system's: a number of its choice that comes back in [`super::Input::Resume`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Task(pub u32);

/// A message on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing<M> {
    pub to: NodeId,
    pub route: Route,
    pub ops: (u32, u32),
    pub message: M,
}

/// How the label of an outgoing message is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Route {
    /// A new request: channel, and cause.
    Request(Channel, Cause),
    /// The answer to the message with this label.
    Answer(Label),
}

/// What a node asked of its timers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TimerChange {
    Set(Timer, Span, Option<Cause>),
    Cancel(Timer),
}

/// Counters that documents of sync systems ask for; summed over a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
#[allow(missing_docs)]
pub enum Metric {
    StockConflicts,
    PriceConflicts,
    ConflictsServerKept,
    ConflictsDeviceKept,
    ConflictsRecorded,
    ValidationFailures,
    KeyHits,
    TimeOuts,
    Retries,
    LocalWins,
    SyncsSucceeded,
    SyncsFailed,
    SyncTime,
    TokensExpired,
}

/// Names of [`Metric`]s, in order.
pub const METRICS: [&str; 14] = [
    "stock_conflicts",
    "price_conflicts",
    "conflicts_server_kept",
    "conflicts_device_kept",
    "conflicts_recorded",
    "validation_failures",
    "idempotency_key_hits",
    "time_outs",
    "retries",
    "conflicts_counted_by_the_system",
    "syncs_succeeded",
    "syncs_failed",
    "sync_time_us",
    "tokens_expired",
];

/// The effects of one atomic step, and the little that a node may know.
pub struct Context<M> {
    pub(crate) node: NodeId,
    pub(crate) now: Time,
    pub(crate) clock: WallClock,
    pub(crate) cause: Cause,
    pub(crate) label: Label,
    pub(crate) choices: Choices,
    pub(crate) polite: bool,
    pub(crate) draws: u32,
    pub(crate) sends: Vec<Outgoing<M>>,
    pub(crate) carried: Vec<OpId>,
    pub(crate) timers: Vec<TimerChange>,
    pub(crate) writes: Vec<Write>,
    pub(crate) told: Vec<(OpId, Word)>,
    pub(crate) decided: Vec<(OpId, Verdict)>,
    pub(crate) given_up: Vec<OpId>,
    pub(crate) resume: Option<Task>,
    pub(crate) work: Span,
    pub(crate) goals: u64,
    pub(crate) metrics: [u64; METRICS.len()],
    pub(crate) lamp: Option<Lamp>,
    /// The last successful exchange of each device, in the order of the first.
    pub(crate) last_syncs: Vec<(NodeId, Time)>,
    pub(crate) devices: u16,
    /// What the system declares.
    pub(crate) facts: Facts,
    audits: u32,
}

impl<M> Context<M> {
    pub(crate) fn new(choices: Choices, facts: Facts) -> Context<M> {
        Context {
            node: NodeId::SERVER,
            now: Time::ZERO,
            clock: WallClock::default(),
            cause: Cause::Boot(0),
            label: Label::new(NodeId::SERVER, Channel(0), Cause::Boot(0), Point::Boot),
            choices,
            polite: false,
            draws: 0,
            sends: Vec::new(),
            carried: Vec::new(),
            timers: Vec::new(),
            writes: Vec::new(),
            told: Vec::new(),
            decided: Vec::new(),
            given_up: Vec::new(),
            resume: None,
            work: Span::ZERO,
            goals: 0,
            metrics: [0; METRICS.len()],
            lamp: None,
            last_syncs: Vec::new(),
            devices: 0,
            facts,
            audits: 0,
        }
    }

    /// Whether the step asked for anything: a write, a word, a verdict, a message, a timer, another step.
    #[inline]
    pub(crate) fn has_effect(&self) -> bool {
        self.resume.is_some()
            || self.lamp.is_some()
            || !(self.writes.is_empty()
                && self.sends.is_empty()
                && self.told.is_empty()
                && self.decided.is_empty()
                && self.timers.is_empty()
                && self.given_up.is_empty())
    }

    /// The node that takes this step.
    pub fn node(&self) -> NodeId {
        self.node
    }
    /// Microseconds since 1970 as this node's wall clock shows them: it may be wrong, and it may jump.
    pub fn wall(&self) -> i64 {
        self.clock.read(self.now)
    }
    /// Time since the run began by a clock that nobody can set (Android's `elapsedRealtime`); survives a kill.
    pub fn uptime(&self) -> Time {
        self.now
    }
    /// The other devices of the run, in order: whom a device may talk to where there is no server.
    pub fn others(&self) -> impl Iterator<Item = NodeId> + use<M> {
        let this = self.node;
        (1..=self.devices).map(NodeId).filter(move |node| *node != this)
    }
    /// What led to this step: the op, timer or change of link at the start of the chain.
    pub fn cause(&self) -> Cause {
        self.cause
    }
    /// A number in `0..n`: the system's only luck. Politely the lowest.
    ///
    /// # Panics
    /// If `n` is 0 or above 2^32.
    pub fn draw(&mut self, n: u64) -> u64 {
        self.draws += 1;
        if self.polite {
            return 0;
        }
        // A device that serves another's request draws under numbers of its own: the answer has the same label.
        let serves = !self.node.is_server() && self.label.node() != self.node;
        let label = self.label.point(Point::Draw).number(self.draws + if serves { PEER_STEPS } else { 0 });
        self.choices.value(label, n)
    }

    /// Sends a request on a channel. `ops` are the ops that it carries; `cause` names it (politely the first of them).
    ///
    /// # Panics
    /// If the channel is not declared, or the receiver is the sender or not there.
    pub fn send(
        &mut self,
        to: NodeId,
        channel: Channel,
        cause: Cause,
        ops: impl IntoIterator<Item = OpId>,
        message: M,
    ) {
        self.declared(channel);
        self.post(to, Route::Request(channel, cause), ops, message);
    }

    /// Sends one op to the server, in a request that is named by it.
    ///
    /// # Panics
    /// As [`Context::send`].
    pub fn send_op(&mut self, channel: Channel, op: OpId, message: M) {
        self.send(NodeId::SERVER, channel, Cause::Op(op), [op], message);
    }

    /// Answers the message that is being handled (or that the resumed task began with).
    ///
    /// # Panics
    /// If the receiver is the sender or not there.
    pub fn reply(&mut self, to: NodeId, request: Label, ops: impl IntoIterator<Item = OpId>, message: M) {
        self.post(to, Route::Answer(request), ops, message);
    }

    fn post(&mut self, to: NodeId, route: Route, ops: impl IntoIterator<Item = OpId>, message: M) {
        let (first, last) = (u16::from(!self.facts.server), self.devices);
        assert!(to != self.node, "a node sent a message to itself: set a timer, or ask for `Input::Resume`");
        assert!((first..=last).contains(&to.0), "there is no node {}: nodes are {first} to {last}", to.0);
        let from = self.carried.len() as u32;
        self.carried.extend(ops);
        self.sends.push(Outgoing { to, route, ops: (from, self.carried.len() as u32), message });
    }

    fn declared(&self, channel: Channel) {
        let names = self.facts.channels;
        let known = (1..=names.len()).contains(&usize::from(channel.0));
        assert!(
            known,
            "Channel({}) is not declared: `Facts::channels` is {names:?}, the first is Channel(1)",
            channel.0
        );
    }

    /// The label of the message that is being handled; keep it to [`Context::reply`] from a later step.
    pub fn request(&self) -> Label {
        self.label
    }

    /// Sets a timer. Without a cause it is named by how often it was set: `till-1.push-tick.push-tick-3.timer`.
    ///
    /// # Panics
    /// If its channel is not declared.
    pub fn set_timer(&mut self, timer: Timer, after: Span, cause: Option<Cause>) {
        self.declared(timer.channel);
        self.timers.push(TimerChange::Set(timer, after, cause));
    }
    /// Cancels a timer, if it is set.
    pub fn cancel_timer(&mut self, timer: Timer) {
        self.timers.push(TimerChange::Cancel(timer));
    }
    /// Asks for [`super::Input::Resume`] with this task: the handler has another transaction to do. Others may run in
    /// between, and the node may die there.
    pub fn resume(&mut self, task: Task) {
        self.resume = Some(task);
    }
    /// The step takes this long: what it sends goes out that much later.
    pub fn work(&mut self, span: Span) {
        self.work += span;
    }

    /// Reports a change of a row. Equal rows are no change.
    pub fn wrote(&mut self, before: Option<Row>, after: Option<Row>, op: OpId, why: Why) {
        if before != after {
            self.writes.push(Write { before, after, op, why });
        }
    }
    /// Changes a quantity by so much as an effect of `op`, and reports it. What is missing counts as 0.
    pub fn add(&mut self, row: &mut Row, field: u8, delta: i64, op: OpId) {
        self.set(row, field, Value::int(row.int(field) + delta), op);
    }
    /// Sets a field as an effect of `op`, and reports it.
    pub fn set(&mut self, row: &mut Row, field: u8, value: Value, op: OpId) {
        let before = *row;
        row.set(field, value, op);
        self.wrote(Some(before), Some(*row), op, Why::Effect);
    }
    /// Reports how the rows that the node shows differ from those that it showed before, row by row.
    pub fn changed<'r>(
        &mut self,
        before: impl Iterator<Item = &'r Row>,
        after: impl Iterator<Item = &'r Row>,
        op: OpId,
        why: Why,
    ) {
        let mut rows: BTreeMap<(Entity, Key), (Option<Row>, Option<Row>)> = BTreeMap::new();
        for row in before {
            rows.entry((row.entity, row.key)).or_default().0 = Some(*row);
        }
        for row in after {
            rows.entry((row.entity, row.key)).or_default().1 = Some(*row);
        }
        for (before, after) in rows.into_values() {
            self.wrote(before, after, op, why);
        }
    }
    /// Number of writes reported so far in this step, to take them back with [`Context::unwrite`].
    pub fn written(&self) -> usize {
        self.writes.len()
    }
    /// Takes back the reports of writes since `mark`: their transaction was rolled back.
    pub fn unwrite(&mut self, mark: usize) {
        self.writes.truncate(mark);
    }
    /// Reports what the user is told about an op.
    pub fn tell(&mut self, op: OpId, word: Word) {
        self.told.push((op, word));
    }
    /// Reports what the server decided about an op, each time that it says so.
    pub fn decide(&mut self, op: OpId, verdict: Verdict) {
        self.decided.push((op, verdict));
    }
    /// Reports that the node has given an op up: it will not send it again by itself.
    pub fn give_up(&mut self, op: OpId) {
        self.given_up.push(op);
    }
    /// Reports what the sync lamp shows from now on.
    pub fn show(&mut self, lamp: Lamp) {
        self.lamp = Some(lamp);
    }
    /// Reports that a goal of the system's list was reached.
    ///
    /// # Panics
    /// If [`Facts::goals`] has no goal of this number, counted from 0.
    pub fn reach(&mut self, goal: u32) {
        let goals = self.facts.goals;
        assert!((goal as usize) < goals.len(), "goal {goal} is not declared: `Facts::goals` is {goals:?}");
        self.goals |= 1 << goal;
    }
    /// Counts something.
    pub fn count(&mut self, metric: Metric) {
        self.metrics[metric as usize] += 1;
    }
    /// Reports the end of an exchange with the server that began at `began`: an answer with what was asked for, or none.
    pub fn sync_ended(&mut self, began: Time, succeeded: bool) {
        self.count(if succeeded { Metric::SyncsSucceeded } else { Metric::SyncsFailed });
        if succeeded {
            self.metrics[Metric::SyncTime as usize] += self.now.since(began).0;
            self.last_syncs.retain(|(node, _)| *node != self.node);
            self.last_syncs.push((self.node, self.now));
        }
    }
    /// An audit row for `op`, to be stored by the system like any other row.
    pub fn audit_row(&mut self, op: OpId, what: Audit, commit: u32) -> Row {
        self.audits += 1;
        let key = Key(u64::from(commit) << 20 | u64::from(op.0) << 4 | what as u64);
        let mut row = Row::new(Entity::AUDIT, key);
        row.origin = op;
        row.with(0, Value::int(i64::from(op.0))).with(1, Value::int(what as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Op;

    fn context() -> Context<()> {
        Context::new(Choices::replay(Vec::new()), Facts::new(&["push"]))
    }

    #[test]
    fn what_changed_is_reported_row_by_row_and_what_stayed_is_not() {
        let (op, mut cx) = (Op::new(OpId(1), NodeId(1), crate::model::Verb(0)), context());
        let [gone, kept, old] = [1, 2, 3].map(|n| Row::new(Entity(0), Key(n)));
        let (changed, new) = (old.with(0, Value::int(7)), Row::made(Entity(0), &op, 0));
        cx.changed([gone, kept, old].iter(), [kept, changed, new].iter(), op.id, Why::Effect);
        let written: Vec<_> = cx.writes.iter().map(|write| (write.before, write.after)).collect();
        assert_eq!(written, [(Some(gone), None), (Some(old), Some(changed)), (None, Some(new))]);
    }

    #[test]
    fn a_quantity_that_is_missing_counts_from_nothing() {
        let (mut row, mut cx) = (Row::new(Entity(0), Key(1)), context());
        cx.add(&mut row, 0, -3, OpId(1));
        assert_eq!((row.int(0), row.set_by[0], cx.writes.len()), (-3, OpId(1), 1));
    }
}
