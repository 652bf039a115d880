//! Quotas and decisions about records, from the command to the refusal, at one node.

use std::fs;

use serde_json::{Value, json};

use crate::refusal::refused;
use crate::signer::{Signer, capture, captured};
use crate::support::{Node, document, object_event, path, run_ok, text};

const TIME: &str = "2026-06-01T08:00:00Z";

fn item(n: usize) -> String {
    format!("https://id.gs1.org/01/09506000134352/21/Q{n}")
}

fn about(action: &str, step: &str, ids: &[usize]) -> Value {
    let ids: Vec<String> = ids.iter().copied().map(item).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    document(vec![object_event(action, step, &ids, TIME)])
}

/// A node with a maker of ten items, and a distributor.
fn with_items() -> (Node, Signer, Signer, String) {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let id = node.participant("shop", "distributor", &[]);
    let (maker, shop) = (Signer::of(&node, "maker"), Signer::of(&node, "shop"));
    captured(&node, maker.statement(&about("ADD", "commissioning", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9])));
    (node, maker, shop, id)
}

fn policy(node: &Node, name: &str, value: &str, further: &[&str]) -> Value {
    let arguments = [&["policy", name, value, "--yes", "--json"], further].concat();
    serde_json::from_str(&node.run_ok(&arguments)).unwrap()
}

