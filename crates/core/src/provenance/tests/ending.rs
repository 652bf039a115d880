//! The end of a product's life in the chain, and theft.

use serde_json::json;

use crate::consortium::rights;
use crate::merkle::LeafIndex;
use crate::provenance::scenario::{Actor, Cast, Scenario, rules};
use crate::provenance::{Light, Word};

fn at_seoul() -> (Scenario, Cast) {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.receive(&cast.seoul, "2026-03-05");
    (ledger, cast)
}

fn sell(ledger: &mut Scenario, actor: &Actor, when: &str) {
    ledger.say(actor, when, json!({"bizStep": "retail_selling", "disposition": "retail_sold"}));
}

#[test]
fn sold_is_a_state_and_no_suspicion() {
    let (mut ledger, cast) = at_seoul();
    sell(&mut ledger, &cast.seoul, "2026-03-06");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, verdict.light, rules(&verdict)), (Word::Ended, Light::Amber, vec!["sold"]));
    assert_eq!((verdict.state.end, verdict.state.custodian), (Some("sold"), None));
    assert_eq!(
        verdict.summary,
        "“Seoul Medical” sold it on 2026-03-06 UTC. If you bought it from them around then, this is that product; if it is offered to \
         you as new, it is not."
    );
}

#[test]
fn nothing_in_the_chain_follows_a_sale() {
    let (mut ledger, cast) = at_seoul();
    sell(&mut ledger, &cast.seoul, "2026-03-06");
    let by_another = |ledger: &Scenario| {
        let mut ledger = ledger.clone();
        ledger.receive(&cast.lisbon, "2026-03-08");
        ledger.verdict()
    };
    let verdict = by_another(&ledger);
    assert_eq!(
        (verdict.word, rules(&verdict)),
        (Word::Incomplete, vec!["custody-gap", "sold"]),
        "another may have bought it"
    );
    let leaf = ledger.ship(&cast.seoul, "2026-03-08", Some(&cast.lisbon));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Suspect, vec!["event-after-terminal", "sold"]));
    assert_eq!(verdict.reasons[0].leaves[1], leaf);
    assert_eq!(
        verdict.reasons[0].sentence,
        "“Seoul Medical” recorded it on 2026-03-08 UTC, after it was sold on 2026-03-06 UTC by “Seoul Medical”."
    );
}

#[test]
fn what_was_sold_is_repaired_recalled_and_scrapped() {
    let (mut ledger, cast) = at_seoul();
    sell(&mut ledger, &cast.seoul, "2026-03-06");
    for step in ["repairing", "inspecting", "collecting"] {
        ledger.step(&cast.lisbon, "2026-03-08", step);
    }
    assert_eq!(rules(&ledger.verdict()), ["sold"]);
    let mut others = ledger.clone();
    others.step(&cast.lisbon, "2026-03-08", "destroying");
    assert_eq!((others.verdict().state.end, rules(&others.verdict())), (Some("sold"), vec!["custody-gap", "sold"]));
    ledger.step(&cast.seoul, "2026-03-08", "destroying");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, verdict.light, rules(&verdict)), (Word::Ended, Light::Red, vec!["destroyed"]));
    assert_eq!(verdict.state.end, Some("destroyed"));
    ledger.say(&cast.acme, "2026-03-09", json!({"disposition": "recalled"}));
    assert_eq!(rules(&ledger.verdict()), ["recalled", "destroyed"]);
}

#[test]
fn what_was_sold_comes_back_when_it_is_returned() {
    let (mut ledger, cast) = at_seoul();
    sell(&mut ledger, &cast.seoul, "2026-03-06");
    bring_back(&mut ledger, &cast.seoul, "2026-03-08");
    sell(&mut ledger, &cast.seoul, "2026-03-09");
    assert_eq!(rules(&ledger.verdict()), ["sold"]);
    bring_back(&mut ledger, &cast.acme, "2026-03-10");
    assert_eq!(rules(&ledger.verdict()), [""; 0], "whoever holds the prefix takes it back too");
    ledger.ship(&cast.acme, "2026-03-11", Some(&cast.lisbon));
    ledger.receive(&cast.lisbon, "2026-03-12");
    sell(&mut ledger, &cast.lisbon, "2026-03-13");
    assert_eq!(rules(&ledger.verdict()), ["sold"]);
    sell(&mut ledger, &cast.lisbon, "2026-03-14");
    assert_eq!(rules(&ledger.verdict()), ["event-after-terminal", "sold"], "sold twice");
}

