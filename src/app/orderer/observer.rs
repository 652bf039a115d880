//! What the writer tells about its work, for metrics.

use std::time::Duration;

use crate::app::orderer::Orderer;

/// Hears what the writer does. It is called by the writer itself, so each call returns at once.
pub trait BlockObserver: Send + Sync {
    fn block_written(&self, statements: usize, events: usize, took: Duration);

    /// A block was written that the members decided on in a round: 0 is the first one.
    fn block_agreed(&self, _round: u32) {}

    /// The log of votes was made durable, which took so long.
    fn log_flushed(&self, _took: Duration) {}

    /// A member has signed two things in one place.
    fn member_at_fault(&self) {}

    /// The writer has dealt with one thing, and stands so.
    fn writer_stands(&self, _standing: WriterStanding) {}
}

/// How much waits for the writer, and whether it fetches what it has missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterStanding {
    /// Statements that wait for a block, of this node's clients and of other members.
    pub pool_statements: usize,
    pub pool_bytes: usize,
    /// Final blocks are asked for that this node has missed.
    pub is_catching_up: bool,
}

impl Orderer {
    pub(super) fn tell_observer(&self) {
        self.observer.writer_stands(WriterStanding {
            pool_statements: self.pool.len(),
            pool_bytes: self.pool.bytes(),
            is_catching_up: self.catch_up.is_fetching(),
        });
    }
}
