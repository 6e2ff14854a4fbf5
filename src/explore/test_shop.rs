//! A tiny shop for tests of explorers, shrinker and campaigns: one bug that can be repaired, one promise it breaks.
//!
//! A till sends each sale at once and again after a time-out; the server takes the stock line by line, each line in its
//! own transaction, and (unless repaired) does not recognise a sale that it has seen. It is no model of a good engine.

use crate::harness::{Luck, Outcome, Plan, Subject, run};
use crate::invariants::{Breach, History, Invariant, Log, Moment, wants};
use crate::model::retail::{PRODUCT, RETAIL, SELL, field};
use crate::model::{Domain, Entity, Key, Op, Row, Scenario, Step, Value};
use crate::sim::{Cause, Channel, Deviation, Label, NodeId, OpId, Span, Time};
use crate::system::{Context, Facts, Input, Message, Node, Reports, System, Task, Timer, Verdict, Why, Word};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const PUSH: Channel = Channel(1);
const TIME_OUT: Channel = Channel(2);

/// The shop; `remembers` repairs it.
pub(crate) struct TestShop {
    remembers: bool,
}

impl TestShop {
    pub(crate) fn forgetful() -> TestShop {
        TestShop { remembers: false }
    }
    pub(crate) fn repaired() -> TestShop {
        TestShop { remembers: true }
    }
}

/// One till sells one of five at one second; faults end at a minute.
pub(crate) fn one_sale(mut schedule: Vec<Deviation>) -> Scenario {
    schedule.sort_unstable();
    let mut scenario = Scenario::new(&RETAIL);
    scenario.devices.push("till-1".into());
    let mut row = Row::new(PRODUCT, Key(1));
    row.set(field::STOCK, Value::int(5), OpId::NONE);
    scenario.rows.push(("X".into(), row));
    let op = Op::new(OpId(1), NodeId(1), SELL).line(Key(1), 1);
    scenario.steps.push(Step { at: Time::ZERO + Span::secs(1), op });
    scenario.op_names.insert(OpId(1), "sale-1".into());
    Scenario { schedule, heal: Time::ZERO + Span::mins(1), ..scenario }
}

impl Subject for TestShop {
    fn name(&self) -> String {
        if self.remembers { "repaired-shop".into() } else { "forgetful-shop".into() }
    }
    fn domain(&self) -> &'static Domain {
        &RETAIL
    }
    fn facts(&self) -> Facts {
        System::facts(&Shop { remembers: self.remembers })
    }
    fn run(&self, scenario: &Scenario, luck: Luck, record: bool) -> Outcome {
        let invariants: Vec<Box<dyn Invariant>> = vec![Box::new(OneEffect::default())];
        run(&Shop { remembers: self.remembers }, scenario, luck, Plan { invariants, record })
    }
}

#[derive(Default)]
struct OneEffect {
    seen: BTreeSet<(OpId, Key)>,
}

impl Invariant for OneEffect {
    fn name(&self) -> &'static str {
        "one-effect-per-op"
    }
    fn promise(&self) -> &'static str {
        "a sale takes each of its products once"
    }
    fn wants(&self) -> u8 {
        wants::WROTE
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        let Moment::Wrote(node, write) = moment else { return };
        let Some(row) = write.after.filter(|_| node.is_server()) else { return };
        log.exercised();
        if !self.seen.insert((write.op, row.key)) {
            let breach = Breach { kind: "applied twice", entity: PRODUCT, node: *node, ops: &[write.op], at: None };
            log.broke(history.domain, breach, || "a sale took its product twice".into());
        }
    }
    fn restored(&mut self, history: &History<'_>, _: Time) {
        self.seen.retain(|(op, _)| history.op(*op).is_some_and(|record| record.on_server.is_some()));
    }
}

#[derive(Clone)]
pub(crate) enum Talk {
    Sale(Op),
    Done(OpId),
}

impl Message for Talk {
    fn bytes(&self) -> u32 {
        64
    }
}

#[derive(Clone, Default)]
pub(crate) struct Disk {
    rows: BTreeMap<(Entity, Key), Row>,
    outbox: Vec<Op>,
    seen: BTreeSet<OpId>,
    half_done: BTreeMap<Task, (Op, usize, NodeId, Label)>,
    tasks: u32,
}

struct Shop {
    remembers: bool,
}
struct Till;
struct Server {
    remembers: bool,
}

