//! A ledger's lists as the sources that `follow` goes through: a node's, and a verifier's, which has what a node has shown.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::consortium::Registry;
use crate::gs1::{Id, Question};
use crate::hash::Hash;
use crate::index::{Acts, ListEntry, SignerTag, Subject, names};
use crate::merkle::LeafIndex;
use crate::provenance::scenario::{ITEM, Scenario};
use crate::provenance::{
    Capture, FollowFault, FollowLimits, History, List, Source, Trail, Verdict, WantedList, follow_within,
    is_before_span, judge,
};
use crate::statement::StatementId;
use crate::time::Timestamp;

/// A ledger's lists and captures, of which some may be held back.
pub struct Lists {
    pub registry: Registry,
    pub captures: BTreeMap<LeafIndex, Arc<Capture>>,
    pub lists: BTreeMap<Subject, Vec<ListEntry>>,
    pub limits: FollowLimits,
    /// Of these lists only the positions in the range are given out. Their length is not lied about: the index has it.
    held_back: BTreeMap<Subject, Range<usize>>,
}

/// The leaves of a list.
pub fn leaves(list: &List) -> Vec<LeafIndex> {
    list.leaves().collect()
}

impl Lists {
    pub fn of(ledger: &Scenario) -> Self {
        let mut lists: BTreeMap<Subject, Vec<ListEntry>> = BTreeMap::new();
        let mut captures = BTreeMap::new();
        let mut named: Vec<(LeafIndex, SignerTag, Subject, Acts)> = Vec::new();
        for (leaf, admin) in &ledger.admins {
            let proposed = ledger.registry.proposed_at(*leaf).map(|proposed| proposed.id);
            let id = proposed.unwrap_or_else(|| StatementId::from_hash(Hash::of(b"its own")));
            let signer = SignerTag::of_member(&Hash::of(b"a member"));
            named.extend(names::of_admin(admin, id).into_iter().map(|(subject, acts)| (*leaf, signer, subject, acts)));
        }
        for record in &ledger.records {
            let (leaf, capture) = (record.place.leaf, record.event.capture());
            if captures.contains_key(&leaf) {
                continue;
            }
            let mut capture = capture.clone();
            capture.place = record.place;
            let signer = SignerTag::of_participant(&record.signer);
            let subjects = names::of_capture(capture.events(), &record.signer);
            named.extend(subjects.into_iter().map(|(subject, acts)| (leaf, signer, subject, acts)));
            captures.insert(leaf, Arc::new(capture));
        }
        named.sort_by_key(|(leaf, ..)| *leaf);
        for (leaf, signer, subject, acts) in named {
            lists.entry(subject).or_default().push(ListEntry { leaf, signer, acts });
        }
        let (registry, limits) = (ledger.registry.clone(), FollowLimits::OF_FORMAT);
        Self { registry, captures, lists, limits, held_back: BTreeMap::new() }
    }

    pub fn trail(&mut self) -> Result<Trail, FollowFault> {
        self.trail_of(ITEM)
    }

    pub fn trail_of(&mut self, id: &str) -> Result<Trail, FollowFault> {
        let limits = self.limits;
        follow_within(Id::parse(id).unwrap(), self, limits)
    }

    pub fn trail_with(&mut self, subject: &Subject, given: Range<usize>) -> Result<Trail, FollowFault> {
        self.held_back = BTreeMap::from([(subject.clone(), given)]);
        let trail = self.trail();
        self.held_back.clear();
        trail
    }

    /// What a verifier finds that has what a trail shows, but for some captures.
    pub fn again(&self, trail: &Trail, without: &BTreeSet<LeafIndex>) -> Result<Trail, FollowFault> {
        self.again_of(ITEM, trail, without)
    }

    pub fn again_of(&self, id: &str, trail: &Trail, without: &BTreeSet<LeafIndex>) -> Result<Trail, FollowFault> {
        follow_within(Id::parse(id).unwrap(), &mut Shown { of: self, trail, without }, self.limits)
    }
}

/// The verdict about the item over what is followed of it.
pub fn verdict(ledger: &Scenario) -> Verdict {
    judged(ledger, Lists::of(ledger).trail().unwrap())
}

