//! What of an event can be asked for: its keys, by field.

use std::collections::BTreeSet;

use super::{Field, Key, canonical};
use crate::epcis::context::Prefixes;
use crate::epcis::event::{Event, Part, What};
use crate::epcis::schema::is_standard_term;
use crate::json::{Decimal, Json, Object};
use crate::time::Timestamp;

/// What stands before a name of no standard, so that it is never taken for one.
pub(super) const EXTENSION: &str = "+";

/// What stands before a name within another one of no standard.
pub(super) const INNER: &str = "INNER_";

/// The members of a sensor report and its metadata that are texts or words, and the fields that they are asked for by.
const SENSOR_TEXTS: [(&str, &str); 9] = [
    ("type", "sensorType"),
    ("deviceID", "deviceID"),
    ("dataProcessingMethod", "dataProcessingMethod"),
    ("microorganism", "microorganism"),
    ("chemicalSubstance", "chemicalSubstance"),
    ("bizRules", "bizRules"),
    ("stringValue", "stringValue"),
    ("hexBinaryValue", "hexBinaryValue"),
    ("uriValue", "uriValue"),
];

const SENSOR_TIMES: [&str; 3] = ["time", "startTime", "endTime"];

/// The numbers of a sensor report that have its unit.
pub(super) const SENSOR_NUMBERS: [&str; 6] = ["value", "minValue", "maxValue", "meanValue", "sDev", "percValue"];

/// The keys of one event, by field. Each stands once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFacts(BTreeSet<(Field, Key)>);

impl EventFacts {
    /// Takes the facts of an event: `written` is its JSON as it was captured, `context` the `@context` of its document if it has one
    /// there, and `recorded` its block's time.
    pub fn of(event: &Event, written: &Json, context: Option<&Json>, recorded: Timestamp) -> Self {
        let mut facts = Self::default();
        let contexts = context.into_iter().chain(written.get("@context"));
        let prefixes = contexts.fold(Prefixes::default(), |prefixes, context| prefixes.with(context));
        facts.add_standard(event, recorded, &prefixes);
        written.as_object().into_iter().for_each(|members| facts.add_written(members, &prefixes));
        facts
    }

    pub fn iter(&self) -> impl Iterator<Item = &(Field, Key)> {
        self.0.iter()
    }

    /// The keys of a field.
    pub fn keys<'a>(&'a self, field: &'a Field) -> impl Iterator<Item = &'a Key> {
        // The keys of one field stand together, from its least one on.
        let from = (field.clone(), Key::from_bytes(Vec::new()));
        self.0.range(from..).take_while(move |(one, _)| one == field).map(|(_, key)| key)
    }

    fn add(&mut self, field: impl Into<String>, key: Key) {
        self.add_to(&Field::new(field), key);
    }

    fn add_to(&mut self, field: &Field, key: Key) {
        self.0.insert((field.clone(), key));
    }

    fn add_text(&mut self, field: impl Into<String>, text: &str) {
        self.add(field, Key::text(text));
    }

