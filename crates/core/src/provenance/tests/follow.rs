//! `follow`: what it takes of each list, and that a source can hide nothing that it needs.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::json;

use crate::consortium::Registry;
use crate::gs1::Id;
use crate::index::{Subject, SubjectKind, names};
use crate::limits::{FOLLOWED_RECALLS_MAX, FOLLOWED_STATEMENTS_MAX};
use crate::merkle::LeafIndex;
use crate::provenance::scenario::{CASE, Cast, ITEM, PALLET, Scenario, time};
use crate::provenance::{Capture, FollowFault, Known, List, Source, Trail, WantedList, follow, is_before_span};

const INNER: &str = "https://id.gs1.org/00/295060001343520004";
const INPUT: &str = "https://id.gs1.org/01/09506000134352/21/I1";

/// A ledger's lists and captures, of which some may be held back.
struct Lists {
    registry: Registry,
    captures: BTreeMap<LeafIndex, Arc<Capture>>,
    lists: BTreeMap<Subject, Vec<LeafIndex>>,
    /// Of these lists only the positions in the range are given out. Their length is not lied about: the index has it.
    held_back: BTreeMap<Subject, Range<usize>>,
}

impl Lists {
    fn of(ledger: &Scenario) -> Self {
        let mut lists: BTreeMap<Subject, Vec<LeafIndex>> = BTreeMap::new();
        let mut captures = BTreeMap::new();
        let mut named = Vec::new();
        for (leaf, admin) in &ledger.admins {
            named.extend(
                names::of_admin(admin, crate::statement::StatementId::from_hash(crate::hash::Hash::of(b"its own")))
                    .into_keys()
                    .map(|subject| (*leaf, subject)),
            );
        }
        for record in &ledger.records {
            let subjects = names::of_event(&record.event, &record.signer);
            named.extend(subjects.into_keys().map(|subject| (record.place.leaf, subject)));
            captures.insert(record.place.leaf, Arc::new(record.event.capture().clone()));
        }
        named.sort_unstable();
        for (leaf, subject) in named {
            lists.entry(subject).or_default().push(leaf);
        }
        Self { registry: ledger.registry.clone(), captures, lists, held_back: BTreeMap::new() }
    }

    fn trail(&mut self) -> Result<Trail, FollowFault> {
        follow(Id::parse(ITEM).unwrap(), self)
    }

    fn trail_with(&mut self, subject: &Subject, given: Range<usize>) -> Result<Trail, FollowFault> {
        self.held_back = BTreeMap::from([(subject.clone(), given)]);
        let trail = self.trail();
        self.held_back.clear();
        trail
    }
}

impl Source for Lists {
    type Error = FollowFault;

    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn list(&mut self, subject: &Subject, wanted: WantedList) -> Result<Known, FollowFault> {
        let list = self.lists.get(subject).map(Vec::as_slice).unwrap_or_default();
        let is_early = |leaf: &LeafIndex, time| is_before_span(self.captures[leaf].place.time, time);
        let from = match wanted {
            WantedList::Whole => 0,
            WantedList::Since(time) => list.iter().rposition(|leaf| is_early(leaf, time)).unwrap_or(0),
            WantedList::Last(most) => list.len().saturating_sub(most),
        };
        let given = self.held_back.get(subject).cloned().unwrap_or(0..list.len());
        let first = from.max(given.start).min(given.end);
        let leaves = list[first..given.end].to_vec();
        let reaches_back = given.start <= from && leaves.is_empty() == list.is_empty();
        Ok(Known { list: List { count: list.len() as u64, first: first as u64, leaves }, reaches_back })
    }

    fn capture(&mut self, leaf: LeafIndex, _subject: &Subject) -> Result<Arc<Capture>, FollowFault> {
        Ok(Arc::clone(&self.captures[&leaf]))
    }

    fn fault(&self, fault: FollowFault) -> FollowFault {
        fault
    }
}

fn id(text: &str) -> Subject {
    Subject::id(text)
}

