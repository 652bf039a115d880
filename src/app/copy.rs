//! Copying a ledger from one store into another, block by block, each audited before it is written.
//!
//! What the target gets is derived from the bytes of the leaves: of what the source has derived itself, nothing is
//! copied. Only its tiles are looked at, which tell the leaf whose bytes were changed. Blocks go in order, each in one
//! transaction, so a copy that is broken off, by a fault of the source or by a crash, leaves the target with the blocks
//! before, and the next copy goes on from there.

use async_trait::async_trait;

use crate::app::audit::{self, AuditError, Fault, OfStore, Watch};
use crate::ports::{Admission, LedgerStore, NewBlock, PendingRequest, StoreError, StoredBlock, WaitingRoom};
use sealane_core::block::Height;
use sealane_core::provider::Provider;
use sealane_core::time::Timestamp;

/// What was copied.
#[derive(Debug, Clone, PartialEq)]
pub struct Copied {
    /// The last block, in both stores.
    pub tip: StoredBlock,
    /// Blocks that the target did not have before.
    pub blocks: u64,
    /// Leaves in them.
    pub leaves: u64,
    /// Requests that wait or were rejected, in both stores.
    pub requests: u64,
}

/// Why a ledger was not copied to its end. The target holds whole blocks, each of them audited.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("the source is not sound: {fault}; {}", left_at(*kept))]
    Source {
        fault: Fault,
        /// The last block that the target has of this ledger.
        kept: Option<Height>,
    },
    #[error("the source cannot be read: {0}")]
    Unreadable(StoreError),
    #[error("the target cannot be used: {0}")]
    Target(StoreError),
    #[error("the target holds another ledger, {held}, and the source {found}: nothing was copied; name another target")]
    OtherLedger { held: String, found: String },
    #[error(
        "the target has another block {height} than the source: one of the two was changed, or the ledger was forked; \
         nothing was copied. `sealane audit --store STORE` tells which of them is sound in itself"
    )]
    Differs { height: Height },
    #[error(
        "the target goes on to block {target}, and the source ends at block {from}: there is nothing to copy; are \
         --from and --to the right way round?"
    )]
    Ahead { from: Height, target: Height },
}

fn left_at(kept: Option<Height>) -> String {
    match kept {
        Some(height) => format!("the target was left at block {height}"),
        None => "nothing was copied".to_owned(),
    }
}

/// Copies `from` into `to`, which is empty or holds a beginning of the same ledger. `progress` is told of leaves done, and
/// of how many there are.
///
/// The source must not grow meanwhile: give it as of one moment. No other process may write into the target.
pub async fn copy(
    from: &dyn LedgerStore,
    to: &dyn LedgerStore,
    provider: Provider<'_>,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Copied, CopyError> {
    let end = match from.tip().await {
        Ok(tip) => tip,
        // The replay meets it again, and says where.
        Err(StoreError::Corrupt(_)) => None,
        Err(error) => return Err(CopyError::Unreadable(error)),
    };
    let held = to.tip().await.map_err(CopyError::Target)?.map(|tip| tip.seal.height);
    let leaves = end.map_or(0, |tip| tip.size().get());
    let mut writer = Writer { to, held, last: None, blocks: 0, leaves: 0, failure: None, progress, of: leaves };
    let replayed = match audit::follow(&OfStore { store: from, with_tiles: true }, provider, &mut writer).await {
        Ok(replayed) => replayed,
        Err(error) => return Err(writer.failed(error)),
    };
    let requests = from.requests().await.map_err(|error| writer.failed(error.into()))?;
    audit::check_requests(provider, &requests, &replayed).map_err(|fault| writer.failed(fault.into()))?;
    let (blocks, leaves) = (writer.blocks, writer.leaves);
    let end = replayed.last_seal().map_err(|fault| writer.failed(fault.into()))?.height;
    if let Some(target) = held.filter(|held| *held > end) {
        return Err(CopyError::Ahead { from: end, target });
    }
    replace_requests(to, &requests).await.map_err(CopyError::Target)?;
    match (to.tip().await.map_err(CopyError::Target)?, writer.last) {
        (Some(tip), Some(last)) if is_same_block(&tip, &last) => {
            Ok(Copied { tip, blocks, leaves, requests: requests.len() as u64 })
        }
        _ => Err(CopyError::Differs { height: end }),
    }
}

