//! What the use cases need of the world, in the core's words. The edges implement it; `cli` has the real clock.

mod agreement;
mod faults;
mod peers;
mod vote_log;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use sealane_core::block::{Height, NotePublicKey};
use sealane_core::consortium::{Claims, ParticipantId};
use sealane_core::hash::Hash;
use sealane_core::ledger::BlockContent;
use sealane_core::merkle::{LeafIndex, TileId};
use sealane_core::statement::{PublicKey, Signature};
use sealane_core::time::Timestamp;

pub use agreement::{Act, Agreement, AgreementError, Patience, WantedBlock};
pub use faults::{FaultKeeper, KeptFaults};
pub use peers::{
    AddressKeeper, LastWords, NodeCertificate, NodeCertificateError, NodeCertificates, NodeIdentity, PeerEvent,
    PeerStanding, Peers, Roster, To,
};
pub use vote_log::{VoteLog, VoteLogError};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// What the machine's clock says, which can be set, and can be wrong.
    fn now(&self) -> Timestamp;

    /// How much time has passed since some moment of the machine's own. It only grows, it cannot be set, and it counts while
    /// the machine sleeps.
    fn passed(&self) -> Duration;

    /// Both at one moment.
    fn reading(&self) -> ClockReading {
        ClockReading { now: self.now(), passed: self.passed() }
    }
}

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    pub now: Timestamp,
    /// As of [`Clock::passed`].
    pub passed: Duration,
}

/// How much each signer may have captured.
pub trait Allowance: Send + Sync {
    /// Takes one capture out of a signer's allowance. Called only for whom a signature has been verified, so that no sender
    /// uses up what is another's.
    fn take(&self, signer: &ParticipantId) -> Result<(), Exceeded>;
}

/// An allowance that is used up for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    pub per_second: u32,
    /// When there is something in it again, in whole seconds.
    pub retry_after_s: u32,
}

/// The member's keys. What they have signed is in the [`VoteLog`].
pub trait MemberSigner: Send + Sync {
    fn public_key(&self) -> &PublicKey;

    /// Signs, as ES256 r ‖ s, bytes of one of three forms, so that a signature over one never passes for another:
    ///
    /// - the signing input of a JWS, which is base64url and a dot: it has neither a newline nor a 0x00;
    /// - bytes that begin with "sealane/…/v1" 0x00;
    /// - the text of a checkpoint, for its note: it has newlines, and no 0x00, since an origin has no control characters
    ///   and the other lines are a number and base64.
    fn sign(&self, bytes: &[u8]) -> Signature;

    fn note_key(&self) -> &NotePublicKey;

    /// Signs the text of a note, as Ed25519, by the note key.
    fn sign_note(&self, text: &[u8]) -> [u8; 64];
}

/// A final block that this member's key has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub height: Height,
    pub round: u32,
    /// SHA-256 of the checkpoint's text.
    pub checkpoint: Hash,
}

/// The store failed. What it was asked to write is either whole or absent; unless the variant says so, ask it again to
/// know which.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written.
    #[error("the disk that holds the ledger is full")]
    Full,
    /// Nothing was written: the store takes no writes, or did not take this one.
    #[error("the ledger's store wrote nothing: {0}")]
    Refused(String),
    #[error("the ledger cannot be reached: {0}")]
    Unavailable(String),
    #[error("the ledger holds something that it must not: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// A record that does not read: of another version, or damaged.
    pub fn of_record(leaf: LeafIndex, fault: impl fmt::Display) -> Self {
        Self::Corrupt(format!("leaf {leaf}: its record: {fault}; `sealane audit --rebuild` makes records again"))
    }
}

/// All that one block adds, written in one transaction or not at all.
#[derive(Debug)]
pub struct NewBlock {
    pub block: StoredBlock,
    pub leaves: Vec<StoredLeaf>,
    /// Bytes of the statements too long for their leaves, by SHA-256.
    pub long_statements: Vec<(Hash, Vec<u8>)>,
    /// The tiles that it fills or widens, as wide as they are with it.
    pub tiles: Vec<(TileId, Vec<Hash>)>,
    /// Of each statement. Shared, since the writer learns from them once they are written.
    pub records: Arc<Vec<PlacedRecord>>,
}

