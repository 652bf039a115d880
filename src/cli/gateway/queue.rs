//! Where a gateway's queue is: a file in its directory, or a PostgreSQL database. Nobody ends up with jobs in the one and a gateway on
//! the other.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use super::{read_if_there, write_whole};
use crate::cli::arguments::Global;
use crate::cli::data_dir::{cannot, database};
use crate::cli::failure::Failure;
use crate::cli::node::runtime;
use crate::gateway::keeper::{JobFilter, Keeper};
use crate::gateway::store::query::Connect;
use crate::gateway::store::{Holding, PostgresKeeper, SqliteKeeper};
use crate::gateway::subscriptions::keeper::GatewayStore;
use crate::store::postgres::{PostgresConnections, Server};

const QUEUE_FILE: &str = "queue.sqlite";
/// Says that the queue is in a database, and in which.
const DATABASE_FILE: &str = "queue-database.json";
const LOCK_FILE: &str = "lock";

/// What a queue is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To serve.
    Gateway,
    /// For a command that needs a gateway which does not run.
    Stopped,
    /// For a command beside the gateway.
    Beside,
    /// For the command that may be the first one.
    First,
}

/// Where a gateway's queue is.
pub struct QueuePlace<'a> {
    data: &'a Path,
    database: Option<Database>,
}

struct Database {
    server: Server,
    connect: Connect,
    /// Carries the connections as long as the process lives: a lane may be waiting for one when all else has ended.
    runtime: &'static Runtime,
}

/// What the directory says of the database.
#[derive(Serialize, Deserialize)]
struct Noted {
    /// For people.
    database: String,
    queue: i64,
}

impl<'a> QueuePlace<'a> {
    /// Finds out where the queue is by what the arguments say.
    pub fn of(global: &Global, data: &'a Path) -> Result<Self, Failure> {
        let Some(server) = database(global)? else { return Ok(Self { data, database: None }) };
        let runtime: &'static Runtime = Box::leak(Box::new(runtime()?));
        let entered = runtime.enter();
        let connect = way_to(&server).map_err(Failure::unreachable)?;
        drop(entered);
        Ok(Self { data, database: Some(Database { server, connect, runtime }) })
    }

    pub fn open(&self, purpose: Purpose) -> Result<Arc<dyn GatewayStore>, Failure> {
        match &self.database {
            Some(database) => self.open_postgres(database, purpose),
            None => self.open_sqlite(purpose),
        }
    }

