//! The state of the consortium: a fold over admin statements in ledger order, the same on every node.
//!
//! [`Registry::decide`] takes every admin statement of a ledger. [`Registry::apply_shown`] takes those that evidence shows to its
//! verifiers, who see a part of the statements: registrations, endorsements, renewals, revocations, and proposals about
//! participants. Votes are counted by who sees all of them; [`Registry::enact_shown`] makes the changes of a proposal that is
//! proven to have been enacted.

mod changes;
mod decided;
mod endorsements;
mod faults;
mod kept;
mod members;
mod participants;
mod policies;
mod proposals;
mod refusal;
mod shown;

use std::collections::{BTreeMap, HashMap};

use crate::block::{Height, MemberSet, Origin};
use crate::consortium::admin::Admin;
use crate::consortium::claims::ParticipantId;
use crate::consortium::genesis::Genesis;
use crate::consortium::participant::Participant;
use crate::consortium::place::Place;
use crate::consortium::registry::decided::Decided;
use crate::consortium::registry::kept::Proposals;
use crate::consortium::registry::members::MemberHistory;
use crate::hash::Hash;
use crate::merkle::LeafIndex;
use crate::statement::{PublicKey, SignatureVerifier, StatementId};
use crate::time::Timestamp;

pub use changes::{DecidedRules, NextRules, member_proof_bytes};
pub use decided::{AuthorityGrant, Dismissal, Lift, Succeeded};
pub use faults::MemberFault;
pub use members::MemberChange;
pub use policies::{ENDORSED_FROM_MEMBERS, Policies, PolicySet, QuotaLimits};
pub use proposals::{CastBallot, LedgerProposal, ProposalEnd, Proposed, Tally};
pub use refusal::{ChangeRefusal, Conflict, EndorsementRefusal, FaultRefusal, ProposalRefusal, Refusal, SignerRefusal};

/// An admin statement where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    pub id: StatementId,
    pub admin: &'a Admin,
    /// The key that signed it.
    pub kid: Hash,
    pub place: Place,
    /// Of its block.
    pub height: Height,
}

/// Members and participants with their whole history, and what the members have decided.
#[derive(Debug, Clone)]
pub struct Registry {
    origin: Origin,
    history: MemberHistory,
    participants: BTreeMap<ParticipantId, Participant>,
    by_certificate: HashMap<Hash, ParticipantId>,
    by_leaf: BTreeMap<LeafIndex, ParticipantId>,
    /// Keys ever certified: a key belongs to one participant for good.
    by_key: HashMap<Hash, ParticipantId>,
    /// Who claims a company prefix, a namespace (with `https` as `http`) or a GLN, or did before it was revoked. No text
    /// is two of these: they have 4 to 12 digits, a colon, and 13 digits.
    by_claim: HashMap<String, Vec<ParticipantId>>,
    proposals: Proposals,
    /// The proposals that evidence may show, by their leaves.
    proposed: BTreeMap<LeafIndex, Proposed>,
    policies: Policies,
    rules: DecidedRules,
    faults: Vec<MemberFault>,
    decided: Decided,
}

