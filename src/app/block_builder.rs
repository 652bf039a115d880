//! From what a block is to hold to everything that is written for it: leaves, roots, seal, checkpoint, commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::app::State;
use crate::domain::block::{Checkpoint, Commit, CommitSignature, Height, Leaf, Note, NoteKey, Seal, commit_bytes};
use crate::domain::consortium::{Place, Registry};
use crate::domain::hash::Hash;
use crate::domain::index::{Subject, SubjectIndex, SubjectKey};
use crate::domain::merkle::{self, Frontier, LeafIndex, SubtreeRoot, TreeSize};
use crate::domain::statement::{StatementId, StatementType, VerifiedStatement};
use crate::domain::time::Timestamp;
use crate::ports::{EventEntry, LeafContent, MemberSigner, NewBlock, StoredBlock, StoredLeaf};

/// The round of every commit while one member decides alone.
const ROUND: u32 = 0;

/// A block in the making. It owns the right edge of the tree, and gives it back with the finished block.
pub struct BlockBuilder {
    height: Height,
    time: Timestamp,
    previous_size: TreeSize,
    previous_root: Hash,
    frontier: Frontier,
    index: SubjectIndex,
    leaves: Vec<StoredLeaf>,
    long_statements: Vec<(Hash, Vec<u8>)>,
    subtree_roots: Vec<SubtreeRoot>,
    statements: Vec<(StatementId, LeafIndex)>,
    subjects: Vec<(SubjectKey, LeafIndex)>,
    events: Vec<EventEntry>,
}

/// A block that cannot be made: the tree or the index refuses a leaf. Neither happens short of 2^53 leaves.
#[derive(Debug, thiserror::Error)]
#[error("the block cannot be made: {0}")]
pub struct BuildError(pub String);

impl BlockBuilder {
    /// Begins the block of `height` on top of a tree.
    pub fn new(height: Height, time: Timestamp, frontier: Frontier, index: SubjectIndex) -> Self {
        Self {
            height,
            time,
            previous_size: frontier.size(),
            previous_root: frontier.root(),
            frontier,
            index,
            leaves: Vec::new(),
            long_statements: Vec::new(),
            subtree_roots: Vec::new(),
            statements: Vec::new(),
            subjects: Vec::new(),
            events: Vec::new(),
        }
    }

    /// The place that the next leaf gets.
    pub fn next_place(&self) -> Place {
        Place { leaf: self.frontier.size().next_index(), time: self.time }
    }

    /// Gives back the index of a block that came to nothing.
    pub fn into_index(self) -> SubjectIndex {
        self.index
    }

    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// Appends a statement under the subjects that it names.
    pub fn push_statement(
        &mut self,
        statement: &VerifiedStatement,
        content: LeafContent,
        subjects: &BTreeSet<Subject>,
        events: impl IntoIterator<Item = EventEntry>,
    ) -> Result<LeafIndex, BuildError> {
        let leaf = Leaf::of_statement(statement.compact());
        if let Leaf::LongStatement { hash, .. } = &leaf {
            self.long_statements.push((*hash, statement.compact().as_bytes().to_vec()));
        }
        let index = self.push_leaf(&leaf, content);
        self.statements.push((statement.id(), index));
        for subject in subjects {
            let key = subject.key();
            self.index.append(key, index).map_err(|error| BuildError(error.to_string()))?;
            self.subjects.push((key, index));
        }
        self.events.extend(events);
        Ok(index)
    }

    /// Closes the block with its seal and signs it.
    pub fn seal(mut self, registry: &Registry, signer: &dyn MemberSigner) -> Result<Sealed, BuildError> {
        let members_hash = registry.members().hash();
        let seal = Seal {
            height: self.height,
            time: self.time,
            previous_size: self.previous_size,
            previous_root: self.previous_root,
            index_root: self.index.root(),
            members_hash,
            next_members_hash: members_hash,
        };
        self.push_leaf(&Leaf::Seal(seal.clone()), LeafContent::Seal);
        let checkpoint =
            Checkpoint { origin: registry.origin().clone(), size: self.frontier.size(), root: self.frontier.root() };
        let commit = self.commit(&checkpoint, signer);
        let note = signed_note(&checkpoint, signer)?;
        let block = StoredBlock { checkpoint, note, commit, seal };
        let new = NewBlock {
            block: block.clone(),
            leaves: self.leaves,
            long_statements: self.long_statements,
            subtree_roots: self.subtree_roots,
            statements: self.statements,
            subjects: self.subjects,
            events: self.events,
        };
        Ok(Sealed { new, block, frontier: self.frontier, index: self.index })
    }

    fn commit(&self, checkpoint: &Checkpoint, signer: &dyn MemberSigner) -> Commit {
        let bytes = commit_bytes(&checkpoint.origin, self.height, ROUND, checkpoint);
        let signature = CommitSignature::es256(signer.public_key().thumbprint(), signer.sign(&bytes));
        Commit { height: self.height, round: ROUND, signatures: vec![signature] }
    }

    fn push_leaf(&mut self, leaf: &Leaf, content: LeafContent) -> LeafIndex {
        let bytes = leaf.encode();
        let hash = merkle::leaf_hash(&bytes);
        let index = self.frontier.size().next_index();
        let filled = self.frontier.push(hash);
        self.subtree_roots.extend(filled);
        self.leaves.push(StoredLeaf { index, content, bytes, hash });
        index
    }
}

fn signed_note(checkpoint: &Checkpoint, signer: &dyn MemberSigner) -> Result<String, BuildError> {
    let text = checkpoint.to_text();
    let key = NoteKey { name: checkpoint.origin.clone(), key: signer.public_key().clone() };
    let signature = key.signature(&signer.sign(text.as_bytes())).map_err(|error| BuildError(error.to_string()))?;
    let note = Note::new(text, vec![signature]).map_err(|error| BuildError(error.to_string()))?;
    Ok(note.to_text())
}

/// A finished block and the right edge after it.
pub struct Sealed {
    pub new: NewBlock,
    pub block: StoredBlock,
    pub frontier: Frontier,
    pub index: SubjectIndex,
}

impl Sealed {
    /// Splits off what is written from what is kept.
    pub fn into_parts(self, registry: Arc<Registry>) -> (NewBlock, State) {
        let state = State { tip: self.block, frontier: self.frontier, index: self.index, registry };
        (self.new, state)
    }
}

/// What a leaf with a statement of this type holds.
pub const fn content_of(typ: StatementType) -> LeafContent {
    match typ {
        StatementType::Epcis => LeafContent::Capture,
        StatementType::Admin => LeafContent::Admin,
    }
}
