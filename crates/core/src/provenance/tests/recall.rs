//! Recalls of the product's lot, its class and what it was made from.

use serde_json::{Value, json};

use crate::provenance::Word;
use crate::provenance::scenario::{Actor, Cast, ITEM, Scenario, rules, time};

const LOT: &str = "https://id.gs1.org/01/09506000134352/10/L7";
const CLASS: &str = "https://id.gs1.org/01/09506000134352";
const INPUT: &str = "https://id.gs1.org/01/09521567000018/21/I1";
const INPUT_LOT: &str = "https://id.gs1.org/01/09521567000018/10/IL";
const INPUT_CLASS: &str = "https://id.gs1.org/01/09521567000018";
const DEEPER: &str = "https://id.gs1.org/01/09521567000025/21/D1";

fn of_lot(number: &str) -> Value {
    json!({"action": "ADD", "bizStep": "commissioning", "ilmd": {"cbvmda:lotNumber": number}})
}

fn with_lot() -> (Scenario, Cast) {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.say(&cast.acme, "2026-03-02", of_lot("L7"));
    (ledger, cast)
}

/// Made by Acme of an input that Other made of another one.
fn made() -> (Scenario, Cast) {
    let (mut ledger, cast) = Scenario::with_cast();
    let mut members = of_lot("IL");
    members["epcList"] = json!([DEEPER]);
    members["ilmd"] = json!(null);
    ledger.say(&cast.other, "2026-03-01", members);
    let lot = json!({"ilmd": {"cbvmda:lotNumber": "IL"}});
    ledger.make(&cast.other, "2026-03-02", &[DEEPER], &[INPUT], lot);
    ledger.make(&cast.acme, "2026-03-03", &[INPUT], &[ITEM], json!({}));
    assert_eq!(ledger.verdict().word, Word::Authentic, "{:#?}", ledger.verdict());
    (ledger, cast)
}

#[test]
fn a_recall_of_the_lot_or_the_class_recalls_the_item() {
    for (id, name) in [(LOT, "its lot (01)09506000134352(10)L7"), (CLASS, "all of its kind")] {
        let (mut ledger, cast) = with_lot();
        let leaf = ledger.recall(&cast.acme, "2026-03-05", &[], &[id]);
        let verdict = ledger.verdict();
        assert_eq!((verdict.word, rules(&verdict)), (Word::Recalled, vec!["recalled"]));
        assert_eq!(verdict.reasons[0].leaves, [leaf]);
        assert_eq!(
            verdict.reasons[0].sentence,
            format!("“Acme Pharma”, to which its number belongs, recalled {name} on 2026-03-05 UTC.")
        );
        ledger.lift(&cast.acme, "2026-03-06", &[], &[id]);
        let verdict = ledger.verdict();
        assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["recall-lifted"]));
    }
}

#[test]
fn each_id_is_recalled_and_lifted_for_itself() {
    let (mut ledger, cast) = with_lot();
    ledger.recall(&cast.acme, "2026-03-05", &[ITEM], &[LOT]);
    ledger.lift(&cast.acme, "2026-03-06", &[ITEM], &[]);
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Recalled, vec!["recalled", "recall-lifted"]));
}

#[test]
fn other_lots_other_items_and_other_kinds_do_not_matter() {
    let (mut ledger, cast) = with_lot();
    let others = ["https://id.gs1.org/01/09506000134352/10/L8", INPUT_CLASS];
    ledger.recall(&cast.acme, "2026-03-05", &["https://id.gs1.org/01/09506000134352/21/S2"], &others);
    assert_eq!(rules(&ledger.verdict()), [""; 0]);
    ledger.say(&cast.lisbon, "2026-03-06", of_lot("L8"));
    assert!(!rules(&ledger.verdict()).contains(&"recalled"), "a stranger does not say of which lot it is");
}

#[test]
fn somebody_elses_recall_of_the_lot_is_a_claim() {
    let (mut ledger, cast) = with_lot();
    ledger.recall(&cast.seoul, "2026-03-05", &[], &[LOT]);
    ledger.lift(&cast.seoul, "2026-03-06", &[], &[LOT]);
    let verdict = ledger.verdict();
    assert_eq!((verdict.word, rules(&verdict)), (Word::Authentic, vec!["recall-claimed"]));
    let claim = verdict.reasons.iter().find(|reason| reason.rule == "recall-claimed").unwrap();
    assert_eq!(
        claim.sentence,
        "“Seoul Medical” marked its lot (01)09506000134352(10)L7 as recalled on 2026-03-05 UTC; only “Acme Pharma” could recall \
         it."
    );
    ledger.recall(&cast.acme, "2026-03-07", &[], &[LOT]);
    ledger.lift(&cast.seoul, "2026-03-08", &[], &[LOT]);
    assert_eq!(ledger.verdict().word, Word::Recalled);
}

