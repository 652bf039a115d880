//! Goes on with an audit from the block at which an earlier one ended.
//!
//! The earlier audit is believed as far as it can be held against what is stored now, without its statements:
//!
//! - the block at which it ended has the same checkpoint, which names the ledger and the root of its tree;
//! - the stored tiles give that root, all of them, each level made anew from the hashes of the leaves;
//! - the stored records have the digest that they had, and give the root of the index in that block's seal;
//! - the admin statements are leaves of that tree, as many as there were, and so are the seals that tell their times. They
//!   give the set of members in the last seal, and with it everyone's rights.
//!
//! So the state that the next block is validated from is the one that the earlier audit ended with. What is *not* read again is
//! the bytes of older captures and seals, the bytes of long statements, and what was signed about older blocks: a byte changed in
//! one of those is found by the next whole audit, or by the one who asks for a proof of it. If anything above does not
//! hold, a whole audit follows at once, which names the leaf.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::app::audit::compare::{self, Comparing};
use crate::app::audit::walk::walk;
use crate::app::audit::{AuditError, Fault, OfStore, Replayed, Report, fault, whole};
use crate::app::head::{LoadError, StoredAdmin, load_edge, load_lookup, load_registry, mark_of};
use crate::ports::{LedgerStore, PlacedRecord, StoreError, StoredBlock};
use sealane_core::block::{Checkpoint, Height, Leaf, Seal};
use sealane_core::consortium::{Admin, ParticipantId};
use sealane_core::hash::Hash;
use sealane_core::ledger::{AuditTally, Auditor, EverSeen, KnownBlock, Prefetched, State};
use sealane_core::limits::READY_MINUTES_MAX;
use sealane_core::merkle::{self, Edge, LeafIndex, TILE_WIDTH, TileId, TreeSize};
use sealane_core::provider::Provider;
use sealane_core::statement::SubmittedStatement;

/// Tiles of leaves that are read at once: 2 MiB of hashes.
const PAGE_TILES: u64 = 256;

/// What an audit that found no fault leaves for a later one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditedPrefix {
    /// The last block.
    height: Height,
    /// Leaves in its tree.
    size: TreeSize,
    /// SHA-256 of its checkpoint's text.
    checkpoint: Hash,
    /// SHA-256 over the records of all these leaves, each with its place.
    records: Hash,
    tally: AuditTally,
}

impl AuditedPrefix {
    pub(super) fn of(replayed: &Replayed<'_>, digest: RecordsDigest) -> Result<Self, Fault> {
        let height = replayed.last_seal()?.height;
        let (state, tally) = (replayed.auditor.state(), *replayed.auditor.tally());
        let origin = replayed.registry()?.origin().clone();
        let checkpoint = Checkpoint { origin, size: state.size(), root: state.root() };
        Ok(Self { height, size: state.size(), checkpoint: checkpoint.hash(), records: digest.finish(), tally })
    }

    /// Leaves that were audited.
    pub const fn size(&self) -> TreeSize {
        self.size
    }
}

/// The digest of records, as they come in the order of their leaves.
#[derive(Debug, Clone, Default)]
pub(super) struct RecordsDigest(Sha256);

impl RecordsDigest {
    pub fn take(&mut self, PlacedRecord { place, record }: &PlacedRecord) {
        let bytes = record.as_bytes();
        self.0.update(place.leaf.get().to_be_bytes());
        self.0.update(place.time.millis().to_be_bytes());
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn finish(self) -> Hash {
        Hash::from_bytes(self.0.finalize().into())
    }
}

/// What a check of a store came to.
#[derive(Debug)]
pub struct LedgerCheck {
    /// Leaves before this one were not read again; 0 for a whole check.
    pub from: TreeSize,
    /// Why a check that was to go on from an earlier one was made whole.
    pub differed: Option<String>,
    pub result: Result<(Report, AuditedPrefix), Fault>,
}

/// Checks a store as `audit` does, from where an earlier check ended if `before` is given and still holds.
///
/// The store must not grow meanwhile: give it as of one moment.
///
/// # Errors
///
/// The store's own, by which nothing is known. A fault of the ledger is a result.
pub async fn check(
    store: &dyn LedgerStore,
    provider: Provider<'_>,
    before: Option<&AuditedPrefix>,
) -> Result<LedgerCheck, StoreError> {
    let mut differed = None;
    if let Some(before) = before {
        match go_on(store, provider, before).await {
            Ok(sound) => return Ok(LedgerCheck { from: before.size, differed, result: Ok(sound) }),
            Err(GoOnError::Fault(fault)) => {
                return Ok(LedgerCheck { from: before.size, differed, result: Err(fault) });
            }
            Err(GoOnError::Store(error)) => return Err(error),
            Err(GoOnError::Differs(what)) => differed = Some(what),
        }
    }
    let result = match whole(store, provider).await {
        Ok(sound) => Ok(sound),
        Err(AuditError::Fault(fault)) => Err(fault),
        Err(AuditError::Store(error)) => return Err(error),
    };
    Ok(LedgerCheck { from: TreeSize::ZERO, differed, result })
}

/// Why a check did not go on to a good end.
enum GoOnError {
    /// What was audited before is not what is stored, or what belongs to no single block is wrong.
    Differs(String),
    /// A new block is at fault.
    Fault(Fault),
    Store(StoreError),
}

impl From<StoreError> for GoOnError {
    /// Of what was audited before: no fault is told of it but by a whole check.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(what) => Self::Differs(what),
            other => Self::Store(other),
        }
    }
}

