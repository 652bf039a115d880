//! Nodes are killed, one after the other, until too few members are left to agree; then they come back.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::cli::demo::journey::{GENUINE, later_steps, waiting_step};
use crate::cli::demo::scenes::{RegisteredActor, SignedStep, sign};
use crate::cli::demo::stage::Stage;
use crate::cli::demo::standing::{NodeTip, list, wait_for, wait_until_level, wait_until_ready};
use crate::cli::failure::Failure;
use crate::cli::node::now;
use crate::cli::output::capital;
use crate::cli::verify::judge_now;
use sealane_core::block::{Height, quorum};
use sealane_core::gs1::Id;

/// A member whose node was killed, and the last block that it had.
struct Victim {
    at: usize,
    last: Height,
}

/// An answer that says why nothing was taken (RFC 9457).
#[derive(Deserialize)]
struct RefusedPost {
    code: String,
    detail: String,
}

/// Plays the outage. Returns what came of posts, by how many members were away.
pub fn play(stage: &Stage<'_>, actors: &[RegisteredActor]) -> Result<Value, Failure> {
    let members = stage.seats.len();
    let needed = quorum(members);
    let mut told = Map::new();
    let mut victims = Vec::new();
    if members > needed {
        victims.push(kill(stage, 1)?);
        told.insert(key(1), post_without(stage, actors, &victims)?);
    }
    let before = victims.len();
    while members - victims.len() >= needed {
        victims.push(kill(stage, victims.len() + 1)?);
    }
    let step = sign(&waiting_step(), actors, stage.anchor(), now())?;
    told.insert(key(victims.len()), refused(stage, &step, &victims, before)?);
    come_back(stage, &step, &victims)?;
    Ok(told.into())
}

/// Names the phase in which so many members are away.
fn key(away: usize) -> String {
    format!("without{}", capital(number(away)))
}

/// A number of members as a word.
pub fn number(count: usize) -> &'static str {
    const WORDS: [&str; 8] = ["no", "one", "two", "three", "four", "five", "six", "seven"];
    WORDS.get(count).copied().unwrap_or("many")
}

fn kill(stage: &Stage<'_>, at: usize) -> Result<Victim, Failure> {
    let last = NodeTip::of(&stage.clients[at])?.height;
    stage.nodes.kill(at)?;
    Ok(Victim { at, last })
}

/// The members whose nodes run.
fn left(stage: &Stage<'_>, victims: &[Victim]) -> Vec<usize> {
    (0..stage.seats.len()).filter(|at| victims.iter().all(|victim| victim.at != *at)).collect()
}

fn names(stage: &Stage<'_>, which: impl Iterator<Item = usize>) -> String {
    list(&which.map(|at| stage.seats[at].member.name).collect::<Vec<_>>())
}

/// Posts go on at the members that are left.
fn post_without(stage: &Stage<'_>, actors: &[RegisteredActor], victims: &[Victim]) -> Result<Value, Failure> {
    let (members, left) = (stage.seats.len(), left(stage, victims));
    stage.title(format!(
        "The node of {} is killed. {} of {} members must agree, and {} are left: posting goes on.",
        names(stage, victims.iter().map(|victim| victim.at)),
        capital(number(quorum(members))),
        number(members),
        number(left.len())
    ));
    let steps = later_steps();
    let mut receipts = Vec::new();
    for (step, at) in steps.iter().zip(left.iter().cycle()) {
        let signed = sign(step, actors, stage.anchor(), now())?;
        let receipt = signed.post(&stage.clients[*at], stage.anchor())?;
        stage.tell_post(&signed, step.told, *at, &receipt);
        receipts.push(receipt);
    }
    if let Some(last) = receipts.last() {
        stage
            .output
            .say(format!("   The last of these is final by the signatures of {}.", stage.signers(&last.commit)));
    }
    stage.output.say("");
    // Each receipt was checked: a post that is not final would have ended the story.
    Ok(json!({"posted": steps.len(), "final": receipts.len()}))
}

