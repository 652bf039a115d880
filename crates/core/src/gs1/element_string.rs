//! Element strings: what barcodes hold and people type (GS1 General Specifications §4.14, §7.8).

use std::fmt;

use super::ai::Ai;
use super::error::{IdError, quote};
use super::id::{Id, check_length};
use super::key::Key;
use super::number::Gtin;

/// The separator that follows a value whose length is not predefined, as scanners transmit it.
const FNC1: char = '\x1d';

/// Symbology identifiers that announce a plain element string (GS1 General Specifications figure 5.1.2-1).
const GS1_SYMBOLOGIES: [&str; 5] = ["]C1", "]e0", "]d2", "]Q3", "]J1"];

/// The elements of one message, each checked against the format of its AI, in the order they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementString(Vec<Element>);

/// An application identifier and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    pub ai: String,
    pub value: String,
}

impl ElementString {
    /// Reads `(01)…(21)…` when the text begins with a bracket, else a plain element string with FNC1 as `\x1d`.
    ///
    /// In the bracketed form `\(` is a bracket that belongs to the value. An AI may stand twice with one value.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        check_length(text)?;
        let text = GS1_SYMBOLOGIES.iter().find_map(|symbology| text.strip_prefix(symbology)).unwrap_or(text);
        let pairs = if text.starts_with('(') { read_bracketed(text)? } else { read_plain(text)? };
        let mut elements: Vec<Element> = Vec::with_capacity(pairs.len());
        for (ai, value) in pairs {
            match elements.iter().find(|element| element.ai == ai) {
                None => elements.push(Element { ai, value }),
                Some(first) if first.value == value => {}
                Some(first) => return Err(IdError::Repeated { ai, first: first.value.clone(), second: value }),
            }
        }
        if elements.is_empty() { Err(IdError::Empty) } else { Ok(Self(elements)) }
    }

    pub fn elements(&self) -> &[Element] {
        &self.0
    }

    /// The id that the elements name: that of the first primary key, with the qualifiers that belong to it.
    pub fn id(&self) -> Result<Id, IdError> {
        let (key, value) = self
            .elements()
            .iter()
            .find_map(|element| Some((Key::find(&element.ai)?, &element.value)))
            .ok_or_else(|| IdError::NoKey { found: quote(&self.to_string()) })?;
        let qualifiers: Vec<_> = self
            .elements()
            .iter()
            .filter_map(|element| Some((key.qualifier(&element.ai)?, element.value.as_str())))
            .collect();
        let has = |ai: &str| qualifiers.iter().any(|(qualifier, _)| *qualifier == ai);
        if has("21") && has("235") {
            return Err(IdError::Exclusive { first: "21", second: "235" });
        }
        Id::from_parts(key, value, &qualifiers)
    }

    /// Writes the plain form: FNC1 first and after each value that needs one and is not the last.
    pub fn to_plain(&self) -> String {
        let mut text = String::from(FNC1);
        let mut needs_separator = false;
        for Element { ai, value } in &self.0 {
            if needs_separator {
                text.push(FNC1);
            }
            text.push_str(ai);
            text.push_str(value);
            needs_separator = Ai::find(ai).is_some_and(|ai| !ai.predefined_length);
        }
        text
    }
}

impl fmt::Display for ElementString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| f.write_str(&bracket(&element.ai, &element.value)))
    }
}

/// Writes one element in the bracketed form.
pub(super) fn bracket(ai: &str, value: &str) -> String {
    format!("({ai}){}", value.replace('(', "\\("))
}

/// Reads what is no URI: an element string or a bare GTIN. `None` where the text can only be a URI.
pub(super) fn read_scan(text: &str) -> Result<Option<ElementString>, IdError> {
    let announced = GS1_SYMBOLOGIES.iter().any(|symbology| text.starts_with(symbology));
    let digits = without_symbology(text);
    check_ean(text, digits)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    // Without an announcement these lengths are the number under an EAN or UPC barcode. Read as an element string,
    // half of Germany's would become a GINC, whose AI is 401.
    if !announced && is_number && matches!(digits.len(), 8 | 12 | 13 | 14) {
        let value = digits.parse::<Gtin>()?.to_string();
        return Ok(Some(ElementString(vec![Element { ai: "01".to_owned(), value }])));
    }
    let plain = digits.len() == text.len() && text.starts_with(|c: char| c == FNC1 || c.is_ascii_digit());
    if announced || plain || text.starts_with('(') {
        let read = ElementString::parse(text);
        let fault = if plain && is_number {
            read.as_ref().map_or_else(|error| Some(error.clone()), |one| one.id().err())
        } else {
            None
        };
        return match fault {
            Some(fault) => Err(of_digits(text, fault)),
            None => read.map(Some),
        };
    }
    Ok(None)
}

