//! A block in the making: gives statements their places, and closes with the seal.

use std::sync::Arc;

use crate::block::{Checkpoint, Height, Leaf, Seal};
use crate::consortium::{Admin, Decision, Place, Registry};
use crate::hash::Hash;
use crate::index::SubjectIndex;
use crate::ledger::block::{BlockContent, LeafContent, PlacedRecord, SealedBlock, StoredLeaf, Successor};
use crate::ledger::candidate::{Candidate, CandidateKind, StatementLeaf};
use crate::ledger::known::{Knowledge, KnownBlock, Prefetched};
use crate::ledger::place::{self, NextPlace, PlaceRefusal};
use crate::ledger::quota::QuotaState;
use crate::ledger::rules::{Rules, UnknownRules};
use crate::ledger::state::State;
use crate::ledger::usage::{Usage, UsageAdded};
use crate::merkle::{self, Edge, Frontier, Growth, LeafIndex};
use crate::record::LeafRecord;
use crate::statement::{SignatureVerifier, StatementId, VerifiedStatement};
use crate::time::Timestamp;

/// Where a statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    pub leaf: LeafIndex,
    /// It stood there before: this was posted again.
    pub repeated: bool,
}

/// A block that cannot be made: this program does not know the rules that are in force, or the tree or the index refuses a
/// leaf, which happens not short of 2^53 leaves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the block cannot be made: {0}")]
pub struct BlockError(pub String);

impl From<UnknownRules> for BlockError {
    fn from(error: UnknownRules) -> Self {
        Self(error.to_string())
    }
}

/// Why a statement got no place.
pub(super) enum PlaceError {
    /// The statement alone is refused.
    Refused(Box<PlaceRefusal>),
    /// The whole block is.
    Block(BlockError),
}

impl<E: Into<PlaceRefusal>> From<E> for PlaceError {
    fn from(refusal: E) -> Self {
        Self::Refused(Box::new(refusal.into()))
    }
}

/// The block, and the state under it as the statements so far leave it.
pub(super) struct Placing<'a> {
    height: Height,
    time: Timestamp,
    rules: Rules,
    final_ones: &'a dyn Knowledge,
    verifier: &'a dyn SignatureVerifier,
    index: &'a mut SubjectIndex,
    /// What participants had used before the block, and what its statements add.
    usage: &'a Usage,
    used: UsageAdded,
    /// The tree before the block, and with what it has so far.
    before: Frontier,
    edge: Edge,
    registry: Option<Arc<Registry>>,
    /// The proposal that the last statement enacted.
    enacted: Option<StatementId>,
    learnt: Prefetched,
    leaves: Vec<StoredLeaf>,
    leaf_hashes: Vec<Hash>,
    long_statements: Vec<(Hash, Vec<u8>)>,
    records: Vec<PlacedRecord>,
    admins: Vec<Admin>,
    captures: u64,
    events: u64,
}

impl<'a> Placing<'a> {
    /// Begins the block after a state, by the rules that are in force at its time. Its statements go into the state's index; what
    /// an earlier one left there that was not applied is taken back.
    pub fn begin(
        state: &'a mut State,
        time: Timestamp,
        final_ones: &'a dyn Knowledge,
        verifier: &'a dyn SignatureVerifier,
    ) -> Result<Self, UnknownRules> {
        let rules = state.rules_at(time)?;
        state.index.begin();
        Ok(Self {
            height: state.next_height(),
            time,
            rules,
            final_ones,
            verifier,
            before: state.edge.frontier().clone(),
            edge: state.edge.clone(),
            registry: state.registry.clone(),
            enacted: None,
            index: &mut state.index,
            usage: &state.usage,
            used: UsageAdded::default(),
            learnt: Prefetched::default(),
            leaves: Vec::new(),
            leaf_hashes: Vec::new(),
            long_statements: Vec::new(),
            records: Vec::new(),
            admins: Vec::new(),
            captures: 0,
            events: 0,
        })
    }

    /// The place that the next leaf gets.
    pub fn next_place(&self) -> Place {
        Place { leaf: self.edge.size().next_index(), time: self.time }
    }

