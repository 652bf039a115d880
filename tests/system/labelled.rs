//! A product asked about with its label, over HTTP and by command: lot and dates are part of the question.

use std::fs;

use serde_json::{Value, json};

use crate::signer::{Signer, captured};
use crate::support::{Node, document, object_event, path, run, text};

const GTIN: &str = "09506000134352";

/// Items of which the commissioning names the lot L8 by `lotNumber`, by `gs1:hasBatchLotNumber`, by the EPC, and not at all.
const RECORDINGS: [&str; 4] = ["S1", "S2", "S3", "S4"];

fn element(serial: &str, label: &str) -> String {
    format!("(01){GTIN}{label}(21){serial}")
}

/// A ledger with an item of lot L7 and an expiry date, and one of lot L8 in each recording.
fn ledger() -> (Node, Signer) {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let maker = Signer::of(&node, "maker");
    let made = |id: &str, ilmd: Value| {
        let mut event = object_event("ADD", "commissioning", &[id], "2026-03-02T08:00:00.000Z");
        if !ilmd.is_null() {
            event["ilmd"] = ilmd;
        }
        event
    };
    let id = |serial: &str| format!("https://id.gs1.org/01/{GTIN}/21/{serial}");
    let events = vec![
        made(&id("A1"), json!({"cbvmda:lotNumber": "L7", "cbvmda:itemExpirationDate": "2031-11-30T00:00:00Z"})),
        made(&id("S1"), json!({"cbvmda:lotNumber": "L8"})),
        made(&id("S2"), json!({"gs1:Product": {"gs1:hasBatchLotNumber": "L8"}})),
        made(&format!("https://shop.example/01/{GTIN}/10/L8/21/S3"), Value::Null),
        made(&id("S4"), Value::Null),
    ];
    captured(&node, maker.statement(&document(events)));
    (node, maker)
}

fn recall_l8(node: &Node, maker: &Signer) {
    let mut recall = object_event("OBSERVE", "holding", &[], "2026-03-19T12:00:00.000Z");
    recall["quantityList"] = json!([{"epcClass": format!("https://id.gs1.org/01/{GTIN}/10/L8")}]);
    recall["disposition"] = json!("recalled");
    captured(node, maker.statement(&document(vec![recall])));
}

/// The verdict by command, with its exit code: checked and judged there.
fn verify(node: &Node, id: &str) -> (Option<i32>, Value) {
    let output = node.run(&["verify", "--json", id]);
    let answer = serde_json::from_slice(&output.stdout);
    (output.status.code(), answer.unwrap_or_else(|_| panic!("{id}: {}", text(&output.stderr))))
}

fn rules(verdict: &Value) -> Vec<&str> {
    verdict["reasons"].as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap()).collect()
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[test]
fn the_label_is_judged_with_the_id() {
    let (node, maker) = ledger();
    for (label, word, rule) in [
        ("(10)L7(17)311130", "authentic", None),
        ("(10)L7(17)311100", "authentic", None),
        ("(10)L7(7003)3111301200", "authentic", None),
        ("(10)FAKE(17)311130", "suspect", Some("label-differs")),
        ("(10)L7(17)391231", "suspect", Some("label-differs")),
        ("(10)L7", "authentic", Some("label-incomplete")),
        ("(10)L7(15)311130(17)311130", "authentic", Some("label-unconfirmed")),
    ] {
        let id = element("A1", label);
        let (code, answer) = verify(&node, &id);
        assert_eq!(
            (code, &answer["verdict"]),
            (Some(i32::from(word != "authentic")), &json!(word)),
            "{label}: {answer}"
        );
        let served = node.get(&format!("/verify?id={}", encoded(&id))).json();
        assert_eq!(
            (&served["verdict"], &served["reasons"], &served["label"]),
            (&answer["verdict"], &answer["reasons"], &answer["label"])
        );
        let told = rules(&answer).into_iter().filter(|rule| rule.starts_with("label-")).collect::<Vec<_>>();
        assert_eq!(told, rule.into_iter().collect::<Vec<_>>(), "{label}");
    }
    assert_eq!(verify(&node, &element("A1", "")).1.get("label"), None);

    for serial in RECORDINGS {
        assert_eq!(verify(&node, &element(serial, "(10)L8")).1["verdict"], "authentic", "{serial}");
    }
    recall_l8(&node, &maker);
    for serial in RECORDINGS {
        for id in [element(serial, "(10)L8"), format!("https://shop.example/01/{GTIN}/10/L8/21/{serial}?17=311130")] {
            let (code, answer) = verify(&node, &id);
            assert_eq!((code, &answer["verdict"]), (Some(1), &json!("recalled")), "{id}: {answer}");
        }
        let without = &verify(&node, &element(serial, "")).1["verdict"];
        assert_eq!(*without, if serial == "S4" { "authentic" } else { "recalled" }, "{serial}");
    }
    let told = text(&node.run(&["verify", &element("S4", "(10)L8")]).stdout);
    assert!(told.starts_with(&format!("RECALLED  https://id.gs1.org/01/{GTIN}/21/S4  (10)L8\n")), "{told}");
}

