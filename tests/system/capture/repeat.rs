//! The same again, and the same name for something else.

use std::thread;

use serde_json::{Value, json};

use super::{ITEM, observation, with_maker};
use crate::refusal::refused;
use crate::signer::{Signer, capture, captured};
use crate::support::{Node, document};

const EVENT_ID: &str = "urn:uuid:3f1f0b0e-6c2b-4b7e-9a0e-1f6f7d3c5a21";

/// An observation with an eventID, by which business step.
fn named(step: &str) -> Value {
    observation(json!({"eventID": EVENT_ID, "bizStep": step}))
}

#[test]
fn the_same_statement_gives_the_same_receipt_for_ever() {
    let (node, maker) = with_maker();
    let statement = maker.statement(&named("inspecting"));
    let first = capture(&node, &statement).json();
    let size = node.tree_size();
    let again = capture(&node, &statement).json();
    assert_eq!((&again["receipt"], &again["captureID"]), (&first["receipt"], &first["captureID"]));
    assert_eq!(node.tree_size(), size);
    let node = Node::serve(node.stop());
    assert_eq!(captured(&node, &statement), first["receipt"], "after a stop");
    let node = Node::serve(node.kill());
    assert_eq!(captured(&node, &statement), first["receipt"], "after a crash");
    let id = first["captureID"].as_str().unwrap();
    let job = node.get(&format!("/epcis/capture/{id}"));
    assert_eq!((job.status, &job.json()["receipt"]), (200, &first["receipt"]));
}

