//! `POST /epcis/capture`: takes a signed EPCIS document.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::app::capture::{CaptureError, Captured, capture_within};
use crate::app::orderer::OrderError;
use crate::app::receipt::receipt;
use crate::app::{Ledger, PROMISE_MAX, Promise, Ticket, may_wait};
use crate::http::Node;
use crate::http::background::Background;
use crate::http::body::{self, JOSE};
use crate::http::capture::job::{CaptureJob, location};
use crate::http::capture::{DOCUMENT_BYTES_MAX, prefer};
use crate::http::limits::Guard;
use crate::http::metrics::{CaptureOutcome, Metrics};
use crate::http::problem::{Code, Problem};
use crate::ports::Allowance;
use sealane_core::consortium::Contradiction;
use sealane_core::ledger::PlaceRefusal;
use sealane_core::limits::STATEMENT_BYTES_MAX;
use sealane_core::statement::{StatementId, SubmittedStatement};

const JWS_SIGNATURE: &str = "JWS-Signature";
const ERROR_BEHAVIOUR: &str = "GS1-Capture-Error-Behaviour";

/// Captures a signed document as a whole or not at all. Answered once it is final, unless the client waits for less.
#[utoipa::path(post, path = "/epcis/capture", tag = "epcis",
    params(
        ("Prefer" = Option<String>, Header, description = "`wait=N`: 200 when it is final within N seconds, else 202"),
        ("JWS-Signature" = Option<String>, Header, description = "With a JSON body: the detached JWS, `header..signature`"),
    ),
    request_body(description = "A compact JWS, or the EPCISDocument with its detached JWS in `JWS-Signature`",
        content((String = "application/jose"), (Object = "application/json"), (Object = "application/ld+json"))),
    responses(
        (status = 200, description = "Final, as `Prefer: wait` asked", body = CaptureJob, headers(("Location" = String))),
        (status = 202, description = "Taken; the receipt is there once it is final", body = CaptureJob,
            headers(("Location" = String))),
        (status = 400, description = "The statement, its header or its document is wrong"),
        (status = 401, description = "The signature does not hold, or nobody registered has the certificate"),
        (status = 403, description = "The signer may not record this"),
        (status = 409, description = "The eventID stands for another event, or every event is recorded already; `receipt` is \
            the first one's"),
        (status = 413, description = "More than one capture may hold, inflated if it is in gzip; `limit` says how much it may"),
        (status = 415, description = "The body is of a type or coding that is not taken"),
        (status = 429, description = "Come back after `Retry-After` seconds"),
    ))]
pub async fn post_capture(
    request: HttpRequest,
    payload: web::Payload,
    node: web::Data<Node>,
    background: web::Data<Background>,
    guard: web::Data<Guard>,
) -> Result<HttpResponse, Problem> {
    let answered = take(&request, payload, &node, &background, guard).await;
    answered.inspect_err(|problem| node.metrics.capture_refused(problem))
}

async fn take(
    request: &HttpRequest,
    payload: web::Payload,
    node: &web::Data<Node>,
    background: &web::Data<Background>,
    guard: web::Data<Guard>,
) -> Result<HttpResponse, Problem> {
    refuse_proceeding(request)?;
    let (submitted, ticket) = read(request, payload, &node.ledger_for(request)).await?;
    let id = submitted.id();
    let wait = prefer::wait(request.headers());
    let ledger = node.ledger.clone();
    let mut work = Box::pin(async move {
        let allowance = guard.signers.as_ref().map(|signers| signers as &dyn Allowance);
        let captured = capture_within(&ledger, &ticket, submitted, allowance).await;
        match captured {
            Ok(captured) => Ok((captured, ticket)),
            Err(error) => Err(problem_of(&ledger, error).await),
        }
    });
    let done = match wait {
        None => Some(work.as_mut().await),
        Some(wait) => tokio::time::timeout(wait, work.as_mut()).await.ok(),
    };
    let (job, final_now) = match done {
        Some(captured) => {
            let (captured, _ticket) = captured?;
            count(&node.metrics, &captured);
            let job = match captured.receipt {
                Some(receipt) => CaptureJob::finished(id, receipt),
                None => CaptureJob::at_leaf(node, id, captured.placed.leaf).await?,
            };
            let job = job.with_repeats(captured.repeats);
            (job, true)
        }
        None => {
            let metrics = Arc::clone(&node.metrics);
            Arc::clone(background).carry_on(id, async move {
                match work.await {
                    Ok((captured, _)) => {
                        count(&metrics, &captured);
                        None
                    }
                    Err(problem) => {
                        metrics.capture_refused(&problem);
                        tracing::warn!(capture = %id, %problem, cause = problem.cause(), "a capture nobody waited for");
                        Some(problem.to_json(true, None))
                    }
                }
            });
            (CaptureJob::running(id), false)
        }
    };
    Ok(answer(id, &job, wait, final_now))
}

/// Reads the statement, in either of its forms, and lets it in.
///
/// A short one is let in when its body has come whole, and before anything else is done with it: one that comes slowly keeps
/// nobody out meanwhile, and one that is sent away costs little. A long one is given a place to wait before its body is read,
/// or refused: it does not cross the network for nothing. A refused body is not even kept.
async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    ledger: &Ledger,
) -> Result<(SubmittedStatement, Ticket), Problem> {
    let form = Form::of(request)?;
    let is_packed = body::is_gzip(request)?;
    let limit = match form {
        Form::Compact => STATEMENT_BYTES_MAX,
        Form::Detached => DOCUMENT_BYTES_MAX,
    };
    let (body, ticket) = match body::declared_length(request) {
        _ if is_packed => read_packed(request, payload, limit, ledger).await?,
        Some(length) if may_wait(length) && length <= limit => {
            let Some(place) = ledger.promise(length) else { return Err(refuse(request, payload).await) };
            read_long(body::read(request, payload, limit), ledger, place).await?
        }
        // One that is too long hears that, whatever the writer has to do.
        Some(length) if length > limit => (body::read(request, payload, limit).await?, None),
        _ if ledger.is_full() => return Err(refuse(request, payload).await),
        _ => {
            let body = body::read(request, payload, limit).await?;
            let ticket = ledger.try_acquire(body.len());
            (body, ticket)
        }
    };
    let ticket = ticket.ok_or(OrderError::Busy)?;
    let submitted = match form {
        Form::Compact => SubmittedStatement::parse(&body)?,
        Form::Detached => SubmittedStatement::from_detached(detached(request)?, &body)?,
    };
    Ok((submitted, ticket))
}

