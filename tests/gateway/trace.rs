//! What things were made of and what became of them, asked at a gateway and by the command.

use serde_json::{Value, json};

use crate::program::{Gateway, product, refused};
use crate::queries::record;
use crate::support::{document, object_event, path, run, text};

const PALLET: &str = "https://id.gs1.org/00/095060000000000015";

fn lot(number: &str) -> String {
    format!("https://id.gs1.org/01/09506000134352/10/{number}")
}

fn transformation(inputs: &[&str], outputs: &[&str]) -> Value {
    let mut event = object_event("ADD", "commissioning", &[], "2026-03-01T09:00:00.000Z");
    for name in ["epcList", "action"] {
        event.as_object_mut().unwrap().remove(name);
    }
    event["type"] = json!("TransformationEvent");
    let list =
        |ids: &[&str]| ids.iter().map(|id| json!({"epcClass": id, "quantity": 5.0, "uom": "KGM"})).collect::<Vec<_>>();
    event["inputQuantityList"] = json!(list(inputs));
    event["outputQuantityList"] = json!(list(outputs));
    event
}

/// A lot of flour becomes a lot of bread, of which two loaves have serials, and one is on a pallet.
fn bakery() -> (crate::support::Node, Gateway) {
    let (node, gateway) = Gateway::of_maker(&[]);
    let mut loaves =
        object_event("ADD", "commissioning", &[&product("L1"), &product("L2")], "2026-03-01T10:00:00.000Z");
    loaves["ilmd"] = json!({"cbvmda:lotNumber": "BREAD/1"});
    let mut other = object_event("ADD", "commissioning", &[&product("L3")], "2026-03-01T10:00:00.000Z");
    other["ilmd"] = json!({"gs1:hasBatchLotNumber": "OTHER"});
    let packed = json!({"type": "AggregationEvent", "action": "ADD", "parentID": PALLET, "childEPCs": [product("L1")],
        "bizStep": "packing", "eventTime": "2026-03-01T11:00:00.000Z", "eventTimeZoneOffset": "+00:00"});
    let mut all = document(vec![transformation(&[&lot("FLOUR")], &[&lot("BREAD%2F1")]), loaves, other, packed]);
    all["@context"] =
        json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"gs1": "https://gs1.org/voc/"}]);
    record(&gateway, &all);
    (node, gateway)
}

fn ids(trace: &Value, way: &str) -> Vec<(String, u64)> {
    let nodes = trace["nodes"].as_array().unwrap_or_else(|| panic!("{trace}")).iter();
    let nodes = nodes.filter(|node| node["direction"] == way);
    nodes.map(|node| (node["id"].as_str().unwrap().to_owned(), node["depth"].as_u64().unwrap())).collect()
}

#[test]
fn a_lot_leads_to_what_became_of_it_and_a_pallet_to_what_it_was_made_of() {
    let (_node, gateway) = bakery();
    let down = gateway.get("/trace?id=(01)09506000134352(10)FLOUR&direction=down&holders=true").json();
    let expected = [(lot("BREAD%2F1"), 1), (product("L1"), 2), (product("L2"), 2), (PALLET.to_owned(), 3)];
    assert_eq!(ids(&down, "down"), expected, "{down}");
    let kinds: Vec<&str> =
        down["edges"].as_array().unwrap().iter().map(|edge| edge["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["transformation", "lot", "lot", "aggregation"]);
    let loaf = down["nodes"].as_array().unwrap().iter().find(|node| node["id"] == product("L1")).unwrap();
    let maker = loaf["custodian"].as_str().unwrap();
    assert_eq!(
        (&loaf["verdict"], &down["participants"][maker]["organization"]),
        (&json!("authentic"), &json!("Maker"))
    );
    let up = gateway.get(&format!("/epcis/trace?id={PALLET}&direction=up")).json();
    assert_eq!(ids(&up, "up"), [(product("L1"), 1), (lot("BREAD%2F1"), 2), (lot("FLOUR"), 3)]);
    let near = gateway.get(&format!("/trace?id={PALLET}&direction=up&depth=1")).json();
    assert_eq!(near["stopped"], json!([{"id": product("L1"), "direction": "up", "reason": "depth"}]));
    let both = gateway.get(&format!("/trace?id={}", lot("BREAD%2F1").replace('%', "%25"))).json();
    assert_eq!((ids(&both, "up").len(), ids(&both, "down").len()), (1, 3));
    assert_eq!(both["nodes"].as_array().unwrap().iter().filter(|node| node["depth"] == 0).count(), 1);
}

#[test]
fn the_command_tells_a_trace_in_sentences() {
    let (_node, gateway) = bakery();
    let told = run(&["trace", PALLET, "--gateway", &gateway.url, "--holders"]);
    let told = text(&told.stdout);
    for line in [
        "(00)095060000000000015",
        "What it was made of:",
        "  (01)09506000134352(21)L1 was packed into (00)095060000000000015, says “Maker”, leaf ",
        "    (01)09506000134352(10)BREAD/1 is the lot of (01)09506000134352(21)L1, says “Maker”, leaf ",
        "      (01)09506000134352(10)FLOUR went into (01)09506000134352(10)BREAD/1, says “Maker”, leaf ",
        "[authentic, with “Maker”]",
        "What became of it: nothing is recorded.",
    ] {
        assert!(told.contains(line), "{line:?} is not in:\n{told}");
    }
    let table = gateway.dir.path().join("recall.csv");
    let written = run(&["export", "recall", &lot("FLOUR"), "--gateway", &gateway.url, "--out", path(&table)]);
    assert!(text(&written.stdout).starts_with("Wrote 5 things to "), "{}", text(&written.stderr));
    let table = std::fs::read_to_string(&table).unwrap();
    assert_eq!(table.lines().count(), 6, "{table}");
    assert!(table.contains("(01)09506000134352(21)L2,item,2,lot,(01)09506000134352(10)BREAD/1,Maker,"), "{table}");
    assert!(table.contains(",authentic,Maker,,,false"), "{table}");
    let refused_key = run(&["trace", "nonsense", "--gateway", &gateway.url]);
    assert_eq!(refused_key.status.code(), Some(2), "{}", text(&refused_key.stderr));
    let away = run(&["trace", PALLET, "--gateway", "http://127.0.0.1:1"]);
    assert_eq!(away.status.code(), Some(3));
}

#[test]
fn what_is_no_trace_is_said() {
    let (_node, gateway) = bakery();
    for (query, words) in [
        ("direction=up", "id"),
        ("id=(01)09506000134352(21)L1&direction=sideways", "up, down or both"),
        ("id=(01)09506000134352(21)L1&depth=101", "up to 100"),
        ("id=(01)09506000134352(21)L1&holders=perhaps", "true or false"),
        ("id=(01)09506000134352(21)L1&foo=1", "foo"),
    ] {
        let answer = gateway.get(&format!("/trace?{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.json());
        assert!(answer.json()["detail"].as_str().unwrap().contains(words), "{query}: {}", answer.json());
    }
    let nothing = gateway.get("/trace?id=(01)09506000134352(21)NONE").json();
    assert_eq!(nothing["stopped"][0]["reason"], "not-recorded");
    let wrong = gateway.get("/trace?id=(01)09506000134353(21)L1");
    refused(&wrong, 400, "bad-id", "ValidationException", "check digit");
}
