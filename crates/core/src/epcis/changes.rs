//! What a normaliser changed in a document, place by place.
//!
//! The changes are read off the document before and after, so that nothing can be changed and not told.

use crate::json::{Json, Object, child};

/// One place that differs between a document as it came and as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// JSON pointer (RFC 6901) into the document as it came; of a member that was added, into the new one.
    pub pointer: String,
    /// What became of it, such as `is left out` or `is "shipping" now`.
    pub message: String,
}

/// Characters of a value that a change quotes.
const QUOTED_CHARS_MAX: usize = 80;

/// Lists what differs, at most `changes_max` places. The second value is true if there are more.
pub fn changes(before: &Json, after: &Json, changes_max: usize) -> (Vec<Change>, bool) {
    let mut found = Found { list: Vec::new(), changes_max, more: false };
    found.compare("", before, after);
    (found.list, found.more)
}

struct Found {
    list: Vec<Change>,
    changes_max: usize,
    more: bool,
}

impl Found {
    fn add(&mut self, pointer: String, message: String) {
        if self.list.len() < self.changes_max {
            self.list.push(Change { pointer, message });
        } else {
            self.more = true;
        }
    }

    fn compare(&mut self, pointer: &str, before: &Json, after: &Json) {
        if self.more {
            return;
        }
        match (before, after) {
            (Json::Object(before), Json::Object(after)) => self.compare_members(pointer, before, after),
            (Json::Array(before), Json::Array(after)) if before.len() == after.len() => {
                for (at, (one, other)) in before.iter().zip(after).enumerate() {
                    self.compare(&child(pointer, at), one, other);
                }
            }
            (one, other) if one == other => {}
            (Json::Object(_), Json::Array(items)) if items.len() == 1 => {
                self.add(pointer.to_owned(), "stands in a list now".to_owned());
                if let Some(only) = items.first() {
                    self.compare(pointer, before, only);
                }
            }
            (_, other) => self.add(pointer.to_owned(), format!("is {} now", quoted(other))),
        }
    }

    fn compare_members(&mut self, pointer: &str, before: &Object, after: &Object) {
        // A member with another name and the same place is told as renamed.
        let mut gone: Vec<&String> = before.keys().filter(|name| !after.contains_key(*name)).collect();
        for (name, value) in after {
            if let Some(old) = before.get(name) {
                self.compare(&child(pointer, name), old, value);
                continue;
            }
            match renamed_from(name).and_then(|names| gone.iter().position(|old| names.contains(&old.as_str()))) {
                Some(at) => {
                    let old = gone.remove(at);
                    let place = child(pointer, old);
                    self.add(place.clone(), format!("is called `{name}` now"));
                    if let Some(was) = before.get(old) {
                        self.compare(&place, was, value);
                    }
                }
                None => self.add(child(pointer, name), format!("is added: {}", quoted(value))),
            }
        }
        for name in gone {
            self.add(child(pointer, name), "is left out".to_owned());
        }
    }
}

/// The older names of a member.
fn renamed_from(name: &str) -> Option<&'static [&'static str]> {
    match name {
        "type" => Some(&["isA", "@type"]),
        "eventList" => Some(&["event"]),
        _ => None,
    }
}

fn quoted(value: &Json) -> String {
    let text = value.to_string();
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: serde_json::Value, after: serde_json::Value) -> Vec<String> {
        let (list, more) = changes(&before.into(), &after.into(), 10);
        assert!(!more);
        list.into_iter().map(|change| format!("{} {}", change.pointer, change.message)).collect()
    }

    #[test]
    fn every_difference_is_told_once() {
        assert!(told(json!({"a": [1, {"b": 2}]}), json!({"a": [1, {"b": 2}]})).is_empty());
        let before = json!({"isA": "ObjectEvent", "_c": 1, "bizStep": "urn:x", "e": {"event": {"q": "1"}}});
        let after = json!({"bizStep": "y", "e": {"eventList": [{"q": 1}]}, "type": "ObjectEvent", "new": {}});
        assert_eq!(
            told(before, after),
            [
                "/bizStep is \"y\" now",
                "/e/event is called `eventList` now",
                "/e/event stands in a list now",
                "/e/event/q is 1 now",
                "/isA is called `type` now",
                "/new is added: {}",
                "/_c is left out",
            ]
        );
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let (before, after) = (Json::from(json!([1, 2, 3])), Json::from(json!([2, 3, 4])));
        let (list, more) = changes(&before, &after, 2);
        assert_eq!((list.len(), more), (2, true));
        let long = Json::from("x".repeat(200));
        let (list, _) = changes(&Json::Null, &long, 2);
        assert_eq!(list[0].message.chars().count(), "is … now".chars().count() + QUOTED_CHARS_MAX);
    }
}
