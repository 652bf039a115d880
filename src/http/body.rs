//! Reading request bodies: how much, how long, and of what type.

use std::future::poll_fn;
use std::io::{self, Read};
use std::pin::Pin;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::body::{BodyStream, MessageBody};
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, BytesMut, Payload};
use flate2::bufread::MultiGzDecoder;
use tokio::time::{Instant, timeout_at};

use crate::http::fields::Fields;
use crate::http::limits::memory::HeldBytes;
use crate::http::problem::{Code, Problem};
use sealane_core::json;
use sealane_core::limits::STATEMENT_BYTES_MAX;
use sealane_core::statement::SubmittedStatement;

/// How long a client may take to send a body: 4 MiB at 70 kB/s.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a client may take before it sends anything of a body, or has fallen behind [`BODY_BYTES_PER_SECOND_MIN`].
const BODY_GRACE: Duration = Duration::from_secs(10);

/// Bytes a second that a client must send of a body, on the average: the slowest mobile network.
const BODY_BYTES_PER_SECOND_MIN: u64 = 4 * 1024;

/// Bytes of a body that are read only to be thrown away, so that a client that sends too much still reads why it was refused
/// instead of a connection that is cut.
const DISCARD_BYTES_MAX: usize = 8 * STATEMENT_BYTES_MAX;

/// How many times its own length a compressed body may hold. Documents of events hold 10 to 40 times as much.
pub const INFLATION_MAX: usize = 100;

/// Bytes inflated at once.
const INFLATED_AT_ONCE: usize = 16 * 1024;

/// Bytes of a JSON request that is no statement: 16 KiB of certificate request, and claims.
pub const JSON_BYTES_MAX: usize = 256 * 1024;

/// The media type of a statement in compact form.
pub const JOSE: &str = "application/jose";

/// Reads a whole body of at most `limit` bytes.
pub async fn read(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    refuse_encoding(request)?;
    read_as_sent(request, payload, limit).await
}

/// Reads a whole body of at most `limit` bytes, in whatever coding it is.
pub async fn read_as_sent(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let mut held = HeldBytes::for_body_of(request);
    let read = read_limited(request, payload, limit, &mut held).await?;
    held.keep_with(request);
    Ok(read)
}

/// Reads a whole body of at most `limit` bytes, which may be compressed by gzip: both it and what it holds count.
///
/// # Errors
///
/// What [`read`] refuses; 400 for what is no gzip, 413 for what holds more than the limit or than its own length allows.
pub async fn read_inflated(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    if !is_gzip(request)? {
        return read(request, payload, limit).await;
    }
    let mut held = HeldBytes::for_body_of(request);
    let packed = read_limited(request, payload, limit, &mut held).await?;
    let inflated = inflate(&packed, limit, |bytes| held.grow_to(packed.len() + bytes))?;
    held.keep_with(request);
    Ok(inflated)
}

/// Tells whether a body is compressed by gzip; another coding is refused.
///
/// # Errors
///
/// 415, with the coding that is taken (RFC 7694 §3).
pub fn is_gzip(request: &HttpRequest) -> Result<bool, Problem> {
    let Some(encoding) = request.headers().get(CONTENT_ENCODING) else { return Ok(false) };
    // RFC 9110 §8.4.1.3 has a second name for it.
    if [&b"gzip"[..], b"x-gzip"].iter().any(|name| encoding.as_bytes().eq_ignore_ascii_case(name)) {
        return Ok(true);
    }
    refuse_encoding(request).map(|()| false).map_err(|_| {
        let detail = format!("Content-Encoding {encoding:?} is not taken; send the body as it is, or in gzip");
        Problem::new(Code::UnsupportedMediaType, detail).takes_coding("gzip")
    })
}

/// Why a body was not inflated.
#[derive(Debug)]
pub enum InflateError {
    /// It is no whole gzip (RFC 1952).
    NoGzip(io::Error),
    /// It holds more than the limit of so many bytes.
    TooLong { limit: usize },
    /// It holds more than [`INFLATION_MAX`] times its own length of so many bytes.
    TooDense { packed: usize },
    /// There is no room for what it holds.
    NoRoom(Problem),
}

