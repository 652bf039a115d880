//! The open ledger: what every use case is given.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

use crate::app::admission::{Promise, Ticket, WriterLoad};
use crate::app::answer::ClientAddress;
use crate::app::council::Council;
use crate::app::faults::KnownFaults;
use crate::app::follower::{Following, Observing};
use crate::app::handovers::HandoverMemo;
use crate::app::head::Head;
use crate::app::lookup::Lookup;
use crate::app::orderer::{Job, JobReply, OrderError, Ordered, QUEUE_JOBS_MAX};
use crate::app::write_gate::WriteGate;
use crate::ports::{Clock, LedgerStore, StoreError, StoredBlock};
use sealane_core::block::{Height, Origin};
use sealane_core::consortium::{Place, Registry};
use sealane_core::index::{SubjectKey, SubjectProof};
use sealane_core::ledger::Candidate;
use sealane_core::merkle::{self, TileId, Tiles, TreeSize};
use sealane_core::statement::SignatureVerifier;
use sealane_core::time::Timestamp;

/// How long a statement's sender waits for the other members to agree, at the most.
const FINAL_WITHIN: Duration = Duration::from_secs(30);

/// How long the sender waits still once the node has begun to stop. Members that can agree do so in a fraction of it.
const FINAL_WITHIN_OF_A_STOP: Duration = Duration::from_secs(3);

/// What everyone may see at one moment: the last final block and the consortium as of it.
#[derive(Clone)]
pub struct View {
    pub tip: StoredBlock,
    pub registry: Arc<Registry>,
}

impl View {
    pub fn size(&self) -> TreeSize {
        self.tip.size()
    }
}

/// The store failed, or answered what cannot be.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a proof cannot be made from the stored tiles: {0}")]
    Proof(#[from] merkle::ProvingError),
    #[error("too many ask about products at once")]
    Busy,
    #[error("the index of that block is no longer kept; ask without a size for the latest block")]
    NotKept,
    #[error(
        "the answers that this address, or all together, have not taken yet hold as much memory as they may; take those first"
    )]
    AnswersHeld,
    #[error("the node is stopping, or cannot go on writing")]
    Stopped,
    #[error("leaf {leaf} cannot be read: {detail}")]
    Leaf { leaf: merkle::LeafIndex, detail: String },
}

/// A handle on the ledger. Clones share it.
#[derive(Clone)]
pub struct Ledger {
    pub(super) store: Arc<dyn LedgerStore>,
    pub(super) lookup: Arc<Lookup>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) view: watch::Receiver<Arc<View>>,
    pub(super) council: watch::Receiver<Arc<Council>>,
    pub(super) faults: watch::Receiver<Arc<KnownFaults>>,
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) questions: mpsc::Sender<Question>,
    pub(super) verifier: Arc<dyn SignatureVerifier>,
    pub(super) load: Arc<WriterLoad>,
    /// The client that answers and places count for.
    pub(super) client: ClientAddress,
    pub(super) gate: Arc<WriteGate>,
    pub(super) handovers: HandoverMemo,
    /// What this node knows of the nodes that it follows while it is no member's; `None` if it follows none then either.
    pub(super) observing: Option<Observing>,
}

/// Subjects to be proven by the index in the writer's memory.
pub(super) struct Question {
    pub keys: Vec<SubjectKey>,
    /// As of which block; the last one if left out.
    pub at: Option<Height>,
    /// `None` if what the block's index was is no longer kept.
    pub reply: oneshot::Sender<Option<Proven>>,
}

impl Question {
    /// Proves the subjects by the state that the last block left, which `view` is of.
    pub(super) fn answer(self, head: &mut Head, view: Arc<View>) {
        let Head { tip, state, .. } = head;
        let last = tip.seal.height.get();
        let blocks = self.at.map_or(Some(0), |at| usize::try_from(last.checked_sub(at.get())?).ok());
        let prove = |blocks| self.keys.iter().map(|key| state.prove(key, blocks)).collect::<Option<Vec<_>>>();
        let proofs = blocks.and_then(prove);
        // An asker that has gone away loses only its answer.
        let _ = self.reply.send(proofs.map(|proofs| Proven { view, proofs }));
    }
}

/// What the index says of subjects, under the seal of the view's last block.
pub struct Proven {
    pub view: Arc<View>,
    /// In the order of the question.
    pub proofs: Vec<SubjectProof>,
}

