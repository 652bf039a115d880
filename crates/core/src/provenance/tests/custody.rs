//! Custody: hand-overs, carriers, gaps and contradictions.

use serde_json::json;

use crate::provenance::scenario::{Cast, ITEM, Scenario, rules};
use crate::provenance::{Light, Word};

const NOTHING: [&str; 0] = [];

fn commissioned() -> (Scenario, Cast) {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    (ledger, cast)
}

fn at_seoul() -> (Scenario, Cast) {
    let (mut ledger, cast) = commissioned();
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.receive(&cast.seoul, "2026-03-05");
    (ledger, cast)
}

#[test]
fn goods_in_transit_are_no_gap() {
    let (mut ledger, cast) = commissioned();
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec![]));
    assert!(verdict.state.in_transit);
    assert_eq!(verdict.state.custodian, None);
    assert!(
        verdict.summary.ends_with("it is on its way from “Acme Pharma” to “Seoul Medical”."),
        "{}",
        verdict.summary
    );
}

#[test]
fn goods_that_left_the_consortium_are_no_gap() {
    let (mut ledger, cast) = commissioned();
    let outside = json!([{"type": "possessing_party", "destination": "https://id.gs1.org/417/9521999000006"}]);
    ledger.say(&cast.acme, "2026-03-03", json!({"bizStep": "shipping", "destinationList": outside}));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["left-consortium"]));
    ledger.receive(&cast.seoul, "2026-03-09");
    let verdict = ledger.verdict();
    assert_eq!(rules(&verdict), ["custody-gap", "left-consortium"], "nobody recorded how it came back");
}

#[test]
fn a_chain_of_carriers_hands_over_and_on() {
    for step in ["receiving", "accepting", "loading", "collecting"] {
        let (mut ledger, cast) = commissioned();
        let second = ledger.join("Second Freight", "carrier", &[], "952100000009");
        let both = json!([
            {"type": "possessing_party", "destination": cast.swift.party},
            {"type": "owning_party", "destination": cast.seoul.party},
        ]);
        ledger.say(&cast.acme, "2026-03-03", json!({"bizStep": "shipping", "destinationList": both}));
        ledger.step(&cast.swift, "2026-03-04", step);
        assert_eq!(ledger.verdict().state.custodian.unwrap().id, cast.swift.id);
        ledger.ship(&cast.swift, "2026-03-05", Some(&second));
        ledger.step(&second, "2026-03-06", step);
        assert_eq!(ledger.verdict().state.custodian.unwrap().id, second.id, "a named carrier names the next");
        ledger.ship(&second, "2026-03-07", Some(&cast.lisbon));
        ledger.receive(&cast.seoul, "2026-03-08");
        let verdict = ledger.verdict();
        assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec![]), "{verdict:#?}");
        assert_eq!(verdict.state.custodian.unwrap().id, cast.seoul.id);
    }
}

#[test]
fn carriers_that_nobody_named_carry_it_aside() {
    let (mut ledger, cast) = commissioned();
    let second = ledger.join("Second Freight", "carrier", &[], "952100000009");
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.step(&cast.swift, "2026-03-04", "receiving");
    ledger.ship(&cast.swift, "2026-03-05", Some(&second));
    let verdict = ledger.verdict();
    assert_eq!((rules(&verdict), verdict.state.custodian), (vec!["unnamed-carrier"], None));
    ledger.receive(&second, "2026-03-06");
    ledger.say(&second, "2026-03-06", json!({"disposition": "stolen"}));
    ledger.receive(&cast.seoul, "2026-03-08");
    let verdict = ledger.verdict();
    assert_eq!(rules(&verdict), ["unnamed-carrier", "unnamed-carrier", "stolen-claimed"]);
    assert_eq!((verdict.word, verdict.state.custodian.unwrap().id), (Word::Authentic, cast.seoul.id));
}

