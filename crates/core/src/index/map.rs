//! The map by subject, in memory.

use crate::hash::Hash;
use crate::index::hashing::{inner_hash, subject_hash};
use crate::index::journal::Journals;
use crate::index::list::LeafList;
use crate::index::pieces::Pieces;
use crate::index::{ListEntry, SubjectKey, empty_hash};
use crate::limits::INDEX_NODES_MAX;
use crate::merkle::LeafIndex;

/// The index of a ledger: a compressed sparse Merkle map from subject key to the list of the leaves that name it.
///
/// A subtree without subjects is empty, a subtree with one is that subject's node at whatever depth, and every other
/// is an inner node, also where one side is empty. Appending marks the way as changed; [`SubjectIndex::root`] then
/// hashes what was marked, once for however many appends.
///
/// Nodes lie in two arrays and name each other by 32-bit numbers: with few leaves a subject takes some 240 bytes. An
/// inner node holds the hashes of both its children, so that hashing a way looks at no node beside it: in a large map each
/// is a miss of the processor's cache.
#[derive(Debug, Clone, Default)]
pub struct SubjectIndex {
    pub(super) top: Child,
    pub(super) inners: Pieces<Inner>,
    pub(super) subjects: Pieces<Entry>,
    pub(super) journals: Journals,
}

/// What cannot be appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    #[error("leaf {leaf} comes after leaf {last} in the list of subject {key}, which has to ascend")]
    NotAscending { key: SubjectKey, last: LeafIndex, leaf: LeafIndex },
    #[error("the index is full: it has {subjects} subjects, and its limit is {INDEX_NODES_MAX} nodes of a kind")]
    Full { subjects: usize },
}

impl SubjectIndex {
    /// Starts with the empty map.
    pub const fn new() -> Self {
        Self { top: Child::EMPTY, inners: Pieces::new(), subjects: Pieces::new(), journals: Journals::new() }
    }

    /// Appends a leaf to a subject's list, and the subject where it is new. Returns false, changing nothing, where
    /// the leaf is the last of the list already.
    pub fn append(&mut self, key: SubjectKey, entry: ListEntry) -> Result<bool, IndexError> {
        match self.open(&key) {
            Slot::Taken { place, subject } => {
                self.note_list(place, subject);
                self.mark_changed(place);
                self.subjects[subject].append(entry)
            }
            Slot::Free(free) => {
                self.add(free, Entry { key, list: LeafList::starting_with(entry) }, None)?;
                Ok(true)
            }
        }
    }

    /// Puts a subject with its whole list, in the place of what its list was.
    pub fn put(&mut self, subject: SubjectList) -> Result<(), IndexError> {
        let SubjectList { entry, hash } = subject;
        match self.open(&entry.key) {
            Slot::Taken { place, subject } => {
                self.note_list(place, subject);
                self.mark_changed(place);
                self.subjects[subject] = entry;
                self.child_mut(place).hash = Some(hash);
            }
            Slot::Free(free) => self.add(free, entry, Some(hash))?,
        }
        Ok(())
    }

    /// Computes the map's root: SHA-256(0x04) where there is no subject.
    pub fn root(&mut self) -> Hash {
        self.hash_at(Place::Top, &empty_hash())
    }

    /// Returns how many leaves name the subject.
    pub fn count(&self, key: &SubjectKey) -> u64 {
        self.look(key).map_or(0, |(count, _)| count)
    }

    /// Looks a subject's list up: its length and its last entry, those of a staged block included. `None` of a subject that no
    /// leaf names.
    pub fn look(&self, key: &SubjectKey) -> Option<(u64, ListEntry)> {
        let mut at = self.top.link.target();
        let mut depth = 0;
        while let Target::Inner(inner) = at {
            at = self.child(Place::Below { inner, right: key.turns_right(depth) }).link.target();
            depth += 1;
        }
        match at {
            Target::Subject(subject) if self.subjects[subject].key == *key => {
                let list = &self.subjects[subject].list;
                Some((list.count(), list.last_entry()))
            }
            _ => None,
        }
    }

    /// Returns the number of subjects.
    pub fn len(&self) -> usize {
        self.subjects.len()
    }

    pub fn is_empty(&self) -> bool {
        self.subjects.len() == 0
    }

    /// Returns what lies beside the way to `key`, from the top, and what stands at its end.
    pub(super) fn path(&mut self, key: &SubjectKey) -> Path {
        self.root();
        let way = self.way_to(key);
        let empty = empty_hash();
        let siblings = way.siblings.iter().map(|place| match self.child(*place).link.target() {
            Target::Empty => None,
            _ => Some(self.hash_at(*place, &empty)),
        });
        let siblings = siblings.collect();
        let end = match way.end {
            Target::Subject(subject) => {
                let entry = &self.subjects[subject];
                Some((entry.key, entry.list.value()))
            }
            _ => None,
        };
        Path { siblings, end }
    }

