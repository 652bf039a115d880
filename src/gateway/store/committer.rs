//! The one writer of the gateway's database. It takes whatever waits in one transaction, so that many captures share the flush of
//! a disk, and answers each when the transaction is durable.

use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use diesel::prelude::*;
use diesel::result::Error as DieselError;

use crate::gateway::keeper::KeeperError;

/// Changes of one transaction. A flush takes milliseconds, in which no more captures than this are read and checked.
const CHANGES_PER_COMMIT_MAX: usize = 256;

/// Changes that wait. The threads that brought them wait too, so there are never many.
const WAITING_MAX: usize = 1_024;

/// Tells the thread that brought a change what became of it; `None` says that it was made.
type Tell = Box<dyn FnOnce(Option<KeeperError>) + Send>;

/// Makes a change on a connection with a transaction begun, or hears why there is none; says whom to tell.
type Change<C> = Box<dyn FnOnce(Result<&mut C, KeeperError>) -> Tell + Send>;

/// What writes to a database: begins and ends the transactions in which changes are made.
pub trait QueueWriter: Send + 'static {
    type Connection: Connection + 'static;

    /// Begins a transaction. What another process writes to the queue is done before it, or after its end.
    fn begin(&mut self) -> Result<&mut Self::Connection, KeeperError>;

    /// Returns when what was done since is durable. An error leaves nothing of it, but for [`KeeperError::Unsure`].
    fn commit(&mut self) -> Result<(), KeeperError>;
}

pub struct Committer<C> {
    changes: SyncSender<Change<C>>,
}

impl<C: Connection + 'static> Committer<C> {
    /// Starts the writer's thread, which ends with the last handle.
    pub fn start(writer: impl QueueWriter<Connection = C>) -> std::io::Result<Self> {
        let (changes, waiting) = mpsc::sync_channel(WAITING_MAX);
        thread::Builder::new().name("queue".to_owned()).spawn(move || write_all(writer, &waiting))?;
        Ok(Self { changes })
    }

    /// Makes a change in a transaction, and returns when it is durable.
    ///
    /// A change that fails leaves nothing behind, and does not spoil those that share its transaction.
    pub fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut C) -> Result<T, KeeperError> + Send + 'static,
    ) -> Result<T, KeeperError> {
        let (told, answer) = mpsc::sync_channel(1);
        let change: Change<C> = Box::new(move |begun| {
            let made = begun.and_then(|connection| {
                connection.transaction(|connection| change(connection).map_err(Undone)).map_err(|undone| undone.0)
            });
            Box::new(move |failed: Option<KeeperError>| {
                // The one who asked waits for the answer.
                let _ = told.send(made.and_then(|made| failed.map_or(Ok(made), Err)));
            })
        });
        let gone = || KeeperError::Unavailable("its writer has ended".to_owned());
        self.changes.send(change).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }
}

fn write_all<W: QueueWriter>(mut writer: W, waiting: &Receiver<Change<W::Connection>>) {
    while let Ok(first) = waiting.recv() {
        let changes = [first].into_iter().chain(waiting.try_iter().take(CHANGES_PER_COMMIT_MAX - 1));
        let (told, failed): (Vec<Tell>, _) = match writer.begin() {
            Ok(connection) => {
                let told = changes.map(|change| change(Ok(&mut *connection))).collect();
                (told, writer.commit().err())
            }
            Err(error) => (changes.map(|change| change(Err(again(&error)))).collect(), Some(error)),
        };
        if let Some(error) = &failed {
            tracing::error!(%error, "the gateway's queue could not be written");
        }
        for tell in told {
            tell(failed.as_ref().map(again));
        }
    }
}

fn again(error: &KeeperError) -> KeeperError {
    match error {
        KeeperError::Full => KeeperError::Full,
        KeeperError::Unavailable(text) => KeeperError::Unavailable(text.clone()),
        KeeperError::Unsure(text) => KeeperError::Unsure(text.clone()),
        KeeperError::Corrupt(text) => KeeperError::Corrupt(text.clone()),
    }
}

/// Carries a `KeeperError` through diesel's transaction, which wants to make errors of its own.
struct Undone(KeeperError);

impl From<DieselError> for Undone {
    fn from(error: DieselError) -> Self {
        Self(error.into())
    }
}

impl From<DieselError> for KeeperError {
    fn from(error: DieselError) -> Self {
        let text = error.to_string();
        match error {
            // SQLite's words, and PostgreSQL's with those of its system.
            _ if ["disk is full", "No space left on device"].iter().any(|words| text.contains(words)) => Self::Full,
            DieselError::DeserializationError(_) => Self::Corrupt(text),
            _ if text.contains("malformed") || text.contains("not a database") => Self::Corrupt(text),
            _ => Self::Unavailable(text),
        }
    }
}
