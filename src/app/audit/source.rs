//! Where an audit reads a ledger from.

use std::ops::Range;

use async_trait::async_trait;

use crate::domain::block::Height;
use crate::domain::hash::Hash;
use crate::domain::merkle::LeafIndex;
use crate::domain::statement::StatementId;
use crate::ports::{LeafContent, LedgerStore, StoreError, StoredBlock};

/// A leaf as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLeaf {
    pub index: LeafIndex,
    pub bytes: Vec<u8>,
    /// The hash and the content that are stored beside it, where any are.
    pub stored: Option<(Hash, LeafContent)>,
}

/// Leaves, and what was signed about them. Nothing of it is believed.
///
/// An error `Corrupt` is a fault of the ledger, every other one ends the audit without a result.
#[async_trait]
pub trait Source: Send + Sync {
    /// Leaves in order, the first of the range first; fewer than asked for only at the ledger's end.
    async fn leaves(&self, range: Range<u64>) -> Result<Vec<SourceLeaf>, StoreError>;
    async fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError>;
    async fn long_statement(&self, hash: Hash) -> Result<Option<Vec<u8>>, StoreError>;

    /// Where statements stand by the source's own account, which may tell which leaf of a block is another one than was
    /// signed. `None` where it keeps no such account.
    async fn statements(&self, _ids: Vec<StatementId>) -> Result<Option<Vec<(StatementId, LeafIndex)>>, StoreError> {
        Ok(None)
    }
}

/// The member's own store.
pub(super) struct OfStore<'a>(pub(super) &'a dyn LedgerStore);

#[async_trait]
impl Source for OfStore<'_> {
    async fn leaves(&self, range: Range<u64>) -> Result<Vec<SourceLeaf>, StoreError> {
        let leaves = self.0.leaves(range).await?.into_iter();
        Ok(leaves
            .map(|leaf| SourceLeaf { index: leaf.index, bytes: leaf.bytes, stored: Some((leaf.hash, leaf.content)) })
            .collect())
    }

    async fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError> {
        self.0.block(height).await
    }

    async fn long_statement(&self, hash: Hash) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.long_statement(hash).await
    }

    async fn statements(&self, ids: Vec<StatementId>) -> Result<Option<Vec<(StatementId, LeafIndex)>>, StoreError> {
        self.0.statements(ids).await.map(Some)
    }
}
