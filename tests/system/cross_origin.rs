//! What a page of another site may read: every GET of the interface's own description, and no POST.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Answer, Node, document, object_event};

const PAGE: (&str, &str) = ("Origin", "https://shop.example");

/// What a browser lets any page read without being told (the Fetch standard, "CORS-safelisted response-header name").
const ALWAYS_READABLE: [&str; 7] =
    ["cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma"];

/// What is for the browser and no page's business.
const FOR_BROWSERS: [&str; 10] = [
    "content-security-policy",
    "cross-origin-opener-policy",
    "date",
    "permissions-policy",
    "referrer-policy",
    "transfer-encoding",
    "connection",
    "www-authenticate",
    "x-content-type-options",
    "x-frame-options",
];

fn names(list: Option<&str>) -> BTreeSet<String> {
    list.unwrap_or_default().split(',').map(|name| name.trim().to_ascii_lowercase()).collect()
}

#[track_caller]
fn is_open(answer: &Answer, what: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{what}: {answer:?}");
    let readable = names(answer.header("access-control-expose-headers"));
    for (name, _) in &answer.headers {
        let name = name.to_ascii_lowercase();
        let known = ALWAYS_READABLE.contains(&&*name) || FOR_BROWSERS.contains(&&*name) || readable.contains(&name);
        assert!(known || name.starts_with("access-control-"), "{what}: a page cannot read {name}");
    }
}

/// Every path of the interface with the methods that it takes, its parameters filled with `value`.
fn described(node: &Node, value: &str) -> Vec<(String, BTreeSet<String>)> {
    let document = node.get("/openapi.json").json();
    let fill = |path: &str| {
        // Digital Links are those paths that begin with a key of GS1's.
        let path = path.replace("{ai}", "01");
        let mut parts = path.split('{');
        let first = parts.next().unwrap().to_owned();
        parts.fold(first, |filled, part| filled + value + part.split_once('}').unwrap().1)
    };
    let methods = |item: &Value| item.as_object().unwrap().keys().cloned().collect();
    document["paths"].as_object().unwrap().iter().map(|(path, item)| (fill(path), methods(item))).collect()
}

#[test]
fn every_get_is_open_to_every_site_whatever_it_answers() {
    let node = Node::start();
    let mut statuses = BTreeSet::new();
    let mut seen = 0;
    for value in ["0", "x%20y"] {
        for (path, methods) in described(&node, value) {
            if !methods.contains("get") {
                continue;
            }
            seen += 1;
            for method in ["GET", "HEAD"] {
                let answer = node.request(method, &path, &[PAGE], b"");
                is_open(&answer, &format!("{method} {path}"));
                statuses.insert(answer.status);
            }
            let asked = [PAGE, ("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Headers", "accept")];
            let preflight = node.request("OPTIONS", &path, &asked, b"");
            is_open(&preflight, &format!("OPTIONS {path}"));
            assert_eq!((preflight.status, preflight.body.len()), (204, 0), "{path}");
            assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, HEAD, OPTIONS"), "{path}");
            assert_eq!(preflight.header("access-control-allow-headers"), Some("*"), "{path}");
            assert_eq!(preflight.header("access-control-max-age"), Some("86400"), "{path}");
            assert!(names(preflight.header("allow")).contains("get"), "{path}");
        }
    }
    assert!(seen >= 2 * 25, "{seen} paths with GET");
    assert!([200, 400, 404].iter().all(|status| statuses.contains(status)), "{statuses:?}");
    for path in ["/nothing", &format!("/verify?id={}", "x".repeat(20_000)), "/verify", "/participants?status=odd"] {
        is_open(&node.get(path), path);
    }
}

#[test]
fn what_clients_go_by_can_be_read_from_other_sites() {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    node.participant("shop", "distributor", &[]);
    let item = "https://id.gs1.org/01/09506000134352/21/A1";
    let event = object_event("ADD", "commissioning", &[item], "2026-03-01T08:00:00.000Z");
    assert_eq!(node.capture("maker", &document(vec![event])).status, 202);
    let readable = |path: &str, header: &str| {
        let answer = node.request("GET", path, &[PAGE], b"");
        is_open(&answer, path);
        assert!(answer.header(header).is_some(), "{path}: {answer:?}");
        assert!(names(answer.header("access-control-expose-headers")).contains(header), "{path}: {header}");
    };
    readable("/participants?perPage=1", "link");
    readable("/epcis/events", "gs1-epcis-version");
    readable("/01/09506000134352/21/A1?linkType=gs1:traceability", "location");
    readable("/assets/verify.js", "etag");
    readable("/trust", "x-request-id");
}

#[test]
fn no_post_is_open() {
    let node = Node::start();
    for (path, methods) in described(&node, "0") {
        if !methods.contains("post") {
            continue;
        }
        let answer = node.request("POST", &path, &[PAGE, ("Content-Type", "application/json")], b"{}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
        let asked = [PAGE, ("Access-Control-Request-Method", "POST")];
        let preflight = node.request("OPTIONS", &path, &asked, b"");
        let allowed = names(preflight.header("access-control-allow-methods"));
        assert!(!allowed.contains("post"), "{path}: {preflight:?}");
    }
    let capture = node.request("OPTIONS", "/epcis/capture", &[PAGE], b"");
    assert_eq!((capture.status, capture.header("access-control-allow-origin")), (204, None));
    assert_eq!(capture.header("gs1-epcis-version"), Some("2.0.0"));
}
