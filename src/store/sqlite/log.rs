//! Moves the write-ahead log into the file while the writer goes on.
//!
//! Left to SQLite, a commit past a number of pages moves them all, and every sender who waits for the writer waits
//! for that. Here another connection moves them; the writer is kept only for what it has committed meanwhile, so that
//! the log comes to its end and begins anew.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Integer;

use super::{SqliteOpenError, unusable};

/// Bytes that the writer commits before its log is moved. A page that many blocks change is moved once, so many are
/// good; but the writer's own flushes wait for the disk meanwhile, and the longer the more there is to move.
const BYTES_BETWEEN: usize = 4 * 1024 * 1024;

/// The mover of one store's log. It ends with the store.
pub(super) struct LogMover {
    written: AtomicUsize,
    /// `None` only while it is dropped.
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What SQLite answers to a checkpoint: whether a reader stood in the way, pages in the log, and pages moved of them.
#[derive(Debug, QueryableByName)]
struct Moved {
    #[diesel(sql_type = Integer)]
    busy: i32,
    #[diesel(sql_type = Integer)]
    log: i32,
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

impl LogMover {
    /// Begins to move the log of the file at `path`, which `writer` alone writes to.
    pub fn start(path: &Path, writer: &Arc<Mutex<SqliteConnection>>) -> Result<Self, SqliteOpenError> {
        let mut connection =
            SqliteConnection::establish(&path.to_string_lossy()).map_err(|error| unusable(path, &error))?;
        connection
            .batch_execute("PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL;")
            .map_err(|error| unusable(path, &error))?;
        let (wake, woken) = sync_channel(1);
        let writer = Arc::downgrade(writer);
        let thread = std::thread::Builder::new()
            .name("ledger-log".to_owned())
            .spawn(move || run(&woken, &mut connection, &writer))
            .map_err(|error| unusable(path, &error))?;
        Ok(Self { written: AtomicUsize::new(0), wake: Some(wake), thread: Some(thread) })
    }

    /// Is told what the writer has committed.
    pub fn wrote(&self, bytes: usize) {
        if self.written.fetch_add(bytes, Ordering::Relaxed) + bytes < BYTES_BETWEEN {
            return;
        }
        self.written.store(0, Ordering::Relaxed);
        match self.wake.as_ref().map(|wake| wake.try_send(())) {
            // Where it is still at work it looks once more after that.
            None | Some(Ok(()) | Err(TrySendError::Full(()))) => {}
            Some(Err(TrySendError::Disconnected(()))) => tracing::error!("the ledger's log is no longer moved"),
        }
    }
}

impl Drop for LogMover {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("moving the ledger's log ended with a panic");
        }
    }
}

fn run(woken: &Receiver<()>, connection: &mut SqliteConnection, writer: &Weak<Mutex<SqliteConnection>>) {
    while woken.recv().is_ok() {
        // The most of it beside the writer, then what came meanwhile, and the rest while nothing is added.
        step(connection);
        step(connection);
        let Some(writer) = writer.upgrade() else { return };
        let _kept = writer.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        step(connection);
    }
}

/// Moves what can be moved. What fails is left in the log, where it is as safe, for the next time.
fn step(connection: &mut SqliteConnection) {
    match diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result::<Moved>(connection) {
        Ok(Moved { busy, log, checkpointed }) => tracing::trace!(busy, log, checkpointed, "the ledger's log was moved"),
        Err(error) => tracing::warn!(%error, "the ledger's log could not be moved into its file"),
    }
}
