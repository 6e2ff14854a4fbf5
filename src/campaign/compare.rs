//! The same ops and the same luck on several systems, and what each breaks and costs.
//!
//! Why not several campaigns: with common random numbers two systems differ only by what they are. A seed is generated
//! once, from the domain and the profile alone, and every system runs that day; luck is drawn by label, so a message that
//! both systems send meets the same fate. So the difference between two systems is estimated from runs in pairs, which
//! is far sharper than two shares by themselves. It prints nothing. Entry type: [`Comparison`].

use super::divergence::divergence;
use super::estimate::{Estimate, Quantile, Sums, difference, quantile, share};
use super::figure::{Day, FIGURES};
use super::finding::{Breadth, Suspect, examine, findings, suspects};
use super::report::{Progress, Report};
use super::run::{BLOCK, Campaign, guarded, in_parallel, is_run_twice, of_its_day};
use super::tally::Tally;
use super::vacuity::reach_of;
use crate::explore::{Profile, generate};
use crate::harness::{Luck, Outcome, Subject};
use crate::invariants::{Identity, Reach};
use crate::sim::{Key, Odds, Span};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Runs that are shrunk for the story of one cell.
const SHRUNK_PER_CELL: usize = 3;

/// Odds that hold on every day, instead of those that each day draws. In 65,536ths.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fixed {
    /// A message is lost.
    pub loss: Option<u32>,
    /// A message arrives twice.
    pub duplicate: Option<u32>,
    /// A message is late.
    pub delay: Option<u32>,
}

impl Fixed {
    /// How long a message is late at most, on days that draw no such length.
    const LONGEST: Span = Span::secs(90);

    fn apply(&self, luck: Luck, seed: u64) -> Luck {
        if *self == Fixed::default() {
            return luck;
        }
        let (key, mut odds) = match luck {
            Luck::Drawn(key, odds) => (key, odds),
            Luck::Replay => (Key::of_seed(seed), Odds::default()),
        };
        odds.drop = self.loss.unwrap_or(odds.drop);
        odds.duplicate = self.duplicate.unwrap_or(odds.duplicate);
        odds.delay = self.delay.unwrap_or(odds.delay);
        if odds.longest == Span::ZERO {
            odds.longest = Fixed::LONGEST;
        }
        Luck::Drawn(key, odds)
    }
}

/// Systems to be compared.
pub struct Comparison {
    /// The systems, all of one domain; the others are held against the first.
    pub subjects: Vec<Arc<dyn Subject>>,
    /// Where their days come from.
    pub profile: Profile,
    /// Odds that hold on every day.
    pub fixed: Fixed,
    /// Which seeds.
    pub seeds: Range<u64>,
    /// How many threads; the result does not depend on it.
    pub threads: usize,
    /// Set from outside (Ctrl-C): the range ends early and what was run is reported.
    pub stop: Arc<AtomicBool>,
}

/// Whether a promise was put to the test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tested {
    /// Its situation came up.
    Exercised,
    /// Its situation never came up: that it held says nothing.
    Never,
    /// It does not apply to this system, and why.
    NotChecked(&'static str),
}

/// One system and one invariant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    /// The invariant.
    pub invariant: &'static str,
    /// Whether the promise was put to the test.
    pub tested: Tested,
    /// Runs in which it broke.
    pub runs: u64,
    /// Their share of all runs.
    pub share: Estimate,
    /// Runs in which it broke here and held on the first system.
    pub newly_broken: u64,
    /// Runs in which it held here and broke on the first system.
    pub newly_held: u64,
    /// The difference to the first system's share.
    pub difference: Estimate,
}

/// What one system breaks and costs.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its runs as a campaign.
    pub report: Report,
    /// By invariant, in the catalogue's order.
    pub cells: Vec<Cell>,
    /// By [`super::Figure`].
    pub figures: Vec<Estimate>,
    /// The same less the first system's, from runs in pairs.
    pub differences: Vec<Estimate>,
    /// Time from a sale to the server: p50 and p99.
    pub to_server: [Quantile; 2],
    /// Time from a sale to another till: p50 and p99.
    pub to_others: [Quantile; 2],
    tally: Tally,
}

/// What a comparison came to.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Runs of each system.
    pub runs: u64,
    /// Whether it ended before its range did.
    pub stopped: bool,
    /// One for each system.
    pub standings: Vec<Standing>,
}

/// Sums over the runs of one system.
#[derive(Clone, Default)]
struct Row {
    tally: Tally,
    broken: Vec<[u64; 3]>,
    figures: [Sums; FIGURES.len()],
    differences: [Sums; FIGURES.len()],
}

