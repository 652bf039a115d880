//! What is compared: a value of an event as bytes whose order is the order of the values.
//!
//! A text, a number and a moment have keys that never meet, so that one list of keys holds all three. A store keeps them as they are, and
//! compares bytes.

use sha2::{Digest, Sha256};

use crate::json::Decimal;
use crate::time::Timestamp;

/// Bytes of a text that its key has whole. A longer one is cut, and told apart by its hash: it can be equal, and has no order.
pub const KEY_TEXT_BYTES_MAX: usize = 1_024;

/// Digits of a number that count. A double has 17.
const DIGITS_MAX: usize = 64;

const TEXT: u8 = b't';
const NUMBER: u8 = b'n';
const MOMENT: u8 = b'm';

/// The kind of the one key that says that something is there. It is above those of values, so that the least key of a field is a value
/// of it if there is one.
const PRESENT: u8 = b'z';

/// Behind a text that was cut: no UTF-8 has this byte.
const CUT: u8 = 0xff;

/// A value to compare by. The bytes of two keys of one kind are in the order of the values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    /// The key of a text, by its UTF-8 bytes (EPCIS 2.0 §8.2.7.1, `orderBy`).
    pub fn text(text: &str) -> Self {
        let mut bytes = vec![TEXT];
        if text.len() <= KEY_TEXT_BYTES_MAX {
            bytes.extend(text.as_bytes());
            return Self(bytes);
        }
        bytes.extend(text.as_bytes().iter().take(KEY_TEXT_BYTES_MAX));
        bytes.push(CUT);
        bytes.extend(Sha256::digest(text));
        Self(bytes)
    }

    /// The key of a number: its sign, where the point stands, its digits.
    pub fn number(number: &Decimal) -> Self {
        let plain = number.plain();
        let (is_negative, text) = plain.strip_prefix('-').map_or((false, plain.as_str()), |rest| (true, rest));
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let all = format!("{whole}{fraction}");
        let first = all.bytes().take_while(|byte| *byte == b'0').count();
        let digits = all.trim_matches('0');
        if digits.is_empty() {
            return Self(vec![NUMBER, 1]);
        }
        // Where the point stands behind the first digit that counts. That of a double fits.
        let point = whole.len() as i64 - first as i64;
        let point = u16::try_from(point + 0x8000).unwrap_or(u16::MAX);
        let size = point.to_be_bytes().into_iter().chain(digits.bytes().take(DIGITS_MAX));
        let mut bytes = vec![NUMBER, if is_negative { 0 } else { 2 }];
        if is_negative {
            // The larger its size, the smaller the number; and -12 comes before -1, whose digits end first.
            bytes.extend(size.map(|byte| !byte).chain([0xff]));
        } else {
            bytes.extend(size);
        }
        Self(bytes)
    }

    /// The key of a moment, by its milliseconds.
    pub fn moment(time: Timestamp) -> Self {
        let biased = time.millis().wrapping_sub(i64::MIN).cast_unsigned();
        let mut bytes = vec![MOMENT];
        bytes.extend(biased.to_be_bytes());
        Self(bytes)
    }

    /// The key that says that a field is there, whatever it holds.
    pub fn present() -> Self {
        Self(vec![PRESENT])
    }

    /// The key that bytes of a store are.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The text that this is the key of; `None` of a number, a moment, and a text that was cut.
    pub fn as_text(&self) -> Option<&str> {
        let (kind, bytes) = self.0.split_first()?;
        str::from_utf8(bytes).ok().filter(|_| *kind == TEXT)
    }

    fn kind(&self) -> u8 {
        self.0.first().copied().unwrap_or_default()
    }

    fn holds(&self, part: &str) -> bool {
        part.is_empty() || self.0.windows(part.len()).any(|window| window == part.as_bytes())
    }

    /// The least key above this one.
    fn next(&self) -> Self {
        let mut bytes = self.0.clone();
        bytes.push(0);
        Self(bytes)
    }
}

/// Keys that a condition lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRange {
    Exactly(Key),
    Between {
        /// The least key.
        from: Key,
        /// The least key behind the range.
        before: Key,
        /// A text that each holds; empty for any.
        inside: &'static str,
    },
}

impl KeyRange {
    /// Every text that begins so and holds `inside`. A text that was cut begins as its whole does.
    pub fn beginning(start: &str, inside: &'static str) -> Self {
        let Key(mut end) = Key::text(start);
        end.extend([0xff, 0xff]);
        Self::Between { from: Key::text(start), before: Key(end), inside }
    }

    /// Every value of any kind.
    pub fn all() -> Self {
        Self::between(Key(vec![]), Key(vec![0xff]))
    }

