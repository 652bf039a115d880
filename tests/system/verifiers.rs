//! Three verifiers over the same evidence: this program, `web/verify.js` under Node, and `clients/python/sealane/evidence.py`, which
//! looks at proofs and completeness alone. They agree on what holds, and the first two on the verdict and its reasons.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::signer::{Signer, captured};
use crate::support::{Node, document, object_event, path, run, text};

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/";
const CASE: &str = "https://id.gs1.org/00/095060001343520000";
const PLACE: &str = "https://id.gs1.org/414/9521000000025";

fn item(serial: &str) -> String {
    format!("{ITEM}{serial}")
}

fn at(action: &str, step: &str, ids: &[&str], day: u32, further: Value) -> Value {
    let mut event = object_event(action, step, ids, &format!("2026-03-{day:02}T08:00:00.000Z"));
    for (name, value) in further.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

fn pack(action: &str, step: &str, children: &[&str], day: u32) -> Value {
    json!({
        "type": "AggregationEvent", "eventTime": format!("2026-03-{day:02}T09:00:00.000Z"),
        "eventTimeZoneOffset": "+00:00", "action": action, "bizStep": step, "parentID": CASE, "childEPCs": children,
    })
}

/// A ledger with a journey inside a case, a clone, a recalled lot, a recall claimed by somebody else and one by EPC URN.
fn ledger() -> Node {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    node.participant("trader", "distributor", &["--gln", "9521000000025"]);
    let (maker, trader) = (Signer::of(&node, "maker"), Signer::of(&node, "trader"));
    let (genuine, cloned, recalled) = (item("A1"), item("B2"), item("C3"));
    let made = |serial: &str, lot: &str| {
        let mut event = at("ADD", "commissioning", &[serial], 1, json!({"ilmd": {"cbvmda:lotNumber": lot}}));
        event["disposition"] = json!("active");
        maker.statement(&document(vec![event]))
    };
    captured(&node, made(&genuine, "L1"));
    captured(&node, made(&cloned, "L1"));
    captured(&node, made(&recalled, "L2"));
    let to = json!({"destinationList": [{"type": "location", "destination": PLACE}]});
    captured(&node, maker.statement(&document(vec![pack("ADD", "packing", &[&genuine, &cloned], 2)])));
    captured(&node, maker.statement(&document(vec![at("OBSERVE", "shipping", &[CASE], 3, to)])));
    captured(&node, trader.statement(&document(vec![at("OBSERVE", "receiving", &[CASE], 4, json!({}))])));
    captured(&node, trader.statement(&document(vec![pack("DELETE", "unpacking", &[&genuine], 5)])));
    captured(&node, maker.statement(&document(vec![at("ADD", "commissioning", &[&cloned], 6, json!({}))])));
    let lot = "https://id.gs1.org/01/09506000134352/10/L2";
    let mut recall = json!({"quantityList": [{"epcClass": lot}], "disposition": "recalled"});
    let mut event = at("OBSERVE", "holding", &[], 7, recall.take());
    event.as_object_mut().unwrap().remove("epcList");
    captured(&node, maker.statement(&document(vec![event])));
    let urn = "urn:epc:id:sgtin:9506000.013435.A1";
    let claim = at("OBSERVE", "holding", &[urn], 8, json!({"disposition": "recalled", "readPoint": {"id": PLACE}}));
    captured(&node, trader.statement(&document(vec![claim])));
    node
}

/// Evidence with one thing wrong, by name.
fn spoiled(sound: &Value) -> Vec<(&'static str, Value)> {
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut evidence = sound.clone();
        change(&mut evidence);
        evidence
    };
    let mut all = vec![
        ("no index", changed(&|e| e["index"] = json!([]))),
        ("no proof", changed(&|e| e["inclusionProof"] = json!([]))),
        ("another version", changed(&|e| e["version"] = json!(4))),
        ("a further member", changed(&|e| e["note"] = json!(1))),
        ("no signature", changed(&|e| e["commit"]["signatures"] = json!([]))),
        ("another round", changed(&|e| e["commit"]["round"] = json!(1))),
        (
            "signed twice",
            changed(&|e| {
                let one = e["commit"]["signatures"][0].clone();
                e["commit"]["signatures"].as_array_mut().unwrap().push(one);
            }),
        ),
    ];
    for at in 0..sound["index"].as_array().unwrap().len() {
        all.push(("a subject less", changed(&|e| drop(e["index"].as_array_mut().unwrap().remove(at)))));
        all.push((
            "called absent",
            changed(&|e| {
                let entry = &mut e["index"][at];
                (entry["count"], entry["leaves"]) = (json!(u64::from(entry["count"] == 0)), json!([]));
            }),
        ));
    }
    for list in ["statements", "registrations", "seals"] {
        for at in 0..sound[list].as_array().unwrap().len() {
            all.push(("a leaf less", changed(&|e| drop(e[list].as_array_mut().unwrap().remove(at)))));
        }
    }
    all
}

