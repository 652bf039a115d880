//! GS1 Digital Link paths: what a scanned label leads to.
//!
//! Absent so far: the page for people and the linkset; every client gets the verdict.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::domain::gs1::{Id, IdError};
use crate::http::problem::Problem;
use crate::http::verify::VerdictSchema;
use crate::http::{Node, verify};

/// Judges the product that a GS1 Digital Link names by its path, such as `/01/09506000134352/21/A1`.
#[utoipa::path(get, path = "/{ai}/{value}", tag = "products",
    params(
        ("ai" = String, Path, description = "Application identifier of a GS1 key: 01, 00, 414, 8003, 8004 and so on"),
        ("value" = String, Path, description = "The key's value, then its qualifiers, as in `09506000134352/21/A1`"),
    ),
    responses(
        (status = 200, description = "The verdict, as of /verify", body = VerdictSchema),
        (status = 400, description = "The path names a GS1 key wrongly"),
    ))]
pub async fn get_product(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    // The path as it was sent: a slash inside a serial stays percent-encoded.
    let id = match Id::parse_uri(&format!("https://id.gs1.org{}", request.uri().path())) {
        Ok(id) => id,
        Err(error @ (IdError::NoKey { .. } | IdError::UnknownAi { .. })) => {
            return Err(Problem::not_found(error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    verify::answer(&node, &id).await
}
