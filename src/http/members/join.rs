//! `POST /members`: an organisation asks to become a member.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::joining::{JOIN_REQUEST_BYTES_MAX, JoinRequest};
use crate::http::limits::Guard;
use crate::http::members::newcomers::SignedAddressBody;
use crate::http::problem::Problem;
use crate::http::{Node, body};

/// What the OpenAPI document says of a request to join: the file `member.json` that `sealane init --join` writes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = JoinRequest)]
pub struct JoinRequestSchema {
    /// `1`.
    version: u64,
    /// The ledger that it is for.
    origin: String,
    /// Thumbprint of `jwk`.
    kid: String,
    name: String,
    #[schema(value_type = Object)]
    jwk: serde_json::Value,
    note_key: String,
    /// The key's signature over its member entry and the origin.
    proof: String,
    /// Where its node is found, by its own signed words.
    address: Option<SignedAddressBody>,
}

/// What is said of a request that was taken.
#[derive(Serialize, ToSchema)]
#[schema(as = WaitingJoin)]
pub struct WaitingJoinBody {
    kid: String,
    name: String,
    /// `waiting`, until the members decide.
    status: &'static str,
}

/// Takes a request to join. The member whose node this is may put it to the vote; `GET /members` shows it meanwhile.
#[utoipa::path(post, path = "/members", tag = "members",
    request_body(content = JoinRequestSchema, content_type = "application/json"),
    responses(
        (status = 202, description = "The request waits. Posted again, it takes the place of the one with its key", body = WaitingJoinBody),
        (status = 400, description = "It is no request to join this ledger, or a signature in it does not hold"),
        (status = 409, description = "It could not be admitted: its name is a member's, or a key in it was used before"),
        (status = 429, description = "As many requests wait as may"),
    ))]
pub async fn create_join_request(
    request: HttpRequest,
    payload: web::Payload,
    node: web::Data<Node>,
    guard: web::Data<Guard>,
) -> Result<HttpResponse, Problem> {
    let bytes = body::read_json(&request, payload, "a JSON object", JOIN_REQUEST_BYTES_MAX).await?;
    let asked = JoinRequest::parse(&bytes, node.ledger.verifier())?;
    let (kid, name) = (asked.member().kid().to_string(), asked.member().name().to_owned());
    node.joining.add(&node.ledger, asked, guard.address_of(&request))?;
    tracing::info!(kid, name, "an organisation asks to become a member");
    Ok(HttpResponse::Accepted().json(WaitingJoinBody { kid, name, status: "waiting" }))
}