fn bring_back(ledger: &mut Scenario, actor: &Actor, when: &str) -> LeafIndex {
    ledger.say(actor, when, json!({"bizStep": "receiving", "disposition": "returned"}))
}

#[test]
fn an_empty_package_refilled_elsewhere_is_not_authentic() {
    for sale in [json!({"bizStep": "retail_selling", "disposition": "retail_sold"}), json!({"bizStep": "dispensing"})] {
        let end = if sale["bizStep"] == "dispensing" { "dispensed" } else { "sold" };
        for step in [json!("receiving"), json!("storing"), json!("shipping"), json!(null)] {
            let (mut ledger, cast) = at_seoul();
            ledger.say(&cast.seoul, "2026-03-06", sale.clone());
            let leaf = ledger.say(&cast.lisbon, "2026-03-08", json!({"bizStep": step, "disposition": "returned"}));
            let verdict = ledger.verdict();
            assert_eq!((verdict.word, rules(&verdict)), (Word::Incomplete, vec!["returned-elsewhere", end]), "{step}");
            assert!(verdict.reasons[0].leaves.contains(&leaf));
            sell(&mut ledger, &cast.lisbon, "2026-03-09");
            assert_eq!(ledger.verdict().word, Word::Incomplete, "and stays so when it is sold again");
        }
    }
    let (mut ledger, cast) = at_seoul();
    sell(&mut ledger, &cast.seoul, "2026-03-06");
    bring_back(&mut ledger, &cast.lisbon, "2026-03-08");
    assert_eq!(
        ledger.verdict().reasons[0].sentence,
        "“Lisbon Trade” recorded on 2026-03-08 UTC that it was brought back, though “Seoul Medical” had recorded it as sold on \
         2026-03-06 UTC."
    );
    bring_back(&mut ledger, &cast.seoul, "2026-03-10");
    assert_eq!(ledger.verdict().word, Word::Disputed, "the genuine one is back where it was sold");
}

#[test]
fn what_was_destroyed_does_not_come_back() {
    let (mut ledger, cast) = at_seoul();
    sell(&mut ledger, &cast.seoul, "2026-03-06");
    ledger.step(&cast.seoul, "2026-03-07", "destroying");
    bring_back(&mut ledger, &cast.seoul, "2026-03-08");
    let verdict = ledger.verdict();
    assert_eq!((rules(&verdict), verdict.state.custodian), (vec!["event-after-terminal", "destroyed"], None));
}

#[test]
fn a_stranger_does_not_make_itself_the_seller() {
    let invoice = json!({"type": "TransactionEvent", "action": "ADD", "disposition": "retail_sold",
        "bizTransactionList": [{"type": "inv", "bizTransaction": "urn:example:invoice:1"}]});
    let (mut ledger, cast) = at_seoul();
    ledger.say(&cast.lisbon, "2026-03-06", invoice.clone());
    assert_eq!(rules(&ledger.verdict()), ["custody-gap"], "what it never had it cannot sell");
    bring_back(&mut ledger, &cast.lisbon, "2026-03-07");
    assert_ne!(ledger.verdict().word, Word::Authentic);

    let (mut ledger, cast) = at_seoul();
    sell(&mut ledger, &cast.seoul, "2026-03-06");
    ledger.say(&cast.lisbon, "2026-03-06", json!({"bizStep": "dispensing", "disposition": "dispensed"}));
    bring_back(&mut ledger, &cast.lisbon, "2026-03-08");
    assert_ne!(ledger.verdict().word, Word::Authentic, "nor by selling in the same moment");

    let (mut ledger, cast) = at_seoul();
    ledger.say(&cast.seoul, "2026-03-06", invoice.clone());
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, verdict.state.end), (Word::Ended, Some("sold")), "who has it may sell it by invoice");
    let mut credit = invoice;
    credit["disposition"] = json!("returned");
    ledger.say(&cast.lisbon, "2026-03-08", credit);
    assert_eq!(ledger.verdict().state.end, Some("sold"), "a stranger's papers bring nothing back");
}

