//! Showing many leaves at once: the inclusion proofs of all of them, with every hash that they share told once.

use serde::{Deserialize, Serialize};

use crate::hash::Hash;
use crate::merkle::proof::expect_root;
use crate::merkle::prove::tiles_of;
use crate::merkle::span::{self, Span};
use crate::merkle::{LeafIndex, ProofError, ProvingError, TileId, Tiles, TreeSize, node_hash, root};

/// A multi-leaf inclusion proof: the hashes of the subtrees beside the leaves, from left to right. In JSON an array of
/// base64url.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MultiProof(pub Vec<Hash>);

/// Checks that `leaves`, which ascend, stand in the tree of `size` with `root`.
pub fn verify_multi(
    leaves: &[(LeafIndex, Hash)],
    size: TreeSize,
    proof: &MultiProof,
    root: Hash,
) -> Result<(), ProofError> {
    expect_root(root_by(leaves, size, proof)?, root)
}

/// Computes the root to which the proof leads from `leaves`, which ascend.
pub fn root_by(leaves: &[(LeafIndex, Hash)], size: TreeSize, proof: &MultiProof) -> Result<Hash, ProofError> {
    let ascend = leaves.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let (Some((last, _)), true) = (leaves.last(), ascend) else { return Err(ProofError::Leaves) };
    if !size.contains(*last) {
        return Err(ProofError::IndexOutside { index: *last, size });
    }
    let mut rest = proof.0.iter();
    let computed = hash_of(leaves, Span::whole(size.get()), &mut rest);
    match (computed, rest.len()) {
        (Some(computed), 0) => Ok(computed),
        _ => {
            let indices: Vec<u64> = leaves.iter().map(|(leaf, _)| leaf.get()).collect();
            let expected = span::beside(&indices, size.get()).len();
            Err(ProofError::Length { expected, found: proof.0.len() })
        }
    }
}

/// Hashes a span with some of the leaves in it; `None` once the proof has run out.
fn hash_of(leaves: &[(LeafIndex, Hash)], span: Span, proof: &mut std::slice::Iter<'_, Hash>) -> Option<Hash> {
    match leaves {
        [] => proof.next().copied(),
        [(_, hash)] if span.len() == 1 => Some(*hash),
        _ => {
            let (left, right) = span.split();
            let (before, after) = leaves.split_at(leaves.partition_point(|(leaf, _)| leaf.get() < right.start));
            let left = hash_of(before, left, proof)?;
            Some(node_hash(&left, &hash_of(after, right, proof)?))
        }
    }
}

/// Lists the tiles that [`multi_proof`] reads.
pub fn tiles_for_multi_proof(leaves: &[LeafIndex], size: TreeSize) -> Vec<TileId> {
    tiles_of(&beside(leaves, size), size)
}

/// Makes the proof that `leaves`, which ascend, are in the tree of `size`.
pub fn multi_proof(tiles: &Tiles, leaves: &[LeafIndex], size: TreeSize) -> Result<MultiProof, ProvingError> {
    if let Some(index) = leaves.iter().find(|leaf| !size.contains(**leaf)) {
        return Err(ProvingError::IndexOutside { index: *index, size });
    }
    beside(leaves, size).into_iter().map(|span| tiles.span_hash(span, size)).collect::<Result<_, _>>().map(MultiProof)
}

/// Makes the proof for the positions `shown` of a tree whose leaf hashes are all at hand.
pub fn multi_proof_of(hashes: &[Hash], shown: std::ops::Range<usize>) -> MultiProof {
    let positions: Vec<u64> = (0..hashes.len() as u64).skip(shown.start).take(shown.len()).collect();
    let spans = span::beside(&positions, hashes.len() as u64).into_iter();
    MultiProof(spans.map(|span| root(&hashes[span.start as usize..span.end as usize])).collect())
}