/// The lines that a verifier prints, by the name of the case.
fn lines(program: &str, arguments: &[&str]) -> BTreeMap<String, Value> {
    let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; ./scripts/test installs it"));
    assert!(output.status.success(), "{program}: {}", text(&output.stderr));
    let said = text(&output.stdout);
    let lines = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}")));
    lines.map(|line| (line["name"].as_str().unwrap().to_owned(), line)).collect()
}

fn ours(trust: &Path, file: &Path) -> Value {
    let output = run(&["verify", "--evidence", path(file), "--trust", path(trust), "--json"]);
    match output.status.code() {
        Some(0 | 1) => serde_json::from_slice(&output.stdout).unwrap(),
        Some(4) => Value::Null,
        other => panic!("{other:?}: {}", text(&output.stderr)),
    }
}

#[test]
fn three_verifiers_agree() {
    let node = ledger();
    let trust: PathBuf = node.dir.path().join("trust.json");
    node.run_ok(&["trust", "--out", path(&trust)]);
    let anchor: Value = serde_json::from_slice(&fs::read(&trust).unwrap()).unwrap();
    let set = tempfile::tempdir().unwrap();
    let file = node.dir.path().join("evidence.json");
    let mut expected: BTreeMap<String, Value> = BTreeMap::new();
    let mut put = |name: String, id: &str, evidence: &Value| {
        fs::write(&file, evidence.to_string()).unwrap();
        let case = json!({"name": name, "anchor": anchor, "id": id, "evidence": evidence.to_string()});
        fs::write(set.path().join(format!("{:04}.json", expected.len())), case.to_string()).unwrap();
        expected.insert(name, ours(&trust, &file));
    };
    let words = [
        (item("A1"), "authentic"),
        (item("B2"), "suspect"),
        (item("C3"), "recalled"),
        (item("NEVER"), "unknown"),
        (CASE.to_owned(), "traced"),
        ("https://id.gs1.org/01/09506000134352".to_owned(), "unknown"),
        ("https://id.gs1.org/01/09506000134352/10/L2".to_owned(), "recalled"),
    ];
    for (id, _) in &words {
        node.run_ok(&["evidence", id, "--out", path(&node.dir.path().join("sound.json"))]);
        let sound: Value = serde_json::from_slice(&fs::read(node.dir.path().join("sound.json")).unwrap()).unwrap();
        put(id.clone(), id, &sound);
        if *id == item("A1") || *id == item("C3") {
            for (number, (what, evidence)) in spoiled(&sound).into_iter().enumerate() {
                put(format!("{id}: {what} ({number})"), id, &evidence);
            }
        }
    }
    for (id, word) in &words {
        assert_eq!(expected[id]["verdict"], *word, "{id}: {}", expected[id]);
    }
    let refused = expected.values().filter(|verdict| verdict.is_null()).count();
    assert_eq!(refused, expected.len() - words.len(), "what is spoiled is refused, and nothing else");

    let folder = path(set.path());
    let python = lines("/usr/bin/python3", &["clients/python/sealane/evidence.py", "--set", folder]);
    let javascript = lines("node", &["tests/js/agree.mjs", folder]);
    for (name, verdict) in &expected {
        assert_eq!(python[name]["holds"], json!(!verdict.is_null()), "{name}: {}", python[name]);
        let other = &javascript[name];
        assert_eq!(other.get("refused").is_some(), verdict.is_null(), "{name}: {other}");
        let reasons = verdict["reasons"].as_array().into_iter().flatten();
        let reasons: Vec<Value> =
            reasons.map(|one| json!([one["rule"], one["severity"], one["leaves"], one["text"]])).collect();
        if !verdict.is_null() {
            assert_eq!((&other["verdict"], &other["reasons"]), (&verdict["verdict"], &json!(reasons)), "{name}");
        }
    }
}
