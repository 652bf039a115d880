//! Makes rows of final blocks, one after the other, from the gateway's own copy of the ledger.
//!
//! The store's cursor says where to go on, so that a crash at any moment loses nothing and adds nothing twice. Only a block
//! that was audited is ever in the copy. The events are those of the copy's records, which the audit has made.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

use sealane_core::block::Height;
use sealane_core::consortium::{ParticipantId, Registry};
use sealane_core::epcis::query::EventFacts;
use sealane_core::epcis::{self, Event, Written};
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;
use sealane_core::merkle::{LeafIndex, TreeSize};
use sealane_core::provenance::Capture;
use sealane_core::statement::SubmittedStatement;
use sealane_core::time::Timestamp;

use super::store::{Cursor, IndexedBlock, IndexedEvent, MasterElement, QueryStore, QueryStoreError};
use crate::app::{Ledger, statement_text};
use crate::ports::{LedgerStore, PlacedRecord, StoreError, StoredBlock};

/// Blocks share a transaction until they have so many events, or bytes of statements. One block may have more.
const EVENTS_AT_ONCE: usize = 2_000;
const BYTES_AT_ONCE: usize = 8 * 1024 * 1024;

/// Leaves whose records are read at once, and bytes of these.
const LEAVES_AT_ONCE: u64 = 500;
const RECORD_BYTES_AT_ONCE: usize = 8 * 1024 * 1024;

/// How long a block is waited for before it is looked again.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The pause after something has failed, and after a wait that came to nothing.
const TRY_AGAIN_EVERY: Duration = Duration::from_secs(5);
const WAIT_AT_LEAST: Duration = Duration::from_millis(100);

/// How far the rows are, for all who ask.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// What the rows have, once it was held against the copy of the ledger.
    pub cursor: Option<Cursor>,
    /// When the rows had every block of the copy.
    pub level_at: Option<Timestamp>,
    /// The last block of the rows, if the copy does not have it yet.
    pub ahead: Option<Height>,
    /// What failed the last time.
    pub trouble: Option<String>,
}

