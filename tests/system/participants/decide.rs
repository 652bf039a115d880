//! `POST /participants/{id}/decisions`: only a member decides, and only on what was asked.

use sealane::pki::{CertificateRequest, PrivateKey, Validity};
use sealane_core::consortium::{Admin, Genesis, Registration, Rejection, Revocation};
use sealane_core::hash::Hash;
use sealane_core::statement::{Draft, Header, sign};
use serde_json::json;

use super::{count, new_csr};
use crate::member::{DAY_MS, Member, ask, one_year, participant_id, sign_as};
use crate::refusal::refused;
use crate::signer::{Signer, now};
use crate::support::Node;

const NOBODY: &str = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10";

fn approval(registration: Registration) -> Admin {
    Admin::Registration(Box::new(registration))
}

fn revocation(id: &str) -> Admin {
    Admin::Revocation(Revocation {
        participant: participant_id(id),
        reason: "closed".to_owned(),
        compromised_since: None,
        dismisses_claims: false,
    })
}

/// Rejects a request for some key or other.
fn rejection(id: &str) -> Admin {
    let key = Hash::of(b"another key");
    Admin::Rejection(Rejection { participant: participant_id(id), key, reason: "no contract".to_owned() })
}

#[track_caller]
fn pending(node: &Node, id: &str) {
    assert_eq!(node.get(&format!("/participants/{id}")).json()["status"], "pending");
}

#[test]
fn only_a_member_decides() {
    let node = Node::start();
    let member = Member::of(&node);
    let id = ask(&node, "New", "shipper", &[]);
    let admin = approval(member.registration(&id, one_year()));
    let stranger = PrivateKey::generate().unwrap();
    let words = format!("{} is no member's key", stranger.public().thumbprint());
    let statement = sign_as(&stranger, &node.origin, &admin);
    refused(&node, || member.post(&id, &statement), 403, "not-a-member", &words);
    // Under the member's name and another's key.
    let header = Header::admin(member.key.public().thumbprint(), &*node.origin, now());
    let forged = sign(Draft::new(header, &admin.to_payload()).unwrap(), stranger.signing_key());
    refused(&node, || member.post(&id, forged.compact()), 401, "bad-signature", "does not hold");
    // A participant is not a member either.
    node.participant("Maker", "manufacturer", &[]);
    let maker = Signer::of(&node, "Maker");
    let statement = maker.sign_payload(&admin.to_payload());
    let words = "a decision has the typ sealane-admin+jws; this statement's is epcis+jws";
    refused(&node, || member.post(&id, &statement), 400, "wrong-type", words);
    let statement = sign_as(&maker.key, &node.origin, &admin);
    refused(&node, || member.post(&id, &statement), 403, "not-a-member", "only a member may sign");
    pending(&node, &id);
}

#[test]
fn a_decision_is_for_this_ledger_and_this_participant() {
    let node = Node::start();
    let member = Member::of(&node);
    let (id, other) = (ask(&node, "New", "shipper", &[]), ask(&node, "Other", "shipper", &[]));
    let admin = approval(member.registration(&id, one_year()));
    let elsewhere = sign_as(&member.key, "ledger.example/other", &admin);
    refused(&node, || member.post(&id, &elsewhere), 400, "wrong-audience", "\"ledger.example/other\"");
    let words = format!("about participant {id}, and was posted for {other}");
    refused(&node, || member.decide(&other, &admin), 400, "bad-decision", &words);
    let words = format!("no participant and no request has the id {NOBODY}");
    refused(&node, || member.decide(NOBODY, &rejection(NOBODY)), 404, "unknown-participant", &words);
    let words = format!("participant {NOBODY} is not registered");
    refused(&node, || member.decide(NOBODY, &revocation(NOBODY)), 404, "unknown-participant", &words);
    let send = || node.post("/participants/not-an-id/decisions", "application/jose", member.sign(&admin).as_bytes());
    refused(&node, send, 404, "unknown-participant", "it is a UUID such as");
    let trust = node.get("/trust").json();
    let genesis: Genesis = serde_json::from_value(json!({
        "version": 2, "origin": node.origin, "rules": 1, "created": now(),
        "founders": [{"kid": trust["members"][0]["kid"], "signature": "A".repeat(86)}],
        "members": trust["members"].clone(),
    }))
    .unwrap();
    let words = "about participant nobody";
    refused(&node, || member.decide(&id, &Admin::Genesis(genesis)), 400, "bad-decision", words);
    pending(&node, &id);
}

#[test]
fn a_decision_is_on_what_was_asked() {
    let node = Node::start();
    let member = Member::of(&node);
    let id = ask(&node, "New", "shipper", &["--gs1-prefix", "9506000"]);
    let good = || member.registration(&id, one_year());
    let mut more = good();
    more.claims.gs1_company_prefixes.push("9506100".parse().unwrap());
    let words = "the decision holds another set of claims than the request that waits";
    refused(&node, || member.decide(&id, &approval(more)), 409, "other-request", words);
    let other = CertificateRequest::parse_pem(&new_csr()).unwrap();
    let swapped = Registration { request: other.der().to_vec(), ..good() };
    let words = "the decision holds another request than the request that waits";
    refused(&node, || member.decide(&id, &approval(swapped)), 409, "other-request", words);
    let certificate = member.certificate(&id, &other, one_year());
    let other_key = Registration { certificate, ..good() };
    let words = "the certificate is for another key than the request";
    refused(&node, || member.decide(&id, &approval(other_key)), 400, "bad-decision", words);
    let mut longer = good();
    longer.certificate.not_after = longer.certificate.not_after.plus_millis(DAY_MS);
    let words = "the certificate's validity is not what the statement says";
    refused(&node, || member.decide(&id, &approval(longer)), 400, "bad-decision", words);
    let mut key = good();
    key.certificate.jwk = other.public_key().clone();
    let words = "the certificate's key is not what the statement says";
    refused(&node, || member.decide(&id, &approval(key)), 400, "bad-decision", words);
    let request = CertificateRequest::parse_der(&good().request).unwrap();
    let named = Registration { certificate: member.certificate(NOBODY, &request, one_year()), ..good() };
    let words = "the certificate's subject alternative name is not what the statement says";
    refused(&node, || member.decide(&id, &approval(named)), 400, "bad-decision", words);
    let mut garbage = good();
    garbage.certificate.x509 = b"nothing".to_vec();
    refused(&node, || member.decide(&id, &approval(garbage)), 400, "bad-decision", "certificate");
    pending(&node, &id);
    assert_eq!(member.decide(&id, &approval(good())).status, 200);
}

