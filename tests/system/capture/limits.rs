//! How much one capture may be, what is said of more, and what becomes of a statement longer than a leaf.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use sealane_core::hash::Hash;
use serde_json::{Value, json};

use super::{ITEM, TIME, commissioning, observation, with_maker};
use crate::refusal::refused;
use crate::signer::{capture, captured};
use crate::support::document;

const STATEMENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What fits in a statement once it is base64url.
const DOCUMENT_BYTES_MAX: usize = 3_141_564;

/// Within this, what is refused for its size is refused, on a slow machine and without optimisation. A path that is
/// quadratic takes far longer.
const REFUSAL_MAX: Duration = Duration::from_secs(15);

const JOSE: (&str, &str) = ("Content-Type", "application/jose");

#[test]
fn options_announces_the_limits() {
    let (node, _) = with_maker();
    let answer = node.request("OPTIONS", "/epcis/capture", &[], b"");
    assert!((200..300).contains(&answer.status), "{answer:?}");
    let number = |name: &str| answer.header(name).and_then(|value| value.parse::<usize>().ok());
    assert!(answer.header("gs1-epcis-version").is_some_and(|version| version.starts_with("2.0")), "{answer:?}");
    assert_eq!(number("gs1-epcis-capture-limit"), Some(10_000), "{answer:?}");
    assert_eq!(number("gs1-epcis-capture-file-size-limit"), Some(DOCUMENT_BYTES_MAX), "{answer:?}");
    assert!(answer.header("allow").is_some_and(|allow| allow.contains("POST")), "{answer:?}");
}

#[test]
fn a_body_past_the_limit_is_refused_with_the_limit() {
    let (node, _) = with_maker();
    let words = format!("the limit of {STATEMENT_BYTES_MAX} bytes");
    for length in [STATEMENT_BYTES_MAX + 1, 10_000_000] {
        let began = Instant::now();
        let body = vec![b'a'; length];
        let problem = refused(&node, || capture(&node, &body), 413, "body-too-large", &words);
        assert_eq!(problem["limit"], STATEMENT_BYTES_MAX);
        assert_eq!(problem["type"], "epcisException:CaptureLimitExceededException");
        assert!(began.elapsed() < REFUSAL_MAX);
    }
    // What says beforehand that it is longer still is not even read.
    let huge = [JOSE, ("Content-Length", "99999999999")];
    let send = || node.request("POST", "/epcis/capture", &huge, b"");
    refused(&node, send, 413, "body-too-large", &words);
    // At the limit it is read, and judged by what it is.
    let body = vec![b'a'; STATEMENT_BYTES_MAX];
    refused(&node, || capture(&node, &body), 400, "not-three-parts", "this text has 1");
}

#[test]
fn a_body_of_another_type_is_refused() {
    let (node, maker) = with_maker();
    let statement = maker.statement(&commissioning("A1"));
    let types = ["text/plain", "application/xml", "application/jose+json", "multipart/form-data", "nonsense"];
    for content_type in types {
        let send = || node.post("/epcis/capture", content_type, statement.as_bytes());
        refused(&node, send, 415, "unsupported-media-type", "application/jose");
    }
    let send = || node.request("POST", "/epcis/capture", &[], statement.as_bytes());
    refused(&node, send, 415, "unsupported-media-type", "no Content-Type");
    for xml in ["application/xml", "text/xml; charset=utf-8"] {
        let send = || node.post("/epcis/capture", xml, b"<a/>");
        refused(&node, send, 415, "unsupported-media-type", "`sealane gateway`");
    }
    let encoded = [JOSE, ("Content-Encoding", "br")];
    let send = || node.request("POST", "/epcis/capture", &encoded, statement.as_bytes());
    refused(&node, send, 415, "unsupported-media-type", "send the body as it is, or in gzip");
    assert_eq!(send().header("accept-encoding"), Some("gzip"), "RFC 7694");
    // Parameters of the type change nothing, nor does its case.
    let headers = [("Content-Type", "Application/JOSE; charset=utf-8"), ("Prefer", "wait=60")];
    let answer = node.request("POST", "/epcis/capture", &headers, statement.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.json());
}

#[test]
fn a_hundred_thousand_identifiers_are_too_many_and_quickly_so() {
    let (node, maker) = with_maker();
    let ids = |count: usize| (0..count).map(|n| format!("urn:x:{n}")).collect::<Vec<_>>();
    let began = Instant::now();
    let many = maker.statement(&observation(json!({"epcList": ids(100_000)})));
    let words = "one capture names at most 50000 identifiers; split it";
    let problem = refused(&node, || capture(&node, many), 413, "capture-limit", words);
    assert_eq!(problem["type"], "epcisException:CaptureLimitExceededException");
    // Every one the same: the list is looked through once, not once for each.
    let same = maker.statement(&observation(json!({"epcList": vec!["urn:x:1"; 100_000]})));
    refused(&node, || capture(&node, same), 400, "epcis-invalid", "stands in this list already");
    // Spread over events, they are as many.
    let event = |n: usize| observation(json!({"epcList": ids(10), "eventID": format!("urn:x:event:{n}")}));
    let events = (0..6_000).map(|n| event(n)["epcisBody"]["eventList"][0].take()).collect();
    let spread = maker.statement(&document(events));
    refused(&node, || capture(&node, spread), 413, "capture-limit", words);
    assert!(began.elapsed() < REFUSAL_MAX, "{:?}", began.elapsed());
}

