//! Finds members that say one thing to one node and another to the next, and keeps the proof.
//!
//! The agreement sees pairs of the height under way only, and only if both words come to this node. So nodes tell each other
//! once a second what they have newly heard, in a short form (`memory`). If another has heard something else, it is asked for
//! the signed word; the two words are the proof. A proof goes to every member, is verified there, and is kept beside the
//! ledger.
//!
//! Nothing here is believed: a word counts once its signature holds. What one member can make this node do in a second is
//! bounded (`Used`), and questions are answered from memory alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::faults::KnownFaults;
use crate::app::genesis::sign_admin;
use crate::app::head::Head;
use crate::app::orderer::memory::{Memory, Remark};
use crate::app::orderer::peers::candidate_of;
use crate::app::orderer::{Job, JobReply, Orderer};
use crate::ports::{FaultKeeper, LedgerStore, StoreError, StoredBlock, To};
use sealane_core::agreement::{Equivocation, HeightWords, LastSaid, Message, Said, ValueId, Vote, WordPlace};
use sealane_core::block::{Height, MemberSet};
use sealane_core::consortium::Admin;
use sealane_core::hash::Hash;
use sealane_core::limits::{ASKED_WORDS_MAX, FAULT_HEIGHTS_MAX, WORDS_BYTES_MAX, WORDS_HEIGHTS_MAX};
use sealane_core::statement::SignatureVerifier;

/// Words of one member's message that are compared in a second: a third of what 100 members say at all heights that are
/// remembered. Each takes some 0.1 µs.
const COMPARED_MAX: usize = 32_768;

/// Late words of one member whose signatures are verified in a second, some 0.1 ms each. A member sends two for each final
/// height at the most, and of few of them the vote comes late.
const VERIFIED_MAX: usize = 256;

/// Proofs of one member's that are verified in a second.
const PROOFS_MAX: usize = 16;

/// Messages in which a node that has connected is told everything: with 100 members two are enough for what honest ones say.
const TOLD_AT_CONNECT_MAX: usize = 4;

/// Proofs that a node which has connected is told: the latest.
const PROOFS_AT_CONNECT_MAX: usize = 128;

/// How often the last proof against each member is told again: a node that was behind had no use for it.
const PROOFS_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Heights after it: one member may be a little ahead of another.
const PROOF_HEIGHTS_AHEAD: u64 = 2;

/// What this node has heard members say, and which it has caught.
pub(super) struct Witness {
    memory: Memory,
    known: watch::Sender<Arc<KnownFaults>>,
    keeper: Arc<dyn FaultKeeper>,
    /// By whom.
    used: BTreeMap<Hash, Used>,
    again_at: Instant,
    /// When this node last wanted a fault of a member's key on the ledger.
    recorded: BTreeMap<Hash, Instant>,
}

/// What a member has made this node do since the second began.
#[derive(Debug, Default)]
struct Used {
    compared: usize,
    verified: usize,
    asked: usize,
    answered: usize,
    proofs: usize,
}

