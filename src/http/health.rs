//! `GET /health/live` and `GET /health/ready`: for what restarts nodes and sends them traffic.

use std::sync::PoisonError;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::http::following::FollowingBody;
use crate::http::problem::Problem;
use crate::http::{AuditResult, Node};

/// Tells that the process answers at all.
#[utoipa::path(get, path = "/health/live", tag = "operations",
    responses((status = 200, description = "The process answers", body = Object)))]
pub async fn get_live() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).json(json!({"status": "live"}))
}

/// Tells whether the node can do its work: the store answers, and what is captured would be written. After a write that
/// failed it is not ready until one succeeds. `selfCheck` says what the node's last check of its ledger came to, from which
/// leaf on it read the ledger, and when the last whole check was.
#[utoipa::path(get, path = "/health/ready", tag = "operations",
    responses(
        (status = 200, description = "The store answers and the writer works", body = Object),
        (status = 503, description = "One of them does not: `code` and `detail` say what stands in the writer's way", body = Object),
    ))]
pub async fn get_ready(node: web::Data<Node>) -> HttpResponse {
    let store = node.ledger.store().ping().await;
    if let Err(error) = &store {
        tracing::warn!(%error, "the store does not answer");
    }
    let obstacle = node.ledger.obstacle();
    let (store, writer) = (store.is_ok(), obstacle.is_none());
    let mut answer = if store && writer { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    let status = if store && writer { "ready" } else { "not ready" };
    let mut body = json!({"status": status, "store": store, "writer": writer});
    if let Some(last) = &*node.audit.read().unwrap_or_else(PoisonError::into_inner) {
        let AuditResult { at, from, whole_at, result } = last;
        body["selfCheck"] = json!({"at": at, "passed": result.is_ok(), "from": from, "wholeAt": whole_at});
    }
    if let Some(following) = node.ledger.following() {
        body["following"] = json!(FollowingBody::new(&following, &node.ledger));
    }
    if let Some(obstacle) = obstacle {
        let problem = Problem::from(obstacle);
        body["code"] = problem.code().as_str().into();
        body["detail"] = problem.detail().into();
    }
    answer.insert_header((CACHE_CONTROL, "no-cache")).json(body)
}