    fn add_standard(&mut self, event: &Event, recorded: Timestamp, prefixes: &Prefixes) {
        self.add(Field::EVENT_TIME, Key::moment(event.event_time));
        self.add(Field::RECORD_TIME, Key::moment(recorded));
        self.add_text("eventID", &event.event_id.uri);
        self.add_text("eventType", event.type_name());
        event.biz_step.iter().for_each(|step| self.add_text("bizStep", &prefixes.name(step.as_str())));
        event.disposition.iter().for_each(|one| self.add_text("disposition", &prefixes.name(one.as_str())));
        let texts = [
            ("action", event.action().map(|action| action.as_str())),
            ("readPoint", event.read_point.as_ref().map(|id| id.as_str())),
            ("bizLocation", event.biz_location.as_ref().map(|id| id.as_str())),
            ("transformationID", event.transformation_id().map(|id| id.as_str())),
        ];
        for (field, text) in texts {
            text.into_iter().for_each(|text| self.add_text(field, text));
        }
        let persistent = &event.persistent_disposition;
        for (field, list) in
            [("persistentDisposition_set", &persistent.set), ("persistentDisposition_unset", &persistent.unset)]
        {
            list.iter().for_each(|one| self.add_text(field, &prefixes.name(one.as_str())));
        }
        for (part, id) in event.epcs() {
            self.add_text(epc_field(part), id.as_str());
        }
        for (part, id) in event.epc_classes() {
            self.add_text(class_field(part), id.as_str());
        }
        for one in &event.biz_transactions {
            let kind = one.kind.as_deref().map(|kind| prefixes.name(kind));
            self.add_with_kind("bizTransaction", kind.as_deref(), &canonical(&one.id));
        }
        for (field, list) in [("source", &event.sources), ("destination", &event.destinations)] {
            list.iter().for_each(|one| self.add_with_kind(field, Some(&prefixes.name(&one.kind)), one.id.as_str()));
        }
        self.add_quantities(&event.what);
        if let Some(error) = &event.error_declaration {
            self.add("errorDeclaration", Key::present());
            self.add("errorDeclarationTime", Key::moment(error.declaration_time));
            error.reason.iter().for_each(|reason| self.add_text("errorReason", &prefixes.name(reason)));
            error.corrective_event_ids.iter().for_each(|id| self.add_text("correctiveEventID", id));
        }
    }

    /// A text by its field, and by the field of its type.
    fn add_with_kind(&mut self, field: &str, kind: Option<&str>, text: &str) {
        self.add_text(field, text);
        kind.into_iter().for_each(|kind| self.add_text(format!("{field}_{kind}"), text));
    }

    fn add_quantities(&mut self, what: &What) {
        let (first, second): (&[_], &[_]) = match what {
            What::Object { quantities, .. } | What::Transaction { quantities, .. } => (quantities, &[]),
            What::Aggregation { child_quantities, .. } | What::Association { child_quantities, .. } => {
                (child_quantities, &[])
            }
            What::Transformation { input_quantities, output_quantities, .. } => (input_quantities, output_quantities),
        };
        for quantity in first.iter().chain(second) {
            let number = quantity.quantity.as_deref().and_then(Decimal::parse);
            if let Some(number) = number {
                self.add("quantity", Key::number(&number));
                quantity.uom.iter().for_each(|uom| self.add(format!("quantity_{uom}"), Key::number(&number)));
            }
        }
    }

    /// What the typed event does not have: sensors, and names of no standard.
    fn add_written(&mut self, event: &Object, prefixes: &Prefixes) {
        self.add_extensions("", event, prefixes);
        for (member, kind) in [
            ("ilmd", "ILMD_"),
            ("errorDeclaration", "ERROR_DECLARATION_"),
            ("readPoint", "readPoint_"),
            ("bizLocation", "bizLocation_"),
        ] {
            let inside = event.get(member).and_then(Json::as_object);
            inside.into_iter().for_each(|inside| self.add_extensions(kind, inside, prefixes));
        }
        for element in event.get("sensorElementList").and_then(Json::as_array).into_iter().flatten() {
            self.add("sensorElementList", Key::present());
            self.add_sensor_element(element, prefixes);
        }
    }

