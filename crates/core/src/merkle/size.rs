//! Places in the tree and sizes of it. In JSON both are numbers, so both stay where a double is exact.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::TREE_SIZE_MAX;

/// A number of leaves: 0 to 2^53 − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct TreeSize(u64);

/// A leaf's place in the tree, counted from 0: less than 2^53 − 1, so that the size that holds it is a [`TreeSize`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct LeafIndex(u64);

/// A number too large for a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    #[error("a tree has at most {TREE_SIZE_MAX} leaves; this says {found}")]
    Size { found: u64 },
    #[error("a leaf index is less than {TREE_SIZE_MAX}; this is {found}")]
    Index { found: u64 },
}

impl TreeSize {
    /// The size of the tree without leaves.
    pub const ZERO: Self = Self(0);

    /// The largest tree there can be: the upper bound of a caller that wants all leaves.
    pub const MAX: Self = Self(TREE_SIZE_MAX);

    pub const fn new(size: u64) -> Result<Self, RangeError> {
        if size > TREE_SIZE_MAX { Err(RangeError::Size { found: size }) } else { Ok(Self(size)) }
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    /// Tells whether the leaf at `index` is in a tree of this size.
    pub const fn contains(self, index: LeafIndex) -> bool {
        index.0 < self.0
    }

    /// Returns the place of the newest leaf; `None` in the empty tree.
    pub const fn last_index(self) -> Option<LeafIndex> {
        match self.0.checked_sub(1) {
            Some(index) => Some(LeafIndex(index)),
            None => None,
        }
    }

    /// Returns the place that the next leaf will have.
    pub const fn next_index(self) -> LeafIndex {
        LeafIndex(self.0)
    }

    /// For counts that began as a `TreeSize` and grew by one leaf at a time: 2^53 is out of their reach.
    pub(super) const fn counted(size: u64) -> Self {
        Self(size)
    }
}

impl LeafIndex {
    pub const fn new(index: u64) -> Result<Self, RangeError> {
        if index >= TREE_SIZE_MAX { Err(RangeError::Index { found: index }) } else { Ok(Self(index)) }
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    /// Returns the size of the smallest tree that holds this leaf.
    pub const fn size_through(self) -> TreeSize {
        TreeSize(self.0 + 1)
    }
}

impl TryFrom<u64> for TreeSize {
    type Error = RangeError;

    fn try_from(size: u64) -> Result<Self, RangeError> {
        Self::new(size)
    }
}

impl TryFrom<u64> for LeafIndex {
    type Error = RangeError;

    fn try_from(index: u64) -> Result<Self, RangeError> {
        Self::new(index)
    }
}

impl From<TreeSize> for u64 {
    fn from(size: TreeSize) -> u64 {
        size.0
    }
}

impl From<LeafIndex> for u64 {
    fn from(index: LeafIndex) -> u64 {
        index.0
    }
}

impl fmt::Display for TreeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for LeafIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_indices_end_where_doubles_stop_being_exact() {
        assert_eq!(TreeSize::new(TREE_SIZE_MAX).map(TreeSize::get), Ok(9_007_199_254_740_991));
        assert_eq!(TreeSize::new(1 << 53), Err(RangeError::Size { found: 1 << 53 }));
        let last = LeafIndex::new(TREE_SIZE_MAX - 1).unwrap();
        assert_eq!(last.size_through().get(), TREE_SIZE_MAX);
        assert_eq!(LeafIndex::new(TREE_SIZE_MAX), Err(RangeError::Index { found: TREE_SIZE_MAX }));
    }

    #[test]
    fn json_is_a_plain_number_in_range() {
        assert_eq!(serde_json::to_string(&TreeSize(7)).unwrap(), "7");
        assert_eq!(serde_json::from_str::<LeafIndex>("7").unwrap(), LeafIndex(7));
        let fault = serde_json::from_str::<LeafIndex>("9007199254740993").unwrap_err().to_string();
        assert!(fault.contains("less than 9007199254740991"), "{fault}");
        assert!(serde_json::from_str::<TreeSize>("-1").is_err());
        assert!(serde_json::from_str::<TreeSize>("\"1\"").is_err());
    }

    #[test]
    fn neighbours_agree() {
        assert_eq!(TreeSize::ZERO.last_index(), None);
        let size = TreeSize(3);
        assert_eq!(size.last_index(), Some(LeafIndex(2)));
        assert!(size.contains(LeafIndex(2)) && !size.contains(size.next_index()));
        assert_eq!(size.next_index().size_through(), TreeSize(4));
    }
}
