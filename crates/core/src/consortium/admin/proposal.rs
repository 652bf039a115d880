//! A proposal: what the members are asked to decide together.

use serde::{Deserialize, Serialize};

use crate::consortium::admin::{AdminError, ProposedChange, field};
use crate::limits::CHANGES_PER_PROPOSAL_MAX;
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
