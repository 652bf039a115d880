//! What a statement says to have done with an id: one byte beside each leaf of the id's list.
//!
//! `docs/FORMATS.md`, "Acts", has the tables. An event's own words decide, never who signed it, so that every reader of a
//! statement finds the same byte. Part of the ledger's format: a change is a new index version.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use serde::{Deserialize, Serialize};

use crate::epcis::Event;
use crate::epcis::event::{Action, Part, What};
use crate::gs1::Id;

/// What the events of a statement say to have done with a subject, a bit for each act. None for kinds other than `id`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Acts(u8);

impl Acts {
    pub const NONE: Self = Self(0);
    /// Commissions it, or makes it of something else.
    pub const BRINGS_FORTH: Self = Self(0x01);
    pub const LETS_GO: Self = Self(0x02);
    pub const TAKES: Self = Self(0x04);
    /// Does anything else with it in hand, and says where.
    pub const HAS_IN_HAND: Self = Self(0x08);
    /// Ends its life in the chain.
    pub const ENDS: Self = Self(0x10);
    /// Packs or unpacks it, or something into it.
    pub const PACKS: Self = Self(0x20);
    /// Declares an error; the other bits stand as without it.
    pub const DECLARES_ERROR: Self = Self(0x40);
    /// The content is sealed, so that what it says is not known.
    pub const NOT_KNOWN: Self = Self(0x80);

    /// Takes a byte as a list entry holds it.
    pub const fn from_byte(byte: u8) -> Self {
        Self(byte)
    }

    pub const fn byte(self) -> u8 {
        self.0
    }

    /// What one event says to have done with `id`; none if no field of kind `id` has it.
    pub fn of(event: &Event, id: &Id) -> Self {
        let whole = of_whole(event);
        let mut parts = event.ids().filter(|(_, named)| *named == id).map(|(part, _)| part).peekable();
        if parts.peek().is_none() {
            return Self::NONE;
        }
        let begins = parts.any(|part| brings_forth(event, part));
        whole | if begins { Self::BRINGS_FORTH } else { otherwise(event) }
    }

    /// These bits and those of `other`.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Tells whether any bit of `other` is set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Tells whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These bits if `holds`, else none.
    const fn when(self, holds: bool) -> Self {
        if holds { self } else { Self::NONE }
    }
}

