//! `GET /evidence`: everything needed to judge one product again, with no word of this node's.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::evidence::gather;
use crate::http::Node;
use crate::http::parameters::{Parameters, bad};
use crate::http::problem::Problem;
use crate::ports::StoredBlock;
use sealane_core::gs1::Id;
use sealane_core::merkle::TreeSize;

/// Gathers the evidence about a product, at the latest checkpoint or an earlier one.
#[utoipa::path(get, path = "/evidence", tag = "products",
    params(
        ("id" = String, Query, min_length = 1, max_length = 1024, description = "As for /verify"),
        ("size" = Option<u64>, Query, description = "Tree size of a checkpoint; the latest when left out"),
    ),
    responses(
        (status = 200, description = "The evidence document of docs/FORMATS.md", body = Object),
        (status = 404, description = "No checkpoint has this size"),
    ))]
pub async fn get_evidence(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::of(&request, &["id", "size"])?;
    let id = Id::parse(parameters.required("id")?)?;
    let block = match parameters.number("size")? {
        Some(size) => Some(block_of(&node, size).await?),
        None => None,
    };
    let evidence = gather(&node.ledger, &id, block).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).json(evidence))
}

/// The block whose checkpoint has `size` leaves.
async fn block_of(node: &Node, size: u64) -> Result<StoredBlock, Problem> {
    let tip = node.ledger.view().tip.clone();
    let wanted = TreeSize::new(size).map_err(|error| bad("size", &error.to_string()))?;
    let no_checkpoint = |near: TreeSize| {
        Problem::not_found(format!("no checkpoint has {size} leaves; one with {near} does")).with("nearest", near.get())
    };
    let Some(last) = wanted.last_index().filter(|last| tip.size().contains(*last)) else {
        return Err(no_checkpoint(tip.size()));
    };
    match node.ledger.store().blocks_of(vec![last]).await?.pop() {
        Some(block) if block.size() == wanted => Ok(block),
        Some(block) => Err(no_checkpoint(block.size())),
        None => Err(Problem::internal(format!("leaf {last} is in no block"))),
    }
}
