//! The queue: one suite over a file and a database, and what a database alone can do.
//!
//! PostgreSQL is asked where `SEALANE_TEST_POSTGRES` names a server, as for the tests of the ledger's store.

#[allow(dead_code, reason = "shared with the tests of the ledger's store, which use more of it")]
#[path = "../../../tests/store/database.rs"]
mod database;

use std::sync::{Arc, Barrier};

use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::query::Connect;
use super::{Holding, PostgresKeeper, SqliteKeeper};
use crate::gateway::clients::{Allowed, ClientName, GatewayClient, Scope};
use crate::gateway::job::{Behaviour, JobId, OpenPiece, PieceState};
use crate::gateway::keeper::{
    Attempt, GatewayQueueLimits, JobFilter, KeeperError, Kept, Landing, NewJob, NewStatement, OperatorWord,
};
use crate::gateway::query::form::IdForm;
use crate::gateway::subscriptions::dest::Dest;
use crate::gateway::subscriptions::keeper::{AddOutcome, GatewayStore, PageRoom};
use crate::gateway::subscriptions::named::NamedQuery;
use crate::gateway::subscriptions::subscription::{
    DeliveryTrouble, Subscription, SubscriptionId, SubscriptionState, ToldPlace, controls_from_json,
};
use database::Database;
use sealane_core::consortium::EventKey;
use sealane_core::hash::Hash;
use sealane_core::json::Json;
use sealane_core::merkle::LeafIndex;
use sealane_core::time::Timestamp;

const LIMITS: GatewayQueueLimits = GatewayQueueLimits { jobs_max: 3, bytes_max: 1_000, same_within_ms: 1_000 };

/// A queue of one test.
struct Queue {
    keeper: Box<dyn GatewayStore>,
    place: Place,
}

/// Where it is, gone when the test ends.
enum Place {
    File(tempfile::TempDir),
    Database { database: Database, runtime: Runtime },
}

/// Makes an empty queue; `None` where there is no server, which is said once.
type Make = fn() -> Option<Queue>;

fn in_a_file() -> Option<Queue> {
    Some(Queue::at(Place::File(tempfile::tempdir().unwrap())))
}

fn in_a_database() -> Option<Queue> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let database = runtime.block_on(Database::make(""))?;
    Some(Queue::at(Place::Database { database, runtime }))
}

impl Queue {
    fn at(place: Place) -> Self {
        Self { keeper: place.open(Holding::Alone("a test")).unwrap(), place }
    }

    /// Another look at the queue, as of a command beside the gateway.
    fn again(&self) -> Box<dyn GatewayStore> {
        self.place.open(Holding::Beside).unwrap()
    }

    fn keep(&self, job: &NewJob) -> Kept {
        self.keeper.keep(job.clone(), LIMITS).unwrap()
    }

    fn open(&self) -> Vec<OpenPiece> {
        self.keeper.open_pieces(&client(), 10).unwrap()
    }

    fn state(&self, job: &NewJob) -> PieceState {
        self.keeper.job(&job.id).unwrap().unwrap().state
    }

    /// Signs the first open pieces under a name.
    fn sign(&self, id: &str, count: usize) {
        self.keeper.store_statement(statement(id), &self.open()[..count]).unwrap();
    }

    fn land(&self, id: &str, facts: Vec<(EventKey, Hash)>) {
        let repeated = vec![json!({"position": 1, "eventID": "urn:x:1", "firstLeafIndex": 4})];
        let landing = Landing { receipt: json!({"r": id}), leaf: 7, node: "n".into(), at: at(9), repeated };
        self.keeper.land(id, landing, facts).unwrap();
    }
}

impl Place {
    fn open(&self, holding: Holding) -> Result<Box<dyn GatewayStore>, String> {
        Ok(match self {
            Self::File(dir) => Box::new(SqliteKeeper::open(&dir.path().join("queue.sqlite"))?),
            Self::Database { database, runtime } => {
                Box::new(PostgresKeeper::open(way_to(database), runtime.handle().clone(), "of the test", holding)?)
            }
        })
    }
}

