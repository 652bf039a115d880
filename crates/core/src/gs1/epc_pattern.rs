//! Patterns of EPC URNs, `urn:epc:idpat:…`, with `*` for what may be anything (GS1 EPC Tag Data Standard §8, EPCIS 2.0 §8.2.7.1.1).

use super::epc::{KeyForm, PREFIX_DIGITS_MAX, PREFIX_DIGITS_MIN, SCHEMES, Scheme};
use super::error::{IdError, quote};
use super::id::{CANONICAL_DOMAIN, Gs1, Id};
use super::key::Key;
use super::uri::decode;

const PATTERN: &str = "urn:epc:idpat:";

/// The digits that may stand before a company prefix in a key: an item's indicator, a logistic unit's extension.
const LEADS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// What a pattern lets through, by canonical texts of ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpcPattern(Vec<Reach>);

/// A part of what a pattern lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    One(Id),
    /// Every canonical text that begins so, and holds `inside` behind that.
    Beginning {
        start: String,
        inside: &'static str,
    },
}

impl EpcPattern {
    /// Tells whether a text is meant to be a pattern.
    pub fn is_one(text: &str) -> bool {
        text.get(..PATTERN.len()).is_some_and(|start| start.eq_ignore_ascii_case(PATTERN))
    }

    /// Reads a pattern of single objects: `urn:epc:idpat:sgtin:9506000.013435.*`. Once a field is `*`, those behind it are too.
    ///
    /// # Errors
    ///
    /// An unknown scheme, too few or too many fields, fields that the scheme does not allow.
    pub fn of_objects(text: &str) -> Result<Self, IdError> {
        Self::read(text, false)
    }

    /// Reads a pattern of classes. `urn:epc:idpat:sgtin:9506000.013435.*` is the class itself there, as it stands in lists of
    /// quantities; `urn:epc:idpat:lgtin:…` lets lots through. With `*` for the reference, classes and their lots are let through.
    ///
    /// # Errors
    ///
    /// As [`Self::of_objects`].
    pub fn of_classes(text: &str) -> Result<Self, IdError> {
        Self::read(text, true)
    }

    pub fn reaches(&self) -> &[Reach] {
        &self.0
    }

    fn read(text: &str, of_classes: bool) -> Result<Self, IdError> {
        let error = |expected: String| IdError::Epc { found: quote(text), expected };
        let name_and_body =
            text.get(PATTERN.len()..).filter(|_| Self::is_one(text)).and_then(|rest| rest.split_once(':'));
        let (name, body) = name_and_body
            .ok_or_else(|| error("write a pattern like urn:epc:idpat:sgtin:9506000.013435.*".to_owned()))?;
        let of_name = |scheme: &&Scheme| {
            let identity = scheme.name.strip_prefix("id:").or_else(|| scheme.name.strip_prefix("class:"));
            identity.is_some_and(|identity| identity.eq_ignore_ascii_case(name))
        };
        let scheme =
            SCHEMES.iter().find(of_name).ok_or_else(|| error(format!("{:?} is no EPC scheme", quote(name))))?;
        let count = 2 + scheme.fields + usize::from(scheme.tail.is_some());
        let fields: Vec<&str> = body.splitn(count, '.').collect();
        if fields.len() != count || fields.iter().any(|field| field.is_empty()) {
            return Err(error(format!(
                "a pattern of {name} has {count} fields with a dot between two, each a value or *"
            )));
        }
        let Some(first) = fields.iter().position(|field| *field == "*") else {
            let id = Id::parse_uri(&format!("urn:epc:{}:{body}", scheme.name))?;
            return Ok(Self(vec![Reach::One(id)]));
        };
        if fields.iter().skip(first).any(|field| *field != "*") {
            return Err(error("behind a field that is * each other one is * too".to_owned()));
        }
        let known = fields.get(..first).unwrap_or_default();
        let is_class_pattern = of_classes && !scheme.name.starts_with("class:");
        scheme.reaches(known, is_class_pattern).map(Self).map_err(error)
    }
}

