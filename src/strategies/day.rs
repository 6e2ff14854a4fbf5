//! One case: a scenario that replays without any luck, and what is known of it so far.
//!
//! What a check finds is kept beside the day and shared with its value tree, so that a failing case is shrunk and saved
//! once, however often proptest runs it again. It draws nothing.

mod telling;

use super::drawn::Drawn;
use crate::campaign::divergence::divergence;
use crate::campaign::{ClockTwin, Finding, guarded};
use crate::explore::{SHRINK_BUDGET, Shrunk, shrink};
use crate::harness::{Borrowed, Luck, Outcome, Subject};
use crate::invariants::Identity;
use crate::model::Scenario;
use crate::regressions::Regressions;
use crate::report;
use crate::sim::Deviation;
use proptest::test_runner::TestCaseError;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A scenario with every fate written down; see [`super::days`].
#[derive(Clone)]
pub struct Day {
    home: Arc<Home>,
    scenario: Arc<Scenario>,
    /// The fingerprint of the run that was written down.
    ended: Option<u64>,
    /// Whether squall's shrinker has made it what it is.
    smallest: bool,
    checks: Arc<Mutex<Vec<Check>>>,
}

/// What a day has in common with the smaller days that are made of it.
pub(super) struct Home {
    /// The system.
    pub(super) system: Arc<dyn Subject>,
    /// Where the day comes from.
    pub(super) origin: Origin,
    /// Where its story is kept.
    pub(super) regressions: Option<Regressions>,
    /// What arrived on all days that were drawn with it.
    pub(super) drawn: Arc<Drawn>,
}

/// Where a day comes from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// A seed under a profile.
    Drawn { seed: u64, profile: &'static str },
    /// A saved story.
    File(PathBuf),
}

/// What became of a day on one system.
#[derive(Clone)]
struct Check {
    on: On,
    /// The run that broke a promise, if one did.
    run: Option<Broke>,
    /// Whether the test has asked, and not only the value tree.
    asked: bool,
    seen: Seen,
}

/// Which system a day was checked on.
#[derive(Clone, PartialEq, Eq)]
enum On {
    /// The one that it was made for: it is the same whenever it is asked.
    Own,
    /// Another one of this name. Nothing is known of it but what its run shows: a test may make a new one each time.
    Other(String),
}

/// What tells two broken runs of a day apart: the fingerprint, and what broke first.
type Broke = (u64, Identity);

/// How a day ends on one system.
#[derive(Clone)]
pub(super) enum Seen {
    /// Every promise holds.
    Held,
    /// A promise breaks; this is its smallest story.
    Broke(Arc<Broken>),
    /// The run means nothing, and why.
    Unsound(String),
}

/// The smallest story of a broken promise.
pub(super) struct Broken {
    pub(super) finding: Finding,
    /// Other promises that the day breaks.
    also: Vec<&'static str>,
    /// The text of the failure, once the story was saved.
    text: OnceLock<String>,
}

impl Day {
    pub(super) fn new(home: Home, scenario: Scenario) -> Day {
        let (home, scenario) = (Arc::new(home), Arc::new(scenario));
        Day { home, scenario, ended: None, smallest: false, checks: Arc::default() }
    }

    /// A story of which it is known what it breaks.
    pub(super) fn known(home: Home, finding: Finding) -> Day {
        let day = Day { smallest: true, ..Day::new(home, finding.scenario.clone()) };
        let run = broke(&finding.outcome);
        let broken = Broken { finding, also: Vec::new(), text: OnceLock::new() };
        day.remember(Check { on: On::Own, run, asked: false, seen: Seen::Broke(Arc::new(broken)) });
        day
    }

    /// The same, written down from a run that ended in this fingerprint.
    pub(super) fn that_ended(self, fingerprint: u64) -> Day {
        Day { ended: Some(fingerprint), ..self }
    }

