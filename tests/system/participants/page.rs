//! The page of an organisation.

use serde_json::json;

use crate::support::{Node, document, object_event, text};

/// Captures that the page looks through (`RECENT_CAPTURES_MAX`).
const LOOKED_THROUGH: usize = 64;

fn page(node: &Node, id: &str) -> String {
    text(&node.request("GET", &format!("/participants/{id}"), &[("Accept", "text/html")], b"").body)
}

fn make(node: &Node, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let id = format!("https://id.gs1.org/01/09506000134352/21/N{number:03}");
        let mut event = object_event("ADD", "commissioning", &[&id], "2026-03-01T08:00:00.000Z");
        event["bizLocation"] = json!({"id": "https://id.gs1.org/414/9506000134369"});
        let answer = node.capture("maker", &document(vec![event]));
        assert!((200..300).contains(&answer.status), "{}", answer.json());
    }
}

#[test]
fn it_looks_through_the_last_captures_and_says_how_many() {
    let node = Node::start();
    let id = node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000", "--gln", "9506000134369"]);
    make(&node, 0..3);
    let few = page(&node, &id);
    assert!(few.contains("From all records of “maker”: 3."), "{few}");
    make(&node, 3..LOOKED_THROUGH + 2);
    let many = page(&node, &id);
    assert!(many.contains("records of “maker”; there may be more before."), "{many}");
    // Of a kind of product no list of the ledger leads to its pieces either: the same look finds them.
    let kind = text(&node.request("GET", "/verify?id=(01)09506000134352", &[("Accept", "text/html")], b"").body);
    assert!(kind.contains(&format!("(21)N{:03}", LOOKED_THROUGH + 1)) && !kind.contains("(21)N000"), "{kind}");
}

#[test]
fn one_whose_registration_has_ended_says_so() {
    let node = Node::start();
    let id = node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    node.run_ok(&["revoke", &id, "--yes", "--reason", "sold", "--compromised-since", "2026-03-01T00:00:00Z"]);
    let ended = page(&node, &id);
    for words in ["registration ended", "“sold”", "2026-03-01 00:00 UTC", "The member “Test Member” ended it."]
    {
        assert!(ended.contains(words), "no {words:?} in {ended}");
    }
}