/// Why a block was not made rows of.
#[derive(Debug, thiserror::Error)]
pub enum IndexingError {
    #[error("the gateway's copy of the ledger: {0}")]
    Ledger(#[from] StoreError),
    #[error(transparent)]
    Rows(#[from] QueryStoreError),
    #[error("leaf {leaf} of the gateway's copy of the ledger cannot be read: {detail}")]
    Leaf { leaf: LeafIndex, detail: String },
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Blocks were added, and there are more.
    More,
    /// The rows have every block of a ledger of this size.
    Level(TreeSize),
    /// The rows are of a longer ledger than the copy, which has this size and grows.
    Ahead(TreeSize),
}

/// Makes rows of the blocks of a ledger.
pub struct Indexer {
    ledger: Ledger,
    rows: Arc<dyn QueryStore>,
    progress: Arc<watch::Sender<Progress>>,
}

/// What several blocks add.
#[derive(Default)]
struct Batch {
    events: Vec<IndexedEvent>,
    master_data: Vec<MasterElement>,
    bytes: usize,
}

impl Indexer {
    pub fn new(ledger: Ledger, rows: Arc<dyn QueryStore>, progress: Arc<watch::Sender<Progress>>) -> Arc<Self> {
        Arc::new(Self { ledger, rows, progress })
    }

    /// Makes rows of each block that comes, until the runtime ends.
    pub async fn run(self: Arc<Self>) {
        loop {
            let indexer = Arc::clone(&self);
            let stepped = tokio::task::spawn_blocking(move || indexer.step()).await;
            let failed = match stepped {
                Ok(Ok(Step::More)) => continue,
                Ok(Ok(Step::Level(size) | Step::Ahead(size))) => {
                    if !self.ledger.grows_past(size, LOOK_EVERY).await {
                        tokio::time::sleep(WAIT_AT_LEAST).await;
                    }
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(ended) if ended.is_cancelled() => return,
                Err(panicked) => panicked.to_string(),
            };
            tracing::error!(error = failed, "no rows are made for queries; it is tried again");
            self.note(|progress| progress.trouble = Some(failed));
            tokio::time::sleep(TRY_AGAIN_EVERY).await;
        }
    }

    /// Makes rows of the next blocks, if there are any. Blocks its thread, which has to be one of the runtime's.
    ///
    /// # Errors
    ///
    /// What the copy of the ledger or the store of rows fails by. The step can be tried again.
    pub fn step(&self) -> Result<Step, IndexingError> {
        let handle = Handle::current();
        // Before the snapshot, which has this block then.
        let view = self.ledger.view();
        let (tip, size) = (view.tip.seal.height, view.size());
        let snapshot = handle.block_on(self.ledger.store().snapshot())?;
        let copy = Blocks { handle, store: snapshot.as_deref().unwrap_or_else(|| self.ledger.store()) };
        let cursor = self.rows.cursor()?;
        if let Some(cursor) = cursor.filter(|cursor| cursor.height > tip) {
            self.note(|progress| *progress = Progress { ahead: Some(cursor.height), ..Progress::default() });
            return Ok(Step::Ahead(size));
        }
        let cursor = self.of_this_ledger(&copy, cursor)?;
        let mut next = cursor.map_or(Height::GENESIS, |cursor| cursor.height.next());
        let (mut batch, mut last) = (Batch::default(), None);
        while next <= tip && !batch.is_full() {
            let block = copy.block(next)?;
            copy.read(&block, &view.registry, &mut batch)?;
            next = next.next();
            last = Some(cursor_at(&block));
        }
        let reached = match last {
            None => cursor,
            Some(cursor) => {
                let Batch { events, master_data, .. } = batch;
                self.rows.append(IndexedBlock { cursor, events, master_data })?;
                Some(cursor)
            }
        };
        let level_at = (next > tip).then(|| self.ledger.now());
        self.note(|progress| {
            let level_at = level_at.or(progress.level_at);
            *progress = Progress { cursor: reached, level_at, ahead: None, trouble: None };
        });
        Ok(if level_at.is_some() { Step::Level(size) } else { Step::More })
    }

    /// Holds the cursor against the copy of the ledger. Rows of another ledger are removed.
    fn of_this_ledger(&self, copy: &Blocks<'_>, cursor: Option<Cursor>) -> Result<Option<Cursor>, IndexingError> {
        let Some(at) = cursor else { return Ok(None) };
        if cursor_at(&copy.block(at.height)?) == at {
            return Ok(cursor);
        }
        tracing::warn!(height = %at.height, "the query store is of another ledger than the gateway's copy: it is made again");
        self.note(|progress| *progress = Progress::default());
        self.rows.clear()?;
        Ok(None)
    }

    fn note(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(change);
    }
}

impl Batch {
    fn is_full(&self) -> bool {
        self.events.len() >= EVENTS_AT_ONCE || self.bytes >= BYTES_AT_ONCE
    }

    /// Adds what a capture says, whose statement is `text`.
    fn add(&mut self, capture: Capture, text: &[u8], registry: &Registry) -> Result<(), String> {
        let Capture { place, signer, events, .. } = capture;
        let statement = SubmittedStatement::parse(text).map_err(|error| error.to_string())?;
        let document = epcis::written(statement.payload()).map_err(|error| error.to_string())?;
        if document.events.len() != events.len() {
            return Err(format!("its record has {} events, and its statement {}", events.len(), document.events.len()));
        }
        self.bytes += text.len();
        // Claims never change, so those of now are those of then.
        let claims = registry.participant(&signer).map(|one| &one.claims);
        for element in document.vocabulary_elements() {
            let is_held = |id: &Id| claims.is_some_and(|claims| claims.own(id));
            self.master_data.push(MasterElement {
                leaf: place.leaf,
                participant: signer,
                is_holder: Id::parse_uri(&element.id).is_ok_and(|id| is_held(&id)),
                vocabulary: element.vocabulary,
                id: element.id,
                attributes: element.attributes,
                children: element.children,
            });
        }
        let Written { context, events: written, .. } = document;
        let context = context.map(Arc::new);
        for ((position, event), json) in events.into_iter().zip(written) {
            self.events.push(IndexedEvent {
                leaf: place.leaf,
                position,
                participant: signer,
                event_time: event.event_time,
                recorded: place.time,
                identity: identity_of(&signer, &event),
                facts: EventFacts::of(&event, &json, context.as_deref(), place.time),
                event_id: event.event_id.uri,
                json,
                context: context.clone(),
            });
        }
        Ok(())
    }
}

/// The gateway's copy of the ledger, as a step reads it.
struct Blocks<'a> {
    handle: Handle,
    store: &'a dyn LedgerStore,
}

impl Blocks<'_> {
    fn block(&self, height: Height) -> Result<StoredBlock, StoreError> {
        let block = self.handle.block_on(self.store.block(height))?;
        block.ok_or_else(|| StoreError::Corrupt(format!("block {height} is missing")))
    }

    /// Adds what the statements of a block say.
    fn read(&self, block: &StoredBlock, registry: &Registry, batch: &mut Batch) -> Result<(), IndexingError> {
        let (mut next, end) = (block.seal.previous_size, block.size());
        while next < end {
            let first = next.next_index();
            let limit = (end.get() - next.get()).min(LEAVES_AT_ONCE) as u32;
            let mut page = self.handle.block_on(self.store.records_from(first, limit, RECORD_BYTES_AT_ONCE))?;
            page.retain(|placed| end.contains(placed.place.leaf));
            // A seal has no record.
            let Some(last) = page.last() else { break };
            next = last.place.leaf.size_through();
            for PlacedRecord { place, record } in page {
                let leaf = place.leaf;
                let capture = record.capture(place).map_err(|error| StoreError::of_record(leaf, error))?;
                let Some(capture) = capture else { continue };
                let fault = |detail| IndexingError::Leaf { leaf, detail };
                let text = self.statement(leaf)?.ok_or_else(|| fault("it holds no statement".to_owned()))?;
                batch.add(capture, &text, registry).map_err(fault)?;
            }
        }
        Ok(())
    }

    fn statement(&self, leaf: LeafIndex) -> Result<Option<Vec<u8>>, StoreError> {
        match self.handle.block_on(self.store.leaf(leaf))? {
            Some(stored) => self.handle.block_on(statement_text(self.store, &stored.bytes)),
            None => Ok(None),
        }
    }
}

fn cursor_at(block: &StoredBlock) -> Cursor {
    Cursor { height: block.seal.height, size: block.size(), checkpoint: block.checkpoint.hash(), time: block.seal.time }
}

/// What two recordings of one event have in common; nothing of an error declaration, which stands beside the event that it is about.
fn identity_of(signer: &ParticipantId, event: &Event) -> Option<Hash> {
    let parts = [&signer.to_bytes()[..], event.content_hash.as_bytes(), event.event_id.uri.as_bytes()];
    event.error_declaration.is_none().then(|| Hash::of_parts(&parts))
}
