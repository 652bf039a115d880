//! The one writer: gives statements their places, agrees with the other members on blocks, and answers everyone who waits.
//!
//! One member decides alone by the same steps as thirty: statements wait in the `pool`; a height begins; whose turn it is
//! builds a block of what waits (`build`), the others check it (`bodies`); a quorum's votes decide; the block is written
//! (`finish`). `agreement` says who does what when, and does nothing itself: its acts are carried out in `acts`. What was
//! missed is fetched as final blocks (`catch_up`). Who says one thing to one node and another to the next is found out
//! (`witness`).
//!
//! The crash story of a block, step by step:
//!
//! 1. Candidates are taken out of the pool and checked at their place. A crash here loses nothing that was acknowledged.
//! 2. The block is built in memory. As 1. With several members its body is in the vote log, which is flushed before anything
//!    about it leaves: a start replays the log, and this member says what it said before, or nothing.
//! 3. The block is decided. A crash here loses nothing: with one member its signature was shown to no one; with several the
//!    votes are in the log, or the block comes as a final one from the others.
//! 4. `store.append` writes leaves (the seal is the last one), long statements, tiles, records, and the block's
//!    checkpoint, note and commit in one transaction. The index is in memory alone. A crash before the transaction is
//!    durable is as 3. A crash after it leaves a block whose senders were not answered: they post again, and get
//!    the receipt of the block that is there.
//! 5. The log of votes says, outside the database, that this height is signed: with one member now, in a flush of its own;
//!    with several in the first flush of the next height. A crash before it leaves the store one block ahead of the log;
//!    `Head::reconcile` notes that very block. So no second block of that height is ever signed.
//! 6. The new view is published and every sender is answered. A crash before it is as after 4.
//!
//! If 4 or 5 fails, the writer forgets what it has in memory and loads the state again, as after a crash. If the store
//! says that it wrote nothing, the senders hear that. Else it is unknown whether the block is durable, and they are told to
//! post again. Until a block is written, `WriteGate` says that the node is not ready. Every 5 s, and for each group of
//! statements that comes, the writer tries the store (`probe_write`), and then a block, if need be of a seal alone.

mod acts;
mod alone;
mod bodies;
mod build;
mod catch_up;
mod finish;
mod job;
mod membership;
mod memory;
mod observer;
mod outside;
mod peers;
mod pool;
mod verifying;
mod witness;
mod words;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::app::admission::{CostEstimator, WriterLoad};
use crate::app::answer::ClientAddress;
use crate::app::block_clock::{BlockClock, OtherClock};
use crate::app::council::Council;
use crate::app::follower::{SourceEvent, Sources, SourcesSetup};
use crate::app::handovers::HandoverMemo;
use crate::app::head::{Head, LoadError, LoadedLedger};
use crate::app::ledger::{Ledger, Question, View};
use crate::app::lookup::Lookup;
use crate::app::orderer::bodies::{ProposedBlock, UnderWay};
use crate::app::orderer::catch_up::CatchUp;
use crate::app::orderer::peers::Neighbours;
use crate::app::orderer::verifying::{GROUPS_IN_ALL_MAX, Verified};
use crate::app::orderer::witness::Witness;
use crate::app::write_gate::WriteGate;
use crate::ports::{Agreement, Clock, FaultKeeper, LedgerStore, MemberSigner, PeerEvent, Peers, VoteLog};
use sealane_core::agreement::{Logged, Timer, ValueId};
use sealane_core::block::{Height, Origin};
use sealane_core::consortium::CertificateReader;
use sealane_core::ledger::KnownRules;
use sealane_core::provider::Provider;
use sealane_core::statement::SignatureVerifier;
use sealane_core::time::Timestamp;

pub use alone::{NoFaults, NoPeers, UnusableVoteLog};
pub use job::{Job, JobReply, OrderError, Ordered};
pub use membership::Abstention;
pub use observer::{BlockObserver, WriterStanding};
pub(in crate::app) use peers::candidate_of;
pub use pool::{BroughtBy, Pool};
pub use words::SeenWords;

/// Jobs that may wait. Each holds a statement, so that memory stays bounded; past it senders are told to come back.
pub const QUEUE_JOBS_MAX: usize = 4_096;

/// Questions that may wait for the writer. Few are asked at once, by those who gather evidence.
pub(in crate::app) const QUESTIONS_MAX: usize = 16;

/// How long a block waits at the most for statements that are being verified: less than a disk's flush takes, which they
/// then share.
const GATHER: Duration = Duration::from_millis(4);

