//! Events by what queries ask, and the first of each id.

use sealane::domain::hash::Hash;
use sealane::domain::limits::ID_CHARS_MAX;
use sealane::domain::merkle::TreeSize;
use sealane::ports::{EventEntry, EventFilter, LedgerStore};

use crate::ledger::{CARRIER, Item, MAKER, Tree, event, index, size, subject, time};
use crate::place::Place;

crate::in_both_stores!(
    events_are_read_back_as_they_were_written,
    every_filter_holds,
    events_come_page_by_page,
    first_events_pass_over_declarations,
);

fn all() -> EventFilter {
    EventFilter { size: TreeSize::MAX, limit: 1_000, ..EventFilter::default() }
}

/// The ids of the events that a filter lets through.
async fn ids(store: &dyn LedgerStore, filter: EventFilter) -> Vec<String> {
    store.events(filter).await.unwrap().into_iter().map(|event| event.event_id).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

async fn events_are_read_back_as_they_were_written(place: &Place) {
    let store = place.create().await;
    let mut tree = Tree::new();
    let full = EventEntry {
        declaration: true,
        event_time: time("1969-07-20T20:17:40.123Z"),
        action: Some("OBSERVE".to_owned()),
        biz_step: Some("https://ref.gs1.org/cbv/BizStep-shipping".to_owned()),
        disposition: Some("in_transit".to_owned()),
        read_point: Some("urn:x:\u{c5}rhus".to_owned()),
        biz_location: Some(String::new()),
        ..event("urn:uuid:1")
    };
    // Four bytes a character: the longest id that an event may have.
    let longest = event(&"\u{1f4e6}".repeat(ID_CHARS_MAX));
    let block =
        tree.block(&[Item::capture("a").with(vec![full, event("urn:uuid:2")]), Item::capture("b").with(vec![longest])]);
    let right = block.events.clone();
    store.append(block).await.unwrap();
    assert_eq!(store.events(all()).await.unwrap(), right);
    let longest = right[2].event_id.clone();
    let of_longest = EventFilter { event_id: Some(longest.clone()), ..all() };
    assert_eq!(store.events(of_longest).await.unwrap(), right[2..]);
    let maker = MAKER.parse().unwrap();
    assert_eq!(store.first_events(vec![(maker, longest)]).await.unwrap(), right[2..]);
}

/// Six events in three leaves of two blocks.
async fn six(store: &dyn LedgerStore) {
    let mut tree = Tree::new();
    let made = |id: &str, step: &str, at: &str| EventEntry {
        biz_step: Some(step.to_owned()),
        event_time: time(at),
        action: Some("ADD".to_owned()),
        ..event(id)
    };
    let a = EventEntry { disposition: Some("active".to_owned()), ..made("a", "commissioning", "2026-01-01T00:00:00Z") };
    let b = EventEntry { read_point: Some("dock".to_owned()), ..made("b", "shipping", "2026-01-02T00:00:00Z") };
    let c = EventEntry { event_type: "AggregationEvent".to_owned(), ..made("c", "packing", "2026-01-03T00:00:00Z") };
    let d = EventEntry { action: Some("OBSERVE".to_owned()), ..made("d", "shipping", "2026-01-02T00:00:00Z") };
    let e = EventEntry { biz_location: Some("shop".to_owned()), ..made("e", "receiving", "2026-01-05T00:00:00Z") };
    let f = EventEntry { participant: CARRIER.parse().unwrap(), ..event("a") };
    tree.append(store, &[Item::capture("1").about(&["x"]).with(vec![a, b, c])]).await;
    tree.append(store, &[Item::capture("2").with(vec![d]), Item::capture("3").about(&["x", "y"]).with(vec![e, f])])
        .await;
}

async fn every_filter_holds(place: &Place) {
    let store = place.create().await;
    assert!(ids(&*store, all()).await.is_empty());
    six(&*store).await;
    let cases: Vec<(EventFilter, &[&str])> = vec![
        (all(), &["a", "b", "c", "d", "e", "a"]),
        (EventFilter { event_id: Some("a".to_owned()), ..all() }, &["a", "a"]),
        (EventFilter { event_id: Some("A".to_owned()), ..all() }, &[]),
        (EventFilter { subject: Some(subject("x")), ..all() }, &["a", "b", "c", "e", "a"]),
        (EventFilter { subject: Some(subject("y")), ..all() }, &["e", "a"]),
        (EventFilter { subject: Some(subject("z")), ..all() }, &[]),
        (EventFilter { event_types: words(&["AggregationEvent"]), ..all() }, &["c"]),
        (
            EventFilter { event_types: words(&["AggregationEvent", "ObjectEvent"]), ..all() },
            &["a", "b", "c", "d", "e", "a"],
        ),
        (EventFilter { actions: words(&["OBSERVE"]), ..all() }, &["d"]),
        (EventFilter { biz_steps: words(&["shipping", "receiving"]), ..all() }, &["b", "d", "e"]),
        (EventFilter { dispositions: words(&["active"]), ..all() }, &["a"]),
        (EventFilter { read_points: words(&["dock"]), ..all() }, &["b"]),
        (EventFilter { biz_locations: words(&["shop"]), ..all() }, &["e"]),
        (EventFilter { event_time_from: Some(time("2026-01-02T00:00:00Z")), ..all() }, &["b", "c", "d", "e"]),
        (EventFilter { event_time_before: Some(time("2026-01-02T00:00:00Z")), ..all() }, &["a", "a"]),
        (EventFilter { size: size(3), ..all() }, &["a", "b", "c", "d"]),
        (EventFilter { size: size(0), ..all() }, &[]),
        (EventFilter { limit: 2, ..all() }, &["a", "b"]),
        (EventFilter { limit: 0, ..all() }, &[]),
        (EventFilter { after: Some((index(0), 0)), ..all() }, &["b", "c", "d", "e", "a"]),
        (EventFilter { after: Some((index(0), 2)), limit: 2, ..all() }, &["d", "e"]),
        (EventFilter { after: Some((index(9), 0)), ..all() }, &[]),
        (
            EventFilter {
                subject: Some(subject("x")),
                biz_steps: words(&["shipping"]),
                actions: words(&["ADD"]),
                ..all()
            },
            &["b"],
        ),
    ];
    for (filter, right) in cases {
        assert_eq!(ids(&*store, filter.clone()).await, right, "{filter:?}");
    }
}

async fn events_come_page_by_page(place: &Place) {
    let store = place.create().await;
    let mut tree = Tree::new();
    let items: Vec<Item> = (0..10)
        .map(|leaf| Item::capture(format!("{leaf}")).with((0..5).map(|n| event(&format!("{leaf}.{n}"))).collect()))
        .collect();
    tree.append(&*store, &items).await;
    let right: Vec<String> = (0..10).flat_map(|leaf| (0..5).map(move |n| format!("{leaf}.{n}"))).collect();
    for limit in [1, 3, 5, 50] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.events(EventFilter { after, limit, ..all() }).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.leaf, last.position));
            found.extend(page.into_iter().map(|event| event.event_id));
        }
        assert_eq!(found, right, "in pages of {limit}");
    }
}

