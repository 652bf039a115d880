//! What went wrong, as RFC 9457 problem details. `codes` has each code with its status, and `conversions` and `votes` say which error
//! has which code. (The page of `/scan` has statuses of its own, in `scan/page.rs`.)
//!
//! Every problem has a [`Code`], which programs go by and `docs/API.md` lists. An error that is not the client's business
//! outside becomes [`Code::Internal`]: its cause goes to the log, once, and the answer says nothing of it.

mod codes;
mod conversions;
mod votes;

use std::borrow::Cow;
use std::fmt;

use actix_web::http::header::{
    ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, ResponseError};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

pub use codes::Code;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A refusal on its way to the client.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    // Boxed, so that the results of handlers stay small.
    rest: Box<Rest>,
}

#[derive(Debug, Clone, Default)]
struct Rest {
    detail: Cow<'static, str>,
    /// Further members, such as `faults` or `limit`.
    members: Map<String, Value>,
    /// For the log alone.
    cause: Option<String>,
    allow: Option<String>,
    /// The coding of bodies that is taken instead (RFC 7694 §3).
    coding: Option<&'static str>,
    /// When it makes sense to come back, in seconds, where that is known better than by the code.
    retry_after_s: Option<u32>,
}

/// What the OpenAPI document says of a problem. The members after `requestId` stand where they help.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemSchema {
    /// Under `/epcis` an `epcisException:…` of EPCIS 2.0 where it has one that fits; else `urn:sealane:problem:` and the
    /// code.
    #[serde(rename = "type")]
    uri: String,
    title: String,
    status: u16,
    /// What is wrong with this request, and what would be right.
    detail: String,
    /// A stable name for programs; `docs/API.md` lists them.
    code: String,
    /// As in the answer's `X-Request-Id` and the node's log.
    request_id: String,
    faults: Option<Vec<FaultSchema>>,
    /// The limit that was passed: bytes, events, identifiers, or requests a second.
    limit: Option<u64>,
    /// The name of the query parameter at fault.
    parameter: Option<String>,
    /// Of an id that was typed wrongly, which sentence `detail` is, and what was filled into it.
    rule: Option<String>,
    #[schema(value_type = Option<Object>)]
    values: Option<Value>,
    /// Where the earlier statement stands that this one conflicts with.
    #[schema(value_type = Option<Object>)]
    receipt: Option<Value>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Fault)]
pub struct FaultSchema {
    /// JSON pointer (RFC 6901) to the value at fault.
    pointer: String,
    message: String,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, rest: Box::new(Rest { detail: detail.into(), ..Rest::default() }) }
    }

    /// There is nothing with that name.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound, detail)
    }

    /// A failure of the node's own.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(Code::Internal, "The fault is the node's. Its log has the rest, under this request's id.")
            .caused_by(cause)
    }

    /// The path exists, and does not take the method.
    pub fn method_not_allowed(method: &Method, allow: &str) -> Self {
        let detail = format!("{method} is not taken here; {allow} are");
        let mut problem = Self::new(Code::MethodNotAllowed, detail);
        problem.rest.allow = Some(allow.to_owned());
        problem
    }

    /// What an answer of the framework's own says.
    pub fn of_status(status: StatusCode, cause: impl fmt::Display) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found("nothing is served at this path"),
            status if status.is_client_error() => Self::new(Code::BadRequest, cause.to_string()),
            _ => Self::internal(cause),
        }
    }

    /// Adds a member.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.rest.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds what is wrong at which place of the body.
    pub fn with_faults<'a>(self, faults: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let faults = faults.into_iter().map(|(pointer, message)| json!({"pointer": pointer, "message": message}));
        self.with("faults", faults.collect::<Vec<_>>())
    }

    /// Says which coding of bodies is taken.
    pub fn takes_coding(mut self, coding: &'static str) -> Self {
        self.rest.coding = Some(coding);
        self
    }

    /// Says when it makes sense to come back, in seconds.
    pub fn after(mut self, seconds: u32) -> Self {
        self.rest.retry_after_s = Some(seconds);
        self
    }

    /// Notes the cause for the log.
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.rest.cause = Some(cause.to_string());
        self
    }

    pub const fn code(&self) -> Code {
        self.code
    }

    pub fn detail(&self) -> &str {
        &self.rest.detail
    }

    /// A further member, such as `limit`.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.rest.members.get(name)
    }

    /// What only the log may say.
    pub fn cause(&self) -> Option<&str> {
        self.rest.cause.as_deref()
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The problem as JSON. `epcis` is for paths where EPCIS 2.0 says what types there are.
    pub fn to_json(&self, epcis: bool, request_id: Option<&str>) -> Value {
        json!(Told { problem: self, epcis, request_id })
    }

    /// The whole answer.
    pub fn to_response(&self, epcis: bool, request_id: Option<&str>) -> HttpResponse {
        let told = Told { problem: self, epcis, request_id };
        // It is made of texts and of JSON that was read, which can always be written.
        let body = serde_json::to_vec(&told).unwrap_or_default();
        let json = HeaderValue::from_static(PROBLEM_JSON);
        let mut answer = HttpResponse::build(self.status()).insert_header((CONTENT_TYPE, json)).body(body);
        self.add_headers(answer.headers_mut());
        answer
    }

    /// Adds what the status asks for, in whatever form the problem is told.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        if let Some(seconds) = self.rest.retry_after_s.or(self.code.retry_after_s()) {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(coding) = self.rest.coding {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(coding));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            // RFC 9110 §11.6.1 asks for a challenge; what a node asks for is a signature, and a gateway a key.
            let challenge = match self.code {
                Code::MissingKey | Code::WrongKey => "Bearer realm=\"sealane\", Basic realm=\"sealane\"",
                _ => "JWS",
            };
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(allow) = self.rest.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            headers.insert(ALLOW, allow);
        }
    }
}

