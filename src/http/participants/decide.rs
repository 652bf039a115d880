//! `POST /participants/{id}/decisions`: a member approves, rejects, renews or revokes.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::receipt::receipt;
use crate::app::registration;
use crate::http::capture::ReceiptDescription;
use crate::http::participants::answer::ParticipantBody;
use crate::http::problem::Problem;
use crate::http::{Node, body};
use sealane_core::evidence::Receipt;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    id: String,
    /// As it is now.
    status: &'static str,
    /// Other members that have to endorse the registration before the participant may sign; left out if none has to.
    #[serde(skip_serializing_if = "Option::is_none")]
    endorsements_missing: Option<u64>,
    /// Of the decision; none for a rejection, which never enters the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ReceiptDescription>)]
    receipt: Option<Receipt>,
}

/// Carries out a decision: an admin statement of docs/FORMATS.md, signed by a member.
#[utoipa::path(post, path = "/participants/{id}/decisions", tag = "participants",
    params(("id" = String, Path, description = "The participant's id")),
    request_body(content = String, content_type = "application/jose"),
    responses(
        (status = 200, description = "Decided, and final", body = Decided),
        (status = 401, description = "The signature does not hold"),
        (status = 403, description = "The signer is no member"),
        (status = 409, description = "The ledger or the request that waits stands against it"),
    ))]
pub async fn post_decision(
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    node: web::Data<Node>,
) -> Result<HttpResponse, Problem> {
    let id = super::id_of(&id)?;
    let submitted = body::read_statement(&request, payload).await?;
    let decided = registration::decide(&node.ledger, &*node.certificates, &id, submitted).await;
    let placed = decided.map_err(Problem::from).inspect_err(|problem| node.metrics.signature_refused(problem))?;
    let receipt = match placed {
        Some(placed) => receipt(&node.ledger, placed.leaf).await?.map(|found| found.receipt),
        None => None,
    };
    let now = super::find(&node, &id).await?;
    let endorsements_missing = ParticipantBody::from(&now).endorsements_missing();
    Ok(HttpResponse::Ok().json(Decided {
        id: id.to_string(),
        status: now.status.as_str(),
        endorsements_missing,
        receipt,
    }))
}
