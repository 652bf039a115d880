//! Bodies that come compressed. What counts is their length when they are inflated.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_ENCODING;
use actix_web::web::{Bytes, Payload};

use crate::gateway::http::problems::too_long;
use crate::http::body::{self, INFLATION_MAX, InflateError};
use crate::http::capture::DOCUMENT_BYTES_MAX;
use crate::http::problem::{Code, Problem};

/// Reads a document, inflated if it came as gzip.
pub async fn read(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    let encodings: Vec<&str> =
        request.headers().get_all(CONTENT_ENCODING).map(|line| line.to_str().unwrap_or("?")).collect();
    let is_gzip = match encodings.as_slice() {
        [] => false,
        [one] if one.trim().eq_ignore_ascii_case("identity") => false,
        [one] if ["gzip", "x-gzip"].contains(&one.trim().to_ascii_lowercase().as_str()) => true,
        other => {
            let detail = format!("Content-Encoding {} is not taken; send gzip, or the body as it is", other.join(", "));
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
    };
    let bytes = body::read_as_sent(request, payload, DOCUMENT_BYTES_MAX).await?;
    if is_gzip { inflate(&bytes) } else { Ok(bytes) }
}

fn inflate(bytes: &[u8]) -> Result<Bytes, Problem> {
    body::inflate(bytes, DOCUMENT_BYTES_MAX, |_| Ok(())).map_err(|error| match error {
        InflateError::NoGzip(error) => Problem::new(Code::BodyCutOff, format!("the body is no whole gzip: {error}")),
        InflateError::TooLong { limit } => {
            too_long(format!("the body is longer than the limit of {limit} bytes when it is inflated"))
        }
        InflateError::TooDense { .. } => {
            too_long(format!("the body inflates to more than {INFLATION_MAX} times its length; send it as it is"))
        }
        InflateError::NoRoom(problem) => problem,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_whole_gzip_is_inflated() {
        assert_eq!(inflate(&gzip(b"{\"a\":1}")).unwrap().as_ref(), b"{\"a\":1}");
        let two = [gzip(b"{"), gzip(b"}")].concat();
        assert_eq!(inflate(&two).unwrap().as_ref(), b"{}");
    }

    #[test]
    fn a_bomb_and_a_torn_one_are_refused() {
        let code = |bytes: &[u8]| inflate(bytes).unwrap_err().code();
        assert_eq!(code(&gzip(&vec![b' '; 1024 * 1024])), Code::BodyTooLarge);
        assert_eq!(code(&gzip(&vec![b' '; 64 * 1024 * 1024])), Code::BodyTooLarge);
        let whole = gzip(b"{\"a\":1}");
        assert_eq!(code(&whole[..whole.len() - 4]), Code::BodyCutOff);
        assert_eq!(code(b"{}"), Code::BodyCutOff);
    }
}
