//! Floods: what a participant posts about another's product hides nothing of what parties record.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::epcis::Event;
use crate::limits::{FOLLOWED_LIST_END_MAX, FOLLOWED_LIST_MAX, OTHER_BYTES_MAX, OTHER_LEAVES_MAX};
use crate::provenance::scenario::{Actor, CASE, Cast, ITEM, PALLET, Scenario, event, rules};
use crate::provenance::tests::lists::{Lists, judged, verdict};
use crate::provenance::{FollowLimits, Word};

/// Made by Acme, and on its way to Seoul.
fn sent() -> (Scenario, Cast) {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    (ledger, cast)
}

fn observed(at: Option<&Actor>, members: Value) -> Event {
    let mut all = json!({"type": "ObjectEvent", "action": "OBSERVE", "epcList": [ITEM]});
    if let Some(at) = at {
        all["readPoint"] = json!({"id": at.place});
    }
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    event("2026-03-04", all)
}

fn packed(number: usize, at: Option<&Actor>) -> Event {
    let mut all = json!({"type": "AggregationEvent", "action": "ADD", "childEPCs": [ITEM],
        "parentID": format!("https://example.org/box/{number}")});
    if let Some(at) = at {
        all["readPoint"] = json!({"id": at.place});
    }
    event("2026-03-04", all)
}

type Flood = fn(&mut Scenario, &Actor);

/// Ten thousand events without a step or a place, in two statements.
fn events(ledger: &mut Scenario, by: &Actor) {
    for _ in 0..2 {
        ledger.say_many(by, vec![observed(None, json!({})); 5_000], 2_650_000);
    }
}

/// One packing, and two statements of the greatest length about what it was packed into.
fn fillers(ledger: &mut Scenario, by: &Actor) {
    ledger.say_many(by, vec![packed(0, Some(by))], 1_000);
    for _ in 0..2 {
        let filler = observed(Some(by), json!({"epcList": ["https://example.org/box/0"], "bizStep": "storing"}));
        ledger.say_many(by, vec![filler; 100], 4 << 20);
    }
}

fn parents(ledger: &mut Scenario, by: &Actor) {
    ledger.say_many(by, (0..101).map(|number| packed(number, Some(by))).collect(), 40_000);
}

fn destinations(ledger: &mut Scenario, by: &Actor) {
    let to = |event: usize| -> Vec<Value> {
        let place = |at: usize| format!("https://example.org/place/{event}/{at}");
        (0..16).map(|at| json!({"type": "location", "destination": place(at)})).collect()
    };
    let shipped = |event| observed(Some(by), json!({"bizStep": "shipping", "destinationList": to(event)}));
    ledger.say_many(by, (0..7).map(shipped).collect(), 20_000);
}

const FLOODS: [(&str, Flood); 4] =
    [("events", events), ("fillers", fillers), ("parents", parents), ("destinations", destinations)];

/// Checks that what the parties record is seen, whatever was posted before.
fn all_is_seen(name: &str, ledger: &Scenario, cast: &Cast) {
    let found = |then: &dyn Fn(&mut Scenario)| {
        let mut ledger = ledger.clone();
        then(&mut ledger);
        verdict(&ledger)
    };
    let sold = found(&|ledger| {
        ledger.receive(&cast.seoul, "2026-03-06");
        ledger.step(&cast.seoul, "2026-03-07", "retail_selling");
    });
    assert_eq!(sold.state.end, Some("sold"), "{name}");
    let again = found(&|ledger| {
        ledger.commission(&cast.acme, "2026-03-08");
    });
    assert_eq!(again.word, Word::Suspect, "{name}: {:?}", rules(&again));
    assert!(rules(&again).contains(&"commissioned-twice"), "{name}: {:?}", rules(&again));
    let recalled = found(&|ledger| {
        ledger.recall(&cast.acme, "2026-03-08", &[ITEM], &[]);
    });
    assert_eq!(recalled.word, Word::Recalled, "{name}");
    let stolen = found(&|ledger| {
        ledger.receive(&cast.seoul, "2026-03-06");
        ledger.say(&cast.seoul, "2026-03-07", json!({"disposition": "stolen"}));
    });
    assert!(rules(&stolen).contains(&"reported-stolen"), "{name}: {:?}", rules(&stolen));
    let held = found(&|ledger| {
        ledger.receive(&cast.seoul, "2026-03-06");
    });
    assert_eq!(held.state.custodian.unwrap().id, cast.seoul.id, "{name}");
    assert!([Word::Authentic, Word::Disputed, Word::Incomplete].contains(&held.word), "{name}: {}", held.word.as_str());
}

