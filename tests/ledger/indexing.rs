//! A gateway's rows of a ledger: what the indexer makes of blocks, and where it goes on.

use std::sync::Arc;

use sealane::app::Ledger;
use sealane::app::capture::capture;
use sealane::gateway::query::indexer::{Indexer, IndexingError, Progress, Step};
use sealane::gateway::query::store::QueryStoreError;
use sealane_core::epcis::query::{Field, Key};
use sealane_core::json::Json;
use sealane_core::statement::SubmittedStatement;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::member::{Maker, Member};
use crate::rows::{MemoryQueryStore, Rows};

const LOCATION: &str = "urn:epcglobal:epcis:vtype:Location";

struct Open {
    member: Member,
    maker: Maker,
    ledger: Ledger,
}

/// An indexer of a ledger, with its rows and what it tells.
struct Indexing {
    indexer: Arc<Indexer>,
    rows: Arc<MemoryQueryStore>,
    progress: Arc<watch::Sender<Progress>>,
}

impl Open {
    async fn new() -> Self {
        let (member, maker) = Member::with_maker().await;
        let (orderer, ledger) = member.open().await.unwrap();
        tokio::spawn(orderer.run());
        Self { member, maker, ledger }
    }

    async fn capture(&self, statement: SubmittedStatement) {
        capture(&self.ledger, statement).await.unwrap();
    }

    async fn record(&self, events: Vec<Value>) {
        self.capture(self.member.sign_all(&self.maker, events)).await;
    }

    fn index_into(&self, rows: &Arc<MemoryQueryStore>) -> Indexing {
        let progress = Arc::default();
        let indexer = Indexer::new(self.ledger.clone(), Arc::clone(rows) as _, Arc::clone(&progress));
        Indexing { indexer, rows: Arc::clone(rows), progress }
    }

    fn index(&self) -> Indexing {
        self.index_into(&Arc::default())
    }
}

impl Indexing {
    async fn step(&self) -> Result<Step, IndexingError> {
        let indexer = Arc::clone(&self.indexer);
        tokio::task::spawn_blocking(move || indexer.step()).await.unwrap()
    }

    /// Makes rows of everything that is there.
    async fn all(&self) -> Rows {
        while self.step().await.unwrap() == Step::More {}
        self.rows.rows()
    }

    fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }
}

fn event(name: &str, serial: &str) -> Value {
    json!({
        "type": "ObjectEvent", "eventID": format!("urn:test:{name}"), "eventTime": "2026-02-28T08:00:00.000Z",
        "eventTimeZoneOffset": "+00:00", "epcList": [format!("https://id.gs1.org/01/09506000134352/21/{serial}")],
        "action": "OBSERVE", "bizStep": "storing",
    })
}

/// The last parts of the eventIDs.
fn names(rows: &Rows) -> Vec<&str> {
    rows.events.iter().map(|event| event.event_id.rsplit(':').next().unwrap()).collect()
}

#[tokio::test]
async fn events_are_rows_with_their_facts_and_repeats() {
    let open = Open::new().await;
    open.record(vec![event("a", "A"), event("b", "B")]).await;
    open.record(vec![event("a", "A"), event("c", "C"), event("c", "C")]).await;
    let mut declaration = event("a", "A");
    declaration["errorDeclaration"] = json!({"declarationTime": "2026-02-28T09:00:00.000Z"});
    open.record(vec![declaration]).await;
    // Too long for a leaf.
    let mut long = event("d", "D");
    long["@context"] = json!({"ex": "https://ex.example/"});
    long["ex:note"] = json!("x".repeat(100_000));
    open.record(vec![long.clone()]).await;

    let indexing = open.index();
    let rows = indexing.all().await;
    assert_eq!((names(&rows), rows.repeats), (vec!["a", "b", "c", "a", "d"], 2));
    let places: Vec<u32> = rows.events.iter().map(|event| event.position).collect();
    assert_eq!(places, [0, 1, 1, 0, 0]);
    let [a, b, c, declared, last] = &rows.events[..] else { panic!("{rows:?}") };
    assert!(a.leaf == b.leaf && b.leaf < c.leaf && c.leaf < declared.leaf && declared.leaf < last.leaf);
    assert!(a.identity.is_some() && a.identity != b.identity && declared.identity.is_none());
    assert_eq!(a.json, Json::from(event("a", "A")), "as it was captured");
    let context = json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]);
    assert_eq!(a.context.as_deref(), Some(&context.into()));
    assert_eq!(last.json, Json::from(long));
    assert_eq!((&a.participant, a.event_time.to_string().as_str()), (&open.maker.id, "2026-02-28T08:00:00.000Z"));
    let field = Field::new("bizStep");
    assert!(a.facts.keys(&field).eq([&Key::text("storing")]));
    let note = Field::new("+https://ex.example/note");
    assert!(last.facts.keys(&note).any(|key| *key == Key::present()));

    let tip = open.ledger.view().tip.clone();
    let cursor = rows.cursor.unwrap();
    assert_eq!((cursor.height, cursor.size, cursor.checkpoint), (tip.seal.height, tip.size(), tip.checkpoint.hash()));
    assert_eq!(cursor.time, tip.seal.time);
    assert_eq!(rows.writes, 1, "small blocks share a transaction");
    let progress = indexing.progress();
    assert_eq!((progress.cursor, progress.ahead, progress.trouble), (rows.cursor, None, None));
    assert!(progress.level_at.is_some());
}