#[test]
fn a_carrier_observes_on_the_way() {
    let (mut ledger, cast) = commissioned();
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    for (day, step) in
        ["departing", "transporting", "arriving", "unloading", "inspecting", "storing"].iter().enumerate()
    {
        ledger.step(&cast.swift, &format!("2026-03-{:02}", day + 4), step);
    }
    ledger.receive(&cast.seoul, "2026-03-20");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["unnamed-carrier"]));
}

#[test]
fn a_carrier_at_the_door_may_record_before_its_customer_does() {
    let (mut ledger, cast) = commissioned();
    let at_acme = json!({"bizStep": "accepting", "readPoint": {"id": cast.acme.place}, "bizLocation": null});
    ledger.say(&cast.swift, "2026-03-03T10:00:00Z", at_acme);
    ledger.step(&cast.acme, "2026-03-03T10:05:00Z", "staging_outbound");
    ledger.ship(&cast.acme, "2026-03-03T10:10:00Z", Some(&cast.seoul));
    ledger.receive(&cast.seoul, "2026-03-05");
    assert_eq!(rules(&ledger.verdict()), ["unnamed-carrier"]);
}

#[test]
fn a_carrier_that_took_it_away_unrecorded_is_a_gap() {
    let (mut ledger, cast) = commissioned();
    ledger.step(&cast.swift, "2026-03-03", "transporting");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Incomplete, vec!["custody-gap"]));
    assert_eq!(
        verdict.reasons[0].sentence,
        "No record says how it came to “Swift Freight”, who recorded it on 2026-03-03 UTC: “Acme Pharma” had it, last seen there on 2026-03-02 UTC, \
         and recorded no hand-over."
    );
    ledger.step(&cast.acme, "2026-03-04", "storing");
    assert_eq!(rules(&ledger.verdict()), ["claimed"], "the sender still has it");
}

#[test]
fn the_announced_destination_takes_over_with_whatever_step() {
    for step in ["arriving", "unloading", "storing", "shipping"] {
        let (mut ledger, cast) = commissioned();
        ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
        ledger.step(&cast.seoul, "2026-03-05", step);
        assert_eq!(rules(&ledger.verdict()), NOTHING, "{step}");
    }
}

#[test]
fn anyone_may_receive_what_was_announced_to_nobody() {
    let (mut ledger, cast) = commissioned();
    ledger.ship(&cast.acme, "2026-03-03", None);
    let leaf = ledger.receive(&cast.lisbon, "2026-03-05");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["unannounced"]));
    let note = verdict.reasons.iter().find(|reason| reason.rule == "unannounced").unwrap();
    assert_eq!(note.leaves, [leaf]);
    assert_eq!(
        note.sentence,
        "“Lisbon Trade” recorded taking it over on 2026-03-05 UTC; “Acme Pharma”, which had let it go, had named nobody."
    );
    ledger.receive(&cast.seoul, "2026-03-06");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Disputed, vec!["claimed", "unannounced"]), "a second receiver");
    ledger.step(&cast.lisbon, "2026-03-07", "storing");
    assert_eq!(ledger.verdict().word, Word::Disputed, "and the first still has it");
}

#[test]
fn received_by_another() {
    let (mut ledger, cast) = commissioned();
    let shipped = ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    let received = ledger.receive(&cast.lisbon, "2026-03-05");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Incomplete, vec!["custody-gap"]), "Seoul may have sent it on");
    assert_eq!(verdict.reasons[0].leaves, [shipped, received]);
    assert_eq!(
        verdict.reasons[0].sentence,
        "No record says how it came to “Lisbon Trade”, who recorded it on 2026-03-05 UTC: “Acme Pharma” had sent it to “Seoul Medical” on \
         2026-03-03 UTC."
    );
    ledger.receive(&cast.seoul, "2026-03-06");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Disputed, vec!["claimed"]));
    assert_eq!(
        verdict.summary,
        "By its own records it was with “Seoul Medical” at GLN 9521000000025 on 2026-03-06 UTC. “Lisbon Trade” says it had a product with \
         this number at GLN 9521000000032 on 2026-03-05 UTC, and has no part in its journey. If yours did not come from “Seoul \
         Medical”, do not trust it."
    );
}

