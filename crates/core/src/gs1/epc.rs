//! EPC URNs: pure identities, classes and the patterns that stand for a class (GS1 EPC Tag Data Standard §6, §8).

use std::borrow::Cow;

use super::check_digit::check_digit;
use super::company_prefix::CompanyPrefix;
use super::error::{IdError, quote};
use super::id::Gs1;
use super::key::Key;
use super::uri::{Uri, decode};

/// Digits of a company prefix in an EPC URN.
pub(super) const PREFIX_DIGITS_MIN: usize = 6;
pub(super) const PREFIX_DIGITS_MAX: usize = 12;

/// Schemes whose identities are no GS1 keys, and so have no Digital Link: their URNs stand as they are.
const FOREIGN_SCHEMES: [&str; 5] = ["gid", "usdod", "adi", "bic", "imovn"];

/// How an EPC scheme writes a GS1 key.
pub(super) struct Scheme {
    /// What follows `urn:epc:`, up to the colon before the fields.
    pub name: &'static str,
    pub ai: &'static str,
    pub key: KeyForm,
    /// The last field: the AI of its qualifier, or `""` where it belongs to the key's own value.
    pub tail: Option<&'static str>,
    /// Fields between the key and the last: piece and total of an ITIP.
    pub fields: usize,
    /// True where the last field is `*`, which stands for all of a class.
    pattern: bool,
}

pub(super) enum KeyForm {
    /// Digits of company prefix and reference together, without the check digit.
    Digits(usize),
    /// The same, where the reference begins with the digit that stands before the prefix in the key.
    LeadingDigits(usize),
    /// A GRAI: as `Digits`, behind a fixed zero.
    ZeroAndDigits(usize),
    /// Free text behind the company prefix.
    Text,
}

use KeyForm::{Digits, LeadingDigits, Text, ZeroAndDigits};

pub(super) const SCHEMES: [Scheme; 23] = [
    identity("id:sgtin", "01", LeadingDigits(13), Some("21")),
    identity("class:lgtin", "01", LeadingDigits(13), Some("10")),
    identity("id:upui", "01", LeadingDigits(13), Some("235")),
    identity("id:sscc", "00", LeadingDigits(17), None),
    identity("id:sgln", "414", Digits(12), Some("254")),
    identity("id:pgln", "417", Digits(12), None),
    identity("id:grai", "8003", ZeroAndDigits(12), Some("")),
    identity("id:giai", "8004", Text, None),
    identity("id:gdti", "253", Digits(12), Some("")),
    identity("id:sgcn", "255", Digits(12), Some("")),
    identity("id:gsrn", "8018", Digits(17), None),
    identity("id:gsrnp", "8017", Digits(17), None),
    identity("id:cpi", "8010", Text, Some("8011")),
    identity("id:ginc", "401", Text, None),
    identity("id:gsin", "402", Digits(16), None),
    Scheme { fields: 2, ..identity("id:itip", "8006", LeadingDigits(13), Some("21")) },
    pattern("idpat:sgtin", "01", LeadingDigits(13)),
    pattern("idpat:upui", "01", LeadingDigits(13)),
    pattern("idpat:grai", "8003", ZeroAndDigits(12)),
    pattern("idpat:gdti", "253", Digits(12)),
    pattern("idpat:sgcn", "255", Digits(12)),
    pattern("idpat:cpi", "8010", Text),
    Scheme { fields: 2, ..pattern("idpat:itip", "8006", LeadingDigits(13)) },
];

const fn identity(name: &'static str, ai: &'static str, key: KeyForm, tail: Option<&'static str>) -> Scheme {
    Scheme { name, ai, key, tail, fields: 0, pattern: false }
}

const fn pattern(name: &'static str, ai: &'static str, key: KeyForm) -> Scheme {
    Scheme { name, ai, key, tail: None, fields: 0, pattern: true }
}

