//! What the ledger holds already of statements and events.

use std::collections::{BTreeMap, HashMap};

use crate::block::Height;
use crate::consortium::{EventFact, EventKey};
use crate::hash::Hash;
use crate::index::{SignerTag, SubjectKey};
use crate::ledger::candidate::Candidate;
use crate::ledger::lists::KnownLists;
use crate::limits::READY_MINUTES_MAX;
use crate::merkle::LeafIndex;
use crate::record::LeafRecord;
use crate::statement::StatementId;
use crate::time::Timestamp;

/// A final block, as a node that is ready names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownBlock {
    /// Of its seal.
    pub time: Timestamp,
    /// Of the tree after it.
    pub root: Hash,
}

/// Answers what the final blocks hold of a statement or an event.
///
/// An implementation MUST know every final statement and event that the block at hand holds again, and every final block
/// that a `ready` in it names and that is no older than `READY_MINUTES_MAX` before the last one. It MUST know the list of
/// every subject and the captures of every participant in the final blocks. It MUST NOT know one of a block that is not final.
pub trait Knowledge {
    /// The leaf of a statement.
    fn statement(&self, id: &StatementId) -> Option<LeafIndex>;

    /// The content of an event, and the leaf that first gave it. Error declarations give none.
    fn event(&self, key: &EventKey) -> Option<(Hash, LeafIndex)>;

    /// The block of a height.
    fn block(&self, height: Height) -> Option<KnownBlock>;

    /// How many leaves of a signer the list of a subject has, from `first` on. Asked of long lists alone.
    fn leaves_of(&self, subject: &SubjectKey, signer: SignerTag, first: LeafIndex) -> u64;

    /// Tells whether a leaf stands in the list of a subject.
    fn names(&self, leaf: LeafIndex, subject: &SubjectKey) -> bool;

    /// The first capture of a participant from a leaf on.
    fn capture_from(&self, signer: SignerTag, first: LeafIndex) -> Option<LeafIndex>;
}

/// What was fetched for one block.
#[derive(Debug, Default)]
pub struct Prefetched {
    statements: HashMap<StatementId, LeafIndex>,
    events: HashMap<EventKey, (Hash, LeafIndex)>,
    blocks: BTreeMap<Height, KnownBlock>,
    lists: KnownLists,
}

impl Prefetched {
    /// Takes a statement that stands at a leaf.
    pub fn add_statement(&mut self, id: StatementId, leaf: LeafIndex) {
        self.statements.entry(id).or_insert(leaf);
    }

    /// Takes an event that is no error declaration. Events come in ledger order: the first one says what its id stands
    /// for.
    pub fn add_event(&mut self, key: EventKey, content: Hash, leaf: LeafIndex) {
        self.events.entry(key).or_insert((content, leaf));
    }

    /// Takes the events of a statement that stands at a leaf.
    pub fn add_events(&mut self, events: &[EventFact], leaf: LeafIndex) {
        for event in events.iter().filter(|event| !event.declaration) {
            self.add_event(event.key, event.content, leaf);
        }
    }

    /// Takes the subjects of a capture that stands at a leaf, and whose it is. Captures come in ledger order.
    pub fn add_names(&mut self, record: &LeafRecord, leaf: LeafIndex) {
        let Some(signer) = record.signer_tag() else { return };
        self.lists.add_capture(signer, leaf);
        record.subjects().for_each(|subject| self.lists.add(subject, leaf, signer));
    }

    /// Takes a block.
    pub fn add_block(&mut self, height: Height, block: KnownBlock) {
        self.blocks.insert(height, block);
    }

    /// Tells whether what is here may stand against a statement: it is the same as one here, has an event of a participant's
    /// eventID that is here, or is by a participant of whose quotas a statement here has used.
    pub fn touches(&self, candidate: &Candidate) -> bool {
        self.statements.contains_key(&candidate.id())
            || candidate.events().iter().any(|event| self.events.contains_key(&event.key))
            || candidate.participant_tag().is_some_and(|signer| self.lists.has_signer(signer))
    }

    fn extend(&mut self, other: Self) {
        self.statements.extend(other.statements);
        other.events.into_iter().for_each(|(key, (content, leaf))| self.add_event(key, content, leaf));
        self.blocks.extend(other.blocks);
        self.lists.extend(other.lists);
    }

    /// Forgets the blocks that a `ready` after the last one names no more.
    fn forget_old_blocks(&mut self) {
        let Some((_, last)) = self.blocks.last_key_value() else { return };
        let oldest = last.time.plus_millis(-READY_MINUTES_MAX * 60_000);
        while self.blocks.first_key_value().is_some_and(|(_, block)| block.time < oldest) {
            self.blocks.pop_first();
        }
    }
}

impl Knowledge for Prefetched {
    fn statement(&self, id: &StatementId) -> Option<LeafIndex> {
        self.statements.get(id).copied()
    }

    fn event(&self, key: &EventKey) -> Option<(Hash, LeafIndex)> {
        self.events.get(key).copied()
    }

    fn block(&self, height: Height) -> Option<KnownBlock> {
        self.blocks.get(&height).copied()
    }

    fn leaves_of(&self, subject: &SubjectKey, signer: SignerTag, first: LeafIndex) -> u64 {
        self.lists.count(subject, signer, first)
    }

    fn names(&self, leaf: LeafIndex, subject: &SubjectKey) -> bool {
        self.lists.contains(subject, leaf)
    }

    fn capture_from(&self, signer: SignerTag, first: LeafIndex) -> Option<LeafIndex> {
        self.lists.capture_from(signer, first)
    }
}

/// All statements and events of a ledger that is replayed from its first leaf: some 50 bytes a statement, 60 an event, 100 a
/// subject; and its blocks of the last half hour, 60 bytes each.
#[derive(Debug, Default)]
pub struct EverSeen(Prefetched);

impl EverSeen {
    /// Learns what a block holds, once it is final.
    pub fn learn(&mut self, block: Prefetched) {
        self.0.extend(block);
        self.0.forget_old_blocks();
    }
}

impl Knowledge for EverSeen {
    fn statement(&self, id: &StatementId) -> Option<LeafIndex> {
        self.0.statement(id)
    }

    fn event(&self, key: &EventKey) -> Option<(Hash, LeafIndex)> {
        self.0.event(key)
    }

    fn block(&self, height: Height) -> Option<KnownBlock> {
        self.0.block(height)
    }

    fn leaves_of(&self, subject: &SubjectKey, signer: SignerTag, first: LeafIndex) -> u64 {
        self.0.lists.count(subject, signer, first)
    }

    fn names(&self, leaf: LeafIndex, subject: &SubjectKey) -> bool {
        self.0.lists.contains(subject, leaf)
    }

    fn capture_from(&self, signer: SignerTag, first: LeafIndex) -> Option<LeafIndex> {
        self.0.lists.capture_from(signer, first)
    }
}
