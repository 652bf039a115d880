//! Where something stands on the ledger, and since when.

use crate::merkle::LeafIndex;
use crate::time::Timestamp;

/// A leaf's place: its index, and its block's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub leaf: LeafIndex,
    pub time: Timestamp,
}
