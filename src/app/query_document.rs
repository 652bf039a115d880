//! The EPCISQueryDocument (EPCIS 2.0 §8.2.7.2): events as they were captured, with what the ledger adds.

use serde_json::json;

use crate::app::events::FoundEvent;
use sealane_core::epcis::{LEDGER_NAMESPACE, LEDGER_PREFIX, as_answered};
use sealane_core::json::Json;
use sealane_core::time::Timestamp;

/// The context of EPCIS 2.0, by its URI; it has the names of collections too.
pub const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// The query that every repository has.
const SIMPLE_EVENT_QUERY: &str = "SimpleEventQuery";

/// What a query has found, and which query it is.
#[derive(Debug)]
pub struct QueryResults {
    pub query: String,
    /// Of results that are told to a subscriber.
    pub subscription: Option<String>,
    pub events: Vec<FoundEvent>,
}

impl QueryResults {
    /// Of a query without a name.
    pub fn of_events(events: Vec<FoundEvent>) -> Self {
        Self { query: SIMPLE_EVENT_QUERY.to_owned(), subscription: None, events }
    }

    /// Writes the document. Numbers have the digits with which they were signed.
    pub fn to_document(self, now: Timestamp) -> String {
        self.compose(now).to_string()
    }

    /// The document before it is written.
    pub fn compose(self, now: Timestamp) -> Json {
        let mut document = Json::from(json!({
            "@context": [CONTEXT, {LEDGER_PREFIX: LEDGER_NAMESPACE}],
            "type": "EPCISQueryDocument",
            "schemaVersion": "2.0",
            "creationDate": now,
            "epcisBody": {"queryResults": {"queryName": self.query, "resultsBody": {"eventList": []}}},
        }));
        let results = document.get_mut("epcisBody").and_then(|body| body.get_mut("queryResults"));
        if let Some(results) = results.and_then(Json::as_object_mut) {
            if let Some(list) = results.get_mut("resultsBody").and_then(|body| body.get_mut("eventList")) {
                *list = Json::Array(self.events.into_iter().map(event).collect());
            }
            if let Some(id) = self.subscription {
                results.insert("subscriptionID".to_owned(), id.into());
            }
        }
        document
    }
}

/// The event as captured, with the context that its prefixes need, its eventID where it had none, the time of its block, and who signed it
/// where. What the event says under names of the ledger is left out: only the ledger says that.
fn event(found: FoundEvent) -> Json {
    let mut event = found.json;
    if let Some(members) = event.as_object_mut() {
        as_answered(members, found.context);
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
