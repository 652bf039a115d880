//! What the node does to those who ask too much of it, and to requests that are not quite HTTP.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::signer::Signer;
use crate::support::{Answer, Node, document, object_event, path, run, run_ok, sealane, text};

fn node_with(further: &[&str]) -> Node {
    let dir = tempfile::tempdir().unwrap();
    run_ok(&["init", "--name", "Test Member", "--data", path(&dir.path().join("data"))]);
    Node::serve_with(dir, "127.0.0.1:0", further)
}

/// Asks until it is refused, at most `times`.
fn until_refused(times: usize, ask: impl Fn(usize) -> Answer) -> Option<Answer> {
    (0..times).map(ask).find(|answer| answer.status == 429)
}

#[test]
fn an_address_that_asks_too_often_is_sent_away_and_others_are_not() {
    let node = node_with(&["--address-rate", "1", "--trust-proxy", "127.0.0.0/8"]);
    let from = |address: &str| node.request("GET", "/trust", &[("X-Forwarded-For", address)], b"");
    let refused = until_refused(50, |_| from("192.0.2.1")).expect("50 requests take less than 49 seconds");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    let problem = refused.json();
    assert_eq!((&problem["code"], &problem["limit"]), (&Value::from("address-rate"), &Value::from(1)));
    assert_eq!(from("192.0.2.2").status, 200);
    // What the client itself puts before the address that its proxy saw changes nothing.
    let spoofed = |number| from(&format!("198.51.100.{number}, 192.0.2.3"));
    assert!(until_refused(50, spoofed).is_some());
    let household = |number| from(&format!("2001:db8:1:2::{number:x}"));
    assert!(until_refused(50, household).is_some());
    assert!(until_refused(50, |_| node.get("/trust")).is_none(), "the machine itself is not limited");
}

#[test]
fn whoever_is_no_trusted_proxy_speaks_for_itself_alone() {
    let node = node_with(&["--address-rate", "1"]);
    let refused = until_refused(50, |_| node.request("GET", "/trust", &[("X-Forwarded-For", "192.0.2.1")], b""));
    assert!(refused.is_none(), "{refused:?}");
}

#[test]
fn a_signer_uses_up_its_own_allowance_and_nobody_elses() {
    let node = node_with(&["--signer-rate", "1"]);
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    node.participant("other", "manufacturer", &["--gs1-prefix", "9521000"]);
    let (maker, other) = (Signer::of(&node, "maker"), Signer::of(&node, "other"));
    let statement = |signer: &Signer, gtin: &str, serial: usize| {
        let item = format!("https://id.gs1.org/01/{gtin}/21/S{serial}");
        signer.statement(&document(vec![object_event("ADD", "commissioning", &[&item], "2026-03-01T08:00:00.000Z")]))
    };
    let post = |statement: &str| node.post("/epcis/capture", "application/jose", statement.as_bytes());
    let first = statement(&maker, "09506000134352", 1_000);
    assert_eq!(post(&first).status, 202);
    // With the signature of nobody: it must not count against whom it names.
    let other_statement = statement(&other, "09521000000001", 0);
    let (input, _) = other_statement.rsplit_once('.').unwrap();
    let (_, foreign) = first.rsplit_once('.').unwrap();
    for _ in 0..5 {
        assert_eq!(post(&format!("{input}.{foreign}")).status, 401);
    }
    let statements: Vec<String> = (0..50).map(|serial| statement(&maker, "09506000134352", serial)).collect();
    let refused = until_refused(50, |number| post(&statements[number])).expect("50 captures take less than 49 seconds");
    let problem = refused.json();
    assert_eq!((&problem["code"], &problem["limit"]), (&Value::from("signer-rate"), &Value::from(1)));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(post(&other_statement).status, 202);
    assert_eq!(post(&first).status, 202, "a repeat costs nothing");
}

#[test]
fn what_is_no_http_is_not_logged_as_the_nodes_own_fault() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    run_ok(&["init", "--name", "Test Member", "--data", path(&data)]);
    let log = dir.path().join("log");
    let mut serve = sealane(&["serve", "--json", "--listen", "127.0.0.1:0", "--data", path(&data)]);
    serve.env("SEALANE_LOG", "info").stderr(File::create(&log).unwrap());
    let node = Node::spawn(dir, serve);
    assert!(exchange(&node, b"GET / HTTP/1.1\r\nA\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert_eq!(node.get("/trust").status, 200);
    let dir = node.stop();
    let lines = fs::read_to_string(dir.path().join("log")).unwrap();
    assert!(lines.contains("/trust") && !lines.contains("ERROR"), "{lines}");
}

/// Sends bytes on a connection of their own, and reads until the node closes it.
fn exchange(node: &Node, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(node.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    // The node may have closed before all is written.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn what_two_readers_could_read_in_two_ways_is_refused_and_the_connection_ends() {
    let node = node_with(&[]);
    let smuggled = "GET /trust HTTP/1.1\r\nHost: a\r\n\r\n";
    for headers in [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding : chunked",
        "X-A: b\r\n c",
        "X-A: b\u{0}c",
    ] {
        let answer = exchange(
            &node,
            format!("POST /participants HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n0\r\n\r\n{smuggled}").as_bytes(),
        );
        assert!(answer.starts_with("HTTP/1.1 400 "), "{headers:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{headers:?}: {answer}");
    }
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let node = node_with(&[]);
    let long = format!("GET /trust HTTP/1.1\r\nHost: a\r\nX-Long: {}", "x".repeat(200_000));
    let many = format!("GET /trust HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: b\r\n".repeat(200));
    for head in [long, many] {
        let answer = exchange(&node, head.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:.300}");
    }
}

#[test]
fn a_body_of_many_levels_or_in_a_coding_is_refused_as_such() {
    let node = node_with(&[]);
    let deep = format!("{{\"csr\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = node.post("/participants", "application/json", deep.as_bytes());
    assert_eq!((answer.status, &answer.json()["code"]), (400, &Value::from("bad-json")));
    let headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    let answer = node.request("POST", "/participants", &headers, &[0x1f, 0x8b, 8, 0]);
    assert_eq!((answer.status, &answer.json()["code"]), (415, &Value::from("unsupported-media-type")));
}

#[test]
fn serve_says_what_is_wrong_with_a_limit() {
    for (flag, value, words) in [
        ("--trust-proxy", "proxy.example", "10.0.0.0/8"),
        ("--address-rate", "0", "--address-rate"),
        ("--max-connections", "many", "--max-connections"),
    ] {
        let output = run(&["serve", flag, value]);
        let says = text(&output.stderr);
        assert!(output.status.code() == Some(2) && says.contains(words), "{flag}: {says}");
    }
}