/// From one height's beginning to the next one's at the least, among several members: each costs every member flushes, votes
/// and a seal that stays for good, so statements that come close together share one.
const HEIGHT_EVERY: Duration = Duration::from_millis(30);

/// How long no block may be made, so that a checkpoint's age can be judged.
pub const HEARTBEAT: Duration = Duration::from_secs(600);

/// How often a writer that cannot write looks by itself whether it can again.
pub(in crate::app) const TRY_AGAIN_EVERY: Duration = Duration::from_secs(5);

/// How often a node with other members looks at where they stand, and says where it stands.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// Makes the agreement of the ledger with a name.
pub type AgreementMaker = Box<dyn FnOnce(&Origin) -> Box<dyn Agreement> + Send>;

/// By what a node agrees with other members, or with itself if it is the only one.
pub struct Consensus {
    /// Makes the agreement of a ledger, by its name.
    pub agreement: AgreementMaker,
    pub log: Box<dyn VoteLog>,
    pub peers: Arc<dyn Peers>,
    /// What `peers` tells each member of its own signatures.
    pub words: Arc<SeenWords>,
    /// Keeps the proofs against members that were caught.
    pub faults: Arc<dyn FaultKeeper>,
    /// Reads the certificates in decisions that other members send.
    pub certificates: Arc<dyn CertificateReader>,
}

/// The writer. One exists for each ledger.
pub struct Orderer {
    store: Arc<dyn LedgerStore>,
    lookup: Arc<Lookup>,
    clock: Arc<dyn Clock>,
    signer: Arc<dyn MemberSigner>,
    verifier: Arc<dyn SignatureVerifier>,
    certificates: Arc<dyn CertificateReader>,
    observer: Arc<dyn BlockObserver>,
    agreement: Box<dyn Agreement>,
    log: Box<dyn VoteLog>,
    peers: Arc<dyn Peers>,
    words: Arc<SeenWords>,
    witness: Witness,
    head: Option<Head>,
    view: watch::Sender<Arc<View>>,
    council: watch::Sender<Arc<Council>>,
    jobs: mpsc::Receiver<Job>,
    /// Every handle on the ledger is gone.
    jobs_ended: bool,
    questions: mpsc::Receiver<Question>,
    estimator: CostEstimator,
    /// What one statement takes at the least.
    statement_time: Duration,
    gate: Arc<WriteGate>,
    pool: Pool,
    /// What is known of the blocks that are proposed at the height under way.
    under_way: Option<UnderWay>,
    /// The blocks that were proposed at the last final one's height, for members that lack them.
    before: BTreeMap<ValueId, ProposedBlock>,
    timers: BTreeMap<Timer, Instant>,
    neighbours: Neighbours,
    verified: mpsc::Receiver<Verified>,
    catch_up: CatchUp,
    /// Why this member's key signs nothing more, if so.
    silent: Option<String>,
    /// Why it signs nothing by the ledger, as of the last look.
    abstains: Option<Abstention>,
    /// A block is due though nothing waits: a heartbeat, or the proof that a doubtful store writes.
    is_due: bool,
    /// The height that others have begun.
    called: Option<Height>,
    /// When this node began the last height.
    begun_at: Option<Instant>,
    /// A write failed since the last height was begun.
    has_failed: bool,
    /// What the log has of the height that was under way at the last stop, until this member takes it up.
    recovered: Option<Vec<Logged>>,
    /// From where final blocks come while this node's key is no member's and no member's node is connected.
    sources: Option<Sources>,
}

/// What the writer is woken by.
enum Event {
    Question(Question),
    Job(Job),
    JobsEnded,
    Gate,
    /// Nothing came for as long as nothing may come.
    Pause,
    Timer(Timer),
    Peer(PeerEvent),
    Verified(Verified),
    /// It is time to say again what was said, and to look who is there.
    Status,
    /// Statements of this node's clients wait to be told to the others.
    Gossip,
    /// The next height may begin.
    Rested,
    /// There is something to do about the nodes that are followed.
    Source(SourceEvent),
}

impl Orderer {
    /// Takes up the ledger where it was left.
    pub async fn open(
        store: Arc<dyn LedgerStore>,
        clock: Arc<dyn Clock>,
        signer: Arc<dyn MemberSigner>,
        verifier: Arc<dyn SignatureVerifier>,
        observer: Arc<dyn BlockObserver>,
        consensus: Consensus,
    ) -> Result<(Self, Ledger), LoadError> {
        let loaded = LoadedLedger::load(&*store, &*verifier).await?;
        Self::open_loaded(loaded, store, clock, signer, verifier, observer, consensus).await
    }

