//! What instance and lot master data says of lot and dates, in every standard spelling.
//!
//! The CBV has names of its own (CBV 2.0 §9.2: `cbvmda:lotNumber`), and so has the GS1 Web Vocabulary
//! (`gs1:hasBatchLotNumber`), whose members may stand in an object `gs1:Product`. A document may give each vocabulary another
//! prefix, or write its names whole, so that a name counts from its last `/`, `:` or `#` on.

use crate::epcis::event::{Event, What};
use crate::gs1::Id;
use crate::json::Json;
use crate::provenance::links;

/// What a label can be held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    Lot,
    Expiry,
    BestBefore,
    SellBy,
    Production,
}

/// The largest whole number that every reader of JSON keeps exact.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// Within which the members of a product stand (GS1 Web Vocabulary).
const PRODUCT: [&str; 2] = ["Product", "product"];

impl Fact {
    /// The names of its members.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Lot => &["lotNumber", "hasBatchLotNumber"],
            Self::Expiry => &["itemExpirationDate", "expirationDate"],
            Self::BestBefore => &["bestBeforeDate"],
            Self::SellBy => &["sellByDate"],
            Self::Production => &["productionDate"],
        }
    }
}

/// The instance and lot master data of an event that has any.
pub fn ilmd(event: &Event) -> Option<&Json> {
    match &event.what {
        What::Object { ilmd, .. } | What::Transformation { ilmd, .. } => ilmd.as_ref(),
        What::Aggregation { .. } | What::Transaction { .. } | What::Association { .. } => None,
    }
}

/// What an event's master data says of a fact, in its order: each text, and each whole number as its digits.
pub fn texts(event: &Event, fact: Fact) -> Vec<String> {
    let mut found = Vec::new();
    let Some(ilmd) = ilmd(event) else { return found };
    for (name, value) in members(ilmd) {
        if fact.names().contains(&name) {
            add_texts(value, &mut found);
        } else if PRODUCT.contains(&name) {
            let products = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            for (name, value) in products.iter().flat_map(members) {
                if fact.names().contains(&name) {
                    add_texts(value, &mut found);
                }
            }
        }
    }
    found
}

/// The lots that `event`, where it brings `item` forth, says it is of: by its master data, and by the item's EPC as it was
/// signed (`…/10/L8/21/S8`).
pub fn lots(event: &Event, item: &Id) -> Vec<Id> {
    if !links::brings_forth(event, item) {
        return Vec::new();
    }
    let texts = texts(event, Fact::Lot);
    let numbers = texts.iter().map(String::as_str).chain(event.lots_written_beside(item));
    numbers.filter_map(|number| item.lot(number)).collect()
}

/// The members of an object, by their local names.
fn members(value: &Json) -> impl Iterator<Item = (&str, &Json)> {
    let local = |name: &'_ str| name.rfind([':', '/', '#']).map_or(0, |at| at + 1);
    value.as_object().into_iter().flatten().map(move |(name, value)| (&name[local(name)..], value))
}

/// Adds the texts of a value: its own, those of its `@value` (JSON-LD 1.1 §4.2.1), or those of each in its list.
fn add_texts(value: &Json, found: &mut Vec<String>) {
    let one = value.as_object().and_then(|object| object.get("@value")).unwrap_or(value);
    match one {
        Json::String(text) => found.push(text.clone()),
        Json::Number(number) => {
            let whole = number.as_str().parse().ok().filter(|whole: &u64| *whole <= SAFE_INTEGER_MAX);
            found.extend(whole.map(|whole| whole.to_string()));
        }
        Json::Array(items) if std::ptr::eq(one, value) => {
            items.iter().filter(|item| item.as_array().is_none()).for_each(|item| add_texts(item, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::provenance::scenario::{ITEM, event};

    fn of(ilmd: Value) -> Event {
        let members = json!({"type": "ObjectEvent", "action": "ADD", "epcList": [ITEM], "ilmd": ilmd});
        event("2026-03-02", members)
    }

    #[test]
    fn every_standard_spelling_is_read() {
        for ilmd in [
            json!({"cbvmda:lotNumber": "L7"}),
            json!({"urn:epcglobal:cbv:mda:lotNumber": "L7"}),
            json!({"https://ref.gs1.org/cbv/mda/lotNumber": "L7"}),
            json!({"gs1:hasBatchLotNumber": "L7"}),
            json!({"https://gs1.org/voc/hasBatchLotNumber": "L7"}),
            json!({"https://ref.gs1.org/voc/hasBatchLotNumber": "L7"}),
            json!({"gs1:Product": {"gs1:hasBatchLotNumber": "L7"}}),
            json!({"https://ref.gs1.org/voc/Product": [{"https://ref.gs1.org/voc/hasBatchLotNumber": {"@value": "L7"}}]}),
            json!({"cbvmda:lotNumber": ["L7"]}),
        ] {
            assert_eq!(texts(&of(ilmd.clone()), Fact::Lot), ["L7"], "{ilmd}");
        }
        for (name, fact) in [
            ("cbvmda:itemExpirationDate", Fact::Expiry),
            ("gs1:expirationDate", Fact::Expiry),
            ("cbvmda:bestBeforeDate", Fact::BestBefore),
            ("gs1:sellByDate", Fact::SellBy),
            ("gs1:productionDate", Fact::Production),
        ] {
            assert_eq!(texts(&of(json!({name: "2026-06-30"})), fact), ["2026-06-30"], "{name}");
        }
    }

    #[test]
    fn whole_numbers_are_their_digits_and_other_values_are_nothing() {
        let lots = |value: Value| texts(&of(json!({"cbvmda:lotNumber": value})), Fact::Lot);
        assert_eq!(lots(json!(120_000)), ["120000"]);
        assert_eq!(lots(json!([7, "L7", {"@value": 8}])), ["7", "L7", "8"]);
        for nothing in
            [json!(1.5), json!(-1), json!(true), json!({"x": "L7"}), json!([["L7"]]), json!({"@value": ["L7"]})]
        {
            assert!(lots(nothing.clone()).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn the_lot_in_an_epc_as_it_was_signed_counts() {
        let item = Id::parse_uri(ITEM).unwrap();
        let written = "https://shop.example/01/09506000134352/10/L8/21/S1";
        let said = |members: Value| {
            let lots = lots(&event("2026-03-02", members), &item);
            lots.iter().map(|lot| lot.as_str().rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let object = |action: &str| json!({"type": "ObjectEvent", "action": action, "epcList": [written, "urn:x:y"]});
        assert_eq!(said(object("ADD")), ["L8"]);
        assert!(said(object("OBSERVE")).is_empty());
        let made = json!({"type": "TransformationEvent", "inputEPCList": ["urn:x:i"], "outputEPCList": ["urn:x:o", written],
            "ilmd": {"cbvmda:lotNumber": "L9"}});
        assert_eq!(said(made), ["L9", "L8"]);
    }
}
