//! Extensions: elements and attributes of other namespaces. A name becomes a member `prefix:name`, an element in an element an object,
//! elements of one name beside each other a list, text a string.
//!
//! XML has no numbers, truths, empty lists and so on. A string is what an element says, whatever its `xsi:type`, as in the published
//! pairs of XML and JSON. What `write` gives out has marks for the rest, attributes and elements in our own namespace, and this reads them.

use sealane_core::json::{self, Decimal, Json};

use super::characters::trimmed;
use super::convert::Conversion;
use super::namespace::Space;
use super::placed::{Placed, PlacedMembers};
use super::tree::{Attribute, Element, Name};

/// The member that has the text of an element with attributes.
pub(super) const TEXT_MEMBER: &str = "#text";

/// The attribute that marks what an element is, if it is none of what its form says; its words; and the elements without a name that XML
/// could write: an item of a list, and a member with its name in the attribute `name`.
pub(super) const JSON_MARK: &str = "json";
pub(super) const NUMBER_MARK: &str = "number";
pub(super) const BOOLEAN_MARK: &str = "boolean";
pub(super) const NULL_MARK: &str = "null";
pub(super) const LIST_MARK: &str = "list";
pub(super) const OBJECT_MARK: &str = "object";
pub(super) const STRING_MARK: &str = "string";
pub(super) const ITEM_ELEMENT: &str = "item";
pub(super) const MEMBER_ELEMENT: &str = "member";
pub(super) const NAME_ATTRIBUTE: &str = "name";

impl Conversion<'_> {
    /// Adds an element as a member.
    pub(super) fn extension(&mut self, element: &Element<'_>, members: &mut PlacedMembers) {
        let given = given_name(element);
        let name = match given {
            Some(given) if given.name.space == Space::Own => match json::read(given.value.as_bytes()) {
                Ok(Json::String(name)) => name,
                _ => return self.object_to(given.at, "this is the name of a member as JSON writes a string"),
            },
            Some(given) => given.value.clone().into_owned(),
            None => self.member_name(element.name),
        };
        if name.starts_with('_') || name == "@context" {
            let message = format!("`{name}` would be a remark or a context in JSON: give the element another name");
            return self.object_to(element.at, message);
        }
        let value = self.value_within(element, given.map(|given| given.at));
        members.gather(name, value);
    }

    fn member_name(&mut self, name: Name<'_>) -> String {
        match name.space.is_of_extensions() {
            true => self.prefixes.member(self.namespaces, name.namespace, name.local),
            false => name.local.to_owned(),
        }
    }

    /// What an element says: a text, or an object of its attributes and elements. The attribute at one place may say what it is of.
    pub(super) fn value_within(&mut self, element: &Element<'_>, apart: Option<usize>) -> Placed {
        let mark = element.attributes.iter().find(|one| one.name.space == Space::Own && one.name.local == JSON_MARK);
        if let Some(mark) = mark {
            let is_other = |one: &&Attribute<'_>| one.at != mark.at && Some(one.at) != apart;
            if let Some(other) = element.said().find(is_other) {
                self.object_to(other.at, "an element that is marked as JSON has no further attributes");
            }
            return self.marked(element, mark.at, &mark.value);
        }
        let text = if element.keeps_space { &*element.text } else { trimmed(&element.text) };
        let is_text = element.children.is_empty();
        let mut members = PlacedMembers::default();
        for one in element.said() {
            if Some(one.at) != apart {
                let name = self.member_name(one.name);
                members.gather(name, Placed::text(one.at, &*one.value));
            }
        }
        if is_text && members.is_empty() {
            return Placed::text(element.at, text);
        }
        if is_text && !text.is_empty() {
            members.gather(TEXT_MEMBER.to_owned(), Placed::text(element.at, text));
        }
        if !is_text && !trimmed(text).is_empty() {
            let local = element.name.local;
            self.object_to(element.at, format!("text stands beside elements in `{local}`: JSON has no form for it"));
        }
        for child in &element.children {
            self.extension(child, &mut members);
        }
        Placed::object(element.at, members)
    }

    fn marked(&mut self, element: &Element<'_>, at: usize, mark: &str) -> Placed {
        let text = trimmed(&element.text);
        let scalar = match mark {
            NUMBER_MARK => Decimal::parse(text).map(Json::Number),
            BOOLEAN_MARK => matches!(text, "true" | "false").then(|| Json::Bool(text == "true")),
            STRING_MARK => json::read(text.as_bytes()).ok().filter(Json::is_string),
            NULL_MARK => text.is_empty().then_some(Json::Null),
            LIST_MARK if text.is_empty() => return self.marked_list(element),
            OBJECT_MARK if text.is_empty() => {
                let mut members = PlacedMembers::default();
                for child in &element.children {
                    self.extension(child, &mut members);
                }
                return Placed::object(element.at, members);
            }
            _ => None,
        };
        if scalar.is_none() || !element.children.is_empty() {
            self.object_to(at, format!("this is marked as {mark:?} of JSON, and is none"));
        }
        Placed::scalar(element.at, scalar.unwrap_or_default())
    }

    fn marked_list(&mut self, element: &Element<'_>) -> Placed {
        let mut items = Vec::with_capacity(element.children.len());
        for child in &element.children {
            if !is_own(child, ITEM_ELEMENT) {
                self.object_to(child.at, "a list of JSON has elements `item` of its own namespace alone");
            }
            let item = self.value_within(child, None);
            items.push(item);
        }
        Placed::list(element.at, items)
    }
}

/// The attribute that has the name of a member without a name that XML could write: as it is, or as JSON writes it.
fn given_name<'e, 'x>(element: &'e Element<'x>) -> Option<&'e Attribute<'x>> {
    let is_name =
        |one: &&Attribute<'_>| matches!(one.name.space, Space::None | Space::Own) && one.name.local == NAME_ATTRIBUTE;
    element.attributes.iter().find(is_name).filter(|_| is_own(element, MEMBER_ELEMENT))
}

fn is_own(element: &Element<'_>, local: &str) -> bool {
    element.name.space == Space::Own && element.name.local == local
}
