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

/// Makes a change, and says whom to tell.
type Change = Box<dyn FnOnce(&mut SqliteConnection) -> Tell + Send>;

pub struct Committer {
    changes: SyncSender<Change>,
}

impl Committer {
    /// Starts the writer's thread, which ends with the last handle.
    pub fn start(connection: SqliteConnection) -> std::io::Result<Self> {
        let (changes, waiting) = mpsc::sync_channel(WAITING_MAX);
        thread::Builder::new().name("queue".to_owned()).spawn(move || write_all(connection, &waiting))?;
        Ok(Self { changes })
    }

    /// Makes a change in a transaction, and returns when it is durable.
    ///
    /// A change that fails leaves nothing behind, and does not spoil those that share its transaction.
    pub fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut SqliteConnection) -> Result<T, KeeperError> + Send + 'static,
    ) -> Result<T, KeeperError> {
        let (told, answer) = mpsc::sync_channel(1);
        let change: Change = Box::new(move |connection| {
            let made =
                connection.transaction(|connection| change(connection).map_err(Undone)).map_err(|undone| undone.0);
            Box::new(move |failed: Option<KeeperError>| {
                // The one who asked waits for the answer.
                let _ = told.send(match failed {
                    Some(error) => Err(error),
                    None => made,
                });
            })
        });
        let gone = || KeeperError::Unavailable("its writer has ended".to_owned());
        self.changes.send(change).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }
}

fn write_all(mut connection: SqliteConnection, waiting: &Receiver<Change>) {
    while let Ok(first) = waiting.recv() {
        let mut changes = vec![first];
        changes.extend(waiting.try_iter().take(CHANGES_PER_COMMIT_MAX - 1));
        let mut told = Vec::with_capacity(changes.len());
        let committed = connection.immediate_transaction(|connection| {
            told.extend(changes.into_iter().map(|change| change(connection)));
            Ok::<_, DieselError>(())
        });
        let failed = committed.err().map(KeeperError::from);
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
            _ if text.contains("disk is full") => Self::Full,
            DieselError::DeserializationError(_) => Self::Corrupt(text),
            _ if text.contains("malformed") || text.contains("not a database") => Self::Corrupt(text),
            _ => Self::Unavailable(text),
        }
    }
}
