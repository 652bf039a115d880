//! From a plain document to a receipt that verifies.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use sealane_core::evidence::{Anchor, MemberChain, Receipt};
use sealane_core::statement::P256;
use serde_json::{Value, json};

use crate::program::{Gateway, commissioning, id_of, product, refused, times_recorded};
use crate::support::{Node, document, object_event, request};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn post_bytes(gateway: &Gateway, path: &str, headers: &[(&str, &str)], body: &[u8]) -> crate::support::Answer {
    request(gateway.host(), "POST", path, headers, body)
}

#[test]
fn a_document_becomes_final_with_a_receipt_that_holds() {
    let (node, gateway) = Gateway::of_maker(&[]);
    assert_eq!(gateway.started["origin"], json!(node.origin));
    let id = gateway.take(&commissioning(&["A1", "A2"]));
    let job = gateway.until_final(&id);
    assert_eq!((&job["success"], &job["captureErrorBehaviour"]), (&json!(true), &json!("rollback")));
    assert!(job["finishedAt"].is_string() && job["createdAt"].is_string(), "{job}");
    let receipt: Receipt = serde_json::from_value(job["sealane:receipt"].clone()).unwrap();
    let anchor = Anchor::parse(&node.get("/trust").body, &P256).unwrap();
    receipt.verify(&MemberChain::new(anchor), &P256).unwrap();
    let there = node.get(&format!("/epcis/capture/{}", job["sealane:statement"].as_str().unwrap())).json();
    assert_eq!(there["receipt"], job["sealane:receipt"]);
    assert_eq!((times_recorded(&node, "A1"), times_recorded(&node, "A2")), (1, 1));
    // Paths under /epcis are the same, and name each other so.
    let answer = post_bytes(
        &gateway,
        "/epcis/capture",
        &[("Content-Type", "application/ld+json; charset=utf-8")],
        commissioning(&["A3"]).to_string().as_bytes(),
    );
    assert_eq!(answer.status, 202, "{}", answer.json());
    let place = answer.header("Location").unwrap();
    assert!(place.starts_with("/epcis/capture/"), "{place}");
    assert_eq!(gateway.get(place).json()["captureID"], answer.json()["captureID"]);
    assert_eq!(answer.header("GS1-EPCIS-Version"), Some("2.0.0"));
    // A client in use writes the path so.
    let bytes = commissioning(&["A4"]).to_string();
    let answer = post_bytes(&gateway, "/Capture", &[("Content-Type", "application/json")], bytes.as_bytes());
    gateway.until_final(&id_of(&answer));
}

#[test]
fn what_is_normalised_is_told() {
    let (node, gateway) = Gateway::of_maker(&[]);
    let mut older = commissioning(&["B1"]);
    older["_comment"] = json!("by hand");
    older["epcisBody"]["eventList"][0]["bizStep"] = json!("urn:epcglobal:cbv:bizstep:commissioning");
    let job = gateway.until_final(&gateway.take(&older));
    let told: Vec<&str> =
        job["sealane:changed"].as_array().unwrap().iter().map(|one| one["pointer"].as_str().unwrap()).collect();
    assert_eq!(told, ["/epcisBody/eventList/0/bizStep", "/_comment"]);
    // The answer of a query, as it was saved.
    let event = object_event("ADD", "commissioning", &[&product("B2")], "2026-03-01T08:00:00.000Z");
    let query = json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISQueryDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T08:00:00.000Z",
        "epcisBody": {"queryResults": {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": [event]}}},
    });
    gateway.until_final(&gateway.take(&query));
    assert_eq!(times_recorded(&node, "B2"), 1);
    // A mark before the text.
    let marked = [b"\xef\xbb\xbf".as_slice(), commissioning(&["B3"]).to_string().as_bytes()].concat();
    let answer = post_bytes(&gateway, "/capture", &[("Content-Type", "application/json")], &marked);
    gateway.until_final(&id_of(&answer));
}

#[test]
fn a_strict_gateway_changes_nothing() {
    let (_node, gateway) = Gateway::of_maker(&["--strict"]);
    let mut older = commissioning(&["B4"]);
    older["_comment"] = json!("by hand");
    refused(&gateway.post(&older), 400, "epcis-invalid", "ValidationException", "_comment");
    gateway.until_final(&gateway.take(&commissioning(&["B4"])));
}

