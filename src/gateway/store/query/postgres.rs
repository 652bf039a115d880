//! Events in tables of their own schema in a PostgreSQL database.
//!
//! The way to the server is somebody else's ([`Connect`]), who knows its address and how TLS is spoken with it. A session tells the
//! planner what SQLite's does by itself: walk by an index, and look into the others row by row. Each statement is made so that this is
//! the fast way, and statistics that are old would lead to others.

use std::sync::{Arc, Mutex, PoisonError};

use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use futures_core::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::RowStore;
use super::find::DEADLINE;
use super::session::{Column, Database, Row, Session, of_diesel, of_store};
use super::sql::{Bound, Dialect, Sql};
use crate::gateway::query::store::{FindError, QueryStoreError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/gateway-query-postgres");

/// Queries that run at once, of the hundred connections that a server allows unless it is told otherwise.
const READERS_MAX: usize = 8;

/// What every session is set to. Commits are not waited for: what a crash of the server loses is read from the ledger again.
const SESSION: &str = "
    SET search_path = sealane_query;
    SET synchronous_commit = off;
    SET jit = off;
    SET max_parallel_workers_per_gather = 0;
    SET enable_seqscan = off;
    SET enable_bitmapscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET client_min_messages = warning;";

/// Makes a connection to the database.
pub type Connect = Arc<dyn Fn() -> BoxFuture<'static, Result<AsyncPgConnection, String>> + Send + Sync>;

/// A query store in a PostgreSQL database.
pub type PostgresQueryStore = RowStore<PostgresDatabase>;

/// The database, by connections.
pub struct PostgresDatabase {
    connect: Connect,
    runtime: Handle,
    readers: Semaphore,
    idle: Mutex<Vec<AsyncPgConnection>>,
    writer: Mutex<Option<PostgresSession>>,
}

/// A connection, on which a thread waits for answers.
pub struct PostgresSession {
    connection: AsyncPgConnection,
    runtime: Handle,
}

impl PostgresQueryStore {
    /// Opens the schema, and makes it if it is not there. Connections live on `runtime`; who calls a method of the store is a thread that
    /// may wait, such as one of `spawn_blocking`.
    ///
    /// # Errors
    ///
    /// In words, why it cannot serve.
    pub fn open(connect: Connect, runtime: Handle) -> Result<Self, String> {
        let place = |reason: &dyn std::fmt::Display| format!("the query store cannot be opened: {reason}");
        let connection = runtime.block_on(async {
            let mut connection = prepared(&connect).await?;
            let made = connection.batch_execute("CREATE SCHEMA IF NOT EXISTS sealane_query").await;
            made.map_err(|error| of_store(of_diesel(error)))?;
            Ok::<_, QueryStoreError>(connection)
        });
        let connection = connection.map_err(|error| place(&error))?;
        // Its harness waits for the server, and does so on a runtime.
        let migrated = runtime.block_on(async {
            tokio::task::spawn_blocking(move || {
                let mut harness: AsyncConnectionWrapper<AsyncPgConnection> = connection.into();
                harness.run_pending_migrations(MIGRATIONS).map(drop).map_err(|error| error.to_string())
            })
            .await
        });
        migrated.map_err(|error| place(&error))?.map_err(|error| place(&error))?;
        Ok(Self::new(PostgresDatabase {
            connect,
            runtime,
            readers: Semaphore::new(READERS_MAX),
            idle: Mutex::default(),
            writer: Mutex::default(),
        }))
    }
}

async fn prepared(connect: &Connect) -> Result<AsyncPgConnection, QueryStoreError> {
    let mut connection = connect().await.map_err(QueryStoreError::Unavailable)?;
    connection.batch_execute(SESSION).await.map_err(|error| of_store(of_diesel(error)))?;
    Ok(connection)
}

impl PostgresDatabase {
    fn connected(&self) -> Result<PostgresSession, QueryStoreError> {
        let connection = self.runtime.block_on(prepared(&self.connect))?;
        Ok(PostgresSession { connection, runtime: self.runtime.clone() })
    }

    fn place_to_read(&self) -> Result<SemaphorePermit<'_>, QueryStoreError> {
        let place = self.runtime.block_on(self.readers.acquire());
        place.map_err(|error| QueryStoreError::Unavailable(error.to_string()))
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<AsyncPgConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Database for PostgresDatabase {
    type Session = PostgresSession;

    fn read<T>(&self, work: impl FnOnce(&mut PostgresSession) -> Result<T, FindError>) -> Result<T, FindError> {
        let _place = self.place_to_read()?;
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {}",
            DEADLINE.as_millis()
        );
        // One that was idle may have lost its server meanwhile.
        let mut begun = None;
        while let Some(connection) = { self.idle().pop() } {
            let mut session = PostgresSession { connection, runtime: self.runtime.clone() };
            if session.run(&begin).is_ok() {
                begun = Some(session);
                break;
            }
        }
        let mut session = match begun {
            Some(session) => session,
            None => {
                let mut session = self.connected()?;
                session.run(&begin)?;
                session
            }
        };
        let found = work(&mut session);
        // A connection whose transaction cannot be ended goes.
        if session.run("ROLLBACK").is_ok() {
            self.idle().push(session.connection);
        }
        found
    }

    fn write<T>(
        &self,
        work: impl FnOnce(&mut PostgresSession) -> Result<T, QueryStoreError>,
    ) -> Result<T, QueryStoreError> {
        let mut place = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut session = match place.take() {
            Some(session) => session,
            None => self.connected()?,
        };
        // What was idle too long is found here, and the next call connects anew.
        session.run("BEGIN")?;
        let done = work(&mut session);
        let ended = session.run(if done.is_ok() { "COMMIT" } else { "ROLLBACK" });
        if ended.is_ok() {
            *place = Some(session);
        }
        let value = done?;
        ended.map(|()| value)
    }
}

type Query = BoxedSqlQuery<'static, Pg, SqlQuery>;

impl PostgresSession {
    fn run(&mut self, statements: &str) -> Result<(), QueryStoreError> {
        let done = self.runtime.block_on(self.connection.batch_execute(statements));
        done.map_err(|error| of_store(of_diesel(error)))
    }
}

impl Session for PostgresSession {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn load<R: Row>(&mut self, sql: Sql) -> Result<Vec<R>, FindError> {
        self.runtime.block_on(bound(sql).load(&mut self.connection)).map_err(of_diesel)
    }

    fn execute(&mut self, sql: Sql) -> Result<(), QueryStoreError> {
        let done = self.runtime.block_on(bound(sql).execute(&mut self.connection));
        done.map(drop).map_err(|error| of_store(of_diesel(error)))
    }

    fn insert(
        &mut self,
        table: &str,
        columns: Vec<(&'static str, Column)>,
        behind: &str,
    ) -> Result<(), QueryStoreError> {
        if columns.iter().all(|(_, column)| column.len() == 0) {
            return Ok(());
        }
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let places: Vec<String> = (1..=columns.len()).map(|at| format!("${at}")).collect();
        let text =
            format!("INSERT INTO {table} ({}) SELECT * FROM unnest({}) {behind}", names.join(", "), places.join(", "));
        let query =
            columns.into_iter().fold(diesel::sql_query(text).into_boxed::<Pg>(), |query, (_, column)| match column {
                Column::Ints(all) => query.bind::<Array<BigInt>, _>(all),
                Column::MaybeInts(all) => query.bind::<Array<Nullable<BigInt>>, _>(all),
                Column::Bytes(all) => query.bind::<Array<Binary>, _>(all),
                Column::MaybeBytes(all) => query.bind::<Array<Nullable<Binary>>, _>(all),
                Column::Texts(all) => query.bind::<Array<Text>, _>(all),
            });
        let done = self.runtime.block_on(query.execute(&mut self.connection));
        done.map(drop).map_err(|error| of_store(of_diesel(error)))
    }
}

fn bound(sql: Sql) -> Query {
    sql.values.into_iter().fold(diesel::sql_query(sql.text).into_boxed(), |query, value| match value {
        Bound::Int(number) => query.bind::<BigInt, _>(number),
        Bound::Text(text) => query.bind::<Text, _>(without_nul(text)),
        Bound::Bytes(bytes) => query.bind::<Binary, _>(bytes),
        Bound::Ints(all) => query.bind::<Array<BigInt>, _>(all),
        Bound::Texts(all) => query.bind::<Array<Text>, _>(all.into_iter().map(without_nul).collect::<Vec<_>>()),
        Bound::ByteList(all) => query.bind::<Array<Binary>, _>(all),
    })
}

/// PostgreSQL refuses a text with a NUL. No row has one, and none has what stands for it here, which is no character.
fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{10ffff}") } else { text }
}
