//! `GET /epcis/capture/{captureID}`: how far a capture has come, with its receipt.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::capture;
use crate::app::repeats::repeats_at;
use crate::http::Node;
use crate::http::background::{Background, Late};
use crate::http::capture::job::CaptureJob;
use crate::http::pass_on::pass_on_get;
use crate::http::problem::Problem;
use sealane_core::hash::{Hash, HashError};
use sealane_core::statement::StatementId;

/// Tells how far a capture has come. One that was refused at once left nothing to ask about.
#[utoipa::path(get, path = "/epcis/capture/{captureID}", tag = "epcis",
    params(("captureID" = String, Path, description = "As in the `Location` of the capture")),
    responses(
        (status = 200, description = "The job; its receipt once it is final", body = CaptureJob),
        (status = 404, description = "Nothing was captured under this id"),
    ))]
pub async fn get_capture(
    request: HttpRequest,
    capture_id: web::Path<String>,
    node: web::Data<Node>,
    background: web::Data<Background>,
) -> Result<HttpResponse, Problem> {
    let hash: Hash = capture_id.parse().map_err(|error: HashError| Problem::not_found(error.to_string()))?;
    let id = StatementId::from_hash(hash);
    // Asked before the ledger: what has ended in between is then found there.
    let late = background.find(id);
    let job = match (capture::find(&node.ledger, &node.ledger.view(), id).await?, late) {
        (Some(placed), _) => {
            let job = CaptureJob::at_leaf(&node, id, placed.leaf).await?;
            job.with_repeats(repeats_at(&node.ledger, placed.leaf).await?)
        }
        (None, Some(Late::Running)) => CaptureJob::running(id),
        (None, Some(Late::Refused(problem))) => CaptureJob::refused(id, problem),
        // One that is under way at the followed node, or was refused there.
        (None, None) => match pass_on_get(&request, &node).await {
            Some(answer) => return answer,
            None => return Err(Problem::not_found("nothing was captured under this id")),
        },
    };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).json(job))
}
