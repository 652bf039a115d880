//! A check that goes on from an earlier one: what it reads, what it notices and what it does not, and when it is whole after all.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use sealane::app::audit::{self, AuditedPrefix, LedgerCheck};
use sealane::app::capture::capture;
use serde_json::{Value, json};

use crate::faults::Faults;
use crate::member::{LEDGER_FILE, Maker, Member, PROVIDER};

/// A ledger with a manufacturer and three captures, of which each is in a block of its own: leaves 4, 6 and 8.
async fn with_captures() -> (Member, Maker) {
    let (member, maker) = Member::with_maker().await;
    add(&member, &maker, &["A1", "A2", "A3"]).await;
    (member, maker)
}

/// Captures one statement for each of these serials, and stops the writer.
async fn add(member: &Member, maker: &Maker, serials: &[&str]) {
    let (orderer, ledger) = member.open().await.unwrap();
    let writer = tokio::spawn(orderer.run());
    for serial in serials {
        capture(&ledger, member.commissioning(maker, serial)).await.unwrap();
    }
    drop(ledger);
    writer.await.unwrap();
}

async fn check(member: &Member, before: Option<&AuditedPrefix>) -> LedgerCheck {
    audit::check(&member.store, PROVIDER, before).await.unwrap()
}

/// What a whole check of a sound ledger leaves.
async fn whole(member: &Member) -> AuditedPrefix {
    let LedgerCheck { from, differed, result } = check(member, None).await;
    assert_eq!((from.get(), differed), (0, None));
    result.unwrap().1
}

