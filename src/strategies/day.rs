//! One case: a scenario that replays without any luck, and what is known of it so far.
//!
//! What a check finds is kept beside the day and shared with its value tree, so that a failing case is shrunk and saved
//! once, however often proptest runs it again. It draws nothing.

use crate::campaign::divergence::divergence;
use crate::campaign::{ClockTwin, Finding, guarded};
use crate::explore::{SHRINK_BUDGET, Shrunk, shrink};
use crate::harness::{Borrowed, Luck, Outcome, Subject};
use crate::model::Scenario;
use crate::regressions::{Regressions, again};
use crate::report::{self, Place, Style, Telling, finding, words};
use crate::scenario::Saved;
use crate::sim::Deviation;
use proptest::test_runner::TestCaseError;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Ops and deviations that a day's short form shows of each.
const SHOWN: usize = 8;

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
    /// The system's name and where it lies; 0 for the day's own.
    system: (String, usize),
    /// Whether the test has asked, and not only the value tree.
    asked: bool,
    seen: Seen,
}

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
        let broken = Broken { finding, also: Vec::new(), text: OnceLock::new() };
        day.remember(Check { system: (day.home.system.name(), 0), asked: false, seen: Seen::Broke(Arc::new(broken)) });
        day
    }

    /// The same, written down from a run that ended in this fingerprint.
    pub(super) fn that_ended(self, fingerprint: u64) -> Day {
        Day { ended: Some(fingerprint), ..self }
    }

    /// The same, on which its system panicked.
    pub(super) fn that_panicked(self, text: &str) -> Day {
        let text = format!("squall: {} {text}, on {self}", self.home.system.name());
        self.remember(Check { system: (self.home.system.name(), 0), asked: false, seen: Seen::Unsound(text) });
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
    /// holds other rows than it reports.
    pub fn check(&self) -> Result<(), TestCaseError> {
        self.judge(&*self.home.system, 0)
    }

    /// The same on another system of the same business: a repaired one, or one that must agree with the first.
    ///
    /// # Errors
    /// Like [`Day::check`].
    pub fn check_on(&self, system: &impl Subject) -> Result<(), TestCaseError> {
        let place = std::ptr::from_ref(system).addr();
        self.judge(&ClockTwin::watching(Arc::new(Borrowed(system))), place)
    }

    fn judge(&self, system: &dyn Subject, place: usize) -> Result<(), TestCaseError> {
        match self.seen(system, place, true) {
            Seen::Held => Ok(()),
            Seen::Broke(broken) => Err(TestCaseError::fail(self.told(system, &broken))),
            Seen::Unsound(why) => Err(TestCaseError::fail(why)),
        }
    }

    /// How it ends on its own system, for a value tree.
    pub(super) fn seen_by_tree(&self) -> Seen {
        self.seen(&*self.home.system, 0, false)
    }

    /// The smallest story of what the test has asked for and seen broken.
    pub(super) fn asked_and_broke(&self) -> Option<Arc<Broken>> {
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        checks.iter().filter(|check| check.asked).find_map(|check| match &check.seen {
            Seen::Broke(broken) => Some(broken.clone()),
            _ => None,
        })
    }

    /// Whether squall's shrinker has made it what it is.
    pub(super) fn is_smallest(&self) -> bool {
        self.smallest
    }

    /// The day of the smallest story, of which everything is known that is known of this day.
    pub(super) fn smallest(&self, broken: &Broken) -> Day {
        let day = Day { smallest: true, ..self.with_less(broken.finding.scenario.clone()) };
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        for check in
            checks.iter().filter(|check| matches!(&check.seen, Seen::Broke(one) if std::ptr::eq(&**one, broken)))
        {
            day.remember(Check { asked: false, ..check.clone() });
        }
        day
    }

    fn remember(&self, check: Check) {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).push(check);
    }

    fn seen(&self, system: &dyn Subject, place: usize, asked: bool) -> Seen {
        let key = (system.name(), place);
        let mut checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(check) = checks.iter_mut().find(|check| check.system == key) {
            check.asked |= asked;
            return check.seen.clone();
        }
        let seen = self.examine(system, place == 0);
        checks.push(Check { system: key, asked, seen: seen.clone() });
        seen
    }

    fn examine(&self, system: &dyn Subject, own: bool) -> Seen {
        let outcome = match guarded(|| system.run(&self.scenario, Luck::Replay, false)) {
            Ok(outcome) => outcome,
            Err(text) => return Seen::Unsound(format!("squall: {} {text}, on {self}", system.name())),
        };
        if own && self.ended.is_some_and(|before| before != outcome.fingerprint) {
            let parted = divergence(&|| system.run(&self.scenario, Luck::Replay, true));
            let parted = report::divergence::text(&self.scenario, &system.facts(), parted.as_deref());
            return Seen::Unsound(format!(
                "squall: NOT DETERMINISTIC: {} ran differently the second time, on {self}.\n{parted}A system decides by what it is \
                 given and by its disk alone: no clock, no random numbers and no hash order of its own",
                system.name()
            ));
        }
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

    /// Saves the story the first time, and says what broke, where, and how to see it again.
    fn told(&self, system: &dyn Subject, broken: &Broken) -> String {
        broken.text.get_or_init(|| self.tell(system, broken)).clone()
    }

    fn tell(&self, system: &dyn Subject, broken: &Broken) -> String {
        let name = system.name();
        let saved = match (&self.home.origin, &self.home.regressions) {
            (Origin::File(path), _) => Ok(Saved::Already(path.clone())),
            (_, None) => Err("these days keep no regressions".into()),
            (Origin::Drawn { profile, .. }, Some(folder)) => {
                folder.keep(system, &name, profile, &broken.finding).map_err(|denied| denied.to_string())
            }
        };
        let (head, seed) = match self.home.origin {
            Origin::Drawn { seed, .. } => (format!("squall: {name} breaks a promise on {self}"), Some(seed)),
            Origin::File(_) => {
                (format!("squall: {name} breaks a promise in a saved story; no new case was tried"), None)
            }
        };
        let (place, again) = match &saved {
            Ok(saved) => (Place::Saved(saved), again()),
            Err(why) => (Place::Nowhere(why), format!("{self}")),
        };
        let telling = Telling { number: 1, known: false, runs: None, seed, place, again: &again };
        let mut text = format!("{head}\n\n");
        text += &finding(&broken.finding, &system.facts(), &telling, Style::default());
        if saved.is_ok() {
            text += "   the file is replayed before any new case; delete it to forget it\n";
        }
        if !broken.also.is_empty() {
            text += &format!("   the same day also breaks {}\n", broken.also.join(", "));
        }
        text.trim_end().into()
    }
}

