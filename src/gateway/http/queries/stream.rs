//! `GET /queries/{queryName}/events` as a WebSocket (RFC 6455; EPCIS 2.0 §12.7): events are told on the line as they are recorded, or on
//! a schedule. Each text message is an EPCISQueryDocument.
//!
//! Nothing of it is kept: who was cut off begins anew, with `initialRecordTime`. Of a slow reader one document waits in memory: the next
//! events are looked up when the client has read those before them, and who reads none of them for a while is let go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::http::header::{HOST, ORIGIN, UPGRADE};
use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{CloseCode, CloseReason, Message, MessageStream, Session};
use tokio::time::{Instant, timeout};

use super::ask;
use super::asked::{AskedQuery, form_of};
use super::named::find;
use crate::app::query_document::QueryResults;
use crate::gateway::clients::{ClientName, Scope};
use crate::gateway::http::auth::enter;
use crate::gateway::http::{Served, blocking};
use crate::gateway::query::QuerySide;
use crate::gateway::query::store::FoundEvent;
use crate::gateway::subscriptions::named::{NamedQuery, QueryName};
use crate::gateway::subscriptions::scan::{Found, Scan, ScanError};
use crate::gateway::subscriptions::schedule::QuerySchedule;
use crate::gateway::subscriptions::subscription::{SubscriptionControls, SubscriptionId, Timing, ToldPlace};
use crate::http::parameters::bad;
use crate::http::problem::{Code, Problem};
use sealane_core::epcis::query::EventQuery;
use sealane_core::time::Timestamp;

/// Lines that are open at a time, and those of one client.
const STREAMS_MAX: usize = 128;
const STREAMS_OF_CLIENT_MAX: usize = 16;

/// Events in one message.
const EVENTS_MAX: u32 = 1_000;

/// How often a client is asked whether it is there, and how long it may be silent.
const PING_EVERY: Duration = Duration::from_secs(30);
const SILENT_MAX: Duration = Duration::from_secs(90);

/// How long a client may take to read a message.
const SLOW_MAX: Duration = Duration::from_secs(30);

/// How long a client is waited for until its line is closed.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// How often it is looked whether something is due, beside each time that the rows grow.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Bytes of a message of the client's, which says nothing that is read.
const FRAME_BYTES_MAX: usize = 4 * 1024;

/// The parameters of a subscription on a line.
const STREAM: &str = "stream";
const REPORT_IF_EMPTY: &str = "reportIfEmpty";
const INITIAL_RECORD_TIME: &str = "initialRecordTime";

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

/// Lines that are open, by their clients.
static LINES: Mutex<BTreeMap<ClientName, usize>> = Mutex::new(BTreeMap::new());

/// The place of an open line.
struct LinePlace(ClientName);

impl LinePlace {
    /// Takes a place, if there is one and the client has not too many.
    fn take(client: &ClientName) -> Result<Self, Problem> {
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        let refuse = |whose: &str, limit: usize| {
            let detail = format!("{whose} has {limit} lines open: end one first, or subscribe by webhook");
            Err(Problem::new(Code::TooManySubscriptions, detail).with("limit", limit))
        };
        if lines.get(client).is_some_and(|own| *own >= STREAMS_OF_CLIENT_MAX) {
            return refuse("the client", STREAMS_OF_CLIENT_MAX);
        }
        if lines.values().sum::<usize>() >= STREAMS_MAX {
            return refuse("the gateway", STREAMS_MAX);
        }
        *lines.entry(client.clone()).or_default() += 1;
        Ok(Self(client.clone()))
    }
}

impl Drop for LinePlace {
    fn drop(&mut self) {
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = lines.get_mut(&self.0) {
            *own -= 1;
            if *own == 0 {
                lines.remove(&self.0);
            }
        }
    }
}

/// What one line tells.
struct Line {
    id: SubscriptionId,
    client: ClientName,
    named: NamedQuery,
    controls: SubscriptionControls,
    query: EventQuery,
    served: web::Data<Served>,
    told: Option<ToldPlace>,
    /// When the query is run next by its schedule.
    next_run: Option<Timestamp>,
    /// When the run began of which not everything is told.
    run: Option<Timestamp>,
    /// Of the last document: the bytes of the ping behind it, and when they were sent. The answer says that the client has read it.
    unread: Option<([u8; 8], Instant)>,
    sent: u64,
}

/// Opens a line.
pub async fn begin(
    request: HttpRequest,
    payload: web::Payload,
    name: QueryName,
    served: web::Data<Served>,
) -> Result<HttpResponse, Problem> {
    refuse_other_sites(&request)?;
    let client = enter(&request, &served, Scope::Subscribe).await?;
    let named = find(&served, &name).await?;
    let controls = controls_of(&request)?;
    let query = named.query().map_err(|fault| Problem::new(Code::BadSubscription, fault.to_string()))?;
    let query = controls.run_of(query)?;
    let side = served.gateway.query()?;
    let place = LinePlace::take(&client.name)?;
    let (answer, session, messages) = actix_ws::handle(&request, payload)
        .map_err(|error| Problem::new(Code::BadHeader, format!("this is no handshake of a WebSocket: {error}")))?;
    let told = ToldPlace::before(side.cursor.size).filter(|_| controls.initial_record_time.is_none());
    let mut line = Line {
        id: SubscriptionId::new(),
        client: client.name,
        named,
        controls,
        query,
        served,
        told,
        next_run: None,
        run: None,
        unread: None,
        sent: 0,
    };
    line.plan(line.served.gateway.now());
    let lines = line.served.gateway.metrics.lines.clone();
    lines.inc();
    actix_web::rt::spawn(async move {
        line.run(session, messages.max_frame_size(FRAME_BYTES_MAX)).await;
        drop(place);
        lines.dec();
    });
    Ok(answer)
}

