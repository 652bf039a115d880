//! CBV 2.0 event hash ids with published results.

use std::fs;

use sealane_core::epcis::{Reader, read};
use serde_json::Value;

/// Reads a document with every eventID taken out, so that each event gets its hash id. An answer to a query is read
/// as the document whose events it holds.
fn hash_ids(text: &str) -> Result<Vec<String>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let mut document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if document["type"] == "EPCISQueryDocument" {
        let mut results = document["epcisBody"]["queryResults"].take();
        let events = results["resultsBody"]["eventList"].take();
        let ignoring =
            results.as_object_mut().into_iter().flatten().filter(|(name, _)| name.ends_with(":ignoreFields"));
        ignoring.for_each(|(name, fields)| document[name.as_str()] = fields.take());
        document["type"] = "EPCISDocument".into();
        document["schemaVersion"] = "2.0".into();
        document["creationDate"] = "2026-01-01T00:00:00Z".into();
        document["epcisBody"] = serde_json::json!({ "eventList": events });
    }
    if let Some(events) = document["epcisBody"]["eventList"].as_array_mut() {
        events.iter_mut().filter_map(Value::as_object_mut).for_each(|event| drop(event.remove("eventID")));
    } else if let Some(event) = document.as_object_mut() {
        event.remove("eventID");
    }
    let read = read(document.to_string().as_bytes(), Reader::Normalising).map_err(|faults| faults.to_string())?;
    Ok(read.events.into_iter().map(|event| event.event_id.uri).collect())
}

#[test]
fn the_reference_results_are_ours() {
    let Some(folder) = crate::folder("epcis/event-hash-reference/examples") else { return };
    let mut wrong = Vec::new();
    let mut compared = 0;
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let hashes = path.with_extension("hashes");
        if path.extension().is_none_or(|extension| extension != "jsonld") || !hashes.exists() {
            continue;
        }
        let published = fs::read_to_string(&hashes).expect("published hashes");
        let mut published: Vec<String> = published.split_whitespace().map(str::to_owned).collect();
        let ours = hash_ids(&fs::read_to_string(&path).expect("a document"));
        compared += published.len();
        let sorted = ours.map(|mut ours| {
            ours.sort();
            ours
        });
        published.sort();
        if sorted.as_ref() != Ok(&published) {
            wrong.push(format!("{}: published {published:?}, ours {sorted:?}", path.display()));
        }
    }
    assert!(compared > 0, "no published hash was compared");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hashes_on_which_two_others_agree_are_ours() {
    let Some(root) = crate::folder("epcis") else { return };
    let oracle = fs::read_to_string(root.join("ORACLE_event_hashes.json")).expect("the oracle");
    let oracle: Value = serde_json::from_str(&oracle).expect("JSON");
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (path, said) in oracle.as_object().expect("paths") {
        let agreed = said["agrees_with_rust_epcis_hash_0_2_0"].as_array().expect("flags");
        if !agreed.contains(&Value::Bool(true)) {
            continue;
        }
        let ours = hash_ids(&fs::read_to_string(root.join(path)).expect("a document"));
        for (at, _) in agreed.iter().enumerate().filter(|(_, agreed)| **agreed == Value::Bool(true)) {
            compared += 1;
            let ours = ours.as_ref().map(|ours| ours.get(at).cloned().unwrap_or_default());
            if ours.as_deref().ok() != said["hashes"][at].as_str() {
                wrong.push(format!("{path} event {at}: {ours:?}"));
            }
        }
    }
    assert!(compared > 0, "no hash was compared");
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
}
