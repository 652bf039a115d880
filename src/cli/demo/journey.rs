//! The journey that the demo plays: a medicine from the plant to two pharmacies, and a counterfeit with a copied code. Later
//! steps are for members of which some are away.
//!
//! The keys lie under GS1's own sample prefixes 950 and 952, which no company is given.

use serde_json::{Value, json};

use sealane_core::time::Timestamp;

/// The genuine box: made, shipped, received, on the shelf.
pub const GENUINE: &str = "https://id.gs1.org/01/09506000134352/21/7H3KX9QZ2M";

/// The box whose code a counterfeiter has copied onto another one.
pub const CLONED: &str = "https://id.gs1.org/01/09506000134352/21/4W8RT5VN6C";

/// What both are a piece of.
const PRODUCT: &str = "https://id.gs1.org/01/09506000134352";

const CASE: &str = "https://id.gs1.org/00/095060001000000012";

/// An organisation of the journey.
pub struct DemoActor {
    pub directory: &'static str,
    pub name: &'static str,
    pub role: &'static str,
    pub city: &'static str,
    pub prefix: &'static str,
    pub gln: &'static str,
}

impl DemoActor {
    fn place(&self) -> String {
        format!("https://id.gs1.org/414/{}", self.gln)
    }
}

pub const ACTORS: [DemoActor; 4] = [
    DemoActor {
        directory: "manufacturer",
        name: "Nordlys Pharma",
        role: "manufacturer",
        city: "Bergen",
        prefix: "9506000",
        gln: "9506000134369",
    },
    DemoActor {
        directory: "shipper",
        name: "Havvei Logistics",
        role: "shipper",
        city: "Rotterdam",
        prefix: "9521000",
        gln: "9521000000018",
    },
    DemoActor {
        directory: "distributor",
        name: "Hansung Medical",
        role: "distributor",
        city: "Seoul",
        prefix: "9522000",
        gln: "9522000000015",
    },
    DemoActor {
        directory: "second-distributor",
        name: "Costa Farma",
        role: "distributor",
        city: "Lisbon",
        prefix: "9523000",
        gln: "9523000000012",
    },
];

/// What an event is about and how.
enum What {
    /// Both boxes, or one of those that follow.
    Made {
        ids: &'static [&'static str],
        lot: &'static str,
    },
    Packed,
    Moved {
        ids: &'static [&'static str],
        step: &'static str,
        disposition: &'static str,
        to: Option<&'static str>,
    },
}

/// One event of the journey.
pub struct JourneyStep {
    pub actor: &'static str,
    pub told: &'static str,
    days_ago: i64,
    hour: i64,
    what: What,
}

const BOTH: &[&str] = &[GENUINE, CLONED];

/// Boxes of a later lot.
const LATER: [&[&str]; 3] = [
    &["https://id.gs1.org/01/09506000134352/21/8C3FQ6YT1B"],
    &["https://id.gs1.org/01/09506000134352/21/5N9DS2WK7J"],
    &["https://id.gs1.org/01/09506000134352/21/2G6PX4ZL0R"],
];

/// The journey in order of time.
pub fn steps() -> Vec<JourneyStep> {
    let moved = |ids, step, disposition, to| What::Moved { ids, step, disposition, to };
    vec![
        JourneyStep {
            actor: "manufacturer",
            told: "commissions two boxes of Nordlys 20 mg, lot N2611",
            days_ago: 20,
            hour: 8,
            what: What::Made { ids: BOTH, lot: "N2611" },
        },
        JourneyStep {
            actor: "manufacturer",
            told: "packs them into a case",
            days_ago: 19,
            hour: 9,
            what: What::Packed,
        },
        JourneyStep {
            actor: "manufacturer",
            told: "ships them to Hansung Medical",
            days_ago: 18,
            hour: 7,
            what: moved(BOTH, "shipping", "in_transit", Some("9522000000015")),
        },
        JourneyStep {
            actor: "shipper",
            told: "loads them at Bergen",
            days_ago: 18,
            hour: 10,
            what: moved(BOTH, "loading", "in_transit", None),
        },
        JourneyStep {
            actor: "shipper",
            told: "unloads them at Incheon",
            days_ago: 6,
            hour: 3,
            what: moved(BOTH, "unloading", "in_transit", None),
        },
        JourneyStep {
            actor: "distributor",
            told: "receives them in Seoul",
            days_ago: 5,
            hour: 2,
            what: moved(BOTH, "receiving", "in_progress", None),
        },
        JourneyStep {
            actor: "distributor",
            told: "puts both boxes on the shelf",
            days_ago: 4,
            hour: 1,
            what: moved(BOTH, "stocking", "sellable_accessible", None),
        },
        JourneyStep {
            actor: "second-distributor",
            told: "receives a box with one of these codes, in Lisbon",
            days_ago: 3,
            hour: 11,
            what: moved(&[CLONED], "receiving", "in_progress", None),
        },
        JourneyStep {
            actor: "distributor",
            told: "counts its stock in Seoul: both boxes are there",
            days_ago: 1,
            hour: 1,
            what: moved(BOTH, "stock_taking", "sellable_accessible", None),
        },
    ]
}

