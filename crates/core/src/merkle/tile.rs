//! Names of tiles and of entry bundles, and their paths (C2SP tlog-tiles, "Merkle Tree" and "Log entries").

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::limits::TREE_SIZE_MAX;
use crate::merkle::TreeSize;

/// Heights of the tree that one tile spans.
pub const TILE_HEIGHT: u32 = 8;

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: u16 = 1 << TILE_HEIGHT;

/// Highest level that a path may name; a tree of 2^53 leaves ends at 6.
const LEVEL_MAX: u8 = 63;

/// Path elements of the largest index: three digits each, for the sixteen of 2^53.
const INDEX_ELEMENTS_MAX: usize = 6;

/// Which hashes a tile holds: those of full subtrees of 256^level leaves, `width` of them from `index` · 256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    level: u8,
    index: u64,
    width: u16,
}

/// Which entries a bundle holds: those whose hashes are in the tile of level 0 with the same index and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId(TileId);

/// What a path under a log's prefix names: `tile/<level>/<index>[.p/<width>]` or `tile/entries/<index>[.p/<width>]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TilePath {
    Hashes(TileId),
    Entries(BundleId),
}

/// A tile that no tree has, or a path that names none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    #[error("a tile's level is 0 to {LEVEL_MAX}; this is {found}")]
    Level { found: u8 },
    #[error("a tile's index is at most {TREE_SIZE_MAX}; this is {found}")]
    Index { found: u64 },
    #[error("a tile's width is 1 to {TILE_WIDTH}; this is {found}")]
    Width { found: u16 },
    #[error("{found:?} is no tile path: {wanted}")]
    Path { found: String, wanted: &'static str },
}

impl TileId {
    pub const fn new(level: u8, index: u64, width: u16) -> Result<Self, TileError> {
        if level > LEVEL_MAX {
            return Err(TileError::Level { found: level });
        }
        if index > TREE_SIZE_MAX {
            return Err(TileError::Index { found: index });
        }
        if width == 0 || width > TILE_WIDTH {
            return Err(TileError::Width { found: width });
        }
        Ok(Self { level, index, width })
    }

    /// Returns the tile as wide as a tree of `size` has it; `None` where it has nothing there.
    pub fn in_tree(level: u8, index: u64, size: TreeSize) -> Option<Self> {
        let hashes = Self::hashes_at(level, size);
        let before = index.checked_mul(u64::from(TILE_WIDTH))?;
        let width = hashes.checked_sub(before)?.min(u64::from(TILE_WIDTH)) as u16;
        Self::new(level, index, width).ok()
    }

    pub const fn level(&self) -> u8 {
        self.level
    }

    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Returns how many hashes the tile holds: 1 to 256.
    pub const fn width(&self) -> u16 {
        self.width
    }

    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// Returns the places of the tile's hashes among all hashes of its level. At level 0 they are leaf indices.
    pub const fn positions(&self) -> Range<u64> {
        let start = self.index * TILE_WIDTH as u64;
        start..start + self.width as u64
    }

    /// Tells whether a tree of `size` has every hash of the tile.
    pub fn fits(&self, size: TreeSize) -> bool {
        self.positions().end <= Self::hashes_at(self.level, size)
    }

    /// Counts the full subtrees of 256^level leaves in a tree of `size`.
    pub(super) fn hashes_at(level: u8, size: TreeSize) -> u64 {
        size.get().checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0)
    }

    /// For a level and index that follow from a tree's size.
    pub(super) const fn full(level: u8, index: u64) -> Self {
        Self { level, index, width: TILE_WIDTH }
    }
}

impl BundleId {
    pub fn new(index: u64, width: u16) -> Result<Self, TileError> {
        TileId::new(0, index, width).map(Self)
    }

    /// Returns the tile of level 0 that holds the entries' hashes.
    pub const fn tile(&self) -> TileId {
        self.0
    }

    /// Returns the leaf indices of the entries.
    pub const fn positions(&self) -> Range<u64> {
        self.0.positions()
    }

    /// Tells whether a tree of `size` has every entry of the bundle.
    pub fn fits(&self, size: TreeSize) -> bool {
        self.0.fits(size)
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tile = match self {
            Self::Hashes(tile) => {
                write!(f, "tile/{}", tile.level)?;
                tile
            }
            Self::Entries(bundle) => {
                f.write_str("tile/entries")?;
                &bundle.0
            }
        };
        let digits = tile.index.to_string();
        let digits = format!("{}{digits}", "0".repeat((3 - digits.len() % 3) % 3));
        for start in (0..digits.len()).step_by(3) {
            let continued = if start + 3 < digits.len() { "x" } else { "" };
            write!(f, "/{continued}{}", &digits[start..start + 3])?;
        }
        if tile.is_full() { Ok(()) } else { write!(f, ".p/{}", tile.width) }
    }
}

impl FromStr for TilePath {
    type Err = TileError;

    /// Reads a path in its one spelling: a number written another way is refused.
    fn from_str(path: &str) -> Result<Self, TileError> {
        let fault = |wanted| TileError::Path { found: path.chars().take(80).collect(), wanted };
        let rest = path.strip_prefix("tile/").ok_or_else(|| fault("it starts with tile/"))?;
        let (kind, rest) = rest.split_once('/').ok_or_else(|| fault("after the level comes the index"))?;
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, TILE_WIDTH),
            Some((index, width)) => {
                let width = number(width, 3).filter(|width| (1..u64::from(TILE_WIDTH)).contains(width));
                (index, width.ok_or_else(|| fault("a partial tile's width is 1 to 255, without leading zeros"))? as u16)
            }
        };
        let index = index_of(index).ok_or_else(|| {
            fault("an index is elements of three digits, all but the last after an x, the first not x000")
        })?;
        if kind == "entries" {
            return BundleId::new(index, width).map(Self::Entries);
        }
        let level = number(kind, 2).filter(|level| *level <= u64::from(LEVEL_MAX));
        let level = level.ok_or_else(|| fault("a level is 0 to 63, without leading zeros, or the word entries"))?;
        TileId::new(level as u8, index, width).map(Self::Hashes)
    }
}