fn way_to(database: &Database) -> Connect {
    let url = database.url();
    Arc::new(move || {
        let url = url.clone();
        Box::pin(async move { AsyncPgConnection::establish(&url).await.map_err(|error| error.to_string()) })
    })
}

/// Runs each test against empty queues in both databases.
macro_rules! in_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                super::$name(super::in_a_file);
            })+
        }

        mod postgres {
            $(#[test]
            fn $name() {
                super::$name(super::in_a_database);
            })+
        }
    };
}

in_both_databases!(
    a_job_goes_through_its_states,
    the_queue_has_a_limit_and_knows_what_came_before,
    jobs_that_share_a_statement_are_taken_apart_again,
    a_refused_piece_is_cut_and_each_half_has_its_own_end,
    only_what_is_queued_can_be_given_up,
    a_job_without_events_to_send_is_over_at_once,
    a_queue_is_the_same_after_a_start,
    clients_are_kept_in_the_order_of_their_names,
    every_text_and_many_events_are_kept,
    a_change_that_fails_spoils_no_other,
    a_command_beside_the_gateway_changes_nothing_behind_its_back,
    queries_and_subscriptions_are_the_same_after_a_start,
    definitions_are_read_page_by_page,
    of_queries_and_subscriptions_there_are_so_many,
);

fn client() -> ClientName {
    "erp".parse().unwrap()
}

fn statement(id: &str) -> NewStatement {
    NewStatement {
        id: id.to_owned(),
        client: client(),
        compact: id.as_bytes().to_vec(),
        certificate: Hash::of(b"certificate"),
        not_after: at(1_000_000),
        iat: at(0),
    }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + ms).unwrap()
}

/// A job of some events; its number is its body.
fn job(number: u8, events: usize, behaviour: Behaviour) -> NewJob {
    NewJob {
        id: JobId::new(at(i64::from(number)), [number; 10]),
        client: client(),
        received_at: at(i64::from(number)),
        digest: Hash::of(&[number]),
        idempotency_key: None,
        media_type: "application/json".into(),
        behaviour,
        document: vec![number; 100],
        indices: (0..events).map(|at| at * 2).collect(),
        was_query: false,
        joint: Some(Hash::of(b"frame")),
        errors: Vec::new(),
        changed: json!([]),
        repeated: Vec::new(),
    }
}

fn a_job_goes_through_its_states(make: Make) {
    let Some(queue) = make() else { return };
    let one = job(1, 2, Behaviour::Rollback);
    assert_eq!(queue.keep(&one), Kept::New);
    assert_eq!(queue.state(&one), PieceState::Queued);
    assert_eq!(queue.keeper.clients_with_work().unwrap(), [client()]);
    queue.sign("s1", 1);
    assert_eq!(queue.state(&one), PieceState::Signed);
    let attempt = Attempt { next_at: at(50), node: "n".into(), trouble: "busy".into(), was_sent: true };
    queue.keeper.note_attempt("s1", &attempt).unwrap();
    assert_eq!(queue.state(&one), PieceState::Sent);
    let open = queue.keeper.open_statement("s1").unwrap().unwrap();
    assert_eq!((open.attempts, open.next_at, open.statement.compact.as_slice()), (1, Some(at(50)), b"s1".as_slice()));
    let fact = (EventKey::from_bytes([1; 16]), Hash::of(b"content"));
    queue.land("s1", vec![fact]);
    let told = queue.keeper.job(&one.id).unwrap().unwrap();
    assert_eq!(
        (told.state, told.finished_at, told.pieces[0].receipt.clone()),
        (PieceState::Final, Some(at(9)), Some(json!({"r": "s1"})))
    );
    // The second event of the statement stood third in the document that was sent.
    assert_eq!(told.repeated, [json!({"position": 2, "eventID": "urn:x:1", "firstLeafIndex": 4})]);
    assert!(queue.open().is_empty() && queue.keeper.open_statement("s1").unwrap().is_none());
    let other = (fact.0, Hash::of(b"other"));
    assert_eq!(queue.keeper.recorded(&[fact, other]).unwrap(), [Some(7), None]);
}

