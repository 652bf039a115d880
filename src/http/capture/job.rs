//! The EPCIS capture job document (EPCIS 2.0 §8.2.7, `CaptureJob`), with the receipt.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::receipt::{Final, receipt};
use crate::app::repeats::RepeatedEvent;
use crate::http::Node;
use crate::http::problem::Problem;
use sealane_core::block::Commit;
use sealane_core::evidence::Receipt;
use sealane_core::merkle::LeafIndex;
use sealane_core::statement::StatementId;

/// How far a capture has come.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaptureJob {
    /// The statement's id: SHA-256 of its JWS signing input.
    #[serde(rename = "captureID")]
    capture_id: String,
    /// Both times are those of the block that accepted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    running: bool,
    success: bool,
    /// Always `rollback`: a statement is captured as a whole or not at all.
    capture_error_behaviour: &'static str,
    errors: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ReceiptDescription>)]
    receipt: Option<Receipt>,
    /// Events of the document that its signer had recorded before: they count once, and are shown where they stood first.
    #[serde(rename = "sealane:repeated", skip_serializing_if = "Vec::is_empty")]
    repeated: Vec<RepeatedBody>,
}

/// An event that was recorded before.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RepeatedEvent)]
pub struct RepeatedBody {
    /// Within the document, from 0.
    position: u32,
    #[serde(rename = "eventID")]
    event_id: String,
    /// The leaf in which it stood first.
    #[schema(value_type = u64)]
    first_leaf_index: LeafIndex,
}

impl CaptureJob {
    /// Names the events that were recorded before.
    pub fn with_repeats(self, repeats: Vec<RepeatedEvent>) -> Self {
        let body = |one: RepeatedEvent| RepeatedBody {
            position: one.position,
            event_id: one.event_id,
            first_leaf_index: one.first,
        };
        Self { repeated: repeats.into_iter().map(body).collect(), ..self }
    }

    pub fn running(id: StatementId) -> Self {
        Self::new(id, true, Vec::new())
    }

    /// A capture that came to a problem, given as JSON.
    pub fn refused(id: StatementId, problem: Value) -> Self {
        Self { success: false, ..Self::new(id, false, vec![problem]) }
    }

    /// A capture that is final.
    pub fn finished(id: StatementId, Final { receipt, time }: Final) -> Self {
        let time = Some(time.to_string());
        let job = Self::new(id, false, Vec::new());
        Self { created_at: time.clone(), finished_at: time, receipt: Some(receipt), ..job }
    }

    /// A capture that stands at a leaf.
    pub async fn at_leaf(node: &Node, id: StatementId, leaf: LeafIndex) -> Result<Self, Problem> {
        let found = receipt(&node.ledger, leaf).await?;
        let found = found.ok_or_else(|| Problem::internal(format!("leaf {leaf} is missing")))?;
        Ok(Self::finished(id, found))
    }

    fn new(id: StatementId, running: bool, errors: Vec<Value>) -> Self {
        Self {
            capture_id: id.to_string(),
            created_at: None,
            finished_at: None,
            running,
            success: true,
            capture_error_behaviour: "rollback",
            errors,
            receipt: None,
            repeated: Vec::new(),
        }
    }
}

/// Where a capture's job is.
pub fn location(id: StatementId) -> String {
    format!("/epcis/capture/{id}")
}

/// A receipt, as the interface's description shows it. The core has no such descriptions.
#[derive(ToSchema)]
#[schema(as = Receipt)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "its fields are read by the derive alone")]
pub struct ReceiptDescription {
    leaf_index: u64,
    tree_size: u64,
    /// RFC 9162 §2.1.1 hash of the leaf.
    leaf_hash: String,
    /// From the leaf to the root (RFC 9162 §2.1.3).
    inclusion_proof: Vec<String>,
    /// C2SP tlog-checkpoint text of the block.
    checkpoint: String,
    #[schema(value_type = Object)]
    commit: Commit,
    /// The block's seal, which is leaf `treeSize - 1`.
    seal: String,
    /// From the seal's leaf to the root.
    seal_inclusion_proof: Vec<String>,
}
