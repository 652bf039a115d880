//! The participant's gateway: takes plain EPCIS from the participant's own systems, signs it, keeps it until it is final, and sends it
//! to members' nodes. `docs/GATEWAY.md` is the same for people who use it.
//!
//! A capture's way: [`http`] reads it and asks who sent it ([`clients`]); [`intake`] makes it a document that can be signed
//! ([`xml`], [`normalise`], [`document`]); the [`keeper`] has it on the disk before the client hears 202. Then the client's lane ([`lanes`])
//! signs it, stores the statement, posts it to one node after the other ([`nodes`], [`delivery`]) and holds the receipt against the
//! trust anchor ([`proof`]). [`job`] has the states. `renewal` asks for the next certificate.
//!
//! Beside this, [`query`] keeps the events of the whole ledger to be asked for, from an audited copy of its own, and [`subscriptions`] tells
//! them to whoever asked for that. Nothing that fails there holds up a capture.
//!
//! Absent: the connection to nodes, the files of keys and the copy of the ledger, which `cli` brings ([`nodes::NodeDoor`],
//! [`identity::Identities`], [`Meeting`], [`query::LedgerCopy`]).

pub mod clients;
pub mod decode;
pub mod delivery;
pub mod document;
pub mod http;
pub mod identity;
pub mod intake;
pub mod job;
pub mod keeper;
pub mod lanes;
pub mod metrics;
pub mod nodes;
pub mod normalise;
mod pauses;
pub mod proof;
pub mod query;
mod renewal;
mod standing;
pub mod store;
pub mod subscriptions;
pub mod trace;
pub mod xml;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use sealane_core::consortium::Claims;
use sealane_core::evidence::Anchor;
use sealane_core::merkle::TreeSize;
use sealane_core::statement::SignatureVerifier;
use sealane_core::time::Timestamp;

use crate::app::Ledger;
use crate::ports::Clock;
use clients::{ClientDoor, ClientName, Scope};
use identity::Identities;
use keeper::{GatewayQueueLimits, Keeper, KeeperError};
use lanes::Lanes;
use metrics::GatewayMetrics;
use nodes::Nodes;
use proof::Proof;
use query::indexer::Progress;
use query::{Queries, QueryObstacle, QueryParts, QuerySide, QueryStanding};
use subscriptions::named::{NamedQuery, QueryName};
use subscriptions::{CountNotice, SubscriptionParts, Subscriptions};

pub use standing::{GatewayStanding, OLDEST_MS_MAX};

/// Jobs that wait at a time: a day of ten captures a second.
pub const JOBS_MAX: u64 = 1_000_000;

/// Bytes of documents that wait at a time.
pub const QUEUE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// How long the same body of one client is the same capture, in milliseconds.
pub const SAME_WITHIN_MS: i64 = 24 * 60 * 60 * 1_000;

/// How long the document of a finished job is kept, in milliseconds: for who has to look what was sent.
const DOCUMENT_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// How often old documents are looked for.
const FORGET_EVERY: Duration = Duration::from_secs(60 * 60);

/// How often the nodes are asked what the participant may record.
const CLAIMS_EVERY: Duration = Duration::from_secs(60);

/// How often it is looked for clients whose jobs another process has queued.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long a query waits for the rows of what its client has captured, and how often it looks.
const OWN_WITHIN: Duration = Duration::from_secs(2);
const OWN_EVERY: Duration = Duration::from_millis(10);

/// How long the copy of the ledger is brought up sooner for the sake of one receipt.
const AWAITED_FOR: Duration = Duration::from_secs(5);

/// How often a ledger is looked for that no node has shown yet.
const MEET_EVERY: Duration = Duration::from_secs(2);

/// What the operator has chosen.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Small jobs of a client share a statement.
    pub joins: bool,
    /// Nothing is normalised.
    pub is_strict: bool,
    pub limits: GatewayQueueLimits,
}

impl Default for Settings {
    fn default() -> Self {
        let limits =
            GatewayQueueLimits { jobs_max: JOBS_MAX, bytes_max: QUEUE_BYTES_MAX, same_within_ms: SAME_WITHIN_MS };
        Self { joins: true, is_strict: false, limits }
    }
}

