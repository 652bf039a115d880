//! The fold as a verifier of evidence does it: over the statements that it is shown, of all that the ledger has.
//!
//! Who was a member where a statement stands, the verifier finds out by the handovers. Who registered and who ended a registration,
//! how many endorsed it, and how the members counted, it believes the quorum that signed: it does not see all statements, nor the
//! policies that were in force.

use crate::consortium::admin::Admin;
use crate::consortium::place::Place;
use crate::consortium::registry::{Refusal, Registry};
use crate::hash::Hash;
use crate::statement::SignatureVerifier;

impl Registry {
    /// Applies an admin statement that stands at `place` on the ledger, by the member `kid`, who was in force there: the caller
    /// MUST have checked that. What is not shown collides with nothing. An endorsement is read and changes nothing: that a
    /// participant had enough of them where it signed, the quorum has seen.
    ///
    /// # Errors
    ///
    /// Why it cannot stand there, as far as the statements before it tell; `OfTheWholeLedger` for what is counted.
    pub fn apply_shown(
        &mut self,
        admin: &Admin,
        kid: &Hash,
        place: Place,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), Refusal> {
        if let Some(what) = admin.reserved() {
            return Err(Refusal::Reserved { what });
        }
        match admin {
            Admin::Genesis(_) => Err(Refusal::Genesis),
            Admin::Rejection(_) => Err(Refusal::Rejection),
            Admin::Registration(registration) => {
                self.check_registration(registration, place)?;
                self.register(registration, kid, place);
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
                self.end_registration(&one.participant, &one.reason, one.compromised_since, place);
                Ok(())
            }
            Admin::Endorsement(endorsement) => self.in_force(&endorsement.registration).map(drop),
            Admin::Proposal(_) | Admin::Withdrawal(_) | Admin::Ballot(_) | Admin::Ready(_) | Admin::Fault(_) => {
                Err(Refusal::OfTheWholeLedger { what: admin.type_name() })
            }
        }
    }
}
