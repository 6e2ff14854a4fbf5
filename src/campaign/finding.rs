//! From failing seeds to findings: shrink the first of each kind and keep each different story once.
//!
//! Which seeds are shrunk depends on the tally alone, never on which thread was first.

use super::run::{Campaign, SHRINK_BUDGET_STOPPED, guarded};
use super::tally::Tally;
use crate::explore::{SHRINK_BUDGET, Shrunk, explicit, generate, shrink, signature, steps};
use crate::harness::{Luck, Outcome, Subject};
use crate::invariants::{Identity, Violation};
use crate::model::Scenario;
use crate::sim::Fault;
use crate::sim::choice::FAULTS;
use std::collections::{BTreeMap, BTreeSet};

/// Most seeds shrunk for one identity.
const SHRUNK_PER_IDENTITY: usize = 6;
/// How often both forms of a run are run again if they differ.
const LOOKS: usize = 4;

/// Violations of a campaign with one signature, and the smallest story found for them.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which promise.
    pub invariant: &'static str,
    /// How it was broken.
    pub kind: &'static str,
    /// The entity it was about.
    pub entity: &'static str,
    /// The same for the same story; see [`signature`].
    pub signature: String,
    /// The seed that was shrunk.
    pub seed: u64,
    /// The first run of the campaign that broke this promise in this way, counted from 1.
    pub first_run: u64,
    /// Runs that broke this promise in this way, whatever their story.
    pub runs: u64,
    /// The story.
    pub scenario: Scenario,
    /// How it ends, with its trace.
    pub outcome: Outcome,
    /// The violation.
    pub violation: Violation,
    /// Devices in the story.
    pub devices: usize,
    /// Ops in the story.
    pub ops: usize,
    /// Deviations in the story.
    pub deviations: usize,
    /// Kinds of fault in the story.
    pub faults: Vec<&'static str>,
    /// Steps of the story.
    pub steps: usize,
    /// For each kind of fault in the story: whether the promise holds without it.
    pub needed: Vec<(&'static str, bool)>,
    /// The same promise broken in the same way of other entities: how many runs each. Their stories are not shown.
    pub also: Vec<(&'static str, u64)>,
}

impl Finding {
    /// The story that a failing run was shrunk to. That it is one of a campaign's is for the campaign to add.
    pub fn of(subject: &dyn Subject, shrunk: Shrunk, seed: u64) -> Finding {
        let Shrunk { scenario, outcome, violation, .. } = shrunk;
        let (facts, identity) = (subject.facts(), violation.identity());
        let kinds = kinds_of_fault(&scenario);
        Finding {
            invariant: violation.invariant,
            kind: violation.kind,
            entity: violation.entity,
            signature: signature(&facts, &scenario, &violation),
            seed,
            first_run: 1,
            runs: 1,
            devices: scenario.devices.len(),
            ops: scenario.steps.len(),
            deviations: scenario.schedule.len(),
            faults: kinds.iter().map(|fault| fault.name()).collect(),
            steps: steps(&facts, &outcome, &violation),
            needed: kinds.iter().map(|fault| (fault.name(), is_needed(subject, &scenario, identity, *fault))).collect(),
            also: Vec::new(),
            scenario,
            outcome,
            violation,
        }
    }
}

/// How many stories a campaign tells of one promise broken in one way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Breadth {
    /// The smallest story of the entity that is hit most often; the other entities are only counted.
    #[default]
    OneStory,
    /// Every different story of every entity.
    EveryStory,
}

/// A failing run to be shrunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspect {
    pub(super) identity: Identity,
    pub(super) seed: u64,
    fingerprint: u64,
}

/// What shrinking a suspect came to.
pub(super) struct Examined {
    suspect: Suspect,
    shrunk: Option<Shrunk>,
    unstable: Option<(u64, u64, u64)>,
    mistake: Option<String>,
}

