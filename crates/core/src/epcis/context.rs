//! What a document's `@context` may say.
//!
//! This reader takes the names of EPCIS 2.0 by their letters and fetches no context. A linked-data reader would follow
//! the contexts instead, so a context that gave a standard name another meaning would let one signature say two
//! things. Inline contexts may therefore only add names of their own. What a context by URI says is not looked at.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::epcis::schema::{Shape, is_standard_term};
use crate::epcis::uri::is_absolute_uri;
use crate::epcis::walk::{Walk, quoted};
use crate::json::{self, Json, Object};
use crate::limits::{CONTEXT_BYTES_MAX, CONTEXT_VALUE_BYTES, NAME_CHARS_MAX, NAMESPACE_CHARS_MAX};

/// The prefixes of the standard context, with the namespaces that each may be written to stand for.
const STANDARD_PREFIXES: &[(&str, &[&str])] = &[
    ("epcis", &["https://ref.gs1.org/epcis/"]),
    ("cbv", &["https://ref.gs1.org/cbv/"]),
    ("gs1", &["https://gs1.org/voc/", "https://ref.gs1.org/voc/", "https://www.gs1.org/voc/", "http://gs1.org/voc/"]),
    ("cbvmda", &["urn:epcglobal:cbv:mda", "urn:epcglobal:cbv:mda:"]),
];

/// The namespace of a prefix that the standard's context declares for names that are not EPCIS's own.
pub(super) fn standard_namespace(prefix: &str) -> Option<&'static str> {
    let (_, namespaces) = STANDARD_PREFIXES.iter().find(|(standard, _)| *standard == prefix && prefix != "epcis")?;
    namespaces.first().copied()
}

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
///
/// What a context adds lies above what was in force, so that a context takes memory and time for its own names only.
#[derive(Debug, Clone, Default)]
pub(super) struct Prefixes(Option<Arc<Layer>>);

/// What one context declares: a namespace, or `None` where it takes a prefix away.
#[derive(Debug, Clone, Default)]
struct Layer {
    own: BTreeMap<String, Option<String>>,
    outer: Prefixes,
}

/// How often a namespace may be written by another prefix, which has another one, and so on.
const PREFIX_STEPS_MAX: usize = 8;

impl Prefixes {
    /// These, and what one more `@context` declares, which comes first. A prefix that it gives `null` is declared no more
    /// (JSON-LD 1.1 §4.2).
    ///
    /// A context or a namespace that is too long declares nothing; [`Bounds`] reports it.
    pub fn with(&self, context: &Json) -> Self {
        if weight(context) > CONTEXT_BYTES_MAX { self.clone() } else { self.declaring(context, |_, _, _| {}) }
    }

    /// As [`Self::with`]; tells the place in the list, the prefix and the length of each namespace that is too long.
    fn declaring<'c>(&self, context: &'c Json, mut too_long: impl FnMut(Option<usize>, &'c str, usize)) -> Self {
        let (entries, is_list) = match context {
            Json::Array(entries) => (entries.as_slice(), true),
            entry => (std::slice::from_ref(entry), false),
        };
        let mut prefixes = Self(Some(Arc::new(Layer { own: BTreeMap::new(), outer: self.clone() })));
        for (index, entry) in entries.iter().enumerate() {
            let Json::Object(inline) = entry else { continue };
            let index = is_list.then_some(index);
            let own = || inline.iter().filter(|(name, _)| !name.starts_with('@'));
            for (prefix, definition) in own() {
                let namespace = target(definition);
                let chars = namespace.map_or(0, |namespace| namespace.chars().count());
                if chars > NAMESPACE_CHARS_MAX {
                    too_long(index, prefix, chars);
                }
                let namespace = namespace.filter(|_| chars <= NAMESPACE_CHARS_MAX);
                prefixes.set(prefix, namespace.map(str::to_owned));
            }
            let mut all_whole = Vec::new();
            for (prefix, _) in own() {
                match prefixes.whole(prefix) {
                    Ok(None) => {}
                    Ok(whole) => all_whole.push((prefix, whole)),
                    Err(chars) => {
                        too_long(index, prefix, chars);
                        all_whole.push((prefix, None));
                    }
                }
            }
            for (prefix, whole) in all_whole {
                prefixes.set(prefix, whole);
            }
        }
        let has_own = prefixes.0.as_ref().is_some_and(|layer| !layer.own.is_empty());
        if has_own { prefixes } else { self.clone() }
    }

    fn get(&self, prefix: &str) -> Option<&str> {
        let mut layer = self.0.as_deref();
        while let Some(Layer { own, outer }) = layer {
            if let Some(namespace) = own.get(prefix) {
                return namespace.as_deref();
            }
            layer = outer.0.as_deref();
        }
        None
    }

    fn set(&mut self, prefix: &str, namespace: Option<String>) {
        Arc::make_mut(self.0.get_or_insert_default()).own.insert(prefix.to_owned(), namespace);
    }

    /// Cuts `prefix:name` into the namespace and the name, if the prefix is declared. What begins with `scheme://` is a URI,
    /// whatever prefixes there are (JSON-LD 1.1 API §5.2).
    pub fn split<'t>(&self, text: &'t str) -> Option<(&str, &'t str)> {
        let (prefix, local) = text.split_once(':')?;
        if local.starts_with("//") {
            return None;
        }
        Some((self.get(prefix)?, local))
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
        self.get(prefix).is_some() || STANDARD_PREFIXES.iter().any(|(standard, _)| *standard == prefix)
    }

    /// Declares a prefix.
    pub fn declare(&mut self, prefix: &str, namespace: &str) {
        self.set(prefix, Some(namespace.to_owned()));
    }

    /// The namespace of a prefix, with the prefixes in it resolved.
    ///
    /// # Errors
    ///
    /// The number of characters at the step at which there are too many.
    fn whole(&self, prefix: &str) -> Result<Option<String>, usize> {
        let Some(namespace) = self.get(prefix) else { return Ok(None) };
        let mut namespace = namespace.to_owned();
        for _ in 0..PREFIX_STEPS_MAX {
            let Some((before, local)) = self.split(&namespace) else { break };
            namespace = format!("{before}{local}");
            let chars = namespace.chars().count();
            if chars > NAMESPACE_CHARS_MAX {
                return Err(chars);
            }
        }
        Ok(Some(namespace))
    }
}

