//! Each rule of the readers, on documents of our own: where the fault is, and what is said of it.

mod bounds;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::event::{Action, Part, What};
use super::vocabulary::{BizStep, Disposition};
use super::{Document, FaultKind, Faults, Reader, Written, read, written};
use crate::hash::Hash;
use crate::json::Json;
use crate::limits::{EVENTS_PER_CAPTURE_MAX, FAULTS_MAX, ID_CHARS_MAX, IDS_PER_CAPTURE_MAX};

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/A1";
const CLASS: &str = "https://id.gs1.org/01/09506000134352/10/L1";
const CRATE: &str = "https://id.gs1.org/00/095060001343520000";
const PLACE: &str = "https://id.gs1.org/414/9506000134352";

fn event(title: &str, members: Value) -> Value {
    let mut event = json!({"type": title, "eventTime": "2026-11-21T09:30:00Z", "eventTimeZoneOffset": "+01:00"});
    merge(&mut event, members);
    event
}

/// Overwrites members; null takes one out.
fn merge(event: &mut Value, members: Value) {
    let Value::Object(members) = members else { return };
    for (name, value) in members {
        if value.is_null() {
            event.as_object_mut().unwrap().shift_remove(&name);
        } else {
            event[name] = value;
        }
    }
}

fn object() -> Value {
    event("ObjectEvent", json!({"action": "OBSERVE", "epcList": [ITEM]}))
}

fn document_of(events: Value) -> Value {
    json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"example": "https://example.com/ns/"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-21T10:00:00.000Z",
        "epcisBody": {"eventList": events}
    })
}

fn strict(document: &Value) -> Result<Document, Faults> {
    read(document.to_string().as_bytes(), Reader::Strict)
}

fn reads(event: Value) -> super::Event {
    strict(&document_of(json!([event]))).unwrap_or_else(|faults| panic!("{faults}")).events.remove(0)
}

/// Asserts that the event has one fault: there, with these words.
#[track_caller]
fn fault(event: Value, pointer: &str, words: &str) {
    document_fault(&document_of(json!([event])), &format!("/epcisBody/eventList/0{pointer}"), words);
}

#[track_caller]
fn document_fault(document: &Value, pointer: &str, words: &str) {
    let faults = strict(document).expect_err("a fault");
    let first = faults.iter().next().unwrap();
    assert_eq!(faults.iter().len(), 1, "{faults}");
    assert_eq!(first.pointer, pointer, "{faults}");
    assert!(first.message.contains(words), "{faults}");
}

#[track_caller]
fn with(mut base: Value, members: Value, pointer: &str, words: &str) {
    merge(&mut base, members);
    fault(base, pointer, words);
}

#[test]
fn reads_an_object_event_with_everything() {
    let event = reads(event(
        "ObjectEvent",
        json!({
            "eventID": "urn:uuid:0c1d8a5e-8f5b-4f3c-9a53-2b6f6b0d6a01",
            "recordTime": "2026-11-21T09:31:00Z",
            "action": "ADD",
            "epcList": ["urn:epc:id:sgtin:9506000.013435.A1", ITEM],
            "quantityList": [{"epcClass": CLASS, "quantity": 12.50, "uom": "KGM"}, {"epcClass": CLASS}],
            "bizStep": "https://ref.gs1.org/cbv/BizStep-commissioning",
            "disposition": "active",
            "persistentDisposition": {"set": ["conformant"], "unset": ["unknown"]},
            "readPoint": {"id": PLACE, "example:gate": 4},
            "bizLocation": {"id": "geo:52.5,13.4"},
            "bizTransactionList": [{"type": "po", "bizTransaction": "urn:example:po:1"}, {"bizTransaction": "urn:example:2"}],
            "sourceList": [{"type": "owning_party", "source": "https://id.gs1.org/417/9506000134352"}],
            "destinationList": [{"type": "location", "destination": PLACE}],
            "errorDeclaration": {"declarationTime": "2026-11-22T00:00:00Z", "reason": "did_not_occur", "correctiveEventIDs": ["urn:x:1"]},
            "sensorElementList": [{
                "sensorMetadata": {"time": "2026-11-21T09:30:00Z", "deviceID": "urn:example:device"},
                "sensorReport": [{"type": "Temperature", "value": 4.5, "uom": "CEL", "booleanValue": true, "hexBinaryValue": "f0"}]
            }],
            "certificationInfo": ["https://example.com/certificate"],
            "ilmd": {"cbvmda:lotNumber": "L1"},
            "example:anything": {"of": ["any", "shape"]}
        }),
    ));
    assert_eq!(event.event_id.uri, "urn:uuid:0c1d8a5e-8f5b-4f3c-9a53-2b6f6b0d6a01");
    assert!(event.event_id.given);
    assert_eq!(event.event_time.to_string(), "2026-11-21T09:30:00.000Z");
    assert_eq!(event.biz_step, Some(BizStep::Commissioning));
    assert_eq!(event.disposition, Some(Disposition::Active));
    assert_eq!(event.persistent_disposition.set, [Disposition::Conformant]);
    assert_eq!(event.read_point.as_ref().unwrap().as_str(), PLACE);
    assert_eq!(event.biz_location.as_ref().unwrap().as_str(), "geo:52.5,13.4");
    assert_eq!(event.biz_transactions[0].kind.as_deref(), Some("po"));
    assert_eq!(event.sources[0].kind, "owning_party");
    assert_eq!(event.error_declaration.as_ref().unwrap().corrective_event_ids, ["urn:x:1"]);
    let What::Object { action: Action::Add, epcs, quantities, ilmd: Some(_) } = &event.what else {
        panic!("{event:?}")
    };
    assert_eq!(epcs[0], epcs[1], "both spellings are one id");
    assert_eq!(quantities[0].quantity.as_deref(), Some("12.5"));
    assert_eq!(quantities[0].uom.as_deref(), Some("KGM"));
    let coordinates = event.coordinates.unwrap();
    assert_eq!((coordinates.latitude(), coordinates.longitude()), (52.5, 13.4));
}

