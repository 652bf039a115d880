//! A budget of bytes, and each client's share of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::app::answer::client::ClientAddress;

/// Bytes that may be held at a time. There are no more entries than leases.
#[derive(Debug)]
pub struct MemoryBudget {
    total_bytes: usize,
    per_client_bytes: usize,
    held: Mutex<HeldBytes>,
}

#[derive(Debug, Default)]
struct HeldBytes {
    all: usize,
    by_client: HashMap<ClientAddress, usize>,
    refused: u64,
}

/// Bytes that a client holds, until it is dropped.
#[derive(Debug)]
pub struct MemoryLease {
    budget: Arc<MemoryBudget>,
    client: ClientAddress,
    bytes: usize,
}

impl MemoryBudget {
    pub fn new(total_bytes: usize, per_client_bytes: usize) -> Self {
        Self { total_bytes, per_client_bytes, held: Mutex::default() }
    }

    /// Begins to count for a client, which holds nothing yet.
    pub fn lease(self: &Arc<Self>, client: ClientAddress) -> MemoryLease {
        MemoryLease { budget: Arc::clone(self), client, bytes: 0 }
    }

    /// Bytes that may be held.
    pub const fn total_bytes(&self) -> usize {
        self.total_bytes
    }

    /// Bytes that are held.
    pub fn held_bytes(&self) -> usize {
        self.lock().all
    }

    /// How often a lease could not grow.
    pub fn refused(&self) -> u64 {
        self.lock().refused
    }

    /// Tells whether the client holds its whole share.
    pub fn is_spent_by(&self, client: &ClientAddress) -> bool {
        let held = self.lock();
        let own = held.by_client.get(client).copied().unwrap_or_default();
        own >= self.per_client_bytes || held.all >= self.total_bytes
    }

    /// Counts a request that was turned away because of [`Self::is_spent_by`].
    pub fn count_refusal(&self) {
        self.lock().refused += 1;
    }

    fn lock(&self) -> MutexGuard<'_, HeldBytes> {
        // Nothing between two changes of one lease can panic.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryLease {
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Grows to at least `bytes`; `false` if the client's share or the budget has no room.
    ///
    /// A client that holds nothing else may go beyond its share as far as the budget goes, so that the share limits how much
    /// there is at a time and not how long one answer is.
    #[must_use]
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else { return true };
        let mut held = self.budget.lock();
        let own = held.by_client.get(&self.client).copied().unwrap_or_default();
        let in_share = own + more <= self.budget.per_client_bytes || own == self.bytes;
        if !in_share || held.all + more > self.budget.total_bytes {
            held.refused += 1;
            return false;
        }
        held.all += more;
        held.by_client.insert(self.client, own + more);
        drop(held);
        self.bytes = bytes;
        true
    }

    /// Gives back all but `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let less = self.bytes.saturating_sub(bytes);
        if less == 0 {
            return;
        }
        self.bytes -= less;
        let mut held = self.budget.lock();
        held.all = held.all.saturating_sub(less);
        match held.by_client.get_mut(&self.client) {
            Some(own) if *own > less => *own -= less,
            _ => drop(held.by_client.remove(&self.client)),
        }
    }
}

impl Drop for MemoryLease {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn client(last: u8) -> ClientAddress {
        ClientAddress::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
    }

    #[test]
    fn a_client_has_its_share_and_all_together_the_budget() {
        let budget = Arc::new(MemoryBudget::new(100, 40));
        let (mut one, mut more) = (budget.lease(client(1)), budget.lease(client(1)));
        assert!(one.grow_to(30) && one.grow_to(10) && !more.grow_to(11) && more.grow_to(10));
        assert!(budget.is_spent_by(&client(1)) && !budget.is_spent_by(&client(2)));
        let mut second = budget.lease(client(2));
        assert!(second.grow_to(40));
        let mut third = budget.lease(client(3));
        assert!(!third.grow_to(21) && third.grow_to(20));
        assert!(budget.is_spent_by(&client(4)), "all of the budget is held");
        assert_eq!((budget.held_bytes(), budget.refused()), (100, 2));
        one.shrink_to(5);
        assert!(more.grow_to(35) && !one.grow_to(6));
        drop((one, more, second, third));
        assert_eq!(budget.held_bytes(), 0);
        assert!(budget.lock().by_client.is_empty(), "a client that holds nothing is forgotten");
    }

    #[test]
    fn one_answer_alone_may_be_longer_than_the_share() {
        let budget = Arc::new(MemoryBudget::new(100, 40));
        let (mut long, mut short) = (budget.lease(client(1)), budget.lease(client(1)));
        assert!(long.grow_to(50) && long.grow_to(80), "nothing else is held");
        assert!(!long.grow_to(101), "more than there is");
        assert!(!short.grow_to(1));
        drop(long);
        assert!(short.grow_to(1));
    }
}
