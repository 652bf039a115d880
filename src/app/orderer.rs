//! The one writer: gives statements their places, makes blocks, and answers everyone who waits.
//!
//! The crash story of a block, step by step:
//!
//! 1. Candidates are taken off the queue and checked at their place. A crash here loses nothing that was acknowledged.
//! 2. The block is built and signed in memory. As 1: the signature was not shown.
//! 3. `store.append` writes leaves, index, seal, checkpoint and commit in one transaction. A crash before it is
//!    durable is as 1. A crash after it leaves a block whose senders were not answered: they post again, and get
//!    the receipt of the block that is there.
//! 4. `raise_mark` writes outside the database that this height is signed. A crash before it leaves the store one
//!    block ahead of the mark; `Head::reconcile` raises the mark to that very block. So no second block of that
//!    height is ever signed.
//! 5. The new view is published and every sender is answered. A crash before it is as after 3.
//!
//! When 3 fails, the writer forgets what it has in memory and loads the state again, as after a crash. Unless the store
//! says that it wrote nothing, nobody knows whether the block is durable, and the senders are told to post again. Until
//! a write succeeds, `WriteGate` says that the node is not ready, and nothing else is tried.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};

use crate::app::admission::{CostEstimator, WriterLoad, units, units_to_learn_from};
use crate::app::answer::ClientAddress;
use crate::app::block_clock::{BlockClock, ClockJump, OtherClock};
use crate::app::head::{Head, LoadError, mark_of};
use crate::app::ledger::{Ledger, Proven, Question, View};
use crate::app::lookup::Lookup;
use crate::app::prefetch::prefetch;
use crate::app::receipt::FreshBlock;
use crate::app::signing::sign_block;
use crate::app::write_gate::{WriteGate, certain_refusal, refusal_of};
use crate::ports::{Clock, LedgerStore, MarkError, MemberSigner, NewBlock, StoreError};
use sealane_core::ledger::{
    BlockError, Candidate, NotOnTop, PlaceRefusal, Placed, Proposal, Rules, SealedBlock, propose,
};
use sealane_core::limits::{BLOCK_BYTES_MAX, BLOCK_STATEMENTS_MAX};
use sealane_core::statement::SignatureVerifier;
use sealane_core::time::Timestamp;

/// Jobs that may wait. Each holds a statement, so that memory stays bounded; past it senders are told to come back.
pub const QUEUE_JOBS_MAX: usize = 4_096;

/// Questions that may wait for the writer. Few are asked at once, by those who gather evidence.
const QUESTIONS_MAX: usize = 16;

/// How long a block waits at the most for statements that are being verified: less than a disk's flush takes, which they
/// then share.
const GATHER: Duration = Duration::from_millis(4);

/// How long no block may be made, so that a checkpoint's age can be judged.
pub const HEARTBEAT: Duration = Duration::from_secs(600);

/// How often a writer that cannot write looks by itself whether it can again.
const TRY_AGAIN_EVERY: Duration = Duration::from_secs(5);

/// A statement that is final.
#[derive(Debug, Clone)]
pub struct Ordered {
    pub placed: Placed,
    /// The block that it is new in; `None` for one that was posted again.
    pub written: Option<Arc<FreshBlock>>,
}

/// Why a candidate got no place.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OrderError {
    #[error("too many statements wait to be written")]
    Busy,
    #[error("the node is stopping")]
    Stopped,
    #[error(
        "this node reads only: its ledger was restored, and nobody has said yet that nothing was signed after the last block \
         that is here"
    )]
    Restored,
    #[error(transparent)]
    Refused(#[from] PlaceRefusal),
    #[error(
        "Writing failed, and we do not know whether your statement was stored. Post the same bytes again: if it was stored \
         you get its receipt."
    )]
    Unwritten(String),
    #[error("the node's store takes no writes now; nothing was written")]
    StoreRefused(String),
    #[error(transparent)]
    Clock(#[from] ClockJump),
    #[error("this node reads only: its check of its own ledger found a fault ({fault}); nothing was written")]
    Unsound { fault: String },
    #[error("the disk that holds the ledger is full; nothing was written")]
    Full,
}

/// A candidate and who waits for it.
#[derive(Debug)]
pub struct Job {
    pub candidate: Candidate,
    pub reply: JobReply,
}

/// The way back to a sender.
#[derive(Debug)]
pub struct JobReply(oneshot::Sender<Result<Ordered, OrderError>>);

