//! Documents that break EPCIS 2.0: each fault with its place.

use serde_json::{Value, json};

use super::{ITEM, observation, with_maker};
use crate::refusal::{pointers, refused};
use crate::signer::{Signer, capture, captured, now};
use crate::support::{Node, document};

const EVENT: &str = "/epcisBody/eventList/0";

/// One document, one fault: where, and words of what is said there.
#[track_caller]
fn fault(node: &Node, maker: &Signer, document: &Value, pointer: &str, words: &str) {
    let statement = maker.statement(document);
    let problem = refused(node, || capture(node, statement), 400, "epcis-invalid", words);
    assert_eq!(pointers(&problem), [pointer], "{problem}");
    assert_eq!(problem["type"], "epcisException:ValidationException");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(if pointer.is_empty() { "the top" } else { pointer }), "{detail}");
}

#[test]
fn each_fault_has_a_json_pointer() {
    let (node, maker) = with_maker();
    let fault = |members: Value, pointer: &str, words: &str| {
        fault(&node, &maker, &observation(members), &format!("{EVENT}{pointer}"), words);
    };
    fault(json!({"action": null}), "", "`action` is missing");
    fault(json!({"action": "observe"}), "/action", "must be ADD, OBSERVE or DELETE");
    fault(json!({"eventTime": null}), "", "`eventTime` is missing");
    fault(json!({"type": "ShippingEvent"}), "/type", "ObjectEvent");
    fault(json!({"type": null}), "", "`type` is missing");
    fault(json!({"epcList": "x"}), "/epcList", "this is a string");
    fault(json!({"epcList": ["no uri"]}), "/epcList/0", "must be an absolute URI");
    fault(json!({"epcList": [ITEM, ITEM]}), "/epcList/1", "stands in this list already");
    fault(json!({"epcList": null}), "", "names objects in `epcList`");
    fault(json!({"bizStep": "teleporting"}), "/bizStep", "\"teleporting\" is not");
    fault(json!({"disposition": "lost_in_space"}), "/disposition", "disposition");
    fault(json!({"ilmd": {"example:x": 1}}), "/ilmd", "only with action ADD");
    fault(json!({"readPoint": {}}), "/readPoint", "`id` is missing");
    fault(json!({"note": "x"}), "/note", "an extension carries its namespace");
    fault(json!({"persistentDisposition": {}}), "/persistentDisposition", "in `set`, in `unset` or in both");
    fault(json!({"errorDeclaration": {}}), "/errorDeclaration", "`declarationTime` is missing");
    let quantity = json!({"quantityList": [{"epcClass": "https://id.gs1.org/01/09506000134352", "quantity": "5"}]});
    fault(quantity, "/quantityList/0/quantity", "must be a number; this is a string");
}

#[test]
fn a_document_has_its_frame() {
    let (node, maker) = with_maker();
    let good = observation(json!({}));
    let fault = |document: Value, pointer: &str, words: &str| fault(&node, &maker, &document, pointer, words);
    let without = |name: &str| {
        let mut document = good.clone();
        document.as_object_mut().unwrap().shift_remove(name);
        document
    };
    fault(json!([]), "", "which is a JSON object");
    fault(json!({}), "", "`type` is missing");
    fault(without("@context"), "", "`@context` is missing");
    fault(without("schemaVersion"), "", "`schemaVersion` is missing");
    fault(without("epcisBody"), "", "`epcisBody` is missing");
    let mut document = good.clone();
    document["epcisBody"] = json!({});
    fault(document, "/epcisBody", "`eventList`");
    let mut document = good.clone();
    document["type"] = "EPCISQueryDocument".into();
    fault(document, "/type", "what is recorded is an EPCISDocument");
    let mut document = good.clone();
    document["creationDate"] = "yesterday".into();
    fault(document, "/creationDate", "RFC 3339");
}

#[test]
fn faults_are_listed_up_to_a_limit() {
    let (node, maker) = with_maker();
    let event = observation(json!({"bizStep": "teleporting"}))["epcisBody"]["eventList"][0].take();
    let statement = maker.statement(&document(vec![event.clone(); 3]));
    let problem = refused(&node, || capture(&node, statement), 400, "epcis-invalid", "teleporting");
    let expected: Vec<String> = (0..3).map(|at| format!("/epcisBody/eventList/{at}/bizStep")).collect();
    assert_eq!(pointers(&problem), expected);
    let statement = maker.statement(&document(vec![event; 500]));
    let problem = refused(&node, || capture(&node, statement), 400, "epcis-invalid", "only the first 20 are listed");
    assert_eq!(pointers(&problem).len(), 20);
}

#[test]
fn times_and_offsets_are_times_and_offsets() {
    let (node, maker) = with_maker();
    let at = |name: &str, value: Value, words: &str| {
        fault(&node, &maker, &observation(json!({name: value})), &format!("{EVENT}/{name}"), words);
    };
    for offset in ["", "Z", "UTC", "+9:00", "+0900", "09:00", "+15:00", "+09:60", "+09:00 ", "Europe/Berlin"] {
        let words = "must be an offset from UTC within 14 hours, such as +09:00";
        at("eventTimeZoneOffset", json!(offset), words);
    }
    at("eventTimeZoneOffset", json!(9), "this is a number");
    let times = ["2025-01-10", "2025-01-10T08:00:00", "2025-02-30T08:00:00Z", "10.01.2025 08:00", "1736496000", ""];
    for time in times {
        at("eventTime", json!(time), "must be an RFC 3339 date-time with its zone");
    }
    let missing = observation(json!({"eventTimeZoneOffset": null}));
    fault(&node, &maker, &missing, EVENT, "`eventTimeZoneOffset` is missing");
}

