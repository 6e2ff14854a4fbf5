//! What a restored backup of the server does to the record of a run: what the server took since is gone.
//!
//! Why: a verdict holds within its epoch only. After a restore the record says what the server still knows; what it held
//! in earlier epochs is kept beside it, since a device may show that until it hears of the restore. It judges nothing.

use super::commits::Commits;
use super::history::{History, NodeView, OpRecord, canonical};
use crate::model::table::{Sorted, Table};
use crate::model::{Effect, Entity, Key, Row};
use crate::sim::{NodeId, OpId, Time};
use std::collections::{BTreeMap, BTreeSet};

/// What the record said of the server when a backup of its disk was made.
pub struct Backup {
    at: Time,
    rows: Table<(Entity, Key), Row>,
    by_op: Sorted<(OpId, Entity, u8, Key)>,
    deletions: BTreeMap<(Entity, Key), (Time, OpId)>,
    /// Of each op: how many verdicts it had, whether it had changed a business row, how many pieces it had made.
    ops: Vec<(usize, bool, usize)>,
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
        Backup {
            at: self.now,
            rows: rows.clone(),
            by_op: by_op.clone(),
            deletions: self.deletions.clone(),
            ops: self.records().map(|one| (one.verdicts.len(), one.committed, one.made.len())).collect(),
        }
    }

    /// Takes in that the server was restored. Ops that nobody can send again, since only a device that was wiped meanwhile
    /// knew them, are excused.
    pub fn restored(&mut self, backup: &Backup) {
        let Backup { at, rows, by_op, deletions, ops } = backup;
        let server = &mut self.nodes[NodeId::SERVER.index()];
        server.rows = rows.clone();
        server.by_op = by_op.clone();
        server.unfinished = 0;
        let kept = self.commits.up_to(*at);
        self.epochs.commits.push(std::mem::replace(&mut self.commits, kept));
        self.epochs.restored = Some(self.now);
        let lost = std::mem::replace(&mut self.deletions, deletions.clone());
        self.epochs.deletions.extend(lost);
        self.taken_away.retain(|(node, ..), (then, _)| !node.is_server() || *then <= *at);
        self.undone.retain(|(.., then)| *then <= *at);
        let undone = |record: &&OpRecord| record.on_server.is_some_and(|then| then > *at);
        let undone: Vec<OpId> = self.ops().filter(undone).map(|record| record.op.id).collect();
        self.epochs.undone.extend(undone);
        for (record, (verdicts, committed, made)) in self.records_mut().zip(ops) {
            record.verdicts.truncate(*verdicts);
            record.committed = *committed;
            record.made.truncate(*made);
            record.on_server = record.on_server.filter(|then| *then <= *at);
        }
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