impl JobReply {
    pub fn new() -> (Self, oneshot::Receiver<Result<Ordered, OrderError>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    fn send(self, answer: Result<Ordered, OrderError>) {
        // A sender that has gone away loses only its answer; the statement stands.
        let _ = self.0.send(answer);
    }
}

/// What the writer tells about each block, for metrics.
pub trait BlockObserver: Send + Sync {
    fn block_written(&self, statements: usize, events: usize, took: Duration);
}

/// The writer. One exists for each ledger.
pub struct Orderer {
    store: Arc<dyn LedgerStore>,
    lookup: Arc<Lookup>,
    clock: Arc<dyn Clock>,
    signer: Arc<dyn MemberSigner>,
    verifier: Arc<dyn SignatureVerifier>,
    observer: Arc<dyn BlockObserver>,
    head: Option<Head>,
    view: watch::Sender<Arc<View>>,
    jobs: mpsc::Receiver<Job>,
    questions: mpsc::Receiver<Question>,
    estimator: CostEstimator,
    /// What one statement takes at the least.
    statement_time: Duration,
    gate: Arc<WriteGate>,
}

impl Orderer {
    /// Takes up the ledger where it was left.
    pub async fn open(
        store: Arc<dyn LedgerStore>,
        clock: Arc<dyn Clock>,
        signer: Arc<dyn MemberSigner>,
        verifier: Arc<dyn SignatureVerifier>,
        observer: Arc<dyn BlockObserver>,
    ) -> Result<(Self, Ledger), LoadError> {
        let lookup = Arc::new(Lookup::default());
        let head = Head::load_with(&*store, &*verifier, &lookup).await?;
        head.reconcile(&*signer)?;
        let load = Arc::new(WriterLoad::new());
        let (view, seen) = watch::channel(Arc::new(view_of(&head)));
        let (sender, jobs) = mpsc::channel(QUEUE_JOBS_MAX);
        let (asker, questions) = mpsc::channel(QUESTIONS_MAX);
        let restored = signer.mark().is_none();
        let gate = Arc::new(WriteGate::new(BlockClock::at_start(head.tip.seal.time, clock.reading())));
        let ledger = Ledger {
            store: Arc::clone(&store),
            lookup: Arc::clone(&lookup),
            clock: Arc::clone(&clock),
            view: seen,
            jobs: sender,
            questions: asker,
            restored,
            verifier: Arc::clone(&verifier),
            load: Arc::clone(&load),
            client: ClientAddress::THIS_PROCESS,
            gate: Arc::clone(&gate),
        };
        let (head, estimator) = (Some(head), CostEstimator::new(load));
        let statement_time = Duration::ZERO;
        let orderer = Self {
            store,
            lookup,
            clock,
            signer,
            verifier,
            observer,
            head,
            view,
            jobs,
            questions,
            estimator,
            statement_time,
            gate,
        };
        Ok((orderer, ledger))
    }

    /// Believes the clock after a pause of any length, because the operator says that it is about that time now.
    pub fn accepting_clock(self, told: Timestamp) -> Result<Self, OtherClock> {
        self.gate.accept_clock(told, self.clock.reading())?;
        Ok(self)
    }

    /// Writes no more than so many statements a second, however fast the store is.
    pub fn at_most(self, statements_per_second: NonZeroU32) -> Self {
        Self { statement_time: Duration::from_secs(1) / statements_per_second.get(), ..self }
    }

    /// Writes blocks until every handle on the ledger is gone, then returns with the queue empty.
    pub async fn run(mut self) {
        if self.signer.mark().is_none() {
            return self.run_reading().await;
        }
        loop {
            let obstacle = self.obstacle().is_some();
            let pause = if obstacle { TRY_AGAIN_EVERY } else { self.until_heartbeat() };
            let heartbeat = tokio::time::sleep(pause);
            let first = tokio::select! {
                Some(question) = self.questions.recv() => {
                    self.answer(question).await;
                    continue;
                }
                job = self.jobs.recv() => match job {
                    Some(job) => Some(job),
                    None => return,
                },
                () = self.gate.changed() => continue,
                () = heartbeat => None,
            };
            if obstacle && first.is_none() && !self.gate.is_store_doubtful() {
                // Whether a block is due, the next round tells. Only of a doubtful store a block is the proof.
                continue;
            }
            let batch = self.take_batch(first).await;
            self.write(batch).await;
        }
    }

    /// Answers questions and makes no block, not even for a heartbeat: without a mark, any block could be the second one of
    /// its height that the member's key has signed.
    async fn run_reading(mut self) {
        loop {
            tokio::select! {
                Some(question) = self.questions.recv() => self.answer(question).await,
                job = self.jobs.recv() => match job {
                    Some(job) => job.reply.send(Err(OrderError::Restored)),
                    None => return,
                },
            }
        }
    }