    fn way_to(&self, key: &SubjectKey) -> Way {
        let mut way = Way { siblings: Vec::new(), end: self.top.link.target() };
        while let Target::Inner(inner) = way.end {
            let right = key.turns_right(way.siblings.len());
            way.siblings.push(Place::Below { inner, right: !right });
            way.end = self.child(Place::Below { inner, right }).link.target();
        }
        way
    }

    /// Finds a subject, or where it would stand, and marks the way there as changed, but for the place at its end.
    fn open(&mut self, key: &SubjectKey) -> Slot {
        let (mut place, mut depth) = (Place::Top, 0);
        loop {
            match self.child(place).link.target() {
                Target::Inner(inner) => {
                    self.mark_changed(place);
                    place = Place::Below { inner, right: key.turns_right(depth) };
                    depth += 1;
                }
                Target::Subject(subject) if self.subjects[subject].key == *key => {
                    return Slot::Taken { place, subject };
                }
                Target::Subject(_) | Target::Empty => return Slot::Free(Free { place, depth }),
            }
        }
    }

    /// Adds a subject. Where another stands: with inner nodes as far as their keys agree, and one to part them.
    fn add(&mut self, free: Free, entry: Entry, hash: Option<Hash>) -> Result<(), IndexError> {
        let Free { place, depth } = free;
        let mut beside = self.child(place);
        let parting = match beside.link.target() {
            Target::Subject(other) => Some(entry.key.shared_depth(&self.subjects[other].key)),
            Target::Empty | Target::Inner(_) => None,
        };
        let inners = parting.map_or(0, |parting| parting - depth + 1);
        if self.subjects.len() >= INDEX_NODES_MAX || self.inners.len() + inners > INDEX_NODES_MAX {
            return Err(IndexError::Full { subjects: self.subjects.len() });
        }
        self.mark_changed(place);
        let key = entry.key;
        self.subjects.push(entry);
        let mut below = Child { link: Link::to_subject(self.subjects.len() - 1), hash };
        if let Some(parting) = parting {
            for depth in (depth..=parting).rev() {
                below = self.add_inner(key.turns_right(depth), below, beside);
                beside = Child::EMPTY;
            }
        }
        *self.child_mut(place) = below;
        Ok(())
    }

    fn add_inner(&mut self, right: bool, child: Child, other: Child) -> Child {
        let children = if right { [other, child] } else { [child, other] };
        self.inners.push(Inner { children });
        Child { link: Link::to_inner(self.inners.len() - 1), hash: None }
    }

    /// Hashes what stands at a place, recursing as deep as the map is: 256 calls at most.
    fn hash_at(&mut self, place: Place, empty: &Hash) -> Hash {
        let Child { link, hash } = self.child(place);
        if let Some(hash) = hash {
            return hash;
        }
        let hash = match link.target() {
            Target::Empty => *empty,
            Target::Subject(subject) => self.subjects[subject].hash(),
            Target::Inner(inner) => {
                let [left, right] = [false, true].map(|right| self.hash_at(Place::Below { inner, right }, empty));
                inner_hash(&left, &right)
            }
        };
        self.child_mut(place).hash = Some(hash);
        hash
    }

    /// Marks a place as changed; the journal keeps what stood there.
    fn mark_changed(&mut self, place: Place) {
        let before = self.child(place);
        self.journals.note(place, before);
        self.child_mut(place).hash = None;
    }

    pub(super) fn child(&self, place: Place) -> Child {
        match place {
            Place::Top => self.top,
            Place::Below { inner, right } => self.inners[inner].children[usize::from(right)],
        }
    }

    pub(super) fn child_mut(&mut self, place: Place) -> &mut Child {
        match place {
            Place::Top => &mut self.top,
            Place::Below { inner, right } => &mut self.inners[inner].children[usize::from(right)],
        }
    }
}

/// The siblings on the way to a key, `None` for an empty one, and the key and value of the subject at its end.
pub(super) struct Path {
    pub siblings: Vec<Option<Hash>>,
    pub end: Option<(SubjectKey, Hash)>,
}

struct Way {
    siblings: Vec<Place>,
    end: Target,
}

#[derive(Debug, Clone)]
pub(super) struct Inner {
    children: [Child; 2],
}

/// What stands at a place, and its hash: `None` while it has changed, or something below it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Child {
    pub link: Link,
    pub hash: Option<Hash>,
}