/// Reads a decimal number of at most `digits_max` digits that is written as Rust would write it.
fn number(text: &str, digits_max: usize) -> Option<u64> {
    let plain = !text.is_empty() && text.len() <= digits_max && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = plain && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

fn index_of(text: &str) -> Option<u64> {
    let elements: Vec<&str> = text.split('/').take(INDEX_ELEMENTS_MAX + 1).collect();
    let (last, continued) = elements.split_last()?;
    if elements.len() > INDEX_ELEMENTS_MAX || elements.first() == Some(&"x000") {
        return None;
    }
    let mut index = 0;
    for element in continued {
        index = index * 1000 + three_digits(element.strip_prefix('x')?)?;
    }
    Some(index * 1000 + three_digits(last)?)
}

fn three_digits(text: &str) -> Option<u64> {
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hashes(level: u8, index: u64, width: u16) -> TilePath {
        TilePath::Hashes(TileId::new(level, index, width).unwrap())
    }

    fn entries(index: u64, width: u16) -> TilePath {
        TilePath::Entries(BundleId::new(index, width).unwrap())
    }

    #[test]
    fn paths_are_spelled_as_tlog_tiles_says() {
        for (path, tile) in [
            ("tile/0/x001/x234/067", hashes(0, 1_234_067, 256)),
            ("tile/0/x001/x234/067.p/5", hashes(0, 1_234_067, 5)),
            ("tile/63/000.p/255", hashes(63, 0, 255)),
            ("tile/1/999", hashes(1, 999, 256)),
            ("tile/1/x001/000", hashes(1, 1_000, 256)),
            ("tile/entries/000.p/1", entries(0, 1)),
            ("tile/entries/x273/x000/000", entries(273_000_000, 256)),
        ] {
            assert_eq!(tile.to_string(), path);
            assert_eq!(path.parse(), Ok(tile));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for path in [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "/tile/0/000",
            "tile/00/000",
            "tile/64/000",
            "tile/+1/000",
            "tile/-1/000",
            "tile/0/00",
            "tile/0/0000",
            "tile/0/x000",
            "tile/0/x000/001",
            "tile/0/x00a/001",
            "tile/0/001/001",
            "tile/0/x001/x001",
            "tile/0/000.p",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/5/",
            "tile/0/000.p/5.p/5",
            "tile/0/000/",
            "tile/0//000",
            "tile/data/000",
            "tile/Entries/000",
            "tile/0/x999/x999/x999/x999/x999/999",
            "tile/0/x001/x000/x000/x000/x000/x000/000",
            "tile/0/٠٠٠",
        ] {
            assert!(path.parse::<TilePath>().is_err(), "{path}");
        }
        let fault = "tile/0/1".parse::<TilePath>().unwrap_err().to_string();
        assert!(fault.contains("\"tile/0/1\" is no tile path: an index is elements of three digits"), "{fault}");
    }

    /// The example of tlog-tiles, "Partial Tiles".
    #[test]
    fn a_tree_of_70000_has_the_tiles_of_the_specification() {
        let size = TreeSize::new(70_000).unwrap();
        let width = |level, index| TileId::in_tree(level, index, size).map(|tile| tile.width());
        assert_eq!((width(0, 272), width(0, 273), width(0, 274)), (Some(256), Some(112), None));
        assert_eq!((width(1, 0), width(1, 1), width(1, 2)), (Some(256), Some(17), None));
        assert_eq!((width(2, 0), width(2, 1), width(3, 0), width(63, 0)), (Some(1), None, None, None));
        assert_eq!(TileId::in_tree(1, 0, TreeSize::new(256).unwrap()).map(|tile| tile.width()), Some(1));
        assert!(TileId::new(0, 273, 112).unwrap().fits(size) && !TileId::new(0, 273, 113).unwrap().fits(size));
    }

    #[test]
    fn what_no_tree_has_cannot_be_named() {
        assert_eq!(TileId::new(64, 0, 1), Err(TileError::Level { found: 64 }));
        assert_eq!(TileId::new(0, 1 << 53, 1), Err(TileError::Index { found: 1 << 53 }));
        assert_eq!(TileId::new(0, 0, 0), Err(TileError::Width { found: 0 }));
        assert_eq!(BundleId::new(0, 257), Err(TileError::Width { found: 257 }));
        assert_eq!(TileId::in_tree(0, u64::MAX, TreeSize::new(1).unwrap()), None);
    }

    proptest! {
        #[test]
        fn paths_round_trip(level in 0..=63_u8, index in 0..=TREE_SIZE_MAX, width in 1..=256_u16) {
            for path in [hashes(level, index, width), entries(index, width)] {
                prop_assert_eq!(path.to_string().parse(), Ok(path));
            }
        }

        #[test]
        fn no_text_is_read_that_would_be_written_otherwise(text in "tile/[0-9e]{1,2}/[x0-9./p]{0,14}") {
            if let Ok(path) = text.parse::<TilePath>() {
                prop_assert_eq!(path.to_string(), text);
            }
        }
    }
}
