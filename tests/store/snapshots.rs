//! A snapshot is the ledger as of one moment.

use sealane::domain::merkle::TreeSize;
use sealane::ports::EventFilter;

use crate::ledger::{Item, Tree, event, index, size, subject};
use crate::place::Place;

crate::in_both_stores!(a_snapshot_does_not_see_later_blocks);

async fn a_snapshot_does_not_see_later_blocks(place: &Place) {
    let store = place.create().await;
    let mut tree = Tree::new();
    let (first, _) = tree.append(&*store, &[Item::capture("a").about(&["x"]).with(vec![event("a")])]).await;
    let snapshot = place.snapshot().await;
    let counts = store.row_counts().await.unwrap();
    let events = EventFilter { size: TreeSize::MAX, limit: 10, ..EventFilter::default() };
    for item in ["b", "c"] {
        tree.append(&*store, &[Item::capture(item).about(&["x"]).with(vec![event(item)])]).await;
        assert_eq!(snapshot.tip().await.unwrap(), Some(first.clone()));
        assert_eq!(snapshot.row_counts().await.unwrap(), counts);
        assert_eq!(snapshot.leaf(index(2)).await.unwrap(), None);
        assert_eq!(snapshot.leaves(0..100).await.unwrap().len(), 2);
        assert_eq!(snapshot.leaves_of(subject("x"), size(100), 100).await.unwrap(), [index(0)]);
        assert_eq!(snapshot.events(events.clone()).await.unwrap().len(), 1);
        assert_eq!(snapshot.self_check().await.unwrap(), [""; 0]);
    }
    assert_eq!(place.snapshot().await.row_counts().await.unwrap().leaves, 6);
}
