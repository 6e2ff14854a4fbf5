//! Writing a store to a file, for people who want to look at it with ordinary tools.
//!
//! Nothing reads such a file back. It has the store's tables, and for each entity of the domain a view with named
//! fields: `SELECT * FROM product`.

use super::{Sqlite, schema};
use crate::model::Domain;
use rusqlite::Connection;
use rusqlite::backup::Backup;
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
    Backup::new(from, &mut to)?.step(-1)?;
    to.execute_batch(&schema::views(domain))
}
