//! Proofs over the map: that a list is a subject's whole list, and that a subject has none.

use crate::hash::Hash;
use crate::index::hashing::{inner_hash, subject_hash};
use crate::index::map::Path;
use crate::index::{ListEntry, SubjectIndex, SubjectKey, empty_hash, value_hash};
use crate::merkle::{LeafIndex, ProofError, root};

/// What the map says of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectProof {
    Present(PresenceProof),
    Absent(AbsenceProof),
}

/// Proves a subject's list, which goes beside it and is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceProof {
    /// What lies beside the way, from the top; `None` for an empty subtree.
    pub siblings: Vec<Option<Hash>>,
}

/// Proves that no leaf names a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsenceProof {
    /// What lies beside the way, from the top; `None` for an empty subtree.
    pub siblings: Vec<Option<Hash>>,
    pub vacancy: Vacancy,
}

/// What stands where an absent subject would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vacancy {
    Empty,
    Other { key: SubjectKey, value: Hash },
}

/// Why a proof over the map proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexProofError {
    #[error("the way has {found} steps; a key has 256 bits")]
    TooDeep { found: usize },
    #[error("the sibling at depth {depth} is the empty subtree written out; it is to be left out")]
    EmptyWrittenOut { depth: usize },
    #[error("a present subject has one leaf or more; the list is empty")]
    EmptyList,
    #[error("the list has to ascend; leaf {leaf} follows leaf {previous}")]
    NotAscending { previous: LeafIndex, leaf: LeafIndex },
    #[error("subject {other} cannot stand at depth {depth} of the way to {key}: they part earlier, or are one")]
    OffTheWay { key: SubjectKey, other: SubjectKey, depth: usize },
    #[error("an absent subject has no leaves to show")]
    LeavesOfAbsent,
    #[error("a present subject's way ends at its own node, and no other key's")]
    OtherBesidePresent,
    #[error("where nothing of a list is shown, `first` is 0 and the path is the root of the list alone")]
    NothingShown,
    #[error("{leaves} leaves are shown of the list, with {signers} signers and {acts} acts; each leaf has one of both")]
    Lengths { leaves: usize, signers: usize, acts: usize },
    #[error("the list names the signer {number}, and there are {signers}, counted from 0")]
    UnknownSigner { number: u32, signers: usize },
    #[error("the part of the list: {0}")]
    Part(ProofError),
    #[error("the proof leads to the index root {computed}; the seal's is {expected}")]
    Root { computed: Hash, expected: Hash },
}

impl SubjectIndex {
    /// Proves a subject's list, or that it has none, under [`SubjectIndex::root`].
    pub fn prove(&mut self, key: &SubjectKey) -> SubjectProof {
        proof_of(self.path(key), key)
    }

    /// Proves a subject's list as it was `blocks` final blocks ago, or that it had none, under
    /// [`SubjectIndex::root_before`] of as many. `None` of more blocks than are kept.
    pub fn prove_before(&mut self, key: &SubjectKey, blocks: usize) -> Option<SubjectProof> {
        Some(proof_of(self.path_before(key, blocks)?, key))
    }
}

fn proof_of(path: Path, key: &SubjectKey) -> SubjectProof {
    let vacancy = match path.end {
        Some((found, _)) if found == *key => {
            return SubjectProof::Present(PresenceProof { siblings: path.siblings });
        }
        Some((key, value)) => Vacancy::Other { key, value },
        None => Vacancy::Empty,
    };
    SubjectProof::Absent(AbsenceProof { siblings: path.siblings, vacancy })
}

/// Checks that exactly the entries of `list` are of leaves that name the subject, in the map with `index_root`.
pub fn verify_presence(
    key: &SubjectKey,
    list: &[ListEntry],
    proof: &PresenceProof,
    index_root: Hash,
) -> Result<(), IndexProofError> {
    if list.is_empty() {
        return Err(IndexProofError::EmptyList);
    }
    if let Some(pair) = list.windows(2).find(|pair| pair[0].leaf >= pair[1].leaf) {
        return Err(IndexProofError::NotAscending { previous: pair[0].leaf, leaf: pair[1].leaf });
    }
    let entries: Vec<Hash> = list.iter().map(ListEntry::hash).collect();
    let value = value_hash(list.len() as u64, &root(&entries));
    climb(key, subject_hash(key, &value), &proof.siblings, index_root)
}

