//! Bodies that come compressed. What counts is their length when they are inflated.

use std::io::Read;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_ENCODING;
use actix_web::web::{Bytes, Payload};
use flate2::read::MultiGzDecoder;

use crate::gateway::http::problems::too_long;
use crate::http::body;
use crate::http::capture::DOCUMENT_BYTES_MAX;
use crate::http::problem::{Code, Problem};

/// How many times its length a compressed body may have when it is inflated. EPCIS documents shrink to a twentieth.
const INFLATION_MAX: usize = 100;

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
    match is_gzip {
        false => Ok(bytes),
        true => inflate(&bytes).map(Bytes::from),
    }
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let by_ratio = bytes.len().saturating_mul(INFLATION_MAX);
    let limit = DOCUMENT_BYTES_MAX.min(by_ratio);
    let mut inflated = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(limit as u64 + 1).read_to_end(&mut inflated);
    if inflated.len() > DOCUMENT_BYTES_MAX {
        return Err(too_long(format!(
            "the body is longer than the limit of {DOCUMENT_BYTES_MAX} bytes when it is inflated"
        )));
    }
    if inflated.len() > limit {
        return Err(too_long(format!(
            "the body inflates to more than {INFLATION_MAX} times its length; send it as it is"
        )));
    }
    match read {
        Ok(_) => Ok(inflated),
        Err(error) => Err(Problem::new(Code::BodyCutOff, format!("the body is no whole gzip: {error}"))),
    }
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
        assert_eq!(inflate(&gzip(b"{\"a\":1}")).unwrap(), b"{\"a\":1}");
        let two = [gzip(b"{"), gzip(b"}")].concat();
        assert_eq!(inflate(&two).unwrap(), b"{}");
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
