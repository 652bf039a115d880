//! Signatures that do not hold, and the two that every holder of one has.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::Signature;
use sealane::pki::PrivateKey;
use sealane_core::hash::Hash;

use super::{commissioning, with_maker};
use crate::refusal::refused;
use crate::signer::{ORDER, Signer, capture, captured, encode, split};

const DOES_NOT_HOLD: &str = "does not hold for these bytes under the signer's key";

#[test]
fn another_keys_signature_does_not_hold() {
    let (node, maker) = with_maker();
    let thief = Signer { key: PrivateKey::generate().unwrap(), ..Signer::of(&node, "Maker") };
    let statement = thief.statement(&commissioning("A1"));
    refused(&node, || capture(&node, statement), 401, "bad-signature", DOES_NOT_HOLD);
    captured(&node, maker.statement(&commissioning("A1")));
}

#[test]
fn another_participants_signature_does_not_hold() {
    let (node, maker) = with_maker();
    node.participant("Carrier", "shipper", &[]);
    let carrier = Signer::of(&node, "Carrier");
    let borrowed = Signer { certificate: maker.certificate, ..carrier };
    let statement = borrowed.statement(&commissioning("A1"));
    refused(&node, || capture(&node, statement), 401, "bad-signature", DOES_NOT_HOLD);
}

#[test]
fn der_is_no_es256_signature() {
    let (node, maker) = with_maker();
    let statement = maker.statement(&commissioning("A1"));
    let (input, raw) = split(&statement);
    let der = Signature::from_slice(&raw).unwrap().to_der();
    let statement = format!("{input}.{}", encode(der.as_bytes()));
    let words = format!("the signature has {} bytes; ES256 has 64, r then s", der.as_bytes().len());
    refused(&node, || capture(&node, statement), 401, "signature-length", &words);
    for length in [0, 32, 63, 65, 128] {
        let statement = format!("{input}.{}", encode(&vec![1; length]));
        let words = format!("the signature has {length} bytes");
        refused(&node, || capture(&node, statement), 401, "signature-length", &words);
    }
}

#[test]
fn r_and_s_lie_within_the_group() {
    let (node, maker) = with_maker();
    let statement = maker.statement(&commissioning("A1"));
    let (input, raw) = split(&statement);
    let (r, s) = raw.split_at(32);
    let mut above = ORDER;
    above[31] += 1;
    for wrong in [[0; 32], ORDER, above, [0xff; 32]] {
        for signature in [[&wrong[..], s].concat(), [r, &wrong[..]].concat(), [&wrong[..], &wrong[..]].concat()] {
            let statement = format!("{input}.{}", encode(&signature));
            refused(&node, || capture(&node, statement), 401, "bad-signature", DOES_NOT_HOLD);
        }
    }
}

#[test]
fn one_changed_bit_breaks_the_signature() {
    let (node, maker) = with_maker();
    let statement = maker.statement(&commissioning("A1"));
    let (input, raw) = split(&statement);
    let (header, payload) = input.split_once('.').unwrap();
    let signature = encode(&raw);
    let payload = URL_SAFE_NO_PAD.decode(payload).unwrap();
    for at in [0, payload.len() / 3, payload.len() / 2, payload.len() - 1] {
        for bit in [0, 5] {
            let mut changed = payload.clone();
            changed[at] ^= 1 << bit;
            let statement = format!("{header}.{}.{signature}", encode(&changed));
            refused(&node, || capture(&node, statement), 401, "bad-signature", DOES_NOT_HOLD);
        }
    }
    for at in [0, 31, 32, 63] {
        let mut changed = raw;
        changed[at] ^= 1;
        let statement = format!("{input}.{}", encode(&changed));
        refused(&node, || capture(&node, statement), 401, "bad-signature", DOES_NOT_HOLD);
    }
    captured(&node, statement);
}

/// White space means nothing to JSON and everything to a signature.
#[test]
fn a_payload_written_anew_is_another_payload() {
    let (node, maker) = with_maker();
    let document = commissioning("A1");
    let statement = maker.statement(&document);
    let (header, signature) = (statement.split('.').next().unwrap(), statement.rsplit('.').next().unwrap());
    let pretty = encode(serde_json::to_string_pretty(&document).unwrap().as_bytes());
    let changed = format!("{header}.{pretty}.{signature}");
    refused(&node, || capture(&node, changed), 401, "bad-signature", DOES_NOT_HOLD);
}

#[test]
fn a_certificate_that_nobody_registered_signs_nothing() {
    let (node, maker) = with_maker();
    let nobody = Signer { certificate: Hash::of(b"nobody's certificate"), ..maker };
    let statement = nobody.statement(&commissioning("A1"));
    let words = format!("no registered certificate has the thumbprint {}", nobody.certificate);
    let problem = refused(&node, || capture(&node, &statement), 401, "unknown-certificate", &words);
    assert_eq!(problem["type"], "epcisException:SecurityException");
    assert!(capture(&node, &statement).header("www-authenticate").is_some());
}

/// Whoever holds (r, s) can make (r, n − s), which holds as well. It is the same statement.
#[test]
fn the_other_signature_of_a_pair_gives_the_first_receipt() {
    let (node, maker) = with_maker();
    let statement = maker.statement(&commissioning("A1"));
    let (input, raw) = split(&statement);
    let (r, s) = raw.split_at(32);
    let other = format!("{input}.{}", encode(&[r, &negated(s)].concat()));
    assert_ne!(other, statement);
    let first = captured(&node, &statement);
    let size = node.tree_size();
    assert_eq!(captured(&node, &other), first);
    assert_eq!(node.tree_size(), size);
    // And the other way round: whichever comes first is the one that stands.
    let statement = maker.statement(&commissioning("A2"));
    let (input, raw) = split(&statement);
    let (r, s) = raw.split_at(32);
    let first = captured(&node, format!("{input}.{}", encode(&[r, &negated(s)].concat())));
    assert_eq!(captured(&node, &statement), first);
}

/// n − s, as 32 bytes.
fn negated(s: &[u8]) -> [u8; 32] {
    let mut result = [0; 32];
    let mut borrow = 0_i16;
    for at in (0..32).rev() {
        let difference = i16::from(ORDER[at]) - i16::from(s[at]) - borrow;
        borrow = i16::from(difference < 0);
        result[at] = difference.rem_euclid(256) as u8;
    }
    result
}
