//! A chain of our own: tuna with tags from a catch over a landing and a cannery to an importer, each company with its part
//! of one domain's namespaces.

use std::collections::BTreeSet;

use sealane_core::provenance::{Severity, Verdict};
use serde_json::{Value, json};

use super::chain::Chain;
use super::ledger::{Landed, land};
use super::{against, compare, others_agree};

const FISH: &str = "urn:gdst:example.org:product:serial:obj:vessel.tuna.0001";
const FISH_TWO: &str = "urn:gdst:example.org:product:serial:obj:vessel.tuna.0002";
const CATCH: &str = "urn:gdst:example.org:product:lot:class:vessel.tuna.trip-7";
const LOIN: &str = "urn:gdst:example.org:product:serial:obj:cannery.loin.9";
const CANS: &str = "urn:gdst:example.org:product:lot:class:cannery.cans.2026-61";
const CRATE: &str = "urn:epc:id:sscc:9506000.0000000017";

fn of(company: &str, kind: &str) -> String {
    match kind {
        "party" => format!("urn:gdst:example.org:party:{company}.0"),
        place => format!("urn:gdst:example.org:location:loc:{company}.{place}"),
    }
}

/// An event at a company's own place, by itself. `null` leaves a member out.
fn told(company: &str, time: &str, step: &str, members: Value) -> Value {
    let mut event = json!({
        "type": "ObjectEvent", "action": "OBSERVE", "eventTime": format!("2026-02-{time}:00Z"),
        "eventTimeZoneOffset": "+00:00", "bizStep": step, "bizLocation": {"id": of(company, "quay")},
        "gdst:productOwner": of(company, "party"), "cbvmda:informationProvider": of(company, "party"),
    });
    for (name, value) in members.as_object().unwrap() {
        event[name] = value.clone();
    }
    event.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    event
}

fn sent(from: &str, to: &str, time: &str, id: &str) -> Value {
    let destination = json!([{"type": "owning_party", "destination": of(to, "party")}]);
    told(from, time, "shipping", json!({"epcList": [id], "destinationList": destination}))
}

fn received(by: &str, time: &str, id: &str) -> Value {
    told(by, time, "receiving", json!({"epcList": [id]}))
}

/// Two fish are caught, landed, sent in a crate to a cannery and made into a loin, which goes to an importer.
fn whole() -> Vec<Value> {
    vec![
        told("vessel", "01T04:00", "urn:gdst:bizStep:fishingEvent", json!({"epcList": [FISH, FISH_TWO]})),
        told(
            "vessel",
            "01T05:00",
            "urn:gdst:bizStep:fishingEvent",
            json!({"action": "ADD", "quantityList": [{"epcClass": CATCH, "quantity": 800, "uom": "KGM"}]}),
        ),
        told(
            "vessel",
            "02T04:00",
            "urn:gdst:bizStep:fishingEvent",
            json!({"action": "ADD", "quantityList": [{"epcClass": CATCH, "quantity": 400, "uom": "KGM"}]}),
        ),
        told("vessel", "03T06:00", "urn:gdst:bizStep:landing", json!({"epcList": [FISH, FISH_TWO]})),
        told("vessel", "03T07:00", "commissioning", json!({"action": "ADD", "epcList": [CRATE]})),
        told(
            "vessel",
            "03T08:00",
            "packing",
            json!({"type": "AggregationEvent", "action": "ADD", "parentID": CRATE, "childEPCs": [FISH, FISH_TWO]}),
        ),
        sent("vessel", "cannery", "03T09:00", CRATE),
        received("cannery", "04T09:00", CRATE),
        told(
            "cannery",
            "04T10:00",
            "unpacking",
            json!({"type": "AggregationEvent", "action": "DELETE", "parentID": CRATE}),
        ),
        told(
            "cannery",
            "05T10:00",
            "commissioning",
            json!({
                "type": "TransformationEvent", "action": null, "inputEPCList": [FISH],
                "inputQuantityList": [{"epcClass": CATCH, "quantity": 100, "uom": "KGM"}], "outputEPCList": [LOIN],
                "outputQuantityList": [{"epcClass": CANS, "quantity": 500}],
            }),
        ),
        sent("cannery", "importer", "06T10:00", LOIN),
        received("importer", "09T10:00", LOIN),
    ]
}

fn landed(seed: u64, events: Vec<Value>) -> Landed {
    let context = json!([
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        {"gdst": "https://traceability-dialogue.org/epcis", "cbvmda": "urn:epcglobal:cbv:mda"},
    ]);
    let landed = land(seed, Chain::new("ours", context, events));
    for one in &landed.refused {
        println!("refused, by {}: {}", one.by, one.why);
    }
    landed
}

fn about<'a>(landed: &'a Landed, id: &str) -> &'a Verdict {
    let id = sealane_core::gs1::Id::parse_uri(id).unwrap();
    landed.answers.iter().find(|(one, _)| *one == id).map(|(_, verdict)| verdict).unwrap()
}

/// The word, and what speaks against it.
fn says(landed: &Landed, id: &str) -> (&'static str, Vec<&'static str>) {
    let verdict = about(landed, id);
    (verdict.word.as_str(), against(verdict).into_iter().collect())
}

