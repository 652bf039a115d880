//! What a node remembers of members' words, in a short form that nodes compare with each other.
//!
//! A member that tells one node this and another node that is found out only if the two compare. Most words of a height are
//! for one block, so a line says once what was said, and names everybody who said it by a bit.

use crate::agreement::bytes::{self, AgreementBytesError};
use crate::agreement::{LastSaid, ValueId, Vote, VoteKind};
use crate::binary::Reader;
use crate::block::Height;
use crate::hash::Hash;
use crate::limits::MEMBERS_MAX;

/// What a member signs in a round, in the order in which it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WordKind {
    Proposal,
    Prevote,
    Precommit,
}

/// A place in which an honest member signs one thing at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WordPlace {
    pub height: Height,
    pub round: u32,
    pub kind: WordKind,
    /// Thumbprint of the member's key.
    pub kid: Hash,
}

/// What members said of one height, as far as a node remembers it and tells it here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeightWords {
    pub height: Height,
    /// How many members are in force at this height: 1 to 100.
    pub members: usize,
    /// One or more, in ascending order, none twice.
    pub lines: Vec<WordLine>,
}

/// A thing that was said, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordLine {
    pub word: WordContent,
    pub by: MemberBits,
}

/// A thing that may be said of a height: what a signature is over, but for ledger and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WordContent {
    /// `None` for no block, which no proposal is for.
    pub value: Option<ValueId>,
    pub kind: WordKind,
    pub round: u32,
    /// Of a proposal the earlier round that it rests on, if it rests on one.
    pub pol_round: Option<u32>,
}

/// Some of the members of a height, by their numbers in the order of `kid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberBits {
    /// The first member is the highest bit of the first byte.
    bytes: Vec<u8>,
}

impl WordKind {
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Proposal => 0,
            Self::Prevote => 1,
            Self::Precommit => 2,
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, AgreementBytesError> {
        let begin = reader.clone();
        match reader.byte()? {
            0 => Ok(Self::Proposal),
            1 => Ok(Self::Prevote),
            2 => Ok(Self::Precommit),
            found => Err(bytes::unknown(&begin, "kind of word", found)),
        }
    }
}

impl From<VoteKind> for WordKind {
    fn from(kind: VoteKind) -> Self {
        match kind {
            VoteKind::Prevote => Self::Prevote,
            VoteKind::Precommit => Self::Precommit,
        }
    }
}

impl LastSaid {
    /// Where it stands among the words of its signer.
    pub fn place(&self) -> WordPlace {
        let WordContent { round, kind, .. } = self.content();
        WordPlace { height: self.height(), round, kind, kid: self.signer() }
    }

    /// What it says.
    pub fn content(&self) -> WordContent {
        match self {
            Self::Vote(Vote { kind, round, value, .. }) => {
                WordContent { value: *value, kind: (*kind).into(), round: *round, pol_round: None }
            }
            Self::Proposal(proposal) => WordContent {
                value: Some(proposal.value),
                kind: WordKind::Proposal,
                round: proposal.round,
                pol_round: proposal.pol_round,
            },
        }
    }
}

impl MemberBits {
    /// None of so many members.
    pub fn none(members: usize) -> Self {
        Self { bytes: vec![0; members.div_ceil(8)] }
    }

    /// Adds the member with a number; one beyond the last changes nothing.
    pub fn insert(&mut self, number: usize) {
        if let Some(byte) = self.bytes.get_mut(number / 8) {
            *byte |= 0x80 >> (number % 8);
        }
    }

    /// The members' numbers, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.bytes.len() * 8).filter(|number| self.bytes[number / 8] & (0x80 >> (number % 8)) != 0)
    }
}

