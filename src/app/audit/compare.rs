//! What is stored beside the leaves, held against what they give.

use async_trait::async_trait;

use crate::app::audit::resume::RecordsDigest;
use crate::app::audit::walk::Watch;
use crate::app::audit::{AuditError, Fault, Replayed, fail};
use crate::ports::{Derived, LedgerStore, NewBlock, PendingRequest, PlacedRecord, RequestBody, RowCounts};
use sealane_core::consortium::ParticipantId;
use sealane_core::hash::Hash;
use sealane_core::merkle::{LeafIndex, TileId};
use sealane_core::provider::Provider;

/// Bytes of a block's records that are read at once: more than any block has.
const RECORD_BYTES_MAX: usize = 1 << 30;

/// Compares what is stored beside each block's leaves with what they give.
pub(super) struct Comparing<'a> {
    pub store: &'a dyn LedgerStore,
    /// Of the records of all blocks so far.
    pub digest: RecordsDigest,
}

#[async_trait]
impl Watch for Comparing<'_> {
    async fn keep(&mut self, new: NewBlock) -> Result<(), AuditError> {
        records(self.store, &new).await?;
        new.records.iter().for_each(|placed| self.digest.take(placed));
        tiles(self.store, &new.tiles).await
    }
}

/// Writes beside each block's leaves what they give.
pub(super) struct Rewriting<'a> {
    pub store: &'a dyn LedgerStore,
}

#[async_trait]
impl Watch for Rewriting<'_> {
    async fn keep(&mut self, new: NewBlock) -> Result<(), AuditError> {
        Ok(self.store.add_derived(Derived { tiles: new.tiles, records: new.records }).await?)
    }
}

async fn records(store: &dyn LedgerStore, new: &NewBlock) -> Result<(), AuditError> {
    let leaves = new.block.leaves();
    let Ok(first) = LeafIndex::new(leaves.start) else { return Ok(()) };
    let limit = u32::try_from(new.leaves.len()).unwrap_or(u32::MAX);
    let stored = store.records_from(first, limit, RECORD_BYTES_MAX).await?;
    let of_block = |placed: &&PlacedRecord| leaves.contains(&placed.place.leaf.get());
    let (mut stored, mut right) = (stored.iter().filter(of_block), new.records.iter());
    loop {
        match (stored.next(), right.next()) {
            (None, None) => return Ok(()),
            (Some(stored), Some(right)) if stored == right => {}
            (Some(stored), Some(right)) if stored.place.leaf == right.place.leaf => {
                return fail(Some(right.place.leaf), "its record is not what it says");
            }
            (stored, Some(right)) if stored.is_none_or(|stored| stored.place.leaf > right.place.leaf) => {
                return fail(Some(right.place.leaf), "it has no record");
            }
            (Some(stored), _) => return fail(Some(stored.place.leaf), "it has a record, and holds no statement"),
            (None, Some(right)) => return fail(Some(right.place.leaf), "it has no record"),
        }
    }
}

async fn tiles(store: &dyn LedgerStore, right: &[(TileId, Vec<Hash>)]) -> Result<(), AuditError> {
    let stored = store.tiles(right.iter().map(|(tile, _)| *tile).collect()).await?;
    match right.iter().find(|right| !stored.contains(right)) {
        Some((tile, _)) => fail(None, format!("tile {} of level {} is wrong", tile.index(), tile.level())),
        None => Ok(()),
    }
}

/// Compares what belongs to no single block.
pub(super) async fn rest(
    store: &dyn LedgerStore,
    provider: Provider<'_>,
    replayed: &Replayed<'_>,
) -> Result<(), AuditError> {
    last_tiles(store, replayed).await?;
    row_counts(store.row_counts().await?, replayed)?;
    Ok(check_requests(provider, &store.requests().await?, replayed)?)
}

/// Finds hashes beyond the tree's end in the last tile of a level.
async fn last_tiles(store: &dyn LedgerStore, replayed: &Replayed<'_>) -> Result<(), AuditError> {
    let size = replayed.auditor.state().size();
    for (level, count) in &replayed.tiles {
        let Some(index) = count.checked_sub(1) else { continue };
        let before = match index.checked_sub(1) {
            Some(before) => Some((*level, before)),
            None => level.checked_sub(1).map(|level| (level, u64::MAX)),
        };
        let stored = store.tiles_after(before, 1).await?;
        let right = TileId::in_tree(*level, index, size);
        if stored.first().map(|(tile, _)| *tile) != right {
            return fail(None, format!("tile {index} of level {level} is wrong"));
        }
    }
    Ok(())
}

/// Finds rows that no leaf gives, where no query would look.
fn row_counts(found: RowCounts, replayed: &Replayed<'_>) -> Result<(), AuditError> {
    let tally = replayed.auditor.tally();
    let tables = [
        ("leaves", found.leaves, tally.leaves),
        ("long statements", found.long_statements, tally.long_statements),
        ("blocks", found.blocks, tally.blocks),
        ("tiles", found.tiles, replayed.tiles.values().sum()),
        ("records", found.records, tally.statements),
    ];
    match tables.into_iter().find(|(_, found, right)| found != right) {
        Some((table, found, right)) => {
            fail(None, format!("the table of {table} has {found} rows, and the leaves give {right}"))
        }
        None => Ok(()),
    }
}

/// Holds the requests that wait, or were refused, against themselves and against what was approved of them.
pub fn check_requests(
    provider: Provider<'_>,
    requests: &[PendingRequest],
    replayed: &Replayed<'_>,
) -> Result<(), Fault> {
    requests.iter().try_for_each(|request| {
        check_request(provider, request, replayed)
            .or_else(|what| fail(None, format!("the request of participant {}: {what}", request.participant)))
    })
}

/// A request stands on no leaf until it is approved. Then the leaf says what was asked for; before, only its own
/// signature does.
fn check_request(provider: Provider<'_>, request: &PendingRequest, replayed: &Replayed<'_>) -> Result<(), String> {
    let (RequestBody::Registration { csr, key, .. } | RequestBody::Renewal { csr, key, .. }) = &request.body;
    let asked = provider.certificates.request(csr)?;
    if asked.key.thumbprint() != *key || asked.pem != *csr {
        return Err("its certificate request is not the one that was asked with".to_owned());
    }
    let RequestBody::Registration { claims, .. } = &request.body else { return Ok(()) };
    let id: &ParticipantId = &request.participant;
    let registered =
        replayed.registry().ok().and_then(|registry| registry.participant(id)).zip(replayed.requests.get(id));
    match registered {
        Some((participant, der)) if participant.claims != *claims || asked.der != *der => {
            Err(format!("it is not what leaf {} says was approved", participant.registered.leaf))
        }
        _ => Ok(()),
    }
}
