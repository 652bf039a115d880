//! The store as the source that `follow` goes through.
//!
//! Following is one synchronous walk, the same for a node and for a verifier. It runs on a thread of its own, which
//! waits for the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::app::head::statement_text;
use crate::app::ledger::{Ledger, LedgerError, read_tiles};
use crate::ports::{LedgerStore, PlacedRecord, StoreError, StoredBlock};
use sealane_core::block::Leaf;
use sealane_core::consortium::Registry;
use sealane_core::index::{ListEntry, Subject};
use sealane_core::merkle::{LeafIndex, TileId, Tiles, TreeSize};
use sealane_core::provenance::{Capture, FollowFault, List, Source, WantedList, is_before_span};
use sealane_core::time::Timestamp;

/// Records read at once ahead of their turn.
const RECORDS_AHEAD: usize = 100;

/// Leaves read at once. A row has 64 KiB at the most; longer statements are read one by one.
const ROWS_AT_ONCE: usize = 100;

/// The ledger up to one size, for one answer.
pub(super) struct Stored<'a> {
    ledger: &'a Ledger,
    store: Arc<dyn LedgerStore>,
    handle: Handle,
    registry: Arc<Registry>,
    size: TreeSize,
    lists: BTreeMap<Subject, Arc<Vec<ListEntry>>>,
    /// The leaves that are likely to be asked for next.
    coming: Vec<LeafIndex>,
    /// Records that were read, some of them ahead of their turn.
    records: BTreeMap<LeafIndex, PlacedRecord>,
}

impl<'a> Stored<'a> {
    /// Reads the ledger as of now, which has at least `size` leaves.
    pub fn new(
        ledger: &'a Ledger,
        handle: Handle,
        registry: &Arc<Registry>,
        size: TreeSize,
    ) -> Result<Self, LedgerError> {
        Ok(Self {
            ledger,
            store: handle.block_on(ledger.snapshot())?,
            handle,
            registry: Arc::clone(registry),
            size,
            lists: BTreeMap::new(),
            coming: Vec::new(),
            records: BTreeMap::new(),
        })
    }

    /// Goes on at a later size: lists may have grown, leaves are what they were.
    pub fn move_to(&mut self, registry: &Arc<Registry>, size: TreeSize) -> Result<(), LedgerError> {
        self.store = self.handle.block_on(self.ledger.snapshot())?;
        self.registry = Arc::clone(registry);
        self.size = size;
        self.lists.clear();
        Ok(())
    }

    /// A subject's list below the size.
    pub fn whole_list(&mut self, subject: &Subject) -> Result<Arc<Vec<ListEntry>>, LedgerError> {
        if let Some(list) = self.lists.get(subject) {
            return Ok(Arc::clone(list));
        }
        let list = Arc::new(self.ledger.lookup.entries_of(&subject.key(), self.size));
        self.lists.insert(subject.clone(), Arc::clone(&list));
        Ok(list)
    }

    pub fn blocks_of(&self, leaves: Vec<LeafIndex>) -> Result<Vec<StoredBlock>, LedgerError> {
        Ok(self.handle.block_on(self.store.blocks_of(leaves))?)
    }

    pub fn tiles(&self, wanted: Vec<TileId>) -> Result<Tiles, LedgerError> {
        self.handle.block_on(read_tiles(&*self.store, wanted))
    }

    /// The statements at some leaves, in compact form and in the leaves' order.
    pub fn texts(&self, leaves: &[LeafIndex]) -> Result<Vec<String>, LedgerError> {
        let mut texts = Vec::with_capacity(leaves.len());
        for some in leaves.chunks(ROWS_AT_ONCE) {
            let mut rows = self.handle.block_on(self.store.leaves_at(some.to_vec()))?.into_iter().peekable();
            for leaf in some {
                let row = rows.next_if(|row| row.index == *leaf).ok_or_else(|| fault(*leaf, "it is missing"))?;
                let text = self.handle.block_on(statement_text(&*self.store, &row.bytes))?;
                let text = text.ok_or_else(|| fault(*leaf, "it holds no statement"))?;
                texts.push(String::from_utf8(text).map_err(|error| fault(*leaf, error))?);
            }
        }
        Ok(texts)
    }