    /// The same, on which its system panicked.
    pub(super) fn that_panicked(self, text: &str) -> Day {
        let text = format!("squall: {} {text}, on {self}", self.home.system.name());
        self.remember(Check { on: On::Own, run: None, asked: false, seen: Seen::Unsound(text) });
        self
    }

    /// The same with these deviations, whatever was drawn for their labels.
    pub(super) fn with_fixed(mut self, fixed: &[Deviation]) -> Day {
        if !fixed.is_empty() {
            let schedule = &mut Arc::make_mut(&mut self.scenario).schedule;
            schedule.retain(|drawn| fixed.iter().all(|one| one.label != drawn.label));
            schedule.extend_from_slice(fixed);
            schedule.sort_unstable();
            // It was drawn as if nothing but the interferences among them were fixed.
            self.ended = None;
        }
        self
    }

    /// The same day with less in it.
    pub(super) fn with_less(&self, scenario: Scenario) -> Day {
        let scenario = Arc::new(scenario);
        Day { scenario, ended: None, smallest: false, checks: Arc::default(), ..self.clone() }
    }

    /// What is run: it replays to the same end for ever.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Runs it on any system of its business, with its trace and its end. Nothing is checked: see
    /// [`Outcome::violations`].
    pub fn run(&self, system: &impl Subject) -> Outcome {
        system.run(&self.scenario, Luck::Replay, true)
    }

    /// Runs it on its own system and fails if a promise breaks.
    ///
    /// # Errors
    /// With the smallest story as a table, and where it is saved; also if the system runs differently the second time or
    /// holds other rows than it reports, and if no op arrived anywhere in 64 drawn days.
    pub fn check(&self) -> Result<(), TestCaseError> {
        let system = &*self.home.system;
        told(self.seen_on_its_own(true), system, self)?;
        self.home.drawn.tested_something(&system.name(), &system.facts()).map_err(TestCaseError::fail)
    }

    /// The same on another system of the same business: a repaired one, or one that must agree with the first. It is run
    /// each time; only the story of a run that broke in the same way before is not made again.
    ///
    /// # Errors
    /// Like [`Day::check`].
    pub fn check_on(&self, system: &impl Subject) -> Result<(), TestCaseError> {
        let system = ClockTwin::watching(Arc::new(Borrowed(system)));
        told(self.seen_on_another(&system), &system, self)
    }

    /// How it ends on its own system, for a value tree.
    pub(super) fn seen_by_tree(&self) -> Seen {
        self.seen_on_its_own(false)
    }

    /// The smallest story of what the test has asked for and seen broken.
    pub(super) fn asked_and_broke(&self) -> Option<Arc<Broken>> {
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        checks.iter().filter(|check| check.asked).find_map(|check| match &check.seen {
            Seen::Broke(broken) => Some(broken.clone()),
            _ => None,
        })
    }

    /// Whether its check fails for all that was drawn before it, so that less of it says nothing.
    pub(super) fn fails_for_the_others(&self) -> bool {
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        self.home.drawn.is_vacuous() && checks.iter().any(|check| check.on == On::Own && check.asked)
    }

    /// Whether squall's shrinker has made it what it is.
    pub(super) fn is_smallest(&self) -> bool {
        self.smallest
    }

    /// The day of the smallest story, of which everything is known that is known of this day.
    pub(super) fn smallest(&self, broken: &Broken) -> Day {
        let day = Day { smallest: true, ..self.with_less(broken.finding.scenario.clone()) };
        let run = broke(&broken.finding.outcome);
        let is_this = |check: &&Check| matches!(&check.seen, Seen::Broke(one) if std::ptr::eq(&**one, broken));
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        checks.iter().filter(is_this).for_each(|check| day.remember(Check { run, asked: false, ..check.clone() }));
        day
    }

