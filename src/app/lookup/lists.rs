//! The leaves that name a subject.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread;

use hashbrown::HashTable;

use sealane_core::index::{IndexError, SubjectIndex, SubjectKey, SubjectList};
use sealane_core::merkle::{LeafIndex, TreeSize};

/// Parts of a table. Each grows by itself, so that no call has to move the whole of it.
pub(super) const SHARDS: usize = 256;

/// Lists that are hashed before they are put into an index, some 100 bytes each.
const LISTS_AT_ONCE: usize = 1 << 16;

/// The part of a table that a hash belongs to: by bits that a part does not look at itself.
pub(super) const fn shard(hash: u64) -> usize {
    (hash >> 40) as usize % SHARDS
}

/// The list of each subject.
#[derive(Debug)]
pub struct Lists {
    shards: Vec<HashTable<Entry>>,
}

#[derive(Debug)]
struct Entry {
    key: SubjectKey,
    leaves: Leaves,
}

impl Entry {
    fn hashed(&self) -> Option<SubjectList> {
        SubjectList::of(self.key, self.leaves.as_slice())
    }
}

/// Most subjects of a young ledger have one leaf.
#[derive(Debug)]
enum Leaves {
    One(LeafIndex),
    Many(Vec<LeafIndex>),
}

impl Leaves {
    fn as_slice(&self) -> &[LeafIndex] {
        match self {
            Leaves::One(leaf) => std::slice::from_ref(leaf),
            Leaves::Many(leaves) => leaves,
        }
    }

    /// Appends a leaf, once.
    fn push(&mut self, leaf: LeafIndex) {
        match self {
            Leaves::One(first) if *first != leaf => *self = Leaves::Many(vec![*first, leaf]),
            Leaves::Many(leaves) if leaves.last() != Some(&leaf) => leaves.push(leaf),
            Leaves::One(_) | Leaves::Many(_) => {}
        }
    }
}

impl Default for Lists {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| HashTable::new()).collect() }
    }
}

impl Lists {
    /// Appends a leaf to the list of `key`, whose hash is `hash`.
    pub fn add(&mut self, hash: u64, key: SubjectKey, leaf: LeafIndex, hash_of: impl Fn(&SubjectKey) -> u64) {
        let Some(shard) = self.shards.get_mut(shard(hash)) else { return };
        match shard.find_mut(hash, |entry| entry.key == key) {
            Some(entry) => entry.leaves.push(leaf),
            None => {
                shard.insert_unique(hash, Entry { key, leaves: Leaves::One(leaf) }, |entry| hash_of(&entry.key));
            }
        }
    }

    /// The leaves below `size` in the list of `key`, whose hash is `hash`.
    pub fn get(&self, hash: u64, key: &SubjectKey, size: TreeSize) -> Vec<LeafIndex> {
        self.below(hash, key, size).to_vec()
    }

    /// The first of these leaves from `first` on, `limit` at the most.
    pub fn get_from(
        &self,
        hash: u64,
        key: &SubjectKey,
        first: LeafIndex,
        size: TreeSize,
        limit: usize,
    ) -> Vec<LeafIndex> {
        let leaves = self.below(hash, key, size);
        let begin = leaves.partition_point(|leaf| *leaf < first);
        leaves.iter().skip(begin).take(limit).copied().collect()
    }

    fn below(&self, hash: u64, key: &SubjectKey, size: TreeSize) -> &[LeafIndex] {
        let entry = self.shards.get(shard(hash)).and_then(|shard| shard.find(hash, |entry| entry.key == *key));
        let leaves = entry.map_or(&[][..], |entry| entry.leaves.as_slice());
        let end = leaves.partition_point(|leaf| size.contains(*leaf));
        leaves.get(..end).unwrap_or_default()
    }

    /// The index of all lists.
    pub fn index(&self) -> Result<SubjectIndex, IndexError> {
        let mut entries: Vec<&Entry> = self.shards.iter().flatten().collect();
        entries.sort_unstable_by_key(|entry| entry.key);
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let mut index = SubjectIndex::new();
        for some in entries.chunks(LISTS_AT_ONCE) {
            // Lists are hashed beside each other, and take nearly all of the time.
            let hashed: Vec<Vec<SubjectList>> = thread::scope(|scope| {
                let parts = some.chunks(some.len().div_ceil(threads));
                let hashing: Vec<_> = parts
                    .map(|part| scope.spawn(|| part.iter().filter_map(|entry| entry.hashed()).collect()))
                    .collect();
                hashing.into_iter().map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
            });
            hashed.into_iter().flatten().try_for_each(|list| index.put(list))?;
        }
        Ok(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealane_core::index::Subject;

    fn hash_of(key: &SubjectKey) -> u64 {
        key.as_hash().as_bytes().iter().fold(0, |hash, byte| hash << 7 ^ hash >> 57 ^ u64::from(*byte))
    }

    #[test]
    fn lists_ascend_up_to_a_size_and_make_the_index() {
        let (mut lists, mut index) = (Lists::default(), SubjectIndex::new());
        let key = |n: u64| Subject::id(format!("urn:x:{n}")).key();
        for n in 0..3_000 {
            let leaf = LeafIndex::new(n).unwrap();
            for key in [key(n % 1_000), key(5_000)] {
                lists.add(hash_of(&key), key, leaf, hash_of);
                lists.add(hash_of(&key), key, leaf, hash_of);
                index.append(key, leaf).unwrap();
            }
        }
        let list = |n: u64, size: u64| -> Vec<u64> {
            let found = lists.get(hash_of(&key(n)), &key(n), TreeSize::new(size).unwrap());
            found.into_iter().map(LeafIndex::get).collect()
        };
        assert_eq!(list(7, 3_000), [7, 1_007, 2_007]);
        assert_eq!(list(7, 2_007), [7, 1_007]);
        assert_eq!(list(7, 7), [0; 0]);
        assert_eq!(list(5_000, 2_500).len(), 2_500);
        assert_eq!(list(4_000, 3_000), [0; 0]);
        let part = |first: u64, size: u64, limit: usize| -> Vec<u64> {
            let (first, size) = (LeafIndex::new(first).unwrap(), TreeSize::new(size).unwrap());
            let found = lists.get_from(hash_of(&key(7)), &key(7), first, size, limit);
            found.into_iter().map(LeafIndex::get).collect()
        };
        assert_eq!(part(7, 3_000, 2), [7, 1_007]);
        assert_eq!(part(8, 3_000, 2), [1_007, 2_007]);
        assert_eq!(part(8, 2_007, 2), [1_007]);
        assert_eq!(part(2_008, 3_000, 2), [0; 0]);
        assert_eq!(lists.index().unwrap().root(), index.root());
    }
}