    /// Proves subjects by the index of the last block. What can be read is proven, though nothing can be written, as on a
    /// full disk; where not even that goes, the closed channel tells the asker.
    async fn answer(&mut self, question: Question) {
        if self.head.is_none() {
            let loaded = self.reload().await;
            self.head = loaded.inspect_err(|error| tracing::error!(%error, "the ledger cannot be taken up")).ok();
        }
        let Some(Head { tip, state, .. }) = &mut self.head else { return };
        let last = tip.seal.height.get();
        let blocks = question.at.map_or(Some(0), |at| usize::try_from(last.checked_sub(at.get())?).ok());
        let prove = |blocks| question.keys.iter().map(|key| state.prove(key, blocks)).collect::<Option<Vec<_>>>();
        let proofs = blocks.and_then(prove);
        let view = Arc::clone(&self.view.borrow());
        // An asker that has gone away loses only its answer.
        let _ = question.reply.send(proofs.map(|proofs| Proven { view, proofs }));
    }

    fn until_heartbeat(&self) -> Duration {
        let Some(head) = &self.head else { return Duration::from_secs(1) };
        let age = self.clock.now().millis_since(head.tip.seal.time).max(0);
        HEARTBEAT.saturating_sub(Duration::from_millis(age.unsigned_abs())).max(Duration::from_millis(10))
    }

    /// Takes all that waits, and what is about to come, up to a block's limits: the busier the node, the larger the group.
    /// Where nothing else is under way, nothing is waited for.
    async fn take_batch(&mut self, first: Option<Job>) -> Vec<Job> {
        let until = tokio::time::Instant::now() + GATHER;
        let (mut batch, mut bytes, mut batch_units) = (Vec::new(), 0, 0);
        let mut next = first;
        while let Some(job) = next {
            let length = job.candidate.statement().compact().len();
            bytes += length;
            batch_units += units(length);
            batch.push(job);
            if batch.len() >= BLOCK_STATEMENTS_MAX || bytes >= BLOCK_BYTES_MAX {
                break;
            }
            next = match self.jobs.try_recv() {
                Ok(job) => Some(job),
                Err(_) if self.estimator.is_worth_waiting(batch_units) => {
                    tokio::time::timeout_at(until, self.jobs.recv()).await.ok().flatten()
                }
                Err(_) => None,
            };
        }
        batch
    }

    async fn write(&mut self, batch: Vec<Job>) {
        let began = Instant::now();
        let (candidates, replies): (Vec<Candidate>, Vec<JobReply>) =
            batch.into_iter().map(|job| (job.candidate, job.reply)).unzip();
        let size = |candidate: &Candidate| {
            let events = candidate.events().len();
            (events, units_to_learn_from(candidate.statement().compact().len(), events))
        };
        let sizes: Vec<(usize, usize)> = candidates.iter().map(size).collect();
        let time = match self.permit().await {
            Ok(time) => time,
            Err(refusal) => return replies.into_iter().for_each(|reply| reply.send(Err(refusal.clone()))),
        };
        match self.write_block(candidates, time).await {
            Ok((answers, written)) => {
                let written = written.map(Arc::new);
                let placed = |answer: &Result<Placed, PlaceRefusal>| matches!(answer, Ok(placed) if !placed.repeated);
                let new = answers.iter().zip(sizes).filter(|(answer, _)| placed(answer)).map(|(_, size)| size);
                let (events, units): (Vec<usize>, Vec<usize>) = new.unzip();
                self.estimator.learn(units.iter().sum(), began.elapsed());
                if written.is_some() {
                    self.observer.block_written(events.len(), events.iter().sum(), began.elapsed());
                }
                for (reply, answer) in replies.into_iter().zip(answers) {
                    let ordered = answer.map(|placed| {
                        let written = written.clone().filter(|_| !placed.repeated);
                        Ordered { placed, written }
                    });
                    reply.send(ordered.map_err(OrderError::Refused));
                }
            }
            Err(error) => {
                tracing::error!(%error, "a block could not be written");
                let answer = error.refusal();
                self.gate.store_failed(answer.clone());
                replies.into_iter().for_each(|reply| reply.send(Err(answer.clone())));
            }
        }
    }

