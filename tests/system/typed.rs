//! What people type is one thing, whether they ask over HTTP or by command.

use serde_json::{Value, json};

use crate::signer::{Signer, captured};
use crate::support::{Node, document, object_event, text};

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/Ab1";

fn ledger() -> Node {
    let node = Node::start();
    node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let made = object_event("ADD", "commissioning", &[ITEM], "2026-03-01T08:00:00.000Z");
    captured(&node, Signer::of(&node, "Maker").statement(&document(vec![made])));
    node
}

fn asked(path: &str, typed: &str) -> String {
    format!("{path}?id={}", percent_encoding::utf8_percent_encode(typed, percent_encoding::NON_ALPHANUMERIC))
}

#[test]
fn one_reading_over_http_and_by_command() {
    let node = ledger();
    for typed in [
        "GTIN: 9506000134352\nSN: Ab1",
        "[01] 0950 6000 134352 [21] Ab1",
        "（０１）０９５０６０００１３４３５２（２１）Ａｂ１",
        "9506000134352 Ab1",
        "shop.example/01/09506000134352/21/Ab1",
    ] {
        let verdict = node.get(&asked("/verify", typed)).json();
        assert_eq!(verdict["id"], ITEM, "{typed}");
        assert_eq!(node.get(&asked("/evidence", typed)).json()["id"], ITEM, "{typed}");
        let output = node.run(&["verify", "--json", typed]);
        let by_command: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&by_command["id"], &by_command["verdict"]), (&json!(ITEM), &verdict["verdict"]), "{typed}");
    }
    // Another site's link is told of, with its scheme or without.
    for link in ["https://shop.example/01/09506000134352/21/Ab1", "shop.example/01/09506000134352/21/Ab1"] {
        let page = node.request("GET", &asked("/verify", link), &[("Accept", "text/html")], b"");
        assert!(text(&page.body).contains("leads to shop.example, not to this site"), "{link}");
    }
}

#[test]
fn a_refusal_is_one_sentence_and_no_secret_is_repeated() {
    let node = ledger();
    for (typed, rule, words) in [
        ("GTIN: 9506000134353 SN: A1", "check-digit", "9506000134353 has check digit 3, it should be 2"),
        ("hello", "nothing", "“hello” holds no number of a product"),
        ("WIFI:T:WPA;S:Cafe;P:hunter2;;", "kind.wifi", "This is the code of a Wi-Fi network"),
    ] {
        let answer = node.get(&asked("/verify", typed));
        let problem = answer.json();
        assert_eq!((answer.status, &problem["code"], &problem["rule"]), (400, &json!("bad-id"), &json!(rule)));
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
        let output = node.run(&["verify", typed]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(words) && told.trim_end().lines().count() == 1, "{told}");
        let page = node.request("GET", &asked("/verify", typed), &[("Accept", "text/html")], b"");
        assert!(!format!("{problem}{told}").contains("hunter2"));
        assert!(text(&page.body).contains(words.split(' ').next().unwrap()));
    }
}

#[test]
fn the_other_case_is_offered_where_something_is_recorded_under_it() {
    let node = ledger();
    let hint = "Is it yours? (01)09506000134352(21)AB1";
    let output = text(&node.run(&["verify", "(01)09506000134352(21)ab1"]).stdout);
    assert!(output.contains("UNKNOWN") && !output.contains("Is it yours?"), "nobody recorded AB1: {output}");
    let page = |typed| text(&node.request("GET", &asked("/verify", typed), &[("Accept", "text/html")], b"").body);
    assert!(!page("(01)09506000134352(21)ab1").contains("other-case"));
    let made = object_event(
        "ADD",
        "commissioning",
        &["https://id.gs1.org/01/09506000134352/21/AB1"],
        "2026-03-01T08:00:00.000Z",
    );
    captured(&node, Signer::of(&node, "Maker").statement(&document(vec![made])));
    let output = text(&node.run(&["verify", "(01)09506000134352(21)ab1"]).stdout);
    assert!(output.contains("UNKNOWN") && output.contains(hint), "{output}");
    assert!(page("(01)09506000134352(21)ab1").contains("href=\"/01/09506000134352/21/AB1\""));
    let output = text(&node.run(&["verify", "(01)09506000134352(21)Ab1"]).stdout);
    assert!(!output.contains("Is it yours?"), "{output}");
}

#[test]
fn a_number_of_which_nothing_says_what_it_is_is_told_as_it_was_read() {
    let node = ledger();
    let output = text(&node.run(&["verify", "9506000134352 LOT123"]).stdout);
    let told = "read as a serial, for nothing said what it is. If it is a lot, type (01)09506000134352(10)LOT123";
    assert!(output.contains(told), "{output}");
    let page = |typed| text(&node.request("GET", &asked("/verify", typed), &[("Accept", "text/html")], b"").body);
    let guessed = page("9506000134352 LOT123");
    assert!(guessed.contains("“LOT123” was read as a serial number"), "{guessed}");
    assert!(guessed.contains("href=\"/01/09506000134352/10/LOT123\""), "{guessed}");
    for named in ["(01)09506000134352(21)LOT123", "9506000134352 LOT 123", "GTIN 9506000134352 SN LOT123"] {
        assert!(!page(named).contains("was read as a serial number"), "{named}");
        assert!(!text(&node.run(&["verify", named]).stdout).contains("read as a serial"), "{named}");
    }
}
