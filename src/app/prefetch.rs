//! What the ledger holds already of a batch's statements and events, and the blocks that it names, fetched before the rules are asked.

use std::collections::{BTreeSet, HashSet};

use crate::app::lookup::Lookup;
use crate::ports::{LedgerStore, PlacedRecord, StoreError};
use sealane_core::block::Height;
use sealane_core::consortium::EventKey;
use sealane_core::ledger::{Candidate, KnownBlock, Prefetched};
use sealane_core::merkle::LeafIndex;

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
