//! `POST /events`: takes one event, and waits a little until it is final.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::{Instant, timeout_at};

use crate::gateway::http::capture::{Accepted, accept, taken};
use crate::gateway::http::{Served, blocking, jobs};
use crate::gateway::job::PieceState;
use crate::gateway::keeper::KeptJob;
use crate::http::problem::Problem;
use sealane_core::epcis::{self, Reader};

/// How long the answer waits for the event to become final: two blocks among members that are far from each other.
const FINAL_WITHIN: Duration = Duration::from_secs(30);

pub async fn post_event(
    request: HttpRequest,
    payload: web::Payload,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    let mut landed = served.gateway.landed.subscribe();
    let mut accepted = accept(&request, payload, &served, true).await?;
    let until = Instant::now() + FINAL_WITHIN;
    while accepted.job.state.is_open() {
        // What ended between the last look and this one has changed the count.
        if timeout_at(until, landed.changed()).await.is_err() {
            break;
        }
        accepted.job = look(&served, accepted.job).await?;
    }
    if accepted.job.state != PieceState::Final {
        return Ok(taken(&accepted));
    }
    created(&served, &accepted).await
}

async fn look(served: &web::Data<Served>, job: KeptJob) -> Result<KeptJob, Problem> {
    let gateway = Arc::clone(&served.gateway);
    blocking(move || Ok(gateway.keeper.job(&job.id)?.unwrap_or(job))).await
}

/// 201 with the place of the event.
async fn created(served: &web::Data<Served>, accepted: &Accepted) -> Result<HttpResponse, Problem> {
    let (gateway, number) = (Arc::clone(&served.gateway), accepted.job.seq);
    let document = blocking(move || gateway.keeper.document(number)).await?;
    let event_id = document.and_then(|stored| {
        let read = epcis::read(&stored.document, Reader::Strict).ok()?;
        Some(read.events.first()?.event_id.uri.clone())
    });
    let mut answer = HttpResponse::build(StatusCode::CREATED);
    if let Some(event_id) = event_id {
        let path = utf8_percent_encode(&event_id, NON_ALPHANUMERIC);
        answer.insert_header((LOCATION, format!("{}/events/{path}", accepted.base)));
    }
    Ok(answer.json(jobs::to_json(&accepted.job)))
}
