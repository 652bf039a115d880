//! EPCIS in XML: published documents with their results, and published pairs of XML and JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use sealane::gateway::normalise::{normalise, normalise_json, without_other_hash_ids};
use sealane::gateway::xml::{self, WordForm};
use sealane_core::epcis::{self, NameScope, Reader};
use sealane_core::json::{Json, Object};

/// Pairs whose files say different things, and the events in which they do.
const OTHER_PAIRS: [(&str, &[usize], &str); 7] = [
    (
        "openepcis-test-resources/2.0/EPCIS/XML/Capture/Documents/SensorData_with_combined_events.xml",
        &[7, 10, 11],
        "the JSON declares neither gs1 (7, 10) nor cbvmda (11), which the XML does",
    ),
    (
        "openepcis-test-resources/2.0/EPCIS/XML/Query/SensorData_with_combined_events.xml",
        &[7, 10, 11],
        "the JSON declares neither gs1 (7, 10) nor cbvmda (11), which the XML does",
    ),
    (
        "openepcis-test-resources/2.0/EPCIS/XML/Capture/Documents/TransformationEvent_with_userExtensions.xml",
        &[0],
        "the JSON does not declare cbvmda, which the XML does",
    ),
    (
        "opentraceability/tests-data/aggregation_event_all_possible_fields.xml",
        &[0],
        "the JSON has a certificationInfo, a persistentDisposition and deeper extensions",
    ),
    (
        "opentraceability/tests-data/association_event_all_possible_fields.xml",
        &[0],
        "the JSON has a certificationInfo, a persistentDisposition and deeper extensions",
    ),
    (
        "opentraceability/tests-data/transformation_event_all_possible_fields.xml",
        &[0],
        "the JSON has a certificationInfo and deeper extensions, and no units of weights",
    ),
    (
        "event-hash-reference/examples/SensorDataExamples.xml",
        &[5, 6, 7, 9, 11],
        "in the published results of this XML, and in none of JSON, `example:x` in a value stays as it is though its prefix is declared",
    ),
];

/// Pairs of which one file is refused by the strict reader, or by its normalising brother, for what it says itself.
const UNREAD_PAIRS: [(&str, &str); 5] = [
    (
        "openepcis-test-resources/2.0/EPCIS/XML/Query/Queries/SimpleEventQuery.xml",
        "it is a request, and no document of events",
    ),
    (
        "openepcis-test-resources/2.0/EPCIS/XML/Capture/Documents/TransformationEvent_all_possible_fields.xml",
        "the JSON gives the standard prefix cbvmda another namespace",
    ),
    (
        "openepcis-test-resources/2.0/EPCIS/XML/Capture/Documents/epcisDocWithAllGS1Keys.xml",
        "an EPC stands in a list twice",
    ),
    (
        "openepcis-test-resources/2.0/EPCIS/XML/Query/Invalid/QueryDocument_with_invalid_eventType.xml",
        "it is declared invalid, and is",
    ),
    (
        "fastnt/v2_0/Requests/Request_ObjectEvent_WithMasterdata.xml",
        "the JSON of this name is of another event, with words that are none",
    ),
];

