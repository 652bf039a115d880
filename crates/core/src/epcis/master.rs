//! Master data that a document brings in its header (EPCIS 2.0 §7.1.2, §9.6.2): what it says of ids, vocabulary by vocabulary.

use super::Written;
use super::context::Prefixes;
use crate::json::Json;
use crate::limits::ID_CHARS_MAX;

/// What one document says of one id.
#[derive(Debug, Clone, PartialEq)]
pub struct VocabularyElement {
    /// The vocabulary, such as `urn:epcglobal:epcis:vtype:Location`.
    pub vocabulary: String,
    /// Canonical, as far as it can be read.
    pub id: String,
    /// In the order of the document, names as URIs whose prefixes are resolved.
    pub attributes: Vec<(String, Json)>,
    /// The ids of what is within it, as `id`.
    pub children: Vec<String>,
}

/// How the names of the standard's vocabularies begin, and how they go on (EPCIS 2.0 §7.2, CBV 2.0 §9).
const STANDARD_VOCABULARY: &str = "urn:epcglobal:epcis:vtype:";
const STANDARD_VOCABULARIES: [&str; 11] = [
    "BusinessLocation",
    "BusinessStep",
    "BusinessTransaction",
    "BusinessTransactionType",
    "Disposition",
    "EPCClass",
    "Location",
    "Party",
    "ReadPoint",
    "SourceDest",
    "SourceDestType",
];

impl Written {
    /// The elements of the document's master data, in their order. An attribute without a value is left out, and so is a name or an
    /// id that is longer than an id may be.
    pub fn vocabulary_elements(&self) -> Vec<VocabularyElement> {
        vocabulary_elements(self.header.as_ref(), self.context.as_ref())
    }
}

/// The elements of the master data in a header, with names by a document's `@context`.
pub(super) fn vocabulary_elements(header: Option<&Json>, context: Option<&Json>) -> Vec<VocabularyElement> {
    let Some(data) = header.and_then(|header| header.get("epcisMasterData")) else { return Vec::new() };
    let prefixes = context.map(|context| Prefixes::default().with(context)).unwrap_or_default();
    let of_vocabulary = |vocabulary: &Json| {
        let kind = vocabulary.get("type").and_then(Json::as_str).map(|kind| vocabulary_name(&prefixes.name(kind)));
        let elements = list(vocabulary, "vocabularyElementList").iter();
        let read = |element| read_element(kind.as_deref()?, element, &prefixes);
        elements.filter_map(read).collect::<Vec<_>>()
    };
    list(data, "vocabularyList").iter().flat_map(of_vocabulary).collect()
}

/// The one name of a vocabulary: one of the standard's is spelt as the standard has it, since `vtype:epcclass` is published too.
pub fn vocabulary_name(text: &str) -> String {
    let start = text.get(..STANDARD_VOCABULARY.len()).filter(|start| start.eq_ignore_ascii_case(STANDARD_VOCABULARY));
    let rest = start.and_then(|start| text.get(start.len()..));
    let standard = rest.and_then(|rest| STANDARD_VOCABULARIES.iter().find(|name| name.eq_ignore_ascii_case(rest)));
    standard.map_or_else(|| text.to_owned(), |name| format!("{STANDARD_VOCABULARY}{name}"))
}

fn read_element(vocabulary: &str, element: &Json, prefixes: &Prefixes) -> Option<VocabularyElement> {
    let id = id_of(element.get("id")?)?;
    let attribute = |one: &Json| {
        let name = prefixes.name(one.get("id")?.as_str()?);
        Some((name, one.get("attribute")?.clone())).filter(|(name, _)| is_short(name))
    };
    is_short(vocabulary).then(|| VocabularyElement {
        vocabulary: vocabulary.to_owned(),
        id,
        attributes: list(element, "attributes").iter().filter_map(attribute).collect(),
        children: list(element, "children").iter().filter_map(id_of).collect(),
    })
}

/// The items of a list that may be missing.
fn list<'a>(value: &'a Json, name: &str) -> &'a [Json] {
    value.get(name).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// The canonical text of an id: a header may have any URI, also one that is no id of an event.
fn id_of(value: &Json) -> Option<String> {
    let text = value.as_str().filter(|text| is_short(text))?;
    Some(super::query::canonical(text))
}

