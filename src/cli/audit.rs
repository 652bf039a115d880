//! `audit`: derives everything from the leaves again, of the own data directory or of another member's node.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::app::audit::{self, AuditError, HeldBefore, HeldReceipt, RemoteError, Report};
use crate::cli::arguments::{AuditOptions, Global};
use crate::cli::client::Client;
use crate::cli::data_dir::{DataDir, cannot};
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::node::{now, runtime};
use crate::cli::output::Output;
use crate::cli::provider::provider;
use crate::cli::remote::Remote;
use crate::cli::seen::{self, Seen};
use crate::cli::stores::StoreName;
use crate::cli::trust;
use sealane_core::evidence::{DoubleSigner, Fork, MemberChain, Receipt, SignedCheckpoint};
use sealane_core::json;

/// Bytes of one file of receipts: some ten thousand of them.
const RECEIPTS_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Proofs of one fork in one directory that find a name of their own.
const FORK_FILES_MAX: u32 = 1_000;

pub fn run(global: &Global, options: &AuditOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    match (&options.fork, &options.store) {
        (Some(file), _) => check_fork(options, file, output),
        (None, Some(_)) if global.url_was_typed => {
            Err(Failure::wrong_use("--store and --url are two ledgers: audit them one by one"))
        }
        (None, Some(store)) => stored(store, global.database_ca.as_deref(), output),
        (None, None) if global.url_was_typed => remote(global, options, output),
        (None, None) => local(global, options, output),
    }
}

/// A ledger in any store, with no mark to hold it against.
fn stored(store: &StoreName, authorities: Option<&Path>, output: &Output) -> Result<CommandOutcome, Failure> {
    let (report, tip) = runtime()?.block_on(async {
        let store = store.read(authorities).await?;
        let report = audit::audit(&*store, provider()).await.map_err(unsound)?;
        Ok((report, store.tip().await.map_err(Failure::unreachable)?))
    })?;
    let end = tip.map_or(String::new(), |tip| {
        let (height, root, time) = (tip.seal.height, tip.checkpoint.root, tip.seal.time);
        format!(" It ends at block {height} of {time}, root {root}.")
    });
    output.result(&report, format!("The ledger is sound: {}.{end}", counts(&report)));
    Ok(CommandOutcome::Done)
}

fn local(global: &Global, options: &AuditOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    if options.trust.is_some() || !options.receipts.is_empty() || options.fork_out.is_some() {
        return Err(Failure::wrong_use(
            "--trust, --receipts and --fork-out belong to the audit of a node: give its --url",
        ));
    }
    let data = DataDir::open(&global.data())?.with_database(global)?;
    // Reading goes on beside a running node; writing needs the directory alone.
    let _lock = if options.rebuild { Some(data.lock()?) } else { None };
    let mark = data.last_signed()?;
    let report = runtime()?.block_on(async {
        if options.rebuild {
            let store = data.store().await?;
            audit::rebuild(&*store, provider()).await.map_err(unsound)?;
        }
        let store = data.snapshot().await?;
        let report = audit::audit(&*store, provider()).await.map_err(unsound)?;
        if let Some(mark) = mark {
            audit::check_mark(&*store, &mark).await.map_err(unsound)?;
        }
        Ok(report)
    })?;
    output.result(&report, format!("The ledger in {} is sound: {}.", data.path().display(), counts(&report)));
    Ok(CommandOutcome::Done)
}

fn remote(global: &Global, options: &AuditOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    if options.rebuild {
        return Err(Failure::wrong_use("--rebuild writes the tables of --data; another's node has none here"));
    }
    let receipts = read_receipts(&options.receipts)?;
    // An audit is of one node from its beginning to its end.
    let mut clients = Client::of_each(global)?;
    let Some(last) = clients.pop() else { return Err(Failure::wrong_use("give the --url of a node")) };
    for client in clients {
        match remote_node(global, options, &client, &receipts, output) {
            Err(failure) if failure.is_unreachable() => output.warn(format!("{failure}; the next node is audited")),
            audited => return audited,
        }
    }
    remote_node(global, options, &last, &receipts, output)
}

