//! What names stand for, for those who write events in other forms.

use super::context::{Prefixes, standard_namespace};
use crate::json::Json;

/// The contexts in force at a place of an event, as far as they are inline: nothing is fetched.
#[derive(Debug, Clone, Default)]
pub struct NameScope(Prefixes);

impl NameScope {
    /// What holds inside an object: its own `@context` adds to this.
    pub fn within(&self, object: &Json) -> Self {
        match object.get("@context") {
            Some(context) => Self(self.0.with(context)),
            None => self.clone(),
        }
    }

    /// Cuts `prefix:name` into the namespace and the name, if a context declares the prefix.
    pub fn declared<'t>(&self, text: &'t str) -> Option<(&str, &'t str)> {
        self.0.split(text)
    }

    /// The same of a name, which may have a prefix of the standard's context too.
    pub fn name<'t>(&self, name: &'t str) -> Option<(&str, &'t str)> {
        self.declared(name).or_else(|| {
            let (prefix, local) = name.split_once(':')?;
            Some((standard_namespace(prefix)?, local))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_cut_by_the_contexts_in_force() {
        let outer =
            NameScope::default().within(&json!({"@context": ["https://example.com/c", {"a": "urn:a:"}]}).into());
        let inner = outer.within(&json!({"@context": {"b": "a:b:", "a": "urn:other:"}}).into());
        assert_eq!(outer.declared("a:x"), Some(("urn:a:", "x")));
        assert_eq!(inner.declared("a:x"), Some(("urn:other:", "x")));
        assert_eq!(inner.name("cbvmda:lotNumber"), Some(("urn:epcglobal:cbv:mda", "lotNumber")));
        assert_eq!((inner.declared("cbvmda:x"), inner.name("c:x"), inner.name("x")), (None, None, None));
        assert_eq!(inner.name("epcis:x"), None, "the standard's own names are written plainly");
        assert!(outer.within(&Json::Null).declared("a:x").is_some());
    }
}
