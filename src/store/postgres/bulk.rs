//! A block's rows, table by table: each table takes one COPY, whatever the number of rows.

use std::pin::pin;

use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Statement};

use super::lease;
use super::open_error::of_write;
use super::writer::Session;
use crate::domain::hash::Hash;
use crate::domain::index::SubjectKey;
use crate::domain::merkle::{self, LeafIndex, TileId};
use crate::domain::statement::StatementId;
use crate::ports::{Derived, EventEntry, NewBlock, StoreError, StoredLeaf};
use crate::store::rows::{BlockRow, EventRow, content_number, to_sql};

/// Tiles that one INSERT carries: 8 MiB of them. A block has a handful; only writing all of them anew takes more than one.
const TILES_PER_INSERT: usize = 1_000;

/// The writer's statements, prepared once for each connection.
pub struct Statements {
    pub fence: Statement,
    leaves: Statement,
    long_statements: Statement,
    blocks: Statement,
    tiles: Statement,
    statements: Statement,
    subjects: Statement,
    events: Statement,
}

const LEAVES: &[Type] = &[Type::INT8, Type::INT4, Type::BYTEA];
const STATEMENTS: &[Type] = &[Type::BYTEA, Type::INT8];
const SUBJECTS: &[Type] = &[Type::BYTEA, Type::INT8];
const EVENTS: &[Type] = &[
    Type::INT8,
    Type::INT4,
    Type::BYTEA,
    Type::TEXT,
    Type::TEXT,
    Type::BYTEA,
    Type::BOOL,
    Type::INT8,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
];

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
                    "INSERT INTO blocks (height, tree_size, checkpoint, note, commitment) VALUES ($1, $2, $3, $4, $5)",
                )
                .await?,
            tiles: client
                .prepare(
                    "INSERT INTO tiles (level, tile_index, hashes) \
                     SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bytea[]) \
                     ON CONFLICT (level, tile_index) DO UPDATE SET hashes = EXCLUDED.hashes",
                )
                .await?,
            statements: client.prepare(&copy("statements (id, leaf_index)")).await?,
            subjects: client.prepare(&copy("subjects (subject_key, leaf_index)")).await?,
            events: client
                .prepare(&copy(
                    "events (leaf_index, position, event_key, event_id, participant, content_hash, declaration, event_time, \
                     event_type, action, biz_step, disposition, read_point, biz_location)",
                ))
                .await?,
        })
    }
}

impl Session {
    /// Writes all that a block adds. The caller has a transaction open.
    pub async fn append(&self, block: &NewBlock) -> Result<(), StoreError> {
        let row = BlockRow::new(&block.block)?;
        self.write_block(block, &row).await.map_err(|error| of_write(&error))
    }

    /// Replaces every row that is derived from leaves.
    pub async fn replace_derived(&self, derived: &Derived) -> Result<(), StoreError> {
        self.rewrite(derived).await.map_err(|error| of_write(&error))
    }

    async fn write_block(&self, block: &NewBlock, row: &BlockRow) -> Result<(), Error> {
        self.copy_leaves(&block.leaves).await?;
        self.insert_long_statements(&block.long_statements).await?;
        self.put_tiles(&block.tiles).await?;
        self.copy_statements(&block.statements).await?;
        self.copy_subjects(&block.subjects).await?;
        self.copy_events(&block.events).await?;
        let BlockRow { height, tree_size, checkpoint, note, commitment } = row;
        let values: [&(dyn ToSql + Sync); 5] = [height, tree_size, checkpoint, note, commitment];
        self.client.execute(&self.statements.blocks, &values).await.map(drop)
    }

    async fn rewrite(&self, derived: &Derived) -> Result<(), Error> {
        // Not TRUNCATE: that would take the rows from under an audit's snapshot.
        self.client
            .batch_execute("DELETE FROM tiles; DELETE FROM statements; DELETE FROM subjects; DELETE FROM events")
            .await?;
        self.put_tiles(&derived.tiles).await?;
        self.copy_statements(&derived.statements).await?;
        self.copy_subjects(&derived.subjects).await?;
        self.copy_events(&derived.events).await
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

    async fn copy_statements(&self, statements: &[(StatementId, LeafIndex)]) -> Result<(), Error> {
        let pairs = statements.iter().map(|(id, leaf)| (id.hash().as_bytes(), *leaf));
        self.copy_pairs(&self.statements.statements, STATEMENTS, pairs).await
    }

    async fn copy_subjects(&self, subjects: &[(SubjectKey, LeafIndex)]) -> Result<(), Error> {
        let pairs = subjects.iter().map(|(key, leaf)| (key.as_hash().as_bytes(), *leaf));
        self.copy_pairs(&self.statements.subjects, SUBJECTS, pairs).await
    }

    async fn copy_pairs<'a>(
        &self,
        statement: &Statement,
        types: &[Type],
        pairs: impl ExactSizeIterator<Item = (&'a [u8; 32], LeafIndex)>,
    ) -> Result<(), Error> {
        if pairs.len() == 0 {
            return Ok(());
        }
        let sink = self.client.copy_in(statement).await?;
        let mut rows = pin!(BinaryCopyInWriter::new(sink, types));
        for (hash, leaf) in pairs {
            rows.as_mut().write(&[&&hash[..], &to_sql(leaf.get())]).await?;
        }
        rows.finish().await.map(drop)
    }

    async fn copy_events(&self, entries: &[EventEntry]) -> Result<(), Error> {
        if entries.is_empty() {
            return Ok(());
        }
        let sink = self.client.copy_in(&self.statements.events).await?;
        let mut rows = pin!(BinaryCopyInWriter::new(sink, EVENTS));
        for entry in entries {
            let row = EventRow::from(entry);
            let values: [&(dyn ToSql + Sync); 14] = [
                &row.leaf_index,
                &row.position,
                &row.event_key,
                &row.event_id,
                &row.participant,
                &row.content_hash,
                &row.declaration,
                &row.event_time,
                &row.event_type,
                &row.action,
                &row.biz_step,
                &row.disposition,
                &row.read_point,
                &row.biz_location,
            ];
            rows.as_mut().write(&values).await?;
        }
        rows.finish().await.map(drop)
    }
}