pub fn judged(ledger: &Scenario, trail: Trail) -> Verdict {
    judged_of(ITEM, ledger, trail)
}

/// The verdict about another id over what is followed of it.
pub fn verdict_of(id: &str, ledger: &Scenario) -> Verdict {
    judged_of(id, ledger, Lists::of(ledger).trail_of(id).unwrap())
}

fn judged_of(id: &str, ledger: &Scenario, trail: Trail) -> Verdict {
    let Question { id, label } = Question::parse(id).unwrap();
    let Trail { records, unopened, known, limit_reached, .. } = trail;
    let (as_of, registry) = (ledger.as_of, Arc::new(ledger.registry.clone()));
    let tree_size = ledger.history(ITEM).tree_size;
    let known = Some(known);
    let history = History { id, label, as_of, tree_size, records, unopened, known, limit_reached, registry };
    judge(&history, &ledger.policy)
}

impl Source for Lists {
    type Error = FollowFault;

    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn list(&mut self, subject: &Subject, wanted: WantedList) -> Result<List, FollowFault> {
        let list = self.lists.get(subject).map(Vec::as_slice).unwrap_or_default();
        let given = self.held_back.get(subject).cloned().unwrap_or(0..list.len());
        let first = usize::try_from(wanted.first(list.len() as u64)).unwrap().max(given.start).min(given.end);
        Ok(List { count: list.len() as u64, first: first as u64, entries: list[first..given.end].to_vec() })
    }

    fn start_of_span(&mut self, entries: &[ListEntry], since: Timestamp) -> Result<usize, FollowFault> {
        let is_early = |entry: &ListEntry| is_before_span(self.captures[&entry.leaf].place.time, since);
        Ok(entries.iter().rposition(is_early).unwrap_or(0))
    }

    fn capture(&mut self, leaf: LeafIndex, _subject: &Subject) -> Result<Arc<Capture>, FollowFault> {
        Ok(Arc::clone(&self.captures[&leaf]))
    }

    fn fault(&self, fault: FollowFault) -> FollowFault {
        fault
    }
}

/// What of a ledger an answer has shown.
struct Shown<'a> {
    of: &'a Lists,
    trail: &'a Trail,
    without: &'a BTreeSet<LeafIndex>,
}

impl Shown<'_> {
    fn has(&self, leaf: LeafIndex) -> bool {
        self.trail.opened.contains(&leaf) && !self.without.contains(&leaf)
    }
}

impl Source for Shown<'_> {
    type Error = FollowFault;

    fn registry(&self) -> &Registry {
        &self.of.registry
    }

    fn list(&mut self, subject: &Subject, wanted: WantedList) -> Result<List, FollowFault> {
        let cut = || FollowFault::CutShort { subject: subject.clone() };
        let shown = self.trail.shown.get(subject).ok_or_else(cut)?;
        let first = wanted.first(shown.count).max(shown.first);
        let skipped = usize::try_from(first - shown.first).unwrap();
        Ok(List { count: shown.count, first, entries: shown.entries.get(skipped..).unwrap_or_default().to_vec() })
    }

    fn start_of_span(&mut self, entries: &[ListEntry], since: Timestamp) -> Result<usize, FollowFault> {
        let is_early =
            |entry: &ListEntry| self.has(entry.leaf) && is_before_span(self.of.captures[&entry.leaf].place.time, since);
        Ok(entries.iter().rposition(is_early).unwrap_or(0))
    }

    fn capture(&mut self, leaf: LeafIndex, subject: &Subject) -> Result<Arc<Capture>, FollowFault> {
        let left_out = || FollowFault::CutShort { subject: subject.clone() };
        self.has(leaf).then(|| Arc::clone(&self.of.captures[&leaf])).ok_or_else(left_out)
    }

    fn capture_within(
        &mut self,
        leaf: LeafIndex,
        _subject: &Subject,
        bytes: usize,
    ) -> Result<Option<Arc<Capture>>, FollowFault> {
        let capture = self.has(leaf).then(|| &self.of.captures[&leaf]);
        Ok(capture.filter(|capture| capture.bytes <= bytes).cloned())
    }

    fn fault(&self, fault: FollowFault) -> FollowFault {
        fault
    }
}
