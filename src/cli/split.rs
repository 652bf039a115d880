//! Long documents in several statements.
//!
//! One statement with thousands of ids is heavy for all who ask about one of them: evidence carries it whole, and a verdict passes
//! over a stranger's statement of more than 64 KiB. So a document is split between its events, in their order, at
//! [`IDS_PER_STATEMENT`] ids. An event with more is split itself only where that says the same: an ObjectEvent is about each id of its
//! `epcList` alike (EPCIS 2.0 §7.4.2). It must have no `eventID`, since an error declaration would withdraw none of the parts by
//! it; nothing in it may be about all its ids together (a quantity beside them, a sensor's report); and it declares no error itself.
//!
//! All text between is kept byte for byte: a number that is read and written again may have other digits.

use std::ops::Range;

use sealane_core::json;
use serde_json::Value;

/// Ids of one statement: at some 60 bytes each they stay under 64 KiB.
pub const IDS_PER_STATEMENT: usize = 1_000;

/// The fields of an event that name ids, but for its parent.
const LISTS: [&str; 8] = [
    "epcList",
    "quantityList",
    "childEPCs",
    "childQuantityList",
    "inputEPCList",
    "inputQuantityList",
    "outputEPCList",
    "outputQuantityList",
];

/// Members by which an ObjectEvent is about its ids together, or can be named.
const OF_THE_WHOLE: [&str; 4] = ["eventID", "errorDeclaration", "quantityList", "sensorElementList"];

/// A document in as many parts as statements are to be made of it.
#[derive(Debug, PartialEq, Eq)]
pub struct SplitDocument {
    pub documents: Vec<Vec<u8>>,
    /// Ids over all its events; one that is named several times counts as often.
    pub ids: usize,
    /// The events that name more than one statement should, and stay whole: by their places, from 0, with their ids.
    pub whole: Vec<(usize, usize)>,
}

/// Splits a document. What is no document, or is not strict JSON, stays as it is: who signs or takes it says what is wrong.
pub fn split(document: Vec<u8>) -> SplitDocument {
    let found = json::parse(&document).ok().and_then(|value| {
        let text = std::str::from_utf8(&document).ok()?;
        parts(text, &value)
    });
    found.unwrap_or_else(|| SplitDocument { documents: vec![document], ids: 0, whole: Vec::new() })
}

fn parts(text: &str, value: &Value) -> Option<SplitDocument> {
    let whole = value_at(text, 0)?;
    let list = match value.get("type")?.as_str()? {
        "EPCISDocument" => member(text, &member(text, &whole, "epcisBody")?, "eventList")?,
        _ => return Some(of_one_event(text, whole)),
    };
    let (mut ids, mut left_whole, mut groups) = (0, Vec::new(), vec![Group::default()]);
    for (at, event) in items(text, &list)?.into_iter().enumerate() {
        let event = EventText::of(text, event)?;
        ids += event.ids;
        if event.ids > IDS_PER_STATEMENT && !event.can_be_split {
            left_whole.push((at, event.ids));
        }
        for (piece, count) in event.pieces(text) {
            match groups.last_mut().filter(|group| group.ids == 0 || group.ids + count <= IDS_PER_STATEMENT) {
                Some(group) => group.add(piece, count),
                None => groups.push(Group { events: vec![piece], ids: count }),
            }
        }
    }
    let of_group = |group: &Group| {
        format!("{}[{}]{}", &text[..list.start], group.events.join(","), &text[list.end..]).into_bytes()
    };
    let documents = match groups.as_slice() {
        [_] => vec![text.as_bytes().to_vec()],
        several => several.iter().map(of_group).collect(),
    };
    Some(SplitDocument { documents, ids, whole: left_whole })
}

/// An event that is a document by itself.
fn of_one_event(text: &str, whole: Range<usize>) -> SplitDocument {
    let Some(event) = EventText::of(text, whole) else {
        return SplitDocument { documents: vec![text.as_bytes().to_vec()], ids: 0, whole: Vec::new() };
    };
    let is_left = event.ids > IDS_PER_STATEMENT && !event.can_be_split;
    let (ids, left_whole) = (event.ids, is_left.then_some((0, event.ids)).into_iter().collect());
    let documents = event.pieces(text).into_iter().map(|(piece, _)| piece.into_bytes()).collect();
    SplitDocument { documents, ids, whole: left_whole }
}

