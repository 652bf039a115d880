//! A node checks its own ledger, in a process that works beside it and ends with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::SimpleConnection;
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

use crate::database::Database;
use crate::signer::now;
use crate::support::{Node, document, object_event, path, run_ok};

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/A1";
const TIME: &str = "2026-03-01T09:00:00.000Z";

/// A check of a few leaves takes less, on whatever machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the node says of its first check after `start`, once that is through. A check before it is told until then.
fn first_check(node: &Node, start: Timestamp) -> Value {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let audit = node.get("/ledger/audit").json();
        if audit["at"].as_str().is_some_and(|at| at.parse::<Timestamp>().unwrap() >= start) {
            return audit;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("no check within {PATIENCE:?}")
}

/// A node whose ledger has the capture of one event, started again so that it checks that.
fn with_a_capture() -> (Node, Timestamp) {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let item = "https://id.gs1.org/01/09506000134352/21/A1";
    let event = object_event("ADD", "commissioning", &[item], "2026-03-01T08:00:00.000Z");
    assert_eq!(node.capture("maker", &document(vec![event])).status, 202);
    let dir = node.stop();
    let start = now();
    (Node::serve(dir), start)
}

#[test]
fn a_sound_ledger_is_found_sound() {
    let (node, start) = with_a_capture();
    let audit = first_check(&node, start);
    assert_eq!((&audit["passed"], &audit["fault"]), (&json!(true), &Value::Null));
    let report = &audit["report"];
    assert_eq!((&report["captures"], &report["events"], &report["participants"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(report["leaves"], json!(node.tree_size()));
}

fn base_of(dir: &Path) -> PathBuf {
    dir.join("data/self-check-base.json")
}

/// Has the next check be whole, as OPERATIONS.md says.
fn demand_whole(dir: &Path) {
    match fs::remove_file(base_of(dir)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
        _ => {}
    }
}

/// A directory whose ledger a whole check has found sound, with what that check said.
fn wholly_checked() -> (tempfile::TempDir, Value) {
    let dir = with_a_capture().0.stop();
    demand_whole(dir.path());
    let start = now();
    let node = Node::serve(dir);
    let audit = first_check(&node, start);
    assert_eq!((&audit["from"], &audit["wholeAt"]), (&json!(0), &audit["at"]));
    (node.stop(), audit)
}

#[test]
fn a_check_goes_on_from_the_one_before_until_a_month_has_passed() {
    let (dir, whole) = wholly_checked();
    let size = whole["report"]["leaves"].as_u64().unwrap();
    let node = Node::serve(dir);
    let item = "https://id.gs1.org/01/09506000134352/21/A2";
    let event = object_event("ADD", "commissioning", &[item], TIME);
    assert_eq!(node.capture("maker", &document(vec![event])).status, 202);
    let dir = node.stop();
    let mut reports = Vec::new();
    let (mut dir, mut from) = (dir, None);
    for _ in 0..2 {
        let start = now();
        let node = Node::serve(dir);
        let audit = first_check(&node, start);
        assert_eq!((&audit["passed"], &audit["wholeAt"]), (&json!(true), &whole["at"]), "{audit}");
        let ready = node.get("/health/ready").json()["selfCheck"].clone();
        let told = json!({"at": audit["at"], "passed": true, "from": audit["from"], "wholeAt": whole["at"]});
        assert_eq!(ready, told);
        let record: Value = serde_json::from_slice(&fs::read(node.data().join("self-check.json")).unwrap()).unwrap();
        assert_eq!((&record["from"], &record["wholeAt"]), (&audit["from"], &whole["at"]));
        // Each from where the one before ended; the node may have been checked once more before the capture.
        let began = audit["from"].as_u64().unwrap();
        assert!(began >= from.unwrap_or(size), "{audit}");
        from = audit["report"]["leaves"].as_u64();
        reports.push(audit["report"].clone());
        dir = node.stop();
    }
    assert_eq!(reports[1]["captures"], json!(2));

    let file = base_of(dir.path());
    let mut base: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let month_ago = now().plus_millis(-30 * 24 * 60 * 60 * 1_000);
    base["wholeAt"] = json!(month_ago);
    fs::write(&file, base.to_string()).unwrap();
    let start = now();
    let node = Node::serve(dir);
    let audit = first_check(&node, start);
    assert_eq!((&audit["from"], &audit["wholeAt"], &audit["report"]), (&json!(0), &audit["at"], &reports[1]));

    // A record that does not read, and none at all: whole too.
    let mut dir = node.stop();
    for damaged in [Some("{"), None] {
        match damaged {
            Some(text) => fs::write(base_of(dir.path()), text).unwrap(),
            None => demand_whole(dir.path()),
        }
        let start = now();
        let node = Node::serve(dir);
        let audit = first_check(&node, start);
        assert_eq!((&audit["passed"], &audit["from"]), (&json!(true), &json!(0)), "{audit}");
        dir = node.stop();
    }
}

#[test]
fn an_operator_demands_a_whole_check_of_a_node_that_runs() {
    let (dir, _) = wholly_checked();
    let start = now();
    let node = Node::serve(dir);
    let partial = first_check(&node, start);
    assert_ne!(partial["from"], json!(0));
    let start = now();
    fs::remove_file(node.data().join("self-check-base.json")).unwrap();
    let audit = first_check(&node, start);
    assert_eq!((&audit["passed"], &audit["from"], &audit["wholeAt"]), (&json!(true), &json!(0), &audit["at"]));
    assert!(node.data().join("self-check-base.json").exists());
}

#[test]
fn after_a_fault_no_check_goes_on_from_before() {
    let (dir, _) = wholly_checked();
    let base = fs::read(base_of(dir.path())).unwrap();
    demand_whole(dir.path());
    change(dir.path(), "DROP TRIGGER leaves_keep_update; UPDATE leaves SET bytes = X'01' WHERE leaf_index = 4;");
    let node = Node::serve(dir);
    becomes(&node, 503);
    assert!(!node.data().join("self-check-base.json").exists());
    let dir = node.stop();
    // By which the check before would have passed.
    fs::write(base_of(dir.path()), base).unwrap();
    let start = now();
    let audit = first_check(&Node::serve(dir), start);
    assert_eq!((&audit["passed"], &audit["from"], &audit["fault"]["leaf"]), (&json!(false), &json!(0), &json!(4)));
}

#[test]
fn a_leaf_that_was_changed_is_named() {
    let dir = with_a_capture().0.stop();
    demand_whole(dir.path());
    let file = dir.path().join("data/ledger.sqlite");
    let mut connection = diesel::sqlite::SqliteConnection::establish(path(&file)).unwrap();
    let change = "DROP TRIGGER leaves_keep_update;
                  UPDATE leaves SET bytes = CAST(bytes || '1' AS BLOB) WHERE leaf_index = 4;";
    connection.batch_execute(change).unwrap();
    drop(connection);
    let start = now();
    let audit = first_check(&Node::serve(dir), start);
    assert_eq!((&audit["passed"], &audit["report"]), (&json!(false), &Value::Null));
    assert_eq!(audit["fault"]["leaf"], json!(4), "{audit}");
}

/// Waits until the node's readiness is as it should be.
fn becomes(node: &Node, status: u16) -> Value {
    let began = Instant::now();
    loop {
        let ready = node.get("/health/ready");
        if ready.status == status {
            return ready.json();
        }
        assert!(began.elapsed() < PATIENCE, "it is not {status}: {ready:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn change(dir: &Path, sql: &str) {
    let file = dir.join("data/ledger.sqlite");
    let mut connection = diesel::sqlite::SqliteConnection::establish(path(&file)).unwrap();
    connection.batch_execute(sql).unwrap();
}

fn not_sound(answer: &crate::support::Answer) {
    let problem = answer.json();
    assert_eq!((answer.status, &problem["code"]), (503, &json!("not-sound")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("leaf 4"), "{problem}");
}

#[test]
fn a_node_whose_ledger_is_not_sound_only_reads_until_a_check_passes() {
    let node = with_a_capture().0;
    assert_eq!(becomes(&node, 200)["writer"], json!(true));
    let ask = |name: &str| {
        let out = node.identity(name);
        let register = ["register", "--json", "--organization", name, "--role", "distributor", "--out", path(&out)];
        serde_json::from_str::<Value>(&node.run_ok(&register)).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let waiting = ask("shop");
    let captured = node.sign("maker", &document(vec![object_event("OBSERVE", "inspecting", &[ITEM], TIME)]));
    assert_eq!(node.post("/epcis/capture", "application/jose", captured.as_bytes()).status, 202);
    let item = "https://id.gs1.org/01/09506000134352/21/A2";
    let new = node.sign("maker", &document(vec![object_event("ADD", "commissioning", &[item], TIME)]));
    let dir = node.stop();
    demand_whole(dir.path());
    let broken = "DROP TRIGGER leaves_keep_update;
                  UPDATE leaves SET bytes = CAST(bytes || '1' AS BLOB) WHERE leaf_index = 4;";
    change(dir.path(), broken);

    let node = Node::serve(dir);
    let ready = becomes(&node, 503);
    assert_eq!((&ready["writer"], &ready["code"]), (&json!(false), &json!("not-sound")), "{ready}");
    let size = node.tree_size();
    let post = |node: &Node| node.post("/epcis/capture", "application/jose", new.as_bytes());
    not_sound(&post(&node));
    let says = crate::support::text(&node.run(&["approve", "--yes", &waiting]).stderr);
    assert!(says.contains("[not-sound]"), "{says}");
    let metrics = crate::support::text(&node.get("/metrics").body);
    assert!(metrics.contains("\nsealane_ledger_sound 0\n") && metrics.contains("\nsealane_writable 0\n"), "{metrics}");
    // Reading goes on: what stands keeps its receipt. People are told on every page, in their language.
    let again = node.post("/epcis/capture", "application/jose", captured.as_bytes());
    assert_eq!(again.status, 202, "{}", again.json());
    for page in ["/", "/scan", "/01/09506000134352/21/A1", "/nothing"] {
        for (language, words) in [("en", "found a fault in its own ledger at 20"), ("ko", "자체 원장에서 결함을")]
        {
            let headers = [("Accept", "text/html"), ("Accept-Language", language)];
            let shown = crate::support::text(&node.follow(page, &headers).body);
            assert!(shown.contains(words), "{page} {language}: {shown}");
        }
    }

    // A restart forgets nothing, from its first moment on.
    let node = Node::serve(node.stop());
    let audit = node.get("/ledger/audit").json();
    assert_eq!((&audit["passed"], &audit["fault"]["leaf"]), (&json!(false), &json!(4)), "{audit}");
    not_sound(&post(&node));
    assert_eq!(node.tree_size(), size, "not even a heartbeat");
    let record = node.data().join("self-check.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&record).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    // Mended, it writes again once a check has passed.
    let dir = node.stop();
    change(
        dir.path(),
        "UPDATE leaves SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) AS BLOB) WHERE leaf_index = 4;",
    );
    let node = Node::serve(dir);
    becomes(&node, 200);
    assert_eq!(node.get("/ledger/audit").json()["passed"], json!(true));
    assert_eq!(post(&node).status, 202);
    node.run_ok(&["approve", "--yes", &waiting]);
    let metrics = crate::support::text(&node.get("/metrics").body);
    assert!(metrics.contains("\nsealane_ledger_sound 1\n"), "{metrics}");
    let at = metrics.lines().find_map(|line| line.strip_prefix("sealane_self_check_timestamp_seconds ")).unwrap();
    assert!(at.parse::<f64>().unwrap() > 1.7e9, "{at}");
    let shown = node.request("GET", "/", &[("Accept", "text/html")], b"");
    assert!(!crate::support::text(&shown.body).contains("fault in its own ledger"));
}

#[test]
fn its_process_finds_the_database_of_the_node() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Some(database) = runtime.block_on(Database::make("")) else { return };
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    run_ok(&["init", "--name", "Test Member", "--data", path(&data), "--database-url", &database.url()]);
    let node = Node::serve_with(dir, "127.0.0.1:0", &["--database-url", &database.url()]);
    let audit = first_check(&node, Timestamp::EPOCH);
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
    let mut dir = with_a_capture().0.stop();
    for _ in 0..8 {
        // At once: the check is just about to open the ledger, or reads it.
        dir = Node::serve(dir).stop();
        assert_eq!(checks_of(&dir.path().join("data")), 0);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_check_ends_with_a_node_that_is_killed() {
    let node = with_a_capture().0;
    let data = node.data();
    drop(node.kill());
    let began = Instant::now();
    while checks_of(&data) > 0 {
        assert!(began.elapsed() < PATIENCE, "it goes on without its node");
        std::thread::sleep(Duration::from_millis(20));
    }
}
