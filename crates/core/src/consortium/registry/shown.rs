//! The fold as a verifier of evidence does it: over the statements that it is shown, of all that the ledger has.
//!
//! Who was a member where a statement stands, the verifier finds out by the handovers. How the members counted, it believes the
//! quorum that signed: it does not see all votes, nor the policies that were in force.

use crate::consortium::admin::Admin;
use crate::consortium::place::Place;
use crate::consortium::registry::{Refusal, Registry};
use crate::statement::SignatureVerifier;

impl Registry {
    /// Applies an admin statement that stands at `place` on the ledger, by a member who was in force there: the caller MUST have
    /// checked that. What is not shown collides with nothing.
    ///
    /// # Errors
    ///
    /// Why it cannot stand there, as far as the statements before it tell.
    pub fn apply_shown(
        &mut self,
        admin: &Admin,
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
                self.register(registration, place);
                Ok(())
            }
            Admin::Renewal(renewal) => {
                self.check_renewal(renewal, place, verifier)?;
                self.certify(&renewal.participant, &renewal.certificate, place);
                Ok(())
            }
            Admin::Revocation(revocation) => {
                self.in_force(&revocation.participant)?;
                self.revoke(revocation, place);
                Ok(())
            }
            // Reserved, so refused above.
            Admin::Proposal(_)
            | Admin::Withdrawal(_)
            | Admin::Ballot(_)
            | Admin::Ready(_)
            | Admin::Fault(_)
            | Admin::Endorsement(_) => Err(Refusal::Reserved { what: admin.type_name() }),
        }
    }
}
