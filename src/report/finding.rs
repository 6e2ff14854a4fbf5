//! A finding in words: what broke, how often, its story as a table, where it stands, and how to see it again.
//!
//! One text for the command line, for a test of one's own and for a failing property; only what they say around the
//! story differs. It saves nothing.

use super::words::{self, plural, thousands};
use super::{Style, table};
use crate::campaign::Finding;
use crate::scenario::Saved;
use crate::system::Facts;

/// What is said around the story of a finding.
#[derive(Clone, Debug)]
pub struct Telling<'a> {
    /// Its number among others.
    pub number: usize,
    /// Whether it was known before.
    pub known: bool,
    /// Runs of the campaign that found it, if one did.
    pub runs: Option<u64>,
    /// The seed that was shrunk, if one was.
    pub seed: Option<u64>,
    /// Where it stands.
    pub place: Place<'a>,
    /// What to type to see it again.
    pub again: &'a str,
}

/// Where a finding stands.
#[derive(Clone, Debug)]
pub enum Place<'a> {
    /// In a file.
    Saved(&'a Saved),
    /// Nowhere; and why.
    Nowhere(&'a str),
}

/// The text of a finding; each line ends with a line break.
pub fn finding(finding: &Finding, facts: &Facts, telling: &Telling<'_>, style: Style) -> String {
    let known = if telling.known { "   (known)" } else { "" };
    let mut text = format!("{}  {}{known}\n", telling.number, words::violation(&finding.violation));
    if let Some(runs) = telling.runs {
        let (first, of) = (thousands(finding.first_run), plural(runs, "run"));
        text += &format!("   first in run {first}, in {} of {of}\n", thousands(finding.runs));
    }
    if !finding.also.is_empty() {
        let also: Vec<String> =
            finding.also.iter().map(|(entity, runs)| format!("{entity} (in {})", thousands(*runs))).collect();
        text += &format!("   the same of   {}\n", also.join(", "));
    }
    let faults = if finding.faults.is_empty() { "no fault".into() } else { finding.faults.join(", ") };
    text += &format!(
        "   {}, {}, {}, {faults} · {}{}\n\n",
        plural(finding.devices as u64, "device"),
        plural(finding.ops as u64, "op"),
        plural(finding.deviations as u64, "deviation"),
        plural(finding.steps as u64, "step"),
        telling.seed.map_or_else(String::new, |seed| format!(" · shrunk from seed {seed}"))
    );
    text += &table(&finding.scenario, facts, &finding.outcome, style);
    text += "\n";
    let needed: Vec<String> = finding
        .needed
        .iter()
        .map(|(fault, needed)| format!("{fault} {}", if *needed { "is needed" } else { "is not needed" }))
        .collect();
    if !needed.is_empty() {
        text += &format!("   faults       {}\n", needed.join(", "));
    }
    text += &match telling.place {
        Place::Saved(Saved::New(path)) => format!("   saved as     {}\n", path.display()),
        Place::Saved(Saved::Already(path)) => {
            format!("   already saved as {} (a story of this kind)\n", path.display())
        }
        Place::Nowhere(why) => format!("   not saved: {why}\n"),
    };
    text + &format!("   again        {}\n", telling.again)
}
