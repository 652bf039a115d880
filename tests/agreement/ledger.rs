//! A simulated node's ledger: the product's rules over final blocks in memory, of which a crash leaves those that were written.

use std::sync::Arc;

use sealane_core::agreement::{BlockOutline, Message, ValueId};
use sealane_core::block::{Checkpoint, Commit, Height, Leaf, MemberSet, Seal};
use sealane_core::consortium::{Place, Registry};
use sealane_core::hash::Hash;
use sealane_core::index::{ListEntry, SubjectIndex, SubjectKey};
use sealane_core::ledger::{
    Body, BodyLeaf, Candidate, EverSeen, Knowledge, KnownRules, PlaceRefusal, Placed, Prefetched, SealedBlock, State,
    check_next, propose, validate,
};
use sealane_core::merkle::{Edge, LeafIndex};
use sealane_core::provider::Provider;
use sealane_core::statement::{SignatureVerifier, StatementId};
use sealane_core::time::Timestamp;

use crate::base::{BASE_HEIGHT, Base, CERTIFICATES, entries_of, leaves_of};
use crate::keys::KeyedHashes;
use crate::statements::{self, Compact};

/// A proposed block: its seal, and the statements before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub seal: Seal,
    pub statements: Vec<Compact>,
}

impl Block {
    pub const fn height(&self) -> Height {
        self.seal.height
    }

    fn outline(&self) -> BlockOutline {
        let leaves = self.statements.iter().map(|one| statements::leaf_of(one)).collect();
        BlockOutline { seal: self.seal.clone(), leaves }
    }

    /// As it stands in a vote log.
    pub fn to_bytes(&self) -> Vec<u8> {
        let outline = self.outline().to_bytes();
        let mut bytes = (outline.len() as u32).to_be_bytes().to_vec();
        bytes.extend(outline);
        if !self.statements.is_empty() {
            let statements = self.statements.iter().map(|one| one.as_bytes().to_vec()).collect();
            bytes.extend(Message::Statements(statements).to_bytes());
        }
        bytes
    }

    pub fn parse(bytes: &[u8]) -> Self {
        let (length, rest) = bytes.split_first_chunk::<4>().unwrap();
        let (outline, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        let seal = BlockOutline::parse(outline).unwrap().seal;
        if rest.is_empty() {
            return Self { seal, statements: Vec::new() };
        }
        let Ok(Message::Statements(statements)) = Message::parse(rest) else { panic!("a log's bytes are whole") };
        let text = |one: Vec<u8>| String::from_utf8(one).unwrap().into();
        Self { seal, statements: statements.into_iter().map(text).collect() }
    }
}

/// A block with its commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    pub block: Block,
    pub checkpoint: Checkpoint,
    pub commit: Commit,
}

/// What became of a statement in a block that a node has built.
pub type PlaceAnswer = Result<Placed, PlaceRefusal>;

/// What was written of a block.
pub struct Written {
    pub places: Vec<(StatementId, LeafIndex, Hash)>,
    pub learnt: Prefetched,
    /// Whether members have decided something in it.
    pub has_decisions: bool,
}

/// The final blocks, each written in one durable step, and what a node makes of them in memory.
pub struct Ledger {
    base: &'static Base,
    verifier: Arc<dyn SignatureVerifier>,
    /// The mutation in which the block that was staged leaves its traces when another one is.
    pub forgets_to_roll_back: bool,
    /// Of the program that runs here.
    pub known: KnownRules,
    pub blocks: Vec<Decided>,
    state: State,
    seen: EverSeen,
    staged: Option<(ValueId, SealedBlock)>,
    leaves: Vec<Hash>,
    entries: Vec<(SubjectKey, ListEntry)>,
}

impl Ledger {
    pub fn new(base: &'static Base, verifier: Arc<dyn SignatureVerifier>, known: KnownRules) -> Self {
        Self {
            base,
            verifier,
            forgets_to_roll_back: false,
            known,
            blocks: Vec::new(),
            state: base.state.clone().knowing(known),
            seen: EverSeen::default(),
            staged: None,
            leaves: base.leaves.clone(),
            entries: base.entries.clone(),
        }
    }

