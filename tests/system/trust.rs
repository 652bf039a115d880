//! The trust anchor by its height, and business transactions, which the index knows since its second version.

use std::fs;

use sealane_core::evidence::Anchor;
use sealane_core::statement::P256;
use serde_json::{Value, json};

use crate::signer::{Signer, captured};
use crate::support::{Node, document, object_event, path, run, sealane, text};

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/A1";
const OTHER: &str = "https://id.gs1.org/01/09506000134352/21/B2";

/// A node with one item, and the blocks of its registration and of its commissioning.
fn ledger() -> Node {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let maker = Signer::of(&node, "maker");
    let made = object_event("ADD", "commissioning", &[ITEM], "2026-03-01T08:00:00.000Z");
    captured(&node, maker.statement(&document(vec![made])));
    node
}

#[test]
fn an_anchor_is_of_a_block_and_trusts_nothing_below_it() {
    let node = ledger();
    let first = node.get("/trust").json();
    assert_eq!(first, node.get("/trust?height=0").json());
    assert_eq!((&first["version"], &first["height"], &first["size"]), (&json!(2), &json!(0), &json!(2)));
    let later = node.get("/trust?height=2");
    let block = node.get("/ledger/blocks/2").json();
    let anchor = Anchor::parse(&later.body, &P256).unwrap();
    assert_eq!(json!(anchor.size()), block["to"]);
    assert_eq!(block["checkpoint"].as_str().unwrap().lines().nth(2).unwrap(), anchor.root().to_base64());
    assert_ne!(later.json()["fingerprint"], first["fingerprint"]);
    assert_eq!(later.json()["members"], first["members"]);

    let dir = node.dir.path();
    let (old, new) = (dir.join("old.json"), dir.join("new.json"));
    fs::write(&old, first.to_string()).unwrap();
    fs::write(&new, &later.body).unwrap();
    let size = node.get("/ledger/blocks/1").json()["to"].as_u64().unwrap();
    let of_size = |size: u64| node.get(&format!("/evidence?id={ITEM}&size={size}")).body;
    let verify = |evidence: &[u8], trust: &std::path::Path| {
        let file = dir.join("given.json");
        fs::write(&file, evidence).unwrap();
        run(&["verify", "--evidence", path(&file), "--trust", path(trust), ITEM])
    };
    // Evidence of the anchor's own block, of a later one, and of one below.
    for trust in [&old, &new] {
        let output = verify(&of_size(anchor.size().get()), trust);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    let maker = Signer::of(&node, "maker");
    let seen = object_event("OBSERVE", "inspecting", &[ITEM], "2026-03-02T08:00:00.000Z");
    captured(&node, maker.statement(&document(vec![seen])));
    for trust in [&old, &new] {
        let output = verify(&node.get(&format!("/evidence?id={ITEM}")).body, trust);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    let below = of_size(size);
    // What is proven of an older block may be another verdict; it is not refused.
    assert_ne!(verify(&below, &old).status.code(), Some(4));
    let output = verify(&below, &new);
    assert_eq!(output.status.code(), Some(4));
    let says = text(&output.stderr);
    assert!(says.contains("this is of block 1, and the trust anchor begins after block 2"), "{says}");
    assert!(says.contains("GET /trust?height=0"), "{says}");
}

#[test]
fn an_anchor_that_is_not_what_it_says_is_refused() {
    let node = ledger();
    let dir = node.dir.path();
    let evidence = dir.join("evidence.json");
    fs::write(&evidence, node.get(&format!("/evidence?id={ITEM}")).body).unwrap();
    let sound = node.get("/trust").json();
    let refused = |change: &dyn Fn(&mut Value), words: &str| {
        let mut anchor = sound.clone();
        change(&mut anchor);
        let file = dir.join("anchor.json");
        fs::write(&file, anchor.to_string()).unwrap();
        let output = run(&["verify", "--evidence", path(&evidence), "--trust", path(&file), ITEM]);
        let says = text(&output.stderr);
        assert!(!output.status.success() && says.contains(words), "{words}: {says}");
    };
    let differs = "are not what its genesis statement and height give";
    refused(&|anchor| anchor["size"] = json!(3), differs);
    refused(&|anchor| anchor["root"] = json!("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"), differs);
    refused(&|anchor| anchor["height"] = json!(1), differs);
    refused(&|anchor| anchor["members"][0]["name"] = json!("Other"), differs);
    refused(
        &|anchor| anchor["version"] = json!(1),
        "this trust anchor has version 1, and this program reads version 2",
    );
    // As a node of version 1 gave it.
    let old = |anchor: &mut Value| {
        *anchor = json!({"version": 1, "origin": "x", "fingerprint": "x", "members": [], "genesis": "x"})
    };
    refused(&old, "sealane trust --out FILE");
    for (query, status) in
        [("height=9", 404), ("height=x", 400), ("height=-1", 400), ("height=00", 400), ("size=1", 400)]
    {
        assert_eq!(node.get(&format!("/trust?{query}")).status, status, "{query}");
    }
}

#[test]
fn evidence_of_another_version_is_named_with_both_versions() {
    let node = ledger();
    let dir = node.dir.path();
    let (trust, file) = (dir.join("trust.json"), dir.join("evidence.json"));
    fs::write(&trust, node.get("/trust").body).unwrap();
    let sound = node.get(&format!("/evidence?id={ITEM}")).json();
    for version in [2, 4] {
        let mut evidence = sound.clone();
        evidence["version"] = json!(version);
        fs::write(&file, evidence.to_string()).unwrap();
        let output = run(&["verify", "--evidence", path(&file), "--trust", path(&trust), ITEM]);
        let says = text(&output.stderr);
        let words = format!("this evidence has version {version}, and this program reads version 3: fetch it again");
        assert!(!output.status.success() && says.contains(&words), "{says}");
    }
}

#[test]
fn events_are_found_by_their_business_transactions() {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let maker = Signer::of(&node, "maker");
    let event = |item: &str, day: u32, transactions: Value| {
        let mut event = object_event("ADD", "commissioning", &[item], &format!("2026-03-{day:02}T08:00:00.000Z"));
        event["bizTransactionList"] = transactions;
        event
    };
    let order = json!({"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:9506000000005:PO-1"});
    let bill = json!({"type": "inv", "bizTransaction": "https://shop.example/bills/7"});
    // A key in another spelling, and a text that is no id.
    let document_key = json!({"type": "desadv", "bizTransaction": "https://shop.example/253/9506000134352"});
    let odd = json!({"bizTransaction": "https://id.gs1.org/orders/7"});
    captured(&node, maker.statement(&document(vec![event(ITEM, 1, json!([order, bill]))])));
    captured(&node, maker.statement(&document(vec![event(OTHER, 2, json!([bill, document_key, odd]))])));
    let found = |query: &str| -> Vec<Value> {
        let answer = node.get(&format!("/epcis/events?{query}"));
        assert_eq!(answer.status, 200, "{query}: {}", text(&answer.body));
        let list = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().clone();
        list.iter().map(|event| event["epcList"][0].clone()).collect()
    };
    let po = "urn:epcglobal:cbv:bt:9506000000005:PO-1";
    assert_eq!(found(&format!("EQ_bizTransaction_po={po}")), [ITEM]);
    assert_eq!(found(&format!("EQ_bizTransaction_inv={po}")), [""; 0], "the type matches too");
    assert_eq!(found(&format!("EQ_bizTransaction={po}%7Chttps://shop.example/bills/7")), [ITEM, OTHER]);
    assert_eq!(
        found(
            "EQ_bizTransaction_inv=https://shop.example/bills/7&EQ_bizTransaction_desadv=https://id.gs1.org/253/9506000134352"
        ),
        [OTHER]
    );
    assert_eq!(found("EQ_bizTransaction=https://id.gs1.org/orders/7"), [OTHER]);
    assert_eq!(found("EQ_bizTransaction=urn:x:unknown"), [""; 0]);
    assert_eq!(node.get("/epcis/events?EQ_bizTransaction_bill=urn:x:1").status, 400);
    assert_eq!(node.get("/epcis/events?EQ_bizTransaction=PO-1").status, 400);
}

#[test]
fn the_digits_of_the_fingerprint_are_printed_and_nothing_is_saved() {
    let node = Node::start();
    let output = run(&["trust", "--url", &node.url]);
    let told = text(&output.stdout);
    let fingerprint: sealane_core::hash::Hash =
        node.get("/trust").json()["fingerprint"].as_str().unwrap().parse().unwrap();
    let groups = fingerprint.to_groups();
    for line in groups.chunks(4) {
        assert!(told.contains(&line.join(" ")), "{told}");
    }
    assert!(told.contains(&fingerprint.to_string()) && told.contains("Nothing was saved"), "{told}");
    // A member reads its own ledger, and asks no node.
    let data = node.dir.path().join("data");
    let own = run(&["trust", "--data", path(&data)]);
    let told = text(&own.stdout);
    assert!(own.status.success() && told.contains(&fingerprint.to_string()), "{told}");
    assert!(told.contains("as the ledger in ") && !told.contains("Nothing was saved"), "{told}");
}

#[test]
fn saved_evidence_is_held_against_the_anchor_that_is_known_here() {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let dir = node.dir.path();
    let file = dir.join("evidence.json");
    fs::write(&file, node.get(&format!("/evidence?id={ITEM}")).body).unwrap();
    let pins = dir.join("pins");
    let verify = |data: &std::path::Path| {
        let run =
            sealane(&["verify", "--evidence", path(&file), "--data", path(data)]).env("SEALANE_PINS", &pins).output();
        let output = run.unwrap();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let nowhere = dir.join("nowhere");
    let (code, said) = verify(&nowhere);
    assert!(
        code == Some(2) && said.contains("no trust anchor of the ledger") && said.contains("sealane trust --pin FILE"),
        "{said}"
    );
    let (code, said) = verify(&dir.join("data"));
    assert!(code == Some(1) && said.contains("Nobody has recorded this number"), "{said}");
    let anchor = dir.join("trust.json");
    fs::write(&anchor, node.get("/trust").body).unwrap();
    let pinned = sealane(&["trust", "--pin", path(&anchor)]).env("SEALANE_PINS", &pins).output().unwrap();
    assert!(pinned.status.success(), "{}", text(&pinned.stderr));
    assert_eq!(verify(&nowhere).0, Some(1));
}
