//! What a restored backup of the server does to the record of a run: what the server took since is gone.
//!
//! Why: a verdict holds within its epoch only. After a restore the record says what the server still knows; what it held
//! in earlier epochs is kept beside it, since a device may show that until it hears of the restore. It judges nothing.

use super::commits::Commits;
use super::history::{History, NodeView, OpRecord, canonical};
use crate::model::table::{Sorted, Table};
use crate::model::{Effect, Entity, Key, Row};
use crate::sim::{NodeId, OpId, Time};
use crate::system::Verdict;
use std::collections::{BTreeMap, BTreeSet};

/// What the record said of the server when a backup of its disk was made. It is whole, since another restore may have
/// taken any of it from the record meanwhile.
pub struct Backup {
    at: Time,
    rows: Table<(Entity, Key), Row>,
    by_op: Sorted<(OpId, Entity, u8, Key)>,
    commits: Commits,
    deletions: BTreeMap<(Entity, Key), (Time, OpId)>,
    taken_away: BTreeMap<(NodeId, Entity, Key), (Time, OpId)>,
    undone: Vec<(Entity, Key, OpId, OpId, Time)>,
    ops: Vec<Known>,
}

/// What the server knew of an op.
struct Known {
    verdicts: Vec<(Time, Verdict)>,
    on_server: Option<Time>,
    committed: bool,
    made: Vec<(Entity, u8)>,
}

impl Backup {
    /// When it was made.
    pub fn made(&self) -> Time {
        self.at
    }
}

/// What earlier epochs of the server were like.
#[derive(Default)]
pub struct Epochs {
    /// When the server was last restored.
    pub restored: Option<Time>,
    /// The changes of each earlier epoch, the first epoch first.
    pub commits: Vec<Commits>,
    /// Rows that were deleted in an epoch that is over.
    pub deletions: BTreeMap<(Entity, Key), (Time, OpId)>,
    /// Ops whose effect on the server a restore took back.
    pub undone: BTreeSet<OpId>,
}

impl History<'_> {
    /// What has to be known again if the server's disk as it is now should be restored.
    pub fn back_up(&self) -> Backup {
        let NodeView { rows, by_op, .. } = self.server();
        let on_server = self.taken_away.iter().filter(|((node, ..), _)| node.is_server());
        let known = |record: &OpRecord| Known {
            verdicts: record.verdicts.clone(),
            on_server: record.on_server,
            committed: record.committed,
            made: record.made.clone(),
        };
        Backup {
            at: self.now,
            rows: rows.clone(),
            by_op: by_op.clone(),
            commits: self.commits.clone(),
            deletions: self.deletions.clone(),
            taken_away: on_server.map(|(row, by)| (*row, *by)).collect(),
            undone: self.undone.clone(),
            ops: self.records().map(known).collect(),
        }
    }

    /// Takes in that the server was restored. Ops that nobody can send again, since only a device that was wiped meanwhile
    /// knew them, are excused.
    pub fn restored(&mut self, backup: Backup) {
        let Backup { rows, by_op, commits, deletions, taken_away, undone, ops, .. } = backup;
        let server = &mut self.nodes[NodeId::SERVER.index()];
        server.rows = rows;
        server.by_op = by_op;
        server.unfinished = 0;
        self.epochs.commits.push(std::mem::replace(&mut self.commits, commits));
        self.epochs.restored = Some(self.now);
        let lost = std::mem::replace(&mut self.deletions, deletions);
        self.epochs.deletions.extend(lost);
        self.taken_away.retain(|(node, ..), _| !node.is_server());
        self.taken_away.extend(taken_away);
        self.undone = undone;
        let mut taken_back = Vec::new();
        for (record, known) in self.records_mut().zip(ops) {
            if record.on_server.is_some() && known.on_server.is_none() {
                taken_back.push(record.op.id);
            }
            record.verdicts = known.verdicts;
            record.on_server = known.on_server;
            record.committed = known.committed;
            record.made = known.made;
        }
        self.epochs.undone.extend(taken_back);
        let gone: Vec<OpId> = self
            .ops()
            .filter(|record| record.on_server.is_none() && record.verdicts.is_empty() && self.is_forgotten(record))
            .map(|record| record.op.id)
            .collect();
        for op in gone {
            if let Some(record) = self.op_mut(op) {
                record.excused = true;
            }
        }
    }

    /// The changes of a field in every epoch, the present one first.
    pub fn commits_ever(&self, field: (Entity, Key, u8)) -> impl Iterator<Item = &[super::commits::Commit]> {
        let epochs = std::iter::once(&self.commits).chain(self.epochs.commits.iter().rev());
        epochs.filter_map(move |commits| commits.get(&field))
    }

    /// Whether a device is handling a message that the server sent before it was restored: nobody can blame it for that.
    pub fn is_from_before_a_restore(&self) -> bool {
        self.as_of > Time::ZERO && self.epochs.restored.is_some_and(|restored| self.as_of < restored)
    }

    /// Whether the server made a row on behalf of an op that a restore took back: when it takes the op again, it may make
    /// another row or none (it finds other batches to take from).
    pub fn may_be_made_anew(&self, row: &Row) -> bool {
        let Some(record) = self.op(row.origin).filter(|_| self.epochs.undone.contains(&row.origin)) else {
            return false;
        };
        let at = (row.entity, canonical(row));
        let same = |effect: &Effect| matches!(effect, Effect::Create(made) if (made.entity, canonical(made)) == at);
        !self.effects(record).iter().any(same)
    }
}
