//! GS1 application identifiers (AIs) and the format of their values (GS1 General Specifications §3).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::ai_table::TABLE;
use super::check_digit::{check_digit, check_pair, is_cset_82};
use super::error::{IdError, quote};

/// One application identifier, or several of one format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ai {
    /// The AIs, separated by spaces; `3100-3105` is a range.
    pub(super) codes: &'static str,
    /// True where the first two digits of the AI fix its length, so that no separator (FNC1) has to follow.
    pub predefined_length: bool,
    /// What the value is made of, in order; only the last part may vary in length.
    pub parts: &'static [AiPart],
}

/// A stretch of a value with one set of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AiPart {
    pub set: CharSet,
    /// Fewest characters.
    pub min: usize,
    /// Most characters.
    pub max: usize,
    /// True where a value may end before this part.
    pub optional: bool,
    pub rules: &'static [PartRule],
}

/// The sets of characters that values are made of (GS1 General Specifications §7.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CharSet {
    Digits,
    Cset82,
    Cset39,
    Base64Url,
}

/// What a part's characters must satisfy beyond their set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartRule {
    /// Ends in its check digit; the word names the number in messages.
    CheckDigit(&'static str),
    /// Ends in its pair of check characters.
    CheckPair(&'static str),
    /// Begins with the four digits that the shortest company prefix has.
    CompanyPrefix,
    /// Zeros only.
    Zero,
    /// No leading zero; so not zero itself.
    NoLeadingZero,
    /// Not digits only.
    NonDigit,
    /// Piece and total of an ITIP: both from 1, and the piece no greater than the total.
    PieceOfTotal,
    /// YYMMDD.
    Date,
    /// YYMMDD, where DD 00 means the whole month.
    DateOrMonth,
    /// YYYYMMDD.
    LongDate,
    /// HHMM, from 0000 to 2359.
    HourMinute,
    /// HH, from 00 to 23.
    Hour,
    /// MM or SS, from 00 to 59.
    Sixtieth,
}

/// The AI of a returnable asset: a fixed 0, the 13 digits of its GRAI, and a serial (GS1 General Specifications §3.9.3).
const GRAI: &str = "8003";

/// Digits of a GRAI, its check digit among them.
const GRAI_DIGITS: usize = 13;

/// How a part of a value breaks a rule.
#[derive(Debug)]
enum RuleFault {
    /// There is no more to say than what the AI's format says.
    OfForm,
    CheckDigit {
        what: &'static str,
        value: String,
        found: char,
        expected: char,
    },
    CheckPair {
        what: &'static str,
        value: String,
        found: String,
        expected: String,
    },
    /// No such day, or no such time of day.
    Moment {
        noun: &'static str,
        fault: String,
        format: &'static str,
    },
}

static BY_CODE: LazyLock<BTreeMap<String, &'static Ai>> =
    LazyLock::new(|| TABLE.iter().flat_map(|ai| ai.codes().map(move |code| (code, ai))).collect());

impl Ai {
    /// Finds the AI with exactly these digits.
    pub fn find(code: &str) -> Option<&'static Self> {
        BY_CODE.get(code).copied()
    }

    /// Finds the AI that `text` begins with, and its digits: no AI is the beginning of another.
    pub fn at_start(text: &str) -> Option<(&str, &'static Self)> {
        (2..=4).find_map(|len| text.get(..len).and_then(|code| Some((code, Self::find(code)?))))
    }

    /// Every AI there is, with its digits, in order of the digits.
    pub fn all() -> impl Iterator<Item = (&'static str, &'static Self)> {
        BY_CODE.iter().map(|(code, ai)| (code.as_str(), *ai))
    }

    /// Most characters in a value.
    pub fn max(&self) -> usize {
        self.parts.iter().map(|part| part.max).sum()
    }

    /// Tells whether a value's length, characters and fixed beginnings are those of this AI; check digits apart.
    pub fn has_shape(&self, value: &str) -> bool {
        self.split(value).is_some_and(|parts| parts.iter().all(|(part, text)| part.has_shape(text)))
    }

    /// Checks a value wholly, `code` being this AI's digits.
    pub fn check(&self, code: &str, value: &str) -> Result<(), IdError> {
        let fault = match self.fault(code, value) {
            None => return Ok(()),
            Some(fault) => fault,
        };
        if code == GRAI && self.fault(code, &format!("0{value}")).is_none() {
            return Err(without_zero(code, value, &fault));
        }
        Err(fault)
    }

    /// What is wrong with a value, `code` being this AI's digits.
    fn fault(&self, code: &str, value: &str) -> Option<IdError> {
        let wrong = || IdError::Value { what: format!("({code})"), found: quote(value), expected: self.to_words() };
        let Some(parts) = self.split(value) else { return Some(wrong()) };
        let rules = parts.iter().flat_map(|(part, text)| part.rules.iter().map(move |rule| (rule, text)));
        let error = rules.into_iter().find_map(|(rule, text)| rule.check(text).err())?;
        Some(match error {
            RuleFault::OfForm => wrong(),
            RuleFault::CheckDigit { what, value, found, expected } => {
                IdError::CheckDigit { what: format!("({code}) {what}"), value, found, expected }
            }
            RuleFault::CheckPair { what, value, found, expected } => {
                IdError::CheckPair { what: format!("({code}) {what}"), value, found, expected }
            }
            RuleFault::Moment { noun, fault, format } => {
                IdError::Moment { ai: code.to_owned(), found: quote(value), noun, fault, format }
            }
        })
    }

    fn codes(&self) -> impl Iterator<Item = String> + use<> {
        self.codes.split(' ').flat_map(|codes| {
            let (first, last) = codes.split_once('-').unwrap_or((codes, codes));
            let width = first.len();
            let bounds = first.parse::<u16>().ok().zip(last.parse::<u16>().ok());
            bounds.into_iter().flat_map(|(first, last)| first..=last).map(move |code| format!("{code:0width$}"))
        })
    }

    /// Cuts a value into its parts; `None` when its length or characters do not fit.
    fn split<'a>(&self, value: &'a str) -> Option<Vec<(&'static AiPart, &'a str)>> {
        let mut rest = value;
        let mut parts = Vec::with_capacity(self.parts.len());
        for part in self.parts {
            if rest.is_empty() && part.optional {
                break;
            }
            // A character that is not ASCII is in no set; cutting through one gives `None`.
            let (text, after) = rest.split_at_checked(rest.len().min(part.max))?;
            if text.len() < part.min || !text.bytes().all(|byte| part.set.holds(byte)) {
                return None;
            }
            parts.push((part, text));
            rest = after;
        }
        rest.is_empty().then_some(parts)
    }

    fn to_words(self) -> String {
        let words: Vec<String> = self.parts.iter().copied().map(AiPart::to_words).collect();
        words.join(", then ")
    }
}

