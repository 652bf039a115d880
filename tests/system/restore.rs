//! `sealane restore`: a ledger comes back whole or not at all, and no height is signed twice.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use sealane::store::VOTE_LOG_FILES;
use serde_json::Value;
use tempfile::TempDir;

use crate::audit::changed;
use crate::audit::fixture::dump;
use crate::backup::{commission, maker};
use crate::signer::capture;
use crate::support::{Node, document, object_event, path, run, run_ok, sealane, text};

/// A node that was backed up, went on, and was stopped.
struct Lost {
    dir: TempDir,
    /// Tree size in the backup, and at the end.
    saved: u64,
    last: u64,
}

impl Lost {
    fn make() -> Self {
        let node = Node::start();
        let maker = maker(&node);
        commission(&node, &maker, "A1");
        let saved = node.tree_size();
        node.run_ok(&["backup", "--quiet", "--out", path(&node.dir.path().join("old.sqlite"))]);
        node.run_ok(&["backup", "--quiet", "--with-keys", "--out", path(&node.dir.path().join("old-with-keys"))]);
        commission(&node, &maker, "A2");
        commission(&node, &maker, "A3");
        let last = node.tree_size();
        Self { dir: node.stop(), saved, last }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.at("data")
    }

    /// Loses the ledger's file, and moves it to `whole.sqlite`.
    fn lose_ledger(&self) {
        fs::rename(self.data().join("ledger.sqlite"), self.at("whole.sqlite")).unwrap();
    }

    /// Loses the directory, and moves it to `lost`.
    fn lose_disk(&self) {
        fs::rename(self.data(), self.at("lost")).unwrap();
    }

