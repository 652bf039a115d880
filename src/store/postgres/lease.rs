//! The right to write: one node has it at a time.
//!
//! It has two halves. An advisory lock on the writer's own connection keeps a second node away; the server releases it
//! when that connection ends. But a connection can end without its node noticing, and another node may have written
//! since. So each who gets the lock raises the epoch in the table `lease`, and every transaction that writes locks that
//! row first, at its own epoch: whose lease went to another finds no such row and writes nothing; who is in the middle of a
//! transaction finishes it before the epoch can be raised.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::open_error::PostgresOpenError;

/// "SEALANE" and 1, as a number: what the lock is on, within one database.
const LOCK: i64 = 0x0053_4541_4C41_4E45 << 8 | 1;

/// How long a lease may take to come free: a server needs a moment to notice that a process has ended.
const WAIT: &str = "SET lock_timeout = '3s'";

/// Takes the lock for as long as the connection lasts.
pub async fn lock(client: &Client, database: &str) -> Result<(), PostgresOpenError> {
    let failed = |error: tokio_postgres::Error| PostgresOpenError::of_connection(&error, database.to_owned());
    client.batch_execute(WAIT).await.map_err(failed)?;
    match client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await {
        Ok(_) => client.batch_execute("SET lock_timeout = 0").await.map_err(failed),
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Err(held(client, database).await?),
        Err(error) => Err(failed(error)),
    }
}

/// Writes down who has the lock from now on, and returns the epoch that its writes are bound to.
pub async fn begin(client: &Client, holder: &str, database: &str) -> Result<i64, PostgresOpenError> {
    let raise = "UPDATE lease SET epoch = epoch + 1, holder = $1, address = host(inet_client_addr()), since = now() \
                 RETURNING epoch";
    let row = client.query_one(raise, &[&holder]).await;
    let row = row.map_err(|error| PostgresOpenError::of_connection(&error, database.to_owned()))?;
    Ok(row.get(0))
}

/// Holds a transaction to the epoch of its writer.
pub const FENCE: &str = "SELECT epoch FROM lease WHERE epoch = $1 FOR UPDATE";

async fn held(client: &Client, database: &str) -> Result<PostgresOpenError, PostgresOpenError> {
    let failed = |error: tokio_postgres::Error| PostgresOpenError::of_connection(&error, database.to_owned());
    let (mut holder, mut since) = ("one that is being made".to_owned(), "just now".to_owned());
    let there = client.query_one("SELECT to_regclass('lease') IS NOT NULL", &[]).await.map_err(failed)?;
    if there.get(0) {
        let who = "SELECT holder || coalesce(' from ' || address, ''), \
                   to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM lease";
        let row = client.query_one(who, &[]).await.map_err(failed)?;
        (holder, since) = (row.get(0), row.get(1));
    }
    Ok(PostgresOpenError::Held { database: database.to_owned(), holder, since })
}
