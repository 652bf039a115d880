//! The first block of a ledger, from another node into an empty store.

use async_trait::async_trait;

use crate::app::audit::walk::{Watch, walk};
use crate::app::audit::{AuditError, LedgerSource, Replayed, fault};
use crate::ports::{LedgerStore, NewBlock, StoreError};
use sealane_core::block::Leaf;
use sealane_core::evidence::Anchor;
use sealane_core::merkle::TreeSize;
use sealane_core::provider::Provider;

/// Leaves of the first block: the genesis statement and the seal.
const FIRST_LEAVES: u64 = 2;

/// Why a store does not hold the beginning of a ledger.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    #[error(transparent)]
    Source(#[from] AuditError),
    #[error("the store cannot be used: {0}")]
    Store(StoreError),
    #[error("the store holds another ledger than that of the trust anchor")]
    OtherLedger,
    #[error("the store has another block {height} than the trust anchor: do not go on with either before you know why")]
    OtherAnchor { height: sealane_core::block::Height },
}

/// Writes the first block of the ledger of `anchor` into an empty store, audited. Of a store that holds a ledger already, it
/// checks that it is the anchor's.
pub async fn begin(
    source: &dyn LedgerSource,
    store: &dyn LedgerStore,
    provider: Provider<'_>,
    anchor: &Anchor,
) -> Result<(), BeginError> {
    if store.tip().await.map_err(BeginError::Store)?.is_none() {
        let size = TreeSize::new(FIRST_LEAVES).map_err(|error| BeginError::Source(fault(None, error).into()))?;
        let mut writing = Writing { store, failure: None };
        let walked = walk(source, &mut Replayed::new(provider, Some(anchor)), size, &mut writing).await;
        match (walked, writing.failure) {
            (_, Some(error)) => return Err(BeginError::Store(error)),
            (walked, None) => walked?,
        }
    }
    check_anchored(store, anchor).await
}

/// Checks that a store that is not empty holds the ledger of an anchor, and its block if it is that long.
pub async fn check_anchored(store: &dyn LedgerStore, anchor: &Anchor) -> Result<(), BeginError> {
    let first = store.leaf(TreeSize::ZERO.next_index()).await.map_err(BeginError::Store)?;
    let first = first.ok_or(BeginError::OtherLedger)?;
    if Leaf::decode(&first.bytes).ok() != Some(Leaf::of_statement(anchor.statement().compact())) {
        return Err(BeginError::OtherLedger);
    }
    let height = anchor.height();
    match store.block(height).await.map_err(BeginError::Store)? {
        Some(block) if (block.size(), block.checkpoint.root) != (anchor.size(), anchor.root()) => {
            Err(BeginError::OtherAnchor { height })
        }
        _ => Ok(()),
    }
}

/// Writes each block that the walk has found sound.
struct Writing<'a> {
    store: &'a dyn LedgerStore,
    failure: Option<StoreError>,
}

#[async_trait]
impl Watch for Writing<'_> {
    async fn keep(&mut self, new: NewBlock) -> Result<(), AuditError> {
        let height = new.block.seal.height;
        self.store.append(new).await.map_err(|error| {
            // The walk is stopped by a fault; what it was is told by the failure.
            let what = error.to_string();
            self.failure = Some(error);
            AuditError::from(fault(None, what)).in_block(height)
        })
    }
}
