//! A small ledger with something of everything, and ways to tamper with its file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use serde_json::json;
use tempfile::TempDir;

use crate::signer::{Signer, captured};
use crate::support::{Node, document, object_event, path, run, text};

pub const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/A1";

/// Tables that a leaf gives or that leaves are read from, with each one's primary key, and the leaf that a row is about.
pub const TABLES: [Table; 5] = [
    Table { name: "leaves", key: &["leaf_index"], leaf: "leaf_index" },
    Table {
        name: "long_statements",
        key: &["hash"],
        leaf: "(SELECT leaf_index FROM leaves WHERE instr(leaves.bytes, long_statements.hash) > 0)",
    },
    Table { name: "blocks", key: &["height"], leaf: "tree_size - 1" },
    Table { name: "tiles", key: &["level", "tile_index"], leaf: "NULL" },
    Table { name: "records", key: &["leaf_index"], leaf: "leaf_index" },
];

pub struct Table {
    pub name: &'static str,
    pub key: &'static [&'static str],
    leaf: &'static str,
}

/// The data directory of a node that was stopped, whose ledger can be damaged and made whole again.
pub struct Ledger {
    dir: TempDir,
    sound: Vec<u8>,
    /// The id of the participant that registered first.
    maker: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

#[derive(QueryableByName)]
struct Leaf {
    #[diesel(sql_type = Nullable<BigInt>)]
    value: Option<i64>,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    value: String,
}

impl Ledger {
    /// Registrations, captures with every column of an event, one of them too long for its leaf, a correction, a
    /// revocation, and requests that were approved, refused and left waiting.
    pub fn make() -> Self {
        let node = Node::start();
        let id = node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
        let carrier = node.participant("carrier", "shipper", &["--gln", "9521321000018"]);
        let maker = Signer::of(&node, "maker");
        let mut wrong = object_event("ADD", "commissioning", &[ITEM], "2026-03-01T08:00:00.000Z");
        wrong["eventID"] = json!("urn:uuid:00000000-0000-4000-8000-000000000001");
        wrong["disposition"] = json!("active");
        wrong["readPoint"] = json!({"id": "https://id.gs1.org/414/9506000100005"});
        wrong["bizLocation"] = json!({"id": "https://id.gs1.org/414/9506000100005"});
        captured(&node, maker.statement(&document(vec![wrong.clone()])));
        wrong["errorDeclaration"] = json!({"declarationTime": "2026-03-02T08:00:00.000Z"});
        captured(&node, maker.statement(&document(vec![wrong])));
        let many: Vec<String> =
            (0..1_200).map(|n| format!("https://id.gs1.org/01/09506000134352/21/M{n:05}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let long = object_event("ADD", "commissioning", &many, "2026-03-01T09:00:00.000Z");
        let other = object_event("OBSERVE", "inspecting", &[ITEM], "2026-03-01T10:00:00.000Z");
        captured(&node, maker.statement(&document(vec![long, other])));
        node.run_ok(&["revoke", &carrier, "--reason", "left the trade"]);
        crate::member::ask(&node, "waiting", "distributor", &[]);
        let refused = crate::member::ask(&node, "refused", "distributor", &[]);
        node.run_ok(&["reject", &refused, "--reason", "unknown"]);
        Self::of(node.stop(), id)
    }

    /// More than 256 leaves, so that the tiles have a second level.
    pub fn make_long() -> Self {
        let node = Node::start();
        let id = node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
        let maker = Signer::of(&node, "maker");
        let post = |n: u32| {
            let item = format!("https://id.gs1.org/01/09506000134352/21/L{n}");
            let event = object_event("ADD", "commissioning", &[&item], "2026-03-01T08:00:00.000Z");
            captured(&node, maker.statement(&document(vec![event])));
        };
        std::thread::scope(|scope| {
            for first in 0..8 {
                scope.spawn(move || (first..304).step_by(8).for_each(post));
            }
        });
        Self::of(node.stop(), id)
    }

    fn of(dir: TempDir, maker: String) -> Self {
        let mut ledger = Self { sound: Vec::new(), dir, maker };
        // The audit's is the last connection, which puts the journal, if one is left, into the file.
        assert_eq!(ledger.audit(), (0, String::new()));
        assert!(!ledger.file().with_extension("sqlite-wal").exists());
        ledger.sound = fs::read(ledger.file()).unwrap();
        ledger
    }

    pub fn maker(&self) -> &str {
        &self.maker
    }

    pub fn sound(&self) -> &[u8] {
        &self.sound
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn file(&self) -> PathBuf {
        self.data().join("ledger.sqlite")
    }

    /// Puts a file in the ledger's place.
    pub fn put(&self, bytes: &[u8]) {
        for journal in ["sqlite-wal", "sqlite-shm"] {
            // Mostly there is none.
            let _ = fs::remove_file(self.file().with_extension(journal));
        }
        fs::write(self.file(), bytes).unwrap();
    }

    /// Changes the sound ledger by SQL, past the triggers that keep it.
    #[track_caller]
    pub fn tamper(&self, sql: &str) {
        self.put(&self.sound);
        let mut connection = self.connect();
        let keep = "SELECT name AS value FROM sqlite_schema WHERE type = 'trigger'";
        for Line { value } in diesel::sql_query(keep).load(&mut connection).unwrap() {
            connection.batch_execute(&format!("DROP TRIGGER {value}")).unwrap();
        }
        connection.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Runs the program's audit: its exit code, and what it complains of.
    pub fn audit(&self) -> (i32, String) {
        self.audit_with(&[])
    }

    pub fn audit_with(&self, further: &[&str]) -> (i32, String) {
        let data = self.dir.path().join("data");
        let mut arguments = vec!["audit", "--data", path(&data)];
        arguments.extend(further);
        let Output { status, stderr, .. } = run(&arguments);
        (status.code().unwrap(), text(&stderr))
    }

    pub fn connect(&self) -> SqliteConnection {
        SqliteConnection::establish(path(&self.file())).unwrap()
    }

    pub fn number(&self, sql: &str) -> u64 {
        let Number { value } = diesel::sql_query(sql).get_result(&mut self.connect()).unwrap();
        value.try_into().unwrap()
    }

    pub fn rows(&self, table: &Table) -> u64 {
        self.number(&format!("SELECT count(*) AS value FROM {}", table.name))
    }

    /// The leaf that row `row` of a sound table is about, if it is about one.
    pub fn leaf_of(&self, table: &Table, row: u64) -> Option<i64> {
        let Table { name, key, leaf } = table;
        let sql = format!("SELECT {leaf} AS value FROM {name} ORDER BY {} LIMIT 1 OFFSET {row}", key.join(", "));
        let Leaf { value } = diesel::sql_query(sql).get_result(&mut self.connect()).unwrap();
        value
    }

    /// Everything in the tables of the ledger, types included; an error when SQLite cannot read it.
    pub fn dump(&self) -> Result<String, String> {
        dump(&self.file())
    }
}

/// Everything in the tables of a ledger's file, types included; an error when SQLite cannot read it.
pub fn dump(file: &Path) -> Result<String, String> {
    let mut connection = SqliteConnection::establish(path(file)).unwrap();
    let mut dump = String::new();
    for table in &TABLES {
        let columns: Vec<String> =
            table.columns(&mut connection).iter().map(|column| format!("quote({column})")).collect();
        let sql = format!(
            "SELECT {} AS value FROM {} ORDER BY {}",
            columns.join(" || ',' || "),
            table.name,
            table.key.join(", ")
        );
        let lines: Vec<Line> = diesel::sql_query(sql).load(&mut connection).map_err(|error| error.to_string())?;
        lines.into_iter().for_each(|line| dump.push_str(&(line.value + "\n")));
    }
    Ok(dump)
}

impl Table {
    pub fn named(name: &str) -> &'static Self {
        TABLES.iter().find(|table| table.name == name).unwrap()
    }

    pub fn columns(&self, connection: &mut SqliteConnection) -> Vec<String> {
        let sql = format!("SELECT name AS value FROM pragma_table_info('{}')", self.name);
        let lines: Vec<Line> = diesel::sql_query(sql).load(connection).unwrap();
        lines.into_iter().map(|line| line.value).collect()
    }

    /// SQL that picks one row by its place in the order of the key.
    pub fn row(&self, row: u64) -> String {
        let Self { name, key, .. } = self;
        let order = key.join(", ");
        let one =
            |column: &&str| format!("{column} = (SELECT {column} FROM {name} ORDER BY {order} LIMIT 1 OFFSET {row})");
        key.iter().map(one).collect::<Vec<_>>().join(" AND ")
    }
}
