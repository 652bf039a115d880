//! `sign`: EPCIS JSON in, compact JWS out, with no node in reach.

use std::io::Read;
use std::path::Path;

use serde_json::json;

use crate::cli::arguments::{SignOptions, SignerOptions};
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::identity::Identity;
use crate::cli::node::now;
use crate::cli::output::Output;
use sealane_core::block::Origin;
use sealane_core::limits::STATEMENT_BYTES_MAX;

pub fn run(options: &SignOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let origin: Origin = options.origin.parse().map_err(|error| Failure::wrong_use(format!("--origin: {error}")))?;
    let identity = identity_of(&options.signer)?
        .ok_or_else(|| Failure::wrong_use("give --as DIR, or --key FILE and --cert FILE"))?;
    let payload = read_input(&options.file)?;
    let statement = identity.sign(&payload, origin.as_str(), now())?;
    let text = if options.detached { statement.detached() } else { statement.compact().to_owned() };
    output.result(&json!({"statement": text, "id": statement.id().to_string()}), &text);
    Ok(CommandOutcome::Done)
}

/// The identity that the options name; `None` when they name none.
pub fn identity_of(options: &SignerOptions) -> Result<Option<Identity>, Failure> {
    match (&options.identity, &options.key, &options.cert) {
        (Some(dir), _, _) => Identity::read_dir(dir).map(Some),
        (None, Some(key), Some(cert)) => Identity::read(key, cert).map(Some),
        _ => Ok(None),
    }
}

/// Reads a file, or standard input for `-`, up to what a statement can hold.
pub fn read_input(path: &Path) -> Result<Vec<u8>, Failure> {
    let fault = |error: std::io::Error| Failure::wrong_use(format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    let limit = STATEMENT_BYTES_MAX as u64 + 1;
    match path.to_str() {
        Some("-") => std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(fault)?,
        _ => std::fs::File::open(path).map_err(fault)?.take(limit).read_to_end(&mut bytes).map_err(fault)?,
    };
    if bytes.is_empty() {
        return Err(Failure::wrong_use(format!("{} is empty; it should hold an EPCIS document", path.display())));
    }
    if bytes.len() > STATEMENT_BYTES_MAX {
        let message =
            format!("{} is longer than the {STATEMENT_BYTES_MAX} bytes that a statement may have", path.display());
        return Err(Failure::wrong_use(message));
    }
    Ok(bytes)
}
