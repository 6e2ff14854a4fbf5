//! Runs a range of seeds on several threads and reports.
//!
//! Blocks of seeds are handed out in order; a thread that took one finishes it, so a campaign that is stopped has done a
//! whole number of blocks from the start of its range. No clock is read here: a time limit is a flag that somebody sets.

use super::divergence::divergence;
use super::finding::{Breadth, examine, findings, suspects};
use super::report::{Progress, Report};
use super::tally::Tally;
use super::twin::{ClockTwin, Compare};
use crate::explore::{Profile, generate};
use crate::harness::{Luck, Outcome, Subject};
use crate::model::Scenario;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Runs spent on shrinking one failure after an early stop.
pub(super) const SHRINK_BUDGET_STOPPED: u32 = 600;
/// Seeds handed to a thread at once.
pub(super) const BLOCK: u64 = 64;
/// After so many seeds the campaign looks whether enough failures were found.
const WAVE: u64 = 2_048;
/// Every so many seeds one is run twice, besides the first of the range.
const TWICE: u64 = 128;

/// A range of runs of one system under one profile.
pub struct Campaign<'a> {
    /// The system.
    pub subject: Arc<dyn Subject + 'a>,
    /// Where its luck comes from.
    pub profile: Profile,
    /// Which seeds.
    pub seeds: Range<u64>,
    /// How many threads; the report does not depend on it.
    pub threads: usize,
    /// Set from outside (a time limit, Ctrl-C): the range ends early, failures so far are shrunk briefly and reported.
    pub stop: Arc<AtomicBool>,
    /// Ends the range once so many runs have failed; looked at every 2,048 seeds, so that threads change nothing.
    pub stop_after: Option<u64>,
    /// How a run under slightly wrong clocks is held against the same run under true ones, if it is.
    pub twin: Option<Compare>,
    /// How many stories are told.
    pub breadth: Breadth,
}

impl<'a> Campaign<'a> {
    /// A campaign on one thread without limits.
    pub fn new(subject: Arc<dyn Subject + 'a>, profile: Profile, seeds: Range<u64>) -> Campaign<'a> {
        let stop = Arc::new(AtomicBool::new(false));
        Campaign {
            subject,
            profile,
            seeds,
            threads: 1,
            stop,
            stop_after: None,
            twin: None,
            breadth: Breadth::default(),
        }
    }

    /// Does the runs, shrinks failures, and reports. `progress` is called from any thread after each block of runs.
    pub fn run(&self, progress: &(dyn Fn(Progress) + Sync)) -> Report {
        let subject: Arc<dyn Subject + 'a> = match self.twin {
            Some(compare) => Arc::new(ClockTwin::new(self.subject.clone(), compare)),
            None => self.subject.clone(),
        };
        let of = self.seeds.end.saturating_sub(self.seeds.start);
        let mut tally = Tally::default();
        let mut from = self.seeds.start;
        while from < self.seeds.end {
            let until = self.seeds.end.min(from.saturating_add(WAVE));
            let wave = self.wave(&*subject, from..until, &tally, progress);
            let done = wave.runs;
            tally.merge(&wave);
            from += done;
            let enough = self.stop_after.is_some_and(|most| tally.failed >= most);
            if enough || from < until || self.stop.load(Ordering::Relaxed) {
                break;
            }
        }
        let stopped = tally.runs < of;
        let interrupted = self.stop.load(Ordering::Relaxed);
        let suspects = suspects(&tally, self.breadth);
        let shrunk = AtomicUsize::new(0);
        let examined = in_parallel(self.threads, suspects.len(), &|n| {
            let one = examine(self, &*subject, suspects[n], interrupted);
            let shrunk = (shrunk.fetch_add(1, Ordering::Relaxed) + 1, suspects.len());
            progress(Progress { runs: tally.runs, of, events: tally.events, failed: tally.failed, shrunk });
            one
        });
        let findings = findings(self, &*subject, &mut tally, examined);
        let mut report = Report::of(self, tally, findings, stopped);
        if let Some(unstable) = &mut report.nondeterministic {
            let (scenario, luck) = self.scenario(unstable.seed);
            let parted = guarded(|| divergence(&|| subject.run(&scenario, luck, true)));
            unstable.divergence = parted.unwrap_or_default();
        }
        report
    }

