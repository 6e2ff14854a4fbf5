//! Below an explained run: what the violation needs, the nearest run in which it does not happen, and which single knob
//! would have saved the day.
//!
//! Only for stories: of a random day with dozens of ops and deviations the answers would be long and say little. The
//! searches themselves are [`crate::explore`]'s.

use super::failure::Failure;
use super::output::Out;
use super::registry::Registry;
use super::select::{self, Run};
use crate::explore::{Necessity, NoTwin, Repair, Twin, explicit, necessity, passing_twin, repairs};
use crate::harness::{Outcome, Subject, Systems};
use crate::invariants::Violation;
use crate::model::Scenario;
use crate::report::event::event;
use crate::report::twin::change;
use crate::report::words;
use serde_json::{Value, json};

/// A run with more ops or deviations is no story.
const MOST_OPS: usize = 16;
const MOST_DEVIATIONS: usize = 24;
/// Repairs that are shown as text.
const SHOWN: usize = 3;

/// What can be said about why a promise broke.
pub struct Why {
    violation: Violation,
    scenario: Scenario,
    needs: Vec<Necessity>,
    twin: Result<Box<Twin>, NoTwin>,
    repairs: Vec<Repair>,
}

/// Whether a run is short enough to be asked.
fn is_story(scenario: &Scenario) -> bool {
    scenario.steps.len() <= MOST_OPS && scenario.schedule.len() <= MOST_DEVIATIONS
}

/// Which violation a story is about: the first that its file names, else the first.
fn subject_of<'a>(run: &Run, outcome: &'a Outcome) -> Option<&'a Violation> {
    let system = run.subject.name();
    let expected = run.story.iter().flat_map(|story| &story.expect).find(|expected| expected.system == system);
    let named = expected.iter().flat_map(|expected| &expected.violates);
    let mut broken = named.filter_map(|name| outcome.violations.iter().find(|one| one.invariant == name));
    broken.next().or(outcome.violations.first())
}

/// Looks for the reasons; `None` if nothing broke or the run is no story.
pub fn why(registry: &Registry, run: &Run, outcome: &Outcome) -> Option<Why> {
    let violation = subject_of(run, outcome)?.clone();
    let scenario = match &run.story {
        Some(_) => run.scenario.clone(),
        None => explicit(&run.scenario, outcome),
    };
    if !is_story(&scenario) || outcome.mistake.is_some() {
        return None;
    }
    let (subject, identity) = (&*run.subject, violation.identity());
    let variants = select::watched(registry.repairs(&subject.name(), run.subject.domain()));
    Some(Why {
        needs: necessity(subject, &scenario, identity),
        twin: passing_twin(subject, &scenario, identity),
        repairs: repairs(subject, &variants, &scenario, identity),
        violation,
        scenario,
    })
}

impl Why {
    /// Prints it.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub fn print(&self, subject: &dyn Subject, story: &Outcome, out: &mut Out) -> Result<(), Failure> {
        out.line(format!("\nwhy {} broke", self.violation.invariant))?;
        let names = words::names(&self.scenario, &subject.facts());
        for need in &self.needs {
            let (kind, answer) = (kind(need), answer(need));
            out.line(format!("  {answer:<13}  {kind}: {}", words::deviation(&names, &need.deviation)))?;
        }
        match &self.twin {
            Err(none) => out.line(format!("  nearest passing twin: none; {}", no_twin(*none)))?,
            Ok(twin) => {
                out.line(format!("  nearest passing twin: {}", change(&self.scenario, &names, &twin.change)))?;
                let n = twin.parting.event as u64;
                out.line(format!("     parts at {} after {}", twin.parting.at, words::plural(n, "equal event")))?;
                for (which, moment) in
                    [("story", moment(subject, &self.scenario, story, twin)), ("twin", self.there(subject, twin))]
                {
                    out.line(format!("     {which:<5}    {moment}"))?;
                }
                if !twin.outcome.violations.is_empty() {
                    out.line(format!("     it still breaks {}", twin.outcome.broken().join(", ")))?;
                }
            }
        }
        for (n, repair) in self.repairs.iter().take(SHOWN).enumerate() {
            let label = if n == 0 { "holds when" } else { "" };
            out.line(format!("  {label:<10}  {}{}", repair.text, remark(repair)))?;
        }
        let more = self.repairs.len().saturating_sub(SHOWN);
        if more > 0 {
            out.line(format!(
                "              and {} (all are in --format json)",
                words::plural(more as u64, "other knob")
            ))?;
        }
        Ok(())
    }

    fn there(&self, subject: &dyn Subject, twin: &Twin) -> String {
        moment(subject, &twin.scenario, &twin.outcome, twin)
    }

    /// The same for programs.
    pub fn value(&self, subject: &dyn Subject, story: &Outcome) -> Value {
        let names = words::names(&self.scenario, &subject.facts());
        let needs: Vec<Value> = self
            .needs
            .iter()
            .map(|need| {
                json!({
                    "label": names.label(need.deviation.label),
                    "fate": words::fate(need.deviation.label.get_point(), &need.deviation.fate),
                    "fault": need.deviation.fault().map(|fault| fault.name()),
                    "necessary": need.necessary,
                })
            })
            .collect();
        let no_twin = self.twin.as_ref().err().map(|none| no_twin(*none));
        let twin = self.twin.as_ref().ok().map(|twin| {
            json!({
                "change": change(&self.scenario, &names, &twin.change),
                "events_in_common": twin.parting.event,
                "parts_at_us": twin.parting.at.0,
                "story": moment(subject, &self.scenario, story, twin),
                "twin": self.there(subject, twin),
                "still_breaks": twin.outcome.broken(),
            })
        });
        let holds: Vec<Value> = self
            .repairs
            .iter()
            .map(|one| json!({ "change": one.text, "same_luck": one.same_luck, "still_breaks": one.still }))
            .collect();
        json!({ "violation": self.violation.text, "invariant": self.violation.invariant, "needs": needs, "twin": twin, "no_twin": no_twin, "holds_when": holds })
    }
}

fn no_twin(why: NoTwin) -> &'static str {
    match why {
        NoTwin::NeedsNoLuck => "no single change makes it pass: the mechanism needs no bad luck",
        NoTwin::NeedsMore => "no single change makes it pass, only several at once",
        NoTwin::NotAllTried => "the search ended before every change was tried",
        NoTwin::NotDeterministic => "the same run ended in two ways, so the system is not deterministic",
    }
}

fn kind(need: &Necessity) -> &'static str {
    if need.deviation.fault().is_some() { "fault" } else { "unlucky timing" }
}

fn answer(need: &Necessity) -> &'static str {
    if need.necessary { "necessary" } else { "not necessary" }
}

fn remark(repair: &Repair) -> String {
    match (repair.same_luck, repair.still.len()) {
        (false, _) => " (the same luck does not come up then)".into(),
        (true, 0) => " (and no promise is broken)".into(),
        (true, n) => format!(" (still broken: {})", words::plural(n as u64, "other promise")),
    }
}

/// What happens in a run where it and its twin part.
fn moment(subject: &dyn Subject, scenario: &Scenario, outcome: &Outcome, twin: &Twin) -> String {
    let names = words::names(scenario, &subject.facts());
    match outcome.trace.get(twin.parting.event) {
        Some(there) => format!("{} · {}", there.at, event(scenario, &names, there)),
        None => "it has ended".into(),
    }
}
