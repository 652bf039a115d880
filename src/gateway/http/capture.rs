//! `POST /capture`: takes a document, and answers when it is on the disk.

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use aws_lc_rs::rand;
use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::gateway::clients::{GatewayClient, Scope};
use crate::gateway::http::auth::enter;
use crate::gateway::http::problems::too_long;
use crate::gateway::http::{Served, inflate, jobs};
use crate::gateway::intake::{CaptureFormat, Manner, TakenCapture, leave_out, take};
use crate::gateway::job::{Behaviour, JobId};
use crate::gateway::keeper::{Kept, KeptJob, NewJob};
use crate::http::body;
use crate::http::capture::DOCUMENT_BYTES_MAX;
use crate::http::problem::{Code, Problem};
use sealane_core::consortium::EventKey;
use sealane_core::hash::Hash;

const ERROR_BEHAVIOUR: &str = "GS1-Capture-Error-Behaviour";
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Characters of an `Idempotency-Key`: a UUID, or what a program makes of an order's number.
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;

/// The documents that are taken.
const MEDIA_TYPES: [(&str, CaptureFormat); 4] = [
    ("application/json", CaptureFormat::Json),
    ("application/ld+json", CaptureFormat::Json),
    ("application/xml", CaptureFormat::Xml),
    ("text/xml", CaptureFormat::Xml),
];

/// The encodings that the parameter `charset` of XML may name. Which it is, the document itself says.
const CHARSETS: [&str; 5] = ["utf-8", "utf-16", "utf-16le", "utf-16be", "us-ascii"];

pub async fn post_capture(
    request: HttpRequest,
    payload: web::Payload,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    let accepted = accept(&request, payload, &served, false).await?;
    Ok(taken(&accepted))
}

/// A capture that is on the disk.
pub struct Accepted {
    pub job: KeptJob,
    pub base: &'static str,
}

/// The answer to a capture that was taken, and may be under way.
pub fn taken(accepted: &Accepted) -> HttpResponse {
    let location = format!("{}/capture/{}", accepted.base, accepted.job.id);
    HttpResponse::build(StatusCode::ACCEPTED).insert_header((LOCATION, location)).json(jobs::to_json(&accepted.job))
}

/// The base under which a request came: paths in answers begin with it.
pub fn base_of(request: &HttpRequest) -> &'static str {
    if request.path().starts_with("/epcis/") { "/epcis" } else { "" }
}

/// Takes a capture, in the order of [`crate::gateway::intake`], and keeps it.
pub async fn accept(
    request: &HttpRequest,
    payload: web::Payload,
    served: &web::Data<Served>,
    single: bool,
) -> Result<Accepted, Problem> {
    let accepted = accept_from(request, payload, served, single).await;
    if let Err(problem) = &accepted {
        served.gateway.count_capture(if problem.status().is_server_error() { "not-kept" } else { "refused" });
    }
    accepted
}

async fn accept_from(
    request: &HttpRequest,
    payload: web::Payload,
    served: &web::Data<Served>,
    single: bool,
) -> Result<Accepted, Problem> {
    let client = enter(request, served, Scope::Capture).await?;
    let gateway = &served.gateway;
    gateway.door.spend(&client, Instant::now()).map_err(|seconds| {
        let limit = client.per_second.unwrap_or_default();
        let detail = format!("the client {} may post {limit} captures a second", client.name);
        Problem::new(Code::ClientRate, detail).with("limit", limit).after(seconds)
    })?;
    let behaviour = behaviour_of(request.headers())?;
    let idempotency_key = idempotency_key_of(request.headers())?;
    let (media_type, format) = media_type_of(request)?;
    let bytes = inflate::read(request, payload).await?;
    let posted = Posted { bytes, behaviour, idempotency_key, media_type, format, single };
    let (gateway, name) = (Arc::clone(gateway), client.name.clone());
    let waker = Arc::clone(&gateway);
    let job = web::block(move || keep(&gateway, client, posted)).await.map_err(Problem::internal)??;
    waker.lanes.wake(&waker, &name);
    Ok(Accepted { job, base: base_of(request) })
}

/// What a client posted.
struct Posted {
    bytes: Bytes,
    behaviour: Behaviour,
    idempotency_key: Option<String>,
    media_type: String,
    format: CaptureFormat,
    single: bool,
}

