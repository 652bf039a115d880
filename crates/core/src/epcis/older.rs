//! Turns older spellings of EPCIS JSON into today's, for reading only.
//!
//! What it knows: the drafts of EPCIS 2.0 (`isA`, `epcisBody.event`, a numeric `schemaVersion`), CBV 1.2 URNs and full
//! CBV and GS1 URIs for standard words, numbers written as strings, remarks in members whose name begins with `_`.
//! What it does not know it leaves as it is, for the checks to judge.

use crate::epcis::vocabulary::{
    BIZ_STEPS, BIZ_TRANSACTION_TYPES, COMPONENTS, DISPOSITIONS, ERROR_REASONS, MEASUREMENT_TYPES, SENSOR_ALERTS,
    SOURCE_DEST_TYPES, Vocabulary,
};
use crate::json::{Decimal, Json, Object};

const QUANTITY_LISTS: [&str; 4] = ["quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"];
const REPORT_NUMBERS: [&str; 7] = ["value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"];

/// Rewrites a document or a single event.
pub(super) fn normalised(mut document: Json) -> Json {
    without_remarks(&mut document);
    if let Some(frame) = document.as_object_mut() {
        renamed(frame, "isA", "type");
        renamed(frame, "@type", "type");
        if frame.get("type").and_then(Json::as_str) == Some("EPCISDocument") {
            document_frame(frame);
        } else {
            event(frame);
        }
    }
    document
}

fn document_frame(frame: &mut Object) {
    if let Some(version @ Json::Number(_)) = frame.get_mut("schemaVersion") {
        *version = Json::String(format!("{version}"));
    }
    let Some(Json::Object(body)) = frame.get_mut("epcisBody") else {
        return;
    };
    renamed(body, "event", "eventList");
    let Some(list) = body.get_mut("eventList") else {
        return;
    };
    if list.is_object() {
        *list = Json::Array(vec![list.take()]);
    }
    each_object(list, event);
}

fn event(event: &mut Object) {
    renamed(event, "isA", "type");
    renamed(event, "@type", "type");
    // A blank node's label means nothing outside its document, so it is no eventID.
    if event.get("eventID").and_then(Json::as_str).is_some_and(|id| id.starts_with("_:")) {
        event.shift_remove("eventID");
    }
    if event.get("type").and_then(Json::as_str) == Some("TransformationEvent") {
        event.shift_remove("action");
    }
    word(event, "bizStep", &BIZ_STEPS);
    word(event, "disposition", &DISPOSITIONS);
    typed_list(event, "bizTransactionList", &BIZ_TRANSACTION_TYPES);
    typed_list(event, "sourceList", &SOURCE_DEST_TYPES);
    typed_list(event, "destinationList", &SOURCE_DEST_TYPES);
    for name in QUANTITY_LISTS {
        each_object_in(event, name, |element| number(element, "quantity"));
    }
    if let Some(Json::Object(changes)) = event.get_mut("persistentDisposition") {
        words(changes, "set");
        words(changes, "unset");
    }
    if let Some(Json::Object(declaration)) = event.get_mut("errorDeclaration") {
        word(declaration, "reason", &ERROR_REASONS);
    }
    each_object_in(event, "sensorElementList", |element| each_object_in(element, "sensorReport", report));
}

fn report(report: &mut Object) {
    word(report, "type", &MEASUREMENT_TYPES);
    // The list of measurements has grown over the drafts; one that is not in it is still a GS1 term.
    if let Some(Json::String(kind)) = report.get_mut("type")
        && !MEASUREMENT_TYPES.permits(kind)
        && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    {
        *kind = format!("gs1:{kind}");
    }
    word(report, "exception", &SENSOR_ALERTS);
    word(report, "component", &COMPONENTS);
    for name in REPORT_NUMBERS {
        number(report, name);
    }
}

fn typed_list(event: &mut Object, name: &str, list: &Vocabulary) {
    each_object_in(event, name, |item| word(item, "type", list));
}

/// A standard word becomes the bare word; another word under the standard's prefixes becomes a full URI.
fn word(object: &mut Object, name: &str, list: &Vocabulary) {
    if let Some(Json::String(text)) = object.get_mut(name) {
        if let Some(word) = list.word(text) {
            word.clone_into(text);
        } else if let Some(uri) = list.extension_uri(text) {
            *text = uri;
        }
    }
}