#[test]
fn every_end_is_an_end() {
    let ends = [
        (json!({"bizStep": "dispensing", "disposition": "dispensed"}), "dispensed"),
        (json!({"bizStep": "decommissioning"}), "decommissioned"),
        (json!({"action": "DELETE"}), "decommissioned"),
        (json!({"disposition": "inactive"}), "decommissioned"),
        (json!({"bizStep": "destroying"}), "destroyed"),
        (json!({"disposition": "disposed"}), "destroyed"),
    ];
    for (members, word) in ends {
        let (mut ledger, cast) = at_seoul();
        ledger.say(&cast.seoul, "2026-03-06", members);
        let light = if word == "dispensed" { Light::Amber } else { Light::Red };
        let verdict = ledger.verdict();
        assert_eq!((verdict.word, verdict.light, verdict.state.end), (Word::Ended, light, Some(word)));
        ledger.step(&cast.seoul, "2026-03-07", "storing");
        assert_eq!(rules(&ledger.verdict()), ["event-after-terminal", word]);
    }
}

#[test]
fn a_pack_of_which_a_part_was_dispensed_lives_on() {
    let (mut ledger, cast) = at_seoul();
    ledger.say(&cast.seoul, "2026-03-06", json!({"bizStep": "dispensing", "disposition": "partially_dispensed"}));
    ledger.step(&cast.seoul, "2026-03-07", "storing");
    assert_eq!(rules(&ledger.verdict()), [""; 0]);
}

#[test]
fn events_of_one_moment_are_one_occasion() {
    let (mut ledger, cast) = at_seoul();
    ledger.say(&cast.seoul, "2026-03-06", json!({"bizStep": "dispensing", "disposition": "dispensed"}));
    ledger.step(&cast.seoul, "2026-03-06", "packing");
    assert_eq!(rules(&ledger.verdict()), ["dispensed"]);
}

#[test]
fn the_holder_of_the_prefix_decommissions_from_afar() {
    let (mut ledger, cast) = at_seoul();
    ledger.say(&cast.acme, "2026-03-06", json!({"action": "DELETE", "bizStep": "decommissioning"}));
    let verdict = ledger.verdict();
    assert_eq!(rules(&verdict), ["decommissioned"]);
    let summary = "Do not trust it if it is offered to you. “Acme Pharma” took it out of use on 2026-03-06 UTC.";
    assert_eq!(verdict.summary, summary);
    ledger.step(&cast.seoul, "2026-03-07", "storing");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, verdict.light), (Word::Ended, Light::Red), "{verdict:#?}");
}

#[test]
fn reported_stolen() {
    let (mut ledger, cast) = at_seoul();
    let leaf = ledger.say(&cast.seoul, "2026-03-06", json!({"disposition": "stolen"}));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Suspect, vec!["reported-stolen"]));
    assert_eq!(verdict.reasons[0].leaves, [leaf]);
    assert_eq!(verdict.summary, "Do not trust it. “Seoul Medical” reported it stolen on 2026-03-06 UTC.");
    ledger.say(&cast.seoul, "2026-03-07", json!({"persistentDisposition": {"unset": ["stolen"]}}));
    assert_eq!(rules(&ledger.verdict()), [""; 0], "found again");
}

#[test]
fn only_who_reported_a_theft_or_holds_the_prefix_says_that_it_was_found() {
    let found = json!({"persistentDisposition": {"unset": ["stolen"]}});
    let (mut ledger, cast) = at_seoul();
    ledger.say(&cast.seoul, "2026-03-06", json!({"disposition": "stolen"}));
    for other in [&cast.lisbon, &cast.swift, &cast.other] {
        let mut ledger = ledger.clone();
        ledger.say(other, "2026-03-07", found.clone());
        let verdict = ledger.verdict();
        assert_eq!(verdict.word, Word::Suspect);
        assert!(rules(&verdict).contains(&"reported-stolen"), "{verdict:#?}");
    }
    let from_afar = json!({"persistentDisposition": {"unset": ["stolen"]}, "bizStep": "sensor_reporting",
        "readPoint": null, "bizLocation": null});
    for (at, actor) in [(0, &cast.seoul), (1, &cast.acme)] {
        let mut ledger = ledger.clone();
        ledger.say(actor, "2026-03-07", from_afar.clone());
        assert_eq!(rules(&ledger.verdict()), [""; 0], "{at}");
        ledger.say(
            actor,
            "2026-03-08",
            json!({"persistentDisposition": {"set": ["stolen"]}, "readPoint": null,
            "bizLocation": null}),
        );
        assert_eq!(rules(&ledger.verdict()), ["reported-stolen"], "{at}: stolen again");
    }
}