#[test]
fn one_label_by_every_way_of_asking() {
    let (node, _) = ledger();
    let wanted = json!({"10": "FAKE", "17": "311130"});
    let item = format!("/01/{GTIN}/21/A1");
    for target in [
        format!("/verify?id={}", encoded(&element("A1", "(10)FAKE(17)311130"))),
        format!("/verify?id={}", encoded(&format!("]d201{GTIN}1731113010FAKE\u{1d}21A1"))),
        format!("/verify?id={}&10=FAKE&17=311130", encoded(&element("A1", ""))),
        format!("/verify?id={}&17=311130", encoded(&format!("https://a.example/01/{GTIN}/10/FAKE/21/A1"))),
        format!("{item}?10=FAKE&17=311130"),
        format!("/01/{GTIN}/10/FAKE/21/A1?17=311130&3103=000195"),
    ] {
        let answer = node.follow(&target, &[]).json();
        assert_eq!((&answer["label"], &answer["verdict"]), (&wanted, &json!("suspect")), "{target}: {answer}");
        // Where the evidence is, it is for the same label.
        let evidence = answer["evidence"].as_str().unwrap().strip_prefix(&node.url).unwrap().to_owned();
        assert_eq!(node.get(&evidence).json()["label"], wanted, "{evidence}");
    }
    let by_parameters = node.get(&format!("/evidence?id={}&10=FAKE&17=311130", encoded(&element("A1", "")))).json();
    assert_eq!((&by_parameters["label"], &by_parameters["id"]), (&wanted, &json!(format!("https://id.gs1.org{item}"))));
    let led = node.get(&format!("/gtin/{GTIN}/lot/FAKE/ser/A1?17=311130&lang=ko"));
    assert_eq!(led.status, 308);
    assert_eq!(led.header("location"), Some(format!("{item}?lang=ko&10=FAKE&17=311130").as_str()));
}

#[test]
fn a_wrong_attribute_is_refused_by_its_ai() {
    let (node, _) = ledger();
    let item = element("A1", "");
    for (ai, value) in [
        ("10", "Grün"),
        ("10", "123456789012345678901"),
        ("11", "260230"),
        ("15", "261301"),
        ("16", "26010"),
        ("17", "2031-11-30"),
        ("22", "a b"),
        ("235", ""),
        ("7003", "3111302460"),
    ] {
        let value = encoded(value);
        for target in [
            format!("/verify?id={}&{ai}={value}", encoded(&item)),
            format!("/evidence?id={}&{ai}={value}", encoded(&item)),
            format!("/verify?id={}", encoded(&format!("https://a.example/01/{GTIN}/21/A1?{ai}={value}"))),
            format!("/01/{GTIN}/21/A1?{ai}={value}"),
        ] {
            let answer = node.get(&target);
            assert_eq!(answer.status, 400, "{target}");
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains(&format!("({ai})")), "{target}: {detail}");
        }
        let output = node.run(&["verify", &format!("https://a.example/01/{GTIN}/21/A1?{ai}={value}")]);
        let says = text(&output.stderr);
        assert!(output.status.code() == Some(2) && says.contains(&format!("({ai})")), "{ai}: {says}");
    }
    for target in
        [format!("/verify?id={}&10=L8", encoded(&element("A1", "(10)L7"))), format!("/01/{GTIN}/10/L7/21/A1?10=L8")]
    {
        let answer = node.get(&target);
        assert!(
            answer.status == 400 && answer.json()["detail"].as_str().unwrap().contains("(10) stands twice"),
            "{target}"
        );
    }
    let twice = node.get(&format!("/verify?id={}&17=391332", encoded(&item))).json()["detail"].take();
    assert_eq!(
        twice,
        r#"the parameter (17) "391332" is no date: there is no month 13 (YYMMDD, or YYMM00 for a month)"#
    );
    let page = |language: &str| {
        let headers = [("Accept", "text/html"), ("Accept-Language", language)];
        let answer = node.request("GET", &format!("/verify?id={}&17=391332", encoded(&item)), &headers, b"");
        text(&answer.body)
    };
    let korean = page("ko");
    let (lead, detail) = korean.split_once("<p class=\"detail\" lang=\"en\">").unwrap();
    assert!(lead.contains("아래에 적힌 부분을 고치거나") && detail.contains("there is no month 13"), "{korean}");
    assert!(page("en").contains("<p class=\"detail\" lang=\"en\">the parameter (17)"), "{}", page("en"));
    let wrong = node.get(&format!("/01/{GTIN}/21/A1?02=09506000134353"));
    assert!(
        wrong.status == 400 && wrong.json()["detail"].as_str().unwrap().contains("check digit"),
        "{:?}",
        wrong.json()
    );
}