/// The item was put into the case twice: within an inner box on March 3, and by itself on March 20. The first round
/// finds only the second packing.
fn packed_by_two_ways() -> (Scenario, Cast, [LeafIndex; 3]) {
    let (mut ledger, cast) = Scenario::with_cast();
    let early = ledger.step_of(CASE, &cast.acme, "2026-03-01", "storing");
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.pack(&cast.acme, "2026-03-02T10:00:00Z", INNER, &[ITEM]);
    let packed = ledger.pack(&cast.acme, "2026-03-05", CASE, &[INNER]);
    let on_pallet = ledger.pack(&cast.acme, "2026-03-08", PALLET, &[CASE]);
    ledger.step_of(PALLET, &cast.acme, "2026-03-09", "storing");
    ledger.unpack(&cast.acme, "2026-03-15", PALLET, &[CASE]);
    ledger.unpack(&cast.acme, "2026-03-15T10:00:00Z", CASE, &[INNER]);
    ledger.unpack(&cast.acme, "2026-03-16", INNER, &[ITEM]);
    ledger.pack(&cast.acme, "2026-03-20", CASE, &[ITEM]);
    (ledger, cast, [early, packed, on_pallet])
}

#[test]
fn a_container_that_turns_out_to_have_been_one_earlier_is_taken_from_then_on() {
    let (ledger, _, [early, packed, on_pallet]) = packed_by_two_ways();
    let mut lists = Lists::of(&ledger);
    let trail = lists.trail().unwrap();
    let case = &trail.shown[&id(CASE)];
    // The span begins on March 5: one leaf of before March 4 shows that the list is shown from before the span on.
    assert_eq!((case.first, case.leaves.first()), (0, Some(&early)));
    assert_eq!(case.leaves, lists.lists[&id(CASE)]);
    assert!(case.leaves.contains(&packed) && case.leaves.contains(&on_pallet));
    assert_eq!(trail.shown[&id(PALLET)].leaves, lists.lists[&id(PALLET)], "and so is what it was in then");
    let found: Vec<LeafIndex> = trail.records.iter().map(|record| record.place.leaf).collect();
    let all: Vec<LeafIndex> = ledger.records.iter().map(|record| record.place.leaf).collect();
    assert_eq!(found, all, "in ledger order, each once");
    assert!(!trail.limit_reached);
}

#[test]
fn what_comes_before_the_part_first_taken_cannot_be_hidden() {
    let (ledger, _, _) = packed_by_two_ways();
    let mut lists = Lists::of(&ledger);
    let length = lists.lists[&id(CASE)].len();
    for from in 1..length {
        let fault = FollowFault::CutShort { subject: id(CASE) };
        assert_eq!(lists.trail_with(&id(CASE), from..length).unwrap_err(), fault, "from {from} of {length}");
    }
}

/// A ledger with a list of every kind that an answer rests on.
fn with_everything() -> (Scenario, Cast) {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.say(&cast.acme, "2026-02-20", json!({"epcList": [INPUT], "action": "ADD", "bizStep": "commissioning"}));
    let tie = json!({"transformationID": "urn:uuid:17d95e34-7a10-4eb6-8b0c-12bdfb3aff1d"});
    ledger.make(&cast.acme, "2026-03-02", &[INPUT], &[ITEM], tie);
    for day in ["2026-03-01", "2026-03-02", "2026-03-03"] {
        ledger.step_of(CASE, &cast.acme, day, "storing");
    }
    ledger.pack(&cast.acme, "2026-03-09", CASE, &[ITEM]);
    ledger.ship_of(CASE, &cast.acme, "2026-03-10", Some(&cast.seoul));
    ledger.receive_of(CASE, &cast.seoul, "2026-03-12");
    ledger.unpack(&cast.seoul, "2026-03-13", CASE, &[ITEM]);
    ledger.recall(&cast.acme, "2026-03-14", &[ITEM], &[]);
    ledger.lift(&cast.acme, "2026-03-15", &[ITEM], &[]);
    ledger.recall(&cast.lisbon, "2026-03-16", &[INPUT], &[]);
    ledger.revoke(&cast.seoul, "2026-04-01", None);
    (ledger, cast)
}

