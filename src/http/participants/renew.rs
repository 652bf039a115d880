//! `POST /participants/{id}/renewals`: a participant asks for a further certificate.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::app::registration;
use crate::http::problem::Problem;
use crate::http::{Node, body};

/// What the OpenAPI document says of a request.
#[derive(Serialize, ToSchema)]
#[schema(as = RenewalRequest)]
pub struct RenewalSchema {
    /// PKCS#10 request in PEM, for a P-256 key.
    csr: String,
    /// ES256 signature of the current key over the renewal bytes of docs/FORMATS.md, base64url.
    consent: String,
}

/// Takes a request for a further certificate, agreed to by a key that the participant has. A member decides on it.
#[utoipa::path(post, path = "/participants/{id}/renewals", tag = "participants",
    params(("id" = String, Path, description = "The participant's id")),
    request_body(content = RenewalSchema, content_type = "application/json"),
    responses(
        (status = 202, description = "The request waits", body = Object, headers(("Location" = String))),
        (status = 400, description = "The request is wrong, or not agreed to"),
        (status = 409, description = "The participant is not active, or such a request waits"),
    ))]
pub async fn post_renewal(
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    node: web::Data<Node>,
) -> Result<HttpResponse, Problem> {
    let id = super::id_of(&id)?;
    let mut fields = body::read_object(&request, payload).await?;
    let (csr, consent): (String, String) = (fields.required("csr")?, fields.required("consent")?);
    fields.finish()?;
    registration::request_renewal(&node.ledger, &*node.certificates, &id, &csr, &consent).await?;
    Ok(HttpResponse::Accepted()
        .insert_header((LOCATION, format!("/participants/{id}")))
        .json(json!({"id": id, "renewal": "pending"})))
}
