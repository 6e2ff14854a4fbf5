//! The reference workload agrees with every other implementation of it, and its injected bugs are found.
//!
//! Why: a simulator that loses or invents events would still be deterministic. The means below come from a million runs
//! of a hand-written loop that shares no code and no random draw with squall. Tolerance: five standard errors of our own
//! mean, which the runs themselves give; chance alone exceeds it once in two million tries, and the seeds are fixed.

#[path = "../benches/reference/mod.rs"]
mod reference;

use reference::{Bug, ODDS, PRODUCT, PRODUCTS, Retail, SALE, Totals, Workload};
use squall::harness::{Luck, Outcome, Plan, run};
use squall::invariants::{History, Invariant, Log, Moment, NodeView, wants};
use squall::model::{Key, RowState};
use squall::sim::{NodeId, Odds};
use std::collections::BTreeMap;

fn run_seed(workload: &mut Workload, bug: Option<Bug>, odds: Odds, seed: u64) -> Outcome {
    let Luck::Drawn(key, _) = workload.draw(seed) else { unreachable!("the workload's luck is drawn") };
    let plan = Plan { invariants: vec![Box::new(Books::default())], record: false };
    run(&Retail { bug }, &workload.scenario, Luck::Drawn(key, odds), plan)
}

/// The workload's own oracle: what its page asks for after every event and at the end.
#[derive(Default)]
struct Books {
    /// The server's stock of a product after so many accepted sales, wherever that sale changed it.
    stock: BTreeMap<(Key, u32), i64>,
    /// The number of accepted sales right after this one.
    accepted: BTreeMap<Key, u32>,
    /// What each device last pulled.
    pulled: BTreeMap<(NodeId, Key), u32>,
}

/// The sum of the amounts of a product's sales that a node shows and `counts` picks.
fn sold(view: &NodeView, product: Key, counts: impl Fn(Key, RowState) -> bool) -> i64 {
    let sales = view.rows.values().filter(|row| row.entity == SALE && row.get(0).as_key() == Some(product));
    sales.filter(|row| counts(row.key, row.state)).map(|row| row.get(1).or_zero()).sum()
}

fn products() -> impl Iterator<Item = Key> {
    (1..=PRODUCTS as u64).map(Key)
}

impl Books {
    fn broke(history: &History<'_>, kind: &'static str, node: NodeId, log: &mut Log) {
        let breach = squall::invariants::Breach { kind, entity: PRODUCT, node, ops: &[], at: None };
        log.broke(history.domain, breach, || kind.to_string());
    }

    /// A device shows what it last pulled less its own sales that the pull did not contain.
    fn check_device(&self, history: &History<'_>, node: NodeId, log: &mut Log) {
        let view = history.node(node);
        for product in products() {
            let row = &view.rows[&(PRODUCT, product)];
            let opening = 10 * history.scenario.devices.len() as i64;
            let base = self.stock.get(&(product, row.version)).map_or(opening, |stock| *stock);
            let own = sold(view, product, |sale, state| {
                state == RowState::Pending || self.accepted.get(&sale).is_none_or(|at| *at > row.version)
            });
            if row.get(0).or_zero() != base + own {
                Books::broke(history, "a device forgot what it sold", node, log);
            }
        }
    }
}

impl Invariant for Books {
    fn name(&self) -> &'static str {
        "books-add-up"
    }
    fn promise(&self) -> &'static str {
        "stock is what was there less what was sold, on every node"
    }
    fn wants(&self) -> u8 {
        wants::WROTE + wants::BETWEEN
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        match moment {
            Moment::Wrote(NodeId::SERVER, write) => {
                let row = write.after.expect("the server deletes nothing");
                if row.entity == PRODUCT {
                    self.stock.insert((row.key, row.version), row.get(0).or_zero());
                    if row.get(0).or_zero() < 0 {
                        Books::broke(history, "stock fell below zero", NodeId::SERVER, log);
                    }
                } else {
                    let view = history.server();
                    let version = products().map(|product| view.rows[&(PRODUCT, product)].version).max();
                    self.accepted.insert(row.key, version.expect("there are products"));
                }
            }
            Moment::Wrote(node, write) => {
                let Some(row) = write.after.filter(|row| row.entity == PRODUCT) else { return };
                let before = self.pulled.insert((*node, row.key), row.version);
                if before.is_some_and(|before| before > row.version) {
                    Books::broke(history, "a device went back to older stocks", *node, log);
                }
            }
            Moment::Between(node) if !node.is_server() => self.check_device(history, *node, log),
            _ => {}
        }
    }
    fn judge(&mut self, history: &History<'_>, log: &mut Log) {
        let server = history.server();
        let shown = |view: &NodeView, product: Key| view.rows[&(PRODUCT, product)].get(0).or_zero();
        let opening = 10 * history.scenario.devices.len() as i64;
        for product in products() {
            if shown(server, product) != opening + sold(server, product, |_, _| true) {
                Books::broke(history, "stock was taken without a sale", NodeId::SERVER, log);
            }
            for (n, view) in history.nodes.iter().enumerate() {
                if shown(view, product) != shown(server, product) {
                    Books::broke(history, "a device differs at the end", NodeId(n as u16), log);
                }
            }
        }
    }
}

