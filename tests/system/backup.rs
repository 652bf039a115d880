//! `sealane backup`: the ledger saved while it grows, whole or not at all, and the keys only when asked for.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::Value;

use crate::signer::{Signer, captured};
use crate::support::{Node, document, object_event, path, run, run_ok, text};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn backup(data: &Path, further: &[&str]) -> Value {
    let mut arguments = vec!["backup", "--json", "--data", path(data), "--out"];
    arguments.extend(further);
    let output = run(&arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Registers a manufacturer.
pub fn maker(node: &Node) -> Signer {
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    Signer::of(node, "maker")
}

/// Captures the commissioning of one item; returns its receipt.
pub fn commission(node: &Node, maker: &Signer, serial: &str) -> Value {
    let item = format!("https://id.gs1.org/01/09506000134352/21/{serial}");
    let event = object_event("ADD", "commissioning", &[&item], "2026-03-01T08:00:00.000Z");
    captured(node, maker.statement(&document(vec![event])))
}

#[test]
fn a_backup_under_load_holds_all_that_was_acknowledged_before_it() {
    let node = Node::start();
    let maker = maker(&node);
    let out = node.dir.path().join("backups");
    fs::create_dir(&out).unwrap();
    let (done, acknowledged) = (AtomicBool::new(false), AtomicU32::new(0));
    let mut saved = Vec::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (node, maker, done, acknowledged) = (&node, &maker, &done, &acknowledged);
            scope.spawn(move || {
                for n in 0.. {
                    let receipt = commission(node, maker, &format!("T{thread}N{n}"));
                    acknowledged
                        .fetch_max(u32::try_from(receipt["leafIndex"].as_u64().unwrap()).unwrap(), Ordering::SeqCst);
                    if done.load(Ordering::SeqCst) {
                        break;
                    }
                }
            });
        }
        for _ in 0..3 {
            // Names are by height: the next one waits for another block.
            let before = node.tree_size();
            while node.tree_size() == before {
                std::thread::yield_now();
            }
            let leaf = acknowledged.load(Ordering::SeqCst);
            let one = backup(&node.data(), &[path(&out)]);
            assert!(one["treeSize"].as_u64().unwrap() > u64::from(leaf), "leaf {leaf} is missing in {one}");
            saved.push(one);
        }
        done.store(true, Ordering::SeqCst);
    });
    assert_eq!(names(&out).len(), 3, "{:?}", names(&out));
    let dir = node.stop();
    for one in &saved {
        let file = one["backup"].as_str().unwrap();
        assert_eq!(mode(Path::new(file)), 0o600);
        assert_eq!(fs::metadata(file).unwrap().len(), one["bytes"].as_u64().unwrap());
        let before = fs::read(file).unwrap();
        let audit: Value = serde_json::from_str(&run_ok(&["audit", "--json", "--store", file])).unwrap();
        assert_eq!(audit["leaves"], one["treeSize"]);
        assert_eq!(fs::read(file).unwrap(), before, "an audit changes nothing");
        // The ledger goes on from it: a copy compares every leaf before it adds the others.
        run_ok(&["copy", "--from", path(&dir.path().join("data")), "--to", file]);
    }
}

#[test]
fn a_backup_says_what_is_in_it_and_where_it_ends() {
    let node = Node::start();
    let data = node.data();
    let block = node.get("/ledger/blocks/latest").json();
    let out = node.dir.path().join("one.sqlite");
    let told = node.run_ok(&["backup", "--out", path(&out)]);
    let root = block["checkpoint"].as_str().unwrap().lines().nth(2).unwrap();
    assert!(told.starts_with("Saved the ledger up to block 0 of "), "{told}");
    assert!(told.contains("with 2 leaves, root ") && told.contains("--with-keys saves them too"), "{told}");
    assert!(told.contains(&format!("sealane audit --store {}", out.display())), "{told}");
    let json = backup(&data, &[path(&node.dir.path().join("two.sqlite"))]);
    let hex = |text: &str| text.trim_end_matches('=').replace('+', "-").replace('/', "_");
    assert_eq!((json["origin"].as_str(), json["root"].as_str()), (Some(&*node.origin), Some(&*hex(root))));
    // One file that needs no journal beside it: bytes 18 and 19 of an SQLite file say 1 where it has a rollback journal.
    assert_eq!(fs::read(&out).unwrap()[18..20], [1, 1]);
    assert!(run_ok(&["audit", "--store", path(&out)]).contains("It ends at block 0 of "));
}