impl Ledger {
    pub fn store(&self) -> &dyn LedgerStore {
        &*self.store
    }

    /// The verifier that this node brought.
    pub fn verifier(&self) -> &dyn SignatureVerifier {
        &*self.verifier
    }

    /// Returns a handle whose answers count for a client, when threads and memory are shared out.
    pub fn for_client(&self, client: ClientAddress) -> Self {
        Self { client, ..self.clone() }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The latest final state.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.borrow())
    }

    /// How the members stand, as this node sees them.
    pub fn council(&self) -> Arc<Council> {
        Arc::clone(&self.council.borrow())
    }

    /// The same, with this node's own member as of now.
    pub fn council_now(&self) -> Council {
        self.council.borrow().with_own_tip(&self.view().tip, self.now())
    }

    /// How this node stands to those that it follows, if it is an observer, or its key is no member's now.
    pub fn following(&self) -> Option<Arc<Following>> {
        self.observing.as_ref().map(Observing::seen).filter(|following| !following.is_idle)
    }

    /// Waits for an observer's copy to have `size` leaves, which a followed node has, and tells whether it has them. It does not
    /// wait if nothing is taken of any node any more.
    pub async fn has_grown_to(&self, size: TreeSize, within: Duration) -> bool {
        if self.view().size() >= size {
            return true;
        }
        let Some(observing) = self.observing.as_ref().filter(|observing| observing.seen().stopped.is_none()) else {
            return false;
        };
        let _awaited = observing.await_blocks();
        let mut view = self.view.clone();
        let grown = tokio::time::timeout(within, view.wait_for(|view| view.size() >= size)).await;
        grown.is_ok_and(|grown| grown.is_ok())
    }

    /// Waits for a block after a size, and tells whether there is one. It ends early if the node stops.
    pub async fn grows_past(&self, size: TreeSize, within: Duration) -> bool {
        let mut view = self.view.clone();
        tokio::select! {
            grown = tokio::time::timeout(within, view.wait_for(|view| view.size() > size)) => grown.is_ok_and(|grown| grown.is_ok()),
            () = self.gate.stopping() => false,
        }
    }

    /// The proofs that this node has of members which signed two things in one place.
    pub fn faults(&self) -> Arc<KnownFaults> {
        Arc::clone(&self.faults.borrow())
    }

    /// Why this node signs nothing, if so. Other members may go on without it.
    pub fn silence(&self) -> Option<OrderError> {
        self.council.borrow().silent.clone().map(OrderError::Silent)
    }

    pub fn origin(&self) -> Origin {
        self.view().registry.origin().clone()
    }

    /// Jobs that wait for the writer.
    pub fn queue_depth(&self) -> usize {
        QUEUE_JOBS_MAX - self.jobs.capacity().min(QUEUE_JOBS_MAX)
    }

    /// Lets in a statement of so many bytes, which is taken when it has come whole; `None` while the writer has enough to
    /// do. The ticket is held until the statement's sender is answered.
    pub fn try_acquire(&self, bytes: usize) -> Option<Ticket> {
        self.load.try_acquire(bytes)
    }

    /// Gives a long statement a place to wait for the writer, by its declared length; `None` if there is none. Its client is
    /// that of this handle.
    pub fn promise(&self, bytes: usize) -> Option<Promise> {
        self.load.promise(self.client, bytes)
    }

    /// Long statements that wait for the writer, and how many were refused so far.
    pub fn captures_waiting(&self) -> (usize, u64) {
        (self.load.waiting(), self.load.refused_promises())
    }

    /// Tells whether no statement would be let in now.
    pub fn is_full(&self) -> bool {
        self.load.is_full()
    }

    /// How much of captures is under way, and how much may be, in units of started 2 KiB of each statement.
    pub fn captures_under_way(&self) -> (usize, usize) {
        (self.load.under_way(), self.load.limit())
    }

    /// Tells whether something would be written now.
    pub fn is_writable(&self) -> bool {
        self.obstacle().is_none()
    }

    /// Why nothing is written now, if so: by the last write, by the clock as of now, by the last check of the ledger; because
    /// this node signs nothing, or too few members can be reached.
    pub fn obstacle(&self) -> Option<OrderError> {
        let stopped = || self.jobs.is_closed().then_some(OrderError::Stopped);
        if self.following().is_some() {
            // Its blocks have the times that members gave them, and it meets no member.
            return stopped().or_else(|| self.gate.trouble());
        }
        let gate = || self.gate.obstacle(self.view().tip.seal.time, self.clock.reading());
        let own = stopped().or_else(gate);
        own.or_else(|| self.council.borrow().obstacle())
    }

    /// Tells whether the node's last check of its own ledger found a fault.
    pub fn is_unsound(&self) -> bool {
        self.gate.is_unsound()
    }

    /// Where the node's checks of its ledger tell what they came to.
    pub fn gate(&self) -> &Arc<WriteGate> {
        &self.gate
    }

    /// Refuses what is new while the ledger is not sound or the clock has jumped. Rights and dates are not held against
    /// such a clock.
    pub(super) fn may_write(&self) -> Result<(), OrderError> {
        self.gate.next_time(self.view().tip.seal.time, self.clock.reading())?;
        self.council.borrow().obstacle().map_or(Ok(()), Err)
    }

    /// The place that a statement would get if it were ordered now: rights are checked against it, and again by the
    /// writer.
    pub fn place_now(&self, view: &View) -> Place {
        Place { leaf: view.size().next_index(), time: self.now().max(view.tip.seal.time) }
    }

    /// Hands a candidate to the writer and waits until it is final, or refused.
    pub(super) async fn order(&self, candidate: Candidate) -> Result<Ordered, OrderError> {
        let (reply, answer) = JobReply::new();
        self.jobs.try_send(Job { candidate, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => OrderError::Busy,
            mpsc::error::TrySendError::Closed(_) => OrderError::Stopped,
        })?;
        if self.council().members.len() <= 1 {
            return answer.await.unwrap_or(Err(OrderError::Stopped));
        }
        tokio::select! {
            answered = answer => answered.unwrap_or(Err(OrderError::Stopped)),
            () = patience(&self.gate) => Err(OrderError::NotFinalYet),
        }
    }

    /// Asks the writer what the index says of subjects as of a block, or of the last one. It answers between two blocks.
    pub(super) async fn prove(&self, keys: Vec<SubjectKey>, at: Option<Height>) -> Result<Proven, LedgerError> {
        let (reply, answer) = oneshot::channel();
        self.questions.send(Question { keys, at, reply }).await.map_err(|_| LedgerError::Stopped)?;
        answer.await.map_err(|_| LedgerError::Stopped)?.ok_or(LedgerError::NotKept)
    }

    /// Reads the tiles that a proof needs.
    pub async fn read_tiles(&self, wanted: Vec<TileId>) -> Result<Tiles, LedgerError> {
        read_tiles(&*self.store, wanted).await
    }

    /// The store as of now, for an answer that is worked on where a thread may wait.
    pub(super) async fn snapshot(&self) -> Result<Arc<dyn LedgerStore>, LedgerError> {
        Ok(self.store.snapshot().await?.unwrap_or_else(|| Arc::clone(&self.store)))
    }
}

