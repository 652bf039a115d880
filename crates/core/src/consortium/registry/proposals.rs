//! Proposals, ballots and readiness: what the members decide together.
//!
//! A proposal is open until it is enacted, withdrawn, lost, void or expired. It is enacted by the statement *about it* (the
//! proposal itself, a ballot, a readiness) with which enough members in force have said yes and every readiness that it
//! needs is there. After each admin statement, whatever it is, [`Registry::settle`] closes the open proposals that can no
//! longer pass: those of which a change has become impossible (void), and those to which too few members can still say
//! yes (lost). Expiry is a matter of the time alone, so nothing is done for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::block::{Height, Member, quorum};
use crate::consortium::admin::{Ballot, ChangeProposal, ProposalWithdrawal, ProposedChange, Readiness};
use crate::consortium::claims::ParticipantId;
use crate::consortium::place::Place;
use crate::consortium::registry::kept::DAY_MS;
use crate::consortium::registry::refusal::{ChangeRefusal, ProposalRefusal, Refusal};
use crate::consortium::registry::{Decision, Registry};
use crate::hash::Hash;
use crate::limits::{
    FUTILE_PROPOSALS_MAX, FUTILE_PROPOSALS_PER_DAY_MAX, OPEN_PROPOSALS_MAX, PROPOSAL_DAYS_MAX, READY_MINUTES_MAX,
    READY_PAUSE_MINUTES_MIN,
};
use crate::merkle::LeafIndex;
use crate::statement::{PublicKey, SignatureVerifier, StatementId};
use crate::time::Timestamp;

/// Members from which one that is to be removed has no vote on it. Below that all members have to agree.
const REMOVED_DOES_NOT_VOTE_FROM: usize = 4;

const MINUTE_MS: i64 = 60_000;

/// A proposal on the ledger, with all that was said to it.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerProposal {
    pub id: StatementId,
    /// The key that signed it.
    pub proposer: Hash,
    pub place: Place,
    pub content: Arc<ChangeProposal>,
    /// By key, the first of each; the proposer's yes is among them.
    pub ballots: BTreeMap<Hash, CastBallot>,
    /// By key, the last of each.
    pub ready: BTreeMap<Hash, Place>,
    pub(super) end: Option<(ProposalEnd, Place)>,
    /// The member entries that it brings in.
    pub(super) incoming: Vec<Member>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CastBallot {
    pub yes: bool,
    pub place: Place,
}

/// A proposal that evidence may show as its statement has it, whatever became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposed {
    pub id: StatementId,
    pub content: Arc<ChangeProposal>,
}

/// How a proposal came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProposalEnd {
    /// In the block of this height.
    Enacted {
        height: Height,
    },
    Withdrawn,
    /// Too few members could still say yes.
    Lost,
    /// One of its changes had become impossible.
    Void {
        change: usize,
        error: Box<ChangeRefusal>,
    },
    Expired {
        at: Timestamp,
    },
}

/// How far a proposal has come, counted among the members in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Members in force.
    pub members: usize,
    /// How many of them have to say yes.
    pub quorum: usize,
    pub yes: usize,
    pub no: usize,
    /// Members that may still vote on it.
    pub waiting: Vec<Hash>,
    /// The new keys of which a readiness is missing, or too old.
    pub keys_not_ready: Vec<Hash>,
    /// For a change of the rules, of how many members a readiness is missing.
    pub members_not_ready: usize,
}

impl Tally {
    pub const fn has_passed(&self) -> bool {
        self.yes >= self.quorum
    }

    /// Tells whether all is there that the proposal needs.
    pub const fn is_complete(&self) -> bool {
        self.has_passed() && self.keys_not_ready.is_empty() && self.members_not_ready == 0
    }

    const fn can_pass(&self) -> bool {
        self.yes + self.waiting.len() >= self.quorum
    }
}

impl fmt::Display for ProposalEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enacted { height } => write!(f, "was enacted by block {height}"),
            Self::Withdrawn => f.write_str("was withdrawn by its proposer"),
            Self::Lost => f.write_str("is lost: too few members could still say yes"),
            Self::Void { change, error } => {
                write!(f, "is void: change {change}, from 0, cannot be made any more ({error})")
            }
            Self::Expired { at } => write!(f, "expired at {at}"),
        }
    }
}

