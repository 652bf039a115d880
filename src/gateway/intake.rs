//! What a capture is before it is accepted: read, normalised, held against the rights of the participant and of the client. Pure.
//!
//! XML becomes JSON first. Its faults are told twice: by a pointer into that JSON, and by line and column of the XML.

use std::collections::BTreeMap;

use sealane_core::consortium::rights::{self, RightsError};
use sealane_core::consortium::{Claims, EventFact, ParticipantId};
use sealane_core::epcis::{self, Change, Event, Faults, Reader};
use sealane_core::hash::Hash;
use sealane_core::json::Json;
use sealane_core::limits::{EVENTS_PER_CAPTURE_MAX, FAULTS_MAX};
use serde_json::{Value, json};

use crate::gateway::clients::{Allowed, NotAllowed};
use crate::gateway::document::DocumentParts;
use crate::gateway::job::{Behaviour, event_error};
use crate::gateway::normalise::{CHANGES_MAX, Normalised, as_sent, normalise, normalise_json, without_other_hash_ids};
use crate::gateway::xml::{self, TextPlace, XmlFault, XmlObjection};

/// How a document is taken.
#[derive(Debug, Clone, Copy)]
pub struct Manner<'a> {
    pub format: CaptureFormat,
    pub behaviour: Behaviour,
    /// Nothing is normalised.
    pub is_strict: bool,
    /// `POST /events`: one event, and no document.
    pub single: bool,
    pub participant: &'a ParticipantId,
    /// What the participant may record; `None` until a node has said it.
    pub claims: Option<&'a Claims>,
    /// What the client may record.
    pub allowed: &'a Allowed,
}

/// What a document is written in, as its sender says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureFormat {
    Json,
    Xml,
}

/// A capture that can be accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenCapture {
    /// The document to be signed; empty if nothing of it is.
    pub document: Vec<u8>,
    /// The place of each of its events in the document that was sent.
    pub indices: Vec<usize>,
    pub facts: Vec<EventFact>,
    /// SHA-256 of what it must have in common with others to be joined with them; `None` if it stands alone.
    pub joint: Option<Hash>,
    pub changed: Vec<Change>,
    pub more_changed: bool,
    /// Events that are left out, of `proceed`.
    pub errors: Vec<Value>,
    pub was_query: bool,
}

/// A capture that is refused as a whole. Nothing of it is kept.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum IntakeError {
    #[error("{0}")]
    Faults(IntakeFaults),
    #[error("there are {found} events, and one capture has at most {EVENTS_PER_CAPTURE_MAX}")]
    TooManyEvents { found: usize },
    #[error("event {index}, from 0: {error}")]
    Rights { index: usize, error: RightsError },
    #[error("event {index}, from 0: {error}")]
    Client { index: usize, error: NotAllowed },
    #[error("the document has no event and no master data: a capture records at least one of these")]
    NoEvent,
    #[error("this takes one event with its own `@context`; post a document to /capture")]
    NotOneEvent,
    #[error("this gateway changes nothing (--strict), and XML would become JSON: send EPCIS 2.0 in JSON")]
    XmlOfStrict,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntakeFault {
    /// JSON pointer (RFC 6901) into the document as it was sent; of XML, into what it became.
    pub pointer: String,
    pub message: String,
    /// Where it is in the XML.
    pub place: Option<TextPlace>,
}

/// What is wrong at which places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntakeFaults {
    pub list: Vec<IntakeFault>,
    pub more: bool,
    pub too_many: bool,
}

impl std::fmt::Display for IntakeFaults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, fault) in self.list.iter().enumerate() {
            write!(f, "{}{fault}", if at == 0 { "" } else { "; " })?;
        }
        if self.more { write!(f, "; and more: only the first {FAULTS_MAX} are listed") } else { Ok(()) }
    }
}

