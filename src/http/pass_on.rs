//! What is posted at an observer: it is passed on to the node that is followed, and that one's answer is handed back.
//!
//! Little of a request goes on, and little of an answer comes back: a body in JSON, and the headers that a capture or a
//! registration needs. An answer with a receipt waits until the block has come here too (`arrival`).

mod arrival;

use std::sync::Arc;

use actix_web::guard::GuardContext;
use actix_web::http::header::{HeaderName, HeaderValue, VIA};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use tokio::sync::Semaphore;

use crate::http::Node;
use crate::http::asked::MEMBER_QUESTION;
use crate::http::body::{self, JOSE, JSON_BYTES_MAX};
use crate::http::capture::DOCUMENT_BYTES_MAX;
use crate::http::limits::Guard;
use crate::http::problem::{Code, PROBLEM_JSON, Problem};
use sealane_core::limits::STATEMENT_BYTES_MAX;

/// Requests that are passed on at a time: each holds a thread until it is answered.
const UNDER_WAY_MAX: usize = 128;

static UNDER_WAY: Semaphore = Semaphore::const_new(UNDER_WAY_MAX);

/// Observers in a row. More are taken for a circle.
const HOPS_MAX: usize = 4;

/// How an observer names itself in `Via` (RFC 9110 §7.6.3).
const HOP: &str = "1.1 sealane-observer";

/// Headers of a request that go on.
const REQUEST_HEADERS: &[&str] = &[
    "content-type",
    "prefer",
    "jws-signature",
    "gs1-capture-error-behaviour",
    "gs1-epcis-version",
    "x-request-id",
    MEMBER_QUESTION,
];

/// Headers of an answer that come back.
const ANSWER_HEADERS: &[&str] = &[
    "content-type",
    "location",
    "preference-applied",
    "retry-after",
    "www-authenticate",
    "gs1-epcis-version",
    "cache-control",
];

/// Types of an answer that come back: no page of another node is shown as one of this node.
const ANSWER_TYPES: &[&str] = &["application/json", PROBLEM_JSON, "application/pem-certificate-chain"];

/// Passes requests on to the nodes that an observer follows.
pub trait PassOn: Send + Sync {
    /// Asks the node that is followed now, and then the others: the next one if one cannot be reached, or answers 429 or 5xx.
    /// The calling thread waits for the answer.
    ///
    /// # Errors
    ///
    /// Why none can be reached, for people.
    fn pass_on(&self, request: &PassedRequest) -> Result<PassedAnswer, String>;
}

