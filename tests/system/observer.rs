//! `sealane follow`: a node that is no member, level with the one that it follows, and on its own if that one stops or lies.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sealane_core::index::names;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::audit::shelf::{Reply, Server, Shelf};
use crate::signer::{Signer, captured};
use crate::support::{Node, document, object_event, path, run, run_ok, sealane, text};

/// How long anything here may take that is waited for.
const WITHIN: Duration = Duration::from_secs(30);

pub fn id(serial: &str) -> String {
    format!("https://id.gs1.org/01/09506000134352/21/{serial}")
}

/// A commissioning of one item.
pub fn made(serial: &str) -> Value {
    document(vec![object_event("ADD", "commissioning", &[&id(serial)], "2026-03-01T08:00:00.000Z")])
}

/// A member's node with a participant that may commission.
pub fn member() -> Node {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    node
}

/// Runs an observer in a directory, with further arguments of `follow`.
pub fn follow_in(dir: TempDir, urls: &[&str], further: &[&str]) -> Node {
    let data = dir.path().join("data");
    let mut command = sealane(&["follow", "--json", "--quiet", "--listen", "127.0.0.1:0", "--data", path(&data)]);
    command.args(urls).args(further);
    Node::spawn(dir, command)
}

/// Runs a new observer of some nodes.
pub fn follow(urls: &[&str]) -> Node {
    follow_in(tempfile::tempdir().unwrap(), urls, &["--yes"])
}

/// Runs `follow` to its end, which must come before it serves.
fn refused(data: &Path, arguments: &[&str]) -> (i32, String) {
    let mut all = vec!["follow", "--listen", "127.0.0.1:0", "--data", path(data)];
    all.extend(arguments);
    let Output { status, stderr, .. } = run(&all);
    (status.code().unwrap(), text(&stderr))
}

fn following(observer: &Node) -> Value {
    observer.get("/health/ready").json()["following"].clone()
}

pub fn height(node: &Node) -> u64 {
    node.get("/ledger/blocks/latest").json()["height"].as_u64().unwrap()
}