/// The holder of the prefix reported it; that Seoul had it does not make the report Seoul's to lift.
#[test]
fn the_custodian_does_not_lift_what_the_maker_reported() {
    let (mut ledger, cast) = at_seoul();
    ledger.say(&cast.acme, "2026-03-06", json!({"disposition": "stolen"}));
    ledger.say(&cast.seoul, "2026-03-07", json!({"persistentDisposition": {"unset": ["stolen"]}}));
    assert_eq!(rules(&ledger.verdict()), ["reported-stolen"]);
}

#[test]
fn the_one_to_whom_it_was_sent_may_report_it_stolen() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.say(&cast.seoul, "2026-03-06", json!({"disposition": "stolen"}));
    assert_eq!(rules(&ledger.verdict()), ["reported-stolen"]);
}

#[test]
fn a_theft_reported_by_a_stranger_is_a_claim() {
    let (mut ledger, cast) = at_seoul();
    ledger.say(&cast.lisbon, "2026-03-06", json!({"persistentDisposition": {"set": ["stolen"]}}));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["stolen-claimed"]));
}

#[test]
fn nobody_becomes_concerned_by_records_that_anybody_can_make() {
    let anywhere = json!({"bizStep": "inspecting", "readPoint": null, "bizLocation": null});
    let (mut ledger, cast) = at_seoul();
    ledger.say(&cast.lisbon, "2026-03-05T10:00:00Z", anywhere.clone());
    ledger.say(&cast.lisbon, "2026-03-06", json!({"disposition": "stolen"}));
    ledger.say(&cast.lisbon, "2026-03-07", anywhere);
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["stolen-claimed"]));
    ledger.ship(&cast.seoul, "2026-03-08", Some(&cast.lisbon));
    ledger.receive(&cast.lisbon, "2026-03-09");
    assert_eq!(rules(&ledger.verdict()), ["stolen-claimed"], "nor by having it later");
    ledger.say(&cast.lisbon, "2026-03-10", json!({"disposition": "stolen"}));
    assert_eq!(rules(&ledger.verdict()), ["reported-stolen", "stolen-claimed"]);
}

/// What the verdict reads as an end needs the right to the step that means it.
#[test]
fn every_end_is_outside_a_carriers_rights() {
    use crate::epcis::vocabulary::{BizStep, Disposition};
    let (ledger, cast) = at_seoul();
    let carrier = ledger.registry.participant(&cast.swift.id).unwrap().clone();
    let steps =
        BizStep::STANDARD.iter().map(|step| json!(step.as_str())).chain([json!(null), json!("urn:x:destroying")]);
    let mut seen = 0;
    for step in steps {
        for disposition in Disposition::STANDARD.iter().map(|one| json!(one.as_str())).chain([json!(null)]) {
            for action in ["OBSERVE", "DELETE"] {
                let mut ledger = ledger.clone();
                let lasting = if disposition.is_null() { json!(null) } else { json!({"set": [disposition]}) };
                for members in [
                    json!({"action": action, "bizStep": step, "disposition": disposition}),
                    json!({"action": action, "bizStep": step, "persistentDisposition": lasting}),
                ] {
                    ledger.say(&cast.seoul, "2026-03-06", members);
                    let record = ledger.records.last().unwrap();
                    let allowed = rights::check(&carrier, &record.event).is_ok();
                    let verdict = ledger.verdict();
                    assert!(!allowed || verdict.state.end.is_none(), "{action} {step} {disposition}");
                    seen += usize::from(verdict.state.end.is_some());
                    ledger.records.pop();
                }
            }
        }
    }
    assert!(seen > 1000, "{seen}");
}

#[test]
fn a_carrier_ends_nothing() {
    for members in [
        json!({"action": "DELETE"}),
        json!({"disposition": "destroyed"}),
        json!({"disposition": "retail_sold"}),
        json!({"bizStep": "urn:x:destroying", "persistentDisposition": {"set": ["disposed"]}}),
    ] {
        let (mut ledger, cast) = Scenario::with_cast();
        ledger.commission(&cast.acme, "2026-03-02");
        ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
        ledger.say(&cast.swift, "2026-03-04", members);
        let verdict = ledger.verdict();
        assert_eq!((verdict.word, verdict.state.end), (Word::Incomplete, None), "{verdict:#?}");
    }
}
