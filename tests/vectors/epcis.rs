//! EPCIS 2.0 documents written by others, and what the official JSON schema and their authors say of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use sealane_core::consortium::ParticipantId;
use sealane_core::epcis::{Document, Faults, Reader, read};
use sealane_core::hash::Hash;
use sealane_core::record::{CaptureFacts, LeafRecord};
use sealane_core::statement::StatementId;
use sealane_core::time::Timestamp;
use serde_json::Value;

const QUERY: &str = "an EPCISQueryDocument answers a query and is never captured";

const RANDOM_DIGITS: &str = "its generator wrote SSCCs with random check digits";
const SHORT_SSCC: &str = "its SSCC URNs have 15 digits, where a company prefix and a reference have 17";
const NO_URN: &str = "`urn:test` is no URN: RFC 8141 asks for a namespace and a name";
const OTHER_CBVMDA: &str = "its context gives `cbvmda`, a prefix of the standard, another meaning";
const MADE_UP_WORDS: &str = "its words are placeholders: `test` and `toto` as certification and dispositions";

/// Documents that neither reader takes though others call them valid, and what each must be refused for.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "openepcis-test-resources/2.0/EPCIS/JSON/Capture/Documents/TransformationEvent_all_possible_fields.json",
        OTHER_CBVMDA,
        "`cbvmda`",
    ),
    ("openepcis-testdata-generator/generated/design-ui-generated-events.json", RANDOM_DIGITS, "check digit"),
    ("opentraceability/tests-data/gdst_data_withmasterdata.jsonld", SHORT_SSCC, "17 digits together"),
    ("opentraceability/tests-data/testserver_advancedfilters.jsonld", SHORT_SSCC, "17 digits together"),
    ("opentraceability/tests-data/traceback_tests.jsonld", SHORT_SSCC, "17 digits together"),
    ("opentraceability/tests-data/wholechainbug01.jsonld", SHORT_SSCC, "17 digits together"),
    ("opentraceability/tests-data/gdst_event_invalid_human_welfare_policy.jsonld", NO_URN, "urn:test"),
    ("opentraceability/tests-data/gdst_event_missing_information_provider.jsonld", NO_URN, "urn:test"),
    ("opentraceability/tests-data/gdst_event_missing_product_owner.jsonld", NO_URN, "urn:test"),
    ("opentraceability/tests-data/gdst_vessel_invalid_imo.jsonld", NO_URN, "urn:test"),
];

/// What is said of a document whose events are called by event hash ids of other events: such ids were computed for another
/// version of the events, or never. Nothing else may be wrong with it.
const OTHER_HASH: &str = "is an event hash id of CBV 2.0 (§8.9.2), and not the one of this event";

/// Documents that their authors call valid, the official schema does not, and the normalising reader cannot mend.
const BEYOND_MENDING: &[(&str, &str, &str)] =
    &[("fastnt/v2_0/Requests/Request_ObjectEvent_WithMasterdata.json", MADE_UP_WORDS, "\"test\"")];

struct Verdicts {
    path: String,
    strict: Result<Document, Faults>,
    normalising: Result<Document, Faults>,
    schema_valid: Option<bool>,
    declared_valid: Option<bool>,
    events: Option<u64>,
    query: bool,
}

fn verdicts() -> Option<Vec<Verdicts>> {
    let root = crate::folder("epcis")?;
    let manifest = fs::read_to_string(root.join("MANIFEST.jsonl")).expect("MANIFEST.jsonl");
    let rows = manifest.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    let rows: BTreeMap<String, Value> =
        rows.map(|row| (row["path"].as_str().unwrap_or_default().to_owned(), row)).collect();
    let mut paths = BTreeSet::new();
    json_files(&root, &root, &mut paths);
    paths.extend(rows.iter().filter(|(_, row)| !row["declared"].is_null()).map(|(path, _)| path.clone()));
    Some(paths.into_iter().map(|path| verdict(&root, &path, rows.get(&path))).collect())
}

fn json_files(root: &Path, folder: &Path, paths: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            json_files(root, &path, paths);
        } else if path.extension().is_some_and(|extension| extension == "json" || extension == "jsonld") {
            let relative = path.strip_prefix(root).expect("below the root");
            paths.insert(relative.to_string_lossy().replace('\\', "/"));
        }
    }
}

