//! From what a sender posts to a document that can be signed: text to JSON, older spellings to today's, and the answer of a query
//! to a document. Pure.
//!
//! Ids, times, quantities, extensions and eventIDs stay as they are, but for one eventID: an event hash id (CBV 2.0 §8.9.2) that
//! is not the one of its event. It says of itself that it is computed from the event, the ledger takes no wrong one, and most
//! published examples have one, since they were computed by drafts of the standard. It is left out, so that the event is known by
//! its right hash id. Every change is told.

use std::borrow::Cow;
use std::collections::BTreeSet;

use sealane_core::epcis::{self, Change, Reader, is_hash_id, take_ledger_members};
use sealane_core::json::{self, Json, JsonError, Object};

use super::decode::{DecodeError, decode};

/// Changes that a job tells: as many as a person reads. It says if there are more.
pub const CHANGES_MAX: usize = 100;

/// A document on its way to be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised {
    pub document: Json,
    /// The bytes as they came are what is signed if nothing was changed.
    pub is_as_sent: bool,
    pub changed: Vec<Change>,
    /// There are more changes than are told.
    pub more: bool,
    /// It was the answer of a query: its events stood elsewhere.
    pub was_query: bool,
    /// The places of events that an answer of a ledger gave. The ledger knows each by the eventID that it has there: without that it would
    /// be another event.
    pub answered: BTreeSet<usize>,
}

/// Where the events of a query's answer stand, and where those of a document do.
const OF_QUERY: &str = "/epcisBody/queryResults/resultsBody/eventList";
const OF_DOCUMENT: &str = "/epcisBody/eventList";

/// Said of XML that was sent as JSON.
const XML_AS_JSON: &str = "this is XML, and was sent as JSON: send it as application/xml";

/// Reads the bytes as JSON, and rewrites it unless `is_strict`. A query's answer becomes a document either way.
///
/// # Errors
///
/// What is no JSON.
pub fn normalise(bytes: &[u8], is_strict: bool) -> Result<Normalised, JsonError> {
    let (text, changed) = text_of(bytes)?;
    let before = json::read(text.as_bytes()).map_err(|error| {
        let is_xml = text.trim_start().starts_with('<');
        let message = if is_xml { Some(XML_AS_JSON) } else { epcis::foreign(text.as_bytes()) };
        message.map_or(error, |message| JsonError { pointer: String::new(), message: message.to_owned() })
    })?;
    Ok(normalise_json(before, changed, is_strict))
}

/// Rewrites a document unless `is_strict`, as [`normalise`] does. `changed` is what was changed before.
pub fn normalise_json(before: Json, mut changed: Vec<Change>, is_strict: bool) -> Normalised {
    let mut document = before.clone();
    let was_query = query_to_document(&mut document);
    if was_query {
        changed.push(Change {
            pointer: OF_QUERY.to_owned(),
            message: "is the `eventList` of an EPCISDocument now".to_owned(),
        });
    }
    let as_document = document.clone();
    let mut answered = BTreeSet::new();
    if !is_strict {
        header_to_members(&mut document);
        without_empty_ids(&mut document);
        answered = without_ledger_members(&mut document);
        document = epcis::normalised(document);
    }
    let (list, more) = epcis::changes(&as_document, &document, CHANGES_MAX.saturating_sub(changed.len()));
    changed.extend(list);
    if was_query {
        for change in &mut changed {
            change.pointer = as_sent(&change.pointer);
        }
    }
    let is_as_sent = changed.is_empty() && !more && before == document;
    Normalised { is_as_sent, document, changed, more, was_query, answered }
}

