//! `export`: tables of what a gateway knows, for people and the programs that they have.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::arguments::Global;
use crate::cli::data_dir::{self, cannot};
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::Output;
use crate::cli::trace::{Asking, GatewayAccess, shown, stopped};

#[derive(Debug, Subcommand)]
pub enum ExportOptions {
    /// Who has what came of a lot, an item or a load, as a table
    Recall(RecallOptions),
}

#[derive(Debug, Args)]
pub struct RecallOptions {
    /// What is recalled: a lot such as (01)…(10)…, an item, a load
    pub id: String,
    #[command(flatten)]
    pub access: GatewayAccess,
    /// Where the table goes: a file of comma-separated values (RFC 4180)
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// The columns of the table.
const COLUMNS: [&str; 13] = [
    "id",
    "label",
    "kind",
    "distance",
    "tie",
    "tied_to",
    "said_by",
    "leaf",
    "verdict",
    "holder",
    "holder_gln",
    "holder_contact",
    "in_transit",
];

pub fn run(global: &Global, options: &ExportOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let ExportOptions::Recall(options) = options;
    let asked = Asking { id: &options.id, direction: "down", depth: Some(100), with_holders: true };
    let trace = options.access.trace(global, &asked)?;
    let table = table(&trace).map_err(Failure::unreachable)?;
    data_dir::write_whole(&options.out, &table).map_err(|error| cannot("write", &options.out, &error))?;
    let (nodes, stops) = (list(&trace, "nodes").count(), list(&trace, "stopped"));
    let gaps: Vec<String> = stops.filter(|stop| stop["reason"] != "not-recorded").map(stopped).collect();
    gaps.iter().for_each(|gap| output.warn(gap));
    let text = match gaps.is_empty() {
        true => format!("Wrote {nodes} things to {}.", options.out.display()),
        false => format!("Wrote {nodes} things to {}, and there are more.", options.out.display()),
    };
    output.result(&json!({"out": options.out, "things": nodes, "isWhole": gaps.is_empty()}), text);
    Ok(if gaps.is_empty() { CommandOutcome::Done } else { CommandOutcome::OtherVerdict })
}

fn list<'t>(trace: &'t Value, name: &str) -> impl Iterator<Item = &'t Value> {
    trace[name].as_array().into_iter().flatten()
}

/// The table, a row for each thing, nearest first.
fn table(trace: &Value) -> Result<String, String> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(|error| error.to_string())?;
    for node in list(trace, "nodes") {
        let row = row(trace, node).map(|cell| plain(&cell));
        writer.write_record(row).map_err(|error| error.to_string())?;
    }
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

fn row(trace: &Value, node: &Value) -> [String; COLUMNS.len()] {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let id = text(&node["id"]);
    let no_tie = Value::Null;
    let tie = list(trace, "edges").find(|edge| edge["to"] == node["id"]).unwrap_or(&no_tie);
    let participant = |id: &Value| id.as_str().map_or(&no_tie, |id| &trace["participants"][id]);
    let holder = participant(&node["custodian"]);
    let glns = holder["glns"].as_array().into_iter().flatten().filter_map(Value::as_str);
    [
        id.clone(),
        shown(&id),
        text(&node["kind"]),
        text(&node["depth"]),
        text(&tie["kind"]),
        tie["from"].as_str().map(shown).unwrap_or_default(),
        text(&participant(&tie["participant"])["organization"]),
        text(&tie["leafIndex"]),
        text(&node["verdict"]),
        text(&holder["organization"]),
        glns.collect::<Vec<_>>().join(" "),
        text(&holder["contact"]),
        text(&node["inTransit"]),
    ]
}

/// A cell that no program of tables takes for a formula: organisations choose their names.
fn plain(cell: &str) -> String {
    match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{cell}"),
        _ => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_it_is_how_it_came_and_who_has_it() {
        let lot = "https://id.gs1.org/01/09506000134352/10/L%2C7";
        let item = "https://id.gs1.org/01/09506000134352/21/S1";
        let trace = json!({
            "nodes": [
                {"id": lot, "kind": "lot", "depth": 0, "verdict": "recalled", "custodian": null, "inTransit": false},
                {"id": item, "kind": "item", "depth": 1, "verdict": "recalled", "custodian": "p2", "inTransit": true},
            ],
            "edges": [{"from": lot, "to": item, "kind": "lot", "leafIndex": 4, "participant": "p1"}],
            "participants": {
                "p1": {"organization": "=HYPERLINK(\"x\")", "glns": []},
                "p2": {"organization": "Shop, Ltd", "glns": ["9506000134369", "9506000134376"], "contact": "mailto:x@shop.example"},
            },
        });
        let table = table(&trace).unwrap();
        let lines: Vec<&str> = table.split("\r\n").collect();
        assert_eq!(lines[0], COLUMNS.join(","));
        assert_eq!(lines[1], format!("{lot},\"(01)09506000134352(10)L,7\",lot,0,,,,,recalled,,,,false"));
        assert_eq!(
            lines[2],
            format!(
                "{item},(01)09506000134352(21)S1,item,1,lot,\"(01)09506000134352(10)L,7\",\"'=HYPERLINK(\"\"x\"\")\",4,recalled,\"Shop, Ltd\",\
                 9506000134369 9506000134376,mailto:x@shop.example,true"
            )
        );
        for formula in ["=1", "+1", "-1", "@x", "\tx"] {
            assert!(plain(formula).starts_with('\''));
        }
        assert_eq!(plain("a=1"), "a=1");
    }
}
