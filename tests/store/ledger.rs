//! Blocks for a store, with nothing of the use cases: whatever the tests want to be in them, and the hashes they give.

use std::sync::Arc;

use sealane::ports::{LeafContent, LedgerStore, NewBlock, PlacedRecord, StoredBlock, StoredLeaf};
use sealane_core::block::{Checkpoint, Commit, Height, Leaf, Seal};
use sealane_core::consortium::Place;
use sealane_core::hash::Hash;
use sealane_core::index::{Acts, Subject, SubjectKey, SubjectKind};
use sealane_core::merkle::{Edge, LeafIndex, TileId, TreeSize, leaf_hash, root};
use sealane_core::record::LeafRecord;
use sealane_core::statement::StatementId;
use sealane_core::time::Timestamp;

/// The right edge of a ledger, and every hash on it.
#[derive(Clone)]
pub struct Tree {
    edge: Edge,
    height: u64,
    pub leaf_hashes: Vec<Hash>,
}

/// One leaf to be.
#[derive(Clone)]
pub struct Item {
    pub content: LeafContent,
    pub text: String,
    pub subjects: Vec<SubjectKey>,
}

impl Item {
    pub fn capture(text: impl Into<String>) -> Self {
        Self { content: LeafContent::Capture, text: text.into(), subjects: Vec::new() }
    }

    pub fn admin(text: impl Into<String>) -> Self {
        Self { content: LeafContent::Admin, ..Self::capture(text) }
    }

    pub fn about(mut self, subjects: &[&str]) -> Self {
        self.subjects = subjects.iter().map(|text| subject(text)).collect();
        self
    }

    /// What is kept beside its leaf.
    pub fn record(&self) -> LeafRecord {
        let names: Vec<(SubjectKey, Acts)> = self.subjects.iter().map(|key| (*key, Acts::NONE)).collect();
        LeafRecord::of_admin(self.id(), &Hash::of(b"a member"), &names)
    }

    /// What its statement goes by.
    pub fn id(&self) -> StatementId {
        StatementId::from_hash(Hash::of(self.text.as_bytes()))
    }
}

pub fn subject(text: &str) -> SubjectKey {
    Subject::new(SubjectKind::Id, text).key()
}

pub fn index(index: u64) -> LeafIndex {
    LeafIndex::new(index).unwrap()
}

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An item's record with where the item stands.
pub fn placed(leaf: LeafIndex, time: Timestamp, item: &Item) -> PlacedRecord {
    PlacedRecord { place: Place { leaf, time }, record: item.record() }
}

impl Tree {
    pub fn new() -> Self {
        Self { edge: Edge::new(), height: 0, leaf_hashes: Vec::new() }
    }

    pub fn size(&self) -> TreeSize {
        self.edge.size()
    }

    /// Makes the next block of some items and its seal.
    pub fn block(&mut self, items: &[Item]) -> NewBlock {
        let before = self.size();
        let seal = Seal {
            height: Height::new(self.height).unwrap(),
            time: time("2026-03-01T08:00:00Z").plus_millis(self.height as i64),
            previous_size: before,
            previous_root: self.edge.root(),
            index_root: Hash::of(b"an index"),
            members_hash: Hash::of(b"members"),
            next_members_hash: Hash::of(b"members"),
            rules: 1,
            enacted: Vec::new(),
        };
        let mut new = NewBlock {
            block: StoredBlock {
                checkpoint: Checkpoint {
                    origin: "test.example/ledger".parse().unwrap(),
                    size: before,
                    root: self.edge.root(),
                },
                note: format!("note {}\n", self.height),
                commit: Commit { height: seal.height, round: 0, signatures: Vec::new() },
                seal: seal.clone(),
            },
            leaves: Vec::new(),
            long_statements: Vec::new(),
            tiles: Vec::new(),
            records: Arc::default(),
        };
        let mut records = Vec::new();
        for item in items {
            let leaf = Leaf::of_statement(&item.text);
            if let Leaf::LongStatement { hash, .. } = &leaf {
                new.long_statements.push((*hash, item.text.as_bytes().to_vec()));
            }
            let at = self.push(&mut new, &leaf, item.content);
            records.push(placed(at, new.block.seal.time, item));
        }
        new.records = Arc::new(records);
        self.push(&mut new, &Leaf::Seal(seal), LeafContent::Seal);
        new.tiles = self.edge.take_tiles(before);
        new.block.checkpoint.size = self.size();
        new.block.checkpoint.root = self.edge.root();
        self.height += 1;
        new
    }

    fn push(&mut self, new: &mut NewBlock, leaf: &Leaf, content: LeafContent) -> LeafIndex {
        let bytes = leaf.encode();
        let hash = leaf_hash(&bytes);
        let at = self.size().next_index();
        self.edge.push(hash);
        self.leaf_hashes.push(hash);
        new.leaves.push(StoredLeaf { index: at, content, bytes });
        at
    }

    /// Every tile of the tree as wide as it is, in order of level and index, reckoned from the leaves.
    pub fn tiles(&self) -> Vec<(TileId, Vec<Hash>)> {
        let (mut tiles, mut hashes) = (Vec::new(), self.leaf_hashes.clone());
        for level in 0.. {
            if hashes.is_empty() {
                break;
            }
            let of_level = hashes.chunks(256).zip(0..);
            tiles
                .extend(of_level.map(|(held, at)| (TileId::new(level, at, held.len() as u16).unwrap(), held.to_vec())));
            hashes = hashes.chunks_exact(256).map(root).collect();
        }
        tiles
    }

    /// Writes the next block, and returns what is to be read back of it.
    pub async fn append(&mut self, store: &dyn LedgerStore, items: &[Item]) -> (StoredBlock, Vec<StoredLeaf>) {
        let new = self.block(items);
        let written = (new.block.clone(), new.leaves.clone());
        store.append(new).await.unwrap();
        written
    }
}