impl Child {
    pub const EMPTY: Self = Self { link: Link::EMPTY, hash: None };
}

/// A subject with its list.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub key: SubjectKey,
    pub list: LeafList,
}

impl Entry {
    fn append(&mut self, entry: ListEntry) -> Result<bool, IndexError> {
        let (leaf, last) = (entry.leaf, self.list.last());
        if leaf == last {
            return Ok(false);
        }
        if leaf < last {
            return Err(IndexError::NotAscending { key: self.key, last, leaf });
        }
        self.list.push(entry);
        Ok(true)
    }

    fn hash(&self) -> Hash {
        subject_hash(&self.key, &self.list.value())
    }
}

/// A subject with its whole list, hashed: made apart from an index, on whatever thread.
#[derive(Debug)]
pub struct SubjectList {
    entry: Entry,
    hash: Hash,
}

impl SubjectList {
    /// Takes the entries of a subject's list, which ascend; `None` of no entries.
    pub fn of(key: SubjectKey, entries: &[ListEntry]) -> Option<Self> {
        let entry = Entry { key, list: LeafList::of(entries)? };
        let hash = entry.hash();
        Some(Self { entry, hash })
    }
}

/// What a search for a subject ends at.
enum Slot {
    Taken { place: Place, subject: usize },
    Free(Free),
}

/// A place that a subject may have: empty, or another subject's until now.
struct Free {
    place: Place,
    depth: usize,
}

/// Where a child is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Top,
    Below { inner: usize, right: bool },
}

/// What a link leads to, by its number in its array.
pub(super) enum Target {
    Empty,
    Inner(usize),
    Subject(usize),
}

/// A [`Target`] in 32 bits: the highest tells the array, and all ones are the empty subtree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link(u32);

impl Link {
    const EMPTY: Self = Self(u32::MAX);
    const SUBJECT: u32 = 1 << 31;

    // Numbers stay below INDEX_NODES_MAX, which is checked where a node is added.
    const fn to_inner(number: usize) -> Self {
        Self(number as u32)
    }

    const fn to_subject(number: usize) -> Self {
        Self(number as u32 | Self::SUBJECT)
    }

    pub const fn target(self) -> Target {
        match self.0 {
            u32::MAX => Target::Empty,
            number if number & Self::SUBJECT != 0 => Target::Subject((number & !Self::SUBJECT) as usize),
            number => Target::Inner(number as usize),
        }
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::EMPTY
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::index::{Acts, SignerTag, Subject, value_hash};
    use crate::merkle::{leaf_hash, root};
    use proptest::prelude::*;

    /// The map as it is specified, recursive and slow.
    fn specified(subjects: &[(SubjectKey, Vec<u64>)], depth: usize) -> Hash {
        match subjects {
            [] => Hash::of(&[4]),
            [(key, leaves)] => {
                let entries: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(&entry_bytes(*leaf))).collect();
                let count = (leaves.len() as u64).to_be_bytes();
                let value = Hash::of_parts(&[&[5], &count, root(&entries).as_bytes()]);
                Hash::of_parts(&[&[2], key.as_hash().as_bytes(), value.as_bytes()])
            }
            many => {
                let bit = |key: &SubjectKey| key.as_hash().as_bytes()[depth / 8] >> (7 - depth % 8) & 1;
                let (left, right): (Vec<_>, Vec<_>) = many.iter().cloned().partition(|(key, _)| bit(key) == 0);
                let (left, right) = (specified(&left, depth + 1), specified(&right, depth + 1));
                Hash::of_parts(&[&[3], left.as_bytes(), right.as_bytes()])
            }
        }
    }

    #[derive(Default)]
    struct Model(BTreeMap<SubjectKey, Vec<u64>>);

    impl Model {
        fn append(&mut self, key: SubjectKey, leaf: u64) {
            let list = self.0.entry(key).or_default();
            if list.last() != Some(&leaf) {
                list.push(leaf);
            }
        }

        fn root(&self) -> Hash {
            specified(&self.0.iter().map(|(key, list)| (*key, list.clone())).collect::<Vec<_>>(), 0)
        }
    }

    fn leaf(index: u64) -> LeafIndex {
        LeafIndex::new(index).unwrap()
    }

    /// An entry whose signer and acts follow from its leaf.
    fn entry(index: u64) -> ListEntry {
        let byte = index as u8;
        let signer =
            if index.is_multiple_of(3) { SignerTag::Member([byte; 16]) } else { SignerTag::Participant([byte; 16]) };
        ListEntry { leaf: leaf(index), signer, acts: Acts::from_byte(byte) }
    }