/// Why the ledger is not known yet.
#[derive(Debug, thiserror::Error)]
pub enum MeetError {
    #[error("no node can be reached: {0}")]
    NoNode(String),
    #[error("the trust anchor cannot be kept: {0}")]
    Unpinned(String),
    /// A node has another ledger than the pinned one.
    #[error("{0}")]
    OtherLedger(String),
}

/// Finds out what the ledger is known by.
pub trait Meeting: Send + Sync {
    /// The trust anchor: the pinned one, else what a node shows, which is pinned then. Blocks its thread.
    fn meet(&self) -> Result<Anchor, MeetError>;
}

/// What a gateway is made of.
pub struct GatewayParts {
    pub keeper: Arc<dyn Keeper>,
    pub nodes: Nodes,
    pub identities: Arc<dyn Identities>,
    pub meeting: Arc<dyn Meeting>,
    pub clock: Arc<dyn Clock>,
    pub verifier: Arc<dyn SignatureVerifier>,
    pub settings: Settings,
    /// Without it the gateway only captures.
    pub queries: Option<QueryParts>,
    /// Named queries, and subscriptions to them; they need queries.
    pub subscriptions: Option<SubscriptionParts>,
}

/// A gateway at work.
pub struct Gateway {
    keeper: Arc<dyn Keeper>,
    nodes: Nodes,
    identities: Arc<dyn Identities>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    metrics: GatewayMetrics,
    door: ClientDoor,
    lanes: Lanes,
    /// Set once the ledger is known.
    proof: OnceLock<Proof>,
    /// What the participant may record, as a node said last. What the copy of the ledger says comes first.
    claims: RwLock<Option<Claims>>,
    /// Clients whose jobs wait for a certificate in force, and why.
    stopped: Mutex<BTreeMap<ClientName, String>>,
    /// The size of the ledger in which each client's last receipt is.
    awaited: Mutex<BTreeMap<ClientName, TreeSize>>,
    /// Counts jobs that have ended, for those who wait for one.
    landed: watch::Sender<u64>,
    /// A node shows another ledger than the pinned one: nothing is sent.
    other_ledger: Mutex<Option<String>>,
    queries: Option<Arc<Queries>>,
    subscriptions: Option<Arc<Subscriptions>>,
    runtime: Handle,
}

impl Gateway {
    /// Opens a gateway, and lets every lane go on that has work. With an anchor it sends at once; without, when a node shows one. The
    /// caller is on a thread that may wait, in the runtime in which queries are made ready.
    ///
    /// # Errors
    ///
    /// A queue that cannot be read.
    pub fn open(parts: GatewayParts, anchor: Option<Anchor>) -> Result<Arc<Self>, KeeperError> {
        let GatewayParts { keeper, nodes, identities, meeting, clock, verifier, settings, queries, subscriptions } =
            parts;
        let metrics = GatewayMetrics::new();
        let notices = metrics.notices.clone();
        let count: CountNotice = Arc::new(move |outcome| notices.with_label_values(&[outcome]).inc());
        let gateway = Arc::new(Self {
            door: ClientDoor::new(keeper.clients()?),
            keeper,
            nodes,
            identities,
            clock,
            settings,
            metrics,
            lanes: Lanes::default(),
            proof: OnceLock::new(),
            claims: RwLock::new(None),
            stopped: Mutex::default(),
            awaited: Mutex::default(),
            landed: watch::Sender::new(0),
            other_ledger: Mutex::default(),
            queries: queries.map(Queries::new),
            subscriptions: subscriptions.map(|parts| Subscriptions::open(parts, count)).transpose()?,
            runtime: Handle::current(),
        });
        match anchor {
            Some(anchor) => gateway.know_ledger(anchor, verifier),
            None => gateway.beside("meeting", move |gateway| gateway.look_for_ledger(&*meeting, &verifier)),
        }
        gateway.wake_lanes()?;
        // Another process may queue a job of a client that has no lane yet.
        gateway.beside("looking", |gateway| {
            loop {
                thread::sleep(LOOK_EVERY);
                if let Err(error) = gateway.wake_lanes() {
                    tracing::warn!(%error, "lanes with work could not be looked for");
                }
            }
        });
        gateway.beside("claims", |gateway| {
            loop {
                gateway.ask_for_claims();
                thread::sleep(CLAIMS_EVERY);
            }
        });
        gateway.beside("renewal", |gateway| renewal::run(&gateway));
        gateway.beside("forgetting", |gateway| {
            loop {
                gateway.forget();
                thread::sleep(FORGET_EVERY);
            }
        });
        Ok(gateway)
    }

