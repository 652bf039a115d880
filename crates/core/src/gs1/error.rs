//! What can be wrong with an identifier.

/// Longest piece of someone's text that an error repeats, in characters.
const QUOTED_CHARS_MAX: usize = 80;

/// Why a text is no identifier, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("no identifier: the text is empty")]
    Empty,
    #[error("an identifier has at most {max} characters, this has {chars}")]
    TooLong { chars: usize, max: usize },
    /// RFC 3986 does not allow the text as an absolute URI.
    #[error("{found:?} is no absolute URI: {fault}")]
    Uri { found: String, fault: String },
    /// A value whose length or characters are not those of its kind.
    #[error("{what} {found:?} should be {expected}")]
    Value { what: String, found: String, expected: String },
    #[error("{what} {value} has check digit {found}, it should be {expected}")]
    CheckDigit { what: String, value: String, found: char, expected: char },
    #[error("{what} {value} ends in the check characters {found}, they should be {expected}")]
    CheckPair { what: String, value: String, found: String, expected: String },
    /// Digits that name no day or no time of day.
    #[error("({ai}) {found:?} is no {noun}: there is no {fault} ({format})")]
    Moment { ai: String, found: String, noun: &'static str, fault: String, format: &'static str },
    /// A GRAI without the 0 that fills its number up to 14 digits. `otherwise` says what is wrong if the digits are another GRAI.
    #[error(
        "({ai}) {found:?}: after ({ai}) comes a 0, then the 13 digits of the {what}; if that is {digits}, write ({ai})0{found}\
         {otherwise}"
    )]
    LeadingZero { ai: String, what: &'static str, digits: String, found: String, otherwise: String },
    #[error("{found:?} is no GS1 application identifier")]
    UnknownAi { found: String },
    #[error("{found:?} holds no GS1 key that identifies something, such as (01) GTIN, (00) SSCC or (414) GLN")]
    NoKey { found: String },
    /// A Digital Link path goes on after its key with something that the key does not take there.
    #[error("{found:?} cannot follow ({key}) in a Digital Link; it takes {allowed}")]
    Qualifier { key: &'static str, found: String, allowed: String },
    #[error("({key}) identifies nothing without ({needed})")]
    Missing { key: &'static str, needed: &'static str },
    #[error("({ai}) stands twice, as {first:?} and as {second:?}")]
    Repeated { ai: String, first: String, second: String },
    #[error("({first}) and ({second}) exclude each other")]
    Exclusive { first: &'static str, second: &'static str },
    #[error("{found:?} is no compressed GS1 Digital Link: {fault}")]
    Compressed { found: String, fault: &'static str },
    #[error("{found:?} is no EPC URN: {expected}")]
    Epc { found: String, expected: String },
    #[error("{found:?} is not the canonical form, which is {canonical}")]
    NotCanonical { found: String, canonical: String },
    /// Attributes of a document's label that are none, or belong to the id.
    #[error("({found}) is not what a label says beside this id")]
    NotLabel { found: String },
    #[error("{found:?} is no GS1 company prefix: that is 4 to 12 digits")]
    CompanyPrefix { found: String },
    #[error(
        "{found:?} covers nothing as a GS1 company prefix: five zeros stand before a GTIN-8, which holds none; claim the GTIN-8 \
         itself, as a single key"
    )]
    PrefixOfNothing { found: String },
    #[error(
        "{found:?} is no single GS1 key to claim: that is a GTIN without a serial or lot, such as 96385074, or a GLN without \
         an extension, such as (414)9506000134369"
    )]
    SingleKey { found: String },
    /// Digits alone that are no GTIN.
    #[error("{found:?} is {count} digits and no more: {hint}")]
    Digits { found: String, count: usize, hint: String },
}

/// Shortens `text` to what an error may repeat.
pub(super) fn quote(text: &str) -> String {
    text.chars().take(QUOTED_CHARS_MAX).collect()
}
