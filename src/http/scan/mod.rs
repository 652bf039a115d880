//! `/scan`: a code from a camera, a photo or a keyboard, and from there to the page about its product.

mod outcome;
mod page;
mod photo;
mod upload;

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::ToSchema;

use crate::app::answer::PICTURES;
use crate::http::Node;
use crate::http::accept::is_for_people;
use crate::http::limits::client_of;
use crate::http::pages::Visitor;
use crate::http::problem::Problem;

use outcome::Outcome;

/// What the OpenAPI document says of the form.
#[derive(ToSchema)]
#[schema(as = PhotoForm)]
#[expect(dead_code, reason = "described, never made")]
pub struct PhotoForm {
    /// JPEG, PNG or WebP.
    #[schema(value_type = String, format = Binary)]
    photo: Vec<u8>,
}

/// Shows the page to scan with: camera, photo, or typing.
#[utoipa::path(get, path = "/scan", tag = "products",
    responses((status = 200, description = "A page for people", content_type = "text/html", body = String)))]
pub async fn get_scan(request: HttpRequest, node: web::Data<Node>) -> HttpResponse {
    page::form(&Visitor::of(&request), node.ledger.origin().as_str())
}

/// Reads the code in a photo and leads to the page about its product. The photo is not kept.
#[utoipa::path(post, path = "/scan", tag = "products",
    request_body(content = PhotoForm, content_type = "multipart/form-data"),
    responses(
        (status = 303, description = "To the product"),
        (status = 413, description = "Too many bytes or pixels"),
        (status = 415, description = "Not a picture of a kind that is read"),
        (status = 422, description = "No code, several, or one that is no identifier of GS1's; `codes` has their text"),
    ))]
pub async fn post_scan(request: HttpRequest, payload: Payload, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let outcome = match upload::read(&request, payload).await {
        Ok(Some(bytes)) => {
            // A picture that cannot be read is an outcome, no failure of the work.
            Outcome::of(PICTURES.run(client_of(&request), move || Ok(photo::codes(&bytes))).await?)
        }
        Ok(None) => Outcome::MissingPhoto,
        Err(upload::UploadError::TooLarge) => Outcome::TooLarge,
        Err(upload::UploadError::Problem(problem)) => return Err(problem),
    };
    match outcome {
        Outcome::Product { target } => {
            let target = Visitor::of(&request).link(&target);
            let answer = HttpResponse::SeeOther().insert_header((LOCATION, target)).finish();
            Ok(answer)
        }
        other if is_for_people(&request) => {
            Ok(page::outcome(&Visitor::of(&request), node.ledger.origin().as_str(), &other))
        }
        other => Err(other.into_problem()),
    }
    .map(|mut answer: HttpResponse| {
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, actix_web::http::header::HeaderValue::from_static("no-store"));
        answer
    })
}
