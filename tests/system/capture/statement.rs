//! What is no statement, or none for this ledger.

use serde_json::{Value, json};

use super::{commissioning, with_maker};
use crate::refusal::refused;
use crate::signer::{capture, captured, encode, now};

#[test]
fn what_is_no_compact_jws_is_refused() {
    let (node, maker) = with_maker();
    let good = maker.statement(&commissioning("A1"));
    let parts: Vec<&str> = good.split('.').collect();
    let joined = |header: &str, payload: &str, signature: &str| format!("{header}.{payload}.{signature}");
    let middle = good.len() / 2;
    let json_form = json!({"payload": parts[1], "signatures": [{"protected": parts[0], "signature": parts[2]}]});
    let cases: [(Vec<u8>, &str, &str); 18] = [
        (b"hello".to_vec(), "not-three-parts", "this text has 1"),
        (Vec::new(), "not-three-parts", "header.payload.signature"),
        (commissioning("A1").to_string().into_bytes(), "not-three-parts", "this text has"),
        (json_form.to_string().into_bytes(), "not-three-parts", "JSON serialisation is not taken"),
        (format!("{good}.").into_bytes(), "not-three-parts", "this text has 4"),
        (good.rsplit_once('.').unwrap().0.into(), "not-three-parts", "this text has 2"),
        (format!("{good}\n").into_bytes(), "white-space", &format!("at byte {}", good.len())),
        (format!(" {good}").into_bytes(), "white-space", "at byte 0"),
        (format!("{} {}", &good[..middle], &good[middle..]).into(), "white-space", &format!("at byte {middle}")),
        (format!("{}\r\n{}", &good[..middle], &good[middle..]).into(), "white-space", "neither inside nor after"),
        (joined(&format!("{}=", parts[0]), parts[1], parts[2]).into(), "not-base64url", "the header"),
        (joined(parts[0], &format!("{}==", parts[1]), parts[2]).into(), "not-base64url", "padding is not taken"),
        (joined(parts[0], &format!("+{}", &parts[1][1..]), parts[2]).into(), "not-base64url", "this is base64;"),
        (joined(parts[0], parts[1], &format!("/{}", &parts[2][1..])).into(), "not-base64url", "the signature"),
        (joined(parts[0], &format!("*{}", &parts[1][1..]), parts[2]).into(), "not-base64url", "character 0"),
        (joined(parts[0], "AAAAA", parts[2]).into(), "not-base64url", "characters are missing"),
        ([good.as_bytes(), b"\xff"].concat(), "not-base64url", "the signature"),
        (joined(parts[0], "", parts[2]).into(), "missing-payload", "JWS-Signature"),
    ];
    for (body, code, words) in cases {
        refused(&node, || capture(&node, &body), 400, code, words);
    }
    captured(&node, good);
}

/// The last character of base64url may have bits that stand for nothing. They are zero, or one statement would have
/// several spellings.
#[test]
fn spare_bits_are_zero_in_every_part() {
    let (node, maker) = with_maker();
    // A header or payload of 3n + 1 bytes ends in a character with four spare bits; a signature always does.
    let lengthened = |text: String| (0..3).map(|n| text.clone() + &" ".repeat(n)).find(|text| text.len() % 3 == 1);
    let header = lengthened(Value::Object(maker.header()).to_string()).unwrap();
    let payload = lengthened(commissioning("A1").to_string()).unwrap();
    let good = maker.sign(&header, payload.as_bytes());
    let parts: Vec<String> = good.split('.').map(str::to_owned).collect();
    for (at, part) in ["header", "payload", "signature"].into_iter().enumerate() {
        let mut changed = parts.clone();
        let last = changed[at].pop().unwrap();
        changed[at].push(char::from(last as u8 + 1));
        // Signed as spelt, so that nothing but the spelling is at fault.
        let statement = if at == 2 { changed.join(".") } else { maker.sign_input(&changed[..2].join(".")) };
        let words = format!("the {part} is not base64url");
        let problem = refused(&node, || capture(&node, &statement), 400, "not-base64url", &words);
        assert!(problem["detail"].as_str().unwrap().contains("spare bits"), "{problem}");
    }
    captured(&node, good);
}