/// A post is refused, and verifying goes on. The first `before` of the victims were told of.
fn refused(stage: &Stage<'_>, step: &SignedStep, victims: &[Victim], before: usize) -> Result<Value, Failure> {
    let left = left(stage, victims);
    let further = &victims[before..];
    stage.title(format!(
        "The {} of {} {} killed{}. {} {} left, and nothing becomes final.",
        if further.len() == 1 { "node" } else { "nodes" },
        names(stage, further.iter().map(|victim| victim.at)),
        if further.len() == 1 { "is" } else { "are" },
        if before > 0 { " too" } else { "" },
        capital(number(left.len())),
        if left.len() == 1 { "is" } else { "are" },
    ));
    let client = &stage.clients[left[0]];
    // A node knows of a loss when a connection ends or falls silent. What is posted before that is taken, and waits.
    wait_for("a node misses nobody", || Ok(client.get_json("/members")?.get("noQuorum").cloned()))?;
    let answer = client.post_any("/epcis/capture", "application/jose", step.compact().as_bytes())?;
    let problem: RefusedPost = serde_json::from_slice(&answer.body).map_err(|error| {
        Failure::unreachable(format!("{} answered a post with status {}: {error}", client.url(), answer.status))
    })?;
    stage.output.say(format!(
        "   {} posts at {}, and is answered {} {}:\n   {}",
        step.actor.name, stage.seats[left[0]].member.name, answer.status, problem.code, problem.detail
    ));
    let at = left[left.len() - 1];
    let id = Id::parse(GENUINE).map_err(Failure::wrong_use)?;
    let verdict = judge_now(&stage.clients[at], &id, &stage.trusted[at])?;
    stage.output.say(format!(
        "   Verifying goes on: {} at {}, with {} signatures and {} leaves checked here.\n",
        verdict.verdict.word.as_str(),
        stage.seats[at].member.name,
        verdict.checked.signatures,
        verdict.checked.leaves
    ));
    Ok(json!({"status": answer.status, "code": problem.code}))
}

/// The nodes start again, fetch what they have missed, and the post that was refused becomes final.
fn come_back(stage: &Stage<'_>, step: &SignedStep, victims: &[Victim]) -> Result<(), Failure> {
    let which: Vec<usize> = victims.iter().map(|victim| victim.at).collect();
    let (come, their) = if which.len() == 1 { ("comes", "its") } else { ("come", "their") };
    stage.title(format!("{} {come} back, on {their} own data.", names(stage, which.iter().copied())));
    stage.nodes.start(stage.seats, &which)?;
    let all: Vec<_> = stage.clients.iter().collect();
    wait_until_ready(&all)?;
    let height = wait_until_level(&all)?[0].height;
    for victim in victims {
        let missed = height.get().saturating_sub(victim.last.get());
        let blocks = match missed {
            0 => "has missed none: no block became final without it".to_owned(),
            1 => "has fetched the block that it missed, and checked it".to_owned(),
            missed => format!("has fetched the {} blocks that it missed, and checked them", number_or_digits(missed)),
        };
        stage.output.say(format!("   {} {blocks}.", stage.seats[victim.at].member.name));
    }
    let Some(victim) = victims.last() else { return Ok(()) };
    let receipt = step.post(&stage.clients[victim.at], stage.anchor())?;
    stage.output.say("   The post that was refused is posted again, the same bytes:");
    stage.tell_post(step, waiting_step().told, victim.at, &receipt);
    stage.output.say("");
    Ok(())
}

fn number_or_digits(count: u64) -> String {
    match usize::try_from(count) {
        Ok(count @ ..8) => number(count).to_owned(),
        _ => count.to_string(),
    }
}

/// So many members, and no other, at the beginning of a sentence.
pub fn all(count: usize) -> String {
    if count == 2 { "Both".to_owned() } else { format!("All {}", number(count)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_named_by_how_many_are_away() {
        assert_eq!([1, 2, 3].map(key), ["withoutOne", "withoutTwo", "withoutThree"]);
        assert_eq!((capital("two"), all(2), all(4)), ("Two".to_owned(), "Both".to_owned(), "All four".to_owned()));
        assert_eq!((number_or_digits(7), number_or_digits(8)), ("seven".to_owned(), "8".to_owned()));
    }
}
