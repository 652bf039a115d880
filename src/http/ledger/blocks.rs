//! `GET /ledger/blocks/{height}`: a block's seal, checkpoint and commit.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::Node;
use crate::http::accept::{saved_as, wants_page};
use crate::http::ledger::{IMMUTABLE, NO_CACHE};
use crate::http::pages::record::block_page;
use crate::http::pages::{self, Visitor};
use crate::http::parameters::number;
use crate::http::problem::Problem;
use crate::ports::StoredBlock;
use sealane_core::block::{Commit, Height};

/// A block as members agreed on it.
#[derive(Serialize, ToSchema)]
#[schema(as = Block)]
pub struct BlockBody {
    height: u64,
    /// The seal's JSON, byte for byte: the content of leaf `to - 1`.
    seal: String,
    /// C2SP tlog-checkpoint text.
    checkpoint: String,
    /// The checkpoint as this node's signed note.
    note: String,
    /// `{height, round, signatures: [{alg, kid, signature}]}`.
    #[schema(value_type = Object)]
    commit: Commit,
    /// Its first leaf.
    from: u64,
    /// One past its last leaf, which is the tree's size.
    to: u64,
}

impl From<StoredBlock> for BlockBody {
    fn from(block: StoredBlock) -> Self {
        let leaves = block.leaves();
        Self {
            height: block.seal.height.get(),
            seal: block.seal.to_json(),
            checkpoint: block.checkpoint.to_text(),
            note: block.note,
            commit: block.commit,
            from: leaves.start,
            to: leaves.end,
        }
    }
}

/// Gives one block, or the latest.
#[utoipa::path(get, path = "/ledger/blocks/{height}", tag = "ledger",
    params(
        ("height" = String, Path, description = "From 0, or `latest`"),
        ("download" = Option<String>, Query, description = "Set: the JSON as a file, whatever `Accept` says"),
    ),
    responses(
        (status = 200, description = "The block; by `Accept` a page for people",
            content((BlockBody = "application/json"), (String = "text/html"))),
        (status = 404, description = "There is no such block yet"),
    ))]
pub async fn get_block(
    request: HttpRequest,
    height: web::Path<String>,
    node: web::Data<Node>,
) -> Result<HttpResponse, Problem> {
    let tip = node.ledger.view().tip.clone();
    if height.as_str() == "latest" {
        return Ok(answer(&request, &node, tip, NO_CACHE));
    }
    let wanted = number(&height).and_then(|height| Height::new(height).ok());
    let wanted = wanted
        .filter(|height| *height <= tip.seal.height)
        .ok_or_else(|| Problem::not_found(format!("blocks are numbered 0 to {}, or `latest`", tip.seal.height)))?;
    let block = node.ledger.store().block(wanted).await?;
    let block = block.ok_or_else(|| Problem::internal(format!("block {wanted} is missing")))?;
    Ok(answer(&request, &node, block, IMMUTABLE))
}

fn answer(request: &HttpRequest, node: &Node, block: StoredBlock, cache: &'static str) -> HttpResponse {
    if wants_page(request) {
        let (visitor, view) = (Visitor::of(request), node.ledger.view());
        let page = block_page(&visitor, &block, &view.registry, view.tip.seal.height.get());
        return pages::answer(StatusCode::OK, &visitor, page);
    }
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, cache)).insert_header((VARY, "accept"));
    if let Some(saved) = saved_as(request, &format!("block-{}.json", block.seal.height)) {
        answer.insert_header(saved);
    }
    answer.json(BlockBody::from(block))
}
