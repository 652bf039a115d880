//! The names that a ledger alone gives an event: it adds them in an answer, and what a participant signed under them is not shown.
//!
//! Who reads an answer by its letters finds `sealane:participant`, and who reads it as linked data finds what that stands for. A
//! participant may choose the letters, and what they stand for, so both are looked at. A context by URI is not fetched: what it says
//! is not known here.

use std::collections::{BTreeMap, BTreeSet};

use crate::epcis::context::target;
use crate::epcis::schema::is_standard_term;
use crate::epcis::uri::is_absolute_uri;
use crate::json::{Json, Object};

/// What the members that begin with `sealane:` are short for.
pub const LEDGER_NAMESPACE: &str = "urn:sealane:epcis:";

/// The prefix of that namespace in answers.
pub const LEDGER_PREFIX: &str = "sealane";

const CONTEXT: &str = "@context";

/// Takes the members of the ledger's namespace out of an event that is captured, by whatever prefix or term they have it, and says
/// whether there was any. `document` is the `@context` of the event's document.
pub fn take_ledger_members(event: &mut Object, document: Option<&Json>) -> bool {
    let own = event.get(CONTEXT).cloned();
    let mut terms = Terms::named(document.into_iter().chain(&own).flat_map(entries).filter_map(Json::as_object));
    // An answer would declare it.
    terms.targets.entry(LEDGER_PREFIX).or_insert_with(|| BTreeSet::from([LEDGER_NAMESPACE]));
    let terms = terms.written_out();
    let before = event.len();
    event.retain(|name, _| !terms.leads_to_ledger(name));
    event.len() < before
}

/// Makes an event one of an answer: with the contexts that are in force in it, those of its document before its own, and without what
/// only the ledger says. Nothing in them declares the ledger's prefix, or is so defined that a reader of linked data would refuse
/// the whole answer (JSON-LD 1.1 API §4.2).
pub fn as_answered(event: &mut Object, document: Option<Json>) {
    let own = event.shift_remove(CONTEXT);
    let all = || document.iter().chain(&own).flat_map(entries);
    let mut terms = Terms::named(all().filter_map(Json::as_object));
    terms.targets.entry(LEDGER_PREFIX).or_default().insert(LEDGER_NAMESPACE);
    let terms = terms.written_out();
    let kept: Object = std::mem::take(event)
        .into_iter()
        .filter(|(name, _)| !is_ledgers_by_letters(name) && !terms.leads_to_ledger(name))
        .collect();
    *event = kept;
    let mut seen = BTreeSet::new();
    let context = all().filter_map(|entry| match entry {
        Json::Object(definitions) => {
            let mut sound = Json::Object(terms.sound(definitions)?);
            // A list has nothing twice, and each definition counts where it stands: this says what holds anyway (JSON-LD 1.1 §4.1.8).
            if !seen.insert(sound.to_string())
                && let Some(again) = sound.as_object_mut()
            {
                again.insert("@propagate".to_owned(), Json::Bool(true));
            }
            Some(sound)
        }
        // The standard's context says nothing new a second time.
        uri => seen.insert(uri.to_string()).then(|| uri.clone()),
    });
    let context: Vec<Json> = context.collect();
    if !context.is_empty() {
        event.insert(CONTEXT.to_owned(), Json::Array(context));
    }
}

fn entries(context: &Json) -> &[Json] {
    context.as_array().map_or(std::slice::from_ref(context), Vec::as_slice)
}

/// Tells whether a name is one of the ledger's for who reads it by its letters, in whatever case.
fn is_ledgers_by_letters(name: &str) -> bool {
    let name = name.trim_start();
    let begins = |with: &str| name.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    begins(LEDGER_NAMESPACE)
        || begins(LEDGER_PREFIX) && name.get(LEDGER_PREFIX.len()..).is_some_and(|rest| rest.starts_with(':'))
}

