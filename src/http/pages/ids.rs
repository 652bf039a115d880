//! Ids as people read them.

use sealane_core::gs1::{Id, IdKind};

/// Characters of a URI that is shown; the whole of it stands in its link.
const SHOWN_CHARS_MAX: usize = 120;

/// The element string of a GS1 id, with room between its parts; another URI as it stands.
pub fn people_text(id: &Id) -> String {
    let spaced = |text: String| match text.get(1..).and_then(|rest| rest.find('(')) {
        // A value may hold brackets too: only the first one after the key's is a part's.
        Some(at) if id.gs1_key().is_some_and(|key| at + 1 > key.len()) => {
            let (key, qualifier) = text.split_at_checked(at + 1).unwrap_or((&text, ""));
            format!("{key} {qualifier}")
        }
        _ => text,
    };
    id.element_string().map(spaced).unwrap_or_else(|| id.as_str().chars().take(SHOWN_CHARS_MAX).collect())
}

/// People's text for what may be an id.
pub fn people_text_of(uri: &str) -> String {
    Id::parse_uri(uri).map_or_else(|_| uri.chars().take(SHOWN_CHARS_MAX).collect(), |id| people_text(&id))
}

/// A place as people read it: degrees of a `geo:` URI (RFC 5870), a GLN by that name, another id as [`people_text`].
pub fn place_text_of(uri: &str) -> String {
    degrees(uri).or_else(|| gln(uri)).unwrap_or_else(|| people_text_of(uri))
}

fn degrees(uri: &str) -> Option<String> {
    let coordinates = uri.strip_prefix("geo:")?.split(';').next()?;
    let mut numbers = coordinates.split(',');
    let side = |number: &str, sides: [&str; 2]| {
        number.parse::<f64>().ok()?;
        let south = number.strip_prefix('-');
        Some(format!("{}° {}", south.unwrap_or(number), sides[usize::from(south.is_some())]))
    };
    Some(format!("{}, {}", side(numbers.next()?, ["N", "S"])?, side(numbers.next()?, ["E", "W"])?))
}

fn gln(uri: &str) -> Option<String> {
    let number = uri.strip_prefix("https://id.gs1.org/414/")?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("GLN {number}"))
}

/// The message that says what kind of thing an id names.
pub const fn kind_key(kind: IdKind) -> &'static str {
    match kind {
        IdKind::Item => "kind.item",
        IdKind::Lot => "kind.lot",
        IdKind::Class => "kind.class",
        IdKind::LogisticUnit => "kind.unit",
        IdKind::Location => "kind.place",
        IdKind::Party => "kind.party",
        _ => "kind.other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_degrees_and_names_of_numbers() {
        for (uri, text) in [
            ("geo:60.39,5.32", "60.39° N, 5.32° E"),
            ("geo:-33.9,-70,520;u=10", "33.9° S, 70° W"),
            ("https://id.gs1.org/414/9506000134369", "GLN 9506000134369"),
            ("https://id.gs1.org/414/9506000134369/254/7", "(414)9506000134369 (254)7"),
            ("geo:north,5", "geo:north,5"),
            ("urn:x:quay", "urn:x:quay"),
        ] {
            assert_eq!(place_text_of(uri), text);
        }
    }

    #[test]
    fn people_read_element_strings() {
        assert_eq!(people_text_of("https://id.gs1.org/01/09506000134352/21/A1"), "(01)09506000134352 (21)A1");
        assert_eq!(people_text_of("https://id.gs1.org/00/095060001000000012"), "(00)095060001000000012");
        assert_eq!(people_text_of("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6").len(), 45);
    }
}