#[test]
fn reads_the_other_event_types() {
    let aggregation =
        reads(event("AggregationEvent", json!({"action": "ADD", "parentID": CRATE, "childEPCs": [ITEM]})));
    let parts: Vec<_> = aggregation.ids().map(|(part, id)| (part, id.to_string())).collect();
    assert_eq!(parts, [(Part::Parent, CRATE.to_owned()), (Part::Child, ITEM.to_owned())]);
    reads(event("AggregationEvent", json!({"action": "DELETE", "parentID": CRATE})));
    reads(event("AggregationEvent", json!({"action": "OBSERVE", "childQuantityList": [{"epcClass": CLASS}]})));
    reads(event("AssociationEvent", json!({"action": "DELETE", "parentID": PLACE})));
    let transactions = json!([{"bizTransaction": "urn:example:po:1"}]);
    reads(event("TransactionEvent", json!({"action": "ADD", "bizTransactionList": transactions, "epcList": [ITEM]})));
    reads(event("TransactionEvent", json!({"action": "DELETE", "bizTransactionList": transactions})));
    reads(event(
        "TransformationEvent",
        json!({"inputEPCList": [ITEM], "outputQuantityList": [{"epcClass": CLASS}], "ilmd": {}}),
    ));
    reads(event("TransformationEvent", json!({"inputEPCList": [ITEM], "transformationID": "urn:example:t:1"})));
    let sensed = json!({"action": "OBSERVE", "readPoint": {"id": PLACE},
        "sensorElementList": [{"sensorReport": [{"type": "Temperature"}]}]});
    reads(event("ObjectEvent", sensed));
}

#[test]
fn a_single_event_carries_its_context() {
    let mut single = object();
    single["@context"] = json!("https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld");
    let document = strict(&single).unwrap();
    assert_eq!((document.events.len(), document.creation_date), (1, None));
    document_fault(&object(), "", "`@context` is missing");
    single["action"] = json!("LOOK");
    document_fault(&single, "/action", "must be ADD, OBSERVE or DELETE, and \"LOOK\" is not");
}