impl From<LoadError> for GoOnError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Store(error) => error.into(),
            other => Self::Differs(other.to_string()),
        }
    }
}

fn differs<T>(what: impl ToString) -> Result<T, GoOnError> {
    Err(GoOnError::Differs(what.to_string()))
}

async fn go_on(
    store: &dyn LedgerStore,
    provider: Provider<'_>,
    before: &AuditedPrefix,
) -> Result<(Report, AuditedPrefix), GoOnError> {
    let (mut replayed, digest) = take_up(store, provider, before).await?;
    let mut comparing = Comparing { store, digest };
    let source = OfStore { store, with_tiles: true };
    match walk(&source, &mut replayed, TreeSize::MAX, &mut comparing).await {
        Ok(()) => {}
        Err(AuditError::Fault(fault)) => return Err(GoOnError::Fault(fault)),
        Err(AuditError::Store(error)) => return Err(GoOnError::Store(error)),
    }
    match compare::rest(store, provider, &replayed).await {
        Ok(()) => {}
        Err(AuditError::Fault(fault)) => return differs(fault),
        Err(AuditError::Store(error)) => return Err(error.into()),
    }
    let finished = replayed.report().and_then(|report| Ok((report, AuditedPrefix::of(&replayed, comparing.digest)?)));
    finished.map_err(GoOnError::Fault)
}

/// Makes the state that the earlier audit ended with, and holds it against what is stored.
async fn take_up<'a>(
    store: &dyn LedgerStore,
    provider: Provider<'a>,
    before: &AuditedPrefix,
) -> Result<(Replayed<'a>, RecordsDigest), GoOnError> {
    let AuditedPrefix { height, size, tally, .. } = *before;
    let Some(block) = store.block(height).await? else {
        return differs(format!("the ledger ends before block {height}, at which the last check ended"));
    };
    if block.size() != size || mark_of(&block).checkpoint != before.checkpoint {
        return differs(format!("block {height} is not the one at which the last check ended"));
    }
    let mut digest = RecordsDigest::default();
    let mut seen = EverSeen::default();
    let lookup = load_lookup(store, size, &mut |page| {
        page.iter().for_each(|placed| digest.take(placed));
        seen.learn(known_of(page)?);
        Ok(())
    })
    .await?;
    seen.learn(last_blocks(store, &block).await?);
    let index = lookup.index().map_err(|error| GoOnError::Differs(error.to_string()))?;
    let usage = lookup.usage();
    drop(lookup);
    if digest.clone().finish() != before.records {
        return differs(format!("the records of the leaves before leaf {size} are not those of the last check"));
    }
    let mut proven = InTree::default();
    proven.seal(size, &block.seal);
    let (mut admins, mut requests) = (0, HashMap::new());
    let registry = load_registry(store, provider.signatures, size, &mut |admin| {
        admins += 1;
        proven.admin(&admin);
        requests.extend(request_of(admin.text));
    })
    .await?;
    if admins != tally.statements.saturating_sub(tally.captures) {
        return differs(format!("{admins} leaves before leaf {size} are stored as admin statements"));
    }
    proven.check(store, size).await?;
    let edge = load_edge(store, size).await?;
    let state = State::resume(block.seal, &block.checkpoint, edge, index, registry, usage).map_err(LoadError::from)?;
    let auditor = Auditor::resume(provider, state, seen, tally);
    Ok((Replayed::resume(auditor, requests), digest))
}

