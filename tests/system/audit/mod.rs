//! `sealane audit`: whatever is changed in the ledger's file, it says so, and where.

pub mod fixture;
mod remote;
pub mod shelf;

use fixture::{ITEM, Ledger, TABLES, Table};

/// Runs the audit over a ledger that was tampered with: exit code 4, and words that say what is wrong.
#[track_caller]
fn unsound(ledger: &Ledger, done: &str, words: &str) -> String {
    let (code, says) = ledger.audit();
    assert_eq!(code, 4, "{done}: {says}");
    assert!(says.starts_with("sealane: the ledger is not sound: "), "{done}: {says}");
    assert!(says.contains(words), "{done}: no {words:?} in {says}");
    says
}

/// SQL for a value with one byte changed at a place from 0 (the first) to 2 (the last), or another value where bytes
/// make no difference.
pub fn changed(column: &str, place: u64) -> String {
    let at = match place {
        0 => "1".to_owned(),
        1 => format!("(length({column}) + 1) / 2"),
        _ => format!("length({column})"),
    };
    format!(
        "CASE typeof({column})
           WHEN 'integer' THEN {column} + (CASE {place} WHEN 1 THEN -1 - {column} ELSE 7000 END)
           WHEN 'null' THEN 'x'
           WHEN 'text' THEN substr({column}, 1, {at} - 1) ||
             (CASE substr({column}, {at}, 1) WHEN '1' THEN '2' ELSE '1' END) || substr({column}, {at} + 1)
           ELSE CAST(substr({column}, 1, {at} - 1) ||
             (CASE substr({column}, {at}, 1) WHEN X'31' THEN X'32' ELSE X'31' END) || substr({column}, {at} + 1) AS BLOB)
         END"
    )
}

/// Changes a value of each column in the first, a middle and the last row.
fn change_each_column(ledger: &Ledger, table: &Table) {
    let rows = ledger.rows(table);
    assert!(rows > 0, "{} has rows to change", table.name);
    let columns = table.columns(&mut ledger.connect());
    for column in columns {
        for (row, place) in [(0, 0), (rows / 2, 1), (rows - 1, 2)] {
            ledger.put(ledger.sound());
            let leaf = ledger.leaf_of(table, row);
            let done = format!("{}.{column} of row {row}, place {place}", table.name);
            let value = changed(&column, place);
            ledger.tamper(&format!("UPDATE {} SET {column} = {value} WHERE {}", table.name, table.row(row)));
            let says = unsound(ledger, &done, "");
            // A row that was moved may be found where it went before it is missed where it stood.
            let moved = table.key.contains(&column.as_str()) || ["leaf_index", "tree_size"].contains(&column.as_str());
            if let Some(leaf) = leaf.filter(|_| !moved) {
                let named = [format!("leaf {leaf}: "), format!("leaf {leaf} ")].iter().any(|name| says.contains(name));
                assert!(named, "{done}: {says} does not name leaf {leaf}");
            }
        }
    }
}

#[test]
fn any_value_changed_in_any_column_is_found() {
    let ledger = Ledger::make();
    for table in &TABLES {
        change_each_column(&ledger, table);
    }
}

#[test]
fn any_byte_changed_in_any_record_is_found_at_its_leaf() {
    let ledger = Ledger::make();
    let table = Table::named("records");
    for row in 0..ledger.rows(table) {
        let leaf = ledger.leaf_of(table, row).unwrap();
        let length = ledger.number(&format!("SELECT length(bytes) AS value FROM records WHERE {}", table.row(row)));
        for place in (0..length).step_by(7.max(length as usize / 40)) {
            let flipped = format!("hex(substr(bytes, {} + 1, 1)) = '31'", place);
            ledger.tamper(&format!(
                "UPDATE records SET bytes = CAST(substr(bytes, 1, {place}) || \
                 (CASE WHEN {flipped} THEN X'32' ELSE X'31' END) || substr(bytes, {place} + 2) AS BLOB) WHERE {}",
                table.row(row)
            ));
            unsound(&ledger, &format!("byte {place} of the record of leaf {leaf}"), &format!("leaf {leaf}: "));
        }
    }
}

#[test]
fn any_byte_changed_in_any_leaf_is_found_at_that_leaf() {
    let ledger = Ledger::make();
    for leaf in 0..ledger.rows(Table::named("leaves")) {
        for place in 0..3 {
            ledger.tamper(&format!("UPDATE leaves SET bytes = {} WHERE leaf_index = {leaf}", changed("bytes", place)));
            unsound(&ledger, "a byte", &format!("leaf {leaf}: its bytes do not have the hash stored with them"));
        }
    }
}