impl std::fmt::Display for IntakeFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pointer = if self.pointer.is_empty() { "the top" } else { &self.pointer };
        match self.place {
            // The top of what XML became says no more than the line.
            Some(place) if self.pointer.is_empty() => write!(f, "at {place}: {}", self.message),
            Some(place) => write!(f, "at {pointer} ({place}): {}", self.message),
            None => write!(f, "at {pointer}: {}", self.message),
        }
    }
}

impl IntakeFault {
    /// As members of a problem.
    pub fn to_json(&self) -> Value {
        let mut fault = json!({"pointer": self.pointer, "message": self.message});
        if let Some(place) = self.place {
            fault["line"] = place.line.into();
            fault["column"] = place.column.into();
        }
        fault
    }
}

impl IntakeFaults {
    fn of(faults: &Faults, was_query: bool) -> Self {
        let place = |pointer: &str| if was_query { as_sent(pointer) } else { pointer.to_owned() };
        let fault = |pointer: &str, message: &str| IntakeFault {
            pointer: place(pointer),
            message: message.to_owned(),
            place: None,
        };
        Self {
            list: faults.iter().map(|one| fault(&one.pointer, &one.message)).collect(),
            more: faults.more(),
            too_many: faults.too_many(),
        }
    }

    fn of_xml(fault: XmlFault) -> Self {
        let XmlFault { place, message } = fault;
        let fault = IntakeFault { pointer: String::new(), message, place: Some(place) };
        Self { list: vec![fault], more: false, too_many: false }
    }

    fn of_objections(objections: &[XmlObjection], more: bool) -> Self {
        let listed = objections.iter().take(FAULTS_MAX).map(fault_of);
        Self { list: listed.collect(), more: more || objections.len() > FAULTS_MAX, too_many: false }
    }

    /// Finds the places of the faults in the XML from which they come.
    fn placed(mut self, bytes: &[u8]) -> Self {
        let unplaced = || self.list.iter().filter(|fault| fault.place.is_none());
        let found = xml::places(bytes, unplaced().map(|fault| fault.pointer.as_str()));
        for (fault, place) in self.list.iter_mut().filter(|fault| fault.place.is_none()).zip(found) {
            fault.place = Some(place);
        }
        self
    }
}

fn fault_of(objection: &XmlObjection) -> IntakeFault {
    let pointer = objection.event.map_or_else(String::new, |index| place_of(index, false));
    IntakeFault { pointer, message: objection.fault.message.clone(), place: Some(objection.fault.place) }
}

/// Takes a capture in the order of the steps: parse, normalise, convert, read strictly, check rights.
///
/// # Errors
///
/// Of `rollback` the first step at which an event cannot be recorded. Of `proceed` only what spoils the whole document.
pub fn take(bytes: &[u8], manner: &Manner<'_>) -> Result<TakenCapture, IntakeError> {
    match manner.format {
        CaptureFormat::Json => {
            let normalised = normalise(bytes, manner.is_strict)
                .map_err(|error| IntakeError::Faults(IntakeFaults::of(&error.into(), false)))?;
            take_json(bytes, normalised, &[], manner)
        }
        CaptureFormat::Xml => match take_xml(bytes, manner) {
            Ok(mut taken) => {
                place_errors(&mut taken.errors, bytes);
                Ok(taken)
            }
            Err(IntakeError::Faults(faults)) => Err(IntakeError::Faults(faults.placed(bytes))),
            Err(error) => Err(error),
        },
    }
}

fn take_xml(bytes: &[u8], manner: &Manner<'_>) -> Result<TakenCapture, IntakeError> {
    if manner.is_strict {
        return Err(IntakeError::XmlOfStrict);
    }
    let read = xml::read(bytes).map_err(|fault| IntakeError::Faults(IntakeFaults::of_xml(fault)))?;
    let is_refused = match manner.behaviour {
        Behaviour::Rollback => !read.objections.is_empty(),
        // What is wrong outside the events spoils all of them.
        Behaviour::Proceed => {
            let is_document = read.document.get("epcisBody").is_some();
            read.objections.iter().any(|objection| objection.event.is_none() || !is_document)
        }
    };
    if is_refused {
        return Err(IntakeError::Faults(IntakeFaults::of_objections(&read.objections, read.more)));
    }
    let normalised = normalise_json(read.document, read.changed, false);
    take_json(bytes, normalised, &read.objections, manner)
}

