//! What an operator says of jobs: `gateway jobs`, `retry`, `drop`, `status`.

use serde_json::json;

use crate::fake_node::{Act, FakeNode};
use crate::program::{Gateway, commissioning, times_recorded};
use crate::support::{Node, text};

#[test]
fn a_failed_job_is_tried_again_when_the_operator_says_so() {
    let node = Node::start();
    node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let fake = FakeNode::before(node.url.strip_prefix("http://").unwrap());
    fake.then([FakeNode::problem(403, "role-step")]);
    let gateway = Gateway::start(&node.identity("Maker"), &[&fake.url], &[]);
    let id = gateway.take(&commissioning(&["A1"]));
    let job = gateway.until(&id, |job| job["running"] == false);
    assert_eq!((&job["sealane:state"], &job["errors"][0]["code"]), (&json!("failed"), &json!("role-step")), "{job}");
    let failed = gateway.command_ok(&["jobs", "--state", "failed"]);
    assert_eq!(failed[0]["captureID"], json!(id));
    // Also if the client has sent nothing since the gateway began.
    let gateway = gateway.crash();
    gateway.command_ok(&["retry", &id]);
    let job = gateway.until_final(&id);
    assert_eq!((&job["errors"], &job["success"]), (&json!([]), &json!(true)));
    assert_eq!(times_recorded(&node, "A1"), 1);
    let again = gateway.command(&["retry", &id]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("only what has failed is tried again"), "{}", text(&again.stderr));
    // The same document is a new capture after a failure, and the old one after a success.
    assert_eq!(gateway.take(&commissioning(&["A1"])), id);
}

#[test]
fn a_queued_job_can_be_dropped_and_a_signed_one_cannot() {
    let node = Node::start();
    node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let fake = FakeNode::before(node.url.strip_prefix("http://").unwrap());
    fake.then([Act::Hold]);
    let gateway = Gateway::start(&node.identity("Maker"), &[&fake.url], &["--no-batch"]);
    let first = gateway.take(&commissioning(&["B1"]));
    fake.until_held();
    let second = gateway.take(&commissioning(&["B2"]));
    let signed = gateway.command(&["drop", &first, "--reason", "wrong"]);
    assert_eq!(signed.status.code(), Some(2));
    assert!(text(&signed.stderr).contains("may stand on the ledger"), "{}", text(&signed.stderr));
    gateway.command_ok(&["drop", &second, "--reason", "entered twice"]);
    let status = gateway.command_ok(&["status"]);
    assert_eq!((&status["jobs"]["signed"], &status["jobs"]["failed"]), (&json!(1), &json!(1)), "{status}");
    fake.go_on();
    gateway.until_final(&first);
    let job = gateway.job(&second);
    assert_eq!((&job["sealane:state"], &job["sealane:dropped"]), (&json!("failed"), &json!("entered twice")));
    assert_eq!((times_recorded(&node, "B1"), times_recorded(&node, "B2")), (1, 0));
    for (id, words) in [("0199aaaa-0000-7000-8000-000000000001", "there is no job"), ("x", "no job's id")] {
        let output = gateway.command(&["drop", id, "--reason", "x"]);
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
}