#[tokio::test]
async fn master_data_is_told_with_who_holds_the_id() {
    let open = Open::new().await;
    let element = |id: &str| json!({"id": id, "attributes": [{"id": "cbvmda:city", "attribute": "Dublin"}]});
    let document = json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T08:00:00.000Z",
        "epcisHeader": {"epcisMasterData": {"vocabularyList": [{"type": LOCATION, "vocabularyElementList": [
            element("urn:epc:id:sgln:9506000.13436.0"), element("urn:epc:id:sgln:0614141.12345.0"), element("urn:acme:place"),
        ]}]}},
        "epcisBody": {"eventList": [event("a", "A")]},
    });
    open.capture(open.member.sign_document_at(&open.maker, &document, sealane::ports::Clock::now(&*open.member.clock)))
        .await;
    let rows = open.index().all().await;
    let told: Vec<(&str, bool)> = rows.master_data.iter().map(|one| (one.id.as_str(), one.is_holder)).collect();
    assert_eq!(
        told,
        [
            ("https://id.gs1.org/414/9506000134369", true),
            ("https://id.gs1.org/414/0614141123452", false),
            ("urn:acme:place", false)
        ]
    );
    let first = &rows.master_data[0];
    assert_eq!(
        (first.vocabulary.as_str(), &first.participant, first.leaf),
        (LOCATION, &open.maker.id, rows.events[0].leaf)
    );
    assert_eq!(first.attributes, [("urn:epcglobal:cbv:mda:city".to_owned(), Json::from(json!("Dublin")))]);
}

#[tokio::test]
async fn rows_go_on_from_the_cursor() {
    let open = Open::new().await;
    open.record(vec![event("a", "A")]).await;
    let rows: Arc<MemoryQueryStore> = Arc::default();
    open.index_into(&rows).all().await;
    open.record(vec![event("b", "B")]).await;
    // As another start does.
    let indexing = open.index_into(&rows);
    assert_eq!(indexing.progress().cursor, None, "before it was held against the ledger");
    let found = indexing.all().await;
    assert_eq!((names(&found), found.writes), (vec!["a", "b"], 2));
    let size = open.ledger.view().size();
    assert_eq!(indexing.step().await.unwrap(), Step::Level(size));
    assert_eq!(rows.rows().writes, 2, "nothing is written again");
}

#[tokio::test]
async fn a_store_that_fails_misses_nothing() {
    let open = Open::new().await;
    open.record(vec![event("a", "A")]).await;
    let indexing = open.index();
    indexing.rows.change(|rows| rows.fails = true);
    assert!(matches!(indexing.step().await, Err(IndexingError::Rows(QueryStoreError::Full))));
    assert_eq!(indexing.progress().cursor, None);
    indexing.rows.change(|rows| rows.fails = false);
    assert_eq!(names(&indexing.all().await), ["a"]);
}

#[tokio::test]
async fn rows_of_another_ledger_are_made_again() {
    let (one, other) = (Open::new().await, Open::new().await);
    one.record(vec![event("a", "A")]).await;
    other.record(vec![event("b", "B")]).await;
    let rows: Arc<MemoryQueryStore> = Arc::default();
    one.index_into(&rows).all().await;
    let indexing = other.index_into(&rows);
    assert_eq!(names(&indexing.all().await), ["b"]);
    assert_eq!(indexing.progress().cursor, rows.rows().cursor);
}

#[tokio::test]
async fn rows_that_are_ahead_of_the_copy_wait_for_it() {
    let (one, other) = (Open::new().await, Open::new().await);
    one.record(vec![event("a", "A")]).await;
    let rows: Arc<MemoryQueryStore> = Arc::default();
    let written = one.index_into(&rows).all().await.cursor;
    let indexing = other.index_into(&rows);
    assert_eq!(indexing.step().await.unwrap(), Step::Ahead(other.ledger.view().size()));
    let progress = indexing.progress();
    assert_eq!((progress.ahead, progress.cursor), (written.map(|cursor| cursor.height), None));
    assert_eq!(rows.rows().cursor, written, "nothing is removed");
}
