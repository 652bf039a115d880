//! Sealane's types as the library sees them: wrappers that add its traits, and conversions both ways.

use std::fmt;

use arc_malachitebft_core_consensus::ProposedValue;
use arc_malachitebft_core_types as theirs;
use sealane_core::agreement::{
    Justification, LoggedValue, PolkaCertificate, PolkaSignature, RoundCertificate, RoundProposal, RoundSignature,
    Timer, TimerKind, ValueId, Vote, VoteKind,
};
use sealane_core::block::{Height, MemberSet};
use sealane_core::hash::Hash;
use sealane_core::statement::{PublicKey, Signature};
use theirs::{NilOrVal, Round, SignedMessage, TimeoutKind, Validity, VoteType};

/// The types of a ledger's agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ctx;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct At(u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kid(pub(super) Hash);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(pub(super) ValueId);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CastVote {
    kind: VoteType,
    height: At,
    round: Round,
    value: NilOrVal<Id>,
    by: Kid,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proposed {
    height: At,
    round: Round,
    value: Id,
    pol_round: Round,
    by: Kid,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Voter {
    kid: Kid,
    key: PublicKey,
}

/// Members in the order of `kid`, each of power 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Voters(Vec<Voter>);

/// Blocks are sent by other means than the library's: there are no parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoPart {}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Es256;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RawSignature(pub(super) [u8; 64]);

impl theirs::Context for Ctx {
    type Address = Kid;
    type Height = At;
    type ProposalPart = NoPart;
    type Proposal = Proposed;
    type Validator = Voter;
    type ValidatorSet = Voters;
    type Timeouts = theirs::LinearTimeouts;
    type Value = Id;
    type Vote = CastVote;
    type Extension = ();
    type SigningScheme = Es256;

    /// As [`sealane_core::agreement::proposer_of`].
    fn select_proposer<'a>(&self, voters: &'a Voters, height: At, round: Round) -> &'a Voter {
        let turn = (height.0 + u64::from(round.as_u32().unwrap_or_default())) % voters.0.len().max(1) as u64;
        &voters.0[turn as usize]
    }

    fn new_proposal(&self, height: At, round: Round, value: Id, pol_round: Round, by: Kid) -> Proposed {
        Proposed { height, round, value, pol_round, by }
    }

    fn new_prevote(&self, height: At, round: Round, value: NilOrVal<Id>, by: Kid) -> CastVote {
        CastVote { kind: VoteType::Prevote, height, round, value, by }
    }

    fn new_precommit(&self, height: At, round: Round, value: NilOrVal<Id>, by: Kid) -> CastVote {
        CastVote { kind: VoteType::Precommit, height, round, value, by }
    }
}

impl theirs::Height for At {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

impl theirs::Address for Kid {}

impl theirs::Value for Id {
    type Id = Self;

