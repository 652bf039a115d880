//! The CBV 2.0 event hash (§8.9.2): what an event says, in one string, and its SHA-256. It names an event that was given no
//! eventID, and tells whether two events say the same.
//!
//! All fields are written one after the other in a fixed order, in one spelling: the *pre-hash string*. A number is written
//! by its digits as they were sent, without an exponent and needless zeros; it never passes through a double. Text stays
//! text, also if it looks like a number. A prefix is resolved by every `@context` in force.
//!
//! Nothing separates name from value from the next name, so a sender can make two events of its own that share a string. They
//! are one event then, of which the first counts. What protects is the signature.
//!
//! Where the prose of the standard leaves a choice, this follows what the published reference results show:
//! `bizTransactionList`, `sourceList`, `destinationList`, `ilmd` and the extensions come last, sorted together; an
//! array of an extension is that many members of one name, except that `…List` wraps its items, named without `List`.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::rc::Rc;

use crate::epcis::context::Prefixes;
use crate::epcis::ids::Ids;
use crate::epcis::vocabulary::{
    BIZ_STEPS, BIZ_TRANSACTION_TYPES, COMPONENTS, DISPOSITIONS, MEASUREMENT_TYPES, SENSOR_ALERTS, SOURCE_DEST_TYPES,
};
use crate::hash::Hash;
use crate::json::{Json, Object};
use crate::limits::PRE_HASH_BYTES_MAX;
use crate::time::{Timestamp, read_date_time};

/// What the contexts in force say about names, and which members the frame of the document keeps out of the hash.
#[derive(Debug, Clone)]
pub(super) struct Naming {
    prefixes: Prefixes,
    ignored: Rc<HashSet<String>>,
    ids: Rc<Ids>,
    /// Bytes of the document's pre-hash strings so far.
    written: Rc<Cell<usize>>,
}

/// Members that no hash covers: they may be added or differ between records of one event.
const LEFT_OUT: [&str; 7] =
    ["@context", "type", "eventID", "recordTime", "errorDeclaration", "rdfs:comment", "comment"];

/// The standard members in the order of CBV 2.0 §8.9.2; those of the event itself that come last are not here.
const EVENT_ORDER: [&str; 20] = [
    "eventTime",
    "eventTimeZoneOffset",
    "certificationInfo",
    "parentID",
    "epcList",
    "inputEPCList",
    "childEPCs",
    "quantityList",
    "childQuantityList",
    "inputQuantityList",
    "outputEPCList",
    "outputQuantityList",
    "action",
    "transformationID",
    "bizStep",
    "disposition",
    "persistentDisposition",
    "readPoint",
    "bizLocation",
    "sensorElementList",
];
const QUANTITY_ORDER: [&str; 3] = ["epcClass", "quantity", "uom"];
const METADATA_ORDER: [&str; 8] =
    ["time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"];
const REPORT_ORDER: [&str; 23] = [
    "type",
    "exception",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "time",
    "microorganism",
    "chemicalSubstance",
    "value",
    "component",
    "stringValue",
    "booleanValue",
    "hexBinaryValue",
    "uriValue",
    "minValue",
    "maxValue",
    "meanValue",
    "sDev",
    "percRank",
    "percValue",
    "uom",
    "coordinateReferenceSystem",
];

/// What is written before and after the digits of a hash, to make it an id.
const ID_START: &str = "ni:///sha-256;";
const ID_END: &str = "?ver=CBV2.0";

/// The event hash id with these digits, such as `ni:///sha-256;…?ver=CBV2.0`.
pub(super) fn hash_id(hash: &Hash) -> String {
    format!("{ID_START}{}{ID_END}", hash.to_hex())
}

/// Tells whether an eventID says of itself that it is an event hash id of CBV 2.0, in whatever case.
pub fn is_hash_id(event_id: &str) -> bool {
    let text = event_id.to_ascii_lowercase();
    text.strip_prefix(ID_START).is_some_and(|rest| rest.ends_with(&ID_END.to_ascii_lowercase()))
}

/// The hash of an event's pre-hash string; `None` if the document's would have more than [`PRE_HASH_BYTES_MAX`] with it.
pub(super) fn event_hash(event: &Object, naming: &Naming) -> Option<Hash> {
    let before = naming.written.get();
    let text = pre_hash(event, naming);
    // What was counted on the way is part of the text, unless the counting ended it.
    let written = naming.written.get().max(before.saturating_add(text.len()));
    naming.written.set(written);
    (written <= PRE_HASH_BYTES_MAX).then(|| Hash::of(text.as_bytes()))
}