/// Reads an EPC URN; `None` for URNs of other namespaces and EPC schemes without a GS1 key.
pub(super) fn read(text: &str, uri: &Uri<'_>) -> Result<Option<Gs1>, IdError> {
    if !uri.scheme.eq_ignore_ascii_case("urn") {
        return Ok(None);
    }
    let (namespace, name) = uri.path.split_once(':').unwrap_or((uri.path, ""));
    let error = |expected: &str| IdError::Epc { found: quote(text), expected: expected.to_owned() };
    if namespace.is_empty() || name.is_empty() {
        let fault = "a URN is urn:, a namespace, a colon and a name".to_owned();
        return Err(IdError::Uri { found: quote(text), fault });
    }
    if namespace.eq_ignore_ascii_case("epcglobal") {
        let whole = name.split(':').all(|part| !part.is_empty());
        return if whole { Ok(None) } else { Err(error("urn:epcglobal: names have no empty part")) };
    }
    if !namespace.eq_ignore_ascii_case("epc") {
        return Ok(None);
    }
    if uri.has_more {
        return Err(error("it ends before ? or #, which are written %3F and %23"));
    }
    let (scheme, body) = name
        .match_indices(':')
        .nth(1)
        .and_then(|(at, _)| Some((name.get(..at)?, name.get(at + 1..)?)))
        .ok_or_else(|| error("write one like urn:epc:id:sgtin:9506000.013435.A1"))?;
    if FOREIGN_SCHEMES.iter().any(|foreign| scheme.strip_prefix("id:") == Some(foreign)) && !body.is_empty() {
        return Ok(None);
    }
    let known = SCHEMES.iter().find(|known| known.name == scheme);
    let known =
        known.ok_or_else(|| error("its scheme is none of a pure identity (urn:epc:id:), a class or a pattern"))?;
    known.read(body, text).map(Some)
}

/// Writes the URN of a key under its company prefix.
pub(super) fn write(gs1: &Gs1, prefix: &CompanyPrefix) -> Option<String> {
    SCHEMES.iter().find_map(|scheme| scheme.write(gs1, prefix.as_str()))
}

impl Scheme {
    fn read(&self, body: &str, text: &str) -> Result<Gs1, IdError> {
        let error = |expected: String| IdError::Epc { found: quote(text), expected };
        let count = 2 + self.fields + usize::from(self.tail.is_some() || self.pattern);
        // The last field takes the dots that are left, since a serial may hold some.
        let parts: Vec<&str> = body.splitn(count, '.').collect();
        let shape = || error(format!("{} has {count} fields with a dot between two", self.name));
        let (Some(prefix), Some(reference), true) = (parts.first(), parts.get(1), parts.len() == count) else {
            return Err(shape());
        };
        if self.pattern && parts.last() != Some(&"*") {
            return Err(error("a pattern stands for a class only where its last field alone is *".to_owned()));
        }
        if parts.iter().skip(2).take(self.fields).any(|field| field.len() != 2) {
            return Err(error(format!("{} gives piece and total as two digits each", self.name)));
        }
        let mut value = self.key_of(prefix, &decode(reference)).map_err(error)?;
        value.extend(parts.iter().skip(2).take(self.fields).copied());
        let key = Key::find(self.ai).ok_or_else(shape)?;
        let tail = parts.last().map(|tail| decode(tail)).unwrap_or_default();
        match self.tail {
            None => Gs1::new(key, &value, &[]),
            Some("") if tail.is_empty() => Err(error(format!("{} ends in a serial", self.name))),
            Some("") => Gs1::new(key, &format!("{value}{tail}"), &[]),
            Some(ai) => Gs1::new(key, &value, &[(ai, &tail)]),
        }
    }

    /// Puts the key together and computes its check digit; the error says what the scheme expects.
    pub(super) fn key_of(&self, prefix: &str, reference: &str) -> Result<String, String> {
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(prefix) || !(PREFIX_DIGITS_MIN..=PREFIX_DIGITS_MAX).contains(&prefix.len()) {
            return Err(format!("its company prefix has {PREFIX_DIGITS_MIN} to {PREFIX_DIGITS_MAX} digits"));
        }
        let length = match self.key {
            Digits(length) | LeadingDigits(length) | ZeroAndDigits(length) => length,
            Text if reference.is_empty() => return Err("something follows its company prefix".to_owned()),
            Text => return Ok(format!("{prefix}{reference}")),
        };
        if !is_digits(reference) || prefix.len() + reference.len() != length {
            let expected = format!("company prefix and reference of {} have {length} digits together", self.name);
            let found = prefix.len() + reference.len();
            return Err(if is_digits(reference) { format!("{expected}, not {found}") } else { expected });
        }
        let digits = match self.key {
            LeadingDigits(_) => {
                let (lead, rest) = reference.split_at_checked(1).unwrap_or((reference, ""));
                format!("{lead}{prefix}{rest}")
            }
            _ => format!("{prefix}{reference}"),
        };
        let check = check_digit(&digits).map(String::from).unwrap_or_default();
        let zero = if matches!(self.key, ZeroAndDigits(_)) { "0" } else { "" };
        Ok(format!("{zero}{digits}{check}"))
    }

