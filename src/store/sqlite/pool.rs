//! Connections that are kept for the next store of the same thread.
//!
//! Why: making the tables costs more than a short run spends in them. A connection goes back when its store is dropped
//! and is emptied when it is taken out again, with its prepared statements still warm. It pools per thread, so that
//! threads share no lock; a connection that is dropped in another thread than its own simply moves.

use super::schema;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, Error, Result, ffi};
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Most connections that a thread keeps.
const KEPT: usize = 64;
/// More prepared statements than the store has.
const STATEMENTS: usize = 64;

thread_local! {
    static KEEP: RefCell<Vec<Connection>> = const { RefCell::new(Vec::new()) };
}

/// A connection to an in-memory database with the store's tables, kept for others when it is dropped.
pub struct Lease(Option<Connection>);

impl Lease {
    /// A connection with empty tables.
    pub fn empty() -> Result<Lease> {
        let connection = match KEEP.with_borrow_mut(Vec::pop) {
            Some(used) => {
                empty(&used)?;
                used
            }
            None => open()?,
        };
        Ok(Lease(Some(connection)))
    }
}

impl Deref for Lease {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        self.0.as_ref().expect("a lease holds its connection until it is dropped")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        self.0.as_mut().expect("a lease holds its connection until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let connection = self.0.take();
        // When the thread itself is ending, its pool is gone and the connection simply closes.
        let _ = KEEP.try_with(|keep| {
            let mut keep = keep.borrow_mut();
            if keep.len() < KEPT {
                keep.extend(connection);
            }
        });
    }
}

fn open() -> Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A store in memory survives no crash of its process anyway, so nothing is synced; the journal stays for rollback.
    connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;")?;
    connection.execute_batch(&schema::tables())?;
    Ok(connection)
}

fn empty(connection: &Connection) -> Result<()> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    connection.prepare_cached("BEGIN")?.execute([])?;
    for statement in DELETES {
        connection.prepare_cached(statement)?.execute([])?;
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

const DELETES: [&str; schema::TABLES.len()] = [
    "DELETE FROM record",
    "DELETE FROM base_record",
    "DELETE FROM outbox",
    "DELETE FROM kept",
    "DELETE FROM answer",
    "DELETE FROM identity",
    "DELETE FROM number",
];

/// Makes `to` the same as `from`, whatever it held.
///
/// SQLite's own backup copies pages. Its price is that the copy reads its schema again, about 0.2 ms, which copying row
/// by row exceeds from some fifty rows on.
///
/// # Errors
/// If `to` cannot be written, or somebody else holds it locked.
pub fn copy(from: &Connection, to: &mut Connection) -> Result<()> {
    match Backup::new(from, to)?.step(-1)? {
        StepResult::Done => Ok(()),
        _ => Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a thread of its own, whose pool no other test uses.
    fn alone(test: fn()) {
        std::thread::spawn(test).join().expect("the test succeeds");
    }

    #[test]
    fn a_connection_is_used_again_and_empty() {
        alone(|| {
            let first = Lease::empty().expect("a connection opens");
            first.execute("INSERT INTO number VALUES ('seq', 1)", []).expect("the table is there");
            first
                .execute_batch("CREATE TEMP TABLE mark (n); BEGIN; INSERT INTO identity VALUES (1, 2, 3)")
                .expect("it runs");
            drop(first);
            let second = Lease::empty().expect("a connection opens");
            assert!(second.is_autocommit(), "the open transaction is gone");
            second.query_row("SELECT count(*) FROM mark", [], |_| Ok(())).expect("it is the same connection");
            for table in schema::TABLES {
                let rows: i64 = second
                    .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
                    .expect("it is there");
                assert_eq!(rows, 0, "{table}");
            }
        });
    }

    #[test]
    fn a_thread_keeps_a_bounded_number_of_connections() {
        alone(|| {
            drop((0..KEPT + 3).map(|_| Lease::empty().expect("a connection opens")).collect::<Vec<_>>());
            assert_eq!(KEEP.with_borrow(Vec::len), KEPT);
        });
    }

    #[test]
    fn every_table_of_the_schema_is_emptied() {
        let connection = open().expect("a connection opens");
        let mut listed = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").expect("it is SQL");
        let names = listed.query_map([], |row| row.get::<_, String>(0)).expect("it runs");
        let names: Vec<String> = names.collect::<Result<_>>().expect("names are text");
        assert_eq!(names, schema::TABLES);
        for (table, delete) in schema::TABLES.iter().zip(DELETES) {
            assert_eq!(delete, format!("DELETE FROM {table}"));
        }
    }
}
