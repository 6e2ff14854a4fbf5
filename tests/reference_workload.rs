//! The reference workload agrees with every other implementation of it, and its injected bugs are found.
//!
//! Why: a simulator that loses or invents events would still be deterministic. The means below come from a million runs
//! of a hand-written loop that shares no code and no random draw with squall. Tolerance: five standard errors of our own
//! mean, which the runs themselves give; chance alone exceeds it once in two million tries, and the seeds are fixed.

#[path = "../benches/reference/mod.rs"]
mod reference;

use reference::{Bug, ODDS, Retail, Totals, Workload};
use squall::harness::{Luck, Outcome, Plan, run};
use squall::invariants::Invariant;

fn run_seed(workload: &mut Workload, system: &Retail, seed: u64, invariants: Vec<Box<dyn Invariant>>) -> Outcome {
    let luck = workload.draw(seed);
    run(system, &workload.scenario, luck, Plan { invariants, record: false })
}

#[test]
fn totals_agree_with_other_implementations_of_the_workload() {
    let mut workload = Workload::new(3);
    let runs = 4_000;
    let mut all: Vec<Totals> = Vec::new();
    for seed in 0..runs {
        let outcome = run_seed(&mut workload, &Retail::default(), seed, Vec::new());
        assert!(outcome.rested && outcome.mistake.is_none(), "seed {seed}: {:?}", outcome.mistake);
        all.push(Totals::of(&outcome, 3));
    }
    let expected: [(&str, f64, fn(&Totals) -> u64); 5] = [
        ("events", 242.50, |t| t.events),
        ("accepted", 54.369, |t| t.accepted),
        ("rejected", 4.960, |t| t.rejected),
        ("refused", 0.670, |t| t.refused),
        ("end", 631.39e6, |t| t.ended),
    ];
    for (name, expected, figure) in expected {
        let n = runs as f64;
        let mean = all.iter().map(|t| figure(t) as f64).sum::<f64>() / n;
        let variance = all.iter().map(|t| (figure(t) as f64 - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let error = (variance / n).sqrt();
        println!("{name}: {mean} expected {expected} error {error}");
        assert!((mean - expected).abs() < 5.0 * error, "{name}: {mean}, expected {expected} within {}", 5.0 * error);
    }
}
