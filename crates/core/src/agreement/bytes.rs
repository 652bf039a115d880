//! The pieces of which these bytes are made: fixed lengths, one form each.

use crate::agreement::ValueId;
use crate::binary::{BinaryFault, Malformed, Reader};
use crate::block::{Height, HeightError, SealError};
use crate::hash::Hash;
use crate::limits::{BLOCK_STATEMENTS_MAX, LEAF_BYTES_MAX, LOGGED_BODY_BYTES_MAX, MEMBERS_MAX, ROUND_MAX};
use crate::statement::Signature;

/// Bytes that are none of what members say to each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgreementBytesError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("block 0 is not voted on: a height is 1 or more")]
    Genesis,
    #[error(transparent)]
    Height(#[from] HeightError),
    #[error("a round is at most {ROUND_MAX}; this is {found}")]
    Round { found: u32 },
    #[error("the round that a proposal rests on is −1 or one before its own round {round}; this is {found}")]
    PolRound { found: i64, round: u32 },
    #[error("a vote for no block has 32 zero bytes in the place of a value")]
    NilValue,
    #[error("a certificate has 1 to {MEMBERS_MAX} signatures; this has {found}")]
    Signatures { found: usize },
    #[error("a certificate's signatures are ordered by kid, one a member; that of {kid} stands too late")]
    Order { kid: Hash },
    #[error("a certificate that a round ended in precommits holds precommits only; {kid} gave a prevote")]
    NoPrecommit { kid: Hash },
    #[error("a block's seal takes 1 to {LEAF_BYTES_MAX} bytes; this says {found}")]
    SealLength { found: u32 },
    #[error("its seal: {0}")]
    Seal(#[from] SealError),
    #[error("a block has at most {BLOCK_STATEMENTS_MAX} leaves before its seal; this says {found}")]
    Leaves { found: u32 },
    #[error("a proposal is for a block; this is for none")]
    NilProposal,
    #[error("a height has 1 to {MEMBERS_MAX} members; this says {found}")]
    Members { found: usize },
    #[error("what was said of height {height} stands in ascending order, nothing twice")]
    LineOrder { height: Height },
    #[error("what was said was said by one or more of {members} members, and by nobody else")]
    MemberBits { members: usize },
    #[error("a height is told of only if something was said, and a value only if somebody said it")]
    NoLines,
    #[error("two words prove something if one member signed both for one place, and they differ; these do not")]
    NoClash,
    #[error("a body takes 1 to {LOGGED_BODY_BYTES_MAX} bytes; this has {found}")]
    Body { found: usize },
}

pub(super) fn put_height(out: &mut Vec<u8>, height: Height) {
    out.extend_from_slice(&height.get().to_be_bytes());
}

pub(super) fn put_round(out: &mut Vec<u8>, round: u32) {
    out.extend_from_slice(&round.to_be_bytes());
}

/// A value or none: u8 1 and its 32 bytes, or u8 0 and 32 zero bytes.
pub(super) fn put_value(out: &mut Vec<u8>, value: Option<ValueId>) {
    match value {
        Some(value) => {
            out.push(1);
            out.extend_from_slice(value.hash().as_bytes());
        }
        None => out.extend_from_slice(&[0; 1 + Hash::LEN]),
    }
}

/// A round or none: i64be, −1 for none.
pub(super) fn put_earlier_round(out: &mut Vec<u8>, round: Option<u32>) {
    out.extend_from_slice(&round.map_or(-1, i64::from).to_be_bytes());
}

/// Reads one thing, and nothing after it.
pub(super) fn whole<T>(
    bytes: &[u8],
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, AgreementBytesError>,
) -> Result<T, AgreementBytesError> {
    let mut reader = Reader::new(bytes, 0);
    let one = read(&mut reader)?;
    reader.end()?;
    Ok(one)
}

pub(super) fn read_height(reader: &mut Reader<'_>) -> Result<Height, AgreementBytesError> {
    match Height::new(u64::from_be_bytes(reader.array()?))? {
        Height::GENESIS => Err(AgreementBytesError::Genesis),
        height => Ok(height),
    }
}

pub(super) fn read_round(reader: &mut Reader<'_>) -> Result<u32, AgreementBytesError> {
    match u32::from_be_bytes(reader.array()?) {
        found if found > ROUND_MAX => Err(AgreementBytesError::Round { found }),
        round => Ok(round),
    }
}

/// Reads the earlier round that a proposal of `round` rests on.
pub(super) fn read_earlier_round(reader: &mut Reader<'_>, round: u32) -> Result<Option<u32>, AgreementBytesError> {
    match i64::from_be_bytes(reader.array()?) {
        -1 => Ok(None),
        found => match u32::try_from(found) {
            Ok(earlier) if earlier < round => Ok(Some(earlier)),
            _ => Err(AgreementBytesError::PolRound { found, round }),
        },
    }
}

pub(super) fn read_value(reader: &mut Reader<'_>) -> Result<Option<ValueId>, AgreementBytesError> {
    let begin = reader.clone();
    let (kind, value) = (reader.byte()?, read_hash(reader)?);
    match kind {
        0 if value.as_bytes() == &[0; Hash::LEN] => Ok(None),
        0 => Err(AgreementBytesError::NilValue),
        1 => Ok(Some(ValueId::from_hash(value))),
        found => Err(unknown(&begin, "value or no value", found)),
    }
}

pub(super) fn read_hash(reader: &mut Reader<'_>) -> Result<Hash, AgreementBytesError> {
    Ok(Hash::from_bytes(reader.array()?))
}

pub(super) fn read_signature(reader: &mut Reader<'_>) -> Result<Signature, AgreementBytesError> {
    Ok(Signature::from_bytes(reader.array()?))
}

/// A byte that stands for nothing, at where `begin` is.
pub(super) fn unknown(begin: &Reader<'_>, what: &'static str, found: u8) -> AgreementBytesError {
    begin.fault(BinaryFault::Unknown { what, found: u64::from(found) }).into()
}

/// Reads u8 count ‖ signatures, of which each is one member's, in the order of `kid`.
pub(super) fn read_signatures<T>(
    reader: &mut Reader<'_>,
    kid: impl Fn(&T) -> Hash,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<T, AgreementBytesError>,
) -> Result<Vec<T>, AgreementBytesError> {
    let count = usize::from(reader.byte()?);
    if !(1..=MEMBERS_MAX).contains(&count) {
        return Err(AgreementBytesError::Signatures { found: count });
    }
    let mut signatures: Vec<T> = Vec::with_capacity(count);
    for _ in 0..count {
        let next = read(reader)?;
        if signatures.last().is_some_and(|last| kid(last) >= kid(&next)) {
            return Err(AgreementBytesError::Order { kid: kid(&next) });
        }
        signatures.push(next);
    }
    Ok(signatures)
}
