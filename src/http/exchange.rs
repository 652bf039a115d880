//! What wraps every request: its id, its log line, its metrics, and what all answers have in common.

use std::borrow::Cow;
use std::cell::RefCell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use fastrand::Rng;
use uuid::{Builder, Uuid};

use crate::http::Node;
use crate::http::accept::is_for_people;
use crate::http::cross_origin;
use crate::http::epcis::{self, SaidAlways};
use crate::http::limits::Guard;
use crate::http::pages::problem_page;
use crate::http::problem::{Code, Problem};

/// The header that carries a request's id, both ways.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Characters of an id that a client may choose.
const REQUEST_ID_CHARS_MAX: usize = 64;

/// Bytes of a request's path and query: an EPCIS query with a few dozen identifiers.
pub(crate) const URI_BYTES_MAX: usize = 16 * 1024;

/// For answers that are no pages: nothing in them is to be loaded or run.
const CLOSED: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// A browser that has been here by https asks for a year by nothing else (RFC 6797). Other hosts under this name are not
/// this node's to speak for.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What a page may use of a device: the camera, to scan with.
const PAGE_MAY_USE: HeaderValue =
    HeaderValue::from_static("camera=(self), geolocation=(), microphone=(), payment=(), usb=()");

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Whether the node speaks https itself.
#[derive(Debug, Clone, Copy)]
pub struct Https(pub bool);

/// Says that every path is one of EPCIS, that no page is served to people, and which headers every answer has beside the versions.
#[derive(Debug, Clone, Copy)]
pub struct EpcisThroughout(pub &'static [SaidAlways]);

/// Carries out one exchange.
pub async fn exchange(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let id = request_id(request.headers());
    let https = request.app_data::<Https>().is_some_and(|https| https.0);
    let admitted = request.app_data::<web::Data<Guard>>().map_or(Ok(()), |guard| guard.admit(&request));
    let length = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let answer = if length > URI_BYTES_MAX {
        let detail = format!("path and query have {length} bytes; at most {URI_BYTES_MAX} are taken");
        request.error_response(Problem::new(Code::UriTooLong, detail).with("limit", URI_BYTES_MAX))
    } else if let Err(problem) = admitted.and_then(|()| check_epcis(&request)) {
        request.error_response(problem)
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    let id_text = id.to_str().unwrap_or_default();
    let (mut answer, told) = finish_problem(answer, id_text);
    if answer.request().app_data::<EpcisThroughout>().is_none() && epcis::is_at(answer.request().path()) {
        epcis::add_headers(answer.headers_mut());
    }
    record(&answer, began, id_text, &told);
    // What a gateway answers is its participant's own, and no page of another site may read it.
    match answer.request().app_data::<EpcisThroughout>().copied() {
        Some(EpcisThroughout(beside)) => epcis::add_versions(answer.headers_mut(), beside),
        None => {
            let method = answer.request().method().clone();
            cross_origin::open_answer(&method, answer.headers_mut());
        }
    }
    add_headers(answer.headers_mut(), id, https);
    Ok(answer)
}

fn check_epcis(request: &ServiceRequest) -> Result<(), Problem> {
    // A gateway gives several forms, and reads which is meant by itself.
    if request.app_data::<EpcisThroughout>().is_some() {
        return epcis::check_versions(request.headers());
    }
    if epcis::is_at(request.path()) { epcis::check(request.request()) } else { Ok(()) }
}

/// Takes the id that the client chose, when it is one that a log can bear; else makes one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_sane = |id: &&HeaderValue| {
        (1..=REQUEST_ID_CHARS_MAX).contains(&id.len())
            && id.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte))
    };
    headers.get(REQUEST_ID).filter(is_sane).cloned().unwrap_or_else(made_id)
}