impl From<InflateError> for Problem {
    fn from(error: InflateError) -> Self {
        match error {
            InflateError::NoGzip(error) => {
                let detail = format!("the body is no gzip (RFC 1952), as Content-Encoding says: {error}");
                Self::new(Code::BadRequest, detail)
            }
            InflateError::TooLong { limit } => {
                let detail = format!("the body holds more than the limit of {limit} bytes, once it is inflated");
                Self::new(Code::BodyTooLarge, detail).with("limit", limit)
            }
            InflateError::TooDense { packed } => {
                let detail = format!(
                    "the body of {packed} bytes holds more than {INFLATION_MAX} times as many; no document does: send it as it is"
                );
                Self::new(Code::BodyTooLarge, detail).with("limit", INFLATION_MAX * packed)
            }
            InflateError::NoRoom(problem) => problem,
        }
    }
}

/// Inflates a body, piece by piece, so that one that holds too much is given up before it is there. `may_hold` hears how many
/// bytes it is so far.
pub fn inflate(
    packed: &[u8],
    limit: usize,
    mut may_hold: impl FnMut(usize) -> Result<(), Problem>,
) -> Result<Bytes, InflateError> {
    let mut decoder = MultiGzDecoder::new(packed);
    let mut inflated = Vec::new();
    let mut piece = vec![0; INFLATED_AT_ONCE];
    loop {
        let count = decoder.read(&mut piece).map_err(InflateError::NoGzip)?;
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { return Ok(inflated.into()) };
        let length = inflated.len() + count;
        if length > limit {
            return Err(InflateError::TooLong { limit });
        }
        if length > packed.len().saturating_mul(INFLATION_MAX) {
            return Err(InflateError::TooDense { packed: packed.len() });
        }
        may_hold(length).map_err(InflateError::NoRoom)?;
        inflated.extend_from_slice(read);
    }
}

/// Reads a body that is not wanted and keeps nothing of it: the connection cannot go on before its end, and whoever still
/// sends does not read. One that is too long, or comes too slowly, is left, and the connection ends with the answer.
pub async fn discard(request: &HttpRequest, payload: Payload) {
    if declared_length(request).is_some_and(|length| length > DISCARD_BYTES_MAX) {
        return;
    }
    let mut pieces = Pieces::of(payload);
    while let Ok(Some(_)) = pieces.next().await
        && pieces.length <= DISCARD_BYTES_MAX
    {}
}

/// When the sender of a body is too slow.
pub struct Pace {
    began: Instant,
    received_bytes: u64,
}

impl Pace {
    pub fn begin() -> Self {
        Self { began: Instant::now(), received_bytes: 0 }
    }

    /// Waits for what comes next as long as its sender may take for it.
    pub async fn wait<T>(&self, next: impl Future<Output = T>) -> Result<T, Problem> {
        let earned = Duration::from_millis(self.received_bytes.saturating_mul(1_000) / BODY_BYTES_PER_SECOND_MIN);
        let end = self.began + BODY_TIMEOUT.min(BODY_GRACE + earned);
        timeout_at(end, next).await.map_err(|_| {
            let (whole, grace) = (BODY_TIMEOUT.as_secs(), BODY_GRACE.as_secs());
            let detail = format!(
                "the body came too slowly: it has {whole} s in all, and {grace} s for what comes at less than \
                 {BODY_BYTES_PER_SECOND_MIN} bytes a second"
            );
            Problem::new(Code::BodyTimeout, detail)
        })
    }

    /// Notes what came.
    pub const fn received(&mut self, bytes: usize) {
        self.received_bytes = self.received_bytes.saturating_add(bytes as u64);
    }
}

/// Reads a statement in compact form.
pub async fn read_statement(request: &HttpRequest, payload: Payload) -> Result<SubmittedStatement, Problem> {
    if media_type(request).as_deref() != Some(JOSE) {
        return Err(unsupported(request, "send a compact JWS as application/jose"));
    }
    Ok(SubmittedStatement::parse(&read(request, payload, STATEMENT_BYTES_MAX).await?)?)
}

