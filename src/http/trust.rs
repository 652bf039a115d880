//! `GET /trust`: the trust anchor, from which everything that this ledger says can be checked.

use actix_web::http::StatusCode;
use actix_web::http::header::VARY;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::View;
use crate::app::handovers::{last_change, members_after};
use crate::http::Node;
use crate::http::accept::{DOWNLOAD, saved_as, wants_page};
use crate::http::pages::{self, Visitor, anchor};
use crate::http::parameters::{Parameters, bad};
use crate::http::problem::Problem;
use sealane_core::block::{Height, Leaf};
use sealane_core::evidence::Anchor;
use sealane_core::merkle::TreeSize;

/// Parameters of the query.
const KNOWN: &[&str] = &["height", "lang", DOWNLOAD];

/// Gives the trust anchor after the last change of members, or after the block of `height`: origin, members, root and the
/// genesis statement. Compare its fingerprint by another way.
#[utoipa::path(get, path = "/trust", tag = "products",
    params(
        ("height" = Option<u64>, Query, description = "the block after which the anchor is: 0 for genesis"),
        ("lang" = Option<String>, Query, description = "Language of the page: `en` or `ko`"),
        ("download" = Option<String>, Query, description = "Set: the JSON as a file, whatever `Accept` says"),
    ),
    responses((status = 200, description = "`{version, origin, height, size, root, members[], fingerprint, genesis}`; by `Accept` a page \
            for people, with the fingerprint in digits", content((Object = "application/json"), (String = "text/html"))),
        (status = 404, description = "There is no block of this height")))]
pub async fn get_trust(node: web::Data<Node>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let asked = Parameters::of(&request, KNOWN)?.number("height")?;
    let view = node.ledger.view();
    let tip = view.tip.seal.height;
    let height = match asked {
        Some(height) => Height::new(height).map_err(|error| bad("height", &error.to_string()))?,
        None => last_change(&view.registry, tip),
    };
    if height > tip {
        return Err(Problem::not_found(format!("there is no block of height {height}")));
    }
    let anchor = anchor_after(&node, &view, height).await?;
    if wants_page(&request) {
        let visitor = Visitor::of(&request);
        let query = asked.map(|height| format!("height={height}")).unwrap_or_default();
        return Ok(pages::answer(StatusCode::OK, &visitor, anchor::page(&visitor, &anchor, &query)));
    }
    let mut answer = HttpResponse::Ok();
    answer.insert_header((VARY, "accept"));
    if let Some(saved) = saved_as(&request, "trust.json") {
        answer.insert_header(saved);
    }
    Ok(answer.json(anchor.to_json()))
}

/// The trust anchor after a block of this node's ledger.
pub async fn anchor_after(node: &Node, view: &View, height: Height) -> Result<Anchor, Problem> {
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
    if height == Height::GENESIS {
        return Ok(anchor);
    }
    let block = node.ledger.store().block(height).await?;
    let block = block.ok_or_else(|| Problem::internal(format!("block {height} is missing")))?;
    Ok(anchor.after(height, &block.checkpoint, members_after(&view.registry, height).clone()))
}
