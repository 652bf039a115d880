//! What a gateway has on its disk to answer queries from: `gateway rebuild`, and what `status` tells of it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::own_copy::path_in;
use super::queue::way_to;
use crate::cli::arguments::Global;
use crate::cli::data_dir::{DataDir, cannot, database};
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::node::{now, runtime};
use crate::cli::output::Output;
use crate::gateway::query::store::{Cursor, QueryStore, QueryStoreError};
use crate::gateway::query::{NotOpened, StoreOpener};
use crate::gateway::store::query::{PostgresQueryStore, SqliteQueryStore};
use crate::store::postgres::Server;
use sealane_core::block::Height;

const STORE_FILE: &str = "queries.sqlite";

/// What opens the store of rows, and makes it if there is none: in the database that the arguments name, else a file.
pub fn opener(global: &Global, data: &Path) -> Result<StoreOpener, Failure> {
    let (server, file) = (database(global)?, data.join(STORE_FILE));
    Ok(Arc::new(move || {
        let opened: Result<Arc<dyn QueryStore>, String> = match &server {
            Some(server) => open_postgres(server).map(|store| Arc::new(store) as _),
            None => SqliteQueryStore::open(&file).map(|store| Arc::new(store) as _),
        };
        opened.map_err(NotOpened::Store)
    }))
}

fn open_postgres(server: &Server) -> Result<PostgresQueryStore, String> {
    PostgresQueryStore::open(way_to(server)?, Handle::current())
}

/// Opens the store and does something with it, on a thread that may wait.
fn with_store<T: Send + 'static>(
    global: &Global,
    data: &Path,
    work: impl FnOnce(&dyn QueryStore) -> Result<T, QueryStoreError> + Send + 'static,
) -> Result<T, Failure> {
    let open = opener(global, data)?;
    let work = move || {
        let store = open().map_err(Failure::unreachable)?;
        work(&*store).map_err(Failure::unreachable)
    };
    runtime()?.block_on(async { tokio::task::spawn_blocking(work).await }).map_err(Failure::unreachable)?
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
pub fn stored(global: &Global, data: &Path) -> Result<Stored, Failure> {
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
    let rows = with_store(global, data, |store| store.cursor())?;
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

/// Removes the file of the rows, and what SQLite keeps beside it.
fn remove_store(data: &Path) -> Result<(), Failure> {
    for beside in ["", "-wal", "-shm"] {
        let path = data.join(format!("{STORE_FILE}{beside}"));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(cannot("remove", &path, &error)),
            _ => {}
        }
    }
    Ok(())
}

pub fn rebuild(global: &Global, data: &Path, output: &Output) -> Result<CommandOutcome, Failure> {
    match database(global)? {
        Some(_) => with_store(global, data, |store| store.clear())?,
        // A file that is damaged cannot be opened to be emptied.
        None => remove_store(data)?,
    }
    let said = "The query store is empty. The next start makes it again from the gateway's copy of the ledger.";
    output.result(&json!({"cleared": true}), said);
    Ok(CommandOutcome::Done)
}
