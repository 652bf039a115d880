//! A gateway whose queue, clients and rows are in a PostgreSQL database: killed, cut off from its server, and opened twice.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use tokio::runtime::Runtime;

use crate::database::Database;
use crate::fake_node::{Act, FakeNode};
use crate::program::{Gateway, command, commissioning, id_of, refused, times_recorded, until};
use crate::support::{Node, path, run, text};

/// A maker's node behind a fake one, and a database for the maker's gateway.
struct Stage {
    node: Node,
    fake: FakeNode,
    database: Database,
    runtime: Runtime,
}

impl Stage {
    /// `None` where there is no server, which is said once.
    fn set() -> Option<Self> {
        let runtime = Runtime::new().unwrap();
        let database = runtime.block_on(Database::make(""))?;
        let node = Node::start();
        node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
        let fake = FakeNode::before(node.url.strip_prefix("http://").unwrap());
        Some(Self { node, fake, database, runtime })
    }

    fn gateway(&self) -> Gateway {
        Gateway::start(&self.node.identity("Maker"), &[&self.fake.url], &["--database-url", &self.database.url()])
    }

    /// Takes the server away from the gateway.
    fn take_away(&self) {
        self.runtime.block_on(self.database.let_in(false));
        self.cut();
    }

    fn bring_back(&self) {
        self.runtime.block_on(self.database.let_in(true));
    }

    fn cut(&self) {
        self.runtime.block_on(self.database.cut_connections());
    }
}

#[test]
fn killed_at_each_state_it_loses_nothing_and_sends_nothing_twice() {
    let Some(stage) = Stage::set() else { return };
    let (node, fake, mut gateway) = (&stage.node, &stage.fake, stage.gateway());
    // Right after its 202.
    let first = gateway.take(&commissioning(&["A1"]));
    gateway = gateway.crash();
    gateway.until_final(&first);
    // While the node has the statement and no answer came.
    fake.then([Act::Hold]);
    let posted = fake.posted().len();
    let second = gateway.take(&commissioning(&["A2"]));
    fake.until_held();
    assert_eq!(gateway.job(&second)["sealane:state"], "signed");
    gateway = gateway.crash();
    let all = fake.until_posted(posted + 2);
    assert_eq!(all[posted], all[posted + 1], "the same bytes after the crash");
    fake.go_on();
    gateway.until_final(&second);
    // After the statement landed, before the receipt came.
    fake.then([Act::PassAndCut]);
    let third = gateway.take(&commissioning(&["A3"]));
    gateway.until(&third, |job| job["sealane:attempts"].as_u64() > Some(0) || job["running"] == false);
    gateway = gateway.crash();
    let told = gateway.until_final(&third);
    // Once it is final.
    gateway = gateway.crash();
    assert_eq!(gateway.job(&third), told);
    assert_eq!(gateway.take(&commissioning(&["A1"])), first, "the same body is the same capture");
    for serial in ["A1", "A2", "A3"] {
        assert_eq!(times_recorded(node, serial), 1);
    }
    assert!(!gateway.dir.path().join("queue.sqlite").exists(), "all of it is in the database");
}

#[test]
fn a_server_that_is_away_loses_nothing() {
    let Some(stage) = Stage::set() else { return };
    let (fake, gateway) = (&stage.fake, stage.gateway());
    fake.then([Act::Hold]);
    let held = gateway.take(&commissioning(&["B1"]));
    fake.until_held();
    stage.take_away();
    let answer = gateway.post(&commissioning(&["B2"]));
    refused(&answer, 503, "queue-unwritten", "ImplementationException", "post it again");
    assert_eq!(answer.header("Retry-After"), Some("30"));
    assert_eq!(gateway.get("/health/live").status, 200);
    assert_eq!(gateway.get("/health/ready").status, 503);
    // The node has the statement, and its receipt cannot be kept.
    fake.go_on();
    until(|| (times_recorded(&stage.node, "B1") == 1).then_some(()), || "it did not land".to_owned());
    stage.bring_back();
    let second = until(
        || {
            Some(gateway.post(&commissioning(&["B2"])))
                .filter(|answer| answer.status == 202)
                .map(|answer| id_of(&answer))
        },
        || "captures are not taken again".to_owned(),
    );
    for id in [&held, &second] {
        gateway.until_final(id);
    }
    // A server that starts again: who posts does not notice.
    stage.cut();
    gateway.until_final(&gateway.take(&commissioning(&["B3"])));
    assert_eq!(gateway.get("/health/ready").status, 200);
    for serial in ["B1", "B2", "B3"] {
        assert_eq!(times_recorded(&stage.node, serial), 1);
    }
}

