//! Every change of every field on the server, in order.
//!
//! Why its own type: most fields are set once and never again, so a field's first change needs no heap of its own, and a
//! row's fields are found together. It judges nothing.

use crate::model::row::FIELDS;
use crate::model::table::Table;
use crate::model::{Entity, Key, Value};
use crate::sim::{OpId, Time};

/// A change of a field on the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Commit {
    /// When.
    pub at: Time,
    /// By which op.
    pub op: OpId,
    /// To what.
    pub value: Value,
}

#[derive(Clone, Default)]
enum List {
    #[default]
    Never,
    Once(Commit),
    Often(Vec<Commit>),
}

/// The changes of one row's fields.
#[derive(Clone, Default)]
pub struct RowCommits([List; FIELDS]);

impl RowCommits {
    /// Adds a change of a field.
    pub fn push(&mut self, field: u8, commit: Commit) {
        let list = &mut self.0[field as usize];
        match list {
            List::Never => *list = List::Once(commit),
            List::Once(first) => *list = List::Often(vec![*first, commit]),
            List::Often(all) => all.push(commit),
        }
    }
}

/// The changes of all fields, by row.
#[derive(Clone, Default)]
pub struct Commits {
    rows: Table<(Entity, Key), RowCommits>,
}

impl Commits {
    /// The changes of a field, opening value first; `None` if there are none.
    pub fn get(&self, (entity, key, field): &(Entity, Key, u8)) -> Option<&[Commit]> {
        match &self.rows.get(&(*entity, *key))?.0[*field as usize] {
            List::Never => None,
            List::Once(commit) => Some(std::slice::from_ref(commit)),
            List::Often(all) => Some(all),
        }
    }
    /// The changes of a row, to add to them.
    pub fn of_row(&mut self, entity: Entity, key: Key) -> &mut RowCommits {
        self.rows.get_or_insert_with((entity, key), RowCommits::default)
    }
}
