//! Where statements stand, and which leaves name a subject.

use sealane::domain::index::SubjectKey;
use sealane::domain::merkle::LeafIndex;

use crate::ledger::{Item, Tree, index, size, subject};
use crate::place::Place;

crate::in_both_stores!(
    statements_are_found_by_their_ids,
    leaves_of_a_subject_come_in_order_up_to_a_size_and_a_limit,
    subjects_come_page_by_page,
);

async fn statements_are_found_by_their_ids(place: &Place) {
    let store = place.create().await;
    let mut tree = Tree::new();
    let items: Vec<Item> = (0..1_500).map(|n| Item::capture(format!("statement {n}"))).collect();
    tree.append(&*store, &items).await;
    let unknown = Item::capture("never posted").id();
    let mut ids: Vec<_> = items.iter().map(Item::id).collect();
    ids.push(unknown);
    let mut found = store.statements(ids).await.unwrap();
    found.sort_unstable_by_key(|(_, leaf)| *leaf);
    let right: Vec<_> = items.iter().zip(0..).map(|(item, at)| (item.id(), index(at))).collect();
    assert_eq!(found, right);
    assert_eq!(store.statements(vec![unknown]).await.unwrap(), []);
    assert_eq!(store.statements(Vec::new()).await.unwrap(), []);
}

async fn leaves_of_a_subject_come_in_order_up_to_a_size_and_a_limit(place: &Place) {
    let store = place.create().await;
    let mut tree = Tree::new();
    for _ in 0..3 {
        let from = tree.size().get();
        let items: Vec<Item> = (0..4)
            .map(|n| Item::capture(format!("{}", from + n)).about(if n % 2 == 0 { &["even", "all"] } else { &["all"] }))
            .collect();
        tree.append(&*store, &items).await;
    }
    let leaves = async |key: &str, below: u64, limit: u32| -> Vec<u64> {
        let found = store.leaves_of(subject(key), size(below), limit).await.unwrap();
        found.into_iter().map(LeafIndex::get).collect()
    };
    assert_eq!(leaves("even", 15, 100).await, [0, 2, 5, 7, 10, 12]);
    assert_eq!(leaves("even", 5, 100).await, [0, 2]);
    assert_eq!(leaves("even", 6, 100).await, [0, 2, 5]);
    assert_eq!(leaves("even", 15, 3).await, [0, 2, 5]);
    assert_eq!(leaves("even", 15, 0).await, [0; 0]);
    assert_eq!(leaves("even", 0, 100).await, [0; 0]);
    assert_eq!(leaves("odd", 15, 100).await, [0; 0]);
    assert_eq!(leaves("all", 15, 100).await.len(), 12);
}

async fn subjects_come_page_by_page(place: &Place) {
    let store = place.create().await;
    assert_eq!(store.subjects(None, 10).await.unwrap(), []);
    let mut tree = Tree::new();
    let items: Vec<Item> =
        (0..40).map(|n| Item::capture(format!("{n}")).about(&["crate", &format!("item {n}")])).collect();
    tree.append(&*store, &items).await;
    let mut right: Vec<(SubjectKey, LeafIndex)> =
        items.iter().zip(0..).flat_map(|(item, at)| item.subjects.iter().map(move |key| (*key, index(at)))).collect();
    right.sort_unstable();
    for limit in [1, 7, 80, 1_000] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.subjects(after, limit).await.unwrap();
            assert!(page.len() <= limit as usize);
            let Some(last) = page.last() else { break };
            after = Some(*last);
            found.extend(page);
        }
        assert_eq!(found, right, "in pages of {limit}");
    }
}
