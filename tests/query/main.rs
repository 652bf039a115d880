//! What every query store must do, asked of SQLite and of PostgreSQL: one suite over both, and random queries held against the query
//! language itself.
//!
//! PostgreSQL is asked where `SEALANE_TEST_POSTGRES` names a server, as for the tests of the ledger's store. `SEALANE_QUERIES` is the
//! number of random queries, 2,000 if not told. `SEALANE_QUERY_EVENTS` has the store filled with so many events and its speed told.

#[path = "../store/database.rs"]
#[allow(dead_code, reason = "shared with the tests of the ledger's store, which use more of it")]
mod database;
mod documents;
mod events;
mod master;
mod oracle;
mod pace;
mod place;
mod questions;
mod xml;

/// Runs each test of a module against an empty store in both databases.
macro_rules! in_both_stores {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                super::$name(&*crate::place::sqlite());
            })+
        }

        mod postgres {
            $(#[test]
            fn $name() {
                if let Some(place) = crate::place::postgres() {
                    super::$name(&*place);
                }
            })+
        }
    };
}

use in_both_stores;
