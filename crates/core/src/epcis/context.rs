//! What a document's `@context` may say.
//!
//! This reader takes the names of EPCIS 2.0 by their letters and fetches no context. A linked-data reader would follow
//! the contexts instead, so a context that gave a standard name another meaning would let one signature say two
//! things. Inline contexts may therefore only add names of their own. What a context by URI says is not looked at.

use std::collections::{BTreeMap, HashSet};

use crate::epcis::schema::{Shape, is_standard_term};
use crate::epcis::uri::is_absolute_uri;
use crate::epcis::walk::Walk;
use crate::json::{Json, Object};

/// The prefixes of the standard context, with the namespaces that each may be written to stand for.
const STANDARD_PREFIXES: &[(&str, &[&str])] = &[
    ("epcis", &["https://ref.gs1.org/epcis/"]),
    ("cbv", &["https://ref.gs1.org/cbv/"]),
    ("gs1", &["https://gs1.org/voc/", "https://ref.gs1.org/voc/", "https://www.gs1.org/voc/", "http://gs1.org/voc/"]),
    ("cbvmda", &["urn:epcglobal:cbv:mda", "urn:epcglobal:cbv:mda:"]),
];

/// Where the names of EPCIS 2.0 live; a name under one of these is a standard name spelt out.
const EPCIS_NAMESPACES: &[&str] = &["epcis:", "https://ref.gs1.org/epcis/", "http://ref.gs1.org/epcis/"];

/// True for a member name that spells a standard name by its namespace, such as `epcis:eventTime`.
pub(super) fn respells_standard_term(name: &str) -> bool {
    EPCIS_NAMESPACES.iter().filter_map(|namespace| name.strip_prefix(namespace)).any(is_standard_term)
}

/// Checks the value of a `@context`: a URI, an object or a list of them, each once.
pub(super) fn check(walk: &mut Walk, value: &Json) {
    let Json::Array(entries) = value else {
        return entry(walk, value);
    };
    let mut seen = HashSet::new();
    for (index, value) in entries.iter().enumerate() {
        if walk.is_full() {
            return;
        }
        walk.item(index, |walk| {
            if !seen.insert(value.to_string()) {
                walk.fault("this entry stands in the list already");
            }
            entry(walk, value);
        });
    }
}

/// The namespaces that the contexts in force declare inline, by prefix.
#[derive(Debug, Clone, Default)]
pub(super) struct Prefixes(BTreeMap<String, String>);

/// How often a namespace may be written by another prefix, which has another one, and so on.
const PREFIX_STEPS_MAX: usize = 8;

impl Prefixes {
    /// These, and what one more `@context` declares, which comes first. A prefix that it gives `null` is declared no more
    /// (JSON-LD 1.1 §4.2).
    pub fn with(&self, context: &Json) -> Self {
        let mut prefixes = self.clone();
        let entries = match context {
            Json::Array(entries) => entries.as_slice(),
            entry => std::slice::from_ref(entry),
        };
        for inline in entries.iter().filter_map(Json::as_object) {
            for (prefix, definition) in inline.iter().filter(|(name, _)| !name.starts_with('@')) {
                match target(definition) {
                    Some(namespace) => prefixes.0.insert(prefix.clone(), namespace.to_owned()),
                    None => prefixes.0.remove(prefix),
                };
            }
            let whole = inline.keys().filter_map(|prefix| Some((prefix.clone(), prefixes.whole(prefix)?)));
            let whole: Vec<_> = whole.collect();
            prefixes.0.extend(whole);
        }
        prefixes
    }