/// Text of what a command says on standard error; it must end with a code.
fn says(node: &Node, arguments: &[&str], code: i32) -> String {
    let output = node.run(arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    said
}

#[test]
fn a_quota_is_refused_with_its_policy_its_limit_and_when_there_is_room() {
    let (node, maker, shop, id) = with_items();
    assert_eq!(policy(&node, "contactsPerDay", "2", &[])["state"], "enacted");
    captured(&node, shop.statement(&about("OBSERVE", "receiving", &[0, 1])));
    let third = shop.statement(&about("OBSERVE", "receiving", &[2]));
    let problem =
        refused(&node, || capture(&node, &third), 403, "contacts-quota", "at most 2 ids of others in a UTC day");
    assert_eq!(
        (&problem["policy"], &problem["limit"], &problem["used"]),
        (&json!("contactsPerDay"), &json!(2), &json!(2))
    );
    let room = problem["roomFrom"].as_str().unwrap();
    assert!(room.ends_with("T00:00:00.000Z"), "{problem}");
    assert_eq!(problem["type"], "epcisException:SecurityException");
    // It was not written, and stands once the members raise the limit for this participant.
    policy(&node, "contactsPerDay", "3", &["--participant", &id]);
    captured(&node, &third);

    policy(&node, "newIdsInAll", "10", &[]);
    let new = maker.statement(&about("ADD", "commissioning", &[10]));
    let problem = refused(&node, || capture(&node, &new), 403, "new-ids-quota", "at most 10 new ids in all");
    assert_eq!(problem["roomFrom"], Value::Null, "{problem}");
    policy(&node, "newIdsInAll", "11", &[]);
    policy(&node, "newIdsPerDay", "10", &[]);
    let problem = refused(&node, || capture(&node, &new), 403, "new-ids-quota", "at most 10 new ids in a UTC day");
    assert!(problem["roomFrom"].is_string(), "{problem}");

    policy(&node, "leavesPerSubjectPerDay", r#"{"piece": 1, "lot": 1}"#, &[]);
    let again = shop.statement(&about("OBSERVE", "storing", &[0]));
    let problem = refused(&node, || capture(&node, &again), 403, "leaves-quota", &item(0));
    assert!(problem["detail"].as_str().unwrap().contains("All events of one statement count as one"), "{problem}");
    policy(&node, "leavesPerSubjectPerDay", r#"{"piece": 5, "lot": 5}"#, &[]);
    policy(&node, "leavesPerSubjectInAll", "1", &[]);
    let problem = refused(&node, || capture(&node, &again), 403, "leaves-quota", "statements in all");
    assert_eq!((&problem["policy"], &problem["roomFrom"]), (&json!("leavesPerSubjectInAll"), &Value::Null));

    policy(&node, "newIdsPerDay", "100", &[]);
    policy(&node, "subjectsMax", "1", &[]);
    refused(&node, || capture(&node, &new), 403, "ledger-full", "the ledger takes at most 1 subjects");
    captured(&node, maker.statement(&about("OBSERVE", "storing", &[0])));
    let granted = says(&node, &["policy", "newIdsInAll", "9", "--participant", &id, "--yes"], 3);
    assert!(granted.contains("raise subjectsMax first"), "{granted}");
    // A node that starts again counts alike, and so does an audit of all of it.
    let node = Node::serve(node.stop());
    refused(&node, || capture(&node, &again), 403, "leaves-quota", "statements in all");
    refused(&node, || capture(&node, &new), 403, "ledger-full", "the ledger takes at most 1 subjects");
    let dir = node.stop();
    run_ok(&["audit", "--data", path(&dir.path().join("data"))]);
}

#[test]
fn members_dismiss_lift_and_say_who_is_an_authority_and_who_goes_on_for_whom() {
    let (node, maker, shop, shop_id) = with_items();
    let claim = captured(&node, shop.statement(&about("OBSERVE", "receiving", &[0])))["leafIndex"].as_u64().unwrap();
    let made = |arguments: &[&str]| -> Value {
        let answer: Value = serde_json::from_str(&node.run_ok(&[arguments, &["--yes", "--json"]].concat())).unwrap();
        assert_eq!(answer["state"], "enacted", "{arguments:?}");
        node.get(&format!("/members/proposals/{}", answer["id"].as_str().unwrap())).json()["changes"][0].clone()
    };
    let range = format!("{claim}");
    let dismissed = made(&["dismiss", &shop_id, "--claims", &range, "--reason", "smears"]);
    assert_eq!(dismissed["claims"], json!([{"from": claim, "to": claim}]));
    let nothing = says(&node, &["dismiss", &shop_id, "--claims", "0-2", "--reason", "x", "--yes"], 3);
    assert!(nothing.contains("has signed no capture in the leaves 0 to 2"), "{nothing}");
    let later = says(&node, &["dismiss", &shop_id, "--claims", "3-100000", "--reason", "x", "--yes"], 3);
    assert!(later.contains("is not before the proposal's own"), "{later}");
    assert!(
        says(&node, &["dismiss", &shop_id, "--claims", "5-4", "--reason", "x"], 2).contains("is no range of leaves")
    );

    let agency = node.participant("agency", "authority", &[]);
    let authority = Signer::of(&node, "agency");
    let mut recall = object_event("OBSERVE", "holding", &[&item(1)], TIME);
    recall["disposition"] = json!("recalled");
    let recall = authority.statement(&document(vec![recall]));
    refused(&node, || capture(&node, &recall), 403, "not-an-authority", "the members have not made it one");
    let other = says(&node, &["grant-authority", &shop_id, "--yes"], 3);
    assert!(other.contains("is not registered with the role authority"), "{other}");
    assert_eq!(made(&["grant-authority", &agency])["registration"], json!(agency));
    let leaf = captured(&node, &recall)["leafIndex"].as_u64().unwrap().to_string();
    // It watches, and does nothing else.
    let shipping = authority.statement(&about("OBSERVE", "shipping", &[1]));
    refused(&node, || capture(&node, &shipping), 403, "role-step", "is not for a authority");

    let wrong = says(&node, &["lift", &leaf, "--id", &item(2), "--reason", "x", "--yes"], 3);
    assert!(wrong.contains("there is nothing to lift"), "{wrong}");
    assert!(
        says(&node, &["lift", &leaf, "--id", "nothing at all", "--reason", "x", "--yes"], 2)
            .contains("--id nothing at all")
    );
    let lifted = made(&["lift", &leaf, "--id", "(01)09506000134352(21)Q1", "--reason", "no fault"]);
    assert_eq!(lifted["ids"], json!([item(1)]));

    let maker_id = maker.participant.to_string();
    node.run_ok(&["revoke", &maker_id, "--reason", "it merged", "--dismiss-claims"]);
    let heir = node.participant("heir", "manufacturer", &["--gs1-prefix", "9506000"]);
    assert_eq!(made(&["succeed", &maker_id, &heir])["former"], json!(maker_id));
    let twice = says(&node, &["succeed", &maker_id, &shop_id, "--yes"], 3);
    assert!(twice.contains("goes on for participant"), "{twice}");
    // Shown in words, to people.
    let page = text(&node.request("GET", "/members/proposals", &[("Accept", "text/html")], b"").body);
    for words in ["Dismiss what “shop”", "Lift the recall in leaf", "Make “agency”", "goes on for “maker”"]
    {
        assert!(page.to_lowercase().contains(&words.to_lowercase()), "{words}: {page}");
    }
    let told = node.run_ok(&["members", "proposals"]);
    assert!(told.contains("make participant") && told.contains("goes on for participant"), "{told}");
}

#[test]
fn a_long_document_is_posted_as_several_statements() {
    let (node, ..) = with_items();
    let dir = node.identity("maker");
    let post = |name: &str, events: Vec<Value>| {
        let file = node.data().join(name);
        fs::write(&file, document(events).to_string()).unwrap();
        let output = node.run(&["post", "--json", "--as", path(&dir), path(&file)]);
        let (said, out) = (text(&output.stderr), text(&output.stdout));
        assert!(output.status.success(), "{said}");
        (said, serde_json::from_str::<Value>(&out).unwrap())
    };
    let event = |step: &str, range: std::ops::Range<usize>, more: Value| {
        let ids: Vec<String> = range.map(item).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut event = object_event(if step == "commissioning" { "ADD" } else { "OBSERVE" }, step, &ids, TIME);
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let made = vec![event("commissioning", 100..1_500, json!({})), event("storing", 100..200, json!({}))];
    let (said, receipts) = post("long.json", made);
    assert!(said.contains("names 1500 ids, and is posted as 2 statements"), "{said}");
    let parts: Vec<&Value> = receipts.as_array().unwrap().iter().map(|one| &one["statement"]).collect();
    assert_eq!(parts, [&json!({"number": 1, "of": 2}), &json!({"number": 2, "of": 2})]);
    assert!(receipts[0]["receipt"]["leafIndex"].as_u64() < receipts[1]["receipt"]["leafIndex"].as_u64());
    let verdict = node.get(&format!("/verify?id={}", item(1_499))).json();
    assert_eq!(verdict["verdict"], "authentic", "{verdict}");
    // An event that has an eventID stays whole, and says so.
    let named = event("storing", 100..1_200, json!({"eventID": "urn:uuid:1f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10"}));
    let (said, receipts) = post("named.json", vec![named]);
    assert!(said.contains("event 0, from 0, names 1100 ids and is posted whole"), "{said}");
    assert_eq!(receipts.as_array().unwrap().len(), 1);
    assert_eq!(receipts[0]["longEvents"], json!([0]));
    let (said, receipts) = post("short.json", vec![event("storing", 100..110, json!({}))]);
    assert_eq!((said.as_str(), receipts[0].get("statement")), ("", None));
}
