//! The gateway's queue in tables of their own schema in a PostgreSQL database: one connection that writes, some that read.
//!
//! The way to the server is somebody else's ([`Connect`]). The gateway's writing connection holds the lease ([`lease`]), so that one
//! gateway has the queue at a time. A connection that is lost is made anew when it is needed next, and the lease is taken again with it.
//! What was under way then has failed, and the server keeps nothing of it; only if the line broke while a commit was under way, nobody
//! knows ([`KeeperError::Unsure`]).

mod lease;
mod tables;

use std::sync::{Arc, Mutex, PoisonError};

use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::result::Error as DieselError;
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::committer::{Committer, QueueWriter};
use super::query::Connect;
use crate::gateway::keeper::KeeperError;
use tables::Made;

#[allow(clippy::duplicate_mod, reason = "one text for two databases; its head says why")]
#[path = "queue.rs"]
mod queue;
#[allow(clippy::duplicate_mod, reason = "one text for two databases; its head says why")]
#[path = "subscriptions.rs"]
mod subscriptions;

/// Readers that work at once, of the hundred connections that a server allows unless it is told otherwise.
const READERS_MAX: usize = 8;

/// What every session is set to. A plan that was made for any value would not use an index of open jobs alone.
const SESSION: &str = "
    SET search_path = sealane_queue;
    SET plan_cache_mode = force_custom_plan;
    SET client_min_messages = warning;";

/// What a session that writes is set to beside. A commit is acknowledged when it is on disk. A command whose transaction does not end
/// holds up the gateway no longer than one of SQLite's would.
const WRITER: &str = "SET synchronous_commit = on; SET lock_timeout = '5s'";

const READER: &str = "SET default_transaction_read_only = on";

/// A connection on which a thread waits for answers.
type Connection = AsyncConnectionWrapper<AsyncPgConnection>;
type Transactions = <Connection as diesel::Connection>::TransactionManager;
type Queue = PostgresKeeper;

/// What a queue is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding<'a> {
    /// For a gateway, or for what must not happen beside one: nobody else has the queue until the keeper is gone. The text says to
    /// people who has it.
    Alone(&'a str),
    /// For a command, which may write beside the gateway.
    Beside,
}

/// A gateway's queue in a PostgreSQL database.
pub struct PostgresKeeper {
    way: Way,
    readers: Semaphore,
    idle: Mutex<Vec<Connection>>,
    committer: Committer<Connection>,
    id: i64,
}

/// The way to the database.
#[derive(Clone)]
struct Way {
    connect: Connect,
    runtime: Handle,
    /// The database, for people.
    name: Arc<str>,
}

impl Way {
    fn session(&self, setup: &str) -> Result<Connection, KeeperError> {
        let connection = self.runtime.block_on((self.connect)()).map_err(KeeperError::Unavailable)?;
        // The connection waits for its answers on the runtime in which it is wrapped.
        let entered = self.runtime.enter();
        let mut connection: Connection = connection.into();
        drop(entered);
        connection.batch_execute(SESSION)?;
        connection.batch_execute(setup)?;
        Ok(connection)
    }

    fn hold(&self, connection: &mut Connection) -> Result<(), KeeperError> {
        match lease::take(connection)? {
            true => Ok(()),
            false => Err(KeeperError::Unavailable(format!(
                "another gateway has it: {}. Stop that one first, or give this one a database of its own. The lease of a gateway that is \
                 gone ends with its connection, within two minutes",
                lease::holder(connection)?
            ))),
        }
    }
}

impl PostgresKeeper {
    /// Tells whether a database has a queue. `name` names it for people.
    ///
    /// # Errors
    ///
    /// In words, why that cannot be found out.
    pub fn is_there(connect: Connect, runtime: Handle, name: &str) -> Result<bool, String> {
        let way = Way { connect, runtime, name: name.into() };
        let found = way.session(READER).and_then(|mut connection| tables::made(&mut connection));
        found.map(|made| made != Made::Not).map_err(|error| unopened(name, &error))
    }

    /// Opens the queue, and makes it if it is not there. Connections live on `runtime`; who calls a method of the keeper is a thread that
    /// may wait, such as one of `spawn_blocking`.
    ///
    /// # Errors
    ///
    /// In words, why it cannot serve.
    pub fn open(connect: Connect, runtime: Handle, name: &str, holding: Holding) -> Result<Self, String> {
        let way = Way { connect, runtime, name: name.into() };
        Self::begin(way, holding).map_err(|error| unopened(name, &error))
    }

