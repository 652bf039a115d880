//! What is kept beside each leaf.

use sealane::ports::{LedgerStore, PlacedRecord};
use sealane_core::merkle::LeafIndex;

use crate::ledger::{Item, Tree, index, placed};
use crate::place::Place;

crate::in_both_stores!(records_are_found_by_their_leaves, records_come_page_by_page);

/// Two blocks of 700 items each, one of which has a long record; returns what is to be read back.
async fn filled(store: &dyn LedgerStore) -> Vec<PlacedRecord> {
    let (mut tree, mut right) = (Tree::new(), Vec::new());
    for block in 0..2 {
        let subjects: Vec<String> = (0..2_000).map(|n| format!("subject {n}")).collect();
        let many: Vec<&str> = subjects.iter().map(String::as_str).collect();
        let items: Vec<Item> = (0..700)
            .map(|n| {
                Item::capture(format!("statement {block}.{n}")).about(if n == 10 { &many } else { &many[..n % 3] })
            })
            .collect();
        let (written, leaves) = tree.append(store, &items).await;
        right.extend(items.iter().zip(leaves).map(|(item, leaf)| placed(leaf.index, written.seal.time, item)));
    }
    right
}

async fn records_are_found_by_their_leaves(place: &Place) {
    let store = place.create().await;
    let right = filled(&*store).await;
    let leaves: Vec<LeafIndex> = right.iter().rev().map(|placed| placed.place.leaf).collect();
    let found = store.records(leaves).await.unwrap();
    assert!(found.iter().eq(right.iter().rev()), "in the order asked for");
    // A seal has none, and a leaf that is not there neither.
    let asked = [700, 3, 1_401, 3, 5_000].map(index).to_vec();
    assert_eq!(store.records(asked).await.unwrap(), [right[3].clone(), right[3].clone()]);
    assert_eq!(store.records(Vec::new()).await.unwrap(), []);
}

async fn records_come_page_by_page(place: &Place) {
    let store = place.create().await;
    assert_eq!(store.records_from(index(0), 10, 1_000).await.unwrap(), []);
    let right = filled(&*store).await;
    let length = |placed: &PlacedRecord| placed.record.as_bytes().len();
    for (limit, bytes_max) in [(1, 1 << 20), (9, 1 << 20), (5_000, 1 << 30), (5_000, 1), (400, 3_000)] {
        let (mut found, mut next) = (Vec::new(), index(0));
        loop {
            let page = store.records_from(next, limit, bytes_max).await.unwrap();
            let Some((last, before)) = page.split_last() else { break };
            assert!(page.len() <= limit as usize);
            assert!(before.iter().map(length).sum::<usize>() < bytes_max, "no more after so many bytes");
            next = last.place.leaf.size_through().next_index();
            found.extend(page);
        }
        assert_eq!(found, right, "in pages of {limit} and {bytes_max} bytes");
    }
    assert_eq!(store.records_from(index(700), 2, 1 << 20).await.unwrap(), right[700..702]);
}
