//! Why an admin statement, or a certificate, may not stand at a place.

use crate::agreement::EquivocationError;
use crate::block::{Height, MemberSetError};
use crate::consortium::claims::ParticipantId;
use crate::consortium::participant::RevokedBy;
use crate::consortium::registry::proposals::ProposalEnd;
use crate::gs1::Id;
use crate::hash::Hash;
use crate::limits::{
    FAULT_HEIGHTS_APART_MIN, FAULT_HEIGHTS_MAX, FUTILE_PROPOSALS_MAX, FUTILE_PROPOSALS_PER_DAY_MAX, OPEN_PROPOSALS_MAX,
    PROPOSAL_DAYS_MAX, READY_MINUTES_MAX, READY_PAUSE_MINUTES_MIN,
};
use crate::merkle::LeafIndex;
use crate::statement::StatementId;
use crate::time::Timestamp;

/// A claim that another participant holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {claim} {}", clash(claim, held, holder))]
pub struct Conflict {
    /// `company prefix`, `namespace`, `GLN` or `key`.
    pub what: &'static str,
    pub claim: String,
    pub held: String,
    pub holder: ParticipantId,
}

/// Why an admin statement cannot stand at a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("only a member may sign an admin statement, and {kid} is no member's key")]
    NotAMember { kid: Hash },
    #[error("a genesis statement is leaf 0 and nothing else")]
    Genesis,
    #[error("participant {participant} is registered already")]
    AlreadyRegistered { participant: ParticipantId },
    #[error("participant {participant} is not registered")]
    UnknownParticipant { participant: ParticipantId },
    #[error("participant {participant} has been revoked")]
    Revoked { participant: ParticipantId },
    #[error(
        "participant {participant} was registered by the member {registered_by}; another member ends a registration by a \
         proposal with the change revoke, on which all members vote"
    )]
    NotItsRegistrar { participant: ParticipantId, registered_by: Hash },
    #[error(transparent)]
    Conflict(#[from] Conflict),
    #[error("the renewal is not agreed to by the participant's current key: {detail}")]
    Consent { detail: &'static str },
    #[error("the certificate's notAfter {not_after} is past already by the ledger's time, {at}")]
    Expired { not_after: Timestamp, at: Timestamp },
    #[error("the certificate is registered already")]
    CertificateRepeated,
    #[error("a rejection answers a pending request and never enters the ledger")]
    Rejection,
    #[error(transparent)]
    Endorsement(#[from] EndorsementRefusal),
    #[error(transparent)]
    Proposal(#[from] ProposalRefusal),
    #[error(transparent)]
    Fault(#[from] FaultRefusal),
    #[error("a {what} is counted by who follows the whole ledger; these are parts of it")]
    OfTheWholeLedger { what: &'static str },
}

/// Why a member's word for a registration does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndorsementRefusal {
    #[error("participant {participant} was registered by this member; another member has to endorse it")]
    OwnRegistration { participant: ParticipantId },
    #[error("this member has endorsed participant {participant} already; each member's word counts once")]
    Repeated { participant: ParticipantId },
    #[error("participant {participant} is endorsed by all the members that it needs")]
    NotNeeded { participant: ParticipantId },
}

/// Why a proposal, or what is said to one, cannot stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposalRefusal {
    #[error(
        "a proposal expires later than its block's time ({at}) and at most {PROPOSAL_DAYS_MAX} days after it; this expires at {expires}"
    )]
    Expires { expires: Timestamp, at: Timestamp },
    #[error("a member has at most {OPEN_PROPOSALS_MAX} open proposals; withdraw one of them first")]
    TooManyOpen,
    #[error(
        "a member makes at most {FUTILE_PROPOSALS_PER_DAY_MAX} proposals in 24 hours that are not enacted; there is room for another \
         one of this member from {until} on, by the time of blocks, or once one of them is enacted"
    )]
    TooManyInADay { until: Timestamp },
    #[error(
        "a member makes at most {FUTILE_PROPOSALS_MAX} proposals about one participant that are not enacted, since all evidence \
         about its goods shows each of them; this member has made as many about participant {participant}: another member has to \
         propose it"
    )]
    TooManyAbout { participant: ParticipantId },
    #[error("{voters} of the members may vote on this, and {quorum} have to say yes: it could never pass")]
    TooFewVoters { voters: usize, quorum: usize },
    #[error("change {at}, from 0, cannot be made: {error}")]
    Change { at: usize, error: ChangeRefusal },
    #[error("no proposal on this ledger has the id {proposal}")]
    Unknown { proposal: StatementId },
    #[error("the proposal {proposal} {end}: nothing is said to it any more")]
    Closed { proposal: StatementId, end: ProposalEnd },
    #[error("the proposal {proposal} was made by another member; only that one may withdraw it")]
    NotItsProposer { proposal: StatementId },
    #[error(
        "this member has voted on the proposal {proposal} already; a member's first ballot counts, and a proposal is its proposer's yes"
    )]
    AlreadyVoted { proposal: StatementId },
    #[error("a member does not vote on its own removal where there are 4 members or more")]
    OwnRemoval { proposal: StatementId },
    #[error(
        "the proposal {proposal} asks this key for no readiness; it asks the keys that it brings in, and for a change of \
         the rules the members"
    )]
    ReadyNotAsked { proposal: StatementId },
    #[error(
        "{yes} of {quorum} members have said yes to the proposal {proposal}; a new key says that it is ready when all of \
         them have"
    )]
    ReadyTooEarly { proposal: StatementId, yes: usize, quorum: usize },
    #[error(
        "this key has said at {last} that it is ready; it says so again {READY_PAUSE_MINUTES_MIN} minutes later at the earliest"
    )]
    ReadyTooSoon { last: Timestamp },
    #[error(
        "height {height} is of no final block of this ledger within the last {READY_MINUTES_MAX} minutes: it is another height, or too old; name the last block"
    )]
    ReadyHeight { height: Height },
    #[error("the tree after block {height} has another root; the node that is ready has another ledger")]
    ReadyRoot { height: Height },
}

