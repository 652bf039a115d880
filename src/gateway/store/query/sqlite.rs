//! Events in one SQLite file: one writer, several readers, WAL.
//!
//! A commit is not flushed to the disk at once (`synchronous = NORMAL`): the file stays whole, and when the machine dies the last
//! blocks may be gone. They are read from the ledger again, since the cursor is in the same transaction.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::query_builder::BoxedSqlQuery;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::RowStore;
use super::session::{Column, Database, Row, Session, of_diesel, of_store};
use super::sql::{Bound, Dialect, Sql, json_of};
use crate::gateway::query::store::{FindError, QueryStoreError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/gateway-query-sqlite");

/// Queries that run at once. Each may take a processor for seconds, so that more of them would not be faster.
const READERS_MAX: u32 = 4;

/// Values that one statement carries, far below SQLite's 32,766.
const VALUES_PER_STATEMENT: usize = 3_000;

/// Each reader keeps so many KiB of pages, the writer twice as many: what is inserted by value lands all over the index. Pages go into
/// the file when 64 MiB of them wait, by when many of them have changed several times.
const READER: &str =
    "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;";
const WRITER: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                      PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 16384; PRAGMA temp_store = MEMORY;";

/// A query store in one file.
pub type SqliteQueryStore = RowStore<SqliteDatabase>;

/// The file, by connections.
pub struct SqliteDatabase {
    readers: Pool<ConnectionManager<SqliteConnection>>,
    writer: Mutex<SqliteConnection>,
}

#[derive(Debug)]
struct Reading;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for Reading {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        connection.batch_execute(READER).map_err(diesel::r2d2::Error::QueryError)
    }
}

impl SqliteQueryStore {
    /// Opens the file, and makes it, for its owner alone, if it is not there.
    ///
    /// # Errors
    ///
    /// In words, why it cannot serve.
    pub fn open(path: &Path) -> Result<Self, String> {
        let place =
            |reason: &dyn std::fmt::Display| format!("the query store {} cannot be opened: {reason}", path.display());
        // SQLite gives the files beside it the same mode.
        let file =
            OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(|error| place(&error))?;
        file.set_permissions(Permissions::from_mode(0o600)).map_err(|error| place(&error))?;
        // Whoever closes a file gives up all locks that its process has on it, SQLite's too.
        drop(file);
        let name = path.to_str().ok_or_else(|| place(&"its path is not UTF-8"))?;
        let mut writer = SqliteConnection::establish(name).map_err(|error| place(&error))?;
        writer.batch_execute(WRITER).map_err(|error| place(&error))?;
        writer.run_pending_migrations(MIGRATIONS).map_err(|error| place(&error))?;
        let readers = Pool::builder().max_size(READERS_MAX).min_idle(Some(1)).test_on_check_out(false);
        let readers = readers.connection_customizer(Box::new(Reading)).build(ConnectionManager::new(name));
        let readers = readers.map_err(|error| place(&error))?;
        Ok(Self::new(SqliteDatabase { readers, writer: Mutex::new(writer) }))
    }
}

impl Database for SqliteDatabase {
    type Session = SqliteConnection;

    fn read<T>(&self, work: impl FnOnce(&mut SqliteConnection) -> Result<T, FindError>) -> Result<T, FindError> {
        let connection = self.readers.get();
        let mut connection = connection.map_err(|error| QueryStoreError::Unavailable(error.to_string()))?;
        connection.transaction(|connection| work(connection).map_err(Undone)).map_err(|undone| undone.0)
    }

    fn write<T>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, QueryStoreError>,
    ) -> Result<T, QueryStoreError> {
        let mut connection = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let done = connection
            .immediate_transaction(|connection| work(connection).map_err(|error| Undone(FindError::Store(error))));
        done.map_err(|undone| of_store(undone.0))
    }
}

/// Carries a `FindError` through diesel's transaction, which wants to make errors of its own.
struct Undone(FindError);

impl From<diesel::result::Error> for Undone {
    fn from(error: diesel::result::Error) -> Self {
        Self(of_diesel(error))
    }
}

type Query = BoxedSqlQuery<'static, Sqlite, diesel::query_builder::SqlQuery>;

impl Session for SqliteConnection {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn load<R: Row>(&mut self, sql: Sql) -> Result<Vec<R>, FindError> {
        bound(sql).load(self).map_err(of_diesel)
    }

    fn execute(&mut self, sql: Sql) -> Result<(), QueryStoreError> {
        bound(sql).execute(self).map(drop).map_err(|error| of_store(of_diesel(error)))
    }

    fn insert(
        &mut self,
        table: &str,
        columns: Vec<(&'static str, Column)>,
        behind: &str,
    ) -> Result<(), QueryStoreError> {
        let rows = columns.iter().map(|(_, column)| column.len()).max().unwrap_or_default();
        let per_statement = VALUES_PER_STATEMENT / columns.len().max(1);
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let row = format!("({})", vec!["?"; columns.len()].join(","));
        let start = format!("INSERT INTO {table} ({}) VALUES ", names.join(", "));
        for first in (0..rows).step_by(per_statement.max(1)) {
            let some = first..rows.min(first + per_statement);
            let text = format!("{start}{} {behind}", vec![row.as_str(); some.len()].join(","));
            let mut query = diesel::sql_query(text).into_boxed::<Sqlite>();
            for at in some {
                for (_, column) in &columns {
                    query = bind_cell(query, column, at);
                }
            }
            query.execute(self).map_err(|error| of_store(of_diesel(error)))?;
        }
        Ok(())
    }
}

fn bound(sql: Sql) -> Query {
    sql.values.into_iter().fold(diesel::sql_query(sql.text).into_boxed(), |query, value| match value {
        Bound::Int(number) => query.bind::<BigInt, _>(number),
        Bound::Text(text) => query.bind::<Text, _>(text),
        Bound::Bytes(bytes) => query.bind::<Binary, _>(bytes),
        list @ (Bound::Ints(_) | Bound::Texts(_) | Bound::ByteList(_)) => query.bind::<Text, _>(json_of(&list)),
    })
}

fn bind_cell<'a>(
    query: BoxedSqlQuery<'a, Sqlite, diesel::query_builder::SqlQuery>,
    column: &'a Column,
    at: usize,
) -> BoxedSqlQuery<'a, Sqlite, diesel::query_builder::SqlQuery> {
    match column {
        Column::Ints(all) => query.bind::<Nullable<BigInt>, _>(all.get(at).copied()),
        Column::MaybeInts(all) => query.bind::<Nullable<BigInt>, _>(all.get(at).copied().flatten()),
        Column::Bytes(all) => query.bind::<Nullable<Binary>, _>(all.get(at).map(Vec::as_slice)),
        Column::MaybeBytes(all) => query.bind::<Nullable<Binary>, _>(all.get(at).and_then(Option::as_deref)),
        Column::Texts(all) => query.bind::<Nullable<Text>, _>(all.get(at).map(String::as_str)),
    }
}
