//! `/epcis`: lists, classes, the feed, and what its headers ask for and say.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::signer::{Signer, captured};
use crate::support::{Answer, Node, document, object_event};

const A: &str = "https://id.gs1.org/01/09506000134352/21/A";
const B: &str = "https://id.gs1.org/01/09506000134352/21/B";
const LOT: &str = "https://id.gs1.org/01/09506000134352/10/L1";
const PALLET: &str = "https://id.gs1.org/00/095060001000000012";
const TRANSFORMATION: &str = "urn:uuid:0f7f2b4e-34a2-4a5e-9a3c-3e5a5a8b0c11";

fn ledger() -> (Node, Signer) {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let maker = Signer::of(&node, "maker");
    let named = |name: &str, mut event: Value| {
        event["eventID"] = json!(format!("urn:test:{name}"));
        event
    };
    let made = named("made", object_event("ADD", "commissioning", &[A, B], "2026-03-01T08:00:00.000Z"));
    let mut lot = named("lot", object_event("ADD", "commissioning", &[], "2026-03-01T09:00:00.000Z"));
    lot.as_object_mut().unwrap().shift_remove("epcList");
    lot["quantityList"] = json!([{"epcClass": LOT, "quantity": 10}]);
    let packed = named(
        "packed",
        json!({
            "type": "AggregationEvent", "eventTime": "2026-03-02T08:00:00.000Z", "eventTimeZoneOffset": "+00:00",
            "parentID": PALLET, "childEPCs": [A], "childQuantityList": [{"epcClass": LOT, "quantity": 4}], "action": "ADD",
            "bizStep": "packing",
        }),
    );
    let mixed = named(
        "mixed",
        json!({
            "type": "TransformationEvent", "eventTime": "2026-03-03T08:00:00.000Z", "eventTimeZoneOffset": "+00:00",
            "transformationID": TRANSFORMATION, "inputQuantityList": [{"epcClass": LOT, "quantity": 2}],
            "outputEPCList": ["https://id.gs1.org/01/09506000134352/21/C"], "bizStep": "commissioning",
        }),
    );
    for event in [made, lot, packed, mixed] {
        captured(&node, maker.statement(&document(vec![event])));
    }
    (node, maker)
}

/// The names of the events on a page.
fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let list = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"].take();
    let name = |event: &Value| event["eventID"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    list.as_array().unwrap().iter().map(name).collect()
}

fn next(node: &Node, answer: &Answer) -> Option<String> {
    let (target, rest) = answer.header("link")?.strip_prefix('<')?.split_once('>')?;
    assert!(rest.contains("rel=\"next\""), "{answer:?}");
    Some(target.strip_prefix(&node.url).unwrap().to_owned())
}

#[test]
fn lists_are_unions_and_classes_are_apart() {
    let (node, _) = ledger();
    for (query, right) in [
        (format!("MATCH_anyEPC={A}"), &["made", "packed"][..]),
        (format!("MATCH_anyEPC={PALLET}%7C{B}"), &["made", "packed"]),
        (format!("MATCH_anyEPC={PALLET}&MATCH_anyEPC={B}"), &["made", "packed"]),
        (format!("MATCH_epc={PALLET}"), &[]),
        (format!("MATCH_parentID={PALLET}"), &["packed"]),
        (format!("MATCH_anyEPC={LOT}"), &[]),
        (format!("MATCH_anyEPCClass={LOT}"), &["lot", "packed", "mixed"]),
        (format!("MATCH_epcClass={LOT}"), &["lot", "packed"]),
        (format!("MATCH_inputEPCClass={LOT}"), &["mixed"]),
        (format!("MATCH_outputEPCClass={LOT}"), &[]),
        (format!("MATCH_anyEPC={A}&MATCH_anyEPCClass={LOT}"), &["packed"]),
        ("MATCH_outputEPC=urn:epc:id:sgtin:9506000.013435.C".to_owned(), &["mixed"]),
        (format!("EQ_transformationID={TRANSFORMATION}"), &["mixed"]),
        (format!("EQ_transformationID=urn:x:other%7C{TRANSFORMATION}"), &["mixed"]),
        ("EQ_transformationID=urn:x:other".to_owned(), &[]),
        ("EQ_eventID=urn:test:mixed%7Curn:test:made".to_owned(), &["made", "mixed"]),
        ("EQ_eventID=urn:test:mixed&EQ_eventID=urn:test:lot&EQ_action=ADD".to_owned(), &["lot"]),
        (
            "eventType=ObjectEvent&eventType=TransformationEvent&EQ_bizStep=commissioning".to_owned(),
            &["made", "lot", "mixed"],
        ),
    ] {
        let found = node.get(&format!("/epcis/events?{}", query.replace(':', "%3A")));
        assert_eq!(names(&found), right, "{query}");
    }
    let of_path = node.get(&format!("/epcis/epcs/{}/events", LOT.replace(':', "%3A").replace('/', "%2F")));
    assert_eq!(names(&of_path), ["lot", "packed", "mixed"], "in any part");
}

