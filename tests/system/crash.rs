//! Nodes that are killed, and disks that run full under load: what was acknowledged stays, and the rest is told the truth.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::mount::Mount;
use crate::signer::{Signer, capture};
use crate::support::{Node, document, object_event, path, run, run_ok, sealane, text};

/// Connections that post at once.
const POSTERS: usize = 6;

/// `scripts/crash`, of which people run hundreds of cycles.
fn crash(binary: &str, arguments: &[&str]) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/crash");
    Command::new("/usr/bin/python3").arg(script).args(arguments).env("SEALANE_BIN", binary).output().unwrap()
}

#[test]
fn a_node_that_is_killed_under_load_loses_nothing_acknowledged() {
    let bounds = ["--shortest", "0.1", "--longest", "0.4", "--statements", "400", "--audit-every", "4"];
    let output = crash(env!("CARGO_BIN_EXE_sealane"), &[&["--cycles", "6", "--init-kills", "3"], &bounds[..]].concat());
    let says = text(&output.stdout);
    assert!(output.status.success(), "{says}{}", text(&output.stderr));
    let summary = says.lines().last().unwrap();
    assert!(summary.starts_with("6 cycles, 12 kills, ") && summary.contains(" 0 lost; "), "{summary}");
    assert!(!summary.contains(" 0 acknowledged"), "{summary}");
}

/// A program that runs ours, and begins the third life of a data directory with what was there at the beginning of the second. What
/// it keeps of a directory is named by `ending`, in the shell's words.
fn forgetful(dir: &Path, ending: &str) -> PathBuf {
    let program = dir.join("sealane");
    let script = format!(
        r#"#!/bin/sh
if [ "$1" = serve ]; then
    for last; do :; done
    kept="{0}/kept{ending}"
    lives=$(cat "$kept-lives" 2>/dev/null || echo 0)
    echo $((lives + 1)) >"$kept-lives"
    if [ "$lives" = 1 ]; then cp -r "$last" "$kept"; fi
    if [ "$lives" = 2 ]; then rm -rf "$last" && cp -r "$kept" "$last"; fi
fi
exec "{1}" "$@"
"#,
        dir.display(),
        env!("CARGO_BIN_EXE_sealane")
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// A node that starts on an older copy of its directory, log of votes and all, and so forgets what it acknowledged.
#[test]
fn the_script_notices_a_node_that_forgets() {
    let dir = tempfile::tempdir().unwrap();
    // The first life registers. The second is killed under load, and the third finds what the second found.
    let forgetful = forgetful(dir.path(), "");
    let load = ["--shortest", "0.3", "--longest", "0.4", "--statements", "400", "--kinds", "load"];
    let arguments = [&["--cycles", "2", "--init-kills", "0", "--directory", path(dir.path())], &load[..]].concat();
    let output = crash(path(&forgetful), &arguments);
    let says = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{}{says}", text(&output.stdout));
    assert!(says.contains("LOST: statement ") && says.contains("cycle 1"), "{says}");
    assert!(text(&output.stdout).lines().last().unwrap().contains("SOMETHING lost"));
}

#[test]
fn four_members_whose_nodes_are_killed_lose_nothing_acknowledged() {
    let stores = if std::env::var_os("SEALANE_TEST_POSTGRES").is_some() { "mixed" } else { "sqlite" };
    let arguments = ["members", "6", "7", "--stores", stores, "--check-every", "3"];
    let output = crash(env!("CARGO_BIN_EXE_sealane"), &arguments);
    let says = text(&output.stdout);
    assert!(output.status.success(), "{says}{}", text(&output.stderr));
    let summary = says.lines().last().unwrap();
    assert!(summary.starts_with("6 rounds (") && summary.contains(" 0 lost; "), "{summary}");
    assert!(!summary.contains(" 0 statements acknowledged"), "{summary}");
}

/// A member's node that starts on an older copy of its directory does not know what its key has signed since.
#[test]
fn the_script_notices_a_member_that_may_not_sign_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let forgetful = forgetful(dir.path(), "-$(basename \"$last\")");
    let arguments = ["members", "20", "7", "--stores", "sqlite", "--check-every", "1", "--directory", path(dir.path())];
    let output = crash(path(&forgetful), &arguments);
    let says = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{}{says}", text(&output.stdout));
    assert!(says.contains("signs nothing") && says.contains("seed 7"), "{says}");
    assert!(text(&output.stdout).lines().last().unwrap().contains("SOMETHING lost"));
}

#[test]
fn a_disk_that_runs_full_under_load_stops_writing_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::make(dir.path(), "size=2m") else { return };
    let data = dir.path().join("data");
    run_ok(&["init", "--name", "Test Member", "--data", path(&data)]);
    let home = tempfile::tempdir().unwrap();
    symlink(&data, home.path().join("data")).unwrap();
    let node = Node::serve(home);
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let maker = Signer::of(&node, "maker");
    let next = AtomicUsize::new(0);
    let statement = || {
        let n = next.fetch_add(1, Ordering::SeqCst);
        let items: Vec<String> =
            (0..100).map(|m| format!("https://id.gs1.org/01/09506000134352/21/F{n}M{m}")).collect();
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        maker.statement(&document(vec![object_event("ADD", "commissioning", &items, "2026-03-01T08:00:00.000Z")]))
    };

    let mut acknowledged = fill(&node, &statement);
    // Still full: what is there is read, and proven.
    stands(&node, &acknowledged);
    for of in ["verify", "evidence"] {
        let answer = node.get(&format!("/{of}?id=https%3A%2F%2Fid.gs1.org%2F01%2F09506000134352%2F21%2FF0M0"));
        assert_eq!(answer.status, 200, "{of}: {}", answer.json());
    }

    // With some room it goes on by itself, until that is full too.
    mount.remount("size=3m");
    let more = fill(&node, &statement);
    assert!(!more.is_empty(), "it does not go on");
    acknowledged.extend(more);

    // Killed on the full disk, it either starts or says what to do.
    let home = node.kill();
    let said = started_or_said(&data);
    assert!(said.contains("\"url\"") || said.contains("free some space"), "{said}");
    mount.remount("size=32m");
    let node = Node::serve(home);
    stands(&node, &acknowledged);
    assert_eq!(capture(&node, statement()).status, 200);
    assert!(run(&["audit", "--data", path(&data)]).status.success());
}

