//! Master data as bytes.
//!
//! | bytes | what |
//! |---|---|
//! | text | the id, canonical |
//! | number | bytes of what follows of this element |
//! | text | the vocabulary |
//! | list | of each attribute its name and its value, as texts; the value is JSON |
//! | list | the ids of its children, as texts |

use crate::binary::{BinaryFault, Malformed, Reader, put_number, put_text};
use crate::epcis::VocabularyElement;
use crate::json;

/// The elements one after the other.
pub(super) fn bytes_of(elements: &[&VocabularyElement]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for VocabularyElement { vocabulary, id, attributes, children } in elements.iter().copied() {
        let mut said = Vec::new();
        put_text(&mut said, vocabulary);
        put_number(&mut said, attributes.len() as u64);
        for (name, value) in attributes {
            put_text(&mut said, name);
            put_text(&mut said, &value.to_string());
        }
        put_number(&mut said, children.len() as u64);
        children.iter().for_each(|child| put_text(&mut said, child));
        put_text(&mut bytes, id);
        put_number(&mut bytes, said.len() as u64);
        bytes.extend_from_slice(&said);
    }
    bytes
}

/// The elements, each as its id and the bytes of what is said of it, up to the first that cannot be read.
pub(super) struct Elements<'a>(Reader<'a>);

impl<'a> Elements<'a> {
    pub(super) fn of(reader: Reader<'a>) -> Self {
        Self(reader)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.end().is_err().then(|| split(&mut self.0).ok()).flatten()
    }
}

fn split<'a>(reader: &mut Reader<'a>) -> Result<(&'a str, &'a [u8]), Malformed> {
    let id = reader.text()?;
    let length = reader.count(1)?;
    Ok((id, reader.take(length)?))
}

/// What the elements of an id say.
pub(super) fn read_of(mut reader: Reader<'_>, id: &str) -> Result<Vec<VocabularyElement>, Malformed> {
    let mut found = Vec::new();
    while reader.end().is_err() {
        let (own, said) = split(&mut reader)?;
        if own == id {
            let begin = reader.offset() - said.len();
            found.push(
                read(&mut Reader::new(said, 0), id)
                    .map_err(|Malformed { offset, fault }| Malformed { offset: begin + offset, fault })?,
            );
        }
    }
    Ok(found)
}

fn read(reader: &mut Reader<'_>, id: &str) -> Result<VocabularyElement, Malformed> {
    let vocabulary = reader.text()?.to_owned();
    let attributes = reader.list(2, |reader| {
        let name = reader.text()?.to_owned();
        let begin = reader.clone();
        let value = json::read(reader.text()?.as_bytes());
        Ok((name, value.map_err(|_| begin.fault(BinaryFault::Wrong { what: "an attribute's value" }))?))
    })?;
    let children = reader.list(1, |reader| Ok(reader.text()?.to_owned()))?;
    reader.end()?;
    Ok(VocabularyElement { vocabulary, id: id.to_owned(), attributes, children })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::json::Json;

    fn element(id: &str, attributes: &[(&str, serde_json::Value)]) -> VocabularyElement {
        VocabularyElement {
            vocabulary: "urn:epcglobal:epcis:vtype:EPCClass".to_owned(),
            id: id.to_owned(),
            attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect(),
            children: vec!["urn:x:child".to_owned()],
        }
    }

    fn ids(bytes: &[u8]) -> Vec<String> {
        Elements::of(Reader::new(bytes, 0)).map(|(id, _)| id.to_owned()).collect()
    }

    #[test]
    fn elements_come_back_by_their_ids() {
        let first = element("urn:x:a", &[("urn:x:name", json!("Käse")), ("urn:x:size", json!({"@value": 1.50}))]);
        let again = element("urn:x:a", &[]);
        let other = element("urn:x:b", &[("urn:x:name", json!(["x", null]))]);
        let bytes = bytes_of(&[&first, &other, &again]);
        assert_eq!(read_of(Reader::new(&bytes, 0), "urn:x:a").unwrap(), [first, again]);
        assert_eq!(read_of(Reader::new(&bytes, 0), "urn:x:b").unwrap(), [other]);
        assert!(read_of(Reader::new(&bytes, 0), "urn:x").unwrap().is_empty());
        assert_eq!(ids(&bytes), ["urn:x:a", "urn:x:b", "urn:x:a"]);
        assert!(ids(&bytes_of(&[])).is_empty());
    }

    #[test]
    fn what_is_cut_off_or_changed_is_a_fault_and_no_panic() {
        let element = element("urn:x:a", &[("urn:x:name", json!("x"))]);
        let bytes = bytes_of(&[&element]);
        for cut in 1..bytes.len() {
            assert!(read_of(Reader::new(&bytes[..cut], 0), "urn:x:a").is_err(), "{cut}");
            ids(&bytes[..cut]);
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            let _ = read_of(Reader::new(&changed, 0), "urn:x:a");
        }
        let at = bytes.windows(3).position(|three| three == b"\"x\"").unwrap();
        let mut no_json = bytes;
        no_json[at] = b'x';
        let fault = read_of(Reader::new(&no_json, 0), "urn:x:a").unwrap_err();
        assert_eq!((fault.offset, fault.fault), (at - 1, BinaryFault::Wrong { what: "an attribute's value" }));
        assert_eq!(Json::from("x").to_string(), "\"x\"");
    }
}
