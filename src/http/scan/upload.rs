//! The photo in a form that a browser posts (RFC 7578).

use std::future::poll_fn;
use std::pin::Pin;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_core::Stream;

use crate::http::body::{Pace, media_type, unsupported};
use crate::http::limits::memory::HeldBytes;
use crate::http::problem::{Code, Problem};

/// Bytes of a photo: a phone's 24 megapixels at its best quality.
pub const PHOTO_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Fields of a form that are looked through for the photo.
const FIELDS_MAX: usize = 8;

/// Why no photo was read.
#[derive(Debug)]
pub enum UploadError {
    TooLarge,
    Problem(Problem),
}

impl From<MultipartError> for UploadError {
    fn from(error: MultipartError) -> Self {
        Self::Problem(Problem::new(Code::BadRequest, format!("the form cannot be read: {error}")))
    }
}

/// Reads the field `photo`; `None` where the form has none, or an empty one.
pub async fn read(request: &HttpRequest, payload: Payload) -> Result<Option<Bytes>, UploadError> {
    if media_type(request).as_deref() != Some("multipart/form-data") {
        let problem = unsupported(request, "send a form as multipart/form-data, with the picture as its field photo");
        return Err(UploadError::Problem(problem));
    }
    let mut held = HeldBytes::for_body_of(request);
    let photo = read_form(Multipart::new(request.headers(), payload), &mut held).await?;
    held.keep_with(request);
    Ok(photo)
}

impl From<Problem> for UploadError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

async fn read_form(mut form: Multipart, held: &mut HeldBytes) -> Result<Option<Bytes>, UploadError> {
    let mut pace = Pace::begin();
    for _ in 0..FIELDS_MAX {
        // What is skipped in other fields counts for nothing here.
        let Some(field) = pace.wait(next(&mut form)).await? else { return Ok(None) };
        let field = field?;
        if field.name() == Some("photo") {
            let bytes = read_field(field, &mut pace, held).await?;
            return Ok(Some(bytes).filter(|bytes| !bytes.is_empty()));
        }
    }
    Ok(None)
}

/// Reads a field, and what is too much of it only to throw it away, so that its sender still reads the answer.
async fn read_field(mut field: Field, pace: &mut Pace, held: &mut HeldBytes) -> Result<Bytes, UploadError> {
    let mut bytes = BytesMut::new();
    let mut length = 0_usize;
    while let Some(chunk) = pace.wait(next(&mut field)).await? {
        let chunk = chunk?;
        pace.received(chunk.len());
        length = length.saturating_add(chunk.len());
        if length > 4 * PHOTO_BYTES_MAX {
            break;
        }
        if length <= PHOTO_BYTES_MAX {
            held.grow_to(length)?;
            bytes.extend_from_slice(&chunk);
        }
    }
    if length > PHOTO_BYTES_MAX { Err(UploadError::TooLarge) } else { Ok(bytes.freeze()) }
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
}
