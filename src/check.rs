//! A system of one's own in a plain test: what was found before is replayed, then a thousand random days are tried.
//!
//! Why: a test needs no program of its own. It fails with what the command line would say, keeps each finding as a
//! story under `scenarios/regressions/`, and runs the stories of that folder before anything new. It explores nothing
//! itself; see [`crate::campaign`]. For proptest, see `squall::strategies`. Entry: [`check`].
//!
//! ```
//! # mod shop {
//! #     use squall::model::retail::RETAIL;
//! #     use squall::prelude::*;
//! #     pub struct Shop;
//! #     pub struct Side;
//! #     #[derive(Clone)]
//! #     pub struct Sale(Op);
//! #     impl Message for Sale {}
//! #     impl System for Shop {
//! #         type Message = Sale;
//! #         type Disk = Vec<Row>;
//! #         type Device = Side;
//! #         type Server = Side;
//! #         fn name(&self) -> &str { "naive" }
//! #         fn domain(&self) -> &'static Domain { &RETAIL }
//! #         fn facts(&self) -> Facts { Facts::new(&["push"]) }
//! #         fn disk(&self, _: NodeId, _: u32, rows: &mut dyn Iterator<Item = Row>) -> Vec<Row> { rows.collect() }
//! #         fn device(&self, _: NodeId, _: &Vec<Row>) -> Side { Side }
//! #         fn server(&self, _: &Vec<Row>) -> Side { Side }
//! #     }
//! #     impl Node for Side {
//! #         type Message = Sale;
//! #         type Disk = Vec<Row>;
//! #         fn handle(&mut self, disk: &mut Vec<Row>, input: Input<Sale>, cx: &mut Context<Sale>) {
//! #             match input {
//! #                 Input::Op(op) => cx.send(NodeId::SERVER, Channel(1), Cause::Op(op.id), [op.id], Sale(op)),
//! #                 Input::Message { message: Sale(op), .. } => {
//! #                     let key = op.lines().first().map_or(op.target, |line| line.key);
//! #                     if let Some(row) = disk.iter_mut().find(|row| row.key == key) {
//! #                         let before = *row;
//! #                         row.set(0, Value::int(row.get(0).or_zero() - op.value(0)), op.id);
//! #                         cx.wrote(Some(before), Some(*row), op.id, Why::Effect);
//! #                     }
//! #                 }
//! #                 _ => {}
//! #             }
//! #         }
//! #         fn rows(&self, disk: &Vec<Row>, visit: &mut dyn FnMut(&Row)) { disk.iter().for_each(visit); }
//! #     }
//! # }
//! # use shop::Shop;
//! use squall::check::{Check, Reason};
//!
//! // In a test: squall::check(&Shop), which panics with the finding. Here the failure is looked at instead.
//! let failed = Check::new(&Shop).runs(64).no_regressions().run().unwrap_err();
//! assert_eq!(failed.reason, Reason::Broken);
//! assert!(failed.to_string().contains("stock-never-negative"), "{failed}");
//! ```

mod excused;
mod failed;

pub use failed::{Failed, Reason};

use crate::campaign::{Campaign, ClockTwin, Report, Vacuity, Verdict, vacuity};
use crate::explore::Profile;
use crate::harness::{Borrowed, Subject};
use crate::regressions::{Regressions, Replay, Replayed};
use crate::report::words::plural;
use excused::Excused;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Replays the saved stories of this system, then tries 1,000 random days of the profile `default`, from seed 0.
///
/// That is the same as [`Check::new`] and [`Check::assert`]; use these for another profile, more runs, another folder.
///
/// A thousand days of a small system take about half a second on two cores without optimisation; days on which much
/// happens take longer, and so does a finding, for it is shrunk in some thousand runs. `opt-level = 2` under
/// `[profile.test]` buys several times as many days in the same time: [`Check::runs`]. What one day shows depends on
/// neither optimisation nor threads.
///
/// # Panics
/// With the finding as the command line shows it, if a promise is broken in a saved story or on a new day; with its file,
/// if a saved story guards nothing any more; with what never happened, if the days tested nothing; if the system runs differently twice, or reports other rows than it
/// holds; and if a file of the folder cannot be read.
#[track_caller]
pub fn check(system: &impl Subject) {
    Check::new(system).assert();
}

/// A check of one system, to be set up and run.
pub struct Check<'a> {
    system: &'a dyn Subject,
    profile: String,
    seeds: Range<u64>,
    regressions: Option<Regressions>,
    never: Vec<String>,
}

/// A check that held.
#[derive(Clone, Debug)]
pub struct Held {
    /// The saved stories that were replayed; some of their deviations may no longer come up.
    pub regressions: Vec<Replayed>,
    /// How many stories of the folder name other systems only.
    pub passed_over: usize,
    /// What the random days have to say.
    pub report: Report,
    /// What never happened in them.
    pub vacuity: Vacuity,
}

impl Held {
    /// What to look at, although all held: a folder full of stories of which none is this system's.
    pub fn note(&self) -> Option<String> {
        let (files, name) = (plural(self.passed_over as u64, "file"), &self.report.system);
        (self.regressions.is_empty() && self.passed_over > 0).then(|| {
            format!(
                "squall: note: the folder of saved stories holds {files}, and none is about `{name}`. If the system had another \
                 name before, give them its new one"
            )
        })
    }
}

