//! How a proposed block is sent: its seal, and which leaves stand before it.

use crate::agreement::bytes::{self, AgreementBytesError};
use crate::binary::Reader;
use crate::block::Seal;
use crate::hash::Hash;
use crate::limits::{BLOCK_STATEMENTS_MAX, LEAF_BYTES_MAX};

/// A proposed block without its statements, which each member has been sent already: the seal, and the hashes of the leaves
/// before it in their order. A statement that a member lacks is asked for by its leaf's hash.
///
/// Nothing of it is believed. The leaves, with the tree before them, give the checkpoint and so the
/// [`ValueId`](crate::agreement::ValueId) that was proposed, or it is not the block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockOutline {
    pub seal: Seal,
    /// Hashes of the leaves before the seal, as they stand in the tree.
    pub leaves: Vec<Hash>,
}

impl BlockOutline {
    /// Writes u32be length ‖ the seal's JSON ‖ u32be count ‖ the leaves' hashes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let seal = self.seal.to_json();
        let mut out = Vec::with_capacity(4 + seal.len() + 4 + self.leaves.len() * Hash::LEN);
        out.extend_from_slice(&(seal.len() as u32).to_be_bytes());
        out.extend_from_slice(seal.as_bytes());
        out.extend_from_slice(&(self.leaves.len() as u32).to_be_bytes());
        for leaf in &self.leaves {
            out.extend_from_slice(leaf.as_bytes());
        }
        out
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, AgreementBytesError> {
        bytes::whole(bytes, Self::read)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, AgreementBytesError> {
        let length = u32::from_be_bytes(reader.array()?);
        let seal = match usize::try_from(length) {
            Ok(count) if (1..=LEAF_BYTES_MAX).contains(&count) => Seal::parse(reader.take(count)?)?,
            _ => return Err(AgreementBytesError::SealLength { found: length }),
        };
        if seal.height.get() == 0 {
            return Err(AgreementBytesError::Genesis);
        }
        let found = u32::from_be_bytes(reader.array()?);
        let count = match usize::try_from(found) {
            Ok(count) if count <= BLOCK_STATEMENTS_MAX => count,
            _ => return Err(AgreementBytesError::Leaves { found }),
        };
        let mut leaves = Vec::with_capacity(count);
        for _ in 0..count {
            leaves.push(bytes::read_hash(reader)?);
        }
        Ok(Self { seal, leaves })
    }
}
