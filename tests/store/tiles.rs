//! Tiles of hashes: full ones, and the right edge as wide as it is asked for.

use sealane_core::hash::Hash;
use sealane_core::merkle::{TileId, root_from_tiles, tiles_for_root};

use crate::ledger::{Item, Tree};
use crate::place::Place;

crate::in_both_stores!(tiles_are_as_wide_as_asked_for, all_tiles_come_page_by_page);

fn tile(level: u8, index: u64, width: u16) -> TileId {
    TileId::new(level, index, width).unwrap()
}

async fn tiles_are_as_wide_as_asked_for(place: &Place) {
    let store = place.create().await;
    let mut tree = Tree::new();
    assert_eq!(store.tiles(vec![tile(0, 0, 1)]).await.unwrap(), []);
    // Blocks that end within a tile, at its end, and over several.
    for leaves in [10, 246, 1, 255, 700] {
        let items: Vec<Item> = (1..leaves).map(|n| Item::capture(format!("{}-{n}", tree.size()))).collect();
        tree.append(&*store, &items).await;
        let size = tree.size();
        let mut tiles = sealane_core::merkle::Tiles::new();
        for (tile, hashes) in store.tiles(tiles_for_root(size)).await.unwrap() {
            tiles.insert(tile, hashes).unwrap();
        }
        assert_eq!(root_from_tiles(&tiles, size).unwrap(), sealane_core::merkle::root(&tree.leaf_hashes));
    }
    assert_eq!(tree.size().get(), 1212);
    let hashes = |range: std::ops::Range<usize>| tree.leaf_hashes[range].to_vec();
    let (above, roots): (TileId, Vec<Hash>) = tree.tiles().pop().unwrap();
    assert_eq!(above, tile(1, 0, 4));
    let asked = vec![
        tile(0, 4, 188),
        tile(0, 0, 256),
        tile(0, 4, 189),
        tile(0, 4, 1),
        tile(0, 1, 100),
        tile(0, 5, 1),
        tile(1, 0, 4),
        tile(1, 0, 2),
        tile(1, 0, 5),
        tile(2, 0, 1),
    ];
    // In the order asked for; a tile that is not there, or not as wide, is left out.
    let right = [
        (tile(0, 4, 188), hashes(1024..1212)),
        (tile(0, 0, 256), hashes(0..256)),
        (tile(0, 4, 1), hashes(1024..1025)),
        (tile(0, 1, 100), hashes(256..356)),
        (tile(1, 0, 4), roots.clone()),
        (tile(1, 0, 2), roots[..2].to_vec()),
    ];
    assert_eq!(store.tiles(asked).await.unwrap(), right);
}

async fn all_tiles_come_page_by_page(place: &Place) {
    let store = place.create().await;
    assert_eq!(store.tiles_after(None, 10).await.unwrap(), []);
    let mut tree = Tree::new();
    for leaves in [1, 600, 1, 200] {
        let items: Vec<Item> = (1..leaves).map(|n| Item::capture(format!("{}-{n}", tree.size()))).collect();
        tree.append(&*store, &items).await;
    }
    let right = tree.tiles();
    assert_eq!(right.len(), 5);
    for limit in [1, 2, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.tiles_after(after, limit).await.unwrap();
            assert!(page.len() <= limit as usize);
            let Some((last, _)) = page.last() else { break };
            after = Some((last.level(), last.index()));
            found.extend(page);
        }
        assert_eq!(found, right, "in pages of {limit}");
    }
}
