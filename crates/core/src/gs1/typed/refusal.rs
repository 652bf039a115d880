//! Why typed text names no product.

use std::fmt;

/// Characters of a visitor's text that a refusal repeats.
const QUOTED_CHARS_MAX: usize = 80;

/// One sentence about what was typed: what is wrong, where, and what would be right.
///
/// `web/messages.json` has the sentences in each language as `refused.` and the rule, filled in by `values`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedRefusal {
    pub rule: &'static str,
    /// Names and texts of what the sentence repeats.
    pub values: Vec<(&'static str, String)>,
}

impl TypedRefusal {
    /// Each rule with its English sentence, in which `{name}` stands for a value.
    pub const SENTENCES: [(&'static str, &'static str); 23] = [
        ("empty", "Nothing was typed: type the number of the product, or its link."),
        ("too-long", "This has more than {max} characters; the number or link of a product has fewer."),
        (
            "check-digit",
            "The number {number} has check digit {found}, it should be {expected}: compare its digits with the label.",
        ),
        (
            "digits",
            "“{text}” is {count} digits and no more: a GTIN has 8, 12, 13 or 14, an SSCC has 18 and stands as (00)…, a serial \
             stands behind its GTIN, as (01)…(21)….",
        ),
        ("gtin", "After (01) stands “{value}”: a GTIN of 8, 12, 13 or 14 digits belongs there."),
        (
            "date",
            "After ({ai}) stands “{value}”, which is no day that can be told: write 31 December 2026 as 261231 or 2026-12-31.",
        ),
        (
            "text",
            "After ({ai}) stands “{value}”: 1 to 20 letters of A to Z, digits and signs such as - . / _ belong there, without \
             accents.",
        ),
        (
            "value",
            "After ({ai}) stands “{value}”, which does not fit: its length, a character or its check digit is wrong.",
        ),
        (
            "unknown-ai",
            "({ai}) is no GS1 application identifier: a GTIN stands after (01), a serial after (21), a lot after (10), an \
             expiry date after (17).",
        ),
        ("no-key", "This holds no GS1 key, only {found}: the GTIN stands before it, as (01)09506000134352(21)A1."),
        ("twice", "({ai}) stands twice, as “{first}” and as “{second}”: leave out the wrong one."),
        ("together", "{found} cannot stand together in one number: leave out what does not belong to this product."),
        (
            "link",
            "The link “{text}” is not one of a product, or its number is wrong: such a link has /01/ and a GTIN in it, then \
             /21/ and the serial.",
        ),
        ("urn", "“{text}” is no right EPC URN: write one like urn:epc:id:sgtin:9506000.013435.A1."),
        (
            "scan",
            "“{text}” came from a scanner, and is no right GS1 element string: scan it again, or type it as (01)…(21)….",
        ),
        (
            "unclear",
            "In “{text}” it cannot be told where one part ends: put the application identifiers in brackets, as \
             (01)…(10)…(21)….",
        ),
        (
            "nothing",
            "“{text}” holds no number of a product: a GTIN has 8, 12, 13 or 14 digits, and the serial stands behind it, as \
             (01)…(21)….",
        ),
        ("kind.wifi", "This is the code of a Wi-Fi network, which may hold its password, and no product code."),
        ("kind.contact", "This is somebody’s contact card, and no product code."),
        ("kind.event", "This is an entry for a calendar, and no product code."),
        ("kind.message", "This is a code to call or to write to somebody, and no product code."),
        ("kind.payment", "This is a code to pay with, and no product code."),
        (
            "kind.secret",
            "This is a code to sign in or to set up a device with, which holds a secret, and no product code.",
        ),
    ];

    pub(super) fn new(rule: &'static str) -> Self {
        Self { rule, values: Vec::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.values.push((name, value.to_string().chars().take(QUOTED_CHARS_MAX).collect()));
        self
    }
}

impl fmt::Display for TypedRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = Self::SENTENCES.iter().find(|(rule, _)| *rule == self.rule).map_or("", |(_, sentence)| sentence);
        // What is filled in is text: a name in it is not filled in again.
        let mut rest = sentence;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, next) = after.split_once('}').unwrap_or((after, ""));
            let value = self.values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
            write!(f, "{before}{value}")?;
            rest = next;
        }
        f.write_str(rest)
    }
}

impl std::error::Error for TypedRefusal {}
