//! What must be kept of a tree in order to append to it: the roots of its perfect subtrees.

use crate::hash::Hash;
use crate::merkle::tile::{TILE_HEIGHT, TILE_WIDTH};
use crate::merkle::{TileId, TreeSize, node_hash};

/// A tree's right edge: the roots of the perfect subtrees that its leaves fall into, largest first.
///
/// A tree of size n has one for each set bit of n, so that 2^40 leaves are held in 40 hashes at most.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

/// The root of a full subtree of 256^level leaves: hash number `index`, from 0, among the tiles of that level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubtreeRoot {
    /// Tile level, 1 or more (C2SP tlog-tiles).
    pub level: u8,
    pub index: u64,
    pub hash: Hash,
}

/// Roots that cannot be the frontier of a tree of that size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tree of size {size} has {expected} perfect subtrees; {found} roots are given")]
pub struct FrontierError {
    pub size: TreeSize,
    pub expected: usize,
    pub found: usize,
}

impl Frontier {
    /// Starts with the empty tree.
    pub const fn new() -> Self {
        Self { size: 0, roots: Vec::new() }
    }

    /// Takes up a tree where it was left, from [`Frontier::subtree_roots`]. Whether the hashes are right shows in the
    /// root, which the caller compares with one it trusts.
    pub fn from_subtree_roots(size: TreeSize, roots: Vec<Hash>) -> Result<Self, FrontierError> {
        let expected = size.get().count_ones() as usize;
        if roots.len() != expected {
            return Err(FrontierError { size, expected, found: roots.len() });
        }
        Ok(Self { size: size.get(), roots })
    }

    /// For a caller of this crate that keeps the roots in another form, and with it the right number of them.
    pub(crate) fn of_parts(size: u64, roots: Vec<Hash>) -> Self {
        debug_assert_eq!(roots.len(), size.count_ones() as usize);
        Self { size, roots }
    }

    pub const fn size(&self) -> TreeSize {
        TreeSize::counted(self.size)
    }

    /// Returns the roots of the perfect subtrees, largest and leftmost first.
    pub fn subtree_roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Appends a leaf by its hash and returns the subtrees of 256, 256², … leaves that it fills, smallest first.
    ///
    /// It hashes less than one node on average, and allocates for the answer once in 256 leaves.
    pub fn push(&mut self, leaf_hash: Hash) -> Vec<SubtreeRoot> {
        let mut filled = Vec::new();
        let mut hash = leaf_hash;
        // Each set bit at the low end of the size is a perfect subtree waiting for a right sibling of its height.
        for height in 1..=self.size.trailing_ones() {
            let Some(left) = self.roots.pop() else { break };
            hash = node_hash(&left, &hash);
            if height % TILE_HEIGHT == 0 {
                let level = (height / TILE_HEIGHT) as u8;
                filled.push(SubtreeRoot { level, index: self.size >> height, hash });
            }
        }
        self.roots.push(hash);
        self.size += 1;
        filled
    }

    /// Computes the tree's root (RFC 9162 §2.1.1).
    pub fn root(&self) -> Hash {
        let mut right_to_left = self.roots.iter().rev();
        match right_to_left.next() {
            None => Hash::of(b""),
            Some(last) => right_to_left.fold(*last, |right, left| node_hash(left, &right)),
        }
    }
}

impl SubtreeRoot {
    /// Returns the full tile that will hold this hash, and the hash's place in it.
    pub fn place(&self) -> (TileId, usize) {
        let width = u64::from(TILE_WIDTH);
        (TileId::full(self.level, self.index / width), (self.index % width) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{leaf_hash, root};

    fn leaves(count: u32) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    #[test]
    fn names_each_subtree_that_a_leaf_fills() {
        let leaves = leaves(65_536);
        let mut frontier = Frontier::new();
        let filled: Vec<SubtreeRoot> = leaves.iter().flat_map(|leaf| frontier.push(*leaf)).collect();
        assert_eq!(filled.len(), 257);
        for (n, subtree) in filled.iter().filter(|subtree| subtree.level == 1).enumerate() {
            assert_eq!(subtree.index, n as u64);
            assert_eq!(subtree.hash, root(&leaves[n * 256..(n + 1) * 256]));
        }
        assert_eq!(filled[256], SubtreeRoot { level: 2, index: 0, hash: frontier.root() });
        assert_eq!(filled[255].place(), (TileId::full(1, 0), 255));
    }

    #[test]
    fn is_taken_up_where_it_was_left() {
        let leaves = leaves(1_000);
        let mut whole = Frontier::new();
        for (n, leaf) in leaves.iter().enumerate() {
            let mut resumed = Frontier::from_subtree_roots(whole.size(), whole.subtree_roots().to_vec()).unwrap();
            assert_eq!(resumed.push(*leaf), whole.push(*leaf), "leaf {n}");
            assert_eq!(resumed, whole);
        }
        assert_eq!(whole.root(), root(&leaves));
    }

    #[test]
    fn refuses_roots_that_do_not_fit_the_size() {
        let size = TreeSize::new(5).unwrap();
        let fault = Frontier::from_subtree_roots(size, leaves(3)).unwrap_err();
        assert_eq!(fault, FrontierError { size, expected: 2, found: 3 });
        assert!(fault.to_string().contains("has 2 perfect subtrees; 3 roots"));
        assert!(Frontier::from_subtree_roots(TreeSize::ZERO, leaves(1)).is_err());
    }
}
