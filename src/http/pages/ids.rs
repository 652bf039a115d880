//! Ids as people read them.

use crate::domain::gs1::{Id, IdKind};

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
    fn people_read_element_strings() {
        assert_eq!(people_text_of("https://id.gs1.org/01/09506000134352/21/A1"), "(01)09506000134352 (21)A1");
        assert_eq!(people_text_of("https://id.gs1.org/00/095060001000000012"), "(00)095060001000000012");
        assert_eq!(people_text_of("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6").len(), 45);
    }
}
