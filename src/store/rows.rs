//! Rows, and how they become the ports' types. A row that does not is corruption, said with its place.

use diesel::prelude::*;

use crate::ports::{LeafContent, PendingRequest, PlacedRecord, RequestBody, StoreError, StoredBlock, StoredLeaf};
use crate::store::schema;
use sealane_core::block::{Checkpoint, Commit, Leaf};
use sealane_core::consortium::Place;
use sealane_core::hash::Hash;
use sealane_core::merkle::{self, LeafIndex, TILE_WIDTH, TileId};
use sealane_core::record::LeafRecord;
use sealane_core::time::Timestamp;

#[derive(Queryable, Selectable, Insertable, Debug)]
#[diesel(table_name = schema::leaves)]
pub struct LeafRow {
    pub leaf_index: i64,
    pub content: i32,
    pub bytes: Vec<u8>,
}

#[derive(Queryable, QueryableByName, Selectable, Insertable, Debug)]
#[diesel(table_name = schema::blocks)]
pub struct BlockRow {
    pub height: i64,
    pub tree_size: i64,
    pub checkpoint: String,
    pub note: String,
    pub commitment: String,
}

#[derive(Queryable, QueryableByName, Selectable, Insertable, Debug)]
#[diesel(table_name = schema::records)]
pub struct RecordRow {
    pub leaf_index: i64,
    pub time: i64,
    pub bytes: Vec<u8>,
}

#[derive(Queryable, Selectable, Insertable, Debug)]
#[diesel(table_name = schema::requests)]
pub struct RequestRow {
    pub id: String,
    pub received_at: i64,
    pub renewal: bool,
    pub invited: bool,
    pub address: Option<String>,
    pub key: Vec<u8>,
    pub bytes: i64,
    pub body: String,
    pub rejected: Option<String>,
}

/// Why a block was not written: the store's last one is not the one before it. A database server that has failed over to a
/// standby, or a file that was put back, may have lost blocks under a node that runs.
pub fn not_next(height: i64) -> StoreError {
    StoreError::Refused(format!(
        "block {height} does not come after the last block here: the database is another one, or an older copy of it"
    ))
}

/// SQL's integers are signed. Sizes and indices stay far below 2^63, which `LeafIndex` sees to.
pub fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub fn from_sql(number: i64, what: &str) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Corrupt(format!("{what} is {number}")))
}

pub fn leaf_index(number: i64) -> Result<LeafIndex, StoreError> {
    from_sql(number, "a leaf index")
        .and_then(|index| LeafIndex::new(index).map_err(|error| StoreError::Corrupt(error.to_string())))
}

pub const fn content_number(content: LeafContent) -> i32 {
    match content {
        LeafContent::Seal => 0,
        LeafContent::Capture => 1,
        LeafContent::Admin => 2,
    }
}

impl LeafRow {
    pub fn into_leaf(self) -> Result<StoredLeaf, StoreError> {
        let index = leaf_index(self.leaf_index)?;
        let content = match self.content {
            0 => LeafContent::Seal,
            1 => LeafContent::Capture,
            2 => LeafContent::Admin,
            other => return Err(StoreError::Corrupt(format!("leaf {index} has the content number {other}"))),
        };
        Ok(StoredLeaf { index, content, bytes: self.bytes })
    }
}

impl BlockRow {
    pub fn new(block: &StoredBlock) -> Result<Self, StoreError> {
        let commitment = serde_json::to_string(&block.commit)
            .map_err(|error| StoreError::Corrupt(format!("a commit cannot be written as JSON: {error}")))?;
        Ok(Self {
            height: to_sql(block.seal.height.get()),
            tree_size: to_sql(block.checkpoint.size.get()),
            checkpoint: block.checkpoint.to_text(),
            note: block.note.clone(),
            commitment,
        })
    }

    /// Joins the row with its seal's leaf.
    pub fn into_block(self, seal_leaf: &[u8]) -> Result<StoredBlock, StoreError> {
        let fault = |what: &str, why: String| StoreError::Corrupt(format!("{what} of block {}: {why}", self.height));
        let checkpoint =
            self.checkpoint.parse::<Checkpoint>().map_err(|error| fault("the checkpoint", error.to_string()))?;
        let commit: Commit =
            serde_json::from_str(&self.commitment).map_err(|error| fault("the commit", error.to_string()))?;
        let seal = match Leaf::decode(seal_leaf) {
            Ok(Leaf::Seal(seal)) => seal,
            Ok(_) => return Err(fault("the last leaf", "it is no seal".to_owned())),
            Err(error) => return Err(fault("the seal", error.to_string())),
        };
        let mismatch = seal.height.get() != from_sql(self.height, "a height")?
            || checkpoint.size.get() != from_sql(self.tree_size, "a tree size")?
            || commit.height != seal.height;
        if mismatch {
            return Err(fault("height or size", "row, seal, checkpoint and commit differ".to_owned()));
        }
        let (stored_checkpoint, stored_commitment) = (self.checkpoint, self.commitment);
        let block = StoredBlock { checkpoint, note: self.note, commit, seal };
        let rewritten = Self::new(&block)?;
        if rewritten.checkpoint != stored_checkpoint || rewritten.commitment != stored_commitment {
            let what = format!("the checkpoint or the commit of block {} is not as it was written", rewritten.height);
            return Err(StoreError::Corrupt(what));
        }
        Ok(block)
    }
}