#[test]
fn a_key_in_other_hands_takes_no_recall_back() {
    let (mut ledger, cast) = with_lot();
    ledger.recall(&cast.acme, "2026-03-05", &[], &[LOT]);
    ledger.lift(&cast.acme, "2026-03-07", &[], &[LOT]);
    ledger.revoke(&cast.acme, "2026-03-09", Some("2026-03-06"));
    assert_eq!(ledger.verdict().word, Word::Recalled);
}

#[test]
fn nor_does_it_withdraw_one() {
    let (mut ledger, cast) = with_lot();
    let recall = json!({"eventID": "urn:uuid:1", "epcList": null, "quantityList": [{"epcClass": LOT}],
        "disposition": "recalled"});
    ledger.say(&cast.acme, "2026-03-05", recall.clone());
    let mut declared = recall;
    declared["errorDeclaration"] = json!({"declarationTime": "2026-03-10T00:00:00Z"});
    ledger.say(&cast.acme, "2026-03-05", declared);
    let record = ledger.records.last_mut().unwrap();
    (record.signed_at, record.place.time) = (time("2026-03-11"), time("2026-03-11"));
    assert_eq!(ledger.verdict().word, Word::Authentic);
    ledger.revoke(&cast.acme, "2026-03-12", Some("2026-03-06"));
    assert_eq!(ledger.verdict().word, Word::Recalled);
}

#[test]
fn what_was_withdrawn_recalls_nothing() {
    let (mut ledger, cast) = with_lot();
    let recall = json!({"eventID": "urn:uuid:1", "epcList": null, "quantityList": [{"epcClass": LOT}],
        "disposition": "recalled"});
    ledger.say(&cast.acme, "2026-03-05", recall.clone());
    assert_eq!(ledger.verdict().word, Word::Recalled);
    let mut declared = recall;
    declared["errorDeclaration"] = json!({"declarationTime": "2026-03-10T00:00:00Z"});
    ledger.say(&cast.acme, "2026-03-05", declared);
    assert_eq!(ledger.verdict().word, Word::Authentic);
}

#[test]
fn a_lot_is_recalled_by_its_class() {
    let (mut ledger, cast) = with_lot();
    let lot =
        json!({"action": "ADD", "epcList": null, "quantityList": [{"epcClass": LOT}], "bizStep": "commissioning"});
    ledger.say(&cast.acme, "2026-03-02", lot);
    assert_eq!(ledger.verdict_of(LOT).word, Word::Traced);
    ledger.recall(&cast.acme, "2026-03-05", &[], &[CLASS]);
    for id in [LOT, CLASS] {
        let verdict = ledger.verdict_of(id);
        assert_eq!((verdict.word, rules(&verdict)[0]), (Word::Recalled, "recalled"), "{id}");
        assert!(rules(&verdict).contains(&"shared-number"), "{id}");
    }
}

#[test]
fn what_was_made_from_a_recalled_input_is_recalled() {
    for (ids, classes) in [(vec![INPUT], vec![]), (vec![], vec![INPUT_LOT]), (vec![], vec![INPUT_CLASS])] {
        let (mut ledger, cast) = made();
        let transformation = ledger.records.last().unwrap().place.leaf;
        let leaf = ledger.recall(&cast.other, "2026-03-05", &ids, &classes);
        let verdict = ledger.verdict();
        assert_eq!((verdict.word, rules(&verdict)), (Word::Recalled, vec!["recalled-input"]));
        assert_eq!(verdict.reasons[0].leaves, [transformation, leaf]);
        ledger.lift(&cast.other, "2026-03-06", &ids, &classes);
        assert_eq!(rules(&ledger.verdict()), [""; 0]);
    }
    let (mut ledger, cast) = made();
    ledger.recall(&cast.other, "2026-03-05", &[], &[INPUT_LOT]);
    assert_eq!(
        ledger.verdict().reasons[0].sentence,
        "It was made from (01)09521567000018(21)I1, and “Other Works”, to which that number belongs, recalled its lot \
         (01)09521567000018(10)IL on 2026-03-05 UTC."
    );
}

#[test]
fn through_any_number_of_transformations() {
    let (mut ledger, cast) = made();
    ledger.recall(&cast.other, "2026-03-05", &[DEEPER], &[]);
    assert_eq!(rules(&ledger.verdict()), ["recalled-input"]);
    assert_eq!(
        ledger.verdict().reasons[0].sentence,
        "It was made from (01)09521567000025(21)D1, and “Other Works”, to which that number belongs, recalled it on \
         2026-03-05 UTC."
    );
}

