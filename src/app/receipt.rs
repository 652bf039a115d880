//! Receipts: where a statement went, with a proof that stands on the commit of its own block.

use serde::{Deserialize, Serialize};

use crate::app::ledger::{Ledger, LedgerError};
use crate::domain::block::Commit;
use crate::domain::hash::Hash;
use crate::domain::merkle::{self, InclusionProof, LeafIndex, TreeSize};
use crate::ports::{StoreError, StoredBlock};

/// Proves that a leaf is in the tree that its block's commit signs. It never changes, however the ledger grows.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Receipt {
    #[schema(value_type = u64)]
    pub leaf_index: LeafIndex,
    #[schema(value_type = u64)]
    pub tree_size: TreeSize,
    /// RFC 9162 §2.1.1 hash of the leaf.
    #[schema(value_type = String)]
    pub leaf_hash: Hash,
    /// From the leaf to the root (RFC 9162 §2.1.3).
    #[schema(value_type = Vec<String>)]
    pub inclusion_proof: InclusionProof,
    /// C2SP tlog-checkpoint text of the block.
    pub checkpoint: String,
    #[schema(value_type = Object)]
    pub commit: Commit,
    /// The block's seal, which is leaf `treeSize - 1`.
    pub seal: String,
    /// From the seal's leaf to the root.
    #[schema(value_type = Vec<String>)]
    pub seal_inclusion_proof: InclusionProof,
}

/// Makes the receipt of a leaf; `None` when there is no such leaf.
pub async fn receipt(ledger: &Ledger, leaf: LeafIndex) -> Result<Option<Receipt>, LedgerError> {
    let Some(block) = ledger.store().blocks_of(vec![leaf]).await?.pop() else { return Ok(None) };
    let Some(stored) = ledger.store().leaf(leaf).await? else { return Ok(None) };
    Ok(Some(Receipt {
        leaf_index: leaf,
        tree_size: block.size(),
        leaf_hash: stored.hash,
        inclusion_proof: inclusion(ledger, leaf, block.size()).await?,
        checkpoint: block.checkpoint.to_text(),
        commit: block.commit.clone(),
        seal: block.seal.to_json(),
        seal_inclusion_proof: inclusion(ledger, seal_leaf(&block)?, block.size()).await?,
    }))
}

/// Makes the proof that a leaf is in the tree of a size.
pub async fn inclusion(ledger: &Ledger, leaf: LeafIndex, size: TreeSize) -> Result<InclusionProof, LedgerError> {
    let tiles = ledger.read_tiles(merkle::tiles_for_inclusion(leaf, size)).await?;
    Ok(merkle::inclusion_proof(&tiles, leaf, size)?)
}

/// The leaf that holds a block's seal.
pub fn seal_leaf(block: &StoredBlock) -> Result<LeafIndex, StoreError> {
    block.size().last_index().ok_or_else(|| StoreError::Corrupt("a block of no leaves".to_owned()))
}