#[test]
fn an_event_in_the_far_future_is_refused() {
    let (node, maker) = with_maker();
    for time in ["2999-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59+14:00"] {
        let statement = maker.statement(&observation(json!({"eventTime": time})));
        let words = "is more than a day ahead of the time of its block";
        refused(&node, || capture(&node, statement), 400, "event-ahead", words);
    }
    // What is planned for tomorrow morning may be said today.
    let soon = now().plus_millis(12 * 60 * 60 * 1000);
    captured(&node, maker.statement(&observation(json!({"eventTime": soon}))));
    let statement = maker.statement(&observation(json!({"eventTime": "+12026-01-01T00:00:00Z"})));
    refused(&node, || capture(&node, statement), 400, "epcis-invalid", "RFC 3339");
}

#[test]
fn a_context_gives_no_standard_name_another_meaning() {
    let (node, maker) = with_maker();
    let standard = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
    let with = |inline: Value| {
        let mut document = observation(json!({}));
        document["@context"] = json!([standard, inline]);
        document
    };
    let other = "https://example.com/other";
    let cases = [
        (json!({"eventTime": other}), "/@context/1/eventTime", "may be given no other meaning"),
        (json!({"epcList": {"@id": other}}), "/@context/1/epcList", "`epcList` is a name of EPCIS 2.0"),
        (json!({"bizStep": null}), "/@context/1/bizStep", "may be given no other meaning"),
        (json!({"epcis": other}), "/@context/1/epcis", "`epcis` is a prefix of the standard"),
        (json!({"@vocab": other}), "/@context/1/@vocab", "declare a prefix instead"),
        (json!({"@protected": "yes"}), "/@context/1/@protected", "must be true or false"),
        (json!({"what": "https://ref.gs1.org/epcis/epcList"}), "/@context/1/what", "another name for"),
        (json!({"kind": "@type"}), "/@context/1/kind", "another name for"),
    ];
    for (inline, pointer, words) in cases {
        fault(&node, &maker, &with(inline), pointer, words);
    }
    let mut document = observation(json!({"@context": {"action": other}}));
    fault(&node, &maker, &document, &format!("{EVENT}/@context/action"), "may be given no other meaning");
    document = observation(json!({"epcis:action": "ADD"}));
    fault(&node, &maker, &document, &format!("{EVENT}/epcis:action"), "under another spelling");
    captured(
        &node,
        maker.statement(&with(json!({"example": "https://example.com/ns/", "@protected": true, "@language": "de"}))),
    );
}

#[test]
fn a_wrong_check_digit_is_told_the_right_one() {
    let (node, maker) = with_maker();
    let gtin = "has check digit 3, it should be 2";
    let sscc = "has check digit 1, it should be 0";
    let gln = "has check digit 0, it should be 9";
    let item = "https://id.gs1.org/01/09506000134353/21/A1";
    let unit = "https://id.gs1.org/00/395060001343500011";
    let place = "https://id.gs1.org/414/9506000134360";
    let party = "https://id.gs1.org/417/9506000134360";
    let class = "https://id.gs1.org/01/09506000134353";
    let cases = [
        (json!({"epcList": [ITEM, item]}), "/epcList/1", gtin),
        (json!({"epcList": ["https://shop.example/deep/01/09506000134353/21/A1?x=y"]}), "/epcList/0", gtin),
        (json!({"epcList": [unit]}), "/epcList/0", sscc),
        (json!({"quantityList": [{"epcClass": class}]}), "/quantityList/0/epcClass", gtin),
        (json!({"readPoint": {"id": place}}), "/readPoint/id", gln),
        (json!({"bizLocation": {"id": place}}), "/bizLocation/id", gln),
        (json!({"sourceList": [{"type": "owning_party", "source": party}]}), "/sourceList/0/source", gln),
        (
            json!({"destinationList": [{"type": "location", "destination": place}]}),
            "/destinationList/0/destination",
            gln,
        ),
    ];
    for (members, pointer, words) in cases {
        fault(&node, &maker, &observation(members), &format!("{EVENT}{pointer}"), words);
    }
    let aggregation = |parent: &str, child: &str| {
        let changed = json!({
            "type": "AggregationEvent", "epcList": null, "parentID": parent, "childEPCs": [child], "bizStep": "packing",
        });
        observation(changed)
    };
    fault(&node, &maker, &aggregation(unit, ITEM), &format!("{EVENT}/parentID"), sscc);
    let right = "https://id.gs1.org/00/395060001343500010";
    fault(&node, &maker, &aggregation(right, item), &format!("{EVENT}/childEPCs/0"), gtin);
    let transformation = json!({
        "type": "TransformationEvent", "action": null, "epcList": null, "bizStep": null,
        "inputEPCList": [item], "outputEPCList": [ITEM],
    });
    fault(&node, &maker, &observation(transformation), &format!("{EVENT}/inputEPCList/0"), gtin);
}

/// Queries read the same identifiers.
#[test]
fn a_wrong_check_digit_in_a_query_is_told_the_right_one() {
    let (node, _) = with_maker();
    let item = "https%3A%2F%2Fid.gs1.org%2F01%2F09506000134353%2F21%2FA1";
    for path in [format!("/verify?id={item}"), format!("/epcis/epcs/{item}/events"), format!("/evidence?id={item}")] {
        let answer = node.get(&path);
        let problem = answer.json();
        assert_eq!(answer.status, 400, "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("has check digit 3, it should be 2"), "{problem}");
    }
}
