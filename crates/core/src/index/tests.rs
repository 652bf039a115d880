//! What the entry of a subject proves: the order of its leaves, what it shows of its list, and that it agrees with itself.

use std::ops::Range;

use crate::hash::Hash;
use crate::index::hashing::subject_hash;
use crate::index::{
    AbsenceProof, Acts, IndexProofError, ListEntry, OtherKey, PresenceProof, SignerList, SignerTag, Subject,
    SubjectEntry, SubjectProof, Vacancy, empty_hash, value_hash,
};
use crate::merkle::{self, LeafIndex, MultiProof};

fn leaf(n: u64) -> LeafIndex {
    LeafIndex::new(n).unwrap()
}

fn subject() -> Subject {
    Subject::id("https://example.com/1")
}

/// An entry whose signer, one of two, and acts follow from its leaf.
fn listed(n: u64) -> ListEntry {
    let signer = if n.is_multiple_of(2) { SignerTag::Member([7; 16]) } else { SignerTag::Participant([1; 16]) };
    ListEntry { leaf: leaf(n), signer, acts: Acts::from_byte(n as u8) }
}

fn signers() -> SignerList {
    SignerList::of([listed(0).signer, listed(1).signer])
}

/// The entry of a list, whatever its order, as the only one of an index.
fn entry(list: &[u64], shown: Range<usize>) -> SubjectEntry {
    let list: Vec<ListEntry> = list.iter().copied().map(listed).collect();
    let proof = SubjectProof::Present(PresenceProof { siblings: Vec::new() });
    SubjectEntry::new(&subject(), &list, shown, proof, &signers())
}

/// The root of an index in which the list stands alone: what members who break the rules together could sign.
fn root(list: &[u64]) -> Hash {
    subject_hash(&subject().key(), &value(list))
}

fn value(list: &[u64]) -> Hash {
    let entries: Vec<Hash> = list.iter().map(|one| listed(*one).hash()).collect();
    value_hash(list.len() as u64, &merkle::root(&entries))
}

fn absent() -> SubjectEntry {
    let proof = AbsenceProof { siblings: Vec::new(), vacancy: Vacancy::Empty };
    SubjectEntry::new(&subject(), &[], 0..0, SubjectProof::Absent(proof), &signers())
}

#[test]
fn leaves_that_do_not_ascend_prove_nothing_even_under_a_root_that_holds_them() {
    for (list, shown, fault) in [
        (&[1, 4, 9][..], 0..3, None),
        (&[3, 3], 0..2, Some((3, 3))),
        (&[5, 3], 0..2, Some((5, 3))),
        (&[1, 4, 2, 9], 0..4, Some((4, 2))),
        (&[1, 4, 2, 9], 1..3, Some((4, 2))),
        (&[1, 4, 4], 1..3, Some((4, 4))),
        // What is not shown proves nothing about its order.
        (&[1, 4, 2, 9], 2..4, None),
    ] {
        let expected = fault.map_or(Ok(()), |(previous, next)| {
            Err(IndexProofError::NotAscending { previous: leaf(previous), leaf: leaf(next) })
        });
        assert_eq!(entry(list, shown.clone()).verify(root(list), &signers()), expected, "{list:?} {shown:?}");
    }
}

/// A statement names a subject, and its leaf is not among those shown: only an entry that shows the leaf's place says so.
#[test]
fn an_entry_shows_the_places_of_the_leaves_that_it_would_have_to_hold() {
    const LIST: [u64; 4] = [10, 20, 30, 40];
    let shown = |entry: &SubjectEntry| (0..50).filter(|n| entry.shows_place_of(leaf(*n))).collect::<Vec<_>>();
    let all = || (0..50).collect::<Vec<_>>();
    assert_eq!(shown(&absent()), all(), "a subject without leaves has none anywhere");
    assert_eq!(shown(&entry(&LIST, 0..4)), all());
    assert_eq!(shown(&entry(&LIST, 0..0)), [0; 0], "of the list nothing is shown");
    assert_eq!(shown(&entry(&LIST, 0..2)), (0..=20).collect::<Vec<_>>());
    assert_eq!(shown(&entry(&LIST, 2..4)), (30..50).collect::<Vec<_>>());
    assert_eq!(shown(&entry(&LIST, 1..3)), (20..=30).collect::<Vec<_>>());
    assert_eq!(shown(&entry(&LIST, 2..3)), [30]);
    let beyond = SubjectEntry { first: u64::MAX, ..entry(&LIST, 2..4) };
    assert_eq!(shown(&beyond), (30..=40).collect::<Vec<_>>(), "a position beyond every list is not its end");
}

