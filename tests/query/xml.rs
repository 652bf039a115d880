//! Random events, written in XML and read again.

use fastrand::Rng;
use sealane::gateway::normalise::normalise_json;
use sealane::gateway::xml::{self, WordForm};
use sealane_core::epcis::{NameScope, Reader, read};
use sealane_core::json::Json;
use serde_json::{Value, json};

use crate::documents::{document, event};

/// Rounds, of three events each.
const ROUNDS: u64 = 1_000;

/// A value with names by their namespaces and numbers by what they mean, without contexts.
fn spelt_out(value: &Json, scope: &NameScope) -> Json {
    match value {
        Json::Object(members) => {
            let scope = scope.within(value);
            let others = members.iter().filter(|(name, _)| *name != "@context");
            let named = |name: &String| match scope.name(name) {
                Some((namespace, local)) => format!("{{{namespace}}}{local}"),
                None => name.clone(),
            };
            Json::Object(others.map(|(name, value)| (named(name), spelt_out(value, &scope))).collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(|item| spelt_out(item, scope)).collect()),
        Json::Number(number) => number.plain().into(),
        other => other.clone(),
    }
}

#[test]
fn random_events_are_written_in_xml_and_read_again() {
    let mut rng = Rng::with_seed(5);
    for round in 0..ROUNDS {
        let events: Vec<Value> = (0..3).map(|_| event(&mut rng)).collect();
        let captured = document(&events, (round % 3) as u8);
        let hashes = |document: &Value| -> Vec<_> {
            let mut document = document.clone();
            for event in document["epcisBody"]["eventList"].as_array_mut().unwrap() {
                event.as_object_mut().unwrap().remove("eventID");
            }
            let read =
                read(document.to_string().as_bytes(), Reader::Strict).unwrap_or_else(|faults| panic!("{faults}"));
            read.events.into_iter().map(|event| event.content_hash).collect()
        };
        let with_context = |event: &Value| {
            let mut event = event.clone();
            event["@context"] = captured["@context"].clone();
            event
        };
        let given: Vec<Value> =
            captured["epcisBody"]["eventList"].as_array().unwrap().iter().map(with_context).collect();
        let answer = json!({"creationDate": captured["creationDate"],
            "epcisBody": {"queryResults": {"queryName": "x", "resultsBody": {"eventList": given}}}});
        let words = if round % 2 == 0 { WordForm::Urn } else { WordForm::WebUri };
        let text = xml::write(&Json::from(answer), words);
        let back = xml::read(text.as_bytes()).unwrap_or_else(|fault| panic!("{fault:?}\n{text}"));
        assert_eq!(back.objections, [], "{text}");
        let back = normalise_json(back.document, Vec::new(), false).document;
        let scope = NameScope::default().within(&back);
        let list = back.get("epcisBody").unwrap().get("eventList").unwrap().as_array().unwrap().clone();
        for (before, after) in given.into_iter().zip(list) {
            let before = spelt_out(&Json::from(before), &NameScope::default());
            assert_eq!(before, spelt_out(&after, &scope), "{text}");
        }
        assert_eq!(hashes(&captured), hashes(&back.into()), "{text}");
    }
}