#[test]
fn ten_thousand_events_are_one_capture_and_no_more() {
    let (node, maker) = with_maker();
    let event = json!({
        "type": "ObjectEvent", "eventTime": TIME, "eventTimeZoneOffset": "+00:00", "action": "OBSERVE",
        "epcList": [ITEM],
    });
    let statement = maker.statement(&document(vec![event; 10_001]));
    let words = "one capture has at most 10000 events; this has 10001";
    refused(&node, || capture(&node, statement), 413, "capture-limit", words);
}

#[test]
fn an_identifier_and_a_text_have_a_length() {
    let (node, maker) = with_maker();
    let long = format!("urn:x:{}", "a".repeat(1_020));
    let statement = maker.statement(&observation(json!({"epcList": [long]})));
    let words = "a URI has at most 1024 characters; this has 1026";
    refused(&node, || capture(&node, statement), 400, "epcis-invalid", words);
    let path = format!("/verify?id={}", "a".repeat(20_000));
    let send = || node.get(&path);
    let problem = refused(&node, send, 414, "uri-too-long", "at most 16384 are taken");
    assert_eq!(problem["limit"], 16_384);
}

/// One that does not fit a leaf stands in it by its hash, and its bytes are served beside the tree.
#[test]
fn a_long_statement_is_captured_and_served() {
    let (node, maker) = with_maker();
    let items: Vec<String> = (0..2_000).map(|n| format!("https://id.gs1.org/01/09506000134352/21/N{n}")).collect();
    let ids: Vec<&str> = items.iter().map(String::as_str).collect();
    let event = crate::support::object_event("ADD", "commissioning", &ids, TIME);
    let statement = maker.statement(&document(vec![event]));
    assert!(statement.len() > 65_535);
    let receipt = captured(&node, &statement);
    let leaf = node.get(&format!("/ledger/leaves/{}", receipt["leafIndex"])).body;
    let hash = Hash::of(statement.as_bytes());
    let length = u32::try_from(statement.len()).unwrap().to_be_bytes();
    assert_eq!(leaf, [&[2][..], hash.as_bytes(), &length].concat());
    let served = node.get(&format!("/ledger/statements/{hash}"));
    assert_eq!(served.status, 200, "{served:?}");
    assert!(served.body == statement.as_bytes(), "other bytes than were signed");
    assert_eq!(captured(&node, &statement), receipt);
    let missing = node.get(&format!("/ledger/statements/{}", Hash::of(b"nothing")));
    assert_eq!((missing.status, &missing.json()["code"]), (404, &Value::from("not-found")));
}

/// The longest statement there may be is taken, and one byte more is not.
#[test]
fn the_longest_statement_is_taken() {
    let (node, maker) = with_maker();
    let document = |filling: usize| observation(json!({"example:filling": "x".repeat(filling)}));
    let empty = maker.statement(&document(0)).len();
    let filling = (STATEMENT_BYTES_MAX - empty) / 4 * 3;
    let fits = (filling..filling + 8).rev().map(|filling| maker.statement(&document(filling)));
    let longest = fits.into_iter().find(|statement| statement.len() <= STATEMENT_BYTES_MAX).unwrap();
    assert!(longest.len() + 3 > STATEMENT_BYTES_MAX);
    captured(&node, &longest);
    let longer = maker.statement(&document(filling + 16));
    refused(&node, || capture(&node, longer), 413, "body-too-large", "the limit of 4194304 bytes");
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_gzip_body_is_taken_for_what_it_holds() {
    let (node, maker) = with_maker();
    let gzip = [JOSE, ("Content-Encoding", "gzip"), ("Prefer", "wait=60")];
    let send = |path: &str, body: &[u8]| node.request("POST", path, &gzip, body);
    let answer = send("/epcis/capture", &packed(maker.statement(&commissioning("A1")).as_bytes()));
    assert_eq!(answer.status, 200, "{}", answer.json());
    // A long one, which waits for its turn, at a path with a slash.
    let ids = |count: usize| (0..count).map(|n| format!("urn:x:{n}:{}", "y".repeat(40))).collect::<Vec<_>>();
    let events: Vec<_> = (0..9)
        .map(|n| {
            let mut event = observation(json!({"epcList": ids(n + 30)}));
            event["epcisBody"]["eventList"][0].take()
        })
        .collect();
    let long = maker.statement(&document(events));
    assert!(long.len() > 16 * 1024, "{}", long.len());
    let answer = send("/epcis/capture/", &packed(long.as_bytes()));
    assert_eq!(answer.status, 200, "{}", answer.json());

    let limit = format!("more than the limit of {STATEMENT_BYTES_MAX} bytes, once it is inflated");
    let noise: Vec<u8> = (0..STATEMENT_BYTES_MAX as u32 / 32 + 1)
        .flat_map(|n| format!("{:032}", n.wrapping_mul(2_654_435_761)).into_bytes())
        .collect();
    refused(&node, || send("/epcis/capture", &packed(&noise)), 413, "body-too-large", &limit);
    let bomb = packed(&vec![b'a'; 1 << 20]);
    refused(&node, || send("/epcis/capture", &bomb), 413, "body-too-large", "more than 100 times as many");
    refused(&node, || send("/epcis/capture", b"a.b.c"), 400, "bad-request", "is no gzip (RFC 1952)");
    // Elsewhere a body is sent as it is.
    let headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    let elsewhere = || node.request("POST", "/participants", &headers, &packed(b"{}"));
    refused(&node, elsewhere, 415, "unsupported-media-type", "send the body as it is");
}