#[test]
fn only_the_holder_of_the_inputs_prefix_recalls_it() {
    let (mut ledger, cast) = made();
    ledger.recall(&cast.acme, "2026-03-05", &[INPUT, DEEPER], &[INPUT_LOT, INPUT_CLASS]);
    assert_eq!(ledger.verdict().word, Word::Authentic);
}

#[test]
fn a_stranger_does_not_make_it_of_something_recalled() {
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.commission(&cast.acme, "2026-03-02");
    ledger.make(&cast.other, "2026-03-03", &[INPUT], &[ITEM], json!({}));
    ledger.recall(&cast.other, "2026-03-05", &[INPUT], &[]);
    assert_eq!(ledger.verdict().word, Word::Suspect);
    let (mut ledger, cast) = made();
    let mine = "https://id.gs1.org/01/09506000134352/21/Z1";
    ledger.make(&cast.acme, "2026-03-04", &[mine], &[INPUT], json!({}));
    ledger.recall(&cast.acme, "2026-03-05", &[mine], &[]);
    assert_eq!(ledger.verdict().word, Word::Authentic, "nor an input");
}

#[test]
fn a_transformation_told_in_several_events_is_one() {
    let told = |by: fn(&Cast) -> &Actor, withdrawn: bool| {
        let (mut ledger, cast) = Scenario::with_cast();
        let id = json!({"transformationID": "urn:example:batch:1"});
        let mut input = id.clone();
        input["eventID"] = json!("urn:uuid:1");
        input["outputEPCList"] = json!(null);
        ledger.make(by(&cast), "2026-03-02", &[INPUT], &[], input.clone());
        if withdrawn {
            input["errorDeclaration"] = json!({"declarationTime": "2026-03-10T00:00:00Z"});
            ledger.make(by(&cast), "2026-03-02", &[INPUT], &[], input);
        }
        let mut output = id;
        output["inputEPCList"] = json!(null);
        ledger.make(&cast.acme, "2026-03-03", &[], &[ITEM], output);
        ledger.recall(&cast.other, "2026-03-05", &[INPUT], &[]);
        ledger.verdict().word
    };
    assert_eq!(told(|cast| &cast.acme, false), Word::Recalled);
    assert_eq!(told(|cast| &cast.acme, true), Word::Authentic);
    assert_eq!(told(|cast| &cast.lisbon, false), Word::Authentic, "of another signer it is another one");
}

#[test]
fn transformations_in_a_circle_end() {
    let (mut ledger, cast) = made();
    ledger.make(&cast.other, "2026-03-04", &[INPUT], &[DEEPER], json!({}));
    ledger.make(&cast.other, "2026-03-04", &[DEEPER, INPUT], &[DEEPER], json!({}));
    assert_eq!(rules(&ledger.verdict()), [""; 0]);
    ledger.recall(&cast.other, "2026-03-05", &[DEEPER], &[]);
    assert_eq!(rules(&ledger.verdict()), ["recalled-input"]);
}

#[test]
fn a_thousand_transformations_of_many_inputs_are_followed() {
    let (mut ledger, cast) = Scenario::with_cast();
    let id = |n: u32| format!("https://id.gs1.org/01/09521567000018/21/N{n}");
    for n in 0..1000 {
        let (inputs, output) = ([id(n + 1), id(n + 2), id(n + 3)], id(n));
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        ledger.make(&cast.other, "2026-03-01", &inputs, &[&output], json!({}));
    }
    ledger.make(&cast.acme, "2026-03-03", &[&id(0)], &[ITEM], json!({}));
    ledger.recall(&cast.other, "2026-03-05", &[&id(1002)], &[]);
    assert_eq!(rules(&ledger.verdict()), ["recalled-input"]);
}

#[test]
fn the_gdst_steps_begin_a_life_by_default() {
    for step in ["fishingEvent", "hatching", "farmHarvest"] {
        let (mut ledger, cast) = Scenario::with_cast();
        ledger.step(&cast.acme, "2026-03-02", &format!("urn:gdst:bizStep:{step}"));
        assert_eq!(ledger.verdict().word, Word::Authentic, "{step}");
    }
    let (mut ledger, cast) = Scenario::with_cast();
    ledger.step(&cast.acme, "2026-03-02", "urn:gdst:bizStep:landing");
    assert_eq!(rules(&ledger.verdict()), ["no-origin"]);
}
