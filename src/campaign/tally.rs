//! What one shard has counted; shards add up to the same whatever ran where.
//!
//! Everything in it is a sum, a union or a minimum, so that merging is commutative and associative.

use crate::harness::{Heard, Metrics, Outcome};
use crate::invariants::Identity;
use crate::sim::choice::FAULTS;
use crate::sim::luck::mix;
use std::collections::BTreeMap;

/// How many failing seeds are kept for each identity and set of faults.
const LOWEST: usize = 3;

/// How often a promise was broken in one way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The promise, how it was broken, and of which entity.
    pub identity: Identity,
    /// Runs that broke it.
    pub runs: u64,
    /// The lowest seed that did.
    pub first_seed: u64,
}

/// Sums over some runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub runs: u64,
    pub events: u64,
    pub failed: u64,
    pub digest: u128,
    pub exercised: u64,
    pub goals: Vec<u64>,
    pub faults: [u64; FAULTS.len()],
    pub metrics: Metrics,
    pub reached_server: u64,
    pub excused: u64,
    pub unrested: u64,
    pub broken: BTreeMap<Identity, (u64, u64)>,
    /// Lowest seeds by identity and set of faults that fired, with their fingerprints.
    pub lowest: BTreeMap<(Identity, u32), Vec<(u64, u64)>>,
    /// Seeds that ran differently a second time: seed, first and second fingerprint.
    pub unstable: Option<(u64, u64, u64)>,
    /// Which verbs, channels and devices were there, and which were answered.
    pub heard: Heard,
    /// Our own bugs: seed and text, lowest seeds first.
    pub mistakes: Vec<(u64, String)>,
    /// Where the system holds something else than it reports, in the same way.
    pub model_mistakes: Vec<(u64, String)>,
}

/// Most mistakes that are kept.
const MISTAKES: usize = 5;

impl Tally {
    /// Counts a run.
    pub(super) fn count(&mut self, seed: u64, outcome: &Outcome) {
        self.runs += 1;
        self.events += outcome.events;
        // What a wrong report makes of a promise is worth nothing.
        let violations = if outcome.mistake.is_none() { &outcome.violations[..] } else { &[] };
        self.failed += u64::from(!violations.is_empty());
        self.digest = self.digest.wrapping_add(digest_of(seed, outcome.fingerprint));
        self.exercised |= outcome.exercised;
        self.goals.resize(64, 0);
        for (goal, count) in self.goals.iter_mut().enumerate() {
            *count += outcome.goals >> goal & 1;
        }
        let mut fired = 0;
        for (fault, count) in self.faults.iter_mut().enumerate() {
            *count += u64::from(outcome.faults[fault]);
            fired |= u32::from(outcome.faults[fault] > 0) << fault;
        }
        self.metrics.add(&outcome.metrics);
        self.reached_server += u64::from(outcome.reached_server);
        self.excused += u64::from(outcome.excused);
        self.unrested += u64::from(!outcome.rested);
        self.heard.add(&outcome.heard);
        for violation in violations {
            let identity = violation.identity();
            let (runs, first) = self.broken.entry(identity).or_insert((0, seed));
            *runs += 1;
            *first = seed.min(*first);
            keep_lowest(self.lowest.entry((identity, fired)).or_default(), &[(seed, outcome.fingerprint)], LOWEST);
        }
        if let Some(mistake) = &outcome.mistake {
            keep_lowest(&mut self.model_mistakes, &[(seed, mistake.clone())], MISTAKES);
        }
    }

    /// Notes a bug of our own.
    pub(super) fn mistook(&mut self, seed: u64, text: String) {
        keep_lowest(&mut self.mistakes, &[(seed, text)], MISTAKES);
    }

    /// Notes that a run went differently the second time.
    pub(super) fn differed(&mut self, seed: u64, first: u64, second: u64) {
        let found = (seed, first, second);
        self.unstable = Some(self.unstable.map_or(found, |known| known.min(found)));
    }

    /// Holds a second run of a seed against its first.
    pub(super) fn compare(&mut self, seed: u64, first: &Outcome, again: Result<Outcome, String>) {
        match again {
            Ok(again) if again.fingerprint != first.fingerprint => {
                self.differed(seed, first.fingerprint, again.fingerprint);
            }
            Ok(_) => {}
            Err(text) => self.mistook(seed, text),
        }
    }

    /// Adds another shard's sums.
    pub(super) fn merge(&mut self, other: &Tally) {
        self.runs += other.runs;
        self.events += other.events;
        self.failed += other.failed;
        self.digest = self.digest.wrapping_add(other.digest);
        self.exercised |= other.exercised;
        self.goals.resize(64, 0);
        for (sum, n) in self.goals.iter_mut().zip(&other.goals) {
            *sum += n;
        }
        for (sum, n) in self.faults.iter_mut().zip(other.faults) {
            *sum += n;
        }
        self.metrics.add(&other.metrics);
        self.reached_server += other.reached_server;
        self.excused += other.excused;
        self.unrested += other.unrested;
        self.heard.add(&other.heard);
        for (identity, (runs, first)) in &other.broken {
            let (sum, lowest) = self.broken.entry(*identity).or_insert((0, *first));
            *sum += runs;
            *lowest = (*lowest).min(*first);
        }
        for (group, seeds) in &other.lowest {
            keep_lowest(self.lowest.entry(*group).or_default(), seeds, LOWEST);
        }
        if let Some((seed, first, second)) = other.unstable {
            self.differed(seed, first, second);
        }
        keep_lowest(&mut self.mistakes, &other.mistakes, MISTAKES);
        keep_lowest(&mut self.model_mistakes, &other.model_mistakes, MISTAKES);
    }
}

fn keep_lowest<T: Ord + Clone>(kept: &mut Vec<T>, more: &[T], most: usize) {
    if kept.len() == most && more.iter().all(|one| *one >= kept[most - 1]) {
        return;
    }
    kept.extend_from_slice(more);
    kept.sort_unstable();
    kept.dedup();
    kept.truncate(most);
}

/// A run's share of the digest: the sum over runs does not depend on their order.
fn digest_of(seed: u64, fingerprint: u64) -> u128 {
    let low = mix(fingerprint ^ mix(seed.wrapping_add(0x9E37_79B9_7F4A_7C15)));
    let high = mix(low ^ fingerprint.rotate_left(32));
    u128::from(high) << 64 | u128::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::test_shop::TestShop;
    use crate::explore::{Profile, generate};
    use crate::harness::Subject;

    #[test]
    fn shards_add_up_to_the_same_in_any_order_and_cut() {
        let (shop, profile) = (TestShop::forgetful(), Profile::find("default").unwrap());
        let shard = |seeds: std::ops::Range<u64>| {
            let mut tally = Tally::default();
            for seed in seeds {
                let (scenario, luck) = generate(shop.domain(), &profile, seed);
                tally.count(seed, &shop.run(&scenario, luck, false));
            }
            tally
        };
        let whole = shard(0..120);
        let mut backwards = shard(70..120);
        backwards.merge(&shard(20..70));
        backwards.merge(&shard(0..20));
        assert!(whole.failed > 0);
        assert_eq!(format!("{whole:?}"), format!("{backwards:?}"));
    }
}