impl WordPlace {
    /// height u64be ‖ round u32be ‖ kind u8 ‖ kid.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        bytes::put_height(out, self.height);
        bytes::put_round(out, self.round);
        out.push(self.kind.code());
        out.extend_from_slice(self.kid.as_bytes());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, AgreementBytesError> {
        Ok(Self {
            height: bytes::read_height(reader)?,
            round: bytes::read_round(reader)?,
            kind: WordKind::read(reader)?,
            kid: bytes::read_hash(reader)?,
        })
    }
}

impl WordContent {
    /// Bytes of a line that says this, beside the members' bits: those of a new value with its count among them.
    pub const LINE_BYTES_MAX: usize = 33 + 2 + 1 + 4 + 8;

    /// kind u8 ‖ round u32be ‖ of a proposal the earlier round i64be.
    fn put(&self, out: &mut Vec<u8>) {
        out.push(self.kind.code());
        bytes::put_round(out, self.round);
        if self.kind == WordKind::Proposal {
            bytes::put_earlier_round(out, self.pol_round);
        }
    }

    fn read(reader: &mut Reader<'_>, value: Option<ValueId>) -> Result<Self, AgreementBytesError> {
        let kind = WordKind::read(reader)?;
        let round = bytes::read_round(reader)?;
        let pol_round = match kind {
            WordKind::Proposal if value.is_none() => return Err(AgreementBytesError::NilProposal),
            WordKind::Proposal => bytes::read_earlier_round(reader, round)?,
            WordKind::Prevote | WordKind::Precommit => None,
        };
        Ok(Self { value, kind, round, pol_round })
    }
}

impl HeightWords {
    /// Bytes that stand before its lines.
    pub const HEAD_BYTES: usize = 8 + 1 + 2;

    /// height u64be ‖ members u8 ‖ count of values u16be ‖ for each value (33 bytes) ‖ count of lines u16be ‖ for each what was
    /// said ‖ a bit for each member, in whole bytes.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        bytes::put_height(out, self.height);
        out.push(self.members as u8);
        let values: Vec<&[WordLine]> = self.lines.chunk_by(|one, next| one.word.value == next.word.value).collect();
        out.extend_from_slice(&(values.len() as u16).to_be_bytes());
        for lines in values {
            bytes::put_value(out, lines.first().and_then(|line| line.word.value));
            out.extend_from_slice(&(lines.len() as u16).to_be_bytes());
            for WordLine { word, by } in lines {
                word.put(out);
                out.extend_from_slice(&by.bytes);
            }
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, AgreementBytesError> {
        let height = bytes::read_height(reader)?;
        let members = usize::from(reader.byte()?);
        if !(1..=MEMBERS_MAX).contains(&members) {
            return Err(AgreementBytesError::Members { found: members });
        }
        let mut lines: Vec<WordLine> = Vec::new();
        for _ in 0..read_count(reader)? {
            let value = bytes::read_value(reader)?;
            for nth in 0..read_count(reader)? {
                let word = WordContent::read(reader, value)?;
                let by = MemberBits::read(reader, members)?;
                // A value that stands twice in a row would be one.
                let last = lines.last().map(|last| last.word);
                let is_joined = nth == 0 && last.is_some_and(|last| last.value == value);
                if is_joined || last.is_some_and(|last| last >= word) {
                    return Err(AgreementBytesError::LineOrder { height });
                }
                lines.push(WordLine { word, by });
            }
        }
        Ok(Self { height, members, lines })
    }
}

impl MemberBits {
    fn read(reader: &mut Reader<'_>, members: usize) -> Result<Self, AgreementBytesError> {
        let bits = Self { bytes: reader.take(members.div_ceil(8))?.to_vec() };
        // Nothing set is nobody, and what is beyond the last member is no member.
        match bits.numbers().last() {
            Some(last) if last < members => Ok(bits),
            _ => Err(AgreementBytesError::MemberBits { members }),
        }
    }
}

fn read_count(reader: &mut Reader<'_>) -> Result<u16, AgreementBytesError> {
    match u16::from_be_bytes(reader.array()?) {
        0 => Err(AgreementBytesError::NoLines),
        count => Ok(count),
    }
}
