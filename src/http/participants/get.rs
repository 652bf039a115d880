//! `GET /participants/{id}`: one participant.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::Node;
use crate::http::asked::{FOR_THE_MEMBER, MEMBER_QUESTION, member_asking};
use crate::http::participants::answer::ParticipantBody;
use crate::http::pass_on::pass_on_get;
use crate::http::problem::Problem;

/// Tells what is known of a participant, or of a request by whoever has its id. The certificate request itself is for members.
#[utoipa::path(get, path = "/participants/{id}", tag = "participants",
    params(
        ("id" = String, Path, description = "The participant's id"),
        ("Sealane-Member" = Option<String>, Header, description = "A member's word for this very request: then `csr` is told"),
    ),
    responses(
        (status = 200, description = "The participant, or the request to become one", body = ParticipantBody),
        (status = 401, description = "The member's question does not hold"),
        (status = 403, description = "The signer of the question is no member"),
    ))]
pub async fn get_participant(
    request: HttpRequest,
    id: web::Path<String>,
    node: web::Data<Node>,
) -> Result<HttpResponse, Problem> {
    let is_member = member_asking(&request, &node)?.is_some();
    let found = match super::find(&node, &super::id_of(&id)?).await {
        Ok(found) => found,
        // A request waits at the node that took it.
        Err(problem) => match pass_on_get(&request, &node).await {
            Some(answer) => return answer,
            None => return Err(problem),
        },
    };
    let body = ParticipantBody::from(&found);
    let (kept, body) = match is_member {
        true => (FOR_THE_MEMBER, body),
        false => (HeaderValue::from_static("no-cache"), body.without_csr()),
    };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, kept)).insert_header((VARY, MEMBER_QUESTION)).json(body))
}
