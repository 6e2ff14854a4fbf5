//! How many conflicts the server of seri-sound decides in a second: two concurrent edits of one field, field by field.
//!
//! Two devices set the price of each product at the same time, without having seen each other's. Each push of the second
//! meets the first one's value, so every product is one conflict that is decided by field, recorded and logged. Only the
//! server's handling of pushes is timed (taking the first edits included); the runs around it are not.

use criterion::{Criterion, Throughput};
use squall::harness::{Luck, Plan, run};
use squall::model::retail::{PRODUCT, RETAIL, SET_PRICE, field};
use squall::model::{Domain, Key, Op, Row, Scenario, Step, Value};
use squall::sim::{NodeId, OpId, Span, Time};
use squall::store::Memory;
use squall::sync::{Device, Engine, Server, Wire, message::Body, presets::SERI_SOUND};
use squall::system::{Context, Facts, Input, Metric, Node, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Products, and so conflicts in a run.
const PRODUCTS: u64 = 200;

/// The engine with a stopwatch around its server's pushes.
struct Timed {
    engine: Engine<Memory>,
    nanos: AtomicU64,
}

struct TimedServer<'a> {
    server: Server<Memory>,
    nanos: &'a AtomicU64,
}

impl Node for TimedServer<'_> {
    type Message = Wire;
    type Disk = Memory;

    #[allow(clippy::disallowed_types, clippy::disallowed_methods)] // a stopwatch outside the core
    fn handle(&mut self, disk: &mut Memory, input: Input<Wire>, cx: &mut Context<Wire>) {
        let counts = match &input {
            Input::Message { message, .. } => matches!(message.body, Body::Push { .. }),
            other => matches!(other, Input::Resume(_)),
        };
        let start = std::time::Instant::now();
        self.server.handle(disk, input, cx);
        if counts {
            self.nanos.fetch_add(start.elapsed().as_nanos() as u64, Relaxed);
        }
    }
    fn rows(&self, disk: &Memory, visit: &mut dyn FnMut(&Row)) {
        self.server.rows(disk, visit);
    }
}

impl<'a> System for &'a Timed {
    type Message = Wire;
    type Disk = Memory;
    type Device = Device<Memory>;
    type Server = TimedServer<'a>;

    fn name(&self) -> &str {
        self.engine.name()
    }
    fn domain(&self) -> &'static Domain {
        self.engine.domain()
    }
    fn facts(&self) -> Facts {
        self.engine.facts()
    }
    fn disk(&self, who: NodeId, install: u32, rows: &mut dyn Iterator<Item = Row>) -> Memory {
        self.engine.disk(who, install, rows)
    }
    fn device(&self, who: NodeId, disk: &Memory) -> Device<Memory> {
        self.engine.device(who, disk)
    }
    fn server(&self, disk: &Memory) -> TimedServer<'a> {
        TimedServer { server: self.engine.server(disk), nanos: &self.nanos }
    }
}

/// Every price is set on both devices within less time than a message takes.
fn two_edits_of_each_price() -> Scenario {
    let mut scenario = Scenario::new(&RETAIL);
    scenario.devices = vec!["till-1".into(), "till-2".into()];
    scenario.network.latency = Span::secs(1);
    scenario.heal = Time::ZERO + Span::secs(60);
    for n in 0..PRODUCTS {
        let key = Key(n + 1);
        let row = Row::new(PRODUCT, key).with(field::STOCK, Value::int(5)).with(field::PRICE, Value::int(5_000));
        scenario.rows.push((format!("product-{n}"), row));
        for device in 0..2 {
            let id = OpId((2 * n + device) as u32 + 1);
            let op = Op::new(id, NodeId(device as u16 + 1), SET_PRICE).on(key).line(Key::NONE, 6_000 + device as i64);
            scenario.steps.push(Step { at: Time(1_000_000 + 2 * n + device), op });
        }
    }
    scenario
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let (timed, scenario) = (
        Timed { engine: Engine::new("seri-sound", SERI_SOUND, &RETAIL), nanos: AtomicU64::new(0) },
        two_edits_of_each_price(),
    );
    let decide_all = || {
        let before = timed.nanos.load(Relaxed);
        let outcome = run(&&timed, &scenario, Luck::Replay, Plan { invariants: Vec::new(), record: false });
        let met = outcome.metrics.counted[Metric::PriceConflicts as usize];
        assert_eq!(met, PRODUCTS, "every product is one conflict, decided once");
        Duration::from_nanos(timed.nanos.load(Relaxed) - before)
    };
    let mut group = criterion.benchmark_group("resolver");
    group.throughput(Throughput::Elements(PRODUCTS));
    group.bench_function("two concurrent edits of one field", |bencher| {
        bencher.iter_custom(|runs| (0..runs).map(|_| decide_all()).sum());
    });
    group.finish();
    criterion.final_summary();
}
