//! `members vote`, `members withdraw`, `endorse`: a member's word on what another one has put on the ledger.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::cli::arguments::Global;
use crate::cli::decisions::Desk;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::{Output, ask, excerpt, printable};
use crate::cli::proposals::{ShownProposal, find_proposal};
use sealane_core::consortium::{Admin, Ballot, Endorsement, ParticipantId, ProposalWithdrawal};

#[derive(Debug, Args)]
pub struct VoteOptions {
    /// The proposal's id, or the beginning of it
    #[arg(allow_hyphen_values = true)]
    pub id: String,
    /// yes or no. The first ballot of a member counts
    pub ballot: BallotWord,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BallotWord {
    Yes,
    No,
}

#[derive(Debug, Args)]
pub struct WithdrawOptions {
    /// The proposal's id, or the beginning of it
    #[arg(allow_hyphen_values = true)]
    pub id: String,
}

#[derive(Debug, Args)]
pub struct EndorseOptions {
    pub participant: ParticipantId,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

pub fn vote(global: &Global, options: &VoteOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let desk = Desk::open(global)?;
    let proposal = find_proposal(desk.client(), &options.id)?;
    let yes = options.ballot == BallotWord::Yes;
    if !options.yes {
        eprintln!("{}", printable(&proposal.text()));
        let word = if yes { "yes" } else { "no" };
        ask(
            &format!("Vote {word} on this? The first ballot of a member counts. [y/N] "),
            "give --yes to vote without being asked",
            "not voted",
        )?;
    }
    let answer = desk.say(&Admin::Ballot(Ballot { proposal: proposal.id()?, yes }))?;
    let after = ShownProposal::of_answer(&answer)?;
    let word = if yes { "yes" } else { "no" };
    output.result(&after.json(), format!("Voted {word}. {}", after.standing()));
    Ok(CommandOutcome::Done)
}

pub fn withdraw(global: &Global, options: &WithdrawOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let desk = Desk::open(global)?;
    let proposal = find_proposal(desk.client(), &options.id)?.id()?;
    let answer = desk.say(&Admin::Withdrawal(ProposalWithdrawal { proposal }))?;
    let after = ShownProposal::of_answer(&answer)?;
    output.result(&after.json(), format!("Withdrew the proposal {proposal}: nobody votes on it any more."));
    Ok(CommandOutcome::Done)
}

pub fn endorse(global: &Global, options: &EndorseOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let desk = Desk::open(global)?;
    let id = &options.participant;
    let asked = desk.client().get_json(&format!("/participants/{id}"))?;
    if !options.yes {
        show_participant(&asked);
        ask(
            "Endorse this registration? Compare the fingerprint with the organisation's own first. [y/N] ",
            "give --yes to endorse without being asked",
            "not endorsed",
        )?;
    }
    let answer = desk.say(&Admin::Endorsement(Endorsement { registration: id.clone() }))?;
    let participant = answer.get("participant").cloned().unwrap_or_default();
    let status = participant.get("status").and_then(Value::as_str).unwrap_or_default();
    let missing = participant.get("endorsementsMissing").and_then(Value::as_u64);
    let mut result = json!({"id": id, "status": status});
    if let Some(missing) = missing {
        result["endorsementsMissing"] = missing.into();
    }
    let text = format!("Endorsed participant {id}. {}", missing_text(id, missing));
    output.result(&result, text.trim_end());
    Ok(CommandOutcome::Done)
}

/// What a registration waits for, after a member has said its word.
pub fn missing_text(id: &ParticipantId, missing: Option<u64>) -> String {
    match missing {
        None | Some(0) => "It may sign from the next statement on.".to_owned(),
        Some(1) => format!("It may sign nothing yet: one other member has to endorse it (sealane endorse {id})."),
        Some(more) => {
            format!("It may sign nothing yet: {more} other members have to endorse it (sealane endorse {id}).")
        }
    }
}

fn show_participant(asked: &Value) {
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |name: &str| {
        let items = asked.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    };
    for (name, value) in [
        ("organization", text("organization")),
        ("status", text("status")),
        ("roles", list("roles")),
        ("GLNs", list("glns")),
        ("company prefixes", list("gs1CompanyPrefixes")),
        ("namespaces", list("namespaces")),
        ("registered by", text("registeredBy")),
        ("key fingerprint", text("keyFingerprint")),
    ] {
        eprintln!("{name:>20}  {}", printable(&excerpt(&value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_registration_waits_for_is_told() {
        let id: ParticipantId = "0199aaaa-0000-4000-8000-000000000001".parse().unwrap();
        assert_eq!(missing_text(&id, None), "It may sign from the next statement on.");
        let one = missing_text(&id, Some(1));
        assert!(one.contains("one other member has to endorse it (sealane endorse 0199aaaa-"), "{one}");
        assert!(missing_text(&id, Some(2)).contains("2 other members have to endorse it"));
    }
}
