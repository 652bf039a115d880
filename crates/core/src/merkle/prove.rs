//! Making proofs from tiles: first ask which, read them in whatever way, then prove. No step does I/O.

use std::collections::BTreeMap;

use crate::hash::Hash;
use crate::merkle::span::{self, PerfectSubtree, Span};
use crate::merkle::tile::{TILE_HEIGHT, TILE_WIDTH};
use crate::merkle::{
    BundleError, ConsistencyProof, Frontier, InclusionProof, LeafIndex, TileId, TreeSize, node_hash, root,
};

/// Tiles that were read. A wider one serves where a narrower one is asked for.
#[derive(Debug, Clone, Default)]
pub struct Tiles(BTreeMap<(u8, u64), Vec<Hash>>);

/// Why a proof cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProvingError {
    #[error("the tile of level {} with index {} and width {} is missing", tile.level(), tile.index(), tile.width())]
    MissingTile { tile: TileId },
    #[error("leaf {index} is not in a tree of size {size}, whose last leaf is one below the size")]
    IndexOutside { index: LeafIndex, size: TreeSize },
    #[error("consistency is proven from a tree of one leaf or more to one at least as large, not from {from} to {to}")]
    Sizes { from: TreeSize, to: TreeSize },
}

impl Tiles {
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a tile, whose hashes are as many as its width says. Of two widths the wider stays.
    pub fn insert(&mut self, tile: TileId, hashes: Vec<Hash>) -> Result<(), BundleError> {
        if hashes.len() != usize::from(tile.width()) {
            let expected = usize::from(tile.width()) * Hash::LEN;
            return Err(BundleError::TileLength { width: tile.width(), expected, found: hashes.len() * Hash::LEN });
        }
        let held = self.0.entry((tile.level(), tile.index())).or_default();
        if hashes.len() > held.len() {
            *held = hashes;
        }
        Ok(())
    }

    /// The hashes of a tile, where it or a wider one was read.
    pub(super) fn hashes(&self, tile: TileId) -> Result<Vec<Hash>, ProvingError> {
        let held = self.0.get(&(tile.level(), tile.index())).and_then(|held| held.get(..usize::from(tile.width())));
        held.map(<[Hash]>::to_vec).ok_or(ProvingError::MissingTile { tile })
    }

    pub(super) fn span_hash(&self, span: Span, size: TreeSize) -> Result<Hash, ProvingError> {
        let parts: Vec<Hash> =
            span.perfect_subtrees().map(|part| self.part_hash(part, size)).collect::<Result<_, _>>()?;
        let mut right_to_left = parts.iter().rev();
        let Some(last) = right_to_left.next() else { return Ok(root(&[])) };
        Ok(right_to_left.fold(*last, |right, left| node_hash(left, &right)))
    }

    fn part_hash(&self, part: PerfectSubtree, size: TreeSize) -> Result<Hash, ProvingError> {
        let place = TilePlace::of(part);
        let hashes = self.0.get(&(place.level, place.index)).and_then(|tile| tile.get(place.start..place.end));
        match hashes {
            Some(hashes) => Ok(root(hashes)),
            None => Err(ProvingError::MissingTile { tile: place.tile(size) }),
        }
    }
}

/// Lists the tiles that [`inclusion_proof`] reads, each as wide as a tree of `size` has it; none for an index outside.
///
/// At most two for each level of tiles: 14 for a tree of 2^53 leaves.
pub fn tiles_for_inclusion(index: LeafIndex, size: TreeSize) -> Vec<TileId> {
    if size.contains(index) { tiles_of(&span::inclusion(index.get(), size.get()), size) } else { Vec::new() }
}

/// Lists the tiles that [`consistency_proof`] reads, each as wide as a tree of size `to` has it; none for sizes
/// that it refuses.
pub fn tiles_for_consistency(from: TreeSize, to: TreeSize) -> Vec<TileId> {
    if sizes_fit(from, to) { tiles_of(&span::consistency(from.get(), to.get()), to) } else { Vec::new() }
}

/// Lists the tiles that [`root_from_tiles`] reads.
pub fn tiles_for_root(size: TreeSize) -> Vec<TileId> {
    tiles_of(&[Span::whole(size.get())], size)
}