    fn write(&self, gs1: &Gs1, prefix: &str) -> Option<String> {
        if gs1.key.ai != self.ai || !(PREFIX_DIGITS_MIN..=PREFIX_DIGITS_MAX).contains(&prefix.len()) {
            return None;
        }
        let rest = gs1.key.prefix_digits(&gs1.value)?.strip_prefix(prefix)?;
        let (reference, after) = self.split_value(&gs1.value, rest)?;
        let qualifier = gs1.qualifier.as_ref().map(|(ai, value)| (*ai, value.as_str()));
        let (after, tail) = match (self.tail, qualifier) {
            (None, None) if self.pattern => (after, ".*".to_owned()),
            (None, None) => (after, String::new()),
            (Some("254"), None) => (after, ".0".to_owned()),
            (Some(""), None) if !after.is_empty() => ("", format!(".{}", escape(after))),
            (Some(ai), Some((found, value))) if ai == found => (after, format!(".{}", escape(value))),
            _ => return None,
        };
        let fields = self.split_fields(after)?;
        Some(format!("urn:epc:{}:{prefix}.{}{fields}{tail}", self.name, escape(&reference)))
    }

    /// Cuts a key's value into the reference and what follows the check digit, `rest` being behind the prefix.
    fn split_value<'a>(&self, value: &'a str, rest: &'a str) -> Option<(Cow<'a, str>, &'a str)> {
        let end = match self.key {
            Text if rest.is_empty() => return None,
            Text => return Some((rest.into(), "")),
            Digits(length) | LeadingDigits(length) => length + 1,
            ZeroAndDigits(length) => length + 2,
        };
        let lead = if matches!(self.key, LeadingDigits(_)) { value.get(..1)? } else { "" };
        Some((format!("{lead}{rest}").into(), value.get(end..)?))
    }

    /// Writes what follows the check digit as fields of two digits; `None` when it is not as long as they are.
    fn split_fields(&self, after: &str) -> Option<String> {
        if after.len() != 2 * self.fields {
            return None;
        }
        let fields = (0..self.fields).filter_map(|at| after.get(2 * at..2 * at + 2));
        Some(fields.map(|field| format!(".{field}")).collect())
    }
}