#[test]
fn one_event_is_answered_once_it_is_final() {
    let (node, gateway) = Gateway::of_maker(&[]);
    let mut event = object_event("ADD", "commissioning", &[&product("C1")], "2026-03-01T08:00:00.000Z");
    event["@context"] = json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]);
    event["eventID"] = json!("urn:uuid:0199aaaa-0000-4000-8000-000000000001");
    let post = |body: &Value| {
        post_bytes(&gateway, "/events", &[("Content-Type", "application/json")], body.to_string().as_bytes())
    };
    let answer = post(&event);
    assert_eq!(answer.status, 201, "{}", answer.json());
    assert_eq!(answer.header("Location"), Some("/events/urn%3Auuid%3A0199aaaa%2D0000%2D4000%2D8000%2D000000000001"));
    assert_eq!(times_recorded(&node, "C1"), 1);
    refused(&post(&commissioning(&["C2"])), 400, "epcis-invalid", "ValidationException", "post a document to /capture");
}

#[test]
fn what_cannot_be_read_is_refused_and_leaves_nothing() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    let json = [("Content-Type", "application/json")];
    let post = |headers: &[(&str, &str)], body: &[u8]| post_bytes(&gateway, "/capture", headers, body);
    let mut wrong = commissioning(&["D1"]);
    wrong["epcisBody"]["eventList"][0]["eventTime"] = json!("yesterday");
    let problem = refused(&gateway.post(&wrong), 400, "epcis-invalid", "ValidationException", "eventTime");
    assert_eq!(problem["faults"][0]["pointer"], "/epcisBody/eventList/0/eventTime");
    refused(&post(&json, b"{"), 400, "epcis-invalid", "ValidationException", "");
    refused(&gateway.post(&document(vec![])), 400, "epcis-invalid", "ValidationException", "");
    let foreign = document(vec![object_event(
        "ADD",
        "commissioning",
        &["https://id.gs1.org/01/04012345678901/21/1"],
        "2026-03-01T08:00:00.000Z",
    )]);
    refused(&gateway.post(&foreign), 403, "own-claim", "SecurityException", "lies under none of the signer's claims");
    refused(
        &post(&[("Content-Type", "text/csv")], b"a"),
        415,
        "unsupported-media-type",
        "UnsupportedMediaTypeException",
        "as application/json",
    );
    refused(
        &gateway.post_with(&[("GS1-Capture-Error-Behaviour", "maybe")], &commissioning(&["D2"])),
        400,
        "bad-header",
        "ValidationException",
        "rollback or proceed",
    );
    refused(
        &gateway.post_with(&[("Idempotency-Key", "")], &commissioning(&["D2"])),
        400,
        "bad-header",
        "ValidationException",
        "1 to 255",
    );
    let long = " ".repeat(3_141_565);
    let answer = post(&json, long.as_bytes());
    refused(&answer, 413, "body-too-large", "CaptureLimitExceededException", "3141564");
    assert_eq!(
        (answer.header("GS1-EPCIS-Capture-Limit"), answer.header("GS1-EPCIS-Capture-File-Size-Limit")),
        (Some("10000"), Some("3141564"))
    );
    let ids: Vec<String> = (0..10_001).map(|n| n.to_string()).collect();
    let many = commissioning(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    refused(&gateway.post(&many), 413, "capture-limit", "CaptureLimitExceededException", "10000");
    assert_eq!(gateway.get("/capture").json(), json!([]));
    let nothing = gateway.get("/capture/0199aaaa-0000-7000-8000-000000000001");
    refused(&nothing, 404, "not-found", "NoSuchResourceException", "no capture with this id");
    refused(&gateway.get("/capture?perPage=none"), 400, "bad-parameter", "QueryParameterException", "perPage");
    assert_eq!(gateway.get("/capture?perPage=1&nextPageToken=").status, 200, "an empty field asks for the first page");
    refused(&gateway.get("/capture?nextPageToken=x"), 400, "bad-parameter", "QueryParameterException", "nextPageToken");
    let answer = request(gateway.host(), "DELETE", "/capture", &[], b"");
    assert_eq!((answer.status, answer.header("Allow")), (405, Some("GET, HEAD, OPTIONS, POST")));
    let answer = request(gateway.host(), "OPTIONS", "/epcis/events", &[], b"");
    assert_eq!(
        (answer.status, answer.header("Allow"), answer.header("GS1-EPCIS-Capture-Limit")),
        (204, Some("GET, HEAD, OPTIONS, POST"), Some("10000"))
    );
}