/// Adds line and column to the faults of events that are left out.
fn place_errors(errors: &mut [Value], bytes: &[u8]) {
    let unplaced = |fault: &&mut Value| fault.get("line").is_none();
    let mut faults: Vec<&mut Value> = errors
        .iter_mut()
        .filter_map(|error| error.get_mut("faults").and_then(Value::as_array_mut))
        .flatten()
        .filter(unplaced)
        .collect();
    let pointers: Vec<String> = faults
        .iter()
        .map(|fault| fault.get("pointer").and_then(Value::as_str).unwrap_or_default().to_owned())
        .collect();
    let places = xml::places(bytes, pointers.iter().map(String::as_str));
    for (fault, place) in faults.iter_mut().zip(places) {
        fault["line"] = place.line.into();
        fault["column"] = place.column.into();
    }
}

/// Takes what is JSON, or became it. `objections` are of events that are left out.
fn take_json(
    bytes: &[u8],
    mut normalised: Normalised,
    objections: &[XmlObjection],
    manner: &Manner<'_>,
) -> Result<TakenCapture, IntakeError> {
    let is_document = normalised.document.get("epcisBody").is_some();
    if manner.single && (is_document || normalised.document.as_object().is_none()) {
        return Err(IntakeError::NotOneEvent);
    }
    let mut text = match normalised.is_as_sent {
        true => bytes.to_vec(),
        false => normalised.document.to_string().into_bytes(),
    };
    let mut read = epcis::read(&text, Reader::Strict);
    if read.is_err() && !manner.is_strict && mend_ids(&mut normalised) {
        text = normalised.document.to_string().into_bytes();
        read = epcis::read(&text, Reader::Strict);
    }
    match (read, manner.behaviour) {
        (Ok(document), _) if objections.is_empty() => whole(normalised, text, &document.events, manner),
        (read, Behaviour::Proceed) if is_document => in_part(normalised, read.err().as_ref(), objections, manner),
        (Err(faults), _) => Err(IntakeError::Faults(IntakeFaults::of(&faults, normalised.was_query))),
        // Only `proceed` goes on with objections.
        (Ok(_), _) => Err(IntakeError::Faults(IntakeFaults::of_objections(objections, false))),
    }
}

/// Leaves out the eventIDs that are hash ids of other events. True if there were some.
fn mend_ids(normalised: &mut Normalised) -> bool {
    let Some((document, changed)) = without_other_hash_ids(&normalised.document, &normalised.answered) else {
        return false;
    };
    normalised.document = document;
    for mut change in changed {
        if normalised.was_query {
            change.pointer = as_sent(&change.pointer);
        }
        match normalised.changed.len() < CHANGES_MAX {
            true => normalised.changed.push(change),
            false => normalised.more = true,
        }
    }
    true
}

/// A document of which every event can be read.
fn whole(
    normalised: Normalised,
    text: Vec<u8>,
    events: &[Event],
    manner: &Manner<'_>,
) -> Result<TakenCapture, IntakeError> {
    let Some(parts) = DocumentParts::of(normalised.document.clone()) else { return Err(IntakeError::NoEvent) };
    // Master data is captured without events too.
    if events.is_empty() && !has_master_data(&normalised.document) {
        return Err(IntakeError::NoEvent);
    }
    let read = events.iter().enumerate().map(|(index, event)| (index, event.clone())).collect();
    finish(normalised, &parts, Some(text), read, Vec::new(), manner)
}

fn has_master_data(document: &Json) -> bool {
    let master_data = document.get("epcisHeader").and_then(|header| header.get("epcisMasterData"));
    let list = master_data.and_then(|data| data.get("vocabularyList")).and_then(Json::as_array);
    list.is_some_and(|list| !list.is_empty())
}

