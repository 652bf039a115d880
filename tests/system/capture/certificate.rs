//! Certificates that were good, or will be: nothing is signed with them now.

use std::time::{Duration, Instant};

use super::{ITEM, commissioning};
use crate::member::{DAY_MS, Member};
use crate::refusal::refused;
use crate::signer::{Signer, capture, captured};
use crate::support::Node;

/// How long a test waits for what the clock brings.
const WAIT_MAX: Duration = Duration::from_secs(20);

#[test]
fn a_certificate_that_is_not_yet_valid_signs_nothing() {
    let node = Node::start();
    let member = Member::of(&node);
    member.participant("Early", "manufacturer", &["--gs1-prefix", "9506000"], DAY_MS, 30 * DAY_MS);
    let statement = Signer::of(&node, "Early").statement(&commissioning("A1"));
    let words = "the certificate is valid from";
    refused(&node, || capture(&node, statement), 403, "certificate-not-yet-valid", words);
}

#[test]
fn an_expired_certificate_signs_nothing_and_what_it_signed_stays() {
    let node = Node::start();
    let member = Member::of(&node);
    let claims = ["--gs1-prefix", "9506000"];
    let id = member.participant("Brief", "manufacturer", &claims, 0, 3_000);
    let brief = Signer::of(&node, "Brief");
    let good = brief.statement(&commissioning("A1"));
    let first = captured(&node, &good);
    until_status(&node, &id, "expired");
    let late = brief.statement(&commissioning("A2"));
    refused(&node, || capture(&node, late), 403, "certificate-expired", "the certificate expired at");
    assert_eq!(captured(&node, &good), first, "it stands where it stood");
    assert_eq!(node.get(&format!("/verify?id={ITEM}")).json()["verdict"], "authentic");
    let listed = node.run_ok(&["participants", "--status", "expired"]);
    assert!(listed.contains(&id), "{listed}");
}

#[test]
fn a_revoked_participant_signs_nothing_and_what_it_signed_stays() {
    let node = Node::start();
    let id = node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let maker = Signer::of(&node, "Maker");
    let good = maker.statement(&commissioning("A1"));
    let first = captured(&node, &good);
    node.run_ok(&["revoke", &id, "--reason", "left the consortium"]);
    let late = maker.statement(&commissioning("A2"));
    let problem = refused(&node, || capture(&node, late), 403, "certificate-revoked", "left the consortium");
    assert!(problem["detail"].as_str().unwrap().contains(&id), "{problem}");
    assert_eq!(captured(&node, &good), first, "it stands where it stood");
    let verdict = node.get(&format!("/verify?id={ITEM}")).json();
    assert_eq!(verdict["verdict"], "authentic", "{verdict}");
    // The registration is read from the ledger again after a stop.
    let node = Node::serve(node.stop());
    let late = maker.statement(&commissioning("A3"));
    refused(&node, || capture(&node, late), 403, "certificate-revoked", "was revoked at");
}

#[track_caller]
fn until_status(node: &Node, id: &str, status: &str) {
    let began = Instant::now();
    loop {
        let participant = node.get(&format!("/participants/{id}")).json();
        if participant["status"] == status {
            return;
        }
        assert!(began.elapsed() < WAIT_MAX, "{participant} does not become {status}");
    }
}
