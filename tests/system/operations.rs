//! What those who run a node rely on: health, metrics, logs, request ids, and stopping without loss.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;

use crate::signer::{Signer, captured};
use crate::support::{Answer, Node, document, object_event, path, run, run_ok, sealane, text};

fn manufacturer(node: &Node) -> Signer {
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    Signer::of(node, "maker")
}

fn statement(maker: &Signer, serial: &str) -> String {
    let item = format!("https://id.gs1.org/01/09506000134352/21/{serial}");
    maker.statement(&document(vec![object_event("ADD", "commissioning", &[&item], "2026-03-01T08:00:00.000Z")]))
}

/// The value of each metric, by its name and labels.
fn metrics(node: &Node) -> BTreeMap<String, f64> {
    let answer = node.get("/metrics");
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"), "{answer:?}");
    let text = text(&answer.body);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

#[test]
fn health_tells_what_works() {
    let node = Node::start();
    let live = node.get("/health/live");
    assert_eq!((live.status, &live.json()["status"]), (200, &Value::from("live")));
    let ready = node.get("/health/ready");
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json(), serde_json::json!({"status": "ready", "store": true, "writer": true}));
    assert_eq!(ready.header("cache-control"), Some("no-cache"));
    assert_eq!(ready.header("strict-transport-security"), None, "said over plain http it means nothing");
}

