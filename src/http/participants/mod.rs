//! Participants: requests to register, members' decisions, and who is registered.

pub mod answer;
pub mod certificate;
pub mod create;
pub mod decide;
pub mod get;
pub mod list;
pub mod renew;

use crate::app::registration::{self, Listed};
use crate::http::Node;
use crate::http::problem::{Code, Problem};
use sealane_core::consortium::ParticipantId;

pub use certificate::get_certificate;
pub use create::create_participant;
pub use decide::post_decision;
pub use get::get_participant;
pub use list::list_participants;
pub use renew::post_renewal;

/// Reads the id in a path. What is no id belongs to no participant.
fn id_of(text: &str) -> Result<ParticipantId, Problem> {
    text.parse().map_err(|error: sealane_core::consortium::ClaimError| {
        Problem::new(Code::UnknownParticipant, error.to_string())
    })
}

/// The participant or request with an id.
pub async fn find(node: &Node, id: &ParticipantId) -> Result<Listed, Problem> {
    let found = registration::find(&node.ledger, id).await?;
    let unknown = || Problem::new(Code::UnknownParticipant, format!("no participant and no request has the id {id}"));
    found.ok_or_else(unknown)
}
