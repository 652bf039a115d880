//! The fold as a verifier of evidence does it: over the statements that it is shown, of all that the ledger has.
//!
//! Who was a member where a statement stands, the verifier finds out by the handovers, and which proposals were enacted by the
//! seals that name them. Who registered and who ended a registration alone, how many endorsed it, and how the members counted, it
//! believes the quorum that signed: it does not see all statements, nor the policies that were in force.

use std::sync::Arc;

use crate::consortium::admin::{Admin, ProposedChange};
use crate::consortium::place::Place;
use crate::consortium::registry::{Decision, Proposed, Refusal, Registry};
use crate::merkle::LeafIndex;
use crate::statement::SignatureVerifier;

impl Registry {
    /// Applies an admin statement at its place on the ledger. The caller MUST have checked that who signed it was a member in
    /// force there, and have called [`Self::enact_shown`] for what was enacted before it. What is not shown collides with
    /// nothing. An endorsement is read and changes nothing: that a participant had enough of them where it signed, the quorum
    /// has seen. A proposal changes nothing either.
    ///
    /// # Errors
    ///
    /// Why it cannot stand there, as far as the statements before it tell; `OfTheWholeLedger` for what is counted.
    pub fn apply_shown(&mut self, decision: &Decision<'_>, verifier: &dyn SignatureVerifier) -> Result<(), Refusal> {
        let Decision { id, admin, kid, place, .. } = *decision;
        match admin {
            Admin::Genesis(_) => Err(Refusal::Genesis),
            Admin::Rejection(_) => Err(Refusal::Rejection),
            Admin::Registration(registration) => {
                self.check_registration(registration, place)?;
                self.register(registration, &kid, place);
                if let Some(participant) = self.participants.get_mut(&registration.participant) {
                    participant.endorsements_needed = 0;
                }
                Ok(())
            }
            Admin::Renewal(renewal) => {
                self.check_renewal(renewal, place, verifier)?;
                self.certify(&renewal.participant, &renewal.certificate, place);
                Ok(())
            }
            Admin::Revocation(one) => {
                self.in_force(&one.participant)?;
                self.end_alone(one, &kid, place);
                Ok(())
            }
            Admin::Endorsement(endorsement) => self.in_force(&endorsement.registration).map(drop),
            Admin::Proposal(content) => {
                self.note_proposed(id, &Arc::new(content.clone()), place.leaf);
                Ok(())
            }
            Admin::Withdrawal(_) | Admin::Ballot(_) | Admin::Ready(_) | Admin::Fault(_) => {
                Err(Refusal::OfTheWholeLedger { what: admin.type_name() })
            }
        }
    }

    /// Makes those changes of the proposal at a leaf that a verdict reads: dismissals, lifts, authorities, successions, the policies
    /// of the verdict, and the ends of registrations that are shown here. The caller MUST have checked that it was enacted, by the
    /// statement at `place`.
    ///
    /// # Errors
    ///
    /// `Revoked` if a registration that it ends had ended before.
    pub fn enact_shown(&mut self, proposal: LeafIndex, place: Place) -> Result<(), Refusal> {
        let Some(Proposed { id, content }) = self.proposed_at(proposal).cloned() else { return Ok(()) };
        for change in &content.changes {
            match change {
                ProposedChange::Revoke(change) => match self.in_force(&change.participant) {
                    // Of a registration that is not shown, what the decision dismisses counts all the same.
                    Ok(_) | Err(Refusal::UnknownParticipant { .. }) => self.end_by_vote(change, id, place),
                    Err(refusal) => return Err(refusal),
                },
                ProposedChange::Dismiss(change) => self.dismiss(change, id, place),
                ProposedChange::Lift(change) => self.lift(change, id, place),
                ProposedChange::Authority(change) => self.grant_authority(&change.registration, id, place),
                ProposedChange::Succeeds(change) => self.succeed(change, id, place),
                ProposedChange::Policy(change) if change.name().is_of_verdict() => self.policies.set(change, place),
                ProposedChange::Policy(_)
                | ProposedChange::Admit(_)
                | ProposedChange::Remove(_)
                | ProposedChange::Replace(_)
                | ProposedChange::Rules(_) => {}
            }
        }
        Ok(())
    }
}