#[test]
fn rows_taken_out_put_in_or_swapped_are_found() {
    let ledger = Ledger::make();
    for table in &TABLES {
        let rows = ledger.rows(table);
        for row in [0, rows / 2, rows - 1] {
            ledger.tamper(&format!("DELETE FROM {} WHERE {}", table.name, table.row(row)));
            unsound(&ledger, &format!("row {row} of {}", table.name), "");
        }
    }
    let size = ledger.rows(Table::named("leaves"));
    let insertions = [
        ("INSERT INTO leaves SELECT -1, content, bytes FROM leaves WHERE leaf_index = 2", "the table of leaves"),
        ("INSERT INTO leaves SELECT 70000, content, bytes FROM leaves WHERE leaf_index = 2", "the table of leaves"),
        ("INSERT INTO long_statements VALUES (randomblob(32), X'00')", "the table of long statements has 2 rows"),
        (
            "INSERT INTO blocks SELECT 99, 7000, checkpoint, note, commitment FROM blocks WHERE height = 1",
            "the table of blocks",
        ),
        (
            "INSERT INTO blocks SELECT -1, 1, checkpoint, note, commitment FROM blocks WHERE height = 1",
            "the table of blocks",
        ),
        ("INSERT INTO tiles VALUES (1, 0, randomblob(32))", "the table of tiles"),
        (
            "INSERT INTO records SELECT 1, time, bytes FROM records LIMIT 1",
            "leaf 1: it has a record, and holds no statement",
        ),
        ("INSERT INTO records SELECT 9223372036854775807, time, bytes FROM records LIMIT 1", "a leaf index"),
        ("INSERT INTO records SELECT 70000, time, bytes FROM records LIMIT 1", "the table of records"),
    ];
    for (sql, words) in insertions {
        ledger.tamper(sql);
        unsound(&ledger, sql, words);
    }
    ledger.tamper(&format!("INSERT INTO leaves SELECT {size}, content, bytes FROM leaves WHERE leaf_index = 2"));
    unsound(&ledger, "a leaf more", &format!("leaf {size}: it stands after the last block's seal"));

    let swap = |first: u64, second: u64| {
        ledger.tamper(&format!(
            "UPDATE leaves SET leaf_index = -1 WHERE leaf_index = {first};
             UPDATE leaves SET leaf_index = {first} WHERE leaf_index = {second};
             UPDATE leaves SET leaf_index = {second} WHERE leaf_index = -1;"
        ));
        unsound(&ledger, &format!("{first} and {second} swapped"), &format!("leaf {first}: "));
    };
    swap(0, 2);
    swap(2, 3);
    swap(6, 8);
    swap(1, 5);
    swap(2, size - 1);
}

#[test]
fn a_ledger_cut_off_after_a_block_is_missed_by_the_key_that_signed_more() {
    let ledger = Ledger::make();
    let last = ledger.rows(Table::named("blocks")) - 1;
    let size = ledger.number(&format!("SELECT tree_size AS value FROM blocks WHERE height = {last} - 1"));
    ledger.tamper(&format!(
        "DELETE FROM blocks WHERE height = {last};
         DELETE FROM leaves WHERE leaf_index >= {size};
         DELETE FROM records WHERE leaf_index >= {size};
         UPDATE tiles SET hashes = substr(hashes, 1, 32 * {size});"
    ));
    unsound(&ledger, "cut off", &format!("it ends before block {last}, which this member's key has signed"));
    ledger.tamper("DELETE FROM blocks; DELETE FROM leaves; DELETE FROM tiles; DELETE FROM records");
    unsound(&ledger, "emptied", "the ledger is empty");
}

#[test]
fn a_request_that_is_not_what_was_approved_is_found() {
    let ledger = Ledger::make();
    let waiting = "WHERE json_extract(body, '$.claims.organization') = 'waiting'";
    // A request that was approved may be left where the node stopped before removing it.
    ledger.tamper(&format!("UPDATE requests SET id = '{}' {waiting}", ledger.maker()));
    unsound(&ledger, "another's request", "is not what leaf 2 says was approved");
    for (column, value) in [("key", "randomblob(32)"), ("renewal", "1")] {
        ledger.tamper(&format!("UPDATE requests SET {column} = {value} {waiting}"));
        unsound(&ledger, column, "the kind or the key of request ");
    }
    for (member, value, words) in [
        ("$.csr", "replace(json_extract(body, '$.csr'), 'MI', 'MJ')", "the request of participant "),
        ("$.key", "'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'", "the kind or the key of request "),
        ("$.kind", "'other'", "the body of request "),
    ] {
        ledger.tamper(&format!("UPDATE requests SET body = json_set(body, '{member}', {value}) {waiting}"));
        unsound(&ledger, member, words);
    }
}