/// Leaves out each eventID that is the hash id of another event, and tells the right one; `None` if there is none, or the
/// document has other faults. Those of `answered` events stay.
pub fn without_other_hash_ids(document: &Json, answered: &BTreeSet<usize>) -> Option<(Json, Vec<Change>)> {
    let mut without = document.clone();
    let mut given = Vec::new();
    for (at, event) in events_of(&mut without)?.into_iter().enumerate() {
        let Some(members) = event.as_object_mut() else { continue };
        if members.get("eventID").and_then(Json::as_str).is_some_and(is_hash_id)
            && !answered.contains(&at)
            && let Some(id) = members.shift_remove("eventID")
        {
            given.push((at, id));
        }
    }
    if given.is_empty() {
        return None;
    }
    let read = epcis::read(without.to_string().as_bytes(), Reader::Strict).ok()?;
    let is_document = document.get("epcisBody").is_some();
    let mut mended = document.clone();
    let mut events = events_of(&mut mended)?;
    let mut changed = Vec::new();
    for (at, id) in given {
        let right = &read.events.get(at)?.event_id.uri;
        if id != **right {
            events.get_mut(at)?.as_object_mut()?.shift_remove("eventID");
            let place = if is_document { format!("{OF_DOCUMENT}/{at}") } else { String::new() };
            changed.push(Change {
                pointer: format!("{place}/eventID"),
                message: format!(
                    "is left out: it is an event hash id of CBV 2.0 (§8.9.2), and not the one of this event, which is known by \
                     {right} now"
                ),
            });
        }
    }
    (!changed.is_empty()).then_some((mended, changed))
}

/// The events of a document, or the one that stands alone.
fn events_of(document: &mut Json) -> Option<Vec<&mut Json>> {
    if document.get("epcisBody").is_none() {
        return Some(vec![document]);
    }
    Some(document.get_mut("epcisBody")?.get_mut("eventList")?.as_array_mut()?.iter_mut().collect())
}

/// The place in a query's answer of a place in the document that was made of it.
pub fn as_sent(pointer: &str) -> String {
    match pointer.strip_prefix(OF_DOCUMENT) {
        Some(rest) => format!("{OF_QUERY}{rest}"),
        None => pointer.to_owned(),
    }
}

/// Reads the bytes as text.
fn text_of(bytes: &[u8]) -> Result<(Cow<'_, str>, Vec<Change>), JsonError> {
    let told = |message: &str| Change { pointer: String::new(), message: message.to_owned() };
    match decode(bytes) {
        Ok(found) => Ok((found.text, found.form.change().map(told).into_iter().collect())),
        Err(error) => {
            let foreign = epcis::foreign(bytes).filter(|_| matches!(error, DecodeError::NoUtf8(_)));
            let message = foreign.map_or_else(|| error.to_string(), str::to_owned);
            Err(JsonError { pointer: String::new(), message })
        }
    }
}

/// Makes an EPCISDocument of an EPCISQueryDocument (EPCIS 2.0 §8.2.7.2), with its events as they are.
fn query_to_document(document: &mut Json) -> bool {
    let Some(frame) = document.as_object_mut() else { return false };
    let kind = ["type", "isA", "@type"].into_iter().find(|name| frame.contains_key(*name));
    let Some(kind) = kind.filter(|kind| frame.get(*kind).is_some_and(|found| found == "EPCISQueryDocument")) else {
        return false;
    };
    let body = frame.get_mut("epcisBody").and_then(|body| body.get_mut("queryResults"));
    let results = body.and_then(|body| body.get_mut("resultsBody"));
    let Some(list) = results.and_then(|results| results.get_mut("eventList")).map(Json::take) else { return false };
    frame.insert(kind.to_owned(), "EPCISDocument".into());
    frame.insert("epcisBody".to_owned(), Json::Object(Object::from([("eventList".to_owned(), list)])));
    true
}

/// Drops what an answer of a ledger adds to events, so that one that is captured again is the event that it was. Gives the places of those
/// events.
fn without_ledger_members(document: &mut Json) -> BTreeSet<usize> {
    let context = document.get("@context").filter(|_| document.get("epcisBody").is_some()).cloned();
    let events = events_of(document).into_iter().flatten().enumerate();
    let answered = events.filter_map(|(at, event)| {
        let members = event.as_object_mut()?;
        take_ledger_members(members, context.as_ref()).then_some(at)
    });
    answered.collect()
}