/// Why a change cannot be made, when it is proposed or later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefusal {
    #[error("{kid} is no member's key")]
    NoMember { kid: Hash },
    #[error("the member {kid} is changed twice")]
    MemberTwice { kid: Hash },
    #[error("a member has the name {name:?} already; members have different names")]
    NameTaken { name: String },
    #[error("the key {kid} is or was a member's or a participant's; a member's key is new")]
    KeyUsed { kid: Hash },
    #[error("the noteKey {note_key} is or was a member's; a member's noteKey is new")]
    NoteKeyUsed { note_key: String },
    #[error(
        "the first 16 bytes of {kid} are those of {other}, which is or was a member's; the index names members by them"
    )]
    Alike { kid: Hash, other: Hash },
    #[error("the members after it: {0}")]
    Members(MemberSetError),
    #[error("the proof by the key {kid} does not hold for its member entry and this origin")]
    Proof { kid: Hash },
    #[error("participant {participant} is not registered")]
    UnknownParticipant { participant: ParticipantId },
    #[error("participant {participant} is revoked already, or twice by this proposal")]
    RevokedAlready { participant: ParticipantId },
    #[error("the registration of participant {participant} has ended")]
    Ended { participant: ParticipantId },
    #[error("participant {participant} is not registered with the role authority, which stands alone")]
    OtherRole { participant: ParticipantId },
    #[error("participant {participant} is an authority already, or made one twice by this proposal")]
    AuthorityAlready { participant: ParticipantId },
    #[error("participant {by} goes on for participant {former} already")]
    SucceededAlready { former: ParticipantId, by: ParticipantId },
    #[error("participant {former} goes on for participant {participant}: neither can go on for itself")]
    SuccessionCircle { former: ParticipantId, participant: ParticipantId },
    #[error("leaf {leaf} is not before the proposal's own, which is {own}: nothing is decided on what is not said yet")]
    NotBefore { leaf: LeafIndex, own: LeafIndex },
    #[error(
        "participant {participant} has signed no capture in {}: there is nothing to dismiss",
        if from == to { format!("leaf {from}") } else { format!("the leaves {from} to {to}") }
    )]
    NothingToDismiss { participant: ParticipantId, from: LeafIndex, to: LeafIndex },
    #[error("leaf {leaf} neither recalls {id} nor takes a recall of it back: there is nothing to lift")]
    NoRecall { leaf: LeafIndex, id: Id },
    #[error(
        "single participants would be granted {granted} new ids in all, and the ledger takes {most} subjects: raise subjectsMax first, \
         or grant less"
    )]
    GrantedTooMuch { granted: u64, most: u64 },
    #[error("the policy {name} is set twice")]
    PolicyTwice { name: &'static str },
    #[error("the rules are changed twice")]
    RulesTwice,
    #[error("the rules {number} are not after those in force, {in_force}")]
    RulesNotLater { number: u32, in_force: u32 },
}

/// Why a fault statement proves nothing, or nothing new.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultRefusal {
    #[error("it proves nothing: {0}")]
    ProvesNothing(EquivocationError),
    #[error("its height {height} is not one of the last {FAULT_HEIGHTS_MAX} before {now}")]
    Height { height: Height, now: Height },
    #[error(
        "a fault of {kid} at height {height} is on the ledger; a further one counts {FAULT_HEIGHTS_APART_MIN} heights away from it"
    )]
    Repeated { kid: Hash, height: Height },
}

/// Why a certificate may not sign at a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignerRefusal {
    #[error("no registered certificate has the thumbprint {thumbprint}")]
    Unknown { thumbprint: Hash },
    #[error("the registration of participant {participant} was revoked {}at {since}: {reason}", by_vote(*by))]
    Revoked { participant: ParticipantId, since: Timestamp, reason: String, by: RevokedBy },
    #[error(
        "participant {participant} is pending: {missing} of {needed} members that have to endorse its registration (leaf \
         {registered}) have not done so before this leaf"
    )]
    NotEndorsed { participant: ParticipantId, missing: u64, needed: u64, registered: LeafIndex },
    #[error("the certificate expired at {not_after}, by the ledger's time, {at}")]
    Expired { not_after: Timestamp, at: Timestamp },
    #[error("the certificate is valid from {not_before} only, by the ledger's time, {at}")]
    NotYetValid { not_before: Timestamp, at: Timestamp },
}

/// Who revoked a registration, if that was not one member alone.
const fn by_vote(by: RevokedBy) -> &'static str {
    match by {
        RevokedBy::Member(_) => "",
        RevokedBy::Vote(_) => "by the members' vote ",
    }
}

/// The end of a conflict's message: whose the claim is, or what of whose it overlaps.
fn clash(claim: &str, held: &str, holder: &ParticipantId) -> String {
    if claim == held {
        format!("is held by participant {holder}")
    } else {
        format!("collides with {held}, which participant {holder} holds")
    }
}
