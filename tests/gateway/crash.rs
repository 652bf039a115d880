//! A gateway that is killed with SIGKILL at each state of a job: nothing that was accepted is lost, and nothing is recorded twice.

use std::process::Command;

use crate::fake_node::{Act, FakeNode};
use crate::program::{Gateway, commissioning, times_recorded};
use crate::support::Node;

/// A maker's node behind a fake one, and the maker's gateway.
fn behind() -> (Node, FakeNode, Gateway) {
    let node = Node::start();
    node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let fake = FakeNode::before(node.url.strip_prefix("http://").unwrap());
    let gateway = Gateway::start(&node.identity("Maker"), &[&fake.url], &[]);
    (node, fake, gateway)
}

#[test]
fn killed_right_after_its_202() {
    let (node, _fake, mut gateway) = behind();
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(gateway.take(&commissioning(&[&format!("A{n}")])));
        gateway = gateway.crash();
    }
    for (n, id) in ids.iter().enumerate() {
        gateway.until_final(id);
        assert_eq!(times_recorded(&node, &format!("A{n}")), 1);
    }
}

#[test]
fn killed_while_the_node_has_the_statement_and_no_answer_came() {
    let (node, fake, gateway) = behind();
    fake.then([Act::Hold]);
    let id = gateway.take(&commissioning(&["B1"]));
    fake.until_held();
    let job = gateway.job(&id);
    assert_eq!(job["sealane:state"], "signed", "{job}");
    let gateway = gateway.crash();
    let posted = fake.until_posted(2);
    assert_eq!(posted[0], posted[1], "the same bytes after the crash");
    fake.go_on();
    gateway.until_final(&id);
    assert_eq!(times_recorded(&node, "B1"), 1);
}

#[test]
fn killed_after_the_statement_landed_and_before_the_receipt_came() {
    let (node, fake, gateway) = behind();
    fake.then([Act::PassAndCut]);
    let id = gateway.take(&commissioning(&["C1"]));
    let job = gateway.until(&id, |job| job["sealane:attempts"].as_u64() > Some(0) || job["running"] == false);
    assert_eq!(job["sealane:state"], "sent", "{job}");
    let gateway = gateway.crash();
    let job = gateway.until_final(&id);
    assert!(job["sealane:receipt"].is_object());
    assert_eq!(times_recorded(&node, "C1"), 1);
}

#[test]
fn killed_once_it_is_final() {
    let (node, fake, gateway) = behind();
    let id = gateway.take(&commissioning(&["D1"]));
    let before = gateway.until_final(&id);
    let gateway = gateway.crash();
    assert_eq!(gateway.job(&id), before);
    assert_eq!((times_recorded(&node, "D1"), fake.posted().len()), (1, 1));
}

/// `scripts/crash gateway` with a few rounds.
#[test]
fn killed_again_and_again_under_load() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/crash");
    let output = Command::new(script)
        .args(["gateway", "3", "7"])
        .env("SEALANE_BIN", env!("CARGO_BIN_EXE_sealane"))
        .output()
        .unwrap();
    let (said, wrong) = (crate::support::text(&output.stdout), crate::support::text(&output.stderr));
    assert!(output.status.success(), "{said}\n{wrong}");
    assert!(said.contains("0 lost, 0 twice"), "{said}");
}
