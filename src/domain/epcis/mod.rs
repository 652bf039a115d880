//! EPCIS 2.0 events (GS1 EPCIS 2.0 §7, CBV 2.0) read from JSON: documents, or one event alone.
//!
//! A document is decided by its bytes and the tables in `schema`; no context is fetched, no XML is read and nothing is
//! written back: the signed bytes stay as they came. Two readers give the same typed events. [`Reader::Strict`] takes
//! what EPCIS 2.0.1's JSON schema takes, less what would be ambiguous or wrong on a ledger: GS1 keys with wrong check
//! digits, contexts that change standard names, event types of one's own. [`Reader::Normalising`] first turns older
//! spellings into today's.
//!
//! Who may record an event, and what it means for a product, is decided elsewhere.

mod content_hash;
mod context;
mod coordinates;
pub mod event;
mod event_hash;
mod fault;
mod older;
mod rules;
mod schema;
mod typed;
mod uri;
pub mod vocabulary;
mod walk;

use serde_json::{Map, Value};

use crate::domain::json;
use crate::domain::limits::EVENTS_PER_CAPTURE_MAX;
use crate::domain::time::Timestamp;

pub use coordinates::Coordinates;
pub use event::{Action, Event, Part, What};
pub use fault::{Fault, FaultKind, Faults};
pub use vocabulary::{BizStep, Disposition};

use event_hash::Naming;
use walk::Walk;

/// What one capture says: its events, in the order of the document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub events: Vec<Event>,
    /// Each event's JSON as the reader saw it, in the same order: for queries, and never what was signed.
    pub seen: Vec<Value>,
    /// When the sender made the document; `None` for a single event.
    pub creation_date: Option<Timestamp>,
    /// The document's `@context`, by which prefixes of its own have a meaning; `None` for a single event, which has
    /// it itself.
    pub context: Option<Value>,
}

/// How a document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// As EPCIS 2.0.1's JSON schema says, with right keys and plain contexts. What is recorded is read by this.
    Strict,
    /// Older spellings too (CBV URNs, `isA`, numbers in strings), for reading what others have published.
    Normalising,
}

/// Reads an EPCISDocument, or a single event that carries its own `@context`.
///
/// # Errors
///
/// All faults found, each with a JSON pointer into the document; a normalising reader points into the normalised one.
pub fn read(bytes: &[u8], reader: Reader) -> Result<Document, Faults> {
    let mut walk = Walk::new(reader);
    let mut document = match (reader, bytes.strip_prefix(older::BYTE_ORDER_MARK)) {
        (Reader::Strict, None) => json::parse(bytes)?,
        (Reader::Strict, Some(text)) => {
            walk.fault("begins with a byte order mark, which JSON has not (RFC 8259 §8.1); leave out its three bytes");
            json::parse(text)?
        }
        (Reader::Normalising, text) => older::normalised(json::parse(text.unwrap_or(bytes))?),
    };
    let read = read_top(&mut walk, &mut document);
    walk.finish(read)
}

fn read_top(walk: &mut Walk, document: &mut Value) -> Option<Document> {
    let Some(frame) = document.as_object_mut() else {
        walk.fault("must be an EPCISDocument or an EPCIS event, which is a JSON object");
        return None;
    };
    match frame.get("type").and_then(Value::as_str) {
        Some("EPCISDocument") => read_document(walk, frame),
        Some("EPCISQueryDocument") => {
            walk.fault_at("type", "an EPCISQueryDocument answers a query; what is recorded is an EPCISDocument");
            None
        }
        Some(_) => read_single(walk, document),
        None => {
            walk.fault("`type` is missing; it is \"EPCISDocument\" or an event type such as \"ObjectEvent\"");
            None
        }
    }
}

fn read_single(walk: &mut Walk, event: &mut Value) -> Option<Document> {
    if event.get("@context").is_none() {
        walk.fault("`@context` is missing; a single event carries its own");
    }
    let seen = event.clone();
    check_event(walk, event);
    let naming = seen.as_object().map(Naming::of)?;
    let event = make_event(walk, event, &seen, &naming)?;
    Some(Document { events: vec![event], seen: vec![seen], creation_date: None, context: None })
}

fn read_document(walk: &mut Walk, frame: &mut Map<String, Value>) -> Option<Document> {
    let body = frame.remove("epcisBody");
    let context = frame.get("@context").cloned();
    walk.members(&schema::DOCUMENT, frame);
    let Some(mut body) = body else {
        walk.fault("`epcisBody` is missing; it holds the events in `eventList`");
        return None;
    };
    let naming = Naming::of(frame);
    let list = body.get_mut("eventList").and_then(Value::as_array_mut);
    let (events, seen) = walk.member("epcisBody", |walk| match list {
        Some(list) => walk.member("eventList", |walk| read_events(walk, list, &naming)),
        None => {
            walk.fault("must be an object with the events in a list, `eventList`");
            None
        }
    })?;
    let creation_date = frame.get("creationDate")?.as_str()?.parse().ok();
    Some(Document { events, seen, creation_date, context })
}

/// The events of a list, and the JSON of each as it was before it was made canonical.
fn read_events(walk: &mut Walk, list: &mut [Value], naming: &Naming<'_>) -> Option<(Vec<Event>, Vec<Value>)> {
    if list.len() > EVENTS_PER_CAPTURE_MAX {
        walk.too_many(format!("one capture has at most {EVENTS_PER_CAPTURE_MAX} events; this has {}", list.len()));
        return None;
    }
    let (mut events, mut all_seen) = (Vec::with_capacity(list.len()), Vec::with_capacity(list.len()));
    for (index, event) in list.iter_mut().enumerate() {
        if walk.is_full() {
            return None;
        }
        let seen = event.clone();
        walk.item(index, |walk| {
            check_event(walk, event);
            events.extend(make_event(walk, event, &seen, naming));
        });
        all_seen.push(seen);
    }
    Some((events, all_seen))
}

fn check_event(walk: &mut Walk, event: &mut Value) {
    let Some(object) = event.as_object_mut() else {
        return walk.fault("must be an EPCIS event, which is a JSON object");
    };
    let known = schema::EVENT_TYPES.map(|members| members.title).join(", ");
    let Some(event_type) = object.get("type") else {
        return walk.fault(format!("`type` is missing; it is one of the event types of EPCIS 2.0: {known}"));
    };
    match schema::EVENT_TYPES.into_iter().find(|members| event_type == members.title) {
        Some(members) => {
            walk.members(members, object);
            rules::check(walk, members.title, object);
        }
        None => walk.fault_at("type", format!("must be one of the event types of EPCIS 2.0: {known}")),
    }
}

/// Makes the typed event, unless a fault has been found anywhere: then no event will be given out.
fn make_event(walk: &mut Walk, canonical: &Value, seen: &Value, naming: &Naming<'_>) -> Option<Event> {
    if walk.has_faults() {
        return None;
    }
    let event = typed::event(canonical.as_object()?, seen.as_object()?, naming);
    if event.is_none() {
        walk.fault("this event passes every check and still cannot be read; please report it");
    }
    event
}

#[cfg(test)]
mod tests;