impl Row {
    fn count(&mut self, seed: u64, day: &Day, outcome: &Outcome, first: &Outcome, names: &[&str]) {
        self.tally.count(seed, outcome);
        let breaks = |outcome: &Outcome, name: &str| outcome.violations.iter().any(|one| one.invariant == name);
        self.broken.resize(names.len(), [0; 3]);
        if !outcome.violations.is_empty() || !first.violations.is_empty() {
            for (sums, name) in self.broken.iter_mut().zip(names) {
                let (here, there) = (breaks(outcome, name), breaks(first, name));
                sums[0] += u64::from(here);
                sums[1] += u64::from(here && !there);
                sums[2] += u64::from(there && !here);
            }
        }
        for (n, figure) in FIGURES.iter().enumerate() {
            let (x, base) = (figure.of(outcome), figure.base(day));
            self.figures[n].add(x, base);
            self.differences[n].add(x - figure.of(first), base);
        }
    }

    fn merge(&mut self, other: &Row) {
        self.tally.merge(&other.tally);
        self.broken.resize(self.broken.len().max(other.broken.len()), [0; 3]);
        for (sums, more) in self.broken.iter_mut().zip(&other.broken) {
            sums.iter_mut().zip(more).for_each(|(sum, n)| *sum += n);
        }
        for n in 0..FIGURES.len() {
            self.figures[n].merge(&other.figures[n]);
            self.differences[n].merge(&other.differences[n]);
        }
    }
}

impl Comparison {
    /// A comparison on one thread.
    pub fn new(subjects: Vec<Arc<dyn Subject>>, profile: Profile, seeds: Range<u64>) -> Comparison {
        let stop = Arc::new(AtomicBool::new(false));
        Comparison { subjects, profile, fixed: Fixed::default(), seeds, threads: 1, stop }
    }

    /// Does the runs. `progress` is called from any thread after each block; a run of each system counts as one.
    ///
    /// # Panics
    /// If there is no system, or they run different businesses.
    pub fn run(&self, progress: &(dyn Fn(Progress) + Sync)) -> Compared {
        let domain = self.subjects.first().expect("a comparison has a system").domain();
        assert!(self.subjects.iter().all(|one| one.domain().name == domain.name), "all systems run one business");
        let names: Vec<Vec<&str>> = self.subjects.iter().map(names_of).collect();
        let of = (self.seeds.end - self.seeds.start) * self.subjects.len() as u64;
        let next = AtomicU64::new(self.seeds.start);
        let (runs, events, failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let total: Mutex<Vec<Row>> = Mutex::new(vec![Row::default(); self.subjects.len()]);
        let work = || {
            let mut own = vec![Row::default(); self.subjects.len()];
            while !self.stop.load(Ordering::Relaxed) {
                let from = next.fetch_add(BLOCK, Ordering::Relaxed);
                if from >= self.seeds.end {
                    break;
                }
                let mut block = vec![Row::default(); self.subjects.len()];
                for seed in from..self.seeds.end.min(from + BLOCK) {
                    self.one(seed, &names, &mut block);
                }
                let sum = |of: &dyn Fn(&Tally) -> u64| block.iter().map(|row| of(&row.tally)).sum::<u64>();
                let add = |sum: &AtomicU64, n: u64| sum.fetch_add(n, Ordering::Relaxed) + n;
                progress(Progress {
                    runs: add(&runs, sum(&|tally| tally.runs)),
                    of,
                    events: add(&events, sum(&|tally| tally.events)),
                    failed: add(&failed, sum(&|tally| tally.failed)),
                    shrunk: (0, 0),
                });
                own.iter_mut().zip(&block).for_each(|(row, more)| row.merge(more));
            }
            let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
            total.iter_mut().zip(&own).for_each(|(row, more)| row.merge(more));
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads.max(1) {
                scope.spawn(work);
            }
            work();
        });
        let rows = total.into_inner().unwrap_or_else(PoisonError::into_inner);
        let runs = rows[0].tally.runs;
        let stopped = runs < self.seeds.end - self.seeds.start;
        let standings = rows.into_iter().zip(&self.subjects).map(|(row, subject)| self.standing(row, subject, stopped));
        Compared { runs, stopped, standings: standings.collect() }
    }

