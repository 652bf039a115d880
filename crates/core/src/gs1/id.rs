//! The canonical id: what the index, the rights and the verdict compare.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ai::Ai;
use super::element_string;
use super::error::{IdError, quote};
use super::key::Key;
use super::number::Gtin;
use super::uri::Uri;
use super::{CompanyPrefix, digital_link, epc, typed};
use crate::limits::ID_CHARS_MAX;

/// Where canonical Digital Link URIs live.
pub(super) const CANONICAL_DOMAIN: &str = "https://id.gs1.org";

/// Two AIs of four digits at the most, in slashes.
const AI_SEGMENTS_CHARS_MAX: usize = 12;

/// Everything but the unreserved characters of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An identifier in its one canonical text.
///
/// That is a GS1 Digital Link URI under `https://id.gs1.org` with only what identifies (a serial without its lot), or
/// another absolute URI byte for byte. Cheap to clone.
#[derive(Clone)]
pub struct Id(Arc<Inner>);

struct Inner {
    text: String,
    kind: IdKind,
    gs1: Option<Gs1>,
}

/// A GS1 key and its values, decoded.
pub(super) struct Gs1 {
    pub key: &'static Key,
    pub value: String,
    /// The qualifier that makes this id another than the key's own.
    pub qualifier: Option<(&'static str, String)>,
}

/// What an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdKind {
    /// A GTIN (01): all items of one kind.
    Class,
    /// A GTIN with a lot (01, 10).
    Lot,
    /// A GTIN with a serial (01, 21), or a tobacco unit packet's TPX (01, 235; the EPC scheme calls it UPUI).
    Item,
    /// An SSCC (00).
    LogisticUnit,
    /// A GLN of a place (414), perhaps with its extension (254).
    Location,
    /// A GLN of a party (417).
    Party,
    /// A GRAI (8003), with or without a serial.
    ReturnableAsset,
    /// A GIAI (8004).
    IndividualAsset,
    /// A GDTI (253), with or without a serial.
    Document,
    /// A GCN (255), with or without a serial.
    Coupon,
    /// A GSRN of a provider (8017) or a recipient (8018), perhaps with its instance (8019).
    ServiceRelation,
    /// A CPID (8010), perhaps with its serial (8011).
    Component,
    /// A piece of a trade item (8006), perhaps with its lot (10) or serial (21).
    Piece,
    /// A GINC (401).
    Consignment,
    /// A GSIN (402).
    Shipment,
    /// The GLN of an invoicing party (415) with its payment reference (8020).
    PaymentSlip,
    /// A GMN (8013).
    Model,
    /// Another absolute URI.
    Other,
}

impl Id {
    /// Reads a GS1 Digital Link URI of any domain, an EPC URN, or another absolute URI, which stands as it is.
    ///
    /// An http URI of another domain than `id.gs1.org` is a Digital Link when its path holds a primary key whose value
    /// has the right shape; from then on a wrong check digit or qualifier is an error. Queries and fragments of
    /// Digital Links are dropped.
    pub fn parse_uri(text: &str) -> Result<Self, IdError> {
        check_length(text)?;
        let uri = Uri::parse(text)?;
        let gs1 = if uri.is_http() { digital_link::read(&uri)? } else { epc::read(text, &uri)? };
        match gs1 {
            Some(gs1) => Ok(Self::from_gs1(gs1)),
            None => Ok(Self(Arc::new(Inner { text: text.to_owned(), kind: IdKind::Other, gs1: None }))),
        }
    }

