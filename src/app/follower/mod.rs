//! The one writer of a node that is no member: it takes the final blocks of a ledger from other nodes, and answers the readers'
//! questions about the index. It is in the place of the orderer, has no key, and signs nothing.
//!
//! One node is asked at a time (`fetch`), beside the writer. The rules are run on each block that it shows, and the block is
//! held against its members' signatures, before it is written in one transaction and shown. A crash before the transaction is
//! durable loses a block that is fetched again; a crash after it leaves a block that the next start finds.
//!
//! A node that shows a block that does not stand is set aside for a while, and the next one is asked. A node that does not
//! answer is asked again later and later. If a node shows another final block of a height that is here, both signed by a quorum,
//! the ledger is forked: nothing more is taken of any node, and reading goes on. `sources` does all of this; the orderer uses it
//! too while its key is no member's.

mod fetch;
mod sources;
mod standing;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::app::admission::WriterLoad;
use crate::app::answer::ClientAddress;
use crate::app::audit::ReadBlock;
use crate::app::block_clock::BlockClock;
use crate::app::council::Council;
use crate::app::final_block::{FinalBlockChecks, unknown_rules_of};
use crate::app::handovers::HandoverMemo;
use crate::app::head::{Head, LoadError};
use crate::app::ledger::{Ledger, Question, View};
use crate::app::lookup::Lookup;
use crate::app::orderer::{BlockObserver, Job, QUESTIONS_MAX, QUEUE_JOBS_MAX, view_of};
use crate::app::write_gate::{WriteGate, refusal_of};
use crate::ports::{Clock, LedgerStore, NewBlock, StoreError};
use sealane_core::consortium::CertificateReader;
use sealane_core::ledger::{BodyLeaf, NotOnTop, SealedBlock, UnknownRules};
use sealane_core::provider::Provider;
use sealane_core::statement::SignatureVerifier;

pub use sources::{ForkKeeper, SourceNode, SourcesSetup};
pub use standing::{FalseBlock, FollowedNode, Following, Stop};

pub(super) use sources::{SourceEvent, Sources, read_leaves};
pub(super) use standing::Observing;

/// What an observer works with.
pub struct FollowerSetup {
    pub store: Arc<dyn LedgerStore>,
    pub clock: Arc<dyn Clock>,
    pub verifier: Arc<dyn SignatureVerifier>,
    pub certificates: Arc<dyn CertificateReader>,
    pub observer: Arc<dyn BlockObserver>,
    pub sources: SourcesSetup,
}

/// The writer of an observer. One exists for each ledger.
pub struct Follower {
    store: Arc<dyn LedgerStore>,
    verifier: Arc<dyn SignatureVerifier>,
    certificates: Arc<dyn CertificateReader>,
    observer: Arc<dyn BlockObserver>,
    lookup: Arc<Lookup>,
    head: Option<Head>,
    view: watch::Sender<Arc<View>>,
    jobs: mpsc::Receiver<Job>,
    questions: mpsc::Receiver<Question>,
    gate: Arc<WriteGate>,
    sources: Sources,
}

/// What the writer is woken by.
enum Event {
    Question(Question),
    Source(SourceEvent),
    /// Every handle on the ledger is gone.
    End,
}

/// Why a block was not taken.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("{0}")]
    False(String),
    #[error(transparent)]
    Rules(UnknownRules),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    NotOnTop(#[from] NotOnTop),
}

impl Follower {
    /// Takes up the ledger where it was left. Its store holds the first block at least (`audit::begin`).
    pub async fn open(setup: FollowerSetup) -> Result<(Self, Ledger), LoadError> {
        let FollowerSetup { store, clock, verifier, certificates, observer, sources } = setup;
        let lookup = Arc::new(Lookup::default());
        let head = Head::load_with(&*store, &*verifier, &lookup).await?;
        let load = Arc::new(WriterLoad::new());
        let (view, seen) = watch::channel(Arc::new(view_of(&head)));
        let (sender, jobs) = mpsc::channel(QUEUE_JOBS_MAX);
        let (asker, questions) = mpsc::channel(QUESTIONS_MAX);
        // It meets no member.
        let (_, council) = watch::channel(Arc::new(Council::default()));
        let (sources, observing) = Sources::new(sources, Arc::clone(&store), Arc::clone(&clock), Arc::clone(&verifier));
        let gate = Arc::new(WriteGate::new(BlockClock::at_start(head.tip.seal.time, clock.reading())));
        let ledger = Ledger {
            store: Arc::clone(&store),
            lookup: Arc::clone(&lookup),
            clock,
            view: seen,
            council,
            jobs: sender,
            questions: asker,
            verifier: Arc::clone(&verifier),
            load,
            client: ClientAddress::THIS_PROCESS,
            gate: Arc::clone(&gate),
            // It meets no member, and so catches none.
            faults: watch::channel(Arc::default()).1,
            handovers: HandoverMemo::default(),
            observing: Some(observing),
        };
        let head = Some(head);
        let follower =
            Self { store, verifier, certificates, observer, lookup, head, view, jobs, questions, gate, sources };
        Ok((follower, ledger))
    }