fn the_queue_has_a_limit_and_knows_what_came_before(make: Make) {
    let Some(queue) = make() else { return };
    let one = job(1, 1, Behaviour::Rollback);
    assert_eq!(queue.keep(&one), Kept::New);
    assert_eq!(queue.keep(&NewJob { id: JobId::new(at(5), [5; 10]), ..one.clone() }), Kept::Same(one.id.clone()));
    let later = NewJob { received_at: at(5_000), ..job(1, 1, Behaviour::Rollback) };
    let later = NewJob { id: JobId::new(at(5_000), [9; 10]), ..later };
    assert_eq!(queue.keep(&later), Kept::New, "a day has passed");
    let keyed = NewJob { idempotency_key: Some("k".into()), ..job(2, 1, Behaviour::Rollback) };
    assert_eq!(queue.keep(&keyed), Kept::New);
    assert_eq!(queue.keep(&keyed), Kept::Same(keyed.id.clone()));
    let other = NewJob { digest: Hash::of(b"other"), ..keyed.clone() };
    assert_eq!(queue.keep(&other), Kept::OtherBody(keyed.id.clone()));
    assert_eq!(queue.keep(&job(3, 1, Behaviour::Rollback)), Kept::Full);
    assert_eq!(queue.keeper.depth().unwrap().open_jobs(), 3);
    let long = NewJob { document: vec![0; 1_000], ..job(4, 1, Behaviour::Rollback) };
    let Some(empty) = make() else { return };
    empty.keep(&one);
    assert_eq!(empty.keep(&long), Kept::Full, "by its bytes");
    assert_eq!(empty.keeper.depth().unwrap().open_bytes, 100);
}

fn jobs_that_share_a_statement_are_taken_apart_again(make: Make) {
    let Some(queue) = make() else { return };
    let (one, two) = (job(1, 1, Behaviour::Rollback), job(2, 2, Behaviour::Rollback));
    queue.keep(&one);
    queue.keep(&two);
    queue.sign("s1", 2);
    assert_eq!(queue.keeper.job(&two.id).unwrap().unwrap().pieces[0].at, 1);
    queue.keeper.take_back("s1", true).unwrap();
    assert!(queue.open().iter().all(|piece| piece.alone && piece.state == PieceState::Queued));
    queue.sign("s2", 1);
    queue.keeper.refuse("s2", vec![json!({"code": "x"})], at(3)).unwrap();
    assert_eq!((queue.state(&one), queue.state(&two)), (PieceState::Failed, PieceState::Queued));
    assert_eq!(
        queue.keep(&NewJob { id: JobId::new(at(6), [6; 10]), ..one.clone() }),
        Kept::New,
        "what failed is no repeat"
    );
    assert_eq!(queue.keeper.retry(&one.id).unwrap(), OperatorWord::Done);
    let told = queue.keeper.job(&one.id).unwrap().unwrap();
    assert_eq!((told.state, told.errors, told.finished_at), (PieceState::Queued, Vec::<Value>::new(), None));
    assert_eq!(queue.open()[0].job, 1, "it keeps its place in the lane");
}

fn a_refused_piece_is_cut_and_each_half_has_its_own_end(make: Make) {
    let Some(queue) = make() else { return };
    let one = job(1, 3, Behaviour::Proceed);
    queue.keep(&one);
    queue.sign("s1", 1);
    queue.keeper.cut("s1", (2, 1)).unwrap();
    assert_eq!(queue.open().iter().map(|piece| (piece.first, piece.count)).collect::<Vec<_>>(), [(0, 2), (2, 1)]);
    queue.sign("s2", 1);
    queue.land("s2", Vec::new());
    assert_eq!(queue.state(&one), PieceState::Queued);
    queue.sign("s3", 1);
    queue.keeper.refuse("s3", vec![json!({"sealane:event": {"index": 4}})], at(4)).unwrap();
    let told = queue.keeper.job(&one.id).unwrap().unwrap();
    assert_eq!((told.state, told.errors.len(), told.finished_at), (PieceState::Final, 1, Some(at(4))));
}