/// Waits until something holds of what the observer says of those that it follows.
#[track_caller]
pub fn wait_for(observer: &Node, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let told = following(observer);
        if holds(&told) {
            return told;
        }
        assert!(began.elapsed() < WITHIN, "not {what}: {told}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[track_caller]
pub fn wait_for_height(observer: &Node, height: u64) {
    wait_for(observer, &format!("at block {height}"), |told| told["height"].as_u64() >= Some(height));
}

/// What a node shows of a product and of its ledger, without what tells nodes apart.
fn shown(node: &Node, serial: &str) -> Vec<String> {
    let id = id(serial);
    let paths = [
        format!("/verify?id={id}"),
        format!("/evidence?id={id}"),
        "/trust".to_owned(),
        "/ledger/checkpoint".to_owned(),
        "/ledger/blocks/latest".to_owned(),
        "/ledger/tile/0/000.p/3".to_owned(),
        "/ledger/tile/entries/000.p/3".to_owned(),
        "/ledger/proofs/inclusion?leaf=1&size=3".to_owned(),
    ];
    let body = |path: &String| {
        let answer = node.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", text(&answer.body));
        format!("{path}: {}", text(&answer.body).replace(&node.url, "URL"))
    };
    let events = node.get("/epcis/events").json()["epcisBody"].to_string();
    paths.iter().map(body).chain([events]).collect()
}

#[test]
fn an_observer_serves_what_its_member_does_and_passes_posts_on() {
    let member = member();
    captured(&member, Signer::of(&member, "maker").statement(&made("O1")));
    let observer = follow(&[&member.url]);
    assert_eq!(observer.origin, member.origin);
    wait_for_height(&observer, height(&member));
    assert_eq!(shown(&observer, "O1"), shown(&member, "O1"));

    // A post is final with the member's receipt, which proves itself.
    let statement = member.sign("maker", &made("O2"));
    let headers = [("Content-Type", "application/jose"), ("Prefer", "wait=30")];
    let answer = observer.request("POST", "/epcis/capture", &headers, statement.as_bytes());
    assert_eq!((answer.status, answer.header("preference-applied")), (200, Some("wait=30")), "{}", text(&answer.body));
    let job = answer.json();
    assert_eq!(
        answer.header("location"),
        Some(format!("/epcis/capture/{}", job["captureID"].as_str().unwrap()).as_str())
    );
    wait_for_height(&observer, job["receipt"]["commit"]["height"].as_u64().unwrap());
    let receipt = observer.dir.path().join("receipt.json");
    let trust = observer.dir.path().join("trust.json");
    fs::write(&receipt, job.to_string()).unwrap();
    member.run_ok(&["trust", "--out", path(&trust)]);
    let pins = observer.dir.path().join("pins");
    let audit = ["audit", "--url", &observer.url, "--trust", path(&trust), "--receipts", path(&receipt)];
    let audited = sealane(&audit).env("SEALANE_PINS", &pins).output().unwrap();
    assert!(audited.status.success(), "{}", text(&audited.stderr));
    assert_eq!(observer.get(&format!("/verify?id={}", id("O2"))).json()["verdict"], "authentic");
    assert_eq!(
        observer.get(&format!("/epcis/capture/{}", job["captureID"].as_str().unwrap())).json()["receipt"],
        job["receipt"]
    );

    // The detached form, and a refusal word for word.
    let (header, rest) = statement.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    assert!(!payload.is_empty());
    let detached = format!("{header}..{signature}");
    let document = made("O2").to_string();
    let headers = [("Content-Type", "application/json"), ("JWS-Signature", detached.as_str()), ("Prefer", "wait=30")];
    let repeated = observer.request("POST", "/epcis/capture", &headers, document.as_bytes());
    assert_eq!((repeated.status, &repeated.json()["receipt"]["leafIndex"]), (200, &job["receipt"]["leafIndex"]));
    let wrong = observer.post("/epcis/capture", "application/jose", b"a.b");
    let right = member.post("/epcis/capture", "application/jose", b"a.b");
    assert_eq!((wrong.status, wrong.header("content-type")), (400, Some("application/problem+json")));
    assert_eq!((&wrong.json()["code"], &wrong.json()["detail"]), (&right.json()["code"], &right.json()["detail"]));

    // A registration through the observer, decided by the member through it too.
    let out = observer.identity("carrier");
    let arguments = ["register", "--json", "--organization", "carrier", "--role", "shipper", "--gln", "9521321000018"];
    let mut arguments = arguments.to_vec();
    arguments.extend(["--out", path(&out), "--url", &observer.url]);
    let asked: Value = serde_json::from_str(&run_ok(&arguments)).unwrap();
    let participant = asked["id"].as_str().unwrap();
    assert_eq!(observer.get(&format!("/participants/{participant}")).json()["status"], "pending");
    run_ok(&["approve", "--yes", participant, "--url", &observer.url, "--data", path(&member.data())]);
    wait_for_height(&observer, height(&member));
    assert_eq!(observer.get(&format!("/participants/{participant}")).json()["status"], "active");
    let chain = format!("/participants/{participant}/certificate");
    assert_eq!(observer.get(&chain).body, member.get(&chain).body);

    // Who it is, for programs, people and alarms.
    let members = observer.get("/members").json();
    let kept = &member.get("/members").json()["members"][0];
    assert_eq!((&members["members"][0]["kid"], &members["members"][0]["name"]), (&kept["kid"], &kept["name"]));
    assert_eq!((members["members"][0].get("reachable"), members.get("reachable")), (None, None));
    assert_eq!((&members["following"]["url"], &members["following"]["behind"]), (&json!(member.url), &json!(0)));
    let said = run_ok(&["members", "--url", &observer.url]);
    assert!(said.contains(&format!("This node is an observer of {}", member.url)), "{said}");
    let page = text(&observer.get("/").body);
    assert!(page.contains(&format!("This node is an observer of {}", member.url)), "{page}");
    let metrics = text(&observer.get("/metrics").body);
    assert!(metrics.contains("sealane_observer_lag_blocks 0\n"), "{metrics}");
    assert!(!metrics.contains("sealane_consensus_members"), "{metrics}");
    assert_eq!(observer.get("/health/ready").status, 200);
}

#[test]
fn without_its_member_an_observer_reads_on_after_any_stop() {
    let member = member();
    captured(&member, Signer::of(&member, "maker").statement(&made("S1")));
    let observer = follow(&[&member.url]);
    let statement = member.sign("maker", &made("S2"));
    wait_for_height(&observer, height(&member));
    let before = shown(&observer, "S1");
    let (url, address) = (member.url.clone(), member.url.strip_prefix("http://").unwrap().to_owned());
    let dir = member.stop();

    wait_for(&observer, "in trouble", |told| told["nodes"][0]["trouble"].is_string());
    assert_eq!(shown(&observer, "S1"), before);
    assert_eq!(observer.get("/health/ready").status, 200);
    let answer = observer.post("/epcis/capture", "application/jose", statement.as_bytes());
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("not-passed-on")), "{}", text(&answer.body));
    assert!(answer.json()["detail"].as_str().unwrap().contains(&url) && answer.header("retry-after").is_some());

    // Killed, and started while there is nobody to follow.
    let observer = follow_in(observer.kill(), &[&url], &[]);
    assert_eq!(shown(&observer, "S1"), before);
    let participant = observer.get("/participants").json()["participants"][0]["id"].as_str().unwrap().to_owned();
    let alone = observer.get(&format!("/participants/{participant}/certificate"));
    assert_eq!(text(&alone.body).matches("BEGIN CERTIFICATE").count(), 1, "{}", text(&alone.body));

    // The member is back and goes on; so does the observer.
    let member = Node::serve_on(dir, &address);
    captured(&member, Signer::of(&member, "maker").statement(&made("S3")));
    wait_for_height(&observer, height(&member));
    assert_eq!(shown(&observer, "S3"), shown(&member, "S3"));
    let dir = observer.stop();
    let data = dir.path().join("data");
    run_ok(&["audit", "--data", path(&data)]);
    run_ok(&["backup", "--data", path(&data), "--out", path(&dir.path().join("backup.sqlite"))]);
    run_ok(&["copy", "--from", path(&data), "--to", path(&dir.path().join("copy.sqlite"))]);
}

