//! Receipts that somebody kept, checked in themselves: whether they are of the node's ledger is seen beside its blocks.

use crate::app::audit::fork::Shown;
use crate::app::receipt::Receipt;
use sealane_core::block::{
    Checkpoint, CheckpointError, FinalCheckpoint, FinalityError, Leaf, Seal, SealError, check_seal_stands_at_checkpoint,
};
use sealane_core::evidence::Anchor;
use sealane_core::merkle::{self, ProofError, TreeSize};

/// A receipt, and for people where it was read.
#[derive(Debug, Clone)]
pub struct HeldReceipt {
    pub from: String,
    pub receipt: Receipt,
}

/// A receipt that proves nothing, whatever a node shows.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    #[error("its checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    #[error("its checkpoint is of {found}, and the trust anchor of {trusted}")]
    OtherOrigin { found: String, trusted: String },
    #[error("its treeSize is {said}, and its checkpoint's {size}")]
    Size { said: TreeSize, size: TreeSize },
    #[error("its commit: {0}")]
    Commit(FinalityError),
    #[error("its seal: {0}")]
    Seal(#[from] SealError),
    #[error("its seal: {0}")]
    SealPlace(FinalityError),
    #[error("the proof of its seal: {0}")]
    SealProof(ProofError),
    #[error("the proof of its leaf: {0}")]
    LeafProof(ProofError),
    #[error("its checkpoint has no leaf")]
    Empty,
}

/// Checks a receipt under an anchor: the leaf and the seal stand in the tree of its checkpoint, which is final. So a node
/// that shows the same checkpoint for this height has that leaf there, and one that shows another has forked.
pub(super) fn check(held: &HeldReceipt, anchor: &Anchor) -> Result<(Checkpoint, Shown), ReceiptError> {
    let HeldReceipt { from, receipt } = held;
    let genesis = anchor.genesis();
    let checkpoint: Checkpoint = receipt.checkpoint.parse()?;
    if checkpoint.origin != genesis.origin {
        let (found, trusted) = (checkpoint.origin.to_string(), genesis.origin.to_string());
        return Err(ReceiptError::OtherOrigin { found, trusted });
    }
    if checkpoint.size != receipt.tree_size {
        return Err(ReceiptError::Size { said: receipt.tree_size, size: checkpoint.size });
    }
    let commit = receipt.commit.clone();
    FinalCheckpoint::verify(checkpoint.clone(), commit.clone(), &genesis.members).map_err(ReceiptError::Commit)?;
    let Checkpoint { size, root, .. } = &checkpoint;
    let seal = Seal::parse(receipt.seal.as_bytes())?;
    let seal_leaf = size.last_index().ok_or(ReceiptError::Empty)?;
    check_seal_stands_at_checkpoint(&seal, seal_leaf, &checkpoint, &commit).map_err(ReceiptError::SealPlace)?;
    let seal_hash = merkle::leaf_hash(&Leaf::Seal(seal).encode());
    merkle::verify_inclusion(seal_leaf, *size, seal_hash, &receipt.seal_inclusion_proof, *root)
        .map_err(ReceiptError::SealProof)?;
    merkle::verify_inclusion(receipt.leaf_index, *size, receipt.leaf_hash, &receipt.inclusion_proof, *root)
        .map_err(ReceiptError::LeafProof)?;
    let shown = Shown::commit(format!("the receipt in {from}"), &checkpoint, commit, Some(receipt.seal.clone()));
    Ok((checkpoint, shown))
}
