//! The connections between members' nodes: the one place with their sockets.
//!
//! Each node listens on one TCP port and dials all others that it is not connected with. TLS 1.3 shows who is at the other
//! end, by a certificate that a member's key has signed; then each side says hello; then both say what they have to say, in
//! frames. [`PeerNetwork`] implements `ports::Peers`.
//!
//! | file | what is there |
//! |---|---|
//! | `tls` | certificates, held against the members in force |
//! | `frame`, `connection` | the bytes on the line, and one connection from its handshake to its end |
//! | `table` | which connection of two stays, and when two nodes show one member's key |
//! | `outbox`, `inbox` | what waits to be sent and to be looked at, within bounds |
//! | `half_open`, `limits`, `trouble`, `counters` | what strangers and slow nodes may take, and what is told of them |
//! | `addresses` | where nodes are found |
//!
//! Not here: what a message means, and whether what it says is true. Nothing of a message is believed but who it comes from.

mod addresses;
mod connection;
mod counters;
mod frame;
mod half_open;
mod inbox;
mod limits;
mod outbox;
mod shared;
mod table;
mod tls;
mod trouble;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio::time::Instant;

use self::addresses::AddressBook;
use self::counters::{Counters, count};
use self::half_open::HalfOpen;
use self::inbox::Inbox;
use self::shared::Shared;
use self::table::Table;
use self::tls::NodeTlsSetup;
use crate::app::answer::ClientAddress;
use crate::ports::{
    AddressKeeper, Clock, LastWords, MemberSigner, NodeCertificateError, NodeCertificates, PeerEvent, PeerStanding,
    Peers, Roster, To,
};
use sealane_core::agreement::{Message, NodeAddressError, SignedAddress};
use sealane_core::block::Origin;
use sealane_core::hash::Hash;
use sealane_core::statement::SignatureVerifier;

pub use counters::PeerCounts;
pub use limits::NetTimes;
pub use trouble::Trouble;

/// How long the listener rests after the system could give it no connection, as when all file descriptors are in use.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// What the network is made of.
pub struct NetSetup {
    pub origin: Origin,
    pub roster: Roster,
    /// Signs where this node is found; names the member whose node this is.
    pub signer: Arc<dyn MemberSigner>,
    pub verifier: Arc<dyn SignatureVerifier>,
    pub certificates: Arc<dyn NodeCertificates>,
    pub clock: Arc<dyn Clock>,
    pub last_words: Arc<dyn LastWords>,
    pub keeper: Arc<dyn AddressKeeper>,
    /// HOST:PORT for members' nodes, and the URL for clients, at which this node is found; `None` of one that only dials.
    pub own_address: Option<(String, String)>,
    /// HOST:PORT of other nodes by the operator's word, which wins over their own.
    pub overrides: BTreeMap<Hash, String>,
    pub times: NetTimes,
}