/// Writes each block that the replay has found sound, or compares it with the one that is there.
struct Writer<'a> {
    to: &'a dyn LedgerStore,
    /// The target's last block before anything was written.
    held: Option<Height>,
    /// The last block that both stores have.
    last: Option<StoredBlock>,
    blocks: u64,
    leaves: u64,
    failure: Option<CopyError>,
    progress: &'a mut (dyn FnMut(u64, u64) + Send),
    of: u64,
}

impl Writer<'_> {
    /// What stopped the replay: the target where it failed, else the source.
    fn failed(&mut self, error: AuditError) -> CopyError {
        let kept = self.last.as_ref().map(|last| last.seal.height).max(self.held);
        self.failure.take().unwrap_or(match error {
            AuditError::Fault(fault) => CopyError::Source { fault, kept },
            AuditError::Store(error) => CopyError::Unreadable(error),
        })
    }

    async fn take(&mut self, new: NewBlock) -> Result<(), CopyError> {
        let (block, leaves) = (new.block.clone(), new.leaves.len() as u64);
        if self.held.is_some_and(|held| block.seal.height <= held) {
            compare(self.to, &new).await?;
        } else {
            self.to.append(new).await.map_err(CopyError::Target)?;
            self.blocks += 1;
            self.leaves += leaves;
        }
        self.last = Some(block);
        Ok(())
    }
}

#[async_trait]
impl Watch for Writer<'_> {
    async fn keep(&mut self, new: NewBlock) -> Result<(), AuditError> {
        let height = new.block.seal.height;
        self.take(new).await.map_err(|failure| {
            // The replay is stopped by a fault; what it was is told by `failed`.
            let what = failure.to_string();
            self.failure = Some(failure);
            Fault { block: Some(height), leaf: None, what }.into()
        })
    }

    fn progress(&mut self, leaves: u64) {
        (self.progress)(leaves, self.of.max(leaves));
    }
}

/// Holds a block of the target, with its leaves, against the same one of the source.
async fn compare(to: &dyn LedgerStore, new: &NewBlock) -> Result<(), CopyError> {
    let height = new.block.seal.height;
    let differs = || CopyError::Differs { height };
    let held = to.block(height).await.map_err(CopyError::Target)?.ok_or_else(differs)?;
    if !is_same_block(&held, &new.block) {
        let (held, found) = (&held.checkpoint.origin, &new.block.checkpoint.origin);
        return Err(match held == found && height != Height::GENESIS {
            true => differs(),
            false => CopyError::OtherLedger { held: held.to_string(), found: found.to_string() },
        });
    }
    if to.leaves(held.leaves()).await.map_err(CopyError::Target)? != new.leaves {
        return Err(differs());
    }
    for (hash, bytes) in &new.long_statements {
        if to.long_statement(*hash).await.map_err(CopyError::Target)?.as_ref() != Some(bytes) {
            return Err(differs());
        }
    }
    Ok(())
}

/// Tells whether two stores hold one block. Among several members, commit and note differ from store to store: whose votes came
/// first, and who signs the note. What one member alone has signed is alike everywhere.
fn is_same_block(one: &StoredBlock, other: &StoredBlock) -> bool {
    let signers = |block: &StoredBlock| block.commit.signatures.iter().map(|one| one.kid).collect::<Vec<_>>();
    let (signers, others) = (signers(one), signers(other));
    if signers.len() == 1 && signers == others {
        return one == other;
    }
    (&one.seal, &one.checkpoint) == (&other.seal, &other.checkpoint)
}

/// Gives the target the requests of the source, and no others. A crash on the way is mended by the next copy.
async fn replace_requests(to: &dyn LedgerStore, requests: &[PendingRequest]) -> Result<(), StoreError> {
    let held = to.requests().await?;
    for gone in held.iter().filter(|held| !requests.contains(held)) {
        to.forget_request(&gone.participant).await?;
    }
    // What was let in once needs no room now.
    let room = WaitingRoom {
        requests_max: u64::MAX,
        bytes_max: u64::MAX,
        address_requests_max: u64::MAX,
        address_bytes_max: u64::MAX,
        since: Timestamp::EPOCH,
    };
    for new in requests.iter().filter(|new| !held.contains(new)) {
        if to.add_request(new.clone(), room).await? != Admission::Waits {
            let what = format!("the request of participant {} stands in another one's place", new.participant);
            return Err(StoreError::Corrupt(what));
        }
    }
    Ok(())
}