    fn wake_lanes(self: &Arc<Self>) -> Result<(), KeeperError> {
        for client in self.keeper.clients_with_work()? {
            self.lanes.wake(self, &client);
        }
        Ok(())
    }

    /// Has the lanes end. What is not done stays in the queue.
    pub fn stop(&self) {
        self.lanes.stop();
        if let Some(subscriptions) = &self.subscriptions {
            subscriptions.stop();
        }
    }

    /// Runs something beside the requests, until the process ends: nothing that it does has to be finished.
    fn beside(self: &Arc<Self>, name: &str, work: impl FnOnce(Arc<Self>) + Send + 'static) {
        let gateway = Arc::clone(self);
        if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(move || work(gateway)) {
            tracing::error!(%error, name, "a thread could not be started");
        }
    }

    /// Begins what needs a ledger. It is called once.
    fn know_ledger(&self, anchor: Anchor, verifier: Arc<dyn SignatureVerifier>) {
        if let Some(queries) = &self.queries {
            self.runtime.spawn(Arc::clone(queries).run(anchor.clone()));
            if let Some(subscriptions) = &self.subscriptions {
                let (rows, keeper) = (Arc::clone(queries), Arc::clone(&self.keeper));
                let is_allowed = move |client: &ClientName| may_subscribe(&*keeper, client);
                let run = Arc::clone(subscriptions);
                self.runtime.spawn(run.run(move || rows.side().ok(), queries.grown(), Arc::new(is_allowed)));
            }
        }
        drop(self.proof.set(Proof::new(anchor, verifier)));
    }

    /// The rows that queries are answered from, or why they cannot be now.
    pub fn query(&self) -> Result<QuerySide, QueryObstacle> {
        self.queries.as_ref().map_or(Err(QueryObstacle::Off), |queries| queries.side())
    }

    /// Named queries and subscriptions.
    ///
    /// # Errors
    ///
    /// The gateway only captures.
    pub fn subscriptions(&self) -> Result<&Arc<Subscriptions>, QueryObstacle> {
        self.subscriptions.as_ref().ok_or(QueryObstacle::Off)
    }

    /// The gateway's own copy of the ledger, once it is open.
    fn ledger(&self) -> Option<Ledger> {
        self.queries.as_ref()?.ledger()
    }

    fn named_query(&self, name: &QueryName) -> Result<Option<NamedQuery>, KeeperError> {
        self.subscriptions.as_ref().map_or(Ok(None), |subscriptions| subscriptions.query(name))
    }

    fn may_subscribe(&self, client: &ClientName) -> Result<bool, KeeperError> {
        may_subscribe(&*self.keeper, client)
    }

    /// Tells when there may be more rows; never of a gateway that only captures.
    fn rows_grown(&self) -> watch::Receiver<Progress> {
        self.queries.as_ref().map_or_else(|| watch::channel(Progress::default()).1, |queries| queries.grown())
    }

    fn is_stopping(&self) -> bool {
        self.subscriptions.as_ref().is_some_and(|subscriptions| subscriptions.is_stopping())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The rows, once they have all that a client was told to be final; if that takes longer than it may, as they are then. Who captures
    /// and then asks finds what it captured, and waits for nobody else's.
    ///
    /// # Errors
    ///
    /// Why the rows cannot be asked.
    pub async fn query_of(&self, client: &ClientName) -> Result<QuerySide, QueryObstacle> {
        let awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner).get(client).copied();
        let began = Instant::now();
        loop {
            let side = self.query();
            let is_there = |size| side.as_ref().is_ok_and(|side| side.cursor.size >= size);
            if awaited.is_none_or(is_there) || began.elapsed() > OWN_WITHIN {
                return side;
            }
            tokio::time::sleep(OWN_EVERY).await;
        }
    }

