//! The story table against a small system written for this test: what stands on which line, at which width.
//!
//! The system sells without asking: a device takes from its shelf, pushes when told to or when its time-out passes, and
//! pulls every ten seconds; the server takes whatever it is sent. It is no example of a good engine.

use squall::harness::{Luck, Outcome, Plan, run};
use squall::invariants::{Breach, History, Invariant, Log, Moment, wants};
use squall::model::command;
use squall::model::retail::{self, field};
use squall::model::{Domain, Key, Op, Row, Scenario, Step, Value};
use squall::report::{Style, table};
use squall::sim::{Cause, Channel, Deviation, Fate, Label, NodeId, OpId, Point, Span, Time};
use squall::system::{Context, Facts, Input, Message, Node, Reports, System, Timer, Verdict, Why, Word, Write};

const PUSH: Channel = Channel(1);
const PULL: Channel = Channel(2);
const PULL_TICK: Channel = Channel(3);
const TIME_OUT: Channel = Channel(4);

#[derive(Clone)]
enum Wire {
    Push(Op),
    Taken(OpId),
    Pull,
    Rows(Vec<Row>),
}

impl Message for Wire {
    fn bytes(&self) -> u32 {
        100
    }
}

struct Naive;

struct Shop {
    outbox: Vec<Op>,
}

fn sell(disk: &mut [Row], op: &Op, cx: &mut Context<Wire>) {
    for line in op.lines() {
        if let Some(row) = disk.iter_mut().find(|row| row.key == line.key) {
            let before = *row;
            row.set(field::STOCK, Value::int(row.get(field::STOCK).or_zero() - line.value), op.id);
            cx.wrote(Some(before), Some(*row), op.id, Why::Effect);
        }
    }
}

impl Shop {
    fn push(&mut self, cx: &mut Context<Wire>) {
        for op in &self.outbox {
            cx.send(NodeId::SERVER, PUSH, Cause::Op(op.id), [op.id], Wire::Push(*op));
            cx.set_timer(Timer { channel: TIME_OUT, number: op.id.0 }, Span::secs(2), Some(Cause::Op(op.id)));
        }
    }
}

impl Node for Shop {
    type Message = Wire;
    type Disk = Vec<Row>;

    fn handle(&mut self, disk: &mut Vec<Row>, input: Input<Wire>, cx: &mut Context<Wire>) {
        let tick = Timer { channel: PULL_TICK, number: 0 };
        match input {
            Input::Booted if !cx.node().is_server() => cx.set_timer(tick, Span::secs(10), None),
            Input::Op(op) if op.verb == retail::SELL => {
                sell(disk, &op, cx);
                self.outbox.push(op);
                cx.tell(op.id, Word::Saved);
            }
            Input::Op(op) if op.verb == command::SYNC => self.push(cx),
            Input::Timer(Timer { channel: TIME_OUT, number }) if self.outbox.iter().any(|op| op.id.0 == number) => {
                self.push(cx);
            }
            Input::Timer(timer) if timer == tick => {
                cx.send(NodeId::SERVER, PULL, cx.cause(), [], Wire::Pull);
                cx.set_timer(tick, Span::secs(10), None);
            }
            Input::Message { message: Wire::Taken(id), .. } => {
                self.outbox.retain(|op| op.id != id);
                cx.cancel_timer(Timer { channel: TIME_OUT, number: id.0 });
                cx.tell(id, Word::Synced);
            }
            Input::Message { message: Wire::Rows(rows), .. } => {
                for (row, new) in disk.iter_mut().zip(rows) {
                    let before = *row;
                    *row = new;
                    cx.wrote(Some(before), Some(new), OpId::NONE, Why::Copied);
                }
            }
            Input::Message { from, message: Wire::Push(op) } => {
                sell(disk, &op, cx);
                cx.decide(op.id, Verdict::Accepted);
                cx.reply(from, cx.request(), [op.id], Wire::Taken(op.id));
            }
            Input::Message { from, message: Wire::Pull } => cx.reply(from, cx.request(), [], Wire::Rows(disk.clone())),
            _ => {}
        }
    }

    fn rows(&self, disk: &Vec<Row>, visit: &mut dyn FnMut(&Row)) {
        disk.iter().for_each(visit);
    }
}

impl System for Naive {
    type Message = Wire;
    type Disk = Vec<Row>;
    type Device = Shop;
    type Server = Shop;

    fn name(&self) -> &str {
        "naive"
    }
    fn domain(&self) -> &'static Domain {
        &retail::RETAIL
    }
    fn facts(&self) -> Facts {
        Facts {
            channels: &["push", "pull", "pull-tick", "push-time-out"],
            time_outs: &[TIME_OUT],
            pulls: &[PULL],
            longest_period: Span::secs(10),
            retry: None,
            clock_bound: None,
            sent_within: None,
            reports: Reports { verdicts: true, words: true, pulls: true, ..Reports::NOTHING },
            goals: &[],
            out_of_reach: 0,
            server: true,
        }
    }
    fn disk(&self, _: NodeId, _: u32, rows: &mut dyn Iterator<Item = Row>) -> Vec<Row> {
        rows.collect()
    }
    fn device(&self, _: NodeId, _: &Vec<Row>) -> Shop {
        Shop { outbox: Vec::new() }
    }
    fn server(&self, _: &Vec<Row>) -> Shop {
        Shop { outbox: Vec::new() }
    }
}

struct NeverNegative;

