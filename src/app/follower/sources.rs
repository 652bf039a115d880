//! The nodes from which final blocks are fetched over HTTPS, one at a time: which one is asked, when, and what it has shown.
//!
//! An observer's writer takes all its blocks so, and a member's node that is no member yet, or none any more.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::fetch::{NotShown, Shown, fetch};
use super::standing::{FalseBlock, FollowedNode, Following, Observing, Stop};
use crate::app::audit::{ReadBlock, RemoteNode};
use crate::app::head::Head;
use crate::app::orderer::{TRY_AGAIN_EVERY, candidate_of};
use crate::ports::{Clock, LedgerStore, StoredBlock};
use sealane_core::block::{Checkpoint, Height, Leaf, Seal};
use sealane_core::consortium::Place;
use sealane_core::evidence::{Anchor, Fork, MemberChain, SignedCheckpoint};
use sealane_core::ledger::{BodyLeaf, SealedBlock, UnknownRules, check_signed};
use sealane_core::provider::Provider;
use sealane_core::statement::SignatureVerifier;

/// How often a node is asked for new blocks, if there were none the last time.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// How soon it is asked again after it had some, or while a block is awaited that it may have by now.
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
#[derive(Clone)]
pub struct SourceNode {
    pub url: String,
    pub node: Arc<dyn RemoteNode>,
}

/// Keeps the proof of a fork, and says where, for people.
pub type ForkKeeper = Box<dyn Fn(&Fork) -> String + Send + Sync>;

/// What blocks are fetched from, and what they are held against.
pub struct SourcesSetup {
    /// What the ledger is known by.
    pub anchor: Anchor,
    /// One at least, in the order in which they are tried.
    pub nodes: Vec<SourceNode>,
    pub keep_fork: ForkKeeper,
}

/// The nodes that are followed.
pub(in crate::app) struct Sources {
    setup: SourcesSetup,
    store: Arc<dyn LedgerStore>,
    clock: Arc<dyn Clock>,
    verifier: Arc<dyn SignatureVerifier>,
    following: watch::Sender<Arc<Following>>,
    woken: Arc<Notify>,
    awaited: Arc<AtomicUsize>,
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

/// What there is to do about the nodes that are followed.
pub(in crate::app) enum SourceEvent {
    /// A block waits to be written.
    Block,
    /// A node has answered, or failed to.
    Shown(Box<Result<Shown, NotShown>>),
    /// It is time to ask.
    Ask,
}

impl Sources {
    pub fn new(
        setup: SourcesSetup,
        store: Arc<dyn LedgerStore>,
        clock: Arc<dyn Clock>,
        verifier: Arc<dyn SignatureVerifier>,
    ) -> (Self, Observing) {
        let followed = |node: &SourceNode| FollowedNode { url: node.url.clone(), ..FollowedNode::default() };
        let nodes: Vec<FollowedNode> = setup.nodes.iter().map(followed).collect();
        let (following, seen) = watch::channel(Arc::new(Following { nodes, ..Following::default() }));
        let woken = Arc::new(Notify::new());
        let now = Instant::now();
        let turns = setup.nodes.iter().map(|_| Turn { from: now, back_off: BACK_OFF_MIN }).collect();
        let awaited = Arc::new(AtomicUsize::new(0));
        let observing = Observing { seen, woken: Arc::clone(&woken), awaited: Arc::clone(&awaited) };
        let (asking, waiting, next_at) = (None, VecDeque::new(), now);
        let sources =
            Self { setup, store, clock, verifier, following, woken, awaited, turns, asking, waiting, next_at };
        (sources, observing)
    }

    /// Waits for what is to be dealt with next. Nothing is lost if this is dropped.
    pub async fn next(&mut self) -> SourceEvent {
        if !self.waiting.is_empty() {
            return SourceEvent::Block;
        }
        let may_ask = self.asking.is_none() && !self.is_stopped();
        tokio::select! {
            biased;
            shown = finished(&mut self.asking) => SourceEvent::Shown(Box::new(shown)),
            () = tokio::time::sleep_until(self.next_at), if may_ask => SourceEvent::Ask,
            () = self.woken.notified(), if may_ask => {
                self.next_at = Instant::now();
                SourceEvent::Ask
            }
        }
    }