#[test]
fn frame_of_a_document() {
    let document = |members| {
        let mut document = document_of(json!([object()]));
        merge(&mut document, members);
        document
    };
    assert_eq!(strict(&document(json!({}))).unwrap().creation_date, "2026-11-21T10:00:00Z".parse().ok());
    document_fault(&json!([]), "", "a JSON object");
    document_fault(&json!({}), "", "`type` is missing");
    document_fault(&json!({"type": "EPCISQueryDocument"}), "/type", "answers a query");
    document_fault(&document(json!({"@context": null})), "", "`@context` is missing");
    document_fault(&document(json!({"schemaVersion": 2.0})), "/schemaVersion", "a version in a string");
    document_fault(&document(json!({"creationDate": "yesterday"})), "/creationDate", "RFC 3339");
    document_fault(&document(json!({"creationDate": null})), "", "`creationDate` is missing");
    document_fault(&document(json!({"epcisBody": null})), "", "`epcisBody` is missing");
    document_fault(&document(json!({"epcisBody": {}})), "/epcisBody", "`eventList`");
    document_fault(&document(json!({"epcisBody": {"eventList": [1]}})), "/epcisBody/eventList/0", "a JSON object");
    document_fault(&document(json!({"_comment": "x"})), "/_comment", "a remark, which EPCIS 2.0 has no member for");
    document_fault(
        &document(json!({"epcisHeader": {"epcisMasterData": {"vocabularyList": [{"type": "places"}]}}})),
        "/epcisHeader/epcisMasterData/vocabularyList/0/type",
        "absolute URI",
    );
    let header = json!({"epcisMasterData": {"vocabularyList": [{"type": "urn:epcglobal:epcis:vtype:Location",
        "vocabularyElementList": [{"id": PLACE, "attributes": [{"id": "cbvmda:name", "attribute": "Harbour"}]}]}]}});
    assert!(strict(&document(json!({"epcisHeader": header, "example:note": 1}))).is_ok());
}

