//! A block of this member's own, when it is its turn.

use std::time::Duration;

use tokio::time::Instant;

use crate::app::admission::{units, units_to_learn_from};
use crate::app::orderer::bodies::{OwnBlock, ProposedBlock};
use crate::app::orderer::finish::WriteError;
use crate::app::orderer::job::answer_all;
use crate::app::orderer::{GATHER, HEARTBEAT, OrderError, Ordered, Orderer};
use crate::app::prefetch::{FinalBlocks, prefetch};
use crate::app::write_gate::certain_refusal;
use crate::ports::{Act, AgreementError};
use sealane_core::agreement::ValueId;
use sealane_core::consortium::Place;
use sealane_core::ledger::{BodyLeaf, Candidate, Proposal, check_next, propose};
use sealane_core::limits::{BLOCK_BYTES_MAX, BLOCK_STATEMENTS_MAX, SHARED_BLOCK_BYTES_MAX};
use sealane_core::time::Timestamp;

/// How long after the last block one of a seal alone may stand, if members could not agree on anything else: so that a height
/// that was begun has a way out.
pub(super) const EMPTY_AFTER: Duration = Duration::from_secs(10);

impl Orderer {
    /// Looks by itself what there is to do, since nothing came.
    pub(super) fn look_up(&mut self) {
        // Of a doubtful store, only a block is the proof that it writes again.
        self.is_due = self.gate.is_store_doubtful() || (self.obstacle().is_none() && self.is_heartbeat_due());
    }

    pub(super) fn is_heartbeat_due(&self) -> bool {
        self.since_last_block().is_some_and(|since| since >= HEARTBEAT)
    }

    /// Tells whether a block of a seal alone may be built in a round.
    pub(super) fn is_empty_block_due(&self, round: u32) -> bool {
        let after = if round == 0 { HEARTBEAT } else { EMPTY_AFTER };
        !self.is_alone() && self.since_last_block().is_some_and(|since| since >= after)
    }

    fn since_last_block(&self) -> Option<Duration> {
        let last = self.head.as_ref()?.tip.seal.time;
        Some(Duration::from_millis(self.clock.now().millis_since(last).max(0).unsigned_abs()))
    }

    /// Builds a block of what waits, and proposes it. If nothing that waits may stand, the round is kept in mind.
    pub(super) async fn build(&mut self, round: u32) -> Result<Vec<Act>, AgreementError> {
        if let Some(under_way) = &mut self.under_way {
            under_way.to_build = Some(round);
        }
        if !self.has_reason(Some(round)) {
            return Ok(Vec::new());
        }
        let began = Instant::now();
        let time = match self.permit().await {
            Ok(time) => time,
            Err(refusal) => {
                self.is_due = false;
                self.refuse_clients(&refusal);
                return Ok(Vec::new());
            }
        };
        self.gather().await;
        // What is in the block goes before it, so that the others verify it meanwhile, and need not ask for it.
        self.neighbours.gossip(&*self.peers);
        let bytes_max = if self.is_alone() { BLOCK_BYTES_MAX } else { SHARED_BLOCK_BYTES_MAX };
        let candidates = self.pool.offer(BLOCK_STATEMENTS_MAX, bytes_max);
        let even_if_empty = std::mem::take(&mut self.is_due) || self.is_empty_block_due(round);
        match self.stage_own(candidates, time, even_if_empty, began).await {
            Ok(None) => Ok(Vec::new()),
            Ok(Some(value)) => {
                if let Some(under_way) = &mut self.under_way {
                    under_way.to_build = None;
                }
                self.log_body(value);
                self.agreement.propose(round, value)
            }
            Err(error) => {
                self.write_failed(&error);
                self.refuse_clients(&error.refusal());
                Ok(Vec::new())
            }
        }
    }

    /// The time of the next block, or why there can be none now. After a write that failed the store is tried first, and
    /// the ledger taken up from it. Only a block that is written then ends the doubt.
    pub(super) async fn permit(&mut self) -> Result<Timestamp, OrderError> {
        if self.gate.is_store_doubtful() || self.head.is_none() {
            // To load the ledger takes long, so it is not done for a store that would refuse the block all the same.
            self.try_store().await.inspect_err(|refusal| self.gate.store_fails_on(refusal))?;
        }
        let last = self.view.borrow().tip.seal.time;
        self.gate.next_time(last, self.clock.reading())
    }

