//! Receipts: where a statement went, with a proof that stands on the commit of its own block.

use crate::app::ledger::{Ledger, LedgerError};
use crate::ports::{StoreError, StoredBlock};
use sealane_core::evidence::Receipt;
use sealane_core::hash::Hash;
use sealane_core::merkle::{self, Growth, InclusionProof, LeafIndex, TreeSize};
use sealane_core::time::Timestamp;

/// A block that was just written, with the nodes above its leaves: receipts are made of it without reading the store.
#[derive(Debug)]
pub struct FreshBlock {
    pub block: StoredBlock,
    pub growth: Growth,
}

/// A statement's receipt, with the time at which it became final: that of its block.
#[derive(Debug, Clone)]
pub struct Final {
    pub receipt: Receipt,
    pub time: Timestamp,
}

impl Final {
    /// Makes the receipt of a leaf of a block that was just written; `None` of any other leaf.
    pub fn of_new(fresh: &FreshBlock, leaf: LeafIndex) -> Option<Self> {
        let FreshBlock { block, growth } = fresh;
        let seal_proof = growth.inclusion_proof(block.size().last_index()?)?;
        Some(Self::new(block, leaf, growth.leaf_hash(leaf)?, growth.inclusion_proof(leaf)?, seal_proof))
    }

    fn new(
        block: &StoredBlock,
        leaf_index: LeafIndex,
        leaf_hash: Hash,
        inclusion_proof: InclusionProof,
        seal_inclusion_proof: InclusionProof,
    ) -> Self {
        let receipt = Receipt {
            leaf_index,
            tree_size: block.size(),
            leaf_hash,
            inclusion_proof,
            checkpoint: block.checkpoint.to_text(),
            commit: block.commit.clone(),
            seal: block.seal.to_json(),
            seal_inclusion_proof,
        };
        Self { receipt, time: block.seal.time }
    }
}

/// Makes the receipt of a leaf from the store; `None` when there is no such leaf.
pub async fn receipt(ledger: &Ledger, leaf: LeafIndex) -> Result<Option<Final>, LedgerError> {
    let Some(block) = ledger.store().blocks_of(vec![leaf]).await?.pop() else { return Ok(None) };
    let Some(stored) = ledger.store().leaf(leaf).await? else { return Ok(None) };
    let proof = inclusion(ledger, leaf, block.size()).await?;
    let seal_proof = inclusion(ledger, seal_leaf(&block)?, block.size()).await?;
    Ok(Some(Final::new(&block, leaf, merkle::leaf_hash(&stored.bytes), proof, seal_proof)))
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
