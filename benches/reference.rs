//! What squall costs for each seed of the reference workload, with and without invariants.
//!
//! `cargo bench --bench reference` measures with criterion. `cargo bench --bench reference -- --seeds 20000` runs that
//! many seeds once and prints CPU time and totals in one line, to be interleaved with other implementations; add
//! `--history` or `--checked` for the history that invariants read, or all of them.

#[path = "cost/mod.rs"]
mod cost;
#[path = "reference/mod.rs"]
mod reference;

use criterion::Criterion;
use reference::{Retail, Totals, Workload};
use squall::harness::{Outcome, Plan, run};
use squall::invariants::{self, History, Invariant, Log, Moment};
use std::hint::black_box;

const DEVICES: usize = 3;

/// How closely a run is watched.
#[derive(Clone, Copy)]
enum Watch {
    Nobody,
    History,
    Invariants,
}

/// Looks at nothing, so that what the history costs can be told from what the invariants cost.
struct Bystander;

impl Invariant for Bystander {
    fn name(&self) -> &'static str {
        "bystander"
    }
    fn promise(&self) -> &'static str {
        "nothing"
    }
    fn wants(&self) -> u8 {
        0
    }
    fn observe(&mut self, _history: &History<'_>, _moment: &Moment<'_>, _log: &mut Log) {}
}

impl Watch {
    fn invariants(self) -> Vec<Box<dyn Invariant>> {
        match self {
            Watch::Nobody => Vec::new(),
            Watch::History => vec![Box::new(Bystander)],
            Watch::Invariants => invariants::all(),
        }
    }
}

fn one(workload: &mut Workload, seed: u64, watch: Watch) -> Outcome {
    let luck = workload.draw(seed);
    let invariants = watch.invariants();
    run(&Retail::default(), &workload.scenario, luck, Plan { invariants, record: false })
}

fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("retail-3x20");
    let watches =
        [("no invariants", Watch::Nobody), ("history", Watch::History), ("all invariants", Watch::Invariants)];
    for (name, watch) in watches {
        let (mut workload, mut seed) = (Workload::new(DEVICES), 0);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                seed += 1;
                black_box(one(&mut workload, seed, watch))
            });
        });
    }
    group.finish();
}

fn print_line(seeds: u64, watch: Watch) {
    let mut workload = Workload::new(DEVICES);
    let (mut sum, mut hash) = (Totals::default(), 0u64);
    let spent = cost::cpu_per_run(seeds, |seed| {
        let outcome = one(&mut workload, seed, watch);
        sum.add(Totals::of(&outcome, DEVICES as u64));
        hash = hash.rotate_left(1) ^ outcome.fingerprint;
    });
    let mean = |total: u64| total as f64 / seeds as f64;
    println!(
        "squall seeds={seeds} invariants={} | cpu-us/run {spent} | per run: ev {:.2} acc {:.3} rej {:.3} ref {:.3} end_s {:.2} | hash {hash:016x}",
        watch.invariants().len(),
        mean(sum.events),
        mean(sum.accepted),
        mean(sum.rejected),
        mean(sum.refused),
        mean(sum.ended) / 1e6,
    );
}

fn main() {
    let asked = |name: &str| std::env::args().any(|argument| argument == name);
    match cost::seeds_asked() {
        Some(seeds) => {
            let watch = match (asked("--checked"), asked("--history")) {
                (true, _) => Watch::Invariants,
                (false, true) => Watch::History,
                (false, false) => Watch::Nobody,
            };
            print_line(seeds, watch);
        }
        None => {
            let mut criterion = Criterion::default().configure_from_args();
            measure(&mut criterion);
            criterion.final_summary();
        }
    }
}
