//! What a document's `@context` may say.
//!
//! This reader takes the names of EPCIS 2.0 by their letters and fetches no context. A linked-data reader would follow
//! the contexts instead, so a context that gave a standard name another meaning would let one signature say two
//! things. Inline contexts may therefore only add names of their own. What a context by URI says is not looked at.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::epcis::schema::{Shape, is_standard_term};
use crate::epcis::uri::is_absolute_uri;
use crate::epcis::walk::Walk;

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
pub(super) fn check(walk: &mut Walk, value: &Value) {
    let Value::Array(entries) = value else {
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

/// The namespaces that a `@context` declares inline, by prefix.
pub(super) fn namespaces(value: &Value) -> Vec<(&str, &str)> {
    let entries = match value {
        Value::Array(entries) => entries.as_slice(),
        entry => std::slice::from_ref(entry),
    };
    let declared = entries.iter().filter_map(Value::as_object).flatten();
    declared.filter_map(|(prefix, namespace)| Some((prefix.as_str(), namespace.as_str()?))).collect()
}

fn entry(walk: &mut Walk, value: &Value) {
    match value {
        Value::String(uri) if is_absolute_uri(uri) => {}
        Value::Object(inline) => declarations(walk, inline),
        _ => walk.wrong(&Shape::Context, value),
    }
}

fn declarations(walk: &mut Walk, inline: &Map<String, Value>) {
    for (name, value) in inline {
        if let Some(message) = objection(name, value) {
            walk.fault_at(name, message);
        }
    }
}

fn objection(name: &str, value: &Value) -> Option<String> {
    let target = value.as_str().or_else(|| value.get("@id").and_then(Value::as_str));
    if name == "@version"
        || (matches!(name, "id" | "type") && target.is_some_and(|at| at.strip_prefix('@') == Some(name)))
    {
        return None;
    }
    if name.starts_with('@') {
        return Some(format!("`{name}` would change what standard names mean; declare prefixes only"));
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
            ("grade", json!({"@id": "https://example.com/grade", "@type": "@id"})),
        ] {
            assert_eq!(objection(name, &value), None, "{name}");
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
            ("@base", json!("https://example.com/")),
            ("@import", json!("https://example.com/")),
            ("epcis", json!("https://example.com/")),
            ("gs1", json!("https://example.com/")),
            ("epcis:action", json!("https://example.com/")),
            ("https://ref.gs1.org/epcis/action", json!("https://example.com/")),
            ("mine", json!("https://ref.gs1.org/epcis/")),
            ("mine", json!("https://ref.gs1.org/epcis/eventTime")),
            ("kind", json!("@type")),
            ("inside", json!({"@id": "@nest"})),
        ] {
            assert!(objection(name, &value).is_some(), "{name}: {value}");
        }
    }

    #[test]
    fn knows_spelt_out_names() {
        assert!(respells_standard_term("epcis:eventTime"));
        assert!(respells_standard_term("https://ref.gs1.org/epcis/epcList"));
        assert!(!respells_standard_term("epcis:mine") && !respells_standard_term("example:eventTime"));
    }

    #[test]
    fn lists_inline_namespaces() {
        let context = json!(["https://example.com/c.jsonld", {"a": "urn:a:", "b": {"@id": "urn:b"}}, {"c": "urn:c"}]);
        assert_eq!(namespaces(&context), [("a", "urn:a:"), ("c", "urn:c")]);
        assert_eq!(namespaces(&json!({"a": "urn:a:"})), [("a", "urn:a:")]);
    }
}