impl Naming {
    /// Reads the contexts of a document, and the extensions that `…:ignoreFields` keeps out of its events' hashes. Members
    /// of the standard are never kept out.
    pub(super) fn of(document: &Object, ids: &Rc<Ids>) -> Self {
        let prefixes = document.get("@context").map(|context| Prefixes::default().with(context)).unwrap_or_default();
        let ignoring = document.iter().filter(|(name, _)| name.ends_with(":ignoreFields"));
        let ignored = ignoring.filter_map(|(_, value)| value.as_array()).flatten().filter_map(Json::as_str);
        let ignored = ignored.filter(|name| name.contains(':')).map(str::to_owned);
        Self { prefixes, ignored: Rc::new(ignored.collect()), ids: ids.clone(), written: Rc::default() }
    }

    /// This, or what holds inside an object with a context of its own.
    fn inside(&self, object: &Object) -> Cow<'_, Self> {
        match object.get("@context") {
            Some(context) => Cow::Owned(Self { prefixes: self.prefixes.with(context), ..self.clone() }),
            None => Cow::Borrowed(self),
        }
    }

    pub(super) fn prefixes(&self) -> &Prefixes {
        &self.prefixes
    }

    /// Counts text that the pre-hash string takes in. Past the limit it takes in no more.
    fn counted(&self, text: String) -> String {
        self.written.set(self.written.get().saturating_add(text.len()));
        if self.written.get() > PRE_HASH_BYTES_MAX { String::new() } else { text }
    }

    /// Writes `prefix:name` as `{namespace}name` where a context in force declares the prefix.
    fn name(&self, name: &str) -> String {
        self.counted(match self.prefixes.split(name) {
            Some((namespace, local)) => format!("{{{namespace}}}{local}"),
            None => name.to_owned(),
        })
    }

    /// Brings text into the one spelling that is hashed: prefixes resolved, GS1 keys as canonical Digital Link URIs.
    fn text(&self, text: &str) -> String {
        let text = text.trim();
        let whole = self.prefixes.split(text).map(|(namespace, local)| format!("{namespace}{local}"));
        let text = whole.map_or(Cow::Borrowed(text), Cow::Owned);
        // Most texts are no URI, and are not looked at twice.
        if !text.contains(':') {
            return self.counted(text.into_owned());
        }
        self.counted(self.ids.parse_uri(&text).map_or_else(|_| text.into_owned(), |id| id.as_str().to_owned()))
    }

    fn scalar(&self, value: &Json) -> Option<String> {
        match value {
            Json::String(text) => Some(self.text(text)),
            Json::Number(number) => Some(number.plain()),
            Json::Bool(truth) => Some(truth.to_string()),
            Json::Null | Json::Array(_) | Json::Object(_) => None,
        }
    }
}

fn pre_hash(event: &Object, naming: &Naming) -> String {
    let naming = &*naming.inside(event);
    let event_type = event.get("type").and_then(Json::as_str).unwrap_or_default();
    let mut text = format!("eventType={event_type}");
    let (mut first, mut rest) = ([None; EVENT_ORDER.len()], Vec::new());
    for (name, value) in event {
        let name = name.as_str();
        match EVENT_ORDER.iter().position(|standard| *standard == name).and_then(|at| first.get_mut(at)) {
            Some(place) => *place = Some(value),
            None if LEFT_OUT.contains(&name) || naming.ignored.contains(name) => {}
            None => rest.push((name, value)),
        }
    }
    for (name, value) in EVENT_ORDER.into_iter().zip(first) {
        text += &value.map(|value| standard(name, value, naming)).unwrap_or_default();
    }
    text + &sorted(rest.into_iter().flat_map(|(name, value)| last(name, value, naming)))
}