#[test]
fn a_strangers_flood_hides_nothing() {
    for (name, flood) in FLOODS {
        let (mut ledger, cast) = sent();
        flood(&mut ledger, &cast.lisbon);
        all_is_seen(name, &ledger, &cast);
        let before = Lists::of(&sent().0).trail().unwrap();
        let trail = Lists::of(&ledger).trail().unwrap();
        let captures = Lists::of(&ledger).captures;
        let more: Vec<usize> = trail.opened.difference(&before.opened).map(|leaf| captures[leaf].bytes).collect();
        assert!(more.len() <= OTHER_LEAVES_MAX && more.iter().sum::<usize>() <= OTHER_BYTES_MAX, "{name}: {more:?}");
        assert!(!trail.limit_reached, "{name}");
    }
}

#[test]
fn a_flood_of_all_kinds_by_two_that_help_each_other_hides_nothing() {
    let (mut ledger, cast) = sent();
    for (_, flood) in FLOODS {
        flood(&mut ledger, &cast.lisbon);
        flood(&mut ledger, &cast.other);
    }
    all_is_seen("all", &ledger, &cast);
}

#[test]
fn a_partys_flood_hides_nothing_of_the_others() {
    for (name, flood) in FLOODS {
        let (mut ledger, cast) = Scenario::with_cast();
        ledger.commission(&cast.acme, "2026-03-01");
        // Lisbon had it, and is a party ever after.
        ledger.ship(&cast.acme, "2026-03-01T10:00:00Z", Some(&cast.lisbon));
        ledger.receive(&cast.lisbon, "2026-03-01T11:00:00Z");
        ledger.ship(&cast.lisbon, "2026-03-01T12:00:00Z", Some(&cast.acme));
        ledger.receive(&cast.acme, "2026-03-02");
        ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
        flood(&mut ledger, &cast.lisbon);
        let found = |then: &dyn Fn(&mut Scenario)| {
            let mut ledger = ledger.clone();
            then(&mut ledger);
            (Lists::of(&ledger).trail().unwrap(), ledger.records.last().unwrap().place.leaf)
        };
        let (trail, leaf) = found(&|ledger| {
            ledger.receive(&cast.seoul, "2026-03-06");
            ledger.say(&cast.seoul, "2026-03-07", json!({"disposition": "stolen"}));
        });
        assert!(trail.records.iter().any(|record| record.place.leaf == leaf), "{name}: a theft");
        let (trail, leaf) = found(&|ledger| {
            ledger.commission(&cast.acme, "2026-03-08");
        });
        assert!(trail.records.iter().any(|record| record.place.leaf == leaf), "{name}: a second commissioning");
    }
}

#[test]
fn what_is_not_opened_counts_as_a_claim_until_it_is_dismissed() {
    let (mut ledger, cast) = sent();
    ledger.receive(&cast.seoul, "2026-03-06");
    assert_eq!(verdict(&ledger).word, Word::Authentic);
    let claim = observed(Some(&cast.lisbon), json!({"bizStep": "storing"}));
    let leaf = ledger.say_many(&cast.lisbon, vec![claim], 600_000);
    let disputed = verdict(&ledger);
    assert_eq!(disputed.word, Word::Disputed);
    let reason = disputed.reasons.iter().find(|reason| reason.rule == "claimed").unwrap();
    assert_eq!(reason.leaves, [leaf]);
    let says =
        format!("“Lisbon Trade” (GLN 9521000000032) says in its record {leaf} that it had a product with this number");
    assert!(reason.sentence.contains(&says) && reason.sentence.contains("too long to be shown"), "{}", reason.sentence);
    assert_eq!(disputed.state.custodian.unwrap().id, cast.seoul.id);
    ledger.dismiss(&cast.lisbon, "2026-03-10");
    let dismissed = verdict(&ledger);
    assert_eq!(dismissed.word, Word::Authentic, "{:?}", rules(&dismissed));
    assert!(rules(&dismissed).contains(&"dismissed"));
}