    /// Makes the directory, if it is not there.
    pub fn make_directory(&self) -> Result<(), Failure> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(self.data);
        made.map_err(|error| cannot("make", self.data, &error))
    }

    /// Takes the directory for this process alone, until it ends.
    pub fn lock(&self) -> Result<File, Failure> {
        let path = self.data.join(LOCK_FILE);
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(|error| cannot("write", &path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(Failure::unreachable(format!(
                "another gateway is using {}: stop it first, or choose another --data",
                self.data.display()
            ))),
            Err(TryLockError::Error(error)) => Err(cannot("lock", &path, &error)),
        }
    }

    fn open_sqlite(&self, purpose: Purpose) -> Result<Arc<dyn GatewayStore>, Failure> {
        if let Some(noted) = self.noted()? {
            return Err(Failure::wrong_use(format!(
                "the queue of {} is in the PostgreSQL database {}: give its --database-url. To begin with an empty queue here, remove {}",
                self.data.display(),
                noted.database,
                self.note().display()
            )));
        }
        let path = self.data.join(QUEUE_FILE);
        if matches!(purpose, Purpose::Beside | Purpose::Stopped) && !path.exists() {
            return Err(self.no_gateway(""));
        }
        self.make_directory()?;
        Ok(Arc::new(open_file(&path)?))
    }

    fn open_postgres(&self, database: &Database, purpose: Purpose) -> Result<Arc<dyn GatewayStore>, Failure> {
        self.must_not_leave_jobs(database)?;
        let name = database.server.url.to_string();
        let (connect, handle) = (|| Arc::clone(&database.connect), || database.runtime.handle().clone());
        let has_queue = PostgresKeeper::is_there(connect(), handle(), &name).map_err(Failure::unreachable)?;
        let noted = self.noted()?;
        let other = |noted: &Noted| {
            Failure::wrong_use(format!(
                "the queue of {} is another one than that in the database {name}: it was in {} at the last start. Give the \
                 --database-url of that one, or another --data; to go on without its jobs, remove {}",
                self.data.display(),
                noted.database,
                self.note().display()
            ))
        };
        match (&noted, has_queue) {
            (Some(noted), false) => return Err(other(noted)),
            (None, false) if matches!(purpose, Purpose::Beside | Purpose::Stopped) => {
                return Err(self.no_gateway(&format!(" in the database {name}")));
            }
            _ => {}
        }
        let absolute = std::path::absolute(self.data).unwrap_or_else(|_| self.data.to_owned());
        let holder = format!("process {} with --data {}", std::process::id(), absolute.display());
        let holding = match purpose {
            Purpose::Gateway | Purpose::Stopped => Holding::Alone(&holder),
            Purpose::Beside | Purpose::First => Holding::Beside,
        };
        let keeper = PostgresKeeper::open(connect(), handle(), &name, holding).map_err(Failure::unreachable)?;
        match noted {
            Some(noted) if noted.queue != keeper.id() => return Err(other(&noted)),
            Some(_) => {}
            None if matches!(purpose, Purpose::Gateway | Purpose::First) => {
                self.make_directory()?;
                let noted = Noted { database: name, queue: keeper.id() };
                let text = serde_json::to_string_pretty(&noted).map_err(Failure::unreachable)?;
                write_whole(&self.note(), &(text + "\n"))?;
            }
            None => {}
        }
        Ok(Arc::new(keeper))
    }

    /// Refuses a database while the directory has a queue of its own, whose jobs and clients nobody would see any more.
    fn must_not_leave_jobs(&self, database: &Database) -> Result<(), Failure> {
        let path = self.data.join(QUEUE_FILE);
        if !path.exists() {
            return Ok(());
        }
        let keeper = open_file(&path)?;
        let open = keeper.depth().map_err(Failure::unreachable)?.open_jobs();
        let clients = keeper.clients().map_err(Failure::unreachable)?.len();
        let has_jobs =
            !keeper.jobs(&JobFilter { jobs_max: 1, ..JobFilter::default() }).map_err(Failure::unreachable)?.is_empty();
        let (file, url) = (path.display(), &database.server.url);
        if open > 0 {
            return Err(Failure::wrong_use(format!(
                "{file} has jobs that are not final ({open}), and a gateway on the database {url} would leave them behind: run it without \
                 --database-url until `sealane gateway status` says that nothing waits, then move the files {file}* elsewhere"
            )));
        }
        if has_jobs || clients > 0 {
            return Err(Failure::wrong_use(format!(
                "{file} has clients ({clients}) or finished jobs, of which a gateway on the database {url} would not know: move the files \
                 {file}* elsewhere, and add the clients again with `sealane gateway client add NAME --database-url URL`"
            )));
        }
        Ok(())
    }

    fn no_gateway(&self, place: &str) -> Failure {
        Failure::wrong_use(format!("{} has no gateway{place}: give its --data", self.data.display()))
    }

    fn note(&self) -> PathBuf {
        self.data.join(DATABASE_FILE)
    }

    fn noted(&self) -> Result<Option<Noted>, Failure> {
        let Some(bytes) = read_if_there(&self.note())? else { return Ok(None) };
        let noted = serde_json::from_slice(&bytes);
        noted.map(Some).map_err(|error| Failure::unreachable(format!("{}: {error}", self.note().display())))
    }
}

/// Opens the file, and makes it if there is none.
fn open_file(path: &Path) -> Result<SqliteKeeper, Failure> {
    // Documents are the participant's own business: the file is its owner's alone from the start, and SQLite gives its log the same mode.
    let made = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    made.map_err(|error| cannot("write", path, &error))?;
    SqliteKeeper::open(path).map_err(Failure::unreachable)
}

/// The way to a database, for stores that do not know its address. Called on the runtime that is to carry the connections.
pub fn way_to(server: &Server) -> Result<Connect, String> {
    let connections = PostgresConnections::new(server).map_err(|error| error.to_string())?;
    Ok(Arc::new(move || {
        let connections = connections.clone();
        let connection = async move { connections.connect().await.map_err(|error| error.to_string()) };
        Box::pin(connection) as _
    }))
}