/// What was done, and which promises were not checked.
impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { system, profile, runs, .. } = &self.report;
        let (files, days) = (plural(self.regressions.len() as u64, "saved file"), plural(*runs, "day"));
        write!(f, "squall: {system} held in {files} and on {days} under profile {profile}")?;
        let unchecked: Vec<&str> = self.vacuity.not_applicable.iter().map(|(name, _)| *name).collect();
        if unchecked.is_empty() { Ok(()) } else { write!(f, "; not checked: {}", unchecked.join(", ")) }
    }
}

impl<'a> Check<'a> {
    /// A check of 1,000 days of the profile `default`, after the stories under `scenarios/regressions/`.
    pub fn new(system: &'a impl Subject) -> Check<'a> {
        let regressions = Some(Regressions::default());
        Check { system, profile: "default".into(), seeds: 0..1_000, regressions, never: Vec::new() }
    }

    /// Another number of days, from the same first seed on. Below 1,000, what never happened is not held against them.
    #[must_use]
    pub fn runs(mut self, runs: u64) -> Check<'a> {
        self.seeds.end = self.seeds.start.saturating_add(runs);
        self
    }

    /// Other days.
    #[must_use]
    pub fn seeds(mut self, seeds: Range<u64>) -> Check<'a> {
        self.seeds = seeds;
        self
    }

    /// Another profile: `polite`, `default`, `swarm`, `heavy`; with faults switched off by name: `heavy,no-restore,no-wipe`.
    #[must_use]
    pub fn profile(mut self, name: &str) -> Check<'a> {
        self.profile = name.into();
        self
    }

    /// Another folder of stories.
    #[must_use]
    pub fn regressions(mut self, folder: impl Into<PathBuf>) -> Check<'a> {
        self.regressions = Some(Regressions::in_folder(folder));
        self
    }

    /// No folder: nothing is replayed, and findings are not saved.
    #[must_use]
    pub fn no_regressions(mut self) -> Check<'a> {
        self.regressions = None;
        self
    }

    /// What never happens in this system, so that its absence is no failure: names of invariants, faults, verbs, channels,
    /// and devices (`till-1`) that never send. A name that would mean two things is preceded by its kind: `verb:push`.
    ///
    /// That no op arrives at all, or none is answered, cannot be excused.
    #[must_use]
    pub fn never_happens(mut self, names: &[&str]) -> Check<'a> {
        self.never.extend(names.iter().map(ToString::to_string));
        self
    }

    /// Runs the check.
    ///
    /// # Errors
    /// Why it failed, with the text that [`Check::assert`] panics with.
    pub fn run(&self) -> Result<Held, Failed> {
        let profile = Profile::find(&self.profile).map_err(|unknown| Failed::unusable(&unknown))?;
        let excused = Excused::of(self.system, &self.never).map_err(|wrong| Failed::unusable(&wrong))?;
        let subject: Arc<dyn Subject + '_> = Arc::new(ClockTwin::watching(Arc::new(Borrowed(self.system))));
        let Replay { stories, passed_over } = match &self.regressions {
            Some(regressions) => regressions.replay(&*subject).map_err(|unusable| Failed::unusable(&unusable))?,
            None => Replay::default(),
        };
        if let Some(failed) = Failed::again(&*subject, &stories) {
            return Err(failed);
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let campaign = Campaign { threads, ..Campaign::new(subject.clone(), profile, self.seeds.clone()) };
        let mut report = campaign.run(&|_| {});
        let mut vacuity = vacuity(&report, &profile, &*subject);
        report.mistakes.extend(vacuity.mistake.take());
        excused.apply(&mut vacuity);
        let mistaken = !report.mistakes.is_empty() || !report.model_mistakes.is_empty();
        let sound = report.failed == 0 && report.nondeterministic.is_none() && !mistaken;
        if sound && vacuity.verdict != Verdict::Vacuous {
            return Ok(Held { regressions: stories, passed_over, report, vacuity });
        }
        let unstable = report.nondeterministic.is_some();
        let saved = report.findings.iter().map(|finding| match &self.regressions {
            Some(_) if unstable => Err("the system is not deterministic, so the story may end differently".into()),
            Some(folder) => {
                folder.keep(&*subject, &report.system, &report.profile, finding).map_err(|no| no.to_string())
            }
            None => Err("this check keeps no regressions".into()),
        });
        let saved = saved.collect();
        Err(Failed::found(&*subject, &profile, stories, report, &vacuity, saved))
    }

    /// Runs the check; if it holds, one line on standard output says what that is worth (`cargo test -- --nocapture` shows
    /// it). If the folder holds stories and none is this system's, a note on standard error says so: it may
    /// have been renamed, and a folder may also serve several systems.
    ///
    /// # Panics
    /// If it fails; see [`check`].
    #[track_caller]
    pub fn assert(&self) {
        match self.run() {
            Err(failed) => panic!("{failed}"),
            Ok(held) => {
                println!("{held}");
                held.note().into_iter().for_each(|note| eprintln!("{note}"));
            }
        }
    }
}
