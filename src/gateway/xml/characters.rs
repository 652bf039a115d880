//! Characters, names and references of XML 1.0: what quick-xml does not look at.

use std::borrow::Cow;

/// Tells whether a character may stand in a document (XML 1.0 §2.2).
pub(super) const fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// Tells whether a text is the name of an element, of an attribute or a prefix, without a colon (Namespaces in XML §3).
pub(super) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(starts_name) && chars.all(|c| starts_name(c) || continues_name(c))
}

const fn starts_name(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
        | '\u{10000}'..='\u{effff}')
}

const fn continues_name(c: char) -> bool {
    matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// White space of XML, which is less than that of Unicode.
pub(super) const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The text without the white space around it.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// The character that a reference stands for: one of the five that XML knows without a declaration, or one by its number. `None` for
/// what would have to be declared, or is no character.
pub(super) fn referenced(name: &str) -> Option<char> {
    let numbered = |digits: &str, radix| {
        let plain = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        plain.then(|| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32)).flatten()
    };
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix("#x") {
            Some(digits) => numbered(digits, 16),
            None => numbered(name.strip_prefix('#')?, 10),
        },
    }
    .filter(|c| is_char(*c))
}

/// Text with the ends of its lines as one character each (XML 1.0 §2.11).
pub(super) fn lines(text: &str) -> Cow<'_, str> {
    if !text.contains('\r') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_five_words_or_numbers_of_characters() {
        for (name, c) in [("amp", '&'), ("lt", '<'), ("#65", 'A'), ("#x1F600", '😀'), ("#xfc", 'ü')] {
            assert_eq!(referenced(name), Some(c), "{name}");
        }
        for name in ["nbsp", "", "#", "#x", "#0", "#xD800", "#x110000", "#+65", "#X41", "#99999999999"] {
            assert_eq!(referenced(name), None, "{name}");
        }
    }

    #[test]
    fn names_begin_with_a_letter() {
        assert!(is_name("eventTime") && is_name("_a-b.1") && is_name("größe"));
        for name in ["", "1a", "-a", "a:b", "a b", "a/b", "×"] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn ends_of_lines_are_one_character() {
        assert_eq!(lines("a\r\nb\rc\nd"), "a\nb\nc\nd");
        assert_eq!(trimmed("\r\n a\u{a0} "), "a\u{a0}");
    }
}
