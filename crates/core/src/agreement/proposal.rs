//! Proposals: which block a round is about.

use crate::agreement::ValueId;
use crate::agreement::bytes::{self, AgreementBytesError};
use crate::agreement::vote::{SaidError, check_signature};
use crate::binary::Reader;
use crate::block::{Height, MemberSet, Origin};
use crate::hash::Hash;
use crate::statement::{Signature, SignatureVerifier};

/// A proposer's signed word which block its round is about. The block itself is sent apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundProposal {
    pub height: Height,
    pub round: u32,
    /// The earlier round in which a quorum gave this block its prevotes, if it is proposed for that; else `None`.
    pub pol_round: Option<u32>,
    pub value: ValueId,
    /// Thumbprint of the proposer's key.
    pub signer: Hash,
    pub signature: Signature,
}

const DOMAIN: &[u8] = b"sealane/proposal/v1\0";

/// The bytes that a member signs as a proposal: 104 bytes.
///
/// "sealane/proposal/v1" 0x00 ‖ SHA-256(origin) ‖ height u64be ‖ round u32be ‖ earlier round i64be, −1 for none ‖ value.
pub fn proposal_bytes(origin: &Origin, height: Height, round: u32, pol_round: Option<u32>, value: ValueId) -> Vec<u8> {
    let mut out = DOMAIN.to_vec();
    out.extend_from_slice(origin.hash().as_bytes());
    bytes::put_height(&mut out, height);
    bytes::put_round(&mut out, round);
    bytes::put_earlier_round(&mut out, pol_round);
    out.extend_from_slice(value.hash().as_bytes());
    out
}

impl RoundProposal {
    /// Length of its bytes.
    pub const LEN: usize = 8 + 4 + 8 + 32 + 32 + 64;

    /// The bytes that `signature` is over.
    pub fn signed_bytes(&self, origin: &Origin) -> Vec<u8> {
        proposal_bytes(origin, self.height, self.round, self.pol_round, self.value)
    }

    /// Checks that a member in force gave it. Whether it was that member's turn is another question.
    pub fn verify(
        &self,
        origin: &Origin,
        members: &MemberSet,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), SaidError> {
        check_signature(&self.signed_bytes(origin), self.signer, &self.signature, members, verifier)
    }

    /// Writes height u64be ‖ round u32be ‖ earlier round i64be ‖ value ‖ signer ‖ signature: 148 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LEN);
        self.put(&mut out);
        out
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, AgreementBytesError> {
        bytes::whole(bytes, Self::read)
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        bytes::put_height(out, self.height);
        bytes::put_round(out, self.round);
        bytes::put_earlier_round(out, self.pol_round);
        out.extend_from_slice(self.value.hash().as_bytes());
        out.extend_from_slice(self.signer.as_bytes());
        out.extend_from_slice(self.signature.as_bytes());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, AgreementBytesError> {
        let height = bytes::read_height(reader)?;
        let round = bytes::read_round(reader)?;
        Ok(Self {
            height,
            round,
            pol_round: bytes::read_earlier_round(reader, round)?,
            value: ValueId::from_hash(bytes::read_hash(reader)?),
            signer: bytes::read_hash(reader)?,
            signature: bytes::read_signature(reader)?,
        })
    }
}