    /// Runs a range of seeds, or a part of it from its start if the campaign is stopped meanwhile.
    fn wave(
        &self,
        subject: &dyn Subject,
        seeds: Range<u64>,
        before: &Tally,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Tally {
        let of = self.seeds.end - self.seeds.start;
        let next = AtomicU64::new(0);
        let (runs, events, failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let total: Mutex<Tally> = Mutex::default();
        let work = || {
            let mut own = Tally::default();
            while !self.stop.load(Ordering::Relaxed) {
                let from = seeds.start + next.fetch_add(BLOCK, Ordering::Relaxed);
                if from >= seeds.end {
                    break;
                }
                let mut block = Tally::default();
                for seed in from..seeds.end.min(from + BLOCK) {
                    self.one(subject, seed, &mut block);
                }
                let add = |sum: &AtomicU64, n: u64| sum.fetch_add(n, Ordering::Relaxed) + n;
                progress(Progress {
                    runs: before.runs + add(&runs, block.runs),
                    of,
                    events: before.events + add(&events, block.events),
                    failed: before.failed + add(&failed, block.failed),
                    shrunk: (0, 0),
                });
                own.merge(&block);
            }
            total.lock().unwrap_or_else(PoisonError::into_inner).merge(&own);
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads.max(1) {
                scope.spawn(work);
            }
            work();
        });
        total.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn one(&self, subject: &dyn Subject, seed: u64, tally: &mut Tally) {
        let (scenario, luck) = match guarded(|| generate(subject.domain(), &self.profile, seed)) {
            Ok(day) => day,
            Err(text) => {
                tally.runs += 1;
                return tally.mistook(seed, of_its_day(&text));
            }
        };
        let run = || -> Outcome { subject.run(&scenario, luck, false) };
        match guarded(run) {
            Ok(outcome) => {
                tally.count(seed, &outcome);
                if is_run_twice(&self.seeds, seed) {
                    tally.compare(seed, &outcome, guarded(run));
                }
            }
            Err(text) => {
                tally.runs += 1;
                tally.mistook(seed, text);
            }
        }
    }

    /// The scenario and luck of one seed of this campaign, to run it again.
    pub fn scenario(&self, seed: u64) -> (Scenario, Luck) {
        generate(self.subject.domain(), &self.profile, seed)
    }
}

/// Whether a seed of a range is run twice, to see whether the system is deterministic.
pub(super) fn is_run_twice(seeds: &Range<u64>, seed: u64) -> bool {
    seed == seeds.start || seed.is_multiple_of(TWICE)
}

/// What is said of a seed whose day a business could not make up.
pub(super) fn of_its_day(text: &str) -> String {
    format!("its day could not be made up: the business {text}")
}

/// The result, or what a panic said: one seed that trips an assertion must not hide what the others found.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        format!("panicked: {}", text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message"))
    })
}

