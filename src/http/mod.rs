//! The HTTP interface: requests in, use cases called, answers out.
//!
//! `routes` is the table of all that is served. A handler has a file of its own, but for pairs that belong together (`health`,
//! `docs`, `scan`, `ledger/proofs`). It does three things: it reads the request into the core's types, calls a use case, and
//! writes the answer. `problem` says which error has which status; `exchange` wraps every request with its id, its log line,
//! its metrics and the headers that all answers have.
//! `docs/API.md` is the same for people who call it.
//!
//! Absent: sessions, but those of the operator's page (`console`), which has a listener of its own; and any state but theirs, that
//! of captures whose sender stopped waiting (`background`) and of what clients take (`limits`).

pub(crate) mod accept;
mod asked;
mod assets;
mod background;
pub(crate) mod body;
pub(crate) mod capture;
mod console;
mod cross_origin;
mod docs;
pub mod epcis;
pub(crate) mod events;
mod evidence;
pub(crate) mod exchange;
mod fields;
mod following;
mod front;
mod health;
mod ledger;
pub(crate) mod limits;
mod line;
pub(crate) mod master_data;
mod members;
mod metrics;
mod openapi;
mod pages;
pub(crate) mod parameters;
mod participants;
mod pass_on;
pub(crate) mod problem;
mod product;
mod routes;
mod scan;
pub(crate) mod server;
mod trust;
mod verify;

use std::io;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::{HttpRequest, web};
use rustls::ServerConfig;

use crate::app::Ledger;
use crate::app::audit::{Fault, Report};
use crate::app::joining::JoinDesk;
use sealane_core::consortium::CertificateReader;
use sealane_core::merkle::TreeSize;
use sealane_core::provenance::Policy;
use sealane_core::time::Timestamp;

use background::Background;
use limits::{Guard, client_of};
use server::Served;

pub use asked::MEMBER_QUESTION;
pub use console::{ConsoleSetup, ENTRY_PATH, EndOf, KnownEnd, Machine, MachineReading, Room};
pub use limits::{CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, Limits};
pub use metrics::Metrics;
use metrics::NEAR_EXPIRY_MS;
pub use pages::page_of;
pub use pass_on::{PassOn, PassedAnswer, PassedRequest};
pub use scan::{DECODING_CPU_SECONDS_MAX, DECODING_MEMORY_BYTES_MAX, PictureDecoder, decode_picture};
pub use server::SHUTDOWN_TIMEOUT;

/// What the interface serves.
pub struct Node {
    pub ledger: Ledger,
    pub certificates: Arc<dyn CertificateReader>,
    /// The node's address as others reach it: links and labels begin with it.
    pub public_url: String,
    pub metrics: Arc<Metrics>,
    /// The certificates from the member's authority up, in PEM: what follows a participant's own in its chain. An observer has
    /// none.
    pub member_certificate_pem: String,
    pub policy: Policy,
    /// Decodes the pictures that are sent to `/scan`; `None` if the operator has not switched it on.
    pub decoder: Option<PictureDecoder>,
    /// The requests of those who would become members.
    pub joining: Arc<JoinDesk>,
    /// Registrations need a member's invitation.
    pub invitations: bool,
    /// Takes what is posted, if this node is an observer or its key is no member's now; `None` if it follows none then.
    pub followed: Option<Arc<dyn PassOn>>,
    /// The node's last check of itself; `None` until the first one is through.
    pub audit: Arc<RwLock<Option<AuditResult>>>,
}

impl Node {
    /// The ledger, on behalf of a request's client.
    fn ledger_for(&self, request: &HttpRequest) -> Ledger {
        self.ledger.for_client(client_of(request))
    }

    /// When the node's last check of itself ended.
    fn checked_at(&self) -> Option<Timestamp> {
        self.audit.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|audit| audit.at)
    }
}

/// What the node's check of its own ledger came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditResult {
    /// When it ended.
    pub at: Timestamp,
    /// Leaves before this one were covered by the checks before, and not read again; 0 for a whole check.
    pub from: TreeSize,
    /// When the last whole check ended; `None` before the first.
    pub whole_at: Option<Timestamp>,
    pub result: Result<Report, Fault>,
}

impl AuditResult {
    /// What is wrong with the ledger, for people.
    pub fn fault(&self) -> Option<String> {
        self.result.as_ref().err().map(ToString::to_string)
    }
}

/// Serves on a bound socket until `shutdown` completes; then takes no more requests, finishes those in flight and every
/// capture that was taken on, and returns.
///
/// With `tls` it speaks https, and nothing else. With `console` it serves the operator's page too, on a socket of its own.
pub async fn serve(
    mut node: Node,
    listener: TcpListener,
    tls: Option<ServerConfig>,
    limits: Limits,
    console: Option<(ConsoleSetup, TcpListener)>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    node.public_url.truncate(node.public_url.trim_end_matches('/').len());
    let (background, unfinished) = Background::new();
    let guard = web::Data::new(Guard::new(&limits));
    let served = Served { node: web::Data::new(node), background: web::Data::new(background), guard };
    let server = server::start(served.clone(), listener, tls, limits.connections)?;
    let stop = server.handle();
    let mut server = pin!(server);
    let console = console.map(|(setup, listener)| console::open(setup, listener, &served)).transpose()?;
    let ended = tokio::select! {
        ended = &mut server => ended,
        () = shutdown => {
            served.node.ledger.gate().stop();
            let ((), ended) = tokio::join!(stop.stop(true), &mut server);
            ended
        }
    };
    if let Some(console) = console {
        console.stop().await;
    }
    ended?;
    drop(served);
    unfinished.finish().await;
    Ok(())
}
