//! Chains of custody of the seafood trade, posted by their companies, with `urn:gdst` ids claimed as namespaces: the
//! verdicts about all that they name, and whether a reader of the documents would agree.

use std::collections::BTreeSet;
use std::path::PathBuf;

use sealane_core::provenance::{Reason, Severity, Verdict};

use crate::others::said_by;
use crate::set::{Case, expected, write};
use ledger::Landed;

mod chain;
mod ledger;
mod ours;
mod reader;
mod theirs;

/// The folder of the chains that others wrote; `None`, with a line that says so, when it is missing.
fn folder() -> Option<PathBuf> {
    let root = std::env::var_os("SEALANE_VECTORS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors")), PathBuf::from);
    let folder = root.join("epcis/opentraceability");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no vectors at {}", folder.display());
    None
}

/// The rules that gave reasons of this weight.
fn rules(verdict: &Verdict, of: &[Severity]) -> BTreeSet<&'static str> {
    verdict.reasons.iter().filter(|reason| of.contains(&reason.severity)).map(|reason| reason.rule).collect()
}

fn against(verdict: &Verdict) -> BTreeSet<&'static str> {
    rules(verdict, &[Severity::Recall, Severity::Fails, Severity::Disputes, Severity::Gap])
}

/// Holds every verdict of a chain against the reader's, and gives a line of a table for each id.
fn compare(landed: &Landed) -> Vec<String> {
    let (name, mut lines) = (&landed.chain.name, Vec::new());
    for (id, verdict) in &landed.answers {
        let wanted = reader::expect(landed, id);
        let found = (verdict.word.as_str(), against(verdict));
        let reasons: Vec<_> = verdict.reasons.iter().map(|one| (one.rule, &one.leaves, &one.sentence)).collect();
        assert_eq!(found, (wanted.word, wanted.against.keys().copied().collect()), "{name}: {id}: {reasons:#?}");
        let origin = verdict.reasons.iter().find(|reason| reason.rule == "commissioned-by-prefix-holder");
        let leaves = origin.map(|reason| reason.leaves.clone()).unwrap_or_default();
        if !wanted.against.contains_key("commissioned-twice") {
            assert_eq!(leaves, wanted.origins, "{name}: {id}: where it comes from");
        }
        lines.push(line(id.as_str(), verdict));
    }
    lines
}

fn line(id: &str, verdict: &Verdict) -> String {
    let leaf = |reason: &Reason| reason.leaves.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let told: Vec<String> = verdict.reasons.iter().map(|one| format!("{} [{}]", one.rule, leaf(one))).collect();
    format!("| {id} | {} | {} |", verdict.word.as_str(), told.join(", "))
}

/// The verifiers in JavaScript and in Python say the same of the same documents.
fn others_agree(folder: &str, cases: &[Case]) {
    let folder = write(folder, cases);
    let script = said_by("node", "tests/js/agree.mjs", &[], &folder);
    let python = said_by("/usr/bin/python3", "clients/python/sealane/evidence.py", &["--set"], &folder);
    for (number, case) in cases.iter().enumerate() {
        let (said, wanted) = (&script[&number.to_string()], expected(case));
        for member in ["verdict", "reasons", "told"] {
            assert_eq!(said[member], wanted[member], "{}", case.name);
        }
        assert_eq!(python[&number.to_string()]["holds"], true, "{}", case.name);
    }
}
