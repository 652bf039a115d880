//! What a code says beside the id: the lot and the dates that are printed on a package.
//!
//! They identify nothing, so that they are no part of an [`Id`]; but a copied serial often stands on a label with another
//! lot or a later date. So whoever asks about a product asks with its label.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::ai::{Ai, days_in};
use super::element_string::{self, Element};
use super::error::{IdError, quote};
use super::id::{Id, IdKind, check_length};
use super::key::TRADE_ITEM;
use super::typed::{self, TypedRefusal};
use super::uri::Uri;
use super::{digital_link, id};

/// The attributes of a label, by their application identifiers (GS1 General Specifications §3.4, §3.5).
///
/// Only what has a GTIN has a label: on a pallet these attributes speak of what is inside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Label(BTreeMap<&'static str, String>);

/// An id with what its code says beside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    pub id: Id,
    pub label: Label,
}

impl Label {
    /// Lot, production, best before, sell by and expiry date, consumer product variant, the serial of a third party (TPX),
    /// and the time of expiry; in the order of their digits.
    pub const AIS: [&'static str; 8] = ["10", "11", "15", "16", "17", "22", "235", "7003"];

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of an AI, as the code holds it.
    pub fn get(&self, ai: &str) -> Option<&str> {
        self.0.get(ai).map(String::as_str)
    }

    /// AIs and values, in the order of the AIs' digits.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(ai, value)| (*ai, value.as_str()))
    }

    /// The label as a map, as documents have it.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        self.iter().map(|(ai, value)| (ai.to_owned(), value.to_owned())).collect()
    }

    /// The day that an AI gives, `YYYY-MM-DD`, for a reader in `year`; `None` where it is not on the label or is no date.
    ///
    /// YY is the year within 50 before and 49 after `year`. DD 00 is the month's last day. Of a time (7003) the day counts.
    pub fn day(&self, ai: &str, year: i32) -> Option<String> {
        let digits = self.get(ai).filter(|_| !matches!(ai, "10" | "22" | "235"))?;
        let number = |from: usize| digits.get(from..from + 2)?.parse::<u16>().ok();
        let (short, month, day) = (number(0)?, number(2)?, number(4)?);
        let first = year - 50;
        let full = first + (i32::from(short) - first).rem_euclid(100);
        let day = if day == 0 { days_in(u16::try_from(full).ok()?, month) } else { day };
        Some(format!("{full:04}-{month:02}-{day:02}"))
    }

    /// The element string for people, such as `(10)L8(17)261231`.
    pub fn element_string(&self) -> String {
        self.iter().map(|(ai, value)| element_string::bracket(ai, value)).collect()
    }

    /// The attributes as a query, such as `10=L8&17=261231`; empty where there is none.
    pub fn query(&self) -> String {
        let encode = |value| utf8_percent_encode(value, NON_ALPHANUMERIC);
        let pairs: Vec<String> = self.iter().map(|(ai, value)| format!("{ai}={}", encode(value))).collect();
        pairs.join("&")
    }
}

