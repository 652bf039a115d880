//! `GET /ledger/proofs/inclusion` and `/ledger/proofs/consistency` (RFC 9162 §2.1.3, §2.1.4).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::receipt::inclusion;
use crate::http::Node;
use crate::http::parameters::{Parameters, bad};
use crate::http::problem::Problem;
use sealane_core::hash::Hash;
use sealane_core::merkle::{self, ConsistencyProof, InclusionProof, LeafIndex, RangeError, TreeSize};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InclusionProof)]
pub struct InclusionBody {
    leaf_index: u64,
    tree_size: u64,
    #[schema(value_type = String)]
    leaf_hash: Hash,
    /// Sibling hashes from the leaf up.
    #[schema(value_type = Vec<String>)]
    proof: InclusionProof,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ConsistencyProof)]
pub struct ConsistencyBody {
    from: u64,
    to: u64,
    #[schema(value_type = Vec<String>)]
    proof: ConsistencyProof,
}

/// Proves that a leaf is in the tree of a size.
#[utoipa::path(get, path = "/ledger/proofs/inclusion", tag = "ledger",
    params(
        ("leaf" = u64, Query, description = "The leaf's index"),
        ("size" = Option<u64>, Query, description = "The tree's size; the latest when left out"),
    ),
    responses((status = 200, description = "The proof", body = InclusionBody)))]
pub async fn get_inclusion_proof(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::of(&request, &["leaf", "size"])?;
    let size = size_of(&parameters, "size", &node)?;
    parameters.required("leaf")?;
    let leaf = parameters.number("leaf")?.map(LeafIndex::new).transpose();
    let leaf = leaf.map_err(|error: RangeError| bad("leaf", &error.to_string()))?;
    let leaf = leaf
        .filter(|leaf| size.contains(*leaf))
        .ok_or_else(|| bad("leaf", &format!("a tree of {size} leaves has none with this index")))?;
    let stored = node.ledger.store().leaf(leaf).await?;
    let stored = stored.ok_or_else(|| Problem::internal(format!("leaf {leaf} is missing")))?;
    Ok(HttpResponse::Ok().json(InclusionBody {
        leaf_index: leaf.get(),
        tree_size: size.get(),
        leaf_hash: merkle::leaf_hash(&stored.bytes),
        proof: inclusion(&node.ledger, leaf, size).await?,
    }))
}

/// Proves that the tree of one size begins with the tree of another.
#[utoipa::path(get, path = "/ledger/proofs/consistency", tag = "ledger",
    params(
        ("from" = u64, Query, description = "The earlier size, at least 1"),
        ("to" = Option<u64>, Query, description = "The later size; the latest when left out"),
    ),
    responses((status = 200, description = "The proof", body = ConsistencyBody)))]
pub async fn get_consistency_proof(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::of(&request, &["from", "to"])?;
    parameters.required("from")?;
    let (from, to) = (size_of(&parameters, "from", &node)?, size_of(&parameters, "to", &node)?);
    if from == TreeSize::ZERO || from > to {
        return Err(bad("from", &format!("it is 1 to {to}, the later size")));
    }
    let tiles = node.ledger.read_tiles(merkle::tiles_for_consistency(from, to)).await?;
    let proof = merkle::consistency_proof(&tiles, from, to).map_err(Problem::internal)?;
    Ok(HttpResponse::Ok().json(ConsistencyBody { from: from.get(), to: to.get(), proof }))
}

/// Reads a size that the tree has reached; the latest when it is left out.
fn size_of(parameters: &Parameters, name: &str, node: &Node) -> Result<TreeSize, Problem> {
    let latest = node.ledger.view().size();
    let Some(size) = parameters.number(name)? else { return Ok(latest) };
    let size = TreeSize::new(size).map_err(|error| bad(name, &error.to_string()))?;
    if size > latest {
        return Err(bad(name, &format!("the tree has {latest} leaves so far")));
    }
    Ok(size)
}
