//! From an element to the members of an object, by a table. What is wrong is gathered, with the event in which it is.

use sealane_core::json::{Decimal, Json};
use sealane_core::limits::FAULTS_MAX;

use super::characters::trimmed;
use super::fault::FaultAt;
use super::placed::{Placed, PlacedMembers};
use super::prefixes::Prefixes;
use super::table::{Content, ElementTable, Shape, WRAPPERS};
use super::tree::{Attribute, Element, Namespaces};

/// A conversion under way.
pub(super) struct Conversion<'n> {
    pub(super) namespaces: &'n Namespaces,
    pub(super) prefixes: Prefixes,
    /// The event that is being converted.
    pub(super) event: Option<usize>,
    pub(super) objections: Vec<Objection>,
    pub(super) more: bool,
}

/// Something that has no form in JSON, or that EPCIS does not have.
pub(super) struct Objection {
    /// The event it is in, by its place in the list; `None` outside of all.
    pub(super) event: Option<usize>,
    pub(super) fault: FaultAt,
}

impl Conversion<'_> {
    /// Notes what is wrong. Of each event the first is noted, however many events there are: none may pass for sound.
    pub(super) fn object_to(&mut self, at: usize, message: impl Into<String>) {
        let is_of_another = self.objections.last().is_none_or(|last| last.event != self.event);
        if self.objections.len() < FAULTS_MAX || is_of_another {
            self.objections.push(Objection { event: self.event, fault: FaultAt::new(at, message) });
        } else {
            self.more = true;
        }
    }

    /// Converts an element with what is in it.
    pub(super) fn object(&mut self, element: &Element<'_>, table: &'static ElementTable) -> Placed {
        let mut members = PlacedMembers::default();
        self.attributes(element, table, &mut members);
        self.content(element, table, &mut members);
        Placed::object(element.at, members)
    }

    fn attributes(&mut self, element: &Element<'_>, table: &'static ElementTable, members: &mut PlacedMembers) {
        for attribute in element.said() {
            // They belong to the value.
            if matches!(table.content, Content::Anything(_)) && attribute.name.space.is_of_extensions() {
                continue;
            }
            let value = match table.attribute(attribute.name.local).filter(|_| attribute.name.is_standard()) {
                Some(shape) => scalar(shape, attribute.at, &attribute.value),
                None => Placed::text(attribute.at, &*attribute.value),
            };
            self.attribute(attribute, value, table, members);
        }
    }

    fn attribute(
        &mut self,
        attribute: &Attribute<'_>,
        value: Placed,
        table: &'static ElementTable,
        members: &mut PlacedMembers,
    ) {
        let local = attribute.name.local;
        if attribute.name.space.is_of_extensions() {
            let name = self.prefixes.member(self.namespaces, attribute.name.namespace, local);
            return members.gather(name, value);
        }
        if table.is_closed && table.attribute(local).is_none() {
            return self.object_to(attribute.at, format!("`{local}` is no attribute of {}", table.title));
        }
        if !members.put(local, value) {
            self.object_to(attribute.at, format!("`{local}` stands twice in {}", table.title));
        }
    }

    /// Adds what is within an element.
    fn content(&mut self, element: &Element<'_>, table: &'static ElementTable, members: &mut PlacedMembers) {
        match table.content {
            Content::Nothing => self.elements(element, table, members),
            Content::Text(name) => {
                let text = self.text(element);
                members.put(name, Placed::text(element.at, text));
            }
            Content::Anything(name) => {
                let value = self.value_within(element, element.attribute("id").map(|one| one.at));
                members.put(name, value);
            }
        }
    }

    /// Adds the elements within an element, and those in its wrappers.
    pub(super) fn elements(
        &mut self,
        element: &Element<'_>,
        table: &'static ElementTable,
        members: &mut PlacedMembers,
    ) {
        self.no_text(element, table.title);
        for child in &element.children {
            if child.name.is_standard() && WRAPPERS.contains(&child.name.local) {
                self.no_attributes(child);
                self.elements(child, table, members);
            } else {
                self.element(child, table, members);
            }
        }
    }

    fn element(&mut self, child: &Element<'_>, table: &'static ElementTable, members: &mut PlacedMembers) {
        let local = child.name.local;
        if !child.name.is_standard() {
            return self.extension(child, members);
        }
        let Some((name, shape)) = table.element(local) else {
            if table.is_closed {
                let message = format!(
                    "`{local}` is no element of {}; an extension has a namespace of its own, as in <example:{local}>",
                    table.title
                );
                return self.object_to(child.at, message);
            }
            // The strict reader refuses it, with its place.
            return self.extension(child, members);
        };
        let fits = match shape {
            Shape::Each(item) => {
                let item = self.value(child, item);
                members.push(name, item)
            }
            Shape::EachText => {
                let text = Placed::text(child.at, self.text_alone(child));
                members.gather(name.to_owned(), text);
                true
            }
            _ => {
                let value = self.value(child, shape);
                members.put(name, value)
            }
        };
        if !fits {
            self.object_to(child.at, format!("`{local}` stands twice in {}", table.title));
        }
    }

    fn value(&mut self, element: &Element<'_>, shape: &'static Shape) -> Placed {
        match shape {
            Shape::Texts(item) => {
                let texts = |this: &mut Self, child: &Element<'_>| Placed::text(child.at, this.text_alone(child));
                self.list(element, item, texts)
            }
            Shape::Objects(item, table) => self.list(element, item, |this, child| this.object(child, table)),
            Shape::Object(table) => self.object(element, table),
            _ => {
                let text = self.text_alone(element);
                scalar(shape, element.at, text)
            }
        }
    }

    /// A list of elements of one name.
    fn list<'e>(
        &mut self,
        element: &'e Element<'e>,
        item: &str,
        mut convert: impl FnMut(&mut Self, &'e Element<'e>) -> Placed,
    ) -> Placed {
        self.no_text(element, element.name.local);
        self.no_attributes(element);
        let mut items = Vec::with_capacity(element.children.len());
        for child in &element.children {
            if child.is(item) {
                let value = convert(self, child);
                items.push(value);
            } else {
                let (found, list) = (child.name.local, element.name.local);
                self.object_to(child.at, format!("`{found}` is none of what `{list}` holds, which is `{item}`"));
            }
        }
        Placed::list(element.at, items)
    }

    /// The text of an element that has nothing else.
    fn text_alone<'e>(&mut self, element: &'e Element<'_>) -> &'e str {
        self.no_attributes(element);
        self.text(element)
    }

    /// The text of an element that has no others in it.
    pub(super) fn text<'e>(&mut self, element: &'e Element<'_>) -> &'e str {
        let local = element.name.local;
        if let Some(child) = element.children.first() {
            self.object_to(child.at, format!("`{local}` is a text, and has no elements in it"));
        }
        trimmed(&element.text)
    }

    /// Objects to text beside elements.
    pub(super) fn no_text(&mut self, element: &Element<'_>, title: &str) {
        if !trimmed(&element.text).is_empty() {
            self.object_to(element.at, format!("text stands in {title}, which has elements alone"));
        }
    }

    pub(super) fn no_attributes(&mut self, element: &Element<'_>) {
        if let Some(one) = element.said().next() {
            let (found, local) = (one.name.local, element.name.local);
            self.object_to(one.at, format!("`{found}` is no attribute of {local}, which has none"));
        }
    }
}

