//! `sealane copy`: a ledger moved whole, in parts, and not past the first fault of its source.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::Value;
use tempfile::TempDir;

use crate::audit::fixture::{Ledger, TABLES, Table, dump};
use crate::audit::{Drawn, changed};
use crate::mount::Mount;
use crate::signer::{Signer, captured};
use crate::support::{Node, document, object_event, path, run, run_ok, sealane, text};

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

fn connect(file: &Path) -> SqliteConnection {
    SqliteConnection::establish(path(file)).unwrap()
}

fn number(file: &Path, sql: &str) -> i64 {
    let Number { value } = diesel::sql_query(sql).get_result(&mut connect(file)).unwrap();
    value
}

/// The requests of a ledger's file, as one number to compare.
fn requests(file: &Path) -> (i64, i64) {
    (
        number(file, "SELECT count(*) AS value FROM requests"),
        number(
            file,
            "SELECT sum(length(id) * 7 + received_at + length(body) + coalesce(length(rejected), 0)) AS value FROM requests",
        ),
    )
}

/// The height of a ledger's last block; -1 of an empty one, or of a file that is not there.
fn end(file: &Path) -> i64 {
    if file.exists() { number(file, "SELECT coalesce(max(height), -1) AS value FROM blocks") } else { -1 }
}

/// Copies; returns the exit code and what was complained of.
fn copy(from: &Path, to: &Path) -> (i32, String) {
    let output = run(&["copy", "--quiet", "--from", path(from), "--to", path(to)]);
    (output.status.code().unwrap(), text(&output.stderr))
}

#[track_caller]
fn fails(from: &Path, to: &Path, code: i32, words: &[&str]) {
    let (found, says) = copy(from, to);
    assert_eq!(found, code, "{says}");
    words.iter().for_each(|word| assert!(says.contains(word), "no {word:?} in {says}"));
}

