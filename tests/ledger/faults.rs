//! The ports of a node, each of whose steps can be made to fail, or to be the last thing that the process did.

use sealane::signatures::AwsLc;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use sealane::app::orderer::{BlockObserver, Orderer};
use sealane::app::{Ledger, LoadError};
use sealane::bft;
use sealane::pki::{MemberKey, X509Reader};
use sealane::ports::{
    Admission, Clock, Derived, LeafContent, LedgerStore, Mark, MemberSigner, NewBlock, PendingRequest, PlacedRecord,
    RequestFilter, RowCounts, StoreError, StoredBlock, StoredLeaf, VoteLog, VoteLogError, WaitingRoom,
};
use sealane::store::{SqliteStore, VoteLogFile};
use sealane_core::agreement::Logged;
use sealane_core::block::{Height, NotePublicKey, Origin};
use sealane_core::consortium::ParticipantId;
use sealane_core::hash::Hash;
use sealane_core::merkle::{LeafIndex, TileId};
use sealane_core::statement::{PublicKey, Signature};
use tempfile::TempDir;

use crate::member::{Member, copy_of, log_in};

/// A call on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Tip,
    Tiles,
    RecordsFrom,
    LeavesWith,
    BlocksOf,
    Leaf,
    Records,
    Append,
    ProbeWrite,
    AddRequest,
    RejectRequest,
    ForgetRequest,
    Sign,
    RaiseMark,
    /// The block is visible, and nobody was answered yet.
    Observe,
}

impl Step {
    /// Signing and observing have no way to say that they failed.
    pub fn can_fail(self) -> bool {
        !matches!(self, Step::Sign | Step::Observe)
    }
}

/// When a fault strikes: with nothing done, or with all of it done and lasting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Before,
    After,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The call returns an error, and the process goes on.
    Error,
    /// The same, of a disk with no room left.
    Full,
    /// Nothing runs after this: what is on disk now is all there is.
    Death,
}

#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub step: Step,
    /// Which of the calls from the arming on, or from the fault before this one; the first is 1.
    pub nth: u32,
    pub side: Side,
    pub how: How,
}

/// What is to go wrong, and what a process that died has left.
pub struct Faults(Mutex<Plan>);

struct Plan {
    dir: PathBuf,
    /// Counts the processes. Whatever is left of one that died can do nothing more.
    life: u32,
    armed: VecDeque<Fault>,
    calls: u32,
    wreck: Option<TempDir>,
    /// What the mark ever said of each height.
    marked: BTreeMap<Height, BTreeSet<Hash>>,
    /// Leaves that were asked for by their places, and long statements.
    read: Reads,
}

/// What was asked of a store by its place or its hash.
#[derive(Debug, Default)]
pub struct Reads {
    pub leaves: BTreeSet<u64>,
    pub long_statements: BTreeSet<Hash>,
}

impl Faults {
    pub fn new(dir: &Path) -> Arc<Self> {
        let plan = Plan {
            dir: dir.to_owned(),
            life: 0,
            armed: VecDeque::new(),
            calls: 0,
            wreck: None,
            marked: BTreeMap::new(),
            read: Reads::default(),
        };
        Arc::new(Self(Mutex::new(plan)))
    }

    /// Makes these faults strike, one after the other.
    pub fn arm(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut plan = self.plan();
        plan.armed = faults.into_iter().collect();
        plan.calls = 0;
    }

    /// Takes back what has not struck yet, and tells what that was.
    pub fn disarm(&self) -> Vec<Fault> {
        self.plan().armed.drain(..).collect()
    }

    /// The directory as the process left it that died, if it did. From here on another one runs, in that directory.
    pub fn wreck(&self) -> Option<TempDir> {
        let mut plan = self.plan();
        let wreck = plan.wreck.take()?;
        plan.dir = wreck.path().to_owned();
        plan.life += 1;
        Some(wreck)
    }

    /// What was read since the last call.
    pub fn take_reads(&self) -> Reads {
        std::mem::take(&mut self.plan().read)
    }

    /// Heights that were marked with two different checkpoints.
    pub fn marked_twice(&self) -> Vec<Height> {
        let plan = self.plan();
        plan.marked.iter().filter(|(_, checkpoints)| checkpoints.len() > 1).map(|(height, _)| *height).collect()
    }