fn verdict(root: &Path, path: &str, row: Option<&Value>) -> Verdicts {
    let bytes = fs::read(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let field = |name: &str| row.map_or(&Value::Null, |row| &row[name]);
    Verdicts {
        path: path.to_owned(),
        strict: read(&bytes, Reader::Strict),
        normalising: read(&bytes, Reader::Normalising),
        schema_valid: field("schema_2_0_1_valid").as_bool(),
        // What breaks a profile of GDST is valid EPCIS all the same.
        declared_valid: field("declared").as_str().map(|declared| declared != "invalid"),
        events: field("events").as_u64(),
        query: field("doc_type") == "EPCISQueryDocument",
    }
}

/// Compares one reader with what is said of each document. A difference without a reason fails, and so does a reason
/// without a difference, or with another fault than the one it names.
fn compare(
    said: impl Fn(&Verdicts) -> Option<bool>,
    read: impl Fn(&Verdicts) -> &Result<Document, Faults>,
    excused: &[&[(&str, &str, &str)]],
) {
    let Some(all) = verdicts() else { return };
    let mut excused: BTreeMap<_, _> =
        excused.iter().copied().flatten().map(|(path, reason, fault)| (*path, (*reason, *fault))).collect();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for document in &all {
        let Some(valid) = said(document) else { continue };
        let excuse = excused.remove(document.path.as_str());
        let excuse = excuse.or(document.query.then_some((QUERY, "EPCISQueryDocument")));
        let outcome = read(document).as_ref().map_or_else(ToString::to_string, |_| "accepted".to_owned());
        let accepted = outcome == "accepted";
        compared += 1;
        match excuse {
            Some((_, fault)) if !accepted && outcome.contains(fault) => {}
            Some((reason, _)) => wrong.push(format!("{}: the reason ({reason}) is not so: {outcome}", document.path)),
            None if accepted == valid => {}
            None if valid && named_by_other_hashes(read(document)) => {}
            None => wrong.push(format!("{}: said to be valid: {valid}, but {outcome}", document.path)),
        }
    }
    wrong.extend(excused.keys().map(|path| format!("{path}: excused, but not there")));
    assert!(compared > 0, "no document in MANIFEST.jsonl was compared");
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn named_by_other_hashes(read: &Result<Document, Faults>) -> bool {
    let all = |faults: &Faults| faults.iter().all(|fault| fault.message.contains(OTHER_HASH));
    read.as_ref().is_err_and(all)
}

#[test]
fn the_strict_reader_decides_as_the_official_schema() {
    compare(|document| document.schema_valid, |document| &document.strict, &[REFUSED]);
}

#[test]
fn the_normalising_reader_takes_what_authors_call_valid() {
    compare(|document| document.declared_valid, |document| &document.normalising, &[REFUSED, BEYOND_MENDING]);
}

#[test]
fn both_readers_see_the_same_events() {
    let Some(all) = verdicts() else { return };
    let mut compared = 0;
    for document in &all {
        if let Ok(normalised) = &document.normalising {
            let count = normalised.events.len();
            assert!(document.events.is_none_or(|events| events == 0 || events == count as u64), "{}", document.path);
            if let Ok(strict) = &document.strict {
                let typed = |document: &Document| {
                    document
                        .events
                        .iter()
                        .map(|event| (event.event_id.clone(), event.what.clone(), event.content_hash))
                        .collect::<Vec<_>>()
                };
                assert_eq!(typed(strict), typed(normalised), "{}", document.path);
                compared += 1;
            }
        }
    }
    assert!(compared > 0);
}

#[test]
fn a_record_gives_back_every_event() {
    let Some(all) = verdicts() else { return };
    let signer: ParticipantId = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10".parse().unwrap();
    let certificate = Hash::of(b"certificate");
    let mut compared = 0;
    for document in &all {
        for read in [&document.strict, &document.normalising].into_iter().flatten() {
            let master_data: Vec<_> = read.master_data.iter().collect();
            let facts = |events| CaptureFacts {
                signer: &signer,
                certificate: &certificate,
                signed_at: Timestamp::EPOCH,
                bytes: 1,
                events,
                under: &[],
                counts: &[],
                master_data: &master_data,
            };
            let make = |events| LeafRecord::of_capture(StatementId::from_hash(certificate), &[], &facts(events));
            let bytes = make(&read.events).into_bytes();
            let record = LeafRecord::from_bytes(bytes.clone()).unwrap();
            let back: Vec<_> =
                (0..record.event_keys().len() as u32).map(|at| record.event(at).unwrap().unwrap()).collect();
            assert_eq!(back, read.events, "{}", document.path);
            for element in &read.master_data {
                assert!(record.master_data_of(&element.id).unwrap().contains(element), "{}", document.path);
            }
            assert_eq!(make(&back).into_bytes(), bytes, "{}", document.path);
            compared += back.len();
        }
    }
    assert!(compared > 0);
}
