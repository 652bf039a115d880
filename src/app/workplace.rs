//! Where answers are worked on that take a processor's time: off the threads that serve requests, a few at once.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::app::ledger::LedgerError;
use crate::ports::StoreError;

/// Answers that are worked on at once: twice the cores of a small machine, since each waits for the store now and then. Each
/// may hold 16 MiB of statements and the events in them.
const WORKPLACES: usize = 4;

/// How long to wait for a place, before whoever asks is told to come back.
const WORKPLACE_WAIT: Duration = Duration::from_secs(5);

/// One for the process, as its processors are.
static FREE: Semaphore = Semaphore::const_new(WORKPLACES);

/// The right to work on one answer. It goes along into the work itself: whoever asks and goes away does not free it.
pub struct Workplace(SemaphorePermit<'static>);

impl Workplace {
    /// Waits for a place, and no longer than `WORKPLACE_WAIT`.
    pub async fn take() -> Result<Self, LedgerError> {
        match tokio::time::timeout(WORKPLACE_WAIT, FREE.acquire()).await {
            Ok(Ok(permit)) => Ok(Self(permit)),
            _ => Err(LedgerError::Busy),
        }
    }

    /// Does what takes a processor's time, where requests do not wait for it.
    pub async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<(Self, T), LedgerError> {
        let Self(permit) = self;
        let done = tokio::task::spawn_blocking(move || (permit, work())).await;
        let (permit, result) = done.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok((Self(permit), result?))
    }
}
