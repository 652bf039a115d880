//! Where a test keeps its ledger: a file or a database of its own, gone when the test ends.

use std::sync::Arc;

use sealane::ports::LedgerStore;
use sealane::store::postgres::Server;
use sealane::store::{PostgresStore, SqliteStore};
use tempfile::TempDir;

use crate::database::Database;

pub enum Place {
    Sqlite(TempDir),
    Postgres(Database),
}

impl Place {
    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// An empty database; `None` where there is no server, which is said once.
    pub async fn postgres() -> Option<Self> {
        Database::make("").await.map(Self::Postgres)
    }

    /// Makes the empty ledger.
    pub async fn create(&self) -> Arc<dyn LedgerStore> {
        match self {
            Self::Sqlite(dir) => Arc::new(SqliteStore::create(&dir.path().join("ledger.sqlite")).unwrap()),
            Self::Postgres(database) => {
                Arc::new(PostgresStore::create(&server(&database.url()), "a test").await.unwrap())
            }
        }
    }

    /// Opens the ledger that `create` has made, as a restart does. Whoever has it open must have let go of it.
    pub async fn open(&self) -> Arc<dyn LedgerStore> {
        match self {
            Self::Sqlite(dir) => Arc::new(SqliteStore::open(&dir.path().join("ledger.sqlite")).unwrap()),
            Self::Postgres(database) => {
                Arc::new(PostgresStore::open(&server(&database.url()), "a test").await.unwrap())
            }
        }
    }

    pub async fn snapshot(&self) -> Arc<dyn LedgerStore> {
        match self {
            Self::Sqlite(dir) => Arc::new(SqliteStore::open_snapshot(&dir.path().join("ledger.sqlite")).unwrap()),
            Self::Postgres(database) => Arc::new(PostgresStore::open_snapshot(&server(&database.url())).await.unwrap()),
        }
    }
}

/// A server as a URL names it, with the system's authorities.
pub fn server(url: &str) -> Server {
    Server { url: url.parse().unwrap(), authorities: None }
}
