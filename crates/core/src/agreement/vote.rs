//! Votes: a member's word in one round on one block, or on none.

use crate::agreement::ValueId;
use crate::agreement::bytes::{self, AgreementBytesError};
use crate::binary::Reader;
use crate::block::{Height, MemberSet, Origin, commit_bytes_of_hash};
use crate::hash::Hash;
use crate::statement::{Signature, SignatureVerifier};

/// Which of the two votes of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VoteKind {
    /// The first: this block may stand here.
    Prevote,
    /// The last: with those of a quorum the block is final.
    Precommit,
}

/// A signed vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vote {
    pub kind: VoteKind,
    pub height: Height,
    pub round: u32,
    /// The block that it is for; `None` if it is for no block in this round.
    pub value: Option<ValueId>,
    /// Thumbprint of the member's key.
    pub signer: Hash,
    pub signature: Signature,
}

/// Why something that a member is said to have signed counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SaidError {
    #[error("{kid} is no member in force at this height")]
    UnknownMember { kid: Hash },
    #[error("the signature by {kid} does not hold for this vote or proposal")]
    BadSignature { kid: Hash },
}

const DOMAIN: &[u8] = b"sealane/vote/v1\0";

/// The bytes that a member signs as a vote: 94 bytes.
///
/// A precommit for a block signs the bytes of its commit, so that a quorum of such votes is the certificate. Every other
/// vote signs "sealane/vote/v1" 0x00 ‖ SHA-256(origin) ‖ kind u8 ‖ height u64be ‖ round u32be ‖ u8 1 and the value, or u8 0
/// and 32 zero bytes.
pub fn vote_bytes(origin: &Origin, kind: VoteKind, height: Height, round: u32, value: Option<ValueId>) -> Vec<u8> {
    if let (VoteKind::Precommit, Some(value)) = (kind, value) {
        return commit_bytes_of_hash(origin, height, round, value.hash());
    }
    let mut out = DOMAIN.to_vec();
    out.extend_from_slice(origin.hash().as_bytes());
    out.push(kind.code());
    bytes::put_height(&mut out, height);
    bytes::put_round(&mut out, round);
    bytes::put_value(&mut out, value);
    out
}

impl VoteKind {
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Prevote => 0,
            Self::Precommit => 1,
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, AgreementBytesError> {
        let begin = reader.clone();
        match reader.byte()? {
            0 => Ok(Self::Prevote),
            1 => Ok(Self::Precommit),
            found => Err(bytes::unknown(&begin, "kind of vote", found)),
        }
    }
}

impl Vote {
    /// Length of its bytes.
    pub const LEN: usize = 1 + 8 + 4 + 33 + 32 + 64;

    /// The bytes that `signature` is over.
    pub fn signed_bytes(&self, origin: &Origin) -> Vec<u8> {
        vote_bytes(origin, self.kind, self.height, self.round, self.value)
    }

    /// Checks that a member in force gave it.
    pub fn verify(
        &self,
        origin: &Origin,
        members: &MemberSet,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), SaidError> {
        check_signature(&self.signed_bytes(origin), self.signer, &self.signature, members, verifier)
    }

    /// Writes kind u8 ‖ height u64be ‖ round u32be ‖ value (33 bytes) ‖ signer ‖ signature: 142 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LEN);
        self.put(&mut out);
        out
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, AgreementBytesError> {
        bytes::whole(bytes, Self::read)
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.push(self.kind.code());
        bytes::put_height(out, self.height);
        bytes::put_round(out, self.round);
        bytes::put_value(out, self.value);
        out.extend_from_slice(self.signer.as_bytes());
        out.extend_from_slice(self.signature.as_bytes());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, AgreementBytesError> {
        Ok(Self {
            kind: VoteKind::read(reader)?,
            height: bytes::read_height(reader)?,
            round: bytes::read_round(reader)?,
            value: bytes::read_value(reader)?,
            signer: bytes::read_hash(reader)?,
            signature: bytes::read_signature(reader)?,
        })
    }
}

pub(super) fn check_signature(
    signed: &[u8],
    kid: Hash,
    signature: &Signature,
    members: &MemberSet,
    verifier: &dyn SignatureVerifier,
) -> Result<(), SaidError> {
    let member = members.get(&kid).ok_or(SaidError::UnknownMember { kid })?;
    verifier.verify(member.key(), signed, signature).map_err(|_| SaidError::BadSignature { kid })
}
