//! What EPCIS 2.0 §7.4 asks of an event across its members: actions, children, inputs and outputs.

use crate::epcis::walk::Walk;
use crate::json::{Json, Object};

type Event = Object;

/// Checks the rules of the event type `title` that no single member can show.
pub(super) fn check(walk: &mut Walk, title: &str, event: &Event) {
    match title {
        "ObjectEvent" => object(walk, event),
        "AggregationEvent" => aggregation(walk, event),
        "TransactionEvent" => transaction(walk, event),
        "TransformationEvent" => transformation(walk, event),
        "AssociationEvent" => children(walk, event),
        _ => {}
    }
    persistent_disposition(walk, event);
}

fn object(walk: &mut Walk, event: &Event) {
    let sensed = filled(event, "sensorElementList") && event.contains_key("readPoint");
    if !event.contains_key("epcList") && !filled(event, "quantityList") && !sensed {
        walk.fault(
            "an ObjectEvent names objects in `epcList` or `quantityList`, or has `sensorElementList` and `readPoint`",
        );
    }
    let action = action(event);
    if event.contains_key("ilmd") && matches!(action, "OBSERVE" | "DELETE") {
        walk.fault_at("ilmd", format!("`ilmd` describes objects as they begin: only with action ADD, not {action}"));
    }
}

fn aggregation(walk: &mut Walk, event: &Event) {
    let action = action(event);
    if !event.contains_key("parentID") && matches!(action, "ADD" | "DELETE") {
        let words = if action == "ADD" { "into what things are put" } else { "out of what things are taken" };
        walk.fault(format!("`parentID` is missing: an AggregationEvent with action {action} says {words}"));
    }
    children(walk, event);
}

fn children(walk: &mut Walk, event: &Event) {
    if !filled(event, "childEPCs") && !filled(event, "childQuantityList") && action(event) != "DELETE" {
        walk.fault("`childEPCs` or `childQuantityList` must name a child; only action DELETE may leave both out");
    }
}

fn transaction(walk: &mut Walk, event: &Event) {
    if !event.contains_key("epcList") && !filled(event, "quantityList") && action(event) != "DELETE" {
        walk.fault(
            "a TransactionEvent names objects in `epcList` or `quantityList`; only action DELETE may leave both out",
        );
    }
}

fn transformation(walk: &mut Walk, event: &Event) {
    let inputs = filled(event, "inputEPCList") || filled(event, "inputQuantityList");
    let outputs = filled(event, "outputEPCList") || filled(event, "outputQuantityList");
    let linked = event.contains_key("transformationID");
    match (linked, inputs, outputs) {
        (true, false, false) => {
            walk.fault("a TransformationEvent with a `transformationID` names at least one input or output");
        }
        (true, ..) | (false, true, true) => {}
        (false, ..) => walk.fault(
            "a TransformationEvent names inputs and outputs, or one of them and a `transformationID` that links the rest",
        ),
    }
}

fn persistent_disposition(walk: &mut Walk, event: &Event) {
    if let Some(Json::Object(changes)) = event.get("persistentDisposition")
        && !changes.contains_key("set")
        && !changes.contains_key("unset")
    {
        walk.fault_at("persistentDisposition", "must name dispositions in `set`, in `unset` or in both");
    }
}

fn action(event: &Event) -> &str {
    event.get("action").and_then(Json::as_str).unwrap_or_default()
}

/// True for a list that names something. What is no list at all has its own fault, and is not missed twice.
fn filled(event: &Event, name: &str) -> bool {
    event.get(name).is_some_and(|value| value.as_array().is_none_or(|items| !items.is_empty()))
}
