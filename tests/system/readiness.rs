//! A node whose surroundings fail: it says that it cannot write, tells what was not written, and comes back by itself.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::database::Database;
use crate::mount::Mount;
use crate::signer::{Signer, capture};
use crate::support::{Answer, Node, document, object_event, path, run, run_ok, text};

/// A writer that cannot write tries again every five seconds.
const PATIENCE: Duration = Duration::from_secs(60);

fn manufacturer(node: &Node) -> Signer {
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    Signer::of(node, "maker")
}

/// A commissioning of some items, each time of others.
fn statement(maker: &Signer, number: usize, items: usize) -> String {
    let items: Vec<String> =
        (0..items).map(|n| format!("https://id.gs1.org/01/09506000134352/21/R{number}N{n}")).collect();
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    maker.statement(&document(vec![object_event("ADD", "commissioning", &items, "2026-03-01T08:00:00.000Z")]))
}

/// Waits until the node is ready again with nobody asking it to write.
fn ready_again(node: &Node) {
    let began = Instant::now();
    while node.get("/health/ready").status != 200 {
        assert!(began.elapsed() < PATIENCE, "it does not come back: {:?}", node.get("/health/ready"));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(run_ok(&["health", "--url", &node.url]).trim_end(), format!("{} is ready", node.url));
}

#[test]
fn where_no_node_is_none_is_healthy() {
    let asked = run(&["health", "--url", "http://127.0.0.1:9"]);
    assert_eq!(asked.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&asked.stderr).contains("is `sealane serve` running there?"));
}

#[track_caller]
fn not_ready(node: &Node, code: &str) {
    let ready = node.get("/health/ready");
    let body = ready.json();
    assert_eq!((ready.status, &body["status"], &body["writer"]), (503, &json!("not ready"), &json!(false)), "{body}");
    assert_eq!(body["code"], code, "{body}");
    let asked = run(&["health", "--url", &node.url]);
    let said = String::from_utf8_lossy(&asked.stderr);
    let why = format!("{} is not ready: {}", node.url, body["detail"].as_str().unwrap());
    assert!(asked.status.code() == Some(3) && said.contains(&why), "{said}");
    assert!(text(&node.get("/metrics").body).contains("\nsealane_writable 0\n"));
}

/// Refused for certain: a sender is told that nothing was written.
#[track_caller]
fn refused(answer: &Answer, code: &str) {
    let problem = answer.json();
    assert_eq!((answer.status, &problem["code"]), (503, &Value::from(code)), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("nothing was written"), "{problem}");
    assert!(answer.header("retry-after").is_some());
}

#[test]
fn a_node_on_a_full_disk_is_not_ready_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::make(dir.path(), "size=2m") else { return };
    let data = dir.path().join("data");
    run_ok(&["init", "--name", "Test Member", "--data", path(&data)]);
    let home = tempfile::tempdir().unwrap();
    symlink(&data, home.path().join("data")).unwrap();
    let node = Node::serve(home);
    let maker = manufacturer(&node);
    assert_eq!(node.get("/health/ready").status, 200);
    // Whatever else fits: the rest of the disk goes at once.
    let filler = dir.path().join("filler");
    let _ = fs::write(&filler, vec![0; 2 * 1024 * 1024]);
    let full = (0..500).map(|n| capture(&node, statement(&maker, n, 100))).find(|answer| answer.status != 200);
    let full = full.expect("a full disk takes no end of statements");
    refused(&full, "disk-full");
    not_ready(&node, "disk-full");
    // It is said again to whoever comes, and what is there is read.
    refused(&capture(&node, statement(&maker, 1_000, 100)), "disk-full");
    not_ready(&node, "disk-full");
    assert_eq!(node.get("/ledger/checkpoint").status, 200);

    fs::remove_file(&filler).unwrap();
    mount.remount("size=16m");
    ready_again(&node);
    assert_eq!(capture(&node, statement(&maker, 1_000, 100)).status, 200);
    drop(node.stop());
    assert!(run(&["audit", "--data", path(&data)]).status.success());
    drop(mount);
}

#[test]
fn a_server_that_takes_no_writes_is_told_as_certain() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Some(database) = runtime.block_on(Database::make("")) else { return };
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    run_ok(&["init", "--name", "Test Member", "--data", path(&data), "--database-url", &database.url()]);
    fs::write(data.join("sealane.toml"), format!("database-url = \"{}\"\n", database.url())).unwrap();
    let node = Node::serve(dir);
    let maker = manufacturer(&node);
    // What a server says that became a standby, that took a right away, and that has no room for more.
    for (n, state) in ["25006", "42501", "53200"].into_iter().enumerate() {
        let refuse = format!(
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'cannot execute INSERT in a read-only transaction' USING ERRCODE = '{state}'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON leaves FOR EACH STATEMENT EXECUTE FUNCTION refuse();"
        );
        runtime.block_on(database.sql(&refuse));
        let size = node.tree_size();
        refused(&capture(&node, statement(&maker, n, 1)), "store-refused");
        not_ready(&node, "store-refused");
        refused(&capture(&node, statement(&maker, n, 1)), "store-refused");
        assert_eq!(node.tree_size(), size);
        runtime.block_on(database.sql("DROP TRIGGER refuse ON leaves"));
        ready_again(&node);
        assert_eq!(capture(&node, statement(&maker, n, 1)).status, 200);
    }
    // A request to be registered is a write as well.
    runtime.block_on(database.sql(
        "CREATE TRIGGER refuse BEFORE INSERT ON requests FOR EACH STATEMENT EXECUTE FUNCTION refuse();
         CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON write_probe FOR EACH STATEMENT EXECUTE FUNCTION refuse();",
    ));
    let out = node.identity("late");
    let register = ["register", "--organization", "late", "--role", "distributor", "--out", path(&out)];
    let says = text(&node.run(&register).stderr);
    assert!(says.contains("[store-refused]") && says.contains("nothing was written"), "{says}");
    not_ready(&node, "store-refused");
    runtime.block_on(database.sql("DROP TRIGGER refuse ON requests; DROP TRIGGER refuse ON write_probe"));
    ready_again(&node);
    node.run_ok(&register);
    // The server's own words are for the log.
    drop(node.stop());
}
