//! The gateway's own store: its jobs, what was signed for them, and its clients. The one place of the gateway that knows SQL.
//!
//! `sqlite` implements [`Keeper`](crate::gateway::keeper::Keeper) by the text in `queue.rs`, in which another database can have its part.
//! [`query`] keeps events to be asked for, in SQLite or PostgreSQL.

mod committer;
pub mod query;
mod rows;
mod schema;
mod sqlite;
#[cfg(test)]
mod tests;

pub use sqlite::SqliteKeeper;
