//! The list of a subject's entries: an RFC 9162 tree, of which only the right edge is kept.

use crate::hash::Hash;
use crate::index::{ListEntry, value_hash};
use crate::merkle::{Frontier, LeafIndex};

/// A list of entries, as small as it can be and still grow.
///
/// Most subjects have few leaves, so the frontier's root of a lone last entry is not stored: it follows from `last`.
/// A list of one entry then needs no allocation, and lists of two to five a single hash.
#[derive(Debug, Clone)]
pub(super) struct LeafList {
    count: u64,
    last: ListEntry,
    /// The roots of the perfect subtrees of two entries or more, largest first.
    roots: Box<[Hash]>,
}

impl LeafList {
    pub fn starting_with(entry: ListEntry) -> Self {
        Self { count: 1, last: entry, roots: Box::default() }
    }

    /// The list of some entries, which ascend; `None` of none.
    pub fn of(entries: &[ListEntry]) -> Option<Self> {
        let last = *entries.last()?;
        let mut pairs = Frontier::new();
        let (in_pairs, _) = entries.as_chunks::<2>();
        for entry in in_pairs.as_flattened() {
            pairs.push(entry.hash());
        }
        Some(Self { count: entries.len() as u64, last, roots: pairs.subtree_roots().into() })
    }

    pub const fn count(&self) -> u64 {
        self.count
    }

    pub const fn last(&self) -> LeafIndex {
        self.last.leaf
    }

    pub const fn last_entry(&self) -> ListEntry {
        self.last
    }

    /// Appends an entry, whose leaf is above the last.
    pub fn push(&mut self, entry: ListEntry) {
        if self.count % 2 == 1 {
            let mut frontier = self.frontier();
            frontier.push(entry.hash());
            self.roots = frontier.subtree_roots().into();
        }
        self.count += 1;
        self.last = entry;
    }

    /// Computes the value that the map holds for the list.
    pub fn value(&self) -> Hash {
        value_hash(self.count, &self.frontier().root())
    }

    fn frontier(&self) -> Frontier {
        let mut roots = self.roots.to_vec();
        if self.count % 2 == 1 {
            roots.push(self.last.hash());
        }
        Frontier::of_parts(self.count, roots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{Acts, SignerTag};
    use crate::merkle::{leaf_hash, root};

    fn entry(n: u64) -> ListEntry {
        let signer = SignerTag::Participant([n as u8; 16]);
        ListEntry { leaf: LeafIndex::new(n * n + 7).unwrap(), signer, acts: Acts::from_byte(n as u8) }
    }

    #[test]
    fn a_value_is_the_digest_of_count_and_root_at_every_length() {
        let leaves: Vec<ListEntry> = (0..300).map(entry).collect();
        let entries: Vec<Hash> = leaves.iter().map(|entry| leaf_hash(&entry.to_bytes())).collect();
        let mut list = LeafList::starting_with(leaves[0]);
        for n in 1..leaves.len() {
            let bytes = [&[5][..], &(n as u64).to_be_bytes(), root(&entries[..n]).as_bytes()].concat();
            assert_eq!(list.value(), Hash::of(&bytes), "{n} entries");
            let whole = LeafList::of(&leaves[..n]).unwrap();
            assert_eq!((whole.value(), &whole.roots, whole.last()), (list.value(), &list.roots, list.last()));
            list.push(leaves[n]);
        }
        assert_eq!((list.count(), list.last()), (300, leaves[299].leaf));
        assert!(LeafList::of(&[]).is_none());
    }

    #[test]
    fn a_short_list_is_small() {
        let mut list = LeafList::starting_with(entry(1));
        assert!(list.roots.is_empty());
        for n in 2..=5 {
            list.push(entry(n));
            assert_eq!(list.roots.len(), 1);
        }
        assert_eq!(size_of::<LeafList>(), 56);
    }
}
