//! A block is written whole or not at all, whoever reads meanwhile and whatever goes wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sealane::ports::{LedgerStore, NewBlock, StoreError};

use crate::ledger::{Item, Tree, index};
use crate::place::Place;

crate::in_both_stores!(
    a_block_that_clashes_is_refused_and_leaves_nothing,
    a_block_that_does_not_come_next_is_refused_and_leaves_nothing,
    readers_see_all_of_a_block_or_nothing,
    a_block_goes_on_when_nobody_waits_for_it,
    trying_to_write_leaves_the_ledger_as_it_was,
);

/// To write a block takes less, on whatever machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn items(count: usize, prefix: &str) -> Vec<Item> {
    (0..count)
        .map(|n| {
            let name = format!("{prefix}{n}");
            Item::capture(&name).about(&[&name, "shared"])
        })
        .collect()
}

async fn a_block_that_clashes_is_refused_and_leaves_nothing(place: &Place) {
    let store = place.create().await;
    let mut tree = Tree::new();
    tree.append(&*store, &items(3, "a")).await;
    let tip = store.tip().await.unwrap();
    let counts = store.row_counts().await.unwrap();
    let next = |spoil: fn(&mut NewBlock)| {
        let mut block = tree.clone().block(&items(3, "b"));
        spoil(&mut block);
        block
    };
    let clashes: [(&str, NewBlock); 3] = [
        ("a block twice", Tree::new().block(&items(3, "a"))),
        ("a leaf twice", next(|block| block.leaves.push(block.leaves[0].clone()))),
        ("a record twice", next(|block| block.records = Arc::new([&block.records[..], &block.records[..1]].concat()))),
    ];
    for (what, block) in clashes {
        let refused = store.append(block).await;
        assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{what}: {refused:?}");
        assert_eq!(store.tip().await.unwrap(), tip, "{what}");
        assert_eq!(store.row_counts().await.unwrap(), counts, "{what}");
    }
    // The store goes on as if nothing had been.
    let (block, leaves) = tree.append(&*store, &items(3, "b")).await;
    assert_eq!(store.tip().await.unwrap(), Some(block.clone()));
    assert_eq!(store.leaves(block.leaves()).await.unwrap(), leaves);
}

/// As when a database has failed over to a standby that lacks the last blocks, under a node that goes on.
async fn a_block_that_does_not_come_next_is_refused_and_leaves_nothing(place: &Place) {
    let store = place.create().await;
    let mut tree = Tree::new();
    tree.append(&*store, &items(3, "a")).await;
    let (tip, counts) = (store.tip().await.unwrap(), store.row_counts().await.unwrap());
    let mut lost = tree.clone();
    let between = lost.block(&items(3, "b"));
    let beyond = lost.block(&items(3, "c"));
    let mut again = tree.clone().block(&items(3, "d"));
    again.block.seal.height = sealane_core::block::Height::GENESIS;
    for (what, block) in [("a gap", beyond), ("a height twice", again)] {
        let refused = store.append(block).await;
        let Err(StoreError::Refused(why)) = refused else { panic!("{what}: {refused:?}") };
        assert!(why.contains("does not come after the last block here"), "{what}: {why}");
        assert_eq!(store.tip().await.unwrap(), tip, "{what}");
        assert_eq!(store.row_counts().await.unwrap(), counts, "{what}");
    }
    store.append(between).await.unwrap();
}

async fn trying_to_write_leaves_the_ledger_as_it_was(place: &Place) {
    let store = place.create().await;
    let mut tree = Tree::new();
    tree.append(&*store, &items(3, "a")).await;
    let (tip, counts) = (store.tip().await.unwrap(), store.row_counts().await.unwrap());
    for _ in 0..3 {
        store.probe_write().await.unwrap();
    }
    assert_eq!((store.tip().await.unwrap(), store.row_counts().await.unwrap()), (tip, counts));
    tree.append(&*store, &items(3, "b")).await;
}

async fn readers_see_all_of_a_block_or_nothing(place: &Place) {
    const STATEMENTS: usize = 300;
    let store = place.create().await;
    let mut tree = Tree::new();
    tree.append(&*store, &items(STATEMENTS, "0-")).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (store, done) = (Arc::clone(&store), Arc::clone(&done));
            tokio::spawn(async move {
                let mut looks = 0;
                while !done.load(Ordering::SeqCst) || looks == 0 {
                    looks += 1;
                    look(&*store).await;
                }
            })
        })
        .collect();
    for block in 1..=12 {
        tree.append(&*store, &items(STATEMENTS, &format!("{block}-"))).await;
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }

    /// Whatever the tip is, all of its block is there, and each answer has whole blocks alone.
    async fn look(store: &dyn LedgerStore) {
        let per_block = STATEMENTS as u64 + 1;
        let tip = store.tip().await.unwrap().unwrap();
        let leaves = store.leaves(tip.leaves()).await.unwrap();
        assert_eq!(leaves.len() as u64, per_block);
        let all = store.records_from(index(0), u32::MAX, usize::MAX).await.unwrap();
        assert_eq!(all.len() % STATEMENTS, 0);
        let counts = store.row_counts().await.unwrap();
        assert!(counts.leaves >= tip.size().get());
    }
}

async fn a_block_goes_on_when_nobody_waits_for_it(place: &Place) {
    let store = place.create().await;
    let mut tree = Tree::new();
    tree.append(&*store, &[]).await;
    let before = tree.clone();
    let next = tree.block(&items(100, "a"));
    let right = next.block.clone();
    // Asked once, while another writes, and let go.
    {
        let hold = place.hold_writes().await;
        let mut append = std::pin::pin!(store.append(next));
        let first = std::future::poll_fn(|context| std::task::Poll::Ready(append.as_mut().poll(context))).await;
        assert!(first.is_pending());
        drop(hold);
    }
    let began = Instant::now();
    while store.block(right.seal.height).await.unwrap().is_none() {
        assert!(began.elapsed() < PATIENCE, "nobody waited, and it was not written");
        tokio::task::yield_now().await;
    }
    // It was written once and whole, and the store serves on.
    let again = store.append(before.clone().block(&items(100, "a"))).await;
    assert!(matches!(again, Err(StoreError::Corrupt(_))), "{again:?}");
    assert_eq!(store.block(right.seal.height).await.unwrap(), Some(right));
    assert_eq!(store.row_counts().await.unwrap().leaves, tree.size().get());
    tree.append(&*store, &items(3, "b")).await;
}
