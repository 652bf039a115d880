//! Compressed GS1 Digital Links (GS1 Digital Link: Compression 1.0): one path segment in base64url, whose bits hold application
//! identifiers and their values.
//!
//! Only what is wholly compressed is read: a key beside a compressed rest is another path. Nothing is compressed here.

use super::ai::{Ai, CharSet};
use super::element_string::bracket;
use super::error::{IdError, quote};
use super::key::Key;
use super::label::Question;

/// Fewest characters of a segment: an AI of two digits and the 27 bits of its eight, the shortest key that there is.
const SEGMENT_CHARS_MIN: usize = 6;

/// Most characters: twice what an element string of the longest id takes at 7 bits a character.
const SEGMENT_CHARS_MAX: usize = 1_024;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// AIs that often stand together, by the byte that stands for them (§4.4), in the order in which GS1's toolkit writes their values, which
/// is that of their digits.
const TOGETHER: [(u8, &[&str]); 16] = [
    (0x0a, &["01", "22"]),
    (0x0b, &["01", "10"]),
    (0x0c, &["01", "21"]),
    (0x0d, &["01", "17"]),
    (0x0e, &["01", "7003"]),
    (0x0f, &["01", "30"]),
    (0x1a, &["01", "10", "17", "21"]),
    (0x1b, &["01", "15"]),
    (0x1c, &["01", "11"]),
    (0x1d, &["01", "16"]),
    (0x1e, &["01", "91"]),
    (0x1f, &["01", "10", "15"]),
    (0x9a, &["8010", "8011"]),
    (0x9b, &["8017", "8019"]),
    (0x9c, &["8018", "8019"]),
    (0x9d, &["254", "414"]),
];

/// Those of them that are listed in another order, in which a writer may take them too.
const LISTED: [(u8, &[&str]); 2] = [(0x1a, &["01", "10", "21", "17"]), (0x9d, &["414", "254"])];

/// Families of the same: the byte of the first of them, the key, the AI of that first one, and how many there are.
const FAMILIES: [(u8, &str, u16, u8); 5] = [
    (0x2a, "01", 3100, 6),
    (0x3a, "01", 3200, 6),
    (0xa0, "01", 3920, 10),
    (0xc0, "255", 3900, 10),
    (0xca, "255", 3940, 4),
];

/// Reads what a compressed segment says, as the element string of the same says it.
///
/// # Errors
///
/// [`IdError::Compressed`] for what is none, and what [`Question::parse`] finds wrong in its values.
pub fn read(segment: &str) -> Result<Question, IdError> {
    let wrong = |fault| IdError::Compressed { found: quote(segment), fault };
    let bits = Bits::of(segment).ok_or_else(|| wrong("it is not base64url of that length"))?;
    let read_in = |orders: &[(u8, &[&str])]| {
        let elements = elements(&mut bits.clone(), orders).map_err(wrong)?;
        Question::parse(&elements.iter().map(|(ai, value)| bracket(ai, value)).collect::<String>())
    };
    // Read in the wrong order, the values do not fit their AIs.
    read_in(&TOGETHER).or_else(|error| read_in(&LISTED).map_err(|_| error))
}

/// Tells whether a path segment may be a compressed Digital Link: it has the letters, begins with the AI of a key, and is no word. One
/// of ten letters, the shortest with a GTIN, has neither a capital nor a digit in two of ten thousand cases.
pub fn is_likely(segment: &str) -> bool {
    if segment.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
        return false;
    }
    let first = Bits::of(segment).and_then(|mut bits| next_ais(&mut bits, &TOGETHER).ok());
    first.is_some_and(|ais| ais.iter().any(|ai| Key::find_segment(ai).is_some()))
}

fn elements(bits: &mut Bits, orders: &[(u8, &[&str])]) -> Result<Vec<(String, String)>, &'static str> {
    let mut elements = Vec::new();
    // Fewer than 8 bits fill the last character up.
    while bits.left() >= 8 {
        if bits.peek(4) == Some(0xf) {
            foreign_pair(bits)?;
            continue;
        }
        for ai in next_ais(bits, orders)? {
            let value = value_of(&ai, bits)?;
            elements.push((ai, value));
        }
    }
    Ok(elements)
}

