//! What people sent, and what is right: every document of the folder that `SEALANE_CASES` names, or that stands beside the
//! checkout, offered to a ledger. A missing folder is said and skipped.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::world::{World, secret};
use crate::consortium::Admin;
use crate::epcis::{self, Reader};
use crate::ledger::{Knowledge, PlaceRefusal};
use crate::merkle::LeafIndex;
use crate::statement::{SubmittedStatement, sign};

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

fn folder() -> Option<PathBuf> {
    let root = std::env::var_os("SEALANE_CASES")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/cases")), PathBuf::from);
    let folder = root.join("documents");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no cases at {}", folder.display());
    None
}

fn documents() -> Option<BTreeMap<String, Vec<u8>>> {
    let entries = fs::read_dir(folder()?).expect("a folder").flatten();
    let read = entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap()));
    Some(read.collect())
}

/// A ledger with a maker of all the ids in the documents.
fn world() -> World {
    let mut world = World::new("ledger.example/cases");
    let mut registration = World::registration(1, "manufacturer", &["9506000"]);
    registration.claims.gs1_keys = vec!["95050003".parse().unwrap()];
    let statement = world.sign_admin(&Admin::Registration(Box::new(registration)).to_payload(), 200);
    let candidate = world.candidate(statement).unwrap();
    world.extend(vec![candidate]).pop().unwrap().unwrap();
    world.now = "2026-03-20T00:00:00Z".parse().unwrap();
    world
}

fn statement(world: &World, document: &[u8]) -> SubmittedStatement {
    sign(world.draft(1, world.origin(), world.next_place().time, document).unwrap(), &secret(1))
}

/// Offers a document to the ledger, which takes it if its rules let it.
fn offer(world: &mut World, document: &[u8]) -> Result<LeafIndex, PlaceRefusal> {
    let candidate = world.candidate(statement(world, document))?;
    world.extend(vec![candidate]).pop().unwrap().map(|placed| placed.leaf)
}

#[test]
fn every_document_is_taken_or_refused_as_is_right() {
    let Some(documents) = documents() else { return };
    for (name, document) in &documents {
        let refused = REFUSED.iter().find(|(refused, ..)| refused == name);
        match (offer(&mut world(), document), refused) {
            (Ok(_), None) => {}
            (Err(PlaceRefusal::Epcis(faults)), Some((_, pointer, words))) => {
                let found =
                    faults.iter().any(|fault| fault.pointer.ends_with(pointer) && fault.message.contains(words));
                assert!(found, "{name}: {faults}");
            }
            (outcome, _) => panic!("{name}: {:?}", outcome.map_err(|refusal| refusal.to_string())),
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
        let mut world = world();
        let first = offer(&mut world, one_of(case, "-1.json")).unwrap();
        let again = offer(&mut world, one_of(case, "-2.json")).unwrap_err();
        assert!(matches!(again, PlaceRefusal::Repeats { events: 1, first: leaf } if leaf == first), "{case}: {again}");
    }
    // The same event in a document that was made at another time.
    for (name, document) in documents.iter().filter(|(name, _)| !REFUSED.iter().any(|(refused, ..)| refused == name)) {
        let mut world = world();
        let first = offer(&mut world, document).unwrap();
        let text = String::from_utf8(document.clone()).unwrap();
        let later = text.replace("2026-03-03T09:00:00Z", "2026-03-04T09:00:00Z");
        assert_ne!(later, text, "{name}");
        let again = offer(&mut world, later.as_bytes());
        if name == "e11b-error-declaration-no-id.json" {
            assert!(again.is_ok(), "{name}: a declaration of an error is no repeat");
        } else {
            assert!(
                matches!(again, Err(PlaceRefusal::Repeats { first: leaf, .. }) if leaf == first),
                "{name}: {again:?}"
            );
        }
    }
}

#[test]
fn what_differs_is_two_events() {
    let Some(documents) = documents() else { return };
    for (one, other) in DIFFERENT {
        let mut world = world();
        offer(&mut world, &documents[*one]).unwrap();
        offer(&mut world, &documents[*other]).unwrap_or_else(|refusal| panic!("{other}: {refusal}"));
    }
}

#[test]
fn a_batch_with_one_event_sent_again_is_taken() {
    let Some(documents) = documents() else { return };
    let mut world = world();
    let first = offer(&mut world, &documents["e15a-first.json"]).unwrap();
    let batch = &documents["e15b-batch-with-one-resent.json"];
    let candidate = world.candidate(statement(&world, batch)).unwrap();
    let known: Vec<bool> = candidate.events().iter().map(|event| world.seen.event(&event.key).is_some()).collect();
    assert_eq!(known, [false, true], "the repeated one is told");
    let placed = world.extend(vec![candidate]).pop().unwrap().unwrap();
    assert!(placed.leaf > first && !placed.repeated);
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
    let plain = crate::json::Decimal::parse(digits).unwrap().plain();
    let crate::epcis::What::Object { quantities, .. } = &read.events[0].what else { panic!() };
    assert_eq!(quantities[0].quantity.as_deref(), Some(plain.as_str()));
}
