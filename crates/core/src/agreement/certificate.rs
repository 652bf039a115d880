//! Certificates: votes of many members, put together so that each need not be sent alone.

use crate::agreement::bytes::{self, AgreementBytesError};
use crate::agreement::{SaidError, ValueId, Vote, VoteKind, honest_one};
use crate::binary::Reader;
use crate::block::{Height, MemberSet, Origin};
use crate::hash::Hash;
use crate::statement::{Signature, SignatureVerifier};

/// A quorum's prevotes for one block in one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolkaCertificate {
    pub height: Height,
    pub round: u32,
    pub value: ValueId,
    /// In the order of `kid`, one a member.
    pub signatures: Vec<PolkaSignature>,
}

/// One member's prevote in a [`PolkaCertificate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolkaSignature {
    pub kid: Hash,
    pub signature: Signature,
}

/// Votes that show why a member goes on to another round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundCertificate {
    pub height: Height,
    /// The round of the votes.
    pub round: u32,
    pub justifies: Justification,
    /// In the order of `kid`, one a member.
    pub signatures: Vec<RoundSignature>,
}

/// What a [`RoundCertificate`] justifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Justification {
    /// To enter the round of its votes: more than a third of the members are there, so one honest member is.
    Enter,
    /// To leave the round of its votes: a quorum has given its precommits, whatever they are for.
    Leave,
}

/// One member's vote in a [`RoundCertificate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundSignature {
    pub kind: VoteKind,
    pub value: Option<ValueId>,
    pub kid: Hash,
    pub signature: Signature,
}

/// Why a certificate shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    #[error(transparent)]
    Said(#[from] SaidError),
    #[error("two signatures by {kid}; each member counts once")]
    Twice { kid: Hash },
    #[error("a prevote by {kid} does not show that a round has ended")]
    NoPrecommit { kid: Hash },
    #[error("{found} of {members} members have signed; {needed} are needed")]
    TooFew { found: usize, needed: usize, members: usize },
}

impl PolkaCertificate {
    /// The votes that it is made of.
    pub fn votes(&self) -> impl Iterator<Item = Vote> + '_ {
        let Self { height, round, value, signatures } = self;
        signatures.iter().map(|PolkaSignature { kid, signature }| Vote {
            kind: VoteKind::Prevote,
            height: *height,
            round: *round,
            value: Some(*value),
            signer: *kid,
            signature: *signature,
        })
    }

    /// Checks each signature, and that they are a quorum of the members in force at its height. One bad signature spoils it.
    pub fn verify(
        &self,
        origin: &Origin,
        members: &MemberSet,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), CertificateFault> {
        check_votes(self.votes(), members.quorum(), origin, members, verifier)
    }

    /// Writes height u64be ‖ round u32be ‖ value ‖ u8 count ‖ for each member kid ‖ signature.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + 4 + 32 + 1 + self.signatures.len() * (32 + 64));
        self.put(&mut out);
        out
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, AgreementBytesError> {
        bytes::whole(bytes, Self::read)
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        bytes::put_height(out, self.height);
        bytes::put_round(out, self.round);
        out.extend_from_slice(self.value.hash().as_bytes());
        out.push(self.signatures.len() as u8);
        for PolkaSignature { kid, signature } in &self.signatures {
            out.extend_from_slice(kid.as_bytes());
            out.extend_from_slice(signature.as_bytes());
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, AgreementBytesError> {
        let height = bytes::read_height(reader)?;
        let round = bytes::read_round(reader)?;
        let value = ValueId::from_hash(bytes::read_hash(reader)?);
        let signatures = bytes::read_signatures(
            reader,
            |one: &PolkaSignature| one.kid,
            |reader| Ok(PolkaSignature { kid: bytes::read_hash(reader)?, signature: bytes::read_signature(reader)? }),
        )?;
        Ok(Self { height, round, value, signatures })
    }
}

impl RoundCertificate {
    /// The votes that it is made of.
    pub fn votes(&self) -> impl Iterator<Item = Vote> + '_ {
        let Self { height, round, signatures, .. } = self;
        signatures.iter().map(|RoundSignature { kind, value, kid, signature }| Vote {
            kind: *kind,
            height: *height,
            round: *round,
            value: *value,
            signer: *kid,
            signature: *signature,
        })
    }

    /// Checks each signature, and that they are enough of the members in force at its height. One bad signature spoils it.
    pub fn verify(
        &self,
        origin: &Origin,
        members: &MemberSet,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), CertificateFault> {
        let needed = match self.justifies {
            Justification::Enter => honest_one(members.members().len()),
            Justification::Leave => members.quorum(),
        };
        let prevote = self.signatures.iter().find(|one| one.kind == VoteKind::Prevote);
        if let (Justification::Leave, Some(RoundSignature { kid, .. })) = (self.justifies, prevote) {
            return Err(CertificateFault::NoPrecommit { kid: *kid });
        }
        check_votes(self.votes(), needed, origin, members, verifier)
    }

    /// Writes height u64be ‖ round u32be ‖ u8 0 to enter or 1 to leave ‖ u8 count ‖ for each member kind u8 ‖ value
    /// (33 bytes) ‖ kid ‖ signature.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + 4 + 1 + 1 + self.signatures.len() * (1 + 33 + 32 + 64));
        bytes::put_height(&mut out, self.height);
        bytes::put_round(&mut out, self.round);
        out.push(match self.justifies {
            Justification::Enter => 0,
            Justification::Leave => 1,
        });
        out.push(self.signatures.len() as u8);
        for RoundSignature { kind, value, kid, signature } in &self.signatures {
            out.push(kind.code());
            bytes::put_value(&mut out, *value);
            out.extend_from_slice(kid.as_bytes());
            out.extend_from_slice(signature.as_bytes());
        }
        out
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, AgreementBytesError> {
        bytes::whole(bytes, Self::read)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, AgreementBytesError> {
        let height = bytes::read_height(reader)?;
        let round = bytes::read_round(reader)?;
        let begin = reader.clone();
        let justifies = match reader.byte()? {
            0 => Justification::Enter,
            1 => Justification::Leave,
            found => return Err(bytes::unknown(&begin, "reason to change the round", found)),
        };
        let read = |reader: &mut Reader<'_>| {
            let kind = VoteKind::read(reader)?;
            let value = bytes::read_value(reader)?;
            let kid = bytes::read_hash(reader)?;
            if (justifies, kind) == (Justification::Leave, VoteKind::Prevote) {
                return Err(AgreementBytesError::NoPrecommit { kid });
            }
            Ok(RoundSignature { kind, value, kid, signature: bytes::read_signature(reader)? })
        };
        let signatures = bytes::read_signatures(reader, |one: &RoundSignature| one.kid, read)?;
        Ok(Self { height, round, justifies, signatures })
    }
}

/// Checks that the votes are of `needed` different members.
fn check_votes(
    votes: impl Iterator<Item = Vote>,
    needed: usize,
    origin: &Origin,
    members: &MemberSet,
    verifier: &dyn SignatureVerifier,
) -> Result<(), CertificateFault> {
    let mut counted = Vec::new();
    for vote in votes {
        if counted.contains(&vote.signer) {
            return Err(CertificateFault::Twice { kid: vote.signer });
        }
        vote.verify(origin, members, verifier)?;
        counted.push(vote.signer);
    }
    let found = counted.len();
    if found < needed {
        return Err(CertificateFault::TooFew { found, needed, members: members.members().len() });
    }
    Ok(())
}
