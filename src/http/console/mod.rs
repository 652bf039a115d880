//! The operator's page, on a listener of its own that only this machine reaches (`serve --console`).
//!
//! It reads; acting stays with the command line, and the page says which command. A browser gets in by a link that `sealane
//! console` signs with the member's key and that opens once (`door`). `guard` refuses what other sites send; `figures` gathers
//! what is told, `wants` says what is to be done about it, and `page` shows both. `history` keeps the last hour.
//!
//! Nothing of it is on the node's public listener, and of the public listener only style and icon are here.

mod chart;
mod door;
mod figures;
mod guard;
mod history;
mod page;
mod refusal;
mod wants;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::header::{COOKIE, LOCATION, SET_COOKIE};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use tokio::task::JoinHandle;

use crate::http::problem::Problem;
use crate::http::server::Served;
use crate::http::{Metrics, Node, assets};
use door::{Door, SESSION_LIFE};
use guard::exchange;
pub use history::{CounterReading, Spread};
use history::{LastHour, MINUTES, Minute, SAMPLE_EVERY};
use refusal::{ConsoleRefusal, refusal_page};
use sealane_core::consortium::ConsoleLink;
use sealane_core::statement::PublicKey;
use sealane_core::time::Timestamp;

/// Connections to the console at a time: a few browsers of one operator.
const CONNECTIONS_MAX: usize = 64;

/// How long a browser may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Cookies of its name that are looked at.
const COOKIES_MAX: usize = 8;

/// Where a link leads; the query `link` has the member's word.
pub const ENTRY_PATH: &str = "/enter";

/// What the console is served with.
#[derive(Clone)]
pub struct ConsoleSetup {
    /// The public half of the key that signs links: that of the member whose node this is.
    pub key: PublicKey,
    /// Certificates of the node's own that are known.
    pub ends: Vec<KnownEnd>,
    pub machine: Arc<dyn Machine>,
}

/// When a certificate of the node's own ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownEnd {
    pub of: EndOf,
    pub end: Timestamp,
}

/// Whose end it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndOf {
    /// The member's authority, which issues participants' certificates.
    Authority,
    /// What the node shows itself with by https.
    Https,
}

/// Tells how the machine is that the node runs on. The calling thread may wait for a disk.
pub trait Machine: Send + Sync {
    fn reading(&self) -> MachineReading;
}

/// How the machine is at one moment; what it does not tell is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineReading {
    /// The data directory, as commands name it.
    pub data: String,
    /// Bytes of the disk with the data directory.
    pub disk: Option<Room>,
    /// Bytes of memory: of this process, and of what it may have.
    pub memory: Option<Room>,
    /// Open files of this process, and how many it may have.
    pub files: Option<Room>,
    /// Bytes of the ledger's files, if it is in files.
    pub ledger_bytes: Option<u64>,
}

/// How much of something is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    pub used: u64,
    pub of: u64,
}

/// The console of a running node.
pub struct Console {
    address: SocketAddr,
    key: PublicKey,
    ends: Vec<KnownEnd>,
    machine: Arc<dyn Machine>,
    since: Timestamp,
    started: Instant,
    door: Mutex<Door>,
    history: Mutex<LastHour>,
}

/// The console while it is served.
pub struct Opened {
    handle: ServerHandle,
    server: JoinHandle<io::Result<()>>,
    sampling: JoinHandle<()>,
}

impl Opened {
    /// Ends it, with what it holds of the node.
    pub async fn stop(self) {
        self.sampling.abort();
        self.handle.stop(false).await;
        match self.server.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the console ended badly"),
            Err(error) => tracing::warn!(%error, "the console ended badly"),
        }
    }
}

/// Begins to serve the console of a node on a bound socket, and to keep its last hour.
pub fn open(setup: ConsoleSetup, listener: TcpListener, served: &Served) -> io::Result<Opened> {
    let (now, started) = (served.node.ledger.now(), Instant::now());
    let console = web::Data::new(Console {
        address: listener.local_addr()?,
        key: setup.key,
        ends: setup.ends,
        machine: setup.machine,
        since: now,
        started,
        door: Mutex::new(Door::new(now, started)),
        history: Mutex::default(),
    });
    let sampling = tokio::spawn(sample(console.clone(), Arc::clone(&served.node.metrics)));
    let server = start(console, listener, served)?;
    Ok(Opened { handle: server.handle(), server: tokio::spawn(server), sampling })
}