#[test]
fn commands_work_beside_it_and_a_second_gateway_does_not() {
    let Some(stage) = Stage::set() else { return };
    let url = stage.database.url();
    let dir = tempfile::tempdir().unwrap();
    let with = |arguments: &[&str]| command(dir.path(), &[arguments, &["--database-url", &url]].concat());
    assert!(text(&with(&["jobs"]).stderr).contains("has no gateway in the database"));
    // The first command makes the tables.
    let added = with(&["client", "add", "erp"]);
    assert!(added.status.success(), "{}", text(&added.stderr));
    let key: serde_json::Value = serde_json::from_slice(&added.stdout).unwrap();
    let key = [("X-API-Key", key["key"].as_str().unwrap())];
    stage.fake.then([Act::Hold]);
    let identity = stage.node.identity("Maker");
    let further = ["--database-url", &url, "--no-batch"];
    let gateway = Gateway::start_in(dir, &identity, &[&stage.fake.url], &further);
    assert_eq!(gateway.post(&commissioning(&["C1"])).status, 401);
    let first = id_of(&gateway.post_with(&key, &commissioning(&["C1"])));
    stage.fake.until_held();
    let second = id_of(&gateway.post_with(&key, &commissioning(&["C2"])));

    let ok = |arguments: &[&str]| gateway.command_ok(&[arguments, &["--database-url", &url]].concat());
    assert_eq!(ok(&["jobs"]).as_array().unwrap().len(), 2);
    let signed = gateway.command(&["drop", &first, "--reason", "x", "--database-url", &url]);
    assert!(text(&signed.stderr).contains("may stand on the ledger"), "{}", text(&signed.stderr));
    ok(&["drop", &second, "--reason", "entered twice"]);
    ok(&["retry", &second]);
    ok(&["client", "add", "wms"]);
    assert_eq!(ok(&["client", "list"]).as_array().unwrap().len(), 2);
    ok(&["client", "remove", "wms"]);
    let status = ok(&["status"]);
    assert_eq!((&status["jobs"]["signed"], &status["jobs"]["queued"]), (&json!(1), &json!(1)), "{status}");

    let other = tempfile::tempdir().unwrap();
    let twice = serve(&stage, other.path(), &["--database-url", &url]);
    let said = text(&twice.stderr);
    assert_eq!(twice.status.code(), Some(3), "{said}");
    assert!(said.contains("another gateway has it") && said.contains("Stop that one first"), "{said}");
    let password = url.split(['@', '/']).nth(2).and_then(|user| user.split_once(':')).unwrap().1;
    assert!(!said.contains(password), "{said}");
    stage.fake.go_on();
    for id in [&first, &second] {
        let job = || crate::support::request(gateway.host(), "GET", &format!("/capture/{id}"), &key, b"").json();
        until(|| (job()["sealane:state"] == "final").then_some(()), || job().to_string());
    }
    assert_eq!((times_recorded(&stage.node, "C1"), times_recorded(&stage.node, "C2")), (1, 1));
}

/// Runs a gateway that is to be refused.
fn serve(stage: &Stage, data: &Path, further: &[&str]) -> std::process::Output {
    let identity = stage.node.identity("Maker");
    let own = [
        "gateway",
        "--as",
        path(&identity),
        "--node",
        &stage.fake.url,
        "--data",
        path(data),
        "--listen",
        "127.0.0.1:0",
    ];
    run(&[&own, further].concat())
}

#[test]
fn jobs_are_not_left_behind_by_a_change_of_place() {
    let Some(stage) = Stage::set() else { return };
    let identity = stage.node.identity("Maker");
    stage.fake.then([Act::Hold]);
    let gateway = Gateway::start(&identity, &[&stage.fake.url], &[]);
    let id = gateway.take(&commissioning(&["D1"]));
    stage.fake.until_held();
    let dir = gateway.kill();
    let url = stage.database.url();
    let in_database = ["--database-url", url.as_str()];
    let refused = |output: std::process::Output, words: &str| {
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{said}");
    };
    refused(serve(&stage, dir.path(), &in_database), "jobs that are not final (1)");
    refused(command(dir.path(), &["status", "--database-url", &url]), "run it without --database-url until");
    stage.fake.go_on();
    let gateway = Gateway::start_in(dir, &identity, &[&stage.fake.url], &[]);
    gateway.until_final(&id);
    let dir = gateway.kill();
    refused(serve(&stage, dir.path(), &in_database), "add the clients again");
    for file in std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path()) {
        if path(&file).contains("queue.sqlite") {
            std::fs::remove_file(file).unwrap();
        }
    }
    let gateway = Gateway::start_in(dir, &identity, &[&stage.fake.url], &in_database);
    gateway.until_final(&gateway.take(&commissioning(&["D2"])));
    let dir = gateway.kill();

    // And back: without the database its jobs would be left there.
    refused(serve(&stage, dir.path(), &[]), "is in the PostgreSQL database");
    refused(command(dir.path(), &["client", "add", "erp"]), "give its --database-url");
    let Some(other) = stage.runtime.block_on(Database::make("")) else { return };
    refused(serve(&stage, dir.path(), &["--database-url", &other.url()]), "is another one than that in the database");
    let gateway = Gateway::start_in(dir, &identity, &[&stage.fake.url], &in_database);
    assert_eq!(gateway.command_ok(&["jobs", "--database-url", &url]).as_array().unwrap().len(), 1);
}

/// `scripts/crash gateway` with a few rounds, over a database.
#[test]
fn killed_again_and_again_under_load() {
    let Some(database) = Runtime::new().unwrap().block_on(Database::make("")) else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/crash");
    let output = Command::new(script)
        .args(["gateway", "3", "11", "--database-url", &database.url()])
        .env("SEALANE_BIN", env!("CARGO_BIN_EXE_sealane"))
        .output()
        .unwrap();
    let (said, wrong) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}\n{wrong}");
    assert!(said.contains("0 lost, 0 twice"), "{said}");
}
