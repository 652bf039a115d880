//! Bytes of tiles and of entry bundles (C2SP tlog-tiles).

use crate::hash::Hash;
use crate::limits::LEAF_BYTES_MAX;
use crate::merkle::TILE_WIDTH;

/// Bytes that are not the tile or bundle they should be, or entries that fit in none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    #[error("entry {entry} has {found} bytes; an entry bundle takes at most {LEAF_BYTES_MAX} for each")]
    EntryTooLong { entry: usize, found: usize },
    #[error("an entry bundle holds 1 to {TILE_WIDTH} entries; this would hold {found}")]
    EntryCount { found: usize },
    #[error("entry {entry} of the bundle's {width} ends after the bundle does, at byte {length}")]
    Truncated { entry: u16, width: u16, length: usize },
    #[error("{extra} bytes follow the last of the bundle's {width} entries")]
    Trailing { extra: usize, width: u16 },
    #[error("a tile of width {width} has {expected} bytes; this has {found}")]
    TileLength { width: u16, expected: usize, found: usize },
}

/// Writes an entry bundle: each entry after its length as two bytes, big-endian.
pub fn encode_entries<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    let mut count = 0;
    for entry in entries {
        let found = entry.len();
        let length = u16::try_from(found).map_err(|_| BundleError::EntryTooLong { entry: count, found })?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
        count += 1;
    }
    if count == 0 || count > usize::from(TILE_WIDTH) {
        return Err(BundleError::EntryCount { found: count });
    }
    Ok(bytes)
}

/// Reads an entry bundle of exactly `width` entries that fills `bytes`.
pub fn decode_entries(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, BundleError> {
    if width == 0 || width > TILE_WIDTH {
        return Err(BundleError::EntryCount { found: usize::from(width) });
    }
    let mut entries = Vec::with_capacity(usize::from(width));
    let mut rest = bytes;
    for entry in 0..width {
        let (data, after) = first_entry(rest).ok_or(BundleError::Truncated { entry, width, length: bytes.len() })?;
        entries.push(data);
        rest = after;
    }
    if rest.is_empty() { Ok(entries) } else { Err(BundleError::Trailing { extra: rest.len(), width }) }
}

/// Writes a tile: its hashes one after the other.
pub fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// Reads a tile of exactly `width` hashes.
pub fn decode_hashes(bytes: &[u8], width: u16) -> Result<Vec<Hash>, BundleError> {
    let expected = usize::from(width) * Hash::LEN;
    if bytes.len() != expected {
        return Err(BundleError::TileLength { width, expected, found: bytes.len() });
    }
    Ok(bytes.chunks_exact(Hash::LEN).filter_map(Hash::from_slice).collect())
}

fn first_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_entry_stands_after_its_length() {
        let long = vec![7; 258];
        let bundle = encode_entries([&b"ab"[..], b"", &long]).unwrap();
        assert_eq!(bundle[..8], [0, 2, b'a', b'b', 0, 0, 1, 2]);
        assert_eq!(decode_entries(&bundle, 3).unwrap(), [&b"ab"[..], b"", &long]);
    }

    #[test]
    fn only_the_very_bundle_is_read() {
        let bundle = encode_entries([&b"ab"[..], b"c"]).unwrap();
        assert_eq!(decode_entries(&bundle, 1), Err(BundleError::Trailing { extra: 3, width: 1 }));
        assert_eq!(decode_entries(&bundle, 3), Err(BundleError::Truncated { entry: 2, width: 3, length: 7 }));
        assert_eq!(decode_entries(&bundle[..6], 2), Err(BundleError::Truncated { entry: 1, width: 2, length: 6 }));
        assert_eq!(decode_entries(&[], 0), Err(BundleError::EntryCount { found: 0 }));
    }

    #[test]
    fn entries_that_fit_in_no_bundle_are_refused() {
        let longest = vec![0; LEAF_BYTES_MAX + 1];
        assert!(encode_entries([&longest[1..]]).is_ok());
        let fault = encode_entries([&b""[..], &longest]).unwrap_err();
        assert_eq!(fault, BundleError::EntryTooLong { entry: 1, found: 65_536 });
        assert_eq!(encode_entries(vec![&b""[..]; 257]), Err(BundleError::EntryCount { found: 257 }));
        assert_eq!(encode_entries([]), Err(BundleError::EntryCount { found: 0 }));
    }

    #[test]
    fn the_widest_bundle_is_read_and_none_wider() {
        let widest = vec![&b"e"[..]; usize::from(TILE_WIDTH)];
        let bundle = encode_entries(widest.iter().copied()).unwrap();
        assert_eq!(decode_entries(&bundle, TILE_WIDTH).unwrap(), widest);
        assert_eq!(decode_entries(&bundle, 257), Err(BundleError::EntryCount { found: 257 }));
    }

    #[test]
    fn a_tile_is_its_hashes() {
        let hashes = [Hash::of(b"a"), Hash::of(b"b")];
        let bytes = encode_hashes(&hashes);
        assert_eq!(decode_hashes(&bytes, 2).unwrap(), hashes);
        let fault = BundleError::TileLength { width: 1, expected: 32, found: 64 };
        assert_eq!(decode_hashes(&bytes, 1), Err(fault));
        assert!(decode_hashes(&bytes[1..], 2).is_err());
    }

    proptest! {
        #[test]
        fn bundles_round_trip(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20)) {
            let bundle = encode_entries(entries.iter().map(Vec::as_slice)).unwrap();
            prop_assert_eq!(decode_entries(&bundle, entries.len() as u16).unwrap(), entries);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64), width in any::<u16>()) {
            if let Ok(entries) = decode_entries(&bytes, width) {
                prop_assert_eq!(encode_entries(entries).unwrap(), bytes);
            }
        }
    }
}
