//! Events that say again what their signer had said before.
//!
//! A statement that brings something new may bring such events too. The ledger's rules see to it that they say the same, so
//! an event is told by its key alone: the first of a key counts, and the others are shown nowhere.

use std::collections::HashSet;

use crate::app::ledger::{Ledger, LedgerError};
use crate::app::lookup::Lookup;
use crate::ports::{LedgerStore, PlacedRecord, StoreError};
use sealane_core::consortium::EventKey;
use sealane_core::merkle::{LeafIndex, TreeSize};

/// An event of a leaf that stands on the ledger already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatedEvent {
    /// Within its document, from 0.
    pub position: u32,
    pub event_id: String,
    /// Where it stood first; the leaf itself, if its own document has it twice.
    pub first: LeafIndex,
}

/// The leaves below `size` that hold an event of this key, in their order. Error declarations are none.
pub(super) async fn leaves_of(
    lookup: &Lookup,
    store: &dyn LedgerStore,
    key: EventKey,
    size: TreeSize,
) -> Result<Vec<LeafIndex>, StoreError> {
    let mut leaves: Vec<LeafIndex> = lookup.event(key).into_iter().filter(|leaf| size.contains(*leaf)).collect();
    leaves.sort_unstable();
    leaves.dedup();
    // Most events stand once, and then nothing is read.
    if leaves.len() < 2 {
        return Ok(leaves);
    }
    let records = store.records(leaves).await?;
    let holds = |placed: &&PlacedRecord| placed.record.event_keys().any(|found| found == (key, false));
    Ok(records.iter().filter(holds).map(|placed| placed.place.leaf).collect())
}

/// The events of a leaf that repeat one before them, as of the last final block.
pub async fn repeats_at(ledger: &Ledger, leaf: LeafIndex) -> Result<Vec<RepeatedEvent>, LedgerError> {
    let size = ledger.view().size();
    let mut repeats = Vec::new();
    let Some(placed) = ledger.store().records(vec![leaf]).await?.pop() else { return Ok(repeats) };
    let mut seen = HashSet::new();
    for (position, (key, is_declaration)) in (0..).zip(placed.record.event_keys()) {
        if is_declaration {
            continue;
        }
        let stood_before = !seen.insert(key);
        let first = leaves_of(&ledger.lookup, ledger.store(), key, size).await?.into_iter().find(|one| *one < leaf);
        let Some(first) = first.or(stood_before.then_some(leaf)) else { continue };
        let event = placed.record.event(position).map_err(|error| StoreError::of_record(leaf, error))?;
        let event_id = event.map(|event| event.event_id.uri).unwrap_or_default();
        repeats.push(RepeatedEvent { position, event_id, first });
    }
    Ok(repeats)
}

/// Tells whether one of these events, of a leaf that was just written, may stand on another one too or twice on this one. It
/// asks the memory alone.
pub(super) fn may_repeat(lookup: &Lookup, keys: &[EventKey], leaf: LeafIndex) -> bool {
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
        || keys.iter().any(|key| lookup.event(*key).into_iter().any(|found| found < leaf))
}
