//! A system that is not deterministic: the first event in which two runs of the same seed differ.
//!
//! A fingerprint says that two runs differ; only their traces say where. What differs now and then may not differ again,
//! so a few pairs are tried. How the two events read is for reporters.

use super::run::guarded;
use crate::harness::{Event, Outcome, parting};
use crate::sim::Time;

/// The system ran differently a second time, from the same scenario and luck.
#[derive(Clone, PartialEq, Debug)]
pub struct Nondeterminism {
    /// The seed.
    pub seed: u64,
    /// The fingerprint of its first run.
    pub first: u64,
    /// The fingerprint of its second.
    pub second: u64,
    /// Where two recorded runs of it part; `None` if no two of them did.
    pub divergence: Option<Box<Divergence>>,
}

/// Where two runs of the same thing part.
#[derive(Clone, PartialEq, Debug)]
pub struct Divergence {
    /// So many events are the same in both.
    pub in_common: usize,
    /// When the next one happens, in the run where it happens first.
    pub at: Time,
    /// That event in each run; `None` where the run ended before.
    pub events: [Option<Event>; 2],
}

/// Recorded runs made to catch a difference once more.
pub const ATTEMPTS: usize = 8;

/// Runs the same thing, recorded, until a run differs from the first.
pub fn divergence(recorded: &dyn Fn() -> Outcome) -> Option<Box<Divergence>> {
    let first = guarded(recorded).ok()?;
    (1..ATTEMPTS).find_map(|_| {
        let other = guarded(recorded).ok()?;
        let parting = parting(&first, &other)?;
        let events = [&first, &other].map(|outcome| outcome.trace.get(parting.event).cloned());
        Some(Box::new(Divergence { in_common: parting.event, at: parting.at, events }))
    })
}