#[test]
fn a_flood_that_is_taken_back_or_dismissed_leaves_no_trace_in_the_word() {
    for (name, flood) in [FLOODS[2], FLOODS[3]] {
        let (mut ledger, cast) = sent();
        ledger.receive(&cast.seoul, "2026-03-06");
        flood(&mut ledger, &cast.lisbon);
        assert_eq!(verdict(&ledger).word, Word::Disputed, "{name}");
        let mut back = ledger.clone();
        let flooded = ledger.records.last().unwrap().event.capture();
        let declared = flooded.events().map(|event| Event {
            error_declaration: observed(None, json!({"errorDeclaration": {"declarationTime": "2026-03-09T08:00:00Z"}}))
                .error_declaration,
            ..event.clone()
        });
        back.say_many(&cast.lisbon, declared.collect(), 50_000);
        let taken_back = verdict(&back);
        assert_eq!(taken_back.word, Word::Authentic, "{name}: {:?}", rules(&taken_back));
        ledger.dismiss(&cast.lisbon, "2026-03-10");
        let dismissed = verdict(&ledger);
        assert_eq!(dismissed.word, Word::Authentic, "{name}: {:?}", rules(&dismissed));
    }
}

#[test]
fn of_very_long_lists_the_end_is_shown() {
    let (mut ledger, cast) = sent();
    for _ in 0..FOLLOWED_LIST_MAX {
        ledger.say_many(&cast.lisbon, vec![observed(None, json!({}))], 1_000);
    }
    let trail = Lists::of(&ledger).trail().unwrap();
    let list = &trail.shown[&crate::index::Subject::id(ITEM)];
    assert_eq!((list.count, list.entries.len()), (FOLLOWED_LIST_MAX as u64 + 2, FOLLOWED_LIST_END_MAX));
    assert!(trail.limit_reached);
}

/// Few of everything, so that each limit is reached.
const FEW: FollowLimits = FollowLimits {
    statements: 3,
    bytes: 3_000,
    events: 3,
    ids: 3,
    places: 3,
    containers: 3,
    list: 8,
    list_end: 5,
    havers: 3,
    other_signers: 3,
    other_leaves: 3,
    other_leaves_tried: 5,
    other_bytes: 3_000,
    other_statement_bytes: 2_000,
    recalls: 3,
    other_recalls: 3,
    lots: 3,
    contents: 3,
};

const OTHER_ITEM: &str = "https://id.gs1.org/01/09506000134352/21/I1";

/// One statement of an actor: what each number chooses is of no matter.
fn chance(cast: &Cast, by: &Actor, dice: &[u8; 6]) -> Event {
    let [kind, id, other, step, to, day] = *dice;
    let all = [ITEM, ITEM, ITEM, CASE, PALLET, OTHER_ITEM];
    let (id, other) = (all[usize::from(id) % 6], all[usize::from(other) % 6]);
    let steps = ["storing", "shipping", "receiving", "packing", "retail_selling", "inspecting", "destroying"];
    let mut members = json!({"bizStep": steps[usize::from(step) % 7]});
    if step % 3 > 0 {
        members["readPoint"] = json!({"id": by.place});
    }
    let actors = [&cast.acme, &cast.swift, &cast.seoul, &cast.lisbon, &cast.other];
    if to % 2 == 0 {
        members["destinationList"] =
            json!([{"type": "location", "destination": actors[usize::from(to / 2) % 5].place}]);
    }
    let more = match kind % 8 {
        0 => json!({"type": "ObjectEvent", "action": "ADD", "epcList": [id]}),
        1 | 2 => json!({"type": "AggregationEvent", "action": "ADD", "parentID": other, "childEPCs": [id]}),
        3 => json!({"type": "TransformationEvent", "inputEPCList": [other], "outputEPCList": [id],
            "transformationID": "urn:x:tie"}),
        4 => json!({"type": "ObjectEvent", "action": "OBSERVE", "epcList": [id], "disposition": "recalled"}),
        5 => json!({"type": "ObjectEvent", "action": "OBSERVE", "epcList": [id], "disposition": "stolen"}),
        _ => json!({"type": "ObjectEvent", "action": "OBSERVE", "epcList": [id]}),
    };
    members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event(&format!("2026-03-{:02}", day % 28 + 1), members)
}

type Dice = (u8, u8, u8, [u8; 6], [u8; 6]);

