//! Ledger files that are only read: opened without changing a byte, and copied whole while another process writes.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{Readers, SqliteOpenError, SqliteStore, check_migrations, unusable};

/// What a path must not show to SQLite's reader of URIs.
const NOT_IN_URI: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

/// A ledger's file could not be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyFileError {
    #[error(transparent)]
    Open(#[from] SqliteOpenError),
    #[error("the ledger at {} cannot be copied to {}: {reason}", from.display(), to.display())]
    Copy { from: PathBuf, to: PathBuf, reason: String },
}

impl SqliteStore {
    /// Opens a file to read it as of now, and never to change it: a backup stays as it is, a node goes on beside it.
    pub fn open_read_only(path: &Path) -> Result<Self, SqliteOpenError> {
        if has_write_ahead_log(path) {
            return Self::open_snapshot(path);
        }
        let uri = uri(path)?;
        let mut connection = connect(path, &uri)?;
        check_migrations(path, &mut connection)?;
        Self::with_writer(Path::new(&uri), connection, Readers::Snapshot)
    }

    /// Copies a ledger's file, as of one moment, into `to`, which must be empty or not be there.
    ///
    /// Every row is read and written anew, so a file whose pages are damaged is not copied. The copy is one file with no
    /// journal beside it. The caller makes it durable.
    pub fn copy_file(from: &Path, to: &Path) -> Result<(), CopyFileError> {
        let mut connection = connect(from, &uri(from)?)?;
        diesel::sql_query("VACUUM INTO ?")
            .bind::<Text, _>(to.to_string_lossy())
            .execute(&mut connection)
            .map(drop)
            .map_err(|error| CopyFileError::Copy {
                from: from.to_owned(),
                to: to.to_owned(),
                reason: error.to_string(),
            })
    }
}

/// Tells whether a file is in use, as a node's is, or was: byte 18 of an SQLite file is 2 where a write-ahead log belongs to
/// it. Whoever opens such a file makes that log, and only a connection that may write removes it again.
fn has_write_ahead_log(path: &Path) -> bool {
    let mut header = [0; 19];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header[18] == 2
}

fn uri(path: &Path) -> Result<String, SqliteOpenError> {
    if !path.exists() {
        return Err(SqliteOpenError::Missing { path: path.to_owned() });
    }
    let absolute = std::path::absolute(path).map_err(|error| unusable(path, &error))?;
    let mode = if has_write_ahead_log(path) { "rw" } else { "ro" };
    Ok(format!("file:{}?mode={mode}", utf8_percent_encode(&absolute.to_string_lossy(), NOT_IN_URI)))
}

fn connect(path: &Path, uri: &str) -> Result<SqliteConnection, SqliteOpenError> {
    let mut connection = SqliteConnection::establish(uri).map_err(|error| unusable(path, &error))?;
    connection.batch_execute("PRAGMA busy_timeout = 5000;").map_err(|error| unusable(path, &error))?;
    Ok(connection)
}
