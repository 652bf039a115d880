//! The gateway's copy of the ledger, and the rows that it makes of it: of its own events and of others', over any stop, and before
//! nodes that lie.

use std::cell::Cell;
use std::path::Path;

use sealane::gateway::query::store::QueryStore;
use sealane::gateway::store::query::SqliteQueryStore;
use sealane_core::epcis::query::EventQuery;
use sealane_core::merkle::TreeSize;
use serde_json::{Value, json};

use crate::database::Database;
use crate::fake_node::FakeNode;
use crate::program::{Gateway, command, commissioning, refused, until};
use crate::support::{Node, document, object_event, text};

/// A node with the maker, and another one whose prefix is 9521321.
fn two_makers() -> Node {
    let node = Node::start();
    node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    node.participant("Other", "manufacturer", &["--gs1-prefix", "9521321"]);
    node
}

fn height(node: &Node) -> u64 {
    node.get("/ledger/blocks/latest").json()["height"].as_u64().unwrap()
}

fn record_elsewhere(node: &Node, serial: &str) {
    let id = format!("https://id.gs1.org/01/09521321000018/21/{serial}");
    let made = document(vec![object_event("ADD", "commissioning", &[&id], "2026-03-01T08:00:00.000Z")]);
    let answer = node.capture("Other", &made);
    assert!(answer.status < 300, "{}", text(&answer.body));
}

fn queries(gateway: &Gateway) -> Value {
    gateway.get("/health/ready").json()["queries"].clone()
}

/// Waits until the gateway's rows have every block of a node.
#[track_caller]
fn until_level(gateway: &Gateway, node: &Node) -> Value {
    let height = height(node);
    let is_level = |told: &Value| told["indexedHeight"].as_u64() >= Some(height) && told["lagSeconds"] == 0;
    until(|| Some(queries(gateway)).filter(is_level), || queries(gateway).to_string())
}

/// How many events are in the rows of a gateway.
fn indexed(data: &Path) -> u64 {
    let rows = SqliteQueryStore::open(&data.join("queries.sqlite")).unwrap();
    rows.count(&EventQuery::default(), None, TreeSize::MAX, 1_000).unwrap()
}

#[test]
fn the_whole_ledger_is_indexed_and_a_start_goes_on() {
    let node = two_makers();
    record_elsewhere(&node, "B0");
    let gateway = Gateway::start(&node.identity("Maker"), &[&node.url], &[]);
    gateway.until_final(&gateway.take(&commissioning(&["A1", "A2"])));
    let told = until_level(&gateway, &node);
    assert_eq!((&told["status"], &told["obstacle"]), (&json!("ready"), &json!(null)), "{told}");
    assert_eq!(indexed(gateway.dir.path()), 3);
    assert_eq!(gateway.metric("sealane_gateway_indexed_height"), height(&node) as f64);
    assert_eq!(gateway.metric("sealane_gateway_ledger_height"), height(&node) as f64);
    let ready = ["query_ready", "query_stopped", "query_lag_seconds"]
        .map(|name| gateway.metric(&format!("sealane_gateway_{name}")));
    assert_eq!(ready, [1.0, 0.0, 0.0]);
    let status = gateway.command_ok(&["status"])["queries"].clone();
    assert_eq!((&status["ledgerHeight"], &status["lagSeconds"]), (&json!(height(&node)), &json!(0)), "{status}");

    let (identity, url) = (node.identity("Maker"), node.url.clone());
    let dir = gateway.kill();
    record_elsewhere(&node, "B1");
    let gateway = Gateway::start_in(dir, &identity, &[&url], &[]);
    until_level(&gateway, &node);
    assert_eq!(indexed(gateway.dir.path()), 4);

    // Made again from the copy, also without any node.
    let refused = gateway.command(&["rebuild"]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused.stderr));
    let dir = gateway.kill();
    assert!(command(dir.path(), &["rebuild"]).status.success());
    assert_eq!(indexed(dir.path()), 0);
    let _kept = node.stop();
    let gateway = Gateway::start_in(dir, &identity, &[&url], &[]);
    until(|| (indexed(gateway.dir.path()) == 4).then_some(()), || queries(&gateway).to_string());
}

#[test]
fn a_node_that_shows_a_false_block_stops_queries_and_no_capture() {
    let node = two_makers();
    let liar = FakeNode::before(node.url.strip_prefix("http://").unwrap());
    let gateway = Gateway::start(&node.identity("Maker"), &[&liar.url], &[]);
    gateway.until_final(&gateway.take(&commissioning(&["L0"])));
    until_level(&gateway, &node);
    liar.lie_about_leaves();
    gateway.until_final(&gateway.take(&commissioning(&["L1"])));
    let told = until(
        || Some(queries(&gateway)).filter(|told| told["status"] == "not ready"),
        || queries(&gateway).to_string(),
    );
    let obstacle = told["obstacle"].as_str().unwrap();
    assert!(obstacle.contains(&format!("as {} shows it, does not stand", liar.url)), "{told}");
    assert_eq!(gateway.get("/health/ready").status, 200, "captures go on");
    assert_eq!(
        (gateway.metric("sealane_gateway_query_stopped"), gateway.metric("sealane_gateway_query_ready")),
        (1.0, 0.0)
    );

    // With another node to ask, it gets on.
    let dir = gateway.kill();
    let gateway = Gateway::start_in(dir, &node.identity("Maker"), &[&liar.url, &node.url], &[]);
    let told = until_level(&gateway, &node);
    assert_eq!(told["status"], "ready", "{told}");
    assert_eq!(indexed(gateway.dir.path()), 2);
}