/// The events that can be read of a document with faults, each read by itself in the frame of the document.
fn in_part(
    normalised: Normalised,
    all: Option<&Faults>,
    objections: &[XmlObjection],
    manner: &Manner<'_>,
) -> Result<TakenCapture, IntakeError> {
    let refused = |faults: &Faults| IntakeError::Faults(IntakeFaults::of(faults, normalised.was_query));
    let Some(parts) = DocumentParts::of(normalised.document.clone()) else {
        return Err(all.map_or(IntakeError::NoEvent, refused));
    };
    let found = parts.events().len();
    if found > EVENTS_PER_CAPTURE_MAX {
        return Err(IntakeError::TooManyEvents { found });
    }
    // What is wrong outside the events spoils all of them.
    if let Err(faults) = epcis::read(parts.only(&[]).to_string().as_bytes(), Reader::Strict) {
        return Err(refused(&faults));
    }
    let (mut read, mut errors) = (Vec::new(), Vec::new());
    let mut objected: BTreeMap<usize, Vec<IntakeFault>> = BTreeMap::new();
    for objection in objections {
        let index = objection.event.unwrap_or_default();
        objected.entry(index).or_default().push(fault_of(objection));
    }
    for index in 0..found {
        if let Some(faults) = objected.get(&index) {
            let list = faults.iter().map(IntakeFault::to_json).collect();
            errors.push(error_of_faults(list, index, normalised.was_query));
            continue;
        }
        match epcis::read(parts.only(&[index]).to_string().as_bytes(), Reader::Strict) {
            Ok(document) => read.extend(document.events.into_iter().map(|event| (index, event))),
            Err(faults) => errors.push(faults_of_event(&faults, index, normalised.was_query)),
        }
    }
    finish(normalised, &parts, None, read, errors, manner)
}

/// Checks rights, and keeps what may be recorded.
fn finish(
    normalised: Normalised,
    parts: &DocumentParts,
    text: Option<Vec<u8>>,
    read: Vec<(usize, Event)>,
    mut errors: Vec<Value>,
    manner: &Manner<'_>,
) -> Result<TakenCapture, IntakeError> {
    let Normalised { changed, more, was_query, .. } = normalised;
    let found = read.len();
    let mut kept = Vec::with_capacity(found);
    for (index, event) in read {
        match check(index, &event, manner) {
            Ok(()) => kept.push((index, event)),
            Err(error) if manner.behaviour == Behaviour::Proceed => {
                errors.push(event_error(&refusal(&error), index, &place_of(index, was_query)));
            }
            Err(error) => return Err(error),
        }
    }
    errors.sort_by_key(|error| error.pointer("/sealane:event/index").and_then(Value::as_u64));
    let indices: Vec<usize> = kept.iter().map(|(index, _)| *index).collect();
    let events: Vec<Event> = kept.into_iter().map(|(_, event)| event).collect();
    let document = match text.filter(|_| events.len() == found) {
        Some(text) => text,
        // Nothing of it is signed.
        None if events.is_empty() => Vec::new(),
        None => parts.only(&indices).to_string().into_bytes(),
    };
    Ok(TakenCapture {
        joint: parts.joint().map(|joint| Hash::of(joint.as_bytes())),
        facts: EventFact::of_all(manner.participant, &events),
        document,
        indices,
        changed,
        more_changed: more,
        errors,
        was_query,
    })
}

fn check(index: usize, event: &Event, manner: &Manner<'_>) -> Result<(), IntakeError> {
    manner.allowed.check(event).map_err(|error| IntakeError::Client { index, error })?;
    match manner.claims {
        Some(claims) => rights::check_claims(claims, event).map_err(|error| IntakeError::Rights { index, error }),
        None => Ok(()),
    }
}

/// The place of an event in the document as it was sent.
pub fn place_of(index: usize, was_query: bool) -> String {
    let place = format!("/epcisBody/eventList/{index}");
    if was_query { as_sent(&place) } else { place }
}

