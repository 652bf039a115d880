//! Bytes are no record, or are one that is read without fault or panic; and a record says what its events say.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sealane_core::consortium::{ParticipantId, Place};
use sealane_core::epcis::{self, Document, Reader};
use sealane_core::hash::Hash;
use sealane_core::index::{Acts, SubjectKey, names};
use sealane_core::merkle::TreeSize;
use sealane_core::record::{CaptureFacts, LeafRecord};
use sealane_core::statement::StatementId;
use sealane_core::time::Timestamp;

static SIGNER: LazyLock<ParticipantId> =
    LazyLock::new(|| "374d95fc-9457-4a51-bd6a-0bba133845a8".parse().expect("an id"));

fuzz_target!(|data: &[u8]| {
    if let Ok(record) = LeafRecord::from_bytes(data.to_vec()) {
        assert_eq!(record.as_bytes(), data);
        look_at(&record);
    }
    // What no fuzzer guesses: the record of a document that is taken, as it was made, and with one byte changed by what
    // follows the document after a zero.
    let (text, change) = match data.iter().rposition(|byte| *byte == 0) {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, [].as_slice()),
    };
    let Ok(document) = epcis::read(text, Reader::Strict) else { return };
    let record = record_of(&document);
    let read = LeafRecord::from_bytes(record.as_bytes().to_vec()).expect("a record that was made");
    assert_eq!(read, record);
    let capture = read.capture(place()).expect("its events").expect("a capture");
    assert!(capture.events.iter().map(|(_, event)| event).eq(&document.events));
    look_at(&read);
    if let [high, low, with] = *change {
        let mut bytes = record.into_bytes();
        let at = usize::from(u16::from_be_bytes([high, low])) % bytes.len();
        bytes[at] ^= with;
        if let Ok(record) = LeafRecord::from_bytes(bytes) {
            look_at(&record);
        }
    }
});

fn place() -> Place {
    Place { leaf: TreeSize::ZERO.next_index(), time: Timestamp::EPOCH }
}

fn record_of(document: &Document) -> LeafRecord {
    let subjects: Vec<(SubjectKey, Acts)> = document
        .events
        .iter()
        .flat_map(|event| names::of_event(event, &SIGNER))
        .map(|(subject, acts)| (subject.key(), acts))
        .collect();
    let mut first = 0;
    let under: Vec<Vec<u32>> = document
        .events
        .iter()
        .map(|event| {
            let last = first + names::of_event(event, &SIGNER).len() as u32;
            (std::mem::replace(&mut first, last)..last).collect()
        })
        .collect();
    let facts = CaptureFacts {
        signer: &SIGNER,
        certificate: &Hash::of(b"certificate"),
        signed_at: Timestamp::EPOCH,
        bytes: 1_000,
        events: &document.events,
        under: &under,
        counts: &[],
    };
    LeafRecord::of_capture(StatementId::from_hash(Hash::of(b"statement")), &subjects, &facts)
}

/// Whatever is asked of a record has an answer, and the ways to ask agree.
fn look_at(record: &LeafRecord) {
    let whole = record.capture(place());
    for (position, _) in (0..).zip(record.event_keys()) {
        let one = record.event(position);
        if let Ok(Some(capture)) = &whole {
            let (_, event) = &capture.events[position as usize];
            assert_eq!(one.as_ref().ok().and_then(Option::as_ref), Some(event));
        }
    }
    for subject in record.subjects() {
        let _ = record.capture_under(place(), &subject);
    }
    let _ = (record.signer(), record.statement());
}
