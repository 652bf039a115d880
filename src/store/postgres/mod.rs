//! PostgreSQL: one connection that writes and holds the lease, a pool that reads.
//!
//! Reading goes through diesel. Writing goes through the driver below it, which copies rows in bulk and tells the
//! server's error codes; diesel-async does neither.

mod address;
mod bulk;
mod connect;
mod lease;
mod migrations;
mod open_error;
mod queries;
mod requests;
mod tls;
mod writer;

use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use diesel::prelude::*;
use diesel::result::ConnectionError;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use rustls::pki_types::CertificateDer;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::ports::{
    Admission, Derived, LeafContent, LedgerStore, NewBlock, PendingRequest, PlacedRecord, RequestFilter, RowCounts,
    StoreError, StoredBlock, StoredLeaf, WaitingRoom,
};
use crate::store::queries::postgres as built;
use crate::store::rows::{LeafRow, content_number, into_tile, to_sql};
use crate::store::schema::{leaves, long_statements};
use sealane_core::block::Height;
use sealane_core::consortium::ParticipantId;
use sealane_core::hash::Hash;
use sealane_core::merkle::{LeafIndex, TileId};

use connect::Connector;
use open_error::of_read;
use queries::Blocks;
use writer::Writer;

pub use address::{DatabaseUrl, DatabaseUrlError};
pub use open_error::PostgresOpenError;

/// Readers that work at once. A server allows a hundred connections unless it is told otherwise.
const READERS_MAX: usize = 8;

/// How long a query waits for a reader, and for a connection to be made.
const READER_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a ledger is kept, and by whose certificates the server is checked.
#[derive(Debug, Clone)]
pub struct Server {
    pub url: DatabaseUrl,
    /// Trusted instead of the system's authorities.
    pub authorities: Option<Vec<CertificateDer<'static>>>,
}

/// The way to a database for others who keep tables of their own there.
#[derive(Clone)]
pub struct PostgresConnections(Connector);

impl PostgresConnections {
    /// Prepares it. Called on the runtime that is to carry the connections.
    pub fn new(server: &Server) -> Result<Self, PostgresOpenError> {
        connector(server).map(Self)
    }

    /// Makes a connection, of which everything is as the server has it by default but for what a node sets for all its sessions.
    pub async fn connect(&self) -> Result<AsyncPgConnection, PostgresOpenError> {
        self.0.reader().await
    }
}

/// A ledger in one PostgreSQL database.
#[derive(Clone)]
pub struct PostgresStore {
    readers: Readers,
    writer: Option<Writer>,
}

/// How readers see the ledger.
#[derive(Clone)]
enum Readers {
    /// Each query as of its own moment.
    Live(Pool<AsyncPgConnection>),
    /// All of them as of one moment: one connection, whose transaction never ends.
    Snapshot(Arc<Mutex<AsyncPgConnection>>),
}

/// A connection to read from, for one call.
#[expect(clippy::large_enum_variant, reason = "one is made for each query, and never kept")]
enum Reader {
    Pooled(Object<AsyncPgConnection>),
    Snapshot(OwnedMutexGuard<AsyncPgConnection>),
}

impl PostgresStore {
    /// Makes the tables in an empty database, or brings those that are there up to this program's version, and takes the
    /// lease. `holder` says to people who has it.
    pub async fn create(server: &Server, holder: &str) -> Result<Self, PostgresOpenError> {
        let connector = connector(server)?;
        let mut connection = connector.reader().await?;
        migrations::check_encoding(&mut connection, &connector.database()).await?;
        let writer = Writer::migrate(connector.clone(), holder).await?;
        migrations::check(&mut connection, &connector.database()).await?;
        Ok(Self { readers: Readers::Live(pool(connector)?), writer: Some(writer) })
    }

    /// Applies the migrations that the tables of an older version lack.
    pub async fn migrate(server: &Server, holder: &str) -> Result<(), PostgresOpenError> {
        let connector = connector(server)?;
        let database = connector.database();
        if !migrations::is_there(&mut connector.reader().await?, &database).await? {
            return Err(PostgresOpenError::Missing { database });
        }
        Self::create(server, holder).await.map(drop)
    }

    /// Opens a ledger whose migrations are exactly this program's, and takes the lease.
    pub async fn open(server: &Server, holder: &str) -> Result<Self, PostgresOpenError> {
        let connector = connector(server)?;
        let mut connection = connector.reader().await?;
        migrations::check(&mut connection, &connector.database()).await?;
        migrations::check_encoding(&mut connection, &connector.database()).await?;
        migrations::warn_of_lost_writes(&mut connection, &connector.database()).await?;
        let writer = Writer::open(connector.clone(), holder).await?;
        Ok(Self { readers: Readers::Live(pool(connector)?), writer: Some(writer) })
    }

