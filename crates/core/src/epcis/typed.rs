//! From an event's JSON, checked and canonical, to the typed event.
//!
//! Each function returns `None` where the JSON is not what `walk` lets pass; that would be a defect here, and the
//! reader reports it as a fault rather than trusting its own tables.

use crate::epcis::coordinates;
use crate::epcis::event::{
    Action, BizTransaction, ErrorDeclaration, Event, EventId, PersistentDisposition, Quantity, SourceDest, What,
    WrittenLot,
};
use crate::epcis::event_hash::hash_id;
use crate::epcis::ids::Ids;
use crate::epcis::vocabulary::Disposition;
use crate::gs1::{Id, lot_beside};
use crate::hash::Hash;
use crate::json::{Json, Object};

/// The lots in the EPCs that an event brings forth, as it was written: its canonical form is without them.
pub(super) fn written_lots(written: &Object) -> Vec<WrittenLot> {
    let list = match (text(written, "type"), text(written, "action")) {
        (Some("ObjectEvent"), Some("ADD")) => "epcList",
        (Some("TransformationEvent"), _) => "outputEPCList",
        _ => return Vec::new(),
    };
    let epcs = written.get(list).and_then(Json::as_array).into_iter().flatten();
    let lot = |(place, epc): (u32, &Json)| Some(WrittenLot { place, number: lot_beside(epc.as_str()?)? });
    (0..).zip(epcs).filter_map(lot).collect()
}

/// Makes the event of `canonical`, whose pre-hash string has this hash, from which it is named if it names itself none.
pub(super) fn event(canonical: &Object, content_hash: Hash, written_lots: Vec<WrittenLot>, ids: &Ids) -> Option<Event> {
    let read_point = place(canonical, "readPoint", ids)?;
    let biz_location = place(canonical, "bizLocation", ids)?;
    Some(Event {
        event_id: event_id(canonical, &content_hash),
        event_time: text(canonical, "eventTime")?.parse().ok()?,
        event_time_zone_offset: text(canonical, "eventTimeZoneOffset")?.to_owned(),
        what: what(canonical, ids)?,
        biz_step: parsed(canonical, "bizStep")?,
        disposition: parsed(canonical, "disposition")?,
        persistent_disposition: persistent_disposition(canonical)?,
        coordinates: coordinates::of(canonical, read_point.as_ref(), biz_location.as_ref()),
        read_point,
        biz_location,
        biz_transactions: each(canonical, "bizTransactionList", biz_transaction)?,
        sources: each(canonical, "sourceList", |item| source_dest(item, "source", ids))?,
        destinations: each(canonical, "destinationList", |item| source_dest(item, "destination", ids))?,
        error_declaration: error_declaration(canonical)?,
        written_lots,
        content_hash,
    })
}

fn event_id(canonical: &Object, content_hash: &Hash) -> EventId {
    match text(canonical, "eventID") {
        Some(uri) => EventId { uri: uri.to_owned(), given: true },
        None => EventId { uri: hash_id(content_hash), given: false },
    }
}

fn what(event: &Object, ids: &Ids) -> Option<What> {
    let parent = || optional_id(event, "parentID", ids);
    let all_of = |name| all_of(event, name, ids);
    let quantities = |name| quantities(event, name, ids);
    Some(match text(event, "type")? {
        "ObjectEvent" => What::Object {
            action: action(event)?,
            epcs: all_of("epcList")?,
            quantities: quantities("quantityList")?,
            ilmd: event.get("ilmd").cloned(),
        },
        "AggregationEvent" => What::Aggregation {
            action: action(event)?,
            parent: parent()?,
            child_epcs: all_of("childEPCs")?,
            child_quantities: quantities("childQuantityList")?,
        },
        "TransactionEvent" => What::Transaction {
            action: action(event)?,
            parent: parent()?,
            epcs: all_of("epcList")?,
            quantities: quantities("quantityList")?,
        },
        "TransformationEvent" => What::Transformation {
            transformation_id: optional_id(event, "transformationID", ids)?,
            input_epcs: all_of("inputEPCList")?,
            input_quantities: quantities("inputQuantityList")?,
            output_epcs: all_of("outputEPCList")?,
            output_quantities: quantities("outputQuantityList")?,
            ilmd: event.get("ilmd").cloned(),
        },
        "AssociationEvent" => What::Association {
            action: action(event)?,
            parent: parent()?,
            child_epcs: all_of("childEPCs")?,
            child_quantities: quantities("childQuantityList")?,
        },
        _ => return None,
    })
}

