//! Names that look the same, what a member looked at, and claims to what belongs to all.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::new_csr;
use crate::member::ask;
use crate::support::{Node, path, text};

#[test]
fn a_name_that_looks_like_another_is_approved_with_a_word_alone() {
    let node = Node::start();
    let acme = node.participant("Acme", "manufacturer", &["--gs1-prefix", "9506000"]);
    let waiting = ask(&node, "ACME", "distributor", &[]);
    let cyrillic = ask(&node, "\u{410}cme", "manufacturer", &["--gs1-prefix", "9521321"]);
    let output = node.run(&["approve", "--yes", &cyrillic]);
    let says = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{says}");
    for words in ["\"Acme\" (active", "\"ACME\" (pending", waiting.as_str(), "--allow-similar", "[similar-name]"] {
        assert!(says.contains(words), "no {words} in {says}");
    }
    assert_eq!(node.get(&format!("/participants/{cyrillic}")).json()["status"], "pending");
    let says = node.run_ok(&["approve", "--yes", "--allow-similar", &cyrillic]);
    assert!(says.contains("looks like that of Acme") && says.contains("looks like that of ACME"), "{says}");
    // It is on the ledger, and the ledger with it is sound.
    let size =
        node.get("/ledger/blocks/latest").json()["checkpoint"].as_str().unwrap().lines().nth(1).unwrap().to_owned();
    // The last leaf is the block's seal.
    let last = size.parse::<u64>().unwrap() - 2;
    let leaf = node.get(&format!("/ledger/leaves/{last}")).body;
    let payload = text(&leaf).split('.').nth(1).unwrap().to_owned();
    let admin: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let mut similar = [acme, waiting.clone()];
    similar.sort();
    assert_eq!(admin["similarTo"], json!(similar));
    node.run_ok(&["audit", "--url", &node.url]);
    // One that was rejected is no one to be mixed up with.
    node.run_ok(&["reject", "--reason", "not known here", &waiting]);
}

#[test]
fn what_the_member_looked_at_is_shown_and_recorded() {
    let node = Node::start();
    let contact = ["--contact", "mailto:quality@example.com", "--lei", "506700GE1G29325QX363"];
    let id = ask(&node, "Maker", "manufacturer", &contact);
    let file = node.dir.path().join("extract.pdf");
    std::fs::write(&file, "an extract of the register").unwrap();
    let shown = node.run(&["approve", &id, "--evidence", path(&file)]);
    let says = text(&shown.stderr);
    for words in ["extract.pdf (application/pdf, SHA-256 ", "506700GE1G29325QX363", "mailto:quality@example.com"] {
        assert!(says.contains(words), "no {words} in {says}");
    }
    node.run_ok(&["approve", "--yes", &id, "--evidence", path(&file)]);
    let missing = node.run(&["approve", "--yes", &id, "--evidence", "no-such-file"]);
    assert_ne!(missing.status.code(), Some(0), "{}", text(&missing.stderr));
    let registered = node.get(&format!("/participants/{id}")).json();
    assert_eq!(
        (&registered["contact"], &registered["lei"]),
        (&json!("mailto:quality@example.com"), &json!("506700GE1G29325QX363"))
    );
}

#[test]
fn what_belongs_to_all_is_claimed_by_no_one() {
    let node = Node::start();
    let csr = new_csr();
    for (namespace, words) in
        [("https://co.uk/", "claim a host of your own"), ("https://www.gs1.org/items/", "GS1's own")]
    {
        let body = json!({"organization": "Whole", "roles": ["manufacturer"], "namespaces": ["https://a.example/", namespace], "csr": csr});
        let refused = node.post("/participants", "application/json", body.to_string().as_bytes());
        let problem: Value = refused.json();
        assert_eq!((refused.status, &problem["code"]), (400, &json!("bad-claims")), "{problem}");
        assert_eq!(problem["faults"][0]["pointer"], "/namespaces/1");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
}

#[test]
fn terms_are_accepted_by_their_hash() {
    let node = Node::start();
    let out = node.identity("early");
    let arguments =
        ["register", "--organization", "early", "--role", "distributor", "--accept-terms", "--out", path(&out)];
    let early = node.run(&arguments);
    assert_eq!(early.status.code(), Some(2));
    assert!(text(&early.stderr).contains("decided on no terms"), "{}", text(&early.stderr));
    let hash = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    let terms = json!({"uri": "https://example.org/terms/1", "sha256": hash});
    node.run_ok(&["policy", "terms", &terms.to_string(), "--yes"]);
    assert_eq!(node.get("/members").json()["terms"], terms);
    let id = ask(&node, "later", "distributor", &["--accept-terms"]);
    assert_eq!(node.get(&format!("/participants/{id}")).json()["terms"], hash);
}
