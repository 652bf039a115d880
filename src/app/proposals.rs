//! The proposals on the ledger, as people ask about them: how far each one has come, and what its result could bear.

use std::collections::BTreeMap;
use std::fmt;

use crate::app::ledger::View;
use sealane_core::block::quorum;
use sealane_core::consortium::{LedgerProposal, ParticipantId, ProposalEnd, ProposedChange, Registry, Tally};
use sealane_core::hash::Hash;
use sealane_core::merkle::LeafIndex;
use sealane_core::time::Timestamp;

/// Proposals on a page if the reader asks for no number.
pub const PAGE_PROPOSALS: u32 = 20;

/// Proposals on a page at the most: each may have a hundred ballots.
pub const PAGE_PROPOSALS_MAX: u32 = 50;

/// How far a proposal has come, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposalState {
    Open,
    Enacted,
    Withdrawn,
    Lost,
    Void,
    Expired,
}

impl ProposalState {
    pub const ALL: [Self; 6] = [Self::Open, Self::Enacted, Self::Withdrawn, Self::Lost, Self::Void, Self::Expired];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Enacted => "enacted",
            Self::Withdrawn => "withdrawn",
            Self::Lost => "lost",
            Self::Void => "void",
            Self::Expired => "expired",
        }
    }

    pub fn of(proposal: &LedgerProposal, now: Timestamp) -> Self {
        match proposal.end(now) {
            None => Self::Open,
            Some(ProposalEnd::Enacted { .. }) => Self::Enacted,
            Some(ProposalEnd::Withdrawn) => Self::Withdrawn,
            Some(ProposalEnd::Lost) => Self::Lost,
            Some(ProposalEnd::Void { .. }) => Self::Void,
            Some(ProposalEnd::Expired { .. }) => Self::Expired,
        }
    }
}

/// What a number of members can bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bearing {
    pub members: usize,
    /// How many of them agree on a block.
    pub quorum: usize,
}

impl Bearing {
    pub const fn of(members: usize) -> Self {
        Self { members, quorum: quorum(members) }
    }

    /// What the members can bear after changes; `None` if these bring in and take out no member.
    pub fn after(members: usize, changes: &[ProposedChange]) -> Option<Self> {
        let count = |is: fn(&ProposedChange) -> bool| changes.iter().filter(|change| is(change)).count();
        let admitted = count(|change| matches!(change, ProposedChange::Admit(_)));
        let removed = count(|change| matches!(change, ProposedChange::Remove(_)));
        let replaced = count(|change| matches!(change, ProposedChange::Replace(_)));
        let after = (members + admitted).saturating_sub(removed);
        (admitted + removed + replaced > 0).then(|| Self::of(after))
    }

    pub const fn may_be_away(self) -> usize {
        self.members.saturating_sub(self.quorum)
    }
}

impl fmt::Display for Bearing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.members, self.may_be_away()) {
            (0, _) => f.write_str("with no member nothing can be decided"),
            (1, _) => f.write_str("with 1 member it may not be away: nothing is recorded while it is"),
            (members, 0) => write!(f, "with {members} members none may be away"),
            (members, 1) => write!(f, "with {members} members one may be away"),
            (members, away) => write!(f, "with {members} members {away} may be away"),
        }
    }
}

/// A key that has something to do with a proposal, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedKey {
    pub kid: Hash,
    pub name: String,
}

/// A proposal as of a view, with the names of all who have to do with it.
#[derive(Debug, Clone)]
pub struct ProposalSeen {
    pub proposal: LedgerProposal,
    pub state: ProposalState,
    pub end: Option<ProposalEnd>,
    pub proposer: NamedKey,
    /// By key: who has voted, and how.
    pub ballots: Vec<(NamedKey, bool, Timestamp)>,
    /// By key: who has said that it is ready, and when it did last.
    pub ready: Vec<(NamedKey, Timestamp)>,
    /// While it is open: what counts now.
    pub open: Option<OpenProposal>,
    /// The members that it takes out or gives new keys.
    touched: Vec<NamedKey>,
    /// The participants that it is about, with their names.
    participants: BTreeMap<ParticipantId, String>,
}

/// What counts of an open proposal.
#[derive(Debug, Clone)]
pub struct OpenProposal {
    pub tally: Tally,
    /// Members that may still vote.
    pub waiting: Vec<NamedKey>,
    /// The new keys of which a readiness is missing, or too old.
    pub not_ready: Vec<NamedKey>,
    /// What the members can bear if it is enacted; `None` if it changes no member.
    pub bearing: Option<Bearing>,
}

impl ProposalSeen {
    pub fn of(registry: &Registry, proposal: &LedgerProposal, now: Timestamp) -> Self {
        Self::named(registry, &names(registry), proposal, now)
    }

    fn named(registry: &Registry, names: &BTreeMap<Hash, String>, proposal: &LedgerProposal, now: Timestamp) -> Self {
        let incoming = incoming_names(proposal, names);
        let named = |kid: &Hash| {
            let name = names.get(kid).or_else(|| incoming.get(kid));
            NamedKey { kid: *kid, name: name.cloned().unwrap_or_default() }
        };
        let state = ProposalState::of(proposal, now);
        let open = (state == ProposalState::Open).then(|| {
            let tally = registry.tally(proposal, now);
            OpenProposal {
                waiting: tally.waiting.iter().map(named).collect(),
                not_ready: tally.keys_not_ready.iter().map(named).collect(),
                bearing: Bearing::after(tally.members, &proposal.content.changes),
                tally,
            }
        });
        Self {
            state,
            end: proposal.end(now),
            proposer: named(&proposal.proposer),
            ballots: proposal.ballots.iter().map(|(kid, cast)| (named(kid), cast.yes, cast.place.time)).collect(),
            ready: proposal.ready.iter().map(|(kid, place)| (named(kid), place.time)).collect(),
            open,
            touched: touched(&proposal.content.changes).map(named).collect(),
            participants: organizations(registry, proposal),
            proposal: proposal.clone(),
        }
    }

