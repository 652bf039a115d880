//! `GET /participants/{id}`: one participant.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::Node;
use crate::http::participants::answer::ParticipantBody;
use crate::http::pass_on::pass_on_get;
use crate::http::problem::Problem;

/// Tells what is known of a participant.
#[utoipa::path(get, path = "/participants/{id}", tag = "participants",
    params(("id" = String, Path, description = "The participant's id")),
    responses((status = 200, description = "The participant, or the request to become one", body = ParticipantBody)))]
pub async fn get_participant(
    request: HttpRequest,
    id: web::Path<String>,
    node: web::Data<Node>,
) -> Result<HttpResponse, Problem> {
    let found = match super::find(&node, &super::id_of(&id)?).await {
        Ok(found) => found,
        // A request waits at the node that took it.
        Err(problem) => match pass_on_get(&request, &node).await {
            Some(answer) => return answer,
            None => return Err(problem),
        },
    };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).json(ParticipantBody::from(&found)))
}