/// Documents that are not taken, with what is said.
const REFUSED: [(&str, &str); 19] = [
    ("fastnt/v1_2/CallbackRequests/QueryTooLargeRequest.xml", "is nothing that is captured"),
    ("fastnt/v1_2/Events/ObjectEvent_Full.xml", "\"Test reason\" is not"),
    ("fastnt/v1_2/Queries/GetQueryNames.xml", "none of what is taken"),
    ("fastnt/v1_2/Queries/GetSubscriptionIDs.xml", "none of what is taken"),
    ("fastnt/v1_2/Queries/GetVendorVersion.xml", "none of what is taken"),
    ("fastnt/v1_2/Queries/InvalidQuery.xml", "none of what is taken"),
    ("fastnt/v1_2/Queries/Unsubscribe.xml", "none of what is taken"),
    ("fastnt/v1_2/Requests/InvalidRequest.xml", "`test` is nothing that is captured"),
    (
        "openepcis-test-resources/2.0/EPCIS/XML/Capture/Documents/SensorData_with_combined_events.xml",
        "`type` is missing; it is required of sensorReport",
    ),
    (
        "openepcis-test-resources/2.0/EPCIS/XML/Capture/Documents/epcisDocWithAllGS1Keys.xml",
        "stands in this list already",
    ),
    (
        "openepcis-test-resources/2.0/EPCIS/XML/Capture/Invalid/ObjectEvent_bare_event_without_action.xml",
        "`action` is missing",
    ),
    (
        "openepcis-test-resources/2.0/EPCIS/XML/Capture/Invalid/ObjectEvent_with_unknown_element.xml",
        "`madeUpField` is no member of ObjectEvent",
    ),
    (
        "openepcis-test-resources/2.0/EPCIS/XML/Query/Invalid/QueryDocument_with_invalid_eventType.xml",
        "must be one of the event types",
    ),
    ("openepcis-test-resources/2.0/EPCIS/XML/Query/Queries/Invalid/Query_without_queryName.xml", "`Poll` is nothing"),
    ("openepcis-test-resources/2.0/EPCIS/XML/Query/Queries/SimpleEventQuery.xml", "`Poll` is nothing"),
    (
        "openepcis-test-resources/2.0/EPCIS/XML/Query/SensorData_with_combined_events.xml",
        "`type` is missing; it is required of sensorReport",
    ),
    ("opentraceability/tests-data/gdst_extensions_01.xml", "is no EPC URN"),
    ("opentraceability/tests-data/gdst_extensions_02.xml", "is no EPC URN"),
    ("opentraceability/tests-data/querydoc_example01.xml", "is no EPC URN"),
];
const REFUSED_TOO: [(&str, &str); 2] = [
    ("opentraceability/tests-data/querydoc_example02.xml", "schemaVersion \"0\""),
    ("opentraceability/tests-data/querydoc_fail_schemacheck.xml", "is no EPC URN"),
];

/// All files below a folder, in their order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn has_end(path: &Path, ends: &[&str]) -> bool {
    path.extension().is_some_and(|end| ends.iter().any(|one| end == *one))
}

/// A document in XML as a capture makes it.
fn of_xml(path: &Path) -> Result<Json, String> {
    let read = xml::read(&fs::read(path).unwrap()).map_err(|fault| fault.message)?;
    if let Some(objection) = read.objections.first() {
        return Err(objection.fault.message.clone());
    }
    Ok(normalise_json(read.document, read.changed, false).document)
}

fn of_json(path: &Path) -> Result<Json, String> {
    normalise(&fs::read(path).unwrap(), false).map(|found| found.document).map_err(|error| error.to_string())
}

/// The hash ids of a document's events, whatever eventIDs they have.
fn hash_ids(document: &Json, reader: Reader) -> Result<Vec<String>, String> {
    let mut document = document.clone();
    let list = document.get_mut("epcisBody").and_then(|body| body.get_mut("eventList")).and_then(Json::as_array_mut);
    match list {
        Some(events) => {
            events.iter_mut().filter_map(Json::as_object_mut).for_each(|event| drop(event.shift_remove("eventID")))
        }
        None => drop(document.as_object_mut().and_then(|event| event.shift_remove("eventID"))),
    }
    let read = epcis::read(document.to_string().as_bytes(), reader).map_err(|faults| faults.to_string())?;
    Ok(read.events.into_iter().map(|event| event.event_id.uri).collect())
}

/// Where two lists of hash ids differ.
fn apart(ours: &[String], others: &[String]) -> Vec<usize> {
    (0..ours.len().max(others.len())).filter(|at| ours.get(*at) != others.get(*at)).collect()
}

/// The JSON beside an XML file.
fn pair_of(root: &Path, path: &str) -> Option<PathBuf> {
    let names = [path.replace("/XML/", "/JSON/").replace(".xml", ".json"), path.replace(".xml", ".jsonld")];
    names.iter().map(|name| root.join(name)).find(|other| other.exists())
}

