//! Leads the leaves of a source through the replay, block by block.

use std::collections::HashMap;

use async_trait::async_trait;

use crate::app::audit::replay::Replay;
use crate::app::audit::source::{Source, SourceLeaf};
use crate::app::audit::{AuditError, Fault, at_leaf, fail, fault};
use crate::app::orderer::{BLOCK_BYTES_MAX, BLOCK_STATEMENTS_MAX};
use crate::ports::{NewBlock, StoredBlock};
use sealane_core::block::{Leaf, Seal};
use sealane_core::limits::STATEMENT_BYTES_MAX;
use sealane_core::merkle::{self, LeafIndex, TILE_WIDTH, TreeSize};
use sealane_core::statement::StatementId;

/// Leaves read at once: an entry bundle, 16 MiB at the most.
const PAGE_LEAVES: u64 = TILE_WIDTH as u64;

/// Bytes of leaves before a seal that are held: a block stops growing at the first limit, with the statement that
/// reaches it.
const OPEN_BYTES_MAX: usize = BLOCK_BYTES_MAX + STATEMENT_BYTES_MAX;

/// Looks on while a ledger is replayed.
#[async_trait]
pub trait Watch: Send {
    /// Sees a block as it was signed, before its leaves are held against it.
    fn block(&mut self, _block: &StoredBlock) -> Result<(), Fault> {
        Ok(())
    }

    /// Takes a block without fault, with all that it adds, where the replay keeps that.
    async fn keep(&mut self, _block: NewBlock) -> Result<(), AuditError> {
        Ok(())
    }

    /// So many leaves are done.
    fn progress(&mut self, _leaves: u64) {}
}

pub(super) struct Unwatched;

impl Watch for Unwatched {}

/// Goes through the first `size` leaves in order, or all of them. A seal among them ends its block, whatever the source
/// says of blocks.
pub(super) async fn walk(
    source: &dyn Source,
    replay: &mut Replay<'_>,
    size: TreeSize,
    watch: &mut dyn Watch,
) -> Result<(), AuditError> {
    let mut open = Open::default();
    let mut next = 0;
    while next < size.get() {
        let page = next..size.get().min(next + PAGE_LEAVES);
        let first = LeafIndex::new(next).map_err(|error| fault(None, error))?;
        let page = source.leaves(page).await.map_err(|error| at_leaf(error, first).in_block(replay.height()))?;
        if page.is_empty() {
            break;
        }
        for leaf in page {
            let height = replay.height();
            let ends = check_leaf(&leaf, next).map_err(|fault| fault.in_block(height))?;
            next += 1;
            match ends {
                None => open.push(leaf).map_err(|fault| fault.in_block(height))?,
                Some(seal) => {
                    let statements = std::mem::take(&mut open).leaves;
                    let closed = block(source, replay, &statements, &leaf, &seal, watch).await;
                    closed.map_err(|error| error.in_block(height))?;
                    watch.progress(next);
                }
            }
        }
    }
    match (open.leaves.first(), open.leaves.last()) {
        (Some(_), Some(last)) if next == size.get() => {
            let fault = fault(Some(last.index), "it is the last leaf of a checkpoint, and no seal");
            Err(fault.in_block(replay.height()).into())
        }
        (Some(first), _) => fail(Some(first.index), "it stands after the last block's seal"),
        (None, _) => Ok(()),
    }
}

/// Leaves whose seal has not come yet.
#[derive(Default)]
struct Open {
    leaves: Vec<SourceLeaf>,
    bytes: usize,
}

impl Open {
    fn push(&mut self, leaf: SourceLeaf) -> Result<(), Fault> {
        self.bytes += leaf.bytes.len();
        if self.leaves.len() >= BLOCK_STATEMENTS_MAX || self.bytes > OPEN_BYTES_MAX {
            return fail(
                Some(leaf.index),
                format!(
                    "its block goes on past {BLOCK_STATEMENTS_MAX} statements or {OPEN_BYTES_MAX} bytes without a seal"
                ),
            );
        }
        self.leaves.push(leaf);
        Ok(())
    }
}

/// A leaf in itself: the next one, with the hash that is stored. Returns the seal that it holds, if it does.
fn check_leaf(leaf: &SourceLeaf, next: u64) -> Result<Option<Seal>, Fault> {
    if leaf.index.get() != next {
        return fail(LeafIndex::new(next).ok(), "it is missing");
    }
    if leaf.hash.is_some_and(|hash| merkle::leaf_hash(&leaf.bytes) != hash) {
        return fail(Some(leaf.index), "its bytes do not have the hash stored with them");
    }
    match Leaf::decode(&leaf.bytes).map_err(|error| fault(Some(leaf.index), error))? {
        Leaf::Seal(seal) => Ok(Some(seal)),
        Leaf::Statement(_) | Leaf::LongStatement { .. } => Ok(None),
    }
}

/// One block: its statements in order, then its seal, then what was signed about it.
async fn block(
    source: &dyn Source,
    replay: &mut Replay<'_>,
    statements: &[SourceLeaf],
    last: &SourceLeaf,
    seal: &Seal,
    watch: &mut dyn Watch,
) -> Result<(), AuditError> {
    replay.begin_block();
    let mut placed = Vec::with_capacity(statements.len());
    let mut long_bytes = 0;
    for leaf in statements {
        let long = match Leaf::decode(&leaf.bytes) {
            Ok(Leaf::LongStatement { hash, .. }) => {
                source.long_statement(hash).await.map_err(|error| at_leaf(error, leaf.index))?
            }
            _ => None,
        };
        long_bytes += long.as_ref().map_or(0, Vec::len);
        if long_bytes > OPEN_BYTES_MAX {
            return fail(Some(leaf.index), format!("the long statements of its block exceed {OPEN_BYTES_MAX} bytes"));
        }
        placed.push((replay.statement(leaf, long, seal.time)?, leaf.index));
    }
    let height = replay.height();
    let block = source.block(height).await.map_err(|error| at_leaf(error, last.index))?;
    let block = block.ok_or_else(|| fault(Some(last.index), format!("block {height}, which it seals, is missing")))?;
    watch.block(&block)?;
    if let Err(fault) = replay.close_block(last, seal, &block) {
        return Err(first_misplaced(source, placed, fault).await?.into());
    }
    match replay.take_block(block) {
        Some(new) => watch.keep(new).await,
        None => Ok(()),
    }
}

/// A seal or a commit that does not hold tells that some leaf of its block is another one than was signed. Which of
/// them, the source may know.
async fn first_misplaced(
    source: &dyn Source,
    placed: Vec<(StatementId, LeafIndex)>,
    fault: Fault,
) -> Result<Fault, AuditError> {
    let Some(stored) = source.statements(placed.iter().map(|(_, leaf)| *leaf).collect()).await? else {
        return Ok(fault);
    };
    let stored: HashMap<LeafIndex, StatementId> = stored.into_iter().collect();
    let misplaced = placed.iter().find(|(id, leaf)| stored.get(leaf) != Some(id));
    Ok(match misplaced {
        Some((_, leaf)) => {
            super::fault(Some(*leaf), format!("it holds another statement than was signed for: {fault}"))
        }
        None => fault,
    })
}
