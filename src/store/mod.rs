//! The one place that knows SQL. Each back end implements `ports::LedgerStore`.

mod pending;
mod rows;
mod schema;
mod sqlite;

pub use sqlite::{OpenError, SqliteStore};