/// A problem as one request hears of it.
struct Told<'a> {
    problem: &'a Problem,
    epcis: bool,
    request_id: Option<&'a str>,
}

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Problem { code, rest } = self.problem;
        let mut problem = serializer.serialize_map(None)?;
        match code.epcis_exception().filter(|_| self.epcis) {
            Some(exception) => problem.serialize_entry("type", &format_args!("epcisException:{exception}"))?,
            None => problem.serialize_entry("type", &format_args!("urn:sealane:problem:{}", code.as_str()))?,
        }
        problem.serialize_entry("title", code.title())?;
        problem.serialize_entry("status", &code.status())?;
        problem.serialize_entry("detail", &rest.detail)?;
        problem.serialize_entry("code", code.as_str())?;
        for (name, value) in &rest.members {
            problem.serialize_entry(name, value)?;
        }
        if let Some(id) = self.request_id {
            problem.serialize_entry("requestId", id)?;
        }
        problem.end()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.rest.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    /// The status alone: `exchange`, which is around every handler, writes the answer with the request's id.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_epcis_own_under_epcis_only() {
        let problem = Problem::new(Code::RoleStep, "no").with_faults([("/a", "b")]);
        let json = problem.to_json(true, Some("r-1"));
        assert_eq!(
            json,
            json!({
                "type": "epcisException:SecurityException",
                "title": "The signer's role does not record this",
                "status": 403,
                "detail": "no",
                "code": "role-step",
                "faults": [{"pointer": "/a", "message": "b"}],
                "requestId": "r-1",
            })
        );
        assert_eq!(problem.to_json(false, None)["type"], "urn:sealane:problem:role-step");
    }

    #[test]
    fn an_internal_cause_stays_inside() {
        let problem = Problem::internal("secret path");
        assert!(!problem.to_json(true, None).to_string().contains("secret"));
        assert_eq!(problem.cause(), Some("secret path"));
    }

    #[test]
    fn headers_go_with_the_status() {
        let busy = Problem::new(Code::Busy, "").to_response(false, None);
        assert_eq!(busy.headers().get(RETRY_AFTER).unwrap(), "1");
        let method = Problem::method_not_allowed(&Method::PUT, "GET, HEAD, OPTIONS").to_response(false, None);
        assert_eq!(method.headers().get(ALLOW).unwrap(), "GET, HEAD, OPTIONS");
        let unsigned = Problem::new(Code::MissingSignature, "").to_response(true, None);
        assert!(unsigned.headers().contains_key(WWW_AUTHENTICATE));
    }
}