    /// Takes the next block that is to be written.
    pub fn pop(&mut self) -> Option<ReadBlock> {
        self.waiting.pop_front()
    }

    /// Forgets the blocks that came, since the ledger is loaded again, and waits a while.
    pub fn begin_again(&mut self) {
        self.waiting.clear();
        self.next_at = Instant::now() + TRY_AGAIN_EVERY;
    }

    /// Says that this node takes no blocks of others now, or that it does.
    pub fn set_idle(&mut self, is_idle: bool) {
        if self.following.borrow().is_idle != is_idle {
            self.waiting.clear();
            self.following.send_modify(|following| Arc::make_mut(following).is_idle = is_idle);
        }
    }

    /// Tells whether a node is to be asked now.
    pub fn is_due(&self) -> bool {
        self.asking.is_none() && self.waiting.is_empty() && !self.is_stopped() && self.next_at <= Instant::now()
    }

    /// Asks a node for the blocks after this node's last one, beside the writer.
    pub fn ask(&mut self, tip: &StoredBlock) {
        if !self.is_due() {
            return;
        }
        let now = Instant::now();
        let at = self.following.borrow().at;
        let count = self.turns.len();
        let mut order = (0..count).map(|step| (at + step) % count);
        let Some(next) = order.find(|at| self.turns[*at].from <= now) else {
            self.next_at = self.turns.iter().map(|turn| turn.from).min().unwrap_or(now + ASK_EVERY);
            return;
        };
        let (node, tip) = (Arc::clone(&self.setup.nodes[next].node), tip.clone());
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
    pub async fn hear(&mut self, shown: Result<Shown, NotShown>, head: Option<&Head>) {
        let now = self.clock.now();
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
                let is_idle = blocks.is_empty() && self.awaited.load(Ordering::Relaxed) == 0;
                self.next_at = Instant::now() + if is_idle { ASK_EVERY } else { ASK_SOON };
                let Some(head) = head else { return };
                if self.is_like_own(&common, latest, head).await {
                    self.tell(|node| node.trouble = None);
                    self.waiting = blocks.into();
                    self.note_level(head.tip.seal.height);
                }
            }
        }
    }