impl System for Shop {
    type Message = Talk;
    type Disk = Disk;
    type Device = Till;
    type Server = Server;
    fn name(&self) -> &str {
        "shop"
    }
    fn domain(&self) -> &'static Domain {
        &RETAIL
    }
    fn facts(&self) -> Facts {
        Facts {
            channels: &["push", "push-time-out"],
            time_outs: &[TIME_OUT],
            pulls: &[],
            longest_period: Span::secs(10),
            retry: None,
            clock_bound: Some(Span::days(100)),
            sent_within: None,
            reports: Reports { verdicts: true, words: true, ..Reports::NOTHING },
            goals: &["a sale was sent again", "a sale took nothing"],
            out_of_reach: 0,
            server: true,
        }
    }
    fn disk(&self, _: NodeId, _: u32, rows: &mut dyn Iterator<Item = Row>) -> Disk {
        Disk { rows: rows.map(|row| ((row.entity, row.key), row)).collect(), ..Disk::default() }
    }
    fn device(&self, _: NodeId, _: &Disk) -> Till {
        Till
    }
    fn server(&self, _: &Disk) -> Server {
        Server { remembers: self.remembers }
    }
}

fn push(op: Op, cx: &mut Context<Talk>) {
    cx.send(NodeId::SERVER, PUSH, Cause::Op(op.id), [op.id], Talk::Sale(op));
    cx.set_timer(Timer { channel: TIME_OUT, number: op.id.0 }, Span::secs(5), Some(Cause::Op(op.id)));
}

impl Node for Till {
    type Message = Talk;
    type Disk = Disk;
    fn handle(&mut self, disk: &mut Disk, input: Input<Talk>, cx: &mut Context<Talk>) {
        match input {
            Input::Op(op) if op.verb == SELL => {
                disk.outbox.push(op);
                cx.tell(op.id, Word::Saved);
                push(op, cx);
            }
            Input::Message { message: Talk::Done(op), .. } => {
                disk.outbox.retain(|waiting| waiting.id != op);
                cx.cancel_timer(Timer { channel: TIME_OUT, number: op.0 });
                cx.tell(op, Word::Synced);
            }
            Input::Timer(timer) => {
                if let Some(op) = disk.outbox.iter().find(|op| op.id.0 == timer.number) {
                    cx.reach(0);
                    push(*op, cx);
                }
            }
            Input::Booted => {
                for op in disk.outbox.clone() {
                    push(op, cx);
                }
            }
            _ => {}
        }
    }
    fn rows(&self, disk: &Disk, visit: &mut dyn FnMut(&Row)) {
        disk.rows.values().for_each(visit);
    }
}

impl Server {
    fn line(&self, disk: &mut Disk, (op, index, till, request): (Op, usize, NodeId, Label), cx: &mut Context<Talk>) {
        if let Some(line) = op.lines().get(index)
            && let Some(row) = disk.rows.get_mut(&(PRODUCT, line.key))
        {
            let before = *row;
            row.set(field::STOCK, Value::int(before.get(field::STOCK).or_zero() - line.value), op.id);
            let after = *row;
            cx.wrote(Some(before), Some(after), op.id, Why::Effect);
        }
        if index + 1 < op.lines().len() {
            disk.tasks += 1;
            let task = Task(disk.tasks);
            disk.half_done.insert(task, (op, index + 1, till, request));
            cx.resume(task);
        } else {
            cx.decide(op.id, Verdict::Accepted);
            cx.reply(till, request, [op.id], Talk::Done(op.id));
        }
    }
}

impl Node for Server {
    type Message = Talk;
    type Disk = Disk;
    fn handle(&mut self, disk: &mut Disk, input: Input<Talk>, cx: &mut Context<Talk>) {
        match input {
            Input::Message { from, message: Talk::Sale(op) } => {
                if !disk.seen.insert(op.id) && self.remembers {
                    let request = cx.request();
                    return cx.reply(from, request, [op.id], Talk::Done(op.id));
                }
                let request = cx.request();
                self.line(disk, (op, 0, from, request), cx);
            }
            Input::Resume(task) => {
                if let Some(rest) = disk.half_done.remove(&task) {
                    self.line(disk, rest, cx);
                }
            }
            _ => {}
        }
    }
    fn rows(&self, disk: &Disk, visit: &mut dyn FnMut(&Row)) {
        disk.rows.values().for_each(visit);
    }
}
