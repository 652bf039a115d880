//! Nodes that are down, fail, tear their answers and lie: nothing is lost, and the same bytes are sent again.

use std::collections::BTreeSet;

use serde_json::json;

use crate::fake_node::{Act, FakeNode};
use crate::member::{DAY_MS, Member};
use crate::mount::Mount;
use crate::program::{Gateway, command, commissioning, refused, times_recorded, until};
use crate::support::{Node, path, run, text};

fn host(node: &Node) -> &str {
    node.url.strip_prefix("http://").unwrap()
}

fn maker() -> Node {
    let node = Node::start();
    node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    node
}

#[test]
fn a_node_that_was_down_gets_everything() {
    let node = maker();
    let (identity, address) = (node.identity("Maker"), host(&node).to_owned());
    // The gateway has met the ledger before.
    let gateway = Gateway::start(&identity, &[&node.url], &[]);
    gateway.until_final(&gateway.take(&commissioning(&["A0"])));
    let dir = node.stop();
    let ids: Vec<String> = (1..=3).map(|n| gateway.take(&commissioning(&[&format!("A{n}")]))).collect();
    let job = gateway.until(&ids[0], |job| job["sealane:trouble"].is_string());
    assert_eq!((&job["running"], &job["success"]), (&json!(true), &json!(true)));
    // Also over a start with no node to be reached.
    let gateway = gateway.crash();
    let ready = gateway.get("/health/ready");
    assert_eq!(ready.json()["jobs"]["final"], 1, "{}", ready.json());
    let node = Node::serve_on(dir, &address);
    for id in &ids {
        gateway.until_final(id);
    }
    for n in 0..=3 {
        assert_eq!(times_recorded(&node, &format!("A{n}")), 1);
    }
}

#[test]
fn a_gateway_that_never_met_its_ledger_takes_captures_and_is_not_ready() {
    let node = maker();
    let (identity, address, url) = (node.identity("Maker"), host(&node).to_owned(), node.url.clone());
    let dir = node.stop();
    let gateway = Gateway::start(&identity, &[&url], &[]);
    assert_eq!(gateway.started["origin"], json!(null));
    let id = gateway.take(&commissioning(&["B1"]));
    let ready = gateway.get("/health/ready");
    assert_eq!(ready.status, 503);
    assert!(
        ready.json()["obstacles"][0].as_str().unwrap().contains("no node has been reached yet"),
        "{}",
        ready.json()
    );
    assert_eq!(gateway.get("/health/live").status, 200);
    let node = Node::serve_on(dir, &address);
    gateway.until_final(&id);
    until(
        || (gateway.get("/health/ready").status == 200).then_some(()),
        || gateway.get("/health/ready").json().to_string(),
    );
    assert_eq!(times_recorded(&node, "B1"), 1);
}

