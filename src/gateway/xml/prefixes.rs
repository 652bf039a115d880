//! The prefixes of a document's names in JSON: those of the XML, where one stands for one namespace throughout.

use std::collections::HashSet;

use sealane_core::epcis::{is_absolute_uri, may_declare};
use sealane_core::json::{Json, Object};
use sealane_core::limits::NAMESPACE_CHARS_MAX;

use super::namespace::Space;
use super::tree::{NamespaceNumber, Namespaces, Tree};

/// Words before a colon that are no prefix, whatever a document declares: its ids and links begin with them.
const SCHEMES: [&str; 14] =
    ["urn", "http", "https", "ni", "did", "geo", "tel", "mailto", "tag", "data", "info", "ftp", "file", "doi"];

/// Which prefix each namespace has.
pub(super) struct Prefixes {
    /// By the number of the namespace.
    chosen: Vec<Option<String>>,
    taken: HashSet<String>,
    /// Numbers that have been tried for a prefix of our own.
    tried: usize,
    /// In the order in which they were chosen.
    order: Vec<NamespaceNumber>,
}

impl Prefixes {
    /// Chooses the prefixes that a document declares. The first declaration of a namespace counts, and the first of a prefix.
    pub(super) fn of(tree: &Tree<'_>) -> Self {
        let mut prefixes =
            Self { chosen: vec![None; tree.namespaces.len()], taken: HashSet::new(), tried: 0, order: Vec::new() };
        for (prefix, number) in &tree.declared {
            let uri = tree.namespaces.uri(*number);
            let is_plain = matches!(tree.namespaces.space(*number), Space::Foreign | Space::Own);
            // A text may use a prefix too, as in `example:x`; a namespace that could not be declared is needed only if a name is in it.
            if is_plain && is_absolute_uri(uri) && uri.chars().count() <= NAMESPACE_CHARS_MAX {
                prefixes.choose(*number, prefix, uri);
            }
        }
        prefixes
    }

    fn choose(&mut self, number: NamespaceNumber, prefix: &str, uri: &str) -> bool {
        let is_free = self.chosen.get(number).is_some_and(Option::is_none);
        // Members whose names begin with `_` are remarks in JSON.
        let is_usable = !prefix.is_empty()
            && !prefix.starts_with('_')
            && !SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(prefix))
            && may_declare(prefix, uri);
        if !is_free || !is_usable || !self.taken.insert(prefix.to_owned()) {
            return false;
        }
        if let Some(place) = self.chosen.get_mut(number) {
            *place = Some(prefix.to_owned());
            self.order.push(number);
        }
        true
    }

    /// The name of a member in a namespace.
    pub(super) fn member(&mut self, namespaces: &Namespaces, number: NamespaceNumber, local: &str) -> String {
        let uri = namespaces.uri(number);
        while self.chosen.get(number).is_some_and(Option::is_none) {
            self.tried += 1;
            let prefix = format!("ns{}", self.tried);
            let is_taken = self.taken.contains(&prefix);
            if !is_taken && !self.choose(number, &prefix, uri) {
                // This namespace may have no prefix of any name: the strict reader says why.
                self.insert(number, prefix);
            }
        }
        let prefix = self.chosen.get(number).and_then(Option::as_deref).unwrap_or_default();
        format!("{prefix}:{local}")
    }

    fn insert(&mut self, number: NamespaceNumber, prefix: String) {
        if let Some(place) = self.chosen.get_mut(number) {
            self.taken.insert(prefix.clone());
            *place = Some(prefix);
            self.order.push(number);
        }
    }

    /// The `@context` by which the names have their meaning.
    pub(super) fn context(&self, standard: &str, namespaces: &Namespaces) -> Json {
        let declared = self.order.iter().filter_map(|number| {
            let prefix = self.chosen.get(*number)?.clone()?;
            Some((prefix, Json::from(namespaces.uri(*number))))
        });
        let declared: Object = declared.collect();
        let mut entries = vec![Json::from(standard)];
        if !declared.is_empty() {
            entries.push(Json::Object(declared));
        }
        Json::Array(entries)
    }
}