#[test]
fn published_pairs_and_results_have_equal_hashes() {
    let Some(root) = crate::folder("epcis") else { return };
    let (mut pairs, mut equal, mut results, mut wrong) = (0, 0, 0, Vec::new());
    let others: BTreeMap<&str, &[usize]> = OTHER_PAIRS.iter().map(|(path, events, _)| (*path, *events)).collect();
    for path in files(&root).into_iter().filter(|path| has_end(path, &["xml"])) {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let ours = of_xml(&path).and_then(|document| hash_ids(&document, Reader::Normalising));
        let expected = others.get(name.as_str()).copied().unwrap_or_default();
        if let Some(pair) = pair_of(&root, &name) {
            let theirs = of_json(&pair).and_then(|document| hash_ids(&document, Reader::Normalising));
            match (&ours, &theirs) {
                (Ok(ours), Ok(theirs)) if apart(ours, theirs) == expected => {
                    pairs += 1;
                    equal += usize::from(expected.is_empty());
                }
                (Err(_), _) | (_, Err(_)) if UNREAD_PAIRS.iter().any(|(path, _)| *path == name) => {}
                _ => wrong.push(format!("{name}: {ours:?} {theirs:?}")),
            }
        }
        let published = path.with_extension("hashes");
        if published.exists() {
            let published = fs::read_to_string(published).unwrap();
            let published: Vec<String> = published.split_whitespace().map(str::to_owned).collect();
            // Published results are in the order of the events, or of the hashes.
            let ours = ours.clone().unwrap_or_default();
            let differ: Vec<usize> = (0..ours.len()).filter(|at| !published.contains(&ours[*at])).collect();
            if ours.len() == published.len() && differ == expected {
                results += ours.len() - differ.len();
            } else {
                wrong.push(format!("{name}: {differ:?}"));
            }
        }
        if name.contains("expected_equal") && !ours.is_ok_and(|ours| ours.iter().all(|id| *id == ours[0])) {
            wrong.push(format!("{name}: not all equal"));
        }
    }
    println!(
        "{equal} of {pairs} pairs that can be read are equal, the others as listed; {results} published results are ours"
    );
    assert!(pairs >= 36 && equal >= 30 && results >= 31, "{pairs} {equal} {results}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn published_documents_are_taken_or_refused_for_what_they_say() {
    let Some(root) = crate::folder("epcis") else { return };
    let refused: BTreeMap<&str, &str> = REFUSED.into_iter().chain(REFUSED_TOO).collect();
    let (mut taken, mut wrong) = (0, Vec::new());
    for path in files(&root).into_iter().filter(|path| has_end(path, &["xml"])) {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let read = |document: &Json| epcis::read(document.to_string().as_bytes(), Reader::Strict).map(drop);
        let said = of_xml(&path).and_then(|document| match read(&document) {
            Ok(()) => Ok(()),
            Err(faults) => match without_other_hash_ids(&document, &BTreeSet::new()) {
                Some((mended, _)) => read(&mended).map_err(|faults| faults.to_string()),
                None => Err(faults.to_string()),
            },
        });
        match (&said, refused.get(name.as_str())) {
            (Ok(()), None) => taken += 1,
            (Err(message), Some(words)) if message.contains(words) => {}
            _ => wrong.push(format!("{name}: {said:?}")),
        }
    }
    println!("{taken} documents in XML are taken, {} are refused", refused.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A value with names by their namespaces and numbers by what they mean, without contexts.
fn spelt_out(value: &Json, scope: &NameScope) -> Json {
    match value {
        Json::Object(members) => {
            let scope = scope.within(value);
            let named = |name: &String| {
                scope.name(name).map_or_else(|| name.clone(), |(space, local)| format!("{{{space}}}{local}"))
            };
            let others = members.iter().filter(|(name, _)| !["@context", "sealane:context"].contains(&name.as_str()));
            let mut list: Vec<(String, Json)> =
                others.map(|(name, value)| (named(name), spelt_out(value, &scope))).collect();
            list.sort_by(|one, other| one.0.cmp(&other.0));
            Json::Object(list.into_iter().collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(|item| spelt_out(item, scope)).collect()),
        Json::Number(number) => number.plain().into(),
        other => other.clone(),
    }
}

fn nested(names: &[&str], innermost: Json) -> Json {
    names.iter().rev().fold(innermost, |value, name| Json::Object(Object::from([((*name).to_owned(), value)])))
}

#[test]
fn published_events_are_written_as_xml_and_read_again() {
    let Some(root) = crate::folder("epcis") else { return };
    let (mut written, mut equal_hashes, mut wrong) = (0, 0, Vec::new());
    for path in files(&root).into_iter().filter(|path| has_end(path, &["xml", "json", "jsonld"])) {
        let is_xml = has_end(&path, &["xml"]);
        let Ok(document) = (if is_xml { of_xml(&path) } else { of_json(&path) }) else { continue };
        let list = document.get("epcisBody").and_then(|body| body.get("eventList")).and_then(Json::as_array).cloned();
        let (Ok(ids), Some(mut events)) = (hash_ids(&document, Reader::Strict), list) else { continue };
        let context = document.get("@context").cloned().unwrap_or_default();
        for event in events.iter_mut().filter_map(Json::as_object_mut) {
            event.entry("@context".to_owned()).or_insert_with(|| context.clone());
        }
        let answer = nested(&["epcisBody", "queryResults", "resultsBody", "eventList"], Json::Array(events.clone()));
        for form in [WordForm::WebUri, WordForm::Urn] {
            written += 1;
            let text = xml::write(&answer, form);
            let read = xml::read(text.as_bytes()).unwrap();
            assert_eq!(read.objections, [], "{}", path.display());
            let back = normalise_json(read.document, Vec::new(), false).document;
            let mut frame = back.clone();
            if let Some(frame) = frame.as_object_mut() {
                frame.insert("creationDate".to_owned(), "2026-01-01T00:00:00Z".into());
            }
            let is_equal = hash_ids(&frame, Reader::Strict).as_ref() == Ok(&ids);
            equal_hashes += usize::from(is_equal);
            // JSON may use a prefix of the standard without a declaration, which XML must declare: the hash tells these apart.
            if is_xml && !is_equal {
                wrong.push(format!("{}: other hashes", path.display()));
            }
            let scope = NameScope::default().within(&back);
            let list = back.get("epcisBody").and_then(|body| body.get("eventList")).and_then(Json::as_array).unwrap();
            let after: Vec<Json> = list.iter().map(|event| spelt_out(event, &scope)).collect();
            let before: Vec<Json> = events.iter().map(|event| spelt_out(event, &NameScope::default())).collect();
            if before != after {
                wrong.push(format!("{}: other members", path.display()));
            }
        }
    }
    println!("{written} documents were written and read, {equal_hashes} with equal hashes");
    assert!(written > 300, "{written}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn changed_documents_never_end_a_program() {
    let Some(root) = crate::folder("epcis") else { return };
    let mut random = fastrand::Rng::with_seed(1);
    for path in files(&root).into_iter().filter(|path| has_end(path, &["xml"])) {
        let bytes = fs::read(path).unwrap();
        for _ in 0..20 {
            let mut changed = bytes.clone();
            for _ in 0..random.usize(1..8) {
                let at = random.usize(0..changed.len());
                match random.u8(0..4) {
                    0 => changed[at] = random.u8(..),
                    1 => drop(
                        changed.splice(
                            at..at,
                            random
                                .choice([&b"<"[..], b"</", b">", b"&", b"\"", b"<![CDATA[", b"xmlns:a='b'"])
                                .unwrap()
                                .iter()
                                .copied(),
                        ),
                    ),
                    2 => changed.truncate(at + 1),
                    _ => drop(changed.drain(at..(at + random.usize(0..40)).min(changed.len()))),
                }
                if changed.is_empty() {
                    break;
                }
            }
            if let Ok(read) = xml::read(&changed) {
                let document = normalise_json(read.document, read.changed, false).document;
                drop(epcis::read(document.to_string().as_bytes(), Reader::Strict));
            }
        }
    }
}
