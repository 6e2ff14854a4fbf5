//! Questions about an op that several invariants ask: was it taken back, did it take effect, what had its author seen?
//!
//! Answers come from the history and the domain tables alone. Where the history cannot tell, the answer is the one that
//! accuses nobody.

use super::history::{History, OpRecord, canonical};
use crate::model::domain::SPLIT;
use crate::model::{Class, Effect, Entity, Key, Row, Rows};
use crate::sim::{NodeId, OpId};
use crate::system::{PendingState, Verdict, Word};

/// The key of a row that an op names, the same on every node.
pub fn plain(key: Key) -> Key {
    key.maker().map_or(key, |(op, part)| Key::made(op, part))
}

/// Whether a verdict says that the op did not take effect as asked.
pub fn is_negative(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Accepted)
}

struct Shown<'a> {
    history: &'a History<'a>,
    record: &'a OpRecord,
}

impl Rows for Shown<'_> {
    fn row(&self, entity: Entity, key: Key) -> Option<Row> {
        let seen = self.record.seen.iter().find(|row| row.entity == entity && canonical(row) == plain(key));
        // Without a server the rest is as its own device shows it.
        let other = if self.history.facts.server { NodeId::SERVER } else { self.record.op.node };
        seen.or_else(|| self.history.find(other, entity, plain(key))).copied()
    }
}

