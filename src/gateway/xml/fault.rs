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

/// The same before its place is counted.
#[derive(Debug)]
pub(super) struct FaultAt {
    pub(super) at: usize,
    pub(super) message: String,
}

impl FaultAt {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    pub(super) fn in_text(self, text: &str) -> XmlFault {
        XmlFault { place: TextPlace::of(text, self.at), message: self.message }
    }
}

impl TextPlace {
    /// The place of a byte.
    pub(super) fn of(text: &str, at: usize) -> Self {
        let mut at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let before = text.get(..at).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        let column = 1 + before.rsplit('\n').next().unwrap_or_default().chars().count();
        Self { line, column }
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
    }
}
