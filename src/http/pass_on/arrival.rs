//! Waits until a statement that was passed on stands in this node's own copy, so that who posted it finds it here at once.
//!
//! The answer's receipt says where the statement is. Once this node has that block, which it has validated itself, the receipt is
//! held against it, and the one that goes back is made of this node's copy. If the block does not come in time, the answer goes
//! back as it came, and says that this node is behind.

use std::time::Duration;

use actix_web::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{PassedAnswer, false_answer};
use crate::app::receipt::receipt;
use crate::http::Node;
use crate::http::problem::Problem;
use crate::http::trust::anchor_after;
use sealane_core::evidence::{MemberChain, Receipt};

/// How long an answer waits for its block to come here. A followed node is asked every 200 ms meanwhile, so it comes far sooner
/// unless that node lags or this one does.
pub const ARRIVES_WITHIN: Duration = Duration::from_secs(5);

/// The member of an answer that says that the statement is recorded, and not here yet.
const NOT_HERE_YET: &str = "notHereYet";

/// Waits for the block of the statement that an answer has a receipt of. An answer without a receipt is of nothing on the ledger,
/// and goes back as it came.
pub async fn await_block(node: &Node, is_post: bool, answer: PassedAnswer) -> Result<PassedAnswer, Problem> {
    if !(200..300).contains(&answer.status) {
        return Ok(answer);
    }
    let Ok(Value::Object(mut body)) = serde_json::from_slice(&answer.body) else { return Ok(answer) };
    let Some(told) = body.get("receipt").cloned() else { return Ok(answer) };
    let told: Receipt = serde_json::from_value(told).map_err(|error| false_answer(&format!("its receipt: {error}")))?;
    let mut status = answer.status;
    if node.ledger.has_grown_to(told.tree_size, ARRIVES_WITHIN).await {
        let own = receipt(&node.ledger, told.leaf_index).await?.map(|found| found.receipt);
        let own = own.filter(|own| is_of_same_block(own, &told)).ok_or_else(|| {
            false_answer(&format!("by its receipt the statement is leaf {}, and another one is", told.leaf_index))
        })?;
        body.insert("receipt".to_owned(), json!(own));
    } else {
        body.insert(NOT_HERE_YET.to_owned(), not_here_yet(node, &told).await?);
        // Here there is nothing to be seen of it yet.
        if is_post {
            status = StatusCode::ACCEPTED.as_u16();
        }
    }
    Ok(PassedAnswer { status, body: body_of(body), ..answer })
}

/// Tells whether two receipts are of one leaf in one block. Either may have the signatures of other members.
fn is_of_same_block(own: &Receipt, told: &Receipt) -> bool {
    let facts = |one: &Receipt| (one.leaf_hash, one.tree_size, one.checkpoint.clone(), one.seal.clone());
    facts(own) == facts(told)
}

/// Says that the statement is recorded and this node behind, as far as the receipt can be checked without its block.
async fn not_here_yet(node: &Node, told: &Receipt) -> Result<Value, Problem> {
    let view = node.ledger.view();
    let (height, size) = (view.tip.seal.height, view.size());
    let chain = MemberChain::new(anchor_after(node, &view, height).await?);
    let Receipt { leaf_index: leaf, tree_size, .. } = told;
    let recorded = match told.verify(&chain, node.ledger.verifier()) {
        Ok(_) => format!("The statement is recorded as leaf {leaf}, and its receipt holds."),
        Err(error) => format!(
            "The followed node says that the statement is recorded as leaf {leaf}. Its receipt cannot be checked here before its \
             block has come: {error}."
        ),
    };
    let detail = format!(
        "{recorded} This node is an observer and is behind: it has {size} leaves of {tree_size} that the statement's block ends at, \
         so it does not show the statement yet. Ask it again later, or ask a member's node"
    );
    Ok(json!({"detail": detail, "height": height, "treeSize": size}))
}

fn body_of(body: Map<String, Value>) -> Vec<u8> {
    Value::Object(body).to_string().into_bytes()
}