impl NewBlock {
    /// Puts a block's content together with what was signed about it.
    pub fn new(block: StoredBlock, content: BlockContent) -> Self {
        let BlockContent { leaves, long_statements, tiles, records } = content;
        Self { block, leaves, long_statements, tiles, records }
    }
}

/// A request that waits for a member's decision, or was refused.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingRequest {
    pub participant: ParticipantId,
    pub received: Timestamp,
    pub body: RequestBody,
    /// Why it was rejected, if it was. Approval is read off the ledger.
    pub rejected: Option<String>,
}

/// How much may wait for a decision. Registrations by strangers, those that a member has invited, and renewals have a
/// room each, so that strangers take no place from the others; and in theirs none takes all of it by one address.
#[derive(Debug, Clone, Copy)]
pub struct WaitingRoom {
    pub requests_max: u64,
    pub bytes_max: u64,
    /// Of one address, if the request has one.
    pub address_requests_max: u64,
    pub address_bytes_max: u64,
    /// What was received before is forgotten.
    pub since: Timestamp,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    Waits,
    /// This participant's request for the same key, or another one of the same participant, waits.
    Repeats(ParticipantId),
    Full,
    /// As much of this address waits as may.
    AddressFull,
}

/// Which requests to list.
#[derive(Debug, Clone)]
pub struct RequestFilter {
    pub renewals: bool,
    /// Those that were rejected, or those that wait; both for `None`.
    pub rejected: Option<bool>,
    /// Received at this time or later.
    pub since: Timestamp,
    /// With an id after this one.
    pub after: Option<ParticipantId>,
    /// With this id or one before it.
    pub through: Option<ParticipantId>,
    /// At most this many.
    pub limit: u32,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RequestBody {
    /// `csr` is PEM.
    Registration {
        claims: Claims,
        csr: String,
        key: Hash,
        #[serde(default)]
        entrance: Entrance,
    },
    /// `consent` is base64url of the current key's signature.
    Renewal { csr: String, key: Hash, current: Hash, consent: String },
}

/// How a registration came in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Entrance {
    /// With a member's invitation, which names the participant's id.
    Invited,
    /// From this client address, as limits count it, if one is known.
    Open { address: Option<String> },
}

impl Default for Entrance {
    fn default() -> Self {
        Self::Open { address: None }
    }
}

impl RequestBody {
    pub const fn is_invited(&self) -> bool {
        matches!(self, RequestBody::Registration { entrance: Entrance::Invited, .. })
    }

    /// The client's address, of a stranger's registration.
    pub fn address(&self) -> Option<&str> {
        match self {
            RequestBody::Registration { entrance: Entrance::Open { address }, .. } => address.as_deref(),
            _ => None,
        }
    }

    pub const fn is_renewal(&self) -> bool {
        matches!(self, RequestBody::Renewal { .. })
    }

    /// SHA-256 of the requested key's SPKI.
    pub fn key(&self) -> &Hash {
        match self {
            RequestBody::Registration { key, .. } | RequestBody::Renewal { key, .. } => key,
        }
    }
}

/// What a store keeps, in the words of the core.
pub use sealane_core::ledger::{LeafContent, PlacedRecord, StoredBlock, StoredLeaf};

/// Keeps the ledger. What `append` has returned from is durable: it survives a crash of the process and of the machine.
#[async_trait]
pub trait LedgerStore: Send + Sync {
    /// The ledger as of now, for an answer that takes many small questions. This call and every question are carried
    /// out on the thread that asks, which may have to wait for a disk: not on one that serves requests. `None` of a store
    /// that has no quicker way than its usual one.
    async fn snapshot(&self) -> Result<Option<Arc<dyn LedgerStore>>, StoreError> {
        Ok(None)
    }

    /// Writes a block in one transaction. On an error, `tip` tells whether it was written. A block that does not come right
    /// after the last one is refused: the store may have lost blocks under a node that runs.
    async fn append(&self, block: NewBlock) -> Result<(), StoreError>;

