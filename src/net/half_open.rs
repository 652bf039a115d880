//! How many connections have not shown yet who is at their other end, and whose.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::limits::{HALF_OPEN_MAX, HALF_OPEN_PER_ADDRESS_MAX};
use crate::app::answer::ClientAddress;

/// The connections whose handshake is under way, by address.
#[derive(Default)]
pub(super) struct HalfOpen {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    by_address: HashMap<ClientAddress, usize>,
    /// Of addresses from which no member has come.
    strangers: usize,
}

/// The place of one such connection; given back when dropped.
pub(super) struct HalfOpenPlace {
    half_open: Arc<HalfOpen>,
    address: ClientAddress,
    is_members: bool,
}

impl HalfOpen {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Each change is one number.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a place to a new connection, unless there are too many. Addresses of members have places of their own.
    pub fn place(self: &Arc<Self>, address: ClientAddress, is_members: bool) -> Option<HalfOpenPlace> {
        let mut counts = self.lock();
        let of_address = counts.by_address.get(&address).copied().unwrap_or_default();
        if of_address >= HALF_OPEN_PER_ADDRESS_MAX || (!is_members && counts.strangers >= HALF_OPEN_MAX) {
            return None;
        }
        counts.by_address.insert(address, of_address + 1);
        counts.strangers += usize::from(!is_members);
        drop(counts);
        Some(HalfOpenPlace { half_open: Arc::clone(self), address, is_members })
    }
}

impl Drop for HalfOpenPlace {
    fn drop(&mut self) {
        let mut counts = self.half_open.lock();
        counts.strangers -= usize::from(!self.is_members);
        match counts.by_address.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.by_address.remove(&self.address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: usize) -> ClientAddress {
        ClientAddress::of(format!("192.0.2.{last}").parse().unwrap())
    }

    #[test]
    fn strangers_fill_their_places_and_members_have_their_own() {
        let half_open = Arc::new(HalfOpen::default());
        let of_one: Vec<_> = (0..20).map_while(|_| half_open.place(address(1), false)).collect();
        assert_eq!(of_one.len(), HALF_OPEN_PER_ADDRESS_MAX);
        let others: Vec<_> = (2..200).map_while(|last| half_open.place(address(last), false)).collect();
        assert_eq!(of_one.len() + others.len(), HALF_OPEN_MAX);
        let members: Vec<_> = (0..20).map_while(|_| half_open.place(address(250), true)).collect();
        assert_eq!(members.len(), HALF_OPEN_PER_ADDRESS_MAX);
        drop(of_one);
        assert!(half_open.place(address(251), false).is_some());
        drop((others, members));
        assert!(half_open.lock().by_address.is_empty() && half_open.lock().strangers == 0);
    }
}
