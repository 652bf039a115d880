//! The leaves in which something new is said of an id.

use std::collections::HashMap;

use sealane_core::merkle::LeafIndex;

/// Leaves that are kept of one id, so that a header that every document repeats takes no more room than one.
const LEAVES_MAX: usize = 8;

/// Leaves by 64-bit hashes of ids, and of what each says.
#[derive(Debug, Default)]
pub struct Told(HashMap<u64, Vec<(u64, LeafIndex)>>);

impl Told {
    /// Learns that a leaf, later than those before, says something of an id. What says the same as an earlier one takes its place.
    pub fn add(&mut self, id: u64, said: u64, leaf: LeafIndex) {
        let leaves = self.0.entry(id).or_default();
        leaves.retain(|(before, _)| *before != said);
        if leaves.len() == LEAVES_MAX {
            leaves.remove(0);
        }
        leaves.push((said, leaf));
    }

    /// The leaves of an id, the newest first.
    pub fn get(&self, id: u64) -> impl Iterator<Item = LeafIndex> {
        self.0.get(&id).into_iter().flat_map(|leaves| leaves.iter().rev()).map(|(_, leaf)| *leaf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_again_counts_once_and_the_last_few_are_kept() {
        let mut told = Told::default();
        let leaves = |told: &Told, id| told.get(id).map(LeafIndex::get).collect::<Vec<_>>();
        for (leaf, said) in [(1, 10), (2, 11), (3, 10)] {
            told.add(7, said, LeafIndex::new(leaf).unwrap());
        }
        assert_eq!((leaves(&told, 7), leaves(&told, 8)), (vec![3, 2], vec![]));
        for leaf in 4..20 {
            told.add(7, leaf * 100, LeafIndex::new(leaf).unwrap());
        }
        assert_eq!(leaves(&told, 7), [19, 18, 17, 16, 15, 14, 13, 12]);
    }
}
