//! Names and dates as they stand in sentences for people.

use crate::consortium::{ParticipantId, Registry};
use crate::gs1::Id;
use crate::time::Timestamp;

/// Characters of an organisation's name or of an id that a sentence shows.
const SHOWN_CHARS_MAX: usize = 80;

/// The day in UTC, such as `2026-03-02`.
pub(super) fn day(time: Timestamp) -> String {
    time.text().as_str().chars().take(10).collect()
}

/// The minute in UTC, such as `2026-03-02 09:30 UTC`.
pub(super) fn minute(time: Timestamp) -> String {
    let text: String = time.to_string().chars().take(16).collect();
    format!("{} UTC", text.replace('T', " "))
}

/// An organisation's name.
pub(super) fn name(registry: &Registry, id: &ParticipantId) -> String {
    match registry.participant(id) {
        Some(participant) => shown(participant.claims.organization.as_str()),
        None => "an unregistered organisation".to_owned(),
    }
}

/// An id: bracketed as on a label where it is GS1's, else the URI.
pub(super) fn id(id: &Id) -> String {
    shown(&id.element_string().unwrap_or_else(|| id.as_str().to_owned()))
}

/// A place: by its GLN where it is one, else as an id.
pub(super) fn place(id: &Id) -> String {
    id.gln().map_or_else(|| self::id(id), |gln| format!("GLN {gln}"))
}

/// `text` cut to a length that a sentence bears, without characters that would turn or hide what stands beside them.
pub(super) fn shown(text: &str) -> String {
    let mut kept = text.chars().filter(|character| !is_invisible(*character));
    let mut shown: String = kept.by_ref().take(SHOWN_CHARS_MAX).collect();
    if kept.next().is_some() {
        shown.push('…');
    }
    shown
}

/// `text` with a full stop at its end.
pub(super) fn stop(text: &str) -> String {
    if text.ends_with(['.', '!', '?', '…']) { text.to_owned() } else { format!("{text}.") }
}

/// `text` with a capital at its beginning.
pub(super) fn sentence_case(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// Zero-width characters, directional overrides and isolates, the byte order mark.
const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_utc() {
        let time: Timestamp = "2026-03-02T00:30:00+09:00".parse().unwrap();
        assert_eq!(day(time), "2026-03-01");
        assert_eq!(minute(time), "2026-03-01 15:30 UTC");
    }

    #[test]
    fn names_cannot_turn_a_sentence_round() {
        assert_eq!(shown("Acme\u{202E} Pharma\u{200B}"), "Acme Pharma");
        assert_eq!(shown(&"x".repeat(200)), format!("{}…", "x".repeat(80)));
        assert_eq!(sentence_case("an organisation"), "An organisation");
    }
}