    fn restore(&self, backup: &str) -> Value {
        let output = run(&["restore", "--json", "--from", path(&self.at(backup)), "--data", path(&self.data())]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command over the directory that must fail.
    #[track_caller]
    fn fails(&self, arguments: &[&str], code: i32, words: &[&str]) {
        let data = self.data();
        let mut all = arguments.to_vec();
        all.extend(["--data", path(&data)]);
        let output = run(&all);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {says}");
        words.iter().for_each(|word| assert!(says.contains(word), "{arguments:?}: no {word:?} in {says}"));
    }
}

const SERVE: &[&str] = &["serve", "--listen", "127.0.0.1:0"];

#[test]
fn a_ledger_that_is_lost_comes_back_beside_its_mark_and_goes_on() {
    let lost = Lost::make();
    let newest = lost.at("newest.sqlite");
    run_ok(&["backup", "--quiet", "--data", path(&lost.data()), "--out", path(&newest)]);
    lost.lose_ledger();
    lost.fails(SERVE, 3, &["no ledger at ", "sealane restore --from BACKUP"]);
    let told = lost.restore("newest.sqlite");
    assert_eq!((&told["treeSize"], &told["writes"]), (&lost.last.into(), &true.into()));
    assert_eq!(dump(&lost.data().join("ledger.sqlite")), dump(&lost.at("whole.sqlite")));
    let mode = |name: &str| fs::metadata(lost.data().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("ledger.sqlite"), mode("member-key.pem")), (0o700, 0o600, 0o600));
    run_ok(&["audit", "--data", path(&lost.data())]);
    let node = Node::serve(lost.dir);
    node.participant("carrier", "shipper", &["--gln", "9521321000018"]);
    assert!(node.tree_size() > lost.last);
}

#[test]
fn an_older_backup_beside_a_surviving_mark_is_not_gone_on_from_until_the_missing_blocks_are_there() {
    let lost = Lost::make();
    lost.lose_ledger();
    let output = run(&["restore", "--from", path(&lost.at("old.sqlite")), "--data", path(&lost.data())]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let says = text(&output.stderr);
    assert!(says.contains("has signed blocks up to 4, and 2 of them are not in this backup"), "{says}");
    assert!(says.contains("sealane copy --from STORE --to "), "{says}");
    lost.fails(SERVE, 3, &["has signed height 4, and the ledger here ends at 2", "sealane copy --from STORE"]);
    lost.fails(
        &["restore", "--last-signed-size", &lost.saved.to_string()],
        3,
        &["has signed block 4, and nothing has to be said"],
    );
    lost.fails(SERVE, 3, &["has signed height 4"]);

    run_ok(&["copy", "--quiet", "--from", path(&lost.at("whole.sqlite")), "--to", path(&lost.data())]);
    assert_eq!(dump(&lost.data().join("ledger.sqlite")), dump(&lost.at("whole.sqlite")));
    let node = Node::serve(lost.dir);
    assert_eq!(node.get("/health/ready").status, 200);
    node.participant("carrier", "shipper", &["--gln", "9521321000018"]);
}

#[test]
fn without_its_log_a_node_reads_only_until_it_is_said_what_was_signed() {
    let lost = Lost::make();
    lost.lose_disk();
    let told = lost.restore("old-with-keys");
    assert_eq!((&told["treeSize"], &told["writes"]), (&lost.saved.into(), &false.into()));
    assert!(told["lastSignedHeight"].is_null(), "{told}");
    assert!(VOTE_LOG_FILES.iter().all(|name| !lost.data().join(name).exists()));

    let (saved, last) = (lost.saved.to_string(), lost.last.to_string());
    let node = Node::serve(lost.dir);
    reads_only(&node, lost.saved);
    let lost = Lost { dir: node.stop(), ..lost };
    let settle = |size: &str| ["restore".to_owned(), "--last-signed-size".to_owned(), size.to_owned()];
    let fails = |size: &str, code: i32, words: &[&str]| {
        let arguments = settle(size);
        lost.fails(&arguments.each_ref().map(String::as_str), code, words);
    };
    fails(
        &last,
        3,
        &[
            &format!("{last} leaves were signed, and the ledger in "),
            &format!(" ends at {saved}, at 20"),
            "are missing",
        ],
    );
    fails("2", 2, &["2 leaves cannot be all that was signed", "every ten minutes"]);
    fails("9007199254740993", 2, &[]);
    let node = Node::serve(lost.dir);
    reads_only(&node, lost.saved);
    let lost = Lost { dir: node.stop(), ..lost };

    // The blocks that are missing are found: the node still reads only, since there may be others.
    run_ok(&["copy", "--quiet", "--from", path(&lost.at("lost")), "--to", path(&lost.data())]);
    let node = Node::serve(lost.dir);
    reads_only(&node, lost.last);
    fails_while_served(&node, &last);
    let dir = node.stop();
    let said = run_ok(&["restore", "--last-signed-size", &last, "--data", path(&dir.path().join("data"))]);
    assert!(said.starts_with(&format!("The log of votes begins after block 4 with {last} leaves.")), "{said}");
    let node = Node::serve(dir);
    assert_eq!(node.get("/health/ready").status, 200);
    node.participant("carrier", "shipper", &["--gln", "9521321000018"]);
    let dir = node.stop();
    let again = run(&["restore", "--last-signed-size", &last, "--data", path(&dir.path().join("data"))]);
    assert_eq!(again.status.code(), Some(3));
    run_ok(&["audit", "--data", path(&dir.path().join("data"))]);
}

/// Everything can be read, nothing is signed.
#[track_caller]
fn reads_only(node: &Node, size: u64) {
    assert_eq!(node.tree_size(), size);
    let verdict = node.get("/verify?id=https://id.gs1.org/01/09506000134352/21/A1");
    assert_eq!((verdict.status, &verdict.json()["verdict"]), (200, &"authentic".into()), "{}", verdict.json());
    assert_eq!(node.get("/evidence?id=https://id.gs1.org/01/09506000134352/21/A1").status, 200);
    let ready = node.get("/health/ready");
    assert_eq!((ready.status, &ready.json()["writer"]), (503, &false.into()));
    assert_eq!(node.get("/health/live").status, 200);

    let signer = crate::signer::Signer::of(node, "maker");
    let item = object_event(
        "ADD",
        "commissioning",
        &["https://id.gs1.org/01/09506000134352/21/NEW"],
        "2026-03-01T08:00:00.000Z",
    );
    let refused = capture(node, signer.statement(&document(vec![item])));
    assert_eq!((refused.status, &refused.json()["code"]), (503, &"not-signing".into()), "{}", refused.json());
    assert!(refused.json()["detail"].as_str().unwrap().contains("its log of votes is lost"), "{}", refused.json());
    // A statement that is there already has its receipt, which is read.
    let id = node.get("/participants").json()["participants"][0]["id"].as_str().unwrap().to_owned();
    let revoked = node.run(&["revoke", &id, "--reason", "any"]);
    assert_eq!(revoked.status.code(), Some(3));
    assert!(text(&revoked.stderr).contains("signs nothing"), "{}", text(&revoked.stderr));
    assert_eq!(node.tree_size(), size);
}

/// The word is given while no node serves.
#[track_caller]
fn fails_while_served(node: &Node, size: &str) {
    let output = node.run(&["restore", "--last-signed-size", size]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("another sealane process is using "), "{}", text(&output.stderr));
}

#[test]
fn a_copy_made_by_hand_without_the_log_is_read_only_too() {
    let lost = Lost::make();
    VOTE_LOG_FILES.iter().for_each(|name| fs::remove_file(lost.data().join(name)).unwrap());
    let size = lost.last;
    let node = Node::serve(lost.dir);
    reads_only(&node, size);
}

#[test]
fn a_restore_refuses_what_is_there_and_what_does_not_belong_together() {
    let lost = Lost::make();
    let from = |backup: &Path| vec!["restore".to_owned(), "--from".to_owned(), path(backup).to_owned()];
    let fails = |backup: &Path, code: i32, words: &[&str]| {
        let arguments = from(backup);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        lost.fails(&arguments, code, words);
    };
    let old = lost.at("old.sqlite");
    let file = lost.data().join("ledger.sqlite");
    fails(&old, 3, &["ledger.sqlite is there already and is not overwritten", "move it away"]);
    lost.lose_ledger();
    fs::write(lost.data().join("ledger.sqlite-wal"), "a journal of the lost file").unwrap();
    fails(&old, 3, &["ledger.sqlite-wal is there already"]);
    fs::remove_file(lost.data().join("ledger.sqlite-wal")).unwrap();
    fs::write(lost.data().join("thesis.doc"), "").unwrap();
    fails(&old, 3, &["holds \"thesis.doc\", which no member's directory has"]);
    fs::remove_file(lost.data().join("thesis.doc")).unwrap();
    fails(&lost.at("none"), 3, &["there is no backup of a ledger at "]);
    fails(lost.dir.path(), 3, &["there is no backup of a ledger at "]);

    // Another member's ledger, and another block of the height that is marked.
    let other = TempDir::new().unwrap();
    run_ok(&["init", "--name", "Other", "--data", path(&other.path().join("data"))]);
    let logs = VOTE_LOG_FILES.map(|name| lost.data().join(name));
    let held = logs.each_ref().map(|log| fs::read(log).unwrap());
    fails(&other.path().join("data"), 3, &["are not the keys of one member of the ledger in "]);
    for (log, name) in logs.iter().zip(VOTE_LOG_FILES) {
        fs::copy(other.path().join("data").join(name), log).unwrap();
    }
    fails(&old, 4, &["nothing was restored: this member's key has signed another block 0 than the one here"]);
    logs.iter().for_each(|log| fs::write(log, "garbage").unwrap());
    fails(&old, 3, &["the log of votes is damaged"]);
    logs.iter().zip(&held).for_each(|(log, held)| fs::write(log, held).unwrap());
    fs::rename(lost.data().join("member-key.pem"), lost.at("key.pem")).unwrap();
    fails(
        &old,
        3,
        &["the member's keys are neither in ", "put member-key.pem, member-note-key.pem, ca-key.pem and ca.pem into "],
    );
    assert!(!file.exists());
    fs::rename(lost.at("key.pem"), lost.data().join("member-key.pem")).unwrap();
    fs::copy(other.path().join("data/ca.pem"), lost.data().join("ca.pem")).unwrap();
    fails(&old, 3, &["do not belong together"]);
    assert!(!file.exists());

    // A new directory is made by a restore that succeeds, and by no other.
    lost.lose_disk();
    fails(&old, 3, &["the member's keys are neither in "]);
    assert!(!lost.data().exists());
    lost.fails(&["restore"], 2, &["--from"]);
    lost.fails(&["restore", "--from", "x", "--last-signed-size", "3"], 2, &["--last-signed-size"]);
    lost.fails(&["restore", "--last-signed-size", "3"], 3, &["no member in "]);
}

#[test]
fn a_backup_with_one_byte_changed_is_refused_by_name() {
    let lost = Lost::make();
    lost.lose_disk();
    let backup = lost.at("old-with-keys");
    let file = backup.join("ledger.sqlite");
    let sound = fs::read(&file).unwrap();
    let tamper = |sql: &str| {
        fs::write(&file, &sound).unwrap();
        let mut connection = SqliteConnection::establish(path(&file)).unwrap();
        connection.batch_execute("DROP TRIGGER leaves_keep_update; DROP TRIGGER blocks_keep_update").unwrap();
        connection.batch_execute(sql).unwrap();
    };
    let restore = ["restore", "--from", path(&backup)];
    for leaf in 0..lost.saved {
        tamper(&format!("UPDATE leaves SET bytes = {} WHERE leaf_index = {leaf}", changed("bytes", leaf % 3)));
        let words = format!(
            "is not sound, and nothing was restored: block {}, leaf {leaf}: ",
            if leaf < 2 {
                0
            } else if leaf < 4 {
                1
            } else {
                2
            }
        );
        lost.fails(&restore, 4, &[&words]);
        assert!(!lost.data().exists(), "leaf {leaf}");
    }
    for (sql, words) in [
        ("DELETE FROM records", "it has no record"),
        ("UPDATE blocks SET note = checkpoint WHERE height = 1", "the note of block 1"),
    ] {
        tamper(sql);
        lost.fails(&restore, 4, &["nothing was restored: ", words]);
    }
    // The file itself, torn and cut off.
    let mut torn = sound.clone();
    torn[4096 * 3..4096 * 4].fill(0xa5);
    fs::write(&file, torn).unwrap();
    lost.fails(&restore, 4, &["cannot be restored, and nothing was: ", "ledger.sqlite", "malformed"]);
    fs::write(&file, &sound[..sound.len() / 2]).unwrap();
    lost.fails(&restore, 4, &["nothing was: ", "malformed"]);
    fs::write(&file, "").unwrap();
    lost.fails(&restore, 4, &["nothing was"]);
    assert!(!lost.data().exists());
    fs::write(&file, &sound).unwrap();
    lost.restore("old-with-keys");
}

#[test]
fn a_restore_that_was_killed_is_no_ledger_and_is_begun_anew() {
    let lost = Lost::make();
    lost.lose_disk();
    let staged = lost.data().join("ledger.sqlite.restoring");
    let backup = lost.at("old-with-keys");
    let mut cut_short = 0;
    for _ in 0..5 {
        let mut child =
            sealane(&["restore", "--quiet", "--from", path(&backup), "--data", path(&lost.data())]).spawn().unwrap();
        while child.try_wait().unwrap().is_none() && !staged.exists() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if !lost.data().join("ledger.sqlite").exists() {
            cut_short += 1;
            lost.fails(SERVE, 3, &["no member in "]);
        } else {
            fs::remove_dir_all(lost.data()).unwrap();
        }
    }
    assert!(cut_short > 0, "no restore was cut short");

    // After its keys and the version, and before the ledger has its name.
    fs::create_dir_all(lost.data()).unwrap();
    for name in ["member-key.pem", "member-note-key.pem", "ca-key.pem", "ca.pem", "version"] {
        fs::copy(lost.at("lost").join(name), lost.data().join(name)).unwrap();
    }
    fs::copy(backup.join("ledger.sqlite"), &staged).unwrap();
    lost.fails(SERVE, 3, &["no ledger at ", "sealane restore --from BACKUP"]);
    lost.fails(&["audit"], 3, &["no ledger at "]);
    // Without the version, as with keys that were put there by hand.
    fs::remove_file(lost.data().join("version")).unwrap();
    lost.fails(SERVE, 3, &["sealane restore --from BACKUP"]);
    lost.restore("old.sqlite");
    assert!(!staged.exists());
    run_ok(&["audit", "--data", path(&lost.data())]);
    let size = lost.saved;
    let node = Node::serve(lost.dir);
    reads_only(&node, size);
}

/// A backup of an older version is brought up to this one in the copy; what cannot be is refused.
#[test]
fn a_backup_of_another_version_is_told_what_to_do() {
    let lost = Lost::make();
    fs::rename(lost.data().join("ledger.sqlite"), lost.at("whole.sqlite")).unwrap();
    let file = lost.at("old.sqlite");
    let sql = |sql: &str| SqliteConnection::establish(path(&file)).unwrap().batch_execute(sql).unwrap();
    sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')");
    lost.fails(&["restore", "--from", path(&file)], 4, &["was made by a newer sealane", "a later one"]);
    // It claims to lack what it has.
    sql("DELETE FROM __diesel_schema_migrations");
    let bytes = fs::read(&file).unwrap();
    lost.fails(&["restore", "--from", path(&file)], 4, &["cannot be restored, and nothing was: ", "already exists"]);
    assert_eq!(fs::read(&file).unwrap(), bytes, "the backup itself is not touched");
    let left: Vec<_> = fs::read_dir(lost.data()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("ledger.sqlite")), "{left:?}");
}
