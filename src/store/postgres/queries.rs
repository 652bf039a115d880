//! What is read of the ledger. Each answer comes from one statement, so from one moment.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::open_error::of_read;
use crate::ports::{PlacedRecord, RowCounts, StoreError, StoredBlock};
use crate::store::rows::{BlockRow, RecordRow, from_sql, tile_hashes, to_sql};
use crate::store::schema::{blocks, leaves};
use sealane_core::hash::Hash;
use sealane_core::merkle::{LeafIndex, TileId};

/// Which blocks to read.
pub enum Blocks {
    At(u64),
    /// From the last one back.
    Last(u32),
}

/// Blocks, each with the leaf that holds its seal.
pub async fn blocks(connection: &mut AsyncPgConnection, which: Blocks) -> Result<Vec<StoredBlock>, StoreError> {
    let mut query = blocks::table
        .inner_join(leaves::table.on(leaves::leaf_index.eq(blocks::tree_size - 1i64)))
        .select((BlockRow::as_select(), leaves::bytes))
        .into_boxed();
    query = match which {
        Blocks::At(height) => query.filter(blocks::height.eq(to_sql(height))),
        Blocks::Last(limit) => query.order(blocks::height.desc()).limit(i64::from(limit)),
    };
    let rows: Vec<(BlockRow, Vec<u8>)> = query.load(connection).await.map_err(of_read)?;
    rows.into_iter().map(|(row, seal)| row.into_block(&seal)).collect()
}

#[derive(QueryableByName)]
struct SealedRow {
    #[diesel(embed)]
    block: BlockRow,
    #[diesel(sql_type = Binary)]
    bytes: Vec<u8>,
}

/// The block that holds each leaf, in the order of `indices`.
pub async fn blocks_of(
    connection: &mut AsyncPgConnection,
    indices: &[LeafIndex],
) -> Result<Vec<StoredBlock>, StoreError> {
    let wanted: Vec<i64> = indices.iter().map(|index| to_sql(index.get())).collect();
    let rows: Vec<SealedRow> = diesel::sql_query(
        "SELECT block.*, leaves.bytes
         FROM unnest($1) WITH ORDINALITY AS wanted (leaf, place)
         CROSS JOIN LATERAL (
             SELECT height, tree_size, checkpoint, note, commitment FROM blocks
             WHERE tree_size > wanted.leaf ORDER BY tree_size LIMIT 1
         ) AS block
         JOIN leaves ON leaves.leaf_index = block.tree_size - 1
         ORDER BY wanted.place",
    )
    .bind::<Array<BigInt>, _>(wanted)
    .load(connection)
    .await
    .map_err(of_read)?;
    rows.into_iter().map(|row| row.block.into_block(&row.bytes)).collect()
}

#[derive(QueryableByName)]
struct TileRow {
    #[diesel(sql_type = BigInt)]
    place: i64,
    #[diesel(sql_type = Binary)]
    hashes: Vec<u8>,
}

/// The hashes of each tile, as wide as asked for, in the order of `wanted`. One that is not as wide is left out.
pub async fn tiles(
    connection: &mut AsyncPgConnection,
    wanted: Vec<TileId>,
) -> Result<Vec<(TileId, Vec<Hash>)>, StoreError> {
    let (levels, indices): (Vec<i32>, Vec<i64>) =
        wanted.iter().map(|tile| (i32::from(tile.level()), to_sql(tile.index()))).unzip();
    let rows: Vec<TileRow> = diesel::sql_query(
        "SELECT wanted.place, tiles.hashes
         FROM unnest($1, $2) WITH ORDINALITY AS wanted (level, tile_index, place)
         JOIN tiles USING (level, tile_index)
         ORDER BY wanted.place",
    )
    .bind::<Array<Integer>, _>(levels)
    .bind::<Array<BigInt>, _>(indices)
    .load(connection)
    .await
    .map_err(of_read)?;
    let mut found = Vec::with_capacity(rows.len());
    for TileRow { place, hashes } in rows {
        // Places count from 1.
        let tile = usize::try_from(place).ok().and_then(|place| wanted.get(place.checked_sub(1)?).copied());
        let tile = tile.ok_or_else(|| StoreError::Corrupt(format!("a tile came for the place {place}")))?;
        let hashes = tile_hashes(&hashes, i32::from(tile.level()), to_sql(tile.index()), Some(tile.width()))?;
        found.extend(hashes.map(|hashes| (tile, hashes)));
    }
    Ok(found)
}

