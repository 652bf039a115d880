//! `GET /ledger/leaves/{index}`: one leaf's bytes.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};

use crate::http::Node;
use crate::http::ledger::IMMUTABLE;
use crate::http::parameters::number;
use crate::http::problem::Problem;
use sealane_core::merkle::LeafIndex;

/// Gives the data of one leaf: a byte of kind, then its content.
#[utoipa::path(get, path = "/ledger/leaves/{index}", tag = "ledger",
    params(("index" = u64, Path, description = "From 0")),
    responses(
        (status = 200, description = "The leaf's data", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 404, description = "There is no such leaf yet"),
    ))]
pub async fn get_leaf(index: web::Path<String>, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let size = node.ledger.view().size();
    let wanted = number(&index).and_then(|index| LeafIndex::new(index).ok());
    let wanted = wanted
        .filter(|index| size.contains(*index))
        .ok_or_else(|| Problem::not_found(format!("leaves are numbered from 0, and there are {size}")))?;
    let leaf = node.ledger.store().leaf(wanted).await?;
    let leaf = leaf.ok_or_else(|| Problem::internal(format!("leaf {wanted} is missing")))?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, IMMUTABLE))
        .content_type("application/octet-stream")
        .body(leaf.bytes))
}