    /// Those of its kind above the key.
    pub(super) fn above(key: &Key) -> Self {
        Self::from(&key.next())
    }

    /// The key, and those of its kind above it.
    pub fn from(key: &Key) -> Self {
        Self::between(key.clone(), Key(vec![key.kind() + 1]))
    }

    /// Those of its kind below the key.
    pub(super) fn below(key: &Key) -> Self {
        Self::between(Key(vec![key.kind()]), key.clone())
    }

    /// The key, and those of its kind below it.
    pub(super) fn up_to(key: &Key) -> Self {
        Self::below(&key.next())
    }

    const fn between(from: Key, before: Key) -> Self {
        Self::Between { from, before, inside: "" }
    }

    pub fn contains(&self, key: &Key) -> bool {
        match self {
            Self::Exactly(one) => one == key,
            Self::Between { from, before, inside } => from <= key && key < before && key.holds(inside),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Key {
        Key::number(&Decimal::parse(text).unwrap())
    }

    #[test]
    fn numbers_are_in_order_and_equal_ones_are_one() {
        let rising = [
            "-1e308", "-120", "-12.5", "-12", "-1.25", "-1.2", "-1", "-0.5", "-0.05", "-1e-300", "0", "1e-300", "0.05",
            "0.5", "1", "1.2", "1.25", "9", "10", "12", "12.5", "99", "100", "120", "1e20", "1e308",
        ];
        for pair in rising.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
        for [one, other] in [["1", "1.0"], ["0", "-0.00"], ["100", "1e2"], ["0.5", "5E-1"], ["-120", "-1.2e2"]] {
            assert_eq!(number(one), number(other));
        }
    }

    #[test]
    fn moments_are_in_order() {
        let at = |text: &str| Key::moment(text.parse().unwrap());
        assert!(at("1969-12-31T23:59:59.999Z") < at("1970-01-01T00:00:00Z"));
        assert!(at("2026-01-01T00:00:00Z") < at("2026-01-01T00:00:00.001Z"));
        assert_eq!(at("2026-01-01T09:00:00+09:00"), at("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn kinds_do_not_meet() {
        let (text, number, moment) = (Key::text("5"), number("5"), Key::moment(Timestamp::EPOCH));
        for (one, others) in [(&text, [&number, &moment]), (&number, [&text, &moment]), (&moment, [&text, &number])] {
            for range in [KeyRange::from(one), KeyRange::above(one), KeyRange::below(one), KeyRange::up_to(one)] {
                assert!(others.iter().all(|other| !range.contains(other)), "{range:?}");
            }
        }
        for key in [text, number, moment] {
            assert!(KeyRange::all().contains(&key));
        }
    }

    #[test]
    fn a_long_text_is_equal_to_itself_alone_and_begins_as_it_does() {
        let (long, other) = ("x".repeat(5_000), format!("{}y", "x".repeat(4_999)));
        assert_eq!(Key::text(&long), Key::text(&long));
        assert_ne!(Key::text(&long), Key::text(&other));
        assert!(Key::text(&long).as_bytes().len() < KEY_TEXT_BYTES_MAX + 40);
        assert!(KeyRange::beginning("xx", "").contains(&Key::text(&long)));
        assert_eq!(Key::text(&long).as_text(), None);
        assert_eq!(Key::text("é").as_text(), Some("é"));
    }

    proptest! {
        #[test]
        fn the_order_of_texts_and_doubles_is_that_of_their_keys(one in ".{0,12}", other in ".{0,12}", a: f64, b: f64) {
            prop_assert_eq!(one.cmp(&other), Key::text(&one).cmp(&Key::text(&other)));
            let range = KeyRange::beginning(&one, "");
            prop_assert_eq!(other.starts_with(&one), range.contains(&Key::text(&other)));
            let of = |number: f64| Decimal::parse(&serde_json::to_string(&number).unwrap_or_default());
            if let (Some(first), Some(second)) = (of(a), of(b)) {
                prop_assert_eq!(a.partial_cmp(&b), Some(Key::number(&first).cmp(&Key::number(&second))), "{} {}", a, b);
            }
        }

        #[test]
        fn ranges_of_numbers_are_what_their_names_say(a: i32, b: i32) {
            let (one, other) = (number(&a.to_string()), number(&b.to_string()));
            prop_assert_eq!(KeyRange::above(&one).contains(&other), b > a);
            prop_assert_eq!(KeyRange::from(&one).contains(&other), b >= a);
            prop_assert_eq!(KeyRange::below(&one).contains(&other), b < a);
            prop_assert_eq!(KeyRange::up_to(&one).contains(&other), b <= a);
        }
    }
}
