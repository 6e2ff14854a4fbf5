//! A store and a context together: every change of a row is stored and reported in one place.
//!
//! Why: the harness compares reported writes with what a node holds; one door keeps them equal.

use crate::model::domain::{Domain, Shape, form_rows};
use crate::model::{Entity, Key, Op, Row, Rows, Value};
use crate::sim::OpId;
use crate::store::{Copy, Store};
use crate::system::{Context, Why};

use super::message::Wire;

/// A store whose visible rows are reported as they change.
pub struct Reported<'a, St: Store> {
    /// The store.
    pub store: &'a mut St,
    /// The step.
    pub cx: &'a mut Context<Wire>,
}

impl<St: Store> Reported<'_, St> {
    /// A visible row.
    pub fn get(&self, entity: Entity, key: Key) -> Option<Row> {
        self.store.row(Copy::Visible, entity, key)
    }
    /// A visible row that is not deleted.
    pub fn live(&self, entity: Entity, key: Key) -> Option<Row> {
        self.get(entity, key).filter(|row| !row.deleted)
    }
    /// Adds or replaces a visible row.
    pub fn put(&mut self, row: &Row, op: OpId, why: Why) {
        let before = self.get(row.entity, row.key);
        self.put_over(before, row, op, why);
    }
    /// The same where the row that is there has just been read.
    pub fn put_over(&mut self, before: Option<Row>, row: &Row, op: OpId, why: Why) {
        if before.as_ref() != Some(row) {
            self.store.put_row(Copy::Visible, row);
            self.cx.wrote(before, Some(*row), op, why);
        }
    }
    /// Removes a visible row, if it is there.
    pub fn remove(&mut self, entity: Entity, key: Key, op: OpId, why: Why) {
        if let Some(before) = self.get(entity, key) {
            self.store.remove_row(Copy::Visible, entity, key);
            self.cx.wrote(Some(before), None, op, why);
        }
    }
    /// Gives a visible row another identity. If that is taken already, the row simply goes.
    pub fn rename(&mut self, entity: Entity, from: Key, to: Key) {
        let Some(before) = self.get(entity, from) else { return };
        self.store.remove_row(Copy::Visible, entity, from);
        if self.get(entity, to).is_some() {
            self.cx.wrote(Some(before), None, before.origin, Why::Renamed);
        } else {
            let after = Row { key: to, ..before };
            self.store.put_row(Copy::Visible, &after);
            self.cx.wrote(Some(before), Some(after), before.origin, Why::Renamed);
        }
    }
}

/// A node's live rows, for transitions.
pub struct Live<'a, St: Store>(pub &'a St);

impl<St: Store> Rows for Live<'_, St> {
    fn row(&self, entity: Entity, key: Key) -> Option<Row> {
        self.0.row(Copy::Visible, entity, key).filter(|row| !row.deleted)
    }
}

/// The rows that an op is about: its target and the rows of its lines, with their entities.
pub fn subjects(domain: &Domain, op: &Op) -> Vec<(Entity, Key)> {
    let mut list = Vec::new();
    let mut target = |entity: Entity| {
        if op.target != Key::NONE {
            list.push((entity, op.target));
        }
    };
    let mut lines_of = None;
    match domain.verb(op).shape {
        Shape::Lines { entity, .. } => lines_of = Some(entity),
        Shape::Set { entity } | Shape::Target(entity) => target(entity),
        Shape::Record { target: about, lines, .. } => {
            if let Some((_, entity)) = about {
                target(entity);
            }
            lines_of = lines.map(|(_, entity)| entity);
        }
        Shape::Pair { target: (_, entity), other: (_, other) } => {
            target(entity);
            lines_of = Some(other);
        }
        Shape::Form { rows, .. } => list.extend(form_rows(rows, op)),
        Shape::Earlier(verb) => {
            if let Some(Shape::Lines { entity, .. }) = domain.verb_named(verb).map(|(_, spec)| spec.shape) {
                lines_of = Some(entity);
            }
        }
        Shape::Word(_) | Shape::Decision(_) => {}
    }
    if let Some(entity) = lines_of {
        list.extend(op.lines().iter().filter(|line| line.key != Key::NONE).map(|line| (entity, line.key)));
    }
    list
}

/// The fields of an entity that refer to rows, with the entity referred to.
pub fn references(domain: &Domain, entity: Entity) -> impl Iterator<Item = (u8, Entity)> + use<> {
    domain.fields(entity).iter().enumerate().filter_map(move |(index, field)| match field.class {
        crate::model::Class::Reference(to) => Some((index as u8, to)),
        crate::model::Class::Assigned if entity == crate::model::retail::STOCK_MOVEMENT => {
            Some((index as u8, crate::model::retail::PRODUCT_BATCH))
        }
        _ => None,
    })
}

/// Another live row that has what only one of its entity may have, and that this row would have too.
pub fn holder<St: Store>(domain: &Domain, store: &St, wanted: &Row) -> Option<Key> {
    domain.unique_of(wanted.entity).find_map(|fields| {
        if fields.iter().any(|field| wanted.get(*field).get().is_none()) {
            return None;
        }
        let mut found = None;
        store.each_of(Copy::Visible, wanted.entity, &mut |row| {
            let other = !row.deleted && row.key != wanted.key;
            if other && fields.iter().all(|field| row.get(*field) == wanted.get(*field)) {
                found = found.or(Some(row.key));
            }
        });
        found
    })
}

/// The permission that says no for the user who makes a row, if there is one.
pub fn forbidding<St: Store>(domain: &Domain, store: &St, made: &Row) -> Option<Key> {
    let law = domain.permission?;
    let mut found = None;
    store.each_of(Copy::Visible, law.entity, &mut |row| {
        if law.forbids(row, made.actor) {
            found = found.or(Some(row.key));
        }
    });
    found
}

/// Whether a row refers to this identity.
pub fn refers(domain: &Domain, row: &Row, entity: Entity, key: Key) -> bool {
    let named = Value::key(key);
    row.fields.contains(&named)
        && references(domain, row.entity).any(|(field, target)| target == entity && row.get(field) == named)
}

/// Replaces one identity by another wherever a row refers to it.
pub fn redirect(domain: &Domain, row: &mut Row, entity: Entity, from: Key, to: Key) -> bool {
    let mut changed = false;
    for (field, target) in references(domain, row.entity) {
        if target == entity && row.get(field) == Value::key(from) {
            row.fields[field as usize] = Value::key(to);
            changed = true;
        }
    }
    changed
}