/// Clients that time out post again while the first is still under way.
#[test]
fn the_same_statement_posted_at_once_from_many_sides_is_recorded_once() {
    let (node, maker) = with_maker();
    let statement = maker.statement(&named("inspecting"));
    let size = node.tree_size();
    let receipts: Vec<Value> = thread::scope(|scope| {
        let posts: Vec<_> = (0..8).map(|_| scope.spawn(|| captured(&node, &statement))).collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    assert!(receipts.iter().all(|receipt| *receipt == receipts[0]));
    assert_eq!(node.tree_size(), size + 2, "the statement and its seal");
}

#[test]
fn an_event_id_stands_for_one_event() {
    let (node, maker) = with_maker();
    let first = captured(&node, maker.statement(&named("inspecting")));
    let other = maker.statement(&named("storing"));
    let words = format!("the same participant has recorded {EVENT_ID} with other content");
    let problem = refused(&node, || capture(&node, &other), 409, "event-conflict", &words);
    assert_eq!(problem["receipt"], first, "{problem}");
    assert_eq!(problem["type"], "epcisException:ResourceAlreadyExistsException");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("event 0") && detail.contains("errorDeclaration"), "{detail}");
    let node = Node::serve(node.stop());
    let problem = refused(&node, || capture(&node, &other), 409, "event-conflict", &words);
    assert_eq!(problem["receipt"], first, "after a restart");
}

#[test]
fn one_document_contradicts_itself() {
    let (node, maker) = with_maker();
    let event = |step: &str| named(step)["epcisBody"]["eventList"][0].take();
    let statement = maker.statement(&document(vec![event("inspecting"), event("storing")]));
    let words = format!("event 1: the same participant has recorded {EVENT_ID} with other content");
    refused(&node, || capture(&node, statement), 409, "event-conflict", &words);
}

#[test]
fn what_was_said_before_gets_the_receipt_of_the_first() {
    let (node, maker) = with_maker();
    let first = captured(&node, maker.statement(&named("inspecting")));
    // The same fact in another document and in other words brings nothing new.
    let mut again = named("https://ref.gs1.org/cbv/BizStep-inspecting");
    again["epcisBody"]["eventList"][0]["epcList"] = json!(["https://example.com/01/09506000134352/21/A1"]);
    again["creationDate"] = "2025-02-02T00:00:00Z".into();
    let (size, again) = (node.tree_size(), maker.statement(&again));
    let problem = refused(&node, || capture(&node, &again), 409, "event-repeated", "has recorded this event already");
    assert_eq!((&problem["receipt"], node.tree_size()), (&first, size));
    assert_eq!(problem["type"], "epcisException:ResourceAlreadyExistsException");
    // Another participant's event of this id is another event.
    node.participant("Dealer", "distributor", &[]);
    captured(&node, Signer::of(&node, "Dealer").statement(&named("storing")));
}

/// A batch may hold an event that was sent before: the new one is recorded, and the other told.
#[test]
fn a_batch_is_taken_for_what_is_new_in_it() {
    let (node, maker) = with_maker();
    let event = |members: Value| observation(members)["epcisBody"]["eventList"][0].take();
    let first = captured(&node, maker.statement(&observation(json!({}))));
    let batch = document(vec![event(json!({"bizStep": "storing"})), event(json!({"bizTransactionList": []}))]);
    let job = capture(&node, maker.statement(&batch)).json();
    assert_eq!(job["success"], true, "{job}");
    let repeated = job["sealane:repeated"].as_array().unwrap();
    assert_eq!((repeated.len(), &repeated[0]["position"]), (1, &json!(1)), "{job}");
    assert_eq!(repeated[0]["firstLeafIndex"], first["leafIndex"]);
    let asked = node.get(&format!("/epcis/capture/{}", job["captureID"].as_str().unwrap())).json();
    assert_eq!(asked["sealane:repeated"], job["sealane:repeated"], "later too");
    // It is listed once, at its first place.
    let events = node.get("/epcis/events?EQ_bizStep=inspecting").json();
    let events = events["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().clone();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["sealane:leafIndex"], first["leafIndex"]);
    assert_eq!(events[0]["sealane:repeatedAt"], json!([job["receipt"]["leafIndex"]]));
}

/// Numbers come back with the digits with which they were signed.
#[test]
fn numbers_stay_as_they_were_signed() {
    let (node, maker) = with_maker();
    let text = observation(json!({"example:n": 7}))
        .to_string()
        .replace(r#""example:n":7"#, r#""example:n":12345678901234567890.250"#);
    captured(&node, maker.sign_payload(text.as_bytes()));
    let events = node.get("/epcis/events").body;
    let events = String::from_utf8(events).unwrap();
    assert!(events.contains(r#""example:n":12345678901234567890.250"#), "{events}");
}

#[test]
fn an_error_declaration_repeats_the_event_id() {
    let (node, maker) = with_maker();
    captured(&node, maker.statement(&named("inspecting")));
    let mut declaration = named("inspecting");
    declaration["epcisBody"]["eventList"][0]["errorDeclaration"] = json!({
        "declarationTime": "2025-01-11T08:00:00Z",
        "reason": "did_not_occur",
    });
    let size = node.tree_size();
    captured(&node, maker.statement(&declaration));
    assert_eq!(node.tree_size(), size + 2);
    // What was declared wrong keeps its name: the right event gets one of its own.
    let right = maker.statement(&named("storing"));
    refused(&node, || capture(&node, right), 409, "event-conflict", "another event needs an eventID of its own");
    captured(&node, maker.statement(&observation(json!({"bizStep": "storing"}))));
    let id = ITEM.replace(':', "%3A").replace('/', "%2F");
    let events = node.get(&format!("/epcis/epcs/{id}/events")).json().to_string();
    assert!(events.contains("did_not_occur") && events.contains("storing"), "{events}");
}

/// Whoever does not say how long to wait is told where the receipt is.
#[test]
fn the_receipt_is_at_the_location() {
    let (node, _) = with_maker();
    let answer = node.capture("Maker", &named("inspecting"));
    assert_eq!(answer.status, 202, "{}", answer.json());
    let location = answer.header("location").unwrap();
    assert_eq!(location, format!("/epcis/capture/{}", answer.json()["captureID"].as_str().unwrap()));
    let job = node.get(location).json();
    assert_eq!((&job["running"], &job["success"]), (&json!(false), &json!(true)), "{job}");
    assert!(job["receipt"]["inclusionProof"].is_array(), "{job}");
    let nothing = node.get("/epcis/capture/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!((nothing.status, &nothing.json()["code"]), (404, &json!("not-found")));
}

/// Without an eventID, an event is named by the hash of what it says.
#[test]
fn a_nameless_event_never_contradicts_itself() {
    let (node, maker) = with_maker();
    let first = captured(&node, maker.statement(&observation(json!({}))));
    let second = captured(&node, maker.statement(&observation(json!({"bizStep": "storing"}))));
    assert_ne!(first["leafIndex"], second["leafIndex"]);
}
