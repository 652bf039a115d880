//! `gateway jobs`, `retry`, `drop` and `status`: what the operator sees of the queue and says about it.

use serde_json::{Value, json};

use super::queries::Stored;
use super::{DropOptions, JobsOptions};
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::node::now;
use crate::cli::output::Output;
use crate::gateway::job::{JobId, PieceState};
use crate::gateway::keeper::{JobFilter, Keeper, KeptJob, OperatorWord};

pub fn list(keeper: &dyn Keeper, options: &JobsOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let state = options.state.as_deref().and_then(PieceState::parse);
    let filter = JobFilter { state, jobs_max: options.limit, ..JobFilter::default() };
    let jobs = keeper.jobs(&filter).map_err(Failure::unreachable)?;
    let values: Vec<Value> = jobs.iter().map(crate::gateway::http::job_to_json).collect();
    let text = match jobs.is_empty() {
        true => "There is no such job.".to_owned(),
        false => jobs.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    output.result(&values, text);
    Ok(CommandOutcome::Done)
}

fn line(job: &KeptJob) -> String {
    let events = if job.events == 1 { "event" } else { "events" };
    let mut text = format!(
        "{} {} of {}, {} {events}, taken at {}",
        job.id,
        job.state.as_str(),
        job.client,
        job.events,
        job.received_at
    );
    let trouble = job.pieces.iter().find_map(|piece| piece.trouble.as_deref());
    let error = job.errors.first().and_then(|error| error.get("detail")).and_then(Value::as_str);
    if let Some(why) = job.reason.as_deref().or(trouble).or(error) {
        text.push_str(&format!(": {why}"));
    }
    text
}

fn id_of(text: &str) -> Result<JobId, Failure> {
    JobId::parse(text).ok_or_else(|| Failure::wrong_use(format!("{text:?} is no job's id, which is a UUID")))
}

fn told(
    word: OperatorWord,
    id: &JobId,
    done: String,
    otherwise: &str,
    output: &Output,
) -> Result<CommandOutcome, Failure> {
    match word {
        OperatorWord::Done => {
            output.result(&json!({"id": id.as_str()}), done);
            Ok(CommandOutcome::Done)
        }
        OperatorWord::Unknown => Err(Failure::wrong_use(format!("there is no job {id}"))),
        OperatorWord::Not(state) => Err(Failure::wrong_use(format!("job {id} is {}: {otherwise}", state.as_str()))),
    }
}

pub fn retry(keeper: &dyn Keeper, id: &str, output: &Output) -> Result<CommandOutcome, Failure> {
    let id = id_of(id)?;
    let word = keeper.retry(&id).map_err(Failure::unreachable)?;
    let otherwise = "only what has failed is tried again, as long as its document is kept";
    told(word, &id, format!("Job {id} is queued again."), otherwise, output)
}

pub fn give_up(keeper: &dyn Keeper, options: &DropOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let id = id_of(&options.id)?;
    let word = keeper.give_up(&id, &options.reason, now()).map_err(Failure::unreachable)?;
    let otherwise = "only a job that is queued can be dropped, since what is signed may stand on the ledger";
    told(word, &id, format!("Job {id} is dropped."), otherwise, output)
}

pub fn status(keeper: &dyn Keeper, queries: &Stored, output: &Output) -> Result<CommandOutcome, Failure> {
    let depth = keeper.depth().map_err(Failure::unreachable)?;
    let oldest_s = depth.oldest_open.map(|at| now().millis_since(at) / 1_000);
    let counts: serde_json::Map<String, Value> =
        depth.jobs.iter().map(|(state, count)| (state.as_str().to_owned(), json!(count))).collect();
    let list =
        depth.jobs.iter().map(|(state, count)| format!("{count} {}", state.as_str())).collect::<Vec<_>>().join(", ");
    let oldest = oldest_s.map_or_else(|| "nothing waits".to_owned(), |s| format!("the oldest that waits is {s} s old"));
    output.result(
        &json!({"jobs": counts, "queueBytes": depth.open_bytes, "oldestSeconds": oldest_s, "queries": queries.to_json()}),
        format!("Jobs: {list}; {oldest}.\n{}", queries.to_text()),
    );
    Ok(CommandOutcome::Done)
}
