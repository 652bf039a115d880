//! From text to elements. quick-xml cuts the text into tags; this holds it to XML 1.0 and to the limits, and resolves namespaces.
//!
//! There is no DTD: a `<!DOCTYPE>` is refused, so nothing is declared, nothing is fetched and no entity grows.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::Event;
use sealane_core::limits::NAME_CHARS_MAX;

use super::characters::{is_char, is_name, is_space, lines, referenced, trimmed};
use super::fault::FaultAt;
use super::namespace::{XML_NAMESPACE, XMLNS_NAMESPACE};
use super::scope::Scope;
use super::tree::{Attribute, Element, Name, Namespaces, Tree};
use super::{ATTRIBUTES_MAX, DEPTH_MAX, ELEMENTS_MAX};
use crate::gateway::decode::TextForm;

/// Reads a text that is one document.
pub(super) fn parse(text: &str, form: TextForm) -> Result<Tree<'_>, FaultAt> {
    Parser { text, form, scope: Scope::new(), open: Vec::new(), root: None, elements: 0 }.run()
}

struct Parser<'t> {
    text: &'t str,
    form: TextForm,
    scope: Scope<'t>,
    /// The elements whose end has not come yet, with their names as they were written.
    open: Vec<Element<'t>>,
    root: Option<Element<'t>>,
    elements: usize,
}

impl<'t> Parser<'t> {
    fn run(mut self) -> Result<Tree<'t>, FaultAt> {
        let mut reader = Reader::from_str(self.text);
        reader.config_mut().enable_all_checks(true);
        loop {
            let at = offset(reader.buffer_position());
            let event = reader.read_event().map_err(|error| {
                FaultAt::new(offset(reader.error_position()), format!("this is not well-formed XML: {error}"))
            })?;
            let raw = self.text.get(at..offset(reader.buffer_position())).unwrap_or_default();
            match event {
                Event::Start(_) => self.start(at, inside(raw, "<", ">"))?,
                Event::Empty(_) => {
                    self.start(at, inside(raw, "<", "/>"))?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(_) => self.text(at, raw)?,
                Event::CData(_) => self.data(at, inside(raw, "<![CDATA[", "]]>"))?,
                Event::GeneralRef(_) => self.reference(at, inside(raw, "&", ";"))?,
                Event::Comment(_) => chars(at, raw)?,
                Event::PI(_) => instruction(at, raw)?,
                Event::Decl(_) => self.declaration(at, raw)?,
                Event::DocType(_) => {
                    let message = "a document type (<!DOCTYPE>) is not taken, nor what it could declare: leave it out";
                    return Err(FaultAt::new(at, message));
                }
                Event::Eof => break,
            }
        }
        if let Some(open) = self.open.last() {
            return Err(FaultAt::new(open.at, format!("the element <{}> has no end", open.name.local)));
        }
        let root = self.root.ok_or_else(|| FaultAt::new(0, "there is no element: the document is empty"))?;
        let (namespaces, declared) = self.scope.finish();
        Ok(Tree { root, namespaces, declared })
    }