    fn remember(&self, check: Check) {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).push(check);
    }

    fn seen_on_its_own(&self, asked: bool) -> Seen {
        let mut checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(check) = checks.iter_mut().find(|check| check.on == On::Own) {
            check.asked |= asked;
            return check.seen.clone();
        }
        let system = &*self.home.system;
        let (run, seen) = match self.run_twice(system, self.ended) {
            Ok(outcome) => (broke(&outcome), self.examine(system, outcome)),
            Err(why) => (None, Seen::Unsound(why)),
        };
        checks.push(Check { on: On::Own, run, asked, seen: seen.clone() });
        seen
    }

    fn seen_on_another(&self, system: &dyn Subject) -> Seen {
        let outcome = match self.run_twice(system, None) {
            Ok(outcome) => outcome,
            Err(why) => return Seen::Unsound(why),
        };
        let (on, run) = (On::Other(system.name()), broke(&outcome));
        let mut checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |check: &&mut Check| check.on == on && check.run.is_some() && check.run == run;
        if outcome.mistake.is_none()
            && let Some(check) = checks.iter_mut().find(same)
        {
            check.asked = true;
            return check.seen.clone();
        }
        let seen = self.examine(system, outcome);
        if let Seen::Broke(_) = seen {
            checks.push(Check { on, run, asked: true, seen: seen.clone() });
        }
        seen
    }

    /// Its run, unless another one ended differently: the one that was written down, or else a second one.
    fn run_twice(&self, system: &dyn Subject, before: Option<u64>) -> Result<Outcome, String> {
        let run = || {
            let outcome = guarded(|| system.run(&self.scenario, Luck::Replay, false));
            outcome.map_err(|text| format!("squall: {} {text}, on {self}", system.name()))
        };
        let outcome = run()?;
        let other = before.map_or_else(|| run().map(|second| second.fingerprint), Ok)?;
        if other == outcome.fingerprint {
            return Ok(outcome);
        }
        let parted = divergence(&|| system.run(&self.scenario, Luck::Replay, true));
        let what = format!("{} ran differently the second time, on {self}", system.name());
        let text = report::divergence::failure(&what, &self.scenario, &system.facts(), parted.as_deref());
        Err(format!("squall: {}", text.trim_end()))
    }

    fn examine(&self, system: &dyn Subject, outcome: Outcome) -> Seen {
        if let Some(mistake) = outcome.mistake {
            return Seen::Unsound(format!("squall: a mistake in the model of {}, on {self}: {mistake}", system.name()));
        }
        let Some(first) = outcome.violations.first() else { return Seen::Held };
        let also = outcome.violations.iter().map(|one| one.invariant).filter(|name| *name != first.invariant);
        match guarded(|| shrink(system, &self.scenario, first.identity(), SHRINK_BUDGET)) {
            Err(text) => {
                let name = system.name();
                Seen::Unsound(format!(
                    "squall: {name} {text}, while a breach of {} on {self} was shrunk",
                    first.invariant
                ))
            }
            Ok(Some(shrunk)) => Seen::Broke(Arc::new(self.broken(system, shrunk, also.collect()))),
            Ok(None) => Seen::Unsound(format!(
                "squall: NOT DETERMINISTIC: {} broke {} on {self}, and did not when it was replayed",
                system.name(),
                first.invariant
            )),
        }
    }

    fn broken(&self, system: &dyn Subject, shrunk: Shrunk, mut also: Vec<&'static str>) -> Broken {
        let seed = match self.home.origin {
            Origin::Drawn { seed, .. } => seed,
            Origin::File(_) => 0,
        };
        also.sort_unstable();
        also.dedup();
        Broken { finding: Finding::of(system, shrunk, seed), also, text: OnceLock::new() }
    }
}

/// What broke first in a run, and which run it was.
fn broke(outcome: &Outcome) -> Option<Broke> {
    outcome.violations.first().map(|first| (outcome.fingerprint, first.identity()))
}

/// What proptest is told.
fn told(seen: Seen, system: &dyn Subject, day: &Day) -> Result<(), TestCaseError> {
    match seen {
        Seen::Held => Ok(()),
        Seen::Broke(broken) => Err(TestCaseError::fail(day.text(system, &broken))),
        Seen::Unsound(why) => Err(TestCaseError::fail(why)),
    }
}
