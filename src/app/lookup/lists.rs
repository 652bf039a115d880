//! The leaves that name a subject, each with who signed it and what it says to have done.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread;

use hashbrown::HashTable;

use sealane_core::index::{Acts, IndexError, ListEntry, SignerTag, SubjectIndex, SubjectKey, SubjectList};
use sealane_core::limits::TREE_SIZE_MAX;
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
    signers: Signers,
}

/// Who signed, by numbers of 32 bits in the order of their first leaf. There are far fewer signers than leaves.
#[derive(Debug, Default)]
struct Signers {
    tags: Vec<SignerTag>,
    numbers: HashMap<SignerTag, u32>,
}

impl Signers {
    /// The number of a signer, who gets the next one if it has none. Each signer has a leaf that registers it, so that memory
    /// ends long before the numbers do.
    fn number(&mut self, tag: SignerTag) -> u32 {
        *self.numbers.entry(tag).or_insert_with(|| {
            self.tags.push(tag);
            (self.tags.len() - 1) as u32
        })
    }

    fn unpack(&self, entry: Packed) -> Option<ListEntry> {
        let leaf = LeafIndex::new(entry.place() & TREE_SIZE_MAX).ok()?;
        let acts = Acts::from_byte((entry.place() >> PLACE_BITS) as u8);
        Some(ListEntry { leaf, signer: *self.tags.get(entry.signer as usize)?, acts })
    }
}

/// The bits of a leaf index: those of [`TREE_SIZE_MAX`]. Above them are the acts.
const PLACE_BITS: u32 = TREE_SIZE_MAX.count_ones();

/// A list entry in 12 bytes, aligned to 4, so that a list of one is no larger than a vector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Packed {
    /// The leaf index and the acts, in native byte order.
    place: [u32; 2],
    signer: u32,
}

impl Packed {
    fn new(entry: &ListEntry, signer: u32) -> Self {
        let place = entry.leaf.get() | u64::from(entry.acts.byte()) << PLACE_BITS;
        Self { place: [(place >> 32) as u32, place as u32], signer }
    }

    fn place(self) -> u64 {
        let [high, low] = self.place;
        u64::from(high) << 32 | u64::from(low)
    }

    fn leaf(self) -> u64 {
        self.place() & TREE_SIZE_MAX
    }
}

#[derive(Debug)]
struct Entry {
    key: SubjectKey,
    leaves: Leaves,
}

impl Entry {
    fn hashed(&self, signers: &Signers) -> Option<SubjectList> {
        let list: Option<Vec<ListEntry>> = self.leaves.as_slice().iter().map(|entry| signers.unpack(*entry)).collect();
        SubjectList::of(self.key, &list?)
    }
}

/// Most subjects of a young ledger have one leaf.
#[derive(Debug)]
enum Leaves {
    One(Packed),
    Many(Vec<Packed>),
}

impl Leaves {
    fn as_slice(&self) -> &[Packed] {
        match self {
            Leaves::One(entry) => std::slice::from_ref(entry),
            Leaves::Many(entries) => entries,
        }
    }

    /// Appends a leaf, once.
    fn push(&mut self, entry: Packed) {
        match self {
            Leaves::One(first) if first.leaf() != entry.leaf() => *self = Leaves::Many(vec![*first, entry]),
            Leaves::Many(entries) if entries.last().is_none_or(|last| last.leaf() != entry.leaf()) => {
                entries.push(entry)
            }
            Leaves::One(_) | Leaves::Many(_) => {}
        }
    }
}

impl Default for Lists {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| HashTable::new()).collect(), signers: Signers::default() }
    }
}

impl Lists {
    /// Appends an entry to the list of `key`, whose hash is `hash`. Returns who signed the last one before it.
    pub fn add(
        &mut self,
        hash: u64,
        key: SubjectKey,
        entry: ListEntry,
        hash_of: impl Fn(&SubjectKey) -> u64,
    ) -> Option<SignerTag> {
        let packed = Packed::new(&entry, self.signers.number(entry.signer));
        let shard = self.shards.get_mut(shard(hash))?;
        match shard.find_mut(hash, |entry| entry.key == key) {
            Some(entry) => {
                let last = entry.leaves.as_slice().last().map(|last| last.signer);
                entry.leaves.push(packed);
                self.signers.tags.get(last? as usize).copied()
            }
            None => {
                shard.insert_unique(hash, Entry { key, leaves: Leaves::One(packed) }, |entry| hash_of(&entry.key));
                None
            }
        }
    }