#[test]
fn a_carrier_cannot_divert_it() {
    let (mut ledger, cast) = commissioned();
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.receive(&cast.swift, "2026-03-04");
    ledger.ship(&cast.swift, "2026-03-05", Some(&cast.lisbon));
    ledger.receive(&cast.lisbon, "2026-03-06");
    assert_eq!(rules(&ledger.verdict()), ["custody-gap", "unnamed-carrier"]);
    ledger.receive(&cast.seoul, "2026-03-07");
    assert_eq!(rules(&ledger.verdict()), ["claimed", "unnamed-carrier"]);
}

#[test]
fn receiving_what_nobody_sent_is_a_gap() {
    let (mut ledger, cast) = at_seoul();
    let leaf = ledger.receive(&cast.lisbon, "2026-03-09");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Incomplete, vec!["custody-gap"]));
    assert!(verdict.reasons[0].leaves.contains(&leaf));
    assert_eq!(
        verdict.reasons[0].sentence,
        "No record says how it came to “Lisbon Trade”, who recorded it on 2026-03-09 UTC: “Seoul Medical” had it, last seen \
         there on 2026-03-05 UTC, and recorded no hand-over."
    );
}

#[test]
fn two_custodians_at_once() {
    for step in ["receiving", "storing", "stocking"] {
        let (mut ledger, cast) = at_seoul();
        let claim = ledger.step(&cast.lisbon, "2026-03-06", step);
        ledger.step(&cast.seoul, "2026-03-07", "storing");
        let verdict = ledger.verdict();
        assert_eq!((verdict.word, verdict.light, rules(&verdict)), (Word::Disputed, Light::Amber, vec!["claimed"]));
        assert_eq!(verdict.reasons[0].leaves, [claim]);
        assert_eq!(verdict.state.custodian.unwrap().id, cast.seoul.id);
    }
}

#[test]
fn a_copy_that_surfaces_while_the_genuine_one_travels() {
    let (mut ledger, cast) = commissioned();
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.step(&cast.lisbon, "2026-03-04", "stocking");
    assert_eq!(rules(&ledger.verdict()), ["custody-gap"]);
    ledger.receive(&cast.seoul, "2026-03-05");
    assert_eq!(rules(&ledger.verdict()), ["claimed"]);
}

#[test]
fn sent_back_the_recorded_way_is_no_contradiction() {
    let (mut ledger, cast) = at_seoul();
    ledger.receive(&cast.lisbon, "2026-03-06");
    ledger.ship(&cast.lisbon, "2026-03-07", Some(&cast.seoul));
    ledger.receive(&cast.seoul, "2026-03-08");
    assert_eq!(rules(&ledger.verdict()), ["custody-gap"], "one record is missing, and only that");
}

#[test]
fn shipped_by_one_that_does_not_have_it() {
    let (mut ledger, cast) = at_seoul();
    let leaf = ledger.ship(&cast.lisbon, "2026-03-06", None);
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Incomplete, vec!["custody-gap"]));
    assert!(verdict.reasons[0].leaves.contains(&leaf));
    assert_eq!(verdict.state.custodian.unwrap().id, cast.seoul.id, "and Seoul still has it");
    assert_eq!(verdict.state.location, Some(cast.seoul.place));
}

#[test]
fn shipped_twice() {
    let (mut ledger, cast) = commissioned();
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.step(&cast.acme, "2026-03-03T10:00:00Z", "departing");
    ledger.ship(&cast.acme, "2026-03-04", Some(&cast.seoul));
    assert_eq!(rules(&ledger.verdict()), NOTHING, "told again");
    ledger.ship(&cast.acme, "2026-03-05", Some(&cast.lisbon));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Suspect, vec!["shipped-twice"]));
    assert_eq!(
        verdict.reasons[0].sentence,
        "“Acme Pharma” sent it off again on 2026-03-05 UTC, to another destination: “Acme Pharma” had sent it to “Seoul \
         Medical” on 2026-03-03 UTC."
    );
}