    /// One day on every system.
    fn one(&self, seed: u64, names: &[Vec<&str>], rows: &mut [Row]) {
        let (scenario, luck) = match guarded(|| generate(self.subjects[0].domain(), &self.profile, seed)) {
            Ok(day) => day,
            Err(text) => {
                for row in rows {
                    row.tally.runs += 1;
                    row.tally.mistook(seed, of_its_day(&text));
                }
                return;
            }
        };
        let luck = self.fixed.apply(luck, seed);
        let day = Day::of(&scenario);
        let mut first: Option<Outcome> = None;
        for ((subject, names), row) in self.subjects.iter().zip(names).zip(rows) {
            let run = || subject.run(&scenario, luck, false);
            match guarded(run) {
                Ok(outcome) => {
                    row.count(seed, &day, &outcome, first.as_ref().unwrap_or(&outcome), names);
                    if is_run_twice(&self.seeds, seed) {
                        row.tally.compare(seed, &outcome, guarded(run));
                    }
                    first.get_or_insert(outcome);
                }
                Err(text) => {
                    row.tally.runs += 1;
                    row.tally.mistook(seed, text);
                }
            }
        }
    }

    fn standing(&self, row: Row, subject: &Arc<dyn Subject>, stopped: bool) -> Standing {
        let (facts, runs) = (subject.facts(), row.tally.runs);
        let own = subject.invariants();
        let reach = OnceCell::new();
        let look = || reach_of(subject.domain(), &self.profile).unwrap_or(Reach::unknown());
        let cells = self.names().into_iter().map(|name| {
            let n = own.iter().position(|invariant| invariant.name() == name);
            let [broken, more, less] = n.and_then(|n| row.broken.get(n)).copied().unwrap_or_default();
            let exercised = n.is_some_and(|n| row.tally.exercised >> n & 1 == 1) || broken > 0;
            let not_checked = n.map(|n| {
                let why = own[n].not_checked(&facts, subject.domain());
                why.or_else(|| if exercised { None } else { own[n].out_of_reach(reach.get_or_init(look)) })
            });
            let tested = match not_checked.unwrap_or(Some("another system's own")) {
                Some(why) => Tested::NotChecked(why),
                None if exercised => Tested::Exercised,
                None => Tested::Never,
            };
            let (newly_broken, newly_held) = (more, less);
            let difference = difference(more, less, runs);
            let share = share(broken, runs);
            Cell { invariant: name, tested, runs: broken, share, newly_broken, newly_held, difference }
        });
        let mut report = Report::of(&self.campaign(subject), row.tally.clone(), Vec::new(), stopped);
        if let Some(unstable) = &mut report.nondeterministic {
            let (scenario, luck) = generate(subject.domain(), &self.profile, unstable.seed);
            let luck = self.fixed.apply(luck, unstable.seed);
            let parted = guarded(|| divergence(&|| subject.run(&scenario, luck, true)));
            unstable.divergence = parted.unwrap_or_default();
        }
        let metrics = &row.tally.metrics;
        let both = |ended, due| [50, 99].map(|percent| quantile(ended, due, runs, percent));
        Standing {
            cells: cells.collect(),
            figures: FIGURES.iter().zip(&row.figures).map(|(kind, sums)| kind.estimate(sums, runs)).collect(),
            differences: row.differences.iter().map(Sums::ratio).collect(),
            to_server: both(&metrics.sale_to_server, metrics.sales_due),
            to_others: both(&metrics.sale_to_others, metrics.sales_due_elsewhere),
            report,
            tally: row.tally,
        }
    }

    /// The invariants of all systems, each once: those of the catalogue, then single systems' own.
    fn names(&self) -> Vec<&'static str> {
        let mut all: Vec<&str> = Vec::new();
        for name in self.subjects.iter().flat_map(names_of) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        all
    }

    fn campaign(&self, subject: &Arc<dyn Subject>) -> Campaign<'static> {
        Campaign {
            threads: self.threads,
            stop: self.stop.clone(),
            breadth: Breadth::OneStory,
            ..Campaign::new(subject.clone(), self.profile, self.seeds.clone())
        }
    }

    /// Shrinks a few runs of each wanted cell and puts its smallest story into its system's report.
    ///
    /// # Panics
    /// If odds are fixed: a story must replay from its seed.
    pub fn tell(
        &self,
        compared: &mut Compared,
        wanted: &dyn Fn(&str, &str) -> bool,
        progress: &(dyn Fn(Progress) + Sync),
    ) {
        assert!(self.fixed == Fixed::default(), "stories are told of days that their seed gives again");
        for (standing, subject) in compared.standings.iter_mut().zip(&self.subjects) {
            let campaign = self.campaign(subject);
            let tally = &standing.tally;
            let chosen = chosen(tally, &|invariant| wanted(&standing.report.system, invariant));
            let done = AtomicU64::new(0);
            let interrupted = self.stop.load(Ordering::Relaxed);
            let examined = in_parallel(self.threads, chosen.len(), &|n| {
                let one = examine(&campaign, &**subject, chosen[n], interrupted);
                let shrunk = (done.fetch_add(1, Ordering::Relaxed) as usize + 1, chosen.len());
                progress(Progress { runs: tally.runs, of: tally.runs, events: 0, failed: tally.failed, shrunk });
                one
            });
            let mut noted = tally.clone();
            let mut told = findings(&campaign, &**subject, &mut noted, examined);
            told.dedup_by_key(|finding| finding.invariant);
            let stopped = standing.report.stopped;
            standing.report = Report::of(&campaign, noted, told, stopped);
        }
    }
}

