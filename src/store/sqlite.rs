//! SQLite inside the data directory: one writer, several readers, WAL, every commit flushed to disk.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool, PooledConnection};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::Text;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::ports::{
    Admission, Derived, LeafContent, LedgerStore, NewBlock, PendingRequest, PlacedRecord, RequestFilter, RowCounts,
    StoreError, StoredBlock, StoredLeaf, WaitingRoom,
};
use crate::store::WRITE_PROBE_BYTES;
use crate::store::pending;
use crate::store::queries::sqlite as built;
use crate::store::rows::{
    BlockRow, LeafRow, RecordRow, content_number, from_sql, into_tile, not_next, tile_hashes, to_sql,
};
use crate::store::schema::{blocks, leaves, long_statements, records, tiles, write_probe};
use crate::store::sqlite::log::LogMover;
use sealane_core::block::Height;
use sealane_core::consortium::ParticipantId;
use sealane_core::hash::Hash;
use sealane_core::merkle::{self, LeafIndex, TileId};

mod archive;
mod log;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Readers that work at once. SQLite reads in WAL mode without waiting for the writer; more than cores is no gain.
const READERS_MAX: u32 = 8;

/// Memory that the writer may keep pages of the file in, in KiB. It writes at the ends of tables alone, so few are needed.
const WRITER_CACHE_KIB: u32 = 8 * 1024;

/// What any transaction adds to the log, however little it writes: a page of 4 KiB of each table and index it changes.
const PAGES_OF_ANY_WRITE: usize = 32 * 1024;

/// Values that one IN list carries, far below SQLite's 32,766 parameters.
const VALUES_PER_QUERY: usize = 1_000;

/// The database file cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum SqliteOpenError {
    #[error("no ledger at {}: bring it back with `sealane restore --from BACKUP`; `sealane init` in a new directory begins another ledger", path.display())]
    Missing { path: PathBuf },
    #[error("the ledger at {} was made by a newer sealane (migration {version}); run that version or a later one", path.display())]
    Newer { path: PathBuf, version: String },
    #[error("the ledger at {} is behind this program by {} ({}); run `sealane init --migrate` with the same --data", path.display(), pending.len(), pending.join(", "))]
    Behind { path: PathBuf, pending: Vec<String> },
    #[error("the ledger at {} cannot be opened: {reason}", path.display())]
    Unusable { path: PathBuf, reason: String },
}

/// A ledger in one SQLite file.
#[derive(Clone)]
pub struct SqliteStore {
    readers: Pool<ConnectionManager<SqliteConnection>>,
    writer: Arc<Mutex<SqliteConnection>>,
    /// `None` for a store that is only read.
    log: Option<Arc<LogMover>>,
    /// The one connection of a snapshot.
    snapshot: Option<Arc<Mutex<SnapshotConnection>>>,
}

/// A reader with a transaction open, which is closed before another reads with it.
struct SnapshotConnection(PooledConnection<ConnectionManager<SqliteConnection>>);

impl Drop for SnapshotConnection {
    fn drop(&mut self) {
        if let Err(error) = AnsiTransactionManager::rollback_transaction(&mut *self.0) {
            // The pool notices a connection whose transaction is still open, and closes it.
            tracing::warn!(%error, "a snapshot could not be closed");
        }
    }
}

/// How readers see the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readers {
    /// Each query as of its own moment.
    Live,
    /// All of them as of one moment: one connection, whose transaction never ends.
    Snapshot,
}

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for Readers {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        let mut setup = "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA query_only = ON;".to_owned();
        if *self == Readers::Snapshot {
            // SQLite takes the snapshot at the transaction's first read.
            setup.push_str("BEGIN; SELECT count(*) FROM sqlite_schema;");
        }
        connection.batch_execute(&setup).map_err(diesel::r2d2::Error::QueryError)
    }
}

impl SqliteStore {
    /// Makes the file and applies every migration.
    pub fn create(path: &Path) -> Result<Self, SqliteOpenError> {
        let mut writer = connect(path)?;
        writer.run_pending_migrations(MIGRATIONS).map_err(|error| unusable(path, &error))?;
        Self::with_writer(path, writer, Readers::Live)
    }

    /// Applies the migrations that a file of an older version lacks.
    pub fn migrate(path: &Path) -> Result<(), SqliteOpenError> {
        if path.exists() {
            Self::create(path).map(drop)
        } else {
            Err(SqliteOpenError::Missing { path: path.to_owned() })
        }
    }

