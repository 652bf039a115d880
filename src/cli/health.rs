//! `health`: whether a node can do its work, for containers and service managers.

use std::time::Duration;

use serde_json::Value;

use crate::cli::arguments::Global;
use crate::cli::client::Client;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::Output;

const PATH: &str = "/health/ready";

/// How long the node may take: who asks for its health asks often.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn run(global: &Global, output: &Output) -> Result<CommandOutcome, Failure> {
    let client = Client::within(global, &global.url(), PATIENCE)?;
    let answer = client.get_any(PATH)?;
    let body: Value = serde_json::from_slice(&answer.body).map_err(|_| {
        Failure::unreachable(format!("{}{PATH} was answered with no JSON, so that is no node", client.url()))
    })?;
    if answer.status != 200 {
        let why = body["detail"].as_str().unwrap_or("the store does not answer; the node's log says why");
        return Err(Failure::unreachable(format!("{} is not ready: {why}", client.url())));
    }
    output.result(&body, format!("{} is ready", client.url()));
    Ok(CommandOutcome::Done)
}