#[test]
fn metrics_move_with_what_happens() {
    let node = Node::start();
    let maker = manufacturer(&node);
    let before = metrics(&node);
    for name in
        ["sealane_signature_failures_total", "sealane_statements_total", "sealane_events_total", "sealane_blocks_total"]
    {
        assert!(before.contains_key(name), "{name} is missing");
    }
    let good = statement(&maker, "OPS1");
    captured(&node, &good);
    captured(&node, &good);
    let forged = Signer { key: sealane::pki::PrivateKey::generate().unwrap(), ..maker };
    let refused = node.post("/epcis/capture", "application/jose", statement(&forged, "OPS2").as_bytes());
    assert_eq!(refused.status, 401);
    let after = metrics(&node);
    let moved = |name: &str| after[name] - before.get(name).copied().unwrap_or_default();
    assert_eq!(moved(r#"sealane_captures_total{outcome="captured"}"#), 1.0);
    assert_eq!(moved(r#"sealane_captures_total{outcome="repeated"}"#), 1.0);
    assert_eq!(moved(r#"sealane_captures_total{outcome="refused"}"#), 1.0);
    assert_eq!(moved("sealane_signature_failures_total"), 1.0);
    assert_eq!(moved("sealane_events_total"), 1.0);
    assert_eq!(moved("sealane_statements_total"), 1.0, "a repeat is no statement more");
    assert_eq!(moved("sealane_blocks_total"), 1.0);
    assert_eq!(moved("sealane_block_seconds_count"), 1.0);
    assert_eq!(moved("sealane_tree_size"), 2.0);
    assert_eq!(after["sealane_tree_size"], node.tree_size() as f64);
    assert_eq!(after["sealane_queue_depth"], 0.0);
    assert_eq!(after["sealane_certificates_near_expiry"], 0.0);
    assert_eq!(moved(r#"sealane_http_requests_total{method="POST",route="/epcis/capture",status="200"}"#), 2.0);
    assert_eq!(moved(r#"sealane_http_requests_total{method="POST",route="/epcis/capture",status="401"}"#), 1.0);
    assert_eq!(moved(r#"sealane_http_request_seconds_count{route="/epcis/capture"}"#), 3.0);
}

/// One participant and many who ask cannot make a node deaf: what is asked about products waits for its turn.
#[test]
fn nobody_waits_for_those_who_ask_about_products() {
    let node = Node::start();
    let maker = manufacturer(&node);
    let item = "https://id.gs1.org/01/09506000134352/21/BUSY";
    for statement in 0..2 {
        let event = |n: usize| {
            let time = format!("2026-03-{:02}T08:{:02}:{:02}.000Z", statement + 1, n / 60, n % 60);
            object_event("OBSERVE", "inspecting", &[item], &time)
        };
        captured(&node, maker.statement(&document((0..3_000).map(event).collect())));
    }
    let path = format!("/verify?id={}", item.replace('/', "%2F"));
    let (asked, meanwhile) = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| node.get(&path))).collect();
        let mut meanwhile = 0;
        while !asked.iter().all(|one| one.is_finished()) {
            assert_eq!(node.get("/health/live").status, 200);
            meanwhile += 1;
        }
        (asked.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>(), meanwhile)
    });
    // Were each behind one of the questions, there would be no more of them than questions.
    assert!(meanwhile > 2 * asked.len(), "{meanwhile} health checks beside {} questions", asked.len());
    for answer in asked {
        match answer.status {
            200 => assert_eq!(answer.json()["timeline"].as_array().unwrap().len(), 6_000),
            status => {
                assert_eq!((status, answer.json()["code"].as_str()), (429, Some("busy")));
                assert_eq!(answer.header("retry-after"), Some("1"));
            }
        }
    }
}

#[test]
fn a_certificate_near_its_end_is_counted() {
    use crate::member::{DAY_MS, Member};
    let node = Node::start();
    Member::of(&node).participant("brief", "distributor", &[], -DAY_MS, 20 * DAY_MS);
    Member::of(&node).participant("long", "distributor", &[], -DAY_MS, 40 * DAY_MS);
    assert_eq!(metrics(&node)["sealane_certificates_near_expiry"], 1.0);
}

#[test]
fn each_answer_has_a_request_id() {
    let node = Node::start();
    let ask = |method: &str, path: &str, id: &str| node.request(method, path, &[("X-Request-Id", id)], b"");
    let paths = [
        "/",
        "/health/live",
        "/metrics",
        "/openapi.json",
        "/trust",
        "/ledger/checkpoint",
        "/nothing",
        "/ledger/leaves/99",
        "/verify",
    ];
    for path in paths {
        let answer = ask("GET", path, "trace-1.a_B");
        assert_eq!(answer.header("x-request-id"), Some("trace-1.a_B"), "{path}");
        if answer.status >= 400 {
            assert_eq!(answer.json()["requestId"], "trace-1.a_B", "{path}");
        }
        let own = node.get(path);
        let own = own.header("x-request-id").unwrap();
        assert_eq!(own.len(), 36, "{path}: {own}");
    }
    assert_eq!(ask("DELETE", "/trust", "d-1").header("x-request-id"), Some("d-1"));
    for odd in ["two words", "quote\"d", &"x".repeat(65), "<b>"] {
        let answer = ask("GET", "/health/live", odd);
        assert_ne!(answer.header("x-request-id"), Some(odd));
        assert_eq!(answer.header("x-request-id").unwrap().len(), 36);
    }
}

/// A node whose standard error goes to a file.
struct Logged {
    child: Child,
    url: String,
}

impl Logged {
    fn serve(node_dir: &std::path::Path, log: &std::path::Path, format: &str) -> Self {
        let data = node_dir.join("data");
        let arguments = ["serve", "--json", "--listen", "127.0.0.1:0", "--log-format", format, "--data", path(&data)];
        let mut child = sealane(&arguments)
            .env("SEALANE_LOG", "info")
            .stdout(Stdio::piped())
            .stderr(File::create(log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let started: Value = serde_json::from_str(&line).unwrap();
        Self { child, url: started["url"].as_str().unwrap().to_owned() }
    }

    fn get(&self, path: &str, id: &str) {
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: {id}\r\n\r\n");
        send(self.url.strip_prefix("http://").unwrap(), &head, b"").unwrap();
    }

    fn stop(mut self) {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn logs_are_one_json_object_a_line_with_the_request_id() {
    let dir = tempfile::tempdir().unwrap();
    run_ok(&["init", "--name", "Test Member", "--data", path(&dir.path().join("data"))]);
    let log = dir.path().join("log");
    let node = Logged::serve(dir.path(), &log, "json");
    node.get("/trust", "log-1");
    node.get("/verify?id=nothing%0A%22%7B", "log-2");
    node.stop();
    let lines: Vec<Value> =
        fs::read_to_string(&log).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |id: &str| lines.iter().find(|line| line["request_id"] == id).unwrap_or_else(|| panic!("{id}: {lines:?}"));
    let line = of("log-1");
    assert_eq!(
        (&line["method"], &line["path"], &line["status"]),
        (&"GET".into(), &"/trust".into(), &200.into()),
        "{line}"
    );
    assert!(line["ms"].is_f64() && line["timestamp"].is_string() && line["level"] == "INFO", "{line}");
    assert_eq!(of("log-2")["status"], 400);

    let node = Logged::serve(dir.path(), &log, "text");
    node.get("/trust", "log-3");
    node.stop();
    let log = fs::read_to_string(&log).unwrap();
    assert!(log.lines().any(|line| line.contains("log-3") && line.contains("/trust")), "{log}");
}

/// Sends a request; `None` when no whole answer came back.
fn send(host: &str, head: &str, body: &[u8]) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(host).ok()?;
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = text(&answer[..end]).to_lowercase();
    let length: usize = head.split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
    (answer.len() == end + 4 + length).then_some(answer)
}

/// Posts statements from several threads until the node is gone; returns what was acknowledged, with the leaf where a
/// receipt was given.
fn post_until_gone(
    node: Node,
    maker: &Signer,
    stop: impl FnOnce(Node) -> tempfile::TempDir,
) -> (tempfile::TempDir, Vec<(String, Option<u64>)>) {
    let host = node.url.strip_prefix("http://").unwrap().to_owned();
    let acknowledged = Mutex::new(Vec::new());
    let post = |thread: usize| {
        for n in 0.. {
            let body = statement(maker, &format!("T{thread}N{n}"));
            // Some wait until theirs is final; others leave at once.
            let wait = if thread.is_multiple_of(2) { 60 } else { 0 };
            let head = format!(
                "POST /epcis/capture HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/jose\r\nPrefer: wait={wait}\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let Some(answer) = send(&host, &head, body.as_bytes()) else { break };
            let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
            let job: Value = serde_json::from_slice(&answer[end..]).unwrap();
            let status = text(&answer[9..12]);
            assert!(status == "200" || status == "202", "{status}: {job}");
            let leaf = (status == "200").then(|| job["receipt"]["leafIndex"].as_u64().unwrap());
            acknowledged.lock().unwrap().push((job["captureID"].as_str().unwrap().to_owned(), leaf));
        }
    };
    let dir = std::thread::scope(|scope| {
        for thread in 0..6 {
            scope.spawn(move || post(thread));
        }
        while acknowledged.lock().unwrap().len() < 60 {
            std::thread::yield_now();
        }
        stop(node)
    });
    (dir, acknowledged.into_inner().unwrap())
}

fn leaf_of(node: &Node, capture: &str) -> Option<u64> {
    let Answer { status, body, .. } = node.get(&format!("/epcis/capture/{capture}"));
    let job: Value = serde_json::from_slice(&body).unwrap();
    (status == 200).then(|| job["receipt"]["leafIndex"].as_u64()).flatten()
}

#[test]
fn a_node_that_is_asked_to_stop_finishes_what_it_took_on() {
    let node = Node::start();
    let maker = manufacturer(&node);
    let (dir, acknowledged) = post_until_gone(node, &maker, Node::stop);
    let node = Node::serve(dir);
    assert!(acknowledged.iter().any(|(_, leaf)| leaf.is_some()), "some were answered with a receipt");
    for (capture, leaf) in &acknowledged {
        let found = leaf_of(&node, capture);
        assert!(found.is_some(), "capture {capture} was acknowledged and is not on the ledger");
        assert!(leaf.is_none() || found == *leaf, "capture {capture} is in leaf {found:?}, not {leaf:?}");
    }
    assert!(run(&["audit", "--data", path(&node.data())]).status.success());
}

#[test]
fn a_node_that_was_killed_keeps_what_it_gave_receipts_for() {
    let node = Node::start();
    let maker = manufacturer(&node);
    let (dir, acknowledged) = post_until_gone(node, &maker, Node::kill);
    let node = Node::serve(dir);
    for (capture, leaf) in acknowledged.iter().filter(|(_, leaf)| leaf.is_some()) {
        assert_eq!(leaf_of(&node, capture), *leaf, "capture {capture}");
    }
    let before = node.tree_size();
    captured(&node, statement(&maker, "AFTER"));
    assert_eq!(node.tree_size(), before + 2);
    assert!(run(&["audit", "--data", path(&node.data())]).status.success());
}

#[test]
fn the_interface_describes_itself() {
    let node = Node::start();
    let answer = node.get("/openapi.json");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let openapi = answer.json();
    let described = &openapi["paths"];
    for (method, path) in [
        ("get", "/"),
        ("get", "/health/live"),
        ("get", "/health/ready"),
        ("get", "/metrics"),
        ("post", "/participants"),
        ("get", "/participants"),
        ("get", "/participants/{id}"),
        ("get", "/participants/{id}/certificate"),
        ("post", "/participants/{id}/decisions"),
        ("post", "/participants/{id}/renewals"),
        ("post", "/epcis/capture"),
        ("options", "/epcis/capture"),
        ("get", "/epcis/capture/{captureID}"),
        ("get", "/epcis/events"),
        ("get", "/epcis/events/{eventID}"),
        ("get", "/epcis/epcs/{epc}/events"),
        ("get", "/verify"),
        ("get", "/evidence"),
        ("get", "/trust"),
        ("get", "/ledger/checkpoint"),
        ("get", "/ledger/tile/{path}"),
        ("get", "/ledger/blocks/{height}"),
        ("get", "/ledger/leaves/{index}"),
        ("get", "/ledger/statements/{sha256}"),
        ("get", "/ledger/audit"),
        ("get", "/ledger/proofs/inclusion"),
        ("get", "/ledger/proofs/consistency"),
    ] {
        assert!(described[path][method]["responses"].is_object(), "{method} {path}");
    }
    let docs = node.get("/docs");
    assert_eq!((docs.status, docs.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(text(&docs.body).contains("</span> /epcis/capture"));
    let moved = node.get("/docs/");
    assert_eq!((moved.status, moved.header("location")), (308, Some("/docs")));
}

#[test]
fn the_front_page_runs_only_its_own_scripts() {
    let dir = tempfile::tempdir().unwrap();
    let name = "<script>alert('1')</script> & \"Sons\"";
    run_ok(&["init", "--name", name, "--data", path(&dir.path().join("data"))]);
    let node = Node::serve(dir);
    let answer = node.get("/");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = answer.header("content-security-policy").unwrap();
    let own =
        policy.starts_with("default-src 'none'; script-src 'self' 'sha256-") && policy.contains("'; style-src 'self';");
    assert!(own && !policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let page = text(&answer.body);
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains(&node.origin), "{page}");
    assert!(page.contains("&lt;script&gt;alert('1')&lt;/script&gt; &amp; &quot;Sons&quot;"), "{page}");
    for script in page.split("<script").skip(1) {
        let is_first = script.starts_with(">{");
        assert!(
            is_first || script.starts_with(" type=\"module\" src=\"/assets/") && script.contains("></script>"),
            "{page}"
        );
    }
    assert_eq!((page.contains(" onload="), page.contains(" style="), page.contains("<style")), (false, false, false));
}
