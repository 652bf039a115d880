//! What holds for any history at all.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use crate::gs1::Id;
use crate::merkle::LeafIndex;
use crate::provenance::scenario::{Actor, CASE, Cast, ITEM, PALLET, Scenario};
use crate::provenance::{RULES, Severity, Verdict, Word};

const STEPS: &[&str] = &[
    "shipping",
    "departing",
    "receiving",
    "accepting",
    "void_shipping",
    "storing",
    "retail_selling",
    "destroying",
    "decommissioning",
    "dispensing",
    "inspecting",
    "sensor_reporting",
    "commissioning",
    "urn:example:step",
];
const DISPOSITIONS: &[&str] = &["active", "stolen", "recalled", "returned", "retail_sold", "inactive", "destroyed"];

/// One random record: who, hour, kind of event, step, disposition, destination, withdrawn before.
type Draw = (usize, u32, usize, usize, usize, usize, bool);

fn draw() -> impl Strategy<Value = Draw> {
    (0..5_usize, 0..30_u32, 0..12_usize, 0..STEPS.len(), 0..2 * DISPOSITIONS.len(), 0..8_usize, any::<bool>())
}

fn actor(cast: &Cast, at: usize) -> &Actor {
    [&cast.acme, &cast.swift, &cast.seoul, &cast.lisbon, &cast.other][at % 5]
}

/// The item, a few containers, and an input of a transformation: every other record is of one of these.
const IDS: [&str; 5] = [ITEM, CASE, PALLET, "urn:example:crate:1", "https://id.gs1.org/01/09521567000018/21/I1"];

/// A record of another id than the item: of a container, of containers in each other, of a transformation.
fn say_other(ledger: &mut Scenario, actor: &Actor, when: &str, (one, other, step): (usize, usize, usize)) {
    let (one, other) = (IDS[one % 5], IDS[other % 5]);
    match step % 5 {
        0 => ledger.pack(actor, when, one, &[other]),
        1 => ledger.unpack(actor, when, one, if other == ITEM { &[] } else { &[ITEM, CASE] }),
        2 => ledger.make(actor, when, &[one], &[other], json!({})),
        3 => ledger.say(
            actor,
            when,
            json!({"epcList": BTreeSet::from([one, other]), "disposition": DISPOSITIONS[step % 7]}),
        ),
        _ => ledger.step_of(one, actor, when, STEPS[step % STEPS.len()]),
    };
}

fn say(ledger: &mut Scenario, cast: &Cast, (who, hour, kind, step, disposition, to, again): Draw) {
    if kind > 6 {
        let when = format!("2026-03-{:02}T{:02}:00:00Z", 1 + hour / 6, hour % 6);
        return say_other(ledger, actor(cast, who), &when, (disposition, to, step + disposition));
    }
    let mut members = match kind {
        0 => json!({"action": "ADD"}),
        1 => json!({"action": "DELETE"}),
        2 => {
            json!({"type": "AggregationEvent", "action": "ADD", "parentID": CASE, "epcList": null, "childEPCs": [ITEM]})
        }
        3 => json!({"type": "AggregationEvent", "action": "DELETE", "parentID": CASE, "epcList": null,
            "childEPCs": [ITEM]}),
        4 => json!({"readPoint": null, "bizLocation": null}),
        _ => json!({}),
    };
    members["bizStep"] = json!(STEPS[step]);
    if let Some(disposition) = DISPOSITIONS.get(disposition) {
        members["disposition"] = json!(disposition);
    }
    if to < 5 {
        members["destinationList"] = json!([{"type": "location", "destination": actor(cast, to).place}]);
    }
    members["eventID"] = json!(format!("urn:example:{}", ledger.records.len() / 2));
    if again {
        members["errorDeclaration"] = json!({"declarationTime": "2026-03-20T00:00:00Z"});
    }
    let when = format!("2026-03-{:02}T{:02}:00:00Z", 1 + hour / 6, hour % 6);
    ledger.say(actor(cast, who), &when, members);
}

fn scenario(draws: &[Draw]) -> Scenario {
    let (mut ledger, cast) = Scenario::with_cast();
    for draw in draws {
        say(&mut ledger, &cast, *draw);
    }
    if draws.len().is_multiple_of(3) {
        ledger.revoke(&cast.seoul, "2026-04-01", Some("2026-03-03"));
    }
    ledger
}

