//! `authority`: a registration with this role counts from the vote on.

use serde::{Deserialize, Serialize};

use crate::consortium::claims::ParticipantId;

/// The members' word that a participant is an authority, as its registration says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantAuthority {
    /// The participant that the registration registers.
    pub registration: ParticipantId,
}
