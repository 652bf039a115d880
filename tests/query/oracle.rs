//! Random queries of random events: the pages of a store, joined, are what the query language says of the events one by one.

use fastrand::Rng;
use sealane::gateway::query::store::{IndexedEvent, PageRequest, QueryStore};
use sealane::gateway::store::query::FindBounds;
use sealane_core::epcis::query::EventQuery;
use sealane_core::hash::Hash;
use sealane_core::merkle::{LeafIndex, TreeSize};

use crate::documents::{ledger, size};
use crate::place::Place;
use crate::questions::Known;

crate::in_both_stores!(pages_are_what_the_query_language_says);

const QUERIES: &str = "SEALANE_QUERIES";
const QUERIES_PER_LEDGER: u64 = 250;

/// Each way that a query can go, whatever the number of events.
fn ways() -> [FindBounds; 4] {
    let usual = FindBounds::default();
    [
        usual,
        FindBounds { few_rows: 0, bearable_rows: 0, step_first: 3, step_max: 40, ..usual },
        FindBounds { few_rows: 0, first_walk: 9, step_first: 3, ..usual },
        FindBounds { few_rows: 20, first_walk: 30, bearable_rows: 60, step_first: 7, ..usual },
    ]
}

fn pages_are_what_the_query_language_says(place: &dyn Place) {
    let queries: u64 = std::env::var(QUERIES).map_or(2_000, |number| number.parse().unwrap());
    let store = place.store();
    let stores = ways().map(|bounds| place.bounded(bounds));
    let (mut found, mut pages) = (0, 0);
    for seed in 0..queries.div_ceil(QUERIES_PER_LEDGER) {
        store.clear().unwrap();
        let rng = &mut Rng::with_seed(seed);
        let blocks = ledger(rng, 30);
        let all: Vec<IndexedEvent> = blocks.iter().flat_map(|block| block.events.clone()).collect();
        let known = Known::of(all.iter().flat_map(|event| event.facts.iter()));
        let end = blocks.last().unwrap().cursor.size.get();
        for block in blocks {
            store.append(block).unwrap();
        }
        for number in 0..QUERIES_PER_LEDGER {
            let query = known.query(rng);
            let before = size(if rng.bool() { end } else { rng.u64(0..=end) });
            let wanted = right(&all, &query, before);
            let limit = (wanted.len() as u32 / 6).max(rng.choice([1, 2, 7, 40]).unwrap());
            let store = &stores[rng.usize(0..stores.len())];
            let said =
                || format!("seed {seed}, query {number}, leaves before {}, {limit} a page: {query:?}", before.get());
            let (got, many) = joined(&**store, &query, before, limit);
            assert_eq!(got, wanted, "{}", said());
            let up_to = rng.u64(0..50);
            let counted = store.count(&query, None, before, up_to).unwrap();
            assert_eq!(counted, up_to.min(wanted.len() as u64), "counted up to {up_to}: {}", said());
            found += wanted.len();
            pages += many;
        }
    }
    println!("{queries} queries found {found} events in {pages} pages");
}

/// Where an event is, and where it was recorded again.
type Told = (LeafIndex, u32, Vec<LeafIndex>);

fn right(all: &[IndexedEvent], query: &EventQuery, before: TreeSize) -> Vec<Told> {
    let mut first: std::collections::HashMap<Hash, usize> = std::collections::HashMap::new();
    let mut kept: Vec<(&IndexedEvent, Vec<LeafIndex>)> = Vec::new();
    for event in all.iter().filter(|event| before.contains(event.leaf)) {
        if let Some(at) = event.identity.and_then(|identity| first.get(&identity)) {
            let again = &mut kept[*at].1;
            if again.last() != Some(&event.leaf) {
                again.push(event.leaf);
            }
            continue;
        }
        first.extend(event.identity.map(|identity| (identity, kept.len())));
        kept.push((event, Vec::new()));
    }
    kept.retain(|(event, _)| query.permits(&event.facts));
    kept.sort_by(|(one, _), (other, _)| {
        query.compare((&one.facts, (one.leaf, one.position)), (&other.facts, (other.leaf, other.position)))
    });
    kept.into_iter().map(|(event, again)| (event.leaf, event.position, again)).collect()
}

fn joined(store: &dyn QueryStore, query: &EventQuery, before: TreeSize, limit: u32) -> (Vec<Told>, usize) {
    let (mut all, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = store.find(query, &PageRequest { size: before, after, limit }).unwrap();
        pages += 1;
        assert!(page.events.len() <= limit as usize);
        assert!(page.next.is_none() || page.events.len() == limit as usize, "a page with one behind it is full");
        all.extend(page.events.into_iter().map(|event| (event.leaf, event.position, event.repeated_at)));
        match page.next {
            Some(next) => after = Some(next),
            None => return (all, pages),
        }
    }
}
