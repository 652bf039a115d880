//! Properties of ids over generated keys: every spelling is one id, and no text makes a reader panic.

use proptest::prelude::*;

use super::{CompanyPrefix, Id, check_digit};

/// Characters of CSET 82, with those twice that some spelling has to escape.
const CHARACTERS: &str = "!\"%&'()*+,-./:;<=>?_%(/.*+0123456789ABCXYZabcxyz";

/// A company prefix, an element string's elements, and the canonical path.
#[derive(Debug, Clone)]
struct Sample {
    prefix: CompanyPrefix,
    ai: &'static str,
    key: String,
    qualifier: Option<(&'static str, String)>,
    /// Whether EPC has a scheme for it.
    has_urn: bool,
}

impl Sample {
    fn elements(&self) -> impl Iterator<Item = (&str, &str)> {
        let qualifier = self.qualifier.as_ref().map(|(ai, value)| (*ai, value.as_str()));
        [(self.ai, self.key.as_str())].into_iter().chain(qualifier)
    }

    fn canonical(&self) -> String {
        let unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        let path = self.path(|c| if unreserved(c) { c.to_string() } else { format!("%{:02X}", u32::from(c)) });
        format!("https://id.gs1.org{path}")
    }

    fn path(&self, mut write: impl FnMut(char) -> String) -> String {
        let mut path = String::new();
        for (ai, value) in self.elements() {
            path.push_str(&format!("/{ai}/"));
            path.extend(value.chars().map(&mut write));
        }
        path
    }
}

fn with_check_digit(digits: &str) -> String {
    format!("{digits}{}", check_digit(digits).unwrap())
}

fn text(max: usize) -> impl Strategy<Value = String> {
    let characters: Vec<char> = CHARACTERS.chars().collect();
    prop::collection::vec(prop::sample::select(characters), 1..=max).prop_map(|chars| chars.into_iter().collect())
}

/// A prefix of 6 to 12 digits and `length` digits that begin with it; the fifth is no zero, for GTIN-8 has no prefix.
fn prefixed(length: usize) -> impl Strategy<Value = (CompanyPrefix, String)> {
    ("[0-9]{4}[1-9][0-9]{12}", 6..=length.min(12)).prop_map(move |(digits, end)| {
        let (prefix, digits) = (digits[..end].parse().unwrap(), digits[..length].to_owned());
        (prefix, digits)
    })
}

fn trade_item() -> impl Strategy<Value = Sample> {
    let qualifier = prop_oneof![
        Just(None),
        (prop_oneof![Just("21"), Just("10")], text(20)).prop_map(Some),
        (Just("235"), text(28)).prop_map(Some),
    ];
    (prefixed(12), "[0-9]", qualifier).prop_map(|((prefix, digits), lead, qualifier)| Sample {
        prefix,
        ai: "01",
        key: with_check_digit(&format!("{lead}{digits}")),
        qualifier,
        has_urn: true,
    })
}

fn other_numeric() -> impl Strategy<Value = Sample> {
    let kinds = [("00", 16, 1), ("414", 12, 0), ("417", 12, 0), ("402", 16, 0), ("8017", 17, 0), ("8018", 17, 0)];
    (prop::sample::select(kinds.to_vec()), "[0-9]", text(20)).prop_flat_map(|((ai, length, lead), first, extension)| {
        let qualifier = (ai == "414" && extension.len() > 3).then_some(("254", extension));
        prefixed(length).prop_map(move |(prefix, digits)| Sample {
            prefix,
            ai,
            key: with_check_digit(&format!("{}{digits}", &first[..lead])),
            qualifier: qualifier.clone(),
            has_urn: true,
        })
    })
}

fn with_own_serial() -> impl Strategy<Value = Sample> {
    let kind = prop_oneof![Just(("8003", "0")), Just(("253", ""))];
    (kind, prefixed(12), prop::option::of(text(16))).prop_map(|((ai, zero), (prefix, digits), serial)| Sample {
        prefix,
        ai,
        key: format!("{zero}{}{}", with_check_digit(&digits), serial.unwrap_or_default()),
        qualifier: None,
        has_urn: true,
    })
}

fn free_text() -> impl Strategy<Value = Sample> {
    let asset = (prop_oneof![Just("8004"), Just("401")], prefixed(8), text(20));
    let asset = asset.prop_map(|(ai, (prefix, digits), text)| (ai, prefix, format!("{digits}{text}"), None));
    let part = (prefixed(8), "[#/A-Z0-9-]{1,20}", "[1-9][0-9]{0,11}");
    let part = part.prop_map(|((prefix, digits), text, serial)| {
        ("8010", prefix, format!("{digits}{text}"), Some(("8011", serial)))
    });
    prop_oneof![asset, part].prop_map(|(ai, prefix, key, qualifier)| Sample {
        prefix,
        ai,
        key,
        qualifier,
        has_urn: true,
    })
}

fn without_urn() -> impl Strategy<Value = Sample> {
    (prefixed(12), "[0-9]", "0[1-9]", text(20)).prop_map(|((prefix, digits), lead, piece, lot)| Sample {
        prefix,
        ai: "8006",
        key: format!("{}{piece}09", with_check_digit(&format!("{lead}{digits}"))),
        qualifier: Some(("10", lot)),
        has_urn: false,
    })
}

fn sample() -> impl Strategy<Value = Sample> {
    prop_oneof![trade_item(), other_numeric(), with_own_serial(), free_text(), without_urn()]
}

proptest! {
    #[test]
    fn every_spelling_is_one_id(
        sample in sample(),
        domain in "(https|HTTP)://[a-z]{1,8}\\.example(:[0-9]{1,4})?(/[a-z]{1,5}){0,2}",
        escaped in prop::collection::vec(any::<bool>(), 64),
        tail in "(\\?17=261231|#top)?",
    ) {
        let canonical = sample.canonical();
        let id = Id::parse_uri(&canonical).unwrap();
        prop_assert_eq!(id.as_str(), &canonical);
        prop_assert!(sample.prefix.covers(&id));

        // A Digital Link must escape what a path segment may not hold, and may escape anything.
        let mut choices = escaped.iter().cycle();
        let path = sample.path(|c| {
            let must = "\"%/<>?#".contains(c);
            if must || *choices.next().unwrap() { format!("%{:02x}", u32::from(c)) } else { c.to_string() }
        });
        prop_assert_eq!(Id::parse_uri(&format!("{domain}{path}{tail}")), Ok(id.clone()));

        prop_assert_eq!(Id::parse(&id.element_string().unwrap()), Ok(id.clone()));
        let plain: Vec<String> = sample.elements().map(|(ai, value)| format!("{ai}{value}")).collect();
        prop_assert_eq!(Id::parse(&format!("]C1{}", plain.join("\x1d"))), Ok(id.clone()));

        let urn = id.epc_urn(&sample.prefix);
        prop_assert_eq!(urn.is_some(), sample.has_urn);
        if let Some(urn) = urn {
            prop_assert_eq!(Id::parse_uri(&urn), Ok(id.clone()), "{}", urn);
            prop_assert_eq!(Id::parse(&urn), Ok(id.clone()));
        }
    }

    #[test]
    fn a_lot_and_a_variant_beside_a_serial_change_nothing(sample in trade_item(), serial in text(20), lot in "[A-Z]{1,20}") {
        let sample = Sample { qualifier: Some(("21", serial)), ..sample };
        let id = Id::parse_uri(&sample.canonical()).unwrap();
        let with_lot = sample.canonical().replacen("/21/", &format!("/22/V/10/{lot}/21/"), 1);
        prop_assert_eq!(Id::parse_uri(&with_lot), Ok(id.clone()));
        let message = format!("(10){lot}(17)261231{}(22)V", id.element_string().unwrap());
        prop_assert_eq!(Id::parse(&message), Ok(id));
    }

    #[test]
    fn one_changed_digit_is_found(sample in trade_item(), at in 0usize..14, by in 1u8..10) {
        let mut key = sample.key.clone().into_bytes();
        key[at] = b'0' + (key[at] - b'0' + by) % 10;
        let key = String::from_utf8(key).unwrap();
        let error = Id::parse(&format!("(01){key}")).unwrap_err().to_string();
        prop_assert!(error.contains("check digit"), "{}", error);
    }

    #[test]
    fn what_is_read_is_read_again_as_itself(text in any_text()) {
        if let Ok(id) = Id::parse(&text) {
            prop_assert_eq!(Id::parse_uri(id.as_str()), Ok(id.clone()));
            prop_assert_eq!(Id::parse(id.as_str()), Ok(id.clone()));
            if let Some(element_string) = id.element_string() {
                prop_assert_eq!(Id::parse(&element_string), Ok(id.clone()));
            }
            let _ = (id.class(), id.gtin(), id.is_class_level(), id.epc_urn(&"9506000".parse().unwrap()));
        }
    }
}

/// Anything, and things that look like ids nearly enough to come far into a reader.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[](][A-Za-z]?[0-9]?[()0-9A-Z\\\\\x1dü ]{0,60}",
        "(https?://(id\\.gs1\\.org|a)|urn:epc:(id|idpat|class):(sgtin|sgln|grai|itip|cpi|giai):)[/:.0-9A-Zü%*]{0,60}",
        "(https://a|https://id.gs1.org)(/(01|10|21|8004|401|00|414|254|09506000134352|9506000134369|A1|)){0,8}",
        "[0-9]{0,40}",
    ]
}
