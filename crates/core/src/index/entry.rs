//! What the index says of one subject, as evidence carries it: its list or a part of it, or that it has none, with the
//! proof.

use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize};

use crate::hash::Hash;
use crate::index::hashing::subject_hash;
use crate::index::proof::{AbsenceProof, IndexProofError, Vacancy, climb, verify_absence};
use crate::index::{Acts, ListEntry, SignerList, Subject, SubjectKey, SubjectKind, SubjectProof, value_hash};
use crate::merkle::{self, LeafIndex, MultiProof, TreeSize};

/// One subject in the index under a seal. An absent one has a `count` of 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubjectEntry {
    pub kind: SubjectKind,
    pub subject: String,
    /// Leaves in the whole list.
    pub count: u64,
    /// The position in the list, from 0, of the first leaf shown.
    pub first: u64,
    /// The leaves shown: a contiguous part of the list.
    pub leaves: Vec<LeafIndex>,
    /// Of each of these leaves who signed it: a number into the list of signers that goes beside the entries.
    pub signers: Vec<u32>,
    /// Of each of these leaves what it says to have done with the subject.
    pub acts: Vec<Acts>,
    /// Shows the part in the tree over the list; the tree's root itself where nothing is shown.
    pub path: MultiProof,
    /// What lies beside the way, from the top; `None` for an empty subtree.
    pub siblings: Vec<Option<Hash>>,
    /// The other key that stands where an absent subject would.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub other: Option<OtherKey>,
}

/// A key with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherKey {
    pub key: SubjectKey,
    pub value: Hash,
}

impl SubjectEntry {
    /// Shows the positions `shown` of a subject's whole list, which is the one that `proof` was made for. Who signed them
    /// is among `signers`.
    pub fn new(
        subject: &Subject,
        list: &[ListEntry],
        shown: Range<usize>,
        proof: SubjectProof,
        signers: &SignerList,
    ) -> Self {
        let (siblings, other) = match proof {
            SubjectProof::Present(proof) => (proof.siblings, None),
            SubjectProof::Absent(AbsenceProof { siblings, vacancy }) => match vacancy {
                Vacancy::Empty => (siblings, None),
                Vacancy::Other { key, value } => (siblings, Some(OtherKey { key, value })),
            },
        };
        let part = list.get(shown.clone()).unwrap_or_default();
        let first = if part.is_empty() { 0 } else { shown.start as u64 };
        let leaves = part.iter().map(|entry| entry.leaf).collect();
        // A signer that is not among them has no number, so that the entry proves nothing.
        let number = |entry: &ListEntry| signers.number(&entry.signer).unwrap_or(u32::MAX);
        let (signers, acts) = (part.iter().map(number).collect(), part.iter().map(|entry| entry.acts).collect());
        let path = if part.len() == list.len() {
            MultiProof::default()
        } else {
            let entries: Vec<Hash> = list.iter().map(ListEntry::hash).collect();
            merkle::multi_proof_of(&entries, shown)
        };
        let (kind, text) = (subject.kind(), subject.text().to_owned());
        Self { kind, subject: text, count: list.len() as u64, first, leaves, signers, acts, path, siblings, other }
    }

    pub fn subject(&self) -> Subject {
        Subject::new(self.kind, self.subject.clone())
    }

    /// The entries shown, with their signers by the list that goes beside them.
    pub fn entries(&self, signers: &SignerList) -> Result<Vec<ListEntry>, IndexProofError> {
        let (leaves, named, acts) = (self.leaves.len(), self.signers.len(), self.acts.len());
        if named != leaves || acts != leaves {
            return Err(IndexProofError::Lengths { leaves, signers: named, acts });
        }
        let of = self.leaves.iter().zip(&self.signers).zip(&self.acts);
        let entry = |((leaf, number), acts): ((&LeafIndex, &u32), &Acts)| {
            let unknown = || IndexProofError::UnknownSigner { number: *number, signers: signers.as_slice().len() };
            Ok(ListEntry { leaf: *leaf, signer: signers.get(*number).ok_or_else(unknown)?, acts: *acts })
        };
        of.map(entry).collect()
    }

    /// Checks that the index with `index_root` says this of the subject. `signers` goes beside the entry.
    pub fn verify(&self, index_root: Hash, signers: &SignerList) -> Result<(), IndexProofError> {
        let key = self.subject().key();
        let entries = self.entries(signers)?;
        if self.count == 0 {
            if !self.leaves.is_empty() || self.first != 0 || !self.path.0.is_empty() {
                return Err(IndexProofError::LeavesOfAbsent);
            }
            let vacancy = match self.other {
                Some(OtherKey { key, value }) => Vacancy::Other { key, value },
                None => Vacancy::Empty,
            };
            return verify_absence(&key, &AbsenceProof { siblings: self.siblings.clone(), vacancy }, index_root);
        }
        if self.other.is_some() {
            return Err(IndexProofError::OtherBesidePresent);
        }
        let value = value_hash(self.count, &self.list_root(&entries)?);
        climb(&key, subject_hash(&key, &value), &self.siblings, index_root)
    }