fn words(changes: &mut Object, name: &str) {
    if let Some(Json::Array(items)) = changes.get_mut(name) {
        for item in items {
            if let Some(word) = item.as_str().and_then(|text| DISPOSITIONS.word(text)) {
                *item = Json::from(word);
            }
        }
    }
}

fn number(object: &mut Object, name: &str) {
    if let Some(value) = object.get_mut(name)
        && let Some(number) = value.as_str().and_then(|text| Decimal::parse(text.trim()))
    {
        *value = Json::Number(number);
    }
}

fn renamed(object: &mut Object, from: &str, to: &str) {
    if !object.contains_key(to)
        && let Some(value) = object.shift_remove(from)
    {
        object.insert(to.to_owned(), value);
    }
}

fn each_object_in(object: &mut Object, name: &str, rewrite: impl Fn(&mut Object)) {
    if let Some(list) = object.get_mut(name) {
        each_object(list, rewrite);
    }
}

fn each_object(list: &mut Json, rewrite: impl Fn(&mut Object)) {
    list.as_array_mut().into_iter().flatten().filter_map(Json::as_object_mut).for_each(rewrite);
}

/// Drops members named like `_comment`, at any depth; JSON's own depth limit bounds the recursion.
fn without_remarks(value: &mut Json) {
    match value {
        Json::Object(object) => {
            object.retain(|name, _| !name.starts_with('_'));
            object.values_mut().for_each(without_remarks);
        }
        Json::Array(items) => items.iter_mut().for_each(without_remarks),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn turns_a_draft_into_todays_document() {
        let draft = json!({
            "isA": "EPCISDocument",
            "_comment": "hand made",
            "schemaVersion": 2.0,
            "epcisBody": {"event": {
                "isA": "ObjectEvent",
                "eventID": "_:b1",
                "bizStep": "urn:epcglobal:cbv:bizstep:shipping",
                "disposition": "https://ns.gs1.org/cbv/Disp-in_transit",
                "bizTransactionList": [{"type": "urn:epcglobal:cbv:btt:po", "bizTransaction": "urn:x:1"}],
                "sourceList": [{"type": "cbv:SDT-location", "source": "urn:x:2"}],
                "quantityList": [{"epcClass": "urn:x:3", "quantity": "12.5"}, {"epcClass": "urn:x:4", "quantity": "ten"}],
                "persistentDisposition": {"set": ["urn:epcglobal:cbv:disp:recalled"]},
                "errorDeclaration": {"reason": "urn:epcglobal:cbv:er:other"},
                "sensorElementList": [{"sensorReport": [
                    {"type": "gs1:Temperature", "value": "28.3", "_note": 1},
                    {"type": "EffectiveDoseRate", "component": "https://ref.gs1.org/cbv/Comp-x"}
                ]}]
            }}
        });
        let today = json!({
            "schemaVersion": "2.0",
            "epcisBody": {"eventList": [{
                "bizStep": "shipping",
                "disposition": "in_transit",
                "bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:1"}],
                "sourceList": [{"type": "location", "source": "urn:x:2"}],
                "quantityList": [{"epcClass": "urn:x:3", "quantity": 12.5}, {"epcClass": "urn:x:4", "quantity": "ten"}],
                "persistentDisposition": {"set": ["recalled"]},
                "errorDeclaration": {"reason": "https://ref.gs1.org/cbv/ER-other"},
                "sensorElementList": [{"sensorReport": [
                    {"type": "Temperature", "value": 28.3},
                    {"type": "gs1:EffectiveDoseRate", "component": "x"}
                ]}],
                "type": "ObjectEvent"
            }]},
            "type": "EPCISDocument"
        });
        let today = Json::from(today);
        assert_eq!(normalised(draft.into()), today);
        assert_eq!(normalised(today.clone()), today);
    }

    #[test]
    fn leaves_alone_what_it_does_not_know() {
        for other in [json!(null), json!([1]), json!({"type": 1, "epcisBody": 2}), json!({"type": "X", "bizStep": []})]
        {
            let other = Json::from(other);
            assert_eq!(normalised(other.clone()), other);
        }
    }
}
