//! What the gateway needs of its store: the port, and the rows in the gateway's words.
//!
//! Each method that writes returns when what it wrote is on the disk. A crash before that leaves nothing of it, and a crash after it
//! leaves all of it. An error leaves nothing of it, but for [`KeeperError::Unsure`]: there all of it may be there, and whoever asks again
//! finds that out. Every method may wait for a disk or a server, so none is called on a thread that serves requests or runs async code.

use serde_json::Value;

use sealane_core::consortium::EventKey;
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

use crate::gateway::clients::{ClientName, GatewayClient};
use crate::gateway::job::{Behaviour, JobId, OpenPiece, PieceState};

/// The store cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    #[error("the disk of the gateway's queue is full")]
    Full,
    #[error("the gateway's queue cannot be read or written: {0}")]
    Unavailable(String),
    /// The database was lost while it made a change durable.
    #[error("it is not known whether the gateway's queue was written: {0}")]
    Unsure(String),
    #[error("the gateway's queue holds what this program did not write: {0}")]
    Corrupt(String),
}

/// A capture that is to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    pub id: JobId,
    pub client: ClientName,
    pub received_at: Timestamp,
    /// SHA-256 of the body as it was sent.
    pub digest: Hash,
    pub idempotency_key: Option<String>,
    pub media_type: String,
    pub behaviour: Behaviour,
    /// Empty if nothing of it is sent.
    pub document: Vec<u8>,
    /// The place of each event in the document that was sent.
    pub indices: Vec<usize>,
    pub was_query: bool,
    pub joint: Option<Hash>,
    pub errors: Vec<Value>,
    pub changed: Value,
    pub repeated: Vec<Value>,
}

/// What became of a capture that was to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    New,
    /// The same body, or the same `Idempotency-Key` with it, was taken before.
    Same(JobId),
    /// The `Idempotency-Key` stands for another body.
    OtherBody(JobId),
    /// The queue holds as much as it may.
    Full,
}

/// Limits of the queue, and how long a body is remembered.
#[derive(Debug, Clone, Copy)]
pub struct GatewayQueueLimits {
    pub jobs_max: u64,
    pub bytes_max: u64,
    /// Milliseconds within which the same body is the same capture.
    pub same_within_ms: i64,
}

/// A job with all that is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptJob {
    /// Its place among all jobs.
    pub seq: i64,
    pub id: JobId,
    pub client: ClientName,
    pub received_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub behaviour: Behaviour,
    pub state: PieceState,
    pub events: usize,
    pub digest: Hash,
    pub errors: Vec<Value>,
    pub changed: Value,
    pub repeated: Vec<Value>,
    /// The operator's words, if it was dropped.
    pub reason: Option<String>,
    pub pieces: Vec<KeptPiece>,
}

/// A piece of a job with what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptPiece {
    pub first: usize,
    pub count: usize,
    pub state: PieceState,
    pub statement: Option<String>,
    /// The first of its events within the statement.
    pub at: usize,
    pub receipt: Option<Value>,
    pub node: Option<String>,
    pub attempts: u32,
    pub next_at: Option<Timestamp>,
    /// What stood in the way of the last attempt.
    pub trouble: Option<String>,
}

/// The document of a job, to be signed.
#[derive(Debug, Clone, PartialEq)]
pub struct JobDocument {
    pub document: Vec<u8>,
    pub indices: Vec<usize>,
    pub was_query: bool,
}

/// A statement that is about to be sent, and the pieces in it in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStatement {
    pub id: String,
    pub client: ClientName,
    /// The compact JWS. Every try posts these bytes.
    pub compact: Vec<u8>,
    /// Thumbprint of the certificate, and when that ends.
    pub certificate: Hash,
    pub not_after: Timestamp,
    pub iat: Timestamp,
}

/// A statement that waits for its receipt.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenStatement {
    pub statement: NewStatement,
    pub attempts: u32,
    pub next_at: Option<Timestamp>,
}

/// What an attempt came to that was not the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub next_at: Timestamp,
    pub node: String,
    pub trouble: String,
    /// A node had the bytes.
    pub was_sent: bool,
}

/// A receipt that was verified, and what is known by it.
#[derive(Debug, Clone, PartialEq)]
pub struct Landing {
    pub receipt: Value,
    pub leaf: u64,
    pub node: String,
    pub at: Timestamp,
    /// Events by their positions in the statement that their signer had recorded before.
    pub repeated: Vec<Value>,
}

