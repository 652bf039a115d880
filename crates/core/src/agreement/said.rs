//! What a member says of the height under way.

use crate::agreement::bytes::{self, AgreementBytesError};
use crate::agreement::{PolkaCertificate, RoundCertificate, RoundProposal, Vote};
use crate::binary::Reader;
use crate::block::Height;

/// A vote, a proposal or a certificate: one's own, or another member's passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Vote(Vote),
    Proposal(RoundProposal),
    Polka(PolkaCertificate),
    Round(RoundCertificate),
}

impl Said {
    pub const fn height(&self) -> Height {
        match self {
            Self::Vote(vote) => vote.height,
            Self::Proposal(proposal) => proposal.height,
            Self::Polka(polka) => polka.height,
            Self::Round(certificate) => certificate.height,
        }
    }

    pub const fn round(&self) -> u32 {
        match self {
            Self::Vote(vote) => vote.round,
            Self::Proposal(proposal) => proposal.round,
            Self::Polka(polka) => polka.round,
            Self::Round(certificate) => certificate.round,
        }
    }

    /// Writes u8 kind (0 vote, 1 proposal, 2 polka certificate, 3 round certificate) ‖ its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, bytes) = match self {
            Self::Vote(vote) => (0, vote.to_bytes()),
            Self::Proposal(proposal) => (1, proposal.to_bytes()),
            Self::Polka(polka) => (2, polka.to_bytes()),
            Self::Round(certificate) => (3, certificate.to_bytes()),
        };
        [&[kind], bytes.as_slice()].concat()
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, AgreementBytesError> {
        bytes::whole(bytes, Self::read)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, AgreementBytesError> {
        let begin = reader.clone();
        match reader.byte()? {
            0 => Vote::read(reader).map(Self::Vote),
            1 => RoundProposal::read(reader).map(Self::Proposal),
            2 => PolkaCertificate::read(reader).map(Self::Polka),
            3 => RoundCertificate::read(reader).map(Self::Round),
            found => Err(bytes::unknown(&begin, "kind of message", found)),
        }
    }
}
