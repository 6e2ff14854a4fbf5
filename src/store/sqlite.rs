//! A store on SQLite: readable tables with real keys and constraints, in a database in memory.
//!
//! Why: it proves that the store's trait is what a real app can implement, and with [`Sqlite::dump_to`] anybody can open
//! a node's state with ordinary tools. It keeps nothing beyond the process. A statement that SQLite refuses, other than
//! a second answer under one key, is a mistake of this module and panics.
//!
//! A connection may move between threads but not be used by two at once, so a mutex guards it; nobody ever waits for it,
//! since a node belongs to one run. Listings are read to their end before the first row is shown, so that a visitor may
//! use the store itself.

mod columns;
mod dump;
mod names;
mod pool;
mod schema;

pub use dump::DumpError;

use super::{Answer, Cell, Copy, Item, Store, Taken};
use crate::model::{Entity, Key, Row};
use columns::Binder;
use names::Named;
use pool::Lease;
use rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY;
use rusqlite::{Error, OptionalExtension, Params, Result as Sql};
use std::sync::{Mutex, MutexGuard};

/// Eight parameters: one for each field, stamp or op of a row.
macro_rules! eight {
    () => {
        "?,?,?,?,?,?,?,?"
    };
}
/// One parameter for each column of a row.
macro_rules! row_parameters {
    () => {
        concat!("?,?,?,?,?,?,?,?,?,?,?,", eight!(), ",", eight!(), ",", eight!())
    };
}

/// See the module.
pub struct Sqlite {
    lease: Mutex<Lease>,
}

