//! `revoke`: the end of a registration by vote.

use serde::{Deserialize, Serialize};

use crate::consortium::admin::{AdminError, check_reason};
use crate::consortium::claims::ParticipantId;
use crate::json;
use crate::time::Timestamp;

/// The end of a registration that another member made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeParticipant {
    pub participant: ParticipantId,
    pub reason: String,
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub compromised_since: Option<Timestamp>,
    /// What it claimed of goods that it never had counts no more.
    #[serde(default, deserialize_with = "json::only_true", skip_serializing_if = "json::is_false")]
    pub dismisses_claims: bool,
}

impl RevokeParticipant {
    pub(super) fn check(&self) -> Result<(), AdminError> {
        check_reason(&self.reason)
    }
}
