//! Checks a value against the tables, and brings it into the one form that all later readers see.
//!
//! Checking and canonicalising are one pass: a word becomes its bare word, an id its canonical URI, a time
//! milliseconds in UTC. What the standard leaves to extensions is not touched. The work is linear in the input.

use std::collections::HashSet;
use std::rc::Rc;

use uuid::Uuid;

use crate::epcis::Reader;
use crate::epcis::context;
use crate::epcis::fault::{EpcisFault, FaultKind, Faults, Gathered};
use crate::epcis::ids::Ids;
use crate::epcis::schema::{List, Member, Members, Need, Others, Shape};
use crate::epcis::uri::is_absolute_uri;
use crate::epcis::vocabulary::Vocabulary;
use crate::json::{self, Json, Object};
use crate::limits::{ID_CHARS_MAX, IDS_PER_CAPTURE_MAX};
use crate::time::Timestamp;

/// A reading under way: where it is, and what it has found.
#[derive(Debug)]
pub(super) struct Walk {
    reader: Reader,
    path: Vec<Step>,
    /// How many ids have been met, and what they are.
    id_count: usize,
    ids: Rc<Ids>,
    found: Gathered,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Name(&'static str),
    Index(usize),
}

impl Walk {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader, path: Vec::new(), id_count: 0, ids: Rc::default(), found: Gathered::default() }
    }

    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, Faults> {
        self.found.into_result(read)
    }

    /// The ids of the document that have been read.
    pub(super) fn ids(&self) -> &Rc<Ids> {
        &self.ids
    }

    pub(super) fn has_faults(&self) -> bool {
        !self.found.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.found.is_full()
    }

    /// Runs `step` with the pointer one member deeper.
    pub(super) fn member<T>(&mut self, name: &'static str, step: impl FnOnce(&mut Self) -> T) -> T {
        self.deeper(Step::Name(name), step)
    }

    /// Runs `step` with the pointer one item deeper.
    pub(super) fn item<T>(&mut self, index: usize, step: impl FnOnce(&mut Self) -> T) -> T {
        self.deeper(Step::Index(index), step)
    }

    fn deeper<T>(&mut self, step: Step, run: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let result = run(self);
        self.path.pop();
        result
    }

    /// Records a fault at the place where the reading is.
    pub(super) fn fault(&mut self, message: impl Into<String>) {
        let pointer = self.pointer();
        self.push(pointer, message.into(), FaultKind::Standard);
    }

    /// Records a fault at the member `name` of the place where the reading is.
    pub(super) fn fault_at(&mut self, name: &str, message: impl Into<String>) {
        let pointer = json::child(&self.pointer(), name);
        self.push(pointer, message.into(), FaultKind::Standard);
    }

    /// Records a fault at what a JSON pointer leads to from the place where the reading is.
    pub(super) fn fault_below(&mut self, below: &str, message: impl Into<String>) {
        let pointer = self.pointer() + below;
        self.push(pointer, message.into(), FaultKind::Standard);
    }

    /// Records that a limit was passed at the place where the reading is.
    pub(super) fn too_many(&mut self, message: impl Into<String>) {
        let pointer = self.pointer();
        self.push(pointer, message.into(), FaultKind::TooMany);
    }

    fn push(&mut self, pointer: String, message: String, kind: FaultKind) {
        self.found.push(EpcisFault { pointer, message, kind });
    }

    fn pointer(&self) -> String {
        self.path.iter().fold(String::new(), |pointer, step| match step {
            Step::Name(name) => json::child(&pointer, name),
            Step::Index(index) => json::child(&pointer, index),
        })
    }

    /// Checks an object: that what it needs is there, then each member, by the table or as one that it does not name.
    pub(super) fn members(&mut self, members: &'static Members, object: &mut Object) {
        for member in members.all().filter(|member| member.need != Need::Optional) {
            if !object.contains_key(member.name) {
                self.missing(members, member, object);
            }
        }
        for (name, value) in object {
            if self.is_full() {
                return;
            }
            match members.named(name) {
                Some(member) => self.member(member.name, |walk| walk.value(&member.shape, value)),
                None => self.other(members, name),
            }
        }
    }

    fn missing(&mut self, members: &Members, member: &Member, object: &Object) {
        let excused = match member.need {
            Need::Optional => true,
            Need::Required => false,
            Need::RequiredOr(other) => self.reader == Reader::Normalising && object.contains_key(other),
        };
        if !excused {
            let (name, title, wanted) = (member.name, members.title, member.shape.wanted());
            self.fault(format!("`{name}` is missing; it is required of {title}, and is {wanted}"));
        }
    }

    fn other(&mut self, members: &Members, name: &str) {
        let title = members.title;
        if name == "@context" {
            self.fault_at(name, "`@context` belongs to the document or to an event, not to a part of one");
        } else if context::respells_standard_term(name) {
            self.fault_at(name, "a standard member under another spelling; write its plain name of EPCIS 2.0");
        } else if name.starts_with('_') && members.others != Others::Anything {
            self.fault_at(
                name,
                format!(
                    "`{name}` is a remark, which EPCIS 2.0 has no member for: leave it out, or give the document to `sealane \
                     gateway`, which does so"
                ),
            );
        } else if members.others == Others::Refused {
            self.fault_at(name, format!("`{name}` is no member of {title}, which takes no extensions"));
        } else if members.others == Others::Extensions && !is_absolute_uri(name) {
            self.fault_at(
                name,
                format!("`{name}` is no member of {title}; an extension carries its namespace, as in `example:{name}`"),
            );
        }
    }

    fn value(&mut self, shape: &'static Shape, value: &mut Json) {
        match shape {
            Shape::List(list) => self.list(shape, list, value),
            Shape::Object(members) => match value.as_object_mut() {
                Some(object) => self.members(members, object),
                None => self.wrong(shape, value),
            },
            Shape::Context => context::check(self, value),
            Shape::UriOrUris => self.uri_or_uris(value),
            Shape::Number => self.require(value.is_number(), shape, value),
            Shape::Boolean => self.require(value.is_boolean(), shape, value),
            Shape::AttributeValue => {
                let right = value.is_number() || value.is_string() || value.is_object();
                self.require(right, shape, value);
            }
            _ => match value {
                Json::String(text) => self.text(shape, text),
                _ => self.wrong(shape, value),
            },
        }
    }

    fn list(&mut self, shape: &Shape, list: &'static List, value: &mut Json) {
        let Some(items) = value.as_array_mut() else {
            return self.wrong(shape, value);
        };
        if items.len() < list.min {
            self.fault(format!("must be {}; this has {}", shape.wanted(), items.len()));
        }
        if list.unique {
            self.each_once(items);
        }
        for (index, item) in items.iter_mut().enumerate() {
            if self.is_full() {
                return;
            }
            self.item(index, |walk| walk.value(list.item, item));
        }
    }

    /// Compares as written, as the schema does: one id under two spellings may stand in one list.
    fn each_once(&mut self, items: &[Json]) {
        let mut seen = HashSet::new();
        for (index, item) in items.iter().enumerate() {
            if let Some(text) = item.as_str()
                && !seen.insert(text)
                && !self.is_full()
            {
                self.item(index, |walk| walk.fault(format!("{} stands in this list already", quoted(text))));
            }
        }
    }

    fn uri_or_uris(&mut self, value: &mut Json) {
        static URIS: Shape = Shape::List(List { item: &Shape::Uri, min: 0, unique: false });
        match value {
            Json::Array(_) => self.value(&URIS, value),
            Json::String(text) => self.text(&Shape::Uri, text),
            _ => self.wrong(&Shape::UriOrUris, value),
        }
    }

    fn text(&mut self, shape: &Shape, text: &mut String) {
        match shape {
            Shape::Uri => drop(self.uri(shape, text)),
            Shape::Id => self.id(text),
            Shape::Time => self.time(text),
            Shape::Word(list) => self.word(list, text),
            Shape::Offset => self.require_text(is_offset(text), shape, text),
            Shape::Hex => self.require_text(is_hex(text), shape, text),
            Shape::Uom => self.require_text(is_uom(text), shape, text),
            Shape::Action => self.require_text(matches!(text.as_str(), "ADD" | "OBSERVE" | "DELETE"), shape, text),
            Shape::Version => self.require_text(is_version(text), shape, text),
            Shape::Exactly(word) => self.require_text(text == word, shape, text),
            _ => {}
        }
    }

    fn uri(&mut self, shape: &Shape, text: &str) -> bool {
        if text.len() > ID_CHARS_MAX {
            self.fault(format!("a URI has at most {ID_CHARS_MAX} characters; this has {}", text.chars().count()));
            return false;
        }
        let right = is_absolute_uri(text);
        if !right && Uuid::try_parse(text).is_ok_and(|uuid| uuid.to_string().eq_ignore_ascii_case(text)) {
            let (wanted, uuid) = (shape.wanted(), text.to_ascii_lowercase());
            self.fault(format!("must be {wanted}, and a UUID alone is not: write urn:uuid:{uuid}"));
        } else {
            self.require_text(right, shape, text);
        }
        right
    }

    fn id(&mut self, text: &mut String) {
        self.id_count += 1;
        if self.id_count == IDS_PER_CAPTURE_MAX + 1 {
            self.too_many(format!("one capture names at most {IDS_PER_CAPTURE_MAX} identifiers; split it"));
        }
        if self.id_count > IDS_PER_CAPTURE_MAX || !self.uri(&Shape::Id, text) {
            return;
        }
        match self.ids.parse_uri(text) {
            Ok(id) => id.as_str().clone_into(text),
            Err(error) => self.fault(error.to_string()),
        }
    }

    fn time(&mut self, text: &mut String) {
        match text.parse::<Timestamp>() {
            Ok(time) => *text = time.to_string(),
            Err(_) => self.require_text(false, &Shape::Time, text),
        }
    }

    fn word(&mut self, list: &'static Vocabulary, text: &mut String) {
        if !list.permits(text) {
            let wanted = Shape::Word(list).wanted();
            let hint = match (list.word(text), list.nearest(text)) {
                (Some(word), _) => format!(": write {word:?}"),
                (None, Some(word)) => format!("; the nearest word is {word:?}"),
                (None, None) => String::new(),
            };
            self.fault(format!("must be {wanted}, and {} is not{hint}", quoted(text)));
        } else if self.reader == Reader::Strict && list.imitates(text) {
            let title = list.title;
            self.fault(format!(
                "{} stands among GS1's own words and is no {title} there: write the {title} as a bare word, or use a \
                 URI of your own vocabulary",
                quoted(text)
            ));
        } else if let Some(word) = list.word(text) {
            *text = word.to_owned();
        }
    }

    fn require(&mut self, right: bool, shape: &Shape, value: &Json) {
        if !right {
            self.wrong(shape, value);
        }
    }

    fn require_text(&mut self, right: bool, shape: &Shape, text: &str) {
        if !right {
            self.fault(format!("must be {}, and {} is not", shape.wanted(), quoted(text)));
        }
    }

    pub(super) fn wrong(&mut self, shape: &Shape, value: &Json) {
        self.fault(format!("must be {}; this is {}", shape.wanted(), kind_of(value)));
    }
}

