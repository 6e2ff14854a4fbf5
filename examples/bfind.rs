#![allow(missing_docs, clippy::type_complexity, clippy::useless_format)]
use squall::cli::Registry;
use squall::explore::{explicit, generate, profile::Profile, shrink, steps};
use squall::harness::{Luck, Outcome, Subject, Systems};
use squall::model::{Domain, Scenario};
use squall::scenario::{Expectation, Found, Story, write};
use std::sync::Arc;
struct D {
    base: Arc<dyn Subject>,
    fixed: Arc<dyn Subject>,
    sound: Arc<dyn Subject>,
    inv: &'static str,
    kind: &'static str,
    entity: &'static str,
    need: &'static str,
}
impl D {
    fn ok(&self, s: &Scenario, o: &Outcome) -> bool {
        if !o.violations.iter().any(|v| {
            v.invariant == self.inv
                && (self.kind.is_empty() || v.kind == self.kind)
                && (self.entity.is_empty() || v.entity == self.entity)
        }) {
            return false;
        }
        if self.need.contains("two-lines") && !s.steps.iter().any(|x| x.op.lines().len() > 1) {
            return false;
        }
        if self.need.contains("kill")
            && !s.schedule.iter().any(|d| d.fault().is_some_and(|f| f.name() == "server-kill"))
        {
            return false;
        }
        if self.need.contains("nofault") && s.schedule.iter().any(|d| d.fault().is_some()) {
            return false;
        }
        let f = self.fixed.run(s, Luck::Replay, false);
        if f.violations
            .iter()
            .any(|v| v.invariant == self.inv && (!self.need.contains("loose") || v.entity == self.entity))
        {
            return false;
        }
        self.sound.run(s, Luck::Replay, false).violations.is_empty()
    }
}
impl Subject for D {
    fn name(&self) -> String {
        self.base.name()
    }
    fn domain(&self) -> &'static Domain {
        self.base.domain()
    }
    fn facts(&self) -> squall::system::Facts {
        self.base.facts()
    }
    fn run(&self, s: &Scenario, l: Luck, r: bool) -> Outcome {
        let mut o = self.base.run(s, l, r);
        if !self.ok(s, &o) {
            o.violations.clear();
        }
        o
    }
}
fn main() {
    let reg = Registry::builtin();
    let rows: &[(&str, &str, &str, &str, &str, &str, &str, &str)] = &[
        (
            "B03-check-then-write",
            "seri-recommended",
            "validation=conditional",
            "stock-conserved",
            "ledger",
            "product",
            "nofault",
            "Validation reads the stock and then writes the difference: two requests read the same.",
        ),
        (
            "B04-sale-without-its-movement",
            "seri-recommended",
            "atomicity=op",
            "op-all-or-nothing",
            "",
            "stock_movement",
            "nofault",
            "The sale is made in its own loop; its movement is refused later in another.",
        ),
        (
            "B05-half-of-a-sale",
            "seri-recommended",
            "atomicity=op",
            "op-all-or-nothing",
            "",
            "stock_movement",
            "two-lines nofault",
            "Of a sale with two lines one moves stock and the other is refused.",
        ),
        (
            "B06-rejected-by-its-own-first-copy",
            "seri-week-1",
            "idempotency=same-transaction",
            "verdict-stable",
            "accepted-then-rejected",
            "sale",
            "nofault",
            "Validation without idempotency: the retry is refused because its first copy took the stock.",
        ),
        (
            "B07-a-time-out-counts-as-synced",
            "seri-recommended",
            "receipt=after-sync-or-unknown",
            "status-truthful",
            "",
            "sale",
            "nofault",
            "The receipt does not wait longer than 5 s, and says synced.",
        ),
        (
            "B08-another-sale-s-error",
            "seri-recommended",
            "rollback-on=own-verdict",
            "status-truthful",
            "rejected-but-present",
            "",
            "nofault",
            "Any stock error in the batch takes back the sale that happens to wait.",
        ),
        (
            "B09-phantom-units",
            "seri-recommended",
            "rollback-stock=derived",
            "stock-conserved",
            "phantom",
            "product",
            "nofault",
            "The rollback adds to a stock that a pull has already replaced.",
        ),
        (
            "B10-the-ghost-of-a-sale",
            "seri-recommended",
            "rollback-scope=whole-op",
            "op-all-or-nothing",
            "",
            "sale",
            "nofault loose",
            "The rollback leaves the movement and the queued items behind.",
        ),
        (
            "B25-check-then-store-key",
            "seri-recommended",
            "idempotency=same-transaction",
            "one-effect-per-op",
            "",
            "sale",
            "nofault",
            "Check, create and store the key are three statements: two copies both pass the check.",
        ),
        (
            "B26-crash-before-the-key",
            "seri-recommended",
            "idempotency=same-transaction",
            "one-effect-per-op",
            "",
            "sale",
            "kill",
            "The server dies after it made the sale and before it stored the key.",
        ),
        (
            "B27-the-key-covers-the-sale-only",
            "seri-recommended",
            "key-covers=everything",
            "one-effect-per-op",
            "",
            "stock_movement",
            "nofault",
            "A retry finds the sale and takes the stock again.",
        ),
        (
            "B28-the-key-has-expired",
            "seri-recommended",
            "key-life=0",
            "one-effect-per-op",
            "",
            "sale",
            "",
            "The key lives for 24 hours, and the device comes back later.",
        ),
        (
            "B54-creates-first",
            "seri-recommended",
            "order=fifo",
            "no-op-lost",
            "undone-by-an-earlier-op",
            "",
            "nofault",
            "Creates are sorted before updates and deletes: a later create overtakes an earlier deletion.",
        ),
    ];
    let only = std::env::args().nth(1).unwrap_or_default();
    let max: u64 = std::env::args().nth(2).map_or(20_000, |x| x.parse().unwrap());
    let want: usize = std::env::args().nth(3).map_or(6, |x| x.parse().unwrap());
    let prof = std::env::args().nth(4).unwrap_or("default".into());
    for (id, base, repair, inv, kind, entity, need, about) in rows {
        if !only.is_empty() && !only.split(',').any(|o| id.starts_with(o)) {
            continue;
        }
        let fixed_name = format!("{base}+{repair}");
        let get = |n: &str| reg.find(n).map_err(|e| format!("{e:?}")).unwrap();
        let d = D { base: get(base), fixed: get(&fixed_name), sound: get("seri-sound"), inv, kind, entity, need };
        let profile = Profile::find(&prof).ok().unwrap();
        let mut best: Option<((usize, usize, usize), u64, Scenario)> = None;
        let mut n = 0;
        let mut hits = 0;
        for seed in 0..max {
            let (s, l) = generate(d.domain(), &profile, seed);
            let o = d.base.run(&s, l, false);
            if !o.violations.iter().any(|v| {
                v.invariant == *inv
                    && (kind.is_empty() || v.kind == *kind)
                    && (entity.is_empty() || v.entity == *entity)
            }) {
                continue;
            }
            hits += 1;
            let e = explicit(&s, &o);
            let o2 = d.run(&e, Luck::Replay, false);
            let Some(v) = o2.violations.iter().find(|v| {
                v.invariant == *inv
                    && (kind.is_empty() || v.kind == *kind)
                    && (entity.is_empty() || v.entity == *entity)
            }) else {
                continue;
            };
            let Some(sh) = shrink(&d, &e, v.identity(), 3000) else { continue };
            let st = steps(&d.facts(), &sh.outcome, &sh.violation);
            let faults = sh.scenario.schedule.iter().filter(|d| d.fault().is_some()).count();
            let size = (faults, sh.scenario.devices.len(), st);
            if best.as_ref().is_none_or(|b| size < b.0) {
                best = Some((size, seed, sh.scenario));
            }
            n += 1;
            if n >= want {
                break;
            }
        }
        match best {
            None => println!("{id}: NOT FOUND, {hits} raw hits"),
            Some((size, seed, scenario)) => {
                println!("{id}: faults {} devices {} steps {} seed {seed} ({n} candidates)", size.0, size.1, size.2);
                let e = |system: &str, violates: Vec<String>, holds: bool| Expectation {
                    system: system.into(),
                    violates,
                    holds,
                    ..Expectation::default()
                };
                let fo = get(&fixed_name).run(&scenario, Luck::Replay, false);
                let fixed_v: Vec<String> = {
                    let mut v: Vec<String> = fo.violations.iter().map(|v| v.invariant.to_string()).collect();
                    v.dedup();
                    v
                };
                let mut seen = vec![];
                for v in fixed_v {
                    if !seen.contains(&v) {
                        seen.push(v);
                    }
                }
                let fx = if seen.is_empty() {
                    e(&fixed_name, vec![], true)
                } else {
                    Expectation { only: true, ..e(&fixed_name, seen, false) }
                };
                let story = Story {
                    title: format!("{id}"),
                    about: Some(about.to_string()),
                    scenario,
                    channels: d.facts().channels,
                    expect: vec![e(base, vec![inv.to_string()], false), fx, e("seri-sound", vec![], true)],
                    found: Some(Found { system: base.to_string(), seed, profile: prof.clone() }),
                };
                std::fs::create_dir_all("/tmp/b").unwrap();
                std::fs::write(format!("/tmp/b/{id}.json"), write(&story)).unwrap();
            }
        }
    }
}