#[test]
fn a_compressed_document_counts_by_what_it_inflates_to() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    let headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    let body = gzip(commissioning(&["E1"]).to_string().as_bytes());
    gateway.until_final(&id_of(&post_bytes(&gateway, "/capture", &headers, &body)));
    let bomb = gzip(&vec![b' '; 1_000_000]);
    refused(
        &post_bytes(&gateway, "/capture", &headers, &bomb),
        413,
        "body-too-large",
        "CaptureLimitExceededException",
        "100 times",
    );
    refused(
        &post_bytes(&gateway, "/capture", &headers, &body[..body.len() - 5]),
        400,
        "body-cut-off",
        "ValidationException",
        "no whole gzip",
    );
    let other = [("Content-Type", "application/json"), ("Content-Encoding", "br")];
    refused(
        &post_bytes(&gateway, "/capture", &other, &body),
        415,
        "unsupported-media-type",
        "UnsupportedMediaTypeException",
        "gzip",
    );
}

#[test]
fn the_same_capture_twice_is_one_job() {
    let (node, gateway) = Gateway::of_maker(&[]);
    let document = commissioning(&["F1"]);
    let first = gateway.take(&document);
    assert_eq!(gateway.take(&document), first);
    gateway.until_final(&first);
    assert_eq!(gateway.take(&document), first, "also once it is final");
    let key = [("Idempotency-Key", "order-7")];
    let second = id_of(&gateway.post_with(&key, &commissioning(&["F2"])));
    assert_eq!(id_of(&gateway.post_with(&key, &commissioning(&["F2"]))), second);
    let problem = refused(
        &gateway.post_with(&key, &commissioning(&["F3"])),
        409,
        "idempotency-key-reused",
        "ResourceAlreadyExistsException",
        "another body",
    );
    assert_eq!(problem["captureID"], json!(second));
    gateway.until_final(&second);
    assert_eq!((times_recorded(&node, "F1"), times_recorded(&node, "F2")), (1, 1));
}

#[test]
fn events_that_are_recorded_are_not_recorded_again() {
    let (node, gateway) = Gateway::of_maker(&[]);
    let first = gateway.until_final(&gateway.take(&commissioning(&["G1", "G2"])));
    // The same events in another document: the ledger says where they stand.
    let mut again = commissioning(&["G1", "G2"]);
    again["creationDate"] = json!("2026-04-01T08:00:00.000Z");
    let job = gateway.until_final(&gateway.take(&again));
    assert_eq!(job["sealane:receipt"]["leafIndex"], first["sealane:receipt"]["leafIndex"]);
    // With a new one, that alone is recorded.
    let job = gateway.until_final(&gateway.take(&commissioning(&["G1", "G3"])));
    assert_eq!(job["sealane:repeated"][0]["position"], 0, "{job}");
    assert_eq!(job["sealane:repeated"][0]["firstLeafIndex"], first["sealane:receipt"]["leafIndex"]);
    for serial in ["G1", "G2", "G3"] {
        assert_eq!(times_recorded(&node, serial), 1, "{serial}");
    }
}

#[test]
fn small_captures_share_a_statement_and_long_ones_do_not() {
    let node = Node::start();
    node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    // Captures come while no node is there, so that they wait together.
    let fake = crate::fake_node::FakeNode::before(node.url.strip_prefix("http://").unwrap());
    fake.then([crate::fake_node::FakeNode::problem(503, "no-quorum")]);
    let gateway = Gateway::start(&node.identity("Maker"), &[&fake.url], &[]);
    let first = gateway.take(&commissioning(&["H0"]));
    fake.until_posted(1);
    let ids: Vec<String> = (1..=5).map(|n| gateway.take(&commissioning(&[&format!("H{n}")]))).collect();
    let first = gateway.until_final(&first);
    let jobs: Vec<Value> = ids.iter().map(|id| gateway.until_final(id)).collect();
    let statements: std::collections::BTreeSet<&str> =
        jobs.iter().map(|job| job["sealane:statement"].as_str().unwrap()).collect();
    assert_eq!(statements.len(), 1, "{jobs:?}");
    assert!(!statements.contains(first["sealane:statement"].as_str().unwrap()));
    assert_eq!(jobs.iter().map(|job| job["sealane:position"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    for n in 0..=5 {
        assert_eq!(times_recorded(&node, &format!("H{n}")), 1);
    }
}

#[test]
fn jobs_are_listed_by_pages() {
    let (_node, gateway) = Gateway::of_maker(&["--no-batch"]);
    let ids: Vec<String> = (0..3).map(|n| gateway.take(&commissioning(&[&format!("I{n}")]))).collect();
    let page = gateway.get("/capture?perPage=2");
    let of = |page: &Value| {
        page.as_array().unwrap().iter().map(|job| job["captureID"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of(&page.json()), [ids[2].clone(), ids[1].clone()]);
    let link = page.header("Link").unwrap();
    let next = link.strip_prefix('<').unwrap().split('>').next().unwrap();
    let last = gateway.get(next);
    assert_eq!((of(&last.json()), last.header("Link")), (vec![ids[0].clone()], None));
}