    /// The bytes of [`entry`] as the specification words them.
    fn entry_bytes(index: u64) -> Vec<u8> {
        let byte = index as u8;
        [&index.to_be_bytes()[..], &[u8::from(index.is_multiple_of(3))], &[byte; 16], &[byte]].concat()
    }

    /// A key that agrees with every other of this kind in all bits but the last `n`.
    fn twin(last: u8) -> SubjectKey {
        let mut bytes = [0xA5; 32];
        bytes[31] = last;
        SubjectKey::from_hash(Hash::from_bytes(bytes))
    }

    #[test]
    fn the_smallest_maps() {
        let mut index = SubjectIndex::new();
        assert_eq!(index.root(), Hash::of(&[4]));
        let key = Subject::id("https://example.com/a").key();
        assert_eq!(index.append(key, entry(3)), Ok(true));
        let value = value_hash(1, &leaf_hash(&entry_bytes(3)));
        assert_eq!(index.root(), Hash::of_parts(&[&[2], key.as_hash().as_bytes(), value.as_bytes()]));
        assert_eq!((index.len(), index.count(&key), index.count(&twin(0))), (1, 1, 0));
    }

    #[test]
    fn keys_that_differ_in_the_last_bit_lie_256_deep() {
        let (mut index, mut model) = (SubjectIndex::new(), Model::default());
        for last in [0, 1, 255, 128] {
            index.append(twin(last), entry(u64::from(last))).unwrap();
            model.append(twin(last), u64::from(last));
            assert_eq!(index.root(), model.root());
        }
        assert_eq!(index.path(&twin(1)).siblings.len(), 256);
    }

    #[test]
    fn a_list_ascends_and_counts_a_leaf_once() {
        let (mut index, key) = (SubjectIndex::new(), twin(9));
        assert_eq!(index.append(key, entry(5)), Ok(true));
        let before = index.root();
        assert_eq!(index.append(key, entry(5)), Ok(false));
        let fault = index.append(key, entry(4)).unwrap_err();
        assert_eq!(fault, IndexError::NotAscending { key, last: leaf(5), leaf: leaf(4) });
        assert!(fault.to_string().contains("leaf 4 comes after leaf 5"));
        assert_eq!((index.root(), index.count(&key)), (before, 1));
    }

    #[test]
    fn a_subject_with_few_leaves_stays_under_260_bytes() {
        // Its entry, its share of the inner nodes (a binary trie of random keys has 1 / ln 2 = 1.44 of them for each key),
        // and one hash with malloc's own 16 bytes.
        let arrays = size_of::<Entry>() as f64 + 1.44 * size_of::<Inner>() as f64;
        assert!(arrays + 48.0 < 260.0, "{arrays}");
    }

    proptest! {
        #[test]
        fn roots_are_those_of_the_specification(
            appends in prop::collection::vec((0..24_u8, 0..3_u64, any::<bool>()), 0..120), sealed in 1..9_usize
        ) {
            let (mut index, mut model) = (SubjectIndex::new(), Model::default());
            let mut place = 0;
            for (n, (subject, gap, close)) in appends.into_iter().enumerate() {
                let key = if close { twin(subject) } else { Subject::id(subject.to_string()).key() };
                place += gap;
                index.append(key, entry(place)).unwrap();
                model.append(key, place);
                prop_assert_eq!(index.count(&key), model.0[&key].len() as u64);
                if n % sealed == 0 {
                    prop_assert_eq!(index.root(), model.root());
                }
            }
            prop_assert_eq!(index.root(), model.root());
            prop_assert_eq!(index.len(), model.0.len());
        }

        #[test]
        fn a_map_rebuilt_in_another_order_has_the_same_root(
            lists in prop::collection::btree_map(0..200_u16, prop::collection::btree_set(0..500_u64, 1..12), 0..60)
        ) {
            let mut by_place: Vec<(u64, SubjectKey)> = Vec::new();
            let mut by_key = SubjectIndex::new();
            for (subject, leaves) in &lists {
                let key = Subject::party(subject.to_string()).key();
                by_place.extend(leaves.iter().map(|place| (*place, key)));
                let leaves: Vec<ListEntry> = leaves.iter().copied().map(entry).collect();
                let half = leaves.len() / 2;
                for part in [&leaves[..half], &leaves] {
                    SubjectList::of(key, part).into_iter().for_each(|list| by_key.put(list).unwrap());
                }
            }
            by_place.sort_unstable();
            let mut in_order = SubjectIndex::new();
            for (place, key) in by_place {
                in_order.append(key, entry(place)).unwrap();
            }
            prop_assert_eq!(in_order.root(), by_key.root());
        }
    }
}