/// Escapes the characters that TDS §6.1 does not allow in a URN's field.
fn escape(value: &str) -> String {
    value.chars().fold(String::new(), |mut text, c| {
        match c {
            '"' | '%' | '&' | '/' | '<' | '>' | '?' | '#' => text.push_str(&format!("%{:02X}", u32::from(c))),
            _ => text.push(c),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use crate::gs1::{CompanyPrefix, Id, IdKind};

    fn id(text: &str) -> String {
        Id::parse_uri(text).map_or_else(|error| error.to_string(), |id| id.to_string())
    }

    #[test]
    fn each_scheme_is_converted_and_written_again() {
        let prefix: CompanyPrefix = "9506000".parse().unwrap();
        for (urn, canonical) in [
            ("id:sgtin:9506000.013435.A%2F.1", "/01/09506000134352/21/A%2F.1"),
            ("idpat:sgtin:9506000.513435.*", "/01/59506000134357"),
            ("class:lgtin:9506000.013435.L-7", "/01/09506000134352/10/L-7"),
            ("id:upui:9506000.013435.T%3C1", "/01/09506000134352/235/T%3C1"),
            ("id:sscc:9506000.1134350001", "/00/195060001343500016"),
            ("id:sgln:9506000.13436.0", "/414/9506000134369"),
            ("id:sgln:9506000.13436.12", "/414/9506000134369/254/12"),
            ("id:pgln:9506000.13436", "/417/9506000134369"),
            ("id:grai:9506000.13435.K1", "/8003/09506000134352K1"),
            ("idpat:grai:9506000.13435.*", "/8003/09506000134352"),
            ("id:giai:9506000.A%26B", "/8004/9506000A%26B"),
            ("id:gdti:9506000.13437.D1", "/253/9506000134376D1"),
            ("idpat:gdti:9506000.13437.*", "/253/9506000134376"),
            ("id:sgcn:9506000.13437.044", "/255/9506000134376044"),
            ("idpat:sgcn:9506000.13437.*", "/255/9506000134376"),
            ("id:gsrn:9506000.1343500001", "/8018/950600013435000011"),
            ("id:gsrnp:9506000.1343500001", "/8017/950600013435000011"),
            ("id:cpi:9506000.AB%2F1.17", "/8010/9506000AB%2F1/8011/17"),
            ("idpat:cpi:9506000.AB%231.*", "/8010/9506000AB%231"),
            ("id:ginc:9506000.C1", "/401/9506000C1"),
            ("id:gsin:9506000.134350001", "/402/95060001343500019"),
            ("id:itip:9506000.013435.01.02.A1", "/8006/095060001343520102/21/A1"),
            ("idpat:itip:9506000.013435.01.02.*", "/8006/095060001343520102"),
        ] {
            let urn = format!("urn:epc:{urn}");
            let id = Id::parse_uri(&urn).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(id.path(), Some(canonical), "{urn}");
            assert_eq!(id.epc_urn(&prefix).as_deref(), Some(urn.as_str()));
            assert_eq!(id.is_class_level(), urn.contains("pat:") || urn.contains("class:"), "{urn}");
            assert_eq!(id.epc_urn(&"950600".parse().unwrap()).map(|urn| Id::parse_uri(&urn)), Some(Ok(id)));
        }
        assert_eq!(id("URN:EPC:idpat:upui:9506000.013435.*"), "https://id.gs1.org/01/09506000134352");
        assert_eq!(id("urn:epc:id:sgln:950600013436..0"), "https://id.gs1.org/414/9506000134369");
    }

    #[test]
    fn writes_nothing_where_there_is_no_urn() {
        let urn = |text: &str, prefix: &str| Id::parse(text).unwrap().epc_urn(&prefix.parse().unwrap());
        assert_eq!(urn("(01)09506000134352", "9506001"), None);
        assert_eq!(urn("(01)09506000134352", "9506"), None);
        assert_eq!(urn("(8006)095060001343520102(10)L7", "9506000"), None);
        assert_eq!(urn("(415)9506000134369(8020)R1", "9506000"), None);
        assert_eq!(urn("(8018)950600013435000011(8019)1", "9506000"), None);
        assert_eq!(urn("96385074", "963850"), None);
        assert_eq!(urn("urn:uuid:1", "9506000"), None);
    }

    #[test]
    fn a_malformed_one_is_an_error_and_no_other_uri() {
        for (urn, words) in [
            ("urn:epc", "a URN is urn:"),
            ("urn:epc:id", "write one like"),
            ("urn:epc:id:sgtin", "write one like"),
            ("urn:epc:ID:sgtin:9506000.013435.A1", "its scheme is none of"),
            ("urn:epc:tag:sgtin-96:3.9506000.013435.1", "its scheme is none of"),
            ("urn:epc:id:sgtin:9506000.013435", "id:sgtin has 3 fields"),
            ("urn:epc:id:sgtin:9506000.013435.", r#"(21) "" should be 1 to 20"#),
            ("urn:epc:id:sgtin:9506000.01343.A1", "have 13 digits together, not 12"),
            ("urn:epc:id:sgtin:9506000.01343X.A1", "have 13 digits together"),
            ("urn:epc:id:sgtin:95060.00013435.A1", "company prefix has 6 to 12 digits"),
            ("urn:epc:id:sgtin:9506000134352..A1", "company prefix has 6 to 12 digits"),
            ("urn:epc:id:sgtin:9506000.013435.A1?x=1", "written %3F and %23"),
            ("urn:epc:id:sgtin:9506000.013435.A%201", r#"(21) "A 1" should be"#),
            ("urn:epc:id:sgln:9506000.13436.", r#"(254) "" should be"#),
            ("urn:epc:id:grai:9506000.13435.", "id:grai ends in a serial"),
            ("urn:epc:id:cpi:9506000.AB.017", "no leading zero"),
            ("urn:epc:id:cpi:9506000.ab.17", "capital letters"),
            ("urn:epc:id:giai:9506000.", "something follows its company prefix"),
            ("urn:epc:idpat:sgtin:9506000.*.*", "have 13 digits together"),
            ("urn:epc:idpat:sgtin:9506000.013435.[1-5]", "cannot stand in its path"),
            ("urn:epc:idpat:sgtin:9506000.013435.A1", "its last field alone is *"),
            ("urn:epc:idpat:sscc:9506000.*", "its scheme is none of"),
            ("urn:epc:id:itip:9506000.013435.03.02.A1", "piece and total"),
            ("urn:epc:id:itip:9506000.013435..0102.A1", "two digits each"),
            ("urn:epcglobal:cbv::po", "no empty part"),
        ] {
            let message = id(urn);
            assert!(message.contains(words), "{urn}: {message}");
        }
    }

    #[test]
    fn other_urns_stand_as_they_are() {
        for urn in [
            "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "URN:jaif:id:obj:37SUN321",
            "urn:epc:id:gid:95100000.12345.400",
            "urn:epcglobal:cbv:bt:9506000134369:PO-7",
            "urn:epcx:id:sgtin:1",
        ] {
            assert_eq!(id(urn), urn);
            assert_eq!(Id::parse_uri(urn).map(|id| id.kind()), Ok(IdKind::Other));
        }
    }
}
