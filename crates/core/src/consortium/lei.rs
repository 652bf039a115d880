//! Legal Entity Identifiers (ISO 17442).

use std::fmt;
use std::str::FromStr;

use crate::text::serde_as_text;

/// A Legal Entity Identifier (ISO 17442-1): 18 capitals or digits, and two check digits by ISO 7064, MOD 97-10.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lei(String);

/// Text that is no Legal Entity Identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeiError {
    #[error("an LEI has 20 characters; this has {found}")]
    Length { found: usize },
    #[error("an LEI has 18 of A to Z and 0 to 9, then two digits; this has {found:?} at character {at}, from 0")]
    Character { found: char, at: usize },
    #[error("the LEI's check digits are {found}; of its other characters they are {expected:02} (ISO 7064, MOD 97-10)")]
    CheckDigits { found: String, expected: u32 },
}

impl Lei {
    const CHARACTERS: usize = 20;
    /// Where the check digits begin.
    const BODY: usize = 18;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Computes the check digits, 2 to 98, of the 18 characters before them; letters count 10 to 35.
///
/// 00, 01 and 99 would leave the same remainder as 97, 98 and 02, and are never computed.
fn check_digits(body: &str) -> u32 {
    let remainder = body.chars().filter_map(|character| character.to_digit(36)).fold(0, |remainder, value| {
        let shift = if value < 10 { 10 } else { 100 };
        (remainder * shift + value) % 97
    });
    98 - remainder * 100 % 97
}

impl FromStr for Lei {
    type Err = LeiError;

    fn from_str(text: &str) -> Result<Self, LeiError> {
        let length = text.chars().count();
        if length != Self::CHARACTERS {
            return Err(LeiError::Length { found: length });
        }
        let is_wrong = |at: usize, character: char| {
            !(character.is_ascii_digit() || (at < Self::BODY && character.is_ascii_uppercase()))
        };
        if let Some((at, found)) = text.chars().enumerate().find(|(at, character)| is_wrong(*at, *character)) {
            return Err(LeiError::Character { found, at });
        }
        let (body, found) = text.split_at(Self::BODY);
        let expected = check_digits(body);
        if format!("{expected:02}") != found {
            return Err(LeiError::CheckDigits { found: found.to_owned(), expected });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Lei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(Lei);

#[cfg(test)]
mod tests {
    use super::*;

    /// Published identifiers: of the GLEIF itself, of Apple, of Microsoft and of Bloomberg Finance.
    const GENUINE: [&str; 4] =
        ["506700GE1G29325QX363", "HWUPKR0MPOU8FGXBT394", "INR2EJN1ERAN0W5ZP974", "5493001KJTIIGC8Y1R12"];

    #[test]
    fn published_identifiers_are_read_and_written() {
        for text in GENUINE {
            let lei: Lei = text.parse().unwrap();
            assert_eq!((lei.as_str(), lei.to_string()), (text, text.to_owned()));
            assert_eq!(serde_json::to_string(&lei).unwrap(), format!("{text:?}"));
            assert_eq!(serde_json::from_str::<Lei>(&format!("{text:?}")).unwrap(), lei);
        }
    }

    #[test]
    fn every_other_pair_of_check_digits_is_refused() {
        for text in GENUINE {
            let taken = (0..100).filter(|digits| format!("{}{digits:02}", &text[..18]).parse::<Lei>().is_ok());
            assert_eq!(taken.map(|digits| format!("{digits:02}")).collect::<Vec<_>>(), [&text[18..]]);
        }
        // Its digits are 98. The number with 01 in their place leaves the same remainder.
        let body = (0..1000).map(|n| format!("A{n:017}")).find(|body| check_digits(body) == 98).unwrap();
        assert!(format!("{body}98").parse::<Lei>().is_ok());
        let error = format!("{body}01").parse::<Lei>().unwrap_err();
        assert_eq!(error, LeiError::CheckDigits { found: "01".to_owned(), expected: 98 });
        assert!(error.to_string().contains("are 01; of its other characters they are 98"), "{error}");
    }

    /// A letter counts two digits, so one in the place of a digit moves those before it: that is not always seen.
    #[test]
    fn another_digit_for_a_digit_and_another_letter_for_a_letter_are_refused() {
        for text in GENUINE {
            for (at, before) in text.char_indices() {
                for character in ('0'..='9').chain('A'..='Z').filter(|one| one.is_numeric() == before.is_numeric()) {
                    let mut changed: Vec<char> = text.chars().collect();
                    changed[at] = character;
                    let changed: String = changed.into_iter().collect();
                    assert_eq!(changed.parse::<Lei>().is_ok(), changed == text, "{changed}");
                }
            }
        }
    }

    #[test]
    fn other_characters_and_lengths_are_refused() {
        let genuine = GENUINE[0];
        assert_eq!(genuine[1..].parse::<Lei>(), Err(LeiError::Length { found: 19 }));
        assert_eq!(format!("{genuine}0").parse::<Lei>(), Err(LeiError::Length { found: 21 }));
        assert_eq!("".parse::<Lei>(), Err(LeiError::Length { found: 0 }));
        assert_eq!(genuine.to_lowercase().parse::<Lei>(), Err(LeiError::Character { found: 'g', at: 6 }));
        assert_eq!("506700GE1G29325QX36A".parse::<Lei>(), Err(LeiError::Character { found: 'A', at: 19 }));
        assert_eq!("506700GE1G29325QX36\u{663}".parse::<Lei>(), Err(LeiError::Character { found: '\u{663}', at: 19 }));
        assert_eq!("5067 0GE1G29325QX363".parse::<Lei>(), Err(LeiError::Character { found: ' ', at: 4 }));
    }
}