impl AiPart {
    fn has_shape(&self, text: &str) -> bool {
        let shaping = |rule: &&PartRule| matches!(rule, PartRule::Zero | PartRule::CompanyPrefix);
        self.rules.iter().filter(shaping).all(|rule| rule.accepts(text))
    }

    fn to_words(self) -> String {
        // A company prefix has four digits at the least.
        let min = if self.rules.contains(&PartRule::CompanyPrefix) { self.min.max(4) } else { self.min };
        let length = match (min == self.max, self.optional) {
            (true, false) => format!("{}", self.max),
            (true, true) => format!("none or {}", self.max),
            (false, false) => format!("{min} to {}", self.max),
            (false, true) => format!("up to {}", self.max),
        };
        let noun = self.set.to_words(self.max == 1);
        let rules: Vec<&str> = self.rules.iter().filter_map(|rule| rule.to_words()).collect();
        let rules = if rules.is_empty() { String::new() } else { format!(" ({})", rules.join(", ")) };
        format!("{length} {noun}{rules}")
    }
}

impl CharSet {
    /// Tells whether `byte` is a character of this set.
    pub fn holds(self, byte: u8) -> bool {
        match self {
            Self::Digits => byte.is_ascii_digit(),
            Self::Cset82 => is_cset_82(byte),
            Self::Cset39 => byte.is_ascii_digit() || byte.is_ascii_uppercase() || b"#-/".contains(&byte),
            Self::Base64Url => byte.is_ascii_alphanumeric() || b"-_=".contains(&byte),
        }
    }

