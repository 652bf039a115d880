//! Receipts: where a statement went, with a proof that stands on the commit of its own block.

use serde::{Deserialize, Serialize};

use crate::block::{
    Checkpoint, CheckpointError, Commit, FinalityError, Leaf, Seal, SealError, check_seal_stands_at_checkpoint,
};
use crate::evidence::MemberChain;
use crate::hash::Hash;
use crate::merkle::{self, InclusionProof, LeafIndex, ProofError, TreeSize};
use crate::statement::SignatureVerifier;
use crate::time::Timestamp;

/// Proves that a leaf is in the tree that its block's commit signs. It never changes, however the ledger grows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Receipt {
    pub leaf_index: LeafIndex,
    pub tree_size: TreeSize,
    /// RFC 9162 §2.1.1 hash of the leaf.
    pub leaf_hash: Hash,
    /// From the leaf to the root (RFC 9162 §2.1.3).
    pub inclusion_proof: InclusionProof,
    /// C2SP tlog-checkpoint text of the block.
    pub checkpoint: String,
    pub commit: Commit,
    /// The block's seal, which is leaf `treeSize - 1`.
    pub seal: String,
    /// From the seal's leaf to the root.
    pub seal_inclusion_proof: InclusionProof,
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

/// What a receipt proves.
#[derive(Debug, Clone)]
pub struct VerifiedReceipt {
    /// The block's checkpoint, which is final.
    pub checkpoint: Checkpoint,
    /// The block's time: since then the statement is accepted.
    pub time: Timestamp,
}

impl Receipt {
    /// Checks the receipt under an anchor and the handovers up to its block: the leaf and the seal stand in the tree of its
    /// checkpoint, which is final (RFC 9162 §2.1.3.2), by the members that the seal names. So a node that shows the same checkpoint for this height has that leaf there, and one that
    /// shows another has forked.
    ///
    /// # Errors
    ///
    /// The first part of the receipt that does not hold.
    pub fn verify(
        &self,
        chain: &MemberChain,
        verifier: &dyn SignatureVerifier,
    ) -> Result<VerifiedReceipt, ReceiptError> {
        let genesis = chain.anchor().genesis();
        let checkpoint: Checkpoint = self.checkpoint.parse()?;
        if checkpoint.origin != genesis.origin {
            let (found, trusted) = (checkpoint.origin.to_string(), genesis.origin.to_string());
            return Err(ReceiptError::OtherOrigin { found, trusted });
        }
        if checkpoint.size != self.tree_size {
            return Err(ReceiptError::Size { said: self.tree_size, size: checkpoint.size });
        }
        let commit = self.commit.clone();
        let verified = chain.check_final(checkpoint.clone(), commit.clone(), verifier);
        verified.map_err(ReceiptError::Commit)?;
        let Checkpoint { size, root, .. } = &checkpoint;
        let seal = Seal::parse(self.seal.as_bytes())?;
        seal.check_rules()?;
        let time = seal.time;
        let seal_leaf = size.last_index().ok_or(ReceiptError::Empty)?;
        check_seal_stands_at_checkpoint(&seal, seal_leaf, &checkpoint, &commit)
            .and_then(|()| chain.check_seal_members(&seal))
            .map_err(ReceiptError::SealPlace)?;
        let seal_hash = merkle::leaf_hash(&Leaf::Seal(seal).encode());
        merkle::verify_inclusion(seal_leaf, *size, seal_hash, &self.seal_inclusion_proof, *root)
            .map_err(ReceiptError::SealProof)?;
        merkle::verify_inclusion(self.leaf_index, *size, self.leaf_hash, &self.inclusion_proof, *root)
            .map_err(ReceiptError::LeafProof)?;
        Ok(VerifiedReceipt { checkpoint, time })
    }

    /// Tells whether the receipt is for this statement, given in compact form.
    pub fn is_for(&self, compact: &str) -> bool {
        merkle::leaf_hash(&Leaf::of_statement(compact).encode()) == self.leaf_hash
    }
}
