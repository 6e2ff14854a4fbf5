//! A store in memory: ordered tables and an undo log.
//!
//! The default: a campaign opens thousands of these a second. It keeps nothing beyond the process.

use super::{Answer, Cell, Copy, Item, Store, Taken};
use crate::model::table::Table;
use crate::model::{Entity, Key, Row};
use std::collections::BTreeMap;

/// See the module.
#[derive(Clone, Default)]
pub struct Memory {
    rows: [Table<(Entity, Key), Row>; 2],
    items: Table<u32, Item>,
    answers: BTreeMap<u64, Answer>,
    identities: BTreeMap<(Entity, Key), Key>,
    numbers: [i64; 8],
    undo: Option<Vec<Undo>>,
}

#[derive(Clone)]
enum Undo {
    Row(Copy, Entity, Key, Option<Box<Row>>),
    Item(u32, Option<Box<Item>>),
    Answer(u64, Option<Box<Answer>>),
    Identity(Entity, Key, Option<Key>),
    Number(Cell, i64),
}

impl Memory {
    fn note(&mut self, undo: impl FnOnce(&Self) -> Undo) {
        if self.undo.is_some() {
            let entry = undo(self);
            self.undo.as_mut().expect("a transaction is open").push(entry);
        }
    }
}

impl Store for Memory {
    const NAME: &'static str = "memory";

    fn open() -> Self {
        Memory::default()
    }

    fn begin(&mut self) {
        assert!(self.undo.is_none(), "transactions do not nest");
        self.undo = Some(Vec::new());
    }
    fn commit(&mut self) {
        assert!(self.undo.take().is_some(), "only an open transaction can be committed");
    }
    fn rollback(&mut self) {
        let undo = self.undo.take().expect("only an open transaction can be rolled back");
        for entry in undo.into_iter().rev() {
            match entry {
                Undo::Row(copy, entity, key, old) => {
                    match old {
                        Some(row) => self.rows[copy as usize].insert((entity, key), *row),
                        None => self.rows[copy as usize].remove(&(entity, key)),
                    };
                }
                Undo::Item(seq, old) => {
                    match old {
                        Some(item) => self.items.insert(seq, *item),
                        None => self.items.remove(&seq),
                    };
                }
                Undo::Answer(key, old) => {
                    match old {
                        Some(answer) => self.answers.insert(key, *answer),
                        None => self.answers.remove(&key),
                    };
                }
                Undo::Identity(entity, key, old) => {
                    match old {
                        Some(real) => self.identities.insert((entity, key), real),
                        None => self.identities.remove(&(entity, key)),
                    };
                }
                Undo::Number(cell, old) => self.numbers[cell as usize] = old,
            }
        }
    }

    fn row(&self, copy: Copy, entity: Entity, key: Key) -> Option<Row> {
        self.rows[copy as usize].get(&(entity, key)).copied()
    }
    fn put_row(&mut self, copy: Copy, row: &Row) {
        let (entity, key) = (row.entity, row.key);
        self.note(|store| Undo::Row(copy, entity, key, store.row(copy, entity, key).map(Box::new)));
        self.rows[copy as usize].insert((entity, key), *row);
    }
    fn remove_row(&mut self, copy: Copy, entity: Entity, key: Key) {
        self.note(|store| Undo::Row(copy, entity, key, store.row(copy, entity, key).map(Box::new)));
        self.rows[copy as usize].remove(&(entity, key));
    }
    fn each_row(&self, copy: Copy, visit: &mut dyn FnMut(&Row)) {
        self.rows[copy as usize].values().for_each(visit);
    }
    fn each_of(&self, copy: Copy, entity: Entity, visit: &mut dyn FnMut(&Row)) {
        let range = (entity, Key(0))..=(entity, Key(u64::MAX));
        self.rows[copy as usize].range(range).for_each(|(_, row)| visit(row));
    }
    fn changed_since(&self, version: u32, visit: &mut dyn FnMut(&Row)) {
        let mut changed: Vec<&Row> =
            self.rows[Copy::Visible as usize].values().filter(|row| row.version > version).collect();
        changed.sort_by_key(|row| row.version);
        changed.into_iter().for_each(visit);
    }

    fn put_item(&mut self, item: &Item) {
        self.note(|store| Undo::Item(item.seq, store.items.get(&item.seq).copied().map(Box::new)));
        self.items.insert(item.seq, *item);
    }
    fn remove_item(&mut self, seq: u32) {
        self.note(|store| Undo::Item(seq, store.items.get(&seq).copied().map(Box::new)));
        self.items.remove(&seq);
    }
    fn each_item(&self, visit: &mut dyn FnMut(&Item)) {
        self.items.values().for_each(visit);
    }

    fn answer(&self, key: u64) -> Option<Answer> {
        self.answers.get(&key).copied()
    }
    fn insert_answer(&mut self, answer: &Answer) -> Result<(), Taken> {
        if self.answers.contains_key(&answer.key) {
            return Err(Taken);
        }
        self.note(|_| Undo::Answer(answer.key, None));
        self.answers.insert(answer.key, *answer);
        Ok(())
    }
    fn forget_answers(&mut self, now: i64) {
        let old: Vec<Answer> = self.answers.values().filter(|answer| answer.expires < now).copied().collect();
        for answer in old {
            self.note(|_| Undo::Answer(answer.key, Some(Box::new(answer))));
            self.answers.remove(&answer.key);
        }
    }
    fn answers_since(&self, commit: u32, visit: &mut dyn FnMut(&Answer)) {
        let mut since: Vec<&Answer> = self.answers.values().filter(|answer| answer.commit > commit).collect();
        since.sort_by_key(|answer| answer.commit);
        since.into_iter().for_each(visit);
    }

    fn identity(&self, entity: Entity, temporary: Key) -> Option<Key> {
        self.identities.get(&(entity, temporary)).copied()
    }
    fn put_identity(&mut self, entity: Entity, temporary: Key, real: Key) {
        self.note(|store| Undo::Identity(entity, temporary, store.identity(entity, temporary)));
        self.identities.insert((entity, temporary), real);
    }

    fn number(&self, cell: Cell) -> i64 {
        self.numbers[cell as usize]
    }
    fn set_number(&mut self, cell: Cell, value: i64) {
        self.note(|store| Undo::Number(cell, store.number(cell)));
        self.numbers[cell as usize] = value;
    }
}
