//! What members' nodes say to each other beside the votes: statements that wait, where each stands, and who is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::app::council::{CandidateStanding, Council, MemberStanding};
use crate::app::faults::KnownFaults;
use crate::app::head::Head;
use crate::app::orderer::job::{Job, answer_all};
use crate::app::orderer::pool::BroughtBy;
use crate::app::orderer::verifying::{Means, Verified, Verifying};
use crate::app::orderer::{OrderError, Ordered, Orderer, STATUS_EVERY};
use crate::app::prefetch::{FinalBlocks, prefetch};
use crate::ports::{LedgerStore, PeerEvent, PeerStanding, Peers, Roster, To};
use sealane_core::agreement::{Hello, LastSaid, Logged, Message, NodeStatus};
use sealane_core::block::{Height, MemberSet};
use sealane_core::consortium::{Place, Registry};
use sealane_core::hash::Hash;
use sealane_core::ledger::{BodyLeaf, Candidate, PlaceRefusal, Prefetched, check_next, verify};
use sealane_core::limits::MESSAGE_BYTES_MAX;
use sealane_core::merkle::LeafIndex;
use sealane_core::provider::Provider;
use sealane_core::statement::SubmittedStatement;
use sealane_core::time::Timestamp;

/// How long after its last status a member counts as reachable.
const REACHABLE_FOR: Duration = Duration::from_secs(3);

/// How long statements are gathered before they are told to the other members, at the most.
const GOSSIP_AFTER: Duration = Duration::from_millis(5);

/// Bytes of statements that are told at once.
const GOSSIP_BYTES: usize = 256 * 1024;

/// Bytes of statements in one message that was asked for: with one statement more it still is a message.
pub(super) const PART_BYTES_MAX: usize = MESSAGE_BYTES_MAX / 2;

/// How often a statement that is not final yet is told again, while its client waits.
const SAY_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The other members, as far as this node knows.
pub(super) struct Neighbours {
    own: Hash,
    members: Arc<MemberSet>,
    /// Who would come in by open proposals, with their names.
    candidates: BTreeMap<Hash, String>,
    /// Whether some who are no members may hear where this node stands.
    has_listeners: bool,
    heard: BTreeMap<Hash, Heard>,
    /// What members that are no longer connected were heard to say last.
    lost: BTreeMap<Hash, Heard>,
    /// Nodes that have said since this node's start what they hold of its signatures, members or not yet.
    asked: BTreeSet<Hash>,
    reachable: BTreeSet<Hash>,
    status_at: Instant,
    again_at: Instant,
    /// Statements that are to be told, and since when the first one waits.
    gossip: Vec<Vec<u8>>,
    gossip_bytes: usize,
    gossip_at: Option<Instant>,
    pub verifying: Verifying,
    /// Proposed blocks that were not valid, by the word that their reason begins with.
    invalid: BTreeMap<String, u64>,
}

/// What a member said last of itself.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub status: NodeStatus,
    pub at: Instant,
    /// The same by the clock.
    pub time: Timestamp,
}

impl Neighbours {
    pub fn new(own: Hash, members: Arc<MemberSet>, verified: mpsc::Sender<Verified>) -> Self {
        let now = Instant::now();
        let verifying = Verifying::new(&members, verified);
        Self {
            own,
            members,
            candidates: BTreeMap::new(),
            has_listeners: false,
            heard: BTreeMap::new(),
            lost: BTreeMap::new(),
            asked: BTreeSet::new(),
            reachable: BTreeSet::new(),
            status_at: now,
            again_at: now,
            gossip: Vec::new(),
            gossip_bytes: 0,
            gossip_at: None,
            verifying,
            invalid: BTreeMap::new(),
        }
    }