#[test]
fn the_tiles_of_a_tree_of_two_levels_are_checked() {
    let ledger = Ledger::make_long();
    let table = Table::named("tiles");
    assert_eq!(ledger.rows(table), 3);
    change_each_column(&ledger, table);
    ledger.tamper("DELETE FROM tiles");
    unsound(&ledger, "no tiles", "tile 0 of level 0 is wrong");
    ledger.tamper("UPDATE tiles SET hashes = substr(hashes, 1, 32)");
    unsound(&ledger, "narrower tiles", "tile 0 of level 0 is wrong");
    ledger.tamper("UPDATE tiles SET hashes = randomblob(32) WHERE level = 1");
    unsound(&ledger, "another hash", "tile 0 of level 1 is wrong");
    ledger.tamper("UPDATE tiles SET hashes = randomblob(length(hashes)) WHERE tile_index = 1");
    unsound(&ledger, "other hashes", "leaf 256: its bytes do not have the hash stored with them");
    assert_eq!(ledger.audit_with(&["--rebuild"]), (0, String::new()));
    assert_eq!(ledger.audit(), (0, String::new()));
}

#[test]
fn rebuild_repairs_what_is_derived_and_nothing_else() {
    let ledger = Ledger::make();
    let sound = ledger.dump().unwrap();
    for sql in [
        "DELETE FROM records",
        "DELETE FROM records WHERE leaf_index > 2",
        "UPDATE records SET leaf_index = leaf_index + 1000",
        "INSERT INTO tiles VALUES (3, 9, X'00')",
        "UPDATE records SET bytes = X'0102', time = -1",
        "DELETE FROM records; DELETE FROM tiles",
    ] {
        ledger.tamper(sql);
        unsound(&ledger, sql, "");
        assert_eq!(ledger.audit_with(&["--rebuild"]), (0, String::new()), "{sql}");
        assert_eq!(ledger.dump().unwrap(), sound, "{sql}");
    }
    for sql in [
        "UPDATE leaves SET bytes = X'01' WHERE leaf_index = 4",
        "UPDATE blocks SET note = checkpoint WHERE height = 2",
        "DELETE FROM long_statements",
    ] {
        ledger.tamper(sql);
        let (code, says) = ledger.audit_with(&["--rebuild"]);
        assert_eq!(code, 4, "{sql}: {says}");
        unsound(&ledger, sql, "");
    }
}

/// Numbers that look drawn, and are the same each time (xorshift64*).
pub struct Drawn(pub u64);

impl Drawn {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % end
    }
}

/// Some bits of the file mean nothing to the ledger: free space in pages, SQLite's own counters, comments in the schema,
/// and the requests' table. Whatever the audit lets pass must leave every row as it was.
#[test]
fn a_bit_flipped_in_the_file_is_found_or_means_nothing() {
    let ledger = Ledger::make();
    let sound = ledger.dump().unwrap();
    let mut drawn = Drawn(0x5ea1_a4e0);
    let (mut found, rounds) = (0, flips());
    for _ in 0..rounds {
        let (at, bit) = (drawn.below(ledger.sound().len()), drawn.below(8));
        let mut bytes = ledger.sound().to_vec();
        bytes[at] ^= 1 << bit;
        ledger.put(&bytes);
        let (code, says) = ledger.audit();
        match code {
            0 => assert_eq!(ledger.dump().as_ref(), Ok(&sound), "bit {bit} of byte {at} was flipped"),
            3 | 4 => found += 1,
            _ => panic!("bit {bit} of byte {at} was flipped: exit code {code}, {says}"),
        }
    }
    assert!(found > rounds / 4, "{found} of {rounds} flips were found");
}

fn flips() -> usize {
    std::env::var("SEALANE_FLIPS").ok().and_then(|number| number.parse().ok()).unwrap_or(100)
}

#[test]
fn a_node_is_audited_while_it_works() {
    use crate::signer::{Signer, captured};
    use crate::support::{Node, document, object_event, path, run, text};

    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let maker = Signer::of(&node, "maker");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0.. {
                // Each at a time of its own, however many there are.
                let time = format!("2026-03-01T08:{:02}:{:02}.{:03}Z", n / 60_000, n / 1_000 % 60, n % 1_000);
                let event = object_event("OBSERVE", "inspecting", &[ITEM], &time);
                captured(&node, maker.statement(&document(vec![event])));
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
            }
        });
        for _ in 0..10 {
            let output = run(&["audit", "--data", path(&node.data())]);
            assert!(output.status.success(), "{}", text(&output.stderr));
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
