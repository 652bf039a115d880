//! Who would become a member, as clients see it: requests that wait here, and candidates of open proposals.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::council::CandidateStanding;
use crate::app::joining::WaitingJoin;
use sealane_core::agreement::SignedAddress;

/// Where a member's node is found, in its own signed words.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignedAddress)]
pub struct SignedAddressBody {
    kid: String,
    /// HOST:PORT for members' nodes.
    peer: String,
    /// For clients.
    url: String,
    /// Of several addresses the one with the highest number counts.
    number: u64,
    signature: String,
}

/// A request to join that waits at this node.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WaitingJoinRequest)]
pub struct JoinRequestBody {
    kid: String,
    name: String,
    #[schema(value_type = Object)]
    jwk: Value,
    note_key: String,
    proof: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<SignedAddressBody>,
    received: String,
}

/// Who would come in by an open proposal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Candidate)]
pub struct CandidateBody {
    kid: String,
    name: String,
    /// It is this node's own key.
    #[serde(rename = "self", skip_serializing_if = "std::ops::Not::not")]
    is_self: bool,
    /// Its node's status was heard within 3 s.
    reachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<SignedAddressBody>,
    /// Why it cannot be reached, as far as this node knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

impl From<&SignedAddress> for SignedAddressBody {
    fn from(signed: &SignedAddress) -> Self {
        let address = signed.address();
        Self {
            kid: address.kid().to_string(),
            peer: address.peer().to_owned(),
            url: address.url().to_owned(),
            number: address.number(),
            signature: signed.signature().to_string(),
        }
    }
}

impl From<&WaitingJoin> for JoinRequestBody {
    fn from(waiting: &WaitingJoin) -> Self {
        let (request, member) = (&waiting.request, waiting.request.member());
        Self {
            kid: member.kid().to_string(),
            name: member.name().to_owned(),
            jwk: member.key().jwk(),
            note_key: member.note_key().to_string(),
            proof: request.proof().to_string(),
            url: request.address().map(|address| address.address().url().to_owned()),
            address: request.address().map(SignedAddressBody::from),
            received: waiting.received.to_string(),
        }
    }
}

impl From<&CandidateStanding> for CandidateBody {
    fn from(candidate: &CandidateStanding) -> Self {
        Self {
            kid: candidate.kid.to_string(),
            name: candidate.name.clone(),
            is_self: candidate.is_self,
            reachable: candidate.reachable,
            height: candidate.tip.map(|tip| tip.get()),
            address: candidate.address.as_ref().map(SignedAddressBody::from),
            trouble: candidate.trouble.clone(),
        }
    }
}
