//! Invitations: a node that takes registrations only with one, and what an invitation is good for on any node.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{count, csr_of, new_csr};
use crate::support::{Answer, Node, path, run, sealane, text};
use sealane::pki::PrivateKey;

fn invited_only() -> Node {
    let node = Node::start();
    Node::serve_with(node.stop(), "127.0.0.1:0", &["--invitations"])
}

fn post(node: &Node, invitation: Option<&str>, csr: &str) -> Answer {
    let mut body = json!({"organization": "New", "roles": ["distributor"], "csr": csr});
    if let Some(invitation) = invitation {
        body["invitation"] = invitation.into();
    }
    node.post("/participants", "application/json", body.to_string().as_bytes())
}

/// The reason of a refusal for the invitation.
#[track_caller]
fn refused(answer: &Answer, reason: &str, words: &str) {
    let problem = answer.json();
    assert_eq!((answer.status, &problem["code"]), (403, &Value::from("invitation")), "{problem}");
    assert_eq!(problem["reason"], reason, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
}

fn invite(node: &Node, further: &[&str]) -> Value {
    serde_json::from_str(&node.run_ok(&[&["invite", "--json"], further].concat())).unwrap()
}

fn token(node: &Node) -> String {
    invite(node, &[])["invitation"].as_str().unwrap().to_owned()
}

#[test]
fn a_node_for_the_invited_takes_each_invitation_once() {
    let node = invited_only();
    refused(&post(&node, None, &new_csr()), "missing", "sealane invite");
    let made = invite(&node, &[]);
    let token = made["invitation"].as_str().unwrap();
    let out = node.identity("maker");
    let says =
        text(&node.run(&["register", "--organization", "m", "--role", "distributor", "--out", path(&out)]).stderr);
    assert!(says.contains("[invitation]"), "{says}");
    // The whole way, by the command line.
    let id = node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000", "--invitation", token]);
    assert_eq!(made["participant"], id.as_str());
    refused(&post(&node, Some(token), &new_csr()), "used", &id);
    // By whatever name: the token is of one participant, who is on the ledger.
    let node = Node::serve_with(node.stop(), "127.0.0.1:0", &["--invitations"]);
    refused(&post(&node, Some(token), &new_csr()), "used", &id);
    assert_eq!(count(&node), 1);
}

#[test]
fn an_invitation_stays_used_while_its_request_waits_and_after_it_was_rejected() {
    let node = invited_only();
    let token = token(&node);
    let csr = new_csr();
    let taken = post(&node, Some(&token), &csr);
    assert_eq!(taken.status, 202);
    let id = taken.json()["id"].as_str().unwrap().to_owned();
    refused(&post(&node, Some(&token), &new_csr()), "used", &id);
    // The same request again, since an answer may be lost: it names the first one.
    let again = post(&node, Some(&token), &csr);
    assert_eq!((again.status, &again.json()["code"]), (409, &Value::from("request-waits")));
    let node = Node::serve_with(node.stop(), "127.0.0.1:0", &["--invitations"]);
    refused(&post(&node, Some(&token), &new_csr()), "used", &id);
    node.run_ok(&["reject", &id, "--reason", "not you"]);
    refused(&post(&node, Some(&token), &new_csr()), "used", &id);
    refused(&post(&node, Some(&token), &csr), "used", &id);
    assert_eq!(node.get(&format!("/participants/{id}")).json()["status"], "rejected");
}

#[test]
fn what_is_no_invitation_here_is_told_apart() {
    let (node, other) = (invited_only(), Node::start());
    refused(&post(&node, Some(&token(&other)), &new_csr()), "other-ledger", &node.origin);
    let good = token(&node);
    for wrong in ["", "invite me", &good[1..], &format!("{good}{good}")] {
        refused(&post(&node, Some(wrong), &new_csr()), "malformed", "sealane invite");
    }
    // Another end, by the same signature.
    let forged = format!("{}{}", &good[..40], if &good[40..41] == "A" { "B" } else { "A" }) + &good[41..];
    refused(&post(&node, Some(&forged), &new_csr()), "unsigned", "no member");
    let number = node.post("/participants", "application/json", br#"{"invitation": 5}"#);
    assert_eq!(number.status, 400);
    // It ends when it says: soon enough to wait for.
    let soon = crate::signer::now().plus_millis(1_000);
    let short = invite(&node, &["--expires", &soon.to_string()]);
    while crate::signer::now() <= soon {
        std::thread::yield_now();
    }
    refused(&post(&node, short["invitation"].as_str(), &new_csr()), "expired", &soon.to_string());
    assert_eq!(count(&node), 0, "nothing was kept");
    assert_eq!(post(&node, Some(&good), &new_csr()).status, 202);
}

#[test]
fn without_the_flag_an_invitation_is_checked_all_the_same() {
    let node = Node::start();
    assert_eq!(post(&node, None, &new_csr()).status, 202);
    refused(&post(&node, Some("let me in"), &new_csr()), "malformed", "base64url");
    assert_eq!(post(&node, Some(&token(&node)), &new_csr()).status, 202);
}

#[test]
fn the_flag_has_its_mirrors() {
    let dir = Node::start().stop();
    let data = dir.path().join("data");
    std::fs::write(data.join("sealane.toml"), "invitations = true\n").unwrap();
    let node = Node::serve(dir);
    refused(&post(&node, None, &new_csr()), "missing", "sealane invite");
    let dir = node.stop();
    std::fs::remove_file(data.join("sealane.toml")).unwrap();
    let mut serve = sealane(&["serve", "--json", "--listen", "127.0.0.1:0", "--data", path(&data)]);
    serve.env("SEALANE_INVITATIONS", "true");
    let node = Node::spawn(dir, serve);
    refused(&post(&node, None, &new_csr()), "missing", "sealane invite");
    // The token by the environment, which is not shown.
    let token = token(&node);
    let out = node.identity("maker");
    let mut register = sealane(&["register", "--organization", "m", "--role", "distributor", "--out", path(&out)]);
    register.args(["--url", &node.url]).env("SEALANE_INVITATION", &token);
    assert!(register.output().unwrap().status.success());
    let mut help = sealane(&["register", "--help"]);
    assert!(!text(&help.env("SEALANE_INVITATION", &token).output().unwrap().stdout).contains(&token));
}

#[test]
fn invite_says_what_it_takes() {
    let node = Node::start();
    let now = crate::signer::now();
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    for wrong in [now.plus_millis(-1), now.plus_millis(31 * DAY_MS)] {
        let output = node.run(&["invite", "--expires", &wrong.to_string()]);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{says}");
        assert!(says.contains("within 30 days"), "{says}");
    }
    let no_member = tempfile::tempdir().unwrap();
    assert_eq!(run(&["invite", "--data", path(no_member.path())]).status.code(), Some(3));
    // For people: the token alone on standard output; each is another one.
    let printed: BTreeSet<String> = (0..3).map(|_| node.run_ok(&["invite"]).trim().to_owned()).collect();
    assert_eq!(printed.len(), 3);
    assert!(printed.iter().all(|token| token.len() == 130), "{printed:?}");
    // It needs no node.
    let dir = node.stop();
    assert!(run(&["invite", "--data", path(&dir.path().join("data"))]).status.success());
}

/// A key that waits is told so before anything is said of the invitation's use.
#[test]
fn a_key_that_waits_uses_up_no_invitation() {
    let node = invited_only();
    let key = PrivateKey::generate().unwrap();
    assert_eq!(post(&node, Some(&token(&node)), &csr_of(&key)).status, 202);
    let second = token(&node);
    let waits = post(&node, Some(&second), &csr_of(&key));
    assert_eq!((waits.status, &waits.json()["code"]), (409, &Value::from("request-waits")));
    assert_eq!(post(&node, Some(&second), &new_csr()).status, 202);
}
