//! The ledger's own work, without signatures and storage: appending, proving, indexing, verifying.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sealane_core::hash::Hash;
use sealane_core::index::{Acts, ListEntry, SignerTag, Subject, SubjectIndex, SubjectKey};
use sealane_core::merkle::{
    Frontier, LeafIndex, TileId, Tiles, inclusion_proof, leaf_hash, tiles_for_inclusion, verify_inclusion,
};

/// Leaves in the tree that is proven from: enough for three levels of tiles.
const LEAVES: u64 = 200_000;

/// Subjects in the index that is appended to.
const SUBJECTS: u64 = 100_000;

/// Appends in one block.
const APPENDS: u64 = 1_000;

/// A leaf of the length that a statement with one event has.
const LEAF_BYTES: usize = 900;

/// A tree as a store keeps it: the hashes of every level of tiles.
struct Log {
    frontier: Frontier,
    levels: BTreeMap<u8, Vec<Hash>>,
}

impl Log {
    fn of(leaves: u64) -> Self {
        let mut log = Self { frontier: Frontier::new(), levels: BTreeMap::new() };
        for n in 0..leaves {
            let hash = leaf_hash(&n.to_be_bytes());
            log.levels.entry(0).or_default().push(hash);
            for filled in log.frontier.push(hash) {
                log.levels.entry(filled.level).or_default().push(filled.hash);
            }
        }
        log
    }

    fn read(&self, ids: Vec<TileId>) -> Tiles {
        let mut tiles = Tiles::new();
        for id in ids {
            let range = id.positions();
            let hashes = self.levels[&id.level()][range.start as usize..range.end as usize].to_vec();
            tiles.insert(id, hashes).expect("as many hashes as the tile is wide");
        }
        tiles
    }
}

fn tree_append(criterion: &mut Criterion) {
    let leaves: Vec<Vec<u8>> = (0..APPENDS).map(|n| vec![n as u8; LEAF_BYTES]).collect();
    let frontier = Log::of(LEAVES).frontier;
    let mut group = criterion.benchmark_group("tree");
    group.throughput(Throughput::Elements(APPENDS));
    group.bench_function("append 1,000 leaves of 900 bytes", |bencher| {
        bencher.iter_batched_ref(
            || frontier.clone(),
            |frontier| {
                for leaf in &leaves {
                    black_box(frontier.push(leaf_hash(leaf)));
                }
                frontier.root()
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn proofs(criterion: &mut Criterion) {
    let log = Log::of(LEAVES);
    let (size, root) = (log.frontier.size(), log.frontier.root());
    let index = LeafIndex::new(LEAVES / 3).expect("below the limit");
    let tiles = log.read(tiles_for_inclusion(index, size));
    let proof = inclusion_proof(&tiles, index, size).expect("the tiles are read");
    let hash = leaf_hash(&index.get().to_be_bytes());
    verify_inclusion(index, size, hash, &proof, root).expect("the proof holds, or the time would mean nothing");
    criterion.bench_function("proof/inclusion from tiles, of 200,000 leaves", |bencher| {
        bencher.iter(|| inclusion_proof(&tiles, black_box(index), size));
    });
    criterion.bench_function("proof/verify inclusion, of 200,000 leaves", |bencher| {
        bencher.iter(|| verify_inclusion(index, size, black_box(hash), &proof, root));
    });
}

fn index_update(criterion: &mut Criterion) {
    let keys: Vec<SubjectKey> = (0..SUBJECTS + APPENDS / 2).map(key).collect();
    let index = index_over(&keys[..SUBJECTS as usize]);
    // Half of a block's appends are to known subjects, spread over the map, and half make new ones.
    let known = keys[..SUBJECTS as usize].iter().step_by((2 * SUBJECTS / APPENDS) as usize);
    let block: Vec<SubjectKey> = known.chain(&keys[SUBJECTS as usize..]).copied().collect();
    let mut group = criterion.benchmark_group("index");
    group.throughput(Throughput::Elements(APPENDS));
    group.bench_function("append 1,000 to 100,000 subjects, and root", |bencher| {
        bencher.iter_batched_ref(
            || index.clone(),
            |index| {
                append_all(index, &block, SUBJECTS);
                index.root()
            },
            BatchSize::LargeInput,
        );
    });
    group.throughput(Throughput::Elements(SUBJECTS));
    let mut in_order = keys[..SUBJECTS as usize].to_vec();
    in_order.sort_unstable();
    group.sample_size(10);
    group.bench_function("rebuild 100,000 subjects in order of key", |bencher| {
        bencher.iter_with_large_drop(|| index_over(black_box(&in_order)));
    });
    group.finish();
}

fn index_over(keys: &[SubjectKey]) -> SubjectIndex {
    let mut index = SubjectIndex::new();
    append_all(&mut index, keys, 0);
    index.root();
    index
}

fn append_all(index: &mut SubjectIndex, keys: &[SubjectKey], first_leaf: u64) {
    for (leaf, key) in (first_leaf..).zip(keys) {
        index.append(*key, entry(leaf)).expect("the leaves ascend");
    }
}

fn key(n: u64) -> SubjectKey {
    Subject::id(format!("https://id.gs1.org/01/09506000134352/21/{n}")).key()
}

fn entry(leaf: u64) -> ListEntry {
    let leaf = LeafIndex::new(leaf).expect("below the limit");
    ListEntry { leaf, signer: SignerTag::Participant([7; 16]), acts: Acts::LETS_GO }
}

criterion_group!(ledger, tree_append, proofs, index_update);
criterion_main!(ledger);
