//! The one connection that writes, with its lease.

use std::sync::Arc;

use futures_core::future::BoxFuture;
use tokio::sync::Mutex;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::bulk::Statements;
use super::connect::Connector;
use super::open_error::{PostgresOpenError, of_write};
use super::{lease, migrations};
use crate::ports::StoreError;
use crate::store::WRITE_PROBE_BYTES;

/// Writes transactions one after the other, and connects anew after the connection was lost.
#[derive(Clone)]
pub struct Writer {
    connector: Connector,
    holder: Arc<str>,
    session: Arc<Mutex<Option<WriterSession>>>,
}

/// A connection that holds the lease.
pub struct WriterSession {
    pub client: Client,
    pub statements: Statements,
    epoch: i64,
}

impl Writer {
    /// Takes the lease of a ledger that is there. `holder` says to people who has it.
    pub async fn open(connector: Connector, holder: &str) -> Result<Self, PostgresOpenError> {
        let session = WriterSession::open(&connector, holder).await?;
        Ok(Self { connector, holder: holder.into(), session: Arc::new(Mutex::new(Some(session))) })
    }

    /// Takes the lease, and brings the tables up to this program's version first.
    pub async fn migrate(connector: Connector, holder: &str) -> Result<Self, PostgresOpenError> {
        let client = connector.writer().await?;
        lease::lock(&client, &connector.database()).await?;
        migrations::run(connector.reader().await?, &connector.database()).await?;
        let session = WriterSession::begin(client, &connector, holder).await?;
        Ok(Self { connector, holder: holder.into(), session: Arc::new(Mutex::new(Some(session))) })
    }

    /// Runs one transaction to its end, whether or not the caller waits for it.
    ///
    /// An error leaves nothing written, but for one case: the connection was lost while the commit was under way. That
    /// one is `StoreError::Unavailable`.
    pub async fn write<T: Send + 'static>(
        &self,
        change: impl for<'a> FnOnce(&'a WriterSession) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let own = self.clone();
        let written = self.connector.runtime().spawn(async move {
            let mut place = own.session.lock().await;
            let session = match place.take().filter(|session| !session.client.is_closed()) {
                Some(session) => session,
                None => {
                    let opened = WriterSession::open(&own.connector, &own.holder).await;
                    opened.map_err(|error| StoreError::Refused(error.to_string()))?
                }
            };
            let outcome = session.transaction(change).await;
            // A session whose end is unknown goes, and its lease with it.
            if !matches!(outcome, Outcome::Broken(_)) {
                *place = Some(session);
            }
            outcome.into_result()
        });
        written.await.map_err(|error| StoreError::Unavailable(format!("a write was broken off: {error}")))?
    }
}

/// How a transaction ended.
enum Outcome<T> {
    Committed(T),
    /// Nothing was written, and the session can go on.
    RolledBack(StoreError),
    Broken(StoreError),
}

impl<T> Outcome<T> {
    fn into_result(self) -> Result<T, StoreError> {
        match self {
            Outcome::Committed(value) => Ok(value),
            Outcome::RolledBack(error) | Outcome::Broken(error) => Err(error),
        }
    }
}

impl WriterSession {
    async fn open(connector: &Connector, holder: &str) -> Result<Self, PostgresOpenError> {
        let client = connector.writer().await?;
        lease::lock(&client, &connector.database()).await?;
        Self::begin(client, connector, holder).await
    }

    async fn begin(client: Client, connector: &Connector, holder: &str) -> Result<Self, PostgresOpenError> {
        let epoch = lease::begin(&client, holder, &connector.database()).await?;
        let statements = Statements::prepare(&client).await;
        let statements = statements.map_err(|error| PostgresOpenError::of_connection(&error, connector.database()))?;
        Ok(Self { client, statements, epoch })
    }

    /// Runs a statement that is not run often enough to be kept prepared.
    pub async fn execute(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<(), StoreError> {
        self.client.execute(sql, values).await.map(drop).map_err(|error| of_write(&error))
    }

    /// Writes the row that tells whether anything can be written.
    pub async fn probe_write(&self) -> Result<(), StoreError> {
        let probe =
            "INSERT INTO write_probe (bytes) VALUES ($1) ON CONFLICT (one_row) DO UPDATE SET bytes = EXCLUDED.bytes";
        self.execute(probe, &[&vec![0_u8; WRITE_PROBE_BYTES]]).await
    }

    async fn transaction<T>(
        &self,
        change: impl for<'a> FnOnce(&'a WriterSession) -> BoxFuture<'a, Result<T, StoreError>>,
    ) -> Outcome<T> {
        match self.change_and_commit(change).await {
            Ok(value) => Outcome::Committed(value),
            Err(Failed::Fenced) => {
                Outcome::Broken(StoreError::Refused("the lease on the database went to another node".to_owned()))
            }
            Err(Failed::Change(error)) => {
                // Without a COMMIT the server keeps nothing, whatever became of the connection.
                let error = match error {
                    StoreError::Unavailable(cause) => StoreError::Refused(cause),
                    other => other,
                };
                match self.client.batch_execute("ROLLBACK").await {
                    Ok(()) => Outcome::RolledBack(error),
                    Err(_) => Outcome::Broken(error),
                }
            }
            Err(Failed::Commit(error)) => Outcome::Broken(error),
        }
    }

    async fn change_and_commit<T>(
        &self,
        change: impl for<'a> FnOnce(&'a WriterSession) -> BoxFuture<'a, Result<T, StoreError>>,
    ) -> Result<T, Failed> {
        let began = self.client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
        let fence = [&self.epoch as _];
        let fenced = self.client.query(&self.statements.fence, &fence);
        // Both go out at once, in this order.
        let ((), own) = tokio::try_join!(biased; began, fenced).map_err(|error| Failed::Change(of_write(&error)))?;
        if own.is_empty() {
            return Err(Failed::Fenced);
        }
        let value = change(self).await.map_err(Failed::Change)?;
        self.client.batch_execute("COMMIT").await.map_err(|error| Failed::Commit(of_write(&error)))?;
        Ok(value)
    }
}

enum Failed {
    /// The epoch is another one now.
    Fenced,
    Change(StoreError),
    Commit(StoreError),
}
