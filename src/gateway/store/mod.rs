//! The gateway's own store: its jobs, what was signed for them, and its clients. The one place of the gateway that knows SQL.
//!
//! `sqlite` and `postgres` implement [`Keeper`](crate::gateway::keeper::Keeper), each by the same text, `queue.rs`,
//! and what subscriptions need by `subscriptions.rs`. [`query`] keeps events to be asked for, in either database.

mod committer;
mod postgres;
pub mod query;
mod rows;
mod schema;
mod sqlite;
mod subscription_rows;
#[cfg(test)]
mod tests;

pub use postgres::{Holding, PostgresKeeper};
pub use sqlite::SqliteKeeper;