/// The blocks up to one that a node may still name to say that it is ready.
async fn last_blocks(store: &dyn LedgerStore, last: &StoredBlock) -> Result<Prefetched, StoreError> {
    let mut known = Prefetched::default();
    let oldest = last.seal.time.plus_millis(-READY_MINUTES_MAX * 60_000);
    let mut next = Some(last.clone());
    while let Some(block) = next.filter(|block| block.seal.time >= oldest) {
        let height = block.seal.height;
        known.add_block(height, KnownBlock { time: block.seal.time, root: block.checkpoint.root });
        next = match height.get().checked_sub(1).map(Height::new) {
            Some(Ok(before)) => store.block(before).await?,
            _ => None,
        };
    }
    Ok(known)
}

/// The statements, events and subjects of records.
fn known_of(page: &[PlacedRecord]) -> Result<Prefetched, StoreError> {
    let mut known = Prefetched::default();
    for PlacedRecord { place, record } in page {
        known.add_statement(record.statement(), place.leaf);
        known.add_names(record, place.leaf);
        for ((key, is_declaration), position) in record.event_keys().zip(0..) {
            let event = record.event(position).map_err(|error| StoreError::of_record(place.leaf, error))?;
            if let Some(event) = event.filter(|_| !is_declaration) {
                known.add_event(key, event.content_hash, place.leaf);
            }
        }
    }
    Ok(known)
}

/// What a participant asked for, of a statement that approved it.
fn request_of(text: &[u8]) -> Option<(ParticipantId, Vec<u8>)> {
    let statement = SubmittedStatement::parse(text).ok()?;
    match Admin::parse(statement.payload()).ok()? {
        Admin::Registration(one) => Some((one.participant, one.request)),
        _ => None,
    }
}

/// Leaves that are to be in the tree.
#[derive(Default)]
struct InTree {
    leaves: BTreeMap<LeafIndex, Hash>,
    /// The first that cannot be, whatever the tree.
    misplaced: Option<LeafIndex>,
}

impl InTree {
    /// The seal that ends a tree of `size`.
    fn seal(&mut self, size: TreeSize, seal: &Seal) {
        if let Some(leaf) = size.last_index() {
            self.leaves.insert(leaf, merkle::leaf_hash(&Leaf::Seal(seal.clone()).encode()));
        }
    }

    /// An admin statement, and the seal that tells its time.
    fn admin(&mut self, admin: &StoredAdmin<'_>) {
        let StoredAdmin { leaf, block, .. } = admin;
        self.leaves.insert(leaf.index, merkle::leaf_hash(&leaf.bytes));
        self.seal(block.size(), &block.seal);
        if !block.leaves().contains(&leaf.index.get()) {
            self.misplaced.get_or_insert(leaf.index);
        }
    }

    /// Makes the tree anew from the stored hashes of its leaves, and holds every stored tile and these leaves against it.
    /// Whether its root is the right one is for `State::resume`, which takes it from the same tiles.
    async fn check(&self, store: &dyn LedgerStore, size: TreeSize) -> Result<(), GoOnError> {
        if let Some(leaf) = self.misplaced {
            return differs(format!("leaf {leaf} is not in the block that is stored as its own"));
        }
        let mut edge = Edge::new();
        for first in (0..size.get().div_ceil(u64::from(TILE_WIDTH))).step_by(PAGE_TILES as usize) {
            let before = edge.size();
            let ids: Vec<TileId> =
                (first..first + PAGE_TILES).map_while(|index| TileId::in_tree(0, index, size)).collect();
            let stored = store.tiles(ids.clone()).await?;
            if !ids.iter().eq(stored.iter().map(|(id, _)| id)) {
                return differs(format!("a tile of the leaves from {before} on is missing"));
            }
            for (position, hash) in stored.iter().flat_map(|(id, hashes)| id.positions().zip(hashes)) {
                let leaf = LeafIndex::new(position).map_err(|error| GoOnError::Differs(error.to_string()))?;
                if self.leaves.get(&leaf).is_some_and(|right| right != hash) {
                    return differs(fault(Some(leaf), "its bytes do not have the hash stored with them"));
                }
                edge.push(*hash);
            }
            let right: Vec<_> = edge.take_tiles(before).into_iter().filter(|(tile, _)| tile.level() > 0).collect();
            let stored = store.tiles(right.iter().map(|(tile, _)| *tile).collect()).await?;
            if let Some((tile, _)) = right.iter().find(|right| !stored.contains(right)) {
                return differs(format!("tile {} of level {} is wrong", tile.index(), tile.level()));
            }
        }
        Ok(())
    }
}
