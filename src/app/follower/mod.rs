//! The one writer of a node that is no member: it takes the final blocks of a ledger from other nodes, and answers the readers'
//! questions about the index. It is in the place of the orderer, has no key, and signs nothing.
//!
//! One node is asked at a time (`fetch`), beside the writer. The rules are run on each block that it shows, and the block is
//! held against its members' signatures, before it is written in one transaction and shown. A crash before the transaction is
//! durable loses a block that is fetched again; a crash after it leaves a block that the next start finds.
//!
//! A node that shows a block that does not stand is set aside for a while, and the next one is asked. A node that does not
//! answer is asked again later and later. If a node shows another final block of a height that is here, both signed by a quorum,
//! the ledger is forked: nothing more is taken of any node, and reading goes on.

mod fetch;
mod standing;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::app::admission::WriterLoad;
use crate::app::answer::ClientAddress;
use crate::app::audit::{ReadBlock, RemoteNode};
use crate::app::block_clock::BlockClock;
use crate::app::council::Council;
use crate::app::final_block::FinalBlockChecks;
use crate::app::handovers::HandoverMemo;
use crate::app::head::{Head, LoadError};
use crate::app::ledger::{Ledger, Question, View};
use crate::app::lookup::Lookup;
use crate::app::orderer::{BlockObserver, Job, QUESTIONS_MAX, QUEUE_JOBS_MAX, TRY_AGAIN_EVERY, candidate_of, view_of};
use crate::app::write_gate::{WriteGate, refusal_of};
use crate::ports::{Clock, LedgerStore, NewBlock, StoreError, StoredBlock};
use fetch::{NotShown, Shown, fetch};
use sealane_core::block::{Checkpoint, Height, Leaf, Seal};
use sealane_core::consortium::{CertificateReader, Place};
use sealane_core::evidence::{Anchor, Fork, MemberChain, SignedCheckpoint};
use sealane_core::ledger::{BodyLeaf, NotOnTop, SealedBlock, check_signed};
use sealane_core::provider::Provider;
use sealane_core::statement::SignatureVerifier;

pub use standing::{FalseBlock, FollowedNode, Following};

pub(super) use standing::Observing;

/// How often a node is asked for new blocks, if there were none the last time.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// How soon it is asked again after it had some.
const ASK_SOON: Duration = Duration::from_millis(200);

/// How long a node is left alone that does not answer: at first, and at the most.
const BACK_OFF_MIN: Duration = Duration::from_secs(1);
const BACK_OFF_MAX: Duration = Duration::from_secs(30);

/// How long a node is not asked that has shown a block which does not stand.
const SET_ASIDE_FOR: Duration = Duration::from_secs(300);

/// How old the last block may be before another node is asked whether it has a later one: every ledger has a block in ten
/// minutes, so that a node that shows none may withhold it.
const STALE_MS: i64 = 11 * 60 * 1000;

/// A node to follow.
pub struct SourceNode {
    pub url: String,
    pub node: Arc<dyn RemoteNode>,
}

/// Keeps the proof of a fork, and says where, for people.
pub type ForkKeeper = Box<dyn Fn(&Fork) -> String + Send>;

/// What an observer works with.
pub struct FollowerSetup {
    pub store: Arc<dyn LedgerStore>,
    pub clock: Arc<dyn Clock>,
    pub verifier: Arc<dyn SignatureVerifier>,
    pub certificates: Arc<dyn CertificateReader>,
    pub observer: Arc<dyn BlockObserver>,
    /// What the ledger is known by.
    pub anchor: Anchor,
    /// One at least, in the order in which they are tried.
    pub nodes: Vec<SourceNode>,
    pub keep_fork: ForkKeeper,
}

/// The writer of an observer. One exists for each ledger.
pub struct Follower {
    setup: FollowerSetup,
    lookup: Arc<Lookup>,
    head: Option<Head>,
    view: watch::Sender<Arc<View>>,
    following: watch::Sender<Arc<Following>>,
    jobs: mpsc::Receiver<Job>,
    questions: mpsc::Receiver<Question>,
    gate: Arc<WriteGate>,
    woken: Arc<Notify>,
    /// When each node may be asked again, and how long it is left alone if it does not answer.
    turns: Vec<Turn>,
    asking: Option<JoinHandle<Result<Shown, NotShown>>>,
    /// Blocks that came and are not written yet.
    waiting: VecDeque<ReadBlock>,
    next_at: Instant,
}

