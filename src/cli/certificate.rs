//! `certificate`: fetches a participant's certificate chain.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::cli::arguments::{CertificateOptions, Global};
use crate::cli::client::Client;
use crate::cli::data_dir::cannot;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::Output;

pub fn run(global: &Global, options: &CertificateOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    fetch(&Client::new(global)?, &options.id.to_string(), &options.out)?;
    let text = format!("The certificate chain of participant {} is in {}.", options.id, options.out.display());
    output.result(&json!({"id": options.id, "certificate": options.out}), text);
    Ok(CommandOutcome::Done)
}

/// Writes the chain to a file.
pub fn fetch(client: &Client, id: &str, path: &Path) -> Result<(), Failure> {
    let chain = client.get(&format!("/participants/{id}/certificate"))?;
    fs::write(path, chain).map_err(|error| cannot("write", path, &error))
}