    fn add_sensor_element(&mut self, element: &Json, prefixes: &Prefixes) {
        let Some(members) = element.as_object() else { return };
        self.add_extensions("SENSORELEMENT_", members, prefixes);
        let metadata = members.get("sensorMetadata").and_then(Json::as_object);
        let reports =
            members.get("sensorReport").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_object);
        for (kind, part) in
            metadata.map(|one| ("SENSORMETADATA_", one)).into_iter().chain(reports.map(|one| ("SENSORREPORT_", one)))
        {
            self.add_extensions(kind, part, prefixes);
            self.add_sensor_values(part, prefixes);
        }
    }

    fn add_sensor_values(&mut self, part: &Object, prefixes: &Prefixes) {
        for (member, field) in SENSOR_TEXTS {
            if let Some(text) = part.get(member).and_then(Json::as_str) {
                self.add_text(field, &sensor_text(field, text, prefixes));
            }
        }
        for member in SENSOR_TIMES {
            let time = part.get(member).and_then(Json::as_str).and_then(|text| text.parse().ok());
            time.into_iter().for_each(|time| self.add(member, Key::moment(time)));
        }
        if let Some(Json::Bool(truth)) = part.get("booleanValue") {
            self.add_text("booleanValue", if *truth { "true" } else { "false" });
        }
        if let Some(Json::Number(number)) = part.get("percRank") {
            self.add("percRank", Key::number(number));
        }
        let uom = part.get("uom").and_then(Json::as_str);
        for member in SENSOR_NUMBERS {
            if let Some(Json::Number(number)) = part.get(member) {
                self.add(member, Key::number(number));
                uom.into_iter().for_each(|uom| self.add(format!("{member}_{uom}"), Key::number(number)));
            }
        }
    }

    /// The members of no standard, and what is within them.
    fn add_extensions(&mut self, kind: &str, members: &Object, prefixes: &Prefixes) {
        for (name, value) in members {
            if !name.starts_with('@') && (name.contains(':') || !is_standard_term(name)) {
                self.add_value(&Field::new(format!("{EXTENSION}{kind}{}", prefixes.name(name))), value);
                self.add_inner(&format!("{EXTENSION}{INNER}{kind}"), value, prefixes);
            }
        }
    }

    fn add_inner(&mut self, start: &str, value: &Json, prefixes: &Prefixes) {
        match value {
            Json::Array(items) => items.iter().for_each(|item| self.add_inner(start, item, prefixes)),
            Json::Object(members) => {
                for (name, value) in members.iter().filter(|(name, _)| !name.starts_with('@')) {
                    self.add_value(&Field::new(format!("{start}{}", prefixes.name(name))), value);
                    self.add_inner(start, value, prefixes);
                }
            }
            _ => {}
        }
    }

    /// A value under a field: the field is there, and what it is equal to.
    fn add_value(&mut self, field: &Field, value: &Json) {
        self.add_to(field, Key::present());
        match value {
            Json::Array(items) => items.iter().for_each(|item| self.add_value(field, item)),
            // JSON-LD 1.1 §4.2.1: a value with its type or language.
            Json::Object(members) => match (members.get("@value"), members.get("@id")) {
                (Some(value), _) | (None, Some(value)) => self.add_value(field, value),
                (None, None) => {}
            },
            Json::String(text) => values_of(text).into_iter().for_each(|key| self.add_to(field, key)),
            Json::Number(number) => {
                self.add_to(field, Key::text(number.as_str()));
                self.add_to(field, Key::number(number));
            }
            Json::Bool(truth) => self.add_to(field, Key::text(if *truth { "true" } else { "false" })),
            Json::Null => {}
        }
    }
}

/// The keys that a text is equal to: its own, and that of the number or the moment that it writes.
pub(super) fn values_of(text: &str) -> Vec<Key> {
    let mut keys = vec![Key::text(text)];
    keys.extend(Decimal::parse(text).map(|number| Key::number(&number)));
    keys.extend(text.parse().ok().map(Key::moment));
    keys
}

/// The one spelling of a text of a sensor, by which it is compared.
pub(super) fn sensor_text(field: &str, text: &str, prefixes: &Prefixes) -> String {
    match field {
        "stringValue" => text.to_owned(),
        "hexBinaryValue" => text.to_ascii_uppercase(),
        "sensorType" => {
            crate::epcis::vocabulary::MEASUREMENT_TYPES.word(text).map_or_else(|| prefixes.name(text), str::to_owned)
        }
        _ => canonical(&prefixes.name(text)),
    }
}

const fn epc_field(part: Part) -> &'static str {
    match part {
        Part::Object | Part::Child => "epc",
        Part::Parent => "parentID",
        Part::Input => "inputEPC",
        Part::Output => "outputEPC",
    }
}

const fn class_field(part: Part) -> &'static str {
    match part {
        Part::Object | Part::Child | Part::Parent => "epcClass",
        Part::Input => "inputEPCClass",
        Part::Output => "outputEPCClass",
    }
}
