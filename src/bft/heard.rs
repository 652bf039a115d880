//! What members have said of the height under way, each verified before it comes here.

use std::collections::{BTreeMap, BTreeSet};

use sealane_core::agreement::{Equivocation, RoundProposal, ValueId, Vote, VoteKind};
use sealane_core::hash::Hash;

/// Different votes of one member in one place that are kept: the second convicts it, a third shows nothing more.
const VOTES_PER_PLACE_MAX: usize = 2;

/// Different proposals of one round that are kept. Two convict the proposer; some more are kept since others may have taken
/// one of those.
const PROPOSALS_PER_ROUND_MAX: usize = 4;

/// Rounds before the one under way of which votes are kept, to be said on. The library itself keeps more.
const ROUNDS_KEPT: u32 = 10;

/// Rounds after the one under way of which votes are taken at all, as in the library. A member that is further behind is
/// moved by a certificate.
const ROUNDS_AHEAD: u32 = 10;

/// The words of one height.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// By round, kind and signer.
    votes: BTreeMap<(u32, VoteKind, Hash), Vec<Vote>>,
    /// By round.
    proposals: BTreeMap<u32, Vec<RoundProposal>>,
    /// Where a pair was found already: one a place is enough.
    convicted: BTreeSet<(Hash, Place)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Vote(VoteKind, u32),
    Proposal(u32),
}

/// Whether a round is near enough to the one under way.
pub(super) const fn within_reach(round: u32, under_way: u32) -> bool {
    round <= under_way.saturating_add(ROUNDS_AHEAD)
}

impl Heard {
    /// Whether this member's vote in this place is known to be for this value.
    pub fn knows_vote(&self, vote: &Vote) -> bool {
        self.place(vote).iter().any(|known| known.value == vote.value)
    }

    /// Whether it clashes with what is known, in a place in which no pair was found yet.
    pub fn would_convict(&self, vote: &Vote) -> bool {
        let place = (vote.signer, Place::Vote(vote.kind, vote.round));
        !self.knows_vote(vote) && !self.place(vote).is_empty() && !self.convicted.contains(&place)
    }

    /// Whether a vote teaches nothing: it is known, or two others in its place are.
    pub fn is_idle_vote(&self, vote: &Vote) -> bool {
        self.knows_vote(vote) || self.place(vote).len() >= VOTES_PER_PLACE_MAX
    }

    fn place(&self, vote: &Vote) -> &[Vote] {
        self.votes.get(&(vote.round, vote.kind, vote.signer)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Keeps a vote. If it clashes with one that is known, the pair, once a place.
    pub fn add_vote(&mut self, vote: Vote) -> Option<Equivocation> {
        if self.is_idle_vote(&vote) {
            return None;
        }
        let place = self.votes.entry((vote.round, vote.kind, vote.signer)).or_default();
        place.push(vote);
        let first = *place.first()?;
        let clash = first.value != vote.value;
        let new = clash && self.convicted.insert((vote.signer, Place::Vote(vote.kind, vote.round)));
        new.then_some(Equivocation::Votes(first, vote))
    }

    pub fn knows_proposal(&self, proposal: &RoundProposal) -> bool {
        let said = (proposal.value, proposal.pol_round);
        self.proposals_of(proposal.round).iter().any(|known| (known.value, known.pol_round) == said)
    }

    /// Keeps a proposal. If it clashes with one that is known, the pair, once a round.
    pub fn add_proposal(&mut self, proposal: RoundProposal) -> Option<Equivocation> {
        if self.knows_proposal(&proposal) {
            return None;
        }
        let round = self.proposals.entry(proposal.round).or_default();
        let first = round.first().copied();
        if round.len() < PROPOSALS_PER_ROUND_MAX {
            round.push(proposal);
        }
        let first = first?;
        let new = self.convicted.insert((proposal.signer, Place::Proposal(proposal.round)));
        new.then_some(Equivocation::Proposals(first, proposal))
    }

    /// Counts a pair that was found elsewhere; `false` if one in its place was found already.
    pub fn convict(&mut self, pair: &Equivocation) -> bool {
        let place = match pair {
            Equivocation::Votes(first, _) => Place::Vote(first.kind, first.round),
            Equivocation::Proposals(first, _) => Place::Proposal(first.round),
        };
        self.convicted.insert((pair.signer(), place))
    }

    pub fn proposals_of(&self, round: u32) -> &[RoundProposal] {
        self.proposals.get(&round).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn proposal(&self, round: u32, value: ValueId) -> Option<&RoundProposal> {
        self.proposals_of(round).iter().find(|proposal| proposal.value == value)
    }

    /// All proposals, by round.
    pub fn proposals(&self) -> impl Iterator<Item = &RoundProposal> {
        self.proposals.values().flatten()
    }

    /// Who has a block: whoever proposed it, then those that voted for it.
    pub fn holders(&self, value: ValueId) -> Vec<Hash> {
        let proposers = self.proposals().filter(|one| one.value == value).map(|one| one.signer);
        let voters = self.votes.values().flatten().filter(|vote| vote.value == Some(value)).map(|vote| vote.signer);
        let mut holders = Vec::new();
        for kid in proposers.chain(voters) {
            if !holders.contains(&kid) {
                holders.push(kid);
            }
        }
        holders
    }

    /// Who has voted.
    pub fn voters(&self) -> BTreeSet<Hash> {
        self.votes.keys().map(|(_, _, signer)| *signer).collect()
    }

    /// The votes that may help others: those of the round under way, the one before it and all after, and of earlier ones
    /// the last votes for a block.
    pub fn votes_to_say(&self, under_way: u32) -> impl Iterator<Item = &Vote> {
        self.votes.values().flatten().filter(move |vote| {
            vote.round.saturating_add(1) >= under_way || (vote.kind == VoteKind::Precommit && vote.value.is_some())
        })
    }

    /// Forgets what is of rounds long over.
    pub fn forget_before(&mut self, under_way: u32) {
        let first = under_way.saturating_sub(ROUNDS_KEPT);
        self.votes.retain(|(round, ..), _| *round >= first);
        self.proposals.retain(|round, _| *round >= first);
    }

    /// Number of words that are kept.
    pub fn len(&self) -> usize {
        self.votes.values().map(Vec::len).sum::<usize>() + self.proposals.values().map(Vec::len).sum::<usize>()
    }
}
