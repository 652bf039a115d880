//! What the writer keeps in memory between blocks, and how it is made again from the store after any stop.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task;

use crate::app::lookup::Lookup;
use crate::ports::{
    LeafContent, LedgerStore, Mark, PlacedRecord, StoreError, StoredBlock, StoredLeaf, VoteLog, VoteLogError,
};
use sealane_core::block::{Height, Leaf};
use sealane_core::consortium::{Place, Registry};
use sealane_core::hash::Hash;
use sealane_core::ledger::{RegistryFold, ResumeError, State};
use sealane_core::merkle::{self, Edge, LeafIndex, Tiles, TreeSize};
use sealane_core::statement::SignatureVerifier;

/// Rows read at once while the state is loaded, and bytes of records.
const PAGE_ROWS: u32 = 20_000;
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Pages that are read before it is their turn.
const PAGES_AHEAD: usize = 4;

/// The ledger cannot be taken up where it was left.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the ledger is empty: run `sealane init` first")]
    Empty,
    #[error("{0}; run `sealane audit` to see where")]
    Root(#[from] ResumeError),
    #[error("leaf {leaf} cannot be read: {detail}; run `sealane audit`")]
    Leaf { leaf: LeafIndex, detail: String },
    #[error(
        "this member's key has signed height {marked}, and the ledger here ends at {found}: it is an older copy. \
         Going on from it would fork the ledger. Fetch the missing blocks from whoever holds them: \
         `sealane copy --from STORE --to DIR`, or restore a newer backup"
    )]
    Behind { marked: Height, found: Height },
    #[error("this member's key has signed another block of height {height} than the one stored here: do not go on")]
    Forked { height: Height },
    #[error(transparent)]
    Log(#[from] VoteLogError),
}

/// The last final block, and the state that the next one is made on.
#[derive(Clone)]
pub struct Head {
    pub tip: StoredBlock,
    pub state: State,
    pub registry: Arc<Registry>,
}

/// A ledger as its store has it, in memory: what a writer begins with.
pub struct LoadedLedger {
    pub(super) head: Head,
    pub(super) lookup: Arc<Lookup>,
}

impl LoadedLedger {
    pub async fn load(store: &dyn LedgerStore, verifier: &dyn SignatureVerifier) -> Result<Self, LoadError> {
        let lookup = Arc::new(Lookup::default());
        let head = Head::load_with(store, verifier, &lookup).await?;
        Ok(Self { head, lookup })
    }

    /// The consortium as of the last block.
    pub const fn registry(&self) -> &Arc<Registry> {
        &self.head.registry
    }
}

impl Head {
    /// Makes the state from the store. Compares the tree with the stored checkpoint, and the index and the members with
    /// the last seal. Checks no signature of a commit or a statement: an audit does that.
    pub async fn load(store: &dyn LedgerStore, verifier: &dyn SignatureVerifier) -> Result<Self, LoadError> {
        Self::load_with(store, verifier, &Lookup::default()).await
    }

    /// Loads the state; what the records say of statements, events and subjects goes into `lookup` at the end, in place of
    /// what it held, so that a client that asks while a node recovers is told what was known before.
    pub(super) async fn load_with(
        store: &dyn LedgerStore,
        verifier: &dyn SignatureVerifier,
        lookup: &Lookup,
    ) -> Result<Self, LoadError> {
        let tip = store.tip().await?.ok_or(LoadError::Empty)?;
        let size = tip.size();
        let edge = load_edge(store, size).await?;
        let known = load_lookup(store, size, &mut |_| Ok(())).await?;
        let index = known.index().map_err(|_| ResumeError { what: "index" })?;
        let registry = load_registry(store, verifier, size, &mut |_| ()).await?;
        let state = State::resume(tip.seal.clone(), &tip.checkpoint, edge, index, registry, known.usage())?;
        lookup.become_like(known);
        let registry = Arc::clone(state.registry().ok_or(LoadError::Empty)?);
        Ok(Self { tip, state, registry })
    }

    /// Holds the state against the log of votes of the key `own`. A member that decides alone makes the log durable where the last stop came
    /// between the two. With several members, a state that is behind the log is brought up to it by the others' blocks.
    pub async fn reconcile(&self, own: &Hash, log: &mut dyn VoteLog) -> Result<(), LoadError> {
        let found = mark_of(&self.tip);
        let members = self.registry.members();
        let is_alone = members.members().len() == 1 && members.get(own).is_some();
        match log.released() {
            Some(mark) if mark.height > found.height && is_alone => {
                Err(LoadError::Behind { marked: mark.height, found: found.height })
            }
            // Two members may have decided one block in two rounds.
            Some(mark) if mark.height == found.height && mark.checkpoint != found.checkpoint => {
                Err(LoadError::Forked { height: found.height })
            }
            // Stored, and the log may not say so yet, or not durably: the block's own commit is the one to note.
            _ if is_alone => Ok(log.release(found).await?),
            _ => Ok(()),
        }
    }
}

