//! A block's rows, table by table: each table takes one COPY, whatever the number of rows.

use std::pin::pin;

use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Statement};

use super::lease;
use super::open_error::of_write;
use super::writer::WriterSession;
use crate::ports::{Derived, NewBlock, PlacedRecord, StoreError, StoredLeaf};
use crate::store::rows::{BlockRow, content_number, not_next, to_sql};
use sealane_core::hash::Hash;
use sealane_core::merkle::{self, TileId};

/// Tiles that one INSERT carries: 8 MiB of them. A block has a handful; only writing all of them anew takes more than one.
const TILES_PER_INSERT: usize = 1_000;

/// The writer's statements, prepared once for each connection.
pub struct Statements {
    pub fence: Statement,
    leaves: Statement,
    long_statements: Statement,
    blocks: Statement,
    tiles: Statement,
    records: Statement,
}

const LEAVES: &[Type] = &[Type::INT8, Type::INT4, Type::BYTEA];
const RECORDS: &[Type] = &[Type::INT8, Type::INT8, Type::BYTEA];

impl Statements {
    pub async fn prepare(client: &Client) -> Result<Self, Error> {
        let copy = |table: &str| format!("COPY {table} FROM STDIN (FORMAT binary)");
        Ok(Self {
            fence: client.prepare(lease::FENCE).await?,
            leaves: client.prepare(&copy("leaves (leaf_index, content, bytes)")).await?,
            long_statements: client
                .prepare(
                    "INSERT INTO long_statements (hash, bytes) SELECT * FROM unnest($1::bytea[], $2::bytea[]) \
                     ON CONFLICT DO NOTHING",
                )
                .await?,
            blocks: client
                .prepare(
                    "INSERT INTO blocks (height, tree_size, checkpoint, note, commitment) \
                     SELECT $1, $2, $3, $4, $5 WHERE $1 = (SELECT coalesce(max(height), -1) + 1 FROM blocks)",
                )
                .await?,
            tiles: client
                .prepare(
                    "INSERT INTO tiles (level, tile_index, hashes) \
                     SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bytea[]) \
                     ON CONFLICT (level, tile_index) DO UPDATE SET hashes = EXCLUDED.hashes",
                )
                .await?,
            records: client.prepare(&copy("records (leaf_index, time, bytes)")).await?,
        })
    }
}

impl WriterSession {
    /// Writes all that a block adds. The caller has a transaction open.
    pub async fn append(&self, block: &NewBlock) -> Result<(), StoreError> {
        let row = BlockRow::new(&block.block)?;
        match self.write_block(block, &row).await.map_err(|error| of_write(&error))? {
            0 => Err(not_next(row.height)),
            _ => Ok(()),
        }
    }

    /// Removes every row that is derived from leaves.
    pub async fn clear_derived(&self) -> Result<(), StoreError> {
        // Not TRUNCATE: that would take the rows from under an audit's snapshot.
        let cleared = self.client.batch_execute("DELETE FROM tiles; DELETE FROM records").await;
        cleared.map_err(|error| of_write(&error))
    }

    /// Writes what is derived from the leaves of a block.
    pub async fn add_derived(&self, derived: &Derived) -> Result<(), StoreError> {
        self.write_derived(&derived.tiles, &derived.records).await.map_err(|error| of_write(&error))
    }

    /// How many rows of blocks are new: none if it is not the next one.
    async fn write_block(&self, block: &NewBlock, row: &BlockRow) -> Result<u64, Error> {
        self.copy_leaves(&block.leaves).await?;
        self.insert_long_statements(&block.long_statements).await?;
        self.write_derived(&block.tiles, &block.records).await?;
        let BlockRow { height, tree_size, checkpoint, note, commitment } = row;
        let values: [&(dyn ToSql + Sync); 5] = [height, tree_size, checkpoint, note, commitment];
        self.client.execute(&self.statements.blocks, &values).await
    }

    async fn write_derived(&self, tiles: &[(TileId, Vec<Hash>)], records: &[PlacedRecord]) -> Result<(), Error> {
        self.put_tiles(tiles).await?;
        self.copy_records(records).await
    }

    async fn copy_leaves(&self, leaves: &[StoredLeaf]) -> Result<(), Error> {
        if leaves.is_empty() {
            return Ok(());
        }
        let sink = self.client.copy_in(&self.statements.leaves).await?;
        let mut rows = pin!(BinaryCopyInWriter::new(sink, LEAVES));
        for leaf in leaves {
            let (index, content) = (to_sql(leaf.index.get()), content_number(leaf.content));
            rows.as_mut().write(&[&index, &content, &leaf.bytes]).await?;
        }
        rows.finish().await.map(drop)
    }

    async fn insert_long_statements(&self, long: &[(Hash, Vec<u8>)]) -> Result<(), Error> {
        if long.is_empty() {
            return Ok(());
        }
        let hashes: Vec<&[u8]> = long.iter().map(|(hash, _)| &hash.as_bytes()[..]).collect();
        let bytes: Vec<&[u8]> = long.iter().map(|(_, bytes)| &bytes[..]).collect();
        self.client.execute(&self.statements.long_statements, &[&hashes, &bytes]).await.map(drop)
    }

    async fn put_tiles(&self, tiles: &[(TileId, Vec<Hash>)]) -> Result<(), Error> {
        for chunk in tiles.chunks(TILES_PER_INSERT) {
            let levels: Vec<i32> = chunk.iter().map(|(tile, _)| i32::from(tile.level())).collect();
            let indices: Vec<i64> = chunk.iter().map(|(tile, _)| to_sql(tile.index())).collect();
            let hashes: Vec<Vec<u8>> = chunk.iter().map(|(_, hashes)| merkle::encode_hashes(hashes)).collect();
            self.client.execute(&self.statements.tiles, &[&levels, &indices, &hashes]).await?;
        }
        Ok(())
    }

    async fn copy_records(&self, records: &[PlacedRecord]) -> Result<(), Error> {
        if records.is_empty() {
            return Ok(());
        }
        let sink = self.client.copy_in(&self.statements.records).await?;
        let mut rows = pin!(BinaryCopyInWriter::new(sink, RECORDS));
        for PlacedRecord { place, record } in records {
            let (leaf, time) = (to_sql(place.leaf.get()), place.time.millis());
            rows.as_mut().write(&[&leaf, &time, &record.as_bytes()]).await?;
        }
        rows.finish().await.map(drop)
    }
}
