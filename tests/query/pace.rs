//! How fast a store is: told, not tested. `SEALANE_QUERY_EVENTS=1000000 cargo test --release --test query pace -- --nocapture`.

use std::time::{Duration, Instant};

use fastrand::Rng;
use sealane::gateway::query::store::{IndexedBlock, IndexedEvent, PageEnd, PageRequest, QueryStore};
use sealane_core::epcis::query::{Condition, EventQuery, Field, Key, KeyRange, OrderBy};
use sealane_core::gs1::Id;
use sealane_core::merkle::TreeSize;
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

use crate::documents::{cursor, document, indexed, leaf, size};
use crate::place::Place;

crate::in_both_stores!(pace);

const EVENTS: &str = "SEALANE_QUERY_EVENTS";

/// Of a million events: a company has a hundred thousand, a class a thousand, a purchase order twenty.
const COMPANIES: u64 = 10;
const CLASSES: u64 = 100;
const SERIALS: u64 = 500;
const STEPS: [&str; 8] =
    ["commissioning", "shipping", "receiving", "packing", "storing", "loading", "inspecting", "retail_selling"];
const PLACES: u64 = 1_000;
const BLOCK: u64 = 100;
const QUERIES: usize = 500;
const PAGE: u32 = 30;

/// A kind of query, and how one of it is made.
type Named<'a> = (&'a str, &'a dyn Fn(&mut Rng) -> EventQuery);

fn pace(place: &dyn Place) {
    let Ok(events) = std::env::var(EVENTS) else { return };
    let events: u64 = events.parse().unwrap();
    let store = place.store();
    let (rng, mut made) = (&mut Rng::with_seed(1), Maker { events, next: 0, height: 0, leaf: 0 });
    let mut taken = Taken::default();
    while made.next < events {
        taken.append(&*store, made.block(rng, BLOCK), made.next > events / 10 * 9);
    }
    taken.tell(&format!("appended {BLOCK} events a block, of the last tenth of {events}"));
    let mut taken = Taken::default();
    for _ in 0..1_000 {
        taken.append(&*store, made.block(rng, 1), true);
    }
    taken.tell("appended 1 event a block");
    let orders = events / 20;
    let all: [Named; 8] = [
        ("one EPC", &|rng| by(vec![texts("epc", &[&canonical(&epc(rng))])], OrderBy::Recorded)),
        ("a class", &|rng| by(vec![begins(&class_start(rng), "")], OrderBy::Recorded)),
        ("a class by eventTime", &|rng| by(vec![begins(&class_start(rng), "")], OrderBy::EventTime)),
        ("a company prefix", &|rng| by(vec![company(rng)], OrderBy::Recorded)),
        ("a company prefix by eventTime", &|rng| by(vec![company(rng)], OrderBy::EventTime)),
        ("a purchase order", &|rng| {
            by(vec![texts("bizTransaction", &[&format!("urn:example:po:{}", rng.u64(0..orders))])], OrderBy::Recorded)
        }),
        ("a step and a place by eventTime", &|rng| by(step_and_place(rng), OrderBy::EventTime)),
        ("a company prefix, a step and a day", &|rng| {
            let mut conditions = vec![company(rng), step_and_place(rng).remove(0)];
            let day = rng.i64(0..364) * 86_400_000;
            let moment = |ms: i64| Key::moment(Timestamp::from_millis(START_MS + ms).unwrap());
            let range = KeyRange::Between { from: moment(day), before: moment(day + 86_400_000), inside: "" };
            conditions.push(Condition::new(Field::EVENT_TIME, vec![range]));
            by(conditions, OrderBy::EventTime)
        }),
    ];
    let end = size(made.leaf + 1);
    for (name, query) in all {
        let (found, took): (Vec<usize>, Vec<Duration>) =
            (0..QUERIES).map(|_| timed(&*store, &query(rng), end, None)).unzip();
        tell(&format!("{name} ({:.1} events)", found.iter().sum::<usize>() as f64 / QUERIES as f64), took);
    }
    let last = |rng: &mut Rng| {
        let query = by(step_and_place(rng), OrderBy::EventTime);
        let backward = EventQuery { is_descending: true, ..query.clone() };
        let before = store.find(&backward, &PageRequest { size: end, after: None, limit: PAGE }).unwrap().next;
        timed(&*store, &query, end, before).1
    };
    tell("a step and a place by eventTime, the last page", (0..QUERIES).map(|_| last(rng)).collect());
    let count = |rng: &mut Rng| {
        let (query, start) = (by(vec![company(rng)], OrderBy::Recorded), Instant::now());
        store.count(&query, None, end, 30_000).unwrap();
        start.elapsed()
    };
    tell("counting a company prefix up to 30,000", (0..20).map(|_| count(rng)).collect());
}

fn timed(store: &dyn QueryStore, query: &EventQuery, size: TreeSize, after: Option<PageEnd>) -> (usize, Duration) {
    let start = Instant::now();
    let page = store.find(query, &PageRequest { size, after, limit: PAGE }).unwrap();
    (page.events.len(), start.elapsed())
}

