//! The reference workload `retail-3x20`: three tills, one server, four products, a lossy network, sixty sales.
//!
//! Why: the same workload exists by hand, in other simulators and as fast as one thread can go, so its totals say whether
//! squall simulates correctly and its time says what squall costs. It is written against [`squall::system`] alone, as a
//! stranger would write it. It does not use the sync engine.
//!
//! One deviation from the page that defines it: the first copy of a duplicated message arrives at the lowest latency,
//! because squall names one fate for a message; five messages in a hundred are meant.

#![allow(dead_code)] // the bench and the test each use a part of it

mod device;
mod server;

pub use device::Till;
pub use server::Office;

use squall::harness::{Luck, Outcome};
use squall::model::domain::{Class, EntitySpec, FieldSpec, Ledger, Promise, Severity, Shape, VerbSpec, everywhere};
use squall::model::{Domain, Effect, Entity, Key, Op, Piece, Row, RowState, Rows, Scenario, Step, Value, Verb};
use squall::sim::{self, Channel, NodeId, Odds, OpId, Span, Time};
use squall::system::{Facts, Message, Reports, RetryBounds, System};

/// Products.
pub const PRODUCTS: usize = 4;
/// Sales of each device.
pub const SALES: usize = 20;
/// Sales in one request at most.
pub const BATCH: usize = 10;

/// Entity `product`: its stock.
pub const PRODUCT: Entity = Entity(0);
/// Entity `sale`: its product and its amount, which is negative.
pub const SALE: Entity = Entity(1);

const PUSH: Channel = Channel(1);
const PULL: Channel = Channel(2);
const TICK: Channel = Channel(3);
const PUSH_TIME_OUT: Channel = Channel(4);
const PULL_TIME_OUT: Channel = Channel(5);
const PUSH_RETRY: Channel = Channel(6);
const PULL_RETRY: Channel = Channel(7);

/// A bug planted on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bug {
    /// B1: the server does not remember which sales it knows.
    NoIdempotency,
    /// B2: the server does not check the stock.
    NoValidation,
    /// B3: a device takes an answer to a pull that is older than what it has.
    StalePull,
    /// B4: a device rolls a rejected sale back every time it hears of it.
    DoubleRollBack,
    /// B5: the server checks all sales of a request before it applies any.
    BatchCheck,
}

/// The system under test.
#[derive(Clone, Copy, Default, Debug)]
pub struct Retail {
    /// What is wrong with it.
    pub bug: Option<Bug>,
}

/// A sale on its way.
#[derive(Clone, Copy, Default, Debug)]
pub struct Sale {
    op: OpId,
    product: u8,
    quantity: u8,
}

/// What the server says about a sale: whether it was accepted, and the number of sales accepted by then.
#[derive(Clone, Copy, Default, Debug)]
pub struct Answer {
    op: OpId,
    product: u8,
    quantity: u8,
    accepted: bool,
    version: u32,
}

impl Answer {
    fn sale(&self) -> Sale {
        Sale { op: self.op, product: self.product, quantity: self.quantity }
    }
}

/// At most [`BATCH`] of something, without a heap.
#[derive(Clone, Copy, Debug)]
pub struct Batch<T> {
    items: [T; BATCH],
    count: u8,
}

impl<T: Copy + Default> Batch<T> {
    fn of(items: impl IntoIterator<Item = T>) -> Batch<T> {
        let mut batch = Batch { items: [T::default(); BATCH], count: 0 };
        for item in items.into_iter().take(BATCH) {
            batch.items[batch.count as usize] = item;
            batch.count += 1;
        }
        batch
    }
    fn items(&self) -> &[T] {
        &self.items[..self.count as usize]
    }
}

/// Stocks and, for each, the number of the accepted sale that last changed it.
#[derive(Clone, Copy, Debug)]
pub struct Shelf {
    stock: [i32; PRODUCTS],
    changed: [u32; PRODUCTS],
}

/// What nodes send each other.
#[derive(Clone, Copy, Debug)]
pub enum Mail {
    /// Sales to be accepted.
    Push(u32, Batch<Sale>),
    /// The answers.
    Pushed(u32, Batch<Answer>),
    /// A question for the stocks.
    Pull(u32),
    /// The stocks after this many accepted sales.
    Pulled(u32, u32, Shelf),
}

