//! How answers are written: a page of events, or a collection.

use actix_web::http::header::{CACHE_CONTROL, ContentType, HeaderName, HeaderValue, LINK};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::asked::AskedQuery;
use crate::app::query_document::CONTEXT;
use crate::gateway::http::Served;
use crate::gateway::query::store::PageEnd;
use sealane_core::hash::Hash;
use sealane_core::merkle::TreeSize;

const TOKEN_EXPIRES: HeaderName = HeaderName::from_static("gs1-next-page-token-expires");

/// Where a page ends that others follow.
pub struct Ended {
    /// What tells the pages of one query from those of others.
    pub digest: Hash,
    /// The size of the ledger that the pages are of; zero for what is no part of a ledger.
    pub size: TreeSize,
    pub end: PageEnd,
    /// How many members were told so far.
    pub told: u64,
}

/// Adds where the next page is, and until when its token can be used.
pub fn lead_on(answer: &mut HttpResponse, request: &HttpRequest, served: &Served, asked: &AskedQuery, ended: &Ended) {
    let Ended { digest, size, end, told } = ended;
    let (token, expires) = served.seal.seal(*digest, *size, end, *told, served.gateway.now());
    let expires = HeaderValue::from_str(&expires.to_string());
    let link = format!("<{}?{}>; rel=\"next\"", request.uri().path(), asked.next_query(&token));
    let link = HeaderValue::from_str(&link);
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
