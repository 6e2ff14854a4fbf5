//! What a day says: of itself in a few lines, and of a promise that broke on it as a table.
//!
//! Here a story is saved, once, because the text names its file. Whether a promise broke is not decided here.

use super::{Broken, Day, Origin};
use crate::harness::Subject;
use crate::model::Scenario;
use crate::regressions::again;
use crate::report::{Place, Style, Telling, finding, words};
use crate::scenario::Saved;
use std::fmt;

/// Ops and deviations that a day's short form shows of each.
const SHOWN: usize = 8;

impl Day {
    /// Saves the story the first time, and says what broke, where, and how to see it again.
    pub(super) fn text(&self, system: &dyn Subject, broken: &Broken) -> String {
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
