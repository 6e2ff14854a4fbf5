//! Counts what breaks on a preset, by invariant and kind, without shrinking: `hunt PRESET|all PROFILE FROM TO`.
#![allow(clippy::disallowed_types)] // it says how fast it was

use squall::explore::{explicit, generate, profile::Profile};
use squall::harness::{Luck, Subject};
use squall::store::Memory;
use squall::sync::{Engine, presets::PRESETS};
use std::collections::BTreeMap;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let names: Vec<&str> = if a[1] == "all" { PRESETS.iter().map(|p| p.0).collect() } else { vec![&a[1]] };
    let profile = Profile::find(&a[2]).ok().unwrap();
    let (lo, hi): (u64, u64) = (a[3].parse().unwrap(), a[4].parse().unwrap());
    for name in names {
        let policy = PRESETS.iter().find(|p| p.0 == name).unwrap().2;
        let engine: Engine<Memory> = Engine::new(name, policy, &squall::model::retail::RETAIL);
        let subject: &dyn Subject = &engine;
        let start = std::time::Instant::now();
        let mut found: BTreeMap<(String, String, String), (u64, u64, String)> = BTreeMap::new();
        let (mut mistakes, mut p3, mut events, mut norest) = (0, 0, 0, 0);
        let (mut ops, mut acc, mut rej, mut refu, mut exercised) = (0, 0, 0, 0, 0u64);
        for seed in lo..hi {
            let (scenario, luck) = generate(subject.domain(), &profile, seed);
            let o = subject.run(&scenario, luck, false);
            events += o.events;
            exercised |= o.exercised;
            norest += !o.rested as u64;
            ops += o.metrics.ops;
            acc += o.metrics.accepted;
            rej += o.metrics.rejected;
            refu += o.metrics.refused;
            if let Some(m) = &o.mistake {
                mistakes += 1;
                if mistakes < 4 {
                    println!("MISTAKE seed {seed}: {m}");
                }
            }
            if seed % 16 == 0 {
                let again = subject.run(&explicit(&scenario, &o), Luck::Replay, false);
                if again.fingerprint != o.fingerprint {
                    p3 += 1;
                    if p3 < 3 {
                        println!("P3 seed {seed}");
                    }
                }
            }
            for v in &o.violations {
                let e = found.entry((v.invariant.into(), v.kind.into(), v.entity.into())).or_insert((
                    0,
                    seed,
                    v.text.clone(),
                ));
                e.0 += 1;
            }
        }
        let s = start.elapsed().as_secs_f64();
        println!(
            "== {name}: {} runs {:.2}s {:.1} us/run, {:.0} events/run, mistakes {mistakes}, p3 {p3}, norest {norest} ops {ops} acc {acc} rej {rej} refused {refu} exercised {exercised:x}",
            hi - lo,
            s,
            s * 1e6 / (hi - lo) as f64,
            events as f64 / (hi - lo) as f64
        );
        for ((i, k, e), (n, seed, text)) in &found {
            println!("{n:6} {i} / {k} / {e}  seed {seed}: {text}");
        }
    }
}