    /// Tells whether this node has the block that a node shows. If it has another one, the node is set aside, or the ledger is
    /// forked.
    async fn is_like_own(&mut self, shown: &StoredBlock, latest: Height, head: &Head) -> bool {
        let tip = head.tip.clone();
        let height = latest.min(tip.seal.height);
        let own = match height == tip.seal.height {
            true => Ok(Some(tip.clone())),
            false => self.store.block(height).await,
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
            self.tell_apart(&own, shown, height, head);
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
        if latest == tip.seal.height && self.clock.now().millis_since(tip.seal.time) > STALE_MS {
            self.turn_on();
        }
        true
    }

    /// Finds out what it means that a node shows another block than the one here.
    fn tell_apart(&mut self, own: &StoredBlock, shown: &StoredBlock, height: Height, head: &Head) {
        let url = self.url();
        let side = |by: String, block: &StoredBlock| {
            SignedCheckpoint::commit(by, &block.checkpoint, block.commit.clone(), Some(block.seal.to_json()))
        };
        let (first, second) =
            (side("the store of an observer".to_owned(), own), side(format!("blocks/{height} of {url}"), shown));
        match Fork::of(&first, &second, &self.members_at(own, head), &*self.verifier) {
            Ok(fork) => {
                let kept = (self.setup.keep_fork)(&fork);
                let stop = Stop::Forked { height, url };
                tracing::error!("{stop}. {kept}");
                self.stop(stop);
            }
            Err(error) => {
                let fault = format!("it is another block than the one here, and no proof of a fork: {error}");
                self.set_aside(height, fault);
            }
        }
    }

    /// Takes nothing more of any node: a quorum has signed the next block, and it is by rules that this program does not know.
    pub fn stop_at_rules(&mut self, unknown: UnknownRules) {
        let stop = Stop::Rules(unknown);
        tracing::error!("{stop}");
        self.stop(stop);
    }

    fn stop(&mut self, stop: Stop) {
        self.waiting.clear();
        self.following.send_modify(|following| Arc::make_mut(following).stopped = Some(stop));
    }

    /// The members in force at a block of the ledger here, by what this node has validated itself.
    fn members_at(&self, block: &StoredBlock, head: &Head) -> MemberChain {
        let anchor = self.setup.anchor.clone();
        let before = block.seal.height.get().checked_sub(1).and_then(|number| Height::new(number).ok());
        let Some(before) = before else { return MemberChain::new(anchor) };
        let Seal { previous_size: size, previous_root: root, .. } = block.seal;
        let checkpoint = Checkpoint { origin: block.checkpoint.origin.clone(), size, root };
        let members = head.registry.members_at(block.seal.height).clone();
        MemberChain::new(anchor.after(before, &checkpoint, members))
    }

    /// Notes that this node has every block of the one that it asks, if so.
    pub fn note_level(&self, own: Height) {
        let now = self.clock.now();
        let latest = self.following.borrow().node().and_then(|node| node.tip);
        if latest.is_some_and(|latest| own >= latest) {
            self.following.send_modify(|following| Arc::make_mut(following).level_at = Some(now));
        }
    }

    /// Leaves the node alone for a while that has shown a block which does not stand.
    pub fn set_aside(&mut self, height: Height, fault: String) {
        tracing::error!(url = self.url(), %height, fault, "a followed node has shown a block that does not stand; it is set aside");
        self.waiting.clear();
        let at = self.following.borrow().at;
        self.turns[at].from = Instant::now() + SET_ASIDE_FOR;
        let met = self.clock.now();
        self.tell(|node| {
            node.trouble = Some(format!("block {height} does not stand: {fault}"));
            node.is_set_aside = true;
            node.false_block = Some(FalseBlock { height, fault, at: met });
            node.tip = None;
        });
        self.next_at = Instant::now();
    }

    /// Holds a block that was validated against what was signed about it, and against the trust anchor if that is of its height.
    pub fn check(&self, sealed: &SealedBlock, shown: &StoredBlock) -> Result<(), String> {
        check_signed(sealed, shown, &*self.verifier)?;
        check_anchored(&self.setup.anchor, sealed)
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

    pub fn is_stopped(&self) -> bool {
        self.following.borrow().stopped.is_some()
    }
}

/// Waits for what is asked; for ever if nothing is.
async fn finished(asking: &mut Option<JoinHandle<Result<Shown, NotShown>>>) -> Result<Shown, NotShown> {
    let Some(task) = asking else { return std::future::pending().await };
    let shown = task.await;
    *asking = None;
    shown.unwrap_or_else(|error| Err(NotShown::Unreachable(format!("asking it failed: {error}"))))
}

/// The leaves of a block that a node has shown, with each statement verified that can be.
pub(in crate::app) fn read_leaves(
    leaves: Vec<BodyLeaf>,
    head: &Head,
    seal: &Seal,
    provider: Provider<'_>,
) -> Vec<BodyLeaf> {
    let at = Place { leaf: head.tip.size().next_index(), time: seal.time };
    let read = |text: &[u8]| candidate_of(text, &head.registry, at, provider).ok();
    let read = |leaf: BodyLeaf| match candidate_in(&leaf, &read) {
        Some(candidate) => BodyLeaf::Verified(Box::new(candidate)),
        // The rules say what is wrong with it, at its place.
        None => leaf,
    };
    leaves.into_iter().map(read).collect()
}

/// Reads the statement that a leaf holds or stands for.
fn candidate_in<T>(leaf: &BodyLeaf, read: &dyn Fn(&[u8]) -> Option<T>) -> Option<T> {
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
