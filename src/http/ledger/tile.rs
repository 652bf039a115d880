//! `GET /ledger/tile/…` and `/ledger/tile/entries/…`: the tree in C2SP tlog-tiles.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::Node;
use crate::http::ledger::IMMUTABLE;
use crate::http::problem::Problem;
use sealane_core::merkle::{BundleId, TileError, TileId, TilePath, encode_entries, encode_hashes};

/// A partial tile never changes either, but no client asks for it again once the tree has outgrown it.
const PARTIAL: &str = "public, max-age=600";

/// Gives a tile of hashes, or a bundle of the leaves themselves.
#[utoipa::path(get, path = "/ledger/tile/{path}", tag = "ledger",
    params(("path" = String, Path, description = "`<level>/<index>[.p/<width>]` or `entries/<index>[.p/<width>]`, \
        the index in groups of three digits, as C2SP tlog-tiles says")),
    responses(
        (status = 200, description = "Hashes of 32 bytes each, or entries each after its length as two bytes",
            content_type = "application/octet-stream", body = Vec<u8>),
        (status = 404, description = "The tree has no such tile yet"),
    ))]
pub async fn get_tile(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let path = request.path().strip_prefix("/ledger/").unwrap_or_default();
    let path: TilePath = path.parse().map_err(|error: TileError| Problem::not_found(error.to_string()))?;
    let (bytes, full) = match path {
        TilePath::Hashes(tile) => (hashes(&node, tile).await?, tile.is_full()),
        TilePath::Entries(bundle) => (entries(&node, bundle).await?, bundle.tile().is_full()),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, if full { IMMUTABLE } else { PARTIAL }))
        .content_type("application/octet-stream")
        .body(bytes))
}

async fn hashes(node: &Node, tile: TileId) -> Result<Vec<u8>, Problem> {
    check_fits(node, tile)?;
    let found = node.ledger.store().tiles(vec![tile]).await?.pop();
    let (_, hashes) = found.ok_or_else(|| Problem::internal(format!("{} is missing", TilePath::Hashes(tile))))?;
    Ok(encode_hashes(&hashes))
}

async fn entries(node: &Node, bundle: BundleId) -> Result<Vec<u8>, Problem> {
    check_fits(node, bundle.tile())?;
    let leaves = node.ledger.store().leaves(bundle.positions()).await?;
    if leaves.len() != usize::from(bundle.tile().width()) {
        return Err(Problem::internal(format!("leaves are missing in {}", TilePath::Entries(bundle))));
    }
    encode_entries(leaves.iter().map(|leaf| leaf.bytes.as_slice())).map_err(Problem::internal)
}

fn check_fits(node: &Node, tile: TileId) -> Result<(), Problem> {
    let size = node.ledger.view().size();
    if tile.fits(size) { Ok(()) } else { Err(Problem::not_found(format!("a tree of {size} leaves has no such tile"))) }
}
