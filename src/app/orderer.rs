//! The one writer: gives statements their places, makes blocks, and answers everyone who waits.
//!
//! The crash story of a block, step by step:
//!
//! 1. Entries are taken off the queue and checked at their place. A crash here loses nothing that was acknowledged.
//! 2. The block is built and signed in memory. As 1: the signature was shown to nobody.
//! 3. `store.append` writes leaves, index, seal, checkpoint and commit in one transaction. A crash before it is
//!    durable is as 1. A crash after it leaves a block whose senders were not answered: they post again, and get
//!    the receipt of the block that is there.
//! 4. `raise_mark` writes outside the database that this height is signed. A crash before it leaves the store one
//!    block ahead of the mark; `State::reconcile` raises the mark to that very block. So no second block of that
//!    height is ever signed.
//! 5. The new view is published and every sender is answered. A crash before it is as after 3.
//!
//! When 3 fails, nobody knows whether the block is durable. The writer therefore forgets what it has in memory and
//! loads the state again, as after a crash; the senders are told to post again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};

use crate::app::admission::{Admission, Pace, done, weight};
use crate::app::block_builder::{BlockBuilder, BuildError, Written};
use crate::app::ledger::{Ledger, Proven, Question, View};
use crate::app::lookup::Lookup;
use crate::app::records::admin_record;
use crate::app::state::{LoadError, State, mark_of};
use crate::ports::{Clock, LeafContent, LedgerStore, MemberSigner, PlacedRecord, StoreError};
use sealane_core::consortium::{Admin, Contradiction, EventFact, EventKey, Facts, Refusal, Registry, SignerRefusal};
use sealane_core::limits::EVENT_TIME_AHEAD_MS_MAX;
use sealane_core::merkle::LeafIndex;
use sealane_core::record::Record;
use sealane_core::statement::SignatureVerifier;
use sealane_core::statement::{StatementId, VerifiedStatement};
use sealane_core::time::Timestamp;

/// Jobs that may wait. Each holds a statement, so that memory stays bounded; past it senders are told to come back.
pub const QUEUE_JOBS_MAX: usize = 4_096;

/// Questions that may wait for the writer. Few are asked at once, by those who gather evidence.
const QUESTIONS_MAX: usize = 16;

/// Statements in one block: enough to share a flush of the disk among all that wait.
pub const BLOCK_STATEMENTS_MAX: usize = 2_000;

/// Bytes of statements in one block, so that a transaction of long statements stays small.
pub const BLOCK_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How long a block waits at the most for statements that are being verified: less than a disk's flush takes, which they
/// then share.
const GATHER: Duration = Duration::from_millis(4);

/// How long no block may be made, so that a checkpoint's age can be judged.
pub const HEARTBEAT: Duration = Duration::from_secs(600);

/// What is to be given a place.
#[derive(Debug)]
pub enum Entry {
    /// A capture whose signature, content and rights were checked; its rights are checked again at its place.
    Capture {
        statement: VerifiedStatement,
        events: Vec<EventFact>,
        record: Record,
    },
    Admin {
        statement: VerifiedStatement,
        admin: Box<Admin>,
    },
}

impl Entry {
    fn statement(&self) -> &VerifiedStatement {
        match self {
            Entry::Capture { statement, .. } | Entry::Admin { statement, .. } => statement,
        }
    }

    fn events(&self) -> &[EventFact] {
        match self {
            Entry::Capture { events, .. } => events,
            Entry::Admin { .. } => &[],
        }
    }
}

/// Where a statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    pub leaf: LeafIndex,
    /// It stood there before: this was posted again.
    pub repeated: bool,
}

/// A statement that is final.
#[derive(Debug, Clone)]
pub struct Ordered {
    pub placed: Placed,
    /// The block that it is new in; `None` for one that was posted again.
    pub written: Option<Arc<Written>>,
}

/// Why an entry got no place.
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
    Signer(#[from] SignerRefusal),
    #[error(transparent)]
    Admin(#[from] Refusal),
    #[error(
        "event {}: the same participant has recorded {} with other content{}; to correct that, repeat its content with an \
         errorDeclaration; another event needs an eventID of its own",
        .0.position, .0.event_id, .0.first.map(|leaf| format!(", in leaf {leaf}")).unwrap_or_default()
    )]
    Conflict(Contradiction),
    #[error(
        "event {position}: eventTime {event_time} is more than a day ahead of the block it would stand in ({block_time})"
    )]
    EventAhead { position: u32, event_time: Timestamp, block_time: Timestamp },
    #[error("the ledger could not be written, and whether this was is unknown: post it again ({0})")]
    Unwritten(String),
    #[error("the disk that holds the ledger is full; nothing was written")]
    Full,
}