/// Events of one statement.
#[derive(Default)]
struct Group {
    events: Vec<String>,
    ids: usize,
}

impl Group {
    fn add(&mut self, event: String, ids: usize) {
        self.events.push(event);
        self.ids += ids;
    }
}

/// An event in a document's text.
struct EventText {
    at: Range<usize>,
    ids: usize,
    /// Its `epcList`, and whether the event says the same when that is split.
    epcs: Option<Range<usize>>,
    can_be_split: bool,
}

impl EventText {
    fn of(text: &str, at: Range<usize>) -> Option<Self> {
        let members = members(text, &at)?;
        let (mut ids, mut epcs) = (0, None);
        for (name, value) in &members {
            if LISTS.contains(&name.as_str()) {
                ids += items(text, value)?.len();
            }
            ids += usize::from(name == "parentID");
            if name == "epcList" {
                epcs = Some(value.clone());
            }
        }
        let is_object =
            members.iter().any(|(name, value)| name == "type" && &text[value.clone()] == r#""ObjectEvent""#);
        let can_be_split = is_object && !members.iter().any(|(name, _)| OF_THE_WHOLE.contains(&name.as_str()));
        Some(Self { at, ids, epcs, can_be_split })
    }

    /// The event as it stands, or in parts of as many ids as a statement should have.
    fn pieces(&self, text: &str) -> Vec<(String, usize)> {
        let whole = || vec![(text[self.at.clone()].to_owned(), self.ids)];
        let Some(epcs) = self.epcs.clone().filter(|_| self.can_be_split && self.ids > IDS_PER_STATEMENT) else {
            return whole();
        };
        let Some(ids) = items(text, &epcs) else { return whole() };
        let piece = |ids: &[Range<usize>]| {
            let list = ids.iter().map(|id| &text[id.clone()]).collect::<Vec<_>>().join(",");
            let (before, after) = (&text[self.at.start..epcs.start], &text[epcs.end..self.at.end]);
            (format!("{before}[{list}]{after}"), ids.len())
        };
        ids.chunks(IDS_PER_STATEMENT).map(piece).collect()
    }
}

/// The members of an object, with where their values are. `None` if it is none.
fn members(text: &str, object: &Range<usize>) -> Option<Vec<(String, Range<usize>)>> {
    let mut found = Vec::new();
    let mut at = after(text, object.start, b'{')?;
    while byte(text, at)? != b'}' {
        let name = value_at(text, at)?;
        let value = value_at(text, after(text, name.end, b':')?)?;
        at = skip(text, value.end);
        found.push((serde_json::from_str(&text[name]).ok()?, value));
        if byte(text, at)? == b',' {
            at = skip(text, at + 1);
        }
    }
    Some(found)
}

fn member(text: &str, object: &Range<usize>, name: &str) -> Option<Range<usize>> {
    members(text, object)?.into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
}

/// Where the items of an array are. `None` if it is none.
fn items(text: &str, array: &Range<usize>) -> Option<Vec<Range<usize>>> {
    let mut found = Vec::new();
    let mut at = after(text, array.start, b'[')?;
    while byte(text, at)? != b']' {
        let item = value_at(text, at)?;
        at = skip(text, item.end);
        found.push(item);
        if byte(text, at)? == b',' {
            at = skip(text, at + 1);
        }
    }
    Some(found)
}

/// Where a value is that begins at `at` or after white space. The text is JSON.
fn value_at(text: &str, at: usize) -> Option<Range<usize>> {
    let start = skip(text, at);
    let (mut end, mut depth, mut in_text) = (start, 0, false);
    loop {
        match byte(text, end)? {
            b'\\' if in_text => end += 1,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth -= 1,
            _ => {}
        }
        end += 1;
        let is_scalar_end = || {
            text.as_bytes()
                .get(end)
                .is_none_or(|next| matches!(next, b',' | b'}' | b']' | b':') || next.is_ascii_whitespace())
        };
        if !in_text && depth == 0 && (matches!(text.as_bytes()[end - 1], b'"' | b'}' | b']') || is_scalar_end()) {
            return Some(start..end);
        }
    }
}

/// The place after a character and the white space around it.
fn after(text: &str, at: usize, expected: u8) -> Option<usize> {
    let at = skip(text, at);
    (byte(text, at)? == expected).then(|| skip(text, at + 1))
}

fn skip(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

fn byte(text: &str, at: usize) -> Option<u8> {
    text.as_bytes().get(at).copied()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ids(range: Range<usize>) -> Vec<String> {
        range.map(|n| format!("urn:x:{n}")).collect()
    }

    fn object(range: Range<usize>) -> Value {
        json!({"type": "ObjectEvent", "action": "OBSERVE", "epcList": ids(range), "note \\\"": "a, [b] {c}"})
    }

    fn document(events: &[Value]) -> Vec<u8> {
        let body = json!({"type": "EPCISDocument", "schemaVersion": "2.0", "epcisBody": {"before": 1, "eventList": events, "after": [2]}});
        serde_json::to_vec_pretty(&body).unwrap()
    }

    /// The events of all parts, each as often as it came, and of how many ids.
    fn events(parts: &SplitDocument) -> Vec<Vec<Value>> {
        let list = |part: &Vec<u8>| {
            let value: Value = serde_json::from_slice(part).unwrap();
            assert_eq!((&value["schemaVersion"], &value["epcisBody"]["after"]), (&json!("2.0"), &json!([2])));
            value["epcisBody"]["eventList"].as_array().unwrap().clone()
        };
        parts.documents.iter().map(list).collect()
    }

    #[test]
    fn a_short_document_stays_byte_for_byte() {
        for events in [vec![], vec![object(0..1_000)], vec![object(0..500), object(500..1_000)]] {
            let bytes = document(&events);
            let parts = split(bytes.clone());
            assert_eq!((parts.documents, parts.whole), (vec![bytes], vec![]));
        }
    }

    #[test]
    fn a_long_one_is_split_between_its_events() {
        let given =
            [object(0..600), object(600..1_000), object(1_000..1_001), object(1_001..2_000), object(2_000..2_001)];
        let parts = split(document(&given));
        let found = events(&parts);
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
        assert_eq!(found.concat(), given);
        assert_eq!((parts.ids, parts.whole), (2_001, vec![]));
    }

    #[test]
    fn an_object_event_is_split_if_it_says_the_same() {
        let parts = split(document(&[object(0..2_500), object(2_500..2_501)]));
        let found = events(&parts);
        let lengths: Vec<Vec<usize>> = found
            .iter()
            .map(|part| part.iter().map(|event| event["epcList"].as_array().unwrap().len()).collect())
            .collect();
        assert_eq!(lengths, [vec![1_000], vec![1_000], vec![500, 1]]);
        let all: Vec<Value> =
            found.concat().iter().flat_map(|event| event["epcList"].as_array().unwrap().clone()).collect();
        assert_eq!(json!(all), json!(ids(0..2_501)));
        assert!(found.concat().iter().all(|event| event["note \\\""] == "a, [b] {c}"));
        let mut bare = object(0..1_500);
        bare["@context"] = json!([]);
        let parts = split(serde_json::to_vec(&bare).unwrap());
        assert_eq!((parts.documents.len(), parts.ids), (2, 1_500));
    }

    #[test]
    fn an_event_that_would_say_something_else_stays_whole() {
        let with = |name: &str, value: Value| {
            let mut event = object(0..1_500);
            event[name] = value;
            event
        };
        for event in [
            with("eventID", json!("urn:x:event")),
            with("errorDeclaration", json!({})),
            with("quantityList", json!([{"epcClass": "urn:x:c"}])),
            with("sensorElementList", json!([])),
            with("type", json!("TransactionEvent")),
            json!({"type": "AggregationEvent", "parentID": "urn:x:p", "childEPCs": ids(0..1_499), "action": "ADD"}),
            json!({"type": "TransformationEvent", "inputEPCList": ids(0..700), "outputEPCList": ids(700..1_500)}),
        ] {
            let parts = split(document(&[object(0..1), event.clone(), object(1..2)]));
            let found = events(&parts);
            assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1], "{event}");
            assert_eq!(found[1][0], event);
            let ids = if event.get("quantityList").is_some() { 1_501 } else { 1_500 };
            assert_eq!(parts.whole, [(1, ids)], "{event}");
        }
    }

    #[test]
    fn what_is_no_document_stays_as_it_is() {
        for bytes in
            [&b"{"[..], b"[]", b"1", b"{\"type\": 1}", b"{\"type\": \"EPCISDocument\"}", b"\xff", b"{\"a\":1,\"a\":2}"]
        {
            let documents = split(Vec::from(bytes)).documents;
            assert_eq!(documents, [bytes]);
        }
    }
}