fn action(event: &Object) -> Option<Action> {
    match text(event, "action")? {
        "ADD" => Some(Action::Add),
        "OBSERVE" => Some(Action::Observe),
        "DELETE" => Some(Action::Delete),
        _ => None,
    }
}

fn quantities(event: &Object, name: &str, ids: &Ids) -> Option<Vec<Quantity>> {
    each(event, name, |item| {
        let item = item.as_object()?;
        Some(Quantity {
            epc_class: ids.parse_uri(text(item, "epcClass")?).ok()?,
            quantity: item.get("quantity").and_then(decimal),
            uom: text(item, "uom").map(str::to_owned),
        })
    })
}

/// The digits of a number, without an exponent and needless zeros.
fn decimal(number: &Json) -> Option<String> {
    if let Json::Number(number) = number { Some(number.plain()) } else { None }
}

fn persistent_disposition(event: &Object) -> Option<PersistentDisposition> {
    let Some(changes) = event.get("persistentDisposition") else {
        return Some(PersistentDisposition::default());
    };
    let changes = changes.as_object()?;
    let words = |name| each(changes, name, |item| item.as_str()?.parse::<Disposition>().ok());
    Some(PersistentDisposition { set: words("set")?, unset: words("unset")? })
}

fn place(event: &Object, name: &str, ids: &Ids) -> Option<Option<Id>> {
    match event.get(name) {
        Some(place) => Some(Some(ids.parse_uri(text(place.as_object()?, "id")?).ok()?)),
        None => Some(None),
    }
}

fn biz_transaction(item: &Json) -> Option<BizTransaction> {
    let item = item.as_object()?;
    Some(BizTransaction { kind: text(item, "type").map(str::to_owned), id: text(item, "bizTransaction")?.to_owned() })
}

fn source_dest(item: &Json, name: &str, ids: &Ids) -> Option<SourceDest> {
    let item = item.as_object()?;
    Some(SourceDest { kind: text(item, "type")?.to_owned(), id: ids.parse_uri(text(item, name)?).ok()? })
}

fn error_declaration(event: &Object) -> Option<Option<ErrorDeclaration>> {
    let Some(declaration) = event.get("errorDeclaration") else {
        return Some(None);
    };
    let declaration = declaration.as_object()?;
    Some(Some(ErrorDeclaration {
        declaration_time: text(declaration, "declarationTime")?.parse().ok()?,
        reason: text(declaration, "reason").map(str::to_owned),
        corrective_event_ids: each(declaration, "correctiveEventIDs", |id| id.as_str().map(str::to_owned))?,
    }))
}

fn all_of(event: &Object, name: &str, ids: &Ids) -> Option<Vec<Id>> {
    each(event, name, |item| ids.parse_uri(item.as_str()?).ok())
}

fn optional_id(event: &Object, name: &str, ids: &Ids) -> Option<Option<Id>> {
    match text(event, name) {
        Some(uri) => ids.parse_uri(uri).ok().map(Some),
        None => Some(None),
    }
}

fn parsed<T: std::str::FromStr>(event: &Object, name: &str) -> Option<Option<T>> {
    match text(event, name) {
        Some(word) => word.parse().ok().map(Some),
        None => Some(None),
    }
}

/// A list, empty where there is none.
fn each<T>(object: &Object, name: &str, read: impl Fn(&Json) -> Option<T>) -> Option<Vec<T>> {
    match object.get(name) {
        Some(list) => list.as_array()?.iter().map(read).collect(),
        None => Some(Vec::new()),
    }
}

fn text<'o>(object: &'o Object, name: &str) -> Option<&'o str> {
    object.get(name)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use serde_json::json;

    #[test]
    fn decimals_have_no_exponent() {
        for (written, plain) in
            [("12", "12"), ("12.50", "12.5"), ("1e21", "1000000000000000000000"), ("1e-7", "0.0000001")]
        {
            assert_eq!(decimal(&json::read(written.as_bytes()).unwrap()).as_deref(), Some(plain));
        }
    }

    #[test]
    fn what_was_not_checked_makes_no_event() {
        let event = Json::from(json!({"type": "ObjectEvent", "eventTime": 1}));
        assert_eq!(super::event(event.as_object().unwrap(), Hash::of(b""), Vec::new(), &Ids::default()), None);
    }
}
