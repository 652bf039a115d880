//! `sealane verify`: every proof is checked by whoever asks, with a network and without one.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};

use crate::signer::{Signer, captured};
use crate::support::{Node, document, object_event, path, run, run_ok, sealane, text};

const GENUINE: &str = "https://id.gs1.org/01/09506000134352/21/A1";
const CLONED: &str = "https://id.gs1.org/01/09506000134352/21/B2";

/// A ledger with a genuine item and one that was commissioned twice.
fn ledger() -> Node {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let maker = Signer::of(&node, "maker");
    let event = |action: &str, step: &str, item: &str, day: u32| {
        object_event(action, step, &[item], &format!("2026-03-{day:02}T08:00:00.000Z"))
    };
    captured(&node, maker.statement(&document(vec![event("ADD", "commissioning", GENUINE, 1)])));
    captured(&node, maker.statement(&document(vec![event("ADD", "commissioning", CLONED, 1)])));
    captured(&node, maker.statement(&document(vec![event("OBSERVE", "inspecting", GENUINE, 2)])));
    captured(&node, maker.statement(&document(vec![event("ADD", "commissioning", CLONED, 3)])));
    node
}

/// Evidence and anchor as saved by the commands, to be judged where nothing can be fetched.
struct Saved<'a> {
    node: &'a Node,
    trust: PathBuf,
}

impl<'a> Saved<'a> {
    fn of(node: &'a Node) -> Self {
        let trust = node.dir.path().join("trust.json");
        node.run_ok(&["trust", "--out", path(&trust)]);
        Self { node, trust }
    }

    fn evidence(&self, id: &str) -> Value {
        let file = self.node.dir.path().join("evidence.json");
        self.node.run_ok(&["evidence", id, "--out", path(&file)]);
        serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
    }

    fn judge(&self, evidence: &Value) -> Output {
        self.judge_text(&evidence.to_string(), &[])
    }

    fn judge_text(&self, evidence: &str, further: &[&str]) -> Output {
        let file = self.node.dir.path().join("given.json");
        fs::write(&file, evidence).unwrap();
        let mut arguments = vec![
            "verify",
            "--evidence",
            path(&file),
            "--trust",
            path(&self.trust),
            "--url",
            "http://127.0.0.1:1",
            "--json",
        ];
        arguments.extend(further);
        run(&arguments)
    }

    #[track_caller]
    fn refuses(&self, what: &str, evidence: &Value, words: &str) {
        refused(&self.judge(evidence), what, words);
    }
}

#[track_caller]
fn refused(output: &Output, what: &str, words: &str) {
    let says = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(4), ""), "{what}: {says}");
    assert!(says.contains("the evidence ") && says.contains(words), "{what}: no {words:?} in {says}");
}

fn verdict(output: &Output) -> Value {
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    verdict["verdict"].clone()
}

#[test]
fn a_verdict_has_its_exit_code() {
    let node = ledger();
    let verify = |ids: &[&str]| {
        let mut arguments = vec!["verify", "--json"];
        arguments.extend(ids);
        node.run(&arguments)
    };
    let genuine = verify(&[GENUINE]);
    assert_eq!((genuine.status.code(), verdict(&genuine)), (Some(0), json!("authentic")));
    let answer: Value = serde_json::from_slice(&genuine.stdout).unwrap();
    assert_eq!(answer["checked"]["treeSize"], node.tree_size(), "{answer}");
    // The commit, the registration and two captures; a seal for each of their blocks and the last, and each statement.
    assert_eq!(answer["checked"]["signatures"], 4, "{answer}");
    assert_eq!(answer["checked"]["inclusionProofs"], 7, "{answer}");
    assert!(answer["checked"]["milliseconds"].as_f64().is_some_and(|took| took > 0.0), "{answer}");
    assert_eq!(answer.get("firstContact"), None, "the member's own anchor needs no first contact");
    let cloned = verify(&[CLONED]);
    assert_eq!((cloned.status.code(), verdict(&cloned)), (Some(1), json!("suspect")));
    assert!(text(&cloned.stdout).contains("commissioned-twice"), "{}", text(&cloned.stdout));
    let unknown = verify(&["https://id.gs1.org/01/09506000134352/21/NONE"]);
    assert_eq!((unknown.status.code(), verdict(&unknown)), (Some(1), json!("unknown")));
    let many = verify(&[GENUINE, CLONED]);
    assert_eq!(many.status.code(), Some(1), "one that is not authentic decides");
    let said: Vec<Value> = serde_json::from_slice(&many.stdout).unwrap();
    assert_eq!((&said[0]["verdict"], &said[1]["verdict"]), (&json!("authentic"), &json!("suspect")));

    // For people: the word comes first, and what was checked here comes last.
    let told = text(&node.run(&["verify", CLONED]).stdout);
    assert!(told.starts_with(&format!("SUSPECT  {CLONED}\n  Do not trust it. ")), "{told}");
    assert!(told.contains("Checked here in ") && told.contains("so that nothing was left out"), "{told}");
}