/// Takes the three members that EPCIS 2.0 has for it out of a StandardBusinessDocumentHeader of older versions (EPCIS 2.0
/// §9.3); the header goes.
fn header_to_members(document: &mut Json) {
    let Some(frame) = document.as_object_mut() else { return };
    let Some(header) = frame.get_mut("epcisHeader").and_then(Json::as_object_mut) else { return };
    let names = ["StandardBusinessDocumentHeader", "sbdh:StandardBusinessDocumentHeader"];
    let Some(sbdh) = names.into_iter().find_map(|name| header.shift_remove(name)) else { return };
    for name in ["EPCISMasterData", "extension"] {
        let is_empty = header.get(name).is_some_and(says_nothing);
        if is_empty {
            header.shift_remove(name);
        }
    }
    let is_empty = header.is_empty();
    let party = |name: &str| {
        let parties = sbdh.get(name)?;
        let first = parties.as_array().map_or(Some(parties), |list| list.first())?;
        let identifier = first.get("Identifier")?;
        let value = identifier.get("Value").or_else(|| identifier.get("#text")).unwrap_or(identifier).as_str()?;
        Some(value.to_owned()).filter(|value| !value.is_empty())
    };
    let instance = sbdh.get("DocumentIdentification").and_then(|found| found.get("InstanceIdentifier"));
    let instance = instance.and_then(Json::as_str).map(str::to_owned);
    let members = [("sender", party("Sender")), ("receiver", party("Receiver")), ("instanceIdentifier", instance)];
    for (name, value) in members {
        if let Some(value) = value.filter(|_| !frame.contains_key(name)) {
            frame.insert(name.to_owned(), value.into());
        }
    }
    if is_empty {
        frame.shift_remove("epcisHeader");
    }
}

/// Tells whether a value holds no text, number or truth at any depth.
fn says_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(items) => items.iter().all(says_nothing),
        Json::Object(members) => members.values().all(says_nothing),
        Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

/// Members that hold an id or are not there.
const OPTIONAL_IDS: [&str; 3] = ["id", "parentID", "transformationID"];