/// How each term that contexts define inline begins, written out. Of a term that is defined repeatedly each definition counts, so that no
/// order of contexts hides one.
#[derive(Debug, Default)]
struct Terms<'c> {
    targets: BTreeMap<&'c str, BTreeSet<&'c str>>,
    begin: BTreeMap<&'c str, Beginnings>,
}

/// How a text may begin, as far as that leads to the ledger's namespace: with parts of it from its first letter on, or with the whole.
type Beginnings = BTreeSet<&'static str>;

impl<'c> Terms<'c> {
    fn named(contexts: impl Iterator<Item = &'c Object>) -> Self {
        let mut terms = Self::default();
        for (term, definition) in contexts.flatten() {
            let reverse = || definition.get("@reverse").and_then(Json::as_str);
            if !term.starts_with('@')
                && let Some(target) = target(definition).or_else(reverse)
            {
                terms.targets.entry(term).or_default().insert(target);
            }
        }
        terms
    }

    /// Writes each term out, again whenever one that it is defined by has a further beginning: contexts may define two terms by each other
    /// in turn. There are only so many beginnings, so that this ends.
    fn written_out(mut self) -> Self {
        let mut defined_by: BTreeMap<&'c str, Vec<&'c str>> = BTreeMap::new();
        for (term, targets) in &self.targets {
            for (before, _) in targets.iter().filter_map(|target| self.cut(target, Some(term))) {
                defined_by.entry(before).or_default().push(term);
            }
        }
        let mut due: Vec<&'c str> = self.targets.keys().copied().collect();
        while let Some(term) = due.pop() {
            let targets = self.targets.get(term).into_iter().flatten();
            let begin: Beginnings = targets.flat_map(|target| self.beginnings(target, Some(term))).collect();
            if self.begin.get(term) != Some(&begin) {
                self.begin.insert(term, begin);
                due.extend(defined_by.get(term).into_iter().flatten());
            }
        }
        self
    }

