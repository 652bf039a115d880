//! What is wrong with a document in XML, and at which line.

use std::fmt;

/// A place in a text, as editors count: both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextPlace {
    pub line: usize,
    pub column: usize,
}

/// Something that no document in XML may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlFault {
    pub place: TextPlace,
    pub message: String,
}

/// Characters of a message, which may quote names of the document.
const MESSAGE_CHARS_MAX: usize = 600;

/// The same before its place is counted.
#[derive(Debug)]
pub(super) struct FaultAt {
    pub(super) at: usize,
    pub(super) message: String,
}

impl FaultAt {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(MESSAGE_CHARS_MAX) {
            message.truncate(end);
            message.push('…');
        }
        Self { at, message }
    }

    pub(super) fn in_text(self, text: &str) -> XmlFault {
        XmlFault { place: TextPlace::of(text, self.at), message: self.message }
    }
}

impl TextPlace {
    /// The place of a byte.
    pub(super) fn of(text: &str, at: usize) -> Self {
        Self::all(text, &[at]).first().copied().unwrap_or(Self { line: 1, column: 1 })
    }

    /// The places of bytes, in one walk through the text: thousands of events may each have a fault.
    pub(super) fn all(text: &str, wanted: &[usize]) -> Vec<Self> {
        let mut places = vec![Self { line: 1, column: 1 }; wanted.len()];
        let mut order: Vec<(usize, usize)> = wanted.iter().copied().zip(0..).collect();
        order.sort_unstable();
        let mut here = Self { line: 1, column: 1 };
        let mut rest = text.char_indices().peekable();
        for (at, index) in order {
            while let Some((_, c)) = rest.next_if(|(start, c)| start + c.len_utf8() <= at) {
                here = match c {
                    '\n' => Self { line: here.line + 1, column: 1 },
                    _ => Self { line: here.line, column: here.column + 1 },
                };
            }
            if let Some(place) = places.get_mut(index) {
                *place = here;
            }
        }
        places
    }
}

impl fmt::Display for TextPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_as_editors_do() {
        let text = "ab\nüü<c\r\n";
        let place = |at| TextPlace::of(text, at).to_string();
        assert_eq!(place(0), "line 1, column 1");
        assert_eq!(place(7), "line 2, column 3");
        assert_eq!(place(4), "line 2, column 1", "within a character");
        assert_eq!(place(99), "line 3, column 1");
        let both = TextPlace::all(text, &[7, 0, 7]);
        assert_eq!(both.iter().map(TextPlace::to_string).collect::<Vec<_>>(), [place(7), place(0), place(7)]);
    }
}