fn remote_node(
    global: &Global,
    options: &AuditOptions,
    client: &Client,
    receipts: &[HeldReceipt],
    output: &Output,
) -> Result<CommandOutcome, Failure> {
    let anchor = trust::choose(global, options.trust.as_deref(), client, output)?.anchor;
    let origin = &anchor.genesis().origin;
    let seen = seen::last(&anchor)?.map(|seen| shown(&seen));
    let bar = if output.shows_progress() { ProgressBar::new(0).with_style(style()) } else { ProgressBar::hidden() };
    let mut progress = |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let held = HeldBefore { receipts: receipts.to_vec(), seen };
    let node = Remote::new(client.clone());
    let audited = audit::remote(&node, provider(), &anchor, &held, &mut progress);
    let report = runtime()?.block_on(audited);
    bar.finish_and_clear();
    let report = report.map_err(|error| remote_failure(error, client.url(), options.fork_out.as_deref()))?;
    seen::remember(&anchor, &Seen::new(&report.tip.checkpoint, report.tip.commit.clone(), now()))?;
    let receipts = match report.receipts {
        0 => String::new(),
        1 => " It keeps the receipt.".to_owned(),
        many => format!(" It keeps all {many} receipts."),
    };
    let counts = counts(&report.report);
    output.result(&report, format!("The ledger {origin} at {} is sound: {counts}.{receipts}", client.url()));
    Ok(CommandOutcome::Done)
}

fn counts(report: &Report) -> String {
    let Report { leaves, blocks, signatures, captures, events, participants, subjects } = report;
    format!(
        "{leaves} leaves in {blocks} blocks, {signatures} signatures, {captures} captures with {events} events, {participants} participants, {subjects} subjects"
    )
}

/// How a bar over leaves looks.
pub fn style() -> ProgressStyle {
    // The template is this line; a wrong one would show in the first audit.
    ProgressStyle::with_template("{bar:40} {pos} of {len} leaves, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn shown(seen: &Seen) -> SignedCheckpoint {
    SignedCheckpoint {
        by: format!("the checkpoint seen at {}", seen.at),
        checkpoint: seen.checkpoint.clone(),
        seal: None,
        commit: Some(seen.commit.clone()),
        note: None,
    }
}

/// An audit of a store that is here came to no good end.
pub fn unsound(error: AuditError) -> Failure {
    match error {
        AuditError::Fault(fault) => Failure::unproven(format!("the ledger is not sound: {fault}")),
        AuditError::Store(error) => Failure::unreachable(error),
    }
}

fn remote_failure(error: RemoteError, url: &str, fork_out: Option<&Path>) -> Failure {
    match error {
        RemoteError::Audit(AuditError::Fault(fault)) => {
            Failure::unproven(format!("the ledger at {url} is not sound: {fault}"))
        }
        RemoteError::Audit(AuditError::Store(error)) => Failure::unreachable(error),
        RemoteError::CutBack { .. } => Failure::unproven(format!("the ledger at {url} is not sound: {error}")),
        RemoteError::Receipt { .. } | RemoteError::Seen(_) => Failure::unproven(error),
        RemoteError::Fork(fork) => {
            let saved = match save(&fork, fork_out) {
                Ok(path) => format!(
                    "the proof is in {}; `sealane audit --fork FILE --trust FILE` checks it for anybody",
                    path.display()
                ),
                Err(failure) => format!("the proof could not be saved ({failure:?}): {}", json!(fork)),
            };
            Failure::unproven(format!("{}; {saved}", told(&fork)))
        }
    }
}

/// What a fork comes to, in words.
fn told(fork: &Fork) -> String {
    let [first, second] = fork.sides();
    format!(
        "the ledger is forked: {} two histories of it at height {}, one in {}, the other in {}",
        signers(fork.signed_twice()),
        fork.height(),
        first.by,
        second.by
    )
}

/// Who signed both sides, or that it cannot be told.
fn signers(twice: &[DoubleSigner]) -> String {
    if twice.is_empty() {
        return "more than a third of the members, none of them by name since the rounds differ, signed".to_owned();
    }
    let names: Vec<String> = twice.iter().map(|signer| format!("{} ({})", signer.name, signer.kid)).collect();
    format!("{} signed", names.join(", "))
}

/// Writes the proof where it was asked for, else into a file that is not there yet.
fn save(fork: &Fork, out: Option<&Path>) -> Result<PathBuf, Failure> {
    let text = serde_json::to_string_pretty(fork).map_err(Failure::unreachable)? + "\n";
    if let Some(path) = out {
        fs::write(path, text).map_err(|error| cannot("write", path, &error))?;
        return Ok(path.to_owned());
    }
    let height = fork.height();
    let names = (1..=FORK_FILES_MAX).map(|n| if n == 1 { String::new() } else { format!("-{n}") });
    for path in names.map(|n| PathBuf::from(format!("fork-{height}{n}.json"))) {
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(text.as_bytes()).map_err(|error| cannot("write", &path, &error))?;
                return Ok(path);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot("write", &path, &error)),
        }
    }
    Err(Failure::unreachable(format!("{FORK_FILES_MAX} files fork-{height}….json are here already")))
}

