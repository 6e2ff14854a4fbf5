//! What a campaign has to say, as values; how it is shown is for reporters.

use super::divergence::Nondeterminism;
use super::finding::Finding;
use super::run::Campaign;
use super::tally::{Broken, Tally};
use crate::harness::{Heard, Metrics};
use crate::sim::choice::FAULTS;
use crate::sim::{Fingerprint, luck::mix};
use std::ops::Range;

/// How far a campaign has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Runs done.
    pub runs: u64,
    /// Runs to do.
    pub of: u64,
    /// Events so far.
    pub events: u64,
    /// Runs that broke a promise.
    pub failed: u64,
    /// Failures shrunk so far, and how many are to be.
    pub shrunk: (usize, usize),
}

/// What a campaign has to say. Everything but `seconds` is a function of system, profile and seeds.
#[derive(Clone, Debug)]
pub struct Report {
    /// The system's name.
    pub system: String,
    /// The profile's name.
    pub profile: String,
    /// The seeds asked for.
    pub seeds: Range<u64>,
    /// Runs done: fewer than asked for if it was stopped.
    pub runs: u64,
    /// Whether it ended before its range did.
    pub stopped: bool,
    /// Events over all runs.
    pub events: u64,
    /// Runs that broke a promise.
    pub failed: u64,
    /// The campaign's digest.
    pub digest: u128,
    /// One bit for each invariant whose antecedent occurred.
    pub exercised: u64,
    /// How many runs reached each goal, by the system's numbers; empty if nothing was run.
    pub goals: Vec<u64>,
    /// How often each fault fired.
    pub faults: [u64; FAULTS.len()],
    /// Figures, summed.
    pub metrics: Metrics,
    /// Ops that took effect on a server; without a server, ops of which something showed on another device.
    pub reached_server: u64,
    /// Ops that no disk and no message held any more after a wipe.
    pub excused: u64,
    /// Runs that did not come to rest.
    pub unrested: u64,
    /// How often each promise was broken in each way.
    pub broken: Vec<Broken>,
    /// The stories, in the order in which their promise first broke.
    pub findings: Vec<Finding>,
    /// The lowest seed that ran differently the second time, if any did.
    pub nondeterministic: Option<Nondeterminism>,
    /// Which verbs, channels and devices were there in any run, and which were answered in any.
    pub heard: Heard,
    /// Bugs of squall: seed and text.
    pub mistakes: Vec<(u64, String)>,
    /// Mistakes in the model of the system, which holds something else than it reports: seed and text.
    pub model_mistakes: Vec<(u64, String)>,
    /// Wall-clock seconds; filled in by the caller, who has a clock.
    pub seconds: f64,
}

impl Report {
    /// Sums up a campaign; sorted signatures are folded into its digest.
    pub(super) fn of(campaign: &Campaign<'_>, tally: Tally, findings: Vec<Finding>, stopped: bool) -> Report {
        let mut signatures: Vec<&str> = findings.iter().map(|finding| finding.signature.as_str()).collect();
        signatures.sort_unstable();
        let mut digest = tally.digest;
        for signature in signatures {
            let mut hash = Fingerprint::default();
            signature.bytes().for_each(|byte| hash.add(u64::from(byte)));
            digest = digest.rotate_left(1).wrapping_add(u128::from(mix(hash.0)) << 64 | u128::from(hash.0));
        }
        let broken = tally.broken.iter();
        Report {
            system: campaign.subject.name(),
            profile: campaign.profile.to_string(),
            seeds: campaign.seeds.clone(),
            runs: tally.runs,
            stopped,
            events: tally.events,
            failed: tally.failed,
            digest,
            exercised: tally.exercised,
            goals: tally.goals,
            faults: tally.faults,
            metrics: tally.metrics,
            reached_server: tally.reached_server,
            excused: tally.excused,
            unrested: tally.unrested,
            broken: broken
                .map(|(identity, (runs, first_seed))| Broken {
                    identity: *identity,
                    runs: *runs,
                    first_seed: *first_seed,
                })
                .collect(),
            findings,
            nondeterministic: tally.unstable.map(|(seed, first, second)| Nondeterminism {
                seed,
                first,
                second,
                divergence: None,
            }),
            heard: tally.heard,
            mistakes: tally.mistakes,
            model_mistakes: tally.model_mistakes,
            seconds: 0.0,
        }
    }
}
