//! Reads the next blocks of a source, as it shows them: their leaves are in order and end with a seal, and no more is checked.

use crate::app::audit::source::LedgerSource;
use crate::app::audit::walk::{Open, check_leaf, with_long_statements};
use crate::app::audit::{AuditError, at_leaf, fail, fault};
use crate::ports::StoredBlock;
use sealane_core::block::Height;
use sealane_core::ledger::BodyLeaf;
use sealane_core::merkle::{LeafIndex, TILE_WIDTH, TreeSize};

/// A block as a source shows it. Nothing of it is believed.
#[derive(Debug)]
pub struct ReadBlock {
    /// Its leaves before the seal, with the long statements that some stand for.
    pub leaves: Vec<BodyLeaf>,
    pub shown: StoredBlock,
}

impl ReadBlock {
    fn bytes(&self) -> usize {
        self.leaves.iter().map(BodyLeaf::size_bytes).sum()
    }
}

/// Reads the blocks from `height` on, whose first leaf is `from`, up to the tree of `end` leaves, and no more than `blocks_max`
/// of them or `bytes_max` bytes and one block.
///
/// # Errors
///
/// `Fault` if the source does not show a block where its own leaves have the seal of one. It names the block.
pub async fn read_blocks(
    source: &dyn LedgerSource,
    mut height: Height,
    from: TreeSize,
    end: TreeSize,
    blocks_max: usize,
    bytes_max: usize,
) -> Result<Vec<ReadBlock>, AuditError> {
    let (mut blocks, mut bytes, mut open) = (Vec::new(), 0, Open::default());
    let mut next = from.get();
    while next < end.get() {
        let in_block = |error: AuditError| error.in_block(height);
        let first = LeafIndex::new(next).map_err(|error| fault(None, error))?;
        // A page lies in one bundle of leaves.
        let width = u64::from(TILE_WIDTH);
        let page = next..end.get().min((next / width + 1) * width);
        let page = source.leaves(page).await.map_err(|error| in_block(at_leaf(error, first)))?;
        if page.is_empty() {
            return Err(in_block(fault(Some(first), "it is missing").into()));
        }
        for leaf in page {
            let ends = check_leaf(&leaf, next).map_err(|fault| fault.in_block(height))?;
            next += 1;
            let Some(seal) = ends else {
                open.push(leaf).map_err(|fault| fault.in_block(height))?;
                continue;
            };
            let in_block = |error: AuditError| error.in_block(height);
            let statements = std::mem::take(&mut open).leaves;
            let leaves = with_long_statements(source, &statements).await.map_err(in_block)?;
            let shown = source.block(height).await.map_err(|error| in_block(at_leaf(error, leaf.index)))?;
            let Some(shown) = shown.filter(|shown| shown.seal == seal) else {
                let what = format!("block {height}, which it seals, is missing, or has another seal");
                return fail(Some(leaf.index), what).map_err(in_block);
            };
            let block = ReadBlock { leaves, shown };
            bytes += block.bytes();
            blocks.push(block);
            height = height.next();
            if blocks.len() >= blocks_max || bytes > bytes_max {
                return Ok(blocks);
            }
        }
    }
    match open.leaves.first() {
        Some(first) => {
            Err(AuditError::from(fault(Some(first.index), "it stands after the last block's seal")).in_block(height))
        }
        None => Ok(blocks),
    }
}
