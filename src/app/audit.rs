//! Audit: everything re-derived from the leaves and held against what is stored or shown. It names the first leaf at fault.
//!
//! `replay` is the one fold over leaves, with every rule in it, and reads nothing itself. `walk` leads the blocks of a
//! `Source` through it: of a store, which `compare` then holds against the rest of what is stored, or of somebody else's
//! node, which `remote` also holds against what its auditor has seen before.

mod compare;
mod remote;
mod replay;
mod source;
mod walk;

use crate::app::state::mark_of;
use crate::ports::{LedgerStore, Mark, StoreError};
use sealane_core::block::Height;
use sealane_core::merkle::{LeafIndex, TreeSize};
use sealane_core::provider::Provider;

pub use remote::{Held, HeldReceipt, RemoteError, RemoteNode, RemoteReport, remote};
pub use source::{OfStore, Source, SourceLeaf};

pub(super) use compare::check_requests;
pub(super) use walk::Watch;

use compare::{Comparing, Rewriting};
use replay::{Kept, Replay, Replayed};
use walk::{Unwatched, walk};

/// What is wrong, and where that first shows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("{}{what}", place(*block, *leaf))]
pub struct Fault {
    /// The block in whose leaves or signatures it shows.
    pub block: Option<Height>,
    pub leaf: Option<LeafIndex>,
    pub what: String,
}

/// An audit that could not be carried through, or that found a fault.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for AuditError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(what) => Self::Fault(fault(None, what)),
            other => Self::Store(other),
        }
    }
}

/// What an audit went through without a fault.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub leaves: u64,
    pub blocks: u64,
    pub signatures: u64,
    pub captures: u64,
    pub events: u64,
    pub participants: u64,
    pub subjects: u64,
}

/// Re-derives everything from the leaves of a store and compares it with what is stored beside them.
///
/// The store must not grow meanwhile: give it as of one moment.
pub async fn audit(store: &dyn LedgerStore, provider: Provider<'_>) -> Result<Report, AuditError> {
    let replayed = follow(&OfStore { store, with_tiles: true }, provider, &mut Comparing { store }).await?;
    if let Some(fault) = store.self_check().await?.into_iter().next() {
        return fail(None, format!("the database finds in itself: {fault}"));
    }
    compare::rest(store, provider, replayed).await
}

/// Writes the derived tables anew from the leaves, once these were found without fault. Where that is broken off, the
/// ledger cannot be served until it is done again.
pub async fn rebuild(store: &dyn LedgerStore, provider: Provider<'_>) -> Result<Report, AuditError> {
    let leaves = OfStore { store, with_tiles: false };
    let mut replay = Replay::new(provider, None, Kept::Nothing);
    walk(&leaves, &mut replay, TreeSize::MAX, &mut Unwatched).await?;
    store.clear_derived().await?;
    Ok(follow(&leaves, provider, &mut Rewriting { store }).await?.report)
}

/// Finds a ledger that was cut off, and is whole in itself: `mark`, read before the store was opened, tells the last
/// block that the member's key is known to have signed.
pub async fn check_mark(store: &dyn LedgerStore, mark: &Mark) -> Result<(), AuditError> {
    let signed = store.block(mark.height).await?;
    match signed {
        None => fail(None, format!("it ends before block {}, which this member's key has signed", mark.height)),
        Some(block) if mark_of(&block) != *mark => {
            fail(None, format!("this member's key has signed another block {} than the one here", mark.height))
        }
        Some(_) => Ok(()),
    }
}

/// Goes through all leaves of a source, and hands each block on once it is found without fault, with all that it adds
/// derived anew from its leaves.
pub(super) async fn follow(
    source: &dyn Source,
    provider: Provider<'_>,
    watch: &mut dyn Watch,
) -> Result<Replayed, AuditError> {
    let mut replay = Replay::new(provider, None, Kept::Block);
    walk(source, &mut replay, TreeSize::MAX, watch).await?;
    Ok(replay.finish()?)
}

/// The beginning of a fault's message.
fn place(block: Option<Height>, leaf: Option<LeafIndex>) -> String {
    match (block, leaf) {
        (Some(block), Some(leaf)) => format!("block {block}, leaf {leaf}: "),
        (Some(block), None) => format!("block {block}: "),
        (None, Some(leaf)) => format!("leaf {leaf}: "),
        (None, None) => String::new(),
    }
}

impl Fault {
    /// Names the block, where none is named yet.
    fn in_block(self, height: Height) -> Self {
        Self { block: self.block.or(Some(height)), ..self }
    }
}

impl AuditError {
    /// Names the block of a fault, where none is named yet.
    fn in_block(self, height: Height) -> Self {
        match self {
            Self::Fault(fault) => Self::Fault(fault.in_block(height)),
            Self::Store(error) => Self::Store(error),
        }
    }
}

/// Says at which leaf a source's corruption shows.
fn at_leaf(error: StoreError, leaf: LeafIndex) -> AuditError {
    match error {
        StoreError::Corrupt(what) => fault(Some(leaf), what).into(),
        other => other.into(),
    }
}

fn fault(leaf: Option<LeafIndex>, what: impl ToString) -> Fault {
    Fault { block: None, leaf, what: what.to_string() }
}

fn fail<T, E: From<Fault>>(leaf: Option<LeafIndex>, what: impl ToString) -> Result<T, E> {
    Err(fault(leaf, what).into())
}