    /// Makes all that is in memory again from what is durable.
    pub fn reload(&mut self) {
        let blocks = std::mem::take(&mut self.blocks);
        let forgets = self.forgets_to_roll_back;
        *self = Self::new(self.base, Arc::clone(&self.verifier), self.known);
        for one in blocks {
            // What stands was verified when it came: a start believes its own store.
            let trusting = KeyedHashes::new(true);
            let (registry, place) = (Arc::clone(self.registry()), self.next_place(one.block.seal.time));
            let read = |compact: &Compact| {
                statements::verified(compact).or_else(|| statements::verify(compact, &registry, place, &trusting))
            };
            let candidates = one.block.statements.iter().map(read).collect::<Option<Vec<Candidate>>>();
            let leaves = candidates.expect("it was written once").into_iter().map(verified_leaf).collect();
            let sealed = self.validate(Body { leaves, seal: one.block.seal.clone() }).expect("it was written once");
            assert_eq!(sealed.checkpoint, one.checkpoint, "a ledger is another one when it is loaded again");
            let learnt = self.keep(sealed);
            self.seen.learn(learnt);
            self.blocks.push(one);
        }
        self.forgets_to_roll_back = forgets;
    }

    pub fn tip(&self) -> Height {
        Height::new(BASE_HEIGHT + self.blocks.len() as u64).unwrap()
    }

    pub fn at(&self, height: Height) -> Option<&Decided> {
        self.blocks.get(usize::try_from(height.get().checked_sub(BASE_HEIGHT + 1)?).ok()?)
    }

    pub fn last_time(&self) -> Timestamp {
        self.state.last_seal().map(|seal| seal.time).unwrap()
    }

    pub fn place(&self, id: &StatementId) -> Option<LeafIndex> {
        self.seen.statement(id)
    }

    pub fn registry(&self) -> &Arc<Registry> {
        self.state.registry().unwrap()
    }

    /// The leaves up to the last final block.
    pub fn leaves(&self) -> &[Hash] {
        &self.leaves
    }

    /// The root of the tree after the last final block.
    pub fn root(&self) -> Hash {
        self.state.root()
    }

    /// Whether blocks of a time can be made and validated here.
    pub fn knows_rules_at(&self, time: Timestamp) -> bool {
        self.state.rules_at(time).is_ok()
    }

    /// The members that a block which is staged leaves in force.
    pub fn members_after_staged(&self) -> Option<MemberSet> {
        let (_, sealed) = self.staged.as_ref()?;
        Some(sealed.successor.registry().members().clone())
    }

    /// The value that members vote on if they vote on a block.
    pub fn value_of(&self, block: &Block) -> Option<ValueId> {
        if block.seal.height != self.state.next_height() {
            return None;
        }
        self.state.checkpoint_with(&block.outline().leaves, &block.seal).map(|given| ValueId::of(&given))
    }

    /// The leaf after the last final one.
    pub fn next_leaf(&self) -> LeafIndex {
        self.state.size().next_index()
    }

    pub fn next_place(&self, clock: Timestamp) -> Place {
        Place { leaf: self.state.size().next_index(), time: clock.max(self.last_time()) }
    }

    /// Whether a statement may stand on the tip: the leaf that it has, if it stands there already.
    pub fn check_next(&self, candidate: &Candidate, clock: Timestamp) -> Result<Option<LeafIndex>, PlaceRefusal> {
        self.check_by(candidate, &self.seen, clock)
    }

    /// The same, by what one block holds alone.
    pub fn check_by(
        &self,
        candidate: &Candidate,
        known: &dyn Knowledge,
        clock: Timestamp,
    ) -> Result<Option<LeafIndex>, PlaceRefusal> {
        check_next(candidate, &self.state, known, self.next_place(clock), &*self.verifier)
    }

    /// Builds a block, and stages it.
    pub fn build(
        &mut self,
        time: Timestamp,
        candidates: &[Candidate],
        even_if_empty: bool,
    ) -> (Vec<PlaceAnswer>, Option<(ValueId, Block)>) {
        self.leave_traces();
        self.staged = None;
        let (candidates, verifier) = (candidates.to_vec(), Arc::clone(&self.verifier));
        let texts: Vec<Compact> = candidates.iter().map(|one| one.statement().compact().into()).collect();
        let made = propose(&mut self.state, &self.seen, time, candidates, even_if_empty, &*verifier);
        let made = made.expect("short of 2^53 leaves a block can be made");
        let block = made.block.map(|sealed| {
            let kept = texts.into_iter().zip(&made.answers);
            let kept = kept.filter(|(_, answer)| answer.as_ref().is_ok_and(|placed| !placed.repeated));
            let block = Block { seal: sealed.seal.clone(), statements: kept.map(|(text, _)| text).collect() };
            let value = ValueId::of(&sealed.checkpoint);
            self.staged = Some((value, sealed));
            (value, block)
        });
        (made.answers, block)
    }

