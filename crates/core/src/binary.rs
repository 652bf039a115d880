//! Bytes that a node writes for itself and reads back: numbers and texts, one after another, each checked.
//!
//! A number is LEB128 in its shortest form: seven bits a byte, the lowest first, and the top bit on all bytes but the
//! last. A signed one is folded first, so that small ones of either sign are short: 0, −1, 1, −2 become 0, 1, 2, 3. A
//! text is its number of bytes and its UTF-8. A list is its number of items and the items.
//!
//! Nothing here says what the bytes mean, or begins them with a version: the caller does.

/// Bytes that are not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {fault}")]
pub struct Malformed {
    pub offset: usize,
    pub fault: BinaryFault,
}

/// What is wrong with some bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BinaryFault {
    #[error("the bytes end within what begins here")]
    Short,
    #[error("bytes follow where the last thing has ended")]
    Trailing,
    #[error("a number is longer than it has to be, or than 64 bits")]
    Number,
    #[error("a text is not UTF-8")]
    Utf8,
    #[error("{found} stands for no {what}")]
    Unknown { what: &'static str, found: u64 },
    #[error("{what} is not as it is written")]
    Wrong { what: &'static str },
}

/// The most bytes that a number takes.
const NUMBER_BYTES_MAX: usize = 10;

pub(crate) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(crate) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put_number(out, ((number << 1) ^ (number >> 63)) as u64);
}

pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Reads bytes from some place on, up to their end.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Begins at the offset `at`, from which faults are counted too.
    pub const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub const fn offset(&self) -> usize {
        self.at
    }

    /// The bytes that are left.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// A fault of what begins here.
    pub fn fault(&self, fault: BinaryFault) -> Malformed {
        Malformed { offset: self.at, fault }
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, _) = self.rest().split_at_checked(count).ok_or_else(|| self.fault(BinaryFault::Short))?;
        self.at += count;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let array = *self.rest().first_chunk().ok_or_else(|| self.fault(BinaryFault::Short))?;
        self.at += N;
        Ok(array)
    }

    pub fn byte(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for (at, byte) in self.rest().iter().take(NUMBER_BYTES_MAX).enumerate() {
            let bits = u64::from(byte & 0x7f) << (7 * at);
            let lost = bits >> (7 * at) != u64::from(byte & 0x7f);
            number |= bits;
            if byte & 0x80 == 0 {
                if lost || (*byte == 0 && at > 0) {
                    return Err(self.fault(BinaryFault::Number));
                }
                self.at += at + 1;
                return Ok(number);
            }
        }
        let fault = if self.rest().len() < NUMBER_BYTES_MAX { BinaryFault::Short } else { BinaryFault::Number };
        Err(self.fault(fault))
    }

    pub fn signed(&mut self) -> Result<i64, Malformed> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A number that counts bytes or items which are still to come, each of `bytes_min` bytes or more.
    pub fn count(&mut self, bytes_min: usize) -> Result<usize, Malformed> {
        let begin = self.clone();
        let count = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if count > self.rest().len() / bytes_min.max(1) {
            return Err(begin.fault(BinaryFault::Short));
        }
        Ok(count)
    }

    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        let begin = self.clone();
        let count = self.count(1)?;
        std::str::from_utf8(self.take(count)?).map_err(|_| begin.fault(BinaryFault::Utf8))
    }

    /// A list's items, each of `bytes_min` bytes or more.
    ///
    /// Room is made for no more than the bytes that are left, whatever number they begin with.
    pub fn list<T>(
        &mut self,
        bytes_min: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.count(bytes_min)?;
        let mut items = Vec::with_capacity(count.min(self.rest().len() / size_of::<T>().max(1)));
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Checks that nothing is left.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.fault(BinaryFault::Trailing)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(bytes: &[u8]) -> Result<u64, BinaryFault> {
        Reader::new(bytes, 0).number().map_err(|error| error.fault)
    }

    #[test]
    fn numbers_have_one_form() {
        assert_eq!(number(&[0]), Ok(0));
        assert_eq!(number(&[0x80, 0x01]), Ok(128));
        assert_eq!(number(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(u64::MAX));
        for wrong in [&[0x80, 0][..], &[0xff; 11], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]] {
            assert_eq!(number(wrong), Err(BinaryFault::Number), "{wrong:?}");
        }
        for short in [&[][..], &[0x80], &[0xff; 9]] {
            assert_eq!(number(short), Err(BinaryFault::Short), "{short:?}");
        }
    }

    #[test]
    fn faults_say_where_they_are() {
        let mut reader = Reader::new(&[9, 9, 2, b'a', 0xff, 0xff], 2);
        assert_eq!(reader.text(), Err(Malformed { offset: 2, fault: BinaryFault::Utf8 }));
        let mut reader = Reader::new(&[9, 200, 1, b'a'], 1);
        assert_eq!(reader.text().unwrap_err().to_string(), "at byte 1: the bytes end within what begins here");
        let mut reader = Reader::new(&[1, b'a', 7], 0);
        assert_eq!(reader.text(), Ok("a"));
        assert_eq!(reader.end(), Err(Malformed { offset: 2, fault: BinaryFault::Trailing }));
    }

    #[test]
    fn a_list_takes_no_more_room_than_its_bytes() {
        let bytes = [&[100][..], &[1; 100]].concat();
        let list = Reader::new(&bytes, 0).list(1, |reader| Ok((reader.byte()?, [0_u64; 8]))).unwrap();
        assert_eq!(list.len(), 100);
        let claimed = [&[0xff; 9][..], &[0x01; 20]].concat();
        assert_eq!(
            Reader::new(&claimed, 0).list(1, Reader::byte).map_err(|error| error.fault),
            Err(BinaryFault::Short)
        );
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(number: u64, signed: i64, text: String) {
            let mut out = Vec::new();
            put_number(&mut out, number);
            put_signed(&mut out, signed);
            put_text(&mut out, &text);
            let mut reader = Reader::new(&out, 0);
            prop_assert_eq!(reader.number(), Ok(number));
            prop_assert_eq!(reader.signed(), Ok(signed));
            prop_assert_eq!(reader.text(), Ok(text.as_str()));
            prop_assert_eq!(reader.end(), Ok(()));
        }
    }
}
