//! `participants`: who is registered, and who waits.

use serde_json::Value;

use crate::cli::arguments::{Global, ParticipantsOptions};
use crate::cli::asking::Asker;
use crate::cli::client::Client;
use crate::cli::data_dir::DataDir;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::Output;

/// Pages that are followed: a million participants, or a node that leads in a circle.
const PAGES_MAX: usize = 10_000;

/// What `--status` names of which a node tells members alone.
const OF_REQUESTS: [&str; 2] = ["pending", "rejected"];

pub fn run(global: &Global, options: &ParticipantsOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let client = Client::new(global)?;
    let query = options.status.as_ref().map(|status| format!("?status={status}")).unwrap_or_default();
    let first = format!("/participants{query}");
    let (asker, missing) = asker(global, options, &client, &first)?;
    let mut next = Some(first);
    let mut list = Vec::new();
    for _ in 0..PAGES_MAX {
        let Some(path) = next.take() else { break };
        let word = asker.as_ref().map(|asker| asker.word(&path));
        let (mut page, following) = client.get_page(&path, word.as_deref())?;
        let Some(Value::Array(some)) = page.get_mut("participants").map(Value::take) else {
            return Err(Failure::unreachable(format!("{} answered {path} with no list of participants", client.url())));
        };
        list.extend(some);
        next = following;
    }
    if next.is_some() {
        output.warn(format!("the list goes on past {PAGES_MAX} pages, which are not shown"));
    }
    if let Some(why) = missing {
        output.warn(format!("requests that wait are not shown: {why}"));
    }
    let rows: Vec<String> = list.iter().map(row).collect();
    let text = if rows.is_empty() { "No participants.".to_owned() } else { rows.join("\n") };
    output.result(&Value::Array(list), text);
    Ok(CommandOutcome::Done)
}

/// The member of `--data`, if it is one. Where only requests would be missing from the list, why it cannot ask.
fn asker(
    global: &Global,
    options: &ParticipantsOptions,
    client: &Client,
    first: &str,
) -> Result<(Option<Asker>, Option<Failure>), Failure> {
    let Some(data) = DataDir::open_if_there(&global.data())?.filter(|data| !data.is_observer()) else {
        return Ok((None, None));
    };
    let asker = data.with_database(global).and_then(|data| Asker::of(&data));
    if options.status.as_deref().is_some_and(|status| OF_REQUESTS.contains(&status)) {
        return Ok((Some(asker?), None));
    }
    let answered = asker.and_then(|asker| {
        client.get_page(first, Some(&asker.word(first)))?;
        Ok(asker)
    });
    Ok(match answered {
        Ok(asker) => (Some(asker), None),
        Err(why) => (None, Some(why)),
    })
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
