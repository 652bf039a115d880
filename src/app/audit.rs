//! Audit: everything re-derived from the leaves and held against what is stored or shown. It names the first leaf at fault.
//!
//! The rules are the core's: its `Auditor` validates each block as any other member would. `walk` leads the blocks of a
//! `LedgerSource` through it: of a store, which `compare` then holds against the rest of what is stored, or of somebody else's
//! node, which `remote` also holds against what its auditor has seen before.

mod begin;
mod compare;
mod read;
mod remote;
mod resume;
mod source;
mod walk;

use std::collections::{BTreeMap, HashMap};

use crate::app::head::mark_of;
use crate::ports::{LedgerStore, Mark, StoreError};
use sealane_core::block::{Height, Seal};
use sealane_core::consortium::{Admin, ParticipantId, Registry};
use sealane_core::evidence::Anchor;
use sealane_core::ledger::{AuditTally, AuditedBlock, Auditor};
use sealane_core::merkle::{LeafIndex, TILE_HEIGHT, TILE_WIDTH, TreeSize};
use sealane_core::provider::Provider;

pub use begin::{BeginError, begin, check_anchored};
pub use remote::{HeldBefore, HeldReceipt, RemoteError, RemoteNode, RemoteReport, remote};
pub use resume::{AuditedPrefix, LedgerCheck, check};
pub use source::{LedgerSource, OfStore, SourceLeaf};

pub(super) use compare::check_requests;
pub(super) use read::{ReadBlock, read_blocks};
pub(super) use walk::Watch;

use compare::{Comparing, Rewriting};
use resume::RecordsDigest;
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
    Ok(whole(store, provider).await?.0)
}

/// As `audit`; also returns what a later check may go on from.
async fn whole(store: &dyn LedgerStore, provider: Provider<'_>) -> Result<(Report, AuditedPrefix), AuditError> {
    let mut comparing = Comparing { store, digest: RecordsDigest::default() };
    let replayed = follow(&OfStore { store, with_tiles: true }, provider, &mut comparing).await?;
    if let Some(fault) = store.self_check().await?.into_iter().next() {
        return fail(None, format!("the database finds in itself: {fault}"));
    }
    compare::rest(store, provider, &replayed).await?;
    Ok((replayed.report()?, AuditedPrefix::of(&replayed, comparing.digest)?))
}

/// Writes the derived tables anew from the leaves, once these were found without fault. Where that is broken off, the
/// ledger cannot be served until it is done again.
pub async fn rebuild(store: &dyn LedgerStore, provider: Provider<'_>) -> Result<Report, AuditError> {
    let leaves = OfStore { store, with_tiles: false };
    walk(&leaves, &mut Replayed::new(provider, None), TreeSize::MAX, &mut Unwatched).await?;
    store.clear_derived().await?;
    Ok(follow(&leaves, provider, &mut Rewriting { store }).await?.report()?)
}

/// Finds a ledger that was cut off, and is whole in itself: `mark`, read before the store was opened, tells the last
/// block that the member's key is known to have signed.
pub async fn check_mark(store: &dyn LedgerStore, mark: &Mark) -> Result<(), AuditError> {
    let signed = store.block(mark.height).await?;
    match signed {
        None => fail(None, format!("it ends before block {}, which this member's key has signed", mark.height)),
        // Two members may have decided one block in two rounds.
        Some(block) if mark_of(&block).checkpoint != mark.checkpoint => {
            fail(None, format!("this member's key has signed another block {} than the one here", mark.height))
        }
        Some(_) => Ok(()),
    }
}

/// Goes through all leaves of a source, and hands each block on once it is found without fault, with all that it adds
/// derived anew from its leaves.
pub(super) async fn follow<'a>(
    source: &dyn LedgerSource,
    provider: Provider<'a>,
    watch: &mut dyn Watch,
) -> Result<Replayed<'a>, AuditError> {
    let mut replayed = Replayed::new(provider, None);
    walk(source, &mut replayed, TreeSize::MAX, watch).await?;
    replayed.check_whole()?;
    Ok(replayed)
}

/// A ledger that is gone through: the core's audit of it, and what is held against the rest of a store.
pub(super) struct Replayed<'a> {
    auditor: Auditor<'a>,
    /// Tiles of each level.
    tiles: BTreeMap<u8, u64>,
    /// What participants asked for, in DER, by who asked.
    requests: HashMap<ParticipantId, Vec<u8>>,
}

impl<'a> Replayed<'a> {
    /// Begins with no leaf. The first one must be the genesis statement of `trusted`, if one is given.
    fn new(provider: Provider<'a>, trusted: Option<&'a Anchor>) -> Self {
        let auditor = Auditor::new(provider, trusted);
        Self { auditor, tiles: BTreeMap::new(), requests: HashMap::new() }
    }

    /// Goes on from what an earlier audit found sound, with the requests that were approved in it.
    fn resume(auditor: Auditor<'a>, requests: HashMap<ParticipantId, Vec<u8>>) -> Self {
        let size = auditor.state().size();
        let tiles_of = |level: u8| {
            let hashes = size.get().checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0);
            hashes.div_ceil(u64::from(TILE_WIDTH))
        };
        let tiles = (0..).map(|level| (level, tiles_of(level))).take_while(|(_, tiles)| *tiles > 0).collect();
        Self { auditor, tiles, requests }
    }

    /// Leaves gone through so far.
    fn size(&self) -> TreeSize {
        self.auditor.state().size()
    }

    /// The height of the block that comes next.
    fn next_height(&self) -> Height {
        self.auditor.state().next_height()
    }

    /// Remembers what a block has that was found without fault.
    fn learn(&mut self, block: &AuditedBlock) {
        for (tile, _) in &block.content.tiles {
            let tiles = self.tiles.entry(tile.level()).or_default();
            *tiles = (*tiles).max(tile.index() + 1);
        }
        for admin in &block.admins {
            if let Admin::Registration(one) = admin {
                self.requests.insert(one.participant, one.request.clone());
            }
        }
    }

    fn check_whole(&self) -> Result<(), Fault> {
        self.last_seal().map(drop)
    }

    /// The seal of the last block.
    pub fn last_seal(&self) -> Result<&Seal, Fault> {
        self.auditor.state().last_seal().ok_or_else(|| fault(None, "the ledger is empty"))
    }

    pub fn registry(&self) -> Result<&Registry, Fault> {
        self.auditor.state().registry().map(|registry| &**registry).ok_or_else(|| fault(None, "the ledger is empty"))
    }

    /// What all blocks came to.
    pub fn report(&self) -> Result<Report, Fault> {
        let AuditTally { leaves, blocks, signatures, captures, events, .. } = *self.auditor.tally();
        let participants = self.registry()?.participants().count() as u64;
        let subjects = self.auditor.state().subjects() as u64;
        Ok(Report { leaves, blocks, signatures, captures, events, participants, subjects })
    }
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
