//! Members with keys of their own, and their nodes.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sealane::net::{NetSetup, NetTimes, PeerCounts, PeerNetwork};
use sealane::pki::{MemberKey, NodeTls, NotePrivateKey, PrivateKey};
use sealane::ports::{AddressKeeper, Clock, LastWords, MemberSigner, PeerEvent, PeerStanding, Peers, Roster, To};
use sealane::signatures::AwsLc;
use sealane_core::agreement::{LastSaid, Message, SignedAddress};
use sealane_core::block::{Member, MemberSet, Origin};
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::timeout;

/// How long a test waits for what has to happen: much longer than it takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something that has to happen.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("it did not happen in {PATIENCE:?}: {what}"))
}

pub fn origin() -> Origin {
    "ledger.example/net".parse().unwrap()
}

/// A member's keys and its node's.
pub struct Keys {
    pub member: Arc<MemberKey>,
    pub tls: Arc<NodeTls>,
    _dir: TempDir,
}

impl Keys {
    pub fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (key, note_key) = (PrivateKey::generate().unwrap(), NotePrivateKey::generate().unwrap());
        let member = Arc::new(MemberKey::new(key, note_key).unwrap());
        let tls = Arc::new(NodeTls::open(Arc::clone(&member), dir.path()).unwrap());
        Self { member, tls, _dir: dir }
    }

    /// The same member's key on another machine: with a TLS key of its own.
    pub fn copied(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tls = Arc::new(NodeTls::open(Arc::clone(&self.member), dir.path()).unwrap());
        Self { member: Arc::clone(&self.member), tls, _dir: dir }
    }

    pub fn kid(&self) -> Hash {
        self.member.public_key().thumbprint()
    }
}

pub fn roster<'a>(members: impl IntoIterator<Item = &'a Keys>) -> Roster {
    let member = |(number, keys): (usize, &Keys)| {
        let (key, note_key) = (keys.member.public_key().clone(), keys.member.note_key().clone());
        Member::new(format!("Member {number}"), key, note_key).unwrap()
    };
    Roster::of_members(Arc::new(MemberSet::new(members.into_iter().enumerate().map(member).collect()).unwrap()))
}

/// So many members' keys, in the order of `kid`.
pub fn keys(count: usize) -> Vec<Keys> {
    let mut keys: Vec<Keys> = (0..count).map(|_| Keys::make()).collect();
    keys.sort_by_key(Keys::kid);
    keys
}

/// The machine's clock.
pub struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap()).unwrap()
    }

    fn passed(&self) -> Duration {
        static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        START.elapsed()
    }
}

/// Keeps addresses in memory.
#[derive(Default)]
pub struct Shelf(pub Mutex<Vec<SignedAddress>>);

impl AddressKeeper for Shelf {
    fn load(&self) -> io::Result<Vec<SignedAddress>> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn save(&self, addresses: &[SignedAddress]) -> io::Result<()> {
        *self.0.lock().unwrap() = addresses.to_vec();
        Ok(())
    }
}

/// What a node holds of others' keys.
#[derive(Default, Clone)]
pub struct Words(pub BTreeMap<Hash, LastSaid>);

impl LastWords for Words {
    fn last_of(&self, kid: &Hash) -> Option<LastSaid> {
        self.0.get(kid).copied()
    }

    fn rules(&self) -> u32 {
        7
    }
}

/// A node that is about to start.
pub struct Plan {
    pub origin: Origin,
    pub roster: Roster,
    pub own_address: Option<(String, String)>,
    pub overrides: BTreeMap<Hash, String>,
    pub times: NetTimes,
    pub words: Words,
    pub shelf: Arc<Shelf>,
}

impl Plan {
    pub fn new(roster: &Roster) -> Self {
        let times = NetTimes { redial_max: Duration::from_millis(500), ..NetTimes::default() };
        Self {
            origin: origin(),
            roster: roster.clone(),
            own_address: None,
            overrides: BTreeMap::new(),
            times,
            words: Words::default(),
            shelf: Arc::default(),
        }
    }

