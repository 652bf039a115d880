//! The policies that the members have set by vote.

use std::collections::BTreeMap;

use crate::consortium::admin::{PolicyChange, PolicyName, PolicyValue, TermsPolicy};
use crate::consortium::claims::ParticipantId;
use crate::consortium::place::Place;
use crate::merkle::LeafIndex;

/// Members from which a registration needs another member's word, unless a policy says otherwise.
pub const ENDORSED_FROM_MEMBERS: usize = 4;

/// A value that the members have set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySet {
    pub value: PolicyValue,
    /// Of the statement that completed the vote.
    pub place: Place,
}

/// Every value of every policy, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    values: BTreeMap<(PolicyName, Option<ParticipantId>), Vec<PolicySet>>,
}

impl Policies {
    pub(super) fn set(&mut self, change: &PolicyChange, place: Place) {
        let values = self.values.entry((change.name(), change.participant().cloned())).or_default();
        values.push(PolicySet { value: change.value().clone(), place });
    }

    /// The value in force for a participant: the one that is set for it alone, or else the one for all. `None` if the members
    /// have set neither.
    pub fn in_force(&self, name: PolicyName, participant: Option<&ParticipantId>) -> Option<&PolicySet> {
        self.find(name, participant, |values| values.last())
    }

    /// The value that was in force at a leaf: the vote had ended on an earlier one.
    pub fn at(&self, name: PolicyName, participant: Option<&ParticipantId>, leaf: LeafIndex) -> Option<&PolicySet> {
        self.find(name, participant, |values| values.iter().rev().find(|set| set.place.leaf < leaf))
    }

    fn find<'a>(
        &'a self,
        name: PolicyName,
        participant: Option<&ParticipantId>,
        choose: impl Fn(&'a Vec<PolicySet>) -> Option<&'a PolicySet>,
    ) -> Option<&'a PolicySet> {
        let of = |participant: Option<ParticipantId>| self.values.get(&(name, participant)).and_then(&choose);
        participant.and_then(|one| of(Some(one.clone()))).or_else(|| of(None))
    }

    /// All that are set, with the participant for whom, in the order of their names.
    pub fn all<'a>(&'a self) -> impl Iterator<Item = (PolicyName, Option<&'a ParticipantId>, &'a PolicySet)> {
        let last = |((name, participant), values): (&'a (PolicyName, Option<ParticipantId>), &'a Vec<PolicySet>)| {
            Some((*name, participant.as_ref(), values.last()?))
        };
        self.values.iter().filter_map(last)
    }

    /// The terms that an organisation accepts when it registers.
    pub fn terms(&self) -> Option<&TermsPolicy> {
        match &self.in_force(PolicyName::Terms, None)?.value {
            PolicyValue::Terms(terms) => Some(terms),
            PolicyValue::Whole(_) | PolicyValue::LeavesPerDay(_) => None,
        }
    }

    /// Members beside the registering one that have to endorse a registration, if `members` are in force: never more than
    /// there are others.
    pub fn endorsements_needed(&self, members: usize) -> u64 {
        let others = members.saturating_sub(1) as u64;
        let set = match self.in_force(PolicyName::RegistrationEndorsements, None).map(|set| &set.value) {
            Some(PolicyValue::Whole(number)) => Some(*number),
            _ => None,
        };
        set.unwrap_or(u64::from(members >= ENDORSED_FROM_MEMBERS)).min(others)
    }
}
