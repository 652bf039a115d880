//! EPCIS in XML, versions 1.1, 1.2 and 2.0: from a document to the JSON of EPCIS 2.0 that says the same. Pure.
//!
//! `parse` reads elements and resolves namespaces, within limits; `convert` makes members of them by the tables of `table`; `extension`
//! has the rules for elements of other namespaces, `document` those for the frame, `prefixes` chooses the names. The JSON goes on to
//! [`super::normalise`] and to the strict reader, as JSON that came as such: what a word or an id may be is decided there alone. Each
//! value knows where it stood ([`places`]), so that a fault names its line.
//!
//! The order of elements is not looked at. XML's schemas have one for each version; the JSON has none, and nothing depends on it.

mod characters;
mod convert;
mod document;
mod extension;
mod fault;
mod namespace;
mod parse;
mod placed;
mod prefixes;
mod scope;
mod table;
mod tree;
mod write;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use sealane_core::epcis::Change;
use sealane_core::json::Json;

use super::decode::{DecodeError, TextForm, decode};
use convert::Conversion;
use document::{ConvertedTree, convert};
use fault::FaultAt;

pub use fault::{TextPlace, XmlFault};
pub use write::{WordForm, write};

/// Elements within each other. EPCIS itself has a dozen, and the JSON that comes of it has a limit of its own.
pub const DEPTH_MAX: usize = 64;

/// Attributes of one element, with declarations of namespaces: a sensor report has two dozen of the standard's.
pub const ATTRIBUTES_MAX: usize = 64;

/// Elements of a document. One of EPCIS has some thirty bytes at the least, so that a whole body has fewer; an empty one has four, and
/// takes fifty times that in memory.
pub const ELEMENTS_MAX: usize = 400_000;

/// Namespaces of a document, and declarations in force at a place: each name is looked for among these.
pub const NAMESPACES_MAX: usize = 256;

/// A document of EPCIS 2.0 JSON that was XML.
#[derive(Debug, Clone, PartialEq)]
pub struct XmlDocument {
    pub document: Json,
    /// What became of the whole.
    pub changed: Vec<Change>,
    /// What EPCIS does not have, or JSON has no form for. A document is not taken with any of these, an event not with its own.
    pub objections: Vec<XmlObjection>,
    /// There are more objections than these.
    pub more: bool,
}

/// Something that is not taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlObjection {
    /// The event it is in, by its place in `eventList`; `None` outside of all.
    pub event: Option<usize>,
    pub fault: XmlFault,
}

/// Reads a document, or an event alone.
///
/// # Errors
///
/// What is no XML, has more than the limits let it have, or is no document of EPCIS.
pub fn read(bytes: &[u8]) -> Result<XmlDocument, XmlFault> {
    let (text, form) = text_of(bytes)?;
    if text.trim_start_matches(characters::is_space).starts_with(['{', '[']) {
        let message = "this is JSON, and was sent as XML: send it as application/json";
        return Err(FaultAt::new(0, message).in_text(&text));
    }
    let tree = parse::parse(&text, form).map_err(|fault| fault.in_text(&text))?;
    let converted = convert(&tree).map_err(|fault| fault.in_text(&text))?;
    let ConvertedTree { document, conversion, was, was_query, left_out } = converted;
    let Conversion { objections, more, .. } = conversion;
    let at: Vec<usize> = objections.iter().map(|one| one.fault.at).collect();
    let objections = objections.into_iter().zip(TextPlace::all(&text, &at));
    let objections = objections
        .map(|(one, place)| XmlObjection { event: one.event, fault: XmlFault { place, message: one.fault.message } })
        .collect();
    Ok(XmlDocument {
        document: document.into_json(),
        changed: changes(form, &was, was_query, left_out),
        objections,
        more,
    })
}

/// Where the values begin that JSON pointers into the converted document lead to. A pointer to what is not there leads to what would hold it.
pub fn places<'p>(bytes: &[u8], pointers: impl Iterator<Item = &'p str>) -> Vec<TextPlace> {
    let Ok((text, form)) = text_of(bytes) else { return Vec::new() };
    let Ok(tree) = parse::parse(&text, form) else { return Vec::new() };
    let Ok(converted) = convert(&tree) else { return Vec::new() };
    let at: Vec<usize> = pointers.map(|pointer| converted.document.find(pointer)).collect();
    TextPlace::all(&text, &at)
}

fn changes(form: TextForm, was: &str, was_query: bool, left_out: bool) -> Vec<Change> {
    let told = |message: String| Change { pointer: String::new(), message };
    let mut changed: Vec<Change> = form.change().map(|change| told(change.to_owned())).into_iter().collect();
    changed.push(told(format!("was XML of {was} and is JSON of EPCIS 2.0 now")));
    if was_query {
        changed.push(told("was the answer of a query, and is an EPCISDocument of its events now".to_owned()));
    }
    if left_out {
        changed.push(told("schemaVersion and creationDate are left out: an event alone has none".to_owned()));
    }
    changed
}

fn text_of(bytes: &[u8]) -> Result<(Cow<'_, str>, TextForm), XmlFault> {
    let first = |message: String| XmlFault { place: TextPlace { line: 1, column: 1 }, message };
    if let [0, _, ..] | [_, 0, ..] = bytes {
        return Err(first("this is UTF-16 without a byte order mark: save the document as UTF-8".to_owned()));
    }
    match decode(bytes) {
        Ok(found) => Ok((found.text, found.form)),
        Err(error) => Err(first(match declared_encoding(bytes) {
            Some(name) if error != DecodeError::NoUtf16 => format!(
                "the XML declaration says {name:?}, and the text is not UTF-8: save the document as UTF-8, and say so in its declaration"
            ),
            _ => error.to_string(),
        })),
    }
}

/// The encoding that a declaration names, of a text that could not be decoded.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    /// Bytes of a declaration, with room.
    const DECLARATION_BYTES_MAX: usize = 200;
    let start: String = bytes.iter().take(DECLARATION_BYTES_MAX).map(|byte| char::from(*byte)).collect();
    let rest = start.strip_prefix("<?xml")?.split("?>").next()?.split_once("encoding")?.1;
    let mut quoted = rest.split(['"', '\'']);
    quoted.next()?;
    let name = quoted.next()?;
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())).then(|| name.to_owned())
}