#[test]
fn no_algorithm_but_es256_is_taken() {
    let (node, maker) = with_maker();
    let payload = commissioning("A1").to_string();
    for alg in ["none", "HS256", "RS256", "ES384", "PS256", "EdDSA", "ES256K", "es256", ""] {
        let statement = maker.sign(&maker.header_with("alg", alg), payload.as_bytes());
        let words = format!("alg is \"{alg}\"; the only algorithm taken is \"ES256\"");
        refused(&node, || capture(&node, statement), 400, "alg-not-allowed", &words);
    }
    let unsigned = format!("{}.{}.", encode(maker.header_with("alg", "none").as_bytes()), encode(payload.as_bytes()));
    refused(&node, || capture(&node, unsigned), 400, "alg-not-allowed", "none");
    let listed = maker.sign(&maker.header_with("alg", json!(["ES256"])), payload.as_bytes());
    refused(&node, || capture(&node, listed), 400, "alg-not-allowed", "ES256");
}

#[test]
fn a_header_has_every_member_it_needs() {
    let (node, maker) = with_maker();
    let payload = commissioning("A1").to_string();
    let cases = [
        ("alg", "missing-alg", "it must be \"ES256\""),
        ("typ", "missing-typ", "\"epcis+jws\""),
        ("x5t#S256", "missing-x5t-s256", "SHA-256 of the signer's certificate in DER"),
        ("aud", "missing-aud", "the ledger's origin"),
        ("iat", "missing-iat", "seconds since 1970"),
    ];
    for (name, code, words) in cases {
        let mut header = maker.header();
        header.shift_remove(name);
        let statement = maker.sign(&Value::Object(header).to_string(), payload.as_bytes());
        refused(&node, || capture(&node, statement), 400, code, words);
    }
}