/// Looks for what would be too long when names are written out, before any is: in each `@context` of an object and of all that it
/// holds, and in its members' names.
pub(super) struct Bounds<'w, 't> {
    walk: &'w mut Walk,
    path: Vec<Place<'t>>,
}

#[derive(Clone, Copy)]
enum Place<'t> {
    Name(&'t str),
    Index(usize),
}

impl<'w, 't> Bounds<'w, 't> {
    /// Checks the `@context` of a document.
    pub fn of_document(walk: &'w mut Walk, frame: &'t Object) {
        Self { walk, path: Vec::new() }.inside(&Prefixes::default(), frame);
    }

    /// Checks an event, where these prefixes are in force.
    pub fn of_event(walk: &'w mut Walk, prefixes: &Prefixes, event: &'t Json) {
        Self { walk, path: Vec::new() }.value(prefixes, event);
    }

    fn value(&mut self, prefixes: &Prefixes, value: &'t Json) {
        match value {
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.deeper(Place::Index(index), |bounds| bounds.value(prefixes, item));
                }
            }
            Json::Object(members) => {
                let inner = self.inside(prefixes, members);
                for (name, value) in members.iter().filter(|(name, _)| *name != "@context") {
                    if self.walk.is_full() {
                        return;
                    }
                    // A name has no more characters than bytes, and few have so many.
                    let chars = if name.len() > NAME_CHARS_MAX { name.chars().count() } else { 0 };
                    if chars > NAME_CHARS_MAX {
                        let name = quoted(name);
                        self.fault(format!(
                            "the name of a member has at most {NAME_CHARS_MAX} characters, and {name} has {chars}; write a \
                             shorter one, with a prefix for its namespace"
                        ));
                    } else {
                        self.deeper(Place::Name(name), |bounds| bounds.value(&inner, value));
                    }
                }
            }
            _ => {}
        }
    }

    /// Checks the context of an object, and gives what holds inside it.
    fn inside(&mut self, prefixes: &Prefixes, object: &'t Object) -> Prefixes {
        let Some(context) = object.get("@context") else { return prefixes.clone() };
        self.deeper(Place::Name("@context"), |bounds| {
            let mut found = Vec::new();
            let inner = prefixes.declaring(context, |index, prefix, chars| found.push((index, prefix, chars)));
            let has_long = !found.is_empty();
            for (index, prefix, chars) in found {
                let length = bounds.path.len();
                bounds.path.extend(index.map(Place::Index));
                bounds.path.push(Place::Name(prefix));
                bounds.fault(format!(
                    "a namespace has at most {NAMESPACE_CHARS_MAX} characters, with the prefixes in it written out; this has \
                     {chars}: declare a shorter one"
                ));
                bounds.path.truncate(length);
            }
            let bytes = weight(context);
            if bytes <= CONTEXT_BYTES_MAX {
                return inner;
            }
            if !has_long {
                bounds.fault(format!(
                    "a context has at most {CONTEXT_BYTES_MAX} bytes, those of its names and texts and {CONTEXT_VALUE_BYTES} for \
                     each value; this has {bytes}: declare only the prefixes that the document uses"
                ));
            }
            prefixes.clone()
        })
    }

    fn deeper<T>(&mut self, place: Place<'t>, run: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(place);
        let result = run(self);
        self.path.pop();
        result
    }

    fn fault(&mut self, message: String) {
        let below = self.path.iter().fold(String::new(), |pointer, place| match place {
            Place::Name(name) => json::child(&pointer, name),
            Place::Index(index) => json::child(&pointer, index),
        });
        self.walk.fault_below(&below, message);
    }
}

/// The bytes of the names and texts of a value, and some for each value in it.
fn weight(value: &Json) -> usize {
    CONTEXT_VALUE_BYTES
        + match value {
            Json::String(text) => text.len(),
            Json::Array(items) => items.iter().map(weight).sum(),
            Json::Object(members) => members.iter().map(|(name, value)| name.len() + weight(value)).sum(),
            _ => 0,
        }
}

/// Tells whether a namespace ends where a name begins.
fn is_whole(namespace: &str) -> bool {
    namespace.ends_with(['/', ':'])
}

/// What a name of a context is defined to stand for.
pub(super) fn target(definition: &Json) -> Option<&str> {
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

/// Tells whether a context may declare a prefix for a namespace: no name of EPCIS 2.0, no prefix of the standard for another namespace, and
/// no second name for the standard's own.
pub fn may_declare(prefix: &str, namespace: &str) -> bool {
    objection(prefix, &Json::from(namespace)).is_none()
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
    fn prefixes_may_not_be_names_of_the_standard() {
        assert!(may_declare("ex", "urn:ex:") && may_declare("cbvmda", "urn:epcglobal:cbv:mda"));
        for (prefix, namespace) in [("action", "urn:ex:"), ("gs1", "urn:ex:"), ("ex", "https://ref.gs1.org/epcis/")] {
            assert!(!may_declare(prefix, namespace), "{prefix} {namespace}");
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
