//! Master data in documents that others have published.

use std::fs;
use std::path::Path;

use sealane_core::epcis::{VocabularyElement, normalised, vocabulary_name, written};
use sealane_core::gs1::Id;
use serde_json::Value;

/// Every element that a document's header has, with its attributes.
fn published(document: &Value) -> Vec<(&Value, &Value)> {
    let vocabularies = document.pointer("/epcisHeader/epcisMasterData/vocabularyList").and_then(Value::as_array);
    let mut found = Vec::new();
    for vocabulary in vocabularies.into_iter().flatten() {
        let elements = vocabulary["vocabularyElementList"].as_array().into_iter().flatten();
        found.extend(elements.map(|element| (&vocabulary["type"], element)));
    }
    found
}

fn compare(path: &Path, found: &[VocabularyElement], published: &[(&Value, &Value)]) {
    assert_eq!(found.len(), published.len(), "{}", path.display());
    for (element, (vocabulary, one)) in found.iter().zip(published) {
        assert_eq!(Some(element.vocabulary.clone()), vocabulary.as_str().map(vocabulary_name), "{}", path.display());
        assert!(
            Id::parse_uri(&element.id).is_ok_and(|id| id.as_str() == element.id),
            "{}: {}",
            path.display(),
            element.id
        );
        let with_value = |attribute: &&Value| attribute.get("attribute").is_some();
        let attributes = one["attributes"].as_array().map_or(0, |all| all.iter().filter(with_value).count());
        assert_eq!(element.attributes.len(), attributes, "{}: {}", path.display(), element.id);
        for (name, _) in &element.attributes {
            let is_whole = name.contains(':') && !name.starts_with("cbvmda:") && !name.contains("cbv:mda#");
            assert!(is_whole, "{}: {name}", path.display());
        }
        assert_eq!(element.children.len(), one["children"].as_array().map_or(0, Vec::len));
    }
}

fn look_in(folder: &Path, compared: &mut usize) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            look_in(&path, compared);
            continue;
        }
        let Ok(document) = sealane_core::json::read(&fs::read(&path).expect("a file")) else { continue };
        let document = normalised(document).to_string();
        let value: Value = serde_json::from_str(&document).expect("JSON");
        let published = published(&value);
        if value["type"] != "EPCISDocument" || published.is_empty() {
            continue;
        }
        compare(&path, &written(document.as_bytes()).expect("JSON").vocabulary_elements(), &published);
        *compared += published.len();
    }
}

#[test]
fn every_published_element_is_read() {
    let Some(root) = crate::folder("epcis") else { return };
    let mut compared = 0;
    look_in(&root, &mut compared);
    assert!(compared > 10, "{compared} elements were compared");
}