/// The AIs whose values come next.
fn next_ais(bits: &mut Bits, orders: &[(u8, &[&str])]) -> Result<Vec<String>, &'static str> {
    const CUT_OFF: &str = "it ends within an application identifier";
    let byte = bits.peek(8).ok_or(CUT_OFF)? as u8;
    if let Some((_, ais)) = orders.iter().chain(&TOGETHER).find(|(first, _)| *first == byte) {
        bits.take(8);
        return Ok(ais.iter().map(|ai| (*ai).to_owned()).collect());
    }
    let of_family =
        |(first, _, _, count): &&(u8, &str, u16, u8)| byte.checked_sub(*first).is_some_and(|nth| nth < *count);
    if let Some((first, key, ai, _)) = FAMILIES.iter().find(of_family) {
        bits.take(8);
        return Ok(vec![(*key).to_owned(), (ai + u16::from(byte - first)).to_string()]);
    }
    let mut ai = String::new();
    while ai.len() < 4 {
        let digit = bits.take(4).ok_or(CUT_OFF)? as u8;
        if digit > 9 {
            return Err("it names no application identifier");
        }
        ai.push(char::from(b'0' + digit));
        if Ai::find(&ai).is_some() {
            return Ok(vec![ai]);
        }
    }
    Err("it names no application identifier")
}

/// Passes over a pair of another kind, such as a parameter of the link that was compressed too (§4.6).
fn foreign_pair(bits: &mut Bits) -> Result<(), &'static str> {
    let cut_off = "it ends within a parameter";
    bits.take(4);
    let length = bits.take(7).ok_or(cut_off)?;
    text(bits, 3, length as usize).ok_or(cut_off)?;
    let encoding = bits.take(3).ok_or(cut_off)?;
    let length = bits.take(7).ok_or(cut_off)?;
    text(bits, encoding, length as usize).ok_or(cut_off)?;
    Ok(())
}

/// A value by the format of its AI: digits of a fixed length stand as one number, digits that vary behind their count, everything else
/// behind its encoding and its count (§4.3).
fn value_of(ai: &str, bits: &mut Bits) -> Result<String, &'static str> {
    const CUT_OFF: &str = "it ends within a value";
    let parts = Ai::find(ai).map(|ai| ai.parts).unwrap_or_default();
    let mut value = String::new();
    let mut fixed_digits = 0;
    for (at, part) in parts.iter().enumerate() {
        let is_fixed = part.min == part.max && !part.optional;
        if part.set == CharSet::Digits && is_fixed {
            fixed_digits += part.max;
            let goes_on = parts
                .get(at + 1)
                .is_some_and(|next| next.set == CharSet::Digits && next.min == next.max && !next.optional);
            if goes_on {
                continue;
            }
            value.push_str(&digits(bits, fixed_digits).ok_or(CUT_OFF)?);
            fixed_digits = 0;
            continue;
        }
        if part.set == CharSet::Digits {
            let count = bits.take(count_bits(part.max)).ok_or(CUT_OFF)? as usize;
            value.push_str(&digits(bits, count).ok_or(CUT_OFF)?);
            continue;
        }
        let encoding = bits.take(3).ok_or(CUT_OFF)?;
        let count = if is_fixed { part.max } else { bits.take(count_bits(part.max)).ok_or(CUT_OFF)? as usize };
        value.push_str(&text(bits, encoding, count).ok_or("it has a value in no encoding that there is")?);
    }
    Ok(value)
}

/// Characters in one of the five encodings: digits, hexadecimal in small letters and in capitals, base64url, ASCII.
fn text(bits: &mut Bits, encoding: u32, count: usize) -> Option<String> {
    let mut each = |width: usize, alphabet: Option<&[u8]>| -> Option<String> {
        let letter = |index: u32| match alphabet {
            Some(alphabet) => alphabet.get(index as usize).copied(),
            None => u8::try_from(index).ok().filter(u8::is_ascii_graphic),
        };
        (0..count).map(|_| bits.take(width).and_then(letter).map(char::from)).collect()
    };
    match encoding {
        0 => digits(bits, count),
        1 => each(4, Some(HEX)).map(|text| text.to_ascii_lowercase()),
        2 => each(4, Some(HEX)),
        3 => each(6, Some(ALPHABET)),
        4 => each(7, None),
        _ => None,
    }
}

/// A number of so many decimal digits, in the fewest bits that hold any such number.
fn digits(bits: &mut Bits, count: usize) -> Option<String> {
    let mut decimal = vec![0_u8; count];
    for _ in 0..number_bits(count) {
        let mut carry = bits.take(1)? as u8;
        for digit in decimal.iter_mut().rev() {
            let doubled = *digit * 2 + carry;
            (*digit, carry) = (doubled % 10, doubled / 10);
        }
        // A number with more digits than that.
        if carry != 0 {
            return None;
        }
    }
    Some(decimal.iter().map(|digit| char::from(b'0' + digit)).collect())
}

