//! Where a test keeps its events: a file or a database of its own, gone when the test ends.

use std::sync::Arc;

use sealane::gateway::query::store::QueryStore;
use sealane::gateway::store::query::{FindBounds, PostgresQueryStore, SqliteQueryStore};
use sealane::store::postgres::{PostgresConnections, Server};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::database::Database;

/// An empty store.
pub trait Place {
    /// The store as it is.
    fn store(&self) -> Box<dyn QueryStore>;

    /// The same with other bounds.
    fn bounded(&self, bounds: FindBounds) -> Box<dyn QueryStore>;

    /// Another look at what is there, as after a restart.
    fn reopened(&self) -> Box<dyn QueryStore>;
}

pub fn sqlite() -> Box<dyn Place> {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteQueryStore::open(&dir.path().join("query.sqlite")).unwrap();
    Box::new(Sqlite { store, dir })
}

/// `None` where there is no server, which is said once.
pub fn postgres() -> Option<Box<dyn Place>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let database = runtime.block_on(Database::make(""))?;
    let store = open(&runtime, &database);
    Some(Box::new(Postgres { store, database, runtime }))
}

pub struct Sqlite {
    store: SqliteQueryStore,
    dir: TempDir,
}

pub struct Postgres {
    store: PostgresQueryStore,
    database: Database,
    runtime: Runtime,
}

fn open(runtime: &Runtime, database: &Database) -> PostgresQueryStore {
    let server = Server { url: database.url().parse().unwrap(), authorities: None };
    let connections = runtime.block_on(async { PostgresConnections::new(&server).unwrap() });
    let connect = move || {
        let connections = connections.clone();
        let connection = async move { connections.connect().await.map_err(|error| error.to_string()) };
        Box::pin(connection) as _
    };
    PostgresQueryStore::open(Arc::new(connect), runtime.handle().clone()).unwrap()
}

impl Place for Sqlite {
    fn store(&self) -> Box<dyn QueryStore> {
        self.bounded(FindBounds::default())
    }

    fn bounded(&self, bounds: FindBounds) -> Box<dyn QueryStore> {
        Box::new(self.store.bounded(bounds))
    }

    fn reopened(&self) -> Box<dyn QueryStore> {
        Box::new(SqliteQueryStore::open(&self.dir.path().join("query.sqlite")).unwrap())
    }
}

impl Place for Postgres {
    fn store(&self) -> Box<dyn QueryStore> {
        self.bounded(FindBounds::default())
    }

    fn bounded(&self, bounds: FindBounds) -> Box<dyn QueryStore> {
        Box::new(self.store.bounded(bounds))
    }

    fn reopened(&self) -> Box<dyn QueryStore> {
        Box::new(open(&self.runtime, &self.database))
    }
}