fn kind_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// Text from the document, short enough for a message.
pub(super) fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

fn is_offset(text: &str) -> bool {
    let [b'+' | b'-', h1, h2, b':', m1, m2] = *text.as_bytes() else {
        return false;
    };
    let digits = [h1, h2, m1, m2];
    let number = |tens: u8, ones: u8| u32::from(tens.wrapping_sub(b'0')) * 10 + u32::from(ones.wrapping_sub(b'0'));
    let minutes = number(h1, h2) * 60 + number(m1, m2);
    digits.iter().all(u8::is_ascii_digit) && number(m1, m2) < 60 && minutes <= 14 * 60
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_uom(text: &str) -> bool {
    (2..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

fn is_version(text: &str) -> bool {
    text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_lie_within_fourteen_hours() {
        for text in ["+00:00", "-00:00", "+14:00", "-13:59", "+09:30"] {
            assert!(is_offset(text), "{text}");
        }
        for text in ["", "Z", "+14:01", "+15:00", "+9:00", "09:00", "+09:60", "+0900", "+ab:00", "+09:00 "] {
            assert!(!is_offset(text), "{text}");
        }
    }

    #[test]
    fn units_hex_and_versions_have_their_forms() {
        assert!(is_uom("KGM") && is_uom("23") && !is_uom("kgm") && !is_uom("K") && !is_uom("KGMS"));
        assert!(is_hex("f0F0") && !is_hex("") && !is_hex("0x"));
        assert!(is_version("2.0") && is_version("2") && !is_version("2.") && !is_version("v2"));
    }

    #[test]
    fn long_text_is_cut_in_messages() {
        assert_eq!(quoted("a"), "\"a\"");
        assert!(quoted(&"ü".repeat(500)).chars().count() < 90);
    }
}
