//! Signed notes, their keys and checkpoint bodies, as other logs publish them.
//!
//! Cases differ by the members they have, not by file: each kind has a function here. Sealane's notes are signed with
//! ECDSA P-256 (type 0x02); what is of another type is read as far as the format goes, and listed.

use sealane_core::statement::P256;
use std::collections::BTreeSet;
use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p256::pkcs8::DecodePrivateKey;
use sealane_core::block::{Checkpoint, CheckpointError, Note, NoteError, NoteKey, OriginError};
use sealane_core::statement::PublicKey;
use serde_json::Value;

/// What became of one case.
#[derive(Debug, PartialEq)]
enum Outcome {
    Passed,
    /// Not passed, for this reason.
    Listed(String),
}

use Outcome::{Listed, Passed};

#[test]
fn notes_of_others_are_judged_right() {
    let Some(folder) = crate::folder("ledger/notes") else { return };
    let mut passed = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(document) = serde_json::from_slice::<Value>(&fs::read(&path).unwrap()) else {
            println!("{}: not read: no JSON", path.display());
            continue;
        };
        for (at, case) in cases(&document).into_iter().enumerate() {
            let name = case.get("name").or(case.get("desc")).or(case.get("origin")).and_then(Value::as_str);
            let place = format!("{}, case {at} {}", path.display(), name.unwrap_or_default());
            match judge(case, &place) {
                Passed => passed += 1,
                Listed(reason) => println!("{place}: not passed: {reason}"),
            }
        }
    }
    assert!(passed > 0, "no note vector in {}", folder.display());
}

/// A file's list of cases, or the file itself where it is one case.
fn cases(document: &Value) -> Vec<&Value> {
    match document.get("cases").or(document.get("keys")).and_then(Value::as_array) {
        Some(cases) => cases.iter().collect(),
        None => vec![document],
    }
}

fn judge(case: &Value, place: &str) -> Outcome {
    let members: BTreeSet<&str> = case.as_object().unwrap().keys().map(String::as_str).collect();
    let has = |name| members.contains(name);
    if has("note") && has("vkey") {
        note_and_key(case, place)
    } else if has("note") {
        note_alone(case, place)
    } else if has("note_b64") {
        note_and_keys(case, place)
    } else if has("vkey") {
        key_alone(case, place)
    } else if has("body") {
        checkpoint_body(case, place)
    } else if has("private_key_pem_test_only") {
        key_id(case, place)
    } else if has("signed") {
        form(case["signed"].as_str().unwrap(), place);
        Listed("its key is Ed25519, with which Sealane does not sign; the note's form is read and written back".into())
    } else if has("proof") {
        Listed("a tlog-proof file, a format that Sealane neither reads nor writes".into())
    } else {
        Listed(format!("a case of an unknown kind, with the members {members:?}"))
    }
}

/// A whole note with the one key that is to have signed it.
fn note_and_key(case: &Value, place: &str) -> Outcome {
    let note = case["note"].as_str().unwrap();
    let key = match NoteKey::parse(case["vkey"].as_str().unwrap()) {
        Ok(key) => key,
        Err(NoteError::KeyType { found }) => {
            form(note, place);
            return Listed(format!("its key is of type {found:#04x}; the note's form is read and written back"));
        }
        Err(error) => panic!("{place}: {error}"),
    };
    let verified = Note::parse(note.as_bytes()).and_then(|note| note.verify(&[key], &P256).map(|_| ()));
    assert_eq!(verified.is_ok(), case["valid"] == true, "{place}: {verified:?}");
    Passed
}

fn note_alone(case: &Value, place: &str) -> Outcome {
    form(case["note"].as_str().unwrap(), place);
    Listed("its key is Ed25519; the note's form is read and written back".into())
}

