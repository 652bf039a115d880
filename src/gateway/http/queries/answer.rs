//! How answers are written: a page of events, or a collection.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ContentType, HeaderName, HeaderValue, LINK};
use serde_json::json;

use crate::app::query_document::CONTEXT;
use sealane_core::time::Timestamp;

const TOKEN_EXPIRES: HeaderName = HeaderName::from_static("gs1-next-page-token-expires");

/// Adds where the next page is, and until when its token can be used.
pub fn lead_on(answer: &mut HttpResponse, path: &str, query: &str, expires: Timestamp) {
    let expires = HeaderValue::from_str(&expires.to_string());
    let link = HeaderValue::from_str(&format!("<{path}?{query}>; rel=\"next\""));
    // What is percent-encoded, and a time, can stand in headers.
    if let (Ok(expires), Ok(link)) = (expires, link) {
        answer.headers_mut().insert(TOKEN_EXPIRES, expires);
        answer.headers_mut().insert(LINK, link);
    }
}

/// A collection of names (EPCIS 2.0 §12.2).
pub fn collection(members: Vec<String>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-cache"))
        .content_type(ContentType::json())
        .body(json!({"@context": [CONTEXT], "type": "Collection", "member": members}).to_string())
}
