//! Tables of the signers that are seen often, so that their statements are verified in a third of the time.
//!
//! Nothing depends on them: a key without a table is verified by the library, with the same answer. A table is found by the
//! thumbprint of its key, and used only after the whole key was compared.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use sealane_core::hash::Hash;
use sealane_core::statement::{PublicKey, Signature, SignatureError, SignatureVerifier};
use sealane_p256_tables::KnownKey;

use crate::signatures::AwsLc;

/// Tables that are kept at once: 19 MB, and 2.8 MB for the generator's. None is made before a signer has captured
/// [`SEEN_MIN`] statements, so an idle node has none.
pub const TABLES_MAX: usize = 128;

/// Statements of a key that hold before it gets a table. Making one takes as long as it then saves in some 50, so a table that
/// is never used again has at the most doubled what its signer's statements took.
pub const SEEN_MIN: u32 = 64;

/// Keys without a table whose statements are counted, some 60 bytes each.
pub const COUNTED_KEYS_MAX: usize = 4_096;

/// Statements, of whatever signer, for which a table must have lain idle before another takes its place. More signers
/// than tables, all of them busy, would otherwise push each other out for ever.
pub const IDLE_STATEMENTS_MIN: u64 = 64 * TABLES_MAX as u64;

/// How long none is made after one, as a multiple of the time that took: where many signers become busy at once, their
/// statements are not to wait for their tables.
pub const PAUSE_FACTOR: u32 = 3;

/// The limits, so that a test can come to them.
#[derive(Debug, Clone, Copy)]
struct Limits {
    tables: usize,
    seen: u32,
    counted_keys: usize,
    idle_statements: u64,
    pause_factor: u32,
}

/// A verifier with tables of the signers that it has seen often. Clones share the tables.
#[derive(Debug, Clone, Default)]
pub struct KnownSigners(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Limits,
    tables: RwLock<HashMap<Hash, Arc<Table>>>,
    waiting: Mutex<Waiting>,
    /// Signatures so far: the time by which tables age.
    signatures: AtomicU64,
}

#[derive(Debug)]
struct Table {
    key: KnownKey,
    /// The statement that it was used for last.
    used: AtomicU64,
}

/// Keys on the way to a table.
#[derive(Debug, Default)]
struct Waiting {
    seen: HashMap<Hash, u32>,
    /// The table in the making, and the pause after it: one at a time, so that making them takes a part of one core.
    making: Option<JoinHandle<()>>,
}

impl SignatureVerifier for KnownSigners {
    /// Checks a signature by the key's table if there is one.
    ///
    /// Only signatures that hold bring a key closer to a table, so a stranger cannot have one made.
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        let shared = &self.0;
        let now = shared.signatures.fetch_add(1, Ordering::Relaxed);
        if let Some(table) = shared.table(key) {
            table.used.store(now, Ordering::Relaxed);
            return table.key.verify(message, signature);
        }
        AwsLc.verify(key, message, signature)?;
        shared.count(key);
        Ok(())
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self::with_limits(Limits {
            tables: TABLES_MAX,
            seen: SEEN_MIN,
            counted_keys: COUNTED_KEYS_MAX,
            idle_statements: IDLE_STATEMENTS_MIN,
            pause_factor: PAUSE_FACTOR,
        })
    }
}

impl Shared {
    fn with_limits(limits: Limits) -> Self {
        Self { limits, tables: RwLock::default(), waiting: Mutex::default(), signatures: AtomicU64::new(0) }
    }

    fn table(&self, key: &PublicKey) -> Option<Arc<Table>> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.get(&key.thumbprint()).filter(|table| table.key.public() == key).map(Arc::clone)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a statement of a key that has no table, and has one made when it is time.
    fn count(self: &Arc<Self>, key: &PublicKey) {
        let mut waiting = self.waiting();
        let seen = waiting.see(key.thumbprint(), self.limits.counted_keys);
        let busy = waiting.making.as_ref().is_some_and(|making| !making.is_finished());
        if seen < self.limits.seen || busy {
            return;
        }
        // Counted anew if there is no room, so that it is looked for once in a while and not with each statement.
        waiting.seen.remove(&key.thumbprint());
        if !self.has_room() {
            return;
        }
        let (signers, key) = (Arc::clone(self), key.clone());
        // Without a thread there is no table, and the library goes on verifying.
        let make = move || {
            let began = Instant::now();
            signers.insert(&key);
            thread::sleep(began.elapsed() * signers.limits.pause_factor);
        };
        waiting.making = thread::Builder::new().name("signer-table".into()).spawn(make).ok();
    }

    /// Tells whether there is room for a table, or one that is idle enough to go.
    fn has_room(&self) -> bool {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        let now = self.signatures.load(Ordering::Relaxed);
        let is_idle = |table: &Arc<Table>| self.is_idle(table, now);
        tables.len() < self.limits.tables || tables.values().any(is_idle)
    }

    fn is_idle(&self, table: &Table, now: u64) -> bool {
        now.saturating_sub(table.used.load(Ordering::Relaxed)) >= self.limits.idle_statements
    }

    /// Makes a key's table, in place of the one that lay idle longest if there is no other room.
    fn insert(&self, key: &PublicKey) {
        let now = self.signatures.load(Ordering::Relaxed);
        let table = Arc::new(Table { key: KnownKey::new(key), used: AtomicU64::new(now) });
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        if tables.len() >= self.limits.tables {
            let oldest = tables.iter().min_by_key(|(_, table)| table.used.load(Ordering::Relaxed));
            let Some(oldest) = oldest.filter(|(_, table)| self.is_idle(table, now)).map(|(key, _)| *key) else {
                return;
            };
            tables.remove(&oldest);
        }
        tables.insert(key.thumbprint(), table);
    }
}

impl Waiting {
    /// Counts one more statement of a key. When there are too many keys, all counts are halved, and the rare ones go.
    fn see(&mut self, key: Hash, keys_max: usize) -> u32 {
        while self.seen.len() >= keys_max && !self.seen.contains_key(&key) {
            self.seen.retain(|_, seen| {
                *seen /= 2;
                *seen > 0
            });
        }
        let seen = self.seen.entry(key).or_default();
        *seen = seen.saturating_add(1);
        *seen
    }
}

#[cfg(test)]
mod tests;