fn start(console: web::Data<Console>, listener: TcpListener, served: &Served) -> io::Result<Server> {
    let served = served.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(console.clone())
            .app_data(served.node.clone())
            .app_data(served.guard.clone())
            .route("/", web::get().to(get_page))
            .route(ENTRY_PATH, web::get().to(enter))
            .route("/assets/{file}", web::get().to(get_asset))
            .default_service(web::to(nowhere))
            .wrap(from_fn(exchange))
    });
    let server = server.workers(1).max_connections(CONNECTIONS_MAX).client_request_timeout(HEAD_TIMEOUT);
    Ok(server.shutdown_timeout(1).disable_signals().listen(listener)?.run())
}

/// Reads the counters again and again.
async fn sample(console: web::Data<Console>, metrics: Arc<Metrics>) {
    let mut ticks = tokio::time::interval(SAMPLE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        console.history().keep(console.started.elapsed(), metrics.counts());
    }
}

impl Console {
    /// The last hour, up to now.
    fn minutes(&self, metrics: &Metrics) -> [Option<Minute>; MINUTES] {
        self.history().minutes(self.started.elapsed(), &metrics.counts())
    }

    fn history(&self) -> MutexGuard<'_, LastHour> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cookie's name has the port in it: browsers show a cookie to every port of a host, and a machine may have several
    /// nodes.
    fn cookie_name(&self) -> String {
        format!("sealane-console-{}", self.address.port())
    }

    fn is_in(&self, request: &HttpRequest) -> bool {
        let name = self.cookie_name();
        let lines = request.headers().get_all(COOKIE).filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        // Another program of this machine may have set cookies of this name, which do not stand in the way of the good one.
        let mut held = pairs.filter(|(held, _)| *held == name).take(COOKIES_MAX);
        let (door, now) = (self.door(), Instant::now());
        held.any(|(_, secret)| door.is_in(secret, now))
    }

    /// Takes the link of a request, and returns what the browser is to hold.
    fn take_link(&self, request: &HttpRequest, node: &Node) -> Result<String, ConsoleRefusal> {
        let now = Instant::now();
        if !self.door().may_look(now) {
            return Err(ConsoleRefusal::TooMany);
        }
        let (ledger, origin) = (&node.ledger, node.ledger.origin());
        let word = request.query_string().split('&').find_map(|pair| pair.strip_prefix("link=")).unwrap_or_default();
        let console = self.address.to_string();
        let link = ConsoleLink::read(word, &console, &origin, &self.key, ledger.now(), ledger.verifier());
        let link = link.map_err(ConsoleRefusal::Link)?;
        self.door().enter(&link, ledger.now(), now).map_err(ConsoleRefusal::Shut)
    }
}

/// Opens the console by a link, and leads on to a page whose address has no token in it.
async fn enter(request: HttpRequest, console: web::Data<Console>, node: web::Data<Node>) -> HttpResponse {
    let secret = match console.take_link(&request, &node) {
        Ok(secret) => secret,
        Err(refusal) => {
            tracing::warn!(?refusal, "a link to the console was not taken");
            return refusal_page(&request, &refusal);
        }
    };
    // Not `Secure`: the loopback address is spoken to in the clear.
    let (name, life) = (console.cookie_name(), SESSION_LIFE.as_secs());
    let cookie = format!("{name}={secret}; Path=/; Max-Age={life}; HttpOnly; SameSite=Strict");
    HttpResponse::SeeOther().insert_header((LOCATION, "/")).insert_header((SET_COOKIE, cookie)).finish()
}

async fn get_page(
    request: HttpRequest,
    console: web::Data<Console>,
    node: web::Data<Node>,
    guard: web::Data<crate::http::limits::Guard>,
) -> Result<HttpResponse, Problem> {
    if !console.is_in(&request) {
        return Ok(refusal_page(&request, &ConsoleRefusal::NoSession));
    }
    let visitor = crate::http::pages::Visitor::of(&request);
    let figures = figures::gather(&console, &node, &guard).await?;
    Ok(page::console_page(&visitor, &figures))
}

/// Gives what the console's pages load. None of it is secret: the page that refuses looks the same way.
async fn get_asset(request: HttpRequest, file: web::Path<String>) -> Result<HttpResponse, Problem> {
    let (media_type, text) = match file.as_str() {
        "console.css" => ("text/css; charset=utf-8", include_str!("../../../web/console/console.css")),
        "console.js" => ("text/javascript; charset=utf-8", include_str!("../../../web/console/console.js")),
        // What the public listener has of the pages that the console uses too.
        name if name == assets::style_file() || name == "icon.svg" => return assets::get_asset(request, file).await,
        _ => return Ok(refusal_page(&request, &ConsoleRefusal::Nowhere)),
    };
    Ok(HttpResponse::Ok().content_type(media_type).body(text))
}

async fn nowhere(request: HttpRequest) -> HttpResponse {
    refusal_page(&request, &ConsoleRefusal::Nowhere)
}