/// A note of Ed25519 keys: what makes it invalid is its form, or the signatures, of which none can be checked here.
fn note_and_keys(case: &Value, place: &str) -> Outcome {
    let note = STANDARD.decode(case["note_b64"].as_str().unwrap()).unwrap();
    let vkeys = case["known_vkeys"].as_array().unwrap().iter().map(|vkey| NoteKey::parse(vkey.as_str().unwrap()));
    let known: Vec<NoteKey> = vkeys.flatten().collect();
    let verified = Note::parse(&note).and_then(|note| note.verify(&known, &P256).map(|keys| keys.len()));
    match (case["valid"] == true, verified) {
        (true, Ok(count)) => {
            assert_eq!(case["verified"], count, "{place}");
            Passed
        }
        // A note that no known key has signed is refused, whether its other signatures hold or not.
        (true, Err(NoteError::NoKnownKey)) => Listed("its keys are Ed25519, which is never a known key here".into()),
        (true, Err(error)) => panic!("{place}: {error}"),
        // With keys that are not known here, nothing was judged.
        (false, Err(NoteError::NoKnownKey)) if known.len() < case["known_vkeys"].as_array().map_or(0, Vec::len) => {
            Listed("its keys are Ed25519, which is never a known key here".into())
        }
        (false, verified) => {
            assert!(verified.is_err(), "{place}");
            Passed
        }
    }
}

fn key_alone(case: &Value, place: &str) -> Outcome {
    let vkey = case["vkey"].as_str().unwrap();
    match (case.get("valid").is_none_or(|valid| *valid == true), NoteKey::parse(vkey)) {
        (true, Ok(key)) => {
            assert_eq!(key.to_vkey(), vkey, "{place}");
            Passed
        }
        (true, Err(NoteError::KeyType { found })) => Listed(format!("a key of type {found:#04x}")),
        (false, Err(_)) => Passed,
        (expected, key) => panic!("{place}: valid is {expected}, and it was read as {key:?}"),
    }
}

fn checkpoint_body(case: &Value, place: &str) -> Outcome {
    let body = case["body"].as_str().unwrap();
    match (case["valid"] == true, body.parse::<Checkpoint>()) {
        (true, Ok(checkpoint)) => {
            assert_eq!(checkpoint.to_text(), body, "{place}");
            Passed
        }
        (true, Err(CheckpointError::Lines { found })) if found > 3 => {
            Listed("it goes on after three lines; Sealane's checkpoints have no extension lines".into())
        }
        (true, Err(CheckpointError::Root(_))) => Listed("its root is no SHA-256".into()),
        (true, Err(CheckpointError::Origin(OriginError::Character { found, .. }))) => {
            Listed(format!("its origin has {found:?}, which the name in a note cannot have"))
        }
        (true, Err(error)) => panic!("{place}: {error}"),
        (false, read) => {
            assert!(read.is_err(), "{place}");
            Passed
        }
    }
}

fn key_id(case: &Value, place: &str) -> Outcome {
    if case["alg"] != "ecdsa" {
        return Listed(format!("a key of {}", case["alg"]));
    }
    let pem = case["private_key_pem_test_only"].as_str().unwrap();
    let secret = p256::SecretKey::from_sec1_pem(pem)
        .map_err(drop)
        .or_else(|()| p256::SecretKey::from_pkcs8_pem(pem).map_err(drop));
    let secret = p256::ecdsa::SigningKey::from(secret.expect("a P-256 key in PEM"));
    let key = PublicKey::from(secret.verifying_key());
    assert_eq!(key.thumbprint().to_hex(), case["log_id_hex"].as_str().unwrap(), "{place}");
    let key = NoteKey::ecdsa("testkey".parse().unwrap(), key);
    assert_eq!(u64::from(u32::from_be_bytes(key.key_id())), case["key_id"].as_u64().unwrap(), "{place}");
    Passed
}

/// The note reads, and is written back as it came.
fn form(note: &str, place: &str) {
    assert_eq!(Note::parse(note.as_bytes()).unwrap().to_text(), note, "{place}");
}
