//! `post`: signs documents, captures them, and prints their receipts.

use std::path::Path;

use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::cli::arguments::{Global, PostOptions};
use crate::cli::client::Client;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::identity::Identity;
use crate::cli::node::now;
use crate::cli::output::Output;
use crate::cli::sign::{identity_of, read_input};
use crate::cli::trust;
use sealane_core::epcis;

/// From this many files on, a progress bar stands in for a line each.
const PROGRESS_FROM_FILES: usize = 5;

pub fn run(global: &Global, options: &PostOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let client = Client::of_any(global)?;
    let identity = identity_of(&options.signer)?;
    // What is signed is for the ledger that is trusted, whatever the node at the URL says of itself.
    let origin = trust::choose(global, None, &client, output)?.anchor.genesis().origin.clone();
    let many = options.files.len() >= PROGRESS_FROM_FILES && output.shows_progress();
    let progress = if many { ProgressBar::new(options.files.len() as u64) } else { ProgressBar::hidden() };
    let mut receipts = Vec::new();
    for file in &options.files {
        let body = statement(file, identity.as_ref(), origin.as_str())?;
        let answer = client.post("/epcis/capture", "application/jose", &body);
        // What went before this file stands: its receipts are printed even when this one is refused.
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                progress.abandon();
                print(&receipts, output);
                return Err(failure.about(file));
            }
        };
        if let Some(behind) = answer.pointer("/notHereYet/detail").and_then(Value::as_str) {
            output.warn(format!("{}: {behind}", file.display()));
        }
        receipts.push(json!({
            "file": file,
            "captureID": answer.get("captureID"),
            "leafIndex": answer.pointer("/receipt/leafIndex"),
            "treeSize": answer.pointer("/receipt/treeSize"),
            "receipt": answer.get("receipt"),
        }));
        for repeated in answer.get("sealane:repeated").and_then(Value::as_array).into_iter().flatten() {
            let member = |name: &str| repeated.get(name).map(Value::to_string).unwrap_or_default();
            output.warn(format!(
                "{}: event {} ({}) was recorded before, in leaf {}, and counts once",
                file.display(),
                member("position"),
                member("eventID").trim_matches('"'),
                member("firstLeafIndex")
            ));
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    print(&receipts, output);
    Ok(CommandOutcome::Done)
}

fn print(receipts: &[Value], output: &Output) {
    if receipts.is_empty() {
        return;
    }
    let line = |one: &Value| {
        let text =
            |name: &str| one.get(name).map(|value| value.to_string().trim_matches('"').to_owned()).unwrap_or_default();
        format!(
            "{}: final in leaf {} of {}, capture {}",
            text("file"),
            text("leafIndex"),
            text("treeSize"),
            text("captureID")
        )
    };
    output.result(&receipts, receipts.iter().map(line).collect::<Vec<_>>().join("\n"));
}

/// A file's statement: as it is when it is signed already, else signed here.
fn statement(file: &Path, identity: Option<&Identity>, origin: &str) -> Result<Vec<u8>, Failure> {
    let bytes = read_input(file)?;
    if file.extension().is_some_and(|extension| extension == "jose") {
        return Ok(bytes.trim_ascii_end().to_vec());
    }
    let identity = identity.ok_or_else(|| {
        Failure::wrong_use(format!("{} is to be signed: give --as DIR, or --key FILE and --cert FILE", file.display()))
    })?;
    if let Some(what) = epcis::foreign(&bytes) {
        return Err(Failure::wrong_use(format!("{}: {what}", file.display())));
    }
    Ok(identity.sign(&bytes, origin, now())?.compact().as_bytes().to_vec())
}