/// Makes the proof that the leaf at `index` is in the tree of `size` (RFC 9162 §2.1.3.1).
pub fn inclusion_proof(tiles: &Tiles, index: LeafIndex, size: TreeSize) -> Result<InclusionProof, ProvingError> {
    if !size.contains(index) {
        return Err(ProvingError::IndexOutside { index, size });
    }
    let siblings = span::inclusion(index.get(), size.get());
    siblings.into_iter().map(|span| tiles.span_hash(span, size)).collect::<Result<_, _>>().map(InclusionProof)
}

/// Makes the proof that the tree of size `to` begins with the tree of size `from` (RFC 9162 §2.1.4.1).
pub fn consistency_proof(tiles: &Tiles, from: TreeSize, to: TreeSize) -> Result<ConsistencyProof, ProvingError> {
    if !sizes_fit(from, to) {
        return Err(ProvingError::Sizes { from, to });
    }
    let subtrees = span::consistency(from.get(), to.get());
    subtrees.into_iter().map(|span| tiles.span_hash(span, to)).collect::<Result<_, _>>().map(ConsistencyProof)
}

/// Computes the root of the tree of `size` from the tiles at its right edge. Tiles below them are not looked at: who
/// distrusts the source compares each full tile's root with the hash that the tile above has for it.
pub fn root_from_tiles(tiles: &Tiles, size: TreeSize) -> Result<Hash, ProvingError> {
    tiles.span_hash(Span::whole(size.get()), size)
}

/// Takes up the right edge of the tree of `size` from the tiles of [`tiles_for_root`], in order to append to it.
pub fn frontier_from_tiles(tiles: &Tiles, size: TreeSize) -> Result<Frontier, ProvingError> {
    let parts = Span::whole(size.get()).perfect_subtrees();
    let roots = parts.map(|part| tiles.part_hash(part, size)).collect::<Result<Vec<_>, _>>()?;
    Frontier::from_subtree_roots(size, roots).map_err(|_| ProvingError::Sizes { from: size, to: size })
}

fn sizes_fit(from: TreeSize, to: TreeSize) -> bool {
    from > TreeSize::ZERO && from <= to
}

pub(super) fn tiles_of(spans: &[Span], size: TreeSize) -> Vec<TileId> {
    let parts = spans.iter().flat_map(|span| span.perfect_subtrees());
    let mut tiles: Vec<TileId> = parts.map(|part| TilePlace::of(part).tile(size)).collect();
    tiles.sort_unstable();
    tiles.dedup();
    tiles
}

/// Where in which tile the hashes stand that a perfect subtree is computed from: 1 to 128 of them.
struct TilePlace {
    level: u8,
    index: u64,
    start: usize,
    end: usize,
}

impl TilePlace {
    fn of(part: PerfectSubtree) -> Self {
        let above = part.height % TILE_HEIGHT;
        let first = part.index << above;
        let start = (first % u64::from(TILE_WIDTH)) as usize;
        Self {
            level: (part.height / TILE_HEIGHT) as u8,
            index: first / u64::from(TILE_WIDTH),
            start,
            end: start + (1 << above),
        }
    }

