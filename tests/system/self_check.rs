//! A node checks its own ledger, in a process that works beside it and ends with it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::SimpleConnection;
use serde_json::{Value, json};

use crate::database::Database;
use crate::support::{Node, document, object_event, path, run_ok};

/// A check of a few leaves takes less, on whatever machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the node says of its first check, once that is through.
fn first_check(node: &Node) -> Value {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let audit = node.get("/ledger/audit").json();
        if !audit["at"].is_null() {
            return audit;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("no check within {PATIENCE:?}")
}

/// A node whose ledger has the capture of one event, started again so that it checks that.
fn with_a_capture() -> Node {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let item = "https://id.gs1.org/01/09506000134352/21/A1";
    let event = object_event("ADD", "commissioning", &[item], "2026-03-01T08:00:00.000Z");
    assert_eq!(node.capture("maker", &document(vec![event])).status, 202);
    Node::serve(node.stop())
}

#[test]
fn a_sound_ledger_is_found_sound() {
    let node = with_a_capture();
    let audit = first_check(&node);
    assert_eq!((&audit["passed"], &audit["fault"]), (&json!(true), &Value::Null));
    let report = &audit["report"];
    assert_eq!((&report["captures"], &report["events"], &report["participants"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(report["leaves"], json!(node.tree_size()));
}

#[test]
fn a_leaf_that_was_changed_is_named() {
    let node = with_a_capture();
    let dir = node.stop();
    let file = dir.path().join("data/ledger.sqlite");
    let mut connection = diesel::sqlite::SqliteConnection::establish(path(&file)).unwrap();
    let change = "DROP TRIGGER leaves_keep_update;
                  UPDATE leaves SET bytes = CAST(bytes || '1' AS BLOB) WHERE leaf_index = 4;";
    connection.batch_execute(change).unwrap();
    drop(connection);
    let audit = first_check(&Node::serve(dir));
    assert_eq!((&audit["passed"], &audit["report"]), (&json!(false), &Value::Null));
    assert_eq!(audit["fault"]["leaf"], json!(4), "{audit}");
}

#[test]
fn its_process_finds_the_database_of_the_node() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Some(database) = runtime.block_on(Database::make("")) else { return };
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    run_ok(&["init", "--name", "Test Member", "--data", path(&data), "--database-url", &database.url()]);
    let node = Node::serve_with(dir, "127.0.0.1:0", &["--database-url", &database.url()]);
    let audit = first_check(&node);
    assert_eq!((&audit["passed"], &audit["report"]["blocks"]), (&json!(true), &json!(1)));
}

/// Processes that check the ledger in a directory.
#[cfg(target_os = "linux")]
fn checks_of(data: &Path) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let of_data = |line: Vec<u8>| {
        let line = String::from_utf8_lossy(&line);
        line.contains("self-check") && line.contains(path(data))
    };
    lines.map(of_data).filter(|found| *found).count()
}

#[cfg(target_os = "linux")]
#[test]
fn a_node_that_stops_has_ended_its_check_before() {
    let mut dir = with_a_capture().stop();
    for _ in 0..8 {
        // At once: the check is just about to open the ledger, or reads it.
        dir = Node::serve(dir).stop();
        assert_eq!(checks_of(&dir.path().join("data")), 0);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_check_ends_with_a_node_that_is_killed() {
    let node = with_a_capture();
    let data = node.data();
    drop(node.kill());
    let began = Instant::now();
    while checks_of(&data) > 0 {
        assert!(began.elapsed() < PATIENCE, "it goes on without its node");
        std::thread::sleep(Duration::from_millis(20));
    }
}
