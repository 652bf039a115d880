//! What the members have decided about what participants say: whose claims count no more, which recalls are lifted, who is an
//! authority, and who goes on for whom.
//!
//! Nothing here judges. A verdict asks, and says what follows.

use std::collections::{BTreeMap, BTreeSet};

use crate::consortium::admin::{ChangeProposal, DismissClaims, LeafRange, LiftRecall, ProposedChange, Succession};
use crate::consortium::claims::{ParticipantId, Role};
use crate::consortium::participant::RevokedBy;
use crate::consortium::place::Place;
use crate::consortium::registry::Registry;
use crate::consortium::registry::refusal::{ChangeRefusal, ProposalRefusal};
use crate::gs1::Id;
use crate::merkle::LeafIndex;
use crate::statement::StatementId;

/// The end of what a participant claimed in some leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dismissal {
    /// Ascending.
    pub claims: Vec<LeafRange>,
    pub reason: String,
    /// Who decided: the members on a proposal, or by a revocation that dismisses all that its participant had claimed.
    pub by: RevokedBy,
    /// Of the statement that decided it.
    pub at: Place,
}

/// The end of a recall for some ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lift {
    /// The leaf of the recall.
    pub recall: LeafIndex,
    pub ids: Vec<Id>,
    pub reason: String,
    pub proposal: StatementId,
    pub at: Place,
}

/// The members' word that a participant is an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthorityGrant {
    pub proposal: StatementId,
    pub at: Place,
}

/// The members' word that a registration goes on for another, for the custody of goods and not for recalls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succeeded {
    pub former: ParticipantId,
    pub participant: ParticipantId,
    pub proposal: StatementId,
    pub at: Place,
}

/// All that was decided so, in ledger order.
#[derive(Debug, Clone, Default)]
pub(super) struct Decided {
    dismissals: BTreeMap<ParticipantId, Vec<Dismissal>>,
    lifts: BTreeMap<LeafIndex, Vec<Lift>>,
    authorities: BTreeMap<ParticipantId, AuthorityGrant>,
    /// By who went before.
    successors: BTreeMap<ParticipantId, Succeeded>,
}

impl Dismissal {
    /// Tells whether it is about a leaf of its participant.
    pub fn covers(&self, leaf: LeafIndex) -> bool {
        let at = self.claims.partition_point(|range| range.to < leaf);
        self.claims.get(at).is_some_and(|range| range.from <= leaf)
    }
}

impl Registry {
    /// The first dismissal of what a participant claimed in a leaf. Whether the leaf holds a claim, and no record of who had the
    /// goods, is for the verdict.
    pub fn is_dismissed(&self, signer: &ParticipantId, leaf: LeafIndex) -> Option<&Dismissal> {
        self.dismissals_of(signer).find(|one| one.covers(leaf))
    }

    /// The dismissals of a participant's claims, in ledger order.
    pub fn dismissals_of(&self, signer: &ParticipantId) -> impl Iterator<Item = &Dismissal> {
        self.decided.dismissals.get(signer).into_iter().flatten()
    }

    /// The decisions that lift the recall in a leaf for an id, in ledger order.
    pub fn lifts_of(&self, recall: LeafIndex, id: &Id) -> impl Iterator<Item = &Lift> {
        self.decided.lifts.get(&recall).into_iter().flatten().filter(move |one| one.ids.contains(id))
    }

    /// Tells whether a participant is an authority at a leaf: the members have decided so on an earlier one, and its registration is
    /// in force there.
    pub fn is_authority_at(&self, participant: &ParticipantId, leaf: LeafIndex) -> bool {
        let is_granted = self.authority(participant).is_some_and(|grant| grant.at.leaf < leaf);
        is_granted && self.participant(participant).is_some_and(|one| one.in_force_at(leaf))
    }

    /// The decision that made a participant an authority.
    pub fn authority(&self, participant: &ParticipantId) -> Option<&AuthorityGrant> {
        self.decided.authorities.get(participant)
    }

    /// All whom the members have made an authority, whatever has become of their registrations.
    pub fn authorities(&self) -> impl Iterator<Item = (&ParticipantId, &AuthorityGrant)> {
        self.decided.authorities.iter()
    }

    /// Who goes on for a participant.
    pub fn successor_of(&self, former: &ParticipantId) -> Option<&Succeeded> {
        self.decided.successors.get(former)
    }

    /// All who go on for some participants, and who go on for those in turn, but these participants themselves.
    pub fn successors_of<'a>(&'a self, formers: &BTreeSet<&'a ParticipantId>) -> BTreeSet<&'a ParticipantId> {
        let next = |former: &ParticipantId| self.successor_of(former).map(|one| &one.participant);
        let mut due: Vec<&ParticipantId> = formers.iter().filter_map(|former| next(former)).collect();
        let mut successors = BTreeSet::new();
        while let Some(one) = due.pop() {
            if !formers.contains(one) && successors.insert(one) {
                due.extend(next(one));
            }
        }
        successors
    }

