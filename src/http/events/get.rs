//! `GET /epcis/events/{eventID}`: what was recorded under one eventID.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::Node;
use crate::http::events::query::Query;
use crate::http::events::{document, identifier};
use crate::http::parameters::Parameters;
use crate::http::problem::Problem;

/// Gives every event with this eventID: participants choose theirs apart, and an error declaration repeats one.
#[utoipa::path(get, path = "/epcis/events/{eventID}", tag = "epcis",
    params(("eventID" = String, Path, description = "The eventID, or the CBV 2.0 event hash id where it had none")),
    responses(
        (status = 200, description = "EPCISQueryDocument with the event", body = Object),
        (status = 404, description = "No event has this id"),
    ))]
pub async fn get_event(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    // A CBV event hash id ends in `?ver=CBV2.0`, which stands in the query when it is not encoded.
    let mut event_id = identifier(&request, "/epcis/events/", "")?;
    match request.query_string() {
        query @ "ver=CBV2.0" => event_id = format!("{event_id}?{query}"),
        _ => drop(Parameters::of(&request, &[])?),
    }
    let page = Query::of_event(event_id).page(&node.ledger_for(&request), None).await?;
    if page.is_empty {
        return Err(Problem::not_found("no event has this eventID"));
    }
    Ok(document::answer(page.document, page.size, None))
}
