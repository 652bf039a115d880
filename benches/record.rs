//! Records: made from events, taken from bytes, and read, of one event and of a hundred.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sealane_core::consortium::{EventKey, ParticipantId, Place};
use sealane_core::epcis::{Event, Reader, read};
use sealane_core::hash::Hash;
use sealane_core::index::{Acts, Subject};
use sealane_core::merkle::LeafIndex;
use sealane_core::record::{CaptureFacts, LeafRecord};
use sealane_core::statement::StatementId;
use sealane_core::time::Timestamp;

/// Distinct records, so that nothing learns one of them by heart.
const RECORDS: usize = 64;

const EVENTS: usize = 100;

fn event(serial: usize) -> String {
    format!(
        concat!(
            r#"{{"type":"ObjectEvent","eventID":"urn:example:event:{0}","eventTime":"2026-11-21T09:29:00.000Z","#,
            r#""eventTimeZoneOffset":"+00:00","epcList":["https://id.gs1.org/01/09506000134352/21/B{0}"],"#,
            r#""action":"OBSERVE","bizStep":"shipping","disposition":"in_transit","#,
            r#""readPoint":{{"id":"https://id.gs1.org/414/9506000134376"}}}}"#
        ),
        serial
    )
}

fn events(from: usize, count: usize) -> Vec<Event> {
    let events: Vec<String> = (from..from + count).map(event).collect();
    let document = format!(
        concat!(
            r#"{{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],"#,
            r#""type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2026-11-21T09:30:00.000Z","#,
            r#""epcisBody":{{"eventList":[{}]}}}}"#
        ),
        events.join(",")
    );
    read(document.as_bytes(), Reader::Strict).expect("a fault would be timed for nothing").events
}

fn record(signer: &ParticipantId, certificate: &Hash, events: &[Event]) -> LeafRecord {
    let under = vec![vec![0]; events.len()];
    let facts = CaptureFacts {
        signer,
        certificate,
        signed_at: Timestamp::EPOCH,
        bytes: 900,
        events,
        under: &under,
        counts: &[],
        master_data: &[],
    };
    let subject = Subject::id("https://id.gs1.org/01/09506000134352/21/B1").key();
    LeafRecord::of_capture(StatementId::from_hash(*certificate), &[(subject, Acts::BRINGS_FORTH)], &facts)
}

fn records(criterion: &mut Criterion) {
    let signer: ParticipantId = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10".parse().unwrap();
    let certificate = Hash::of(b"certificate");
    let place = Place { leaf: LeafIndex::new(1).unwrap(), time: Timestamp::EPOCH };
    let mut group = criterion.benchmark_group("record");
    group.bench_function("key of an event", |bencher| {
        bencher.iter(|| EventKey::of(black_box(&signer), black_box("urn:example:event:1")));
    });
    for count in [1, EVENTS] {
        let given: Vec<Vec<Event>> = (0..RECORDS).map(|number| events(number * count, count)).collect();
        let made: Vec<LeafRecord> = given.iter().map(|events| record(&signer, &certificate, events)).collect();
        let mut at = 0;
        let mut next = move || {
            at = (at + 1) % RECORDS;
            at
        };
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("make, events: {count}"), |bencher| {
            bencher.iter(|| record(&signer, &certificate, black_box(&given[next()])));
        });
        group.bench_function(format!("take from bytes, events: {count}"), |bencher| {
            bencher.iter(|| LeafRecord::from_bytes(black_box(made[next()].as_bytes()).to_vec()).unwrap());
        });
        group.bench_function(format!("read the capture, events: {count}"), |bencher| {
            bencher.iter_with_large_drop(|| black_box(&made[next()]).capture(place).unwrap());
        });
        group.bench_function(format!("read the last event, events: {count}"), |bencher| {
            bencher.iter(|| black_box(&made[next()]).event(count as u32 - 1).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, records);
criterion_main!(benches);