/// What the log of votes keeps of a final block.
pub fn mark_of(block: &StoredBlock) -> Mark {
    Mark { height: block.commit.height, round: block.commit.round, checkpoint: block.checkpoint.hash() }
}

pub(super) async fn load_edge(store: &dyn LedgerStore, size: TreeSize) -> Result<Edge, LoadError> {
    let mut tiles = Tiles::new();
    for (tile, hashes) in store.tiles(merkle::tiles_for_root(size)).await? {
        tiles.insert(tile, hashes).map_err(|_| ResumeError { what: "tree" })?;
    }
    Ok(Edge::from_tiles(&tiles, size).map_err(|_| ResumeError { what: "tree" })?)
}

/// Learns all that the first `size` leaves say, and shows `watch` each page of records. The store is read ahead of what is
/// learnt: from a disk, both take long.
pub(super) async fn load_lookup(
    store: &dyn LedgerStore,
    size: TreeSize,
    watch: &mut (dyn FnMut(&[PlacedRecord]) -> Result<(), StoreError> + Send),
) -> Result<Lookup, StoreError> {
    let (learner, mut pages) = mpsc::channel::<Vec<PlacedRecord>>(PAGES_AHEAD);
    let learning = task::spawn_blocking(move || {
        let lookup = Lookup::default();
        while let Some(page) = pages.blocking_recv() {
            lookup.learn(&page);
        }
        lookup
    });
    let mut next = TreeSize::ZERO.next_index();
    while size.contains(next) {
        let mut page = store.records_from(next, PAGE_ROWS, PAGE_BYTES).await?;
        let Some(last) = page.last() else { break };
        next = last.place.leaf.size_through().next_index();
        page.truncate(page.partition_point(|placed| size.contains(placed.place.leaf)));
        watch(&page)?;
        if learner.send(page).await.is_err() {
            // It panicked, which is told below.
            break;
        }
    }
    drop(learner);
    learning.await.map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// An admin statement as a store has it: its leaf, its text, and the block that the store says to hold it.
pub(super) struct StoredAdmin<'a> {
    pub leaf: &'a StoredLeaf,
    pub text: &'a [u8],
    pub block: &'a StoredBlock,
}

/// Makes the consortium as of the first `size` leaves from their admin statements, and shows `watch` each of these.
pub(super) async fn load_registry(
    store: &dyn LedgerStore,
    verifier: &dyn SignatureVerifier,
    size: TreeSize,
    watch: &mut (dyn FnMut(StoredAdmin<'_>) + Send),
) -> Result<Registry, LoadError> {
    let mut fold = RegistryFold::default();
    let mut next = TreeSize::ZERO.next_index();
    while size.contains(next) {
        let mut page = store.leaves_with(LeafContent::Admin, next, PAGE_ROWS).await?;
        let Some(last) = page.last() else { break };
        next = last.index.size_through().next_index();
        page.truncate(page.partition_point(|leaf| size.contains(leaf.index)));
        let blocks = store.blocks_of(page.iter().map(|leaf| leaf.index).collect()).await?;
        for (stored, block) in page.iter().zip(&blocks) {
            let fault = |detail: String| LoadError::Leaf { leaf: stored.index, detail };
            let text = statement_text(store, &stored.bytes).await?.ok_or_else(|| fault("no statement".to_owned()))?;
            let place = Place { leaf: stored.index, time: block.seal.time };
            fold.take(&text, place, block.seal.height, verifier).map_err(|error| fault(error.to_string()))?;
            watch(StoredAdmin { leaf: stored, text: &text, block });
        }
    }
    fold.finish().ok_or(LoadError::Empty)
}

/// The statement that a leaf holds or stands for; `None` for a seal, or when a long statement's bytes are missing.
pub async fn statement_text(store: &dyn LedgerStore, leaf: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    match Leaf::decode(leaf) {
        Ok(Leaf::Statement(text)) => Ok(Some(text.into_bytes())),
        Ok(Leaf::LongStatement { hash, .. }) => store.long_statement(hash).await,
        Ok(Leaf::Seal(_)) => Ok(None),
        Err(error) => Err(StoreError::Corrupt(error.to_string())),
    }
}
