//! `GET /queries/{queryName}/events` as a WebSocket (RFC 6455; EPCIS 2.0 §12.7): events are told on the line as they are recorded, or on
//! a schedule. Each text message is an EPCISQueryDocument.
//!
//! Nothing of it is kept: who was cut off begins anew, with `initialRecordTime`. Nothing waits in memory for a slow reader: the next
//! events are looked up when those before them are on their way, and who takes none of them for a while is let go.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::UPGRADE;
use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{CloseCode, CloseReason, Message, MessageStream, Session};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::ask;
use super::asked::{AskedQuery, form_of};
use super::named::find;
use crate::app::query_document::QueryResults;
use crate::gateway::clients::{ClientName, Scope};
use crate::gateway::http::Served;
use crate::gateway::http::auth::enter;
use crate::gateway::subscriptions::named::QueryName;
use crate::gateway::subscriptions::scan::{Found, Scan, ScanError};
use crate::gateway::subscriptions::schedule::QuerySchedule;
use crate::gateway::subscriptions::subscription::{SubscriptionControls, SubscriptionId, Timing, ToldPlace};
use crate::http::parameters::bad;
use crate::http::problem::{Code, Problem};
use sealane_core::epcis::query::EventQuery;
use sealane_core::time::Timestamp;

/// Lines that are open at a time.
const STREAMS_MAX: usize = 128;

/// Events in one message.
const EVENTS_MAX: u32 = 1_000;

/// How often a client is asked whether it is there, and how long it may be silent.
const PING_EVERY: Duration = Duration::from_secs(30);
const SILENT_MAX: Duration = Duration::from_secs(90);

/// How long a client may take until there is room for the next message.
const SLOW_MAX: Duration = Duration::from_secs(30);

/// How often it is looked whether something is due, beside each time that the rows grow.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Bytes of a message of the client's, which says nothing that is read.
const FRAME_BYTES_MAX: usize = 4 * 1024;

/// The parameters of a subscription on a line.
const STREAM: &str = "stream";
const REPORT_IF_EMPTY: &str = "reportIfEmpty";
const INITIAL_RECORD_TIME: &str = "initialRecordTime";

static LINES: Semaphore = Semaphore::const_new(STREAMS_MAX);

/// Tells whether a request asks for a WebSocket.
pub fn is_asked_for(request: &HttpRequest) -> bool {
    let upgrade = request.headers().get(UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|value| value.split(',').any(|one| one.trim().eq_ignore_ascii_case("websocket")))
}

fn is_control(name: &str) -> bool {
    [STREAM, REPORT_IF_EMPTY, INITIAL_RECORD_TIME].contains(&name) || QuerySchedule::names().any(|known| known == name)
}

/// Refuses the parameters of a subscription where none is asked for.
pub fn refuse_controls(asked: &AskedQuery) -> Result<(), Problem> {
    match asked.names().find(|name| is_control(name)) {
        None => Ok(()),
        Some(name) => Err(bad(
            name,
            "it is of a subscription by WebSocket: send the request with Upgrade: websocket, or POST …/subscriptions for a webhook",
        )),
    }
}

/// What one line tells.
struct Line {
    id: SubscriptionId,
    client: ClientName,
    name: QueryName,
    controls: SubscriptionControls,
    query: EventQuery,
    served: web::Data<Served>,
    told: Option<ToldPlace>,
    began: Timestamp,
    last_run: Option<Timestamp>,
}

/// Opens a line.
pub async fn begin(
    request: HttpRequest,
    payload: web::Payload,
    name: QueryName,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    let client = enter(&request, &served, Scope::Subscribe).await?;
    let query = find(&served, &name).await?;
    let controls = controls_of(&request)?;
    let query = query.query().map_err(|fault| Problem::new(Code::BadSubscription, fault.to_string()))?;
    let query = controls.run_of(query)?;
    let side = served.gateway.query()?;
    let place = LINES.try_acquire().map_err(|_| {
        let detail = format!("{STREAMS_MAX} lines are open: end one first, or subscribe by webhook");
        Problem::new(Code::TooManySubscriptions, detail).with("limit", STREAMS_MAX)
    })?;
    let (answer, session, messages) = actix_ws::handle(&request, payload)
        .map_err(|error| Problem::new(Code::BadHeader, format!("this is no handshake of a WebSocket: {error}")))?;
    let began = served.gateway.now();
    let told = ToldPlace::before(side.cursor.size).filter(|_| controls.initial_record_time.is_none());
    let id = SubscriptionId::new();
    let line = Line { id, client: client.name, name, controls, query, served, told, began, last_run: None };
    let lines = line.served.gateway.metrics.lines.clone();
    lines.inc();
    actix_web::rt::spawn(async move {
        line.run(session, messages.max_frame_size(FRAME_BYTES_MAX)).await;
        drop(place);
        lines.dec();
    });
    Ok(answer)
}