/// Where it comes from: `the day of seed 5 under profile default`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.home.origin {
            Origin::Drawn { seed, profile } => write!(f, "the day of seed {seed} under profile {profile}"),
            Origin::File(path) => write!(f, "the story in {}", path.display()),
        }
    }
}

/// The day in a few lines.
impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scenario { devices, steps, schedule, .. } = &*self.scenario;
        let count = |n: usize, noun| words::plural(n as u64, noun);
        let (devices, ops) = (count(devices.len(), "device"), count(steps.len(), "op"));
        write!(f, "{self}: {devices}, {ops}, {}", count(schedule.len(), "deviation"))?;
        let names = words::names(&self.scenario, &self.home.system.facts());
        for step in steps.iter().take(SHOWN) {
            let what = words::action(&self.scenario, &step.op, &|_, _| String::new());
            write!(f, "\n  {}  {} {what}", step.at, self.scenario.node_name(step.op.node))?;
        }
        if steps.len() > SHOWN {
            write!(f, "\n  and {} more", count(steps.len() - SHOWN, "op"))?;
        }
        for one in schedule.iter().take(SHOWN) {
            write!(f, "\n  {}", words::deviation(&names, one))?;
        }
        if schedule.len() > SHOWN {
            write!(f, "\n  and {} more", count(schedule.len() - SHOWN, "deviation"))?;
        }
        Ok(())
    }
}