    /// Opens a ledger to read it as of now, however it grows meanwhile. Takes no lease: a node may be writing it.
    pub async fn open_snapshot(server: &Server) -> Result<Self, PostgresOpenError> {
        let connector = connector(server)?;
        let mut connection = connector.reader().await?;
        let begun = connection.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await;
        begun.map_err(|error| PostgresOpenError::Unusable {
            database: connector.database(),
            reason: error.to_string(),
        })?;
        // The server takes the snapshot at the transaction's first query, which this is.
        migrations::check(&mut connection, &connector.database()).await?;
        Ok(Self { readers: Readers::Snapshot(Arc::new(Mutex::new(connection))), writer: None })
    }

    async fn reader(&self) -> Result<Reader, StoreError> {
        match &self.readers {
            Readers::Live(pool) => {
                let unavailable = |error: &dyn std::fmt::Display| StoreError::Unavailable(error.to_string());
                pool.get().await.map(Reader::Pooled).map_err(|error| match error {
                    deadpool::managed::PoolError::Backend(error) => unavailable(&error),
                    other => unavailable(&other),
                })
            }
            Readers::Snapshot(connection) => Ok(Reader::Snapshot(Arc::clone(connection).lock_owned().await)),
        }
    }

    fn writer(&self) -> Result<&Writer, StoreError> {
        self.writer.as_ref().ok_or_else(|| StoreError::Refused("it was opened for reading alone".to_owned()))
    }
}

impl Deref for Reader {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        match self {
            Reader::Pooled(connection) => connection,
            Reader::Snapshot(connection) => connection,
        }
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        match self {
            Reader::Pooled(connection) => connection,
            Reader::Snapshot(connection) => connection,
        }
    }
}

fn connector(server: &Server) -> Result<Connector, PostgresOpenError> {
    Connector::new(server.url.clone(), server.authorities.as_deref())
}

/// Readers that connect when they are needed, and anew when their connection was lost.
fn pool(connector: Connector) -> Result<Pool<AsyncPgConnection>, PostgresOpenError> {
    let database = connector.database();
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |_| {
        let connector = connector.clone();
        Box::pin(
            async move { connector.reader().await.map_err(|error| ConnectionError::BadConnection(error.to_string())) },
        )
    });
    Pool::builder(AsyncDieselConnectionManager::new_with_config("", config))
        .max_size(READERS_MAX)
        .runtime(deadpool::Runtime::Tokio1)
        .wait_timeout(Some(READER_TIMEOUT))
        .create_timeout(Some(READER_TIMEOUT))
        .build()
        .map_err(|error| PostgresOpenError::Unusable { database, reason: error.to_string() })
}

#[async_trait]
impl LedgerStore for PostgresStore {
    async fn append(&self, block: NewBlock) -> Result<(), StoreError> {
        self.writer()?.write(|session| Box::pin(async move { session.append(&block).await })).await
    }

    async fn tip(&self) -> Result<Option<StoredBlock>, StoreError> {
        Ok(self.last_blocks(1).await?.pop())
    }

    async fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError> {
        Ok(queries::blocks(&mut *self.reader().await?, Blocks::At(height.get())).await?.pop())
    }

    async fn last_blocks(&self, limit: u32) -> Result<Vec<StoredBlock>, StoreError> {
        queries::blocks(&mut *self.reader().await?, Blocks::Last(limit)).await
    }

    async fn blocks_of(&self, indices: Vec<LeafIndex>) -> Result<Vec<StoredBlock>, StoreError> {
        queries::blocks_of(&mut *self.reader().await?, &indices).await
    }

    async fn leaf(&self, index: LeafIndex) -> Result<Option<StoredLeaf>, StoreError> {
        Ok(self.leaves_at(vec![index]).await?.pop())
    }

    async fn leaves(&self, range: Range<u64>) -> Result<Vec<StoredLeaf>, StoreError> {
        let rows: Vec<LeafRow> = leaves::table
            .filter(leaves::leaf_index.ge(to_sql(range.start)).and(leaves::leaf_index.lt(to_sql(range.end))))
            .order(leaves::leaf_index)
            .load(&mut *self.reader().await?)
            .await
            .map_err(of_read)?;
        rows.into_iter().map(LeafRow::into_leaf).collect()
    }

