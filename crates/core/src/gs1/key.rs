//! The AIs that identify something, and what may qualify them (GS1 Digital Link URI Syntax §4.4, §4.5).

use super::company_prefix::CompanyPrefix;
use super::id::IdKind;

/// A primary key of GS1 Digital Link.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub ai: &'static str,
    /// Its name in the path of early Digital Links.
    alias: &'static str,
    /// What it identifies without a qualifier.
    pub kind: IdKind,
    /// The qualifiers that may follow in a path: some of one list, in its order.
    pub sequences: &'static [&'static [&'static str]],
    /// The qualifiers that make another id, the most particular first; others are dropped from the canonical form.
    pub identifying: &'static [&'static str],
    /// A qualifier without which the key identifies nothing.
    pub required: Option<&'static str>,
    /// Where its company prefix begins: after an indicator, an extension digit or a fixed zero.
    prefix_start: usize,
    /// Where the digits end that a company prefix can reach into; `None` where the rest is free text.
    prefix_end: Option<usize>,
}

impl Key {
    pub fn find(ai: &str) -> Option<&'static Self> {
        KEYS.into_iter().find(|key| key.ai == ai)
    }

    /// The key's number in records that a node keeps, below 16: its place in the table.
    pub fn number(&self) -> u8 {
        let place = KEYS.into_iter().position(|key| key.ai == self.ai);
        place.map_or(u8::MAX, |place| place as u8)
    }

    /// The key with a [`Key::number`].
    pub fn numbered(number: u8) -> Option<&'static Self> {
        KEYS.get(usize::from(number)).copied()
    }

    /// Finds a key by its AI or its early name, as a path segment.
    pub fn find_segment(segment: &str) -> Option<&'static Self> {
        KEYS.into_iter().find(|key| key.ai == segment || key.alias == segment)
    }

    /// True where only four digits tell a value of this key from any other text.
    pub fn is_free_text(&self) -> bool {
        self.prefix_end.is_none()
    }

    /// Finds one of this key's qualifiers by its AI or its early name.
    pub fn qualifier(&self, segment: &str) -> Option<&'static str> {
        let named = QUALIFIERS.iter().find(|(ai, alias)| *ai == segment || *alias == segment).map(|(ai, _)| *ai)?;
        self.sequences.iter().any(|sequence| sequence.contains(&named)).then_some(named)
    }

    /// Tells whether these qualifiers, in this order, may follow the key in a path.
    pub fn takes(&self, qualifiers: &[&str]) -> bool {
        self.sequences.iter().any(|sequence| {
            let mut allowed = sequence.iter();
            qualifiers.iter().all(|qualifier| allowed.any(|ai| ai == qualifier))
        })
    }

    /// The digits of a value of this key that a company prefix can be the beginning of.
    pub fn prefix_digits<'a>(&self, value: &'a str) -> Option<&'a str> {
        self.reach(value).filter(|_| !self.is_gtin_8(value))
    }

    /// What a company prefix could reach into, if the value holds one.
    pub fn reach<'a>(&self, value: &'a str) -> Option<&'a str> {
        value.get(self.prefix_start..self.prefix_end.unwrap_or(value.len()))
    }

    /// Tells whether a value is a GTIN-8, whatever its indicator. It holds no company prefix; padded, it is known by zeros with
    /// which no prefix begins.
    pub fn is_gtin_8(&self, value: &str) -> bool {
        let begins = self.reach(value).is_some_and(|digits| digits.starts_with(CompanyPrefix::NONE));
        matches!(self.ai, "01" | "8006") && begins
    }

    /// What may follow the key, in words.
    pub fn allowed(&self) -> String {
        let lists: Vec<String> = self.sequences.iter().map(|sequence| sequence.join(", ")).collect();
        if lists.is_empty() { "nothing".to_owned() } else { format!("{} in this order", lists.join(" or else ")) }
    }
}

