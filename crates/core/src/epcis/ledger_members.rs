//! The names that a ledger alone gives an event: it adds them in an answer, and what a participant signed under them is not shown.
//!
//! Who reads an answer by its letters finds `sealane:participant`, and who reads it as linked data finds what that stands for. So a
//! participant may choose neither the name nor what it stands for.

use std::collections::BTreeSet;

use crate::epcis::context::Prefixes;
use crate::json::{Json, Object};

/// What the members that begin with `sealane:` are short for.
pub const LEDGER_NAMESPACE: &str = "urn:sealane:epcis:";

/// The prefix of that namespace in answers.
pub const LEDGER_PREFIX: &str = "sealane";

const CONTEXT: &str = "@context";

/// Takes the members of the ledger's namespace out of an event, by whatever prefix or term they have it. `document` is the `@context` of
/// the event's document.
pub fn take_ledger_members(event: &mut Object, document: Option<&Json>) {
    let prefixes = in_force(event, document);
    event.retain(|name, _| !is_ledgers(name, &prefixes));
}

/// Gives an event the contexts that are in force in it, those of its document before its own, so that it can be read without the
/// document. In them the ledger's prefix stands for nothing else: what used it for another namespace has the namespace written out.
pub fn with_context_in_force(event: &mut Object, document: Option<Json>) {
    let prefixes = in_force(event, document.as_ref());
    if prefixes.knows(LEDGER_PREFIX) {
        event.values_mut().for_each(|value| spell_out_in(value, &prefixes));
        spell_out(event, &prefixes);
    }
    let own = event.shift_remove(CONTEXT);
    let mut seen = BTreeSet::new();
    let entries = [document, own].into_iter().flatten().flat_map(|context| match context {
        Json::Array(entries) => entries,
        entry => vec![entry],
    });
    let entries: Vec<Json> =
        entries.filter_map(without_prefix).filter(|entry| seen.insert(entry.to_string())).collect();
    if !entries.is_empty() {
        event.insert(CONTEXT.to_owned(), Json::Array(entries));
    }
}

fn in_force(event: &Object, document: Option<&Json>) -> Prefixes {
    let contexts = document.into_iter().chain(event.get(CONTEXT));
    contexts.fold(Prefixes::default(), |prefixes, context| prefixes.with(context))
}

/// Tells whether a member's name stands for one in the ledger's namespace, or would in an answer, which declares the ledger's prefix.
fn is_ledgers(name: &str, prefixes: &Prefixes) -> bool {
    let is_undeclared = || !prefixes.knows(LEDGER_PREFIX) && local(name).is_some();
    let whole = prefixes.term(name).map_or_else(|| prefixes.name(name), str::to_owned);
    whole.starts_with(LEDGER_NAMESPACE) || is_undeclared()
}

/// What stands behind the ledger's prefix.
fn local(name: &str) -> Option<&str> {
    name.strip_prefix(LEDGER_PREFIX)?.strip_prefix(':')
}

fn spell_out(members: &mut Object, prefixes: &Prefixes) {
    if members.keys().all(|name| local(name).is_none()) {
        return;
    }
    let spelt = std::mem::take(members).into_iter().map(|(name, value)| {
        let name = if local(&name).is_some() { prefixes.name(&name) } else { name };
        (name, value)
    });
    members.extend(spelt);
}

/// The same in a value, at any depth, which JSON's own limit bounds.
fn spell_out_in(value: &mut Json, prefixes: &Prefixes) {
    match value {
        Json::Object(members) => {
            members.values_mut().for_each(|value| spell_out_in(value, prefixes));
            spell_out(members, prefixes);
        }
        Json::Array(items) => items.iter_mut().for_each(|value| spell_out_in(value, prefixes)),
        _ => {}
    }
}