    /// Takes blocks until every handle on the ledger is gone.
    pub async fn run(mut self) {
        loop {
            match self.next_event().await {
                Event::Question(question) => self.answer(question).await,
                Event::Source(SourceEvent::Block) => self.take().await,
                Event::Source(SourceEvent::Shown(shown)) => self.sources.hear(*shown, self.head.as_ref()).await,
                Event::Source(SourceEvent::Ask) => self.ask().await,
                Event::End => return,
            }
        }
    }

    async fn next_event(&mut self) -> Event {
        tokio::select! {
            biased;
            Some(question) = self.questions.recv() => Event::Question(question),
            // What is posted at an observer is passed on before it comes here.
            job = self.jobs.recv() => if job.is_none() { Event::End } else { Event::Source(SourceEvent::Ask) },
            event = self.sources.next() => Event::Source(event),
        }
    }

    /// Proves subjects by the index of the last block.
    async fn answer(&mut self, question: Question) {
        if self.head.is_none() && self.reload().await.is_err() {
            // The closed channel tells the asker.
            return;
        }
        if let Some(head) = &mut self.head {
            question.answer(head, Arc::clone(&self.view.borrow()));
        }
    }

    /// Asks a node for new blocks, beside the writer.
    async fn ask(&mut self) {
        if !self.sources.is_due() {
            return;
        }
        if self.head.is_none() && self.try_store().await.is_err() {
            self.sources.begin_again();
            return;
        }
        if let Some(head) = &self.head {
            self.sources.ask(&head.tip);
        }
    }

    /// Validates the next block, writes it, and shows it.
    async fn take(&mut self) {
        let Some(block) = self.sources.pop() else { return };
        let height = block.shown.seal.height;
        match self.write(block).await {
            Ok(()) => self.head.iter().for_each(|head| self.sources.note_level(head.tip.seal.height)),
            Err(NotTaken::Rules(unknown)) => self.sources.stop_at_rules(unknown),
            Err(NotTaken::False(fault)) => self.sources.set_aside(height, fault),
            Err(error) => {
                tracing::error!(%error, %height, "a block could not be written");
                if let NotTaken::Store(error) = &error {
                    self.gate.store_failed(refusal_of(error));
                }
                // Whether it is there is unknown: the ledger is loaded again, as after a crash.
                self.head = None;
                self.sources.begin_again();
            }
        }
    }

    async fn write(&mut self, block: ReadBlock) -> Result<(), NotTaken> {
        let began = Instant::now();
        let ReadBlock { leaves, shown } = block;
        let Some(head) = &mut self.head else { return Ok(()) };
        let hashes = || Some(leaves.iter().map(BodyLeaf::hash).collect());
        if let Some(unknown) = unknown_rules_of(head, hashes, &shown.seal, &shown.commit, &*self.verifier) {
            return Err(NotTaken::Rules(unknown));
        }
        let provider = Provider { signatures: &*self.verifier, certificates: &*self.certificates };
        let leaves = read_leaves(leaves, head, &shown.seal, provider);
        let checks = FinalBlockChecks { store: &*self.store, lookup: &self.lookup, provider };
        let sources = &self.sources;
        let is_signed = |sealed: &SealedBlock| sources.check(sealed, &shown);
        let staged = checks.stage(head, leaves, shown.seal.clone(), is_signed).await?;
        let SealedBlock { content, successor, events, .. } = staged.map_err(NotTaken::False)?;
        let (records, statements) = (Arc::clone(&content.records), content.records.len());
        self.store.append(NewBlock::new(shown.clone(), content)).await?;
        self.lookup.learn(&records);
        head.registry = Arc::clone(successor.registry());
        head.state.apply(successor)?;
        head.tip = shown.clone();
        self.gate.store_writes();
        self.view.send_replace(Arc::new(view_of(head)));
        let events = usize::try_from(events).unwrap_or(usize::MAX);
        self.observer.block_written(statements, events, began.elapsed());
        self.observer.block_agreed(shown.commit.round);
        Ok(())
    }

    /// Tries whether the store writes, and takes the ledger up from it.
    async fn try_store(&mut self) -> Result<(), ()> {
        if let Err(error) = self.store.probe_write().await {
            self.gate.store_fails_on(&refusal_of(&error));
            return Err(());
        }
        self.reload().await?;
        self.gate.store_writes();
        Ok(())
    }

    async fn reload(&mut self) -> Result<(), ()> {
        match Head::load_with(&*self.store, &*self.verifier, &self.lookup).await {
            Ok(head) => {
                self.view.send_replace(Arc::new(view_of(&head)));
                self.head = Some(head);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the ledger cannot be taken up");
                Err(())
            }
        }
    }
}
