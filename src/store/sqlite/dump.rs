//! Writing a store to a file, for people who want to look at it with ordinary tools.
//!
//! Nothing reads such a file back. It has the store's tables, and for each entity of the domain a view with named
//! fields: `SELECT * FROM product`.

use super::{Sqlite, pool, schema};
use crate::model::Domain;
use rusqlite::Connection;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Why a store could not be written to a file.
#[derive(Debug)]
pub enum DumpError {
    /// The file is already there, and is left as it is.
    Exists(PathBuf),
    /// The file cannot be made.
    Create(PathBuf, std::io::Error),
    /// The database cannot be written. What was there of the file has been removed.
    Write(PathBuf, rusqlite::Error),
}

impl std::fmt::Display for DumpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DumpError::Exists(path) => {
                write!(f, "{} already exists: remove it, or name another file", path.display())
            }
            DumpError::Create(path, error) => {
                write!(f, "cannot make {}: {error}; name a file in a folder that you may write to", path.display())
            }
            DumpError::Write(path, error) => {
                write!(f, "cannot write the database to {}: {error}; is the disk full?", path.display())
            }
        }
    }
}

impl std::error::Error for DumpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            DumpError::Exists(_) => None,
            DumpError::Create(_, error) => Some(error),
            DumpError::Write(_, error) => Some(error),
        }
    }
}

impl Sqlite {
    /// Writes the store to a new file, with a view for each entity of `domain`.
    ///
    /// # Errors
    /// If the file exists, or cannot be written.
    ///
    /// # Panics
    /// If a transaction is open.
    pub fn dump_to(&self, path: &Path, domain: &Domain) -> Result<(), DumpError> {
        let connection = self.between_transactions();
        File::create_new(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => DumpError::Exists(path.to_path_buf()),
            _ => DumpError::Create(path.to_path_buf(), error),
        })?;
        write(&connection, path, domain).map_err(|error| {
            // The first error is the one to tell; a file that cannot be removed either adds nothing to it.
            let _ = std::fs::remove_file(path);
            DumpError::Write(path.to_path_buf(), error)
        })
    }
}

fn write(from: &Connection, path: &Path, domain: &Domain) -> rusqlite::Result<()> {
    let mut to = Connection::open(path)?;
    pool::copy(from, &mut to)?;
    to.execute_batch(&schema::views(domain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::retail::{self, field};
    use crate::model::{Key, Row, Value};
    use crate::sim::OpId;
    use crate::store::{Copy, Store};

    fn shop() -> Sqlite {
        let mut store = Sqlite::open();
        let mut rice =
            Row::new(retail::PRODUCT, Key(1)).with(field::STOCK, Value::int(-5)).with(field::PRICE, Value::NULL);
        rice.origin = OpId(3);
        store.put_row(Copy::Visible, &rice);
        store.put_row(Copy::Visible, &Row::new(retail::SALE, Key(1)).with(field::SALE_TOTAL, Value::int(700)));
        store
    }

    fn dumped(store: &Sqlite) -> (tempfile::TempDir, Connection) {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("till-1.sqlite");
        store.dump_to(&path, &retail::RETAIL).expect("the file is new");
        (folder, Connection::open(&path).expect("the file was written"))
    }

    #[test]
    fn a_dump_calls_records_and_fields_by_their_names() {
        let (_folder, file) = dumped(&shop());
        let sql = "SELECT key, stock, price, threshold, origin, state FROM product";
        let found: (i64, i64, Option<i64>, String, i64, String) = file
            .query_row(sql, [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
            })
            .expect("there is one product");
        assert_eq!(found, (1, -5, None, "missing".to_string(), 3, "synced".to_string()));
        let total: i64 = file.query_row("SELECT total FROM sale", [], |row| row.get(0)).expect("there is one sale");
        assert_eq!(total, 700);
    }

    #[test]
    fn a_dump_has_a_view_for_every_entity() {
        let (_folder, file) = dumped(&shop());
        let names = retail::RETAIL.entity_specs().map(|(_, entity)| entity.name).chain(["conflict", "audit"]);
        for name in names {
            let rows: i64 = file
                .query_row(&format!("SELECT count(*) FROM \"{name}\""), [], |row| row.get(0))
                .unwrap_or_else(|error| panic!("the view {name} can be read: {error}"));
            assert_eq!(rows, i64::from(name == "product" || name == "sale"), "{name}");
        }
    }

    #[test]
    fn a_dump_keeps_its_constraints() {
        let (_folder, file) = dumped(&shop());
        for (broken, sql) in [
            ("UNIQUE", "INSERT INTO record SELECT * FROM record WHERE entity = 0"),
            ("CHECK", "UPDATE record SET state = 'lost'"),
            ("CHECK", "UPDATE record SET f0 = 1, missing = 1"),
            ("CHECK", "INSERT INTO number VALUES ('speed', 1)"),
            ("CHECK", "INSERT INTO answer VALUES (1, 1, 1, 1, 1, 1, 'rejected', NULL, NULL, NULL, NULL, NULL)"),
            ("cannot store TEXT", "UPDATE record SET stamp = 'noon'"),
        ] {
            let refused = file.execute(sql, []).expect_err(sql).to_string();
            assert!(refused.contains(broken), "{sql}: {refused}");
        }
    }

    #[test]
    fn a_dump_overwrites_no_file() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "do not lose this").expect("the folder can be written to");
        let error = shop().dump_to(&path, &retail::RETAIL).expect_err("the file exists");
        assert!(error.to_string().ends_with("notes.txt already exists: remove it, or name another file"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).expect("the file is still there"), "do not lose this");
    }

    #[test]
    fn a_dump_into_a_missing_folder_says_so() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let error = shop().dump_to(&folder.path().join("none/x.sqlite"), &retail::RETAIL).expect_err("no such folder");
        assert!(matches!(error, DumpError::Create(..)), "{error:?}");
    }

    #[test]
    #[should_panic(expected = "a store is copied between transactions")]
    fn an_open_transaction_is_not_dumped() {
        let mut store = shop();
        store.begin();
        let _ = store.dump_to(Path::new("never.sqlite"), &retail::RETAIL);
    }
}
