//! EPCIS 2.0 events (GS1 EPCIS 2.0 §7, CBV 2.0) read from JSON: documents, or one event alone.
//!
//! A document is decided by its bytes and the tables in `schema`; no context is fetched, no XML is read and nothing is
//! written back: the signed bytes stay as they came. Two readers give the same typed events. [`Reader::Strict`] takes
//! what EPCIS 2.0.1's JSON schema takes, less what would be ambiguous or wrong on a ledger: GS1 keys with wrong check
//! digits, contexts that change standard names, event types of one's own. [`Reader::Normalising`] first turns older
//! spellings into today's.
//!
//! Who may record an event, and what it means for a product, is decided elsewhere.

mod changes;
mod context;
mod coordinates;
pub mod event;
mod event_hash;
mod fault;
mod ids;
mod ledger_members;
mod master;
mod names;
mod older;
pub mod query;
mod rules;
mod schema;
pub mod shown;
mod typed;
mod uri;
pub mod vocabulary;
mod walk;

use crate::json::{self, Json, JsonError, Object};
use crate::limits::{EVENTS_PER_CAPTURE_MAX, PRE_HASH_BYTES_MAX};
use crate::time::Timestamp;

pub use changes::{Change, changes};
pub use context::may_declare;
pub use coordinates::Coordinates;
pub use event::{Action, Event, Part, What};
pub use fault::{EpcisFault, FaultKind, Faults};
pub use ledger_members::{LEDGER_NAMESPACE, LEDGER_PREFIX, as_answered, take_ledger_members};
pub use master::{VocabularyElement, vocabulary_name};
pub use names::NameScope;
pub use uri::is_absolute_uri;
pub use vocabulary::{BizStep, Disposition};

pub use event_hash::is_hash_id;

use context::Bounds;
use event_hash::{Naming, event_hash, hash_id};
use walk::Walk;

/// What one capture says: its events, in the order of the document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub events: Vec<Event>,
    /// When the sender made the document; `None` for a single event.
    pub creation_date: Option<Timestamp>,
    /// What its header says of ids, in the order of the document.
    pub master_data: Vec<VocabularyElement>,
}

/// A capture's JSON as it was written, for queries: nothing of it is checked again, and it is never what was signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The document's `@context`, by which prefixes of its own have a meaning; `None` for a single event, which has
    /// it itself.
    pub context: Option<Json>,
    /// The `epcisHeader`; [`Written::vocabulary_elements`] reads its master data.
    pub header: Option<Json>,
    /// In the order of the document.
    pub events: Vec<Json>,
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
    let document = read_json(bytes)?;
    let mut document = if reader == Reader::Normalising { older::normalised(document) } else { document };
    let read = read_top(&mut walk, &mut document);
    walk.finish(read)
}

/// Turns older spellings of a document or an event into today's, as [`Reader::Normalising`] does before it reads.
///
/// [`changes`] tells what that changed. Ids, times, quantities and extensions stay as they are.
pub fn normalised(document: Json) -> Json {
    older::normalised(document)
}

/// Takes apart what was recorded, as [`read`] with [`Reader::Strict`] let it pass.
///
/// # Errors
///
/// What is no JSON. What has the form of neither a document nor an event has no events.
pub fn written(bytes: &[u8]) -> Result<Written, JsonError> {
    let Json::Object(mut frame) = json::read(without_mark(bytes))? else {
        return Ok(Written { context: None, header: None, events: Vec::new() });
    };
    let Some(mut body) = frame.shift_remove("epcisBody") else {
        return Ok(Written { context: None, header: None, events: vec![Json::Object(frame)] });
    };
    let events = match body.get_mut("eventList").map(Json::take) {
        Some(Json::Array(events)) => events,
        _ => Vec::new(),
    };
    let (context, header) = (frame.shift_remove("@context"), frame.shift_remove("epcisHeader"));
    Ok(Written { context, header, events })
}

/// The bytes without a byte order mark before them, which a reader of JSON may pass over (RFC 8259 §8.1).
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn read_json(bytes: &[u8]) -> Result<Json, JsonError> {
    let text = without_mark(bytes);
    json::read(text).map_err(|error| match foreign(text) {
        Some(message) => JsonError { pointer: String::new(), message: message.to_owned() },
        None => error,
    })
}

/// Says what bytes are that are no JSON but have a form that people send, and what takes it.
pub fn foreign(bytes: &[u8]) -> Option<&'static str> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] => Some(
            "this is text in UTF-16, and JSON between systems is in UTF-8 (RFC 8259 §8.1): save the file as UTF-8, or give \
             it to `sealane gateway`, which takes it as it is",
        ),
        _ if first == Some(&b'<') => Some(
            "this is XML, and what is signed and posted is an EPCISDocument in JSON: `sealane gateway` takes the XML and \
             makes one of it",
        ),
        _ => None,
    }
}