    /// Has the copy of the ledger asked for more often until it has a size, which a client's receipt is of.
    fn await_block(&self, client: &ClientName, size: TreeSize) {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        let last = awaited.entry(client.clone()).or_insert(size);
        *last = size.max(*last);
        drop(awaited);
        if let Some(ledger) = self.queries.as_ref().and_then(|queries| queries.ledger()) {
            self.runtime.spawn(async move { ledger.has_grown_to(size, AWAITED_FOR).await });
        }
    }

    fn query_standing(&self) -> QueryStanding {
        self.queries.as_ref().map_or_else(QueryStanding::off, |queries| queries.standing(self.clock.now()))
    }

    fn look_for_ledger(&self, meeting: &dyn Meeting, verifier: &Arc<dyn SignatureVerifier>) {
        loop {
            match meeting.meet() {
                Ok(anchor) => {
                    self.know_ledger(anchor, Arc::clone(verifier));
                    self.ask_for_claims();
                    return self.lanes.wake_all();
                }
                Err(MeetError::OtherLedger(why)) => {
                    tracing::error!(why, "nothing is sent");
                    *self.other_ledger.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                }
                Err(error) => tracing::warn!(%error, "the ledger is not known yet"),
            }
            thread::sleep(MEET_EVERY);
        }
    }

    /// Asks the nodes what the participant may record, as long as the gateway's own copy of the ledger does not say it. What one says
    /// wrongly refuses or admits captures here; what is recorded, the ledger decides.
    fn ask_for_claims(&self) {
        if self.proven_claims().is_some() {
            return;
        }
        let path = format!("/participants/{}", self.identities.participant());
        for door in self.nodes.all() {
            let Ok(answer) = door.get(&path) else { continue };
            if let Some(claims) = standing::claims_of(&answer.body).filter(|_| answer.status == 200) {
                *self.claims.write().unwrap_or_else(PoisonError::into_inner) = Some(claims);
                return;
            }
        }
    }

    /// What the participant may record: by the gateway's own copy of the ledger, else as a node said last.
    fn claims(&self) -> Option<Claims> {
        self.proven_claims().or_else(|| self.claims.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn proven_claims(&self) -> Option<Claims> {
        self.queries.as_ref()?.claims_of(self.identities.participant())
    }

    fn forget(&self) {
        let before = self.clock.now().plus_millis(-DOCUMENT_KEPT_MS);
        match self.keeper.forget_documents(before) {
            Ok(0) => {}
            Ok(jobs) => tracing::info!(jobs, "documents of old jobs are forgotten"),
            Err(error) => tracing::warn!(%error, "documents of old jobs could not be forgotten"),
        }
    }

    /// Notes that a client's jobs wait for a certificate in force.
    fn stop_lane(&self, client: &ClientName, code: &str, why: String) {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        if stopped.insert(client.clone(), why.clone()).is_none() {
            tracing::error!(%client, code, why, "jobs wait, and none is lost: the certificate is not in force");
        }
    }

    fn start_lane(&self, client: &ClientName) {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).remove(client);
    }

    fn is_stopped(&self, client: &ClientName) -> bool {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).contains_key(client)
    }

    fn tell_landed(&self) {
        self.landed.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn count_statement(&self, outcome: &str) {
        self.metrics.statements.with_label_values(&[outcome]).inc();
    }

    fn count_capture(&self, outcome: &str) {
        self.metrics.captures.with_label_values(&[outcome]).inc();
    }
}

/// Tells whether a client is there that may subscribe. A gateway without clients serves its own machine alone.
fn may_subscribe(keeper: &dyn Keeper, client: &ClientName) -> Result<bool, KeeperError> {
    let clients = keeper.clients()?;
    let may = |one: &clients::GatewayClient| one.name == *client && one.scopes.contains(&Scope::Subscribe);
    Ok(clients.iter().any(may) || clients.is_empty() && *client == ClientName::local())
}
