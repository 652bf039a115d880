//! A snapshot is the ledger as of one moment.

use crate::ledger::{Item, Tree, index};
use crate::place::Place;

crate::in_both_stores!(a_snapshot_does_not_see_later_blocks);

async fn a_snapshot_does_not_see_later_blocks(place: &Place) {
    let store = place.create().await;
    let mut tree = Tree::new();
    let (first, _) = tree.append(&*store, &[Item::capture("a").about(&["x"])]).await;
    let snapshot = place.snapshot().await;
    let counts = store.row_counts().await.unwrap();
    for item in ["b", "c"] {
        tree.append(&*store, &[Item::capture(item).about(&["x"])]).await;
        assert_eq!(snapshot.tip().await.unwrap(), Some(first.clone()));
        assert_eq!(snapshot.row_counts().await.unwrap(), counts);
        assert_eq!(snapshot.leaf(index(2)).await.unwrap(), None);
        assert_eq!(snapshot.leaves(0..100).await.unwrap().len(), 2);
        assert_eq!(snapshot.records_from(index(0), 10, 1_000).await.unwrap().len(), 1);
        assert_eq!(snapshot.self_check().await.unwrap(), [""; 0]);
    }
    assert_eq!(place.snapshot().await.row_counts().await.unwrap().leaves, 6);
}