fn beside(leaves: &[LeafIndex], size: TreeSize) -> Vec<Span> {
    let indices: Vec<u64> = leaves.iter().map(|leaf| leaf.get()).collect();
    span::beside(&indices, size.get())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::merkle::leaf_hash;

    fn hashes(size: u64) -> Vec<Hash> {
        (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    fn chosen(hashes: &[Hash], indices: &BTreeSet<u64>) -> Vec<(LeafIndex, Hash)> {
        indices.iter().map(|n| (LeafIndex::new(*n).unwrap(), hashes[*n as usize])).collect()
    }

    /// The definition, over all leaves, for comparison.
    fn naive(hashes: &[Hash], first: u64, indices: &BTreeSet<u64>, proof: &mut Vec<Hash>) {
        let last = first + hashes.len() as u64;
        if !indices.iter().any(|n| (first..last).contains(n)) {
            proof.push(root(hashes));
        } else if hashes.len() > 1 {
            let (left, right) = hashes.split_at(hashes.len().next_power_of_two() / 2);
            naive(left, first, indices, proof);
            naive(right, first + left.len() as u64, indices, proof);
        }
    }

    fn tiles(hashes: &[Hash]) -> Tiles {
        let mut tiles = Tiles::new();
        for (n, chunk) in hashes.chunks(256).enumerate() {
            let size = TreeSize::new(hashes.len() as u64).unwrap();
            tiles.insert(TileId::in_tree(0, n as u64, size).unwrap(), chunk.to_vec()).unwrap();
        }
        tiles
    }

    proptest! {
        #[test]
        fn any_leaves_of_any_tree(size in 1..600_u64, some in prop::collection::btree_set(0..600_u64, 1..12)) {
            let indices: BTreeSet<u64> = some.into_iter().map(|n| n % size).collect();
            let hashes = hashes(size);
            let (leaves, tree) = (chosen(&hashes, &indices), TreeSize::new(size).unwrap());
            let mut expected = Vec::new();
            naive(&hashes, 0, &indices, &mut expected);
            let proof = MultiProof(expected);
            prop_assert_eq!(verify_multi(&leaves, tree, &proof, root(&hashes)), Ok(()));
            if size <= 256 {
                let only: Vec<LeafIndex> = leaves.iter().map(|(leaf, _)| *leaf).collect();
                prop_assert_eq!(multi_proof(&tiles(&hashes), &only, tree).unwrap(), proof.clone());
            }
            for at in 0..leaves.len() {
                let mut other = leaves.clone();
                other[at].1 = leaf_hash(b"another");
                prop_assert!(verify_multi(&other, tree, &proof, root(&hashes)).is_err());
                other.remove(at);
                prop_assert!(verify_multi(&other, tree, &proof, root(&hashes)).is_err());
            }
            for at in 0..proof.0.len() {
                let (mut changed, mut shorter) = (proof.clone(), proof.clone());
                changed.0[at] = leaf_hash(b"another");
                shorter.0.remove(at);
                prop_assert!(verify_multi(&leaves, tree, &changed, root(&hashes)).is_err());
                prop_assert!(verify_multi(&leaves, tree, &shorter, root(&hashes)).is_err());
            }
            let longer = MultiProof([proof.0.clone(), vec![leaf_hash(b"more")]].concat());
            prop_assert!(verify_multi(&leaves, tree, &longer, root(&hashes)).is_err());
        }

        #[test]
        fn a_stretch_of_a_list(size in 1..300_usize, a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
            let (from, to) = (a.index(size), b.index(size));
            let (from, to) = (from.min(to), from.max(to) + 1);
            let hashes = hashes(size as u64);
            let leaves = chosen(&hashes, &(from as u64..to as u64).collect());
            let tree = TreeSize::new(size as u64).unwrap();
            prop_assert_eq!(verify_multi(&leaves, tree, &multi_proof_of(&hashes, from..to), root(&hashes)), Ok(()));
        }
    }

    #[test]
    fn leaves_ascend_and_lie_in_the_tree() {
        let all = hashes(4);
        let tree = TreeSize::new(4).unwrap();
        let at = |n: u64| (LeafIndex::new(n).unwrap(), all[n.min(3) as usize]);
        for bad in [vec![], vec![at(1), at(1)], vec![at(2), at(1)]] {
            assert_eq!(verify_multi(&bad, tree, &MultiProof::default(), root(&all)), Err(ProofError::Leaves));
        }
        let outside = verify_multi(&[at(4)], tree, &MultiProof::default(), root(&all));
        assert_eq!(outside, Err(ProofError::IndexOutside { index: at(4).0, size: tree }));
        let none = verify_multi(&[at(0)], tree, &MultiProof::default(), root(&all));
        assert_eq!(none, Err(ProofError::Length { expected: 2, found: 0 }));
    }
}