/// An entry and who waits for it.
#[derive(Debug)]
pub struct Job {
    pub entry: Entry,
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
    state: Option<State>,
    view: watch::Sender<Arc<View>>,
    jobs: mpsc::Receiver<Job>,
    questions: mpsc::Receiver<Question>,
    pace: Pace,
    /// What one statement takes at the least.
    statement_time: Duration,
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
        let state = State::load_with(&*store, &*verifier, &lookup).await?;
        state.reconcile(&*signer)?;
        let admission = Arc::new(Admission::new());
        let (view, seen) = watch::channel(Arc::new(view_of(&state)));
        let (sender, jobs) = mpsc::channel(QUEUE_JOBS_MAX);
        let (asker, questions) = mpsc::channel(QUESTIONS_MAX);
        let restored = signer.mark().is_none();
        let ledger = Ledger {
            store: Arc::clone(&store),
            lookup: Arc::clone(&lookup),
            clock: Arc::clone(&clock),
            view: seen,
            jobs: sender,
            questions: asker,
            restored,
            verifier: Arc::clone(&verifier),
            admission: Arc::clone(&admission),
        };
        let (state, pace) = (Some(state), Pace::new(admission));
        let statement_time = Duration::ZERO;
        let orderer = Self {
            store,
            lookup,
            clock,
            signer,
            verifier,
            observer,
            state,
            view,
            jobs,
            questions,
            pace,
            statement_time,
        };
        Ok((orderer, ledger))
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
            let heartbeat = tokio::time::sleep(self.until_heartbeat());
            let first = tokio::select! {
                Some(question) = self.questions.recv() => {
                    self.answer(question).await;
                    continue;
                }
                job = self.jobs.recv() => match job {
                    Some(job) => Some(job),
                    None => return,
                },
                () = heartbeat => None,
            };
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
    /// full disk; where not even that goes, the closed channel tells whoever asks.
    async fn answer(&mut self, question: Question) {
        if self.state.is_none() {
            let loaded = self.reload().await;
            self.state = loaded.inspect_err(|error| tracing::error!(%error, "the ledger cannot be taken up")).ok();
        }
        let Some(state) = &mut self.state else { return };
        let proofs = question.keys.iter().map(|key| state.index.prove(key)).collect();
        let view = Arc::clone(&self.view.borrow());
        // An asker that has gone away loses only its answer.
        let _ = question.reply.send(Proven { view, proofs });
    }

    fn until_heartbeat(&self) -> Duration {
        let Some(state) = &self.state else { return Duration::from_secs(1) };
        let age = self.clock.now().millis_since(state.tip.seal.time).max(0);
        HEARTBEAT.saturating_sub(Duration::from_millis(age.unsigned_abs())).max(Duration::from_millis(10))
    }

    /// Takes all that waits, and what is about to come, up to a block's limits: the busier the node, the larger the group.
    /// Where nothing else is under way, nothing is waited for.
    async fn take_batch(&mut self, first: Option<Job>) -> Vec<Job> {
        let until = tokio::time::Instant::now() + GATHER;
        let (mut batch, mut bytes, mut units) = (Vec::new(), 0, 0);
        let mut next = first;
        while let Some(job) = next {
            let length = job.entry.statement().compact().len();
            bytes += length;
            units += weight(length);
            batch.push(job);
            if batch.len() >= BLOCK_STATEMENTS_MAX || bytes >= BLOCK_BYTES_MAX {
                break;
            }
            next = match self.jobs.try_recv() {
                Ok(job) => Some(job),
                Err(_) if self.pace.is_worth_waiting(units) => {
                    tokio::time::timeout_at(until, self.jobs.recv()).await.ok().flatten()
                }
                Err(_) => None,
            };
        }
        batch
    }