impl Question {
    /// Reads what [`Id::parse`] reads, with what stands beside the id: the other elements of an element string; the
    /// qualifiers of a Digital Link and the keys of its query that are application identifiers.
    ///
    /// # Errors
    ///
    /// Those of [`Id::parse`]; an attribute that is not of the form of its AI, or that stands twice with two values.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        check_length(text)?;
        if let Some(elements) = element_string::read_scan(text)? {
            let pairs = elements.elements().iter().map(|Element { ai, value }| (ai.clone(), value.clone()));
            return Self::beside(elements.id()?, pairs);
        }
        let text = without_slash(element_string::without_symbology(text));
        let id = Id::parse_uri(&text)?;
        let uri = Uri::parse(&text)?;
        let pairs = if uri.is_http() { digital_link::attributes(&uri)? } else { Vec::new() };
        Self::beside(id, pairs)
    }

    /// Reads what people type and paste, and what hand scanners send.
    ///
    /// That is what [`Question::parse`] reads, and beyond it: numbers with spaces, hyphens and line breaks in them; `[01]`
    /// for `(01)`; full-width characters; a GTIN of 8, 12 or 13 digits with a serial; the words of labels, such as `GTIN: …
    /// SN: …`; a link without its scheme. No letter changes its case.
    ///
    /// # Errors
    ///
    /// One sentence about what was typed. A code that is known to be no product's, such as a Wi-Fi network's, is refused
    /// without a word of what it holds.
    pub fn read_typed(text: &str) -> Result<Self, TypedRefusal> {
        typed::Reading::of(text).map(|reading| reading.asked)
    }

    /// An id with the attributes of a document.
    ///
    /// # Errors
    ///
    /// An AI that is none of a label or belongs to the id, or a value that is not of its form.
    pub fn of_document(id: Id, label: &BTreeMap<String, String>) -> Result<Self, IdError> {
        let mut question = Self::from(id);
        for (ai, value) in label {
            question = question.with(ai, value)?;
        }
        if question.label.to_map() == *label {
            return Ok(question);
        }
        Err(IdError::NotLabel { found: quote(&label.keys().cloned().collect::<Vec<_>>().join(", ")) })
    }

    /// Adds what the label says beside.
    ///
    /// # Errors
    ///
    /// A value that is not of the form of its AI, and another one than is there.
    pub fn with(self, ai: &str, value: &str) -> Result<Self, IdError> {
        let known = Ai::find(ai).ok_or_else(|| IdError::UnknownAi { found: quote(ai) })?;
        known.check(ai, value)?;
        let pairs: Vec<_> = self.label.to_map().into_iter().chain([(ai.to_owned(), value.to_owned())]).collect();
        Self::beside(self.id, pairs)
    }

    /// Takes of checked AIs and values those of a label that are no part of the id.
    fn beside(id: Id, pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, IdError> {
        let mut label = BTreeMap::new();
        let own = |ai: &str| id.gs1().and_then(|gs1| gs1.qualifier.as_ref()).filter(|(own, _)| *own == ai);
        for (ai, value) in pairs {
            let Some(known) = Label::AIS.into_iter().find(|known| *known == ai && id.gtin().is_some()) else {
                continue;
            };
            let first = own(known).map(|(_, value)| value.clone()).or_else(|| label.get(known).cloned());
            if let Some(first) = first.as_ref().filter(|first| **first != value) {
                return Err(IdError::Repeated { ai, first: first.clone(), second: value });
            }
            if own(known).is_none() {
                label.insert(known, value);
            }
        }
        // A GTIN with a lot is that lot, wherever its number stands.
        let lot = if id.kind() == IdKind::Class { label.remove("10") } else { None };
        let id = match (lot, id.gs1()) {
            (Some(number), Some(gs1)) => Id::from_parts(&TRADE_ITEM, &gs1.value, &[("10", &number)])?,
            _ => id,
        };
        Ok(Self { id, label: Label(label) })
    }

    /// The lot that the label says the item is of.
    pub fn lot(&self) -> Option<Id> {
        self.id.lot(self.label.get("10")?)
    }

    /// The id with what it is one of, the most particular first: an item, its lot if the label has it, its class; a part of a place, the
    /// place.
    pub fn levels(&self) -> Vec<Id> {
        let mut levels = vec![self.id.clone()];
        levels.extend(self.lot());
        let path = self.id.path().unwrap_or_default();
        // `/01/{gtin}` of `/01/{gtin}/21/{serial}`.
        let key: String = path.split('/').take(3).collect::<Vec<_>>().join("/");
        let whole = (key != path).then(|| Id::parse_uri(&format!("https://id.gs1.org{key}")).ok()).flatten();
        levels.extend(whole);
        levels
    }

    /// A Digital Link that [`Question::parse`] reads back, with the label in its query.
    pub fn to_uri(&self) -> String {
        if self.label.is_empty() { self.id.to_string() } else { format!("{}?{}", self.id, self.label.query()) }
    }
}

