//! `GET /epcis/events`: events by what they say (EPCIS 2.0 §8.2.7.1).

use actix_web::http::header::HeaderValue;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::Node;
use crate::http::capture::prefer;
use crate::http::events::query::{KNOWN, ONCE, Query, token_of};
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
        ("GE_recordTime" = Option<String>, Query, description = "Events in blocks of this time or later"),
        ("LT_recordTime" = Option<String>, Query, description = "Events in blocks before this time"),
        ("EQ_eventID" = Option<String>, Query, description = "EventIDs, up to 64"),
        ("EQ_transformationID" = Option<String>, Query, description = "TransformationIDs, up to 64"),
        ("EQ_bizTransaction" = Option<String>, Query, description = "URIs of business transactions of any type, with `|` between; \
            with a type of the CBV after it, as `EQ_bizTransaction_po`, those of that type"),
        ("MATCH_anyEPC" = Option<String>, Query, description = "Identifiers, up to 64, in any list of EPCs or as `parentID`; a \
            pattern (`urn:epc:idpat:…`) is refused"),
        ("MATCH_epc" = Option<String>, Query, description = "In `epcList` or `childEPCs`. So also `MATCH_parentID`, \
            `MATCH_inputEPC`, `MATCH_outputEPC`"),
        ("MATCH_anyEPCClass" = Option<String>, Query, description = "Classes and lots, up to 64, in any list of quantities. So \
            also `MATCH_epcClass`, `MATCH_inputEPCClass`, `MATCH_outputEPCClass`"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: where nothing is found, an answer comes when something \
            is recorded, or after N seconds (60 at most)"),
        ("perPage" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Events on a page: 1 to 1000, by default 30"),
        ("nextPageToken" = Option<String>, Query, description = "From the `Link` of the page before"),
    ),
    responses(
        (status = 200, description = "EPCISQueryDocument", body = Object, headers(
            ("Link" = String, description = "`rel=\"next\"`: what comes after this page, also on the last one that has events"),
            ("Sealane-Tree-Size" = u64, description = "Leaves of the ledger that was looked at"))),
    ))]
pub async fn list_events(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::with_alternatives(&request, KNOWN, ONCE)?;
    page(&node, &request, &parameters, query::Query::of(&parameters, None)?).await
}

/// Answers with a page, and with where the next one is.
pub async fn page(
    node: &Node,
    request: &HttpRequest,
    parameters: &Parameters,
    query: Query,
) -> Result<HttpResponse, Problem> {
    let wait = prefer::wait(request.headers());
    let page = query.page(&node.ledger_for(request), wait).await?;
    // A client that follows every link comes to its end on an empty page; one that waits for more is led on.
    let is_led_on = !page.is_empty || wait.is_some();
    let next = page.next.or(page.goes_on_at.filter(|_| is_led_on)).map(|after| {
        let query = parameters.with("nextPageToken", &token_of(after));
        format!("{}{}?{query}", node.public_url, request.uri().path())
    });
    let mut answer = document::answer(page.document, page.size, next);
    if let Some(value) = wait.and_then(|wait| HeaderValue::from_str(&format!("wait={}", wait.as_secs())).ok()) {
        answer.headers_mut().insert(prefer::PREFERENCE_APPLIED, value);
    }
    Ok(answer)
}
