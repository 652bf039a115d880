//! The gateway's own store: its jobs, what was signed for them, and its clients. The one place of the gateway that knows SQL.
//!
//! `sqlite` implements [`Keeper`](crate::gateway::keeper::Keeper). A PostgreSQL store implements the same trait one day. [`query`] keeps
//! events to be asked for, in either database.

mod committer;
pub mod query;
mod rows;
mod schema;
mod sqlite;
#[cfg(test)]
mod tests;

pub use sqlite::SqliteKeeper;