#[test]
fn no_list_that_an_answer_rests_on_can_be_cut() {
    let (ledger, cast) = with_everything();
    let mut lists = Lists::of(&ledger);
    let trail = lists.trail().unwrap();
    let kinds: Vec<SubjectKind> = trail.shown.keys().map(Subject::kind).collect();
    for kind in
        [SubjectKind::Id, SubjectKind::Party, SubjectKind::Prefix, SubjectKind::Transformation, SubjectKind::Recall]
    {
        assert!(kinds.contains(&kind), "{kind}");
    }
    // Of the case only what is from the last leaf before March 8 on: it was packed on March 9.
    assert_eq!((trail.shown[&id(CASE)].first, trail.shown[&id(CASE)].leaves.len()), (2, 5));
    assert_eq!(trail.shown[&Subject::party(cast.seoul.id.as_str())].leaves.len(), 2, "it came and went");
    let mut cuts = 0;
    for (subject, list) in trail.shown.iter().filter(|(_, list)| !list.leaves.is_empty()) {
        let (first, end) = (usize::try_from(list.first).unwrap(), usize::try_from(list.count).unwrap());
        assert_eq!(first + list.leaves.len(), end, "{subject}");
        for given in [first + 1..end, first..end - 1, end..end, first..first] {
            let fault = lists.trail_with(subject, given.clone()).unwrap_err();
            assert_eq!(fault, FollowFault::CutShort { subject: subject.clone() }, "{given:?} of {first}..{end}");
            cuts += 1;
        }
        assert!(lists.trail_with(subject, first..end).is_ok(), "{subject}: nothing before it is needed");
    }
    assert!(cuts > 40, "{cuts}");
}

#[test]
fn a_prefix_leads_to_registrations_and_nothing_else() {
    let (ledger, _) = with_everything();
    let mut lists = Lists::of(&ledger);
    let subject = Subject::prefix("9506000");
    let leaf = ledger.records[0].place.leaf;
    lists.lists.get_mut(&subject).unwrap().push(leaf);
    assert_eq!(lists.trail().unwrap_err(), FollowFault::NoRegistration { subject, leaf });
}

#[test]
fn a_span_begins_a_day_before_its_first_event() {
    let since = time("2026-03-09T09:00:00.000Z");
    assert!(is_before_span(time("2026-03-08T08:59:59.999Z"), since));
    assert!(!is_before_span(time("2026-03-08T09:00:00.000Z"), since));
    assert!(!is_before_span(time("2026-03-10T09:00:00.000Z"), since));
}

#[test]
fn of_many_recalls_the_last_are_taken_and_of_many_statements_the_first() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    for _ in 0..=FOLLOWED_RECALLS_MAX {
        ledger.recall(&cast.lisbon, "2026-03-03", &[ITEM], &[]);
    }
    let mut lists = Lists::of(&ledger);
    let recalls = Subject::recall(ITEM);
    let trail = lists.trail().unwrap();
    assert_eq!((trail.shown[&recalls].first, trail.shown[&recalls].leaves.len()), (1, FOLLOWED_RECALLS_MAX));
    assert!(lists.trail_with(&recalls, 1..FOLLOWED_RECALLS_MAX + 1).is_ok());
    assert!(lists.trail_with(&recalls, 2..FOLLOWED_RECALLS_MAX + 1).is_err());

    let (mut ledger, cast) = Scenario::with_cast();
    for _ in 0..=FOLLOWED_STATEMENTS_MAX {
        ledger.step(&cast.acme, "2026-03-03", "storing");
    }
    let trail = Lists::of(&ledger).trail().unwrap();
    assert!(trail.limit_reached);
    assert_eq!((trail.shown[&id(ITEM)].first, trail.shown[&id(ITEM)].leaves.len()), (0, FOLLOWED_STATEMENTS_MAX));
    ledger.records.pop();
    assert!(!Lists::of(&ledger).trail().unwrap().limit_reached, "exactly as many as are followed");
}
