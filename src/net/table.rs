//! Which node is connected, and which of two connections with it stays.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::outbox::Outbox;
use super::trouble::Trouble;
use crate::app::answer::ClientAddress;
use crate::ports::NodeIdentity;
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

/// One connection on which both sides have said hello.
pub(super) struct Link {
    pub identity: NodeIdentity,
    /// Of the other node's process.
    pub run: u64,
    pub is_dialled_by_lower: bool,
    pub address: IpAddr,
    pub since: Timestamp,
    pub outbox: Outbox,
    /// Microseconds of the last ping, plus one; 0 for none.
    round_trip: AtomicU64,
    cut: Mutex<Option<Trouble>>,
    is_cut: Notify,
}

/// Connections and troubles by `kid`.
#[derive(Default)]
pub(super) struct Table {
    state: Mutex<Standing>,
}

#[derive(Default)]
pub(super) struct Standing {
    links: BTreeMap<Hash, Arc<Link>>,
    troubles: BTreeMap<Hash, String>,
    /// From where the members connected last.
    addresses: BTreeMap<Hash, ClientAddress>,
}

/// What becomes of a new connection.
pub(super) enum Placed {
    /// It is the only one with this node, or takes the place of another.
    Taken { instead_of: Option<Arc<Link>> },
    /// The other one stays.
    Duplicate,
    /// The other one stays, and is with another node that shows the same member's key.
    Twin { other: Arc<Link> },
}

impl Link {
    pub fn new(identity: NodeIdentity, run: u64, is_dialled_by_lower: bool, address: IpAddr, since: Timestamp) -> Self {
        Self {
            identity,
            run,
            is_dialled_by_lower,
            address,
            since,
            outbox: Outbox::default(),
            round_trip: AtomicU64::new(0),
            cut: Mutex::new(None),
            is_cut: Notify::new(),
        }
    }

    /// Ends the connection, for the first reason that is given.
    pub fn cut(&self, trouble: Trouble) {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(trouble);
        self.is_cut.notify_one();
    }

    /// Waits for the connection to be cut, and says why.
    pub async fn wait_for_cut(&self) -> Trouble {
        loop {
            if let Some(trouble) = self.cut.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return trouble;
            }
            self.is_cut.notified().await;
        }
    }

    pub fn ping_took(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX - 1);
        self.round_trip.store(micros + 1, Ordering::Relaxed);
    }

    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip.load(Ordering::Relaxed).checked_sub(1).map(Duration::from_micros)
    }
}

impl Table {
    pub fn lock(&self) -> MutexGuard<'_, Standing> {
        // Each change is one entry.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    pub fn link(&self, kid: &Hash) -> Option<&Arc<Link>> {
        self.links.get(kid)
    }

    pub fn links(&self) -> impl Iterator<Item = &Arc<Link>> {
        self.links.values()
    }

    pub fn trouble(&self, kid: &Hash) -> Option<&String> {
        self.troubles.get(kid)
    }

    pub fn note_trouble(&mut self, kid: Hash, trouble: &Trouble) {
        self.troubles.insert(kid, trouble.to_string());
    }

    /// Gives a new connection its place, or not.
    ///
    /// Both nodes dial. Of two connections between the same two processes the one that the lower `kid` has dialled stays, so
    /// that both keep the same. A newer one of the same side takes the place of an older one, which its side has given up; so
    /// does one of a process that was started after the one of the other connection.
    pub fn place(&mut self, new: &Arc<Link>) -> Placed {
        let kid = new.identity.kid;
        if let Some(old) = self.links.get(&kid) {
            if old.identity.tls_key != new.identity.tls_key {
                return Placed::Twin { other: Arc::clone(old) };
            }
            if old.run == new.run && old.is_dialled_by_lower && !new.is_dialled_by_lower {
                return Placed::Duplicate;
            }
        }
        self.troubles.remove(&kid);
        self.addresses.insert(kid, ClientAddress::of(new.address));
        Placed::Taken { instead_of: self.links.insert(kid, Arc::clone(new)) }
    }

    /// Takes a connection out, if it is still the one with its node.
    pub fn remove(&mut self, link: &Arc<Link>) -> bool {
        let kid = link.identity.kid;
        let is_there = self.links.get(&kid).is_some_and(|known| Arc::ptr_eq(known, link));
        if is_there {
            self.links.remove(&kid);
        }
        is_there
    }

    /// Takes out everything of those who may not connect, and gives their connections.
    pub fn retain(&mut self, may_connect: impl Fn(&Hash) -> bool) -> Vec<Arc<Link>> {
        let gone: Vec<Arc<Link>> = self.links().filter(|link| !may_connect(&link.identity.kid)).cloned().collect();
        self.links.retain(|kid, _| may_connect(kid));
        self.troubles.retain(|kid, _| may_connect(kid));
        self.addresses.retain(|kid, _| may_connect(kid));
        gone
    }

    /// True of an address from which a member has come.
    pub fn is_members(&self, address: ClientAddress) -> bool {
        self.addresses.values().any(|known| *known == address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(tls_key: &[u8], run: u64, is_dialled_by_lower: bool) -> Arc<Link> {
        let identity = NodeIdentity { kid: Hash::of(b"kid"), tls_key: Hash::of(tls_key) };
        Arc::new(Link::new(identity, run, is_dialled_by_lower, "192.0.2.1".parse().unwrap(), Timestamp::EPOCH))
    }

    fn is_taken(old: &Arc<Link>, new: &Arc<Link>) -> bool {
        let mut standing = Standing::default();
        standing.place(old);
        matches!(standing.place(new), Placed::Taken { instead_of: Some(_) })
    }

    #[test]
    fn both_sides_keep_the_connection_that_the_lower_one_dialled() {
        for (old, new, taken) in [(true, false, false), (false, true, true), (true, true, true), (false, false, true)] {
            assert_eq!(is_taken(&link(b"tls", 1, old), &link(b"tls", 1, new)), taken, "{old} {new}");
        }
        assert!(is_taken(&link(b"tls", 1, true), &link(b"tls", 2, false)), "the other has started again");
    }

    #[test]
    fn a_second_node_with_one_key_is_noticed_and_the_first_stays() {
        let mut standing = Standing::default();
        let (first, second) = (link(b"tls", 1, true), link(b"other", 2, true));
        assert!(matches!(standing.place(&first), Placed::Taken { instead_of: None }));
        let Placed::Twin { other } = standing.place(&second) else { panic!("no twin") };
        assert!(Arc::ptr_eq(&other, &first));
        assert!(!standing.remove(&second) && standing.remove(&first));
        assert!(standing.is_members(ClientAddress::of("192.0.2.1".parse().unwrap())));
        standing.retain(|_| false);
        assert!(!standing.is_members(ClientAddress::of("192.0.2.1".parse().unwrap())));
    }
}
