//! Scenario files: reading, checking against an outcome, writing.
//!
//! Why: a finding is only worth something if it can be kept, read by a person and replayed for ever; and one story may
//! end differently on different systems, because that is what a fix means. Nothing here runs a story. Entry type:
//! [`Story`].

mod check;
mod expect;
mod folder;
pub mod format;
mod json;
mod names;
mod nearest;
mod parse;
mod report;
mod rows;
pub(crate) mod saving;
mod schedule;
mod schema;
mod steps;
mod write;

#[cfg(test)]
mod tests;

pub use check::{check, check_ending};
pub use folder::{Denied, files, reason};
pub use format::{LARGEST_FILE, MOST_DEPTH, MOST_DEVIATIONS, MOST_DEVICES, MOST_STEPS, VERSION};
pub use nearest::nearest;
pub use parse::{Vocabulary, parse, systems_named};
pub use report::{Report, read};
pub use saving::Saved;
pub use schema::schema;
pub use write::write;

use crate::model::{Entity, Key, Scenario, Value};
use crate::sim::{Names, NodeId, OpId, Span};
use crate::system::{Verdict, Word};

/// A scenario file, read and checked.
#[derive(Clone, Debug)]
pub struct Story {
    /// One line that says what happens.
    pub title: String,
    /// More, for whoever wonders why the story is kept.
    pub about: Option<String>,
    /// What is run.
    pub scenario: Scenario,
    /// The channels that labels of the schedule name, as the systems of this story declare them.
    pub channels: &'static [&'static str],
    /// How it ends on each system.
    pub expect: Vec<Expectation>,
    /// Where the story comes from, if a campaign found it.
    pub found: Option<Found>,
}

impl Story {
    /// What nodes, ops and channels are called in labels.
    pub fn names(&self) -> Names {
        let nodes = std::iter::once("server".to_string()).chain(self.scenario.devices.iter().cloned()).collect();
        Names { nodes, ops: self.scenario.op_names.clone(), channels: self.channels }
    }
}

impl PartialEq for Story {
    fn eq(&self, other: &Story) -> bool {
        let (a, b) = (&self.scenario, &other.scenario);
        (&self.title, &self.about, self.channels, &self.expect, &self.found)
            == (&other.title, &other.about, other.channels, &other.expect, &other.found)
            && a.domain.name == b.domain.name
            && (&a.devices, &a.rows, &a.steps, &a.op_names) == (&b.devices, &b.rows, &b.steps, &b.op_names)
            && (&a.schedule, a.heal, a.network, a.empty_devices) == (&b.schedule, b.heal, b.network, b.empty_devices)
    }
}

/// Where a story was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// On which system.
    pub system: String,
    /// In the run with which seed.
    pub seed: u64,
    /// Under which profile.
    pub profile: String,
}

/// How a story ends on one system.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Expectation {
    /// The system's name, with repairs if any.
    pub system: String,
    /// Every invariant holds.
    pub holds: bool,
    /// Invariants that break, each of them.
    pub violates: Vec<String>,
    /// No other invariant breaks.
    pub only: bool,
    /// The last word told about an op.
    pub told: Vec<(OpId, Word)>,
    /// The server's last verdict on an op.
    pub verdicts: Vec<(OpId, VerdictName)>,
    /// How long after its user did it an op must first write something on the server.
    pub delays: Vec<(OpId, Delay)>,
    /// What nodes hold at the end, in order of node.
    pub nodes: Vec<NodeExpectation>,
    /// Why, in words.
    pub note: Option<String>,
    /// The result shows nothing, and that is known: no deviation comes up here, or no flaw would change the end.
    pub vacuous: bool,
}

/// How long an op may take from its user's act to its first write on the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delay {
    /// At least this long.
    pub after: Span,
    /// At most this long.
    pub by: Span,
}

/// What one node holds at the end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NodeExpectation {
    /// Which node.
    pub node: NodeId,
    /// How many ops it still wants to send; dead letters do not count.
    pub pending: Option<u32>,
    /// Its rows.
    pub entities: Vec<EntityExpectation>,
}

/// What one node holds of one entity at the end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EntityExpectation {
    /// Which entity.
    pub entity: Entity,
    /// How many rows that are not deleted.
    pub count: Option<u32>,
    /// Single rows.
    pub rows: Vec<RowExpectation>,
}

/// What one row holds at the end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RowExpectation {
    /// The row: its opening key, or the identity that its op gave it.
    pub key: Key,
    /// It is deleted or was never there.
    pub absent: bool,
    /// Fields by position and what they hold.
    pub fields: Vec<(u8, Value)>,
}

/// The name of a verdict, without its reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VerdictName {
    /// The op took effect.
    Accepted,
    /// It did not, because of a rule.
    Rejected,
    /// Another op was taken instead.
    Superseded,
    /// It was left to a human.
    Manual,
}

impl VerdictName {
    /// All verdicts.
    pub const ALL: [VerdictName; 4] =
        [VerdictName::Accepted, VerdictName::Rejected, VerdictName::Superseded, VerdictName::Manual];

    /// The verdict in files.
    pub fn name(self) -> &'static str {
        match self {
            VerdictName::Accepted => "accepted",
            VerdictName::Rejected => "rejected",
            VerdictName::Superseded => "superseded",
            VerdictName::Manual => "manual",
        }
    }
}

impl From<&Verdict> for VerdictName {
    fn from(verdict: &Verdict) -> VerdictName {
        match verdict {
            Verdict::Accepted => VerdictName::Accepted,
            Verdict::Rejected { .. } => VerdictName::Rejected,
            Verdict::Superseded { .. } => VerdictName::Superseded,
            Verdict::Manual => VerdictName::Manual,
        }
    }
}