impl History<'_> {
    /// The row of a node with this canonical key, live or not.
    pub(crate) fn find(&self, node: NodeId, entity: Entity, key: Key) -> Option<&Row> {
        let view = self.node(node);
        if let Some((op, part)) = key.maker() {
            let mut made = view.by_op.range((op, entity, part, Key::NONE)..=(op, entity, part, Key(u64::MAX)));
            return made.next().and_then(|(_, _, _, key)| view.rows.get(&(entity, *key)));
        }
        view.rows.get(&(entity, key))
    }

    /// Another live row of the server with the same values in these fields, if all of them are set.
    pub(crate) fn holder(&self, wanted: &Row, fields: &[u8]) -> Option<&Row> {
        let entity = wanted.entity;
        if fields.iter().any(|field| wanted.get(*field).get().is_none()) {
            return None;
        }
        let same = |row: &Row, field: u8| match (self.domain.class(entity, field), row.get(field).as_key()) {
            (Class::Reference(to), Some(key)) => {
                let other = wanted.get(field).as_key().unwrap_or(Key::NONE);
                self.canonical(NodeId::SERVER, to, key) == self.canonical(NodeId::SERVER, to, other)
            }
            _ => row.get(field) == wanted.get(field),
        };
        let all = self.server().rows.range((entity, Key::NONE)..=(entity, Key(u64::MAX)));
        let mut others = all.map(|(_, row)| row).filter(|row| !row.deleted && canonical(row) != canonical(wanted));
        others.find(|row| fields.iter().all(|field| same(row, *field)))
    }

    /// Whether an op makes this very row, by an identity that others can make as well.
    fn makes(&self, record: &OpRecord, entity: Entity, key: Key) -> bool {
        let made =
            |effect: &Effect| matches!(effect, Effect::Create(row) if (row.entity, canonical(row)) == (entity, key));
        !key.is_made() && self.effects(record).iter().any(made)
    }

    /// Whether the op was taken back or decided against, as far as anybody could know: then its effects may vanish.
    pub(crate) fn is_gone(&self, record: &OpRecord) -> bool {
        record.is_withdrawn()
            || record.last_word() == Some(Word::Conflict)
            || record.rolled_back
            || record.excused
            || record.verdict().is_some_and(is_negative)
    }

    /// Whether its device was wiped after the user did it: the device may know nothing of it.
    pub(crate) fn is_forgotten(&self, record: &OpRecord) -> bool {
        self.node(record.op.node).wiped.is_some_and(|wiped| record.at.is_none_or(|at| at <= wiped))
    }

    /// Whether `op` was done on `node`.
    pub(crate) fn is_own(&self, node: NodeId, op: OpId) -> bool {
        self.op(op).is_some_and(|record| record.op.node == node)
    }

    /// Whether the op refers to a row whose making was decided against: then it cannot take effect either.
    pub(crate) fn is_orphan(&self, record: &OpRecord) -> bool {
        let keys = record.op.lines().iter().map(|line| line.key).chain([record.op.target]);
        keys.filter_map(Key::maker).map(|(maker, _)| maker).chain([record.op.earlier]).any(|maker| {
            maker.is_some() && maker != record.op.id && self.op(maker).is_some_and(|parent| self.is_gone(parent))
        })
    }

    /// What the device still wants to do about the op, at rest.
    pub(crate) fn pending(&self, record: &OpRecord) -> Option<PendingState> {
        self.node(record.op.node).pending.iter().find(|one| one.op == record.op.id).map(|one| one.state)
    }

    /// What the op asked for, given what its device showed.
    pub(crate) fn effects(&self, record: &OpRecord) -> Vec<Effect> {
        let mut effects = Vec::new();
        (self.domain.transition)(&record.op, &Shown { history: self, record }, &mut effects);
        effects
    }

    /// Whether an op of the same device, done later, committed on this field (it may have replaced the first in the outbox).
    fn own_later_edit(&self, record: &OpRecord, entity: Entity, key: Key, field: u8) -> bool {
        self.commits.get(&(entity, key, field)).is_some_and(|list| {
            list.iter()
                .any(|commit| self.op(commit.op).is_some_and(|by| by.op.node == record.op.node && by.at > record.at))
        })
    }

    fn own_later_deletion(&self, record: &OpRecord, entity: Entity, key: Key) -> bool {
        let taken = |node| self.taken_away.get(&(node, entity, key)).copied();
        [taken(record.op.node), taken(NodeId::SERVER)].into_iter().flatten().any(|(_, by)| {
            by != record.op.id && self.op(by).is_some_and(|by| by.op.node == record.op.node && by.at > record.at)
        })
    }

    /// The first thing the op asked for that never came about on the server, by entity; `None` if all of it did or
    /// already was so.
    pub(crate) fn lacking(&self, record: &OpRecord) -> Option<Entity> {
        let mut pieces = Vec::new();
        (self.domain.pieces)(&record.op, &mut pieces);
        if !pieces.is_empty() {
            let lacks = |entity: Entity, part: u8| {
                !record.made.contains(&(entity, part % SPLIT))
                    && !self.own_later_deletion(record, entity, Key::made(record.op.id, part))
            };
            return pieces.iter().find(|piece| lacks(piece.entity, piece.part)).map(|piece| piece.entity);
        }
        if record.committed {
            return None;
        }
        self.effects(record).iter().find_map(|effect| self.lacks(record, effect))
    }

    fn lacks(&self, record: &OpRecord, effect: &Effect) -> Option<Entity> {
        let id = record.op.id;
        let (entity, done) = match *effect {
            Effect::Create(row) => {
                let key = canonical(&row);
                let live = self.find(NodeId::SERVER, row.entity, key).is_some_and(|row| !row.deleted);
                (row.entity, live || self.own_later_deletion(record, row.entity, key))
            }
            Effect::Delete { entity, key } => {
                let key = plain(key);
                let dead = self.find(NodeId::SERVER, entity, key).is_none_or(|row| row.deleted);
                (entity, dead || self.deletions.contains_key(&(entity, key)))
            }
            Effect::Set { entity, key, field, value } => {
                let key = plain(key);
                let listed = self.commits.get(&(entity, key, field));
                let by_it = listed.is_some_and(|list| list.iter().any(|commit| commit.op == id));
                let same = self.find(NodeId::SERVER, entity, key).is_some_and(|row| row.get(field) == value);
                let replaced =
                    self.own_later_edit(record, entity, key, field) || self.own_later_deletion(record, entity, key);
                (entity, by_it || same || replaced)
            }
            Effect::Add { entity, key, field, delta } => {
                let listed = self.commits.get(&(entity, plain(key), field));
                (entity, delta == 0 || listed.is_some_and(|list| list.iter().any(|commit| commit.op == id)))
            }
        };
        (!done).then_some(entity)
    }

    /// Up to which server commit of a field the author of `op` had seen it, as an index into its commits (-1 for none).
    /// Own earlier edits count as seen where they stand if `own_count`, else as what their author had seen before them.
    /// `None` where the history cannot tell.
    pub(crate) fn seen_upto(&self, op: OpId, entity: Entity, key: Key, field: u8, own_count: bool) -> Option<isize> {
        let list = self.commits.get(&(entity, key, field)).unwrap_or_default();
        let author = self.op(op)?.op.node;
        let mut at = op;
        for _ in 0..64 {
            let record = self.op(at)?;
            let Some(row) = record.seen.iter().find(|row| row.entity == entity && canonical(row) == key) else {
                // Its author made the row and had seen nothing of it.
                return self.makes(record, entity, key).then_some(-1);
            };
            let by = row.set_by[field as usize];
            let own = by.is_some() && self.is_own(author, by);
            let place = match own {
                true if !own_count => None,
                true => list.iter().rposition(|commit| commit.op == by),
                false => {
                    let known = list.iter().rposition(|commit| commit.op == by && Some(commit.at) <= record.at);
                    known.or_else(|| list.iter().position(|commit| commit.op == by))
                }
            };
            match place {
                Some(place) => return Some(place as isize),
                None if !by.is_some() => return Some(-1),
                // The author made the row: before that there was nothing to see.
                None if own && key.maker().is_some_and(|(maker, _)| maker == by) => return Some(-1),
                None if own && by != at => at = by,
                None => return None,
            }
        }
        None
    }

    /// The rows that an op refers to, changes or deletes, besides those it makes; canonical keys.
    pub(crate) fn referred(&self, record: &OpRecord) -> Vec<(Entity, Key)> {
        let mut rows: Vec<(Entity, Key)> = Vec::new();
        for effect in self.effects(record) {
            match effect {
                Effect::Create(row) => {
                    for (field, spec) in self.domain.fields(row.entity).iter().enumerate() {
                        if let (Class::Reference(to), Some(key)) = (spec.class, row.get(field as u8).as_key()) {
                            rows.push((to, plain(key)));
                        }
                    }
                }
                Effect::Set { entity, key, field, value } => {
                    rows.push((entity, plain(key)));
                    if let (Class::Reference(to), Some(key)) = (self.domain.class(entity, field), value.as_key()) {
                        rows.push((to, plain(key)));
                    }
                }
                Effect::Add { entity, key, .. } | Effect::Delete { entity, key } => rows.push((entity, plain(key))),
            }
        }
        rows.retain(|(_, key)| *key != Key::NONE && key.maker().is_none_or(|(maker, _)| maker != record.op.id));
        rows.sort_unstable();
        rows.dedup();
        rows
    }
}