impl Registry {
    /// Begins with the genesis statement's content.
    pub fn new(genesis: &Genesis) -> Self {
        Self {
            origin: genesis.origin.clone(),
            history: MemberHistory::new(genesis.members.clone()),
            participants: BTreeMap::new(),
            by_certificate: HashMap::new(),
            by_leaf: BTreeMap::new(),
            by_key: HashMap::new(),
            by_claim: HashMap::new(),
            proposals: Proposals::default(),
            proposed: BTreeMap::new(),
            policies: Policies::default(),
            rules: DecidedRules { number: genesis.rules, next: None },
            faults: Vec::new(),
            decided: Decided::default(),
        }
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The members in force for the next statement. From the statement on that enacts a change of them, these are the members
    /// of the next block; that statement is the last one of its own.
    pub fn members(&self) -> &MemberSet {
        self.history.last_set()
    }

    /// The members whose quorum makes the block of a height final, as far as is decided.
    pub fn members_at(&self, height: Height) -> &MemberSet {
        self.history.at(height)
    }

    /// Every set of members with the first height that it makes final, in order; the founders from genesis on.
    pub fn member_changes(&self) -> impl DoubleEndedIterator<Item = &MemberChange> {
        self.history.changes()
    }

    /// The policies that the members have set.
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// The rules in force, and those that come after them.
    pub fn rules(&self) -> &DecidedRules {
        &self.rules
    }

    /// The number of the rules for the next block, if it is closed at a time.
    pub fn rules_at(&self, time: Timestamp) -> u32 {
        self.rules.at(time)
    }

    /// The key by which an admin statement of `kid` has to verify: a member's in force, or one that an open proposal brings in,
    /// which may say that it is ready and nothing else.
    pub fn admin_key(&self, kid: &Hash) -> Option<&PublicKey> {
        self.members().get(kid).map(crate::block::Member::key).or_else(|| self.incoming_key(kid))
    }

    /// Tells whether two keys are one member's: the same key, or one came in place of the other.
    fn is_one_member(&self, one: Hash, other: Hash) -> bool {
        self.history.present_key(one) == self.history.present_key(other)
    }

    /// Takes an admin statement of a ledger of which all statements are taken, in order. Returns the proposal that it enacts, if
    /// it does: no further statement may stand in its block then.
    ///
    /// # Errors
    ///
    /// The rule by which it cannot stand there. Nothing is changed then.
    pub fn decide(
        &mut self,
        decision: &Decision<'_>,
        verifier: &dyn SignatureVerifier,
    ) -> Result<Option<StatementId>, Refusal> {
        self.check(decision, verifier)?;
        let about = match decision.admin {
            Admin::Proposal(content) => {
                self.add_proposal(content, decision);
                Some(decision.id)
            }
            Admin::Withdrawal(withdrawal) => {
                self.end_proposal(&withdrawal.proposal, ProposalEnd::Withdrawn, decision.place);
                None
            }
            Admin::Ballot(ballot) => {
                self.cast(ballot, decision);
                Some(ballot.proposal)
            }
            Admin::Ready(ready) => {
                self.note_ready(ready, decision);
                Some(ready.proposal)
            }
            Admin::Fault(proof) => {
                self.record_fault(proof, decision.place);
                None
            }
            Admin::Registration(registration) => {
                self.register(registration, &decision.kid, decision.place);
                None
            }
            Admin::Renewal(renewal) => {
                self.certify(&renewal.participant, &renewal.certificate, decision.place);
                None
            }
            Admin::Revocation(one) => {
                self.end_alone(one, &decision.kid, decision.place);
                None
            }
            Admin::Endorsement(endorsement) => {
                self.endorse(endorsement, &decision.kid, decision.place);
                None
            }
            // Refused.
            Admin::Genesis(_) | Admin::Rejection(_) => None,
        };
        let enacted = about.and_then(|id| self.enact_if_complete(&id, decision));
        self.settle(decision);
        Ok(enacted)
    }

    /// Says whether an admin statement may stand where it is said to. Which block a `ready` names is looked at in
    /// `ledger::place`, which knows the blocks.
    pub fn check(&self, decision: &Decision<'_>, verifier: &dyn SignatureVerifier) -> Result<(), Refusal> {
        let Decision { admin, kid, place, .. } = decision;
        // The one that a key may sign which is no member's yet.
        if !matches!(admin, Admin::Ready(_)) {
            self.members().get(kid).ok_or(Refusal::NotAMember { kid: *kid })?;
        }
        match admin {
            Admin::Genesis(_) => Err(Refusal::Genesis),
            Admin::Rejection(_) => Err(Refusal::Rejection),
            Admin::Registration(registration) => self.check_registration(registration, *place),
            Admin::Renewal(renewal) => self.check_renewal(renewal, *place, verifier),
            Admin::Revocation(revocation) => self.check_revocation(revocation, kid),
            Admin::Endorsement(endorsement) => self.check_endorsement(endorsement, kid),
            Admin::Proposal(content) => self.check_proposal(content, decision, verifier),
            Admin::Withdrawal(withdrawal) => self.check_withdrawal(withdrawal, decision),
            Admin::Ballot(ballot) => self.check_ballot(ballot, decision),
            Admin::Ready(ready) => self.check_ready(ready, decision),
            Admin::Fault(proof) => self.check_fault(proof, decision, verifier),
        }
    }
}
#[cfg(test)]
mod tests;
