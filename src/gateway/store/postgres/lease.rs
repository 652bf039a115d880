//! The right to a gateway's queue: one gateway has it at a time.
//!
//! It has two halves, as that of a node's ledger. An advisory lock on the gateway's writing connection keeps a second gateway away; the
//! server releases it when that connection ends. But a connection can end without its gateway noticing, and another gateway may have
//! gone on since. So each who gets the lock raises the epoch in the table `lease`, and every transaction that writes locks that row
//! first, at its own epoch. Who has no lease, as a command about jobs, locks the row too: two transactions never overlap.

use std::thread;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use super::Connection;
use crate::gateway::keeper::KeeperError;

/// "SEALANE" and 2, as a number: what the lock is on, within one database. A node's lock on its ledger has 1.
const LOCK: i64 = 0x0053_4541_4C41_4E45 << 8 | 2;

/// How long a lease may take to come free: a server needs a moment to notice that a process has ended.
const WAIT: Duration = Duration::from_secs(3);

/// How often it is tried within that.
const EVERY: Duration = Duration::from_millis(100);

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Holder {
    #[diesel(sql_type = Text)]
    holder: String,
}

/// Takes the lock for as long as the connection lasts. False if another connection has it.
pub fn take(connection: &mut Connection) -> Result<bool, KeeperError> {
    let began = Instant::now();
    loop {
        let tried: Taken = diesel::sql_query("SELECT pg_try_advisory_lock($1) AS taken")
            .bind::<BigInt, _>(LOCK)
            .get_result(connection)?;
        if tried.taken || began.elapsed() >= WAIT {
            return Ok(tried.taken);
        }
        thread::sleep(EVERY);
    }
}

/// Gives the lock back.
pub fn release(connection: &mut Connection) -> Result<(), KeeperError> {
    diesel::sql_query("SELECT pg_advisory_unlock($1)").bind::<BigInt, _>(LOCK).execute(connection)?;
    Ok(())
}

/// Writes down who has the lock from now on, and returns the epoch to which its changes are bound.
pub fn begin(connection: &mut Connection, holder: &str) -> Result<i64, KeeperError> {
    let raise = "UPDATE lease SET epoch = epoch + 1, holder = $1, address = host(inet_client_addr()), since = now() \
                 RETURNING epoch AS n";
    let raised: Number = diesel::sql_query(raise).bind::<Text, _>(holder).get_result(connection)?;
    Ok(raised.n)
}

/// Locks the row until the transaction ends. False if the epoch is another one by now.
pub fn fence(connection: &mut Connection, epoch: Option<i64>) -> Result<bool, KeeperError> {
    let row: Number = diesel::sql_query("SELECT epoch AS n FROM lease FOR UPDATE").get_result(connection)?;
    Ok(epoch.is_none_or(|epoch| epoch == row.n))
}

/// The number of the queue.
pub fn queue(connection: &mut Connection) -> Result<i64, KeeperError> {
    let row: Number = diesel::sql_query("SELECT queue AS n FROM lease").get_result(connection)?;
    Ok(row.n)
}

/// Says who has the lock, and since when.
pub fn holder(connection: &mut Connection) -> Result<String, KeeperError> {
    let who = "SELECT holder || coalesce(' from ' || address, '') || ', since ' || \
               to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS holder FROM lease";
    let there: Taken = diesel::sql_query("SELECT to_regclass('lease') IS NOT NULL AS taken").get_result(connection)?;
    if !there.taken {
        return Ok("one that is being made".to_owned());
    }
    let row: Holder = diesel::sql_query(who).get_result(connection)?;
    Ok(row.holder)
}