fn only_what_is_queued_can_be_given_up(make: Make) {
    let Some(queue) = make() else { return };
    let (one, two) = (job(1, 1, Behaviour::Rollback), job(2, 1, Behaviour::Rollback));
    queue.keep(&one);
    queue.keep(&two);
    queue.sign("s1", 1);
    let give_up = |job: &NewJob| queue.keeper.give_up(&job.id, "wrong", at(3)).unwrap();
    assert_eq!(give_up(&one), OperatorWord::Not(PieceState::Signed));
    assert_eq!(give_up(&two), OperatorWord::Done);
    assert_eq!(queue.keeper.job(&two.id).unwrap().unwrap().reason.as_deref(), Some("wrong"));
    assert_eq!(give_up(&job(9, 1, Behaviour::Rollback)), OperatorWord::Unknown);
    assert_eq!(queue.keeper.retry(&one.id).unwrap(), OperatorWord::Not(PieceState::Signed));
}

fn a_job_without_events_to_send_is_over_at_once(make: Make) {
    let Some(queue) = make() else { return };
    let nothing = |number| NewJob { document: Vec::new(), ..job(number, 0, Behaviour::Proceed) };
    let repeated = NewJob { repeated: vec![json!({"position": 0})], ..nothing(1) };
    queue.keep(&repeated);
    let refused = NewJob { errors: vec![json!({"code": "x"})], ..nothing(2) };
    queue.keep(&refused);
    assert_eq!((queue.state(&repeated), queue.state(&refused)), (PieceState::Final, PieceState::Failed));
    assert!(queue.open().is_empty());
    let page = queue.keeper.jobs(&JobFilter { jobs_max: 1, ..JobFilter::default() }).unwrap();
    assert_eq!((page.len(), page[0].id.clone()), (1, refused.id.clone()));
    assert_eq!(queue.keeper.forget_documents(at(100)).unwrap(), 2);
    assert!(queue.keeper.document(page[0].seq).unwrap().is_none());
}

fn a_queue_is_the_same_after_a_start(make: Make) {
    let Some(queue) = make() else { return };
    let one = job(1, 1, Behaviour::Rollback);
    queue.keep(&one);
    queue.sign("s1", 1);
    let again = queue.again();
    assert_eq!(again.job(&one.id).unwrap(), queue.keeper.job(&one.id).unwrap());
    assert_eq!(again.open_statement("s1").unwrap().unwrap().statement.compact, b"s1");
    assert_eq!(again.depth().unwrap().open_certificates, [Hash::of(b"certificate")]);
}

#[test]
fn a_file_that_cannot_be_there_is_no_queue() {
    assert!(SqliteKeeper::open(std::path::Path::new("/nowhere/queue.sqlite")).is_err());
}

fn clients_are_kept_in_the_order_of_their_names(make: Make) {
    let Some(queue) = make() else { return };
    let named = |name: &str, per_second| GatewayClient {
        name: name.parse().unwrap(),
        key_id: format!("id of {name}"),
        key_hash: "hash".into(),
        scopes: [Scope::Capture, Scope::Query].into(),
        allowed: Allowed { steps: ["shipping".to_owned()].into(), ..Allowed::default() },
        per_second,
        created_at: at(0),
    };
    let (upper, lower) = (named("Wms", None), named("erp", Some(5)));
    assert!(queue.keeper.add_client(&lower).unwrap() && queue.keeper.add_client(&upper).unwrap());
    assert!(!queue.keeper.add_client(&GatewayClient { key_id: "other".into(), ..lower.clone() }).unwrap());
    assert_eq!(queue.keeper.clients().unwrap(), [upper.clone(), lower.clone()]);
    assert!(queue.again().remove_client(&upper.name).unwrap());
    assert!(!queue.keeper.remove_client(&upper.name).unwrap());
    assert_eq!(queue.keeper.clients().unwrap(), [lower]);
}

