//! Events by what queries ask, in pages.

use sealane::app::Ledger;
use sealane::app::capture::capture;
use sealane::app::events::{EventFilter, list};
use sealane_core::gs1::Id;
use sealane_core::json::Json;
use sealane_core::merkle::LeafIndex;
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

use crate::member::{Maker, Member};

const DOCK: &str = "https://id.gs1.org/414/9506000100005";

fn item(serial: &str) -> String {
    format!("https://id.gs1.org/01/09506000134352/21/{serial}")
}

fn id(serial: &str) -> Id {
    Id::parse(&item(serial)).unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn all() -> EventFilter {
    EventFilter { limit: 1_000, ..EventFilter::default() }
}

/// An event about one item. Its eventID ends with `name`.
fn event(name: &str, step: &str, serial: &str, at: &str, further: Value) -> Value {
    let mut event = json!({
        "type": "ObjectEvent", "eventID": format!("urn:test:{name}"), "eventTime": at, "eventTimeZoneOffset": "+00:00",
        "epcList": [item(serial)], "action": "OBSERVE", "bizStep": step,
    });
    for (member, value) in further.as_object().unwrap() {
        event[member] = value.clone();
    }
    event
}

/// Six events of one participant in three statements, `e` being an error declaration of `a`.
async fn six() -> (Member, Maker, Ledger) {
    let (member, maker) = Member::with_maker().await;
    let (orderer, ledger) = member.open().await.unwrap();
    tokio::spawn(orderer.run());
    let a =
        event("a", "commissioning", "X", "2026-01-01T00:00:00.000Z", json!({"action": "ADD", "disposition": "active"}));
    let b = event("b", "shipping", "X", "2026-01-02T00:00:00.000Z", json!({"readPoint": {"id": DOCK}}));
    let mut c = event("c", "packing", "Y", "2026-01-03T00:00:00.000Z", json!({"type": "AggregationEvent"}));
    c["parentID"] = json!("https://id.gs1.org/00/095060001343520017");
    c["childEPCs"] = c["epcList"].take();
    c.as_object_mut().unwrap().remove("epcList");
    let d = event("d", "shipping", "Y", "2026-01-02T00:00:00.000Z", json!({"bizLocation": {"id": DOCK}}));
    let e = event("e", "storing", "Z", "2026-01-05T00:00:00.000Z", json!({}));
    let mut again = a.clone();
    again["errorDeclaration"] = json!({"declarationTime": "2026-01-06T00:00:00.000Z"});
    for events in [vec![a, b, c], vec![d], vec![e, again]] {
        capture(&ledger, member.sign_all(&maker, events)).await.unwrap();
    }
    (member, maker, ledger)
}

/// The last letters of the eventIDs that a filter lets through.
async fn names(ledger: &Ledger, filter: EventFilter) -> Vec<String> {
    let page = list(ledger, filter).await.unwrap();
    page.events.iter().map(|event| event.event_id.rsplit(':').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_filter_holds() {
    let (_member, _maker, ledger) = six().await;
    let cases: Vec<(EventFilter, &[&str])> = vec![
        (all(), &["a", "b", "c", "d", "e", "a"]),
        (EventFilter { event_ids: words(&["urn:test:a"]), ..all() }, &["a", "a"]),
        (EventFilter { event_ids: words(&["urn:test:z"]), ..all() }, &[]),
        (EventFilter { id: Some(id("X")), ..all() }, &["a", "b", "a"]),
        (EventFilter { id: Some(id("Y")), ..all() }, &["c", "d"]),
        (EventFilter { id: Some(id("W")), ..all() }, &[]),
        (EventFilter { id: Some(id("X")), event_ids: words(&["urn:test:b"]), ..all() }, &["b"]),
        (EventFilter { id: Some(id("Y")), event_ids: words(&["urn:test:b"]), ..all() }, &[]),
        (EventFilter { event_types: words(&["AggregationEvent"]), ..all() }, &["c"]),
        (
            EventFilter { event_types: words(&["AggregationEvent", "ObjectEvent"]), limit: 4, ..all() },
            &["a", "b", "c", "d"],
        ),
        (EventFilter { actions: words(&["ADD"]), ..all() }, &["a", "a"]),
        (EventFilter { biz_steps: words(&["shipping", "storing"]), ..all() }, &["b", "d", "e"]),
        (EventFilter { dispositions: words(&["active"]), ..all() }, &["a", "a"]),
        (EventFilter { read_points: words(&[DOCK]), ..all() }, &["b"]),
        (EventFilter { biz_locations: words(&[DOCK]), ..all() }, &["d"]),
        (EventFilter { event_time_from: Some(time("2026-01-03T00:00:00Z")), ..all() }, &["c", "e"]),
        (EventFilter { event_time_before: Some(time("2026-01-02T00:00:00Z")), ..all() }, &["a", "a"]),
        (
            EventFilter { id: Some(id("X")), biz_steps: words(&["shipping"]), actions: words(&["OBSERVE"]), ..all() },
            &["b"],
        ),
    ];
    for (filter, right) in cases {
        assert_eq!(names(&ledger, filter.clone()).await, right, "{filter:?}");
    }
}

#[tokio::test]
async fn events_come_page_by_page() {
    let (_member, _maker, ledger) = six().await;
    for filter in
        [all(), EventFilter { id: Some(id("X")), ..all() }, EventFilter { actions: words(&["OBSERVE"]), ..all() }]
    {
        let right = names(&ledger, filter.clone()).await;
        for limit in [1, 2, 3, 6] {
            let (mut found, mut after): (Vec<String>, Option<(LeafIndex, u32)>) = (Vec::new(), None);
            loop {
                let asked = EventFilter { after, limit, ..filter.clone() };
                let page = list(&ledger, asked.clone()).await.unwrap();
                assert!(page.events.len() <= limit as usize);
                found.extend(names(&ledger, asked).await);
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
            assert_eq!(found, right, "in pages of {limit}");
        }
    }
    let after = |leaf, position| Some((LeafIndex::new(leaf).unwrap(), position));
    assert_eq!(names(&ledger, EventFilter { after: after(1_000, 0), ..all() }).await, [""; 0]);
}

#[tokio::test]
async fn what_a_query_finds_is_as_it_was_captured() {
    let (_member, _maker, ledger) = six().await;
    let page = list(&ledger, EventFilter { event_ids: words(&["urn:test:b"]), ..all() }).await.unwrap();
    let [found] = &page.events[..] else { panic!("{page:?}") };
    assert_eq!(found.position, 1);
    assert_eq!(found.json.get("readPoint").and_then(|place| place.get("id")).and_then(Json::as_str), Some(DOCK));
    let block = ledger.store().blocks_of(vec![found.leaf]).await.unwrap().pop().unwrap();
    assert_eq!(found.recorded, block.seal.time);
    assert!(found.context.is_some());
}
