//! What people sent, and what is right: every document of the folder that `SEALANE_CASES` names, or that stands beside the
//! checkout, read and held against what the ledger knows. A missing folder is said and skipped.
//!
//! The rules that follow from it have tests of their own beside the code, in `ledger::tests::rules` and `epcis::tests`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use sealane_core::consortium::{Claims, EventFact, ParticipantId};
use sealane_core::epcis::{self, Faults, Reader, What};
use sealane_core::json::Decimal;
use sealane_core::ledger::{Knowledge, Prefetched};
use sealane_core::merkle::LeafIndex;
use serde_json::json;

/// What a document is refused for, where it is: a pointer to the place, and words of the message.
const REFUSED: &[(&str, &str, &str)] = &[
    ("e03-sep-X.json", "/eventTime", "RFC 3339"),
    ("e03-sep-digit.json", "/eventTime", "RFC 3339"),
    ("e03-sep-euro.json", "/eventTime", "RFC 3339"),
    ("e03-sep-frac-empty.json", "/eventTime", "RFC 3339"),
    ("e03-sep-leap-space.json", "/eventTime", "RFC 3339"),
    ("e03-sep-plus-minus.json", "/eventTime", "RFC 3339"),
    ("e03-sep-space-frac.json", "/eventTime", "RFC 3339"),
    ("e03-sep-tab.json", "/eventTime", "RFC 3339"),
    ("e03-sep-umlaut.json", "/eventTime", "RFC 3339"),
    // A space is what a note of RFC 3339 §5.6 lets applications choose, and its grammar does not.
    ("e03-time-space.json", "/eventTime", "RFC 3339"),
    ("e04f-context-nested-array.json", "/@context/0", "this is a list"),
    ("e06-urn-17-gmn.json", "/epcList/0", "is no EPC URN"),
    ("e08b-gs1-type-curie.json", "/sensorReport/1/type", "\"Humidity\" is not"),
    ("e08c-exception-only.json", "/sensorReport/0", "`type` is missing"),
    ("e09b-cert-object.json", "/certificationInfo/0", "this is an object"),
    ("e10-master-data.json", "/attributes/2/attribute", "this is true or false"),
    ("e10c-blank-node-document-id.json", "/id", "an absolute URI"),
];

/// Two documents, of which the second says what the first does.
const REPEATS: &[&str] = &["e13a", "e13b", "e13c", "e13d", "e13e", "e13f", "e13g", "e13h", "e13i", "e13j"];

/// Two documents that differ in what they say.
const DIFFERENT: &[(&str, &str)] = &[
    ("e01a-long-number-string.json", "e01b-long-number-string.json"),
    ("e01e-lot-that-looks-like-a-number.json", "e01f-lot-that-looks-like-a-number.json"),
];

fn documents() -> Option<BTreeMap<String, Vec<u8>>> {
    let root = std::env::var_os("SEALANE_CASES")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/cases")), PathBuf::from);
    let folder = root.join("documents");
    if !folder.is_dir() {
        println!("skipped: no cases at {}", folder.display());
        return None;
    }
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let read = entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap()));
    Some(read.collect())
}

fn participant() -> ParticipantId {
    "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10".parse().unwrap()
}

fn facts(document: &[u8]) -> Result<Vec<EventFact>, Faults> {
    let events = epcis::read(document, Reader::Strict)?.events;
    Ok(EventFact::of_all(&participant(), &events))
}

/// The leaf after genesis and a registration.
fn leaf() -> LeafIndex {
    LeafIndex::new(4).unwrap()
}

/// Which events of a document say again what another one said, after which they stand on the ledger.
fn repeats(first: &[u8], second: &[u8]) -> Vec<bool> {
    let mut known = Prefetched::default();
    known.add_events(&facts(first).unwrap(), leaf());
    let of_event = |event: &EventFact| match known.event(&event.key) {
        Some((content, _)) => {
            assert_eq!(content, event.content, "a contradiction over an id that the sender never wrote");
            true
        }
        None => false,
    };
    facts(second).unwrap().iter().map(of_event).collect()
}

