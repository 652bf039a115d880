//! A withdrawal: the proposer takes its proposal back.

use serde::{Deserialize, Serialize};

use crate::statement::StatementId;

/// The end of an open proposal, by the member that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposalWithdrawal {
    pub proposal: StatementId,
}
