//! `GET /trust`: the trust anchor, from which everything that this ledger says can be checked.

use actix_web::{HttpResponse, web};

use crate::http::Node;
use crate::http::problem::Problem;
use sealane_core::block::Leaf;
use sealane_core::evidence::Anchor;
use sealane_core::merkle::TreeSize;

/// Gives the trust anchor: origin, members and the genesis statement. Compare its fingerprint by another way.
#[utoipa::path(get, path = "/trust", tag = "products",
    responses((status = 200, description = "`{version, origin, fingerprint, members[], genesis}`", body = Object)))]
pub async fn get_trust(node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let first = node.ledger.store().leaf(TreeSize::ZERO.next_index()).await?;
    let first = first.ok_or_else(|| Problem::internal("leaf 0 is missing"))?;
    let genesis = match Leaf::decode(&first.bytes).map_err(Problem::internal)? {
        Leaf::Statement(text) => text.into_bytes(),
        Leaf::LongStatement { hash, .. } => {
            let found = node.ledger.store().long_statement(hash).await?;
            found.ok_or_else(|| Problem::internal("the genesis statement's bytes are missing"))?
        }
        Leaf::Seal(_) => return Err(Problem::internal("leaf 0 is a seal")),
    };
    let anchor = Anchor::of_genesis(&genesis, node.ledger.verifier()).map_err(Problem::internal)?;
    Ok(HttpResponse::Ok().json(anchor.to_json()))
}
