//! How a page of events is answered.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ContentType, LINK};

use sealane_core::merkle::TreeSize;

/// Leaves of the ledger that a page was found in.
const TREE_SIZE: &str = "Sealane-Tree-Size";

/// Answers with a page's document. `next` is the URL of the following one.
pub fn answer(document: String, size: TreeSize, next: Option<String>) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, "no-cache")).insert_header((TREE_SIZE, size.get()));
    if let Some(url) = next {
        answer.insert_header((LINK, format!("<{url}>; rel=\"next\"")));
    }
    answer.content_type(ContentType::json()).body(document)
}