    /// The time of the next block, or why there can be none now. After a write that failed the store is tried first, and
    /// the ledger taken up from it. Only a block that is written then ends the doubt.
    async fn permit(&mut self) -> Result<Timestamp, OrderError> {
        if self.gate.is_store_doubtful() {
            // To load the ledger takes long, so it is not done for a store that would refuse the block all the same.
            self.try_store().await.inspect_err(|refusal| self.gate.store_fails_on(refusal))?;
        }
        let last = self.view.borrow().tip.seal.time;
        self.gate.next_time(last, self.clock.reading())
    }

    /// Tries whether the store writes, and takes the ledger up from it. Nothing that a sender waits for is written by it.
    async fn try_store(&mut self) -> Result<(), OrderError> {
        self.store.probe_write().await.map_err(|error| certain_refusal(&error))?;
        if self.head.is_none() {
            let loaded = self.reload().await;
            let loaded = loaded.inspect_err(|error| tracing::error!(%error, "the ledger cannot be taken up"));
            self.head = Some(loaded.map_err(|error| error.refusal())?);
        }
        Ok(())
    }

    fn obstacle(&self) -> Option<OrderError> {
        let last = self.view.borrow().tip.seal.time;
        self.gate.obstacle(last, self.clock.reading())
    }

    /// Writes one block of what may stand, at this time, and answers for each candidate. After an error of the store nobody
    /// knows what is there: no state is left, and the next call loads it anew.
    async fn write_block(
        &mut self,
        candidates: Vec<Candidate>,
        time: Timestamp,
    ) -> Result<(Answers, Option<FreshBlock>), WriteError> {
        let began = tokio::time::Instant::now();
        let heartbeat = candidates.is_empty();
        let mut head = match self.head.take() {
            Some(head) => head,
            None => self.reload().await?,
        };
        // Only now: after a failure, what stands where is known once the state is loaded.
        let known = match prefetch(&*self.store, &self.lookup, &candidates).await {
            Ok(known) => known,
            Err(error) => {
                self.head = Some(head);
                return Err(error.into());
            }
        };
        let verifier = &*self.verifier;
        let proposal = propose(Rules::FIRST, &mut head.state, &known, time, candidates, heartbeat, verifier)?;
        let Proposal { answers, block } = proposal;
        let Some(sealed) = block else {
            self.head = Some(head);
            return Ok((answers, None));
        };
        let block = sign_block(&sealed, &*self.signer)?;
        let SealedBlock { content, growth, successor, .. } = sealed;
        let records = Arc::clone(&content.records);
        let slowed = self.statement_time.saturating_mul(u32::try_from(records.len()).unwrap_or(u32::MAX));
        self.store.append(NewBlock::new(block.clone(), content)).await.map_err(WriteError::Append)?;
        self.signer.raise_mark(mark_of(&block)).map_err(WriteError::Mark)?;
        self.gate.block_made(block.seal.time, self.clock.reading());
        tokio::time::sleep_until(began + slowed).await;
        self.lookup.learn(&records);
        head.registry = Arc::clone(successor.registry());
        head.state.apply(successor)?;
        head.tip = block.clone();
        self.view.send_replace(Arc::new(view_of(&head)));
        self.head = Some(head);
        Ok((answers, Some(FreshBlock { block, growth })))
    }

    /// Recovers as after a crash.
    async fn reload(&mut self) -> Result<Head, WriteError> {
        let head = Head::load_with(&*self.store, &*self.verifier, &self.lookup).await?;
        head.reconcile(&*self.signer)?;
        self.view.send_replace(Arc::new(view_of(&head)));
        Ok(head)
    }
}

/// What became of each candidate of a batch.
type Answers = Vec<Result<Placed, PlaceRefusal>>;

#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Block(#[from] BlockError),
    #[error(transparent)]
    NotOnTop(#[from] NotOnTop),
    /// Whether the block is there is unknown, unless the store says so.
    #[error(transparent)]
    Append(StoreError),
    /// The block is there, and was not shown.
    #[error(transparent)]
    Mark(MarkError),
}

impl WriteError {
    /// What those hear whose statements were to be in the block.
    fn refusal(&self) -> OrderError {
        match self {
            WriteError::Append(error) => refusal_of(error),
            WriteError::Mark(error) => OrderError::Unwritten(error.to_string()),
            WriteError::Store(error) | WriteError::Load(LoadError::Store(error)) => certain_refusal(error),
            WriteError::Load(error) => OrderError::StoreRefused(error.to_string()),
            WriteError::Block(error) => OrderError::StoreRefused(error.to_string()),
            WriteError::NotOnTop(error) => OrderError::StoreRefused(error.to_string()),
        }
    }
}

fn view_of(head: &Head) -> View {
    View { tip: head.tip.clone(), registry: Arc::clone(&head.registry) }
}
