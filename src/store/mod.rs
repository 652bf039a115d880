//! The one place that knows SQL. Each back end implements `ports::LedgerStore`.

mod rows;
mod schema;
mod sqlite;

pub use sqlite::{OpenError, SqliteStore};