/// The network cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    #[error(transparent)]
    Certificate(#[from] NodeCertificateError),
    #[error("this node's own address: {0}")]
    Address(#[from] NodeAddressError),
}

/// The connections with the other members' nodes. They end when this is dropped.
pub struct PeerNetwork {
    shared: Arc<Shared>,
    tasks: JoinHandle<()>,
}

impl PeerNetwork {
    /// Begins to listen and to dial. Must be called within a Tokio runtime.
    pub fn start(setup: NetSetup, listener: Option<TcpListener>) -> Result<Self, NetError> {
        let own_kid = setup.signer.public_key().thumbprint();
        let own_tls_key = setup.certificates.tls_key();
        let own_address = setup.own_address.as_ref().map(|(peer, url)| (peer.as_str(), url.as_str()));
        let book = AddressBook::open(
            setup.origin.clone(),
            setup.signer,
            setup.verifier,
            setup.keeper,
            setup.overrides,
            own_address,
            &setup.roster,
        )?;
        let tls = NodeTlsSetup::new(setup.certificates, Arc::clone(&setup.clock), setup.roster)?;
        let shared = Arc::new(Shared {
            origin: setup.origin,
            own_kid,
            own_tls_key,
            run: fastrand::u64(..),
            times: setup.times,
            clock: setup.clock,
            last_words: setup.last_words,
            tls,
            book,
            table: Table::default(),
            inbox: Inbox::default(),
            counters: Counters::default(),
            started: Instant::now(),
            changes: watch::Sender::new(0),
        });
        let tasks = tokio::spawn(work(Arc::clone(&shared), listener));
        Ok(Self { shared, tasks })
    }

    /// What it has done since its start.
    pub fn counts(&self) -> PeerCounts {
        self.shared.counters.read()
    }

    /// Changes whenever a connection comes or ends, also one that was refused, or an address or the roster changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Takes where other nodes are found, as they have signed it, from elsewhere than a connection.
    pub fn learn(&self, addresses: &[SignedAddress]) {
        self.shared.learn(addresses, self.shared.own_kid);
    }
}

impl Drop for PeerNetwork {
    fn drop(&mut self) {
        self.tasks.abort();
    }
}

#[async_trait]
impl Peers for PeerNetwork {
    fn say(&self, to: To, message: &Message) -> usize {
        self.shared.say(to, message)
    }

    async fn next(&self) -> PeerEvent {
        self.shared.inbox.next().await
    }

    fn standing(&self) -> Vec<PeerStanding> {
        self.shared.standing()
    }

    fn own_address(&self) -> Option<SignedAddress> {
        self.shared.book.own()
    }

    fn admit(&self, roster: Roster) {
        self.shared.admit(roster);
    }
}

/// Accepts and dials until it is dropped, and with it every connection.
async fn work(shared: Arc<Shared>, listener: Option<TcpListener>) {
    let half_open = Arc::new(HalfOpen::default());
    let mut connections = JoinSet::new();
    let mut dialled: HashMap<Hash, AbortHandle> = HashMap::new();
    let mut changes = shared.changes.subscribe();
    keep_all_dialled(&shared, &mut connections, &mut dialled);
    loop {
        tokio::select! {
            accepted = accept(listener.as_ref()) => match accepted {
                Ok((stream, address)) => {
                    let client = ClientAddress::of(address);
                    let is_members = shared.table.lock().is_members(client);
                    let Some(place) = half_open.place(client, is_members) else {
                        count(&shared.counters.half_open_refused, 1);
                        shared.changed();
                        continue;
                    };
                    let shared = Arc::clone(&shared);
                    connections.spawn(async move {
                        let greeted = connection::accept(&shared, stream, address).await;
                        drop(place);
                        let (with, trouble) = match greeted {
                            Ok(greeted) => (greeted.kid().to_string(), connection::run(&shared, greeted).await),
                            Err(trouble) => ("a node that is not known".to_owned(), trouble),
                        };
                        shared.counters.trouble(&trouble, &with, Some(address));
                        shared.changed();
                    });
                }
                // It was gone before it was accepted.
                Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {}
                Err(error) => {
                    tracing::debug!(%error, "no connection could be accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = changes.changed() => keep_all_dialled(&shared, &mut connections, &mut dialled),
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, std::net::IpAddr)> {
    let Some(listener) = listener else { return std::future::pending().await };
    let (stream, address) = listener.accept().await?;
    // Votes are small and wait for each other. A connection that is gone already is told of when it is read.
    let _ = stream.set_nodelay(true);
    Ok((stream, address.ip()))
}

/// Begins to dial those who may connect from now on, and ends it for those who may not any more.
fn keep_all_dialled(shared: &Arc<Shared>, connections: &mut JoinSet<()>, dialled: &mut HashMap<Hash, AbortHandle>) {
    let others = shared.others();
    dialled.retain(|kid, handle| {
        let stays = others.contains_key(kid);
        if !stays {
            handle.abort();
        }
        stays
    });
    for kid in others.into_keys() {
        dialled.entry(kid).or_insert_with(|| connections.spawn(connection::keep_dialling(Arc::clone(shared), kid)));
    }
}