#[test]
fn an_id_is_taken_in_each_form() {
    let node = ledger();
    for id in [
        GENUINE,
        "http://example.com/some/path/01/09506000134352/21/A1?17=261231",
        "urn:epc:id:sgtin:9506000.013435.A1",
        "(01)09506000134352(21)A1",
        "(21)A1(01)09506000134352",
    ] {
        let output = node.run(&["verify", "--json", id]);
        let answer: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{id}: {}", text(&output.stderr)));
        assert_eq!((&answer["verdict"], &answer["id"]), (&json!("authentic"), &json!(GENUINE)), "{id}");
    }
    for (id, words) in [
        ("", ""),
        ("hello", ""),
        ("(01)09506000134353(21)A1", "check digit"),
        ("https://id.gs1.org/01/09506000134353/21/A1", "check digit"),
        ("(01)0950600013435(21)A1", "it should be 9"),
        ("urn:epc:id:sgtin:9506000.013435", ""),
        ("urn:epc:id:nothing:9506000.013435.A1", "nothing"),
    ] {
        let output = node.run(&["verify", id]);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{id}: {says}");
        assert!(says.len() > 20 && says.contains(words), "{id}: no {words:?} in {says}");
    }
}

#[test]
fn the_first_contact_with_a_ledger_is_said_and_then_pinned() {
    let node = ledger();
    let pins = tempfile::tempdir().unwrap();
    let elsewhere = pins.path().join("no-data");
    let verify = |url: &str, further: &[&str]| {
        let mut arguments = vec!["verify", "--json", GENUINE, "--url", url, "--data", path(&elsewhere)];
        arguments.extend(further);
        sealane(&arguments).env("SEALANE_PINS", pins.path()).output().unwrap()
    };
    let first = verify(&node.url, &[]);
    let answer: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!((first.status.code(), &answer["firstContact"]), (Some(0), &json!(true)), "{answer}");
    let fingerprint = node.get("/trust").json()["fingerprint"].as_str().unwrap().to_owned();
    let says = text(&first.stderr);
    assert!(says.contains("first contact") && says.contains(&node.origin) && says.contains(&fingerprint), "{says}");
    let second = verify(&node.url, &[]);
    let answer: Value = serde_json::from_slice(&second.stdout).unwrap();
    assert_eq!((answer.get("firstContact"), text(&second.stderr).as_str()), (None, ""), "{answer}");
    assert!(!elsewhere.exists());

    // A ledger of the same name that began otherwise is not the pinned one.
    let dir = tempfile::tempdir().unwrap();
    run_ok(&["init", "--name", "Impostor", "--origin", &node.origin, "--data", path(&dir.path().join("data"))]);
    let impostor = Node::serve(dir);
    assert_eq!(impostor.origin, node.origin);
    refused(&verify(&impostor.url, &[]), "an impostor", "the commit");
    // To trust it takes a deliberate step.
    let anchor = pins.path().join("impostor.json");
    impostor.run_ok(&["trust", "--out", path(&anchor)]);
    assert_eq!(verdict(&verify(&impostor.url, &["--trust", path(&anchor)])), "unknown");
    refused(&verify(&node.url, &["--trust", path(&anchor)]), "another anchor", "the commit");
    let pin = sealane(&["trust", "--pin", path(&anchor)]).env("SEALANE_PINS", pins.path()).output().unwrap();
    assert!(pin.status.success(), "{}", text(&pin.stderr));
    assert_eq!(verdict(&verify(&impostor.url, &[])), "unknown");
}