/// Checks that no leaf names the subject, in the map with `index_root`.
pub fn verify_absence(key: &SubjectKey, proof: &AbsenceProof, index_root: Hash) -> Result<(), IndexProofError> {
    let depth = proof.siblings.len();
    let end = match &proof.vacancy {
        Vacancy::Empty => empty_hash(),
        Vacancy::Other { key: other, value } => {
            if other == key || other.shared_depth(key) < depth {
                return Err(IndexProofError::OffTheWay { key: *key, other: *other, depth });
            }
            subject_hash(other, value)
        }
    };
    climb(key, end, &proof.siblings, index_root)
}

pub(super) fn climb(
    key: &SubjectKey,
    end: Hash,
    siblings: &[Option<Hash>],
    index_root: Hash,
) -> Result<(), IndexProofError> {
    if siblings.len() > 8 * Hash::LEN {
        return Err(IndexProofError::TooDeep { found: siblings.len() });
    }
    let empty = empty_hash();
    let mut hash = end;
    for (depth, sibling) in siblings.iter().enumerate().rev() {
        if *sibling == Some(empty) {
            return Err(IndexProofError::EmptyWrittenOut { depth });
        }
        let sibling = sibling.as_ref().unwrap_or(&empty);
        hash = if key.turns_right(depth) { inner_hash(sibling, &hash) } else { inner_hash(&hash, sibling) };
    }
    if hash == index_root { Ok(()) } else { Err(IndexProofError::Root { computed: hash, expected: index_root }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{Acts, SignerTag, Subject};
    use proptest::prelude::*;

    fn leaf(index: u64) -> LeafIndex {
        LeafIndex::new(index).unwrap()
    }

    fn entry(index: u64) -> ListEntry {
        let signer = SignerTag::Participant([index as u8; 16]);
        ListEntry { leaf: leaf(index), signer, acts: Acts::from_byte(index as u8) }
    }

    fn key(n: u32) -> SubjectKey {
        Subject::id(format!("https://example.com/{n}")).key()
    }

    /// Subjects 0 to `count`, where subject n has the leaves n, n + 1000, … of which there are n % 5 + 1.
    fn index_of(count: u32) -> SubjectIndex {
        let mut index = SubjectIndex::new();
        for n in 0..count {
            for entry in list_of(n) {
                index.append(key(n), entry).unwrap();
            }
        }
        index
    }

    fn list_of(n: u32) -> Vec<ListEntry> {
        (0..u64::from(n % 5) + 1).map(|round| entry(u64::from(n) + 1_000 * round)).collect()
    }

    fn presence(index: &mut SubjectIndex, n: u32) -> PresenceProof {
        match index.prove(&key(n)) {
            SubjectProof::Present(proof) => proof,
            SubjectProof::Absent(_) => panic!("subject {n} is in the index"),
        }
    }

    fn absence(index: &mut SubjectIndex, n: u32) -> AbsenceProof {
        match index.prove(&key(n)) {
            SubjectProof::Absent(proof) => proof,
            SubjectProof::Present(_) => panic!("subject {n} is not in the index"),
        }
    }

    #[test]
    fn the_empty_map_proves_every_absence() {
        let mut index = SubjectIndex::new();
        let proof = absence(&mut index, 1);
        assert_eq!(proof, AbsenceProof { siblings: vec![], vacancy: Vacancy::Empty });
        assert_eq!(verify_absence(&key(1), &proof, index.root()), Ok(()));
    }

    #[test]
    fn a_list_that_is_not_whole_fails() {
        let mut index = index_of(50);
        let (root, proof, list) = (index.root(), presence(&mut index, 9), list_of(9));
        assert_eq!(verify_presence(&key(9), &list, &proof, root), Ok(()));
        for fewer in [&list[1..], &list[..4], &[&list[..2], &list[3..]].concat()] {
            let fault = verify_presence(&key(9), fewer, &proof, root).unwrap_err();
            assert!(matches!(fault, IndexProofError::Root { .. }), "{fault}");
        }
        assert_eq!(verify_presence(&key(9), &[], &proof, root), Err(IndexProofError::EmptyList));
        let twice = [entry(9), entry(9)];
        let fault = IndexProofError::NotAscending { previous: leaf(9), leaf: leaf(9) };
        assert_eq!(verify_presence(&key(9), &twice, &proof, root), Err(fault));
    }

    #[test]
    fn another_signer_or_other_acts_fail() {
        let mut index = index_of(50);
        let (root, proof, list) = (index.root(), presence(&mut index, 9), list_of(9));
        let SignerTag::Participant(tag) = list[0].signer else { panic!("a participant") };
        for entry in [
            ListEntry { signer: SignerTag::Member(tag), ..list[0] },
            ListEntry { signer: SignerTag::Participant([99; 16]), ..list[0] },
            ListEntry { acts: list[0].acts | Acts::NOT_KNOWN, ..list[0] },
            ListEntry { acts: Acts::NONE, ..list[0] },
        ] {
            let changed = [&[entry], &list[1..]].concat();
            let fault = verify_presence(&key(9), &changed, &proof, root).unwrap_err();
            assert!(matches!(fault, IndexProofError::Root { .. }), "{entry:?}: {fault}");
        }
    }

    #[test]
    fn another_subject_stands_only_on_its_own_way() {
        let mut index = index_of(50);
        let root = index.root();
        let proof = presence(&mut index, 7);
        let entries: Vec<Hash> = list_of(7).iter().map(ListEntry::hash).collect();
        let value = value_hash(3, &crate::merkle::root(&entries));
        let stray = AbsenceProof { siblings: proof.siblings, vacancy: Vacancy::Other { key: key(7), value } };
        for n in [7, 8] {
            let fault = verify_absence(&key(n), &stray, root).unwrap_err();
            assert!(matches!(fault, IndexProofError::OffTheWay { .. }), "{fault}");
        }
    }

    #[test]
    fn a_way_has_one_spelling_and_an_end() {
        let mut index = index_of(1);
        let root = index.root();
        let written_out = PresenceProof { siblings: vec![Some(empty_hash())] };
        let fault = verify_presence(&key(0), &list_of(0), &written_out, root);
        assert_eq!(fault, Err(IndexProofError::EmptyWrittenOut { depth: 0 }));
        let endless = PresenceProof { siblings: vec![None; 257] };
        let fault = verify_presence(&key(0), &list_of(0), &endless, root);
        assert_eq!(fault, Err(IndexProofError::TooDeep { found: 257 }));
    }

    proptest! {
        #[test]
        fn presence_verifies_and_mutations_fail(count in 1..80_u32, n in any::<prop::sample::Index>()) {
            let n = n.index(count as usize) as u32;
            let mut index = index_of(count);
            let (root, proof, list) = (index.root(), presence(&mut index, n), list_of(n));
            prop_assert_eq!(verify_presence(&key(n), &list, &proof, root), Ok(()));
            prop_assert!(verify_presence(&key(n + 1), &list, &proof, root).is_err());
            prop_assert!(verify_presence(&key(n), &list, &proof, Hash::of(b"other")).is_err());
            for siblings in mutations(&proof.siblings) {
                let changed = PresenceProof { siblings };
                prop_assert!(verify_presence(&key(n), &list, &changed, root).is_err());
            }
        }

        #[test]
        fn absence_verifies_and_mutations_fail(count in 1..80_u32, n in 80..1_000_u32) {
            let mut index = index_of(count);
            let (root, proof) = (index.root(), absence(&mut index, n));
            prop_assert_eq!(verify_absence(&key(n), &proof, root), Ok(()));
            let list = list_of(n);
            let claimed = PresenceProof { siblings: proof.siblings.clone() };
            prop_assert!(verify_presence(&key(n), &list, &claimed, root).is_err());
            for siblings in mutations(&proof.siblings) {
                let changed = AbsenceProof { siblings, ..proof.clone() };
                prop_assert!(verify_absence(&key(n), &changed, root).is_err());
            }
            let emptied = AbsenceProof { vacancy: Vacancy::Empty, ..proof.clone() };
            prop_assert_eq!(verify_absence(&key(n), &emptied, root).is_ok(), proof.vacancy == Vacancy::Empty);
        }
    }

    fn mutations(siblings: &[Option<Hash>]) -> Vec<Vec<Option<Hash>>> {
        let mut all = vec![[siblings, &[None]].concat(), [&[None], siblings].concat()];
        for at in 0..siblings.len() {
            let mut changed = siblings.to_vec();
            changed[at] = if changed[at].is_some() { None } else { Some(Hash::of(b"x")) };
            all.push(changed);
            all.push([&siblings[..at], &siblings[at + 1..]].concat());
        }
        all
    }
}