fn every_text_and_many_events_are_kept(make: Make) {
    let Some(queue) = make() else { return };
    let one = NewJob { changed: json!(["\u{0}é\u{10ffff}"]), ..job(1, 1, Behaviour::Rollback) };
    queue.keep(&one);
    queue.sign("s1", 1);
    let attempt = Attempt { next_at: at(50), node: "n".into(), trouble: "a\0b".into(), was_sent: false };
    queue.keeper.note_attempt("s1", &attempt).unwrap();
    let told = queue.keeper.job(&one.id).unwrap().unwrap();
    assert_eq!((told.pieces[0].trouble.as_deref(), told.changed), (Some("a\u{fffd}b"), one.changed));
    // The first one again within the statement, and one that was final before.
    let key = |n: u32| EventKey::from_bytes(*Hash::of(&n.to_be_bytes()).as_bytes().first_chunk().unwrap());
    let facts: Vec<_> = (0..2_500).chain([0]).map(|n| (key(n), Hash::of(b"content"))).collect();
    queue.land("s1", facts.clone());
    let found = queue.keeper.recorded(&facts).unwrap();
    assert!(found.len() == 2_501 && found.iter().all(|leaf| *leaf == Some(7)));
    queue.keep(&job(2, 1, Behaviour::Rollback));
    queue.sign("s2", 1);
    let landing = Landing { receipt: json!(1), leaf: 9, node: "n".into(), at: at(9), repeated: Vec::new() };
    queue.keeper.land("s2", landing, vec![facts[0], (key(9_999), Hash::of(b"content"))]).unwrap();
    let found = queue.keeper.recorded(&[facts[0], (key(9_999), Hash::of(b"content"))]).unwrap();
    assert_eq!(found, [Some(7), Some(9)], "the first leaf stays");
}

fn a_change_that_fails_spoils_no_other(make: Make) {
    let Some(queue) = make() else { return };
    let wide = GatewayQueueLimits { jobs_max: 1_000, bytes_max: 1_000_000, ..LIMITS };
    // Threads, so that changes share transactions. Every second one signs what is not queued, and fails.
    let job_of = |n: u8| job(n, 1, Behaviour::Rollback);
    std::thread::scope(|scope| {
        for n in 0..40 {
            let (queue, keeper) = (&queue, &queue.keeper);
            scope.spawn(move || {
                assert_eq!(keeper.keep(job_of(n), wide).unwrap(), Kept::New);
                let piece = OpenPiece { job: -1, ..queue.open()[0].clone() };
                let statement = statement(&format!("s{n}"));
                assert!(matches!(keeper.store_statement(statement, &[piece]), Err(KeeperError::Unavailable(_))));
            });
        }
    });
    assert_eq!(queue.keeper.depth().unwrap().open_jobs(), 40);
    assert!((0..40).all(|n| queue.keeper.open_statement(&format!("s{n}")).unwrap().is_none()));
}