fn without(events: Vec<Value>, step: &str, by: &str) -> Vec<Value> {
    let party = of(by, "party");
    let is_it = |event: &Value| event["bizStep"] == step && event["cbvmda:informationProvider"] == party;
    let left: Vec<Value> = events.iter().filter(|event| !is_it(event)).cloned().collect();
    assert!(left.len() < events.len(), "{step} by {by} is not there");
    left
}

#[test]
fn a_chain_that_is_whole_is_genuine_piece_by_piece() {
    let landed = landed(2_001, whole());
    assert_eq!((landed.posted.len(), landed.refused.len(), landed.by_owner), (12, 0, 0));
    for (id, word) in [
        (FISH, "ended"),
        (FISH_TWO, "authentic"),
        (CRATE, "ended"),
        (LOIN, "authentic"),
        (CATCH, "traced"),
        (CANS, "traced"),
    ] {
        assert_eq!(says(&landed, id), (word, vec![]), "{id}");
    }
    let origin = |id| {
        let holds = about(&landed, id).reasons.iter().find(|one| one.rule == "commissioned-by-prefix-holder").unwrap();
        holds.sentence.clone()
    };
    assert_eq!(
        origin(FISH),
        "First recorded once, on 2026-02-01 UTC, by “vessel of example.org”, to which its number belongs."
    );
    assert_eq!(
        origin(CATCH),
        "Commissioned on 2026-02-01 UTC and once more since by “vessel of example.org”, to which its number belongs."
    );
    assert_eq!(
        about(&landed, FISH_TWO).summary,
        "Genuine by the records: it comes from “vessel of example.org”, of 2026-02-01 UTC, and every hand-over since is known; \
         “cannery of example.org” has it."
    );
    assert_eq!(compare(&landed).len(), 6);
    others_agree("seafood-ours", &landed.cases);
}

#[test]
fn what_is_not_on_record_is_a_gap() {
    let landed = landed(2_002, without(whole(), "shipping", "cannery"));
    assert_eq!(says(&landed, LOIN), ("incomplete", vec!["custody-gap"]));
    assert_eq!(says(&landed, FISH), ("ended", vec![]));
    compare(&landed);
    let landed = self::landed(2_003, without(whole(), "urn:gdst:bizStep:fishingEvent", "vessel"));
    for id in [FISH, FISH_TWO] {
        assert_eq!(says(&landed, id), ("incomplete", vec!["no-origin"]), "{id}");
    }
    assert_eq!(says(&landed, CATCH), ("incomplete", vec!["no-origin"]));
    assert_eq!(says(&landed, LOIN), ("authentic", vec![]));
    compare(&landed);
}

#[test]
fn fry_of_which_no_hatching_is_on_record_is_a_gap_and_not_the_farms_to_begin() {
    let fry = "urn:gdst:example.org:product:lot:class:hatchery.fry.1";
    let fish = "urn:gdst:example.org:product:lot:class:farm.trout.1";
    let harvest = told(
        "farm",
        "01T04:00",
        "urn:gdst:bizStep:farmHarvest",
        json!({
            "type": "TransformationEvent", "action": null, "inputQuantityList": [{"epcClass": fry}],
            "outputQuantityList": [{"epcClass": fish}],
        }),
    );
    let landed = landed(2_004, vec![harvest]);
    assert_eq!(says(&landed, fry), ("incomplete", vec!["no-origin"]));
    assert_eq!(says(&landed, fish), ("traced", vec![]));
    compare(&landed);
}

#[test]
fn a_tag_that_two_fish_bear_is_suspect() {
    let mut events = whole();
    events.push(told("vessel", "07T04:00", "commissioning", json!({"action": "ADD", "epcList": [LOIN, FISH_TWO]})));
    events.push(told("cannery", "08T04:00", "commissioning", json!({"action": "ADD", "epcList": [LOIN]})));
    events.push(told("cannery", "08T05:00", "commissioning", json!({"action": "ADD", "epcList": [LOIN]})));
    let landed = landed(2_005, events);
    assert_eq!(landed.refused.len(), 1, "the vessel brings nothing of the cannery's into being");
    assert!(landed.refused[0].why.contains("lies under none of the signer's claims"), "{}", landed.refused[0].why);
    let (word, rules) = says(&landed, LOIN);
    assert!(word == "suspect" && rules.contains(&"commissioned-twice"), "{rules:?}");
    others_agree("seafood-suspect", &landed.cases);
}

#[test]
fn a_recall_of_the_fish_reaches_what_was_made_of_it() {
    let mut events = whole();
    let recall = json!({"epcList": [FISH], "disposition": "recalled", "bizLocation": null});
    events.push(told("vessel", "12T04:00", "inspecting", recall));
    let landed = landed(2_006, events);
    assert_eq!(says(&landed, FISH).0, "recalled");
    assert_eq!(says(&landed, LOIN), ("recalled", vec!["recalled-input"]));
    assert_eq!(says(&landed, CANS), ("recalled", vec!["recalled-input"]));
    assert_eq!(says(&landed, FISH_TWO), ("authentic", vec![]));
    let loin = about(&landed, LOIN);
    let weights: BTreeSet<Severity> = loin.reasons.iter().map(|one| one.severity).collect();
    assert!(weights.contains(&Severity::Recall) && !weights.contains(&Severity::Fails), "{weights:?}");
    others_agree("seafood-recalled", &landed.cases);
}