    /// The last block, or `None` of an empty ledger.
    async fn tip(&self) -> Result<Option<StoredBlock>, StoreError>;
    async fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError>;
    /// Up to `limit` blocks from the last one back.
    async fn last_blocks(&self, limit: u32) -> Result<Vec<StoredBlock>, StoreError>;
    /// The block that holds each of `leaves`, in their order; leaves beyond the last block are left out.
    async fn blocks_of(&self, leaves: Vec<LeafIndex>) -> Result<Vec<StoredBlock>, StoreError>;

    async fn leaf(&self, index: LeafIndex) -> Result<Option<StoredLeaf>, StoreError>;
    async fn leaves(&self, range: Range<u64>) -> Result<Vec<StoredLeaf>, StoreError>;
    async fn leaves_at(&self, indices: Vec<LeafIndex>) -> Result<Vec<StoredLeaf>, StoreError>;
    /// Leaves of one content from `first` on, up to `limit`.
    async fn leaves_with(
        &self,
        content: LeafContent,
        first: LeafIndex,
        limit: u32,
    ) -> Result<Vec<StoredLeaf>, StoreError>;
    async fn long_statement(&self, hash: Hash) -> Result<Option<Vec<u8>>, StoreError>;

    /// The hashes of each tile, as wide as asked for. A tile that is not there is left out.
    async fn tiles(&self, tiles: Vec<TileId>) -> Result<Vec<(TileId, Vec<Hash>)>, StoreError>;
    /// Up to `limit` tiles after the one of a level and index, in that order, each as wide as it is stored.
    async fn tiles_after(&self, after: Option<(u8, u64)>, limit: u32) -> Result<Vec<(TileId, Vec<Hash>)>, StoreError>;

    /// The records of these leaves, in their order; leaves without one are left out.
    async fn records(&self, leaves: Vec<LeafIndex>) -> Result<Vec<PlacedRecord>, StoreError>;
    /// Records in the order of their leaves, from `first` on: up to `limit`, and no more after `bytes_max` bytes of them.
    async fn records_from(
        &self,
        first: LeafIndex,
        limit: u32,
        bytes_max: usize,
    ) -> Result<Vec<PlacedRecord>, StoreError>;

    /// Takes a request into the room of its kind, if it may wait there, in the place of its participant's rejected one; an
    /// invited one in the place of none, since an invitation is for one request.
    /// Forgets what is older than the room keeps.
    async fn add_request(&self, request: PendingRequest, room: WaitingRoom) -> Result<Admission, StoreError>;
    /// Marks the waiting request of a participant as rejected.
    async fn reject_request(&self, participant: &ParticipantId, reason: String) -> Result<(), StoreError>;
    /// Removes the request of a participant, if it has one.
    async fn forget_request(&self, participant: &ParticipantId) -> Result<(), StoreError>;
    /// All requests, which only an audit needs.
    async fn requests(&self) -> Result<Vec<PendingRequest>, StoreError>;
    /// Requests of one kind, by id.
    async fn requests_page(&self, filter: RequestFilter) -> Result<Vec<PendingRequest>, StoreError>;
    /// The request of a participant.
    async fn request(&self, participant: &ParticipantId) -> Result<Option<PendingRequest>, StoreError>;

    /// How many rows each table of the ledger has, whether or not a query would find them.
    async fn row_counts(&self) -> Result<RowCounts, StoreError>;

    /// Tells whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
    /// Tells whether the store writes, by writing about as much as a small block in the place of what this wrote before.
    async fn probe_write(&self) -> Result<(), StoreError>;
    /// Faults that the database finds in its own files.
    async fn self_check(&self) -> Result<Vec<String>, StoreError>;
    /// Removes every row that is derived from leaves.
    async fn clear_derived(&self) -> Result<(), StoreError>;
    /// Writes what one block's leaves give, which was removed, in one transaction.
    async fn add_derived(&self, derived: Derived) -> Result<(), StoreError>;
}

/// Rows in each table of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowCounts {
    pub leaves: u64,
    pub long_statements: u64,
    pub blocks: u64,
    pub tiles: u64,
    pub records: u64,
}

/// The rows that are derived from the leaves of a block.
#[derive(Debug, Default)]
pub struct Derived {
    /// The tiles that it fills or widens, as wide as they are with it.
    pub tiles: Vec<(TileId, Vec<Hash>)>,
    pub records: Arc<Vec<PlacedRecord>>,
}