    /// Opens a file whose migrations are exactly this program's.
    pub fn open(path: &Path) -> Result<Self, SqliteOpenError> {
        Self::open_with(path, Readers::Live)
    }

    /// Opens a file as `open` does, to read it as of now, however it grows meanwhile.
    pub fn open_snapshot(path: &Path) -> Result<Self, SqliteOpenError> {
        Self::open_with(path, Readers::Snapshot)
    }

    fn open_with(path: &Path, readers: Readers) -> Result<Self, SqliteOpenError> {
        if !path.exists() {
            return Err(SqliteOpenError::Missing { path: path.to_owned() });
        }
        let mut writer = connect(path)?;
        check_migrations(path, &mut writer)?;
        Self::with_writer(path, writer, readers)
    }

    fn with_writer(path: &Path, writer: SqliteConnection, kind: Readers) -> Result<Self, SqliteOpenError> {
        let pool = match kind {
            Readers::Live => Pool::builder().max_size(READERS_MAX),
            Readers::Snapshot => Pool::builder().max_size(1).max_lifetime(None).idle_timeout(None),
        };
        let readers = pool
            .min_idle(Some(1))
            // A connection to a file does not go away by itself; to ask each time would cost more than many an answer.
            .test_on_check_out(false)
            .connection_customizer(Box::new(kind))
            .build(ConnectionManager::new(path.to_string_lossy()))
            .map_err(|error| unusable(path, &error))?;
        let writer = Arc::new(Mutex::new(writer));
        let log = match kind {
            Readers::Live => Some(Arc::new(LogMover::start(path, &writer)?)),
            Readers::Snapshot => None,
        };
        Ok(Self { readers, writer, log, snapshot: None })
    }

    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut SqliteConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if let Some(snapshot) = &self.snapshot {
            return query(&mut snapshot.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).0);
        }
        let readers = self.readers.clone();
        blocking(move || {
            let mut connection = readers.get().map_err(|error| StoreError::Unavailable(error.to_string()))?;
            query(&mut connection)
        })
        .await
    }

    /// Changes rows in one transaction, of some `bytes`, and returns when they are on the disk.
    async fn write<T: Send + 'static>(
        &self,
        bytes: usize,
        change: impl FnOnce(&mut SqliteConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let writer = Arc::clone(&self.writer);
        let written = blocking(move || {
            // A panic while writing rolled its transaction back; the connection itself is whole.
            let mut connection = writer.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            connection.immediate_transaction(|connection| change(connection).map_err(Rollback)).map_err(|error| error.0)
        })
        .await;
        if let Some(log) = &self.log {
            log.wrote(bytes + PAGES_OF_ANY_WRITE);
        }
        written
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Unavailable(error.to_string()))?
}

fn unusable(path: &Path, reason: &impl ToString) -> SqliteOpenError {
    SqliteOpenError::Unusable { path: path.to_owned(), reason: reason.to_string() }
}

fn connect(path: &Path) -> Result<SqliteConnection, SqliteOpenError> {
    let mut connection =
        SqliteConnection::establish(&path.to_string_lossy()).map_err(|error| unusable(path, &error))?;
    connection
        .batch_execute(&format!(
            "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA cache_size = -{WRITER_CACHE_KIB}; PRAGMA wal_autocheckpoint = 0;"
        ))
        .map_err(|error| unusable(path, &error))?;
    Ok(connection)
}

fn check_migrations(path: &Path, connection: &mut SqliteConnection) -> Result<(), SqliteOpenError> {
    let applied = connection.applied_migrations().map_err(|error| unusable(path, &error))?;
    let known: Vec<String> = diesel::migration::MigrationSource::<diesel::sqlite::Sqlite>::migrations(&MIGRATIONS)
        .map_err(|error| unusable(path, &error))?
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    if let Some(newer) = applied.iter().map(ToString::to_string).find(|version| !known.contains(version)) {
        return Err(SqliteOpenError::Newer { path: path.to_owned(), version: newer });
    }
    let pending: Vec<String> = connection
        .pending_migrations(MIGRATIONS)
        .map_err(|error| unusable(path, &error))?
        .iter()
        .map(|migration| migration.name().to_string())
        .collect();
    if pending.is_empty() { Ok(()) } else { Err(SqliteOpenError::Behind { path: path.to_owned(), pending }) }
}

/// Carries a `StoreError` through diesel's transaction, which wants to make errors of its own.
struct Rollback(StoreError);