    /// Takes up a ledger that is loaded from `store` already.
    pub async fn open_loaded(
        loaded: LoadedLedger,
        store: Arc<dyn LedgerStore>,
        clock: Arc<dyn Clock>,
        signer: Arc<dyn MemberSigner>,
        verifier: Arc<dyn SignatureVerifier>,
        observer: Arc<dyn BlockObserver>,
        consensus: Consensus,
    ) -> Result<(Self, Ledger), LoadError> {
        let LoadedLedger { head, lookup } = loaded;
        let Consensus { agreement, mut log, peers, words, faults, certificates } = consensus;
        let own = signer.public_key().thumbprint();
        let (recovered, silent) = match log.entries().await {
            Ok(entries) => {
                head.reconcile(&own, &mut *log).await?;
                (Some(entries), None)
            }
            // What it has signed is not known: it signs nothing, and everything can be read.
            Err(error) => (None, Some(error.to_string())),
        };
        let (witness, faults) = Witness::open(faults, &head, &*store, &*verifier).await?;
        let load = Arc::new(WriterLoad::new());
        let (view, seen) = watch::channel(Arc::new(view_of(&head)));
        let (sender, jobs) = mpsc::channel(QUEUE_JOBS_MAX);
        let (asker, questions) = mpsc::channel(QUESTIONS_MAX);
        let (verified_by, verified) = mpsc::channel(GROUPS_IN_ALL_MAX);
        let gate = Arc::new(WriteGate::new(BlockClock::at_start(head.tip.seal.time, clock.reading())));
        let roster = membership::roster_of(&head.registry, clock.now());
        peers.admit(roster.clone());
        let (last, known) = (head.tip.seal.time, KnownRules::OF_THIS_PROGRAM);
        let abstains = Abstention::of(&head.registry, last, &own, known, clock.now());
        let silence = silent.clone().or_else(|| abstains.map(|reason| reason.to_string()));
        let mut neighbours = Neighbours::new(own, Arc::new(head.registry.members().clone()), verified_by);
        neighbours.follow_candidates(membership::candidates_of(&head.registry, clock.now()), &roster);
        let council = neighbours.council(&head, &*peers, silence, clock.now(), &witness.known());
        let (council, members) = watch::channel(Arc::new(council));
        let ledger = Ledger {
            store: Arc::clone(&store),
            lookup: Arc::clone(&lookup),
            clock: Arc::clone(&clock),
            view: seen,
            council: members,
            faults,
            jobs: sender,
            questions: asker,
            verifier: Arc::clone(&verifier),
            load: Arc::clone(&load),
            client: ClientAddress::THIS_PROCESS,
            gate: Arc::clone(&gate),
            handovers: HandoverMemo::default(),
            observing: None,
        };
        let orderer = Self {
            store,
            lookup,
            clock,
            signer,
            verifier,
            certificates,
            observer,
            agreement: agreement(head.registry.origin()),
            log,
            peers,
            words,
            witness,
            head: Some(head),
            view,
            council,
            jobs,
            jobs_ended: false,
            questions,
            estimator: CostEstimator::new(load),
            statement_time: Duration::ZERO,
            gate,
            pool: Pool::default(),
            under_way: None,
            before: BTreeMap::new(),
            timers: BTreeMap::new(),
            neighbours,
            verified,
            catch_up: CatchUp::default(),
            silent,
            abstains: None,
            is_due: false,
            called: None,
            begun_at: None,
            has_failed: false,
            recovered,
            sources: None,
        };
        Ok((orderer, ledger))
    }

