//! `OPTIONS /epcis/capture`: what capture takes, and how much (EPCIS 2.0 §8.2.4).

use actix_web::HttpResponse;
use actix_web::http::header::ALLOW;

use crate::http::capture::DOCUMENT_BYTES_MAX;
use sealane_core::limits::EVENTS_PER_CAPTURE_MAX;

/// Announces versions and limits.
#[utoipa::path(options, path = "/epcis/capture", tag = "epcis",
    responses((status = 204, description = "The limits are in the headers", headers(
        ("GS1-EPCIS-Version" = String),
        ("GS1-CBV-Version" = String),
        ("GS1-EPCIS-Capture-Limit" = u64, description = "Events in one capture"),
        ("GS1-EPCIS-Capture-File-Size-Limit" = u64, description = "Bytes of one document"),
    ))))]
pub async fn options_capture() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((ALLOW, "OPTIONS, POST"))
        .insert_header(("GS1-Capture-Error-Behaviour", "rollback"))
        .insert_header(("GS1-EPCIS-Capture-Limit", EVENTS_PER_CAPTURE_MAX))
        .insert_header(("GS1-EPCIS-Capture-File-Size-Limit", DOCUMENT_BYTES_MAX))
        .finish()
}