#[test]
fn a_certificate_that_is_past_already_is_not_registered() {
    let node = Node::start();
    let member = Member::of(&node);
    let id = ask(&node, "New", "shipper", &[]);
    // The authority issues nothing that ended before it began, so wait for the shortest span there is.
    let short = Validity::new(now(), now().plus_millis(1_000)).unwrap();
    let admin = approval(member.registration(&id, short));
    while now() <= short.not_after() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    refused(&node, || member.decide(&id, &admin), 400, "bad-decision", "is past already");
    pending(&node, &id);
}

#[test]
fn what_is_decided_is_decided_once() {
    let node = Node::start();
    let member = Member::of(&node);
    let id = ask(&node, "New", "shipper", &[]);
    let statement = member.sign(&approval(member.registration(&id, one_year())));
    let second = member.sign(&approval(member.registration(&id, one_year())));
    let first = member.post(&id, &statement);
    assert_eq!((first.status, &first.json()["status"]), (200, &json!("active")), "{}", first.json());
    let size = node.tree_size();
    let again = member.post(&id, &statement);
    assert_eq!((again.status, &again.json()["receipt"]), (200, &first.json()["receipt"]));
    assert_eq!(node.tree_size(), size);
    let words = format!("participant {id} has no request that waits for a decision");
    refused(&node, || member.post(&id, &second), 409, "nothing-waits", &words);
    refused(&node, || member.decide(&id, &rejection(&id)), 409, "nothing-waits", &words);
    let ended = member.decide(&id, &revocation(&id));
    assert_eq!((ended.status, &ended.json()["status"]), (200, &json!("revoked")), "{}", ended.json());
    let words = format!("participant {id} has been revoked");
    let again = Admin::Revocation(Revocation {
        participant: participant_id(&id),
        reason: "twice".to_owned(),
        compromised_since: None,
        dismisses_claims: false,
    });
    refused(&node, || member.decide(&id, &again), 409, "already-revoked", &words);
}

/// Both could be asked for; the ledger decides for whoever is approved first.
#[test]
fn of_two_requests_for_one_prefix_one_is_registered() {
    let node = Node::start();
    let member = Member::of(&node);
    let first = ask(&node, "First", "manufacturer", &["--gs1-prefix", "9506000"]);
    let second = ask(&node, "Second", "manufacturer", &["--gs1-prefix", "9506000"]);
    let late = approval(member.registration(&second, one_year()));
    node.run_ok(&["approve", "--yes", &first]);
    let words = format!("company prefix 9506000 is held by participant {first}");
    refused(&node, || member.decide(&second, &late), 409, "claim-taken", &words);
    pending(&node, &second);
}

#[test]
fn a_decision_is_well_formed() {
    let node = Node::start();
    let member = Member::of(&node);
    let id = ask(&node, "New", "shipper", &[]);
    let payload = |payload: &[u8]| {
        let header = Header::admin(member.key.public().thumbprint(), &*node.origin, now());
        sign(Draft::new(header, payload).unwrap(), member.key.signing_key()).compact().to_owned()
    };
    let revocation = |reason: &str| json!({"type": "revocation", "participant": id, "reason": reason});
    let (reasonless, wordy) = (revocation(" ").to_string(), revocation(&"x".repeat(1_001)).to_string());
    let mut extra = revocation("x");
    extra["also"] = 1.into();
    let extra = extra.to_string();
    let doubled = format!(r#"{{"type":"rejection","type":"revocation","participant":"{id}","reason":"x"}}"#);
    let cases: [(&str, &str, &str); 6] = [
        ("{", "bad-json", "EOF"),
        (&doubled, "bad-json", "a member named twice"),
        (r#"{"type":"promotion"}"#, "bad-decision", "promotion"),
        (&extra, "bad-decision", "also"),
        (&reasonless, "bad-decision", "a reason has 1 to 1000 characters"),
        (&wordy, "bad-decision", "a reason has 1 to 1000 characters"),
    ];
    for (text, code, words) in cases {
        refused(&node, || member.post(&id, &payload(text.as_bytes())), 400, code, words);
    }
    let path = format!("/participants/{id}/decisions");
    let send = || node.post(&path, "application/json", reasonless.as_bytes());
    refused(&node, send, 415, "unsupported-media-type", "send a compact JWS as application/jose");
    pending(&node, &id);
    assert_eq!(count(&node), 1);
}

#[test]
fn a_rejection_answers_the_request_that_it_names_and_no_other() {
    let node = Node::start();
    let member = Member::of(&node);
    let id = ask(&node, "New", "shipper", &[]);
    let words = "the decision holds another key than the request that waits";
    refused(&node, || member.decide(&id, &rejection(&id)), 409, "other-request", words);
    pending(&node, &id);
}