#[test]
fn what_could_not_be_delivered_goes_back() {
    let (mut ledger, cast) = commissioned();
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.receive(&cast.acme, "2026-03-05");
    ledger.ship(&cast.acme, "2026-03-06", Some(&cast.lisbon));
    ledger.receive(&cast.lisbon, "2026-03-08");
    assert_eq!(rules(&ledger.verdict()), NOTHING);
}

#[test]
fn void_shipping_takes_back_the_latest_shipping_of_its_signer() {
    let (mut ledger, cast) = commissioned();
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.step(&cast.acme, "2026-03-04", "void_shipping");
    let verdict = ledger.verdict();
    assert_eq!((rules(&verdict), verdict.state.in_transit), (vec![], false));
    assert_eq!(verdict.state.custodian.unwrap().id, cast.acme.id);
    ledger.ship(&cast.acme, "2026-03-05", Some(&cast.lisbon));
    ledger.receive(&cast.lisbon, "2026-03-06");
    assert_eq!(rules(&ledger.verdict()), NOTHING);
    ledger.receive(&cast.seoul, "2026-03-07");
    assert_eq!(rules(&ledger.verdict()), ["custody-gap"], "what was never shipped cannot be received");
}

#[test]
fn void_shipping_without_a_shipping_changes_nothing() {
    let (mut ledger, cast) = at_seoul();
    ledger.step(&cast.lisbon, "2026-03-06", "void_shipping");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["void-without-shipping"]));
}

#[test]
fn visitors_and_sensors_are_no_custodians() {
    let (mut ledger, cast) = at_seoul();
    let at_seoul = json!({"bizStep": "inspecting", "readPoint": {"id": cast.seoul.place}, "bizLocation": null});
    ledger.say(&cast.lisbon, "2026-03-06", at_seoul);
    ledger.step(&cast.lisbon, "2026-03-07", "sensor_reporting");
    ledger.say(&cast.lisbon, "2026-03-07", json!({"bizStep": "inspecting", "readPoint": null, "bizLocation": null}));
    ledger.say_only(
        &cast.lisbon,
        "2026-03-07",
        json!({
            "type": "TransactionEvent", "action": "ADD", "epcList": [ITEM],
            "bizTransactionList": [{"type": "inv", "bizTransaction": "urn:example:invoice:1"}],
        }),
    );
    ledger.step(&cast.seoul, "2026-03-08", "storing");
    assert_eq!(rules(&ledger.verdict()), NOTHING);
}

#[test]
fn the_order_is_that_of_event_times_not_of_the_ledger() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.receive(&cast.seoul, "2026-03-05");
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.commission(&cast.acme, "2026-03-02");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["late", "late"]));
    let steps: Vec<_> = verdict.timeline.iter().map(|step| step.biz_step.clone().unwrap()).collect();
    assert_eq!(steps, ["commissioning", "shipping", "receiving"]);
}

/// A carrier says by itself that it took the product away, and names its accomplice as the destination.
#[test]
fn the_word_of_a_carrier_and_its_destination_does_not_stand_in_for_the_senders() {
    let (mut ledger, cast) = commissioned();
    ledger.ship(&cast.swift, "2026-03-03", Some(&cast.lisbon));
    let received = ledger.receive(&cast.lisbon, "2026-03-05");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Incomplete, vec!["custody-gap"]), "{verdict:#?}");
    assert!(verdict.reasons[0].leaves.contains(&received));
    assert_eq!(
        verdict.reasons[0].sentence,
        "No record says how it came to “Lisbon Trade”, who recorded it on 2026-03-05 UTC: “Acme Pharma” had it, last seen there on 2026-03-02 UTC, \
         and recorded no hand-over."
    );

    let (mut ledger, cast) = commissioned();
    ledger.ship(&cast.swift, "2026-03-03T08:30:00Z", Some(&cast.lisbon));
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.lisbon));
    ledger.receive(&cast.lisbon, "2026-03-05");
    assert_eq!(rules(&ledger.verdict()), ["unnamed-carrier"], "the sender's own word came a little later");
}