#[track_caller]
fn sound(file: &Path) {
    let output = run(&["audit", "--store", path(file)]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// Puts a ledger's file somewhere, cut off after the block of a height.
fn cut(bytes: &[u8], to: &Path, height: i64) {
    fs::write(to, bytes).unwrap();
    let size = number(to, &format!("SELECT tree_size AS value FROM blocks WHERE height = {height}"));
    connect(to)
        .batch_execute(&format!(
            "DROP TRIGGER blocks_keep_delete; DROP TRIGGER leaves_keep_delete; DROP TRIGGER long_statements_keep_delete;
             DELETE FROM blocks WHERE height > {height};
             DELETE FROM long_statements WHERE NOT EXISTS
                 (SELECT 1 FROM leaves WHERE leaf_index < {size} AND instr(leaves.bytes, long_statements.hash) > 0);
             DELETE FROM leaves WHERE leaf_index >= {size};
             DELETE FROM records WHERE leaf_index >= {size};"
        ))
        .unwrap();
}

#[test]
fn a_ledger_is_copied_whole_and_then_no_more() {
    let ledger = Ledger::make();
    let to = ledger.data().with_file_name("copy.sqlite");
    let copied: Value =
        serde_json::from_str(&run_ok(&["copy", "--json", "--from", path(&ledger.data()), "--to", path(&to)])).unwrap();
    assert_eq!(copied["height"], end(&ledger.file()));
    assert_eq!(copied["blocks"], end(&ledger.file()) + 1);
    assert_eq!(copied["leaves"], copied["treeSize"]);
    assert_eq!(copied["requests"], 2);
    assert_eq!(dump(&to), ledger.dump());
    assert!(!with(&ledger.file(), "-wal").exists(), "no journal is left beside the source");
    assert_eq!(requests(&to), requests(&ledger.file()));
    sound(&to);

    let again = run_ok(&["copy", "--from", path(&ledger.file()), "--to", path(&to)]);
    assert!(again.starts_with("Copied 0 blocks with 0 leaves. Both stores end at block "), "{again}");
    assert_eq!(fs::read(ledger.file()).unwrap(), ledger.sound(), "the source is not touched");
    assert_eq!(dump(&to), ledger.dump());
}

#[test]
fn a_copy_goes_on_from_any_block_of_the_same_ledger() {
    let ledger = Ledger::make();
    let to = ledger.data().with_file_name("copy.sqlite");
    for height in 0..end(&ledger.file()) {
        cut(ledger.sound(), &to, height);
        // A request that the source has no longer, and one that was rejected since.
        connect(&to)
            .batch_execute(
                "INSERT INTO requests (id, received_at, renewal, key, bytes, body, rejected) \
                 SELECT '00000000-0000-4000-8000-000000000009', received_at, renewal, key, bytes, body, 'gone' \
                 FROM requests LIMIT 1; UPDATE requests SET rejected = NULL WHERE rejected = 'unknown';",
            )
            .unwrap();
        assert_eq!(copy(&ledger.file(), &to), (0, String::new()), "from {height}");
        assert_eq!(dump(&to), ledger.dump(), "from {height}");
        assert_eq!(requests(&to), requests(&ledger.file()), "from {height}");
        fs::remove_file(&to).unwrap();
    }
}

#[test]
fn a_copy_that_is_killed_leaves_whole_blocks_and_is_gone_on_with() {
    let ledger = Ledger::make_long();
    let to = ledger.data().with_file_name("copy.sqlite");
    let last = end(&ledger.file());
    let mut rounds = 0;
    for after in [1, 5, 12] {
        let mut child =
            sealane(&["copy", "--quiet", "--from", path(&ledger.data()), "--to", path(&to)]).spawn().unwrap();
        // Made, and some blocks in it; it may come to its end before it is killed.
        while child.try_wait().unwrap().is_none() && blocks(&to) < after {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if blocks(&to) > 0 {
            rounds += 1;
            sound(&to);
        }
    }
    assert!(rounds > 0, "no copy was ever begun");
    assert_eq!(copy(&ledger.file(), &to), (0, String::new()));
    assert_eq!((end(&to), dump(&to)), (last, ledger.dump()));
}

/// Blocks in a file that may be being made.
fn blocks(file: &Path) -> i64 {
    if !file.exists() {
        return 0;
    }
    let Ok(mut connection) = SqliteConnection::establish(&format!("file:{}?mode=ro", path(file))) else { return 0 };
    diesel::sql_query("SELECT count(*) AS value FROM blocks")
        .get_result(&mut connection)
        .map_or(0, |Number { value }| value)
}

/// Copies a source that was tampered with: it is refused with these words, and what was copied before is sound, and is
/// gone on with once the source is whole again. Returns where the target was left.
#[track_caller]
fn refused(ledger: &Ledger, sql: &str, words: &str) -> i64 {
    let to = ledger.data().with_file_name("copy.sqlite");
    ledger.tamper(sql);
    let (code, says) = copy(&ledger.file(), &to);
    assert_eq!(code, 4, "{sql}: {says}");
    assert!(says.starts_with("sealane: the source is not sound: "), "{sql}: {says}");
    assert!(says.contains(words), "{sql}: no {words:?} in {says}");
    let left = end(&to);
    match left {
        -1 => assert!(says.contains("nothing was copied"), "{sql}: {says}"),
        _ => {
            assert!(says.contains(&format!("the target was left at block {left}")), "{sql}: {says}");
            sound(&to);
        }
    }
    ledger.put(ledger.sound());
    assert_eq!(copy(&ledger.file(), &to), (0, String::new()), "{sql}");
    assert_eq!(dump(&to), ledger.dump(), "{sql}");
    fs::remove_file(&to).unwrap();
    left
}

#[test]
fn a_leaf_that_was_changed_ends_the_copy_before_its_block() {
    let ledger = Ledger::make();
    for leaf in 0..ledger.rows(Table::named("leaves")) {
        let before = format!("SELECT coalesce(max(height), -1) AS value FROM blocks WHERE tree_size <= {leaf}");
        let before = number(&ledger.file(), &before);
        let sql = format!("UPDATE leaves SET bytes = {} WHERE leaf_index = {leaf}", changed("bytes", leaf % 3));
        let words = format!("leaf {leaf}: its bytes do not have the hash stored with them");
        assert_eq!(refused(&ledger, &sql, &words), before, "leaf {leaf}");
    }
}

#[test]
fn whatever_was_changed_in_what_is_no_derivation_is_not_copied() {
    let ledger = Ledger::make();
    for name in ["leaves", "long_statements", "blocks"] {
        let table = Table::named(name);
        let rows = ledger.rows(table);
        let columns = table.columns(&mut ledger.connect());
        for column in columns {
            for (row, place) in [(0, 0), (rows / 2, 1), (rows - 1, 2)] {
                refused(
                    &ledger,
                    &format!("UPDATE {name} SET {column} = {} WHERE {}", changed(&column, place), table.row(row)),
                    "",
                );
            }
        }
        refused(&ledger, &format!("DELETE FROM {name} WHERE {}", table.row(rows / 2)), "");
    }
    let size = ledger.rows(Table::named("leaves"));
    for (first, second) in [(0, 2), (2, 3), (6, 8), (1, 5), (2, size - 1)] {
        let swap = format!(
            "UPDATE leaves SET leaf_index = -1 WHERE leaf_index = {first};
             UPDATE leaves SET leaf_index = {first} WHERE leaf_index = {second};
             UPDATE leaves SET leaf_index = {second} WHERE leaf_index = -1;"
        );
        refused(&ledger, &swap, &format!("leaf {first}: "));
    }
    let more = format!("INSERT INTO leaves SELECT {size}, content, bytes FROM leaves WHERE leaf_index = 2");
    assert_eq!(
        refused(&ledger, &more, &format!("leaf {size}: it stands after the last block's seal")),
        end(&ledger.file())
    );
    let emptied = "DELETE FROM blocks; DELETE FROM leaves; DELETE FROM records";
    refused(&ledger, emptied, "the ledger is empty");
    let waiting = "WHERE json_extract(body, '$.claims.organization') = 'waiting'";
    let request = format!("UPDATE requests SET body = json_set(body, '$.csr', 'no request') {waiting}");
    assert_eq!(refused(&ledger, &request, "the request of participant "), end(&ledger.file()));
}

#[test]
fn what_is_derived_is_derived_anew_whatever_the_source_says() {
    let ledger = Ledger::make();
    let sound_rows = ledger.dump();
    let to = ledger.data().with_file_name("copy.sqlite");
    for table in TABLES.iter().filter(|table| !["leaves", "long_statements", "blocks", "tiles"].contains(&table.name)) {
        let columns = table.columns(&mut ledger.connect());
        for column in columns {
            let value = changed(&column, 0);
            ledger.tamper(&format!("UPDATE {} SET {column} = {value} WHERE {}", table.name, table.row(0)));
            assert_eq!(copy(&ledger.file(), &to), (0, String::new()), "{}.{column}", table.name);
            assert_eq!(dump(&to), sound_rows, "{}.{column}", table.name);
            fs::remove_file(&to).unwrap();
        }
    }
    ledger.tamper("DELETE FROM records");
    assert_eq!(copy(&ledger.file(), &to), (0, String::new()));
    assert_eq!(dump(&to), sound_rows);
}

/// Bits of the file that mean nothing to the ledger may be flipped; the copy is then the ledger, without the flip.
#[test]
fn a_bit_flipped_in_the_source_is_never_copied() {
    let ledger = Ledger::make();
    let sound_rows = ledger.dump();
    let to = ledger.data().with_file_name("copy.sqlite");
    let mut drawn = Drawn(0xc0_b1e5);
    let mut refused = 0;
    for _ in 0..40 {
        let (at, bit) = (drawn.below(ledger.sound().len()), drawn.below(8));
        let mut bytes = ledger.sound().to_vec();
        bytes[at] ^= 1 << bit;
        ledger.put(&bytes);
        let (code, says) = copy(&ledger.file(), &to);
        match code {
            0 => assert_eq!(dump(&to), sound_rows, "bit {bit} of byte {at} was flipped"),
            3 | 4 => refused += 1,
            _ => panic!("bit {bit} of byte {at} was flipped: exit code {code}, {says}"),
        }
        for file in [to.clone(), with(&to, "-wal"), with(&to, "-shm")] {
            // None of them may be there.
            let _ = fs::remove_file(file);
        }
    }
    assert!(refused > 5, "{refused} flips were found");
}

fn with(file: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path(file)))
}

#[test]
fn a_target_that_is_not_a_beginning_of_the_source_is_refused() {
    let ledger = Ledger::make();
    let last = end(&ledger.file());
    let to = ledger.data().with_file_name("copy.sqlite");

    let other = TempDir::new().unwrap();
    run_ok(&["init", "--name", "Other", "--data", path(&other.path().join("data"))]);
    let held = other.path().join("data/ledger.sqlite");
    let before = dump(&held);
    fails(
        &ledger.file(),
        &held,
        3,
        &["the target holds another ledger, sealane/", "and the source sealane/", "nothing was copied"],
    );
    assert_eq!(dump(&held), before);

    // The target has more.
    let part = ledger.data().with_file_name("part.sqlite");
    cut(ledger.sound(), &part, 2);
    fails(
        &part,
        &ledger.file(),
        3,
        &[&format!("the target goes on to block {last}, and the source ends at block 2"), "the right way round"],
    );

    // The same blocks, and a leaf in the target that was changed behind them.
    cut(ledger.sound(), &to, 3);
    connect(&to)
        .batch_execute("DROP TRIGGER leaves_keep_update; UPDATE leaves SET bytes = CAST(bytes || X'20' AS BLOB) WHERE leaf_index = 2")
        .unwrap();
    fails(&ledger.file(), &to, 4, &["the target has another block 1 than the source", "nothing was copied"]);
    assert_eq!(end(&to), 3);

    // Another commit for the same height.
    cut(ledger.sound(), &to, 3);
    connect(&to)
        .batch_execute("DROP TRIGGER blocks_keep_update; UPDATE blocks SET note = note || 'x' WHERE height = 2")
        .unwrap();
    fails(&ledger.file(), &to, 4, &["the target has another block 2 than the source"]);

    // No ledger of ours at all.
    fs::write(
        &to,
        "this is no database, and longer than a header of a hundred bytes would be: so much is sure about it",
    )
    .unwrap();
    fails(&ledger.file(), &to, 3, &["cannot be opened"]);
}

#[test]
fn stores_that_cannot_be_opened_are_told_why() {
    let ledger = Ledger::make();
    let dir = ledger.data().parent().unwrap().to_owned();
    let to = dir.join("copy.sqlite");
    fails(&dir.join("none.sqlite"), &to, 3, &["no ledger at ", "none.sqlite"]);
    assert!(!to.exists(), "a source that is not there makes no target");
    fails(&ledger.data(), &ledger.file(), 2, &["--from and --to name the same store"]);
    fails(&ledger.file(), &dir.join("none/copy.sqlite"), 3, &["cannot be opened", "none/copy.sqlite"]);
    let empty = dir.join("empty");
    fs::create_dir(&empty).unwrap();
    fails(&ledger.file(), &empty, 3, &["no member in "]);
    let told = |from: &str, to: &str, code: i32, word: &str| {
        let output = run(&["copy", "--from", from, "--to", to]);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{says}");
        assert!(says.contains(word) && !says.contains("secret"), "{says}");
    };
    told("http://node", path(&to), 2, "a store is a file, a data directory or postgres://");
    told("", path(&to), 2, "a store is a file");
    told("postgres://user:secret@127.0.0.1:1/ledger", path(&to), 3, "");
    let audit = |arguments: &[&str], word: &str| {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(word), "{}", text(&output.stderr));
    };
    audit(&["audit", "--store", path(&ledger.file()), "--rebuild"], "--rebuild");
    audit(
        &["audit", "--store", path(&ledger.file()), "--url", "http://127.0.0.1:1"],
        "--store and --url are two ledgers",
    );
}

