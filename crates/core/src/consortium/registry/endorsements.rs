//! Other members' words for a registration.

use crate::consortium::admin::Endorsement;
use crate::consortium::participant::Endorsed;
use crate::consortium::place::Place;
use crate::consortium::registry::Registry;
use crate::consortium::registry::refusal::{EndorsementRefusal, Refusal};
use crate::hash::Hash;

impl Registry {
    pub(super) fn check_endorsement(&self, endorsement: &Endorsement, kid: &Hash) -> Result<(), Refusal> {
        let participant = self.in_force(&endorsement.registration)?;
        let id = || participant.id;
        if self.is_one_member(participant.registered_by, *kid) {
            return Err(EndorsementRefusal::OwnRegistration { participant: id() }.into());
        }
        if participant.endorsements.iter().any(|one| self.is_one_member(one.by, *kid)) {
            return Err(EndorsementRefusal::Repeated { participant: id() }.into());
        }
        if participant.endorsements.len() as u64 >= participant.endorsements_needed {
            return Err(EndorsementRefusal::NotNeeded { participant: id() }.into());
        }
        Ok(())
    }

    pub(super) fn endorse(&mut self, endorsement: &Endorsement, kid: &Hash, at: Place) {
        if let Some(participant) = self.participants.get_mut(&endorsement.registration) {
            participant.endorsements.push(Endorsed { by: *kid, at });
        }
    }
}
