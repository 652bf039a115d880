//! The EPCISQueryDocument: events as they were captured, with what the ledger adds.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ContentType, LINK};
use serde_json::json;

use crate::app::events::FoundEvent;
use crate::http::epcis::CONTEXT;
use sealane_core::json::Json;
use sealane_core::merkle::TreeSize;
use sealane_core::time::Timestamp;

/// What the members that begin with `sealane:` are short for.
pub const OWN_NAMESPACE: &str = "urn:sealane:epcis:";

/// Writes a page's document. Numbers have the digits with which they were signed.
pub fn write(events: Vec<FoundEvent>, now: Timestamp) -> String {
    compose(events, now).to_string()
}

/// A page's document before it is written.
pub fn compose(events: Vec<FoundEvent>, now: Timestamp) -> Json {
    let mut document = Json::from(json!({
        "@context": [CONTEXT, {"sealane": OWN_NAMESPACE}],
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": now,
        "epcisBody": {"queryResults": {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": []}}},
    }));
    let path = ["epcisBody", "queryResults", "resultsBody", "eventList"];
    if let Some(list) = path.into_iter().try_fold(&mut document, |below, name| below.get_mut(name)) {
        *list = Json::Array(events.into_iter().map(event).collect());
    }
    document
}

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

/// The event as captured, with the context that its prefixes need, its eventID where it had none, the time of its block, and who signed it where.
fn event(found: FoundEvent) -> Json {
    let mut event = found.json;
    if let Some(members) = event.as_object_mut() {
        if let Some(context) = found.context {
            members.entry("@context".to_owned()).or_insert(context);
        }
        members.entry("eventID".to_owned()).or_insert_with(|| found.event_id.into());
        members.insert("recordTime".to_owned(), json!(found.recorded).into());
        members.insert("sealane:leafIndex".to_owned(), json!(found.leaf).into());
        members.insert("sealane:participant".to_owned(), json!(found.participant).into());
        if !found.repeated_at.is_empty() {
            members.insert("sealane:repeatedAt".to_owned(), json!(found.repeated_at).into());
        }
    }
    event
}
