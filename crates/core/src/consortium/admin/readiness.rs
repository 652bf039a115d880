//! Readiness: a node says that it could do what a proposal asks of it.

use serde::{Deserialize, Serialize};

use crate::block::Height;
use crate::hash::Hash;
use crate::statement::StatementId;

/// Signed by each key that a proposal brings in, and for a change of the rules by members: the node is level with the
/// ledger. It is the one admin statement of a key that is no member's yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Readiness {
    pub proposal: StatementId,
    /// The last block that the node has.
    pub height: Height,
    /// The root of the tree after it.
    pub root: Hash,
}