impl LedgerProposal {
    /// How it has ended by a time of the ledger; `None` if it is open.
    pub fn end(&self, now: Timestamp) -> Option<ProposalEnd> {
        let ended = self.end.as_ref().map(|(end, _)| end.clone());
        let expires = self.content.expires;
        ended.or_else(|| (now > expires).then_some(ProposalEnd::Expired { at: expires }))
    }

    /// Where it was enacted, withdrawn, lost or void. An expiry has no place.
    pub fn ended_at(&self) -> Option<Place> {
        self.end.as_ref().map(|(_, place)| *place)
    }

    const fn is_enacted(&self) -> bool {
        matches!(self.end, Some((ProposalEnd::Enacted { .. }, _)))
    }

    /// The keys that it brings in.
    pub fn new_keys(&self) -> impl Iterator<Item = Hash> {
        self.incoming.iter().map(Member::kid)
    }

    /// The member entries that it brings in.
    pub fn new_members(&self) -> &[Member] {
        &self.incoming
    }

    fn removes(&self, kid: &Hash) -> bool {
        self.content.changes.iter().any(|change| matches!(change, ProposedChange::Remove(one) if one.kid == *kid))
    }

    fn changes_rules(&self) -> bool {
        self.content.changes.iter().any(|change| matches!(change, ProposedChange::Rules(_)))
    }
}

impl Registry {
    /// All proposals, ended ones included.
    pub fn proposals(&self) -> impl Iterator<Item = &LedgerProposal> {
        self.proposals.all()
    }

    /// The proposals that are open at a time, which is not before the last block's.
    pub fn open_proposals(&self, now: Timestamp) -> impl Iterator<Item = &LedgerProposal> {
        self.proposals.open().filter(move |one| one.end(now).is_none())
    }

    pub fn proposal(&self, id: &StatementId) -> Option<&LedgerProposal> {
        self.proposals.get(id)
    }

    /// The proposal at a leaf, if evidence may show it: it is about a participant, lifts a recall, or changes what a verdict reads.
    pub fn proposed_at(&self, leaf: LeafIndex) -> Option<&Proposed> {
        self.proposed.get(&leaf)
    }

    /// Notes a proposal that evidence may show where it stands.
    pub(super) fn note_proposed(&mut self, id: StatementId, content: &Arc<ChangeProposal>, leaf: LeafIndex) {
        if content.is_shown() {
            self.proposed.insert(leaf, Proposed { id, content: Arc::clone(content) });
        }
    }

    /// Counts what was said to a proposal, as of a time.
    pub fn tally(&self, proposal: &LedgerProposal, now: Timestamp) -> Tally {
        let members = self.members().members();
        let (count, mut yes, mut no, mut waiting) = (members.len(), 0, 0, Vec::new());
        for kid in members.map(Member::kid).filter(|kid| self.may_vote(proposal, kid)) {
            match proposal.ballots.get(&kid) {
                Some(ballot) if ballot.yes => yes += 1,
                Some(_) => no += 1,
                None => waiting.push(kid),
            }
        }
        let is_fresh = |kid: &Hash| {
            let said = proposal.ready.get(kid);
            said.is_some_and(|place| now.millis_since(place.time) <= READY_MINUTES_MAX * MINUTE_MS)
        };
        let ready = self.members().members().filter(|member| proposal.ready.contains_key(&member.kid())).count();
        // A node that knew the number of the rules knows it still, so the members' readiness does not age.
        let members_not_ready = if proposal.changes_rules() { quorum(count).saturating_sub(ready) } else { 0 };
        let keys_not_ready = proposal.new_keys().filter(|kid| !is_fresh(kid)).collect();
        Tally { members: count, quorum: quorum(count), yes, no, waiting, keys_not_ready, members_not_ready }
    }

    fn may_vote(&self, proposal: &LedgerProposal, kid: &Hash) -> bool {
        self.members().members().len() < REMOVED_DOES_NOT_VOTE_FROM || !proposal.removes(kid)
    }

    /// The key that a proposal brings in, if one does that has not ended. It may sign readiness and nothing else.
    pub(super) fn incoming_key(&self, kid: &Hash) -> Option<&PublicKey> {
        self.proposals.open().flat_map(|one| &one.incoming).find(|member| member.kid() == *kid).map(Member::key)
    }