/// A text as its shape says: numbers have the digits that they were written with.
fn scalar(shape: &Shape, at: usize, text: &str) -> Placed {
    let plain = trimmed(text);
    let value = match shape {
        Shape::ExactText => return Placed::text(at, text),
        Shape::Number => number(plain).map(Json::Number),
        Shape::Boolean => truth(plain).map(Json::Bool),
        _ => None,
    };
    // What is no number stays a text: the strict reader says so.
    Placed::scalar(at, value.unwrap_or_else(|| Json::from(plain)))
}

/// A number of XML Schema (§3.3.3, §3.3.5) as JSON writes it: without a plus, needless zeros before it or a point without digits beside it.
fn number(text: &str) -> Option<Decimal> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest.find(['e', 'E']).unwrap_or(rest.len());
    let (mantissa, exponent) = rest.split_at(end);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let point = if fraction.is_empty() { "" } else { "." };
    Decimal::parse(&format!("{sign}{whole}{point}{fraction}{exponent}"))
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        for (written, json) in [
            ("12.50", "12.50"),
            ("+7", "7"),
            ("007", "7"),
            ("-0.10", "-0.10"),
            (".5", "0.5"),
            ("5.", "5"),
            ("0", "0"),
            ("00", "0"),
            ("1.5E3", "1.5E3"),
            ("195060001343500017", "195060001343500017"),
        ] {
            assert_eq!(number(written).unwrap().as_str(), json, "{written}");
        }
        for written in ["", ".", "-", "1,5", "INF", "NaN", "--1", "+-5", "-+5", "1e", "0x1", "1 2", "1e999"] {
            assert!(number(written).is_none(), "{written}");
        }
    }
}
