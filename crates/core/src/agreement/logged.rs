//! What a member keeps of the height under way, so that after a crash it says nothing else than before.

use crate::agreement::bytes::{self, AgreementBytesError};
use crate::agreement::{PolkaCertificate, RoundProposal, ValueId, Vote};
use crate::binary::Reader;
use crate::hash::Hash;
use crate::limits::LOGGED_BODY_BYTES_MAX;

/// An entry of the vote log. Read again in their order, the entries of a height lead to the same votes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Logged {
    /// A vote, own or heard.
    Vote(Vote),
    /// A proposal, own or heard.
    Proposal(RoundProposal),
    Polka(PolkaCertificate),
    /// A timer ran out.
    Timeout(Timer),
    /// A block was here, and was found valid or not. After a crash that is not found out again: the clock is another then.
    Value(LoggedValue),
    /// The whole bytes of a block, in the form of who keeps it.
    Body {
        value: ValueId,
        bytes: Vec<u8>,
    },
}

/// What was found of a proposed block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoggedValue {
    /// The round in which it came.
    pub round: u32,
    /// The earlier round that its proposal rests on, if it does.
    pub valid_round: Option<u32>,
    /// Thumbprint of the proposer's key.
    pub proposer: Hash,
    pub value: ValueId,
    pub valid: bool,
}

/// A timer of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer {
    pub kind: TimerKind,
    pub round: u32,
}

/// What a timer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerKind {
    /// The proposal, and its block.
    Propose,
    /// A quorum of prevotes for one thing.
    Prevote,
    /// A quorum of precommits for one thing.
    Precommit,
    /// Nothing: when it runs out, what was said is said again. Never logged.
    Rebroadcast,
}

impl TimerKind {
    const fn code(self) -> u8 {
        match self {
            Self::Propose => 0,
            Self::Prevote => 1,
            Self::Precommit => 2,
            Self::Rebroadcast => 3,
        }
    }
}

impl Logged {
    /// Writes u8 kind (0 vote, 1 proposal, 2 polka certificate, 3 timer, 4 value, 5 body) ‖ its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Vote(vote) => {
                out.push(0);
                vote.put(&mut out);
            }
            Self::Proposal(proposal) => {
                out.push(1);
                proposal.put(&mut out);
            }
            Self::Polka(polka) => {
                out.push(2);
                polka.put(&mut out);
            }
            Self::Timeout(Timer { kind, round }) => {
                out.extend_from_slice(&[3, kind.code()]);
                bytes::put_round(&mut out, *round);
            }
            Self::Value(LoggedValue { round, valid_round, proposer, value, valid }) => {
                out.push(4);
                bytes::put_round(&mut out, *round);
                bytes::put_earlier_round(&mut out, *valid_round);
                out.extend_from_slice(proposer.as_bytes());
                out.extend_from_slice(value.hash().as_bytes());
                out.push(u8::from(*valid));
            }
            Self::Body { value, bytes } => {
                out.reserve(1 + Hash::LEN + bytes.len());
                out.push(5);
                out.extend_from_slice(value.hash().as_bytes());
                out.extend_from_slice(bytes);
            }
        }
        out
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
            3 => read_timer(reader).map(Self::Timeout),
            4 => read_value(reader).map(Self::Value),
            5 => {
                let value = ValueId::from_hash(bytes::read_hash(reader)?);
                let found = reader.rest().len();
                if !(1..=LOGGED_BODY_BYTES_MAX).contains(&found) {
                    return Err(AgreementBytesError::Body { found });
                }
                Ok(Self::Body { value, bytes: reader.take(found)?.to_vec() })
            }
            found => Err(bytes::unknown(&begin, "entry of a vote log", found)),
        }
    }
}

fn read_timer(reader: &mut Reader<'_>) -> Result<Timer, AgreementBytesError> {
    let begin = reader.clone();
    let kind = match reader.byte()? {
        0 => TimerKind::Propose,
        1 => TimerKind::Prevote,
        2 => TimerKind::Precommit,
        found => return Err(bytes::unknown(&begin, "timer that is logged", found)),
    };
    Ok(Timer { kind, round: bytes::read_round(reader)? })
}

fn read_value(reader: &mut Reader<'_>) -> Result<LoggedValue, AgreementBytesError> {
    let round = bytes::read_round(reader)?;
    let valid_round = bytes::read_earlier_round(reader, round)?;
    let proposer = bytes::read_hash(reader)?;
    let value = ValueId::from_hash(bytes::read_hash(reader)?);
    let begin = reader.clone();
    let valid = match reader.byte()? {
        0 => false,
        1 => true,
        found => return Err(bytes::unknown(&begin, "validity", found)),
    };
    Ok(LoggedValue { round, valid_round, proposer, value, valid })
}
