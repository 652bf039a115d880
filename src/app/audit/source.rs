//! Where an audit reads a ledger from.

use std::collections::HashMap;
use std::ops::Range;

use async_trait::async_trait;

use crate::ports::{LeafContent, LedgerStore, StoreError, StoredBlock, StoredLeaf};
use sealane_core::block::Height;
use sealane_core::hash::Hash;
use sealane_core::merkle::{LeafIndex, TILE_WIDTH, TileId};
use sealane_core::statement::StatementId;

/// A leaf as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLeaf {
    pub index: LeafIndex,
    pub bytes: Vec<u8>,
    /// Its hash in the stored tiles, and the content that is stored beside it, where they are.
    pub hash: Option<Hash>,
    pub content: Option<LeafContent>,
}

/// Leaves, and what was signed about them. Nothing of it is believed.
///
/// An error `Corrupt` is a fault of the ledger, every other one ends the audit without a result.
#[async_trait]
pub trait LedgerSource: Send + Sync {
    /// Leaves in order, the first of the range first; fewer than asked for only at the ledger's end.
    async fn leaves(&self, range: Range<u64>) -> Result<Vec<SourceLeaf>, StoreError>;
    async fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError>;
    async fn long_statement(&self, hash: Hash) -> Result<Option<Vec<u8>>, StoreError>;

    /// The statements of leaves by the source's own account, which may tell which leaf of a block is another one than was
    /// signed. `None` where it keeps no such account.
    async fn statements(&self, _leaves: Vec<LeafIndex>) -> Result<Option<Vec<(LeafIndex, StatementId)>>, StoreError> {
        Ok(None)
    }
}

/// A store, as of the moment that it shows.
pub struct OfStore<'a> {
    pub store: &'a dyn LedgerStore,
    /// Whether the tiles tell the hash of each leaf: not where they are to be made anew.
    pub with_tiles: bool,
}

impl OfStore<'_> {
    /// The hashes that the tiles have for leaves, of which a missing tile has none.
    async fn stored_hashes(&self, leaves: &[StoredLeaf]) -> Result<HashMap<LeafIndex, Hash>, StoreError> {
        let Some(size) = leaves.last().map(|last| last.index.size_through()) else { return Ok(HashMap::new()) };
        let mut indices: Vec<u64> = leaves.iter().map(|leaf| leaf.index.get() / u64::from(TILE_WIDTH)).collect();
        indices.dedup();
        let wanted = indices.into_iter().filter_map(|index| TileId::in_tree(0, index, size)).collect();
        let tiles = self.store.tiles(wanted).await?;
        let placed = tiles.into_iter().flat_map(|(tile, hashes)| tile.positions().zip(hashes));
        Ok(placed.filter_map(|(position, hash)| Some((LeafIndex::new(position).ok()?, hash))).collect())
    }
}

#[async_trait]
impl LedgerSource for OfStore<'_> {
    async fn leaves(&self, range: Range<u64>) -> Result<Vec<SourceLeaf>, StoreError> {
        let leaves = self.store.leaves(range).await?;
        let hashes = if self.with_tiles { self.stored_hashes(&leaves).await? } else { HashMap::new() };
        let source = |leaf: StoredLeaf| SourceLeaf {
            hash: hashes.get(&leaf.index).copied(),
            content: Some(leaf.content),
            index: leaf.index,
            bytes: leaf.bytes,
        };
        Ok(leaves.into_iter().map(source).collect())
    }

    async fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError> {
        self.store.block(height).await
    }

    async fn long_statement(&self, hash: Hash) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.long_statement(hash).await
    }

    async fn statements(&self, leaves: Vec<LeafIndex>) -> Result<Option<Vec<(LeafIndex, StatementId)>>, StoreError> {
        let records = self.store.records(leaves).await?;
        Ok(Some(records.into_iter().map(|placed| (placed.place.leaf, placed.record.statement())).collect()))
    }
}