fn read_top(walk: &mut Walk, document: &mut Json) -> Option<Document> {
    let Some(frame) = document.as_object_mut() else {
        walk.fault("must be an EPCISDocument or an EPCIS event, which is a JSON object");
        return None;
    };
    match frame.get("type").and_then(Json::as_str) {
        Some("EPCISDocument") => read_document(walk, frame),
        Some("EPCISQueryDocument") => {
            walk.fault_at("type", "an EPCISQueryDocument answers a query; what is recorded is an EPCISDocument: put its events in `epcisBody` under \
                 `eventList`, or give it to `sealane gateway`, which does so");
            None
        }
        Some(_) => read_single(walk, document),
        None => {
            walk.fault("`type` is missing; it is \"EPCISDocument\" or an event type such as \"ObjectEvent\"");
            None
        }
    }
}

fn read_single(walk: &mut Walk, event: &mut Json) -> Option<Document> {
    if event.get("@context").is_none() {
        walk.fault("`@context` is missing; a single event carries its own");
    }
    // It is a document of its own: what it says about names is read before it is made canonical.
    let naming = Naming::of(event.as_object()?, walk.ids());
    let event = read_event(walk, event, &naming)?;
    Some(Document { events: vec![event], creation_date: None, master_data: Vec::new() })
}

fn read_document(walk: &mut Walk, frame: &mut Object) -> Option<Document> {
    let body = frame.shift_remove("epcisBody");
    walk.members(&schema::DOCUMENT, frame);
    let Some(mut body) = body else {
        walk.fault("`epcisBody` is missing; it holds the events in `eventList`");
        return None;
    };
    Bounds::of_document(walk, frame);
    let naming = Naming::of(frame, walk.ids());
    let list = body.get_mut("eventList").and_then(Json::as_array_mut);
    let events = walk.member("epcisBody", |walk| match list {
        Some(list) => walk.member("eventList", |walk| read_events(walk, list, &naming)),
        None => {
            walk.fault("must be an object with the events in a list, `eventList`");
            None
        }
    })?;
    let creation_date = frame.get("creationDate")?.as_str()?.parse().ok();
    let master_data = master::vocabulary_elements(frame.get("epcisHeader"), frame.get("@context"));
    Some(Document { events, creation_date, master_data })
}

fn read_events(walk: &mut Walk, list: &mut [Json], naming: &Naming) -> Option<Vec<Event>> {
    if list.len() > EVENTS_PER_CAPTURE_MAX {
        walk.too_many(format!("one capture has at most {EVENTS_PER_CAPTURE_MAX} events; this has {}", list.len()));
        return None;
    }
    let mut events = Vec::with_capacity(list.len());
    for (index, event) in list.iter_mut().enumerate() {
        if walk.is_full() {
            return None;
        }
        events.extend(walk.item(index, |walk| read_event(walk, event, naming)));
    }
    Some(events)
}

/// Checks an event, makes its JSON canonical and takes it as a typed event, unless a fault has been found anywhere: then
/// no event will be given out.
fn read_event(walk: &mut Walk, json: &mut Json, naming: &Naming) -> Option<Event> {
    Bounds::of_event(walk, naming.prefixes(), json);
    // The hash is of the event as it came: it rounds times that the canonical form cuts.
    let sound = json.as_object().filter(|_| !walk.has_faults());
    let hash = sound.and_then(|event| event_hash(event, naming));
    if sound.is_some() && hash.is_none() {
        walk.too_many(format!(
            "the pre-hash strings of one capture (CBV 2.0 §8.9.2) have at most {PRE_HASH_BYTES_MAX} bytes, and with this event they \
             have more; split the capture, or use shorter namespaces and names in its extensions"
        ));
        return None;
    }
    let lots = json.as_object().map(typed::written_lots).unwrap_or_default();
    check_event(walk, json);
    if walk.has_faults() {
        return None;
    }
    let (event, hash) = (json.as_object()?, hash?);
    if let Some(event_id) = event.get("eventID").and_then(Json::as_str)
        && is_hash_id(event_id)
        && event_id != hash_id(&hash)
    {
        walk.fault_at(
            "eventID",
            format!(
                "is an event hash id of CBV 2.0 (§8.9.2), and not the one of this event, which is {}; write \
             that, another URI, or no eventID",
                hash_id(&hash)
            ),
        );
        return None;
    }
    let event = typed::event(event, hash, lots, walk.ids());
    if event.is_none() {
        walk.fault("this event passes every check and still cannot be read; please report it");
    }
    event
}

fn check_event(walk: &mut Walk, event: &mut Json) {
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

#[cfg(test)]
mod tests;
