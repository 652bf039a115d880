//! What a data directory that cannot be used gets: a message with the next step, and exit code 3. Then the exit codes.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use rustix::process::{Pid, Signal, kill_process};
use sealane::pki::PrivateKey;
use sealane::ports::{LedgerStore, VoteLog};
use sealane::store::{SqliteStore, VOTE_LOG_FILES, VoteLogFile};
use sealane_core::block::{Height, Origin};
use sealane_core::merkle::leaf_hash;
use serde_json::Value;
use tempfile::TempDir;

use crate::mount::Mount;
use crate::signer::{Signer, captured};
use crate::support::{Node, document, object_event, path, run, run_ok, sealane, text};

/// A data directory in which nothing runs.
struct Member {
    dir: TempDir,
}

impl Member {
    fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        run_ok(&["init", "--name", "Test Member", "--data", path(&dir.path().join("data"))]);
        Self { dir }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn sql(&self, sql: &str) {
        let mut connection = SqliteConnection::establish(path(&self.data().join("ledger.sqlite"))).unwrap();
        connection.batch_execute(sql).unwrap();
    }
}

/// How long a command may take that is to fail at once. `serve` would go on for ever if what it should refuse passed.
const FAILING_SECONDS_MAX: u64 = 60;

/// Runs a command to its end, or kills it after [`FAILING_SECONDS_MAX`].
fn run_bounded(arguments: &[&str]) -> Output {
    let mut command = sealane(arguments);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let (ended, end) = mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        if end.recv_timeout(Duration::from_secs(FAILING_SECONDS_MAX)) == Err(RecvTimeoutError::Timeout) {
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    watch.join().unwrap();
    output
}

/// Runs a command that must fail with this exit code and say each of `words`.
#[track_caller]
fn fails(arguments: &[&str], data: &Path, code: i32, words: &[&str]) {
    let mut all = arguments.to_vec();
    all.extend(["--data", path(data)]);
    let output = run_bounded(&all);
    let says = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {says}");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    for word in words {
        assert!(says.contains(word), "{arguments:?}: no {word:?} in {says}");
    }
}

const SERVE: &[&str] = &["serve", "--listen", "127.0.0.1:0"];
const INIT: &[&str] = &["init", "--name", "Test Member"];

#[test]
fn a_directory_that_is_missing_or_holds_no_member_is_told_how_to_make_one() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("none");
    let next = format!("run `sealane init --name NAME --data {}` first", missing.display());
    for command in [SERVE, &["audit"], &["audit", "--rebuild"], &["approve", "--yes", &uuid()], &["init", "--migrate"]]
    {
        fails(command, &missing, 3, &[&next]);
    }
    assert!(!missing.exists(), "a command that fails makes no directory");
    fails(SERVE, dir.path(), 3, &["no member in ", "sealane init"]);
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    fails(SERVE, &file, 3, &["no member in ", "sealane init"]);
    fails(INIT, &file, 3, &["cannot make "]);
    fails(INIT, &file.join("below"), 3, &["cannot make "]);
}

