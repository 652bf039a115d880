//! The queue over a real file.

use serde_json::{Value, json};

use super::SqliteKeeper;
use crate::gateway::clients::ClientName;
use crate::gateway::job::{Behaviour, JobId, OpenPiece, PieceState};
use crate::gateway::keeper::{
    Attempt, GatewayQueueLimits, JobFilter, Keeper, Kept, Landing, NewJob, NewStatement, OperatorWord,
};
use sealane_core::consortium::EventKey;
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

const LIMITS: GatewayQueueLimits = GatewayQueueLimits { jobs_max: 3, bytes_max: 1_000, same_within_ms: 1_000 };

struct Queue {
    _dir: tempfile::TempDir,
    keeper: SqliteKeeper,
}

impl Queue {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keeper = SqliteKeeper::open(&dir.path().join("queue.sqlite")).unwrap();
        Self { _dir: dir, keeper }
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
        let statement = NewStatement {
            id: id.to_owned(),
            client: client(),
            compact: id.as_bytes().to_vec(),
            certificate: Hash::of(b"certificate"),
            not_after: at(1_000_000),
            iat: at(0),
        };
        self.keeper.store_statement(statement, &self.open()[..count]).unwrap();
    }

    fn land(&self, id: &str, facts: Vec<(EventKey, Hash)>) {
        let repeated = vec![json!({"position": 1, "eventID": "urn:x:1", "firstLeafIndex": 4})];
        let landing = Landing { receipt: json!({"r": id}), leaf: 7, node: "n".into(), at: at(9), repeated };
        self.keeper.land(id, landing, facts).unwrap();
    }
}

fn client() -> ClientName {
    "erp".parse().unwrap()
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

#[test]
fn a_job_goes_through_its_states() {
    let queue = Queue::new();
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

#[test]
fn the_queue_has_a_limit_and_knows_what_came_before() {
    let queue = Queue::new();
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
    let empty = Queue::new();
    empty.keep(&one);
    assert_eq!(empty.keep(&long), Kept::Full, "by its bytes");
    assert_eq!(empty.keeper.depth().unwrap().open_bytes, 100);
}

#[test]
fn jobs_that_share_a_statement_are_taken_apart_again() {
    let queue = Queue::new();
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

#[test]
fn a_refused_piece_is_cut_and_each_half_has_its_own_end() {
    let queue = Queue::new();
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

#[test]
fn only_what_is_queued_can_be_given_up() {
    let queue = Queue::new();
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

#[test]
fn a_job_without_events_to_send_is_over_at_once() {
    let queue = Queue::new();
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

#[test]
fn a_queue_is_the_same_after_a_start() {
    let queue = Queue::new();
    let one = job(1, 1, Behaviour::Rollback);
    queue.keep(&one);
    queue.sign("s1", 1);
    let again = SqliteKeeper::open(&queue._dir.path().join("queue.sqlite")).unwrap();
    assert_eq!(again.job(&one.id).unwrap(), queue.keeper.job(&one.id).unwrap());
    assert_eq!(again.open_statement("s1").unwrap().unwrap().statement.compact, b"s1");
    assert_eq!(again.depth().unwrap().open_certificates, [Hash::of(b"certificate")]);
    assert!(SqliteKeeper::open(std::path::Path::new("/nowhere/queue.sqlite")).is_err());
}