    /// Reads what [`Id::parse_uri`] reads, and what people type and scanners send.
    ///
    /// That is a bracketed element string `(01)…(21)…`, a plain one with FNC1 as `\x1d`, either with a symbology
    /// identifier before it, and the bare 8, 12, 13 or 14 digits of a GTIN. White space around it is no part of it.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        check_length(text)?;
        match element_string::read_scan(text)? {
            Some(elements) => elements.id(),
            None => Self::parse_uri(element_string::without_symbology(text)),
        }
    }

    /// Makes the id that a key with its qualifiers names, after checking every value.
    pub(super) fn from_parts(
        key: &'static Key,
        value: &str,
        qualifiers: &[(&'static str, &str)],
    ) -> Result<Self, IdError> {
        Gs1::new(key, value, qualifiers).map(Self::from_gs1)
    }

    /// Makes the id of a key that was checked before.
    pub(super) fn from_gs1(gs1: Gs1) -> Self {
        Self(Arc::new(Inner { text: gs1.to_uri(), kind: gs1.kind(), gs1: Some(gs1) }))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    pub fn kind(&self) -> IdKind {
        self.0.kind
    }

    /// True unless this is another URI.
    pub fn is_gs1(&self) -> bool {
        self.0.gs1.is_some()
    }

    /// The class of an item, a lot or a piece: the id of its GTIN alone. `None` for others, and for a class itself.
    pub fn class(&self) -> Option<Self> {
        let of_class = matches!(self.kind(), IdKind::Item | IdKind::Lot | IdKind::Piece);
        self.gtin().filter(|_| of_class).map(Gtin::id)
    }

    /// The GTIN of a class, a lot, an item or a piece.
    pub fn gtin(&self) -> Option<Gtin> {
        let gs1 = self.gs1().filter(|gs1| matches!(gs1.key.ai, "01" | "8006"))?;
        gs1.value.get(..14)?.parse().ok()
    }

    /// The trade item that a piece (8006) is a part of, or its lot: the GTIN with the piece's serial or lot. `None` for what is no
    /// piece, or one without either.
    pub fn whole(&self) -> Option<Self> {
        let gs1 = self.gs1().filter(|_| self.kind() == IdKind::Piece)?;
        let (ai, number) = gs1.qualifier.as_ref().filter(|(ai, _)| matches!(*ai, "10" | "21"))?;
        let (key, gtin) = (Key::find("01")?, self.gtin()?.to_string());
        Self::from_parts(key, &gtin, &[(ai, number)]).ok()
    }

    /// True for what carries other things: a logistic unit (00), or one returnable asset (8003).
    pub fn is_load(&self) -> bool {
        matches!(self.kind(), IdKind::LogisticUnit | IdKind::ReturnableAsset) && !self.is_class_level()
    }

    /// What makes this id another than its key's own, such as the serial of an item: its AI and its value.
    pub fn qualifier(&self) -> Option<(&'static str, &str)> {
        self.gs1()?.qualifier.as_ref().map(|(ai, value)| (*ai, value.as_str()))
    }

    /// The lot of this number under an item's GTIN; `None` where this is no item with a GTIN, or no AI 10 has that value.
    pub fn lot(&self, number: &str) -> Option<Self> {
        let gs1 = self.gs1().filter(|gs1| gs1.key.ai == "01" && self.kind() == IdKind::Item)?;
        Self::from_parts(gs1.key, &gs1.value, &[("10", number)]).ok()
    }

    /// The digits that a company prefix of this id could be the beginning of; `None` for what no prefix covers. They end
    /// where a key goes on with other characters.
    pub fn prefix_digits(&self) -> Option<&str> {
        let gs1 = self.gs1()?;
        let digits = gs1.key.prefix_digits(&gs1.value)?;
        let end = digits.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
        digits.get(..end)
    }

    /// The texts of digits under which the ledger names a claim that could be about this id: those of the company prefixes
    /// that could cover it, the shortest first. The longest is that of a single key too; a GTIN-8 has no other.
    pub fn claim_digits(&self) -> Vec<&str> {
        let of_prefixes = self
            .prefix_digits()
            .into_iter()
            .flat_map(|digits| CompanyPrefix::DIGITS.filter_map(move |length| digits.get(..length)));
        let of_gtin_8 =
            self.gs1().filter(|gs1| gs1.key.is_gtin_8(&gs1.value)).and_then(|gs1| gs1.key.reach(&gs1.value));
        of_prefixes.chain(of_gtin_8).collect()
    }

    /// The AI of the primary key, such as `01`.
    pub fn gs1_ai(&self) -> Option<&'static str> {
        self.gs1().map(|gs1| gs1.key.ai)
    }

    /// The digits of a place's or party's GLN, where it has no extension.
    pub fn gln(&self) -> Option<&str> {
        let gs1 = self.gs1().filter(|gs1| matches!(gs1.key.ai, "414" | "417") && gs1.qualifier.is_none())?;
        Some(&gs1.value)
    }

    /// The primary key's value, decoded, such as `09506000134352`.
    pub fn gs1_key(&self) -> Option<&str> {
        self.gs1().map(|gs1| gs1.value.as_str())
    }

    /// True for what stands for many objects (a class, a lot, an asset type and so on), so that events give it as a
    /// quantity's class, not as an EPC. False for others, and for URIs that are not GS1's, which do not say.
    pub fn is_class_level(&self) -> bool {
        let Some(gs1) = self.gs1() else { return false };
        let serial = gs1.qualifier.as_ref().map(|(ai, _)| *ai);
        match gs1.key.kind {
            IdKind::Class | IdKind::Piece | IdKind::Component => !matches!(serial, Some("21" | "235" | "8011")),
            IdKind::ReturnableAsset => gs1.value.len() == 14,
            IdKind::Document | IdKind::Coupon => gs1.value.len() == 13,
            IdKind::Model => true,
            _ => false,
        }
    }

    /// The ids that differ from this one's serial or lot in the case of letters alone, which is another product's.
    pub fn other_cases(&self) -> Vec<Self> {
        typed::other_cases(self)
    }

    /// The Digital Link path, such as `/01/09506000134352/21/A1`, for use under another domain.
    pub fn path(&self) -> Option<&str> {
        self.gs1().and_then(|_| self.as_str().strip_prefix(CANONICAL_DOMAIN))
    }

    /// The bracketed element string for people, such as `(01)09506000134352(21)A1`; [`Id::parse`] reads it back.
    pub fn element_string(&self) -> Option<String> {
        let gs1 = self.gs1()?;
        let qualifier = gs1.qualifier.as_ref().map(|(ai, value)| (*ai, value.as_str()));
        let elements = [(gs1.key.ai, gs1.value.as_str())].into_iter().chain(qualifier);
        Some(elements.map(|(ai, value)| element_string::bracket(ai, value)).collect())
    }

    /// Writes the EPC URN, which tells where the company prefix ends. `None` where the key is not of that prefix, the
    /// prefix is not of the 6 to 12 digits that EPC schemes take, or there is no scheme for the id.
    pub fn epc_urn(&self, prefix: &CompanyPrefix) -> Option<String> {
        self.gs1().and_then(|gs1| epc::write(gs1, prefix))
    }

    pub(super) fn gs1(&self) -> Option<&Gs1> {
        self.0.gs1.as_ref()
    }
}

impl Gs1 {
    pub fn new(key: &'static Key, value: &str, qualifiers: &[(&'static str, &str)]) -> Result<Self, IdError> {
        check_value(key.ai, value)?;
        for (ai, value) in qualifiers {
            check_value(ai, value)?;
        }
        // The EPC scheme writes "no extension" of a GLN as 0 (GS1 EPC Tag Data Standard §6.3.3).
        let counts = |ai: &str, value: &str| !(ai == "254" && value == "0");
        let find = |ai: &&str| qualifiers.iter().find(|(found, value)| found == ai && counts(ai, value));
        let qualifier = key.identifying.iter().find_map(find).map(|(ai, value)| (*ai, (*value).to_owned()));
        match key.required {
            Some(needed) if qualifier.is_none() => Err(IdError::Missing { key: key.ai, needed }),
            _ => Ok(Self { key, value: value.to_owned(), qualifier }),
        }
    }

    fn kind(&self) -> IdKind {
        match (self.key.kind, &self.qualifier) {
            (IdKind::Class, Some(("10", _))) => IdKind::Lot,
            (IdKind::Class, Some(_)) => IdKind::Item,
            (kind, _) => kind,
        }
    }

    fn to_uri(&self) -> String {
        let qualifier = self.qualifier.as_ref().map(|(ai, value)| (*ai, value));
        let chars = self.value.len() + qualifier.map_or(0, |(_, value)| value.len());
        let mut text = String::with_capacity(CANONICAL_DOMAIN.len() + AI_SEGMENTS_CHARS_MAX + chars);
        text.push_str(CANONICAL_DOMAIN);
        for (ai, value) in [(self.key.ai, &self.value)].into_iter().chain(qualifier) {
            text.push('/');
            text.push_str(ai);
            text.push('/');
            text.extend(utf8_percent_encode(value, RESERVED));
        }
        text
    }
}

fn check_value(ai: &str, value: &str) -> Result<(), IdError> {
    Ai::find(ai).ok_or_else(|| IdError::UnknownAi { found: quote(ai) })?.check(ai, value)
}

/// Bounds the work on any text that is to be read.
pub(super) fn check_length(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    // Bytes bound characters, so that a long text is not counted to its end.
    if text.len() > ID_CHARS_MAX && text.chars().nth(ID_CHARS_MAX).is_some() {
        return Err(IdError::TooLong { chars: text.chars().count(), max: ID_CHARS_MAX });
    }
    Ok(())
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Id {}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl AsRef<str> for Id {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Id {
    /// Reads only canonical text: by bytes, two spellings of one id in stored data would be two ids.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = String::deserialize(deserializer)?;
        let id = Self::parse_uri(&found).map_err(serde::de::Error::custom)?;
        if id.as_str() == found {
            return Ok(id);
        }
        let canonical = id.to_string();
        Err(serde::de::Error::custom(IdError::NotCanonical { found: quote(&found), canonical }))
    }
}

mod codec;
#[cfg(test)]
mod tests;
