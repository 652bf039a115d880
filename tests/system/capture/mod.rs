//! `POST /epcis/capture`: what is taken, and everything that is not.

mod certificate;
mod content;
mod detached;
mod epcis;
mod limits;
mod repeat;
mod rights;
mod signature;
mod statement;

use serde_json::{Value, json};

use crate::signer::Signer;
use crate::support::{Node, document, object_event};

/// An item under the company prefix 9506000.
pub const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/A1";

/// A time that is past by every clock.
pub const TIME: &str = "2025-01-10T08:00:00.000Z";

/// A node with one manufacturer, Maker, that holds the company prefix 9506000.
pub fn with_maker() -> (Node, Signer) {
    let node = Node::start();
    node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let maker = Signer::of(&node, "Maker");
    (node, maker)
}

/// The commissioning of an item by its serial.
pub fn commissioning(serial: &str) -> Value {
    let item = format!("https://id.gs1.org/01/09506000134352/21/{serial}");
    document(vec![object_event("ADD", "commissioning", &[&item], TIME)])
}

/// A document of one observation, with members changed, added, or taken out by null.
pub fn observation(members: Value) -> Value {
    let mut event = json!({
        "type": "ObjectEvent",
        "eventTime": TIME,
        "eventTimeZoneOffset": "+00:00",
        "epcList": [ITEM],
        "action": "OBSERVE",
        "bizStep": "inspecting",
    });
    let object = event.as_object_mut().unwrap();
    for (name, value) in members.as_object().unwrap() {
        if value.is_null() {
            object.shift_remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    document(vec![event])
}