/// An entry of a context without what it says of the ledger's prefix; `None` if it says nothing else.
fn without_prefix(mut entry: Json) -> Option<Json> {
    if let Some(terms) = entry.as_object_mut() {
        terms.retain(|term, _| term != LEDGER_PREFIX && local(term).is_none());
        return (!terms.is_empty()).then_some(entry);
    }
    Some(entry)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(value: Value) -> Object {
        let Json::Object(members) = Json::from(value) else { panic!("no object") };
        members
    }

    fn left(event: Value, document: Option<Value>) -> Vec<String> {
        let mut event = object(event);
        take_ledger_members(&mut event, document.map(Json::from).as_ref());
        event.into_keys().collect()
    }

    #[test]
    fn no_spelling_of_a_ledger_s_member_is_left() {
        let own = "urn:sealane:epcis:";
        for (name, context) in [
            ("sealane:leafIndex", json!(null)),
            ("sealane:leafIndex", json!({"sealane": own})),
            ("urn:sealane:epcis:leafIndex", json!(null)),
            ("x:leafIndex", json!({"x": own})),
            ("x:leafIndex", json!([{"x": {"@id": own}}])),
            ("x:epcis:leafIndex", json!({"x": "urn:sealane:"})),
            ("x:Index", json!({"x": "urn:sealane:epcis:leaf"})),
            ("x:leafIndex", json!({"x": "y:epcis:", "y": "urn:sealane:"})),
            ("leafIndex", json!({"leafIndex": "urn:sealane:epcis:leafIndex"})),
            ("place", json!({"place": {"@id": "sealane:leafIndex"}, "sealane": own})),
        ] {
            assert_eq!(left(json!({"a": 1, (name): 5}), Some(context.clone())), ["a"], "{name} in {context}");
            let event = json!({"@context": context, "a": 1, (name): 5});
            assert_eq!(left(event, None), ["@context", "a"], "{name} in the event's {context}");
        }
        let others = json!({"sealane": "https://other.example/", "y": "urn:sealane:epc"});
        for kept in ["sealane:leafIndex", "y:is", "leafIndex", "sealane", "sealanes:x"] {
            assert_eq!(left(json!({(kept): 5}), Some(others.clone())), [kept]);
        }
    }

    fn answered(event: Value, document: Value) -> Value {
        let mut event = object(event);
        with_context_in_force(&mut event, Some(Json::from(document)).filter(|context| *context != Json::Null));
        Json::Object(event).into()
    }

    #[test]
    fn an_event_has_the_contexts_of_its_document_and_its_own() {
        let standard = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
        let event = json!({"a:b": 1, "@context": [standard, {"a": "https://a.example/"}]});
        let answer = answered(event, json!([standard, {"d": "https://d.example/"}]));
        let context = json!([standard, {"d": "https://d.example/"}, {"a": "https://a.example/"}]);
        assert_eq!(answer, json!({"a:b": 1, "@context": context}));
        assert_eq!(answered(json!({"a": 1}), json!(null)), json!({"a": 1}));
        assert_eq!(answered(json!({"a": 1}), json!(standard)), json!({"a": 1, "@context": [standard]}));
    }

    #[test]
    fn the_ledger_s_prefix_stands_for_nothing_else() {
        let other = json!({"sealane": "https://other.example/", "a": "https://a.example/"});
        let event = json!({"sealane:leafIndex": 5, "a:b": [{"sealane:c": {"sealane:d": 1}}]});
        let spelt = json!({"https://other.example/leafIndex": 5,
            "a:b": [{"https://other.example/c": {"https://other.example/d": 1}}],
            "@context": [{"a": "https://a.example/"}]});
        assert_eq!(answered(event.clone(), other.clone()), spelt);
        let mut own = event;
        own["@context"] = other;
        assert_eq!(answered(own, json!(null)), spelt);
        // What only says that it stands for what it stands for goes too: the answer says that.
        let same = json!([{"sealane": "urn:sealane:epcis:"}, {"sealane:x": "https://other.example/x"}]);
        assert_eq!(answered(json!({"a": 1}), same), json!({"a": 1}));
    }
}
