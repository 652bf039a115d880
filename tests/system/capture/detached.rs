//! EPCIS JSON with its signature in a header, for clients that post documents already.

use serde_json::json;

use super::{commissioning, observation, with_maker};
use crate::refusal::refused;
use crate::signer::{captured, encode};
use crate::support::{Answer, Node};

fn post(node: &Node, content_type: &str, signature: Option<&str>, body: &[u8]) -> Answer {
    let mut headers = vec![("Content-Type", content_type), ("Prefer", "wait=60")];
    headers.extend(signature.map(|signature| ("JWS-Signature", signature)));
    node.request("POST", "/epcis/capture", &headers, body)
}

fn detached(statement: &str) -> String {
    let parts: Vec<&str> = statement.split('.').collect();
    format!("{}..{}", parts[0], parts[2])
}

#[test]
fn a_document_with_its_signature_beside_it_is_the_same_statement() {
    let (node, maker) = with_maker();
    for (content_type, serial) in [("application/json", "A1"), ("application/ld+json", "A2")] {
        // Signed as it is written, white space and all.
        let payload = serde_json::to_vec_pretty(&commissioning(serial)).unwrap();
        let statement = maker.sign_payload(&payload);
        let answer = post(&node, content_type, Some(&detached(&statement)), &payload);
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(captured(&node, &statement), answer.json()["receipt"]);
    }
}

#[test]
fn a_document_without_a_signature_is_refused() {
    let (node, _) = with_maker();
    let body = commissioning("A1").to_string();
    let send = || post(&node, "application/json", None, body.as_bytes());
    let problem = refused(&node, send, 401, "missing-signature", "JWS-Signature");
    assert_eq!(problem["type"], "epcisException:SecurityException");
}

#[test]
fn a_detached_signature_is_held_against_the_bytes_sent() {
    let (node, maker) = with_maker();
    let payload = commissioning("A1").to_string();
    let statement = maker.sign_payload(payload.as_bytes());
    let signature = detached(&statement);
    let send = |signature: &str, body: &str| post(&node, "application/json", Some(signature), body.as_bytes());
    let changed = format!("{payload} ");
    refused(&node, || send(&signature, &changed), 401, "bad-signature", "does not hold");
    let words = "between the dots of a detached JWS stands nothing";
    refused(&node, || send(&statement, &payload), 400, "payload-not-detached", words);
    refused(&node, || send("nonsense", &payload), 400, "not-three-parts", "this text has 1");
    refused(&node, || send(&signature, ""), 400, "missing-payload", "no payload");
    let unsigned = format!("{}..", encode(maker.header_with("alg", "none").as_bytes()));
    refused(&node, || send(&unsigned, &payload), 400, "alg-not-allowed", "none");
    let unencoded = maker.sign(&maker.header_with("b64", false), payload.as_bytes());
    refused(&node, || send(&detached(&unencoded), &payload), 400, "b64-not-allowed", "always base64url");
    let twice = [("Content-Type", "application/json"), ("JWS-Signature", &signature), ("JWS-Signature", &signature)];
    let send = || node.request("POST", "/epcis/capture", &twice, payload.as_bytes());
    refused(&node, send, 400, "bad-header", "JWS-Signature");
}

/// The limit that is announced is one that a statement can hold.
#[test]
fn a_document_has_a_length() {
    let (node, maker) = with_maker();
    let payload = |length: usize| {
        let empty = observation(json!({"example:filling": ""})).to_string().len();
        observation(json!({"example:filling": "x".repeat(length - empty)})).to_string()
    };
    let send = |payload: &str| {
        let signature = detached(&maker.sign_payload(payload.as_bytes()));
        post(&node, "application/json", Some(&signature), payload.as_bytes())
    };
    let options = node.request("OPTIONS", "/epcis/capture", &[], b"");
    let limit: usize = options.header("gs1-epcis-capture-file-size-limit").unwrap().parse().unwrap();
    let words = format!("the limit of {limit} bytes");
    let problem = refused(&node, || send(&payload(limit + 1)), 413, "body-too-large", &words);
    assert_eq!(problem["limit"], limit);
    let answer = send(&payload(limit));
    assert_eq!(answer.status, 200, "{}", answer.json());
}
