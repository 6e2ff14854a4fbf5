//! Strategies for proptest: random days, random luck for ops of one's own, and ops alone.
//!
//! Why: a property of one's own, beside strategies of one's own, gets squall's days, its shrinker and its table. What a
//! day may look like is a profile's business, and proptest decides how many are drawn and from which seed: `cases`,
//! `PROPTEST_CASES`, `rng_seed` and `PROPTEST_RNG_SEED` mean what they always mean.
//!
//! A case is a [`Day`]: a scenario with every fate written down, so that it replays to the same end for ever.
//! [`Day::check`] runs it. If a promise breaks, squall's own shrinker makes the smallest story of it, once; the story is
//! saved under `scenarios/regressions/`, and the case fails with its table. The next time the test runs, the saved
//! stories of this system come first, as they are; one that holds by now is passed over and stays as a regression. One
//! that cannot be judged any more stops the test, with its file: a mistake in the model, or none of its luck comes up.
//!
//! A property sees its days one by one, so it is not held to all that a campaign is: only if no op arrives anywhere in 64
//! drawn days, [`Day::check`] fails. That faults fired and that every promise was put to the test is what
//! [`crate::check()`] looks after.
//!
//! ```
//! use proptest::prelude::*;
//! use squall::harness::Subject;
//! use squall::strategies::{config, days};
//!
//! fn every_day_ends_well(my_engine: impl Subject + 'static) {
//!     // In a test file, this stands in `proptest! { #![proptest_config(config())] #[test] fn … }`.
//!     proptest!(ProptestConfig { cases: 10, ..config() }, |(day in days(my_engine).profile("heavy"), tip in 0..5_u64)| {
//!         prop_assert!(day.scenario().steps.len() as u64 + tip < 100);
//!         day.check()?;
//!     });
//! }
//! # #[cfg(feature = "engine")]
//! # every_day_ends_well({
//! #     use squall::sync::{Engine, presets::SERI_SOUND};
//! #     Engine::<squall::store::Memory>::new("sound", SERI_SOUND, &squall::model::retail::RETAIL)
//! # });
//! ```

mod cuts;
mod day;
mod drawn;
mod ops;
mod tree;

pub use day::Day;
pub use ops::{Ops, OpsTree, ops};
pub use tree::DayTree;

use crate::campaign::{ClockTwin, guarded};
use crate::explore::{Profile, explicit, generate, weather};
use crate::harness::{Luck, Subject};
use crate::model::Scenario;
use crate::regressions::{Regressions, Replay};
use day::{Home, Origin};
use drawn::Drawn;
use proptest::prelude::Rng;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::{Config, Reason, TestRunner};
use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Proptest's configuration without its own memory of failures; everything else is as by default and from the
/// environment.
///
/// Proptest remembers the seed of a failing case in `proptest-regressions/`. A saved story does that better: it is
/// small, it can be read, and it outlives a change of the generator. With both, deleting the story would not forget the
/// failure.
pub fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}

/// Random days of a system, under the profile `default`: what its users do, and what goes wrong.
///
/// Make it once for a test rather than inside of `prop_flat_map`: each replays the saved stories.
pub fn days(system: impl Subject + 'static) -> Days {
    Days { source: Source::new(system), given: Invented }
}

/// Random luck for given ops, under the profile `default`: devices, rows and ops are those of `scenarios`, which is
/// `Just(scenario)` for ops of one's own, or [`ops`]. What stands in a scenario's schedule is kept.
///
/// Shrinking for an assertion of one's own removes bad luck and no op; a broken promise is shrunk like any other. Saved
/// stories come first here, too, with the ops that they were saved with: so check a day before asserting more of it.
pub fn schedules<S: Strategy<Value = Scenario>>(system: impl Subject + 'static, scenarios: S) -> Days<Given<S>> {
    Days { source: Source::new(system), given: Given(scenarios) }
}

/// Where days come from.
#[derive(Clone)]
struct Source {
    system: Arc<dyn Subject>,
    profile: Profile,
    regressions: Option<Regressions>,
    /// Saved stories; `None` before the first case.
    saved: Arc<Mutex<Option<Stories>>>,
    /// What arrived on the days drawn so far.
    drawn: Arc<Drawn>,
}

/// What the saved stories of a system come to.
struct Stories {
    /// Those that still break a promise and were not handed out.
    broken: VecDeque<Day>,
    /// What is wrong with others, if anything is.
    wrong: Option<String>,
}

impl Source {
    fn new(system: impl Subject + 'static) -> Source {
        let system: Arc<dyn Subject> = Arc::new(ClockTwin::watching(Arc::new(system)));
        let profile = Profile::find("default").expect("there is a profile `default`");
        let regressions = Some(Regressions::default());
        Source { system, profile, regressions, saved: Arc::default(), drawn: Arc::default() }
    }

