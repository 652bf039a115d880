//! `POST /members/decisions`: what members say to each other, and what a new one says of itself.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::deciding::{self, DecisionSubject, FinalDecision};
use crate::app::proposals::ProposalSeen;
use crate::app::receipt::receipt;
use crate::http::capture::ReceiptDescription;
use crate::http::members::answer::ProposalBody;
use crate::http::participants::answer::ParticipantBody;
use crate::http::problem::Problem;
use crate::http::{Node, body, participants};
use sealane_core::evidence::Receipt;

/// A decision that is on the ledger, and what it is about as of now.
#[derive(Serialize, ToSchema)]
#[schema(as = MemberDecision)]
pub struct MemberDecisionBody {
    /// The statement id of what was posted; of a proposal, its own id.
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<ProposalBody>,
    /// Of an endorsement.
    #[serde(skip_serializing_if = "Option::is_none")]
    participant: Option<ParticipantBody>,
    /// Of a fault: the member's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ReceiptDescription>)]
    receipt: Option<Receipt>,
}

/// Takes a proposal, ballot, withdrawal, readiness, endorsement or proof of a fault: an admin statement of docs/FORMATS.md, signed
/// by a member; a readiness also by a key that an open proposal brings in.
#[utoipa::path(post, path = "/members/decisions", tag = "members",
    request_body(content = String, content_type = "application/jose"),
    responses(
        (status = 200, description = "It is final, and this is how far the matter is", body = MemberDecisionBody),
        (status = 401, description = "The signature does not hold"),
        (status = 403, description = "The signer is no member, or may not say this"),
        (status = 404, description = "There is no such proposal or participant"),
        (status = 409, description = "The ledger stands against it"),
    ))]
pub async fn post_member_decision(
    request: HttpRequest,
    payload: web::Payload,
    node: web::Data<Node>,
) -> Result<HttpResponse, Problem> {
    let submitted = body::read_statement(&request, payload).await?;
    let decided = deciding::decide(&node.ledger, &*node.certificates, submitted).await;
    let decided = decided.map_err(Problem::from).inspect_err(|problem| node.metrics.signature_refused(problem))?;
    let FinalDecision { id, subject, placed } = decided;
    let receipt = receipt(&node.ledger, placed.leaf).await?.map(|found| found.receipt);
    let mut body = MemberDecisionBody { id: id.to_string(), proposal: None, participant: None, member: None, receipt };
    match subject {
        DecisionSubject::Proposal(proposal) => {
            let view = node.ledger.view();
            let found = view.registry.proposal(&proposal);
            let seen = found.map(|found| ProposalSeen::of(&view.registry, found, node.ledger.now()));
            body.proposal = seen.as_ref().map(ProposalBody::from);
        }
        DecisionSubject::Participant(id) => {
            body.participant = Some(ParticipantBody::from(&participants::find(&node, &id).await?).without_csr());
        }
        DecisionSubject::Member(kid) => body.member = Some(kid.to_string()),
    }
    Ok(HttpResponse::Ok().json(body))
}
