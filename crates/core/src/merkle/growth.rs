//! The part of a tree that a run of new leaves makes: every proof about them, without reading a tile.

use crate::hash::Hash;
use crate::merkle::{Frontier, InclusionProof, LeafIndex, TreeSize, node_hash};

/// All nodes above the leaves that were appended to a tree at once, and those beside them.
///
/// Twice as many hashes as leaves. A proof looks its hashes up and computes none.
#[derive(Debug, Clone)]
pub struct Growth {
    before: u64,
    size: u64,
    /// By height. The last node of a height may stand over fewer leaves than the others.
    rows: Vec<Row>,
}

/// Neighbouring nodes of one height.
#[derive(Debug, Clone)]
struct Row {
    /// The first one's place among all of this height.
    first: u64,
    nodes: Vec<Hash>,
}

impl Growth {
    /// Computes the nodes that `leaf_hashes`, appended to the tree of `before`, give.
    pub fn new(before: &Frontier, leaf_hashes: Vec<Hash>) -> Self {
        let start = before.size().get();
        let size = start + leaf_hashes.len() as u64;
        let mut rows = Vec::new();
        // The frontier's roots, lowest first: one for each set bit of the size, at that height.
        let mut beside = before.subtree_roots().iter().rev();
        let mut nodes = leaf_hashes;
        for height in 0.. {
            let mut first = start >> height;
            if first & 1 == 1
                && let Some(left) = beside.next()
            {
                nodes.insert(0, *left);
                first -= 1;
            }
            let pairs = nodes.chunks_exact(2);
            // Nothing stands to the right of an odd last node yet: its parent is itself (RFC 9162 §2.1.1).
            let odd = pairs.remainder().first().copied();
            let mut above: Vec<Hash> = pairs.map(|pair| node_hash(&pair[0], &pair[1])).collect();
            above.extend(odd);
            let done = first == 0 && nodes.len() <= 1;
            rows.push(Row { first, nodes: std::mem::replace(&mut nodes, above) });
            if done {
                break;
            }
        }
        Self { before: start, size, rows }
    }

    /// Leaves in the tree with the new ones.
    pub const fn size(&self) -> TreeSize {
        TreeSize::counted(self.size)
    }

    /// The hash of a new leaf.
    pub fn leaf_hash(&self, leaf: LeafIndex) -> Option<Hash> {
        let row = self.rows.first().filter(|_| leaf.get() >= self.before)?;
        let place = usize::try_from(leaf.get().checked_sub(row.first)?).ok()?;
        row.nodes.get(place).copied()
    }

    /// Makes the proof that a new leaf is in the tree with all of them (RFC 9162 §2.1.3.1); `None` for any other leaf.
    pub fn inclusion_proof(&self, leaf: LeafIndex) -> Option<InclusionProof> {
        let mut index = leaf.get();
        if !(self.before..self.size).contains(&index) {
            return None;
        }
        let mut siblings = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let place = (index ^ 1).checked_sub(row.first).and_then(|place| usize::try_from(place).ok());
            siblings.extend(place.and_then(|place| row.nodes.get(place)).copied());
            index >>= 1;
        }
        Some(InclusionProof(siblings))
    }

    /// Computes the root of the tree with the new leaves (RFC 9162 §2.1.1).
    pub fn root(&self) -> Option<Hash> {
        self.rows.last().and_then(|row| row.nodes.first()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{leaf_hash, root, verify_inclusion};

    #[test]
    fn proves_each_new_leaf_after_every_size() {
        let leaves: Vec<Hash> = (0..70_u32).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut frontier = Frontier::new();
        for before in 0..35 {
            for new in [1, 2, 3, 4, 5, 8, 13, 31, 35] {
                let whole = &leaves[..before + new];
                let growth = Growth::new(&frontier, whole[before..].to_vec());
                let root = root(whole);
                assert_eq!(growth.root(), Some(root), "{before} + {new}");
                for (leaf, hash) in whole.iter().enumerate() {
                    let index = LeafIndex::new(leaf as u64).unwrap();
                    match growth.inclusion_proof(index) {
                        Some(proof) => {
                            assert!(leaf >= before);
                            assert_eq!(growth.leaf_hash(index), Some(*hash));
                            verify_inclusion(index, growth.size(), *hash, &proof, root).unwrap();
                        }
                        None => assert!(leaf < before && growth.leaf_hash(index).is_none(), "{before} + {new}: {leaf}"),
                    }
                }
            }
            frontier.push(leaves[before]);
        }
    }

    #[test]
    fn a_leaf_beyond_the_tree_has_no_proof() {
        let growth = Growth::new(&Frontier::new(), vec![leaf_hash(b"a")]);
        assert!(growth.inclusion_proof(LeafIndex::new(1).unwrap()).is_none());
        assert_eq!(growth.inclusion_proof(LeafIndex::new(0).unwrap()), Some(InclusionProof(Vec::new())));
    }
}
