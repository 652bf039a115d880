//! The acts of the index and the reading of the verdict say the same of every word, wherever the signer decides nothing.

use serde_json::{Value, json};

use crate::epcis::event::Part;
use crate::epcis::vocabulary::{BIZ_STEPS, DISPOSITIONS};
use crate::gs1::Id;
use crate::index::{Acts, Subject, names};
use crate::provenance::Policy;
use crate::provenance::case::Case;
use crate::provenance::reading::{Act, act, recorded_end};
use crate::provenance::scenario::{CASE, ITEM, Scenario};

/// An event of each type and action that names the item, and the part that the item has in it.
fn shapes() -> Vec<(Value, Part)> {
    let order = json!([{"bizTransaction": "urn:x:order"}]);
    let mut shapes = Vec::new();
    for action in ["ADD", "OBSERVE", "DELETE"] {
        shapes.push((json!({"type": "ObjectEvent", "epcList": [ITEM], "action": action}), Part::Object));
        let transaction = json!({
            "type": "TransactionEvent", "epcList": [ITEM], "action": action, "bizTransactionList": order,
        });
        shapes.push((transaction, Part::Object));
        for kind in ["AggregationEvent", "AssociationEvent"] {
            let children = json!({"type": kind, "parentID": CASE, "childEPCs": [ITEM], "action": action});
            shapes.push((children, Part::Child));
        }
    }
    let made = json!({"type": "TransformationEvent", "inputEPCList": [CASE], "outputEPCList": [ITEM]});
    let used = json!({"type": "TransformationEvent", "inputEPCList": [ITEM], "outputEPCList": [CASE]});
    shapes.extend([(made, Part::Output), (used, Part::Input)]);
    shapes
}

/// Each step with no disposition, and each disposition with each of the steps that decide something.
fn words() -> Vec<(Option<&'static str>, Option<&'static str>)> {
    let deciding =
        ["shipping", "receiving", "void_shipping", "sensor_reporting", "dispensing", "decommissioning", "storing"];
    let mut words = vec![(None, None)];
    words.extend(BIZ_STEPS.words.iter().map(|step| (Some(*step), None)));
    words.extend(DISPOSITIONS.words.iter().map(|disposition| (None, Some(*disposition))));
    for step in deciding {
        words.extend(DISPOSITIONS.words.iter().map(|disposition| (Some(step), Some(*disposition))));
    }
    words
}

#[test]
fn acts_and_reading_agree_over_all_words() {
    let id = Id::parse(ITEM).unwrap();
    let policy = Policy::default();
    let (begin, cast) = Scenario::with_cast();
    // One who holds no prefix of the item: what the holder alone says from afar is not in the words.
    let stranger = &cast.lisbon;
    let mut compared = 0;
    for (shape, part) in shapes() {
        for (step, disposition) in words() {
            let mut members = shape.clone();
            members["readPoint"] = json!({"id": stranger.place});
            if let Some(step) = step {
                members["bizStep"] = json!(step);
            }
            if let Some(disposition) = disposition {
                members["disposition"] = json!(disposition);
            }
            let mut scenario = begin.clone();
            scenario.say_only(stranger, "2026-03-01", members.clone());
            let history = scenario.history(ITEM);
            let case = Case::new(&history, &policy);
            let [at] = case.own[..] else { panic!("one record: {members}") };
            let event = case.event(at);
            let acts = names::of_event(event, &stranger.id)[&Subject::id(id.as_str())];
            let placed = event.read_point.is_some() || event.biz_location.is_some();
            let said = act(&case, at);
            let brings_forth = case.brings_forth(at);
            for (bit, expected) in [
                (Acts::BRINGS_FORTH, brings_forth),
                (Acts::LETS_GO, said == Act::Ships),
                (Acts::TAKES, said == Act::Receives),
                (Acts::HAS_IN_HAND, said == Act::Handles && placed && !brings_forth),
                (Acts::ENDS, recorded_end(&case, at).is_some()),
                (
                    Acts::PACKS,
                    part == Part::Child && members["type"] == "AggregationEvent" && members["action"] != "OBSERVE",
                ),
                (Acts::DECLARES_ERROR, false),
                (Acts::NOT_KNOWN, false),
            ] {
                assert_eq!(acts.contains(bit), expected, "{bit:?} of {members}");
            }
            compared += 1;
        }
    }
    assert!(compared > 3_000, "{compared}");
}