#[test]
fn init_makes_a_log_of_votes_together_with_the_key() {
    let member = Member::make();
    let kid = PrivateKey::read(&member.data().join("member-key.pem")).unwrap().public().thumbprint();
    let log = VoteLogFile::open(&member.data(), kid, &Origin::of_genesis_key(&kid)).unwrap();
    assert_eq!(log.released().map(|mark| mark.height), Some(Height::GENESIS));
    assert_eq!(log.unknown(), None);
    for name in VOTE_LOG_FILES {
        let mode = fs::metadata(member.data().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
}

#[test]
fn a_directory_of_another_version_is_told_which_program_to_run() {
    let member = Member::make();
    let version = member.data().join("version");
    fs::write(&version, "3\n").unwrap();
    fails(SERVE, &member.data(), 3, &["is of version 3, and this sealane knows 2", "a later one"]);
    fails(&["audit"], &member.data(), 3, &["is of version 3"]);
    fs::write(&version, "1\n").unwrap();
    let older =
        ["is of version 1, whose formats this sealane does not read", "it reads version 2", "sealane init --name NAME"];
    fails(SERVE, &member.data(), 3, &older);
    fails(&["audit"], &member.data(), 3, &older);
    fs::write(&version, "one").unwrap();
    fails(SERVE, &member.data(), 3, &["holds \"one\" where its version should stand", "damaged"]);
    // Without it, what the key has signed tells an `init` that was cut short from a member in use.
    fs::remove_file(&version).unwrap();
    let cut_short = ["an `init` was cut short in ", "remove it and run `sealane init` again"];
    fails(SERVE, &member.data(), 3, &cut_short);
    fails(INIT, &member.data(), 3, &cut_short);
    fs::write(&version, "2\n").unwrap();
    let node = Node::serve(member.dir);
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let dir = node.stop();
    let data = dir.path().join("data");
    fs::remove_file(data.join("version")).unwrap();
    let lost = ["whose key has signed blocks, and version is missing: write the line 2 into "];
    fails(SERVE, &data, 3, &lost);
    fails(INIT, &data, 3, &lost);
}

#[test]
fn a_ledger_of_another_version_is_told_what_to_do() {
    let member = Member::make();
    member.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')");
    fails(SERVE, &member.data(), 3, &["was made by a newer sealane (migration 29990101000000)", "a later one"]);
    fails(&["audit"], &member.data(), 3, &["newer sealane"]);
    member.sql("DELETE FROM __diesel_schema_migrations");
    fails(
        SERVE,
        &member.data(),
        3,
        &["is behind this program by 3 (", "run `sealane init --migrate` with the same --data"],
    );
}

#[test]
fn a_ledger_of_the_first_version_is_named_with_both_versions() {
    // What a directory of this version would hold if somebody put an older ledger there, or a database has one.
    let rewritten = |from: &str, to: &str| {
        let member = Member::make();
        let file = member.data().join("ledger.sqlite");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let leaves = runtime.block_on(async { SqliteStore::open(&file).unwrap().leaves(0..2).await.unwrap() });
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut tile = String::new();
        member.sql("DROP TRIGGER leaves_keep_update");
        for leaf in leaves {
            let bytes = String::from_utf8(leaf.bytes).unwrap().replace(from, to).into_bytes();
            member.sql(&format!("UPDATE leaves SET bytes = x'{}' WHERE leaf_index = {}", hex(&bytes), leaf.index));
            tile.push_str(&leaf_hash(&bytes).to_hex());
        }
        member.sql(&format!("UPDATE tiles SET hashes = x'{tile}'"));
        member
    };
    // The payloads up to their version, in base64url.
    let genesis = rewritten("eyJ0eXBlIjoiZ2VuZXNpcyIsInZlcnNpb24iOjIs", "eyJ0eXBlIjoiZ2VuZXNpcyIsInZlcnNpb24iOjEs");
    let words = ["genesis statement has version 1, and this program reads version 2", "sealane init"];
    fails(SERVE, &genesis.data(), 3, &words);
    let of_seal = ["the seal has version 1, and this program reads version 2", "sealane init"];
    let seal = rewritten("{\"version\":2", "{\"version\":1");
    fails(SERVE, &seal.data(), 3, &of_seal);
    // A backup is a copy of such a file.
    for (member, words) in [(&genesis, &words), (&seal, &of_seal)] {
        let other = tempfile::tempdir().unwrap();
        let file = member.data().join("ledger.sqlite");
        let data = other.path().join("data");
        let output = run_bounded(&["restore", "--from", path(&file), "--data", path(&data)]);
        let says = text(&output.stderr);
        assert!(!output.status.success() && says.contains(words[0]) && says.contains(words[1]), "{says}");
        assert!(!data.exists());
    }
}

#[test]
fn the_note_key_is_this_members_own() {
    let member = Member::make();
    let note_key = member.data().join("member-note-key.pem");
    assert_eq!(fs::metadata(&note_key).unwrap().permissions().mode() & 0o777, 0o600);
    let other = Member::make();
    fs::copy(other.data().join("member-note-key.pem"), &note_key).unwrap();
    fails(SERVE, &member.data(), 3, &["member-note-key.pem in ", "is not the note key of this member"]);
    fs::remove_file(&note_key).unwrap();
    fails(SERVE, &member.data(), 3, &["cannot read the private key ", "member-note-key.pem"]);
}

#[test]
fn a_member_is_made_once() {
    let member = Member::make();
    let key = fs::read(member.data().join("member-key.pem")).unwrap();
    fails(INIT, &member.data(), 3, &["has a member already", "choose another --data"]);
    assert_eq!(fs::read(member.data().join("member-key.pem")).unwrap(), key);
    let mode = |name: &str| fs::metadata(member.data().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("member-key.pem"), mode("ca-key.pem")), (0o700, 0o600, 0o600));
}

#[test]
fn one_process_writes_at_a_time() {
    let node = Node::start();
    let busy: &[&str] = &["another sealane process is using ", "stop it first, or choose another --data"];
    fails(SERVE, &node.data(), 3, busy);
    fails(&["audit", "--rebuild"], &node.data(), 3, busy);
    fails(&["init", "--migrate"], &node.data(), 3, busy);
    assert_eq!(node.get("/health/ready").status, 200);
    // Reading goes on beside it.
    assert!(run(&["audit", "--data", path(&node.data())]).status.success());
    // What a process held ends with it, however it ends.
    let node = Node::serve(node.kill());
    assert_eq!(node.get("/health/ready").status, 200);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let member = Member::make();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fails(&["serve", "--listen", &address], &member.data(), 3, &[&address, "choose another --listen, or port 0"]);
    fails(&["serve", "--listen", "nowhere"], &member.data(), 3, &["cannot listen on nowhere", "127.0.0.1:8080"]);
}

#[test]
fn keys_that_others_can_read_are_not_used() {
    let member = Member::make();
    let key = member.data().join("member-key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    fails(SERVE, &member.data(), 3, &["(mode 0644)", &format!("run: chmod 600 {}", key.display())]);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let authority = member.data().join("ca-key.pem");
    fs::set_permissions(&authority, fs::Permissions::from_mode(0o640)).unwrap();
    fails(SERVE, &member.data(), 3, &["(mode 0640)", &format!("run: chmod 600 {}", authority.display())]);

    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let key = node.identity("maker").join("key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let document = node.dir.path().join("document.json");
    fs::write(&document, "{}").unwrap();
    let output = node.run(&["post", "--as", path(&node.identity("maker")), path(&document)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("run: chmod 600 "), "{}", text(&output.stderr));
}

#[test]
fn a_directory_with_a_file_missing_or_damaged_says_which() {
    let damaged = |name: &str, content: Option<&str>, words: &[&str]| {
        let member = Member::make();
        let file = member.data().join(name);
        match content {
            Some(content) => fs::write(&file, content).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        fails(SERVE, &member.data(), 3, words);
    };
    damaged("ledger.sqlite", None, &["no ledger at ", "sealane init"]);
    damaged(
        "ledger.sqlite",
        Some("this is no database, and longer than a header of a hundred bytes would be: so much is sure about it"),
        &["cannot be opened"],
    );
    damaged("ledger.sqlite", Some(""), &["is behind this program"]);
    damaged("member-key.pem", None, &["cannot read the private key ", "member-key.pem"]);
    damaged("ca.pem", None, &["ca.pem"]);
    let member = Member::make();
    fs::write(member.data().join("sealane.toml"), "lisen = \"127.0.0.1:1\"").unwrap();
    fails(SERVE, &member.data(), 2, &["sealane.toml", "lisen"]);
    fs::write(member.data().join("sealane.toml"), "[agreement]\nvote-ms = 1").unwrap();
    fails(
        SERVE,
        &member.data(),
        2,
        &["vote-ms in [agreement] of sealane.toml is 1: give milliseconds from 10 to 60000"],
    );
}

#[test]
fn an_older_copy_of_the_ledger_is_not_gone_on_from() {
    let node = Node::start();
    let data = node.stop();
    let file = data.path().join("data/ledger.sqlite");
    let copy = fs::read(&file).unwrap();
    let node = Node::serve(data);
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let data = node.stop();
    fs::write(&file, copy).unwrap();
    fails(SERVE, &data.path().join("data"), 3, &["has signed height 1, and the ledger here ends at 0", "older copy"]);
    fails(&["audit"], &data.path().join("data"), 4, &["it ends before block 1, which this member's key has signed"]);
}

#[test]
fn a_read_only_directory_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::make(dir.path(), "size=4m") else { return };
    let data = dir.path().join("data");
    run_ok(&["init", "--name", "Test Member", "--data", path(&data)]);
    mount.remount("ro");
    let next = "make it writable for this user, or choose another --data";
    fails(SERVE, &data, 3, &["cannot write ", next]);
    fails(INIT, &dir.path().join("other"), 3, &["cannot make ", next]);
}

#[test]
fn a_disk_too_small_for_a_member_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    for kib in (4..160).step_by(12) {
        let Some(_mount) = Mount::make(dir.path(), &format!("size={kib}k")) else { return };
        let output = run(&["init", "--name", "Test Member", "--data", path(&data)]);
        let says = text(&output.stderr);
        if output.status.success() {
            assert!(kib > 100, "{kib} KiB held a member");
            continue;
        }
        assert_eq!(output.status.code(), Some(3), "{kib} KiB: {says}");
        assert!(says.contains("full") || says.contains("free some space on that disk"), "{kib} KiB: {says}");
        // What is left is never taken for a member, nor for a damaged one.
        let says = text(&run(&["serve", "--listen", "127.0.0.1:0", "--data", path(&data)]).stderr);
        assert!(says.contains("was cut short in") || says.contains("no member in"), "{kib} KiB: {says}");
    }
}

#[test]
fn a_full_disk_is_told_so_and_nothing_half_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::make(dir.path(), "size=1m") else { return };
    let data = dir.path().join("data");
    run_ok(&["init", "--name", "Test Member", "--data", path(&data)]);
    let home = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(&data, home.path().join("data")).unwrap();
    let node = Node::serve(home);
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let maker = Signer::of(&node, "maker");
    let statement = |n: usize| {
        let items: Vec<String> =
            (0..300).map(|m| format!("https://id.gs1.org/01/09506000134352/21/F{n}M{m}")).collect();
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        maker.statement(&document(vec![object_event("ADD", "commissioning", &items, "2026-03-01T08:00:00.000Z")]))
    };
    let mut kept = 0;
    let refused = loop {
        let answer = node.post("/epcis/capture", "application/jose", statement(kept).as_bytes());
        if answer.status != 200 && answer.status != 202 {
            break answer;
        }
        kept += 1;
        assert!(kept < 200, "a disk of one megabyte is never full");
    };
    assert_eq!(refused.status, 503, "{}", refused.json());
    assert!(refused.json()["detail"].as_str().unwrap().contains("full"), "{}", refused.json());
    let size = node.tree_size();

    // Nothing of it is there, and with some room again the node goes on.
    fails(INIT, &dir.path().join("other"), 3, &["free some space on that disk"]);
    mount.remount("size=8m");
    captured(&node, statement(kept));
    assert_eq!(node.tree_size(), size + 2);
    assert!(run(&["audit", "--data", path(&data)]).status.success());
}

#[test]
fn wrong_use_is_exit_code_2() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fails(&["serve", "--no-such-flag"], &data, 2, &["--no-such-flag"]);
    fails(&["no-such-command"], &data, 2, &["no-such-command"]);
    fails(&["audit", "--url", "http://127.0.0.1:1", "--rebuild"], &data, 2, &["--rebuild"]);
    fails(&["audit", "--fork", "fork.json"], &data, 2, &["--trust"]);
    fails(&["init"], &data, 2, &["--name"]);
    fails(&["init", "--name", ""], &data, 2, &["--name"]);
    fails(&["init", "--name", "A", "--origin", "not an origin"], &data, 2, &["origin"]);
    fails(&["serve", "--log-format", "xml"], &data, 2, &["xml", "json"]);
    fails(&["register", "--organization", "A", "--role", "king", "--out", "x"], &data, 2, &["king", "manufacturer"]);
    fails(&["verify", "(01)09506000134353(21)A1"], &data, 2, &["check digit"]);
    fails(&["verify", "https://id.gs1.org/01/09506000134352/21/A1", "--url", "ftp://x"], &data, 2, &["http://"]);
    fails(&["approve", "no-id"], &data, 2, &["no-id"]);
    let nothing = run(&[]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(text(&nothing.stderr).contains("Usage"), "{}", text(&nothing.stderr));
    assert_eq!(run(&["--help"]).status.code(), Some(0));
    assert_eq!(run(&["--version"]).status.code(), Some(0));
    assert!(!data.exists());
}

#[test]
fn a_node_that_is_not_there_is_exit_code_3() {
    let dir = tempfile::tempdir().unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{gone}");
    let out = dir.path().join("out");
    let item = "https://id.gs1.org/01/09506000134352/21/A1";
    for command in [
        &["participants"][..],
        &["verify", item],
        &["evidence", item, "--out", path(&out)],
        &["trust", "--out", path(&out)],
        &["certificate", &uuid(), "--out", path(&out)],
        &["register", "--organization", "A", "--role", "distributor", "--out", path(&out)],
    ] {
        let mut arguments = command.to_vec();
        arguments.extend(["--url", &url]);
        fails(&arguments, &dir.path().join("data"), 3, &["cannot reach ", "is `sealane serve` running there?"]);
    }
}

#[test]
fn json_output_is_one_value() {
    let node = Node::start();
    let dir = node.dir.path();
    let at = |name: &str| path(&dir.join(name)).to_owned();
    let id = node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let item = "https://id.gs1.org/01/09506000134352/21/J1";
    fs::write(
        dir.join("d.json"),
        document(vec![object_event("ADD", "commissioning", &[item], "2026-03-01T08:00:00.000Z")]).to_string(),
    )
    .unwrap();
    let (maker, other, document) = (at("maker"), at("other"), at("d.json"));
    let json = |arguments: &[&str]| -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        let output = node.run(&all);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        let stdout = text(&output.stdout);
        assert_eq!(stdout.lines().count(), 1, "{arguments:?}: {stdout}");
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {stdout}"))
    };
    json(&["keygen", "--out", &at("keys"), "--organization", "Keys"]);
    let asked = json(&["register", "--organization", "Other", "--role", "distributor", "--out", &other]);
    let asked = asked["id"].as_str().unwrap().to_owned();
    assert!(json(&["participants"]).as_array().is_some_and(|list| list.len() == 2));
    json(&["approve", "--yes", &asked]);
    json(&["certificate", &asked, "--out", &at("other/certificate.pem")]);
    json(&["post", "--as", &maker, &document]);
    assert_eq!(json(&["verify", item])["verdict"], "authentic");
    assert!(json(&["verify", item, item]).as_array().is_some_and(|list| list.len() == 2));
    json(&["evidence", item, "--out", &at("evidence.json")]);
    json(&["trust", "--out", &at("trust.json")]);
    assert_eq!(
        json(&["verify", "--evidence", &at("evidence.json"), "--trust", &at("trust.json")])["verdict"],
        "authentic"
    );
    json(&["revoke", &asked, "--reason", "done"]);
    let refused = json(&["register", "--organization", "Third", "--role", "distributor", "--out", &at("third")]);
    json(&["reject", refused["id"].as_str().unwrap(), "--reason", "no"]);
    let audit: Value = serde_json::from_str(&run_ok(&["audit", "--json", "--data", path(&node.data())])).unwrap();
    assert_eq!(audit["participants"], 2);
    assert!(!json(&["sign", "--as", &maker, "--origin", &node.origin, &document]).is_null());
    json(&["dev-certs", "--out", &at("dev")]);
    let bench = json(&["bench", "--seconds", "1", "--signers", "2", "--connections", "2"]);
    assert!(bench["statements_per_second"].is_number(), "{bench}");
    assert!(!id.is_empty());
}

fn uuid() -> String {
    "00000000-0000-4000-8000-000000000000".to_owned()
}
