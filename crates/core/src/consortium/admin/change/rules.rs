//! `rules`: the number of the rules by which blocks are made.

use serde::{Deserialize, Serialize};

use crate::consortium::admin::{AdminError, field};
use crate::time::Timestamp;

/// The number of the rules from some time on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RulesChange {
    pub number: u32,
    /// In force from the first block after the enacting one whose time is not before this.
    pub not_before: Timestamp,
}

impl RulesChange {
    pub(super) fn check(&self) -> Result<(), AdminError> {
        if self.number == 0 {
            return field("number", "the numbers of rules begin at 1");
        }
        Ok(())
    }
}