/// Killed at any time, it goes on from its last block; and several blocks come at once.
#[test]
fn an_observer_that_is_killed_while_it_fetches_goes_on() {
    let member = member();
    let maker = Signer::of(&member, "maker");
    (0..40).for_each(|n| drop(captured(&member, maker.statement(&made(&format!("K{n}"))))));
    let last = height(&member);
    let mut dir = tempfile::tempdir().unwrap();
    for run in 0..4 {
        let observer = follow_in(dir, &[&member.url], if run == 0 { &["--yes"] } else { &[] });
        wait_for(&observer, "further", |told| told["height"].as_u64() > Some(run));
        dir = observer.kill();
    }
    let observer = follow_in(dir, &[&member.url], &[]);
    wait_for_height(&observer, last);
    assert_eq!(shown(&observer, "K39"), shown(&member, "K39"));
    run_ok(&["audit", "--data", path(&observer.data())]);
}

#[test]
fn a_source_that_lies_is_set_aside_and_another_one_asked() {
    let member = member();
    let maker = Signer::of(&member, "maker");
    let honest = height(&member);
    // It changes one byte of a statement, in each bundle that has it.
    let statement = maker.statement(&made("L1"));
    let told = statement.clone();
    let liar = Server::before(&member.url, move |path, body| {
        let at = body.windows(told.len()).position(|window| window == told.as_bytes())?;
        let mut changed = body.to_vec();
        changed[at + told.len() - 3] ^= 1;
        path.starts_with("/ledger/tile/entries/").then_some(Reply::Body(changed))
    });
    let observer = follow(&[&liar.url]);
    wait_for_height(&observer, honest);
    captured(&member, statement);
    let told = wait_for(&observer, "set aside", |told| told["nodes"][0]["setAside"] == true);
    let false_block = &told["nodes"][0]["falseBlock"];
    assert_eq!((&false_block["height"], &told["height"]), (&json!(honest + 1), &json!(honest)), "{told}");
    assert!(false_block["fault"].as_str().is_some_and(|fault| !fault.is_empty()), "{told}");
    assert!(text(&observer.get("/metrics").body).contains("sealane_observer_set_aside 1\n"));
    assert_eq!(observer.get("/health/ready").status, 200);

    // With another node to ask, it gets on.
    let observer = follow_in(observer.stop(), &[&liar.url, &member.url], &[]);
    wait_for_height(&observer, honest + 1);
    let told = following(&observer);
    assert_eq!((&told["url"], &told["nodes"][0]["setAside"]), (&json!(member.url), &json!(true)), "{told}");
    assert_eq!(shown(&observer, "L1"), shown(&member, "L1"));
}