    /// Cuts `prefix:name` into the namespace and the name, if the prefix is declared. What begins with `scheme://` is a URI,
    /// whatever prefixes there are (JSON-LD 1.1 API §5.2).
    pub fn split<'t>(&self, text: &'t str) -> Option<(&str, &'t str)> {
        let (prefix, local) = text.split_once(':')?;
        if local.starts_with("//") {
            return None;
        }
        Some((self.0.get(prefix)?, local))
    }

    /// Writes `prefix:name` as one URI, if the prefix is declared here or is one of the standard's. Each namespace that a prefix of the
    /// standard may stand for gives the same URI, also with `#` behind that of `cbvmda`. Another name stands as it is.
    pub fn name(&self, name: &str) -> String {
        let whole = match self.split(name) {
            Some((namespace, local)) => format!("{namespace}{local}"),
            None => name.to_owned(),
        };
        let standard = |(prefix, namespaces): &(&str, &[&str])| {
            let first = namespaces.iter().find(|namespace| is_whole(namespace))?;
            let undeclared = whole.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(':'));
            let rest = undeclared.or_else(|| {
                // The longest namespace: one may begin as another one does.
                let fitting = namespaces.iter().filter(|namespace| whole.starts_with(**namespace));
                let namespace = fitting.max_by_key(|namespace| namespace.len())?;
                let rest = whole.strip_prefix(namespace)?;
                Some(if is_whole(namespace) { rest } else { rest.strip_prefix('#').unwrap_or(rest) })
            });
            Some(format!("{first}{}", rest?))
        };
        STANDARD_PREFIXES.iter().find_map(standard).unwrap_or(whole)
    }

    /// Tells whether a prefix has a meaning here: declared, or one of the standard's.
    pub fn knows(&self, prefix: &str) -> bool {
        self.0.contains_key(prefix) || STANDARD_PREFIXES.iter().any(|(standard, _)| *standard == prefix)
    }

    /// Declares a prefix.
    pub fn declare(&mut self, prefix: &str, namespace: &str) {
        self.0.insert(prefix.to_owned(), namespace.to_owned());
    }

    /// The namespace of a prefix, with the prefixes in it resolved.
    fn whole(&self, prefix: &str) -> Option<String> {
        let mut namespace = self.0.get(prefix)?.clone();
        for _ in 0..PREFIX_STEPS_MAX {
            let Some((before, local)) = self.split(&namespace) else { break };
            namespace = format!("{before}{local}");
        }
        Some(namespace)
    }
}

/// Tells whether a namespace ends where a name begins.
fn is_whole(namespace: &str) -> bool {
    namespace.ends_with(['/', ':'])
}

/// What a name of a context is defined to stand for.
fn target(definition: &Json) -> Option<&str> {
    definition.as_str().or_else(|| definition.get("@id").and_then(Json::as_str))
}

fn entry(walk: &mut Walk, value: &Json) {
    match value {
        Json::String(uri) if is_absolute_uri(uri) => {}
        Json::Object(inline) => declarations(walk, inline),
        _ => walk.wrong(&Shape::Context, value),
    }
}

fn declarations(walk: &mut Walk, inline: &Object) {
    for (name, value) in inline {
        if let Some(message) = objection(name, value) {
            walk.fault_at(name, message);
        }
    }
}

fn objection(name: &str, value: &Json) -> Option<String> {
    let target = target(value);
    if matches!(name, "id" | "type") && target.is_some_and(|at| at.strip_prefix('@') == Some(name)) {
        return None;
    }
    if name.starts_with('@') {
        return keyword(name, value);
    }
    if let Some((_, namespaces)) = STANDARD_PREFIXES.iter().find(|(prefix, _)| *prefix == name) {
        let same = target.is_some_and(|target| namespaces.contains(&target));
        return (!same)
            .then(|| format!("`{name}` is a prefix of the standard; it stands for {}", namespaces.join(" or ")));
    }
    if is_standard_term(name) || respells_standard_term(name) {
        return Some(format!("`{name}` is a name of EPCIS 2.0 and may be given no other meaning"));
    }
    target.and_then(|target| alias(name, target))
}

/// Judges a keyword of JSON-LD 1.1 (§9.15). Most say nothing of what a standard name means: they protect the names of a
/// context, say where it ends, give texts a language or bring in another context, as a URI in the list does. Their values
/// are those of the standard, so that no reader stops at them.
fn keyword(name: &str, value: &Json) -> Option<String> {
    let null = matches!(value, Json::Null);
    let is_uri = || value.as_str().is_some_and(is_absolute_uri);
    let (is_right, wanted) = match name {
        "@version" => (matches!(value, Json::Number(number) if number.as_str() == "1.1"), "1.1"),
        "@protected" | "@propagate" => (value.is_boolean(), "true or false"),
        "@language" => (null || value.is_string(), "a language tag such as \"en\", or null"),
        "@direction" => (null || matches!(value.as_str(), Some("ltr" | "rtl")), "\"ltr\", \"rtl\" or null"),
        "@base" => (null || is_uri(), "an absolute URI, or null"),
        "@import" => (is_uri(), "the absolute URI of a context"),
        "@type" => (is_type_definition(value), "{\"@container\": \"@set\"}, perhaps with `@protected`"),
        "@vocab" => {
            let message = "`@vocab` gives a meaning to each name that no context defines, and to a reader who does not load \
                           the standard's context these are the standard names; declare a prefix instead";
            return Some(message.to_owned());
        }
        _ => return Some(format!("`{name}` is no keyword that a context may have (JSON-LD 1.1 §9.15); leave it out")),
    };
    (!is_right).then(|| format!("`{name}` must be {wanted}"))
}

/// Tells whether the keyword `@type` gets what alone it may get: that its values form a set.
fn is_type_definition(value: &Json) -> bool {
    value.as_object().is_some_and(|members| {
        members.get("@container").and_then(Json::as_str) == Some("@set")
            && members.iter().all(|(name, value)| name == "@container" || (name == "@protected" && value.is_boolean()))
    })
}

