//! The policies that the members have set by vote.

use std::collections::BTreeMap;

use crate::consortium::admin::{LeavesPerDay, PolicyChange, PolicyName, PolicyValue, TermsPolicy};
use crate::consortium::claims::ParticipantId;
use crate::consortium::place::Place;
use crate::limits::{
    AUTHORITY_IDS_PER_DAY, CONTACTS_PER_DAY, LEAVES_PER_LOT_PER_DAY, LEAVES_PER_PIECE_IN_ALL, LEAVES_PER_PIECE_PER_DAY,
    NEW_IDS_IN_ALL, NEW_IDS_PER_DAY, SUBJECTS_MAX,
};
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

/// The limits that hold for one participant, and for the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaLimits {
    pub contacts_per_day: u64,
    pub new_ids_per_day: u64,
    pub new_ids_in_all: u64,
    pub leaves_per_piece_per_day: u64,
    pub leaves_per_lot_per_day: u64,
    pub leaves_per_piece_in_all: u64,
    /// Of the whole ledger.
    pub subjects: u64,
}

impl QuotaLimits {
    /// Those that hold if the members have set none.
    pub const FIRST: Self = Self {
        contacts_per_day: CONTACTS_PER_DAY,
        new_ids_per_day: NEW_IDS_PER_DAY,
        new_ids_in_all: NEW_IDS_IN_ALL,
        leaves_per_piece_per_day: LEAVES_PER_PIECE_PER_DAY,
        leaves_per_lot_per_day: LEAVES_PER_LOT_PER_DAY,
        leaves_per_piece_in_all: LEAVES_PER_PIECE_IN_ALL,
        subjects: SUBJECTS_MAX,
    };
}

impl Policies {
    /// The limits in force for a participant. The ids that an authority names in a day are a policy of its own: one that is set
    /// for all participants is not for it.
    pub fn quotas(&self, participant: &ParticipantId, is_authority: bool) -> QuotaLimits {
        let mut limits = QuotaLimits::FIRST;
        if is_authority {
            limits.contacts_per_day = AUTHORITY_IDS_PER_DAY;
        }
        if self.values.is_empty() {
            return limits;
        }
        let put = |limit: &mut u64, name| {
            let own = self.values.get(&(name, Some(*participant)));
            let of_all =
                || self.values.get(&(name, None)).filter(|_| !(is_authority && name == PolicyName::ContactsPerDay));
            if let Some(PolicyValue::Whole(number)) =
                own.or_else(of_all).and_then(|sets| sets.last()).map(|set| &set.value)
            {
                *limit = *number;
            }
        };
        put(&mut limits.contacts_per_day, PolicyName::ContactsPerDay);
        put(&mut limits.new_ids_per_day, PolicyName::NewIdsPerDay);
        put(&mut limits.new_ids_in_all, PolicyName::NewIdsInAll);
        put(&mut limits.leaves_per_piece_in_all, PolicyName::LeavesPerSubjectInAll);
        put(&mut limits.subjects, PolicyName::SubjectsMax);
        let leaves = self.in_force(PolicyName::LeavesPerSubjectPerDay, Some(participant)).map(|set| &set.value);
        if let Some(PolicyValue::LeavesPerDay(LeavesPerDay { piece, lot })) = leaves {
            (limits.leaves_per_piece_per_day, limits.leaves_per_lot_per_day) = (*piece, *lot);
        }
        limits
    }

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
        participant.and_then(|one| of(Some(*one))).or_else(|| of(None))
    }

    /// The new ids in all that single participants are granted.
    pub fn granted(&self) -> impl Iterator<Item = (&ParticipantId, u64)> {
        let own = self.all().filter(|(name, ..)| *name == PolicyName::NewIdsInAll);
        own.filter_map(|(_, participant, set)| match set.value {
            PolicyValue::Whole(number) => Some((participant?, number)),
            PolicyValue::LeavesPerDay(_) | PolicyValue::Terms(_) => None,
        })
    }

    /// How many subjects the ledger takes.
    pub fn subjects_max(&self) -> u64 {
        match self.in_force(PolicyName::SubjectsMax, None).map(|set| &set.value) {
            Some(PolicyValue::Whole(number)) => *number,
            _ => SUBJECTS_MAX,
        }
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
