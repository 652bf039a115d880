//! What stands in the way of writing, as everyone may ask: a store whose last write failed, a clock that jumped, a ledger
//! that is not sound, a node that stops.
//!
//! `OrderError` is what a sender hears of it, `/health/ready` what those hear who send the traffic. Nothing here writes:
//! the orderer tries again, and says when a write went through.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::app::block_clock::{BlockClock, OtherClock};
use crate::app::orderer::OrderError;
use crate::ports::{ClockReading, StoreError};
use sealane_core::time::Timestamp;

/// The obstacles of one ledger.
pub struct WriteGate {
    obstacles: Mutex<Obstacles>,
    changed: Notify,
    stops: watch::Sender<bool>,
}

struct Obstacles {
    clock: BlockClock,
    /// What is wrong with the ledger.
    unsound: Option<String>,
    /// How the last write failed.
    store: Option<OrderError>,
}

impl WriteGate {
    pub(super) fn new(clock: BlockClock) -> Self {
        let obstacles = Mutex::new(Obstacles { clock, unsound: None, store: None });
        Self { obstacles, changed: Notify::new(), stops: watch::Sender::new(false) }
    }

    /// Why nothing can be written now; `None` while it can. `last` is the last block's time.
    pub(super) fn obstacle(&self, last: Timestamp, reading: ClockReading) -> Option<OrderError> {
        self.next_time(last, reading).err().or_else(|| self.lock().store.clone())
    }

    /// The time that a block made now would have, or why there can be none.
    pub(super) fn next_time(&self, last: Timestamp, reading: ClockReading) -> Result<Timestamp, OrderError> {
        let obstacles = self.lock();
        if let Some(fault) = obstacles.unsound.clone() {
            return Err(OrderError::Unsound { fault });
        }
        Ok(obstacles.clock.next_time(last, reading)?)
    }

    /// Notes that a block was written and is marked, so that the store writes.
    pub(super) fn block_made(&self, time: Timestamp, reading: ClockReading) {
        let mut obstacles = self.lock();
        obstacles.clock.made(time, reading);
        obstacles.store = None;
    }

    /// What is wrong with the ledger or its store, whatever the clock says: for a node that makes no blocks.
    pub(super) fn trouble(&self) -> Option<OrderError> {
        let obstacles = self.lock();
        let unsound = obstacles.unsound.clone().map(|fault| OrderError::Unsound { fault });
        unsound.or_else(|| obstacles.store.clone())
    }

    /// Notes that the store writes, after a write that failed.
    pub(super) fn store_writes(&self) {
        self.lock().store = None;
    }

    pub(super) fn accept_clock(&self, told: Timestamp, reading: ClockReading) -> Result<(), OtherClock> {
        self.lock().clock.accept(told, reading)
    }

    /// Tells whether a store's last write failed, so that the next one has to be tried first.
    pub(super) fn is_store_doubtful(&self) -> bool {
        self.lock().store.is_some()
    }

    /// Notes how a write ended that was not the orderer's own.
    pub(super) fn note<T>(&self, written: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &written {
            self.store_failed(refusal_of(error));
        }
        written
    }

    /// Notes that the store did not write.
    pub(super) fn store_failed(&self, refusal: OrderError) {
        self.lock().store = Some(refusal);
        self.changed.notify_one();
    }

    /// Notes why the store still does not write. That is nothing new to act upon.
    pub(super) fn store_fails_on(&self, refusal: &OrderError) {
        self.lock().store = Some(refusal.clone());
    }

    /// Notes what the node's check of its own ledger came to: its fault, or `None` for a sound ledger.
    pub fn checked(&self, fault: Option<String>) {
        self.lock().unsound = fault;
        self.changed.notify_one();
    }

    /// Notes that the node has begun to stop.
    pub fn stop(&self) {
        self.stops.send_replace(true);
    }

    /// Waits until the node begins to stop.
    pub(super) async fn stopping(&self) {
        // The sender is here, so the channel stays open.
        let _ = self.stops.subscribe().wait_for(|stops| *stops).await;
    }

    pub(super) fn is_unsound(&self) -> bool {
        self.lock().unsound.is_some()
    }

    /// Waits until something new is in the way.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Obstacles> {
        // Each change is one assignment, so a panic elsewhere leaves it whole.
        self.obstacles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a sender hears of a write that failed.
pub(super) fn refusal_of(error: &StoreError) -> OrderError {
    match error {
        StoreError::Full => OrderError::Full,
        StoreError::Refused(cause) => OrderError::StoreRefused(cause.clone()),
        StoreError::Unavailable(_) | StoreError::Corrupt(_) => OrderError::Unwritten(error.to_string()),
    }
}

/// What a sender hears of a failure before anything was written.
pub(super) fn certain_refusal(error: &StoreError) -> OrderError {
    match error {
        StoreError::Full => OrderError::Full,
        other => OrderError::StoreRefused(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_worst_is_told_first_and_each_ends_by_itself() {
        let time = Timestamp::EPOCH;
        let reading = |ms| ClockReading { now: time.plus_millis(ms), passed: Duration::ZERO };
        let gate = WriteGate::new(BlockClock::at_start(time, reading(0)));
        let told = |ms| gate.obstacle(time, reading(ms));
        assert!(told(1).is_none() && !gate.is_store_doubtful());
        assert!(gate.note::<()>(Err(StoreError::Full)).is_err());
        assert!(matches!(told(1), Some(OrderError::Full)));
        assert!(matches!(told(1_000_000), Some(OrderError::Clock(jump)) if jump.now == time.plus_millis(1_000_000)));
        gate.checked(Some("leaf 4".to_owned()));
        assert!(matches!(told(1_000_000), Some(OrderError::Unsound { fault }) if fault == "leaf 4"));
        gate.checked(None);
        gate.block_made(time, reading(0));
        assert!(told(1).is_none() && !gate.is_store_doubtful());
        assert!(gate.note(Ok(())).is_ok() && told(1).is_none());
    }
}