    fn to_words(self, one: bool) -> &'static str {
        match (self, one) {
            (Self::Digits, true) => "digit",
            (Self::Digits, false) => "digits",
            (Self::Cset82, _) => "of letters, digits and !\"%&'()*+,-./:;<=>?_",
            (Self::Cset39, _) => "of capital letters, digits and #-/",
            (Self::Base64Url, _) => "of base64url",
        }
    }
}

impl PartRule {
    /// Tells whether `text` satisfies the rule.
    pub fn accepts(self, text: &str) -> bool {
        self.check(text).is_ok()
    }

    fn check(self, text: &str) -> Result<(), RuleFault> {
        let holds = match self {
            Self::CheckDigit(what) => return check_digit_of(what, text),
            Self::CheckPair(what) => return check_pair_of(what, text),
            Self::CompanyPrefix => text.len() >= 4 && text.bytes().take(4).all(|byte| byte.is_ascii_digit()),
            Self::Zero => !text.is_empty() && text.bytes().all(|byte| byte == b'0'),
            Self::NoLeadingZero => is_number(text) && !text.starts_with('0'),
            Self::NonDigit => text.bytes().any(|byte| !byte.is_ascii_digit()),
            Self::PieceOfTotal => {
                matches!(numbers(text, [2, 2]), Some([piece, total]) if piece > 0 && piece <= total)
            }
            Self::Date => return check_day(numbers(text, [2, 2, 2]), 1, "YYMMDD"),
            Self::DateOrMonth => return check_day(numbers(text, [2, 2, 2]), 0, "YYMMDD, or YYMM00 for a month"),
            Self::LongDate => return check_day(numbers(text, [4, 2, 2]), 1, "YYYYMMDD"),
            Self::HourMinute => {
                let [hour, minute] = numbers(text, [2, 2]).ok_or(RuleFault::OfForm)?;
                return check_below(hour, 24, "hour", "HHMM").and_then(|()| check_below(minute, 60, "minute", "HHMM"));
            }
            Self::Hour => {
                let [hour] = numbers(text, [2]).ok_or(RuleFault::OfForm)?;
                return check_below(hour, 24, "hour", "HH");
            }
            Self::Sixtieth => {
                let [part] = numbers(text, [2]).ok_or(RuleFault::OfForm)?;
                return check_below(part, 60, "minute or second", "00 to 59");
            }
        };
        holds.then_some(()).ok_or(RuleFault::OfForm)
    }

    fn to_words(self) -> Option<&'static str> {
        Some(match self {
            Self::CheckDigit(_) | Self::CheckPair(_) => return None,
            Self::CompanyPrefix => "beginning with the digits of a company prefix",
            Self::Zero => "zero",
            Self::NoLeadingZero => "no leading zero",
            Self::NonDigit => "not digits only",
            Self::PieceOfTotal => "piece and total, from 0101 to 9999",
            Self::Date => "a date, YYMMDD",
            Self::DateOrMonth => "a date, YYMMDD, or YYMM00 for a month",
            Self::LongDate => "a date, YYYYMMDD",
            Self::HourMinute => "a time, HHMM",
            Self::Hour => "an hour",
            Self::Sixtieth => "00 to 59",
        })
    }
}

/// The fault of a GRAI whose first 13 digits have the right check digit, but for which the 0 before them is missing. Digits
/// that begin with 0 may as well be those of a GRAI with a wrong check digit.
fn without_zero(code: &str, value: &str, fault: &IdError) -> IdError {
    let otherwise = match fault {
        IdError::CheckDigit { value, found, expected, .. } => {
            format!("; if it is {value}, its check digit is {expected}, not {found}")
        }
        _ => String::new(),
    };
    let digits = value.get(..GRAI_DIGITS).unwrap_or(value).to_owned();
    IdError::LeadingZero { ai: code.to_owned(), what: "GRAI", digits, found: quote(value), otherwise }
}

