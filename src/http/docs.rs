//! `GET /docs`: Swagger UI over `/openapi.json`, from files inside the binary.

use std::sync::Arc;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::Config;

use crate::http::problem::Problem;

/// Swagger UI brings its own script and style, and draws with inline styles and `data:` images.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'";

/// Leads to where the page's relative links hold.
#[utoipa::path(get, path = "/docs", tag = "operations",
    responses((status = 308, description = "The page is at /docs/")))]
pub async fn get_docs_redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish()
}

/// Shows this interface to people.
#[utoipa::path(get, path = "/docs/{file}", tag = "operations",
    params(("file" = String, Path, description = "A file of Swagger UI; none for the page itself")),
    responses((status = 200, description = "Swagger UI", content(
        (String = "text/html"), (String = "text/css"), (String = "text/javascript"), (String = "image/png")))))]
pub async fn get_docs(file: web::Path<String>) -> Result<HttpResponse, Problem> {
    let config = Arc::new(Config::from("/openapi.json"));
    let found = utoipa_swagger_ui::serve(&file, config).map_err(Problem::internal)?;
    let found = found.ok_or_else(|| Problem::not_found("Swagger UI has no such file"))?;
    let mut answer = HttpResponse::Ok();
    if found.gzpipped {
        answer.insert_header((CONTENT_ENCODING, "gzip"));
    }
    answer.insert_header((CONTENT_SECURITY_POLICY, POLICY)).content_type(found.content_type);
    Ok(answer.body(found.bytes.into_owned()))
}