    /// The next saved story that still breaks a promise. Once all are out, what is wrong with others ends the test.
    fn saved(&self) -> Result<Option<Day>, Reason> {
        let Some(regressions) = &self.regressions else { return Ok(None) };
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        if saved.is_none() {
            let replay = regressions.replay(&*self.system);
            let replay = replay.map_err(|unusable| Reason::from(format!("squall: {unusable}")))?;
            *saved = Some(self.stories(replay));
        }
        let Some(stories) = saved.as_mut() else { return Ok(None) };
        match (stories.broken.pop_front(), &stories.wrong) {
            (None, Some(wrong)) => Err(wrong.clone().into()),
            (day, _) => Ok(day),
        }
    }

    fn stories(&self, replay: Replay) -> Stories {
        let mut stories = Stories { broken: VecDeque::new(), wrong: None };
        for one in replay.stories {
            let wrong = match &one.mistake {
                Some(mistake) => Some(format!("in {}: {mistake}", one.path.display())),
                None => one.vacuous.then(|| one.remedy()),
            };
            match (wrong, one.broken) {
                (Some(wrong), _) => {
                    stories.wrong.get_or_insert_with(|| format!("squall: {}", wrong.trim_end()));
                }
                (None, Some(finding)) => {
                    stories.broken.push_back(Day::known(self.home(Origin::File(one.path)), *finding));
                }
                (None, None) => {}
            }
        }
        stories
    }

    fn home(&self, origin: Origin) -> Home {
        Home { system: self.system.clone(), origin, regressions: self.regressions.clone(), drawn: self.drawn.clone() }
    }

    /// The day of a scenario and its luck, with every fate written down.
    fn written(&self, seed: u64, scenario: &Scenario, luck: Luck) -> Day {
        let home = self.home(Origin::Drawn { seed, profile: self.profile.to_string().into() });
        match guarded(|| self.system.run(scenario, luck, false)) {
            Ok(outcome) => {
                self.drawn.count(&self.system.facts(), scenario, &outcome);
                Day::new(home, explicit(scenario, &outcome)).that_ended(outcome.fingerprint)
            }
            Err(text) => Day::new(home, scenario.clone()).that_panicked(&text),
        }
    }
}

/// Seeds that a person can still write down.
fn seed(runner: &mut TestRunner) -> u64 {
    u64::from(runner.rng().next_u32())
}

/// The strategy of [`days`] and [`schedules`]; `G` says where the ops come from.
#[derive(Clone)]
pub struct Days<G = Invented> {
    source: Source,
    given: G,
}

/// Ops that a seed invents.
#[derive(Clone, Copy, Debug)]
pub struct Invented;

/// Ops that come from another strategy.
#[derive(Clone, Debug)]
pub struct Given<S>(S);

impl<G> Days<G> {
    /// Another profile: `polite`, `default`, `swarm`, `heavy`; with faults switched off by name: `heavy,no-restore,no-wipe`.
    ///
    /// # Panics
    /// If there is none of this name, with those that there are.
    #[track_caller]
    pub fn profile(mut self, name: &str) -> Days<G> {
        self.source.profile = Profile::find(name).unwrap_or_else(|unknown| panic!("squall: {unknown}"));
        self
    }

    /// Another folder of saved stories than `scenarios/regressions`.
    pub fn regressions(mut self, folder: impl Into<PathBuf>) -> Days<G> {
        self.source.regressions = Some(Regressions::in_folder(folder));
        self
    }

    /// No folder: nothing is replayed, and findings are not saved.
    pub fn no_regressions(mut self) -> Days<G> {
        self.source.regressions = None;
        self
    }
}

impl<G: fmt::Debug> fmt::Debug for Days<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, profile) = (self.source.system.name(), self.source.profile);
        write!(f, "days of {name} under profile {profile}, ops: {:?}", self.given)
    }
}

impl Strategy for Days<Invented> {
    type Tree = DayTree;
    type Value = Day;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Days<Invented>> {
        if let Some(day) = self.source.saved()? {
            return Ok(DayTree::new(day));
        }
        let seed = seed(runner);
        let (scenario, luck) = generate(self.source.system.domain(), &self.source.profile, seed);
        Ok(DayTree::new(self.source.written(seed, &scenario, luck)))
    }
}

impl<S: Strategy<Value = Scenario>> Strategy for Days<Given<S>> {
    type Tree = DayTree;
    type Value = Day;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Days<Given<S>>> {
        if let Some(day) = self.source.saved()? {
            return Ok(DayTree::of_luck(day, &[]));
        }
        let given = self.given.0.new_tree(runner)?.current();
        let (runs, about) = (self.source.system.domain().name, given.domain.name);
        if runs != about {
            let name = self.source.system.name();
            return Err(format!("squall: {name} runs the domain `{runs}`, and the scenario is of `{about}`").into());
        }
        let seed = seed(runner);
        let (scenario, luck) = weather(&given, &self.source.profile, seed);
        let day = self.source.written(seed, &scenario, luck).with_fixed(&given.schedule);
        Ok(DayTree::of_luck(day, &given.schedule))
    }
}
