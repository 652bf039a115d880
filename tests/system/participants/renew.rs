//! `POST /participants/{id}/renewals`: a further certificate, agreed to by the key that is to be succeeded.

use sealane::pki::{CertificateRequest, PrivateKey};
use sealane_core::block::Origin;
use sealane_core::consortium::{Admin, Renewal, renewal_consent};
use sealane_core::hash::Hash;
use sealane_core::statement::Signature;
use serde_json::{Value, json};

use super::{csr_of, new_csr};
use crate::capture::commissioning;
use crate::member::{Member, one_year, participant_id};
use crate::refusal::{pointers, refused};
use crate::signer::{Signer, captured};
use crate::support::{Answer, Node, path};

/// What `key` signs to agree to a request.
fn consent(key: &PrivateKey, origin: &str, id: &str, csr: &str) -> String {
    let origin: Origin = origin.parse().unwrap();
    let request = CertificateRequest::parse_pem(csr).unwrap();
    let bytes = renewal_consent(&origin, &participant_id(id), request.der());
    Signature::sign(key.signing_key(), &bytes).to_string()
}

fn post(node: &Node, id: &str, csr: &str, consent: &str) -> Answer {
    let body = json!({"csr": csr, "consent": consent}).to_string();
    node.post(&format!("/participants/{id}/renewals"), "application/json", body.as_bytes())
}

#[test]
fn a_further_certificate_by_the_command_line() {
    let node = Node::start();
    let id = node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let old = Signer::of(&node, "Maker");
    captured(&node, old.statement(&commissioning("A1")));
    let (dir, current) = (node.identity("Renewed"), node.identity("Maker").join("key.pem"));
    node.run_ok(&["keygen", "--organization", "Maker", "--out", path(&dir)]);
    node.run_ok(&["renew", &id, "--csr", path(&dir.join("request.pem")), "--key", path(&current)]);
    let listed = node.run_ok(&["participants", "--status", "active"]);
    assert!(listed.contains(&id) && listed.contains("renewal waits"), "{listed}");
    node.run_ok(&["approve", "--yes", &id]);
    node.run_ok(&["certificate", &id, "--out", path(&dir.join("certificate.pem"))]);
    let new = Signer::of(&node, "Renewed");
    assert_ne!(new.certificate, old.certificate);
    captured(&node, new.statement(&commissioning("A2")));
    // Until it ends by itself, the one before it signs as well.
    captured(&node, old.statement(&commissioning("A3")));
    let participant = node.get(&format!("/participants/{id}")).json();
    assert_eq!(participant["certificates"].as_array().map(Vec::len), Some(2), "{participant}");
    assert!(participant.get("renewal").is_none_or(Value::is_null), "{participant}");
}

#[test]
fn only_the_current_key_agrees() {
    let node = Node::start();
    let id = node.participant("Maker", "manufacturer", &[]);
    let other = node.participant("Other", "manufacturer", &[]);
    let key = Signer::of(&node, "Maker").key;
    let others = Signer::of(&node, "Other").key;
    let csr = new_csr();
    let by_none = "the signature is by none of the participant's current keys over this request";
    let wrong = [
        consent(&others, &node.origin, &id, &csr),
        consent(&PrivateKey::generate().unwrap(), &node.origin, &id, &csr),
        consent(&key, "ledger.example/other", &id, &csr),
        consent(&key, &node.origin, &other, &csr),
        consent(&key, &node.origin, &id, &new_csr()),
    ];
    for consent in wrong {
        let problem = refused(&node, || post(&node, &id, &csr, &consent), 400, "bad-renewal", by_none);
        assert_eq!(pointers(&problem), ["/consent"]);
    }
    for malformed in ["", "AAAA", &"A".repeat(87), &"=".repeat(86)] {
        let words = "expected an ES256 signature, r and s, as 86 characters of base64url";
        refused(&node, || post(&node, &id, &csr, malformed), 400, "bad-renewal", words);
    }
    assert!(node.get(&format!("/participants/{id}")).json().get("renewal").is_none_or(Value::is_null));
}