fn is_short(text: &str) -> bool {
    text.len() <= ID_CHARS_MAX
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::epcis::{Reader, read, written};

    const LOCATION: &str = "urn:epcglobal:epcis:vtype:Location";

    fn document(context: Value, master_data: Value) -> Value {
        json!({
            "@context": context, "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T08:00:00.000Z",
            "epcisHeader": {"epcisMasterData": master_data},
            "epcisBody": {"eventList": [{
                "type": "ObjectEvent", "eventTime": "2026-03-01T08:00:00.000Z", "eventTimeZoneOffset": "+00:00", "action": "OBSERVE",
                "epcList": ["https://id.gs1.org/01/09506000134352/21/A1"],
            }]},
        })
    }

    /// The elements of what the strict reader lets pass.
    #[track_caller]
    fn elements(context: Value, master_data: Value) -> Vec<VocabularyElement> {
        let bytes = document(context, master_data).to_string();
        read(bytes.as_bytes(), Reader::Strict).unwrap();
        written(bytes.as_bytes()).unwrap().vocabulary_elements()
    }

    fn standard() -> Value {
        json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"])
    }

    #[test]
    fn elements_have_canonical_ids_and_whole_names() {
        let context = json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"acme": "https://acme.example/#"}]);
        let found = elements(
            context,
            json!({"vocabularyList": [
                {"type": LOCATION, "vocabularyElementList": [{
                    "id": "urn:epc:id:sgln:9506000.13436.0",
                    "attributes": [
                        {"id": "cbvmda:city", "attribute": "Dublin"}, {"id": "urn:epcglobal:cbv:mda#site", "attribute": 7},
                        {"id": "acme:shape", "attribute": {"round": true}}, {"id": "acme:unsaid"},
                    ],
                    "children": ["urn:epc:id:sgln:9506000.13436.1", "urn:acme:shelf"],
                }]},
                {"type": "urn:epcglobal:epcis:vtype:epcclass", "vocabularyElementList": [{"id": "urn:epc:idpat:sgtin:9506000.013435.*"}]},
            ]}),
        );
        let [place, class] = &found[..] else { panic!("{found:?}") };
        assert_eq!((place.vocabulary.as_str(), place.id.as_str()), (LOCATION, "https://id.gs1.org/414/9506000134369"));
        let names: Vec<&str> = place.attributes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["urn:epcglobal:cbv:mda:city", "urn:epcglobal:cbv:mda:site", "https://acme.example/#shape"]);
        assert_eq!(place.attributes[2].1, Json::from(json!({"round": true})));
        assert_eq!(place.children, ["https://id.gs1.org/414/9506000134369/254/1", "urn:acme:shelf"]);
        assert_eq!(class.vocabulary, "urn:epcglobal:epcis:vtype:EPCClass");
        assert_eq!(class.id, "https://id.gs1.org/01/09506000134352");
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        let long = format!("urn:long:{}", "x".repeat(ID_CHARS_MAX));
        // The strict reader takes no such URIs; a gateway's rows may be of a ledger with other rules.
        let written_as = document(
            standard(),
            json!({"vocabularyList": [
                {"type": LOCATION},
                {"type": long, "vocabularyElementList": [{"id": "urn:acme:place"}]},
                {"type": LOCATION, "vocabularyElementList": [
                    {"id": long}, {"id": "https://id.gs1.org/414/9506000134360", "attributes": [{"id": long, "attribute": "x"}], "children": [long]},
                ]},
            ]}),
        );
        let found = written(written_as.to_string().as_bytes()).unwrap().vocabulary_elements();
        let [wrong] = &found[..] else { panic!("{found:?}") };
        assert_eq!(wrong.id, "https://id.gs1.org/414/9506000134360", "a wrong check digit stands as it is");
        assert!(wrong.attributes.is_empty() && wrong.children.is_empty());
        assert!(elements(standard(), json!({})).is_empty());
        let single = written(br#"{"type": "ObjectEvent", "epcisHeader": {}}"#).unwrap();
        assert!(single.vocabulary_elements().is_empty());
    }

    #[test]
    fn vocabularies_of_the_standard_have_one_name() {
        assert_eq!(vocabulary_name("URN:epcglobal:epcis:vtype:readpoint"), "urn:epcglobal:epcis:vtype:ReadPoint");
        for other in ["urn:epcglobal:epcis:vtype:mine", "https://acme.example/kinds", "\u{e9}", ""] {
            assert_eq!(vocabulary_name(other), other);
        }
    }
}