fn tell(name: &str, mut all: Vec<Duration>) {
    all.sort_unstable();
    let at = |part: usize| all[(all.len() * part / 100).min(all.len() - 1)].as_secs_f64() * 1_000.0;
    println!("{name}: p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms, of {}", at(50), at(99), at(100), all.len());
}

#[derive(Default)]
struct Taken {
    events: usize,
    time: Duration,
}

impl Taken {
    fn append(&mut self, store: &dyn QueryStore, block: IndexedBlock, counts: bool) {
        let (events, start) = (block.events.len(), Instant::now());
        store.append(block).unwrap();
        if counts {
            self.events += events;
            self.time += start.elapsed();
        }
    }

    fn tell(&self, name: &str) {
        println!("{name}: {:.0} events/s", self.events as f64 / self.time.as_secs_f64());
    }
}

fn by(conditions: Vec<Condition>, order: OrderBy) -> EventQuery {
    EventQuery { conditions, order, ..EventQuery::default() }
}

fn texts(field: &str, texts: &[&str]) -> Condition {
    Condition::new(field, texts.iter().map(|text| KeyRange::Exactly(Key::text(text))).collect())
}

fn begins(start: &str, inside: &'static str) -> Condition {
    Condition::new("epc", vec![KeyRange::beginning(start, inside)])
}

/// `urn:epc:idpat:sgtin:COMPANY.*.*`: before the prefix stands an indicator digit.
fn company(rng: &mut Rng) -> Condition {
    let company = rng.u64(0..COMPANIES);
    let starts = (0..10).map(|digit| format!("https://id.gs1.org/01/{digit}95060{company:02}"));
    Condition::new("epc", starts.map(|start| KeyRange::beginning(&start, "/21/")).collect())
}

fn class_start(rng: &mut Rng) -> String {
    let id = canonical(&epc(rng));
    let (class, _) = id.split_once("/21/").unwrap();
    format!("{class}/21/")
}

fn step_and_place(rng: &mut Rng) -> Vec<Condition> {
    vec![texts("bizStep", &[rng.choice(STEPS).unwrap()]), texts("readPoint", &[&canonical(&place_id(rng))])]
}

fn canonical(urn: &str) -> String {
    Id::parse_uri(urn).unwrap().as_str().to_owned()
}

fn epc(rng: &mut Rng) -> String {
    let (company, class) = (rng.u64(0..COMPANIES), rng.u64(0..CLASSES));
    format!("urn:epc:id:sgtin:95060{company:02}.0{class:05}.{}", rng.u64(1..=SERIALS))
}

fn place_id(rng: &mut Rng) -> String {
    format!("urn:epc:id:sgln:9506000.13435.{}", rng.u64(0..PLACES))
}

const START_MS: i64 = 1_760_000_000_000;

/// Makes events over a year.
struct Maker {
    events: u64,
    next: u64,
    height: u64,
    leaf: u64,
}

impl Maker {
    fn block(&mut self, rng: &mut Rng, events: u64) -> IndexedBlock {
        self.height += 1;
        self.leaf += 1;
        let leaf = leaf(self.leaf);
        self.leaf += 1;
        let cursor = cursor(self.height, self.leaf + 1);
        let all: Vec<Value> = (0..events).map(|_| self.event(rng)).collect();
        let events: Vec<IndexedEvent> = indexed(&document(&all, 0), leaf, (self.height % 10) as u8, cursor.time);
        IndexedBlock { cursor, events, master_data: Vec::new() }
    }

    fn event(&mut self, rng: &mut Rng) -> Value {
        let year = 365 * 86_400_000;
        let ms = i64::try_from(self.next * year / self.events).unwrap() + rng.i64(0..3_600_000);
        self.next += 1;
        json!({
            "type": "ObjectEvent",
            "eventID": format!("urn:uuid:00000000-0000-4000-8000-{:012x}", self.next),
            "eventTime": Timestamp::from_millis(START_MS + ms).unwrap().to_string(),
            "eventTimeZoneOffset": "+00:00",
            "action": "OBSERVE",
            "epcList": [epc(rng)],
            "bizStep": *rng.choice(&STEPS).unwrap(),
            "disposition": rng.choice(["active", "in_transit"]).unwrap(),
            "readPoint": {"id": place_id(rng)},
            "bizLocation": {"id": place_id(rng)},
            "bizTransactionList": [
                {"type": "po", "bizTransaction": format!("urn:example:po:{}", rng.u64(0..self.events / 20 + 1))},
                {"type": "desadv", "bizTransaction": format!("urn:example:desadv:{}", self.next / 10)},
            ],
            "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:9506000.13435"}],
            "destinationList": [{"type": "owning_party", "destination": "urn:epc:id:pgln:0614141.12345"}],
            "example:batch": format!("B{}", rng.u64(0..5_000)),
        })
    }
}