    /// The name of a member that it takes out or gives a new key; empty if it does so with none of this key.
    pub fn name_of(&self, kid: &Hash) -> &str {
        self.touched.iter().find(|one| one.kid == *kid).map_or("", |one| one.name.as_str())
    }

    /// The name of an organisation that it is about; empty of another one.
    pub fn organization(&self, participant: &ParticipantId) -> &str {
        self.participants.get(participant).map_or("", String::as_str)
    }

    /// Members that have said yes: of an open proposal those whose ballots count now, of an ended one all.
    pub fn yes(&self) -> usize {
        self.count(true, |tally| tally.yes)
    }

    /// Members that have said no.
    pub fn no(&self) -> usize {
        self.count(false, |tally| tally.no)
    }

    fn count(&self, yes: bool, of_open: fn(&Tally) -> usize) -> usize {
        let all = || self.ballots.iter().filter(|(_, said, _)| *said == yes).count();
        self.open.as_ref().map_or_else(all, |open| of_open(&open.tally))
    }
}

/// Which proposals are wanted.
#[derive(Debug, Clone, Default)]
pub struct ProposalFilter {
    pub state: Option<ProposalState>,
    /// The beginning of their ids.
    pub prefix: String,
    /// Only those that stand before this leaf.
    pub before: Option<LeafIndex>,
}

/// Some proposals, the newest first, and where the next ones begin.
#[derive(Debug)]
pub struct ProposalPage {
    pub seen: Vec<ProposalSeen>,
    /// The leaf before which the next ones stand, while there may be more.
    pub next: Option<LeafIndex>,
}

/// Lists proposals, the newest first, as of a view: at least 1 on a page, and up to `limit`.
pub fn list(view: &View, now: Timestamp, filter: &ProposalFilter, limit: u32) -> ProposalPage {
    let limit = limit.clamp(1, PAGE_PROPOSALS_MAX) as usize;
    let registry = &view.registry;
    let mut found: Vec<&LedgerProposal> = registry.proposals().filter(|one| filter.takes(one, now)).collect();
    found.sort_by_key(|one| std::cmp::Reverse(one.place.leaf));
    let has_more = found.len() > limit;
    found.truncate(limit);
    let names = names(registry);
    ProposalPage {
        next: found.last().filter(|_| has_more).map(|last| last.place.leaf),
        seen: found.into_iter().map(|one| ProposalSeen::named(registry, &names, one, now)).collect(),
    }
}

/// Open proposals, as of a view.
pub fn count_open(view: &View, now: Timestamp) -> usize {
    view.registry.open_proposals(now).count()
}

impl ProposalFilter {
    fn takes(&self, proposal: &LedgerProposal, now: Timestamp) -> bool {
        self.state.is_none_or(|state| ProposalState::of(proposal, now) == state)
            && self.before.is_none_or(|before| proposal.place.leaf < before)
            && (self.prefix.is_empty() || proposal.id.to_string().starts_with(&self.prefix))
    }
}

/// The name of every key that is or was a member's.
fn names(registry: &Registry) -> BTreeMap<Hash, String> {
    let members = registry.member_changes().flat_map(|change| change.members.members());
    members.map(|member| (member.kid(), member.name().to_owned())).collect()
}

/// The names of the organisations that a proposal is about.
fn organizations(registry: &Registry, proposal: &LedgerProposal) -> BTreeMap<ParticipantId, String> {
    let known = proposal.content.participants().filter_map(|id| registry.participant(id));
    known.map(|one| (one.id, one.claims.organization.to_string())).collect()
}

/// The keys of members that changes take out or replace.
fn touched(changes: &[ProposedChange]) -> impl Iterator<Item = &Hash> {
    changes.iter().filter_map(|change| match change {
        ProposedChange::Remove(one) => Some(&one.kid),
        ProposedChange::Replace(one) => Some(&one.kid),
        _ => None,
    })
}

/// The names of the keys that a proposal brings in, under which they would be members.
fn incoming_names(proposal: &LedgerProposal, names: &BTreeMap<Hash, String>) -> BTreeMap<Hash, String> {
    let of = |change: &ProposedChange| match change {
        ProposedChange::Admit(one) => Some((one.jwk.thumbprint(), one.name.clone())),
        ProposedChange::Replace(one) => Some((one.jwk.thumbprint(), names.get(&one.kid)?.clone())),
        _ => None,
    };
    proposal.content.changes.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_members_can_bear_is_told() {
        for (members, text) in [
            (0, "with no member nothing can be decided"),
            (1, "with 1 member it may not be away: nothing is recorded while it is"),
            (2, "with 2 members none may be away"),
            (3, "with 3 members none may be away"),
            (4, "with 4 members one may be away"),
            (6, "with 6 members one may be away"),
            (7, "with 7 members 2 may be away"),
        ] {
            assert_eq!(Bearing::of(members).to_string(), text);
        }
    }

    #[test]
    fn every_state_has_a_word_of_its_own() {
        let words: std::collections::BTreeSet<&str> =
            ProposalState::ALL.map(ProposalState::as_str).into_iter().collect();
        assert_eq!(words.len(), ProposalState::ALL.len());
    }
}
