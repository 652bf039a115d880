//! What a node has to do with the set of members: whether it may sign, what it puts to the vote, how it votes, and when it says
//! that it is ready.

use std::sync::Arc;

use sealane::app::genesis::sign_admin;
use sealane::app::orderer::Abstention;
use sealane_core::block::{Height, Member, MemberSet};
use sealane_core::consortium::{
    Admin, AdmitMember, Ballot, ChangeProposal, LedgerProposal, ProposalWithdrawal, ProposedChange, Readiness,
    Registry, RemoveMember, ReplaceMember, RulesChange, member_proof_bytes,
};
use sealane_core::hash::Hash;
use sealane_core::statement::StatementId;

use crate::keys::{ORIGIN, SimulatedKey};
use crate::mutation::Mutation;
use crate::node::{Crashed, Micros, Node, Wire};
use crate::plan::{Alteration, Motion, Newcomer};
use crate::statements::{self, Compact};
use sealane::ports::MemberSigner;

/// Blocks that a node may be behind and still count as level: while others write, it always is one or two.
const LEVEL_WITHIN_BLOCKS: u64 = 3;

impl Node {
    /// Why it signs nothing now, if so: the product's own rule.
    pub fn abstention(&self) -> Option<Abstention> {
        let (registry, last) = (self.ledger.registry(), self.ledger.last_time());
        let found = Abstention::of(registry, last, &self.key.kid(), self.ledger.known, self.clock())?;
        let is_left_out = match found {
            Abstention::NoMember => self.mutation == Mutation::StrangersSign || self.role.rotation.is_some(),
            Abstention::Rules(_) => self.mutation == Mutation::OldRulesSign,
        };
        (!is_left_out).then_some(found)
    }

    /// Whether it may sign. A liar's key signs as long as it likes.
    pub fn may_sign(&self) -> bool {
        self.role.is_liar || self.abstention().is_none()
    }

    /// Whether its program knows the rules of a block that is made now.
    pub(super) fn knows_next_rules(&self) -> bool {
        let next = self.clock().max(self.ledger.last_time().plus_millis(1));
        self.role.rotation.is_some() || self.ledger.knows_rules_at(next)
    }

    /// The members in force at a height, by this node's ledger.
    pub fn members_at(&self, height: Height) -> MemberSet {
        let height = match self.mutation {
            Mutation::OldSetTooLong => Height::new(height.get() - 1).unwrap(),
            _ => height,
        };
        match &self.role.rotation {
            Some(rotation) => rotation.at(height).clone(),
            None => self.ledger.registry().members_at(height).clone(),
        }
    }

    /// The members among whom it votes at a height.
    pub(super) fn voters_at(&self, height: Height) -> MemberSet {
        let members = self.members_at(height);
        if self.mutation == Mutation::StrangersSign && members.get(&self.key.kid()).is_none() {
            let believed = members.members().cloned().chain([self.key.entry("A stranger")]);
            return MemberSet::new(believed.collect()).unwrap();
        }
        members
    }

    /// Whether a node's key is a member's, by this node's ledger.
    pub(super) fn is_member(&self, node: usize) -> bool {
        self.role.rotation.is_some() || self.ledger.registry().members().get(&self.kids[node]).is_some()
    }

    /// Lets go of the height under way once it may sign nothing more at it.
    pub(super) fn let_go_if_abstaining(&mut self) {
        if self.may_sign() {
            return;
        }
        self.acts.clear();
        self.timers.clear();
        self.is_under_way = false;
        self.told = false;
        self.unbuilt = None;
        self.wanted.clear();
        // Its clients hear that it signs nothing.
        let own = self.own();
        self.turned_away.extend(own.into_iter().filter(|one| statements::verified(one).is_some()));
        drop(self.pool.drain_clients());
    }

