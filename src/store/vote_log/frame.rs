//! Frames: what one flush writes, which is there whole or not at all.
//!
//! A frame is 16 bytes that mark this log, u32be number, u64be height, u32be length, the check of the frame before (32 bytes
//! of zero for the first), its own check, and as many bytes as the length says. The check is SHA-256 of all that stands before
//! it and of the bytes after it. The number counts the frames of a height from 0.
//!
//! The mark is random and never leaves the node. Entries hold statements that others made: nobody else can make bytes in them
//! that read as a frame of this log.

use sealane_core::hash::Hash;

/// Bytes that begin each frame of one log.
pub(super) type FrameMark = [u8; 16];

/// Bytes of a frame before its payload.
pub(super) const FRAME_HEADER_BYTES: usize = 16 + 4 + 8 + 4 + Hash::LEN + Hash::LEN;

/// Bytes of the header before the check.
const CHECKED_BYTES: usize = FRAME_HEADER_BYTES - Hash::LEN;

/// A frame that holds: its check is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub mark: FrameMark,
    pub number: u32,
    /// The height that the frame belongs to; 0 before the first.
    pub height: u64,
    pub previous: Hash,
    pub check: Hash,
    pub payload: &'a [u8],
}

/// Where the next frame of a height goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    pub offset: u64,
    pub number: u32,
    pub check: Hash,
}

impl Tail {
    /// Before the first frame.
    pub const START: Self = Self { offset: 0, number: 0, check: Hash::from_bytes([0; Hash::LEN]) };
}

/// Writes the frame that stands at `tail`, and says where the one after it goes. `None` of a payload too long for a frame.
pub(super) fn write(mark: &FrameMark, height: u64, tail: Tail, payload: &[u8]) -> Option<(Vec<u8>, Tail)> {
    let length = u32::try_from(payload.len()).ok()?;
    let mut bytes = Vec::with_capacity(FRAME_HEADER_BYTES + payload.len());
    bytes.extend_from_slice(mark);
    bytes.extend_from_slice(&tail.number.to_be_bytes());
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(tail.check.as_bytes());
    let check = Hash::of_parts(&[&bytes, payload]);
    bytes.extend_from_slice(check.as_bytes());
    bytes.extend_from_slice(payload);
    let offset = tail.offset + bytes.len() as u64;
    Some((bytes, Tail { offset, number: tail.number + 1, check }))
}

/// Reads the frame that begins with `bytes`, if one holds there.
pub(super) fn read(bytes: &[u8]) -> Option<Frame<'_>> {
    let (checked, rest) = bytes.split_at_checked(CHECKED_BYTES)?;
    let (check, rest) = rest.split_at_checked(Hash::LEN)?;
    let (mark, fields) = checked.split_first_chunk()?;
    let (number, fields) = fields.split_first_chunk()?;
    let (height, fields) = fields.split_first_chunk()?;
    let (length, previous) = fields.split_first_chunk()?;
    let payload = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let check = Hash::from_slice(check)?;
    (Hash::of_parts(&[checked, payload]) == check).then_some(Frame {
        mark: *mark,
        number: u32::from_be_bytes(*number),
        height: u64::from_be_bytes(*height),
        previous: Hash::from_slice(previous)?,
        check,
        payload,
    })
}

/// Finds, after a place where no frame holds, one that does and is of this height or a later one. It was written after the bad
/// one had become durable, so the bad one is no torn write.
pub(super) fn find_later<'a>(bytes: &'a [u8], mark: &FrameMark, height: u64, number: u32) -> Option<Frame<'a>> {
    let begins = bytes.windows(mark.len()).enumerate().filter(|(_, window)| window == mark);
    let mut frames = begins.filter_map(|(at, _)| read(bytes.get(at..)?));
    frames.find(|frame| frame.height >= height && frame.number >= number)
}

impl Frame<'_> {
    /// Where the frame after this one goes, if this one begins at `offset`.
    pub fn tail(&self, offset: u64) -> Tail {
        let length = FRAME_HEADER_BYTES + self.payload.len();
        Tail { offset: offset + length as u64, number: self.number + 1, check: self.check }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: FrameMark = [7; 16];

    #[test]
    fn a_frame_is_read_as_it_was_written_and_no_changed_byte_holds() {
        let (bytes, next) = write(&MARK, 5, Tail::START, b"payload").unwrap();
        let frame = read(&bytes).unwrap();
        assert_eq!((frame.mark, frame.number, frame.height, frame.payload), (MARK, 0, 5, b"payload".as_slice()));
        assert_eq!(frame.tail(0), next);
        assert_eq!(read(&[&bytes[..], b"more"].concat()), Some(frame));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(read(&changed), None, "byte {at}");
            assert_eq!(read(&bytes[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn a_later_frame_is_found_wherever_it_begins() {
        let (first, tail) = write(&MARK, 5, Tail::START, b"first").unwrap();
        let (second, _) = write(&MARK, 5, tail, b"second").unwrap();
        let bytes = [&first[3..], b"junk", &second, b"junk"].concat();
        assert_eq!(find_later(&bytes, &MARK, 5, 1).unwrap().payload, b"second");
        assert_eq!(find_later(&bytes, &MARK, 6, 1), None, "of an earlier height");
        assert_eq!(find_later(&bytes, &MARK, 5, 2), None, "not after the one that is missing");
        assert_eq!(find_later(&bytes, &[8; 16], 5, 1), None, "of another log");
    }
}
