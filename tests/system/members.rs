//! Who keeps the ledger, as a node tells it to programs, to people and to an alarm; and commands that know several nodes.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use sealane::store::VOTE_LOG_FILES;
use serde_json::{Value, json};

use crate::support::{Node, document, object_event, path, run, text};

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/M1";

/// An address at which nothing listens.
fn nobody() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

/// A node that answers each of its requests with 503; 16 at the most.
fn sick() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for _ in 0..16 {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                head.push(byte[0]);
            }
            // Who asked may have gone.
            let _ = stream.write_all(b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    url
}

#[test]
fn one_member_is_told_with_its_keys_and_its_last_block() {
    let node = Node::start();
    let told = |node: &Node| {
        let answer = node.get("/members");
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("*")));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        answer.json()
    };
    let expected = |node: &Node, heard: &Value| {
        let anchor = &node.get("/trust").json()["members"][0];
        let latest = node.get("/ledger/blocks/latest").json();
        json!({
            "members": [{
                "kid": anchor["kid"], "name": "Test Member", "jwk": anchor["jwk"], "noteKey": anchor["noteKey"], "self": true,
                "reachable": true, "url": node.url, "height": latest["height"], "lag": 0, "heard": heard,
                "root": root_of(&latest), "faults": 0,
            }],
            "quorum": 1, "reachable": 1, "requests": [],
        })
    };
    let first = told(&node);
    assert_eq!(first, expected(&node, &first["members"][0]["heard"]));
    // It is of the last block, though no neighbour says so.
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let later = told(&node);
    assert_eq!(later, expected(&node, &later["members"][0]["heard"]));
    assert!(later["members"][0]["height"].as_u64() > first["members"][0]["height"].as_u64());
    assert!(node.get("/openapi.json").json()["paths"]["/members"]["get"].is_object());
}

#[test]
fn a_node_that_has_caught_nobody_says_so() {
    let node = Node::start();
    let answer = node.get("/ledger/faults");
    assert_eq!((answer.status, answer.json()), (200, json!({"faults": [], "recorded": []})));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert!(node.run_ok(&["faults"]).starts_with("No member is known to have signed two things"));
    let told: Value = serde_json::from_str(&node.run_ok(&["faults", "--json"])).unwrap();
    assert_eq!(told, json!({"origin": node.origin, "faults": []}));
}

/// A block's root as JSON has hashes: base64url without padding, where a checkpoint has base64.
fn root_of(block: &Value) -> String {
    let checkpoint = block["checkpoint"].as_str().unwrap();
    let root = checkpoint.lines().nth(2).unwrap();
    root.trim_end_matches('=').replace('+', "-").replace('/', "_")
}

#[test]
fn people_and_programs_are_told_the_same() {
    let node = Node::start();
    let shown = node.run_ok(&["members"]);
    let told = node.get("/members").json();
    let member = &told["members"][0];
    let kid: String = member["kid"].as_str().unwrap().chars().take(8).collect();
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("member ") && lines[0].ends_with("state"), "{shown}");
    assert!(lines[1].starts_with(&format!("Test Member  {kid} ")) && lines[1].ends_with("this node"), "{shown}");
    assert_eq!(lines.last(), Some(&"One member keeps this ledger and decides alone."), "{shown}");
    let json: Value = serde_json::from_str(&node.run_ok(&["members", "--json"])).unwrap();
    assert_eq!((&json["members"][0]["kid"], &json["quorum"]), (&member["kid"], &json!(1)));

    let page = text(&node.get("/").body);
    assert!(page.contains("<th scope=\"row\">Test Member</th>"), "{page}");
    assert!(page.contains("One member keeps this ledger and decides alone."), "{page}");
    assert!(text(&node.get("/?lang=ko").body).contains("회원 한 곳이 이 원장을 운영하며 혼자 결정합니다."));

    let gone = run(&["members", "--url", &nobody()]);
    assert_eq!(gone.status.code(), Some(3), "{}", text(&gone.stderr));
    let twice = run(&["members", "--url", &node.url, "--url", &node.url]);
    assert_eq!(twice.status.code(), Some(2), "{}", text(&twice.stderr));
    assert!(text(&twice.stderr).contains("--url is given 2 times"), "{}", text(&twice.stderr));
}