/// Reads a JSON object.
pub async fn read_object(request: &HttpRequest, payload: Payload) -> Result<Fields, Problem> {
    let bytes = read_json(request, payload, "a JSON object", JSON_BYTES_MAX).await?;
    Fields::of(json::parse(&bytes)?)
}

/// Reads a JSON document of at most `limit` bytes, which the caller parses; `what` says what it is, for who sent something else.
pub async fn read_json(request: &HttpRequest, payload: Payload, what: &str, limit: usize) -> Result<Bytes, Problem> {
    if media_type(request).as_deref() != Some("application/json") {
        return Err(unsupported(request, &format!("send {what} as application/json")));
    }
    read(request, payload, limit).await
}

/// The media type of the body in lower case, without parameters.
pub fn media_type(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Says which types are taken instead of the one that was sent.
pub fn unsupported(request: &HttpRequest, instead: &str) -> Problem {
    let found = media_type(request).map_or_else(|| "no Content-Type".to_owned(), |found| format!("{found:?}"));
    Problem::new(Code::UnsupportedMediaType, format!("the request has {found}; {instead}"))
}

/// Refuses a body in a coding.
pub fn refuse_encoding(request: &HttpRequest) -> Result<(), Problem> {
    let Some(encoding) = request.headers().get(CONTENT_ENCODING) else { return Ok(()) };
    if encoding.as_bytes().eq_ignore_ascii_case(b"identity") {
        return Ok(());
    }
    let detail = format!("Content-Encoding {encoding:?} is not taken here; send the body as it is");
    Err(Problem::new(Code::UnsupportedMediaType, detail).takes_coding("identity"))
}

async fn read_limited(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
    held: &mut HeldBytes,
) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(Code::BodyTooLarge, format!("the body is longer than the limit of {limit} bytes"))
            .with("limit", limit)
    };
    if declared_length(request).is_some_and(|length| length > DISCARD_BYTES_MAX) {
        return Err(too_large());
    }
    let mut pieces = Pieces::of(payload);
    let mut bytes = BytesMut::new();
    while let Some(piece) = pieces.next().await? {
        if pieces.length > DISCARD_BYTES_MAX {
            break;
        }
        if pieces.length <= limit {
            held.grow_to(pieces.length)?;
            bytes.extend_from_slice(&piece);
        }
    }
    if pieces.length > limit { Err(too_large()) } else { Ok(bytes.freeze()) }
}

/// The length that the head of a request announces.
pub fn declared_length(request: &HttpRequest) -> Option<usize> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A body, piece by piece, as long as its sender keeps up.
struct Pieces {
    body: BodyStream<Payload>,
    pace: Pace,
    /// Bytes that have come.
    length: usize,
}

