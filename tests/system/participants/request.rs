//! `POST /participants`: requests that cannot be taken.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SignatureAlgorithm};
use sealane::pki::PrivateKey;
use serde_json::{Value, json};

use super::{count, csr_of, new_csr};
use crate::refusal::{pointers, refused};
use crate::support::{Answer, Node, path};

/// A good request, with members changed, added, or taken out by null.
fn body(members: Value) -> Value {
    let mut body = json!({"organization": "New", "roles": ["manufacturer"], "csr": new_csr()});
    let object = body.as_object_mut().unwrap();
    for (name, value) in members.as_object().unwrap() {
        if value.is_null() {
            object.shift_remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    body
}

fn post(node: &Node, body: &Value) -> Answer {
    node.post("/participants", "application/json", body.to_string().as_bytes())
}

/// One request, one fault: neither the ledger nor the list of those who wait has grown.
#[track_caller]
fn fault(node: &Node, members: Value, status: u16, code: &str, words: &str) -> Value {
    let before = count(node);
    let problem = refused(node, || post(node, &body(members)), status, code, words);
    assert_eq!(count(node), before, "a request was kept");
    problem
}

fn request_with(algorithm: &'static SignatureAlgorithm) -> String {
    let key = KeyPair::generate_for(algorithm).unwrap();
    CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap()
}

fn der(pem: &str) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(text).unwrap()
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n")
}

#[test]
fn a_request_is_for_a_p256_key() {
    let node = Node::start();
    for (algorithm, found) in [(&PKCS_ECDSA_P384_SHA384, "P-384"), (&PKCS_ED25519, "Ed25519")] {
        let words = format!("csr: the key is {found}; make a P-256 key");
        let problem = fault(&node, json!({"csr": request_with(algorithm)}), 400, "bad-csr", &words);
        assert_eq!(pointers(&problem), ["/csr"]);
    }
}

#[test]
fn a_requests_own_signature_holds() {
    let node = Node::start();
    let good = der(&new_csr());
    let words = "the request's own signature does not hold";
    let mut signature = good.clone();
    *signature.last_mut().unwrap() ^= 1;
    fault(&node, json!({"csr": pem(&signature)}), 400, "bad-csr", words);
    // The name is signed too.
    let mut name = good.clone();
    let at = name.windows(3).position(|bytes| bytes == b"Any").unwrap();
    name[at] = b'E';
    fault(&node, json!({"csr": pem(&name)}), 400, "bad-csr", words);
    // Another's key under one's own signature.
    let spki = PrivateKey::generate().unwrap().public().spki_der();
    let mut stolen = good.clone();
    let at = stolen.windows(26).position(|bytes| bytes == &spki[..26]).unwrap();
    stolen[at..at + spki.len()].copy_from_slice(&spki);
    fault(&node, json!({"csr": pem(&stolen)}), 400, "bad-csr", words);
    assert_eq!(post(&node, &body(json!({"csr": pem(&good)}))).status, 202);
}

#[test]
fn what_is_no_request_is_refused() {
    let node = Node::start();
    let good = new_csr();
    let cases = [
        (String::new(), "0 blocks"),
        ("hello".to_owned(), "-----BEGIN CERTIFICATE REQUEST-----"),
        (good.repeat(2), "2 blocks"),
        (good.replace("CERTIFICATE REQUEST", "CERTIFICATE"), "and is \"CERTIFICATE\""),
        (good.replace("CERTIFICATE REQUEST", "PRIVATE KEY"), "and is \"PRIVATE KEY\""),
        (pem(b"nothing"), "no PKCS#10 request; make one: openssl req"),
        (good.replace("-----END", "END"), "no -----END"),
        (good.clone() + &" ".repeat(20_000), "at most 16384 are taken"),
    ];
    for (csr, words) in cases {
        fault(&node, json!({"csr": csr}), 400, "bad-csr", words);
    }
    fault(&node, json!({"csr": null}), 400, "missing-member", "csr: this member is missing");
    fault(&node, json!({"csr": 7}), 400, "bad-member", "csr");
}

#[test]
fn a_key_has_one_holder_for_good() {
    let node = Node::start();
    let id = node.participant("Maker", "manufacturer", &[]);
    let key = PrivateKey::read(&node.identity("Maker").join("key.pem")).unwrap();
    let words = format!("is held by participant {id}");
    let problem = fault(&node, json!({"csr": csr_of(&key)}), 409, "claim-taken", &words);
    assert!(problem["detail"].as_str().unwrap().starts_with("key "), "{problem}");
    assert_eq!(problem["holder"], id);
    node.run_ok(&["revoke", &id, "--reason", "closed"]);
    fault(&node, json!({"csr": csr_of(&key)}), 409, "claim-taken", &words);
    // A key that waits is not asked for twice.
    let waiting = body(json!({}));
    let first = post(&node, &waiting).json();
    let words = format!("waits already, as participant {}", first["id"].as_str().unwrap());
    fault(&node, json!({"csr": waiting["csr"]}), 409, "request-waits", &words);
}

#[test]
fn a_claim_has_one_holder() {
    let node = Node::start();
    let claims = [
        "--gs1-prefix",
        "9506000",
        "--gln",
        "9506000134369",
        "--namespace",
        "urn:maker:item:",
        "--namespace",
        "https://maker.example/",
        "--gs1-key",
        "96385074",
    ];
    let id = node.participant("Maker", "manufacturer", &claims);
    let held = [
        (json!({"gs1CompanyPrefixes": ["9506000"]}), "company prefix 9506000 is held by participant"),
        (json!({"gs1CompanyPrefixes": ["95060001"]}), "company prefix 95060001 collides with 9506000"),
        (json!({"gs1CompanyPrefixes": ["9512345", "950600"]}), "company prefix 950600 collides with 9506000"),
        (json!({"namespaces": ["urn:maker:item:"]}), "namespace urn:maker:item: is held by participant"),
        (json!({"namespaces": ["http://maker.example/"]}), "collides with https://maker.example/"),
        (json!({"namespaces": ["urn:maker:"]}), "namespace urn:maker: collides with urn:maker:item:"),
        (json!({"namespaces": ["urn:maker:item:large:"]}), "collides with urn:maker:item:"),
        (json!({"glns": ["9506000134369"]}), "GLN 9506000134369 is held by participant"),
        (
            json!({"gs1Keys": ["https://id.gs1.org/01/00000096385074"]}),
            "GS1 key https://id.gs1.org/01/00000096385074 is held",
        ),
        (json!({"gs1Keys": ["https://id.gs1.org/01/09506000134352"]}), "collides with 9506000"),
        (json!({"gs1Keys": ["https://id.gs1.org/414/9506000134369"]}), "collides with 9506000"),
    ];
    for (members, words) in held {
        let problem = fault(&node, members, 409, "claim-taken", words);
        assert_eq!(problem["holder"], id, "{problem}");
    }
    // Neighbours collide with nothing, nor does what a revoked participant held.
    let free = json!({"gs1CompanyPrefixes": ["9506001"], "namespaces": ["urn:maker:items:"]});
    assert_eq!(post(&node, &body(free)).status, 202);
    node.run_ok(&["revoke", &id, "--reason", "closed"]);
    assert_eq!(post(&node, &body(json!({"gs1CompanyPrefixes": ["9506000"]}))).status, 202);
}

#[test]
fn claims_are_well_formed() {
    let node = Node::start();
    let gln = "has check digit 0, it should be 9";
    let cases = [
        (json!({"glns": ["9506000134360"]}), "bad-member", "/glns/0", gln),
        (json!({"glns": ["9506000134369", "12"]}), "bad-member", "/glns/1", "13 digits"),
        (json!({"gs1CompanyPrefixes": ["123"]}), "bad-member", "/gs1CompanyPrefixes/0", "4 to 12 digits"),
        (json!({"gs1CompanyPrefixes": ["00000963"]}), "bad-member", "/gs1CompanyPrefixes/0", "claim the GTIN-8 itself"),
        (json!({"gs1Keys": ["96385074"]}), "bad-member", "/gs1Keys/0", "https://id.gs1.org/01/00000096385074"),
        (json!({"gs1Keys": ["urn:x:y"]}), "bad-member", "/gs1Keys/0", "is no single GS1 key"),
        (json!({"gs1CompanyPrefixes": [9506000]}), "bad-member", "/gs1CompanyPrefixes/0", "expected a string"),
        (json!({"namespaces": ["urn:"]}), "bad-member", "/namespaces/0", "is no namespace"),
        (json!({"namespaces": ["https://id.gs1.org/01/"]}), "bad-member", "/namespaces/0", "not GS1's"),
        (json!({"roles": ["king"]}), "bad-member", "/roles/0", "roles are manufacturer, shipper"),
        (json!({"roles": "manufacturer"}), "bad-member", "/roles", "expected a list"),
        (json!({"roles": null}), "bad-claims", "/roles", "at least one role is needed"),
        (json!({"roles": ["shipper", "carrier"]}), "bad-claims", "/roles", "two of them are the same"),
        (json!({"organization": null}), "missing-member", "/organization", "this member is missing"),
        (json!({"organization": " "}), "bad-member", "/organization", "1 to 200 characters"),
        (json!({"organization": "x".repeat(201)}), "bad-member", "/organization", "1 to 200 characters"),
        (json!({"organization": "a\u{200b}b"}), "bad-member", "/organization", "this one has U+200B"),
        (json!({"namespaces": ["https://Acme.example/"]}), "bad-member", "/namespaces/0", "in lower case"),
        (json!({"organization": "a\nb"}), "bad-member", "/organization", "no control characters"),
        (
            json!({"gs1CompanyPrefixes": ["9506000", "95060001"]}),
            "bad-claims",
            "/gs1CompanyPrefixes",
            "contains the other",
        ),
        (json!({"namespaces": ["urn:a:b:", "urn:a:b:c:"]}), "bad-claims", "/namespaces", "contains the other"),
        (json!({"role": "shipper"}), "unknown-member", "/role", "no member has this name here"),
    ];
    for (members, code, pointer, words) in cases {
        let problem = fault(&node, members, 400, code, words);
        assert_eq!(pointers(&problem), [pointer], "{problem}");
    }
    let alone = "authority stands alone";
    fault(&node, json!({"roles": ["authority", "shipper"]}), 400, "bad-claims", alone);
    let many: Vec<String> = (0..101).map(|n| format!("urn:new:{n}:")).collect();
    fault(&node, json!({"namespaces": many}), 400, "bad-claims", "namespaces is wrong: at most 100 are taken");
}

#[test]
fn what_an_organisation_says_beside_its_claims_is_kept() {
    let node = Node::start();
    let terms = "ZIeffWuWCgGQl2LZEaMtRYLCABDFZB7pAni2RKnjtSU";
    let beside = json!({"lei": "506700GE1G29325QX363", "contact": "mailto:quality@example.com", "terms": terms});
    let cases = [
        ("lei", json!("506700GE1G29325QX364"), "the LEI's check digits are 64"),
        ("lei", json!(7), "expected a string"),
        ("contact", json!("http://example.com"), "https://, mailto: or tel:"),
        ("contact", json!([]), "expected a string"),
        ("terms", json!("AAAA"), "a SHA-256 value is 32 bytes"),
    ];
    for (name, value, words) in cases {
        let problem = fault(&node, json!({name: value}), 400, "bad-member", words);
        assert_eq!(pointers(&problem), [format!("/{name}")], "{problem}");
    }
    let answer = post(&node, &body(beside.clone()));
    assert_eq!(answer.status, 202, "{}", answer.json());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let shown = || node.get(&format!("/participants/{id}")).json();
    let beside_of = |shown: &Value| json!({"lei": shown["lei"], "contact": shown["contact"], "terms": shown["terms"]});
    assert_eq!((&shown()["status"], beside_of(&shown())), (&json!("pending"), beside.clone()));
    node.run_ok(&["approve", &id, "--yes"]);
    assert_eq!((&shown()["status"], beside_of(&shown())), (&json!("active"), beside));
}

#[test]
fn a_request_is_strict_json() {
    let node = Node::start();
    let post = |content_type: &str, body: &[u8]| node.post("/participants", content_type, body);
    let good = body(json!({})).to_string();
    let doubled = good.replacen('{', r#"{"organization":"Other","#, 1);
    let cases: [(&[u8], &str, &str); 5] = [
        (b"", "bad-json", "EOF"),
        (b"organization=New", "bad-json", "line 1 column 1"),
        (doubled.as_bytes(), "bad-json", "a member named twice"),
        (b"{\"organization\":\"\xff\"}", "bad-json", "invalid UTF-8"),
        (b"[]", "bad-member", "must be a JSON object"),
    ];
    for (body, code, words) in cases {
        refused(&node, || post("application/json", body), 400, code, words);
    }
    let words = "send a JSON object as application/json";
    refused(&node, || post("text/plain", good.as_bytes()), 415, "unsupported-media-type", words);
    let long = vec![b' '; 300_000];
    let problem = refused(&node, || post("application/json", &long), 413, "body-too-large", "262144 bytes");
    assert_eq!(problem["limit"], 262_144);
    assert_eq!(count(&node), 0);
}

#[test]
fn the_list_has_pages_and_no_certificate_requests() {
    let node = Node::start();
    let id = node.participant("Maker", "manufacturer", &[]);
    for _ in 0..4 {
        assert_eq!(post(&node, &body(json!({}))).status, 202);
    }
    let mut found = Vec::new();
    let mut next = Some("/participants?perPage=2".to_owned());
    while let Some(path) = next {
        let answer = node.get_as_member(&path);
        let page = answer.json()["participants"].as_array().unwrap().clone();
        assert!(page.len() <= 2 && page.iter().all(|one| one.get("csr").is_none()), "{page:?}");
        found.extend(page.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        next = answer.header("link").map(|link| {
            let url = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap();
            url.strip_prefix(&node.url).unwrap().to_owned()
        });
    }
    assert!(found.len() == 5 && found.contains(&id) && found.is_sorted(), "{found:?}");
    let whole = node.get_as_member("/participants");
    assert_eq!((whole.json()["participants"].as_array().unwrap().len(), whole.header("link")), (5, None));
    let waiting = found.iter().find(|one| **one != id).unwrap();
    assert!(node.get_as_member(&format!("/participants/{waiting}")).json()["csr"].is_string());
    for query in ["perPage=0", "perPage=1001", "perPage=%2B1", "nextPageToken=x"] {
        refused(&node, || node.get(&format!("/participants?{query}")), 400, "bad-parameter", "the parameter");
    }
}

/// The command says what the node says, and ends as refused.
#[test]
fn the_command_line_passes_the_refusal_on() {
    let node = Node::start();
    node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let out = node.identity("Second");
    let register = ["register", "--organization", "Second", "--role", "manufacturer", "--out", path(&out)];
    let output = node.run(&[&register[..], &["--gs1-prefix", "95060001"]].concat());
    let said = crate::support::text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("company prefix 95060001 collides with 9506000") && said.contains("claim-taken"), "{said}");
    for (flag, value, words) in [
        ("--gln", "9506000134360", "it should be 9"),
        ("--gs1-prefix", "12", "4 to 12 digits"),
        ("--role", "king", "roles are manufacturer"),
        ("--namespace", "urn:", "is no namespace"),
    ] {
        let output = node.run(&[&register[..], &[flag, value]].concat());
        let said = crate::support::text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{said}");
    }
}