impl Witness {
    /// Takes up what is kept: proofs, and the votes in the last blocks' commits. Each proof is verified again.
    pub async fn open(
        keeper: Arc<dyn FaultKeeper>,
        head: &Head,
        store: &dyn LedgerStore,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(Self, watch::Receiver<Arc<KnownFaults>>), StoreError> {
        let members = head.registry.members();
        let mut known = KnownFaults::default();
        let kept = keeper.load().unwrap_or_else(|error| {
            tracing::error!(%error, "the proofs of misbehaviour that were kept cannot be read; what is learnt now is shown");
            Default::default()
        });
        for told in kept.damaged {
            tracing::warn!("a proof of misbehaviour is damaged, and is passed over: {told}");
        }
        for proof in &kept.proofs {
            let verify = |pair: Equivocation| {
                let then = head.registry.members_at(pair.height());
                pair.verify(head.registry.origin(), then, verifier).map(|()| pair)
            };
            match Equivocation::of_fault(proof).and_then(verify) {
                Ok(pair) => {
                    known.add(pair);
                }
                Err(fault) => tracing::warn!(%fault, "a kept proof of misbehaviour proves nothing, and is passed over"),
            }
        }
        let memory = if members.members().len() > 1 { recent(store, members).await? } else { Memory::default() };
        let (known, shown) = watch::channel(Arc::new(known));
        let witness =
            Self { memory, known, keeper, used: BTreeMap::new(), again_at: Instant::now(), recorded: BTreeMap::new() };
        Ok((witness, shown))
    }

    /// The proofs that this node has.
    pub fn known(&self) -> Arc<KnownFaults> {
        Arc::clone(&self.known.borrow())
    }

    fn used(&mut self, by: Hash) -> &mut Used {
        self.used.entry(by).or_default()
    }

    /// Keeps a proof that was verified; `false` if it is known, or its member has enough of them.
    fn keep(&mut self, pair: Equivocation) -> bool {
        let mut known = KnownFaults::clone(&self.known.borrow());
        if !known.add(pair) {
            return false;
        }
        self.known.send_replace(Arc::new(known));
        if let Err(error) = self.keeper.add(&pair.to_fault()) {
            tracing::error!(%error, "a proof of misbehaviour cannot be kept on the disk; it is shown until this node stops");
        }
        true
    }
}

/// What the commits of the last blocks show. They are not verified, and nothing is concluded from them before they are.
async fn recent(store: &dyn LedgerStore, members: &MemberSet) -> Result<Memory, StoreError> {
    let mut memory = Memory::default();
    let mut blocks = store.last_blocks(u32::try_from(WORDS_HEIGHTS_MAX).unwrap_or(u32::MAX)).await?;
    blocks.reverse();
    let hash = members.hash();
    // Of other members' blocks the keys are not at hand here.
    for block in blocks.iter().filter(|block| block.seal.members_hash == hash && block.seal.height > Height::GENESIS) {
        memory.begin(block.seal.height, members);
        memory.learn_commit(&block.commit, ValueId::of(&block.checkpoint));
    }
    Ok(memory)
}

impl Orderer {
    /// Remembers what is said of a height from now on.
    pub(super) fn remember_height(&mut self, height: Height, members: &MemberSet) {
        if !self.is_alone() {
            self.witness.memory.begin(height, members);
        }
    }

    /// Remembers a word that was verified.
    pub(super) fn remember_word(&mut self, word: LastSaid) {
        if let Some(pair) = self.witness.memory.learn(word) {
            self.accuse(pair);
        }
    }

    /// Remembers the votes by which a block is final, of the members in force for it.
    pub(super) fn remember_commit(&mut self, block: &StoredBlock, members: &MemberSet) {
        if self.is_alone() {
            return;
        }
        self.witness.memory.begin(block.seal.height, members);
        for pair in self.witness.memory.learn_commit(&block.commit, ValueId::of(&block.checkpoint)) {
            self.accuse(pair);
        }
    }

    /// Compares what a member says with what is remembered, and remembers what comes late. The height under way is the
    /// agreement's matter too, which verifies what is new there.
    pub(super) fn compare_said(&mut self, from: Hash, said: &Said) {
        if self.is_alone() {
            return;
        }
        let of_votes = |votes: Vec<Vote>| (votes.into_iter().map(LastSaid::Vote).collect::<Vec<_>>(), false);
        let (words, is_single) = match said {
            Said::Vote(vote) => (vec![LastSaid::Vote(*vote)], true),
            Said::Proposal(proposal) => (vec![LastSaid::Proposal(*proposal)], true),
            Said::Polka(polka) => of_votes(polka.votes().collect()),
            Said::Round(certificate) => of_votes(certificate.votes().collect()),
        };
        for word in words {
            self.compare_word(from, word, is_single);
        }
    }

