//! The one place that knows SQL. Each back end implements `ports::LedgerStore`.

mod pending;
pub mod postgres;
mod queries;
mod rows;
mod schema;
mod sqlite;

pub use postgres::PostgresStore;
pub use sqlite::{SqliteOpenError, SqliteStore};

/// Bytes that are written to see whether anything can be: about what a block of a few statements adds.
const WRITE_PROBE_BYTES: usize = 64 * 1024;
