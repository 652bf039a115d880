//! `members vote`, `members withdraw`, `endorse`: a member's word on what another one has put on the ledger.

use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::arguments::Global;
use crate::cli::decisions::Desk;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::{Output, ask, excerpt, printable};
use crate::cli::proposals::{ShownProposal, find_proposal};
use sealane_core::consortium::{Admin, Ballot, Endorsement, ParticipantId, ProposalWithdrawal};
use sealane_core::statement::PublicKey;

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
    let unreached = if yes { unreached(&desk, &proposal)? } else { Vec::new() };
    if options.yes {
        unreached.iter().for_each(|line| output.warn(line));
    } else {
        eprintln!("{}", printable(&proposal.text()));
        unreached.iter().for_each(|line| eprintln!("{}", printable(line)));
        let word = if yes { "yes" } else { "no" };
        let though = if unreached.is_empty() { "" } else { ", though this node does not reach all who would come in" };
        ask(
            &format!("Vote {word} on this{though}? The first ballot of a member counts. [y/N] "),
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

/// Who would be admitted by a proposal, and whom this member's node does not reach: without them the members could stand still.
fn unreached(desk: &Desk, proposal: &ShownProposal) -> Result<Vec<String>, Failure> {
    let told = desk.client().get_json("/members")?;
    let changes = proposal.json().get("changes").and_then(Value::as_array).cloned().unwrap_or_default();
    let admitted = changes.iter().filter(|change| change.get("type").and_then(Value::as_str) == Some("admit"));
    Ok(admitted.filter_map(|change| unreached_of(change, &told)).collect())
}

/// What is to be said of one who would be admitted, by what the node tells of the candidates; `None` if the node reaches it.
fn unreached_of(admission: &Value, told: &Value) -> Option<String> {
    let jwk = admission.get("jwk").cloned().unwrap_or_default();
    let kid = PublicKey::deserialize(jwk).ok()?.thumbprint().to_string();
    let candidates = told.get("candidates").and_then(Value::as_array);
    let candidate = candidates.into_iter().flatten().find(|one| one.get("kid").and_then(Value::as_str) == Some(&kid));
    if candidate.and_then(|one| one.get("reachable")).and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let name = excerpt(admission.get("name").and_then(Value::as_str).unwrap_or_default());
    let trouble = candidate.and_then(|one| one.get("trouble")).and_then(Value::as_str);
    let trouble = trouble.map(|trouble| format!(": {}", excerpt(trouble))).unwrap_or_default();
    Some(format!("This node does not reach {name} ({kid}){trouble}. It holds back the change until it is ready"))
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
    let answer = desk.say(&Admin::Endorsement(Endorsement { registration: *id }))?;
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
        ("GS1 keys", list("gs1Keys")),
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
    fn who_is_not_reached_is_named() {
        // RFC 7515, appendix A.3.
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        });
        let kid = PublicKey::deserialize(jwk.clone()).unwrap().thumbprint().to_string();
        let admission = json!({"type": "admit", "name": "Eve", "jwk": jwk});
        let told = |reachable: bool, trouble: &str| json!({"candidates": [{"kid": kid, "name": "Eve", "reachable": reachable, "trouble": trouble}]});
        assert_eq!(unreached_of(&admission, &told(true, "")), None);
        let says = unreached_of(&admission, &told(false, "connection refused")).unwrap();
        assert!(says.starts_with(&format!("This node does not reach Eve ({kid}): connection refused.")), "{says}");
        let says = unreached_of(&admission, &json!({"candidates": []})).unwrap();
        assert!(says.starts_with(&format!("This node does not reach Eve ({kid}). ")), "{says}");
    }

    #[test]
    fn what_a_registration_waits_for_is_told() {
        let id: ParticipantId = "0199aaaa-0000-4000-8000-000000000001".parse().unwrap();
        assert_eq!(missing_text(&id, None), "It may sign from the next statement on.");
        let one = missing_text(&id, Some(1));
        assert!(one.contains("one other member has to endorse it (sealane endorse 0199aaaa-"), "{one}");
        assert!(missing_text(&id, Some(2)).contains("2 other members have to endorse it"));
    }
}
