//! An endorsement: another member vouches for a registration.

use serde::{Deserialize, Serialize};

use crate::consortium::claims::ParticipantId;

/// A further member's word for a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endorsement {
    /// The participant that it registers. An id is registered once for good, so this names one registration.
    pub registration: ParticipantId,
}
