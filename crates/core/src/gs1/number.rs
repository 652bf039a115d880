//! GTIN, GLN and SSCC as typed numbers (GS1 General Specifications §2, §7.9.1).

use std::fmt;
use std::str::FromStr;

use super::check_digit::check_digit;
use super::error::{IdError, quote};
use super::id::{Gs1, Id};
use super::key::{self, Key};

use crate::text::serde_as_text;

/// Makes a number type that holds `$width` digits, the last one the check digit.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $word:literal, $width:literal, $lengths:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl FromStr for $name {
            type Err = IdError;

            /// Reads the digits and checks the check digit.
            fn from_str(text: &str) -> Result<Self, IdError> {
                read($word, text, $width, &$lengths, $expected).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{:0", $width, "}"), self.0)
            }
        }

        serde_as_text!($name);
    };
}

number!(
    /// A Global Trade Item Number, 14 digits; shorter ones are padded with zeros.
    Gtin, "GTIN", 14, [8, 12, 13, 14], "8, 12, 13 or 14 digits"
);
number!(
    /// A Global Location Number, 13 digits, of a place or a party.
    Gln, "GLN", 13, [13], "13 digits"
);
number!(
    /// A Serial Shipping Container Code, 18 digits.
    Sscc, "SSCC", 18, [18], "18 digits"
);

impl Gtin {
    /// The id of the class of all its items.
    pub fn id(self) -> Id {
        id_of(&key::TRADE_ITEM, self)
    }
}

impl Gln {
    /// The id of the place, `https://id.gs1.org/414/…`.
    pub fn id(self) -> Id {
        id_of(&key::LOCATION, self)
    }

    /// The id of the party, `https://id.gs1.org/417/…`.
    pub fn party_id(self) -> Id {
        id_of(&key::PARTY, self)
    }
}

impl Gln {
    /// Tells whether `id` is this number's place or party, without an extension.
    pub fn is_named_by(self, id: &Id) -> bool {
        id.gln().is_some_and(|digits| digits.parse() == Ok(self.0))
    }
}

impl Sscc {
    /// The id of the logistic unit.
    pub fn id(self) -> Id {
        id_of(&key::LOGISTIC_UNIT, self)
    }
}

fn id_of(key: &'static Key, number: impl fmt::Display) -> Id {
    Id::from_gs1(Gs1 { key, value: number.to_string(), qualifier: None })
}

fn read(
    what: &'static str,
    text: &str,
    width: usize,
    lengths: &[usize],
    expected: &'static str,
) -> Result<u64, IdError> {
    let wrong = || IdError::Value { what: what.to_owned(), found: quote(text), expected: expected.to_owned() };
    if !lengths.contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let (digits, last) = text.split_at_checked(text.len() - 1).ok_or_else(wrong)?;
    match (check_digit(digits), last.chars().next()) {
        (Some(expected), Some(found)) if expected != found => {
            Err(IdError::CheckDigit { what: what.to_owned(), value: format!("{text:0>width$}"), found, expected })
        }
        // Eighteen digits fit in a u64.
        _ => text.parse().map_err(|_| wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gtin_takes_its_four_lengths_and_pads() {
        for (text, padded) in [
            ("96385074", "00000096385074"),
            ("614141000036", "00614141000036"),
            ("9506000134352", "09506000134352"),
            ("09506000134352", "09506000134352"),
        ] {
            let gtin: Gtin = text.parse().unwrap();
            assert_eq!(gtin.to_string(), padded);
            assert_eq!(gtin.id().as_str(), format!("https://id.gs1.org/01/{padded}"));
            assert_eq!(gtin.id().gtin(), Some(gtin));
        }
    }

    #[test]
    fn a_wrong_number_is_told_what_is_right() {
        let message = |error: IdError| error.to_string();
        let wrong = "09506000134353".parse::<Gtin>().unwrap_err();
        assert_eq!(message(wrong), "GTIN 09506000134353 has check digit 3, it should be 2");
        let wrong = "9506000134353".parse::<Gtin>().unwrap_err();
        assert_eq!(message(wrong), "GTIN 09506000134353 has check digit 3, it should be 2");
        let wrong = "950600013436".parse::<Gln>().unwrap_err();
        assert_eq!(message(wrong), r#"GLN "950600013436" should be 13 digits"#);
        for bad in ["", "1234567", "+9506000134352", "０9506000134352", "0950600013435 "] {
            assert!(bad.parse::<Gtin>().is_err() && bad.parse::<Gln>().is_err() && bad.parse::<Sscc>().is_err());
        }
    }

    #[test]
    fn gln_and_sscc_keep_their_zeros_in_json() {
        let gln: Gln = "0614141000005".parse().unwrap();
        assert_eq!(serde_json::to_string(&gln).unwrap(), "\"0614141000005\"");
        assert_eq!(serde_json::from_str::<Gln>("\"0614141000005\"").unwrap(), gln);
        assert_eq!(gln.id().as_str(), "https://id.gs1.org/414/0614141000005");
        assert_eq!(gln.party_id().as_str(), "https://id.gs1.org/417/0614141000005");
        let sscc: Sscc = "006141411234567890".parse().unwrap();
        assert_eq!(sscc.id().as_str(), "https://id.gs1.org/00/006141411234567890");
        assert!(serde_json::from_str::<Sscc>("\"006141411234567891\"").is_err());
    }
}