/// Drops members that should hold an id and are empty, at any depth; JSON's own depth limit bounds the recursion.
fn without_empty_ids(value: &mut Json) {
    match value {
        Json::Object(members) => {
            members.retain(|name, value| !OPTIONAL_IDS.contains(&name.as_str()) || value.as_str() != Some(""));
            members.values_mut().for_each(without_empty_ids);
        }
        Json::Array(items) => items.iter_mut().for_each(without_empty_ids),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn normalised(value: &serde_json::Value) -> Normalised {
        normalise(value.to_string().as_bytes(), false).unwrap()
    }

    fn told(normalised: &Normalised) -> Vec<String> {
        normalised.changed.iter().map(|change| format!("{} {}", change.pointer, change.message)).collect()
    }

    #[test]
    fn a_document_of_today_stays_as_it_is() {
        let document =
            json!({"type": "EPCISDocument", "epcisBody": {"eventList": [{"type": "ObjectEvent", "x": 1.50}]}});
        let found = normalised(&document);
        assert!(found.is_as_sent && found.changed.is_empty());
        assert_eq!(found.document, Json::from(document));
    }

    #[test]
    fn remarks_marks_and_older_words_are_told() {
        let text = format!(
            "\u{feff}{}",
            json!({"isA": "EPCISDocument", "_comment": "x", "epcisBody": {"eventList": [
                {"type": "ObjectEvent", "bizStep": "urn:epcglobal:cbv:bizstep:shipping", "readPoint": {"id": ""}},
            ]}})
        );
        let found = normalise(text.as_bytes(), false).unwrap();
        assert!(!found.is_as_sent);
        let mut told = told(&found);
        told.sort();
        assert_eq!(
            told,
            [
                " the byte order mark is left out",
                "/_comment is left out",
                "/epcisBody/eventList/0/bizStep is \"shipping\" now",
                "/epcisBody/eventList/0/readPoint/id is left out",
                "/isA is called `type` now",
            ]
        );
        let strict = normalise(text.as_bytes(), true).unwrap();
        assert_eq!(strict.changed.len(), 1, "the mark alone: {:?}", strict.changed);
        assert!(strict.document.get("_comment").is_some());
    }

    #[test]
    fn the_answer_of_a_query_becomes_a_document() {
        let query = json!({"type": "EPCISQueryDocument", "epcisBody": {"queryResults": {"queryName": "x", "resultsBody":
            {"eventList": [{"type": "ObjectEvent", "_c": 1}]}}}});
        let found = normalised(&query);
        assert!(found.was_query);
        assert_eq!(
            found.document.get("epcisBody").unwrap().to_string(),
            "{\"eventList\":[{\"type\":\"ObjectEvent\"}]}"
        );
        assert_eq!(
            told(&found),
            [
                "/epcisBody/queryResults/resultsBody/eventList is the `eventList` of an EPCISDocument now",
                "/epcisBody/queryResults/resultsBody/eventList/0/_c is left out",
            ]
        );
        assert_eq!(as_sent("/epcisBody/eventList/3/a"), "/epcisBody/queryResults/resultsBody/eventList/3/a");
        assert_eq!(as_sent("/creationDate"), "/creationDate");
        assert!(!normalised(&json!({"type": "EPCISQueryDocument", "epcisBody": {}})).was_query);
    }

    #[test]
    fn an_older_header_becomes_three_members() {
        let header = json!({"StandardBusinessDocumentHeader": {
            "Sender": [{"Identifier": {"Authority": "GS1", "Value": "urn:x:1"}}], "Receiver": {"Identifier": "urn:x:2"},
            "DocumentIdentification": {"InstanceIdentifier": "7"}}, "EPCISMasterData": {"vocabularyList": []}});
        let found =
            normalised(&json!({"type": "EPCISDocument", "epcisHeader": header, "epcisBody": {"eventList": []}}));
        let member = |name: &str| found.document.get(name).and_then(Json::as_str).map(str::to_owned);
        assert_eq!(member("sender").as_deref(), Some("urn:x:1"));
        assert_eq!(member("receiver").as_deref(), Some("urn:x:2"));
        assert_eq!(member("instanceIdentifier").as_deref(), Some("7"));
        assert!(found.document.get("epcisHeader").is_none());
        assert_eq!(found.changed.len(), 4, "{:?}", found.changed);
    }

    #[test]
    fn a_hash_id_of_another_event_is_left_out() {
        let wrong = format!("ni:///sha-256;{}?ver=CBV2.0", "ab".repeat(32));
        let event = json!({"type": "ObjectEvent", "eventID": wrong, "eventTime": "2026-03-01T08:00:00Z",
            "eventTimeZoneOffset": "+00:00", "action": "OBSERVE", "epcList": ["urn:epc:id:sgtin:9506000.013435.1"]});
        let document = json!({"@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T08:00:00Z",
            "epcisBody": {"eventList": [event]}});
        let document = Json::from(document);
        assert!(epcis::read(document.to_string().as_bytes(), Reader::Strict).is_err());
        let (mended, changed) = without_other_hash_ids(&document, &BTreeSet::new()).unwrap();
        let read = epcis::read(mended.to_string().as_bytes(), Reader::Strict).unwrap();
        assert_eq!(changed[0].pointer, "/epcisBody/eventList/0/eventID");
        assert!(changed[0].message.contains(&read.events[0].event_id.uri), "{}", changed[0].message);
        // What an answer gave keeps it: the ledger has that event already.
        assert!(without_other_hash_ids(&document, &BTreeSet::from([0])).is_none());
        // With the right one, or another URI, nothing is to be mended.
        let with = |id: &str| {
            Json::from(serde_json::from_str::<serde_json::Value>(&document.to_string().replace(&wrong, id)).unwrap())
        };
        assert!(without_other_hash_ids(&with(&read.events[0].event_id.uri), &BTreeSet::new()).is_none());
        assert!(
            without_other_hash_ids(&with("urn:uuid:1b3e0f7a-9a7c-4a5e-8a76-0f4a3a1c7f10"), &BTreeSet::new()).is_none()
        );
    }

    #[test]
    fn utf_16_is_read_by_its_mark() {
        let text: Vec<u8> = "\u{feff}{\"a\":\"ü\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(normalise(&text, false).unwrap().document.to_string(), "{\"a\":\"ü\"}");
        let odd = normalise(&text[..text.len() - 1], false).unwrap_err();
        assert!(odd.message.contains("it is not: send UTF-8"), "{odd}");
    }

    #[test]
    fn what_is_no_json_is_named() {
        for (bytes, words) in
            [(&b"<a/>"[..], "this is XML"), (b"{", ""), (b"\"\xff\"", "not UTF-8"), (b"\xef\xbb\xbf\xff", "not UTF-8")]
        {
            let error = normalise(bytes, false).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
