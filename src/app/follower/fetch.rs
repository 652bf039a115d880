//! Asks another node for the blocks after this node's last one.

use crate::app::audit::{AuditError, ReadBlock, RemoteNode, read_blocks};
use crate::ports::{StoreError, StoredBlock};
use sealane_core::block::Height;

/// Blocks that are fetched at once, and bytes of their statements: what is fetched waits in memory.
const BLOCKS_AT_ONCE_MAX: usize = 512;
const BYTES_AT_ONCE_MAX: usize = 16 * 1024 * 1024;

/// What a node shows.
pub(in crate::app) struct Shown {
    /// The block that it shows at this node's last height, or its own last one if that is lower.
    pub common: StoredBlock,
    /// The height of its last block.
    pub latest: Height,
    /// Blocks after this node's last one.
    pub blocks: Vec<ReadBlock>,
}

/// Why a node shows nothing that can be used.
pub(in crate::app) enum NotShown {
    /// It does not answer, or refuses.
    Unreachable(String),
    /// What it shows cannot be blocks of a ledger.
    False { height: Height, fault: String },
}

/// Asks a node for the blocks after `tip`.
pub(super) async fn fetch(node: &dyn RemoteNode, tip: &StoredBlock) -> Result<Shown, NotShown> {
    let next = tip.seal.height.next();
    let not_shown = |height| move |error: StoreError| not_shown(height, error);
    let latest = node.latest().await.map_err(not_shown(next))?;
    let height = latest.seal.height;
    if height <= tip.seal.height {
        return Ok(Shown { common: latest, latest: height, blocks: Vec::new() });
    }
    let own = tip.seal.height;
    let common = node.block(own).await.map_err(not_shown(own))?;
    let common = common.ok_or_else(|| NotShown::False {
        height: own,
        fault: format!("block {own} is missing, and the latest one is block {height}"),
    })?;
    let blocks = read_blocks(node, next, tip.size(), latest.size(), BLOCKS_AT_ONCE_MAX, BYTES_AT_ONCE_MAX);
    let blocks = blocks.await.map_err(|error| match error {
        AuditError::Fault(fault) => NotShown::False { height: fault.block.unwrap_or(next), fault: fault.to_string() },
        AuditError::Store(error) => NotShown::Unreachable(error.to_string()),
    })?;
    if blocks.is_empty() {
        let fault = format!("the latest block is {height}, and no leaf comes after block {own}");
        return Err(NotShown::False { height: next, fault });
    }
    Ok(Shown { common, latest: height, blocks })
}

fn not_shown(height: Height, error: StoreError) -> NotShown {
    match error {
        StoreError::Corrupt(fault) => NotShown::False { height, fault },
        other => NotShown::Unreachable(other.to_string()),
    }
}