#[test]
fn a_url_that_offers_another_ledger_than_before_is_not_believed() {
    let node = ledger();
    let pins = tempfile::tempdir().unwrap();
    let elsewhere = pins.path().join("no-data");
    let url = node.url.clone();
    let run = |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--url", &url, "--data", path(&elsewhere)]);
        sealane(&all).env("SEALANE_PINS", pins.path()).output().unwrap()
    };
    assert_eq!(verdict(&run(&["verify", "--json", GENUINE])), "authentic");

    // The same place, another ledger: whoever stands there now has to be vouched for.
    let address = node.url.strip_prefix("http://").unwrap().to_owned();
    node.stop();
    let dir = tempfile::tempdir().unwrap();
    run_ok(&["init", "--name", "Successor", "--data", path(&dir.path().join("data"))]);
    let successor = Node::serve_on(dir, &address);
    let changed = run(&["verify", "--json", GENUINE]);
    assert_eq!(changed.status.code(), Some(4), "{}", text(&changed.stderr));
    let says = text(&changed.stderr);
    assert!(says.contains(&successor.origin) && says.contains("sealane trust --pin FILE"), "{says}");
    let anchor = pins.path().join("successor.json");
    successor.run_ok(&["trust", "--out", path(&anchor)]);
    assert!(run(&["trust", "--pin", path(&anchor)]).status.success());
    assert_eq!(verdict(&run(&["verify", "--json", GENUINE])), "unknown");
}

#[test]
fn an_anchor_whose_readable_part_is_not_its_genesis_is_refused() {
    let node = ledger();
    let saved = Saved::of(&node);
    let evidence = saved.evidence(GENUINE).to_string();
    let anchor: Value = serde_json::from_slice(&std::fs::read(&saved.trust).unwrap()).unwrap();
    for (pointer, value) in [
        ("/fingerprint", json!(sealane_core::hash::Hash::of(b"another"))),
        ("/members/0/name", json!("Trusted Government")),
        ("/origin", json!("ledger.example/other")),
    ] {
        let mut changed = anchor.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        std::fs::write(&saved.trust, changed.to_string()).unwrap();
        let output = saved.judge_text(&evidence, &[]);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{pointer}: {says}");
        assert!(says.contains("are not what its genesis statement and height give"), "{pointer}: {says}");
    }
}

#[test]
fn saved_evidence_is_judged_without_a_network() {
    let node = ledger();
    let saved = Saved::of(&node);
    for (id, code, word) in [
        (GENUINE, 0, "authentic"),
        (CLONED, 1, "suspect"),
        ("https://id.gs1.org/01/09506000134352/21/NONE", 1, "unknown"),
    ] {
        let output = saved.judge(&saved.evidence(id));
        assert_eq!((output.status.code(), verdict(&output)), (Some(code), json!(word)), "{id}");
    }
    let evidence = saved.evidence(GENUINE).to_string();
    let asked = saved.judge_text(&evidence, &["urn:epc:id:sgtin:9506000.013435.A1"]);
    assert_eq!(verdict(&asked), "authentic");
    refused(&saved.judge_text(&evidence, &[CLONED]), "another id", "the evidence is about ");
    let two = saved.judge_text(&evidence, &[GENUINE, CLONED]);
    assert_eq!(two.status.code(), Some(2), "{}", text(&two.stderr));
    let alone = run(&["verify", "--evidence", path(&node.dir.path().join("given.json"))]);
    assert_eq!(alone.status.code(), Some(2), "{}", text(&alone.stderr));
    let missing = run(&["verify", "--evidence", "none.json", "--trust", path(&saved.trust)]);
    assert_eq!(missing.status.code(), Some(2), "{}", text(&missing.stderr));
    let evidence_as_trust = run(&["verify", "--evidence", path(&saved.trust), "--trust", path(&saved.trust)]);
    assert_eq!(evidence_as_trust.status.code(), Some(4), "{}", text(&evidence_as_trust.stderr));
}

/// Changes one value somewhere in a document in a way that depends on `round`.
fn change(value: &mut Value, round: usize) {
    match value {
        Value::Number(number) => *value = json!(number.as_u64().unwrap() + 1),
        Value::String(string) => {
            let at = [0, string.len() / 2, string.len() - 1][round];
            let other = if string.as_bytes()[at] == b'A' { "B" } else { "A" };
            assert!(string.is_char_boundary(at));
            string.replace_range(at..=at, other);
        }
        Value::Null => *value = json!(sealane_core::hash::Hash::of(b"another")),
        other => panic!("{other} is no value to change"),
    }
}

/// JSON pointers to every number and string of a document.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| pointers(value, &format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| pointers(value, &format!("{at}/{index}"), found));
        }
        _ => found.push(at.to_owned()),
    }
}

