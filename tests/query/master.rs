//! Master data: what counts of it, and what it decides.

use sealane::gateway::query::store::{IndexedBlock, KnownElement, MasterElement, MasterFilter, QueryStore};
use sealane_core::epcis::query::MasterQuestion;
use sealane_core::json::Json;
use serde_json::{Value, json};

use crate::documents::{cursor, leaf, participant};
use crate::place::Place;

crate::in_both_stores!(
    the_newest_of_a_holder_counts,
    elements_come_page_by_page,
    places_within_places_are_found_also_in_circles,
    attributes_are_asked_for_by_what_counts,
    what_does_not_fit_is_left_out,
);

const LOCATION: &str = "urn:epcglobal:epcis:vtype:BusinessLocation";
const READ_POINT: &str = "urn:epcglobal:epcis:vtype:ReadPoint";

struct Said {
    at: u64,
    by: u8,
    is_holder: bool,
}

fn holder(at: u64) -> Said {
    Said { at, by: 1, is_holder: true }
}

fn other(at: u64, by: u8) -> Said {
    Said { at, by, is_holder: false }
}

fn say(store: &dyn QueryStore, said: &Said, id: &str, attributes: &[(&str, Value)], children: &[&str]) {
    say_of(store, said, LOCATION, id, attributes, children);
}

fn say_of(
    store: &dyn QueryStore,
    said: &Said,
    vocabulary: &str,
    id: &str,
    attributes: &[(&str, Value)],
    children: &[&str],
) {
    let element = MasterElement {
        leaf: leaf(said.at),
        participant: participant(said.by),
        is_holder: said.is_holder,
        vocabulary: vocabulary.to_owned(),
        id: id.to_owned(),
        attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), Json::from(value.clone()))).collect(),
        children: children.iter().map(|child| (*child).to_owned()).collect(),
    };
    let block = IndexedBlock { cursor: cursor(said.at, said.at + 2), events: Vec::new(), master_data: vec![element] };
    store.append(block).unwrap();
}

fn all(store: &dyn QueryStore, filter: MasterFilter) -> Vec<KnownElement> {
    store.master_data(&MasterFilter { limit: 100, ..filter }).unwrap().elements
}

fn told(element: &KnownElement) -> Vec<(String, String, u64)> {
    let told = |one: &sealane::gateway::query::store::MasterAttribute| {
        (one.name.clone(), one.value.to_string(), one.leaf.get())
    };
    element.attributes.iter().map(told).collect()
}

