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
    kept: Table<u32, Item>,
    answers: BTreeMap<u64, Answer>,
    identities: BTreeMap<(Entity, Key), Key>,
    numbers: [i64; Cell::COUNT],
    /// What undoes the open transaction, the last change last.
    undo: Vec<Undo>,
    open: bool,
}

#[derive(Clone)]
enum Undo {
    Row(Copy, Entity, Key, Option<Row>),
    Item(u32, Option<Item>),
    Kept(u32, Option<Item>),
    Answer(u64, Option<Box<Answer>>),
    Identity(Entity, Key, Option<Key>),
    Number(Cell, i64),
}

impl Memory {
    fn note(&mut self, undo: impl FnOnce() -> Undo) {
        if self.open {
            self.undo.push(undo());
        }
    }
}

impl Store for Memory {
    const NAME: &'static str = "memory";

    fn open() -> Self {
        Memory::default()
    }

    fn begin(&mut self) {
        assert!(!self.open, "transactions do not nest");
        self.open = true;
    }
    fn commit(&mut self) {
        assert!(self.open, "only an open transaction can be committed");
        self.open = false;
        self.undo.clear();
    }
    fn rollback(&mut self) {
        assert!(self.open, "only an open transaction can be rolled back");
        self.open = false;
        while let Some(entry) = self.undo.pop() {
            match entry {
                Undo::Row(copy, entity, key, old) => {
                    match old {
                        Some(row) => self.rows[copy as usize].insert((entity, key), row),
                        None => self.rows[copy as usize].remove(&(entity, key)),
                    };
                }
                Undo::Item(seq, old) => {
                    match old {
                        Some(item) => self.items.insert(seq, item),
                        None => self.items.remove(&seq),
                    };
                }
                Undo::Kept(seq, old) => {
                    match old {
                        Some(item) => self.kept.insert(seq, item),
                        None => self.kept.remove(&seq),
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
        let rows = &mut self.rows[copy as usize];
        match rows.get_mut(&(entity, key)) {
            Some(there) => {
                if self.open {
                    self.undo.push(Undo::Row(copy, entity, key, Some(*there)));
                }
                *there = *row;
            }
            None => {
                rows.insert((entity, key), *row);
                self.note(|| Undo::Row(copy, entity, key, None));
            }
        }
    }
    fn remove_row(&mut self, copy: Copy, entity: Entity, key: Key) {
        let old = self.rows[copy as usize].remove(&(entity, key));
        self.note(|| Undo::Row(copy, entity, key, old));
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
        let old = self.items.insert(item.seq, *item);
        self.note(|| Undo::Item(item.seq, old));
    }
    fn remove_item(&mut self, seq: u32) {
        let old = self.items.remove(&seq);
        self.note(|| Undo::Item(seq, old));
    }
    fn item(&self, seq: u32) -> Option<Item> {
        self.items.get(&seq).copied()
    }
    fn each_item(&self, visit: &mut dyn FnMut(&Item)) {
        self.items.values().for_each(visit);
    }

    fn keep(&mut self, item: &Item) {
        let old = self.kept.insert(item.seq, *item);
        self.note(|| Undo::Kept(item.seq, old));
    }
    fn each_kept(&self, visit: &mut dyn FnMut(&Item)) {
        self.kept.values().for_each(visit);
    }
    fn forget_kept(&mut self, queued_before: i64) {
        let first = |kept: &Table<u32, Item>| kept.values().next().map(|item| (item.seq, item.queued));
        while let Some((seq, queued)) = first(&self.kept)
            && queued < queued_before
        {
            let old = self.kept.remove(&seq);
            self.note(|| Undo::Kept(seq, old));
        }
    }

    fn answer(&self, key: u64) -> Option<Answer> {
        self.answers.get(&key).copied()
    }
    fn insert_answer(&mut self, answer: &Answer) -> Result<(), Taken> {
        if self.answers.contains_key(&answer.key) {
            return Err(Taken);
        }
        self.note(|| Undo::Answer(answer.key, None));
        self.answers.insert(answer.key, *answer);
        Ok(())
    }
    fn remove_answer(&mut self, key: u64) {
        let old = self.answers.remove(&key).map(Box::new);
        self.note(|| Undo::Answer(key, old));
    }
    fn forget_answers(&mut self, now: i64) {
        let old: Vec<Answer> = self.answers.values().filter(|answer| answer.expires < now).copied().collect();
        for answer in old {
            self.note(|| Undo::Answer(answer.key, Some(Box::new(answer))));
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
        let old = self.identities.insert((entity, temporary), real);
        self.note(|| Undo::Identity(entity, temporary, old));
    }

    fn number(&self, cell: Cell) -> i64 {
        self.numbers[cell as usize]
    }
    fn set_number(&mut self, cell: Cell, value: i64) {
        let old = std::mem::replace(&mut self.numbers[cell as usize], value);
        self.note(|| Undo::Number(cell, old));
    }
}