#[test]
fn evidence_with_anything_changed_does_not_hold() {
    let node = ledger();
    let saved = Saved::of(&node);
    let sound = saved.evidence(GENUINE);
    let mut places = Vec::new();
    pointers(&sound, "", &mut places);
    assert!(places.len() > 40, "{} values", places.len());
    for place in &places {
        let rounds = if sound.pointer(place).unwrap().is_number() { 1 } else { 3 };
        for round in 0..rounds {
            let mut evidence = sound.clone();
            change(evidence.pointer_mut(place).unwrap(), round);
            saved.refuses(&format!("{place}, round {round}"), &evidence, "");
        }
    }
    // A statement that lacks one byte, wherever.
    let statement = sound["statements"][0]["statement"].as_str().unwrap();
    for at in [0, 10, statement.len() / 2, statement.len() - 1] {
        let mut evidence = sound.clone();
        let mut shorter = statement.to_owned();
        shorter.remove(at);
        evidence["statements"][0]["statement"] = json!(shorter);
        saved.refuses(&format!("byte {at}"), &evidence, "the leaves are not in the tree");
    }
}

#[test]
fn evidence_put_together_from_other_evidence_does_not_hold() {
    let node = ledger();
    let saved = Saved::of(&node);
    let older = saved.evidence(GENUINE);
    let maker = Signer::of(&node, "maker");
    let third = object_event("OBSERVE", "inspecting", &[GENUINE], "2026-03-05T08:00:00.000Z");
    captured(&node, maker.statement(&document(vec![third])));
    let newer = saved.evidence(GENUINE);
    assert_eq!(saved.judge(&older).status.code(), Some(0), "older evidence holds as of its own time");

    let with = |base: &Value, changes: &[(&str, &Value)]| {
        let mut evidence = base.clone();
        changes.iter().for_each(|(place, value)| *evidence.pointer_mut(place).unwrap() = (*value).clone());
        evidence
    };
    let without = |base: &Value, subject: usize| {
        let mut evidence = base.clone();
        evidence["index"].as_array_mut().unwrap().remove(subject);
        evidence
    };
    let none = json!([]);
    let cases = [
        (
            "an older checkpoint under a newer commit",
            with(&newer, &[("/checkpoint", &older["checkpoint"])]),
            "the commit",
        ),
        ("an older commit over a newer checkpoint", with(&newer, &[("/commit", &older["commit"])]), "the commit"),
        ("an older seal under a newer checkpoint", with(&newer, &[("/seal", &older["seal"])]), "leaf "),
        ("an older seal of the newer tree", with(&newer, &[("/seal", &newer["seals"][0])]), "the checkpoint's seal: "),
        (
            "older proofs under a newer checkpoint",
            with(&newer, &[("/inclusionProof", &older["inclusionProof"])]),
            "the leaves are not in the tree",
        ),
        ("no proof", with(&newer, &[("/inclusionProof", &none)]), "the leaves are not in the tree"),
        ("no registrations", with(&newer, &[("/registrations", &none)]), "the leaves are not in the tree"),
        ("no seals", with(&newer, &[("/seals", &none)]), "the leaves are not in the tree"),
        (
            "another's statements",
            with(&newer, &[("/statements", &saved.evidence(CLONED)["statements"])]),
            "the leaves are not in the tree",
        ),
        ("an older index", with(&newer, &[("/index", &older["index"])]), "what the index says of "),
        ("no index", with(&newer, &[("/index", &none), ("/signers", &none)]), "something is left out"),
        ("a subject less", without(&newer, 3), "something is left out"),
        (
            "a capture as a registration",
            with(&newer, &[("/registrations", &newer["statements"])]),
            "two things are said to stand at leaf ",
        ),
        ("a statement twice", with(&newer, &[("/statements/1", &newer["statements"][0])]), "not in ledger order"),
        (
            "another version",
            with(&newer, &[("/version", &json!(4))]),
            "has version 4, and this program reads version 3",
        ),
        ("no signature", with(&newer, &[("/commit/signatures", &none)]), "the commit"),
    ];
    for (what, evidence, words) in &cases {
        saved.refuses(what, evidence, words);
    }
    let mut further = newer.clone();
    further["note"] = json!("trust me");
    saved.refuses("an unknown member", &further, "note");
    let twice = newer.to_string().replacen("{", "{\"version\":1,", 1);
    refused(&saved.judge_text(&twice, &[]), "a member given twice", "cannot be read");
    refused(&saved.judge_text("not JSON", &[]), "no JSON", "cannot be read");
    refused(&saved.judge_text("", &[]), "nothing", "cannot be read");

    // Under the anchor of another ledger nothing of it counts.
    let other = Node::start();
    let foreign = Saved { node: &node, trust: Saved::of(&other).trust };
    foreign.refuses("another anchor", &newer, "is of ");
}
