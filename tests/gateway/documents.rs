//! The documents that others have published, posted to a gateway as they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::Gateway;
use crate::support::{Node, request};

/// Prefixes of the Digital Links, and namespaces of the other ids, that the documents bring into being.
const PREFIXES: [&str; 2] = ["9521234", "0860009"];
const NAMESPACES: [&str; 5] =
    ["https://example.com/", "https://example.org/", "urn:example:", "urn:gdst:example.org:", "urn:test:"];

/// The valid documents that must be captured at least.
const CAPTURED_MIN: usize = 110;

/// The foreign vectors, if `SEALANE_VECTORS` names their folder.
pub fn folder() -> Option<PathBuf> {
    let root = std::env::var_os("SEALANE_VECTORS").filter(|root| !root.is_empty())?;
    Some(Path::new(&root).join("epcis"))
}

#[test]
fn published_documents_are_captured_as_they_are() {
    let Some(root) = folder() else {
        eprintln!("skipped: SEALANE_VECTORS does not name the folder of foreign vectors");
        return;
    };
    let node = Node::start();
    // Rights are another matter: a maker that brings nothing into being under its own prefix would be refused most of them.
    let prefixes = prefixes_in(&root);
    let mut claims: Vec<&str> = vec!["--gs1-prefix"];
    claims.extend(prefixes.iter().map(String::as_str));
    claims.push("--namespace");
    claims.extend(NAMESPACES);
    node.participant("Maker", "manufacturer", &claims);
    let gateway = Gateway::start(&node.identity("Maker"), &[&node.url], &[]);
    // Some documents give one eventID to different events, which stand on different ledgers then.
    let other = Node::start();
    other.participant("Maker", "manufacturer", &claims);
    let second = Gateway::start(&other.identity("Maker"), &[&other.url], &[]);
    let manifest = fs::read_to_string(root.join("MANIFEST.jsonl")).expect("MANIFEST.jsonl");
    let (mut posted, mut rights) = (0, BTreeMap::new());
    let (mut jobs, mut refused) = (BTreeMap::new(), BTreeMap::new());
    for line in manifest.lines() {
        let row: Value = serde_json::from_str(line).expect("a line of JSON");
        let (Some(path), Some(declared)) = (row["path"].as_str(), row["declared"].as_str()) else { continue };
        if declared == "invalid" {
            continue;
        }
        let bytes = fs::read(root.join(path)).unwrap();
        let is_event = row["doc_type"].as_str().is_some_and(|kind| kind.ends_with("Event"));
        let target = if is_event { "/events" } else { "/capture" };
        let answer = request(gateway.host(), "POST", target, &[("Content-Type", "application/ld+json")], &bytes);
        posted += 1;
        let told = answer.json();
        let said =
            format!("{} {}", told["code"].as_str().unwrap_or_default(), told["detail"].as_str().unwrap_or_default());
        match answer.status {
            201 | 202 => drop(jobs.insert(path.to_owned(), (told["captureID"].as_str().unwrap().to_owned(), bytes))),
            403 => drop(rights.insert(path.to_owned(), said)),
            _ => drop(refused.insert(path.to_owned(), said)),
        }
    }
    let (mut captured, mut mended) = (0, 0);
    for (path, (id, bytes)) in jobs {
        let mut job = gateway.until(&id, |job| job["running"] == false);
        mended += usize::from(job["sealane:changed"].to_string().contains("is an event hash id"));
        if job["errors"][0]["code"] == "event-conflict" {
            let answer = request(second.host(), "POST", "/capture", &[("Content-Type", "application/json")], &bytes);
            job = second.until(&crate::program::id_of(&answer), |job| job["running"] == false);
        }
        match job["sealane:state"].as_str() {
            Some("final") => captured += 1,
            _ => drop(refused.insert(path, format!("by the node: {}", job["errors"]))),
        }
    }
    let list = |all: &BTreeMap<String, String>| {
        all.iter().map(|(path, why)| format!("\n  {path}: {}", short(why))).collect::<String>()
    };
    println!(
        "of {posted} published documents that are not declared invalid, {captured} are final, {mended} of them without a wrong hash id; rights refuse {}:{}\nrefused {}:{}",
        rights.len(),
        list(&rights),
        refused.len(),
        list(&refused)
    );
    assert!(captured >= CAPTURED_MIN, "{captured} captured, {} refused by rights", rights.len());
    for (path, why) in &refused {
        let says_where = why.contains(" at ") || why.contains("no event and no master data");
        assert!(says_where, "{path}: the refusal does not say what is wrong where: {why}");
    }
}

fn short(text: &str) -> String {
    text.chars().take(300).collect()
}

/// Company prefixes of the EPC URNs in all documents, those first that stand in most of them, as many as one participant may claim.
fn prefixes_in(root: &Path) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = fs::read_to_string(&path) else { continue };
            for kind in [
                "urn:epc:id:sgtin:",
                "urn:epc:class:lgtin:",
                "urn:epc:id:sscc:",
                "urn:epc:id:grai:",
                "urn:epc:id:giai:",
            ] {
                for (at, _) in text.match_indices(kind) {
                    let rest = &text[at + kind.len()..];
                    let prefix: String = rest.chars().take_while(char::is_ascii_digit).collect();
                    if (6..=12).contains(&prefix.len()) {
                        *counts.entry(prefix).or_default() += 1;
                    }
                }
            }
        }
    }
    let mut all: Vec<(usize, String)> = counts.into_iter().map(|(prefix, count)| (count, prefix)).collect();
    all.sort_by(|one, other| other.cmp(one));
    let mut taken: Vec<String> = PREFIXES.map(str::to_owned).to_vec();
    for (_, prefix) in all {
        // One prefix that begins another would claim the same keys.
        if taken.len() < 60 && !taken.iter().any(|other| other.starts_with(&prefix) || prefix.starts_with(other)) {
            taken.push(prefix);
        }
    }
    taken
}
