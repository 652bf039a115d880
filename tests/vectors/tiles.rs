//! Whole small logs in C2SP tlog-tiles form, written by another implementation.

use std::fs;
use std::path::{Path, PathBuf};

use sealane_core::hash::Hash;
use sealane_core::merkle::{
    BundleId, Frontier, LeafIndex, TileId, TilePath, Tiles, TreeSize, consistency_proof, decode_entries, decode_hashes,
    encode_entries, encode_hashes, inclusion_proof, leaf_hash, root_from_tiles, tiles_for_consistency,
    tiles_for_inclusion, tiles_for_root, verify_consistency, verify_inclusion,
};

struct Checkpoint {
    size: TreeSize,
    root: Hash,
}

#[test]
fn roots_rebuilt_from_tiles_are_those_of_the_checkpoints() {
    for_each_log(|log, checkpoints| {
        for Checkpoint { size, root } in checkpoints {
            let tiles = read_tiles(log, tiles_for_root(*size));
            assert_eq!(root_from_tiles(&tiles, *size), Ok(*root), "size {size} of {}", log.display());
            let mut frontier = Frontier::new();
            for tile in bottom_tiles(*size) {
                for hash in read_tile(log, tile) {
                    frontier.push(hash);
                }
            }
            assert_eq!((frontier.size(), frontier.root()), (*size, *root), "{}", log.display());
        }
    });
}

#[test]
fn entry_bundles_hash_to_the_tiles_beside_them() {
    for_each_log(|log, checkpoints| {
        for tile in checkpoints.iter().flat_map(|checkpoint| bottom_tiles(checkpoint.size)) {
            let bundle = BundleId::new(tile.index(), tile.width()).unwrap();
            // A log may drop a partial bundle once the full one is there.
            let Ok(bytes) = fs::read(log.join(TilePath::Entries(bundle).to_string())) else {
                assert!(!tile.is_full(), "{tile:?} of {} has no entries", log.display());
                continue;
            };
            let hashes = read_tile(log, tile);
            let entries = decode_entries(&bytes, tile.width()).unwrap();
            assert_eq!(entries.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>(), hashes);
            assert_eq!(encode_entries(entries).unwrap(), bytes);
        }
    });
}

#[test]
fn proofs_made_from_tiles_hold_under_the_checkpoints() {
    for_each_log(|log, checkpoints| {
        for later in checkpoints {
            for index in (0..later.size.get()).map(|index| LeafIndex::new(index).unwrap()) {
                let tiles = read_tiles(log, tiles_for_inclusion(index, later.size));
                let proof = inclusion_proof(&tiles, index, later.size).unwrap();
                verify_inclusion(index, later.size, leaf(log, index, later.size), &proof, later.root).unwrap();
            }
            for earlier in checkpoints.iter().filter(|earlier| (1..=later.size.get()).contains(&earlier.size.get())) {
                let tiles = read_tiles(log, tiles_for_consistency(earlier.size, later.size));
                let proof = consistency_proof(&tiles, earlier.size, later.size).unwrap();
                verify_consistency(earlier.size, earlier.root, later.size, later.root, &proof).unwrap();
            }
        }
    });
}

#[test]
fn each_file_of_a_log_has_the_path_that_we_would_give_it() {
    for_each_log(|log, _| {
        let files = files_under(&log.join("tile"));
        assert!(!files.is_empty(), "no tiles in {}", log.display());
        for file in files {
            let path = file.strip_prefix(log).unwrap().to_str().unwrap();
            let parsed: TilePath = path.parse().unwrap();
            assert_eq!(parsed.to_string(), path);
        }
    });
}

fn for_each_log(check: impl Fn(&Path, &[Checkpoint])) {
    let Some(folder) = crate::folder("ledger/tiles") else { return };
    let mut logs = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let log = entry.unwrap().path();
        if log.join("tile").is_dir() {
            let checkpoints = checkpoints_of(&log);
            assert!(!checkpoints.is_empty(), "no checkpoints in {}", log.display());
            check(&log, &checkpoints);
            logs += 1;
        }
    }
    assert!(logs > 0, "no logs in {}", folder.display());
}

/// Reads size and root from the files named `checkpoint` or `checkpoint.<size>`; signatures are tested elsewhere.
fn checkpoints_of(log: &Path) -> Vec<Checkpoint> {
    let files = fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path());
    let named = files.filter(|path| path.file_stem().is_some_and(|stem| stem == "checkpoint"));
    let texts = named.map(|path| fs::read_to_string(path).unwrap());
    texts
        .map(|text| {
            let lines: Vec<&str> = text.lines().collect();
            let size = TreeSize::new(lines[1].parse().unwrap()).unwrap();
            Checkpoint { size, root: Hash::from_base64(lines[2]).unwrap() }
        })
        .collect()
}

fn bottom_tiles(size: TreeSize) -> Vec<TileId> {
    (0..).map_while(|index| TileId::in_tree(0, index, size)).collect()
}

fn leaf(log: &Path, index: LeafIndex, size: TreeSize) -> Hash {
    let tile = TileId::in_tree(0, index.get() / 256, size).unwrap();
    read_tile(log, tile)[(index.get() % 256) as usize]
}

fn read_tiles(log: &Path, ids: Vec<TileId>) -> Tiles {
    let mut tiles = Tiles::new();
    for id in ids {
        tiles.insert(id, read_tile(log, id)).unwrap();
    }
    tiles
}

/// Reads a tile; where a log has dropped the partial one for the full one, that one's first hashes.
fn read_tile(log: &Path, id: TileId) -> Vec<Hash> {
    if let Ok(bytes) = fs::read(log.join(TilePath::Hashes(id).to_string())) {
        let hashes = decode_hashes(&bytes, id.width()).unwrap();
        assert_eq!(encode_hashes(&hashes), bytes);
        return hashes;
    }
    let full = TileId::new(id.level(), id.index(), 256).unwrap();
    let bytes = fs::read(log.join(TilePath::Hashes(full).to_string())).unwrap();
    let mut hashes = decode_hashes(&bytes, 256).unwrap();
    hashes.truncate(usize::from(id.width()));
    hashes
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_under(&path)) } else { files.push(path) }
    }
    files
}
