//! How an op is written: what it names and which numbers it has, so that files, generators and stories agree on it.
//!
//! It says nothing about what the op does: that is for its business, [`super::Domain`].

use super::op::Op;
use super::row::{Entity, Key};

/// How an op is written in a scenario file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // a variant's comment names its fields
pub enum Shape {
    /// `{ "X": 5, "Y": 2 }`: one line for each row of this entity; `signed` allows negative numbers.
    Lines {
        /// The entity of the rows.
        entity: Entity,
        /// Whether numbers may be negative.
        signed: bool,
    },
    /// `{ "X": 6000 }`: a target of this entity and its new value.
    Set {
        /// The entity of the target.
        entity: Entity,
    },
    /// `{ "product": "X", "lot": 1, "quantity": 10 }`: an optional target, then numbers by name, then optional lines.
    Record {
        /// The key of the target and its entity, if there is one.
        target: Option<(&'static str, Entity)>,
        /// The keys of the numbers.
        values: &'static [&'static str],
        /// The key of the lines and their entity, if there are any.
        lines: Option<(&'static str, Entity)>,
    },
    /// `{ "product": "X", "supplier": "S" }`: a target and one line without a number.
    Pair {
        /// The key of the target and its entity.
        target: (&'static str, Entity),
        /// The key of the line and its entity.
        other: (&'static str, Entity),
    },
    /// `{ "pet": "P", "practitioner": "D", "slot": 9 }`: rows by name, the first of them the target, then numbers by
    /// name. Line `i` has the key of row `i + 1` and number `i`, whichever there are.
    Form {
        /// The keys of the rows and their entities; at least one.
        rows: &'static [(&'static str, Entity)],
        /// How many of the rows, from the first on, must be named; the others may be left out.
        needed: usize,
        /// The keys of the numbers.
        values: &'static [&'static str],
    },
    /// `"X"`: a target of this entity.
    Target(Entity),
    /// `"cart-1"`: the id of an earlier op of this verb name on the same device.
    Earlier(&'static str),
    /// One of these words.
    Word(&'static [&'static str]),
    /// `{ "of": "status-1", "take": "mine" }`: an earlier op of the same device and one of these words.
    Decision(&'static [&'static str]),
}

impl Shape {
    /// Panics if a business with so many entities, counted from 0, cannot have an op of this shape.
    pub(super) const fn check(&self, entities: usize) {
        const fn known(entity: Entity, entities: usize) {
            assert!((entity.0 as usize) < entities, "a verb's shape names an entity that the business does not have");
        }
        const fn fits(lines: usize) {
            assert!(lines <= super::op::LINES, "a verb's shape needs more lines than an op has");
        }
        match *self {
            Shape::Lines { entity, .. } | Shape::Set { entity } | Shape::Target(entity) => known(entity, entities),
            Shape::Pair { target, other } => {
                known(target.1, entities);
                known(other.1, entities);
            }
            Shape::Record { target, values, lines } => {
                if let Some((_, entity)) = target {
                    known(entity, entities);
                }
                if let Some((_, entity)) = lines {
                    known(entity, entities);
                }
                fits(values.len() + lines.is_some() as usize);
            }
            Shape::Form { rows, needed, values } => {
                assert!(!rows.is_empty() && needed <= rows.len(), "a form names at least one row, and those it needs");
                fits(rows.len() - 1);
                fits(values.len());
                let mut n = 0;
                while n < rows.len() {
                    known(rows[n].1, entities);
                    n += 1;
                }
            }
            Shape::Word(words) | Shape::Decision(words) => {
                assert!(!words.is_empty(), "a verb offers at least one word")
            }
            Shape::Earlier(_) => {}
        }
    }
}

/// The rows that an op of the shape [`Shape::Form`] names, with their entities; none for those that it leaves out.
pub fn form_rows(rows: &'static [(&'static str, Entity)], op: &Op) -> impl Iterator<Item = (Entity, Key)> {
    let keys = std::iter::once(op.target).chain(op.lines().iter().map(|line| line.key));
    rows.iter().map(|(_, entity)| *entity).zip(keys.collect::<Vec<_>>()).filter(|(_, key)| *key != Key::NONE)
}