/// What goes on while a member is away: today's work of the manufacturer.
pub fn later_steps() -> Vec<JourneyStep> {
    let made = |ids| JourneyStep {
        actor: "manufacturer",
        told: "commissions a box of lot N2612",
        days_ago: 0,
        hour: 0,
        what: What::Made { ids, lot: "N2612" },
    };
    LATER.into_iter().map(made).collect()
}

/// What has to wait while too many members are away.
pub fn waiting_step() -> JourneyStep {
    JourneyStep {
        actor: "distributor",
        told: "counts its stock in Seoul again",
        days_ago: 0,
        hour: 0,
        what: What::Moved { ids: BOTH, step: "stock_taking", disposition: "sellable_accessible", to: None },
    }
}

impl JourneyStep {
    /// When it happened, told from the day of the demo.
    pub fn time(&self, today: Timestamp) -> Timestamp {
        const HOUR_MS: i64 = 60 * 60 * 1000;
        const DAY_MS: i64 = 24 * HOUR_MS;
        let midnight = today.plus_millis(-today.millis().rem_euclid(DAY_MS));
        midnight.plus_millis(-self.days_ago * DAY_MS + self.hour * HOUR_MS)
    }

    /// The EPCIS document that `actor` signs.
    pub fn document(&self, actor: &DemoActor, today: Timestamp) -> Value {
        let mut document = json!({
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": today.to_string(),
            "epcisBody": {"eventList": [self.event(actor, today)]},
        });
        let vocabularies = self.master_data(actor);
        if !vocabularies.is_empty() {
            document["epcisHeader"] = json!({"epcisMasterData": {"vocabularyList": vocabularies}});
        }
        document
    }

    /// What the actor says of its product and its place, where it first names them.
    fn master_data(&self, actor: &DemoActor) -> Vec<Value> {
        let about = |vocabulary: &str, id: &str, attributes: Value| {
            json!({"type": format!("urn:epcglobal:epcis:vtype:{vocabulary}"),
                "vocabularyElementList": [{"id": id, "attributes": attributes}]})
        };
        let product = || {
            let name = |language: &str, text: &str| json!({"id": "gs1:productName", "attribute": {"@value": text, "@language": language}});
            let names = [name("en", "Nordlys 20 mg, 30 tablets"), name("ko", "노들리스 20 mg, 30정")];
            about("EPCClass", PRODUCT, json!(names))
        };
        let place = || {
            let name = format!("{}, {}", actor.name, actor.city);
            about("Location", &actor.place(), json!([{"id": "cbvmda:name", "attribute": name}]))
        };
        match &self.what {
            What::Made { .. } => vec![product(), place()],
            What::Moved { step: "receiving", .. } => vec![place()],
            _ => Vec::new(),
        }
    }

    fn event(&self, actor: &DemoActor, today: Timestamp) -> Value {
        let time = self.time(today).to_string();
        let place = json!({"id": actor.place()});
        let mut event = match &self.what {
            What::Made { ids, lot } => json!({
                "type": "ObjectEvent", "action": "ADD", "bizStep": "commissioning", "disposition": "active",
                "epcList": ids,
                "ilmd": {"cbvmda:lotNumber": lot, "cbvmda:itemExpirationDate": "2031-11-30"},
            }),
            What::Packed => json!({
                "type": "AggregationEvent", "action": "ADD", "bizStep": "packing", "disposition": "in_progress",
                "parentID": CASE, "childEPCs": BOTH,
            }),
            What::Moved { ids, step, disposition, to } => {
                let mut event = json!({
                    "type": "ObjectEvent", "action": "OBSERVE", "bizStep": step, "disposition": disposition,
                    "epcList": ids,
                });
                if let Some(to) = to {
                    let party = |gln: &str| format!("https://id.gs1.org/417/{gln}");
                    event["sourceList"] = json!([{"type": "possessing_party", "source": party(actor.gln)}]);
                    event["destinationList"] = json!([{"type": "possessing_party", "destination": party(to)}]);
                }
                event
            }
        };
        event["eventTime"] = json!(time);
        event["eventTimeZoneOffset"] = json!("+00:00");
        event["readPoint"] = place.clone();
        if !matches!(self.what, What::Moved { step: "shipping" | "loading", .. }) {
            event["bizLocation"] = place;
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealane_core::epcis::{Reader, read};
    use sealane_core::gs1::{Gln, Id};

    #[test]
    fn every_document_of_the_journey_is_valid_epcis() {
        let today: Timestamp = "2026-11-21T09:30:00Z".parse().unwrap();
        for step in steps().into_iter().chain(later_steps()).chain([waiting_step()]) {
            let actor = ACTORS.iter().find(|actor| actor.directory == step.actor).unwrap();
            let document = step.document(actor, today).to_string();
            let read = read(document.as_bytes(), Reader::Strict).unwrap();
            assert_eq!(read.events.len(), 1, "{}", step.told);
            let has_names = matches!(step.what, What::Made { .. } | What::Moved { step: "receiving", .. });
            assert_eq!(read.master_data.is_empty(), !has_names, "{}", step.told);
        }
    }

    #[test]
    fn the_keys_have_right_check_digits() {
        for actor in &ACTORS {
            actor.gln.parse::<Gln>().unwrap();
        }
        for id in [GENUINE, CLONED, CASE].into_iter().chain(LATER.into_iter().flatten().copied()) {
            assert_eq!(Id::parse(id).unwrap().as_str(), id);
        }
    }
}