/// The runs to shrink: for each identity those with the fewest kinds of fault, then the lowest seeds.
pub(super) fn suspects(tally: &Tally, breadth: Breadth) -> Vec<Suspect> {
    let mut by_identity: BTreeMap<Identity, Vec<(u32, u64, u32, u64)>> = BTreeMap::new();
    for ((identity, faults), seeds) in &tally.lowest {
        if breadth == Breadth::OneStory && foremost(tally, *identity) != *identity {
            continue;
        }
        let ranked = seeds.iter().enumerate();
        by_identity.entry(*identity).or_default().extend(
            ranked.map(|(n, (seed, fingerprint))| (faults.count_ones() + n as u32, *seed, *faults, *fingerprint)),
        );
    }
    let mut suspects = Vec::new();
    for (identity, mut runs) in by_identity {
        runs.sort_unstable();
        let first = tally.broken[&identity].1;
        // The very first failure is always among them: it is the one that people ask about.
        runs.sort_by_key(|run| run.1 != first);
        let chosen = runs.into_iter().take(SHRUNK_PER_IDENTITY);
        suspects.extend(chosen.map(|(_, seed, _, fingerprint)| Suspect { identity, seed, fingerprint }));
    }
    suspects
}

/// Those that broke the same promise in the same way, with the number of runs.
fn relatives(tally: &Tally, identity: Identity) -> impl Iterator<Item = (Identity, u64)> {
    let same = move |other: &Identity| (other.invariant, other.kind) == (identity.invariant, identity.kind);
    tally.broken.iter().filter(move |(other, _)| same(other)).map(|(other, (runs, _))| (*other, *runs))
}

/// Of the entities for which the same promise was broken in the same way, the one that was hit in most runs.
fn foremost(tally: &Tally, identity: Identity) -> Identity {
    let most = relatives(tally, identity).max_by_key(|(other, runs)| (*runs, std::cmp::Reverse(*other)));
    most.map_or(identity, |(other, _)| other)
}

/// Runs a suspect again, writes it down, and shrinks it.
pub(super) fn examine(campaign: &Campaign<'_>, subject: &dyn Subject, suspect: Suspect, stopped: bool) -> Examined {
    let mut examined = Examined { suspect, shrunk: None, unstable: None, mistake: None };
    let budget = if stopped { SHRINK_BUDGET_STOPPED } else { SHRINK_BUDGET };
    let work = || {
        let written = written_down(campaign, subject, suspect, &mut examined);
        shrink(subject, &written, suspect.identity, budget)
    };
    match guarded(work) {
        Ok(shrunk) => examined.shrunk = shrunk,
        Err(text) => examined.mistake = Some(format!("while its failure was shrunk: {text}")),
    }
    examined
}

/// The suspect as a scenario; whether it runs and replays as it did before is noted.
fn written_down(campaign: &Campaign<'_>, subject: &dyn Subject, suspect: Suspect, examined: &mut Examined) -> Scenario {
    let (scenario, luck) = generate(subject.domain(), &campaign.profile, suspect.seed);
    let again = subject.run(&scenario, luck, false);
    let mut unstable = |first: u64, second: u64| {
        if first != second {
            examined.unstable.get_or_insert((suspect.seed, first, second));
        }
    };
    unstable(suspect.fingerprint, again.fingerprint);
    let written = explicit(&scenario, &again);
    let replayed = subject.run(&written, Luck::Replay, false).fingerprint;
    if replayed != again.fingerprint {
        // Two forms of one run may differ because we wrote it down wrongly, or because no two runs are alike.
        for _ in 0..LOOKS {
            unstable(again.fingerprint, subject.run(&scenario, luck, false).fingerprint);
            unstable(replayed, subject.run(&written, Luck::Replay, false).fingerprint);
        }
        examined.mistake = Some(format!(
            "written down, the run replays to fingerprint {replayed:016x} instead of {:016x}",
            again.fingerprint
        ));
    }
    written
}

