//! `GET /epcis/events`: events by what they say (EPCIS 2.0 §8.2.7.1).

use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::Node;
use crate::http::events::query::{KNOWN, Query, token_of};
use crate::http::events::{document, query};
use crate::http::parameters::Parameters;
use crate::http::problem::Problem;

/// Lists events in ledger order. Values separated by `|` are alternatives; every parameter that is given must hold.
#[utoipa::path(get, path = "/epcis/events", tag = "epcis",
    params(
        ("eventType" = Option<String>, Query, description = "Such as `ObjectEvent|AggregationEvent`"),
        ("GE_eventTime" = Option<String>, Query, description = "Events at this time or later"),
        ("LT_eventTime" = Option<String>, Query, description = "Events before this time"),
        ("EQ_action" = Option<String>, Query, description = "`ADD`, `OBSERVE`, `DELETE`"),
        ("EQ_bizStep" = Option<String>, Query, description = "CBV word or URI"),
        ("EQ_disposition" = Option<String>, Query, description = "CBV word or URI"),
        ("EQ_readPoint" = Option<String>, Query, description = "Identifier of a place"),
        ("EQ_bizLocation" = Option<String>, Query, description = "Identifier of a place"),
        ("EQ_eventID" = Option<String>, Query, description = "One eventID"),
        ("EQ_bizTransaction" = Option<String>, Query, description = "URIs of business transactions of any type, with `|` between; \
            with a type of the CBV after it, as `EQ_bizTransaction_po`, those of that type"),
        ("MATCH_anyEPC" = Option<String>, Query, description = "One identifier, named in any part of the event"),
        ("MATCH_epc" = Option<String>, Query, description = "One identifier, in `epcList` or `childEPCs`"),
        ("perPage" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Events on a page: 1 to 1000, by default 30"),
        ("nextPageToken" = Option<String>, Query, description = "From the `Link` of the page before"),
    ),
    responses((status = 200, description = "EPCISQueryDocument", body = Object,
        headers(("Link" = String, description = "`rel=\"next\"` while there is more")))))]
pub async fn list_events(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::of(&request, KNOWN)?;
    page(&node, &request, &parameters, query::Query::of(&parameters, None)?).await
}

/// Answers with a page, and with where the next one is.
pub async fn page(
    node: &Node,
    request: &HttpRequest,
    parameters: &Parameters,
    query: Query,
) -> Result<HttpResponse, Problem> {
    let page = query.page(&node.ledger_for(request)).await?;
    let next = page.next.map(|after| {
        let query = parameters.with("nextPageToken", &token_of(after));
        format!("{}{}?{query}", node.public_url, request.uri().path())
    });
    Ok(document::answer(page.document, next))
}
