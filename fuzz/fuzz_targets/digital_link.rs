//! A text is no id, or has one canonical form, and every spelling of that leads back to it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sealane_core::gs1::{CompanyPrefix, ElementString, Gln, Gtin, Id, Sscc};
use sealane_core::limits::ID_CHARS_MAX;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for id in [Id::parse(text), Id::parse_uri(text)].into_iter().flatten() {
        check(&id);
    }
    if let Ok(elements) = ElementString::parse(text) {
        let plain = elements.to_plain();
        let again = ElementString::parse(&plain).unwrap_or_else(|error| panic!("{plain:?} is refused: {error}"));
        assert_eq!(again.elements(), elements.elements(), "{plain:?}");
        if let Ok(id) = elements.id() {
            check(&id);
        }
    }
    let _ = text.parse::<Gtin>().map(|gtin| check(&gtin.id()));
    let _ = text.parse::<Sscc>().map(|sscc| check(&sscc.id()));
    let _ = text.parse::<Gln>().map(|gln| check(&gln.id()));
    let _ = text.parse::<CompanyPrefix>();
});

fn check(id: &Id) {
    let text = id.as_str();
    for again in [Id::parse_uri(text), Id::parse(text)] {
        let again = again.unwrap_or_else(|error| panic!("the canonical {text:?} is refused: {error}"));
        assert_eq!((again.as_str(), again.kind()), (text, id.kind()));
    }
    if let Some(elements) = id.element_string() {
        assert_eq!(Id::parse(&elements).as_ref(), Ok(id), "{elements:?}");
    }
    if let Some(path) = id.path() {
        assert_eq!(Id::parse_uri(&format!("https://shop.example/a{path}?17=261231#x")).as_ref(), Ok(id), "{path:?}");
    }
    let Some(digits) = id.prefix_digits() else { return };
    for length in 4..=12.min(digits.len()) {
        let Ok(prefix) = digits[..length].parse::<CompanyPrefix>() else { continue };
        assert!(prefix.covers(id), "{prefix:?} {text}");
        let Some(urn) = id.epc_urn(&prefix) else { continue };
        if urn.len() <= ID_CHARS_MAX {
            assert_eq!(Id::parse(&urn).as_ref(), Ok(id), "{urn}");
        }
    }
    let _ = (id.class(), id.gtin(), id.gln(), id.gs1_key(), id.is_class_level(), id.lot("L1"));
}
