//! Origin: commissioned once, with authority, nothing before.

use serde_json::{Value, json};

use crate::provenance::scenario::{CASE, ITEM, Scenario, rules};
use crate::provenance::{Light, Word};

#[test]
fn commissioned_twice() {
    let (mut ledger, cast) = Scenario::with_cast();
    let later = ledger.commission(&cast.acme, "2026-03-09");
    let first = ledger.commission(&cast.acme, "2026-03-02");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Suspect, vec!["commissioned-twice"]));
    assert_eq!(verdict.reasons[0].leaves, [later, first]);
    assert_eq!(
        verdict.reasons[0].sentence,
        "Commissioned twice: by “Acme Pharma” on 2026-03-02 UTC and again by “Acme Pharma” on 2026-03-09 UTC."
    );
}

#[test]
fn commissioned_three_times_by_two() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.other, "2026-03-01");
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.commission(&cast.acme, "2026-03-09");
    let verdict = ledger.verdict();
    let twice = verdict.reasons.iter().find(|reason| reason.rule == "commissioned-twice").unwrap();
    assert_eq!(
        twice.sentence,
        "Commissioned 3 times: by “Other Works” on 2026-03-01 UTC, by “Acme Pharma” on 2026-03-02 UTC, by “Acme Pharma” on \
         2026-03-09 UTC."
    );
    assert!(!rules(&verdict).contains(&"signer-outside-rights"), "one rule for one fault: {verdict:#?}");
}

#[test]
fn commissioned_without_authority() {
    let (mut ledger, cast) = Scenario::with_cast();
    let leaf = ledger.commission(&cast.other, "2026-03-02");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Suspect, vec!["commissioned-without-authority"]));
    assert_eq!(verdict.reasons[0].leaves, [leaf]);
    assert_eq!(
        verdict.reasons[0].sentence,
        "Commissioned by “Other Works” on 2026-03-02 UTC, though its number belongs to “Acme Pharma”."
    );
}

#[test]
fn authority_is_that_of_the_place_in_the_ledger() {
    let mut ledger = Scenario::new();
    let early = ledger.join("Early Works", "manufacturer", &["9521567"], "952156700001");
    ledger.commission(&early, "2026-03-02");
    ledger.join("Acme Pharma", "manufacturer", &["9506000"], "950600099001");
    let verdict = ledger.verdict();
    assert_eq!(
        verdict.reasons[0].sentence,
        "Commissioned by “Early Works” on 2026-03-02 UTC, though its number belonged to nobody registered here."
    );
}

#[test]
fn what_was_commissioned_before_a_revocation_stays_genuine() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.revoke(&cast.acme, "2026-04-01", None);
    assert_eq!(ledger.verdict().word, Word::Authentic);
}

#[test]
fn no_origin_is_a_gap() {
    let (mut ledger, cast) = Scenario::with_cast();
    let leaf = ledger.receive(&cast.seoul, "2026-03-05");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Incomplete, vec!["no-origin"]));
    assert_eq!(verdict.reasons[0].leaves, [leaf]);
    assert_eq!(
        verdict.reasons[0].sentence,
        "Nobody recorded making it: the first to record it was “Seoul Medical” on 2026-03-05 UTC."
    );
}

#[test]
fn what_was_withdrawn_altogether_has_no_origin() {
    let (mut ledger, cast) = Scenario::with_cast();
    let event = json!({"eventID": "urn:uuid:1", "action": "ADD", "bizStep": "commissioning"});
    ledger.say(&cast.acme, "2026-03-02", event.clone());
    let mut declared = event;
    declared["errorDeclaration"] = json!({"declarationTime": "2026-03-10T00:00:00Z"});
    ledger.say(&cast.acme, "2026-03-02", declared);
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Incomplete, vec!["no-origin", "corrected"]));
}