/// Bits of a number with so many decimal digits, by the standard's formula: the digits by 3.3219 bits each, rounded up.
fn number_bits(digits: usize) -> usize {
    // log2(10) in 24-bit fixed point; with the standard's 0.01 beside it, which keeps whole results from being rounded down.
    const LOG2_OF_10: usize = 55_732_705;
    const ONE: usize = 1 << 24;
    (digits * LOG2_OF_10 + ONE / 100).div_ceil(ONE)
}

/// Bits of a count up to `max`.
const fn count_bits(max: usize) -> usize {
    // ceil(log2(max) + 0.01): a power of two takes one more.
    (usize::BITS - max.leading_zeros()) as usize
}

/// The bits of a segment, from the first one on.
#[derive(Clone)]
struct Bits {
    sextets: Vec<u8>,
    at: usize,
}

impl Bits {
    fn of(segment: &str) -> Option<Self> {
        if !(SEGMENT_CHARS_MIN..=SEGMENT_CHARS_MAX).contains(&segment.len()) {
            return None;
        }
        let sextet = |byte: u8| ALPHABET.iter().position(|letter| *letter == byte).and_then(|at| u8::try_from(at).ok());
        Some(Self { sextets: segment.bytes().map(sextet).collect::<Option<_>>()?, at: 0 })
    }

    fn left(&self) -> usize {
        self.sextets.len() * 6 - self.at
    }

    /// The next bits, at most 32 of them, as a number.
    fn peek(&self, count: usize) -> Option<u32> {
        if count > self.left() {
            return None;
        }
        let bit = |at: usize| self.sextets.get(at / 6).map(|sextet| u32::from(sextet >> (5 - at % 6) & 1));
        (self.at..self.at + count).try_fold(0, |number, at| Some(number << 1 | bit(at)?))
    }

    fn take(&mut self, count: usize) -> Option<u32> {
        let number = self.peek(count)?;
        self.at += count;
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by GS1's own toolkit (GS1DigitalLinkToolkit.js, `buildCompressedGS1digitalLink`), but for the SSCC, which that one rounds: it
    /// counts in doubles.
    #[test]
    fn reads_what_gs1s_toolkit_writes() {
        for (segment, elements) in [
            ("DBFKk4XBoIVC", "(01)09506000134352(21)A1"),
            ("ARFKk4XBoEKFQg", "(01)09506000134352(21)A1"),
            ("GhFKk4XBoMRfh_je02PV_EAF_-g", "(01)09506000134352(10)L8(21)ser-IAL_9(17)261231"),
            ("ACtP4Jqfdu8A", "(00)195060001343500016"),
            ("nYVmywr8UUqThcHC", "(414)9506000134369(254)32a/b"),
            ("LRFKk4XBoAAYYgDiWtDg", "(01)09506000134352(10)1234567(3103)000195"),
            ("gARQlQYAAavN7xI", "(8004)95060001ABCDEF12"),
            ("DBFKk4XBoFW9W33eAg", "(01)09506000134352(21)deadbeef01"),
            ("DBFKk4XBoNXY-5S_qDOxg", "(01)09506000134352(21)7H3KX9QZ2M"),
            ("mmn3nTrTTTVcx7", "(8010)95060001X(8011)123"),
        ] {
            assert!(is_likely(segment), "{segment}");
            assert_eq!(read(segment), Question::parse(elements), "{segment}");
        }
    }

    #[test]
    fn what_is_broken_is_said_to_be() {
        for segment in ["DBFKk4XBoI", "DBFKk4XB", "ARFKk4XC", "_____________", "DBFKk4XBoIV*", "short", ""] {
            assert!(read(segment).is_err(), "{segment}");
        }
        // A number that has too many digits for its AI.
        assert!(read("AR______________").is_err());
        for path in
            ["participants", "favicon", "members-list", "sealane", "nothing-here", "orders", "whatever", "observers"]
        {
            assert!(!is_likely(path), "{path}");
        }
        let long = "A".repeat(SEGMENT_CHARS_MAX + 1);
        assert!(matches!(read(&long), Err(IdError::Compressed { .. })));
    }

    #[test]
    fn bits_are_counted_as_the_standard_does() {
        for digits in 0..=100 {
            let right = (digits as f64 * std::f64::consts::LOG2_10 + 0.01).ceil() as usize;
            assert_eq!(number_bits(digits), right, "{digits}");
        }
        for max in 1..=100_usize {
            assert_eq!(count_bits(max), ((max as f64).log2() + 0.01).ceil() as usize, "{max}");
        }
    }
}
