//! The members change the rules while one of them, and an observer, run a program that does not know the new ones.
//!
//! The old program is a plain build of this one. The program under test knows rules 2, which no plain build does (the feature
//! `test-rules-2` of the core). `scripts/two-builds` builds both, and names the plain one in `SEALANE_PLAIN_BIN`.

use std::process::Command;
use std::time::{Duration, Instant};

use sealane::pki::PrivateKey;
use sealane_core::block::Checkpoint;
use sealane_core::consortium::{Admin, Readiness};
use sealane_core::hash::Hash;
use sealane_core::statement::StatementId;
use sealane_core::time::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::audit::shelf::Shelf;
use crate::member::sign_as;
use crate::observer::{follow, follow_in, wait_for, wait_for_height};
use crate::rejoin::four;
use crate::signer::now;
use crate::support::{Node, path, text};

/// How long members may take to find each other, to agree, and to be level.
const SOON: Duration = Duration::from_secs(60);

/// How long after the proposal the new rules are in force: long enough for the others to vote.
const IN_FORCE_AFTER_MS: i64 = 15_000;

/// A command of the old program.
fn old_program(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_remove("SEALANE_DATA").env_remove("SEALANE_URL").env("SEALANE_LOG", "error");
    command.env_remove("SEALANE_DATABASE_URL").env_remove("SEALANE_DATABASE_CA");
    command
}

fn serve_old(program: &str, dir: TempDir) -> Node {
    let data = dir.path().join("data");
    let serve = old_program(program, &["serve", "--json", "--listen", "127.0.0.1:0", "--data", path(&data)]);
    Node::spawn(dir, serve)
}

