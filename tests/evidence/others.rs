//! The other verifiers: one in JavaScript, which judges too, and one in Python, written from `docs/FORMATS.md` alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::set::{cases, directory, expected};

/// Disagreements that are told, of however many.
const TOLD_MAX: usize = 12;

/// Runs a verifier over a folder of cases. It prints a line of JSON for each file, with its `name`.
pub fn said_by(program: &str, script: &str, arguments: &[&str], folder: &Path) -> BTreeMap<String, Value> {
    let script: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    assert!(script.exists(), "{} is missing: the verifier that this test compares with", script.display());
    let output = Command::new(program).arg(&script).args(arguments).arg(folder).output();
    let output =
        output.unwrap_or_else(|error| panic!("{program} cannot be run ({error}): install it, and put it on PATH"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let name = |line: &Value| line["name"].as_str().unwrap_or_default().to_owned();
    let said: BTreeMap<String, Value> = lines.into_iter().map(|line| (name(&line), line)).collect();
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(said.len(), files, "{program} did not speak of every document: {err}");
    said
}

#[track_caller]
fn agrees(differences: &[String]) {
    let told = differences.iter().take(TOLD_MAX).cloned().collect::<Vec<_>>().join("\n");
    assert!(differences.is_empty(), "{} of {} documents:\n{told}", differences.len(), cases().len());
}

#[test]
fn javascript_reaches_the_same_verdicts_by_the_same_rules_in_the_same_words() {
    let said = said_by("node", "tests/js/agree.mjs", &[], directory());
    let mut differences = Vec::new();
    for (number, case) in cases().iter().enumerate() {
        let line = &said[&number.to_string()];
        let wanted = expected(case);
        let is_same = match &case.outcome {
            Ok(_) => ["verdict", "reasons", "told"].iter().all(|member| line[member] == wanted[member]),
            Err(_) => line["refused"] == json!(true),
        };
        if !is_same {
            differences.push(format!("{number:05} {}: expected {wanted}, and it says {line}", case.name));
        }
    }
    agrees(&differences);
    let believed = cases().iter().enumerate().filter(|(number, case)| {
        case.claimed.is_some_and(|claimed| said[&number.to_string()]["verdict"] == json!(claimed))
    });
    assert_eq!(believed.count(), 0, "false verdicts are borne out");
}

#[test]
fn python_finds_the_same_evidence_whole() {
    let said = said_by("/usr/bin/python3", "clients/python/sealane/evidence.py", &["--set"], directory());
    let mut differences = Vec::new();
    for (number, case) in cases().iter().enumerate() {
        let line = &said[&number.to_string()];
        if line["holds"] != json!(case.outcome.is_ok()) {
            differences.push(format!("{number:05} {}: expected {}, and it says {line}", case.name, expected(case)));
        }
    }
    agrees(&differences);
}

/// The worked examples of the page, read by the program that was written from it.
#[test]
fn python_computes_the_examples_of_the_page() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python/tests/formats.py");
    let output = Command::new("/usr/bin/python3").arg(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
