//! The ids of one document, each read once: the same place stands in most events, and one reader after another asks what
//! an id's text means.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::gs1::{Id, IdError};
use crate::limits::IDS_PER_CAPTURE_MAX;

/// Ids that have been read, by the text that they stood in and by their canonical text; as many as a capture may name.
#[derive(Debug, Default)]
pub(super) struct Ids(RefCell<HashMap<String, Id>>);

impl Ids {
    /// What [`Id::parse_uri`] gives for this text.
    pub(super) fn parse_uri(&self, text: &str) -> Result<Id, IdError> {
        if let Some(id) = self.0.borrow().get(text) {
            return Ok(id.clone());
        }
        let id = Id::parse_uri(text)?;
        let mut known = self.0.borrow_mut();
        if known.len() < IDS_PER_CAPTURE_MAX {
            if id.as_str() != text {
                known.insert(id.as_str().to_owned(), id.clone());
            }
            known.insert(text.to_owned(), id.clone());
        }
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_what_reading_gives_each_time() {
        let ids = Ids::default();
        for text in [
            "urn:epc:id:sgtin:9506000.013435.A1",
            "https://id.gs1.org/01/09506000134352/10/L/21/A1",
            "https://id.gs1.org/01/09506000134352/21/A1",
            "urn:example:x",
        ] {
            let id = Id::parse_uri(text).unwrap();
            for spelling in [text, id.as_str(), text] {
                let read = ids.parse_uri(spelling).unwrap();
                assert_eq!((read.as_str(), read.kind()), (id.as_str(), id.kind()), "{spelling}");
            }
        }
        for _ in 0..2 {
            assert!(ids.parse_uri("https://id.gs1.org/01/09506000134353").is_err());
        }
    }
}
