//! The lists of subjects, for who has no table of them: who has signed which leaf in each.

use std::collections::HashMap;

use crate::index::{SignerTag, SubjectKey};
use crate::merkle::LeafIndex;

/// The lists of subjects, from their last entry back, some 100 bytes a subject and 24 bytes a further entry; and the leaves of each
/// participant, 8 bytes each.
#[derive(Debug, Default)]
pub(super) struct KnownLists {
    last: HashMap<SubjectKey, u32>,
    entries: Vec<Linked>,
    captures: HashMap<SignerTag, Vec<LeafIndex>>,
}

#[derive(Debug)]
struct Linked {
    leaf: LeafIndex,
    signer: SignerTag,
    /// The entry before it in its list.
    before: Option<u32>,
}

impl KnownLists {
    /// Takes a leaf of a participant. They come in ledger order.
    pub fn add_capture(&mut self, signer: SignerTag, leaf: LeafIndex) {
        self.captures.entry(signer).or_default().push(leaf);
    }

    /// Takes an entry of a subject's list. They come in ledger order. Beyond 2^32 entries none is taken: memory ends before.
    pub fn add(&mut self, subject: SubjectKey, leaf: LeafIndex, signer: SignerTag) {
        let Ok(number) = u32::try_from(self.entries.len()) else { return };
        let before = self.last.insert(subject, number);
        self.entries.push(Linked { leaf, signer, before });
    }

    pub fn extend(&mut self, other: Self) {
        for (subject, last) in &other.last {
            let mut list: Vec<&Linked> = other.back_from(Some(*last)).collect();
            list.reverse();
            list.into_iter().for_each(|entry| self.add(*subject, entry.leaf, entry.signer));
        }
        for (signer, leaves) in other.captures {
            self.captures.entry(signer).or_default().extend(leaves);
        }
    }

    /// How many leaves of a signer the list of a subject has, from `first` on.
    pub fn count(&self, subject: &SubjectKey, signer: SignerTag, first: LeafIndex) -> u64 {
        let list = self.back_from(self.last.get(subject).copied());
        list.take_while(|entry| entry.leaf >= first).filter(|entry| entry.signer == signer).count() as u64
    }

    pub fn contains(&self, subject: &SubjectKey, leaf: LeafIndex) -> bool {
        let list = self.back_from(self.last.get(subject).copied());
        list.take_while(|entry| entry.leaf >= leaf).any(|entry| entry.leaf == leaf)
    }

    /// The first leaf of a participant from `first` on.
    pub fn capture_from(&self, signer: SignerTag, first: LeafIndex) -> Option<LeafIndex> {
        let leaves = self.captures.get(&signer)?;
        leaves.get(leaves.partition_point(|leaf| *leaf < first)).copied()
    }

    /// Tells whether a signer has a capture here.
    pub fn has_signer(&self, signer: SignerTag) -> bool {
        self.captures.contains_key(&signer)
    }

    fn back_from(&self, last: Option<u32>) -> impl Iterator<Item = &Linked> {
        let entry = |number: Option<u32>| self.entries.get(number? as usize);
        std::iter::successors(entry(last), move |linked| entry(linked.before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Subject;

    fn leaf(n: u64) -> LeafIndex {
        LeafIndex::new(n).unwrap()
    }

    #[test]
    fn leaves_are_counted_by_signer_from_a_leaf_on() {
        let key = |text: &str| Subject::id(text).key();
        let [one, other] = [1, 2].map(|tag| SignerTag::Participant([tag; 16]));
        let mut lists = KnownLists::default();
        for n in 0..10 {
            let signer = if n % 3 == 0 { other } else { one };
            lists.add(key("a"), leaf(n), signer);
            lists.add(key("b"), leaf(n), one);
            lists.add_capture(signer, leaf(n));
        }
        let mut whole = KnownLists::default();
        whole.add(key("a"), leaf(0), one);
        let mut later = KnownLists::default();
        later.add(key("a"), leaf(20), one);
        later.add(key("a"), leaf(21), other);
        later.add_capture(one, leaf(20));
        for lists in [&mut lists, &mut whole] {
            let mut part = KnownLists::default();
            std::mem::swap(&mut part, lists);
            lists.extend(part);
        }
        lists.extend(later);
        assert_eq!(lists.count(&key("a"), one, leaf(0)), 7);
        assert_eq!(lists.count(&key("a"), one, leaf(5)), 4);
        assert_eq!(lists.count(&key("a"), other, leaf(21)), 1);
        assert_eq!(lists.count(&key("c"), one, leaf(0)), 0);
        assert!(lists.contains(&key("a"), leaf(3)) && !lists.contains(&key("a"), leaf(15)));
        assert_eq!(lists.capture_from(one, leaf(9)), Some(leaf(20)));
        assert_eq!(lists.capture_from(other, leaf(10)), None);
        assert!(whole.contains(&key("a"), leaf(0)) && !whole.has_signer(one) && lists.has_signer(one));
    }
}
