//! What a gateway has on its disk to answer queries from: `gateway rebuild`, and what `status` tells of it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::own_copy::path_in;
use crate::cli::data_dir::{DataDir, cannot};
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::node::{now, runtime};
use crate::cli::output::Output;
use crate::gateway::query::store::{Cursor, QueryStore};
use crate::gateway::store::query::SqliteQueryStore;
use sealane_core::block::Height;

const STORE_FILE: &str = "queries.sqlite";

/// Opens the store of rows, and makes it if there is none.
pub fn open_query_store(data: &Path) -> Result<Arc<dyn QueryStore>, Failure> {
    Ok(Arc::new(SqliteQueryStore::open(&data.join(STORE_FILE)).map_err(Failure::unreachable)?))
}

/// How far the copy of the ledger and the rows are, by the files alone.
#[derive(Debug, Default)]
pub struct Stored {
    /// The last block of the copy; `None` without a copy.
    ledger: Option<Height>,
    rows: Option<Cursor>,
    /// The ledger is forked, by the proof in this file of the copy's directory.
    fork: Option<String>,
}

/// Reads how far a gateway is, also of one that runs.
pub fn stored(data: &Path) -> Result<Stored, Failure> {
    let path = path_in(data);
    let Some((copy, _)) = DataDir::open_observer(&path)?.filter(|(copy, _)| copy.is_finished()) else {
        return Ok(Stored::default());
    };
    let tip = runtime()?.block_on(async {
        let store = copy.snapshot().await?;
        store.tip().await.map_err(Failure::unreachable)
    })?;
    let files = fs::read_dir(&path).map_err(|error| cannot("read", &path, &error))?;
    let names = files.flatten().filter_map(|file| file.file_name().into_string().ok());
    let fork = names.filter(|name| name.starts_with("fork-")).min();
    let rows = open_query_store(data)?.cursor().map_err(Failure::unreachable)?;
    Ok(Stored { ledger: tip.map(|tip| tip.seal.height), rows, fork })
}

impl Stored {
    pub fn to_json(&self) -> Value {
        json!({
            "ledgerHeight": self.ledger,
            "indexedHeight": self.rows.map(|rows| rows.height),
            "indexedSize": self.rows.map(|rows| rows.size),
            "lagSeconds": self.lag_seconds(),
            "fork": self.fork,
        })
    }

    /// The age of the last block that can be asked for, if the copy has more.
    fn lag_seconds(&self) -> Option<i64> {
        let (ledger, rows) = (self.ledger?, self.rows?);
        Some(if rows.height >= ledger { 0 } else { now().millis_since(rows.time).max(0) / 1_000 })
    }

    /// The same for people.
    pub fn to_text(&self) -> String {
        let Some(ledger) = self.ledger else { return "Queries: no copy of the ledger is here.".to_owned() };
        let rows = match &self.rows {
            Some(rows) => format!("events up to block {} can be asked for", rows.height),
            None => "no event can be asked for yet".to_owned(),
        };
        let told = |name| format!(" The ledger is forked, and queries are not answered: ledger/{name} has the proof.");
        let fork = self.fork.as_ref().map_or_else(String::new, told);
        format!("Queries: the copy of the ledger is at block {ledger}; {rows}.{fork}")
    }
}

pub fn rebuild(data: &Path, output: &Output) -> Result<CommandOutcome, Failure> {
    open_query_store(data)?.clear().map_err(Failure::unreachable)?;
    let said = "The query store is empty. The next start makes it again from the gateway's copy of the ledger.";
    output.result(&json!({"cleared": true}), said.to_owned());
    Ok(CommandOutcome::Done)
}
