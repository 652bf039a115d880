//! The append-only Merkle tree of RFC 9162 §2.1 with SHA-256: roots, proofs, and C2SP tlog-tiles.
//!
//! Knows only bytes and hashes: no leaf kinds, no checkpoints, no storage. A tree is held in one of two forms. The
//! [`Frontier`] is what a writer needs to append: the roots of the perfect subtrees, at most one for each bit of the
//! size; with the tiles that are still open it is an [`Edge`]. [`Tiles`] is what a prover needs: runs of 256 hashes at every
//! eighth height, of which a proof reads O(log n). [`Growth`] proves what was just appended, from memory.

mod bundle;
mod edge;
mod frontier;
mod growth;
mod multi;
mod proof;
mod prove;
mod size;
mod span;
mod tile;

use crate::hash::Hash;

pub use bundle::{BundleError, decode_entries, decode_hashes, encode_entries, encode_hashes};
pub use edge::Edge;
pub use frontier::{Frontier, FrontierError, SubtreeRoot};
pub use growth::Growth;
pub use multi::{MultiProof, multi_proof, multi_proof_of, root_by, tiles_for_multi_proof, verify_multi};
pub use proof::{ConsistencyProof, InclusionProof, ProofError, verify_consistency, verify_inclusion};
pub use prove::{
    ProvingError, Tiles, consistency_proof, frontier_from_tiles, inclusion_proof, root_from_tiles,
    tiles_for_consistency, tiles_for_inclusion, tiles_for_root,
};
pub use size::{LeafIndex, RangeError, TreeSize};
pub use tile::{BundleId, TILE_HEIGHT, TILE_WIDTH, TileError, TileId, TilePath};

/// Hashes a leaf's data: SHA-256(0x00 ‖ data), RFC 9162 §2.1.1.
pub fn leaf_hash(data: &[u8]) -> Hash {
    Hash::of_parts(&[&[0x00], data])
}

/// Hashes an inner node: SHA-256(0x01 ‖ left ‖ right), RFC 9162 §2.1.1.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut input = [0x01; 1 + 2 * Hash::LEN];
    input[1..=Hash::LEN].copy_from_slice(left.as_bytes());
    input[1 + Hash::LEN..].copy_from_slice(right.as_bytes());
    Hash::of(&input)
}

/// Computes the root over leaf hashes; SHA-256 of nothing where there are none (RFC 9162 §2.1.1).
pub fn root(leaf_hashes: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    for hash in leaf_hashes {
        frontier.push(*hash);
    }
    frontier.root()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9162 §2.1.1 as it is written, for comparison.
    fn recursive_root(leaf_hashes: &[Hash]) -> Hash {
        match leaf_hashes {
            [] => Hash::of(b""),
            [only] => *only,
            many => {
                let split = many.len().next_power_of_two() / 2;
                node_hash(&recursive_root(&many[..split]), &recursive_root(&many[split..]))
            }
        }
    }

    #[test]
    fn roots_are_those_of_the_recursive_definition() {
        let leaves: Vec<Hash> = (0..130_u8).map(|n| leaf_hash(&[n])).collect();
        for size in 0..=leaves.len() {
            assert_eq!(root(&leaves[..size]), recursive_root(&leaves[..size]), "size {size}");
        }
    }

    #[test]
    fn leaves_and_nodes_are_hashed_apart() {
        let (left, right) = (leaf_hash(b"l"), leaf_hash(b"r"));
        let joined = [&left.as_bytes()[..], &right.as_bytes()[..]].concat();
        assert_eq!(node_hash(&left, &right), Hash::of_parts(&[&[1], &joined]));
        assert_ne!(node_hash(&left, &right), leaf_hash(&joined));
        assert_eq!(leaf_hash(b""), Hash::of(&[0]));
    }
}
