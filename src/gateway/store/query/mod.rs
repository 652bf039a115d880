//! The query store, as rows in SQLite or PostgreSQL.
//!
//! An event is a row of `event`, its JSON one of `document`, and each of its facts one of `fact`, which is read by event (its primary
//! key) and by value (its index). Everything that a condition asks is one comparison of bytes in that index. `find` decides which way a
//! query goes, `append` writes a block, `master` has the master data. One generator of statements serves both databases (`sql`);
//! `sqlite` and `postgres` run them.
//!
//! `seq` is an event's leaf and its position in it, as one number. So the order of events is that of the ledger, a page's end is found
//! without a look-up, and a store that was made again has the same numbers.

mod append;
mod conditions;
mod find;
mod master;
mod postgres;
mod session;
mod sql;
mod sqlite;
mod values;
mod walk;

use std::sync::Arc;

use sealane_core::block::Height;
use sealane_core::epcis::query::{EventQuery, Field, MasterQuestion};
use sealane_core::hash::Hash;
use sealane_core::merkle::{LeafIndex, TreeSize};
use sealane_core::time::Timestamp;

use crate::gateway::query::store::{
    Cursor, FindError, FoundPage, IndexedBlock, KnownPage, MasterFilter, POSITION_MAX, PageEnd, PageRequest,
    QueryStore, QueryStoreError,
};
use find::Meter;
use session::{Database, Session, corrupt, of_store};
use sql::Dialect;

pub use find::FindBounds;
pub use postgres::{Connect, PostgresDatabase, PostgresQueryStore};
pub use sqlite::{SqliteDatabase, SqliteQueryStore};

/// Positions that a leaf has room for, far above the events of a capture.
const POSITIONS: u64 = POSITION_MAX as u64 + 1;

/// All tables. Readers lock one of `field`, `cursor` and `element` first, so that to lock them in this order waits for readers, and never
/// both for each other.
const TABLES: [&str; 10] =
    ["field", "fact", "event", "document", "context", "repeat", "cursor", "element", "attribute", "child"];

/// Events in the tables of a database.
pub struct RowStore<D> {
    database: Arc<D>,
    bounds: FindBounds,
}

impl<D> RowStore<D> {
    fn new(database: D) -> Self {
        Self { database: Arc::new(database), bounds: FindBounds::default() }
    }

    /// The same store, with other bounds.
    pub fn bounded(&self, bounds: FindBounds) -> Self {
        Self { database: Arc::clone(&self.database), bounds }
    }
}

impl<D: Database> QueryStore for RowStore<D> {
    fn cursor(&self) -> Result<Option<Cursor>, QueryStoreError> {
        self.database.read(append::cursor).map_err(of_store)
    }

    fn append(&self, block: IndexedBlock) -> Result<(), QueryStoreError> {
        self.database.write(|session| append::append(session, &block))
    }

    fn clear(&self) -> Result<(), QueryStoreError> {
        self.database.write(|session| match session.dialect() {
            // Removing rows one by one would leave all of them to be swept up.
            Dialect::Postgres => {
                let sql = session.sql(&format!("TRUNCATE {}", TABLES.join(", ")));
                session.execute(sql)
            }
            Dialect::Sqlite => TABLES.iter().try_for_each(|table| {
                let sql = session.sql(&format!("DELETE FROM {table}"));
                session.execute(sql)
            }),
        })
    }

    fn find(&self, query: &EventQuery, page: &PageRequest) -> Result<FoundPage, FindError> {
        self.database.read(|session| find::page(session, Meter::start(self.bounds), query, page))
    }

    fn count(&self, query: &EventQuery, after: Option<&PageEnd>, size: TreeSize, limit: u64) -> Result<u64, FindError> {
        self.database.read(|session| find::count(session, Meter::start(self.bounds), query, (after, size), limit))
    }

    fn values(&self, fields: &[Field], after: Option<&str>, limit: u32) -> Result<Vec<String>, QueryStoreError> {
        self.database.read(|session| values::values(session, fields, after, limit)).map_err(of_store)
    }

    fn master_ids(&self, question: &MasterQuestion, limit: usize) -> Result<Vec<String>, QueryStoreError> {
        self.database.read(|session| master::ids(session, question, limit)).map_err(of_store)
    }

    fn master_data(&self, filter: &MasterFilter) -> Result<KnownPage, QueryStoreError> {
        self.database.read(|session| master::elements(session, filter)).map_err(of_store)
    }
}

/// The number of an event by its place; `None` of a leaf so far out that no ledger has it.
fn seq_of(leaf: LeafIndex, position: u32) -> Option<i64> {
    let position = u64::from(position);
    let seq = leaf.get().checked_mul(POSITIONS)?.checked_add(position)?;
    i64::try_from(seq).ok().filter(|_| position < POSITIONS)
}

/// The first number behind the leaves before a size.
fn seq_end(size: TreeSize) -> i64 {
    size.get().checked_mul(POSITIONS).and_then(|seq| i64::try_from(seq).ok()).unwrap_or(i64::MAX)
}

fn place_of(seq: i64) -> Result<(LeafIndex, u32), QueryStoreError> {
    let seq = u64::try_from(seq).map_err(corrupt)?;
    let position = u32::try_from(seq % POSITIONS).map_err(corrupt)?;
    Ok((leaf(seq / POSITIONS)?, position))
}

fn leaf(number: impl TryInto<u64>) -> Result<LeafIndex, QueryStoreError> {
    let number = number.try_into().map_err(|_| corrupt("a negative leaf"))?;
    LeafIndex::try_from(number).map_err(corrupt)
}

fn row_number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn time(millis: i64) -> Result<Timestamp, QueryStoreError> {
    Timestamp::from_millis(millis).ok_or_else(|| corrupt(format!("{millis} is no time")))
}

fn height(number: i64) -> Result<Height, QueryStoreError> {
    Height::new(u64::try_from(number).map_err(corrupt)?).map_err(corrupt)
}

fn hash(bytes: &[u8]) -> Result<Hash, QueryStoreError> {
    Hash::from_slice(bytes).ok_or_else(|| corrupt("a digest that has not 32 bytes"))
}