#[test]
fn every_attempt_posts_the_same_bytes() {
    let node = maker();
    let fake = FakeNode::before(host(&node));
    let later =
        Act::Answer(503, json!({"code": "unwritten", "detail": "not now"}), vec![("Retry-After", "1".to_owned())]);
    fake.then([later, Act::PassAndTear, Act::Cut, Act::PassAndCut, FakeNode::problem(429, "busy")]);
    let gateway = Gateway::start(&node.identity("Maker"), &[&fake.url], &[]);
    let id = gateway.take(&commissioning(&["C1"]));
    gateway.until_final(&id);
    let posted = fake.posted();
    assert_eq!(posted.len(), 6);
    assert_eq!(posted.iter().collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(times_recorded(&node, "C1"), 1);
}

#[test]
fn a_node_that_lies_is_left_alone_and_another_is_asked() {
    let node = maker();
    let (liar, honest) = (FakeNode::before(host(&node)), FakeNode::before(host(&node)));
    liar.always(Act::Lie);
    let gateway = Gateway::start(&node.identity("Maker"), &[&liar.url, &honest.url], &[]);
    let job = gateway.until_final(&gateway.take(&commissioning(&["D1"])));
    assert_eq!(job["sealane:node"], json!(honest.url));
    assert_eq!(gateway.metric("sealane_gateway_bad_receipts_total"), 1.0);
    assert_eq!(gateway.metric("sealane_gateway_nodes_quarantined"), 1.0);
    assert_eq!(gateway.get("/health/ready").json()["quarantined"], json!([liar.url]));
    gateway.until_final(&gateway.take(&commissioning(&["D2"])));
    assert_eq!((liar.posted().len(), honest.posted().len()), (1, 2));
    assert_eq!(liar.posted()[0], honest.posted()[0]);
    assert_eq!((times_recorded(&node, "D1"), times_recorded(&node, "D2")), (1, 1));
}

#[test]
fn a_liar_alone_makes_nothing_final() {
    let node = maker();
    let liar = FakeNode::before(host(&node));
    liar.always(Act::Lie);
    let gateway = Gateway::start(&node.identity("Maker"), &[&liar.url], &[]);
    let id = gateway.take(&commissioning(&["E1"]));
    let job = gateway.until(&id, |job| job["sealane:attempts"].as_u64() > Some(1));
    assert_eq!((&job["running"], &job["sealane:state"]), (&json!(true), &json!("sent")), "{job}");
    assert_eq!(liar.posted().len(), 1, "it is left alone");
}

#[test]
fn what_is_no_answer_of_a_node_refuses_nothing() {
    let node = maker();
    let fake = FakeNode::before(host(&node));
    fake.then([Act::Answer(403, json!("a proxy"), Vec::new()), Act::Answer(404, json!({}), Vec::new())]);
    let gateway = Gateway::start(&node.identity("Maker"), &[&fake.url], &[]);
    gateway.until_final(&gateway.take(&commissioning(&["F1"])));
    assert_eq!(fake.posted().len(), 3);
}

#[test]
fn a_lane_waits_for_a_certificate_and_loses_nothing() {
    let node = maker();
    let fake = FakeNode::before(host(&node));
    fake.always(FakeNode::problem(403, "certificate-expired"));
    let gateway = Gateway::start(&node.identity("Maker"), &[&fake.url], &["--no-batch"]);
    let ids = [gateway.take(&commissioning(&["G1"])), gateway.take(&commissioning(&["G2"]))];
    let ready = until(
        || Some(gateway.get("/health/ready")).filter(|ready| ready.status == 503),
        || "it stays ready".to_owned(),
    );
    assert!(
        ready.json()["obstacles"][0].as_str().unwrap().contains("wait for a certificate in force"),
        "{}",
        ready.json()
    );
    assert_eq!(gateway.metric("sealane_gateway_lanes_stopped"), 1.0);
    assert_eq!(gateway.job(&ids[1])["sealane:state"], "queued", "later jobs are not burned");
    fake.always(Act::Pass);
    for id in &ids {
        gateway.until_final(id);
    }
    assert_eq!(gateway.get("/health/ready").status, 200);
}

#[test]
fn a_statement_too_old_is_signed_anew_if_it_stands_nowhere() {
    let node = maker();
    let fake = FakeNode::before(host(&node));
    fake.then([FakeNode::problem(400, "iat-too-old")]);
    let gateway = Gateway::start(&node.identity("Maker"), &[&fake.url], &[]);
    gateway.until_final(&gateway.take(&commissioning(&["H1"])));
    // The second time it stands there: then its receipt is taken.
    fake.then([Act::PassAndCut, FakeNode::problem(400, "iat-too-old")]);
    gateway.until_final(&gateway.take(&commissioning(&["H2"])));
    assert_eq!((times_recorded(&node, "H1"), times_recorded(&node, "H2")), (1, 1));
    assert_eq!(fake.posted().len(), 4);
}

#[test]
fn a_quota_is_waited_for() {
    let node = maker();
    let fake = FakeNode::before(host(&node));
    let room = crate::signer::now().plus_millis(1_500).to_string();
    fake.then([Act::Answer(403, json!({"code": "new-ids-quota", "detail": "too many", "roomFrom": room}), Vec::new())]);
    let gateway = Gateway::start(&node.identity("Maker"), &[&fake.url], &[]);
    let id = gateway.take(&commissioning(&["I1"]));
    gateway.until(&id, |job| job["sealane:trouble"].as_str().is_some_and(|why| why.contains("too many")));
    gateway.until_final(&id);
}

#[test]
fn another_ledger_is_no_place_for_a_gateway() {
    let (node, other) = (maker(), Node::start());
    let gateway = Gateway::start(&node.identity("Maker"), &[&node.url], &[]);
    let identity = node.identity("Maker");
    let dir = gateway.kill();
    let start = |nodes: &[&str], data: &str| {
        let mut arguments =
            vec!["gateway", "--json", "--listen", "127.0.0.1:0", "--as", path(&identity), "--data", data];
        nodes.iter().for_each(|node| arguments.extend(["--node", node]));
        run(&arguments)
    };
    let pinned = start(&[&other.url], path(dir.path()));
    assert_eq!(pinned.status.code(), Some(4), "{}", text(&pinned.stderr));
    assert!(text(&pinned.stderr).contains("give nodes of one ledger"), "{}", text(&pinned.stderr));
    let new = tempfile::tempdir().unwrap();
    assert_eq!(start(&[&node.url, &other.url], path(new.path())).status.code(), Some(4));
}

#[test]
fn a_certificate_that_has_ended_sends_nothing() {
    let node = Node::start();
    let member = Member::of(&node);
    member.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"], -2 * DAY_MS, 3_000);
    let gateway = Gateway::start(&node.identity("Maker"), &[&node.url], &[]);
    until(
        || {
            let ready = gateway.get("/health/ready").json();
            ready["obstacles"].to_string().contains("certificate ended").then_some(())
        },
        || gateway.get("/health/ready").json().to_string(),
    );
    let id = gateway.take(&commissioning(&["J1"]));
    until(|| (gateway.metric("sealane_gateway_lanes_stopped") > 0.0).then_some(()), || gateway.job(&id).to_string());
    assert_eq!(gateway.job(&id)["sealane:state"], "queued");
}

#[test]
fn a_full_queue_and_a_damaged_one_say_so() {
    let node = maker();
    let fake = FakeNode::before(host(&node));
    fake.then([Act::Hold]);
    let gateway = Gateway::start(&node.identity("Maker"), &[&fake.url], &["--max-jobs", "2"]);
    let ids = [gateway.take(&commissioning(&["K1"])), gateway.take(&commissioning(&["K2"]))];
    let answer = gateway.post(&commissioning(&["K3"]));
    let problem = refused(&answer, 503, "queue-full", "ImplementationException", "2 jobs");
    assert!(problem["detail"].as_str().unwrap().contains("nothing was kept"), "{problem}");
    assert_eq!(answer.header("Retry-After"), Some("30"));
    assert_eq!(gateway.take(&commissioning(&["K1"])), ids[0], "what was taken before is known");
    fake.go_on();
    ids.iter().for_each(|id| drop(gateway.until_final(id)));
    gateway.until_final(&gateway.take(&commissioning(&["K3"])));

    alter_queue(&gateway, "DROP TABLE recorded");
    let answer = gateway.post(&commissioning(&["K4"]));
    refused(&answer, 503, "queue-unwritten", "ImplementationException", "nothing was kept");
    assert_eq!(answer.header("Retry-After"), Some("30"));
}

/// Changes the queue behind the gateway's back.
fn alter_queue(gateway: &Gateway, sql: &str) {
    let alter = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()";
    let queue = gateway.dir.path().join("queue.sqlite");
    let output = std::process::Command::new("python3").args(["-c", alter, path(&queue), sql]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn a_gateway_whose_oldest_job_waits_too_long_is_not_ready_and_takes_captures() {
    let node = maker();
    let (identity, address) = (node.identity("Maker"), host(&node).to_owned());
    let gateway = Gateway::start(&identity, &[&node.url], &[]);
    gateway.until_final(&gateway.take(&commissioning(&["M0"])));
    let dir = node.stop();
    let first = gateway.take(&commissioning(&["M1"]));
    assert_eq!(gateway.get("/health/ready").status, 200, "a minute without a node is no alarm");
    alter_queue(&gateway, "UPDATE jobs SET received_at = received_at - 15 * 60 * 1000 WHERE finished_at IS NULL");
    let ready = gateway.get("/health/ready");
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["obstacles"], json!(["the oldest job has waited for 15 minutes"]));
    let second = gateway.take(&commissioning(&["M2"]));
    let node = Node::serve_on(dir, &address);
    [first, second].iter().for_each(|id| drop(gateway.until_final(id)));
    assert_eq!(gateway.get("/health/ready").status, 200);
    assert_eq!([times_recorded(&node, "M1"), times_recorded(&node, "M2")], [1, 1]);
}

#[test]
fn a_clock_that_is_wrong_refuses_nothing() {
    let node = maker();
    let fake = FakeNode::before(host(&node));
    // What a node says of a statement that was signed an hour ahead, until that hour has passed.
    fake.then([FakeNode::problem(400, "issued-ahead"), FakeNode::problem(400, "issued-ahead")]);
    let gateway = Gateway::start(&node.identity("Maker"), &[&fake.url], &[]);
    let id = gateway.take(&commissioning(&["N1"]));
    let job = gateway.until(&id, |job| job["sealane:trouble"].is_string());
    assert_eq!((&job["running"], &job["success"]), (&json!(true), &json!(true)), "{job}");
    gateway.until_final(&id);
    assert_eq!(times_recorded(&node, "N1"), 1);
    assert!(fake.posted().windows(2).all(|two| two[0] == two[1]), "the same bytes each time");
}

#[test]
fn a_full_disk_takes_nothing_and_loses_nothing() {
    let node = maker();
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::make(dir.path(), "size=48m") else { return };
    let gateway = Gateway::start_in(dir, &node.identity("Maker"), &[&node.url], &[]);
    let kept = gateway.take(&commissioning(&["P0"]));
    gateway.until_final(&kept);
    let filler = gateway.dir.path().join("filler");
    // A write to a full file system ends the copy, which is what is wanted.
    let _ = std::fs::write(&filler, vec![1_u8; 64 * 1024 * 1024]);
    let taken: Vec<String> = (0..200)
        .map_while(|n| {
            let answer = gateway.post(&commissioning(&[&format!("P1{n}")]));
            if answer.status == 202 {
                return Some(answer.json()["captureID"].as_str().unwrap().to_owned());
            }
            let problem = refused(&answer, 503, "queue-unwritten", "ImplementationException", "nothing was kept");
            assert!(problem["detail"].as_str().unwrap().contains("full"), "{problem}");
            None
        })
        .collect();
    assert!(taken.len() < 200, "the disk was never full");
    mount.remount("size=256m");
    for id in taken.iter().chain([&kept]) {
        gateway.until_final(id);
    }
    gateway.until_final(&gateway.take(&commissioning(&["P2"])));
    drop(gateway);
    drop(mount);
}

#[test]
fn the_settings_can_stand_in_a_file() {
    let node = maker();
    let data = tempfile::tempdir().unwrap();
    let write = |more: &str| {
        let identity = node.identity("Maker");
        let text = format!(
            "url = [\"{}\"]\nlisten = \"127.0.0.1:0\"\n[gateway]\nas = {:?}\nno-query = true\n{more}",
            node.url,
            path(&identity)
        );
        std::fs::write(data.path().join("sealane.toml"), text).unwrap();
    };
    write("max-jobs = 0\n");
    let output = command(data.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    assert!(told.contains("sealane.toml") && told.contains("nonzero"), "{told}");
    write("max-jobs = 5\nstrict = true\n");
    let gateway = Gateway::start_from(data, &node.identity("Maker"));
    let mut commented = commissioning(&["Q1"]);
    commented["_comment"] = json!("x");
    assert_eq!(gateway.post(&commented).status, 400, "strict");
    gateway.until_final(&gateway.take(&commissioning(&["Q2"])));
    assert_eq!(gateway.get("/events").status, 404, "no queries");
}

#[test]
fn a_revoked_participant_waits_and_is_told() {
    let node = Node::start();
    let id = node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let gateway = Gateway::start(&node.identity("Maker"), &[&node.url], &[]);
    gateway.until_final(&gateway.take(&commissioning(&["L1"])));
    node.run_ok(&["revoke", &id, "--reason", "a test"]);
    let job = gateway.take(&commissioning(&["L2"]));
    gateway.until(&job, |job| job["sealane:trouble"].as_str().is_some_and(|why| why.contains("certificate-revoked")));
    assert_eq!(gateway.get("/health/ready").status, 503);
    assert_eq!((times_recorded(&node, "L1"), times_recorded(&node, "L2")), (1, 0));
}
