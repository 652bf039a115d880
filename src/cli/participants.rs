//! `participants`: who is registered, and who waits.

use serde_json::Value;

use crate::cli::arguments::{Global, ParticipantsOptions};
use crate::cli::client::Client;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::Output;

/// Pages that are followed: a million participants, or a node that leads in a circle.
const PAGES_MAX: usize = 10_000;

pub fn run(global: &Global, options: &ParticipantsOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let client = Client::new(global)?;
    let query = options.status.as_ref().map(|status| format!("?status={status}")).unwrap_or_default();
    let mut next = Some(format!("/participants{query}"));
    let mut list = Vec::new();
    for _ in 0..PAGES_MAX {
        let Some(path) = next.take() else { break };
        let (mut page, following) = client.get_page(&path)?;
        let Some(Value::Array(some)) = page.get_mut("participants").map(Value::take) else {
            return Err(Failure::unreachable(format!("{} answered {path} with no list of participants", client.url())));
        };
        list.extend(some);
        next = following;
    }
    if next.is_some() {
        output.warn(format!("the list goes on past {PAGES_MAX} pages, which are not shown"));
    }
    let rows: Vec<String> = list.iter().map(row).collect();
    let text = if rows.is_empty() { "No participants.".to_owned() } else { rows.join("\n") };
    output.result(&Value::Array(list), text);
    Ok(CommandOutcome::Done)
}

fn row(participant: &Value) -> String {
    let text = |name: &str| participant.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |name: &str| {
        let items = participant.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    };
    let renewal =
        if participant.get("renewal").is_some_and(|renewal| !renewal.is_null()) { "  renewal waits" } else { "" };
    let missing = participant.get("endorsementsMissing").and_then(Value::as_u64);
    let missing = missing.map(|missing| format!("  endorsements missing: {missing}")).unwrap_or_default();
    let is_voted = participant.pointer("/revocation/proposal").is_some();
    let voted = if is_voted { "  by the members' vote" } else { "" };
    format!(
        "{}  {:8}  {:24}  {}  {}{renewal}{missing}{voted}",
        text("id"),
        text("status"),
        list("roles"),
        text("organization"),
        list("gs1CompanyPrefixes")
    )
    .trim_end()
    .to_owned()
}