impl Message for Mail {
    fn bytes(&self) -> u32 {
        match self {
            Mail::Push(_, sales) => 8 + 6 * u32::from(sales.count),
            Mail::Pushed(_, answers) => 8 + 11 * u32::from(answers.count),
            Mail::Pull(_) => 4,
            Mail::Pulled(..) => 8 + 8 * PRODUCTS as u32,
        }
    }
}

/// What a node keeps durably.
#[derive(Clone, Debug)]
pub enum Disk {
    /// A device's.
    Device(device::Notebook),
    /// The server's.
    Server(server::Books),
}

impl System for Retail {
    type Message = Mail;
    type Disk = Disk;
    type Device = Till;
    type Server = Office;

    fn name(&self) -> &str {
        "retail-3x20"
    }
    fn domain(&self) -> &'static Domain {
        &DOMAIN
    }
    fn facts(&self) -> Facts {
        Facts {
            channels: &["push", "pull", "tick", "push-time-out", "pull-time-out", "push-retry", "pull-retry"],
            time_outs: &[PUSH_TIME_OUT, PULL_TIME_OUT],
            pulls: &[PULL],
            longest_period: Span::secs(300),
            retry: Some(RetryBounds { attempts: None, delays: [Span::ZERO; 5], batch: BATCH as u32 }),
            clock_bound: None,
            sent_within: None,
            reports: Reports {
                verdicts: true,
                words: true,
                pending: true,
                sends: true,
                pulls: true,
                ..Reports::NOTHING
            },
            goals: &[],
            out_of_reach: 0,
            server: true,
        }
    }
    fn disk(&self, who: NodeId, _install: u32, rows: &mut dyn Iterator<Item = Row>) -> Disk {
        let mut shelf = Shelf { stock: [0; PRODUCTS], changed: [0; PRODUCTS] };
        for row in rows {
            shelf.stock[row.key.0 as usize - 1] = row.get(0).or_zero() as i32;
        }
        if who.is_server() {
            Disk::Server(server::Books::new(shelf))
        } else {
            Disk::Device(device::Notebook::new(who, shelf))
        }
    }
    fn device(&self, _who: NodeId, _disk: &Disk) -> Till {
        Till::new(self.bug)
    }
    fn server(&self, _disk: &Disk) -> Office {
        Office::new(self.bug)
    }
    fn in_scope(&self, device: NodeId, row: &Row) -> bool {
        row.entity == PRODUCT || row.actor == device.0
    }
}

fn product_row(shelf: &Shelf, product: usize) -> Row {
    let mut row = Row::new(PRODUCT, Key(product as u64 + 1));
    row.version = shelf.changed[product];
    row.fields[0] = Value::int(i64::from(shelf.stock[product]));
    row
}

fn sale_row(sale: Sale, actor: NodeId, state: RowState) -> Row {
    let mut row = Row::new(SALE, Key::made(sale.op, 0));
    (row.origin, row.actor, row.state) = (sale.op, actor.0, state);
    row.set(0, Value::int(i64::from(sale.product) + 1), sale.op);
    row.set(1, Value::int(-i64::from(sale.quantity)), sale.op);
    row
}

/// The business: products with a stock, and sales.
pub static DOMAIN: Domain = Domain {
    name: "reference",
    first_entity: 0,
    entities: &[
        EntitySpec {
            name: "product",
            fields: &[FieldSpec { name: "stock", class: Class::Quantity, severity: Severity::Medium }],
        },
        EntitySpec {
            name: "sale",
            fields: &[
                FieldSpec { name: "product", class: Class::Reference(PRODUCT), severity: Severity::Medium },
                FieldSpec { name: "amount", class: Class::Frozen, severity: Severity::Medium },
            ],
        },
    ],
    first_verb: 0,
    verbs: &[VerbSpec {
        name: "sell",
        tells: "sells",
        stem: "sale",
        shape: Shape::Lines { entity: PRODUCT, signed: false },
        promise: Promise::Durable,
    }],
    ledgers: &[Ledger { account: PRODUCT, quantity: 0, entry: SALE, reference: 0, amount: 1 }],
    parts: &[],
    totals: &[],
    expiry: None,
    unique: &[],
    permission: None,
    receipts: &[Verb(0)],
    scope: everywhere,
    transition,
    pieces: |_, out| out.push(Piece { entity: SALE, part: 0, amount: None }),
    opening: |_, _, _| Vec::new(),
    invent: |_, _, _| None,
};

