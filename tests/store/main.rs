//! What every store must do, asked of SQLite and of PostgreSQL: one suite over both. Then what only PostgreSQL has.
//!
//! PostgreSQL is asked where `SEALANE_TEST_POSTGRES` names a server and a user who may create databases, as
//! `scripts/with-postgres` and so `scripts/test` do. Each test has a database of its own.

mod appending;
mod blocks;
mod database;
mod derived;
mod ledger;
mod place;
mod postgres;
mod records;
mod requests;
mod snapshots;
mod tiles;

/// Runs each test of a module against an empty ledger in both stores.
macro_rules! in_both_stores {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(&crate::place::Place::sqlite()).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(place) = crate::place::Place::postgres().await {
                    super::$name(&place).await;
                }
            })+
        }
    };
}

use in_both_stores;