    /// Takes the members in force from now on. Says whether they are others than before.
    pub fn follow(&mut self, members: &Arc<MemberSet>) -> bool {
        if self.members == *members {
            return false;
        }
        self.verifying.follow(members);
        self.heard.retain(|kid, _| members.get(kid).is_some());
        self.lost.retain(|kid, _| members.get(kid).is_some());
        self.members = Arc::clone(members);
        true
    }

    /// Who would come in by open proposals, with their names.
    pub const fn candidates(&self) -> &BTreeMap<Hash, String> {
        &self.candidates
    }

    /// Takes those who would come in by open proposals from now on, and who may connect.
    pub fn follow_candidates(&mut self, candidates: BTreeMap<Hash, String>, roster: &Roster) {
        self.candidates = candidates;
        self.has_listeners = !roster.candidates.is_empty();
    }

    /// Whether a key is a member's in force.
    pub fn has(&self, kid: &Hash) -> bool {
        self.members.get(kid).is_some()
    }

    /// Whether a member in force was heard a moment ago.
    pub fn reaches_a_member(&self) -> bool {
        self.reachable.iter().any(|kid| self.has(kid))
    }

    /// The key of this node.
    pub const fn own(&self) -> &Hash {
        &self.own
    }

    /// Whether this node's key is a member's in force.
    pub fn is_member(&self) -> bool {
        self.members.get(&self.own).is_some()
    }

    /// Whether this node's member decides alone.
    pub fn is_alone(&self) -> bool {
        self.members.members().len() == 1 && self.is_member()
    }

    /// When to say again where this node stands; `None` if no other node may connect.
    pub fn status_at(&self) -> Option<Instant> {
        (!self.is_alone() || self.has_listeners).then_some(self.status_at)
    }

    /// When to tell the others of the statements that wait, if some do.
    pub const fn gossip_at(&self) -> Option<Instant> {
        self.gossip_at
    }

    /// What members were heard to say, by `kid`.
    pub const fn heard(&self) -> &BTreeMap<Hash, Heard> {
        &self.heard
    }

    /// Takes a statement that the others are to be told of.
    fn tell(&mut self, candidate: &Candidate) {
        if !self.is_alone() {
            let compact = candidate.statement().compact().as_bytes().to_vec();
            self.gossip_bytes += compact.len();
            self.gossip.push(compact);
            let now = Instant::now();
            let at = if self.gossip_bytes >= GOSSIP_BYTES { now } else { now + GOSSIP_AFTER };
            self.gossip_at = Some(self.gossip_at.map_or(at, |earlier| earlier.min(at)));
        }
    }

    /// Tells the others of the statements that wait.
    pub fn gossip(&mut self, peers: &dyn Peers) {
        self.gossip_at = None;
        self.gossip_bytes = 0;
        for part in parts(std::mem::take(&mut self.gossip), GOSSIP_BYTES) {
            peers.say(To::All, &Message::Statements(part));
        }
    }

    /// Counts a proposed block that was not valid, by the first word of its reason.
    pub fn note_invalid(&mut self, fault: &str) {
        let reason = fault.split(':').next().unwrap_or_default();
        *self.invalid.entry(reason.to_owned()).or_default() += 1;
    }

    /// How the members stand.
    pub fn council(
        &self,
        head: &Head,
        peers: &dyn Peers,
        silent: Option<String>,
        now: Timestamp,
        faults: &KnownFaults,
    ) -> Council {
        let standing = peers.standing();
        let own_address = peers.own_address();
        let members = self.members.members().map(|member| {
            let (kid, is_self) = (member.kid(), member.kid() == self.own);
            let peer = standing.iter().find(|peer| peer.kid == kid);
            let heard = self.heard.get(&kid).or_else(|| self.lost.get(&kid));
            let offset = self.heard.get(&kid).map(|heard| heard.status.time.millis_since(heard.time));
            MemberStanding {
                kid,
                name: member.name().to_owned(),
                is_self,
                reachable: is_self || self.reachable.contains(&kid),
                heard: if is_self { Some(now) } else { heard.map(|heard| heard.time) },
                connected_since: peer.and_then(|peer| peer.connected_since),
                address: if is_self { own_address.clone() } else { peer.and_then(|peer| peer.address.clone()) },
                tip: if is_self { Some(head.tip.seal.height) } else { heard.map(|heard| heard.status.tip) },
                root: if is_self { Some(head.tip.checkpoint.root) } else { heard.map(|heard| heard.status.root) },
                round_trip: peer.and_then(|peer| peer.round_trip),
                clock_offset_ms: offset,
                trouble: peer.and_then(|peer| peer.trouble.clone()),
                faults: faults.count_of(&kid),
            }
        });
        let members = members.collect();
        let candidates = self.candidates.iter().map(|(kid, name)| self.candidate(*kid, name, &standing)).collect();
        Council { members, candidates, invalid_bodies: self.invalid.clone(), silent }
    }

