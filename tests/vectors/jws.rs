//! JSON Web Signatures made by others: RFC 7515 appendix A.3 and Wycheproof's JWS sets.
//!
//! None of them is a statement: they have no `typ`, no `aud`, no `iat`. So each is put through the reader, which must
//! find no other fault, and then its parts through the decoder and its signature through the key.

use sealane_core::statement::{P256, SignatureVerifier};
use std::fs;
use std::path::Path;

use sealane_core::json;
use sealane_core::statement::{CompactParts, PublicKey, StatementError, SubmittedStatement};
use serde_json::{Value, json};

#[test]
fn rfc_7515_appendix_a3_verifies() {
    let Some(folder) = crate::folder("ledger/jws-rfc7515") else { return };
    let mut read = 0;
    for (name, vector) in documents(&folder) {
        let jws = text(&vector["jws"]);
        assert_eq!(judge(jws, &vector["jwk"]), Ok(()), "{name}");
        let shorter = &jws[..jws.len() - 2];
        assert!(judge(shorter, &vector["jwk"]).is_err(), "{name}, cut short");
        let other = jws.replacen('.', ".ey", 1);
        assert!(judge(&other, &vector["jwk"]).is_err(), "{name}, changed payload");
        read += 1;
    }
    assert!(read > 0, "no vector in {}", folder.display());
}

#[test]
fn wycheproof_jws_sets_are_judged_right() {
    let Some(folder) = crate::folder("ledger/wycheproof") else { return };
    let (mut accepted, mut refused, mut elsewhere) = (0, 0, 0);
    for (name, set) in documents(&folder) {
        if !text(&set["schema"]).starts_with("json_web_") {
            continue;
        }
        for (group, test) in tests(&set) {
            let place = format!("{name}, test {}: {}", test["tcId"], test["comment"]);
            let verdict = test["jws"].as_str().ok_or("not the compact form".to_owned());
            let verdict = verdict.and_then(|jws| judge(jws, &key_of(group)?));
            match (text(&test["result"]), verdict) {
                ("valid" | "acceptable", Ok(())) => accepted += 1,
                ("invalid", Err(_)) => refused += 1,
                ("valid" | "acceptable", Err(reason)) => {
                    println!("{place}: {}", reason_not_to_pass(test).unwrap_or_else(|| panic!("{place}: {reason}")));
                    elsewhere += 1;
                }
                (expected, Ok(())) => panic!("{place} is {expected}, and was taken"),
                (expected, _) => panic!("{place}: unknown result {expected}"),
            }
        }
    }
    println!("{accepted} accepted, {refused} refused, {elsewhere} valid and listed above");
    assert!(accepted + refused > 0, "no JWS vector in {}", folder.display());
}

/// Why a valid JWS is refused all the same: statements are ES256 alone, in the one base64url of RFC 7515 §2.
fn reason_not_to_pass(test: &Value) -> Option<String> {
    match SubmittedStatement::parse(text(&test["jws"]).as_bytes()) {
        Err(StatementError::AlgNotAllowed { found }) => Some(format!("not passed: alg {found} is not ES256")),
        Err(error @ StatementError::NotBase64url { .. }) => Some(format!("not passed, a lenient reading: {error}")),
        _ => None,
    }
}

/// The verification core: everything that a statement's reader checks, but for the members that only statements have.
fn judge(jws: &str, jwk: &Value) -> Result<(), String> {
    let fault = |error: StatementError| format!("{}: {error}", error.code());
    match SubmittedStatement::parse(jws.as_bytes()) {
        Err(StatementError::MissingMember { member, .. }) if member.name() == "typ" => {}
        Err(error) => return Err(fault(error)),
        Ok(_) => return Err("a vector without typ was read as a statement".to_owned()),
    }
    let parts = CompactParts::split(jws.as_bytes()).map_err(fault)?;
    json::parse(&parts.header().map_err(fault)?).map_err(|error| error.to_string())?;
    parts.payload().map_err(fault)?;
    let signature = parts.signature().map_err(fault)?;
    let key = public_key(jwk)?;
    P256.verify(&key, parts.signing_input().as_bytes(), &signature).map_err(|error| error.to_string())
}

/// Reads the public part of a vector's key. Sealane's own keys have no members but these four.
fn public_key(jwk: &Value) -> Result<PublicKey, String> {
    let is = |name: &str, wanted: &str| jwk.get(name).is_none_or(|found| found == wanted);
    let verifies =
        jwk.get("key_ops").is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.contains(&"verify".into())));
    if !(is("use", "sig") && is("alg", "ES256") && verifies) {
        return Err("the key is for another use".to_owned());
    }
    if jwk.as_object().is_some_and(|jwk| jwk.len() > 4) {
        assert!(PublicKey::from_jwk(jwk).is_err(), "a JWK with further members was taken: {jwk}");
    }
    let four = json!({"kty": jwk["kty"], "crv": jwk["crv"], "x": jwk["x"], "y": jwk["y"]});
    PublicKey::from_jwk(&four).map_err(|error| error.to_string())
}

/// The one key of a group; sets of several symmetric or mixed keys have none for us.
fn key_of(group: &Value) -> Result<Value, String> {
    let key = group.get("public").or_else(|| group.get("private")).unwrap_or(&Value::Null);
    match key.get("keys").and_then(Value::as_array).map(Vec::as_slice) {
        None => Ok(key.clone()),
        Some([only]) => Ok(only.clone()),
        Some(_) => Err("a set of several keys".to_owned()),
    }
}

fn tests(set: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let groups = set["testGroups"].as_array().into_iter().flatten();
    groups.flat_map(|group| group["tests"].as_array().into_iter().flatten().map(move |test| (group, test)))
}

fn documents(folder: &Path) -> Vec<(String, Value)> {
    let mut documents = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let document = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            documents.push((path.file_name().unwrap().to_string_lossy().into_owned(), document));
        }
    }
    documents
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
