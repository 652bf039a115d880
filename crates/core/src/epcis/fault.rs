//! What is wrong with a document, place by place.

use std::fmt;

use crate::json::JsonError;
use crate::limits::FAULTS_MAX;

/// One place where a document breaks the standard or a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpcisFault {
    /// JSON pointer (RFC 6901) to the value at fault; empty for the whole document.
    pub pointer: String,
    /// What is wrong there, and what would be right.
    pub message: String,
    pub kind: FaultKind,
}

/// Whether a document is wrong or only too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It breaks EPCIS 2.0, CBV 2.0, GS1's keys or JSON.
    Standard,
    /// It is more than one capture may hold.
    TooMany,
}

/// Everything found wrong with one document: at least one fault and at most [`FAULTS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    list: Vec<EpcisFault>,
    more: bool,
}

impl Faults {
    /// The faults, in the order of the document.
    pub fn iter(&self) -> std::slice::Iter<'_, EpcisFault> {
        self.list.iter()
    }

    /// True when the reader stopped looking at [`FAULTS_MAX`].
    pub fn more(&self) -> bool {
        self.more
    }

    /// True when the document is too large, whatever else is wrong with it.
    pub fn too_many(&self) -> bool {
        self.list.iter().any(|fault| fault.kind == FaultKind::TooMany)
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a EpcisFault;
    type IntoIter = std::slice::Iter<'a, EpcisFault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for EpcisFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "the top" } else { &self.pointer };
        write!(f, "at {place}: {}", self.message)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.list.iter().enumerate() {
            write!(f, "{}{fault}", if at == 0 { "" } else { "; " })?;
        }
        if self.more { write!(f, "; and more: only the first {FAULTS_MAX} are listed") } else { Ok(()) }
    }
}

impl std::error::Error for Faults {}

impl From<JsonError> for Faults {
    fn from(error: JsonError) -> Self {
        let JsonError { pointer, message } = error;
        Self { list: vec![EpcisFault { pointer, message, kind: FaultKind::Standard }], more: false }
    }
}

/// Gathers faults up to the limit.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    list: Vec<EpcisFault>,
    more: bool,
}

impl Gathered {
    pub(super) fn push(&mut self, fault: EpcisFault) {
        if self.list.len() < FAULTS_MAX {
            self.list.push(fault);
        } else {
            self.more = true;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// True when looking further would add nothing to the answer.
    pub(super) fn is_full(&self) -> bool {
        self.more
    }

    /// Gives out what was read, if it was read and nothing is wrong with it.
    pub(super) fn into_result<T>(mut self, read: Option<T>) -> Result<T, Faults> {
        match read {
            Some(read) if self.list.is_empty() => Ok(read),
            _ => {
                if self.list.is_empty() {
                    let message = "passes every check and still cannot be read; please report it".to_owned();
                    self.push(EpcisFault { pointer: String::new(), message, kind: FaultKind::Standard });
                }
                Err(Faults { list: self.list, more: self.more })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_up_to_the_limit_and_says_so() {
        let mut gathered = Gathered::default();
        for n in 0..=FAULTS_MAX {
            assert!(!gathered.is_full());
            let kind = if n == 0 { FaultKind::TooMany } else { FaultKind::Standard };
            gathered.push(EpcisFault { pointer: format!("/{n}"), message: "wrong".into(), kind });
        }
        assert!(gathered.is_full());
        let faults = gathered.into_result(Some(())).unwrap_err();
        assert_eq!(faults.iter().len(), FAULTS_MAX);
        assert!(faults.more() && faults.too_many());
        assert!(faults.to_string().starts_with("at /0: wrong; at /1: wrong"));
        assert!(faults.to_string().ends_with("; and more: only the first 20 are listed"));
    }

    #[test]
    fn an_error_has_a_fault_and_a_fault_is_an_error() {
        assert_eq!(Gathered::default().into_result(Some(1)), Ok(1));
        assert_eq!(Gathered::default().into_result(None::<()>).unwrap_err().iter().len(), 1);
    }
}
