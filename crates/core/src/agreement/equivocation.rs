//! Equivocation: one member's signatures under two things of which an honest one signs one at most.

use crate::agreement::bytes::{self, AgreementBytesError};
use crate::agreement::{LastSaid, RoundProposal, SaidError, ValueId, Vote, VoteKind, WordPlace};
use crate::binary::Reader;
use crate::block::{Height, MemberSet, Origin};
use crate::consortium::{FaultProof, SignedKind, SignedVote};
use crate::hash::Hash;
use crate::statement::SignatureVerifier;

/// Two things that one member signed for one height and round.
///
/// On the ledger it is a [`FaultProof`]. Precommits of different rounds are none: in a later round an honest member may
/// give its precommit to another block, after a quorum's prevotes for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equivocation {
    Votes(Vote, Vote),
    Proposals(RoundProposal, RoundProposal),
}

/// Why two signatures convict no member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EquivocationError {
    #[error("they are not of one member, kind, height and round: an honest member may sign both")]
    Apart,
    #[error("both say the same; saying a thing twice is no fault")]
    Same,
    #[error("a proposal is for a block, and rests on no round but an earlier one")]
    NoProposal,
    #[error("a vote rests on no earlier round")]
    NoVote,
    #[error("no block of height 0 is voted on")]
    Genesis,
    #[error(transparent)]
    Said(#[from] SaidError),
}

impl Equivocation {
    pub const fn signer(&self) -> Hash {
        match self {
            Self::Votes(first, _) => first.signer,
            Self::Proposals(first, _) => first.signer,
        }
    }

    pub const fn height(&self) -> Height {
        match self {
            Self::Votes(first, _) => first.height,
            Self::Proposals(first, _) => first.height,
        }
    }

    pub const fn round(&self) -> u32 {
        match self {
            Self::Votes(first, _) => first.round,
            Self::Proposals(first, _) => first.round,
        }
    }

    /// Puts two words together, if they clash. Their signatures are not looked at.
    pub fn of_words(first: LastSaid, second: LastSaid) -> Result<Self, EquivocationError> {
        let pair = match (first, second) {
            (LastSaid::Vote(first), LastSaid::Vote(second)) => Self::Votes(first, second),
            (LastSaid::Proposal(first), LastSaid::Proposal(second)) => Self::Proposals(first, second),
            _ => return Err(EquivocationError::Apart),
        };
        pair.check_words()?;
        Ok(pair)
    }

    /// Its two words.
    pub const fn words(&self) -> [LastSaid; 2] {
        match self {
            Self::Votes(first, second) => [LastSaid::Vote(*first), LastSaid::Vote(*second)],
            Self::Proposals(first, second) => [LastSaid::Proposal(*first), LastSaid::Proposal(*second)],
        }
    }

    /// The place in which both stand.
    pub fn place(&self) -> WordPlace {
        let [first, _] = self.words();
        first.place()
    }

    fn check_words(&self) -> Result<(), EquivocationError> {
        let [first, second] = self.words();
        check_clash(first.place() == second.place(), first.content() == second.content())
    }

    /// Checks that the two clash, and that the member signed both. `members` are those in force at their height.
    pub fn verify(
        &self,
        origin: &Origin,
        members: &MemberSet,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), EquivocationError> {
        self.check_words()?;
        for word in self.words() {
            word.verify(origin, members, verifier)?;
        }
        Ok(())
    }

    /// Writes u8 0 and two votes, or u8 1 and two proposals.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Votes(first, second) => {
                out.push(0);
                first.put(out);
                second.put(out);
            }
            Self::Proposals(first, second) => {
                out.push(1);
                first.put(out);
                second.put(out);
            }
        }
    }

    /// Reads two words that clash. That proves nothing before [`Self::verify`].
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, AgreementBytesError> {
        let begin = reader.clone();
        let pair = match reader.byte()? {
            0 => Self::Votes(Vote::read(reader)?, Vote::read(reader)?),
            1 => Self::Proposals(RoundProposal::read(reader)?, RoundProposal::read(reader)?),
            found => return Err(bytes::unknown(&begin, "pair of words", found)),
        };
        pair.check_words().map_err(|_| AgreementBytesError::NoClash)?;
        Ok(pair)
    }

    /// Reads the form in which it stands on the ledger. That proves nothing before [`Self::verify`].
    pub fn of_fault(proof: &FaultProof) -> Result<Self, EquivocationError> {
        let FaultProof { first, second } = proof;
        if first.height == Height::GENESIS || second.height == Height::GENESIS {
            return Err(EquivocationError::Genesis);
        }
        match (first.kind, second.kind) {
            (SignedKind::Proposal, SignedKind::Proposal) => {
                Ok(Self::Proposals(proposal_of(first)?, proposal_of(second)?))
            }
            (SignedKind::Proposal, _) | (_, SignedKind::Proposal) => Err(EquivocationError::Apart),
            _ => Ok(Self::Votes(vote_of(first)?, vote_of(second)?)),
        }
    }

    /// The form in which it stands on the ledger.
    pub fn to_fault(&self) -> FaultProof {
        match self {
            Self::Votes(first, second) => FaultProof { first: fault_of_vote(first), second: fault_of_vote(second) },
            Self::Proposals(first, second) => {
                FaultProof { first: fault_of_proposal(first), second: fault_of_proposal(second) }
            }
        }
    }
}

fn check_clash(one_place: bool, same: bool) -> Result<(), EquivocationError> {
    match (one_place, same) {
        (false, _) => Err(EquivocationError::Apart),
        (true, true) => Err(EquivocationError::Same),
        (true, false) => Ok(()),
    }
}

fn vote_of(signed: &SignedVote) -> Result<Vote, EquivocationError> {
    let kind = match signed.kind {
        SignedKind::Prevote => VoteKind::Prevote,
        SignedKind::Precommit => VoteKind::Precommit,
        SignedKind::Proposal => return Err(EquivocationError::Apart),
    };
    if signed.pol_round.is_some() {
        return Err(EquivocationError::NoVote);
    }
    let SignedVote { kid, height, round, value, signature, .. } = *signed;
    Ok(Vote { kind, height, round, value: value.map(ValueId::from_hash), signer: kid, signature })
}

fn proposal_of(signed: &SignedVote) -> Result<RoundProposal, EquivocationError> {
    let SignedVote { kid, height, round, pol_round, value, signature, .. } = *signed;
    let value = ValueId::from_hash(value.ok_or(EquivocationError::NoProposal)?);
    if pol_round.is_some_and(|earlier| earlier >= round) {
        return Err(EquivocationError::NoProposal);
    }
    Ok(RoundProposal { height, round, pol_round, value, signer: kid, signature })
}

fn fault_of_vote(vote: &Vote) -> SignedVote {
    let kind = match vote.kind {
        VoteKind::Prevote => SignedKind::Prevote,
        VoteKind::Precommit => SignedKind::Precommit,
    };
    let Vote { height, round, value, signer, signature, .. } = *vote;
    SignedVote { kid: signer, kind, height, round, pol_round: None, value: value.map(|one| *one.hash()), signature }
}

fn fault_of_proposal(proposal: &RoundProposal) -> SignedVote {
    let RoundProposal { height, round, pol_round, value, signer, signature } = *proposal;
    let (kind, value) = (SignedKind::Proposal, Some(*value.hash()));
    SignedVote { kid: signer, kind, height, round, pol_round, value, signature }
}