    fn candidate(&self, kid: Hash, name: &str, standing: &[PeerStanding]) -> CandidateStanding {
        let peer = standing.iter().find(|peer| peer.kid == kid);
        let is_self = kid == self.own;
        CandidateStanding {
            kid,
            name: name.to_owned(),
            is_self,
            reachable: is_self || self.reachable.contains(&kid),
            tip: self.heard.get(&kid).map(|heard| heard.status.tip),
            address: peer.and_then(|peer| peer.address.clone()),
            trouble: peer.and_then(|peer| peer.trouble.clone()),
        }
    }
}

/// Statements in groups of at most so many bytes, but for a longer one alone.
pub(super) fn parts(statements: Vec<Vec<u8>>, bytes_max: usize) -> Vec<Vec<Vec<u8>>> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for statement in statements {
        if bytes + statement.len() > bytes_max && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += statement.len();
        part.push(statement);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// Reads a statement of another member, and verifies all of it that does not depend on its place.
pub(in crate::app) fn candidate_of(
    compact: &[u8],
    registry: &Registry,
    at: Place,
    provider: Provider<'_>,
) -> Result<Candidate, PlaceRefusal> {
    let submitted = SubmittedStatement::parse(compact)?;
    let verified = verify(submitted, registry, provider.signatures)?;
    Candidate::read(verified, registry, at, provider.certificates)
}

impl Orderer {
    /// Tells whether this node may sign at this moment: enough members have told it what it signed before, and its log has all
    /// that it may have said at this height.
    pub(super) fn may_vote(&self) -> bool {
        let is_unknown = |unknown: Height| self.head.as_ref().is_none_or(|head| head.state.next_height() <= unknown);
        let members = &self.neighbours.members;
        let others = self.neighbours.asked.iter().filter(|kid| members.get(kid).is_some());
        self.silent.is_none()
            && self.abstention().is_none()
            && others.count() + 1 >= members.quorum()
            && !self.log.unknown().is_some_and(is_unknown)
    }

    /// The place that a statement would get now.
    pub(super) fn next_place(&self, head: &Head) -> Place {
        Place { leaf: head.tip.size().next_index(), time: self.clock.now().max(head.tip.seal.time) }
    }

    /// Takes a statement of a client of this node.
    pub(super) async fn take_job(&mut self, job: Job) {
        let Job { candidate, reply } = job;
        if self.is_alone() {
            // Whether it may stand, the block of the next moment tells.
            self.pool.add(candidate, BroughtBy::Client, Some(reply), Instant::now());
            return;
        }
        match self.check_standing(std::slice::from_ref(&candidate)).await.pop() {
            Some(Ok(None)) => {
                let is_idle = self.under_way.is_none();
                self.neighbours.tell(&candidate);
                if is_idle {
                    // Its block begins now, at the member whose turn it is.
                    self.neighbours.gossip(&*self.peers);
                }
                // Who is refused for want of room is answered there.
                self.pool.add(candidate, BroughtBy::Client, Some(reply), Instant::now());
            }
            Some(Ok(Some(leaf))) => reply.send(Ok(Ordered::before(leaf))),
            Some(Err(refusal)) => reply.send(Err(OrderError::Refused(refusal))),
            None => reply.send(Err(OrderError::Busy)),
        }
    }

    /// Takes statements of another member: blocks that lack them have them now, and those that may stand wait for a place.
    pub(super) async fn take_verified(&mut self, verified: Verified) {
        let means = self.means();
        self.neighbours.verifying.end(&verified, means.as_ref());
        let Verified { from, statements, .. } = verified;
        self.fill_bodies(&statements);
        let verified = statements.into_iter().filter_map(|(_, leaf)| match leaf {
            BodyLeaf::Verified(candidate) => Some(*candidate),
            BodyLeaf::Shown { .. } => None,
        });
        let candidates: Vec<Candidate> = verified.collect();
        let standing = self.check_standing(&candidates).await;
        for (candidate, standing) in candidates.into_iter().zip(standing) {
            if matches!(standing, Ok(None)) {
                // What does not fit is said again by the member whose client waits.
                self.pool.add(candidate, BroughtBy::Member(from), None, Instant::now());
            }
        }
        self.pursue_all().await;
    }

    /// By what statements of other members are verified now; `None` if the ledger is not loaded.
    fn means(&self) -> Option<Means> {
        let head = self.head.as_ref()?;
        Some(Means {
            registry: Arc::clone(&head.registry),
            at: self.next_place(head),
            verifier: Arc::clone(&self.verifier),
            certificates: Arc::clone(&self.certificates),
        })
    }

    /// Whether each candidate may stand on the last final block; the leaf that it has, if it stands already. Nothing if the
    /// store cannot be asked.
    async fn check_standing(&mut self, candidates: &[Candidate]) -> Vec<Result<Option<LeafIndex>, PlaceRefusal>> {
        let Some(head) = &self.head else { return Vec::new() };
        let Ok(fetched) = prefetch(&*self.store, &self.lookup, candidates.iter()).await else { return Vec::new() };
        let known = FinalBlocks { fetched: &fetched, lookup: &self.lookup, size: head.state.size() };
        let at = self.next_place(head);
        candidates.iter().map(|one| check_next(one, &head.state, &known, at, &*self.verifier)).collect()
    }

    /// Drops what may not stand any more after a block: else a height would begin for it, and no member could propose.
    pub(super) fn drop_what_cannot_stand(&mut self, learnt: &Prefetched, has_decisions: bool) {
        let Some(head) = &self.head else { return };
        let at = self.next_place(head);
        let known = FinalBlocks { fetched: learnt, lookup: &self.lookup, size: head.state.size() };
        // What names a block is looked at with what the store has, every few seconds: `learnt` knows the last block alone.
        let all = self.pool.all().filter(|one| one.named_block().is_none());
        let touched = all.filter(|one| has_decisions || learnt.touches(one));
        let check = |one: &Candidate| check_next(one, &head.state, &known, at, &*self.verifier);
        let standing = touched.map(|one| (one.leaf_hash(), check(one))).collect();
        self.drop_by_standing(standing);
    }

    /// Drops what may not stand any more because time has passed, as when its certificate has ended.
    async fn drop_what_has_aged(&mut self) {
        let all: Vec<Candidate> = self.pool.all().cloned().collect();
        let standing = self.check_standing(&all).await;
        self.drop_by_standing(all.iter().map(Candidate::leaf_hash).zip(standing).collect());
    }

    /// Drops each statement that stands already, or may not stand, and answers who waits for it.
    fn drop_by_standing(&mut self, all: Vec<(Hash, Result<Option<LeafIndex>, PlaceRefusal>)>) {
        for (leaf_hash, standing) in all {
            let answer = match standing {
                Ok(None) => continue,
                Ok(Some(leaf)) => Ok(Ordered::before(leaf)),
                Err(refusal) => Err(refusal.into()),
            };
            answer_all(self.pool.remove(&leaf_hash), &answer);
        }
    }

    /// Deals with what another member's node did.
    pub(super) async fn hear(&mut self, event: PeerEvent) {
        match event {
            PeerEvent::Connected { from, hello } => self.greet(from, &hello).await,
            PeerEvent::Said { from, message } => self.hear_message(from, message).await,
            PeerEvent::Disconnected { from } => {
                if let Some(heard) = self.neighbours.heard.remove(&from) {
                    self.neighbours.lost.insert(from, heard);
                }
                self.look_who_is_there().await;
            }
            PeerEvent::Twins { kid, tls_keys, told_by: None } if kid == self.neighbours.own => {
                let [one, other] = tls_keys;
                self.fall_silent(&format!(
                    "two nodes run with this member's key, with the TLS keys {one} and {other}: stop one of them, and start \
                     the other again"
                ));
            }
            PeerEvent::Twins { kid, .. } => {
                tracing::error!(member = %kid, "two nodes run with the key of one member");
            }
        }
    }

    /// A member has connected. What it holds of this member's signatures must all be known here.
    async fn greet(&mut self, from: Hash, hello: &Hello) {
        if let Some(last) = &hello.last
            && let Some(reason) = self.unknown_word(from, last)
        {
            return self.fall_silent(&reason);
        }
        self.neighbours.asked.insert(from);
        self.say_status(To::One(from));
        self.tell_all_memory(from);
        let own: Vec<Vec<u8>> = self.pool.own().map(|one| one.statement().compact().as_bytes().to_vec()).collect();
        for part in parts(own, GOSSIP_BYTES) {
            self.peers.say(To::One(from), &Message::Statements(part));
        }
        if self.may_vote() {
            let acts = self.agreement.greet(from);
            self.carry_out(acts).await;
        }
    }

    /// Why a word with this member's signature shows that its log is not all that it has signed.
    fn unknown_word(&self, from: Hash, last: &LastSaid) -> Option<String> {
        let (height, round) = (last.height(), last.round());
        let here = self.head.as_ref()?.state.next_height();
        // Of heights below the one in the log it has forgotten what it said.
        let here = self.log.height().map_or(here, |logged| logged.max(here));
        // And at a height that a lost log had, it says nothing.
        let here = self.log.unknown().map_or(here, |unknown| unknown.next().max(here));
        let is_logged = |entry: &Logged| LastSaid::of_logged(entry).as_ref() == Some(last);
        let is_known = || {
            self.recovered.iter().flatten().any(is_logged)
                || self.under_way.as_ref().is_some_and(|one| one.height == height && one.words().contains(last))
        };
        if last.signer() != self.neighbours.own || height < here || is_known() || !self.is_genuine(last) {
            return None;
        }
        Some(format!(
            "the member {from} holds a signature of this member's key for height {height}, round {round}, and the vote log here \
             does not have it: this is an older copy of the data directory, or a second process runs with this key"
        ))
    }

    fn is_genuine(&self, last: &LastSaid) -> bool {
        let Some(head) = &self.head else { return false };
        let (origin, members) = (head.registry.origin(), head.registry.members());
        last.verify(origin, members, &*self.verifier).is_ok()
    }

    async fn hear_message(&mut self, from: Hash, message: Message) {
        if let Message::Said(said) = &message {
            self.compare_said(from, said);
        }
        match message {
            Message::Said(said) if self.may_vote() => {
                let acts = self.agreement.hear(from, said);
                self.carry_out(acts).await;
            }
            // It is said again to whoever may vote.
            Message::Said(_) => {}
            Message::Status(status) => self.hear_status(from, status).await,
            Message::Outline { value, outline } => self.hear_outline(from, value, outline).await,
            Message::AskOutline { value, .. } => self.show(To::One(from), value),
            Message::AskStatements { value, leaves, .. } => self.tell_statements(from, value, &leaves),
            Message::Statements(statements) => {
                if let Some(means) = self.means() {
                    let is_here = |leaf: &Hash| self.pool.get(leaf).is_some();
                    self.neighbours.verifying.add(from, statements, is_here, &means);
                }
            }
            Message::AskBlocks { from: first } => self.tell_blocks(from, first),
            Message::Block(part) => self.hear_block(from, part).await,
            Message::Words(told) => self.hear_words(from, &told),
            Message::AskWords(places) => self.tell_words(from, &places),
            Message::Fault(pair) => self.hear_fault(from, pair),
            // The transport deals with these.
            _ => {}
        }
    }

    /// Says where this node stands, and looks where the others do.
    pub(super) async fn tell_status(&mut self) {
        let now = Instant::now();
        self.neighbours.status_at = now + STATUS_EVERY;
        self.say_status(To::All);
        self.tell_memory(now);
        self.record_faults(now).await;
        self.pool.forget_old(now);
        if now >= self.neighbours.again_at {
            self.neighbours.again_at = now + SAY_AGAIN_AFTER;
            if self.gate.is_store_doubtful() {
                // While the others talk, no pause is long enough for it.
                self.look_up();
            }
            self.drop_what_has_aged().await;
            let own: Vec<Candidate> = self.pool.own().cloned().collect();
            own.iter().for_each(|one| self.neighbours.tell(one));
        }
        self.let_expired_go();
        self.look_who_is_there().await;
        self.pursue_all().await;
        self.catch_up_if_behind();
    }

    fn say_status(&self, to: To) {
        let Some(head) = &self.head else { return };
        let (tip, root) = (head.tip.seal.height, head.tip.checkpoint.root);
        self.peers.say(to, &Message::Status(NodeStatus { tip, root, time: self.clock.now(), address: None }));
    }

    async fn hear_status(&mut self, from: Hash, status: NodeStatus) {
        let (at, time) = (Instant::now(), self.clock.now());
        let is_new = self.neighbours.heard.insert(from, Heard { status, at, time }).is_none();
        if is_new {
            self.look_who_is_there().await;
        }
        self.catch_up_if_behind();
    }

    /// Notes who can be reached, and tells the agreement if that has changed.
    async fn look_who_is_there(&mut self) {
        let now = Instant::now();
        let heard = self.neighbours.heard.iter();
        let there = heard.filter(|(_, heard)| now.duration_since(heard.at) < REACHABLE_FOR).map(|(kid, _)| *kid);
        let reachable: BTreeSet<Hash> = there.collect();
        if reachable != self.neighbours.reachable {
            self.neighbours.reachable.clone_from(&reachable);
            let acts = self.agreement.reach(reachable);
            self.carry_out(acts).await;
        }
        self.publish_council();
    }

    /// Publishes how the members stand.
    pub(super) fn publish_council(&self) {
        let Some(head) = &self.head else { return };
        let (silent, now, faults) = (self.silence(), self.clock.now(), self.witness.known());
        let council = self.neighbours.council(head, &*self.peers, silent, now, &faults);
        self.council.send_replace(Arc::new(council));
    }

    /// Sends final blocks to a member that lacks them, from the store, beside the writer.
    fn tell_blocks(&self, to: Hash, first: Height) {
        let Some(tip) = self.head.as_ref().map(|head| head.tip.seal.height) else { return };
        if first > tip {
            return;
        }
        let (store, peers): (Arc<dyn LedgerStore>, _) = (Arc::clone(&self.store), Arc::clone(&self.peers));
        let Ok(permit) = Arc::clone(self.catch_up.telling()).try_acquire_owned() else { return };
        tokio::spawn(async move {
            if let Err(error) = super::catch_up::tell_blocks(&*store, &*peers, to, first, tip).await {
                tracing::warn!(%error, member = %to, "final blocks cannot be read for a member that lacks them");
            }
            drop(permit);
        });
    }
}
