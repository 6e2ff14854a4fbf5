//! Where there is no server: which devices hold what an op did, and what its author had seen.
//!
//! Devices that talk to each other have no common order of commits. What can be said of two writes is whether the author
//! of one had seen the other; what neither had seen of the other is concurrent, and which of them stays is the system's
//! affair. Where the history cannot tell, the answer is the one that accuses nobody.

use super::history::{History, OpRecord, canonical};
use super::questions::plain;
use crate::model::{Domain, Effect, Entity, Key, Row};
use crate::sim::{NodeId, OpId};
use crate::system::{Facts, Write};

/// Why an invariant that is about a server says nothing where there is none.
pub(crate) const NO_SERVER: &str = "there is no server";

/// The reason not to check an invariant that is about a server.
pub(crate) fn needs_server(facts: &Facts) -> Option<&'static str> {
    (!facts.server).then_some(NO_SERVER)
}

/// Whether a device holds what an op did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Held {
    /// It shows it, or a tombstone where somebody deleted it.
    Yes,
    /// It shows what there was before, or nothing where nobody deleted anything.
    No,
    /// Something else took its place that the op's author had not seen.
    CannotTell,
}

impl History<'_> {
    /// All devices.
    pub(crate) fn devices(&self) -> impl Iterator<Item = NodeId> + use<> {
        (1..self.nodes.len()).map(|n| NodeId(n as u16))
    }

    /// A node as a place in a sentence: `the server`, `till-1`.
    pub(crate) fn place(&self, node: NodeId) -> &str {
        if node.is_server() { "the server" } else { self.scenario.node_name(node) }
    }

    /// Whether the author of an op had seen the work of another by then: what it changed had been set by that op, or by
    /// one whose author had seen it. What there was at the opening everybody has seen.
    pub(crate) fn knew(&self, op: OpId, other: OpId) -> bool {
        let mut seen = vec![op];
        let mut next = 0;
        while let Some(at) = seen.get(next).copied() {
            next += 1;
            if !other.is_some() || at != other && self.was_done_before(other, at) {
                return true;
            }
            for row in self.op(at).map_or(&[][..], |record| &record.seen) {
                for by in authors(row) {
                    if by == other && by != op {
                        return true;
                    }
                    if !seen.contains(&by) {
                        seen.push(by);
                    }
                }
            }
        }
        false
    }

    /// Whether a device holds what an op did; about what it lacks, if it lacks something.
    pub(crate) fn held(&self, node: NodeId, record: &OpRecord) -> (Held, Entity) {
        let mut all = (Held::CannotTell, Entity(0));
        for effect in self.effects(record) {
            match self.shows(node, record, &effect) {
                (Held::No, entity) => return (Held::No, entity),
                (Held::Yes, entity) => all = (Held::Yes, entity),
                (Held::CannotTell, _) => {}
            }
        }
        all
    }

    /// Who set a field, and so what took the place of what, is in the tags alone. Without them only its own row and its own
    /// value tell that an op is there, and that it is not is known of a row that some device shows under its key.
    fn shows(&self, node: NodeId, record: &OpRecord, effect: &Effect) -> (Held, Entity) {
        let tagged = self.facts.reports.authors;
        let deleted = |entity, key| self.deletions.contains_key(&(entity, key));
        match *effect {
            Effect::Create(made) => {
                let (entity, key) = (made.entity, canonical(&made));
                let untold = !tagged && !record.tagged;
                let by_key = |node| self.node(node).rows.get(&(entity, made.key)).filter(|_| untold);
                let held = match self.find(node, entity, key).or_else(|| by_key(node)) {
                    Some(row) if !row.deleted || deleted(entity, key) => Held::Yes,
                    None if untold && self.devices().all(|other| by_key(other).is_none()) => Held::CannotTell,
                    _ if deleted(entity, key) || !(self.in_scope)(node, &made) => Held::CannotTell,
                    _ => Held::No,
                };
                (held, entity)
            }
            Effect::Delete { entity, key } => {
                let key = plain(key);
                let held = match self.find(node, entity, key) {
                    Some(row) if row.deleted => Held::Yes,
                    Some(row) if tagged && self.seen_row(record, entity, key).is_some() => {
                        let stale = authors(row).all(|by| self.knew(record.op.id, by));
                        if stale { Held::No } else { Held::CannotTell }
                    }
                    _ => Held::CannotTell,
                };
                (held, entity)
            }
            Effect::Set { entity, key, field, value } => {
                let key = plain(key);
                let seen = self.seen_row(record, entity, key);
                let held = match (self.find(node, entity, key), seen) {
                    (Some(row), _) if row.deleted => Held::CannotTell,
                    (Some(row), _) if row.set_by[field as usize] == record.op.id || row.get(field) == value => {
                        Held::Yes
                    }
                    (Some(row), Some(_)) if tagged && self.knew(record.op.id, row.set_by[field as usize]) => Held::No,
                    (None, Some(seen)) if !deleted(entity, key) && (self.in_scope)(node, seen) => Held::No,
                    _ => Held::CannotTell,
                };
                (held, entity)
            }
            // A sum does not say what it was made of.
            Effect::Add { entity, .. } => (Held::CannotTell, entity),
        }
    }

    fn seen_row<'a>(&self, record: &'a OpRecord, entity: Entity, key: Key) -> Option<&'a Row> {
        record.seen.iter().find(|row| row.entity == entity && canonical(row) == key)
    }

    /// Whether some device holds what an op did.
    pub(crate) fn is_anywhere(&self, record: &OpRecord) -> bool {
        self.devices().any(|node| self.held(node, record).0 == Held::Yes)
    }

    /// Before a device is wiped: what no other device holds cannot be asked for any more. A message that still holds an
    /// op may yet bring it to another device: whether it did is known at the end.
    pub(crate) fn excuse_where_only(&mut self, wiped: NodeId) {
        let elsewhere =
            |record: &OpRecord| self.devices().any(|node| node != wiped && self.held(node, record).0 == Held::Yes);
        let only: Vec<OpId> = self
            .ops()
            .filter(|record| !record.excused && self.held(wiped, record).0 != Held::No && !elsewhere(record))
            .map(|record| record.op.id)
            .collect();
        for op in only {
            if let Some(record) = self.op_mut(op) {
                record.excused = true;
            }
        }
    }

    /// Takes in which ops of other devices a write on a device brings along.
    pub(super) fn note_arrivals(&mut self, node: NodeId, write: &Write) {
        let now = self.now;
        let old: Vec<OpId> = write.before.iter().flat_map(authors).collect();
        let new = write.after.iter().flat_map(authors).filter(|by| !old.contains(by));
        for op in new.chain([write.op]).collect::<Vec<_>>() {
            if let Some(record) = self.op_mut(op)
                && record.op.node != node
            {
                record.on_others.get_or_insert(now);
            }
        }
    }
}

/// The ops that a row is the work of, opening values among them.
pub(crate) fn authors(row: &Row) -> impl Iterator<Item = OpId> + use<> {
    let (origin, set_by) = (row.origin, row.set_by);
    let fields = (0..set_by.len()).filter(move |n| *n == 0 || set_by[*n] != set_by[*n - 1]);
    std::iter::once(origin).chain(fields.map(move |n| set_by[n]))
}

/// Whether the business has a field of this kind at all.
pub(crate) fn has_field(domain: &Domain, wanted: impl Fn(crate::model::Class) -> bool) -> bool {
    domain.entities.iter().flat_map(|entity| entity.fields).any(|field| wanted(field.class))
}
