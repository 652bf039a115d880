//! The one place that knows SQL. Each back end implements `ports::LedgerStore`.

mod pending;
pub mod postgres;
mod queries;
mod rows;
mod schema;
mod sqlite;

pub use postgres::PostgresStore;
pub use sqlite::{OpenError, SqliteStore};
