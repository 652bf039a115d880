//! What all connections have in common.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use super::addresses::{AddressBook, Learnt};
use super::counters::{Counters, count};
use super::frame::frame;
use super::inbox::Inbox;
use super::limits::{FRAME_BYTES_MAX, NetTimes};
use super::outbox::{Class, SharedFrame};
use super::table::{Link, Placed, Table};
use super::tls::NodeTlsSetup;
use super::trouble::Trouble;
use crate::ports::{Clock, LastWords, PeerEvent, PeerStanding, Roster, To};
use sealane_core::agreement::{Hello, Message, NodeStatus, SignedAddress};
use sealane_core::block::Origin;
use sealane_core::hash::Hash;
use sealane_core::limits::MEMBERS_MAX;

pub(super) struct Shared {
    pub origin: Origin,
    pub own_kid: Hash,
    pub own_tls_key: Hash,
    /// Drawn at the start: tells the others that this is another process than the one before.
    pub run: u64,
    pub times: NetTimes,
    pub clock: Arc<dyn Clock>,
    pub last_words: Arc<dyn LastWords>,
    pub tls: NodeTlsSetup,
    pub book: AddressBook,
    pub table: Table,
    pub inbox: Inbox,
    pub counters: Counters,
    /// When this began: pings count from here.
    pub started: Instant,
    /// Counts the changes of connections, addresses and the roster, and the connections that were refused.
    pub changes: watch::Sender<u64>,
}