    fn compare_word(&mut self, from: Hash, word: LastSaid, may_learn: bool) {
        let tip = self.head.as_ref().map(|head| head.tip.seal.height);
        let is_final = tip.is_some_and(|tip| word.height() <= tip);
        let other = match self.witness.memory.remark(&word) {
            Remark::New if may_learn && is_final => None,
            Remark::Other(other) if self.witness.known.borrow().has_room(&word.place()) => Some(other),
            Remark::Foreign | Remark::Known | Remark::New | Remark::Other(_) => return,
        };
        let used = self.witness.used(from);
        if used.verified >= VERIFIED_MAX {
            return;
        }
        used.verified += 1;
        let holds = match other {
            None => {
                let holds = self.is_signed(&word);
                if holds {
                    self.remember_word(word);
                }
                holds
            }
            Some(other) => Equivocation::of_words(other, word).is_ok_and(|pair| self.accuse(pair)),
        };
        if !holds {
            // Honest members pass on what they have verified. Nothing of this one is looked at until the next second.
            self.witness.used(from).verified = VERIFIED_MAX;
        }
    }

    /// Tells whether a member in force at its height has signed a word.
    fn is_signed(&self, word: &LastSaid) -> bool {
        let (Some(head), Some(members)) = (&self.head, self.witness.memory.members_at(word.height())) else {
            return false;
        };
        word.verify(head.registry.origin(), members, &*self.verifier).is_ok()
    }

    /// Asks a member for the signed words of which it has heard others than this node.
    pub(super) fn hear_words(&mut self, from: Hash, told: &[HeightWords]) {
        let left = COMPARED_MAX.saturating_sub(self.witness.used(from).compared);
        let (mut apart, compared) = self.witness.memory.compare(told, left);
        apart.retain(|place| self.witness.known.borrow().has_room(place));
        let used = self.witness.used(from);
        used.compared += compared;
        apart.truncate(ASKED_WORDS_MAX.saturating_sub(used.asked));
        used.asked += apart.len();
        if !apart.is_empty() {
            self.peers.say(To::One(from), &Message::AskWords(apart));
        }
    }

    /// Gives a member the signed words that it asks for, as far as they are remembered.
    pub(super) fn tell_words(&mut self, to: Hash, places: &[WordPlace]) {
        for place in places {
            let used = self.witness.used(to);
            if used.answered >= ASKED_WORDS_MAX {
                return;
            }
            used.answered += 1;
            if let Some(word) = self.witness.memory.word(place) {
                self.peers.say(To::One(to), &Message::Said((*word).into()));
            }
        }
    }

    /// Takes a proof that another member has.
    pub(super) fn hear_fault(&mut self, from: Hash, pair: Equivocation) {
        let Some(tip) = self.head.as_ref().map(|head| head.tip.seal.height.get()) else { return };
        let heights = tip.saturating_sub(FAULT_HEIGHTS_MAX)..=tip.saturating_add(PROOF_HEIGHTS_AHEAD);
        let is_wanted = heights.contains(&pair.height().get()) && self.witness.known.borrow().has_room(&pair.place());
        let used = self.witness.used(from);
        if !is_wanted || used.proofs >= PROOFS_MAX {
            return;
        }
        used.proofs += 1;
        if !self.accuse(pair) {
            tracing::warn!(member = %from, "a member shows a proof of misbehaviour that proves nothing");
            self.witness.used(from).proofs = PROOFS_MAX;
        }
    }

