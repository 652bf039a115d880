//! The HTTP interface: requests in, use cases called, answers out.
//!
//! `routes` is the table of all that is served. Each handler has a file of its own and does three things: it reads the
//! request into domain types, calls a use case, and writes the answer. `problem` alone knows which error has which
//! status; `exchange` wraps every request with its id, its log line, its metrics and the headers that all answers have.
//! `docs/API.md` is the same for people who call it.
//!
//! Absent: sessions, and any state but that of captures whose sender stopped waiting
//! (`background`).

mod accept;
mod assets;
mod background;
mod body;
mod capture;
mod docs;
mod events;
mod evidence;
mod exchange;
mod fields;
mod front;
mod health;
mod ledger;
mod metrics;
mod openapi;
mod pages;
mod parameters;
mod participants;
mod problem;
mod product;
mod routes;
mod scan;
mod trust;
mod verify;

use std::io;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, HttpServer, web};
use rustls::ServerConfig;

use crate::app::Ledger;
use crate::app::audit::{Fault, Report};
use crate::domain::provenance::Policy;
use crate::domain::time::Timestamp;
use crate::ports::CertificateReader;

use background::Background;

pub use metrics::Metrics;

/// How long requests in flight may take to finish once the node is stopping.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may stay open with nothing on it.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// What the interface serves.
pub struct Node {
    pub ledger: Ledger,
    pub certificates: Arc<dyn CertificateReader>,
    /// The node's address as others reach it: links and labels begin with it.
    pub public_url: String,
    pub metrics: Arc<Metrics>,
    /// The certificates from the member's authority up, in PEM: what follows a participant's own in its chain.
    pub member_certificate_pem: String,
    pub policy: Policy,
    /// The node's last check of itself; `None` until the first one is through.
    pub audit: Arc<RwLock<Option<AuditResult>>>,
}

/// What a check of the whole ledger came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditResult {
    /// When it ended.
    pub at: Timestamp,
    pub result: Result<Report, Fault>,
}

/// Serves on a bound socket until `shutdown` completes; then takes no more requests, finishes those in flight and every
/// capture that was taken on, and returns.
///
/// With `tls` it speaks https, and nothing else.
pub async fn serve(
    mut node: Node,
    listener: TcpListener,
    tls: Option<ServerConfig>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    node.public_url.truncate(node.public_url.trim_end_matches('/').len());
    let (background, unfinished) = Background::new();
    let (node, background) = (web::Data::new(node), web::Data::new(background));
    let app = {
        let (node, background) = (node.clone(), background.clone());
        move || {
            App::new()
                .app_data(node.clone())
                .app_data(background.clone())
                .configure(routes::configure)
                .wrap(Compress::default())
                .wrap(from_fn(exchange::exchange))
        }
    };
    let server = HttpServer::new(app);
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls)?,
        None => server.listen(listener)?,
    };
    let server = server
        .workers(std::thread::available_parallelism().map_or(2, usize::from))
        .tcp_nodelay(true)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIMEOUT)
        .shutdown_timeout(SHUTDOWN_TIMEOUT.as_secs())
        .disable_signals()
        .run();
    let stop = server.handle();
    let mut server = pin!(server);
    tokio::select! {
        ended = &mut server => ended?,
        () = shutdown => {
            let ((), ended) = tokio::join!(stop.stop(true), &mut server);
            ended?;
        }
    }
    drop((node, background));
    unfinished.finish().await;
    Ok(())
}
