//! `GS1-Capture-Error-Behaviour: proceed`: what can be recorded is, and each other event is named.

use serde_json::{Value, json};

use crate::program::{Gateway, commissioning, id_of, product, times_recorded};
use crate::support::{document, object_event};

const PROCEED: [(&str, &str); 1] = [("GS1-Capture-Error-Behaviour", "proceed")];

fn places(job: &Value) -> Vec<(u64, u64, String)> {
    let errors = job["errors"].as_array().unwrap().iter();
    let place = |error: &Value| {
        let event = &error["sealane:event"];
        (
            event["index"].as_u64().unwrap(),
            error["status"].as_u64().unwrap(),
            event["pointer"].as_str().unwrap().to_owned(),
        )
    };
    errors.map(place).collect()
}

#[test]
fn each_refused_event_is_named_and_the_others_are_final() {
    let (node, gateway) = Gateway::of_maker(&[]);
    let at = "2026-03-01T08:00:00.000Z";
    let mut wrong = object_event("ADD", "commissioning", &[&product("A2")], at);
    wrong["eventTimeZoneOffset"] = json!("local");
    let foreign = object_event("ADD", "commissioning", &["https://id.gs1.org/01/04012345678901/21/1"], at);
    let good = |serial: &str| object_event("ADD", "commissioning", &[&product(serial)], at);
    let id = id_of(&gateway.post_with(&PROCEED, &document(vec![good("A1"), wrong, good("A3"), foreign])));
    let job = gateway.until_final(&id);
    assert_eq!((&job["success"], &job["captureErrorBehaviour"]), (&json!(false), &json!("proceed")));
    assert_eq!(
        places(&job),
        [
            (1, 400, "/epcisBody/eventList/1/eventTimeZoneOffset".to_owned()),
            (3, 403, "/epcisBody/eventList/3".to_owned()),
        ]
    );
    assert_eq!(job["errors"][0]["type"], "epcisException:ValidationException");
    assert_eq!(job["errors"][1]["type"], "epcisException:SecurityException");
    assert_eq!((times_recorded(&node, "A1"), times_recorded(&node, "A3")), (1, 1));
}

#[test]
fn what_a_node_refuses_is_found_by_halves() {
    let (node, gateway) = Gateway::of_maker(&[]);
    // The eventID stands for another event, which only the ledger knows.
    let with_id = |serial: &str| {
        let mut event = object_event("ADD", "commissioning", &[&product(serial)], "2026-03-01T08:00:00.000Z");
        event["eventID"] = json!("urn:uuid:0199aaaa-0000-4000-8000-000000000002");
        event
    };
    assert_eq!(node.capture("Maker", &document(vec![with_id("B0")])).status, 202);
    let mut events: Vec<Value> =
        commissioning(&["B1", "B2", "B3", "B4"])["epcisBody"]["eventList"].as_array().unwrap().clone();
    events.insert(2, with_id("B5"));
    let id = id_of(&gateway.post_with(&PROCEED, &document(events.clone())));
    let job = gateway.until_final(&id);
    assert_eq!(places(&job), [(2, 409, "/epcisBody/eventList/2".to_owned())], "{job}");
    for serial in ["B1", "B2", "B3", "B4"] {
        assert_eq!(times_recorded(&node, serial), 1, "{serial}");
    }
    assert!(job["sealane:statements"].as_array().unwrap().len() > 1, "{job}");
    // By rollback nothing of it is.
    events[0]["epcList"] = json!([product("B9")]);
    let job = gateway.until(&gateway.take(&document(events)), |job| job["running"] == false);
    assert_eq!((&job["sealane:state"], &job["success"]), (&json!("failed"), &json!(false)));
    assert_eq!(job["errors"][0]["code"], "event-conflict", "{job}");
    assert_eq!(times_recorded(&node, "B9"), 0);
}

#[test]
fn a_document_without_a_good_event_is_told_so() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    let mut wrong = commissioning(&["C1"]);
    wrong["epcisBody"]["eventList"][0]["eventTime"] = json!("yesterday");
    let id = id_of(&gateway.post_with(&PROCEED, &wrong));
    let job = gateway.until(&id, |job| job["running"] == false);
    assert_eq!((&job["sealane:state"], &job["success"]), (&json!("failed"), &json!(false)));
    assert_eq!(places(&job), [(0, 400, "/epcisBody/eventList/0/eventTime".to_owned())]);
}
