//! `GET /ledger/statements/{sha256}`: the bytes of a statement too long for its leaf.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};

use crate::http::Node;
use crate::http::body::JOSE;
use crate::http::ledger::IMMUTABLE;
use crate::http::problem::Problem;
use sealane_core::hash::{Hash, HashError};

/// Gives a long statement by SHA-256 of its bytes, which its leaf holds.
#[utoipa::path(get, path = "/ledger/statements/{sha256}", tag = "ledger",
    params(("sha256" = String, Path, description = "SHA-256 of the compact JWS, base64url without padding")),
    responses(
        (status = 200, description = "The compact JWS", content_type = "application/jose", body = String),
        (status = 404, description = "No leaf stands for such a statement"),
    ))]
pub async fn get_statement(sha256: web::Path<String>, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let hash: Hash = sha256.parse().map_err(|error: HashError| Problem::not_found(error.to_string()))?;
    let statement = node.ledger.store().long_statement(hash).await?;
    let statement = statement.ok_or_else(|| Problem::not_found("no long statement has this hash"))?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, IMMUTABLE)).content_type(JOSE).body(statement))
}