#[test]
fn metrics_tell_how_the_members_stand() {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let height = node.get("/ledger/blocks/latest").json()["height"].as_u64().unwrap();
    let metrics = text(&node.get("/metrics").body);
    for line in [
        "sealane_consensus_members{state=\"reachable\"} 1".to_owned(),
        "sealane_consensus_members{state=\"missing\"} 0".to_owned(),
        "sealane_peer_lag_blocks{member=\"Test Member\"} 0".to_owned(),
        format!("sealane_consensus_height {height}"),
        // Genesis is no block that the writer made.
        format!("sealane_consensus_rounds_total{{round=\"0\"}} {height}"),
        "sealane_pool_statements 0".to_owned(),
        "sealane_pool_bytes 0".to_owned(),
        "sealane_catching_up 0".to_owned(),
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is missing in\n{metrics}");
    }
    assert!(!metrics.contains("sealane_peer_rtt_seconds{"), "a member alone has no neighbour:\n{metrics}");
}

#[test]
fn a_node_that_signs_nothing_says_so() {
    let node = Node::start();
    let dir = node.stop();
    let logs = VOTE_LOG_FILES.map(|name| dir.path().join("data").join(name));
    logs.iter().for_each(|log| fs::write(log, "garbage").unwrap());
    let node = Node::serve(dir);
    let reason = node.get("/members").json()["notSigning"].as_str().unwrap().to_owned();
    assert!(reason.contains("its log of votes is damaged"), "{reason}");
    let dir = node.stop();
    logs.iter().for_each(|log| fs::remove_file(log).unwrap());
    let node = Node::serve(dir);
    let told = node.get("/members").json();
    let reason = told["notSigning"].as_str().unwrap();
    assert!(reason.contains("its log of votes is lost") && reason.contains("sealane members rejoin"), "{reason}");
    let ready = node.get("/health/ready");
    assert_eq!((ready.status, &ready.json()["detail"]), (503, &json!(reason)));
    let shown = node.run_ok(&["members"]);
    assert!(
        shown.lines().any(|line| line == format!("This node signs{}", reason.strip_prefix("this node signs").unwrap())),
        "{shown}"
    );
    assert!(text(&node.get("/").body).contains("This node signs nothing at the moment."));
}

#[test]
fn a_command_goes_on_to_the_next_node() {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let (gone, sick) = (nobody(), sick());
    let file = node.dir.path().join("document.json");
    let event = object_event("ADD", "commissioning", &[ITEM], "2026-03-01T08:00:00.000Z");
    fs::write(&file, document(vec![event]).to_string()).unwrap();
    let (trust, saved) = (node.dir.path().join("trust.json"), node.dir.path().join("evidence.json"));
    node.run_ok(&["trust", "--out", path(&trust)]);
    let identity = node.identity("maker");
    // This node's own URL comes last.
    for arguments in [
        vec!["post", "--as", path(&identity), path(&file)],
        vec!["verify", ITEM, "--trust", path(&trust)],
        vec!["evidence", ITEM, "--out", path(&saved)],
        vec!["audit", "--trust", path(&trust)],
    ] {
        let mut line = arguments.clone();
        line.extend(["--url", &gone, "--url", &sick]);
        let output = node.run(&line);
        let says = text(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {says}");
        assert!(says.contains(&gone) && says.contains(&sick), "{arguments:?} tells what it went past: {says}");
        assert!(says.contains("503"), "{arguments:?}: {says}");
    }
    assert!(saved.exists());
    // Without a node that answers, the last one's trouble is the failure.
    let output = run(&["evidence", ITEM, "--out", path(&saved), "--url", &gone, "--url", &sick]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("was answered with status 503"), "{}", text(&output.stderr));
}
