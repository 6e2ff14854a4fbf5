//! Connections that are kept for the next store of the same thread.
//!
//! Why: making the tables costs more than a short run spends in them. A connection goes back when its store is dropped
//! and is emptied when it is taken out again, with its prepared statements still warm. It pools per thread, so that
//! threads share no lock; a connection that is dropped in another thread than its own simply moves.

use super::schema;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, Result};
use std::cell::RefCell;
use std::ops::Deref;

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
    "DELETE FROM answer",
    "DELETE FROM identity",
    "DELETE FROM number",
];

/// Copies every table into empty tables. Row by row: SQLite's own backup would make the copy forget its schema and its
/// prepared statements, which costs more than the rows of a run.
pub fn copy(from: &Connection, to: &Connection) -> Result<()> {
    to.prepare_cached("BEGIN")?.execute([])?;
    for table in schema::TABLES {
        let mut read = from.prepare_cached(&format!("SELECT * FROM {table}"))?;
        let columns = read.column_count();
        let parameters = vec!["?"; columns].join(",");
        let mut write = to.prepare_cached(&format!("INSERT INTO {table} VALUES ({parameters})"))?;
        let mut rows = read.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                write.raw_bind_parameter(column + 1, ToSqlOutput::Borrowed(row.get_ref(column)?))?;
            }
            write.raw_execute()?;
        }
    }
    to.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}
