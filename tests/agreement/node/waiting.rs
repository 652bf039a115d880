//! Statements that wait at a simulated node: the product's pool, asked as the product's writer asks it.

use std::sync::Arc;
use std::time::Duration;

use sealane::app::orderer::{BroughtBy, JobReply, Pool};
use sealane_core::consortium::{Place, ProposalEnd, ProposalRefusal, Refusal, Registry};
use sealane_core::ledger::{Candidate, PlaceRefusal, Placed};
use sealane_core::merkle::LeafIndex;
use sealane_core::statement::StatementType;
use tokio::time::Instant;

use crate::keys::KeyedHashes;
use crate::ledger::Written;
use crate::mutation::Mutation;
use crate::node::{Crashed, Micros, Node, Wire};
use crate::statements::{self, Compact};

/// How fast the pool's time passes: what is forgotten after a minute is forgotten after ten seconds here.
const POOL_HASTE: u64 = 6;

/// Whether a statement may stand; the leaf that it has, if it stands already.
type Standing = Result<Option<LeafIndex>, PlaceRefusal>;

/// By what statements are verified at a node.
pub struct Reader<'a> {
    pub registry: &'a Registry,
    pub place: Place,
    pub verifier: &'a KeyedHashes,
    pub mutation: Mutation,
}

impl Reader<'_> {
    /// Verifies a statement. What the pool has verified, it knows by its bytes.
    pub fn read(&self, pool: &Pool, compact: &Compact) -> Option<Candidate> {
        let waiting = pool.get(&statements::leaf_of(compact)).cloned();
        let known = waiting.or_else(|| statements::verified(compact)).or_else(|| self.decision(compact));
        if known.is_some() || self.mutation != Mutation::PoolById {
            return known;
        }
        // The mutation: whatever bears the id of a statement that was verified counts as verified.
        let id = statements::id_of(compact)?;
        pool.all().find(|one| one.id() == id)?;
        statements::verify(compact, self.registry, self.place, &KeyedHashes::new(true))
    }

    /// What a member decides is not known beforehand.
    fn decision(&self, compact: &Compact) -> Option<Candidate> {
        let is_admin = statements::type_of(compact) == Some(StatementType::Admin);
        is_admin.then(|| statements::verify(compact, self.registry, self.place, self.verifier)).flatten()
    }
}

impl Node {
    /// A client posts here.
    pub fn post(&mut self, now: Micros, statement: &Compact) -> Result<(), Crashed> {
        self.now = now;
        self.take_post(statement)?;
        self.carry_out()
    }

    /// Takes what a client posts, and tells the others.
    pub(super) fn take_post(&mut self, statement: &Compact) -> Result<(), Crashed> {
        let (reply, client) = JobReply::new();
        self.clients.push(client);
        if self.take_statement(statement, BroughtBy::Client, Some(reply))? {
            self.send_all(&Wire::Statement(statement.clone()))?;
        }
        Ok(())
    }

    /// Hears a statement from another node.
    pub(super) fn hear_statement(&mut self, from: usize, statement: &Compact) -> Result<(), Crashed> {
        let source = BroughtBy::Member(self.kids[from]);
        self.take_statement(statement, source, None).map(drop)
    }

    /// Takes a statement if it may stand on the tip, and tells whether it waits now.
    fn take_statement(
        &mut self,
        statement: &Compact,
        source: BroughtBy,
        client: Option<JobReply>,
    ) -> Result<bool, Crashed> {
        let (registry, place) = (Arc::clone(self.ledger.registry()), self.ledger.next_place(self.clock()));
        let reader = Reader { registry: &registry, place, verifier: &self.verifier, mutation: self.mutation };
        let Some(candidate) = reader.read(&self.pool, statement) else { return Ok(false) };
        let standing = self.ledger.check_next(&candidate, self.clock());
        if !matches!(standing, Ok(None)) && !self.keeps(&standing) {
            self.answer(&candidate, client.is_some(), &standing);
            return Ok(false);
        }
        let now = self.pool_time();
        self.pool.add(candidate, source, client, now);
        self.begin();
        if let Some(round) = self.unbuilt.take().filter(|_| self.may_sign()) {
            self.build(round)?;
        }
        Ok(true)
    }

