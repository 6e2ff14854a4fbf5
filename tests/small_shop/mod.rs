//! A small system for tests that stand outside the crate: a till sends each sale until it is confirmed; the server
//! takes it from the stock, and may fail to recognise a sale that comes again.
//!
//! It counts its runs, and it has a business and an invariant of its own.

use squall::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const PRODUCT: Entity = Entity(0);
const STOCK: u8 = 0;
pub const SELL: Verb = Verb(0);
static BUSINESS: Domain = Domain::new(
    "corner-shop",
    &[EntitySpec::new("product", &[FieldSpec::new("stock", Class::Quantity)])],
    &[VerbSpec::new("sell", Shape::Lines { entity: PRODUCT, signed: false })],
);

/// The shop.
#[derive(Clone)]
pub struct SmallShop {
    pub name: &'static str,
    /// Whether the server recognises a sale that comes again.
    pub remembers: bool,
    /// Whether tills send anything at all.
    pub sends: bool,
    /// How many runs were begun.
    pub runs: Arc<AtomicU64>,
}

impl SmallShop {
    pub fn forgetful(name: &'static str) -> SmallShop {
        SmallShop { name, remembers: false, sends: true, runs: Arc::default() }
    }
    pub fn repaired(name: &'static str) -> SmallShop {
        SmallShop { remembers: true, ..SmallShop::forgetful(name) }
    }
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }
    /// The shop, held against its own promise too.
    pub fn watched(&self) -> squall::harness::WithInvariants<SmallShop> {
        with_invariants(self.clone(), || vec![Box::new(TakenOnce::default())])
    }
}

/// A sale takes each of its products once.
#[derive(Default)]
struct TakenOnce {
    seen: BTreeSet<(OpId, Key)>,
}

impl Invariant for TakenOnce {
    fn name(&self) -> &'static str {
        "taken-once"
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
            let breach = Breach { kind: "taken twice", entity: PRODUCT, node: *node, ops: &[write.op], at: None };
            log.broke(history.domain, breach, || "a sale took its product twice".into());
        }
    }
    fn restored(&mut self, _: &History<'_>, _: Time) {
        self.seen.clear();
    }
}

#[derive(Clone)]
pub enum Talk {
    Sale(Op),
    Done(OpId),
    Look,
    Rows(Vec<Row>),
}
impl Message for Talk {}

#[derive(Clone, Default)]
pub struct Disk {
    rows: Vec<Row>,
    outbox: Vec<Op>,
    seen: BTreeSet<OpId>,
}

const TICK: Timer = Timer { channel: Channel(4), number: 0 };

/// A till or the server.
pub struct Side {
    till: bool,
    remembers: bool,
    sends: bool,
}

impl System for SmallShop {
    type Message = Talk;
    type Disk = Disk;
    type Device = Side;
    type Server = Side;
    fn name(&self) -> &str {
        self.name
    }
    fn domain(&self) -> &'static Domain {
        &BUSINESS
    }
    fn facts(&self) -> Facts {
        Facts::new(&["push", "again", "pull", "tick"])
    }
    fn disk(&self, node: NodeId, _: u32, rows: &mut dyn Iterator<Item = Row>) -> Disk {
        if node.is_server() {
            self.runs.fetch_add(1, Ordering::Relaxed);
        }
        Disk { rows: rows.collect(), ..Disk::default() }
    }
    fn device(&self, _: NodeId, _: &Disk) -> Side {
        Side { till: true, remembers: self.remembers, sends: self.sends }
    }
    fn server(&self, _: &Disk) -> Side {
        Side { till: false, remembers: self.remembers, sends: self.sends }
    }
}

fn push(op: Op, cx: &mut Context<Talk>) {
    cx.send(NodeId::SERVER, Channel(1), Cause::Op(op.id), [op.id], Talk::Sale(op));
    cx.set_timer(Timer { channel: Channel(2), number: op.id.0 }, Span::secs(5), Some(Cause::Op(op.id)));
}

impl Node for Side {
    type Message = Talk;
    type Disk = Disk;
    fn handle(&mut self, disk: &mut Disk, input: Input<Talk>, cx: &mut Context<Talk>) {
        match input {
            Input::Op(op) if op.verb == SELL && self.sends => {
                disk.outbox.push(op);
                push(op, cx);
            }
            Input::Message { message: Talk::Done(op), .. } => {
                disk.outbox.retain(|waiting| waiting.id != op);
                cx.cancel_timer(Timer { channel: Channel(2), number: op.0 });
            }
            Input::Timer(TICK) => self.look(cx),
            Input::Timer(timer) => {
                if let Some(op) = disk.outbox.iter().find(|op| op.id.0 == timer.number) {
                    push(*op, cx);
                }
            }
            Input::Booted if self.till && self.sends => {
                self.look(cx);
                disk.outbox.clone().into_iter().for_each(|op| push(op, cx));
            }
            Input::Message { from, message: Talk::Look } => {
                let request = cx.request();
                cx.reply(from, request, [], Talk::Rows(disk.rows.clone()));
            }
            Input::Message { message: Talk::Rows(rows), .. } => copy(disk, rows, cx),
            Input::Message { from, message: Talk::Sale(op) } => {
                let request = cx.request();
                if disk.seen.insert(op.id) || !self.remembers {
                    self.take(disk, op, cx);
                }
                cx.reply(from, request, [op.id], Talk::Done(op.id));
            }
            _ => {}
        }
    }
    fn rows(&self, disk: &Disk, visit: &mut dyn FnMut(&Row)) {
        disk.rows.iter().for_each(visit);
    }
}

/// What the server shows is what the till shows.
fn copy(disk: &mut Disk, rows: Vec<Row>, cx: &mut Context<Talk>) {
    for row in &rows {
        let before = disk.rows.iter().find(|known| known.key == row.key).copied();
        cx.wrote(before, Some(*row), OpId::NONE, Why::Copied);
    }
    disk.rows = rows;
}

impl Side {
    fn look(&self, cx: &mut Context<Talk>) {
        let tick = cx.cause();
        cx.send(NodeId::SERVER, Channel(3), tick, [], Talk::Look);
        cx.set_timer(TICK, Span::secs(60), None);
    }

    /// Takes what there is; a line for more than that is left out.
    fn take(&self, disk: &mut Disk, op: Op, cx: &mut Context<Talk>) {
        for line in op.lines() {
            let row = disk.rows.iter_mut().find(|row| row.key == line.key);
            let Some(row) = row.filter(|row| row.get(STOCK).or_zero() >= line.value) else { continue };
            let before = *row;
            row.set(STOCK, Value::int(before.get(STOCK).or_zero() - line.value), op.id);
            cx.wrote(Some(before), Some(*row), op.id, Why::Effect);
        }
    }
}
