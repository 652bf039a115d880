//! A proposal: what the members are asked to decide together.

use serde::{Deserialize, Serialize};

use crate::consortium::admin::{AdminError, ProposedChange, field};
use crate::consortium::claims::ParticipantId;
use crate::limits::{CHANGES_PER_PROPOSAL_MAX, PARTICIPANT_PROPOSAL_BYTES_MAX};
use crate::time::Timestamp;

/// Changes on which the members vote, all or none. It is the yes of the member that signs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeProposal {
    pub changes: Vec<ProposedChange>,
    /// After this, by the time of seals, nothing of it is enacted any more.
    pub expires: Timestamp,
}

impl ChangeProposal {
    /// The participants that it is about: those in whose lists it stands. One may come several times.
    pub fn participants(&self) -> impl Iterator<Item = &ParticipantId> {
        self.changes.iter().flat_map(ProposedChange::participants)
    }

    /// Tells whether evidence may show it: it is about a participant, lifts a recall, or changes what a verdict reads.
    pub fn is_shown(&self) -> bool {
        self.participants().next().is_some() || self.changes.iter().any(ProposedChange::is_of_verdict)
    }

    /// Tells whether a verdict about what the participant says may rest on it: if a change but a policy names the participant.
    pub fn decides_about(&self, participant: &ParticipantId) -> bool {
        let of_verdict = self.changes.iter().filter(|change| !matches!(change, ProposedChange::Policy(_)));
        of_verdict.flat_map(ProposedChange::participants).any(|one| one == participant)
    }

    /// Checks the length of its payload. It is the signer's, who may write the same with white space without end.
    pub(super) fn check_length(&self, bytes: usize) -> Result<(), AdminError> {
        if bytes > PARTICIPANT_PROPOSAL_BYTES_MAX && self.participants().next().is_some() {
            return field(
                "changes",
                format!(
                    "a proposal about participants has at most {PARTICIPANT_PROPOSAL_BYTES_MAX} bytes, since all evidence about \
                     them shows it; this has {bytes}: make several"
                ),
            );
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), AdminError> {
        let changes = &self.changes;
        if !(1..=CHANGES_PER_PROPOSAL_MAX).contains(&changes.len()) {
            let found = changes.len();
            return field(
                "changes",
                format!("a proposal has 1 to {CHANGES_PER_PROPOSAL_MAX} changes; this has {found}"),
            );
        }
        for (at, change) in changes.iter().enumerate() {
            change.check()?;
            if changes[..at].contains(change) {
                return field("changes", format!("change {at}, from 0, stands twice"));
            }
        }
        Ok(())
    }
}
