//! `GET /participants`: everyone who is registered, and to members who waits.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue, LINK, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::registration::{self, PAGE_PARTICIPANTS, PAGE_PARTICIPANTS_MAX, Status};
use crate::http::Node;
use crate::http::asked::{FOR_THE_MEMBER, MEMBER_QUESTION, member_asking, members_alone};
use crate::http::parameters::{Parameters, bad};
use crate::http::participants::answer::ParticipantBody;
use crate::http::problem::Problem;
use sealane_core::consortium::{ClaimError, ParticipantId};

#[derive(Serialize, ToSchema)]
pub struct Participants {
    participants: Vec<ParticipantBody>,
}

/// Lists participants by id. A member in force, which signs its question, is told the requests too: those that wait, and those
/// that were rejected.
#[utoipa::path(get, path = "/participants", tag = "participants",
    params(
        ("status" = Option<String>, Query, description = "`pending`, `active`, `rejected`, `revoked` or `expired`"),
        ("perPage" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Participants on a page: 1 to 1000, by default 100; fewer if they are long"),
        ("nextPageToken" = Option<String>, Query, description = "From the `Link` of the page before"),
        ("Sealane-Member" = Option<String>, Header, description = "A member's word for this very request"),
    ),
    responses(
        (status = 200, description = "Those of this status, or all", body = Participants,
            headers(("Link" = String, description = "`rel=\"next\"` while there is more"))),
        (status = 401, description = "`pending` and `rejected` are for members alone, or the question does not hold"),
        (status = 403, description = "The signer is no member"),
    ))]
pub async fn list_participants(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::of(&request, &["status", "perPage", "nextPageToken"])?;
    let status = parameters.get("status").map(status_of).transpose()?;
    let after = parameters.get("nextPageToken").map(token).transpose()?;
    let per_page = per_page(&parameters)?;
    let is_member = member_asking(&request, &node)?.is_some();
    let page = match status {
        _ if is_member => registration::list(&node.ledger, status, after, per_page).await?,
        Some(Status::Pending | Status::Rejected) => return Err(members_alone("requests to register")),
        _ => registration::list_registered(&node.ledger, status, after, per_page),
    };
    let mut answer = HttpResponse::Ok();
    let kept = if is_member { FOR_THE_MEMBER } else { HeaderValue::from_static("no-cache") };
    answer.insert_header((CACHE_CONTROL, kept)).insert_header((VARY, MEMBER_QUESTION));
    if let Some(next) = page.next {
        let query = parameters.with("nextPageToken", &next.to_string());
        answer.insert_header((LINK, format!("<{}/participants?{query}>; rel=\"next\"", node.public_url)));
    }
    let participants = page.listed.iter().map(|one| ParticipantBody::from(one).without_csr()).collect();
    Ok(answer.json(Participants { participants }))
}

fn per_page(parameters: &Parameters) -> Result<u32, Problem> {
    let wanted = parameters.number("perPage")?.unwrap_or(PAGE_PARTICIPANTS.into());
    let fits = u32::try_from(wanted).ok().filter(|wanted| (1..=PAGE_PARTICIPANTS_MAX).contains(wanted));
    let wrong = || bad("perPage", &format!("it is 1 to {PAGE_PARTICIPANTS_MAX}")).with("limit", PAGE_PARTICIPANTS_MAX);
    fits.ok_or_else(wrong)
}

fn token(text: &str) -> Result<ParticipantId, Problem> {
    text.parse().map_err(|_: ClaimError| bad("nextPageToken", "take it from the Link header of the page before"))
}

fn status_of(text: &str) -> Result<Status, Problem> {
    let names = || Status::ALL.map(Status::as_str).join(", ");
    let found = Status::ALL.into_iter().find(|status| status.as_str() == text);
    found.ok_or_else(|| bad("status", &format!("{text:?} is none of {}", names())))
}