/// A request as it goes on.
#[derive(Debug, Clone)]
pub struct PassedRequest {
    /// It has a body.
    pub is_post: bool,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct PassedAnswer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Tells whether this node is an observer, which writes nothing of its own, or its key is no member's now.
pub fn is_observer(context: &GuardContext<'_>) -> bool {
    context.app_data::<web::Data<Node>>().is_some_and(|node| followed(node).is_some())
}

/// Who takes what is posted here, while this node's key is no member's.
fn followed(node: &Node) -> Option<&Arc<dyn PassOn>> {
    node.followed.as_ref().filter(|_| node.ledger.following().is_some())
}

/// Passes on what is posted, and hands the answer back.
pub async fn pass_on_post(
    request: HttpRequest,
    payload: web::Payload,
    node: web::Data<Node>,
) -> Result<HttpResponse, Problem> {
    let is_capture = request.path().trim_end_matches('/') == "/epcis/capture";
    let limit = match body::media_type(&request).as_deref() {
        Some(JOSE) => STATEMENT_BYTES_MAX,
        _ if is_capture => DOCUMENT_BYTES_MAX,
        _ => JSON_BYTES_MAX,
    };
    // What goes on is what it holds: the other node need not inflate it again.
    let body = match is_capture {
        true => body::read_inflated(&request, payload, limit).await?,
        false => body::read(&request, payload, limit).await?,
    };
    exchange(&node, passed(&request, body)?).await
}

/// Asks the followed node what this one does not know, such as a request that waits there. `None` at a member's node.
pub async fn pass_on_get(request: &HttpRequest, node: &Node) -> Option<Result<HttpResponse, Problem>> {
    followed(node)?;
    let passed = match passed(request, Bytes::new()) {
        Ok(passed) => passed,
        Err(problem) => return Some(Err(problem)),
    };
    Some(exchange(node, passed).await)
}

fn passed(request: &HttpRequest, body: Bytes) -> Result<PassedRequest, Problem> {
    let hops = request.headers().get_all(VIA).filter_map(|line| line.to_str().ok());
    let hops = hops.flat_map(|line| line.split(',')).filter(|hop| hop.trim() == HOP).count();
    if hops >= HOPS_MAX {
        let detail = format!(
            "the request has passed {hops} observers: do they follow each other in a circle? One of them must follow a \
             member's node"
        );
        return Err(Problem::new(Code::NotPassedOn, detail));
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let mut headers: Vec<(&'static str, String)> = Vec::new();
    for name in REQUEST_HEADERS {
        let values = request.headers().get_all(*name).filter_map(|value| value.to_str().ok());
        headers.extend(values.map(|value| (*name, value.to_owned())));
    }
    headers.push(("accept", "application/json".to_owned()));
    headers.push(("via", vec![HOP; hops + 1].join(", ")));
    // The member counts what each client takes, if it takes this node's word for who that is.
    let client = request.app_data::<web::Data<Guard>>().and_then(|guard| guard.address_seen(request));
    headers.extend(client.map(|client| ("x-forwarded-for", client.to_string())));
    Ok(PassedRequest { is_post: request.method() == Method::POST, target, headers, body })
}

async fn exchange(node: &Node, request: PassedRequest) -> Result<HttpResponse, Problem> {
    let Some(followed) = followed(node).cloned() else { return Err(Problem::internal("this node follows none")) };
    let permit = UNDER_WAY.try_acquire().map_err(|_| {
        Problem::new(Code::Busy, format!("{UNDER_WAY_MAX} requests wait for the followed node's answer already"))
    })?;
    let is_post = request.is_post;
    let waiting = web::block(move || {
        // Held until the node has answered, though the client may be gone.
        let _permit = permit;
        followed.pass_on(&request)
    });
    let answer = waiting.await.map_err(Problem::internal)?;
    let answer = answer.map_err(|cause| unreachable(node).caused_by(cause))?;
    handed_back(&arrival::await_block(node, is_post, answer).await?)
}

fn unreachable(node: &Node) -> Problem {
    let following = node.ledger.following().unwrap_or_default();
    let urls: Vec<&str> = following.nodes.iter().map(|one| one.url.as_str()).collect();
    let detail = format!(
        "this node is an observer and records nothing itself; it passes requests on to {}, and none can be reached. Nothing was \
         taken, unless the connection broke off: post the same bytes again later, or at a member's node. What is recorded can \
         be read here as ever",
        urls.join(", ")
    );
    Problem::new(Code::NotPassedOn, detail)
}

fn handed_back(answer: &PassedAnswer) -> Result<HttpResponse, Problem> {
    let status = StatusCode::from_u16(answer.status).ok().filter(|status| !status.is_informational());
    let status = status.filter(|status| !status.is_redirection()).ok_or_else(|| false_answer("its status"))?;
    let header = |name: &str| answer.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str());
    let found = header("content-type").unwrap_or_default();
    let found = found.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !answer.body.is_empty() && !ANSWER_TYPES.contains(&found.as_str()) {
        return Err(false_answer("its body is no JSON"));
    }
    let mut response = HttpResponse::build(status);
    for name in ANSWER_HEADERS {
        // Only a path of this ledger's interface: no link to elsewhere.
        let value = header(name).filter(|value| *name != "location" || is_path(value));
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            response.insert_header((HeaderName::from_static(name), value));
        }
    }
    Ok(response.body(answer.body.clone()))
}

fn false_answer(what: &str) -> Problem {
    Problem::new(Code::NotPassedOn, format!("the followed node did not answer as a Sealane node does: {what}"))
}

fn is_path(value: &str) -> bool {
    value.starts_with('/') && !value.starts_with("//")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> PassedAnswer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        PassedAnswer { status, headers, body: body.into() }
    }

    #[test]
    fn what_a_client_needs_is_handed_back_and_nothing_else() {
        let headers = [
            ("content-type", "application/json"),
            ("location", "/epcis/capture/x"),
            ("set-cookie", "a=b"),
            ("preference-applied", "wait=3"),
            ("content-security-policy", "default-src *"),
        ];
        let back = handed_back(&answer(202, &headers, "{}")).unwrap();
        let names: Vec<&str> = back.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(back.status(), StatusCode::ACCEPTED);
        for (name, is_there) in headers.map(|(name, _)| name).into_iter().zip([true, true, false, true, false]) {
            assert_eq!(names.contains(&name), is_there, "{name} in {names:?}");
        }
        for elsewhere in ["https://evil.example/", "//evil.example/"] {
            let headers = [("content-type", "application/json"), ("location", elsewhere)];
            assert!(handed_back(&answer(202, &headers, "{}")).unwrap().headers().get("location").is_none());
        }
    }

    #[test]
    fn a_page_or_a_redirect_of_another_node_is_not_handed_back() {
        for wrong in [
            answer(200, &[("content-type", "text/html")], "<script>"),
            answer(200, &[], "{}"),
            answer(302, &[("location", "/x")], ""),
            answer(101, &[], ""),
            answer(99, &[], ""),
        ] {
            let problem = handed_back(&wrong).unwrap_err();
            assert_eq!((problem.code(), problem.status().as_u16()), (Code::NotPassedOn, 503), "{wrong:?}");
        }
    }

    #[test]
    fn few_headers_go_on_and_a_circle_ends() {
        let request = TestRequest::post().uri("/epcis/capture?x=1").insert_header(("Cookie", "a=b"));
        let request =
            request.insert_header(("JWS-Signature", "a..b")).insert_header((VIA, "1.0 proxy")).to_http_request();
        let sent = passed(&request, Bytes::from_static(b"x")).unwrap();
        let names: Vec<&str> = sent.headers.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["jws-signature", "accept", "via"]);
        assert_eq!((sent.target.as_str(), &sent.body[..]), ("/epcis/capture?x=1", &b"x"[..]));
        assert_eq!(sent.headers[2].1, HOP);
        let circle = [HOP; HOPS_MAX].join(", ");
        let request = TestRequest::post().insert_header((VIA, circle)).to_http_request();
        assert_eq!(passed(&request, Bytes::new()).unwrap_err().code(), Code::NotPassedOn);
    }
}