    /// The terms of one context, each defined once, that lead back to where they were.
    fn circular(&self) -> BTreeSet<&'c str> {
        let next = |term: &str| self.cut(self.targets.get(term)?.first()?, Some(term)).map(|(before, _)| before);
        let mut known: BTreeMap<&'c str, bool> = BTreeMap::new();
        for term in self.targets.keys().copied() {
            let (mut way, mut at) = (BTreeSet::new(), Some(term));
            let leads_back = loop {
                let Some(term) = at else { break false };
                if let Some(known) = known.get(term) {
                    break *known;
                }
                if !way.insert(term) {
                    break true;
                }
                at = next(term);
            };
            known.extend(way.into_iter().map(|term| (term, leads_back)));
        }
        known.into_iter().filter(|(_, leads_back)| *leads_back).map(|(term, _)| term).collect()
    }

    /// Cuts a text into the term that it begins with and the rest: a term alone, or a prefix before a colon. In the definition `of` a
    /// term that term alone is none yet.
    fn cut<'t>(&self, text: &'t str, of: Option<&str>) -> Option<(&'c str, &'t str)> {
        let known = |term: &str| self.targets.get_key_value(term).map(|(term, _)| *term);
        if let Some(term) = known(text).filter(|term| Some(*term) != of) {
            return Some((term, ""));
        }
        let (prefix, rest) = text.split_once(':').filter(|(_, rest)| !rest.starts_with("//"))?;
        known(prefix).map(|term| (term, rest))
    }

    /// How a text may begin: written out, and as it stands, since JSON-LD lets only some terms be prefixes (§4.1.3).
    fn beginnings(&self, text: &str, of: Option<&str>) -> Beginnings {
        let of_term = self.cut(text, of).and_then(|(term, rest)| Some((self.begin.get(term)?, rest)));
        let written = of_term.into_iter().flat_map(|(begin, rest)| {
            begin.iter().filter_map(move |begin| {
                Some(&LEDGER_NAMESPACE[..begin.len() + part(&LEDGER_NAMESPACE[begin.len()..], rest)?])
            })
        });
        let literal = part(LEDGER_NAMESPACE, text).map(|length| &LEDGER_NAMESPACE[..length]);
        written.chain(literal).collect()
    }

    /// Tells whether a name may stand for one in the ledger's namespace.
    fn leads_to_ledger(&self, name: &str) -> bool {
        self.beginnings(name, None).contains(LEDGER_NAMESPACE)
    }

    /// The definitions of one context that an answer may have; `None` if there are none.
    fn sound(&self, definitions: &Object) -> Option<Object> {
        let circular = Terms::named(std::iter::once(definitions)).circular();
        let is_ledgers =
            |term: &str| term.strip_prefix(LEDGER_PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
        let sound = definitions.iter().filter_map(|(term, definition)| {
            if is_ledgers(term) || term == PROTECTED || circular.contains(&**term) {
                return None;
            }
            let definition =
                if term.starts_with('@') { Some(definition.clone()) } else { self.definition(term, definition) };
            Some((term.clone(), definition?))
        });
        let sound: Object = sound.collect();
        (!sound.is_empty()).then_some(sound)
    }

    /// A definition as every reader of linked data takes it, if it is one. It protects nothing: another context may define the term too.
    fn definition(&self, term: &str, definition: &Json) -> Option<Json> {
        let stands = |target: &str| {
            let is_iri = is_absolute_uri(target) || self.cut(target, None).is_some() || is_standard_term(target);
            // A term with a colon stands for what it says. The keywords that a context may name are those that the standard's names.
            target.starts_with('@') || is_iri && (!term.contains(':') || term == target)
        };
        if term.is_empty() || term.contains('/') {
            return None;
        }
        match definition {
            Json::Null => Some(Json::Null),
            Json::String(target) => stands(target).then(|| definition.clone()),
            Json::Object(members) => {
                let is_one = |(name, value): (&String, &Json)| match (name.as_str(), value) {
                    ("@id", Json::String(target)) => stands(target),
                    ("@type", Json::String(of)) => of.contains(':') || TYPES.contains(&of.as_str()),
                    ("@container", Json::String(one)) => CONTAINERS.contains(&one.as_str()),
                    ("@language" | "@direction", Json::String(_) | Json::Null) => true,
                    ("@prefix" | PROTECTED, Json::Bool(_)) => true,
                    _ => false,
                };
                let is_whole = members.contains_key("@id") || term.contains(':');
                let mut kept = members.clone();
                kept.shift_remove(PROTECTED);
                (is_whole && members.iter().all(is_one)).then_some(Json::Object(kept))
            }
            _ => None,
        }
    }
}

/// Keywords of definitions (JSON-LD 1.1 §9.15), and what some of them may be.
const PROTECTED: &str = "@protected";
const TYPES: [&str; 4] = ["@id", "@vocab", "@json", "@none"];
const CONTAINERS: [&str; 4] = ["@list", "@set", "@language", "@index"];