/// Makes an id that was not used before. It is a name in a log and no secret, so each thread asks the system for
/// randomness once and not for every request.
fn made_id() -> HeaderValue {
    thread_local! {
        static RANDOM: RefCell<Rng> = RefCell::new(Rng::with_seed(RandomState::new().build_hasher().finish()));
    }
    let bytes = RANDOM.with_borrow_mut(|random| random.u128(..)).to_be_bytes();
    let mut buffer = Uuid::encode_buffer();
    let text: &str = Builder::from_random_bytes(bytes).into_uuid().hyphenated().encode_lower(&mut buffer);
    // Digits and hyphens, which every header may hold.
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("none"))
}

/// What the log says of a problem.
#[derive(Default)]
struct Told {
    code: &'static str,
    /// What the client is not told.
    cause: String,
}

/// Writes a problem with what only this place knows; returns what the log should say of it.
fn finish_problem(answer: ServiceResponse<BoxBody>, id: &str) -> (ServiceResponse<BoxBody>, Told) {
    let Some(error) = answer.response().error() else { return (answer, Told::default()) };
    let problem = match error.as_error::<Problem>() {
        Some(problem) => Cow::Borrowed(problem),
        None => Cow::Owned(Problem::of_status(error.as_response_error().status_code(), error)),
    };
    let is_all_epcis = answer.request().app_data::<EpcisThroughout>().is_some();
    let epcis = is_all_epcis || epcis::is_at(answer.request().path());
    let response = match is_for_people(answer.request()) && !is_all_epcis {
        true => problem_page(answer.request(), &problem, id),
        false => problem.to_response(epcis, Some(id)),
    };
    let told = Told { code: problem.code().as_str(), cause: problem.cause().unwrap_or_default().to_owned() };
    (answer.into_response(response), told)
}

fn add_headers(headers: &mut HeaderMap, id: HeaderValue, https: bool) {
    headers.insert(REQUEST_ID, id);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, CLOSED);
    }
    if https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
    }
    if headers.get(CONTENT_TYPE).is_some_and(|found| found.as_bytes().starts_with(b"text/html")) {
        headers.insert(PERMISSIONS_POLICY, PAGE_MAY_USE);
        headers.insert(CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin"));
    }
}

fn record(answer: &ServiceResponse<BoxBody>, began: Instant, id: &str, told: &Told) {
    let request = answer.request();
    let (method, path, status) = (request.method(), request.path(), answer.status());
    let took = began.elapsed();
    if let Some(node) = request.app_data::<web::Data<Node>>() {
        let route = request.match_name().unwrap_or("none");
        node.metrics.request(method.as_str(), route, status.as_u16(), took);
        if !told.code.is_empty() {
            node.metrics.refusal(told.code);
        }
    }
    let ms = took.as_secs_f64() * 1e3;
    let status_code = status.as_u16();
    let Told { code, cause } = told;
    if status == StatusCode::SERVICE_UNAVAILABLE && cause.is_empty() {
        // This node works, and says for now what it cannot do.
        tracing::warn!(%method, path, status = status_code, ms, request_id = id, code, "request");
    } else if status >= StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(%method, path, status = status_code, ms, request_id = id, code, cause, "request");
    } else {
        tracing::info!(%method, path, status = status_code, ms, request_id = id, code, "request");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn takes_a_sane_id_and_makes_one_otherwise() {
        let with = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(id).unwrap());
            request_id(&headers).to_str().unwrap().to_owned()
        };
        assert_eq!(with("trace-7.a_B"), "trace-7.a_B");
        for wrong in ["", "a b", "a\"b", &"x".repeat(65)] {
            assert!(Uuid::parse_str(&with(wrong)).is_ok(), "{wrong:?}");
        }
        let made: Vec<_> = (0..100).map(|_| made_id().to_str().unwrap().to_owned()).collect();
        assert!(made.iter().all(|id| Uuid::parse_str(id).is_ok_and(|id| id.get_version_num() == 4)));
        assert_eq!(made.iter().collect::<HashSet<_>>().len(), made.len());
    }
}
