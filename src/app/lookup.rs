//! What stands where: statements, events and subjects to the leaves that hold or name them.
//!
//! It is made from the records that the store keeps beside the leaves, and is in memory: the writer asks it for every
//! statement whether that stands already, and an answer about a product takes two dozen lists. Nothing is written at random
//! places for it, so that a block costs the same however long the ledger is.
//!
//! A table of places holds 64 bits of a keyed hash instead of what it is asked for. Two that have them in common are told
//! apart by their records, and the key is the process's own, so that a sender cannot prepare such a pair.

mod lists;
mod places;
mod told;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;

use crate::app::lookup::lists::Lists;
use crate::app::lookup::places::Places;
use crate::app::lookup::told::Told;
use crate::ports::{LedgerStore, PlacedRecord, StoreError};
use sealane_core::consortium::EventKey;
use sealane_core::index::{IndexError, ListEntry, SignerTag, SubjectIndex, SubjectKey};
use sealane_core::ledger::{Usage, UseTally};
use sealane_core::merkle::{LeafIndex, TreeSize};
use sealane_core::statement::StatementId;

/// Bytes of records that are worth a second thread while they are learnt.
const BYTES_FOR_TWO: usize = 512 * 1024;

/// Statements, events and subjects of a ledger, by the leaves up to some size.
#[derive(Debug, Default)]
pub struct Lookup(RwLock<Tables>);

#[derive(Debug, Default)]
struct Tables {
    hasher: RandomState,
    statements: Places,
    events: Places,
    lists: Lists,
    /// The captures of each participant, ascending.
    captures: HashMap<SignerTag, Vec<LeafIndex>>,
    master_data: Told,
    usage: Usage,
}

impl Lookup {
    /// Learns what leaves that were written say. They come in their order.
    pub fn learn(&self, records: &[PlacedRecord]) {
        let mut tables = self.write();
        let Tables { hasher, statements, events, lists, captures, master_data, usage } = &mut *tables;
        let hasher = &*hasher;
        let mut learn_places = || {
            for PlacedRecord { place, record } in records {
                statements.add(hasher.hash_one(record.statement()), place.leaf);
                record.event_keys().for_each(|(key, _)| events.add(hasher.hash_one(key), place.leaf));
                if let Some(signer) = record.signer_tag() {
                    captures.entry(signer).or_default().push(place.leaf);
                }
                for (id, said) in record.master_ids() {
                    master_data.add(hasher.hash_one(id), hasher.hash_one(said), place.leaf);
                }
            }
        };
        let mut learn_lists = || {
            for PlacedRecord { place, record } in records {
                let mut tally = UseTally::default();
                for ((key, entry), counts) in record.list_entries(place.leaf).zip(record.counts()) {
                    let last = lists.add(hasher.hash_one(key), key, entry, |key| hasher.hash_one(key));
                    tally.count(counts, last, entry.signer);
                }
                if let Some(signer) = record.signer_tag() {
                    usage.add(signer, place.leaf, place.time, tally);
                }
            }
        };
        if records.iter().map(|placed| placed.record.as_bytes().len()).sum::<usize>() < BYTES_FOR_TWO {
            learn_places();
            learn_lists();
        } else {
            thread::scope(|scope| {
                scope.spawn(learn_places);
                learn_lists();
            });
        }
    }

    /// Knows what another does, from one moment to the next: a question meanwhile finds the one or the other whole.
    pub fn become_like(&self, other: Self) {
        *self.write() = other.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    /// The list of a subject, of leaves below `size`.
    pub fn entries_of(&self, subject: &SubjectKey, size: TreeSize) -> Vec<ListEntry> {
        let tables = self.read();
        tables.lists.get(tables.hasher.hash_one(subject), subject, size)
    }

    /// The first of these from `first` on, `limit` at the most.
    pub fn leaves_from(&self, key: &SubjectKey, first: LeafIndex, size: TreeSize, limit: usize) -> Vec<LeafIndex> {
        let tables = self.read();
        tables.lists.get_from(tables.hasher.hash_one(key), key, first, size, limit)
    }

    /// How many leaves of a signer, from `first` on and below `size`, the list of a subject has.
    pub fn leaves_of(&self, subject: &SubjectKey, signer: SignerTag, first: LeafIndex, size: TreeSize) -> u64 {
        let tables = self.read();
        tables.lists.count(tables.hasher.hash_one(subject), subject, signer, first, size)
    }

    /// The first capture of a participant from a leaf on, below `size`.
    pub fn capture_from(&self, signer: SignerTag, first: LeafIndex, size: TreeSize) -> Option<LeafIndex> {
        let tables = self.read();
        let captures = tables.captures.get(&signer)?;
        let leaf = captures.get(captures.partition_point(|leaf| *leaf < first)).copied();
        leaf.filter(|leaf| size.contains(*leaf))
    }

    /// The last captures of a participant below `size`, the newest first and `limit` at the most; and whether these are all.
    pub fn last_captures(&self, signer: SignerTag, size: TreeSize, limit: usize) -> (Vec<LeafIndex>, bool) {
        let tables = self.read();
        let captures = tables.captures.get(&signer).map_or(&[][..], Vec::as_slice);
        let below = &captures[..captures.partition_point(|leaf| size.contains(*leaf))];
        (below.iter().rev().take(limit).copied().collect(), below.len() <= limit)
    }

    /// The last few leaves below `size` in which its holder said something new of an id, the newest first.
    pub fn master_data(&self, id: &str, size: TreeSize) -> Vec<LeafIndex> {
        let tables = self.read();
        tables.master_data.get(tables.hasher.hash_one(id)).filter(|leaf| size.contains(*leaf)).collect()
    }

    /// What participants have used of their quotas.
    pub fn usage(&self) -> Usage {
        self.read().usage.clone()
    }

    /// The leaves that may hold a statement.
    pub fn statement(&self, id: StatementId) -> Vec<LeafIndex> {
        let tables = self.read();
        tables.statements.get(tables.hasher.hash_one(id)).collect()
    }

    /// The leaves that may hold an event, or an error declaration of it.
    pub fn event(&self, key: EventKey) -> Vec<LeafIndex> {
        let tables = self.read();
        tables.events.get(tables.hasher.hash_one(key)).collect()
    }

    /// Makes the index of what is known. Subjects in the order of their keys are quickest.
    pub fn index(&self) -> Result<SubjectIndex, IndexError> {
        self.read().lists.index()
    }

    /// Where a statement stands, if it does.
    pub async fn find(&self, store: &dyn LedgerStore, id: StatementId) -> Result<Option<LeafIndex>, StoreError> {
        let leaves = self.statement(id);
        if leaves.is_empty() {
            return Ok(None);
        }
        let records = store.records(leaves).await?;
        Ok(records.iter().find(|placed| placed.record.statement() == id).map(|placed| placed.place.leaf))
    }

    // A panic while a table was written is a defect that has been told; what it holds are whole entries.
    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
