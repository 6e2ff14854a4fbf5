//! Each op has one effect, whole: never twice on the server, and on no node half of it.
//!
//! Whether it has an effect at all is for [`super::loss`] to say.

use super::history::canonical;
use super::twice::Changes;
use super::{Breach, History, Invariant, Log, Moment, OpRecord, Reach, wants};
use crate::model::domain::{Piece, SPLIT};
use crate::model::table::Sorted;
use crate::model::{Entity, Key, Row};
use crate::sim::{NodeId, OpId, Time};
use crate::system::{Facts, Why, Write};

fn rows_of<'a>(history: &'a History<'_>, node: NodeId, op: OpId, piece: &'a Piece) -> impl Iterator<Item = &'a Row> {
    let view = history.node(node);
    let made = view.by_op.range((op, piece.entity, 0, Key::NONE)..=(op, piece.entity, u8::MAX, Key(u64::MAX)));
    made.filter(|(_, _, part, _)| part % SPLIT == piece.part % SPLIT)
        .filter_map(|(_, entity, _, key)| view.rows.get(&(*entity, *key)))
}

/// Each op has at most one effect per table on the server.
#[derive(Default)]
pub struct OneEffectPerOp {
    changes: Changes,
}

impl Invariant for OneEffectPerOp {
    fn name(&self) -> &'static str {
        "one-effect-per-op"
    }
    fn promise(&self) -> &'static str {
        "each op has at most one effect per table: one sale, one movement, one payment"
    }
    fn out_of_reach(&self, reach: &Reach) -> Option<&'static str> {
        (!reach.trouble).then_some("nothing is late or lost under this profile, so nothing comes twice")
    }
    fn wants(&self) -> u8 {
        wants::WROTE | wants::BETWEEN_ON_SERVER
    }
    fn wants_of(&self, facts: &Facts) -> u8 {
        if facts.server { wants::WROTE_ON_SERVER | wants::BETWEEN_ON_SERVER } else { wants::WROTE_ON_DEVICE }
    }
    fn restored(&mut self, history: &History<'_>, made: Time) {
        self.changes.restored(history.now, made);
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        self.changes.observe(history, moment, log);
        let Moment::Wrote(node, Write { after: Some(after), .. }) = moment else { return };
        if node.is_server() != history.facts.server {
            return;
        }
        if after.deleted || !after.origin.is_some() || after.entity.is_bookkeeping() {
            return;
        }
        let view = history.node(*node);
        let (op, entity, part) = (after.origin, after.entity, after.part);
        let same = view.by_op.range((op, entity, part, Key::NONE)..=(op, entity, part, Key(u64::MAX)));
        let live = |key: &Key| view.rows.get(&(entity, *key)).is_some_and(|row| !row.deleted);
        let count = same.filter(|(_, _, _, key)| live(key)).count();
        if count > 1 {
            let breach = Breach { kind: "twice", entity, node: *node, ops: &[op], at: None };
            log.broke(history.domain, breach, || {
                let table = history.domain.entity_name(entity);
                let (place, op) = (history.place(*node), history.scenario.op_name(op));
                format!("{place} held {count} {table} rows of {op}, where one was due")
            });
        }
    }
    fn judge(&mut self, history: &History<'_>, log: &mut Log) {
        let arrived = |record: &OpRecord| match history.facts.server {
            true => record.committed && record.may_have_been_sent_again(&history.facts),
            false => record.on_others.is_some(),
        };
        if history.ops().any(arrived) {
            log.exercised();
        }
    }
}

/// Whether an op that brings these about can be there by half: several rows, or an amount over rows.
pub fn can_be_half_done(pieces: &[Piece]) -> bool {
    pieces.len() > 1 || pieces.iter().any(|piece| piece.amount.is_some())
}

/// A sale, its lines and its movements exist together or not at all, on every node.
#[derive(Default)]
pub struct OpAllOrNothing {
    touched: Sorted<(NodeId, OpId)>,
    due: Vec<OpId>,
    pieces: Vec<Piece>,
}

