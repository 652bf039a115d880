//! A proposal as clients see it.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::proposals::{Bearing, NamedKey, OpenProposal, ProposalSeen};
use sealane_core::consortium::ProposalEnd;

/// A proposal of the members, with all that was said to it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Proposal)]
pub struct ProposalBody {
    /// The statement id: SHA-256 of the proposal's signing input.
    id: String,
    proposer: KeyBody,
    /// The time of its block.
    proposed_at: String,
    leaf_index: u64,
    expires: String,
    /// As the statement has them.
    #[schema(value_type = Vec<Object>)]
    changes: Value,
    /// `open`, `enacted`, `withdrawn`, `lost`, `void` or `expired`.
    state: &'static str,
    /// How it came to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    /// The block that enacted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u64>,
    /// Whoever has voted; the proposer's yes is among them.
    ballots: Vec<BallotBody>,
    /// Of an open proposal, how many members in force have said yes and may vote on it; else all that were cast.
    yes: usize,
    no: usize,
    /// How many members in force have to say yes. Of an open proposal only.
    #[serde(skip_serializing_if = "Option::is_none")]
    needed: Option<usize>,
    /// Members that may still vote. Of an open proposal only.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<Vec<KeyBody>>,
    /// Keys that have said that they are ready, and when they did last.
    ready: Vec<ReadyBody>,
    /// New keys of which a readiness is missing, or older than 30 minutes. Of an open proposal only.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_ready: Option<Vec<KeyBody>>,
    /// For a change of the rules: of how many members a readiness is missing. Of an open proposal only.
    #[serde(skip_serializing_if = "Option::is_none")]
    members_not_ready: Option<usize>,
    /// What the members can bear if it is enacted. Of an open proposal that changes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<BearingBody>,
}

/// A key, and the member whose it is, was or would be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NamedKey)]
pub struct KeyBody {
    kid: String,
    name: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CastBallot)]
pub struct BallotBody {
    #[serde(flatten)]
    key: KeyBody,
    yes: bool,
    /// The time of its block.
    at: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Readiness)]
pub struct ReadyBody {
    #[serde(flatten)]
    key: KeyBody,
    at: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Bearing)]
pub struct BearingBody {
    members: usize,
    /// How many of them agree on a block.
    quorum: usize,
    may_be_away: usize,
    text: String,
}

impl From<&NamedKey> for KeyBody {
    fn from(key: &NamedKey) -> Self {
        Self { kid: key.kid.to_string(), name: key.name.clone() }
    }
}

impl From<Bearing> for BearingBody {
    fn from(bearing: Bearing) -> Self {
        Self {
            members: bearing.members,
            quorum: bearing.quorum,
            may_be_away: bearing.may_be_away(),
            text: bearing.to_string(),
        }
    }
}

impl From<&ProposalSeen> for ProposalBody {
    fn from(seen: &ProposalSeen) -> Self {
        let proposal = &seen.proposal;
        let keys = |of: fn(&OpenProposal) -> &Vec<NamedKey>| {
            seen.open.as_ref().map(|open| of(open).iter().map(KeyBody::from).collect())
        };
        let ended_at = match &seen.end {
            Some(ProposalEnd::Expired { at }) => Some(*at),
            _ => proposal.ended_at().map(|place| place.time),
        };
        Self {
            id: proposal.id.to_string(),
            proposer: (&seen.proposer).into(),
            proposed_at: proposal.place.time.to_string(),
            leaf_index: proposal.place.leaf.get(),
            expires: proposal.content.expires.to_string(),
            changes: serde_json::to_value(&proposal.content.changes).unwrap_or_default(),
            state: seen.state.as_str(),
            why: seen.end.as_ref().map(|end| format!("it {end}")),
            ended_at: ended_at.map(|at| at.to_string()),
            height: match &seen.end {
                Some(ProposalEnd::Enacted { height }) => Some(height.get()),
                _ => None,
            },
            ballots: seen
                .ballots
                .iter()
                .map(|(key, yes, at)| BallotBody { key: key.into(), yes: *yes, at: at.to_string() })
                .collect(),
            yes: seen.yes(),
            no: seen.no(),
            needed: seen.open.as_ref().map(|open| open.tally.quorum),
            waiting: keys(|open| &open.waiting),
            ready: seen.ready.iter().map(|(key, at)| ReadyBody { key: key.into(), at: at.to_string() }).collect(),
            not_ready: keys(|open| &open.not_ready),
            members_not_ready: seen.open.as_ref().map(|open| open.tally.members_not_ready).filter(|count| *count > 0),
            result: seen.open.as_ref().and_then(|open| open.bearing).map(BearingBody::from),
        }
    }
}
