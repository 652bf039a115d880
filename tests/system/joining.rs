//! Joining without a file edited: newcomers ask, follow, are admitted and vote; a member's key is replaced; and what each refusal says.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::rejoin::four;
use crate::support::{Node, document, object_event, path, run, run_ok, sealane, text};

/// How long nodes may take to find each other, to be level, and to be ready.
const SOON: Duration = Duration::from_secs(90);

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A directory that has asked to become a member.
struct Newcomer {
    dir: TempDir,
    listen: String,
    told: Value,
}

impl Newcomer {
    /// Asks at a node, under the fingerprint that its members have told.
    fn ask(name: &str, at: &Node) -> Self {
        let (dir, listen) = (tempfile::tempdir().unwrap(), free_address());
        let data = dir.path().join("data");
        let fingerprint = at.get("/trust").json()["fingerprint"].as_str().unwrap().to_owned();
        let output = join(&data, name, &at.url, &["--fingerprint", &fingerprint], Some(&listen));
        assert!(output.status.success(), "{}", text(&output.stderr));
        Self { told: serde_json::from_slice(&output.stdout).unwrap(), dir, listen }
    }

    fn kid(&self) -> String {
        self.told["kid"].as_str().unwrap().to_owned()
    }

    fn serve(self) -> Node {
        Node::serve_on(self.dir, &self.listen)
    }
}

/// Runs `init --join`; with an address of its own for clients, and a free one for members' nodes.
fn join(data: &Path, name: &str, url: &str, further: &[&str], listen: Option<&str>) -> Output {
    let (peer, public) = (free_address(), format!("http://{}", listen.unwrap_or_default()));
    let mut arguments = vec!["init", "--json", "--name", name, "--join", url, "--data", path(data)];
    if listen.is_some() {
        arguments.extend(["--peer-address", &peer, "--public-url", &public]);
    }
    arguments.extend(further);
    run(&arguments)
}