#[test]
fn every_document_is_taken_or_refused_as_is_right() {
    let Some(documents) = documents() else { return };
    for (name, document) in &documents {
        let refused = REFUSED.iter().find(|(refused, ..)| refused == name);
        match (facts(document), refused) {
            (Ok(_), None) => {}
            (Err(faults), Some((_, pointer, words))) => {
                let found =
                    faults.iter().any(|fault| fault.pointer.ends_with(pointer) && fault.message.contains(words));
                assert!(found, "{name}: {faults}");
            }
            (outcome, _) => panic!("{name}: {:?}", outcome.map_err(|faults| faults.to_string())),
        }
    }
    assert!(REFUSED.iter().all(|(name, ..)| documents.contains_key(*name)), "a document is not there");
}

#[test]
fn the_same_said_again_repeats_and_never_contradicts() {
    let Some(documents) = documents() else { return };
    let one_of = |start: &str, end: &str| {
        let found = documents.iter().find(|(name, _)| name.starts_with(start) && name.ends_with(end));
        found.map(|(_, document)| document).unwrap_or_else(|| panic!("{start}…{end}"))
    };
    for case in REPEATS {
        assert_eq!(repeats(one_of(case, "-1.json"), one_of(case, "-2.json")), [true], "{case}");
    }
    let batch = &documents["e15b-batch-with-one-resent.json"];
    assert_eq!(
        repeats(&documents["e15a-first.json"], batch),
        [false, true],
        "the new one and the other are told apart"
    );
    // The same event in a document that was made at another time.
    for (name, document) in documents.iter().filter(|(name, _)| !REFUSED.iter().any(|(refused, ..)| refused == name)) {
        let text = String::from_utf8(document.clone()).unwrap();
        let later = text.replace("2026-03-03T09:00:00Z", "2026-03-04T09:00:00Z");
        assert_ne!(later, text, "{name}");
        let is_declaration = name == "e11b-error-declaration-no-id.json";
        let again = repeats(document, later.as_bytes());
        assert!(again.iter().all(|one| *one != is_declaration), "{name}: {again:?}");
    }
}

#[test]
fn what_differs_is_two_events() {
    let Some(documents) = documents() else { return };
    for (one, other) in DIFFERENT {
        assert_eq!(repeats(&documents[*one], &documents[*other]), [false], "{one}, {other}");
    }
}

#[test]
fn a_gtin_8_is_claimed_as_a_single_key() {
    let Some(documents) = documents() else { return };
    let event = epcis::read(&documents["e12b-gtin8.json"], Reader::Strict).unwrap().events.remove(0);
    let (_, id) = event.ids().next().unwrap();
    let claims = |keys: &[&str]| -> Claims {
        let mut claims = json!({"organization": "Maker", "roles": ["manufacturer"], "glns": [],
            "gs1CompanyPrefixes": ["9506000"], "namespaces": []});
        if !keys.is_empty() {
            claims["gs1Keys"] = json!(keys);
        }
        serde_json::from_value(claims).unwrap()
    };
    assert!(!claims(&[]).cover(id), "no company prefix covers it");
    assert!(claims(&["https://id.gs1.org/01/00000095050003"]).cover(id));
}

#[test]
fn numbers_stand_as_they_were_signed() {
    let Some(documents) = documents() else { return };
    let text = String::from_utf8(documents["e08a-decimals.json"].clone()).unwrap();
    let compact: String = text.split_whitespace().collect();
    let events = epcis::written(text.as_bytes()).unwrap().events;
    assert!(compact.contains(&events[0].to_string()), "{}", events[0]);
    let read = epcis::read(text.as_bytes(), Reader::Strict).unwrap();
    let (_, digits) = compact.split_once("\"quantity\":").unwrap();
    let digits = digits.split([',', '}']).next().unwrap();
    let plain = Decimal::parse(digits).unwrap().plain();
    let What::Object { quantities, .. } = &read.events[0].what else { panic!("an ObjectEvent") };
    assert_eq!(quantities[0].quantity.as_deref(), Some(plain.as_str()));
}