/// How full the queue is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Depth {
    /// Jobs by state.
    pub jobs: Vec<(PieceState, u64)>,
    /// Bytes of the documents of open jobs.
    pub open_bytes: u64,
    pub oldest_open: Option<Timestamp>,
    /// Statements by certificate that wait for their receipts.
    pub open_certificates: Vec<Hash>,
}

impl Depth {
    pub fn open_jobs(&self) -> u64 {
        self.jobs.iter().filter(|(state, _)| state.is_open()).map(|(_, count)| count).sum()
    }
}

/// Which jobs are listed.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    pub client: Option<ClientName>,
    pub state: Option<PieceState>,
    /// Those that were taken before the job with this number.
    pub before: Option<i64>,
    pub jobs_max: usize,
}

/// What the operator's word about a job came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorWord {
    Done,
    Unknown,
    /// The job is not in a state for that.
    Not(PieceState),
}

/// The store of a gateway.
pub trait Keeper: Send + Sync {
    /// Keeps a capture, unless it was taken before or the queue is full. A job of which nothing is sent is over at once.
    fn keep(&self, job: NewJob, limits: GatewayQueueLimits) -> Result<Kept, KeeperError>;

    fn job(&self, id: &JobId) -> Result<Option<KeptJob>, KeeperError>;

    /// Jobs, the newest first.
    fn jobs(&self, filter: &JobFilter) -> Result<Vec<KeptJob>, KeeperError>;

    /// Clients whose lane has work.
    fn clients_with_work(&self) -> Result<Vec<ClientName>, KeeperError>;

    /// The first open pieces of a client, in the order of its jobs.
    fn open_pieces(&self, client: &ClientName, pieces_max: usize) -> Result<Vec<OpenPiece>, KeeperError>;

    /// The document of a job, by its number.
    fn document(&self, job: i64) -> Result<Option<JobDocument>, KeeperError>;

    /// Stores a statement, and that these queued pieces are in it. False if the very same was signed in this second for another job:
    /// then nothing is stored.
    fn store_statement(&self, statement: NewStatement, pieces: &[OpenPiece]) -> Result<bool, KeeperError>;

    fn open_statement(&self, id: &str) -> Result<Option<OpenStatement>, KeeperError>;

    /// Notes an attempt that was not the end.
    fn note_attempt(&self, statement: &str, attempt: &Attempt) -> Result<(), KeeperError>;

    /// Makes a statement final, with all pieces in it and the jobs that have no other.
    fn land(&self, statement: &str, landing: Landing, facts: Vec<(EventKey, Hash)>) -> Result<(), KeeperError>;

    /// Takes a statement back: its pieces are queued again, each to be sent `alone` or joined as before.
    fn take_back(&self, statement: &str, alone: bool) -> Result<(), KeeperError>;

    /// Replaces the one piece of a refused statement by its halves.
    fn cut(&self, statement: &str, counts: (usize, usize)) -> Result<(), KeeperError>;

    /// Ends the one piece of a refused statement, with what its job tells of it.
    fn refuse(&self, statement: &str, errors: Vec<Value>, at: Timestamp) -> Result<(), KeeperError>;

    /// Which of these events are final already, with the leaf of each.
    fn recorded(&self, facts: &[(EventKey, Hash)]) -> Result<Vec<Option<u64>>, KeeperError>;

    fn depth(&self) -> Result<Depth, KeeperError>;

    /// Queues a failed job again.
    fn retry(&self, id: &JobId) -> Result<OperatorWord, KeeperError>;

    /// Ends a job that no node has had, for a reason.
    fn give_up(&self, id: &JobId, reason: &str, at: Timestamp) -> Result<OperatorWord, KeeperError>;

    /// Forgets the documents of jobs that were finished before a time. What is told of the jobs stays.
    fn forget_documents(&self, before: Timestamp) -> Result<u64, KeeperError>;

    fn clients(&self) -> Result<Vec<GatewayClient>, KeeperError>;

    /// Adds a client. False if there is one of this name.
    fn add_client(&self, client: &GatewayClient) -> Result<bool, KeeperError>;

    /// False if there is none of this name.
    fn remove_client(&self, name: &ClientName) -> Result<bool, KeeperError>;
}