fn check_fork(options: &AuditOptions, file: &Path, output: &Output) -> Result<CommandOutcome, Failure> {
    let trust = options.trust.as_deref().ok_or_else(|| Failure::wrong_use("--fork needs --trust FILE"))?;
    let anchor = trust::read(trust)?;
    let value = read_json(file)?;
    let shape = |error| Failure::unproven(format!("{} is no proof of a fork: {error}", file.display()));
    let fork: Fork = serde_json::from_value(value).map_err(|error| shape(error.to_string()))?;
    let members = MemberChain::new(anchor);
    let twice = fork.verify(&members, provider().signatures).map_err(|error| shape(error.to_string()))?;
    let text = format!(
        "This is proof of a fork of {} at height {}: {} both of its sides.",
        members.anchor().genesis().origin,
        fork.height(),
        signers(&twice)
    );
    output.result(&json!({"fork": true, "height": fork.height(), "signedTwice": twice}), text);
    Ok(CommandOutcome::Done)
}

/// Reads every receipt in some files, and in the `.json` files of some directories.
fn read_receipts(paths: &[PathBuf]) -> Result<Vec<HeldReceipt>, Failure> {
    let mut receipts = Vec::new();
    for path in paths {
        let files = if path.is_dir() { json_files(path)? } else { vec![path.clone()] };
        for file in files {
            let before = receipts.len();
            take_receipts(&read_json(&file)?, &file, &mut receipts)?;
            if receipts.len() == before {
                return Err(Failure::wrong_use(format!("{} holds no receipt", file.display())));
            }
        }
    }
    Ok(receipts)
}

fn json_files(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unread = |error| Failure::wrong_use(format!("cannot read {}: {error}", dir.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::wrong_use(format!("{} has no .json file", dir.display())));
    }
    Ok(files)
}

/// Takes a receipt, the receipt of a capture job or of what `post` printed, or each of a list of these.
fn take_receipts(value: &Value, file: &Path, receipts: &mut Vec<HeldReceipt>) -> Result<(), Failure> {
    match value {
        Value::Array(many) => many.iter().try_for_each(|one| take_receipts(one, file, receipts)),
        Value::Object(members) => {
            let receipt = members.get("receipt").unwrap_or(value);
            let receipt: Receipt = serde_json::from_value(receipt.clone())
                .map_err(|error| Failure::wrong_use(format!("{} holds no receipt: {error}", file.display())))?;
            receipts.push(HeldReceipt { from: file.display().to_string(), receipt });
            Ok(())
        }
        _ => Err(Failure::wrong_use(format!("{} holds no receipt, but another JSON value", file.display()))),
    }
}

fn read_json(file: &Path) -> Result<Value, Failure> {
    let wrong = |error: String| Failure::wrong_use(format!("{}: {error}", file.display()));
    let length = fs::metadata(file).map_err(|error| wrong(error.to_string()))?.len();
    if length > RECEIPTS_BYTES_MAX {
        return Err(wrong(format!("it has {length} bytes; at most {RECEIPTS_BYTES_MAX} are read")));
    }
    let bytes = fs::read(file).map_err(|error| wrong(error.to_string()))?;
    json::parse(&bytes).map_err(|error| wrong(error.to_string()))
}