    fn open(&self, id: &StatementId, now: Timestamp) -> Result<&LedgerProposal, ProposalRefusal> {
        let proposal = self.proposals.get(id).ok_or(ProposalRefusal::Unknown { proposal: *id })?;
        match proposal.end(now) {
            Some(end) => Err(ProposalRefusal::Closed { proposal: *id, end }),
            None => Ok(proposal),
        }
    }

    pub(super) fn check_proposal(
        &self,
        content: &ChangeProposal,
        at: &Decision<'_>,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), Refusal> {
        let (expires, now) = (content.expires, at.place.time);
        if expires <= now || expires.millis_since(now) > PROPOSAL_DAYS_MAX * DAY_MS {
            return Err(ProposalRefusal::Expires { expires, at: now }.into());
        }
        let is_own = |one: &&LedgerProposal| self.is_one_member(one.proposer, at.kid);
        if self.open_proposals(now).filter(is_own).count() >= OPEN_PROPOSALS_MAX {
            return Err(ProposalRefusal::TooManyOpen.into());
        }
        self.check_day(at)?;
        if let Some(participant) = content.participants().find(|one| self.has_proposed_in_vain(at.kid, one)) {
            return Err(ProposalRefusal::TooManyAbout { participant: *participant }.into());
        }
        Self::check_own_leaf(content, at.place.leaf)?;
        self.outcome_of(&content.changes, now)?;
        self.check_proofs(&content.changes, verifier)?;
        let tally = self.tally(&self.new_proposal(content, at), now);
        if !tally.can_pass() {
            let voters = tally.yes + tally.waiting.len();
            return Err(ProposalRefusal::TooFewVoters { voters, quorum: tally.quorum }.into());
        }
        Ok(())
    }

    /// Tells whether a member has made as many proposals about a participant as may be without being enacted. An open one counts.
    fn has_proposed_in_vain(&self, kid: Hash, participant: &ParticipantId) -> bool {
        let is_vain = |one: &&LedgerProposal| !one.is_enacted() && self.is_one_member(one.proposer, kid);
        self.proposals.about(participant).filter(is_vain).count() >= FUTILE_PROPOSALS_MAX
    }

    /// Refuses a proposal of a member that has made as many in the day before it as may be without being enacted.
    fn check_day(&self, at: &Decision<'_>) -> Result<(), ProposalRefusal> {
        let is_vain = |proposer, one: &LedgerProposal| !one.is_enacted() && self.is_one_member(proposer, at.kid);
        let made = self.proposals.made_in_a_day(at.place.time, is_vain);
        // There is room once the first of the last ones is a day old.
        match made.len().checked_sub(FUTILE_PROPOSALS_PER_DAY_MAX).and_then(|first| made.get(first)) {
            Some(first) => Err(ProposalRefusal::TooManyInADay { until: first.plus_millis(DAY_MS) }),
            None => Ok(()),
        }
    }

    fn new_proposal(&self, content: &ChangeProposal, at: &Decision<'_>) -> LedgerProposal {
        LedgerProposal {
            id: at.id,
            proposer: at.kid,
            place: at.place,
            content: Arc::new(content.clone()),
            ballots: BTreeMap::from([(at.kid, CastBallot { yes: true, place: at.place })]),
            ready: BTreeMap::new(),
            end: None,
            incoming: self.incoming(&content.changes),
        }
    }

    pub(super) fn add_proposal(&mut self, content: &ChangeProposal, at: &Decision<'_>) {
        let proposal = self.new_proposal(content, at);
        self.note_proposed(at.id, &proposal.content, at.place.leaf);
        self.proposals.add(proposal);
    }

    pub(super) fn check_withdrawal(&self, withdrawal: &ProposalWithdrawal, at: &Decision<'_>) -> Result<(), Refusal> {
        let proposal = self.open(&withdrawal.proposal, at.place.time)?;
        if !self.is_one_member(proposal.proposer, at.kid) {
            return Err(ProposalRefusal::NotItsProposer { proposal: proposal.id }.into());
        }
        Ok(())
    }

    pub(super) fn check_ballot(&self, ballot: &Ballot, at: &Decision<'_>) -> Result<(), Refusal> {
        let proposal = self.open(&ballot.proposal, at.place.time)?;
        if !self.may_vote(proposal, &at.kid) {
            return Err(ProposalRefusal::OwnRemoval { proposal: proposal.id }.into());
        }
        if proposal.ballots.contains_key(&at.kid) {
            return Err(ProposalRefusal::AlreadyVoted { proposal: proposal.id }.into());
        }
        Ok(())
    }

