//! `GET /epcis/epcs/{epc}/events`: what was recorded about one identifier.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::Node;
use crate::http::events::identifier;
use crate::http::events::list::page;
use crate::http::events::query::{KNOWN, ONCE, Query, epc};
use crate::http::parameters::Parameters;
use crate::http::problem::Problem;

/// Lists the events that name an identifier in any part, in ledger order.
#[utoipa::path(get, path = "/epcis/epcs/{epc}/events", tag = "epcis",
    params(
        ("epc" = String, Path, min_length = 1, max_length = 1024, description = "Digital Link URI, EPC URN or another URI, percent-encoded"),
        ("perPage" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Events on a page: 1 to 1000, by default 30"),
        ("nextPageToken" = Option<String>, Query, description = "From the `Link` of the page before; and the other \
            parameters of /epcis/events"),
    ),
    responses((status = 200, description = "EPCISQueryDocument", body = Object,
        headers(("Link" = String, description = "As of /epcis/events")))))]
pub async fn list_events_of_epc(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let id = epc(&identifier(&request, "/epcis/epcs/", "/events")?)?;
    let parameters = Parameters::with_alternatives(&request, KNOWN, ONCE)?;
    page(&node, &request, &parameters, Query::of(&parameters, Some(id))?).await
}