    /// Tries whether the store writes, and takes the ledger up from it. Nothing that anyone waits for is written by it.
    async fn try_store(&mut self) -> Result<(), OrderError> {
        self.store.probe_write().await.map_err(|error| certain_refusal(&error))?;
        if self.head.is_none() {
            let loaded = self.reload().await;
            let loaded = loaded.inspect_err(|error| tracing::error!(%error, "the ledger cannot be taken up"));
            self.head = Some(loaded.map_err(|error| error.refusal())?);
        }
        Ok(())
    }

    /// Takes in all that waits, and what is about to come, up to a block's limits: the busier the node, the larger the group.
    /// Where nothing else is under way, nothing is waited for.
    async fn gather(&mut self) {
        let until = Instant::now() + GATHER;
        let mut waiting: usize = self.pool.own().map(|one| units(one.statement().compact().len())).sum();
        while self.pool.len() < BLOCK_STATEMENTS_MAX && self.pool.bytes() < BLOCK_BYTES_MAX {
            let job = match self.jobs.try_recv() {
                Ok(job) => Some(job),
                Err(_) if self.estimator.is_worth_waiting(waiting) => {
                    tokio::time::timeout_at(until, self.jobs.recv()).await.ok().flatten()
                }
                Err(_) => None,
            };
            let Some(job) = job else { break };
            waiting += units(job.candidate.statement().compact().len());
            self.take_job(job).await;
        }
    }

    /// Makes the block of the candidates that may stand, and stages it. Those that may not are answered.
    async fn stage_own(
        &mut self,
        candidates: Vec<Candidate>,
        time: Timestamp,
        even_if_empty: bool,
        began: Instant,
    ) -> Result<Option<ValueId>, WriteError> {
        let alone = self.is_alone();
        let Some(head) = &mut self.head else { return Ok(None) };
        let fetched = prefetch(&*self.store, &self.lookup, candidates.iter()).await?;
        let size = head.state.size();
        let known = FinalBlocks { fetched: &fetched, lookup: &self.lookup, size };
        let leaves: Vec<_> = candidates.iter().map(Candidate::leaf_hash).collect();
        let weigh = |one: &Candidate| units_to_learn_from(one.statement().compact().len(), one.events().len());
        let weights: Vec<usize> = candidates.iter().map(weigh).collect();
        // One that decides alone needs no block a second time.
        let mut bodies: Vec<Option<Candidate>> =
            if alone { Vec::new() } else { candidates.iter().cloned().map(Some).collect() };
        let Proposal { answers, block } =
            propose(&mut head.state, &known, time, candidates, even_if_empty, &*self.verifier)?;
        let place = Place { leaf: size.next_index(), time };
        // A quota that the statements before it in this block have used up is looked at again once it is final.
        let may_stand =
            |one: &Candidate| matches!(check_next(one, &head.state, &known, place, &*self.verifier), Ok(None));
        let (mut kept, mut work) = (Vec::new(), 0);
        for (at, (leaf, answer)) in leaves.iter().zip(answers).enumerate() {
            match answer {
                Ok(placed) if !placed.repeated => {
                    work += weights[at];
                    kept.extend(bodies.get_mut(at).and_then(Option::take));
                }
                // Another form of it is in this block: its senders hear when that is final.
                Ok(placed) if !size.contains(placed.leaf) => {}
                Ok(placed) => answer_all(self.pool.remove(leaf), &Ok(Ordered { placed, written: None })),
                // Another one of this block stands against it. It hears so once that is final: it may stand if it is not.
                Err(_) if bodies.get(at).and_then(Option::as_ref).is_some_and(may_stand) => {}
                Err(refusal) => answer_all(self.pool.remove(leaf), &Err(refusal.into())),
            }
        }
        let (Some(sealed), Some(under_way)) = (block, &mut self.under_way) else { return Ok(None) };
        let value = ValueId::of(&sealed.checkpoint);
        if !alone {
            let leaves = kept.into_iter().map(|one| BodyLeaf::Verified(Box::new(one))).collect();
            under_way.bodies.insert(value, ProposedBlock::whole(&sealed, leaves));
        }
        under_way.own = Some(OwnBlock { value, began, work });
        under_way.staged = Some((value, sealed));
        Ok(Some(value))
    }
}