impl Scheme {
    /// What a pattern lets through whose first fields are known.
    fn reaches(&self, known: &[&str], of_classes: bool) -> Result<Vec<Reach>, String> {
        let start = format!("{CANONICAL_DOMAIN}/{}/", self.ai);
        let inside = match self.tail {
            Some("10") => "/10/",
            Some("21") if !of_classes => "/21/",
            Some("235") if !of_classes => "/235/",
            Some("8011") if !of_classes => "/8011/",
            _ => "",
        };
        let beginning = |digits: String| Reach::Beginning { start: format!("{start}{digits}"), inside };
        match known {
            [] => Ok(vec![beginning(String::new())]),
            [prefix] => {
                let is_prefix = prefix.bytes().all(|byte| byte.is_ascii_digit())
                    && (PREFIX_DIGITS_MIN..=PREFIX_DIGITS_MAX).contains(&prefix.len());
                if !is_prefix {
                    return Err(format!("its company prefix has {PREFIX_DIGITS_MIN} to {PREFIX_DIGITS_MAX} digits"));
                }
                Ok(match self.key {
                    KeyForm::LeadingDigits(_) => {
                        LEADS.iter().map(|lead| beginning(format!("{lead}{prefix}"))).collect()
                    }
                    KeyForm::ZeroAndDigits(_) => vec![beginning(format!("0{prefix}"))],
                    KeyForm::Digits(_) | KeyForm::Text => vec![beginning((*prefix).to_owned())],
                })
            }
            [prefix, reference, pieces @ ..] => {
                let mut value = self.key_of(prefix, &decode(reference))?;
                value.extend(pieces.iter().copied());
                let all_known = pieces.len() == self.fields;
                self.of_key(&value, all_known, of_classes, inside)
            }
        }
    }

