//! `GET /evidence`: everything needed to judge one product again, with no word of this node's.

use actix_web::http::header::{CACHE_CONTROL, HeaderName, VARY};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::evidence::{WRITTEN_BYTES_MAX, gather_within};
use crate::http::Node;
use crate::http::accept::media_type_rating;
use crate::http::limits::Guard;
use crate::http::limits::long_answer::{AnswerText, IsCounted, LongAnswer};
use crate::http::parameters::{Parameters, bad};
use crate::http::problem::Problem;
use crate::http::product::EVIDENCE_JSON;
use crate::ports::StoredBlock;
use sealane_core::block::Height;
use sealane_core::evidence::Evidence;
use sealane_core::merkle::TreeSize;

/// Bytes of the document before it is compressed, by which a client tells how far it has come: `Content-Length` counts what is
/// sent, and is left out if that is compressed on the way.
const EVIDENCE_BYTES: HeaderName = HeaderName::from_static("x-evidence-bytes");

/// Captures in the document, which a client may tell before it has them.
const EVIDENCE_STATEMENTS: HeaderName = HeaderName::from_static("x-evidence-statements");

/// Gathers the evidence about a product, at the latest checkpoint or an earlier one.
#[utoipa::path(get, path = "/evidence", tag = "products",
    params(
        ("id" = String, Query, min_length = 1, max_length = 1024, description = "As for /verify"),
        ("10" = Option<String>, Query, description = "Lot on the label, and its other attributes, as for /verify"),
        ("size" = Option<u64>, Query, description = "Tree size of a checkpoint; the latest when left out"),
        ("from" = Option<u64>, Query, description = "Height of a trust anchor: the changes of members up to it are left out"),
    ),
    responses(
        (status = 200, description = "The evidence document of docs/FORMATS.md", content(
            (Object = "application/json"), (Object = "application/vnd.sealane.evidence+json"))),
        (status = 404, description = "No checkpoint has this size"),
        (status = 410, description = "The ledger has grown too far past this size; ask without it for the latest"),
        (status = 429, description = "Come back after `Retry-After` seconds"),
    ))]
pub async fn get_evidence(
    request: HttpRequest,
    node: web::Data<Node>,
    guard: web::Data<Guard>,
) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::among_others(&request, &Parameters::with_label(&["id", "size", "from"]))?;
    let asked = parameters.question()?;
    let block = match parameters.number("size")? {
        Some(size) => Some(block_of(&node, size).await?),
        None => None,
    };
    let from = Height::new(parameters.number("from")?.unwrap_or(0)).map_err(|error| bad("from", &error.to_string()))?;
    let write = |evidence: Evidence| {
        let statements = evidence.statements.len();
        AnswerText::of(evidence, WRITTEN_BYTES_MAX, Evidence::into_text).map(|text| (text, statements))
    };
    let ledger = node.ledger_for(&request);
    let (made, lease) = gather_within(&ledger, asked, block, from, guard.memory.answers(), write).await?;
    let (text, statements) = made.map_err(Problem::internal)?;
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((EVIDENCE_BYTES, text.len()))
        .insert_header((EVIDENCE_STATEMENTS, statements))
        .insert_header((VARY, "accept"))
        .content_type(media_type(&request));
    answer.extensions_mut().insert(IsCounted);
    Ok(answer.body(LongAnswer::of_text(text, lease)))
}

/// JSON, by the evidence's own type for a client that asks for that: by it a link to evidence is told from others.
fn media_type(request: &HttpRequest) -> &'static str {
    let own = media_type_rating(request, EVIDENCE_JSON);
    if own > media_type_rating(request, "application/json") { EVIDENCE_JSON } else { "application/json" }
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