/// For each wanted invariant the way in which it broke in most runs: a few of these runs.
fn chosen(tally: &Tally, wanted: &dyn Fn(&str) -> bool) -> Vec<Suspect> {
    let mut most: BTreeMap<&str, (u64, Identity)> = BTreeMap::new();
    for (identity, (runs, _)) in &tally.broken {
        let known = most.entry(identity.invariant).or_insert((*runs, *identity));
        if *runs > known.0 {
            *known = (*runs, *identity);
        }
    }
    let mut taken: BTreeMap<Identity, usize> = BTreeMap::new();
    let mut chosen = suspects(tally, Breadth::EveryStory);
    chosen.retain(|suspect| {
        let foremost = most.get(suspect.identity.invariant).is_some_and(|(_, identity)| *identity == suspect.identity);
        let so_far = taken.entry(suspect.identity).or_default();
        *so_far += 1;
        foremost && *so_far <= SHRUNK_PER_CELL && wanted(suspect.identity.invariant)
    });
    chosen
}

fn names_of(subject: &Arc<dyn Subject>) -> Vec<&'static str> {
    subject.invariants().iter().map(|invariant| invariant.name()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::test_shop::TestShop;

    fn shops() -> Vec<Arc<dyn Subject>> {
        vec![Arc::new(TestShop::forgetful()), Arc::new(TestShop::repaired())]
    }

    fn comparison(runs: u64) -> Comparison {
        Comparison::new(shops(), Profile::find("default").unwrap(), 0..runs)
    }

    #[test]
    fn one_thread_and_three_compare_to_the_same() {
        let mut comparison = comparison(300);
        let one = comparison.run(&|_| {});
        comparison.threads = 3;
        assert_eq!(format!("{one:?}"), format!("{:?}", comparison.run(&|_| {})));
    }

    #[test]
    fn a_column_is_what_a_campaign_of_that_system_alone_finds() {
        let compared = comparison(256).run(&|_| {});
        for (standing, shop) in compared.standings.iter().zip(shops()) {
            let profile = Profile::find("default").unwrap();
            let alone = Campaign::new(shop, profile, 0..256).run(&|_| {});
            assert_eq!(standing.report.broken, alone.broken);
            assert_eq!(standing.report.events, alone.events);
        }
    }

    #[test]
    fn the_planted_bug_is_a_cell_and_its_repair_is_seen_in_pairs() {
        let compared = comparison(300).run(&|_| {});
        let cell = |system: usize| {
            *compared.standings[system].cells.iter().find(|cell| cell.invariant == "one-effect-per-op").unwrap()
        };
        assert!(cell(0).runs > 0 && cell(0).newly_held == 0);
        assert_eq!((cell(1).runs, cell(1).newly_held), (0, cell(0).runs));
        assert!(cell(1).difference.high < 0, "{:?}", cell(1).difference);
        assert!(compared.standings[0].differences.iter().all(|one| *one == Estimate::default()));
    }

    #[test]
    fn a_cell_tells_its_smallest_story_once() {
        let comparison = comparison(200);
        let mut compared = comparison.run(&|_| {});
        comparison.tell(&mut compared, &|system, _| system == "forgetful-shop", &|_| {});
        let told = &compared.standings[0].report.findings;
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].invariant, told[0].devices, told[0].ops), ("one-effect-per-op", 1, 1));
        assert!(compared.standings[1].report.findings.is_empty());
    }

    #[test]
    fn fixed_loss_holds_on_every_day_and_more_of_it_is_not_better() {
        let mut comparison = comparison(100);
        let lost = |comparison: &Comparison| comparison.run(&|_| {}).standings[0].report.faults[0];
        comparison.fixed.loss = Some(0);
        let none = lost(&comparison);
        comparison.fixed.loss = Some(20_000);
        assert_eq!(none, 0);
        assert!(lost(&comparison) > 100);
        comparison.profile = Profile::find("polite").unwrap();
        assert!(lost(&comparison) > 100, "the loss holds under a profile without faults too");
    }
}
