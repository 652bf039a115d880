//! What ties one id to another in the words of an event: containers, the inputs of a transformation, lots.
//!
//! Both who follows the links and who judges what was found ask here, so that nothing is judged that was not followed.

use crate::epcis::event::{Action, Event, Part, What};
use crate::gs1::Id;
use crate::json::Json;

/// The container that `event` puts `child` into: the parent of an AggregationEvent with action ADD (EPCIS 2.0 §7.4.3).
pub fn container<'a>(event: &'a Event, child: &Id) -> Option<&'a Id> {
    match &event.what {
        What::Aggregation { action: Action::Add, parent: Some(parent), .. } if plays(event, child, Part::Child) => {
            Some(parent)
        }
        _ => None,
    }
}

/// What a transformation used, in the order of its lists (EPCIS 2.0 §7.4.5); nothing for other events.
pub fn inputs(event: &Event) -> impl Iterator<Item = &Id> {
    event.ids().filter(|(part, _)| *part == Part::Input).map(|(_, id)| id)
}

/// Tells whether `event` brings `id` into being: an ObjectEvent with action ADD (EPCIS 2.0 §7.4.2), or a transformation
/// with it among the outputs (§7.4.5).
pub fn brings_forth(event: &Event, id: &Id) -> bool {
    match &event.what {
        What::Object { action: Action::Add, .. } => event.names(id),
        What::Transformation { .. } => plays(event, id, Part::Output),
        _ => false,
    }
}

/// The lot that `event`, where it brings `item` forth, says it is of: the `lotNumber` of its instance and lot master data
/// (CBV 2.0 §9.2), under the item's GTIN.
pub fn lot(event: &Event, item: &Id) -> Option<Id> {
    if brings_forth(event, item) { item.lot(lot_number(event)?) } else { None }
}

/// The lot number of the instance and lot master data of an event that has any.
pub fn lot_number(event: &Event) -> Option<&str> {
    master_data(ilmd(event)?, "lotNumber")?.as_str()
}

/// The instance and lot master data of an event that has any.
pub fn ilmd(event: &Event) -> Option<&Json> {
    match &event.what {
        What::Object { ilmd, .. } | What::Transformation { ilmd, .. } => ilmd.as_ref(),
        What::Aggregation { .. } | What::Transaction { .. } | What::Association { .. } => None,
    }
}

/// The member of instance and lot master data with this local name, whatever prefix its document gave it.
pub fn master_data<'a>(ilmd: &'a Json, name: &str) -> Option<&'a Json> {
    let local = |key: &str| key.rsplit([':', '/', '#']).next() == Some(name);
    ilmd.as_object()?.iter().find(|(key, _)| local(key)).map(|(_, value)| value)
}

fn plays(event: &Event, id: &Id, part: Part) -> bool {
    event.ids().any(|(found, named)| found == part && named == id)
}