/// The first `width` hashes of a stored tile, or all of them; `None` where it is narrower.
pub fn tile_hashes(bytes: &[u8], level: i32, index: i64, width: Option<u16>) -> Result<Option<Vec<Hash>>, StoreError> {
    let what = || format!("tile {index} of level {level}");
    if bytes.is_empty() || !bytes.len().is_multiple_of(Hash::LEN) || bytes.len() > usize::from(TILE_WIDTH) * Hash::LEN {
        return Err(StoreError::Corrupt(format!("{} has {} bytes, no whole number of hashes", what(), bytes.len())));
    }
    let width = width.map_or(bytes.len() / Hash::LEN, usize::from);
    let Some(bytes) = bytes.get(..width * Hash::LEN) else { return Ok(None) };
    let width = u16::try_from(width).map_err(|_| StoreError::Corrupt(what()))?;
    merkle::decode_hashes(bytes, width).map(Some).map_err(|error| StoreError::Corrupt(format!("{}: {error}", what())))
}

/// A stored tile of the width that it has.
pub fn into_tile((level, index, bytes): (i32, i64, Vec<u8>)) -> Result<(TileId, Vec<Hash>), StoreError> {
    let hashes = tile_hashes(&bytes, level, index, None)?.unwrap_or_default();
    let place = || StoreError::Corrupt(format!("there is a tile {index} of level {level}"));
    let (level, width) = (u8::try_from(level).map_err(|_| place())?, u16::try_from(hashes.len()).map_err(|_| place())?);
    let tile = TileId::new(level, from_sql(index, "a tile's index")?, width).map_err(|_| place())?;
    Ok((tile, hashes))
}

impl RecordRow {
    pub fn into_record(self) -> Result<PlacedRecord, StoreError> {
        let leaf = leaf_index(self.leaf_index)?;
        let no_time = || StoreError::of_record(leaf, format_args!("{} is no time", self.time));
        let time = Timestamp::from_millis(self.time).ok_or_else(no_time)?;
        let record = LeafRecord::from_bytes(self.bytes).map_err(|error| StoreError::of_record(leaf, error))?;
        Ok(PlacedRecord { place: Place { leaf, time }, record })
    }
}

impl RequestRow {
    pub fn new(request: &PendingRequest) -> Result<Self, StoreError> {
        let body = serde_json::to_string(&request.body)
            .map_err(|error| StoreError::Corrupt(format!("a request cannot be written as JSON: {error}")))?;
        Ok(Self {
            id: request.participant.to_string(),
            received_at: request.received.millis(),
            renewal: request.body.is_renewal(),
            invited: request.body.is_invited(),
            address: request.body.address().map(str::to_owned),
            key: request.body.key().as_bytes().to_vec(),
            bytes: to_sql(body.len() as u64),
            body,
            rejected: request.rejected.clone(),
        })
    }

    pub fn into_request(self) -> Result<PendingRequest, StoreError> {
        let fault = |what: &str| StoreError::Corrupt(format!("{what} of request {}", self.id));
        let body: RequestBody = serde_json::from_str(&self.body).map_err(|_| fault("the body"))?;
        if self.renewal != body.is_renewal() || self.invited != body.is_invited() || self.key != body.key().as_bytes() {
            return Err(fault("the kind or the key"));
        }
        Ok(PendingRequest {
            participant: self.id.parse().map_err(|_| fault("the id"))?,
            received: Timestamp::from_millis(self.received_at).ok_or_else(|| fault("the time"))?,
            body,
            rejected: self.rejected,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_cannot_be_read_is_made_again() {
        let said = |time, bytes: &[u8]| {
            let row = RecordRow { leaf_index: 5, time, bytes: bytes.to_vec() };
            row.into_record().unwrap_err().to_string()
        };
        // As an earlier version wrote it.
        let older = said(0, &[1, 2]);
        assert!(older.contains("leaf 5: its record: this is no record of a leaf: at byte 0: 1 stands for"), "{older}");
        let never = said(i64::MAX, &[2, 2]);
        assert!(never.contains("leaf 5: its record: 9223372036854775807 is no time"), "{never}");
        for message in [older, never] {
            assert!(message.ends_with("; `sealane audit --rebuild` makes records again"), "{message}");
        }
    }
}