fn standard(name: &str, value: &Json, naming: &Naming) -> String {
    match name {
        "epcList" | "inputEPCList" | "childEPCs" | "outputEPCList" => {
            wrapped(name, sorted(items(value).flat_map(|item| field("epc", item, naming))))
        }
        "quantityList" | "childQuantityList" | "inputQuantityList" | "outputQuantityList" => {
            let element = |item| wrapped("quantityElement", ordered(item, &QUANTITY_ORDER, naming));
            wrapped(name, sorted(items(value).map(element)))
        }
        "persistentDisposition" => {
            let changes =
                ["set", "unset"].map(|change| sorted(items_of(value, change).flat_map(|to| field(change, to, naming))));
            wrapped(name, changes.concat())
        }
        "readPoint" | "bizLocation" => wrapped(name, ordered(value, &["id"], naming)),
        "sensorElementList" => wrapped(name, sorted(items(value).map(|element| sensor_element(element, naming)))),
        _ => sorted(items(value).flat_map(|item| field(name, item, naming))),
    }
}

fn sensor_element(element: &Json, naming: &Naming) -> String {
    let metadata = element.get("sensorMetadata").map(|metadata| ordered(metadata, &METADATA_ORDER, naming));
    let report = |report| wrapped("sensorReport", ordered(report, &REPORT_ORDER, naming));
    let reports = sorted(items_of(element, "sensorReport").map(report));
    let extensions = extensions(element, &["sensorMetadata", "sensorReport"], naming);
    wrapped("sensorElement", wrapped("sensorMetadata", metadata.unwrap_or_default()) + &reports + &extensions)
}

/// The named members in their order, then the extensions, sorted.
fn ordered(object: &Json, order: &[&str], naming: &Naming) -> String {
    let fields = order.iter().filter_map(|name| field(name, object.get(name)?, naming));
    fields.collect::<String>() + &extensions(object, order, naming)
}

fn extensions(object: &Json, order: &[&str], naming: &Naming) -> String {
    let others = object.as_object().into_iter().flatten().filter(|(name, _)| !order.contains(&name.as_str()));
    sorted(others.flat_map(|(name, value)| extension(name, value, naming)))
}

/// `name=value` of a standard member; nothing for an empty one.
fn field(name: &str, value: &Json, naming: &Naming) -> Option<String> {
    let text = match (name, value.as_str()) {
        ("eventTime" | "time" | "startTime" | "endTime", Some(text)) => utc_millis(text),
        ("eventTimeZoneOffset" | "action", Some(text)) => text.to_owned(),
        ("bizStep", Some(text)) => naming.text(&BIZ_STEPS.web_uri(text)),
        ("disposition" | "set" | "unset", Some(text)) => naming.text(&DISPOSITIONS.web_uri(text)),
        ("type", Some(text)) => naming.text(&MEASUREMENT_TYPES.web_uri(text)),
        ("exception", Some(text)) => naming.text(&SENSOR_ALERTS.web_uri(text)),
        ("component", Some(text)) => naming.text(&COMPONENTS.web_uri(text)),
        _ => naming.scalar(value)?,
    };
    (!text.is_empty()).then(|| format!("{name}={text}"))
}

/// The members of an event that come last: three standard lists, `ilmd` and the extensions.
fn last(name: &str, value: &Json, naming: &Naming) -> Vec<String> {
    let pairs = |what: &str, kinds: &'static crate::epcis::vocabulary::Vocabulary| {
        let pair = |item: &Json| {
            let kind = item.get("type").and_then(Json::as_str);
            let kind = kind.map(|kind| format!("type={}", naming.text(&kinds.web_uri(kind))));
            kind.unwrap_or_default() + &item.get(what).and_then(|id| field(what, id, naming)).unwrap_or_default()
        };
        vec![wrapped(name, sorted(items(value).map(pair)))]
    };
    match name {
        "bizTransactionList" => pairs("bizTransaction", &BIZ_TRANSACTION_TYPES),
        "sourceList" => pairs("source", &SOURCE_DEST_TYPES),
        "destinationList" => pairs("destination", &SOURCE_DEST_TYPES),
        _ => extension(name, value, naming),
    }
}

/// An extension and all below it; an array gives as many strings as it has items.
fn extension(name: &str, value: &Json, naming: &Naming) -> Vec<String> {
    if LEFT_OUT.contains(&name) && name != "type" {
        return Vec::new();
    }
    match value {
        Json::Null => Vec::new(),
        Json::Array(list) => match name.strip_suffix("List") {
            Some(stem) => {
                vec![naming.name(name) + &sorted(list.iter().flat_map(|item| extension(stem, item, naming)))]
            }
            None => list.iter().flat_map(|item| extension(name, item, naming)).collect(),
        },
        Json::Object(members) => vec![naming.name(name) + &extensions(value, &[], &naming.inside(members))],
        scalar => {
            let text = naming.scalar(scalar).unwrap_or_default();
            vec![format!("{}{}{text}", naming.name(name), if text.is_empty() { "" } else { "=" })]
        }
    }
}