#[test]
fn a_pattern_is_refused_and_never_answered_with_nothing() {
    let (node, _) = ledger();
    let pattern = "urn:epc:idpat:sgtin:9506000.013435.*";
    for target in [
        format!("/epcis/events?MATCH_epc={pattern}"),
        format!("/epcis/events?MATCH_anyEPCClass={A}%7C{pattern}"),
        format!("/epcis/epcs/{pattern}/events"),
    ] {
        let problem = node.get(&target);
        assert_eq!((problem.status, &problem.json()["code"]), (400, &json!("bad-parameter")), "{target}");
        assert_eq!(problem.json()["type"], "epcisException:QueryParameterException");
        assert!(problem.json()["detail"].as_str().unwrap().contains("`sealane gateway`"), "{problem:?}");
    }
    let many = vec![A; 65].join("%7C");
    let problem = node.get(&format!("/epcis/events?MATCH_epc={many}"));
    assert_eq!((problem.status, &problem.json()["limit"]), (400, &json!(64)));
}

#[test]
fn record_times_are_those_of_blocks() {
    let (node, _) = ledger();
    let all = node.get("/epcis/events");
    let list = all.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"].take();
    let times: Vec<&str> = list.as_array().unwrap().iter().map(|event| event["recordTime"].as_str().unwrap()).collect();
    let found = |query: &str| node.get(&format!("/epcis/events?{query}"));
    assert_eq!(names(&found(&format!("GE_recordTime={}", times[2]))), ["packed", "mixed"]);
    let before = found(&format!("LT_recordTime={}", times[2]));
    assert_eq!(names(&before), ["made", "lot"]);
    assert_eq!(next(&node, &before), None, "nothing that comes later can be of it");
    assert_eq!(names(&found(&format!("GE_recordTime={}&LT_recordTime={}", times[1], times[2]))), ["lot"]);
    assert_eq!(found("GE_recordTime=yesterday").status, 400);
}

#[test]
fn the_last_page_leads_on_to_what_comes() {
    let (node, maker) = ledger();
    let first = node.get("/epcis/events?perPage=3");
    assert_eq!(names(&first), ["made", "lot", "packed"]);
    let last = node.get(&next(&node, &first).unwrap());
    assert_eq!(names(&last), ["mixed"]);
    assert_eq!(last.header("sealane-tree-size"), Some(node.tree_size().to_string().as_str()));
    let onward = next(&node, &last).unwrap();
    let empty = node.get(&onward);
    assert_eq!((names(&empty).len(), next(&node, &empty)), (0, None), "who follows every link comes to an end");

    // Who waits is led on, and hears of what is recorded.
    let waiting = |path: &str, seconds: u32| node.request("GET", path, &[("Prefer", &format!("wait={seconds}"))], b"");
    let began = Instant::now();
    let nothing = waiting(&onward, 1);
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!((names(&nothing).len(), nothing.header("preference-applied")), (0, Some("wait=1")));
    let onward = next(&node, &nothing).unwrap();
    let began = Instant::now();
    let heard = thread::scope(|scope| {
        let heard = scope.spawn(|| waiting(&onward, 60));
        captured(
            &node,
            maker.statement(&document(vec![object_event("OBSERVE", "storing", &[B], "2026-03-04T08:00:00.000Z")])),
        );
        heard.join().unwrap()
    });
    assert_eq!(names(&heard).len(), 1);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    // What is recorded and not asked for is no answer.
    let other = waiting("/epcis/events?EQ_bizStep=destroying", 0);
    assert_eq!(names(&other).len(), 0);
    assert!(next(&node, &other).is_some());
}