    /// The mutation: what may not stand waits all the same.
    fn keeps(&self, standing: &Standing) -> bool {
        self.mutation == Mutation::KeepsRefused && standing.is_err()
    }

    /// Tells a client, if one waits, what became of its statement.
    fn answer(&mut self, candidate: &Candidate, is_waited_for: bool, standing: &Standing) {
        if !is_waited_for {
            return;
        }
        match standing {
            Ok(Some(leaf)) => drop(self.acknowledged.insert(candidate.id(), *leaf)),
            Ok(None) => {}
            // Whether a node is ready is looked at by what this one has; another one may have more.
            Err(_) if candidate.named_block().is_some() => {}
            // By this clock, and another one may be behind.
            Err(PlaceRefusal::Admin(Refusal::Proposal(
                ProposalRefusal::Expires { .. } | ProposalRefusal::Closed { end: ProposalEnd::Expired { .. }, .. },
            ))) => {}
            Err(refusal) => drop(self.refused.insert(candidate.id(), refusal.to_string())),
        }
    }

    /// Deals with what got no new place in a block that this node has built.
    pub(super) fn answer_refused(&mut self, candidates: &[Candidate], answers: Vec<Result<Placed, PlaceRefusal>>) {
        let next = self.ledger.next_leaf();
        for (candidate, answer) in candidates.iter().zip(answers) {
            let standing = match answer {
                // It is new, or another form of it is.
                Ok(placed) if !placed.repeated || placed.leaf >= next => continue,
                Ok(placed) => Ok(Some(placed.leaf)),
                Err(refusal) if self.mutation == Mutation::HastyRefusal => Err(refusal),
                // By another one in this block, if not by the last final one: that is told when this block is final.
                Err(_) => match self.ledger.check_next(candidate, self.clock()) {
                    Ok(None) => continue,
                    standing => standing,
                },
            };
            self.drop_statement(candidate, &standing);
        }
    }

    fn drop_statement(&mut self, candidate: &Candidate, standing: &Standing) {
        let waited = !self.pool.remove(&candidate.leaf_hash()).is_empty();
        self.answer(candidate, waited, standing);
    }

    /// Answers those whose statements are in a block that is written, and drops what may not stand after it.
    pub(super) fn answer_written(&mut self, written: Written) {
        let Written { places, learnt, has_decisions } = written;
        for (id, leaf, hash) in places {
            if !self.pool.remove_all(&id, &hash).is_empty() {
                self.acknowledged.insert(id, leaf);
            }
        }
        let clock = self.clock();
        // What names a block is looked at every few seconds, with all blocks.
        let all = self.pool.all().filter(|one| one.named_block().is_none());
        let touched = all.filter(|one| has_decisions || learnt.touches(one));
        let standing = |one: &Candidate| (one.clone(), self.ledger.check_by(one, &learnt, clock));
        let standing = touched.map(standing).collect();
        self.drop_by_standing(standing);
        self.ledger.learn(learnt);
    }

    /// Drops what may not stand any more because time has passed.
    pub(super) fn drop_what_has_aged(&mut self) {
        let clock = self.clock();
        let standing = |one: &Candidate| (one.clone(), self.ledger.check_next(one, clock));
        let standing = self.pool.all().map(standing).collect();
        self.drop_by_standing(standing);
    }

    fn drop_by_standing(&mut self, all: Vec<(Candidate, Standing)>) {
        for (candidate, standing) in all {
            if !matches!(standing, Ok(None)) && !self.keeps(&standing) {
                self.drop_statement(&candidate, &standing);
            }
        }
    }

    /// What clients of this node wait for.
    pub(super) fn own(&self) -> Vec<Compact> {
        self.pool.own().map(|one| one.statement().compact().into()).collect()
    }

    pub(super) fn pool_time(&self) -> Instant {
        self.epoch + Duration::from_micros(self.now * POOL_HASTE)
    }
}
