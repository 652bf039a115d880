//! The CBV 2.0 event hash id (§8.9.2): a name for an event that was given none, made from what it says.
//!
//! All its fields are written one after the other in a fixed order, in one spelling, and hashed. Nothing separates
//! name from value from the next name, and numbers pass through a double, so two different events can be made to
//! share an id. It identifies events of honest senders; it protects nothing. What protects is the signature, and what
//! compares is `content_hash`.
//!
//! Where the prose of the standard leaves a choice, this follows what the published reference results show:
//! `bizTransactionList`, `sourceList`, `destinationList`, `ilmd` and the extensions come last, sorted together; an
//! array of an extension is that many members of one name, except that `…List` wraps its items, named without `List`.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::epcis::context;
use crate::epcis::ids::Ids;
use crate::epcis::vocabulary::{
    BIZ_STEPS, BIZ_TRANSACTION_TYPES, COMPONENTS, DISPOSITIONS, MEASUREMENT_TYPES, SENSOR_ALERTS, SOURCE_DEST_TYPES,
};
use crate::hash::Hash;
use crate::time::Timestamp;

type Object = Map<String, Value>;

/// What the frame of a document says about the names in its events.
#[derive(Debug)]
pub(super) struct Naming<'a> {
    namespaces: BTreeMap<&'a str, &'a str>,
    ignored: HashSet<&'a str>,
    ids: Rc<Ids>,
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

impl<'a> Naming<'a> {
    /// Reads a document's inline namespaces, and the members that `…:ignoreFields` keeps out of its events' hashes.
    pub(super) fn of(document: &'a Object, ids: &Rc<Ids>) -> Self {
        let namespaces = document.get("@context").map(context::namespaces).unwrap_or_default();
        let ignoring = document.iter().filter(|(name, _)| name.ends_with(":ignoreFields"));
        let ignored = ignoring.filter_map(|(_, value)| value.as_array()).flatten().filter_map(Value::as_str);
        Self { namespaces: namespaces.into_iter().collect(), ignored: ignored.collect(), ids: ids.clone() }
    }

    /// Writes `prefix:name` as `{namespace}name` where the document declares the prefix.
    fn name(&self, name: &str) -> String {
        match self.split(name) {
            Some((namespace, local)) => format!("{{{namespace}}}{local}"),
            None => name.to_owned(),
        }
    }

    fn split<'b>(&self, text: &'b str) -> Option<(&'a str, &'b str)> {
        let (prefix, local) = text.split_once(':')?;
        Some((self.namespaces.get(prefix)?, local))
    }

    /// Brings text into the one spelling that is hashed: numbers plain, GS1 keys as canonical Digital Link URIs.
    fn text(&self, text: &str) -> String {
        let text = text.trim();
        let text = self.split(text).map_or_else(|| text.to_owned(), |(namespace, local)| format!("{namespace}{local}"));
        if let Some(number) = plain_number(&text) {
            return number;
        }
        self.ids.parse_uri(&text).map_or(text, |id| id.as_str().to_owned())
    }

    fn scalar(&self, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(self.text(text)),
            Value::Number(number) => Some(self.text(&number.to_string())),
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// The event's hash id, such as `ni:///sha-256;…?ver=CBV2.0`.
pub(super) fn event_hash_id(event: &Object, naming: &Naming<'_>) -> String {
    format!("ni:///sha-256;{}?ver=CBV2.0", Hash::of(pre_hash(event, naming).as_bytes()).to_hex())
}

fn pre_hash(event: &Object, naming: &Naming<'_>) -> String {
    let event_type = event.get("type").and_then(Value::as_str).unwrap_or_default();
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

fn standard(name: &str, value: &Value, naming: &Naming<'_>) -> String {
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

fn sensor_element(element: &Value, naming: &Naming<'_>) -> String {
    let metadata = element.get("sensorMetadata").map(|metadata| ordered(metadata, &METADATA_ORDER, naming));
    let report = |report| wrapped("sensorReport", ordered(report, &REPORT_ORDER, naming));
    let reports = sorted(items_of(element, "sensorReport").map(report));
    let extensions = extensions(element, &["sensorMetadata", "sensorReport"], naming);
    wrapped("sensorElement", wrapped("sensorMetadata", metadata.unwrap_or_default()) + &reports + &extensions)
}

/// The named members in their order, then the extensions, sorted.
fn ordered(object: &Value, order: &[&str], naming: &Naming<'_>) -> String {
    let fields = order.iter().filter_map(|name| field(name, object.get(name)?, naming));
    fields.collect::<String>() + &extensions(object, order, naming)
}

fn extensions(object: &Value, order: &[&str], naming: &Naming<'_>) -> String {
    let others = object.as_object().into_iter().flatten().filter(|(name, _)| !order.contains(&name.as_str()));
    sorted(others.flat_map(|(name, value)| extension(name, value, naming)))
}

/// `name=value` of a standard member; nothing for an empty one.
fn field(name: &str, value: &Value, naming: &Naming<'_>) -> Option<String> {
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
fn last(name: &str, value: &Value, naming: &Naming<'_>) -> Vec<String> {
    let pairs = |what: &str, kinds: &'static crate::epcis::vocabulary::Vocabulary| {
        let pair = |item: &Value| {
            let kind = item.get("type").and_then(Value::as_str);
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
fn extension(name: &str, value: &Value, naming: &Naming<'_>) -> Vec<String> {
    if LEFT_OUT.contains(&name) && name != "type" {
        return Vec::new();
    }
    match value {
        Value::Null => Vec::new(),
        Value::Array(list) => match name.strip_suffix("List") {
            Some(stem) => {
                vec![naming.name(name) + &sorted(list.iter().flat_map(|item| extension(stem, item, naming)))]
            }
            None => list.iter().flat_map(|item| extension(name, item, naming)).collect(),
        },
        Value::Object(_) => vec![naming.name(name) + &extensions(value, &[], naming)],
        scalar => {
            let text = naming.scalar(scalar).unwrap_or_default();
            vec![format!("{}{}{text}", naming.name(name), if text.is_empty() { "" } else { "=" })]
        }
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    }
    .iter()
}

fn items_of<'v>(object: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
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
    let exact = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok();
    let rounded = exact.and_then(|exact| exact.checked_add(HALF_MILLI)).and_then(Timestamp::from_date_time);
    rounded.map_or_else(|| text.to_owned(), |time| time.to_string())
}

/// A decimal number without sign of plus, needless zeros or exponent; `None` for other text.
fn plain_number(text: &str) -> Option<String> {
    let numeric = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    let number = text.parse::<f64>().ok().filter(|number| numeric && number.is_finite())?;
    Some(if number == 0.0 { "0".to_owned() } else { number.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pre(document: &Value, event: &Value) -> String {
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
            "ilmd{https://example.com/ns/}lot=42",
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
    fn numbers_are_plain() {
        for (text, number) in [("007", "7"), ("1.50", "1.5"), ("+3", "3"), ("-0", "0"), ("1e3", "1000")] {
            assert_eq!(plain_number(text).as_deref(), Some(number));
        }
        for text in ["", "inf", "nan", "12a", "2026-01-01", "e", "1e999"] {
            assert_eq!(plain_number(text), None, "{text}");
        }
    }
}