/// The member itself signs what the rules refuse: no signature makes a block stand.
#[test]
fn a_signed_block_that_breaks_a_rule_is_not_taken() {
    let member = member();
    let maker = Signer::of(&member, "maker");
    captured(&member, maker.statement(&made("R1")));
    let last = height(&member);
    let dir = member.stop();
    let mut shelf = Shelf::of(&dir.path().join("data"));
    shelf.append(&[(shelf.sign_admin(b"{}"), names::Names::default())]);
    let member = Node::serve(dir);
    let observer = follow(&[&member.url]);
    wait_for_height(&observer, last);
    let forger = shelf.serve();
    let observer = follow_in(observer.stop(), &[&forger.url], &[]);
    let told = wait_for(&observer, "set aside", |told| told["nodes"][0]["setAside"] == true);
    assert_eq!(
        (&told["height"], &told["nodes"][0]["falseBlock"]["height"]),
        (&json!(last), &json!(last + 1)),
        "{told}"
    );
}

/// Two histories that the member has signed: the observer keeps the one that it has, and the proof.
#[test]
fn a_fork_stops_an_observer_and_is_proven() {
    let member = member();
    let maker = Signer::of(&member, "maker");
    let dir = member.stop();
    let other = tempfile::tempdir().unwrap();
    fs::create_dir(other.path().join("data")).unwrap();
    for entry in fs::read_dir(dir.path().join("data")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), other.path().join("data").join(entry.file_name())).unwrap();
    }
    let (first, second) = (Node::serve(dir), Node::serve(other));
    captured(&first, maker.statement(&made("F1")));
    captured(&second, maker.statement(&made("F2")));
    let observer = follow(&[&first.url]);
    wait_for_height(&observer, height(&first));
    let before = shown(&observer, "F1");
    let forked = height(&first);

    let observer = follow_in(observer.stop(), &[&second.url], &[]);
    let told = wait_for(&observer, "stopped", |told| told["stopped"].is_string());
    assert!(told["stopped"].as_str().unwrap().contains(&format!("forked at height {forked}")), "{told}");
    assert_eq!(shown(&observer, "F1"), before);
    assert!(text(&observer.get("/").body).contains("members have signed two histories"));
    let proof = observer.data().join(format!("fork-{forked}.json"));
    let trust = observer.dir.path().join("trust.json");
    first.run_ok(&["trust", "--out", path(&trust)]);
    let checked = run_ok(&["audit", "--fork", path(&proof), "--trust", path(&trust)]);
    assert!(checked.contains("This is proof of a fork"), "{checked}");
}

#[test]
fn an_observer_that_is_ahead_waits_and_says_so() {
    let member = member();
    let maker = Signer::of(&member, "maker");
    let dir = member.stop();
    // Another member's node that lags: the ledger as it was.
    let behind = Shelf::of(&dir.path().join("data"));
    let lagging = behind.height();
    let member = Node::serve(dir);
    captured(&member, maker.statement(&made("W1")));
    let observer = follow(&[&member.url]);
    wait_for_height(&observer, lagging + 1);
    let server = behind.serve();
    let observer = follow_in(observer.stop(), &[&server.url], &[]);
    let told = wait_for(&observer, "waiting", |told| told["nodes"][0]["trouble"].is_string());
    assert!(told["nodes"][0]["trouble"].as_str().unwrap().contains("waiting for it"), "{told}");
    assert_eq!((&told["nodes"][0]["setAside"], &told["height"]), (&json!(false), &json!(lagging + 1)));
}

#[test]
fn a_first_contact_is_agreed_to_and_pinned() {
    let member = member();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let fingerprint = member.get("/trust").json()["fingerprint"].as_str().unwrap().to_owned();

    let (code, says) = refused(&data, &[&member.url]);
    assert_eq!(code, 2, "{says}");
    assert!(says.contains(&format!("give --fingerprint {fingerprint}")) && says.contains("Test Member"), "{says}");
    let wrong = "A".repeat(43);
    let (code, says) = refused(&data, &[&member.url, "--fingerprint", &wrong]);
    assert_eq!(code, 4, "{says}");
    assert!(says.contains(&fingerprint) && says.contains("nothing was written"), "{says}");
    let stranger = Node::start();
    let (trust, others) = (dir.path().join("trust.json"), dir.path().join("others.json"));
    member.run_ok(&["trust", "--out", path(&trust)]);
    stranger.run_ok(&["trust", "--out", path(&others)]);
    let (code, says) = refused(&data, &[&member.url, "--trust", path(&others)]);
    assert_eq!(code, 4, "{says}");
    assert!(!data.exists(), "nothing is written before it is agreed to");
    let (code, says) = refused(&data, &[]);
    assert_eq!((code, says.contains("give the URL of a node to follow")), (2, true), "{says}");

    let with_password = member.url.replace("http://", "http://ann:s3cret@");
    let (code, says) = refused(&data, &[&with_password, "--yes"]);
    assert_eq!((code, says.contains("may not hold a user"), says.contains("s3cret")), (2, true, false), "{says}");

    let observer = follow_in(dir, &[&member.url], &["--fingerprint", &fingerprint]);
    wait_for_height(&observer, height(&member));
    let dir = observer.stop();
    let data = dir.path().join("data");
    // What was pinned stays: another ledger is refused by its name, and by its blocks.
    let (code, says) = refused(&data, &[&member.url, "--trust", path(&dir.path().join("others.json"))]);
    assert_eq!((code, says.contains("choose another --data")), (4, true), "{says}");
    let (code, says) = refused(&data, &[&member.url, "--fingerprint", &wrong]);
    assert_eq!((code, says.contains(&fingerprint)), (4, true), "{says}");
    let observer = follow_in(dir, &[&stranger.url], &[]);
    let told = wait_for(&observer, "set aside", |told| told["nodes"][0]["setAside"] == true);
    assert_eq!((&observer.origin, told.get("stopped")), (&member.origin, None));
}