    async fn leaves_at(&self, indices: Vec<LeafIndex>) -> Result<Vec<StoredLeaf>, StoreError> {
        let wanted: Vec<i64> = indices.iter().map(|index| to_sql(index.get())).collect();
        let rows: Vec<LeafRow> = leaves::table
            .filter(leaves::leaf_index.eq_any(wanted))
            .order(leaves::leaf_index)
            .load(&mut *self.reader().await?)
            .await
            .map_err(of_read)?;
        rows.into_iter().map(LeafRow::into_leaf).collect()
    }

    async fn leaves_with(
        &self,
        content: LeafContent,
        first: LeafIndex,
        limit: u32,
    ) -> Result<Vec<StoredLeaf>, StoreError> {
        let rows: Vec<LeafRow> = leaves::table
            .filter(leaves::content.eq(content_number(content)).and(leaves::leaf_index.ge(to_sql(first.get()))))
            .order(leaves::leaf_index)
            .limit(i64::from(limit))
            .load(&mut *self.reader().await?)
            .await
            .map_err(of_read)?;
        rows.into_iter().map(LeafRow::into_leaf).collect()
    }

    async fn long_statement(&self, hash: Hash) -> Result<Option<Vec<u8>>, StoreError> {
        long_statements::table
            .find(hash.as_bytes().to_vec())
            .select(long_statements::bytes)
            .first(&mut *self.reader().await?)
            .await
            .optional()
            .map_err(of_read)
    }

    async fn tiles(&self, tiles: Vec<TileId>) -> Result<Vec<(TileId, Vec<Hash>)>, StoreError> {
        queries::tiles(&mut *self.reader().await?, tiles).await
    }

    async fn tiles_after(&self, after: Option<(u8, u64)>, limit: u32) -> Result<Vec<(TileId, Vec<Hash>)>, StoreError> {
        let rows: Vec<(i32, i64, Vec<u8>)> =
            built::tiles_query(after, limit).load(&mut *self.reader().await?).await.map_err(of_read)?;
        rows.into_iter().map(into_tile).collect()
    }

    async fn records(&self, leaves: Vec<LeafIndex>) -> Result<Vec<PlacedRecord>, StoreError> {
        queries::records(&mut *self.reader().await?, &leaves).await
    }

    async fn records_from(
        &self,
        first: LeafIndex,
        limit: u32,
        bytes_max: usize,
    ) -> Result<Vec<PlacedRecord>, StoreError> {
        queries::records_from(&mut *self.reader().await?, first, limit, bytes_max).await
    }

    async fn add_request(&self, request: PendingRequest, room: WaitingRoom) -> Result<Admission, StoreError> {
        self.writer()?.write(move |session| Box::pin(async move { session.add_request(&request, room).await })).await
    }

    async fn reject_request(&self, participant: &ParticipantId, reason: String) -> Result<(), StoreError> {
        let id = *participant;
        self.writer()?.write(move |session| Box::pin(async move { session.reject_request(&id, &reason).await })).await
    }

    async fn forget_request(&self, participant: &ParticipantId) -> Result<(), StoreError> {
        let id = *participant;
        self.writer()?.write(move |session| Box::pin(async move { session.forget_request(&id).await })).await
    }

    async fn requests(&self) -> Result<Vec<PendingRequest>, StoreError> {
        requests::all(&mut *self.reader().await?).await
    }

    async fn requests_page(&self, filter: RequestFilter) -> Result<Vec<PendingRequest>, StoreError> {
        requests::page(&mut *self.reader().await?, filter).await
    }

    async fn request(&self, participant: &ParticipantId) -> Result<Option<PendingRequest>, StoreError> {
        requests::of(&mut *self.reader().await?, participant).await
    }

    async fn row_counts(&self) -> Result<RowCounts, StoreError> {
        queries::row_counts(&mut *self.reader().await?).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.reader().await?.batch_execute("SELECT 1").await.map_err(of_read)
    }

    async fn probe_write(&self) -> Result<(), StoreError> {
        self.writer()?.write(|session| Box::pin(async move { session.probe_write().await })).await
    }

    async fn self_check(&self) -> Result<Vec<String>, StoreError> {
        queries::self_check(&mut *self.reader().await?).await
    }

    async fn clear_derived(&self) -> Result<(), StoreError> {
        self.writer()?.write(|session| Box::pin(async move { session.clear_derived().await })).await
    }

    async fn add_derived(&self, derived: Derived) -> Result<(), StoreError> {
        self.writer()?.write(|session| Box::pin(async move { session.add_derived(&derived).await })).await
    }
}