    /// Stages a block of which nothing is believed; says what is wrong with it. `read` verifies a statement.
    pub fn stage(
        &mut self,
        value: ValueId,
        block: &Block,
        read: impl Fn(&Compact) -> Option<Candidate>,
    ) -> Result<(), String> {
        if self.staged.as_ref().is_some_and(|(staged, _)| *staged == value) {
            return Ok(());
        }
        self.leave_traces();
        self.staged = None;
        let mut is_shown = false;
        let leaves = block.statements.iter().map(|compact| match read(compact) {
            Some(candidate) => verified_leaf(candidate),
            None => {
                is_shown = true;
                BodyLeaf::Shown { bytes: Leaf::of_statement(compact).encode(), long: None }
            }
        });
        let leaves = leaves.collect();
        let sealed = self.validate(Body { leaves, seal: block.seal.clone() })?;
        if is_shown || ValueId::of(&sealed.checkpoint) != value {
            self.state.roll_back();
            return Err("its leaves are not those of the value, or not verified".to_owned());
        }
        self.staged = Some((value, sealed));
        Ok(())
    }

    fn validate(&mut self, body: Body) -> Result<SealedBlock, String> {
        let verifier = Arc::clone(&self.verifier);
        let provider = Provider { signatures: &*verifier, certificates: &CERTIFICATES };
        let checked = validate(&mut self.state, &self.seen, body, provider);
        checked.map_err(|invalid| invalid.to_string())
    }

    /// Forgets the block that is staged.
    pub fn roll_back(&mut self) {
        self.leave_traces();
        if self.staged.take().is_some() {
            self.state.roll_back();
        }
    }

    /// Writes the block that is staged, as durable.
    pub fn write(&mut self, block: Block, commit: Commit) -> Written {
        let (_, sealed) = self.staged.take().expect("a block that is written was checked here");
        assert_eq!((sealed.seal.height, &sealed.seal), (commit.height, &block.seal));
        let place = |one: &sealane_core::ledger::PlacedRecord| {
            Some((one.record.statement(), one.place.leaf, sealed.growth.leaf_hash(one.place.leaf)?))
        };
        let places = sealed.content.records.iter().filter_map(place).collect();
        let has_decisions = !sealed.admins.is_empty();
        self.blocks.push(Decided { block, checkpoint: sealed.checkpoint.clone(), commit });
        Written { places, learnt: self.keep(sealed), has_decisions }
    }

    /// Learns what was written.
    pub fn learn(&mut self, learnt: Prefetched) {
        self.seen.learn(learnt);
    }

    fn keep(&mut self, sealed: SealedBlock) -> Prefetched {
        self.leaves.extend(leaves_of(&sealed));
        self.entries.extend(entries_of(&sealed));
        self.state.apply(sealed.successor).expect("it was staged on this state");
        sealed.learnt
    }

    /// The mutation: what the staged block has put into the index is still there when it is given up.
    fn leave_traces(&mut self) {
        if !self.forgets_to_roll_back {
            return;
        }
        let Some((_, staged)) = &self.staged else { return };
        self.entries.extend(entries_of(staged));
        let mut index = SubjectIndex::new();
        // What is older than the list's end is no entry any more.
        self.entries.retain(|(key, entry)| index.append(*key, *entry).is_ok());
        let mut edge = Edge::default();
        self.leaves.iter().for_each(|leaf| edge.push(*leaf));
        let checkpoint = Checkpoint { origin: self.registry().origin().clone(), size: edge.size(), root: edge.root() };
        let seal = Seal { index_root: index.root(), ..self.state.last_seal().unwrap().clone() };
        let registry = Registry::clone(self.registry());
        let usage = self.state.usage().clone();
        let resumed =
            State::resume(seal, &checkpoint, edge, index, registry, usage).expect("all but the index is as it was");
        self.state = resumed.knowing(self.known);
    }
}

fn verified_leaf(candidate: Candidate) -> BodyLeaf {
    BodyLeaf::Verified(Box::new(candidate))
}
