//! Who is told of requests that wait: members in force, each by its own word for that very request.

use sealane::pki::PrivateKey;
use serde_json::{Value, json};

use super::new_csr;
use crate::refusal::refused;
use crate::signer::now;
use crate::support::{Answer, Node, forged, path, run, text, word_of};

/// Asks to be registered; returns the id.
fn ask(node: &Node, name: &str) -> String {
    let body = json!({"organization": name, "roles": ["distributor"], "csr": new_csr()});
    let answer = node.post("/participants", "application/json", body.to_string().as_bytes());
    assert_eq!(answer.status, 202, "{}", answer.json());
    answer.json()["id"].as_str().unwrap().to_owned()
}

fn ids(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    json["participants"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

fn with_word(node: &Node, path: &str, word: &str) -> Answer {
    node.request("GET", path, &[("Sealane-Member", word)], b"")
}

#[test]
fn requests_are_told_to_members_alone() {
    let node = Node::start();
    let registered = node.participant("Maker", "manufacturer", &[]);
    let (waiting, rejected) = (ask(&node, "Waiting"), ask(&node, "Rejected"));
    node.run_ok(&["reject", &rejected, "--reason", "unknown to us"]);

    assert_eq!(ids(&node.get("/participants")), [registered.as_str()]);
    for status in ["pending", "rejected"] {
        let path = format!("/participants?status={status}");
        let problem = refused(&node, || node.get(&path), 401, "members-alone", "told to members alone");
        assert!(problem["detail"].as_str().unwrap().contains("sealane participants"), "{problem}");
    }
    assert_eq!(ids(&node.get("/participants?status=active")), [registered.as_str()]);

    let mut all = vec![registered, waiting.clone(), rejected.clone()];
    all.sort();
    let answer = node.get_as_member("/participants");
    assert_eq!(ids(&answer), all);
    assert_eq!(
        (answer.header("cache-control"), answer.header("vary")),
        (Some("private, no-store"), Some("sealane-member"))
    );
    assert_eq!(ids(&node.get_as_member("/participants?status=pending")), [waiting]);
    assert_eq!(ids(&node.get_as_member("/participants?status=rejected")), [rejected]);
}

/// Who asked keeps the id, and sees what became of it.
#[test]
fn who_has_the_id_reads_the_status_and_not_the_certificate_request() {
    let node = Node::start();
    let id = ask(&node, "Waiting");
    let target = format!("/participants/{id}");
    let answer = node.get(&target);
    let told = answer.json();
    assert_eq!((&told["status"], &told["organization"], told.get("csr")), (&json!("pending"), &json!("Waiting"), None));
    assert!(node.get_as_member(&target).json()["csr"].as_str().unwrap().contains("CERTIFICATE REQUEST"));
    node.run_ok(&["reject", &id, "--reason", "unknown to us"]);
    assert_eq!(node.get(&target).json()["reason"], "unknown to us");
}

#[test]
fn a_renewal_that_waits_is_listed_to_members_alone() {
    let node = Node::start();
    let id = node.participant("Maker", "manufacturer", &[]);
    let (old, new) = (node.identity("Maker"), node.identity("next"));
    crate::support::run_ok(&["keygen", "--out", path(&new), "--organization", "Maker"]);
    let (csr, key) = (new.join("request.pem"), old.join("key.pem"));
    node.run_ok(&["renew", &id, "--csr", path(&csr), "--key", path(&key)]);
    let of = |answer: Answer| answer.json()["participants"][0].get("renewal").cloned();
    assert_eq!(of(node.get("/participants")), None);
    assert!(of(node.get_as_member("/participants")).is_some());
    let target = format!("/participants/{id}");
    assert_eq!(node.get(&target).json()["renewal"].get("csr"), None);
    assert!(node.get_as_member(&target).json()["renewal"]["csr"].is_string());
}

#[test]
fn a_word_is_for_one_request_of_one_ledger_and_short() {
    let node = Node::start();
    ask(&node, "Waiting");
    let target = "/participants?status=pending";
    let key = PrivateKey::read(&node.data().join("member-key.pem")).unwrap();
    let word = |origin: &str, method: &str, target: &str, ahead_ms: i64| {
        word_of(&key, origin, method, target, now().plus_millis(ahead_ms))
    };
    let good = word(&node.origin, "GET", target, 0);
    assert_eq!(ids(&with_word(&node, target, &good)).len(), 1);
    let cases = [
        (word(&node.origin, "GET", "/participants", 0), "signed for another request"),
        (word(&node.origin, "POST", target, 0), "signed for another request"),
        (word("other.example/ledger", "GET", target, 0), "for another ledger"),
        (word(&node.origin, "GET", target, -70_000), "held for a minute"),
        (word(&node.origin, "GET", target, 70_000), "ahead of the clock"),
        (forged(&good), "signature does not hold"),
        ("nonsense".to_owned(), "no compact JWS"),
    ];
    for (word, words) in cases {
        refused(&node, || with_word(&node, target, &word), 401, "bad-question", words);
    }
    // A participant is no member, and neither is a key that was made up.
    node.participant("Maker", "manufacturer", &[]);
    let maker = PrivateKey::read(&node.identity("Maker").join("key.pem")).unwrap();
    let foreign = word_of(&maker, &node.origin, "GET", target, now());
    refused(&node, || with_word(&node, target, &foreign), 403, "not-a-member", "no key that counts here");
    let twice = || node.request("GET", target, &[("Sealane-Member", &good), ("Sealane-Member", &good)], b"");
    refused(&node, twice, 400, "bad-header", "more than once");
}

#[test]
fn the_command_signs_with_the_key_of_its_data() {
    let node = Node::start();
    let (registered, waiting) = (node.participant("Maker", "manufacturer", &[]), ask(&node, "Waiting"));
    let shown = node.run_ok(&["participants"]);
    assert!(shown.contains(&registered) && shown.contains(&waiting), "{shown}");
    let pending: Value =
        serde_json::from_str(&node.run_ok(&["participants", "--status", "pending", "--json"])).unwrap();
    assert_eq!(pending[0]["id"], json!(waiting));

    // With no member's data the node's refusal is passed on, and the public list is there all the same.
    let none = node.dir.path().join("none");
    let at = |data: &std::path::Path, further: &[&str]| {
        run(&[&["participants", "--url", &node.url, "--data", path(data)][..], further].concat())
    };
    let output = at(&none, &["--status", "pending"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("[members-alone]"), "{}", text(&output.stderr));
    let output = at(&none, &[]);
    assert!(output.status.success() && text(&output.stdout).contains(&registered), "{}", text(&output.stderr));
    assert!(!text(&output.stdout).contains(&waiting));

    // Nor does the member of another ledger see them, and it is told why.
    let other = Node::start();
    let output = at(&other.data(), &[]);
    assert!(output.status.success() && text(&output.stdout).contains(&registered), "{}", text(&output.stderr));
    assert!(!text(&output.stdout).contains(&waiting));
    assert!(text(&output.stderr).contains("requests that wait are not shown"), "{}", text(&output.stderr));
}
