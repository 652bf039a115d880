//! `trace`: asks a gateway what a thing was made of, and what became of it.

use std::collections::BTreeMap;

use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::cli::arguments::Global;
use crate::cli::client::Client;
use crate::cli::evidence::read_question;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::{Output, printable};
use crate::config::Secret;
use crate::http::PassedRequest;
use sealane_core::gs1::Id;

const DEFAULT_GATEWAY: &str = "http://127.0.0.1:8085";

#[derive(Debug, Args)]
pub struct TraceOptions {
    /// Digital Link URI, EPC URN, (01)…(21)… or a lot such as (01)…(10)…
    pub id: String,
    #[command(flatten)]
    pub access: GatewayAccess,
    /// up: what it was made of; down: what became of it; both
    #[arg(long, default_value = "both", value_parser = ["up", "down", "both"])]
    pub direction: String,
    /// Ties in a row at the most [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub depth: Option<u32>,
    /// Say of each thing who has it now, and its verdict
    #[arg(long)]
    pub holders: bool,
}

/// Which gateway is asked, and as whom.
#[derive(Debug, Args)]
pub struct GatewayAccess {
    /// The gateway that is asked
    #[arg(long, env = "SEALANE_GATEWAY", default_value = DEFAULT_GATEWAY, value_name = "URL")]
    pub gateway: String,
    /// A key with the scope query
    #[arg(long, env = "SEALANE_GATEWAY_KEY", hide_env_values = true, value_name = "KEY")]
    pub key: Option<Secret>,
}

pub fn run(global: &Global, options: &TraceOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let asked =
        Asking { id: &options.id, direction: &options.direction, depth: options.depth, with_holders: options.holders };
    let body = options.access.trace(global, &asked)?;
    let text = Told { body: &body }.text();
    output.result(&body, text);
    Ok(CommandOutcome::Done)
}

/// What a trace is asked for.
pub struct Asking<'a> {
    pub id: &'a str,
    pub direction: &'a str,
    pub depth: Option<u32>,
    pub with_holders: bool,
}

impl GatewayAccess {
    /// Asks for a trace.
    pub fn trace(&self, global: &Global, asked: &Asking<'_>) -> Result<Value, Failure> {
        let question = read_question(asked.id)?;
        let id = utf8_percent_encode(question.id.as_str(), NON_ALPHANUMERIC);
        let depth = asked.depth.map(|depth| format!("&depth={depth}")).unwrap_or_default();
        let holders = if asked.with_holders { "&holders=true" } else { "" };
        let target = format!("/trace?id={id}&direction={}{depth}{holders}", asked.direction);
        let client = Client::at(global, &self.gateway)?;
        let mut headers = vec![("accept", "application/json".to_owned())];
        headers.extend(self.key.as_ref().map(|key| ("x-api-key", key.reveal().to_owned())));
        let request = PassedRequest { is_post: false, target, headers, body: Vec::new().into() };
        let answer = client.pass_on(&request).map_err(Failure::unreachable)?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status == 200 && body["nodes"].is_array() {
            return Ok(body);
        }
        let detail = printable(body["detail"].as_str().unwrap_or("this is no gateway that traces"));
        Err(Failure::unreachable(format!("{} answered {}: {detail}", self.gateway, answer.status)))
    }
}

/// A trace for people.
struct Told<'a> {
    body: &'a Value,
}

impl Told<'_> {
    fn text(&self) -> String {
        let mut lines = Vec::new();
        let asked = self.body["id"].as_str().unwrap_or_default();
        lines.push(format!("{}{}", shown(asked), self.standing_of(asked)));
        for (way, title) in [("up", "What it was made of:"), ("down", "What became of it:")] {
            let is_asked = self.list("directions").any(|one| one == way);
            if !is_asked {
                continue;
            }
            lines.push(String::new());
            let nodes: Vec<&Value> = self.list("nodes").filter(|node| node["direction"] == way).collect();
            if nodes.is_empty() {
                lines.push(format!("{title} nothing is recorded."));
                continue;
            }
            lines.push(title.to_owned());
            lines.extend(nodes.into_iter().map(|node| self.line(node, way)));
        }
        lines.extend(self.list("stopped").map(stopped));
        lines.join("\n")
    }

    fn list(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.body[name].as_array().into_iter().flatten()
    }

    /// One thing, by how it is tied to the one before it.
    fn line(&self, node: &Value, way: &str) -> String {
        let id = node["id"].as_str().unwrap_or_default();
        let depth = node["depth"].as_u64().and_then(|depth| usize::try_from(depth).ok()).unwrap_or_default();
        let (own, other) = if way == "up" { ("from", "to") } else { ("to", "from") };
        let mut by_kind: BTreeMap<&str, &Value> = BTreeMap::new();
        for edge in self.list("edges").filter(|edge| edge[own] == id) {
            by_kind.entry(edge["kind"].as_str().unwrap_or_default()).or_insert(edge);
        }
        let tie = by_kind.values().next();
        let tied = tie.map(|edge| {
            let at = shown(edge[other].as_str().unwrap_or_default());
            let word = match (edge["kind"].as_str().unwrap_or_default(), way) {
                ("transformation", "up") => "went into",
                ("transformation", _) => "was made from",
                ("lot", "up") => "is the lot of",
                ("lot", _) => "is of the lot",
                ("aggregation", "up") => "was packed into",
                ("aggregation", _) => "holds",
                ("association", "up") => "was fitted to",
                (_, _) => "was fitted with",
            };
            let by = self.name_of(&edge["participant"]);
            format!(" {word} {at}, says {by}, leaf {}", edge["leafIndex"])
        });
        format!("{}{}{}{}", "  ".repeat(depth.min(20)), shown(id), tied.unwrap_or_default(), self.standing_of(id))
    }

    /// The verdict about a thing and who has it, if that was asked for.
    fn standing_of(&self, id: &str) -> String {
        let Some(node) = self.list("nodes").find(|node| node["id"] == id) else { return String::new() };
        let Some(verdict) = node["verdict"].as_str() else { return String::new() };
        match &node["custodian"] {
            Value::Null => format!(" [{verdict}]"),
            custodian => {
                let way = if node["inTransit"] == true { ", on its way from " } else { ", with " };
                format!(" [{verdict}{way}{}]", self.name_of(custodian))
            }
        }
    }

    fn name_of(&self, participant: &Value) -> String {
        let id = participant.as_str().unwrap_or_default();
        let known = &self.body["participants"][id];
        let name = known["organization"].as_str().unwrap_or(id);
        let gln = known["glns"].as_array().and_then(|glns| glns.first()).and_then(Value::as_str);
        printable(&match gln {
            Some(gln) => format!("“{name}” (GLN {gln})"),
            None => format!("“{name}”"),
        })
    }
}

/// Where a trace ends, and why.
pub fn stopped(stop: &Value) -> String {
    let why = match stop["reason"].as_str().unwrap_or_default() {
        "depth" => "there is more behind it than --depth lets be followed",
        "limit" => "there is more behind it than a trace takes in",
        _ => "no event names it",
    };
    format!("{}: {why}.", shown(stop["id"].as_str().unwrap_or_default()))
}

/// An id as on a label, if it is GS1's.
pub fn shown(id: &str) -> String {
    let element = Id::parse(id).ok().and_then(|id| id.element_string());
    printable(&element.unwrap_or_else(|| id.to_owned()))
}