    pub(super) fn cast(&mut self, ballot: &Ballot, at: &Decision<'_>) {
        if let Some(proposal) = self.proposals.get_open_mut(&ballot.proposal) {
            proposal.ballots.insert(at.kid, CastBallot { yes: ballot.yes, place: at.place });
        }
    }

    /// Which block the node that is ready has is for who knows the blocks: `ledger::place`.
    pub(super) fn check_ready(&self, ready: &Readiness, at: &Decision<'_>) -> Result<(), Refusal> {
        let (kid, now) = (at.kid, at.place.time);
        let proposal = match (self.open(&ready.proposal, now), self.members().get(&kid)) {
            (Ok(proposal), _) => proposal,
            (Err(refusal), Some(_)) => return Err(refusal.into()),
            // Only an open proposal makes a stranger's key one that may say something.
            (Err(refusal), None) if self.was_brought_by(&ready.proposal, &kid) => return Err(refusal.into()),
            (Err(_), None) => return Err(Refusal::NotAMember { kid }),
        };
        let id = proposal.id;
        let is_new = proposal.new_keys().any(|one| one == kid);
        let is_asked = is_new || (proposal.changes_rules() && self.members().get(&kid).is_some());
        if !is_asked {
            return match self.members().get(&kid) {
                Some(_) => Err(ProposalRefusal::ReadyNotAsked { proposal: id }.into()),
                None => Err(Refusal::NotAMember { kid }),
            };
        }
        let tally = self.tally(proposal, now);
        if is_new && !tally.has_passed() {
            return Err(ProposalRefusal::ReadyTooEarly { proposal: id, yes: tally.yes, quorum: tally.quorum }.into());
        }
        match proposal.ready.get(&kid) {
            Some(last) if now.millis_since(last.time) < READY_PAUSE_MINUTES_MIN * MINUTE_MS => {
                Err(ProposalRefusal::ReadyTooSoon { last: last.time }.into())
            }
            _ => Ok(()),
        }
    }

    fn was_brought_by(&self, proposal: &StatementId, kid: &Hash) -> bool {
        self.proposals.get(proposal).is_some_and(|one| one.new_keys().any(|key| key == *kid))
    }

    pub(super) fn note_ready(&mut self, ready: &Readiness, at: &Decision<'_>) {
        if let Some(proposal) = self.proposals.get_open_mut(&ready.proposal) {
            proposal.ready.insert(at.kid, at.place);
        }
    }

    pub(super) fn end_proposal(&mut self, id: &StatementId, end: ProposalEnd, place: Place) {
        self.proposals.end(id, end, place);
    }

    /// Enacts a proposal if the statement about it that was just taken completes it.
    pub(super) fn enact_if_complete(&mut self, id: &StatementId, at: &Decision<'_>) -> Option<StatementId> {
        let proposal = self.open(id, at.place.time).ok()?;
        if !self.tally(proposal, at.place.time).is_complete() {
            return None;
        }
        let content = Arc::clone(&proposal.content);
        // `settle` has closed the proposal if a change had become impossible.
        let outcome = self.outcome_of(&content.changes, at.place.time).ok()?;
        self.make(*id, &content.changes, outcome, at);
        self.end_proposal(id, ProposalEnd::Enacted { height: at.height }, at.place);
        Some(*id)
    }

    /// Closes the open proposals that the statement at a place has made void or lost, and puts those away that have expired.
    pub(super) fn settle(&mut self, at: &Decision<'_>) {
        let now = at.place.time;
        self.proposals.put_expired_away(now);
        let ended: Vec<(StatementId, ProposalEnd)> =
            self.proposals.open().filter_map(|one| Some((one.id, self.end_of_open(one, now)?))).collect();
        for (id, end) in ended {
            self.end_proposal(&id, end, at.place);
        }
    }

    fn end_of_open(&self, proposal: &LedgerProposal, now: Timestamp) -> Option<ProposalEnd> {
        let outcome = self.outcome_of(&proposal.content.changes, now);
        if let Err(ProposalRefusal::Change { at: change, error }) = outcome {
            return Some(ProposalEnd::Void { change, error: Box::new(error) });
        }
        (!self.tally(proposal, now).can_pass()).then_some(ProposalEnd::Lost)
    }
}
