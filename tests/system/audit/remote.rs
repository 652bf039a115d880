//! `sealane audit --url`: somebody else's node, replayed over its bundles, and caught at whatever it does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use sealane_core::epcis::{self, Reader};
use sealane_core::hash::Hash;
use sealane_core::index::names::{self, Names};
use sealane_core::index::{Acts, Subject};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::shelf::{Reply, Server, Shelf};
use crate::signer::{Signer, captured, now};
use crate::support::{Node, document, object_event, path, run_ok, sealane, text};

const LAST: &str = "/ledger/blocks/latest";

/// Somebody outside: a trust anchor, and what was seen before, in a directory of their own.
struct Auditor {
    dir: TempDir,
}

impl Auditor {
    fn of(node: &Node) -> Self {
        let dir = tempfile::tempdir().unwrap();
        node.run_ok(&["trust", "--out", path(&dir.path().join("trust.json"))]);
        Self { dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn keep(&self, name: &str, value: &Value) -> PathBuf {
        let file = self.file(name);
        fs::write(&file, value.to_string()).unwrap();
        file
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = sealane(arguments);
        command.env("SEALANE_PINS", self.file("pins")).current_dir(self.dir.path()).output().unwrap()
    }

    fn audit(&self, url: &str, further: &[&str]) -> Output {
        let trust = self.file("trust.json");
        let mut arguments = vec!["audit", "--quiet", "--url", url, "--trust", path(&trust)];
        arguments.extend(further);
        self.run(&arguments)
    }

    /// Audits a node that must not pass: its exit code, and the words of the complaint.
    #[track_caller]
    fn refuses(&self, url: &str, further: &[&str], code: i32, words: &[&str]) -> String {
        let output = self.audit(url, further);
        let says = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(code), ""), "{says}");
        for words in words {
            assert!(says.contains(words), "no {words:?} in {says}");
        }
        says
    }

    #[track_caller]
    fn passes(&self, url: &str, further: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(further);
        let output = self.audit(url, &all);
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{}", text(&output.stdout));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn maker(node: &Node) -> Signer {
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    Signer::of(node, "maker")
}

/// A commissioning of one item.
fn made(serial: &str) -> Value {
    let item = format!("https://id.gs1.org/01/09506000134352/21/{serial}");
    document(vec![object_event("ADD", "commissioning", &[&item], "2026-03-01T08:00:00.000Z")])
}

/// The subjects that a document's events name.
fn subjects(document: &Value, signer: &Signer) -> Names {
    let document = epcis::read(document.to_string().as_bytes(), Reader::Strict).unwrap();
    names::of_capture(&document.events, &signer.participant)
}

fn height(receipt: &Value) -> u64 {
    receipt["commit"]["height"].as_u64().unwrap()
}

/// A second data directory like the one of a node that was stopped.
fn copy(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("data")).unwrap();
    for entry in fs::read_dir(dir.join("data")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join("data").join(entry.file_name())).unwrap();
    }
    copy
}

/// Two nodes of one member's key, each with a block of its own after a common beginning; and a receipt of each.
fn forked() -> (Signer, [(Node, Value); 2]) {
    let node = Node::start();
    let maker = maker(&node);
    let dir = node.stop();
    let other = Node::serve(copy(dir.path()));
    let node = Node::serve(dir);
    let receipts = [(&node, "F1"), (&other, "F2")].map(|(node, item)| captured(node, maker.statement(&made(item))));
    let [first, second] = receipts;
    (maker, [(node, first), (other, second)])
}

