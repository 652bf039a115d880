//! `follow`: what it takes of each list, and that a source can hide nothing that it needs.

use serde_json::json;

use crate::index::{Subject, SubjectKind};
use crate::limits::{FOLLOWED_RECALLS_MAX, FOLLOWED_STATEMENTS_MAX};
use crate::merkle::LeafIndex;
use crate::provenance::scenario::{CASE, Cast, ITEM, PALLET, Scenario, time};
use crate::provenance::tests::lists::{Lists, leaves};
use crate::provenance::{FollowFault, is_before_span};

const INNER: &str = "https://id.gs1.org/00/295060001343520004";
const INPUT: &str = "https://id.gs1.org/01/09506000134352/21/I1";

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
    assert_eq!((case.first, case.leaves().next()), (0, Some(early)));
    assert_eq!(case.entries, lists.lists[&id(CASE)]);
    assert!([early, packed, on_pallet].iter().all(|leaf| trail.opened.contains(leaf)));
    assert_eq!(trail.shown[&id(PALLET)].entries, lists.lists[&id(PALLET)], "and so is what it was in then");
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
    // Of the case only what is from the last leaf before March 8 on is opened: it was packed on March 9.
    let case: Vec<bool> = trail.shown[&id(CASE)].leaves().map(|leaf| trail.opened.contains(&leaf)).collect();
    assert_eq!(case, [false, false, true, true, true, true, true]);
    assert_eq!(trail.shown[&Subject::party(cast.seoul.id)].entries.len(), 2, "it came and went");
    let mut cuts = 0;
    for (subject, list) in trail.shown.iter().filter(|(_, list)| !list.entries.is_empty()) {
        let (first, end) = (usize::try_from(list.first).unwrap(), usize::try_from(list.count).unwrap());
        assert_eq!(first + list.entries.len(), end, "{subject}");
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
    let entry = lists.lists[&id(ITEM)][0];
    lists.lists.get_mut(&subject).unwrap().push(crate::index::ListEntry { leaf, ..entry });
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
fn of_many_recalls_the_last_are_opened_and_of_many_statements_the_first() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    for _ in 0..=FOLLOWED_RECALLS_MAX {
        ledger.recall(&cast.acme, "2026-03-03", &[ITEM], &[]);
    }
    let mut lists = Lists::of(&ledger);
    let recalls = Subject::recall_by(cast.acme.id, ITEM);
    let trail = lists.trail().unwrap();
    assert_eq!((trail.shown[&recalls].first, trail.shown[&recalls].entries.len()), (1, FOLLOWED_RECALLS_MAX));
    assert!(lists.trail_with(&recalls, 1..FOLLOWED_RECALLS_MAX + 1).is_ok());
    assert!(lists.trail_with(&recalls, 2..FOLLOWED_RECALLS_MAX + 1).is_err());

    let (mut ledger, cast) = Scenario::with_cast();
    for _ in 0..=FOLLOWED_STATEMENTS_MAX {
        ledger.step(&cast.acme, "2026-03-03", "storing");
    }
    let trail = Lists::of(&ledger).trail().unwrap();
    assert!(trail.limit_reached);
    assert_eq!(trail.shown[&id(ITEM)].entries.len(), FOLLOWED_STATEMENTS_MAX + 1, "the list is shown whole");
    let opened: Vec<LeafIndex> = trail.opened.iter().copied().collect();
    assert_eq!(opened, leaves(&trail.shown[&id(ITEM)])[..FOLLOWED_STATEMENTS_MAX]);
    ledger.records.pop();
    assert!(!Lists::of(&ledger).trail().unwrap().limit_reached, "exactly as many as are followed");
}
