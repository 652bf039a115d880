//! Members of no standard as elements. What XML has no form for is marked in our own namespace: numbers and truths, lists of one or none,
//! empty objects, names that are none of XML, characters that XML does not have.

use sealane_core::epcis::{LEDGER_NAMESPACE, LEDGER_PREFIX, NameScope};
use sealane_core::json::{Json, Object};

use super::Writer;
use crate::gateway::xml::characters::{is_char, is_name, is_space};
use crate::gateway::xml::extension::{
    BOOLEAN_MARK, ITEM_ELEMENT, JSON_MARK, LIST_MARK, MEMBER_ELEMENT, NAME_ATTRIBUTE, NULL_MARK, NUMBER_MARK,
    OBJECT_MARK, STRING_MARK, TEXT_MEMBER,
};

impl Writer {
    /// Writes a member, several elements for a list of some. `is_within` an extension a name without a prefix may stand as it is.
    pub(super) fn extension_member(&mut self, name: &str, value: &Json, scope: &NameScope, is_within: bool) {
        match value {
            Json::Array(items) if items.len() > 1 => {
                for item in items {
                    self.element(name, item, scope, is_within);
                }
            }
            _ => self.element(name, value, scope, is_within),
        }
    }

    /// Writes a member of our own.
    pub(super) fn own_member(&mut self, local: &str, value: &Json, scope: &NameScope) {
        self.tags.open_in(LEDGER_PREFIX, LEDGER_NAMESPACE, local);
        self.value(value, scope);
        self.tags.close();
    }

    fn element(&mut self, name: &str, value: &Json, scope: &NameScope, is_within: bool) {
        match scope.name(name) {
            Some((namespace, local)) if is_name(local) && is_plain_namespace(namespace) => {
                let prefix = name.split(':').next().unwrap_or_default().to_owned();
                let namespace = namespace.to_owned();
                self.tags.open_in(&prefix, &namespace, local);
            }
            None if is_within && is_name(name) => self.tags.open(name),
            _ => {
                self.tags.open_in(LEDGER_PREFIX, LEDGER_NAMESPACE, MEMBER_ELEMENT);
                if name.chars().all(is_char) {
                    self.tags.attribute(NAME_ATTRIBUTE, name);
                } else {
                    self.tags.attribute_in(LEDGER_PREFIX, LEDGER_NAMESPACE, NAME_ATTRIBUTE, &ascii(name));
                }
            }
        }
        self.value(value, scope);
        self.tags.close();
    }

    /// Writes a member as an attribute, if XML has its name and its text.
    pub(super) fn extension_attribute(&mut self, name: &str, text: &str, scope: &NameScope) -> bool {
        let Some((namespace, local)) = scope.name(name) else { return false };
        // An attribute of our own would be a mark.
        let is_own = namespace == LEDGER_NAMESPACE;
        if !is_name(local) || is_own || !is_plain_namespace(namespace) || !text.chars().all(is_char) {
            return false;
        }
        let prefix = name.split(':').next().unwrap_or_default();
        self.tags.attribute_in(prefix, namespace, local, text);
        true
    }

    /// Writes what stands in the open element.
    fn value(&mut self, value: &Json, scope: &NameScope) {
        match value {
            Json::String(text) => self.string(text, scope),
            Json::Number(number) => self.marked(NUMBER_MARK, number.as_str()),
            Json::Bool(truth) => self.marked(BOOLEAN_MARK, if *truth { "true" } else { "false" }),
            Json::Null => self.marked(NULL_MARK, ""),
            Json::Array(items) => {
                self.mark(LIST_MARK);
                for item in items {
                    self.tags.open_in(LEDGER_PREFIX, LEDGER_NAMESPACE, ITEM_ELEMENT);
                    self.value(item, scope);
                    self.tags.close();
                }
            }
            Json::Object(members) => self.members(value, members, &scope.within(value)),
        }
    }

    fn members(&mut self, value: &Json, members: &Object, scope: &NameScope) {
        if let Some(text) = attributes_and_text(members, scope) {
            for (name, value) in members.iter().filter(|(name, _)| *name != TEXT_MEMBER) {
                let value = value.as_str().unwrap_or_default();
                match scope.name(name) {
                    Some(_) => drop(self.extension_attribute(name, value, scope)),
                    None => self.tags.attribute(name, value),
                }
            }
            return self.string(text, scope);
        }
        let context = value.get("@context");
        let is_empty = members.is_empty() || (members.len() == 1 && context.is_some());
        if is_empty {
            self.mark(OBJECT_MARK);
        }
        for (name, value) in members.iter().filter(|(name, _)| *name != "@context") {
            self.extension_member(name, value, scope, true);
        }
        if let Some(context) = context.filter(|context| super::says_more(context)) {
            let text = Json::from(context.to_string());
            self.own_member("context", &text, scope);
        }
    }

    fn string(&mut self, text: &str, scope: &NameScope) {
        if !text.chars().all(is_char) {
            return self.marked(STRING_MARK, &ascii(text));
        }
        if text.starts_with(is_space) || text.ends_with(is_space) {
            self.tags.attribute("xml:space", "preserve");
        }
        self.declare_in(text, scope);
        self.tags.text(text);
    }

    fn marked(&mut self, mark: &str, text: &str) {
        self.mark(mark);
        self.tags.text(text);
    }

    fn mark(&mut self, mark: &str) {
        self.tags.attribute_in(LEDGER_PREFIX, LEDGER_NAMESPACE, JSON_MARK, mark);
    }
}

/// The text of an object that was an element with attributes and a text, if it has the form of one.
fn attributes_and_text<'m>(members: &'m Object, scope: &NameScope) -> Option<&'m str> {
    let text = members.get(TEXT_MEMBER)?.as_str()?;
    let fits = |(name, value): (&String, &Json)| {
        let is_text = value.as_str().is_some_and(|value| value.chars().all(is_char));
        let is_attribute = match scope.name(name) {
            Some((namespace, local)) => {
                is_name(local) && namespace != LEDGER_NAMESPACE && is_plain_namespace(namespace)
            }
            // That attribute would be the name of a member.
            None => is_name(name) && name != NAME_ATTRIBUTE,
        };
        is_text && is_attribute
    };
    let others = || members.iter().filter(|(name, _)| *name != TEXT_MEMBER);
    let is_plain =
        !text.is_empty() && !text.starts_with(is_space) && !text.ends_with(is_space) && text.chars().all(is_char);
    (is_plain && others().next().is_some() && others().all(fits)).then_some(text)
}

/// Tells whether names in a namespace read back as members with a prefix: those of EPCIS, of XML and of XML Schema would not.
fn is_plain_namespace(namespace: &str) -> bool {
    use crate::gateway::xml::namespace::Space;
    let is_trimmed = !namespace.starts_with(is_space) && !namespace.ends_with(is_space);
    // What is ours means a mark.
    is_trimmed
        && namespace.chars().all(is_char)
        && matches!(Space::of(namespace), Space::Foreign | Space::Own | Space::Sbdh)
}

/// A text as JSON writes it, in characters that XML has.
fn ascii(text: &str) -> String {
    let mut out = String::new();
    for c in Json::from(text).to_string().chars() {
        if is_char(c) {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}