    /// Verifies a pair, keeps it and shows it to all members. `false` if it proves nothing.
    pub(super) fn accuse(&mut self, pair: Equivocation) -> bool {
        let Some(head) = &self.head else { return false };
        let members = head.registry.members_at(pair.height());
        if pair.verify(head.registry.origin(), members, &*self.verifier).is_err() {
            return false;
        }
        let is_recent = pair.height().get().saturating_add(WORDS_HEIGHTS_MAX as u64) > head.tip.seal.height.get();
        if !self.witness.keep(pair) {
            return true;
        }
        self.observer.member_at_fault();
        tracing::error!(member = %pair.signer(), "a member has signed two things in one place: {pair:?}");
        self.peers.say(To::All, &Message::Fault(pair));
        self.publish_council();
        if pair.signer() == self.signer.public_key().thumbprint() && is_recent && self.silent.is_none() {
            self.fall_silent(&format!(
                "this member's key has signed two things at height {}, round {}: an older copy of the data directory, or a second \
                 process, signs with it. `sealane faults` shows them",
                pair.height(),
                pair.round()
            ));
        }
        true
    }

    /// Tells the others what was newly heard, and now and then who was caught.
    pub(super) fn tell_memory(&mut self, now: Instant) {
        self.witness.used.clear();
        // One byte of kind and one of the number of heights.
        let told = self.witness.memory.tell(WORDS_BYTES_MAX - 2);
        if !told.is_empty() {
            self.peers.say(To::All, &Message::Words(told));
        }
        if now >= self.witness.again_at {
            self.witness.again_at = now + PROOFS_AGAIN_AFTER;
            for pair in self.witness.known().last_of_each() {
                self.peers.say(To::All, &Message::Fault(pair));
            }
        }
    }

    /// Puts on the ledger what it lacks of the proofs that this node has: of each key the last one. Each honest node does so,
    /// and the ledger takes the first.
    pub(super) async fn record_faults(&mut self, now: Instant) {
        if self.is_alone() || !self.neighbours.is_member() || self.obstacle().is_some() {
            return;
        }
        let Some(head) = &self.head else { return };
        let (next, own) = (head.state.next_height(), self.signer.public_key().thumbprint());
        let recorded = &self.witness.recorded;
        let is_wanted = |pair: &Equivocation| {
            let (kid, height) = (pair.signer(), pair.height());
            let is_of_late = height <= next && next.get() - height.get() <= FAULT_HEIGHTS_MAX;
            let was_said = recorded.get(&kid).is_some_and(|at| now < *at + PROOFS_AGAIN_AFTER);
            kid != own && is_of_late && !was_said && head.registry.fault_near(&kid, height).is_none()
        };
        let mut wanted = self.witness.known().last_of_each();
        wanted.retain(is_wanted);
        for pair in wanted {
            self.witness.recorded.insert(pair.signer(), now);
            self.say_own(&Admin::Fault(Box::new(pair.to_fault()))).await;
        }
    }

    /// Says something to the other members by a statement of this member's own, as if a client of this node had posted it.
    async fn say_own(&mut self, admin: &Admin) {
        let Some(head) = &self.head else { return };
        let (registry, at) = (&head.registry, self.next_place(head));
        let signed = sign_admin(admin, registry.origin(), &*self.signer, self.clock.now());
        let read = signed.map(|one| candidate_of(one.compact().as_bytes(), registry, at, self.provider()));
        match read {
            Ok(Ok(candidate)) => self.take_job(Job { candidate, reply: JobReply::new().0 }).await,
            Ok(Err(refusal)) => tracing::warn!(%refusal, "what this node has to say to the members may not stand"),
            Err(error) => tracing::error!(%error, "what this node has to say to the members cannot be signed"),
        }
    }

    /// Tells a member that has connected what is remembered, and who was caught.
    pub(super) fn tell_all_memory(&self, to: Hash) {
        for told in self.witness.memory.tell_all(WORDS_BYTES_MAX - 2).into_iter().take(TOLD_AT_CONNECT_MAX) {
            self.peers.say(To::One(to), &Message::Words(told));
        }
        let known = self.witness.known();
        for pair in known.pairs().iter().rev().take(PROOFS_AT_CONNECT_MAX) {
            self.peers.say(To::One(to), &Message::Fault(*pair));
        }
    }
}
