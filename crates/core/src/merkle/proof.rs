//! Checking proofs, by the steps of RFC 9162 §2.1.3.2 and §2.1.4.2.

use serde::{Deserialize, Serialize};

use crate::hash::Hash;
use crate::merkle::{LeafIndex, TreeSize, node_hash, span};

/// A Merkle inclusion proof: the sibling hashes from the leaf up (RFC 9162 §2.1.3). In JSON an array of base64url.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InclusionProof(pub Vec<Hash>);

/// A Merkle consistency proof: that one tree begins with another (RFC 9162 §2.1.4). In JSON an array of base64url.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConsistencyProof(pub Vec<Hash>);

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("leaf {index} is not in a tree of size {size}, whose last leaf is one below the size")]
    IndexOutside { index: LeafIndex, size: TreeSize },
    #[error("consistency runs from a tree of one leaf or more to one at least as large; this says from {from} to {to}")]
    Sizes { from: TreeSize, to: TreeSize },
    #[error("the proof has {found} hashes; for these sizes it has {expected}")]
    Length { expected: usize, found: usize },
    #[error("the leaves to be shown have to ascend and be one or more")]
    Leaves,
    #[error("the proof leads to the root {computed}; the tree's root is {expected}")]
    Root { computed: Hash, expected: Hash },
    #[error("the proof leads to the earlier root {computed}; the earlier tree's root is {expected}")]
    EarlierRoot { computed: Hash, expected: Hash },
}

/// Checks that the leaf with `leaf_hash` stands at `index` in the tree of `size` with `root` (RFC 9162 §2.1.3.2).
pub fn verify_inclusion(
    index: LeafIndex,
    size: TreeSize,
    leaf_hash: Hash,
    proof: &InclusionProof,
    root: Hash,
) -> Result<(), ProofError> {
    if !size.contains(index) {
        return Err(ProofError::IndexOutside { index, size });
    }
    let length = || {
        let expected = span::inclusion(index.get(), size.get()).len();
        ProofError::Length { expected, found: proof.0.len() }
    };
    let mut path = Path { node: index.get(), last: size.get() - 1 };
    let mut hash = leaf_hash;
    for sibling in &proof.0 {
        hash = match path.climb().ok_or_else(length)? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    if !path.at_root() {
        return Err(length());
    }
    expect_root(hash, root)
}

/// Checks that the tree of size `to` with `to_root` begins with the tree of size `from` with `from_root`
/// (RFC 9162 §2.1.4.2).
///
/// Equal sizes need equal roots and an empty proof. That a tree begins with the empty tree says nothing: refused.
pub fn verify_consistency(
    from: TreeSize,
    from_root: Hash,
    to: TreeSize,
    to_root: Hash,
    proof: &ConsistencyProof,
) -> Result<(), ProofError> {
    if from == to {
        return match proof.0.len() {
            0 => expect_root(from_root, to_root),
            found => Err(ProofError::Length { expected: 0, found }),
        };
    }
    if from == TreeSize::ZERO || from > to {
        return Err(ProofError::Sizes { from, to });
    }
    let length = || {
        let expected = span::consistency(from.get(), to.get()).len();
        ProofError::Length { expected, found: proof.0.len() }
    };
    // An old tree that is one perfect subtree is itself where the path starts, and is left out of the proof.
    let (start, siblings) = match proof.0.split_first() {
        None => return Err(length()),
        Some(_) if from.get().is_power_of_two() => (from_root, proof.0.as_slice()),
        Some((first, siblings)) => (*first, siblings),
    };
    let mut path = Path { node: from.get() - 1, last: to.get() - 1 };
    path.skip(path.node.trailing_ones());
    let (mut earlier, mut later) = (start, start);
    for sibling in siblings {
        match path.climb().ok_or_else(length)? {
            Side::Left => {
                earlier = node_hash(sibling, &earlier);
                later = node_hash(sibling, &later);
            }
            Side::Right => later = node_hash(&later, sibling),
        }
    }
    if !path.at_root() {
        return Err(length());
    }
    if earlier != from_root {
        return Err(ProofError::EarlierRoot { computed: earlier, expected: from_root });
    }
    expect_root(later, to_root)
}

pub(super) fn expect_root(computed: Hash, expected: Hash) -> Result<(), ProofError> {
    if computed == expected { Ok(()) } else { Err(ProofError::Root { computed, expected }) }
}

/// Where a sibling stands.
enum Side {
    Left,
    Right,
}

/// The node that the path has reached and the last node at its height: `fn` and `sn` of the RFC.
struct Path {
    node: u64,
    last: u64,
}

impl Path {
    /// Goes up to the next node that has a sibling below it, and tells on which side; `None` from the root.
    fn climb(&mut self) -> Option<Side> {
        if self.at_root() {
            return None;
        }
        if self.node & 1 == 0 && self.node < self.last {
            self.skip(1);
            return Some(Side::Right);
        }
        // The last node of an incomplete row stands for its parent until it is a right child.
        self.skip(self.node.trailing_zeros() + 1);
        Some(Side::Left)
    }

    fn skip(&mut self, heights: u32) {
        self.node = self.node.checked_shr(heights).unwrap_or(0);
        self.last = self.last.checked_shr(heights).unwrap_or(0);
    }

    const fn at_root(&self) -> bool {
        self.last == 0
    }
}
