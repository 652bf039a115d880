//! What members vote on.

use std::fmt;

use crate::block::Checkpoint;
use crate::hash::Hash;

/// A block, as members name it while they agree on it: SHA-256 of the text of the checkpoint that it would have.
///
/// The checkpoint's root is over every leaf of the block, its seal too. So two blocks of one height have two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(Hash);

impl ValueId {
    pub fn of(checkpoint: &Checkpoint) -> Self {
        Self(checkpoint.hash())
    }

    /// Takes SHA-256 of a checkpoint's text that was computed elsewhere.
    pub const fn from_hash(hash: Hash) -> Self {
        Self(hash)
    }

    pub const fn hash(&self) -> &Hash {
        &self.0
    }
}

impl fmt::Display for ValueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
