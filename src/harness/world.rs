//! The world: runs one scenario on one system through act, heal, settle and judge.
//!
//! Why one loop: every event of every node comes out of one queue, so a run is a pure function of system, scenario and
//! luck (promise P1). The world owns the disks, the links and the clocks; nodes only ever see inputs. It judges nothing:
//! invariants do, from the history it keeps.

mod effects;
mod ending;
mod interference;
mod network;
mod reports;
mod restore;
mod rounds;

use super::carried::Carried;
use super::heard::Heard;
use super::link::{Direction, Link};
use super::node::{Seat, Slot};
use super::outcome::{End, Metrics, OutboxAt, Outcome};
use super::panics::{Left, Panic, enter, inside, leave, within};
use super::trace::{Event, Loss, Trace, What};
use crate::invariants::running::{Doing, How, Stopped};
use crate::invariants::{History, Invariant, Log, Moment};
use crate::model::Scenario;
use crate::sim::choice::{FAULTS, PEER_STEPS, SERVER_STEPS};
use crate::sim::{
    Cause, Channel, Choices, Deviation, Fate, Fault, Fingerprint, Key, Label, NodeId, Odds, OpId, Point, Queue, Span,
    Time,
};
use crate::system::context::{Outgoing, Route, TimerChange};
use crate::system::{Context, Facts, Input, Message, Node, Pending, PendingState, System, Task, Timer, Verdict, Word};
use restore::Copied;
use rounds::Rounds;

/// Where the run's luck comes from.
#[derive(Clone, Copy, Debug)]
pub enum Luck {
    /// The scenario's schedule and nothing else.
    Replay,
    /// Every fate drawn under these odds, besides the interferences that the scenario names.
    Drawn(Key, Odds),
}

/// How a run is to be watched.
pub struct Plan {
    /// The invariants to hold it against.
    pub invariants: Vec<Box<dyn Invariant>>,
    /// Whether to keep the trace and the end state.
    pub record: bool,
}

/// How long a run may take after the faults have ended, in longest timer periods; not resting by then is a violation.
const SETTLE_PERIODS: u64 = 20;
enum Pends<M> {
    Op(u32),
    Deliver(Box<Parcel<M>>),
    Refusal { to: NodeId, unreachable: NodeId, message: Box<M>, boot: u32 },
    Timer { node: NodeId, timer: Timer, id: u32, cause: Cause, late: Span },
    Resume { node: NodeId, boot: u32, task: Task, cause: Cause, step: u32, ops: Box<[OpId]> },
    Boot { node: NodeId },
    Begin { index: u32 },
    End { index: u32 },
    Flap { node: NodeId },
    Return { node: NodeId },
    Heal,
}

/// A message copy on its way; boxed, so that other events stay small.
#[derive(Clone)]
struct Parcel<M> {
    to: NodeId,
    from: NodeId,
    message: M,
    ops: Carried,
    damaged: bool,
    garbled: bool,
    sent: Time,
    order: u32,
}

struct Queued<M> {
    what: Pends<M>,
    parent: Option<u32>,
}

