//! Findings on their way out: shown as a story, saved as a scenario, and recognised when they are known already.

use super::failure::Failure;
use super::output::Out;
use super::registry::Registry;
use super::replay::quoted;
use super::select;
use crate::campaign::Finding;
use crate::harness::Subject;
use crate::regressions::{Regressions, signatures};
use crate::report::{self, Place, Style, Telling};
use crate::scenario::{Saved, files, saving};
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
        for path in files(&[PathBuf::from(folder)])? {
            let story = select::story(registry, &path)?;
            known.signatures.extend(signatures(&story, &*subject));
        }
        Ok(known)
    }

    /// Whether a finding is one of them.
    pub fn holds(&self, finding: &Finding) -> bool {
        self.signatures.contains(&finding.signature)
    }
}

/// Saves a finding as a scenario that expects what was found.
///
/// # Errors
/// If the folder cannot be written.
pub fn save(
    folder: &Path,
    subject: &Arc<dyn Subject>,
    system: &str,
    profile: &str,
    finding: &Finding,
) -> Result<Saved, Failure> {
    Ok(Regressions::in_folder(folder).keep(&**subject, system, profile, finding)?)
}

/// A finding, and what became of it.
pub struct Shown<'a> {
    /// Its place in the list, from 1.
    pub number: usize,
    /// The finding.
    pub finding: &'a Finding,
    /// Whether it was known before.
    pub known: bool,
    /// Where it stands, if it could be saved.
    pub saved: Option<&'a Saved>,
    /// Runs of its campaign.
    pub runs: u64,
}

/// Shows a finding: what broke, how often, the story, where it is saved and how to see it again.
///
/// # Errors
/// If stdout cannot be written.
pub fn show(registry: &Registry, shown: &Shown<'_>, subject: &Arc<dyn Subject>, out: &mut Out) -> Result<(), Failure> {
    let Shown { number, finding, known, saved, runs } = *shown;
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
    let place = saved.map_or(Place::Nowhere("the folder cannot be written"), Place::Saved);
    let telling = Telling { number, known, runs: Some(runs), seed: Some(finding.seed), place, again: &again };
    let style = Style { width: out.width, color: out.color, steps: false };
    out.print(&report::finding(finding, &subject.facts(), &telling, style))
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