    fn begin(way: Way, holding: Holding) -> Result<Self, KeeperError> {
        let mut connection = way.session(WRITER)?;
        let made = tables::made(&mut connection)?;
        let holder = match holding {
            Holding::Alone(holder) => Some(Arc::from(holder)),
            Holding::Beside => None,
        };
        // Tables change under nobody's feet.
        if holder.is_some() || made != Made::Now {
            way.hold(&mut connection)?;
        }
        tables::bring_up(&mut connection)?;
        if holder.is_some() {
            tables::warn_of_lost_writes(&mut connection, &way.name)?;
        } else if made != Made::Now {
            lease::release(&mut connection)?;
        }
        let id = lease::queue(&mut connection)?;
        let session = WriterSession::begin(connection, holder.as_deref())?;
        let writer = PostgresWriter { way: way.clone(), holder, session: Some(session) };
        let committer = Committer::start(writer).map_err(|error| KeeperError::Unavailable(error.to_string()))?;
        Ok(Self { way, readers: Semaphore::new(READERS_MAX), idle: Mutex::default(), committer, id })
    }

    /// A number that tells this queue from every other one, wherever its database is moved to.
    pub const fn id(&self) -> i64 {
        self.id
    }

    fn read<T>(&self, work: impl Fn(&mut Connection) -> Result<T, KeeperError>) -> Result<T, KeeperError> {
        let place = self.way.runtime.block_on(self.readers.acquire());
        let _place = place.map_err(|error| KeeperError::Unavailable(error.to_string()))?;
        while let Some(mut connection) = { self.idle().pop() } {
            let found = work(&mut connection);
            if found.is_ok() || is_alive(&mut connection) {
                self.idle().push(connection);
                return found;
            }
            // It has lost its server while it was idle, and the others with it.
            self.idle().clear();
        }
        let mut connection = self.way.session(READER)?;
        let found = work(&mut connection);
        if found.is_ok() || is_alive(&mut connection) {
            self.idle().push(connection);
        }
        found
    }

    fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Connection) -> Result<T, KeeperError> + Send + 'static,
    ) -> Result<T, KeeperError> {
        self.committer.write(change)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unopened(name: &str, error: &KeeperError) -> String {
    match error {
        KeeperError::Unavailable(why) => format!("the queue in the database {name} cannot be opened: {why}"),
        other => format!("the queue in the database {name} cannot be opened: {other}"),
    }
}

fn is_alive(connection: &mut Connection) -> bool {
    connection.batch_execute("SELECT 1").is_ok()
}

/// Writes transactions one after the other, and connects anew after the connection was lost.
struct PostgresWriter {
    way: Way,
    /// `None` of a command, which has no lease.
    holder: Option<Arc<str>>,
    session: Option<WriterSession>,
}

struct WriterSession {
    connection: Connection,
    /// Of the lease that the connection holds, if it holds one.
    epoch: Option<i64>,
}

impl WriterSession {
    fn begin(mut connection: Connection, holder: Option<&str>) -> Result<Self, KeeperError> {
        let epoch = holder.map(|holder| lease::begin(&mut connection, holder)).transpose()?;
        Ok(Self { connection, epoch })
    }

    fn begin_change(&mut self) -> Result<(), KeeperError> {
        Transactions::begin_transaction(&mut self.connection)?;
        match lease::fence(&mut self.connection, self.epoch)? {
            true => Ok(()),
            false => Err(KeeperError::Unavailable("the lease on the queue went to another gateway".to_owned())),
        }
    }
}

impl PostgresWriter {
    fn connected(&self) -> Result<WriterSession, KeeperError> {
        let mut connection = self.way.session(WRITER)?;
        if self.holder.is_some() {
            self.way.hold(&mut connection)?;
        }
        WriterSession::begin(connection, self.holder.as_deref())
    }
}

impl QueueWriter for PostgresWriter {
    type Connection = Connection;

    fn begin(&mut self) -> Result<&mut Connection, KeeperError> {
        let begun = match self.session.take() {
            // One that was idle may have lost its server, or its lease, meanwhile. It is gone before another one asks for the lease.
            Some(mut session) => session.begin_change().is_ok().then_some(session),
            None => None,
        };
        let session = match begun {
            Some(session) => session,
            None => {
                let mut session = self.connected()?;
                session.begin_change()?;
                session
            }
        };
        Ok(&mut self.session.insert(session).connection)
    }

    fn commit(&mut self) -> Result<(), KeeperError> {
        let Some(mut session) = self.session.take() else {
            return Err(KeeperError::Unavailable("nothing was begun".to_owned()));
        };
        let connection = &mut session.connection;
        // A session whose transaction does not end goes, and the lease with it.
        if Transactions::transaction_manager_status_mut(connection).transaction_depth().is_err() {
            return Err(KeeperError::Unavailable("the connection to its database was lost".to_owned()));
        }
        match Transactions::commit_transaction(connection) {
            Ok(()) => {
                self.session = Some(session);
                Ok(())
            }
            // The server said no.
            Err(error @ DieselError::DatabaseError(..)) if is_alive(connection) => Err(error.into()),
            Err(error) => Err(KeeperError::Unsure(error.to_string())),
        }
    }
}