fn controls_of(request: &HttpRequest) -> Result<SubscriptionControls, Problem> {
    let asked = AskedQuery::of_page(request)?;
    if let Some(other) = asked.names().find(|name| !is_control(name)) {
        return Err(bad(
            other,
            "it is none of a subscription; known are stream, the fields of a schedule, reportIfEmpty and initialRecordTime",
        ));
    }
    let one = |name: &str| asked.values(name).pop();
    let boolean = |name: &'static str| match one(name).as_deref() {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(bad(name, "it is true or false")),
    };
    let initial = one(INITIAL_RECORD_TIME).map(|text| {
        // A plus that is not encoded is a space in a query.
        text.replace(' ', "+").parse().map_err(|_| bad(INITIAL_RECORD_TIME, "it is an RFC 3339 date-time"))
    });
    let fields: Vec<(&str, String)> = QuerySchedule::names().filter_map(|name| Some((name, one(name)?))).collect();
    let fields = (!fields.is_empty()).then(|| fields.iter().map(|(name, text)| (*name, text.as_str())).collect());
    let reports_if_empty = boolean(REPORT_IF_EMPTY)?.unwrap_or_default();
    let form = form_of(request.headers())?;
    Ok(SubscriptionControls::new(boolean(STREAM)?, fields, reports_if_empty, initial.transpose()?, form)?)
}

/// Why a line ends.
enum Ended {
    /// The client has closed it, or it broke.
    ByClient,
    Close(CloseCode, String),
}

impl Line {
    async fn run(mut self, mut session: Session, mut messages: MessageStream) {
        let mut grown = self.served.gateway.rows_grown();
        let (mut heard, mut next_ping) = (Instant::now(), Instant::now() + PING_EVERY);
        let ended = loop {
            if let Err(ended) = self.tell(&mut session).await {
                break ended;
            }
            if heard.elapsed() >= SILENT_MAX {
                break Ended::Close(CloseCode::Policy, "the client is silent".to_owned());
            }
            if Instant::now() >= next_ping {
                next_ping = Instant::now() + PING_EVERY;
                if !matches!(timeout(SLOW_MAX, session.ping(b"")).await, Ok(Ok(()))) {
                    break Ended::ByClient;
                }
            }
            if self.served.gateway.is_stopping() {
                break Ended::Close(CloseCode::Away, "the gateway stops".to_owned());
            }
            tokio::select! {
                message = messages.recv() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(Message::Ping(bytes))) => drop(session.pong(&bytes).await),
                        Some(Ok(Message::Close(_)) | Err(_)) | None => break Ended::ByClient,
                        Some(Ok(_)) => {}
                    }
                }
                _ = grown.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        };
        let reason = match ended {
            Ended::ByClient => None,
            Ended::Close(code, description) => Some(CloseReason { code, description: Some(description) }),
        };
        // A line that is broken needs no word more.
        let _closed = session.close(reason).await;
    }

    fn is_due(&self, now: Timestamp) -> bool {
        match &self.controls.timing {
            Timing::Stream => true,
            Timing::Schedule(schedule) => {
                schedule.next(self.last_run.unwrap_or(self.began)).is_some_and(|next| next <= now)
            }
        }
    }

    /// Tells what is due.
    async fn tell(&mut self, session: &mut Session) -> Result<(), Ended> {
        let now = self.served.gateway.now();
        let Some(side) = self.served.gateway.query().ok().filter(|_| self.is_due(now)) else { return Ok(()) };
        let is_level = ToldPlace::before(side.cursor.size) <= self.told;
        let is_stream = self.controls.timing == Timing::Stream;
        if is_level && is_stream {
            return Ok(());
        }
        self.check_client().await?;
        let mut is_first = true;
        loop {
            let (store, query, told, size) = (Arc::clone(&side.store), self.query.clone(), self.told, side.cursor.size);
            let find = move || -> Result<Result<Found, ScanError>, Problem> {
                let scan = Scan::new(store, query, size);
                Ok(scan.and_then(|scan| {
                    if is_first {
                        scan.check_count(told)?;
                    }
                    scan.next(told, EVENTS_MAX)
                }))
            };
            let found = ask(&self.client, find).await.map_err(|problem| again(problem.detail()))?;
            let found = found.map_err(|error| match error {
                ScanError::TooMany(_) | ScanError::TooComplex(_) => Ended::Close(CloseCode::Policy, error.to_string()),
                ScanError::Store(_) => again("the gateway's query store cannot be read now"),
            })?;
            let is_empty = found.events.is_empty();
            if !is_empty || is_first && !is_stream && self.controls.reports_if_empty {
                let prefixes = side.prefixes(self.controls.form);
                let written = found.events.into_iter().map(|mut event| {
                    self.controls.form.write(&mut event.json, &prefixes);
                    event
                });
                let results = QueryResults {
                    query: self.name.to_string(),
                    subscription: Some(self.id.to_string()),
                    events: written.collect(),
                };
                let document = results.to_document(self.served.gateway.now());
                match timeout(SLOW_MAX, session.text(document)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return Err(Ended::ByClient),
                    Err(_) => return Err(Ended::Close(CloseCode::Policy, "the client reads too slowly".to_owned())),
                }
            }
            self.told = found.told;
            is_first = false;
            if is_empty {
                self.last_run = Some(now);
                return Ok(());
            }
        }
    }

    /// The query may be gone, and the client's right too.
    async fn check_client(&self) -> Result<(), Ended> {
        let (gateway, client, name) = (Arc::clone(&self.served.gateway), self.client.clone(), self.name.clone());
        let check = super::super::blocking(move || Ok((gateway.may_subscribe(&client)?, gateway.has_query(&name)?)));
        match check.await {
            Ok((true, true)) => Ok(()),
            Ok((false, _)) => Err(Ended::Close(CloseCode::Policy, "the client may not subscribe any more".to_owned())),
            Ok((true, false)) => Err(Ended::Close(CloseCode::Normal, "the query was removed".to_owned())),
            Err(problem) => Err(again(problem.detail())),
        }
    }
}

fn again(why: &str) -> Ended {
    Ended::Close(CloseCode::Again, why.to_owned())
}
