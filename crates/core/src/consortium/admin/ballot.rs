//! A ballot: what one member says to a proposal.

use serde::{Deserialize, Serialize};

use crate::statement::StatementId;

/// A member's vote on a proposal. Its first one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ballot {
    pub proposal: StatementId,
    pub yes: bool,
}
