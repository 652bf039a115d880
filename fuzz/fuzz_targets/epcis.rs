//! A document is refused, or says the same whenever it is read and however its JSON is written.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Unstructured;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use sealane_core::consortium::ParticipantId;
use sealane_core::epcis::{self, Document, Event, Reader};
use sealane_core::hash::Hash;
use sealane_core::index::names;
use sealane_core::json::{self, Json};
use sealane_fuzz::edits::{edit_json, noise};
use serde_json::Value;

static SIGNER: LazyLock<ParticipantId> =
    LazyLock::new(|| "374d95fc-9457-4a51-bd6a-0bba133845a8".parse().expect("an id"));

fuzz_target!(|data: &[u8]| {
    let strict = epcis::read(data, Reader::Strict);
    let normalised = epcis::read(data, Reader::Normalising);
    assert_eq!(epcis::read(data, Reader::Strict), strict);
    assert_eq!(epcis::read(data, Reader::Normalising), normalised);
    for document in [&strict, &normalised].into_iter().flatten() {
        document.events.iter().for_each(look_at);
    }
    let Ok(strict) = strict else { return };
    let text = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let value = json::read(text).expect("what the strict reader takes is JSON");
    let again = epcis::read(value.to_string().as_bytes(), Reader::Strict);
    let again = again.unwrap_or_else(|faults| panic!("written anew it is refused: {faults}"));
    assert_eq!(said(&again), said(&strict));
    let turned = epcis::read(turned(value).to_string().as_bytes(), Reader::Strict);
    let turned = turned.unwrap_or_else(|faults| panic!("with its members turned round it is refused: {faults}"));
    assert_eq!(said(&turned), said(&strict), "the order of members has a meaning");
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    match edited(&data[..size], seed) {
        Some(text) if text.len() <= max_size.min(data.len()) => {
            data[..text.len()].copy_from_slice(text.as_bytes());
            text.len()
        }
        _ => fuzzer_mutate(data, size, max_size),
    }
});

/// The document with its JSON edited; one time in four, or where it is none, the bytes are for the fuzzer to change.
fn edited(data: &[u8], seed: u32) -> Option<String> {
    let mut value: Value = serde_json::from_slice(data).ok()?;
    let bytes = noise(seed);
    let mut dice = Unstructured::new(&bytes);
    if dice.ratio(1, 4).ok()? {
        return None;
    }
    edit_json(&mut value, &mut dice).ok()?;
    Some(value.to_string())
}

/// Whatever is asked of an event elsewhere has an answer.
fn look_at(event: &Event) {
    assert!(event.ids().all(|(_, id)| event.names(id)));
    let _ = (event.declares("recalled"), event.takes_back("recalled"), event.action(), event.type_name());
    let _ = names::of_event(event, &SIGNER);
}

/// What a document says, event by event: its name and its content.
fn said(document: &Document) -> Vec<(&str, Hash)> {
    document.events.iter().map(|event| (event.event_id.uri.as_str(), event.content_hash)).collect()
}

/// The same value with the members of each object in the opposite order.
fn turned(value: Json) -> Json {
    match value {
        Json::Object(members) => {
            let mut members: Vec<(String, Json)> = members.into_iter().collect();
            members.reverse();
            Json::Object(members.into_iter().map(|(name, value)| (name, turned(value))).collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(turned).collect()),
        value => value,
    }
}