    /// A member's ports in the process that runs now.
    pub fn ports(self: &Arc<Self>, member: &Member) -> Ports {
        let life = self.plan().life;
        let (dir, origin) = (member.dir.path().to_owned(), member.origin());
        Ports {
            faults: Arc::clone(self),
            life,
            store: member.store.clone(),
            signer: Arc::clone(&member.signer),
            dir,
            origin,
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap()
    }

    /// Goes through one side of a step: on, or into the fault.
    fn strike(&self, life: u32, step: Step, side: Side) -> Option<How> {
        let mut plan = self.plan();
        if plan.life != life || plan.wreck.is_some() {
            die(plan);
        }
        let fault = *plan.armed.front().filter(|fault| (fault.step, fault.side) == (step, side))?;
        plan.calls += 1;
        if plan.calls < fault.nth {
            return None;
        }
        plan.calls = 0;
        plan.armed.pop_front();
        if fault.how == How::Death {
            plan.wreck = Some(copy_of(&plan.dir));
            die(plan);
        }
        Some(fault.how)
    }
}

/// Ends the task that makes the call, without the panic's message and backtrace: this one is meant.
fn die(plan: MutexGuard<'_, Plan>) -> ! {
    drop(plan);
    std::panic::resume_unwind(Box::new("this process is dead"))
}

/// The ports of one process, with the faults on the way.
#[derive(Clone)]
pub struct Ports {
    faults: Arc<Faults>,
    life: u32,
    store: SqliteStore,
    signer: Arc<MemberKey>,
    dir: PathBuf,
    origin: Origin,
}

impl Ports {
    /// The log of votes as it is now.
    pub fn log(&self) -> FaultyLog {
        FaultyLog { ports: self.clone(), log: log_in(&self.dir, &self.signer, &self.origin), is_pending: false }
    }

    /// Opens the ledger through the faults; the writer is not yet running.
    pub async fn open(self, clock: Arc<dyn Clock>) -> Result<(Orderer, Ledger), LoadError> {
        let log = Box::new(self.log());
        let ports = Arc::new(self);
        let consensus = bft::alone(Arc::clone(&ports) as _, log, Arc::new(AwsLc), Arc::new(X509Reader));
        Orderer::open(Arc::clone(&ports) as _, clock, Arc::clone(&ports) as _, Arc::new(AwsLc), ports, consensus).await
    }

    async fn pass<T>(&self, step: Step, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.strike(step, Side::Before)?;
        let done = call.await?;
        self.strike(step, Side::After)?;
        Ok(done)
    }

    fn strike(&self, step: Step, side: Side) -> Result<(), StoreError> {
        match self.faults.strike(self.life, step, side) {
            Some(How::Full) => Err(StoreError::Full),
            Some(_) => Err(StoreError::Unavailable("injected".to_owned())),
            None => Ok(()),
        }
    }

    fn strike_mark(&self, side: Side) -> io::Result<()> {
        match self.faults.strike(self.life, Step::RaiseMark, side) {
            Some(How::Full) => Err(io::ErrorKind::StorageFull.into()),
            Some(_) => Err(io::Error::other("injected")),
            None => Ok(()),
        }
    }
}

impl BlockObserver for Ports {
    fn block_written(&self, _statements: usize, _events: usize, _took: Duration) {
        self.faults.strike(self.life, Step::Observe, Side::Before);
        self.faults.strike(self.life, Step::Observe, Side::After);
    }
}

impl MemberSigner for Ports {
    fn public_key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        self.faults.strike(self.life, Step::Sign, Side::Before);
        let signature = self.signer.sign(bytes);
        self.faults.strike(self.life, Step::Sign, Side::After);
        signature
    }

    fn note_key(&self) -> &NotePublicKey {
        self.signer.note_key()
    }

    fn sign_note(&self, text: &[u8]) -> [u8; 64] {
        self.signer.sign_note(text)
    }
}

/// The log of votes, with the faults on the way.
pub struct FaultyLog {
    ports: Ports,
    log: VoteLogFile,
    /// Something is not durable yet.
    is_pending: bool,
}

#[async_trait]
impl VoteLog for FaultyLog {
    fn height(&self) -> Option<Height> {
        self.log.height()
    }

    fn released(&self) -> Option<Mark> {
        self.log.released()
    }

    fn unknown(&self) -> Option<Height> {
        self.log.unknown()
    }

    fn begin(&mut self, after: Mark) -> Result<(), VoteLogError> {
        let before = self.log.released();
        self.log.begin(after)?;
        self.is_pending |= self.log.released() != before;
        Ok(())
    }

    fn append(&mut self, entry: &Logged) {
        self.log.append(entry);
    }

    async fn flush(&mut self) -> Result<(), VoteLogError> {
        let failed = |source| VoteLogError::Io { action: "write", path: "vote-log-0".into(), source };
        if !self.is_pending {
            return self.log.flush().await;
        }
        self.ports.strike_mark(Side::Before).map_err(failed)?;
        self.log.flush().await?;
        self.is_pending = false;
        if let Some(mark) = self.log.released() {
            self.ports.faults.plan().marked.entry(mark.height).or_default().insert(mark.checkpoint);
        }
        self.ports.strike_mark(Side::After).map_err(failed)
    }

