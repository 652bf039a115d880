//! Names, numbers and dates as they stand in sentences for people.
//!
//! Participants choose their names, and the texts of their records. Sentences quote both, so that no participant writes a sentence of ours by
//! choosing one.

use crate::consortium::{ParticipantId, Registry};
use crate::gs1::Id;
use crate::provenance::phrase::Phrase;
use crate::provenance::sentences::Wording;
use crate::time::Timestamp;

/// Characters of an organisation's name or of an id that a sentence shows.
const SHOWN_CHARS_MAX: usize = 80;

/// The calendar day in UTC as labels and master data write days, which name no zone: `2026-03-02`.
pub(super) fn date(time: Timestamp) -> String {
    time.text().as_str().chars().take(10).collect()
}

/// The day in UTC, such as `2026-03-02 UTC`.
pub(super) fn day(time: Timestamp) -> String {
    format!("{} UTC", date(time))
}

/// The minute in UTC, such as `2026-03-02 09:30 UTC`.
pub fn minute(time: Timestamp) -> String {
    format!("{} {} UTC", date(time), clock(time))
}

/// The day as calendars showed it at an offset from UTC such as `+09:00`: `2026-03-03 +09:00 (2026-03-02 UTC)`, and `2026-03-02 +09:00`
/// where it is the same day in UTC.
pub(super) fn day_at(time: Timestamp, offset: &str) -> String {
    let Some(there) = at_offset(time, offset) else { return day(time) };
    let (own, utc) = (date(there), date(time));
    if own == utc { format!("{own} {offset}") } else { format!("{own} {offset} ({utc} UTC)") }
}

/// The minute as clocks showed it at an offset from UTC, and in UTC beside it: `2026-03-02 17:00 +09:00 (08:00 UTC)`, with the day in UTC
/// if that is another one.
pub fn minute_at(time: Timestamp, offset: &str) -> String {
    let Some(there) = at_offset(time, offset) else { return minute(time) };
    let (own, utc) = (date(there), date(time));
    let utc_day = if own == utc { String::new() } else { format!("{utc} ") };
    format!("{own} {} {offset} ({utc_day}{} UTC)", clock(there), clock(time))
}

/// `17:00` of a time in UTC.
fn clock(time: Timestamp) -> String {
    time.text().as_str().chars().skip(11).take(5).collect()
}

/// What clocks showed at an offset, as if it were a time in UTC. `None` if they showed UTC, or the offset is none.
fn at_offset(time: Timestamp, offset: &str) -> Option<Timestamp> {
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
    let signed = if offset.starts_with('-') { -minutes } else { minutes };
    (signed != 0).then(|| time.plus_millis(signed * 60_000))
}

/// An organisation's name, quoted.
pub(super) fn name(registry: &Registry, id: &ParticipantId) -> Wording {
    match registry.participant(id) {
        Some(participant) => quoted(participant.claims.organization.as_str()).into(),
        None => Phrase::Unregistered.into(),
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

/// What a participant wrote, as it is shown, in quotation marks that it cannot close: each run of quotation marks in it becomes one `'`.
pub fn quoted(text: &str) -> String {
    let mut kept = String::new();
    let mut in_marks = false;
    for character in text.chars().filter(|character| !is_invisible(*character)) {
        let is_mark = is_quotation_mark(character);
        if !is_mark {
            kept.push(character);
        } else if !in_marks {
            kept.push('\'');
        }
        in_marks = is_mark;
    }
    format!("“{}”", shown(&kept))
}

/// Zero-width characters, directional overrides and isolates, the byte order mark.
const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

/// Quotation marks, single and double, of any script, and what looks like one.
const fn is_quotation_mark(character: char) -> bool {
    matches!(
        character,
        '"' | '\'' | '`' | '\u{A8}' | '«' | '\u{B4}' | '»' | '\u{2B9}'..='\u{2BD}' | '\u{2C8}' | '\u{2CA}' | '\u{2CB}' | '\u{2DD}'
            | '\u{2EE}' | '\u{2F4}' | '\u{2F5}' | '\u{2F6}' | '\u{55A}' | '\u{55B}' | '\u{5F3}' | '\u{5F4}' | '\u{2018}'..='\u{201F}'
            | '\u{2032}'..='\u{2037}' | '‹' | '›' | '\u{2057}' | '\u{275B}'..='\u{2760}' | '\u{276E}' | '\u{276F}'
            | '\u{2E42}' | '\u{3003}' | '\u{300C}'..='\u{300F}' | '\u{301D}'..='\u{301F}' | '\u{FE41}'..='\u{FE44}' | '\u{FF02}'
            | '\u{FF07}' | '\u{FF40}' | '\u{FF62}' | '\u{FF63}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_name_their_zone() {
        let time: Timestamp = "2026-03-02T00:30:00+09:00".parse().unwrap();
        assert_eq!((day(time).as_str(), minute(time).as_str()), ("2026-03-01 UTC", "2026-03-01 15:30 UTC"));
        for (offset, day, minute) in [
            ("+09:00", "2026-03-02 +09:00 (2026-03-01 UTC)", "2026-03-02 00:30 +09:00 (2026-03-01 15:30 UTC)"),
            ("-03:30", "2026-03-01 -03:30", "2026-03-01 12:00 -03:30 (15:30 UTC)"),
            ("+00:00", "2026-03-01 UTC", "2026-03-01 15:30 UTC"),
            ("-00:00", "2026-03-01 UTC", "2026-03-01 15:30 UTC"),
            ("", "2026-03-01 UTC", "2026-03-01 15:30 UTC"),
        ] {
            assert_eq!((day_at(time, offset).as_str(), minute_at(time, offset).as_str()), (day, minute), "{offset}");
        }
    }

    #[test]
    fn names_cannot_turn_a_sentence_round() {
        assert_eq!(shown("Acme\u{202E} Pharma\u{200B}"), "Acme Pharma");
        assert_eq!(shown(&"x".repeat(200)), format!("{}…", "x".repeat(80)));
    }

    #[test]
    fn names_cannot_leave_their_quotation_marks() {
        assert_eq!(quoted("Acme Pharma"), "“Acme Pharma”");
        assert_eq!(quoted("X\". It is genuine. \"Y"), "“X'. It is genuine. 'Y”");
        assert_eq!(quoted("O'Neill”, “and"), "“O'Neill', 'and”");
        assert_eq!(quoted("two '' of them, ‘\u{200B}’ and «"), "“two ' of them, ' and '”");
        assert_eq!(quoted(&"x".repeat(200)), format!("“{}…”", "x".repeat(80)));
    }
}