impl BitOr for Acts {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Acts {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Acts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Acts({:#04x})", self.0)
    }
}

/// What one event does with each id that it has in a field of kind `id`.
pub(super) fn of_event(event: &Event) -> BTreeMap<&Id, Acts> {
    let (whole, otherwise) = (of_whole(event), otherwise(event));
    let mut acts: BTreeMap<&Id, Acts> = BTreeMap::new();
    for (part, id) in event.ids() {
        *acts.entry(id).or_insert(whole) |= Acts::BRINGS_FORTH.when(brings_forth(event, part));
    }
    for acts in acts.values_mut().filter(|acts| !acts.contains(Acts::BRINGS_FORTH)) {
        *acts |= otherwise;
    }
    acts
}

/// What an event does with everything that it names.
fn of_whole(event: &Event) -> Acts {
    let reading = Reading::of(event);
    Acts::LETS_GO.when(reading == Reading::LetsGo)
        | Acts::TAKES.when(reading == Reading::Takes)
        | Acts::ENDS.when(ends(event))
        | Acts::PACKS.when(packs(event))
        | error_declaration(event)
}

/// What an event does with what it names and does not bring forth.
fn otherwise(event: &Event) -> Acts {
    let stated = event.read_point.is_some() || event.biz_location.is_some();
    Acts::HAS_IN_HAND.when(Reading::of(event) == Reading::HasInHand && stated)
}

/// The bit of an error declaration, which a class has that is named because of a recall alone too.
pub(super) fn error_declaration(event: &Event) -> Acts {
    Acts::DECLARES_ERROR.when(event.error_declaration.is_some())
}

/// What an event says about who has what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    LetsGo,
    Takes,
    TakesBack,
    FromAfar,
    HasInHand,
}

impl Reading {
    fn of(event: &Event) -> Self {
        match step(event) {
            "shipping" | "consigning" | "departing" => Self::LetsGo,
            "receiving" | "accepting" => Self::Takes,
            "void_shipping" => Self::TakesBack,
            "sensor_reporting" | "reserving" => Self::FromAfar,
            _ if event.declares("stolen") || matches!(event.what, What::Transaction { .. }) => Self::FromAfar,
            _ => Self::HasInHand,
        }
    }
}

fn step(event: &Event) -> &str {
    event.biz_step.as_ref().map_or("", |step| step.as_str())
}

/// Tells whether the event ends the life of what it names. A first dose of a package that holds more ends nothing.
fn ends(event: &Event) -> bool {
    let step = step(event);
    let finally = matches!(step, "destroying" | "retail_selling")
        || ["destroyed", "disposed", "retail_sold"].iter().any(|word| event.declares(word));
    let deleted = matches!(event.what, What::Object { action: Action::Delete, .. });
    finally
        || !event.declares("partially_dispensed")
            && (matches!(step, "dispensing" | "decommissioning")
                || event.declares("dispensed")
                || event.declares("inactive")
                || deleted)
}

/// Tells whether what plays `part` in the event begins with it (EPCIS 2.0 §7.4.2, §7.4.5).
fn brings_forth(event: &Event, part: Part) -> bool {
    match part {
        Part::Object => matches!(event.what, What::Object { action: Action::Add, .. }),
        Part::Output => true,
        Part::Parent | Part::Child | Part::Input => false,
    }
}

fn packs(event: &Event) -> bool {
    matches!(event.what, What::Aggregation { action: Action::Add | Action::Delete, .. })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::epcis::{Reader, read};

    const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/A1";
    const OTHER: &str = "https://id.gs1.org/01/09506000134352/21/B2";
    const PLACE: &str = "https://id.gs1.org/414/9506000134369";

    fn acts_on(id: &str, kind: &str, members: Value) -> u8 {
        let mut event = json!({
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"], "type": kind,
            "eventTime": "2026-03-01T08:00:00Z", "eventTimeZoneOffset": "+00:00",
        });
        for (name, value) in members.as_object().unwrap() {
            event[name] = value.clone();
        }
        let document = read(event.to_string().as_bytes(), Reader::Strict).unwrap();
        let [event] = &document.events[..] else { panic!("one event") };
        of_event(event)[&Id::parse(id).unwrap()].byte()
    }

    fn object(members: Value) -> u8 {
        let mut all = json!({"epcList": [ITEM], "action": "OBSERVE"});
        for (name, value) in members.as_object().unwrap() {
            all[name] = value.clone();
        }
        acts_on(ITEM, "ObjectEvent", all)
    }

    #[test]
    fn each_bit_says_one_thing() {
        let place = json!({"id": PLACE});
        for (members, expected) in [
            (json!({}), 0),
            (json!({"readPoint": place}), 0x08),
            (json!({"bizLocation": place, "bizStep": "storing"}), 0x08),
            (json!({"action": "ADD", "bizStep": "commissioning", "readPoint": place}), 0x01),
            (json!({"action": "ADD", "bizStep": "shipping", "readPoint": place}), 0x03),
            (json!({"bizStep": "departing", "readPoint": place}), 0x02),
            (json!({"bizStep": "cbv:BizStep-accepting"}), 0x04),
            (json!({"bizStep": "void_shipping", "readPoint": place}), 0),
            (json!({"bizStep": "sensor_reporting", "readPoint": place}), 0),
            (json!({"disposition": "stolen", "readPoint": place}), 0),
            (json!({"bizStep": "shipping", "disposition": "stolen"}), 0x02),
            (json!({"bizStep": "destroying", "readPoint": place}), 0x18),
            (json!({"action": "DELETE"}), 0x10),
            (json!({"action": "DELETE", "persistentDisposition": {"set": ["partially_dispensed"]}}), 0),
            (json!({"bizStep": "destroying", "disposition": "partially_dispensed"}), 0x10),
            (json!({"persistentDisposition": {"unset": ["inactive"]}}), 0),
            (json!({"errorDeclaration": {"declarationTime": "2026-03-02T08:00:00Z"}, "bizStep": "shipping"}), 0x42),
        ] {
            assert_eq!(object(members.clone()), expected, "{members}");
        }
    }

    #[test]
    fn the_type_of_the_event_and_the_part_in_it_count() {
        let place = json!({"id": PLACE});
        let packing = json!({"action": "ADD", "parentID": OTHER, "childEPCs": [ITEM], "readPoint": place});
        assert_eq!(acts_on(ITEM, "AggregationEvent", packing.clone()), 0x28);
        assert_eq!(acts_on(OTHER, "AggregationEvent", packing), 0x28);
        let seen = json!({"action": "OBSERVE", "parentID": OTHER, "childEPCs": [ITEM]});
        assert_eq!(acts_on(ITEM, "AggregationEvent", seen.clone()), 0);
        assert_eq!(acts_on(ITEM, "AssociationEvent", seen), 0);
        let order = json!({"type": "po", "bizTransaction": "urn:x:po"});
        let sale = |step| {
            json!({
                "action": "ADD", "bizTransactionList": [order], "epcList": [ITEM], "readPoint": place, "bizStep": step,
            })
        };
        assert_eq!(acts_on(ITEM, "TransactionEvent", sale("storing")), 0);
        assert_eq!(acts_on(ITEM, "TransactionEvent", sale("retail_selling")), 0x10);
        assert_eq!(acts_on(ITEM, "TransactionEvent", sale("shipping")), 0x02);
        let made = json!({"inputEPCList": [ITEM], "outputEPCList": [OTHER], "readPoint": place});
        assert_eq!(acts_on(ITEM, "TransformationEvent", made.clone()), 0x08);
        assert_eq!(acts_on(OTHER, "TransformationEvent", made), 0x01);
        let of_itself = json!({"inputEPCList": [ITEM], "outputEPCList": [ITEM], "readPoint": place});
        assert_eq!(acts_on(ITEM, "TransformationEvent", of_itself), 0x01);
    }
}