    async fn write(&mut self, batch: Vec<Job>) {
        let began = Instant::now();
        let (entries, replies): (Vec<Entry>, Vec<JobReply>) =
            batch.into_iter().map(|job| (job.entry, job.reply)).unzip();
        let size = |entry: &Entry| {
            let events = entry.events().len();
            (events, done(entry.statement().compact().len(), events))
        };
        let sizes: Vec<(usize, usize)> = entries.iter().map(size).collect();
        match self.write_block(entries).await {
            Ok((answers, written)) => {
                let written = written.map(Arc::new);
                let placed = |answer: &Result<Placed, OrderError>| matches!(answer, Ok(placed) if !placed.repeated);
                let new = answers.iter().zip(sizes).filter(|(answer, _)| placed(answer)).map(|(_, size)| size);
                let (events, units): (Vec<usize>, Vec<usize>) = new.unzip();
                self.pace.learn(units.iter().sum(), began.elapsed());
                if written.is_some() {
                    self.observer.block_written(events.len(), events.iter().sum(), began.elapsed());
                }
                for (reply, answer) in replies.into_iter().zip(answers) {
                    reply.send(answer.map(|placed| {
                        let written = written.clone().filter(|_| !placed.repeated);
                        Ordered { placed, written }
                    }));
                }
            }
            Err(error) => {
                tracing::error!(%error, "a block could not be written");
                let answer = match &error {
                    WriteError::Store(StoreError::Full) => OrderError::Full,
                    other => OrderError::Unwritten(other.to_string()),
                };
                replies.into_iter().for_each(|reply| reply.send(Err(answer.clone())));
            }
        }
    }

    /// Writes one block of what may stand, and answers for each entry. An error leaves no state: the next call loads
    /// it anew.
    async fn write_block(&mut self, entries: Vec<Entry>) -> Result<(Answers, Option<Written>), WriteError> {
        let began = tokio::time::Instant::now();
        let heartbeat = entries.is_empty();
        let state = match self.state.take() {
            Some(state) => state,
            None => {
                let state = self.reload().await?;
                if heartbeat {
                    // This was the end of a failure. Whether a block is due, the next round tells.
                    self.state = Some(state);
                    return Ok((Vec::new(), None));
                }
                state
            }
        };
        // Only now: after a failure, what stands where is known once the state is loaded.
        let known = match Known::read(&*self.store, &self.lookup, &entries).await {
            Ok(known) => known,
            Err(error) => {
                self.state = Some(state);
                return Err(error.into());
            }
        };
        let State { tip, edge, index, mut registry } = state;
        let time = self.clock.now().max(tip.seal.time.plus_millis(1));
        let mut block = BlockBuilder::new(tip.seal.height.next(), time, edge.clone(), index);
        let answers =
            Batch { known, block: &mut block, registry: &mut registry, verifier: &*self.verifier }.place(entries)?;
        if block.is_empty() && !heartbeat {
            self.state = Some(State { tip, edge, index: block.into_index(), registry });
            return Ok((answers, None));
        }
        let (new, next, written) = block.seal(&registry, &*self.signer)?.into_parts(registry);
        let records = Arc::clone(&new.records);
        let slowed = self.statement_time.saturating_mul(u32::try_from(records.len()).unwrap_or(u32::MAX));
        self.store.append(new).await?;
        self.signer.raise_mark(mark_of(&next.tip)).map_err(LoadError::from)?;
        tokio::time::sleep_until(began + slowed).await;
        self.lookup.learn(&records);
        self.view.send_replace(Arc::new(view_of(&next)));
        self.state = Some(next);
        Ok((answers, Some(written)))
    }

    /// Recovers as after a crash.
    async fn reload(&mut self) -> Result<State, WriteError> {
        let state = State::load_with(&*self.store, &*self.verifier, &self.lookup).await?;
        state.reconcile(&*self.signer)?;
        self.view.send_replace(Arc::new(view_of(&state)));
        Ok(state)
    }
}

/// What became of each entry of a batch.
type Answers = Vec<Result<Placed, OrderError>>;

#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// What the ledger holds already of a batch's statements and events, and then of the batch itself.
struct Known {
    statements: HashMap<StatementId, LeafIndex>,
    facts: Facts,
}