fn a_command_beside_the_gateway_changes_nothing_behind_its_back(make: Make) {
    let Some(queue) = make() else { return };
    let wide = GatewayQueueLimits { jobs_max: 1_000, bytes_max: 1_000_000, ..LIMITS };
    let all: Vec<NewJob> = (0..60).map(|n| job(n, 1, Behaviour::Rollback)).collect();
    for one in &all {
        queue.keeper.keep(one.clone(), wide).unwrap();
    }
    let pieces = queue.keeper.open_pieces(&client(), 100).unwrap();
    let command = queue.again();
    // Both begin with each job at once.
    let both = Barrier::new(2);
    let (signed, dropped) = std::thread::scope(|scope| {
        let signs = scope.spawn(|| {
            let signed = |(n, piece): (usize, &OpenPiece)| {
                both.wait();
                queue.keeper.store_statement(statement(&format!("s{n}")), std::slice::from_ref(piece)).is_ok()
            };
            pieces.iter().enumerate().map(signed).collect::<Vec<bool>>()
        });
        let drops = scope.spawn(|| {
            let dropped = |one: &NewJob| {
                both.wait();
                command.give_up(&one.id, "wrong", at(5)).unwrap() == OperatorWord::Done
            };
            all.iter().map(dropped).collect::<Vec<bool>>()
        });
        (signs.join().unwrap(), drops.join().unwrap())
    });
    for (n, one) in all.iter().enumerate() {
        assert_ne!(signed[n], dropped[n], "job {n} has one end");
        let state = if signed[n] { PieceState::Signed } else { PieceState::Failed };
        assert_eq!(queue.state(one), state);
    }
    let failed = dropped.iter().filter(|is_so| **is_so).count() as u64;
    let counted = queue.keeper.depth().unwrap().jobs;
    assert!(counted.contains(&(PieceState::Failed, failed)) && counted.contains(&(PieceState::Signed, 60 - failed)));
}

/// A queue in a database, with what its tests do to that.
fn of_database() -> Option<(Queue, impl Fn(&Queue, &str))> {
    let at_server = |queue: &Queue, statements: &str| match &queue.place {
        Place::Database { database, runtime } => runtime.block_on(database.sql(statements)),
        Place::File(_) => unreachable!("it is in a database"),
    };
    Some((in_a_database()?, at_server))
}

fn cut(queue: &Queue) {
    if let Place::Database { database, runtime } = &queue.place {
        runtime.block_on(database.cut_connections());
    }
}

fn let_in(queue: &Queue, is_so: bool) {
    if let Place::Database { database, runtime } = &queue.place {
        runtime.block_on(database.let_in(is_so));
    }
}

#[test]
fn a_second_gateway_on_a_database_is_refused_and_a_command_is_not() {
    let Some(queue) = in_a_database() else { return };
    let refused = queue.place.open(Holding::Alone("another one")).err().unwrap();
    assert!(
        refused.contains("the queue in the database of the test cannot be opened: another gateway has it: a test"),
        "{refused}"
    );
    assert_eq!(queue.again().depth().unwrap().open_jobs(), 0);
    // The first one is not disturbed by it.
    assert_eq!(queue.keep(&job(1, 1, Behaviour::Rollback)), Kept::New);
    let Queue { keeper, place } = queue;
    drop(keeper);
    assert!(place.open(Holding::Alone("another one")).is_ok());
}

#[test]
fn a_connection_that_is_lost_is_made_anew() {
    let Some(queue) = in_a_database() else { return };
    let [one, two, three] = [1, 2, 3].map(|n| job(n, 1, Behaviour::Rollback));
    assert_eq!((queue.keep(&one), queue.open().len()), (Kept::New, 1));
    // The server starts again: nobody notices.
    cut(&queue);
    assert_eq!((queue.open().len(), queue.keep(&two)), (1, Kept::New));
    // The server is away.
    let_in(&queue, false);
    cut(&queue);
    let unavailable = |error: KeeperError| assert!(matches!(error, KeeperError::Unavailable(_)), "{error}");
    unavailable(queue.keeper.job(&one.id).unwrap_err());
    unavailable(queue.keeper.keep(three.clone(), LIMITS).unwrap_err());
    unavailable(queue.keeper.depth().unwrap_err());
    let_in(&queue, true);
    assert_eq!((queue.keep(&three), queue.open().len()), (Kept::New, 3));
    assert_eq!(queue.keep(&two), Kept::Same(two.id.clone()));
}

#[test]
fn a_gateway_whose_lease_went_to_another_changes_nothing() {
    let Some(queue) = in_a_database() else { return };
    cut(&queue);
    let other = queue.place.open(Holding::Alone("the other")).unwrap();
    let refused = queue.keeper.keep(job(1, 1, Behaviour::Rollback), LIMITS).unwrap_err().to_string();
    assert!(refused.contains("another gateway has it") && refused.contains("the other"), "{refused}");
    assert_eq!(other.keep(job(2, 1, Behaviour::Rollback), LIMITS).unwrap(), Kept::New);
    drop(other);
    assert_eq!(queue.keep(&job(1, 1, Behaviour::Rollback)), Kept::New);
    assert_eq!(queue.open().len(), 2);
}

