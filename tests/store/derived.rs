//! Counting every row, and writing anew what is derived from leaves.

use std::sync::Arc;

use sealane::ports::{Derived, LedgerStore, PlacedRecord, RowCounts, StoreError};
use sealane_core::consortium::Place as LeafPlace;

use crate::ledger::{Item, Tree, index, placed, time};
use crate::place::Place;

crate::in_both_stores!(every_row_is_counted, derived_rows_are_written_anew, a_sound_store_finds_no_fault);

/// 258 leaves, each with a record but for the seal.
async fn filled(store: &dyn LedgerStore) -> Tree {
    let mut tree = Tree::new();
    let items: Vec<Item> = (0..257)
        .map(|n| {
            let name = format!("item {n}");
            Item::capture(&name).about(&[&name, "all"])
        })
        .collect();
    tree.append(store, &items).await;
    tree
}

async fn every_row_is_counted(place: &Place) {
    let store = place.create().await;
    let none = RowCounts { leaves: 0, long_statements: 0, blocks: 0, tiles: 0, records: 0 };
    assert_eq!(store.row_counts().await.unwrap(), none);
    filled(&*store).await;
    let right = RowCounts { leaves: 258, long_statements: 0, blocks: 1, tiles: 3, records: 257 };
    assert_eq!(store.row_counts().await.unwrap(), right);
}

async fn derived_rows_are_written_anew(place: &Place) {
    let store = place.create().await;
    let tree = filled(&*store).await;
    let before = store.row_counts().await.unwrap();
    store.clear_derived().await.unwrap();
    assert_eq!(store.row_counts().await.unwrap(), RowCounts { tiles: 0, records: 0, ..before });
    let record = placed(index(5), time("2026-03-01T08:00:00Z"), &Item::capture("another"));
    let derived = |records: Vec<PlacedRecord>| Derived { tiles: tree.tiles(), records: Arc::new(records) };
    store.add_derived(derived(vec![record.clone()])).await.unwrap();
    let after = RowCounts { records: 1, ..before };
    assert_eq!(store.row_counts().await.unwrap(), after);
    assert_eq!(store.tiles_after(None, 10).await.unwrap(), tree.tiles());
    assert_eq!(store.records_from(index(0), 10, 1_000).await.unwrap(), std::slice::from_ref(&record));
    // A second one of a leaf is refused, with all that came beside it.
    let other = PlacedRecord { place: LeafPlace { leaf: index(6), ..record.place }, ..record.clone() };
    let refused = store.add_derived(derived(vec![other, record])).await;
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
    assert_eq!(store.row_counts().await.unwrap(), after);
}

async fn a_sound_store_finds_no_fault(place: &Place) {
    let store = place.create().await;
    filled(&*store).await;
    assert_eq!(store.self_check().await.unwrap(), [""; 0]);
}
