//! `post`: signs documents, in several statements where they are long, captures them, and prints their receipts.

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
use crate::cli::split::{IDS_PER_STATEMENT, SplitDocument, split};
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
        let statements = statements(file, identity.as_ref(), output)?;
        let count = statements.bodies.len();
        for (number, body) in (1..).zip(&statements.bodies) {
            let signed = match (body, &identity) {
                (Body::Signed(bytes), _) => Ok(bytes.clone()),
                (Body::Document(bytes), Some(identity)) => {
                    identity.sign(bytes, origin.as_str(), now()).map(|signed| signed.compact().as_bytes().to_vec())
                }
                (Body::Document(_), None) => Err(unsigned(file)),
            };
            let answer = signed.and_then(|signed| client.post("/epcis/capture", "application/jose", &signed));
            // What went before it stands: the receipts are printed even when this one is refused.
            let answer = match answer {
                Ok(answer) => answer,
                Err(failure) => {
                    progress.abandon();
                    print(&receipts, output);
                    let part = if count > 1 { format!(" (statement {number} of {count})") } else { String::new() };
                    return Err(failure.about(Path::new(&format!("{}{part}", file.display()))));
                }
            };
            if let Some(behind) = answer.pointer("/notHereYet/detail").and_then(Value::as_str) {
                output.warn(format!("{}: {behind}", file.display()));
            }
            let mut receipt = json!({
                "file": file,
                "captureID": answer.get("captureID"),
                "leafIndex": answer.pointer("/receipt/leafIndex"),
                "treeSize": answer.pointer("/receipt/treeSize"),
                "receipt": answer.get("receipt"),
            });
            if count > 1 {
                receipt["statement"] = json!({"number": number, "of": count});
            }
            if !statements.whole.is_empty() {
                receipt["longEvents"] = json!(statements.whole);
            }
            receipts.push(receipt);
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
        let part =
            one.get("statement").map(|part| format!(" ({} of {})", part["number"], part["of"])).unwrap_or_default();
        format!(
            "{}{part}: final in leaf {} of {}, capture {}",
            text("file"),
            text("leafIndex"),
            text("treeSize"),
            text("captureID")
        )
    };
    output.result(&receipts, receipts.iter().map(line).collect::<Vec<_>>().join("\n"));
}

/// What is posted of a file.
struct Statements {
    bodies: Vec<Body>,
    /// The places of events that name more ids than a statement should, and stay whole.
    whole: Vec<usize>,
}

enum Body {
    /// As it is posted.
    Signed(Vec<u8>),
    /// To be signed.
    Document(Vec<u8>),
}

/// A file's statements: as it is when it is signed already, else one for each part of a long document.
fn statements(file: &Path, identity: Option<&Identity>, output: &Output) -> Result<Statements, Failure> {
    let bytes = read_input(file)?;
    if file.extension().is_some_and(|extension| extension == "jose") {
        return Ok(Statements { bodies: vec![Body::Signed(bytes.trim_ascii_end().to_vec())], whole: Vec::new() });
    }
    if identity.is_none() {
        return Err(unsigned(file));
    }
    if let Some(what) = epcis::foreign(&bytes) {
        return Err(Failure::wrong_use(format!("{}: {what}", file.display())));
    }
    let SplitDocument { documents, ids, whole } = split(bytes);
    if documents.len() > 1 {
        output.warn(format!(
            "{}: names {ids} ids, and is posted as {} statements, so that evidence about one of them stays short",
            file.display(),
            documents.len()
        ));
    }
    for (place, ids) in &whole {
        output.warn(format!(
            "{}: event {place}, from 0, names {ids} ids and is posted whole, since its parts would not say the same; name at most \
             {IDS_PER_STATEMENT} in an event, or leave out its eventID",
            file.display()
        ));
    }
    let whole = whole.into_iter().map(|(place, _)| place).collect();
    Ok(Statements { bodies: documents.into_iter().map(Body::Document).collect(), whole })
}

fn unsigned(file: &Path) -> Failure {
    Failure::wrong_use(format!("{} is to be signed: give --as DIR, or --key FILE and --cert FILE", file.display()))
}