/// Waits as long as a sender waits for the members to agree.
async fn patience(gate: &WriteGate) {
    let stopped = async {
        gate.stopping().await;
        tokio::time::sleep(FINAL_WITHIN_OF_A_STOP).await;
    };
    tokio::select! {
        () = tokio::time::sleep(FINAL_WITHIN) => {}
        () = stopped => {}
    }
}

/// Reads tiles of a store.
pub(super) async fn read_tiles(store: &dyn LedgerStore, wanted: Vec<TileId>) -> Result<Tiles, LedgerError> {
    let mut tiles = Tiles::new();
    for (tile, hashes) in store.tiles(wanted).await? {
        tiles.insert(tile, hashes).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    }
    Ok(tiles)
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::app::block_clock::BlockClock;
    use crate::ports::ClockReading;

    #[tokio::test(start_paused = true)]
    async fn a_sender_waits_less_once_the_node_stops() {
        let reading = ClockReading { now: Timestamp::EPOCH, passed: Duration::ZERO };
        let gate = Arc::new(WriteGate::new(BlockClock::at_start(Timestamp::EPOCH, reading)));
        let began = Instant::now();
        patience(&gate).await;
        assert_eq!(began.elapsed().as_secs(), FINAL_WITHIN.as_secs());
        let began = Instant::now();
        let waits = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { patience(&gate).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        gate.stop();
        waits.await.unwrap();
        assert_eq!(began.elapsed().as_secs(), 1 + FINAL_WITHIN_OF_A_STOP.as_secs());
    }
}