/// Waits until something holds of an answer of a node.
#[track_caller]
fn wait(node: &Node, at: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let told = node.get(at).json();
        if holds(&told) {
            return told;
        }
        assert!(began.elapsed() < SOON, "not {what}: {told}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn height(node: &Node) -> u64 {
    node.get("/ledger/blocks/latest").json()["height"].as_u64().unwrap()
}

fn rules_of_last_block(node: &Node) -> Value {
    let block = node.get("/ledger/blocks/latest").json();
    serde_json::from_str::<Value>(block["seal"].as_str().unwrap()).unwrap()["rules"].clone()
}

#[track_caller]
fn json(node: &Node, arguments: &[&str]) -> Value {
    serde_json::from_str(&node.run_ok(&[arguments, &["--json", "--yes"]].concat())).unwrap()
}

/// Puts a policy to the vote: a block is made of it, or it is refused.
#[track_caller]
fn propose(node: &Node, speed: &str) -> String {
    json(node, &["policy", "maxSpeedKmh", speed])["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_member_with_an_old_program_reads_on_signs_nothing_and_votes_again_once_it_is_replaced() {
    let Ok(program) = std::env::var("SEALANE_PLAIN_BIN") else {
        println!("skipped: SEALANE_PLAIN_BIN names no plain build, as scripts/two-builds makes one");
        return;
    };
    let mut dirs: Vec<TempDir> = four().into_iter().map(|founder| founder.dir).collect();
    let old = serve_old(&program, dirs.pop().unwrap());
    let new: Vec<Node> = dirs.into_iter().map(Node::serve).collect();
    new.iter().chain([&old]).for_each(|node| drop(wait(node, "/members", "met", |told| told["reachable"] == 4)));
    let observer = {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let follow =
            ["follow", "--json", "--quiet", "--yes", "--listen", "127.0.0.1:0", "--data", path(&data), &new[0].url];
        let mut follow = old_program(&program, &follow);
        follow.arg(&old.url);
        Node::spawn(dir, follow)
    };

    // The three that know the rules say so by themselves; the old program's member votes, and says nothing of that kind.
    let not_before: Timestamp = now().plus_millis(IN_FORCE_AFTER_MS);
    let id = json(&new[0], &["rules", "2", "--not-before", &not_before.to_string()])["id"].as_str().unwrap().to_owned();
    let at = format!("/members/proposals/{id}");
    wait(&old, &at, "seen", |told| told["state"] == "open");
    json(&old, &["members", "vote", &id, "yes"]);
    wait(&new[1], &at, "two yes", |told| told["yes"] == 2);
    json(&new[1], &["members", "vote", &id, "yes"]);
    for node in new.iter().chain([&old, &observer]) {
        wait(node, &at, "enacted", |told| told["state"] == "enacted");
    }

    // It stops signing before the new rules are in force, and says which it lacks and what to do.
    let lacks = "the rules 2 are unknown; this program knows none after 1: install a version that knows them";
    wait(&old, "/members", "silent", |told| told["notSigning"].as_str().is_some_and(|said| said.contains(lacks)));
    let ready = old.get("/health/ready");
    let told = ready.json();
    assert_eq!((ready.status, &told["code"]), (503, &json!("not-signing")), "{told}");
    assert!(told["detail"].as_str().unwrap().contains(lacks), "{told}");
    assert!(old.run_ok(&["members"]).contains(lacks), "{}", old.run_ok(&["members"]));
    let refused = old.run(&["policy", "maxSpeedKmh", "700", "--yes"]);
    assert!(text(&refused.stderr).contains("[not-signing]"), "{}", text(&refused.stderr));
    new.iter().for_each(|node| assert_eq!(node.get("/members").json().get("notSigning"), None));

    // The three others go on by the new rules, and it reads what it had.
    while now() <= not_before {
        std::thread::sleep(Duration::from_millis(100));
    }
    let size = old.tree_size();
    let later = propose(&new[0], "800");
    assert_eq!(rules_of_last_block(&new[0]), 2);
    wait(&new[1], &format!("/members/proposals/{later}"), "told", |told| told["state"] == "open");
    assert_eq!((rules_of_last_block(&old), old.tree_size() >= size), (json!(1), true));
    assert_eq!(old.get(&at).json()["state"], "enacted");
    assert_eq!(old.get(&format!("/members/proposals/{later}")).status, 404);
    assert!(height(&old) < height(&new[0]));

    // So does an observer with the old program. The nodes that it follows have done nothing wrong.
    let following = |told: &Value| told["following"].clone();
    let told = wait(&observer, "/health/ready", "stopped", |told| following(told)["stopped"].is_string());
    assert!(following(&told)["stopped"].as_str().unwrap().contains(lacks), "{told}");
    assert_eq!((&told["status"], &following(&told)["unknownRules"]), (&json!("ready"), &json!(2)));
    for node in following(&told)["nodes"].as_array().unwrap() {
        assert_eq!((&node["setAside"], node.get("falseBlock")), (&json!(false), None), "{told}");
    }
    let page = text(&observer.request("GET", "/?lang=en", &[("Accept", "text/html")], b"").body);
    assert!(page.contains("goes on by the rules 2, which its program does not know"), "{page}");
    assert_eq!(
        (observer.get(&at).json()["state"].clone(), rules_of_last_block(&observer)),
        (json!("enacted"), json!(1))
    );
    let said = observer.run_ok(&["members"]);
    assert!(said.contains("It has stopped: the members have decided on other rules"), "{said}");

    // With the new program both catch up.
    let old = Node::serve(old.stop());
    wait(&old, "/members", "level", |told| told["reachable"] == 4 && told.get("notSigning").is_none());
    wait(&old, &format!("/members/proposals/{later}"), "caught up", |told| told["state"] == "open");
    assert_eq!((rules_of_last_block(&old), old.get("/health/ready").status), (json!(2), 200));
    let dir = observer.stop();
    let data = dir.path().join("data");
    let mut follow = crate::support::sealane(&["follow", "--json", "--quiet", "--listen", "127.0.0.1:0"]);
    follow.args(["--data", path(&data), &old.url]);
    let observer = Node::spawn(dir, follow);
    wait(&observer, &format!("/members/proposals/{later}"), "caught up", |told| told["state"] == "open");

    // And its member votes: of the three that are left all have to sign.
    let mut new = new;
    drop(new.pop().unwrap().stop());
    let last = propose(&old, "900");
    wait(&new[0], &format!("/members/proposals/{last}"), "told", |told| told["state"] == "open");
}

/// Rules that no program knows, in a block that the member's key signs by hand.
#[test]
fn an_observer_stops_before_a_block_by_unknown_rules_and_sets_no_node_aside() {
    let member = Node::start();
    let not_before = now().plus_millis(3_600_000);
    let id =
        json(&member, &["rules", "1000", "--not-before", &not_before.to_string()])["id"].as_str().unwrap().to_owned();
    let block = member.get("/ledger/blocks/latest").json();
    let checkpoint: Checkpoint = block["checkpoint"].as_str().unwrap().parse().unwrap();
    let height = serde_json::from_value(block["height"].clone()).unwrap();
    let proposal = StatementId::from_hash(id.parse::<Hash>().unwrap());
    let ready = Admin::Ready(Readiness { proposal, height, root: checkpoint.root });
    let key = PrivateKey::read(&member.data().join("member-key.pem")).unwrap();
    let ready = sign_as(&key, &member.origin, &ready);
    let enacted = member.post("/members/decisions", "application/jose", ready.as_bytes()).json();
    assert_eq!(enacted["proposal"]["state"], "enacted", "{enacted}");
    let last = self::height(&member);
    let observer = follow(&[&member.url]);
    wait_for_height(&observer, last);

    let dir = member.stop();
    let mut shelf = Shelf::of(&dir.path().join("data"));
    shelf.append_by_rules(not_before, 1_000);
    let server = shelf.serve();
    let observer = follow_in(observer.stop(), &[&server.url], &[]);
    let told = wait_for(&observer, "stopped", |told| told["stopped"].is_string());
    assert!(told["stopped"].as_str().unwrap().contains("the rules 1000 are unknown"), "{told}");
    assert_eq!((&told["unknownRules"], &told["height"]), (&json!(1_000), &json!(last)), "{told}");
    assert_eq!((&told["nodes"][0]["setAside"], told["nodes"][0].get("falseBlock")), (&json!(false), None), "{told}");
    assert!(text(&observer.get("/metrics").body).contains("sealane_observer_stopped 1\n"));
    assert_eq!(observer.get("/health/ready").status, 200);
    assert_eq!(observer.get(&format!("/members/proposals/{id}")).json()["state"], "enacted");
}