#[test]
fn an_output_of_a_transformation_is_an_origin() {
    let (mut ledger, cast) = Scenario::with_cast();
    let output = |id: &str| {
        json!({
            "type": "TransformationEvent", "transformationID": id, "outputEPCList": [ITEM],
            "inputQuantityList": [{"epcClass": "https://id.gs1.org/01/09506000149301/10/A"}],
        })
    };
    ledger.say_only(&cast.acme, "2026-03-02", output("urn:example:t1"));
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec![]), "{verdict:#?}");
    let mut again = output("urn:example:t1");
    again["bizStep"] = json!("assembling");
    ledger.say_only(&cast.acme, "2026-03-02", again);
    assert_eq!(rules(&ledger.verdict()), [""; 0], "one transformation told in two events");
    ledger.commission(&cast.acme, "2026-03-02");
    assert_eq!(rules(&ledger.verdict()), [""; 0], "its maker also commissions it");
    ledger.say_only(&cast.acme, "2026-03-04", output("urn:example:t2"));
    let verdict = ledger.verdict();
    assert_eq!(rules(&verdict), ["commissioned-twice"]);
    assert!(verdict.reasons[0].sentence.starts_with("Brought into being twice: by “Acme"), "{verdict:#?}");
}

#[test]
fn commissioned_twice_after_it_was_made() {
    let (mut ledger, cast) = Scenario::with_cast();
    let input = "https://id.gs1.org/01/09521567000018/21/I1";
    let made = ledger.make(&cast.acme, "2026-03-02", &[input], &[ITEM], json!({}));
    ledger.commission(&cast.acme, "2026-03-02T10:00:00Z");
    assert_eq!(rules(&ledger.verdict()), [""; 0], "its maker commissions what it made");
    let second = ledger.commission(&cast.acme, "2026-03-09");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Suspect, vec!["commissioned-twice"]));
    assert_eq!(verdict.reasons[0].leaves, [made, second]);
}

#[test]
fn a_policy_names_further_origins() {
    let (mut ledger, cast) = Scenario::with_cast();
    let step = "urn:gdst:bizstep:fishingEvent";
    ledger.step(&cast.acme, "2026-03-02", step);
    ledger.say(&cast.acme, "2026-03-03", json!({"bizStep": step, "disposition": "active"}));
    assert_eq!(rules(&ledger.verdict()), ["no-origin"]);
    ledger.policy.origin_steps.push(step.to_owned());
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec![]));
}

#[test]
fn what_goes_into_a_harvest_does_not_begin_with_it() {
    let (mut ledger, cast) = Scenario::with_cast();
    let (fry, fish) = (ITEM, "https://id.gs1.org/01/09521567000018/21/F1");
    let harvest = json!({"bizStep": "urn:gdst:bizStep:farmHarvest"});
    let leaf = ledger.make(&cast.other, "2026-03-02", &[fry], &[fish], harvest);
    let verdict = ledger.verdict_of(fry);
    assert_eq!((verdict.word, rules(&verdict)), (Word::Incomplete, vec!["no-origin", "used-up"]));
    assert_eq!(verdict.reasons[0].leaves, [leaf]);
    assert_eq!(ledger.verdict_of(fish).word, Word::Authentic);
    // Nor does a crate into which a catch is packed.
    ledger.say(
        &cast.seoul,
        "2026-03-02",
        json!({
            "type": "AggregationEvent", "action": "ADD", "epcList": null, "parentID": CASE, "childEPCs": [fish],
            "bizStep": "urn:gdst:bizStep:fishingEvent",
        }),
    );
    assert_eq!(rules(&ledger.verdict_of(CASE)), ["no-origin", "load"]);
}

#[test]
fn nothing_comes_before_commissioning() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.step(&cast.acme, "2026-03-01", "encoding");
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.step(&cast.acme, "2026-03-02", "inspecting");
    assert_eq!(rules(&ledger.verdict()), [""; 0], "codes are printed before, and equal times are fine");
    ledger.step(&cast.acme, "2026-03-02T08:59:59Z", "inspecting");
    assert_eq!(rules(&ledger.verdict()), [""; 0], "nor do clocks agree to the second");
    let early = ledger.step(&cast.lisbon, "2026-03-01", "inspecting");
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Disputed, vec!["claimed"]));
    assert_eq!(verdict.reasons[0].leaves, [early]);
}

