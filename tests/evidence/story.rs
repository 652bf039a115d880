//! The things of a world, and the events that tell of them, each in one of the spellings that the standards allow.

use sealane_core::gs1::check_digit;
use sealane_core::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::dice::Dice;

/// A product or a container.
#[derive(Debug, Clone)]
pub struct Thing {
    pub name: Name,
    pub lot: Option<String>,
    /// Which party has it, by its number.
    pub holder: usize,
    /// What it lies in, by its number among the things.
    pub inside: Option<usize>,
    pub is_container: bool,
    /// Sold, or used up: nobody goes on with it.
    pub is_gone: bool,
    /// Where it is on its way to.
    pub sent_to: Option<usize>,
}

/// An id, of which some have several spellings.
#[derive(Debug, Clone)]
pub enum Name {
    /// Company prefix, item reference and serial.
    Item(&'static str, String, String),
    /// Company prefix and serial.
    Sscc(&'static str, String),
    Uri(String),
}

impl Name {
    pub fn canonical(&self) -> String {
        match self {
            Name::Item(_, _, serial) => format!("{}/21/{serial}", self.class().unwrap_or_default()),
            Name::Sscc(prefix, serial) => {
                let digits = format!("0{prefix}{serial}");
                format!("https://id.gs1.org/00/{digits}{}", check_digit(&digits).unwrap())
            }
            Name::Uri(uri) => uri.clone(),
        }
    }

    /// The class of an item.
    pub fn class(&self) -> Option<String> {
        let Name::Item(prefix, reference, _) = self else { return None };
        let digits = format!("0{prefix}{reference}");
        Some(format!("https://id.gs1.org/01/{digits}{}", check_digit(&digits).unwrap()))
    }

    pub fn spelled(&self, dice: &mut Dice) -> String {
        let canonical = self.canonical();
        match (self, dice.below(4)) {
            (Name::Item(prefix, reference, serial), 0) => format!("urn:epc:id:sgtin:{prefix}.0{reference}.{serial}"),
            (Name::Sscc(prefix, serial), 0) => format!("urn:epc:id:sscc:{prefix}.0{serial}"),
            (Name::Item(..) | Name::Sscc(..), 1) => {
                canonical.replace("https://id.gs1.org/", "https://shop.example/p/") + "?seen=1"
            }
            _ => canonical,
        }
    }
}

/// The class of a lot.
pub fn lot_id(class: &str, lot: &str) -> String {
    format!("{class}/10/{lot}")
}

/// An event of these members; `null` leaves one out. Its time is written with any offset.
pub fn event(dice: &mut Dice, kind: &str, time: Timestamp, members: Value) -> Value {
    let offset = *dice.pick(&["+00:00", "+09:00", "-05:30", "+05:45"]);
    let minutes = |text: &str| -> i64 {
        let sign = if text.starts_with('-') { -1 } else { 1 };
        sign * (text[1..3].parse::<i64>().unwrap() * 60 + text[4..6].parse::<i64>().unwrap())
    };
    let local = time.plus_millis(minutes(offset) * 60_000).to_string();
    let mut all = Map::new();
    all.insert("type".to_owned(), json!(kind));
    all.insert("eventTime".to_owned(), json!(local.replace('Z', offset)));
    all.insert("eventTimeZoneOffset".to_owned(), json!(offset));
    all.extend(members.as_object().unwrap().clone());
    if dice.percent(40) {
        let id = format!("{:016x}{:016x}", dice.next(), dice.next());
        let uuid = format!("urn:uuid:{}-{}-4{}-8{}-{}", &id[..8], &id[8..12], &id[13..16], &id[17..20], &id[20..]);
        all.insert("eventID".to_owned(), json!(uuid));
    }
    all.retain(|_, value| !value.is_null());
    Value::Object(all)
}

/// The same event again, as one that declares an error in it.
pub fn withdrawn(event: &Value, declared: Timestamp) -> Value {
    let mut again = event.clone();
    again["errorDeclaration"] = json!({"declarationTime": declared.to_string(), "reason": "did_not_occur"});
    again
}
