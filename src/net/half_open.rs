//! How many connections have not shown yet who is at their other end, and whose; and how many such begin in a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::{Duration, Instant};

use super::limits::{HALF_OPEN_MAX, HALF_OPEN_PER_ADDRESS_MAX, HANDSHAKES_PER_ADDRESS_MAX, STRANGERS_PER_SECOND_MAX};
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
    second: Second,
}

/// What has begun in the second under way. It holds few addresses, since few strangers begin in a second.
struct Second {
    began: Instant,
    by_address: HashMap<ClientAddress, u32>,
    strangers: u32,
}

impl Default for Second {
    fn default() -> Self {
        Self { began: Instant::now(), by_address: HashMap::new(), strangers: 0 }
    }
}

impl Second {
    /// Counts a connection that begins now, unless too many have.
    fn begin(&mut self, address: ClientAddress, is_members: bool) -> bool {
        if self.began.elapsed() >= Duration::from_secs(1) {
            *self = Self::default();
        }
        let of_address = self.by_address.get(&address).copied().unwrap_or_default();
        let is_too_many =
            of_address >= HANDSHAKES_PER_ADDRESS_MAX || (!is_members && self.strangers >= STRANGERS_PER_SECOND_MAX);
        if !is_too_many {
            self.by_address.insert(address, of_address + 1);
            self.strangers += u32::from(!is_members);
        }
        !is_too_many
    }
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
        if !counts.second.begin(address, is_members) {
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

    #[tokio::test(start_paused = true)]
    async fn a_second_has_so_many_handshakes_of_strangers_and_members_go_on() {
        let half_open = Arc::new(HalfOpen::default());
        let begun = |address, is_members| half_open.place(address, is_members).is_some();
        // Each is over at once, so none waits beside another.
        let of_one = (0..200).filter(|_| begun(address(1), false)).count();
        assert_eq!(of_one, HANDSHAKES_PER_ADDRESS_MAX as usize);
        let of_others = (0..200).filter(|last| begun(address(2 + last % 100), false)).count();
        assert_eq!(of_one + of_others, STRANGERS_PER_SECOND_MAX as usize);
        let of_a_member = (0..200).filter(|_| begun(address(250), true)).count();
        assert_eq!(of_a_member, HANDSHAKES_PER_ADDRESS_MAX as usize);
        tokio::time::advance(Duration::from_millis(999)).await;
        assert!(!begun(address(200), false));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(begun(address(200), false) && begun(address(1), false) && begun(address(250), true));
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
