//! `GET /members/proposals`: what the members were asked to decide, the newest first.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LINK, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::proposals::{self, PAGE_PROPOSALS, PAGE_PROPOSALS_MAX, ProposalFilter, ProposalState};
use crate::http::Node;
use crate::http::accept::is_for_people;
use crate::http::members::answer::ProposalBody;
use crate::http::pages::{self, Visitor};
use crate::http::parameters::{Parameters, bad, number};
use crate::http::problem::Problem;
use sealane_core::merkle::LeafIndex;

/// Characters of an id at the most.
const ID_CHARS: usize = 43;

#[derive(Serialize, ToSchema)]
#[schema(as = Proposals)]
pub struct ProposalsBody {
    proposals: Vec<ProposalBody>,
}

/// Lists proposals with their ballots, the newest first.
#[utoipa::path(get, path = "/members/proposals", tag = "members",
    params(
        ("state" = Option<String>, Query, description = "`open`, `enacted`, `withdrawn`, `lost`, `void` or `expired`"),
        ("prefix" = Option<String>, Query, description = "Those whose id begins so"),
        ("perPage" = Option<u32>, Query, minimum = 1, maximum = 50, description = "Proposals on a page: 1 to 50, by default 20"),
        ("nextPageToken" = Option<String>, Query, description = "From the `Link` of the page before"),
        ("lang" = Option<String>, Query, description = "Of the page for people: `en` or `ko`"),
    ),
    responses((status = 200, description = "Those in this state, or all",
        content((ProposalsBody = "application/json"), (String = "text/html")),
        headers(("Link" = String, description = "`rel=\"next\"` while there is more")))))]
pub async fn list_proposals(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::of(&request, &["state", "prefix", "perPage", "nextPageToken", "lang"])?;
    let filter = ProposalFilter {
        state: parameters.get("state").map(state_of).transpose()?,
        prefix: parameters.get("prefix").map(prefix_of).transpose()?.unwrap_or_default().to_owned(),
        before: parameters.get("nextPageToken").map(token).transpose()?,
    };
    let view = node.ledger.view();
    let page = proposals::list(&view, node.ledger.now(), &filter, per_page(&parameters)?);
    let next = page.next.map(|next| parameters.with("nextPageToken", &next.get().to_string()));
    if is_for_people(&request) {
        let visitor = Visitor::of(&request);
        let shown = pages::proposals::list(&visitor, &page.seen, next.as_deref(), view.registry.origin().as_str());
        return Ok(pages::answer(StatusCode::OK, &visitor, shown));
    }
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, "no-cache")).insert_header((VARY, "accept"));
    if let Some(query) = next {
        answer.insert_header((LINK, format!("<{}/members/proposals?{query}>; rel=\"next\"", node.public_url)));
    }
    Ok(answer.json(ProposalsBody { proposals: page.seen.iter().map(ProposalBody::from).collect() }))
}

fn per_page(parameters: &Parameters) -> Result<u32, Problem> {
    let wanted = parameters.number("perPage")?.unwrap_or(PAGE_PROPOSALS.into());
    let fits = u32::try_from(wanted).ok().filter(|wanted| (1..=PAGE_PROPOSALS_MAX).contains(wanted));
    let wrong = || bad("perPage", &format!("it is 1 to {PAGE_PROPOSALS_MAX}")).with("limit", PAGE_PROPOSALS_MAX);
    fits.ok_or_else(wrong)
}

fn state_of(text: &str) -> Result<ProposalState, Problem> {
    let names = || ProposalState::ALL.map(ProposalState::as_str).join(", ");
    let found = ProposalState::ALL.into_iter().find(|state| state.as_str() == text);
    found.ok_or_else(|| bad("state", &format!("{text:?} is none of {}", names())))
}

fn prefix_of(text: &str) -> Result<&str, Problem> {
    let is_of_id = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let fits = (1..=ID_CHARS).contains(&text.len()) && text.chars().all(is_of_id);
    if fits { Ok(text) } else { Err(bad("prefix", "it is 1 to 43 characters of base64url, as an id begins")) }
}

fn token(text: &str) -> Result<LeafIndex, Problem> {
    let wrong = || bad("nextPageToken", "take it from the Link header of the page before");
    number(text).and_then(|leaf| LeafIndex::new(leaf).ok()).ok_or_else(wrong)
}
