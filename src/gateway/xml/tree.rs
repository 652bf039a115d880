//! The elements of a document, with the namespaces of their names. Everything has a limit: nothing of a document is multiplied.

use std::borrow::Cow;
use std::collections::HashMap;

use super::namespace::Space;

/// A document that is well-formed.
pub(super) struct Tree<'t> {
    pub(super) root: Element<'t>,
    /// The namespaces by their number; the first is that of names without one.
    pub(super) namespaces: Namespaces,
    /// Each prefix with each namespace that it is declared for, once, in the order of the document.
    pub(super) declared: Vec<(&'t str, NamespaceNumber)>,
}

/// The number of a namespace in a document.
pub(super) type NamespaceNumber = usize;

/// What is without a namespace.
pub(super) const NO_NAMESPACE: NamespaceNumber = 0;

/// The namespaces of a document.
pub(super) struct Namespaces {
    list: Vec<(String, Space)>,
    numbers: HashMap<String, NamespaceNumber>,
}

/// A name without its prefix, which says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name<'t> {
    pub(super) namespace: NamespaceNumber,
    pub(super) space: Space,
    pub(super) local: &'t str,
}

pub(super) struct Element<'t> {
    pub(super) name: Name<'t>,
    pub(super) attributes: Vec<Attribute<'t>>,
    pub(super) children: Vec<Element<'t>>,
    /// All text directly in the element, without comments, put together.
    pub(super) text: Cow<'t, str>,
    /// White space around the text says something: `xml:space="preserve"` (XML 1.0 §2.10).
    pub(super) keeps_space: bool,
    /// Where it begins, in bytes of the text.
    pub(super) at: usize,
}

pub(super) struct Attribute<'t> {
    pub(super) name: Name<'t>,
    pub(super) value: Cow<'t, str>,
    pub(super) at: usize,
}

impl Namespaces {
    pub(super) fn new() -> Self {
        let mut namespaces = Self { list: Vec::new(), numbers: HashMap::new() };
        namespaces.number("");
        namespaces
    }

    pub(super) fn number(&mut self, uri: &str) -> NamespaceNumber {
        if let Some(number) = self.numbers.get(uri) {
            return *number;
        }
        let number = self.list.len();
        self.list.push((uri.to_owned(), Space::of(uri)));
        self.numbers.insert(uri.to_owned(), number);
        number
    }

    pub(super) fn uri(&self, number: NamespaceNumber) -> &str {
        self.list.get(number).map_or("", |(uri, _)| uri)
    }

    pub(super) fn space(&self, number: NamespaceNumber) -> Space {
        self.list.get(number).map_or(Space::Foreign, |(_, space)| *space)
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }
}

impl<'t> Element<'t> {
    /// The attribute of this name that is in no namespace.
    pub(super) fn attribute(&self, local: &str) -> Option<&Attribute<'t>> {
        self.attributes.iter().find(|one| one.name.space == Space::None && one.name.local == local)
    }

    /// Tells whether it is an element of the standard with this name.
    pub(super) fn is(&self, local: &str) -> bool {
        self.name.is_standard() && self.name.local == local
    }

    /// The attributes that say something of a value: those of XML Schema say how it would be checked.
    pub(super) fn said(&self) -> impl Iterator<Item = &Attribute<'t>> {
        self.attributes.iter().filter(|one| !matches!(one.name.space, Space::Schema | Space::Xml))
    }
}

impl Name<'_> {
    /// Tells whether the name is EPCIS's own: most of its elements are in no namespace.
    pub(super) fn is_standard(self) -> bool {
        matches!(self.space, Space::None | Space::Epcis)
    }
}
