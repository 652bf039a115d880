//! Payloads that are no strict JSON: two readers could read them in two ways.

use serde_json::json;

use super::{observation, with_maker};
use crate::refusal::{pointers, refused};
use crate::signer::{capture, captured};

#[test]
fn a_payload_that_is_not_strict_json_is_refused() {
    let (node, maker) = with_maker();
    let good = observation(json!({"example:x": "HERE"})).to_string();
    let event = "/epcisBody/eventList/0";
    let here = format!("{event}/example:x");
    let with = |value: &str| good.replace("\"HERE\"", value).into_bytes();
    let mut not_utf8 = with("\"?\"");
    let at = not_utf8.iter().position(|byte| *byte == b'?').unwrap();
    not_utf8[at] = 0xff;
    let byte = format!("invalid UTF-8 at byte {at}");
    let twice = |member: &str| good.replacen('{', &format!("{{{member},"), 1).into_bytes();
    let inner = good.replace("\"action\"", "\"action\":\"ADD\",\"action\"").into_bytes();
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let cases: [(Vec<u8>, &str, &str); 14] = [
        (not_utf8, "", &byte),
        (twice(r#""type":"EPCISDocument""#), "/type", "a member named twice"),
        (twice(r#""\u0074ype":"EPCISDocument""#), "/type", "a member named twice"),
        (inner, &format!("{event}/action"), "a member named twice"),
        (with(r#"{"a":1,"a":1}"#), &format!("{here}/a"), "a member named twice"),
        (with("1e400"), &here, "number out of range"),
        (with("-1e999"), &here, "number out of range"),
        (with(&format!("1{}", "0".repeat(400))), &here, "number out of range"),
        (with("NaN"), &here, "line 1 column"),
        (with("01"), &here, "line 1 column"),
        (with("\"\u{1}\""), &here, "control character"),
        (with("\"\\ud800\""), &here, "line 1 column"),
        (good.as_bytes()[..good.len() - 1].to_vec(), "", "EOF"),
        (format!("{good} {good}").into_bytes(), "", "trailing characters"),
    ];
    for (payload, pointer, words) in cases {
        let statement = maker.sign_payload(&payload);
        let problem = refused(&node, || capture(&node, statement), 400, "epcis-invalid", words);
        assert_eq!(pointers(&problem), [pointer], "{problem}");
    }
    for depth in [62, 10_000, 500_000] {
        let statement = maker.sign_payload(&with(&nested(depth)));
        let words = "nested deeper than 64 levels";
        let problem = refused(&node, || capture(&node, statement), 400, "epcis-invalid", words);
        assert_eq!(pointers(&problem).len(), 1, "{problem}");
    }
    let marked = [b"\xef\xbb\xbf", good.as_bytes()].concat();
    let statement = maker.sign_payload(&marked);
    captured(&node, statement);
    for (payload, words) in [(&b"<?xml version=\"1.0\"?><a/>"[..], "this is XML"), (b"{\0}\0", "UTF-16")] {
        let statement = maker.sign_payload(payload);
        refused(&node, || capture(&node, statement), 400, "epcis-invalid", words);
    }
    captured(&node, maker.sign_payload(&with(&nested(20))));
}