impl Sqlite {
    fn lease(&self) -> MutexGuard<'_, Lease> {
        self.lease.lock().expect("no statement of the store panics")
    }

    fn between_transactions(&self) -> MutexGuard<'_, Lease> {
        let lease = self.lease();
        assert!(lease.is_autocommit(), "a store is copied between transactions");
        lease
    }

    fn execute(&mut self, sql: &str, params: impl Params) {
        sound(self.lease().prepare_cached(sql).and_then(|mut statement| statement.execute(params)));
    }

    fn insert(&mut self, sql: &str, bind: impl FnOnce(Binder<'_, '_>) -> Sql<()>) -> Sql<()> {
        let lease = self.lease();
        let mut statement = lease.prepare_cached(sql)?;
        bind(Binder::new(&mut statement))?;
        statement.raw_execute()?;
        Ok(())
    }

    fn find<T>(&self, sql: &str, params: impl Params, read: fn(&rusqlite::Row<'_>) -> Sql<T>) -> Option<T> {
        sound(self.lease().prepare_cached(sql).and_then(|mut found| found.query_row(params, read).optional()))
    }

    fn list<T>(&self, sql: &str, params: impl Params, read: fn(&rusqlite::Row<'_>) -> Sql<T>) -> Vec<T> {
        let lease = self.lease();
        sound(lease.prepare_cached(sql).and_then(|mut all| all.query_map(params, read)?.collect()))
    }
}

/// What a statement gave, where only our own mistake can make it fail.
fn sound<T>(result: Sql<T>) -> T {
    result.unwrap_or_else(|error| panic!("SQLite refused a statement of the store: {error}"))
}

/// SQLite orders keys as signed integers; listings order them as unsigned ones.
fn sorted<T, K: Ord>(mut list: Vec<T>, key: impl FnMut(&T) -> K) -> Vec<T> {
    list.sort_by_key(key);
    list
}

impl Clone for Sqlite {
    /// Copies the database into another connection.
    ///
    /// # Panics
    /// If a transaction is open.
    fn clone(&self) -> Sqlite {
        let from = self.between_transactions();
        let mut to = sound(Lease::empty());
        sound(pool::copy(&from, &mut to));
        Sqlite { lease: Mutex::new(to) }
    }
}

impl Store for Sqlite {
    const NAME: &'static str = "sqlite";

    fn open() -> Self {
        Sqlite { lease: Mutex::new(sound(Lease::empty())) }
    }

    fn begin(&mut self) {
        assert!(self.lease().is_autocommit(), "transactions do not nest");
        self.execute("BEGIN", []);
    }
    fn commit(&mut self) {
        assert!(!self.lease().is_autocommit(), "only an open transaction can be committed");
        self.execute("COMMIT", []);
    }
    fn rollback(&mut self) {
        assert!(!self.lease().is_autocommit(), "only an open transaction can be rolled back");
        self.execute("ROLLBACK", []);
    }

    fn row(&self, copy: Copy, entity: Entity, key: Key) -> Option<Row> {
        let sql = match copy {
            Copy::Visible => "SELECT * FROM record WHERE entity = ?1 AND key = ?2",
            Copy::Base => "SELECT * FROM base_record WHERE entity = ?1 AND key = ?2",
        };
        self.find(sql, (entity.0, key.0 as i64), columns::row)
    }
    fn put_row(&mut self, copy: Copy, row: &Row) {
        let sql = match copy {
            Copy::Visible => concat!("REPLACE INTO record VALUES (", row_parameters!(), ")"),
            Copy::Base => concat!("REPLACE INTO base_record VALUES (", row_parameters!(), ")"),
        };
        sound(self.insert(sql, |mut binder| binder.row(row)));
    }
    fn remove_row(&mut self, copy: Copy, entity: Entity, key: Key) {
        let sql = match copy {
            Copy::Visible => "DELETE FROM record WHERE entity = ?1 AND key = ?2",
            Copy::Base => "DELETE FROM base_record WHERE entity = ?1 AND key = ?2",
        };
        self.execute(sql, (entity.0, key.0 as i64));
    }
    fn each_row(&self, copy: Copy, visit: &mut dyn FnMut(&Row)) {
        let sql = match copy {
            Copy::Visible => "SELECT * FROM record ORDER BY entity, key",
            Copy::Base => "SELECT * FROM base_record ORDER BY entity, key",
        };
        sorted(self.list(sql, [], columns::row), |row| (row.entity, row.key)).iter().for_each(visit);
    }
    fn each_of(&self, copy: Copy, entity: Entity, visit: &mut dyn FnMut(&Row)) {
        let sql = match copy {
            Copy::Visible => "SELECT * FROM record WHERE entity = ?1 ORDER BY key",
            Copy::Base => "SELECT * FROM base_record WHERE entity = ?1 ORDER BY key",
        };
        sorted(self.list(sql, [entity.0], columns::row), |row| row.key).iter().for_each(visit);
    }
    fn changed_since(&self, version: u32, visit: &mut dyn FnMut(&Row)) {
        let sql = "SELECT * FROM record WHERE version > ?1 ORDER BY version, entity, key";
        let changed = self.list(sql, [version], columns::row);
        sorted(changed, |row| (row.version, row.entity, row.key)).iter().for_each(visit);
    }

    fn put_item(&mut self, item: &Item) {
        let sql = concat!("REPLACE INTO outbox VALUES (?,?,?,?,?,?,?,?,?,?,", row_parameters!(), ")");
        sound(self.insert(sql, |mut binder| binder.item(item)));
    }
    fn remove_item(&mut self, seq: u32) {
        self.execute("DELETE FROM outbox WHERE seq = ?1", [seq]);
    }
    fn each_item(&self, visit: &mut dyn FnMut(&Item)) {
        self.list("SELECT * FROM outbox ORDER BY seq", [], columns::item).iter().for_each(visit);
    }

    fn keep(&mut self, item: &Item) {
        let sql = concat!("REPLACE INTO kept VALUES (?,?,?,?,?,?,?,?,?,?,", row_parameters!(), ")");
        sound(self.insert(sql, |mut binder| binder.item(item)));
    }
    fn each_kept(&self, visit: &mut dyn FnMut(&Item)) {
        self.list("SELECT * FROM kept ORDER BY seq", [], columns::item).iter().for_each(visit);
    }
    fn forget_kept(&mut self, queued_before: i64) {
        let first = "SELECT min(seq) FROM kept WHERE queued >= ?1";
        let first = self.find(first, [queued_before], |found| found.get::<_, Option<i64>>(0)).flatten();
        self.execute("DELETE FROM kept WHERE ?1 IS NULL OR seq < ?1", [first]);
    }

    fn answer(&self, key: u64) -> Option<Answer> {
        self.find("SELECT * FROM answer WHERE key = ?1", [key as i64], columns::answer)
    }
    fn insert_answer(&mut self, answer: &Answer) -> Result<(), Taken> {
        let sql = "INSERT INTO answer VALUES (?,?,?,?,?,?,?,?,?,?,?,?)";
        match self.insert(sql, |mut binder| binder.answer(answer)) {
            Err(Error::SqliteFailure(failure, _)) if failure.extended_code == SQLITE_CONSTRAINT_PRIMARYKEY => {
                return Err(Taken);
            }
            inserted => sound(inserted),
        }
        Ok(())
    }
    fn remove_answer(&mut self, key: u64) {
        self.execute("DELETE FROM answer WHERE key = ?1", [key as i64]);
    }
    fn forget_answers(&mut self, now: i64) {
        self.execute("DELETE FROM answer WHERE expires < ?1", [now]);
    }
    fn answers_since(&self, commit: u32, visit: &mut dyn FnMut(&Answer)) {
        let sql = "SELECT * FROM answer WHERE commit_number > ?1 ORDER BY commit_number, key";
        let since = self.list(sql, [commit], columns::answer);
        sorted(since, |answer| (answer.commit, answer.key)).iter().for_each(visit);
    }

    fn identity(&self, entity: Entity, temporary: Key) -> Option<Key> {
        let sql = "SELECT real FROM identity WHERE entity = ?1 AND temporary = ?2";
        let real = self.find(sql, (entity.0, temporary.0 as i64), |found| found.get::<_, i64>(0));
        real.map(|key| Key(key as u64))
    }
    fn put_identity(&mut self, entity: Entity, temporary: Key, real: Key) {
        let params = (entity.0, temporary.0 as i64, real.0 as i64);
        self.execute("REPLACE INTO identity VALUES (?1, ?2, ?3)", params);
    }

    fn number(&self, cell: Cell) -> i64 {
        self.find("SELECT value FROM number WHERE name = ?1", [cell.name()], |found| found.get(0)).unwrap_or(0)
    }
    fn set_number(&mut self, cell: Cell, value: i64) {
        self.execute("REPLACE INTO number VALUES (?1, ?2)", (cell.name(), value));
    }
}