    /// How many entries of a signer, from the leaf `first` on and below `size`, the list of `key` has.
    pub fn count(&self, hash: u64, key: &SubjectKey, signer: SignerTag, first: LeafIndex, size: TreeSize) -> u64 {
        let Some(number) = self.signers.numbers.get(&signer) else { return 0 };
        let entries = self.below(hash, key, size);
        let begin = entries.partition_point(|entry| entry.leaf() < first.get());
        entries.iter().skip(begin).filter(|entry| entry.signer == *number).count() as u64
    }

    /// The entries of leaves below `size` in the list of `key`, whose hash is `hash`.
    pub fn get(&self, hash: u64, key: &SubjectKey, size: TreeSize) -> Vec<ListEntry> {
        self.below(hash, key, size).iter().filter_map(|entry| self.signers.unpack(*entry)).collect()
    }

    /// The first leaves of these entries from `first` on, `limit` at the most.
    pub fn get_from(
        &self,
        hash: u64,
        key: &SubjectKey,
        first: LeafIndex,
        size: TreeSize,
        limit: usize,
    ) -> Vec<LeafIndex> {
        let entries = self.below(hash, key, size);
        let begin = entries.partition_point(|entry| entry.leaf() < first.get());
        let found = entries.iter().skip(begin).take(limit);
        found.filter_map(|entry| LeafIndex::new(entry.leaf()).ok()).collect()
    }

    fn below(&self, hash: u64, key: &SubjectKey, size: TreeSize) -> &[Packed] {
        let entry = self.shards.get(shard(hash)).and_then(|shard| shard.find(hash, |entry| entry.key == *key));
        let entries = entry.map_or(&[][..], |entry| entry.leaves.as_slice());
        let end = entries.partition_point(|entry| entry.leaf() < size.get());
        entries.get(..end).unwrap_or_default()
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
                    .map(|part| scope.spawn(|| part.iter().filter_map(|entry| entry.hashed(&self.signers)).collect()))
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

    /// An entry whose signer, one of seven, and acts follow from its leaf.
    fn entry(n: u64) -> ListEntry {
        let tag = [(n % 7) as u8; 16];
        let signer = if n.is_multiple_of(7) { SignerTag::Member(tag) } else { SignerTag::Participant(tag) };
        ListEntry { leaf: LeafIndex::new(n).unwrap(), signer, acts: Acts::from_byte(n as u8) }
    }

    #[test]
    fn an_entry_is_kept_in_twelve_bytes() {
        assert_eq!((size_of::<Packed>(), size_of::<Leaves>(), size_of::<Entry>()), (12, 24, 56));
        let mut signers = Signers::default();
        let last = ListEntry {
            leaf: LeafIndex::new(TREE_SIZE_MAX - 1).unwrap(),
            signer: SignerTag::Member([9; 16]),
            acts: Acts::from_byte(0xff),
        };
        for entry in [entry(0), entry(1), last, entry(8)] {
            let packed = Packed::new(&entry, signers.number(entry.signer));
            assert_eq!(signers.unpack(packed), Some(entry));
        }
        assert_eq!(signers.tags.len(), 3);
    }

    #[test]
    fn lists_ascend_up_to_a_size_and_make_the_index() {
        let (mut lists, mut index) = (Lists::default(), SubjectIndex::new());
        let key = |n: u64| Subject::id(format!("urn:x:{n}")).key();
        for n in 0..3_000 {
            for key in [key(n % 1_000), key(5_000)] {
                lists.add(hash_of(&key), key, entry(n), hash_of);
                lists.add(hash_of(&key), key, entry(n), hash_of);
                index.append(key, entry(n)).unwrap();
            }
        }
        let list = |n: u64, size: u64| -> Vec<u64> {
            let found = lists.get(hash_of(&key(n)), &key(n), TreeSize::new(size).unwrap());
            assert!(found.iter().all(|found| *found == entry(found.leaf.get())));
            found.into_iter().map(|entry| entry.leaf.get()).collect()
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
        let count = |first: u64, size: u64| {
            let (first, size) = (LeafIndex::new(first).unwrap(), TreeSize::new(size).unwrap());
            lists.count(hash_of(&key(5_000)), &key(5_000), entry(8).signer, first, size)
        };
        // Of seven signers each has every seventh leaf.
        assert_eq!((count(0, 3_000), count(8, 16), count(9, 15), count(2, 3)), (429, 2, 0, 0));
        assert_eq!(lists.index().unwrap().root(), index.root());
    }
}
