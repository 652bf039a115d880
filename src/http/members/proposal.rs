//! `GET /members/proposals/{id}`: one proposal, for programs and for people.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, VARY};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::proposals::ProposalSeen;
use crate::http::Node;
use crate::http::accept::is_for_people;
use crate::http::members::answer::ProposalBody;
use crate::http::pages::{Visitor, answer, proposals};
use crate::http::problem::{Code, Problem};
use sealane_core::hash::{Hash, HashError};
use sealane_core::statement::StatementId;

/// Tells how far a proposal has come, by the ledger of this node.
#[utoipa::path(get, path = "/members/proposals/{id}", tag = "members",
    params(("id" = String, Path, description = "The proposal's statement id")),
    responses((status = 200, description = "The proposal with its ballots",
        content((ProposalBody = "application/json"), (String = "text/html")))))]
pub async fn get_proposal(
    request: HttpRequest,
    id: web::Path<String>,
    node: web::Data<Node>,
) -> Result<HttpResponse, Problem> {
    let id = id_of(&id)?;
    let view = node.ledger.view();
    let unknown = || Problem::new(Code::UnknownProposal, format!("no proposal on this ledger has the id {id}"));
    let found = view.registry.proposal(&id).ok_or_else(unknown)?;
    let seen = ProposalSeen::of(&view.registry, found, node.ledger.now());
    if is_for_people(&request) {
        let visitor = Visitor::of(&request);
        let page = proposals::one(&visitor, &seen, view.registry.origin().as_str());
        return Ok(answer(StatusCode::OK, &visitor, page));
    }
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, "no-cache")).insert_header((VARY, "accept"));
    Ok(answer.json(ProposalBody::from(&seen)))
}

/// Reads the id in a path. What is no id belongs to no proposal.
fn id_of(text: &str) -> Result<StatementId, Problem> {
    let hash = text.parse::<Hash>();
    hash.map(StatementId::from_hash).map_err(|error: HashError| Problem::new(Code::UnknownProposal, error.to_string()))
}