#[test]
fn an_entry_that_contradicts_itself_proves_nothing() {
    const LIST: [u64; 3] = [1, 4, 9];
    let other = Some(OtherKey { key: Subject::id("urn:example:2").key(), value: Hash::of(b"value") });
    let hash = Hash::of(b"x");
    let cases: [(&str, SubjectEntry, IndexProofError); 12] = [
        (
            "an absent one with leaves",
            SubjectEntry { leaves: vec![leaf(1)], signers: vec![0], acts: vec![Acts::NONE], ..absent() },
            IndexProofError::LeavesOfAbsent,
        ),
        ("an absent one with a position", SubjectEntry { first: 1, ..absent() }, IndexProofError::LeavesOfAbsent),
        (
            "an absent one with a path",
            SubjectEntry { path: MultiProof(vec![hash]), ..absent() },
            IndexProofError::LeavesOfAbsent,
        ),
        (
            "a present one beside another key",
            SubjectEntry { other, ..entry(&LIST, 0..3) },
            IndexProofError::OtherBesidePresent,
        ),
        (
            "nothing shown from the middle",
            SubjectEntry { first: 1, ..entry(&LIST, 0..0) },
            IndexProofError::NothingShown,
        ),
        (
            "nothing shown and no root of the list",
            SubjectEntry { path: MultiProof::default(), ..entry(&LIST, 0..0) },
            IndexProofError::NothingShown,
        ),
        (
            "nothing shown and two roots of the list",
            SubjectEntry { path: MultiProof(vec![hash, hash]), ..entry(&LIST, 0..0) },
            IndexProofError::NothingShown,
        ),
        (
            "an empty subtree written out",
            SubjectEntry { siblings: vec![Some(empty_hash())], ..entry(&LIST, 0..3) },
            IndexProofError::EmptyWrittenOut { depth: 0 },
        ),
        (
            "more siblings than a key has bits",
            SubjectEntry { siblings: vec![Some(hash); 257], ..entry(&LIST, 0..3) },
            IndexProofError::TooDeep { found: 257 },
        ),
        (
            "a leaf without a signer",
            SubjectEntry { signers: vec![0, 1], ..entry(&LIST, 0..3) },
            IndexProofError::Lengths { leaves: 3, signers: 2, acts: 3 },
        ),
        (
            "acts of no leaf",
            SubjectEntry { acts: vec![Acts::NONE; 4], ..entry(&LIST, 0..3) },
            IndexProofError::Lengths { leaves: 3, signers: 3, acts: 4 },
        ),
        (
            "a signer that is not beside it",
            SubjectEntry { signers: vec![0, 2, 0], ..entry(&LIST, 0..3) },
            IndexProofError::UnknownSigner { number: 2, signers: 2 },
        ),
    ];
    for (what, entry, fault) in cases {
        assert_eq!(entry.verify(root(&LIST), &signers()), Err(fault), "{what}");
    }
    let longer = SubjectEntry { count: 4, ..entry(&LIST, 0..3) };
    assert!(
        matches!(longer.verify(root(&LIST), &signers()), Err(IndexProofError::Part(_))),
        "{:?}",
        longer.verify(root(&LIST), &signers())
    );
    let shorter = SubjectEntry { count: 2, ..entry(&LIST, 0..3) };
    assert!(matches!(shorter.verify(root(&LIST), &signers()), Err(IndexProofError::Part(_))));
}

#[test]
fn a_subject_is_not_absent_beside_itself() {
    let list = [1, 4];
    let itself = OtherKey { key: subject().key(), value: value(&list) };
    let hidden = SubjectEntry { other: Some(itself), ..absent() };
    assert!(matches!(hidden.verify(root(&list), &signers()), Err(IndexProofError::OffTheWay { .. })));
    assert!(matches!(absent().verify(root(&list), &signers()), Err(IndexProofError::Root { .. })));
    assert_eq!(absent().verify(empty_hash(), &signers()), Ok(()));
}