fn has(verdict: &Verdict, severity: Severity) -> bool {
    verdict.reasons.iter().any(|reason| reason.severity == severity)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn judging_is_total_deterministic_and_true_to_its_reasons(draws in prop::collection::vec(draw(), 0..14)) {
        let ledger = scenario(&draws);
        let verdict = ledger.verdict();
        prop_assert_eq!(&verdict, &ledger.verdict());
        let word = match () {
            () if verdict.timeline.is_empty() => Word::Unknown,
            () if has(&verdict, Severity::Recall) => Word::Recalled,
            () if has(&verdict, Severity::Fails) => Word::Suspect,
            () if has(&verdict, Severity::Ended) => Word::Ended,
            () if has(&verdict, Severity::Disputes) => Word::Disputed,
            () if has(&verdict, Severity::Gap) => Word::Incomplete,
            () if has(&verdict, Severity::Past) => Word::Ended,
            () => Word::Authentic,
        };
        prop_assert_eq!(verdict.word, word);
        let id = Id::parse(ITEM).unwrap();
        let own = ledger.records.iter().filter(|record| record.event.names(&id)).count();
        let via = verdict.timeline.iter().filter(|step| step.via.is_some()).count();
        let named = ledger.records.iter().filter(|record| record.event.names(&id));
        let facts: BTreeSet<_> = named.map(|record| (&record.signer, record.event.content_hash)).collect();
        let told = verdict.timeline.len() - via;
        prop_assert!((facts.len()..=own).contains(&told), "every record of its own is told, but repeats: {told} of {own}");
        prop_assert!(verdict.timeline.is_sorted_by_key(|step| (step.event_time, step.leaf, step.position)));
        let holding = verdict.reasons.iter().filter(|reason| reason.severity == Severity::Holds).count();
        prop_assert!(word != Word::Authentic || holding == 3, "{:#?}", verdict);
        for reason in &verdict.reasons {
            prop_assert!(reason.sentence.ends_with('.') && !reason.sentence.contains("  "), "{}", reason.sentence);
            prop_assert!(RULES.contains(&(reason.rule, reason.severity)), "{}", reason.rule);
            let known = |leaf: &LeafIndex| ledger.records.iter().any(|record| record.place.leaf == *leaf);
            prop_assert!(reason.leaves.iter().all(known) && reason.leaves.is_sorted());
        }
    }

    #[test]
    fn the_order_in_which_records_are_handed_in_does_not_matter(draws in prop::collection::vec(draw(), 0..10)) {
        let mut ledger = scenario(&draws);
        let verdict = ledger.verdict();
        ledger.records.reverse();
        prop_assert_eq!(verdict, ledger.verdict());
    }

    /// A whole chain from which any one record was taken is never suspect: a gap is `incomplete`.
    #[test]
    fn taking_a_record_out_of_a_whole_chain_never_makes_it_suspect(hops in 1..5_usize, taken in 0..20_usize) {
        let (mut ledger, cast) = Scenario::with_cast();
        ledger.commission(&cast.acme, "2026-03-01");
        let chain = [&cast.acme, &cast.seoul, &cast.lisbon, &cast.other, &cast.seoul];
        for (hop, pair) in chain.windows(2).take(hops).enumerate() {
            ledger.ship(pair[0], &format!("2026-03-{:02}", 3 * hop + 2), Some(pair[1]));
            ledger.step(&cast.swift, &format!("2026-03-{:02}", 3 * hop + 3), "transporting");
            ledger.receive(pair[1], &format!("2026-03-{:02}", 3 * hop + 4));
        }
        prop_assert_eq!(ledger.verdict().word, Word::Authentic);
        let taken = taken % ledger.records.len();
        ledger.records.remove(taken);
        prop_assert!(matches!(ledger.verdict().word, Word::Authentic | Word::Incomplete), "{:#?}", ledger.verdict());
    }

    /// What a recall did is undone when it is lifted, and nothing else.
    #[test]
    fn a_lifted_recall_leaves_the_word_as_it_was(draws in prop::collection::vec(draw(), 1..8)) {
        let mut ledger = scenario(&draws);
        let (_, cast) = Scenario::with_cast();
        let before = ledger.verdict().word;
        let class = "https://id.gs1.org/01/09506000134352";
        ledger.recall(&cast.acme, "2026-03-20", &[], &[class]);
        let during = ledger.verdict().word;
        prop_assert_eq!(during, if before == Word::Unknown { Word::Unknown } else { Word::Recalled });
        ledger.lift(&cast.acme, "2026-03-21", &[], &[class]);
        prop_assert_eq!(ledger.verdict().word, before);
    }
}

/// The same as for a chain, for one that travels in a case on a pallet, which go back empty.
#[test]
fn taking_a_record_out_of_a_packed_journey_never_makes_it_suspect() {
    for nested in [false, true] {
        let (mut ledger, cast) = Scenario::with_cast();
        ledger.commission(&cast.acme, "2026-03-01");
        let outer = if nested { PALLET } else { CASE };
        for (hop, pair) in [&cast.acme, &cast.seoul, &cast.lisbon].windows(2).enumerate() {
            let day = |n: usize| format!("2026-03-{:02}", 10 * hop + n);
            ledger.pack(pair[0], &day(2), CASE, &[ITEM]);
            if nested {
                ledger.pack(pair[0], &day(3), PALLET, &[CASE]);
            }
            ledger.ship_of(outer, pair[0], &day(4), Some(pair[1]));
            ledger.step_of(outer, &cast.swift, &day(5), "transporting");
            ledger.receive_of(outer, pair[1], &day(6));
            if nested {
                ledger.unpack(pair[1], &day(7), PALLET, &[CASE]);
            }
            ledger.unpack(pair[1], &day(8), CASE, &[ITEM]);
            for empty in [CASE, PALLET] {
                ledger.ship_of(empty, pair[1], &day(9), Some(pair[0]));
                ledger.receive_of(empty, pair[0], &day(10));
                // And on to the next, from whom it comes again.
                ledger.ship_of(empty, pair[0], &day(10), Some(pair[1]));
                ledger.receive_of(empty, pair[1], &day(11));
            }
        }
        ledger.ship(&cast.lisbon, "2026-03-22", Some(&cast.seoul));
        ledger.receive(&cast.seoul, "2026-03-23");
        assert_eq!(ledger.verdict().word, Word::Authentic, "{:#?}", ledger.verdict());
        for taken in 0..ledger.records.len() {
            let mut ledger = ledger.clone();
            ledger.records.remove(taken);
            let verdict = ledger.verdict();
            assert!(matches!(verdict.word, Word::Authentic | Word::Incomplete), "without {taken}: {verdict:#?}");
        }
    }
}
