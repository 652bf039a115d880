//! Blocks, repeats, values, and what becomes of a query that costs too much.

use fastrand::Rng;
use sealane::gateway::query::store::{FindError, IndexedBlock, IndexedEvent, PageRequest, QueryStore};
use sealane::gateway::store::query::FindBounds;
use sealane_core::epcis::query::{Condition, EventQuery, Field, Key, KeyRange, OrderBy};
use serde_json::{Value, json};

use crate::documents::{cursor, document, indexed, leaf, ledger, participant, size};
use crate::place::Place;

crate::in_both_stores!(
    an_empty_store_finds_nothing,
    a_block_is_there_after_a_restart,
    a_block_that_fails_leaves_nothing,
    a_repeat_is_told_at_its_first,
    a_page_is_of_its_size,
    values_are_told_once_and_in_order,
    a_query_that_costs_too_much_says_what_helps,
    a_master_condition_that_was_not_resolved_finds_nothing,
    readers_go_on_while_a_block_is_written,
);

fn event(name: &str, step: &str) -> Value {
    json!({"type": "ObjectEvent", "eventID": format!("urn:example:{name}"), "eventTime": "2026-11-20T10:00:00Z", "eventTimeZoneOffset": "+00:00",
        "action": "OBSERVE", "epcList": [format!("urn:epc:id:sgtin:9506000.013435.{name}")], "bizStep": step})
}

fn block(height: u64, at: u64, signer: u8, events: &[Value]) -> IndexedBlock {
    let cursor = cursor(height, at + 2);
    IndexedBlock {
        events: indexed(&document(events, 0), leaf(at), signer, cursor.time),
        cursor,
        master_data: Vec::new(),
    }
}

fn everything(leaves: u64) -> (EventQuery, PageRequest) {
    (EventQuery::default(), PageRequest { size: size(leaves), after: None, limit: 100 })
}

fn names(store: &dyn QueryStore, query: &EventQuery, leaves: u64) -> Vec<String> {
    let page = store.find(query, &everything(leaves).1).unwrap();
    page.events.into_iter().map(|event| event.event_id.trim_start_matches("urn:example:").to_owned()).collect()
}

fn an_empty_store_finds_nothing(place: &dyn Place) {
    let store = place.store();
    assert_eq!(store.cursor().unwrap(), None);
    let (query, page) = everything(100);
    assert!(store.find(&query, &page).unwrap().events.is_empty());
    assert_eq!(store.count(&query, None, page.size, 10).unwrap(), 0);
    assert!(store.values(&[Field::new("bizStep")], None, 10).unwrap().is_empty());
    store.clear().unwrap();
}

fn a_block_is_there_after_a_restart(place: &dyn Place) {
    let store = place.store();
    let first = block(1, 1, 1, &[event("A", "shipping"), event("B", "packing")]);
    let wanted = first.events[1].clone();
    store.append(first).unwrap();
    store.append(IndexedBlock { cursor: cursor(2, 4), events: Vec::new(), master_data: Vec::new() }).unwrap();
    let again = place.reopened();
    assert_eq!(again.cursor().unwrap(), Some(cursor(2, 4)));
    let (query, page) = everything(4);
    let found = again.find(&query, &page).unwrap();
    assert!(found.next.is_none());
    let one = &found.events[1];
    assert_eq!((one.leaf, one.position, &one.participant), (leaf(1), 1, &participant(1)));
    assert_eq!((&one.event_id, one.recorded, &one.json), (&wanted.event_id, wanted.recorded, &wanted.json));
    assert_eq!((one.context.as_ref(), &one.repeated_at), (wanted.context.as_deref(), &Vec::new()));
    again.clear().unwrap();
    assert_eq!((again.cursor().unwrap(), names(&*again, &query, 4)), (None, Vec::new()));
    again.append(block(1, 1, 1, &[event("C", "shipping")])).unwrap();
    assert_eq!(names(&*store, &query, 4), ["C"]);
}

fn a_block_that_fails_leaves_nothing(place: &dyn Place) {
    let store = place.store();
    store.append(block(1, 1, 1, &[event("A", "shipping")])).unwrap();
    // Its last event is in a place that is taken.
    let mut wrong = block(2, 3, 1, &[event("B", "packing"), event("C", "packing")]);
    wrong.events[1].leaf = leaf(1);
    wrong.events[1].position = 0;
    store.append(wrong).unwrap_err();
    let mut far = block(2, 3, 1, &[event("B", "packing")]);
    far.events[0].leaf = leaf((1 << 53) - 2);
    store.append(far).unwrap_err();
    assert_eq!(store.cursor().unwrap(), Some(cursor(1, 3)));
    assert_eq!(names(&*store, &everything(9).0, 9), ["A"]);
    assert!(store.values(&[Field::new("bizStep")], None, 9).unwrap().iter().all(|step| step == "shipping"));
    store.append(block(2, 3, 1, &[event("B", "packing")])).unwrap();
    assert_eq!(names(&*store, &everything(9).0, 9), ["A", "B"]);
}

