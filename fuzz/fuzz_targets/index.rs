//! What passes as said by the index is what it says, and any bytes are taken.

#![no_main]

use std::collections::BTreeSet;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use sealane_core::index::{Acts, ListEntry, SignerList, SignerTag, Subject, SubjectEntry, SubjectIndex};
use sealane_core::merkle::LeafIndex;
use sealane_fuzz::edits::{edit_entry, edit_json};

fuzz_target!(|data: &[u8]| {
    if let Ok(entry) = serde_json::from_slice::<SubjectEntry>(data) {
        let index_root = SubjectIndex::new().root();
        let is_true = entry.count == 0 && entry.leaves.is_empty();
        assert!(entry.verify(index_root, &SignerList::default()).is_err() || is_true, "{entry:?} in the empty index");
    }
    let _ = lied(&mut Unstructured::new(data));
});

/// Makes an index, takes an entry of it, changes that, and holds what still passes against the lists.
fn lied(dice: &mut Unstructured<'_>) -> Result<()> {
    let mut lists: Vec<Vec<ListEntry>> = Vec::new();
    for _ in 0..dice.int_in_range(0..=12)? {
        let leaves = (0..dice.int_in_range(0..=9)?).map(|_| dice.int_in_range(0..=200_u64));
        let leaves: BTreeSet<u64> = leaves.collect::<Result<_>>()?;
        lists.push(leaves.into_iter().flat_map(LeafIndex::new).map(entry_of).collect());
    }
    let subject = |number: usize| Subject::id(format!("https://example.com/{number}"));
    let mut index = SubjectIndex::new();
    for (number, list) in lists.iter().enumerate() {
        for entry in list {
            index.append(subject(number).key(), *entry).expect("lists ascend");
        }
    }
    let root = index.root();
    let signers = SignerList::of(lists.iter().flatten().map(|entry| entry.signer));
    let number = dice.int_in_range(0..=15)?;
    let list = lists.get(number).map(Vec::as_slice).unwrap_or_default();
    let (one, other) = (dice.int_in_range(0..=list.len())?, dice.int_in_range(0..=list.len())?);
    let part = one.min(other)..one.max(other);
    let sound = SubjectEntry::new(&subject(number), list, part, index.prove(&subject(number).key()), &signers);
    assert_eq!(sound.verify(root, &signers), Ok(()), "{sound:?}");
    let mut entry = sound;
    for _ in 0..dice.int_in_range(0..=3)? {
        edit_entry(&mut entry, dice)?;
    }
    let mut value = serde_json::to_value(&entry).expect("an entry is JSON");
    if dice.ratio(1, 2)? {
        edit_json(&mut value, dice)?;
    }
    let Ok(entry) = serde_json::from_value::<SubjectEntry>(value) else { return Ok(()) };
    if entry.verify(root, &signers).is_ok() {
        let named = (0..lists.len()).find(|number| subject(*number) == entry.subject());
        let list = named.map(|number| lists[number].as_slice()).unwrap_or_default();
        assert_eq!(entry.count, list.len() as u64, "{entry:?}");
        let first = usize::try_from(entry.first).expect("a position in a list");
        let shown = entry.entries(&signers).expect("entries that verified");
        assert_eq!(list.get(first..first + entry.leaves.len()), Some(shown.as_slice()), "{entry:?}");
    }
    Ok(())
}

/// An entry whose signer, one of three, and acts follow from its leaf.
fn entry_of(leaf: LeafIndex) -> ListEntry {
    let number = leaf.get() as u8;
    let signer = match number % 3 {
        0 => SignerTag::Member([7; 16]),
        tag => SignerTag::Participant([tag; 16]),
    };
    ListEntry { leaf, signer, acts: Acts::from_byte(number) }
}
