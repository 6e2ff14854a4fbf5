//! The promises that a sync system must keep, and how a breach of each is seen.
//!
//! Each invariant reads the [`History`] that the harness keeps and never the system itself (promise P5). It says when its
//! antecedent occurred (*exercised*), so that a green campaign can be told from an empty one.

#[cfg(test)]
mod among_devices;
pub(crate) mod audit;
#[cfg(test)]
mod bad_days;
#[cfg(test)]
mod bad_words;
pub(crate) mod clock;
pub(crate) mod commits;
pub(crate) mod conflicts;
pub(crate) mod convergence;
pub(crate) mod deletion;
pub(crate) mod effects;
pub(crate) mod epochs;
pub(crate) mod expiry;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod history;
pub(crate) mod loss;
pub(crate) mod numbers;
pub(crate) mod own_writes;
pub(crate) mod peers;
pub(crate) mod questions;
mod reach;
pub(crate) mod references;
pub(crate) mod rejections;
pub(crate) mod retries;
pub(crate) mod running;
pub(crate) mod scope;
#[cfg(test)]
mod sound_days;
pub(crate) mod stock;
mod twice;
pub(crate) mod words;

pub(crate) use epochs::Backup;
pub use history::{History, NodeView, OpRecord};
pub use reach::Reach;

use crate::model::{Domain, Entity, Op};
use crate::sim::{Cause, Channel, Label, NodeId, OpId, Time};
use crate::system::{Facts, Verdict, Word, Write};

/// One breach of one promise in one run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which promise.
    pub invariant: &'static str,
    /// How it was broken; part of the violation's identity.
    pub kind: &'static str,
    /// The entity it was about; part of the violation's identity.
    pub entity: &'static str,
    /// When.
    pub at: Time,
    /// On which node it showed.
    pub node: NodeId,
    /// The ops that it is about.
    pub ops: Vec<OpId>,
    /// What happened, as a past fact.
    pub text: String,
}

/// What makes two violations the same: invariant, kind of breach, entity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Identity {
    /// Which promise.
    pub invariant: &'static str,
    /// How it was broken.
    pub kind: &'static str,
    /// The entity it was about.
    pub entity: &'static str,
}

impl Violation {
    /// What stays the same while the story shrinks.
    pub fn identity(&self) -> Identity {
        Identity { invariant: self.invariant, kind: self.kind, entity: self.entity }
    }
}

/// Something that an invariant may look at.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // a variant's comment names its fields
pub enum Moment<'a> {
    /// A user did something.
    Acted(&'a Op),
    /// A row changed on a node; the mirror already shows it.
    Wrote(NodeId, &'a Write),
    /// A user was told something.
    Told(NodeId, OpId, Word),
    /// The server decided.
    Decided(OpId, Verdict),
    /// A node sent a message that carries ops, in the step with this label.
    Sent {
        /// The sender.
        node: NodeId,
        /// On which channel.
        channel: Channel,
        /// What the message is named by.
        cause: Cause,
        /// The label of the step that sent it.
        step: Label,
        /// The ops that it carries.
        ops: &'a [OpId],
    },
    /// A node finished a step and has no unfinished handler.
    Between(NodeId),
}

impl Moment<'_> {
    /// Its kind, one of [`wants`].
    #[inline]
    pub fn kind(&self) -> u8 {
        match self {
            Moment::Acted(_) => wants::ACTED,
            Moment::Wrote(NodeId::SERVER, _) => wants::WROTE_ON_SERVER,
            Moment::Wrote(..) => wants::WROTE_ON_DEVICE,
            Moment::Told(..) => wants::TOLD,
            Moment::Decided(..) => wants::DECIDED,
            Moment::Sent { .. } => wants::SENT,
            Moment::Between(NodeId::SERVER) => wants::BETWEEN_ON_SERVER,
            Moment::Between(_) => wants::BETWEEN_ON_DEVICE,
        }
    }
}

/// The kinds of [`Moment`], to say which ones an invariant wants.
pub mod wants {
    #![allow(missing_docs)]
    pub const ACTED: u8 = 1;
    pub const WROTE_ON_SERVER: u8 = 2;
    pub const WROTE_ON_DEVICE: u8 = 4;
    pub const WROTE: u8 = WROTE_ON_SERVER + WROTE_ON_DEVICE;
    pub const TOLD: u8 = 8;
    pub const DECIDED: u8 = 16;
    pub const SENT: u8 = 32;
    pub const BETWEEN_ON_SERVER: u8 = 64;
    pub const BETWEEN_ON_DEVICE: u8 = 128;
    pub const BETWEEN: u8 = BETWEEN_ON_SERVER + BETWEEN_ON_DEVICE;
}