fn random_ledger(dice: &[Dice]) -> (Scenario, Cast) {
    let (mut ledger, cast) = Scenario::with_cast();
    let actors = [&cast.acme, &cast.swift, &cast.seoul, &cast.lisbon, &cast.other];
    for (by, events, bytes, one, two) in dice {
        let by = actors[usize::from(*by) % 5];
        let mut said = vec![chance(&cast, by, one)];
        if events % 3 == 0 {
            said.push(chance(&cast, by, two));
        }
        ledger.say_many(by, said, [700, 1_500, 2_500][usize::from(*bytes) % 3]);
    }
    (ledger, cast)
}

fn dice() -> impl Strategy<Value = Vec<Dice>> {
    prop::collection::vec(any::<Dice>(), 1..14)
}

/// A step of a product's life, which ends as `end` says.
fn honest(ledger: &mut Scenario, cast: &Cast, step: usize, end: u8) {
    let (acme, seoul) = (&cast.acme, &cast.seoul);
    match (step, end) {
        (0, _) => _ = ledger.commission(acme, "2026-03-02"),
        (1, _) => _ = ledger.pack(acme, "2026-03-03", CASE, &[ITEM]),
        (2, _) => _ = ledger.ship_of(CASE, acme, "2026-03-04", Some(seoul)),
        (3, _) => _ = ledger.receive_of(CASE, seoul, "2026-03-08"),
        (4, _) => _ = ledger.unpack(seoul, "2026-03-09", CASE, &[ITEM]),
        (_, 0) => _ = ledger.step(seoul, "2026-03-12", "retail_selling"),
        (_, 1) => _ = ledger.recall(acme, "2026-03-12", &[ITEM], &[]),
        (_, 2) => _ = ledger.say(seoul, "2026-03-12", json!({"disposition": "stolen"})),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_verifier_finds_what_a_node_found(dice in dice(), has_few in any::<bool>()) {
        let (ledger, _) = random_ledger(&dice);
        let mut lists = Lists::of(&ledger);
        if has_few {
            lists.limits = FEW;
        }
        let trail = lists.trail().unwrap();
        let again = lists.again(&trail, &BTreeSet::new()).unwrap();
        prop_assert_eq!(&again.shown, &trail.shown);
        prop_assert_eq!(&again.opened, &trail.opened);
        prop_assert_eq!(&again.unopened, &trail.unopened);
        prop_assert_eq!((&again.known, &again.proposed), (&trail.known, &trail.proposed));
        prop_assert_eq!(again.limit_reached, trail.limit_reached);
        prop_assert_eq!(format!("{:?}", again.records), format!("{:?}", trail.records));
        // Any leaf of a party that is left out shows; one of others makes the word no better.
        let word = judged(&ledger, trail.clone()).word;
        for leaf in &trail.opened {
            let Ok(less) = lists.again(&trail, &BTreeSet::from([*leaf])) else { continue };
            let then = judged(&ledger, less).word;
            let is_green = |word| matches!(word, Word::Authentic | Word::Traced);
            prop_assert!(is_green(word) || !is_green(then), "{} became {} without leaf {}", word.as_str(), then.as_str(), leaf);
        }
    }

    #[test]
    fn a_strangers_statement_takes_no_more_than_the_green_word(
        one in any::<[u8; 6]>(), two in any::<[u8; 6]>(), long in any::<bool>(), end in 0..4_u8, at in 0..6_usize,
    ) {
        let (mut ledger, cast) = Scenario::with_cast();
        // No capture lets a stranger bring forth what has another's number.
        let said: Vec<Event> = [one, two].iter().filter(|dice| ![0, 3].contains(&(dice[0] % 8)))
            .map(|dice| chance(&cast, &cast.lisbon, dice)).collect();
        prop_assume!(!said.is_empty());
        let mut without = ledger.clone();
        for step in 0..6 {
            if step == at {
                ledger.say_many(&cast.lisbon, said.clone(), if long { 600_000 } else { 2_000 });
            }
            for ledger in [&mut ledger, &mut without] {
                honest(ledger, &cast, step, end);
            }
        }
        let (before, after) = (verdict(&without), verdict(&ledger));
        prop_assert!(
            after.word == before.word || [Word::Disputed, Word::Incomplete].contains(&after.word),
            "{} became {}: {:?}", before.word.as_str(), after.word.as_str(), rules(&after)
        );
        prop_assert_eq!(format!("{:?}", after.state), format!("{:?}", before.state));
    }
}