    /// Those for whom a participant goes on.
    pub fn succeeded_by<'a>(&'a self, participant: &'a ParticipantId) -> impl Iterator<Item = &'a Succeeded> {
        self.decided.successors.values().filter(move |one| one.participant == *participant)
    }

    /// The participant that is meant where one is named as having goods, at a leaf: itself, or the last of those who go on for it and
    /// were registered on an earlier leaf.
    pub fn custodian_at<'a>(&'a self, participant: &'a ParticipantId, leaf: LeafIndex) -> &'a ParticipantId {
        let is_there =
            |one: &&Succeeded| self.participant(&one.participant).is_some_and(|new| new.registered.leaf < leaf);
        let mut last = participant;
        // No one goes on for itself, by however many steps.
        while let Some(next) = self.successor_of(last).filter(is_there) {
            last = &next.participant;
        }
        last
    }

    pub(super) fn dismiss(&mut self, change: &DismissClaims, proposal: StatementId, at: Place) {
        let DismissClaims { participant, claims, reason } = change;
        let (claims, reason, by) = (claims.clone(), reason.clone(), RevokedBy::Vote(proposal));
        self.add_dismissal(participant, Dismissal { claims, reason, by, at });
    }

    /// Dismisses all that a participant had claimed before the end of its registration.
    pub(super) fn dismiss_all(&mut self, participant: &ParticipantId, reason: &str, by: RevokedBy, at: Place) {
        let Some(to) = at.leaf.get().checked_sub(1).and_then(|leaf| LeafIndex::new(leaf).ok()) else { return };
        let Ok(from) = LeafIndex::new(0) else { return };
        let claims = vec![LeafRange { from, to }];
        self.add_dismissal(participant, Dismissal { claims, reason: reason.to_owned(), by, at });
    }

    fn add_dismissal(&mut self, participant: &ParticipantId, dismissal: Dismissal) {
        self.decided.dismissals.entry(*participant).or_default().push(dismissal);
    }

    pub(super) fn lift(&mut self, change: &LiftRecall, proposal: StatementId, at: Place) {
        let LiftRecall { recall, ids, reason } = change;
        let (recall, ids, reason) = (*recall, ids.clone(), reason.clone());
        self.decided.lifts.entry(recall).or_default().push(Lift { recall, ids, reason, proposal, at });
    }

    pub(super) fn grant_authority(&mut self, participant: &ParticipantId, proposal: StatementId, at: Place) {
        self.decided.authorities.entry(*participant).or_insert(AuthorityGrant { proposal, at });
    }

    pub(super) fn succeed(&mut self, change: &Succession, proposal: StatementId, at: Place) {
        let Succession { former, participant } = change.clone();
        let succeeded = Succeeded { former, participant, proposal, at };
        self.decided.successors.entry(former).or_insert(succeeded);
    }

    /// Tells whether a participant may become an authority.
    pub(super) fn check_authority(&self, participant: &ParticipantId) -> Result<(), ChangeRefusal> {
        let id = || *participant;
        let Some(found) = self.participant(participant) else {
            return Err(ChangeRefusal::UnknownParticipant { participant: id() });
        };
        if found.revoked.is_some() {
            return Err(ChangeRefusal::Ended { participant: id() });
        }
        if !found.has_role(Role::Authority) {
            return Err(ChangeRefusal::OtherRole { participant: id() });
        }
        if self.authority(participant).is_some() {
            return Err(ChangeRefusal::AuthorityAlready { participant: id() });
        }
        Ok(())
    }

    /// Tells whether one registration may go on for another: it is in force, the other has no successor, and does not go on for it.
    pub(super) fn check_succession(&self, change: &Succession) -> Result<(), ChangeRefusal> {
        let Succession { former, participant } = change;
        if self.participant(participant).is_some_and(|one| one.revoked.is_some()) {
            return Err(ChangeRefusal::Ended { participant: *participant });
        }
        if let Some(Succeeded { participant, .. }) = self.successor_of(former) {
            return Err(ChangeRefusal::SucceededAlready { former: *former, by: *participant });
        }
        let mut last = participant;
        while let Some(next) = self.successor_of(last) {
            last = &next.participant;
        }
        if last == former {
            return Err(ChangeRefusal::SuccessionCircle { former: *former, participant: *participant });
        }
        Ok(())
    }

    /// Checks that what a proposal dismisses or lifts lies before its own leaf.
    pub(super) fn check_own_leaf(content: &ChangeProposal, own: LeafIndex) -> Result<(), ProposalRefusal> {
        for (at, change) in content.changes.iter().enumerate() {
            let last = match change {
                ProposedChange::Dismiss(one) => one.claims.last().map(|range| range.to),
                ProposedChange::Lift(one) => Some(one.recall),
                _ => None,
            };
            if let Some(leaf) = last.filter(|leaf| *leaf >= own) {
                return Err(ProposalRefusal::Change { at, error: ChangeRefusal::NotBefore { leaf, own } });
            }
        }
        Ok(())
    }
}
