//! The evidence document: exact leaves and proofs, as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::block::Commit;
use crate::evidence::{EvidenceError, Handover};
use crate::index::{SignerList, SubjectEntry};
use crate::json;
use crate::limits::{EVIDENCE_BYTES_MAX, EVIDENCE_VALUES_MAX};
use crate::merkle::{LeafIndex, MultiProof};
use crate::statement::PublicKey;

/// Evidence about one id, at one checkpoint: all that is recorded of it, or that nothing is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    pub version: u32,
    /// The canonical id.
    pub id: String,
    /// What the code that was asked about says beside the id, by AI.
    pub label: BTreeMap<String, String>,
    /// C2SP tlog-checkpoint text that every proof here stands on.
    pub checkpoint: String,
    pub commit: Commit,
    /// The seal at the checkpoint's last leaf.
    pub seal: PlacedSeal,
    /// Who signed the leaves shown in `index`.
    pub signers: SignerList,
    /// What the index under that seal says of each subject that `follows` names, in their order.
    pub index: Vec<SubjectEntry>,
    /// The captures among the leaves shown in `index`, in ledger order.
    pub statements: Vec<PlacedText>,
    /// The admin statements among them, in ledger order.
    pub registrations: Vec<PlacedText>,
    /// The seals of the blocks of all these statements, in ledger order.
    pub seals: Vec<PlacedSeal>,
    /// The changes of members up to this block, from some block on: those that an anchor of that block or a later one needs.
    pub handovers: Vec<Handover>,
    /// The keys of members that signed some of `registrations` and that neither the genesis statement nor `handovers` shows, by
    /// their thumbprints.
    pub former_members: Vec<PublicKey>,
    /// Shows that all leaves above stand in the tree of the checkpoint.
    pub inclusion_proof: MultiProof,
}

/// A statement and its leaf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlacedText {
    pub leaf_index: LeafIndex,
    /// Compact JWS.
    pub statement: String,
}

/// A seal and its leaf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlacedSeal {
    pub leaf_index: LeafIndex,
    /// The seal's JSON, byte for byte.
    pub seal: String,
}

impl Evidence {
    pub const VERSION: u32 = 3;

    /// Reads the JSON of evidence. Its version is looked at first, since another one may have other members.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        if bytes.len() > EVIDENCE_BYTES_MAX {
            return Err(EvidenceError::TooLong { found: bytes.len() });
        }
        let value = json::parse_within(bytes, EVIDENCE_VALUES_MAX)?;
        if let Some(found) = value.get("version").and_then(Value::as_u64)
            && found != u64::from(Self::VERSION)
        {
            return Err(EvidenceError::Version { found });
        }
        serde_json::from_value(value).map_err(|error| EvidenceError::Shape { detail: error.to_string() })
    }
}
