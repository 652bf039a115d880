//! GS1 company prefixes, as participants hold them.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::error::{IdError, quote};
use super::id::Id;

use crate::text::serde_as_text;

/// The digits with which GS1 lets one organisation begin its keys: 4 to 12 of them, which do not begin with five zeros.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CompanyPrefix(String);

impl CompanyPrefix {
    /// How many digits a prefix has.
    pub const DIGITS: RangeInclusive<usize> = 4..=12;

    /// What stands before a GTIN-8 in 14 digits, behind the indicator. No prefix begins with it.
    pub(super) const NONE: &'static str = "00000";

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether the id's key was allocated under this prefix.
    ///
    /// The key's company-prefix digits must begin with it: those after the indicator of a GTIN-14, after the extension
    /// digit of an SSCC, after the fixed zero of a GRAI, and from the start of other keys, check digits left out. No
    /// prefix covers a GTIN-8, which GS1 allocates one by one, nor a URI that is not GS1's.
    pub fn covers(&self, id: &Id) -> bool {
        let digits = id.gs1().and_then(|gs1| gs1.key.prefix_digits(&gs1.value));
        digits.is_some_and(|digits| digits.starts_with(&self.0))
    }

    /// Tells whether one of two prefixes begins the other, so that both would cover some key.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }
}

impl FromStr for CompanyPrefix {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if !Self::DIGITS.contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(IdError::CompanyPrefix { found: quote(text) });
        }
        if text.starts_with(Self::NONE) {
            return Err(IdError::PrefixOfNothing { found: quote(text) });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for CompanyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(CompanyPrefix);

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> CompanyPrefix {
        text.parse().unwrap()
    }

    #[test]
    fn takes_4_to_12_digits() {
        for bad in ["", "123", "1234567890123", "12a4", "１２３４", " 1234", "-1234"] {
            let message = bad.parse::<CompanyPrefix>().unwrap_err().to_string();
            assert!(message.ends_with("is no GS1 company prefix: that is 4 to 12 digits"), "{message}");
        }
        assert_eq!(serde_json::to_string(&prefix("0614141")).unwrap(), "\"0614141\"");
        assert!(serde_json::from_str::<CompanyPrefix>("\"06\"").is_err());
        for nothing in ["00000", "00000963"] {
            let message = nothing.parse::<CompanyPrefix>().unwrap_err().to_string();
            assert!(message.contains("covers nothing") && message.contains("claim the GTIN-8 itself"), "{message}");
        }
    }

    #[test]
    fn covers_the_keys_that_begin_with_it() {
        let own = prefix("9506000");
        for element_string in [
            "(01)09506000134352",
            "(01)59506000134357(21)A1",
            "(8006)095060001343520102",
            "(00)195060001343500016",
            "(414)9506000134369",
            "(417)9506000134369",
            "(8003)09506000134352A",
            "(8004)9506000XYZ",
            "(253)9506000134376D1",
            "(402)95060001343500019",
            "(8018)950600013435000011",
        ] {
            let id = Id::parse(element_string).unwrap_or_else(|error| panic!("{element_string}: {error}"));
            assert!(own.covers(&id), "{element_string}");
            assert!(prefix("950600").covers(&id), "a shorter prefix does too");
            assert!(!prefix("9506001").covers(&id));
            assert!(!prefix("6000134").covers(&id), "not in the middle");
            assert!(!prefix("09506000").covers(&id), "not with the leading digit");
        }
    }

    #[test]
    fn covers_neither_check_digits_nor_gtin_8_nor_other_uris() {
        let gln = Id::parse("(414)9506000134369").unwrap();
        assert!(prefix("950600013436").covers(&gln));
        let giai = Id::parse("(8004)9506000134369").unwrap();
        assert!(prefix("950600013436").covers(&giai));
        for gtin_8 in ["96385074", "(01)10000096385071"] {
            let id = Id::parse(gtin_8).unwrap_or_else(|error| panic!("{gtin_8}: {error}"));
            assert!(!prefix("0000").covers(&id) && !prefix("9638").covers(&id));
        }
        let other = Id::parse("https://shop.example/9506000/1").unwrap();
        assert!(!prefix("9506000").covers(&other));
    }

    #[test]
    fn overlaps_when_one_begins_the_other() {
        assert!(prefix("9506").overlaps(&prefix("9506000")) && prefix("9506000").overlaps(&prefix("9506")));
        assert!(prefix("9506000").overlaps(&prefix("9506000")));
        assert!(!prefix("9506000").overlaps(&prefix("9506001")) && !prefix("5060").overlaps(&prefix("95060")));
    }
}