#[test]
fn a_waiting_client_does_not_hold_up_a_stop() {
    let (node, _) = ledger();
    let waiting = {
        let host = node.url.strip_prefix("http://").unwrap().to_owned();
        thread::spawn(move || {
            let headers = [("Prefer", "wait=60")];
            crate::support::request(&host, "GET", "/epcis/events?EQ_bizStep=destroying", &headers, b"")
        })
    };
    let began = Instant::now();
    while node.get("/metrics").status != 200 && began.elapsed() < Duration::from_secs(5) {}
    let began = Instant::now();
    drop(node.stop());
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    // Answered, or cut off before it began.
    let _ = waiting.join();
}

#[test]
fn every_answer_says_its_versions_and_what_is_not_given_is_refused() {
    let (node, _) = ledger();
    for (method, path, status) in [
        ("GET", "/epcis", 200),
        ("GET", "/epcis/", 200),
        ("OPTIONS", "/epcis", 204),
        ("GET", "/epcis/events", 200),
        ("GET", "/epcis/events/", 200),
        ("HEAD", "/epcis/events", 200),
        ("GET", "/epcis/events/urn:none", 404),
        ("GET", "/epcis/nothing", 404),
        ("OPTIONS", "/epcis/capture", 204),
        ("DELETE", "/epcis/events", 405),
        ("POST", "/epcis/capture", 415),
    ] {
        let answer = node.request(method, path, &[], b"");
        assert_eq!(answer.status, status, "{method} {path}");
        for (name, value) in [
            ("GS1-EPCIS-Version", "2.0.0"),
            ("GS1-EPCIS-Min", "2.0.0"),
            ("GS1-EPCIS-Max", "2.0.0"),
            ("GS1-CBV-Version", "2.0.0"),
            ("GS1-CBV-Min", "2.0.0"),
            ("GS1-CBV-Max", "2.0.0"),
            ("GS1-EPC-Format", "Never_Translates"),
            ("GS1-Vendor-Version", env!("CARGO_PKG_VERSION")),
        ] {
            assert_eq!(answer.header(name), Some(value), "{method} {path}");
        }
        if status == 405 {
            assert!(answer.json()["type"].as_str().unwrap().starts_with("epcisException:"), "{answer:?}");
        }
    }
    assert_eq!(node.get("/verify").header("GS1-EPCIS-Version"), None);
    let collection = node.get("/epcis").json();
    assert_eq!(
        (&collection["type"], &collection["member"]),
        (&json!("Collection"), &json!(["capture", "events", "vocabularies"]))
    );
    for (name, value, status) in [
        ("Accept", "application/xml", 406),
        ("Accept", "image/png", 406),
        ("Accept", "application/ld+json", 200),
        ("Accept", "text/html,*/*;q=0.8", 200),
        ("GS1-EPC-Format", "ALWAYS_GS1_Digital_Link", 200),
        ("GS1-EPC-Format", "Always_EPC_URN", 406),
        ("GS1-EPC-Format", "Sometimes", 400),
        ("GS1-EPCIS-Min", "2.0", 200),
        ("GS1-EPCIS-Min", "2.1", 406),
        ("GS1-EPCIS-Max", "1.2", 406),
        ("GS1-EPCIS-Max", "x", 400),
    ] {
        let answer = node.request("GET", "/epcis/events", &[(name, value)], b"");
        assert_eq!(answer.status, status, "{name}: {value}");
        if status == 406 {
            assert_eq!(answer.json()["type"], "epcisException:NotAcceptableException");
        }
    }
}
