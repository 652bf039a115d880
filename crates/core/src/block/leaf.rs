//! What the Merkle tree is over.

use crate::block::seal::{Seal, SealError};
use crate::hash::Hash;
use crate::limits::{LEAF_BYTES_MAX, STATEMENT_BYTES_MAX};

/// A leaf's data: one byte of kind, then its content; at most [`LEAF_BYTES_MAX`] bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaf {
    /// Kind 0x00: the last leaf of a block.
    Seal(Seal),
    /// Kind 0x01: a statement's compact text. [`Leaf::of_statement`] decides between this and the next.
    Statement(String),
    /// Kind 0x02: a statement too long for a leaf. Its bytes are held beside the tree.
    LongStatement {
        /// SHA-256 of the statement's compact text.
        hash: Hash,
        /// Length of that text in bytes.
        length: u32,
    },
}

/// Bytes that are no leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    #[error("a leaf has at least its byte of kind; this one is empty")]
    Empty,
    #[error("a leaf has at most {LEAF_BYTES_MAX} bytes; this has {found}")]
    TooLong { found: usize },
    #[error("leaf kind {found:#04x} is unknown; there are 0x00 seal, 0x01 statement and 0x02 long statement")]
    Kind { found: u8 },
    #[error("the leaf's seal is wrong: {0}")]
    Seal(#[from] SealError),
    #[error("the leaf's statement has a byte at {offset} that no compact JWS has")]
    NotCompact { offset: usize },
    #[error("a leaf of kind 0x02 has 37 bytes: kind, hash, length; this has {found}")]
    LongStatementShape { found: usize },
    #[error(
        "a leaf of kind 0x02 stands for a statement of {LEAF_BYTES_MAX} to {STATEMENT_BYTES_MAX} bytes; this names {found}"
    )]
    LongStatementLength { found: u32 },
}

const SEAL: u8 = 0x00;
const STATEMENT: u8 = 0x01;
const LONG_STATEMENT: u8 = 0x02;

impl Leaf {
    /// The leaf of a statement: itself where that fits, else its hash and length.
    ///
    /// `compact` has at most [`STATEMENT_BYTES_MAX`] bytes, as every parsed statement has.
    pub fn of_statement(compact: &str) -> Self {
        if compact.len() < LEAF_BYTES_MAX {
            return Self::Statement(compact.to_owned());
        }
        // Lossless: a statement's limit is far below 2^32.
        Self::LongStatement { hash: Hash::of(compact.as_bytes()), length: compact.len() as u32 }
    }

    /// Writes the leaf's data, over which the tree hashes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Seal(seal) => [&[SEAL], seal.to_json().as_bytes()].concat(),
            Self::Statement(compact) => [&[STATEMENT], compact.as_bytes()].concat(),
            Self::LongStatement { hash, length } => {
                [&[LONG_STATEMENT], hash.as_bytes().as_slice(), &length.to_be_bytes()].concat()
            }
        }
    }

    /// Reads a leaf's data. That a statement's text is a good statement is for its own reader to say.
    pub fn decode(data: &[u8]) -> Result<Self, LeafError> {
        if data.len() > LEAF_BYTES_MAX {
            return Err(LeafError::TooLong { found: data.len() });
        }
        match data.split_first() {
            None => Err(LeafError::Empty),
            Some((&SEAL, json)) => Ok(Self::Seal(Seal::parse(json)?)),
            Some((&STATEMENT, compact)) => statement(compact),
            Some((&LONG_STATEMENT, content)) => long_statement(content),
            Some((&found, _)) => Err(LeafError::Kind { found }),
        }
    }

    /// The seal, where this is one.
    pub const fn as_seal(&self) -> Option<&Seal> {
        match self {
            Self::Seal(seal) => Some(seal),
            _ => None,
        }
    }
}

fn statement(compact: &[u8]) -> Result<Leaf, LeafError> {
    // All are looked at before the first one at fault is looked for: without an end, many go at once.
    if !compact.iter().fold(true, |all, byte| all & byte.is_ascii_graphic()) {
        let offset = compact.iter().position(|byte| !byte.is_ascii_graphic()).unwrap_or_default();
        return Err(LeafError::NotCompact { offset: 1 + offset });
    }
    let text = std::str::from_utf8(compact);
    let text = text.map_err(|error| LeafError::NotCompact { offset: 1 + error.valid_up_to() })?;
    Ok(Leaf::Statement(text.to_owned()))
}