impl Pieces {
    fn of(payload: Payload) -> Self {
        Self { body: BodyStream::new(payload), pace: Pace::begin(), length: 0 }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let mut body = Pin::new(&mut self.body);
        let Some(piece) = self.pace.wait(poll_fn(|cx| body.as_mut().poll_next(cx))).await? else { return Ok(None) };
        let piece =
            piece.map_err(|error| Problem::new(Code::BodyCutOff, format!("the body cannot be read: {error}")))?;
        self.pace.received(piece.len());
        self.length = self.length.saturating_add(piece.len());
        Ok(Some(piece))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest;
    use actix_web::test::TestRequest;

    use super::*;

    async fn read_at_most(limit: usize, request: TestRequest) -> Result<Bytes, Problem> {
        let (request, mut payload) = request.to_http_parts();
        let payload = Payload::from_request(&request, &mut payload).await.unwrap();
        read(&request, payload, limit).await
    }

    #[actix_web::test]
    async fn reads_up_to_the_limit_and_names_it() {
        let request = || TestRequest::post().set_payload("abcd");
        assert_eq!(read_at_most(4, request()).await.unwrap(), "abcd");
        let problem = read_at_most(3, request()).await.unwrap_err();
        assert_eq!(
            (problem.code(), problem.detail()),
            (Code::BodyTooLarge, "the body is longer than the limit of 3 bytes")
        );
        assert_eq!(problem.to_json(false, None)["limit"], 3);
    }

    #[actix_web::test]
    async fn a_length_without_end_is_not_waited_for() {
        let request = TestRequest::post().insert_header((CONTENT_LENGTH, usize::MAX));
        assert_eq!(read_at_most(4, request).await.unwrap_err().code(), Code::BodyTooLarge);
    }

    #[actix_web::test]
    async fn compressed_bodies_are_not_taken() {
        let request = |encoding| TestRequest::post().insert_header((CONTENT_ENCODING, encoding)).set_payload("a");
        assert_eq!(read_at_most(4, request("gzip")).await.unwrap_err().code(), Code::UnsupportedMediaType);
        assert!(read_at_most(4, request("identity")).await.is_ok());
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[actix_web::test]
    async fn what_a_gzip_body_holds_counts() {
        let read = async |limit, encoding: &'static str, body: Vec<u8>| {
            let request = TestRequest::post().insert_header((CONTENT_ENCODING, encoding)).set_payload(body);
            let (request, mut payload) = request.to_http_parts();
            let payload = Payload::from_request(&request, &mut payload).await.unwrap();
            read_inflated(&request, payload, limit)
                .await
                .map_err(|problem| (problem.code(), problem.detail().to_owned()))
        };
        let text: Vec<u8> = (0..4_000_u32).flat_map(u32::to_be_bytes).collect();
        assert_eq!(read(16_000, "gzip", packed(&text)).await.unwrap(), text);
        assert_eq!(read(16_000, "X-GZIP", packed(&text)).await.unwrap(), text);
        let twice = [packed(b"ab"), packed(b"cd")].concat();
        assert_eq!(read(100, "gzip", twice).await.unwrap(), "abcd", "RFC 1952 §2.2");
        assert_eq!(read(100, "identity", b"ab".to_vec()).await.unwrap(), "ab");
        for (limit, encoding, body, code, words) in [
            (15_999, "gzip", packed(&text), Code::BodyTooLarge, "more than the limit of 15999 bytes, once"),
            (1 << 24, "gzip", packed(&vec![b' '; 1 << 20]), Code::BodyTooLarge, "more than 100 times as many"),
            (100, "gzip", b"{}".to_vec(), Code::BadRequest, "is no gzip"),
            (16_000, "gzip", packed(&text)[..900].to_vec(), Code::BadRequest, "is no gzip"),
            (100, "br", b"ab".to_vec(), Code::UnsupportedMediaType, "or in gzip"),
        ] {
            let (found, detail) = read(limit, encoding, body).await.unwrap_err();
            assert_eq!(found, code, "{words}");
            assert!(detail.contains(words), "{detail}");
        }
    }

    #[actix_web::test]
    async fn a_sender_that_falls_behind_is_not_waited_for() {
        tokio::time::pause();
        let began = Instant::now();
        let mut pace = Pace::begin();
        let problem = pace.wait(std::future::pending::<()>()).await.unwrap_err();
        assert_eq!((problem.code(), began.elapsed().as_secs()), (Code::BodyTimeout, BODY_GRACE.as_secs()));

        let began = Instant::now();
        pace = Pace::begin();
        while pace.wait(tokio::time::sleep(Duration::from_secs(1))).await.is_ok() {
            pace.received(1);
        }
        assert_eq!(began.elapsed().as_secs(), BODY_GRACE.as_secs(), "a byte a second");

        let began = Instant::now();
        pace = Pace::begin();
        while pace.wait(tokio::time::sleep(Duration::from_secs(1))).await.is_ok() {
            pace.received(70_000);
        }
        assert_eq!(began.elapsed().as_secs(), BODY_TIMEOUT.as_secs(), "whatever its speed");
    }

    #[test]
    fn media_types_have_no_case_and_no_parameters() {
        let request = TestRequest::post().insert_header((CONTENT_TYPE, "Application/JSON; charset=utf-8"));
        assert_eq!(media_type(&request.to_http_request()).as_deref(), Some("application/json"));
        assert_eq!(media_type(&TestRequest::post().to_http_request()), None);
    }
}