impl Shared {
    pub fn roster(&self) -> Roster {
        self.tls.judge.roster.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn may_connect(&self, kid: &Hash) -> bool {
        self.tls.judge.roster.read().unwrap_or_else(PoisonError::into_inner).key_of(kid).is_some()
    }

    pub fn is_member(&self, kid: &Hash) -> bool {
        self.tls.judge.roster.read().unwrap_or_else(PoisonError::into_inner).members.get(kid).is_some()
    }

    pub fn is_connected(&self, kid: &Hash) -> bool {
        self.table.lock().link(kid).is_some()
    }

    pub fn changed(&self) {
        self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// Gives a connection its place, tells that it is there, and sends what addresses are known.
    pub fn place(&self, link: &Arc<Link>, hello: Hello) -> Result<Placed, Trouble> {
        let kid = link.identity.kid;
        let mut standing = self.table.lock();
        // Under the lock, so that a change of the roster either is seen here or finds the connection.
        if !self.may_connect(&kid) {
            return Err(Trouble::Removed);
        }
        let placed = standing.place(link);
        if let Placed::Taken { instead_of } = &placed {
            if let Some(old) = instead_of {
                old.cut(Trouble::Duplicate);
                self.inbox.put_event(kid, PeerEvent::Disconnected { from: kid });
            }
            self.inbox.put_event(kid, PeerEvent::Connected { from: kid, hello });
            count(&self.counters.connected, 1);
        }
        drop(standing);
        if matches!(placed, Placed::Taken { .. }) {
            let known = self.book.all(&self.roster());
            if !known.is_empty() {
                known.chunks(MEMBERS_MAX).for_each(|part| {
                    self.put(link, Class::Kept, frame(&Message::Addresses(part.to_vec())));
                });
            }
            self.changed();
        }
        Ok(placed)
    }

    /// Takes a connection out at its end.
    pub fn remove(&self, link: &Arc<Link>, trouble: &Trouble) {
        let kid = link.identity.kid;
        let mut standing = self.table.lock();
        if standing.remove(link) {
            standing.note_trouble(kid, trouble);
            self.inbox.put_event(kid, PeerEvent::Disconnected { from: kid });
        }
        drop(standing);
        self.changed();
    }

    pub fn note_trouble(&self, kid: Hash, trouble: &Trouble) {
        let mut standing = self.table.lock();
        if standing.link(&kid).is_none() && self.may_connect(&kid) {
            standing.note_trouble(kid, trouble);
        }
        drop(standing);
        self.changed();
    }

    /// Tells the own side that it has seen two nodes with one member's key.
    pub fn twins(&self, kid: Hash, tls_keys: [Hash; 2]) {
        if let Some(kept_back) = self.counters.may_log() {
            let [first, second] = tls_keys;
            tracing::error!(%kid, %first, %second, kept_back, "two nodes show one member's key");
        }
        self.inbox.put_event(kid, PeerEvent::Twins { kid, tls_keys, told_by: None });
    }

    /// Puts a frame on its way, or cuts off the node that is too far behind.
    pub fn put(&self, link: &Link, class: Class, frame: SharedFrame) -> bool {
        let put = link.outbox.put(class, frame);
        count(&self.counters.statements_dropped, put.statements_dropped);
        count(&self.counters.statuses_dropped, put.statuses_dropped);
        if put.is_full {
            link.cut(Trouble::Behind);
        }
        !put.is_full
    }

    pub fn say(&self, to: To, message: &Message) -> usize {
        let status;
        let message = match message {
            Message::Status(said) if said.address.is_none() => {
                status = Message::Status(NodeStatus { address: self.book.own(), ..said.clone() });
                &status
            }
            message => message,
        };
        let for_candidates = match message {
            Message::Status(_) | Message::Addresses(_) => true,
            Message::Block(_) => to != To::All,
            _ => false,
        };
        let links: Vec<Arc<Link>> = {
            let standing = self.table.lock();
            match to {
                To::All => standing.links().cloned().collect(),
                To::One(kid) => standing.link(&kid).cloned().into_iter().collect(),
            }
        };
        let links: Vec<Arc<Link>> =
            links.into_iter().filter(|link| for_candidates || self.is_member(&link.identity.kid)).collect();
        if links.is_empty() {
            return 0;
        }
        let (class, frame) = (Class::of(message), frame(message));
        if frame.len() > FRAME_BYTES_MAX + super::frame::LENGTH_BYTES {
            tracing::error!(
                kind = message.name(),
                bytes = frame.len(),
                "a message is too long to be sent: this is a fault of this program"
            );
            return 0;
        }
        links.iter().filter(|link| self.put(link, class, Arc::clone(&frame))).count()
    }

    /// Learns where nodes are found, and passes on what is new.
    pub fn learn(&self, addresses: &[SignedAddress], from: Hash) {
        let roster = self.roster();
        let mut new = Vec::new();
        for address in addresses {
            match self.book.learn(address, &roster) {
                Learnt::New => new.push(address.clone()),
                Learnt::Old => {}
                Learnt::OwnRenumbered => new.extend(self.book.own()),
                Learnt::Refused => count(&self.counters.addresses_refused, 1),
            }
        }
        if new.is_empty() {
            return;
        }
        let own_is_new = new.iter().any(|address| address.address().kid() == self.own_kid);
        let frame = frame(&Message::Addresses(new));
        let links: Vec<Arc<Link>> = self.table.lock().links().cloned().collect();
        for link in links.iter().filter(|link| own_is_new || link.identity.kid != from) {
            self.put(link, Class::Kept, Arc::clone(&frame));
        }
        self.changed();
    }

    pub fn standing(&self) -> Vec<PeerStanding> {
        let kids = self.roster().kids();
        let table = self.table.lock();
        let others = kids.into_iter().filter(|(kid, _)| *kid != self.own_kid);
        others
            .map(|(kid, is_member)| {
                let link = table.link(&kid);
                PeerStanding {
                    kid,
                    is_member,
                    connected_since: link.map(|link| link.since),
                    round_trip: link.and_then(|link| link.round_trip()),
                    address: self.book.get(&kid),
                    waiting_bytes: link.map_or(0, |link| link.outbox.waiting_bytes()),
                    trouble: table.trouble(&kid).cloned().filter(|_| link.is_none()),
                }
            })
            .collect()
    }

    pub fn admit(&self, roster: Roster) {
        *self.tls.judge.roster.write().unwrap_or_else(PoisonError::into_inner) = roster.clone();
        self.book.follow(&roster);
        let mut standing = self.table.lock();
        let gone = standing.retain(|kid| roster.key_of(kid).is_some());
        for link in &gone {
            let kid = link.identity.kid;
            self.inbox.forget(&kid);
            self.inbox.put_event(kid, PeerEvent::Disconnected { from: kid });
            link.cut(Trouble::Removed);
        }
        drop(standing);
        self.changed();
    }

    /// Who is to be dialled: all that may connect, but for this node. None, while this node may not: it would be refused.
    pub fn others(&self) -> BTreeMap<Hash, bool> {
        let mut kids = self.roster().kids();
        match kids.remove(&self.own_kid) {
            Some(_) => kids,
            None => BTreeMap::new(),
        }
    }

    /// Waits until a node is not connected and has an address, and gives that.
    pub async fn wait_for_need(&self, kid: &Hash) -> String {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            if let Some(endpoint) = self.book.endpoint(kid).filter(|_| !self.is_connected(kid)) {
                return endpoint;
            }
            // The sender is in `self`, so this does not fail.
            let _ = changes.changed().await;
        }
    }

    /// Waits until a node has another address than this one, or is connected.
    pub async fn wait_for_other_endpoint(&self, kid: &Hash, endpoint: &str) {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            if self.is_connected(kid) || self.book.endpoint(kid).is_some_and(|known| known != endpoint) {
                return;
            }
            let _ = changes.changed().await;
        }
    }
}
