//! The port of the store that queries are answered from. All of it can be made again from the ledger.

pub use crate::app::events::FoundEvent;
pub use crate::app::master_data::{KnownElement, MasterAttribute};

use std::sync::Arc;

use sealane_core::block::Height;
use sealane_core::consortium::ParticipantId;
use sealane_core::epcis::query::{EventFacts, EventQuery, Field, Key, MasterQuestion};
use sealane_core::hash::Hash;
use sealane_core::json::Json;
use sealane_core::merkle::{LeafIndex, TreeSize};
use sealane_core::time::Timestamp;

/// How far the store has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The last block whose events are there.
    pub height: Height,
    /// Leaves up to that block's end.
    pub size: TreeSize,
    /// SHA-256 of that block's checkpoint text, by which another ledger is told from this one.
    pub checkpoint: Hash,
    /// That block's time.
    pub time: Timestamp,
}

/// All that one block adds, written in one transaction or not at all.
#[derive(Debug)]
pub struct IndexedBlock {
    pub cursor: Cursor,
    /// In the order of the ledger.
    pub events: Vec<IndexedEvent>,
    pub master_data: Vec<MasterElement>,
}

/// An event of the ledger, with what can be asked of it.
#[derive(Debug, Clone)]
pub struct IndexedEvent {
    pub leaf: LeafIndex,
    /// Its place among the events of its statement, from 0.
    pub position: u32,
    pub participant: ParticipantId,
    pub event_id: String,
    pub event_time: Timestamp,
    pub recorded: Timestamp,
    /// Equal for two recordings of one event by one participant (its eventID and its content hash are the same). An event that is there
    /// under this is not added again; its leaf is noted at the first. `None` of what is never a repeat: an event with an `errorDeclaration`.
    pub identity: Option<Hash>,
    pub facts: EventFacts,
    /// As it was captured.
    pub json: Json,
    /// The `@context` of its document, if it has one: one for all its events.
    pub context: Option<Arc<Json>>,
}

/// What one statement says about one id in its `epcisMasterData` (EPCIS 2.0 §7.1.2).
#[derive(Debug, Clone)]
pub struct MasterElement {
    pub leaf: LeafIndex,
    pub participant: ParticipantId,
    /// The signer had the prefix, the GLN or the namespace of the id when this was recorded.
    pub is_holder: bool,
    /// The vocabulary, such as `urn:epcglobal:epcis:vtype:Location`.
    pub vocabulary: String,
    /// Canonical.
    pub id: String,
    /// Names as URIs with their prefixes resolved, in the order of the document.
    pub attributes: Vec<(String, Json)>,
    /// Canonical ids of what is within it.
    pub children: Vec<String>,
}

/// The last position that an event can have in its leaf.
pub const POSITION_MAX: u32 = u16::MAX as u32;

/// Where a page ends: the key that its last event is ordered by, and that event's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageEnd {
    /// `None` for an order as recorded, and for events without the field that they are ordered by.
    pub key: Option<Key>,
    pub leaf: LeafIndex,
    pub position: u32,
}

impl PageEnd {
    /// The end of a page of what is ordered by a text alone: by that of its last member.
    pub fn of_text(last: impl Into<String>) -> Self {
        let key = Key::from_bytes(last.into().into_bytes());
        Self { key: Some(key), leaf: TreeSize::ZERO.next_index(), position: 0 }
    }

    /// The text of the last member.
    pub fn into_text(self) -> Option<String> {
        String::from_utf8(self.key?.into_bytes()).ok()
    }
}

/// Which part of a query's events is asked for.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// Events of leaves before this count alone, so that each page of a query is of one ledger.
    pub size: TreeSize,
    /// Where the page before ended.
    pub after: Option<PageEnd>,
    /// Events at most, from 1.
    pub limit: u32,
}

/// Bytes of JSON after which a page ends, however many items it may have. What is read of it takes some fifty times as much memory.
pub const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A page of master data.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownPage {
    pub elements: Vec<KnownElement>,
    /// There is more behind the last of them.
    pub has_more: bool,
}

/// A page of events, in the query's order.
#[derive(Debug, Clone)]
pub struct FoundPage {
    pub events: Vec<FoundEvent>,
    /// Where it ends, if there are more.
    pub next: Option<PageEnd>,
}

/// Why a query was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// More than its limit were looked at, or it took longer than it may.
    #[error("the query looks at too many events: {0}")]
    TooComplex(String),
    #[error(transparent)]
    Store(#[from] QueryStoreError),
}

/// The store failed.
#[derive(Debug, thiserror::Error)]
pub enum QueryStoreError {
    #[error("the disk that holds the query store is full")]
    Full,
    #[error("the query store cannot be used: {0}")]
    Unavailable(String),
    #[error("the query store holds something that it must not: {0}; `sealane gateway rebuild` makes it again")]
    Corrupt(String),
}

/// Which master data is asked for.
#[derive(Debug, Clone, Default)]
pub struct MasterFilter {
    pub vocabularies: Vec<String>,
    /// Canonical.
    pub ids: Vec<String>,
    /// Elements with one of these attributes.
    pub attributes: Vec<String>,
    /// What this participant alone has said.
    pub by: Option<ParticipantId>,
    /// After this vocabulary and id.
    pub after: Option<(String, String)>,
    pub limit: u32,
}

/// Keeps events as rows. Each call blocks its thread.
pub trait QueryStore: Send + Sync {
    /// How far the store has come; `None` of an empty one.
    fn cursor(&self) -> Result<Option<Cursor>, QueryStoreError>;

    /// Writes a block in one transaction.
    fn append(&self, block: IndexedBlock) -> Result<(), QueryStoreError>;

    /// Removes everything.
    fn clear(&self) -> Result<(), QueryStoreError>;

    /// Finds a page of events. The query has no condition on master data any more ([`EventQuery::resolve`]).
    fn find(&self, query: &EventQuery, page: &PageRequest) -> Result<FoundPage, FindError>;

    /// How many events a query finds behind `after` in the order of the ledger, in leaves before `size`; it stops counting at `limit`.
    fn count(&self, query: &EventQuery, after: Option<&PageEnd>, size: TreeSize, limit: u64) -> Result<u64, FindError>;

    /// Texts of a field's keys in their order, each once: those after `after`, up to `limit`.
    fn values(&self, fields: &[Field], after: Option<&str>, limit: u32) -> Result<Vec<String>, QueryStoreError>;

    /// The ids of which a question about master data holds, up to `limit` and one more. Places within one are those that its holder named
    /// as its children, and those within these.
    fn master_ids(&self, question: &MasterQuestion, limit: usize) -> Result<Vec<String>, QueryStoreError>;

    /// Master data, by vocabulary and id.
    fn master_data(&self, filter: &MasterFilter) -> Result<KnownPage, QueryStoreError>;
}