#[test]
fn a_renewal_is_for_an_active_participant_and_a_key_of_its_own() {
    let node = Node::start();
    let id = node.participant("Maker", "manufacturer", &[]);
    let other = node.participant("Other", "manufacturer", &[]);
    let key = Signer::of(&node, "Maker").key;
    let agree = |csr: &str| consent(&key, &node.origin, &id, csr);
    let taken = csr_of(&Signer::of(&node, "Other").key);
    let words = format!("is held by participant {other}");
    refused(&node, || post(&node, &id, &taken, &agree(&taken)), 409, "claim-taken", &words);
    let csr = new_csr();
    let nobody = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10";
    let words = "no participant and no request has the id";
    refused(&node, || post(&node, nobody, &csr, &agree(&csr)), 404, "unknown-participant", words);
    refused(&node, || post(&node, &id, "hello", &agree(&csr)), 400, "bad-csr", "-----BEGIN CERTIFICATE REQUEST-----");
    node.run_ok(&["revoke", &id, "--reason", "closed"]);
    let words = format!("participant {id} is revoked; only an active participant renews");
    refused(&node, || post(&node, &id, &csr, &agree(&csr)), 409, "not-active", &words);
}

/// What stands on the ledger can be posted by anybody, who must not get a request to wait by that.
#[test]
fn a_renewal_that_was_granted_is_not_asked_for_again() {
    let node = Node::start();
    let id = node.participant("Maker", "manufacturer", &[]);
    let key = Signer::of(&node, "Maker").key;
    let agree = |csr: &str| consent(&key, &node.origin, &id, csr);
    let csr = new_csr();
    assert_eq!(post(&node, &id, &csr, &agree(&csr)).status, 202);
    let words = format!("waits already, as participant {id}");
    refused(&node, || post(&node, &id, &csr, &agree(&csr)), 409, "request-waits", &words);
    let second = new_csr();
    refused(&node, || post(&node, &id, &second, &agree(&second)), 409, "request-waits", &words);
    node.run_ok(&["approve", "--yes", &id]);
    let words = format!("participant {id} has a certificate for this key already; a renewal is for a new key");
    refused(&node, || post(&node, &id, &csr, &agree(&csr)), 409, "already-registered", &words);
    let own = csr_of(&key);
    refused(&node, || post(&node, &id, &own, &agree(&own)), 409, "already-registered", &words);
    assert!(node.get(&format!("/participants/{id}")).json().get("renewal").is_none_or(Value::is_null));
    assert_eq!(post(&node, &id, &second, &agree(&second)).status, 202, "the next one may be asked for");
}

/// The consent is on the ledger, and is checked there again.
#[test]
fn a_member_cannot_renew_what_nobody_agreed_to() {
    let node = Node::start();
    let member = Member::of(&node);
    let id = node.participant("Maker", "manufacturer", &[]);
    let maker = Signer::of(&node, "Maker");
    let csr = new_csr();
    let answer = post(&node, &id, &csr, &consent(&maker.key, &node.origin, &id, &csr));
    assert_eq!(answer.status, 202, "{}", answer.json());
    let request = CertificateRequest::parse_pem(&csr).unwrap();
    let renewal = |by: &PrivateKey| Renewal {
        participant: participant_id(&id),
        request: request.der().to_vec(),
        current: maker.certificate,
        consent: consent(by, &node.origin, &id, &csr).parse().unwrap(),
        certificate: member.certificate(&id, &request, one_year()),
    };
    let forged = Admin::Renewal(Box::new(renewal(&PrivateKey::generate().unwrap())));
    let words = "not agreed to by the participant's current key: the signature does not verify";
    refused(&node, || member.decide(&id, &forged), 400, "bad-renewal", words);
    let elsewhere = Renewal { current: Hash::of(b"no certificate of theirs"), ..renewal(&maker.key) };
    let words = "its certificate is not this participant's";
    refused(&node, || member.decide(&id, &Admin::Renewal(Box::new(elsewhere))), 400, "bad-renewal", words);
    assert_eq!(member.decide(&id, &Admin::Renewal(Box::new(renewal(&maker.key)))).status, 200);
}
