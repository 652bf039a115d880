//! `succeeds`: one registration goes on for another.

use serde::{Deserialize, Serialize};

use crate::consortium::admin::{AdminError, field};
use crate::consortium::claims::ParticipantId;

/// A participant takes the place of a former one for the custody of goods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Succession {
    pub former: ParticipantId,
    pub participant: ParticipantId,
}

impl Succession {
    pub(super) fn check(&self) -> Result<(), AdminError> {
        if self.former == self.participant {
            return field("former", "a participant does not succeed itself");
        }
        Ok(())
    }
}
