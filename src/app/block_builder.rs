//! From what a block is to hold to everything that is written for it: leaves, roots, seal, checkpoint, commit.

use std::sync::Arc;

use crate::app::State;
use crate::ports::{LeafContent, MemberSigner, NewBlock, PlacedRecord, StoredBlock, StoredLeaf};
use sealane_core::block::{Checkpoint, Commit, CommitSignature, Height, Leaf, Note, NoteKey, Seal, commit_bytes};
use sealane_core::consortium::{Place, RULES, Registry};
use sealane_core::hash::Hash;
use sealane_core::index::SubjectIndex;
use sealane_core::merkle::{self, Edge, Frontier, Growth, LeafIndex};
use sealane_core::record::Record;
use sealane_core::statement::{StatementType, VerifiedStatement};
use sealane_core::time::Timestamp;

/// The round of every commit while one member decides alone.
const ROUND: u32 = 0;

/// A block in the making. It owns the right edge of the tree, and gives it back with the finished block.
pub struct BlockBuilder {
    height: Height,
    time: Timestamp,
    /// The tree before the block, and with what it has so far.
    before: Frontier,
    edge: Edge,
    index: SubjectIndex,
    leaves: Vec<StoredLeaf>,
    leaf_hashes: Vec<Hash>,
    long_statements: Vec<(Hash, Vec<u8>)>,
    records: Vec<PlacedRecord>,
}

/// A block that cannot be made: the tree or the index refuses a leaf. Neither happens short of 2^53 leaves.
#[derive(Debug, thiserror::Error)]
#[error("the block cannot be made: {0}")]
pub struct BuildError(pub String);

impl BlockBuilder {
    /// Begins the block of `height` on top of a tree.
    pub fn new(height: Height, time: Timestamp, edge: Edge, index: SubjectIndex) -> Self {
        Self {
            height,
            time,
            before: edge.frontier().clone(),
            edge,
            index,
            leaves: Vec::new(),
            leaf_hashes: Vec::new(),
            long_statements: Vec::new(),
            records: Vec::new(),
        }
    }

    /// The place that the next leaf gets.
    pub fn next_place(&self) -> Place {
        Place { leaf: self.edge.size().next_index(), time: self.time }
    }

    /// Gives back the index of a block that came to nothing.
    pub fn into_index(self) -> SubjectIndex {
        self.index
    }

    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// Appends a statement under the subjects that its record names.
    pub fn push_statement(
        &mut self,
        statement: &VerifiedStatement,
        content: LeafContent,
        record: Record,
    ) -> Result<LeafIndex, BuildError> {
        let leaf = Leaf::of_statement(statement.compact());
        if let Leaf::LongStatement { hash, .. } = &leaf {
            self.long_statements.push((*hash, statement.compact().as_bytes().to_vec()));
        }
        let place = self.next_place();
        for (key, entry) in record.list_entries(place.leaf) {
            self.index.append(key, entry).map_err(|error| BuildError(error.to_string()))?;
        }
        self.records.push(PlacedRecord { place, record });
        Ok(self.push_leaf(&leaf, content))
    }

    /// Closes the block with its seal and signs it.
    pub fn seal(mut self, registry: &Registry, signer: &dyn MemberSigner) -> Result<Sealed, BuildError> {
        let members_hash = registry.members().hash();
        let seal = Seal {
            height: self.height,
            time: self.time,
            previous_size: self.before.size(),
            previous_root: self.before.root(),
            index_root: self.index.root(),
            members_hash,
            next_members_hash: members_hash,
            rules: RULES,
            enacted: Vec::new(),
        };
        self.push_leaf(&Leaf::Seal(seal.clone()), LeafContent::Seal);
        let checkpoint =
            Checkpoint { origin: registry.origin().clone(), size: self.edge.size(), root: self.edge.root() };
        let commit = self.commit(&checkpoint, signer);
        let note = signed_note(&checkpoint, signer)?;
        let block = StoredBlock { checkpoint, note, commit, seal };
        let new = NewBlock {
            block: block.clone(),
            leaves: self.leaves,
            long_statements: self.long_statements,
            tiles: self.edge.take_tiles(self.before.size()),
            records: Arc::new(self.records),
        };
        let growth = Growth::new(&self.before, self.leaf_hashes);
        Ok(Sealed { new, block, growth, edge: self.edge, index: self.index })
    }

    fn commit(&self, checkpoint: &Checkpoint, signer: &dyn MemberSigner) -> Commit {
        let bytes = commit_bytes(&checkpoint.origin, self.height, ROUND, checkpoint);
        let signature = CommitSignature::es256(signer.public_key().thumbprint(), signer.sign(&bytes));
        Commit { height: self.height, round: ROUND, signatures: vec![signature] }
    }

    fn push_leaf(&mut self, leaf: &Leaf, content: LeafContent) -> LeafIndex {
        let bytes = leaf.encode();
        let hash = merkle::leaf_hash(&bytes);
        let index = self.edge.size().next_index();
        self.edge.push(hash);
        self.leaf_hashes.push(hash);
        self.leaves.push(StoredLeaf { index, content, bytes });
        index
    }
}

fn signed_note(checkpoint: &Checkpoint, signer: &dyn MemberSigner) -> Result<String, BuildError> {
    let text = checkpoint.to_text();
    let ecdsa = NoteKey::ecdsa(checkpoint.origin.clone(), signer.public_key().clone());
    let ed25519 = NoteKey::ed25519(checkpoint.origin.clone(), signer.note_key().clone());
    let signature = signer.sign(text.as_bytes()).to_der().map_err(|error| BuildError(error.to_string()))?;
    let lines = vec![ecdsa.line(signature), ed25519.line(signer.sign_note(text.as_bytes()).to_vec())];
    let note = Note::new(text, lines).map_err(|error| BuildError(error.to_string()))?;
    Ok(note.to_text())
}

/// A finished block and the right edge after it.
pub struct Sealed {
    pub new: NewBlock,
    pub block: StoredBlock,
    /// Proves the block's leaves in the tree that it ends.
    pub growth: Growth,
    pub edge: Edge,
    pub index: SubjectIndex,
}

impl Sealed {
    /// Splits off what is written from what is kept, and from what proves the block's leaves.
    pub fn into_parts(self, registry: Arc<Registry>) -> (NewBlock, State, Written) {
        let written = Written { block: self.block.clone(), growth: self.growth };
        let state = State { tip: self.block, edge: self.edge, index: self.index, registry };
        (self.new, state, written)
    }
}

/// A block with the nodes above its leaves, from which receipts are made without reading the store.
#[derive(Debug)]
pub struct Written {
    pub block: StoredBlock,
    pub growth: Growth,
}

/// What a leaf with a statement of this type holds.
pub const fn content_of(typ: StatementType) -> LeafContent {
    match typ {
        StatementType::Epcis => LeafContent::Capture,
        StatementType::Admin => LeafContent::Admin,
    }
}