fn the_newest_of_a_holder_counts(place: &dyn Place) {
    let store = place.store();
    say(&*store, &other(1, 2), "place", &[("name", json!("first")), ("colour", json!("red"))], &["cellar"]);
    say(&*store, &holder(3), "place", &[("name", json!("held"))], &[]);
    say(&*store, &other(5, 2), "place", &[("name", json!("late"))], &[]);
    say(&*store, &other(7, 3), "place", &[("colour", json!({"rgb": [1.50, true]}))], &[]);
    let found = all(&*store, MasterFilter::default());
    let right = |rows: &[(&str, &str, u64)]| -> Vec<(String, String, u64)> {
        rows.iter().map(|(name, value, leaf)| ((*name).to_owned(), (*value).to_owned(), *leaf)).collect()
    };
    assert_eq!(found.len(), 1);
    assert_eq!(told(&found[0]), right(&[("colour", r#"{"rgb":[1.5,true]}"#, 7), ("name", r#""held""#, 3)]));
    assert_eq!(found[0].children, ["cellar"]);
    assert!(found[0].attributes[1].is_holder && found[0].attributes[1].participant == participant(1));
    // A holder's children take the place of others'.
    say(&*store, &holder(9), "place", &[("name", json!("held anew"))], &["hall", "attic"]);
    let found = all(&*store, MasterFilter::default());
    assert_eq!(told(&found[0])[1], ("name".to_owned(), r#""held anew""#.to_owned(), 9));
    assert_eq!(found[0].children, ["attic", "hall"]);
    // One participant alone.
    let by = all(&*store, MasterFilter { by: Some(participant(2)), ..MasterFilter::default() });
    assert_eq!(told(&by[0]), right(&[("colour", r#""red""#, 1), ("name", r#""late""#, 5)]));
    assert_eq!(by[0].children, ["cellar"]);
    assert!(all(&*store, MasterFilter { by: Some(participant(9)), ..MasterFilter::default() }).is_empty());
    store.clear().unwrap();
    assert!(all(&*store, MasterFilter::default()).is_empty());
}

fn elements_come_page_by_page(place: &dyn Place) {
    let store = place.store();
    for (at, id) in ["b", "a", "é", "Z"].iter().enumerate() {
        say_of(&*store, &holder(at as u64 * 4 + 1), READ_POINT, id, &[("name", json!(at))], &[]);
        say_of(&*store, &other(at as u64 * 4 + 3, 2), LOCATION, id, &[("only here", json!(null))], &[]);
    }
    let named = |filter: MasterFilter| -> Vec<(bool, String)> {
        all(&*store, filter).into_iter().map(|one| (one.vocabulary == READ_POINT, one.id)).collect()
    };
    let mut right: Vec<(bool, String)> = Vec::new();
    for is_read_point in [false, true] {
        right.extend(["Z", "a", "b", "é"].map(|id| (is_read_point, id.to_owned())));
    }
    assert_eq!(named(MasterFilter::default()), right, "by their bytes");
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.master_data(&MasterFilter { after, limit: 3, ..MasterFilter::default() }).unwrap();
        after = page.elements.last().map(|last| (last.vocabulary.clone(), last.id.clone()));
        found.extend(page.elements.into_iter().map(|one| (one.vocabulary == READ_POINT, one.id)));
        if !page.has_more {
            break;
        }
    }
    assert_eq!(found, right);
    let vocabularies = vec![READ_POINT.to_owned()];
    assert_eq!(named(MasterFilter { vocabularies: vocabularies.clone(), ..MasterFilter::default() }), right[4..]);
    let ids = vec!["a".to_owned(), "none".to_owned(), "Z".to_owned()];
    let both = MasterFilter { vocabularies, ids, ..MasterFilter::default() };
    assert_eq!(named(both), [(true, "Z".to_owned()), (true, "a".to_owned())]);
    let attributes = vec!["only here".to_owned()];
    assert_eq!(named(MasterFilter { attributes: attributes.clone(), ..MasterFilter::default() }), right[..4]);
    assert!(named(MasterFilter { attributes, by: Some(participant(1)), ..MasterFilter::default() }).is_empty());
}

fn ids(store: &dyn QueryStore, question: &MasterQuestion, limit: usize) -> Vec<String> {
    let mut found = store.master_ids(question, limit).unwrap();
    found.sort();
    found
}

fn places_within_places_are_found_also_in_circles(place: &dyn Place) {
    let store = place.store();
    say(&*store, &holder(1), "site", &[], &["hall 1", "hall 2"]);
    say(&*store, &holder(3), "hall 1", &[], &["shelf", "site"]);
    say(&*store, &other(5, 2), "hall 2", &[], &["claimed by another"]);
    say(&*store, &holder(7), "elsewhere", &[], &["hall 3"]);
    let within = |places: &[&str]| MasterQuestion::Within(places.iter().map(|place| (*place).to_owned()).collect());
    assert_eq!(ids(&*store, &within(&["site"]), 10), ["hall 1", "hall 2", "shelf"]);
    assert_eq!(ids(&*store, &within(&["hall 1", "elsewhere"]), 10), ["hall 2", "hall 3", "shelf", "site"]);
    assert_eq!(ids(&*store, &within(&["site"]), 1).len(), 2, "one more than the limit");
    assert!(ids(&*store, &within(&["shelf", "unknown"]), 10).is_empty());
}

fn attributes_are_asked_for_by_what_counts(place: &dyn Place) {
    let store = place.store();
    say(&*store, &holder(1), "a", &[("country", json!("DE")), ("floors", json!(3))], &[]);
    say(&*store, &other(3, 2), "a", &[("country", json!("FR"))], &[]);
    say(&*store, &other(5, 2), "b", &[("country", json!("DE"))], &[]);
    say(&*store, &other(7, 3), "b", &[("country", json!("FR")), ("open", json!(true))], &[]);
    say(&*store, &other(9, 3), "c", &[("country", json!(["DE"]))], &[]);
    let long = "x".repeat(5_000);
    say(&*store, &other(11, 3), "d", &[("country", json!(long))], &[]);
    let with = |name: &str, values: &[&str]| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        ids(&*store, &MasterQuestion::Attribute { name: name.to_owned(), values }, 10)
    };
    assert_eq!(with("country", &["DE"]), ["a"]);
    assert_eq!(with("country", &["FR", "ES"]), ["b"]);
    assert_eq!(with("floors", &["3"]), ["a"]);
    assert_eq!(with("open", &["true"]), ["b"]);
    assert_eq!(with("country", &[&long]), ["d"]);
    assert!(with("country", &["ES"]).is_empty());
    // What a holder says counts in whatever vocabulary another says it.
    say_of(&*store, &other(13, 3), READ_POINT, "a", &[("country", json!("ES"))], &[]);
    assert!(with("country", &["ES"]).is_empty());
    let has = |names: &[&str]| MasterQuestion::HasAttribute(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(ids(&*store, &has(&["floors", "open"]), 10), ["a", "b"]);
    assert_eq!(ids(&*store, &has(&["country"]), 2).len(), 3, "one more than the limit");
}

fn what_does_not_fit_is_left_out(place: &dyn Place) {
    let store = place.store();
    let long = "x".repeat(3_000);
    say(&*store, &holder(1), &long, &[("name", json!("x"))], &[]);
    say(&*store, &holder(3), "nul\0", &[("name", json!("x"))], &[]);
    let attributes = [(long.as_str(), json!(1)), ("nul\0", json!(2)), ("name", json!("a\0b"))];
    say(&*store, &holder(5), "place", &attributes, &[&long, "nul\0", "cellar"]);
    let found = all(&*store, MasterFilter::default());
    assert_eq!(found.len(), 1);
    assert_eq!(told(&found[0]), [("name".to_owned(), r#""a\u0000b""#.to_owned(), 5)]);
    assert_eq!(found[0].children, ["cellar"]);
    // Asking for what no row can hold is no failure.
    for text in [long.as_str(), "nul\0"] {
        let filter = MasterFilter { ids: vec![text.to_owned()], ..MasterFilter::default() };
        assert!(all(&*store, filter).is_empty());
        assert!(ids(&*store, &MasterQuestion::Within(vec![text.to_owned()]), 10).is_empty());
        assert!(ids(&*store, &MasterQuestion::HasAttribute(vec![text.to_owned()]), 10).is_empty());
        let asked = MasterQuestion::Attribute { name: text.to_owned(), values: vec![text.to_owned()] };
        assert!(ids(&*store, &asked, 10).is_empty());
        assert!(store.values(&[], Some(text), 10).unwrap().is_empty());
    }
}
