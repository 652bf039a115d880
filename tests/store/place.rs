//! Where a test keeps its ledger: a file or a database of its own, gone when the test ends.

use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use sealane::ports::LedgerStore;
use sealane::store::postgres::Server;
use sealane::store::{PostgresStore, SqliteStore};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

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

    /// Lets no transaction write until the hold is dropped.
    pub async fn hold_writes(&self) -> Hold {
        match self {
            Self::Sqlite(dir) => {
                let file = dir.path().join("ledger.sqlite");
                let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
                connection.batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE").unwrap();
                Hold::Sqlite(connection)
            }
            Self::Postgres(database) => {
                let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
                tokio::spawn(connection);
                client.batch_execute("BEGIN; LOCK TABLE leaves IN SHARE ROW EXCLUSIVE MODE").await.unwrap();
                Hold::Postgres(client)
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

/// A transaction that stands in the way of others, and is taken back when it is dropped.
#[expect(dead_code, reason = "it is kept open")]
pub enum Hold {
    Sqlite(SqliteConnection),
    Postgres(Client),
}

/// A server as a URL names it, with the system's authorities.
pub fn server(url: &str) -> Server {
    Server { url: url.parse().unwrap(), authorities: None }
}
