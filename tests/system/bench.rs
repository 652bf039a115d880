//! `bench`: what it counts, what it remembers, and what it refuses. How fast anything is, nobody asserts.

use serde_json::Value;

use crate::support::{Node, path, run, sealane, text};

fn json(node: &Node, arguments: &[&str]) -> Value {
    let line = node.run_ok(&[&["bench", "--json"], arguments].concat());
    assert_eq!(line.lines().count(), 1, "{line}");
    let result: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&result["errors"], &result["first_error"]), (&Value::from(0), &Value::Null), "{result}");
    result
}

fn count(result: &Value, member: &str) -> u64 {
    result.pointer(member).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {member} in {result}"))
}

#[test]
fn statements_and_questions_are_counted_apart_and_products_are_remembered() {
    let node = Node::start();
    let (ids, series) = (node.dir.path().join("ids"), node.dir.path().join("series"));
    let (ids, series) = (path(&ids), path(&series));
    let short = ["--seconds", "0.4", "--warm-up", "0.1", "--signers", "2", "--connections", "3"];
    let pid = node.pid().to_string();
    let mixed = ["--reads", "0.3", "--evidence", "0.2", "--ids", ids, "--series", series, "--pid", &pid];
    let result = json(&node, &[&short[..], &mixed].concat());
    for member in ["/statements", "/events", "/reads/count", "/evidence/count"] {
        assert!(count(&result, member) > 0, "{member}: {result}");
    }
    for member in ["statements_per_second", "events_per_second", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"] {
        assert!(result[member].as_f64().is_some_and(|value| value > 0.0), "{member}: {result}");
    }
    for member in ["verify_per_second_one_core", "generator_cpu_us_per_request", "node_cpu_us_per_statement"] {
        assert!(result[member].as_f64().is_some_and(|value| value > 0.0), "{member}: {result}");
    }
    for member in ["node_rss_mb", "node_rss_peak_mb", "disk_bytes_per_statement", "statement_bytes", "block_ms"] {
        assert!(result[member].as_f64().is_some_and(|value| value > 0.0), "{member}: {result}");
    }
    let grown = count(&result, "/tree_size_after") - count(&result, "/tree_size_before");
    assert!(grown > count(&result, "/statements"), "each block has a seal too: {result}");
    assert_eq!(result["sample_verdict"], "authentic");
    let lines = std::fs::read_to_string(series).unwrap();
    let accepted: u64 = lines.lines().map(|line| count(&serde_json::from_str(line).unwrap(), "/accepted")).sum();
    assert_eq!(accepted, count(&result, "/statements"));

    let known = std::fs::read_to_string(ids).unwrap().lines().count() as u64;
    assert_eq!(known, count(&result, "/products_known"));
    let asked = json(&node, &["--seconds", "0.2", "--warm-up", "0", "--reads", "1", "--ids", ids]);
    assert!(count(&asked, "/reads/count") > 0, "{asked}");
    assert_eq!((count(&asked, "/statements"), count(&asked, "/products_known")), (0, known));
    assert_eq!(asked["p50_ms"], Value::Null, "no statement was sent: {asked}");
}

#[test]
fn a_rate_is_kept_through_its_phases() {
    let node = Node::start();
    let phases = ["--seconds", "0.3,0.2", "--rate", "20,50", "--warm-up", "0", "--signers", "1", "--retry"];
    let result = json(&node, &phases);
    assert_eq!((count(&result, "/statements"), count(&result, "/unsent")), (16, 0));
    assert_eq!((count(&result, "/phases/0/statements"), count(&result, "/phases/1/statements")), (6, 10));
}

#[test]
fn a_ledger_is_filled_to_a_size() {
    let node = Node::start();
    let ids = node.dir.path().join("ids");
    let fill = ["--fill", "60", "--events-per-product", "3", "--events-per-statement", "8", "--signers", "2"];
    let result = json(&node, &[&fill[..], &["--bare", "--ids", path(&ids)]].concat());
    // 20 products in statements of 8, three times over.
    assert_eq!((count(&result, "/events"), count(&result, "/statements")), (60, 9));
    assert_eq!(result["sample_verdict"], "authentic");
    let ids = std::fs::read_to_string(ids).unwrap();
    assert_eq!(ids.lines().count(), 20);
    let last = ids.lines().last().unwrap();
    let answer = node.get(&format!("/verify?id={last}")).json();
    assert_eq!(answer["verdict"], "authentic", "{answer}");
    assert_eq!(answer["timeline"].as_array().map(Vec::len), Some(3), "{answer}");
}

#[test]
fn a_node_of_its_own_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["bench", "--seconds", "0.2", "--warm-up", "0", "--signers", "1", "--connections", "2"];
    let output = sealane(&arguments).current_dir(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let result: Value = serde_json::from_str(text(&output.stdout).lines().last().unwrap()).unwrap();
    assert!(count(&result, "/statements") > 0);
    assert!(result["node_rss_mb"].is_number() && result["node_cpu_us_per_statement"].is_number(), "{result}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_measured_is_refused_with_the_reason() {
    for (arguments, reason) in [
        (&["--connections", "0"][..], "--connections 0: give 1 to 10000"),
        (&["--events-per-statement", "10001"], "--events-per-statement 10001: give 1 to 10000"),
        (&["--signers", "1001"], "--signers 1001: give 1 to 1000"),
        (&["--seconds", "0"], "--seconds 0: give more than 0"),
        (&["--seconds", "1,2"], "--seconds has 2 values and --rate 0"),
        (&["--seconds", "1,2", "--rate", "5"], "--seconds has 2 values and --rate 1"),
        (&["--rate", "0"], "--rate 0: give more than 0"),
        (&["--warm-up", "NaN"], "--warm-up NaN: give 0 or more"),
        (&["--reads", "0.7", "--evidence", "0.4"], "together at most 1"),
        (&["--reads=-1"], "give shares from 0 to 1"),
        (&["--fill", "0"], "--fill 0: give 1 to"),
        (&["--fill", "5", "--events-per-product", "6"], "--events-per-product 6: give 1 to the number of events, 5"),
        (&["--fill", "5", "--rate", "5"], "cannot be used with"),
        (&["--events-per-product", "6"], "--fill"),
        (&["--pid", "1"], "--pid names the process of the node at --url"),
        (&["--url", "https://127.0.0.1:1"], "without TLS: give http://"),
        (&["--url", "http://127.0.0.1:1", "--reads", "1"], "nothing to ask about: give --ids FILE"),
    ] {
        let output = run(&[&["bench"], arguments].concat());
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(reason), "{arguments:?}: {message}");
    }
}

#[test]
fn a_node_that_is_not_there_is_named() {
    let output = run(&["bench", "--url", "http://127.0.0.1:1", "--data", "/nowhere"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
}
