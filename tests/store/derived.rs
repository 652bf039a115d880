//! Counting every row, and writing anew what is derived from leaves.

use sealane::domain::merkle::TreeSize;
use sealane::ports::{Derived, EventFilter, LedgerStore, RowCounts};

use crate::ledger::{Item, Tree, event, index, size, subject};
use crate::place::Place;

crate::in_both_stores!(every_row_is_counted, derived_rows_are_replaced_whole, a_sound_store_finds_no_fault);

/// 258 leaves, with two subjects and an event each but for the seal.
async fn filled(store: &dyn LedgerStore) -> Tree {
    let mut tree = Tree::new();
    let items: Vec<Item> = (0..257)
        .map(|n| {
            let name = format!("item {n}");
            Item::capture(&name).about(&[&name, "all"]).with(vec![event(&name)])
        })
        .collect();
    tree.append(store, &items).await;
    tree
}

async fn every_row_is_counted(place: &Place) {
    let store = place.create().await;
    let none = RowCounts { leaves: 0, long_statements: 0, blocks: 0, tiles: 0, statements: 0, subjects: 0, events: 0 };
    assert_eq!(store.row_counts().await.unwrap(), none);
    filled(&*store).await;
    let right =
        RowCounts { leaves: 258, long_statements: 0, blocks: 1, tiles: 3, statements: 257, subjects: 514, events: 257 };
    assert_eq!(store.row_counts().await.unwrap(), right);
}

async fn derived_rows_are_replaced_whole(place: &Place) {
    let store = place.create().await;
    let tree = filled(&*store).await;
    let before = store.row_counts().await.unwrap();
    let item = Item::capture("another");
    let derived = Derived {
        tiles: tree.tiles(),
        statements: vec![(item.id(), index(5))],
        subjects: vec![(subject("y"), index(6)), (subject("x"), index(7))],
        events: vec![event("only")],
    };
    store.replace_derived(derived).await.unwrap();
    let after = RowCounts { statements: 1, subjects: 2, events: 1, ..before };
    assert_eq!(store.row_counts().await.unwrap(), after);
    assert_eq!(store.tiles_after(None, 10).await.unwrap(), tree.tiles());
    assert_eq!(store.statements(vec![item.id()]).await.unwrap(), [(item.id(), index(5))]);
    assert_eq!(store.leaves_of(subject("x"), size(100), 9).await.unwrap(), [index(7)]);
    let events = EventFilter { size: TreeSize::MAX, limit: 10, ..EventFilter::default() };
    assert_eq!(store.events(events).await.unwrap(), [event("only")]);
    // One that clashes with itself leaves all as it was.
    let clash = Derived { statements: vec![(item.id(), index(1)), (item.id(), index(2))], ..Derived::default() };
    assert!(store.replace_derived(clash).await.is_err());
    assert_eq!(store.row_counts().await.unwrap(), after);
}

async fn a_sound_store_finds_no_fault(place: &Place) {
    let store = place.create().await;
    filled(&*store).await;
    assert_eq!(store.self_check().await.unwrap(), [""; 0]);
}