#[test]
fn each_directory_has_its_own_command() {
    let member = member();
    let observer = follow(&[&member.url]);
    wait_for_height(&observer, height(&member));
    let dir = observer.stop();
    let data = dir.path().join("data");
    let fails = |arguments: &[&str], words: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--data", path(&data)]);
        let output = run(&all);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {says}");
        words.iter().for_each(|words| assert!(says.contains(words), "{arguments:?}: no {words:?} in {says}"));
    };
    fails(&["serve"], &["the directory of an observer: run `sealane follow URL --data"]);
    fails(&["init", "--name", "X"], &["the directory of an observer"]);
    let id = "00000000-0000-4000-8000-000000000001";
    fails(&["revoke", id, "--reason", "x", "--url", &member.url], &["is no member and has no keys"]);
    fails(&["invite", "--url", &member.url], &["is no member and has no keys"]);
    let with_keys = dir.path().join("with-keys");
    fails(&["backup", "--with-keys", "--out", path(&with_keys)], &["is no member and has no keys"]);
    assert!(!with_keys.exists());

    let dir = member.stop();
    let (code, says) = refused(&dir.path().join("data"), &["http://127.0.0.1:1", "--yes"]);
    assert_eq!(code, 3, "{says}");
    assert!(says.contains("the directory of a member") && says.contains("sealane serve"), "{says}");
}

/// Observers of observers pass on what is posted; those that follow each other in a circle do not do so for ever.
#[test]
fn posts_go_through_observers_in_a_row_and_not_in_a_circle() {
    let member = member();
    let first = follow(&[&member.url]);
    wait_for_height(&first, height(&member));
    let second = follow(&[&first.url]);
    let statement = member.sign("maker", &made("C1"));
    let headers = [("Content-Type", "application/jose"), ("Prefer", "wait=30")];
    let answer = second.request("POST", "/epcis/capture", &headers, statement.as_bytes());
    assert_eq!(answer.status, 200, "{}", text(&answer.body));
    wait_for_height(&second, answer.json()["receipt"]["commit"]["height"].as_u64().unwrap());

    let (address, url) = (first.url.strip_prefix("http://").unwrap().to_owned(), first.url.clone());
    let data = first.dir.path().join("data");
    let dir = first.stop();
    let mut command = sealane(&["follow", "--json", "--quiet", "--listen", &address, "--data", path(&data)]);
    command.arg(&second.url);
    let first = Node::spawn(dir, command);
    assert_eq!(first.url, url);
    let answer = first.post("/epcis/capture", "application/jose", statement.as_bytes());
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("not-passed-on")));
    assert!(answer.json()["detail"].as_str().unwrap().contains("in a circle"), "{}", text(&answer.body));
}

/// A body is bounded before it goes on.
#[test]
fn what_is_too_long_does_not_go_on() {
    let member = Node::start();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let counting = Server::before(&member.url, move |path, _| {
        count.fetch_add(usize::from(path.starts_with("/participants")), Ordering::SeqCst);
        None
    });
    let observer = follow(&[&counting.url]);
    let answer = observer.post("/participants", "application/json", &vec![b' '; 300_000]);
    assert_eq!((answer.status, &answer.json()["code"]), (413, &json!("body-too-large")));
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}
