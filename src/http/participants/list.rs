//! `GET /participants`: everyone who is registered or waits.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::registration::{self, Status};
use crate::http::Node;
use crate::http::parameters::{Parameters, bad};
use crate::http::participants::answer::ParticipantBody;
use crate::http::problem::Problem;

#[derive(Serialize, ToSchema)]
pub struct Participants {
    participants: Vec<ParticipantBody>,
}

/// Lists participants and requests.
#[utoipa::path(get, path = "/participants", tag = "participants",
    params(("status" = Option<String>, Query, description = "`pending`, `active`, `rejected`, `revoked` or `expired`")),
    responses((status = 200, description = "Those of this status, or all", body = Participants)))]
pub async fn list_participants(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::of(&request, &["status"])?;
    let status = parameters.get("status").map(status_of).transpose()?;
    let listed = registration::list(&node.ledger, status).await?;
    let participants = listed.iter().map(ParticipantBody::from).collect();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).json(Participants { participants }))
}

fn status_of(text: &str) -> Result<Status, Problem> {
    let names = || Status::ALL.map(Status::as_str).join(", ");
    let found = Status::ALL.into_iter().find(|status| status.as_str() == text);
    found.ok_or_else(|| bad("status", &format!("{text:?} is none of {}", names())))
}
