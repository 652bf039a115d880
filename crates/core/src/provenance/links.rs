//! What ties one id to another in the words of an event: containers, and the inputs of a transformation.
//!
//! Both who follows the links and who judges what was found ask here, so that nothing is judged that was not followed.

use crate::epcis::event::{Action, Event, Part, What};
use crate::gs1::Id;

/// The container that `event` puts `child` into: the parent of an AggregationEvent with action ADD (EPCIS 2.0 §7.4.3).
pub fn container<'a>(event: &'a Event, child: &Id) -> Option<&'a Id> {
    match &event.what {
        What::Aggregation { action: Action::Add, parent: Some(parent), .. } if plays(event, child, Part::Child) => {
            Some(parent)
        }
        _ => None,
    }
}

/// What `event` puts into `load`: the children of an AggregationEvent with action ADD (EPCIS 2.0 §7.4.3), each as it is named there.
pub fn packed<'a>(event: &'a Event, load: &Id) -> impl Iterator<Item = &'a Id> {
    let is_packing =
        matches!(&event.what, What::Aggregation { action: Action::Add, parent: Some(parent), .. } if parent == load);
    event.ids().filter(move |(part, _)| is_packing && *part == Part::Child).map(|(_, id)| id)
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

fn plays(event: &Event, id: &Id, part: Part) -> bool {
    event.ids().any(|(found, named)| found == part && named == id)
}
