//! Who may say what: members, participants and their rights, as a fold over admin statements in ledger order.
//!
//! The ledger is the authority, never a certificate file: a participant's statement counts when its registration
//! stands before it and was in force at its place.

mod admin;
mod certificates;
mod claims;
mod contact;
mod facts;
mod genesis;
mod invitation;
mod lei;
mod participant;
mod place;
mod registry;
pub mod rights;
mod word;

pub use admin::{
    Admin, AdminError, AdmitMember, Ballot, CertificateRecord, ChangeProposal, DismissClaims, Endorsement, FaultProof,
    GrantAuthority, LeafRange, LeavesPerDay, LiftRecall, LookedAt, PolicyChange, PolicyName, PolicyValue,
    ProposalWithdrawal, ProposedChange, Readiness, Registration, Rejection, RemoveMember, Renewal, ReplaceMember,
    Revocation, RevokeParticipant, RulesChange, SignedKind, SignedVote, Succession, TermsPolicy, renewal_consent,
};
pub use certificates::{CertificateFacts, CertificateReader, RequestedKey, check_record};
pub use claims::{ClaimError, Namespace, Organization, ParticipantId, Role, is_invisible};
pub use contact::{Contact, ContactError};
pub use facts::{Contradiction, EventFact, EventKey};
pub use genesis::{Continues, Founder, Genesis, RULES, founder_bytes, knows_rules};
pub use invitation::{INVITATION_AGE_MS_MAX, Invitation, InvitationError};
pub use lei::{Lei, LeiError};
pub use participant::{Certified, Claims, Endorsed, Participant, Revoked, RevokedBy, Standing};
pub use place::Place;
pub use registry::{
    AuthorityGrant, CastBallot, ChangeRefusal, Conflict, DecidedRules, Decision, Dismissal, ENDORSED_FROM_MEMBERS,
    EndorsementRefusal, FaultRefusal, LedgerProposal, Lift, MemberChange, MemberFault, NextRules, Policies, PolicySet,
    ProposalEnd, ProposalRefusal, Proposed, QuotaLimits, Refusal, Registry, SignerRefusal, Succeeded, Tally,
    member_proof_bytes,
};
pub use word::{ConsoleLink, MemberQuestion, WORD_AGE_MS_MAX, WORD_AHEAD_MS_MAX, WordError, signed_word};
