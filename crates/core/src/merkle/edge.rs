//! What a writer keeps of a tree whose tiles are stored: the frontier, and the tiles that are not full yet.

use crate::hash::Hash;
use crate::merkle::tile::TILE_WIDTH;
use crate::merkle::{Frontier, ProvingError, TileId, Tiles, TreeSize, frontier_from_tiles};

/// The right edge of a tree, with all that the next leaves are written beside.
///
/// A tree of 2^40 leaves has five open tiles, 40 kB at the most.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edge {
    frontier: Frontier,
    /// The hashes of each level's open tile, none where the level ends with a full one.
    open: Vec<Vec<Hash>>,
    /// Full tiles that were not taken yet.
    filled: Vec<(TileId, Vec<Hash>)>,
}

impl Edge {
    /// Starts with the empty tree.
    pub const fn new() -> Self {
        Self { frontier: Frontier::new(), open: Vec::new(), filled: Vec::new() }
    }

    /// Takes up the tree of `size` from the tiles of [`crate::merkle::tiles_for_root`].
    pub fn from_tiles(tiles: &Tiles, size: TreeSize) -> Result<Self, ProvingError> {
        let frontier = frontier_from_tiles(tiles, size)?;
        let mut open = Vec::new();
        for level in 0.. {
            let Some(last) = last_tile(level, size) else { break };
            let hashes = if last.is_full() { Vec::new() } else { tiles.hashes(last)? };
            open.push(hashes);
        }
        Ok(Self { frontier, open, filled: Vec::new() })
    }

    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    pub const fn size(&self) -> TreeSize {
        self.frontier.size()
    }

    /// Computes the tree's root (RFC 9162 §2.1.1).
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf_hash: Hash) {
        let position = self.size().get();
        let filled = self.frontier.push(leaf_hash);
        self.push_at(0, position, leaf_hash);
        for root in filled {
            self.push_at(root.level, root.index, root.hash);
        }
    }

    /// Takes the tiles that differ from those of the tree when it had `before` leaves: the full ones that were filled
    /// since, and the open ones that have grown. No leaf was appended between `before` and the last call.
    pub fn take_tiles(&mut self, before: TreeSize) -> Vec<(TileId, Vec<Hash>)> {
        let mut tiles = std::mem::take(&mut self.filled);
        for (level, hashes) in (0..).zip(&self.open) {
            let last = last_tile(level, self.size()).filter(|_| !hashes.is_empty());
            tiles.extend(last.filter(|last| !last.fits(before)).map(|last| (last, hashes.clone())));
        }
        tiles
    }

    fn push_at(&mut self, level: u8, position: u64, hash: Hash) {
        let at = usize::from(level);
        if self.open.len() <= at {
            self.open.resize(at + 1, Vec::new());
        }
        let Some(open) = self.open.get_mut(at) else { return };
        open.push(hash);
        if open.len() == usize::from(TILE_WIDTH) {
            let full = TileId::full(level, position / u64::from(TILE_WIDTH));
            self.filled.push((full, std::mem::take(open)));
        }
    }
}

/// The last tile of a level in a tree of `size`, as wide as it is there; `None` where the level has no hash.
fn last_tile(level: u8, size: TreeSize) -> Option<TileId> {
    let hashes = TileId::hashes_at(level, size);
    TileId::in_tree(level, hashes.checked_sub(1)? / u64::from(TILE_WIDTH), size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{leaf_hash, tiles_for_root};

    /// Grows a tree in steps, keeps every tile as a store would, and holds the edge against one that is taken up anew.
    #[test]
    fn tiles_as_they_are_taken_give_the_edge_again() {
        let mut edge = Edge::new();
        let mut stored = Tiles::new();
        let mut number = 0_u32;
        let mut full = [0_u64; 3];
        for step in [1, 1, 2, 250, 1, 1, 3, 256, 512, 7, 1_000, 64_000, 1, 300] {
            let before = edge.size();
            for _ in 0..step {
                edge.push(leaf_hash(&number.to_be_bytes()));
                number += 1;
            }
            for (tile, hashes) in edge.take_tiles(before) {
                assert!(!tile.fits(before), "{tile:?} was there before");
                if tile.width() == TILE_WIDTH {
                    let next = &mut full[usize::from(tile.level())];
                    assert_eq!(tile.index(), *next, "full tiles of a level come one after the other");
                    *next += 1;
                }
                stored.insert(tile, hashes).unwrap();
            }
            assert_eq!(Edge::from_tiles(&stored, edge.size()).unwrap(), edge, "after {number}");
            for tile in tiles_for_root(edge.size()) {
                assert!(stored.hashes(tile).is_ok(), "{tile:?} at {number}");
            }
        }
        assert!(edge.take_tiles(edge.size()).is_empty());
        assert_eq!(full, [u64::from(number) >> 8, u64::from(number) >> 16, 0]);
    }

    #[test]
    fn a_missing_tile_is_named() {
        let size = TreeSize::new(3).unwrap();
        let fault = Edge::from_tiles(&Tiles::new(), size).unwrap_err();
        assert!(matches!(fault, ProvingError::MissingTile { tile } if tile.width() == 3));
    }
}
