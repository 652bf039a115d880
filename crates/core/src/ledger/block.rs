//! A block as it is made and as it is stored.

use std::ops::Range;
use std::sync::Arc;

use crate::block::{Checkpoint, Commit, Seal};
use crate::consortium::{Admin, Place, Registry};
use crate::hash::Hash;
use crate::ledger::known::Prefetched;
use crate::ledger::usage::UsageAdded;
use crate::merkle::{Edge, Growth, LeafIndex, TileId, TreeSize};
use crate::record::LeafRecord;
use crate::statement::StatementType;

/// What a leaf holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeafContent {
    Seal,
    Capture,
    Admin,
}

impl LeafContent {
    /// What a leaf with a statement of a type holds.
    pub const fn of(typ: StatementType) -> Self {
        match typ {
            StatementType::Epcis => Self::Capture,
            StatementType::Admin => Self::Admin,
        }
    }
}

/// A leaf as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLeaf {
    pub index: LeafIndex,
    pub content: LeafContent,
    pub bytes: Vec<u8>,
}

/// A statement's record with where the statement stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedRecord {
    pub place: Place,
    pub record: LeafRecord,
}

/// A block as stored: what was agreed on about the tree at its size.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredBlock {
    pub checkpoint: Checkpoint,
    /// The whole signed note (C2SP signed-note) over the checkpoint.
    pub note: String,
    pub commit: Commit,
    pub seal: Seal,
}

impl StoredBlock {
    /// Leaves in the tree at this block.
    pub const fn size(&self) -> TreeSize {
        self.checkpoint.size
    }

    /// The block's leaves, its seal included.
    pub fn leaves(&self) -> Range<u64> {
        self.seal.previous_size.get()..self.checkpoint.size.get()
    }
}

/// All that a block's statements give, its seal included.
#[derive(Debug)]
pub struct BlockContent {
    pub leaves: Vec<StoredLeaf>,
    /// Bytes of the statements too long for their leaves, by SHA-256.
    pub long_statements: Vec<(Hash, Vec<u8>)>,
    /// The tiles that the block fills or widens, as wide as they are with it.
    pub tiles: Vec<(TileId, Vec<Hash>)>,
    /// Of each statement. Shared, since a writer learns from them once they are written.
    pub records: Arc<Vec<PlacedRecord>>,
}

/// A block whose rules all hold, on top of a state. It is staged until the state applies its successor.
#[derive(Debug)]
pub struct SealedBlock {
    pub seal: Seal,
    pub checkpoint: Checkpoint,
    pub content: BlockContent,
    /// Proves the block's leaves in the tree that it ends.
    pub growth: Growth,
    /// The admin statements in it.
    pub admins: Vec<Admin>,
    pub captures: u64,
    pub events: u64,
    /// The statements and events in it, for those who keep all of a ledger's in memory.
    pub learnt: Prefetched,
    pub successor: Successor,
}

/// What a state becomes once the block before it is final.
#[derive(Debug)]
pub struct Successor {
    /// Leaves in the tree before the block.
    pub(super) base: TreeSize,
    pub(super) seal: Seal,
    pub(super) edge: Edge,
    pub(super) registry: Arc<Registry>,
    pub(super) used: UsageAdded,
}

impl Successor {
    /// The consortium as of the block.
    pub const fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }
}
