//! The participant's next certificate, asked for and taken up by the gateway itself.

use std::collections::BTreeSet;

use crate::fake_node::{Act, FakeNode};
use crate::member::{DAY_MS, Member};
use crate::program::{Gateway, commissioning, times_recorded, until};
use crate::support::Node;

#[test]
fn a_certificate_is_renewed_in_its_last_month() {
    let node = Node::start();
    let member = Member::of(&node);
    let id = member.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"], -DAY_MS, 20 * DAY_MS);
    let gateway = Gateway::start(&node.identity("Maker"), &[&node.url], &[]);
    gateway.until_final(&gateway.take(&commissioning(&["A1"])));
    until(
        || node.get(&format!("/participants/{id}")).json()["renewal"].is_object().then_some(()),
        || "it asks for no renewal".to_owned(),
    );
    node.run_ok(&["approve", "--yes", &id]);
    until(
        || (gateway.metric("sealane_gateway_certificate_days") > 300.0).then_some(()),
        || gateway.get("/health/ready").json().to_string(),
    );
    gateway.until_final(&gateway.take(&commissioning(&["A2"])));
    let gateway = gateway.crash();
    assert!(gateway.metric("sealane_gateway_certificate_days") > 300.0, "the next start goes on by the new key");
    gateway.until_final(&gateway.take(&commissioning(&["A3"])));
    for serial in ["A1", "A2", "A3"] {
        assert_eq!(times_recorded(&node, serial), 1);
    }
    assert!(node.identity("Maker").join("key.pem").exists(), "the old key stays");
}

#[test]
fn what_waited_for_a_certificate_is_signed_anew_with_the_next_one() {
    let node = Node::start();
    let member = Member::of(&node);
    let id = member.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"], -DAY_MS, 20 * DAY_MS);
    let fake = FakeNode::before(node.url.strip_prefix("http://").unwrap());
    fake.always(FakeNode::problem(403, "certificate-expired"));
    let gateway = Gateway::start(&node.identity("Maker"), &[&fake.url], &[]);
    let job = gateway.take(&commissioning(&["B1"]));
    fake.until_posted(1);
    until(
        || node.get(&format!("/participants/{id}")).json()["renewal"].is_object().then_some(()),
        || "it asks for no renewal".to_owned(),
    );
    node.run_ok(&["approve", "--yes", &id]);
    // Once the key has changed another statement is posted, since the old one stands nowhere.
    until(
        || (fake.posted().iter().collect::<BTreeSet<_>>().len() == 2).then_some(()),
        || gateway.job(&job).to_string(),
    );
    fake.always(Act::Pass);
    gateway.until_final(&job);
    assert_eq!(times_recorded(&node, "B1"), 1);
    assert_eq!(fake.posted().iter().collect::<BTreeSet<_>>().len(), 2);
}
