//! What answers cost, shared out between clients: threads, turns and memory.
//!
//! `client` says whom a request counts for, `fair_queue` whose turn is next, `pool` has the threads for answers that take a
//! processor's time, and `memory` counts the bytes of answers and bodies.

mod client;
mod fair_queue;
mod memory;
mod pool;

pub use client::ClientAddress;
pub use fair_queue::{FairQueue, Joined, QueueLimits};
pub use memory::{MemoryBudget, MemoryLease};
pub use pool::{AnswerPool, QUERIES, Urgency, VERDICTS};