#[test]
fn the_label_is_given_by_options_too() {
    let (node, _) = ledger();
    let item = element("A1", "");
    let judged = |further: &[&str]| {
        let output = node.run(&[&["verify", "--json"], further].concat());
        let answer = serde_json::from_slice::<Value>(&output.stdout);
        (output.status.code(), answer.unwrap_or_else(|_| panic!("{further:?}: {}", text(&output.stderr))))
    };
    let (code, good) = judged(&[&item, "--lot", "L7", "--expiry", "311130"]);
    assert_eq!((code, &good["label"]), (Some(0), &json!({"10": "L7", "17": "311130"})), "{good}");
    let (code, wrong) = judged(&[&item, "--lot", "FAKE"]);
    assert_eq!((code, &wrong["verdict"]), (Some(1), &json!("suspect")), "{wrong}");
    let (code, wrong) = judged(&[&item, "--lot", "FAKE", "--accept", "traced,suspect"]);
    assert_eq!((code, &wrong["verdict"]), (Some(0), &json!("suspect")), "{wrong}");
    // What the id says itself may be said again, and each of several ids gets it.
    let said = element("A1", "(10)L7");
    let (code, both) = judged(&[&said, &element("S1", ""), "--lot", "L7"]);
    assert_eq!((code, &both[0]["verdict"], &both[1]["verdict"]), (Some(1), &json!("authentic"), &json!("suspect")));
    assert_eq!((&both[0]["label"], &both[1]["label"]), (&json!({"10": "L7"}), &json!({"10": "L7"})));
    // A GTIN alone with a lot is that lot.
    let (_, of_kind) = judged(&[&format!("(01){GTIN}"), "--lot", "L8"]);
    assert_eq!(of_kind["id"], format!("https://id.gs1.org/01/{GTIN}/10/L8"));

    let fails = |arguments: &[&str], words: &str| {
        let output = node.run(&[&["verify"], arguments].concat());
        let says = text(&output.stderr);
        assert!(output.status.code() == Some(2) && says.contains(words), "{arguments:?}: {says}");
    };
    fails(&[&said, "--lot", "L8"], "--lot L8 contradicts the id \"(01)09506000134352(10)L7(21)A1\", which says (10)L7");
    fails(&[&element("A1", "(17)311130"), "--expiry", "321130"], "--expiry 321130 contradicts the id");
    fails(&[&item, "--expiry", "311330"], "--expiry: (17) \"311330\" is no date: there is no month 13");
    fails(&["(00)195060001343500016", "--lot", "L7"], "has no GTIN, and only what has one has a lot");
    fails(&["--evidence", "x", "--trust", "y", "--lot", "L7"], "IDS");
    fails(&[&item, "--accept", "fine"], "traced");

    let (trust, file) = (node.dir.path().join("trust.json"), node.dir.path().join("evidence.json"));
    node.run_ok(&["trust", "--out", path(&trust)]);
    node.run_ok(&["evidence", &said, "--out", path(&file)]);
    let saved = ["verify", "--evidence", path(&file), "--trust", path(&trust), &item, "--lot"];
    assert_eq!(run(&[&saved[..], &["L7"]].concat()).status.code(), Some(0));
    assert_eq!(run(&[&saved[..], &["L8"]].concat()).status.code(), Some(4), "the evidence is for another label");
}

#[test]
fn saved_evidence_is_for_its_label() {
    let (node, _) = ledger();
    let (trust, file) = (node.dir.path().join("trust.json"), node.dir.path().join("evidence.json"));
    node.run_ok(&["trust", "--out", path(&trust)]);
    let asked = element("A1", "(10)FAKE(17)311130");
    node.run_ok(&["evidence", &asked, "--out", path(&file)]);
    let judge = |further: &[&str]| {
        let mut arguments = vec!["verify", "--evidence", path(&file), "--trust", path(&trust), "--json"];
        arguments.extend(further);
        run(&arguments)
    };
    for further in [&[][..], &[asked.as_str()]] {
        let output = judge(further);
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &verdict["verdict"]), (Some(1), &json!("suspect")), "{verdict}");
        assert_eq!(verdict["label"], json!({"10": "FAKE", "17": "311130"}));
    }
    // Whoever asked about another label has no answer in it.
    for other in [element("A1", ""), element("A1", "(10)L7(17)311130")] {
        let output = judge(&[&other]);
        let says = text(&output.stderr);
        assert!(output.status.code() == Some(4) && says.contains("answers for the label"), "{other}: {says}");
    }
    let mut evidence: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for label in [json!({}), json!({"10": "FAKE", "17": "321130"}), json!({"90": "x"}), json!({"17": "x"})] {
        evidence["label"] = label.clone();
        fs::write(&file, evidence.to_string()).unwrap();
        assert_eq!(judge(&[&asked]).status.code(), Some(4), "{label}");
    }
    for label in [json!({"90": "x"}), json!({"17": "x"}), json!({"10": 7})] {
        evidence["label"] = label.clone();
        fs::write(&file, evidence.to_string()).unwrap();
        assert_eq!(judge(&[]).status.code(), Some(4), "{label}");
    }
}