/// What a refused event is told by, as members of a problem.
fn refusal(error: &IntakeError) -> Value {
    let (code, title) = match error {
        IntakeError::Rights { error, .. } => (error.rule(), "The participant may not record this"),
        _ => ("client-not-allowed", "The client may not record this"),
    };
    let detail = match error {
        IntakeError::Rights { error, .. } => error.to_string(),
        IntakeError::Client { error, .. } => error.to_string(),
        other => other.to_string(),
    };
    json!({"type": "epcisException:SecurityException", "title": title, "status": 403, "detail": detail, "code": code})
}

/// The error of an event that was read alone, with its faults at their places in the document.
fn faults_of_event(faults: &Faults, index: usize, was_query: bool) -> Value {
    let alone = place_of(0, false);
    let here = place_of(index, was_query);
    let list: Vec<Value> = faults
        .iter()
        .map(|fault| {
            let pointer = match fault.pointer.strip_prefix(&alone) {
                Some(rest) => format!("{here}{rest}"),
                None => fault.pointer.clone(),
            };
            json!({"pointer": pointer, "message": fault.message})
        })
        .collect();
    error_of_faults(list, index, was_query)
}

/// The error of an event with these faults.
fn error_of_faults(list: Vec<Value>, index: usize, was_query: bool) -> Value {
    let here = place_of(index, was_query);
    let first = list.first().cloned().unwrap_or_default();
    let pointer = first.get("pointer").and_then(Value::as_str).unwrap_or(&here).to_owned();
    let problem = json!({
        "type": "epcisException:ValidationException",
        "title": "The event breaks EPCIS 2.0",
        "status": 400,
        "detail": first.get("message"),
        "code": "epcis-invalid",
        "faults": list,
    });
    event_error(&problem, index, &pointer)
}