/// Two histories that the member has signed: queries stop, with the proof, and what is captured becomes final.
#[test]
fn a_fork_stops_queries_and_no_capture() {
    let node = two_makers();
    let (identity, dir) = (node.identity("Maker"), node.stop());
    let other = tempfile::tempdir().unwrap();
    copy_all(dir.path(), other.path());
    let (first, second) = (Node::serve(dir), Node::serve(other));
    record_elsewhere(&first, "F1");
    record_elsewhere(&second, "F2");
    let gateway = Gateway::start(&identity, &[&first.url], &[]);
    until_level(&gateway, &first);
    let gateway = Gateway::start_in(gateway.kill(), &identity, &[&second.url], &[]);
    let told = until(
        || Some(queries(&gateway)).filter(|told| told["obstacle"].to_string().contains("forked")),
        || queries(&gateway).to_string(),
    );
    assert_eq!(told["status"], "not ready", "{told}");
    assert_eq!(gateway.metric("sealane_gateway_query_stopped"), 1.0);
    let status = gateway.command_ok(&["status"])["queries"].clone();
    let proof = gateway.dir.path().join("ledger").join(status["fork"].as_str().unwrap());
    assert!(proof.exists(), "{status}");
    gateway.until_final(&gateway.take(&commissioning(&["F3"])));
    assert_eq!(gateway.get("/health/ready").status, 200);
}

fn copy_all(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy_all(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_query_store_that_cannot_be_opened_holds_up_no_capture() {
    let node = two_makers();
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("queries.sqlite");
    std::fs::create_dir(&place).unwrap();
    let gateway = Gateway::start_in(dir, &node.identity("Maker"), &[&node.url], &[]);
    gateway.until_final(&gateway.take(&commissioning(&["S1"])));
    let told = until(
        || Some(queries(&gateway)).filter(|told| told["obstacle"].to_string().contains("cannot be opened")),
        || queries(&gateway).to_string(),
    );
    assert_eq!((&told["status"], gateway.get("/health/ready").status), (&json!("not ready"), 200), "{told}");
    std::fs::remove_dir(place).unwrap();
    until_level(&gateway, &node);
    assert_eq!(indexed(gateway.dir.path()), 1);
}

#[test]
fn rows_may_be_in_postgresql() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(database) = runtime.block_on(Database::make("")) else { return };
    let url = database.url();
    let (node, gateway) = Gateway::of_maker(&["--database-url", &url]);
    gateway.until_final(&gateway.take(&commissioning(&["P1", "P2"])));
    until_level(&gateway, &node);
    assert!(!gateway.dir.path().join("queries.sqlite").exists());
    let gateway = gateway.crash();
    until_level(&gateway, &node);
    let found = gateway.get("/events").json();
    let list = found.pointer("/epcisBody/queryResults/resultsBody/eventList").and_then(Value::as_array);
    assert_eq!(list.map(Vec::len), Some(2), "{found}");
    let status = gateway.command_ok(&["status", "--database-url", &url])["queries"].clone();
    assert_eq!(status["indexedHeight"], json!(height(&node)), "{status}");
    let dir = gateway.kill();
    assert!(command(dir.path(), &["rebuild", "--database-url", &url]).status.success());
}

#[test]
fn a_gateway_that_only_captures_keeps_no_ledger() {
    let (node, gateway) = Gateway::of_maker(&["--no-query"]);
    gateway.until_final(&gateway.take(&commissioning(&["N1"])));
    let told = queries(&gateway);
    assert_eq!(told["status"], "off", "{told}");
    assert!(told["obstacle"].as_str().unwrap().contains("--no-query"), "{told}");
    assert!(!gateway.dir.path().join("ledger").exists() && !gateway.dir.path().join("queries.sqlite").exists());
    assert_eq!(gateway.metric("sealane_gateway_query_ready"), 0.0);
    drop(node);
}

#[test]
fn rights_are_those_of_the_ledger_once_it_is_here() {
    let node = two_makers();
    let liar = FakeNode::before(node.url.strip_prefix("http://").unwrap());
    liar.change(|path, body| match path.starts_with("/participants/") {
        true => {
            let mut told: Value = serde_json::from_slice(&body).unwrap();
            told["gs1CompanyPrefixes"] = json!([]);
            told.to_string().into_bytes()
        }
        false => body,
    });
    let believes = Gateway::start(&node.identity("Maker"), &[&liar.url], &["--no-query"]);
    // Before it has asked, it takes what comes.
    let asked = Cell::new(0);
    let next = || {
        asked.set(asked.get() + 1);
        commissioning(&[&format!("R{}", asked.get())])
    };
    let answer = until(
        || Some(believes.post(&next())).filter(|answer| answer.status == 403),
        || "it takes what the node says that it may not record".to_owned(),
    );
    refused(&answer, 403, "own-claim", "SecurityException", "claims");
    let knows = Gateway::start(&node.identity("Maker"), &[&liar.url], &[]);
    until_level(&knows, &node);
    knows.until_final(&knows.take(&commissioning(&["S1"])));
}

/// The ledger is met when the gateway runs already.
#[test]
fn a_ledger_that_is_met_later_is_indexed() {
    let node = two_makers();
    let (identity, address, url) =
        (node.identity("Maker"), node.url.strip_prefix("http://").unwrap().to_owned(), node.url.clone());
    let dir = node.stop();
    let gateway = Gateway::start(&identity, &[&url], &[]);
    assert_eq!(queries(&gateway)["status"], "not ready");
    let node = Node::serve_on(dir, &address);
    until_level(&gateway, &node);
}