    fn tile(&self, size: TreeSize) -> TileId {
        TileId::in_tree(self.level, self.index, size).unwrap_or(TileId::full(self.level, self.index))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_frontier_is_taken_up_from_tiles() {
        for size in [0u64, 1, 2, 3, 255, 256, 257, 1000] {
            let hashes: Vec<Hash> = (0..size).map(|n| crate::merkle::leaf_hash(&n.to_be_bytes())).collect();
            let mut frontier = Frontier::new();
            let filled: Vec<_> = hashes.iter().flat_map(|hash| frontier.push(*hash)).collect();
            let size = TreeSize::new(size).unwrap();
            let mut tiles = Tiles::new();
            for tile in tiles_for_root(size) {
                let range = tile.positions().start as usize..tile.positions().end as usize;
                let held = match tile.level() {
                    0 => hashes[range].to_vec(),
                    level => filled.iter().filter(|one| one.level == level).map(|one| one.hash).collect(),
                };
                tiles.insert(tile, held).unwrap();
            }
            assert_eq!(frontier_from_tiles(&tiles, size), Ok(frontier));
        }
    }

    use super::*;
    use crate::limits::TREE_SIZE_MAX;
    use crate::merkle::{Frontier, ProofError, leaf_hash, verify_consistency, verify_inclusion};
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::prelude::*;
    use proptest::test_runner::Config;
    use sha2::Sha256;

    /// A log as a store keeps it: leaf hashes, and the roots of filled subtrees as the frontier names them.
    #[derive(Default)]
    struct Log {
        frontier: Frontier,
        hashes: BTreeMap<u8, Vec<Hash>>,
        roots: Vec<Hash>,
    }

    impl Log {
        fn of(size: u32) -> Self {
            let mut log = Self { roots: vec![root(&[])], ..Self::default() };
            for n in 0..size {
                let hash = leaf_hash(&data(n));
                log.hashes.entry(0).or_default().push(hash);
                for filled in log.frontier.push(hash) {
                    let row = log.hashes.entry(filled.level).or_default();
                    assert_eq!(row.len() as u64, filled.index);
                    row.push(filled.hash);
                }
                log.roots.push(log.frontier.root());
            }
            log
        }

        fn read(&self, ids: Vec<TileId>) -> Tiles {
            let mut tiles = Tiles::new();
            for id in ids {
                let row = &self.hashes[&id.level()];
                let range = id.positions();
                tiles.insert(id, row[range.start as usize..range.end as usize].to_vec()).unwrap();
            }
            tiles
        }

        fn inclusion(&self, index: LeafIndex, size: TreeSize) -> InclusionProof {
            inclusion_proof(&self.read(tiles_for_inclusion(index, size)), index, size).unwrap()
        }

        fn consistency(&self, from: TreeSize, to: TreeSize) -> ConsistencyProof {
            consistency_proof(&self.read(tiles_for_consistency(from, to)), from, to).unwrap()
        }

        fn root(&self, size: TreeSize) -> Hash {
            self.roots[size.get() as usize]
        }
    }

    fn data(n: u32) -> Vec<u8> {
        n.to_be_bytes().to_vec()
    }

    fn index(index: u64) -> LeafIndex {
        LeafIndex::new(index).unwrap()
    }

    fn size(size: u64) -> TreeSize {
        TreeSize::new(size).unwrap()
    }

    #[test]
    fn proofs_are_those_of_another_implementation() {
        const SIZE: u32 = 300;
        let log = Log::of(SIZE);
        let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        for n in 0..SIZE {
            other.push(data(n));
            let now = size(u64::from(n) + 1);
            assert_eq!(other.root().as_bytes()[..], log.root(now).as_bytes()[..]);
            // Every seventh size is compared whole, and those around a full tile: all would take too long unoptimised.
            if n % 7 != 0 && n != 255 && n != 256 {
                continue;
            }
            for i in 0..=n {
                let ours: Vec<u8> =
                    log.inclusion(index(u64::from(i)), now).0.iter().flat_map(|h| *h.as_bytes()).collect();
                assert_eq!(other.prove_inclusion(i as usize).as_bytes(), ours, "leaf {i} of {now}");
            }
            for from in 1..n {
                let ours = log.consistency(size(u64::from(from)), now);
                let ours: Vec<u8> = ours.0.iter().flat_map(|h| *h.as_bytes()).collect();
                let additions = (n + 1 - from) as usize;
                assert_eq!(other.prove_consistency(additions).as_bytes(), ours, "from {from} to {now}");
            }
        }
    }

    #[test]
    fn a_tree_with_three_levels_of_tiles_proves_itself() {
        let log = Log::of(70_000);
        let now = size(70_000);
        for i in [0, 1, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999] {
            let proof = log.inclusion(index(i), now);
            verify_inclusion(index(i), now, leaf_hash(&data(i as u32)), &proof, log.root(now)).unwrap();
            assert!(tiles_for_inclusion(index(i), now).len() <= 6);
        }
        for from in [1, 255, 256, 257, 40_000, 65_535, 65_536, 65_537, 69_999, 70_000].map(size) {
            let proof = log.consistency(from, now);
            verify_consistency(from, log.root(from), now, log.root(now), &proof).unwrap();
        }
        assert_eq!(root_from_tiles(&log.read(tiles_for_root(now)), now), Ok(log.root(now)));
        assert_eq!(tiles_for_root(now).len(), 3);
    }

    #[test]
    fn the_largest_tree_needs_few_tiles() {
        let largest = size(TREE_SIZE_MAX);
        let middle = index(largest.get() / 3);
        assert!(tiles_for_inclusion(middle, largest).len() <= 14);
        assert!(tiles_for_consistency(middle.size_through(), largest).len() <= 14);
        assert_eq!(tiles_for_root(largest).len(), 7);
    }

    #[test]
    fn wider_tiles_serve_and_missing_ones_are_named() {
        let log = Log::of(600);
        let (leaf, then) = (index(270), size(300));
        let mut tiles = log.read(tiles_for_root(size(600)));
        assert_eq!(root_from_tiles(&tiles, size(600)), Ok(log.root(size(600))));
        let missing = TileId::in_tree(0, 1, then).unwrap();
        assert_eq!(inclusion_proof(&tiles, leaf, then), Err(ProvingError::MissingTile { tile: missing }));
        for narrow in tiles_for_inclusion(leaf, then) {
            let wide = TileId::in_tree(narrow.level(), narrow.index(), size(600)).unwrap();
            for id in [wide, narrow] {
                let range = id.positions();
                let hashes = log.hashes[&id.level()][range.start as usize..range.end as usize].to_vec();
                tiles.insert(id, hashes).unwrap();
            }
        }
        assert_eq!(inclusion_proof(&tiles, leaf, then), Ok(log.inclusion(leaf, then)));
        assert!(tiles.insert(missing, vec![]).unwrap_err().to_string().contains("tile of width 44 has 1408 bytes"));
    }

    #[test]
    fn what_cannot_be_proven_is_refused() {
        let (none, tiles) = (TreeSize::ZERO, Tiles::new());
        let outside = ProvingError::IndexOutside { index: index(3), size: size(3) };
        assert_eq!(inclusion_proof(&tiles, index(3), size(3)), Err(outside));
        assert!(tiles_for_inclusion(index(3), size(3)).is_empty());
        for (from, to) in [(none, size(3)), (none, none), (size(3), size(2))] {
            assert_eq!(consistency_proof(&tiles, from, to), Err(ProvingError::Sizes { from, to }));
            assert!(tiles_for_consistency(from, to).is_empty());
        }
        assert_eq!(root_from_tiles(&tiles, none), Ok(Hash::of(b"")));
    }

    #[test]
    fn faults_of_proofs_say_what_would_be_right() {
        let log = Log::of(7);
        let (now, leaf, hash) = (size(7), index(3), leaf_hash(&data(3)));
        let mut proof = log.inclusion(leaf, now);
        proof.0.pop();
        let fault = verify_inclusion(leaf, now, hash, &proof, log.root(now)).unwrap_err();
        assert_eq!(fault, ProofError::Length { expected: 3, found: 2 });
        let fault = verify_inclusion(index(7), now, hash, &proof, log.root(now)).unwrap_err();
        assert_eq!(fault, ProofError::IndexOutside { index: index(7), size: now });
        let proof = log.consistency(size(3), now);
        let fault = verify_consistency(size(3), hash, now, log.root(now), &proof).unwrap_err();
        assert_eq!(fault, ProofError::EarlierRoot { computed: log.root(size(3)), expected: hash });
        let nothing = ConsistencyProof::default();
        let fault = verify_consistency(TreeSize::ZERO, log.root(TreeSize::ZERO), now, log.root(now), &nothing);
        assert_eq!(fault, Err(ProofError::Sizes { from: TreeSize::ZERO, to: now }));
        let fault = verify_consistency(size(4), log.root(size(4)), now, log.root(now), &nothing);
        assert_eq!(fault, Err(ProofError::Length { expected: 1, found: 0 }));
    }

    #[test]
    fn json_is_an_array_of_base64url() {
        let proof = Log::of(2).inclusion(index(0), size(2));
        let text = serde_json::to_string(&proof).unwrap();
        assert_eq!(text, format!("[\"{}\"]", leaf_hash(&data(1))));
        assert_eq!(serde_json::from_str::<InclusionProof>(&text).unwrap(), proof);
    }

    /// Every proof of the same length or one off that differs from `proof`: each hash dropped, doubled, changed, and
    /// each pair of neighbours swapped.
    fn mutations(proof: &[Hash]) -> Vec<Vec<Hash>> {
        let mut all = vec![[proof, &[Hash::of(b"")]].concat(), [&[Hash::of(b"")], proof].concat()];
        for at in 0..proof.len() {
            let mut changed = proof.to_vec();
            changed[at] = leaf_hash(changed[at].as_bytes());
            all.push(changed);
            all.push([&proof[..at], &proof[at + 1..]].concat());
            all.push([&proof[..=at], &proof[at..]].concat());
            if at > 0 {
                let mut swapped = proof.to_vec();
                swapped.swap(at - 1, at);
                all.push(swapped);
            }
        }
        all
    }

    proptest! {
        #![proptest_config(Config { cases: 64, ..Config::default() })]

        #[test]
        fn inclusion_proofs_verify_and_their_mutations_fail(n in 1..600_u32, place in any::<prop::sample::Index>()) {
            let (log, now) = (Log::of(n), size(u64::from(n)));
            let i = place.index(n as usize) as u64;
            let (leaf, hash, root) = (index(i), leaf_hash(&data(i as u32)), log.root(now));
            let proof = log.inclusion(leaf, now);
            prop_assert_eq!(verify_inclusion(leaf, now, hash, &proof, root), Ok(()));
            for changed in mutations(&proof.0) {
                prop_assert!(verify_inclusion(leaf, now, hash, &InclusionProof(changed), root).is_err());
            }
            for other in (0..u64::from(n) + 3).filter(|other| *other != i) {
                prop_assert!(verify_inclusion(index(other), now, hash, &proof, root).is_err());
            }
            prop_assert!(verify_inclusion(leaf, now, leaf_hash(b"other"), &proof, root).is_err());
            prop_assert!(verify_inclusion(leaf, now, hash, &proof, leaf_hash(root.as_bytes())).is_err());
            // A proof says nothing of the sizes where the way to the root is the same, so the length decides.
            let lengthened = size(2 * u64::from(n).next_power_of_two());
            prop_assert!(verify_inclusion(leaf, lengthened, hash, &proof, root).is_err());
            prop_assert!(verify_inclusion(leaf, size(i), hash, &proof, root).is_err());
        }

        #[test]
        fn consistency_proofs_verify_and_their_mutations_fail(n in 2..600_u32, place in any::<prop::sample::Index>()) {
            let (log, now) = (Log::of(n), size(u64::from(n)));
            let then = size(place.index(n as usize - 1) as u64 + 1);
            let (earlier, root) = (log.root(then), log.root(now));
            let proof = log.consistency(then, now);
            prop_assert_eq!(verify_consistency(then, earlier, now, root, &proof), Ok(()));
            for changed in mutations(&proof.0) {
                prop_assert!(verify_consistency(then, earlier, now, root, &ConsistencyProof(changed)).is_err());
            }
            prop_assert!(verify_consistency(then, root, now, earlier, &proof).is_err());
            prop_assert!(verify_consistency(then, earlier, now, earlier, &proof).is_err());
            prop_assert!(verify_consistency(then, root, now, root, &proof).is_err());
            prop_assert!(verify_consistency(now, root, then, earlier, &proof).is_err());
            for other in (0..u64::from(n)).map(size).filter(|other| *other != then) {
                prop_assert!(verify_consistency(other, log.root(other), now, root, &proof).is_err());
            }
            let lengthened = size(2 * u64::from(n).next_power_of_two());
            prop_assert!(verify_consistency(then, earlier, lengthened, root, &proof).is_err());
        }

        #[test]
        fn any_hashes_are_refused_without_harm(
            i in 0..TREE_SIZE_MAX, n in 0..=TREE_SIZE_MAX, count in 0..70_usize
        ) {
            let hashes = vec![Hash::of(b"x"); count];
            let (leaf, now, root) = (index(i), size(n), Hash::of(b"r"));
            prop_assert!(verify_inclusion(leaf, now, root, &InclusionProof(hashes.clone()), Hash::of(b"y")).is_err());
            let from = leaf.size_through();
            prop_assert!(verify_consistency(from, root, now, Hash::of(b"y"), &ConsistencyProof(hashes)).is_err());
        }
    }
}
