//! Events outside the signer's role, or about identifiers that are somebody else's.

use serde_json::{Value, json};

use super::{ITEM, TIME, commissioning, observation};
use crate::refusal::refused;
use crate::signer::{Signer, capture, captured};
use crate::support::{Node, document, object_event};

/// An item under the company prefix 9506100, which is not Maker's.
const OTHERS_ITEM: &str = "https://id.gs1.org/01/09506100000014/21/B1";

struct Chain {
    node: Node,
    maker: Signer,
    carrier: Signer,
    dealer: Signer,
}

fn chain() -> Chain {
    let node = Node::start();
    node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000", "--namespace", "urn:maker:item:"]);
    node.participant("Rival", "manufacturer", &["--gs1-prefix", "9506100"]);
    node.participant("Carrier", "carrier", &[]);
    node.participant("Dealer", "distributor", &[]);
    let signer = |name: &str| Signer::of(&node, name);
    let (maker, carrier, dealer) = (signer("Maker"), signer("Carrier"), signer("Dealer"));
    Chain { node, maker, carrier, dealer }
}

#[test]
fn a_step_outside_the_role_is_refused() {
    let Chain { node, carrier, dealer, .. } = chain();
    let cases = [
        (&carrier, "retail_selling", "the business step retail_selling is not for a shipper"),
        (&carrier, "dispensing", "dispensing is not for a shipper"),
        (&carrier, "decommissioning", "decommissioning is not for a shipper"),
        (&carrier, "https://ref.gs1.org/cbv/BizStep-retail_selling", "retail_selling is not for a shipper"),
        (&dealer, "assembling", "assembling is not for a distributor"),
        (&dealer, "commissioning", "commissioning is not for a distributor"),
    ];
    for (signer, step, words) in cases {
        let event = json!({"bizStep": step, "eventID": "urn:uuid:0e7d4a34-6f26-4d7c-9f4e-6f4f3a0c2d11"});
        let statement = signer.statement(&observation(event));
        let problem = refused(&node, || capture(&node, statement), 403, "role-step", words);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with("event 0 (urn:uuid:0e7d4a34"), "{detail}");
        assert!(detail.contains("breaks rule role-step"), "{detail}");
    }
}

#[test]
fn an_end_needs_the_right_to_its_step_however_it_is_said() {
    let Chain { node, carrier, dealer, .. } = chain();
    let cases = [
        (json!({"action": "DELETE", "bizStep": null}), "decommissioning"),
        (json!({"bizStep": null, "disposition": "destroyed"}), "destroying"),
        (json!({"bizStep": null, "disposition": "retail_sold"}), "retail_selling"),
        (json!({"bizStep": "urn:x:destroying", "disposition": "disposed"}), "destroying"),
        (json!({"persistentDisposition": {"set": ["inactive"]}}), "decommissioning"),
    ];
    for (members, step) in cases {
        let mut event = object_event("OBSERVE", "holding", &[ITEM], TIME);
        for (name, value) in members.as_object().unwrap() {
            event[name] = value.clone();
        }
        event.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let document = document(vec![event]);
        let words = format!("the business step {step} means, which is not for a shipper");
        refused(&node, || capture(&node, carrier.statement(&document)), 403, "role-step", &words);
        captured(&node, dealer.statement(&document));
    }
}

#[test]
fn only_a_manufacturer_brings_things_into_being() {
    let Chain { node, carrier, dealer, .. } = chain();
    for (signer, role) in [(&carrier, "a shipper"), (&dealer, "a distributor")] {
        let mut event = object_event("ADD", "receiving", &[ITEM], TIME);
        event.as_object_mut().unwrap().shift_remove("bizStep");
        let words = format!("only a manufacturer may record; the signer is {role}");
        let statement = signer.statement(&document(vec![event]));
        let problem = refused(&node, || capture(&node, statement), 403, "role-commission", &words);
        assert!(problem["detail"].as_str().unwrap().contains(ITEM), "{problem}");
    }
}

