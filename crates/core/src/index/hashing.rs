//! The digests of the map. Each begins with a byte of its own, and none with those of RFC 9162 trees.

use crate::hash::Hash;
use crate::index::SubjectKey;

const SUBJECT: u8 = 0x02;
const INNER: u8 = 0x03;
const EMPTY: u8 = 0x04;
const VALUE: u8 = 0x05;

/// Digests a subject's value: SHA-256(0x05 ‖ count as u64 big-endian ‖ root of its list of leaf indices).
pub fn value_hash(count: u64, list_root: &Hash) -> Hash {
    Hash::of_parts(&[&[VALUE], &count.to_be_bytes(), list_root.as_bytes()])
}

/// Digests a subtree without subjects, and so the empty map: SHA-256(0x04).
pub fn empty_hash() -> Hash {
    Hash::of(&[EMPTY])
}

/// Digests a subtree with one subject, at whatever depth: SHA-256(0x02 ‖ key ‖ value).
pub(super) fn subject_hash(key: &SubjectKey, value: &Hash) -> Hash {
    Hash::of_parts(&[&[SUBJECT], key.as_hash().as_bytes(), value.as_bytes()])
}

/// Digests a subtree with several subjects: SHA-256(0x03 ‖ left ‖ right).
pub(super) fn inner_hash(left: &Hash, right: &Hash) -> Hash {
    Hash::of_parts(&[&[INNER], left.as_bytes(), right.as_bytes()])
}
