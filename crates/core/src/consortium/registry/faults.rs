//! Proofs that a member signed two things of one height and round.

use crate::agreement::Equivocation;
use crate::block::Height;
use crate::consortium::admin::FaultProof;
use crate::consortium::place::Place;
use crate::consortium::registry::refusal::{FaultRefusal, Refusal};
use crate::consortium::registry::{Decision, Registry};
use crate::hash::Hash;
use crate::limits::{FAULT_HEIGHTS_APART_MIN, FAULT_HEIGHTS_MAX};
use crate::statement::SignatureVerifier;

/// A fault that is proven on the ledger. It removes no member: the members vote on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberFault {
    pub kid: Hash,
    pub height: Height,
    pub round: u32,
    /// Of the statement that proves it.
    pub place: Place,
}

impl Registry {
    /// The faults on the ledger, in its order.
    pub fn faults(&self) -> &[MemberFault] {
        &self.faults
    }

    /// The fault of a key on the ledger that is so close to a height that no second one of there is taken.
    pub fn fault_near(&self, kid: &Hash, height: Height) -> Option<&MemberFault> {
        let is_close = |one: &&MemberFault| one.height.get().abs_diff(height.get()) < FAULT_HEIGHTS_APART_MIN;
        self.faults.iter().filter(|one| one.kid == *kid).find(is_close)
    }

    pub(super) fn check_fault(
        &self,
        proof: &FaultProof,
        at: &Decision<'_>,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), Refusal> {
        let (kid, height, now) = (proof.first.kid, proof.first.height, at.height);
        if height > now || now.get() - height.get() > FAULT_HEIGHTS_MAX {
            return Err(FaultRefusal::Height { height, now }.into());
        }
        if let Some(MemberFault { height, .. }) = self.fault_near(&kid, height) {
            return Err(FaultRefusal::Repeated { kid, height: *height }.into());
        }
        // The key counts at the heights at which its member was in force, whether or not it is now.
        let proven = Equivocation::of_fault(proof)
            .and_then(|fault| fault.verify(&self.origin, self.history.at(height), verifier));
        Ok(proven.map_err(FaultRefusal::ProvesNothing)?)
    }

    pub(super) fn record_fault(&mut self, proof: &FaultProof, place: Place) {
        let first = &proof.first;
        self.faults.push(MemberFault { kid: first.kid, height: first.height, round: first.round, place });
    }
}