#[test]
fn a_header_has_no_member_that_it_does_not_need() {
    let (node, maker) = with_maker();
    let payload = commissioning("A1").to_string();
    let jwk = maker.key.public().jwk();
    let cases = [
        ("crit", json!(["exp"]), "crit-not-allowed", "no extension of JWS is understood"),
        ("b64", json!(false), "b64-not-allowed", "the payload is always base64url"),
        ("b64", json!(true), "b64-not-allowed", "b64"),
        ("jwk", jwk, "jwk-not-allowed", "a signer's key comes from the ledger"),
        ("jku", json!("https://example.com/keys"), "jku-not-allowed", "never from the statement"),
        ("x5c", json!(["MIIB"]), "x5c-not-allowed", "a signer's key comes from the ledger"),
        ("x5u", json!("https://example.com/cert"), "x5u-not-allowed", "never from the statement"),
        ("x5t", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAA"), "x5t-not-allowed", "use x5t#S256"),
        ("exp", json!(1), "unknown-header-member", "\"exp\" is unknown; it holds alg, typ, aud, iat"),
        ("kid", json!(maker.certificate.to_string()), "wrong-signer-member", "by x5t#S256 alone"),
    ];
    for (name, value, code, words) in cases {
        let statement = maker.sign(&maker.header_with(name, value), payload.as_bytes());
        refused(&node, || capture(&node, statement), 400, code, words);
    }
}

#[test]
fn a_header_says_each_thing_once_and_well() {
    let (node, maker) = with_maker();
    let payload = commissioning("A1").to_string();
    let good = Value::Object(maker.header()).to_string();
    let doubled = |member: &str| format!("{{{member},{}", &good[1..]);
    let duplicates = [r#""alg":"none""#, r#""\u0061lg":"ES256""#, r#""aud":"elsewhere""#, r#""iat":1"#];
    for (member, name) in duplicates.into_iter().zip(["alg", "alg", "aud", "iat"]) {
        let words = format!("the header names \"{name}\" twice");
        let statement = maker.sign(&doubled(member), payload.as_bytes());
        refused(&node, || capture(&node, statement), 400, "duplicate-header-member", &words);
    }
    let cases = [
        ("typ", json!("JWT"), "bad-typ", "typ is \"JWT\"; it must be \"epcis+jws\""),
        ("typ", json!("application/epcis+jws"), "bad-typ", "it must be"),
        ("typ", json!("epcis+sd-jwt"), "type-reserved", "typ \"epcis+sd-jwt\" is reserved"),
        ("typ", json!("sealane-contract+jws"), "type-reserved", "typ \"sealane-contract+jws\" is reserved"),
        ("aud", json!([maker.origin]), "bad-aud", "one string"),
        ("iat", json!("1795253400"), "bad-iat", "whole number of seconds"),
        ("iat", json!(1.5), "bad-iat", "1.5"),
        ("iat", json!(u64::MAX), "bad-iat", "whole number"),
        ("x5t#S256", json!("AAAA"), "bad-x5t-s256", "43 characters"),
    ];
    for (name, value, code, words) in cases {
        let statement = maker.sign(&maker.header_with(name, value), payload.as_bytes());
        refused(&node, || capture(&node, statement), 400, code, words);
    }
    let others = [
        ("[]".to_owned(), "header-not-object", "must be a JSON object"),
        ("alg".to_owned(), "header-not-json", "not strict JSON"),
        (good.replace("\"iat\"", "\"iat\" "), "taken", ""),
        (format!("{good} {}", " ".repeat(5000)), "header-too-long", "at most 4096 bytes"),
        (format!("{}1{}", "[".repeat(100), "]".repeat(100)), "header-not-json", "nested deeper than 64 levels"),
    ];
    for (header, code, words) in others {
        let statement = maker.sign(&header, payload.as_bytes());
        match code {
            "taken" => drop(captured(&node, statement)),
            _ => drop(refused(&node, || capture(&node, statement), 400, code, words)),
        }
    }
}

#[test]
fn a_statement_for_another_ledger_is_refused() {
    let (node, maker) = with_maker();
    let payload = commissioning("A1").to_string();
    for aud in ["ledger.example/other", &maker.origin.to_uppercase(), &format!("{}/", maker.origin)] {
        let statement = maker.sign(&maker.header_with("aud", aud), payload.as_bytes());
        let words = format!("aud is {aud:?}; this ledger is {:?}", maker.origin);
        refused(&node, || capture(&node, statement), 400, "wrong-audience", &words);
    }
}

#[test]
fn a_statement_of_another_kind_is_refused() {
    let (node, maker) = with_maker();
    let mut header = maker.header();
    header.shift_remove("x5t#S256");
    header.insert("typ".to_owned(), "sealane-admin+jws".into());
    header.insert("kid".to_owned(), maker.key.public().thumbprint().to_string().into());
    let statement = maker.sign(&Value::Object(header).to_string(), commissioning("A1").to_string().as_bytes());
    refused(&node, || capture(&node, statement), 400, "wrong-type", "this statement's is sealane-admin+jws");
}

#[test]
fn the_signers_clock_is_not_far_ahead_and_not_a_week_behind() {
    let (node, maker) = with_maker();
    let payload = commissioning("A1").to_string();
    let ahead = maker.sign(&maker.header_with("iat", now().seconds() + 3_600), payload.as_bytes());
    refused(
        &node,
        || capture(&node, ahead),
        400,
        "issued-ahead",
        "more than 300 seconds ahead of the time of its block",
    );
    let week = 7 * 24 * 3_600;
    let old = maker.sign(&maker.header_with("iat", now().seconds() - week - 60), payload.as_bytes());
    refused(&node, || capture(&node, old), 400, "iat-too-old", "more than 7 days before the time of its block");
    // A clock that is behind by less grants nothing and costs nothing.
    captured(&node, maker.sign(&maker.header_with("iat", now().seconds() - week + 600), payload.as_bytes()));
}
