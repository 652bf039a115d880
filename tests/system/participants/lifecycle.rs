//! A registration from the first request to its end, by the command line.

use sealane::pki::CertificateRequest;
use serde_json::{Value, json};

use super::count;
use crate::member::ask;
use crate::support::{Node, path, text};

/// Ids that `participants` prints as JSON, of one status.
fn ids(node: &Node, status: &str) -> Vec<String> {
    let list: Value = serde_json::from_str(&node.run_ok(&["participants", "--json", "--status", status])).unwrap();
    list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// Runs a command that the node must refuse.
#[track_caller]
fn fails(node: &Node, arguments: &[&str], code: i32, words: &str) {
    let size = node.tree_size();
    let output = node.run(arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(words), "no {words:?} in {said}");
    assert_eq!(node.tree_size(), size);
}

#[test]
fn a_request_becomes_a_registration_and_ends() {
    let node = Node::start();
    let id = ask(&node, "Maker", "manufacturer", &["--gs1-prefix", "9506000", "--gln", "9506000134369"]);
    assert_eq!(ids(&node, "pending"), [&*id]);
    let certificate = node.dir.path().join("chain.pem");
    let fetch = ["certificate", &id, "--out", path(&certificate)];
    fails(&node, &fetch, 3, "is pending; a certificate comes with the approval");
    fails(&node, &["approve", &id], 2, "give --yes to approve without asking");
    node.run_ok(&["approve", "--yes", &id]);
    assert_eq!((ids(&node, "active"), ids(&node, "pending").len()), (vec![id.clone()], 0));
    fails(&node, &["approve", "--yes", &id], 3, "has no request that waits for a decision; it is active");
    node.run_ok(&fetch);
    let chain = std::fs::read_to_string(&certificate).unwrap();
    assert_eq!(chain.matches("-----BEGIN CERTIFICATE-----").count(), 2);
    let since = "2026-01-01T00:00:00.000Z";
    node.run_ok(&["revoke", &id, "--reason", "key was stolen", "--compromised-since", since]);
    assert_eq!((ids(&node, "revoked"), ids(&node, "active").len()), (vec![id.clone()], 0));
    let participant = node.get(&format!("/participants/{id}")).json();
    assert_eq!(participant["revocation"]["reason"], "key was stolen", "{participant}");
    assert_eq!(participant["revocation"]["compromisedSince"], since, "{participant}");
    fails(&node, &["revoke", &id, "--reason", "again"], 3, "has been revoked");
    fails(&node, &["approve", "--yes", &id], 3, "it is revoked");
    // What the ledger says is there after a stop.
    let node = Node::serve(node.stop());
    assert_eq!(ids(&node, "revoked"), [&*id]);
}

#[test]
fn a_rejected_request_may_be_made_again() {
    let node = Node::start();
    let id = ask(&node, "Maker", "manufacturer", &[]);
    let size = node.tree_size();
    node.run_ok(&["reject", &id, "--reason", "no contract"]);
    assert_eq!(node.tree_size(), size, "a rejection never enters the ledger");
    assert_eq!((ids(&node, "rejected"), ids(&node, "pending").len()), (vec![id.clone()], 0));
    let participant = node.get(&format!("/participants/{id}")).json();
    assert_eq!((&participant["status"], &participant["reason"]), (&json!("rejected"), &json!("no contract")));
    let certificate = node.dir.path().join("chain.pem");
    fails(&node, &["certificate", &id, "--out", path(&certificate)], 3, "is rejected");
    assert!(!certificate.exists());
    fails(&node, &["reject", &id, "--reason", "again"], 3, "no request that waits for a decision; it is rejected");
    fails(&node, &["approve", "--yes", &id], 3, "it is rejected");
    let again = ask(&node, "Maker", "manufacturer", &[]);
    assert_ne!(again, id);
    node.run_ok(&["approve", "--yes", &again]);
    assert_eq!((ids(&node, "active"), count(&node)), (vec![again], 2));
}

#[test]
fn a_command_about_nobody_says_so() {
    let node = Node::start();
    let nobody = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10";
    let words = format!("no participant and no request has the id {nobody}");
    for arguments in [
        &["approve", "--yes", nobody][..],
        &["reject", nobody, "--reason", "x"],
        &["certificate", nobody, "--out", "/nonexistent/file"],
    ] {
        fails(&node, arguments, 3, &words);
    }
    fails(&node, &["revoke", nobody, "--reason", "x"], 3, &format!("participant {nobody} is not registered"));
    fails(&node, &["approve", "--yes", "maker"], 2, "it is a UUID such as");
    fails(&node, &["revoke", nobody, "--reason", " "], 3, "a reason has 1 to 1000 characters");
    fails(&node, &["participants", "--status", "asleep"], 3, "pending, active, rejected, revoked, expired");
    assert_eq!(node.run_ok(&["participants"]).trim(), "No participants.");
}

/// Every command that needs a node says how to get one.
#[test]
fn a_command_without_a_node_says_what_to_start() {
    let node = Node::start();
    let url = "http://127.0.0.1:1";
    let out = node.identity("Maker");
    let register = ["register", "--organization", "Maker", "--role", "shipper", "--out", path(&out), "--url", url];
    for arguments in [&register[..], &["participants", "--url", url]] {
        let output = crate::support::run(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("is `sealane serve` running there?"), "{said}");
    }
}

#[test]
fn what_is_approved_is_shown_from_the_request_itself() {
    let node = Node::start();
    let out = node.identity("maker");
    let arguments = ["register", "--json", "--organization", "Maker", "--role", "manufacturer", "--out", path(&out)];
    let asked: Value = serde_json::from_str(&node.run_ok(&arguments)).unwrap();
    let request = CertificateRequest::parse_pem(&std::fs::read_to_string(out.join("request.pem")).unwrap()).unwrap();
    let fingerprint = request.public_key().thumbprint().to_string();
    assert_eq!(asked["keyFingerprint"], fingerprint.as_str());
    // Nobody is at the terminal: it shows what it would sign, and does not sign.
    let output = node.run(&["approve", asked["id"].as_str().unwrap()]);
    let says = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{says}");
    for words in ["Maker", "manufacturer", fingerprint.as_str(), "give --yes"] {
        assert!(says.contains(words), "no {words} in {says}");
    }
    assert_eq!(node.get(&format!("/participants/{}", asked["id"].as_str().unwrap())).json()["status"], "pending");
}