/// Leaves out events by their positions in what was taken.
pub fn leave_out(taken: &mut TakenCapture, out: &[usize]) {
    if out.is_empty() {
        return;
    }
    let Some(parts) = DocumentParts::read(&taken.document) else { return };
    let keep: Vec<usize> = (0..taken.indices.len()).filter(|at| !out.contains(at)).collect();
    taken.document = match keep.is_empty() {
        // Nothing of it is signed any more.
        true => Vec::new(),
        false => parts.only(&keep).to_string().into_bytes(),
    };
    let pick = |at: &usize| taken.indices.get(*at).copied();
    let indices = keep.iter().filter_map(pick).collect();
    taken.facts = keep.iter().filter_map(|at| taken.facts.get(*at).cloned()).collect();
    taken.indices = indices;
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

    fn event(serial: &str, step: &str) -> Value {
        json!({"type": "ObjectEvent", "eventTime": "2026-03-01T08:00:00Z", "eventTimeZoneOffset": "+00:00", "action": "ADD",
            "bizStep": step, "epcList": [format!("https://id.gs1.org/01/09506000134352/21/{serial}")]})
    }

    fn document(events: Vec<Value>) -> Value {
        json!({"@context": [CONTEXT], "type": "EPCISDocument", "schemaVersion": "2.0",
            "creationDate": "2026-03-01T08:00:00.000Z", "epcisBody": {"eventList": events}})
    }

    fn claims(role: &str) -> Claims {
        serde_json::from_value(json!({"organization": "Maker", "roles": [role], "glns": [],
            "gs1CompanyPrefixes": ["9506000"], "namespaces": []}))
        .unwrap()
    }

    fn take_as(value: &Value, behaviour: Behaviour, claims: &Claims) -> Result<TakenCapture, IntakeError> {
        let participant = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10".parse().unwrap();
        let allowed = Allowed::default();
        let manner = Manner {
            format: CaptureFormat::Json,
            behaviour,
            is_strict: false,
            single: false,
            participant: &participant,
            claims: Some(claims),
            allowed: &allowed,
        };
        take(value.to_string().as_bytes(), &manner)
    }

    #[test]
    fn a_good_document_is_signed_as_it_came() {
        let document = document(vec![event("1", "commissioning"), event("2", "commissioning")]);
        let taken = take_as(&document, Behaviour::Rollback, &claims("manufacturer")).unwrap();
        assert_eq!(taken.document, document.to_string().as_bytes());
        assert_eq!((taken.indices, taken.facts.len(), taken.joint.is_some()), (vec![0, 1], 2, true));
    }

    #[test]
    fn rollback_refuses_the_whole_and_proceed_names_each_event() {
        let mut wrong = event("3", "commissioning");
        wrong["eventTime"] = json!("yesterday");
        let mut foreign = event("4", "commissioning");
        foreign["epcList"] = json!(["https://id.gs1.org/01/04012345678901/21/4"]);
        let document = document(vec![event("1", "commissioning"), wrong, event("2", "commissioning"), foreign]);
        let error = take_as(&document, Behaviour::Rollback, &claims("manufacturer")).unwrap_err();
        let IntakeError::Faults(faults) = error else { panic!("{error:?}") };
        assert_eq!(faults.list[0].pointer, "/epcisBody/eventList/1/eventTime");
        let taken = take_as(&document, Behaviour::Proceed, &claims("manufacturer")).unwrap();
        assert_eq!(taken.indices, [0, 2]);
        let kept = DocumentParts::read(&taken.document).unwrap();
        assert_eq!(kept.events().len(), 2);
        let told: Vec<_> = taken.errors.iter().map(|error| (&error["status"], &error["sealane:event"])).collect();
        let first = json!({"index": 1, "pointer": "/epcisBody/eventList/1/eventTime"});
        let second = json!({"index": 3, "pointer": "/epcisBody/eventList/3"});
        assert_eq!(told, [(&json!(400), &first), (&json!(403), &second)]);
        assert_eq!(taken.errors[0]["faults"][0]["pointer"], "/epcisBody/eventList/1/eventTime");
    }

    #[test]
    fn what_spoils_the_whole_is_refused_by_proceed_too() {
        let mut wrong = document(vec![event("1", "commissioning")]);
        wrong["schemaVersion"] = json!(true);
        let error = take_as(&wrong, Behaviour::Proceed, &claims("manufacturer")).unwrap_err();
        assert!(error.to_string().contains("/schemaVersion"), "{error}");
    }

    #[test]
    fn rights_are_those_of_the_participant() {
        let document = document(vec![event("1", "commissioning")]);
        let error = take_as(&document, Behaviour::Rollback, &claims("shipper")).unwrap_err();
        assert_eq!(error.to_string(), "event 0, from 0: the business step commissioning is not for a shipper");
        let none = take_as(&json!({"a": 1}), Behaviour::Rollback, &claims("shipper")).unwrap_err();
        assert!(matches!(none, IntakeError::Faults(_)), "{none}");
    }

    #[test]
    fn master_data_is_captured_without_events() {
        let mut empty = document(Vec::new());
        let error = take_as(&empty, Behaviour::Rollback, &claims("manufacturer")).unwrap_err();
        assert!(error.to_string().contains("no event and no master data"), "{error}");
        empty["epcisHeader"] = json!({"epcisMasterData": {"vocabularyList": [{"type": "urn:epcglobal:epcis:vtype:EPCClass",
            "vocabularyElementList": [{"id": "urn:epc:idpat:sgtin:9506000.013435.*", "attributes": []}]}]}});
        let taken = take_as(&empty, Behaviour::Rollback, &claims("manufacturer")).unwrap();
        assert!(!taken.document.is_empty() && taken.indices.is_empty() && taken.joint.is_none());
    }

    #[test]
    fn repeats_are_left_out_and_places_stay() {
        let document =
            document(vec![event("1", "commissioning"), event("2", "commissioning"), event("3", "commissioning")]);
        let mut taken = take_as(&document, Behaviour::Rollback, &claims("manufacturer")).unwrap();
        leave_out(&mut taken, &[1]);
        assert_eq!(taken.indices, [0, 2]);
        assert_eq!(DocumentParts::read(&taken.document).unwrap().events().len(), 2);
        assert_eq!(taken.facts.len(), 2);
    }

    fn take_xml_as(text: &str, behaviour: Behaviour, is_strict: bool) -> Result<TakenCapture, IntakeError> {
        let participant = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10".parse().unwrap();
        let (allowed, claims) = (Allowed::default(), claims("manufacturer"));
        let manner = Manner {
            format: CaptureFormat::Xml,
            behaviour,
            is_strict,
            single: false,
            participant: &participant,
            claims: Some(&claims),
            allowed: &allowed,
        };
        take(text.as_bytes(), &manner)
    }

    fn xml_document(events: &[&str]) -> String {
        let event = |inside: &&str| {
            format!(
                "\n<ObjectEvent><eventTime>2026-03-01T08:00:00Z</eventTime><eventTimeZoneOffset>+00:00</eventTimeZoneOffset>{inside}</ObjectEvent>"
            )
        };
        let events: String = events.iter().map(event).collect();
        format!(
            "<e:EPCISDocument xmlns:e=\"urn:epcglobal:epcis:xsd:1\" schemaVersion=\"1.2\" creationDate=\"2026-03-01T08:00:00Z\"><EPCISBody>\
             <EventList>{events}</EventList></EPCISBody></e:EPCISDocument>"
        )
    }

    const GOOD: &str = "<epcList><epc>https://id.gs1.org/01/09506000134352/21/1</epc></epcList><action>ADD</action>";

    #[test]
    fn xml_is_signed_as_json_and_its_faults_have_lines() {
        let taken = take_xml_as(&xml_document(&[GOOD]), Behaviour::Rollback, false).unwrap();
        assert_eq!(DocumentParts::read(&taken.document).unwrap().events().len(), 1);
        assert_eq!(taken.changed[0].message, "was XML of EPCIS 1.2 and is JSON of EPCIS 2.0 now");
        assert!(taken.joint.is_some(), "it may share a statement");
        let wrong = xml_document(&[GOOD, "<epcList><epc>1</epc></epcList><action>ADD</action>"]);
        let Err(IntakeError::Faults(faults)) = take_xml_as(&wrong, Behaviour::Rollback, false) else { panic!("taken") };
        assert_eq!(faults.list[0].pointer, "/epcisBody/eventList/1/epcList/0");
        assert_eq!(faults.list[0].place.map(|place| place.line), Some(3));
        assert_eq!(take_xml_as(&wrong, Behaviour::Rollback, true), Err(IntakeError::XmlOfStrict));
    }

    #[test]
    fn proceed_leaves_out_what_has_no_form_in_json() {
        let twice = format!("{GOOD}<action>ADD</action>");
        let text = xml_document(&[&twice, GOOD, "<action>ADD</action>"]);
        let Err(IntakeError::Faults(faults)) = take_xml_as(&text, Behaviour::Rollback, false) else { panic!("taken") };
        assert_eq!(faults.list[0].pointer, "/epcisBody/eventList/0");
        let taken = take_xml_as(&text, Behaviour::Proceed, false).unwrap();
        assert_eq!(taken.indices, [1]);
        let lines: Vec<&Value> = taken.errors.iter().map(|error| &error["faults"][0]["line"]).collect();
        assert_eq!(lines, [&json!(2), &json!(4)]);
        // An attribute that no event has spoils the whole.
        let whole = text.replace("<EPCISBody>", "<EPCISBody kind=\"x\">");
        assert!(matches!(take_xml_as(&whole, Behaviour::Proceed, false), Err(IntakeError::Faults(_))));
        let only = take_xml_as(&xml_document(&[&twice]), Behaviour::Proceed, false).unwrap();
        assert!(only.document.is_empty() && only.errors.len() == 1);
    }
}
