//! What holds for any history at all.

use proptest::prelude::*;
use serde_json::json;

use crate::domain::merkle::LeafIndex;
use crate::domain::provenance::scenario::{Actor, CASE, Cast, ITEM, Scenario};
use crate::domain::provenance::{RULES, Severity, Verdict, Word};

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
    (0..5_usize, 0..30_u32, 0..7_usize, 0..STEPS.len(), 0..2 * DISPOSITIONS.len(), 0..8_usize, any::<bool>())
}

fn actor(cast: &Cast, at: usize) -> &Actor {
    [&cast.acme, &cast.swift, &cast.seoul, &cast.lisbon, &cast.other][at % 5]
}

fn say(ledger: &mut Scenario, cast: &Cast, (who, hour, kind, step, disposition, to, again): Draw) {
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
            () if draws.is_empty() => Word::Unknown,
            () if has(&verdict, Severity::Recall) => Word::Recalled,
            () if has(&verdict, Severity::Fails) => Word::Suspect,
            () if has(&verdict, Severity::Gap) => Word::Incomplete,
            () => Word::Authentic,
        };
        prop_assert_eq!(verdict.word, word);
        prop_assert_eq!(verdict.timeline.len(), draws.len());
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
}