/// Holds what an EAN or UPC barcode is announced to be against the digits of one (GS1 General Specifications figure
/// 5.1.2-1): a scanner sends a UPC-A with a zero before it.
fn check_ean(text: &str, digits: &str) -> Result<(), IdError> {
    let (what, length, expected) = match text.get(..3) {
        Some("]E0") => ("]E0", 13, "13 digits, of an EAN-13 or of a UPC-A with a zero before it"),
        Some("]E4") => ("]E4", 8, "8 digits, of an EAN-8"),
        _ => return Ok(()),
    };
    if digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(IdError::Value { what: what.to_owned(), found: quote(digits), expected: expected.to_owned() })
}

/// Says what digits could be that are no GTIN, and no element string for this fault.
fn of_digits(text: &str, fault: IdError) -> IdError {
    let count = text.len();
    let holds = |ai: &str| Ai::find(ai).is_some_and(|found| found.check(ai, text).is_ok());
    let could = [("00", "an SSCC"), ("402", "a GSIN"), ("8018", "a GSRN"), ("253", "a GDTI"), ("8003", "a GRAI")];
    let could: Vec<String> = could
        .into_iter()
        .filter(|(ai, _)| holds(ai))
        .map(|(ai, what)| format!("{what} is written ({ai}){text}"))
        .collect();
    let hint = if could.is_empty() {
        if !matches!(fault, IdError::UnknownAi { .. } | IdError::NoKey { .. }) {
            return fault;
        }
        "a GTIN has 8, 12, 13 or 14, an SSCC has 18 and stands as (00)…, a GLN has 13 and stands as (414)…; a serial or a lot \
         number stands behind its GTIN, as (01)…(21)… or (01)…(10)…"
            .to_owned()
    } else {
        could.join("; ")
    };
    IdError::Digits { found: quote(text), count, hint }
}

/// Drops a symbology identifier (ISO/IEC 15424): `]`, a letter and a modifier.
pub(super) fn without_symbology(text: &str) -> &str {
    if text.starts_with(']') { text.get(3..).unwrap_or(text) } else { text }
}

fn read_bracketed(text: &str) -> Result<Vec<(String, String)>, IdError> {
    let mut pairs = Vec::new();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix('(') {
        let (code, after) = after.split_once(')').ok_or_else(|| IdError::UnknownAi { found: quote(after) })?;
        let ai = Ai::find(code).ok_or_else(|| IdError::UnknownAi { found: quote(code) })?;
        let (value, next) = value_before_bracket(after);
        // Labels print a space after the bracket; no value holds one.
        let value = value.trim_matches(' ');
        ai.check(code, value)?;
        pairs.push((code.to_owned(), value.to_owned()));
        rest = next;
    }
    Ok(pairs)
}

/// Takes the value up to the next bracket that is not escaped, and what follows from that bracket on.
fn value_before_bracket(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('(').unwrap_or(rest.len());
        let (piece, next) = rest.split_at_checked(end).unwrap_or((rest, ""));
        match (piece.strip_suffix('\\'), next.strip_prefix('(')) {
            (Some(piece), Some(after)) => {
                value.push_str(piece);
                value.push('(');
                rest = after;
            }
            _ => {
                value.push_str(piece);
                return (value, next);
            }
        }
    }
}