#[test]
fn what_is_not_json_is_a_fault() {
    let first = |bytes: &[u8]| read(bytes, Reader::Strict).unwrap_err().iter().next().unwrap().clone();
    assert!(first(b"").message.contains("EOF"));
    assert_eq!(first(br#"{"type":"a","type":"b"}"#).pointer, "/type");
    let marked = [b"\xef\xbb\xbf", document_of(json!([object()])).to_string().as_bytes()].concat();
    // RFC 8259 §8.1 lets a reader pass over it.
    assert!(read(&marked, Reader::Normalising).is_ok());
    assert_eq!(read(&marked, Reader::Strict), strict(&document_of(json!([object()]))));
    assert_eq!(written(&marked).unwrap().events, [Json::from(object())]);
    assert!(first(&[b"\xef\xbb\xbf".as_slice(), &marked].concat()).message.contains("expected value"), "one alone");
    let utf_16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, words) in [
        (&b"<?xml version=\"1.0\"?><epcis:EPCISDocument/>"[..], "this is XML, and what is signed"),
        (b"\xef\xbb\xbf\n <a/>", "`sealane gateway` takes the XML"),
        (&utf_16, "UTF-16"),
        (b"\xff\xfe{\0}\0", "save the file as UTF-8, or give it to `sealane gateway`"),
        (b"\xfe\xff\0{\0}", "UTF-16"),
    ] {
        assert!(first(bytes).message.contains(words), "{}", first(bytes).message);
    }
}

#[test]
fn contexts_keep_the_meaning_of_standard_names() {
    let mut document = document_of(json!([object()]));
    document["@context"][1]["eventTime"] = json!("https://example.com/whenever");
    document_fault(&document, "/@context/1/eventTime", "may be given no other meaning");
    document["@context"] = json!([{"@vocab": "https://example.com/"}]);
    document_fault(&document, "/@context/0/@vocab", "declare a prefix instead");
    document["@context"] = json!(["urn:x:c", "urn:x:c"]);
    document_fault(&document, "/@context/1", "already");
    document["@context"] = json!(7);
    document_fault(&document, "/@context", "this is a number");
    with(object(), json!({"@context": {"epcList": "urn:x:y"}}), "/@context/epcList", "no other meaning");
    with(object(), json!({"epcis:action": "ADD"}), "/epcis:action", "another spelling");
    let place = json!({"id": PLACE, "@context": {}});
    with(object(), json!({"readPoint": place}), "/readPoint/@context", "belongs to the document");
}

#[test]
fn what_every_event_has() {
    with(object(), json!({"type": null}), "", "`type` is missing; it is one of");
    with(object(), json!({"type": "https://example.com/MyEvent"}), "/type", "ObjectEvent, AggregationEvent");
    with(object(), json!({"eventTime": null}), "", "`eventTime` is missing; it is required of ObjectEvent");
    with(object(), json!({"eventTime": "2026-11-21T09:30:00"}), "/eventTime", "an RFC 3339 date-time with its zone");
    with(object(), json!({"eventTime": 5}), "/eventTime", "this is a number");
    with(object(), json!({"eventTimeZoneOffset": null}), "", "`eventTimeZoneOffset` is missing");
    with(object(), json!({"eventTimeZoneOffset": "+14:30"}), "/eventTimeZoneOffset", "within 14 hours");
    with(object(), json!({"eventTimeZoneOffset": "CET"}), "/eventTimeZoneOffset", "such as +09:00");
    with(object(), json!({"recordTime": "now"}), "/recordTime", "RFC 3339");
    for separator in [" ", "X", "5", "\t"] {
        let time = format!("2026-11-21{separator}09:30:00Z");
        with(object(), json!({"eventTime": time}), "/eventTime", "an RFC 3339 date-time");
    }
    with(object(), json!({"bizStep": "sold"}), "/bizStep", r#""sold" is not; the nearest word is "retail_selling""#);
    with(object(), json!({"_note": "x"}), "/_note", "leave it out, or give the document to `sealane gateway`");
    let linked = json!({"transformationID": "F81D4FAE-7dec-11d0-a765-00a0c91e6bf6", "inputEPCList": [ITEM]});
    let uuid = "a UUID alone is not: write urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    fault(event("TransformationEvent", linked), "/transformationID", uuid);
    with(object(), json!({"eventID": "event 1"}), "/eventID", "absolute URI");
    with(object(), json!({"certificationInfo": "test"}), "/certificationInfo", "absolute URI");
    with(object(), json!({"certificationInfo": ["urn:x:1", {}]}), "/certificationInfo/1", "this is an object");
    with(object(), json!({"certificationInfo": {}}), "/certificationInfo", "or a list of them");
    with(
        object(),
        json!({"action": null}),
        "",
        "`action` is missing; it is required of ObjectEvent, and is ADD, OBSERVE",
    );
    with(object(), json!({"action": "add"}), "/action", "\"add\" is not");
    with(object(), json!({"colour": "red"}), "/colour", "as in `example:colour`");
    with(object(), json!({"parentID": CRATE}), "/parentID", "no member of ObjectEvent");
}

#[test]
fn words_are_of_the_standard_or_uris() {
    with(object(), json!({"bizStep": "transforming"}), "/bizStep", "a business step of CBV 2.0 as a bare word");
    with(object(), json!({"bizStep": "urn:epcglobal:cbv:bizstep:shipping"}), "/bizStep", "write \"shipping\"");
    for step in ["BizStep-destroying/", "BizStep%2Ddestroying", "BizStep-polishing", "Disp-destroyed"] {
        let uri = format!("https://ref.gs1.org/cbv/{step}");
        with(object(), json!({"bizStep": uri}), "/bizStep", "is no business step there: write the business step");
    }
    let shouted = json!({"set": ["HTTPS://REF.gs1.org/cbv/Disp-destroyed"]});
    with(
        object(),
        json!({"persistentDisposition": shouted}),
        "/persistentDisposition/set/0",
        "is no disposition there",
    );
    with(object(), json!({"disposition": "lost"}), "/disposition", "a disposition of CBV 2.0");
    let event =
        reads(event("ObjectEvent", json!({"action": "ADD", "epcList": [ITEM], "bizStep": "https://example.com/s"})));
    assert_eq!(event.biz_step, Some(BizStep::Other("https://example.com/s".into())));
    let changes = |changes| json!({ "persistentDisposition": changes });
    with(object(), changes(json!({})), "/persistentDisposition", "in `set`, in `unset` or in both");
    with(object(), changes(json!({"set": []})), "/persistentDisposition/set", "at least 1");
    with(object(), changes(json!({"set": ["lost"]})), "/persistentDisposition/set/0", "disposition");
    with(object(), changes(json!({"set": ["damaged", "damaged"]})), "/persistentDisposition/set/1", "already");
    with(object(), changes(json!({"set": ["damaged"], "x:y": 1})), "/persistentDisposition/x:y", "no extensions");
}

#[test]
fn ids_have_right_check_digits_everywhere() {
    let wrong = ITEM.replace("134352", "134353");
    let place = PLACE.replace("134352", "134353");
    with(object(), json!({"epcList": [ITEM, wrong]}), "/epcList/1", "check digit 3, it should be 2");
    with(object(), json!({"quantityList": [{"epcClass": wrong}]}), "/quantityList/0/epcClass", "check digit");
    with(object(), json!({"readPoint": {"id": place}}), "/readPoint/id", "check digit");
    with(object(), json!({"bizLocation": {"id": place}}), "/bizLocation/id", "check digit");
    with(
        object(),
        json!({"sourceList": [{"type": "location", "source": place}]}),
        "/sourceList/0/source",
        "check digit",
    );
    let destination = json!({"destinationList": [{"type": "location", "destination": place}]});
    with(object(), destination, "/destinationList/0/destination", "check digit");
    let children = event("AggregationEvent", json!({"action": "ADD", "parentID": CRATE, "childEPCs": [ITEM]}));
    with(children.clone(), json!({"parentID": CRATE.replace("20000", "20006")}), "/parentID", "it should be 0");
    with(children.clone(), json!({"childEPCs": [wrong]}), "/childEPCs/0", "check digit");
    with(children, json!({"childQuantityList": [{"epcClass": wrong}]}), "/childQuantityList/0/epcClass", "check digit");
    let made = event("TransformationEvent", json!({"inputEPCList": [ITEM], "outputEPCList": [ITEM]}));
    with(made.clone(), json!({"inputEPCList": [wrong]}), "/inputEPCList/0", "check digit");
    with(made.clone(), json!({"outputEPCList": [wrong]}), "/outputEPCList/0", "check digit");
    with(
        made.clone(),
        json!({"inputQuantityList": [{"epcClass": wrong}]}),
        "/inputQuantityList/0/epcClass",
        "check digit",
    );
    with(made, json!({"outputQuantityList": [{"epcClass": wrong}]}), "/outputQuantityList/0/epcClass", "check digit");
}

#[test]
fn lists_and_their_items() {
    with(object(), json!({"epcList": ITEM}), "/epcList", "must be a list; this is a string");
    with(object(), json!({"epcList": [ITEM, ITEM]}), "/epcList/1", "stands in this list already");
    with(object(), json!({"epcList": ["A1"]}), "/epcList/0", "an absolute URI (RFC 3986), and \"A1\" is not");
    let quantity = |element| json!({ "quantityList": [element] });
    with(object(), quantity(json!({"quantity": 1})), "/quantityList/0", "`epcClass` is missing");
    with(object(), quantity(json!({"epcClass": CLASS, "quantity": "ten"})), "/quantityList/0/quantity", "a number");
    with(object(), quantity(json!({"epcClass": CLASS, "uom": "kilogram"})), "/quantityList/0/uom", "such as KGM");
    with(object(), quantity(json!({"epcClass": CLASS, "x:y": 1})), "/quantityList/0/x:y", "takes no extensions");
    with(object(), json!({"readPoint": PLACE}), "/readPoint", "place with its id");
    with(object(), json!({"readPoint": {}}), "/readPoint", "`id` is missing");
    let source = |source| json!({ "sourceList": [source] });
    with(object(), source(json!({"source": PLACE})), "/sourceList/0", "`type` is missing");
    with(
        object(),
        source(json!({"type": "owner", "source": PLACE})),
        "/sourceList/0/type",
        "source or destination type",
    );
    with(
        object(),
        json!({"destinationList": [{"type": "location"}]}),
        "/destinationList/0",
        "`destination` is missing",
    );
    let transaction = |item| json!({ "bizTransactionList": [item] });
    with(object(), transaction(json!({"type": "po"})), "/bizTransactionList/0", "`bizTransaction` is missing");
    let invoice = json!({"type": "bill", "bizTransaction": "urn:x:1"});
    with(object(), transaction(invoice), "/bizTransactionList/0/type", "business transaction type");
}

#[test]
fn error_declarations() {
    let declared = |declaration| json!({ "errorDeclaration": declaration });
    with(object(), declared(json!({})), "/errorDeclaration", "`declarationTime` is missing");
    let time = "2026-11-22T00:00:00Z";
    with(object(), declared(json!({"declarationTime": "then"})), "/errorDeclaration/declarationTime", "RFC 3339");
    let reason = json!({"declarationTime": time, "reason": "typo"});
    with(object(), declared(reason), "/errorDeclaration/reason", "error reason");
    let ids = json!({"declarationTime": time, "correctiveEventIDs": ["1"]});
    with(object(), declared(ids), "/errorDeclaration/correctiveEventIDs/0", "absolute URI");
    with(
        object(),
        declared(json!({"declarationTime": time, "why": 1})),
        "/errorDeclaration/why",
        "as in `example:why`",
    );
}

#[test]
fn sensor_elements() {
    let element = |element| json!({ "sensorElementList": [element] });
    let report = |report: Value| element(json!({ "sensorReport": [report] }));
    let at = "/sensorElementList/0/sensorReport/0";
    with(object(), element(json!({})), "/sensorElementList/0", "`sensorReport` is missing");
    with(object(), element(json!({"sensorReport": []})), "/sensorElementList/0/sensorReport", "at least 1; this has 0");
    with(object(), report(json!({"value": 1})), at, "`type` is missing");
    with(object(), report(json!({"type": "Warmth"})), &format!("{at}/type"), "measurement type");
    with(object(), report(json!({"type": "Temperature", "value": "4"})), &format!("{at}/value"), "this is a string");
    with(
        object(),
        report(json!({"type": "Temperature", "booleanValue": 1})),
        &format!("{at}/booleanValue"),
        "true or false",
    );
    with(
        object(),
        report(json!({"type": "Temperature", "hexBinaryValue": "xy"})),
        &format!("{at}/hexBinaryValue"),
        "hexadecimal",
    );
    with(object(), report(json!({"type": "Speed", "component": "up"})), &format!("{at}/component"), "component");
    with(
        object(),
        report(json!({"type": "Speed", "exception": "HELP"})),
        &format!("{at}/exception"),
        "sensor alert type",
    );
    with(object(), report(json!({"type": "Speed", "note": 1})), &format!("{at}/note"), "no member of sensorReport");
    let metadata = json!({"sensorMetadata": {"startTime": "t"}, "sensorReport": [{"type": "Speed"}]});
    with(object(), element(metadata), "/sensorElementList/0/sensorMetadata/startTime", "RFC 3339");
}

#[test]
fn rules_of_each_event_type() {
    with(object(), json!({"epcList": null}), "", "an ObjectEvent names objects in `epcList` or `quantityList`");
    with(object(), json!({"ilmd": {}}), "/ilmd", "only with action ADD, not OBSERVE");
    with(object(), json!({"action": "ADD", "ilmd": {"lot": 1}}), "/ilmd/lot", "as in `example:lot`");
    let packed = event("AggregationEvent", json!({"action": "ADD", "parentID": CRATE, "childEPCs": [ITEM]}));
    with(packed.clone(), json!({"childEPCs": []}), "", "only action DELETE may leave both out");
    with(
        packed.clone(),
        json!({"parentID": null}),
        "",
        "an AggregationEvent with action ADD says into what things are put",
    );
    with(
        packed.clone(),
        json!({"action": "DELETE", "parentID": null}),
        "",
        "an AggregationEvent with action DELETE says out of what things are taken",
    );
    with(packed, json!({"ilmd": {}}), "/ilmd", "no member of AggregationEvent");
    let fitted = event("AssociationEvent", json!({"action": "ADD", "parentID": PLACE, "childEPCs": [ITEM]}));
    with(fitted.clone(), json!({"parentID": null}), "", "`parentID` is missing; it is required of AssociationEvent");
    with(fitted, json!({"childEPCs": null}), "", "must name a child");
    let ordered = event(
        "TransactionEvent",
        json!({"action": "ADD", "bizTransactionList": [{"bizTransaction": "urn:x:1"}], "epcList": [ITEM]}),
    );
    with(ordered.clone(), json!({"bizTransactionList": null}), "", "`bizTransactionList` is missing");
    with(ordered.clone(), json!({"bizTransactionList": []}), "/bizTransactionList", "at least 1");
    with(ordered, json!({"epcList": null}), "", "a TransactionEvent names objects");
    let made = event("TransformationEvent", json!({"inputEPCList": [ITEM], "outputEPCList": [CRATE]}));
    with(made.clone(), json!({"outputEPCList": null}), "", "names inputs and outputs");
    with(made.clone(), json!({"inputEPCList": []}), "", "names inputs and outputs");
    with(made.clone(), json!({"action": "ADD"}), "/action", "no member of TransformationEvent");
    let linked = json!({"inputEPCList": null, "outputEPCList": null, "transformationID": "urn:example:t:1"});
    with(made, linked, "", "at least one input or output");
}

#[test]
fn every_fault_is_listed_up_to_the_limit() {
    let mut broken = object();
    merge(&mut broken, json!({"action": "x", "bizStep": "y", "eventTime": null}));
    let faults = strict(&document_of(json!([broken, object(), broken]))).unwrap_err();
    let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    let of = |at: usize| ["", "/action", "/bizStep"].map(|below| format!("/epcisBody/eventList/{at}{below}"));
    assert_eq!(pointers, [of(0), of(2)].concat());
    assert!(!faults.more());
    let faults = strict(&document_of(json!(vec![broken; 100]))).unwrap_err();
    assert_eq!(faults.iter().len(), FAULTS_MAX);
    assert!(faults.more());
}

#[test]
fn limits_are_named() {
    let long = format!("urn:x:{}", "a".repeat(ID_CHARS_MAX));
    with(object(), json!({"epcList": [long]}), "/epcList/0", "at most 1024 characters; this has 1030");
    let faults = strict(&document_of(json!(vec![1; EVENTS_PER_CAPTURE_MAX + 1]))).unwrap_err();
    let first = faults.iter().next().unwrap();
    assert_eq!((first.pointer.as_str(), first.kind), ("/epcisBody/eventList", FaultKind::TooMany));
    assert!(faults.too_many() && first.message.contains("at most 10000 events; this has 10001"));
    let ids: Vec<_> = (0..=IDS_PER_CAPTURE_MAX).map(|n| format!("urn:example:item:{n}")).collect();
    let faults =
        strict(&document_of(json!([event("ObjectEvent", json!({"action": "ADD", "epcList": ids}))]))).unwrap_err();
    assert!(faults.too_many() && faults.to_string().contains("at most 50000 identifiers"), "{faults}");
}

#[test]
fn one_fact_has_one_content_hash() {
    let hash = |members| {
        let mut event = object();
        merge(&mut event, members);
        reads(event).content_hash
    };
    let plain = hash(json!({}));
    let written = format!(
        "eventType=ObjectEventeventTime=2026-11-21T09:30:00.000ZeventTimeZoneOffset=+01:00epcListepc={ITEM}action=OBSERVE"
    );
    assert_eq!(plain, Hash::of(written.as_bytes()));
    assert_eq!(hash(json!({"eventTime": "2026-11-21T10:30:00.000+01:00"})), plain);
    assert_eq!(hash(json!({"epcList": ["urn:epc:id:sgtin:9506000.013435.A1"]})), plain);
    let about = json!({"eventID": "urn:x:1", "recordTime": "2026-11-22T00:00:00Z", "@context": "urn:x:c",
        "errorDeclaration": {"declarationTime": "2026-11-22T00:00:00Z"}, "rdfs:comment": "said again",
        "bizTransactionList": []});
    assert_eq!(hash(about), plain);
    assert_ne!(hash(json!({"eventTimeZoneOffset": "+02:00"})), plain);
    assert_ne!(hash(json!({"example:note": 1})), plain);
}

#[test]
fn the_json_of_each_event_stays_as_it_came() {
    let urn = event("ObjectEvent", json!({"action": "ADD", "epcList": ["urn:epc:id:sgtin:9506000.013435.A1"]}));
    let of = |document: &Value| written(document.to_string().as_bytes()).unwrap();
    let document = document_of(json!([urn, object()]));
    let context = document.get("@context").cloned().map(Json::from);
    assert_eq!(of(&document), Written { context, header: None, events: vec![urn.into(), object().into()] });
    let mut single = object();
    single["@context"] = json!("https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld");
    assert_eq!(of(&single), Written { context: None, header: None, events: vec![single.into()] });
    assert_eq!(of(&json!([])).events, Vec::<Json>::new());
    assert_eq!(of(&json!({"epcisBody": 1})).events, Vec::<Json>::new());
    assert!(written(b"{").is_err());
}

#[test]
fn an_event_without_an_id_has_its_hash_id() {
    let unnamed = reads(object());
    assert!(!unnamed.event_id.given);
    assert!(unnamed.event_id.uri.starts_with("ni:///sha-256;") && unnamed.event_id.uri.ends_with("?ver=CBV2.0"));
    let mut extended = object();
    extended["example:note"] = json!("x");
    assert_ne!(reads(extended).event_id, unnamed.event_id);
    assert_eq!(unnamed.event_id.uri, format!("ni:///sha-256;{}?ver=CBV2.0", unnamed.content_hash.to_hex()));
}

#[test]
fn an_event_hash_id_is_that_of_its_event() {
    let unnamed = reads(object());
    let mut named = object();
    named["eventID"] = json!(unnamed.event_id.uri);
    let named = reads(named);
    assert!(named.event_id.given && named.event_id.uri == unnamed.event_id.uri);
    let other = format!("ni:///sha-256;{}?ver=CBV2.0", "0".repeat(64));
    with(object(), json!({"eventID": other}), "/eventID", &unnamed.event_id.uri);
    let upper = unnamed.event_id.uri.replace("sha-256", "SHA-256");
    with(object(), json!({"eventID": upper}), "/eventID", "not the one of this event, which is ni:///sha-256;");
    let mut later = object();
    later["eventID"] = json!(other.replace("CBV2.0", "CBV2.1"));
    assert!(reads(later).event_id.given, "of a version that has its own rules");
}

#[test]
fn both_readers_make_the_same_event() {
    let today = reads(event(
        "ObjectEvent",
        json!({"action": "ADD", "epcList": [ITEM], "bizStep": "commissioning",
        "disposition": "active", "quantityList": [{"epcClass": CLASS, "quantity": 12.5}]}),
    ));
    let mut older = document_of(json!([event(
        "ObjectEvent",
        json!({"action": "ADD", "isA": "ObjectEvent", "type": null,
        "epcList": ["urn:epc:id:sgtin:9506000.013435.A1"], "bizStep": "urn:epcglobal:cbv:bizstep:commissioning",
        "disposition": "cbv:Disp-active", "quantityList": [{"epcClass": CLASS, "quantity": "12.5"}]})
    )]));
    older["isA"] = older["type"].take();
    older.as_object_mut().unwrap().shift_remove("type");
    assert!(strict(&older).is_err());
    let mut read = read(older.to_string().as_bytes(), Reader::Normalising).unwrap_or_else(|faults| panic!("{faults}"));
    let event = read.events.remove(0);
    assert_eq!((event.what, event.biz_step, event.disposition), (today.what, today.biz_step, today.disposition));
    assert_eq!((event.content_hash, event.event_id), (today.content_hash, today.event_id));
}

/// Any JSON value of small depth, with the standard's names among its member names.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from(ITEM)),
        Just(Value::from("2026-11-21T09:30:00Z")),
    ];
    let name = prop_oneof![Just("type".to_owned()), Just("id".into()), Just("@context".into()), "[a-z:@_]{0,8}"];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Puts `with` at the place that the `path` of choices leads to.
fn mutated(value: &mut Value, path: &[usize], with: Value) {
    let next = match path {
        [] => None,
        [choice, ..] => match value {
            Value::Object(members) => {
                let count = members.len().max(1);
                members.values_mut().nth(choice % count)
            }
            Value::Array(items) => {
                let count = items.len().max(1);
                items.get_mut(choice % count)
            }
            _ => None,
        },
    };
    match next {
        Some(below) => mutated(below, &path[1..], with),
        None => *value = with,
    }
}

proptest! {
    #[test]
    fn no_mutation_makes_a_reader_panic(path in prop::collection::vec(any::<usize>(), 0..8), with in any_json()) {
        let full = event("ObjectEvent", json!({"action": "ADD", "epcList": [ITEM], "bizStep": "shipping",
            "quantityList": [{"epcClass": CLASS, "quantity": 1.5, "uom": "KGM"}], "ilmd": {"example:a": {"b": [1]}},
            "readPoint": {"id": PLACE}, "sourceList": [{"type": "location", "source": PLACE}],
            "persistentDisposition": {"set": ["damaged"]}, "certificationInfo": "urn:x:1",
            "errorDeclaration": {"declarationTime": "2026-11-22T00:00:00Z", "correctiveEventIDs": ["urn:x:1"]},
            "sensorElementList": [{"sensorMetadata": {"time": "2026-11-21T09:30:00Z"}, "sensorReport": [{"type": "Speed"}]}]}));
        let mut document = document_of(json!([full]));
        mutated(&mut document, &path, with);
        let bytes = document.to_string().into_bytes();
        for reader in [Reader::Strict, Reader::Normalising] {
            if let Err(faults) = read(&bytes, reader) {
                prop_assert!(faults.iter().len() > 0 && faults.iter().all(|fault| !fault.message.is_empty()));
            }
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(read(&bytes, Reader::Strict).is_err());
    }
}
