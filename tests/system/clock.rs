//! A node whose ledger has stood still for long: only its operator knows whether the clock is right.

use sealane::app::genesis;
use sealane::pki::{MemberKey, NotePrivateKey, PrivateKey};
use sealane::ports::MemberSigner;
use sealane::store::{SqliteStore, VoteLogFile};
use sealane_core::time::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use crate::signer::now;
use crate::support::{Node, document, object_event, path, run, run_ok, text};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A member's directory whose ledger was begun so long ago, and has no block since.
fn begun_before(pause_ms: i64) -> (TempDir, Timestamp) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    run_ok(&["init", "--name", "Test Member", "--data", path(&data)]);
    let kept = ["member-key.pem", "member-note-key.pem", "ca-key.pem", "ca.pem", "version", "lock"];
    for file in std::fs::read_dir(&data).unwrap() {
        let file = file.unwrap();
        if !kept.contains(&file.file_name().to_str().unwrap()) {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
    let begun = now().plus_millis(-pause_ms);
    let signer = MemberKey::new(
        PrivateKey::read(&data.join("member-key.pem")).unwrap(),
        NotePrivateKey::read(&data.join("member-note-key.pem")).unwrap(),
    )
    .unwrap();
    let store = SqliteStore::create(&data.join("ledger.sqlite")).unwrap();
    let (name, origin) = ("Test Member".parse().unwrap(), "test.example/pause".parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut log = VoteLogFile::create(&data, signer.public_key().thumbprint(), &origin).unwrap();
    runtime.block_on(genesis::begin(&store, &signer, &mut log, &name, &origin, begun)).unwrap();
    (dir, begun)
}

fn serve(data: &std::path::Path, further: &[&str]) -> (Option<i32>, String) {
    let output = run(&[&["serve", "--listen", "127.0.0.1:0", "--data", path(data)], further].concat());
    (output.status.code(), text(&output.stderr))
}

#[test]
fn after_more_than_a_week_a_node_reads_only_until_its_operator_has_looked_at_the_clock() {
    let (dir, begun) = begun_before(8 * DAY_MS);
    let node = Node::serve(dir);
    let ready = node.get("/health/ready");
    assert_eq!(
        (ready.status, &ready.json()["writer"], &ready.json()["code"]),
        (503, &false.into(), &"clock-jump".into())
    );
    // Reading goes on.
    for path in ["/trust", "/ledger/checkpoint", "/verify?id=https%3A%2F%2Fid.gs1.org%2F01%2F09506000134352%2F21%2FA1"]
    {
        assert_eq!(node.get(path).status, 200, "{path}");
    }
    let metrics = text(&node.get("/metrics").body);
    assert!(metrics.contains("\nsealane_writable 0\n"), "{metrics}");
    let out = node.identity("maker");
    let register = ["register", "--organization", "maker", "--role", "manufacturer", "--out", path(&out)];
    let refused = node.run(&register);
    let says = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{says}");
    for part in ["[clock-jump]", &begun.to_string(), "--accept-clock", "Nothing was written"] {
        assert!(says.contains(part), "no {part:?} in {says}");
    }
    let body = r#"{"organization": "maker", "roles": ["manufacturer"], "csr": "none"}"#;
    let problem = node.post("/participants", "application/json", body.as_bytes());
    assert_eq!((problem.status, problem.header("retry-after")), (503, Some("60")));
    let problem = problem.json();
    assert_eq!((&problem["code"], &problem["lastBlock"]), (&Value::from("clock-jump"), &begun.to_string().into()));
    assert!(problem["clock"].as_str().unwrap() > begun.to_string().as_str(), "{problem}");
    assert_eq!(node.tree_size(), 2);

    // A word that is not about now, and what is no time, are wrong use.
    let dir = node.stop();
    let data = dir.path().join("data");
    let (code, says) = serve(&data, &["--accept-clock", &begun.to_string()]);
    assert!(code == Some(2) && says.contains("5 minutes") && says.contains(&begun.to_string()), "{code:?} {says}");
    let (code, says) = serve(&data, &["--accept-clock", "now"]);
    assert!(code == Some(2) && says.contains("--accept-clock"), "{code:?} {says}");

    let node = Node::serve_with(dir, "127.0.0.1:0", &["--accept-clock", &now().to_string()]);
    assert_eq!(node.get("/health/ready").status, 200);
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let item = "https://id.gs1.org/01/09506000134352/21/A1";
    let event = object_event("ADD", "commissioning", &[item], "2026-03-01T08:00:00.000Z");
    assert_eq!(node.capture("maker", &document(vec![event])).status, 202);
    assert!(text(&node.get("/metrics").body).contains("\nsealane_writable 1\n"));

    // Once: the ledger's time is the clock's now.
    let node = Node::serve(node.stop());
    assert_eq!(node.get("/health/ready").status, 200);
}

#[test]
fn after_less_than_a_week_nothing_is_asked() {
    let (dir, _) = begun_before(6 * DAY_MS);
    let node = Node::serve(dir);
    assert_eq!(node.get("/health/ready").status, 200);
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    // What the operator says without need is held against the clock all the same.
    let dir = node.stop();
    let (code, says) = serve(&dir.path().join("data"), &["--accept-clock", "2026-01-01T00:00:00Z"]);
    assert!(code == Some(2) && says.contains("2026-01-01T00:00:00.000Z"), "{code:?} {says}");
}
