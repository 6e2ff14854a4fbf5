//! Findings on their way out: shown as a story, saved as a scenario, and recognised when they are known already.

use super::failure::Failure;
use super::output::Out;
use super::registry::Registry;
use super::replay::quoted;
use super::saving::{self, Saved};
use super::select;
use crate::campaign::Finding;
use crate::explore::signature;
use crate::harness::{Luck, Subject};
use crate::report::words::{self, plural, thousands};
use crate::report::{Style, table};
use crate::scenario::{Expectation, Found, Story, write};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Signatures of findings that are known.
#[derive(Default)]
pub struct Known {
    signatures: BTreeSet<String>,
}

impl Known {
    /// Those of every scenario in a folder, as the system shows them today.
    ///
    /// # Errors
    /// If the folder or a file in it cannot be read.
    pub fn read(registry: &Registry, folder: &Path, system: &str) -> Result<Known, Failure> {
        let subject = select::system(registry, system)?;
        let mut known = Known::default();
        for path in select::files(&[PathBuf::from(folder)])? {
            let story = select::story(registry, &path)?;
            known.signatures.extend(signatures(&story, &subject));
        }
        Ok(known)
    }

    /// Whether a finding is one of them.
    pub fn holds(&self, finding: &Finding) -> bool {
        self.signatures.contains(&finding.signature)
    }
}

/// What a story breaks on a system, as signatures.
fn signatures(story: &Story, subject: &Arc<dyn Subject>) -> BTreeSet<String> {
    if story.scenario.domain.name != subject.domain().name {
        return BTreeSet::new();
    }
    let outcome = subject.run(&story.scenario, Luck::Replay, false);
    let facts = subject.facts();
    outcome.violations.iter().map(|violation| signature(&facts, &story.scenario, violation)).collect()
}

/// Saves a finding as a scenario that expects what was found.
///
/// # Errors
/// If the folder cannot be written.
pub fn save(
    registry: &Registry,
    folder: &Path,
    subject: &Arc<dyn Subject>,
    system: &str,
    profile: &str,
    finding: &Finding,
) -> Result<Saved, Failure> {
    let story = Story {
        title: words::violation(&finding.violation),
        about: None,
        scenario: finding.scenario.clone(),
        channels: subject.facts().channels,
        expect: vec![Expectation {
            system: system.into(),
            violates: vec![finding.invariant.into()],
            ..Expectation::default()
        }],
        found: Some(Found { system: system.into(), seed: finding.seed, profile: profile.into() }),
    };
    let same = |there: &str| {
        let story = select::story_of(registry, "there", there);
        story.is_ok_and(|story| {
            let here = story.found.as_ref().is_some_and(|found| found.system == system);
            here && signatures(&story, subject).contains(&finding.signature)
        })
    };
    let name = saving::file_name(finding.invariant, &finding.signature);
    saving::save(folder, &name, &write(&story), &same)
}

/// Shows a finding: what broke, how often, the story, where it is saved and how to see it again.
///
/// # Errors
/// If stdout cannot be written.
pub fn show(
    registry: &Registry,
    number: usize,
    finding: &Finding,
    known: bool,
    saved: Option<&Saved>,
    runs: u64,
    subject: &Arc<dyn Subject>,
    out: &mut Out,
) -> Result<(), Failure> {
    let known = if known { "   (known)" } else { "" };
    out.line(format!("{number}  {}{known}", words::violation(&finding.violation)))?;
    out.line(format!(
        "   first in run {}, in {} of {}",
        thousands(finding.first_run),
        thousands(finding.runs),
        plural(runs, "run")
    ))?;
    let faults = if finding.faults.is_empty() { "no fault".into() } else { finding.faults.join(", ") };
    if !finding.also.is_empty() {
        let also: Vec<String> =
            finding.also.iter().map(|(entity, runs)| format!("{entity} (in {})", thousands(*runs))).collect();
        out.line(format!("   the same of   {}", also.join(", ")))?;
    }
    out.line(format!(
        "   {}, {}, {}, {faults} · {} · shrunk from seed {}\n",
        plural(finding.devices as u64, "device"),
        plural(finding.ops as u64, "op"),
        plural(finding.deviations as u64, "deviation"),
        plural(finding.steps as u64, "step"),
        finding.seed
    ))?;
    let style = Style { width: out.width, color: out.color, steps: false };
    out.print(&table(&finding.scenario, &subject.facts(), &finding.outcome, style))?;
    out.line("")?;
    let needed: Vec<String> = finding
        .needed
        .iter()
        .map(|(fault, needed)| format!("{fault} {}", if *needed { "is needed" } else { "is not needed" }))
        .collect();
    if !needed.is_empty() {
        out.line(format!("   faults       {}", needed.join(", ")))?;
    }
    match saved {
        Some(Saved::New(path)) => out.line(format!("   saved as     {}", path.display()))?,
        Some(Saved::Already(path)) => out.line(format!("   already saved as {}", path.display()))?,
        None => out.line("   not saved: the folder cannot be written")?,
    }
    let again = match saved {
        Some(saved) => format!("{} explain {}", registry.command(), quoted(&saved.path().display().to_string())),
        None => {
            let (command, runs) = (registry.command(), subject.domain().name);
            let as_it_is = |known: &Arc<dyn Subject>| known.domain().name == runs && known.name() == subject.name();
            let default = registry.all().first().is_some_and(|first| first.domain().name == runs);
            let domain = match default || registry.all().iter().any(as_it_is) {
                true => String::new(),
                false => format!(" --domain {runs}"),
            };
            format!("{command} explain {} --seed {}{domain}", quoted(&subject.name()), finding.seed)
        }
    };
    out.line(format!("   again        {again}"))
}

/// A finding for programs.
pub fn value(finding: &Finding) -> Value {
    json!({
        "invariant": finding.invariant,
        "kind": finding.kind,
        "entity": finding.entity,
        "text": finding.violation.text,
        "signature": saving::digits(&finding.signature),
        "story": finding.signature,
        "seed": finding.seed,
        "first_run": finding.first_run,
        "runs": finding.runs,
        "devices": finding.devices,
        "ops": finding.ops,
        "deviations": finding.deviations,
        "faults": finding.faults,
        "needed": finding.needed.iter().map(|(fault, needed)| json!({ "fault": fault, "needed": needed })).collect::<Vec<_>>(),
        "steps": finding.steps,
        "also": finding.also.iter().map(|(entity, runs)| json!({ "entity": entity, "runs": runs })).collect::<Vec<_>>(),
    })
}
