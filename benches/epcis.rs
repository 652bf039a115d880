//! Reading EPCIS: one document of one event, as most captures are, and one of a hundred events.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sealane_core::epcis::{Reader, read};

/// Distinct documents, so that nothing learns one of them by heart.
const DOCUMENTS: usize = 64;

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

/// What EPCIS requires of an event, and a business step. Its id is a hash then, which is part of reading it.
fn bare_event(serial: usize) -> String {
    format!(
        concat!(
            r#"{{"type":"ObjectEvent","eventTime":"2026-11-21T09:29:00.000Z","eventTimeZoneOffset":"+00:00","#,
            r#""epcList":["https://id.gs1.org/01/09506000134352/21/B{}"],"action":"OBSERVE","bizStep":"shipping"}}"#
        ),
        serial
    )
}

fn documents(events_each: usize, event: fn(usize) -> String) -> Vec<Vec<u8>> {
    let document = |number: usize| {
        let events: Vec<String> = (0..events_each).map(|n| event(number * events_each + n)).collect();
        format!(
            concat!(
                r#"{{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],"#,
                r#""type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2026-11-21T09:30:00.000Z","#,
                r#""epcisBody":{{"eventList":[{}]}}}}"#
            ),
            events.join(",")
        )
        .into_bytes()
    };
    (0..DOCUMENTS).map(document).collect()
}

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("epcis");
    for (name, events, event) in [
        ("read a document of one event", 1, event as fn(usize) -> String),
        ("read a document of 100 events", EVENTS, event),
        ("read a document of 100 bare events", EVENTS, bare_event),
    ] {
        let documents = documents(events, event);
        let read_events = read(&documents[0], Reader::Strict).expect("a fault would be timed for nothing").events;
        assert_eq!(read_events.len(), events);
        let mut at = 0;
        group.throughput(Throughput::Elements(events as u64)).bench_function(name, |bencher| {
            bencher.iter_with_large_drop(|| {
                at = (at + 1) % DOCUMENTS;
                read(black_box(&documents[at]), Reader::Strict)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);
