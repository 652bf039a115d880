//! Blocks: what a leaf holds, the seal that closes a block, the checkpoint over it, and the members' commit.
//!
//! [`Leaf`] and [`Seal`] are what goes into the tree; [`Checkpoint`] names the tree after it; [`Commit`] is what the
//! members sign about the checkpoint. A [`FinalBlock`] exists only if a quorum has signed it. A [`FinalCheckpoint`]
//! exists if a quorum has signed it, or if it is the trust anchor's own, which its user believes beforehand.
//! No tree is computed here, and no key is held.
//!
//! `docs/FORMATS.md` has every byte.

mod checkpoint;
mod commit;
mod finality;
mod leaf;
mod members;
mod note;
mod note_key;
mod origin;
mod seal;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::TREE_SIZE_MAX;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use commit::{Commit, CommitSignature, ES256, commit_bytes, commit_bytes_of_hash};
pub use finality::{FinalBlock, FinalCheckpoint, FinalityError, check_seal_members, check_seal_stands_at_checkpoint};
pub use leaf::{Leaf, LeafError};
pub use members::{Member, MemberSet, MemberSetError, alike, quorum};
pub use note::{Note, NoteError, NoteKey, NoteKeyKind, NoteSignature};
#[cfg(any(test, feature = "signing"))]
pub use note_key::NoteSigningKey;
pub use note_key::{NotePublicKey, NotePublicKeyError};
pub use origin::{Origin, OriginError};
pub use seal::{Seal, SealError};

/// A block's number: genesis is 0. Every block has a leaf, so it stays within the bounds of a tree's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Height(u64);

/// A number too large for a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a height is at most {TREE_SIZE_MAX}; this is {found}")]
pub struct HeightError {
    found: u64,
}

impl Height {
    pub const GENESIS: Self = Self(0);

    pub const fn new(height: u64) -> Result<Self, HeightError> {
        if height > TREE_SIZE_MAX { Err(HeightError { found: height }) } else { Ok(Self(height)) }
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    /// The height of the block after this one. Heights grow by one from 0, so 2^53 is out of their reach.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl TryFrom<u64> for Height {
    type Error = HeightError;

    fn try_from(height: u64) -> Result<Self, HeightError> {
        Self::new(height)
    }
}

impl From<Height> for u64 {
    fn from(height: Height) -> u64 {
        height.0
    }
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