/// The records of leaves, in the order of `leaves`.
pub async fn records(
    connection: &mut AsyncPgConnection,
    leaves: &[LeafIndex],
) -> Result<Vec<PlacedRecord>, StoreError> {
    let wanted: Vec<i64> = leaves.iter().map(|leaf| to_sql(leaf.get())).collect();
    let rows: Vec<RecordRow> = diesel::sql_query(
        "SELECT records.*
         FROM unnest($1) WITH ORDINALITY AS wanted (leaf_index, place)
         JOIN records USING (leaf_index)
         ORDER BY wanted.place",
    )
    .bind::<Array<BigInt>, _>(wanted)
    .load(connection)
    .await
    .map_err(of_read)?;
    rows.into_iter().map(RecordRow::into_record).collect()
}

/// Records from a leaf on. The server reckons where their bytes exceed the bound, so that no more is sent.
pub async fn records_from(
    connection: &mut AsyncPgConnection,
    first: LeafIndex,
    limit: u32,
    bytes_max: usize,
) -> Result<Vec<PlacedRecord>, StoreError> {
    let rows: Vec<RecordRow> = diesel::sql_query(
        "SELECT leaf_index, time, bytes
         FROM (
             SELECT *, sum(octet_length(bytes)) OVER (ORDER BY leaf_index) - octet_length(bytes) AS before
             FROM (SELECT * FROM records WHERE leaf_index >= $1 ORDER BY leaf_index LIMIT $2) AS page
         ) AS reckoned
         WHERE before < $3
         ORDER BY leaf_index",
    )
    .bind::<BigInt, _>(to_sql(first.get()))
    .bind::<BigInt, _>(i64::from(limit))
    .bind::<BigInt, _>(to_sql(bytes_max as u64))
    .load(connection)
    .await
    .map_err(of_read)?;
    rows.into_iter().map(RecordRow::into_record).collect()
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    leaves: i64,
    #[diesel(sql_type = BigInt)]
    long_statements: i64,
    #[diesel(sql_type = BigInt)]
    blocks: i64,
    #[diesel(sql_type = BigInt)]
    tiles: i64,
    #[diesel(sql_type = BigInt)]
    records: i64,
}

pub async fn row_counts(connection: &mut AsyncPgConnection) -> Result<RowCounts, StoreError> {
    let row: CountRow = diesel::sql_query(
        "SELECT (SELECT count(*) FROM leaves) AS leaves, (SELECT count(*) FROM long_statements) AS long_statements,
                (SELECT count(*) FROM blocks) AS blocks, (SELECT count(*) FROM tiles) AS tiles,
                (SELECT count(*) FROM records) AS records",
    )
    .get_result(connection)
    .await
    .map_err(of_read)?;
    let rows = |count: i64| from_sql(count, "a number of rows");
    Ok(RowCounts {
        leaves: rows(row.leaves)?,
        long_statements: rows(row.long_statements)?,
        blocks: rows(row.blocks)?,
        tiles: rows(row.tiles)?,
        records: rows(row.records)?,
    })
}

#[derive(QueryableByName)]
struct FaultRow {
    #[diesel(sql_type = Text)]
    fault: String,
}

/// Faults that the server knows of: pages whose checksum failed, indexes that are not whole, guards of append-only
/// tables that are gone or switched off.
pub async fn self_check(connection: &mut AsyncPgConnection) -> Result<Vec<String>, StoreError> {
    let rows: Vec<FaultRow> = diesel::sql_query(
        "SELECT format('%s pages of this database failed their checksum', checksum_failures) AS fault
         FROM pg_stat_database WHERE datname = current_database() AND checksum_failures > 0
         UNION ALL
         SELECT format('the index %s is not valid', indexrelid::regclass)
         FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
         WHERE relnamespace = current_schema()::regnamespace AND NOT (indisvalid AND indisready)
         UNION ALL
         SELECT format('the trigger that keeps the table %s append-only is missing or switched off', kept)
         FROM unnest(ARRAY['leaves', 'blocks', 'long_statements']) AS kept
         WHERE NOT EXISTS (
             SELECT FROM pg_trigger
             WHERE tgrelid = kept::regclass AND tgname = kept || '_keep' AND tgenabled IN ('O', 'A')
         )",
    )
    .load(connection)
    .await
    .map_err(of_read)?;
    Ok(rows.into_iter().map(|row| row.fault).collect())
}