    /// Takes final blocks from these nodes while this node's key is no member's, as before its admission and after its removal.
    /// `ledger` is the one that came with this writer.
    pub fn following(mut self, sources: SourcesSetup, ledger: Ledger) -> (Self, Ledger) {
        let (store, clock, verifier) = (Arc::clone(&self.store), Arc::clone(&self.clock), Arc::clone(&self.verifier));
        let (mut sources, observing) = Sources::new(sources, store, clock, verifier);
        sources.set_idle(self.neighbours.is_member());
        self.sources = Some(sources);
        (self, Ledger { observing: Some(observing), ..ledger })
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

    /// Writes blocks until every handle on the ledger is gone, then returns with nothing of this node's clients waiting.
    pub async fn run(mut self) {
        self.take_up().await;
        loop {
            let event = self.next_event().await;
            self.let_go_if_abstaining();
            self.take(event).await;
            if self.jobs_ended && self.pool.own().next().is_none() {
                return;
            }
            self.advance().await;
            self.tell_observer();
        }
    }

    /// Waits for what is to be dealt with next.
    async fn next_event(&mut self) -> Event {
        let timer = self.timers.iter().min_by_key(|(_, at)| **at).map(|(timer, at)| (*timer, *at));
        let pause = Instant::now() + self.pause();
        let takes_jobs = !self.jobs_ended && !self.pool.is_full_for(BroughtBy::Client);
        let (status_at, gossip_at) = (self.neighbours.status_at(), self.neighbours.gossip_at());
        let rested_at = self.rests_until();
        let follows = self.follows_others();
        let at = |at: Option<Instant>| tokio::time::sleep_until(at.unwrap_or(pause));
        tokio::select! {
            Some(question) = self.questions.recv() => Event::Question(question),
            job = self.jobs.recv(), if takes_jobs => job.map_or(Event::JobsEnded, Event::Job),
            event = self.peers.next() => Event::Peer(event),
            Some(verified) = self.verified.recv() => Event::Verified(verified),
            event = outside::next(&mut self.sources), if follows => Event::Source(event),
            () = self.gate.changed() => Event::Gate,
            () = at(timer.map(|(_, at)| at)), if timer.is_some() => match timer {
                Some((timer, _)) => Event::Timer(timer),
                None => Event::Pause,
            },
            () = at(status_at), if status_at.is_some() => Event::Status,
            () = at(gossip_at), if gossip_at.is_some() => Event::Gossip,
            () = at(rested_at), if rested_at.is_some() => Event::Rested,
            () = at(None) => Event::Pause,
        }
    }

    /// How long nothing may come before the writer looks by itself what there is to do.
    fn pause(&self) -> Duration {
        if self.obstacle().is_some() { TRY_AGAIN_EVERY } else { self.until_heartbeat() }
    }

    async fn take(&mut self, event: Event) {
        match event {
            Event::Question(question) => self.answer(question).await,
            Event::Job(job) => self.take_job(job).await,
            Event::JobsEnded => self.jobs_ended = true,
            Event::Gate | Event::Rested => {}
            Event::Pause => self.look_up(),
            Event::Timer(timer) => {
                self.timers.remove(&timer);
                let acts = self.agreement.time_out(timer);
                self.carry_out(acts).await;
            }
            Event::Peer(event) => self.hear(event).await,
            Event::Verified(verified) => self.take_verified(verified).await,
            Event::Status => self.tell_status().await,
            Event::Gossip => self.neighbours.gossip(&*self.peers),
            Event::Source(event) => self.take_from_outside(event).await,
        }
    }

    /// Until when the next height is not begun yet, if so.
    fn rests_until(&self) -> Option<Instant> {
        let until = self.begun_at? + HEIGHT_EVERY;
        (self.under_way.is_none() && !self.is_alone() && until > Instant::now()).then_some(until)
    }

    /// Tells whether this member decides alone.
    fn is_alone(&self) -> bool {
        self.neighbours.is_alone()
    }

    /// Proves subjects by the index of the last block. What can be read is proven, though nothing can be written, as on a
    /// full disk; where not even that goes, the closed channel tells whoever asks.
    async fn answer(&mut self, question: Question) {
        if self.head.is_none() {
            let loaded = self.reload().await;
            self.head = loaded.inspect_err(|error| tracing::error!(%error, "the ledger cannot be taken up")).ok();
        }
        if let Some(head) = &mut self.head {
            question.answer(head, Arc::clone(&self.view.borrow()));
        }
    }

    fn until_heartbeat(&self) -> Duration {
        let Some(head) = &self.head else { return Duration::from_secs(1) };
        let age = self.clock.now().millis_since(head.tip.seal.time).max(0);
        HEARTBEAT.saturating_sub(Duration::from_millis(age.unsigned_abs())).max(Duration::from_millis(10))
    }

    fn obstacle(&self) -> Option<OrderError> {
        let last = self.view.borrow().tip.seal.time;
        let silent = || self.silence().map(OrderError::Silent);
        self.gate.obstacle(last, self.clock.reading()).or_else(silent)
    }

    fn provider(&self) -> Provider<'_> {
        Provider { signatures: &*self.verifier, certificates: &*self.certificates }
    }
}

pub(in crate::app) fn view_of(head: &Head) -> View {
    View { tip: head.tip.clone(), registry: Arc::clone(&head.registry) }
}