#[test]
fn keys_are_saved_when_asked_for_and_the_mark_never() {
    let node = Node::start();
    let data = node.data();
    fs::write(data.join("sealane.toml"), "log-format = \"json\"\n").unwrap();
    fs::set_permissions(data.join("sealane.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    let out = node.dir.path().join("with-keys");
    let output = node.run(&["backup", "--with-keys", "--out", path(&out)]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("is the member: keep it offline"), "{}", text(&output.stderr));
    assert_eq!(
        names(&out),
        ["ca-key.pem", "ca.pem", "ledger.sqlite", "member-key.pem", "member-note-key.pem", "sealane.toml"]
    );
    assert_eq!(mode(&out), 0o700);
    for name in ["ca-key.pem", "ledger.sqlite", "member-key.pem", "member-note-key.pem", "sealane.toml"] {
        assert_eq!(mode(&out.join(name)), 0o600, "{name}");
    }
    for name in ["ca-key.pem", "ca.pem", "member-key.pem", "member-note-key.pem", "sealane.toml"] {
        assert_eq!(fs::read(out.join(name)).unwrap(), fs::read(data.join(name)).unwrap(), "{name}");
    }
    run_ok(&["audit", "--store", path(&out)]);

    let inside = node.dir.path().join("many");
    fs::create_dir(&inside).unwrap();
    let one = backup(&data, &[path(&inside), "--with-keys"]);
    assert_eq!(names(&inside).len(), 1);
    assert!(Path::new(one["backup"].as_str().unwrap()).join("member-key.pem").exists(), "{one}");
}

#[test]
fn nothing_is_written_over_and_a_backup_that_fails_leaves_nothing() {
    let node = Node::start();
    let dir = node.dir.path();
    let fails = |arguments: &[&str], words: &[&str]| {
        let before = names(dir);
        let mut all = vec!["backup"];
        all.extend(arguments);
        let output = node.run(&all);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {says}");
        words.iter().for_each(|word| assert!(says.contains(word), "{arguments:?}: no {word:?} in {says}"));
        assert_eq!(names(dir), before, "{arguments:?}");
    };
    let file = dir.join("there");
    fs::write(&file, "something").unwrap();
    fails(&["--out", path(&file)], &["is there already and is not overwritten", "another --out"]);
    fails(&["--out", path(&file), "--with-keys"], &["is there already and is not overwritten"]);
    assert_eq!(fs::read(&file).unwrap(), b"something");
    let within = dir.join("within");
    fs::create_dir(&within).unwrap();
    run_ok(&["backup", "--data", path(&node.data()), "--out", path(&within)]);
    fails(&["--out", path(&within)], &["is there already and is not overwritten"]);
    fails(&["--out", path(&dir.join("none/file"))], &["cannot make a directory in ", "none"]);
    let key = node.data().join("member-key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    fails(&["--out", path(&dir.join("keys")), "--with-keys"], &["run: chmod 600 "]);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();

    let output = run(&["backup", "--data", path(&dir.join("no-member")), "--out", path(&dir.join("x"))]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("no member in "), "{}", text(&output.stderr));
}

#[test]
fn a_ledger_that_is_damaged_or_older_than_its_key_is_not_saved() {
    let node = Node::start();
    let old = node.dir.path().join("old.sqlite");
    run_ok(&["backup", "--data", path(&node.data()), "--out", path(&old)]);
    let maker = maker(&node);
    commission(&node, &maker, "A1");
    let dir = node.stop();
    let (data, out) = (dir.path().join("data"), dir.path().join("out.sqlite"));
    let fails = |code: i32, word: &str| {
        let output = run(&["backup", "--data", path(&data), "--out", path(&out)]);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{says}");
        assert!(says.contains(word), "{says}");
        assert!(!out.exists());
    };
    let file = data.join("ledger.sqlite");
    let whole = fs::read(&file).unwrap();
    fs::copy(&old, &file).unwrap();
    fails(4, "it ends before block 2, which this member's key has signed");
    let mut torn = whole.clone();
    // A page of a table, with no sense left in it.
    torn[4096 * 3..4096 * 4].fill(0xa5);
    fs::write(&file, torn).unwrap();
    fails(3, "malformed");
    fs::write(&file, whole).unwrap();
    run_ok(&["backup", "--data", path(&data), "--out", path(&out)]);
}