fn items(value: &Json) -> impl Iterator<Item = &Json> {
    match value {
        Json::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    }
    .iter()
}

fn items_of<'v>(object: &'v Json, name: &str) -> impl Iterator<Item = &'v Json> {
    object.get(name).into_iter().flat_map(items)
}

fn wrapped(name: &str, content: String) -> String {
    if content.is_empty() { content } else { format!("{name}{content}") }
}

fn sorted(texts: impl Iterator<Item = String>) -> String {
    let mut texts: Vec<String> = texts.collect();
    if texts.len() == 1 {
        return texts.pop().unwrap_or_default();
    }
    texts.sort_unstable();
    texts.concat()
}

/// The point in UTC with three digits of a second, rounded half up.
fn utc_millis(text: &str) -> String {
    const HALF_MILLI: time::Duration = time::Duration::microseconds(500);
    let rounded =
        read_date_time(text).and_then(|exact| exact.checked_add(HALF_MILLI)).and_then(Timestamp::from_date_time);
    rounded.map_or_else(|| text.to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use serde_json::{Value, json};

    fn pre(document: &Value, event: &Value) -> String {
        let (document, event) = (Json::from(document.clone()), Json::from(event.clone()));
        pre_hash(event.as_object().unwrap(), &Naming::of(document.as_object().unwrap(), &Rc::default()))
    }

    #[test]
    fn writes_the_fields_in_the_order_of_the_standard() {
        let event = json!({
            "type": "ObjectEvent",
            "eventID": "urn:uuid:00000000-0000-0000-0000-000000000000",
            "recordTime": "2026-01-02T00:00:00Z",
            "action": "ADD",
            "bizStep": "commissioning",
            "persistentDisposition": {"unset": ["recalled"], "set": ["conformant", "available"]},
            "epcList": ["urn:x:b", "urn:x:a"],
            "quantityList": [{"uom": "KGM", "quantity": 12.50, "epcClass": "urn:x:c"}, {"epcClass": "urn:x:a"}],
            "eventTime": "2026-01-01T10:00:00.1235+01:00",
            "eventTimeZoneOffset": "+01:00",
            "readPoint": {"id": "urn:x:here"},
            "bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:po"}, {"bizTransaction": "urn:x:bt"}],
            "sourceList": [{"type": "location", "source": "urn:x:from"}],
            "ilmd": {"example:lot": "0042"},
            "certificationInfo": ["urn:x:2", "urn:x:1"],
        });
        let context = json!({"@context": [{"example": "https://example.com/ns/"}]});
        let wanted = [
            "eventType=ObjectEvent",
            "eventTime=2026-01-01T09:00:00.124Z",
            "eventTimeZoneOffset=+01:00",
            "certificationInfo=urn:x:1certificationInfo=urn:x:2",
            "epcListepc=urn:x:aepc=urn:x:b",
            "quantityListquantityElementepcClass=urn:x:aquantityElementepcClass=urn:x:cquantity=12.5uom=KGM",
            "action=ADD",
            "bizStep=https://ref.gs1.org/cbv/BizStep-commissioning",
            "persistentDispositionset=https://ref.gs1.org/cbv/Disp-availableset=https://ref.gs1.org/cbv/Disp-conformant",
            "unset=https://ref.gs1.org/cbv/Disp-recalled",
            "readPointid=urn:x:here",
            "bizTransactionListbizTransaction=urn:x:bttype=https://ref.gs1.org/cbv/BTT-pobizTransaction=urn:x:po",
            "ilmd{https://example.com/ns/}lot=0042",
            "sourceListtype=https://ref.gs1.org/cbv/SDT-locationsource=urn:x:from",
        ];
        assert_eq!(pre(&context, &event), wanted.concat());
    }

    #[test]
    fn sorts_sensor_elements_reports_and_extensions() {
        let event = json!({
            "type": "ObjectEvent",
            "epcList": [],
            "sensorElementList": [
                {"sensorReport": [{"type": "Temperature", "value": 20.0, "example:b": "2", "example:a": true}]},
                {"sensorMetadata": {"time": "2026-01-01T00:00:00Z", "bizRules": "urn:x:r"},
                 "sensorReport": [{"type": "Speed", "component": "x"}, {"type": "Angle", "exception": "ALARM_CONDITION"}]}
            ],
            "example:list": ["b", "a", {"example:in": null}],
            "example:partList": [1, 2],
        });
        let wanted = [
            "eventType=ObjectEvent",
            "sensorElementList",
            "sensorElementsensorMetadatatime=2026-01-01T00:00:00.000ZbizRules=urn:x:r",
            "sensorReporttype=https://gs1.org/voc/Angleexception=https://gs1.org/voc/ALARM_CONDITION",
            "sensorReporttype=https://gs1.org/voc/Speedcomponent=https://ref.gs1.org/cbv/Comp-x",
            "sensorElementsensorReporttype=https://gs1.org/voc/Temperaturevalue=20example:a=trueexample:b=2",
            "example:listexample:list=aexample:list=b",
            "example:partListexample:part=1example:part=2",
        ];
        assert_eq!(pre(&json!({}), &event), wanted.concat());
    }

    #[test]
    fn leaves_out_comments_and_what_the_document_ignores() {
        let event = json!({"type": "ObjectEvent", "rdfs:comment": "c", "example:capture": "1", "example:kept": "x"});
        let document = json!({"repository:ignoreFields": ["example:capture"]});
        assert_eq!(pre(&document, &event), "eventType=ObjectEventexample:kept=x");
    }

    #[test]
    fn no_member_of_the_standard_is_ignored() {
        let event = json!({"type": "ObjectEvent", "ilmd": {"example:lot": "1"}, "bizStep": "shipping"});
        let document = json!({"repository:ignoreFields": ["ilmd", "bizStep"]});
        assert_eq!(pre(&document, &event), pre(&json!({}), &event));
    }

    #[test]
    fn numbers_are_written_by_their_digits_and_text_stays_text() {
        let written = |value: &str| {
            let event = format!(r#"{{"type":"ObjectEvent","x:y":{value}}}"#);
            let event = json::read(event.as_bytes()).unwrap();
            let text = pre_hash(event.as_object().unwrap(), &Naming::of(&Object::new(), &Rc::default()));
            text.strip_prefix("eventType=ObjectEventx:y=").unwrap().to_owned()
        };
        assert_eq!(written("195060001343500016"), "195060001343500016");
        assert_eq!(written("195060001343500017"), "195060001343500017");
        assert_eq!((written("12E4"), written("120000.0")), ("120000".to_owned(), "120000".to_owned()));
        assert_eq!((written("\"12E4\""), written("\"007\"")), ("12E4".to_owned(), "007".to_owned()));
        assert_eq!((written("5"), written("\" 5 \"")), ("5".to_owned(), "5".to_owned()));
    }

    #[test]
    fn every_context_in_force_counts() {
        let document = json!({"@context": ["https://example.com/c.jsonld", {"a": "https://a.example/", "b": "a:b/"}]});
        let event = json!({"type": "ObjectEvent", "a:x": "1", "b:y": "a:z"});
        let wanted = "eventType=ObjectEvent{https://a.example/b/}y=https://a.example/z{https://a.example/}x=1";
        assert_eq!(pre(&document, &event), wanted);
        let own = json!({"type": "ObjectEvent", "@context": {"a": "urn:own:"}, "a:x": "1"});
        assert_eq!(pre(&document, &own), "eventType=ObjectEvent{urn:own:}x=1");
        let deep =
            json!({"type": "ObjectEvent", "a:x": {"@context": [{"c": "urn:deep:"}], "c:y": "1", "a:z": {"c:w": "2"}}});
        let wanted = "eventType=ObjectEvent{https://a.example/}x{https://a.example/}z{urn:deep:}w=2{urn:deep:}y=1";
        assert_eq!(pre(&document, &deep), wanted);
    }

    #[test]
    fn knows_what_calls_itself_a_hash_id() {
        let hash = Hash::of(b"");
        assert!(is_hash_id(&hash_id(&hash)) && is_hash_id("NI:///sha-256;00?ver=cbv2.0"));
        for other in ["urn:uuid:1", "ni:///sha-256;00", "ni:///sha-256;00?ver=CBV2.1", "ni:///sha-512;00?ver=CBV2.0"] {
            assert!(!is_hash_id(other), "{other}");
        }
    }
}