    /// Puts something to the vote.
    pub fn put_to_vote(&mut self, now: Micros, motion: &Motion) -> Result<(), Crashed> {
        self.now = now;
        if self.may_sign() {
            let (clock, registry) = (self.clock(), Arc::clone(self.ledger.registry()));
            let changes = motion.alterations.iter().filter_map(|one| self.change(*one, &registry)).collect::<Vec<_>>();
            if !changes.is_empty() {
                let expires = clock.plus_millis(motion.expires_after_ms);
                self.decide(&Admin::Proposal(ChangeProposal { changes, expires }))?;
            }
        }
        self.carry_out()
    }

    /// Withdraws what it has put to the vote.
    pub fn withdraw(&mut self, now: Micros) -> Result<(), Crashed> {
        self.now = now;
        if self.may_sign() {
            let own = self.open().into_iter().find(|one| one.proposer == self.key.kid());
            if let Some(proposal) = own {
                self.decide(&Admin::Withdrawal(ProposalWithdrawal { proposal: proposal.id }))?;
            }
        }
        self.carry_out()
    }

    fn change(&self, alteration: Alteration, registry: &Registry) -> Option<ProposedChange> {
        let sealed = |key: &SimulatedKey, member: &Member| key.sign(&member_proof_bytes(&ORIGIN, member));
        Some(match alteration {
            Alteration::Admit(node) => {
                let key = &self.keys[node];
                let name = format!("Newcomer {node}");
                let entry = key.entry(&name);
                let proof = sealed(key, &entry);
                let (jwk, note_key) = (entry.key().clone(), entry.note_key().clone());
                ProposedChange::Admit(Box::new(AdmitMember { name, jwk, note_key, proof }))
            }
            Alteration::Remove(node) => ProposedChange::Remove(RemoveMember { kid: self.kids[node] }),
            Alteration::Replace { former, newcomer } => {
                let (kid, key) = (self.kids[former], &self.keys[newcomer]);
                let entry = key.entry(registry.members().get(&kid)?.name());
                let proof = sealed(key, &entry);
                let (jwk, note_key) = (entry.key().clone(), entry.note_key().clone());
                ProposedChange::Replace(Box::new(ReplaceMember { kid, jwk, note_key, proof }))
            }
            Alteration::Rules { after_ms } => {
                ProposedChange::Rules(RulesChange { number: 2, not_before: self.clock().plus_millis(after_ms) })
            }
        })
    }

    fn open(&self) -> Vec<LedgerProposal> {
        let now = self.clock();
        self.ledger.registry().open_proposals(now).cloned().collect()
    }

    /// Signs a decision, and posts it at itself.
    fn decide(&mut self, admin: &Admin) -> Result<(), Crashed> {
        let statement = self.signed(admin, &self.key);
        self.take_post(&statement)
    }

    fn signed(&self, admin: &Admin, key: &SimulatedKey) -> Compact {
        sign_admin(admin, &ORIGIN, key, self.clock()).unwrap().compact().into()
    }

    /// Votes on what is open, and says that it is ready where it is asked to.
    pub(super) fn take_part(&mut self) -> Result<(), Crashed> {
        let is_member = self.is_member(self.number) && self.role.rotation.is_none();
        for proposal in self.open() {
            match is_member {
                true if self.may_sign() => self.take_part_in(&proposal)?,
                true => {}
                false => self.say_ready(&proposal)?,
            }
        }
        Ok(())
    }

    fn take_part_in(&mut self, proposal: &LedgerProposal) -> Result<(), Crashed> {
        let (me, id) = (self.key.kid(), proposal.id);
        let tally = self.ledger.registry().tally(proposal, self.clock());
        if tally.waiting.contains(&me) && !self.waits(|admin| matches!(admin, Admin::Ballot(one) if one.proposal == id))
        {
            let contrary = self.role.contrary;
            let drawn = self.dice.u32(..100) >= contrary;
            let yes = *self.ballots.entry(id).or_insert(drawn);
            self.decide(&Admin::Ballot(Ballot { proposal: id, yes }))?;
        }
        let changes_rules = proposal.content.changes.iter().any(|one| matches!(one, ProposedChange::Rules(_)));
        let is_said = proposal.ready.contains_key(&me) || self.waits(|admin| is_ready_for(admin, id));
        if changes_rules && !self.role.is_old && !is_said {
            self.decide(&self.ready(id))?;
        }
        if self.mutation == Mutation::ReadyUnseen && tally.has_passed() {
            self.say_ready_for_others(proposal, &tally.keys_not_ready)?;
        }
        Ok(())
    }

