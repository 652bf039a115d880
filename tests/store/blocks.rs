//! Blocks and leaves, read back as they were written.

use sealane::ports::{LeafContent, LedgerStore, StoredBlock, StoredLeaf};
use sealane_core::block::Height;
use sealane_core::hash::Hash;
use sealane_core::limits::STATEMENT_BYTES_MAX;

use crate::ledger::{Item, Tree, index};
use crate::place::Place;

crate::in_both_stores!(
    an_empty_ledger_has_nothing,
    blocks_are_found_by_height_by_leaf_and_from_the_end,
    leaves_are_found_by_index_by_range_and_by_content,
    long_statements_are_kept_beside_their_leaves,
    what_was_written_is_there_after_a_restart,
);

async fn an_empty_ledger_has_nothing(place: &Place) {
    let store = place.create().await;
    assert_eq!(store.tip().await.unwrap(), None);
    assert_eq!(store.block(Height::GENESIS).await.unwrap(), None);
    assert!(store.last_blocks(10).await.unwrap().is_empty());
    assert!(store.blocks_of(vec![index(0)]).await.unwrap().is_empty());
    assert_eq!(store.leaf(index(0)).await.unwrap(), None);
    assert!(store.leaves(0..10).await.unwrap().is_empty());
    assert!(store.leaves_at(vec![index(0), index(7)]).await.unwrap().is_empty());
    assert!(store.leaves_with(LeafContent::Seal, index(0), 10).await.unwrap().is_empty());
    assert_eq!(store.long_statement(Hash::of(b"")).await.unwrap(), None);
    store.ping().await.unwrap();
}

/// Three blocks of 3, 1 and 4 leaves.
async fn three(store: &dyn LedgerStore) -> (Vec<StoredBlock>, Vec<StoredLeaf>) {
    let mut tree = Tree::new();
    let (mut blocks, mut leaves) = (Vec::new(), Vec::new());
    for items in [
        vec![Item::admin("genesis"), Item::capture("a")],
        vec![],
        vec![Item::capture("b"), Item::admin("c"), Item::capture("d\u{e9}\u{1f4e6}")],
    ] {
        let (block, held) = tree.append(store, &items).await;
        blocks.push(block);
        leaves.extend(held);
    }
    (blocks, leaves)
}

async fn blocks_are_found_by_height_by_leaf_and_from_the_end(place: &Place) {
    let store = place.create().await;
    let (blocks, _) = three(&*store).await;
    assert_eq!(store.tip().await.unwrap().as_ref(), blocks.last());
    for block in &blocks {
        assert_eq!(store.block(block.seal.height).await.unwrap().as_ref(), Some(block));
    }
    assert_eq!(store.block(Height::new(3).unwrap()).await.unwrap(), None);
    let backwards: Vec<StoredBlock> = blocks.iter().rev().cloned().collect();
    assert_eq!(store.last_blocks(0).await.unwrap(), []);
    assert_eq!(store.last_blocks(2).await.unwrap(), backwards[..2]);
    assert_eq!(store.last_blocks(100).await.unwrap(), backwards);
    // In the order asked for, as often as asked for; beyond the last block is left out.
    let asked = [7, 0, 2, 3, 8, 4, 0].map(index).to_vec();
    let right = [2, 0, 0, 1, 2, 0].map(|height: usize| blocks[height].clone());
    assert_eq!(store.blocks_of(asked).await.unwrap(), right);
    assert_eq!(store.blocks_of(Vec::new()).await.unwrap(), []);
}

async fn leaves_are_found_by_index_by_range_and_by_content(place: &Place) {
    let store = place.create().await;
    let (_, leaves) = three(&*store).await;
    for leaf in &leaves {
        assert_eq!(store.leaf(leaf.index).await.unwrap().as_ref(), Some(leaf));
    }
    assert_eq!(store.leaf(index(8)).await.unwrap(), None);
    assert_eq!(store.leaves(0..8).await.unwrap(), leaves);
    assert_eq!(store.leaves(2..5).await.unwrap(), leaves[2..5]);
    assert_eq!(store.leaves(6..u64::MAX).await.unwrap(), leaves[6..]);
    assert_eq!(store.leaves(3..3).await.unwrap(), []);
    let at = store.leaves_at([1, 5, 9, 7].map(index).to_vec()).await.unwrap();
    assert_eq!(at, [1, 5, 7].map(|at: usize| leaves[at].clone()));
    assert_eq!(store.leaves_at(Vec::new()).await.unwrap(), []);
    let with = |content, first, limit| store.leaves_with(content, index(first), limit);
    let of = |content| leaves.iter().filter(|leaf| leaf.content == content).cloned().collect::<Vec<_>>();
    assert_eq!(with(LeafContent::Admin, 0, 10).await.unwrap(), of(LeafContent::Admin));
    assert_eq!(with(LeafContent::Capture, 2, 1).await.unwrap(), of(LeafContent::Capture)[1..2]);
    assert_eq!(with(LeafContent::Seal, 4, 10).await.unwrap(), of(LeafContent::Seal)[2..]);
    assert_eq!(with(LeafContent::Seal, 0, 0).await.unwrap(), []);
    assert_eq!(with(LeafContent::Seal, 8, 10).await.unwrap(), []);
}

async fn long_statements_are_kept_beside_their_leaves(place: &Place) {
    let store = place.create().await;
    let mut tree = Tree::new();
    let longest = "x".repeat(STATEMENT_BYTES_MAX);
    let over_a_leaf = "y".repeat(65_535);
    tree.append(&*store, &[Item::capture(&longest), Item::capture(&over_a_leaf)]).await;
    for text in [&longest, &over_a_leaf] {
        let hash = Hash::of(text.as_bytes());
        assert!(store.long_statement(hash).await.unwrap().is_some_and(|bytes| bytes == text.as_bytes()));
    }
    assert_eq!(store.long_statement(Hash::of(b"z")).await.unwrap(), None);
    // The same bytes under another signature's leaf are held once.
    let mut again = tree.block(&[Item::capture("short")]);
    again.long_statements.push((Hash::of(longest.as_bytes()), longest.into_bytes()));
    store.append(again).await.unwrap();
    assert_eq!(store.row_counts().await.unwrap().long_statements, 2);
}

async fn what_was_written_is_there_after_a_restart(place: &Place) {
    let store = place.create().await;
    let (blocks, leaves) = three(&*store).await;
    drop(store);
    let store = place.open().await;
    assert_eq!(store.tip().await.unwrap().as_ref(), blocks.last());
    assert_eq!(store.leaves(0..u64::MAX).await.unwrap(), leaves);
    drop(store);
    // Who begins again finds what is there.
    assert_eq!(place.create().await.tip().await.unwrap().as_ref(), blocks.last());
}
