//! The proposals of a ledger: the open ones, which every admin statement may close, apart from those that have ended.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::consortium::claims::ParticipantId;
use crate::consortium::place::Place;
use crate::consortium::registry::proposals::{LedgerProposal, ProposalEnd};
use crate::hash::Hash;
use crate::statement::StatementId;
use crate::time::Timestamp;

/// How far back the proposals of a member are counted, in milliseconds.
pub(super) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Every proposal of a ledger, by its id.
#[derive(Debug, Clone, Default)]
pub(super) struct Proposals {
    /// Those that no statement has closed, and that had not expired when the last one was taken.
    open: BTreeMap<StatementId, LedgerProposal>,
    ended: BTreeMap<StatementId, Arc<LedgerProposal>>,
    about: BTreeMap<ParticipantId, Vec<StatementId>>,
    /// Those of the last day, in ledger order.
    recent: VecDeque<Recent>,
}

#[derive(Debug, Clone, Copy)]
struct Recent {
    id: StatementId,
    proposer: Hash,
    time: Timestamp,
}

impl Proposals {
    pub fn all(&self) -> impl Iterator<Item = &LedgerProposal> {
        self.open.values().chain(self.ended.values().map(|one| &**one))
    }

    /// Those that may still be open: no statement has closed them.
    pub fn open(&self) -> impl Iterator<Item = &LedgerProposal> {
        self.open.values()
    }

    pub fn get(&self, id: &StatementId) -> Option<&LedgerProposal> {
        self.open.get(id).or_else(|| self.ended.get(id).map(|one| &**one))
    }

    /// One that may be open.
    pub fn get_open_mut(&mut self, id: &StatementId) -> Option<&mut LedgerProposal> {
        self.open.get_mut(id)
    }

    pub fn about<'a>(&'a self, participant: &ParticipantId) -> impl Iterator<Item = &'a LedgerProposal> {
        self.about.get(participant).into_iter().flatten().filter_map(|id| self.get(id))
    }

    /// When each proposal was made that counts in the day before `now`, in ledger order.
    pub fn made_in_a_day(&self, now: Timestamp, counts: impl Fn(Hash, &LedgerProposal) -> bool) -> Vec<Timestamp> {
        let is_recent = |one: &&Recent| now.millis_since(one.time) < DAY_MS;
        let recent = self.recent.iter().filter(is_recent);
        recent
            .filter(|one| self.get(&one.id).is_some_and(|found| counts(one.proposer, found)))
            .map(|one| one.time)
            .collect()
    }

    pub fn add(&mut self, proposal: LedgerProposal) {
        let LedgerProposal { id, proposer, place: Place { time, .. }, .. } = proposal;
        while self.recent.front().is_some_and(|first| time.millis_since(first.time) >= DAY_MS) {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent { id, proposer, time });
        for participant in proposal.content.participants() {
            let about = self.about.entry(*participant).or_default();
            if about.last() != Some(&id) {
                about.push(id);
            }
        }
        self.open.insert(id, proposal);
    }

    pub fn end(&mut self, id: &StatementId, end: ProposalEnd, place: Place) {
        if let Some(mut proposal) = self.open.remove(id) {
            proposal.end = Some((end, place));
            self.ended.insert(*id, Arc::new(proposal));
        }
    }

    /// Puts those away that have expired by a time of the ledger.
    pub fn put_expired_away(&mut self, now: Timestamp) {
        let has_expired = |proposal: &LedgerProposal| now > proposal.content.expires;
        for (id, proposal) in self.open.extract_if(.., |_, proposal| has_expired(proposal)) {
            self.ended.insert(id, Arc::new(proposal));
        }
    }
}