    /// Tells whether the part of the list in which `leaf` would stand is shown: where the part begins with the list it
    /// reaches down to every leaf, and where it ends with the list up to every leaf.
    pub fn shows_place_of(&self, leaf: LeafIndex) -> bool {
        let (Some(first), Some(last)) = (self.leaves.first(), self.leaves.last()) else { return self.count == 0 };
        let ends_with_list = self.first.checked_add(self.leaves.len() as u64) == Some(self.count);
        (self.first == 0 || *first <= leaf) && (ends_with_list || leaf <= *last)
    }

    fn list_root(&self, shown: &[ListEntry]) -> Result<Hash, IndexProofError> {
        if let Some(pair) = self.leaves.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(IndexProofError::NotAscending { previous: pair[0], leaf: pair[1] });
        }
        if self.leaves.is_empty() {
            return match (self.first, self.path.0.as_slice()) {
                (0, [root]) => Ok(*root),
                _ => Err(IndexProofError::NothingShown),
            };
        }
        let part = IndexProofError::Part;
        let positions = (0..).map_while(|at| LeafIndex::new(self.first.checked_add(at)?).ok());
        let entries: Vec<(LeafIndex, Hash)> = positions.zip(shown.iter().map(ListEntry::hash)).collect();
        if entries.len() != shown.len() {
            return Err(IndexProofError::NothingShown);
        }
        let size = TreeSize::new(self.count).map_err(|_| IndexProofError::NothingShown)?;
        merkle::root_by(&entries, size, &self.path).map_err(part)
    }
}