/// Says of year, month and day which one there is not. `first` is the lowest number of a day.
fn check_day(date: Option<[u16; 3]>, first: u16, format: &'static str) -> Result<(), RuleFault> {
    let [year, month, day] = date.ok_or(RuleFault::OfForm)?;
    let days = days_in(year, month);
    let fault = if days == 0 {
        format!("month {month:02}")
    } else if (first..=days).contains(&day) {
        return Ok(());
    } else if (month, day) == (2, 29) {
        format!("29 February in the year {year:02}")
    } else {
        format!("day {day:02} in month {month:02}")
    };
    Err(RuleFault::Moment { noun: "date", fault, format })
}

fn check_below(number: u16, end: u16, what: &str, format: &'static str) -> Result<(), RuleFault> {
    let fault = || RuleFault::Moment { noun: "time", fault: format!("{what} {number:02}"), format };
    (number < end).then_some(()).ok_or_else(fault)
}

fn check_digit_of(what: &'static str, text: &str) -> Result<(), RuleFault> {
    let found = text.chars().next_back().ok_or(RuleFault::OfForm)?;
    let digits = text.strip_suffix(found).unwrap_or_default();
    match check_digit(digits) {
        Some(expected) if expected == found => Ok(()),
        Some(expected) if found.is_ascii_digit() => {
            Err(RuleFault::CheckDigit { what, value: quote(text), found, expected })
        }
        _ => Err(RuleFault::OfForm),
    }
}

fn check_pair_of(what: &'static str, text: &str) -> Result<(), RuleFault> {
    let at = text.len().checked_sub(2).ok_or(RuleFault::OfForm)?;
    let (body, found) = text.split_at_checked(at).ok_or(RuleFault::OfForm)?;
    let expected = check_pair(body).ok_or(RuleFault::OfForm)?;
    if expected == found {
        return Ok(());
    }
    Err(RuleFault::CheckPair { what, value: quote(text), found: found.to_owned(), expected })
}

