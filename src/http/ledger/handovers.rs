//! `GET /ledger/handovers`: the changes of members, by which an older trust anchor follows.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::handovers::handovers;
use crate::http::Node;
use crate::http::ledger::NO_CACHE;
use crate::http::parameters::{Parameters, bad};
use crate::http::problem::Problem;
use sealane_core::block::Height;

/// Gives the changes of members in blocks above `from`, in their order: each with the block's checkpoint, commit and seal, and the
/// members after it.
#[utoipa::path(get, path = "/ledger/handovers", tag = "ledger",
    params(("from" = Option<u64>, Query, description = "Height of a block: only later changes are given. Genesis when left out")),
    responses((status = 200, description = "A list of the handovers of docs/FORMATS.md", body = Vec<Object>)))]
pub async fn get_handovers(node: web::Data<Node>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let from = Parameters::of(&request, &["from"])?.number("from")?.unwrap_or(0);
    let from = Height::new(from).map_err(|error| bad("from", &error.to_string()))?;
    let view = node.ledger.view();
    let handovers = handovers(&node.ledger, &view.registry, from, view.tip.seal.height).await?;
    let handovers: Vec<_> = handovers.iter().map(AsRef::as_ref).collect();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, NO_CACHE)).json(handovers))
}