    /// Knows where others are, from their operator.
    pub fn dialling<'a>(mut self, others: impl IntoIterator<Item = (&'a Keys, SocketAddr)>) -> Self {
        self.overrides.extend(others.into_iter().map(|(keys, address)| (keys.kid(), address.to_string())));
        self
    }

    pub fn start(self, keys: &Keys, listener: Option<TcpListener>) -> PeerNetwork {
        let setup = NetSetup {
            origin: self.origin,
            roster: self.roster,
            signer: Arc::clone(&keys.member) as _,
            verifier: Arc::new(AwsLc),
            certificates: Arc::clone(&keys.tls) as _,
            clock: Arc::new(MachineClock),
            last_words: Arc::new(self.words),
            keeper: self.shelf,
            own_address: self.own_address,
            overrides: self.overrides,
            times: self.times,
        };
        PeerNetwork::start(setup, listener).unwrap()
    }
}

pub async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Nodes that all know where the others are.
pub async fn start_all(keys: &[Keys]) -> (Vec<PeerNetwork>, Vec<SocketAddr>) {
    let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
    for _ in keys {
        let (listener, address) = listen().await;
        listeners.push(listener);
        addresses.push(address);
    }
    let roster = roster(keys);
    let start = |(own, listener): (&Keys, TcpListener)| {
        let others = keys.iter().zip(addresses.iter().copied()).filter(|(keys, _)| keys.kid() != own.kid());
        Plan::new(&roster).dialling(others).start(own, Some(listener))
    };
    let nodes = keys.iter().zip(listeners).map(start).collect();
    (nodes, addresses)
}

/// A member's node, and that of a candidate whose own roster has both as members, so that it would say anything.
pub async fn member_and_candidate(member: &Keys, candidate: &Keys) -> [PeerNetwork; 2] {
    let (listener, address) = listen().await;
    let mut with_candidate = roster([member]);
    with_candidate.candidates.insert(candidate.kid(), candidate.member.public_key().clone());
    let node = Plan::new(&with_candidate).start(member, Some(listener));
    let other = Plan::new(&roster([member, candidate])).dialling([(member, address)]).start(candidate, None);
    until_connected(&node, 1).await;
    until_connected(&other, 1).await;
    [node, other]
}

/// Waits until what a node says of the others is as it should be.
pub async fn until(node: &PeerNetwork, what: &str, holds: impl Fn(&[PeerStanding]) -> bool) {
    let mut changes = node.changes();
    soon(what, async {
        while !holds(&node.standing()) {
            changes.changed().await.unwrap();
        }
    })
    .await;
}

pub async fn until_connected(node: &PeerNetwork, count: usize) {
    until(node, &format!("{count} connections"), |standing| connected(standing) == count).await;
}

pub fn connected(standing: &[PeerStanding]) -> usize {
    standing.iter().filter(|peer| peer.connected_since.is_some()).count()
}

/// Waits until a connection has ended, or was not made, so many times for a reason.
pub async fn until_trouble(node: &PeerNetwork, name: &str, count: u64) {
    until_counted(node, &format!("{count} × {name}"), |counts| counts.trouble(name) >= count).await;
}

/// Waits until a node's numbers are as they should be.
pub async fn until_counted(node: &PeerNetwork, what: &str, holds: impl Fn(&PeerCounts) -> bool) {
    until(node, what, |_| holds(&node.counts())).await;
}

/// The next event that is looked for; others are passed over.
pub async fn event<T>(node: &PeerNetwork, what: &str, mut wanted: impl FnMut(PeerEvent) -> Option<T>) -> T {
    soon(what, async {
        loop {
            if let Some(found) = wanted(node.next().await) {
                return found;
            }
        }
    })
    .await
}

/// Says something until it arrives. While two connections between two nodes become one, what is said on the other one is
/// lost: then it is said again.
pub async fn deliver(from: (&Keys, &PeerNetwork), to: (&Keys, &PeerNetwork), message: &Message) {
    let mut changes = from.1.changes();
    let (from_kid, to_kid) = (from.0.kid(), to.0.kid());
    soon(message.name(), async {
        from.1.say(To::One(to_kid), message);
        loop {
            tokio::select! {
                event = to.1.next() => match event {
                    PeerEvent::Said { from, message: said } if from == from_kid && said == *message => return,
                    PeerEvent::Connected { from: kid, .. } if kid == from_kid => {
                        from.1.say(To::One(to_kid), message);
                    }
                    _ => {}
                },
                changed = changes.changed() => {
                    changed.unwrap();
                    from.1.say(To::One(to_kid), message);
                }
            }
        }
    })
    .await;
}

/// A message that no other test says.
pub fn statement(text: &str) -> Message {
    Message::Statements(vec![text.as_bytes().to_vec()])
}