    fn start(&mut self, at: usize, tag: &'t str) -> Result<(), FaultAt> {
        if self.open.is_empty() && self.root.is_some() {
            return Err(FaultAt::new(at, "a document has one element at the top, and this is a second one"));
        }
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(FaultAt::new(at, format!("a document has at most {ELEMENTS_MAX} elements")));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(FaultAt::new(at, format!("elements are within each other to a depth of {DEPTH_MAX} at most")));
        }
        let length = tag.find(is_space).unwrap_or(tag.len());
        let (name, rest) = tag.split_at(length);
        let written = attributes(rest, at + 1 + length)?;
        self.scope.open();
        let mut keeps_space = self.open.last().is_some_and(|parent| parent.keeps_space);
        for one in &written {
            match one.name.split_once(':') {
                None if one.name == "xmlns" => self.scope.declare("", &one.value, one.at)?,
                Some(("xmlns", prefix)) => self.scope.declare(prefix, &one.value, one.at)?,
                Some(("xml", "space")) => keeps_space = one.value == "preserve",
                _ => {}
            }
        }
        let name = self.scope.element(name, at)?;
        let mut attributes: Vec<Attribute<'t>> = Vec::new();
        for one in written {
            if one.name == "xmlns" || one.name.starts_with("xmlns:") {
                continue;
            }
            let name = self.scope.attribute(one.name, one.at)?;
            if attributes.iter().any(|other| other.name == name) {
                return Err(FaultAt::new(one.at, format!("the attribute {} stands twice in one element", one.name)));
            }
            attributes.push(Attribute { name, value: one.value, at: one.at });
        }
        self.open.push(Element { name, attributes, children: Vec::new(), text: Cow::Borrowed(""), keeps_space, at });
        Ok(())
    }

    /// Ends the innermost element; quick-xml has held its name against the one at its beginning.
    fn end(&mut self) {
        self.scope.close();
        let Some(element) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, at: usize, raw: &'t str) -> Result<(), FaultAt> {
        chars(at, raw)?;
        if let Some(end) = raw.find("]]>") {
            return Err(FaultAt::new(at + end, "`]]>` may not stand in text: write `]]&gt;`"));
        }
        self.append(at, lines(raw))
    }

    fn data(&mut self, at: usize, raw: &'t str) -> Result<(), FaultAt> {
        chars(at, raw)?;
        if self.open.is_empty() {
            return Err(FaultAt::new(at, "text stands outside the document's element"));
        }
        self.append(at, lines(raw))
    }

    fn reference(&mut self, at: usize, name: &str) -> Result<(), FaultAt> {
        let c = referenced(name).ok_or_else(|| unknown_reference(at, name))?;
        if self.open.is_empty() {
            return Err(FaultAt::new(at, "text stands outside the document's element"));
        }
        self.append(at, Cow::Owned(c.to_string()))
    }

    fn append(&mut self, at: usize, text: Cow<'t, str>) -> Result<(), FaultAt> {
        match self.open.last_mut() {
            Some(element) if element.text.is_empty() => element.text = text,
            Some(element) => element.text.to_mut().push_str(&text),
            None if trimmed(&text).is_empty() => {}
            None => return Err(FaultAt::new(at, "text stands outside the document's element")),
        }
        Ok(())
    }

    /// The declaration at the very beginning (XML 1.0 §2.8).
    fn declaration(&self, at: usize, raw: &str) -> Result<(), FaultAt> {
        if at != 0 {
            return Err(FaultAt::new(at, "the XML declaration stands at the very beginning, or not at all"));
        }
        let rest = inside(raw, "<?xml", "?>");
        for one in attributes(rest.trim_end_matches(is_space), "<?xml".len())? {
            match one.name {
                "version" if one.value == "1.0" => {}
                "version" => {
                    return Err(FaultAt::new(one.at, format!("XML {:?} is not taken: send XML 1.0", one.value)));
                }
                "encoding" => self.encoding(one.at, &one.value)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn encoding(&self, at: usize, name: &str) -> Result<(), FaultAt> {
        let is_one = |names: &[&str]| names.iter().any(|one| one.eq_ignore_ascii_case(name));
        let fits = match self.form {
            TextForm::Utf16 => is_one(&["UTF-16", "UTF-16LE", "UTF-16BE"]),
            TextForm::Utf8 | TextForm::Utf8Marked => is_one(&["UTF-8", "UTF8", "US-ASCII", "ASCII"]),
        };
        if fits {
            return Ok(());
        }
        let message = match self.form {
            TextForm::Utf16 => format!(
                "the XML declaration says that this is {name:?}, and the byte order mark that it is UTF-16: save it as UTF-8, and say so"
            ),
            _ if is_one(&["UTF-16", "UTF-16LE", "UTF-16BE"]) => {
                "the XML declaration says that this is UTF-16, and it has no byte order mark: save it as UTF-8, and say so".to_owned()
            }
            _ => format!("the encoding {name:?} is not taken: save the document as UTF-8, and say so in its declaration"),
        };
        Err(FaultAt::new(at, message))
    }
}

/// An attribute as it was written.
struct WrittenAttribute<'t> {
    name: &'t str,
    value: Cow<'t, str>,
    at: usize,
}

/// Reads the attributes of a tag, which begin at the byte `at` of the text.
fn attributes(text: &str, at: usize) -> Result<Vec<WrittenAttribute<'_>>, FaultAt> {
    let mut found: Vec<WrittenAttribute<'_>> = Vec::new();
    let mut rest = text;
    loop {
        let here = |rest: &str| at + text.len() - rest.len();
        let spaced = rest.trim_start_matches(is_space);
        if spaced.is_empty() {
            return Ok(found);
        }
        let start = here(spaced);
        if spaced.len() == rest.len() {
            return Err(FaultAt::new(start, "white space is missing before an attribute"));
        }
        if found.len() >= ATTRIBUTES_MAX {
            return Err(FaultAt::new(start, format!("an element has at most {ATTRIBUTES_MAX} attributes")));
        }
        let wrong = || FaultAt::new(start, "an attribute is written as name=\"value\"");
        let (name, after) = spaced.split_once('=').ok_or_else(wrong)?;
        let name = trimmed(name);
        let after = after.trim_start_matches(is_space);
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or_else(wrong)?;
        let value_at = here(after) + 1;
        let (value, after) = after.get(1..).and_then(|after| after.split_once(quote)).ok_or_else(wrong)?;
        if found.iter().any(|other| other.name == name) {
            return Err(FaultAt::new(start, format!("the attribute {name} stands twice in one element")));
        }
        found.push(WrittenAttribute { name, value: value_of(value, value_at)?, at: start });
        rest = after;
    }
}

