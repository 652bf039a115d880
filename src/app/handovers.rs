//! The changes of members, as evidence and receipts need them: each with the seal of its block, its commit and those who came.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::app::ledger::{Ledger, LedgerError};
use crate::app::receipt::{inclusion, seal_leaf};
use crate::ports::{StoreError, StoredBlock};
use sealane_core::block::{Height, MemberSet};
use sealane_core::consortium::Registry;
use sealane_core::evidence::Handover;

/// Bytes of a handover for each member: an entry of the set, and a signature.
const BYTES_PER_MEMBER: usize = 700;

/// Bytes of a handover beside its members: seal, checkpoint and proof.
const BYTES_BESIDE_MEMBERS: usize = 2 * 1024;

/// Handovers that were made before: what a final block says never changes.
#[derive(Debug, Clone, Default)]
pub struct HandoverMemo(Arc<Mutex<BTreeMap<Height, Arc<Handover>>>>);

/// The blocks that changed the members, in order, each with those after it.
pub fn changes(registry: &Registry) -> impl DoubleEndedIterator<Item = (Height, &MemberSet)> {
    let block_before = |from: Height| Height::new(from.get().checked_sub(1)?).ok();
    // No block brought in the founders.
    registry.member_changes().filter_map(move |change| Some((block_before(change.from)?, &*change.members)))
}

/// The members after a block, as far as this registry tells.
pub fn members_after(registry: &Registry, height: Height) -> &MemberSet {
    registry.members_at(height.next())
}

/// The last block up to `tip` that changed the members; genesis, if none did.
pub fn last_change(registry: &Registry, tip: Height) -> Height {
    let last = changes(registry).map(|(height, _)| height).rfind(|height| *height <= tip);
    last.unwrap_or(Height::GENESIS)
}

/// About how many bytes these handovers take, in memory or as JSON.
pub fn bytes_of(registry: &Registry, from: Height, tip: Height) -> usize {
    let of_interest = changes(registry).filter(|(height, _)| *height > from && *height <= tip);
    of_interest.map(|(_, members)| BYTES_BESIDE_MEMBERS + members.members().len() * BYTES_PER_MEMBER).sum()
}

/// The handovers of the blocks above `from` and up to `tip`.
///
/// # Errors
///
/// The store failed, or has not the block that the registry names.
pub async fn handovers(
    ledger: &Ledger,
    registry: &Registry,
    from: Height,
    tip: Height,
) -> Result<Vec<Arc<Handover>>, LedgerError> {
    let mut handovers = Vec::new();
    for (height, members) in changes(registry).filter(|(height, _)| *height > from && *height <= tip) {
        let known = ledger.handovers.lock().get(&height).cloned();
        handovers.push(match known {
            Some(known) => known,
            None => {
                let made = Arc::new(made(ledger, height, members).await?);
                ledger.handovers.lock().insert(height, Arc::clone(&made));
                made
            }
        });
    }
    Ok(handovers)
}

async fn made(ledger: &Ledger, height: Height, members: &MemberSet) -> Result<Handover, LedgerError> {
    let block = ledger.store().block(height).await?;
    let block = block.ok_or_else(|| StoreError::Corrupt(format!("block {height} is missing")))?;
    let seal_inclusion_proof = inclusion(ledger, seal_leaf(&block)?, block.size()).await?;
    let StoredBlock { seal, checkpoint, commit, .. } = block;
    let (checkpoint, seal, members) = (checkpoint.to_text(), seal.to_json(), members.clone());
    Ok(Handover { checkpoint, commit, seal, seal_inclusion_proof, members })
}

impl HandoverMemo {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Height, Arc<Handover>>> {
        // Each change is one call, so a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
