//! `GET /participants/{id}`: one participant.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::recent::recent;
use crate::app::registration::Listed;
use crate::http::Node;
use crate::http::accept::{saved_as, wants_page};
use crate::http::asked::{FOR_THE_MEMBER, MEMBER_QUESTION, member_asking};
use crate::http::pages::about::Noticed;
use crate::http::pages::participant::{self, RECORDS_MAX};
use crate::http::pages::{self, Visitor};
use crate::http::participants::answer::ParticipantBody;
use crate::http::pass_on::pass_on_get;
use crate::http::problem::Problem;

/// Tells what is known of a participant, or of a request to who has its id. The certificate request itself is for members.
#[utoipa::path(get, path = "/participants/{id}", tag = "participants",
    params(
        ("id" = String, Path, description = "The participant's id"),
        ("download" = Option<String>, Query, description = "Set: the JSON as a file, whatever `Accept` says"),
        ("Sealane-Member" = Option<String>, Header, description = "A member's word for this very request: then `csr` is told"),
    ),
    responses(
        (status = 200, description = "The participant, or the request to become one; by `Accept` as a page for people",
            content((ParticipantBody = "application/json"), (String = "text/html"))),
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
    if !is_member && wants_page(&request) {
        return page(&request, &node, &found).await;
    }
    let body = ParticipantBody::from(&found);
    let (kept, body) = match is_member {
        true => (FOR_THE_MEMBER, body),
        false => (HeaderValue::from_static("no-cache"), body.without_csr()),
    };
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((CACHE_CONTROL, kept))
        .insert_header((VARY, MEMBER_QUESTION))
        .append_header((VARY, HeaderValue::from_static("accept")));
    if let Some(saved) = saved_as(&request, "participant.json") {
        answer.insert_header(saved);
    }
    Ok(answer.json(body))
}

/// Shows a participant to a person, with what it recorded last.
async fn page(request: &HttpRequest, node: &Node, found: &Listed) -> Result<HttpResponse, Problem> {
    let ledger = node.ledger_for(request);
    let look = match &found.participant {
        Some(one) => {
            let seen = |leaf, event: &_| vec![Noticed::of(leaf, event, None)];
            Some(recent(&ledger, one.id, RECORDS_MAX, seen).await?)
        }
        None => None,
    };
    let visitor = Visitor::of(request);
    let page = participant::page(&visitor, found, &ledger.view().registry, look.as_ref());
    Ok(pages::answer(StatusCode::OK, &visitor, page))
}
