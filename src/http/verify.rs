//! `GET /verify`: the node's own verdict about a product, and where its evidence is.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::evidence::verdict;
use crate::domain::gs1::Id;
use crate::domain::provenance::Verdict;
use crate::http::Node;
use crate::http::parameters::{Parameters, encode};
use crate::http::problem::Problem;

/// A verdict with what it can be checked by.
#[derive(Serialize)]
struct VerdictBody {
    #[serde(flatten)]
    verdict: Verdict,
    /// Where the evidence is.
    evidence: String,
    checkpoint: String,
}

/// What the OpenAPI document says of a verdict; `docs/VERDICT.md` says the rest.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Verdict)]
pub struct VerdictSchema {
    /// The canonical id.
    id: String,
    /// `unknown`, `recalled`, `suspect`, `incomplete` or `authentic`.
    verdict: String,
    /// One plain sentence.
    summary: String,
    /// Each with `rule`, `severity`, `leaves` and `text`; the weightiest first.
    reasons: Vec<serde_json::Value>,
    /// Custodian, location, disposition and so on, as last recorded.
    #[schema(value_type = Object)]
    state: serde_json::Value,
    /// Every event that names the id.
    timeline: Vec<serde_json::Value>,
    /// The time of the last block that was looked at.
    as_of: String,
    tree_size: u64,
    /// URL of the evidence.
    evidence: String,
    /// C2SP tlog-checkpoint text.
    checkpoint: String,
}

/// Judges a product by what is on this node's ledger. The answer is the node's word; its evidence is the proof.
#[utoipa::path(get, path = "/verify", tag = "products",
    params(("id" = String, Query, description = "Digital Link URI, EPC URN, `(01)…(21)…` or another absolute URI")),
    responses(
        (status = 200, description = "The verdict; `unknown` for what nobody has recorded", body = VerdictSchema),
        (status = 400, description = "The id is malformed"),
    ))]
pub async fn get_verdict(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::of(&request, &["id"])?;
    answer(&node, &Id::parse(parameters.required("id")?)?).await
}

/// Writes the verdict about `id`.
pub async fn answer(node: &Node, id: &Id) -> Result<HttpResponse, Problem> {
    let (verdict, block) = verdict(&node.ledger, id, &node.policy).await?;
    let evidence = format!("{}/evidence?id={}", node.public_url, encode(id.as_str()));
    let body = VerdictBody { verdict, evidence, checkpoint: block.checkpoint.to_text() };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).json(body))
}