/// A Digital Link without the `/` at the end of its path, which a resolver tolerates (GS1-Conformant resolver standard §7) and an EPC
/// never has; any other text as it is.
fn without_slash(text: &str) -> Cow<'_, str> {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let Some((path, rest)) = text.split_at_checked(end) else { return Cow::Borrowed(text) };
    let Some(path) = path.strip_suffix('/').filter(|_| Uri::parse(text).is_ok_and(|uri| uri.is_http())) else {
        return Cow::Borrowed(text);
    };
    let without = format!("{path}{rest}");
    // What is wrong with the number is told of the number.
    match Id::parse_uri(&without) {
        Ok(id) if !id.is_gs1() => Cow::Borrowed(text),
        _ => Cow::Owned(without),
    }
}

impl From<Id> for Question {
    fn from(id: Id) -> Self {
        Self { id, label: Label::default() }
    }
}

impl From<&Id> for Question {
    fn from(id: &Id) -> Self {
        id.clone().into()
    }
}

impl From<&Question> for Question {
    fn from(question: &Question) -> Self {
        question.clone()
    }
}

/// The lot that a Digital Link has beside an item's serial, where it has one: `L8` of `…/10/L8/21/S8`.
pub(crate) fn lot_beside(text: &str) -> Option<String> {
    // Most have none. What is percent-encoded may be anything.
    if !["10", "lot", "%"].iter().any(|part| text.contains(part)) {
        return None;
    }
    let uri = Uri::parse(text).ok().filter(Uri::is_http)?;
    let item = id::Id::parse_uri(text).ok().filter(|id| id.kind() == IdKind::Item)?;
    let mut qualifiers = digital_link::qualifiers(&uri).into_iter();
    let (_, number) = qualifiers.find(|(ai, _)| ai == "10")?;
    item.lot(&number).map(|_| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let told = |question: Question| format!("{} {}", question.id, question.label.element_string());
        Question::parse(text).map_or_else(|error| error.to_string(), told)
    }

    const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/S8";

    #[test]
    fn one_label_whatever_the_carrier() {
        for text in [
            "(01)09506000134352(10)L8(17)261231(21)S8",
            "]d2010950600013435217261231\u{1d}10L8\u{1d}21S8",
            "010950600013435217261231 10L8\u{1d}21S8".replace(' ', "").as_str(),
            "https://shop.example/01/09506000134352/10/L8/21/S8?17=261231&lang=ko",
            "https://id.gs1.org/gtin/9506000134352/lot/L8/ser/S8?linkType=all&17=261231",
            "https://id.gs1.org/01/09506000134352/21/S8?10=L8&17=261231#x",
            "https://id.gs1.org/01/09506000134352/10/%4C8/21/S8?1%37=%3261231&10=L8",
        ] {
            assert_eq!(read(text), format!("{ITEM} (10)L8(17)261231"), "{text}");
        }
        let all = "(01)09506000134352(21)S8(22)2A(10)L8(11)260101(15)260501(16)260502(17)260503(7003)2605031200";
        assert_eq!(read(all), format!("{ITEM} (10)L8(11)260101(15)260501(16)260502(17)260503(22)2A(7003)2605031200"));
        let question = Question::parse(all).unwrap();
        assert_eq!(Question::parse(&question.to_uri()), Ok(question.clone()));
        assert_eq!(Question::of_document(question.id.clone(), &question.label.to_map()), Ok(question));
    }

    #[test]
    fn what_belongs_to_the_id_or_to_no_label_is_left_out() {
        assert_eq!(read("(01)09506000134352(21)S8(3103)000195"), format!("{ITEM} "));
        assert_eq!(read("(01)09506000134352(10)L8(17)261231"), "https://id.gs1.org/01/09506000134352/10/L8 (17)261231");
        assert_eq!(read("https://a.example/01/09506000134352?10=L8"), "https://id.gs1.org/01/09506000134352/10/L8 ");
        assert_eq!(read("(01)09506000134352(235)T1"), "https://id.gs1.org/01/09506000134352/235/T1 ");
        assert_eq!(read("(00)195060001343500016(10)L8(17)261231"), "https://id.gs1.org/00/195060001343500016 ");
        assert_eq!(read("urn:epc:id:sgtin:9506000.013435.S8"), format!("{ITEM} "));
        assert_eq!(read("https://a.example/x?17=9"), "https://a.example/x?17=9 ");
    }

    #[test]
    fn a_wrong_attribute_is_named() {
        for (text, words) in [
            ("(01)09506000134352(21)S8(17)261331", "(17) \"261331\" is no date: there is no month 13"),
            ("https://a.example/01/09506000134352/21/S8?17=261331", "(17) \"261331\" is no date: there is no month 13"),
            (
                "https://a.example/01/09506000134352/21/S8?7003=2612312460",
                "(7003) \"2612312460\" is no time: there is no hour 24",
            ),
            ("https://a.example/01/09506000134352/21/S8?10=", "(10) \"\" should be"),
            ("https://a.example/01/09506000134352/21/S8?02=09506000134353", "has check digit 3, it should be 2"),
            ("https://a.example/01/09506000134352/10/L8/21/S8?10=L9", "(10) stands twice, as \"L8\" and as \"L9\""),
            ("https://a.example/01/09506000134352/21/S8?17=261231&17=270101", "(17) stands twice"),
        ] {
            assert!(read(text).contains(words), "{text}: {}", read(text));
        }
        let question = Question::parse(ITEM).unwrap();
        assert!(question.clone().with("15", "260230").unwrap_err().to_string().contains("(15)"));
        let one = |ai: &str| BTreeMap::from([(ai.to_owned(), "1".to_owned())]);
        assert!(matches!(Question::of_document(question.id.clone(), &one("90")), Err(IdError::NotLabel { .. })));
        assert!(Question::of_document(question.id, &one("17")).is_err());
    }

    #[test]
    fn a_year_of_two_digits_is_near_the_readers() {
        let label = |text: &str| Question::parse(&format!("(01)09506000134352(17){text}")).unwrap().label;
        let day = |text: &str| label(text).day("17", 2026);
        assert_eq!(day("261231").as_deref(), Some("2026-12-31"));
        assert_eq!(day("750101").as_deref(), Some("2075-01-01"), "49 years after");
        assert_eq!(day("760101").as_deref(), Some("1976-01-01"), "50 years before");
        assert_eq!(day("270200").as_deref(), Some("2027-02-28"));
        assert_eq!(day("280200").as_deref(), Some("2028-02-29"));
        assert_eq!(label("261231").day("15", 2026), None);
        let time = Question::parse("(01)09506000134352(7003)2612312359").unwrap().label;
        assert_eq!(time.day("7003", 2026).as_deref(), Some("2026-12-31"));
        assert_eq!(Question::parse("(01)09506000134352(21)S(10)261231").unwrap().label.day("10", 2026), None);
    }

    #[test]
    fn a_slash_at_the_end_of_a_digital_link_counts_for_nothing() {
        let read = |text: &str| Question::parse(text).map(|question| question.to_uri());
        for (text, uri) in [
            ("https://shop.example/01/09506000134352/21/S8/", "https://id.gs1.org/01/09506000134352/21/S8"),
            (
                "https://id.gs1.org/01/09506000134352/21/S8/?17=261231",
                "https://id.gs1.org/01/09506000134352/21/S8?17=261231",
            ),
            ("http://shop.example/a/", "http://shop.example/a/"),
            ("https://shop.example/", "https://shop.example/"),
            ("urn:example:a/", "urn:example:a/"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(uri), "{text}");
        }
        for wrong in ["https://id.gs1.org/01/09506000134352/21/S8//", "https://id.gs1.org/01/09506000134353/21/S8/"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(Id::parse_uri("https://id.gs1.org/01/09506000134352/21/S8/").is_err(), "an EPC has none");
    }

    #[test]
    fn a_lot_beside_a_serial_is_found() {
        let lot = |text| lot_beside(text);
        assert_eq!(lot("https://a.example/01/09506000134352/10/L8/21/S8").as_deref(), Some("L8"));
        assert_eq!(lot("https://a.example/01/09506000134352/%6Cot/L%2F8/21/S8").as_deref(), Some("L/8"));
        assert_eq!(lot("https://a.example/01/09506000134352/21/10"), None);
        assert_eq!(lot("https://a.example/01/09506000134352/10/L8"), None);
        assert_eq!(lot("https://a.example/01/09506000134352/21/S8?10=L8"), None);
        assert_eq!(lot("urn:epc:id:sgtin:9506000.013435.10"), None);
    }
}