fn transition(op: &Op, _rows: &dyn Rows, out: &mut Vec<Effect>) {
    let sale = sale_of(op);
    out.push(Effect::Create(sale_row(sale, op.node, RowState::Pending)));
    let (key, delta) = (op.lines()[0].key, -op.value(0));
    out.push(Effect::Add { entity: PRODUCT, key, field: 0, delta });
}

fn sale_of(op: &Op) -> Sale {
    Sale { op: op.id, product: op.lines()[0].key.0 as u8 - 1, quantity: op.value(0) as u8 }
}

/// The workload's scenario, drawn anew for each seed in the same memory.
pub struct Workload {
    /// What [`squall::harness::run`] runs.
    pub scenario: Scenario,
}

impl Workload {
    /// For this many devices; ten times as many units of each product.
    pub fn new(devices: usize) -> Workload {
        let mut scenario = Scenario::new(&DOMAIN);
        scenario.devices = (1..=devices).map(|n| format!("till-{n}")).collect();
        scenario.heal = Time::NEVER;
        scenario.network.latency = Span::millis(10);
        for product in 1..=PRODUCTS as u64 {
            let row = Row::new(PRODUCT, Key(product)).with(0, Value::int(10 * devices as i64));
            scenario.rows.push((format!("product-{product}"), row));
        }
        Workload { scenario }
    }

    /// Draws what the users do under this seed; the luck that belongs to it.
    pub fn draw(&mut self, seed: u64) -> Luck {
        let key = sim::Key::of_seed(seed);
        let steps = &mut self.scenario.steps;
        steps.clear();
        for device in 0..self.scenario.devices.len() {
            let mut sales = [(0, 0, 0); SALES];
            for (n, sale) in sales.iter_mut().enumerate() {
                let draw = key.draw((device * SALES + n) as u64, 100);
                let product = draw.next().below(PRODUCTS as u64) + 1;
                *sale = (draw.below(600_000_000), product, draw.next().next().below(3) as i64 + 1);
            }
            sales.sort_unstable();
            for (at, product, quantity) in sales {
                let id = OpId(steps.len() as u32 + 1);
                let op = Op::new(id, NodeId(device as u16 + 1), Verb(0)).line(Key(product), quantity);
                steps.push(Step { at: Time(at), op });
            }
        }
        Luck::Drawn(key, ODDS)
    }
}

/// A tenth of all messages lost; of the others one in twenty twice; 10 to 500 ms on the way.
pub const ODDS: Odds = Odds {
    drop: 6_554,
    duplicate: 2_949,
    corrupt: 0,
    truncate: 0,
    delay: 0,
    pause: 0,
    kill: 0,
    late: 0,
    longest: Span::ZERO,
    down: Span::ZERO,
    jitter: Span::millis(490),
};

/// The totals by which implementations of the workload are compared.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Totals {
    /// Sales attempted, ticks, copies delivered, timers fired.
    pub events: u64,
    /// Sales accepted.
    pub accepted: u64,
    /// Sales rejected by the server.
    pub rejected: u64,
    /// Sales refused at the till.
    pub refused: u64,
    /// Virtual microseconds to the end.
    pub ended: u64,
}

impl Totals {
    /// Adds another run's totals.
    pub fn add(&mut self, other: Totals) {
        self.events += other.events;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.refused += other.refused;
        self.ended += other.ended;
    }

    /// The totals of one run with this many devices. Booting and the switch to the final phase are no events there.
    pub fn of(outcome: &Outcome, devices: u64) -> Totals {
        Totals {
            events: outcome.events - (devices + 1) - devices,
            accepted: outcome.metrics.accepted,
            rejected: outcome.metrics.rejected,
            refused: outcome.metrics.refused,
            ended: outcome.ended.0,
        }
    }
}
