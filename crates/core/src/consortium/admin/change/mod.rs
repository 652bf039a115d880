//! What a proposal can change. Each change is a file of its own.

mod authority;
mod dismiss;
mod lift;
mod members;
mod policy;
mod revoke;
mod rules;
mod succession;

use serde::{Deserialize, Serialize};

use crate::consortium::admin::AdminError;
use crate::consortium::claims::ParticipantId;

pub use authority::GrantAuthority;
pub use dismiss::{DismissClaims, LeafRange};
pub use lift::LiftRecall;
pub use members::{AdmitMember, RemoveMember, ReplaceMember};
pub use policy::{LeavesPerDay, PolicyChange, PolicyName, PolicyValue, TermsPolicy};
pub use revoke::RevokeParticipant;
pub use rules::RulesChange;
pub use succession::Succession;

/// One change of a proposal; `type` names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ProposedChange {
    Admit(Box<AdmitMember>),
    Remove(RemoveMember),
    Replace(Box<ReplaceMember>),
    Revoke(RevokeParticipant),
    Dismiss(DismissClaims),
    Lift(LiftRecall),
    Authority(GrantAuthority),
    Succeeds(Succession),
    Policy(PolicyChange),
    Rules(RulesChange),
}

impl ProposedChange {
    /// Whether a verdict reads it, apart from the end of a registration.
    pub const fn is_of_verdict(&self) -> bool {
        match self {
            Self::Dismiss(_) | Self::Lift(_) | Self::Authority(_) | Self::Succeeds(_) => true,
            Self::Policy(policy) => policy.name().is_of_verdict(),
            Self::Revoke(revocation) => revocation.dismisses_claims,
            Self::Admit(_) | Self::Remove(_) | Self::Replace(_) | Self::Rules(_) => false,
        }
    }

    /// The participants that it is about: the proposal stands in the lists of them all.
    pub fn participants(&self) -> impl Iterator<Item = &ParticipantId> {
        let (one, other) = match self {
            Self::Revoke(one) => (Some(&one.participant), None),
            Self::Dismiss(one) => (Some(&one.participant), None),
            Self::Authority(one) => (Some(&one.registration), None),
            Self::Succeeds(one) => (Some(&one.former), Some(&one.participant)),
            Self::Policy(one) => (one.participant(), None),
            Self::Admit(_) | Self::Remove(_) | Self::Replace(_) | Self::Lift(_) | Self::Rules(_) => (None, None),
        };
        one.into_iter().chain(other)
    }

    pub(super) fn check(&self) -> Result<(), AdminError> {
        match self {
            Self::Admit(admission) => admission.check(),
            Self::Replace(replacement) => replacement.check(),
            Self::Revoke(revocation) => revocation.check(),
            Self::Dismiss(dismissal) => dismissal.check(),
            Self::Lift(lift) => lift.check(),
            Self::Succeeds(succession) => succession.check(),
            Self::Rules(rules) => rules.check(),
            // Their parts are checked as they are read.
            Self::Remove(_) | Self::Authority(_) | Self::Policy(_) => Ok(()),
        }
    }
}
