//! What the whole sync engine costs for one run: seri-sound on the sales and the network of the reference workload.
//!
//! `cargo bench --bench engine` measures with criterion, on both stores, watched and not. `cargo bench --bench engine --
//! --seeds 2000 [--sqlite] [--checked]` runs that many seeds once and prints CPU time and totals in one line.
//!
//! Unlike the reference system the engine sells over the counter of a whole shop: each sale is four rows here, eight on
//! the server with its log, and each comes back to every till. Its faults end after ten minutes, then the run settles.

#[path = "cost/mod.rs"]
mod cost;
#[path = "reference/mod.rs"]
mod reference;

use criterion::Criterion;
use reference::{PRODUCTS, Workload};
use squall::harness::{Outcome, Plan, run};
use squall::invariants;
use squall::model::retail::{PRODUCT, RETAIL, SELL, field};
use squall::model::{Key, Row, Scenario, Value};
use squall::sim::{Span, Time};
use squall::store::{Memory, Store};
use squall::sync::{Engine, presets::SERI_SOUND};
use std::hint::black_box;

const DEVICES: usize = 3;

/// The reference workload's sales in the shop that the engine runs.
struct Shop<St> {
    engine: Engine<St>,
    drawing: Workload,
    scenario: Scenario,
}

impl<St: Store> Shop<St> {
    fn open() -> Shop<St> {
        let mut scenario = Scenario::new(&RETAIL);
        scenario.devices = (1..=DEVICES).map(|n| format!("till-{n}")).collect();
        scenario.network.latency = Span::millis(10);
        scenario.heal = Time::ZERO + Span::secs(600);
        for product in 1..=PRODUCTS as u64 {
            let row = Row::new(PRODUCT, Key(product))
                .with(field::STOCK, Value::int(10 * DEVICES as i64))
                .with(field::PRICE, Value::int(5_000))
                .with(field::THRESHOLD, Value::NULL);
            scenario.rows.push((format!("product-{product}"), row));
        }
        Shop { engine: Engine::new("seri-sound", SERI_SOUND, &RETAIL), drawing: Workload::new(DEVICES), scenario }
    }

    fn one(&mut self, seed: u64, checked: bool) -> Outcome {
        let luck = self.drawing.draw(seed);
        self.scenario.steps.clone_from(&self.drawing.scenario.steps);
        self.scenario.steps.iter_mut().for_each(|step| step.op = step.op.doing(SELL));
        let invariants = if checked { invariants::all() } else { Vec::new() };
        run(&self.engine, &self.scenario, luck, Plan { invariants, record: false })
    }
}

fn measure<St: Store>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("engine on {}", St::NAME));
    for (name, checked) in [("no invariants", false), ("all invariants", true)] {
        let (mut shop, mut seed) = (Shop::<St>::open(), 0);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                seed += 1;
                black_box(shop.one(seed, checked))
            });
        });
    }
    group.finish();
}

fn print_line<St: Store>(seeds: u64, checked: bool) {
    let mut shop = Shop::<St>::open();
    let (mut events, mut accepted, mut rejected, mut refused, mut broken) = (0, 0, 0, 0, 0);
    let spent = cost::cpu_per_run(seeds, |seed| {
        let outcome = shop.one(seed, checked);
        events += outcome.events;
        accepted += outcome.metrics.accepted;
        rejected += outcome.metrics.rejected;
        refused += outcome.metrics.refused;
        broken += outcome.violations.len();
    });
    let mean = |total: u64| total as f64 / seeds as f64;
    println!(
        "engine on {} seeds={seeds} checked={checked} | cpu-us/run {spent} | per run: ev {:.2} acc {:.3} rej {:.3} ref {:.3} | violations {broken}",
        St::NAME,
        mean(events),
        mean(accepted),
        mean(rejected),
        mean(refused),
    );
}

fn main() {
    let asked = |name: &str| std::env::args().any(|argument| argument == name);
    match cost::seeds_asked() {
        #[cfg(feature = "sqlite")]
        Some(seeds) if asked("--sqlite") => print_line::<squall::store::Sqlite>(seeds, asked("--checked")),
        Some(seeds) => print_line::<Memory>(seeds, asked("--checked")),
        None => {
            let mut criterion = Criterion::default().configure_from_args();
            measure::<Memory>(&mut criterion);
            #[cfg(feature = "sqlite")]
            measure::<squall::store::Sqlite>(&mut criterion);
            criterion.final_summary();
        }
    }
}
