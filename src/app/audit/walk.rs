//! Leads the leaves of a source through the audit, block by block.

use std::collections::HashMap;

use async_trait::async_trait;

use crate::app::audit::source::{LedgerSource, SourceLeaf};
use crate::app::audit::{AuditError, Fault, Replayed, at_leaf, fail, fault};
use crate::ports::{NewBlock, StoredBlock};
use sealane_core::block::{Leaf, Seal};
use sealane_core::ledger::{AuditedBlock, Body, BodyLeaf, Invalid, OPEN_BYTES_MAX, SealedBlock};
use sealane_core::limits::BLOCK_STATEMENTS_MAX;
use sealane_core::merkle::{self, LeafIndex, TILE_WIDTH, TreeSize};
use sealane_core::statement::{StatementId, SubmittedStatement};

/// Leaves read at once: an entry bundle, 16 MiB at the most.
const PAGE_LEAVES: u64 = TILE_WIDTH as u64;

/// Looks on while a ledger is replayed.
#[async_trait]
pub trait Watch: Send {
    /// Sees a block as it was signed, before its leaves are held against it.
    fn block(&mut self, _block: &StoredBlock) -> Result<(), Fault> {
        Ok(())
    }

    /// Takes a block without fault, with all that it adds.
    async fn keep(&mut self, _block: NewBlock) -> Result<(), AuditError> {
        Ok(())
    }

    /// So many leaves are done.
    fn progress(&mut self, _leaves: u64) {}
}

pub(super) struct Unwatched;

impl Watch for Unwatched {}

/// Goes through the leaves in order, from where `replayed` stands to the first `size` of them or to the end. A seal among them ends its block, whatever the source
/// says of blocks.
pub(super) async fn walk(
    source: &dyn LedgerSource,
    replayed: &mut Replayed<'_>,
    size: TreeSize,
    watch: &mut dyn Watch,
) -> Result<(), AuditError> {
    let mut open = Open::default();
    let mut next = replayed.size().get();
    while next < size.get() {
        let page = next..size.get().min(next + PAGE_LEAVES);
        let first = LeafIndex::new(next).map_err(|error| fault(None, error))?;
        let page = source.leaves(page).await.map_err(|error| at_leaf(error, first).in_block(replayed.next_height()))?;
        if page.is_empty() {
            break;
        }
        for leaf in page {
            let height = replayed.next_height();
            let ends = check_leaf(&leaf, next).map_err(|fault| fault.in_block(height))?;
            next += 1;
            match ends {
                None => open.push(leaf).map_err(|fault| fault.in_block(height))?,
                Some(seal) => {
                    let statements = std::mem::take(&mut open).leaves;
                    let closed = block(source, replayed, &statements, &leaf, &seal, watch).await;
                    closed.map_err(|error| error.in_block(height))?;
                    watch.progress(next);
                }
            }
        }
    }
    match (open.leaves.first(), open.leaves.last()) {
        (Some(_), Some(last)) if next == size.get() => {
            let fault = fault(Some(last.index), "it is the last leaf of a checkpoint, and no seal");
            Err(fault.in_block(replayed.next_height()).into())
        }
        (Some(first), _) => fail(Some(first.index), "it stands after the last block's seal"),
        (None, _) => Ok(()),
    }
}

/// Leaves whose seal has not come yet.
#[derive(Default)]
pub(super) struct Open {
    pub leaves: Vec<SourceLeaf>,
    bytes: usize,
}

impl Open {
    pub fn push(&mut self, leaf: SourceLeaf) -> Result<(), Fault> {
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
pub(super) fn check_leaf(leaf: &SourceLeaf, next: u64) -> Result<Option<Seal>, Fault> {
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
    source: &dyn LedgerSource,
    replayed: &mut Replayed<'_>,
    statements: &[SourceLeaf],
    last: &SourceLeaf,
    seal: &Seal,
    watch: &mut dyn Watch,
) -> Result<(), AuditError> {
    let height = replayed.next_height();
    let body = Body { leaves: with_long_statements(source, statements).await?, seal: seal.clone() };
    // What a source signed is looked at before its leaves are: a fork is proven whatever is wrong with these.
    let shown = source.block(height).await;
    if let Ok(Some(shown)) = &shown {
        watch.block(shown)?;
    }
    let sealed = match replayed.auditor.validate(body) {
        Ok(sealed) => sealed,
        Err(Invalid { leaf, reason }) => {
            let fault = fault(Some(leaf), reason);
            let is_of_seal = leaf == last.index;
            return Err(if is_of_seal { first_misplaced(source, statements, fault).await? } else { fault }.into());
        }
    };
    check_content(&sealed, statements, last)?;
    let shown = shown.map_err(|error| at_leaf(error, last.index))?;
    let shown = shown.ok_or_else(|| fault(Some(last.index), format!("block {height}, which it seals, is missing")))?;
    let audited = match replayed.auditor.close(sealed, &shown) {
        Ok(audited) => audited,
        Err(what) => return Err(first_misplaced(source, statements, fault(Some(last.index), what)).await?.into()),
    };
    replayed.learn(&audited);
    let AuditedBlock { content, .. } = audited;
    watch.keep(NewBlock::new(shown, content)).await
}

/// Fetches the bytes beside the leaves that stand for long statements.
pub(super) async fn with_long_statements(
    source: &dyn LedgerSource,
    leaves: &[SourceLeaf],
) -> Result<Vec<BodyLeaf>, AuditError> {
    let mut all = Vec::with_capacity(leaves.len());
    let mut long_bytes = 0;
    for leaf in leaves {
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
        all.push(BodyLeaf::Shown { bytes: leaf.bytes.clone(), long });
    }
    Ok(all)
}

/// Holds what is stored of each leaf's content against what it holds.
fn check_content(sealed: &SealedBlock, statements: &[SourceLeaf], last: &SourceLeaf) -> Result<(), Fault> {
    let stored = statements.iter().chain([last]);
    let wrong = stored
        .zip(&sealed.content.leaves)
        .find(|(stored, right)| stored.content.is_some_and(|content| content != right.content));
    match wrong {
        Some((leaf, _)) => fail(Some(leaf.index), "it is stored as holding another kind of content than it does"),
        None => Ok(()),
    }
}

/// A seal or a commit that does not hold tells that some leaf of its block is another one than was signed. Which of
/// them, the source may know.
async fn first_misplaced(source: &dyn LedgerSource, leaves: &[SourceLeaf], fault: Fault) -> Result<Fault, AuditError> {
    let Some(stored) = source.statements(leaves.iter().map(|leaf| leaf.index).collect()).await? else {
        return Ok(fault);
    };
    let stored: HashMap<LeafIndex, StatementId> = stored.into_iter().collect();
    for leaf in leaves {
        let text = match Leaf::decode(&leaf.bytes) {
            Ok(Leaf::Statement(text)) => text.into_bytes(),
            Ok(Leaf::LongStatement { hash, .. }) => source.long_statement(hash).await?.unwrap_or_default(),
            _ => Vec::new(),
        };
        let id = SubmittedStatement::parse(&text).ok().map(|statement| statement.id());
        if stored.get(&leaf.index).copied() != id {
            let what = format!("it holds another statement than was signed for: {fault}");
            return Ok(super::fault(Some(leaf.index), what));
        }
    }
    Ok(fault)
}