impl OpAllOrNothing {
    /// Judges one op on one node. `sums` says whether amounts must be reached too.
    fn check(&mut self, history: &History<'_>, log: &mut Log, node: NodeId, op: OpId, sums: bool, held: bool) {
        let Some(record) = history.op(op) else { return };
        self.pieces.clear();
        (history.domain.pieces)(&record.op, &mut self.pieces);
        if !can_be_half_done(&self.pieces) {
            return;
        }
        let live = |piece| rows_of(history, node, op, piece).filter(|row| !row.deleted);
        if !self.pieces.iter().any(|piece| live(piece).next().is_some()) {
            return;
        }
        log.exercised();
        for piece in &self.pieces {
            let whole = match piece.amount {
                Some((field, amount)) if sums => {
                    let amounts = live(piece).map(|row| row.get(field).or_zero());
                    amounts.reduce(|a, b| a + b).is_some_and(|sum| sum.abs() >= amount.abs())
                }
                _ => live(piece).next().is_some(),
            };
            if whole {
                continue;
            }
            let key = Key::made(op, piece.part);
            let deleted_anywhere = || history.deletions.get(&(piece.entity, key)).is_some_and(|(_, by)| *by != op);
            let deleted_later = !history.facts.server && deleted_anywhere()
                || [node, NodeId::SERVER]
                    .iter()
                    .any(|on| history.taken_away.get(&(*on, piece.entity, key)).is_some_and(|(_, by)| *by != op));
            let due_here = |row: &Row| !row.deleted && (history.in_scope)(node, row);
            let is_due = || match history.facts.server {
                true => rows_of(history, NodeId::SERVER, op, piece).any(due_here),
                false => history.devices().any(|device| rows_of(history, device, op, piece).any(due_here)),
            };
            if deleted_later || (held && !is_due()) {
                continue;
            }
            let breach = Breach { kind: "effect-incomplete", entity: piece.entity, node, ops: &[op], at: None };
            log.broke(history.domain, breach, || {
                let (scenario, table) = (history.scenario, history.domain.entity_name(piece.entity));
                let (op, node) = (scenario.op_name(op), scenario.node_name(node));
                format!("{op} took effect on {node} without its {table} (part {})", piece.part)
            });
        }
    }
}

impl Invariant for OpAllOrNothing {
    fn name(&self) -> &'static str {
        "op-all-or-nothing"
    }
    fn promise(&self) -> &'static str {
        "a sale, its lines and its movements exist together or not at all, on every node"
    }
    fn out_of_reach(&self, reach: &Reach) -> Option<&'static str> {
        (!reach.in_pieces).then_some("no op of the business makes more than one row")
    }
    fn wants(&self) -> u8 {
        wants::WROTE | wants::BETWEEN
    }
    fn observe(&mut self, history: &History<'_>, moment: &Moment<'_>, log: &mut Log) {
        match moment {
            Moment::Wrote(node, write) if write.why != Why::Purged => {
                for row in [&write.before, &write.after].into_iter().flatten() {
                    let mine = node.is_server() || history.is_own(*node, row.origin);
                    if mine && row.origin.is_some() && !row.entity.is_bookkeeping() {
                        self.touched.insert((*node, row.origin));
                    }
                }
            }
            Moment::Between(node) if !self.touched.is_empty() => {
                let mut due = std::mem::take(&mut self.due);
                due.extend(self.touched.range((*node, OpId::NONE)..=(*node, OpId(u32::MAX))).map(|(_, op)| *op));
                for op in due.drain(..) {
                    self.touched.remove(&(*node, op));
                    // A device that was wiped gets its own ops back page by page, like everybody else's.
                    let whole = node.is_server() || history.op(op).is_some_and(|record| !history.is_forgotten(record));
                    if whole {
                        self.check(history, log, *node, op, node.is_server(), false);
                    }
                }
                self.due = due;
            }
            _ => {}
        }
    }
    fn judge(&mut self, history: &History<'_>, log: &mut Log) {
        if !history.rested {
            return;
        }
        for n in 1..history.nodes.len() {
            let node = NodeId(n as u16);
            if !history.is_clean(node) {
                continue;
            }
            let mut ops: Vec<OpId> = history.node(node).by_op.iter().map(|(op, ..)| *op).collect();
            ops.dedup();
            for op in ops {
                self.check(history, log, node, op, true, true);
            }
        }
    }
}

impl History<'_> {
    /// Whether nothing is left to do, given up or kept as a dead letter on a device at rest that is up.
    pub fn is_clean(&self, node: NodeId) -> bool {
        let view = self.node(node);
        let settled = |row: &Row| row.state == crate::model::RowState::Synced;
        view.unfinished == 0
            && view.pending.is_empty()
            && (self.facts.reports.pending || view.rows.values().all(settled))
    }

    /// A node's business rows with their canonical keys, in order of these; rows of one key in order of their own.
    pub fn by_canonical(&self, node: NodeId) -> Vec<((Entity, Key), &Row)> {
        let rows = self.node(node).rows.values().filter(|row| !row.entity.is_bookkeeping());
        let mut rows: Vec<_> = rows.map(|row| ((row.entity, canonical(row)), row)).collect();
        rows.sort_by_key(|(key, _)| *key);
        rows
    }
}

/// The rows of one canonical key.
pub fn in_table<'t, 'r>(
    rows: &'t [((Entity, Key), &'r Row)],
    entity: Entity,
    key: Key,
) -> &'t [((Entity, Key), &'r Row)] {
    let from = rows.partition_point(|(at, _)| *at < (entity, key));
    let count = rows[from..].iter().take_while(|(at, _)| *at == (entity, key)).count();
    &rows[from..from + count]
}
