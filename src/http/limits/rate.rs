//! Token buckets: how often an address may ask, and a signer may have something captured.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::direct::NotKeyed;
use governor::state::{InMemoryState, StateStore};
use governor::{DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};

use crate::app::answer::ClientAddress;
use crate::ports::{Allowance, Exceeded};
use sealane_core::consortium::ParticipantId;

/// Buckets for all addresses together, 8 bytes each. Addresses share one by chance, so that no flood of addresses
/// takes memory: to empty the buckets of others, a client would have to send as much as thousands may.
const BUCKETS: usize = 1 << 16;

type Instant = <DefaultClock as Clock>::Instant;

/// The allowance of each address: a second's worth at once, and then so many a second.
pub struct AddressRate {
    limiter: RateLimiter<ClientAddress, Buckets, DefaultClock, NoOpMiddleware<Instant>>,
    per_second: NonZeroU32,
}

/// A bucket for each address, some of them shared. The hash has a secret, so that a client cannot choose whose to share.
struct Buckets {
    states: Box<[InMemoryState]>,
    secret: RandomState,
}

impl StateStore for Buckets {
    type Key = ClientAddress;

    fn measure_and_replace<T, F, E>(&self, key: &ClientAddress, f: F) -> Result<T, E>
    where
        F: Fn(Option<governor::nanos::Nanos>) -> Result<(T, governor::nanos::Nanos), E>,
    {
        let at = self.secret.hash_one(key) as usize % BUCKETS;
        match self.states.get(at) {
            Some(state) => state.measure_and_replace(&NotKeyed::NonKey, f),
            None => f(None).map(|(outcome, _)| outcome),
        }
    }
}

impl AddressRate {
    pub fn new(per_second: NonZeroU32) -> Self {
        let states = (0..BUCKETS).map(|_| InMemoryState::default()).collect();
        let buckets = Buckets { states, secret: RandomState::new() };
        Self { limiter: RateLimiter::new(Quota::per_second(per_second), buckets, DefaultClock::default()), per_second }
    }

    pub fn take(&self, address: &ClientAddress) -> Result<(), Exceeded> {
        self.limiter.check_key(address).map_err(|until| exceeded(&until, self.limiter.clock().now(), self.per_second))
    }
}

/// The allowance of each signer. Only registered ones come here, so there are no more buckets than participants.
pub struct SignerRate {
    limiter: DefaultKeyedRateLimiter<ParticipantId>,
    per_second: NonZeroU32,
}

impl SignerRate {
    pub fn new(per_second: NonZeroU32) -> Self {
        Self { limiter: RateLimiter::keyed(Quota::per_second(per_second)), per_second }
    }
}

impl Allowance for SignerRate {
    fn take(&self, signer: &ParticipantId) -> Result<(), Exceeded> {
        self.limiter.check_key(signer).map_err(|until| exceeded(&until, self.limiter.clock().now(), self.per_second))
    }
}

fn exceeded(until: &NotUntil<Instant>, now: Instant, per_second: NonZeroU32) -> Exceeded {
    let wait = until.wait_time_from(now).max(Duration::from_secs(1));
    let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Exceeded { per_second: per_second.get(), retry_after_s: u32::try_from(whole).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn an_address_has_its_own_allowance() {
        let rate = AddressRate::new(NonZeroU32::new(3).unwrap());
        let address = |text: &str| ClientAddress::of(text.parse::<IpAddr>().unwrap());
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let taken = (0..100).filter(|_| rate.take(&one).is_ok()).count();
        assert!((3..100).contains(&taken), "{taken}");
        assert_eq!(rate.take(&one), Err(Exceeded { per_second: 3, retry_after_s: 1 }));
        assert_eq!(rate.take(&other), Ok(()));
    }

    #[test]
    fn a_flood_of_addresses_takes_no_memory() {
        let rate = AddressRate::new(NonZeroU32::new(1).unwrap());
        let taken = (0..4 * BUCKETS as u128)
            .filter(|number| rate.take(&ClientAddress::of(IpAddr::V6((number << 64).into()))).is_ok())
            .count();
        // Four addresses to a bucket: most find it in use.
        assert!(taken > BUCKETS / 2 && rate.limiter.into_state_store().states.len() == BUCKETS, "{taken}");
    }

    #[test]
    fn a_signer_has_its_own_allowance() {
        let rate = SignerRate::new(NonZeroU32::new(2).unwrap());
        let signer = |text: &str| text.parse::<ParticipantId>().unwrap();
        let one = signer("374d95fc-9457-4a51-bd6a-0bba133845a8");
        let other = signer("374d95fc-9457-4a51-bd6a-0bba133845a9");
        let taken = (0..100).filter(|_| rate.take(&one).is_ok()).count();
        assert!((2..100).contains(&taken), "{taken}");
        assert_eq!(rate.take(&one), Err(Exceeded { per_second: 2, retry_after_s: 1 }));
        assert_eq!(rate.take(&other), Ok(()));
    }
}