/// A page of another site may open a line too, as the standard for browsers has it, and its reader's browser would add what lets the
/// reader in.
fn refuse_other_sites(request: &HttpRequest) -> Result<(), Problem> {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let (Some(origin), host) = (text(ORIGIN), text(HOST).unwrap_or_default()) else { return Ok(()) };
    let is_own = origin.split_once("://").is_some_and(|(_, site)| site.eq_ignore_ascii_case(host));
    if is_own {
        return Ok(());
    }
    Err(Problem::new(
        Code::ClientNotAllowed,
        format!("a page of {origin:?} opens no line here: Origin has to be of this host"),
    ))
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
        let mut is_to_look = true;
        let ended = loop {
            if is_to_look && let Err(ended) = self.step(&mut session).await {
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
            is_to_look = true;
            tokio::select! {
                message = messages.recv() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(Message::Pong(bytes))) => is_to_look = self.note_read(&bytes),
                        Some(Ok(Message::Ping(bytes))) => {
                            is_to_look = false;
                            if !matches!(timeout(SLOW_MAX, session.pong(&bytes)).await, Ok(Ok(()))) {
                                break Ended::ByClient;
                            }
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => break Ended::ByClient,
                        Some(Ok(_)) => is_to_look = false,
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
        let _closed = timeout(CLOSE_MAX, session.close(reason)).await;
    }

    /// Finds when the query is run next, after a time.
    fn plan(&mut self, after: Timestamp) {
        self.next_run = self.controls.timing.next_run(after);
    }

    /// Takes the answer to a ping; true if the last document is read by it.
    fn note_read(&mut self, bytes: &[u8]) -> bool {
        let is_read = self.unread.is_some_and(|(ping, _)| ping == bytes);
        if is_read {
            self.unread = None;
        }
        is_read
    }

    /// Sends the next document that is due, if the one before is read.
    async fn step(&mut self, session: &mut Session) -> Result<(), Ended> {
        if let Some((_, since)) = self.unread {
            let is_slow = since.elapsed() >= SLOW_MAX;
            return if is_slow { Err(too_slow()) } else { Ok(()) };
        }
        let now = self.served.gateway.now();
        let is_stream = self.controls.timing == Timing::Stream;
        let is_due = is_stream || self.run.is_some() || self.next_run.is_some_and(|next| next <= now);
        let Some(side) = self.served.gateway.query().ok().filter(|_| is_due) else { return Ok(()) };
        let is_level = ToldPlace::before(side.cursor.size) <= self.told;
        if is_level && is_stream {
            self.run = None;
            return Ok(());
        }
        let is_first = self.run.is_none();
        if is_first {
            self.check_client().await?;
        }
        let run = *self.run.get_or_insert(now);
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
        let is_over = found.events.is_empty();
        if !is_over || is_first && !is_stream && self.controls.reports_if_empty {
            self.send(session, found.events, &side).await?;
        }
        self.told = found.told;
        if is_over {
            self.run = None;
            self.plan(run);
        }
        Ok(())
    }

    /// Sends a document, and behind it a ping: only when that is answered, the next one follows. So one waits in memory at the most.
    async fn send(
        &mut self,
        session: &mut Session,
        mut events: Vec<FoundEvent>,
        side: &QuerySide,
    ) -> Result<(), Ended> {
        let form = self.controls.form;
        form.write_events(&mut events, &side.prefixes(form));
        let results =
            QueryResults { query: self.named.name.to_string(), subscription: Some(self.id.to_string()), events };
        let document = results.to_document(self.served.gateway.now());
        self.sent += 1;
        let ping = self.sent.to_be_bytes();
        let sent = async {
            session.text(document).await?;
            session.ping(&ping).await
        };
        match timeout(SLOW_MAX, sent).await {
            Ok(Ok(())) => {
                self.unread = Some((ping, Instant::now()));
                Ok(())
            }
            Ok(Err(_)) => Err(Ended::ByClient),
            Err(_) => Err(too_slow()),
        }
    }

    /// The query may be gone or another one, and the client's right too.
    async fn check_client(&self) -> Result<(), Ended> {
        let (gateway, client, name) = (Arc::clone(&self.served.gateway), self.client.clone(), self.named.name.clone());
        let check = blocking(move || Ok((gateway.may_subscribe(&client)?, gateway.named_query(&name)?)));
        match check.await {
            Ok((true, Some(query))) if query == self.named => Ok(()),
            Ok((true, _)) => Err(Ended::Close(CloseCode::Normal, "the query was removed".to_owned())),
            Ok((false, _)) => Err(Ended::Close(CloseCode::Policy, "the client may not subscribe any more".to_owned())),
            Err(problem) => Err(again(problem.detail())),
        }
    }
}

fn too_slow() -> Ended {
    Ended::Close(CloseCode::Policy, "the client reads too slowly".to_owned())
}

fn again(why: &str) -> Ended {
    Ended::Close(CloseCode::Again, why.to_owned())
}