impl Invariant for NeverNegative {
    fn name(&self) -> &'static str {
        "stock-never-negative"
    }
    fn promise(&self) -> &'static str {
        "the server's stock is never below zero"
    }
    fn wants(&self) -> u8 {
        wants::WROTE
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        if let Moment::Wrote(node, Write { after: Some(row), op, .. }) = moment
            && node.is_server()
            && row.get(field::STOCK).or_zero() < 0
        {
            let breach = Breach { kind: "negative", entity: row.entity, node: *node, ops: &[*op], at: None };
            log.broke(history.domain, breach, || "the server's stock of X went below zero".into());
        }
    }
}

fn at(secs: u64, op: Op) -> Step {
    Step { at: Time::ZERO + Span::secs(secs), op }
}

/// Two tills with five units of X, which both sell.
fn two_tills() -> Scenario {
    let mut scenario = Scenario::new(&retail::RETAIL);
    scenario.devices = vec!["till-1".into(), "till-2".into()];
    let product =
        Row::new(retail::PRODUCT, Key(1)).with(field::STOCK, Value::int(5)).with(field::PRICE, Value::int(5_000));
    scenario.rows = vec![("X".into(), product)];
    let op = |id, node, verb| Op::new(OpId(id), NodeId(node), verb);
    scenario.steps = vec![
        at(1, op(1, 1, retail::SELL).line(Key(1), 5)),
        at(2, op(2, 2, retail::SELL).line(Key(1), 5)),
        at(4, op(3, 1, command::SYNC).line(Key::NONE, 1)),
        at(5, op(4, 2, command::SYNC).line(Key::NONE, 1)),
    ];
    scenario.op_names = [(1, "sale-1"), (2, "sale-2"), (3, "sync-1"), (4, "sync-2")]
        .map(|(id, name)| (OpId(id), name.to_string()))
        .into();
    scenario.heal = Time::ZERO + Span::secs(8);
    scenario
}

fn ran(scenario: &Scenario) -> Outcome {
    let outcome = run(&Naive, scenario, Luck::Replay, Plan { invariants: vec![Box::new(NeverNegative)], record: true });
    assert_eq!(outcome.mistake, None);
    assert_eq!(outcome.unused, []);
    outcome
}

fn drawn(scenario: &Scenario, style: Style) -> String {
    let text = table(scenario, &System::facts(&Naive), &ran(scenario), style);
    let width = if style.steps { usize::MAX } else { style.width };
    assert!(text.lines().all(|line| line.chars().count() <= width), "wider than {width}:\n{text}");
    text
}

fn with(width: usize) -> Style {
    Style { width, ..Style::default() }
}

fn lost_answer() -> Scenario {
    let mut scenario = two_tills();
    let send = Label::new(NodeId(1), PUSH, Cause::Op(OpId(1)), Point::Send).attempt(1);
    scenario.schedule = vec![Deviation { label: send.point(Point::Reply), fate: Fate::Drop }];
    scenario
}

fn late_request() -> Scenario {
    let mut scenario = two_tills();
    let send = Label::new(NodeId(1), PUSH, Cause::Op(OpId(1)), Point::Send).attempt(1);
    scenario.schedule = vec![Deviation { label: send, fate: Fate::Delay(Span::millis(1_500)) }];
    scenario
}

#[test]
fn a_story_at_120_columns() {
    insta::assert_snapshot!(drawn(&two_tills(), with(120)));
}

#[test]
fn a_story_at_80_columns_wraps_inside_its_columns() {
    insta::assert_snapshot!(drawn(&two_tills(), with(80)));
}

#[test]
fn a_story_at_60_columns_is_still_readable() {
    insta::assert_snapshot!(drawn(&two_tills(), with(60)));
}

#[test]
fn a_story_with_more_devices_than_columns_is_listed() {
    let mut scenario = two_tills();
    scenario.devices.push("till-3".into());
    insta::assert_snapshot!(drawn(&scenario, with(60)));
}

#[test]
fn a_lost_answer_is_drawn_from_the_server_and_the_time_out_follows() {
    insta::assert_snapshot!(drawn(&lost_answer(), with(120)));
}

#[test]
fn a_late_request_is_named_again_where_it_arrives() {
    insta::assert_snapshot!(drawn(&late_request(), with(120)));
}

#[test]
fn a_link_that_is_down_and_a_kill_are_part_of_the_story() {
    let mut scenario = two_tills();
    scenario.schedule = vec![
        Deviation {
            label: Label::interference(NodeId(1), Point::Offline, 1),
            fate: Fate::During(Time::ZERO + Span::millis(3_500), Span::secs(2), 0),
        },
        Deviation {
            label: Label::interference(NodeId(2), Point::Kill, 1),
            fate: Fate::During(Time::ZERO + Span::secs(3), Span::secs(1), 0),
        },
    ];
    insta::assert_snapshot!(drawn(&scenario, with(120)));
}

#[test]
fn every_step_is_shown_with_the_labels_that_a_schedule_would_use() {
    let text = drawn(&two_tills(), Style { width: 160, color: false, steps: true });
    assert!(text.contains("till-1.push.sale-1.try-1.send"), "{text}");
    assert!(text.contains("pull-tick-1"), "{text}");
}

#[test]
fn colour_adds_no_word() {
    let plain = drawn(&lost_answer(), with(120));
    let painted = table(
        &lost_answer(),
        &System::facts(&Naive),
        &ran(&lost_answer()),
        Style { width: 120, color: true, steps: false },
    );
    assert_ne!(painted, plain);
    let mut bare = String::new();
    let mut escaped = false;
    for c in painted.chars() {
        match (escaped, c) {
            (false, '\u{1b}') => escaped = true,
            (true, 'm') => escaped = false,
            (false, c) => bare.push(c),
            _ => {}
        }
    }
    assert_eq!(bare, plain);
}
