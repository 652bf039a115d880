//! A fault: proof that a member signed two things of one height and round.

use serde::{Deserialize, Serialize};

use crate::block::Height;
use crate::consortium::admin::{AdminError, field};
use crate::hash::Hash;
use crate::json;
use crate::statement::Signature;

/// Two votes, or two proposals of a block, of which an honest member signs one at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultProof {
    pub first: SignedVote,
    pub second: SignedVote,
}

/// What a member signed on the way to a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedVote {
    pub kid: Hash,
    pub kind: SignedKind,
    pub height: Height,
    pub round: u32,
    /// Of a proposal the earlier round whose quorum it rests on, if it rests on one.
    #[serde(default, deserialize_with = "json::given", skip_serializing_if = "Option::is_none")]
    pub pol_round: Option<u32>,
    /// SHA-256 of the checkpoint's text; `None`, written `null`, for a vote that no block be made in this round.
    #[serde(deserialize_with = "json::nullable")]
    pub value: Option<Hash>,
    /// ES256, r ‖ s, by the key `kid`.
    pub signature: Signature,
}

/// What was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignedKind {
    Prevote,
    /// The last vote: of a block, its commit's signature.
    Precommit,
    Proposal,
}

impl FaultProof {
    pub(super) fn check(&self) -> Result<(), AdminError> {
        self.first.check("first")?;
        self.second.check("second")?;
        let of = |one: &SignedVote| (one.kid, one.kind, one.height, one.round);
        if of(&self.first) != of(&self.second) {
            return field(
                "second",
                "it must be of the same kid, kind, height and round as first: other two do not clash",
            );
        }
        if (self.first.value, self.first.pol_round) == (self.second.value, self.second.pol_round) {
            return field("second", "it says the same as first; saying a thing twice is no fault");
        }
        Ok(())
    }
}

impl SignedVote {
    fn check(&self, side: &'static str) -> Result<(), AdminError> {
        if self.height == Height::GENESIS {
            return field(side, "no block of height 0 is voted on");
        }
        match (self.kind, self.pol_round, self.value) {
            (SignedKind::Proposal, _, None) => field(side, "a proposal has a value"),
            (SignedKind::Proposal, Some(pol_round), _) if pol_round >= self.round => {
                field(side, "polRound is a round before that of the proposal")
            }
            (SignedKind::Prevote | SignedKind::Precommit, Some(_), _) => field(side, "only a proposal has a polRound"),
            _ => Ok(()),
        }
    }
}