/// Reads a member that is left out where there is nothing to say, so that `null` is not a second way to say it.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OtherKey>, D::Error> {
    OtherKey::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::{SignerTag, SubjectIndex, empty_hash};

    type Lists = Vec<Vec<ListEntry>>;

    /// An entry whose signer, one of three, and acts follow from its leaf.
    fn listed(leaf: u64) -> ListEntry {
        let signer = match leaf % 3 {
            0 => SignerTag::Member([7; 16]),
            n => SignerTag::Participant([n as u8; 16]),
        };
        ListEntry { leaf: LeafIndex::new(leaf).unwrap(), signer, acts: Acts::from_byte(leaf as u8) }
    }

    fn signers() -> SignerList {
        SignerList::of((0..3).map(|leaf| listed(leaf).signer))
    }

    fn subject(n: usize) -> Subject {
        Subject::id(format!("https://example.com/{n}"))
    }

    fn index_of(lists: &Lists) -> SubjectIndex {
        let mut index = SubjectIndex::new();
        for (n, list) in lists.iter().enumerate() {
            for entry in list {
                index.append(subject(n).key(), *entry).unwrap();
            }
        }
        index
    }

    /// The map by its definition, over all subjects: the oracle.
    fn naive_root(lists: &Lists, prefix: &str) -> Hash {
        let bits = |key: &SubjectKey| -> String {
            key.as_hash().as_bytes().iter().map(|byte| format!("{byte:08b}")).collect()
        };
        let within: Vec<usize> = (0..lists.len())
            .filter(|n| !lists[*n].is_empty() && bits(&subject(*n).key()).starts_with(prefix))
            .collect();
        match within.as_slice() {
            [] => empty_hash(),
            [only] => {
                let entries: Vec<Hash> =
                    lists[*only].iter().map(|entry| merkle::leaf_hash(&entry.to_bytes())).collect();
                let count = (entries.len() as u64).to_be_bytes();
                let value = Hash::of_parts(&[&[5], &count, merkle::root(&entries).as_bytes()]);
                Hash::of_parts(&[&[2], subject(*only).key().as_hash().as_bytes(), value.as_bytes()])
            }
            _ => {
                let below = |bit: &str| naive_root(lists, &format!("{prefix}{bit}"));
                Hash::of_parts(&[&[3], below("0").as_bytes(), below("1").as_bytes()])
            }
        }
    }

    fn entry(lists: &Lists, n: usize, shown: Range<usize>) -> SubjectEntry {
        let list = lists.get(n).cloned().unwrap_or_default();
        SubjectEntry::new(&subject(n), &list, shown, index_of(lists).prove(&subject(n).key()), &signers())
    }

    fn lists() -> impl Strategy<Value = Lists> {
        let list = prop::collection::btree_set(0..500_u64, 0..9);
        let list = list.prop_map(|set| set.into_iter().map(listed).collect());
        prop::collection::vec(list, 1..24)
    }

    fn mutations(entry: &SubjectEntry) -> Vec<SubjectEntry> {
        let mut all = Vec::new();
        let mut push = |change: &dyn Fn(&mut SubjectEntry)| {
            let mut changed = entry.clone();
            change(&mut changed);
            all.push(changed);
        };
        push(&|e| e.count += 1);
        push(&|e| e.count = e.count.saturating_sub(1));
        push(&|e| e.first += 1);
        push(&|e| e.subject.push('x'));
        push(&|e| e.kind = SubjectKind::Party);
        push(&|e| e.siblings.push(None));
        push(&|e| e.siblings.push(Some(Hash::of(b"x"))));
        push(&|e| e.path.0.push(Hash::of(b"x")));
        push(&|e| e.leaves.push(LeafIndex::new(9_999).unwrap()));
        push(&|e| e.other = Some(OtherKey { key: subject(77).key(), value: Hash::of(b"x") }));
        push(&|e| (e.count, e.first, e.leaves, e.path) = (0, 0, Vec::new(), MultiProof::default()));
        push(&|e| e.siblings.reverse());
        push(&|e| e.signers.push(0));
        push(&|e| e.acts.push(Acts::NONE));
        push(&|e| e.leaves.reverse());
        for at in 0..entry.siblings.len() {
            push(&|e| e.siblings[at] = Some(Hash::of(b"x")));
            push(&|e| e.siblings[at] = None);
            push(&|e| e.siblings[at] = Some(empty_hash()));
            push(&|e| {
                let _ = e.siblings.remove(at);
            });
            push(&|e| e.siblings.truncate(at));
            push(&|e| e.siblings.swap(0, at));
        }
        for at in 0..entry.leaves.len() {
            push(&|e| {
                let _ = (e.leaves.remove(at), e.signers.remove(at), e.acts.remove(at));
            });
            push(&|e| {
                let _ = (e.leaves.remove(at), e.signers.remove(at), e.acts.remove(at));
                e.count -= 1;
            });
            push(&|e| e.signers[at] = (e.signers[at] + 1) % 3);
            push(&|e| e.signers[at] = 3);
            push(&|e| e.signers[at] = u32::MAX);
            push(&|e| e.acts[at] |= Acts::DECLARES_ERROR);
            push(&|e| e.acts[at] = Acts::from_byte(e.acts[at].byte() ^ 1));
            push(&|e| e.leaves[at] = LeafIndex::new(e.leaves[at].get() + 501).unwrap());
        }
        for at in 0..entry.path.0.len() {
            push(&|e| {
                let _ = e.path.0.remove(at);
            });
            push(&|e| e.path.0[at] = Hash::of(b"x"));
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_subject_proves_and_no_mutation_does(
            lists in lists(),
            n in 0..40_usize,
            a in any::<prop::sample::Index>(),
            b in any::<prop::sample::Index>(),
        ) {
            let root = naive_root(&lists, "");
            prop_assert_eq!(index_of(&lists).root(), root);
            let length = lists.get(n).map_or(0, Vec::len);
            let (a, b) = (a.index(length + 1), b.index(length + 1));
            for shown in [0..length, a.min(b)..a.max(b), 0..0] {
                let entry = entry(&lists, n, shown);
                let signers = signers();
                prop_assert_eq!(entry.verify(root, &signers), Ok(()));
                prop_assert!(entry.verify(Hash::of(b"another block's root"), &signers).is_err());
                let json = serde_json::to_string(&entry).unwrap();
                prop_assert_eq!(&serde_json::from_str::<SubjectEntry>(&json).unwrap(), &entry);
                for changed in mutations(&entry) {
                    // One proof of absence can serve for several subjects that are all absent.
                    let is_absent = changed.count == 0 && changed.subject() != entry.subject();
                    prop_assert!(changed == entry || is_absent || changed.verify(root, &signers).is_err(), "{:?}", changed);
                }
                let next = lists.get(n + 1).map_or(0, Vec::len);
                let other = SubjectEntry { subject: format!("https://example.com/{}", n + 1), ..entry.clone() };
                prop_assert!(other.verify(root, &signers).is_err() || (length, next) == (0, 0));
            }
        }
    }

    #[test]
    fn positions_beyond_every_tree_prove_nothing() {
        let lists: Lists = vec![vec![listed(1), listed(2)], vec![listed(2)]];
        let root = naive_root(&lists, "");
        for first in [1 << 53, (1 << 53) - 2, u64::MAX - 1, u64::MAX] {
            for count in [1, 2, (1 << 53) - 1, 1 << 53, u64::MAX] {
                let entry = SubjectEntry { first, count, ..entry(&lists, 0, 0..2) };
                assert!(entry.verify(root, &signers()).is_err(), "{entry:?}");
            }
        }
    }

    #[test]
    fn a_grown_list_does_not_prove_its_earlier_state() {
        let before: Lists = vec![vec![listed(1)], vec![listed(2)]];
        let after: Lists = vec![vec![listed(1), listed(5)], vec![listed(2)]];
        let stale = entry(&before, 0, 0..1);
        assert_eq!(stale.verify(naive_root(&before, ""), &signers()), Ok(()));
        assert!(matches!(stale.verify(naive_root(&after, ""), &signers()), Err(IndexProofError::Root { .. })));
    }
}
