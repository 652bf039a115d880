//! The list of a subject's leaf indices: an RFC 9162 tree, of which only the right edge is kept.

use crate::hash::Hash;
use crate::index::value_hash;
use crate::merkle::{Frontier, LeafIndex, leaf_hash};

/// A list of leaf indices, as small as it can be and still grow.
///
/// Most subjects have few leaves, so the frontier's root of a lone last entry is not stored: it follows from `last`.
/// A list of one entry then needs no allocation, and lists of two to five a single hash.
#[derive(Debug, Clone)]
pub(super) struct LeafList {
    count: u64,
    last: LeafIndex,
    /// The roots of the perfect subtrees of two entries or more, largest first.
    roots: Box<[Hash]>,
}

impl LeafList {
    pub fn starting_with(leaf: LeafIndex) -> Self {
        Self { count: 1, last: leaf, roots: Box::default() }
    }

    /// The list of some indices, which ascend; `None` of none.
    pub fn of(leaves: &[LeafIndex]) -> Option<Self> {
        let last = *leaves.last()?;
        let mut pairs = Frontier::new();
        let (in_pairs, _) = leaves.as_chunks::<2>();
        for leaf in in_pairs.as_flattened() {
            pairs.push(entry_hash(*leaf));
        }
        Some(Self { count: leaves.len() as u64, last, roots: pairs.subtree_roots().into() })
    }

    pub const fn count(&self) -> u64 {
        self.count
    }

    pub const fn last(&self) -> LeafIndex {
        self.last
    }

    /// Appends an index, which is above the last.
    pub fn push(&mut self, leaf: LeafIndex) {
        if self.count % 2 == 1 {
            let mut frontier = self.frontier();
            frontier.push(entry_hash(leaf));
            self.roots = frontier.subtree_roots().into();
        }
        self.count += 1;
        self.last = leaf;
    }

    /// Computes the value that the map holds for the list.
    pub fn value(&self) -> Hash {
        value_hash(self.count, &self.frontier().root())
    }

    fn frontier(&self) -> Frontier {
        let mut roots = self.roots.to_vec();
        if self.count % 2 == 1 {
            roots.push(entry_hash(self.last));
        }
        Frontier::of_parts(self.count, roots)
    }
}

/// Digests one entry of a list: the leaf hash of the leaf index as u64, big-endian.
pub(super) fn entry_hash(leaf: LeafIndex) -> Hash {
    leaf_hash(&leaf.get().to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::root;

    #[test]
    fn a_value_is_the_digest_of_count_and_root_at_every_length() {
        let leaves: Vec<LeafIndex> = (0..300).map(|n| LeafIndex::new(n * n + 7).unwrap()).collect();
        let entries: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(&leaf.get().to_be_bytes())).collect();
        let mut list = LeafList::starting_with(leaves[0]);
        for n in 1..leaves.len() {
            let bytes = [&[5][..], &(n as u64).to_be_bytes(), root(&entries[..n]).as_bytes()].concat();
            assert_eq!(list.value(), Hash::of(&bytes), "{n} entries");
            let whole = LeafList::of(&leaves[..n]).unwrap();
            assert_eq!((whole.value(), &whole.roots, whole.last()), (list.value(), &list.roots, list.last()));
            list.push(leaves[n]);
        }
        assert_eq!((list.count(), list.last()), (300, leaves[299]));
        assert!(LeafList::of(&[]).is_none());
    }

    #[test]
    fn a_short_list_is_small() {
        let mut list = LeafList::starting_with(LeafIndex::new(1).unwrap());
        assert!(list.roots.is_empty());
        for leaf in 2..=5 {
            list.push(LeafIndex::new(leaf).unwrap());
            assert_eq!(list.roots.len(), 1);
        }
        assert_eq!(size_of::<LeafList>(), 32);
    }
}