impl From<DieselError> for Rollback {
    fn from(error: DieselError) -> Self {
        Self(error.into())
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        let text = error.to_string();
        match error {
            _ if text.contains("disk is full") => StoreError::Full,
            _ if text.contains("readonly database") => StoreError::Refused(text),
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => StoreError::Corrupt(text),
            DieselError::DeserializationError(_) => StoreError::Corrupt(text),
            _ if text.contains("malformed") || text.contains("not a database") => StoreError::Corrupt(text),
            _ => StoreError::Unavailable(text),
        }
    }
}

#[derive(QueryableByName)]
struct Integrity {
    #[diesel(sql_type = Text)]
    integrity_check: String,
}

#[async_trait]
impl LedgerStore for SqliteStore {
    async fn snapshot(&self) -> Result<Option<Arc<dyn LedgerStore>>, StoreError> {
        let mut connection = self.readers.get().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        AnsiTransactionManager::begin_transaction(&mut *connection)?;
        let snapshot = Some(Arc::new(Mutex::new(SnapshotConnection(connection))));
        Ok(Some(Arc::new(Self { snapshot, ..self.clone() })))
    }

    async fn append(&self, block: NewBlock) -> Result<(), StoreError> {
        let leaves = block.leaves.iter().map(|leaf| leaf.bytes.len()).sum::<usize>();
        let long = block.long_statements.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        let bytes = leaves + long + bytes_of(&block.tiles, &block.records);
        self.write(bytes, move |connection| {
            for leaf in &block.leaves {
                let row = (
                    leaves::leaf_index.eq(to_sql(leaf.index.get())),
                    leaves::content.eq(content_number(leaf.content)),
                    leaves::bytes.eq(&leaf.bytes),
                );
                diesel::insert_into(leaves::table).values(row).execute(connection)?;
            }
            for (hash, bytes) in &block.long_statements {
                diesel::insert_into(long_statements::table)
                    .values((long_statements::hash.eq(&hash.as_bytes()[..]), long_statements::bytes.eq(bytes)))
                    .on_conflict_do_nothing()
                    .execute(connection)?;
            }
            insert_derived(connection, &block.tiles, &block.records)?;
            let row = BlockRow::new(&block.block)?;
            let last: Option<i64> = blocks::table.select(max(blocks::height)).first(connection)?;
            if row.height != last.map_or(0, |last| last + 1) {
                return Err(not_next(row.height));
            }
            diesel::insert_into(blocks::table).values(row).execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn tip(&self) -> Result<Option<StoredBlock>, StoreError> {
        Ok(self.last_blocks(1).await?.pop())
    }

    async fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError> {
        self.read(move |connection| {
            let rows = block_rows().filter(blocks::height.eq(to_sql(height.get()))).load(connection)?;
            Ok(into_blocks(rows)?.pop())
        })
        .await
    }

    async fn last_blocks(&self, limit: u32) -> Result<Vec<StoredBlock>, StoreError> {
        self.read(move |connection| {
            let rows = block_rows().order(blocks::height.desc()).limit(i64::from(limit)).load(connection)?;
            into_blocks(rows)
        })
        .await
    }

    async fn blocks_of(&self, indices: Vec<LeafIndex>) -> Result<Vec<StoredBlock>, StoreError> {
        self.read(move |connection| {
            let mut found = Vec::with_capacity(indices.len());
            for index in indices {
                let rows = block_rows()
                    .filter(blocks::tree_size.gt(to_sql(index.get())))
                    .order(blocks::tree_size.asc())
                    .limit(1)
                    .load(connection)?;
                found.extend(into_blocks(rows)?);
            }
            Ok(found)
        })
        .await
    }

    async fn leaf(&self, index: LeafIndex) -> Result<Option<StoredLeaf>, StoreError> {
        self.read(move |connection| {
            let row: Option<LeafRow> = leaves::table.find(to_sql(index.get())).get_result(connection).optional()?;
            row.map(LeafRow::into_leaf).transpose()
        })
        .await
    }

    async fn leaves(&self, range: Range<u64>) -> Result<Vec<StoredLeaf>, StoreError> {
        self.read(move |connection| {
            let rows: Vec<LeafRow> = leaves::table
                .filter(leaves::leaf_index.ge(to_sql(range.start)).and(leaves::leaf_index.lt(to_sql(range.end))))
                .order(leaves::leaf_index)
                .load(connection)?;
            rows.into_iter().map(LeafRow::into_leaf).collect()
        })
        .await
    }

    async fn leaves_at(&self, indices: Vec<LeafIndex>) -> Result<Vec<StoredLeaf>, StoreError> {
        self.read(move |connection| {
            let mut found = Vec::with_capacity(indices.len());
            for chunk in indices.chunks(VALUES_PER_QUERY) {
                let wanted: Vec<i64> = chunk.iter().map(|index| to_sql(index.get())).collect();
                let rows: Vec<LeafRow> = leaves::table
                    .filter(leaves::leaf_index.eq_any(wanted))
                    .order(leaves::leaf_index)
                    .load(connection)?;
                for row in rows {
                    found.push(row.into_leaf()?);
                }
            }
            Ok(found)
        })
        .await
    }

    async fn leaves_with(
        &self,
        content: LeafContent,
        first: LeafIndex,
        limit: u32,
    ) -> Result<Vec<StoredLeaf>, StoreError> {
        self.read(move |connection| {
            let rows: Vec<LeafRow> = leaves::table
                .filter(leaves::content.eq(content_number(content)).and(leaves::leaf_index.ge(to_sql(first.get()))))
                .order(leaves::leaf_index)
                .limit(i64::from(limit))
                .load(connection)?;
            rows.into_iter().map(LeafRow::into_leaf).collect()
        })
        .await
    }

    async fn long_statement(&self, hash: Hash) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(move |connection| {
            let key = hash.as_bytes().to_vec();
            Ok(long_statements::table.find(key).select(long_statements::bytes).get_result(connection).optional()?)
        })
        .await
    }

    async fn tiles(&self, wanted: Vec<TileId>) -> Result<Vec<(TileId, Vec<Hash>)>, StoreError> {
        self.read(move |connection| {
            let mut found = Vec::with_capacity(wanted.len());
            for tile in wanted {
                let (level, index) = (i32::from(tile.level()), to_sql(tile.index()));
                let row: Option<Vec<u8>> =
                    tiles::table.find((level, index)).select(tiles::hashes).get_result(connection).optional()?;
                let hashes = row.map(|row| tile_hashes(&row, level, index, Some(tile.width()))).transpose()?;
                found.extend(hashes.flatten().map(|hashes| (tile, hashes)));
            }
            Ok(found)
        })
        .await
    }

    async fn tiles_after(&self, after: Option<(u8, u64)>, limit: u32) -> Result<Vec<(TileId, Vec<Hash>)>, StoreError> {
        self.read(move |connection| {
            let rows: Vec<(i32, i64, Vec<u8>)> = built::tiles_query(after, limit).load(connection)?;
            rows.into_iter().map(into_tile).collect()
        })
        .await
    }

    async fn records(&self, leaves: Vec<LeafIndex>) -> Result<Vec<PlacedRecord>, StoreError> {
        self.read(move |connection| {
            let mut found = Vec::with_capacity(leaves.len());
            for leaf in leaves {
                // Not `first`, here and wherever a row is found by its key: it binds a LIMIT, and SQLite compiles a query
                // with one anew each time.
                let row: Option<RecordRow> =
                    records::table.find(to_sql(leaf.get())).get_result(connection).optional()?;
                found.extend(row.map(RecordRow::into_record).transpose()?);
            }
            Ok(found)
        })
        .await
    }

    async fn records_from(
        &self,
        first: LeafIndex,
        limit: u32,
        bytes_max: usize,
    ) -> Result<Vec<PlacedRecord>, StoreError> {
        self.read(move |connection| {
            let rows = records::table
                .filter(records::leaf_index.ge(to_sql(first.get())))
                .order(records::leaf_index)
                .limit(i64::from(limit))
                .load_iter::<RecordRow, _>(connection)?;
            let (mut found, mut bytes) = (Vec::new(), 0);
            for row in rows {
                let record = row?.into_record()?;
                bytes += record.record.as_bytes().len();
                found.push(record);
                if bytes >= bytes_max {
                    break;
                }
            }
            Ok(found)
        })
        .await
    }

    async fn add_request(&self, request: PendingRequest, room: WaitingRoom) -> Result<Admission, StoreError> {
        self.write(0, move |connection| pending::add(connection, &request, room)).await
    }

    async fn reject_request(&self, participant: &ParticipantId, reason: String) -> Result<(), StoreError> {
        let participant = *participant;
        self.write(0, move |connection| pending::reject(connection, &participant, &reason)).await
    }

    async fn forget_request(&self, participant: &ParticipantId) -> Result<(), StoreError> {
        let participant = *participant;
        self.write(0, move |connection| pending::forget(connection, &participant)).await
    }

    async fn requests(&self) -> Result<Vec<PendingRequest>, StoreError> {
        self.read(pending::all).await
    }

    async fn requests_page(&self, filter: RequestFilter) -> Result<Vec<PendingRequest>, StoreError> {
        self.read(move |connection| pending::page(connection, filter)).await
    }

    async fn request(&self, participant: &ParticipantId) -> Result<Option<PendingRequest>, StoreError> {
        let participant = *participant;
        self.read(move |connection| pending::of(connection, &participant)).await
    }

    async fn row_counts(&self) -> Result<RowCounts, StoreError> {
        self.read(|connection| {
            let rows = |count: i64| from_sql(count, "a number of rows");
            Ok(RowCounts {
                leaves: rows(leaves::table.count().get_result(connection)?)?,
                long_statements: rows(long_statements::table.count().get_result(connection)?)?,
                blocks: rows(blocks::table.count().get_result(connection)?)?,
                tiles: rows(tiles::table.count().get_result(connection)?)?,
                records: rows(records::table.count().get_result(connection)?)?,
            })
        })
        .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read(|connection| Ok(connection.batch_execute("SELECT 1")?)).await
    }

    async fn probe_write(&self) -> Result<(), StoreError> {
        self.write(WRITE_PROBE_BYTES, |connection| {
            let row = (write_probe::one_row.eq(true), write_probe::bytes.eq(vec![0; WRITE_PROBE_BYTES]));
            diesel::replace_into(write_probe::table).values(row).execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn self_check(&self) -> Result<Vec<String>, StoreError> {
        self.read(|connection| {
            let rows: Vec<Integrity> = diesel::sql_query("PRAGMA integrity_check").load(connection)?;
            Ok(rows.into_iter().map(|row| row.integrity_check).filter(|line| line != "ok").collect())
        })
        .await
    }

    async fn clear_derived(&self) -> Result<(), StoreError> {
        self.write(0, |connection| {
            diesel::delete(tiles::table).execute(connection)?;
            diesel::delete(records::table).execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn add_derived(&self, derived: Derived) -> Result<(), StoreError> {
        self.write(bytes_of(&derived.tiles, &derived.records), move |connection| {
            insert_derived(connection, &derived.tiles, &derived.records)
        })
        .await
    }
}

/// Bytes of rows that can be made again from the leaves.
fn bytes_of(tiles: &[(TileId, Vec<Hash>)], records: &[PlacedRecord]) -> usize {
    let hashes = tiles.iter().map(|(_, hashes)| hashes.len() * Hash::LEN).sum::<usize>();
    hashes + records.iter().map(|placed| placed.record.as_bytes().len()).sum::<usize>()
}

/// Writes row by row: such a statement is compiled once, and one of many rows each time anew.
fn insert_derived(
    connection: &mut SqliteConnection,
    grown: &[(TileId, Vec<Hash>)],
    placed: &[PlacedRecord],
) -> Result<(), StoreError> {
    for (tile, hashes) in grown {
        let row = (
            tiles::level.eq(i32::from(tile.level())),
            tiles::tile_index.eq(to_sql(tile.index())),
            tiles::hashes.eq(merkle::encode_hashes(hashes)),
        );
        diesel::replace_into(tiles::table).values(row).execute(connection)?;
    }
    for PlacedRecord { place, record } in placed {
        let row = (
            records::leaf_index.eq(to_sql(place.leaf.get())),
            records::time.eq(place.time.millis()),
            records::bytes.eq(record.as_bytes()),
        );
        diesel::insert_into(records::table).values(row).execute(connection)?;
    }
    Ok(())
}

type BlockRows<'a> = diesel::dsl::IntoBoxed<
    'a,
    diesel::dsl::Select<
        diesel::dsl::InnerJoinOn<
            blocks::table,
            leaves::table,
            diesel::dsl::Eq<leaves::leaf_index, diesel::dsl::Sub<blocks::tree_size, i64>>,
        >,
        (diesel::dsl::AsSelect<BlockRow, diesel::sqlite::Sqlite>, leaves::bytes),
    >,
    diesel::sqlite::Sqlite,
>;

/// Blocks, each with the bytes of the leaf that holds its seal.
fn block_rows<'a>() -> BlockRows<'a> {
    blocks::table
        .inner_join(leaves::table.on(leaves::leaf_index.eq(blocks::tree_size - 1i64)))
        .select((BlockRow::as_select(), leaves::bytes))
        .into_boxed()
}

fn into_blocks(rows: Vec<(BlockRow, Vec<u8>)>) -> Result<Vec<StoredBlock>, StoreError> {
    rows.into_iter().map(|(row, seal)| row.into_block(&seal)).collect()
}
