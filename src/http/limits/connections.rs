//! How many connections are open, and whose.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::app::answer::ClientAddress;
use crate::http::limits::address::Proxies;

/// The connections that are open, by address. There are no more entries than connections.
pub struct Connections {
    per_address: usize,
    proxies: Proxies,
    open: Mutex<HashMap<ClientAddress, usize>>,
}

/// The place of one open connection; given back when dropped.
pub struct ConnectionPlace {
    held: Option<(Arc<Connections>, ClientAddress)>,
}

impl Connections {
    pub fn new(per_address: usize, proxies: Proxies) -> Self {
        Self { per_address, proxies, open: Mutex::default() }
    }

    /// Gives a place to a new connection, unless its address has as many as it may. The machine itself and the
    /// operator's proxies have as many as they like.
    pub fn place(self: &Arc<Self>, peer: IpAddr) -> Option<ConnectionPlace> {
        let peer = peer.to_canonical();
        if peer.is_loopback() || self.proxies.hold(peer) {
            return Some(ConnectionPlace { held: None });
        }
        let address = ClientAddress::of(peer);
        let mut open = self.lock();
        let count = open.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        drop(open);
        Some(ConnectionPlace { held: Some((Arc::clone(self), address)) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientAddress, usize>> {
        // Each change is one number, so a panic elsewhere leaves the map whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let Some((connections, address)) = self.held.take() else { return };
        let mut open = connections.lock();
        match open.get_mut(&address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(&address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let connections = Arc::new(Connections::new(2, Proxies::new(vec!["203.0.113.7/32".parse().unwrap()])));
        let place = |text: &str| connections.place(text.parse().unwrap());
        let (first, second) = (place("192.0.2.1"), place("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some() && place("192.0.2.1").is_none());
        assert!(place("192.0.2.2").is_some());
        drop(second);
        assert!(place("192.0.2.1").is_some());
        drop(first);
        assert!(connections.lock().is_empty());
        for exempt in ["127.0.0.1", "::1", "203.0.113.7"] {
            let places: Vec<_> = (0..5).map(|_| place(exempt)).collect();
            assert!(places.iter().all(Option::is_some), "{exempt}");
        }
    }
}
