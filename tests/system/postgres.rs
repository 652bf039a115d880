//! A node that keeps its ledger in PostgreSQL: the whole way of an event, and what is said when something is in the way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::database::Database;
use crate::support::{Node, document, object_event, path, run, run_ok, sealane, text};

const PRODUCT: &str = "https://id.gs1.org/01/09506000134352/21/A1";

/// A member whose ledger is in a database of the test's own; nothing runs in it.
struct Member {
    database: Database,
    dir: TempDir,
}

impl Member {
    /// `None` where there is no server, which is said once.
    fn make() -> Option<Self> {
        let database = block_on(Database::make(""))?;
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        run_ok(&["init", "--name", "Test Member", "--data", path(&data), "--database-url", &database.url()]);
        // From here on every command finds the database by the member's own settings.
        fs::write(data.join("sealane.toml"), format!("database-url = \"{}\"\n", database.url())).unwrap();
        Some(Self { database, dir })
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// A commissioning of one item, signed; each time another.
fn commissioning(node: &Node, number: u32) -> String {
    let item = format!("https://id.gs1.org/01/09506000134352/21/A{number}");
    let time = "2026-03-01T08:00:00.000Z";
    node.sign("maker", &document(vec![object_event("ADD", "commissioning", &[&item], time)]))
}

/// Posts until it is captured, as a sender does who is told to post again; returns the last answer.
fn post_until_captured(node: &Node, statement: &str) -> Value {
    let answers = (0..20).map(|_| node.post("/epcis/capture", "application/jose", statement.as_bytes()));
    let captured = answers.inspect(|answer| assert!([202, 503].contains(&answer.status), "{}", text(&answer.body)));
    captured.skip_while(|answer| answer.status != 202).map(|answer| answer.json()).next().expect("the node comes back")
}

#[track_caller]
fn refused(output: &Output, code: i32, words: &[&str]) -> String {
    let says = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{says}");
    for word in words {
        assert!(says.contains(word), "no {word:?} in {says}");
    }
    says + &text(&output.stdout)
}

fn serve(data: &Path, further: &[&str]) -> Output {
    let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--data", path(data)];
    arguments.extend(further);
    run(&arguments)
}

/// Copies a member's data directory, as it was before its node runs; returns where to.
fn copy_of_data(dir: &Path) -> PathBuf {
    let copy = dir.join("copy");
    fs::create_dir(&copy).unwrap();
    for file in fs::read_dir(dir.join("data")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    copy
}

#[test]
fn an_event_goes_its_whole_way_and_the_node_outlives_its_connections() {
    let Some(Member { database, dir }) = Member::make() else { return };
    assert!(!dir.path().join("data/ledger.sqlite").exists());
    let node = Node::serve(dir);
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    post_until_captured(&node, &commissioning(&node, 1));
    let verified = node.run_ok(&["verify", PRODUCT, "--json"]);
    assert!(verified.contains("authentic"), "{verified}");
    node.run_ok(&["audit"]);
    for number in 2..5 {
        block_on(database.cut_connections());
        let size = node.tree_size();
        post_until_captured(&node, &commissioning(&node, number));
        assert!(node.tree_size() > size);
    }
    assert_eq!(node.get("/health/ready").status, 200);
    // Killed and started at once: the lease is free as soon as the server notices.
    let node = Node::serve(node.kill());
    post_until_captured(&node, &commissioning(&node, 5));
    let size = node.tree_size();
    let dir = node.stop();
    let data = dir.path().join("data");
    block_on(database.sql("DELETE FROM records WHERE leaf_index % 2 = 0; UPDATE records SET bytes = 'stolen'"));
    assert_eq!(run(&["audit", "--data", path(&data)]).status.code(), Some(4));
    let audited = run_ok(&["audit", "--rebuild", "--json", "--data", path(&data)]);
    let report: Value = serde_json::from_str(&audited).unwrap();
    assert_eq!(report["leaves"].as_u64(), Some(size));
    assert_eq!(report["captures"].as_u64(), Some(5));
    run_ok(&["init", "--migrate", "--data", path(&data)]);
}

#[test]
fn two_nodes_never_write_one_ledger() {
    let Some(Member { database: _database, dir }) = Member::make() else { return };
    let copy = copy_of_data(dir.path());
    let node = Node::serve(dir);
    let first = format!("with --data {}", node.data().display());
    let words =
        ["another node writes the ledger in the database sealane_test_", &first, "since 20", "stop that one first"];
    refused(&serve(&copy, &[]), 3, &words);
    // Reading needs no lease.
    node.run_ok(&["audit"]);
    assert!(run(&["audit", "--data", path(&copy)]).status.success());
    let dir = node.stop();
    drop(Node::serve(dir));
}

#[test]
fn data_directory_and_database_belong_together() {
    let Some(Member { database, dir }) = Member::make() else { return };
    let url = database.url();
    let other = dir.path().join("other");
    // A database that holds a ledger begins no other, and the directory has no keys of one.
    let init = |url: &str| run(&["init", "--name", "Other", "--data", path(&other), "--database-url", url]);
    refused(&init(&url), 3, &["the database sealane_test_", "holds a ledger already"]);
    assert!(!other.join("member-key.pem").exists());
    run_ok(&["init", "--name", "Other", "--data", path(&other)]);
    let words = ["is not that of the member in", "--data and the --database-url that belong together"];
    refused(&serve(&other, &["--database-url", &url]), 3, &words);
    // Nor is the mark of the other member's key moved.
    run_ok(&["audit", "--data", path(&other)]);
    // Without its database a directory has no ledger.
    fs::remove_file(dir.path().join("data/sealane.toml")).unwrap();
    let words = ["no ledger at ", "if it is in PostgreSQL, give its --database-url"];
    refused(&serve(&dir.path().join("data"), &[]), 3, &words);
}

#[test]
fn what_is_in_the_way_is_said_and_the_password_never() {
    let Some(Member { database, dir }) = Member::make() else { return };
    let data = dir.path().join("data");
    let url = database.url();
    let (head, host) = url.split_once('@').unwrap();
    let (user, password) = head.rsplit_once(':').unwrap();
    let mut said = Vec::new();
    let wrong = format!("{user}:wrong{password}@{host}");
    said.push(refused(&serve(&data, &["--database-url", &wrong]), 3, &["refused this user or password"]));
    let gone = format!("{url}_gone");
    said.push(refused(&serve(&data, &["--database-url", &gone]), 3, &["has no database", "createdb"]));
    let strict = format!("{url}?sslmode=verify-full");
    said.push(refused(&serve(&data, &["--database-url", &strict]), 3, &["no TLS with", "--database-ca FILE"]));
    let malformed = format!("{url}?colour={password}");
    said.push(refused(&serve(&data, &["--database-url", &malformed]), 2, &["--database-url: the URL cannot be read"]));
    let other = url.replace("postgres://", "mysql://");
    said.push(refused(&serve(&data, &["--database-url", &other]), 2, &["postgres://USER:PASSWORD@HOST:PORT/DATABASE"]));
    // The help shows which variables there are.
    let empty = tempfile::tempdir().unwrap();
    for arguments in [&["audit"][..], &["serve", "--help"], &["serve", "--listn"]] {
        let mut command = sealane(arguments);
        command.env("SEALANE_DATABASE_URL", &url).env("SEALANE_DATA", &data).env("SEALANE_LOG", "trace");
        let output = command.output().unwrap();
        said.push(text(&output.stdout) + &text(&output.stderr));
    }
    fs::write(empty.path().join("sealane.toml"), format!("database_url = \"{url}\"\n")).unwrap();
    said.push(refused(&serve(empty.path(), &[]), 2, &["unknown field `database_url`"]));
    let copy = copy_of_data(dir.path());
    let node = Node::serve(dir);
    // A second one says all that it does on the way to its refusal.
    let mut second = sealane(&["serve", "--listen", "127.0.0.1:0", "--data", path(&copy)]);
    second.env("SEALANE_LOG", "trace");
    let traced = refused(&second.output().unwrap(), 3, &["another node writes the ledger"]);
    assert!(traced.contains("TRACE") || traced.contains("DEBUG"), "{traced}");
    said.push(traced);
    drop(node);
    for text in said {
        assert!(!text.contains(password), "{text}");
    }
}

#[test]
fn a_ledger_is_copied_there_and_back_while_its_node_serves() {
    let (Some(there), Some(member)) = (block_on(Database::make("")), Member::make()) else { return };
    let node = Node::serve(member.dir);
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    post_until_captured(&node, &commissioning(&node, 1));
    let (from, to) = (member.database.url(), there.url());
    let copied: Value =
        serde_json::from_str(&run_ok(&["copy", "--json", "--from", &from, "--to", &to])).expect("what was copied");
    assert_eq!(copied["treeSize"].as_u64(), Some(node.tree_size()));
    post_until_captured(&node, &commissioning(&node, 2));
    run_ok(&["copy", "--from", &from, "--to", &to]);
    let file = node.dir.path().join("back.sqlite");
    run_ok(&["copy", "--from", &to, "--to", path(&file)]);
    for store in [&to, path(&file)] {
        let report: Value = serde_json::from_str(&run_ok(&["audit", "--json", "--store", store])).unwrap();
        assert_eq!(report["leaves"].as_u64(), Some(node.tree_size()), "{store}");
    }
    let says = refused(&run(&["copy", "--from", path(&file), "--to", &from]), 3, &["database", "process"]);
    assert!(says.contains("with --data"), "who has the lease is named: {says}");
}

/// The node opens its ledger anew by the new keys, while it holds the lease on the database.
#[test]
fn a_members_key_is_replaced() {
    let Some(Member { database, dir }) = Member::make() else { return };
    let node = Node::serve(dir);
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    post_until_captured(&node, &commissioning(&node, 1));
    let old_key = fs::read(node.data().join("member-key.pem")).unwrap();
    let made: Value = serde_json::from_str(&node.run_ok(&["members", "new-key", "--json"])).unwrap();
    let [kid, own, file] = ["kid", "replaces", "member"].map(|name| made[name].as_str().unwrap().to_owned());
    node.run_ok(&["members", "propose", &format!("--replace={own}={file}"), "--yes"]);
    let is_replaced = || {
        let asked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| node.get("/members").json()));
        asked.is_ok_and(|told| told["members"][0]["kid"] == kid.as_str() && told["members"][0]["self"] == true)
    };
    let began = std::time::Instant::now();
    while !is_replaced() {
        assert!(began.elapsed().as_secs() < 60, "it goes on by the old key");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(!node.data().join("next").exists());
    assert_ne!(fs::read(node.data().join("member-key.pem")).unwrap(), old_key);

    // It writes by the new key, also after its connections were cut, and holds the lease.
    for number in 2..4 {
        post_until_captured(&node, &commissioning(&node, number));
        block_on(database.cut_connections());
    }
    post_until_captured(&node, &commissioning(&node, 4));
    let copy = copy_of_data(node.dir.path());
    refused(&serve(&copy, &[]), 3, &["another node writes the ledger in the database"]);
    let node = Node::serve(node.stop());
    post_until_captured(&node, &commissioning(&node, 5));
    node.run_ok(&["audit"]);
    // The keys that were replaced open the database no more.
    let data = node.stop();
    fs::write(data.path().join("data/member-key.pem"), old_key).unwrap();
    let says = refused(&serve(&data.path().join("data"), &[]), 3, &[]);
    assert!(says.contains("key") && !says.contains("panicked"), "{says}");
}