#[test]
fn a_node_is_copied_while_it_serves_and_its_directory_is_no_target() {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let maker = Signer::of(&node, "maker");
    let to = node.dir.path().join("copy.sqlite");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0.. {
                let item = format!("https://id.gs1.org/01/09506000134352/21/C{n}");
                let event = object_event("ADD", "commissioning", &[&item], "2026-03-01T08:00:00.000Z");
                captured(&node, maker.statement(&document(vec![event])));
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        for _ in 0..5 {
            assert_eq!(copy(&node.data(), &to), (0, String::new()));
        }
        done.store(true, Ordering::Relaxed);
    });
    fails(&to, &node.data(), 3, &["another sealane process is using "]);
    fails(&to, &node.data().join("ledger.sqlite"), 3, &["another sealane process is using "]);
    let dir = node.stop();
    let data = dir.path().join("data");
    assert_eq!(copy(&data, &to), (0, String::new()));
    assert_eq!(dump(&to), dump(&data.join("ledger.sqlite")));
    sound(&to);
}

#[test]
fn a_disk_that_is_full_ends_a_copy_and_a_backup_and_with_room_both_come_to_their_end() {
    let ledger = Ledger::make_long();
    let dir = TempDir::new().unwrap();
    let Some(_mount) = Mount::make(dir.path(), "size=400k") else { return };
    let (to, out) = (dir.path().join("copy.sqlite"), dir.path().join("backup.sqlite"));
    let backup = || run(&["backup", "--data", path(&ledger.data()), "--out", path(&out)]);
    let refused = backup();
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("full"), "{}", text(&refused.stderr));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "a backup that failed leaves nothing");
    fails(&ledger.data(), &to, 3, &["the target cannot be used: the disk that holds the ledger is full"]);
    assert!(Command::new("mount").args(["-o", "remount,size=16m"]).arg(dir.path()).status().unwrap().success());
    assert!(blocks(&to) > 0, "some blocks found room");
    assert_eq!(copy(&ledger.data(), &to), (0, String::new()));
    assert_eq!(dump(&to), ledger.dump());
    assert!(backup().status.success());
    sound(&out);
}
