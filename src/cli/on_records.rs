//! `dismiss`, `lift`, `grant-authority`, `succeed`: what the members decide about what participants have recorded.

use std::str::FromStr;

use clap::Args;

use crate::cli::arguments::Global;
use crate::cli::client::Client;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::Output;
use crate::cli::proposals::leaves_text;
use crate::cli::propose::{PutToVote, propose_one};
use crate::cli::recorded_there::RecordedThere;
use sealane_core::consortium::{
    DismissClaims, GrantAuthority, LeafRange, LiftRecall, ParticipantId, ProposedChange, Succession,
};
use sealane_core::gs1::{Id, Question};
use sealane_core::merkle::LeafIndex;

#[derive(Debug, Args)]
pub struct DismissOptions {
    /// Whose claims count no more
    pub participant: ParticipantId,
    #[arg(long)]
    pub reason: String,
    /// The leaves with the claims, both included, such as 120-134, or one leaf
    #[arg(long, value_name = "FROM-TO", num_args = 1.., required = true)]
    pub claims: Vec<LeafSpan>,
    #[command(flatten)]
    pub vote: PutToVote,
}

#[derive(Debug, Args)]
pub struct LiftOptions {
    /// The leaf of the recall
    pub leaf: u64,
    #[arg(long)]
    pub reason: String,
    /// For which ids it is lifted: Digital Links, EPC URNs or element strings
    #[arg(long, value_name = "ID", num_args = 1.., required = true)]
    pub id: Vec<String>,
    #[command(flatten)]
    pub vote: PutToVote,
}

#[derive(Debug, Args)]
pub struct GrantAuthorityOptions {
    /// A participant that is registered with the role authority
    pub participant: ParticipantId,
    #[command(flatten)]
    pub vote: PutToVote,
}

#[derive(Debug, Args)]
pub struct SucceedOptions {
    /// The registration that came before
    pub former: ParticipantId,
    /// The one that goes on for it
    pub participant: ParticipantId,
    #[command(flatten)]
    pub vote: PutToVote,
}

/// A range of leaves as it is typed: `FROM-TO`, or one leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafSpan(LeafRange);

impl FromStr for LeafSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no range of leaves: give FROM-TO, such as 120-134, or one leaf");
        let leaf = |text: &str| text.parse().ok().and_then(|leaf| LeafIndex::new(leaf).ok()).ok_or_else(wrong);
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let (from, to) = (leaf(from)?, leaf(to)?);
        if to < from { Err(wrong()) } else { Ok(Self(LeafRange { from, to })) }
    }
}

pub fn dismiss(global: &Global, options: &DismissOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let (participant, reason) = (options.participant, options.reason.clone());
    let change = DismissClaims { participant, claims: joined(&options.claims), reason };
    tell_what_is_there(&Client::new(global)?, &change, &options.claims, output);
    propose_one(global, ProposedChange::Dismiss(change), &options.vote, output)
}

pub fn lift(global: &Global, options: &LiftOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let recall = LeafIndex::new(options.leaf).map_err(Failure::wrong_use)?;
    let id = |text: &String| {
        Question::read_typed(text)
            .map(|asked| asked.id)
            .map_err(|error| Failure::wrong_use(format!("--id {text}: {error}")))
    };
    let mut ids = options.id.iter().map(id).collect::<Result<Vec<Id>, Failure>>()?;
    ids.sort();
    ids.dedup();
    let change = LiftRecall { recall, ids, reason: options.reason.clone() };
    propose_one(global, ProposedChange::Lift(change), &options.vote, output)
}

pub fn grant_authority(
    global: &Global,
    options: &GrantAuthorityOptions,
    output: &Output,
) -> Result<CommandOutcome, Failure> {
    let change = GrantAuthority { registration: options.participant };
    propose_one(global, ProposedChange::Authority(change), &options.vote, output)
}

pub fn succeed(global: &Global, options: &SucceedOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let change = Succession { former: options.former, participant: options.participant };
    propose_one(global, ProposedChange::Succeeds(change), &options.vote, output)
}

/// Says what the participant recorded in the leaves, and warns where nothing is to dismiss. The node refuses a joined range without
/// a leaf of the participant's; one that touches another range passes with it.
fn tell_what_is_there(client: &Client, change: &DismissClaims, typed: &[LeafSpan], output: &Output) {
    let DismissClaims { participant, claims, .. } = change;
    let there = match RecordedThere::ask(client, participant, claims) {
        Ok(there) => there,
        // The members decide, not this look: it stops nothing.
        Err(failure) => {
            return output.warn(format!("what participant {participant} recorded there is not known: {failure}"));
        }
    };
    let told = there.to_text(participant);
    if there.has_no_claim() {
        output.warn(told)
    } else {
        output.say(told)
    }
    for LeafSpan(range) in typed.iter().filter(|LeafSpan(range)| !there.has_some_in(range)) {
        let leaves = leaves_text([(range.from.get(), range.to.get())]);
        output.warn(format!("in {leaves} participant {participant} recorded nothing"));
    }
}

/// The ranges in ascending order; those that touch are one.
fn joined(claims: &[LeafSpan]) -> Vec<LeafRange> {
    let mut ranges: Vec<LeafRange> = claims.iter().map(|LeafSpan(range)| *range).collect();
    ranges.sort_by_key(|range| range.from);
    let mut joined: Vec<LeafRange> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.from.get() <= last.to.get() + 1 => last.to = last.to.max(range.to),
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_joined() {
        let claims: Vec<LeafSpan> =
            ["9-12", "3", "4-5", "10-11", "20-20"].iter().map(|text| text.parse().unwrap()).collect();
        let joined: Vec<(u64, u64)> = joined(&claims).iter().map(|range| (range.from.get(), range.to.get())).collect();
        assert_eq!(joined, [(3, 5), (9, 12), (20, 20)]);
        for wrong in ["", "x", "5-4", "1-", "-1", "1-2-3", "9007199254740992"] {
            assert!(wrong.parse::<LeafSpan>().unwrap_err().contains("is no range of leaves"), "{wrong}");
        }
    }
}
