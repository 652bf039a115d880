//! What each participant has used of its quotas: a part of the state of a ledger.
//!
//! It follows from the captures in ledger order. A node makes it again when it starts, while it learns its records; an audit has it
//! from the blocks that it validates. Leaves in a list are not counted here: the list itself has them.

use std::collections::HashMap;

use crate::index::{Counts, SignerTag};
use crate::merkle::LeafIndex;
use crate::time::Timestamp;

/// Milliseconds of a day. UTC days of the ledger have no leap second, like its times.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A UTC day, by its number since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Day(i64);

impl Day {
    pub const fn of(time: Timestamp) -> Self {
        Self(time.millis().div_euclid(DAY_MS))
    }

    /// The first moment of the day after it.
    pub fn end(self) -> Timestamp {
        Timestamp::EPOCH.plus_millis((self.0 + 1) * DAY_MS)
    }
}

/// What one participant has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Used {
    pub new_in_all: u64,
    /// The day of the two that follow.
    day: Day,
    new_of_day: u64,
    contacts_of_day: u64,
}

impl Used {
    pub const fn new_of(&self, day: Day) -> u64 {
        if self.day.0 == day.0 { self.new_of_day } else { 0 }
    }

    pub const fn contacts_of(&self, day: Day) -> u64 {
        if self.day.0 == day.0 { self.contacts_of_day } else { 0 }
    }

    fn with(self, day: Day, tally: UseTally) -> Self {
        Self {
            new_in_all: self.new_in_all + tally.new,
            day,
            new_of_day: self.new_of(day) + tally.new,
            contacts_of_day: self.contacts_of(day) + tally.contacts,
        }
    }
}

/// What one statement uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UseTally {
    /// New ids.
    pub(super) new: u64,
    /// Ids on which another signer had the last word.
    pub(super) contacts: u64,
}

impl UseTally {
    /// Counts a subject of a statement by `signer`. `last` signed the last leaf of the subject's list before the statement, if there
    /// is one.
    pub fn count(&mut self, counts: Counts, last: Option<SignerTag>, signer: SignerTag) {
        let is_new = last.is_none() && counts.contains(Counts::NEW);
        let is_anothers = last.is_some_and(|last| last != signer) && counts.contains(Counts::FOREIGN);
        self.new += u64::from(is_new);
        self.contacts += u64::from(is_anothers || counts.contains(Counts::BY_AUTHORITY));
    }
}

/// What all participants have used, up to some leaf.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// The day of the last capture, and its first one.
    today: Option<(Day, LeafIndex)>,
    of: HashMap<SignerTag, Used>,
}

impl Usage {
    /// Takes a capture that stands in a block of a time. They come in ledger order.
    pub fn add(&mut self, signer: SignerTag, leaf: LeafIndex, time: Timestamp, tally: UseTally) {
        let mut added = UsageAdded::default();
        added.add(self, signer, leaf, time, tally);
        self.apply(added);
    }

    pub(super) fn apply(&mut self, added: UsageAdded) {
        self.today = added.today.or(self.today);
        self.of.extend(added.of);
    }
}

/// What the captures of a staged block add to it.
#[derive(Debug, Clone, Default)]
pub(super) struct UsageAdded {
    today: Option<(Day, LeafIndex)>,
    of: HashMap<SignerTag, Used>,
}

impl UsageAdded {
    pub fn add(&mut self, before: &Usage, signer: SignerTag, leaf: LeafIndex, time: Timestamp, tally: UseTally) {
        let day = Day::of(time);
        if self.first_of(before, day).is_none() {
            self.today = Some((day, leaf));
        }
        let used = self.used(before, signer).with(day, tally);
        self.of.insert(signer, used);
    }

    /// What a participant has used before and here.
    pub fn used(&self, before: &Usage, signer: SignerTag) -> Used {
        self.of.get(&signer).or_else(|| before.of.get(&signer)).copied().unwrap_or_default()
    }

    /// The first capture of a day, which is not before the last one's.
    pub fn first_of(&self, before: &Usage, day: Day) -> Option<LeafIndex> {
        self.today.or(before.today).filter(|(of, _)| *of == day).map(|(_, first)| first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_of_utc() {
        let at = |text: &str| Day::of(text.parse().unwrap());
        assert_eq!(at("2026-03-01T00:00:00.000Z"), at("2026-03-01T23:59:59.999Z"));
        assert!(at("2026-03-01T23:59:59.999Z") < at("2026-03-02T00:00:00.000Z"));
        assert_eq!(at("2026-03-01T12:00:00Z").end(), "2026-03-02T00:00:00.000Z".parse().unwrap());
        assert_eq!(at("1969-12-31T23:00:00Z").end(), Timestamp::EPOCH);
    }

    #[test]
    fn what_another_signed_last_is_a_contact_and_what_no_one_did_is_new() {
        let [one, other] = [1, 2].map(|tag| SignerTag::Participant([tag; 16]));
        let foreign = Counts::from_byte(Counts::NEW.byte() | Counts::FOREIGN.byte());
        let by_authority = Counts::from_byte(foreign.byte() | Counts::BY_AUTHORITY.byte());
        for (counts, last, new, contacts) in [
            (foreign, None, 1, 0),
            (foreign, Some(one), 0, 0),
            (foreign, Some(other), 0, 1),
            (Counts::NEW, None, 1, 0),
            (Counts::NEW, Some(other), 0, 0),
            (by_authority, Some(one), 0, 1),
            (by_authority, Some(other), 0, 1),
            (by_authority, None, 1, 1),
            (Counts::NOTHING, None, 0, 0),
        ] {
            let mut tally = UseTally::default();
            tally.count(counts, last, one);
            assert_eq!((tally.new, tally.contacts), (new, contacts), "{counts:?} {last:?}");
        }
    }

    #[test]
    fn a_day_counts_for_itself_and_all_days_together() {
        let signer = SignerTag::Participant([1; 16]);
        let leaf = |n| LeafIndex::new(n).unwrap();
        let first: Timestamp = "2026-03-01T23:59:59.999Z".parse().unwrap();
        let (tally, mut usage) = (UseTally { new: 2, contacts: 3 }, Usage::default());
        usage.add(signer, leaf(4), first, tally);
        usage.add(signer, leaf(6), first, tally);
        let next = first.plus_millis(1);
        let mut added = UsageAdded::default();
        let (of_first, of_next) = (Day::of(first), Day::of(next));
        assert_eq!(added.first_of(&usage, of_first), Some(leaf(4)));
        assert_eq!((added.first_of(&usage, of_next), added.used(&usage, signer).new_of(of_next)), (None, 0));
        added.add(&usage, signer, leaf(9), next, tally);
        let used = added.used(&usage, signer);
        assert_eq!((used.new_in_all, used.new_of(of_next), used.contacts_of(of_next)), (6, 2, 3));
        assert_eq!(added.first_of(&usage, of_next), Some(leaf(9)));
        // Nothing of it counts unless the block is applied.
        assert_eq!(UsageAdded::default().used(&usage, signer).new_in_all, 4);
        let mut at_once = usage.clone();
        usage.apply(added);
        at_once.add(signer, leaf(9), next, tally);
        assert_eq!(usage, at_once);
    }
}