/// Reads `text` as numbers of exactly these widths.
fn numbers<const N: usize>(text: &str, widths: [usize; N]) -> Option<[u16; N]> {
    let mut values = [0; N];
    let mut rest = text;
    for (value, width) in values.iter_mut().zip(widths) {
        let (digits, after) = rest.split_at_checked(width)?;
        *value = is_number(digits).then(|| digits.parse().ok()).flatten()?;
        rest = after;
    }
    rest.is_empty().then_some(values)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Days in a month; 0 when there is no such month. A year of two digits is of this century, whose year 00 was leap.
pub(crate) fn days_in(year: u16, month: u16) -> u16 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_by_digits_and_no_ai_begins_another() {
        assert_eq!(Ai::at_start("0109506000134352").map(|(code, _)| code), Some("01"));
        assert_eq!(Ai::at_start("31030001").map(|(code, _)| code), Some("3103"));
        assert_eq!(Ai::at_start("3106"), None);
        assert_eq!(Ai::at_start("ÄÖ"), None);
        for (code, _) in Ai::all() {
            assert!(code.len() >= 2 && code.len() <= 4);
            assert_eq!(Ai::at_start(code).map(|(found, _)| found), Some(code), "{code}");
        }
    }

    #[test]
    fn checks_length_characters_and_rules() {
        let check = |code: &str, value: &str| Ai::find(code).unwrap().check(code, value).map_err(|e| e.to_string());
        assert_eq!(check("10", "A/1"), Ok(()));
        assert_eq!(check("253", "9506000134376"), Ok(()));
        assert_eq!(check("253", "9506000134376XYZ"), Ok(()));
        assert_eq!(check("17", "261200"), Ok(()));
        assert_eq!(check("8008", "26112109"), Ok(()));
        let wrong = |code, value, words: &str| {
            let message = check(code, value).unwrap_err();
            assert!(message.contains(words), "{message}");
        };
        wrong("01", "09506000134353", "(01) GTIN 09506000134353 has check digit 3, it should be 2");
        wrong("01", "0950600013435", r#"(01) "0950600013435" should be 14 digits"#);
        wrong("253", "9506000134376123456789012345678", "13 digits, then up to 17 of letters, digits and");
        wrong("10", "", "1 to 20 of letters");
        wrong("10", "Grün", "1 to 20 of letters");
        wrong("8010", "9506000ab", "capital letters");
        assert_eq!(check("8010", "9521"), Ok(()), "the digits of a company prefix and no more");
        wrong(
            "8010",
            "952",
            "4 to 30 of capital letters, digits and #-/ (beginning with the digits of a company prefix)",
        );
        assert_eq!(check("8011", "10"), Ok(()));
        wrong("8011", "0", "1 to 12 digits (no leading zero)");
        wrong("8011", "012", "no leading zero");
        wrong("11", "26O230", r#"(11) "26O230" should be 6 digits (a date, YYMMDD"#);
        wrong("8006", "095060001343520302", "piece and total");
        wrong("8003", "19506000134352", "1 digit (zero), then 13 digits");
        wrong("8013", "1987654Ad4X4bL5ttr2310cXK", "(8013) GMN 1987654Ad4X4bL5ttr2310cXK ends in");
    }

    #[test]
    fn a_day_or_time_that_does_not_exist_is_said_to_be_none() {
        let says = |code: &str, value: &str| Ai::find(code).unwrap().check(code, value).unwrap_err().to_string();
        assert_eq!(
            says("17", "391332"),
            r#"(17) "391332" is no date: there is no month 13 (YYMMDD, or YYMM00 for a month)"#
        );
        for (code, value, words) in [
            ("17", "260001", "there is no month 00 "),
            ("17", "260432", "there is no day 32 in month 04 "),
            ("11", "250229", "there is no 29 February in the year 25 "),
            ("15", "240230", "there is no day 30 in month 02 "),
            ("7003", "2600000000", "is no date: there is no month 00 (YYMMDD)"),
            ("7003", "2601000000", "is no date: there is no day 00 in month 01 (YYMMDD)"),
            ("7003", "2601012400", r#"(7003) "2601012400" is no time: there is no hour 24 (HHMM)"#),
            ("7003", "2601012360", "there is no minute 60 (HHMM)"),
            ("7250", "19000229", "there is no 29 February in the year 1900 (YYYYMMDD)"),
            ("8008", "26010124", "there is no hour 24 (HH)"),
            ("8008", "2601012360", "there is no minute or second 60 (00 to 59)"),
        ] {
            assert!(says(code, value).contains(words), "{}", says(code, value));
        }
    }

    #[test]
    fn a_grai_without_its_zero_is_told_where_it_goes() {
        let says = |value: &str| Ai::find("8003").unwrap().check("8003", value).unwrap_err().to_string();
        assert_eq!(
            says("9521565500176"),
            "(8003) \"9521565500176\": after (8003) comes a 0, then the 13 digits of the GRAI; if that is 9521565500176, write \
             (8003)09521565500176"
        );
        // With a company prefix that begins with 0, the serial's first digit would be taken for the check digit.
        for serial in ["200", "2AB"] {
            let said = says(&format!("0952156550017{serial}"));
            assert!(said.contains(&format!("if that is 0952156550017, write (8003)00952156550017{serial};")), "{said}");
            assert!(said.ends_with("; if it is 9521565500172, its check digit is 6, not 2"), "{said}");
        }
        assert_eq!(says("09521565500184"), "(8003) GRAI 9521565500184 has check digit 4, it should be 3");
        assert!(says("9521565500172").contains("1 digit (zero), then 13 digits"));
    }

    #[test]
    fn dates_know_leap_years() {
        for (rule, good) in [(PartRule::Date, "240229"), (PartRule::Date, "000229"), (PartRule::LongDate, "20000229")] {
            assert!(rule.accepts(good), "{good}");
        }
        for (rule, bad) in [
            (PartRule::Date, "250229"),
            (PartRule::LongDate, "19000229"),
            (PartRule::Date, "261300"),
            (PartRule::DateOrMonth, "260000"),
        ] {
            assert!(!rule.accepts(bad), "{bad}");
        }
    }
}