fn long_statement(content: &[u8]) -> Result<Leaf, LeafError> {
    let shape = || LeafError::LongStatementShape { found: 1 + content.len() };
    let (hash, length) = content.split_at_checked(Hash::LEN).ok_or_else(shape)?;
    let hash = Hash::from_slice(hash).ok_or_else(shape)?;
    let length = u32::from_be_bytes(length.try_into().map_err(|_| shape())?);
    // One statement has one leaf: what fits in a leaf stands in it.
    match length as usize {
        LEAF_BYTES_MAX..=STATEMENT_BYTES_MAX => Ok(Leaf::LongStatement { hash, length }),
        _ => Err(LeafError::LongStatementLength { found: length }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Height;
    use crate::merkle::TreeSize;

    fn seal() -> Seal {
        Seal {
            height: Height::GENESIS,
            time: "2026-11-21T09:30:00.000Z".parse().unwrap(),
            previous_size: TreeSize::ZERO,
            previous_root: Hash::of(b""),
            index_root: Hash::of(b"index"),
            members_hash: Hash::of(b"members"),
            rules: 1,
            enacted: Vec::new(),
            next_members_hash: Hash::of(b"members"),
        }
    }

    #[test]
    fn each_kind_round_trips() {
        let long = "x".repeat(LEAF_BYTES_MAX);
        let leaves = [Leaf::Seal(seal()), Leaf::of_statement("e30.e30.AA"), Leaf::of_statement(&long)];
        for (kind, leaf) in leaves.iter().enumerate() {
            let data = leaf.encode();
            assert_eq!(usize::from(data[0]), kind);
            assert_eq!(Leaf::decode(&data).as_ref(), Ok(leaf));
        }
        assert_eq!(leaves[2].encode().len(), 37);
        assert_eq!(leaves[0].as_seal(), Some(&seal()));
        assert_eq!(leaves[1].as_seal(), None);
    }

    #[test]
    fn a_statement_has_one_leaf() {
        let longest = "x".repeat(LEAF_BYTES_MAX - 1);
        assert_eq!(Leaf::of_statement(&longest), Leaf::Statement(longest.clone()));
        assert_eq!(Leaf::of_statement(&longest).encode().len(), LEAF_BYTES_MAX);
        let first = Leaf::of_statement(&format!("{longest}x"));
        assert!(matches!(first, Leaf::LongStatement { length: 65_535, .. }));
        let fits = Leaf::LongStatement { hash: Hash::of(b""), length: 65_534 };
        assert_eq!(Leaf::decode(&fits.encode()), Err(LeafError::LongStatementLength { found: 65_534 }));
        let too_long = Leaf::LongStatement { hash: Hash::of(b""), length: STATEMENT_BYTES_MAX as u32 + 1 };
        assert!(matches!(Leaf::decode(&too_long.encode()), Err(LeafError::LongStatementLength { .. })));
    }

    #[test]
    fn what_is_no_leaf_is_refused() {
        assert_eq!(Leaf::decode(b""), Err(LeafError::Empty));
        assert_eq!(Leaf::decode(&[3, 0]), Err(LeafError::Kind { found: 3 }));
        assert_eq!(Leaf::decode(&[b'e'; 10]), Err(LeafError::Kind { found: b'e' }));
        assert!(matches!(Leaf::decode(b"\0{}"), Err(LeafError::Seal(_))));
        assert_eq!(Leaf::decode(b"\x01e30.\n"), Err(LeafError::NotCompact { offset: 5 }));
        assert_eq!(Leaf::decode(b"\x01e\xff"), Err(LeafError::NotCompact { offset: 2 }));
        for length in [1, 33, 36, 38] {
            let data = [vec![2], vec![0; length - 1]].concat();
            assert_eq!(Leaf::decode(&data), Err(LeafError::LongStatementShape { found: length }));
        }
        let most = [&[STATEMENT], vec![b'e'; LEAF_BYTES_MAX - 1].as_slice()].concat();
        assert!(matches!(Leaf::decode(&most), Ok(Leaf::Statement(_))), "as long as a leaf may be");
        assert_eq!(Leaf::decode(&vec![1; LEAF_BYTES_MAX + 1]), Err(LeafError::TooLong { found: LEAF_BYTES_MAX + 1 }));
    }
}