/// The value of an attribute, with its references resolved and its white space as blanks (XML 1.0 §3.3.3).
fn value_of(raw: &str, at: usize) -> Result<Cow<'_, str>, FaultAt> {
    chars(at, raw)?;
    if let Some(place) = raw.find('<') {
        return Err(FaultAt::new(at + place, "`<` may not stand in the value of an attribute: write `&lt;`"));
    }
    if !raw.contains(['&', '\t', '\n', '\r']) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut value = String::with_capacity(raw.len());
    let text = lines(raw);
    let mut rest = &*text;
    while let Some(place) = rest.find('&') {
        let (before, after) = rest.split_at(place);
        value.push_str(&before.replace(is_space, " "));
        let (name, after) = after.get(1..).and_then(|after| after.split_once(';')).unwrap_or((after, ""));
        value.push(referenced(name).ok_or_else(|| unknown_reference(at, name))?);
        rest = after;
    }
    value.push_str(&rest.replace(is_space, " "));
    Ok(Cow::Owned(value))
}

fn unknown_reference(at: usize, name: &str) -> FaultAt {
    let name: String = name.chars().take(40).collect();
    FaultAt::new(
        at,
        format!(
            "&{name}; is neither one of the five references that XML has of itself nor the number of a character: write the character, \
             or &amp; for an ampersand"
        ),
    )
}

fn chars(at: usize, raw: &str) -> Result<(), FaultAt> {
    match raw.char_indices().find(|(_, c)| !is_char(*c)) {
        Some((place, c)) => {
            Err(FaultAt::new(at + place, format!("the character U+{:04X} may not stand in XML 1.0", u32::from(c))))
        }
        None => Ok(()),
    }
}

/// A processing instruction says something to some program, and nothing of EPCIS.
fn instruction(at: usize, raw: &str) -> Result<(), FaultAt> {
    chars(at, raw)?;
    let target = inside(raw, "<?", "?>").split(is_space).next().unwrap_or_default();
    if !is_name(target) || target.eq_ignore_ascii_case("xml") {
        return Err(FaultAt::new(at, "a processing instruction begins with a name, and that is not `xml`"));
    }
    Ok(())
}

/// The text between two marks.
fn inside<'t>(raw: &'t str, before: &str, after: &str) -> &'t str {
    let rest = raw.strip_prefix(before).unwrap_or(raw);
    rest.strip_suffix(after).unwrap_or(rest)
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

/// Cuts a name as it was written.
pub(super) fn cut(written: &str, at: usize) -> Result<(&str, &str), FaultAt> {
    let (prefix, local) = written.split_once(':').unwrap_or(("", written));
    let is_right =
        is_name(local) && (prefix.is_empty() != written.contains(':')) && (prefix.is_empty() || is_name(prefix));
    if written.len() > NAME_CHARS_MAX && written.chars().count() > NAME_CHARS_MAX {
        return Err(FaultAt::new(at, format!("a name has at most {NAME_CHARS_MAX} characters")));
    }
    if is_right {
        return Ok((prefix, local));
    }
    let written: String = written.chars().take(80).collect();
    Err(FaultAt::new(
        at,
        format!("{written:?} is no name of XML: a letter first, then letters, digits, `-`, `_` and `.`"),
    ))
}

/// Tells whether a declaration of a namespace is one that Namespaces in XML 1.0 (§3) lets stand.
pub(super) fn objection_to(prefix: &str, uri: &str) -> Option<&'static str> {
    match (prefix, uri) {
        ("xml", XML_NAMESPACE) => None,
        ("xml" | "xmlns", _) => Some("the prefixes `xml` and `xmlns` are XML's own"),
        (_, XML_NAMESPACE | XMLNS_NAMESPACE) => Some("this namespace is XML's own"),
        ("", _) => None,
        (_, "") => Some("a prefix cannot be taken back: give it a namespace"),
        _ => None,
    }
}

/// A name in its namespace.
pub(super) fn name<'t>(namespaces: &Namespaces, namespace: usize, local: &'t str) -> Name<'t> {
    Name { namespace, space: namespaces.space(namespace), local }
}