/// Posts from several connections until each has been refused twice, and reads meanwhile; what was acknowledged, as the
/// leaf of each capture.
fn fill(node: &Node, statement: &(impl Fn() -> String + Sync)) -> BTreeMap<String, u64> {
    let posting = AtomicBool::new(true);
    let (acknowledged, refused) = thread::scope(|scope| {
        let post = || {
            let (mut acknowledged, mut refused) = (BTreeMap::new(), Vec::new());
            while refused.len() < 2 {
                let answer = capture(node, statement());
                let body = answer.json();
                if answer.status == 200 {
                    let leaf = body["receipt"]["leafIndex"].as_u64().unwrap();
                    acknowledged.insert(body["captureID"].as_str().unwrap().to_owned(), leaf);
                    assert!(acknowledged.len() < 1_000, "a disk of a few megabytes is never full");
                } else {
                    refused.push((answer.status, body));
                }
            }
            (acknowledged, refused)
        };
        let read = || {
            while posting.load(Ordering::SeqCst) {
                for path in ["/ledger/checkpoint", "/health/live", "/ledger/blocks/latest", "/trust"] {
                    assert_eq!(node.get(path).status, 200, "{path}");
                }
            }
        };
        let posters: Vec<_> = (0..POSTERS).map(|_| scope.spawn(post)).collect();
        let reader = scope.spawn(read);
        let (mut acknowledged, mut refused) = (BTreeMap::new(), Vec::new());
        for poster in posters {
            let (taken, not_taken) = poster.join().unwrap();
            acknowledged.extend(taken);
            refused.extend(not_taken);
        }
        posting.store(false, Ordering::SeqCst);
        reader.join().unwrap();
        (acknowledged, refused)
    });
    for (status, problem) in &refused {
        assert_eq!(*status, 503, "{problem}");
        assert!(["disk-full", "unwritten"].contains(&problem["code"].as_str().unwrap()), "{problem}");
    }
    assert!(refused.iter().any(|(_, problem)| problem["code"] == "disk-full"), "{refused:?}");
    acknowledged
}

fn stands(node: &Node, acknowledged: &BTreeMap<String, u64>) {
    for (id, leaf) in acknowledged {
        let answer = node.get(&format!("/epcis/capture/{id}"));
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(answer.json()["receipt"]["leafIndex"].as_u64(), Some(*leaf));
    }
}

/// Starts a node, and stops it at once; its first line, or what it says when it does not start.
fn started_or_said(data: &Path) -> String {
    let mut child = sealane(&["serve", "--json", "--listen", "127.0.0.1:0", "--data", path(data)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    // One that did not start is gone already.
    let _ = child.kill();
    said + &text(&child.wait_with_output().unwrap().stderr)
}
