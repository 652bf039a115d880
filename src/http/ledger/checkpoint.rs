//! `GET /ledger/checkpoint`: the latest checkpoint as a signed note (C2SP tlog-checkpoint, signed-note).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};

use crate::http::Node;
use crate::http::ledger::NO_CACHE;

/// Gives the latest checkpoint, signed by this node as a note that standard tools read.
#[utoipa::path(get, path = "/ledger/checkpoint", tag = "ledger",
    responses((status = 200, description = "C2SP signed note", content_type = "text/plain", body = String)))]
pub async fn get_checkpoint(node: web::Data<Node>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, NO_CACHE))
        .content_type("text/plain; charset=utf-8")
        .body(node.ledger.view().tip.note.clone())
}