/// How much of `wanted` a text goes on with: the whole, if the text is longer; `None` if the text says something else.
fn part(wanted: &str, text: &str) -> Option<usize> {
    (wanted.starts_with(text) || text.starts_with(wanted)).then(|| wanted.len().min(text.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const STANDARD: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
    const OTHER: &str = "https://other.example/";

    fn object(value: Value) -> Object {
        let Json::Object(members) = Json::from(value) else { panic!("no object") };
        members
    }

    fn left(event: Value, document: Value) -> Vec<String> {
        let mut event = object(event);
        take_ledger_members(&mut event, Some(&Json::from(document)));
        event.into_keys().filter(|name| name != CONTEXT).collect()
    }

    fn answered(event: Value, document: Value) -> Value {
        let mut event = object(event);
        as_answered(&mut event, Some(Json::from(document)).filter(|context| *context != Json::Null));
        Json::Object(event).into()
    }

    fn shown(event: Value, document: Value) -> Vec<String> {
        answered(event, document).as_object().unwrap().keys().filter(|name| *name != CONTEXT).cloned().collect()
    }

    /// Names that stand for a ledger's, and the contexts by which.
    fn forged() -> Vec<(&'static str, Value)> {
        let own = LEDGER_NAMESPACE;
        let chain: Object = (0..40)
            .map(|at| (format!("p{at}"), format!("p{}:", at + 1).into()))
            .chain([("p40".to_owned(), own.into())])
            .collect();
        vec![
            ("sealane:leafIndex", json!(null)),
            ("sealane:leafIndex", json!({"sealane": own})),
            ("urn:sealane:epcis:leafIndex", json!(null)),
            ("urn:sealane:epcis:leafIndex", json!({"urn": "https://evil.example/x"})),
            ("x:leafIndex", json!({"x": own})),
            ("x:leafIndex", json!([{"x": {"@id": own}}])),
            ("x:leafIndex", json!([{"x": own}, {"x": OTHER}])),
            ("x:leafIndex", json!([{"x": own}, {"x": "y:", "y": "x:"}])),
            ("q:leafIndex", json!([{"p": own}, {"q": "p:"}, {"p": "q:"}])),
            ("x:epcis:leafIndex", json!({"x": "urn:sealane:"})),
            ("x:Index", json!({"x": "urn:sealane:epcis:leaf"})),
            ("x:leafIndex", json!({"x": "y:epcis:", "y": "urn:sealane:"})),
            ("x:leafIndex", json!({"x": "y", "y": own})),
            ("x:leafIndex", json!({"x": "sealane:"})),
            ("p:leafIndex", json!({"urn": {"@id": "https://evil.example/"}, "p": own})),
            ("p0:leafIndex", Json::Object(chain).into()),
            ("leafIndex", json!({"leafIndex": "urn:sealane:epcis:leafIndex"})),
            ("place", json!({"place": {"@id": "sealane:leafIndex"}, "sealane": own})),
            ("x:leafIndex", json!({"x": own, "x:leafIndex": {"@id": "x:leafIndex", "@type": "@json"}})),
            ("a:b", json!({"a:b": {"@reverse": "urn:sealane:epcis:participant"}})),
        ]
    }

    #[test]
    fn no_spelling_of_a_ledger_s_member_is_left() {
        for (name, context) in forged() {
            assert_eq!(left(json!({"a": 1, (name): 5}), context.clone()), ["a"], "{name} in {context}");
            assert_eq!(shown(json!({"a": 1, (name): 5}), context.clone()), ["a"], "{name} in {context}");
            let event = json!({"@context": context, "a": 1, (name): 5});
            assert_eq!(left(event.clone(), json!(null)), ["a"], "{name} in the event's {context}");
            assert_eq!(shown(event, json!(null)), ["a"], "{name} in the event's {context}");
        }
        let others = json!({"sealane": OTHER, "y": "urn:sealane:epc"});
        for kept in ["sealane:leafIndex", "y:is", "leafIndex", "sealane", "sealanes:x"] {
            assert_eq!(left(json!({(kept): 5}), others.clone()), [kept]);
        }
    }

    /// Whatever it is declared to stand for, who reads by letters takes it for the ledger's.
    #[test]
    fn an_answer_has_no_other_s_members_with_the_ledger_s_letters() {
        for context in [OTHER, "", "sealane:", "seal", LEDGER_NAMESPACE] {
            let names = [
                "sealane:repeatedAt",
                "Sealane:leafIndex",
                " sealane:x",
                "URN:sealane:epcis:x",
                "sealane:ane:x",
                "sealane:@context",
            ];
            for name in names {
                let event = json!({(name): [99], "eventTime": "2026"});
                let answer = answered(event, json!([STANDARD, {"sealane": context, "sealane:x": OTHER}]));
                assert_eq!(answer, json!({"eventTime": "2026", "@context": [STANDARD]}), "{name} in {context:?}");
            }
        }
        let nothing = json!({"sealane": null, "sealane:participant": null});
        assert_eq!(
            answered(json!({"a": 1, "@context": nothing}), nothing),
            json!({"a": 1}),
            "the ledger's own are hidden"
        );
    }

    #[test]
    fn an_event_has_the_contexts_of_its_document_and_its_own() {
        let event = json!({"a:b": 1, "@context": [STANDARD, {"a": "https://a.example/"}]});
        let answer = answered(event, json!([STANDARD, {"d": "https://d.example/"}]));
        let context = json!([STANDARD, {"d": "https://d.example/"}, {"a": "https://a.example/"}]);
        assert_eq!(answer, json!({"a:b": 1, "@context": context}));
        assert_eq!(answered(json!({"a": 1}), json!(null)), json!({"a": 1}));
        assert_eq!(answered(json!({"a": 1}), json!(STANDARD)), json!({"a": 1, "@context": [STANDARD]}));
        // Each word counts where it was said.
        let (one, two) = (json!({"a": "https://one.example/"}), json!({"a": "https://two.example/"}));
        let answer = answered(json!({"a:x": 1, "@context": [one]}), json!([one, two]));
        let again = json!({"a": "https://one.example/", "@propagate": true});
        assert_eq!(answer, json!({"a:x": 1, "@context": [one, two, again]}));
    }

    /// One event must not make the answer unreadable for those who read it as linked data.
    #[test]
    fn what_a_reader_of_linked_data_refuses_is_left_out() {
        let sound = json!({"x": "https://x.example/", "x:date": {"@type": "xsd:date"}, "x:day": {"@id": "x:day"}, "id": "@id",
            "y": {"@id": "x:y", "@container": "@set", "@language": null, "@prefix": true}, "z": null, "w": "eventTime", "@version": 1.1});
        assert_eq!(answered(json!({"a": 1}), sound.clone())[CONTEXT], json!([sound]));
        let loose = json!([{"@protected": true, "x": {"@id": "https://x.example/", "@protected": true}}, {"x": "https://y.example/"}]);
        let freed = json!([{"x": {"@id": "https://x.example/"}}, {"x": "https://y.example/"}]);
        assert_eq!(answered(json!({"a": 1}), loose)[CONTEXT], freed);
        let iri = "https://e.example/";
        for definition in [
            json!({"a:b": iri}),
            json!({"a": 5}),
            json!({"a": ""}),
            json!({"a": "no-iri"}),
            json!({"a": ":x"}),
            json!({"a": ["x"]}),
            json!({"a": true}),
            json!({"a": "a:"}),
            json!({"a": "b:", "b": "a:"}),
            json!({"": iri}),
            json!({"a/b": iri}),
            json!({"a": {"@type": "@id"}}),
            json!({"a": {"@id": 5}}),
            json!({"a": {"@id": iri, "@container": "bogus"}}),
            json!({"a": {"@id": iri, "zap": 1}}),
            json!({"a": {"@id": iri, "@context": 5}}),
            json!({"a": {"@id": iri, "@type": 5}}),
            json!({"a": {"@id": iri, "@reverse": iri}}),
            json!({"a": {"@reverse": iri}}),
        ] {
            assert_eq!(answered(json!({"a": 1}), definition.clone()), json!({"a": 1}), "{definition}");
        }
        // What leads back to itself does so within one context: another one is read after it.
        let apart = json!([{"a": "https://a.example/", "b": "a:b/"}, {"b": "https://b.example/", "a": "b:a/"}]);
        assert_eq!(answered(json!({"a:x": 1}), apart.clone()), json!({"a:x": 1, "@context": apart}));
    }

    #[test]
    fn many_definitions_are_looked_at_once() {
        let chain = (0..5_000).map(|at| (format!("p{at}"), Json::from(format!("p{}:aaaaaaaa", at + 1))));
        let context = Json::Object(chain.collect());
        let mut event: Object = (0..5_000).map(|at| (format!("p{at}:x"), Json::Null)).collect();
        as_answered(&mut event, Some(context));
        assert_eq!(event.len(), 5_001, "all of them, and the context");
        let ring = (0..5_000).map(|at| (format!("p{at}"), Json::from(format!("p{}:", (at + 1) % 5_000))));
        as_answered(&mut object(json!({"p7:x": 1})), Some(Json::Object(ring.collect())));
    }
}