/// Each different story once, the smallest first, a few of each identity; notes what examining showed in the tally.
pub(super) fn findings(
    campaign: &Campaign<'_>,
    subject: &dyn Subject,
    tally: &mut Tally,
    all: Vec<Examined>,
) -> Vec<Finding> {
    let (mut mistakes, mut restless) = (Vec::new(), BTreeSet::new());
    let mut stories: BTreeMap<Identity, Vec<Finding>> = BTreeMap::new();
    for Examined { suspect, shrunk, unstable, mistake } in all {
        if let Some((seed, first, second)) = unstable {
            tally.differed(seed, first, second);
            restless.insert(seed);
        }
        if let Some(text) = mistake {
            mistakes.push((suspect.seed, text));
        }
        let Some(shrunk) = shrunk else { continue };
        let (runs, first_seed) = tally.broken[&suspect.identity];
        let found = match guarded(|| Finding::of(subject, shrunk, suspect.seed)) {
            Ok(found) => found,
            Err(text) => {
                mistakes.push((suspect.seed, format!("while its story was told: {text}")));
                continue;
            }
        };
        let finding = Finding {
            first_run: first_seed - campaign.seeds.start + 1,
            runs,
            also: match campaign.breadth {
                Breadth::OneStory => relatives(tally, suspect.identity)
                    .filter(|(other, _)| *other != suspect.identity)
                    .map(|(other, runs)| (other.entity, runs))
                    .collect(),
                Breadth::EveryStory => Vec::new(),
            },
            ..found
        };
        stories.entry(suspect.identity).or_default().push(finding);
    }
    // Of a seed that runs differently each time nothing else can be expected.
    restless.extend(tally.unstable.map(|(seed, ..)| seed));
    for (seed, text) in mistakes.into_iter().filter(|(seed, _)| !restless.contains(seed)) {
        tally.mistook(seed, text);
    }
    let mut findings = Vec::new();
    for (_, mut of_one) in stories {
        of_one.sort_by_cached_key(|finding| (size(finding), finding.signature.clone(), finding.seed));
        let mut seen: Vec<String> = Vec::new();
        of_one.retain(|finding| {
            let new = !seen.contains(&finding.signature);
            seen.push(finding.signature.clone());
            new
        });
        if campaign.breadth == Breadth::OneStory {
            of_one.truncate(1);
        }
        findings.extend(of_one);
    }
    // In the catalogue's order: what costs the shop most comes first.
    let order: Vec<&str> = campaign.subject.invariants().iter().map(|invariant| invariant.name()).collect();
    let rank = |finding: &Finding| order.iter().position(|name| *name == finding.invariant);
    findings.sort_by_key(|finding| (rank(finding), finding.first_run));
    findings
}

fn size(finding: &Finding) -> [usize; 6] {
    let Finding { devices, ops, deviations, steps, .. } = *finding;
    let faults = finding.scenario.schedule.iter().filter(|deviation| deviation.fault().is_some()).count();
    [faults, devices, ops, deviations, steps, finding.scenario.rows.len()]
}

fn kinds_of_fault(scenario: &Scenario) -> Vec<Fault> {
    let kinds = FAULTS.iter().map(|(fault, _, _)| *fault);
    kinds.filter(|kind| scenario.schedule.iter().any(|deviation| deviation.fault() == Some(*kind))).collect()
}

fn is_needed(subject: &dyn Subject, scenario: &Scenario, identity: Identity, fault: Fault) -> bool {
    let mut without = scenario.clone();
    without.schedule.retain(|deviation| deviation.fault() != Some(fault));
    subject.run(&without, Luck::Replay, false).broke(identity).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::Profile;
    use crate::explore::test_shop::TestShop;
    use std::sync::Arc;

    #[test]
    fn a_seed_that_runs_differently_each_time_hides_its_own_mistakes_and_no_other_s() {
        let campaign = Campaign::new(Arc::new(TestShop::repaired()), Profile::find("polite").unwrap(), 0..10);
        let examined = |seed, unstable, mistake: &str| Examined {
            suspect: Suspect {
                identity: Identity { invariant: "one-effect-per-op", kind: "twice", entity: "sale" },
                seed,
                fingerprint: 1,
            },
            shrunk: None,
            unstable,
            mistake: Some(mistake.into()),
        };
        let all = vec![
            examined(3, Some((3, 1, 2)), "of a moody seed"),
            examined(3, None, "of the same seed under another promise"),
            examined(4, None, "the shrinker panicked"),
        ];
        let mut tally = Tally::default();
        findings(&campaign, &TestShop::repaired(), &mut tally, all);
        assert_eq!(tally.mistakes, [(4, "the shrinker panicked".to_string())]);
        assert_eq!(tally.unstable, Some((3, 1, 2)));
    }
}