struct Turn {
    from: Instant,
    back_off: Duration,
}

/// What the writer is woken by.
enum Event {
    Question(Question),
    Block,
    Shown(Box<Result<Shown, NotShown>>),
    Ask,
    /// Every handle on the ledger is gone.
    End,
}

/// Why a block was not taken.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("{0}")]
    False(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    NotOnTop(#[from] NotOnTop),
}

impl Follower {
    /// Takes up the ledger where it was left. Its store holds the first block at least (`audit::begin`).
    pub async fn open(setup: FollowerSetup) -> Result<(Self, Ledger), LoadError> {
        let lookup = Arc::new(Lookup::default());
        let head = Head::load_with(&*setup.store, &*setup.verifier, &lookup).await?;
        let load = Arc::new(WriterLoad::new());
        let (view, seen) = watch::channel(Arc::new(view_of(&head)));
        let (sender, jobs) = mpsc::channel(QUEUE_JOBS_MAX);
        let (asker, questions) = mpsc::channel(QUESTIONS_MAX);
        // It meets no member.
        let (_, council) = watch::channel(Arc::new(Council::default()));
        let followed = |node: &SourceNode| FollowedNode { url: node.url.clone(), ..FollowedNode::default() };
        let nodes: Vec<FollowedNode> = setup.nodes.iter().map(followed).collect();
        let (following, followed) = watch::channel(Arc::new(Following { nodes, ..Following::default() }));
        let woken = Arc::new(Notify::new());
        let gate = Arc::new(WriteGate::new(BlockClock::at_start(head.tip.seal.time, setup.clock.reading())));
        let ledger = Ledger {
            store: Arc::clone(&setup.store),
            lookup: Arc::clone(&lookup),
            clock: Arc::clone(&setup.clock),
            view: seen,
            council,
            jobs: sender,
            questions: asker,
            verifier: Arc::clone(&setup.verifier),
            load,
            client: ClientAddress::THIS_PROCESS,
            gate: Arc::clone(&gate),
            // It meets no member, and so catches none.
            faults: watch::channel(Arc::default()).1,
            handovers: HandoverMemo::default(),
            observing: Some(Observing { seen: followed, woken: Arc::clone(&woken) }),
        };
        let now = Instant::now();
        let turns = setup.nodes.iter().map(|_| Turn { from: now, back_off: BACK_OFF_MIN }).collect();
        let follower = Self {
            setup,
            lookup,
            head: Some(head),
            view,
            following,
            jobs,
            questions,
            gate,
            woken,
            turns,
            asking: None,
            waiting: VecDeque::new(),
            next_at: now,
        };
        Ok((follower, ledger))
    }

    /// Takes blocks until every handle on the ledger is gone.
    pub async fn run(mut self) {
        loop {
            match self.next_event().await {
                Event::Question(question) => self.answer(question).await,
                Event::Block => self.take().await,
                Event::Shown(shown) => self.hear(*shown).await,
                Event::Ask => self.ask().await,
                Event::End => return,
            }
        }
    }

    async fn next_event(&mut self) -> Event {
        let may_ask = self.asking.is_none() && self.waiting.is_empty() && !self.is_stopped();
        tokio::select! {
            biased;
            Some(question) = self.questions.recv() => Event::Question(question),
            // What is posted at an observer is passed on before it comes here.
            job = self.jobs.recv() => if job.is_none() { Event::End } else { Event::Ask },
            () = std::future::ready(()), if !self.waiting.is_empty() => Event::Block,
            shown = finished(&mut self.asking) => Event::Shown(Box::new(shown)),
            () = tokio::time::sleep_until(self.next_at), if may_ask => Event::Ask,
            () = self.woken.notified(), if may_ask => {
                self.next_at = Instant::now();
                Event::Ask
            }
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
        let now = Instant::now();
        if self.asking.is_some() || !self.waiting.is_empty() || self.is_stopped() || self.next_at > now {
            return;
        }
        if self.head.is_none() && self.try_store().await.is_err() {
            self.next_at = Instant::now() + TRY_AGAIN_EVERY;
            return;
        }
        let Some(head) = &self.head else { return };
        let at = self.following.borrow().at;
        let count = self.turns.len();
        let mut order = (0..count).map(|step| (at + step) % count);
        let Some(next) = order.find(|at| self.turns[*at].from <= now) else {
            self.next_at = self.turns.iter().map(|turn| turn.from).min().unwrap_or(now + ASK_EVERY);
            return;
        };
        let (node, tip) = (Arc::clone(&self.setup.nodes[next].node), head.tip.clone());
        self.following.send_modify(|following| {
            let following = Arc::make_mut(following);
            following.at = next;
            if let Some(node) = following.nodes.get_mut(next) {
                node.is_set_aside = false;
            }
        });
        // A node is read by calls that wait for its answers.
        self.asking = Some(tokio::task::spawn_blocking(move || Handle::current().block_on(fetch(&*node, &tip))));
    }

    /// Takes what a node has shown.
    async fn hear(&mut self, shown: Result<Shown, NotShown>) {
        let now = self.setup.clock.now();
        match shown {
            Err(NotShown::Unreachable(trouble)) => {
                tracing::warn!(url = self.url(), trouble, "a followed node shows nothing");
                let at = self.following.borrow().at;
                let turn = &mut self.turns[at];
                turn.from = Instant::now() + turn.back_off;
                turn.back_off = (turn.back_off * 2).min(BACK_OFF_MAX);
                self.tell(|node| node.trouble = Some(trouble));
                // Another one may be there at once.
                self.next_at = Instant::now();
            }
            Err(NotShown::False { height, fault }) => self.set_aside(height, fault),
            Ok(Shown { common, latest, blocks }) => {
                let at = self.following.borrow().at;
                self.turns[at].back_off = BACK_OFF_MIN;
                self.tell(|node| {
                    node.heard = Some(now);
                    node.tip = Some(latest);
                });
                self.next_at = Instant::now() + if blocks.is_empty() { ASK_EVERY } else { ASK_SOON };
                if self.is_like_own(&common, latest).await {
                    self.tell(|node| node.trouble = None);
                    self.waiting = blocks.into();
                    self.note_level(latest);
                }
            }
        }
    }

    /// Tells whether this node has the block that a node shows. If it has another one, the node is set aside, or the ledger is
    /// forked.
    async fn is_like_own(&mut self, shown: &StoredBlock, latest: Height) -> bool {
        let Some(tip) = self.head.as_ref().map(|head| head.tip.clone()) else { return false };
        let height = latest.min(tip.seal.height);
        let own = match height == tip.seal.height {
            true => Ok(Some(tip.clone())),
            false => self.setup.store.block(height).await,
        };
        let own = match own {
            Ok(Some(own)) => own,
            Ok(None) => return false,
            Err(error) => {
                tracing::error!(%error, "a block of this node cannot be read");
                return false;
            }
        };
        if shown.seal != own.seal || shown.checkpoint != own.checkpoint {
            self.tell_apart(&own, shown, height);
            return false;
        }
        if latest < tip.seal.height {
            let behind =
                format!("it ends at block {latest}, and this node has block {}: waiting for it", tip.seal.height);
            self.tell(|node| node.trouble = Some(behind));
            // Of two that lag, neither is better; one that does not may have more.
            self.turn_on();
            return false;
        }
        if latest == tip.seal.height && self.setup.clock.now().millis_since(tip.seal.time) > STALE_MS {
            self.turn_on();
        }
        true
    }

    /// Finds out what it means that a node shows another block than the one here.
    fn tell_apart(&mut self, own: &StoredBlock, shown: &StoredBlock, height: Height) {
        let url = self.url();
        let side = |by: String, block: &StoredBlock| {
            SignedCheckpoint::commit(by, &block.checkpoint, block.commit.clone(), Some(block.seal.to_json()))
        };
        let (first, second) =
            (side("the store of an observer".to_owned(), own), side(format!("blocks/{height} of {url}"), shown));
        match Fork::of(&first, &second, &self.members_at(own), &*self.setup.verifier) {
            Ok(fork) => {
                let kept = (self.setup.keep_fork)(&fork);
                let stopped = format!(
                    "the ledger is forked at height {height}: {url} shows another block than the one here, and members have \
                     signed both. Nothing more is taken from any node; what is here can be read"
                );
                tracing::error!("{stopped}. {kept}");
                self.following.send_modify(|following| Arc::make_mut(following).stopped = Some(stopped));
            }
            Err(error) => {
                let fault = format!("it is another block than the one here, and no proof of a fork: {error}");
                self.set_aside(height, fault);
            }
        }
    }

    /// The members in force at a block of the ledger here, by what this node has validated itself.
    fn members_at(&self, block: &StoredBlock) -> MemberChain {
        let anchor = self.setup.anchor.clone();
        let before = block.seal.height.get().checked_sub(1).and_then(|number| Height::new(number).ok());
        let (Some(before), Some(head)) = (before, &self.head) else { return MemberChain::new(anchor) };
        let Seal { previous_size: size, previous_root: root, .. } = block.seal;
        let checkpoint = Checkpoint { origin: block.checkpoint.origin.clone(), size, root };
        let members = head.registry.members_at(block.seal.height).clone();
        MemberChain::new(anchor.after(before, &checkpoint, members))
    }

    /// Validates the next block, writes it, and shows it.
    async fn take(&mut self) {
        let Some(block) = self.waiting.pop_front() else { return };
        let height = block.shown.seal.height;
        match self.write(block).await {
            Ok(()) => {
                let latest = self.following.borrow().node().and_then(|node| node.tip);
                latest.iter().for_each(|latest| self.note_level(*latest));
            }
            Err(NotTaken::False(fault)) => self.set_aside(height, fault),
            Err(error) => {
                tracing::error!(%error, %height, "a block could not be written");
                if let NotTaken::Store(error) = &error {
                    self.gate.store_failed(refusal_of(error));
                }
                // Whether it is there is unknown: the ledger is loaded again, as after a crash.
                self.head = None;
                self.waiting.clear();
                self.next_at = Instant::now() + TRY_AGAIN_EVERY;
            }
        }
    }

    async fn write(&mut self, block: ReadBlock) -> Result<(), NotTaken> {
        let began = Instant::now();
        let ReadBlock { leaves, shown } = block;
        let Some(head) = &mut self.head else { return Ok(()) };
        let provider = Provider { signatures: &*self.setup.verifier, certificates: &*self.setup.certificates };
        let at = Place { leaf: head.tip.size().next_index(), time: shown.seal.time };
        let registry = Arc::clone(&head.registry);
        let read =
            |leaf: BodyLeaf| match candidate_in(&leaf, &mut |text| candidate_of(text, &registry, at, provider).ok()) {
                Some(candidate) => BodyLeaf::Verified(Box::new(candidate)),
                // The rules say what is wrong with it, at its place.
                None => leaf,
            };
        let leaves: Vec<BodyLeaf> = leaves.into_iter().map(read).collect();
        let checks = FinalBlockChecks { store: &*self.setup.store, lookup: &self.lookup, provider };
        let is_signed = |sealed: &SealedBlock| {
            check_signed(sealed, &shown, provider.signatures)?;
            check_anchored(&self.setup.anchor, sealed)
        };
        let staged = checks.stage(head, leaves, shown.seal.clone(), is_signed).await?;
        let SealedBlock { content, successor, events, .. } = staged.map_err(NotTaken::False)?;
        let (records, statements) = (Arc::clone(&content.records), content.records.len());
        self.setup.store.append(NewBlock::new(shown.clone(), content)).await?;
        self.lookup.learn(&records);
        head.registry = Arc::clone(successor.registry());
        head.state.apply(successor)?;
        head.tip = shown.clone();
        self.gate.store_writes();
        self.view.send_replace(Arc::new(view_of(head)));
        let events = usize::try_from(events).unwrap_or(usize::MAX);
        self.setup.observer.block_written(statements, events, began.elapsed());
        self.setup.observer.block_agreed(shown.commit.round);
        Ok(())
    }

    /// Notes that this node has every block of the one that it asks, if so.
    fn note_level(&self, latest: Height) {
        let now = self.setup.clock.now();
        if self.head.as_ref().is_some_and(|head| head.tip.seal.height >= latest) {
            self.following.send_modify(|following| Arc::make_mut(following).level_at = Some(now));
        }
    }

    fn set_aside(&mut self, height: Height, fault: String) {
        tracing::error!(url = self.url(), %height, fault, "a followed node has shown a block that does not stand; it is set aside");
        self.waiting.clear();
        let at = self.following.borrow().at;
        self.turns[at].from = Instant::now() + SET_ASIDE_FOR;
        let met = self.setup.clock.now();
        self.tell(|node| {
            node.trouble = Some(format!("block {height} does not stand: {fault}"));
            node.is_set_aside = true;
            node.false_block = Some(FalseBlock { height, fault, at: met });
            node.tip = None;
        });
        self.next_at = Instant::now();
    }

    /// Asks the next node the next time.
    fn turn_on(&self) {
        self.following.send_modify(|following| {
            let following = Arc::make_mut(following);
            following.at = (following.at + 1) % following.nodes.len().max(1);
        });
    }

    /// Changes what is told of the node that is asked now.
    fn tell(&self, change: impl FnOnce(&mut FollowedNode)) {
        self.following.send_modify(|following| {
            let following = Arc::make_mut(following);
            if let Some(node) = following.nodes.get_mut(following.at) {
                change(node);
            }
        });
    }

    fn url(&self) -> String {
        self.following.borrow().node().map(|node| node.url.clone()).unwrap_or_default()
    }

    fn is_stopped(&self) -> bool {
        self.following.borrow().stopped.is_some()
    }

    /// Tries whether the store writes, and takes the ledger up from it.
    async fn try_store(&mut self) -> Result<(), ()> {
        if let Err(error) = self.setup.store.probe_write().await {
            self.gate.store_fails_on(&refusal_of(&error));
            return Err(());
        }
        self.reload().await?;
        self.gate.store_writes();
        Ok(())
    }

    async fn reload(&mut self) -> Result<(), ()> {
        match Head::load_with(&*self.setup.store, &*self.setup.verifier, &self.lookup).await {
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

/// Waits for what is asked; for ever if nothing is.
async fn finished(asking: &mut Option<JoinHandle<Result<Shown, NotShown>>>) -> Result<Shown, NotShown> {
    let Some(task) = asking else { return std::future::pending().await };
    let shown = task.await;
    *asking = None;
    shown.unwrap_or_else(|error| Err(NotShown::Unreachable(format!("asking it failed: {error}"))))
}

/// Reads the statement that a leaf holds or stands for.
fn candidate_in<T>(leaf: &BodyLeaf, read: &mut dyn FnMut(&[u8]) -> Option<T>) -> Option<T> {
    let BodyLeaf::Shown { bytes, long } = leaf else { return None };
    match Leaf::decode(bytes).ok()? {
        Leaf::Statement(text) => read(text.as_bytes()),
        // Its leaf has the hash of these very bytes, or the rules refuse it.
        Leaf::LongStatement { hash, .. } => {
            let text = long.as_deref().filter(|text| sealane_core::hash::Hash::of(text) == hash)?;
            read(text)
        }
        Leaf::Seal(_) => None,
    }
}

/// Holds a block against the trust anchor, if that is of its height.
fn check_anchored(anchor: &Anchor, block: &SealedBlock) -> Result<(), String> {
    let (height, checkpoint) = (block.seal.height, &block.checkpoint);
    if anchor.height() == height && (checkpoint.size, checkpoint.root) != (anchor.size(), anchor.root()) {
        return Err(format!("block {height} has another size or root than the trust anchor of that block"));
    }
    Ok(())
}