impl Known {
    /// Most batches hold nothing that was seen before, and then nothing is read.
    async fn read(store: &dyn LedgerStore, lookup: &Lookup, entries: &[Entry]) -> Result<Self, StoreError> {
        let (mut statements, mut facts) = (HashMap::new(), Facts::default());
        let mut leaves: BTreeSet<LeafIndex> = BTreeSet::new();
        let keys: HashSet<EventKey> = entries.iter().flat_map(Entry::events).map(|event| event.key).collect();
        leaves.extend(entries.iter().flat_map(|entry| lookup.statement(entry.statement().id())));
        leaves.extend(keys.iter().flat_map(|key| lookup.event(*key)));
        if leaves.is_empty() {
            return Ok(Self { statements, facts });
        }
        // In ledger order, so that the first event of an eventID says what it stands for.
        for PlacedRecord { place, record } in store.records(leaves.into_iter().collect()).await? {
            statements.insert(record.statement(), place.leaf);
            for ((key, declaration), position) in record.event_keys().zip(0..) {
                if declaration || !keys.contains(&key) {
                    continue;
                }
                let event = record.event(position).map_err(|error| StoreError::of_record(place.leaf, error))?;
                if let Some(event) = event {
                    facts.know(key, event.content_hash, place.leaf);
                }
            }
        }
        Ok(Self { statements, facts })
    }
}

/// A batch on its way into a block.
struct Batch<'a> {
    known: Known,
    block: &'a mut BlockBuilder,
    registry: &'a mut Arc<Registry>,
    verifier: &'a dyn SignatureVerifier,
}

impl Batch<'_> {
    fn place(mut self, entries: Vec<Entry>) -> Result<Answers, BuildError> {
        entries.into_iter().map(|entry| self.place_one(entry)).collect()
    }

    /// The outer error ends the block, the inner one refuses the entry alone.
    fn place_one(&mut self, entry: Entry) -> Result<Result<Placed, OrderError>, BuildError> {
        if let Some(leaf) = self.known.statements.get(&entry.statement().id()) {
            return Ok(Ok(Placed { leaf: *leaf, repeated: true }));
        }
        match entry {
            Entry::Capture { statement, events, record } => self.place_capture(&statement, &events, record),
            Entry::Admin { statement, admin } => self.place_admin(&statement, &admin),
        }
    }

    fn place_capture(
        &mut self,
        statement: &VerifiedStatement,
        events: &[EventFact],
        record: Record,
    ) -> Result<Result<Placed, OrderError>, BuildError> {
        let place = self.block.next_place();
        if let Err(refusal) = self.registry.signer_at(statement.header().signer().hash(), place) {
            return Ok(Err(refusal.into()));
        }
        // The node's clock may have been set back since the capture was held against it.
        let ahead = |event: &EventFact| event.time.millis_since(place.time) > EVENT_TIME_AHEAD_MS_MAX;
        if let Some((event, position)) = events.iter().zip(0..).find(|(event, _)| ahead(event)) {
            let event_time = event.time;
            return Ok(Err(OrderError::EventAhead { position, event_time, block_time: place.time }));
        }
        if let Some(contradiction) = self.known.facts.contradiction(events) {
            return Ok(Err(OrderError::Conflict(contradiction)));
        }
        let leaf = self.block.push_statement(statement, LeafContent::Capture, record)?;
        self.known.statements.insert(statement.id(), leaf);
        self.known.facts.learn(events, leaf);
        Ok(Ok(Placed { leaf, repeated: false }))
    }

    fn place_admin(
        &mut self,
        statement: &VerifiedStatement,
        admin: &Admin,
    ) -> Result<Result<Placed, OrderError>, BuildError> {
        let place = self.block.next_place();
        let kid = statement.header().signer();
        if let Err(refusal) = self.registry.check(admin, kid.hash(), place, self.verifier) {
            return Ok(Err(refusal.into()));
        }
        let record = admin_record(statement.id(), kid.hash(), admin);
        let leaf = self.block.push_statement(statement, LeafContent::Admin, record)?;
        if let Err(refusal) = Arc::make_mut(self.registry).apply(admin, kid.hash(), place, self.verifier) {
            return Err(BuildError(refusal.to_string()));
        }
        self.known.statements.insert(statement.id(), leaf);
        Ok(Ok(Placed { leaf, repeated: false }))
    }
}

fn view_of(state: &State) -> View {
    View { tip: state.tip.clone(), registry: Arc::clone(&state.registry) }
}