async fn first_events_pass_over_declarations(place: &Place) {
    let store = place.create().await;
    let mut tree = Tree::new();
    let declared = |id: &str| EventEntry { declaration: true, ..event(id) };
    let of = |content: &str, id: &str| EventEntry { content_hash: Hash::of(content.as_bytes()), ..event(id) };
    let carried = EventEntry { participant: CARRIER.parse().unwrap(), ..of("carried", "a") };
    tree.append(&*store, &[Item::capture("1").with(vec![declared("a"), of("first", "a"), declared("b"), carried])])
        .await;
    tree.append(&*store, &[Item::capture("2").with(vec![of("second", "a"), of("only", "c")])]).await;
    let asked = [(MAKER, "c"), (MAKER, "a"), (CARRIER, "a"), (MAKER, "b"), (CARRIER, "c"), (MAKER, "a")]
        .map(|(participant, id)| (participant.parse().unwrap(), id.to_owned()))
        .to_vec();
    let found = store.first_events(asked).await.unwrap();
    let hashes: Vec<Hash> = found.iter().map(|event| event.content_hash).collect();
    assert_eq!(hashes, ["only", "first", "carried", "first"].map(|content| Hash::of(content.as_bytes())));
    assert_eq!((found[1].leaf, found[1].position), (index(0), 1));
    assert_eq!(store.first_events(Vec::new()).await.unwrap(), []);
}