/// Kinds of breach over some seeds, each with the number of runs that show it.
fn hunt(bug: Option<Bug>, odds: Odds, seeds: u64) -> BTreeMap<&'static str, u32> {
    let mut workload = Workload::new(3);
    let mut found = BTreeMap::new();
    for seed in 0..seeds {
        for violation in run_seed(&mut workload, bug, odds, seed).violations {
            *found.entry(violation.kind).or_default() += 1;
        }
    }
    found
}

#[test]
fn totals_agree_with_other_implementations_of_the_workload() {
    let (mut workload, runs) = (Workload::new(3), 4_000);
    let mut all: Vec<Totals> = Vec::new();
    for seed in 0..runs {
        let outcome = run_seed(&mut workload, None, ODDS, seed);
        assert!(outcome.rested, "seed {seed} did not come to rest within an hour");
        assert_eq!(outcome.mistake, None, "seed {seed}");
        assert_eq!(outcome.violations, [], "seed {seed}");
        let totals = Totals::of(&outcome, 3);
        assert_eq!(totals.accepted + totals.rejected + totals.refused, 60, "seed {seed} lost count of a sale");
        all.push(totals);
    }
    type Figure = fn(&Totals) -> u64;
    let expected: [(&str, f64, Figure); 5] = [
        ("events", 242.50, |t| t.events),
        ("accepted", 54.369, |t| t.accepted),
        ("rejected", 4.960, |t| t.rejected),
        ("refused", 0.670, |t| t.refused),
        ("end in microseconds", 631.39e6, |t| t.ended),
    ];
    for (name, expected, figure) in expected {
        let n = runs as f64;
        let mean = all.iter().map(|t| figure(t) as f64).sum::<f64>() / n;
        let variance = all.iter().map(|t| (figure(t) as f64 - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let tolerance = 5.0 * (variance / n).sqrt();
        assert!((mean - expected).abs() < tolerance, "{name}: {mean} on average, not {expected} ± {tolerance}");
    }
}

#[test]
fn a_seed_has_one_fingerprint_and_two_seeds_have_two() {
    let fingerprint = |seed| run_seed(&mut Workload::new(3), None, ODDS, seed).fingerprint;
    for seed in 0..50 {
        assert_eq!(fingerprint(seed), fingerprint(seed), "seed {seed}");
        assert_ne!(fingerprint(seed), fingerprint(seed + 1), "seeds {seed} and {}", seed + 1);
    }
}

#[test]
fn a_drawn_run_replays_to_the_same_fingerprint_from_its_deviations() {
    let mut workload = Workload::new(3);
    for seed in 0..50 {
        let drawn = run_seed(&mut workload, None, ODDS, seed);
        let mut scenario = workload.scenario.clone();
        scenario.schedule = drawn.deviations;
        let replayed = run(&Retail::default(), &scenario, Luck::Replay, Plan { invariants: Vec::new(), record: false });
        assert_eq!(replayed.fingerprint, drawn.fingerprint, "seed {seed}");
        assert_eq!(replayed.unused, [], "seed {seed}");
    }
}

#[test]
fn a_server_without_memory_takes_stock_twice() {
    let found = hunt(Some(Bug::NoIdempotency), ODDS, 100);
    assert!(found["stock was taken without a sale"] > 50, "{found:?}");
}

#[test]
fn a_server_that_does_not_look_sells_below_zero() {
    let found = hunt(Some(Bug::NoValidation), ODDS, 100);
    assert!(found["stock fell below zero"] > 50, "{found:?}");
}

#[test]
fn a_server_that_checks_a_batch_before_it_applies_it_sells_below_zero() {
    let found = hunt(Some(Bug::BatchCheck), ODDS, 2_000);
    assert!(found["stock fell below zero"] > 0, "{found:?}");
}

#[test]
fn a_late_answer_to_a_pull_takes_a_device_back() {
    let often = Odds { duplicate: 32_768, ..ODDS };
    let found = hunt(Some(Bug::StalePull), often, 2_000);
    assert!(found["a device went back to older stocks"] > 0, "{found:?}");
}

#[test]
fn a_rejection_that_is_rolled_back_twice_makes_units_out_of_nothing() {
    let found = hunt(Some(Bug::DoubleRollBack), ODDS, 200);
    assert!(found["a device forgot what it sold"] > 0, "{found:?}");
}
