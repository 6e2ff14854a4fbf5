//! Where two recorded runs part: the first event that is not the same in both.
//!
//! Why here: a comparison of two runs and the search for a passing twin of one must mean the same by it. It says nothing
//! about what follows from the difference.

use super::outcome::Outcome;
use crate::sim::Time;

/// Where two traces part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parting {
    /// The number of the first event that differs; so many are the same.
    pub event: usize,
    /// When it happens, in the run where it happens first.
    pub at: Time,
}

/// The first event that is not the same in both; `None` if both traces are the same.
pub fn parting(one: &Outcome, other: &Outcome) -> Option<Parting> {
    let same = |index: usize| format!("{:?}", one.trace[index]) == format!("{:?}", other.trace[index]);
    let shorter = one.trace.len().min(other.trace.len());
    let event = (0..shorter).find(|index| !same(*index));
    let event = event.or((one.trace.len() != other.trace.len()).then_some(shorter))?;
    let times = [one, other].map(|outcome| outcome.trace.get(event).map(|event| event.at));
    let at = times.into_iter().flatten().min().expect("the longer trace has this event");
    Some(Parting { event, at })
}