    /// What a pattern lets through whose key is known, but for the pieces of an ITIP perhaps.
    fn of_key(
        &self,
        value: &str,
        all_known: bool,
        of_classes: bool,
        inside: &'static str,
    ) -> Result<Vec<Reach>, String> {
        if !all_known {
            let start = format!("{CANONICAL_DOMAIN}/{}/{value}", self.ai);
            return Ok(vec![Reach::Beginning { start, inside }]);
        }
        let key = Key::find(self.ai).ok_or("its scheme has no key")?;
        let whole = Gs1::new(key, value, &[]).map(Id::from_gs1).map_err(|error| error.to_string())?;
        let text = whole.as_str();
        let below = |start: String| Reach::Beginning { start, inside: "" };
        Ok(match self.tail {
            _ if of_classes => vec![Reach::One(whole)],
            // A GLN without an extension is one whose extension is 0.
            Some("254") => vec![below(format!("{text}/254/")), Reach::One(whole)],
            Some("") | None => vec![below(text.to_owned())],
            Some(ai) => vec![below(format!("{text}/{ai}/"))],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lets_through(pattern: &EpcPattern, uri: &str) -> bool {
        let id = Id::parse_uri(uri).unwrap();
        pattern.reaches().iter().any(|reach| match reach {
            Reach::One(one) => *one == id,
            Reach::Beginning { start, inside } => {
                id.as_str().strip_prefix(start.as_str()).is_some_and(|_| id.as_str().contains(inside))
            }
        })
    }

    #[test]
    fn a_pattern_lets_through_what_its_fields_say() {
        let item = "urn:epc:id:sgtin:9506000.013435.A1";
        let lot = "urn:epc:class:lgtin:9506000.013435.L7";
        let class = "urn:epc:idpat:sgtin:9506000.013435.*";
        let other = "urn:epc:id:sgtin:9506001.013435.A1";
        let unit = "urn:epc:id:upui:9506000.013435.T1";
        for (pattern, through, held) in [
            ("sgtin:*.*.*", vec![item, other], vec![lot, class, unit]),
            ("sgtin:9506000.*.*", vec![item, "urn:epc:id:sgtin:9506000.913435.X"], vec![other, lot, class, unit]),
            ("sgtin:9506000.013435.*", vec![item], vec![other, lot, class, "urn:epc:id:sgtin:9506000.113435.A1"]),
            ("sgtin:9506000.013435.A1", vec![item], vec!["urn:epc:id:sgtin:9506000.013435.A12"]),
            ("lgtin:9506000.013435.*", vec![lot], vec![item, class]),
            ("upui:9506000.013435.*", vec![unit], vec![item]),
            ("sscc:9506000.*", vec!["urn:epc:id:sscc:9506000.1134350001"], vec!["urn:epc:id:sscc:9506001.1134350001"]),
            ("sscc:*.*", vec!["urn:epc:id:sscc:9506001.1134350001"], vec![item]),
            (
                "sgln:9506000.13436.*",
                vec!["urn:epc:id:sgln:9506000.13436.0", "urn:epc:id:sgln:9506000.13436.12"],
                vec!["urn:epc:id:sgln:9506000.13437.0"],
            ),
            (
                "grai:9506000.13435.*",
                vec!["urn:epc:id:grai:9506000.13435.K1"],
                vec!["urn:epc:id:grai:9506000.13436.K1"],
            ),
            ("giai:9506000.*", vec!["urn:epc:id:giai:9506000.A1"], vec!["urn:epc:id:giai:9506001.A1"]),
            ("cpi:9506000.AB.*", vec!["urn:epc:id:cpi:9506000.AB.17"], vec!["urn:epc:id:cpi:9506000.AC.17"]),
            (
                "itip:9506000.013435.*.*.*",
                vec!["urn:epc:id:itip:9506000.013435.01.02.A1"],
                vec!["urn:epc:id:itip:9506000.013436.01.02.A1"],
            ),
            (
                "itip:9506000.013435.01.02.*",
                vec!["urn:epc:id:itip:9506000.013435.01.02.A1"],
                vec!["urn:epc:id:itip:9506000.013435.02.02.A1"],
            ),
        ] {
            let read = EpcPattern::of_objects(&format!("{PATTERN}{pattern}")).unwrap_or_else(|error| panic!("{error}"));
            for uri in through {
                assert!(lets_through(&read, uri), "{pattern} {uri}");
            }
            for uri in held {
                assert!(!lets_through(&read, uri), "{pattern} {uri}");
            }
        }
    }

    #[test]
    fn of_classes_it_names_the_class() {
        let class = "urn:epc:idpat:sgtin:9506000.013435.*";
        let lot = "urn:epc:class:lgtin:9506000.013435.L7";
        let one = EpcPattern::of_classes(class).unwrap();
        assert!(lets_through(&one, class) && !lets_through(&one, lot));
        let all = EpcPattern::of_classes("urn:epc:idpat:sgtin:9506000.*.*").unwrap();
        assert!(lets_through(&all, class) && lets_through(&all, lot));
        let lots = EpcPattern::of_classes("URN:EPC:idpat:lgtin:9506000.013435.*").unwrap();
        assert!(!lets_through(&lots, class) && lets_through(&lots, lot));
        let assets = EpcPattern::of_classes("urn:epc:idpat:grai:9506000.13435.*").unwrap();
        assert!(lets_through(&assets, "urn:epc:idpat:grai:9506000.13435.*"));
    }

    #[test]
    fn what_is_malformed_is_refused_with_what_would_be_right() {
        for (pattern, words) in [
            ("sgtin", "write a pattern like"),
            ("sgtin:9506000.013435", "has 3 fields"),
            ("sgtin:9506000..*", "has 3 fields"),
            ("sgtin:*.013435.*", "each other one is * too"),
            ("sgtin:9506000.*.A1", "each other one is * too"),
            ("sgtin:95060.*.*", "company prefix has 6 to 12 digits"),
            ("sgtin:95060x0.*.*", "company prefix has 6 to 12 digits"),
            ("sgtin:9506000.01343.*", "have 13 digits together"),
            ("gid:1.*.*", "is no EPC scheme"),
            ("sgtin:9506000.013435.[1-5]", "cannot stand in its path"),
        ] {
            let message = EpcPattern::of_objects(&format!("{PATTERN}{pattern}")).unwrap_err().to_string();
            assert!(message.contains(words), "{pattern}: {message}");
        }
        assert!(EpcPattern::of_objects("urn:epc:id:sgtin:9506000.013435.A1").is_err());
    }
}