    async fn entries(&self) -> Result<Vec<Logged>, VoteLogError> {
        self.log.entries().await
    }
}

#[async_trait]
impl LedgerStore for Ports {
    async fn append(&self, block: NewBlock) -> Result<(), StoreError> {
        self.pass(Step::Append, self.store.append(block)).await
    }

    async fn tip(&self) -> Result<Option<StoredBlock>, StoreError> {
        self.pass(Step::Tip, self.store.tip()).await
    }

    async fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError> {
        self.store.block(height).await
    }

    async fn last_blocks(&self, limit: u32) -> Result<Vec<StoredBlock>, StoreError> {
        self.store.last_blocks(limit).await
    }

    async fn blocks_of(&self, leaves: Vec<LeafIndex>) -> Result<Vec<StoredBlock>, StoreError> {
        self.pass(Step::BlocksOf, self.store.blocks_of(leaves)).await
    }

    async fn leaf(&self, index: LeafIndex) -> Result<Option<StoredLeaf>, StoreError> {
        self.faults.plan().read.leaves.insert(index.get());
        self.pass(Step::Leaf, self.store.leaf(index)).await
    }

    async fn leaves(&self, range: Range<u64>) -> Result<Vec<StoredLeaf>, StoreError> {
        let leaves = self.store.leaves(range).await?;
        self.faults.plan().read.leaves.extend(leaves.iter().map(|leaf| leaf.index.get()));
        Ok(leaves)
    }

    async fn leaves_at(&self, indices: Vec<LeafIndex>) -> Result<Vec<StoredLeaf>, StoreError> {
        self.faults.plan().read.leaves.extend(indices.iter().map(|index| index.get()));
        self.store.leaves_at(indices).await
    }

    async fn leaves_with(
        &self,
        content: LeafContent,
        first: LeafIndex,
        limit: u32,
    ) -> Result<Vec<StoredLeaf>, StoreError> {
        self.pass(Step::LeavesWith, self.store.leaves_with(content, first, limit)).await
    }

    async fn long_statement(&self, hash: Hash) -> Result<Option<Vec<u8>>, StoreError> {
        self.faults.plan().read.long_statements.insert(hash);
        self.store.long_statement(hash).await
    }

    async fn tiles(&self, tiles: Vec<TileId>) -> Result<Vec<(TileId, Vec<Hash>)>, StoreError> {
        self.pass(Step::Tiles, self.store.tiles(tiles)).await
    }

    async fn tiles_after(&self, after: Option<(u8, u64)>, limit: u32) -> Result<Vec<(TileId, Vec<Hash>)>, StoreError> {
        self.store.tiles_after(after, limit).await
    }

    async fn records(&self, leaves: Vec<LeafIndex>) -> Result<Vec<PlacedRecord>, StoreError> {
        self.pass(Step::Records, self.store.records(leaves)).await
    }

    async fn records_from(
        &self,
        first: LeafIndex,
        limit: u32,
        bytes_max: usize,
    ) -> Result<Vec<PlacedRecord>, StoreError> {
        self.pass(Step::RecordsFrom, self.store.records_from(first, limit, bytes_max)).await
    }

    async fn add_request(&self, request: PendingRequest, room: WaitingRoom) -> Result<Admission, StoreError> {
        self.pass(Step::AddRequest, self.store.add_request(request, room)).await
    }

    async fn reject_request(&self, participant: &ParticipantId, reason: String) -> Result<(), StoreError> {
        self.pass(Step::RejectRequest, self.store.reject_request(participant, reason)).await
    }

    async fn forget_request(&self, participant: &ParticipantId) -> Result<(), StoreError> {
        self.pass(Step::ForgetRequest, self.store.forget_request(participant)).await
    }

    async fn requests(&self) -> Result<Vec<PendingRequest>, StoreError> {
        self.store.requests().await
    }

    async fn requests_page(&self, filter: RequestFilter) -> Result<Vec<PendingRequest>, StoreError> {
        self.store.requests_page(filter).await
    }

    async fn request(&self, participant: &ParticipantId) -> Result<Option<PendingRequest>, StoreError> {
        self.store.request(participant).await
    }

    async fn row_counts(&self) -> Result<RowCounts, StoreError> {
        self.store.row_counts().await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    async fn probe_write(&self) -> Result<(), StoreError> {
        self.pass(Step::ProbeWrite, self.store.probe_write()).await
    }

    async fn self_check(&self) -> Result<Vec<String>, StoreError> {
        self.store.self_check().await
    }

    async fn clear_derived(&self) -> Result<(), StoreError> {
        self.store.clear_derived().await
    }

    async fn add_derived(&self, derived: Derived) -> Result<(), StoreError> {
        self.store.add_derived(derived).await
    }
}
