//! `GET /capture` and `GET /capture/{captureID}`: what has become of captures (EPCIS 2.0 §8.2.7, `CaptureJob`).

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, LINK};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::gateway::clients::Scope;
use crate::gateway::http::auth::enter;
use crate::gateway::http::capture::base_of;
use crate::gateway::http::{Served, blocking};
use crate::gateway::job::{JobId, PieceState};
use crate::gateway::keeper::{JobFilter, KeptJob, KeptPiece};
use crate::http::problem::{Code, Problem};

/// Jobs on a page, if the client does not say, and at the most.
const PER_PAGE: usize = 30;
const PER_PAGE_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    per_page: Option<String>,
    next_page_token: Option<String>,
}

pub async fn list_jobs(
    request: HttpRequest,
    page: web::Query<Page>,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    let client = enter(&request, &served, Scope::Capture).await?;
    let wrong =
        |name: &'static str, words: &'static str| Problem::new(Code::BadParameter, words).with("parameter", name);
    let per_page = match &page.per_page {
        None => PER_PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|count| *count > 0)
            .ok_or_else(|| wrong("perPage", "perPage is the number of jobs on a page, from 1 on"))?,
    };
    let per_page = per_page.min(PER_PAGE_MAX);
    let before = match page.next_page_token.as_deref() {
        // A client that fills in a form sends the field empty: it asks for the first page.
        None | Some("") => None,
        Some(text) => Some(
            text.parse::<i64>()
                .map_err(|_| wrong("nextPageToken", "nextPageToken is what the Link of the page before has"))?,
        ),
    };
    let filter = JobFilter { client: Some(client.name), state: None, before, jobs_max: per_page + 1 };
    let gateway = Arc::clone(&served.gateway);
    let mut jobs = blocking(move || gateway.keeper.jobs(&filter)).await?;
    let has_more = jobs.len() > per_page;
    jobs.truncate(per_page);
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, "no-cache"));
    if let Some(last) = jobs.last().filter(|_| has_more) {
        let base = base_of(&request);
        let next = format!("<{base}/capture?perPage={per_page}&nextPageToken={}>; rel=\"next\"", last.seq);
        answer.insert_header((LINK, next));
    }
    Ok(answer.json(jobs.iter().map(to_json).collect::<Vec<_>>()))
}

pub async fn get_job(
    request: HttpRequest,
    capture_id: web::Path<String>,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    let client = enter(&request, &served, Scope::Capture).await?;
    let nothing = || Problem::not_found("this client has no capture with this id");
    let id = JobId::parse(&capture_id).ok_or_else(nothing)?;
    let gateway = Arc::clone(&served.gateway);
    let job = blocking(move || gateway.keeper.job(&id)).await?;
    // Another client's job is not there for this one.
    let job = job.filter(|job| job.client == client.name).ok_or_else(nothing)?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache")).json(to_json(&job)))
}

/// A job as EPCIS has it, with the gateway's own members.
pub fn to_json(job: &KeptJob) -> Value {
    let running = job.state.is_open();
    // Of `proceed` each event that is not recorded is an error, and the capture is no success then.
    let success = running || (job.state == PieceState::Final && job.errors.is_empty());
    let mut told = json!({
        "captureID": job.id.as_str(),
        "createdAt": job.received_at.to_string(),
        "running": running,
        "success": success,
        "captureErrorBehaviour": job.behaviour.as_str(),
        "errors": job.errors,
        "sealane:state": job.state.as_str(),
        "sealane:changed": job.changed,
        "sealane:repeated": job.repeated,
    });
    if let Some(at) = job.finished_at {
        told["finishedAt"] = at.to_string().into();
    }
    if let Some(reason) = &job.reason {
        told["sealane:dropped"] = reason.as_str().into();
    }
    let mut statements = job.pieces.iter().filter_map(|piece| Some((piece, piece.statement.as_deref()?)));
    match (statements.next(), statements.next()) {
        (Some((piece, statement)), None) => tell_piece(&mut told, piece, statement),
        (Some(_), Some(_)) => {
            let all = job.pieces.iter().filter_map(|piece| {
                let mut one = json!({"events": [piece.first, piece.first + piece.count - 1], "sealane:state": piece.state.as_str()});
                tell_piece(&mut one, piece, piece.statement.as_deref()?);
                Some(one)
            });
            told["sealane:statements"] = all.collect();
        }
        _ => {}
    }
    told
}

fn tell_piece(told: &mut Value, piece: &KeptPiece, statement: &str) {
    told["sealane:statement"] = statement.into();
    told["sealane:position"] = piece.at.into();
    if let Some(receipt) = &piece.receipt {
        told["sealane:receipt"] = receipt.clone();
    }
    if let Some(node) = &piece.node {
        told["sealane:node"] = node.as_str().into();
    }
    if piece.state.is_open() {
        told["sealane:attempts"] = piece.attempts.into();
        if let Some(trouble) = &piece.trouble {
            told["sealane:trouble"] = trouble.as_str().into();
        }
        if let Some(at) = piece.next_at {
            told["sealane:nextAttempt"] = at.to_string().into();
        }
    }
}