/// A promise.
pub trait Invariant {
    /// Its name: kebab-case, present tense.
    fn name(&self) -> &'static str;
    /// What it promises, in one sentence.
    fn promise(&self) -> &'static str;
    /// Why it says nothing about this system or business, if it does not.
    fn not_checked(&self, facts: &Facts, domain: &Domain) -> Option<&'static str> {
        let _ = (facts, domain);
        None
    }
    /// Why its situation cannot come up in this business, if it cannot: then a campaign has missed nothing without it.
    fn out_of_reach(&self, reach: &Reach) -> Option<&'static str> {
        let _ = reach;
        None
    }
    /// The moments that it wants to see: a sum of [`wants`].
    fn wants(&self) -> u8;
    /// Those that it wants to see of this system, where that is fewer.
    fn wants_of(&self, facts: &Facts) -> u8 {
        let _ = facts;
        self.wants()
    }
    /// Looks at a moment.
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log);
    /// The server was restored from a backup made at that time; the history already shows it. What the invariant itself
    /// remembers of the server goes back, too.
    fn restored(&mut self, history: &History<'_>, made: Time) {
        let _ = (history, made);
    }
    /// Judges the run at rest.
    fn judge(&mut self, history: &History<'_>, log: &mut Log) {
        let _ = (history, log);
    }
}

/// Where invariants say what they found.
#[derive(Default)]
pub struct Log {
    invariant: usize,
    name: &'static str,
    now: Time,
    /// One bit for each invariant whose antecedent occurred.
    pub(crate) exercised: u64,
    /// The first violation of each identity.
    pub(crate) violations: Vec<Violation>,
    lost_edits: Vec<OpId>,
}

/// A breach about to be reported.
pub struct Breach<'a> {
    /// How the promise was broken.
    pub kind: &'static str,
    /// The entity it was about.
    pub entity: Entity,
    /// On which node.
    pub node: NodeId,
    /// The ops that it is about.
    pub ops: &'a [OpId],
    /// When, if not now.
    pub at: Option<Time>,
}

impl Log {
    /// The effect of an op that passed for done was overwritten unseen or dropped, and nothing records it.
    pub(crate) fn lost_edit(&mut self, op: OpId) {
        if !self.lost_edits.contains(&op) {
            self.lost_edits.push(op);
        }
    }
    /// Every op of which that was said, each once.
    pub(crate) fn lost_edits(&self) -> &[OpId] {
        &self.lost_edits
    }
    /// How much was found so far.
    pub(crate) fn mark(&self) -> (u64, usize, usize) {
        (self.exercised, self.violations.len(), self.lost_edits.len())
    }
    /// Takes back what was found since.
    pub(crate) fn forget_since(&mut self, (exercised, violations, lost_edits): (u64, usize, usize)) {
        self.exercised = exercised;
        self.violations.truncate(violations);
        self.lost_edits.truncate(lost_edits);
    }
    /// From now on invariant number `index` speaks.
    pub(crate) fn speaker(&mut self, index: usize, name: &'static str, now: Time) {
        (self.invariant, self.name, self.now) = (index, name, now);
    }
    /// The antecedent of the invariant occurred.
    #[inline]
    pub fn exercised(&mut self) {
        self.exercised |= 1 << self.invariant;
    }
    /// The promise was broken. Only the first breach of each identity is kept; `text` is made for that one only.
    pub fn broke(&mut self, domain: &Domain, breach: Breach<'_>, text: impl FnOnce() -> String) {
        self.exercised();
        let entity = domain.entity_name(breach.entity);
        let known = |v: &Violation| v.invariant == self.name && v.kind == breach.kind && v.entity == entity;
        if self.violations.iter().any(known) {
            return;
        }
        self.violations.push(Violation {
            invariant: self.name,
            kind: breach.kind,
            entity,
            at: breach.at.unwrap_or(self.now),
            node: breach.node,
            ops: breach.ops.to_vec(),
            text: text(),
        });
    }
}

/// Every invariant of the catalogue, fresh for one run.
pub fn all() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::<stock::StockNeverNegative>::default(),
        Box::<effects::OneEffectPerOp>::default(),
        Box::<loss::NoOpLost>::default(),
        Box::<stock::StockConserved>::default(),
        Box::<effects::OpAllOrNothing>::default(),
        Box::<convergence::ReplicasConverge>::default(),
        Box::<own_writes::OwnWritesStay>::default(),
        Box::<references::ReferencesResolve>::default(),
        Box::<deletion::DeletedStaysDeleted>::default(),
        Box::<conflicts::ConflictsDecided>::default(),
        Box::<loss::OutboxDrains>::default(),
        Box::<convergence::PullMissesNothing>::default(),
        Box::<words::StatusTruthful>::default(),
        Box::<words::VerdictStable>::default(),
        Box::<numbers::NumbersUnique>::default(),
        Box::<scope::ScopeKept>::default(),
        Box::<scope::FrozenFieldsFrozen>::default(),
        Box::<conflicts::ConflictsAreReal>::default(),
        Box::<rejections::RejectionsJustified>::default(),
        Box::<audit::AuditComplete>::default(),
        Box::<scope::DamagedNeverApplied>::default(),
        Box::<clock::ClockIrrelevant>::default(),
        Box::<expiry::BatchesFirstExpiredFirstOut>::default(),
        Box::<retries::RetriesBounded>::default(),
        Box::<running::NodesKeepRunning>::default(),
    ]
}
