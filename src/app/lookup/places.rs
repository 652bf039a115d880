//! Leaves by a hash of what they hold.

use hashbrown::HashTable;

use crate::app::lookup::lists::{SHARDS, shard};
use sealane_core::merkle::LeafIndex;

/// Leaves by 64-bit hashes. Any number of leaves may have one hash.
#[derive(Debug)]
pub struct Places {
    shards: Vec<HashTable<(u64, LeafIndex)>>,
}

impl Default for Places {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| HashTable::new()).collect() }
    }
}

impl Places {
    pub fn add(&mut self, hash: u64, leaf: LeafIndex) {
        if let Some(shard) = self.shards.get_mut(shard(hash)) {
            shard.insert_unique(hash, (hash, leaf), |(hash, _)| *hash);
        }
    }

    /// The leaves of a hash, in no order.
    pub fn get(&self, hash: u64) -> impl Iterator<Item = LeafIndex> {
        let shard = self.shards.get(shard(hash)).into_iter();
        shard.flat_map(move |shard| shard.iter_hash(hash)).filter(move |(held, _)| *held == hash).map(|(_, leaf)| *leaf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_found_by_their_hash_and_no_other() {
        let mut places = Places::default();
        let hash = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        for n in 0..10_000 {
            places.add(hash(n), LeafIndex::new(n).unwrap());
        }
        places.add(hash(7), LeafIndex::new(10_000).unwrap());
        for n in [0, 8, 9_999] {
            assert_eq!(places.get(hash(n)).map(LeafIndex::get).collect::<Vec<_>>(), [n]);
        }
        let mut both: Vec<u64> = places.get(hash(7)).map(LeafIndex::get).collect();
        both.sort_unstable();
        assert_eq!(both, [7, 10_000]);
        assert_eq!(places.get(hash(10_001)).count(), 0);
    }
}
