//! Random EPCIS documents of a small world, so that many events share what they name.

use std::sync::Arc;

use fastrand::Rng;
use sealane::gateway::query::store::{Cursor, IndexedBlock, IndexedEvent};
use sealane_core::block::Height;
use sealane_core::consortium::ParticipantId;
use sealane_core::epcis::query::EventFacts;
use sealane_core::epcis::{Reader, read, written};
use sealane_core::hash::Hash;
use sealane_core::merkle::{LeafIndex, TreeSize};
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// The time of the first block.
const START_MS: i64 = 1_780_000_000_000;

pub fn participant(number: u8) -> ParticipantId {
    ParticipantId::from_bytes([number; 16])
}

pub fn leaf(index: u64) -> LeafIndex {
    LeafIndex::try_from(index).unwrap()
}

pub fn size(leaves: u64) -> TreeSize {
    TreeSize::new(leaves).unwrap()
}

pub fn cursor(height: u64, leaves: u64) -> Cursor {
    let time = Timestamp::from_millis(START_MS + height as i64 * 1_000).unwrap();
    Cursor {
        height: Height::new(height).unwrap(),
        size: size(leaves),
        checkpoint: Hash::of(&height.to_be_bytes()),
        time,
    }
}

/// The events of one document, as they stand in a leaf.
pub fn indexed(document: &Value, leaf: LeafIndex, signer: u8, recorded: Timestamp) -> Vec<IndexedEvent> {
    let bytes = document.to_string().into_bytes();
    let events = read(&bytes, Reader::Strict).unwrap_or_else(|faults| panic!("{faults}\n{document:#}")).events;
    let written = written(&bytes).unwrap();
    let all = events.iter().zip(written.events).enumerate();
    all.map(|(position, (event, json))| IndexedEvent {
        leaf,
        position: position as u32,
        participant: participant(signer),
        event_id: event.event_id.uri.clone(),
        event_time: event.event_time,
        recorded,
        identity: event.error_declaration.is_none().then(|| Hash::of(format!("{signer} {json}").as_bytes())),
        facts: EventFacts::of(event, &json, written.context.as_ref(), recorded),
        json,
        context: written.context.clone().map(Arc::new),
    })
    .collect()
}