/// Reads a compressed body. How long it is shows once it is inflated: a long one then waits for its turn like one that came slowly.
async fn read_packed(
    request: &HttpRequest,
    payload: web::Payload,
    limit: usize,
    ledger: &Ledger,
) -> Result<(Bytes, Option<Ticket>), Problem> {
    if ledger.is_full() {
        return Err(refuse(request, payload).await);
    }
    let body = body::read_inflated(request, payload, limit).await?;
    let ticket = match may_wait(body.len()).then(|| ledger.promise(body.len())) {
        Some(Some(place)) => place.into_ticket().await,
        Some(None) => None,
        None => ledger.try_acquire(body.len()),
    };
    Ok((body, ticket))
}

async fn refuse(request: &HttpRequest, payload: web::Payload) -> Problem {
    body::discard(request, payload).await;
    OrderError::Busy.into()
}

/// Reads a long body that has a place to wait, and waits for its turn. A body that comes slowly loses its place, and needs
/// another one once it is there.
async fn read_long(
    read: impl Future<Output = Result<Bytes, Problem>>,
    ledger: &Ledger,
    place: Promise,
) -> Result<(Bytes, Option<Ticket>), Problem> {
    let mut read = pin!(read);
    let (body, place) = match tokio::time::timeout(PROMISE_MAX, &mut read).await {
        Ok(body) => (body?, Some(place)),
        Err(_) => {
            drop(place);
            let body = read.await?;
            let place = ledger.promise(body.len());
            (body, place)
        }
    };
    let ticket = match place {
        Some(place) => place.into_ticket().await,
        None => None,
    };
    Ok((body, ticket))
}

/// The forms of a statement.
#[derive(Debug, Clone, Copy)]
enum Form {
    Compact,
    /// The document as the body, and the rest in a header.
    Detached,
}

impl Form {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        match body::media_type(request).as_deref() {
            Some(JOSE) => Ok(Self::Compact),
            Some("application/json" | "application/ld+json") => Ok(Self::Detached),
            Some("application/xml" | "text/xml") => Err(body::unsupported(
                request,
                "a node takes signed JSON alone: `sealane gateway` is the participant's own EPCIS server, which reads XML and \
                 signs; or send a compact JWS as application/jose, or the EPCISDocument as application/json with its \
                 detached JWS in JWS-Signature",
            )),
            _ => Err(body::unsupported(
                request,
                "send a compact JWS as application/jose, or the EPCISDocument as application/json or application/ld+json \
                 with its detached JWS in JWS-Signature",
            )),
        }
    }
}

fn detached(request: &HttpRequest) -> Result<&str, Problem> {
    let mut values = request.headers().get_all(JWS_SIGNATURE);
    let value = values.next().ok_or_else(|| {
        let detail = "a document needs its detached JWS, `header..signature`, in the header JWS-Signature";
        Problem::new(Code::MissingSignature, detail)
    })?;
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    text.ok_or_else(|| Problem::new(Code::BadHeader, "JWS-Signature is one line of base64url and dots, given once"))
}

/// A statement is signed as a whole, so it cannot be captured in part.
fn refuse_proceeding(request: &HttpRequest) -> Result<(), Problem> {
    match request.headers().get(ERROR_BEHAVIOUR) {
        Some(value) if value.as_bytes() != b"rollback" => {
            let detail = format!("{ERROR_BEHAVIOUR} can only be rollback: a statement is captured as a whole");
            Err(Problem::new(Code::BadHeader, detail))
        }
        _ => Ok(()),
    }
}

/// The problem of a capture, with the receipt of what stands against it.
async fn problem_of(ledger: &Ledger, error: CaptureError) -> Problem {
    let first = match &error {
        CaptureError::Order(OrderError::Refused(PlaceRefusal::Conflict(Contradiction { first, .. }))) => *first,
        CaptureError::Order(OrderError::Refused(PlaceRefusal::Repeats { first, .. })) => Some(*first),
        _ => None,
    };
    let Some(first) = first else { return error.into() };
    let problem = Problem::from(error);
    match receipt(ledger, first).await {
        Ok(Some(found)) => problem.with("receipt", json!(found.receipt)),
        Ok(None) => problem,
        Err(error) => problem.caused_by(error),
    }
}

fn count(metrics: &Metrics, captured: &Captured) {
    let repeated = captured.placed.repeated;
    metrics.capture(if repeated { CaptureOutcome::Repeated } else { CaptureOutcome::Captured });
}

fn answer(id: StatementId, job: &CaptureJob, wait: Option<Duration>, final_now: bool) -> HttpResponse {
    let status = if final_now && wait.is_some() { StatusCode::OK } else { StatusCode::ACCEPTED };
    let mut answer = HttpResponse::build(status);
    if let Some(wait) = wait {
        answer.insert_header((prefer::PREFERENCE_APPLIED, format!("wait={}", wait.as_secs())));
    }
    answer.insert_header((LOCATION, location(id))).json(job)
}
