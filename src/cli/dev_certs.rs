//! `dev-certs`: the throw-away set of keys and certificates that `certs/README.md` describes.

use serde_json::json;

use crate::cli::arguments::DevCertsOptions;
use crate::cli::failure::{CommandOutcome, Failure, with_causes};
use crate::cli::node::now;
use crate::cli::output::Output;
use crate::pki::write_development_set;

pub fn run(options: &DevCertsOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let files = write_development_set(&options.out, now()).map_err(|error| Failure::wrong_use(with_causes(&error)))?;
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    output.result(&json!({"files": files}), format!("Made, for development only:\n{}", names.join("\n")));
    Ok(CommandOutcome::Done)
}
