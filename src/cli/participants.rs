//! `participants`: who is registered, and who waits.

use serde_json::Value;

use crate::cli::arguments::{Global, ParticipantsOptions};
use crate::cli::client::Client;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::output::Output;

pub fn run(global: &Global, options: &ParticipantsOptions, output: &Output) -> Result<Outcome, Failure> {
    let client = Client::new(global)?;
    let query = options.status.as_ref().map(|status| format!("?status={status}")).unwrap_or_default();
    let answer = client.get_json(&format!("/participants{query}"))?;
    let list = answer.get("participants").unwrap_or(&answer).clone();
    let rows: Vec<String> = list.as_array().into_iter().flatten().map(row).collect();
    let text = if rows.is_empty() { "No participants.".to_owned() } else { rows.join("\n") };
    output.result(&list, text);
    Ok(Outcome::Done)
}

fn row(participant: &Value) -> String {
    let text = |name: &str| participant.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |name: &str| {
        let items = participant.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    };
    let renewal =
        if participant.get("renewal").is_some_and(|renewal| !renewal.is_null()) { "  renewal waits" } else { "" };
    format!(
        "{}  {:8}  {:24}  {}  {}{renewal}",
        text("id"),
        text("status"),
        list("roles"),
        text("organization"),
        list("gs1CompanyPrefixes")
    )
    .trim_end()
    .to_owned()
}