#[test]
fn an_epoch_that_was_raised_behind_a_gateways_back_is_noticed() {
    let Some((queue, sql)) = of_database() else { return };
    // It gives up its connection, and takes the lease anew with another one.
    sql(&queue, "UPDATE sealane_queue.lease SET epoch = epoch + 1");
    assert_eq!(queue.keep(&job(1, 1, Behaviour::Rollback)), Kept::New);
}

#[test]
fn a_full_disk_of_the_server_is_told_as_one() {
    let Some((queue, sql)) = of_database() else { return };
    let full = "CREATE FUNCTION sealane_queue.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                RAISE EXCEPTION 'could not extend file \"base/1\": No space left on device' USING ERRCODE = 'disk_full'; END $$; \
                CREATE CONSTRAINT TRIGGER full_at_commit AFTER INSERT ON sealane_queue.jobs DEFERRABLE INITIALLY DEFERRED \
                FOR EACH ROW EXECUTE FUNCTION sealane_queue.full()";
    sql(&queue, full);
    let one = job(1, 1, Behaviour::Rollback);
    assert!(matches!(queue.keeper.keep(one.clone(), LIMITS), Err(KeeperError::Full)));
    sql(&queue, "DROP TRIGGER full_at_commit ON sealane_queue.jobs");
    assert_eq!(queue.keep(&one), Kept::New);
}

#[test]
fn tables_of_a_newer_program_are_left_alone() {
    let Some((queue, sql)) = of_database() else { return };
    sql(&queue, "INSERT INTO sealane_queue.__diesel_schema_migrations (version) VALUES ('99990101000000')");
    let refused = queue.place.open(Holding::Beside).err().unwrap();
    assert!(refused.contains("made by a newer sealane (migration 99990101000000)"), "{refused}");
}

fn named(name: &str) -> NamedQuery {
    let definition = Json::from(json!({"EQ_bizStep": ["shipping"], "EQ_x": 1.50}));
    NamedQuery { name: name.parse().unwrap(), client: client(), created_at: at(5), definition }
}

fn subscription(query: &str, controls: &Value, form: IdForm) -> Subscription {
    Subscription {
        id: SubscriptionId::new(),
        query: query.parse().unwrap(),
        client: client(),
        created_at: at(6),
        dest: Dest::known("https://client.example.com/x?y=%00").unwrap(),
        signature_token: Some(zeroize::Zeroizing::new("a secret of many ü".to_owned())),
        controls: controls_from_json(controls.as_object().unwrap(), form).unwrap(),
    }
}

