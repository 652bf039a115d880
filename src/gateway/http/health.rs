//! `GET /health/live`, `/health/ready` and `/metrics`: for what restarts programs and watches them. They need no key.

use std::sync::Arc;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::gateway::http::{Served, blocking};
use crate::http::problem::Problem;

/// Tells that the process answers at all.
pub async fn get_live() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).json(json!({"status": "live"}))
}

/// Tells whether what is captured becomes final. A gateway that is not ready still takes captures and keeps them.
pub async fn get_ready(served: web::Data<Served>) -> Result<HttpResponse, Problem> {
    let gateway = Arc::clone(&served.gateway);
    let standing = blocking(move || gateway.standing()).await?;
    let mut answer = if standing.is_ready() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    Ok(answer.insert_header((CACHE_CONTROL, "no-cache")).json(standing.to_json()))
}

/// Tells the counters in Prometheus's text format.
pub async fn get_metrics(served: web::Data<Served>) -> Result<HttpResponse, Problem> {
    let gateway = Arc::clone(&served.gateway);
    // It brings the gauges up to date.
    blocking(move || gateway.standing()).await?;
    let text = served.gateway.metrics.to_text();
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .content_type("text/plain; version=0.0.4")
        .body(text))
}