    /// Tells whether the last statement enacted a proposal, so that the block takes no more.
    pub const fn is_complete(&self) -> bool {
        self.enacted.is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// The consortium, as the statements so far leave it.
    pub fn registry(&self) -> Result<&Arc<Registry>, PlaceRefusal> {
        self.registry.as_ref().ok_or(PlaceRefusal::BeforeGenesis)
    }

    pub const fn has_genesis(&self) -> bool {
        self.registry.is_some()
    }

    /// Takes back all that the block has put into the index.
    pub fn abandon(self) {
        self.index.roll_back();
    }

    /// Gives a statement its place, or says where it stands already, or which rule refuses it there.
    pub fn place(&mut self, candidate: Candidate) -> Result<Placed, PlaceError> {
        let at = self.next_place();
        let registry = self.registry.as_deref();
        let next = NextPlace { place: at, height: self.height, rules: self.rules };
        let first = place::check_all(&candidate, registry, self.final_ones, &self.learnt, next, self.verifier)?;
        if let Some(leaf) = first {
            return Ok(Placed { leaf, repeated: true });
        }
        let state = QuotaState {
            index: &*self.index,
            usage: self.usage,
            added: &self.used,
            final_ones: self.final_ones,
            block: &self.learnt,
        };
        let tally = place::check_quotas(&candidate, registry, state, at)?;
        let Candidate { statement, leaf, kind } = candidate;
        match kind {
            CandidateKind::Capture { events, record } => {
                if let Some(signer) = record.signer_tag() {
                    self.used.add(self.usage, signer, at.leaf, at.time, tally);
                }
                self.learnt.add_names(&record, at.leaf);
                let placed = self.push_statement(&statement, leaf, LeafContent::Capture, record)?;
                self.learnt.add_events(&events, placed.leaf);
                self.captures += 1;
                self.events += events.len() as u64;
                Ok(placed)
            }
            CandidateKind::Admin { admin, record } => {
                self.decide(&admin, statement.id(), statement.header().signer().hash(), at)?;
                let placed = self.push_statement(&statement, leaf, LeafContent::Admin, record)?;
                self.admins.push(*admin);
                Ok(placed)
            }
        }
    }

    /// Lets a decision take effect.
    fn decide(&mut self, admin: &Admin, id: StatementId, kid: &Hash, place: Place) -> Result<(), PlaceRefusal> {
        match (&mut self.registry, admin) {
            (None, Admin::Genesis(genesis)) => self.registry = Some(Arc::new(Registry::new(genesis))),
            (None, _) => return Err(PlaceRefusal::BeforeGenesis),
            (Some(registry), _) => {
                let decision = Decision { id, admin, kid: *kid, place, height: self.height };
                self.enacted = Arc::make_mut(registry).decide(&decision, self.verifier)?;
            }
        }
        Ok(())
    }

    /// Appends a statement under the subjects that its record names.
    fn push_statement(
        &mut self,
        statement: &VerifiedStatement,
        leaf: StatementLeaf,
        content: LeafContent,
        record: LeafRecord,
    ) -> Result<Placed, PlaceError> {
        let place = self.next_place();
        for (key, entry) in record.list_entries(place.leaf) {
            let appended = self.index.append(key, entry);
            appended.map_err(|error| PlaceError::Block(BlockError(error.to_string())))?;
        }
        self.records.push(PlacedRecord { place, record });
        self.learnt.add_statement(statement.id(), place.leaf);
        let StatementLeaf { bytes, hash, long } = leaf;
        self.long_statements.extend(long.map(|hash| (hash, statement.compact().as_bytes().to_vec())));
        self.push_leaf(bytes, hash, content);
        Ok(Placed { leaf: place.leaf, repeated: false })
    }

    fn push_leaf(&mut self, bytes: Vec<u8>, hash: Hash, content: LeafContent) {
        let index = self.edge.size().next_index();
        self.edge.push(hash);
        self.leaf_hashes.push(hash);
        self.leaves.push(StoredLeaf { index, content, bytes });
    }

    /// Closes the block with its seal.
    pub fn seal(mut self) -> Result<SealedBlock, PlaceRefusal> {
        let registry = Arc::clone(self.registry()?);
        let seal = Seal {
            height: self.height,
            time: self.time,
            previous_size: self.before.size(),
            previous_root: self.before.root(),
            index_root: self.index.root(),
            members_hash: registry.members_at(self.height).hash(),
            next_members_hash: registry.members_at(self.height.next()).hash(),
            rules: self.rules.number(),
            enacted: self.enacted.into_iter().collect(),
        };
        let leaf = Leaf::Seal(seal.clone()).encode();
        let hash = merkle::leaf_hash(&leaf);
        self.push_leaf(leaf, hash, LeafContent::Seal);
        let checkpoint =
            Checkpoint { origin: registry.origin().clone(), size: self.edge.size(), root: self.edge.root() };
        self.learnt.add_block(self.height, KnownBlock { time: self.time, root: checkpoint.root });
        let content = BlockContent {
            leaves: self.leaves,
            long_statements: self.long_statements,
            tiles: self.edge.take_tiles(self.before.size()),
            records: Arc::new(self.records),
        };
        Ok(SealedBlock {
            checkpoint,
            content,
            growth: Growth::new(&self.before, self.leaf_hashes),
            admins: self.admins,
            captures: self.captures,
            events: self.events,
            learnt: self.learnt,
            successor: Successor {
                base: self.before.size(),
                seal: seal.clone(),
                edge: self.edge,
                registry,
                used: self.used,
            },
            seal,
        })
    }
}