/// Reads and keeps a capture. Takes a processor's time, and waits for a disk.
fn keep(gateway: &Gateway, client: GatewayClient, posted: Posted) -> Result<KeptJob, Problem> {
    let claims = gateway.claims();
    let manner = Manner {
        format: posted.format,
        behaviour: posted.behaviour,
        is_strict: gateway.settings.is_strict,
        single: posted.single,
        participant: gateway.identities.participant(),
        claims: claims.as_ref(),
        allowed: &client.allowed,
    };
    let mut taken = take(&posted.bytes, &manner)?;
    if taken.document.len() > DOCUMENT_BYTES_MAX {
        let detail = format!("the document is longer than the limit of {DOCUMENT_BYTES_MAX} bytes in today's form");
        return Err(too_long(detail));
    }
    let repeated = without_repeats(gateway, &mut taken)?;
    let mut random = [0; 10];
    rand::fill(&mut random).map_err(|_| Problem::internal("the operating system gives no randomness"))?;
    let now = gateway.clock.now();
    let new = NewJob {
        id: JobId::new(now, random),
        client: client.name,
        received_at: now,
        digest: Hash::of(&posted.bytes),
        idempotency_key: posted.idempotency_key,
        media_type: posted.media_type,
        behaviour: posted.behaviour,
        document: taken.document,
        indices: taken.indices,
        was_query: taken.was_query,
        joint: taken.joint,
        errors: taken.errors,
        changed: told(&taken.changed, taken.more_changed),
        repeated,
    };
    let id = new.id.clone();
    let id = match gateway.keeper.keep(new, gateway.settings.limits)? {
        Kept::New => {
            gateway.count_capture("taken");
            id
        }
        Kept::Same(first) => {
            gateway.count_capture("repeated");
            first
        }
        Kept::OtherBody(first) => {
            let detail = format!("this {IDEMPOTENCY_KEY} came with another body before: that is the job {first}");
            return Err(Problem::new(Code::KeyReused, detail).with("captureID", first.as_str()));
        }
        Kept::Full => {
            let limits = gateway.settings.limits;
            let detail = format!(
                "the queue holds as much as it may, {} jobs or {} bytes; nothing was kept, post it again later",
                limits.jobs_max, limits.bytes_max
            );
            return Err(Problem::new(Code::QueueFull, detail));
        }
    };
    gateway.keeper.job(&id)?.ok_or_else(|| Problem::internal(format!("job {id} is not there")))
}

/// Leaves out the events that this gateway has made final before, and tells them. If all of them are, none is left out: the ledger
/// says where they stand.
fn without_repeats(gateway: &Gateway, taken: &mut TakenCapture) -> Result<Vec<Value>, Problem> {
    let keys: Vec<(EventKey, Hash)> = taken.facts.iter().map(|fact| (fact.key, fact.content)).collect();
    let leaves = gateway.keeper.recorded(&keys)?;
    let known = leaves.iter().enumerate().filter_map(|(at, leaf)| leaf.map(|leaf| (at, leaf)));
    let known = known.filter(|(at, _)| taken.facts.get(*at).is_some_and(|fact| !fact.declaration));
    let known: Vec<(usize, u64)> = known.collect();
    if known.is_empty() || known.len() == taken.facts.len() {
        return Ok(Vec::new());
    }
    let tell = |(at, leaf): &(usize, u64)| {
        let event_id = taken.facts.get(*at).map(|fact| fact.event_id.as_str());
        json!({"position": taken.indices.get(*at), "eventID": event_id, "firstLeafIndex": leaf})
    };
    let repeated = known.iter().map(tell).collect();
    let out: Vec<usize> = known.iter().map(|(at, _)| *at).collect();
    leave_out(taken, &out);
    Ok(repeated)
}

fn told(changed: &[sealane_core::epcis::Change], more: bool) -> Value {
    let mut list: Vec<Value> =
        changed.iter().map(|change| json!({"pointer": change.pointer, "message": change.message})).collect();
    if more {
        list.push(json!({"pointer": "", "message": format!("and more: only the first {} are listed", changed.len())}));
    }
    Value::Array(list)
}

fn behaviour_of(headers: &HeaderMap) -> Result<Behaviour, Problem> {
    let Some(value) = headers.get(ERROR_BEHAVIOUR) else { return Ok(Behaviour::Rollback) };
    let text = value.to_str().unwrap_or_default().trim();
    Behaviour::parse(text).ok_or_else(|| {
        Problem::new(Code::BadHeader, format!("{ERROR_BEHAVIOUR} is rollback or proceed, and not {text:?}"))
    })
}

fn idempotency_key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim().to_owned();
    if !(1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&text.len()) {
        let detail = format!("{IDEMPOTENCY_KEY} has 1 to {IDEMPOTENCY_KEY_CHARS_MAX} printable characters");
        return Err(Problem::new(Code::BadHeader, detail));
    }
    Ok(Some(text))
}

fn media_type_of(request: &HttpRequest) -> Result<(String, CaptureFormat), Problem> {
    let found = body::media_type(request).unwrap_or_default();
    let known = MEDIA_TYPES.iter().find(|(name, _)| *name == found);
    let Some((name, format)) = known else {
        return Err(body::unsupported(
            request,
            "send an EPCISDocument as application/json, application/ld+json or application/xml",
        ));
    };
    if let Some(charset) = charset_of(request).filter(|_| *format == CaptureFormat::Xml)
        && !CHARSETS.iter().any(|known| known.eq_ignore_ascii_case(&charset))
    {
        return Err(body::unsupported(
            request,
            &format!("the charset {charset:?} is not taken: send XML in UTF-8 or UTF-16"),
        ));
    }
    Ok(((*name).to_owned(), *format))
}

/// The parameter `charset` of the body's media type.
fn charset_of(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let charset = value.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_owned())
    })?;
    Some(charset.chars().take(40).collect())
}
