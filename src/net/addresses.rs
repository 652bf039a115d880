//! Where the members' nodes are found: their signed words, the highest number of each, and what the operator says instead.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::limits::ONCE_A_MINUTE;
use crate::ports::{AddressKeeper, MemberSigner, Roster};
use sealane_core::agreement::{NodeAddress, NodeAddressError, SignedAddress};
use sealane_core::block::Origin;
use sealane_core::hash::Hash;
use sealane_core::limits::MEMBERS_MAX;
use sealane_core::statement::SignatureVerifier;

/// Where the nodes of members and candidates are found.
pub(super) struct AddressBook {
    origin: Origin,
    signer: Arc<dyn MemberSigner>,
    verifier: Arc<dyn SignatureVerifier>,
    keeper: Arc<dyn AddressKeeper>,
    /// What the operator says, by `kid`: it wins over what nodes say of themselves.
    overrides: BTreeMap<Hash, String>,
    known: Mutex<Known>,
}

struct Known {
    addresses: BTreeMap<Hash, SignedAddress>,
    /// What was kept of keys that may not connect: those of members that the roster at the start did not have yet.
    unplaced: Vec<SignedAddress>,
    /// When the own address was numbered anew because a higher one was heard.
    renumbered: Option<Instant>,
}

/// What an address that was heard came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Learnt {
    /// It counts from now on.
    New,
    /// What is known already, or what counts no more.
    Old,
    /// It is the own one of a higher number, so the own one was numbered anew.
    OwnRenumbered,
    Refused,
}

impl AddressBook {
    /// Takes up what was kept, and signs the own address if it has changed.
    pub fn open(
        origin: Origin,
        signer: Arc<dyn MemberSigner>,
        verifier: Arc<dyn SignatureVerifier>,
        keeper: Arc<dyn AddressKeeper>,
        overrides: BTreeMap<Hash, String>,
        own: Option<(&str, &str)>,
        roster: &Roster,
    ) -> Result<Self, NodeAddressError> {
        let addresses = match keeper.load() {
            Ok(addresses) => addresses,
            // They are heard again.
            Err(error) => {
                tracing::warn!(%error, "the addresses of members' nodes that were kept cannot be read");
                Vec::new()
            }
        };
        let known = Mutex::new(Known { addresses: BTreeMap::new(), unplaced: addresses, renumbered: None });
        let book = Self { origin, signer, verifier, keeper, overrides, known };
        book.follow(roster);
        if let Some((peer, url)) = own {
            book.set_own(peer, url)?;
        }
        Ok(book)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Each change is one entry.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up what was kept of those who may connect now.
    pub fn follow(&self, roster: &Roster) {
        let mut known = self.lock();
        let unplaced = std::mem::take(&mut known.unplaced);
        let (now, later) = unplaced.into_iter().partition(|address| self.holds(address, roster));
        known.unplaced = later;
        let now: Vec<SignedAddress> = now;
        for address in now {
            known.addresses.entry(address.address().kid()).or_insert(address);
        }
    }

    fn own_kid(&self) -> Hash {
        self.signer.public_key().thumbprint()
    }

    /// HOST:PORT at which a node is dialled.
    pub fn endpoint(&self, kid: &Hash) -> Option<String> {
        let heard = || self.lock().addresses.get(kid).map(|address| address.address().peer().to_owned());
        self.overrides.get(kid).cloned().or_else(heard)
    }

    pub fn get(&self, kid: &Hash) -> Option<SignedAddress> {
        self.lock().addresses.get(kid).cloned()
    }

    pub fn own(&self) -> Option<SignedAddress> {
        self.get(&self.own_kid())
    }

    /// All that is known of those who may connect, the own one included.
    pub fn all(&self, roster: &Roster) -> Vec<SignedAddress> {
        let known = self.lock();
        known.addresses.values().filter(|one| roster.key_of(&one.address().kid()).is_some()).cloned().collect()
    }

    /// Takes an address that was heard, if it holds and its number is higher than that of the one known.
    pub fn learn(&self, heard: &SignedAddress, roster: &Roster) -> Learnt {
        let (kid, number) = (heard.address().kid(), heard.address().number());
        let held = self.get(&kid);
        if held.as_ref().is_some_and(|held| held == heard || held.address().number() > number) {
            return Learnt::Old;
        }
        let is_own = kid == self.own_kid();
        if !is_own && held.as_ref().is_some_and(|held| held.address().number() == number) {
            // Two of one number: the first stays, or the two would take turns for ever.
            return Learnt::Old;
        }
        if !self.holds(heard, roster) {
            return Learnt::Refused;
        }
        if is_own {
            return self.renumber(held, number);
        }
        let mut known = self.lock();
        // Another connection may have told a later one meanwhile.
        if known.addresses.get(&kid).is_some_and(|held| held.address().number() >= number) {
            return Learnt::Old;
        }
        known.addresses.insert(kid, heard.clone());
        drop(known);
        self.save();
        Learnt::New
    }

    fn holds(&self, signed: &SignedAddress, roster: &Roster) -> bool {
        let key = roster.key_of(&signed.address().kid());
        key.is_some_and(|key| signed.verify_by(&self.origin, &key, &*self.verifier).is_ok())
    }

    /// Says the own address again above a number that an earlier self had used, before it lost its directory. A second node
    /// with this key would do the same, so not more often than once a minute.
    fn renumber(&self, held: Option<SignedAddress>, heard: u64) -> Learnt {
        let Some(held) = held else { return Learnt::Old };
        let now = Instant::now();
        let mut known = self.lock();
        if known.renumbered.is_some_and(|last| now.duration_since(last) < ONCE_A_MINUTE) {
            return Learnt::Old;
        }
        known.renumbered = Some(now);
        drop(known);
        let own = held.address();
        match self.sign(own.peer(), own.url(), heard.saturating_add(1)) {
            Ok(()) => Learnt::OwnRenumbered,
            Err(_) => Learnt::Old,
        }
    }

    fn set_own(&self, peer: &str, url: &str) -> Result<(), NodeAddressError> {
        let held = self.own();
        match held.as_ref().map(SignedAddress::address) {
            Some(held) if held.peer() == peer && held.url() == url => Ok(()),
            held => self.sign(peer, url, held.map_or(1, |held| held.number().saturating_add(1))),
        }
    }

    fn sign(&self, peer: &str, url: &str, number: u64) -> Result<(), NodeAddressError> {
        let address = NodeAddress::new(self.own_kid(), peer, url, number)?;
        let signature = self.signer.sign(&address.signed_bytes(&self.origin));
        self.lock().addresses.insert(self.own_kid(), SignedAddress::new(address, signature));
        self.save();
        Ok(())
    }

    fn save(&self) {
        let known = self.lock();
        // Those of former candidates make room for the others.
        let kept = known.addresses.values().chain(&known.unplaced).take(MEMBERS_MAX).cloned();
        let addresses: Vec<SignedAddress> = kept.collect();
        drop(known);
        if let Err(error) = self.keeper.save(&addresses) {
            tracing::warn!(%error, "the addresses of members' nodes could not be kept; they are heard again after a restart");
        }
    }
}
