//! The composition root: a data directory, a clock, keys and a store become a running node.

use std::io;
use std::net::TcpListener;
use std::num::NonZeroU32;
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::app::follower::SourceNode;
use crate::app::joining::JoinDesk;
use crate::app::orderer::Orderer;
use crate::app::readiness::ReadyNode;
use crate::app::{Ledger, LoadedLedger};
use crate::cli::check_record;
use crate::cli::consensus::consensus;
use crate::cli::data_dir::DataDir;
use crate::cli::failure::Failure;
use crate::cli::newcomer::OtherNodes;
use crate::cli::observing;
use crate::cli::provider::known_signers;
use crate::cli::self_check::{SelfCheck, this_program};
use crate::cli::trust;
use crate::config::PeerSettings;
use crate::http::{self, AuditResult, ConsoleSetup, Limits, Metrics, PassOn, PictureDecoder};
use crate::pki::X509Reader;
use crate::ports::{Clock, LedgerStore, MemberSigner};
use crate::store::JoinRequestFile;
use sealane_core::evidence::Anchor;
use sealane_core::provenance::Policy;
use sealane_core::statement::SignatureVerifier;
use sealane_core::time::Timestamp;

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }

    #[cfg(target_os = "linux")]
    fn passed(&self) -> Duration {
        // Unlike CLOCK_MONOTONIC this counts while the machine sleeps.
        let read = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(read.tv_sec.unsigned_abs(), u32::try_from(read.tv_nsec).unwrap_or_default())
    }

    #[cfg(not(target_os = "linux"))]
    fn passed(&self) -> Duration {
        static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
        START.elapsed()
    }
}

/// The time by the machine's clock.
pub fn now() -> Timestamp {
    Timestamp::from_date_time(time::OffsetDateTime::now_utc()).unwrap_or(Timestamp::EPOCH)
}

/// A ledger that is open, with its writer at work: a member's, or one that follows.
pub struct OpenNode {
    pub ledger: Ledger,
    writer: JoinHandle<()>,
    metrics: Arc<Metrics>,
    authority_pem: String,
    data: DataDir,
    limits: Limits,
    decoder: Option<PictureDecoder>,
    invitations: bool,
    console: Option<(ConsoleSetup, TcpListener)>,
    last_check: Option<AuditResult>,
    followed: Option<Arc<dyn PassOn>>,
    /// What the node does beside its writer.
    beside: Vec<JoinHandle<()>>,
    replaced: Option<watch::Receiver<bool>>,
}

impl OpenNode {
    /// Opens the ledger in `data` and starts its writer. The caller holds the directory's lock.
    ///
    /// It writes `write_rate` statements a second at the most, where that is given. `accept_clock` is what the operator
    /// says of the time, and `peers` how the node meets other members' nodes.
    pub async fn open(
        data: &DataDir,
        write_rate: Option<NonZeroU32>,
        accept_clock: Option<Timestamp>,
        peers: &PeerSettings,
        mut others: OtherNodes,
    ) -> Result<Self, Failure> {
        let metrics = Arc::new(Metrics::new());
        let store = data.store().await?;
        let verifier: Arc<dyn SignatureVerifier> = Arc::new(known_signers());
        let loaded = LoadedLedger::load(&*store, &*verifier).await.map_err(Failure::unreachable)?;
        let registry = Arc::clone(loaded.registry());
        // Before the log of votes is held against the ledger, and brought to its end.
        let genesis = trust::check_owner(data, &*store, &registry).await?;
        let signer = Arc::new(data.member_key()?);
        let authority = data.authority()?;
        let authority_pem = authority.certificate().to_pem();
        metrics.authority_ends(authority.certificate().not_after());
        let (consensus, network) = consensus(data, &registry, &signer, &verifier, peers).await?;
        let (observer, clock) = (Arc::clone(&metrics) as _, Arc::new(SystemClock));
        let (key, kid) = (Arc::clone(&signer) as Arc<dyn MemberSigner>, signer.public_key().thumbprint());
        let opened = Orderer::open_loaded(loaded, store, clock, signer, verifier, observer, consensus);
        let (orderer, ledger) = opened.await.map_err(Failure::unreachable)?;
        let (orderer, ledger) = match others.sources(data, genesis) {
            Some(sources) => orderer.following(sources, ledger),
            None => (orderer, ledger),
        };
        for kid in peers.strangers(ledger.view().registry.members()) {
            tracing::warn!(%kid, "[peers.addresses] of sealane.toml has a key that is no member's in force");
        }
        let orderer = match write_rate {
            Some(rate) => orderer.at_most(rate),
            None => orderer,
        };
        let orderer = match accept_clock {
            Some(told) => orderer.accepting_clock(told).map_err(Failure::wrong_use)?,
            None => orderer,
        };
        let (followed, voice) = (others.followed(), others.voice(data));
        let (ready, replaced) = ReadyNode::new(ledger.clone(), key, Arc::new(X509Reader), voice);
        let mut beside = vec![tokio::spawn(ready.run())];
        if let Some(network) = network {
            beside.push(tokio::spawn(others.learn_addresses(ledger.clone(), network, kid)));
        }
        let started = Self::start(data, ledger, metrics, orderer.run());
        Ok(Self { authority_pem, followed, beside, replaced: Some(replaced), ..started })
    }

