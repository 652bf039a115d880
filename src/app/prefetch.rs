//! What the ledger holds already of a batch's statements and events, and the blocks that it names, fetched before the rules are asked.

use std::collections::{BTreeSet, HashSet};

use crate::app::lookup::Lookup;
use crate::ports::{LedgerStore, PlacedRecord, StoreError};
use sealane_core::block::Height;
use sealane_core::consortium::EventKey;
use sealane_core::hash::Hash;
use sealane_core::index::{SignerTag, SubjectKey};
use sealane_core::ledger::{Candidate, Knowledge, KnownBlock, Prefetched};
use sealane_core::merkle::{LeafIndex, TreeSize};
use sealane_core::statement::StatementId;

/// What was fetched of a batch, and the lists in memory: all that the rules ask of the final blocks.
#[derive(Clone, Copy)]
pub struct FinalBlocks<'a> {
    pub fetched: &'a Prefetched,
    pub lookup: &'a Lookup,
    /// Leaves of the final blocks.
    pub size: TreeSize,
}

impl Knowledge for FinalBlocks<'_> {
    fn statement(&self, id: &StatementId) -> Option<LeafIndex> {
        self.fetched.statement(id)
    }

    fn event(&self, key: &EventKey) -> Option<(Hash, LeafIndex)> {
        self.fetched.event(key)
    }

    fn block(&self, height: Height) -> Option<KnownBlock> {
        self.fetched.block(height)
    }

    fn leaves_of(&self, subject: &SubjectKey, signer: SignerTag, first: LeafIndex) -> u64 {
        self.lookup.leaves_of(subject, signer, first, self.size)
    }

    fn names(&self, leaf: LeafIndex, subject: &SubjectKey) -> bool {
        self.size.contains(leaf) && self.lookup.leaves_from(subject, leaf, self.size, 1).first() == Some(&leaf)
    }

    fn capture_from(&self, signer: SignerTag, first: LeafIndex) -> Option<LeafIndex> {
        self.lookup.capture_from(signer, first, self.size)
    }
}

/// Fetches what the final blocks hold of the candidates, and the blocks that they name. Most batches hold nothing that was seen before, and then nothing
/// is read.
pub async fn prefetch<'a>(
    store: &dyn LedgerStore,
    lookup: &Lookup,
    candidates: impl Iterator<Item = &'a Candidate> + Clone + Send,
) -> Result<Prefetched, StoreError> {
    let mut known = Prefetched::default();
    let named: BTreeSet<Height> = candidates.clone().filter_map(Candidate::named_block).collect();
    for height in named {
        if let Some(block) = store.block(height).await? {
            known.add_block(height, KnownBlock { time: block.seal.time, root: block.checkpoint.root });
        }
    }
    let keys: HashSet<EventKey> = candidates.clone().flat_map(Candidate::events).map(|event| event.key).collect();
    let mut leaves: BTreeSet<LeafIndex> = BTreeSet::new();
    leaves.extend(candidates.flat_map(|candidate| lookup.statement(candidate.id())));
    leaves.extend(keys.iter().flat_map(|key| lookup.event(*key)));
    if leaves.is_empty() {
        return Ok(known);
    }
    // In ledger order, so that the first event of an eventID says what it stands for.
    for PlacedRecord { place, record } in store.records(leaves.into_iter().collect()).await? {
        known.add_statement(record.statement(), place.leaf);
        for ((key, declaration), position) in record.event_keys().zip(0..) {
            if declaration || !keys.contains(&key) {
                continue;
            }
            let event = record.event(position).map_err(|error| StoreError::of_record(place.leaf, error))?;
            if let Some(event) = event {
                known.add_event(key, event.content_hash, place.leaf);
            }
        }
    }
    Ok(known)
}