/// `work` for each number below `count`, results in order.
pub fn in_parallel<T: Send>(threads: usize, count: usize, work: &(dyn Fn(usize) -> T + Sync)) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, T)>> = Mutex::default();
    let take = || loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= count {
            return;
        }
        let result = work(n);
        done.lock().unwrap_or_else(PoisonError::into_inner).push((n, result));
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, count.max(1)) {
            scope.spawn(take);
        }
        take();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::test_shop::TestShop;
    use crate::model::Domain;
    use crate::system::Facts;

    fn campaign(shop: TestShop, profile: &str, runs: u64) -> Campaign<'static> {
        Campaign::new(Arc::new(shop), Profile::find(profile).unwrap(), 100..100 + runs)
    }

    fn text(report: &Report) -> String {
        format!("{report:?}")
    }

    #[test]
    fn one_thread_and_four_report_the_same() {
        let mut campaign = campaign(TestShop::forgetful(), "default", 700);
        let one = campaign.run(&|_| {});
        campaign.threads = 4;
        let four = campaign.run(&|_| {});
        assert_eq!((one.runs, one.stopped), (700, false));
        assert!(one.failed > 0);
        assert_eq!(text(&one), text(&four));
        assert_eq!((one.nondeterministic, one.mistakes.len()), (None, 0));
    }

    #[test]
    fn the_planted_bug_is_found_once_per_story_and_says_who_and_when() {
        let mut campaign = campaign(TestShop::forgetful(), "default", 400);
        assert_eq!(campaign.run(&|_| {}).findings.len(), 1);
        campaign.breadth = Breadth::EveryStory;
        let report = campaign.run(&|_| {});
        let broken = report.broken[0];
        assert!(report.findings.len() > 1);
        for finding in &report.findings {
            assert_eq!(finding.invariant, "one-effect-per-op");
            assert_eq!((finding.runs, finding.first_run), (broken.runs, broken.first_seed - 100 + 1));
            assert!(finding.needed.iter().all(|(_, needed)| *needed), "{:?}", finding.needed);
            assert!(finding.outcome.broke(broken.identity).is_some());
        }
        let mut signatures: Vec<_> = report.findings.iter().map(|finding| &finding.signature).collect();
        signatures.dedup();
        assert_eq!(signatures.len(), report.findings.len());
        assert_eq!((report.findings[0].devices, report.findings[0].ops), (1, 1), "{}", report.findings[0].signature);
    }

    #[test]
    fn the_repaired_shop_breaks_nothing_and_its_digest_differs() {
        let good = campaign(TestShop::repaired(), "default", 300).run(&|_| {});
        assert_eq!((good.failed, good.findings.len()), (0, 0));
        assert_ne!(good.digest, campaign(TestShop::forgetful(), "default", 300).run(&|_| {}).digest);
    }

    #[test]
    fn enough_failures_end_the_range_at_the_same_seed_on_any_number_of_threads() {
        let mut campaign = campaign(TestShop::forgetful(), "default", 10_000);
        campaign.stop_after = Some(1);
        let one = campaign.run(&|_| {});
        campaign.threads = 3;
        assert_eq!((one.runs, one.stopped), (WAVE, true));
        assert_eq!(text(&one), text(&campaign.run(&|_| {})));
    }

    #[test]
    fn a_stopped_campaign_reports_what_it_has_done() {
        let campaign = campaign(TestShop::forgetful(), "default", 100_000);
        let stop = campaign.stop.clone();
        let report = campaign.run(&|progress| stop.store(progress.runs >= 256, Ordering::Relaxed));
        assert!(report.stopped && report.runs >= 256 && report.runs < 100_000);
        assert!(!report.findings.is_empty());
    }

    struct Moody {
        shop: TestShop,
        calls: AtomicU64,
    }
    impl Subject for Moody {
        fn name(&self) -> String {
            "moody".into()
        }
        fn domain(&self) -> &'static Domain {
            self.shop.domain()
        }
        fn facts(&self) -> Facts {
            self.shop.facts()
        }
        fn run(&self, scenario: &Scenario, luck: Luck, record: bool) -> Outcome {
            let call = self.calls.fetch_add(1, Ordering::Relaxed);
            assert!(call != 7, "the eighth run is too much");
            let mut outcome = self.shop.run(scenario, luck, record);
            outcome.fingerprint ^= call;
            outcome
        }
    }

    #[test]
    fn a_system_that_runs_differently_twice_or_panics_is_reported_by_its_seed() {
        let moody = Arc::new(Moody { shop: TestShop::repaired(), calls: AtomicU64::new(0) });
        let report = Campaign::new(moody, Profile::find("polite").unwrap(), 1_000..1_020).run(&|_| {});
        assert_eq!(report.nondeterministic.map(|found| found.seed), Some(1_000));
        assert_eq!(report.mistakes, [(1_006, "panicked: the eighth run is too much".to_string())]);
        assert_eq!(report.runs, 20);
    }
}