    /// Whether a decision of its own waits for a block.
    fn waits(&self, is_it: impl Fn(&Admin) -> bool) -> bool {
        let own = self.pool.own().filter(|one| *one.statement().header().signer().hash() == self.key.kid());
        own.filter_map(|one| Admin::parse(one.statement().payload()).ok()).any(|admin| is_it(&admin))
    }

    fn ready(&self, proposal: StatementId) -> Admin {
        Admin::Ready(Readiness { proposal, height: self.tip(), root: self.ledger.root() })
    }

    /// A key that is no member's yet says that its node is ready: the yes are complete, it is level, and reaches a quorum.
    fn say_ready(&mut self, proposal: &LedgerProposal) -> Result<(), Crashed> {
        let (me, id) = (self.key.kid(), proposal.id);
        let Some(newcomer) = self.role.newcomer.filter(|one| *one != Newcomer::Never) else { return Ok(()) };
        if !proposal.new_keys().any(|kid| kid == me) {
            return Ok(());
        }
        let tally = self.ledger.registry().tally(proposal, self.clock());
        if newcomer == Newcomer::Hasty {
            let Admin::Ready(ready) = self.ready(id) else { return Ok(()) };
            let ahead = Admin::Ready(Readiness { height: ready.height.next(), ..ready.clone() });
            let other = Admin::Ready(Readiness { root: Hash::of(b"another ledger"), ..ready.clone() });
            // At a member that has the votes already, the last one counts.
            self.was_ready.insert(id);
            for admin in [ahead, other].into_iter().chain((!tally.has_passed()).then_some(Admin::Ready(ready))) {
                let statement = self.signed(&admin, &self.key);
                self.post_at_members(&statement)?;
            }
        }
        // A quorum is there, and hardly further than this node; one that lies may say that it is.
        let is_there = |node: &usize| self.is_member(*node) && self.reachable.contains(node);
        let near = self.tip().get() + LEVEL_WITHIN_BLOCKS;
        let is_level = |node: &usize| self.tips.get(node).is_some_and(|tip| tip.get() <= near);
        let level = (0..self.kids.len()).filter(is_there).filter(is_level).count();
        if !tally.has_passed() || proposal.ready.contains_key(&me) || level < tally.quorum {
            return Ok(());
        }
        let said = self.readiness.get(&id).cloned();
        let statement = said.unwrap_or_else(|| self.signed(&self.ready(id), &self.key));
        self.readiness.insert(id, statement.clone());
        self.was_ready.insert(id);
        self.post_at_members(&statement)?;
        if newcomer == Newcomer::Vanishes && !self.has_vanished {
            self.has_vanished = true;
            return Err(Crashed);
        }
        Ok(())
    }

    /// The mutation: a member says for those who come that they are ready.
    fn say_ready_for_others(&mut self, proposal: &LedgerProposal, missing: &[Hash]) -> Result<(), Crashed> {
        for kid in missing {
            let Some(node) = self.kids.iter().position(|one| one == kid) else { continue };
            let statement = self.signed(&self.ready(proposal.id), &self.keys[node]);
            self.take_post(&statement)?;
        }
        Ok(())
    }

    fn post_at_members(&mut self, statement: &Compact) -> Result<(), Crashed> {
        for to in 0..self.kids.len() {
            if self.is_member(to) && to != self.number {
                self.send(to, Wire::Posted(statement.clone()))?;
            }
        }
        Ok(())
    }
}

fn is_ready_for(admin: &Admin, proposal: StatementId) -> bool {
    matches!(admin, Admin::Ready(one) if one.proposal == proposal)
}
