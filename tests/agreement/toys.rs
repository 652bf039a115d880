//! A ledger and a vote log in memory, which lose what was not flushed.

use fastrand::Rng;
use sealane_core::agreement::{Logged, ValueId};
use sealane_core::block::{Checkpoint, Commit, Height};
use sealane_core::hash::Hash;
use sealane_core::merkle::TreeSize;

use crate::keys::ORIGIN;

/// A block of numbers in the place of statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToyBlock {
    pub height: Height,
    pub previous: Hash,
    pub time_ms: i64,
    pub statements: Vec<u32>,
}

impl ToyBlock {
    /// Stands for the root of the tree: over all blocks so far.
    pub fn root(&self) -> Hash {
        Hash::of(&self.to_bytes())
    }

    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { origin: ORIGIN.clone(), size: TreeSize::new(self.height.get() * 10).unwrap(), root: self.root() }
    }

    pub fn id(&self) -> ValueId {
        ValueId::of(&self.checkpoint())
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.height.get().to_be_bytes().to_vec();
        bytes.extend(self.previous.as_bytes());
        bytes.extend(self.time_ms.to_be_bytes());
        self.statements.iter().for_each(|one| bytes.extend(one.to_be_bytes()));
        bytes
    }

    pub fn parse(bytes: &[u8]) -> Self {
        let (height, rest) = bytes.split_first_chunk().unwrap();
        let (previous, rest) = rest.split_first_chunk().unwrap();
        let (time, rest) = rest.split_first_chunk().unwrap();
        let (statements, []) = rest.as_chunks::<4>() else { panic!("a toy's bytes are whole") };
        Self {
            height: Height::new(u64::from_be_bytes(*height)).unwrap(),
            previous: Hash::from_bytes(*previous),
            time_ms: i64::from_be_bytes(*time),
            statements: statements.iter().map(|one| u32::from_be_bytes(*one)).collect(),
        }
    }
}

/// A block with its commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalToy {
    pub block: ToyBlock,
    pub commit: Commit,
}

/// The final blocks, each written in one durable step.
#[derive(Debug, Clone, Default)]
pub struct ToyStore {
    pub blocks: Vec<FinalToy>,
}

impl ToyStore {
    pub fn tip(&self) -> Height {
        Height::new(self.blocks.len() as u64).unwrap()
    }

    pub fn last(&self) -> (Hash, i64) {
        self.blocks.last().map_or((Hash::of(b""), 0), |last| (last.block.root(), last.block.time_ms))
    }

    pub fn holds(&self, statement: u32) -> bool {
        self.blocks.iter().any(|one| one.block.statements.contains(&statement))
    }
}

/// A vote log: what was appended is durable once flushed.
#[derive(Debug, Clone)]
pub struct ToyLog {
    /// The height under way, and what was said of it.
    pub height: Height,
    pub entries: Vec<Logged>,
    durable: (Height, Vec<Logged>),
}

impl ToyLog {
    pub fn new() -> Self {
        let first = (Height::GENESIS, Vec::new());
        Self { height: first.0, entries: Vec::new(), durable: first }
    }

    pub fn begin(&mut self, height: Height) {
        assert!(height >= self.height, "the log is told to go down");
        if height > self.height {
            self.height = height;
            self.entries.clear();
        }
    }

    pub fn flush(&mut self) {
        self.durable = (self.height, self.entries.clone());
    }

    /// What a crash leaves: all that was flushed, and of the rest nothing, or its beginning.
    pub fn crash(&mut self, dice: &mut Rng) {
        let (height, entries) = &self.durable;
        if *height == self.height {
            let kept = dice.usize(entries.len()..=self.entries.len());
            self.entries.truncate(kept);
        } else if dice.bool() {
            let kept = dice.usize(..=self.entries.len());
            self.entries.truncate(kept);
        } else {
            (self.height, self.entries) = (*height, entries.clone());
        }
        self.flush();
    }

    /// What the mutation leaves in which nothing is ever flushed.
    pub fn crash_without_flush(&mut self) {
        self.entries.clear();
        self.flush();
    }
}