fn read_plain(text: &str) -> Result<Vec<(String, String)>, IdError> {
    let mut pairs = Vec::new();
    let mut rest = text.strip_prefix(FNC1).unwrap_or(text);
    while !rest.is_empty() {
        let unknown = || IdError::UnknownAi { found: rest.chars().take(4).collect() };
        let (code, ai) = Ai::at_start(rest).ok_or_else(unknown)?;
        let after = rest.get(code.len()..).unwrap_or_default();
        let end = after.find(FNC1).unwrap_or(after.len());
        let end = if ai.predefined_length { end.min(ai.max()) } else { end };
        // A cut through a character that is not ASCII leaves all, which the check then refuses.
        let (value, next) = after.split_at_checked(end).unwrap_or((after, ""));
        ai.check(code, value)?;
        pairs.push((code.to_owned(), value.to_owned()));
        rest = next.strip_prefix(FNC1).unwrap_or(next);
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> String {
        Id::parse(text).map_or_else(|error| error.to_string(), |id| id.to_string())
    }

    #[test]
    fn one_id_whatever_the_carrier() {
        let item = "https://id.gs1.org/01/09506000134352/21/A1";
        for text in [
            "(01)09506000134352(21)A1",
            " (01) 09506000134352 (21) A1\r\n",
            "(21)A1(17)261231(10)L7(01)09506000134352(3103)000195",
            "010950600013435221A1",
            "]d2010950600013435221A1\x1d1726123110L7",
            "]C1\x1d01095060001343521726123110L7\x1d21A1",
            "\x1d310300019510L7\x1d21A1\x1d0109506000134352\x1d",
            "https://shop.example/01/09506000134352/21/A1",
            "]Q1https://shop.example/01/09506000134352/21/A1",
            "urn:epc:id:sgtin:9506000.013435.A1",
        ] {
            assert_eq!(id(text), item, "{text:?}");
        }
    }

    #[test]
    fn bare_digits_are_the_number_under_a_barcode() {
        let class = "https://id.gs1.org/01/09506000134352";
        for text in ["9506000134352", "09506000134352", "]E09506000134352", "]I109506000134352", "(01)09506000134352"] {
            assert_eq!(id(text), class, "{text}");
        }
        assert_eq!(id("4012345123456"), "https://id.gs1.org/01/04012345123456");
        assert_eq!(id("]C14012345123456"), "https://id.gs1.org/401/2345123456");
        assert_eq!(id("9506000134353"), "GTIN 09506000134353 has check digit 3, it should be 2");
        assert_eq!(id("]E496385074"), "https://id.gs1.org/01/00000096385074");
        for (text, words) in [
            ("]E4123456789", r#"]E4 "123456789" should be 8 digits"#),
            ("]E0614141000005", r#"]E0 "614141000005" should be 13 digits, of an EAN-13 or of a UPC-A with a zero"#),
            ("]E009506000134352", "13 digits"),
            ("]E0https://a.example/", "13 digits"),
        ] {
            assert!(id(text).contains(words), "{}", id(text));
        }
    }

    #[test]
    fn digits_that_are_no_gtin_are_said_to_be_what_they_could_be() {
        for (text, words) in [
            (
                "195060001343500016",
                "18 digits and no more: an SSCC is written (00)195060001343500016; a GSRN is written (8018)",
            ),
            ("95060001343500019", "a GSIN is written (402)95060001343500019"),
            ("9506000", "7 digits and no more: a GTIN has 8, 12, 13 or 14, an SSCC has 18 and stands as (00)…"),
            ("95060001343", "a serial or a lot number stands behind its GTIN"),
        ] {
            assert!(id(text).contains(words), "{}", id(text));
        }
    }

    #[test]
    fn the_key_takes_only_its_own_qualifiers() {
        assert_eq!(
            id("(00)195060001343500016(02)09506000134352(37)10(10)L7"),
            "https://id.gs1.org/00/195060001343500016"
        );
        assert_eq!(id("(8017)950600013435000011(253)9506000134376"), "https://id.gs1.org/8017/950600013435000011");
        assert_eq!(id("(01)09506000134352(235)T\\(1(10)L7"), "https://id.gs1.org/01/09506000134352/235/T%281");
        assert!(id("(01)09506000134352(235)T1(21)A1").contains("(21) and (235) exclude each other"));
        assert!(id("(10)L7(17)261231").contains("holds no GS1 key"));
        assert!(id("(01)09506000134352(21)A1(21)A2").contains(r#"(21) stands twice, as "A1" and as "A2""#));
        assert_eq!(id("(01)09506000134352(21)A1(21)A1"), "https://id.gs1.org/01/09506000134352/21/A1");
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, words) in [
            ("", "empty"),
            ("  ", "empty"),
            ("()1", r#""" is no GS1 application identifier"#),
            ("(01", r#""01" is no GS1 application identifier"#),
            ("(05)1", r#""05" is no GS1"#),
            ("(01)0950600013435", r#"(01) "0950600013435" should be 14 digits"#),
            ("(01)09506000134352(21)A 1", r#"(21) "A 1" should be"#),
            ("(01)09506000134352(21)", r#"(21) "" should be 1 to 20"#),
            ("(01)09506000134352)", "should be 14 digits"),
            ("0109506000134352211ü", "should be 1 to 20"),
            ("01ü9506000134352", "should be 14 digits"),
            ("0509506000134352", "16 digits and no more"),
            ("]d2", "empty"),
            ("]", "no absolute URI"),
            ("]Q", "no absolute URI"),
            ("]ü1", "no absolute URI"),
            ("]Q1TESTING", "no absolute URI"),
            ("hello", "no absolute URI"),
        ] {
            assert!(id(text).contains(words), "{text}: {}", id(text));
        }
        assert!(id(&"(".repeat(5000)).contains("at most 1024 characters, this has 5000"));
    }

    #[test]
    fn writes_what_it_reads() {
        let text = "(01)09506000134352(21)A\\(1(10)L7";
        let elements = ElementString::parse(text).unwrap();
        assert_eq!(elements.to_string(), text);
        assert_eq!(elements.to_plain(), "\x1d010950600013435221A(1\x1d10L7");
        assert_eq!(ElementString::parse(&elements.to_plain()).unwrap(), elements);
        assert_eq!(Id::parse(text).unwrap().element_string().unwrap(), "(01)09506000134352(21)A\\(1");
    }
}