    /// Bytes of the captures at some leaves, in compact form.
    pub fn statement_bytes<'b>(
        &mut self,
        leaves: impl IntoIterator<Item = &'b LeafIndex>,
    ) -> Result<usize, LedgerError> {
        let mut bytes = 0;
        for leaf in leaves {
            bytes += self.read(*leaf)?.record.statement_bytes().unwrap_or_default();
        }
        Ok(bytes)
    }

    /// Reads a record, and those that are likely to be asked for after it.
    fn read(&mut self, leaf: LeafIndex) -> Result<&PlacedRecord, LedgerError> {
        if !self.records.contains_key(&leaf) {
            let from = self.coming.binary_search(&leaf).ok();
            // They come in turn from several signers, so that earlier leaves come after later ones.
            let (before, after) = self.coming.split_at(from.unwrap_or_default());
            let unread = after.iter().chain(before).copied().filter(|leaf| !self.records.contains_key(leaf));
            let wanted: Vec<LeafIndex> = match unread.take(RECORDS_AHEAD).collect::<Vec<_>>() {
                wanted if wanted.first() == Some(&leaf) => wanted,
                _ => vec![leaf],
            };
            let read = self.handle.block_on(self.store.records(wanted))?;
            self.records.extend(read.into_iter().map(|record| (record.place.leaf, record)));
        }
        self.records.get(&leaf).ok_or_else(|| fault(leaf, "its record is missing"))
    }

    fn time_of(&self, leaf: LeafIndex) -> Result<Timestamp, LedgerError> {
        if let Some(record) = self.records.get(&leaf) {
            return Ok(record.place.time);
        }
        let record = self.handle.block_on(self.store.records(vec![leaf]))?.pop();
        record.map(|record| record.place.time).ok_or_else(|| fault(leaf, "its record is missing"))
    }

    /// Bytes of the statement at a leaf, in compact form. A long one is not read for that.
    fn length_of(&self, leaf: LeafIndex) -> Result<usize, LedgerError> {
        if let Some(bytes) = self.records.get(&leaf).and_then(|record| record.record.statement_bytes()) {
            return Ok(bytes);
        }
        let row = self.handle.block_on(self.store.leaf(leaf))?;
        let row = row.ok_or_else(|| fault(leaf, "it is missing"))?;
        match Leaf::decode(&row.bytes).map_err(|error| fault(leaf, error))? {
            Leaf::Statement(text) => Ok(text.len()),
            Leaf::LongStatement { length, .. } => Ok(length as usize),
            Leaf::Seal(_) => Err(fault(leaf, "it holds no statement")),
        }
    }

    /// The last position whose block is too early for a span, or the first of the list.
    fn last_before_span(&self, list: &[ListEntry], since: Timestamp) -> Result<usize, LedgerError> {
        let (mut early, mut late) = (0, list.len());
        while let Some(entry) = list.get(usize::midpoint(early, late)).filter(|_| early < late) {
            let middle = usize::midpoint(early, late);
            if is_before_span(self.time_of(entry.leaf)?, since) {
                early = middle + 1;
            } else {
                late = middle;
            }
        }
        Ok(early.saturating_sub(1))
    }
}

impl Source for Stored<'_> {
    type Error = LedgerError;

    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn list(&mut self, subject: &Subject, wanted: WantedList) -> Result<List, LedgerError> {
        let list = self.whole_list(subject)?;
        let count = list.len() as u64;
        let first = wanted.first(count);
        let from = usize::try_from(first).unwrap_or(usize::MAX);
        Ok(List { count, first, entries: list.get(from..).unwrap_or_default().to_vec() })
    }

    fn start_of_span(&mut self, entries: &[ListEntry], since: Timestamp) -> Result<usize, LedgerError> {
        self.last_before_span(entries, since)
    }

    fn expect(&mut self, leaves: Vec<LeafIndex>) {
        self.coming = leaves;
    }

    fn capture(&mut self, leaf: LeafIndex, subject: &Subject) -> Result<Arc<Capture>, LedgerError> {
        let PlacedRecord { place, record } = self.read(leaf)?;
        let capture =
            record.capture_under(*place, &subject.key()).map_err(|error| StoreError::of_record(leaf, error))?;
        capture.map(Arc::new).ok_or_else(|| fault(leaf, "it holds no capture"))
    }

    fn capture_within(
        &mut self,
        leaf: LeafIndex,
        subject: &Subject,
        bytes: usize,
    ) -> Result<Option<Arc<Capture>>, LedgerError> {
        if self.length_of(leaf)? > bytes {
            return Ok(None);
        }
        self.coming.clear();
        self.capture(leaf, subject).map(Some)
    }

    fn fault(&self, found: FollowFault) -> LedgerError {
        StoreError::Corrupt(found.to_string()).into()
    }
}

fn fault(leaf: LeafIndex, error: impl ToString) -> LedgerError {
    LedgerError::Leaf { leaf, detail: error.to_string() }
}
