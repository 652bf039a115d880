//! The one place that knows SQL, and the files that a member keeps beside it. Each back end implements
//! `ports::LedgerStore`; the log of votes implements `ports::VoteLog`.

mod addresses;
mod faults;
mod join_requests;
mod pending;
pub mod postgres;
mod queries;
mod rows;
mod schema;
mod sqlite;
mod vote_log;

pub use addresses::{ADDRESS_FILE, AddressFile};
pub use faults::{FAULT_FILE, FaultFile};
pub use join_requests::{JOIN_REQUEST_FILE, JoinRequestFile};
pub use postgres::PostgresStore;
pub use sqlite::{SqliteOpenError, SqliteStore};
pub use vote_log::{LogStart, VOTE_LOG_FILES, VoteLogFile};

/// Bytes that are written to see whether anything can be: about what a block of a few statements adds.
const WRITE_PROBE_BYTES: usize = 64 * 1024;
