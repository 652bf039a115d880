//! `/scan`: a code from a camera, a photo or a keyboard, and from there to the page about its product.

mod decoder;
mod list;
mod outcome;
mod page;
mod photo;
mod upload;

use actix_web::http::header::{CACHE_CONTROL, HeaderValue, LOCATION};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::ToSchema;

use crate::http::accept::is_for_people;
use crate::http::limits::client_of;
use crate::http::pages::Visitor;
use crate::http::problem::Problem;
use crate::http::{Node, body};

use outcome::ScanOutcome;

pub use decoder::{DECODING_CPU_SECONDS_MAX, DECODING_MEMORY_BYTES_MAX, PictureDecoder, decode_picture};

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
    page::form(&Visitor::of(&request), node.ledger.origin().as_str(), node.decoder.is_some())
}

/// Shows the page for hand scanners, which type one code after another.
#[utoipa::path(get, path = "/scan/list", tag = "products",
    responses((status = 200, description = "A page for people", content_type = "text/html", body = String)))]
pub async fn get_list(request: HttpRequest, node: web::Data<Node>) -> HttpResponse {
    list::page(&Visitor::of(&request), node.ledger.origin().as_str())
}

/// Decodes the code in a photo and leads to the page about its product, if the operator has switched that on. The photo is
/// not kept.
#[utoipa::path(post, path = "/scan", tag = "products",
    request_body(content = PhotoForm, content_type = "multipart/form-data"),
    responses(
        (status = 303, description = "To the product"),
        (status = 403, description = "The node decodes no pictures"),
        (status = 413, description = "Too many bytes or pixels"),
        (status = 415, description = "Not a picture of a kind that is read"),
        (status = 422, description = "No code, several, or one that is no identifier of GS1's (`codes` has their text), or a \
            picture that takes too much to decode"),
        (status = 429, description = "The node holds as many pictures as it may"),
    ))]
pub async fn post_scan(request: HttpRequest, payload: Payload, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let origin = node.ledger.origin();
    let mut answer = match outcome_of(&request, payload, &node).await? {
        ScanOutcome::Product { target } => {
            let target = Visitor::of(&request).link(&target);
            HttpResponse::SeeOther().insert_header((LOCATION, target)).finish()
        }
        other if is_for_people(&request) => page::outcome(&Visitor::of(&request), origin.as_str(), &other),
        other => return Err(other.into_problem()),
    };
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

async fn outcome_of(request: &HttpRequest, payload: Payload, node: &Node) -> Result<ScanOutcome, Problem> {
    let Some(decoder) = &node.decoder else {
        body::discard(request, payload).await;
        return Ok(ScanOutcome::DecoderOff);
    };
    let ticket = match decoder.ticket(client_of(request)) {
        Ok(ticket) => ticket,
        Err(problem) => {
            body::discard(request, payload).await;
            return Err(problem);
        }
    };
    match upload::read(request, payload).await {
        Ok(Some(bytes)) => Ok(ScanOutcome::of(decoder.decode(ticket, bytes, &node.metrics).await?)),
        Ok(None) => Ok(ScanOutcome::MissingPhoto),
        Err(upload::UploadError::TooLarge) => Ok(ScanOutcome::TooLarge),
        Err(upload::UploadError::Problem(problem)) => Err(problem),
    }
}