#[test]
fn only_the_holder_of_a_prefix_commissions_under_it() {
    let Chain { node, maker, .. } = chain();
    let by_urn = "urn:epc:id:sgtin:9506100.000001.B1";
    let cases = [OTHERS_ITEM, by_urn, "urn:other:item:7", "urn:maker:items:7", "https://id.gs1.org/8004/950600"];
    for id in cases {
        let statement = maker.statement(&document(vec![object_event("ADD", "commissioning", &[id], TIME)]));
        let words = "lies under none of the signer's claims: 9506000, urn:maker:item:";
        refused(&node, || capture(&node, statement), 403, "own-claim", words);
    }
    let held = |id: &str, words: &str| {
        let statement = maker.statement(&document(vec![object_event("ADD", "commissioning", &[id], TIME)]));
        let detail = capture(&node, statement).json()["detail"].as_str().unwrap().to_owned();
        assert_eq!(detail.contains("; it lies under a claim of "), !words.is_empty(), "{id}: {detail}");
        assert!(detail.contains(words), "{id}: {detail}");
    };
    held(OTHERS_ITEM, "; it lies under a claim of \"Rival\", participant ");
    held("urn:other:item:7", "");
    let quantity = json!({
        "type": "ObjectEvent", "eventTime": TIME, "eventTimeZoneOffset": "+00:00", "action": "ADD",
        "bizStep": "commissioning",
        "quantityList": [{"epcClass": "https://id.gs1.org/01/09506100000014/10/L1", "quantity": 5}],
    });
    let statement = maker.statement(&document(vec![quantity]));
    refused(&node, || capture(&node, statement), 403, "own-claim", "https://id.gs1.org/01/09506100000014/10/L1");
    let output = json!({
        "type": "TransformationEvent", "eventTime": TIME, "eventTimeZoneOffset": "+00:00",
        "inputEPCList": [ITEM], "outputEPCList": [OTHERS_ITEM],
    });
    let statement = maker.statement(&document(vec![output]));
    refused(&node, || capture(&node, statement), 403, "own-claim", OTHERS_ITEM);
}

/// All of a document or nothing: a good event before the bad one is not recorded either.
#[test]
fn one_event_out_of_order_refuses_the_document_and_is_named() {
    let Chain { node, maker, .. } = chain();
    let good = object_event("ADD", "commissioning", &[ITEM], TIME);
    let mut bad = object_event("ADD", "commissioning", &[OTHERS_ITEM], TIME);
    bad["eventID"] = "urn:uuid:5a0b6a86-6f1f-49d6-8d5f-9d2f8b2f0a77".into();
    let statement = maker.statement(&document(vec![good, bad]));
    let words = "event 1 (urn:uuid:5a0b6a86-6f1f-49d6-8d5f-9d2f8b2f0a77) breaks rule own-claim";
    let problem = refused(&node, || capture(&node, statement), 403, "own-claim", words);
    assert_eq!(problem["type"], "epcisException:SecurityException");
    let events = node.get(&format!("/epcis/events?MATCH_anyEPC={}", ITEM.replace(':', "%3A"))).json();
    assert_eq!(events["epcisBody"]["queryResults"]["resultsBody"]["eventList"], json!([]), "{events}");
}

#[test]
fn each_role_records_what_is_its_own() {
    let Chain { node, maker, carrier, dealer } = chain();
    captured(&node, maker.statement(&commissioning("A1")));
    let named = document(vec![object_event("ADD", "commissioning", &["urn:maker:item:7"], TIME)]);
    captured(&node, maker.statement(&named));
    let steps: [(&Signer, Value); 4] = [
        (&carrier, json!("transporting")),
        (&dealer, json!("retail_selling")),
        (&carrier, Value::Null),
        (&carrier, json!("https://example.com/steps/weighing")),
    ];
    for (signer, step) in steps {
        captured(&node, signer.statement(&observation(json!({"bizStep": step}))));
    }
    // What a thing is, others may observe, whoever's prefix it lies under.
    captured(&node, dealer.statement(&observation(json!({"epcList": [OTHERS_ITEM]}))));
}