/// Changes the ledger's file past the triggers that keep it.
fn tamper(dir: &Path, sql: &str) {
    let file = dir.join(LEDGER_FILE);
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let triggers = ["leaves_keep_update", "leaves_keep_delete", "blocks_keep_update", "blocks_keep_delete"];
    let drop: String = triggers.iter().map(|name| format!("DROP TRIGGER IF EXISTS {name};")).collect();
    connection.batch_execute(&format!("{drop}{sql}")).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[tokio::test]
async fn it_comes_to_what_a_whole_check_comes_to_and_reads_no_old_statement() {
    let (member, maker) = with_captures().await;
    let before = whole(&member).await;
    let unchanged = check(&member, Some(&before)).await;
    assert_eq!((unchanged.from, unchanged.differed), (before.size(), None));
    assert_eq!(unchanged.result.unwrap().1, before);

    add(&member, &maker, &["A4", "A5"]).await;
    let faults = Faults::new(member.dir.path());
    let ports = faults.ports(&member);
    faults.take_reads();
    let partial = audit::check(&ports, PROVIDER, Some(&before)).await.unwrap();
    let reads = faults.take_reads();
    let size = before.size().get();
    assert_eq!(reads.leaves.into_iter().collect::<Vec<_>>(), (size..size + 4).collect::<Vec<_>>());
    assert!(reads.long_statements.is_empty());
    assert_eq!((partial.from, partial.differed), (before.size(), None));
    // The same report, and the same that a later check goes on from.
    let all = audit::check(&ports, PROVIDER, None).await.unwrap();
    assert_eq!(faults.take_reads().leaves.len() as u64, size + 4);
    assert_eq!(partial.result.unwrap(), all.result.unwrap());
}

#[tokio::test]
async fn it_goes_on_over_tiles_of_two_levels() {
    let (member, maker) = Member::with_maker().await;
    let serials: Vec<String> = (0..140).map(|n| format!("T{n}")).collect();
    let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
    add(&member, &maker, &serials[..130]).await;
    let before = whole(&member).await;
    assert!(before.size().get() > 256);
    add(&member, &maker, &serials[130..]).await;
    let partial = check(&member, Some(&before)).await;
    assert_eq!((partial.from, &partial.differed), (before.size(), &None));
    assert_eq!(partial.result.unwrap(), check(&member, None).await.result.unwrap());
    // Of either level, old tiles are held against the root; the whole check names the leaf where there is one.
    for (change, what, leaf) in [
        ("UPDATE tiles SET hashes = randomblob(32) WHERE level = 1", "tile 0 of level 1 is wrong", None),
        ("UPDATE tiles SET hashes = zeroblob(length(hashes)) WHERE level = 0 AND tile_index = 0", "leaf 0", Some(0)),
        ("DELETE FROM tiles WHERE level = 0 AND tile_index = 0", "a tile of the leaves from 0 on is missing", None),
    ] {
        let copy = member.copied();
        tamper(copy.dir.path(), change);
        let check = check(&copy, Some(&before)).await;
        let differed = check.differed.unwrap();
        assert!(differed.contains(what), "{change}: {differed}");
        let fault = check.result.unwrap_err();
        assert_eq!((check.from.get(), fault.leaf.map(|leaf| leaf.get())), (0, leaf), "{change}: {fault}");
    }
}

#[tokio::test]
async fn a_fault_in_a_new_block_is_named() {
    let (member, maker) = with_captures().await;
    let before = whole(&member).await;
    add(&member, &maker, &["A4", "A5"]).await;
    let new = before.size().get();
    for (change, leaf) in [
        (format!("UPDATE leaves SET bytes = CAST(bytes || '1' AS BLOB) WHERE leaf_index = {new}"), Some(new)),
        (format!("UPDATE leaves SET content = 2 WHERE leaf_index = {new}"), Some(new)),
        (format!("DELETE FROM records WHERE leaf_index = {}", new + 2), Some(new + 2)),
        (format!("UPDATE blocks SET note = checkpoint WHERE tree_size = {}", new + 2), Some(new + 1)),
    ] {
        let copy = member.copied();
        tamper(copy.dir.path(), &change);
        let LedgerCheck { from, differed, result } = check(&copy, Some(&before)).await;
        assert_eq!((from, differed), (before.size(), None), "{change}");
        let fault = result.unwrap_err();
        assert_eq!(fault.leaf.map(|leaf| leaf.get()), leaf, "{change}: {fault}");
        assert!(fault.block.is_some(), "{change}: {fault}");
    }
}

/// What it is held against before it goes on, so that the whole check follows at once and names what is wrong.
#[tokio::test]
async fn what_it_goes_on_from_is_held_against_the_store() {
    let (member, _) = with_captures().await;
    let before = whole(&member).await;
    for (change, differs, fault) in [
        ("UPDATE records SET time = time + 1 WHERE leaf_index = 4", "the records of the leaves", "leaf 4: its record"),
        ("DELETE FROM records WHERE leaf_index = 4", "the records of the leaves", "leaf 4: it has no record"),
        ("UPDATE tiles SET hashes = randomblob(length(hashes))", "leaf 0: its bytes", "leaf 0: its bytes"),
        // An admin statement is read again, since it gives rights: the registration.
        ("UPDATE leaves SET bytes = CAST(bytes || '1' AS BLOB) WHERE leaf_index = 2", "leaf 2", "leaf 2: its bytes"),
        (
            "UPDATE leaves SET content = 1 WHERE leaf_index = 2",
            "1 leaves before leaf 10 are",
            "leaf 2: it is stored as",
        ),
        ("UPDATE leaves SET content = 2 WHERE leaf_index = 4", "leaf 4 cannot be read", "leaf 4: it is stored as"),
        (
            "UPDATE blocks SET tree_size = 11, checkpoint = replace(checkpoint, '\n10\n', '\n11\n') WHERE height = 4",
            "at which the last check ended",
            "block 4",
        ),
        ("DELETE FROM leaves WHERE leaf_index = 4", "the table of leaves has 9 rows", "leaf 4: it is missing"),
    ] {
        let copy = member.copied();
        tamper(copy.dir.path(), change);
        let check = check(&copy, Some(&before)).await;
        let differed = check.differed.unwrap_or_else(|| panic!("{change}"));
        assert!(differed.contains(differs), "{change}: {differed}");
        let found = check.result.unwrap_err().to_string();
        assert!(check.from.get() == 0 && found.contains(fault), "{change}: {found}");
    }
}

/// That is the price, and a whole check every month bounds it.
#[tokio::test]
async fn a_byte_changed_in_an_old_capture_or_an_old_commit_is_left_to_the_whole_check() {
    let (member, _) = with_captures().await;
    let before = whole(&member).await;
    for (change, leaf) in [
        ("UPDATE leaves SET bytes = CAST(bytes || '1' AS BLOB) WHERE leaf_index = 4", 4),
        ("UPDATE blocks SET note = checkpoint WHERE height = 2", 5),
    ] {
        let copy = member.copied();
        tamper(copy.dir.path(), change);
        let partial = check(&copy, Some(&before)).await;
        assert!(partial.differed.is_none() && partial.result.is_ok(), "{change}: {partial:?}");
        let fault = check(&copy, None).await.result.unwrap_err();
        assert_eq!(fault.leaf.map(|leaf| leaf.get()), Some(leaf), "{change}: {fault}");
    }
}

#[tokio::test]
async fn the_record_of_another_ledger_or_of_a_later_block_makes_it_whole() {
    let (member, maker) = with_captures().await;
    let older = member.copied();
    add(&member, &maker, &["A4"]).await;
    let later = whole(&member).await;
    let (other, _) = with_captures().await;
    for (member, before, differs) in [
        (&older, &later, "the ledger ends before block 5, at which the last check ended"),
        (&other, &whole(&older).await, "block 4 is not the one at which the last check ended"),
    ] {
        let check = check(member, Some(before)).await;
        assert_eq!((check.from.get(), check.differed.as_deref()), (0, Some(differs)));
        assert!(check.result.is_ok(), "{:?}", check.result);
    }
}

#[tokio::test]
async fn a_record_that_was_changed_makes_it_whole() {
    let (member, _) = with_captures().await;
    let good = serde_json::to_value(whole(&member).await).unwrap();
    let other = good["records"].as_str().unwrap().chars().rev().collect::<String>();
    let other = if other.ends_with(['A', 'E', 'I', 'M', 'Q', 'U', 'Y', 'c', 'g', 'k', 'o', 's', 'w', '0', '4', '8']) {
        other
    } else {
        format!("{}A", &other[..other.len() - 1])
    };
    let changes: [(&[&str], Value); 8] = [
        (&["height"], json!(3)),
        (&["size"], json!(8)),
        (&["checkpoint"], json!(other)),
        (&["records"], json!(other)),
        (&["tally", "leaves"], json!(9)),
        (&["tally", "blocks"], json!(4)),
        (&["tally", "statements"], json!(6)),
        (&["tally", "longStatements"], json!(1)),
    ];
    for (path, value) in changes {
        let mut changed = good.clone();
        *path.iter().fold(&mut changed, |value, name| &mut value[*name]) = value;
        let before: AuditedPrefix = serde_json::from_value(changed).unwrap();
        let check = check(&member, Some(&before)).await;
        assert!(check.from.get() == 0 && check.differed.is_some(), "{path:?}: {check:?}");
        assert_eq!(serde_json::to_value(check.result.unwrap().1).unwrap(), good, "{path:?}");
    }
}