fn a_repeat_is_told_at_its_first(place: &dyn Place) {
    let store = place.store();
    let a = event("A", "shipping");
    store.append(block(1, 1, 1, &[a.clone(), event("B", "packing")])).unwrap();
    store.append(block(2, 3, 1, &[event("C", "packing"), a.clone()])).unwrap();
    // Another participant's is its own, also where a block has it twice.
    store.append(block(3, 5, 2, &[a.clone(), a.clone()])).unwrap();
    store.append(block(4, 7, 1, std::slice::from_ref(&a))).unwrap();
    let told = |leaves: u64| -> Vec<(u64, u32, Vec<u64>)> {
        let (query, page) = everything(leaves);
        let found = store.find(&query, &page).unwrap().events;
        let leaves = |event: Vec<_>| event.into_iter().map(u64::from).collect();
        found.into_iter().map(|one| (one.leaf.get(), one.position, leaves(one.repeated_at))).collect()
    };
    assert_eq!(told(9), [(1, 0, vec![3, 7]), (1, 1, vec![]), (3, 0, vec![]), (5, 0, vec![5])]);
    assert_eq!(told(6), [(1, 0, vec![3]), (1, 1, vec![]), (3, 0, vec![]), (5, 0, vec![5])]);
    assert_eq!(told(3), [(1, 0, vec![]), (1, 1, vec![])]);
    assert_eq!(store.count(&everything(9).0, None, size(9), 100).unwrap(), 4);
}

fn a_page_is_of_its_size(place: &dyn Place) {
    let store = place.store();
    store.append(block(1, 1, 1, &["A", "B", "C"].map(|name| event(name, "packing")))).unwrap();
    let (query, mut page) = everything(3);
    page.limit = 2;
    let first = store.find(&query, &page).unwrap();
    page.after = first.next;
    // What comes meanwhile is in no page of this size.
    store.append(block(2, 3, 1, &[event("D", "packing")])).unwrap();
    let second = store.find(&query, &page).unwrap();
    assert_eq!((first.events.len(), second.events.len(), second.next), (2, 1, None));
    assert_eq!(second.events[0].event_id, "urn:example:C");
    page.limit = 1;
    let exact = store.find(&query, &page).unwrap();
    assert_eq!((exact.events.len(), exact.next), (1, None), "the last one has nothing behind it");
}

fn values_are_told_once_and_in_order(place: &dyn Place) {
    let store = place.store();
    let all: Vec<IndexedBlock> = ledger(&mut Rng::with_seed(7), 20);
    let events: Vec<IndexedEvent> = all.iter().flat_map(|block| block.events.clone()).collect();
    all.into_iter().for_each(|block| store.append(block).unwrap());
    for fields in [vec!["bizStep"], vec!["epc", "inputEPC", "outputEPC"], vec!["quantity"], vec!["none", "disposition"]]
    {
        let fields: Vec<Field> = fields.into_iter().map(Field::new).collect();
        let keys = events.iter().flat_map(|event| fields.iter().flat_map(|field| event.facts.keys(field)));
        let mut right: Vec<&str> = keys.filter_map(Key::as_text).collect();
        right.sort_unstable();
        right.dedup();
        for limit in [1, 3, 1_000] {
            let mut found: Vec<String> = Vec::new();
            loop {
                let page = store.values(&fields, found.last().map(String::as_str), limit).unwrap();
                assert!(page.len() <= limit as usize);
                if page.is_empty() {
                    break;
                }
                found.extend(page);
            }
            assert_eq!(found, right, "{fields:?} in pages of {limit}");
        }
    }
}

fn a_query_that_costs_too_much_says_what_helps(place: &dyn Place) {
    let store = place.store();
    ledger(&mut Rng::with_seed(8), 30).into_iter().for_each(|block| store.append(block).unwrap());
    let usual = FindBounds::default();
    let narrow = FindBounds { looked_at_max: 20, few_rows: 0, bearable_rows: 0, step_first: 5, step_max: 5, ..usual };
    let store = place.bounded(narrow);
    let nowhere = |start| Condition::new("epc", vec![KeyRange::beginning(start, "nowhere")]);
    let query = |order| EventQuery { conditions: vec![nowhere("")], order, ..EventQuery::default() };
    for order in [OrderBy::Recorded, OrderBy::EventTime, OrderBy::Field(Field::new("epc"))] {
        let failed = store.find(&query(order), &everything(1_000).1).unwrap_err();
        assert!(matches!(failed, FindError::TooComplex(_)), "{failed}");
        let said = failed.to_string();
        assert!(said.contains("recordTime") && said.contains("exact id"), "{said}");
    }
    store.count(&EventQuery::default(), None, size(1_000), 1_000).unwrap_err();
    assert_eq!(store.count(&EventQuery::default(), None, size(1_000), 7).unwrap(), 7);
    let first = PageRequest { limit: 3, ..everything(1_000).1 };
    assert_eq!(store.find(&EventQuery::default(), &first).unwrap().events.len(), 3);
}

fn a_master_condition_that_was_not_resolved_finds_nothing(place: &dyn Place) {
    use sealane_core::epcis::query::{MasterCondition, MasterQuestion};
    let store = place.store();
    store.append(block(1, 1, 1, &[event("A", "shipping")])).unwrap();
    let question = MasterQuestion::Within(vec!["x".to_owned()]);
    let condition = MasterCondition { parameter: "WD_readPoint".to_owned(), fields: Vec::new(), question };
    let query = EventQuery { master: vec![condition], ..EventQuery::default() };
    assert!(names(&*store, &query, 9).is_empty());
}

fn readers_go_on_while_a_block_is_written(place: &dyn Place) {
    let (store, reader) = (place.store(), place.store());
    store.append(block(1, 1, 1, &[event("A", "shipping")])).unwrap();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            (2..60).for_each(|height| {
                store.append(block(height, height * 2 - 1, 1, &[event(&format!("N{height}"), "packing")])).unwrap()
            });
        });
        while !writing.is_finished() {
            assert_eq!(names(&*reader, &everything(2).0, 2), ["A"]);
        }
        writing.join().unwrap();
    });
    assert_eq!(reader.count(&everything(9).0, None, size(1_000), 1_000).unwrap(), 59);
}
