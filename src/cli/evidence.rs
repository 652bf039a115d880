//! `evidence`: saves the evidence about a product, to be judged anywhere.

use std::fs;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::cli::arguments::{EvidenceOptions, Global};
use crate::cli::client::Client;
use crate::cli::data_dir::cannot;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::Output;
use sealane_core::block::Height;
use sealane_core::gs1::Question;

pub fn run(global: &Global, options: &EvidenceOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let asked = read_question(&options.id)?;
    // Whole, so that it holds for every anchor.
    let bytes = fetch(&Client::of_any(global)?, &asked, Height::GENESIS)?;
    fs::write(&options.out, &bytes).map_err(|error| cannot("write", &options.out, &error))?;
    let id = &asked.id;
    let text = format!(
        "Saved the evidence about {id} to {0}.\nJudge it anywhere: sealane verify --evidence {0} --trust FILE",
        options.out.display()
    );
    output.result(&json!({"id": id, "evidence": options.out}), text);
    Ok(CommandOutcome::Done)
}

/// Reads an id as people type it, with what its label says beside it.
pub fn read_question(text: &str) -> Result<Question, Failure> {
    Question::read_typed(text).map_err(Failure::wrong_use)
}

/// Fetches the bytes of the evidence about an id and its label, with the changes of members in blocks above a height.
pub fn fetch(client: &Client, asked: &Question, from: Height) -> Result<Vec<u8>, Failure> {
    let uri = asked.to_uri();
    let id = utf8_percent_encode(&uri, NON_ALPHANUMERIC);
    match from {
        Height::GENESIS => client.get(&format!("/evidence?id={id}")),
        from => client.get(&format!("/evidence?id={id}&from={from}")),
    }
}
