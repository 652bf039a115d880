//! An EPCIS document as it is taken apart and put together: for the events of one job alone, and for several jobs in one
//! statement. Pure.

use sealane_core::json::{self, Json, Object};

/// Members that two documents may differ in and still be one statement.
const OF_ONE_DOCUMENT: [&str; 2] = ["epcisBody", "creationDate"];

/// Members that a document may have if it is joined with others.
const JOINABLE: [&str; 4] = ["@context", "type", "schemaVersion", "creationDate"];

/// A document with its events in a list, or a single event.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentParts {
    /// Everything but the events; `None` of a single event, which is its own document.
    frame: Option<Object>,
    events: Vec<Json>,
}

impl DocumentParts {
    /// Takes apart a document that the strict reader has let pass; `None` of anything else.
    pub fn of(mut document: Json) -> Option<Self> {
        let frame = document.as_object_mut()?;
        let Some(body) = frame.get_mut("epcisBody") else {
            return Some(Self { frame: None, events: vec![document] });
        };
        let events = match body.get_mut("eventList").map(Json::take) {
            Some(Json::Array(events)) => events,
            _ => return None,
        };
        Some(Self { frame: Some(std::mem::take(frame)), events })
    }

    /// Takes apart the bytes of such a document.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        Self::of(json::read(bytes).ok()?)
    }

    pub fn events(&self) -> &[Json] {
        &self.events
    }

    /// What two documents must have in common to be joined; `None` if this one stands alone. One with a header says who sends it
    /// to whom, which is not true of the events of others.
    pub fn joint(&self) -> Option<String> {
        let frame = self.frame.as_ref()?;
        let has_more = frame.keys().any(|name| !JOINABLE.contains(&name.as_str()) && name != "epcisBody");
        let body_has_more = frame.get("epcisBody").and_then(Json::as_object).is_none_or(|body| body.len() > 1);
        if has_more || body_has_more {
            return None;
        }
        let shared = frame.iter().filter(|(name, _)| !OF_ONE_DOCUMENT.contains(&name.as_str()));
        let mut shared: Vec<(String, Json)> = shared.map(|(name, value)| (name.clone(), value.clone())).collect();
        shared.sort_by(|one, other| one.0.cmp(&other.0));
        Some(Json::Object(shared.into_iter().collect()).to_string())
    }

    /// The document with these events in place of its own.
    fn with_events(&self, events: Vec<Json>) -> Json {
        let Some(frame) = &self.frame else { return events.into_iter().next().unwrap_or(Json::Null) };
        let mut frame = frame.clone();
        if let Some(list) = frame.get_mut("epcisBody").and_then(|body| body.get_mut("eventList")) {
            *list = Json::Array(events);
        }
        Json::Object(frame)
    }

    /// The document with the events at these positions alone.
    pub fn only(&self, positions: &[usize]) -> Json {
        self.with_events(positions.iter().filter_map(|at| self.events.get(*at)).cloned().collect())
    }

    /// The document with its events from `first` on, `count` of them.
    pub fn range(&self, first: usize, count: usize) -> Json {
        self.with_events(self.events.iter().skip(first).take(count).cloned().collect())
    }
}

/// One document of the events of several, in their order. All have the same [`DocumentParts::joint`]; the last says when it was made.
pub fn join(parts: &[(DocumentParts, std::ops::Range<usize>)]) -> Option<Json> {
    let (last, _) = parts.last()?;
    let events = parts.iter().flat_map(|(part, range)| part.events.get(range.clone()).unwrap_or_default());
    Some(last.with_events(events.cloned().collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parts(value: serde_json::Value) -> DocumentParts {
        DocumentParts::of(value.into()).unwrap()
    }

    fn document(date: &str, events: &[u32]) -> DocumentParts {
        parts(json!({
            "@context": ["x"], "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": date,
            "epcisBody": {"eventList": events},
        }))
    }

    #[test]
    fn documents_with_one_frame_are_joined_in_their_order() {
        let (one, two) = (document("a", &[1, 2]), document("b", &[3]));
        assert_eq!(one.joint(), two.joint());
        let joined = join(&[(one, 0..2), (two, 0..1)]).unwrap();
        assert_eq!(
            joined,
            Json::from(json!({
                "@context": ["x"], "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "b",
                "epcisBody": {"eventList": [1, 2, 3]},
            }))
        );
        assert!(join(&[]).is_none());
    }

    #[test]
    fn what_says_more_of_its_sender_stands_alone() {
        let mut of = json!({"@context": ["x"], "type": "EPCISDocument", "epcisBody": {"eventList": []}});
        assert!(parts(of.clone()).joint().is_some());
        of["epcisHeader"] = json!({});
        assert!(parts(of.clone()).joint().is_none());
        assert!(parts(json!({"type": "ObjectEvent", "@context": []})).joint().is_none());
        of.as_object_mut().unwrap().remove("epcisHeader");
        of["epcisBody"]["more"] = json!(1);
        assert!(parts(of).joint().is_none());
        let other = parts(json!({"@context": ["y"], "type": "EPCISDocument", "epcisBody": {"eventList": []}}));
        assert_ne!(other.joint(), document("a", &[]).joint());
    }

    #[test]
    fn a_part_of_a_document_has_its_frame() {
        let whole = document("a", &[1, 2, 3]);
        assert_eq!(whole.range(1, 5).get("epcisBody").unwrap().to_string(), "{\"eventList\":[2,3]}");
        assert_eq!(whole.only(&[0, 2]).get("epcisBody").unwrap().to_string(), "{\"eventList\":[1,3]}");
        let single = parts(json!({"type": "ObjectEvent"}));
        assert_eq!(single.range(0, 1), Json::from(json!({"type": "ObjectEvent"})));
        assert!(DocumentParts::of(Json::Null).is_none());
        assert!(DocumentParts::of(json!({"epcisBody": {}}).into()).is_none());
    }
}
