//! The evidence document: exact leaves and proofs, as JSON.

use serde::{Deserialize, Serialize};

use crate::domain::block::Commit;
use crate::domain::merkle::{InclusionProof, LeafIndex};

/// Evidence about one id, at one checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    pub version: u32,
    /// The canonical id.
    pub id: String,
    /// C2SP tlog-checkpoint text that every proof here stands on.
    pub checkpoint: String,
    pub commit: Commit,
    /// The seal at the checkpoint's last leaf.
    pub seal: ProvenSeal,
    /// True where a limit on what is followed for one id was reached: what came later in the ledger is not here.
    #[serde(default, skip_serializing_if = "is_false")]
    pub limit_reached: bool,
    /// The captures that name the id, in ledger order.
    pub statements: Vec<ProvenStatement>,
    /// The admin statements about their signers and about who holds the id's company prefix, in ledger order.
    pub registrations: Vec<ProvenStatement>,
    /// The seals of the blocks of all these statements, in ledger order.
    pub seals: Vec<ProvenSeal>,
}

/// A statement with the proof that it stands at its leaf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProvenStatement {
    pub leaf_index: LeafIndex,
    /// Compact JWS.
    pub statement: String,
    pub inclusion_proof: InclusionProof,
}

/// A seal with the proof that it stands at its leaf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProvenSeal {
    pub leaf_index: LeafIndex,
    /// The seal's JSON, byte for byte.
    pub seal: String,
    pub inclusion_proof: InclusionProof,
}

// serde calls it with a reference.
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Evidence {
    pub const VERSION: u32 = 1;
}