fn queries_and_subscriptions_are_the_same_after_a_start(make: Make) {
    let Some(queue) = make() else { return };
    let keeper = &queue.keeper;
    let (one, other) = (named("one"), named("other"));
    assert_eq!(keeper.add_query(&other, (9, 9)).unwrap(), AddOutcome::Done);
    assert_eq!(keeper.add_query(&one, (9, 9)).unwrap(), AddOutcome::Done);
    assert_eq!(keeper.add_query(&one, (9, 9)).unwrap(), AddOutcome::Taken);
    let stream =
        subscription("one", &json!({"stream": true, "initialRecordTime": "2026-01-01T00:00:00Z"}), IdForm::Urn);
    let daily = json!({"schedule": {"hour": "1", "minute": "[5-9]"}, "reportIfEmpty": true});
    let daily =
        Subscription { created_at: at(7), signature_token: None, ..subscription("one", &daily, IdForm::AsCaptured) };
    let place = ToldPlace { leaf: LeafIndex::new(7).unwrap(), position: 65_535 };
    let begun = SubscriptionState { told: Some(place), ..SubscriptionState::default() };
    assert_eq!(keeper.add_subscription(&daily, &begun, (9, 9)).unwrap(), AddOutcome::Done);
    assert_eq!(keeper.add_subscription(&stream, &SubscriptionState::default(), (9, 9)).unwrap(), AddOutcome::Done);
    let trouble = DeliveryTrouble { since: at(8), attempts: 3, next_at: at(9), why: "503 \0 \"x\"".to_owned() };
    let state = SubscriptionState {
        told: Some(place),
        last_notified_at: Some(at(8)),
        last_run_at: Some(at(9)),
        trouble: Some(trouble),
        is_suspended: true,
    };
    keeper.note_state(&stream.id, &state).unwrap();
    let again = queue.again();
    assert_eq!(again.queries().unwrap(), [one.clone(), other]);
    assert_eq!(again.query(&one.name).unwrap(), Some(one.clone()));
    assert_eq!(again.subscriptions().unwrap(), [(stream.clone(), state), (daily.clone(), begun.clone())]);
    drop(again);
    keeper.note_state(&stream.id, &SubscriptionState::default()).unwrap();
    assert_eq!(keeper.subscriptions().unwrap()[0].1, SubscriptionState::default(), "nothing is left of what is over");
    assert!(keeper.remove_subscription(&stream.id).unwrap() && !keeper.remove_subscription(&stream.id).unwrap());
    keeper.note_state(&stream.id, &begun).unwrap();
    assert_eq!(keeper.subscriptions().unwrap().len(), 1, "what is gone is not brought back");
    let another: ClientName = "another".parse().unwrap();
    assert!(!keeper.remove_query(&one.name, &another).unwrap());
    assert!(keeper.remove_query(&one.name, &client()).unwrap());
    assert_eq!((keeper.queries().unwrap().len(), keeper.subscriptions().unwrap().len()), (1, 0));
    assert_eq!(keeper.add_subscription(&daily, &begun, (9, 9)).unwrap(), AddOutcome::NoQuery);
}

fn definitions_are_read_page_by_page(make: Make) {
    let Some(queue) = make() else { return };
    let names: Vec<String> = (100..170).map(|number| format!("q{number}")).collect();
    for name in &names {
        queue.keeper.add_query(&named(name), (99, 99)).unwrap();
    }
    let bytes = named("x").definition.to_string().len();
    for (queries, bytes) in
        [(1, usize::MAX), (7, usize::MAX), (64, usize::MAX), (99, usize::MAX), (99, bytes * 10), (99, 0)]
    {
        let (mut told, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = queue.keeper.definitions(after.as_deref(), PageRoom { queries, bytes }).unwrap();
            assert!(page.queries.len() <= queries && !page.queries.is_empty());
            told.extend(page.queries.iter().map(|(name, _)| name.clone()));
            after = told.last().cloned();
            if !page.has_more {
                break;
            }
        }
        assert_eq!(told, names, "{queries} {bytes}");
    }
    let empty = queue.keeper.definitions(Some("q999"), PageRoom { queries: 1, bytes: 1 }).unwrap();
    assert!(empty.queries.is_empty() && !empty.has_more);
}

fn of_queries_and_subscriptions_there_are_so_many(make: Make) {
    let Some(queue) = make() else { return };
    let keeper = &queue.keeper;
    assert_eq!(keeper.add_query(&named("one"), (1, 1)).unwrap(), AddOutcome::Done);
    assert_eq!(keeper.add_query(&named("two"), (1, 9)).unwrap(), AddOutcome::Full);
    assert_eq!(keeper.add_query(&named("two"), (9, 1)).unwrap(), AddOutcome::FullOfClient);
    let add = |max| {
        let new = subscription("one", &json!({"stream": true}), IdForm::DigitalLink);
        keeper.add_subscription(&new, &SubscriptionState::default(), max).unwrap()
    };
    assert_eq!(add((2, 1)), AddOutcome::Done);
    assert_eq!(add((2, 1)), AddOutcome::FullOfClient);
    assert_eq!(add((1, 9)), AddOutcome::Full);
}
