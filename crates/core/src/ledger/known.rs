//! What the ledger holds already of statements and events.

use std::collections::HashMap;

use crate::consortium::{EventFact, EventKey};
use crate::hash::Hash;
use crate::merkle::LeafIndex;
use crate::statement::StatementId;

/// Answers what the final blocks hold of a statement or an event.
///
/// An implementation MUST know every final statement and event that the block at hand holds again. It MUST NOT know one
/// of a block that is not final.
pub trait Knowledge {
    /// The leaf of a statement.
    fn statement(&self, id: &StatementId) -> Option<LeafIndex>;

    /// The content of an event, and the leaf that first gave it. Error declarations give none.
    fn event(&self, key: &EventKey) -> Option<(Hash, LeafIndex)>;
}

/// What was fetched for one block.
#[derive(Debug, Default)]
pub struct Prefetched {
    statements: HashMap<StatementId, LeafIndex>,
    events: HashMap<EventKey, (Hash, LeafIndex)>,
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

    /// Tells whether a statement is the same as one here, or has an event of a participant's eventID that is here.
    pub fn touches(&self, id: StatementId, events: &[EventFact]) -> bool {
        self.statements.contains_key(&id) || events.iter().any(|event| self.events.contains_key(&event.key))
    }

    fn extend(&mut self, other: Self) {
        self.statements.extend(other.statements);
        other.events.into_iter().for_each(|(key, (content, leaf))| self.add_event(key, content, leaf));
    }
}

impl Knowledge for Prefetched {
    fn statement(&self, id: &StatementId) -> Option<LeafIndex> {
        self.statements.get(id).copied()
    }

    fn event(&self, key: &EventKey) -> Option<(Hash, LeafIndex)> {
        self.events.get(key).copied()
    }
}

/// All statements and events of a ledger that is replayed from its first leaf: some 50 bytes a statement, 60 an event.
#[derive(Debug, Default)]
pub struct EverSeen(Prefetched);

impl EverSeen {
    /// Learns what a block holds, once it is final.
    pub fn learn(&mut self, block: Prefetched) {
        self.0.extend(block);
    }
}

impl Knowledge for EverSeen {
    fn statement(&self, id: &StatementId) -> Option<LeafIndex> {
        self.0.statement(id)
    }

    fn event(&self, key: &EventKey) -> Option<(Hash, LeafIndex)> {
        self.0.event(key)
    }
}
