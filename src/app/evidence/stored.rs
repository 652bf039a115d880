//! The store as the source that `follow` goes through.
//!
//! Following is one synchronous walk, the same for a node and for whoever verifies. It runs on a thread of its own, which
//! waits for the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::app::ledger::{Ledger, LedgerError, read_tiles};
use crate::app::state::{place_in, statement_text};
use crate::domain::consortium::{Place, Registry};
use crate::domain::evidence::read_capture;
use crate::domain::index::Subject;
use crate::domain::merkle::{LeafIndex, TileId, Tiles, TreeSize};
use crate::domain::provenance::{Capture, FollowFault, Known, List, Source, Wanted, is_before_span};
use crate::domain::statement::SubmittedStatement;
use crate::domain::time::Timestamp;
use crate::ports::{LedgerStore, StoreError, StoredBlock};

/// Leaves read at once ahead of their turn. A row has 64 KiB at the most; longer statements are read one by one.
const LEAVES_AHEAD: usize = 100;

/// The ledger up to one size, for one answer.
pub(super) struct Stored<'a> {
    ledger: &'a Ledger,
    store: Arc<dyn LedgerStore>,
    handle: Handle,
    registry: Arc<Registry>,
    size: TreeSize,
    lists: BTreeMap<Subject, Arc<Vec<LeafIndex>>>,
    /// The leaves that are likely to be asked for next.
    coming: Arc<Vec<LeafIndex>>,
    rows: BTreeMap<LeafIndex, (Vec<u8>, Place)>,
    texts: BTreeMap<LeafIndex, String>,
    captures: BTreeMap<LeafIndex, Arc<Capture>>,
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
            coming: Arc::default(),
            rows: BTreeMap::new(),
            texts: BTreeMap::new(),
            captures: BTreeMap::new(),
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
    pub fn whole_list(&mut self, subject: &Subject) -> Result<Arc<Vec<LeafIndex>>, LedgerError> {
        if let Some(list) = self.lists.get(subject) {
            return Ok(Arc::clone(list));
        }
        let leaves = self.store.leaves_of(subject.key(), self.size, u32::MAX);
        let list = Arc::new(self.handle.block_on(leaves)?);
        self.lists.insert(subject.clone(), Arc::clone(&list));
        Ok(list)
    }

    pub fn blocks_of(&self, leaves: Vec<LeafIndex>) -> Result<Vec<StoredBlock>, LedgerError> {
        Ok(self.handle.block_on(self.store.blocks_of(leaves))?)
    }

    pub fn tiles(&self, wanted: Vec<TileId>) -> Result<Tiles, LedgerError> {
        self.handle.block_on(read_tiles(&*self.store, wanted))
    }

    /// The statement at a leaf, in compact form.
    pub fn text(&mut self, leaf: LeafIndex) -> Result<String, LedgerError> {
        if let Some(text) = self.texts.get(&leaf) {
            return Ok(text.clone());
        }
        let (row, _) = self.row(leaf)?;
        let text = self.handle.block_on(statement_text(&*self.store, &row))?;
        let text = text.ok_or_else(|| fault(leaf, "it holds no statement"))?;
        let text = String::from_utf8(text).map_err(|error| fault(leaf, error))?;
        self.texts.insert(leaf, text.clone());
        Ok(text)
    }

    fn row(&mut self, leaf: LeafIndex) -> Result<(Vec<u8>, Place), LedgerError> {
        if let Some(row) = self.rows.remove(&leaf) {
            return Ok(row);
        }
        let from = self.coming.binary_search(&leaf).ok();
        let ahead = from.and_then(|from| self.coming.get(from..)).unwrap_or_default();
        let unread = |one: &&LeafIndex| !self.captures.contains_key(*one) && !self.rows.contains_key(*one);
        let wanted: Vec<LeafIndex> = match ahead.iter().filter(unread).take(LEAVES_AHEAD).copied().collect::<Vec<_>>() {
            wanted if wanted.first() == Some(&leaf) => wanted,
            _ => vec![leaf],
        };
        let blocks = self.blocks_of(wanted.clone())?;
        let stored = self.handle.block_on(self.store.leaves_at(wanted))?;
        for (leaf, block) in stored.into_iter().zip(&blocks) {
            self.rows.insert(leaf.index, (leaf.bytes, place_in(leaf.index, &block.seal)));
        }
        self.rows.remove(&leaf).ok_or_else(|| fault(leaf, "it is missing"))
    }

    fn time_of(&self, leaf: LeafIndex) -> Result<Timestamp, LedgerError> {
        if let Some(capture) = self.captures.get(&leaf) {
            return Ok(capture.place.time);
        }
        let block = self.blocks_of(vec![leaf])?.pop();
        block.map(|block| block.seal.time).ok_or_else(|| fault(leaf, "it is in no block"))
    }

    /// The last position whose block is too early for a span, or the first of the list.
    fn start_of_span(&self, list: &[LeafIndex], since: Timestamp) -> Result<usize, LedgerError> {
        let (mut early, mut late) = (0, list.len());
        while let Some(leaf) = list.get(usize::midpoint(early, late)).filter(|_| early < late) {
            let middle = usize::midpoint(early, late);
            if is_before_span(self.time_of(*leaf)?, since) {
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

    fn list(&mut self, subject: &Subject, wanted: Wanted) -> Result<Known, LedgerError> {
        let list = self.whole_list(subject)?;
        let first = match wanted {
            Wanted::Whole => 0,
            Wanted::Since(time) => self.start_of_span(&list, time)?,
            Wanted::Last(most) => list.len().saturating_sub(most),
        };
        let leaves = list.get(first..).unwrap_or_default().to_vec();
        self.coming = list;
        let count = self.coming.len() as u64;
        Ok(Known { list: List { count, first: first as u64, leaves }, reaches_back: true })
    }

    fn capture(&mut self, leaf: LeafIndex) -> Result<Arc<Capture>, LedgerError> {
        if let Some(capture) = self.captures.get(&leaf) {
            return Ok(Arc::clone(capture));
        }
        let (row, place) = self.row(leaf)?;
        self.rows.insert(leaf, (row, place));
        let text = self.text(leaf)?;
        let statement = SubmittedStatement::parse(text.as_bytes()).map_err(|error| fault(leaf, error))?;
        let capture = read_capture(&statement, place, &self.registry).map_err(|error| fault(leaf, error))?;
        let capture = Arc::new(capture);
        self.captures.insert(leaf, Arc::clone(&capture));
        Ok(capture)
    }

    fn fault(&self, found: FollowFault) -> LedgerError {
        StoreError::Corrupt(found.to_string()).into()
    }
}

fn fault(leaf: LeafIndex, error: impl ToString) -> LedgerError {
    LedgerError::Leaf { leaf, detail: error.to_string() }
}
