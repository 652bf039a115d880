//! `members rejoin`: a lost log of votes is taken up again, and only from where a quorum is.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use sealane::store::VOTE_LOG_FILES;
use serde_json::Value;

use crate::founders::{Founder, files};
use crate::support::{Node, path, run, run_ok, text};

/// How long members may take to find each other.
const SOON: Duration = Duration::from_secs(60);

fn lose_log(data: &Path) {
    for name in VOTE_LOG_FILES {
        fs::remove_file(data.join(name)).unwrap();
    }
}

fn rejoin(data: &Path, further: &[&str]) -> Output {
    let mut arguments = vec!["members", "rejoin", "--json", "--data", path(data)];
    arguments.extend(further);
    run(&arguments)
}

#[track_caller]
fn fails(data: &Path, further: &[&str], code: i32, words: &[&str]) {
    let output = rejoin(data, further);
    let says = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{says}");
    for word in words {
        assert!(says.contains(word), "no {word:?} in {says}");
    }
}

#[track_caller]
fn rejoins(data: &Path, further: &[&str]) -> Value {
    let output = rejoin(data, further);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Four founders of one ledger, on ports of this machine.
pub fn four() -> Vec<Founder> {
    // All at once, so that no two are the same.
    let ports: Vec<TcpListener> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let peers = ports.iter().map(|port| port.local_addr().unwrap().to_string());
    let names = ["Ada", "Bo", "Cy", "Di"].iter().zip(peers);
    let declare = |(name, peer): (&&str, String)| Founder::declare_at(name, "ledger.example/rejoined", &peer);
    let mut founders: Vec<Founder> = names.map(declare).collect();
    founders.sort_by_key(|founder| founder.document().document.member().kid());
    let files = files(&founders);
    founders[0].found_ok(&files, None);
    let genesis = founders[0].genesis();
    founders[1..].iter().for_each(|founder| drop(founder.found_ok(&files, Some(&genesis))));
    founders
}

#[test]
fn a_lost_log_goes_on_from_where_a_quorum_is() {
    let mut founders = four();
    let lost = founders.pop().unwrap();
    let data = lost.data();
    lose_log(&data);
    fails(&data, &[], 3, &["0 of the other members have told how far the ledger is, and 2 must", "--url of each"]);
    let nodes: Vec<Node> = founders.into_iter().map(|founder| Node::serve(founder.dir)).collect();
    let urls = |count: usize| nodes.iter().take(count).flat_map(|node| ["--url", &node.url]).collect::<Vec<_>>();
    fails(&data, &urls(1), 3, &["1 of the other members have told", "and 2 must"]);
    // The same node twice is one member.
    fails(&data, &["--url", &nodes[0].url, "--url", &format!("{}/", nodes[0].url)], 3, &["1 of the other members"]);
    assert_eq!(rejoins(&data, &urls(2)), serde_json::json!({"height": 0, "votesFrom": 2}));
    fails(&data, &urls(2), 3, &["this member's key has signed block 0, and nothing has to be said"]);

    // Three agree without it, and it is behind.
    let began = Instant::now();
    while nodes[0].get("/members").json()["reachable"] != 3 {
        assert!(began.elapsed() < SOON, "{}", nodes[0].get("/members").json());
        std::thread::sleep(Duration::from_millis(50));
    }
    nodes[0].participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    lose_log(&data);
    fails(&data, &urls(3), 3, &["has block 1, and the ledger in ", " ends at block 0: start `sealane serve"]);

    // The operator's word has to fit the ledger, and is asked for.
    let said = |height: &'static str, yes: &[&'static str]| [&["--nothing-signed-after", height], yes].concat();
    fails(&data, &said("1", &["--yes"]), 3, &["block 1 was signed, and the ledger in ", " ends at block 0"]);
    fails(&data, &said("0", &[]), 2, &["nobody is at the terminal to ask; give --yes"]);
    assert_eq!(rejoins(&data, &said("0", &["--yes"])), serde_json::json!({"height": 0, "votesFrom": 1}));
}

#[test]
fn one_member_goes_on_by_its_operators_word_alone() {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let dir = node.stop();
    let data = dir.path().join("data");
    lose_log(&data);
    fails(&data, &[], 2, &["one member keeps this ledger", "--nothing-signed-after 1"]);
    fails(&data, &["--nothing-signed-after", "0", "--yes"], 2, &["block 0 cannot be the last that was signed"]);
    fails(&data, &["--yes"], 2, &["--nothing-signed-after"]);
    rejoins(&data, &["--nothing-signed-after", "1", "--yes"]);
    let node = Node::serve(dir);
    node.participant("carrier", "shipper", &["--gln", "9521321000018"]);
    run_ok(&["audit", "--data", path(&node.data())]);
}