/// Qualifiers with their names in the path of early Digital Links.
const QUALIFIERS: [(&str, &str); 9] = [
    ("22", "cpv"),
    ("10", "lot"),
    ("21", "ser"),
    ("235", "tpx"),
    ("254", "glnx"),
    ("7040", "uic"),
    ("8011", "cpsn"),
    ("8019", "srin"),
    ("8020", "refno"),
];

const PLAIN: Key = Key {
    ai: "",
    alias: "",
    kind: IdKind::Other,
    sequences: &[],
    identifying: &[],
    required: None,
    prefix_start: 0,
    prefix_end: None,
};

pub(super) static TRADE_ITEM: Key = Key {
    ai: "01",
    alias: "gtin",
    kind: IdKind::Class,
    sequences: &[&["22", "10", "21"], &["235"]],
    identifying: &["235", "21", "10"],
    prefix_start: 1,
    prefix_end: Some(13),
    ..PLAIN
};

pub(super) static LOGISTIC_UNIT: Key =
    Key { ai: "00", alias: "sscc", kind: IdKind::LogisticUnit, prefix_start: 1, prefix_end: Some(17), ..PLAIN };

pub(super) static LOCATION: Key = Key {
    ai: "414",
    alias: "gln",
    kind: IdKind::Location,
    // The unique identification code 7040 names the issuer of a tobacco facility's code, not another facility.
    sequences: &[&["254"], &["7040"]],
    identifying: &["254"],
    prefix_end: Some(12),
    ..PLAIN
};

pub(super) static PARTY: Key =
    Key { ai: "417", alias: "party", kind: IdKind::Party, sequences: &[&["7040"]], prefix_end: Some(12), ..PLAIN };

/// Records number the keys by their places here, so a change of the order is a new version of those.
static KEYS: [&Key; 16] = [
    &TRADE_ITEM,
    &LOGISTIC_UNIT,
    &LOCATION,
    &PARTY,
    &Key { ai: "8003", alias: "grai", kind: IdKind::ReturnableAsset, prefix_start: 1, prefix_end: Some(13), ..PLAIN },
    &Key { ai: "8004", alias: "giai", kind: IdKind::IndividualAsset, sequences: &[&["7040"]], ..PLAIN },
    &Key { ai: "253", alias: "gdti", kind: IdKind::Document, prefix_end: Some(12), ..PLAIN },
    &Key { ai: "255", alias: "gcn", kind: IdKind::Coupon, prefix_end: Some(12), ..PLAIN },
    &Key {
        ai: "8017",
        alias: "gsrnp",
        kind: IdKind::ServiceRelation,
        sequences: &[&["8019"]],
        identifying: &["8019"],
        prefix_end: Some(17),
        ..PLAIN
    },
    &Key {
        ai: "8018",
        alias: "gsrn",
        kind: IdKind::ServiceRelation,
        sequences: &[&["8019"]],
        identifying: &["8019"],
        prefix_end: Some(17),
        ..PLAIN
    },
    &Key {
        ai: "8010",
        alias: "cpid",
        kind: IdKind::Component,
        sequences: &[&["8011"]],
        identifying: &["8011"],
        ..PLAIN
    },
    &Key {
        ai: "8006",
        alias: "itip",
        kind: IdKind::Piece,
        sequences: &[&["22", "10", "21"]],
        identifying: &["21", "10"],
        prefix_start: 1,
        prefix_end: Some(13),
        ..PLAIN
    },
    &Key { ai: "401", alias: "ginc", kind: IdKind::Consignment, ..PLAIN },
    &Key { ai: "402", alias: "gsin", kind: IdKind::Shipment, prefix_end: Some(16), ..PLAIN },
    &Key {
        ai: "415",
        alias: "payTo",
        kind: IdKind::PaymentSlip,
        sequences: &[&["8020"]],
        identifying: &["8020"],
        required: Some("8020"),
        prefix_end: Some(12),
        ..PLAIN
    },
    &Key { ai: "8013", alias: "gmn", kind: IdKind::Model, ..PLAIN },
];