#[test]
fn a_carrier_that_is_the_destination_carries_it() {
    for step in ["receiving", "arriving", "storing"] {
        let (mut ledger, cast) = commissioned();
        ledger.ship(&cast.acme, "2026-03-03", Some(&cast.swift));
        ledger.step(&cast.swift, "2026-03-05", step);
        let verdict = ledger.verdict();
        assert_eq!((rules(&verdict), verdict.state.in_transit), (vec![], true), "{step}");
        assert_eq!(verdict.state.custodian.unwrap().id, cast.swift.id, "{step}");
        ledger.receive(&cast.lisbon, "2026-03-07");
        assert_eq!(rules(&ledger.verdict()), ["unannounced"], "{step}: to whom it was to bring it, nobody said");
    }
}

#[test]
fn a_carrier_that_is_one_destination_of_several_carries_for_the_others() {
    let (mut ledger, cast) = commissioned();
    let both = json!([
        {"type": "possessing_party", "destination": cast.swift.party},
        {"type": "owning_party", "destination": cast.seoul.party},
    ]);
    ledger.say(&cast.acme, "2026-03-03", json!({"bizStep": "shipping", "destinationList": both}));
    ledger.step(&cast.swift, "2026-03-04", "receiving");
    assert!(ledger.verdict().state.in_transit);
    ledger.receive(&cast.seoul, "2026-03-05");
    assert_eq!(rules(&ledger.verdict()), NOTHING);
}

#[test]
fn a_stolen_key_takes_no_shipping_back() {
    let (mut ledger, cast) = commissioned();
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    ledger.step(&cast.acme, "2026-03-06", "void_shipping");
    let mut unharmed = ledger.clone();
    ledger.revoke(&cast.acme, "2026-03-20", Some("2026-03-05"));
    let verdict = ledger.verdict();
    assert!(verdict.state.in_transit, "{verdict:#?}");
    ledger.receive(&cast.seoul, "2026-03-07");
    let verdict = ledger.verdict();
    assert_eq!(rules(&verdict), ["signed-after-compromise", "void-without-shipping"], "{verdict:#?}");
    assert_eq!(verdict.state.custodian.unwrap().id, cast.seoul.id);
    unharmed.receive(&cast.seoul, "2026-03-07");
    assert_eq!(rules(&unharmed.verdict()), ["custody-gap"], "with the key in its own hands it does");
}

#[test]
fn a_withdrawn_void_takes_no_shipping_back_and_a_withdrawn_shipping_is_not_what_a_void_means() {
    let declared = |members: &serde_json::Value| {
        let mut members = members.clone();
        members["errorDeclaration"] = json!({"declarationTime": "2026-03-10T00:00:00Z"});
        members
    };
    let (mut ledger, cast) = commissioned();
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    let void = json!({"eventID": "urn:uuid:1", "bizStep": "void_shipping"});
    ledger.say(&cast.acme, "2026-03-04", void.clone());
    assert!(!ledger.verdict().state.in_transit);
    ledger.say(&cast.acme, "2026-03-04", declared(&void));
    assert!(ledger.verdict().state.in_transit);

    let (mut ledger, cast) = commissioned();
    ledger.ship(&cast.acme, "2026-03-03", Some(&cast.seoul));
    let again = json!({"eventID": "urn:uuid:1", "bizStep": "shipping"});
    ledger.say(&cast.acme, "2026-03-04", again.clone());
    ledger.say(&cast.acme, "2026-03-04", declared(&again));
    ledger.step(&cast.acme, "2026-03-05", "void_shipping");
    let verdict = ledger.verdict();
    assert_eq!((rules(&verdict), verdict.state.in_transit), (vec!["corrected"], false));
}