#[test]
fn a_sound_node_is_found_sound_from_outside() {
    let node = Node::start();
    let maker = maker(&node);
    let carrier = node.participant("carrier", "shipper", &["--gln", "9521321000018"]);
    let auditor = Auditor::of(&node);
    let one = captured(&node, maker.statement(&made("R1")));
    let many: Vec<String> = (0..1_200).map(|n| format!("https://id.gs1.org/01/09506000134352/21/M{n:05}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let long = document(vec![object_event("ADD", "commissioning", &many, "2026-03-01T09:00:00.000Z")]);
    let two = captured(&node, maker.statement(&long));
    node.run_ok(&["revoke", &carrier, "--reason", "left the trade"]);

    // Receipts as they come: one, the job that has it, a list as `post` prints it; and a directory of such files.
    fs::create_dir(auditor.file("receipts")).unwrap();
    let lone = auditor.keep("lone.json", &one);
    auditor.keep("receipts/job.json", &json!({"captureID": "x", "receipt": two}));
    auditor.keep("receipts/posted.json", &json!([{"leafIndex": 1, "receipt": one}, two]));
    let receipts = ["--receipts", path(&lone), path(&auditor.file("receipts"))].map(str::to_owned);
    let report = auditor.passes(&node.url, &receipts.each_ref().map(String::as_str));
    let own: Value = serde_json::from_str(&run_ok(&["audit", "--json", "--data", path(&node.data())])).unwrap();
    for (member, value) in own.as_object().unwrap() {
        assert_eq!(report[member], *value, "{member}");
    }
    assert_eq!((&report["origin"], &report["receipts"]), (&json!(node.origin), &json!(4)));
    let note = text(&node.get("/ledger/checkpoint").body);
    assert!(note.starts_with(report["checkpoint"].as_str().unwrap()), "{report} {note}");

    // A long statement beside its leaf is held against it.
    for (body, code, words) in [
        (None, 4, "the long statement that it stands for is missing"),
        (Some(long.to_string().into_bytes()), 4, "does not have the hash that it holds"),
        (Some(vec![b'x'; 4_194_305]), 4, "goes on past 4194304 bytes"),
    ] {
        let liar = Server::before(&node.url, move |path, _| {
            let gone = || Reply::Status(404, "Content-Length: 0\r\n");
            path.starts_with("/ledger/statements/").then(|| body.clone().map_or_else(gone, Reply::Body))
        });
        let leaf = two["leafIndex"].to_string();
        auditor.refuses(&liar.url, &[], code, &[&format!("leaf {leaf}: "), words]);
    }

    // What people read; and it is known that the ledger went on.
    captured(&node, maker.statement(&made("R2")));
    let output = auditor.audit(&node.url, &["--receipts", path(&lone)]);
    let says = text(&output.stdout);
    assert!(output.status.success() && says.contains("is sound") && says.contains("It keeps the receipt"), "{says}");
}

#[test]
fn a_ledger_of_several_bundles_is_replayed_while_it_grows() {
    let node = Node::start();
    let maker = maker(&node);
    std::thread::scope(|scope| {
        for first in 0..8 {
            let (node, maker) = (&node, &maker);
            scope.spawn(move || {
                (first..304).step_by(8).for_each(|n| drop(captured(node, maker.statement(&made(&format!("L{n}"))))));
            });
        }
    });
    let auditor = Auditor::of(&node);
    let size = node.tree_size();
    let grown = maker.statement(&made("GROWN"));
    let url = node.url.clone();
    let posted = std::sync::Once::new();
    // The node takes a further statement after it was asked for its latest block.
    let growing = Server::before(&node.url.clone(), move |path, _| {
        if path.starts_with("/ledger/tile/") {
            let send = || {
                drop(
                    ureq::post(format!("{url}/epcis/capture"))
                        .header("content-type", "application/jose")
                        .header("prefer", "wait=60")
                        .send(&grown)
                        .unwrap(),
                )
            };
            posted.call_once(send);
        }
        None
    });
    assert!(size > 256);
    assert_eq!(auditor.passes(&growing.url, &[])["leaves"], size);
    assert!(node.tree_size() > size);
    // The last bundle is withheld.
    let withheld = Server::before(&node.url, |path, _| {
        path.starts_with("/ledger/tile/entries/001").then_some(Reply::Status(404, "Content-Length: 0\r\n"))
    });
    auditor.refuses(&withheld.url, &[], 4, &["leaf 256: /ledger/tile/entries/001.p/", "covers, is not there"]);
}

#[test]
fn a_full_bundle_does_for_a_partial_one_that_is_gone() {
    let node = Node::start();
    let maker = maker(&node);
    let auditor = Auditor::of(&node);
    let [latest, note] = [LAST, "/ledger/checkpoint"].map(|path| node.get(path).body);
    let size = node.tree_size();
    let statements: Vec<String> = (0..260).map(|n| maker.statement(&made(&format!("P{n}")))).collect();
    std::thread::scope(|scope| {
        for some in statements.chunks(33) {
            scope.spawn(|| some.iter().for_each(|statement| drop(captured(&node, statement))));
        }
    });
    let full = Server::before(&node.url, move |path, _| match path {
        LAST => Some(Reply::Body(latest.clone())),
        "/ledger/checkpoint" => Some(Reply::Body(note.clone())),
        _ => path.contains(".p/").then_some(Reply::Status(404, "Content-Length: 0\r\n")),
    });
    assert_eq!(auditor.passes(&full.url, &[])["leaves"], size);
}

#[test]
fn one_altered_byte_is_found_in_its_block() {
    let node = Node::start();
    let maker = maker(&node);
    let receipt = captured(&node, maker.statement(&made("B1")));
    let auditor = Auditor::of(&node);
    let size = node.tree_size() as usize;
    let bundle = node.get(&format!("/ledger/tile/entries/000.p/{size}")).body;
    let entries: Vec<Vec<u8>> =
        sealane_core::merkle::decode_entries(&bundle, size as u16).unwrap().into_iter().map(<[u8]>::to_vec).collect();
    let blocks: Vec<Value> = (0..=height(&receipt)).map(|n| node.get(&format!("/ledger/blocks/{n}")).json()).collect();
    let mut starts = 0;
    for (leaf, entry) in entries.iter().enumerate() {
        let block = blocks.iter().find(|block| leaf < block["to"].as_u64().unwrap() as usize).unwrap();
        for at in [0, entry.len() / 3, entry.len() - 1] {
            let at = starts + 2 + at;
            let liar = Server::before(&node.url, move |path, body| {
                path.starts_with("/ledger/tile/entries/").then(|| {
                    let mut body = body.to_vec();
                    body[at] ^= 1;
                    Reply::Body(body)
                })
            });
            let named = format!("is not sound: block {}, leaf {leaf}: ", block["height"]);
            auditor.refuses(&liar.url, &[], 4, &[&named]);
        }
        starts += 2 + entry.len();
    }
    assert_eq!(starts, bundle.len());
}

#[test]
fn answers_that_cannot_be_right_are_refused() {
    let node = Node::start();
    let maker = maker(&node);
    captured(&node, maker.statement(&made("W1")));
    let auditor = Auditor::of(&node);
    let elsewhere = "Location: http://192.0.2.1/\r\nContent-Length: 0\r\n";
    // Where, what instead, and what comes of it.
    type Change = fn(&str, &[u8]) -> Reply;
    let cases: [(&str, Change, i32, &str); 12] = [
        (
            "/ledger/tile/",
            |_, _| Reply::Status(404, "Content-Length: 0\r\n"),
            4,
            "block 0, leaf 0: /ledger/tile/entries/000.p/",
        ),
        ("/ledger/tile/", |_, _| Reply::Status(500, "Content-Length: 0\r\n"), 3, "answered with status 500"),
        ("/ledger/tile/", |_, body| Reply::Body(body[..body.len() - 1].to_vec()), 4, "ends after the bundle does"),
        ("/ledger/tile/", |_, body| Reply::Body([body, b"x"].concat()), 4, "1 bytes follow the last"),
        ("/ledger/tile/", |_, body| Reply::CutShort(body.to_vec()), 3, "/ledger/tile/entries/"),
        ("/ledger/tile/", |_, _| Reply::Endless, 4, "goes on past 16777472 bytes"),
        ("/ledger/blocks/2", |_, _| Reply::Endless, 4, "goes on past 262144 bytes"),
        (
            "/ledger/blocks/2",
            |_, _| Reply::Status(404, "Content-Length: 0\r\n"),
            4,
            "block 2, leaf 5: block 2, which it seals, is missing",
        ),
        ("/ledger/blocks/2", |_, _| Reply::Body(b"{}".to_vec()), 4, "block 2, leaf 5: /ledger/blocks/2: missing field"),
        (LAST, |_, _| Reply::Body(b"[]".to_vec()), 4, "/ledger/blocks/latest: "),
        ("/ledger/checkpoint", |_, body| Reply::Body([b"x", body].concat()), 4, "the signed note: "),
        ("/ledger/checkpoint", |_, _| Reply::Endless, 4, "goes on past 65536 bytes"),
    ];
    for (begin, change, code, words) in cases {
        let liar = Server::before(&node.url, move |path, body| path.starts_with(begin).then(|| change(path, body)));
        auditor.refuses(&liar.url, &[], code, &[words]);
    }
    // Another host is not asked, and nobody answers for a node that is not there.
    let redirecting = Server::start(move |_| Reply::Status(302, elsewhere));
    auditor.refuses(&redirecting.url, &[], 3, &["status 302; redirects are not followed"]);
    auditor.refuses("http://127.0.0.1:1", &[], 3, &["the ledger cannot be reached", "/ledger/blocks/latest"]);
    // Another block, sound in itself, in the place of one.
    let url = node.url.clone();
    let other = Server::before(&node.url, move |path, _| {
        (path == "/ledger/blocks/2").then(|| Reply::Body(super::shelf::get(&url, "/ledger/blocks/1").unwrap()))
    });
    auditor.refuses(&other.url, &[], 4, &["block 2, leaf 5: ", "/ledger/blocks/2 is block 1"]);
    // A commit by nobody.
    let unsigned = Server::before(&node.url, |path, body| {
        let mut block: Value = serde_json::from_slice(body).ok().filter(|_| path == "/ledger/blocks/1")?;
        block["commit"]["signatures"] = json!([]);
        Some(Reply::Body(block.to_string().into_bytes()))
    });
    auditor.refuses(&unsigned.url, &[], 4, &["block 1, leaf 3: the commit of block 1: 0 of 1 members have signed"]);
}

#[test]
fn another_ledger_than_the_anchors_is_refused() {
    let [node, other] = [Node::start(), Node::start()];
    let auditor = Auditor::of(&node);
    auditor.refuses(&other.url, &[], 4, &["its checkpoint is of sealane/", "and the trust anchor of sealane/"]);
    // Without --trust the pinned anchor counts, and at first contact what the node gives.
    let first = auditor.run(&["audit", "--quiet", "--url", &other.url]);
    assert!(first.status.success() && text(&first.stderr).contains("first contact"), "{}", text(&first.stderr));
    let again = auditor.run(&["audit", "--quiet", "--url", &other.url]);
    assert_eq!((again.status.code(), text(&again.stderr).as_str()), (Some(0), ""));
}

#[test]
fn a_receipt_that_the_node_has_forked_from_is_proof() {
    let (_, [(node, receipt), (other, rival)]) = forked();
    let auditor = Auditor::of(&node);
    let file = auditor.keep("receipt.json", &receipt);
    auditor.passes(&node.url, &["--receipts", path(&file)]);
    // It is known now what the first node showed. Others have seen the other one alone, or have a receipt alone.
    let stranger = Auditor::of(&node);
    let file = stranger.keep("receipt.json", &receipt);
    stranger.passes(&other.url, &[]);
    let victim = Auditor::of(&node);
    let kept = victim.keep("receipt.json", &receipt);
    let height = height(&receipt);
    let says = victim.refuses(
        &other.url,
        &["--receipts", path(&kept)],
        4,
        &[
            "the ledger is forked: Test Member (",
            &format!("signed two histories of it at height {height}, one in the receipt in "),
            &format!("the other in blocks/latest of this node; the proof is in fork-{height}.json"),
        ],
    );
    assert!(says.contains("receipt.json"), "{says}");

    // The proof stands by itself: both checkpoints with their commits and seals.
    let proof = victim.file(&format!("fork-{height}.json"));
    let fork: Value = serde_json::from_slice(&fs::read(&proof).unwrap()).unwrap();
    for (side, receipt) in [("first", &receipt), ("second", &rival)] {
        for member in ["checkpoint", "commit", "seal"] {
            assert_eq!(fork[side][member], receipt[member], "{side} {member}");
        }
    }
    let trust = victim.file("trust.json");
    let check =
        |file: &Path, trust: &Path| victim.run(&["audit", "--json", "--fork", path(file), "--trust", path(trust)]);
    let checked = check(&proof, &trust);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((&checked["height"], &checked["signedTwice"][0]["name"]), (&json!(height), &json!("Test Member")));

    // And no other one does.
    let nothing = |fork: &Value, words: &str| {
        let output = check(&victim.keep("other.json", fork), &trust);
        let says = text(&output.stderr);
        assert!(output.status.code() == Some(4) && says.contains(words), "{words}: {says}");
    };
    let with = |alter: &dyn Fn(&mut Value)| {
        let mut fork = fork.clone();
        alter(&mut fork);
        fork
    };
    nothing(&with(&|fork| fork["second"] = fork["first"].clone()), "both sides can be true");
    nothing(&with(&|fork| fork["version"] = json!(2)), "version 2 is unknown");
    nothing(&with(&|fork| fork["height"] = json!(height + 1)), "its first commit is for height");
    nothing(&with(&|fork| fork["second"]["commit"] = fork["first"]["commit"].clone()), "its second commit: ");
    nothing(&with(&|fork| fork["second"]["commit"] = Value::Null), "has not one of commit and note");
    nothing(&with(&|fork| fork["second"]["commit"]["signatures"] = json!([])), "0 of 1 members have signed");
    nothing(&json!({}), "is no proof of a fork: missing field");
    let outsider = Node::start();
    outsider.run_ok(&["trust", "--out", path(&victim.file("other-trust.json"))]);
    let output = check(&proof, &victim.file("other-trust.json"));
    assert!(text(&output.stderr).contains("it is about the ledger sealane/"), "{}", text(&output.stderr));

    // A proof that is there already is not written over, unless its name was given.
    victim.refuses(&other.url, &["--receipts", path(&kept)], 4, &[&format!("fork-{height}-2.json")]);
    let out = victim.file("proof.json");
    for _ in 0..2 {
        victim.refuses(&other.url, &["--receipts", path(&kept), "--fork-out", path(&out)], 4, &["proof.json"]);
    }
    assert!(check(&out, &trust).status.success());
    // Two receipts may do without any node.
    let rival = victim.keep("rival.json", &rival);
    let words = format!("one in the receipt in {}, the other in the receipt in {}", path(&kept), path(&rival));
    let both = ["--receipts", path(&kept), path(&rival)];
    victim.refuses("http://127.0.0.1:1", &both, 4, &["the ledger is forked", &words]);
    // The receipt of the one who has seen the other ledger alone contradicts what was seen.
    stranger.refuses(&other.url, &["--receipts", path(&file)], 4, &["the ledger is forked"]);
}

#[test]
fn a_node_that_contradicts_itself_or_what_was_seen_is_proof() {
    let (maker, [(node, receipt), (other, _)]) = forked();
    let height = height(&receipt);
    let auditor = Auditor::of(&node);
    // Its latest block is of one history, all else of the other.
    let url = node.url.clone();
    let latest = Server::before(&other.url, move |path, _| {
        (path == LAST).then(|| Reply::Body(super::shelf::get(&url, LAST).unwrap()))
    });
    let words = format!("one in the signed note of this node, the other in blocks/{height} of this node");
    auditor.refuses(&latest.url, &[], 4, &["the ledger is forked: Test Member (", &words]);
    let trust = auditor.file("trust.json");
    let proof = auditor.file(&format!("fork-{height}.json"));
    let checked = auditor.run(&["audit", "--fork", path(&proof), "--trust", path(&trust)]);
    assert!(checked.status.success(), "a note and a commit: {}", text(&checked.stderr));
    let url = node.url.clone();
    let both = Server::before(&other.url, move |path, _| {
        let first = [LAST, "/ledger/checkpoint"].contains(&path);
        first.then(|| Reply::Body(super::shelf::get(&url, path).unwrap()))
    });
    let words = format!("one in blocks/latest of this node, the other in blocks/{height} of this node");
    auditor.refuses(&both.url, &[], 4, &[&words]);

    // The other history after the first was seen: no receipt is needed.
    auditor.passes(&node.url, &[]);
    auditor.refuses(
        &other.url,
        &[],
        4,
        &["one in the checkpoint seen at 20", "the other in blocks/latest of this node"],
    );
    // It is proof still when the ledger has gone on, and whatever is wrong before that.
    captured(&other, maker.statement(&made("F3")));
    auditor.refuses(
        &other.url,
        &[],
        4,
        &["the ledger is forked", &format!("the other in blocks/{height} of this node")],
    );
    let damaged = Server::before(&other.url, |path, body| {
        path.starts_with("/ledger/tile/").then(|| Reply::Body([b"x", &body[1..]].concat()))
    });
    auditor.refuses(
        &damaged.url,
        &[],
        4,
        &["the ledger is forked", &format!("the other in blocks/{height} of this node")],
    );
    // A damaged memory is named, and so is one that was made up.
    let pins = fs::read_dir(auditor.file("pins")).unwrap().map(|entry| entry.unwrap().path());
    let seen = pins.into_iter().find(|file| path(file).ends_with(".seen.json")).unwrap();
    let good = fs::read_to_string(&seen).unwrap();
    fs::write(&seen, "{}").unwrap();
    auditor.refuses(&node.url, &[], 3, &[".seen.json", "remove it if you can do"]);
    fs::write(&seen, good.replace("\"round\": 0", "\"round\": 1")).unwrap();
    auditor.refuses(&node.url, &[], 4, &["what was kept of an earlier visit does not hold: its remembered commit"]);
}

#[test]
fn a_ledger_that_was_cut_back_is_missed() {
    let node = Node::start();
    let maker = maker(&node);
    let before = node.stop();
    let older = copy(before.path());
    let node = Node::serve(before);
    let receipt = captured(&node, maker.statement(&made("C1")));
    let auditor = Auditor::of(&node);
    let size = node.tree_size();
    auditor.passes(&node.url, &[]);
    let older = Node::serve(older);
    let seen = format!("is of block {} with {size} leaves: it was cut back", height(&receipt));
    auditor.refuses(&older.url, &[], 4, &["its ledger ends at block ", "the checkpoint seen at 20", &seen]);
    let stranger = Auditor::of(&node);
    let file = stranger.keep("receipt.json", &receipt);
    stranger.refuses(&older.url, &["--receipts", path(&file)], 4, &["the receipt in ", &seen]);
    // Without a place to remember, nothing is remembered in silence.
    let trust = auditor.file("trust.json");
    let homeless = sealane(&["audit", "--url", &node.url, "--trust", path(&trust)])
        .env_remove("SEALANE_PINS")
        .env_remove("XDG_STATE_HOME")
        .env_remove("HOME")
        .output()
        .unwrap();
    assert!(homeless.status.code() == Some(2) && text(&homeless.stderr).contains("set SEALANE_PINS"));
    // What was seen is not forgotten for less.
    auditor.refuses(&older.url, &[], 4, &[&seen]);
    auditor.passes(&node.url, &[]);
}

#[test]
fn receipts_that_prove_nothing_are_told_from_faults_of_the_node() {
    let node = Node::start();
    let maker = maker(&node);
    let receipt = captured(&node, maker.statement(&made("P1")));
    let auditor = Auditor::of(&node);
    let alter = |member: &str, value: Value| {
        let mut receipt = receipt.clone();
        receipt[member] = value;
        auditor.keep("altered.json", &receipt)
    };
    let other_hash = receipt["commit"]["signatures"][0]["kid"].clone();
    for (member, value, words) in [
        ("leafHash", other_hash, "the proof of its leaf: "),
        ("leafIndex", json!(0), "the proof of its leaf: "),
        ("treeSize", json!(1), "its treeSize is 1, and its checkpoint's"),
        ("sealInclusionProof", json!([]), "the proof of its seal: "),
        ("seal", json!("{}"), "its seal: "),
        ("checkpoint", json!("x"), "its checkpoint: "),
        ("commit", json!({"height": 1, "round": 0, "signatures": []}), "its commit: "),
    ] {
        let file = alter(member, value);
        let says = auditor.refuses(&node.url, &["--receipts", path(&file)], 4, &["the receipt in ", words]);
        assert!(says.contains("proves nothing, of this node or another"), "{says}");
    }
    let mut seal = receipt.clone();
    seal["seal"] = json!(receipt["seal"].as_str().unwrap().replace("\"version\":2", "\"version\":1"));
    let file = auditor.keep("altered.json", &seal);
    auditor.refuses(
        &node.url,
        &["--receipts", path(&file)],
        4,
        &["the seal has version 1, and this program reads version 2"],
    );
    // Files that hold none are wrong use, before anybody is asked.
    for (wrong, words) in [
        (json!({"captureID": "x", "receipt": null}), "holds no receipt"),
        (json!([]), "holds no receipt"),
        (json!("x"), "holds no receipt"),
        (json!({"leafIndex": 3}), "holds no receipt: missing field"),
    ] {
        let file = auditor.keep("wrong.json", &wrong);
        auditor.refuses("http://127.0.0.1:1", &["--receipts", path(&file)], 2, &["wrong.json", words]);
    }
    fs::create_dir(auditor.file("empty")).unwrap();
    auditor.refuses(&node.url, &["--receipts", path(&auditor.file("empty"))], 2, &["has no .json file"]);
    auditor.refuses(&node.url, &["--receipts", "no-such-file"], 2, &["no-such-file"]);
    auditor.refuses(&node.url, &["--rebuild"], 2, &["--rebuild"]);
    let local = auditor.run(&["audit", "--trust", "trust.json", "--data", path(&node.data())]);
    assert!(local.status.code() == Some(2) && text(&local.stderr).contains("give its --url"));
}

/// A ledger with a maker on it, taken up by the test; its node is gone.
fn shelf() -> (Auditor, Signer, Shelf) {
    let node = Node::start();
    let maker = maker(&node);
    captured(&node, maker.statement(&made("S1")));
    let auditor = Auditor::of(&node);
    let dir = node.stop();
    let shelf = Shelf::of(&dir.path().join("data"));
    (auditor, maker, shelf)
}

#[test]
fn the_members_key_under_a_false_index_is_named_at_its_first_block() {
    let (auditor, maker, mut shelf) = shelf();
    let statement = |serial: &str| {
        let document = made(serial);
        (maker.statement(&document), subjects(&document, &maker))
    };
    // Signed by hand, and sound.
    shelf.append(&[statement("S2"), statement("S3")]);
    let (sound, leaves) = (shelf.height(), shelf.size());
    // From here on the index names a product that no leaf names, under sound statements and signatures.
    let (text, mut too_many) = statement("S4");
    too_many.insert(Subject::id("https://id.gs1.org/01/09506000134352/21/NEVER"), Acts::NONE);
    shelf.append(&[(text, too_many)]);
    shelf.append(&[statement("S5")]);
    let server = shelf.serve();
    let words = format!("is not sound: block {}, leaf {}: the indexRoot in its seal", sound + 1, leaves + 1);
    auditor.refuses(&server.url, &[], 4, &[&words]);
}

#[test]
fn a_subject_left_out_of_the_index_is_named_at_its_block() {
    let (auditor, maker, mut shelf) = shelf();
    let item = "https://id.gs1.org/01/09506000134352/21/S1";
    let mut recall = object_event("OBSERVE", "holding", &[item], "2026-03-02T08:00:00.000Z");
    recall["disposition"] = json!("recalled");
    let recall = document(vec![recall]);
    let whole = subjects(&recall, &maker);
    assert!(whole.len() > 1);
    let without = whole.keys().map(|left_out| {
        let mut hidden = whole.clone();
        hidden.remove(left_out);
        hidden
    });
    // Nor may an entry say that something else was done.
    let with_other_acts = whole.keys().map(|subject| {
        let mut lie = whole.clone();
        lie.insert(subject.clone(), whole[subject] | Acts::NOT_KNOWN);
        lie
    });
    for names in without.chain(with_other_acts) {
        let mut lying = shelf.clone();
        lying.append(&[(maker.statement(&recall), names)]);
        let words = format!("block {}, leaf {}: the indexRoot in its seal", lying.height(), lying.size() - 1);
        auditor.refuses(&lying.serve().url, &[], 4, &[&words]);
    }
    shelf.append(&[(maker.statement(&recall), whole)]);
    auditor.passes(&shelf.serve().url, &[]);
}

#[test]
fn what_a_member_must_not_sign_is_named_where_it_stands() {
    let (auditor, maker, shelf) = shelf();
    let sound = made("T1");
    let names = subjects(&sound, &maker);
    let statement = maker.statement(&sound);
    let (block, leaf) = (shelf.height() + 1, shelf.size());
    let refused = |fill: &dyn Fn(&mut Shelf), leaf: u64, words: &str| {
        let mut lying = shelf.clone();
        fill(&mut lying);
        auditor.refuses(&lying.serve().url, &[], 4, &[&format!("block {block}, leaf {leaf}: "), words]);
    };
    // More than a day ahead of its block.
    let day = 24 * 60 * 60 * 1000;
    let ahead =
        document(vec![object_event("OBSERVE", "storing", &["urn:example:a"], &now().plus_millis(2 * day).to_string())]);
    let ahead = (maker.statement(&ahead), subjects(&ahead, &maker));
    refused(
        &|shelf| shelf.append(std::slice::from_ref(&ahead)),
        leaf,
        "is more than a day ahead of the time of its block",
    );
    // The same statement again, another's claim, another ledger's statement.
    let one = (statement.clone(), names.clone());
    refused(&|shelf| shelf.append(&[one.clone(), one.clone()]), leaf + 1, "its statement stands in leaf");
    let foreign = maker.sign(&maker.header_with("aud", "ledger.example/other"), sound.to_string().as_bytes());
    refused(&|shelf| shelf.append(&[(foreign.clone(), names.clone())]), leaf, "aud");
    // Kinds and versions that nobody knows yet.
    let altered = |place: usize, from: &'static str, to: &'static str| {
        let one = one.clone();
        move |shelf: &mut Shelf| {
            shelf.append_altered(std::slice::from_ref(&one), |at, bytes| {
                if at != place {
                    return bytes;
                }
                let kind = bytes[0];
                let content = String::from_utf8(bytes[1..].to_vec()).unwrap();
                if from.is_empty() {
                    [&[7], content.as_bytes()].concat()
                } else {
                    [&[kind], content.replace(from, to).as_bytes()].concat()
                }
            });
        }
    };
    refused(&altered(0, "", ""), leaf, "leaf kind 0x07 is unknown");
    refused(&altered(1, "\"version\":2", "\"version\":1"), leaf + 1, "the seal has version 1, and this program reads");
    refused(&altered(1, "\"rules\":1", "\"rules\":2"), leaf + 1, "the rules in its seal is not");
    refused(&altered(1, "\"height\":", "\"height\":9"), leaf + 1, "the height in its seal is not");
    // An admin statement of a type that nobody knows yet, by the member's own key.
    let unknown = shelf.sign_admin(br#"{"type":"treaty","text":"x"}"#);
    refused(&|shelf| shelf.append(&[(unknown.clone(), Names::new())]), leaf, "treaty");
    // One about a proposal that there is not, and one that is open for too long.
    let withdrawal = format!(r#"{{"type":"withdrawal","proposal":"{}"}}"#, Hash::of(b"a proposal"));
    let granting = r#"{"type":"proposal","changes":[{"type":"authority","registration":"00000000-0000-4000-8000-000000000001"}],"expires":"2036-03-01T00:00:00.000Z"}"#;
    for (payload, words) in
        [(withdrawal.as_str(), "no proposal on this ledger has the id"), (granting, "at most 30 days after it")]
    {
        let statement = shelf.sign_admin(payload.as_bytes());
        refused(&|shelf| shelf.append(&[(statement.clone(), Names::new())]), leaf, words);
    }
}