    /// Completes when other keys are in force in the place of this node's: it goes on by them once it is opened again.
    pub fn replaced(&self) -> impl Future<Output = ()> + use<> {
        let replaced = self.replaced.clone();
        async move {
            let is_replaced = match replaced {
                // An error says that the node has ended, which is no replacement.
                Some(mut replaced) => replaced.wait_for(|replaced| *replaced).await.is_ok(),
                None => false,
            };
            if !is_replaced {
                std::future::pending().await
            }
        }
    }

    /// Opens the ledger in an observer's directory, and starts to follow other nodes. The caller holds the directory's lock, and
    /// the store holds the first block of the ledger of `anchor` at least.
    pub async fn follow(
        data: &DataDir,
        store: Arc<dyn LedgerStore>,
        anchor: Anchor,
        nodes: Vec<SourceNode>,
        followed: Arc<dyn PassOn>,
    ) -> Result<Self, Failure> {
        let metrics = Arc::new(Metrics::new());
        let (follower, ledger) = observing::open(data, store, anchor, nodes, Arc::clone(&metrics) as _).await?;
        Ok(Self { followed: Some(followed), ..Self::start(data, ledger, metrics, follower.run()) })
    }

    /// Lets the writer begin.
    fn start(
        data: &DataDir,
        ledger: Ledger,
        metrics: Arc<Metrics>,
        writer: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let last_check = check_record::read(data);
        // Before the first block: a ledger that was found unsound stays so until a check finds otherwise.
        ledger.gate().checked(last_check.as_ref().and_then(AuditResult::fault));
        Self {
            ledger,
            writer: tokio::spawn(writer),
            metrics,
            authority_pem: String::new(),
            data: data.clone(),
            limits: Limits::default(),
            decoder: None,
            invitations: false,
            console: None,
            last_check,
            followed: None,
            beside: Vec::new(),
            replaced: None,
        }
    }

    /// Serves within other limits than the usual ones.
    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Decodes pictures too, each in a process of this same program.
    pub fn decoding_pictures(self) -> Result<Self, Failure> {
        let program = this_program().map_err(Failure::unreachable)?;
        Ok(Self { decoder: Some(PictureDecoder::new(program)), ..self })
    }

    /// Takes registrations only with an invitation, if so.
    pub fn for_invited_only(self, invitations: bool) -> Self {
        Self { invitations, ..self }
    }

    /// Serves the operator's page too, on this socket.
    pub fn with_console(self, setup: ConsoleSetup, listener: TcpListener) -> Self {
        Self { console: Some((setup, listener)), ..self }
    }

    /// Serves until `shutdown`, then finishes what was taken on.
    pub async fn serve(
        self,
        listener: TcpListener,
        tls: Option<ServerConfig>,
        public_url: String,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let joining = JoinDesk::open(Box::new(JoinRequestFile::in_dir(self.data.path())), self.ledger.verifier());
        let audit = Arc::new(RwLock::new(self.last_check));
        let check = SelfCheck::start(self.data, Arc::clone(&audit), Arc::clone(self.ledger.gate()))?;
        let node = http::Node {
            ledger: self.ledger,
            certificates: Arc::new(X509Reader),
            public_url,
            metrics: self.metrics,
            member_certificate_pem: self.authority_pem,
            policy: Policy::default(),
            decoder: self.decoder,
            joining: Arc::new(joining),
            invitations: self.invitations,
            followed: self.followed,
            audit,
        };
        let served = http::serve(node, listener, tls, self.limits, self.console, shutdown).await;
        check.stop();
        self.beside.iter().for_each(JoinHandle::abort);
        served.map_err(Failure::unreachable)?;
        // Every handle on the ledger went with the server: the writer empties its queue and ends.
        self.writer.await.map_err(Failure::unreachable)
    }
}

/// Listens on an address, or says what is in the way.
pub fn listen(address: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|error| {
        let next = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "; something else listens there: choose another --listen, or port 0 for a free one"
            }
            _ => "; an address looks like 127.0.0.1:8080",
        };
        Failure::unreachable(format!("cannot listen on {address}: {error}{next}"))
    })
}

/// Starts the threads that a command works on.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::unreachable)
}

/// Listens, from this call on, for the process being asked to stop; the future completes when it is.
pub fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::unreachable)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::unreachable)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Reads standard input to its end; the future completes then.
pub fn input_end() -> Result<impl Future<Output = ()>, Failure> {
    let (reading, ended) = oneshot::channel::<()>();
    let read = move || {
        // An error ends it too: nothing more comes either way.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        drop(reading);
    };
    thread::Builder::new().name("input".to_owned()).spawn(read).map_err(Failure::unreachable)?;
    Ok(async move {
        let _ = ended.await;
    })
}
