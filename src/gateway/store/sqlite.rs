//! The gateway's queue in one SQLite file: one writer, several readers, WAL, every commit flushed to disk.

use std::path::Path;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use diesel::{Connection as _, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::committer::{Committer, QueueWriter};
use crate::gateway::keeper::KeeperError;

#[allow(clippy::duplicate_mod, reason = "one text for two databases; its head says why")]
#[path = "queue.rs"]
mod queue;
#[allow(clippy::duplicate_mod, reason = "one text for two databases; its head says why")]
#[path = "subscriptions.rs"]
mod subscriptions;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/gateway-sqlite");

/// Readers that work at once: the lanes, and requests about jobs.
const READERS_MAX: u32 = 4;

type Connection = SqliteConnection;
type Queue = SqliteKeeper;

/// A gateway's queue in one file.
pub struct SqliteKeeper {
    readers: Pool<ConnectionManager<SqliteConnection>>,
    committer: Committer<SqliteConnection>,
}

#[derive(Debug)]
struct Reading;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for Reading {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        let setup = "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA query_only = ON;";
        connection.batch_execute(setup).map_err(diesel::r2d2::Error::QueryError)
    }
}

impl SqliteKeeper {
    /// Opens the file, and makes it if it is not there.
    ///
    /// # Errors
    ///
    /// In words, why it cannot serve.
    pub fn open(path: &Path) -> Result<Self, String> {
        let place = |reason: &dyn std::fmt::Display| format!("the queue {} cannot be opened: {reason}", path.display());
        let name = path.to_string_lossy();
        let mut writer = SqliteConnection::establish(&name).map_err(|error| place(&error))?;
        let setup = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";
        writer.batch_execute(setup).map_err(|error| place(&error))?;
        writer.run_pending_migrations(MIGRATIONS).map_err(|error| place(&error))?;
        let readers = Pool::builder().max_size(READERS_MAX).min_idle(Some(1)).test_on_check_out(false);
        let readers = readers.connection_customizer(Box::new(Reading)).build(ConnectionManager::new(name.as_ref()));
        let readers = readers.map_err(|error| place(&error))?;
        Ok(Self { readers, committer: Committer::start(FileWriter(writer)).map_err(|error| place(&error))? })
    }

    fn read<T>(&self, work: impl Fn(&mut SqliteConnection) -> Result<T, KeeperError>) -> Result<T, KeeperError> {
        let mut reader = self.readers.get().map_err(|error| KeeperError::Unavailable(error.to_string()))?;
        work(&mut reader)
    }

    fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut SqliteConnection) -> Result<T, KeeperError> + Send + 'static,
    ) -> Result<T, KeeperError> {
        self.committer.write(change)
    }
}

struct FileWriter(SqliteConnection);

impl QueueWriter for FileWriter {
    type Connection = SqliteConnection;

    fn begin(&mut self) -> Result<&mut SqliteConnection, KeeperError> {
        // Takes the file's one place to write at once: commands about jobs write beside the gateway.
        AnsiTransactionManager::begin_transaction_sql(&mut self.0, "BEGIN IMMEDIATE")?;
        Ok(&mut self.0)
    }

    fn commit(&mut self) -> Result<(), KeeperError> {
        Ok(AnsiTransactionManager::commit_transaction(&mut self.0)?)
    }
}

#[cfg(test)]
mod tests {
    use diesel::QueryableByName;
    use diesel::prelude::*;
    use diesel::sql_types::Text;

    use super::queue::PIECE_IS_OPEN;
    use super::*;

    #[derive(QueryableByName)]
    struct PlanRow {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    /// A lane asks for these with each of its steps, however many jobs have ended.
    #[test]
    fn what_is_open_is_found_by_an_index_of_what_is_open() {
        let dir = tempfile::tempdir().unwrap();
        let keeper = SqliteKeeper::open(&dir.path().join("queue.sqlite")).unwrap();
        let plan = |query: String| {
            let query = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}"));
            let rows: Vec<PlanRow> = query.load(&mut *keeper.readers.get().unwrap()).unwrap();
            rows.into_iter().map(|row| row.detail).collect::<Vec<_>>().join("; ")
        };
        let of_client = format!("SELECT * FROM pieces WHERE client = 'erp' AND {PIECE_IS_OPEN} ORDER BY job, first");
        assert_eq!(plan(of_client), "SEARCH pieces USING INDEX pieces_open (client=?)");
        let clients = plan(format!("SELECT DISTINCT client FROM pieces WHERE {PIECE_IS_OPEN}"));
        assert_eq!(clients, "SCAN pieces USING INDEX pieces_open");
    }
}