#[track_caller]
fn wait(what: &str, node: &Node, holds: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let told = node.get("/members").json();
        if holds(&told) {
            return told;
        }
        assert!(began.elapsed() < SOON, "{what}: {told}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until so many members are in force at each node, and each of them can be reached.
#[track_caller]
fn wait_for_members(nodes: &[&Node], count: usize) {
    for node in nodes {
        wait(&format!("{count} members"), node, |told| {
            told["members"].as_array().unwrap().len() == count && told["reachable"] == count
        });
    }
}

/// Waits until all nodes have the same last block.
#[track_caller]
fn wait_until_level(nodes: &[&Node]) {
    let began = Instant::now();
    loop {
        let tips: Vec<String> = nodes.iter().map(|node| text(&node.get("/ledger/checkpoint").body)).collect();
        let tree = |tip: &String| tip.lines().take(3).map(str::to_owned).collect::<Vec<_>>();
        if tips.iter().all(|tip| tree(tip) == tree(&tips[0])) {
            return;
        }
        assert!(began.elapsed() < SOON, "{tips:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn founded() -> Vec<Node> {
    let nodes: Vec<Node> = four().into_iter().map(|founder| Node::serve(founder.dir)).collect();
    wait_for_members(&nodes.iter().collect::<Vec<_>>(), 4);
    nodes
}

fn propose(node: &Node, further: &[&str]) -> String {
    let mut arguments = vec!["members", "propose", "--json", "--yes"];
    arguments.extend(further);
    let made: Value = serde_json::from_str(&node.run_ok(&arguments)).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

fn admit(kid: &str) -> String {
    format!("--admit={kid}")
}

fn vote(node: &Node, all: &[&Node], id: &str) {
    wait_until_level(all);
    node.run_ok(&["members", "vote", id, "yes", "--yes"]);
}

fn register(node: &Node, name: &str, prefix: &str) {
    node.participant(name, "manufacturer", &["--gs1-prefix", prefix]);
}

/// An audit of a node's own directory.
fn audited(data: &Path) {
    run_ok(&["audit", "--data", path(data)]);
}

#[test]
fn a_fifth_joins_four_and_votes_without_a_restart() {
    let four = founded();
    let newcomer = Newcomer::ask("Eve", &four[0]);
    let kid = newcomer.kid();
    // The request waits at the node that was asked, and its page shows it.
    let told = four[0].get("/members").json();
    assert_eq!((&told["requests"][0]["kid"], &told["requests"][0]["name"]), (&json!(kid), &json!("Eve")));
    assert!(told["requests"][0]["address"]["peer"].is_string(), "{told}");
    assert_eq!(four[1].get("/members").json()["requests"], json!([]));
    let page = text(&four[0].request("GET", "/", &[("Accept", "text/html")], b"").body);
    assert!(page.contains("Who asks this member to be admitted") && page.contains(&kid), "{page}");
    assert!(four[0].run_ok(&["members"]).contains(&format!("Asks to become a member: Eve ({kid}, http://")));

    // Before it is admitted it follows, signs nothing, and passes on what is posted.
    let fifth = newcomer.serve();
    register(&four[0], "maker", "9506000");
    wait_until_level(&[&four[0], &fifth]);
    let told = wait("level", &fifth, |told| told["following"]["behind"] == 0);
    assert_eq!((&told["following"]["url"], told.get("notSigning")), (&json!(four[0].url), None), "{told}");
    assert_eq!(fifth.get("/health/ready").status, 200);

    let id = propose(&four[0], &[&admit(&kid)]);
    // The proposal has the entry: a voter at another member needs no request.
    let all: Vec<&Node> = four.iter().collect();
    wait_until_level(&all);
    assert!(four[1].run_ok(&["members", "proposals", &id[..10]]).contains("Eve"));
    let told = wait("a candidate", &four[1], |told| told["candidates"][0]["reachable"] == true);
    assert_eq!((&told["candidates"][0]["kid"], &told["candidates"][0]["name"]), (&json!(kid), &json!("Eve")));
    vote(&four[1], &all, &id);
    vote(&four[2], &all, &id);
    let five: Vec<&Node> = four.iter().chain([&fifth]).collect();
    wait_for_members(&five, 5);
    wait_until_level(&five);
    let told = four[0].get("/members").json();
    assert_eq!((&told["requests"], told.get("candidates")), (&json!([]), None), "{told}");

    // Four of five must agree: without the second of the founders, the fifth's vote counts.
    let [first, second, third, fourth]: [Node; 4] = four.try_into().ok().unwrap();
    let second = second.stop();
    wait("four reachable", &first, |told| told["reachable"] == 4);
    register(&fifth, "carrier", "9521321");
    let second = Node::serve(second);
    let five = [&first, &second, &third, &fourth, &fifth];
    wait_for_members(&five, 5);
    wait_until_level(&five);
    // Of the blocks before its admission it keeps the notes of members; so its own audit holds.
    for node in five {
        audited(&node.data());
    }
    // A restart finds it a member.
    let fifth = Node::serve(fifth.stop());
    let five = [&first, &second, &third, &fourth, &fifth];
    wait_for_members(&five, 5);

    // Removed, it signs nothing from the next block on, and follows as before.
    let id = propose(&first, &[&format!("--remove={kid}")]);
    for node in [&second, &third, &fourth] {
        vote(node, &five, &id);
    }
    wait_for_members(&[&first, &second, &third, &fourth], 4);
    let told = wait("following", &fifth, |told| told["following"]["url"].is_string());
    assert_eq!(told["members"].as_array().unwrap().len(), 4, "{told}");
    register(&first, "shop", "9501101");
    wait_until_level(&five);
    audited(&fifth.data());
    let refused = fifth.run(&["policy", "maxSpeedKmh", "900", "--yes"]);
    assert!(text(&refused.stderr).contains("is no member's key"), "{}", text(&refused.stderr));
}

#[test]
fn one_becomes_four_in_one_proposal() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    run_ok(&["init", "--name", "Ada", "--data", path(&data)]);
    let peer = free_address();
    let founder = Node::serve_with(dir, "127.0.0.1:0", &["--peer-listen", &peer, "--peer-address", &peer]);
    register(&founder, "maker", "9506000");
    let newcomers: Vec<Newcomer> = ["Bo", "Cy", "Di"].into_iter().map(|name| Newcomer::ask(name, &founder)).collect();
    let kids: Vec<String> = newcomers.iter().map(Newcomer::kid).collect();
    let admits: Vec<String> = kids.iter().map(|kid| admit(kid)).collect();
    let id = propose(&founder, &admits.iter().map(String::as_str).collect::<Vec<_>>());
    // One yes is enough, and the newcomers have to be there first. One of them comes late.
    let told = founder.get(&format!("/members/proposals/{id}")).json();
    assert_eq!((&told["state"], told["notReady"].as_array().unwrap().len()), (&json!("open"), 3), "{told}");
    let mut nodes: Vec<Node> = newcomers.into_iter().map(Newcomer::serve).collect();
    nodes.push(founder);
    let all: Vec<&Node> = nodes.iter().collect();
    wait_for_members(&all, 4);
    let founder = nodes.last().unwrap();
    let told = founder.get(&format!("/members/proposals/{id}")).json();
    assert_eq!((&told["state"], told["ready"].as_array().unwrap().len()), (&json!("enacted"), 3), "{told}");
    // It is registered by one member, and endorsed by another: four are in force.
    let out = nodes[0].identity("carrier");
    let asked: Value = serde_json::from_str(&nodes[0].run_ok(&[
        "register",
        "--json",
        "--organization",
        "carrier",
        "--role",
        "shipper",
        "--gln",
        "9521321000018",
        "--out",
        path(&out),
    ]))
    .unwrap();
    let participant = asked["id"].as_str().unwrap();
    nodes[0].run_ok(&["approve", "--yes", participant]);
    wait_until_level(&all);
    nodes[1].run_ok(&["endorse", "--yes", participant]);
    wait_until_level(&all);
    let item = "https://id.gs1.org/01/09506000134352/21/J1";
    let made = document(vec![object_event("ADD", "commissioning", &[item], "2026-03-01T08:00:00.000Z")]);
    let taken = founder.capture("maker", &made);
    assert!((200..300).contains(&taken.status), "{}", taken.json());
    wait_until_level(&all);
    nodes.iter().for_each(|node| audited(&node.data()));
    // The founder, which decided alone once, takes its place again after a restart.
    let founder = nodes.pop().unwrap().stop();
    let founder = Node::serve_with(founder, "127.0.0.1:0", &["--peer-listen", &peer, "--peer-address", &peer]);
    nodes.push(founder);
    wait_for_members(&nodes.iter().collect::<Vec<_>>(), 4);
}

#[test]
fn a_members_key_is_replaced_and_its_node_goes_on() {
    let four = founded();
    let data = four[3].data();
    let read = |name: &str| fs::read_to_string(data.join(name)).unwrap();
    let (old_key, old_note) = (read("member-key.pem"), read("member-note-key.pem"));
    let made: Value = serde_json::from_str(&four[3].run_ok(&["members", "new-key", "--json"])).unwrap();
    let [kid, own] = ["kid", "replaces"].map(|name| made[name].as_str().unwrap().to_owned());
    let again: Value = serde_json::from_str(&four[3].run_ok(&["members", "new-key", "--json"])).unwrap();
    assert_eq!(made, again, "the same keys, as no others were decided on");
    let id = propose(&four[3], &[&format!("--replace={own}={}", made["member"].as_str().unwrap())]);
    let all: Vec<&Node> = four.iter().collect();
    vote(&four[0], &all, &id);
    vote(&four[1], &all, &id);
    let is_replaced = |told: &Value| {
        let kids: Vec<&str> =
            told["members"].as_array().unwrap().iter().map(|one| one["kid"].as_str().unwrap()).collect();
        kids.contains(&kid.as_str()) && !kids.contains(&own.as_str()) && told["reachable"] == 4
    };
    // The node itself comes last: it is opened again in between.
    for node in &four {
        wait("replaced", node, is_replaced);
    }
    wait("itself", &four[3], |told| {
        told["members"].as_array().unwrap().iter().any(|one| one["kid"] == kid.as_str() && one["self"] == true)
    });
    assert!(!data.join("next").exists());
    assert_ne!(read("member-key.pem"), old_key);
    assert_ne!(read("member-note-key.pem"), old_note);
    // Its vote counts: three must agree, and one other is away.
    let [first, second, third, fourth]: [Node; 4] = four.try_into().ok().unwrap();
    let away = first.stop();
    wait("three reachable", &second, |told| told["reachable"] == 3);
    register(&fourth, "maker", "9506000");
    wait_until_level(&[&second, &third, &fourth]);
    audited(&data);
    let first = Node::serve(away);
    let fourth = Node::serve(fourth.stop());
    wait_for_members(&[&first, &second, &third, &fourth], 4);
    // The old key may say nothing any more.
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("data");
    fs::create_dir(&old).unwrap();
    for file in fs::read_dir(fourth.data()).unwrap() {
        let file = file.unwrap().path();
        fs::copy(&file, old.join(file.file_name().unwrap())).unwrap();
    }
    fs::write(old.join("member-key.pem"), old_key).unwrap();
    fs::write(old.join("member-note-key.pem"), old_note).unwrap();
    let refused = run(&["policy", "maxSpeedKmh", "900", "--yes", "--url", &first.url, "--data", path(&old)]);
    assert!(text(&refused.stderr).contains("is no member's key"), "{}", text(&refused.stderr));
}

#[test]
fn a_newcomer_that_comes_late_and_one_that_is_never_admitted() {
    let four = founded();
    let (late, other) = (Newcomer::ask("Eve", &four[0]), Newcomer::ask("Fay", &four[0]));
    let all: Vec<&Node> = four.iter().collect();
    let id = propose(&four[0], &[&admit(&late.kid())]);
    wait_until_level(&all);
    // Who votes hears that the newcomer is not there, and is asked.
    let unreached = format!("This node does not reach Eve ({})", late.kid());
    let unasked = four[1].run(&["members", "vote", &id, "yes"]);
    assert_eq!(unasked.status.code(), Some(2), "{}", text(&unasked.stderr));
    assert!(text(&unasked.stderr).contains(&unreached), "{}", text(&unasked.stderr));
    let voted = four[1].run(&["members", "vote", &id, "yes", "--yes"]);
    assert!(voted.status.success() && text(&voted.stderr).contains(&unreached), "{}", text(&voted.stderr));
    vote(&four[2], &all, &id);
    wait_until_level(&all);
    let told = four[3].get(&format!("/members/proposals/{id}")).json();
    assert_eq!(
        (&told["state"], &told["yes"], &told["notReady"][0]["name"]),
        (&json!("open"), &json!(3), &json!("Eve"))
    );
    register(&four[0], "maker", "9506000");
    // It has the yes of enough members when it comes.
    let (late, other) = (late.serve(), other.serve());
    let five: Vec<&Node> = four.iter().chain([&late]).collect();
    wait_for_members(&five, 5);
    wait_until_level(&[&four[0], &late, &other]);
    // The other one follows as before, through the change of members, and is told of as who it is.
    register(&late, "carrier", "9521321");
    wait_until_level(&[&four[0], &other]);
    let told = other.get("/members").json();
    assert_eq!((told["members"].as_array().unwrap().len(), &told["following"]["behind"]), (5, &json!(0)), "{told}");
    assert_eq!(four[0].get("/members").json()["requests"][0]["name"], "Fay");
    audited(&other.data());
    // A restart changes nothing of that.
    let other = Node::serve(other.stop());
    wait("following", &other, |told| told["following"]["behind"] == 0);
}

#[test]
fn what_a_request_to_join_is_refused_for() {
    let node = Node::start();
    register(&node, "maker", "9506000");
    let newcomer = Newcomer::ask("Eve", &node);
    let file = newcomer.dir.path().join("data/member.json");
    let asked: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let post = |body: &Value| node.post("/members", "application/json", body.to_string().as_bytes());
    // The same again takes its own place.
    let again = post(&asked);
    assert_eq!((again.status, &again.json()["status"]), (202, &json!("waiting")));
    assert_eq!(node.get("/members").json()["requests"].as_array().unwrap().len(), 1);

    let with = |name: &str, value: Value| {
        let mut changed = asked.clone();
        changed[name] = value;
        changed
    };
    let member = &node.get("/members").json()["members"][0];
    let mut other_address = asked["address"].clone();
    other_address["url"] = json!("https://evil.example");
    for (body, status, code, words) in [
        (with("proof", json!("A".repeat(86))), 400, "bad-join-request", "the proof of "),
        (with("name", json!("Mallory")), 400, "bad-join-request", "does not hold for its entry"),
        (with("origin", json!("other.example/ledger")), 400, "bad-join-request", "does not hold"),
        (with("kid", member["kid"].clone()), 400, "bad-join-request", "the thumbprint of jwk is"),
        (with("address", other_address), 400, "bad-join-request", "the address is not signed by"),
        (with("more", json!(1)), 400, "bad-join-request", "unknown field `more`"),
        (with("version", json!(2)), 400, "bad-join-request", "it has version 2"),
        (with("name", json!("x".repeat(20_000))), 413, "body-too-large", ""),
        (json!([]), 400, "bad-join-request", "it is not what `sealane init --join` writes"),
    ] {
        let answer = post(&body);
        let problem = answer.json();
        assert_eq!((answer.status, problem["code"].as_str()), (status, Some(code)), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    assert_eq!(node.post("/members", "text/plain", b"x").status, 415);

    // A member's name, and a key that was ever used.
    let data = |at: usize| newcomer.dir.path().join(format!("more{at}"));
    let taken = join(&data(0), "Test Member", &node.url, &["--yes"], None);
    let says = text(&taken.stderr);
    assert_eq!(taken.status.code(), Some(3), "{says}");
    for words in ["everything is made in ", "[join-refused]", "a member has the name \"Test Member\" already"] {
        assert!(says.contains(words), "no {words:?} in {says}");
    }
    // Another name needs another directory, and the same one asks again.
    let renamed = join(&data(0), "Gus", &node.url, &["--yes"], None);
    assert_eq!(renamed.status.code(), Some(2), "{}", text(&renamed.stderr));
    assert!(text(&renamed.stderr).contains("is the request of \"Test Member\""), "{}", text(&renamed.stderr));

    // Few wait from one address.
    for at in 1..4 {
        assert!(join(&data(at), &format!("New {at}"), &node.url, &["--yes"], None).status.success());
    }
    let crowded = join(&data(4), "New 4", &node.url, &["--yes"], None);
    assert!(
        text(&crowded.stderr).contains("4 requests to join from this address wait here already"),
        "{}",
        text(&crowded.stderr)
    );
    // They are there after a restart.
    let node = Node::serve(node.stop());
    assert_eq!(node.get("/members").json()["requests"].as_array().unwrap().len(), 4);
}

#[test]
fn init_join_pins_the_ledger_and_goes_on_where_it_was_cut_short() {
    let node = Node::start();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let asks = |further: &[&str]| join(&data, "Eve", &node.url, further, None);
    let other = "A".repeat(43);
    let refused = asks(&["--fingerprint", &other]);
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains(&format!("and {other} was expected: nothing was written")));
    assert!(!data.exists());
    let unasked = asks(&[]);
    assert_eq!(unasked.status.code(), Some(2));
    assert!(text(&unasked.stderr).contains("give --fingerprint "), "{}", text(&unasked.stderr));
    assert!(!data.exists());

    // As after a crash: the ledger is pinned and some keys are there, and no more.
    assert!(asks(&["--yes"]).status.success());
    for name in ["version", "member.json", "vote-log-1", "ca.pem"] {
        fs::remove_file(data.join(name)).unwrap();
    }
    let short = run(&["serve", "--data", path(&data)]);
    assert!(text(&short.stderr).contains("an `init --join` was cut short in "), "{}", text(&short.stderr));
    let taken = run(&["init", "--name", "Eve", "--data", path(&data)]);
    assert!(text(&taken.stderr).contains("an `init --join` was cut short in "), "{}", text(&taken.stderr));
    let before = fs::read(data.join("member-key.pem")).unwrap();
    assert!(asks(&[]).status.success(), "it has the ledger pinned and does not ask again");
    assert_ne!(fs::read(data.join("member-key.pem")).unwrap(), before, "no node has seen the first key");
    // From now on the keys stay.
    let before = fs::read(data.join("member-key.pem")).unwrap();
    assert!(asks(&[]).status.success());
    assert_eq!(fs::read(data.join("member-key.pem")).unwrap(), before);
    let elsewhere = join(&data, "Eve", "http://127.0.0.1:1", &[], None);
    assert_eq!(elsewhere.status.code(), Some(2), "{}", text(&elsewhere.stderr));
    assert!(text(&elsewhere.stderr).contains("give the same --join and --fingerprint"), "{}", text(&elsewhere.stderr));

    // Another ledger at the same URL is not the one that was pinned.
    let mut serve = sealane(&["serve", "--json", "--listen", "127.0.0.1:0", "--data", path(&data)]);
    serve.env("SEALANE_LOG", "error");
    let newcomer = Node::spawn(dir, serve);
    register(&node, "maker", "9506000");
    wait_until_level(&[&node, &newcomer]);
    let host = node.url.strip_prefix("http://").unwrap().to_owned();
    drop(node.stop());
    let replaced = tempfile::tempdir().unwrap();
    run_ok(&["init", "--name", "Mallory", "--data", path(&replaced.path().join("data"))]);
    let replaced = Node::serve_on(replaced, &host);
    let size = newcomer.tree_size();
    let told = wait("set aside", &newcomer, |told| {
        told["following"]["nodes"][0]["trouble"].is_string() || told["following"]["stopped"].is_string()
    });
    assert_eq!(newcomer.tree_size(), size, "{told}");
    drop(replaced);
}
