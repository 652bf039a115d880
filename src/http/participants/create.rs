//! `POST /participants`: an organisation asks to be registered.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::registration::{self, Arrival};
use crate::http::fields::Fields;
use crate::http::limits::Guard;
use crate::http::problem::Problem;
use crate::http::{Node, body};
use sealane_core::consortium::Claims;

/// What the OpenAPI document says of a request.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RegistrationRequest)]
pub struct RegistrationSchema {
    organization: String,
    /// `manufacturer`, `shipper` (or `carrier`), `distributor`.
    roles: Vec<String>,
    /// 13 digits each.
    glns: Option<Vec<String>>,
    gs1_company_prefixes: Option<Vec<String>>,
    /// GTINs and GLNs that GS1 gave out one by one, such as a GTIN-8, by their canonical ids.
    gs1_keys: Option<Vec<String>>,
    /// URIs that ids begin with, for ids that are not GS1's.
    namespaces: Option<Vec<String>>,
    /// Legal Entity Identifier (ISO 17442).
    lei: Option<String>,
    /// For who scans its products: an `https:`, `mailto:` or `tel:` URI.
    contact: Option<String>,
    /// SHA-256 of the consortium's terms that it accepts, base64url.
    terms: Option<String>,
    /// PKCS#10 request in PEM, for a P-256 key.
    csr: String,
    /// A member's one-time token, which `sealane invite` makes.
    invitation: Option<String>,
}

/// What is said of a request that was taken.
#[derive(Serialize, ToSchema)]
pub struct Waiting {
    id: String,
    /// `pending`, until a member decides.
    status: &'static str,
}

/// Takes a request to register. A member decides on it; the status is at `Location`.
#[utoipa::path(post, path = "/participants", tag = "participants",
    request_body(content = RegistrationSchema, content_type = "application/json"),
    responses(
        (status = 202, description = "The request waits", body = Waiting, headers(("Location" = String))),
        (status = 400, description = "A member of the body is wrong; `faults` says which"),
        (status = 403, description = "An invitation is missing, or not taken: `reason` says why"),
        (status = 409, description = "Somebody holds the key, a prefix, a namespace or a GLN, or such a request waits"),
    ))]
pub async fn create_participant(
    request: HttpRequest,
    payload: web::Payload,
    node: web::Data<Node>,
    guard: web::Data<Guard>,
) -> Result<HttpResponse, Problem> {
    let mut fields = body::read_object(&request, payload).await?;
    let claims = read_claims(&mut fields)?;
    let csr: String = fields.required("csr")?;
    let invitation: Option<String> = fields.optional("invitation")?;
    fields.finish()?;
    let arrival = Arrival { invitation: invitation.as_deref(), address: guard.address_of(&request) };
    let (entrance, invited) = registration::admit_arrival(&node.ledger, arrival, node.invitations)?;
    let id = match invited {
        Some(id) => id,
        // A version 4 UUID has the form of a participant's id.
        None => super::id_of(&Uuid::new_v4().to_string()).map_err(Problem::internal)?,
    };
    let waiting = registration::request(&node.ledger, &*node.certificates, id, claims, &csr, entrance).await?;
    let id = waiting.participant.to_string();
    Ok(HttpResponse::Accepted()
        .insert_header((LOCATION, format!("/participants/{id}")))
        .json(Waiting { id, status: "pending" }))
}

fn read_claims(fields: &mut Fields) -> Result<Claims, Problem> {
    Ok(Claims {
        organization: fields.required("organization")?,
        roles: fields.list("roles")?,
        glns: fields.list("glns")?,
        gs1_company_prefixes: fields.list("gs1CompanyPrefixes")?,
        gs1_keys: fields.list("gs1Keys")?,
        namespaces: fields.list("namespaces")?,
        lei: fields.optional("lei")?,
        contact: fields.optional("contact")?,
        terms: fields.optional("terms")?,
    })
}
