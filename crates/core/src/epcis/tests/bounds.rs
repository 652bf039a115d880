//! What would be too long when names are written out.

use serde_json::json;

use super::{document_fault, document_of, merge, object, reads, strict, with};

#[test]
fn namespaces_and_names_have_a_length() {
    let long = |chars: usize| format!("urn:{}", "ü".repeat(chars - 4));
    let mut document = document_of(json!([object()]));
    for namespace in [json!(long(256)), json!({"@id": long(256)})] {
        document["@context"][1]["a"] = namespace;
        assert!(strict(&document).is_ok());
    }
    for namespace in [json!(long(257)), json!({"@id": long(257)})] {
        document["@context"][1]["a"] = namespace;
        document_fault(
            &document,
            "/@context/1/a",
            "a namespace has at most 256 characters, with the prefixes in it written out; this has 257",
        );
    }
    document["@context"][1]["a"] = json!(long(100_000));
    document_fault(&document, "/@context/1/a", "this has 100000: declare a shorter one");
    let long = long(100);
    for chain in [
        json!([{"a": long, "b": format!("a:{long}"), "c": format!("b:{long}")}]),
        json!([{"a": long}, {"b": format!("a:{long}")}, {"c": format!("b:{long}")}]),
    ] {
        document["@context"] = chain;
        let faults = strict(&document).unwrap_err();
        let first = faults.iter().next().unwrap();
        assert!(first.pointer.ends_with("/c") && first.message.contains("a namespace has at most"), "{faults}");
    }
    let context = json!({"b": "example:".to_owned() + &"b".repeat(250)});
    let words = "a namespace has at most";
    with(object(), json!({"@context": context}), "/@context/b", words);
    with(object(), json!({"x:y": [1, {"x:z": {"@context": [context], "b:x": 1}}]}), "/x:y/1/x:z/@context/0/b", words);
    let deep = json!({"@context": context});
    let error = json!({"declarationTime": "2026-11-21T10:00:00Z", "x:y": deep});
    with(object(), json!({"errorDeclaration": error}), "/errorDeclaration/x:y/@context/b", words);

    let named = |chars: usize| json!({"x:y": [{format!("x:{}", "n".repeat(chars - 2)): 1}]});
    let mut event = object();
    merge(&mut event, named(256));
    reads(event);
    with(object(), named(257), "/x:y/0", "the name of a member has at most 256 characters, and \"x:nnn");
}

#[test]
fn a_context_has_a_size() {
    let filled = |bytes: usize| json!({"a": "urn:a:", "@language": "x".repeat(bytes - 8 - 1 - 14 - 9 - 8)});
    let mut event = object();
    event["@context"] = filled(16_384);
    reads(event);
    let words = "this has 16385: declare only the prefixes";
    with(object(), json!({"@context": filled(16_385)}), "/@context", words);
    with(object(), json!({"x:y": {"@context": filled(16_385)}}), "/x:y/@context", words);
    let mut document = document_of(json!([object()]));
    document["@context"] = filled(16_385);
    document_fault(&document, "/@context", words);
}

#[test]
fn pre_hash_strings_of_a_capture_have_a_size() {
    let name = format!("a:{}", "n".repeat(254));
    let mut document = document_of(json!([object(), object()]));
    document["@context"][1]["a"] = json!(format!("urn:{}", "a".repeat(252)));
    // Each item is written as `{namespace}name=1`.
    let items = |bytes: usize| vec![1; bytes / (1 + 256 + 1 + 254 + 2)];
    let half = 16 * 1024 * 1024;
    document["epcisBody"]["eventList"][0][&name] = json!(items(half));
    document["epcisBody"]["eventList"][1][&name] = json!(items(half - 4_096));
    assert!(strict(&document).is_ok());
    document["epcisBody"]["eventList"][1][&name] = json!(items(half + 514));
    document_fault(
        &document,
        "/epcisBody/eventList/1",
        "have at most 33554432 bytes, and with this event they have more",
    );
    document["epcisBody"]["eventList"][0][&name] = json!(items(8 * half));
    let faults = strict(&document).unwrap_err();
    assert!(faults.too_many() && faults.iter().next().unwrap().pointer == "/epcisBody/eventList/0", "{faults}");
}