struct World<'a, S: System> {
    system: &'a S,
    scenario: &'a Scenario,
    facts: Facts,
    queue: Queue<Queued<S::Message>>,
    slots: Vec<Slot<S>>,
    cx: Context<S::Message>,
    history: History<'a>,
    invariants: Vec<Box<dyn Invariant>>,
    /// Those of them that say something about this system.
    checked: Vec<usize>,
    /// By kind of moment: which invariants want to see it, and their names.
    interested: [Vec<(usize, &'static str)>; 8],
    log: Log,
    trace: Trace,
    broke_traced: usize,
    fingerprint: Fingerprint,
    now: Time,
    parent: Option<u32>,
    events: u64,
    in_flight: u64,
    last_write: Time,
    healed: bool,
    finishing: bool,
    metrics: Metrics,
    outbox: Vec<OutboxAt>,
    faults: [u32; FAULTS.len()],
    goals: u64,
    paused_tasks: Vec<(NodeId, Task)>,
    send_order: u32,
    newest: Vec<[u32; 2]>,
    rounds: Rounds,
    heard: Heard,
    /// Whether anything came of the message that is being handled.
    answered: bool,
    mistake: Option<String>,
    /// In runs that never heal the final phase begins no earlier.
    acted_by: Time,
    /// Backups of the server that a restore of the scenario has made.
    backups: Vec<Copied<S>>,
}

/// Runs a scenario.
pub fn run<S: System>(system: &S, scenario: &Scenario, luck: Luck, plan: Plan) -> Outcome {
    let in_scope = |node: NodeId, row: &crate::model::Row| inside(node, Doing::Scope, || system.in_scope(node, row));
    let _left = Left;
    World::new(system, scenario, luck, plan, &in_scope).run(luck)
}

impl<'a, S: System> World<'a, S> {
    fn new(
        system: &'a S,
        scenario: &'a Scenario,
        luck: Luck,
        plan: Plan,
        in_scope: &'a dyn Fn(NodeId, &crate::model::Row) -> bool,
    ) -> Self {
        let facts = system.facts();
        let choices = match luck {
            Luck::Replay => Choices::replay(scenario.schedule.clone()),
            Luck::Drawn(key, odds) => Choices::random(key, odds),
        };
        let count = scenario.devices.len() + 1;
        let mut cx = Context::new(choices, facts);
        cx.devices = scenario.devices.len() as u16;
        let mut interested: [Vec<(usize, &'static str)>; 8] = Default::default();
        let mut checked = Vec::with_capacity(plan.invariants.len());
        for (index, invariant) in plan.invariants.iter().enumerate() {
            if invariant.not_checked(&facts, scenario.domain).is_none() {
                checked.push(index);
                let wants = invariant.wants_of(&facts);
                for (bit, list) in interested.iter_mut().enumerate() {
                    if wants & 1 << bit != 0 {
                        list.push((index, invariant.name()));
                    }
                }
            }
        }
        let mut history = History::new(scenario, facts, in_scope);
        if plan.invariants.is_empty() && !plan.record {
            history = history.brief();
        }
        World {
            system,
            scenario,
            facts,
            queue: Queue::default(),
            slots: Vec::with_capacity(count),
            cx,
            history,
            invariants: plan.invariants,
            checked,
            interested,
            log: Log::default(),
            trace: if plan.record { Trace::recording() } else { Trace::default() },
            broke_traced: 0,
            fingerprint: Fingerprint::default(),
            now: Time::ZERO,
            parent: None,
            events: 0,
            in_flight: 0,
            last_write: Time::ZERO,
            healed: false,
            finishing: false,
            metrics: Metrics::default(),
            outbox: Vec::new(),
            faults: [0; FAULTS.len()],
            goals: 0,
            paused_tasks: Vec::new(),
            send_order: 0,
            newest: vec![[0; 2]; count],
            rounds: Rounds::default(),
            heard: Heard::default(),
            answered: false,
            mistake: None,
            backups: Vec::new(),
            acted_by: scenario.steps.iter().map(|step| step.at).fold(Time::ZERO + Span::secs(600), Time::max),
        }
    }

    fn run(mut self, luck: Luck) -> Outcome {
        if let Some(text) = self.facts.mistake() {
            return Outcome { mistake: Some(text), ..Outcome::default() };
        }
        if let Err(panic) = within(|| self.play()) {
            let ops = if let Cause::Op(op) = self.cx.cause { vec![op] } else { Vec::new() };
            self.stop(panic, ops);
        }
        self.finish(luck)
    }

    /// The system panicked: nothing else happens in this run. The first reason to stop is the one that counts.
    fn stop(&mut self, Panic { node, doing, text }: Panic, ops: Vec<OpId>) {
        self.history.stopped.get_or_insert(Stopped { node, ops, how: How::Panicked { doing, text } });
    }

    /// A fresh disk for every node.
    fn seat(&mut self) {
        for n in 0..=self.scenario.devices.len() {
            let who = NodeId(n as u16);
            let server = self.facts.server;
            let holds = if who.is_server() { server } else { !(self.scenario.empty_devices && server) };
            let due = |row: &crate::model::Row| who.is_server() || (self.history.in_scope)(who, row);
            let rows: Vec<_> = self.scenario.rows.iter().map(|(_, row)| *row).filter(|row| holds && due(row)).collect();
            let disk = inside(who, Doing::Disk, || self.system.disk(who, 0, &mut rows.into_iter()));
            self.slots.push(Slot::new(disk));
        }
    }

    /// Everything that calls the system: the run from its first event to rest, and what the nodes hold then.
    fn play(&mut self) {
        self.history.open();
        self.seat();
        // Without a server its place stays empty.
        for n in usize::from(!self.facts.server)..self.slots.len() {
            let node = NodeId(n as u16);
            let label = Label::new(node, Channel(0), Cause::Boot(1), Point::Boot);
            self.push(Time::ZERO, label, Pends::Boot { node });
        }
        for (index, step) in self.scenario.steps.iter().enumerate() {
            let label = Label::new(step.op.node, Channel(0), Cause::Op(step.op.id), Point::Op);
            self.push(step.at, label, Pends::Op(index as u32));
        }
        for (index, deviation) in self.scenario.schedule.iter().enumerate() {
            if let Fate::During(at, ..) = deviation.fate
                && self.is_seated(deviation.label.node())
            {
                self.push(self.before_heal(at), deviation.label, Pends::Begin { index: index as u32 });
            }
        }
        if self.scenario.heal != Time::NEVER {
            let label = Label::new(NodeId::SERVER, Channel(0), Cause::Finish, Point::Op);
            self.push(self.scenario.heal, label, Pends::Heal);
        }
        self.queue.sort();
        let bound = match self.scenario.heal {
            Time::NEVER => Time::ZERO + Span::hours(1),
            heal => heal + self.facts.longest_period * SETTLE_PERIODS,
        };
        let quiet = self.facts.longest_period * 2;
        while let Some(at) = self.queue.next_at() {
            if at > bound {
                break;
            }
            if self.healed && self.in_flight == 0 && at.since(self.last_write.max(self.scenario.heal)) > quiet {
                self.history.rested = true;
                break;
            }
            let (now, label, queued) = self.queue.pop().expect("an event was due");
            self.now = now;
            self.history.now = now;
            self.parent = queued.parent;
            self.happen(label, queued.what);
            if self.trace.is_on() {
                self.note_outbox();
            }
            if self.history.stopped.is_some() {
                return;
            }
            if self.scenario.heal == Time::NEVER && self.is_finished() {
                self.history.rested = true;
                break;
            }
        }
        if self.queue.is_empty() && self.healed {
            self.history.rested = true;
        }
        self.look_at_rest();
    }

    fn push(&mut self, at: Time, label: Label, what: Pends<S::Message>) {
        let parent = self.parent;
        self.queue.push(at, label, Queued { what, parent });
    }

    /// Whether there is such a node: without a server nobody sits in its place, and nothing strikes it.
    fn is_seated(&self, node: NodeId) -> bool {
        self.facts.server || !node.is_server()
    }

    /// Faults end when the run heals, so whatever they put off happens by then.
    fn before_heal(&self, at: Time) -> Time {
        if self.scenario.heal == Time::NEVER { at } else { at.min(self.scenario.heal.max(self.now)) }
    }

    fn happen(&mut self, label: Label, what: Pends<S::Message>) {
        match what {
            Pends::Op(index) => self.act(label, index),
            Pends::Deliver(parcel) => {
                self.in_flight -= 1;
                self.deliver(label, *parcel);
            }
            Pends::Refusal { to, unreachable, message, boot } => {
                if self.slots[to.index()].is_up() && self.slots[to.index()].boots == boot {
                    self.note(to, label, &[], || What::Refused { to: unreachable });
                    self.begin(to, label, label.cause());
                    self.handle(Input::Unreachable { to: unreachable, message: *message }, &[]);
                }
            }
            Pends::Timer { node, timer, id, cause, late } => self.fire(label, node, timer, id, cause, late),
            Pends::Resume { node, boot, task, cause, step, ops } => {
                let slot = &self.slots[node.index()];
                if slot.boots != boot || !slot.is_up() {
                    return;
                }
                self.paused_tasks.retain(|paused| *paused != (node, task));
                self.history.nodes[node.index()].unfinished -= 1;
                self.note(node, label, &ops, || What::Resumed);
                self.begin(node, label.number(0), cause);
                self.cx.label = label;
                self.handle_from(Input::Resume(task), &ops, step);
            }
            Pends::Boot { node } => self.boot(node, label, false),
            Pends::Begin { index } => self.interfere(index, true),
            Pends::End { index } => self.interfere(index, false),
            Pends::Flap { node } => {
                if !self.healed && self.slots[node.index()].link.flap() {
                    self.push(self.before_heal(self.now + interference::FLAP), label, Pends::Flap { node });
                }
                self.tell_link(node);
            }
            Pends::Return { node } => {
                self.slots[node.index()].background_until = self.now;
                if self.slots[node.index()].is_up() {
                    self.note(node, label, &[], || What::Foreground);
                    self.begin(node, label, Cause::Link(0));
                    self.handle(Input::Foreground, &[]);
                }
            }
            Pends::Heal => self.heal(label),
        }
    }

    fn heal(&mut self, label: Label) {
        self.healed = true;
        self.cx.polite = true;
        self.note(NodeId::SERVER, label, &[], || What::Healed);
        self.fingerprint.add(self.now.0);
    }

    fn act(&mut self, label: Label, index: u32) {
        let op = self.scenario.steps[index as usize].op;
        let slot = &self.slots[op.node.index()];
        if slot.background_until > self.now {
            let back = slot.background_until;
            return self.push(Time(back.0 + 1), label, Pends::Op(index));
        }
        if !slot.is_up() {
            let back = slot.down_until.max(self.now);
            return self.push(Time(back.0 + 1), label, Pends::Op(index));
        }
        let now = self.now;
        if let Some(record) = self.history.op_mut(op.id) {
            record.at = Some(now);
        }
        self.metrics.ops += u64::from(self.scenario.domain.is_durable(&op));
        self.note(op.node, label, &[op.id], || What::Acted(op));
        self.moment(&Moment::Acted(&op));
        self.begin(op.node, label, Cause::Op(op.id));
        self.handle(Input::Op(op), &[op.id]);
    }

    fn boot(&mut self, node: NodeId, label: Label, wiped: bool) {
        let slot = &mut self.slots[node.index()];
        if slot.is_up() {
            return;
        }
        slot.boots += 1;
        let boots = slot.boots;
        slot.seat = inside(node, Doing::Starting, || match node.is_server() {
            true => Seat::Server(self.system.server(&slot.disk)),
            false => Seat::Device(self.system.device(node, &slot.disk)),
        });
        slot.told_online = slot.link.seems_online();
        let online = slot.told_online;
        self.history.nodes[node.index()].unfinished = 0;
        self.history.nodes[node.index()].boots = boots;
        self.note(node, label, &[], || What::Booted { wiped });
        let cause = Cause::Boot(boots);
        self.begin(node, Label::new(node, Channel(0), cause, Point::Boot), cause);
        self.handle(Input::Booted, &[]);
        if !online && self.slots[node.index()].is_up() {
            self.slots[node.index()].told_online = true;
            self.tell_link(node);
        }
    }

    fn fire(&mut self, label: Label, node: NodeId, timer: Timer, id: u32, cause: Cause, late: Span) {
        let slot = &mut self.slots[node.index()];
        if !slot.is_up() {
            return;
        }
        if slot.background_until > self.now {
            let back = slot.background_until;
            return self.push(Time(back.0 + 1), label, Pends::Timer { node, timer, id, cause, late });
        }
        if !slot.take_timer(timer, id) {
            return;
        }
        let time_out = self.facts.time_outs.contains(&timer.channel);
        let ops: &[OpId] = if let Cause::Op(op) = &cause { std::slice::from_ref(op) } else { &[] };
        self.note(node, label, ops, || What::TimerFired { late, time_out });
        self.begin(node, label, cause);
        self.handle(Input::Timer(timer), &[]);
    }

    fn begin(&mut self, node: NodeId, label: Label, cause: Cause) {
        self.cx.node = node;
        self.cx.now = self.now;
        self.cx.clock = self.slots[node.index()].clock;
        self.cx.label = label;
        self.cx.cause = cause;
        self.cx.draws = 0;
        self.cx.work = Span::ZERO;
    }

    fn handle(&mut self, input: Input<S::Message>, ops: &[OpId]) {
        self.handle_from(input, ops, 0);
    }

    /// One handler: its atomic steps in a row, until it is done, held up or killed.
    fn handle_from(&mut self, mut input: Input<S::Message>, ops: &[OpId], mut step: u32) {
        let node = self.cx.node;
        let base = self.cx.label;
        let copy = if matches!(base.get_point(), Point::Send | Point::Reply) { base.get_number() } else { 0 };
        let side = match node.is_server() {
            true => SERVER_STEPS,
            false if base.node() != node => PEER_STEPS,
            false => 0,
        };
        let offset = side + copy.min(3) * 256;
        loop {
            self.events += 1;
            self.fingerprint.add(self.now.0);
            self.fingerprint.add(base.0 ^ u64::from(step) << 3);
            let doing = Doing::of(&input, base.channel());
            if let Some(bound) = self.rounds.count(self.now, node, doing, step, self.events) {
                let (last, repeats) = self.rounds.last();
                let how = How::WentRound { last, repeats, bound };
                self.history.stopped = Some(Stopped { node, ops: Vec::new(), how });
                return;
            }
            let slot = &mut self.slots[node.index()];
            enter(node, doing);
            match &mut slot.seat {
                Seat::Device(device) => device.handle(&mut slot.disk, input, &mut self.cx),
                Seat::Server(server) => server.handle(&mut slot.disk, input, &mut self.cx),
                Seat::Down => return leave(),
            }
            leave();
            step += 1;
            self.answered |= self.cx.has_effect();
            let resume = self.cx.resume.take();
            self.take_writes(node);
            let mark = if matches!(base.get_point(), Point::Step) {
                base.number(base.get_number() + 1)
            } else {
                base.point(Point::Step).number(offset + step.min(255))
            };
            let fate = if self.healed { None } else { self.cx.choices.step(mark) };
            if fate.is_some() {
                self.history.disturb(node);
            }
            if let Some(Fate::KillBefore(down)) = fate {
                self.drop_effects();
                return self.die_here(node, mark, down, true);
            }
            self.take_effects(node);
            if let Some(Fate::KillAfter(down)) = fate {
                return self.die_here(node, mark, down, false);
            }
            let Some(task) = resume else { break };
            if let Some(Fate::Pause(span)) = fate {
                self.note(node, mark, ops, || What::Paused(span));
                self.history.nodes[node.index()].unfinished += 1;
                let at = self.before_heal(self.now + span);
                let boot = self.slots[node.index()].boots;
                self.paused_tasks.push((node, task));
                let what = Pends::Resume { node, boot, task, cause: self.cx.cause, step, ops: ops.into() };
                return self.push(at, mark, what);
            }
            input = Input::Resume(task);
        }
        if self.history.nodes[node.index()].unfinished == 0 {
            self.moment(&Moment::Between(node));
        }
    }

    fn moment(&mut self, moment: &Moment<'_>) {
        for (index, name) in &self.interested[moment.kind().trailing_zeros() as usize] {
            self.log.speaker(*index, name, self.now);
            self.invariants[*index].observe(&self.history, moment, &mut self.log);
        }
        self.note_broken();
    }

    fn note_broken(&mut self) {
        while self.trace.is_on() && self.broke_traced < self.log.violations.len() {
            let index = self.broke_traced;
            self.broke_traced += 1;
            let violation = &self.log.violations[index];
            let (node, ops, at) = (violation.node, violation.ops.clone(), violation.at);
            let (label, parent) = (self.cx.label, self.parent);
            self.trace.add(|| Event { at, node, label, parent, ops, what: What::Broke(index as u32) });
        }
    }

    fn note(&mut self, node: NodeId, label: Label, ops: &[OpId], what: impl FnOnce() -> What) -> Option<u32> {
        let (at, parent) = (self.now, self.parent);
        let event = self.trace.add(|| Event { at, node, label, parent, ops: ops.to_vec(), what: what() });
        if event.is_some() {
            self.parent = event;
        }
        event
    }

    /// For runs that never heal: sends the switch to the final phase, and says whether every device has finished it.
    fn is_finished(&mut self) -> bool {
        if !self.finishing {
            if self.now < self.acted_by || self.any_pending() {
                return false;
            }
            self.finishing = true;
            for n in 1..self.slots.len() {
                let node = NodeId(n as u16);
                if self.slots[n].is_up() {
                    let label = Label::new(node, Channel(0), Cause::Finish, Point::Op);
                    self.note(node, label, &[], || What::Finish);
                    self.begin(node, label, Cause::Finish);
                    self.handle(Input::Finish, &[]);
                }
            }
        }
        self.slots.iter().enumerate().all(|(n, slot)| match &slot.seat {
            Seat::Device(device) => inside(NodeId(n as u16), Doing::Finish, || device.finished()),
            _ => true,
        })
    }

    /// Keeps the counts of all outboxes whenever they change.
    fn note_outbox(&mut self) {
        let mut waiting = [0; 4];
        for n in 1..self.slots.len() {
            // A recorded run must be stopped by nothing that leaves it running unrecorded.
            let mut pending = within(|| self.pending(n)).unwrap_or_default();
            pending.dedup_by_key(|one| one.op);
            for one in pending {
                waiting[one.state as usize] += 1;
            }
        }
        let accepted = |record: &&crate::invariants::OpRecord| record.verdict() == Some(Verdict::Accepted);
        let synced = self.history.ops().filter(accepted).count() as u32;
        if self.outbox.last().is_none_or(|last| (last.waiting, last.synced) != (waiting, synced)) {
            self.outbox.push(OutboxAt { at: self.now, waiting, synced });
        }
    }

    fn any_pending(&self) -> bool {
        (1..self.slots.len()).any(|n| !self.pending(n).is_empty())
    }

    /// What a device still wants to do, in order.
    fn pending(&self, n: usize) -> Vec<Pending> {
        let (slot, mut pending) = (&self.slots[n], Vec::new());
        if let Seat::Device(device) = &slot.seat {
            inside(NodeId(n as u16), Doing::Pending, || device.pending(&slot.disk, &mut |one| pending.push(one)));
        }
        pending.sort_unstable();
        pending
    }
}

fn slot_overloaded<S: System>(slot: &Slot<S>, now: Time) -> bool {
    slot.overloaded_until > now
}

fn ops_of(op: &OpId) -> &[OpId] {
    if op.is_some() { std::slice::from_ref(op) } else { &[] }
}

fn verdict_code(verdict: &Verdict) -> u64 {
    match verdict {
        Verdict::Accepted => 1,
        Verdict::Rejected { rule, .. } => 2 + *rule as u64,
        Verdict::Superseded { .. } => 7,
        Verdict::Manual => 8,
    }
}