pub fn document(events: &[Value], namespace: u8) -> Value {
    json!({
        "@context": [CONTEXT, {"example": format!("https://ns{namespace}.example.com/")}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-21T10:00:00.000Z",
        "epcisBody": {"eventList": events}
    })
}

/// A ledger of random documents, block by block; some of them are recorded again.
pub fn ledger(rng: &mut Rng, blocks: u64) -> Vec<IndexedBlock> {
    let (mut next, mut before): (u64, Vec<(Value, u8)>) = (1, Vec::new());
    let mut all = Vec::new();
    for height in 1..=blocks {
        let mut events = Vec::new();
        let end = next + rng.u64(1..6);
        let cursor = cursor(height, end + 1);
        for index in next..end {
            let (document, signer) = match rng.choice(&before) {
                Some(again) if rng.u8(0..10) == 0 => again.clone(),
                _ => (
                    document(&(0..rng.usize(1..5)).map(|_| event(rng)).collect::<Vec<_>>(), rng.u8(0..2)),
                    rng.u8(0..4),
                ),
            };
            events.extend(indexed(&document, leaf(index), signer, cursor.time));
            before.push((document, signer));
        }
        next = end + 1;
        all.push(IndexedBlock { cursor, events, master_data: Vec::new() });
    }
    all
}

fn one(rng: &mut Rng, of: &[&str]) -> String {
    (*rng.choice(of).unwrap()).to_owned()
}

fn some(rng: &mut Rng, make: impl Fn(&mut Rng) -> Value, max: usize) -> Value {
    let mut all: Vec<Value> = Vec::new();
    for _ in 0..rng.usize(0..=max) {
        let one = make(rng);
        if !all.contains(&one) {
            all.push(one);
        }
    }
    Value::Array(all)
}

fn epc(rng: &mut Rng) -> Value {
    let class = one(rng, &["9506000.013435", "9506000.013436", "0614141.107346"]);
    json!(format!("urn:epc:id:sgtin:{class}.{}", rng.u8(1..30)))
}

fn class(rng: &mut Rng) -> Value {
    let class = one(rng, &["9506000.013435", "0614141.107346"]);
    json!(format!("urn:epc:class:lgtin:{class}.L{}", rng.u8(0..6)))
}

fn quantity(rng: &mut Rng) -> Value {
    let number = rng.choice([json!(1), json!(2.5), json!(12), json!(100), json!(0.25)]).unwrap();
    match rng.u8(0..3) {
        0 => json!({"epcClass": class(rng)}),
        1 => json!({"epcClass": class(rng), "quantity": number}),
        _ => json!({"epcClass": class(rng), "quantity": number, "uom": one(rng, &["KGM", "LTR"])}),
    }
}

fn place(rng: &mut Rng) -> Value {
    json!(format!("urn:epc:id:sgln:9506000.13435.{}", rng.u8(0..5)))
}

fn party(rng: &mut Rng, name: &str) -> Value {
    let (kind, id) = match rng.bool() {
        true => ("owning_party", json!(format!("urn:epc:id:pgln:{}", one(rng, &["9506000.13435", "0614141.12345"])))),
        false => ("location", place(rng)),
    };
    json!({"type": kind, name: id})
}

fn transaction(rng: &mut Rng) -> Value {
    let id = format!("urn:example:doc:{}", rng.u8(0..8));
    match rng.u8(0..3) {
        0 => json!({"bizTransaction": id}),
        _ => json!({"type": one(rng, &["po", "desadv", "inv"]), "bizTransaction": id}),
    }
}

fn time(rng: &mut Rng) -> Value {
    json!(format!("2026-11-{:02}T{:02}:30:00.{}Z", rng.u8(1..15), rng.u8(8..12), one(rng, &["000", "500"])))
}

fn sensor(rng: &mut Rng) -> Value {
    json!({
        "sensorMetadata": {"time": time(rng), "deviceID": format!("urn:example:device:{}", rng.u8(0..3)), "example:m": rng.u8(0..3)},
        "sensorReport": [{
            "type": one(rng, &["Temperature", "RelativeHumidity"]), "value": f64::from(rng.i8(-20..20)) / 4.0,
            "uom": one(rng, &["CEL", "FAH"]), "booleanValue": rng.bool(), "stringValue": one(rng, &["a", "b"]),
        }]
    })
}

/// One random event.
pub fn event(rng: &mut Rng) -> Value {
    let action = json!(one(rng, &["ADD", "OBSERVE", "DELETE"]));
    let mut event = match rng.u8(0..5) {
        0 => {
            json!({"type": "ObjectEvent", "action": action, "epcList": some(rng, epc, 4), "quantityList": some(rng, quantity, 2)})
        }
        1 => {
            json!({"type": "AggregationEvent", "action": action, "parentID": format!("urn:epc:id:sscc:9506000.123456789{}", rng.u8(0..4)),
            "childEPCs": [epc(rng)], "childQuantityList": some(rng, quantity, 2)})
        }
        2 => {
            json!({"type": "TransactionEvent", "action": action, "epcList": [epc(rng)], "bizTransactionList": [transaction(rng)],
            "quantityList": some(rng, quantity, 1)})
        }
        3 => json!({"type": "TransformationEvent", "inputEPCList": [epc(rng)], "outputEPCList": [epc(rng)],
            "inputQuantityList": some(rng, quantity, 2), "outputQuantityList": some(rng, quantity, 2),
            "transformationID": format!("urn:example:run:{}", rng.u8(0..3))}),
        _ => {
            json!({"type": "AssociationEvent", "action": action, "parentID": format!("urn:epc:id:grai:9506000.12345.{}", rng.u8(1..4)),
            "childEPCs": [epc(rng)], "childQuantityList": some(rng, quantity, 1)})
        }
    };
    if event["type"] == "ObjectEvent" && event["epcList"] == json!([]) && event["quantityList"] == json!([]) {
        event["epcList"] = json!([epc(rng)]);
    }
    event["eventTime"] = time(rng);
    event["eventTimeZoneOffset"] = json!("+01:00");
    let mut maybe = |rng: &mut Rng, name: &str, make: &dyn Fn(&mut Rng) -> Value| {
        if rng.u8(0..3) != 0 {
            event[name] = make(rng);
        }
    };
    maybe(rng, "bizStep", &|rng| json!(one(rng, &["commissioning", "shipping", "receiving", "packing"])));
    maybe(rng, "disposition", &|rng| json!(one(rng, &["active", "in_transit", "in_progress"])));
    maybe(rng, "readPoint", &|rng| json!({"id": place(rng), "example:gate": rng.u8(0..3)}));
    maybe(rng, "bizLocation", &|rng| json!({"id": place(rng)}));
    maybe(rng, "sourceList", &|rng| json!([party(rng, "source")]));
    maybe(rng, "destinationList", &|rng| json!([party(rng, "destination")]));
    maybe(rng, "example:temperature", &|rng| json!(f64::from(rng.i8(-9..9)) / 2.0));
    maybe(
        rng,
        "example:note",
        &|rng| json!([one(rng, &["x", "y", "2026-11-03T00:00:00Z", "7"]), {"example:deep": rng.u8(0..4)}]),
    );
    if event["type"] != "TransactionEvent" && rng.bool() {
        event["bizTransactionList"] = json!([transaction(rng)]);
    }
    if rng.u8(0..3) == 0 {
        event["persistentDisposition"] =
            json!({"set": [one(rng, &["conformant", "non_conformant"])], "unset": ["unknown"]});
    }
    if rng.u8(0..3) == 0 {
        event["sensorElementList"] = some(rng, sensor, 2);
        if event["sensorElementList"] == json!([]) {
            event["sensorElementList"] = json!([sensor(rng)]);
        }
    }
    let is_made =
        event["type"] == "TransformationEvent" || (event["type"] == "ObjectEvent" && event["action"] == "ADD");
    if is_made && rng.bool() {
        event["ilmd"] = json!({"example:lot": format!("L{}", rng.u8(0..4)), "example:weight": rng.u8(0..9)});
    }
    if rng.u8(0..12) == 0 {
        let (at, of) = (time(rng), format!("urn:example:event:{}", rng.u8(0..3)));
        event["errorDeclaration"] = json!({"declarationTime": at, "reason": one(rng, &["did_not_occur", "incorrect_data"]), "correctiveEventIDs": [of]});
    }
    event
}