const LOT: &str = "https://id.gs1.org/01/09506000134352/10/L7";

fn of_lot(members: Value) -> Value {
    let mut all = json!({"epcList": null, "quantityList": [{"epcClass": LOT, "quantity": 10}]});
    for (name, value) in members.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

fn in_favour(ledger: &Scenario, id: &str) -> Vec<(usize, String)> {
    let reasons = ledger.verdict_of(id).reasons.into_iter();
    let holds = reasons.filter(|reason| reason.rule == "commissioned-by-prefix-holder");
    holds.map(|reason| (reason.leaves.len(), reason.sentence)).collect()
}

#[test]
fn a_lot_is_brought_into_being_in_any_number_of_events() {
    let (mut ledger, cast) = Scenario::with_cast();
    for (times, said) in [(1, ""), (2, " and once more since"), (3, " and 2 times more since")] {
        ledger.say(
            &cast.acme,
            &format!("2026-03-0{times}"),
            of_lot(json!({"action": "ADD", "bizStep": "commissioning"})),
        );
        let sentence = format!("Commissioned on 2026-03-01 UTC{said} by “Acme Pharma”, to which its number belongs.");
        assert_eq!(in_favour(&ledger, LOT), [(times, sentence)]);
        assert_eq!(rules(&ledger.verdict_of(LOT)), ["shared-number"]);
    }
    // Pieces of it are wherever they were sold: that is no contradiction.
    ledger.say(&cast.seoul, "2026-03-04", of_lot(json!({"bizStep": "receiving"})));
    ledger.say(&cast.lisbon, "2026-03-04", of_lot(json!({"bizStep": "receiving"})));
    ledger.say(&cast.seoul, "2026-03-05", of_lot(json!({"bizStep": "retail_selling"})));
    ledger.say(&cast.lisbon, "2026-03-06", of_lot(json!({"bizStep": "storing"})));
    let verdict = ledger.verdict_of(LOT);
    assert_eq!((verdict.word, verdict.light), (Word::Traced, Light::Grey));
    assert_eq!(rules(&verdict), ["shared-number", "lot-claimed", "lot-claimed"], "{verdict:#?}");
}

#[test]
fn a_lot_of_somebody_elses_is_commissioned_without_authority() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.say(&cast.acme, "2026-03-02", of_lot(json!({"action": "ADD", "bizStep": "commissioning"})));
    let leaf = ledger.say(&cast.other, "2026-03-03", of_lot(json!({"action": "ADD", "bizStep": "commissioning"})));
    let verdict = ledger.verdict_of(LOT);
    assert_eq!(verdict.word, Word::Suspect);
    assert_eq!(rules(&verdict), ["commissioned-without-authority", "shared-number"]);
    assert_eq!(verdict.reasons[0].leaves, [leaf]);
    assert_eq!(in_favour(&ledger, LOT), []);
}

#[test]
fn a_lot_that_nobody_made_has_no_origin_once_somebody_has_it() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.recall(&cast.acme, "2026-03-02", &[], &[LOT]);
    ledger.say(&cast.seoul, "2026-03-02", of_lot(json!({"bizStep": "reserving"})));
    assert_eq!(
        rules(&ledger.verdict_of(LOT)),
        ["recalled", "no-origin", "shared-number"],
        "its pieces may each have an origin"
    );
    let (mut ledger, cast) = Scenario::with_cast();
    let leaf = ledger.say(&cast.seoul, "2026-03-03", of_lot(json!({"bizStep": "receiving"})));
    let verdict = ledger.verdict_of(LOT);
    assert_eq!((verdict.word, rules(&verdict)), (Word::Incomplete, vec!["no-origin", "shared-number"]));
    assert_eq!(verdict.reasons[0].leaves, [leaf]);
    assert_eq!(
        verdict.reasons[0].sentence,
        "No record of this lot says where it comes from: the first to record it was “Seoul Medical” on 2026-03-03 UTC."
    );
    let class = ledger.verdict_of("https://id.gs1.org/01/09506000134352");
    assert_eq!(rules(&class), ["no-origin", "shared-number"], "a class");
}