/// Refuses a second name for a keyword or for the standard's own namespace.
fn alias(name: &str, target: &str) -> Option<String> {
    let of_epcis = EPCIS_NAMESPACES.iter().any(|namespace| target.starts_with(namespace.trim_end_matches('/')));
    (target.starts_with('@') || of_epcis)
        .then(|| format!("`{name}` would be another name for {target}, which has one already"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn takes_own_names_and_the_standard_prefixes() {
        for (name, value) in [
            ("example", json!("https://ns.example.com/epcis/")),
            ("gs1", json!("https://gs1.org/voc/")),
            ("cbvmda", json!("urn:epcglobal:cbv:mda:")),
            ("id", json!("@id")),
            ("type", json!("@type")),
            ("@version", json!(1.1)),
            ("@protected", json!(true)),
            ("@propagate", json!(true)),
            ("@language", json!("de")),
            ("@language", json!(null)),
            ("@direction", json!("rtl")),
            ("@base", json!("https://example.com/")),
            ("@import", json!("https://example.com/context.jsonld")),
            ("@type", json!({"@container": "@set", "@protected": true})),
            ("grade", json!({"@id": "https://example.com/grade", "@type": "@id"})),
        ] {
            assert_eq!(objection(name, &value.into()), None, "{name}");
        }
    }

    #[test]
    fn refuses_other_meanings() {
        for (name, value) in [
            ("eventTime", json!("https://example.com/whenever")),
            ("bizStep", json!({"@id": "https://example.com/step"})),
            ("epcList", json!(null)),
            ("sensorReport", json!("https://example.com/x")),
            ("ObjectEvent", json!("https://example.com/x")),
            ("type", json!("https://example.com/x")),
            ("id", json!("@type")),
            ("@vocab", json!("https://example.com/")),
            ("@base", json!("here")),
            ("@import", json!(["https://example.com/"])),
            ("@version", json!(1.0)),
            ("@protected", json!("yes")),
            ("@direction", json!("down")),
            ("@type", json!({"@id": "https://example.com/kind"})),
            ("@id", json!("https://example.com/")),
            ("@nothing", json!(1)),
            ("epcis", json!("https://example.com/")),
            ("gs1", json!("https://example.com/")),
            ("epcis:action", json!("https://example.com/")),
            ("https://ref.gs1.org/epcis/action", json!("https://example.com/")),
            ("mine", json!("https://ref.gs1.org/epcis/")),
            ("mine", json!("https://ref.gs1.org/epcis/eventTime")),
            ("kind", json!("@type")),
            ("inside", json!({"@id": "@nest"})),
        ] {
            assert!(objection(name, &value.clone().into()).is_some(), "{name}: {value}");
        }
    }

    #[test]
    fn knows_spelt_out_names() {
        assert!(respells_standard_term("epcis:eventTime"));
        assert!(respells_standard_term("https://ref.gs1.org/epcis/epcList"));
        assert!(!respells_standard_term("epcis:mine") && !respells_standard_term("example:eventTime"));
    }

    #[test]
    fn prefixes_are_those_of_every_context_in_force() {
        let context = json!(["https://example.com/c.jsonld", {"a": "urn:a:", "b": {"@id": "urn:b:"}}, {"c": "a:c:"}]);
        let outer = Prefixes::default().with(&context.into());
        for (name, whole) in
            [("a:x", Some(("urn:a:", "x"))), ("b:x:y", Some(("urn:b:", "x:y"))), ("c:x", Some(("urn:a:c:", "x")))]
        {
            assert_eq!(outer.split(name), whole, "{name}");
        }
        for name in ["d:x", "x", "a://x", "@version:x"] {
            assert_eq!(outer.split(name), None, "{name}");
        }
        let inner = outer.with(&json!({"a": "urn:other:", "b": null, "@protected": true}).into());
        assert_eq!(inner.split("a:x"), Some(("urn:other:", "x")));
        assert_eq!(inner.split("b:x"), None);
        assert_eq!(inner.split("c:x"), Some(("urn:a:c:", "x")), "as it was declared");
        for name in
            ["cbvmda:site", "urn:epcglobal:cbv:mda:site", "urn:epcglobal:cbv:mda#site", "urn:epcglobal:cbv:mdasite"]
        {
            assert_eq!(inner.name(name), "urn:epcglobal:cbv:mda:site");
        }
        assert_eq!(inner.name("https://ref.gs1.org/voc/#x"), "https://gs1.org/voc/#x");
        let round = Prefixes::default().with(&json!({"a": "b:", "b": "a:"}).into());
        assert!(round.split("a:x").is_some(), "prefixes that name each other end");
    }
}
