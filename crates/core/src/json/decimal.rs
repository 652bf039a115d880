//! A number of JSON, by the digits that it was written with.

use std::fmt;

/// A number as JSON writes it (RFC 8259 §6), with every digit that was written. A double can hold its size, though not
/// always its digits. Two of them are equal when they were written alike; [`Decimal::plain`] tells which mean the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(Box<str>);

impl Decimal {
    /// Takes the text of a number: a minus perhaps, digits without a needless zero before them, a fraction and an exponent
    /// perhaps. `None` for other text, and for a number that a double makes infinite, or zero though it is not.
    pub fn parse(text: &str) -> Option<Self> {
        if length(text.as_bytes()) != text.len() {
            return None;
        }
        let double = text.parse::<f64>().ok()?;
        let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
        let is_zero = !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
        (double.is_finite() && (double != 0.0 || is_zero)).then(|| Self(text.into()))
    }

    /// The digits as they were written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest double.
    pub fn to_f64(&self) -> f64 {
        self.0.parse().unwrap_or_default()
    }

    /// The same number without an exponent, and without zeros before its first digit and after its last one: `120000` for
    /// `12E4`, `0.5` for `0.50`, `0` for `-0.0`. Two numbers are equal exactly if these texts are.
    pub fn plain(&self) -> String {
        let (sign, text) = self.0.strip_prefix('-').map_or(("", &*self.0), |rest| ("-", rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let first = digits.bytes().take_while(|byte| *byte == b'0').count();
        let significant = digits.trim_matches('0');
        if significant.is_empty() {
            return "0".to_owned();
        }
        // Where the point stands among the significant digits. A number within a double has an exponent that fits.
        let exponent: i64 = exponent.parse().unwrap_or_default();
        let point = exponent + whole.len() as i64 - first as i64;
        let length = significant.len() as i64;
        if point <= 0 {
            return format!("{sign}0.{}{significant}", "0".repeat(point.unsigned_abs() as usize));
        }
        if point >= length {
            return format!("{sign}{significant}{}", "0".repeat((point - length) as usize));
        }
        let (before, after) = significant.split_at(point as usize);
        format!("{sign}{before}.{after}")
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&serde_json::Number> for Decimal {
    fn from(number: &serde_json::Number) -> Self {
        Self(number.to_string().into())
    }
}

/// How many bytes at the beginning are a number, by the grammar of RFC 8259 §6; 0 if none is.
pub(super) fn length(text: &[u8]) -> usize {
    let digits = |from: usize| text.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = usize::from(text.first() == Some(&b'-'));
    end += match text.get(end) {
        Some(b'0') => 1,
        Some(b'1'..=b'9') => digits(end),
        _ => return 0,
    };
    if text.get(end) == Some(&b'.') {
        match digits(end + 1) {
            0 => return 0,
            count => end += 1 + count,
        }
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        match digits(end + 1 + sign) {
            0 => return 0,
            count => end += 1 + sign + count,
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_digits_and_compares_by_them() {
        for (written, plain) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("0e99999999999999999999", "0"),
            ("12E4", "120000"),
            ("120000", "120000"),
            ("1.50", "1.5"),
            ("0.50", "0.5"),
            ("-0.007", "-0.007"),
            ("0.0001e2", "0.01"),
            ("1.25e1", "12.5"),
            ("1e-3", "0.001"),
            ("195060001343500016", "195060001343500016"),
            ("195060001343500017", "195060001343500017"),
            ("0.1000000000000000000000000001", "0.1000000000000000000000000001"),
            ("100e-2", "1"),
        ] {
            let number = Decimal::parse(written).unwrap();
            assert_eq!((number.as_str(), number.plain().as_str()), (written, plain));
        }
        let small = Decimal::parse("5e-324").unwrap().plain();
        assert_eq!((small.len(), small.ends_with("05")), (326, true));
    }

    #[test]
    fn refuses_what_is_no_number_and_what_no_double_is_near() {
        for text in
            ["", "-", "01", "+1", ".5", "1.", "1e", "1e+", "0x1", "1 ", "NaN", "1e999", "-1e309", "1e-400", "０"]
        {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}