    fn id(&self) -> Self {
        *self
    }
}

impl theirs::Vote<Ctx> for CastVote {
    fn height(&self) -> At {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<Id> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<Id> {
        self.value
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &Kid {
        &self.by
    }

    fn extension(&self) -> Option<&theirs::SignedExtension<Ctx>> {
        None
    }

    fn take_extension(&mut self) -> Option<theirs::SignedExtension<Ctx>> {
        None
    }

    fn extend(self, _: theirs::SignedExtension<Ctx>) -> Self {
        self
    }
}

impl theirs::Proposal<Ctx> for Proposed {
    fn height(&self) -> At {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &Id {
        &self.value
    }

    fn take_value(self) -> Id {
        self.value
    }

    fn pol_round(&self) -> Round {
        self.pol_round
    }

    fn validator_address(&self) -> &Kid {
        &self.by
    }
}

impl theirs::Validator<Ctx> for Voter {
    fn address(&self) -> &Kid {
        &self.kid
    }

    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn voting_power(&self) -> theirs::VotingPower {
        1
    }
}

impl theirs::ValidatorSet<Ctx> for Voters {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn total_voting_power(&self) -> theirs::VotingPower {
        self.0.len() as u64
    }

    fn get_by_address(&self, address: &Kid) -> Option<&Voter> {
        self.0.binary_search_by_key(address, |voter| voter.kid).ok().and_then(|at| self.0.get(at))
    }

    fn get_by_index(&self, index: usize) -> Option<&Voter> {
        self.0.get(index)
    }
}

impl theirs::ProposalPart<Ctx> for NoPart {
    fn is_first(&self) -> bool {
        match *self {}
    }

    fn is_last(&self) -> bool {
        match *self {}
    }
}

impl theirs::SigningScheme for Es256 {
    type DecodingError = String;
    type Signature = RawSignature;
    type PublicKey = PublicKey;
    /// The key is where [`MemberSigner`](crate::ports::MemberSigner) has it.
    type PrivateKey = ();

    fn decode_signature(bytes: &[u8]) -> Result<RawSignature, String> {
        bytes.try_into().map(RawSignature).map_err(|_| format!("a signature is 64 bytes; this has {}", bytes.len()))
    }

    fn encode_signature(signature: &RawSignature) -> Vec<u8> {
        signature.0.to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<PublicKey, String> {
        PublicKey::from_sec1(bytes).map_err(|error| error.to_string())
    }

    fn encode_public_key(key: &PublicKey) -> Vec<u8> {
        key.sec1().to_vec()
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

pub(super) const fn at(height: Height) -> At {
    At(height.get())
}

/// The height of what the library hands out, which is the one that it was given.
pub(super) fn height_of(at: At) -> Height {
    Height::new(at.0).unwrap_or(Height::GENESIS)
}

/// The number of a round; the library has an unnumbered one only before a height begins.
pub(super) fn number_of(round: Round) -> u32 {
    round.as_u32().unwrap_or_default()
}

pub(super) const fn round_of(number: Option<u32>) -> Round {
    match number {
        Some(number) => Round::new(number),
        None => Round::Nil,
    }
}

pub(super) fn voters_of(members: &MemberSet) -> Voters {
    Voters(members.members().map(|member| Voter { kid: Kid(member.kid()), key: member.key().clone() }).collect())
}

const fn kind_of(kind: VoteType) -> VoteKind {
    match kind {
        VoteType::Prevote => VoteKind::Prevote,
        VoteType::Precommit => VoteKind::Precommit,
    }
}

const fn value_of(value: NilOrVal<Id>) -> Option<ValueId> {
    match value {
        NilOrVal::Nil => None,
        NilOrVal::Val(Id(value)) => Some(value),
    }
}

fn their_value(value: Option<ValueId>) -> NilOrVal<Id> {
    value.map_or(NilOrVal::Nil, |value| NilOrVal::Val(Id(value)))
}

const fn their_kind(kind: VoteKind) -> VoteType {
    match kind {
        VoteKind::Prevote => VoteType::Prevote,
        VoteKind::Precommit => VoteType::Precommit,
    }
}

/// A vote as the library made it, with a signature.
pub(super) fn vote_of(ballot: &CastVote, signature: RawSignature) -> Vote {
    Vote {
        kind: kind_of(ballot.kind),
        height: height_of(ballot.height),
        round: number_of(ballot.round),
        value: value_of(ballot.value),
        signer: ballot.by.0,
        signature: Signature::from_bytes(signature.0),
    }
}

pub(super) fn their_vote(vote: &Vote) -> theirs::SignedVote<Ctx> {
    let ballot = CastVote {
        kind: their_kind(vote.kind),
        height: at(vote.height),
        round: Round::new(vote.round),
        value: their_value(vote.value),
        by: Kid(vote.signer),
    };
    SignedMessage::new(ballot, RawSignature(*vote.signature.as_bytes()))
}

pub(super) fn proposal_of(proposed: &Proposed, signature: RawSignature) -> RoundProposal {
    RoundProposal {
        height: height_of(proposed.height),
        round: number_of(proposed.round),
        pol_round: proposed.pol_round.as_u32(),
        value: proposed.value.0,
        signer: proposed.by.0,
        signature: Signature::from_bytes(signature.0),
    }
}

pub(super) fn their_proposal(proposal: &RoundProposal) -> theirs::SignedProposal<Ctx> {
    let proposed = Proposed {
        height: at(proposal.height),
        round: Round::new(proposal.round),
        value: Id(proposal.value),
        pol_round: round_of(proposal.pol_round),
        by: Kid(proposal.signer),
    };
    SignedMessage::new(proposed, RawSignature(*proposal.signature.as_bytes()))
}

pub(super) fn polka_of(theirs: &theirs::PolkaCertificate<Ctx>) -> PolkaCertificate {
    let one = |entry: &theirs::PolkaSignature<Ctx>| PolkaSignature {
        kid: entry.address.0,
        signature: Signature::from_bytes(entry.signature.0),
    };
    let mut signatures: Vec<PolkaSignature> = theirs.polka_signatures.iter().map(one).collect();
    signatures.sort_by_key(|one| one.kid);
    signatures.dedup_by_key(|one| one.kid);
    PolkaCertificate {
        height: height_of(theirs.height),
        round: number_of(theirs.round),
        value: theirs.value_id.0,
        signatures,
    }
}

pub(super) fn their_polka(polka: &PolkaCertificate) -> theirs::PolkaCertificate<Ctx> {
    let one =
        |entry: &PolkaSignature| theirs::PolkaSignature::new(Kid(entry.kid), RawSignature(*entry.signature.as_bytes()));
    theirs::PolkaCertificate {
        height: at(polka.height),
        round: Round::new(polka.round),
        value_id: Id(polka.value),
        polka_signatures: polka.signatures.iter().map(one).collect(),
    }
}

pub(super) fn round_certificate_of(theirs: &theirs::RoundCertificate<Ctx>) -> RoundCertificate {
    let one = |entry: &theirs::RoundSignature<Ctx>| RoundSignature {
        kind: kind_of(entry.vote_type),
        value: value_of(entry.value_id),
        kid: entry.address.0,
        signature: Signature::from_bytes(entry.signature.0),
    };
    let mut signatures: Vec<RoundSignature> = theirs.round_signatures.iter().map(one).collect();
    signatures.sort_by_key(|one| one.kid);
    signatures.dedup_by_key(|one| one.kid);
    let justifies = match theirs.cert_type {
        theirs::RoundCertificateType::Skip => Justification::Enter,
        theirs::RoundCertificateType::Precommit => Justification::Leave,
    };
    RoundCertificate { height: height_of(theirs.height), round: number_of(theirs.round), justifies, signatures }
}

pub(super) fn their_round_certificate(certificate: &RoundCertificate) -> theirs::RoundCertificate<Ctx> {
    let one = |entry: &RoundSignature| {
        let signature = RawSignature(*entry.signature.as_bytes());
        theirs::RoundSignature::new(their_kind(entry.kind), their_value(entry.value), Kid(entry.kid), signature)
    };
    theirs::RoundCertificate {
        height: at(certificate.height),
        round: Round::new(certificate.round),
        cert_type: match certificate.justifies {
            Justification::Enter => theirs::RoundCertificateType::Skip,
            Justification::Leave => theirs::RoundCertificateType::Precommit,
        },
        round_signatures: certificate.signatures.iter().map(one).collect(),
    }
}

/// A timer; `None` of the one that the library sets only where blocks are to come at fixed times, which is nowhere here.
pub(super) const fn timer_of(timeout: theirs::Timeout) -> Option<Timer> {
    let kind = match timeout.kind {
        TimeoutKind::Propose => TimerKind::Propose,
        TimeoutKind::Prevote => TimerKind::Prevote,
        TimeoutKind::Precommit => TimerKind::Precommit,
        TimeoutKind::Rebroadcast => TimerKind::Rebroadcast,
        TimeoutKind::FinalizeHeight(_) => return None,
    };
    match timeout.round {
        Round::Some(round) => Some(Timer { kind, round }),
        Round::Nil => None,
    }
}

pub(super) const fn their_timeout(timer: Timer) -> theirs::Timeout {
    let kind = match timer.kind {
        TimerKind::Propose => TimeoutKind::Propose,
        TimerKind::Prevote => TimeoutKind::Prevote,
        TimerKind::Precommit => TimeoutKind::Precommit,
        TimerKind::Rebroadcast => TimeoutKind::Rebroadcast,
    };
    theirs::Timeout::new(Round::new(timer.round), kind)
}

pub(super) fn logged_value_of(value: &ProposedValue<Ctx>) -> LoggedValue {
    LoggedValue {
        round: number_of(value.round),
        valid_round: value.valid_round.as_u32(),
        proposer: value.proposer.0,
        value: value.value.0,
        valid: value.validity.is_valid(),
    }
}

pub(super) fn their_proposed_value(height: Height, value: &LoggedValue) -> ProposedValue<Ctx> {
    ProposedValue {
        height: at(height),
        round: Round::new(value.round),
        valid_round: round_of(value.valid_round),
        proposer: Kid(value.proposer),
        value: Id(value.value),
        validity: Validity::from_bool(value.valid),
    }
}
